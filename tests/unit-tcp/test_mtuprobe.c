/* Packetization-layer path MTU discovery: RFC 4821, as net.ipv4.tcp_mtu_probing asks for it. */
#include "bench.h"

static void sysctl(struct bench *b, const char *name, const char *value) { assert_int_equal(sysctl_set(b->s->sysctl, name, value), 0); }

static uint32_t headers(const struct bench *b) { return b->v6 ? 60 : 40; }

/* A connection whose window has grown enough to probe, with segments of tcp_base_mss. The number up to which all is acknowledged. */
static seq32 warmed_up(struct bench *b)
{
	sysctl(b, "net.ipv4.tcp_mtu_probing", "2");
	passive(b);
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_MAXSEG), 1024);
	bench_send(b, 10240, 0);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 10241);
	assert_true(tcp_of(b->sk)->cc.cwnd > 11);
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 200000);
	return 10241;
}

/* Half-way between what works and what the peer takes. */
static uint32_t first_probe(const struct bench *b)
{
	uint32_t low = 1024 + headers(b), high = MIN(1460 + headers(b), 1500u);
	return (low + high) / 2 - headers(b);
}

/* RFC 4821 §7.6.1: it arrived, so all segments are that long. */
static void a_probe_that_arrives_raises_the_mss(void **state)
{
	struct bench *b = *state;
	seq32 at = warmed_up(b);
	uint32_t len = first_probe(b);
	bench_send(b, 20000, 0);
	expect(b, ACK, .seq = at, .ack = 1, .len = len);
	expect(b, ACK, .seq = at + len, .ack = 1, .len = 1024);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = at + len);
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_MAXSEG), len);
}

/* §7.6.2: its loss is no congestion; it goes again in pieces. */
static void a_probe_that_is_lost_costs_no_window(void **state)
{
	struct bench *b = *state;
	seq32 at = warmed_up(b);
	uint32_t len = first_probe(b), cwnd = tcp_of(b->sk)->cc.cwnd;
	bench_send(b, 20000, 0);
	bench_flush(b);
	for (int i = 0; i < 3; i++)
		inject(b, ACK, .seq = 1, .ack = at);
	/* RFC 3042's new segments came before. */
	while (bench_next(b) >= 0 && b->last.seq != at)
		;
	assert_int_equal(b->last.seq, at);
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_MAXSEG), 1024);
	assert_int_equal(tcp_of(b->sk)->cc.cwnd, cwnd);
	bench_flush(b);
	/* When all that is over, the next one is shorter. */
	for (int more = 0; more < 2; more++) {
		while (tcp_of(b->sk)->snd.queue.len) {
			inject(b, ACK, .seq = 1, .ack = tcp_of(b->sk)->snd.nxt - b->iss);
			bench_flush(b);
		}
		if (!more) bench_send(b, 2000, 0);
		bench_flush(b);
	}
	at = tcp_of(b->sk)->snd.nxt - b->iss;
	bench_send(b, 20000, 0);
	expect(b, ACK, .seq = at, .ack = 1, .len = (1024 + len - 1) / 2);
}

/* §7.7: after as many time-outs as tcp_retries1 says, small segments are tried. */
static void a_black_hole_is_escaped(void **state)
{
	struct bench *b = *state;
	uint32_t full = b->v6 ? 1440 : 1460, tries = 0;
	int len;
	sysctl(b, "net.ipv4.tcp_mtu_probing", "1");
	passive(b);
	bench_send(b, full, 0);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = full);
	for (len = (int)full; len == (int)full && tries < 8; tries++) {
		pass(b, (200 * NS_PER_MS << tries) + NS_PER_MS);
		len = bench_next(b);
	}
	assert_int_equal(len, 1024);
	assert_int_equal(tries, 5);   /* as probed */
	bench_flush(b);
	pass(b, (200 * NS_PER_MS << tries) + NS_PER_MS);
	assert_int_equal(bench_next(b), 512);
}

static void without_the_sysctl_it_is_not(void **state)
{
	struct bench *b = *state;
	uint32_t full = b->v6 ? 1440 : 1460;
	passive(b);
	bench_send(b, full, 0);
	for (int i = 0; i < 9; i++) {
		assert_int_equal(bench_next(b), full);
		pass(b, (200 * NS_PER_MS << i) + NS_PER_MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(a_probe_that_arrives_raises_the_mss), both(a_probe_that_is_lost_costs_no_window), both(a_black_hole_is_escaped),
		both(without_the_sysctl_it_is_not),
	};
	return cmocka_run_group_tests_name("tcp-mtuprobe", tests, NULL, NULL);
}
