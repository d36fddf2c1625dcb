/*
 * Impairments as words, in tc-netem's notation:
 *
 *     delay TIME [JITTER [CORRELATION]]   distribution uniform|normal|pareto|paretonormal
 *     loss [random] PERCENT [CORRELATION]   loss state P13 [P31 [P32 [P23 [P14]]]]   loss gemodel P [R [1-H [1-K]]]
 *     duplicate PERCENT [CORRELATION]   corrupt PERCENT [CORRELATION]   reorder PERCENT [CORRELATION]   gap DISTANCE
 *     rate RATE [PACKETOVERHEAD [CELLSIZE [CELLOVERHEAD]]]   limit PACKETS   down   up   clear
 *
 * A word is a row of the vocabulary. Words of netem that are not here (slot, ecn) are refused by name.
 *
 * Read first: tc(8) "Parameters", tc-netem(8).
 */
#include "link/impair.h"
#include <errno.h>
#include <stdio.h>
#include <strings.h>

#define DELAY_MAX_NS (24 * 3600 * (double)NS_PER_S)
#define RATE_MAX_BPS 1e15
#define LIMIT_MAX 1e6
#define OVERHEAD_MAX 65535.0

struct unit { const char *name; double factor; };

static const struct unit time_units[] = {
	{"s", 1e9}, {"sec", 1e9}, {"secs", 1e9}, {"ms", 1e6}, {"msec", 1e6}, {"msecs", 1e6},
	{"us", 1e3}, {"usec", 1e3}, {"usecs", 1e3}, {"", 1e3}, {"ns", 1}, {"nsec", 1}, {"nsecs", 1}, {NULL, 0},
};
/* tc writes octets a second as "bps". */
static const struct unit rate_units[] = {
	{"", 1}, {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"tbit", 1e12},
	{"kibit", 1024.0}, {"mibit", 1048576.0}, {"gibit", 1073741824.0}, {"tibit", 1099511627776.0},
	{"bps", 8}, {"kbps", 8e3}, {"mbps", 8e6}, {"gbps", 8e9}, {"tbps", 8e12},
	{"kibps", 8192.0}, {"mibps", 8388608.0}, {"gibps", 8589934592.0}, {"tibps", 8796093022208.0}, {NULL, 0},
};
static const struct unit percent_units[] = {{"%", 0.01}, {"", 0.01}, {NULL, 0}};
static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

/* An unsigned decimal number, by hand because strtod asks the locale; the end of what was read, or NULL. */
static const char *parse_number(double *ret, const char *s)
{
	double digits = 0, scale = 1;
	size_t n = 0;
	bool point = false;
	for (; (*s >= '0' && *s <= '9') || (*s == '.' && !point); s++) {
		if (*s == '.') {
			point = true;
			continue;
		}
		digits = digits * 10 + (*s - '0');
		if (point) scale *= 10;
		n++;
	}
	if (n == 0) return NULL;
	*ret = digits / scale;
	return s;
}

static bool parse_quantity(double *ret, const char *word, const struct unit *units, double max)
{
	double v;
	const char *unit = word ? parse_number(&v, word) : NULL;
	if (!unit) return false;
	for (; units->name; units++) {
		if (strcasecmp(unit, units->name) != 0) continue;
		v *= units->factor;
		if (!(v <= max)) return false;
		*ret = v;
		return true;
	}
	return false;
}

/* The words still to be read. */
struct words { char *const *at; size_t left; };

static const char *peek(const struct words *w) { return w->left ? w->at[0] : NULL; }

static void skip(struct words *w)
{
	w->at++;
	w->left--;
}

static bool take_quantity(double *ret, struct words *w, const struct unit *units, double max)
{
	if (!parse_quantity(ret, peek(w), units, max)) return false;
	skip(w);
	return true;
}

/* A share, in percent, and how much it depends on the one before: none unless it is said. */
static bool read_chance(double *ret, double *ret_corr, struct words *w)
{
	if (!take_quantity(ret, w, percent_units, 1)) return false;
	*ret_corr = 0;
	take_quantity(ret_corr, w, percent_units, 1);
	return true;
}

static bool read_delay(struct impairment *i, struct words *w)
{
	double delay, jitter = 0;
	if (!take_quantity(&delay, w, time_units, DELAY_MAX_NS)) return false;
	i->delay_corr = 0;
	if (take_quantity(&jitter, w, time_units, DELAY_MAX_NS)) take_quantity(&i->delay_corr, w, percent_units, 1);
	i->delay_ns = (time_ns)(delay + 0.5);
	i->jitter_ns = (time_ns)(jitter + 0.5);
	return true;
}

static const char *const spreads[IMPAIR_SPREADS] = {"uniform", "normal", "pareto", "paretonormal"};

static bool read_distribution(struct impairment *i, struct words *w)
{
	for (size_t k = 0; peek(w) && k < IMPAIR_SPREADS; k++) {
		if (strcmp(peek(w), spreads[k]) != 0) continue;
		skip(w);
		i->spread = (enum impair_spread)k;
		return true;
	}
	return false;
}

/* What is left out of a chain's transitions makes the simpler models: Gilbert's without a last one, a plain Bernoulli with the first alone. */
static bool read_chain(struct impairment *i, struct words *w, enum impair_loss model, size_t n, const double *rest)
{
	double chain[ARRAY_SIZE(i->chain)] = {0};
	if (!take_quantity(&chain[0], w, percent_units, 1)) return false;
	chain[1] = 1 - chain[0];
	memcpy(chain + 2, rest, (n - 2) * sizeof *chain);
	for (size_t k = 1; k < n && take_quantity(&chain[k], w, percent_units, 1);) k++;
	memcpy(i->chain, chain, sizeof chain);
	i->loss_model = model;
	i->loss = i->loss_corr = 0;
	return true;
}

