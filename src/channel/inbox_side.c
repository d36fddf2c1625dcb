/*
 * The engine's side of an inbox (inbox.h): opening, ending, counting. What stands in the segment is the programs' own business: what can't be counts
 * as what can.
 */
#include <errno.h>
#include "channel/inbox_side.h"
#include "channel/pool.h"

#define UNREAD_MAX 16      /* segments before it: a reader that does not read shall not have one for each datagram */

static bool is_far_behind(const struct seg_pool *p, const struct rx_side *rx)
{
	int n = 0;
	for (uint32_t i = rx->first; i != 0 && n <= UNREAD_MAX; i = p->segs[i].follow) n++;
	return n > UNREAD_MAX;
}

int inbox_open(struct seg_pool *p, struct direction *d, struct rx_side *rx, uint32_t reader, const struct inbox_terms *terms, struct inbox_place *ret)
{
	if (is_far_behind(p, rx)) return -EBUSY;
	uint32_t i = seg_alloc(p, terms->size);
	if (i == 0) return -ENOBUFS;
	struct segment *s = arena_segment(p->arena, i);
	p->segs[i].shared = p->segs[i].inbox = true;
	shared_set32(&s->in.charged, 0);
	shared_set32(&s->in.dropped, 0);
	shared_set32(&s->in.wanted, 0);
	shared_set32(&s->in.filled, 0);
	for (uint32_t w = 0; w < INBOX_WAITING; w++) shared_set32(&s->waiting[w], 0);
	shared_set32(&s->discharged, 0);
	shared_set32(&s->in.limit, terms->limit);
	shared_set32(&s->in.before, terms->before);
	rx_append(p, d, rx, i);
	shared_set32(&s->reader, reader);
	*ret = (struct inbox_place){i, p->segs[i].serial};
	return 0;
}

bool inbox_close(struct seg_pool *p, const struct rx_side *rx, uint32_t *ret_dropped)
{
	const struct pool_seg *ps = &p->segs[rx->last];
	seg_end(p, rx->last, true);
	*ret_dropped = shared_get32(&arena_segment(p->arena, rx->last)->in.dropped);
	return (uint64_t)seg_shared_used(p, rx->last) * 2 > ps->size;
}

uint64_t inbox_unread(struct seg_pool *p, const struct rx_side *rx)
{
	uint64_t sum = 0;
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow) {
		struct segment *s = arena_segment(p->arena, i);
		if (!p->segs[i].inbox || seg_shared_used(p, i) == 0) continue;
		uint32_t charge = shared_get32(&s->in.charged) - shared_get32(&s->discharged);
		if (charge <= INT32_MAX) sum += charge;
	}
	return sum;
}

void inbox_senders(struct seg_pool *p, const struct rx_side *rx, void (*see)(void *user, const struct record *r), void *user)
{
	for (uint32_t i = rx->first; i != 0; i = p->segs[i].follow)
		if (p->segs[i].inbox) records_see(p, i, see, user);
}

void inbox_release_dead(struct seg_pool *p, uint32_t client)
{
	for (uint32_t i = 1; i < p->n_segs; i++)
		if (p->segs[i].inbox) shared_replace32(&arena_segment(p->arena, i)->in.lock.word, client, 0);
}
