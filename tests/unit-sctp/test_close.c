/* How associations end: shut down by one or by both, aborted, closed with something unread, and with everything lost on the way. */
#include "bench.h"

/* RFC 9260 §9.2 (9260-31): what was sent before arrives. */
static void data_before_shutdown(void **state)
{
	static uint8_t data[40000];
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(call_send(x, data, sizeof data), sizeof data);
	assert_int_equal(sock_shutdown(x, SHUT_WR), 0);
	assert_int_equal(call_send(x, "late", 4), -ESHUTDOWN);
	bench_pass(b, 2 * NS_PER_S);
	assert_int_equal(call_recv(y)->n, sizeof data);
	assert_int_equal(call_recv(y)->n, 0);
	assert_true(sock_poll(y) & EPOLLRDHUP);
	assert_int_equal(call_send(y, "too", 3), -EPIPE);
	assert_null(assoc_at(x));
	assert_null(assoc_at(y));
	assert_int_equal(b->chunks[CHUNK_SHUTDOWN], 1);
	assert_int_equal(b->chunks[CHUNK_SHUTDOWN_ACK], 1);
	assert_int_equal(b->chunks[CHUNK_SHUTDOWN_COMPLETE], 1);
	assert_int_equal(sctp_nothing_to_read(x), -ENOTCONN);
}

/* RFC 9260 §9.2 (9260-32): SHUTDOWN meets SHUTDOWN. */
static void both_at_once(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(sock_shutdown(x, SHUT_RDWR), 0);
	assert_int_equal(sock_shutdown(y, SHUT_WR), 0);
	bench_pass(b, 5 * NS_PER_S);
	assert_null(assoc_at(x));
	assert_null(assoc_at(y));
	assert_int_equal(b->chunks[CHUNK_ABORT], 0);
}

struct losing { uint8_t type; unsigned times; };
static bool lose_chunk(struct bench *b, struct seen *p)
{
	struct losing *l = b->user;

	return seen_has(p, l->type) && l->times && l->times--;
}

/* RFC 9260 §9.2 (9260-32): whatever is lost once, the end comes, by T2 and for the last of them by what §8.4 says. */
static void each_may_be_lost(void **state)
{
	static const uint8_t types[] = {CHUNK_SHUTDOWN, CHUNK_SHUTDOWN_ACK, CHUNK_SHUTDOWN_COMPLETE};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct losing l = {types[i], 1};
		struct sock *x, *y;
		b->lose = NULL;
		connected(b, &x, &y);
		b->lose = lose_chunk;
		b->user = &l;
		sock_close(x);
		bench_pass(b, 10 * NS_PER_S);
		assert_int_equal(l.times, 0);
		assert_null(assoc_at(y));
		sock_close(y);
		settle(b);
		assert_true(list_empty(&b->net.s[0]->socks));
		assert_true(list_empty(&b->net.s[1]->socks));
	}
}

/* RFC 9260 §9.2: T5, the guard; and before it Association.Max.Retrans. */
static void nobody_is_there_to_agree(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	b->net.cut[0] = b->net.cut[1] = true;
	sock_close(x);
	bench_pass(b, 400 * NS_PER_S);
	assert_true(list_empty(&b->net.s[0]->socks));
	sock_close(y);
}

/* RFC 9260 §9.1 (9260-30) */
static void aborted(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(call_sendmsg(x, "because", 7, &(struct wish_sent){.flags = SCTP_ABORT}), 7);
	assert_null(assoc_at(x));
	settle(b);
	assert_null(assoc_at(y));
	assert_true(sock_poll(y) & EPOLLERR);
	assert_int_equal(call_recv(y)->n, -ECONNRESET);
	assert_int_equal(b->chunks[CHUNK_ABORT], 1);
}

static void close_aborts(struct bench *b, bool linger)
{
	struct linger l = {1, 0};
	struct sock *x, *y;

	connected(b, &x, &y);
	call_send(y, "unread", 6);
	settle(b);
	if (linger) {
		call_recv(x);
		assert_int_equal(sock_setsockopt(x, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	}
	sock_close(x);
	settle(b);
	assert_int_equal(call_recv(y)->n, -ECONNRESET);
	sock_close(y);
}

/* As Linux: unread data, or SO_LINGER of 0, and close is an ABORT. */
static void abrupt_closes(void **state)
{
	close_aborts(*state, false);
	close_aborts(*state, true);
}

/* A listener that goes takes with it what nobody has accepted. */
static void a_listener_goes(void **state)
{
	struct bench *b = *state;
	struct sock *l = listening(one(b->net.s[1]), "0.0.0.0", 7), *x = one(b->net.s[0]);

	call_connect(x, "10.0.0.2", 7);
	settle(b);
	assert_true(sock_poll(l) & EPOLLIN);
	sock_close(l);
	settle(b);
	assert_true(list_empty(&b->net.s[1]->socks));
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -ECONNRESET);
}

/* A stack can go with all of it in any state. */
static void everything_goes(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y, *l = listening(one(b->net.s[1]), "0.0.0.0", 9), *z = one(b->net.s[0]);

	connected(b, &x, &y);
	call_connect(z, "10.0.0.2", 9);
	settle(b);
	b->net.cut[0] = true;
	call_send(x, "lost", 4);
	sock_close(x);
	sock_close(z);
	(void)l;
}

/* What can't be shut down says so. */
static void shutdown_of_others(void **state)
{
	struct bench *b = *state;
	struct sock *l = listening(one(b->net.s[1]), "0.0.0.0", 7), *m = listening(many(b->net.s[1]), "0.0.0.0", 8);
	struct sockaddr none = {.sa_family = AF_UNIX};

	assert_int_equal(sock_shutdown(one(b->net.s[0]), SHUT_WR), -ENOTCONN);
	assert_int_equal(sock_shutdown(many(b->net.s[0]), SHUT_RDWR), -ENOTCONN);
	assert_int_equal(sock_shutdown(l, SHUT_WR), 0);
	assert_int_equal(sock_shutdown(m, SHUT_RD), -EOPNOTSUPP);
	assert_int_equal(sock_shutdown(l, 3), -EINVAL);
	assert_int_equal(sock_connect(one(b->net.s[0]), &none, sizeof none), -EINVAL);
	assert_int_equal(sock_bind(one(b->net.s[0]), &none, sizeof none), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(data_before_shutdown), BENCH_TEST(both_at_once), BENCH_TEST(each_may_be_lost), BENCH_TEST(nobody_is_there_to_agree),
		BENCH_TEST(aborted), BENCH_TEST(abrupt_closes), BENCH_TEST(a_listener_goes), BENCH_TEST(everything_goes), BENCH_TEST(shutdown_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
