/* How connections end: DATA_FIN, FIN, fast close, subflows that vanish. RFC 8684 §3.3.3, §3.5. */
#include "bench.h"

static void ends(struct sock *sk)
{
	assert_int_equal(call_recv(sk, (char[1]){0}, 1), 0);
	assert_true(sock_poll(sk) & EPOLLRDHUP);
}

/* Octets behind a half that was closed still come; and then nothing is left on either host. */
static void test_half_closed(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	connected(b, &a, &c);
	transfer(b, a, c, 50000, 10 * NS_PER_S);
	assert_int_equal(sock_shutdown(a, SHUT_WR), 0);
	settle(b);
	assert_true(b->last[MPTCP_DSS][0].o.dss.fin);
	ends(c);
	assert_int_equal(call_send(a, "x", 1), -EPIPE);
	transfer(b, c, a, 50000, 10 * NS_PER_S);
	assert_false(sock_poll(c) & EPOLLHUP);
	sock_close(c);
	settle(b);
	ends(a);
	assert_true(sock_poll(a) & EPOLLHUP);
	assert_int_equal(b->resets, 0);
	sock_close(a);
	all_gone(b);
}

/* RFC 8684 §3.3.3: what was given before the close arrives, and DATA_FIN behind it, though some of it is lost on the way. */
static bool lose_every_fifth(struct bench *b, struct seen *v)
{
	(void)v;
	return ++b->count % 5 == 0;
}

static void test_close_with_loss(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;
	uint8_t buf[8192];
	ssize_t n;
	size_t got = 0, sent = 0;

	connected(b, &a, &c);
	memset(buf, 'x', sizeof buf);
	b->lose = lose_every_fifth;
	while ((n = call_send(a, buf, sizeof buf)) > 0) sent += (size_t)n;
	sock_close(a);
	for (int i = 0; i < 3000 && n != 0; i++) {
		bench_pass(b, 20 * NS_PER_MS);
		while ((n = call_recv(c, buf, sizeof buf)) > 0) got += (size_t)n;
	}
	assert_int_equal(n, 0);
	assert_int_equal(got, sent);
	sock_close(c);
	all_gone(b);
}

/* RFC 8684 §3.5: close() of what is not read, and with SO_LINGER of 0. */
static void fast_closed(struct bench *b, struct sock *a, struct sock *c)
{
	sock_close(c);
	settle(b);
	assert_int_equal(b->has[MPTCP_FASTCLOSE][1], 1);
	assert_true(b->last[MPTCP_FASTCLOSE][1].h.flags & TCP_RST);
	assert_true(sock_poll(a) & (EPOLLERR | EPOLLHUP));
	assert_int_equal(call_recv(a, (char[1]){0}, 1), -ECONNRESET);
	assert_int_equal(call_send(a, "x", 1), -EPIPE);
	sock_close(a);
	all_gone(b);
}

static void test_fast_close_unread(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	connected(b, &a, &c);
	assert_int_equal(call_send(a, "hallo", 5), 5);
	settle(b);
	fast_closed(b, a, c);
}

static void test_fast_close_linger(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;
	struct linger now = {.l_onoff = 1};

	connected(b, &a, &c);
	transfer(b, a, c, 5, NS_PER_S);
	assert_int_equal(sock_setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	fast_closed(b, a, c);
}

/* The wrong key is no word of the peer's. */
static bool change_key(struct bench *b, struct seen *v)
{
	(void)b;
	if (!MPTCP_HAS(&v->o, MPTCP_FASTCLOSE)) return false;
	((uint8_t *)v->h.opts.mptcp)[4] ^= 1;
	seen_mend(v);
	return false;
}

/* As Linux: a stream whose last subflow is reset waits for another; after net.mptcp.close_timeout it is over. */
static void test_last_subflow_reset(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;
	struct linger now = {.l_onoff = 1};

	connected(b, &a, &c);
	transfer(b, a, c, 5, NS_PER_S);
	b->lose = change_key;
	assert_int_equal(sock_setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
	sock_close(c);
	settle(b);
	assert_int_equal(call_recv(a, (char[1]){0}, 1), -EAGAIN);
	assert_int_equal(call_send(a, "x", 1), 1);
	bench_pass(b, 61 * NS_PER_S);
	assert_true(sock_poll(a) & EPOLLHUP);
	assert_int_equal(call_recv(a, (char[1]){0}, 1), -ENOTCONN);
	sock_close(a);
}

/* Connections that nobody accepted go with their listener. */
static void test_listener_closed(void **state)
{
	struct bench *b = *state;
	struct sock *l = listening(b, AF_INET, IPPROTO_MPTCP, "0.0.0.0"), *a = open_sock(b->net.s[0], AF_INET, IPPROTO_MPTCP);

	assert_int_equal(call_connect(a, "10.0.0.2", 7), -EINPROGRESS);
	settle(b);
	sock_close(l);
	settle(b);
	assert_int_equal(b->net.s[1]->mptcp->tokens.count, 0);
	assert_true(list_empty(&b->net.s[1]->socks));
	sock_close(a);
	bench_pass(b, 100 * NS_PER_S);
	assert_true(list_empty(&b->net.s[0]->socks));
}

/* AF_UNSPEC makes a new socket of it. */
static void test_disconnect(void **state)
{
	struct bench *b = *state;
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sock *a, *c;

	for (int i = 0; i < 2; i++) {
		connected(b, &a, &c);
		assert_int_equal(sock_connect(a, &none, sizeof none), 0);
		bench_pass(b, 10 * NS_PER_S);
		assert_int_equal(call_connect(a, "10.0.0.2", 7), -EINPROGRESS);
		settle(b);
		sock_close(a);
		sock_close(c);
		assert_int_equal(sock_accept(b->listener, &c), 0);
		sock_close(c);
		all_gone(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_half_closed), BENCH_TEST(test_close_with_loss), BENCH_TEST(test_fast_close_unread), BENCH_TEST(test_fast_close_linger),
		BENCH_TEST(test_last_subflow_reset), BENCH_TEST(test_listener_closed), BENCH_TEST(test_disconnect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
