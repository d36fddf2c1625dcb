/*
 * What was learnt about single destinations, beside the routes to them: path MTUs (pmtu.c), better first hops (redirect.c). Bounded, the oldest goes
 * first; and each entry ends by itself.
 */
#pragma once
#include "stack/core/stack.h"

struct dst_entry {                    /* what is learnt follows it */
	struct hash_node hash;
	struct list node;             /* dst_cache.oldest */
	struct addr dst;
	time_ns until;
};
struct dst_cache { struct hash by_addr; struct list oldest; uint32_t count; };

void dst_cache_init(struct dst_cache *c);
void dst_cache_free(struct dst_cache *c);
struct dst_entry *dst_cache_find(struct stack *s, struct dst_cache *c, const struct addr *dst);   /* NULL: there is none, or none any more */
/* A new one of `size` octets, the rest of them zero; its end is the caller's to set. NULL: no memory. */
struct dst_entry *dst_cache_add(struct stack *s, struct dst_cache *c, const struct addr *dst, size_t size);
