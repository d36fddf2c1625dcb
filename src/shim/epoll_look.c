/*
 * What is ready among the virtual members of an epoll set.
 *
 *     bits of the bell  ->  queue of the set  ->  members of that channel  ->  channel_poll(), filtered
 *
 * A bit of the bell is an edge for those members of its channel whom its edges concern. A channel with a level-triggered member that was reported goes
 * to the end of the queue, to be looked at again, and so does that of a member that is added or changed and ready: that is an edge for nobody else. As in Linux
 * what became ready first is told first, and what there was no room for before what is told again.
 */
#include "shim/epoll.h"

#define READ_BITS (EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND)
#define WRITE_BITS (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)
#define PRIVATE_BITS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

#define BATCH 64           /* bits of a bell that are put in order at a time */

bool instance_stirs(const struct instance *e)
{
	return shared_get32(&e->set->doubt) != 0 || shared_get32(&e->set->first) != 0 || bell_any(instance_bell(e));
}

/* ---- the queue; the set's lock is held ---- */

static uint64_t queue_bit(uint32_t channel) { return (uint64_t)1 << channel % 64; }

static bool is_queued(const struct epoll_set *s, uint32_t channel) { return s->queued[channel / 64] & queue_bit(channel); }

/* Between two neighbours; 0: it is the first, or the last. */
static void queue_put(struct epoll_set *s, uint32_t channel, uint32_t before, uint32_t after)
{
	if (is_queued(s, channel)) return;
	s->queued[channel / 64] |= queue_bit(channel);
	s->queue[channel].before = (uint16_t)before;
	s->queue[channel].after = (uint16_t)after;
	if (before != 0) s->queue[before].after = (uint16_t)channel;
	else shared_set32(&s->first, channel);
	if (after != 0) s->queue[after].before = (uint16_t)channel;
	else s->last = channel;
}

static void queue_append(struct epoll_set *s, uint32_t channel) { queue_put(s, channel, shared_get32(&s->first) != 0 ? s->last : 0, 0); }

static void queue_remove(struct epoll_set *s, uint32_t channel)
{
	uint32_t before = s->queue[channel].before, after = s->queue[channel].after;
	if (!is_queued(s, channel)) return;
	s->queued[channel / 64] &= ~queue_bit(channel);
	if (before != 0) s->queue[before].after = (uint16_t)after;
	else shared_set32(&s->first, after);
	if (after != 0) s->queue[after].before = (uint16_t)before;
	else s->last = before;
}

void instance_forget(struct instance *e, uint32_t channel)
{
	if (shared_get32(&e->set->of_channel[channel]) == 0) queue_remove(e->set, channel);
}

static uint32_t member_events(const struct epoll_member *m)
{
	struct sock s = {.fd = -1, .index = m->index, .generation = m->generation, .c = arena_channel(shim.arena, m->index)};
	if (m->off) return 0;
	if (engine_dead()) return (EPOLLIN | EPOLLERR | EPOLLHUP) & (m->events | EPOLLERR | EPOLLHUP);
	return sock_events(&s) & (m->events | EPOLLERR | EPOLLHUP) & ~(uint32_t)PRIVATE_BITS;
}

static bool channel_is_another(const struct epoll_member *m) { return shared_get32(&arena_channel(shim.arena, m->index)->generation) != m->generation; }

/*
 * Is the member's socket closed everywhere? We know of our own descriptors. A socket that never was another process's is gone with them; of others' the engine
 * knows, once it has seen every hang-up.
 */
static bool member_gone(const struct epoll_member *m)
{
	if (channel_is_another(m)) return true;
	if (table_refs(m->index) > 0 || engine_dead()) return false;
	uint32_t flags = shared_get32(&arena_channel(shim.arena, m->index)->flags);
	if (flags & CHF_CLOSED || (!(flags & CHF_SHARED) && m->client == atomic_load(&shim.client))) return true;
	control_simple(RPC_SYNC, NULL, 0, 0, 0);
	return channel_is_another(m);
}

/* Is it to be reported, by what has changed? */
static bool member_edge(struct epoll_member *m, uint32_t events)
{
	if (events == 0) m->edge = false;
	return events != 0 && (m->edge || !(m->events & EPOLLET));
}

/* Somebody was killed while he looked: what he may have taken is looked at again, and the queue is made anew. */
static void doubts_end(struct epoll_set *s)
{
	if (shared_get32(&s->doubt) == 0 || atomic_exchange(&s->doubt, 0) == 0) return;
	shared_set32(&s->first, 0);
	memset(s->queued, 0, sizeof s->queued);
	for (uint32_t i = 1; i < s->top && i < MEMBERS_MAX; i++)
		if (s->slot[i].generation != 0) queue_append(s, s->slot[i].index);
}

/* As Linux: news of data is none for who asks for room only, and the other way round. */
static bool member_heeds(const struct epoll_member *m, uint32_t edges)
{
	if (edges == (BELL_IN | BELL_OUT)) return true;
	return (edges & BELL_IN && m->events & READ_BITS) || (edges & BELL_OUT && m->events & WRITE_BITS);
}

struct rung { uint32_t channel, when; };

static bool channel_ready(struct epoll_set *s, uint32_t channel)
{
	for (uint32_t m = shared_get32(&s->of_channel[channel]); m != 0; m = shared_get32(&s->slot[m].next))
		if (member_events(&s->slot[m]) != 0) return true;
	return false;
}

