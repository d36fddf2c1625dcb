/* Pacing by SO_MAX_PACING_RATE: what leaves when, on virtual time. */
#include "bench.h"

/* Text that left since the last look. */
static uint32_t left_now(struct bench *b)
{
	uint32_t sum = 0;
	for (int n; (n = bench_next(b)) >= 0;)
		sum += (uint32_t)n;
	return sum;
}

static void a_rate_spreads_what_leaves(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_set(b->sk, SOL_SOCKET, SO_MAX_PACING_RATE, 100000);
	/* The first nine are free, and the tenth costs half, as nothing left for long before it. */
	assert_int_equal(bench_send(b, 10000, 0), 10000);
	assert_int_equal(left_now(b), 10000);
	inject(b, ACK, .seq = 1, .ack = 10001);
	assert_int_equal(bench_send(b, 14000, 0), 14000);
	assert_int_equal(left_now(b), 0);
	pass(b, 5 * NS_PER_MS);
	for (uint32_t sent = 1000; sent <= 14000; sent += 1000) {
		assert_int_equal(left_now(b), 1000);
		pass(b, 10 * NS_PER_MS - 1);
		inject(b, ACK, .seq = 1, .ack = 10001 + sent);
		assert_int_equal(left_now(b), 0);
		pass(b, 1);
	}
	pass(b, NS_PER_S);
	expect_nothing(b);
}

static void info_tells_the_rate(void **state)
{
	struct bench *b = *state;
	struct tcp_info i;
	socklen_t len = sizeof i;
	passive(b, .mss = 1000);
	bench_set(b->sk, SOL_SOCKET, SO_MAX_PACING_RATE, 12345);
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(i.tcpi_pacing_rate, 12345);
	assert_int_equal(i.tcpi_max_pacing_rate, 12345);
}

/* net.ipv4.tcp_pacing_ss_ratio of a window a round trip. */
static void the_ratio_is_a_sysctl(void **state)
{
	struct bench *b = *state;
	struct tcp_info i;
	socklen_t len = sizeof i;
	passive(b, .mss = 1000);
	bench_send(b, 1000, 0);
	bench_flush(b);
	pass(b, 100 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1001);
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	uint64_t twice = i.tcpi_pacing_rate;
	assert_int_equal(twice, (uint64_t)i.tcpi_snd_cwnd * 1000 * 2 * 1000000 / i.tcpi_rtt);
	assert_int_equal(sysctl_set(b->s->sysctl, "net.ipv4.tcp_pacing_ss_ratio", "100"), 0);
	/* From the next ACK on, as with Linux. */
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(i.tcpi_pacing_rate, twice);
	bench_send(b, 1000, 0);
	bench_flush(b);
	pass(b, 100 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 2001);
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_in_range(i.tcpi_pacing_rate, (uint64_t)i.tcpi_snd_cwnd * 1000 * 1000000 / (i.tcpi_rtt + 1),
			(uint64_t)i.tcpi_snd_cwnd * 1000 * 1000000 / i.tcpi_rtt);
}

/* A loss is repaired no faster. */
static void what_is_lost_is_paced_too(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000, .sack_ok = true);
	bench_send(b, 10000, 0);
	assert_int_equal(left_now(b), 10000);
	inject(b, ACK, .seq = 1, .ack = 10001);
	bench_send(b, 10000, 0);
	assert_int_equal(left_now(b), 10000);
	bench_set(b->sk, SOL_SOCKET, SO_MAX_PACING_RATE, 10000);
	pass(b, 300 * NS_PER_MS);
	assert_true(left_now(b) <= 2000);
	inject(b, ACK, .seq = 1, .ack = 10001, .sack = {{19001, 20001}});
	uint32_t first = left_now(b);
	assert_true(first <= 1000);
	pass(b, 350 * NS_PER_MS);
	assert_true(left_now(b) <= 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {both(a_rate_spreads_what_leaves), both(info_tells_the_rate), both(the_ratio_is_a_sysctl),
					   both(what_is_lost_is_paced_too)};
	return cmocka_run_group_tests_name("tcp-pacing", tests, NULL, NULL);
}
