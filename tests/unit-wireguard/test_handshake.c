/* The handshake: both roles, with and without a preshared key, over both families, lost and repeated messages. */
#include "bench.h"

static bool lose_first_of(struct bench *b, struct seen *v, uint32_t type) { return v->type == type && b->count++ == 0; }
static bool lose_initiation(struct bench *b, struct seen *v) { return lose_first_of(b, v, WG_INITIATION); }
static bool lose_response(struct bench *b, struct seen *v) { return lose_first_of(b, v, WG_RESPONSE); }
static bool lose_data(struct bench *b, struct seen *v) { return lose_first_of(b, v, WG_DATA); }

/* What is said before there is a session waits for it: one message each way, and then the datagram. */
static void test_one_message_each_way(void **state)
{
	struct bench *b = *state;
	time_ns begun = b->net.now;

	assert_int_equal(say(b, 0, 1, 10), 10);
	bench_pass(b, 2 * WIRE_NS - 1);
	assert_int_equal(b->sent[0][WG_INITIATION], 1);
	assert_int_equal(b->sent[1][WG_RESPONSE], 1);
	assert_int_equal(b->sent[0][WG_DATA], 0);
	settle(b);
	assert_int_equal(heard(b, 1), 1);
	assert_int_equal(b->sent[0][WG_DATA], 1);
	/* And back, without another one; b has learnt where a is. */
	assert_int_equal(say(b, 1, 2, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 0), 2);
	assert_int_equal(b->sent[0][WG_INITIATION] + b->sent[1][WG_INITIATION], 1);
	assert_int_equal(wg_peer_facts(b->peer[0]).handshake_ns, begun + 2 * WIRE_NS);
}

/* An initiator with nothing to say says so: the responder may not speak before. */
static void test_empty_confirmation(void **state)
{
	struct bench *b = *state;

	wg_initiate(b->peer[0], false);
	settle(b);
	assert_int_equal(b->sent[0][WG_DATA], 1);
	assert_int_equal(b->last[0][WG_DATA].len, sizeof(struct wg_data) + AEAD_TAG);
	assert_int_equal(say(b, 1, 3, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 0), 3);
	assert_int_equal(b->sent[1][WG_INITIATION], 0);
}

static void test_over_ipv6(void **state)
{
	struct bench *b = *state;

	bench_over6(b);
	assert_int_equal(say(b, 0, 4, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 1), 4);
	assert_false(addr_is_v4(&b->peer[1]->endpoint.addr));
}

static void test_preshared_key(void **state)
{
	struct bench *b = *state;
	struct wg_key shared = {{1, 2, 3}}, other = {{1, 2, 4}};

	wg_peer_set_shared(b->peer[0], &shared);
	wg_peer_set_shared(b->peer[1], &other);
	assert_int_equal(say(b, 0, 5, 10), 10);
	settle(b);
	/* b could not know; a does: what b has answered is not of their key. */
	assert_int_equal(drops(b, 0, DROP_WG_HANDSHAKE), 1);
	assert_int_equal(b->sent[0][WG_DATA], 0);
	wg_peer_set_shared(b->peer[1], &shared);
	bench_pass(b, 6 * NS_PER_S);
	assert_int_equal(heard(b, 1), 5);
}

static void test_lost_messages(void **state)
{
	static bool (*const lose[])(struct bench *, struct seen *) = {lose_initiation, lose_response};
	struct bench *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(lose); i++) {
		unsigned before = b->sent[0][WG_INITIATION];
		b->count = 0;
		b->lose = lose[i];
		assert_int_equal(say(b, 0, (uint8_t)(10 + i), 10), 10);
		bench_pass(b, REKEY_TIMEOUT - NS_PER_MS);
		assert_int_equal(b->sent[0][WG_INITIATION], before + 1);
		assert_int_equal(heard(b, 1), -1);
		bench_pass(b, REKEY_JITTER + 50 * NS_PER_MS);
		assert_int_equal(b->sent[0][WG_INITIATION], before + 2);
		assert_int_equal(heard(b, 1), 10 + i);
		/* Down and up: nothing is left but what is configured. */
		for (int n = 0; n < 2; n++) {
			assert_int_equal(netif_set_flags(b->tunnel[n], b->tunnel[n]->flags & ~1u), 0);
			assert_int_equal(netif_set_flags(b->tunnel[n], b->tunnel[n]->flags | 1), 0);
		}
	}
}

