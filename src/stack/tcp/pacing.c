/*
 * Pacing: segments leave no faster than a rate, instead of a window at once. It is on when the program sets a rate
 * (SO_MAX_PACING_RATE), or the congestion controller asks for it.
 *
 *     rate = mss * max(cwnd, in flight) / srtt      twice that in slow start, 1.2 times after (net.ipv4.tcp_pacing_*_ratio),
 *                                                   and never above the program's
 *     next = now + octets / rate                    what leaves late is made up for, by half at most
 *
 * The first ten segments of a connection are not paced, as on Linux.
 */
#include "stack/tcp/conn.h"

#define FREE_SEGMENTS 10u

uint64_t pacing_most(const struct tcp_sock *conn) { return UINT64_MAX - conn->inet.sk.no_pacing_to; }

/* As Linux: with each ACK, and what is in between goes by that. */
void pacing_update(struct tcp_sock *conn, uint32_t mss)
{
	const struct sysctl *sys = conn_sysctl(conn);
	uint64_t segments = MAX(conn->cc.cwnd, conn->rtxq.n);
	uint64_t percent = (uint64_t)(conn->cc.cwnd < conn->cc.ssthresh / 2 ? sys->tcp_pacing_ss_ratio : sys->tcp_pacing_ca_ratio);

	if (conn->rtt.srtt) conn->pace_rate = segments * mss * percent / 100 * (uint64_t)NS_PER_S / (uint64_t)conn->rtt.srtt;
}

/* UINT64_MAX when nothing is known yet. */
uint64_t pacing_rate(const struct tcp_sock *conn) { return MIN(conn->pace_rate ? conn->pace_rate : UINT64_MAX, pacing_most(conn)); }

static bool is_on(const struct tcp_sock *conn) { return conn->inet.sk.no_pacing_to != 0; }

bool pacing_must_wait(struct tcp_sock *conn)
{
	if (!is_on(conn) || conn->pace_next <= conn_now(conn)) return false;
	if (!timer_is_set(&conn->timer.pace)) timer_set(conn_stack(conn), &conn->timer.pace, conn->pace_next);
	return true;
}

void pacing_sent(struct tcp_sock *conn, uint32_t octets)
{
	uint64_t rate = is_on(conn) ? pacing_rate(conn) : UINT64_MAX;
	time_ns now = conn_now(conn), credit = MAX(now - conn->pace_next, 0), cost;

	if (rate == UINT64_MAX || rate == 0 || conn->count.data_segs_out < FREE_SEGMENTS) return;
	cost = (time_ns)(octets * (uint64_t)NS_PER_S / rate);
	conn->pace_next = MAX(conn->pace_next, now) + cost - MIN(cost / 2, credit);
}
