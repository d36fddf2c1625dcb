/* Timers: retransmission and its back-off, probes, keepalive, TCP_USER_TIMEOUT, what a round trip is. RFC 6298, RFC 9293 §3.8. */
#include "bench.h"

static struct tcp_info info_of(struct sock *sk)
{
	struct tcp_info i;
	socklen_t len = sizeof i;
	assert_int_equal(sock_getsockopt(sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(len, sizeof i);
	return i;
}

/* ---- retransmission ---- */

/* RFC 9293 (MUST-19, SHLD-9); RFC 6298 (6298-3, 6298-6, 6298-10). */
static void a_lost_segment_is_sent_again_ever_more_slowly(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_send(b, 100, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 100);
	/* RFC 6298 §2 with Linux's floor: the handshake took no time, so 200 ms. §5 (5.5): double. */
	for (int i = 0; i < 9; i++) {
		pass(b, (200 * NS_PER_MS << i) - NS_PER_MS);
		expect_nothing(b);
		pass(b, NS_PER_MS + NS_PER_US);
		expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 100);
	}
	assert_int_equal(info_of(b->sk).tcpi_retransmits, 9);
	assert_int_equal(info_of(b->sk).tcpi_total_retrans, 9);
	inject(b, ACK, .seq = 1, .ack = 101);
	assert_int_equal(info_of(b->sk).tcpi_retransmits, 0);
	/* RFC 6298 §5 (5.7): no sample could be taken of what was sent again, so the back-off stays, until one is. */
	assert_int_equal(info_of(b->sk).tcpi_backoff, 9);
	pass(b, 300 * NS_PER_S);
	expect_nothing(b);
}

/* RFC 9293 (MUST-20, SHLD-11). */
static void it_gives_up_after_924_seconds(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_send(b, 100, 0);
	/* ip-sysctl: tcp_retries2 = 15 is 924.6 s; the timer after that ends it. */
	pass(b, 924 * NS_PER_S);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	pass(b, NS_PER_S);
	assert_int_equal(bench_error(b->sk), ETIMEDOUT);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSED);
	bench_flush(b);
}

/* RFC 9293 (MUST-47, MUST-54, SHLD-25). */
static void a_soft_error_names_the_reason(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_send(b, 100, 0);
	/* RFC 9293 §3.9.2.2 (MUST-56): not fatal. As Linux: told to who asks, and then forgotten. */
	bench_icmp(b, 3, 1, 0, 1);
	assert_int_equal(bench_error(b->sk), EHOSTUNREACH);
	assert_int_equal(bench_error(b->sk), 0);
	bench_icmp(b, 3, 1, 0, 1);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	pass(b, 1000 * NS_PER_S);
	assert_int_equal(bench_error(b->sk), EHOSTUNREACH);
	bench_flush(b);
}

/* RFC 9293 (MUST-18); RFC 6298 (6298-2, 6298-5). */
static void the_timer_follows_the_round_trip(void **state)
{
	struct bench *b = *state;
	passive(b);
	seq32 at = 1;
	for (int i = 0; i < 60; i++, at += 100) {
		bench_send(b, 100, 0);
		expect(b, ACK, .seq = at, .ack = 1, .len = 100);
		pass(b, 150 * NS_PER_MS);
		inject(b, ACK, .seq = 1, .ack = at + 100);
	}
	struct tcp_info i = info_of(b->sk);
	assert_in_range(i.tcpi_rtt, 140000, 150000);
	assert_in_range(i.tcpi_rto, 340000, 380000);
	bench_send(b, 100, 0);
	expect(b, ACK, .seq = at, .ack = 1, .len = 100);
	pass(b, i.tcpi_rto * NS_PER_US + NS_PER_MS);
	expect(b, ACK, .seq = at, .ack = 1, .len = 100);
	/* RFC 6298 §3 (Karn): not a sample, whichever of the two it answers. */
	inject(b, ACK, .seq = 1, .ack = at + 100);
	assert_int_equal(info_of(b->sk).tcpi_rtt, i.tcpi_rtt);
}

