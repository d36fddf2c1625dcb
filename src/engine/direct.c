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
#include <linux/tcp.h>
#include <sys/epoll.h>
#include "engine/private.h"
#include "stack/inet/inet.h"
#include "stack/tcp/tcp.h"
#include "stack/unix/unix.h"

#define UNREAD_MAX ((uint32_t)10 * SEGMENT_LARGE)   /* what a writer may be ahead of a reader that does not read: as much as over Linux's loopback */

/* ---- who is whose peer ---- */

static struct net_host *way_end(struct engine *e, const struct sock *sk)
{
	const struct inet_sock *is = (const struct inet_sock *)sk;
	const struct route_flow f = inet_sock_flow(is, &is->laddr);
	return net_clear_path(e->net, sk->stack, &f);
}

static bool fit(const struct esock *es)
{
	if (!es->sk || !esock_may_pair(es) || es->barred || es->eof || es->tx.first == 0) return false;
	return !es->sk->filter && !tcp_needs_stack(es->sk) && !tcp_is_corked(es->sk);
}

static struct esock *unix_partner(struct esock *es)
{
	struct sock *other = unix_other_end(es->sk);
	struct esock *peer = other ? other->user : NULL;
	return peer && fit(peer) ? peer : NULL;
}

/* The socket that es is connected to, if the two may go directly now. */
static struct esock *partner(struct engine *e, struct esock *es)
{
	if (!fit(es)) return NULL;
	if (esock_is_unix(es)) return unix_partner(es);
	if (es->sk->type != SOCK_STREAM || es->sk->protocol != IPPROTO_TCP) return NULL;
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
	inbox_shut_all(e);
	each_esock(e, es)
		if (es->stream && es->sk) esock_queue(e, es);
}

/* ---- entering and growing ---- */

uint32_t direct_limit(const struct esock *es)
{
	if (esock_is_unix(es)) return es->sk->sndbuf;
	return es->sk->sndbuf_locked ? es->sk->sndbuf + es->peer->sk->rcvbuf : 0;
}

/*
 * The segment between the two is another one now: a reader is woken for what is in it (its writer may be dead before it came to that). A connection that
 * lives for a moment passes here several times, and each wake in vain is two changes of process.
 */
static void reader_wake(struct engine *e, struct esock *to)
{
	if (direct_unread(&e->pool, &to->rx) > 0) esock_wake_reader(e, to);
}

static void flow_link(struct engine *e, struct esock *from, struct esock *to)
{
	struct direction *tx = &esock_channel(e, from)->tx;
	direct_link(&e->pool, from->tx.last, from->channel, &esock_channel(e, to)->rx, &to->rx, to->channel);
	from->flow = FLOW_DIRECT;
	esock_limit(e, from);
	shared_fence();
	reader_wake(e, to);
	if (shared_get32(&tx->starved) != 0 && shared_swap32(&tx->starved, 0) != 0) esock_wake_writer(e, from);
}

/* What a writer may be ahead of a reader that does not read. */
static uint32_t unread_max(const struct esock *from)
{
	uint32_t limit = direct_limit(from);
	return limit != 0 ? limit : UNREAD_MAX;
}

static void flow_grow(struct engine *e, struct esock *from, struct esock *to)
{
	struct channel *ch = esock_channel(e, from);
	if (shared_get32(&ch->tx.starved) == 0) return;
	if (from->stream ? !direct_full(&e->pool, &from->tx) : !direct_unix_full(e, from, to)) return;
	if (direct_unread(&e->pool, &to->rx) >= unread_max(from)) return;
	if (direct_grow(&e->pool, &ch->tx, &from->tx, from->channel, &esock_channel(e, to)->rx, &to->rx, to->channel) < 0) return;
	atomic_store(&ch->tx.starved, 0);
	esock_queue(e, to);                /* recycles what the reader has left */
	esock_wake_writer(e, from);
}

/* What programs are to know of it is published by their pump. */
static void unix_flow_update(struct engine *e, struct esock *from, struct esock *to)
{
	if (from->flow == FLOW_DIRECT && direct_unix_may(from, to)) flow_grow(e, from, to);
	else if (from->flow == FLOW_DIRECT) direct_leave(e, from);
	else if (direct_unix_ready(e, from, to)) {
		from->tx.held = true;
		direct_unix_enters(e, from, to);
		flow_link(e, from, to);
		esock_queue(e, from);
		esock_queue(e, to);
	}
}

