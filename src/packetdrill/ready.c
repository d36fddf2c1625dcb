/*
 * poll and epoll over sock_poll, whose bits are both calls' own. An epoll descriptor is a list of interests, looked through on every wait;
 * an edge is a call of host_ops.ready since the last report.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "packetdrill/world.h"

#define ALWAYS (EPOLLERR | EPOLLHUP)

struct interest { struct list node; int fd; struct sock *sk; struct epoll_event event; bool edge, spent; };

/* ---- poll ---- */

static int poll_look(struct world *w, struct pollfd *fds, nfds_t n_fds)
{
	int n = 0;

	for (nfds_t i = 0; i < n_fds; i++) {
		struct desc *d;
		fds[i].revents = 0;
		if (fds[i].fd < 0) continue;
		if (desc_find(w, fds[i].fd, &d) < 0)
			fds[i].revents = POLLNVAL;
		else if (d->sk)
			fds[i].revents = (short)(sock_poll_waiting(d->sk) & ((unsigned short)fds[i].events | ALWAYS));
		n += fds[i].revents != 0;
	}
	return n;
}

static int call_poll(void *userdata, struct pollfd *fds, nfds_t n_fds, int timeout_ms)
{
	struct world *w = world_enter(userdata);
	time_ns until = world_until(w, timeout_ms);
	int n;

	while ((n = poll_look(w, fds, n_fds)) == 0 && world_wait(w, until) == 0)
		;
	return (int)world_leave(w, n);
}

/* ---- epoll ---- */

static int call_epoll_create(void *userdata, int size)
{
	struct world *w = world_enter(userdata);
	struct desc d = {.epoll = size > 0 ? malloc(sizeof *d.epoll) : NULL, .status = O_RDWR};
	int fd;

	if (!d.epoll) return (int)world_leave(w, size > 0 ? -ENOMEM : -EINVAL);
	fd = desc_add(w, &d);
	if (fd < 0) free(d.epoll);
	else list_init(d.epoll);
	return (int)world_leave(w, fd);
}

static struct interest *interest_find(const struct list *epoll, int fd)
{
	list_each(struct interest, at, epoll, node)
		if (at->fd == fd) return at;
	return NULL;
}

static int interest_change(struct list *epoll, int op, int fd, struct sock *sk, const struct epoll_event *event)
{
	struct interest *at = interest_find(epoll, fd);

	if (op != EPOLL_CTL_ADD && op != EPOLL_CTL_MOD && op != EPOLL_CTL_DEL) return -EINVAL;
	if (op == EPOLL_CTL_ADD && at) return -EEXIST;
	if (op != EPOLL_CTL_ADD && !at) return -ENOENT;
	if (op == EPOLL_CTL_DEL) {
		list_remove(&at->node);
		free(at);
		return 0;
	}
	if (!at) {
		at = calloc(1, sizeof *at);
		if (!at) return -ENOMEM;
		list_append(epoll, &at->node);
	}
	at->fd = fd;
	at->sk = sk;
	at->event = *event;
	at->edge = true;
	at->spent = false;
	return 0;
}

static int epoll_find(struct world *w, int epfd, struct list **ret)
{
	struct desc *d;
	int r = desc_find(w, epfd, &d);

	if (r < 0) return r;
	if (!d->epoll) return -EINVAL;
	*ret = d->epoll;
	return 0;
}

static int call_epoll_ctl(void *userdata, int epfd, int op, int fd, struct epoll_event *event)
{
	struct world *w = world_enter(userdata);
	struct list *epoll = NULL;
	struct desc *d;
	int r = desc_find(w, fd, &d);

	if (r == 0) r = epoll_find(w, epfd, &epoll);
	if (r == 0 && !d->sk) r = epfd == fd ? -EINVAL : -EPERM;     /* one epoll inside another */
	return (int)world_leave(w, r < 0 ? r : interest_change(epoll, op, fd, d->sk, event));
}

static int epoll_look(struct list *epoll, struct epoll_event *events, int max_events)
{
	int n = 0;

	list_each(struct interest, at, epoll, node) {
		uint32_t ready = at->spent ? 0 : sock_poll_waiting(at->sk) & (at->event.events | ALWAYS);
		if (!ready || n == max_events || (at->event.events & EPOLLET && !at->edge)) continue;
		events[n++] = (struct epoll_event){.events = ready, .data = at->event.data};
		at->edge = false;
		at->spent = at->event.events & EPOLLONESHOT;
	}
	return n;
}

static int call_epoll_wait(void *userdata, int epfd, struct epoll_event *events, int max_events, int timeout_ms)
{
	struct world *w = world_enter(userdata);
	time_ns until = world_until(w, timeout_ms);
	struct list *epoll;
	int r = max_events > 0 ? 0 : -EINVAL;

	while (r == 0) {
		r = epoll_find(w, epfd, &epoll);       /* again after each wait: it may have been closed */
		if (r == 0) r = epoll_look(epoll, events, max_events);
		if (r == 0 && world_wait(w, until) < 0) break;
	}
	return (int)world_leave(w, r);
}

/* ---- told by the others ---- */

void ready_forget(struct world *w, int fd)
{
	for (int i = 0; i < DESC_MAX; i++) {
		if (!w->descs[i].epoll) continue;
		list_each(struct interest, at, w->descs[i].epoll, node)
			if (i == fd || at->fd == fd) {
				list_remove(&at->node);
				free(at);
			}
	}
}

void ready_mark(struct world *w, const struct sock *sk)
{
	for (int i = 0; i < DESC_MAX; i++) {
		if (!w->descs[i].epoll) continue;
		list_each(struct interest, at, w->descs[i].epoll, node)
			if (at->sk == sk) at->edge = true;
	}
}

void ready_fill(struct packetdrill_interface *i)
{
	i->poll = call_poll;
	i->epoll_create = call_epoll_create;
	i->epoll_ctl = call_epoll_ctl;
	i->epoll_wait = call_epoll_wait;
}
