/*
 * CUBIC: after a loss cwnd comes back to where it was along a cubic, slowly near the old maximum, whatever the round trip.
 *
 *     cwnd
 *     w_max ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄●●●●●●●●┄┄┄┄┄●         W(t) = C (t - K)^3 + w_max
 *                        ●●●●              ●              K = cbrt((w_max - cwnd) / C)
 *     0.7 w_max      ●                                    C = 0.4 segments/s^3
 *                    └─ epoch ──── K ────┘── probing
 *
 * It never is slower than reno with the same average (w_est), and never grows by more than half a window a round trip.
 * The growth becomes a number, count: cwnd + 1 for each so many segments acknowledged. Slow start ends by hystart.c.
 *
 * Read first: RFC 9438 §4.
 */
#include "stack/tcp/conn.h"
#include <stdlib.h>

/* RFC 9438 §4.6: beta = 0.7; in 1024ths, Linux's */
#define BETA 717u
/* RFC 9438 §4.3: alpha = 3 (1 - beta) / (1 + beta); one segment more for each cwnd / alpha acknowledged, in eighths */
#define CWND_PER_STEP_8 (8 * (1024 + BETA) / 3 / (1024 - BETA))
#define UPDATE_EVERY (NS_PER_S / 32)
#define MS_MAX 100000

static uint32_t cube_root(uint64_t v)
{
	uint64_t low = 0, high = 1 << 21;

	while (low < high) {
		uint64_t mid = (low + high + 1) / 2;
		if (mid * mid * mid <= v)
			low = mid;
		else
			high = mid - 1;
	}
	return (uint32_t)low;
}

/* Nothing is remembered: a connection that has sent little needs no memory for it. */
static void cubic_init(struct tcp_sock *conn)
{
	free(conn->cc.cubic);
	conn->cc.cubic = NULL;
}

/* NULL when there is no memory: then it is reno for a while. */
static struct cubic *state_of(struct tcp_sock *conn)
{
	if (conn->cc.cubic) return conn->cc.cubic;
	conn->cc.cubic = calloc(1, sizeof *conn->cc.cubic);
	if (!conn->cc.cubic) return NULL;
	conn->cc.cubic->delay_min = conn->rtt.min == TIME_NEVER ? 0 : conn->rtt.min;
	hystart_init(conn);
	return conn->cc.cubic;
}

/* RFC 9438 §4.2: a new epoch begins in avoidance. */
static void begin_epoch(struct cubic *c, uint32_t cwnd, time_ns now)
{
	c->epoch = now;
	c->ack_cnt = 0;
	c->w_est = cwnd;
	c->origin = MAX(c->w_max, cwnd);
	/* (w_max - cwnd) / 0.4 s^3, in ms^3 */
	c->k_ms = cube_root((c->origin - cwnd) * 2500000000ull);
}

/* RFC 9438 §4.2 equation (1), at a round trip from now. */
static uint32_t target(const struct cubic *c, time_ns now)
{
	int64_t ms = MIN((now - c->epoch + c->delay_min) / NS_PER_MS, MS_MAX) - c->k_ms, w;

	ms = MAX(ms, -MS_MAX);
	w = (int64_t)c->origin + 4 * ms * ms / 100 * ms / 100000000;
	return (uint32_t)MIN(MAX(w, 0), (int64_t)CC_INFINITE);
}

static void follow_curve(struct cubic *c, uint32_t cwnd, time_ns now)
{
	uint32_t w;

	if (c->last_cwnd == cwnd && now - c->last_time <= UPDATE_EVERY) return;
	c->last_cwnd = cwnd;
	c->last_time = now;
	if (!c->epoch) begin_epoch(c, cwnd, now);
	w = target(c, now);
	c->count = w > cwnd ? cwnd / (w - cwnd) : 100 * cwnd;
	/* Before the first loss nothing is known of the path: at least 5 % a round trip, as Linux. */
	if (!c->w_max) c->count = MIN(c->count, 20u);
}

/* RFC 9438 §4.3: as fast as reno at least. */
static void follow_reno(struct cubic *c, uint32_t cwnd)
{
	uint32_t step = MAX(cwnd * CWND_PER_STEP_8 / 8, 1u);

	c->w_est += c->ack_cnt / step;
	c->ack_cnt %= step;
	if (c->w_est > cwnd) c->count = MIN(c->count, cwnd / (c->w_est - cwnd));
}

static void cubic_acked(struct tcp_sock *conn, uint32_t segments)
{
	struct cubic *c = conn->cc.cubic;

	if (cc_in_slow_start(conn)) segments = cc_slow_start(conn, c ? hystart_limit(conn, segments) : segments);
	if (!segments) return;
	c = state_of(conn);
	if (!c) {
		cc_avoid(conn, conn->cc.cwnd, segments);
		return;
	}
	follow_curve(c, conn->cc.cwnd, conn_now(conn));
	c->ack_cnt += segments;
	follow_reno(c, conn->cc.cwnd);
	/* RFC 9438 §4.2: the target is at most 1.5 cwnd. */
	c->count = MAX(c->count, 2u);
	cc_avoid(conn, c->count, segments);
}

static uint32_t cubic_ssthresh(struct tcp_sock *conn)
{
	struct cubic *c = state_of(conn);
	uint32_t cwnd = conn->cc.cwnd;

	if (c) {
		c->epoch = 0;
		/* RFC 9438 §4.7: fast convergence: a flow that did not get back to where it was makes room. */
		c->w_max = cwnd < c->w_max ? (uint32_t)((uint64_t)cwnd * (1024 + BETA) / 2048) : cwnd;
	}
	/* RFC 9438 §4.6 */
	return MAX((uint32_t)((uint64_t)cwnd * BETA / 1024), 2u);
}

static void cubic_event(struct tcp_sock *conn, enum cc_event event)
{
	struct cubic *c = conn->cc.cubic;
	time_ns idle = conn_now(conn) - conn->when.sent_data;

	if (!c) return;
	if (event == CC_TIMEOUT) {
		/* RFC 9438 §4.8 */
		memset(c, 0, sizeof *c);
		hystart_init(conn);
	} else if (event == CC_SEND && c->epoch && idle > 0) {
		/* RFC 9438 §5.8: the time without anything in flight is no time of the curve. */
		c->epoch = MIN(c->epoch + idle, conn_now(conn));
	}
}

static void cubic_sample(struct tcp_sock *conn, time_ns rtt)
{
	struct cubic *c = conn->cc.cwnd < HYSTART_LOW_WINDOW ? conn->cc.cubic : state_of(conn);

	if (!c) return;
	/* Right after a reduction the queue is still there. */
	if (c->epoch && conn_now(conn) - c->epoch < NS_PER_S) return;
	if (!c->delay_min || rtt < c->delay_min) c->delay_min = MAX(rtt, 1);
	hystart_sample(conn, rtt);
}

const struct tcp_cc cc_cubic = {
	.name = "cubic", .init = cubic_init, .ssthresh = cubic_ssthresh, .acked = cubic_acked, .undo = cc_undo_cwnd,
	.event = cubic_event, .sample = cubic_sample,
};
