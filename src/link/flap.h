/* A link that goes up and down again and again, in words: "up 2s down 500ms [jitter 20%]". The first one is how it begins. */
#pragma once
#include "base/random.h"

struct flap { time_ns up_ns, down_ns; bool begins_down; double jitter; };   /* jitter: each stay is longer or shorter by up to that share */

/* 0 or -EINVAL: then *ret_err_word is the word that is wrong, or n_words when something is missing. */
int flap_parse(struct flap *ret, size_t n_words, char *const *words, size_t *ret_err_word);
time_ns flap_stay(const struct flap *f, bool down, struct random *r);       /* how long it is so this time; at least FLAP_STAY_MIN */

#define FLAP_STAY_MIN (1 * NS_PER_MS)
