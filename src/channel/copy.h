/* Octets into and out of a segment's ring, from a position on: for the program's side, which may believe what stands there. */
#pragma once
#include "channel/arena.h"

static inline void segment_copy_out(struct arena *a, const struct segment *s, uint32_t pos, void *to, size_t n)
{
	if (n == 0) return;
	uint32_t off = pos & (s->size - 1);
	size_t first = MIN(n, s->size - off);
	memcpy(to, arena_data(a, s->page) + off, first);
	if (n > first) memcpy((uint8_t *)to + first, arena_data(a, s->page), n - first);
}

static inline void segment_copy_in(struct arena *a, const struct segment *s, uint32_t pos, const void *from, size_t n)
{
	if (n == 0) return;
	uint32_t off = pos & (s->size - 1);
	size_t first = MIN(n, s->size - off);
	memcpy(arena_data(a, s->page) + off, from, first);
	if (n > first) memcpy(arena_data(a, s->page), (const uint8_t *)from + first, n - first);
}
