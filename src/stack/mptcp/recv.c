/*
 * What comes: octets of a subflow become octets of the stream.
 *
 *     subflow's queue    [======|====|=====      in order for TCP
 *     maps               dsn 100   7   40        each says where its octets go
 *
 *     stream             |=== rcv.queue ===| nxt   [early]   [early]  edge
 *
 * Octets go to the stream as soon as TCP has them in order; with checksums, when the whole map is there and right. What the stream has already, or was
 * never offered room for, is thrown away: the peer sends the latter again.
 *
 * Read first: RFC 8684 §3.3.1, §3.3.4, §3.7.
 */
#include <errno.h>
#include <linux/mptcp.h>
#include <stdlib.h>
#include "stack/mptcp/msk.h"

/* ---- the stream ---- */

static void early_remove(struct mptcp_sock *msk, uint32_t at)
{
	msk->rcv.early_octets -= msk->rcv.early[at].data.len;
	ring_free(&msk->rcv.early[at].data);
	memmove(&msk->rcv.early[at], &msk->rcv.early[at + 1], (--msk->rcv.n_early - at) * sizeof *msk->rcv.early);
}

void early_free(struct mptcp_sock *msk)
{
	while (msk->rcv.n_early)
		early_remove(msk, msk->rcv.n_early - 1);
	free(msk->rcv.early);
	msk->rcv.early = NULL;
}

static uint64_t early_end(const struct early *e) { return e->dsn + e->data.len; }

static bool early_append(struct mptcp_sock *msk, struct early *e, const uint8_t *data, uint32_t len)
{
	if (ring_append(&e->data, data, len) < 0) return false;
	msk->rcv.early_octets += len;
	return true;
}

static struct early *early_insert(struct mptcp_sock *msk, uint32_t at, uint64_t dsn)
{
	struct early *all = msk->rcv.early;

	if (msk->rcv.n_early == MPTCP_EARLY_MAX) return NULL;
	if (!all) all = msk->rcv.early = calloc(MPTCP_EARLY_MAX, sizeof *all);
	if (!all) return NULL;
	memmove(&all[at + 1], &all[at], (msk->rcv.n_early++ - at) * sizeof *all);
	all[at].dsn = dsn;
	ring_init(&all[at].data);
	return &all[at];
}

/* Into the runs, which are sorted and disjoint: piece by piece, as some of it may be there already. */
static void early_put(struct mptcp_sock *msk, uint64_t dsn, const uint8_t *data, uint32_t len)
{
	while (len) {
		struct early *all = msk->rcv.early, *e = NULL;
		uint32_t i = 0, n = len;

		while (i < msk->rcv.n_early && !dsn_lt(dsn, early_end(&all[i]))) i++;
		if (i < msk->rcv.n_early && !dsn_lt(dsn, all[i].dsn)) {
			n = (uint32_t)MIN(early_end(&all[i]) - dsn, (uint64_t)len);       /* it has that */
		} else {
			if (i < msk->rcv.n_early && dsn_lt(all[i].dsn, dsn + len)) n = (uint32_t)(all[i].dsn - dsn);
			e = i && early_end(&all[i - 1]) == dsn ? &all[i - 1] : early_insert(msk, i, dsn);
			if (!e || !early_append(msk, e, data, n)) return;
		}
		dsn += n;
		data += n;
		len -= n;
	}
}

static bool in_order(struct mptcp_sock *msk, const uint8_t *data, uint32_t len)
{
	if (ring_append(&msk->rcv.queue, data, len) < 0) return false;
	msk->rcv.nxt += len;
	msk->count.received += len;
	return true;
}

/* What waited for what has just come. */
static void early_drain(struct mptcp_sock *msk)
{
	while (msk->rcv.n_early && !dsn_lt(msk->rcv.nxt, msk->rcv.early[0].dsn)) {
		struct ring *r = &msk->rcv.early[0].data;
		uint8_t buf[4096];
		uint64_t known = MIN(msk->rcv.nxt - msk->rcv.early[0].dsn, (uint64_t)r->len);
		for (size_t off = (size_t)known; off < r->len;) {
			size_t n = MIN(sizeof buf, r->len - off);
			ring_peek(r, off, buf, n);
			if (!in_order(msk, buf, (uint32_t)n)) return;
			off += n;
		}
		early_remove(msk, 0);
	}
}

static void fin_reached(struct mptcp_sock *msk)
{
	if (!msk->rcv.fin || msk->rcv.done || msk->rcv.nxt != msk->rcv.fin_at) return;
	msk->rcv.nxt++;
	msk->rcv.done = true;
	msk->inet.sk.shut |= 1;
	msk_schedule(msk);
}

