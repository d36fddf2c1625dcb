/*
 * Waiting on an epoll instance with members of both kinds.
 *
 *     look:   bits of the bell, and those we set ourselves -> members of that channel -> channel_poll(), filtered
 *             nested epolls, and epoll_wait(E, 0) when the kernel has members
 *     sleep:  on the bell's futex; with kernel members in ppoll on {E, the bell's eventfd, the control socket …}
 *
 * A bit of the bell is an edge for all members of its channel. A level-triggered member that was reported sets the channel's bit among our own, to be
 * looked at again, and so does whoever adds or changes one: that is an edge for nobody else. Several threads may wait on one instance: the ringer
 * disarms the bell and wakes, so a thread that goes to work arms it again for those that still sleep.
 */
#include <limits.h>
#include "shim/epoll.h"
#include "shim/signal.h"

#define PRIVATE_BITS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

/* ---- looking ---- */

static bool bits_set(const struct bell *b)
{
	for (size_t i = 0; b && i < ARRAY_SIZE(b->summary); i++)
		if (shared_get64((_Atomic uint64_t *)&b->summary[i]) != 0) return true;
	return false;
}

static bool anything_to_look_at(const struct instance *e)
{
	return bits_set(e->own) || (e->bell != 0 && bits_set(arena_bell(shim.arena, e->bell)));
}

static uint32_t member_events(const struct member *m)
{
	struct channel *c = arena_channel(shim.arena, m->index);
	if (m->off) return 0;
	if (engine_dead()) return (EPOLLIN | EPOLLERR | EPOLLHUP) & (m->events | EPOLLERR | EPOLLHUP);
	return channel_poll(shim.arena, c) & (m->events | EPOLLERR | EPOLLHUP) & ~(uint32_t)PRIVATE_BITS;
}

/* Members whose channel, or whose every descriptor, is gone. */
static bool member_gone(const struct member *m)
{
	return shared_get32(&arena_channel(shim.arena, m->index)->generation) != m->generation || table_refs(m->index) == 0;
}

/* Is it to be reported, by what has changed? */
static bool member_edge(struct member *m, uint32_t events)
{
	if (events == 0) m->edge = false;
	return events != 0 && (m->edge || !(m->events & EPOLLET));
}

/* What the bell has to say becomes edges of members, and bits of ours. */
static void edges_take(struct instance *e)
{
	struct bell *b = arena_bell(shim.arena, e->bell);
	for (uint32_t i = 0; i + 1 < CHANNEL_MAX && (i = bell_take(b, i + 1)) != 0;) {
		for (uint32_t m = e->of_channel[i]; m != 0; m = e->slot[m].next) e->slot[m].edge = true;
		bell_set(e->own, i);
	}
}

struct harvest { struct epoll_event *to; int n, max; };

/* Reports the members of one channel; true: its bit must be put back, for there is or may be more to report. */
static bool channel_harvest(struct instance *e, uint32_t channel, struct harvest *h)
{
	bool again = false;
	for (uint32_t *link = &e->of_channel[channel]; *link;) {
		struct member *m = &e->slot[*link];
		if (member_gone(m)) {
			member_free(e, link);
			continue;
		}
		uint32_t events = member_events(m);
		link = &m->next;
		if (!member_edge(m, events)) continue;
		if (h->n == h->max) return true;
		h->to[h->n++] = (struct epoll_event){events, m->data};
		m->edge = false;
		if (m->events & EPOLLONESHOT) m->off = true;
		else if (!(m->events & EPOLLET)) again = true;
	}
	if (e->of_channel[channel] == 0) instance_unwatch(e, channel);
	return again;
}

/* From the channel after the last one reported around to it again: a bit that goes back is behind us. */
static void harvest(struct instance *e, struct harvest *h)
{
	uint32_t first = MAX(e->turn, 1), from = first;
	edges_take(e);
	for (int pass = 0; pass < 2 && from < CHANNEL_MAX; pass++, from = 1) {
		while (h->n < h->max && from < CHANNEL_MAX) {
			uint32_t i = bell_take(e->own, from);
			if (i == 0) break;
			if (pass == 1 && i >= first) {
				bell_set(e->own, i);
				break;
			}
			if (channel_harvest(e, i, h)) bell_set(e->own, i);
			e->turn = from = i + 1;
		}
	}
	if (e->turn >= CHANNEL_MAX) e->turn = 1;
}

