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

	if (!conn_sysctl(conn)->tcp_retrans_collapse || i + 1 >= q->n || (s[1].tag & TAG_SACKED) || (s[0].tag & TAG_EOR)) return false;
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
		rtxq_tag(q, s, s->tag & ~(unsigned)(TAG_PUSH | TAG_EOR));
	}
	while (goes_with(conn, i, room))
		rtxq_join(q, i);
	return 0;
}

/* Records i to i + n - 1 in one packet. */
static int transmit(struct tcp_sock *conn, uint32_t i, uint32_t n)
{
	const struct tcp_sent *s = rtxq_at(&conn->rtxq, i), *last = s + n - 1;
	seq32 end = snd_end(conn);
	bool fin = seq_gt(last->end, end), psh = n > 1 || (last->tag & TAG_PUSH);
	uint32_t len = (fin ? end : last->end) - s->seq;
	int r = segment_send(conn, s->seq, len, (uint8_t)(TCP_ACK | (psh ? TCP_PSH : 0) | (fin ? TCP_FIN : 0)));

	if (r >= 0) pacing_sent(conn, len);
	return r;
}

static void note_repeated(struct tcp_sock *conn, uint32_t i, uint32_t n)
{
	for (struct tcp_sent *s = rtxq_at(&conn->rtxq, i); n--; s++) {
		s->at = MAX(conn_now(conn), 1);
		rate_sent(conn, s);
		rtxq_tag(&conn->rtxq, s, s->tag | TAG_EVER);
		conn->count.total_retrans++;
		conn->count.bytes_retrans += s->end - s->seq - (seq_gt(s->end, snd_end(conn)) ? 1 : 0);
		conn_stack(conn)->tcp_retransmits++;
	}
}

int output_repeat(struct tcp_sock *conn, uint32_t i)
{
	uint32_t mss = snd_mss(conn);
	int r;

	mtuprobe_forget(conn);
	r = fit(conn, i);

	if (r == 0) r = transmit(conn, i, 1);
	if (r == -EMSGSIZE && snd_mss(conn) < mss) {
		/* The path became narrower. */
		r = fit(conn, i);
		if (r == 0) r = transmit(conn, i, 1);
	}
	note_repeated(conn, i, 1);
	if (r < 0) conn_mib(conn, TCPEXT_TCPRetransFail);
	return r;
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

static bool waits(const struct tcp_sent *s) { return (s->tag & TAG_LOST) && !(s->tag & (TAG_SACKED | TAG_RETRANS)); }

/* How many from i on go in one packet: those that left in one, as far as they are lost. */
static uint32_t together(const struct tcp_sock *conn, uint32_t i)
{
	const struct tcp_rtxq *q = &conn->rtxq;
	uint32_t n = 1, most = MIN(tso_segments(conn), conn->cc.cwnd - rtxq_in_flight(q));
	seq32 edge = conn->snd.una + conn->snd.wnd;

	/* What is left of one that was acknowledged in part is cut out by itself. */
	if (!conn->snd.tso_bytes || seq_lt(rtxq_at(q, i)->seq, conn->snd.una)) return 1;
	for (const struct tcp_sent *s = rtxq_at(q, i) + 1; n < most && i + n < q->n; n++, s++)
		if ((s->tag & TAG_HEAD) || !waits(s) || seq_gt(s->end, edge)) break;
	return n;
}

static int resend_together(struct tcp_sock *conn, uint32_t i, uint32_t n)
{
	struct tcp_rtxq *q = &conn->rtxq;
	int r;

	if (n == 1) return output_resend(conn, i);
	r = transmit(conn, i, n);
	if (r < 0) return r;
	note_repeated(conn, i, n);
	for (struct tcp_sent *s = rtxq_at(q, i), *end = s + n; s < end; s++) {
		rtxq_tag(q, s, s->tag | TAG_RETRANS);
		undo_resent(conn);
	}
	/* What it was one packet with begins a packet of its own. */
	if (i + n < q->n) rtxq_tag(q, rtxq_at(q, i + n), rtxq_at(q, i + n)->tag | TAG_HEAD);
	return 0;
}

void output_lost(struct tcp_sock *conn)
{
	struct tcp_rtxq *q = &conn->rtxq;
	bool rearm = false;

	for (uint32_t i = 0; i < q->n && q->retrans < q->lost; i++) {
		uint32_t n;
		if (rtxq_in_flight(q) >= conn->cc.cwnd || pacing_must_wait(conn)) break;
		if (!waits(rtxq_at(q, i))) continue;
		n = together(conn, i);
		if (resend_together(conn, i, n) < 0) break;
		conn_mib_add(conn, conn->rec.phase == TCP_LOSS ? TCPEXT_TCPSlowStartRetrans : TCPEXT_TCPFastRetrans, n);
		if (prr_is_active(conn)) conn->rec.prr_out += n;
		if (i == 0 && conn->timer_role != TCP_TIMER_REORDER) rearm = true;
		i += n - 1;
	}
	/* RFC 6298 §5 (5.4) by another way: the first was sent just now. */
	if (rearm) timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, rtt_timeout(conn));
}
