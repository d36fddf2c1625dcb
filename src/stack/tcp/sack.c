/*
 * Selective acknowledgment, both ways.
 *
 *     receiving: the runs of reassembly.c are reported, the one that changed last first        RFC 2018 §4
 *                before them a duplicate that just arrived                                     RFC 2883 §4
 *     sending:   blocks tag the records of rtxq.c                                              RFC 6675 §3
 *
 *     ack    una        s0      s1          s2            nxt
 *      [dup)  |---------[=====)-[====)------[==========)---|
 *
 * A first block below the ACK, or inside the second block, tells of a duplicate. If the octets were sent twice by us,
 * one of the two was needless: undo.c counts.
 */
#include "stack/tcp/conn.h"

/* ---- receiving ---- */

/* As Linux: an early FIN belongs to the block that ends with it. */
static seq32 with_fin(const struct tcp_sock *conn, seq32 end) { return conn->rcv.fin && end == conn->rcv.fin_seq ? end + 1 : end; }

bool sack_reports(const struct tcp_sock *conn)
{
	return conn->rcv.dup.start != conn->rcv.dup.end || conn->rcv.ooo || (conn->rcv.fin && !conn->rcv.done);
}

uint8_t sack_report(const struct tcp_sock *conn, struct tcp_opts *o, uint8_t max)
{
	const struct tcp_runs *r = conn->rcv.ooo;
	uint8_t n = 0;

	/* RFC 2883 §4: the duplicate first, and once. */
	if (conn->rcv.dup.start != conn->rcv.dup.end) {
		o->sack[n].start = conn->rcv.dup.start;
		o->sack[n++].end = conn->rcv.dup.end;
	}
	if (!r && conn->rcv.fin && !conn->rcv.done) {
		o->sack[n].start = conn->rcv.fin_seq;
		o->sack[n++].end = conn->rcv.fin_seq + 1;
	}
	for (uint8_t i = 0; r && i < r->n_latest && n < max; i++) {
		o->sack[n].start = r->latest[i].start;
		o->sack[n++].end = with_fin(conn, r->latest[i].end);
	}
	return n;
}

void sack_note_duplicate(struct tcp_sock *conn, seq32 start, seq32 end)
{
	if (!conn->opt.sack || !conn_sysctl(conn)->tcp_dsack || !seq_lt(start, end)) return;
	conn_mib(conn, seq_lt(start, conn->rcv.nxt) ? TCPEXT_TCPDSACKOldSent : TCPEXT_TCPDSACKOfoSent);
	conn->rcv.dup = (struct seq_range){start, end};
}

/* As Linux: more of it, if it touches what is to be told already. */
void sack_extend_duplicate(struct tcp_sock *conn, seq32 start, seq32 end)
{
	struct seq_range *dup = &conn->rcv.dup;

	if (dup->start == dup->end) {
		sack_note_duplicate(conn, start, end);
	} else if (seq_le(start, dup->end) && seq_le(dup->start, end)) {
		if (seq_lt(start, dup->start)) dup->start = start;
		if (seq_gt(end, dup->end)) dup->end = end;
	}
}

/* ---- D-SACK ---- */

static struct seq_range block(const struct segment *g, uint8_t i)
{
	return (struct seq_range){g->h.opts.sack[i].start, g->h.opts.sack[i].end};
}

/* RFC 2883 §4: is the first block about a duplicate? */
static bool first_is_duplicate(const struct segment *g)
{
	struct seq_range first = block(g, 0), second = block(g, 1);

	if (seq_lt(first.start, g->h.ack)) return true;
	return g->h.opts.n_sack > 1 && seq_le(first.end, second.end) && seq_ge(first.start, second.start);
}

/* RFC 3708 §2: how many retransmissions it proves needless; 0 when it can't be ours. */
static uint32_t learn_duplicate(struct tcp_sock *conn, const struct segment *g, struct tcp_acked *a)
{
	struct seq_range dup = block(g, 0);
	uint32_t len = dup.end - dup.start, mss = snd_mss_plain(conn), segments = 1;

	if (!seq_lt(dup.start, dup.end) || len > conn->snd.max_wnd) return 0;
	if (len > mss)
		segments = (len + mss - 1) / mss;
	else if (conn->rec.tlp_end && conn->rec.tlp_end == dup.end)
		a->dsack_of_probe = true;
	conn->count.dsack_dups += segments;
	/* More than we ever sent again: the network, or a liar, made them. */
	if (conn->count.dsack_dups > conn->count.total_retrans) return 0;
	conn->rec.dsack_seen = true;
	/* RFC 8985 §6.2 step 4: it widens the reordering window, unless a tail probe explains it. */
	if (conn->rec.reord_seen && !a->dsack_of_probe) conn->rack.dsack_seen = true;
	a->dsack = true;
	conn->cc.delivered += segments;
	return segments;
}

/* ---- sending: the tags ---- */

