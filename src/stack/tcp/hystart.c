/*
 * HyStart++: slow start that ends before it loses.
 *
 *     slow start ──► CSS, growth / 4 ──► five rounds later ssthresh = cwnd
 *         ▲ └ the least round trip of this round is longer by 1/8 than that of the last
 *         └── it was a mistake: shorter again
 *
 * A round ends when what was nxt at its start is acknowledged. Only the first slow start is watched: later ones end at a
 * known ssthresh.
 *
 * Read first: RFC 9406 §4.
 */
#include "stack/tcp/conn.h"

/* RFC 9406 §4.3 */
#define MIN_RTT_THRESH (4 * NS_PER_MS)
#define MAX_RTT_THRESH (16 * NS_PER_MS)
#define RTT_DIVISOR 8
#define RTT_SAMPLES 8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS 5

void hystart_init(struct tcp_sock *conn)
{
	struct hystart *h = &conn->cc.cubic->hystart;

	h->last_min = h->now_min = h->css_baseline = TIME_NEVER;
	h->done = conn->cc.ssthresh < CC_INFINITE;
}

/* RFC 9406 §4.2: how much of what was acknowledged counts. */
uint32_t hystart_limit(struct tcp_sock *conn, uint32_t segments)
{
	struct hystart *h = &conn->cc.cubic->hystart;
	uint32_t part = h->css_part + segments;

	if (h->done || !h->css) return segments;
	h->css_part = (uint8_t)(part % CSS_GROWTH_DIVISOR);
	return part / CSS_GROWTH_DIVISOR;
}

static void begin_round(struct tcp_sock *conn)
{
	struct hystart *h = &conn->cc.cubic->hystart;

	h->last_min = h->now_min;
	h->now_min = TIME_NEVER;
	h->samples = 0;
	h->round_end = conn->snd.nxt;
	if (!h->css || ++h->css_rounds < CSS_ROUNDS) return;
	conn->cc.ssthresh = conn->cc.cwnd;
	conn_mib(conn, TCPEXT_TCPHystartDelayDetect);
	conn_mib_add(conn, TCPEXT_TCPHystartDelayCwnd, conn->cc.cwnd);
	h->done = true;
}

static void judge(struct tcp_sock *conn)
{
	struct hystart *h = &conn->cc.cubic->hystart;
	time_ns thresh;

	if (h->samples < RTT_SAMPLES || h->last_min == TIME_NEVER) return;
	if (h->css) {
		if (h->now_min >= h->css_baseline) return;
		h->css = false;
		h->css_baseline = TIME_NEVER;
		return;
	}
	thresh = MIN(MAX(h->last_min / RTT_DIVISOR, MIN_RTT_THRESH), MAX_RTT_THRESH);
	if (h->now_min < h->last_min + thresh) return;
	h->css = true;
	h->css_rounds = 0;
	h->css_baseline = h->now_min;
}

void hystart_sample(struct tcp_sock *conn, time_ns rtt)
{
	struct hystart *h = &conn->cc.cubic->hystart;

	if (h->done || !cc_in_slow_start(conn) || conn->cc.cwnd < HYSTART_LOW_WINDOW) return;
	if (!h->started || seq_ge(conn->snd.una, h->round_end)) begin_round(conn);
	h->started = true;
	h->now_min = MIN(h->now_min, rtt);
	if (h->samples < UINT8_MAX) h->samples++;
	if (!h->done) judge(conn);
}
