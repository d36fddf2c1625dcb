/*
 * The direct path between the two of a Unix pair. There is no way between them that could do anything to what goes by, so it is left only for
 * what a ring cannot carry: descriptors, credentials, an octet out of band. The stack's queue has that, in its place:
 *
 *     entered    the receiver's queue is empty, both chains are one segment long: the segment that A writes to is linked to B's chain, as for TCP
 *     left       what B has not read there comes to the end of its queue, as one message, and what comes now follows it: SEND and RECV calls
 *
 * Each way is entered and left by itself. In between nothing goes through the stack but what a program had in hand when its segment was ended. A
 * program that finds its ring empty asks the engine unless CHS_DIRECT says that there can be nothing, or CHS_EOF that only the end is left
 * (shim/unix_sock.c): asking would be most of what a short connection costs. Octets are taken back under the reader's lock, if it is free; if not they
 * are read where they are, before the queue.
 *
 * Messages go the same way, each a record in the segment (channel/record.c), and come back each as one. But a program puts one only where its peer reads it,
 * so nothing of messages is ever in a ring for the engine; and the segment may be too small for the next one though little is in it. Of more than an ordinary
 * program can have sent nothing is taken back: the engine's memory is not for that. It is read where it is, too.
 */
#include <sys/epoll.h>
#include "channel/channel.h"
#include "engine/private.h"
#include "stack/unix/unix.h"

uint32_t direct_unix_state(struct engine *e, struct esock *es)
{
	const struct sock *sk = es->sk;
	uint32_t state = unix_is_over(sk) ? CHS_EOF : unix_awaits_accept(sk) ? CHS_DIRECT : 0;
	if (es->tx.first == 0 && unix_other_end(sk)) {
		if (tx_start(&e->pool, &esock_channel(e, es)->tx, &es->tx) < 0) return state;
		es->tx.held = !es->stream;
	}
	if (!es->peer || sk->err != 0) return state;
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
	return direct_unix_may(from, to) && unix_is_read(from->sk, to->sk) && chains_are_short(e, from, to);
}

/* Nothing is unread: so much is said, whatever was taken back or lost before. */
void direct_unix_enters(struct engine *e, struct esock *from, struct esock *to)
{
	if (from->stream) return;
	shared_set32(&esock_channel(e, to)->posted.discharged, shared_get32(&esock_channel(e, from)->posted.charged));
}

#define CHAIN_MAX 8      /* more than the largest send buffer needs */

bool direct_unix_full(struct engine *e, struct esock *from, struct esock *to)
{
	int n = 0;
	if (shared_get32(&esock_channel(e, from)->tx.starved) != STARVED_ROOM) return false;
	for (uint32_t i = to->rx.first; i != 0 && n < CHAIN_MAX; i = e->pool.segs[i].follow) n++;
	return n < CHAIN_MAX;
}

/* ---- how much is in the ring ---- */

uint32_t direct_unix_ahead(struct engine *e, const struct esock *from, const struct esock *to)
{
	uint32_t unread = direct_unread(&e->pool, &to->rx);
	if (unread == 0) return 0;
	if (from->stream) return unix_charge(unread);
	return MIN(posted_beyond(esock_channel(e, to), shared_get32(&esock_channel(e, from)->posted.charged)), 2 * (uint32_t)from->sk->sndbuf);
}

struct waiting { bool first_only; uint32_t seen, octets; };

static void waiting_see(void *user, const struct record *r)
{
	struct waiting *w = user;
	if (w->seen++ == 0 || !w->first_only) w->octets += r->data_len;
}

int direct_unix_waiting(struct engine *e, const struct esock *to)
{
	struct waiting w = {.first_only = to->sk->type == SOCK_DGRAM};
	posted_see(&e->pool, &to->rx, waiting_see, &w);
	return (int)MIN(w.octets, (uint32_t)INT32_MAX);
}

void direct_unix_sum(struct engine *e, struct esock *es, uint32_t *in, uint32_t *out)
{
	uint32_t ring = rx_used(&e->pool, &es->rx);
	if (es->stream) *in += ring;
	else if (ring > 0) *in = (uint32_t)direct_unix_waiting(e, es) + (es->sk->type == SOCK_DGRAM ? 0 : *in);
	*out += tx_pending(&e->pool, &es->tx) + direct_ahead(e, es) + (es->stream ? 0 : shared_get32(&esock_channel(e, es)->posted.unread));
}

/* ---- leaving ---- */

#define RECALL_MAX (1u << 20)    /* as unix_charge() counts: above what net.core.wmem_max allows, and one message more */

static void charge_see(void *user, const struct record *r) { *(uint64_t *)user += unix_charge(r->data_len); }

static bool is_little(struct engine *e, const struct esock *from, const struct esock *to)
{
	uint64_t charge = 0;
	if (!from->stream) posted_see(&e->pool, &to->rx, charge_see, &charge);
	return charge <= RECALL_MAX;
}

struct taking { struct sock *from, *to; };

static bool take(void *user, const struct recalled *what)
{
	struct taking *t = user;
	return unix_recall(t->from, t->to, what->data) == 0;
}

/* Before another octet goes elsewhere, or the ring can be found empty. */
void direct_unix_leaves(struct engine *e, struct esock *to)
{
	to->state &= ~CHS_DIRECT;
	shared_set32(&esock_channel(e, to)->state, to->state);
}

void direct_unix_shows(struct engine *e, struct esock *to)
{
	if (direct_unread(&e->pool, &to->rx) == 0) return;
	to->poll |= EPOLLIN | EPOLLRDNORM;
	to->told = true;           /* its writer may have died before it said so */
	shared_set32(&esock_channel(e, to)->poll, to->poll);
}

void direct_unix_left(struct engine *e, struct esock *from, struct esock *to)
{
	struct channel *ch = esock_channel(e, to);
	struct taking t = {from->sk, to->sk};
	const struct recall how = {!from->stream, take, &t};
	if (!to->sk || !from->sk) return;
	direct_unix_shows(e, to);
	if (!is_little(e, from, to) || !chan_trylock(&ch->rx.lock, LOCK_ENGINE)) return;
	direct_recall(&e->pool, &ch->rx, &to->rx, &how);
	engine_unlock(&ch->rx.lock);
}
