/* Words that a user wrote, with numbers in tc's units, and a line of such words back. */
#pragma once
#include "base/types.h"

struct unit { const char *name; double factor; };   /* a table ends with a NULL name */
extern const struct unit time_units[], rate_units[], size_units[], percent_units[], no_units[];

bool quantity_parse(double *ret, const char *word, const struct unit *units, double max);   /* false: word (or NULL) is none, or above max */

/* The words still to be read. */
struct words { char *const *at; size_t left; };

const char *words_peek(const struct words *w);                       /* NULL at the end */
void words_skip(struct words *w);
bool words_take(double *ret, struct words *w, const struct unit *units, double max);
bool words_take_word(struct words *w, const char *word);

/* A line as it grows; len counts on when buf is full. */
struct line { char *buf; size_t size, len; };

void line_put(struct line *l, const char *word, double value, const char *unit);
/* In the largest of the units (largest first) that leaves a whole number. */
void line_put_scaled(struct line *l, const char *word, uint64_t value, const struct unit *units);
void line_put_time(struct line *l, const char *word, time_ns value);
void line_put_word(struct line *l, const char *word);
