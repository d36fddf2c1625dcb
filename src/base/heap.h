/*
 * Binary heap of intrusive nodes ordered by (due, order of insertion): timers due together fire in the order they were set. What only a node in the
 * heap needs is kept in the array: there are many more that are not.
 */
#pragma once
#include "base/types.h"

struct heap_node { uint32_t index; };            /* 1 + place in the array, 0 = not in the heap */
struct heap_place { struct heap_node *node; time_ns due; uint64_t order; };   /* order: how many were inserted before */
struct heap { struct heap_place *places; uint32_t count, cap; uint64_t next_order; };

void heap_init(struct heap *h);
void heap_free(struct heap *h);                                        /* the array, not the nodes */
int heap_insert(struct heap *h, struct heap_node *n, time_ns due);     /* moves n when it is in already; 0 or -ENOMEM */
void heap_remove(struct heap *h, struct heap_node *n);                 /* harmless when n is not in */
struct heap_node *heap_min(const struct heap *h);                      /* NULL when empty */
time_ns heap_min_due(const struct heap *h);                            /* when that is; TIME_NEVER when empty */
uint64_t heap_min_order(const struct heap *h);                         /* when heap_min() was inserted, as next_order counts */
static inline bool heap_has(const struct heap_node *n) { return n->index != 0; }
/* TIME_NEVER when it is not in h. */
static inline time_ns heap_due(const struct heap *h, const struct heap_node *n) { return heap_has(n) ? h->places[n->index - 1].due : TIME_NEVER; }
