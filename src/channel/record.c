/*
 * Records in rings (arena.h): how the program's side reads those of all datagrams, and how a Unix socket of messages *posts* its own straight into the ring
 * that its peer reads (src/engine/direct_unix.c).
 *
 *     A.tx ══ segment ══ B.rx       as a stream's octets go, but a record is never split, and A writes only where B reads: else it is a SEND
 *
 * What is posted and unread counts against A's SO_SNDBUF as Linux counts it (base/charge.h), by sums that only grow: A.charged, and B.discharged, which is
 * what the record that B read last says. The record is published first: a writer killed in between has counted too little, until B has read it.
 */
#include <sys/socket.h>
#include "base/charge.h"
#include "channel/chain.h"
#include "channel/copy.h"
#include "channel/inbox.h"

/* ---- reading ---- */

bool chan_peek_record(struct arena *a, struct channel *c, struct record *r)
{
	struct segment *s = rx_first(a, &c->rx);
	if (!s || segment_used(s) < sizeof *r) return false;
	segment_copy_out(a, s, shared_get32(&s->tail), r, sizeof *r);
	return true;
}

/* Name and control of the record at pos; where its data lies. */
static uint32_t record_head_out(struct arena *a, struct segment *s, uint32_t pos, const struct record *r, void *name, size_t name_cap, void *control,
				size_t control_cap)
{
	pos += (uint32_t)sizeof *r;
	segment_copy_out(a, s, pos, name, MIN(name_cap, r->name_len));
	pos += r->name_len;
	segment_copy_out(a, s, pos, control, MIN(control_cap, r->control_len));
	return pos + r->control_len;
}

/* Where in s the record lies that reaches beyond *offset; false: it is none of these, and *offset counts from the next segment on. */
static bool record_find(struct arena *a, struct segment *s, uint32_t *offset, struct record *r, uint32_t *ret_pos)
{
	uint32_t pos = shared_get32(&s->tail), used = segment_used(s);
	while (used >= sizeof *r) {
		segment_copy_out(a, s, pos, r, sizeof *r);
		uint64_t total = record_size(r->name_len, r->control_len, r->data_len);
		if (total > used) return false;
		*ret_pos = pos;
		if (*offset == 0 || *offset < r->data_len) return true;
		*offset -= r->data_len;
		pos = (pos + (uint32_t)total) & SEG_POS;
		used -= (uint32_t)total;
	}
	return false;
}

bool chan_peek_record_at(struct arena *a, struct channel *c, struct record *r, uint32_t *offset, void *name, size_t name_cap, void *control,
			 size_t control_cap, void *data, size_t data_cap)
{
	struct segment *s = rx_first(a, &c->rx);
	uint32_t pos;
	for (int n = 0; s && n < WALK_MAX; n++) {
		if (record_find(a, s, offset, r, &pos)) {
			pos = record_head_out(a, s, pos, r, name, name_cap, control, control_cap);
			segment_copy_out(a, s, pos + *offset, data, MIN(data_cap, r->data_len - *offset));
			return true;
		}
		s = segment_at(a, shared_get32(&s->follow));
	}
	return false;
}

/* What a pair posts names no sender: it can be nobody else. */
static bool is_of_peer(const struct channel *c, const struct record *r) { return c->domain == AF_UNIX && r->sender == 0; }

bool chan_read_record(struct arena *a, struct channel *c, struct record *r, void *name, size_t name_cap, void *control, size_t control_cap,
		      void *data, size_t data_cap, bool peek)
{
	if (!chan_peek_record(a, c, r)) return false;
	struct segment *s = rx_first(a, &c->rx);
	uint32_t tail = shared_get32(&s->tail), used = segment_used(s);
	uint64_t total = record_size(r->name_len, r->control_len, r->data_len);
	if (total > used) return false;
	uint32_t pos = record_head_out(a, s, tail, r, name, name_cap, control, control_cap);
	segment_copy_out(a, s, pos, data, MIN(data_cap, r->data_len));
	if (peek) return true;
	/* First, so that a ring that is empty is discharged. */
	if (r->charge != 0) shared_set32(is_of_peer(c, r) ? &c->posted.discharged : &s->discharged, r->charge);
	shared_set32(&s->tail, (tail + (uint32_t)total) & SEG_POS);
	rx_follow(a, &c->rx, s);
	return true;
}

