/* Impairments by chance: that each model's frequencies, runs and spreads are those of its definition. All draws come from fixed seeds. */
#include "unit.h"
#include "link/private.h"

#define N 100000

static struct direction direction_of(const char *line)
{
	char copy[200], *words[30], *save;
	struct direction d = {.random = random_seeded(1, "d")};
	struct impairment i = {.limit_packets = 1000000};
	size_t n = 0, bad;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	assert_int_equal(impair_parse(&i, n, words, &bad), 0);
	direction_set(&d, &i);
	return d;
}

static void within(double got, double want, double tolerance)
{
	if (got < want - tolerance || got > want + tolerance) fail_msg("%g is not %g ± %g", got, want, tolerance);
}

/* ---- loss ---- */

struct losses { double share, bursts, mean_burst; };   /* of all frames; bursts: runs of losses begun, a frame */

static struct losses losses_of(const char *line)
{
	struct direction d = direction_of(line);
	unsigned lost = 0, bursts = 0;
	bool before = false;
	for (int i = 0; i < N; i++) {
		struct fate f;
		enum drop_reason why = netem_enqueue(&d, 0, 100, false, &f);
		bool now = why == DROP_LINK_LOSS;
		assert_true(now || why == DROP_NONE);
		lost += now;
		bursts += now && !before;
		before = now;
	}
	return (struct losses){(double)lost / N, (double)bursts / N, bursts ? (double)lost / bursts : 0};
}

static void loss_comes_at_its_rate_and_down_is_all(void **state)
{
	(void)state;
	struct losses l = losses_of("loss 10%");
	within(l.share, 0.1, 0.003);
	within(l.mean_burst, 1 / 0.9, 0.02);                   /* one has nothing to do with the next */
	within(losses_of("loss 100%").share, 1, 0);
	struct direction down = direction_of("down");
	struct fate f;
	assert_int_equal(netem_enqueue(&down, 0, 100, false, &f), DROP_LINK_DOWN);
}

/* As netem's: the draw is mixed with the one before, so that losses come together, and a small share of them becomes smaller. */
static void correlated_loss_comes_in_bursts(void **state)
{
	(void)state;
	struct losses free = losses_of("loss 30%"), tied = losses_of("loss 30% 50%"), full = losses_of("loss 30% 100%");
	within(free.share, 0.3, 0.005);
	within(free.mean_burst, 1 / 0.7, 0.03);
	assert_true(tied.mean_burst > 1.25 / (1 - tied.share));      /* a quarter longer than chance alone would make them */
	assert_true(tied.share > 0.1 && tied.share < 0.3);
	assert_true(full.share < 1e-9 || full.share > 1 - 1e-9);   /* the first draw decides for ever */
}

/* In the bad state for r of all frames: p / (p + r); a stay there lasts 1 / r. */
static void gemodel_is_gilberts(void **state)
{
	(void)state;
	struct losses bernoulli = losses_of("loss gemodel 10%"), simple = losses_of("loss gemodel 1% 20%"), gilbert = losses_of("loss gemodel 1% 20% 50%"),
		      elliott = losses_of("loss gemodel 1% 20% 50% 2%");
	within(bernoulli.share, 0.1, 0.003);
	within(bernoulli.mean_burst, 1 / 0.9, 0.02);
	within(simple.share, 0.01 / 0.21, 0.004);
	within(simple.mean_burst, 1 / 0.2, 0.4);
	within(gilbert.share, 0.5 * 0.01 / 0.21, 0.003);
	within(elliott.share, (0.5 * 0.01 + 0.02 * 0.2) / 0.21, 0.004);
	within(losses_of("loss gemodel 0%").share, 0, 0);
}

/* The stationary distribution of the four states, and how long a burst lasts that is not interrupted. */
static void state_model_is_a_chain_of_four(void **state)
{
	(void)state;
	struct losses two = losses_of("loss state 1% 25%"), alone = losses_of("loss state 0% 100% 0% 100% 5%"),
		four = losses_of("loss state 1% 20% 10% 40% 2%");
	within(two.share, 0.01 / 0.26, 0.004);
	within(two.mean_burst, 4, 0.3);
	within(alone.share, 0.05 / 1.05, 0.002);
	within(alone.mean_burst, 1, 0);                        /* never two in a row */
	/* weights: 1: 1, 3: p13 / p31, 2: p32 / p23 of 3, 4: p14 */
	double w3 = 0.01 / 0.2, w2 = w3 * 0.1 / 0.4, w4 = 0.02;
	within(four.share, (w3 + w4) / (1 + w2 + w3 + w4), 0.005);
}

