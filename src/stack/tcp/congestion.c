/*
 * Congestion control: how much may be in flight. A controller is a row; recovery.c and prr.c do what all have in common.
 *
 *     reno    slow start: cwnd += acked          below ssthresh
 *             avoidance:  cwnd += 1 a round trip
 *             loss:       ssthresh = cwnd / 2
 *     cubic   cubic.c, the default
 *
 * cwnd and ssthresh count segments, as on Linux. cwnd grows only while it is what holds us back, and decays when it was
 * not for long: the idea of RFC 7661, in the way of Linux, whose cwnd after a pause depends on it.
 *
 * Read first: RFC 5681 §3.1 and §4.1, RFC 6928, RFC 3465, RFC 7661.
 */
#include "stack/tcp/conn.h"
#include <stdlib.h>

/* ---- reno ---- */

static uint32_t reno_ssthresh(struct tcp_sock *conn)
{
	/* RFC 5681 §3.1 equation (4); Linux takes cwnd for FlightSize, and keeps what was in use by cc_validate. */
	return MAX(conn->cc.cwnd / 2, 2u);
}

uint32_t cc_slow_start(struct tcp_sock *conn, uint32_t segments)
{
	uint32_t before = conn->cc.cwnd;

	/* RFC 5681 §3.1, equation (2), with RFC 3465's L unlimited, as Linux. */
	conn->cc.cwnd = MIN(before + segments, conn->cc.ssthresh);
	return segments - (conn->cc.cwnd - before);
}

void cc_avoid(struct tcp_sock *conn, uint32_t every, uint32_t segments)
{
	struct tcp_congestion *cc = &conn->cc;

	/* Credit from a larger `every` is worth one step. */
	if (cc->cnt >= every) {
		cc->cnt = 0;
		cc->cwnd++;
	}
	cc->cnt += segments;
	if (cc->cnt < every) return;
	cc->cwnd += cc->cnt / every;
	cc->cnt %= every;
}

bool cc_in_slow_start(const struct tcp_sock *conn) { return conn->cc.cwnd < conn->cc.ssthresh; }

static void reno_acked(struct tcp_sock *conn, uint32_t segments)
{
	if (cc_in_slow_start(conn)) segments = cc_slow_start(conn, segments);
	/* RFC 5681 §3.1 (3): one segment a window. */
	if (segments) cc_avoid(conn, conn->cc.cwnd, segments);
}

uint32_t cc_undo_cwnd(struct tcp_sock *conn) { return MAX(conn->cc.cwnd, conn->rec.prior_cwnd); }

static const struct tcp_cc reno = {.name = "reno", .ssthresh = reno_ssthresh, .acked = reno_acked, .undo = cc_undo_cwnd};

/* In the order of the words of net.ipv4.tcp_congestion_control (core/sysctl.c). The first is the default. */
static const struct tcp_cc *const controllers[] = {&cc_cubic, &reno};

const struct tcp_cc *cc_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strlen(controllers[i]->name) == len && memcmp(controllers[i]->name, name, len) == 0) return controllers[i];
	return NULL;
}

/* RTAX_CC_ALGO: which of them, counted from 1. */
uint32_t tcp_congestion_metric(const char *name)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (strcmp(controllers[i]->name, name) == 0) return i + 1;
	return 0;
}

const struct tcp_cc *cc_of_metric(uint32_t metric) { return controllers[metric - 1]; }
const char *tcp_congestion_name(uint32_t metric) { return cc_of_metric(metric)->name; }

const struct tcp_cc *cc_default(const struct sysctl *sys)
{
	return controllers[MIN((size_t)sys->tcp_congestion_control, ARRAY_SIZE(controllers) - 1)];
}

/* ---- what all have in common ---- */

/* RTAX_INITCWND: the route may say more, or less. */
static uint32_t first_window(struct tcp_sock *conn)
{
	uint32_t said = conn_metric(conn, RTAX_INITCWND);

	return said ? MIN(said, (uint32_t)UINT16_MAX) : TCP_INIT_CWND;
}