void msk_deliver(struct mptcp_sock *msk, uint64_t dsn, const uint8_t *data, uint32_t len)
{
	uint64_t old = dsn_lt(dsn, msk->rcv.nxt) ? MIN(msk->rcv.nxt - dsn, (uint64_t)len) : 0;

	dsn += old;
	data += old;
	len -= (uint32_t)old;
	if (dsn_lt(msk->rcv.edge, dsn + len)) len = dsn_lt(dsn, msk->rcv.edge) ? (uint32_t)(msk->rcv.edge - dsn) : 0;
	if (msk->rcv.fin && dsn_lt(msk->rcv.fin_at, dsn + len)) len = dsn_lt(dsn, msk->rcv.fin_at) ? (uint32_t)(msk->rcv.fin_at - dsn) : 0;
	if (!len || msk->rcv.done) return;
	if (dsn != msk->rcv.nxt) {
		early_put(msk, dsn, data, len);
		return;
	}
	if (in_order(msk, data, len)) early_drain(msk);
	fin_reached(msk);
}

/* RFC 8684 §3.3.3: DATA_FIN takes a number of its own. The first one that can be stands. */
void msk_fin_received(struct mptcp_sock *msk, uint64_t at)
{
	if (!msk->rcv.fin && !dsn_lt(at, msk->rcv.nxt) && !dsn_lt(msk->rcv.edge, at)) {
		msk->rcv.fin = true;
		msk->rcv.fin_at = at;
	}
	fin_reached(msk);
}

/* ---- maps ---- */

static bool covers(const struct map *a, const struct map *b)
{
	if (a->has_csum || b->has_csum) return a->seq == b->seq && a->len == b->len && a->dsn == b->dsn;
	return seq_le(a->seq, b->seq) && seq_ge(a->seq + a->len, b->seq + b->len) && b->dsn - a->dsn == b->seq - a->seq;
}

/* Segments that follow each other have maps that do: without a checksum they are one. */
static bool joins(struct map *a, const struct map *b)
{
	if (a->has_csum || b->has_csum || a->seq + a->len != b->seq || a->dsn + a->len != b->dsn) return false;
	a->len += b->len;
	return true;
}

bool subflow_map(struct subflow *sub, const struct map *m)
{
	seq32 to = sub->conn->rcv.nxt - sub->conn->rcv.done - sub->conn->rcv.queued;

	if (seq_le(m->seq + m->len, to)) return true;
	for (uint32_t i = sub->in.n; i; i--) {
		struct map *at = &sub->in.at[sub->in.first + i - 1];
		if (covers(at, m) || joins(at, m)) return true;
	}
	/* What is next in order is always taken, or nothing would ever make room. */
	return (sub->in.n < MPTCP_MAPS_MAX || seq_le(m->seq, sub->conn->rcv.nxt)) && maps_add(&sub->in, m);
}

/* The next octets of the subflow's queue, from offset on, to the stream. */
static void hand_over(struct tcp_sock *conn, uint64_t dsn, uint32_t len)
{
	uint32_t left = len;

	list_each(struct packet, p, &conn->rcv.queue, node) {
		uint32_t n = MIN(left, p->len);
		msk_deliver(conn->mptcp->msk, dsn, p->data, n);
		dsn += n;
		left -= n;
		if (!left) break;
	}
	conn_take_out(conn, len);
}

static uint16_t sum_of(const struct subflow *sub, const struct map *m, uint16_t map_len)
{
	uint8_t head[16] = {0}, *all = malloc(m->len);
	uint32_t off = 0;
	uint16_t r;

	if (!all) return 1;
	write32(head, (uint32_t)(m->dsn >> 32));
	write32(head + 4, (uint32_t)m->dsn);
	write32(head + 8, m->seq - sub->conn->rcv.irs);
	write16(head + 12, map_len);
	write16(head + 14, m->csum);
	list_each(struct packet, p, &sub->conn->rcv.queue, node) {
		uint32_t n = MIN(m->len - off, p->len);
		memcpy(all + off, p->data, n);
		off += n;
		if (off == m->len) break;
	}
	r = csum_fold(csum_add(csum_add(0, head, sizeof head), all, m->len));
	free(all);
	return r;
}

/* RFC 8684 §3.7: a wrong checksum with one subflow only is a middlebox that changes octets: from here on it is TCP; with more, this one goes. */
static void checksum_failed(struct subflow *sub, const struct map *m)
{
	struct mptcp_sock *msk = sub->msk;

	sub->rst_reason = MPTCP_RST_EMIDDLEBOX;
	sub->fail_due = true;
	sub->fail_dsn = m->dsn;
	if (msk->subflows.next->next != &msk->subflows || msk->rcv.n_early) {
		sub->doomed = true;
		return;
	}
	segment_send_ack(sub->conn);
	msk_fall_back(msk);
}

