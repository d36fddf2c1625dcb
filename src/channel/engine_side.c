/* The engine's side of a channel: see engine_side.h. */
#include "channel/engine_side.h"
#include <errno.h>
#include "channel/pool.h"

/* ---- rx ---- */

/* Whether segment i is in the chain from first on. */
static bool rx_has(const struct seg_pool *p, uint32_t first, uint32_t i)
{
	while (first != 0 && first != i) first = p->segs[first].follow;
	return first != 0;
}

/* A shared segment's words are the programs' own business: what can't be counts as what can. */
uint32_t seg_shared_used(struct seg_pool *p, uint32_t i)
{
	struct segment *s = arena_segment(p->arena, i);
	uint32_t tail = shared_get32(&s->tail), used = (shared_get32(&s->head) - tail) & SEG_POS;
	return MIN(used, p->segs[i].size);
}

int64_t rx_progress(struct seg_pool *p, struct direction *d, struct rx_side *rx)
{
	int64_t consumed = 0;
	if (rx->first == 0) return 0;
	uint32_t reading = shared_get32(&d->read_seg);
	if (!rx_has(p, rx->first, reading)) return -EPROTO;
	while (rx->first != reading) {
		struct pool_seg *ps = &p->segs[rx->first];
		uint32_t i = rx->first;
		if (!ps->ended) return -EPROTO;
		if (!ps->shared) consumed += (ps->head - ps->tail) & SEG_POS;
		rx->first = ps->follow;
		seg_free(p, i);
	}
	struct pool_seg *ps = &p->segs[rx->first];
	if (ps->shared) return consumed;
	uint32_t tail = shared_get32(&arena_segment(p->arena, rx->first)->tail);
	if (((ps->head - tail) & SEG_POS) > ((ps->head - ps->tail) & SEG_POS)) return -EPROTO;
	consumed += (tail - ps->tail) & SEG_POS;
	ps->tail = tail & SEG_POS;
	return consumed;
}

uint32_t rx_used(struct seg_pool *p, const struct rx_side *rx)
{
	uint32_t used = 0;
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow)
		used += p->segs[i].shared ? seg_shared_used(p, i) : (p->segs[i].head - p->segs[i].tail) & SEG_POS;
	return used;
}

void rx_append(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint32_t i)
{
	if (rx->first == 0) {
		rx->first = i;
		shared_set32(&d->read_seg, i);
	} else {
		p->segs[rx->last].follow = i;
		shared_set32(&arena_segment(p->arena, rx->last)->follow, i);
		if (!p->segs[rx->last].ended) seg_end(p, rx->last, p->segs[rx->last].shared);
	}
	rx->last = i;
}

static int rx_grow(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint32_t size)
{
	if (rx->last != 0 && p->segs[rx->last].shared && !p->segs[rx->last].ended) return -EBUSY;
	uint32_t i = seg_alloc(p, size);
	if (i == 0) return -ENOBUFS;
	rx_append(p, d, rx, i);
	return 0;
}

static uint32_t rx_room(const struct seg_pool *p, const struct rx_side *rx)
{
	const struct pool_seg *ps = &p->segs[rx->last];
	return rx->last != 0 && !ps->shared ? ps->size - ((ps->head - ps->tail) & SEG_POS) : 0;
}

