/* Streams on simulated networks: every octet arrives whatever the links do, and when it can't, the right error does. */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include "sim.h"
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include "stack/core/sysctl.h"

#define MIB (1 << 20)
static const int families[] = {AF_INET, AF_INET6};

static bool both_done(void *arg)
{
	struct sim_pair *p = arg;
	return (p->a.eof && p->b.eof) || p->a.err || p->b.err;
}

static bool b_done(void *arg)
{
	struct sim_pair *p = arg;
	return p->b.eof || p->b.err;
}

static bool a_failed(void *arg) { return ((struct sim_pair *)arg)->a.err != 0; }

static void expect_all(struct sim_pair *p, uint64_t at_a, uint64_t at_b)
{
	assert_int_equal(p->a.err, 0);
	assert_int_equal(p->b.err, 0);
	assert_int_equal(p->a.received, at_a);
	assert_int_equal(p->b.received, at_b);
}

static void both_ways(enum sim_shape shape, int domain, const char *words, uint64_t octets)
{
	struct sim *sim = sim_new(shape, 7);
	struct sim_pair p;
	sim_impair(sim, words);
	sim_connect(sim, domain, 0, &p);
	sim_stream_send(&p.a, octets, true);
	sim_stream_send(&p.b, octets / 2, true);
	assert_true(sim_run_until(sim, both_done, &p, 3600 * NS_PER_S));
	expect_all(&p, octets / 2, octets);
	sim_pair_close(&p);
	sim_run(sim, 200 * NS_PER_S);
	sim_free(sim);
}

static void streams_cross_all_kinds_of_links(void **state)
{
	(void)state;
	static const char *const links[] = {
		"", "delay 40ms", "delay 20ms 10ms", "loss 3%", "delay 50ms 20ms loss 2% rate 20mbit limit 50", "rate 256kbit limit 10",
	};
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		for (size_t l = 0; l < ARRAY_SIZE(links); l++) {
			both_ways(SIM_PAIR, families[f], links[l], MIB);
			both_ways(SIM_ROUTED, families[f], links[l], MIB / 2);
		}
	}
}

static void links_change_while_data_flows(void **state)
{
	(void)state;
	static const char *const changes[] = {
		"delay 10ms rate 8mbit", "delay 100ms", "loss 10%", "delay 5ms 4ms", "rate 1mbit limit 20", "down", "", "loss 30%", "delay 1s", "",
	};
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_ROUTED, 3);
		struct sim_pair p;
		sim_connect(sim, families[f], 0, &p);
		sim_stream_send(&p.a, 16 * MIB, true);
		sim_stream_send(&p.b, 4 * MIB, true);
		for (size_t c = 0; c < ARRAY_SIZE(changes); c++) {
			sim_impair(sim, changes[c]);
			sim_run_until(sim, both_done, &p, 2 * NS_PER_S);
		}
		assert_true(sim_run_until(sim, both_done, &p, 3600 * NS_PER_S));
		expect_all(&p, 4 * MIB, 16 * MIB);
		sim_pair_close(&p);
		sim_free(sim);
	}
}

static void a_cut_is_survived_when_it_heals(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_ROUTED, 3);
		struct sim_pair p;
		uint32_t id;
		sim_impair(sim, "delay 10ms rate 10mbit");
		sim_connect(sim, families[f], 0, &p);
		sim_stream_send(&p.a, 4 * MIB, true);
		sim_run(sim, NS_PER_S);
		sim_cut(sim, &id);
		uint64_t before = p.b.received;
		assert_true(before > MIB / 2);
		sim_run(sim, 30 * NS_PER_S);
		assert_true(p.b.received == before);
		net_heal(sim->net, id);
		/* The timer has backed off to at most what the cut took; then it goes on as before. */
		assert_true(sim_run_until(sim, b_done, &p, 60 * NS_PER_S));
		expect_all(&p, 0, 4 * MIB);
		sim_pair_close(&p);
		sim_free(sim);
	}
}

