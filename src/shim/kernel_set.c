/* The kernel's part of a polled set: its descriptors, and beside them, for a sleep, the eventfds and sockets that wake us. */
#include <limits.h>
#include <sys/mman.h>
#include "shim/poll.h"

int kernel_set_init(struct kernel_set *k, nfds_t n)
{
	k->n = 0;
	k->mapped = 0;
	k->fds = k->fds_here;
	k->from = k->from_here;
	k->room = KERNEL_SET_HERE;
	if (n <= KERNEL_SET_HERE / 2) return 0;
	/* Epoll descriptors bring a bell each. */
	k->room = (uint32_t)n * 2;
	k->mapped = (size_t)(k->room + 4) * (sizeof *k->fds + sizeof *k->from);
	long p = sys(SYS_mmap, NULL, k->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096) return (int)p;
	k->fds = (struct pollfd *)p;
	k->from = (uint32_t *)(k->fds + k->room + 4);
	return 0;
}

void kernel_set_free(struct kernel_set *k)
{
	if (k->mapped) sys(SYS_munmap, k->fds, k->mapped);
}

void kernel_set_add(struct kernel_set *k, int fd, short events, uint32_t from)
{
	if (k->n >= k->room + 4) return;
	k->fds[k->n] = (struct pollfd){fd, events, 0};
	k->from[k->n++] = from;
}

uint32_t kernel_set_ask(struct kernel_set *k, struct pollfd *fds)
{
	struct timespec none = {0, 0};
	uint32_t more = 0;
	if (k->n == 0 || sys(SYS_ppoll, k->fds, k->n, &none, NULL, 0) <= 0) return 0;
	for (uint32_t i = 0; i < k->n; i++) {
		if (k->from[i] == KERNEL_SET_WAKER || k->fds[i].revents == 0) continue;
		if (fds[k->from[i]].revents == 0) more++;
		fds[k->from[i]].revents |= k->fds[i].revents;
	}
	return more;
}
