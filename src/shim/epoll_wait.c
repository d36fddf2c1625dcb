/*
 * Waiting on an epoll instance with members of both kinds.
 *
 *     look:   the virtual members (epoll_look.c), nested epolls, and epoll_wait(E, 0) when the kernel has members
 *     sleep:  on the bell's futex; with kernel members in ppoll on {E, the bell's eventfd, the control socket …}
 *
 * Several threads, of several processes, may wait on one epoll file: the ringer disarms the bell and wakes, so one that goes to work arms it again for
 * those that still sleep.
 */
#include <limits.h>
#include "shim/ended.h"
#include "shim/epoll.h"
#include "shim/signal.h"

/* Nothing but virtual members: the bell's futex tells all. */
static bool only_virtual(const struct instance *e)
{
	struct epoll_set *s = e->set;
	return atomic_load(&s->kernel_members) == 0 && atomic_load(&s->members) > 0 && atomic_load(&s->nests) == 0;
}

/* Sleeps until something may be ready: 0, -EINTR, -EAGAIN. The bell is armed; bits are looked at once more. */
static long sleep_futex(struct instance *e, struct poll *p)
{
	struct bell *b = instance_bell(e);
	uint32_t seq = shared_get32(&b->seq);
	bell_arm(b, BELL_FUTEX);
	if (instance_stirs(e) || !only_virtual(e)) return 0;
	return wait_on_word(&p->wait, &b->seq, seq);
}

static long sleep_kernel(struct instance *e, int epfd, struct poll *p)
{
	struct pollfd fds[3 + 2 * NEST_MAX] = {{epfd, POLLIN, 0}, {shim.control, 0, 0}, {bell_eventfd(e->bell), POLLIN, 0}};
	int n = 3;
	if (atomic_load(&e->set->nests) > 0) n += nest_poll(e, fds + 3, 2 * NEST_MAX);
	bell_arm(instance_bell(e), BELL_EVENTFD);
	if (instance_stirs(e) || (n > 3 && nest_ready(e))) return 0;
	long r = poll_sleep(p, fds, (uint32_t)n, fds[2].fd < 0);
	if (r > 0 && fds[1].revents & POLLHUP) atomic_store(&shim.cut, true);
	if (r > 0 && fds[2].revents) bell_drain(e->bell);
	if (r == 0 || (r > 0 && fds[0].revents)) shared_set32(&e->set->kernel_ready, 1);
	return r == 0 ? -EAGAIN : MIN(r, 0);
}

static uint32_t sleepers(const struct instance *e)
{
	return (atomic_load(&e->set->on_futex) > 0 ? BELL_FUTEX : 0) | (atomic_load(&e->set->on_eventfd) > 0 ? BELL_EVENTFD : 0);
}

static long instance_sleep(struct instance *e, int epfd, struct poll *p)
{
	bool futex = !p->mask && only_virtual(e);
	_Atomic uint32_t *count = futex ? &e->set->on_futex : &e->set->on_eventfd;
	bool noted = sleeper_in(count, &instance_bell(e)->generation);
	long r = futex ? sleep_futex(e, p) : sleep_kernel(e, epfd, p);
	sleeper_out(count, noted);
	/* The ringer has disarmed the bell; the others' sleep must be armed again, and what is there by now is theirs. */
	if (sleepers(e)) bell_arm(instance_bell(e), sleepers(e));
	return r;
}

/* Bits are left over and others sleep: one of them takes the next. */
static void pass_on(struct instance *e)
{
	if (sleepers(e) && instance_stirs(e)) bell_ring_own(e->bell, 1);
}

/* Before a sleep the kernel's members need no look of their own: the sleep itself tells. */
static bool kernel_turn(struct instance *e, int found, const struct poll *p)
{
	if (only_virtual(e)) return false;
	return found > 0 || atomic_exchange(&e->set->kernel_ready, 0) || poll_over(p);
}

/* What the virtual members and nested epolls have to report. */
static long look_ours(struct instance *e, struct epoll_event *to, int max)
{
	int n = instance_look(e, to, max);
	if (n < 0 || n == max || atomic_load(&e->set->nests) == 0) return n;
	int nested = nest_look(e, to + n, max - n);
	return n == 0 ? nested : n + MAX(nested, 0);
}

