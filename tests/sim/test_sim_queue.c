/* What a queue discipline is for: a download under CUBIC over a slow link, and what others on that link feel of it. */
#include "sim.h"
#include <netinet/tcp.h>
#include "stack/core/sysctl.h"

#define LINK "rate 10mbit delay 10ms "                  /* 20 ms there and back, 25 kB under way */
#define MIB (1 << 20)

struct load { struct sim *sim; struct sim_pair bulk; time_ns worst, sum; unsigned n; uint32_t retransmits; };

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static struct tcp_info info_of(struct sim *sim, struct sock *sk)
{
	struct tcp_info i = {0};
	socklen_t len = sizeof i;
	assert_int_equal(sim_call(sim, sim->a, sock_getsockopt(sk, IPPROTO_TCP, TCP_INFO, &i, &len)), 0);
	return i;
}

/* A bulk transfer on the link for 4 s, then its smoothed round-trip time every 50 ms of 4 s more. */
static void load(struct load *l, const char *words, bool ecn)
{
	*l = (struct load){.sim = sim_new(SIM_PAIR, 7)};
	if (ecn) net_stack(l->sim->a)->sysctl->tcp_ecn = net_stack(l->sim->b)->sysctl->tcp_ecn = 1;
	sim_impair(l->sim, words);
	sim_connect(l->sim, AF_INET, MIB / 8, &l->bulk);
	sim_stream_send(&l->bulk.a, 1000ull * MIB, false);
	sim_run(l->sim, 4 * NS_PER_S);
	for (l->n = 0; l->n < 80; l->n++) {
		sim_run_until(l->sim, never, NULL, 50 * NS_PER_MS);
		time_ns rtt = info_of(l->sim, l->bulk.a.sk).tcpi_rtt * (time_ns)NS_PER_US;
		l->worst = MAX(l->worst, rtt);
		l->sum += rtt;
	}
	l->retransmits = info_of(l->sim, l->bulk.a.sk).tcpi_total_retrans;
	assert_int_equal(l->bulk.a.err | l->bulk.b.err, 0);
}

static void unload(struct load *l)
{
	sim_pair_close(&l->bulk);
	sim_free(l->sim);
}

/* Of 8 s at 10 Mbit/s. */
static double utilisation(const struct load *l) { return (double)l->bulk.b.received * 8 / (8 * 10e6); }

static void codel_takes_the_standing_queue_away(void **state)
{
	(void)state;
	struct load deep, short_;
	load(&deep, LINK "pfifo limit 100", false);
	load(&short_, LINK "codel", false);
	assert_true(deep.sum / deep.n > 80 * NS_PER_MS);                    /* 100 frames are 120 ms, and CUBIC fills them */
	assert_true(short_.sum / short_.n < (20 + 3 * 5) * NS_PER_MS);      /* around the target of 5 ms */
	assert_true(short_.worst < 80 * NS_PER_MS);
	assert_true(utilisation(&short_) > 0.85);
	assert_true(net_link_counts(short_.sim->link, 0)->dropped[DROP_LINK_AQM] > 10);
	unload(&deep);
	unload(&short_);
}

static void with_ecn_nothing_is_sent_twice(void **state)
{
	(void)state;
	static const char *const lines[] = {LINK "codel ecn", LINK "fq_codel",
					    LINK "limit 400 red min 10000 max 60000 avpkt 1500 burst 30 probability 10% ecn"};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct load l;
		load(&l, lines[i], true);
		const struct link_counts *c = net_link_counts(l.sim->link, 0);
		assert_true(c->marked > 10);
		assert_int_equal(c->dropped[DROP_LINK_AQM] + c->dropped[DROP_LINK_QUEUE], 0);
		assert_int_equal(l.retransmits, 0);
		assert_true(l.sum / l.n < 80 * NS_PER_MS);
		assert_true(utilisation(&l) > 0.85);
		unload(&l);
	}
}

static void red_keeps_the_queue_between_its_bounds(void **state)
{
	(void)state;
	struct load l;
	load(&l, LINK "limit 400 red min 10000 max 60000 avpkt 1500 burst 30 probability 10%", false);
	assert_true(l.sum / l.n < 20 * NS_PER_MS + 48 * NS_PER_MS);         /* 60,000 octets are 48 ms */
	assert_true(utilisation(&l) > 0.8);
	assert_true(net_link_counts(l.sim->link, 0)->dropped[DROP_LINK_AQM] > 10);
	unload(&l);
}

/* One question after the other on a connection of its own, while the other one fills the link. */
static time_ns slowest_answer(const char *words)
{
	struct load l;
	struct sock *client, *server;
	time_ns slowest = 0;
	load(&l, words, false);
	client = sim_socket(l.sim, l.sim->a, AF_INET, SOCK_DGRAM, 0);
	server = sim_socket(l.sim, l.sim->b, AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage at;
	socklen_t at_len = sim_name(l.sim, &at, AF_INET, l.sim->b, 53);
	assert_int_equal(sim_call(l.sim, l.sim->b, sock_bind(server, (struct sockaddr *)&at, at_len)), 0);
	assert_int_equal(sim_connect_start(l.sim, l.sim->a, client, l.sim->b, 53), 0);
	for (int i = 0; i < 50; i++) {
		char octet = 'q';
		struct sock_msg m = {.data = (uint8_t *)&octet, .len = 1, .flags = MSG_DONTWAIT};
		time_ns asked = l.sim->now;
		assert_int_equal(sim_call(l.sim, l.sim->a, sock_send(client, &m)), 1);
		for (;;) {
			struct sock_msg got = {.data = (uint8_t *)&octet, .len = 1, .flags = MSG_DONTWAIT};
			if (sim_call(l.sim, l.sim->b, sock_recv(server, &got)) == 1) break;
			assert_true(l.sim->now - asked < 2 * NS_PER_S);
			sim_run_until(l.sim, never, NULL, NS_PER_MS);
		}
		slowest = MAX(slowest, l.sim->now - asked);
		sim_run_until(l.sim, never, NULL, 20 * NS_PER_MS);
	}
	sim_close(l.sim, client);
	sim_close(l.sim, server);
	unload(&l);
	return slowest;
}

static void fq_codel_keeps_sparse_flows_fast(void **state)
{
	(void)state;
	assert_true(slowest_answer(LINK "pfifo limit 100") > 60 * NS_PER_MS);
	assert_true(slowest_answer(LINK "fq_codel") < 15 * NS_PER_MS);      /* 10 on the way, and a frame or two that were before it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codel_takes_the_standing_queue_away),
		cmocka_unit_test(with_ecn_nothing_is_sent_twice),
		cmocka_unit_test(red_keeps_the_queue_between_its_bounds),
		cmocka_unit_test(fq_codel_keeps_sparse_flows_fast),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
