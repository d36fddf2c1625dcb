/*
 * Sending again. What is lost goes in the order of its sequence numbers, before anything new, while cwnd has room; a
 * segment is cut to what fits now, and small ones that follow each other go together.
 *
 * Read first: RFC 6675 §5 (NextSeg), RFC 9293 §3.8.1.
 */
#include "stack/tcp/conn.h"
#include <errno.h>

/* The next record follows in the same segment? As Linux, when neither is sacked. */
static bool goes_with(const struct tcp_sock *conn, uint32_t i, uint32_t room)
{
	const struct tcp_rtxq *q = &conn->rtxq;
	const struct tcp_sent *s = rtxq_at(q, i);

	if (!conn_sysctl(conn)->tcp_retrans_collapse || i + 1 >= q->n || (s[1].tag & TAG_SACKED)) return false;
	return s[1].end - s[0].seq <= room && seq_le(s[1].end, conn->snd.una + conn->snd.wnd);
}

/* Makes record i what one segment carries. */
static int fit(struct tcp_sock *conn, uint32_t i)
{
	struct tcp_rtxq *q = &conn->rtxq;
	struct tcp_sent *s = rtxq_at(q, i);
	seq32 edge = conn->snd.una + conn->snd.wnd;
	uint32_t room = snd_mss(conn);

	if (seq_lt(s->seq, conn->snd.una)) s->seq = conn->snd.una;
	/* The window shrank: only the first may go, as a probe. */
	if (!seq_lt(s->seq, edge) && s->seq != conn->snd.una) return -EAGAIN;
	if (seq_lt(s->seq, edge)) room = MIN(room, edge - s->seq);
	if (s->end - s->seq > room && seq_lt(s->seq + room, snd_end(conn))) {
		if (!rtxq_split(q, i, s->seq + room)) return -ENOMEM;
		s = rtxq_at(q, i);
		rtxq_tag(q, s, s->tag & ~(unsigned)TAG_PUSH);
	}
	while (goes_with(conn, i, room))
		rtxq_join(q, i);
	return 0;
}

static int transmit(struct tcp_sock *conn, uint32_t i)
{
	struct tcp_sent *s = rtxq_at(&conn->rtxq, i);
	seq32 end = snd_end(conn);
	bool fin = seq_gt(s->end, end);
	uint32_t len = (fin ? end : s->end) - s->seq;

	return segment_send(conn, s->seq, len, (uint8_t)(TCP_ACK | (s->tag & TAG_PUSH ? TCP_PSH : 0) | (fin ? TCP_FIN : 0)));
}

int output_repeat(struct tcp_sock *conn, uint32_t i)
{
	struct tcp_sent *s;
	uint32_t mss = snd_mss(conn);
	int r = fit(conn, i);

	if (r == 0) r = transmit(conn, i);
	if (r == -EMSGSIZE && snd_mss(conn) < mss) {
		/* The path became narrower. */
		r = fit(conn, i);
		if (r == 0) r = transmit(conn, i);
	}
	s = rtxq_at(&conn->rtxq, i);
	s->at = MAX(conn_now(conn), 1);
	s->delivered = conn->cc.delivered;
	conn->count.total_retrans++;
	conn_stack(conn)->tcp_retransmits++;
	if (r < 0) return r;
	rtxq_tag(&conn->rtxq, s, s->tag | TAG_EVER);
	conn->count.bytes_retrans += s->end - s->seq;
	return 0;
}

int output_resend(struct tcp_sock *conn, uint32_t i)
{
	int r = output_repeat(conn, i);
	struct tcp_sent *s = rtxq_at(&conn->rtxq, i);

	if (r < 0) return r;
	rtxq_tag(&conn->rtxq, s, s->tag | TAG_RETRANS);
	undo_resent(conn);
	return 0;
}

void output_lost(struct tcp_sock *conn)
{
	struct tcp_rtxq *q = &conn->rtxq;
	bool rearm = false;

	for (uint32_t i = 0; i < q->n && q->retrans < q->lost; i++) {
		uint8_t tag = rtxq_at(q, i)->tag;
		if (rtxq_in_flight(q) >= conn->cc.cwnd) break;
		if (!(tag & TAG_LOST) || (tag & (TAG_SACKED | TAG_RETRANS))) continue;
		if (output_resend(conn, i) < 0) break;
		if (prr_is_active(conn)) conn->rec.prr_out++;
		if (i == 0 && conn->timer.role != TCP_TIMER_REORDER) rearm = true;
	}
	/* RFC 6298 §5 (5.4) by another way: the first was sent just now. */
	if (rearm) timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, rtt_timeout(conn));
}