static void a_cut_that_lasts_ends_the_connection(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_ROUTED, 3);
		struct sim_pair p;
		uint32_t id;
		sim_impair(sim, "delay 20ms");
		sim_connect(sim, families[f], 0, &p);
		sim_run(sim, NS_PER_S);
		sim_cut(sim, &id);
		time_ns start = sim->now;
		sim_stream_send(&p.a, 1000, false);
		assert_true(sim_run_until(sim, a_failed, &p, 3600 * NS_PER_S));
		assert_int_equal(p.a.err, ETIMEDOUT);
		/* ip-sysctl: tcp_retries2 = 15 is a hypothetical timeout of 924.6 s; the connection ends at the first RTO behind it, and
		 * those are 120 s apart by then. */
		assert_in_range((sim->now - start) / NS_PER_S, 924, 1045);
		assert_int_equal(p.b.err, 0);
		sim_pair_close(&p);
		sim_free(sim);
	}
}

static bool connect_ended(void *arg)
{
	struct sock *sk = arg;
	return sock_poll(sk) & (EPOLLERR | EPOLLHUP);
}

static int take_error(struct sim *sim, struct sock *sk)
{
	int err = 0;
	socklen_t len = sizeof err;
	assert_int_equal(sim_call(sim, net_host_of(sk->stack), sock_getsockopt(sk, SOL_SOCKET, SO_ERROR, &err, &len)), 0);
	return err;
}

static void connecting_fails_as_it_should(void **state)
{
	(void)state;
	enum { CLOSED_PORT, SILENT_NEIGHBOUR, BLACK_HOLE };
	static const struct { int how, err; unsigned after_min_ms, after_max_ms; } rows[] = {
		{CLOSED_PORT, ECONNREFUSED, 0, 10},
		{SILENT_NEIGHBOUR, EHOSTUNREACH, 3000, 3200},
		{BLACK_HOLE, ETIMEDOUT, 126000, 135000},   /* tcp_syn_retries = 6: 1 + 2 + 4 … + 64 s */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows) * 2; i++) {
		const size_t row = i / 2;
		struct sim *sim = sim_new(rows[row].how == BLACK_HOLE ? SIM_ROUTED : SIM_PAIR, 3);
		struct sock *sk = sim_socket(sim, sim->a, families[i % 2], SOCK_STREAM, 0);
		uint32_t id;
		if (rows[row].how == SILENT_NEIGHBOUR) sim_impair(sim, "down");
		if (rows[row].how == BLACK_HOLE) sim_cut(sim, &id);
		time_ns start = sim->now;
		assert_int_equal(sim_connect_start(sim, sim->a, sk, sim->b, SIM_PORT), -EINPROGRESS);
		assert_int_equal(sim_connect_start(sim, sim->a, sk, sim->b, SIM_PORT), -EALREADY);
		assert_true(sim_run_until(sim, connect_ended, sk, 3600 * NS_PER_S));
		assert_in_range((sim->now - start) / NS_PER_MS, rows[row].after_min_ms, rows[row].after_max_ms);
		assert_int_equal(take_error(sim, sk), rows[row].err);
		assert_int_equal(take_error(sim, sk), 0);
		sim_close(sim, sk);
		sim_free(sim);
	}
}

/* ---- windows ---- */

static void a_closed_window_is_probed_for_ever(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_PAIR, 3);
		struct sim_pair p;
		sim_impair(sim, "delay 5ms");
		sim_connect(sim, families[f], 16384, &p);
		p.b.paused = true;
		sim_stream_send(&p.a, MIB, true);
		sim_run(sim, 60 * NS_PER_S);
		uint64_t segments = sim->count_a.segments;
		assert_true(p.a.sent < MIB);
		/* RFC 9293 §3.8.6.1 (MUST-35): a sender keeps the connection open as long as probes are answered. */
		sim_run(sim, 2 * 3600 * NS_PER_S);
		assert_int_equal(p.a.err, 0);
		assert_true(sim->count_a.segments - segments >= 50);
		assert_true(sim->count_a.segments - segments <= 200);
		p.b.paused = false;
		assert_true(sim_run_until(sim, b_done, &p, 300 * NS_PER_S));
		expect_all(&p, 0, MIB);
		sim_pair_close(&p);
		sim_free(sim);
	}
}

