/* What no honest peer sends: changed options in every state, maps that lie, floods of what has to be kept in mind. And checksums that are wrong. */
#include <linux/mptcp.h>
#include "bench.h"
#include "../unit/draw.h"

/* ---- changed octets ---- */

static uint64_t dice;

static uint32_t draw(uint32_t below)
{
	return (uint32_t)(draw_next(&dice) >> 33) % below;
}

/* One octet of the options in one segment of eight, from b to a. */
static bool spoil(struct bench *b, struct seen *v)
{
	if (v->from == 0 || !v->h.opts.mptcp_len || draw(8)) return false;
	((uint8_t *)v->h.opts.mptcp)[draw(v->h.opts.mptcp_len)] = (uint8_t)draw(256);
	seen_mend(v);
	b->count++;
	return false;
}

/* Whatever comes of the connection, the host goes on, and nothing is left of it. */
static void test_mutants(void **state)
{
	struct bench *b = *state;

	b->net.s[0]->mptcp->max_accepted = 2;
	endpoint(b, 1, "10.1.0.2", MPTCP_PM_ADDR_FLAG_SIGNAL);
	for (unsigned round = 0; round < 150; round++) {
		struct sock *a = open_sock(b->net.s[0], AF_INET, IPPROTO_MPTCP), *c = NULL;
		static uint8_t buf[20000];
		dice = round;
		if (!b->listener) b->listener = listening(b, AF_INET, IPPROTO_MPTCP, "0.0.0.0");
		b->lose = spoil;
		call_connect(a, "10.0.0.2", 7);
		settle(b);
		sock_accept(b->listener, &c);
		for (int i = 0; i < 20; i++) {
			call_send(a, buf, sizeof buf);
			if (c) call_send(c, buf, sizeof buf);
			bench_pass(b, 30 * NS_PER_MS);
			call_recv(a, buf, sizeof buf);
			if (c) call_recv(c, buf, sizeof buf);
		}
		sock_close(a);
		if (c) sock_close(c);
		bench_pass(b, 10 * NS_PER_S);
	}
	assert_true(b->count > 1000);
	b->lose = NULL;
	bench_pass(b, 2000 * NS_PER_S);
	all_gone(b);
}

/* ---- maps ---- */

static struct map lie;

/* The map of each text from b says something else. */
static bool remap(struct bench *b, struct seen *v)
{
	uint8_t *p = (uint8_t *)v->h.opts.mptcp;
	struct mptcp_dss d = v->o.dss;

	(void)b;
	if (v->from == 0 || !v->text_len || !MPTCP_HAS(&v->o, MPTCP_DSS) || !d.has_map) return false;
	d.dsn += lie.dsn;
	d.ssn += lie.seq;
	d.len = (uint16_t)(d.len + lie.len);
	mptcp_put_dss(p, &d);
	seen_mend(v);
	return false;
}

/* RFC 8684 §3.3.1: octets that no map is for can't be placed; what lies beyond the window is not kept. */
static void test_lying_maps(void **state)
{
	static const struct map lies[] = {{.dsn = 1}, {.dsn = 1u << 30}, {.dsn = UINT64_MAX - 5}, {.seq = 1}, {.seq = 100000}, {.len = 1}, {.len = 65000}};
	struct bench *b = *state;
	struct sock *a, *c;
	static uint8_t buf[50000];

	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		connected(b, &a, &c);
		transfer(b, a, c, 5000, 10 * NS_PER_S);
		lie = lies[i];
		b->lose = remap;
		call_send(c, buf, sizeof buf);
		bench_pass(b, 30 * NS_PER_S);
		assert_true(msk_at(a)->rcv.early_octets <= a->rcvbuf);
		assert_true(msk_at(a)->rcv.n_early <= MPTCP_EARLY_MAX);
		b->lose = NULL;
		sock_close(a);
		sock_close(c);
		all_gone(b);
	}
}

/* ---- checksums ---- */

static bool spoil_text(struct bench *b, struct seen *v)
{
	if (v->from != 1 || !v->text_len || b->count || v->wire != 0) return false;
	v->text[0] ^= 1;
	seen_mend(v);
	b->count++;
	return false;
}

/* RFC 8684 §3.7: with one subflow, what a middlebox changed is TCP's affair from then on, and the peer is told by MP_FAIL. */
static void test_checksum_one_subflow(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;
	uint8_t got[10];

	bench_set(b, 1, "net.mptcp.checksum_enabled", "1");
	connected(b, &a, &c);
	assert_true(msk_at(a)->checksum && msk_at(c)->checksum);
	transfer(b, a, c, 5000, 10 * NS_PER_S);
	transfer(b, c, a, 5000, 10 * NS_PER_S);
	b->lose = spoil_text;
	assert_int_equal(call_send(c, "hallo", 5), 5);
	settle(b);
	assert_int_equal(b->has[MPTCP_FAIL][0], 1);
	assert_true(msk_at(a)->fallback && msk_at(c)->fallback);
	assert_int_equal(call_recv(a, got, sizeof got), 5);
	assert_memory_equal(got + 1, "allo", 4);
	transfer(b, a, c, 50000, 10 * NS_PER_S);
	transfer(b, c, a, 50000, 10 * NS_PER_S);
	sock_close(a);
	sock_close(c);
	all_gone(b);
}

/* With two, the one that changes octets is reset, and they come by the other. */
static void test_checksum_two_subflows(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;

	bench_set(b, 1, "net.mptcp.checksum_enabled", "1");
	two_paths(b, &a, &c);
	b->lose = spoil_text;
	transfer(b, c, a, 300000, 30 * NS_PER_S);
	assert_int_equal(b->count, 1);
	assert_int_equal(subflows(a), 1);
	assert_false(msk_at(a)->fallback);
	sock_close(a);
	sock_close(c);
	all_gone(b);
}

/* ---- windows ---- */

/* A program that does not read: what the peer may send is bounded, and goes on when it reads again. */
static void test_window_closes(void **state)
{
	struct bench *b = *state;
	struct sock *a, *c;
	static uint8_t buf[65536];
	size_t sent = 0, got = 0;
	ssize_t n;

	connected(b, &a, &c);
	for (int i = 0; i < 200; i++, bench_pass(b, 20 * NS_PER_MS))
		while ((n = call_send(a, buf, sizeof buf)) > 0) sent += (size_t)n;
	assert_true(msk_at(c)->rcv.queue.len <= c->rcvbuf);
	bench_pass(b, 60 * NS_PER_S);
	for (int i = 0; i < 2000 && got < sent; i++, bench_pass(b, 20 * NS_PER_MS))
		while ((n = call_recv(c, buf, sizeof buf)) > 0) got += (size_t)n;
	assert_int_equal(got, sent);
	sock_close(a);
	sock_close(c);
	all_gone(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_mutants), BENCH_TEST(test_lying_maps), BENCH_TEST(test_checksum_one_subflow), BENCH_TEST(test_checksum_two_subflows),
		BENCH_TEST(test_window_closes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