static void flow_update(struct engine *e, struct esock *from, struct esock *to)
{
	if (esock_is_unix(from)) {
		unix_flow_update(e, from, to);
		return;
	}
	if (from->flow == FLOW_DIRECT) flow_grow(e, from, to);
	if (from->flow == FLOW_STACK && from->tx.first == from->tx.last) {
		from->tx.held = true;
		from->flow = FLOW_HELD;
	}
	if (from->flow == FLOW_HELD && tcp_all_arrived(from->sk, to->sk)) flow_link(e, from, to);
}

static uint32_t edges_noted(struct channel *ch)
{
	uint32_t all = CHF_RING(BELL_IN | BELL_OUT);
	if (!(shared_get32(&ch->flags) & all)) return 0;
	return (atomic_fetch_and(&ch->flags, ~all) & all) / CHF_RING(1u);
}

void direct_update(struct engine *e, struct esock *es)
{
	bool rung = es->rung;
	es->rung = false;
	if (es->path_epoch != e->path_epoch) pair_look(e, es);
	if (!es->peer) return;
	struct esock *peer = es->peer;
	flow_update(e, es, peer);
	if (es->peer) flow_update(e, peer, es);
	if (!es->peer) return;
	if (!rung) return;
	/* The reader has left a segment, perhaps, which the writer left before. What can't be is found when the peer is pumped. */
	if (tx_retire(&e->pool, &esock_channel(e, peer)->tx, &peer->tx) < 0) esock_queue(e, peer);
	/* What the program did to the peer's ring it may have been unable to tell the peer itself. */
	esock_wake_sleepers(e, peer);
	bells_ring(e, peer, edges_noted(esock_channel(e, peer)));
}

/* ---- what the stack would have counted ---- */

static struct direct_count count_of(struct engine *e, const struct esock *es)
{
	struct direct_sent *s = &esock_channel(e, es)->sent;
	if (!es->stream) return (struct direct_count){0};
	return (struct direct_count){shared_get64(&s->octets), shared_get32(&s->writes), shared_get32(&s->last_ms)};
}

static struct direct_count count_got(struct engine *e, const struct esock *es) { return es->peer ? count_of(e, es->peer) : es->got; }

static uint32_t segments_of(const struct direct_count *c, uint32_t mss)
{
	uint64_t full = (c->octets + mss - 1) / mss;
	return (uint32_t)MAX(full, (uint64_t)c->writes);
}

static uint32_t ms_since(struct engine *e, const struct direct_count *c, uint32_t otherwise)
{
	uint32_t ms = (uint32_t)(e->now / NS_PER_MS) - c->last_ms;
	if (c->octets == 0) return otherwise;
	return MIN(ms > INT32_MAX ? 0 : ms, otherwise);   /* the writer's clock may be ahead of our last look at ours */
}

/* Sent, acknowledged and received at once; where more goes one way, every second segment has an acknowledgement of its own. */
void direct_info(struct engine *e, const struct esock *es, struct tcp_info *i)
{
	struct direct_count sent = count_of(e, es), got = count_got(e, es);
	uint32_t mss = MAX(i->tcpi_snd_mss, 536u), n_sent = segments_of(&sent, mss), n_got = segments_of(&got, mss);
	uint32_t acks_in = n_sent > n_got ? (n_sent - n_got) / 2 : 0, acks_out = n_got > n_sent ? (n_got - n_sent) / 2 : 0;
	i->tcpi_bytes_sent += sent.octets;
	i->tcpi_bytes_acked += sent.octets;
	i->tcpi_bytes_received += got.octets;
	i->tcpi_delivered += n_sent;
	i->tcpi_data_segs_out += n_sent;
	i->tcpi_data_segs_in += n_got;
	i->tcpi_segs_out += n_sent + acks_out;
	i->tcpi_segs_in += n_got + acks_in;
	i->tcpi_notsent_bytes += direct_ahead(e, es);
	i->tcpi_last_data_sent = ms_since(e, &sent, i->tcpi_last_data_sent);
	i->tcpi_last_ack_recv = ms_since(e, &got, ms_since(e, &sent, i->tcpi_last_ack_recv));
	i->tcpi_last_data_recv = ms_since(e, &got, i->tcpi_last_data_recv);
}

