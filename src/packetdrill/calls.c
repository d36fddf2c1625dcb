/*
 * Descriptors, and the calls that make, name, set and end a socket. A number is an index into world.descs, the lowest that is free, as
 * on Linux; there is no second descriptor for anything. What must not wait here goes straight to the stack.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "packetdrill/world.h"

/* ---- descriptors ---- */

int desc_find(struct world *w, int fd, struct desc **ret)
{
	struct desc *d = fd >= 0 && fd < DESC_MAX ? &w->descs[fd] : NULL;

	if (!d || (!d->sk && !d->epoll)) return -EBADF;
	*ret = d;
	return 0;
}

int desc_sock(struct world *w, int fd, struct sock **ret)
{
	struct desc *d;
	int r = desc_find(w, fd, &d);

	if (r < 0) return r;
	if (!d->sk) return -ENOTSOCK;
	*ret = d->sk;
	return 0;
}

int desc_add(struct world *w, const struct desc *d)
{
	for (int fd = DESC_FIRST; fd < DESC_MAX; fd++)
		if (!w->descs[fd].sk && !w->descs[fd].epoll) {
			w->descs[fd] = *d;
			return fd;
		}
	return -EMFILE;
}

static int sock_desc_add(struct world *w, struct sock *sk, int flags)
{
	struct desc d = {.sk = sk, .status = O_RDWR | (flags & SOCK_NONBLOCK ? O_NONBLOCK : 0), .cloexec = flags & SOCK_CLOEXEC ? FD_CLOEXEC : 0};
	int fd = desc_add(w, &d);

	if (fd < 0) sock_close(sk);
	else sk->user = w;
	return fd;
}

/* ---- waiting ---- */

int block_begin(struct blocking *b, struct world *w, int fd, bool dont_wait, bool sending)
{
	struct sock *sk;
	int64_t timeo_us;
	int r = desc_sock(w, fd, &sk);

	if (r < 0) return r;
	timeo_us = sending ? sk->sndtimeo_us : sk->rcvtimeo_us;
	*b = (struct blocking){.w = w, .fd = fd, .sk = sk, .cookie = sk->cookie, .until = TIME_NEVER};
	if (dont_wait || w->descs[fd].status & O_NONBLOCK || timeo_us < 0)
		b->until = 0;
	else if (timeo_us && timeo_us < (TIME_NEVER - w->stack->now) / NS_PER_US)
		b->until = w->stack->now + timeo_us * NS_PER_US;
	return 0;
}

int block_wait(struct blocking *b)
{
	struct sock *sk;
	int r = world_wait(b->w, b->until);

	if (r < 0) return r;
	return desc_sock(b->w, b->fd, &sk) == 0 && sk == b->sk && sk->cookie == b->cookie ? 0 : -EBADF;
}

/* ---- calls ---- */

static int call_socket(void *userdata, int domain, int type, int protocol)
{
	struct world *w = world_enter(userdata);
	struct sock *sk;
	int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC), r = sock_create(w->stack, domain, type & ~flags, protocol, &sk);

	return (int)world_leave(w, r < 0 ? r : sock_desc_add(w, sk, flags));
}

static int call_bind(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct world *w = world_enter(userdata);
	struct sock *sk;
	int r = desc_sock(w, fd, &sk);

	return (int)world_leave(w, r < 0 ? r : sock_bind(sk, addr, len));
}

static int call_listen(void *userdata, int fd, int backlog)
{
	struct world *w = world_enter(userdata);
	struct sock *sk;
	int r = desc_sock(w, fd, &sk);

	return (int)world_leave(w, r < 0 ? r : sock_listen(sk, backlog));
}

static int accept_wait(struct world *w, int fd, struct sock **ret)
{
	struct blocking b;
	int r = block_begin(&b, w, fd, false, false);

	if (r < 0) return r;
	while ((r = sock_accept(b.sk, ret)) == -EAGAIN) {
		r = block_wait(&b);
		if (r < 0) return r;
	}
	return r;
}

static int call_accept(void *userdata, int fd, struct sockaddr *addr, socklen_t *len)
{
	struct world *w = world_enter(userdata);
	struct sockaddr_storage name;
	socklen_t name_len = 0;
	struct sock *sk;
	int r = accept_wait(w, fd, &sk);

	if (r >= 0) r = sock_desc_add(w, sk, 0);
	if (r < 0 || !addr || !len) return (int)world_leave(w, r);
	if (sock_getpeername(sk, &name, &name_len) == 0) {
		memcpy(addr, &name, MIN(*len, name_len));
		*len = name_len;
	}
	return (int)world_leave(w, r);
}

