/*
 * SplitMix64: a counter with an odd step, and a mixing function over it. Passes the usual tests, has one word of state,
 * and any two starting points give streams that are good enough apart.
 *
 * Read first: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
 */
#include "base/random.h"
#include "base/siphash.h"

struct random random_seeded(uint64_t seed, const char *stream)
{
	struct siphash_key key = {seed, 0};
	return (struct random){siphash(&key, stream, strlen(stream))};
}

uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

double random_unit(struct random *r)
{
	return (double)(random_next(r) >> 11) * 0x1p-53;
}

void random_fill(struct random *r, void *buf, size_t len)
{
	uint8_t *p = buf;
	for (size_t i = 0; i < len; i += 8) {
		uint64_t v = random_next(r);
		for (size_t j = i; j < MIN(i + 8, len); j++, v >>= 8)
			p[j] = (uint8_t)v;
	}
}
