/* Sessions in time: renewed, refused, forgotten; keep-alives. */
#include "bench.h"

static void talk(struct bench *b, int from, uint8_t mark)
{
	assert_int_equal(say(b, from, mark, 10), 10);
	settle(b);
	assert_int_equal(heard(b, !from), mark);
}

/* The paper, §6.2: who began it begins anew when it sends after 120 s; who did not, waits for that. */
static void test_rekey_after_time(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	for (int i = 0; i < 13; i++) {
		bench_pass(b, 9 * NS_PER_S);
		talk(b, 0, 2);
		talk(b, 1, 3);
	}
	assert_int_equal(b->sent[0][WG_INITIATION], 1);
	bench_pass(b, 3 * NS_PER_S);
	talk(b, 1, 4);
	assert_int_equal(b->sent[0][WG_INITIATION] + b->sent[1][WG_INITIATION], 1);
	talk(b, 0, 5);
	assert_int_equal(b->sent[0][WG_INITIATION], 2);
	assert_int_equal(b->sent[1][WG_INITIATION], 0);
	/* What was under way by the old keys still came: nothing was lost. */
	assert_int_equal(drops(b, 1, DROP_WG_NO_SESSION), 0);
	assert_non_null(b->peer[0]->previous);
}

/* And when something comes shortly before the end, at 165 s, though nothing is sent. */
static bool lose_keepalives(struct bench *b, struct seen *v) { return (void)b, v->from == 0 && v->type == WG_DATA; }

static void test_rekey_for_what_comes(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	bench_pass(b, 170 * NS_PER_S);
	b->lose = lose_keepalives;
	assert_int_equal(say(b, 1, 2, 10), 10);
	bench_pass(b, 10 * NS_PER_MS);
	assert_int_equal(b->sent[0][WG_INITIATION], 2);
}

static void test_rekey_after_messages(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	bench_pass(b, 6 * NS_PER_S);
	b->peer[0]->current->sent = REKEY_AFTER_MESSAGES - 1;
	talk(b, 0, 2);
	assert_int_equal(b->sent[0][WG_INITIATION], 1);
	talk(b, 0, 3);
	assert_int_equal(b->sent[0][WG_INITIATION], 2);
	/* The last counters are never used. */
	bench_pass(b, 6 * NS_PER_S);
	b->peer[0]->current->sent = REJECT_AFTER_MESSAGES;
	talk(b, 0, 4);
	assert_int_equal(b->sent[0][WG_INITIATION], 3);
}

/* 180 s: nothing is sent by it, nothing taken; 540 s: its keys are gone. */
static void test_end_of_a_session(void **state)
{
	struct bench *b = *state;
	struct message old;

	talk(b, 0, 1);
	assert_int_equal(say(b, 0, 2, 10), 10);
	old = b->last[0][WG_DATA];
	settle(b);
	assert_int_equal(heard(b, 1), 2);
	bench_pass(b, 181 * NS_PER_S);
	replay(b, 1, &old);
	assert_int_equal(drops(b, 1, DROP_WG_NO_SESSION), 1);
	assert_non_null(b->peer[1]->current);
	bench_pass(b, 361 * NS_PER_S);
	assert_null(b->peer[0]->current);
	assert_null(b->peer[1]->current);
	assert_null(hash_walk(&b->w[0]->by_index, NULL));
	talk(b, 0, 3);
	assert_int_equal(b->sent[0][WG_INITIATION], 2);
}

/* The paper, §6.5: something came, and there was nothing to answer for ten seconds. */
static void test_passive_keepalive(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	bench_pass(b, 9 * NS_PER_S);
	assert_int_equal(b->sent[1][WG_DATA], 0);
	bench_pass(b, NS_PER_S);
	assert_int_equal(b->sent[1][WG_DATA], 1);
	assert_int_equal(b->last[1][WG_DATA].len, WG_DATA_LEN_LEAST);
	/* A keep-alive is not answered by one. */
	bench_pass(b, 60 * NS_PER_S);
	assert_int_equal(b->sent[0][WG_DATA] + b->sent[1][WG_DATA], 2);
	assert_int_equal(b->sent[0][WG_INITIATION], 1);
}

/* Something was sent and nothing came for 15 s: the peer may have lost its session. */
static bool lose_all_of_b(struct bench *b, struct seen *v) { return (void)b, v->from == 1; }

static void test_silence_is_suspicious(void **state)
{
	struct bench *b = *state;

	talk(b, 0, 1);
	talk(b, 1, 2);
	b->lose = lose_all_of_b;
	assert_int_equal(say(b, 0, 3, 10), 10);
	bench_pass(b, 15 * NS_PER_S - NS_PER_MS);
	assert_int_equal(b->sent[0][WG_INITIATION], 1);
	bench_pass(b, REKEY_JITTER + 2 * NS_PER_MS);
	assert_int_equal(b->sent[0][WG_INITIATION], 2);
}

static void test_persistent_keepalive(void **state)
{
	struct bench *b = *state;
	unsigned before;

	wg_peer_set_keepalive(b->peer[0], 25);
	settle(b);
	/* It begins the first session at once. */
	assert_int_equal(b->sent[0][WG_INITIATION], 1);
	before = b->sent[0][WG_DATA];
	bench_pass(b, 100 * NS_PER_S);
	assert_int_equal(b->sent[0][WG_DATA], before + 4);
	wg_peer_set_keepalive(b->peer[0], 0);
	bench_pass(b, 100 * NS_PER_S);
	assert_true(b->sent[0][WG_DATA] <= before + 5);
}

/* A host that begins with keep-alives tells where it is, as soon as it is up. */
static void test_keepalive_at_the_beginning(void **state)
{
	struct bench *b = *state;

	assert_int_equal(netif_set_flags(b->tunnel[0], b->tunnel[0]->flags & ~1u), 0);
	wg_peer_set_keepalive(b->peer[0], 5);
	settle(b);
	assert_int_equal(b->sent[0][WG_INITIATION], 0);
	assert_int_equal(netif_set_flags(b->tunnel[0], b->tunnel[0]->flags | 1), 0);
	settle(b);
	assert_int_equal(b->sent[0][WG_INITIATION], 1);
	assert_int_equal(wg_peer_facts(b->peer[1]).endpoint.port, PORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_rekey_after_time), BENCH_TEST(test_rekey_for_what_comes), BENCH_TEST(test_rekey_after_messages),
		BENCH_TEST(test_end_of_a_session),
		BENCH_TEST(test_passive_keepalive), BENCH_TEST(test_silence_is_suspicious), BENCH_TEST(test_persistent_keepalive),
		BENCH_TEST(test_keepalive_at_the_beginning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
