/* What few files of the shim share. */
#pragma once
#include "base/types.h"

int table_start(void);
void rung_by_close(void);          /* a hang-up of ours may be on its way to the engine: synchrony covers it */
