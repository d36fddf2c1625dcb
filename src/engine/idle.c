/*
 * Connections that do nothing hold no memory for octets. A ring keeps its place and its positions, and only its pages go back to the kernel:
 *
 *     pumped ──► warm ── a second ──► where do its rings stand? ── elsewhere, or something is unread ──► warm
 *                                       └─ where they stood, and drained ──► pages given back, segments cold
 *
 * When the last one has come to rest, so have the segments that nobody uses. What is written next finds pages of zeros. The program that writes to
 * a cold segment clears the mark and tells the engine, once, which pumps the socket; so an idle net needs no timer. Nobody may be in the middle of
 * writing: the engine takes the direction's lock for that moment, if it is free, and never waits for it. Should it die meanwhile, the guard opens it.
 */
#include "channel/channel.h"
#include "engine/private.h"
#include "host/futex.h"

#define REST_NS NS_PER_S
#define LOOKS_MAX 256              /* in one turn */

static long wake_only(_Atomic uint32_t *word, int op, uint32_t n, const void *timeout)
{
	(void)op, (void)timeout;
	futex_wake(word, (int)n);
	return 0;
}

void idle_note(struct engine *e, struct esock *es)
{
	if (!list_empty(&es->warm) || (es->rx.first == 0 && es->tx.first == 0)) return;
	es->warm_due = e->now + REST_NS;
	list_append(&e->warm, &es->warm);
}

time_ns idle_deadline(const struct engine *e)
{
	return list_empty(&e->warm) ? TIME_NEVER : list_first(&e->warm, struct esock, warm)->warm_due;
}

/* false: something is unread, or a program is writing. */
static bool rest(struct engine *e, struct esock *es)
{
	struct chan_lock *lock = &esock_channel(e, es)->tx.lock;
	bool all = rx_rest(&e->pool, &es->rx);
	if (es->tx.first == 0) return all;
	if (!chan_trylock(lock, LOCK_ENGINE)) return false;
	all &= tx_rest(&e->pool, &es->tx);
	chan_unlock(lock, wake_only);
	return all;
}

void idle_look(struct engine *e)
{
	for (int i = 0; i < LOOKS_MAX && idle_deadline(e) <= e->now; i++) {
		struct esock *es = list_first(&e->warm, struct esock, warm);
		uint32_t stand = flow_stand(&e->pool, &es->rx, &es->tx);
		bool stands = stand == es->stand;
		es->stand = stand;
		list_remove(&es->warm);
		if (!stands || !rest(e, es)) idle_note(e, es);
		if (list_empty(&e->warm)) pool_rest(&e->pool);
	}
}