static int look_virtual(struct instance *e, struct epoll_event *to, int max)
{
	struct epoll_event nowhere[1];
	bool there = user_there(to, sizeof *to);
	struct harvest h = {there ? to : nowhere, 0, there ? max : 1};
	/* Bits that outlive the last member are taken, too, or no sleep would last. */
	if (e->members == 0 && !anything_to_look_at(e)) return 0;
	instance_lock(e);
	int r = instance_bell(e);
	if (r == 0) harvest(e, &h);
	instance_unlock(e);
	if (r != 0) return r;
	return h.n > 0 && !there ? -EFAULT : h.n;
}

bool instance_ready(struct instance *e)
{
	bool ready = false;
	instance_lock(e);
	edges_take(e);
	for (uint32_t i = 1; i < e->top && !ready; i++) {
		struct member *m = &e->slot[i];
		ready = m->generation != 0 && !member_gone(m) && member_edge(m, member_events(m));
	}
	instance_unlock(e);
	return ready;
}

bool epoll_virtual_ready(int fd, uint32_t *ret_bell)
{
	struct instance *e = instance_of(fd);
	*ret_bell = 0;
	if (e && e->nest && nest_ready(e)) return true;
	if (!e || e->members == 0 || instance_bell(e) != 0) return false;
	*ret_bell = e->bell;
	bell_drain(e->bell);   /* or what woke us last would wake us again */
	bell_arm(arena_bell(shim.arena, e->bell), BELL_EVENTFD);   /* whoever asks may go to sleep on it */
	return instance_ready(e);
}

/* ---- waiting ---- */

/* Sleeps until something may be ready: 0, -EINTR, -EAGAIN. The bell is armed; bits are looked at once more. */
static bool only_virtual(struct instance *e) { return atomic_load(&e->kernel_members) == 0 && e->members > 0 && !e->nest; }

static long sleep_futex(struct instance *e, struct poll *p)
{
	struct bell *b = arena_bell(shim.arena, e->bell);
	uint32_t seq = shared_get32(&b->seq);
	bell_arm(b, BELL_FUTEX);
	if (anything_to_look_at(e) || !only_virtual(e)) return 0;
	return wait_on_word(&p->wait, &b->seq, seq);
}

static void kick_drain(struct instance *e)
{
	uint64_t n;
	sys(SYS_read, e->kick, &n, sizeof n);
}

static long sleep_kernel(struct instance *e, int epfd, struct poll *p)
{
	struct bell *b = e->bell ? arena_bell(shim.arena, e->bell) : NULL;
	struct pollfd fds[4 + 2 * NEST_MAX] = {{epfd, POLLIN, 0}, {shim.control, 0, 0}, {b ? bell_eventfd(e->bell) : -1, POLLIN, 0},
					       {e->kick > 0 ? e->kick : -1, POLLIN, 0}};
	time_ns left = p->wait.deadline == TIME_NEVER ? 0 : MAX(p->wait.deadline - now_ns(), 0);
	struct timespec t = {left / NS_PER_S, left % NS_PER_S};
	int n = 4 + nest_poll(e, fds + 4, 2 * NEST_MAX);
	if (b) bell_arm(b, BELL_EVENTFD);
	if (anything_to_look_at(e)) return 0;
	if (n > 4 && nest_ready(e)) return 0;
	long r = cancellable(sleep_call(SYS_ppoll, (long)fds, n, p->wait.deadline == TIME_NEVER ? 0 : (long)&t, (long)p->mask, KERNEL_MASK, 0,
					&self.handled, p->wait.handled));
	if (r > 0 && fds[1].revents & POLLHUP) atomic_store(&shim.cut, true);
	if (b && fds[2].revents) bell_drain(e->bell);
	if (r > 0 && fds[0].revents) atomic_store(&e->kernel_ready, true);
	if (e->kick > 0 && fds[3].revents) kick_drain(e);
	return r == 0 ? -EAGAIN : MIN(r, 0);
}

static long instance_sleep(struct instance *e, int epfd, struct poll *p)
{
	bool futex = !p->mask && only_virtual(e);
	atomic_fetch_add(&e->sleepers, 1);
	long r = futex ? sleep_futex(e, p) : sleep_kernel(e, epfd, p);
	/* The ringer has disarmed the bell; the others' sleep must be armed again, and what is there by now is theirs. */
	if (atomic_fetch_sub(&e->sleepers, 1) > 1 && e->bell) bell_arm(arena_bell(shim.arena, e->bell), futex ? BELL_FUTEX : BELL_EVENTFD);
	return r;
}

/* Bits are left over and others sleep: one of them takes the next. */
static void pass_on(struct instance *e)
{
	if (e->bell != 0 && atomic_load(&e->sleepers) > 0 && anything_to_look_at(e)) bell_ring_own(e->bell, 1);
}

