/*
 * Segmentation offload: where the device cuts, several segments leave the stack as one packet.
 *
 *     segments in a packet = what 1 ms of the pacing rate carries, more on short round trips; two at least
 *                            but half of cwnd at most, so that ACKs come back spread over the round trip
 *
 * This is Linux's sizing, and its deferral: rather than to send less than a packet could hold, wait for an ACK that is due at once. The records of
 * rtxq.c are of single segments; TAG_HEAD says where a packet began, for what Linux does by packets: wmem.c, cuts.c, ack.c, resend.c, recovery.c.
 */
#include "stack/tcp/conn.h"

#define PACING_SHIFT 10
#define SOON (1 * NS_PER_MS)

uint32_t tso_segments(const struct tcp_sock *conn)
{
	const struct sysctl *sys = conn_sysctl(conn);
	uint32_t mss = snd_mss(conn), most = conn->snd.tso_bytes;
	uint64_t bytes = MIN(pacing_rate(conn) >> PACING_SHIFT, (uint64_t)most);
	uint64_t shift = conn->rtt.min == TIME_NEVER ? 32 : (uint64_t)(conn->rtt.min / NS_PER_US) >> sys->tcp_tso_rtt_log;

	if (!most) return 1;
	if (sys->tcp_tso_rtt_log && shift < 32) bytes += most >> shift;
	return MAX((uint32_t)MIN(bytes, (uint64_t)most) / mss, (uint32_t)sys->tcp_min_tso_segs);
}

/* How many octets Linux queues in one packet: whole segments, but of half the peer's window at most. 0: the device cuts nothing. */
uint32_t tso_goal(const struct tcp_sock *conn, bool urgent)
{
	uint32_t mss = snd_mss(conn), most = conn->snd.tso_bytes;

	if (!most || urgent) return most ? mss : 0;
	return MAX(snd_in_window(conn, most) / mss * mss, mss);
}

uint32_t tso_quota(const struct tcp_sock *conn)
{
	uint32_t flight = rtxq_in_flight(&conn->rtxq), cwnd = conn->cc.cwnd;

	if (flight >= cwnd) return 0;
	return conn->snd.tso_bytes ? MIN(MAX(cwnd / 2, 1u), cwnd - flight) : 1;
}

bool tso_should_defer(const struct tcp_sock *conn, uint32_t len)
{
	uint32_t mss = snd_mss(conn), whole = cuts_unsent(conn), cwnd = conn->cc.cwnd, flight = rtxq_in_flight(&conn->rtxq), limit;
	uint32_t divisor = (uint32_t)conn_sysctl(conn)->tcp_tso_win_divisor, part = divisor ? MIN(conn->snd.wnd, cwnd * mss) / divisor : UINT32_MAX;
	time_ns now = conn_now(conn), due;

	if (!conn->snd.tso_bytes || len < mss || snd_unsent(conn) <= mss || conn->rec.phase >= TCP_RECOVERY || !conn->rtxq.n) return false;
	if (now - conn->when.sent_data > SOON) return false;
	limit = MIN(conn->snd.una + conn->snd.wnd - conn->snd.nxt, (cwnd - MIN(flight, cwnd)) * mss);
	if (limit >= tso_segments(conn) * mss || limit >= part) return false;
	if (limit >= whole && (whole < snd_unsent(conn) || conn->snd.fin)) return false;
	due = rtxq_at(&conn->rtxq, 0)->at + conn->rtt.srtt;
	return due - now <= MIN(conn->rtt.srtt / 2, SOON);
}
