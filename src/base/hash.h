/*
 * Hash table of intrusive nodes, chained, growing by doubling. The caller supplies the hash (SipHash over what makes
 * the key, with the stack's secret) and the comparison; the table owns only its bucket array, never the nodes.
 */
#pragma once
#include "base/types.h"

struct hash_node { struct hash_node *next, **at; uint64_t hash; };   /* at: what points here, so that leaving a long chain is as cheap as a short one */
struct hash { struct hash_node **buckets; size_t n_buckets, count; };

void hash_init(struct hash *h);                          /* allocates nothing */
void hash_free(struct hash *h);                          /* the bucket array only */
int hash_insert(struct hash *h, struct hash_node *n, uint64_t hash); /* 0, or -ENOMEM when the first array cannot be had */
void hash_remove(struct hash *h, struct hash_node *n);   /* n must be in h */
struct hash_node *hash_first(const struct hash *h, uint64_t hash);   /* first node with this full hash, or NULL */
struct hash_node *hash_next(const struct hash_node *n);              /* next one with the same full hash, or NULL */
/* Walk of all nodes: start with NULL. Nodes must not be inserted meanwhile; the returned one may be removed after the next one is asked for. */
struct hash_node *hash_walk(const struct hash *h, const struct hash_node *after);
