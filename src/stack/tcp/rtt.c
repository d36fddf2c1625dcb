/*
 * Round-trip time and the retransmission timeout.
 *
 *     RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|      SRTT = 7/8 SRTT + 1/8 R      RTO = SRTT + max(200 ms, 4 RTTVAR)
 *
 * One segment at a time is timed with the stack's own clock, which is finer than timestamps; when it was retransmitted
 * (Karn's algorithm), the echoed timestamp of RFC 7323 serves instead. The variance term has Linux's floor.
 *
 * Read first: RFC 6298.
 */
#include "stack/tcp/conn.h"

void rtt_init(struct tcp_sock *conn)
{
	conn->rtt.srtt = conn->rtt.rttvar = 0;
	/* RFC 6298 §2 (2.1) */
	conn->rtt.rto = TCP_RTO_INIT;
	conn->rtt.backoff = 0;
	conn->rtt.timing = false;
}

static void add_sample(struct tcp_sock *conn, time_ns r)
{
	time_ns delta = conn->rtt.srtt > r ? conn->rtt.srtt - r : r - conn->rtt.srtt;

	r = MAX(r, 1);
	if (conn->rtt.srtt == 0) {
		/* RFC 6298 §2 (2.2) */
		conn->rtt.srtt = r;
		conn->rtt.rttvar = r / 2;
	} else {
		/* RFC 6298 §2 (2.3) */
		conn->rtt.rttvar += (delta - conn->rtt.rttvar) / 4;
		conn->rtt.srtt = MAX(conn->rtt.srtt + (r - conn->rtt.srtt) / 8, 1);
	}
	conn->rtt.rto = MIN(conn->rtt.srtt + MAX(4 * conn->rtt.rttvar, TCP_RTO_MIN), TCP_RTO_MAX);
}

void rtt_start(struct tcp_sock *conn, seq32 seq)
{
	if (conn->rtt.timing) return;
	conn->rtt.timing = true;
	conn->rtt.seq = seq;
	conn->rtt.since = conn_now(conn);
}

/* RFC 6298 §3: no samples of what was sent twice (Karn). */
void rtt_retransmitted(struct tcp_sock *conn, seq32 seq)
{
	if (conn->rtt.timing && seq_le(seq, conn->rtt.seq)) conn->rtt.timing = false;
}

void rtt_acked(struct tcp_sock *conn, const struct segment *g)
{
	bool timed = conn->rtt.timing && seq_gt(g->h.ack, conn->rtt.seq);

	/* RFC 6298 §5 (5.7), as Linux: new data was acknowledged, the back-off ends. */
	conn->rtt.backoff = 0;
	if (timed) {
		add_sample(conn, conn_now(conn) - conn->rtt.since);
		conn->rtt.timing = false;
	} else if (!conn->rtt.timing && conn->opt.ts && g->h.opts.has_ts && g->h.opts.ts_ecr) {
		/* RFC 7323 §4.1: only of a segment that acknowledges new data. */
		int32_t ms = (int32_t)(ts_clock(conn_now(conn), conn->opt.offset) - g->h.opts.ts_ecr);
		/* When it echoes the first transmission, the path may have become slow, or just ACKs been lost during back-off. So it counts up to
		 * twice the RTO: a slow path is learnt in a few samples, and one mishap does not cost minutes. */
		if (ms >= 0) add_sample(conn, MIN(ms * NS_PER_MS, 2 * conn->rtt.rto));
	}
	/* RFC 6298 §5 (5.7): the SYN was repeated and nothing could be measured. */
	if (conn->rtt.srtt == 0) conn->rtt.rto = TCP_RTO_FALLBACK;
}

time_ns rtt_timeout(const struct tcp_sock *conn)
{
	time_ns rto = conn->rtt.rto;

	for (unsigned i = 0; i < conn->rtt.backoff && rto < TCP_RTO_MAX; i++)
		rto *= 2;
	/* RFC 6298 §2 (2.5) */
	return MIN(rto, TCP_RTO_MAX);
}