static void a_new_model_begins_in_the_good_state(void **state)
{
	(void)state;
	struct direction d = direction_of("loss gemodel 100% 0%");
	struct fate f;
	assert_int_equal(netem_enqueue(&d, 0, 100, false, &f), DROP_NONE);
	assert_int_equal(netem_enqueue(&d, 0, 100, false, &f), DROP_LINK_LOSS);
	struct impairment same = d.impairment;
	direction_set(&d, &same);
	assert_int_equal(netem_enqueue(&d, 0, 100, false, &f), DROP_NONE);
}

/* ---- duplicates and bit errors ---- */

static void duplicates_come_at_their_rate_and_never_again(void **state)
{
	(void)state;
	struct direction d = direction_of("duplicate 20%"), lossy = direction_of("duplicate 100% loss 100%"), tied = direction_of("duplicate 20% 100%");
	unsigned copies = 0, held = 0;
	struct fate f;
	for (int i = 0; i < N; i++) {
		assert_int_equal(netem_enqueue(&d, 0, 100, false, &f), DROP_NONE);
		copies += f.duplicate;
		assert_int_equal(netem_enqueue(&d, 0, 100, true, &f), DROP_NONE);
		assert_false(f.duplicate);
		netem_enqueue(&tied, 0, 100, false, &f);
		held += f.duplicate;
	}
	within((double)copies / N, 0.2, 0.005);
	assert_true(held == 0 || held == N);
	assert_int_equal(netem_enqueue(&lossy, 0, 100, false, &f), DROP_NONE);      /* one of two is lost, one arrives */
	assert_false(f.duplicate);
}

static void corruption_hits_every_bit_alike(void **state)
{
	(void)state;
	struct direction d = direction_of("corrupt 30%"), all = direction_of("corrupt 100%");
	unsigned hits = 0, per_bit[24] = {0};
	struct fate f;
	for (int i = 0; i < N; i++) {
		netem_enqueue(&d, 0, 3, false, &f);
		if (!f.corrupt) continue;
		hits++;
		assert_true(f.bit < 24);
		per_bit[f.bit]++;
	}
	within((double)hits / N, 0.3, 0.006);
	for (size_t i = 0; i < 24; i++)
		within(per_bit[i] * 24.0 / hits, 1, 0.12);
	netem_enqueue(&all, 0, 0, false, &f);
	assert_false(f.corrupt);                                /* there is no bit to flip */
}

/* ---- order ---- */

static void reordered_frames_leave_at_once(void **state)
{
	(void)state;
	struct direction d = direction_of("delay 10ms reorder 25%"), spaced = direction_of("delay 10ms reorder 100% gap 5"),
			 rare = direction_of("delay 10ms reorder 50% gap 3"), none = direction_of("reorder 100%");
	unsigned first = 0, third = 0;
	struct fate f;
	for (int i = 0; i < N; i++) {
		netem_enqueue(&d, 7, 100, false, &f);
		assert_int_equal(f.due, f.reordered ? 7 : 7 + 10 * NS_PER_MS);
		first += f.reordered;
		netem_enqueue(&rare, 7, 100, false, &f);
		third += f.reordered;
	}
	within((double)first / N, 0.25, 0.006);
	within((double)third / N, 1 / 4.0, 0.005);                /* two delayed, then one more on average */
	for (int i = 0; i < 50; i++) {
		netem_enqueue(&spaced, 0, 100, false, &f);
		assert_int_equal(f.reordered, i % 5 == 4);
	}
	netem_enqueue(&none, 7, 100, false, &f);
	assert_false(f.reordered);                              /* nothing is delayed that it could overtake */
}

/* ---- delay ---- */

struct spread { double mean, variance, min, max, corr; };      /* of (due - 100 ms) / 10 ms */