/* Before a sleep the kernel's members need no look of their own: the sleep itself tells. */
static bool kernel_turn(struct instance *e, int found, const struct poll *p)
{
	if (e->members > 0 && atomic_load(&e->kernel_members) == 0) return false;
	return found > 0 || atomic_exchange(&e->kernel_ready, false) || poll_over(p);
}

/* What the virtual members and nested epolls have to report. */
static long look_ours(struct instance *e, struct epoll_event *to, int max)
{
	int n = look_virtual(e, to, max);
	return n >= 0 && n < max && e->nest ? n + nest_look(e, to + n, max - n) : n;
}

/* Ours first, then the kernel's; when ours left no room, the other way round the next time. */
static long wait_step(struct instance *e, int epfd, struct epoll_event *to, int max, struct poll *p)
{
	bool owed = atomic_exchange(&e->kernel_owed, false) && atomic_load(&e->kernel_members) > 0;
	long k = owed ? sys(SYS_epoll_wait, epfd, to, max, 0) : 0, n = MAX(k, 0);
	if (n < max) {
		long r = look_ours(e, to + n, max - (int)n);
		/* Data may stand in a ring whose bell is still to ring: what the kernel has ready must not hide that from a call that doesn't wait. */
		if (r == 0 && e->members > 0 && poll_over(p) && look_again(&p->looked)) r = look_ours(e, to + n, max - (int)n);
		if (r < 0) return n > 0 ? n : r;
		n += r;
	}
	if (n == max) atomic_store(&e->kernel_owed, !owed);
	else if (!owed && kernel_turn(e, (int)n, p)) {
		k = sys(SYS_epoll_wait, epfd, to + n, max - n, 0);
		if (k < 0 && n == 0) return k;
		n += MAX(k, 0);
	}
	if (n > 0) return n;
	if (poll_answers_now(p) && e->members > 0 && look_again(&p->looked)) return 0;
	if (poll_over(p)) return -EAGAIN;
	long r = instance_sleep(e, epfd, p);
	return r == -EAGAIN ? 0 : r;   /* the next step sees that the time is over, after a last look */
}

static long epoll_run(struct instance *e, int epfd, struct epoll_event *to, int max, struct poll *p)
{
	long r;
	rest_arrives();
	/* Once another thread has closed the descriptor, the number may stand for anything. */
	do r = wait_step(e, instance_of(epfd) == e ? epfd : -1, to, max, p);
	while (r == 0);
	pass_on(e);
	return r == -EAGAIN ? 0 : r;
}

/* Nothing virtual is in the set, and nothing will be while we sleep: the call is the kernel's. */
static bool is_plain(struct instance *e, time_ns timeout)
{
	if (!e) return true;
	if (e->members > 0 || e->nest) return false;
	/* Another thread may add the first virtual member: then the kernel alone would not wake us. */
	return __libc_single_threaded || timeout == 0 || instance_kick(e) != 0;
}

/* Our part of the three calls; `plain` says that it is none of ours. */
static long wait_ours(int epfd, struct epoll_event *events, int max, time_ns timeout, const sigset_t *mask, struct poll *p, bool *plain)
{
	struct instance *e = shim.active && !spawned() ? instance_hold(epfd) : NULL;
	long r = poll_begin(p, timeout, mask);
	*plain = r == 0 && is_plain(e, timeout);
	if (!*plain && r == 0) r = max <= 0 || max > INT_MAX / (int)sizeof *events ? -EINVAL : epoll_run(e, epfd, events, max, p);
	if (e) instance_release(e);
	return r;
}

long do_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask, size_t mask_size)
{
	struct poll p;
	time_ns wait;
	bool plain;
	int err = timeout_of(timeout, &wait);
	if (err != 0) return err;
	long r = wait_ours(epfd, events, max, wait, mask, &p, &plain);
	return plain ? cancellable(sys(SYS_epoll_pwait2, epfd, events, max, timeout, p.mask, mask_size)) : r;
}

long do_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask, size_t mask_size)
{
	struct poll p;
	bool plain;
	long r = wait_ours(epfd, events, max, timeout_ms < 0 ? TIME_NEVER : timeout_ms * NS_PER_MS, mask, &p, &plain);
	return plain ? cancellable(sys(SYS_epoll_pwait, epfd, events, max, timeout_ms, p.mask, mask_size)) : r;
}

long do_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	struct poll p;
	bool plain;
	long r = wait_ours(epfd, events, max, timeout_ms < 0 ? TIME_NEVER : timeout_ms * NS_PER_MS, NULL, &p, &plain);
	return plain ? cancellable(sys(SYS_epoll_wait, epfd, events, max, timeout_ms)) : r;
}