int rx_span(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint8_t **ret_at, size_t *ret_len)
{
	uint32_t room = rx_room(p, rx);
	if (room == 0) {
		int err = rx_grow(p, d, rx, rx->last != 0 && !p->segs[rx->last].shared ? SEGMENT_LARGE : SEGMENT_SMALL);
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
	ps->head = (ps->head + (uint32_t)n) & SEG_POS;
	shared_set32(&arena_segment(p->arena, rx->last)->cold, 0);
	shared_set32(&arena_segment(p->arena, rx->last)->head, ps->head);
}

int rx_put(struct seg_pool *p, struct direction *d, struct rx_side *rx, const struct part *parts, size_t n_parts, size_t total)
{
	if (total > SEGMENT_LARGE) return -ENOBUFS;
	if (rx_room(p, rx) < total) {
		bool outgrown = rx->last != 0 && !p->segs[rx->last].shared;
		int err = rx_grow(p, d, rx, outgrown || total > SEGMENT_SMALL ? SEGMENT_LARGE : SEGMENT_SMALL);
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
		rx->first = p->segs[i].follow;
		seg_free(p, i);
	}
	rx->last = 0;
}

/* ---- tx ---- */

int tx_start(struct seg_pool *p, struct direction *d, struct tx_side *tx)
{
	uint32_t i = seg_alloc(p, SEGMENT_SMALL);
	if (i == 0) return -ENOBUFS;
	*tx = (struct tx_side){.oldest = i, .first = i, .last = i};
	shared_set32(&d->read_seg, i);
	shared_set32(&d->write_seg, i);
	return 0;
}

/* Octets written and not consumed, or -EPROTO. */
static int64_t tx_used(struct seg_pool *p, struct tx_side *tx)
{
	const struct pool_seg *ps = &p->segs[tx->first];
	uint32_t head = ps->ended ? ps->head : shared_get32(&arena_segment(p->arena, tx->first)->head), used = (head - ps->tail) & SEG_POS;
	return used <= ps->size && (ps->ended || !(head & SEG_ENDED)) ? (int64_t)used : -EPROTO;
}

int tx_retire(struct seg_pool *p, struct direction *d, struct tx_side *tx)
{
	if (tx->oldest == tx->last) return 0;
	uint32_t writing = shared_get32(&d->write_seg), i = tx->oldest;
	while (i != 0 && i != writing) i = p->segs[i].next;
	if (i == 0) return -EPROTO;
	while (tx->oldest != writing && tx->oldest != tx->first) {
		i = tx->oldest;
		tx->oldest = p->segs[i].next;
		seg_free(p, i);
	}
	return 0;
}

static void tx_advance(struct seg_pool *p, struct direction *d, struct tx_side *tx)
{
	tx->first = p->segs[tx->first].next;
	shared_set32(&d->read_seg, tx->first);
}

int tx_span(struct seg_pool *p, struct direction *d, struct tx_side *tx, const uint8_t **ret_at, size_t *ret_len, uint32_t *ret_used)
{
	int64_t used = 0;
	*ret_len = *ret_used = 0;
	if (tx->first == 0) return 0;
	if (tx_retire(p, d, tx) < 0) return -EPROTO;
	if (tx->held) return 0;
	while ((used = tx_used(p, tx)) == 0 && tx->first != tx->last) tx_advance(p, d, tx);
	if (used < 0) return -EPROTO;
	const struct pool_seg *ps = &p->segs[tx->first];
	uint32_t off = ps->tail & (ps->size - 1);
	*ret_at = seg_data(p, tx->first) + off;
	*ret_len = MIN((uint32_t)used, ps->size - off);
	*ret_used = (uint32_t)used;
	return 0;
}

void tx_consume(struct seg_pool *p, struct tx_side *tx, size_t n)
{
	struct pool_seg *ps = &p->segs[tx->first];
	ps->tail = (ps->tail + (uint32_t)n) & SEG_POS;
	shared_set32(&arena_segment(p->arena, tx->first)->tail, ps->tail);
}

/* The program goes on in segment i. */
static void tx_append(struct seg_pool *p, struct tx_side *tx, uint32_t i)
{
	p->segs[tx->last].next = i;
	shared_set32(&arena_segment(p->arena, tx->last)->next, i);
	seg_end(p, tx->last, true);
	tx->last = i;
}

bool tx_grow(struct seg_pool *p, struct direction *d, struct tx_side *tx)
{
	(void)d;
	if (tx->first == 0 || tx->held || tx->first != tx->last || p->segs[tx->last].size >= SEGMENT_LARGE) return false;
	uint32_t i = seg_alloc(p, SEGMENT_LARGE);
	if (i == 0) return false;
	tx_append(p, tx, i);
	return true;
}

uint32_t tx_size(const struct seg_pool *p, const struct tx_side *tx) { return tx->first == tx->last ? p->segs[tx->first].size : 0; }

uint32_t tx_pending(struct seg_pool *p, struct tx_side *tx)
{
	int64_t used = tx->first != 0 && !tx->held ? tx_used(p, tx) : 0;
	return used > 0 ? (uint32_t)used : 0;
}

void tx_release(struct seg_pool *p, struct tx_side *tx)
{
	while (tx->oldest != 0) {
		uint32_t i = tx->oldest;
		tx->oldest = i == tx->last ? 0 : p->segs[i].next;
		seg_free(p, i);
	}
	*tx = (struct tx_side){0};
}

/* ---- both: the direct path ---- */

void direct_link(struct seg_pool *p, uint32_t i, uint32_t writer, struct direction *to, struct rx_side *rx, uint32_t reader)
{
	struct segment *s = arena_segment(p->arena, i);
	p->segs[i].shared = true;
	p->segs[i].refs++;
	shared_set32(&s->writer, writer);
	rx_append(p, to, rx, i);
	/* The writer publishes octets and then asks who reads them; we say so and then look for octets: one of the two wakes the reader. */
	shared_swap32(&s->reader, reader);
}

int direct_unlink(struct seg_pool *p, struct direction *from, struct tx_side *tx)
{
	uint32_t i = seg_alloc(p, SEGMENT_SMALL);
	if (i == 0) return -ENOBUFS;
	tx_append(p, tx, i);
	tx_advance(p, from, tx);
	tx->held = false;
	return 0;
}

int direct_grow(struct seg_pool *p, struct direction *from, struct tx_side *tx, uint32_t writer, struct direction *to, struct rx_side *rx, uint32_t reader)
{
	uint32_t i = seg_alloc(p, SEGMENT_LARGE), old = tx->last;
	if (i == 0) return -ENOBUFS;
	p->segs[old].next = i;
	shared_set32(&arena_segment(p->arena, old)->next, i);
	direct_link(p, i, writer, to, rx, reader);     /* ends the old one, which both are in */
	tx->last = i;
	tx_advance(p, from, tx);
	return 0;
}

bool direct_full(struct seg_pool *p, const struct tx_side *tx) { return (uint64_t)seg_shared_used(p, tx->last) * 3 > (uint64_t)p->segs[tx->last].size * 2; }

uint32_t direct_unread(struct seg_pool *p, const struct rx_side *rx)
{
	uint32_t used = 0;
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow)
		if (p->segs[i].shared) used += seg_shared_used(p, i);
	return used;
}

void tx_skip(struct direction *d, const struct tx_side *tx) { shared_set32(&d->write_seg, tx->last); }
