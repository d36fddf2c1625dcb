/*
 * Connections that do nothing hold no memory for octets. A ring keeps its place and its positions, and only its pages go back to the kernel:
 *
 *     pumped ─► warm ─ at the next tick ─► cooling ─ at the one after: do its rings stand where they stood, and drained?
 *                 ▲                                     yes: pages are given back, segments are cold
 *                 └──────────── no ─────────────────────┘
 *
 * What is unread may stay so for ever, and who reads it past us says nothing. So while nothing happens, each tick comes twice as late as the one
 * before: pages stay about as long after the last octet was read as that had to wait. When the last one has come to rest, so have the segments that
 * nobody uses, and what the engine itself had for packets.
 *
 * What is written next finds pages of zeros. The program that writes to a cold segment clears the mark and tells the engine, once, which pumps the
 * socket; so an idle net has no ticks. Nobody may be in the middle of writing: the engine takes the direction's lock for that moment, if it is free,
 * and never waits for it. Should it die meanwhile, the guard opens it.
 */
#include "channel/channel.h"
#include "engine/private.h"
#include "host/futex.h"
#include "host/memory.h"

#define TICK_NS (500 * NS_PER_MS)
#define LOOKS_MAX 256              /* in one turn */

static long wake_only(_Atomic uint32_t *word, int op, uint32_t n, const void *timeout)
{
	(void)op, (void)timeout;
	futex_wake(word, (int)n);
	return 0;
}

void engine_unlock(struct chan_lock *l) { chan_unlock(l, wake_only); }

static void warm(struct engine *e, struct esock *es)
{
	if (!list_empty(&es->warm)) return;
	es->stand = flow_stand(&e->pool, &es->rx, &es->tx);
	list_append(&e->warm, &es->warm);
}

void idle_note(struct engine *e, struct esock *es)
{
	if (es->rx.first == 0 && es->tx.first == 0) return;
	warm(e, es);
	e->idle_wait = TICK_NS;
	e->idle_due = MIN(e->idle_due, e->now + TICK_NS);
}

/* false: something is unread, or a program is writing. */
static bool rest(struct engine *e, struct esock *es)
{
	struct chan_lock *lock = &esock_channel(e, es)->tx.lock;
	if (rx_used(&e->pool, &es->rx) == 0) inbox_shut(e, es);
	bool all = rx_rest(&e->pool, &es->rx);
	if (es->tx.first == 0) return all;
	if (!chan_trylock(lock, LOCK_ENGINE)) return false;
	all &= tx_rest(&e->pool, &es->tx);
	engine_unlock(lock);
	return all;
}

static void tick(struct engine *e)
{
	for (struct list *l; (l = list_pop(&e->warm));) list_append(&e->cooling, l);
	e->idle_due = list_empty(&e->cooling) ? TIME_NEVER : e->now + e->idle_wait;
	e->idle_wait *= 2;
	if (!list_empty(&e->cooling)) return;
	pool_rest(&e->pool);
	memory_trim();
}

void idle_look(struct engine *e)
{
	if (e->idle_due > e->now) return;
	for (int i = 0; i < LOOKS_MAX && !list_empty(&e->cooling); i++) {
		struct esock *es = list_first(&e->cooling, struct esock, warm);
		bool stands = flow_stand(&e->pool, &es->rx, &es->tx) == es->stand;
		list_remove(&es->warm);
		if (!stands) esock_queue(e, es);   /* recycles what its programs have left meanwhile, and notes it again */
		else if (!rest(e, es)) warm(e, es);
	}
	if (list_empty(&e->cooling)) tick(e);
}
