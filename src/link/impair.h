/* Impairment of one direction of a link, in tc-netem's words and units. Randomness comes from the net's seed, a stream for each direction. */
#pragma once
#include "base/types.h"

struct impairment {
	time_ns delay_ns, jitter_ns;
	double loss;                  /* probability, 0..1 */
	uint64_t rate_bps;            /* bits a second, 0 = unlimited */
	uint32_t limit_packets;       /* queue behind delay and rate; 0 = 1000, as netem */
	bool down;
};

/* Reads netem words: "delay 40ms 5ms loss 1% rate 10mbit limit 100 down up clear"; words not named keep their value, and on error all do.
 * Units as tc: a bare time is in microseconds, a bare rate in bits a second, a bare loss in percent.
 * err_word tells which word is wrong. 0 or -EINVAL. */
int impair_parse(struct impairment *i, size_t n_words, char *const *words, size_t *ret_err_word);
size_t impair_text(const struct impairment *i, char *buf, size_t size);   /* the same words back */
bool impair_is_clear(const struct impairment *i);                         /* nothing set: fit for the direct path */