static struct spread spread_of(const char *line)
{
	struct direction d = direction_of(line);
	struct spread s = {.min = 1e9, .max = -1e9};
	double sum = 0, squares = 0, products = 0, before = 0;
	for (int i = 0; i < N; i++) {
		struct fate f;
		assert_int_equal(netem_enqueue(&d, 0, 100, false, &f), DROP_NONE);
		double x = (double)(f.due - 100 * NS_PER_MS) / (10 * NS_PER_MS);
		sum += x;
		squares += x * x;
		products += x * before;
		before = x;
		s.min = MIN(s.min, x);
		s.max = MAX(s.max, x);
	}
	s.mean = sum / N;
	s.variance = squares / N - s.mean * s.mean;
	s.corr = (products / N - s.mean * s.mean) / s.variance;
	return s;
}

static void jitter_spreads_as_it_is_told(void **state)
{
	(void)state;
	static const struct { const char *line; struct spread want; double tolerance; } rows[] = {
		{"delay 100ms 10ms", {0, 1 / 3.0, -1, 1, 0}, 0.01},
		{"delay 100ms 10ms distribution normal", {0, 1, -3.67, 3.67, 0}, 0.02},
		{"delay 100ms 10ms distribution pareto", {-0.033, 0.674, -0.667, 4, 0}, 0.02},
		{"delay 100ms 10ms distribution paretonormal", {-0.022, 0.722, -1.417, 4, 0}, 0.02},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct spread s = spread_of(rows[i].line);
		within(s.mean, rows[i].want.mean, rows[i].tolerance);
		within(s.variance, rows[i].want.variance, rows[i].tolerance);
		within(s.min, rows[i].want.min, 0.01);
		within(s.max, rows[i].want.max, 0.01);
		within(s.corr, 0, 0.015);
	}
}

/* The normal table's shares within one, two and three deviations. */
static void the_normal_distribution_is_one(void **state)
{
	(void)state;
	struct direction d = direction_of("delay 100ms 10ms distribution normal");
	unsigned within_k[4] = {0};
	for (int i = 0; i < N; i++) {
		struct fate f;
		netem_enqueue(&d, 0, 100, false, &f);
		for (int k = 1; k <= 3; k++)
			within_k[k] += f.due > 100 * NS_PER_MS - k * 10 * NS_PER_MS && f.due < 100 * NS_PER_MS + k * 10 * NS_PER_MS;
	}
	within((double)within_k[1] / N, 0.6827, 0.005);
	within((double)within_k[2] / N, 0.9545, 0.003);
	within((double)within_k[3] / N, 0.9973, 0.001);
}

static void correlated_delays_resemble_each_other(void **state)
{
	(void)state;
	within(spread_of("delay 100ms 10ms 25%").corr, 0.25, 0.02);
	within(spread_of("delay 100ms 10ms 75%").corr, 0.75, 0.02);
	assert_true(spread_of("delay 100ms 10ms 50% distribution normal").corr > 0.4);
}

static void jitter_spreads_evenly_and_reorders(void **state)
{
	(void)state;
	struct direction d = direction_of("delay 100ns 50ns");
	time_ns min = TIME_NEVER, max = 0, sum = 0, last = 0;
	unsigned reordered = 0;
	for (int i = 0; i < 10000; i++) {
		struct fate f;
		assert_int_equal(netem_enqueue(&d, 1000, 100, false, &f), DROP_NONE);
		time_ns due = f.due;
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
	struct direction wide = direction_of("delay 10ns 50ns");
	for (int i = 0; i < 1000; i++) {
		struct fate f;
		assert_int_equal(netem_enqueue(&wide, 1000, 100, false, &f), DROP_NONE);
		assert_true(f.due >= 1000);   /* never into the past */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loss_comes_at_its_rate_and_down_is_all),
		cmocka_unit_test(correlated_loss_comes_in_bursts),
		cmocka_unit_test(gemodel_is_gilberts),
		cmocka_unit_test(state_model_is_a_chain_of_four),
		cmocka_unit_test(a_new_model_begins_in_the_good_state),
		cmocka_unit_test(duplicates_come_at_their_rate_and_never_again),
		cmocka_unit_test(corruption_hits_every_bit_alike),
		cmocka_unit_test(reordered_frames_leave_at_once),
		cmocka_unit_test(jitter_spreads_as_it_is_told),
		cmocka_unit_test(the_normal_distribution_is_one),
		cmocka_unit_test(correlated_delays_resemble_each_other),
		cmocka_unit_test(jitter_spreads_evenly_and_reorders),
	};
	return cmocka_run_group_tests_name("netem", tests, NULL, NULL);
}