static void take_plain(struct tcp_sock *conn)
{
	struct mptcp_sock *msk = conn->mptcp->msk;

	if (conn->rcv.queued) {
		uint64_t end = msk->rcv.edge = msk->rcv.nxt + conn->rcv.queued;
		hand_over(conn, msk->rcv.nxt, conn->rcv.queued);
		/* Without memory they are lost, and nobody sends them again. */
		if (dsn_lt(msk->rcv.nxt, end)) conn->mptcp->doomed = true;
	}
	if (conn->rcv.done) {
		msk->rcv.done = true;
		msk->inet.sk.shut |= 1;
	}
}

/* Octets that no map is for: a middlebox took the options, or the peer lies. */
static void unmapped(struct subflow *sub)
{
	if (!sub->join && !sub->mapped && list_first(&sub->msk->subflows, struct subflow, node)->node.next == &sub->msk->subflows) {
		msk_fall_back(sub->msk);
		return;
	}
	sub->rst_reason = MPTCP_RST_EMPTCP;
	sub->doomed = true;
}

/* true: there may be more. */
static bool take_mapped(struct subflow *sub)
{
	struct tcp_sock *conn = sub->conn;
	seq32 at = conn->rcv.nxt - conn->rcv.done - conn->rcv.queued;
	struct map *m;
	uint32_t n;

	maps_drop(&sub->in, at);
	m = sub->in.n ? &sub->in.at[sub->in.first] : NULL;
	if (!m || seq_gt(m->seq, at)) {
		unmapped(sub);
		return sub->msk->fallback;
	}
	sub->mapped = true;
	n = MIN(m->seq + m->len - at, conn->rcv.queued);
	if (m->has_csum && !m->checked) {
		if (m->seq == at && n < m->len) return false;      /* not all of it is there */
		if (m->seq == at && sum_of(sub, m, (uint16_t)(m->len + m->fin)) != 0) {
			checksum_failed(sub, m);
			return sub->msk->fallback;
		}
		m->checked = true;
	}
	hand_over(conn, m->dsn + (at - m->seq), n);
	return true;
}

void mptcp_take(struct tcp_sock *conn)
{
	struct subflow *sub = conn->mptcp;

	if (!sub->msk || sub->listener || !IN_STATES(conn, STATES_SYNCED)) return;
	while (!sub->msk->fallback && !sub->doomed && conn->rcv.queued && take_mapped(sub)) {}
	if (sub->msk->fallback && !sub->doomed) take_plain(conn);
}

uint32_t mptcp_held(const struct tcp_sock *conn)
{
	const struct mptcp_sock *msk = conn->mptcp->msk;

	/* The octets alone are kept, not what they came in. */
	return msk ? msk->rcv.queue.len + msk->rcv.early_octets + msk->inet.sk.lent : 0;
}

bool mptcp_unread(const struct tcp_sock *conn)
{
	const struct mptcp_sock *msk = conn->mptcp->msk;

	return msk && (msk->rcv.queue.len || msk->inet.sk.lent);
}

/* ---- the program ---- */

void mptcp_consumed(struct sock *sk)
{
	struct mptcp_sock *msk = msk_of(sk);

	list_each(struct subflow, sub, &msk->subflows, node)
		window_consumed(sub->conn);
}

static int nothing(struct mptcp_sock *msk)
{
	struct sock *sk = &msk->inet.sk;

	if (sk->err) return -sock_take_error(sk);
	if (msk->rcv.done || (sk->shut & 1)) return 0;
	return msk->state == MSK_OPEN || msk->state == MSK_OPENING ? -EAGAIN : -ENOTCONN;
}

int mptcp_nothing_to_read(struct sock *sk) { return nothing(msk_of(sk)); }

ssize_t mptcp_recv(struct sock *sk, struct sock_msg *m)
{
	struct mptcp_sock *msk = msk_of(sk);
	size_t n = MIN((size_t)msk->rcv.queue.len, m->len);
	int flags = m->flags;

	m->name_len = 0;
	m->control_len = 0;
	m->flags = 0;
	/* As Linux: there is no urgent data in a stream of this kind, nor errors that wait; who wants nothing has it. */
	if (flags & MSG_ERRQUEUE) return -EAGAIN;
	if (msk->state == MSK_LISTEN) return -ENOTCONN;
	if (!m->len) return 0;
	if (!n) return nothing(msk);
	if (!(flags & MSG_TRUNC)) ring_peek(&msk->rcv.queue, 0, m->data, n);
	if (flags & MSG_PEEK) return (ssize_t)n;
	ring_consume(&msk->rcv.queue, n);
	if (flags & MSG_LEND) sk->lent += (uint32_t)n;
	else mptcp_consumed(sk);
	return (ssize_t)n;
}
