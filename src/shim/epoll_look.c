/*
 * What is ready among the virtual members of an epoll set.
 *
 *     bits of the bell, and the set's own  ->  members of that channel  ->  channel_poll(), filtered
 *
 * A bit of the bell is an edge for those members of its channel whom its edges concern. A level-triggered member that was reported sets the channel's
 * bit among the set's own, to be looked at again, and so does whoever adds or changes one: that is an edge for nobody else.
 */
#include "shim/epoll.h"

#define READ_BITS (EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND)
#define WRITE_BITS (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)
#define PRIVATE_BITS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

bool instance_stirs(const struct instance *e)
{
	return shared_get32(&e->set->doubt) != 0 || bitmap_any(set_bitmap(e->set)) || bell_any(instance_bell(e));
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

/* Somebody was killed while he looked: what he may have taken is looked at again. */
static void doubts_end(struct epoll_set *s)
{
	if (shared_get32(&s->doubt) == 0 || atomic_exchange(&s->doubt, 0) == 0) return;
	for (uint32_t i = 1; i < s->top && i < MEMBERS_MAX; i++)
		if (s->slot[i].generation != 0) bitmap_set(set_bitmap(s), s->slot[i].index);
}

/* As Linux: news of data is none for who asks for room only, and the other way round. */
static bool member_heeds(const struct epoll_member *m, uint32_t edges)
{
	if (edges == (BELL_IN | BELL_OUT)) return true;
	return (edges & BELL_IN && m->events & READ_BITS) || (edges & BELL_OUT && m->events & WRITE_BITS);
}

/* What the bell has to say becomes edges of members, and bits of ours. */
static void edges_take(struct instance *e)
{
	struct epoll_set *s = e->set;
	struct bell *b = instance_bell(e);
	doubts_end(s);
	for (uint32_t i = 0; i + 1 < CHANNEL_MAX && (i = bell_take(b, i + 1)) != 0;) {
		uint32_t edges = bell_take_edges(b, i);
		for (uint32_t m = shared_get32(&s->of_channel[i]); m != 0; m = shared_get32(&s->slot[m].next))
			if (member_heeds(&s->slot[m], edges)) s->slot[m].edge = true;
		bitmap_set(set_bitmap(s), i);
	}
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

/* Reports the members of one channel; true: its bit must be put back, for there is or may be more to report. */
static bool channel_harvest(struct instance *e, uint32_t channel, struct harvest *h)
{
	struct epoll_set *s = e->set;
	bool again = false;
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
		if (h->n == h->max || !harvest_put(h, events, m->data)) return true;
		m->edge = false;
		if (m->events & EPOLLONESHOT) m->off = true;
		else if (!(m->events & EPOLLET)) again = true;
	}
	if (shared_get32(&s->of_channel[channel]) == 0) instance_unwatch(e, channel);
	return again;
}

/* From the channel after the last one reported around to it again: a bit that goes back is behind us. */
static void harvest(struct instance *e, struct harvest *h)
{
	struct bitmap own = set_bitmap(e->set);
	uint32_t first = MIN(MAX(e->set->turn, 1), CHANNEL_MAX - 1), from = first;
	edges_take(e);
	for (int pass = 0; pass < 2 && from < CHANNEL_MAX; pass++, from = 1) {
		while (h->n < h->max && from < CHANNEL_MAX) {
			uint32_t i = bitmap_take(own, from);
			if (i == 0) break;
			if (pass == 1 && i >= first) {
				bitmap_set(own, i);
				break;
			}
			if (channel_harvest(e, i, h)) bitmap_set(own, i);
			e->set->turn = from = i + 1;
		}
	}
	if (e->set->turn >= CHANNEL_MAX) e->set->turn = 1;
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
