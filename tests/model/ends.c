/* See ends.h. */
#include "ends.h"
#include <stdlib.h>

static struct { struct arena *arena; int scrap; } given;

static void punch(void *user, uint64_t offset, uint64_t len)
{
	(void)user;
	if (sim.running) memset((uint8_t *)given.arena + offset, given.scrap, len);
}

void pool_begin(struct seg_pool *pool, struct arena *arena, int scrap)
{
	given.arena = arena;
	given.scrap = scrap;
	if (pool_init(pool, arena, punch, NULL) < 0) exit(1);
	sim.skip_from = sim.skip_to = NULL;
}

void bump(struct direction *d)
{
	shared_add32(&d->seq, 1);
	if (shared_load32(&d->waiters) != 0) wake_all(&d->seq);
}

void wait_on(struct direction *d, uint32_t seen)
{
	shared_add32(&d->waiters, 1);
	sleep_on(&d->seq, seen);
	shared_add32(&d->waiters, UINT32_MAX);
}

bool chains_are_short(struct seg_pool *pool, struct direction *d, struct tx_side *tx, struct rx_side *rx)
{
	if (tx->first != tx->last) return false;
	if (tx->oldest != tx->last && chan_trylock(&d->lock, LOCK_ENGINE)) {
		tx_skip(d, tx);
		chan_unlock(&d->lock, futex);
	}
	if (tx_retire(pool, d, tx) < 0) die("a send ring that can't be");
	return tx->oldest == tx->last && rx->first == rx->last;
}

void rest_ends(struct seg_pool *pool, struct direction *d, struct tx_side *tx, struct rx_side *rx)
{
	rx_rest(pool, rx);
	if (!chan_trylock(&d->lock, LOCK_ENGINE)) return;
	tx_rest(pool, tx);
	chan_unlock(&d->lock, futex);
}

void free_of_victim(struct chan_lock *lock)
{
	if ((shared_get32(&lock->word) & ~LOCK_CONTENDED) == 1 + (uint32_t)sim.victim) shared_swap32(&lock->word, 0);
}
