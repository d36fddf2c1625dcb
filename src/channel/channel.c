/*
 * The program's side of a channel: copying through chains of ring segments, readiness, locks, bells and the engine's doorbell. Only memory is
 * touched here; the one system call that is needed (futex) is handed in, because the shim makes its calls from a page of its own.
 *
 *     write:  write_seg -> follow `next` to the end -> copy -> publish head, unless the engine ended the segment meanwhile: then again, further on
 *     read:   read_seg -> copy -> publish tail -> drained and ended? go on at `follow`; the engine recycles what is left behind
 *
 * Each step leaves a state that the next one, in whichever process, can carry on from: a program killed between any two loses at most
 * what it had not published.
 */
#include "channel/channel.h"
#include <sys/epoll.h>
#include <sys/socket.h>
#include "channel/bitmap.h"
#include "channel/chain.h"
#include "channel/copy.h"
#include "channel/inbox.h"
#include "channel/offer.h"

_Static_assert(sizeof(struct arena) <= ARENA_CHANNELS_OFF && ARENA_DATA_OFF % 4096 == 0, "the arena's parts must not overlap");

#define FUTEX_OP_WAIT 0
#define FUTEX_OP_WAKE 1
static uint32_t segment_after(struct segment *s, bool writing) { return shared_get32(writing ? &s->next : &s->follow); }

/* Octets in the chain from segment i on. */
static uint32_t chain_used(struct arena *a, uint32_t i, bool writing)
{
	uint32_t used = 0;
	for (int n = 0; n < WALK_MAX; n++) {
		struct segment *s = segment_at(a, i);
		if (!s) break;
		used += segment_used(s);
		i = segment_after(s, writing);
	}
	return used;
}

/* The same of a direction, without its lock: the consumer may move on while we walk, and what it leaves may serve another socket already. */
static uint32_t direction_used(struct arena *a, struct direction *d, bool writing)
{
	for (int tries = 0;; tries++) {
		uint32_t first = shared_get32(&d->read_seg);
		uint32_t used = chain_used(a, first, writing);
		if (shared_get32(&d->read_seg) == first || tries == 8) return used;
	}
}

uint32_t chan_rx_used(struct arena *a, struct channel *c) { return direction_used(a, &c->rx, false); }

/* As Linux: a stream's that is no Unix socket's heeds SO_RCVLOWAT. */
static bool is_enough(struct channel *c, uint32_t state, uint32_t used)
{
	int32_t lowat = atomic_load_explicit(&c->rcvlowat, memory_order_relaxed);
	return used != 0 && (!(state & CHS_STREAM) || c->domain == AF_UNIX || used >= (uint32_t)MAX(lowat, 1));
}

bool chan_rx_enough(struct arena *a, struct channel *c) { return is_enough(c, shared_get32(&c->state), chan_rx_used(a, c)); }

/* The channel whose program writes segment i; 0: the engine does. */
static uint32_t segment_writer(struct arena *a, uint32_t i)
{
	struct segment *s = segment_at(a, i);
	uint32_t writer = s ? shared_load32(&s->writer) : 0;
	return writer < CHANNEL_MAX ? writer : 0;
}

/* The engine ends the segment before another socket has the peer's channel: what was read of that before is the peer's. */
static bool still_reads(struct arena *a, struct channel *c, uint32_t i)
{
	return !(shared_load32(&segment_at(a, i)->head) & SEG_ENDED) && shared_load32(&c->rx.read_seg) == i;
}

bool chan_rx_told_all(struct arena *a, struct channel *c)
{
	uint32_t i = shared_get32(&c->rx.read_seg), writer = segment_writer(a, i);
	if (writer == 0 || shared_load32(&arena_channel(a, writer)->flags) & (CHF_SHARED | CHF_CLOSING | CHF_CLOSED)) return false;
	return still_reads(a, c, i);
}

