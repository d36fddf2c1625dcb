/*
 * Segmentation offload: where the device cuts, several segments leave the stack as one packet.
 *
 *     segments in a packet = what 1 ms of the pacing rate carries, more on short round trips; two at least
 *                            but half of cwnd at most, so that ACKs come back spread over the round trip
 *
 * This is Linux's sizing, and its deferral: rather than to send less than a packet could hold, wait for an ACK that is
 * due at once. Nothing else in TCP knows of it: the records of rtxq.c are of single segments.
 */
#include "stack/tcp/conn.h"

#define SEGMENTS_MIN 2u                /* net.ipv4.tcp_min_tso_segs */
#define RTT_LOG 9                      /* net.ipv4.tcp_tso_rtt_log */
#define WIN_DIVISOR 3                  /* net.ipv4.tcp_tso_win_divisor */
#define PACING_SHIFT 10
#define SOON (1 * NS_PER_MS)

uint32_t tso_segments(const struct tcp_sock *conn)
{
	uint32_t mss = snd_mss(conn), most = conn->snd.tso_bytes;
	uint64_t bytes = MIN(pacing_rate(conn) >> PACING_SHIFT, (uint64_t)most);
	uint64_t shift = conn->rtt.min == TIME_NEVER ? 32 : (uint64_t)(conn->rtt.min / NS_PER_US) >> RTT_LOG;

	if (!most) return 1;
	if (shift < 32) bytes += most >> shift;
	return MAX((uint32_t)MIN(bytes, (uint64_t)most) / mss, SEGMENTS_MIN);
}

uint32_t tso_quota(const struct tcp_sock *conn)
{
	uint32_t flight = rtxq_in_flight(&conn->rtxq), cwnd = conn->cc.cwnd;

	if (flight >= cwnd) return 0;
	return conn->snd.tso_bytes ? MIN(MAX(cwnd / 2, 1u), cwnd - flight) : 1;
}

bool tso_should_defer(const struct tcp_sock *conn, uint32_t len)
{
	uint32_t mss = snd_mss(conn), cwnd = conn->cc.cwnd, flight = rtxq_in_flight(&conn->rtxq), limit;
	time_ns now = conn_now(conn), due;

	if (!conn->snd.tso_bytes || len < mss || snd_unsent(conn) <= mss || conn->rec.phase >= TCP_RECOVERY || !conn->rtxq.n) return false;
	if (now - conn->when.sent_data > SOON) return false;
	limit = MIN(conn->snd.una + conn->snd.wnd - conn->snd.nxt, (cwnd - MIN(flight, cwnd)) * mss);
	if (limit >= tso_segments(conn) * mss || limit >= snd_unsent(conn) || limit >= MIN(conn->snd.wnd, cwnd * mss) / WIN_DIVISOR) return false;
	due = rtxq_at(&conn->rtxq, 0)->at + conn->rtt.srtt;
	return due - now <= MIN(conn->rtt.srtt / 2, SOON);
}
