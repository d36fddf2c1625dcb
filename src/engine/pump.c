/*
 * The pump: moves what moves between a channel's rings and the stack, and publishes what programs look at.
 *
 *     tx ring -> sock_send       as much as the stack takes; the rest stays in the ring
 *     sock_recv -> rx ring       everything, lent: the stack counts it as its own until the program has read it
 *     rx ring -> sock_consumed   what the program has read meanwhile: room to advertise
 *
 * then the words state and poll, and a wake for whoever may find its wait over.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include "engine/private.h"
#include "host/futex.h"
#include "stack/inet/inet.h"
#include "stack/packet/tap.h"
#include "stack/sctp/sctp.h"
#include "stack/tcp/tcp.h"

#define TURN_BYTES ((uint32_t)1 << 20)      /* of one socket in one turn: more than a ring holds, so that all rung work is done in it */
#define TX_LIMIT_MAX (SEGMENT_LARGE + SEGMENT_SMALL)
#define NAME_MAX_LEN sizeof(struct sockaddr_storage)
#define CONTROL_MAX 8192
#define DATA_MAX 131072

/* ---- what the program read ---- */

int charges_push(struct charges *q, struct charge c)
{
	if (q->count == q->cap) {
		uint32_t cap = q->cap ? q->cap * 2 : 16;
		struct charge *at = malloc(cap * sizeof *at);
		if (!at) return -ENOMEM;
		for (uint32_t i = 0; i < q->count; i++) at[i] = q->at[(q->start + i) % q->cap];
		free(q->at);
		*q = (struct charges){.at = at, .cap = cap, .count = q->count, .partial = q->partial};
	}
	q->at[(q->start + q->count++) % q->cap] = c;
	return 0;
}

void charges_clear(struct charges *q)
{
	free(q->at);
	*q = (struct charges){0};
}

/* The charges of the entries that are wholly read once `octets` more of the ring are. */
uint32_t charges_pop(struct charges *q, uint64_t octets, time_ns *ret_arrival)
{
	uint32_t lent = 0;
	q->partial += octets;
	while (q->count > 0 && q->partial >= q->at[q->start].ring) {
		q->partial -= q->at[q->start].ring;
		lent += q->at[q->start].lent;
		*ret_arrival = q->at[q->start].arrival;
		q->start = (q->start + 1) % q->cap;
		q->count--;
	}
	return lent;
}

bool pump_consumed(struct engine *e, struct esock *es)
{
	int64_t n = rx_progress(&e->pool, &esock_channel(e, es)->rx, &es->rx);
	if (n < 0) {
		esock_violate(e, es, "the words of a receive ring can't be");
		return false;
	}
	uint32_t lent = es->stream ? (uint32_t)n : charges_pop(&dgram_of(es)->charges, (uint64_t)n, &dgram_of(es)->arrival);
	if (lent > 0) sock_consumed(es->sk, lent);
	if (es->sk->beside > 0) es->sk->beside = direct_unread(&e->pool, &es->rx);
	return true;
}

/* ---- tx ---- */

struct tx_result { uint64_t moved; bool was_full, is_full; };

/* One span to the stack: octets taken, 0 when there is nothing or no room, or -EPROTO. */
static int64_t tx_step(struct engine *e, struct esock *es, struct tx_result *r)
{
	struct direction *d = &esock_channel(e, es)->tx;
	const uint8_t *at;
	size_t len;
	uint32_t used;
	if (tx_span(&e->pool, d, &es->tx, &at, &len, &used) < 0) return -EPROTO;
	uint32_t size = tx_size(&e->pool, &es->tx);
	r->is_full = size != 0 && (uint64_t)used * 3 > (uint64_t)MIN(size, es->tx_limit) * 2;
	r->was_full |= r->is_full;
	if (len == 0) return 0;
	struct sock_msg m = {.data = (void *)at, .len = len, .flags = MSG_DONTWAIT | MSG_NOSIGNAL};
	/* A pending error is the program's to take; what is written after it is lost, as with Linux. */
	ssize_t n = es->sk->err != 0 ? -EPIPE : sock_send(es->sk, &m);
	if (n == -EAGAIN || n == -ENOBUFS || n == -ENOMEM || n == -EINPROGRESS || n == 0) return 0;
	if (n < 0) n = (ssize_t)len;
	tx_consume(&e->pool, &es->tx, (size_t)n);
	return n;
}

static bool pump_tx(struct engine *e, struct esock *es, struct tx_result *r)
{
	int64_t n = 0;
	if (es->turn != e->turn) {
		es->turn = e->turn;
		es->turn_bytes = 0;
	}
	while (es->turn_bytes < TURN_BYTES && (n = tx_step(e, es, r)) > 0) {
		es->turn_bytes += (uint32_t)n;
		r->moved += (uint64_t)n;
	}
	if (n < 0) esock_violate(e, es, "the words of a send ring can't be");
	return n >= 0;
}

