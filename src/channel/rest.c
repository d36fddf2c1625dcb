/*
 * Rings that nothing happens in give their pages back, and keep their places and positions: see src/engine/idle.c for when. The pages of a
 * segment are free to go when all in it is read and nobody is in the middle of writing to it.
 */
#include "channel/pool.h"

static void seg_punch(struct seg_pool *p, uint32_t i)
{
	p->punch(p->user, ARENA_DATA_OFF + (uint64_t)p->segs[i].page * 4096, p->segs[i].size);
}

/* The words are believed: a program that lies about them loses its own octets. */
static bool seg_rest(struct seg_pool *p, uint32_t i)
{
	struct segment *s = arena_segment(p->arena, i);
	uint32_t tail = shared_get32(&s->tail), head = shared_get32(&s->head);
	if (((head - tail) & SEG_POS) != 0) return false;
	if (shared_get32(&s->cold) != 0) return true;
	seg_punch(p, i);
	shared_set32(&s->cold, 1);
	return true;
}

static uint32_t seg_stand(struct seg_pool *p, uint32_t i)
{
	struct segment *s = arena_segment(p->arena, i);
	return i + shared_get32(&s->head) + shared_get32(&s->tail);
}

uint32_t flow_stand(struct seg_pool *p, const struct rx_side *rx, const struct tx_side *tx)
{
	uint32_t sum = 0;
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow) sum += seg_stand(p, i);
	for (uint32_t i = tx->oldest; i != 0; i = i == tx->last ? 0 : p->segs[i].next) sum += seg_stand(p, i);
	return sum;
}

/* To an inbox: it is ended, and whoever was in there has left it. */
static bool nobody_writes(struct seg_pool *p, uint32_t i) { return !p->segs[i].inbox || (p->segs[i].ended && !seg_is_held(p, i)); }

bool rx_rest(struct seg_pool *p, const struct rx_side *rx)
{
	bool all = true;
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow)
		if (p->segs[i].refs == 1) all &= nobody_writes(p, i) && seg_rest(p, i);
	return all;
}

bool tx_rest(struct seg_pool *p, const struct tx_side *tx)
{
	bool all = true;
	for (uint32_t i = tx->oldest; i != 0; i = i == tx->last ? 0 : p->segs[i].next) all &= seg_rest(p, i);
	return all;
}

void pool_rest(struct seg_pool *p)
{
	for (size_t class = 0; class < ARRAY_SIZE(p->free); class++) {
		for (uint32_t i; (i = p->free[class].warm) != 0; p->free[class].n_warm--) {
			seg_punch(p, i);
			p->free[class].warm = p->segs[i].next;
			p->segs[i].next = p->free[class].cold;
			p->free[class].cold = i;
		}
	}
}
