/* Settings that change when or how much: net.ipv4.tcp_* and the options that stand for them on one socket. */
#include "bench.h"

/* That the header which we build with may not know. */
enum { TX_DELAY = 37, RTO_MAX_MS = 44, RTO_MIN_US = 45, DELACK_MAX_US = 46 };

static void sysctl(struct bench *b, const char *name, const char *value) { assert_int_equal(sysctl_set(b->s->sysctl, name, value), 0); }

static time_ns until_sent(struct bench *b, time_ns most)
{
	time_ns start = b->s->now;
	while (list_empty(&b->sent) && b->s->now - start < most)
		pass(b, NS_PER_MS);
	return (b->s->now - start) / NS_PER_MS;
}

static void in_flight(struct bench *b)
{
	passive(b);
	bench_send(b, 10, 0);
	bench_flush(b);
}

/* RFC 6298 §2 (2.4) and (2.5), as the host or the program wants them. */
static void the_least_and_the_longest_rto(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_rto_min_us", "50000");
	sysctl(b, "net.ipv4.tcp_rto_max_ms", "1000");
	in_flight(b);
	static const int ms[] = {51, 100, 200, 400, 800, 1000, 1000};
	for (size_t i = 0; i < ARRAY_SIZE(ms); i++) {
		assert_in_range(until_sent(b, 5 * NS_PER_S), ms[i] - 1, ms[i] + 1);
		bench_flush(b);
	}
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, RTO_MAX_MS), 1000);
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, RTO_MIN_US), 50000);
	bench_set(b->sk, IPPROTO_TCP, RTO_MAX_MS, 2000);
	assert_in_range(until_sent(b, 5 * NS_PER_S), 999, 1001);
	bench_flush(b);
	assert_in_range(until_sent(b, 5 * NS_PER_S), 1999, 2001);
}

/* ip-sysctl: net.ipv4.route.min_adv_mss, for links with an MTU below it; IPv4's only. */
static void the_least_mss_that_is_announced(void **state)
{
	struct bench *b = *state;
	b->eth->mtu_bytes = 200;
	sysctl(b, "net.ipv4.route.min_adv_mss", "300");
	bench_listen(b, 5);
	inject(b, SYN, .mss = 1000);
	assert_int_equal(bench_next(b), 0);
	assert_int_equal(b->last.opts.mss, b->v6 ? 140 : 300);
}

/* A route may say that less is announced than options take. */
static void a_route_s_advmss_has_a_floor(void **state)
{
	struct bench *b = *state;
	struct route r = {.dst = b->peer, .plen = b->v6 ? 128 : 32, .netif = b->eth, .table = RT_TABLE_MAIN, .type = RTN_UNICAST};
	r.metrics[RTAX_ADVMSS] = 12;
	assert_int_equal(route_put(b->s, &r, NLM_F_CREATE), 0);
	sysctl(b, "net.ipv4.route.min_adv_mss", "0");
	bench_listen(b, 5);
	inject(b, SYN, .mss = 1000, .ts = true, .ts_val = 5);
	assert_int_equal(bench_next(b), 0);
	assert_int_equal(b->last.opts.mss, 48);
	inject(b, ACK, .seq = 1, .ack = 1, .ts = true, .ts_val = 6, .ts_ecr = b->last.opts.ts_val);
	assert_non_null(bench_accept(b));
}

static void times_are_ticks(void **state)
{
	struct bench *b = *state;
	static const struct { int name, value, result, then; } rows[] = {
		{RTO_MAX_MS, 0, -EINVAL, 120000}, {RTO_MAX_MS, 999, 0, 1000}, {RTO_MAX_MS, 995, -EINVAL, 1000}, {RTO_MAX_MS, 50000, 0, 50000},
		{RTO_MAX_MS, 120001, -EINVAL, 50000},
		{RTO_MIN_US, 1000, -EINVAL, 200000}, {RTO_MIN_US, 5000, 0, 8000}, {RTO_MIN_US, 50000, 0, 52000}, {RTO_MIN_US, 200001, -EINVAL, 52000},
		{DELACK_MAX_US, 1, -EINVAL, 200000}, {DELACK_MAX_US, 5000, 0, 8000}, {DELACK_MAX_US, 300000, -EINVAL, 8000},
		{DELACK_MAX_US, -5, -EINVAL, 8000},
	};
	b->sk = bench_socket(b);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, rows[i].name, &rows[i].value, sizeof(int)), rows[i].result);
		assert_int_equal(bench_get(b->sk, IPPROTO_TCP, rows[i].name), rows[i].then);
	}
}

static void the_longest_delay_of_an_ack(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, DELACK_MAX_US, 8000);
	bench_set(b->sk, IPPROTO_TCP, TCP_QUICKACK, 0);
	inject(b, ACK | PSH, .seq = 1, .ack = 1, .len = 10);
	assert_in_range(until_sent(b, NS_PER_S), 7, 9);
}

