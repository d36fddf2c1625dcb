/* TCP_INFO's figures: the delivery rate, what the time went by with, time-outs, what counts before a connection. <linux/tcp.h>, tcp(7). */
#include "bench.h"

/* What newer kernels tell behind the fields of older headers. */
#define INFO_OLD (offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(uint32_t))
union info {
	struct tcp_info old;
	struct { uint8_t old[INFO_OLD]; uint32_t rcv_wnd, rehash; uint16_t rtos, runs; uint32_t rto_ms; } all;
};

static union info info_of(struct sock *sk)
{
	union info i;
	socklen_t len = sizeof i;
	memset(&i, 0xee, sizeof i);
	assert_int_equal(sock_getsockopt(sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(len, sizeof i.all);
	return i;
}

static union info info(struct bench *b) { return info_of(b->sk); }

/* ---- the delivery rate: draft-ietf-ccwg-bbr §4.1 ---- */

static void rate_is(struct bench *b, uint64_t rate, bool limited)
{
	union info i = info(b);
	assert_int_equal(i.old.tcpi_delivery_rate, rate);
	assert_int_equal(i.old.tcpi_delivery_rate_app_limited, limited);
}

/* No tail probes: ACKs come late here, and nothing is lost. */
static void with_a_slow_peer(struct bench *b)
{
	assert_int_equal(sysctl_set(b->s->sysctl, "net.ipv4.tcp_early_retrans", "0"), 0);
	passive(b, .mss = 1000, .sack_ok = true);
}

/* So much is in flight; all of it is acknowledged 100 ms later. */
static void one_round(struct bench *b, uint32_t acked_to)
{
	bench_flush(b);
	pass(b, 100 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = acked_to);
}

static void the_rate_is_that_of_the_best_sample(void **state)
{
	struct bench *b = *state;
	with_a_slow_peer(b);
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	rate_is(b, 0, true);
	/* The program had no more to send than this. */
	bench_send(b, 4000, 0);
	one_round(b, 4001);
	rate_is(b, 40000, true);
	/* Less says nothing about the path. */
	bench_send(b, 2000, 0);
	one_round(b, 6001);
	rate_is(b, 40000, true);
	/* What left with the first of many was still the program's pace; then cwnd's. */
	bench_send(b, 60000, 0);
	one_round(b, 16001);
	rate_is(b, 100000, true);
	one_round(b, 36001);
	rate_is(b, 200000, false);
	/* Without such an excuse a slower sample counts at once. */
	bench_flush(b);
	pass(b, 150 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 51001);
	rate_is(b, 100000, false);
}

/* ACKs that come all at once are no faster than what they acknowledge left. */
static void a_burst_of_acks_counts_from_when_it_was_sent(void **state)
{
	struct bench *b = *state;
	with_a_slow_peer(b);
	for (int i = 0; i < 5; i++) {
		bench_send(b, 1000, 0);
		pass(b, 20 * NS_PER_MS);
	}
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1001);
	inject(b, ACK, .seq = 1, .ack = 2001);
	inject(b, ACK, .seq = 1, .ack = 5001);
	/* Five in 100 ms since the first left. */
	rate_is(b, 50000, true);
}

static void what_was_sacked_counts_once(void **state)
{
	struct bench *b = *state;
	with_a_slow_peer(b);
	bench_send(b, 5000, 0);
	bench_flush(b);
	pass(b, 100 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1001, 5001}});
	rate_is(b, 40000, true);
	assert_int_equal(info(b).old.tcpi_delivered, 1 + 4);
	pass(b, 10 * NS_PER_MS);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 5001);
	assert_int_equal(info(b).old.tcpi_delivered, 1 + 5);
}

/* ---- busy, and by what ---- */

static void times_are(struct bench *b, unsigned busy_ms, unsigned rwnd_ms, unsigned sndbuf_ms)
{
	union info i = info(b);
	assert_int_equal(i.old.tcpi_busy_time, busy_ms * 1000u);
	assert_int_equal(i.old.tcpi_rwnd_limited, rwnd_ms * 1000u);
	assert_int_equal(i.old.tcpi_sndbuf_limited, sndbuf_ms * 1000u);
}

