/* The engine's side of a channel: see engine_side.h. */
#include "channel/engine_side.h"
#include <errno.h>
#include <stdlib.h>

#define LARGE_PAGES (SEGMENT_LARGE / 4096)
#define SMALL_PAGES (SEGMENT_SMALL / 4096)
#define WARM_BYTES ((uint32_t)16 << 20)    /* of each size: what may lie idle with its pages */

static const uint32_t class_size[2] = {SEGMENT_SMALL, SEGMENT_LARGE};

int pool_init(struct seg_pool *p, struct arena *a, void (*punch)(void *user, uint64_t offset, uint64_t len), void *user)
{
	*p = (struct seg_pool){.arena = a, .punch = punch, .user = user, .n_segs = 1};
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

static uint32_t seg_alloc(struct seg_pool *p, uint32_t size)
{
	int class = size > SEGMENT_SMALL;
	uint32_t i = free_pop(p, class);
	if (i == 0) {
		uint32_t page;
		if (p->n_segs == SEGMENT_MAX || !pages_take(p, class, &page)) return 0;
		i = p->n_segs++;
		p->segs[i].page = page;
		p->segs[i].size = class_size[class];
	}
	struct pool_seg *ps = &p->segs[i];
	struct segment *s = arena_segment(p->arena, i);
	ps->next = ps->head = ps->tail = 0;
	s->size = ps->size;
	s->page = ps->page;
	shared_set32(&s->next, 0);
	shared_set32(&s->head, 0);
	shared_set32(&s->tail, 0);
	p->in_use++;
	return i;
}

static void seg_free(struct seg_pool *p, uint32_t i)
{
	struct pool_seg *ps = &p->segs[i];
	int class = ps->size > SEGMENT_SMALL;
	bool warm = p->free[class].n_warm < WARM_BYTES / class_size[class];
	uint32_t *head = warm ? &p->free[class].warm : &p->free[class].cold;
	if (warm) p->free[class].n_warm++;
	else p->punch(p->user, ARENA_DATA_OFF + (uint64_t)ps->page * 4096, ps->size);
	ps->next = *head;
	*head = i;
	p->in_use--;
}

static uint8_t *seg_data(struct seg_pool *p, uint32_t i) { return arena_data(p->arena, p->segs[i].page); }

/* ---- rx ---- */

/* Whether segment i is in the chain from first on. */
static bool chain_has(const struct seg_pool *p, uint32_t first, uint32_t i)
{
	while (first != 0 && first != i) first = p->segs[first].next;
	return first != 0;
}

int64_t rx_progress(struct seg_pool *p, struct direction *d, struct rx_side *rx)
{
	int64_t consumed = 0;
	if (rx->first == 0) return 0;
	uint32_t reading = shared_get32(&d->read_seg);
	if (!chain_has(p, rx->first, reading)) return -EPROTO;
	while (rx->first != reading) {
		uint32_t i = rx->first;
		consumed += p->segs[i].head - p->segs[i].tail;
		rx->first = p->segs[i].next;
		seg_free(p, i);
	}
	struct pool_seg *ps = &p->segs[rx->first];
	uint32_t tail = shared_get32(&arena_segment(p->arena, rx->first)->tail);
	if (ps->head - tail > ps->head - ps->tail) return -EPROTO;
	consumed += tail - ps->tail;
	ps->tail = tail;
	return consumed;
}

uint32_t rx_used(const struct seg_pool *p, const struct rx_side *rx)
{
	uint32_t used = 0;
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].next) used += p->segs[i].head - p->segs[i].tail;
	return used;
}

static int rx_grow(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint32_t size)
{
	uint32_t i = seg_alloc(p, size);
	if (i == 0) return -ENOBUFS;
	if (rx->first == 0) {
		rx->first = i;
		shared_set32(&d->read_seg, i);
	} else {
		p->segs[rx->last].next = i;
		shared_set32(&arena_segment(p->arena, rx->last)->next, i);
	}
	rx->last = i;
	shared_set32(&d->write_seg, i);
	return 0;
}

static uint32_t rx_room(const struct seg_pool *p, const struct rx_side *rx)
{
	const struct pool_seg *ps = &p->segs[rx->last];
	return rx->last != 0 ? ps->size - (ps->head - ps->tail) : 0;
}

int rx_span(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint8_t **ret_at, size_t *ret_len)
{
	uint32_t room = rx_room(p, rx);
	if (room == 0) {
		int err = rx_grow(p, d, rx, rx->last != 0 ? SEGMENT_LARGE : SEGMENT_SMALL);
		if (err < 0) return err;
		room = rx_room(p, rx);
	}
	const struct pool_seg *ps = &p->segs[rx->last];
	uint32_t off = ps->head & (ps->size - 1);
	*ret_at = seg_data(p, rx->last) + off;
	*ret_len = MIN(room, ps->size - off);
	return 0;
}

void rx_commit(struct seg_pool *p, struct rx_side *rx, size_t n)
{
	struct pool_seg *ps = &p->segs[rx->last];
	ps->head += (uint32_t)n;
	shared_set32(&arena_segment(p->arena, rx->last)->head, ps->head);
}

