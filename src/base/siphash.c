/*
 * SipHash-2-4: a short-input keyed hash that an attacker who can't see the key can't steer, so that nobody outside can
 * pile entries on one bucket, or guess a port or sequence number that was derived from it.
 *
 * Read first: Aumasson, Bernstein, "SipHash: a fast short-input PRF", §2.
 */
#include "base/siphash.h"

struct state { uint64_t v0, v1, v2, v3; };

static inline uint64_t rotl(uint64_t x, unsigned n) { return x << n | x >> (64 - n); }

/* Little-endian, so that the result is the same on every machine. Written out, for compilers make one load of it. */
static inline uint64_t load_word(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
	       (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* The last octets of the message, fewer than eight, and its length on top. */
static uint64_t load_last(const uint8_t *p, size_t n, size_t len)
{
	uint64_t v = (uint64_t)len << 56;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline void round_once(struct state *s)
{
	s->v0 += s->v1; s->v1 = rotl(s->v1, 13); s->v1 ^= s->v0; s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3; s->v3 = rotl(s->v3, 16); s->v3 ^= s->v2;
	s->v0 += s->v3; s->v3 = rotl(s->v3, 21); s->v3 ^= s->v0;
	s->v2 += s->v1; s->v1 = rotl(s->v1, 17); s->v1 ^= s->v2; s->v2 = rotl(s->v2, 32);
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	round_once(s);
	round_once(s);
	s->v0 ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
	struct state s = {
		key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
		key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573,
	};
	const uint8_t *p = data;
	size_t left = len;
	for (; left >= 8; p += 8, left -= 8)
		absorb(&s, load_word(p));
	absorb(&s, load_last(p, left, len));
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		round_once(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