static bool read_loss(struct impairment *i, struct words *w)
{
	static const double gemodel_rest[] = {1, 0}, state_rest[] = {0, 1, 0};
	const char *model = peek(w) ? peek(w) : "";
	bool gemodel = strcmp(model, "gemodel") == 0, state = strcmp(model, "state") == 0;
	if (gemodel || state || strcmp(model, "random") == 0) skip(w);
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
	if (!take_quantity(&gap, w, no_units, LIMIT_MAX)) return false;
	i->gap = (uint32_t)gap;
	return true;
}

static bool take_overhead(int32_t *ret, struct words *w)
{
	double v;
	bool negative = peek(w) && peek(w)[0] == '-';
	if (!peek(w) || !parse_quantity(&v, peek(w) + negative, no_units, OVERHEAD_MAX)) return false;
	skip(w);
	*ret = (int32_t)(negative ? -v : v);
	return true;
}

static bool read_rate(struct impairment *i, struct words *w)
{
	double rate, cell = 0;
	if (!take_quantity(&rate, w, rate_units, RATE_MAX_BPS)) return false;
	i->rate_bps = (uint64_t)(rate + 0.5);
	i->packet_overhead = i->cell_overhead = 0;
	if (take_overhead(&i->packet_overhead, w) && take_quantity(&cell, w, no_units, OVERHEAD_MAX)) take_overhead(&i->cell_overhead, w);
	i->cell_size = (uint32_t)cell;
	return true;
}

static bool read_limit(struct impairment *i, struct words *w)
{
	double limit;
	if (!take_quantity(&limit, w, no_units, LIMIT_MAX)) return false;
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
	for (size_t row = 0; row < ARRAY_SIZE(vocabulary); row++) {
		if (strcmp(peek(w), vocabulary[row].name) != 0) continue;
		skip(w);
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
	*i = draft;
	return 0;
}

/* ---- back to words ---- */

struct text { char *buf; size_t size, len; };

static void put(struct text *t, const char *word, double value, const char *unit)
{
	size_t at = MIN(t->len, t->size);
	int n = snprintf(t->buf + at, t->size - at, "%s%s%.12g%s", t->len ? " " : "", word, value, unit);
	t->len += (size_t)n;
}

/* In the largest of the units (largest first) that leaves a whole number. */
static void put_scaled(struct text *t, const char *word, uint64_t value, const struct unit *units)
{
	while (units[1].name && value % (uint64_t)units->factor)
		units++;
	put(t, word, (double)value / units->factor, units->name);
}

static void put_word(struct text *t, const char *word)
{
	size_t at = MIN(t->len, t->size);
	t->len += (size_t)snprintf(t->buf + at, t->size - at, "%s%s", t->len ? " " : "", word);
}

static void put_percent(struct text *t, const char *word, double share) { put(t, word, share * 100, "%"); }

static void put_chance(struct text *t, const char *word, double share, double corr)
{
	if (!(share > 0)) return;
	put_percent(t, word, share);
	if (corr > 0) put_percent(t, "", corr);
}

static void put_delay(struct text *t, const struct impairment *i)
{
	static const struct unit times[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {NULL, 0}};
	if (i->delay_ns || i->jitter_ns) put_scaled(t, "delay ", (uint64_t)i->delay_ns, times);
	if (i->jitter_ns) put_scaled(t, "", (uint64_t)i->jitter_ns, times);
	if (i->jitter_ns && i->delay_corr > 0) put_percent(t, "", i->delay_corr);
	if (i->spread == IMPAIR_UNIFORM) return;
	put_word(t, "distribution");
	put_word(t, spreads[i->spread]);
}

static void put_loss(struct text *t, const struct impairment *i)
{
	bool gemodel = i->loss_model == IMPAIR_LOSS_GEMODEL;
	put_chance(t, "loss ", i->loss, i->loss_corr);
	if (i->loss_model == IMPAIR_LOSS_RANDOM) return;
	put_word(t, gemodel ? "loss gemodel" : "loss state");
	for (size_t k = 0; k < (gemodel ? GEMODEL_1_K + 1 : STATE_P14 + 1); k++) put_percent(t, "", i->chain[k]);
}

static void put_rate(struct text *t, const struct impairment *i)
{
	static const struct unit rates[] = {{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}, {NULL, 0}};
	if (!i->rate_bps) return;
	put_scaled(t, "rate ", i->rate_bps, rates);
	if (i->packet_overhead || i->cell_size || i->cell_overhead) put(t, "", i->packet_overhead, "");
	if (i->cell_size || i->cell_overhead) put(t, "", i->cell_size, "");
	if (i->cell_overhead) put(t, "", i->cell_overhead, "");
}

size_t impair_text(const struct impairment *i, char *buf, size_t size)
{
	struct text t = {buf, size, 0};
	if (size) buf[0] = 0;
	put_delay(&t, i);
	put_loss(&t, i);
	put_chance(&t, "duplicate ", i->duplicate, i->duplicate_corr);
	put_chance(&t, "corrupt ", i->corrupt, i->corrupt_corr);
	put_chance(&t, "reorder ", i->reorder, i->reorder_corr);
	if (i->gap) put(&t, "gap ", i->gap, "");
	put_rate(&t, i);
	if (i->limit_packets) put(&t, "limit ", i->limit_packets, "");
	if (i->down) put_word(&t, "down");
	return t.len;
}

bool impair_is_clear(const struct impairment *i)
{
	return !i->delay_ns && !i->jitter_ns && !(i->loss > 0) && i->loss_model == IMPAIR_LOSS_RANDOM && !(i->duplicate > 0) && !(i->corrupt > 0) &&
	       !i->rate_bps && !i->down;
}