bool chan_rx_ends(struct arena *a, struct channel *c)
{
	uint32_t i = shared_get32(&c->rx.read_seg), writer = segment_writer(a, i);
	struct channel *peer = arena_channel(a, writer);
	if (writer == 0 || (shared_load32(&peer->flags) & (CHF_LEFT | CHF_SHARED)) != CHF_LEFT) return false;
	if (chan_tx_reader(a, c) != writer || chan_rx_used(a, peer) != 0) return false;
	return still_reads(a, c, i);
}

/* What the limit leaves. */
static uint32_t tx_allowed(struct arena *a, struct direction *d)
{
	uint32_t limit = shared_get32(&d->limit);
	if (limit == 0) return UINT32_MAX;
	uint32_t used = direction_used(a, d, true);
	return used < limit ? limit - used : 0;
}

struct segment *tx_end(struct arena *a, struct direction *d, bool locked)
{
	struct segment *s = segment_at(a, shared_get32(&d->write_seg));
	for (int n = 0; s && n < WALK_MAX && shared_get32(&s->head) & SEG_ENDED; n++) {
		uint32_t next = shared_get32(&s->next);
		if (!segment_at(a, next)) break;
		if (locked) shared_set32(&d->write_seg, next);
		s = segment_at(a, next);
	}
	return s;
}

/* Octets that fit without the engine's help. */
static uint32_t tx_capacity(struct arena *a, struct direction *d, uint32_t *ret_free)
{
	struct segment *s = tx_end(a, d, false);
	uint32_t head = s ? shared_get32(&s->head) : SEG_ENDED, size = s ? s->size : 0;
	*ret_free = head & SEG_ENDED ? 0 : size - segment_used(s);
	return size;
}

uint32_t chan_tx_room(struct arena *a, struct channel *c)
{
	uint32_t free, allowed = tx_allowed(a, &c->tx);
	tx_capacity(a, &c->tx, &free);
	return MIN(free, allowed);
}