static void sacked_first_time(struct tcp_sock *conn, struct tcp_sent *s, struct tcp_acked *a)
{
	seq32 highest = rtxq_sacked_to(conn);
	uint8_t tag = s->tag;

	rack_advance(conn, s);
	rate_delivered(conn, s, a);
	a->sample_delivered = MAX(a->sample_delivered, s->delivered);
	if (!(tag & TAG_EVER)) {
		/* It was in a hole, and was not sent again: the network reordered it. */
		if (seq_lt(s->seq, highest) && seq_lt(s->seq, a->reord)) a->reord = s->seq;
		if (seq_le(s->end, conn->rec.point)) a->orig_delivered = true;
		if (!a->first_sacked) a->first_sacked = s->at;
		a->last_sacked = s->at;
	}
	/* The retransmission of one deemed lost may be in the network still, but now nobody waits for it. */
	if (tag & TAG_LOST) tag &= (uint8_t) ~(TAG_LOST | TAG_RETRANS);
	rtxq_tag(&conn->rtxq, s, tag | TAG_SACKED);
	a->sacked_new = true;
	conn->cc.delivered++;
	if (seq_gt(s->end, highest)) conn->rtxq.sacked_to = s->end;
}

static void tag_duplicate(struct tcp_sock *conn, struct tcp_sent *s, struct tcp_acked *a)
{
	if (!(s->tag & TAG_EVER)) return;
	undo_count(conn, s->end, 1);
	if ((s->tag & TAG_SACKED) && seq_lt(s->seq, a->reord)) a->reord = s->seq;
}

static void tag_range(struct tcp_sock *conn, struct seq_range b, bool duplicate, struct tcp_acked *a)
{
	struct tcp_rtxq *q = &conn->rtxq;

	for (uint32_t i = rtxq_find(q, b.start); i < q->n; i++) {
		struct tcp_sent *s = rtxq_at(q, i);
		if (seq_gt(s->end, b.end)) return;
		/* A part of a segment is not the segment. */
		if (seq_lt(s->seq, b.start)) continue;
		if (duplicate) tag_duplicate(conn, s, a);
		if (seq_gt(s->end, conn->snd.una) && !(s->tag & TAG_SACKED)) sacked_first_time(conn, s, a);
		if (duplicate && (s->tag & TAG_RETRANS)) rtxq_tag(q, s, s->tag & ~(unsigned)TAG_RETRANS);
	}
}

/* Is the block about octets we sent, above una, or at least (a duplicate) not too far below? */
static bool is_possible(const struct tcp_sock *conn, struct seq_range b, bool duplicate)
{
	if (seq_gt(b.end, conn->snd.nxt) || !seq_lt(b.start, b.end) || !seq_lt(b.start, conn->snd.nxt)) return false;
	if (seq_gt(b.start, conn->snd.una)) return true;
	if (!duplicate || !conn->rec.can_undo) return false;
	return !seq_gt(b.end, conn->snd.una) ? seq_ge(b.start, conn->rec.undo_from) : true;
}

static void count_duplicate(const struct tcp_sock *conn, const struct segment *g, uint32_t segments)
{
	conn_mib(conn, seq_lt(block(g, 0).start, g->h.ack) ? TCPEXT_TCPDSACKRecv : TCPEXT_TCPDSACKOfoRecv);
	if (segments) conn_mib_add(conn, TCPEXT_TCPDSACKRecvSegs, segments);
	else conn_mib(conn, TCPEXT_TCPDSACKIgnoredDubious);
}

/* As Linux: an old ACK may well tell of what is acknowledged by now. */
static void count_discarded(const struct tcp_sock *conn, const struct segment *g, struct seq_range b, bool duplicate)
{
	if (duplicate) conn_mib(conn, conn->rec.can_undo ? TCPEXT_TCPDSACKIgnoredOld : TCPEXT_TCPDSACKIgnoredNoUndo);
	else if (g->h.ack == conn->snd.una || seq_gt(b.end, conn->snd.una)) conn_mib(conn, TCPEXT_TCPSACKDiscard);
}

void sack_learn(struct tcp_sock *conn, const struct segment *g, seq32 prior_una, struct tcp_acked *a)
{
	uint32_t segments;
	bool duplicate;

	if (!conn->opt.sack || !g->h.opts.n_sack) return;
	duplicate = first_is_duplicate(g);
	segments = duplicate ? learn_duplicate(conn, g, a) : 0;
	if (duplicate) count_duplicate(conn, g, segments);
	/* About octets whose records are gone already. */
	if (segments && seq_le(block(g, 0).end, prior_una)) undo_count(conn, block(g, 0).end, segments);
	for (uint8_t i = 0; i < g->h.opts.n_sack; i++) {
		bool is_dup = duplicate && i == 0;
		if (is_dup && !segments) continue;
		if (is_possible(conn, block(g, i), is_dup)) tag_range(conn, block(g, i), is_dup, a);
		else count_discarded(conn, g, block(g, i), is_dup);
	}
	if (conn->rec.phase != TCP_LOSS || conn->rec.can_undo) rack_note_reordering(conn, a->reord, TCPEXT_TCPSACKReorder);
}
