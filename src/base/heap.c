/*
 * Binary heap in an array: the parent of place i is (i - 1) / 2. Each node knows its place, so that one in the middle can
 * be moved or removed in O(log n). Equal due times are told apart by a count of insertions, which makes the order total.
 */
#include "base/heap.h"
#include <errno.h>
#include <stdlib.h>

#define HEAP_MIN_CAP 16

void heap_init(struct heap *h) { *h = (struct heap){0}; }

void heap_free(struct heap *h)
{
	free(h->nodes);
	heap_init(h);
}

static bool before(const struct heap_node *a, const struct heap_node *b)
{
	return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void place(struct heap *h, uint32_t i, struct heap_node *n)
{
	h->nodes[i] = n;
	n->index = i + 1;
}

static void sift_up(struct heap *h, struct heap_node *n)
{
	uint32_t i = n->index - 1;
	for (; i > 0 && before(n, h->nodes[(i - 1) / 2]); i = (i - 1) / 2)
		place(h, i, h->nodes[(i - 1) / 2]);
	place(h, i, n);
}

static void sift_down(struct heap *h, struct heap_node *n)
{
	uint32_t i = n->index - 1;
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= h->count) break;
		if (child + 1 < h->count && before(h->nodes[child + 1], h->nodes[child])) child++;
		if (!before(h->nodes[child], n)) break;
		place(h, i, h->nodes[child]);
		i = child;
	}
	place(h, i, n);
}

static int reserve(struct heap *h)
{
	if (h->count < h->cap) return 0;
	if (h->cap > UINT32_MAX / 2) return -ENOMEM;
	uint32_t cap = h->cap ? h->cap * 2 : HEAP_MIN_CAP;
	struct heap_node **nodes = realloc(h->nodes, cap * sizeof(struct heap_node *));
	if (!nodes) return -ENOMEM;
	h->nodes = nodes;
	h->cap = cap;
	return 0;
}

int heap_insert(struct heap *h, struct heap_node *n, time_ns due)
{
	if (!heap_has(n)) {
		int err = reserve(h);
		if (err < 0) return err;
		place(h, h->count++, n);
	}
	n->due = due;
	n->order = h->next_order++;
	sift_up(h, n);
	sift_down(h, n);
	return 0;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	if (!heap_has(n)) return;
	struct heap_node *last = h->nodes[--h->count];
	if (last != n) {
		place(h, n->index - 1, last);
		sift_up(h, last);
		sift_down(h, last);
	}
	n->index = 0;
}

struct heap_node *heap_min(const struct heap *h) { return h->count ? h->nodes[0] : NULL; }
