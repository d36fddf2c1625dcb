/*
 * The segments of an arena: two sizes, cut from pages that none had before, and used again. What lies idle keeps its pages up to a limit. One whose lock a
 * program holds (inbox.h) waits until it has left.
 */
#include "channel/pool.h"
#include <errno.h>
#include <stdlib.h>

#define LARGE_PAGES (SEGMENT_LARGE / 4096)
#define SMALL_PAGES (SEGMENT_SMALL / 4096)
#define HELD_LOOKS 8u
#define WARM_BYTES ((uint32_t)16 << 20)    /* of each size: what may lie idle with its pages */

static const uint32_t class_size[2] = {SEGMENT_SMALL, SEGMENT_LARGE};

int pool_init(struct seg_pool *p, struct arena *a, void (*punch)(void *user, uint64_t offset, uint64_t len), void *user)
{
	*p = (struct seg_pool){.arena = a, .punch = punch, .user = user, .n_segs = 1, .max_segs = SEGMENT_MAX};
	p->segs = calloc(SEGMENT_MAX, sizeof *p->segs);
	return p->segs ? 0 : -ENOMEM;
}

void pool_destroy(struct seg_pool *p) { free(p->segs); }

static uint32_t free_pop(struct seg_pool *p, int class)
{
	uint32_t *head = p->free[class].warm != 0 ? &p->free[class].warm : &p->free[class].cold;
	uint32_t i = *head;
	if (i == 0) return 0;
	if (head == &p->free[class].warm) p->free[class].n_warm--;
	*head = p->segs[i].next;
	return i;
}

/* Pages that no segment had before. */
static bool pages_take(struct seg_pool *p, int class, uint32_t *ret_page)
{
	if (class == 1 || p->carve_left == 0) {
		if ((p->next_page + LARGE_PAGES) * 4096 > SEGMENT_DATA_MAX) return false;
		*ret_page = (uint32_t)p->next_page;
		p->next_page += LARGE_PAGES;
		if (class == 1) return true;
		p->carve_page = *ret_page;
		p->carve_left = LARGE_PAGES / SMALL_PAGES;
	}
	*ret_page = p->carve_page;
	p->carve_page += SMALL_PAGES;
	p->carve_left--;
	return true;
}

static void seg_recycle(struct seg_pool *p, uint32_t i)
{
	struct pool_seg *ps = &p->segs[i];
	int class = ps->size > SEGMENT_SMALL;
	bool warm = p->free[class].n_warm < WARM_BYTES / class_size[class];
	uint32_t *head = warm ? &p->free[class].warm : &p->free[class].cold;
	if (warm) p->free[class].n_warm++;
	else p->punch(p->user, ARENA_DATA_OFF + (uint64_t)ps->page * 4096, ps->size);
	ps->inbox = false;
	ps->next = *head;
	*head = i;
	p->in_use--;
}

/* Is a program in the middle of writing there, or was it stopped so? Asked after the end was set: who comes later sees that. */
bool seg_is_held(struct seg_pool *p, uint32_t i)
{
	return p->segs[i].inbox && shared_load32(&arena_segment(p->arena, i)->in.lock.word) != 0;
}

/* A few of those that waited for such a program. */
static void held_look(struct seg_pool *p)
{
	for (uint32_t *at = &p->held, n = 0; *at != 0 && n < HELD_LOOKS; n++) {
		uint32_t i = *at;
		if (seg_is_held(p, i)) {
			at = &p->segs[i].next;
			continue;
		}
		*at = p->segs[i].next;
		seg_recycle(p, i);
	}
}

uint32_t seg_alloc(struct seg_pool *p, uint32_t size)
{
	int class = size > SEGMENT_SMALL;
	held_look(p);
	uint32_t i = free_pop(p, class);
	if (i == 0) {
		uint32_t page;
		if (p->n_segs >= p->max_segs || !pages_take(p, class, &page)) return 0;
		i = p->n_segs++;
		p->segs[i].page = page;
		p->segs[i].size = class_size[class];
	}
	struct pool_seg *ps = &p->segs[i];
	struct segment *s = arena_segment(p->arena, i);
	*ps = (struct pool_seg){.page = ps->page, .size = ps->size, .serial = ps->serial + 1, .refs = 1};
	/* The same for each use of a number. A program that has not seen yet that this one was recycled may be looking: only what is wrong is written. */
	if (s->size != ps->size) s->size = ps->size;
	if (s->page != ps->page) s->page = ps->page;
	shared_set32(&s->serial, ps->serial);   /* before head: see inbox.c */
	_Atomic uint32_t *words[] = {&s->head, &s->next, &s->reader, &s->cold, &s->tail, &s->follow, &s->writer};
	for (size_t w = 0; w < ARRAY_SIZE(words); w++) shared_set32(words[w], 0);
	p->in_use++;
	return i;
}

void seg_free(struct seg_pool *p, uint32_t i)
{
	if (--p->segs[i].refs > 0) return;
	if (!seg_is_held(p, i)) {
		seg_recycle(p, i);
		return;
	}
	p->segs[i].next = p->held;
	p->held = i;
}

uint8_t *seg_data(struct seg_pool *p, uint32_t i) { return arena_data(p->arena, p->segs[i].page); }

/* The next one is named before: whoever sees the end finds the way on. What a program wrote up to here is its last word. */
void seg_end(struct seg_pool *p, uint32_t i, bool of_program)
{
	uint32_t head = shared_or32(&arena_segment(p->arena, i)->head, SEG_ENDED) & SEG_POS;
	if (of_program) p->segs[i].head = head;
	p->segs[i].ended = true;
}
