/* What the files of the engine's side ask of each other. */
#pragma once
#include "channel/engine_side.h"

uint32_t seg_alloc(struct seg_pool *p, uint32_t size);     /* with one reference; 0: there is none */
void seg_free(struct seg_pool *p, uint32_t i);             /* gives up a reference */
uint8_t *seg_data(struct seg_pool *p, uint32_t i);
void seg_end(struct seg_pool *p, uint32_t i, bool of_program);
bool seg_is_held(struct seg_pool *p, uint32_t i);           /* an inbox that a program is in the middle of writing to */
void records_see(struct seg_pool *p, uint32_t i, void (*see)(void *user, const struct record *r), void *user);   /* all that are unread in a shared segment */
uint32_t seg_shared_used(struct seg_pool *p, uint32_t i);
void rx_append(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint32_t i);
