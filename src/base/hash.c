/*
 * Chained hash table of intrusive nodes. The bucket count is a power of two, doubled when the nodes outnumber it; a node
 * keeps its full hash, so that growing asks nobody to hash again and a chain can be searched without touching keys.
 */
#include "base/hash.h"
#include <errno.h>
#include <stdlib.h>

#define HASH_MIN_BUCKETS 16

void hash_init(struct hash *h) { *h = (struct hash){0}; }

void hash_free(struct hash *h)
{
	free(h->buckets);
	hash_init(h);
}

static struct hash_node **bucket_of(const struct hash *h, uint64_t hash) { return &h->buckets[hash & (h->n_buckets - 1)]; }

static void push(struct hash_node **at, struct hash_node *n)
{
	n->at = at;
	n->next = *at;
	if (n->next) n->next->at = &n->next;
	*at = n;
}

static int resize(struct hash *h, size_t n_buckets)
{
	struct hash bigger = {calloc(n_buckets, sizeof(struct hash_node *)), n_buckets, h->count};
	if (!bigger.buckets) return -ENOMEM;
	for (size_t i = 0; i < h->n_buckets; i++) {
		for (struct hash_node *n = h->buckets[i], *next; n; n = next) {
			next = n->next;
			push(bucket_of(&bigger, n->hash), n);
		}
	}
	free(h->buckets);
	*h = bigger;
	return 0;
}

int hash_insert(struct hash *h, struct hash_node *n, uint64_t hash)
{
	/* Later growth may fail without harm: chains get longer, that is all. */
	if (h->count >= h->n_buckets && resize(h, h->n_buckets ? h->n_buckets * 2 : HASH_MIN_BUCKETS) < 0 && !h->n_buckets)
		return -ENOMEM;
	n->hash = hash;
	push(bucket_of(h, hash), n);
	h->count++;
	return 0;
}

void hash_remove(struct hash *h, struct hash_node *n)
{
	*n->at = n->next;
	if (n->next) n->next->at = n->at;
	n->next = NULL;
	n->at = NULL;
	h->count--;
}

static struct hash_node *same_hash(struct hash_node *n, uint64_t hash)
{
	while (n && n->hash != hash)
		n = n->next;
	return n;
}

struct hash_node *hash_first(const struct hash *h, uint64_t hash)
{
	return h->n_buckets ? same_hash(*bucket_of(h, hash), hash) : NULL;
}

struct hash_node *hash_next(const struct hash_node *n) { return same_hash(n->next, n->hash); }

struct hash_node *hash_walk(const struct hash *h, const struct hash_node *after)
{
	if (after && after->next) return after->next;
	for (size_t i = after ? (after->hash & (h->n_buckets - 1)) + 1 : 0; i < h->n_buckets; i++)
		if (h->buckets[i]) return h->buckets[i];
	return NULL;
}
