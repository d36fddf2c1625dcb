/* How associations begin: four packets, the cookie, collisions, restarts, and what is refused. */
#include "bench.h"

/* RFC 9260 §5.1 (9260-1): INIT, INIT ACK, COOKIE ECHO, COOKIE ACK. */
static void four_packets(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(b->chunks[CHUNK_INIT], 1);
	assert_int_equal(b->chunks[CHUNK_INIT_ACK], 1);
	assert_int_equal(b->chunks[CHUNK_COOKIE_ECHO], 1);
	assert_int_equal(b->chunks[CHUNK_COOKIE_ACK], 1);
	assert_int_equal(assoc_at(x)->state, SCTP_ESTABLISHED);
	assert_int_equal(assoc_at(y)->state, SCTP_ESTABLISHED);
	assert_int_equal(assoc_at(x)->peer_tag, assoc_at(y)->my_tag);
	assert_int_equal(assoc_at(x)->out_streams, 10);
	assert_true(sock_poll(x) & EPOLLOUT);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EISCONN);
	sock_close(x);
	sock_close(y);
}

static void a_message_there_and_back(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	const struct got *g;

	connected(b, &x, &y);
	assert_int_equal(call_send(x, "hello", 5), 5);
	settle(b);
	g = call_recv(y);
	assert_int_equal(g->n, 5);
	assert_memory_equal(g->data, "hello", 5);
	assert_true(g->flags & MSG_EOR);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	assert_int_equal(call_send(y, "world!", 6), 6);
	settle(b);
	assert_int_equal(call_recv(x)->n, 6);
	bench_pass(b, NS_PER_S);
	assert_int_equal(assoc_at(x)->snd.queued, 0);
	assert_int_equal(assoc_at(y)->snd.in_flight, 0);
	sock_close(x);
	settle(b);
	assert_null(assoc_at(y));
	assert_int_equal(call_recv(y)->n, 0);
	sock_close(y);
	assert_true(list_empty(&b->net.s[0]->socks));
	assert_true(list_empty(&b->net.s[1]->socks));
}

static struct sock *six(struct stack *s)
{
	struct sock *sk;

	assert_int_equal(sock_create(s, AF_INET6, SOCK_STREAM, IPPROTO_SCTP, &sk), 0);
	return sk;
}

/* A listener of AF_INET6 takes both families, and shows IPv4 as it is asked to. */
static void both_families(void **state)
{
	struct bench *b = *state;
	struct sock *l = listening(six(b->net.s[1]), "::", 7), *x6 = six(b->net.s[0]), *x4 = one(b->net.s[0]), *y6, *y4;
	const struct got *g;
	int off = 0;

	assert_int_equal(call_connect(x6, "fd00::2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(call_connect(x6, "fd00::2", 7), 0);
	assert_int_equal(sock_accept(l, &y6), 0);
	/* As Linux: whoever is reached by a global address is not told private ones, of IPv4. */
	assert_int_equal(assoc_at(x6)->n_paths, 1);
	assert_int_equal(call_send(x6, "six", 3), 3);
	settle(b);
	g = call_recv(y6);
	assert_int_equal(g->n, 3);
	assert_int_equal(g->from.ss_family, AF_INET6);
	assert_int_equal(call_connect(x4, "10.0.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(sock_accept(l, &y4), 0);
	assert_int_equal(assoc_at(x4)->n_paths, 2);
	assert_int_equal(call_send(x4, "four", 4), 4);
	settle(b);
	g = call_recv(y4);
	assert_int_equal(g->n, 4);
	assert_int_equal(g->from.ss_family, AF_INET6);
	assert_int_equal(sock_setsockopt(y4, IPPROTO_SCTP, SCTP_I_WANT_MAPPED_V4_ADDR, &off, sizeof off), 0);
	assert_int_equal(call_send(x4, "again", 5), 5);
	bench_pass(b, NS_PER_S);
	g = call_recv(y4);
	assert_int_equal(g->n, 5);
	assert_int_equal(g->from.ss_family, AF_INET);
}

/* Two listeners, each reached by its address; a third on both is refused. */
static void whose_port(void **state)
{
	struct bench *b = *state;
	struct sock *l0 = listening(one(b->net.s[1]), "10.0.0.2", 7), *l1 = listening(one(b->net.s[1]), "10.1.0.2", 7), *x = one(b->net.s[0]), *y;

	assert_int_equal(call_bind(one(b->net.s[1]), "0.0.0.0", 7), -EADDRINUSE);
	assert_int_equal(call_connect(x, "10.1.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(sock_accept(l0, &y), -EAGAIN);
	assert_int_equal(sock_accept(l1, &y), 0);
	assert_int_equal(sock_listen(x, 1), -EINVAL);
	assert_int_equal(call_send(l0, "x", 1), -EPIPE);
	assert_int_equal(call_recv(l0)->n, -ENOTCONN);
}

/* RFC 6458 §4.1.4: as many as listen() said wait, and one. */
static void the_backlog(void **state)
{
	struct bench *b = *state;
	struct sock *l = one(b->net.s[1]), *x[4], *y;

	assert_int_equal(call_bind(l, "0.0.0.0", 7), 0);
	assert_int_equal(sock_listen(l, 2), 0);
	for (int i = 0; i < 4; i++) {
		x[i] = one(b->net.s[0]);
		call_connect(x[i], "10.0.0.2", 7);
		settle(b);
		assert_int_equal(call_connect(x[i], "10.0.0.2", 7), i < 3 ? 0 : -EALREADY);
	}
	/* There is room again, and COOKIE ECHO is repeated. */
	assert_int_equal(sock_accept(l, &y), 0);
	bench_pass(b, 5 * NS_PER_S);
	assert_int_equal(call_connect(x[3], "10.0.0.2", 7), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(four_packets), BENCH_TEST(a_message_there_and_back), BENCH_TEST(both_families), BENCH_TEST(whose_port), BENCH_TEST(the_backlog),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
