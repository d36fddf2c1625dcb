/*
 * An epoll descriptor in the set of another. The kernel would see the inner one's kernel members only, so such members are looked at here, by
 * poll's eyes, which see both kinds. The kernel has them too, with no events to report: that keeps its rules (no cycles, EEXIST, ENOENT).
 */
#include <sys/mman.h>
#include "shim/epoll.h"

static struct nested *place_of(struct instance *e, int fd)
{
	for (int i = 0; e->nest && i < NEST_MAX; i++)
		if (e->nest->at[i].fd == fd + 1) return &e->nest->at[i];
	return NULL;
}

static int nest_make(struct instance *e)
{
	if (e->nest) return 0;
	long p = sys(SYS_mmap, NULL, sizeof *e->nest, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096) return (int)p;
	e->nest = (struct nest *)p;
	return 0;
}

void nest_free(struct instance *e)
{
	if (e->nest) sys(SYS_munmap, e->nest, sizeof *e->nest);
	e->nest = NULL;
}

static long control_locked(struct instance *e, int epfd, int op, int fd, const struct epoll_event *ev)
{
	struct epoll_event silent = {.events = op == EPOLL_CTL_DEL ? 0 : ev->events & EPOLLEXCLUSIVE};
	struct nested *n = NULL;
	long r = nest_make(e);
	if (r == 0 && op == EPOLL_CTL_ADD && !(n = place_of(e, -1))) r = -ENOSPC;
	if (r == 0) r = sys(SYS_epoll_ctl, epfd, op, fd, &silent);
	if (r != 0) return r;
	if (op != EPOLL_CTL_ADD) n = place_of(e, fd);
	if (!n) return op == EPOLL_CTL_DEL ? 0 : -ENOENT;
	if (op == EPOLL_CTL_DEL) *n = (struct nested){0};
	else *n = (struct nested){fd + 1, table_epoll(fd), ev->events, ev->data, false};
	return 0;
}

long nest_control(struct instance *e, int epfd, int op, int fd, const struct epoll_event *ev)
{
	struct epoll_event event = {0};
	if (op != EPOLL_CTL_DEL && user_copy(&event, ev, sizeof event) != 0) return -EFAULT;
	instance_lock(e);
	long r = control_locked(e, epfd, op, fd, &event);
	instance_unlock(e);
	if (r == 0 && op != EPOLL_CTL_DEL) instance_wake(e);
	return r;
}

/* Closed, or another epoll by now: the kernel has forgotten it as well. */
static bool nested_gone(const struct nested *n) { return table_peek(n->fd - 1) != FD_EPOLL || table_epoll(n->fd - 1) != n->instance; }

static bool nested_ready(const struct nested *n)
{
	struct pollfd p = {n->fd - 1, POLLIN, 0};
	struct timespec now = {0, 0};
	uint32_t bell;
	if (!(n->events & (EPOLLIN | EPOLLRDNORM)) || n->off) return false;
	return epoll_virtual_ready(n->fd - 1, &bell) || sys(SYS_ppoll, &p, 1, &now, NULL, 0) > 0;
}

int nest_look(struct instance *e, struct epoll_event *to, int max)
{
	int found = 0;
	for (int i = 0; i < NEST_MAX && found < max; i++) {
		struct nested *n = &e->nest->at[i];
		if (n->fd == 0) continue;
		if (nested_gone(n)) *n = (struct nested){0};
		else if (nested_ready(n)) {
			to[found++] = (struct epoll_event){n->events & (EPOLLIN | EPOLLRDNORM), n->data};
			n->off = n->events & EPOLLONESHOT;
		}
	}
	return found;
}

bool nest_ready(struct instance *e)
{
	bool ready = false;
	for (int i = 0; i < NEST_MAX && !ready; i++) ready = e->nest->at[i].fd != 0 && !nested_gone(&e->nest->at[i]) && nested_ready(&e->nest->at[i]);
	return ready;
}

int nest_poll(struct instance *e, struct pollfd *to, int max)
{
	int count = 0;
	uint32_t bell;
	for (int i = 0; e->nest && i < NEST_MAX && count + 2 <= max; i++) {
		struct nested *n = &e->nest->at[i];
		if (n->fd == 0 || n->off || nested_gone(n)) continue;
		to[count++] = (struct pollfd){n->fd - 1, POLLIN, 0};
		epoll_virtual_ready(n->fd - 1, &bell);   /* arms its bell */
		if (bell != 0) to[count++] = (struct pollfd){bell_eventfd(bell), POLLIN, 0};
	}
	return count;
}
