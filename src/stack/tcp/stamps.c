/*
 * SO_TIMESTAMPING of what a stream sends. A send is known by its last octet: it is stamped when the segment with that octet leaves, for the first time
 * or again, and when the octet is acknowledged.
 *
 *     queue   aaaa|bbb|cccccc…         noted at the bars, until they are acknowledged
 *
 * As on Linux a send that goes in one segment with the next has no stamps, and numbers count octets from when they were asked for.
 * Read first: Linux's Documentation/networking/timestamping.rst, "Bytestream Timestamps".
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/errqueue.h"
#include "stack/socket/stamping.h"
#include "stack/tcp/conn.h"

#define AWAITED_MAX 1024u     /* sends under way at once; those beyond have no stamps */

struct awaited { struct list node; seq32 last; uint32_t flags; };   /* last: the send's last octet */

static struct awaited_sends *sends_of(const struct tcp_sock *conn)
{
	return conn->inet.errqueue ? errqueue_awaited((struct inet_sock *)&conn->inet) : NULL;
}

static void send_forget(struct awaited_sends *s, struct awaited *a)
{
	list_remove(&a->node);
	s->count--;
	free(a);
}

void stamps_note(struct tcp_sock *conn, uint32_t flags)
{
	struct awaited_sends *s = errqueue_awaited(&conn->inet);
	struct awaited *a = s && s->count ? list_last(&s->list, struct awaited, node) : NULL;

	if (!a || seq_lt(a->last, conn->snd.nxt) || cuts_eor_is_after(conn, a->last)) {
		a = s && s->count < AWAITED_MAX ? malloc(sizeof *a) : NULL;
		if (!a) return;
		list_append(&s->list, &a->node);
		s->count++;
	}
	a->last = snd_end(conn) - 1;
	a->flags = flags;
}

static bool holds(seq32 seq, uint32_t len, const struct awaited *a) { return seq_ge(a->last, seq) && seq_lt(a->last, seq + len); }

bool stamps_due(const struct tcp_sock *conn, seq32 seq, uint32_t len)
{
	const struct awaited_sends *s = sends_of(conn);

	if (!s || !len) return false;
	list_each(struct awaited, a, &s->list, node)
		if (holds(seq, len, a) && a->flags & (STAMPS_SENT | STAMPS_SCHED)) return true;
	return false;
}

/* st says which; the rest is the same for all of a connection. g: the acknowledgement, or NULL. */
static void put(struct tcp_sock *conn, const struct awaited *a, const struct segment *g, struct stamp *st)
{
	const struct sock *sk = &conn->inet.sk;
	uint8_t stats[STAMPS_STATS_MAX];

	if (sk->timestamping & STAMPS_ID) st->id = a->last - sk->stamp_id;
	if (sk->timestamping & STAMPS_STATS) {
		st->stats = true;
		st->data = stats;
		st->len = stamps_stats(conn, g, stats);
	}
	errqueue_put_stamp(&conn->inet, st);
}

void stamps_left(struct tcp_sock *conn, seq32 seq, uint32_t len, const struct packet *frame)
{
	list_each(struct awaited, a, &sends_of(conn)->list, node) {
		if (!holds(seq, len, a)) continue;
		if (a->flags & STAMPS_SCHED) put(conn, a, NULL, &(struct stamp){.which = STAMP_SCHED, .frame = frame});
		if (a->flags & STAMPS_SENT) put(conn, a, NULL, &(struct stamp){.which = STAMP_SENT, .frame = frame});
	}
}

/* What comes back with an acknowledgement is the text of the segment alone. */
static void put_acked(struct tcp_sock *conn, const struct awaited *a, const struct segment *g)
{
	struct tcp_rtxq *q = &conn->rtxq;
	uint32_t i = rtxq_find(q, a->last);
	struct stamp st = {.which = STAMP_ACKED};
	uint8_t *text = NULL;

	if (i < q->n && !(conn->inet.sk.timestamping & STAMPS_ONLY)) {
		seq32 from = seq_lt(rtxq_at(q, i)->seq, conn->snd.data) ? conn->snd.data : rtxq_at(q, i)->seq;
		seq32 to = seq_gt(rtxq_at(q, i)->end, snd_end(conn)) ? snd_end(conn) : rtxq_at(q, i)->end;
		text = malloc(to - from + 1);
		if (text) ring_peek(&conn->snd.queue, from - conn->snd.data, text, st.len = to - from);
	}
	st.data = text;
	put(conn, a, g, &st);
	free(text);
}

void stamps_acked(struct tcp_sock *conn, const struct segment *g)
{
	struct awaited_sends *s = sends_of(conn);

	if (!s) return;
	list_each(struct awaited, a, &s->list, node) {
		if (seq_ge(a->last, g->h.ack)) return;
		if (a->flags & STAMPS_ACK) put_acked(conn, a, g);
		send_forget(s, a);
	}
}

void stamps_forget(struct tcp_sock *conn)
{
	struct awaited_sends *s = sends_of(conn);

	while (s && s->count)
		send_forget(s, list_first(&s->list, struct awaited, node));
}

/* ---- the option ---- */

/* Numbers count from the first octet in flight or, as a later flag asks, from the next to be sent. */
static int set(struct sock *sk, const void *val, socklen_t len, bool new_layout)
{
	const struct tcp_sock *conn = tcp_of(sk);
	uint32_t flags = 0;
	int r;

	if (len >= sizeof flags) memcpy(&flags, val, sizeof flags);
	if (!(flags & ~STAMPS_ALL) && flags & STAMPS_ID && !(sk->timestamping & STAMPS_ID) && IN_STATES(conn, S_(CLOSED) | S_(LISTEN))) return -EINVAL;
	r = stamping_set(sk, val, len, new_layout, flags & STAMPS_ID_TCP ? snd_end(conn) : conn->snd.una);
	sock_ready(sk);
	return r;
}

static int set_old(struct sock *sk, const void *val, socklen_t len) { return set(sk, val, len, false); }
static int set_new(struct sock *sk, const void *val, socklen_t len) { return set(sk, val, len, true); }
static int get_old(struct sock *sk, void *val, socklen_t *len) { return stamping_get(sk, val, len, false); }
static int get_new(struct sock *sk, void *val, socklen_t *len) { return stamping_get(sk, val, len, true); }

#define ROW(n, t, g, s) {.level = SOL_SOCKET, .name = n, .text = t, .type = OPT_BLOB, .access = OPT_GET | OPT_SET, .get = g, .set = s, .note = "by software"}

const struct sockopt stamps_options[] = {
	ROW(37, "SO_TIMESTAMPING", get_old, set_old),
	ROW(65, "SO_TIMESTAMPING_NEW", get_new, set_new),
	{.text = NULL},
};
