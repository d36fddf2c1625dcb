/*
 * Bitmaps of channels with a summary, shared between processes: many set bits, one takes them. The setter sets the bit and then the bit of its
 * word in the summary; the taker clears in the other order and looks again, so that no bit is lost whoever is interrupted where, but for a
 * setter that is killed between its two steps: then the next one who sets a bit of this word shows both, or a taker that scans every word.
 */
#pragma once
#include "channel/arena.h"
#include "channel/atomic.h"

struct bitmap { _Atomic uint64_t *summary, *bits; };

static inline void bitmap_set(struct bitmap m, uint32_t i)
{
	shared_or64(&m.bits[i / 64], (uint64_t)1 << i % 64);
	shared_or64(&m.summary[i / 4096], (uint64_t)1 << i / 64 % 64);
}

/* Hides word w from the summary when nothing is left in it. */
static inline void bitmap_settle(struct bitmap m, uint32_t w)
{
	uint64_t bit = (uint64_t)1 << w % 64;
	if (shared_get64(&m.bits[w]) != 0) return;
	shared_and64(&m.summary[w / 64], ~bit);
	if (shared_load64(&m.bits[w]) != 0) shared_or64(&m.summary[w / 64], bit);
}

/* The first word >= w that the summary shows; CHANNEL_MAX / 64 when there is none. */
static inline uint32_t bitmap_word(struct bitmap m, uint32_t w)
{
	while (w < CHANNEL_MAX / 64) {
		uint64_t s = shared_get64(&m.summary[w / 64]) >> w % 64;
		if (s != 0) return w + (uint32_t)__builtin_ctzll(s);
		w = (w / 64 + 1) * 64;
	}
	return w;
}

/* The next set bit >= from, cleared; 0 = none left. */
static inline uint32_t bitmap_take(struct bitmap m, uint32_t from)
{
	for (uint32_t w = bitmap_word(m, from / 64); w < CHANNEL_MAX / 64; w = bitmap_word(m, w + 1)) {
		uint64_t set = shared_get64(&m.bits[w]);
		if (w == from / 64) set &= ~(uint64_t)0 << from % 64;
		if (set == 0) {
			bitmap_settle(m, w);
			continue;
		}
		uint32_t bit = (uint32_t)__builtin_ctzll(set);
		shared_and64(&m.bits[w], ~((uint64_t)1 << bit));
		bitmap_settle(m, w);
		return w * 64 + bit;
	}
	return 0;
}

static inline bool bitmap_any(struct bitmap m)
{
	for (uint32_t i = 0; i < CHANNEL_MAX / 64 / 64; i++)
		if (shared_get64(&m.summary[i]) != 0) return true;
	return false;
}
