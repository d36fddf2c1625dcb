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

static void nested_free(struct nested *n)
{
	if (n->scout > 0) hidden_close(&n->scout);
	*n = (struct nested){0};
}

void nest_free(struct instance *e)
{
	for (int i = 0; e->nest && i < NEST_MAX; i++) nested_free(&e->nest->at[i]);
	if (e->nest) sys(SYS_munmap, e->nest, sizeof *e->nest);
	e->nest = NULL;
}

/* How often the inner one's bell was rung. */
static uint32_t rings_of(const struct nested *n)
{
	struct instance *in = instance_of(n->fd - 1);
	return in && in->bell != 0 ? shared_get32(&arena_bell(shim.arena, in->bell)->seq) : 0;
}

static int scout_send(struct nested *n)
{
	struct epoll_event edge = {.events = EPOLLIN | EPOLLET};
	int fd = (int)sys(SYS_epoll_create1, EPOLL_CLOEXEC);
	if (fd < 0) return fd;
	n->scout = hide_fd(fd, false);
	return (int)sys(SYS_epoll_ctl, n->scout, EPOLL_CTL_ADD, n->fd - 1, &edge);
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
	nested_free(n);
	if (op == EPOLL_CTL_DEL) return 0;
	*n = (struct nested){.fd = fd + 1, .instance = table_epoll(fd), .events = ev->events, .data = ev->data};
	n->seen = rings_of(n) - 1;
	return ev->events & EPOLLET ? scout_send(n) : 0;
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
	bool edge = n->events & EPOLLET;
	struct pollfd p = {edge ? n->scout : n->fd - 1, POLLIN, 0};
	struct timespec now = {0, 0};
	uint32_t bell;
	if (!(n->events & (EPOLLIN | EPOLLRDNORM)) || n->off) return false;
	if (epoll_virtual_ready(n->fd - 1, &bell) && (!edge || n->seen != rings_of(n))) return true;
	return sys(SYS_ppoll, &p, 1, &now, NULL, 0) > 0;
}

/* Reported: what comes from now on is news. */
static void nested_seen(struct nested *n)
{
	struct epoll_event ev;
	n->off = n->events & EPOLLONESHOT;
	if (!(n->events & EPOLLET)) return;
	n->seen = rings_of(n);
	sys(SYS_epoll_wait, n->scout, &ev, 1, 0);
}

int nest_look(struct instance *e, struct epoll_event *to, int max)
{
	int found = 0;
	for (int i = 0; i < NEST_MAX && found < max; i++) {
		struct nested *n = &e->nest->at[i];
		if (n->fd == 0) continue;
		if (nested_gone(n)) nested_free(n);
		else if (nested_ready(n)) {
			to[found++] = (struct epoll_event){n->events & (EPOLLIN | EPOLLRDNORM), n->data};
			nested_seen(n);
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
		to[count++] = (struct pollfd){n->events & EPOLLET ? n->scout : n->fd - 1, POLLIN, 0};
		epoll_virtual_ready(n->fd - 1, &bell);   /* arms its bell */
		if (bell != 0) to[count++] = (struct pollfd){bell_eventfd(bell), POLLIN, 0};
	}
	return count;
}
