/*
 * SipHash in counter mode. A stack draws its hash secret and port numbers from such a stream, so mere statistical quality
 * would not do: from one output of a plain generator all others follow.
 */
#include "base/random.h"

struct random random_seeded(uint64_t seed, const char *stream)
{
	size_t len = strlen(stream);
	struct siphash_key first = {seed, 0}, second = {seed, 1};
	return (struct random){.key = {siphash(&first, stream, len), siphash(&second, stream, len)}};
}

uint64_t random_next(struct random *r)
{
	uint8_t count[8];
	write32(count, (uint32_t)(r->count >> 32));
	write32(count + 4, (uint32_t)r->count++);
	return siphash(&r->key, count, sizeof count);
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
