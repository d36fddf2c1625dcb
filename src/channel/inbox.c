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

/* What one takes of the receive buffer. */
static uint32_t charge_of(const struct channel *reader, uint32_t data_len)
{
	return reader->domain == AF_UNIX ? 1 : datagram_charge(reader->domain == AF_INET6, data_len);
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
	uint32_t charge = charge_of(c, r->data_len), now = charge_now(s, used == 0, &sum, &known);
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

/* ---- of Unix sockets ---- */

bool inbox_charge(struct channel *sender, uint32_t data_len, uint32_t max)
{
	uint32_t charge = unix_charge(data_len);
	if (shared_add32(&sender->posted.unread, charge) + (uint64_t)charge <= max) return true;
	inbox_discharge(sender, data_len);
	return false;
}

void inbox_discharge(struct channel *sender, uint32_t data_len) { shared_add32(&sender->posted.unread, 0u - unix_charge(data_len)); }

bool inbox_read(struct arena *a, struct segment *s, const struct record *r, bool *ret_tell)
{
	struct channel *sender = r->sender < CHANNEL_MAX ? arena_channel(a, r->sender) : NULL;
	bool lives = sender && shared_get32(&sender->generation) == r->generation && sender->domain == AF_UNIX;
	if (lives) inbox_discharge(sender, r->data_len);
	shared_fence();        /* before these looks: who waits says so, and looks again */
	*ret_tell = shared_get32(&s->in.wanted) == INBOX_WANTED && shared_replace32(&s->in.wanted, INBOX_WANTED, INBOX_TOLD);
	bool filled = shared_get32(&s->in.filled) != 0;
	if (filled && shared_get32(&s->head) == shared_get32(&s->tail)) shared_set32(&s->in.filled, 0);
	return lives && (shared_get32(&sender->tx.starved) != 0 || (filled && shared_get32(&sender->bell) != 0));
}

bool inbox_is_full(struct segment *s)
{
	bool known;
	uint32_t sum, head = shared_load32(&s->head), tail = shared_get32(&s->tail);
	return ((head - tail) & SEG_POS) != 0 && charge_now(s, false, &sum, &known) >= shared_get32(&s->in.limit);
}

bool inbox_stays_full(struct segment *s)
{
	if (!inbox_is_full(s)) return false;
	shared_set32(&s->in.filled, 1);
	shared_set32(&s->in.wanted, INBOX_WANTED);
	shared_fence();
	return inbox_is_full(s);
}

bool inbox_bars(struct arena *a, struct channel *c)
{
	uint32_t i = c->domain == AF_UNIX && c->type == SOCK_DGRAM ? shared_get32(&c->tx.write_seg) : 0;
	struct segment *s = i != 0 && i < SEGMENT_MAX ? arena_segment(a, i) : NULL;
	return s && !(shared_get32(&s->head) & SEG_ENDED) && inbox_stays_full(s);
}

bool inbox_wait(struct segment *s, uint32_t sender)
{
	bool noted = false;
	for (uint32_t w = 0; w < INBOX_WAITING && !noted; w++)
		noted = shared_get32(&s->waiting[w]) == sender || shared_replace32(&s->waiting[w], 0, sender);
	shared_fence();
	return noted;
}

/* One that is being woken is its reader's. */
void inbox_waits_no_more(struct segment *s, uint32_t sender)
{
	for (uint32_t w = 0; w < INBOX_WAITING; w++)
		if (shared_get32(&s->waiting[w]) == sender) shared_replace32(&s->waiting[w], sender, 0);
}

/* After the fence of inbox_read(). The number stays until its sender is awake: should we die before that, the engine finds it. */
uint32_t inbox_wakes(struct segment *s, bool *ret_more)
{
	*ret_more = shared_get32(&s->head) == shared_get32(&s->tail);
	for (uint32_t w = 0; w < INBOX_WAITING; w++) {
		uint32_t sender = shared_get32(&s->waiting[w]);
		if (sender != 0 && !(sender & INBOX_WAKES) && shared_replace32(&s->waiting[w], sender, sender | INBOX_WAKES)) return sender;
	}
	return 0;
}

void inbox_woken(struct segment *s, uint32_t sender)
{
	for (uint32_t w = 0; w < INBOX_WAITING; w++)
		if (shared_get32(&s->waiting[w]) == (sender | INBOX_WAKES) && shared_replace32(&s->waiting[w], sender | INBOX_WAKES, 0)) return;
}
