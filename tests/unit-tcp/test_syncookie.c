/* SYN cookies, in Linux's encoding as probed on 6.18: RFC 4987 (4987-3). */
#include "bench.h"

static void sysctl(struct bench *b, const char *name, const char *value) { assert_int_equal(sysctl_set(b->s->sysctl, name, value), 0); }

static void always(struct bench *b)
{
	sysctl(b, "net.ipv4.tcp_syncookies", "2");
	bench_listen(b, 5);
}

static struct tcp_info info(struct bench *b)
{
	struct tcp_info i;
	socklen_t len = sizeof i;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	return i;
}

static void nothing_is_kept(void **state)
{
	struct bench *b = *state;
	always(b);
	inject(b, SYN, .mss = 1460);
	expect(b, SYN | ACK, .seq = 0, .ack = 1);
	assert_int_equal(bench_socks(b), 1);
	pass(b, 10 * NS_PER_S);
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 3);
	expect(b, ACK, .seq = 1, .ack = 4);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	assert_int_equal(bench_recv(b, 10, 0), 3);
	assert_int_equal(info(b).tcpi_snd_mss, b->v6 ? 1440 : 1460);
	assert_int_equal(info(b).tcpi_options, 0);
	/* Never measured: RFC 6298 §5 (5.7). */
	assert_int_equal(info(b).tcpi_rto, 3000000);
	assert_int_equal(bench_send(b, 9, 0), 9);
	expect(b, ACK | PSH, .seq = 1, .ack = 4, .len = 9);
}

/* The next smaller size of the table. */
static void sizes_are_rounded_down(void **state)
{
	struct bench *b = *state;
	static const struct { uint16_t mss, v4, v6; } cases[] = {{0, 536, 536}, {1000, 536, 1220}, {1299, 536, 1220}, {1300, 1300, 1220},
								 {1425, 1300, 1420}, {1440, 1440, 1440}, {9000, 1460, 1440}};
	always(b);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		b->iss_known = false;
		b->peer_port = (uint16_t)(42000 + i);
		inject(b, SYN, .mss = cases[i].mss);
		expect(b, SYN | ACK, .ack = 1);
		inject(b, ACK, .seq = 1, .ack = 1);
		b->sk = bench_accept(b);
		assert_int_equal(info(b).tcpi_snd_mss, b->v6 ? (cases[i].mss ? cases[i].v6 : 1220) : cases[i].v4);
		bench_close_sk(b);
		bench_flush(b);
	}
}

/* What a SYN offered beside the MSS is in the last bits of our timestamp. */
static void options_are_in_the_timestamp(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_ecn", "1");
	always(b);
	inject(b, SYN | ECE | CWR, .mss = 1460, .ts = true, .ts_val = 7, .sack_ok = true, .wscale = 8);
	expect(b, SYN | ACK | ECE, .ack = 1, .ts = true, .sack_ok = true, .wscale = 8);
	assert_int_equal(bench_socks(b), 1);
	uint32_t clock = b->last.opts.ts_val;
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = 100, .ts = true, .ts_val = 8, .ts_ecr = clock);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
	assert_int_equal(info(b).tcpi_options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE | TCPI_OPT_ECN);
	assert_int_equal(info(b).tcpi_snd_wscale, 7);
	assert_int_equal(info(b).tcpi_snd_wnd, 100 << 7);
	/* The clock goes on as if nothing had been hidden in it. */
	assert_int_equal(bench_send(b, 9, 0), 9);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 9, .ts = true, .ts_ecr = 8);
	assert_true((int32_t)(b->last.opts.ts_val - clock) >= 0);
	bench_close_sk(b);
	bench_flush(b);
	/* Without timestamps there is no place for them. */
	b->iss_known = false;
	b->peer_port = 42000;
	inject(b, SYN, .mss = 1460, .sack_ok = true, .wscale = 8);
	expect(b, SYN | ACK, .ack = 1);
	assert_false(b->last.opts.sack_ok || b->last.opts.has_wscale || b->last.opts.has_ts);
}

static void what_is_no_cookie_is_reset(void **state)
{
	struct bench *b = *state;
	always(b);
	/* None was given out. */
	inject(b, ACK, .seq = 1, .ack = 77, .raw_seq = true);
	expect(b, RST, .seq = 77, .raw_seq = true);
	inject(b, SYN, .mss = 1460);
	expect(b, SYN | ACK, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 101);
	expect(b, RST, .seq = 101);
	inject(b, ACK, .seq = 101, .ack = 1);
	expect(b, RST, .seq = 1);
	inject(b, ACK, .seq = 1, .ack = 1, .sport = 40001);
	assert_int_equal(bench_next(b), 0);
	assert_int_equal(b->last.flags, RST);
	/* A third minute is too late. */
	pass(b, 125 * NS_PER_S);
	inject(b, ACK, .seq = 1, .ack = 1);
	expect(b, RST, .seq = 1);
	assert_null(bench_accept(b));
}

/* By default when more SYNs wait than the backlog has room for. */
static void a_full_queue_gives_cookies(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 1);
	for (uint16_t i = 0; i < 100; i++) {
		b->peer_port = (uint16_t)(1000 + i);
		b->iss_known = false;
		inject(b, SYN, .mss = 1460);
		expect(b, SYN | ACK, .ack = 1);
	}
	assert_int_equal(bench_socks(b), 3);
	inject(b, ACK, .seq = 1, .ack = 1);
	assert_non_null(b->sk = bench_accept(b));
	bench_close_sk(b);
	bench_flush(b);
	/* Once more than the accept queue takes, the peer is left to repeat. */
	seq32 iss[3];
	for (uint16_t i = 0; i < 3; i++) {
		b->peer_port = (uint16_t)(2000 + i);
		b->iss_known = false;
		inject(b, SYN, .mss = 1460);
		expect(b, SYN | ACK, .ack = 1);
		iss[i] = b->iss;
	}
	for (uint16_t i = 0; i < 3; i++) {
		b->peer_port = (uint16_t)(2000 + i);
		b->iss = iss[i];
		inject(b, ACK, .seq = 1, .ack = 1);
	}
	assert_int_equal(b->dropped, DROP_TCP_BACKLOG);
	expect_nothing(b);
}

static void without_cookies_syns_are_dropped(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_syncookies", "0");
	bench_listen(b, 1);
	for (uint16_t i = 0; i < 4; i++) {
		b->peer_port = (uint16_t)(1000 + i);
		b->iss_known = false;
		inject(b, SYN, .mss = 1460);
		if (i < 2)
			expect(b, SYN | ACK, .ack = 1);
		else
			assert_int_equal(b->dropped, DROP_TCP_BACKLOG);
	}
	expect_nothing(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(nothing_is_kept), both(sizes_are_rounded_down), both(options_are_in_the_timestamp), both(what_is_no_cookie_is_reset),
		both(a_full_queue_gives_cookies), both(without_cookies_syns_are_dropped),
	};
	return cmocka_run_group_tests_name("tcp-syncookie", tests, NULL, NULL);
}
