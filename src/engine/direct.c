/*
 * The direct path: two TCP sockets of one net, joined over links that do nothing to what they carry, read each other's rings.
 *
 *     A's program ──► A.tx ══ segment ══ B.rx ──► B's program          the stacks' connection stands idle beside it
 *
 * Entering. The engine takes no more from A.tx (FLOW_HELD) and waits until what it took before has come to B.rx. Then the segment that A writes to
 * is appended to B's chain as it is: what is in it and not drained is B's next octet. A need not notice.
 * Leaving (a link is impaired or cut, a half is closed, one is urgent, one hangs up). The segment is ended, A goes on in a fresh one that we drain;
 * B drains the old one and then what the stack brings. Octets are in one place at any time, and their order is the order of the segments.
 * The sequence numbers of TCP stand still meanwhile; it never knows.
 *
 * Whether a way is clear is asked once a socket, and again for all when anything about the net has changed.
 */
#include <sys/epoll.h>
#include "engine/private.h"
#include "stack/inet/inet.h"
#include "stack/tcp/tcp.h"

#define UNREAD_MAX ((uint32_t)10 * SEGMENT_LARGE)   /* what a writer may be ahead of a reader that does not read: as much as over Linux's loopback */

/* ---- who is whose peer ---- */

static struct net_host *way_end(struct engine *e, const struct sock *sk)
{
	const struct inet_sock *is = (const struct inet_sock *)sk;
	return net_clear_path(e->net, sk->stack, &is->laddr, &is->raddr, inet_sock_oif(is));
}

static bool fit(const struct esock *es) { return es->stream && es->sk && !es->barred && !es->eof && es->tx.first != 0; }

/* The socket that es is connected to, if the two may go directly now. */
static struct esock *partner(struct engine *e, struct esock *es)
{
	if (!fit(es) || es->sk->type != SOCK_STREAM || es->sk->protocol != IPPROTO_TCP) return NULL;
	struct net_host *end = sock_poll(es->sk) & (EPOLLHUP | EPOLLERR) ? NULL : way_end(e, es->sk);
	struct sock *other = end ? tcp_other_end(es->sk, net_stack(end)) : NULL;
	struct esock *peer = other ? other->user : NULL;
	if (!peer || peer == es || !fit(peer)) return NULL;
	return way_end(e, other) == net_host_of(es->sk->stack) ? peer : NULL;
}

static void pair_look(struct engine *e, struct esock *es)
{
	struct esock *peer = partner(e, es);
	es->path_epoch = e->path_epoch;
	if (es->peer && es->peer != peer) direct_part(e, es);
	if (!peer) return;
	if (peer->peer && peer->peer != es) direct_part(e, peer);
	peer->path_epoch = e->path_epoch;
	es->peer = peer;
	peer->peer = es;
}

void direct_look_again(struct engine *e)
{
	e->path_epoch++;
	list_each(struct esock, es, &e->socks, node)
		if (es->stream && es->sk) esock_queue(e, es);
}

/* ---- entering and growing ---- */

uint32_t direct_limit(const struct esock *es)
{
	return es->sk->sndbuf_locked ? es->sk->sndbuf + es->peer->sk->rcvbuf : 0;
}

static void flow_link(struct engine *e, struct esock *from, struct esock *to)
{
	direct_link(&e->pool, from->tx.last, from->channel, &esock_channel(e, to)->rx, &to->rx, to->channel);
	from->flow = FLOW_DIRECT;
	esock_limit(e, from);
	esock_wake(e, to);
	esock_wake(e, from);
}

static void flow_grow(struct engine *e, struct esock *from, struct esock *to)
{
	struct channel *ch = esock_channel(e, from);
	if (shared_get32(&ch->tx.starved) == 0 || !direct_full(&e->pool, &from->tx)) return;
	if (direct_unread(&e->pool, &to->rx) >= UNREAD_MAX) return;
	if (direct_grow(&e->pool, &ch->tx, &from->tx, from->channel, &esock_channel(e, to)->rx, &to->rx, to->channel) < 0) return;
	atomic_store(&ch->tx.starved, 0);
	esock_queue(e, to);                /* recycles what the reader has left */
	esock_wake(e, from);
}

static void flow_update(struct engine *e, struct esock *from, struct esock *to)
{
	if (from->flow == FLOW_DIRECT) flow_grow(e, from, to);
	if (from->flow == FLOW_STACK && from->tx.first == from->tx.last) {
		from->tx.held = true;
		from->flow = FLOW_HELD;
	}
	if (from->flow == FLOW_HELD && tcp_all_arrived(from->sk, to->sk)) flow_link(e, from, to);
}

void direct_update(struct engine *e, struct esock *es)
{
	bool rung = es->rung;
	es->rung = false;
	if (es->path_epoch != e->path_epoch) pair_look(e, es);
	if (!es->peer) return;
	struct esock *peer = es->peer;
	flow_update(e, es, peer);
	flow_update(e, peer, es);
	/* What the program did to the peer's ring it may have been unable to tell the peer itself. */
	if (rung) esock_wake(e, peer);
}

/* ---- leaving ---- */

/* false: there is no memory for a segment to go on in. */
static bool flow_leave(struct engine *e, struct esock *from)
{
	int err = 0;
	if (from->flow == FLOW_DIRECT) err = direct_unlink(&e->pool, &esock_channel(e, from)->tx, &from->tx);
	from->tx.held = false;
	from->flow = FLOW_STACK;
	return err == 0;
}

void direct_part(struct engine *e, struct esock *es)
{
	struct esock *peer = es->peer, *both[2] = {es, peer};
	if (!peer) return;
	es->peer = peer->peer = NULL;
	for (int i = 0; i < 2; i++) {
		bool left = flow_leave(e, both[i]);
		if (both[i]->sk) esock_limit(e, both[i]);
		esock_queue(e, both[i]);
		esock_wake(e, both[i]);
		if (!left) esock_violate(e, both[i], "no shared memory is left to leave the direct path with");
	}
}

void direct_bar(struct engine *e, struct esock *es)
{
	if (es->peer) es->peer->barred = true;
	es->barred = true;
	direct_part(e, es);
}
