/*
 * Impairments as words, in tc-netem's notation:
 *
 *     delay TIME [JITTER [CORRELATION]]   distribution uniform|normal|pareto|paretonormal
 *     loss [random] PERCENT [CORRELATION]   loss state P13 [P31 [P32 [P23 [P14]]]]   loss gemodel P [R [1-H [1-K]]]
 *     duplicate PERCENT [CORRELATION]   corrupt PERCENT [CORRELATION]   reorder PERCENT [CORRELATION]   gap DISTANCE
 *     rate RATE [PACKETOVERHEAD [CELLSIZE [CELLOVERHEAD]]]   limit PACKETS   down   up   clear
 *     netem   pfifo   codel …   fq_codel …   red …                                                  (queueing.c)
 *
 * A word is a row of the vocabulary. Words of netem that are not here (slot) are refused by name.
 *
 * Read first: tc(8) "Parameters", tc-netem(8).
 */
#include "link/impair.h"
#include <errno.h>
#include "link/queueing.h"
#include "link/words.h"

#define DELAY_MAX_NS (24 * 3600 * (double)NS_PER_S)
#define RATE_MAX_BPS 1e15
#define LIMIT_MAX 1e6
#define OVERHEAD_MAX 65535.0

/* A share, in percent, and how much it depends on the one before: none unless it is said. */
static bool read_chance(double *ret, double *ret_corr, struct words *w)
{
	if (!words_take(ret, w, percent_units, 1)) return false;
	*ret_corr = 0;
	words_take(ret_corr, w, percent_units, 1);
	return true;
}

static bool read_delay(struct impairment *i, struct words *w)
{
	double delay, jitter = 0;
	if (!words_take(&delay, w, time_units, DELAY_MAX_NS)) return false;
	i->delay_corr = 0;
	if (words_take(&jitter, w, time_units, DELAY_MAX_NS)) words_take(&i->delay_corr, w, percent_units, 1);
	i->delay_ns = (time_ns)(delay + 0.5);
	i->jitter_ns = (time_ns)(jitter + 0.5);
	return true;
}

static const char *const spreads[IMPAIR_SPREADS] = {"uniform", "normal", "pareto", "paretonormal"};

static bool read_distribution(struct impairment *i, struct words *w)
{
	for (size_t k = 0; words_peek(w) && k < IMPAIR_SPREADS; k++) {
		if (strcmp(words_peek(w), spreads[k]) != 0) continue;
		words_skip(w);
		i->spread = (enum impair_spread)k;
		return true;
	}
	return false;
}

/* What is left out of a chain's transitions makes the simpler models: Gilbert's without a last one, a plain Bernoulli with the first alone. */
static bool read_chain(struct impairment *i, struct words *w, enum impair_loss model, size_t n, const double *rest)
{
	double chain[ARRAY_SIZE(i->chain)] = {0};
	if (!words_take(&chain[0], w, percent_units, 1)) return false;
	chain[1] = 1 - chain[0];
	memcpy(chain + 2, rest, (n - 2) * sizeof *chain);
	for (size_t k = 1; k < n && words_take(&chain[k], w, percent_units, 1);) k++;
	memcpy(i->chain, chain, sizeof chain);
	i->loss_model = model;
	i->loss = i->loss_corr = 0;
	return true;
}

static bool read_loss(struct impairment *i, struct words *w)
{
	static const double gemodel_rest[] = {1, 0}, state_rest[] = {0, 1, 0};
	const char *model = words_peek(w) ? words_peek(w) : "";
	bool gemodel = strcmp(model, "gemodel") == 0, state = strcmp(model, "state") == 0;
	if (gemodel || state || strcmp(model, "random") == 0) words_skip(w);
	if (gemodel) return read_chain(i, w, IMPAIR_LOSS_GEMODEL, GEMODEL_1_K + 1, gemodel_rest);
	if (state) return read_chain(i, w, IMPAIR_LOSS_STATE, STATE_P14 + 1, state_rest);
	if (!read_chance(&i->loss, &i->loss_corr, w)) return false;
	i->loss_model = IMPAIR_LOSS_RANDOM;
	memset(i->chain, 0, sizeof i->chain);
	return true;
}

static bool read_duplicate(struct impairment *i, struct words *w) { return read_chance(&i->duplicate, &i->duplicate_corr, w); }
static bool read_corrupt(struct impairment *i, struct words *w) { return read_chance(&i->corrupt, &i->corrupt_corr, w); }
static bool read_reorder(struct impairment *i, struct words *w) { return read_chance(&i->reorder, &i->reorder_corr, w); }

static bool read_gap(struct impairment *i, struct words *w)
{
	double gap;
	if (!words_take(&gap, w, no_units, LIMIT_MAX)) return false;
	i->gap = (uint32_t)gap;
	return true;
}

static bool take_overhead(int32_t *ret, struct words *w)
{
	double v;
	bool negative = words_peek(w) && words_peek(w)[0] == '-';
	if (!words_peek(w) || !quantity_parse(&v, words_peek(w) + negative, no_units, OVERHEAD_MAX)) return false;
	words_skip(w);
	*ret = (int32_t)(negative ? -v : v);
	return true;
}

