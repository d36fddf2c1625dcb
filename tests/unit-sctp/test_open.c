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
	assert_true(list_empty(&b->s[0]->socks));
	assert_true(list_empty(&b->s[1]->socks));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(four_packets), BENCH_TEST(a_message_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
