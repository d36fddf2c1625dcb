/* Flapping links: their words, and how long they stay. */
#include "unit.h"
#include "link/flap.h"

static int parse(struct flap *ret, const char *line, size_t *ret_bad)
{
	char copy[100], *words[20], *save;
	size_t n = 0;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	return flap_parse(ret, n, words, ret_bad);
}

static void words_are_two_stays_in_either_order(void **state)
{
	(void)state;
	static const struct { const char *line; struct flap want; } rows[] = {
		{"up 2s down 500ms", {2 * NS_PER_S, 500 * NS_PER_MS, false, 0}},
		{"down 1ms up 1m", {60 * NS_PER_S, NS_PER_MS, true, 0}},
		{"jitter 20% up 1s down 1s", {NS_PER_S, NS_PER_S, false, 0.2}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flap got;
		size_t bad;
		assert_int_equal(parse(&got, rows[i].line, &bad), 0);
		assert_true(got.up_ns == rows[i].want.up_ns && got.down_ns == rows[i].want.down_ns && got.begins_down == rows[i].want.begins_down);
		assert_true(got.jitter > rows[i].want.jitter - 1e-9 && got.jitter < rows[i].want.jitter + 1e-9);
	}
}

static void the_wrong_word_is_named(void **state)
{
	(void)state;
	static const struct { const char *line; size_t bad; } rows[] = {
		{"", 0}, {"up 2s", 2}, {"up 2s down", 3}, {"up 2s up 2s", 3}, {"up 2s down 0ms", 3}, {"up 10us down 1s", 1}, {"up 2s down 1s jitter 101%", 5},
		{"up 2s sideways 1s", 2}, {"up 2 down 1s", 1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flap got = {.up_ns = 7};
		size_t bad = 99;
		assert_int_equal(parse(&got, rows[i].line, &bad), -EINVAL);
		assert_int_equal(bad, rows[i].bad);
		assert_int_equal(got.up_ns, 7);
	}
}

static void stays_are_as_long_as_said_or_drawn_around_it(void **state)
{
	(void)state;
	struct flap plain = {NS_PER_S, 2 * NS_PER_MS, false, 0}, drawn = {NS_PER_S, 2 * NS_PER_MS, false, 0.5};
	struct random r = random_seeded(1, "flap"), again = random_seeded(1, "flap");
	time_ns least = TIME_NEVER, most = 0;
	assert_int_equal(flap_stay(&plain, false, &r), NS_PER_S);
	assert_int_equal(flap_stay(&plain, true, &r), 2 * NS_PER_MS);
	for (int i = 0; i < 1000; i++) {
		time_ns stay = flap_stay(&drawn, false, &r);
		least = MIN(least, stay);
		most = MAX(most, stay);
		assert_int_equal(stay, flap_stay(&drawn, false, &again));             /* the seed decides */
	}
	assert_true(least >= NS_PER_S / 2 && least < NS_PER_S * 6 / 10);
	assert_true(most <= NS_PER_S * 3 / 2 && most > NS_PER_S * 14 / 10);
	drawn.jitter = 1;
	for (int i = 0; i < 1000; i++) assert_true(flap_stay(&drawn, true, &r) >= FLAP_STAY_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_two_stays_in_either_order),
		cmocka_unit_test(the_wrong_word_is_named),
		cmocka_unit_test(stays_are_as_long_as_said_or_drawn_around_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