void esock_flush(struct engine *e, struct esock *es)
{
	struct tx_result r = {0};
	uint32_t sndbuf = es->sk->sndbuf;
	es->sk->sndbuf = INT_MAX;
	es->turn = 0;
	if (!pump_consumed(e, es) || !pump_tx(e, es, &r)) return;
	es->sk->sndbuf = sndbuf;
}

/* ---- rx ---- */

/* A pending error belongs to the program, which takes it by a call of its own. */
static ssize_t recv_lent(struct sock *sk, struct sock_msg *m, int flags)
{
	int err = sk->err;
	sk->err = 0;
	m->flags = flags | MSG_DONTWAIT;
	ssize_t n = sock_recv(sk, m);
	if (sk->err == 0) sk->err = err;
	return n;
}

/* At the mark of an urgent octet it stops: the program is to come there first, and goes past it by a control call. */
static bool pump_stream(struct engine *e, struct esock *es)
{
	bool moved = false;
	struct direction *d = &esock_channel(e, es)->rx;
	/* Before the octets are there: whoever reads them shall see it. */
	if (tcp_owes_ack(es->sk)) shared_set32(&d->starved, 1);
	while (!(es->mark = tcp_at_mark(es->sk))) {
		uint8_t octet, *at;
		struct sock_msg first = {.data = &octet, .len = 1}, m = {0};
		/* No memory is taken before there is something to put there. */
		ssize_t n = recv_lent(es->sk, &first, MSG_PEEK);
		if (n < 0) return moved;
		if (n > 0) {
			if (rx_span(&e->pool, d, &es->rx, &at, &m.len) < 0) return moved;
			m.data = at;
			n = recv_lent(es->sk, &m, MSG_LEND);
		}
		if (n < 0) return moved;
		if (n == 0) break;
		rx_commit(&e->pool, &es->rx, (size_t)n);
		moved = true;
	}
	/* As in Linux, what comes after shutdown is still delivered: the end is looked for again. */
	bool end = !es->mark && !es->eof;
	es->eof |= end;
	return moved | end;
}

static void record_put(struct engine *e, struct esock *es, const struct sock_msg *m, size_t data_len, uint32_t lent)
{
	static const uint8_t zero[8];
	struct record r = {.data_len = (uint32_t)data_len, .flags = (uint32_t)m->flags, .name_len = (uint16_t)m->name_len,
			   .control_len = (uint16_t)m->control_len};
	uint64_t total = record_size(r.name_len, r.control_len, r.data_len), sum = sizeof r + r.name_len + r.control_len + data_len;
	const struct part parts[] = {{&r, sizeof r}, {m->name, r.name_len}, {m->control, r.control_len}, {m->data, data_len}, {zero, total - sum}};
	struct direction *d = &esock_channel(e, es)->rx;
	/* Out of memory drops the datagram, as it would before it reached the socket. */
	struct charges *charges = &dgram_of(es)->charges;
	if (charges_push(charges, (struct charge){(uint32_t)total, lent, r.data_len, m->arrival}) < 0) sock_consumed(es->sk, lent);
	else if (rx_put(&e->pool, d, &es->rx, parts, ARRAY_SIZE(parts), total) < 0) {
		charges->count--;
		sock_consumed(es->sk, lent);
	}
}

static bool pump_records(struct engine *e, struct esock *es)
{
	bool moved = false, eof = es->sk->shut & (SHUT_RD + 1);   /* as in Linux, what comes after shutdown is still delivered */
	for (;;) {
		struct sock_msg m = {.name = e->scratch, .name_len = NAME_MAX_LEN, .control = e->scratch + NAME_MAX_LEN, .control_len = CONTROL_MAX,
				     .data = e->scratch + NAME_MAX_LEN + CONTROL_MAX, .len = DATA_MAX};
		uint32_t lent = es->sk->lent;
		ssize_t n = recv_lent(es->sk, &m, MSG_LEND);
		if (n < 0) break;
		lent = es->sk->lent - lent;
		if (inbox_makes_way(e, es, lent)) record_put(e, es, &m, MIN((size_t)n, (size_t)DATA_MAX), lent);
		else sock_consumed(es->sk, lent);
		moved = true;
	}
	moved |= eof && !es->eof;
	es->eof |= eof;
	return moved;
}

/* ---- what programs look at ---- */

