/* What few files of the shim share. */
#pragma once
#include "base/types.h"

int table_start(void);
int pin_start(void);
void table_closing(int fd);        /* just before a close: forgotten, and kept for the calls that are on it */
void pin_closing(int fd, uint32_t channel);
void pins_forked(void);
void rung_by_close(void);          /* a hang-up of ours may be on its way to the engine: synchrony covers it */
