/* Impairments: their words, and the arithmetic of delay, rate, limit and loss. */
#include "unit.h"
#include "link/private.h"

static int parse(struct impairment *i, const char *line, size_t *ret_bad)
{
	char copy[200], *words[20], *save;
	size_t n = 0;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	return impair_parse(i, n, words, ret_bad);
}

static void words_are_read_as_tc_reads_them(void **state)
{
	(void)state;
	static const struct { const char *line; struct impairment want; const char *text; } rows[] = {
		{"", {0}, ""},
		{"delay 40ms", {.delay_ns = 40 * NS_PER_MS}, "delay 40ms"},
		{"delay 40ms 5ms", {.delay_ns = 40 * NS_PER_MS, .jitter_ns = 5 * NS_PER_MS}, "delay 40ms 5ms"},
		{"delay 1.5ms", {.delay_ns = 1500 * NS_PER_US}, "delay 1500us"},
		{"delay 100", {.delay_ns = 100 * NS_PER_US}, "delay 100us"},
		{"delay 2s", {.delay_ns = 2 * NS_PER_S}, "delay 2s"},
		{"delay 7ns", {.delay_ns = 7}, "delay 7ns"},
		{"delay 0 3ms", {.jitter_ns = 3 * NS_PER_MS}, "delay 0s 3ms"},
		{"loss 1%", {.loss = 0.01}, "loss 1%"},
		{"loss random 0.3", {.loss = 0.003}, "loss 0.3%"},
		{"loss 100%", {.loss = 1}, "loss 100%"},
		{"rate 10mbit", {.rate_bps = 10000000}, "rate 10mbit"},
		{"rate 10Mbit", {.rate_bps = 10000000}, "rate 10mbit"},
		{"rate 1500", {.rate_bps = 1500}, "rate 1500bit"},
		{"rate 125kbps", {.rate_bps = 1000000}, "rate 1mbit"},
		{"rate 1kibit", {.rate_bps = 1024}, "rate 1024bit"},
		{"limit 100", {.limit_packets = 100}, "limit 100"},
		{"down", {.down = true}, "down"},
		{"down up", {0}, ""},
		{"delay 1s loss 5% clear rate 1gbit", {.rate_bps = 1000000000}, "rate 1gbit"},
		{"delay 40ms 5ms loss 1% rate 10mbit limit 100 down",
		 {40 * NS_PER_MS, 5 * NS_PER_MS, 0.01, 10000000, 100, true}, "delay 40ms 5ms loss 1% rate 10mbit limit 100 down"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct impairment got = {0}, back = {0};
		char text[200];
		size_t bad;
		assert_int_equal(parse(&got, rows[i].line, &bad), 0);
		assert_true(got.delay_ns == rows[i].want.delay_ns && got.jitter_ns == rows[i].want.jitter_ns);
		assert_true(got.rate_bps == rows[i].want.rate_bps && got.limit_packets == rows[i].want.limit_packets);
		assert_true(got.down == rows[i].want.down && got.loss > rows[i].want.loss - 1e-12 && got.loss < rows[i].want.loss + 1e-12);
		assert_int_equal(impair_text(&got, text, sizeof text), strlen(rows[i].text));
		assert_string_equal(text, rows[i].text);
		assert_int_equal(parse(&back, text, &bad), 0);
		assert_true(back.delay_ns == got.delay_ns && back.rate_bps == got.rate_bps && back.down == got.down);
	}
}

static void words_not_named_keep_their_value(void **state)
{
	(void)state;
	struct impairment i = {.loss = 0.5, .delay_ns = 5, .jitter_ns = 2};
	size_t bad;
	assert_int_equal(parse(&i, "delay 1ms", &bad), 0);
	assert_true(i.loss > 0.4 && i.delay_ns == NS_PER_MS && i.jitter_ns == 0);   /* jitter belongs to delay */
}

static void the_wrong_word_is_named_and_nothing_changes(void **state)
{
	(void)state;
	static const struct { const char *line; size_t bad; } rows[] = {
		{"dealy 1ms", 0}, {"delay", 0}, {"delay 1parsec", 1}, {"loss 1% rate", 2}, {"loss 101%", 1}, {"loss -1%", 1}, {"loss gemodel 1%", 1},
		{"delay 1ms 1ms 25%", 3}, {"rate 10mbit limit -5", 3}, {"rate .", 1}, {"rate 1e9", 1}, {"delay nan", 1}, {"limit 1.2.3", 1},
		{"delay 99999999999s", 1}, {"corrupt 1%", 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct impairment imp = {.delay_ns = 5};
		size_t bad = 99;
		assert_int_equal(parse(&imp, rows[i].line, &bad), -EINVAL);
		assert_int_equal(bad, rows[i].bad);
		assert_int_equal(imp.delay_ns, 5);
	}
}

static void text_never_overruns_its_buffer(void **state)
{
	(void)state;
	struct impairment i = {40 * NS_PER_MS, 5 * NS_PER_MS, 0.01, 10000000, 100, true};
	char full[200];
	size_t len = impair_text(&i, full, sizeof full);
	for (size_t size = 0; size <= len + 1; size++) {
		char *buf = malloc(size ? size : 1);
		assert_int_equal(impair_text(&i, buf, size), len);
		if (size) assert_memory_equal(buf, full, size - 1);
		free(buf);
	}
}

static void clear_means_that_nothing_happens_to_frames(void **state)
{
	(void)state;
	assert_true(impair_is_clear(&(struct impairment){.limit_packets = 5}));
	assert_false(impair_is_clear(&(struct impairment){.loss = 1e-9}));
	assert_false(impair_is_clear(&(struct impairment){.down = true}));
	assert_false(impair_is_clear(&(struct impairment){.jitter_ns = 1}));
	assert_false(impair_is_clear(&(struct impairment){.rate_bps = 1}));
}

static struct direction direction_with(struct impairment i) { return (struct direction){.impairment = i, .random = random_seeded(1, "d")}; }

static time_ns due_of(struct direction *d, time_ns now, uint32_t len)
{
	time_ns due = -1;
	assert_int_equal(netem_enqueue(d, now, len, &due), DROP_NONE);
	d->queued++;
	return due;
}

static void delay_adds_to_now(void **state)
{
	(void)state;
	struct direction d = direction_with((struct impairment){.delay_ns = 40 * NS_PER_MS}), clear = direction_with((struct impairment){0});
	assert_int_equal(due_of(&d, 100, 1500), 100 + 40 * NS_PER_MS);
	assert_int_equal(due_of(&d, 100, 1), 100 + 40 * NS_PER_MS);
	assert_int_equal(due_of(&clear, 100, 1500), 100);
}

static void rate_sends_one_after_the_other(void **state)
{
	(void)state;
	/* 1 Mbit/s: 1250 octets take 10 ms */
	struct direction d = direction_with((struct impairment){.rate_bps = 1000000});
	assert_int_equal(due_of(&d, 0, 1250), 10 * NS_PER_MS);
	assert_int_equal(due_of(&d, 0, 1250), 20 * NS_PER_MS);
	assert_int_equal(due_of(&d, 5 * NS_PER_MS, 125), 21 * NS_PER_MS);
	assert_int_equal(due_of(&d, 50 * NS_PER_MS, 1250), 60 * NS_PER_MS);   /* an idle link starts anew */
}

static void waiting_counts_towards_the_delay(void **state)
{
	(void)state;
	struct direction d = direction_with((struct impairment){.rate_bps = 1000000, .delay_ns = 15 * NS_PER_MS});
	assert_int_equal(due_of(&d, 0, 1250), 25 * NS_PER_MS);
	assert_int_equal(due_of(&d, 0, 1250), 35 * NS_PER_MS);                     /* waited 25 of its 15 ms */
	assert_int_equal(due_of(&d, 30 * NS_PER_MS, 1250), 55 * NS_PER_MS);        /* waits 5, delays 10, takes 10 */
}

static void limit_counts_what_is_under_way(void **state)
{
	(void)state;
	struct direction d = direction_with((struct impairment){.delay_ns = NS_PER_S, .limit_packets = 3});
	time_ns due;
	for (int i = 0; i < 3; i++)
		due_of(&d, 0, 100);
	assert_int_equal(netem_enqueue(&d, 0, 100, &due), DROP_LINK_QUEUE);
	d.queued--;
	due_of(&d, 0, 100);
	struct direction by_default = direction_with((struct impairment){.delay_ns = 1});
	for (int i = 0; i < 1000; i++)
		due_of(&by_default, 0, 100);
	assert_int_equal(netem_enqueue(&by_default, 0, 100, &due), DROP_LINK_QUEUE);
	struct direction clear = direction_with((struct impairment){.limit_packets = 1});
	for (int i = 0; i < 5000; i++)
		due_of(&clear, 0, 100);
}

static void jitter_spreads_evenly_and_reorders(void **state)
{
	(void)state;
	struct direction d = direction_with((struct impairment){.delay_ns = 100, .jitter_ns = 50, .limit_packets = 100000});
	time_ns min = TIME_NEVER, max = 0, sum = 0, last = 0;
	unsigned reordered = 0;
	for (int i = 0; i < 10000; i++) {
		time_ns due = due_of(&d, 1000, 100);
		reordered += due < last;
		last = due;
		min = MIN(min, due);
		max = MAX(max, due);
		sum += due - 1000;
	}
	assert_int_equal(min, 1050);
	assert_int_equal(max, 1149);
	assert_true(sum / 10000 >= 98 && sum / 10000 <= 101);
	assert_true(reordered > 3000);
	struct direction wide = direction_with((struct impairment){.delay_ns = 10, .jitter_ns = 50, .limit_packets = 100000});
	for (int i = 0; i < 1000; i++)
		assert_true(due_of(&wide, 1000, 100) >= 1000);   /* never into the past */
}

static void loss_comes_at_its_rate_and_down_is_all(void **state)
{
	(void)state;
	struct direction d = direction_with((struct impairment){.loss = 0.1}), all = direction_with((struct impairment){.loss = 1}),
			 down = direction_with((struct impairment){.down = true});
	unsigned lost = 0;
	time_ns due;
	for (int i = 0; i < 100000; i++)
		lost += netem_enqueue(&d, 0, 100, &due) == DROP_LINK_LOSS;
	assert_true(lost > 9700 && lost < 10300);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(netem_enqueue(&all, 0, 100, &due), DROP_LINK_LOSS);
	assert_int_equal(netem_enqueue(&down, 0, 100, &due), DROP_LINK_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_read_as_tc_reads_them),
		cmocka_unit_test(words_not_named_keep_their_value),
		cmocka_unit_test(the_wrong_word_is_named_and_nothing_changes),
		cmocka_unit_test(text_never_overruns_its_buffer),
		cmocka_unit_test(clear_means_that_nothing_happens_to_frames),
		cmocka_unit_test(delay_adds_to_now),
		cmocka_unit_test(rate_sends_one_after_the_other),
		cmocka_unit_test(waiting_counts_towards_the_delay),
		cmocka_unit_test(limit_counts_what_is_under_way),
		cmocka_unit_test(jitter_spreads_evenly_and_reorders),
		cmocka_unit_test(loss_comes_at_its_rate_and_down_is_all),
	};
	return cmocka_run_group_tests_name("impair", tests, NULL, NULL);
}
