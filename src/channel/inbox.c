/* The writer's side of an inbox: see inbox.h. Only memory is touched here. */
#include "channel/inbox.h"
#include "base/charge.h"
#include "channel/atomic.h"
#include "channel/channel.h"
#include "channel/copy.h"
#include <sys/socket.h>

#define TRIES 32

static bool lock_try(struct segment *s, uint32_t client)
{
	for (int i = 0; i < TRIES; i++) {
		if (chan_trylock(&s->in.lock, client)) return true;
		__builtin_ia32_pause();
	}
	return false;
}

static void lock_drop(struct segment *s) { shared_swap32(&s->in.lock.word, 0); }

/* Octets of the receive buffer in use; *ret_known: and no more than that. */
static uint32_t charge_now(struct segment *s, bool empty, uint32_t *ret_sum, bool *ret_known)
{
	uint32_t out = shared_get32(&s->discharged), sum = shared_get32(&s->in.charged), before = out == 0 ? shared_get32(&s->in.before) : 0;
	/* A writer that was killed may have counted what it did not put there. */
	if (empty || sum - out > INT32_MAX) sum = out;
	*ret_sum = sum;
	*ret_known = before == 0;
	return (uint32_t)MIN(sum - out + (uint64_t)before, (uint64_t)UINT32_MAX);
}

/* The lock is held: is this still the segment that the ticket was given for, and is there room? */
static enum inbox_answer look(struct arena *a, uint32_t serial, const struct record *r, struct inbox_slot *slot)
{
	struct segment *s = slot->s;
	bool known;
	uint32_t sum, head = shared_load32(&s->head), tail = shared_get32(&s->tail), used = (head - tail) & SEG_POS;
	/* In this order: with a new use the serial number changes first. */
	if (head & SEG_ENDED || shared_get32(&s->serial) != serial) return INBOX_ELSEWHERE;
	slot->reader = shared_get32(&s->reader);
	slot->tail = tail;
	if (slot->reader == 0 || slot->reader >= CHANNEL_MAX) return INBOX_ELSEWHERE;
	struct channel *c = arena_channel(a, slot->reader);
	if (shared_get32(&c->flags) & (CHF_CLOSING | CHF_ASYNC)) return INBOX_ELSEWHERE;
	uint32_t charge = datagram_charge(c->domain == AF_INET6, r->data_len), now = charge_now(s, used == 0, &sum, &known);
	/* As Linux: one datagram fits an empty buffer, however small that is. */
	if (now != 0 && (uint64_t)now + charge > shared_get32(&s->in.limit)) return known ? INBOX_FULL : INBOX_ELSEWHERE;
	uint64_t size = record_size(r->name_len, r->control_len, r->data_len);
	if (used > s->size || size > s->size - used) return INBOX_ELSEWHERE;
	slot->head = slot->at = head;
	slot->size = (uint32_t)size;
	slot->charge = sum + charge != 0 ? sum + charge : 1;   /* 0 is not a sum */
	return INBOX_MINE;
}

enum inbox_answer inbox_begin(struct arena *a, uint32_t segment, uint32_t serial, uint32_t client, struct record *r, struct inbox_slot *ret)
{
	if (segment == 0 || segment >= SEGMENT_MAX || client == 0) return INBOX_ELSEWHERE;
	ret->s = arena_segment(a, segment);
	if (!lock_try(ret->s, client)) return INBOX_BUSY;
	enum inbox_answer answer = look(a, serial, r, ret);
	if (answer == INBOX_MINE) {
		r->charge = ret->charge;
		inbox_write(a, ret, r, sizeof *r);
		return INBOX_MINE;
	}
	lock_drop(ret->s);
	return answer;
}

void inbox_write(struct arena *a, struct inbox_slot *slot, const void *data, size_t len)
{
	segment_copy_in(a, slot->s, slot->at, data, len);
	slot->at += (uint32_t)len;
}

bool inbox_end(struct inbox_slot *slot, bool publish)
{
	struct segment *s = slot->s;
	if (publish) {
		shared_set32(&s->in.charged, slot->charge);
		publish = shared_replace32(&s->head, slot->head, (slot->head + slot->size) & SEG_POS);
	}
	lock_drop(s);
	return publish;
}

void inbox_dropped(struct inbox_slot *slot) { shared_add32(&slot->s->in.dropped, 1); }
