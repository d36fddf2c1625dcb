/* Strangers: a host hears of nobody who does not know its key, answers nobody who can't prove itself, and keeps nothing for them. */
#include "bench.h"

static void talk(struct bench *b, int from, uint8_t mark)
{
	assert_int_equal(say(b, from, mark, 10), 10);
	settle(b);
	assert_int_equal(heard(b, !from), mark);
}

static unsigned answers(const struct bench *b) { return b->sent[1][WG_INITIATION] + b->sent[1][WG_RESPONSE] + b->sent[1][WG_COOKIE] + b->sent[1][WG_DATA]; }

/* An initiation of a's that b has not got. */
static struct message initiation(struct bench *b)
{
	b->net.cut[0] = true;
	wg_initiate(b->peer[0], false);
	b->net.cut[0] = false;
	return b->last[0][WG_INITIATION];
}

/* Each octet of it changed: b is silent, and the handshake that is true goes through after them all. */
static void test_each_octet_of_an_initiation(void **state)
{
	struct bench *b = *state;
	struct message m = initiation(b);

	for (size_t i = 0; i < m.len - sizeof(struct wg_macs) / 2; i++) {
		struct message other = m;
		other.octets[i] ^= 0x40;
		replay(b, 1, &other);
		bench_pass(b, 10 * NS_PER_MS);
		assert_int_equal(answers(b), 0);
	}
	replay(b, 1, &m);
	assert_int_equal(answers(b), 1);
	assert_null(b->peer[1]->current);
	/* Again: it is not newer. */
	bench_pass(b, NS_PER_S);
	replay(b, 1, &m);
	assert_int_equal(answers(b), 1);
	assert_int_equal(drops(b, 1, DROP_WG_HANDSHAKE), 1);
}

/* The MAC is right, as who knows our key can make it, and the rest is not: sealed things are not ours. */
static void test_each_octet_with_its_mac(void **state)
{
	struct bench *b = *state;
	struct message m = initiation(b);

	for (size_t i = 8; i < m.len - sizeof(struct wg_macs); i++) {
		struct message other = m;
		other.octets[i] ^= 0x40;
		assert_true(wg_macs_put(b->peer[0], other.octets, other.len));
		replay(b, 1, &other);
		bench_pass(b, 10 * NS_PER_MS);
		assert_int_equal(answers(b), 0);
	}
	assert_int_equal(drops(b, 1, DROP_WG_HANDSHAKE), m.len - sizeof(struct wg_macs) - 8);
	assert_null(hash_walk(&b->w[1]->by_index, NULL));
}

static void test_each_octet_of_a_response(void **state)
{
	struct bench *b = *state;
	struct message m = initiation(b), r;

	b->net.cut[0] = true;
	replay(b, 1, &m);
	r = b->last[1][WG_RESPONSE];
	b->net.cut[0] = false;
	assert_int_equal(r.len, sizeof(struct wg_response));
	for (size_t i = 0; i < r.len - sizeof(struct wg_macs); i++) {
		struct message other = r;
		other.octets[i] ^= 0x40;
		/* The sender's number is bound by nothing but the MAC. */
		if (i >= 4 && i < 8) continue;
		assert_true(wg_macs_put(b->peer[1], other.octets, other.len));
		replay(b, 0, &other);
		assert_int_equal(b->sent[0][WG_DATA], 0);
		bench_pass(b, 5 * NS_PER_MS);
	}
	/* And the true one is taken after all of them. */
	replay(b, 0, &r);
	assert_int_equal(b->sent[0][WG_DATA], 1);
}

/* Every length of every type, empty ones too. */
static void test_lengths(void **state)
{
	struct bench *b = *state;
	uint8_t message[200] = {0};
	unsigned n = 0;

	for (unsigned type = 0; type < 6; type++)
		for (size_t len = 0; len < sizeof message; len++, n++) {
			uint8_t *exact;
			message[0] = (uint8_t)type;
			exact = exactly(message, len);
			inject(b, 1, "10.0.0.7", 99, exact, len);
			free(exact);
		}
	settle(b);
	assert_int_equal(answers(b), 0);
	assert_true(drops(b, 1, DROP_WG_BAD) > n / 2);
	talk(b, 0, 1);
}

/* ---- load ---- */

static void press(struct bench *b, struct message *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		m->octets[4] = (uint8_t)i;
		m->octets[5] = (uint8_t)(i >> 8);
		assert_true(wg_macs_put(b->peer[0], m->octets, m->len));
		inject(b, 1, "10.0.0.7", (uint16_t)(1000 + i), m->octets, m->len);
	}
}

