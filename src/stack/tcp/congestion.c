/*
 * Congestion control: how much may be in flight. A controller is a row; recovery.c calls it and does the rest.
 *
 *     reno    slow start: cwnd += acked          below ssthresh
 *             avoidance:  cwnd += mss a round trip
 *             loss:       ssthresh = half of what was in flight
 *
 * cwnd counts octets. It grows only while it is what holds us back (RFC 7661's idea, Linux's is_cwnd_limited).
 *
 * Read first: RFC 5681 §3.1, RFC 6928, RFC 3465.
 */
#include "stack/tcp/conn.h"

static uint32_t reno_ssthresh(const struct tcp_sock *conn)
{
	/* RFC 5681 §3.1 equation (4): FlightSize, not cwnd. */
	return MAX(snd_flight(conn) / 2, 2u * snd_mss(conn));
}

static void reno_acked(struct tcp_sock *conn, uint32_t octets)
{
	uint32_t mss = snd_mss(conn);

	if (conn->cwnd < conn->ssthresh) {
		/* RFC 5681 §3.1: slow start, counted in octets (RFC 3465). */
		conn->cwnd += MIN(octets, conn->ssthresh - conn->cwnd);
		return;
	}
	/* RFC 5681 §3.1 (3): one MSS a window's worth of acknowledged octets. */
	conn->cwnd_acked += octets;
	if (conn->cwnd_acked >= conn->cwnd) {
		conn->cwnd_acked -= conn->cwnd;
		conn->cwnd += mss;
	}
}

const struct tcp_cc cc_reno = {.name = "reno", .ssthresh = reno_ssthresh, .acked = reno_acked};

static const struct tcp_cc *const controllers[] = {&cc_reno};

const struct tcp_cc *cc_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strlen(controllers[i]->name) == len && memcmp(controllers[i]->name, name, len) == 0) return controllers[i];
	return NULL;
}

static uint32_t initial_window(const struct tcp_sock *conn)
{
	return TCP_INIT_CWND * (uint32_t)snd_mss(conn);
}

void cc_init(struct tcp_sock *conn)
{
	conn->cwnd = initial_window(conn);
	/* RFC 5681 §3.1: if our SYN was lost, start with one segment; Linux forgives one. */
	if (conn->total_retrans > 1) conn->cwnd = snd_mss(conn);
	conn->ssthresh = UINT32_MAX / 2;
	conn->cwnd_acked = 0;
	conn->cwnd_limited = false;
}

/* RFC 5681 §4.1: after a silence longer than the RTO the old cwnd means nothing; it is halved for each RTO gone by, as Linux does. */
void cc_restart_idle(struct tcp_sock *conn)
{
	time_ns idle = conn_now(conn) - conn->sent_data, rto = conn->rtt.rto;
	uint32_t floor = MIN(initial_window(conn), conn->cwnd);

	if (conn->sent_data == 0 || idle <= rto) return;
	conn->ssthresh = MAX(conn->ssthresh, conn->cwnd / 4 * 3);
	for (; idle > rto && conn->cwnd > floor; idle -= rto)
		conn->cwnd /= 2;
	conn->cwnd = MAX(conn->cwnd, floor);
	conn->cwnd_acked = 0;
}
