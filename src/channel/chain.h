/* Chains of segments as the program's side walks them: for its files alone. */
#pragma once
#include "channel/atomic.h"
#include "channel/channel.h"

#define WALK_MAX 4096   /* segments that one look passes: a chain that changes underfoot must not hold us */

static inline struct segment *segment_at(struct arena *a, uint32_t i) { return i != 0 && i < SEGMENT_MAX ? arena_segment(a, i) : NULL; }

/* Never more than there can be: what a peer has written may be wrong, and shall harm only the octets. */
static inline uint32_t used_between(const struct segment *s, uint32_t head, uint32_t tail) { return MIN((head - tail) & SEG_POS, s->size); }

static inline uint32_t segment_used(struct segment *s)
{
	uint32_t tail = shared_get32(&s->tail);
	return used_between(s, shared_get32(&s->head), tail);
}

/* From s on, with something to read; NULL: none. It is said where the reader is. */
struct segment *rx_follow(struct arena *a, struct direction *d, struct segment *s);
struct segment *rx_first(struct arena *a, struct direction *d);                        /* the same from where the reader is */
/* The segment to write to: the end of the chain, as far as it is known. Whoever holds the lock says where it has come. */
struct segment *tx_end(struct arena *a, struct direction *d, bool locked);
void tx_starve(struct direction *d, uint32_t how);   /* before "no room" is said, and before the second look that this needs */