/* RFC 7323 (7323-14). */
static void with_timestamps_a_repeated_segment_is_a_sample_too(void **state)
{
	struct bench *b = *state;
	passive(b, .ts = true, .ts_val = 1);
	bench_send(b, 100, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 100);
	pass(b, 201 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 100);
	pass(b, 80 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 101, .ts = true, .ts_val = 2, .ts_ecr = b->last.opts.ts_val);
	assert_in_range(info_of(b->sk).tcpi_rtt, 9000, 11000);
}

/* RFC 6298 (6298-11). */
static void a_syn_sent_twice_starts_with_three_seconds(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	pass(b, NS_PER_S);
	expect(b, SYN);
	inject(b, SYN | ACK, .ack = 1);
	/* RFC 6298 §5 (5.7) */
	expect(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(info_of(b->sk).tcpi_rto, 3000000);
}

static void thin_linear_timeouts_do_not_back_off(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, 1);
	bench_send(b, 100, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 100);
	for (int i = 0; i < 6; i++) {
		pass(b, 201 * NS_PER_MS);
		expect(b, ACK, .seq = 1, .ack = 1, .len = 100);
	}
	bench_flush(b);
}

/* ---- zero window ---- */

/* RFC 9293 (MUST-37). */
static void a_closed_window_is_probed(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 1000, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = NO_WINDOW);
	bench_send(b, 1000, 0);
	expect_nothing(b);
	/* RFC 9293 §3.8.6.1 (MUST-35, MUST-36, SHLD-29, SHLD-30): after an RTO, then ever more slowly. As Linux: an old number, no octet. */
	for (int i = 0; i < 8; i++) {
		pass(b, (200 * NS_PER_MS << i) + NS_PER_MS);
		expect(b, ACK, .seq = 1000, .ack = 1, .len = 0);
		inject(b, ACK, .seq = 1, .ack = 1001, .wnd = NO_WINDOW);
	}
	for (int i = 0; i < 100; i++) {
		pass(b, 120 * NS_PER_S);
		bench_flush(b);
		inject(b, ACK, .seq = 1, .ack = 1001, .wnd = NO_WINDOW);
	}
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = 5000);
	expect(b, ACK, .seq = 1001, .ack = 1, .len = 1000);
}

static void unanswered_probes_end_it(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = NO_WINDOW);
	bench_send(b, 100, 0);
	pass(b, 2000 * NS_PER_S);
	assert_int_equal(bench_error(b->sk), ETIMEDOUT);
	bench_flush(b);
}

static void a_probe_fills_a_small_window(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 1000, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = 300);
	bench_send(b, 1000, 0);
	expect_nothing(b);
	/* RFC 9293 §3.8.6.2.1 (MUST-38): the override timeout. */
	pass(b, 250 * NS_PER_MS);
	expect(b, ACK, .seq = 1001, .ack = 1, .len = 300);
}

static void a_fin_waits_for_the_window_too(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = NO_WINDOW);
	bench_shutdown(b, SHUT_WR);
	expect_nothing(b);
	pass(b, 250 * NS_PER_MS);
	expect(b, ACK, .seq = 0, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
}

/* ---- keepalive ---- */

