/* What was learnt about single destinations: dst_cache.h. */
#include "stack/inet/dst_cache.h"
#include <stdlib.h>

#define ENTRIES_MAX 1024              /* RFC 8201 §5.2 leaves the number to us */

void dst_cache_init(struct dst_cache *c)
{
	hash_init(&c->by_addr);
	list_init(&c->oldest);
}

static void forget(struct dst_cache *c, struct dst_entry *e)
{
	hash_remove(&c->by_addr, &e->hash);
	list_remove(&e->node);
	c->count--;
	free(e);
}

void dst_cache_free(struct dst_cache *c)
{
	while (!list_empty(&c->oldest))
		forget(c, list_first(&c->oldest, struct dst_entry, node));
	hash_free(&c->by_addr);
}

struct dst_entry *dst_cache_find(struct stack *s, struct dst_cache *c, const struct addr *dst)
{
	if (!c->count) return NULL;
	for (struct hash_node *n = hash_first(&c->by_addr, stack_hash(s, dst, sizeof *dst)); n; n = hash_next(n)) {
		struct dst_entry *e = container_of(n, struct dst_entry, hash);
		if (!addr_eq(&e->dst, dst)) continue;
		if (e->until > s->now) return e;
		forget(c, e);
		return NULL;
	}
	return NULL;
}

struct dst_entry *dst_cache_add(struct stack *s, struct dst_cache *c, const struct addr *dst, size_t size)
{
	struct dst_entry *e;

	if (c->count >= ENTRIES_MAX) forget(c, list_first(&c->oldest, struct dst_entry, node));
	e = calloc(1, size);
	if (!e) return NULL;
	if (hash_insert(&c->by_addr, &e->hash, stack_hash(s, dst, sizeof *dst)) < 0) {
		free(e);
		return NULL;
	}
	e->dst = *dst;
	list_append(&c->oldest, &e->node);
	c->count++;
	return e;
}