/* A ring that is nobody's edge queues only what is ready, or is rung in vain. */
static void ring_take(struct epoll_set *s, struct bell *b, uint32_t channel)
{
	uint32_t edges = bell_take_edges(b, channel), members = shared_get32(&s->of_channel[channel]);
	for (uint32_t m = members; m != 0; m = shared_get32(&s->slot[m].next))
		if (member_heeds(&s->slot[m], edges)) s->slot[m].edge = true;
	if (edges != 0 || members == 0 || channel_ready(s, channel)) queue_append(s, channel);
}

/* Some bits of the bell from a channel on, the oldest first; how many. */
static uint32_t rung_take(struct bell *b, uint32_t *from, struct rung to[BATCH])
{
	uint32_t n = 0;
	while (n < BATCH && *from < CHANNEL_MAX && (*from = bell_take(b, *from)) != 0) {
		struct rung r = {*from, bell_when(b, *from)};
		uint32_t at = n++;
		for (; at > 0 && (int32_t)(to[at - 1].when - r.when) > 0; at--) to[at] = to[at - 1];
		to[at] = r;
		++*from;
	}
	return n;
}

/* What the bell has to say becomes edges of members, and goes into the queue. */
static void edges_take(struct instance *e)
{
	struct epoll_set *s = e->set;
	struct bell *b = instance_bell(e);
	struct rung rung[BATCH];
	uint32_t from = 1, n;
	doubts_end(s);
	do {
		n = rung_take(b, &from, rung);
		for (uint32_t i = 0; i < n; i++) ring_take(s, b, rung[i].channel);
	} while (n == BATCH);
}

void instance_note(struct instance *e, uint32_t channel)
{
	edges_take(e);
	if (channel_ready(e->set, channel)) queue_append(e->set, channel);
}

struct harvest { struct epoll_event *to; int n, max; bool fault; };

/* What can't be put where the program wants it is not reported, and ends the harvest. */
static bool harvest_put(struct harvest *h, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {events, {.u64 = data}};
	h->fault = user_put(&h->to[h->n], ev) != 0;
	if (h->fault) h->max = h->n;
	else h->n++;
	return !h->fault;
}

enum channel_end { CHANNEL_TOLD, CHANNEL_AGAIN, CHANNEL_NO_ROOM };

/* Reports the members of one channel; CHANNEL_AGAIN: there may be more to report the next time. */
static enum channel_end channel_harvest(struct instance *e, uint32_t channel, struct harvest *h)
{
	struct epoll_set *s = e->set;
	enum channel_end end = CHANNEL_TOLD;
	_Atomic uint32_t *link = &s->of_channel[channel];
	for (uint32_t i; (i = shared_get32(link)) != 0;) {
		struct epoll_member *m = &s->slot[i];
		if (member_gone(m)) {
			member_free(s, link);
			continue;
		}
		uint32_t events = member_events(m);
		link = &m->next;
		if (!member_edge(m, events)) continue;
		if (h->n == h->max || !harvest_put(h, events, m->data)) return CHANNEL_NO_ROOM;
		m->edge = false;
		if (m->events & EPOLLONESHOT) m->off = true;
		else if (!(m->events & EPOLLET)) end = CHANNEL_AGAIN;
	}
	if (shared_get32(&s->of_channel[channel]) == 0) instance_unwatch(e, channel);
	return end;
}

/* Up to what was the last one when it began: what goes back is behind that. */
static void harvest(struct instance *e, struct harvest *h)
{
	struct epoll_set *s = e->set;
	edges_take(e);
	uint32_t last = s->last, channel = 0;
	while (h->n < h->max && shared_get32(&s->first) != 0 && channel != last) {
		channel = shared_get32(&s->first);
		queue_remove(s, channel);
		enum channel_end end = channel_harvest(e, channel, h);
		if (end == CHANNEL_AGAIN) queue_append(s, channel);
		if (end == CHANNEL_NO_ROOM) queue_put(s, channel, 0, shared_get32(&s->first));
	}
}

int instance_look(struct instance *e, struct epoll_event *to, int max)
{
	struct harvest h = {.to = to, .max = max};
	/* Bits that outlive the last member are taken, too, or no sleep would last. */
	if (atomic_load(&e->set->members) == 0 && !instance_stirs(e)) return 0;
	instance_lock(e);
	harvest(e, &h);
	instance_unlock(e);
	return h.n == 0 && h.fault ? -EFAULT : h.n;
}

/* Would a virtual member be reported? Nothing is taken. */
static bool members_ready(struct instance *e)
{
	struct epoll_set *s = e->set;
	bool ready = false;
	instance_lock(e);
	edges_take(e);
	for (uint32_t i = 1; i < s->top && i < MEMBERS_MAX && !ready; i++) {
		struct epoll_member *m = &s->slot[i];
		ready = m->generation != 0 && !member_gone(m) && member_edge(m, member_events(m));
	}
	instance_unlock(e);
	return ready;
}

bool instance_shows(struct instance *e)
{
	bell_drain(e->bell);   /* or what woke us last would wake us again */
	bell_arm(instance_bell(e), BELL_EVENTFD);   /* whoever asks may go to sleep on it */
	if (atomic_load(&e->set->nests) > 0 && nest_ready(e)) return true;
	return atomic_load(&e->set->members) > 0 && members_ready(e);
}

bool instance_is_plain(const struct instance *e)
{
	return atomic_load(&e->set->members) == 0 && atomic_load(&e->set->nests) == 0 && __libc_single_threaded && shared_get32(&e->set->shared) == 0;
}

bool epoll_virtual_ready(int fd, uint32_t *ret_bell)
{
	struct instance *e = instance_hold(fd);
	*ret_bell = e && !instance_is_plain(e) ? e->bell : 0;
	bool ready = *ret_bell != 0 && instance_shows(e);
	if (e) instance_release(e);
	return ready;
}