int rx_put(struct seg_pool *p, struct direction *d, struct rx_side *rx, const struct part *parts, size_t n_parts, size_t total)
{
	if (total > SEGMENT_LARGE) return -ENOBUFS;
	if (rx_room(p, rx) < total) {
		int err = rx_grow(p, d, rx, rx->last != 0 || total > SEGMENT_SMALL ? SEGMENT_LARGE : SEGMENT_SMALL);
		if (err < 0) return err;
	}
	const struct pool_seg *ps = &p->segs[rx->last];
	uint32_t pos = ps->head;
	for (size_t i = 0; i < n_parts; i++) {
		uint32_t off = pos & (ps->size - 1);
		size_t first = MIN(parts[i].len, ps->size - off);
		if (first > 0) memcpy(seg_data(p, rx->last) + off, parts[i].data, first);
		if (parts[i].len > first) memcpy(seg_data(p, rx->last), (const uint8_t *)parts[i].data + first, parts[i].len - first);
		pos += (uint32_t)parts[i].len;
	}
	rx_commit(p, rx, total);
	return 0;
}

void rx_release(struct seg_pool *p, struct rx_side *rx)
{
	while (rx->first != 0) {
		uint32_t i = rx->first;
		rx->first = p->segs[i].next;
		seg_free(p, i);
	}
	rx->last = 0;
}

/* ---- tx ---- */

int tx_start(struct seg_pool *p, struct direction *d, struct tx_side *tx)
{
	tx->seg = seg_alloc(p, SEGMENT_SMALL);
	if (tx->seg == 0) return -ENOBUFS;
	shared_set32(&d->read_seg, tx->seg);
	shared_set32(&d->write_seg, tx->seg);
	return 0;
}

/* Octets written and not consumed, or -EPROTO. */
static int64_t tx_used(struct seg_pool *p, struct tx_side *tx)
{
	const struct pool_seg *ps = &p->segs[tx->seg];
	uint32_t used = shared_get32(&arena_segment(p->arena, tx->seg)->head) - ps->tail;
	return used <= ps->size ? (int64_t)used : -EPROTO;
}

/* Follows a drained segment to the one on offer, when the program has linked it: 1, 0 when it has not, or -EPROTO. */
static int tx_follow(struct seg_pool *p, struct direction *d, struct tx_side *tx)
{
	uint32_t next = shared_get32(&arena_segment(p->arena, tx->seg)->next);
	if (next == 0) return 0;
	if (next != tx->offered) return -EPROTO;
	int64_t used = tx_used(p, tx);     /* what was written between the look at head and the one at next */
	if (used != 0) return used < 0 ? (int)used : 1;
	seg_free(p, tx->seg);
	tx->seg = next;
	tx->offered = 0;
	shared_set32(&d->read_seg, next);
	return 1;
}

int tx_span(struct seg_pool *p, struct direction *d, struct tx_side *tx, const uint8_t **ret_at, size_t *ret_len, uint32_t *ret_used)
{
	int64_t used = 0;
	int more = tx->seg != 0;
	while (more == 1 && (used = tx_used(p, tx)) == 0) more = tx_follow(p, d, tx);
	if (used < 0 || more < 0) return -EPROTO;
	const struct pool_seg *ps = &p->segs[tx->seg];
	uint32_t off = used > 0 ? ps->tail & (ps->size - 1) : 0;
	*ret_at = seg_data(p, tx->seg) + off;
	*ret_len = used > 0 ? MIN((uint32_t)used, ps->size - off) : 0;
	*ret_used = (uint32_t)used;
	return 0;
}

void tx_consume(struct seg_pool *p, struct tx_side *tx, size_t n)
{
	struct pool_seg *ps = &p->segs[tx->seg];
	ps->tail += (uint32_t)n;
	shared_set32(&arena_segment(p->arena, tx->seg)->tail, ps->tail);
}

bool tx_offer(struct seg_pool *p, struct direction *d, struct tx_side *tx)
{
	if (tx->seg == 0 || tx->offered != 0 || p->segs[tx->seg].size >= SEGMENT_LARGE) return false;
	tx->offered = seg_alloc(p, SEGMENT_LARGE);
	if (tx->offered == 0) return false;
	shared_set32(&d->spare, tx->offered);
	return true;
}

uint32_t tx_size(const struct seg_pool *p, const struct tx_side *tx) { return tx->seg != 0 ? p->segs[tx->seg].size : 0; }

uint32_t tx_pending(struct seg_pool *p, struct tx_side *tx)
{
	int64_t used = tx->seg != 0 ? tx_used(p, tx) : 0;
	return used > 0 ? (uint32_t)used : 0;
}

void tx_release(struct seg_pool *p, struct tx_side *tx)
{
	if (tx->seg != 0) seg_free(p, tx->seg);
	if (tx->offered != 0) seg_free(p, tx->offered);
	*tx = (struct tx_side){0};
}
