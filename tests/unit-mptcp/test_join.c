/* More subflows than one: who may join, what goes where, and what becomes of a path that dies. RFC 8684 §3.2, §3.3.6, §3.4. */
#include <linux/mptcp.h>
#include "bench.h"

static void joined(struct bench *b, struct sock **ret_a, struct sock **ret_c, uint32_t flags)
{
	endpoint(b, 0, "10.1.0.1", flags);
	connected(b, ret_a, ret_c);
	assert_int_equal(call_send(*ret_a, "x", 1), 1);
	settle(b);
	assert_int_equal(call_recv(*ret_c, (char[1]){0}, 1), 1);
}

static void test_join(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	joined(b, &a, &c, MPTCP_PM_ADDR_FLAG_SUBFLOW);
	assert_int_equal(b->has[MPTCP_JOIN][0], 2);
	assert_int_equal(b->has[MPTCP_JOIN][1], 1);
	assert_int_equal(subflows(a), 2);
	assert_int_equal(subflows(c), 2);
	transfer(b, a, c, 1000000, 20 * NS_PER_S);
	transfer(b, c, a, 1000000, 20 * NS_PER_S);
	sock_close(a);
	sock_close(c);
	all_gone(b);
}

/* RFC 8684 §3.4.1: b tells of its other address, and a goes there. */
static void test_signal(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	two_paths(b, &a, &c);
	assert_int_equal(b->has[MPTCP_ADD_ADDR][1], 1);
	assert_int_equal(b->has[MPTCP_ADD_ADDR][0], 1);
	assert_true(b->last[MPTCP_ADD_ADDR][0].o.add.echo);
	transfer(b, a, c, 2000000, 30 * NS_PER_S);
	assert_true(b->text[0][0] > 200000 && b->text[0][1] > 200000);
	sock_close(a);
	sock_close(c);
}

/* RFC 8684 §3.3.6: what one path loses for good goes by the other, in both directions. */
static void survives(struct bench *b, int wire)
{
	struct sock *a, *c;

	two_paths(b, &a, &c);
	transfer(b, a, c, 300000, 10 * NS_PER_S);
	b->net.cut[wire] = true;
	transfer(b, a, c, 1000000, 60 * NS_PER_S);
	transfer(b, c, a, 1000000, 60 * NS_PER_S);
	sock_close(a);
	sock_close(c);
	all_gone(b);
}

static void test_first_path_dies(void **state) { survives(*state, 0); }
static void test_second_path_dies(void **state) { survives(*state, 1); }

/* Dead one way only: what comes back says nothing of what goes. */
static bool lose_from_a(struct bench *b, struct seen *v)
{
	return v->from == 0 && v->wire == 0 && ++b->count > 0;
}

static void test_one_way_dies(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	two_paths(b, &a, &c);
	transfer(b, a, c, 300000, 10 * NS_PER_S);
	b->lose = lose_from_a;
	transfer(b, a, c, 4000000, 30 * NS_PER_S);
	assert_true(b->count > 0);
	sock_close(a);
	sock_close(c);
	b->lose = NULL;
	all_gone(b);
}

/* And it is used again when it comes back. */
static void test_path_comes_back(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;
	uint64_t before;

	two_paths(b, &a, &c);
	transfer(b, a, c, 300000, 10 * NS_PER_S);
	b->net.cut[1] = true;
	transfer(b, a, c, 1000000, 60 * NS_PER_S);
	b->net.cut[1] = false;
	bench_pass(b, 60 * NS_PER_S);
	before = b->text[0][1];
	transfer(b, a, c, 2000000, 60 * NS_PER_S);
	assert_true(b->text[0][1] - before > 100000);
	sock_close(a);
	sock_close(c);
}

/* RFC 8684 §3.3.8: nothing goes by a backup while there is another. */
static void test_backup(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	two_paths(b, &a, &c);
	list_each(struct subflow, sub, &msk_at(a)->subflows, node)
		if (sub->join) sub->backup = sub->prio_due = true, segment_send_ack(sub->conn);
	settle(b);
	assert_int_equal(b->has[MPTCP_PRIO][0], 1);
	b->text[0][1] = b->text[1][1] = 0;
	transfer(b, a, c, 500000, 10 * NS_PER_S);
	transfer(b, c, a, 500000, 10 * NS_PER_S);
	assert_true(b->text[0][1] == 0 && b->text[1][1] == 0);
	b->net.cut[0] = true;
	transfer(b, a, c, 500000, 60 * NS_PER_S);
	assert_true(b->text[0][1] >= 400000);
	sock_close(a);
	sock_close(c);
}

/* Proofs that prove nothing. */
static bool change_join(struct bench *b, struct seen *v)
{
	if (!MPTCP_HAS(&v->o, MPTCP_JOIN) || (v->h.flags & (TCP_SYN | TCP_ACK)) != b->count) return false;
	((uint8_t *)v->h.opts.mptcp)[5] ^= 1;
	seen_mend(v);
	return false;
}

