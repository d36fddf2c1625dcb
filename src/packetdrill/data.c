/*
 * Reading and writing: ten calls that are two, send_wait and recv_wait. The stack takes one span of octets, so that several iovecs are
 * gathered into one, or scattered from it.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include "packetdrill/world.h"

/* ---- the two ---- */

/* What sendto with MSG_FASTOPEN began: as a blocking connect it waits until that is decided. Whom to connect to is settled. */
static int open_wait(struct blocking *b)
{
	const struct sockaddr to = {.sa_family = AF_INET};
	int r;

	while ((r = sock_connect(b->sk, &to, sizeof to)) == -EALREADY)
		if ((r = block_wait(b)) < 0) return r;
	return r;
}

/* A stream's blocking send goes on until it has sent everything; what went before an error is what counts. */
static ssize_t send_wait(struct world *w, int fd, const struct sock_msg *m)
{
	struct sock_msg part = *m;
	struct blocking b;
	ssize_t n, done = 0;
	int r = block_begin(&b, w, fd, m->flags & MSG_DONTWAIT, true);

	if (r < 0) return r;
	part.flags &= ~MSG_LEND;
	for (;;) {
		n = sock_send(b.sk, &part);
		if (b.until && (n == -EINPROGRESS || (n > 0 && part.flags & MSG_FASTOPEN))) {
			part.flags &= ~MSG_FASTOPEN;
			n = MAX(n, 0);
			r = open_wait(&b);
			if (r < 0) return r;
		}
		if (n >= 0) {
			done += n;
			part.data = (char *)part.data + n;
			part.len -= (size_t)n;
			if (b.sk->ops->datagram || !part.len) return done;
			continue;
		}
		if (n == -EAGAIN) n = block_wait(&b);
		if (n < 0) return done ? done : n;
	}
}

/* How much a blocking receive wants before it returns. */
static size_t recv_target(const struct sock *sk, size_t len, int flags)
{
	if (sk->ops->datagram || flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)) return 1;
	return flags & MSG_WAITALL ? len : MIN(len, (size_t)MAX(sk->rcvlowat, 1));
}

static ssize_t recv_wait(struct world *w, int fd, struct sock_msg *m)
{
	struct sock_msg whole = *m;
	struct blocking b;
	ssize_t n, done = 0;
	int r = block_begin(&b, w, fd, m->flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE), false);

	if (r < 0) return r;
	whole.flags &= ~MSG_LEND;
	for (;;) {
		*m = whole;
		m->data = (char *)m->data + done;
		m->len -= (size_t)done;
		n = sock_recv(b.sk, m);
		if (n >= 0) {
			done += n;
			if (n == 0 || (size_t)done >= recv_target(b.sk, whole.len, whole.flags)) return done;
			continue;
		}
		if (n == -EAGAIN) n = block_wait(&b);
		if (n < 0) return done ? done : n;
	}
}

/* ---- iovecs ---- */

static ssize_t iov_len(const struct iovec *iov, size_t n_iov)
{
	size_t len = 0;

	if (n_iov > IOV_MAX) return -EMSGSIZE;
	for (size_t i = 0; i < n_iov; i++) {
		if (iov[i].iov_len > SSIZE_MAX - len) return -EINVAL;
		len += iov[i].iov_len;
	}
	return (ssize_t)len;
}