/* Linux, over a veth: 126824 octets of 131072, and 30192 of 32768 from a neighbour. The head of an skb counts, the octets are in pages. */
static void a_buffer_that_nobody_reads_takes_nearly_its_size(void **state)
{
	static const struct { int set; uint32_t least, most; } sizes[] = {{0, 120000, 131072}, {16384, 29000, 32768}};
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
		struct sim *sim = sim_new(SIM_PAIR, 3);
		struct sim_pair p;
		sim_impair(sim, "delay 5ms");
		sim_connect(sim, families[i % 2], sizes[i / 2].set, &p);
		p.b.paused = true;
		sim_stream_send(&p.a, MIB, true);
		sim_run(sim, 60 * NS_PER_S);
		int unread = 0;
		assert_int_equal(sock_ioctl(p.b.sk, SIOCINQ, &unread, sizeof unread), 0);
		assert_in_range(unread, sizes[i / 2].least, sizes[i / 2].most);
		sim_pair_close(&p);
		sim_free(sim);
	}
}

static void a_lost_window_update_is_made_good(void **state)
{
	(void)state;
	struct sim *sim = sim_new(SIM_PAIR, 3);
	struct sim_pair p;
	sim_connect(sim, AF_INET, 16384, &p);
	p.b.paused = true;
	sim_stream_send(&p.a, MIB, true);
	sim_run(sim, 10 * NS_PER_S);
	sim_impair(sim, "loss 100%");
	p.b.paused = false;
	sim_run(sim, 100 * NS_PER_MS);
	p.b.paused = true;
	sim_impair(sim, "");
	p.b.paused = false;
	assert_true(sim_run_until(sim, b_done, &p, 60 * NS_PER_S));
	expect_all(&p, 0, MIB);
	sim_pair_close(&p);
	sim_free(sim);
}

static void a_window_that_opens_by_little_is_not_chased(void **state)
{
	(void)state;
	/* RFC 9293 §3.8.6.2 (MUST-38, MUST-39): silly windows. b reads one octet a millisecond of what is 1 MiB. */
	struct sim *sim = sim_new(SIM_PAIR, 3);
	struct sim_pair p;
	sim_connect(sim, AF_INET, 16384, &p);
	p.b.paused = true;
	sim_stream_send(&p.a, MIB, false);
	sim_run(sim, 10 * NS_PER_S);
	uint64_t before = sim->count_a.data;
	for (int i = 0; i < 8000; i++) {
		char c;
		struct sock_msg m = {.data = &c, .len = 1, .flags = MSG_DONTWAIT};
		assert_int_equal(sim_call(sim, sim->b, sock_recv(p.b.sk, &m)), 1);
		sim_run(sim, NS_PER_MS);
	}
	assert_true(sim->count_a.data - before <= 60);
	sim_pair_close(&p);
	sim_free(sim);
}

static void nagle_gathers_small_writes(void **state)
{
	(void)state;
	for (int nodelay = 0; nodelay < 2; nodelay++) {
		struct sim *sim = sim_new(SIM_PAIR, 3);
		struct sim_pair p;
		sim_impair(sim, "delay 50ms");
		sim_connect(sim, AF_INET, 0, &p);
		sim_run(sim, NS_PER_S);
		if (nodelay) sim_set_int(sim, p.a.sk, IPPROTO_TCP, TCP_NODELAY, 1);
		for (uint64_t i = 1; i <= 50; i++) {
			sim_stream_send(&p.a, 1, false);
			sim_run(sim, NS_PER_MS);
		}
		sim_run(sim, NS_PER_S);
		assert_int_equal(p.b.received, 50);
		/* cwnd counts segments, as Linux's: ten small ones fill it until the first is acknowledged. */
		if (nodelay) assert_in_range(sim->count_a.data, 11, 20);
		else assert_in_range(sim->count_a.data, 2, 3);
		sim_pair_close(&p);
		sim_free(sim);
	}
}

/* ---- paths ---- */

