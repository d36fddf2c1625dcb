/* What comes before its turn: segments behind one that was lost, and octets of the stream behind those of another path. RFC 8684 §3.3.1, §3.3.6. */
#include <netinet/tcp.h>
#include "bench.h"

#define SEGMENTS 1500u                     /* of a few octets each: more than there are maps */
#define OF_EACH 20u

static bool lose_one(struct bench *b, struct seen *v) { return v->from == 0 && v->text_len && !b->count++; }

/* All behind the first of them, which was lost, waits for it. */
static void wait_for_the_first(struct bench *b, struct sock **ret_a, struct sock **ret_c)
{
	connected(b, ret_a, ret_c);
	assert_int_equal(sock_setsockopt(*ret_a, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)), 0);
	transfer(b, *ret_a, *ret_c, 4000000, 20 * NS_PER_S);
	settle(b);
	b->count = 0;
	b->lose = lose_one;
	for (unsigned i = 0; i < SEGMENTS; i++) send_octets(*ret_a, i * OF_EACH, OF_EACH);
	bench_pass(b, WIRE_NS);
	assert_int_equal(msk_at(*ret_c)->rcv.queue.len, 0);
}

/* Segments that follow each other have maps that do. */
static void test_maps_are_joined(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	wait_for_the_first(b, &a, &c);
	assert_in_range(msk_at(c)->first->in.n, 1, 2);
	bench_pass(b, NS_PER_S);
	assert_int_equal(recv_octets(c, 0), SEGMENTS * OF_EACH);
	transfer(b, a, c, 100000, 10 * NS_PER_S);
	sock_close(a);
	sock_close(c);
	all_gone(b);
}

/* With checksums each stands for itself. There is no place for all, but there is for the one that all wait for. */
static void test_more_maps_than_places(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	bench_set(b, 1, "net.mptcp.checksum_enabled", "1");
	wait_for_the_first(b, &a, &c);
	assert_int_equal(msk_at(c)->first->in.n, MPTCP_MAPS_MAX);
	bench_pass(b, 2 * NS_PER_S);
	assert_int_equal(recv_octets(c, 0), SEGMENTS * OF_EACH);
	transfer(b, a, c, 100000, 10 * NS_PER_S);
	sock_close(a);
	sock_close(c);
	all_gone(b);
}

/* ---- of the stream ---- */

#define LEN 300000u

/* Runs far behind all that is sent, until there is no place for another. */
static void fill_places(struct mptcp_sock *msk)
{
	uint64_t at = msk->rcv.nxt + 2 * LEN;

	assert_true(msk->rcv.edge - at > 2 * MPTCP_EARLY_MAX);
	for (uint32_t i = 0; i <= MPTCP_EARLY_MAX; i++) msk_deliver(msk, at + 2 * i, (const uint8_t *)"x", 1);
	assert_int_equal(msk->rcv.n_early, MPTCP_EARLY_MAX);
}

/* What one path brings while the other is held up has no place: TCP has acknowledged it, the stream has not, and all of it goes again at once. */
static void test_no_place_for_a_path(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	two_paths(b, &a, &c);
	transfer(b, a, c, 4000000, 20 * NS_PER_S);
	settle(b);
	fill_places(msk_at(c));
	b->text[0][1] = 0;
	b->net.cut[0] = true;
	assert_int_equal(send_octets(a, 0, LEN), LEN);
	settle(b);
	b->net.cut[0] = false;
	assert_true(b->text[0][1] > LEN / 4);
	assert_int_equal(msk_at(c)->rcv.n_early, MPTCP_EARLY_MAX);
	bench_pass(b, 2 * NS_PER_S);
	assert_int_equal(recv_octets(c, 0), LEN);
	sock_close(a);
	sock_close(c);
	all_gone(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BENCH_TEST(test_maps_are_joined), BENCH_TEST(test_more_maps_than_places), BENCH_TEST(test_no_place_for_a_path)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
