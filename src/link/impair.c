/*
 * Impairments as words, in tc-netem's notation:
 *
 *     delay TIME [JITTER]   loss [random] PERCENT   rate RATE   limit PACKETS   down   up   clear
 *
 * A word is a row of the vocabulary. Words of netem that are not here (gemodel, distribution, correlations …) are refused by name.
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
static const struct unit loss_units[] = {{"%", 0.01}, {"", 0.01}, {NULL, 0}};
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

static bool read_delay(struct impairment *i, struct words *w)
{
	double delay, jitter = 0;
	if (!take_quantity(&delay, w, time_units, DELAY_MAX_NS)) return false;
	take_quantity(&jitter, w, time_units, DELAY_MAX_NS);
	i->delay_ns = (time_ns)(delay + 0.5);
	i->jitter_ns = (time_ns)(jitter + 0.5);
	return true;
}

static bool read_loss(struct impairment *i, struct words *w)
{
	if (peek(w) && strcmp(peek(w), "random") == 0) skip(w);
	return take_quantity(&i->loss, w, loss_units, 1);
}

static bool read_rate(struct impairment *i, struct words *w)
{
	double rate;
	if (!take_quantity(&rate, w, rate_units, RATE_MAX_BPS)) return false;
	i->rate_bps = (uint64_t)(rate + 0.5);
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
	{"delay", read_delay}, {"loss", read_loss}, {"rate", read_rate}, {"limit", read_limit},
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

size_t impair_text(const struct impairment *i, char *buf, size_t size)
{
	static const struct unit times[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {NULL, 0}};
	static const struct unit rates[] = {{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}, {NULL, 0}};
	struct text t = {buf, size, 0};
	if (size) buf[0] = 0;
	if (i->delay_ns || i->jitter_ns) put_scaled(&t, "delay ", (uint64_t)i->delay_ns, times);
	if (i->jitter_ns) put_scaled(&t, "", (uint64_t)i->jitter_ns, times);
	if (i->loss > 0) put(&t, "loss ", i->loss * 100, "%");
	if (i->rate_bps) put_scaled(&t, "rate ", i->rate_bps, rates);
	if (i->limit_packets) put(&t, "limit ", i->limit_packets, "");
	if (i->down) t.len += (size_t)snprintf(buf + MIN(t.len, size), size - MIN(t.len, size), "%sdown", t.len ? " " : "");
	return t.len;
}

bool impair_is_clear(const struct impairment *i)
{
	return !i->delay_ns && !i->jitter_ns && !(i->loss > 0) && !i->rate_bps && !i->down;
}
