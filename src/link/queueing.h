/* A queue discipline in tc's words. */
#pragma once
#include "link/impair.h"
#include "link/words.h"

bool queueing_is_word(const char *word);
bool queueing_read(struct queueing *ret, struct words *w);             /* its name and what belongs to it; false: w stands at what is wrong */
void queueing_put(struct line *l, const struct queueing *q);

uint32_t queueing_limit(const struct impairment *i);                   /* packets */

/* What red works with, made of what was said as tc does; avg_shift is what an average forgets at each packet, as a power of two. */
struct red_figures { uint32_t min, max, avpkt; unsigned avg_shift; };
bool red_figures(struct red_figures *ret, const struct queueing *q, uint32_t limit_packets);   /* false: no average follows so short a burst */
bool queueing_is_sound(const struct queueing *q, uint32_t limit_packets);
