/*
 * A seeded stream of pseudo-random numbers: the same seed gives the same numbers on every machine, and nobody who sees
 * some of them can tell the others without the seed.
 */
#pragma once
#include "base/siphash.h"
#include "base/types.h"

struct random { struct siphash_key key; uint64_t count; };

struct random random_seeded(uint64_t seed, const char *stream);   /* streams of one seed are told apart by name */
uint64_t random_next(struct random *r);
double random_unit(struct random *r);                             /* 0 <= x < 1 */
void random_fill(struct random *r, void *buf, size_t len);