/* The kernel's members have something to report: does one of them tell of ends? What has ended with the process is then ready, too. */
static bool ends_told(const struct instance *e)
{
	if (shared_get32(&e->set->tells_ends) == 0) return false;
	ended_told();
	return true;
}

/* Ours first, then the kernel's; when ours left no room, the other way round the next time. */
static long wait_step(struct instance *e, int epfd, struct epoll_event *to, int max, struct poll *p)
{
	bool owed = atomic_exchange(&e->set->kernel_owed, 0) && atomic_load(&e->set->kernel_members) > 0;
	long k = owed ? sys(SYS_epoll_wait, epfd, to, max, 0) : 0, n = MAX(k, 0);
	if (n < max) {
		long r = look_ours(e, to + n, max - (int)n);
		/* Data may stand in a ring whose bell is still to ring: what the kernel has ready must not hide that from a call that doesn't wait. */
		if (r == 0 && atomic_load(&e->set->members) > 0 && poll_over(p) && look_again(&p->looked)) r = look_ours(e, to + n, max - (int)n);
		if (r < 0) return n > 0 ? n : r;
		n += r;
	}
	if (n == max) shared_set32(&e->set->kernel_owed, !owed);
	else if (!owed && kernel_turn(e, (int)n, p)) {
		k = sys(SYS_epoll_wait, epfd, to + n, max - n, 0);
		if (k < 0 && n == 0) return k;
		n += MAX(k, 0);
		if (k > 0 && n < max && ends_told(e)) n += MAX(look_ours(e, to + n, max - (int)n), 0);
	}
	if (n > 0) return n;
	if (poll_answers_now(p) && atomic_load(&e->set->members) > 0 && look_again(&p->looked)) return 0;
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

/* The call is the kernel's. One that doesn't wait is, too, while nothing virtual is there. */
static bool is_plain(const struct instance *e, time_ns timeout)
{
	if (!e || instance_is_plain(e)) return true;
	return timeout == 0 && atomic_load(&e->set->members) == 0 && atomic_load(&e->set->nests) == 0;
}

/* Our part of the three calls; `plain` says that it is none of ours. */
static long wait_ours(int epfd, struct epoll_event *events, int max, time_ns timeout, const struct sigset_arg *mask,
		      struct poll *p, bool *plain)
{
	struct instance *e = shim.active && !spawned() ? instance_hold(epfd) : NULL;
	long r = poll_begin(p, timeout, mask);
	*plain = r == 0 && is_plain(e, timeout);
	p->tells_ends = e && shared_get32(&e->set->tells_ends) != 0;
	if (!*plain && r == 0) r = max <= 0 || max > INT_MAX / (int)sizeof *events ? -EINVAL : epoll_run(e, epfd, events, max, p);
	if (e) instance_release(e);
	return r;
}

/* The kernel's answer alone. */
static long plainly(const struct poll *p, long r)
{
	if (r > 0 && p->tells_ends) ended_told();
	return r;
}

long do_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask, size_t mask_size)
{
	struct poll p;
	time_ns wait;
	bool plain;
	int err = timeout_of(timeout, &wait);
	if (err != 0) return err;
	long r = wait_ours(epfd, events, max, wait, &(struct sigset_arg){mask, mask_size}, &p, &plain);
	return plain ? plainly(&p, cancellable(sys_wait(SYS_epoll_pwait2, epfd, events, max, timeout, p.mask, KERNEL_MASK))) : r;
}

long do_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask, size_t mask_size)
{
	struct poll p;
	bool plain;
	long r = wait_ours(epfd, events, max, timeout_ms < 0 ? TIME_NEVER : timeout_ms * NS_PER_MS, &(struct sigset_arg){mask, mask_size}, &p, &plain);
	return plain ? plainly(&p, cancellable(sys_wait(SYS_epoll_pwait, epfd, events, max, timeout_ms, p.mask, KERNEL_MASK))) : r;
}

long do_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	struct poll p;
	bool plain;
	long r = wait_ours(epfd, events, max, timeout_ms < 0 ? TIME_NEVER : timeout_ms * NS_PER_MS, NULL, &p, &plain);
	return plain ? plainly(&p, cancellable(sys_wait(SYS_epoll_wait, epfd, events, max, timeout_ms))) : r;
}
