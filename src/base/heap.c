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
	free(h->places);
	heap_init(h);
}

static bool before(const struct heap_place *a, const struct heap_place *b)
{
	return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void place(struct heap *h, uint32_t i, struct heap_place p)
{
	h->places[i] = p;
	p.node->index = i + 1;
}

static void sift_up(struct heap *h, struct heap_place p)
{
	uint32_t i = p.node->index - 1;
	for (; i > 0 && before(&p, &h->places[(i - 1) / 2]); i = (i - 1) / 2)
		place(h, i, h->places[(i - 1) / 2]);
	place(h, i, p);
}

static void sift_down(struct heap *h, struct heap_place p)
{
	uint32_t i = p.node->index - 1;
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= h->count) break;
		if (child + 1 < h->count && before(&h->places[child + 1], &h->places[child])) child++;
		if (!before(&h->places[child], &p)) break;
		place(h, i, h->places[child]);
		i = child;
	}
	place(h, i, p);
}

/* Its place is the one that its node names: the node goes up from there, or else down. */
static void settle(struct heap *h, struct heap_place p)
{
	uint32_t i = p.node->index - 1;
	if (i > 0 && before(&p, &h->places[(i - 1) / 2])) sift_up(h, p);
	else sift_down(h, p);
}

static int reserve(struct heap *h)
{
	if (h->count < h->cap) return 0;
	if (h->cap > UINT32_MAX / 2) return -ENOMEM;
	uint32_t cap = h->cap ? h->cap * 2 : HEAP_MIN_CAP;
	struct heap_place *places = realloc(h->places, cap * sizeof *places);
	if (!places) return -ENOMEM;
	h->places = places;
	h->cap = cap;
	return 0;
}

int heap_insert(struct heap *h, struct heap_node *n, time_ns due)
{
	if (!heap_has(n)) {
		int err = reserve(h);
		if (err < 0) return err;
		n->index = ++h->count;
	}
	settle(h, (struct heap_place){n, due, h->next_order++});
	return 0;
}

void heap_remove(struct heap *h, struct heap_node *n)
{
	if (!heap_has(n)) return;
	struct heap_place last = h->places[--h->count];
	if (last.node != n) {
		last.node->index = n->index;
		settle(h, last);
	}
	n->index = 0;
}

struct heap_node *heap_min(const struct heap *h) { return h->count ? h->places[0].node : NULL; }
time_ns heap_min_due(const struct heap *h) { return h->count ? h->places[0].due : TIME_NEVER; }
uint64_t heap_min_order(const struct heap *h) { return h->count ? h->places[0].order : UINT64_MAX; }
