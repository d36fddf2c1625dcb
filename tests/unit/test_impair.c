/* Impairments: their words, and the arithmetic of delay, rate and limit. What is left to chance is in test_netem.c. */
#include "unit.h"
#include "link/private.h"

static int parse(struct impairment *i, const char *line, size_t *ret_bad)
{
	char copy[400], *words[60], *save;
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
		 {.delay_ns = 40 * NS_PER_MS, .jitter_ns = 5 * NS_PER_MS, .loss = 0.01, .rate_bps = 10000000, .limit_packets = 100, .down = true},
		 "delay 40ms 5ms loss 1% rate 10mbit limit 100 down"},
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

/* Each line is its own text, or reads as the second. */
static void every_word_of_netem_comes_back(void **state)
{
	(void)state;
	static const struct { const char *line, *text; } rows[] = {
		{"delay 40ms 5ms 25%", NULL},
		{"delay 40ms 5ms 25", "delay 40ms 5ms 25%"},
		{"delay 10ms 2ms distribution normal", NULL},
		{"distribution pareto delay 10ms 2ms", "delay 10ms 2ms distribution pareto"},
		{"delay 10ms 2ms 10% distribution paretonormal", NULL},
		{"delay 10ms 2ms distribution normal distribution uniform", "delay 10ms 2ms"},
		{"loss 1% 30%", NULL},
		{"loss random 1% 30%", "loss 1% 30%"},
		{"loss gemodel 1%", "loss gemodel 1% 99% 100% 0%"},
		{"loss gemodel 1% 10%", "loss gemodel 1% 10% 100% 0%"},
		{"loss gemodel 1% 10% 70%", "loss gemodel 1% 10% 70% 0%"},
		{"loss gemodel 1% 10% 70% 0.1%", NULL},
		{"loss state 2%", "loss state 2% 98% 0% 100% 0%"},
		{"loss state 2% 30%", "loss state 2% 30% 0% 100% 0%"},
		{"loss state 2% 30% 5% 40% 1%", NULL},
		{"loss state 2% 30% delay 1ms", "delay 1ms loss state 2% 30% 0% 100% 0%"},
		{"loss gemodel 1% loss 5%", "loss 5%"},
		{"loss 5% 5% loss gemodel 1% 2% 3% 4%", "loss gemodel 1% 2% 3% 4%"},
		{"duplicate 1% 50%", NULL},
		{"rate 10mbit pfifo limit 50", NULL},
		{"codel", "codel target 5ms interval 100ms noecn"},
		{"codel ecn target 2ms", "codel target 2ms interval 100ms ecn"},
		{"fq_codel", "fq_codel target 5ms interval 100ms flows 1024 quantum 1514 ecn"},
		{"rate 1mbit fq_codel flows 8 quantum 300 noecn limit 60", "rate 1mbit fq_codel target 5ms interval 100ms flows 8 quantum 300 noecn limit 60"},
		{"red", "red probability 2%"},
		{"red min 30k max 90k avpkt 1000 burst 55 probability 0.1 ecn", "red min 30720 max 92160 avpkt 1000 burst 55 probability 0.1% ecn"},
		{"codel target 1ms codel", "codel target 5ms interval 100ms noecn"},
		{"codel netem", ""},
		{"corrupt 0.1%", NULL},
		{"corrupt 0.1% 7% corrupt 2%", "corrupt 2%"},
		{"delay 10ms reorder 25% 50% gap 5", NULL},
		{"gap 5 reorder 25% delay 10ms", "delay 10ms reorder 25% gap 5"},
		{"rate 1mbit 20", NULL},
		{"rate 1mbit -14 53", NULL},
		{"rate 1mbit 0 53 5", NULL},
		{"rate 1mbit 20 48 -5 rate 1mbit", "rate 1mbit"},
		{"rate 1mbit 20 limit 7", NULL},
		{"delay 1s 1ms 5% distribution normal loss state 1% 2% 3% 4% 5% duplicate 1% 2% corrupt 3% 4% reorder 5% 6% gap 7 rate 8kbit 9 10 11 "
		 "limit 12 down", NULL},
		{"delay 1s loss gemodel 1% duplicate 1% corrupt 3% reorder 5% gap 7 distribution pareto clear", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct impairment got = {0}, back = {0};
		const char *want = rows[i].text ? rows[i].text : rows[i].line;
		char text[400], again[400];
		size_t bad;
		assert_int_equal(parse(&got, rows[i].line, &bad), 0);
		impair_text(&got, text, sizeof text);
		assert_string_equal(text, want);
		assert_int_equal(parse(&back, text, &bad), 0);
		impair_text(&back, again, sizeof again);
		assert_string_equal(again, text);
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
		{"dealy 1ms", 0}, {"delay", 0}, {"delay 1parsec", 1}, {"loss 1% rate", 2}, {"loss 101%", 1}, {"loss -1%", 1}, {"loss gemodel", 1},
		{"loss state 1% 101%", 3},
		{"delay 1ms 1ms 25% 1", 4}, {"delay 1ms 25%", 2}, {"distribution cauchy", 1}, {"distribution", 0}, {"loss 1% ecn", 2}, {"slot 1ms", 0},
		{"rate 1mbit 1 -1", 3}, {"rate 1mbit 70000", 2}, {"gap many", 1}, {"duplicate", 0}, {"reorder 1ms", 1},
		{"rate 10mbit limit -5", 3}, {"rate .", 1}, {"rate 1e9", 1}, {"delay nan", 1}, {"limit 1.2.3", 1},
		{"delay 99999999999s", 1}, {"codel flows 3", 1}, {"fq_codel flows 0", 2}, {"codel interval 5s", 2}, {"red noecn", 1},
		{"red min 9000 max 9000", 4}, {"red min 90000 burst 2", 4}, {"limit 4 red", 2}, {"pfifo target 1ms", 1},
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
	struct impairment i;
	char full[400];
	size_t bad;
	assert_int_equal(parse(&i, "clear delay 40ms 5ms 1% distribution normal loss gemodel 1% 2% duplicate 1% corrupt 1% 2% reorder 3% gap 2 "
				   "rate 10mbit 1 2 3 limit 100 down", &bad), 0);
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
	assert_false(impair_is_clear(&(struct impairment){.duplicate = 1e-9}));
	assert_false(impair_is_clear(&(struct impairment){.corrupt = 1e-9}));
	assert_false(impair_is_clear(&(struct impairment){.loss_model = IMPAIR_LOSS_STATE}));
	assert_true(impair_is_clear(&(struct impairment){.spread = IMPAIR_NORMAL, .gap = 3, .reorder = 0.5}));   /* of no delay */
}

static struct direction direction_with(struct impairment i) { return (struct direction){.impairment = i, .random = random_seeded(1, "d")}; }

static time_ns due_of(struct direction *d, time_ns now, uint32_t len)
{
	struct fate f = {.due = -1};
	assert_int_equal(netem_enqueue(d, now, len, false, &f), DROP_NONE);
	d->queued++;
	return f.due;
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

/* 1 Mbit/s: an octet takes 8 us. */
static void rate_counts_overhead_and_cells(void **state)
{
	(void)state;
	static const struct { const char *line; uint32_t len; time_ns octets; } rows[] = {
		{"rate 1mbit 24", 100, 124}, {"rate 1mbit -14", 100, 86}, {"rate 1mbit -14", 10, 0},
		{"rate 1mbit 0 48", 100, 144}, {"rate 1mbit 0 48", 96, 96}, {"rate 1mbit 0 48 5", 97, 3 * 53}, {"rate 1mbit 8 48 5", 88, 2 * 53},
		{"rate 1mbit 0 48 -50", 100, 0}, {"rate 1mbit 0 0 5", 100, 100},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct impairment imp = {0};
		size_t bad;
		assert_int_equal(parse(&imp, rows[i].line, &bad), 0);
		struct direction d = direction_with(imp);
		assert_int_equal(due_of(&d, 0, rows[i].len), rows[i].octets * 8 * NS_PER_US);
	}
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
	struct fate f;
	for (int i = 0; i < 3; i++)
		due_of(&d, 0, 100);
	assert_int_equal(netem_enqueue(&d, 0, 100, false, &f), DROP_LINK_QUEUE);
	d.queued--;
	due_of(&d, 0, 100);
	struct direction by_default = direction_with((struct impairment){.delay_ns = 1});
	for (int i = 0; i < 1000; i++)
		due_of(&by_default, 0, 100);
	assert_int_equal(netem_enqueue(&by_default, 0, 100, false, &f), DROP_LINK_QUEUE);
	struct direction clear = direction_with((struct impairment){.limit_packets = 1});
	for (int i = 0; i < 5000; i++)
		due_of(&clear, 0, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_read_as_tc_reads_them),
		cmocka_unit_test(every_word_of_netem_comes_back),
		cmocka_unit_test(words_not_named_keep_their_value),
		cmocka_unit_test(the_wrong_word_is_named_and_nothing_changes),
		cmocka_unit_test(text_never_overruns_its_buffer),
		cmocka_unit_test(clear_means_that_nothing_happens_to_frames),
		cmocka_unit_test(delay_adds_to_now),
		cmocka_unit_test(rate_sends_one_after_the_other),
		cmocka_unit_test(rate_counts_overhead_and_cells),
		cmocka_unit_test(waiting_counts_towards_the_delay),
		cmocka_unit_test(limit_counts_what_is_under_way),
	};
	return cmocka_run_group_tests_name("impair", tests, NULL, NULL);
}