static void a_smaller_mtu_on_the_path_is_found(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_ROUTED, 3);
		struct sim_pair p;
		sim->nif_b->mtu_bytes = 1300;
		netif_by_name(net_stack(sim->r), "eth1")->mtu_bytes = 1300;
		sim_connect(sim, families[f], 0, &p);
		sim_stream_send(&p.a, MIB, true);
		sim_stream_send(&p.b, MIB, true);
		assert_true(sim_run_until(sim, both_done, &p, 60 * NS_PER_S));
		expect_all(&p, MIB, MIB);
		sim_pair_close(&p);
		sim_free(sim);
	}
}

static void keepalive_finds_a_peer_that_is_gone(void **state)
{
	(void)state;
	struct sim *sim = sim_new(SIM_ROUTED, 3);
	struct sim_pair p;
	uint32_t id;
	sim_connect(sim, AF_INET, 0, &p);
	sim_set_int(sim, p.a.sk, SOL_SOCKET, SO_KEEPALIVE, 1);
	sim_set_int(sim, p.a.sk, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	sim_set_int(sim, p.a.sk, IPPROTO_TCP, TCP_KEEPINTVL, 5);
	sim_set_int(sim, p.a.sk, IPPROTO_TCP, TCP_KEEPCNT, 3);
	sim_run(sim, 600 * NS_PER_S);
	assert_int_equal(p.a.err, 0);
	sim_cut(sim, &id);
	time_ns start = sim->now;
	assert_true(sim_run_until(sim, a_failed, &p, 60 * NS_PER_S));
	assert_int_equal(p.a.err, ETIMEDOUT);
	assert_in_range((sim->now - start) / NS_PER_S, 14, 26);
	sim_pair_close(&p);
	sim_free(sim);
}

static void user_timeout_ends_waiting(void **state)
{
	(void)state;
	struct sim *sim = sim_new(SIM_ROUTED, 3);
	struct sim_pair p;
	uint32_t id;
	sim_connect(sim, AF_INET6, 0, &p);
	sim_set_int(sim, p.a.sk, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
	sim_cut(sim, &id);
	time_ns start = sim->now;
	sim_stream_send(&p.a, 1000, false);
	assert_true(sim_run_until(sim, a_failed, &p, 60 * NS_PER_S));
	assert_int_equal(p.a.err, ETIMEDOUT);
	assert_in_range((sim->now - start) / NS_PER_MS, 4900, 7000);
	sim_pair_close(&p);
	sim_free(sim);
}

static void loopback_carries_streams(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_PAIR, 3);
		struct net_host *b = sim->b;
		struct sim_pair p;
		sim->b = sim->a;                      /* both ends on one host */
		sim_connect(sim, families[f], 0, &p);
		p.b.pattern = 'b';
		p.b.expected = 'a';
		sim_stream_send(&p.a, 4 * MIB, true);
		sim_stream_send(&p.b, 4 * MIB, true);
		assert_true(sim_run_until(sim, both_done, &p, NS_PER_S));
		expect_all(&p, 4 * MIB, 4 * MIB);
		sim_pair_close(&p);
		sim->b = b;
		sim_free(sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_cross_all_kinds_of_links),
		cmocka_unit_test(links_change_while_data_flows),
		cmocka_unit_test(a_cut_is_survived_when_it_heals),
		cmocka_unit_test(a_cut_that_lasts_ends_the_connection),
		cmocka_unit_test(connecting_fails_as_it_should),
		cmocka_unit_test(a_closed_window_is_probed_for_ever),
		cmocka_unit_test(a_buffer_that_nobody_reads_takes_nearly_its_size),
		cmocka_unit_test(a_lost_window_update_is_made_good),
		cmocka_unit_test(a_window_that_opens_by_little_is_not_chased),
		cmocka_unit_test(nagle_gathers_small_writes),
		cmocka_unit_test(a_smaller_mtu_on_the_path_is_found),
		cmocka_unit_test(keepalive_finds_a_peer_that_is_gone),
		cmocka_unit_test(user_timeout_ends_waiting),
		cmocka_unit_test(loopback_carries_streams),
	};
	return cmocka_run_group_tests_name("sim-tcp", tests, NULL, NULL);
}
