/*
 * The direct path between the two ends of a Unix stream. There is no way between them that could do anything to what goes by, so it is left only for
 * what a ring cannot carry: descriptors, credentials, an octet out of band. The stack's queue has that, in its place:
 *
 *     entered    the receiver's queue is empty, both chains are one segment long: the segment that A writes to is linked to B's chain, as for TCP
 *     left       what B has not read there comes to the end of its queue, as one message, and what comes now follows it: SEND and RECV calls
 *
 * Each way is entered and left by itself. In between nothing goes through the stack but what a program had in hand when its segment was ended. A program that
 * finds its ring empty asks the engine unless CHS_DIRECT says that there can be nothing (shim/unix_sock.c). Octets are taken back under the reader's lock, if
 * it is free; if not they are read where they are, before the queue.
 */
#include <sys/epoll.h>
#include "channel/channel.h"
#include "engine/private.h"
#include "stack/unix/unix.h"

uint32_t direct_unix_state(struct engine *e, struct esock *es)
{
	const struct sock *sk = es->sk;
	uint32_t state = 0;
	if (es->tx.first == 0 && tx_start(&e->pool, &esock_channel(e, es)->tx, &es->tx) < 0) return 0;
	if (!es->peer || sk->err != 0) return 0;
	if (es->flow == FLOW_DIRECT && !(sk->shut & (SHUT_WR + 1))) state |= CHS_SENDABLE;
	if (es->peer->flow == FLOW_DIRECT && !(sk->shut & (SHUT_RD + 1))) state |= CHS_DIRECT;
	return state;
}

bool direct_unix_may(const struct esock *from, const struct esock *to) { return !from->special && unix_goes_past(from->sk, to->sk); }

/* Programs stay where they last read and wrote: those that are elsewhere, and not in the middle of it, are brought to the chains' ends. */
static bool chains_are_short(struct engine *e, struct esock *from, struct esock *to)
{
	struct direction *tx = &esock_channel(e, from)->tx, *rx = &esock_channel(e, to)->rx;
	if (from->tx.first != from->tx.last) return false;
	if (from->tx.oldest != from->tx.last && chan_trylock(&tx->lock, LOCK_ENGINE)) {
		tx_skip(tx, &from->tx);
		engine_unlock(&tx->lock);
	}
	if (tx_retire(&e->pool, tx, &from->tx) < 0 || rx_progress(&e->pool, rx, &to->rx) < 0) return false;   /* found again, and punished, by its pump */
	return from->tx.oldest == from->tx.last && to->rx.first == to->rx.last;
}

bool direct_unix_ready(struct engine *e, struct esock *from, struct esock *to)
{
	return direct_unix_may(from, to) && unix_is_read(to->sk) && chains_are_short(e, from, to);
}

struct taking { struct sock *from, *to; };

static bool take(void *user, const uint8_t *data, size_t len)
{
	struct taking *t = user;
	return unix_recall(t->from, t->to, data, len) == 0;
}

/* Before another octet goes elsewhere, or the ring can be found empty. */
void direct_unix_leaves(struct engine *e, struct esock *to)
{
	to->state &= ~CHS_DIRECT;
	shared_set32(&esock_channel(e, to)->state, to->state);
}

void direct_unix_left(struct engine *e, struct esock *from, struct esock *to)
{
	struct channel *ch = esock_channel(e, to);
	struct taking t = {from->sk, to->sk};
	if (!to->sk || !from->sk) return;
	if (direct_unread(&e->pool, &to->rx) > 0) {
		to->poll |= EPOLLIN | EPOLLRDNORM;
		to->told = true;           /* its writer may have died before it said so */
		shared_set32(&ch->poll, to->poll);
	}
	if (!chan_trylock(&ch->rx.lock, LOCK_ENGINE)) return;
	direct_recall(&e->pool, &ch->rx, &to->rx, take, &t);
	engine_unlock(&ch->rx.lock);
}