void direct_forget(struct engine *e, struct esock *es)
{
	struct direct_sent *s = &esock_channel(e, es)->sent;
	es->got = (struct direct_count){0};
	if (!es->stream) return;
	shared_set64(&s->octets, 0);
	shared_set32(&s->writes, 0);
	shared_set32(&s->last_ms, 0);
}

struct esock *direct_last_peer(const struct engine *e, const struct esock *es)
{
	if (es->peer) return es->peer->sk ? es->peer : NULL;
	struct esock *left = es->left != 0 ? e->slots[es->left].es : NULL;
	return left && left->sk && left->generation == es->left_generation ? left : NULL;
}

/* What went directly is ahead until it is read, also when the two have parted since. */
uint32_t direct_ahead(struct engine *e, const struct esock *es)
{
	if (esock_is_unix(es) && es->flow != FLOW_DIRECT) return 0;
	const struct esock *peer = direct_last_peer(e, es);
	if (!peer) return 0;
	if (esock_is_unix(es)) return direct_unix_ahead(e, es, peer);
	uint32_t unread = direct_unread(&e->pool, &peer->rx);
	uint32_t window = peer->sk->rcvbuf - peer->sk->rcvbuf / 16;    /* what Linux takes of full segments */
	return unread > window ? unread - window : 0;
}

/* ---- leaving ---- */

/* false: there is no memory for a segment to go on in. It stays held: what is in its ring is the peer's. */
static bool flow_leave(struct engine *e, struct esock *from, struct esock *to)
{
	bool direct = from->flow == FLOW_DIRECT;
	if (direct && esock_is_unix(from)) direct_unix_leaves(e, to);
	if (from->flow == FLOW_DIRECT && direct_unlink(&e->pool, &esock_channel(e, from)->tx, &from->tx) < 0) {
		from->flow = FLOW_HELD;
		return false;
	}
	from->tx.held = !from->stream;         /* messages are told or posted: never are they for us */
	from->flow = FLOW_STACK;
	if (direct && esock_is_unix(from)) direct_unix_left(e, from, to);
	return true;
}

/* The octets can't go on. Both programs learn that by ECONNRESET. */
static void pair_break(struct engine *e, struct esock *const both[2])
{
	engine_log(e, "a connection was reset: no shared memory is left to leave the direct path with");
	for (int i = 0; i < 2; i++) {
		if (!both[i]->sk) continue;
		engine_enter(e, both[i]->sk);
		if (esock_is_unix(both[i])) unix_break(both[i]->sk);
		else tcp_break(both[i]->sk);
		net_touch(e->net, both[i]->sk->stack);
	}
}

void direct_part(struct engine *e, struct esock *es)
{
	struct esock *peer = es->peer, *both[2] = {es, peer};
	if (!peer) return;
	es->got = count_of(e, peer);
	peer->got = count_of(e, es);
	es->peer = peer->peer = NULL;
	es->left = peer->channel, es->left_generation = peer->generation;
	peer->left = es->channel, peer->left_generation = es->generation;
	bool left[2] = {flow_leave(e, es, peer), flow_leave(e, peer, es)};
	if (!left[0] || !left[1]) pair_break(e, both);
	for (int i = 0; i < 2; i++) {
		if (both[i]->sk) {
			esock_limit(e, both[i]);
			both[i]->sk->beside = direct_unread(&e->pool, &both[i]->rx);
			tcp_passed(both[i]->sk, both[i]->got.octets > 0, both[!i]->got.octets > 0);
		}
		esock_queue(e, both[i]);
		if (esock_is_unix(both[i])) continue;    /* its pump wakes, when it has published what there is to see */
		reader_wake(e, both[i]);
		esock_wake_sleepers(e, both[i]);   /* a reader that made room may have died before it said so */
		bells_ring(e, both[i], 0);
	}
}

void direct_reconsider(struct engine *e, struct esock *es)
{
	direct_part(e, es);
	es->path_epoch = 0;
	esock_queue(e, es);
}

void direct_leave(struct engine *e, struct esock *from)
{
	struct esock *to = from->peer;
	if (!to || from->flow != FLOW_DIRECT) return;
	if (!flow_leave(e, from, to)) {
		from->flow = FLOW_DIRECT;      /* as it was: it can't be left, and the connection ends of it */
		direct_part(e, from);
		return;
	}
	esock_limit(e, from);
	esock_queue(e, from);
	esock_queue(e, to);
}

void direct_bar(struct engine *e, struct esock *es)
{
	if (es->peer) es->peer->barred = true;
	es->barred = true;
	direct_part(e, es);
}