/* RFC 9293 (MUST-24, MUST-26, MUST-27, SHLD-12). */
static void keepalive_probes_an_idle_peer(void **state)
{
	struct bench *b = *state;
	passive(b);
	/* RFC 9293 §3.8.4 (MUST-25): off unless asked for. */
	pass(b, 10000 * NS_PER_S);
	expect_nothing(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	bench_set(b->sk, IPPROTO_TCP, TCP_KEEPINTVL, 5);
	bench_set(b->sk, IPPROTO_TCP, TCP_KEEPCNT, 3);
	inject(b, ACK, .seq = 1, .ack = 1);
	bench_set(b->sk, SOL_SOCKET, SO_KEEPALIVE, 1);
	pass(b, 10 * NS_PER_S - NS_PER_MS);
	expect_nothing(b);
	pass(b, NS_PER_MS);
	expect(b, ACK, .seq = 0, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1);
	pass(b, 10 * NS_PER_S);
	for (int i = 0; i < 3; i++) {
		expect(b, ACK, .seq = 0, .ack = 1);
		pass(b, 5 * NS_PER_S);
	}
	expect(b, RST | ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_recv(b, 1, 0), -ETIMEDOUT);
}

static void keepalive_is_inherited(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	bench_set(b->listener, SOL_SOCKET, SO_KEEPALIVE, 1);
	bench_set(b->listener, IPPROTO_TCP, TCP_KEEPIDLE, 7);
	passive(b);
	pass(b, 7 * NS_PER_S);
	expect(b, ACK, .seq = 0, .ack = 1);
}

static void a_keepalive_of_the_peer_is_answered(void **state)
{
	struct bench *b = *state;
	passive(b);
	/* RFC 9293 §3.8.4, §3.10.7.4 first */
	inject(b, ACK, .seq = 0, .ack = 1);
	expect(b, ACK, .seq = 1, .ack = 1);
	pass(b, NS_PER_S);
	inject(b, ACK, .seq = 0, .ack = 1, .len = 1);
	expect(b, ACK, .seq = 1, .ack = 1);
}

/* ---- TCP_USER_TIMEOUT ---- */

/* RFC 9293 (MUST-21). */
static void user_timeout_ends_retransmission(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
	bench_send(b, 100, 0);
	/* As Linux: from the first retransmission. */
	pass(b, 3190 * NS_PER_MS);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	pass(b, 20 * NS_PER_MS);
	assert_int_equal(bench_error(b->sk), ETIMEDOUT);
	bench_flush(b);
}

static void user_timeout_ends_probing(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = NO_WINDOW);
	bench_send(b, 100, 0);
	pass(b, 6 * NS_PER_S);
	assert_int_equal(bench_error(b->sk), ETIMEDOUT);
	bench_flush(b);
}

static void user_timeout_ends_opening(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_USER_TIMEOUT, 2500);
	bench_connect(b, b->sk);
	pass(b, 4 * NS_PER_S);
	assert_int_equal(bench_error(b->sk), ETIMEDOUT);
	bench_flush(b);
}

/* ---- idleness ---- */

/* RFC 6298 (6298-7). */
static void nothing_ticks_when_nothing_happens(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_send(b, 10, 0);
	inject(b, ACK, .seq = 1, .ack = 11, .len = 10);
	pass(b, NS_PER_S);
	bench_flush(b);
	assert_false(timer_is_set(&tcp_of(b->sk)->timer.rtx) || timer_is_set(&tcp_of(b->sk)->timer.delack) || timer_is_set(&tcp_of(b->sk)->timer.keep));
}

/* RFC 5681 (5681-10). */
static void after_idleness_cwnd_starts_small(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	seq32 at = 1;
	bench_send(b, 40000, 0);
	while (at < 40001) {
		bench_flush(b);
		at = MIN(at + 2000, 40001u);
		inject(b, ACK, .seq = 1, .ack = at);
	}
	assert_true(info_of(b->sk).tcpi_snd_cwnd > 20);
	pass(b, 10 * NS_PER_S);
	/* RFC 5681 §4.1 */
	bench_send(b, 30000, 0);
	assert_int_equal(info_of(b->sk).tcpi_snd_cwnd, 10);
	bench_flush(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(a_lost_segment_is_sent_again_ever_more_slowly), both(it_gives_up_after_924_seconds), both(a_soft_error_names_the_reason),
		both(the_timer_follows_the_round_trip), both(with_timestamps_a_repeated_segment_is_a_sample_too),
		both(a_syn_sent_twice_starts_with_three_seconds), both(thin_linear_timeouts_do_not_back_off), both(a_closed_window_is_probed),
		both(unanswered_probes_end_it), both(a_probe_fills_a_small_window), both(a_fin_waits_for_the_window_too),
		both(keepalive_probes_an_idle_peer), both(keepalive_is_inherited), both(a_keepalive_of_the_peer_is_answered),
		both(user_timeout_ends_retransmission), both(user_timeout_ends_probing), both(user_timeout_ends_opening),
		both(nothing_ticks_when_nothing_happens), both(after_idleness_cwnd_starts_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
