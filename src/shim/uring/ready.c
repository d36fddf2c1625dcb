/*
 * A ring's descriptor in poll, select and epoll: readable while completions are there, writable while there is room for entries. What the kernel has
 * under its number is a file, always ready; so those who poll it watch an eventfd of the ring's instead. The program takes completions without a
 * word, so the eventfd is drained when a look finds the queue empty.
 */
#include <sys/eventfd.h>
#include "shim/uring/uring.h"

static int ready_fd(struct ring *g)
{
	ring_lock(g);
	if (g->ready < 0) {
		int fd = (int)sys(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC);
		g->ready = fd < 0 ? fd : hide_fd(fd, false);
		if (fd < 0) g->ready = -1;
	}
	atomic_store(&g->polled, g->ready >= 0);
	if (cq_ready(g) > 0) eventfd_add(g->ready);
	int fd = g->ready;
	ring_unlock(g);
	return fd < 0 ? -EMFILE : fd;
}

/* Completions that the program has taken need no readiness any more. */
static void settle(struct ring *g)
{
	uint64_t n;
	ring_lock(g);
	if (atomic_load(&g->polled) && cq_ready(g) == 0 && !g->overflow) sys(SYS_read, g->ready, &n, sizeof n);
	ring_unlock(g);
}

void urings_settle(void)
{
	for (uint32_t i = 1; i <= rings_top(); i++) {
		struct ring *g = ring_hold_index(i);
		if (!g) continue;
		if (atomic_load(&g->polled)) settle(g);
		ring_release(g);
	}
}

short uring_poll(int fd, int *ret_fd)
{
	long err;
	short events = 0;
	struct ring *g = ring_hold(fd, false, &err);
	*ret_fd = -1;
	if (!g) return POLLNVAL;
	*ret_fd = MAX(ready_fd(g), -1);
	settle(g);
	if (shared_get32(g->sq_tail) - atomic_load(&g->shared->sq_taken) < g->sq_entries) events |= POLLOUT | POLLWRNORM;
	if (cq_ready(g) > 0 || g->overflow) events |= POLLIN | POLLRDNORM;
	ring_release(g);
	return events;
}

int uring_poll_fd(int fd)
{
	long err;
	struct ring *g = ring_hold(fd, false, &err);
	if (!g) return (int)err;
	int ready = ready_fd(g);
	ring_release(g);
	return ready;
}
