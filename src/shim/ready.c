/*
 * What one descriptor has to say. Whose readiness comes from where is known here alone: a socket's from its channel; an epoll descriptor's from
 * the virtual members of its set and from the kernel; an io_uring's from its queues; every other one's from the kernel. A kind of descriptor that is to be
 * polled with the rest gets its case here: its revents, and a bell or a waker if it has one of its own.
 */
#include "shim/poll.h"

#define ALWAYS (POLLERR | POLLHUP | POLLNVAL)

/* The peer's close may be ahead of the engine. */
static bool ends(const struct sock *s, short events, short wanted)
{
	if (events & POLLIN || !(wanted & (POLLIN | POLLRDNORM | POLLRDHUP)) || pin(s) != 0) return false;
	bool is_told = stream_ends(s);
	unpin();
	return is_told;
}

static short channel_events(const struct sock *s, short wanted)
{
	if (engine_dead()) return POLLERR | POLLHUP | POLLIN;
	short events = (short)sock_events(s);
	if (ends(s, events, wanted)) events = (short)sock_events(s);
	if (!(events & POLLOUT) && signals_want_room(s)) events = (short)sock_events(s);
	return events;
}

short ready_look(int fd, short wanted, struct ready *ret)
{
	ret->bell = 0;
	ret->waker = -1;
	ret->asks_kernel = false;
	ret->kind = fd < 0 ? FD_HIDDEN : table_kind(fd, &ret->sock);
	switch (ret->kind) {
	case FD_HIDDEN: return fd < 0 ? 0 : POLLNVAL;
	case FD_CHANNEL: return channel_events(&ret->sock, wanted) & (short)(wanted | ALWAYS);
	case FD_EPOLL:
		ret->asks_kernel = true;
		return epoll_virtual_ready(fd, &ret->bell) ? (POLLIN | POLLRDNORM) & wanted : 0;
	case FD_URING: return uring_poll(fd, &ret->waker) & (short)(wanted | ALWAYS);
	default:
		ret->asks_kernel = true;
		return 0;
	}
}
