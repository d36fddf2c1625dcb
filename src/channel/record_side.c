/*
 * What programs have put into shared segments and not read, as the engine sees it: records to look at, and octets or records to take back. It is the programs'
 * own business: each word is read once, and what can't be ends the look.
 */
#include <sys/uio.h>
#include "channel/pool.h"

static void copy_out(struct seg_pool *p, uint32_t i, uint32_t pos, void *to, size_t n)
{
	const struct pool_seg *ps = &p->segs[i];
	const uint8_t *data = seg_data(p, i);
	for (size_t k = 0; k < n; k++) ((uint8_t *)to)[k] = data[(pos + k) & (ps->size - 1)];
}

/* The record at pos, of which `used` octets can be: what it takes of the ring, or 0. */
static uint32_t record_at(struct seg_pool *p, uint32_t i, uint32_t pos, uint32_t used, struct record *ret)
{
	if (used < sizeof *ret) return 0;
	copy_out(p, i, pos, ret, sizeof *ret);
	uint64_t size = record_size(ret->name_len, ret->control_len, ret->data_len);
	return size <= used ? (uint32_t)size : 0;
}

void records_see(struct seg_pool *p, uint32_t i, void (*see)(void *user, const struct record *r), void *user)
{
	uint32_t pos = shared_get32(&arena_segment(p->arena, i)->tail), used = seg_shared_used(p, i), size;
	struct record r;
	while ((size = record_at(p, i, pos, used, &r)) > 0) {
		see(user, &r);
		pos += size;
		used -= size;
	}
}

void posted_see(struct seg_pool *p, const struct rx_side *rx, void (*see)(void *user, const struct record *r), void *user)
{
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow)
		if (p->segs[i].shared) records_see(p, i, see, user);
}

/* ---- taking back ---- */

/* n octets from pos on, which may go over the end of the ring. */
static uint32_t octets_at(struct seg_pool *p, uint32_t i, uint32_t pos, uint32_t n, struct iovec ret[2])
{
	uint32_t off = pos & (p->segs[i].size - 1), first = MIN(n, p->segs[i].size - off);
	ret[0] = (struct iovec){seg_data(p, i) + off, first};
	ret[1] = (struct iovec){seg_data(p, i), n - first};
	return n;
}

/* The record at pos: what that takes of the ring, or 0. */
static uint32_t parts_at(struct seg_pool *p, uint32_t i, uint32_t pos, uint32_t used, struct recalled *ret)
{
	struct record *r = &ret->r;
	uint32_t size = record_at(p, i, pos, used, r), name = pos + (uint32_t)sizeof *r;
	if (size == 0) return 0;
	octets_at(p, i, name, r->name_len, ret->name);
	octets_at(p, i, name + r->name_len + r->control_len, r->data_len, ret->data);
	return size;
}

/* One segment's: false when something has to stay there. */
static bool recall(struct seg_pool *p, uint32_t i, const struct recall *how)
{
	const struct pool_seg *ps = &p->segs[i];
	struct segment *s = arena_segment(p->arena, i);
	uint32_t tail = shared_get32(&s->tail) & SEG_POS, left = MIN((ps->head - tail) & SEG_POS, ps->size);
	while (left > 0) {
		struct recalled what = {0};
		uint32_t size = how->records ? parts_at(p, i, tail, left, &what) : octets_at(p, i, tail, left, what.data);
		if (size == 0) size = left;    /* no record, behind which nobody finds another */
		else if (!how->keep(how->user, &what)) return false;
		tail = (tail + size) & SEG_POS;
		left -= size;
		shared_set32(&s->tail, tail);
	}
	return true;
}

void direct_recall(struct seg_pool *p, struct direction *to, struct rx_side *rx, const struct recall *how)
{
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow)
		if (!p->segs[i].shared || !p->segs[i].ended || !recall(p, i, how)) return;
	shared_set32(&to->read_seg, rx->last);
}

void rx_recall(struct seg_pool *p, struct direction *to, struct rx_side *rx, const struct recall *how)
{
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow)
		if (!recall(p, i, how)) return;
	if (rx->first != 0) shared_set32(&to->read_seg, rx->last);
}