/* The responder has a session that nobody has proven yet: it begins one itself rather than use it. */
static void test_unproven_session(void **state)
{
	struct bench *b = *state;

	b->lose = lose_data;
	assert_int_equal(say(b, 0, 6, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 1), -1);
	assert_non_null(b->peer[1]->next);
	assert_null(b->peer[1]->current);
	bench_pass(b, 6 * NS_PER_S);
	assert_int_equal(say(b, 1, 7, 10), 10);
	settle(b);
	assert_int_equal(b->sent[1][WG_INITIATION], 1);
	assert_int_equal(heard(b, 0), 7);
	assert_int_equal(say(b, 0, 8, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 1), 8);
}

/* Nobody answers: every five seconds, for ninety; then what waits is given up, and the next word begins anew. */
static void test_nobody_answers(void **state)
{
	struct bench *b = *state;

	b->net.cut[0] = true;
	assert_int_equal(say(b, 0, 9, 10), 10);
	bench_pass(b, 5 * 60 * NS_PER_S);
	assert_int_equal(b->sent[0][WG_INITIATION], HANDSHAKE_ATTEMPTS + 2);
	assert_int_equal(drops(b, 0, DROP_WG_NO_SESSION), 1);
	assert_true(list_empty(&b->peer[0]->staged));
	b->net.cut[0] = false;
	assert_int_equal(say(b, 0, 10, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 1), 10);
}

/* Both begin at once: each has a session from each handshake, and they agree on one. */
static void test_both_at_once(void **state)
{
	struct bench *b = *state;

	wg_peer_set_endpoint(b->peer[1], &(struct wg_endpoint){.addr = addr_v4(0x0a000001), .src = addr_any6, .port = PORT});
	assert_int_equal(say(b, 0, 1, 10), 10);
	assert_int_equal(say(b, 1, 2, 10), 10);
	bench_pass(b, 8 * NS_PER_S);
	assert_int_equal(heard(b, 1), 1);
	assert_int_equal(heard(b, 0), 2);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(say(b, i & 1, (uint8_t)(20 + i), 10), 10);
		settle(b);
		assert_int_equal(heard(b, !(i & 1)), 20 + i);
	}
}

/* No key, and a peer with one of small order: no handshake, no crash. */
static void test_no_key(void **state)
{
	struct bench *b = *state;
	struct wg_key none = {{0}};
	struct wg_endpoint e = {.addr = addr_v4(0x0a000002), .src = addr_any6, .port = PORT};
	struct wg_peer *zero;

	assert_int_equal(wg_peer_add(b->w[0], &none, &zero), 0);
	wg_peer_set_endpoint(zero, &e);
	wg_initiate(zero, false);
	assert_int_equal(wg_set_private_key(b->w[0], &none), 0);
	assert_null(wg_public_key(b->w[0]));
	assert_int_equal(say(b, 0, 1, 10), 10);
	settle(b);
	assert_int_equal(b->sent[0][WG_INITIATION], 0);
	assert_int_equal(wg_set_private_key(b->w[0], &b->secret[0]), 0);
	assert_int_equal(say(b, 0, 2, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 1), 1);
	assert_int_equal(heard(b, 1), 2);
}

/* Another key of ours: the old session sends no more. And who has that key as a peer's has itself as a peer no longer. */
static void test_another_key(void **state)
{
	struct bench *b = *state;

	assert_int_equal(say(b, 0, 1, 10), 10);
	settle(b);
	assert_int_equal(heard(b, 1), 1);
	assert_int_equal(wg_set_private_key(b->w[0], &b->secret[1]), 0);
	assert_null(wg_peer_next(b->w[0], NULL));
	assert_int_equal(say(b, 0, 2, 10), -ENOKEY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_one_message_each_way), BENCH_TEST(test_empty_confirmation), BENCH_TEST(test_over_ipv6), BENCH_TEST(test_preshared_key),
		BENCH_TEST(test_lost_messages), BENCH_TEST(test_unproven_session), BENCH_TEST(test_nobody_answers), BENCH_TEST(test_both_at_once),
		BENCH_TEST(test_no_key), BENCH_TEST(test_another_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
