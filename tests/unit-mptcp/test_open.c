/* Handshakes of the first subflow, and what becomes of a peer that knows nothing of them. RFC 8684 §3.1, §3.7. */
#include "bench.h"

/* RFC 8684 §3.1: both SYNs and the third ACK have the option, and the first text. */
static void test_handshake(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	connected(b, &a, &c);
	assert_int_equal(b->has[MPTCP_CAPABLE][0], 2);
	assert_int_equal(b->has[MPTCP_CAPABLE][1], 1);
	assert_int_equal(b->last[MPTCP_CAPABLE][0].o.capable.n_keys, 2);
	assert_true(b->last[MPTCP_CAPABLE][0].o.capable.receiver == b->last[MPTCP_CAPABLE][1].o.capable.sender);
	assert_int_equal(call_send(a, "hallo", 5), 5);
	settle(b);
	assert_int_equal(b->has[MPTCP_CAPABLE][0], 3);
	assert_true(b->last[MPTCP_CAPABLE][0].o.capable.has_len);
	assert_int_equal(b->last[MPTCP_CAPABLE][0].o.capable.len, 5);
	transfer(b, c, a, 100000, 10 * NS_PER_S);
	assert_false(msk_at(a)->fallback);
	assert_int_equal(subflows(a), 1);
	sock_close(a);
	sock_close(c);
}

static void test_both_ways(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	connected(b, &a, &c);
	transfer(b, a, c, 300000, 10 * NS_PER_S);
	transfer(b, c, a, 300000, 10 * NS_PER_S);
	assert_true(b->has[MPTCP_DSS][0] > 10);
	assert_true(b->last[MPTCP_DSS][1].o.dss.ack64);
	sock_close(a);
	sock_close(c);
}

static void test_ip6(void **state)
{
	struct bench *b = *state;
	struct sock *l = listening(b, AF_INET6, IPPROTO_MPTCP, "::"), *a = open_sock(b->net.s[0], AF_INET6, IPPROTO_MPTCP), *c;

	assert_int_equal(call_connect(a, "fd00::2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(sock_accept(l, &c), 0);
	assert_true(mptcp_is(c));
	transfer(b, a, c, 100000, 10 * NS_PER_S);
	sock_close(a);
	sock_close(c);
}

static bool plain(struct sock *sk) { return !mptcp_is(sk) || msk_at(sk)->fallback; }

static void fell_back(struct bench *b, struct sock *l, const char *to, struct sock *a)
{
	struct sock *c;

	assert_int_equal(call_connect(a, to, 7), -EINPROGRESS);
	bench_pass(b, 10 * NS_PER_S);
	assert_int_equal(sock_accept(l, &c), 0);
	transfer(b, a, c, 100000, 10 * NS_PER_S);
	transfer(b, c, a, 100000, 10 * NS_PER_S);
	assert_true(plain(a));
	assert_true(plain(c));
	assert_int_equal(sock_shutdown(a, SHUT_WR), 0);
	settle(b);
	assert_int_equal(call_recv(c, (char[1]){0}, 1), 0);
	assert_int_equal(call_send(c, "x", 1), 1);
	settle(b);
	assert_int_equal(call_recv(a, (char[1]){0}, 1), 1);
	sock_close(c);
	settle(b);
	assert_int_equal(call_recv(a, (char[1]){0}, 1), 0);
	assert_true(sock_poll(a) & EPOLLHUP);
	assert_int_equal(b->resets, 0);
	sock_close(a);
	sock_close(l);
}

static void test_server_is_plain(void **state)
{
	struct bench *b = *state;

	fell_back(b, listening(b, AF_INET, IPPROTO_TCP, "0.0.0.0"), "10.0.0.2", open_sock(b->net.s[0], AF_INET, IPPROTO_MPTCP));
	assert_int_equal(b->has[MPTCP_DSS][0] + b->has[MPTCP_DSS][1], 0);
}

static void test_client_is_plain(void **state)
{
	struct bench *b = *state;

	fell_back(b, listening(b, AF_INET, IPPROTO_MPTCP, "0.0.0.0"), "10.0.0.2", open_sock(b->net.s[0], AF_INET, IPPROTO_TCP));
}

static bool strip_answers(struct bench *b, struct seen *v)
{
	(void)b;
	if (v->from == 1 && v->h.flags & TCP_SYN) seen_strip(v);
	return false;
}

static bool strip_all_but_syns(struct bench *b, struct seen *v)
{
	(void)b;
	if (!(v->h.flags & TCP_SYN)) seen_strip(v);
	return false;
}

static bool strip_text(struct bench *b, struct seen *v)
{
	(void)b;
	if (v->text_len || b->count) b->count = 1, seen_strip(v);
	return false;
}

/* SYNs with the option are lost: after two more TCP asks. */
static bool lose_capable(struct bench *b, struct seen *v)
{
	(void)b;
	return MPTCP_HAS(&v->o, MPTCP_CAPABLE);
}

/* RFC 8684 §3.7: whatever a middlebox takes away before anything else was agreed on, it is TCP that goes on. */
static void test_middlebox(void **state)
{
	static bool (*const boxes[])(struct bench *, struct seen *) = {strip_answers, strip_all_but_syns, strip_text, lose_capable};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
		b->lose = boxes[i];
		b->count = 0;
		fell_back(b, listening(b, AF_INET, IPPROTO_MPTCP, "0.0.0.0"), "10.0.0.2", open_sock(b->net.s[0], AF_INET, IPPROTO_MPTCP));
		bench_pass(b, 200 * NS_PER_S);
	}
}

static void test_refused(void **state)
{
	struct bench *b = *state;
	struct sock *a = open_sock(b->net.s[0], AF_INET, IPPROTO_MPTCP);

	assert_int_equal(call_connect(a, "10.0.0.2", 9), -EINPROGRESS);
	settle(b);
	assert_true(sock_poll(a) & EPOLLERR);
	assert_int_equal(call_connect(a, "10.0.0.2", 9), -ECONNREFUSED);
	sock_close(listening(b, AF_INET, IPPROTO_MPTCP, "0.0.0.0"));
	sock_close(a);
}

static void test_off(void **state)
{
	struct bench *b = *state;
	struct sock *sk;

	bench_set(b, 0, "net.mptcp.enabled", "0");
	assert_int_equal(sock_create(b->net.s[0], AF_INET, SOCK_STREAM, IPPROTO_MPTCP, &sk), -ENOPROTOOPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_handshake), BENCH_TEST(test_both_ways), BENCH_TEST(test_ip6), BENCH_TEST(test_server_is_plain),
		BENCH_TEST(test_client_is_plain), BENCH_TEST(test_middlebox), BENCH_TEST(test_refused), BENCH_TEST(test_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
