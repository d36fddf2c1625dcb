/*
 * Sleeping until something in a polled set may be ready.
 *
 *     one of ours alone  on its direction's sequence number: no bell is needed
 *     only ours          on the futex of this thread's bell
 *     mixed              in the kernel's ppoll on its descriptors, the bells' eventfds and the control socket (whose hang-up is the engine's death)
 *     no bell is left    the same, in slices of some milliseconds
 *
 * A bell is armed before the last look and rung after a change is published, so one of the two sees the other.
 */
#include "shim/poll.h"

#define BELL_LESS_NS (5 * NS_PER_MS)

struct timespec *poll_left(const struct poll *p, bool in_slices, struct timespec *to)
{
	time_ns deadline = in_slices ? MIN(p->wait.deadline, now_ns() + BELL_LESS_NS) : p->wait.deadline;
	if (deadline == TIME_NEVER) return NULL;
	time_ns left = MAX(deadline - now_ns(), 0);
	*to = (struct timespec){left / NS_PER_S, left % NS_PER_S};
	return to;
}

/* The end of the time is for the next step to see, after a last look. */
static long timed_out(long r) { return r == -EAGAIN ? 0 : r; }

long sleep_direction(struct poll *p, const struct sock *s, struct direction *d, uint32_t seq)
{
	if (pin(s) != 0) return 0;   /* closed meanwhile */
	int r = wait_on(&p->wait, s, d, seq);
	unpin();
	return timed_out(r);
}

static long sleep_bell(struct poll *p, struct pollfd *fds, nfds_t n)
{
	uint32_t bell = self.bell;
	struct bell *b = arena_bell(shim.arena, bell);
	struct look l;
	uint32_t seq = shared_get32(&b->seq);
	bell_arm(b, BELL_FUTEX);
	look(fds, n, &l, NULL);
	long r = l.ready > 0 ? 0 : wait_on_word(&p->wait, &b->seq, seq);
	if (self.bell == bell) bell_disarm(b);
	return timed_out(r);
}

/* With ours, they may be more than RLIMIT_NOFILE lets a ppoll look at. */
long poll_sleep(const struct poll *p, struct pollfd *fds, uint32_t n, bool in_slices)
{
	struct timespec t;
	long r = cancellable(sleep_call(SYS_ppoll, (long)fds, n, (long)poll_left(p, in_slices, &t), (long)p->mask, KERNEL_MASK, 0, &self.handled,
					p->wait.handled));
	return r == -EINVAL && n > 0 ? poll_sleep(p, NULL, 0, true) : r;
}

static long kernel_sleep(struct poll *p, struct kernel_set *k, bool ours)
{
	if (ours && self.bell != 0) kernel_set_add(k, bell_eventfd(self.bell), POLLIN, KERNEL_SET_WAKER);
	kernel_set_add(k, shim.control, 0, KERNEL_SET_WAKER);
	long r = poll_sleep(p, k->fds, k->n, ours && self.bell == 0);
	if (r > 0 && k->fds[k->n - 1].revents & POLLHUP) atomic_store(&shim.cut, true);
	return r;
}

static long sleep_mixed(struct poll *p, struct pollfd *fds, nfds_t n, bool ours)
{
	struct kernel_set k;
	struct look l;
	uint32_t bell = ours ? self.bell : 0;
	int r = kernel_set_init(&k, n);
	if (r != 0) return r;
	if (bell != 0) bell_arm(arena_bell(shim.arena, bell), BELL_EVENTFD);
	look(fds, n, &l, &k);
	long found = 0;
	if (l.ready == 0) found = kernel_sleep(p, &k, ours);
	if (bell != 0 && self.bell == bell) {
		bell_disarm(arena_bell(shim.arena, bell));
		bell_drain(bell);
	}
	kernel_set_free(&k);
	return MIN(found, 0);
}

/* Whatever of ours is in the set rings this thread's bell from now on. */
static int watch_all(struct pollfd *fds, nfds_t n)
{
	struct sock s;
	struct watch_list l;
	l.n = 0;
	if (bell_of_thread() == 0) return engine_dead() ? -ENETDOWN : -ENOMEM;
	for (nfds_t i = 0; i < n; i++) {
		if (fds[i].fd < 0 || !sock_of(fds[i].fd, &s)) continue;
		int r = bell_watch_thread(&l, &s);
		if (r < 0) return r;
	}
	return bell_watch_thread(&l, NULL);
}

long sleep_set(struct poll *p, struct pollfd *fds, nfds_t n, const struct look *l, bool kernel)
{
	bool ours = l->virtual > 0;
	int r = ours ? watch_all(fds, n) : 0;
	if (r < 0 && r != -ENOMEM) return r;
	if (r == 0 && ours && !kernel && !p->mask) return sleep_bell(p, fds, n);
	return sleep_mixed(p, fds, n, ours);
}
