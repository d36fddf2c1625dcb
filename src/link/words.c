/* Numbers with tc's units, read from words and written back. */
#include "link/words.h"
#include <stdio.h>
#include <strings.h>

const struct unit time_units[] = {
	{"s", 1e9}, {"sec", 1e9}, {"secs", 1e9}, {"ms", 1e6}, {"msec", 1e6}, {"msecs", 1e6},
	{"us", 1e3}, {"usec", 1e3}, {"usecs", 1e3}, {"", 1e3}, {"ns", 1}, {"nsec", 1}, {"nsecs", 1}, {NULL, 0},
};
/* tc writes octets a second as "bps". */
const struct unit rate_units[] = {
	{"", 1}, {"bit", 1}, {"kbit", 1e3}, {"mbit", 1e6}, {"gbit", 1e9}, {"tbit", 1e12},
	{"kibit", 1024.0}, {"mibit", 1048576.0}, {"gibit", 1073741824.0}, {"tibit", 1099511627776.0},
	{"bps", 8}, {"kbps", 8e3}, {"mbps", 8e6}, {"gbps", 8e9}, {"tbps", 8e12},
	{"kibps", 8192.0}, {"mibps", 8388608.0}, {"gibps", 8589934592.0}, {"tibps", 8796093022208.0}, {NULL, 0},
};
/* Octets; k and m are powers of 1024 there. */
const struct unit size_units[] = {
	{"", 1}, {"b", 1}, {"k", 1024.0}, {"kb", 1024.0}, {"m", 1048576.0}, {"mb", 1048576.0}, {"kbit", 128.0}, {"mbit", 131072.0}, {NULL, 0},
};
const struct unit percent_units[] = {{"%", 0.01}, {"", 0.01}, {NULL, 0}};
const struct unit no_units[] = {{"", 1}, {NULL, 0}};

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

bool quantity_parse(double *ret, const char *word, const struct unit *units, double max)
{
	double v;
	const char *unit = word ? parse_number(&v, word) : NULL;
	const struct unit *table = units;
	if (!unit) return false;
	for (; units->name; units++) {
		if (strcasecmp(unit, units->name) != 0) continue;
		v *= units->factor;
		if (!(v <= max) || (table == no_units && v != (double)(uint64_t)v)) return false;   /* what has no unit is counted */
		*ret = v;
		return true;
	}
	return false;
}

const char *words_peek(const struct words *w) { return w->left ? w->at[0] : NULL; }

void words_skip(struct words *w)
{
	w->at++;
	w->left--;
}

bool words_take(double *ret, struct words *w, const struct unit *units, double max)
{
	if (!quantity_parse(ret, words_peek(w), units, max)) return false;
	words_skip(w);
	return true;
}

bool words_take_word(struct words *w, const char *word)
{
	if (!words_peek(w) || strcmp(words_peek(w), word) != 0) return false;
	words_skip(w);
	return true;
}

/* ---- back to words ---- */

void line_put(struct line *l, const char *word, double value, const char *unit)
{
	size_t at = MIN(l->len, l->size);
	int n = snprintf(l->buf + at, l->size - at, "%s%s%.12g%s", l->len ? " " : "", word, value, unit);
	l->len += (size_t)n;
}

void line_put_scaled(struct line *l, const char *word, uint64_t value, const struct unit *units)
{
	while (units[1].name && value % (uint64_t)units->factor)
		units++;
	line_put(l, word, (double)value / units->factor, units->name);
}

void line_put_time(struct line *l, const char *word, time_ns value)
{
	static const struct unit times[] = {{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}, {NULL, 0}};
	line_put_scaled(l, word, (uint64_t)value, times);
}

void line_put_word(struct line *l, const char *word)
{
	size_t at = MIN(l->len, l->size);
	l->len += (size_t)snprintf(l->buf + at, l->size - at, "%s%s", l->len ? " " : "", word);
}