static void test_wrong_proof(void **state)
{
	static const int of[] = {TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK};
	struct bench *b = *state;
	struct sock *a, *c;

	endpoint(b, 0, "10.1.0.1", MPTCP_PM_ADDR_FLAG_SUBFLOW);
	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		b->lose = change_join;
		b->count = of[i];
		b->resets = 0;
		connected(b, &a, &c);
		assert_int_equal(call_send(a, "x", 1), 1);
		settle(b);
		assert_true(b->resets > 0);
		assert_int_equal(subflows(a), 1);
		assert_int_equal(subflows(c), 1);
		assert_int_equal(msk_at(a)->pm.extra + msk_at(c)->pm.extra, 0);
		b->lose = NULL;
		assert_int_equal(call_recv(c, (char[1]){0}, 1), 1);
		transfer(b, a, c, 10000, 10 * NS_PER_S);
		sock_close(a);
		sock_close(c);
		all_gone(b);
	}
}

/* RFC 8684 §3.4.1: an address without proof is passed over. */
static bool change_addr(struct bench *b, struct seen *v)
{
	(void)b;
	if (!MPTCP_HAS(&v->o, MPTCP_ADD_ADDR)) return false;
	((uint8_t *)v->h.opts.mptcp)[7] ^= 4;
	seen_mend(v);
	return false;
}

static void test_wrong_address(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	b->lose = change_addr;
	b->net.s[0]->mptcp->max_accepted = 2;
	endpoint(b, 1, "10.1.0.2", MPTCP_PM_ADDR_FLAG_SIGNAL);
	connected(b, &a, &c);
	transfer(b, a, c, 10000, 10 * NS_PER_S);
	assert_int_equal(b->has[MPTCP_ADD_ADDR][1], 1);
	assert_int_equal(b->has[MPTCP_ADD_ADDR][0], 0);
	bench_pass(b, 1000 * NS_PER_S);
	assert_int_equal(b->has[MPTCP_ADD_ADDR][1], 4);
	assert_int_equal(subflows(a), 1);
	sock_close(a);
	sock_close(c);
}

/* RFC 8684 §3.4.2: an address that goes takes its subflows with it. */
static void test_remove(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	two_paths(b, &a, &c);
	pm_endpoint_del(b->net.s[1], pm_endpoint_find(b->net.s[1], 1));
	settle(b);
	assert_int_equal(b->has[MPTCP_REMOVE_ADDR][1], 1);
	assert_int_equal(subflows(a), 1);
	assert_int_equal(subflows(c), 1);
	transfer(b, a, c, 100000, 10 * NS_PER_S);
	sock_close(a);
	sock_close(c);
}

static bool lose_third(struct bench *b, struct seen *v)
{
	return MPTCP_HAS(&v->o, MPTCP_JOIN) && !(v->h.flags & TCP_SYN) && b->count++ < 2;
}

/* RFC 8684 §3.2: the third ACK is sent until it is answered. */
static void test_third_ack_lost(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	b->lose = lose_third;
	b->net.s[0]->mptcp->max_accepted = 2;
	endpoint(b, 1, "10.1.0.2", MPTCP_PM_ADDR_FLAG_SIGNAL);
	connected(b, &a, &c);
	transfer(b, a, c, 10000, 10 * NS_PER_S);
	bench_pass(b, 5 * NS_PER_S);
	assert_int_equal(subflows(a), 2);
	assert_int_equal(subflows(c), 2);
	transfer(b, a, c, 100000, 10 * NS_PER_S);
	sock_close(a);
	sock_close(c);
}

static bool lose_echo(struct bench *b, struct seen *v) { (void)b; return MPTCP_HAS(&v->o, MPTCP_ADD_ADDR) && v->o.add.echo; }

static void test_withdrawn_is_not_told(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;
	uint32_t n;

	b->lose = lose_echo;
	endpoint(b, 1, "10.1.0.2", MPTCP_PM_ADDR_FLAG_SIGNAL);
	connected(b, &a, &c);
	call_send(a, "x", 1);
	settle(b);
	n = b->has[MPTCP_ADD_ADDR][1];
	pm_endpoint_del(b->net.s[1], pm_endpoint_find(b->net.s[1], 1));
	endpoint(b, 1, "10.1.0.2", 0);
	bench_pass(b, 600 * NS_PER_S);
	assert_int_equal(b->has[MPTCP_ADD_ADDR][1], n);
	assert_true(b->has[MPTCP_REMOVE_ADDR][1] > 0);
	sock_close(a);
	sock_close(c);
}

static void test_new_path_in_time(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	connected(b, &a, &c);
	transfer(b, a, c, 10000, 10 * NS_PER_S);
	subflow_reset(msk_at(a)->first, 0);
	settle(b);
	endpoint(b, 0, "10.1.0.1", MPTCP_PM_ADDR_FLAG_SUBFLOW);
	settle(b);
	transfer(b, a, c, 10000, 10 * NS_PER_S);
	bench_pass(b, 70 * NS_PER_S);
	assert_true(subflows(a) > 0 && subflows(c) > 0);
	transfer(b, a, c, 10000, 10 * NS_PER_S);
	sock_close(a);
	sock_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_join), BENCH_TEST(test_signal), BENCH_TEST(test_first_path_dies), BENCH_TEST(test_second_path_dies),
		BENCH_TEST(test_one_way_dies), BENCH_TEST(test_path_comes_back), BENCH_TEST(test_backup), BENCH_TEST(test_wrong_proof),
		BENCH_TEST(test_wrong_address),
		BENCH_TEST(test_remove), BENCH_TEST(test_third_ack_lost), BENCH_TEST(test_withdrawn_is_not_told), BENCH_TEST(test_new_path_in_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