static void it_is_busy_until_all_is_acknowledged(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	pass(b, NS_PER_S);
	times_are(b, 0, 0, 0);
	bench_send(b, 3000, 0);
	pass(b, 40 * NS_PER_MS);
	times_are(b, 40, 0, 0);
	inject(b, ACK, .seq = 1, .ack = 2001);
	pass(b, 50 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 3001);
	times_are(b, 90, 0, 0);
	pass(b, NS_PER_S);
	times_are(b, 90, 0, 0);
	/* The FIN is something to send, too. */
	bench_shutdown(b, SHUT_WR);
	pass(b, 10 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 3002);
	pass(b, NS_PER_S);
	times_are(b, 100, 0, 0);
}

static void the_peers_window_may_be_the_limit(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 1000, 0);
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = 2000);
	times_are(b, 0, 0, 0);
	bench_send(b, 5000, 0);
	pass(b, 30 * NS_PER_MS);
	times_are(b, 30, 30, 0);
	inject(b, ACK, .seq = 1, .ack = 3001, .wnd = NO_WINDOW);
	pass(b, 100 * NS_PER_MS);
	times_are(b, 130, 130, 0);
	inject(b, ACK, .seq = 1, .ack = 3001);
	pass(b, 20 * NS_PER_MS);
	times_are(b, 150, 130, 0);
	inject(b, ACK, .seq = 1, .ack = 6001);
	pass(b, NS_PER_S);
	times_are(b, 150, 130, 0);
}

/* cwnd is asked first. */
static void a_window_beyond_cwnd_is_no_limit(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 1000, 0);
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = 10000);
	bench_send(b, 15000, 0);
	pass(b, 50 * NS_PER_MS);
	times_are(b, 50, 0, 0);
}

static void the_send_buffer_may_be_the_limit(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1400);
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 3500);
	/* All that fits is in flight, cwnd would let more go, and the program has more. */
	assert_int_equal(bench_send(b, 20000, 0), 7000);
	pass(b, 60 * NS_PER_MS);
	times_are(b, 60, 0, 60);
	/* A third is free: the program is told. */
	inject(b, ACK, .seq = 1, .ack = 2801);
	pass(b, 10 * NS_PER_MS);
	times_are(b, 70, 0, 60);
	inject(b, ACK, .seq = 1, .ack = 7001);
	times_are(b, 70, 0, 60);
}

/* ---- time-outs ---- */

static void time_outs_are(struct bench *b, unsigned rtos, unsigned runs, unsigned ms)
{
	union info i = info(b);
	assert_int_equal(i.all.rtos, rtos);
	assert_int_equal(i.all.runs, runs);
	assert_int_equal(i.all.rto_ms, ms);
}

static void time_outs_are_counted_in_runs(void **state)
{
	struct bench *b = *state;
	with_a_slow_peer(b);
	bench_send(b, 1000, 0);
	pass(b, 200 * NS_PER_MS + NS_PER_US);
	time_outs_are(b, 1, 1, 0);
	pass(b, 400 * NS_PER_MS);
	time_outs_are(b, 2, 1, 400);
	pass(b, 100 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1001);
	pass(b, NS_PER_S);
	time_outs_are(b, 2, 1, 500);
	assert_int_equal(info(b).all.rehash, 2);
	bench_send(b, 1000, 0);
	pass(b, 801 * NS_PER_MS);        /* the back-off stays until something is timed */
	time_outs_are(b, 3, 2, 500);
	inject(b, ACK, .seq = 1, .ack = 2001);
	pass(b, NS_PER_S);
	time_outs_are(b, 3, 2, 500);
}

/* As Linux: after a time-out the segments of IPv6 carry another flow label, unless SO_TXREHASH forbids it. */
static void another_label_after_a_time_out(void **state)
{
	enum { TXREHASH = 74 };
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 1000, 0);
	assert_int_equal(bench_next(b), 1000);
	uint32_t first = b->flow;
	pass(b, 201 * NS_PER_MS);
	assert_int_equal(bench_next(b), 1000);
	uint32_t second = b->flow;
	assert_int_equal(second != first, b->v6);
	bench_set(b->sk, SOL_SOCKET, TXREHASH, 0);
	pass(b, 400 * NS_PER_MS);
	assert_int_equal(bench_next(b), 1000);
	assert_int_equal(b->flow, second);
	assert_int_equal(info(b).all.rehash, 1);
}

