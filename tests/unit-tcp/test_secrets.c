/* What outsiders can't foretell: initial sequence numbers, the timestamp clock's beginning, ports; and what they can't learn from how often we answer. */
#include "bench.h"

/* The sequence number of a SYN to that port of the peer's, from our port 5000; the connection is given up at once. */
static seq32 isn_to(struct bench *b, uint16_t port, uint32_t *ret_ts)
{
	struct sockaddr_storage a;
	struct sock *sk = bench_socket(b);
	b->iss_known = false;
	b->us_port = 5000;
	bench_set(sk, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(sock_bind(sk, (struct sockaddr *)&a, bench_name(b, &a, &b->us, 5000)), 0);
	assert_int_equal(sock_connect(sk, (struct sockaddr *)&a, bench_name(b, &a, &b->peer, port)), -EINPROGRESS);
	expect(b, SYN, .seq = 0);
	if (ret_ts) *ret_ts = b->last.opts.ts_val;
	sock_close(sk);
	return b->iss;
}

/* RFC 9293 §3.4.1 (MUST-8), RFC 6528 §3 (6528-1): for the same pair of sockets it moves with the clock, a step in 64 ns as Linux's, and with nothing else. */
static void sequence_numbers_follow_the_clock(void **state)
{
	struct bench *b = *state;
	seq32 first = isn_to(b, 80, NULL);
	assert_int_equal(isn_to(b, 80, NULL), first);
	pass(b, 64 * NS_PER_MS);
	assert_int_equal(isn_to(b, 80, NULL) - first, 1000000);
	pass(b, 10 * NS_PER_S);
	assert_true(seq_gt(isn_to(b, 80, NULL), first));
}

/* RFC 9293 §3.4.1 (MUST-9, SHLD-1), RFC 6528 §3 (6528-1): what one sees of his own tells nothing of another's: the differences of neighbours are all
 * different. */
static void sequence_numbers_of_others_tell_nothing(void **state)
{
	struct bench *b = *state;
	seq32 isn[64];
	for (uint16_t i = 0; i < 64; i++)
		isn[i] = isn_to(b, (uint16_t)(1000 + i), NULL);
	for (int i = 1; i < 64; i++)
		for (int j = 1; j < i; j++)
			assert_int_not_equal(isn[i] - isn[i - 1], isn[j] - isn[j - 1]);
}

/* RFC 9293 §3.4.1 (MUST-9): the key is the host's own: another host with the same addresses, ports and time has other numbers. */
static void the_key_is_the_hosts_own(void **state)
{
	struct bench *b = *state, *other;
	void *made;
	assert_int_equal(b->v6 ? bench_open6(&made) : bench_open4(&made), 0);
	other = made;
	stack_free(other->s);
	other->random = 12345;
	other->s = stack_new("us", b->s->ops, other, NS_PER_S);
	assert_int_equal(netif_add(other->s, "lo", NETIF_LOOPBACK, NULL, 65536, &other->lo), 0);
	assert_int_equal(netif_add(other->s, "eth0", NETIF_RAW_IP, NULL, 1500, &other->eth), 0);
	assert_int_equal(netif_addr_add(other->eth, &other->us, b->v6 ? 64 : 24), 0);
	assert_int_not_equal(isn_to(b, 80, NULL), isn_to(other, 80, NULL));
	bench_close(&made);
}

/* RFC 7323 §7.1 (7323-15), §5.4 (7323-13): a pair of hosts has an offset of its own, the same for all its connections; a tick is a millisecond. */
static void timestamps_begin_elsewhere_for_each_peer(void **state)
{
	struct bench *b = *state;
	uint32_t here, again, later, there;
	isn_to(b, 80, &here);
	isn_to(b, 81, &again);
	assert_int_equal(here, again);
	pass(b, 1500 * NS_PER_MS);
	isn_to(b, 80, &later);
	assert_int_equal(later - here, 1500);
	b->peer.b[15]++;
	isn_to(b, 80, &there);
	assert_int_not_equal(there, later);
}

/* RFC 6056 §3.3.3 (6056-2): ports are counted up, but for each destination from a place of its own. */
static void ports_to_others_tell_nothing(void **state)
{
	struct bench *b = *state;
	uint16_t first[32];
	unsigned near = 0;
	for (int i = 0; i < 32; i++, b->peer.b[15]++) {
		assert_int_equal(bench_connect(b, bench_socket(b)), -EINPROGRESS);
		first[i] = b->us_port;
		for (int j = 0; j < i; j++)
			near += abs(first[i] - first[j]) <= 32;
	}
	bench_flush(b);
	/* Of 496 pairs one or two are near by chance. */
	assert_true(near < 10);
}

/* RFC 5961 §7 (5961-8): answers to forgeries are counted for each connection by itself: who exhausts one's learns nothing from another's. */
static void each_connection_has_its_own_limit(void **state)
{
	struct bench *b = *state;
	seq32 first_iss;
	passive(b);
	first_iss = b->iss;
	inject(b, RST, .seq = 100);
	expect(b, ACK, .seq = 1, .ack = 1);
	inject(b, RST, .seq = 100);
	expect_nothing(b);
	b->peer_port = 40001;
	b->iss_known = false;
	passive(b);
	inject(b, RST, .seq = 100);
	expect(b, ACK, .seq = 1, .ack = 1);
	b->peer_port = 40000;
	b->iss = first_iss;
	inject(b, RST, .seq = 100);
	expect_nothing(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(sequence_numbers_follow_the_clock), both(sequence_numbers_of_others_tell_nothing), both(the_key_is_the_hosts_own),
		both(timestamps_begin_elsewhere_for_each_peer), both(ports_to_others_tell_nothing), both(each_connection_has_its_own_limit),
	};
	return cmocka_run_group_tests_name("tcp-secrets", tests, NULL, NULL);
}