/* As Linux, which delays nothing but in a queue that is not here. */
static void a_delay_of_what_is_sent_is_expected_at_once(void **state)
{
	struct bench *b = *state;
	struct tcp_info i[3];
	passive(b);
	for (int v = 0; v < 3; v++) {
		socklen_t len = sizeof *i;
		bench_set(b->sk, IPPROTO_TCP, TX_DELAY, v * 100000);
		assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i[v], &len), 0);
	}
	assert_int_equal(i[1].tcpi_rtt - i[0].tcpi_rtt, 100000);
	assert_int_equal(i[2].tcpi_rtt - i[1].tcpi_rtt, 100000);
	assert_int_equal(i[2].tcpi_rto - i[0].tcpi_rto, 200000);
	assert_int_equal(i[2].tcpi_min_rtt, UINT32_MAX);
	bench_set(b->sk, IPPROTO_TCP, TX_DELAY, 0);
	socklen_t len = sizeof *i;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i[2], &len), 0);
	assert_int_equal(i[2].tcpi_rtt, i[0].tcpi_rtt);
}

/* So many answers before ACKs wait for the next. */
static void how_many_answers_make_a_conversation(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_pingpong_thresh", "3");
	passive(b);
	for (seq32 i = 0; i < 3; i++) {
		assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_QUICKACK), 1);
		inject(b, ACK | PSH, .seq = 1 + 10 * i, .ack = 1 + 10 * i, .len = 10);
		assert_int_equal(bench_recv(b, 10, 0), 10);
		bench_send(b, 10, 0);
		bench_flush(b);
	}
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_QUICKACK), 0);
}

static void what_is_not_sent_is_bounded(void **state)
{
	struct bench *b = *state;
	char text[16];
	sysctl_get(b->s->sysctl, "net.ipv4.tcp_notsent_lowat", text, sizeof text);
	assert_string_equal(text, "4294967295");
	assert_int_equal(sysctl_set(b->s->sysctl, "net.ipv4.tcp_notsent_lowat", "4294967296"), -EINVAL);
	assert_int_equal(sysctl_set(b->s->sysctl, "net.ipv4.tcp_notsent_lowat", "-1"), -EINVAL);
	sysctl(b, "net.ipv4.tcp_notsent_lowat", "3000000000");
	sysctl_get(b->s->sysctl, "net.ipv4.tcp_notsent_lowat", text, sizeof text);
	assert_string_equal(text, "3000000000");
	sysctl(b, "net.ipv4.tcp_notsent_lowat", "1000");
	passive(b, .wnd = NO_WINDOW);
	assert_int_equal(bench_send(b, 1000, 0), 1000);
	assert_int_equal(bench_send(b, 1, 0), -EAGAIN);
	assert_false(sock_poll(b->sk) & EPOLLOUT);
}

static void segments_no_smaller_than(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_min_snd_mss", "200");
	passive(b, .mss = 60);
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_MAXSEG), 200);
}

/* Every ACK of disorder at once: nothing is held back. */
static void acks_of_disorder_are_compressed_so_far(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_comp_sack_nr", "0");
	passive(b, .sack_ok = true, .ts = true, .ts_val = 1);
	bench_flush(b);
	for (seq32 i = 1; i < 20; i++) {
		inject(b, ACK, .seq = 1 + 100 * i, .ack = 1, .len = 100, .ts = true, .ts_val = 2);
		expect(b, ACK, .seq = 1, .ack = 1);
	}
}

static void so_many_may_wait(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_max_tw_buckets", "1");
	for (uint16_t i = 0; i < 3; i++) {
		b->peer_port = (uint16_t)(40000 + i);
		b->iss_known = false;
		passive(b);
		bench_close_sk(b);
		expect(b, FIN | ACK, .seq = 1, .ack = 1);
		inject(b, FIN | ACK, .seq = 1, .ack = 2);
		expect(b, ACK, .seq = 2, .ack = 2);
	}
	assert_int_equal(b->s->tcp->n_tw, 1);
}

static void thin_streams_do_not_back_off(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_thin_linear_timeouts", "1");
	in_flight(b);
	for (int i = 0; i < 5; i++) {
		assert_in_range(until_sent(b, 5 * NS_PER_S), 199, 202);
		bench_flush(b);
	}
}

/* While octets are in flight the timer only looks again, and time has to pass meanwhile. */
static void keepalive_at_once(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_keepalive_time", "0");
	sysctl(b, "net.ipv4.tcp_keepalive_intvl", "0");
	in_flight(b);
	bench_set(b->sk, SOL_SOCKET, SO_KEEPALIVE, 1);
	pass(b, 100 * NS_PER_MS);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 11);
	assert_in_range(until_sent(b, NS_PER_S), 1, 5);     /* a probe, a tick later */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(the_least_and_the_longest_rto), both(the_least_mss_that_is_announced), both(a_route_s_advmss_has_a_floor),
		both(times_are_ticks), both(the_longest_delay_of_an_ack), both(a_delay_of_what_is_sent_is_expected_at_once),
		both(how_many_answers_make_a_conversation),
		both(what_is_not_sent_is_bounded), both(segments_no_smaller_than), both(acks_of_disorder_are_compressed_so_far), both(so_many_may_wait),
		both(thin_streams_do_not_back_off), both(keepalive_at_once),
	};
	return cmocka_run_group_tests_name("tcp-settings", tests, NULL, NULL);
}