static int connect_wait(struct world *w, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct blocking b;
	int r = block_begin(&b, w, fd, false, true);

	if (r < 0) return r;
	for (int first = r = sock_connect(b.sk, addr, len); r == -EINPROGRESS || r == -EALREADY; r = sock_connect(b.sk, addr, len)) {
		int wait = block_wait(&b);
		if (wait < 0) return wait == -EAGAIN ? first : wait;
	}
	return r;
}

static int call_connect(void *userdata, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct world *w = world_enter(userdata);

	return (int)world_leave(w, connect_wait(w, fd, addr, len));
}

static int call_shutdown(void *userdata, int fd, int how)
{
	struct world *w = world_enter(userdata);
	struct sock *sk;
	int r = desc_sock(w, fd, &sk);

	return (int)world_leave(w, r < 0 ? r : sock_shutdown(sk, how));
}

static int call_getsockopt(void *userdata, int fd, int level, int name, void *val, socklen_t *len)
{
	struct world *w = world_enter(userdata);
	struct sock *sk;
	int r = desc_sock(w, fd, &sk);

	return (int)world_leave(w, r < 0 ? r : sock_getsockopt(sk, level, name, val, len));
}

static int call_setsockopt(void *userdata, int fd, int level, int name, const void *val, socklen_t len)
{
	struct world *w = world_enter(userdata);
	struct sock *sk;
	int r = desc_sock(w, fd, &sk);

	return (int)world_leave(w, r < 0 ? r : sock_setsockopt(sk, level, name, val, len));
}

static int call_close(void *userdata, int fd)
{
	struct world *w = world_enter(userdata);
	struct desc *d, old;
	int r = desc_find(w, fd, &d);

	if (r < 0) return (int)world_leave(w, r);
	ready_forget(w, fd);
	old = *d;
	*d = (struct desc){0};
	if (old.sk) sock_close(old.sk);
	free(old.epoll);
	return (int)world_leave(w, 0);
}

/* ---- fcntl, ioctl ---- */

static int desc_fcntl(struct desc *d, int cmd, int arg)
{
	switch (cmd) {
	case F_GETFL: return d->status;
	case F_SETFL: d->status = (d->status & ~O_NONBLOCK) | (arg & O_NONBLOCK); return 0;
	case F_GETFD: return d->cloexec;
	case F_SETFD: d->cloexec = arg & FD_CLOEXEC; return 0;
	default: return -EINVAL;
	}
}

static int call_fcntl(void *userdata, int fd, int cmd, ...)
{
	struct world *w = world_enter(userdata);
	struct desc *d;
	int r = desc_find(w, fd, &d);
	va_list args;

	va_start(args, cmd);
	if (r == 0) r = desc_fcntl(d, cmd, cmd == F_SETFL || cmd == F_SETFD ? va_arg(args, int) : 0);
	va_end(args);
	return (int)world_leave(w, r);
}

/* How much a request's argument points to. SIOCGIFCONF's points on, and is refused. */
static size_t ioctl_size(unsigned long request)
{
	return request == SIOCINQ || request == SIOCOUTQ || request == SIOCOUTQNSD || request == SIOCATMARK ? sizeof(int) : sizeof(struct ifreq);
}

static int desc_ioctl(struct desc *d, unsigned long request, void *arg)
{
	if (request == FIONBIO) return desc_fcntl(d, F_SETFL, *(int *)arg ? O_NONBLOCK : 0);
	if (!d->sk || request == SIOCGIFCONF) return -ENOTTY;
	return sock_ioctl(d->sk, request, arg, ioctl_size(request));
}

static int call_ioctl(void *userdata, int fd, unsigned long request, ...)
{
	struct world *w = world_enter(userdata);
	struct desc *d;
	int r = desc_find(w, fd, &d);
	va_list args;

	va_start(args, request);
	if (r == 0) r = desc_ioctl(d, request, va_arg(args, void *));
	va_end(args);
	return (int)world_leave(w, r);
}

/* ---- what a stack of sockets has not ---- */

static int call_pipe(void *userdata, int fds[2])
{
	(void)userdata, (void)fds;
	errno = ENOSYS;
	return -1;
}

static ssize_t call_splice(void *userdata, int fd_in, loff_t *off_in, int fd_out, loff_t *off_out, size_t len, unsigned flags)
{
	(void)userdata, (void)fd_in, (void)off_in, (void)fd_out, (void)off_out, (void)len, (void)flags;
	errno = ENOSYS;
	return -1;
}

void calls_fill(struct packetdrill_interface *i)
{
	i->socket = call_socket;
	i->bind = call_bind;
	i->listen = call_listen;
	i->accept = call_accept;
	i->connect = call_connect;
	i->shutdown = call_shutdown;
	i->getsockopt = call_getsockopt;
	i->setsockopt = call_setsockopt;
	i->close = call_close;
	i->fcntl = call_fcntl;
	i->ioctl = call_ioctl;
	i->pipe = call_pipe;
	i->splice = call_splice;
}