static bool read_rate(struct impairment *i, struct words *w)
{
	double rate, cell = 0;
	if (!words_take(&rate, w, rate_units, RATE_MAX_BPS) || (rate > 0 && rate < 1)) return false;
	i->rate_bps = (uint64_t)(rate + 0.5);
	i->packet_overhead = i->cell_overhead = 0;
	if (take_overhead(&i->packet_overhead, w) && words_take(&cell, w, no_units, OVERHEAD_MAX)) take_overhead(&i->cell_overhead, w);
	i->cell_size = (uint32_t)cell;
	return true;
}

static bool read_limit(struct impairment *i, struct words *w)
{
	double limit;
	if (!words_take(&limit, w, no_units, LIMIT_MAX)) return false;
	i->limit_packets = (uint32_t)limit;
	return true;
}

static bool read_down(struct impairment *i, struct words *w)
{
	(void)w;
	return i->down = true;
}

static bool read_up(struct impairment *i, struct words *w)
{
	(void)w;
	i->down = false;
	return true;
}

static bool read_clear(struct impairment *i, struct words *w)
{
	(void)w;
	*i = (struct impairment){0};
	return true;
}

static const struct { const char *name; bool (*read)(struct impairment *, struct words *); } vocabulary[] = {
	{"delay", read_delay}, {"distribution", read_distribution}, {"loss", read_loss}, {"duplicate", read_duplicate},
	{"corrupt", read_corrupt}, {"reorder", read_reorder}, {"gap", read_gap}, {"rate", read_rate}, {"limit", read_limit},
	{"down", read_down}, {"up", read_up}, {"clear", read_clear},
};

static bool read_word(struct impairment *i, struct words *w)
{
	if (queueing_is_word(words_peek(w))) return queueing_read(&i->queueing, w);
	for (size_t row = 0; row < ARRAY_SIZE(vocabulary); row++) {
		if (strcmp(words_peek(w), vocabulary[row].name) != 0) continue;
		words_skip(w);
		return vocabulary[row].read(i, w);
	}
	return false;
}

int impair_parse(struct impairment *i, size_t n_words, char *const *words, size_t *ret_err_word)
{
	struct impairment draft = *i;
	struct words w = {words, n_words};
	while (w.left) {
		if (read_word(&draft, &w)) continue;
		/* The word that is wrong, or the last one when something is missing behind it. */
		*ret_err_word = MIN(n_words - w.left, n_words - 1);
		return -EINVAL;
	}
	if (!queueing_is_sound(&draft.queueing, draft.limit_packets)) {
		*ret_err_word = n_words - 1;
		return -EINVAL;
	}
	*i = draft;
	return 0;
}

/* ---- back to words ---- */

static void put_percent(struct line *t, const char *word, double share) { line_put(t, word, share * 100, "%"); }

static void put_chance(struct line *t, const char *word, double share, double corr)
{
	if (!(share > 0)) return;
	put_percent(t, word, share);
	if (corr > 0) put_percent(t, "", corr);
}

static void put_delay(struct line *t, const struct impairment *i)
{
	if (i->delay_ns || i->jitter_ns) line_put_time(t, "delay ", i->delay_ns);
	if (i->jitter_ns) line_put_time(t, "", i->jitter_ns);
	if (i->jitter_ns && i->delay_corr > 0) put_percent(t, "", i->delay_corr);
	if (i->spread == IMPAIR_UNIFORM) return;
	line_put_word(t, "distribution");
	line_put_word(t, spreads[i->spread]);
}

static void put_loss(struct line *t, const struct impairment *i)
{
	bool gemodel = i->loss_model == IMPAIR_LOSS_GEMODEL;
	put_chance(t, "loss ", i->loss, i->loss_corr);
	if (i->loss_model == IMPAIR_LOSS_RANDOM) return;
	line_put_word(t, gemodel ? "loss gemodel" : "loss state");
	for (size_t k = 0; k < (gemodel ? GEMODEL_1_K + 1 : STATE_P14 + 1); k++) put_percent(t, "", i->chain[k]);
}

static void put_rate(struct line *t, const struct impairment *i)
{
	static const struct unit rates[] = {{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}, {NULL, 0}};
	if (!i->rate_bps) return;
	line_put_scaled(t, "rate ", i->rate_bps, rates);
	if (i->packet_overhead || i->cell_size || i->cell_overhead) line_put(t, "", i->packet_overhead, "");
	if (i->cell_size || i->cell_overhead) line_put(t, "", i->cell_size, "");
	if (i->cell_overhead) line_put(t, "", i->cell_overhead, "");
}

size_t impair_text(const struct impairment *i, char *buf, size_t size)
{
	struct line t = {buf, size, 0};
	if (size) buf[0] = 0;
	put_delay(&t, i);
	put_loss(&t, i);
	put_chance(&t, "duplicate ", i->duplicate, i->duplicate_corr);
	put_chance(&t, "corrupt ", i->corrupt, i->corrupt_corr);
	put_chance(&t, "reorder ", i->reorder, i->reorder_corr);
	if (i->gap) line_put(&t, "gap ", i->gap, "");
	put_rate(&t, i);
	queueing_put(&t, &i->queueing);
	if (i->limit_packets) line_put(&t, "limit ", i->limit_packets, "");
	if (i->down) line_put_word(&t, "down");
	return t.len;
}

bool impair_is_clear(const struct impairment *i)
{
	return !i->delay_ns && !i->jitter_ns && !(i->loss > 0) && i->loss_model == IMPAIR_LOSS_RANDOM && !(i->duplicate > 0) && !(i->corrupt > 0) &&
	       !i->rate_bps && !i->down;
}
