/*
 * The pump: moves what moves between a channel's rings and the stack.
 *
 *     tx ring -> sock_send       as much as the stack takes; the rest stays in the ring
 *     sock_recv -> rx ring       everything, lent: the stack counts it as its own until the program has read it
 *     rx ring -> sock_consumed   what the program has read meanwhile: room to advertise
 *
 * then the words that programs look at, and a wake for whoever may find its wait over (publish.c).
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include "engine/private.h"
#include "stack/inet/inet.h"
#include "stack/packet/tap.h"
#include "stack/tcp/tcp.h"

#define TURN_BYTES ((uint32_t)1 << 20)      /* of one socket in one turn: more than a ring holds, so that all rung work is done in it */
#define NAME_MAX_LEN sizeof(struct sockaddr_storage)
#define CONTROL_MAX 8192
#define DATA_MAX 131072

/* ---- what the program read ---- */

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

/* ---- whom it concerns ---- */

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

struct news { bool in, told, room, changed; uint32_t state, poll; };   /* state and poll: before it was published */

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
	if (n->in || n->told || (connected && !room_told)) anchors_signal(e, es, false);
}

/* As Linux: of less than SO_RCVLOWAT nobody is told. */
static bool has_enough(struct engine *e, const struct esock *es)
{
	return !es->stream || es->eof || es->sk->rcvlowat <= 1 || rx_used(&e->pool, &es->rx) >= (uint32_t)es->sk->rcvlowat;
}

/*
 * For whom it is an edge. Where octets go by another way than before, or an error was taken, nothing is new to who polls; of another state all hear, whether
 * poll tells it from the last one or not.
 */
static uint32_t news_edges(struct engine *e, const struct esock *es, const struct news *n)
{
	uint32_t rise = es->poll & ~n->poll;
	bool in = (n->in && has_enough(e, es)) || n->told || rise & ~(uint32_t)(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	bool out = n->room || rise & EPOLLOUT || (es->state & ~n->state & CHS_SENDABLE && !(n->poll & EPOLLOUT));
	if (es->sk->stirred || rise & (EPOLLERR | EPOLLHUP | EPOLLRDHUP) || (n->told && es->poll & EPOLLERR)) return BELL_IN | BELL_OUT;
	return (in ? BELL_IN : 0) | (out ? BELL_OUT : 0);
}

static void pump_wake(struct engine *e, struct esock *es, const struct news *n)
{
	uint32_t edges = news_edges(e, es, n);
	es->sk->stirred = false;
	esock_wake_some(e, es, n->in || n->told || n->changed, n->room || n->changed);
	if (n->in || edges) bells_ring(e, es, edges);
}

/* Messages that are asked for: the way that octets go changes nothing for who polls, but a sleeper may have to go on another way. */
static void asked_wake(struct engine *e, struct esock *es, bool told, const struct news *n)
{
	if (told || n->room || es->sk->stirred) esock_wake(e, es);
	else if (n->changed) esock_wake_sleepers(e, es);
	es->sk->stirred = false;
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
	if (es->outside) outside_pump(e, es);
	inbox_unix_pump(e, es);
	/* Messages that are asked for are not put into a ring; and such a socket says itself when somebody may find his wait over. */
	bool asked = es->sk->ops->asked, asked_told = asked && es->told;
	bool in = !es->listening && !asked && (es->stream ? pump_stream(e, es) : pump_records(e, es));
	uint32_t heard = EPOLLERR | EPOLLPRI | (asked ? EPOLLIN : 0);
	bool told = es->told && (es->listening || packet_is_mapped(es->sk) || (sock_poll(es->sk) & heard));
	bool owed = inbox_owes_wake(e, es);
	in |= owed;
	es->told = false;
	bool grown = r.was_full && tx_grow(&e->pool, &esock_channel(e, es)->tx, &es->tx);
	struct news news = {.in = in, .told = told, .state = es->state, .poll = es->poll};
	bool drained = tx_relieved(e, es, &r), relieved = send_relieved(e, es), raised = tx_limit_raised(e, es);
	news.changed = esock_publish(e, es);
	bool outdated = inbox_unix_published(e, es);
	if (!es->listening) ahead_end(e, es);
	else if (ahead_update(e, es)) news.changed |= esock_publish(e, es);
	news.room = drained || relieved || raised || grown;
	net_touch(e->net, s);
	if (asked) asked_wake(e, es, asked_told || owed, &news);
	else pump_wake(e, es, &news);
	list_remove(&es->pump);            /* what the stack said of this socket while we were at it is in what we did */
	if (es->turn_bytes >= TURN_BYTES || outdated) list_append(&e->again, &es->pump);
	pump_signal(e, es, &news);
	if (esock_may_pair(es)) direct_update(e, es);
	idle_note(e, es);
}