static void sent_add(struct direct_sent *s, size_t n)
{
	atomic_store_explicit(&s->octets, atomic_load_explicit(&s->octets, memory_order_relaxed) + n, memory_order_relaxed);
	atomic_store_explicit(&s->writes, atomic_load_explicit(&s->writes, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* What makes a writer's waiting worth while: he is not woken for each octet. */
static uint32_t tx_third(uint32_t size, uint32_t limit) { return (limit != 0 ? MIN(size, limit) : size) / 3; }

/* Nothing of the whole is there yet, and it is no more than a writer is woken for and the engine makes room for. */
static bool must_be_whole(const struct segment *s, struct direction *d, const struct handover *h)
{
	return h->done == 0 && h->whole <= tx_third(s->size, shared_get32(&d->limit));
}

static size_t tx_write(struct arena *a, struct channel *c, const uint8_t *data, size_t len, struct handover *h)
{
	struct direction *d = &c->tx;
	uint32_t first = shared_get32(&d->write_seg);
	struct segment *s = tx_end(a, d, true);
	size_t done = 0;
	uint32_t allowed = tx_allowed(a, d);   /* once: it grows while we look */
	len = MIN(len, allowed);
	while (s && done < len) {
		uint32_t head = shared_get32(&s->head);
		uint32_t room = s->size - used_between(s, head, shared_get32(&s->tail));
		size_t n = MIN(len - done, room);
		if (head & SEG_ENDED) {
			struct segment *end = tx_end(a, d, true);
			if (end == s) break;
			s = end;
			continue;
		}
		if (n == 0 || (h->whole > MIN(room, allowed) && must_be_whole(s, d, h))) break;
		segment_copy_in(a, s, head, data + done, n);
		if (!shared_replace32(&s->head, head, (head + (uint32_t)n) & SEG_POS)) continue;
		done += n;
		h->done += n;
		if (atomic_load_explicit(&s->cold, memory_order_relaxed) != 0) {   /* changes only under the lock */
			shared_set32(&s->cold, 0);
			h->warmed = true;
		}
		/* Asked after the octets were published, as the engine links first and then looks for octets: they are seen by one of the two. */
		uint32_t reader = shared_load32(&s->reader);
		if (reader == 0) h->engine += (uint32_t)n;
		else {
			h->peer = reader;
			sent_add(&c->sent, n);
		}
	}
	h->left |= shared_get32(&d->write_seg) != first;
	return done;
}

uint32_t chan_tx_reader(struct arena *a, struct channel *c)
{
	struct segment *s = tx_end(a, &c->tx, false);
	return s ? shared_get32(&s->reader) : 0;
}

/* "No room" is said only after whoever makes room has been told that somebody will wait for it, and a second look. */
void tx_starve(struct direction *d, uint32_t how)
{
	shared_set32(&d->starved, how);
	shared_fence();
}

size_t chan_write(struct arena *a, struct channel *c, const void *data, size_t len, struct handover *h)
{
	size_t done = tx_write(a, c, data, len, h);
	if (done == len) return done;
	tx_starve(&c->tx, STARVED_WRITER);
	done += tx_write(a, c, (const uint8_t *)data + done, len - done, h);
	struct segment *s = tx_end(a, &c->tx, true);
	if (done < len && s && shared_get32(&s->reader) != 0 && tx_allowed(a, &c->tx) > 0) h->wants_room = true;
	h->outgrown = h->wants_room && s->size == SEGMENT_SMALL;
	return done;
}

/* Follows drained ones. */
struct segment *rx_follow(struct arena *a, struct direction *d, struct segment *s)
{
	for (int n = 0; s && n < WALK_MAX; n++) {
		uint32_t tail = shared_get32(&s->tail), head = shared_get32(&s->head);
		if (used_between(s, head, tail) != 0) return s;
		uint32_t follow = shared_get32(&s->follow);
		if (!(head & SEG_ENDED) || follow == 0) return NULL;
		shared_set32(&d->read_seg, follow);
		s = segment_at(a, follow);
	}
	return NULL;
}

struct segment *rx_first(struct arena *a, struct direction *d) { return rx_follow(a, d, segment_at(a, shared_get32(&d->read_seg))); }

static size_t rx_peek(struct arena *a, struct direction *d, void *to, size_t len, size_t offset)
{
	size_t done = 0;
	struct segment *s = rx_first(a, d);
	for (int n = 0; s && done < len && n < WALK_MAX; n++) {
		uint32_t used = segment_used(s);
		size_t take = offset < used ? MIN(len - done, used - offset) : 0;
		segment_copy_out(a, s, shared_get32(&s->tail) + (uint32_t)offset, (uint8_t *)to + done, take);
		offset -= MIN(offset, used);
		done += take;
		s = segment_at(a, shared_get32(&s->follow));
	}
	return done;
}

size_t chan_read(struct arena *a, struct channel *c, void *to, size_t len, size_t offset, bool peek, struct handover *h)
{
	struct direction *d = &c->rx;
	size_t done = 0;
	if (peek) {
		done = rx_peek(a, d, to, len, offset);
		h->done += done;
		return done;
	}
	uint32_t first = shared_get32(&d->read_seg);
	struct segment *s = rx_first(a, d);
	while (s && done < len) {
		uint32_t tail = shared_get32(&s->tail), writer = shared_get32(&s->writer);
		uint32_t used = segment_used(s);
		size_t n = MIN(len - done, used);
		segment_copy_out(a, s, tail, (uint8_t *)to + done, n);
		shared_set32(&s->tail, (tail + (uint32_t)n) & SEG_POS);
		done += n;
		h->done += n;
		if (writer != 0) h->peer = writer;
		else h->engine += (uint32_t)n;
		s = rx_follow(a, d, s);
	}
	h->left |= shared_get32(&d->read_seg) != first;
	return done;
}

/* As Linux: a Unix socket is writable when three quarters of its buffer are free, whatever the segment has room for, which the engine changes. */
static bool unix_writable(struct arena *a, struct channel *c)
{
	uint32_t used = c->type == SOCK_STREAM ? direction_used(a, &c->tx, true) : chan_posted(a, c);
	return (uint64_t)used * 4 <= shared_get32(&c->tx.limit);
}

/* As Linux: writable is when a third is free, so that a writer is not woken for each octet. */
static bool tx_writable(struct arena *a, struct direction *d)
{
	uint32_t free, allowed = tx_allowed(a, d);
	uint32_t capacity = tx_capacity(a, d, &free);
	return MIN(free, allowed) > 0 && MIN(free, allowed) >= tx_third(capacity, shared_get32(&d->limit));
}

static bool channel_writable(struct arena *a, struct channel *c)
{
	return c->domain == AF_UNIX ? unix_writable(a, c) : tx_writable(a, &c->tx);
}

/* A stream's writer wants less than whoever polls, and has to have it in the segment. */
bool chan_tx_relieve(struct arena *a, struct channel *c)
{
	uint32_t starved = shared_load32(&c->tx.starved);
	if (starved == 0 || (c->type == SOCK_STREAM && !tx_writable(a, &c->tx))) return false;
	if ((starved == STARVED_POLLER || c->type != SOCK_STREAM) && c->domain == AF_UNIX && !unix_writable(a, c)) return false;
	return shared_swap32(&c->tx.starved, 0) != 0;
}

#define WRITABLE ((uint32_t)(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND))

static struct offer *offer_of(struct arena *a, struct channel *c) { return arena_offer(a, (uint32_t)(c - arena_channel(a, 0))); }

uint32_t channel_poll(struct arena *a, struct channel *c)
{
	uint32_t state = shared_get32(&c->state), events = shared_get32(&c->poll);
	if (state & CHS_GONE) return events | EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP;
	if (state & CHS_LISTENING) return events | (offer_waits(offer_of(a, c)) ? EPOLLIN | EPOLLRDNORM : 0);
	if (shared_get32(&c->flags) & CHF_TOLD) events |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	uint32_t used = chan_rx_used(a, c);
	if (is_enough(c, state, used)) events |= EPOLLIN | EPOLLRDNORM;
	if (used == 0 && c->domain == AF_UNIX) events |= shared_get32(&c->poll);   /* taken back into the queue meanwhile */
	if (!(state & CHS_SENDABLE)) return events & EPOLLOUT && inbox_bars(a, c) ? events & ~WRITABLE : events;
	if (!channel_writable(a, c)) {
		shared_replace32(&c->tx.starved, 0, STARVED_POLLER);   /* a writer wants less */
		shared_fence();
		if (!channel_writable(a, c)) return events;
	}
	return events | EPOLLOUT | EPOLLWRNORM | (c->domain == AF_UNIX ? EPOLLWRBAND : 0);
}

/* ---- locks ---- */

bool chan_trylock(struct chan_lock *l, uint32_t client)
{
	uint32_t free = 0;
	return atomic_compare_exchange_strong(&l->word, &free, client);
}

void chan_lock(struct chan_lock *l, uint32_t client, long (*futex)(_Atomic uint32_t *, int op, uint32_t val, const void *timeout))
{
	if (chan_trylock(l, client)) return;
	for (;;) {
		/* Whoever gets it after waiting keeps the mark: others may wait behind. */
		uint32_t held = 0;
		if (atomic_compare_exchange_strong(&l->word, &held, client | LOCK_CONTENDED)) return;
		uint32_t marked = held | LOCK_CONTENDED;
		if (held != marked && !atomic_compare_exchange_strong(&l->word, &held, marked)) continue;
		futex(&l->word, FUTEX_OP_WAIT, marked, NULL);
	}
}

void chan_unlock(struct chan_lock *l, long (*futex)(_Atomic uint32_t *, int op, uint32_t val, const void *timeout))
{
	if (atomic_exchange(&l->word, 0) & LOCK_CONTENDED) futex(&l->word, FUTEX_OP_WAKE, 1, NULL);
}

/* ---- handing over work ---- */

void arena_mark_dirty(struct arena *a, uint32_t channel) { bitmap_set((struct bitmap){a->dirty_summary, a->dirty}, channel); }

bool arena_ring(struct arena *a, bool local)
{
	/* Sequentially consistent against the engine, which says that it sleeps and then looks at rung once more. */
	uint64_t rung = atomic_fetch_add(&a->rung, 1) + 1, last = local ? atomic_load(&a->rung_local) : rung;
	while (last < rung && !atomic_compare_exchange_weak(&a->rung_local, &last, rung)) {}
	return arena_sleeps(a);
}

bool arena_sleeps(struct arena *a) { return shared_load64(&a->asleep) & 1; }

void arena_rang(struct arena *a, uint64_t asleep) { shared_replace64(&a->asleep, &asleep, asleep + 1); }

bool arena_synced(struct arena *a)
{
	uint64_t rung = atomic_load(&a->rung);
	return atomic_load(&a->done) >= rung;
}

bool arena_synced_locally(struct arena *a)
{
	uint64_t rung = atomic_load(&a->rung_local);
	return atomic_load(&a->done) >= rung;
}

/* ---- bells ---- */

static struct bitmap bell_bitmap(struct bell *b) { return (struct bitmap){b->summary, b->bits}; }

static uint64_t bell_bit(uint32_t channel) { return (uint64_t)1 << channel % 64; }

static bool is_set(_Atomic uint64_t *word, uint32_t channel) { return shared_get64(word) & bell_bit(channel); }

void bell_set(struct bell *b, uint32_t channel, uint32_t edges)
{
	uint32_t w = channel / 64;
	bool first = !is_set(&b->bits[w], channel) || (edges != 0 && !is_set(&b->edge[w].in, channel) && !is_set(&b->edge[w].out, channel));
	if (first) shared_set32(&b->when[channel], shared_add32(&b->rings, 1));
	if (edges & BELL_IN) shared_or64(&b->edge[w].in, bell_bit(channel));
	if (edges & BELL_OUT) shared_or64(&b->edge[w].out, bell_bit(channel));
	bitmap_set(bell_bitmap(b), channel);
}

static bool edge_take(_Atomic uint64_t *word, uint32_t channel)
{
	return is_set(word, channel) && shared_and64(word, ~bell_bit(channel)) & bell_bit(channel);
}

uint32_t bell_take_edges(struct bell *b, uint32_t channel)
{
	uint32_t w = channel / 64;
	return (edge_take(&b->edge[w].in, channel) ? BELL_IN : 0) | (edge_take(&b->edge[w].out, channel) ? BELL_OUT : 0);
}

uint32_t bell_ring(struct bell *b, uint32_t client, uint64_t *ret_claim)
{
	uint64_t was = shared_load64(&b->armed), claim;
	do {
		if (!(was & BELL_ARMED)) return 0;
		claim = (uint64_t)client << 32 | (uint32_t)((was & ~(uint64_t)BELL_ARMED) + BELL_ARMED + 1);
	} while (!shared_replace64(&b->armed, &was, claim));
	shared_add32(&b->seq, 1);
	*ret_claim = claim;
	/* Somebody was about to wake an earlier sleeper, and may die over it: ours now. */
	return bell_claimant(was) != 0 ? BELL_ARMED : was & BELL_ARMED;
}

void bell_rung(struct bell *b, uint64_t claim)
{
	uint64_t was = shared_load64(&b->armed);
	while ((was & ~(uint64_t)BELL_ARMED) == claim && !shared_replace64(&b->armed, &was, (uint32_t)was)) {}
}

void bell_arm(struct bell *b, uint32_t how) { shared_or64(&b->armed, how); }

void bell_disarm(struct bell *b) { shared_and64(&b->armed, ~(uint64_t)BELL_ARMED); }

uint32_t bell_take(struct bell *b, uint32_t from) { return bitmap_take(bell_bitmap(b), from); }

uint32_t bell_when(struct bell *b, uint32_t channel) { return shared_get32(&b->when[channel]); }

bool bell_any(struct bell *b) { return bitmap_any(bell_bitmap(b)); }