bool chan_read_posted(struct arena *a, struct channel *c, struct record *r, void *name, size_t name_cap, void *data, size_t data_cap, bool peek,
		      struct handover *h)
{
	uint32_t none, first = shared_get32(&c->rx.read_seg);
	struct segment *s = rx_first(a, &c->rx);
	uint32_t writer = s ? shared_get32(&s->writer) : 0;
	bool tell = false, got = chan_read_record(a, c, r, name, name_cap, &none, 0, data, data_cap, peek);
	if (got && !peek && is_of_peer(c, r)) h->peer = writer;
	else if (got && !peek) {
		h->inbox = s;
		h->relieved = inbox_read(a, s, r, &tell) ? r->sender : 0;
	}
	h->left |= tell || shared_get32(&c->rx.read_seg) != first;
	return got;
}

/* ---- posting ---- */

#define MESSAGE_LESS 32u    /* than SO_SNDBUF, at least: Linux's */

uint32_t chan_posted(struct arena *a, struct channel *c)
{
	uint32_t reader = chan_tx_reader(a, c);
	return reader != 0 && reader < CHANNEL_MAX ? posted_beyond(arena_channel(a, reader), shared_get32(&c->posted.charged)) : 0;
}

struct posting { const struct iovec *v; int count; size_t len; };

/* No more than there is room for: another thread may be changing the lengths. */
static void pieces_in(struct arena *a, const struct segment *s, uint32_t pos, const struct posting *p)
{
	size_t left = p->len;
	for (int i = 0; i < p->count; i++) {
		size_t n = MIN(p->v[i].iov_len, left);
		segment_copy_in(a, s, pos, p->v[i].iov_base, n);
		pos += (uint32_t)n;
		left -= n;
	}
}

/* The engine ended the segment meanwhile: once more, further on. */
#define POST_AGAIN (POST_ELSEWHERE + 1)

static int post_try(struct arena *a, struct channel *c, const struct posting *p, struct handover *h)
{
	struct segment *s = tx_end(a, &c->tx, true);
	uint32_t head = s ? shared_get32(&s->head) : SEG_ENDED, reader = s ? shared_get32(&s->reader) : 0, limit = shared_get32(&c->tx.limit);
	if (head & SEG_ENDED || reader == 0 || reader >= CHANNEL_MAX) return POST_ELSEWHERE;
	if (limit < MESSAGE_LESS || p->len > limit - MESSAGE_LESS || p->len > SEGMENT_LARGE) return POST_ELSEWHERE;
	uint32_t charged = shared_get32(&c->posted.charged), unread = posted_beyond(arena_channel(a, reader), charged);
	if (unread >= limit) return POST_FULL;
	struct record r = {.data_len = (uint32_t)p->len, .charge = charged + unix_charge((uint32_t)p->len)};
	uint64_t size = record_size(0, 0, r.data_len);
	if (r.charge == 0) r.charge = 1;       /* 0 is not a sum */
	if (size > s->size - used_between(s, head, shared_get32(&s->tail))) return size > s->size ? POST_LARGE : POST_ROOM;
	segment_copy_in(a, s, head, &r, sizeof r);
	pieces_in(a, s, head + (uint32_t)sizeof r, p);
	if (!shared_replace32(&s->head, head, (head + (uint32_t)size) & SEG_POS)) return POST_AGAIN;
	shared_set32(&c->posted.charged, r.charge);
	if (shared_get32(&s->cold) != 0) {     /* changes only under the lock */
		shared_set32(&s->cold, 0);
		h->warmed = true;
	}
	h->peer = reader;
	h->done += p->len;
	return POST_DONE;
}

enum post_answer chan_post(struct arena *a, struct channel *c, const struct iovec *v, int count, size_t len, struct handover *h)
{
	const struct posting p = {v, count, len};
	uint32_t first = shared_get32(&c->tx.write_seg);
	int answer;
	while ((answer = post_try(a, c, &p, h)) == POST_AGAIN) {}
	if (answer == POST_FULL || answer == POST_ROOM || answer == POST_LARGE) {
		tx_starve(&c->tx, answer == POST_FULL ? STARVED_WRITER : STARVED_ROOM);
		while ((answer = post_try(a, c, &p, h)) == POST_AGAIN) {}
	}
	h->left |= shared_get32(&c->tx.write_seg) != first;
	return (enum post_answer)answer;
}