/* So many know our key that we ask for cookies: a stranger gets nothing else, and who is where it says gets through. */
static void test_cookie_under_load(void **state)
{
	struct bench *b = *state;
	struct message forged = initiation(b);

	forged.octets[20] ^= 1;
	press(b, &forged, 600);
	assert_int_equal(b->sent[1][WG_RESPONSE], 0);
	assert_int_equal(b->sent[1][WG_COOKIE], 600 - 512);
	assert_int_equal(b->last[1][WG_COOKIE].len, sizeof(struct wg_cookie_reply));
	/* The answer is no longer than the question: nobody is flooded through us. */
	assert_true(sizeof(struct wg_cookie_reply) < forged.len);
	b->sent[1][WG_COOKIE] = 0;
	/* a is asked for a cookie, too, and comes again with it. */
	b->peer[0]->initiated = 0;
	assert_int_equal(say(b, 0, 1, 10), 10);
	bench_pass(b, 500 * NS_PER_MS);
	assert_int_equal(b->sent[1][WG_COOKIE], 1);
	assert_true(b->peer[0]->cookie.until > b->net.now);
	assert_int_equal(heard(b, 1), -1);
	for (int i = 0; i < 10; i++) {
		bench_pass(b, 500 * NS_PER_MS);
		press(b, &forged, 600);
	}
	bench_pass(b, REKEY_JITTER + 50 * NS_PER_MS);
	assert_int_equal(heard(b, 1), 1);
	assert_int_equal(b->sent[1][WG_RESPONSE], 1);
}

/* A cookie is for one message and from one address. */
static void test_cookie_of_another(void **state)
{
	struct bench *b = *state;
	struct message forged = initiation(b), cookie;

	press(b, &forged, 512);
	b->peer[0]->initiated = 0;
	wg_initiate(b->peer[0], false);
	b->net.cut[0] = true;
	bench_pass(b, WIRE_NS);
	b->net.cut[0] = false;
	cookie = b->last[1][WG_COOKIE];
	assert_int_equal(b->sent[1][WG_COOKIE], 1);
	for (size_t i = 4; i < cookie.len; i++) {
		struct message other = cookie;
		other.octets[i] ^= 1;
		replay(b, 0, &other);
		assert_int_equal(b->peer[0]->cookie.until, 0);
	}
	replay(b, 0, &cookie);
	assert_true(b->peer[0]->cookie.until > b->net.now);
	/* Taken once: it waits for no other. */
	b->peer[0]->cookie.until = 0;
	replay(b, 0, &cookie);
	assert_int_equal(b->peer[0]->cookie.until, 0);
}

/* Who is where it says is listened to twenty times a second, five at once. */
static void test_rate(void **state)
{
	struct bench *b = *state;
	struct addr one = addr_v4(0x0a000001), two = addr_v6_octets((const uint8_t[16]){0xfd, [15] = 1}), three = two;
	unsigned n = 0;

	for (int i = 0; i < 100; i++) n += wg_within_limit(b->w[0], &one);
	assert_int_equal(n, 5);
	for (int i = 0; i < 100; i++, stack_set_now(b->net.s[0], b->net.now += NS_PER_S / 100)) n += wg_within_limit(b->w[0], &one);
	assert_in_range(n, 5 + 19, 5 + 20);
	/* Of IPv6 a network is one. */
	for (int i = 0; i < 5; i++) assert_true(wg_within_limit(b->w[0], &two));
	three.b[15] = 77;
	assert_false(wg_within_limit(b->w[0], &three));
}

/* A peer that does nothing but begin: what is kept for it stays the same. */
static void test_nothing_grows(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 200; i++) {
		b->peer[0]->initiated = 0;
		wg_initiate(b->peer[0], false);
		bench_pass(b, 100 * NS_PER_MS);
	}
	assert_int_equal(b->sent[1][WG_RESPONSE], 200);
	assert_true(b->w[1]->by_index.count <= 4);
	assert_true(b->w[0]->by_index.count <= 4);
}

/* The receiver's number and the counter travel in clear: whoever has seen one datagram can say any counter. */
static void test_forged_counter(void **state)
{
	struct bench *b = *state;
	struct message m;

	talk(b, 0, 1);
	talk(b, 1, 2);
	m = b->last[0][WG_DATA];
	memset(m.octets + 8, 0xff, 8);
	inject(b, 1, "10.0.0.77", 99, m.octets, m.len);
	talk(b, 0, 3);
	talk(b, 1, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(test_each_octet_of_an_initiation), BENCH_TEST(test_each_octet_with_its_mac), BENCH_TEST(test_each_octet_of_a_response),
		BENCH_TEST(test_lengths), BENCH_TEST(test_cookie_under_load), BENCH_TEST(test_cookie_of_another), BENCH_TEST(test_rate),
		BENCH_TEST(test_nothing_grows), BENCH_TEST(test_forged_counter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