static void a_syn_times_out_too(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	assert_int_equal(bench_next(b), 0);
	pass(b, 1500 * NS_PER_MS);
	time_outs_are(b, 1, 1, 500);
	inject(b, SYN | ACK, .ack = 1, .mss = 1000);
	pass(b, NS_PER_S);
	time_outs_are(b, 1, 1, 500);
}

/* As Linux: the run of a SYN and ACK began when the first left. */
static void so_does_a_syn_and_ack(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	inject(b, SYN, .mss = 1000);
	assert_int_equal(bench_next(b), 0);
	pass(b, 1200 * NS_PER_MS);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1);
	b->sk = bench_accept(b);
	pass(b, NS_PER_S);
	time_outs_are(b, 1, 1, 1200);
	assert_int_equal(info(b).all.rehash, 0);
}

/* ---- sockets without a connection, and a new one ---- */

static void a_fresh_socket_tells_defaults(void **state)
{
	struct bench *b = *state;
	union info i = info_of(bench_socket(b));
	assert_int_equal(i.old.tcpi_state, TCPS_CLOSED);
	assert_int_equal(i.old.tcpi_rto, 1000000);
	assert_int_equal(i.old.tcpi_rttvar, 250000);
	assert_int_equal(i.old.tcpi_snd_mss, 536);
	assert_int_equal(i.old.tcpi_pmtu, 0);
	assert_int_equal(i.old.tcpi_snd_cwnd, 10);
	assert_int_equal(i.old.tcpi_snd_ssthresh, 0x7fffffff);
	assert_int_equal(i.old.tcpi_reordering, 3);
	assert_int_equal(i.old.tcpi_min_rtt, UINT32_MAX);
	assert_true(i.old.tcpi_pacing_rate == UINT64_MAX && i.old.tcpi_max_pacing_rate == UINT64_MAX);
}

static void a_listener_tells_its_queue(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 7);
	inject(b, SYN, .mss = 1000);
	assert_int_equal(bench_next(b), 0);
	inject(b, ACK, .seq = 1, .ack = 1);
	union info i = info_of(b->listener);
	assert_int_equal(i.old.tcpi_unacked, 1);
	assert_int_equal(i.old.tcpi_sacked, 7);
	assert_int_equal(i.old.tcpi_snd_cwnd, 10);
	assert_int_equal(i.old.tcpi_reordering, 3);
	assert_int_equal(i.old.tcpi_rto, 0);
	assert_true(i.old.tcpi_pacing_rate == UINT64_MAX);
}

/* As Linux counts: the SYN and this ACK came, and the SYN and ACK left before there was a connection. It was delivered. */
static void a_new_connection_has_counted_its_handshake(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	union info i = info(b);
	assert_int_equal(i.old.tcpi_segs_in, 2);
	assert_int_equal(i.old.tcpi_segs_out, 0);
	assert_int_equal(i.old.tcpi_delivered, 1);
	assert_int_equal(i.all.rcv_wnd, tcp_of(b->sk)->rcv.wnd);
	assert_true(i.all.rcv_wnd > 60000);
}

static void so_has_one_that_we_opened(void **state)
{
	struct bench *b = *state;
	active(b, .mss = 1000);
	union info i = info(b);
	assert_int_equal(i.old.tcpi_segs_in, 1);
	assert_int_equal(i.old.tcpi_segs_out, 2);
	assert_int_equal(i.old.tcpi_delivered, 1);
	assert_int_equal(i.old.tcpi_bytes_acked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(the_rate_is_that_of_the_best_sample), both(a_burst_of_acks_counts_from_when_it_was_sent), both(what_was_sacked_counts_once),
		both(it_is_busy_until_all_is_acknowledged), both(the_peers_window_may_be_the_limit), both(a_window_beyond_cwnd_is_no_limit),
		both(the_send_buffer_may_be_the_limit), both(time_outs_are_counted_in_runs), both(another_label_after_a_time_out),
		both(a_syn_times_out_too), both(so_does_a_syn_and_ack),
		both(a_fresh_socket_tells_defaults), both(a_listener_tells_its_queue), both(a_new_connection_has_counted_its_handshake),
		both(so_has_one_that_we_opened),
	};
	return cmocka_run_group_tests_name("tcp-info", tests, NULL, NULL);
}