void cc_init(struct tcp_sock *conn)
{
	free(conn->cc.cubic);
	memset(&conn->cc, 0, sizeof conn->cc);
	conn->cc.cwnd = first_window(conn);
	conn->cc.delivered = !conn->fastopen.unproven;   /* the SYN counts with Linux */
	/* RFC 5681 §3.1, RFC 6298 §5 (5.7): if our SYN was lost, start with one segment; Linux forgives one, and one shown to be needless. */
	if (conn->count.total_retrans > 1 && !conn->rec.retrans_at) conn->cc.cwnd = 1;
	conn->cc.ssthresh = CC_INFINITE;
	conn->cc.stamp = conn_now(conn);
	cc_start(conn);
}

void cc_start(struct tcp_sock *conn)
{
	if (conn->set.cc->init) conn->set.cc->init(conn);
}

void cc_set_cwnd(struct tcp_sock *conn, uint32_t segments)
{
	conn->cc.cwnd = segments;
	conn->cc.cnt = 0;
	conn->cc.stamp = conn_now(conn);
}

uint32_t cc_current_ssthresh(const struct tcp_sock *conn)
{
	uint32_t cwnd = conn->cc.cwnd;

	if (prr_is_active(conn)) return conn->cc.ssthresh;
	return MAX(conn->cc.ssthresh, cwnd / 2 + cwnd / 4);
}

static bool was_limited(const struct tcp_sock *conn)
{
	if (conn->cc.limited) return true;
	/* In slow start half a window in use is enough to let it grow. */
	return cc_in_slow_start(conn) && conn->cc.cwnd < 2 * conn->cc.max_out;
}

void cc_acked(struct tcp_sock *conn, uint32_t segments)
{
	if (segments && was_limited(conn)) conn->set.cc->acked(conn, segments);
	conn->cc.stamp = conn_now(conn);
}

/* RFC 7661 §4.4 in Linux's way: for an RTO less than cwnd was used: it moves half-way to what was. */
static void decay_unused(struct tcp_sock *conn)
{
	uint32_t used = MAX(conn->cc.used, TCP_INIT_CWND);

	if (conn->rec.phase == TCP_OPEN && !conn->nospace) {
		if (used < conn->cc.cwnd) {
			conn->cc.ssthresh = cc_current_ssthresh(conn);
			conn->cc.cwnd = (conn->cc.cwnd + used) / 2;
		}
		conn->cc.used = 0;
	}
	conn->cc.stamp = conn_now(conn);
}

void cc_validate(struct tcp_sock *conn, bool limited)
{
	struct tcp_congestion *cc = &conn->cc;
	uint32_t out = conn->rtxq.n;

	if (seq_ge(conn->snd.una, cc->usage_end) || limited || (!cc->limited && out > cc->max_out)) {
		cc->limited = limited;
		cc->max_out = out;
		cc->usage_end = conn->snd.nxt;
	}
	if (was_limited(conn)) {
		cc->used = 0;
		cc->stamp = conn_now(conn);
		return;
	}
	cc->used = MAX(cc->used, out);
	if (conn_sysctl(conn)->tcp_slow_start_after_idle && conn_now(conn) - cc->stamp >= conn->rtt.rto) decay_unused(conn);
}

/* RFC 5681 §4.1: after a silence longer than the RTO the old cwnd means nothing; it is halved for each RTO gone by, as Linux does. */
void cc_restart_idle(struct tcp_sock *conn)
{
	time_ns idle = conn_now(conn) - conn->when.sent_data, rto = conn->rtt.rto;
	uint32_t floor = MIN(TCP_INIT_CWND, conn->cc.cwnd);

	if (!conn_sysctl(conn)->tcp_slow_start_after_idle || conn->rtxq.n || idle <= rto) return;
	conn->cc.ssthresh = cc_current_ssthresh(conn);
	for (idle -= rto; idle > 0 && conn->cc.cwnd > floor; idle -= rto)
		conn->cc.cwnd /= 2;
	conn->cc.cwnd = MAX(conn->cc.cwnd, floor);
	conn->cc.stamp = conn_now(conn);
	conn->cc.used = 0;
}
