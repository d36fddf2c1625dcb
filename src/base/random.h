/*
 * A seeded stream of pseudo-random numbers for simulations: the same seed gives the same numbers on every machine. Not
 * for secrets: what must not be guessed comes from host_ops.random or siphash.
 */
#pragma once
#include "base/types.h"

struct random { uint64_t state; };

struct random random_seeded(uint64_t seed, const char *stream);   /* streams of one seed are told apart by name */
uint64_t random_next(struct random *r);
double random_unit(struct random *r);                             /* 0 <= x < 1 */
void random_fill(struct random *r, void *buf, size_t len);