static void iov_gather(char *to, const struct iovec *iov, size_t n_iov)
{
	for (size_t i = 0; i < n_iov; i++) {
		if (iov[i].iov_len) memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}

static void iov_scatter(const char *from, size_t len, const struct iovec *iov, size_t n_iov)
{
	for (size_t i = 0; i < n_iov && len; i++) {
		size_t n = MIN(len, iov[i].iov_len);
		if (n) memcpy(iov[i].iov_base, from, n);
		from += n;
		len -= n;
	}
}

static ssize_t msg_send(struct world *w, int fd, const struct msghdr *h, int flags)
{
	struct sock_msg m = {.name = h->msg_name, .name_len = h->msg_namelen, .control = h->msg_control, .control_len = h->msg_controllen, .flags = flags};
	ssize_t len = iov_len(h->msg_iov, h->msg_iovlen), n;

	if (len < 0) return len;
	m.len = (size_t)len;
	m.data = malloc(m.len + 1);
	if (!m.data) return -ENOMEM;
	iov_gather(m.data, h->msg_iov, h->msg_iovlen);
	n = send_wait(w, fd, &m);
	free(m.data);
	return n;
}

static ssize_t msg_recv(struct world *w, int fd, struct msghdr *h, int flags)
{
	struct sock_msg m = {.name = h->msg_name, .name_len = h->msg_namelen, .control = h->msg_control, .control_len = h->msg_controllen, .flags = flags};
	ssize_t len = iov_len(h->msg_iov, h->msg_iovlen), n;
	struct sock *sk;
	char *span;
	int r = desc_sock(w, fd, &sk);
	bool discard = r == 0 && flags & MSG_TRUNC && !sk->ops->datagram;

	if (r < 0) return r;
	if (len < 0) return len;
	m.len = (size_t)len;
	m.data = span = malloc(m.len + 1);
	if (!span) return -ENOMEM;
	n = recv_wait(w, fd, &m);
	if (n >= 0) {
		/* A datagram's length may be more than there was room for. */
		if (!discard) iov_scatter(span, (size_t)MIN(n, len), h->msg_iov, h->msg_iovlen);
		h->msg_namelen = m.name_len;
		h->msg_controllen = m.control_len;
		h->msg_flags = m.flags;
	}
	free(span);
	return n;
}

/* ---- the ten ---- */

static ssize_t call_sendmsg(void *userdata, int fd, const struct msghdr *h, int flags)
{
	struct world *w = world_enter(userdata);

	return world_leave(w, msg_send(w, fd, h, flags));
}

static ssize_t call_sendto(void *userdata, int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len)
{
	struct world *w = world_enter(userdata);
	struct sock_msg m = {.data = (void *)buf, .len = len, .name = (void *)addr, .name_len = addr ? addr_len : 0, .flags = flags};

	return world_leave(w, send_wait(w, fd, &m));
}

static ssize_t call_send(void *userdata, int fd, const void *buf, size_t len, int flags)
{
	return call_sendto(userdata, fd, buf, len, flags, NULL, 0);
}

static ssize_t call_recvmsg(void *userdata, int fd, struct msghdr *h, int flags)
{
	struct world *w = world_enter(userdata);

	return world_leave(w, msg_recv(w, fd, h, flags));
}

static ssize_t call_recvfrom(void *userdata, int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len)
{
	struct world *w = world_enter(userdata);
	struct sock_msg m = {.data = buf, .len = len, .name = addr, .name_len = addr ? *addr_len : 0, .flags = flags};
	ssize_t n = recv_wait(w, fd, &m);

	if (n >= 0 && addr) *addr_len = m.name_len;
	return world_leave(w, n);
}

static ssize_t call_recv(void *userdata, int fd, void *buf, size_t len, int flags)
{
	return call_recvfrom(userdata, fd, buf, len, flags, NULL, NULL);
}

/* read and write of what is not a socket: EINVAL, as Linux says of an epoll descriptor. */
static ssize_t file_result(ssize_t r) { return r == -ENOTSOCK ? -EINVAL : r; }

static ssize_t call_writev(void *userdata, int fd, const struct iovec *iov, int n_iov)
{
	struct world *w = world_enter(userdata);
	struct msghdr h = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n_iov};
	struct sock *sk;
	int r = desc_sock(w, fd, &sk);

	if (r == 0 && (n_iov < 0 || n_iov > IOV_MAX)) r = -EINVAL;
	return world_leave(w, r < 0 ? file_result(r) : msg_send(w, fd, &h, 0));
}

static ssize_t call_write(void *userdata, int fd, const void *buf, size_t count)
{
	return call_writev(userdata, fd, &(struct iovec){(void *)buf, count}, 1);
}

static ssize_t call_readv(void *userdata, int fd, const struct iovec *iov, int n_iov)
{
	struct world *w = world_enter(userdata);
	struct msghdr h = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n_iov};
	struct sock *sk;
	ssize_t len;
	int r = desc_sock(w, fd, &sk);

	if (r == 0 && (n_iov < 0 || n_iov > IOV_MAX)) r = -EINVAL;
	if (r < 0) return world_leave(w, file_result(r));
	len = iov_len(iov, (size_t)n_iov);
	/* read(2) of nothing asks a socket nothing. */
	return world_leave(w, len <= 0 ? len : msg_recv(w, fd, &h, 0));
}

static ssize_t call_read(void *userdata, int fd, void *buf, size_t count)
{
	return call_readv(userdata, fd, &(struct iovec){buf, count}, 1);
}

void data_fill(struct packetdrill_interface *i)
{
	i->read = call_read;
	i->readv = call_readv;
	i->recv = call_recv;
	i->recvfrom = call_recvfrom;
	i->recvmsg = call_recvmsg;
	i->write = call_write;
	i->writev = call_writev;
	i->send = call_send;
	i->sendto = call_sendto;
	i->sendmsg = call_sendmsg;
}
