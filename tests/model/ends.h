/* What the plays about channels do alike: programs as in the shim, the engine as in direct_unix.c and idle.c. */
#pragma once
#include "channel/channel.h"
#include "channel/engine_side.h"
#include "sim.h"

/* A play begins: its pool is made, what segments give back reads as scrap while a schedule runs, and every word counts. */
void pool_begin(struct seg_pool *pool, struct arena *arena, int scrap);
void bump(struct direction *d);                          /* wakes who waits on it */
void wait_on(struct direction *d, uint32_t seen);
bool chains_are_short(struct seg_pool *pool, struct direction *d, struct tx_side *tx, struct rx_side *rx); /* the direct path may begin */
void rest_ends(struct seg_pool *pool, struct direction *d, struct tx_side *tx, struct rx_side *rx);        /* whether the flow is idle or not */
void free_of_victim(struct chan_lock *lock);             /* nobody is woken */