static bool still_listens(struct sock *sk)
{
	int on = 0;
	socklen_t len = sizeof on;
	return sock_getsockopt(sk, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

static bool has_peer(struct sock *sk)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	return sock_getpeername(sk, &a, &len) == 0;
}

static bool stays_here(const struct sock *sk)
{
	return (sk->domain == AF_INET || sk->domain == AF_INET6) && stack_is_local(sk->stack, &((const struct inet_sock *)sk)->raddr);
}

static uint32_t state_of(struct engine *e, struct esock *es)
{
	struct sock *sk = es->sk;
	bool connected = esock_may_pair(es) && has_peer(sk), shut_wr = (sk->shut & (SHUT_WR + 1)) != 0;
	uint32_t state = es->stream ? CHS_STREAM : 0;
	es->listening = es->listening && still_listens(sk);
	es->connecting = es->connecting && !connected && sk->err == 0 && !(sock_poll(sk) & EPOLLHUP) && (!sctp_is(sk) || sctp_is_connecting(sk));
	if (sk->err != 0) state |= CHS_ERROR;
	if (es->stream && tcp_tells_inq(sk)) state |= CHS_INQ;
	if (es->listening) state |= CHS_LISTENING;
	if (es->connecting) state |= CHS_CONNECTING;
	if (es->eof) state |= CHS_EOF | (tcp_is_done(sk) ? CHS_DONE : 0);
	if (es->mark) state |= CHS_MARK;
	if (packet_is_mapped(sk)) state |= CHS_RING;
	if (connected && sk->domain == AF_UNIX) return state | direct_unix_state(e, es);
	if (connected && shut_wr) state |= CHS_SHUT_WR;
	if (sk->ops->asked) return tcp_is_asked(sk) ? state | CHS_ASKED : state;
	if (!connected || shut_wr || sk->err != 0 || tcp_sends_stamped(sk)) return state;
	if (es->tx.first == 0 && tx_start(&e->pool, &esock_channel(e, es)->tx, &es->tx) < 0) return state;
	/* Asked once: the addresses of a connection stay. */
	bool local = es->state & CHS_SENDABLE ? es->state & CHS_LOCAL : stays_here(sk);
	return state | CHS_SENDABLE | (local ? CHS_LOCAL : 0);
}

void esock_limit(struct engine *e, struct esock *es)
{
	uint32_t limit = es->peer && es->flow == FLOW_DIRECT ? direct_limit(es) : MIN(es->sk->sndbuf, TX_LIMIT_MAX);
	if (limit == es->tx_limit) return;
	es->tx_limit = limit;
	shared_set32(&esock_channel(e, es)->tx.limit, limit);
}

/* true when something that a program may wait for is different now. */
static bool publish(struct engine *e, struct esock *es)
{
	struct channel *ch = esock_channel(e, es);
	uint32_t state = state_of(e, es), poll = sock_poll(es->sk);
	if (state & CHS_SENDABLE) poll &= ~(uint32_t)(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);   /* the ring decides */
	if (state == es->state && poll == es->poll) return false;
	es->state = state;
	es->poll = poll;
	shared_set32(&ch->poll, poll);
	shared_set32(&ch->state, state);
	return true;
}

/* As Linux, never less than was asked for. */
static int32_t timeo_ms(int64_t us)
{
	if (us < 0) return -1;
	return (int32_t)MIN(us / 1000 + (us % 1000 != 0), TIMEO_LONG);
}

void esock_mirror(struct engine *e, struct esock *es)
{
	struct channel *ch = esock_channel(e, es);
	atomic_store(&ch->rcvlowat, es->sk->rcvlowat);
	atomic_store(&ch->linger_s, es->sk->linger.l_onoff ? es->sk->linger.l_linger : 0);
	atomic_store(&ch->rcvtimeo_ms, timeo_ms(es->sk->rcvtimeo_us));
	atomic_store(&ch->sndtimeo_ms, timeo_ms(es->sk->sndtimeo_us));
}

/* ---- wakes ---- */

static void direction_wake(struct direction *d)
{
	/* A sleeper arms and then looks at seq; we move seq and then look whether somebody is armed. */
	atomic_fetch_add(&d->seq, 1);
	if (atomic_load(&d->waiters) != 0) futex_wake(&d->seq, INT_MAX);
}

void esock_wake(struct engine *e, struct esock *es)
{
	direction_wake(&esock_channel(e, es)->rx);
	direction_wake(&esock_channel(e, es)->tx);
	bells_ring(e, es);
}

void esock_wake_writer(struct engine *e, struct esock *es)
{
	direction_wake(&esock_channel(e, es)->tx);
	bells_ring(e, es);
}

static void pump_wake(struct engine *e, struct esock *es, bool in, bool out)
{
	struct channel *ch = esock_channel(e, es);
	if (in) direction_wake(&ch->rx);
	if (out) direction_wake(&ch->tx);
	if (in || out) bells_ring(e, es);
}

/* The way that octets go changes nothing for who polls, but a sleeper may have to go on another way. */
static void asked_wake(struct engine *e, struct esock *es, bool told, bool changed)
{
	struct channel *ch = esock_channel(e, es);
	if (told) pump_wake(e, es, true, true);
	else if (changed) {
		direction_wake(&ch->rx);
		direction_wake(&ch->tx);
	}
}

/* Is there room again that somebody has missed? It is for the program's side to say: it may have filled the ring between two looks of ours. */
static bool tx_relieved(struct engine *e, struct esock *es, const struct tx_result *r)
{
	struct direction *d = &esock_channel(e, es)->tx;
	if (es->tx.held || (r->is_full && es->turn_bytes < TURN_BYTES)) return false;   /* held: it is the peer who makes room */
	shared_fence();
	return shared_get32(&d->starved) != 0 && atomic_exchange(&d->starved, 0) != 0;
}

/* Is there room in the stack that a SEND has missed? */
static bool send_relieved(struct engine *e, struct esock *es)
{
	if (!es->refused || tx_pending(&e->pool, &es->tx) > 0 || !sock_has_room(es->sk)) return false;
	es->refused = false;
	return true;
}

/* SO_SNDBUF is larger now than when somebody found no room: there is some, though nothing has left. */
static bool tx_limit_raised(struct engine *e, struct esock *es)
{
	struct direction *d = &esock_channel(e, es)->tx;
	uint32_t before = es->tx_limit;
	if (esock_may_pair(es)) esock_limit(e, es);
	if (es->tx_limit <= before) return false;
	shared_fence();
	return shared_get32(&d->starved) != 0 && atomic_exchange(&d->starved, 0) != 0;
}

struct news { bool happened, room; uint32_t state, poll; };   /* before it was published */

/* As for poll: when a third is free. */
static bool tx_has_room(struct engine *e, struct esock *es)
{
	uint32_t size = tx_size(&e->pool, &es->tx), used = tx_pending(&e->pool, &es->tx);
	if (es->tx_limit != 0) size = MIN(size, es->tx_limit);
	return size > used && size - used >= size / 3;
}

/* Those who asked for signals. They are told of all that happens, so it must come by here. */
static void pump_signal(struct engine *e, struct esock *es, const struct news *n)
{
	uint32_t flags = shared_get32(&esock_channel(e, es)->flags);
	bool connected = (es->state & ~n->state) & CHS_SENDABLE;
	uint32_t urgents = tcp_urgents(es->sk);
	if (flags & CHF_OWNED && urgents != es->urgents) anchors_signal(e, es, true);
	es->urgents = urgents;
	if (!(flags & CHF_ASYNC)) return;
	if (esock_may_pair(es)) direct_bar(e, es);
	es->missed_room |= n->room;
	bool room = connected || (es->missed_room && tx_has_room(e, es)), room_told = room && anchors_room(e, es);
	if (room) es->missed_room = false;
	if (n->happened || (connected && !room_told)) anchors_signal(e, es, false);
}

void esock_pump(struct engine *e, struct esock *es)
{
	struct tx_result r = {0};
	if (!es->sk) {
		list_remove(&es->pump);
		return;
	}
	struct stack *s = es->sk->stack;
	engine_enter(e, es->sk);
	if (!pump_consumed(e, es) || !pump_tx(e, es, &r)) return;
	/* Messages that are asked for are not put into a ring; and such a socket says itself when somebody may find his wait over. */
	bool asked = es->sk->ops->asked, asked_told = asked && es->told;
	bool in = !es->listening && !asked && (es->stream ? pump_stream(e, es) : pump_records(e, es));
	uint32_t heard = EPOLLERR | EPOLLPRI | (asked ? EPOLLIN : 0);
	bool told = es->told && (es->listening || packet_is_mapped(es->sk) || (sock_poll(es->sk) & heard));
	in |= inbox_owes_wake(e, es);
	es->told = false;
	bool grown = r.was_full && tx_grow(&e->pool, &esock_channel(e, es)->tx, &es->tx);
	struct news news = {in || told, false, es->state, es->poll};
	bool drained = tx_relieved(e, es, &r), relieved = send_relieved(e, es), raised = tx_limit_raised(e, es), changed = publish(e, es);
	drained |= relieved || raised;
	if (!es->listening) ahead_end(e, es);
	else if (ahead_update(e, es)) changed |= publish(e, es);
	news.room = drained || grown;
	net_touch(e->net, s);
	if (asked) asked_wake(e, es, asked_told || drained, changed);
	else pump_wake(e, es, in || changed || told, changed || grown || drained);
	list_remove(&es->pump);            /* what the stack said of this socket while we were at it is in what we did */
	if (es->turn_bytes >= TURN_BYTES) list_append(&e->again, &es->pump);
	pump_signal(e, es, &news);
	if (esock_may_pair(es)) direct_update(e, es);
	idle_note(e, es);
}
