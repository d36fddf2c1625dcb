/*
 * The options of segments that come. What is said of the stream counts at once; what may end a subflow, or the connection, waits for the end of the
 * segment (mptcp_turn), as TCP is still at it.
 *
 * Read first: RFC 8684 §3.3, §3.5, §3.6.
 */
#include <linux/mptcp.h>
#include "stack/mptcp/msk.h"

/* The number near `known` with these last 32 bits. */
static uint64_t expand(uint64_t known, uint32_t low) { return known + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)known); }

static struct map map_of(const struct subflow *sub, const struct mptcp_dss *d)
{
	struct mptcp_sock *msk = sub->msk;
	uint64_t dsn = d->dsn64 ? d->dsn : expand(msk->rcv.nxt, (uint32_t)d->dsn);

	return (struct map){.seq = sub->conn->rcv.irs + d->ssn, .len = (uint32_t)(d->len - d->fin), .dsn = dsn, .csum = d->csum,
			    .has_csum = msk->checksum && d->has_csum, .fin = d->fin};
}

static void take_data_fin(struct subflow *sub, const struct map *m)
{
	struct mptcp_sock *msk = sub->msk;
	bool done = msk->rcv.done;

	msk_fin_received(msk, m->dsn + m->len);
	/* RFC 8684 §3.3.3: it is acknowledged, at the first time and when it comes again. */
	if (msk->rcv.done) sub->ack_due = true;
	if (!done && msk->rcv.done) msk->ack_all = true;
}

static enum drop_reason take_map(struct subflow *sub, const struct segment *g, const struct mptcp_dss *d)
{
	struct mptcp_sock *msk = sub->msk;
	struct map m = map_of(sub, d);

	msk->ack64 = msk->ack64 || d->dsn64;
	/* RFC 8684 §3.7: a length of 0 is a map without end: TCP from here on. */
	if (!d->len) {
		if (g->len && sub->node.next == sub->node.prev) msk_fall_back(msk);
		return DROP_NONE;
	}
	/* RFC 8684 §3.3.1: with checksums agreed on, a map without one ends the subflow. */
	if (msk->checksum && !d->has_csum && d->ssn) {
		sub->rst_reason = MPTCP_RST_EMPTCP;
		sub->doomed = true;
		return DROP_TCP_BAD;
	}
	/* As Linux: a segment that is sent again has its map again; one that nothing can be kept of comes again. */
	if (m.len && g->len && !subflow_map(sub, &m)) return DROP_TCP_RCVBUF;
	if (d->fin) take_data_fin(sub, &m);
	return DROP_NONE;
}

/* The first text of who connects says its length in MP_CAPABLE; the stream begins there. */
static enum drop_reason take_first_map(struct subflow *sub, const struct segment *g, const struct mptcp_capable *c)
{
	struct mptcp_dss d = {.has_map = true, .dsn64 = true, .ssn = 1, .len = c->len, .has_csum = c->has_csum, .csum = c->csum};

	d.dsn = sub->msk->rcv.begin;
	return c->len && g->len ? take_map(sub, g, &d) : DROP_NONE;
}

/* RFC 8684 §3.1, §3.2: does the peer know that we know? Whoever sent the SYN hears it from the first segment behind the handshake. */
static bool learn_fully(struct subflow *sub, const struct segment *g, const struct mptcp_opts *o)
{
	if (sub->fully) return true;
	if ((MPTCP_HAS(o, MPTCP_DSS) && o->dss.has_ack) || (MPTCP_HAS(o, MPTCP_ADD_ADDR) && !o->add.echo)) {
		subflow_established_fully(sub);
		return true;
	}
	if (g->h.seq != sub->conn->rcv.irs + 1) return true;
	if (sub->join) {
		sub->rst_reason = MPTCP_RST_EMPTCP;
		sub->doomed = true;
	} else {
		msk_fall_back(sub->msk);
	}
	return false;
}

/* RFC 8684 §3.5: only with our key. */
static void take_fastclose(struct mptcp_sock *msk, const struct mptcp_opts *o)
{
	if (!MPTCP_HAS(o, MPTCP_FASTCLOSE) || o->fastclose.key != msk->local_key) return;
	msk->fastclosed = true;
	msk_schedule(msk);
}

void mptcp_reset(struct tcp_sock *conn, const struct segment *g)
{
	struct subflow *sub = conn->mptcp;
	struct mptcp_opts o;

	if (!sub->msk || !sub->agreed || sub->msk->fallback) return;
	mptcp_parse(&o, &g->h.opts, g->h.flags);
	take_fastclose(sub->msk, &o);
}

static void take_word(struct subflow *sub, const struct mptcp_opts *o)
{
	struct mptcp_sock *msk = sub->msk;

	take_fastclose(msk, o);
	if (MPTCP_HAS(o, MPTCP_ADD_ADDR)) pm_add_addr(sub, &o->add);
	if (MPTCP_HAS(o, MPTCP_REMOVE_ADDR)) pm_remove_addr(msk, o->remove.id, o->remove.n);
	if (MPTCP_HAS(o, MPTCP_PRIO)) sub->peer_backup = o->prio.backup;
	if (MPTCP_HAS(o, MPTCP_FAIL)) {
		/* RFC 8684 §3.7: the peer could not use our maps: what follows has none; with others the subflow is reset by who says so. */
		if (sub->node.next == sub->node.prev) msk_fall_back(msk);
	}
}

enum drop_reason mptcp_segment(struct tcp_sock *conn, const struct segment *g)
{
	struct subflow *sub = conn->mptcp;
	struct mptcp_sock *msk = sub->msk;
	struct mptcp_opts o;

	if (!msk || sub->listener || !sub->agreed || msk->fallback) return DROP_NONE;
	mptcp_parse(&o, &g->h.opts, g->h.flags);
	/* The third ACK of a join again: ours was lost. */
	if (sub->join && !sub->active && MPTCP_HAS(&o, MPTCP_JOIN)) sub->ack_due = true;
	if (!learn_fully(sub, g, &o)) return DROP_NONE;
	take_word(sub, &o);
	if (MPTCP_HAS(&o, MPTCP_DSS) && o.dss.has_ack)
		msk_acked(msk, o.dss.ack64 ? o.dss.ack : expand(msk->snd.una, (uint32_t)o.dss.ack), g->wnd);
	if (MPTCP_HAS(&o, MPTCP_DSS) && o.dss.has_map) return take_map(sub, g, &o.dss);
	if (MPTCP_HAS(&o, MPTCP_CAPABLE) && o.capable.has_len) return take_first_map(sub, g, &o.capable);
	return DROP_NONE;
}

void mptcp_turn(struct tcp_sock *conn)
{
	struct subflow *sub = conn->mptcp;
	struct mptcp_sock *msk = sub->msk;

	if (!msk || sub->listener) return;
	if (sub->ack_due && !msk->ack_all) segment_send_ack(conn);
	sub->ack_due = false;
	maps_drop(&sub->out, conn->snd.una);
	msk_work(msk);
}
