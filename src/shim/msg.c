/*
 * All the calls that carry data are one of two: a message out, a message in. Here the forms that programs use (buffer, iovec, msghdr, many msghdrs)
 * become a struct message, and what came with it goes back where the program wants it. Descriptors of the kernel's get the same call.
 */
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include "shim/shim.h"
#include "shim/unix.h"

#define COUNT_MOST ((size_t)0x7ffff000)           /* octets that Linux moves in one call */
#define ADDRESS_END ((uintptr_t)0x7ffffffff000)   /* of programs */

/* Linux looks at where memory lies before it looks at what is there. */
static bool lies_outside(const void *at, size_t len) { return len > ADDRESS_END || (uintptr_t)at > ADDRESS_END - len; }

struct sum { const struct iovec *iov; int count; };

static long sum(void *arg)
{
	const struct sum *s = arg;
	size_t total = 0;
	for (int i = 0; i < s->count; i++) {
		if ((ssize_t)s->iov[i].iov_len < 0) return -EINVAL;
		/* Of one buffer alone it is cut to what a call moves before it is looked at. */
		size_t len = s->count == 1 ? MIN(s->iov[i].iov_len, COUNT_MOST) : s->iov[i].iov_len;
		if (lies_outside(s->iov[i].iov_base, len)) return -EFAULT;
		total += MIN(s->iov[i].iov_len, COUNT_MOST - total);
	}
	return (long)total;
}

#define PIECE 32768u   /* what Linux's TCP copies at a time */

struct touch { const struct message *m; size_t len; bool writing; };

static void touch_octet(volatile char *at, bool writing)
{
	if (writing) __asm__ volatile("lock orb $0, %0" : "+m"(*at));
	else (void)*at;
}

static long touch(void *arg)
{
	const struct touch *t = arg;
	size_t done = 0;
	for (int i = 0; i < t->m->count && done < t->len; i++) {
		const struct iovec *v = &t->m->iov[i];
		if (v->iov_len == 0) continue;
		touch_octet(v->iov_base, t->writing);
		touch_octet((char *)v->iov_base + MIN(v->iov_len, t->len - done) - 1, t->writing);
		done += v->iov_len;
	}
	return 0;
}

/*
 * Memory of which a later part isn't there: Linux copies some 32 KB at a time, and what it could not copy whole has not been sent, or read. Here
 * each piece goes by itself, and what a segment of the ring takes, so they are looked at first.
 */
int message_there(const struct message *m, size_t len, bool writing)
{
	struct touch t = {m, MIN(len, PIECE), writing};
	return m->count > 1 || MIN(m->total, len) > SEGMENT_SMALL ? (int)guarded(touch, &t) : 0;
}

ssize_t iov_total(const struct iovec *iov, int count)
{
	struct sum s = {iov, count};
	return count < 0 || count > IOV_MAX ? -EINVAL : guarded(sum, &s);
}

bool nonblocking(const struct sock *s, int flags)
{
	return flags & MSG_DONTWAIT || shared_get32(&s->c->flags) & CHF_NONBLOCK;
}

#define MSG_CMSG_COMPAT ((int)0x80000000)   /* of 32-bit programs */

/*
 * The engine advertises a window by what it knows to have been read, and looks at each arrival. In between it is told when the reader has made
 * room worth telling: a good part of a small segment, or of the receive buffer when that is smaller (rx.limit).
 */
void consumed(const struct sock *s, uint32_t octets)
{
	uint32_t worth = shared_get32(&s->c->rx.limit);
	if (worth == 0) worth = SEGMENT_SMALL / 8;
	if (table_consumed(s->index, octets) < worth) return;
	table_consumed(s->index, UINT32_MAX);
	handed_over(s);
}

uint32_t peek_skip(const struct sock *s, const struct message *m)
{
	return m->flags & MSG_PEEK && !m->past_peek_off ? (uint32_t)MAX(atomic_load_explicit(&s->c->peek_off, memory_order_relaxed), 0) : 0;
}

void peek_moves(const struct sock *s, const struct message *m, size_t n)
{
	int32_t off = atomic_load_explicit(&s->c->peek_off, memory_order_relaxed), by = (int32_t)MIN(n, INT_MAX / 2);
	if (off < 0 || m->past_peek_off) return;
	if (m->flags & MSG_PEEK) off = (int32_t)((uint32_t)off + (uint32_t)by);
	else off = MAX(off - by, 0);
	atomic_store_explicit(&s->c->peek_off, off, memory_order_relaxed);
}

static long broken_pipe(const struct sock *s, const struct message *m, long r)
{
	if (r == -EPIPE && s->c->type == SOCK_STREAM && !(m->flags & MSG_NOSIGNAL))
		sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), SIGPIPE);
	return r;
}

/*
 * Linux looks at the data last: what is wrong with the socket, the name or the flags is said first. A stream that can be sent to has nothing wrong, but
 * with Fast Open, and the wait of a call for its turn is not made here.
 */
static long send_unread(const struct sock *s, const struct message *m)
{
	uint32_t state = shared_get32(&s->c->state);
	bool well = s->c->type == SOCK_STREAM && state & CHS_SENDABLE && !(state & CHS_ERROR) && !(m->flags & MSG_FASTOPEN);
	if (well || s->c->domain == AF_UNIX) return -EFAULT;      /* unix_send has asked */
	long r = (long)engine_send_unread(s, m);
	return r == -EAGAIN && !m->nonblock ? -EFAULT : r;
}

static long send_there(const struct sock *s, struct message *m)
{
	bool octets = s->c->type == SOCK_STREAM && s->c->domain != AF_UNIX && !is_sctp(s);
	if (octets && message_there(m, m->total, false) != 0) return -EFAULT;
	if (s->c->domain == AF_UNIX) return unix_send(s, m);
	if (is_sctp(s)) return engine_send(s, m);
	return octets ? stream_send(s, m) : dgram_send(s, m);
}

static long send_plain(const struct sock *s, struct message *m)
{
	m->nonblock = nonblocking(s, m->flags);
	m->flags &= ~MSG_DONTWAIT;
	bool goes_by_length = s->c->type == SOCK_STREAM || s->c->domain == AF_NETLINK || s->c->domain == AF_UNIX;
	if (s->c->type == SOCK_RAW && s->c->domain == AF_INET) goes_by_length = true;
	if (m->name && m->name_len == 0 && !goes_by_length) {
		m->name = "";           /* too short a name, which the engine refuses after it has given the socket a port, as Linux does */
		m->name_len = 1;
	}
	if (s->c->type == SOCK_STREAM && m->name_len > 0 && !user_there(m->name, m->name_len)) return -EFAULT;   /* looked at, though not heeded */
	bool octets = s->c->type == SOCK_STREAM && s->c->domain != AF_UNIX && !is_sctp(s);
	if (octets && m->flags & MSG_FASTOPEN && m->name && m->name_len < sizeof(sa_family_t)) return -EINVAL;
	bool nothing = octets && m->total == 0 && m->control_len == 0 && !(m->flags & MSG_FASTOPEN);
	if (nothing) closes_settle();
	if (nothing && shared_get32(&s->c->state) & CHS_SENDABLE) return 0;
	long r = pin(s);
	if (r != 0) return r;
	int flags = m->flags;
	r = send_there(s, m);
	m->flags = flags;
	if (r == -EFAULT) r = send_unread(s, m);
	unpin();
	return r;
}

long sock_send(const struct sock *s, struct message *m)
{
	bool wanted = has_trouble(FAULT_SEND) && s->c->domain != AF_UNIX;
	return broken_pipe(s, m, wanted ? troubled(FAULT_SEND, s, m, send_plain) : send_plain(s, m));
}

/* TCP_INQ. As on Linux the end counts as an octet. */
static int inq_put(const struct sock *s, struct message *m)
{
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(sizeof(int))]; } c = {.h = {CMSG_LEN(sizeof(int)), IPPROTO_TCP, TCP_INQ}};
	bool end = shared_get32(&s->c->state) & CHS_EOF;
	uint32_t left = chan_rx_used(shim.arena, s->c) + end;
	memcpy(CMSG_DATA(&c.h), &left, sizeof left);
	return control_put(m, c.octets, CMSG_LEN(sizeof(int)));
}

#define PACKET_FLAGS (MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE | MSG_CMSG_COMPAT)     /* packet sockets alone mind the others */

static long recv_plain(const struct sock *s, struct message *m)
{
	if (s->c->domain == AF_PACKET && (m->cloexec || m->flags & ~PACKET_FLAGS)) return -EINVAL;
	m->nonblock = nonblocking(s, m->flags);
	if (s->c->protocol == IPPROTO_UDP || s->c->protocol == IPPROTO_UDPLITE) m->flags &= ~MSG_OOB;   /* not looked at there */
	long r = pin(s);
	if (r != 0) return r;
	bool asked = is_asked(s);
	if (s->c->domain == AF_UNIX) r = unix_recv(s, m);
	else if (is_sctp(s)) r = sctp_socket_recv(s, m);
	else if (asked) r = asked_recv(s, m);
	else r = s->c->type == SOCK_STREAM ? stream_recv(s, m) : dgram_recv(s, m);
	unpin();
	if (shared_get32(&s->c->flags) & (CHF_ASYNC | CHF_OWNED)) signals_drain(s);
	if (s->c->type != SOCK_STREAM || s->c->domain == AF_UNIX || is_sctp(s) || asked || m->flags & MSG_ERRQUEUE) return r;
	m->name_len = 0;
	if (r >= 0 && shared_get32(&s->c->state) & CHS_INQ) return inq_put(s, m) < 0 ? -EFAULT : r;
	m->control_len = 0;
	return r;
}

long sock_recv(const struct sock *s, struct message *m)
{
	return has_trouble(FAULT_RECV) && s->c->domain != AF_UNIX ? troubled(FAULT_RECV, s, m, recv_plain) : recv_plain(s, m);
}

/* ---- plain buffers ---- */

long do_read(int fd, void *buf, size_t len)
{
	struct sock s;
	if (table_kind(fd, &s) != FD_CHANNEL) return table_peek(fd) == FD_HIDDEN ? -EBADF : cancellable(sys_wait(SYS_read, fd, buf, len));
	if (lies_outside(buf, len)) return -EFAULT;
	struct iovec iov = {buf, MIN(len, (size_t)INT_MAX)};
	struct message m = {.iov = &iov, .count = 1, .total = iov.iov_len};
	return len == 0 ? 0 : sock_recv(&s, &m);
}

long do_write(int fd, const void *buf, size_t len)
{
	struct sock s;
	if (table_kind(fd, &s) != FD_CHANNEL) {
		kernel_sends(fd, NULL, 0);
		return table_peek(fd) == FD_HIDDEN ? -EBADF : cancellable(sys_wait(SYS_write, fd, buf, len));
	}
	if (lies_outside(buf, len)) return -EFAULT;
	struct iovec iov = {(void *)buf, MIN(len, (size_t)INT_MAX)};
	struct message m = {.iov = &iov, .count = 1, .total = iov.iov_len};
	return sock_send(&s, &m);
}

long do_readv(int fd, const struct iovec *iov, int n)
{
	struct sock s;
	if (!sock_of(fd, &s)) return cancellable(sys_wait(SYS_readv, fd, iov, n));
	ssize_t total = iov_total(iov, n);
	struct message m = {.iov = (struct iovec *)iov, .count = n, .total = (size_t)total};
	return total <= 0 ? total : sock_recv(&s, &m);
}

long do_writev(int fd, const struct iovec *iov, int n)
{
	struct sock s;
	if (!sock_of(fd, &s)) {
		if (table_is_marked(fd) && iov_total(iov, n) > 0) kernel_sends(fd, NULL, 0);
		return cancellable(sys_wait(SYS_writev, fd, iov, n));
	}
	ssize_t total = iov_total(iov, n);
	struct message m = {.iov = (struct iovec *)iov, .count = n, .total = (size_t)total};
	return total <= 0 ? total : sock_send(&s, &m);   /* unlike write, which sends an empty message */
}

/* ---- with flags ---- */

/* Of a socket: those that mean something to files only, or to the queue of a device, are taken and do nothing. */
#define RWF_PASSED (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND | RWF_NOWAIT)
#define NOSIGNAL 0x100             /* RWF_NOSIGNAL, of Linux 6.18 */

static long vector_flags(off_t pos, int flags, int *ret)
{
	if (pos != -1) return -ESPIPE;
	if (flags & ~(RWF_PASSED | NOSIGNAL)) return -EOPNOTSUPP;
	*ret = (flags & RWF_NOWAIT ? MSG_DONTWAIT : 0) | (flags & NOSIGNAL ? MSG_NOSIGNAL : 0);
	return 0;
}

long do_preadv2(int fd, const struct iovec *iov, int n, off_t pos, long high, int flags)
{
	struct sock s;
	if (!sock_of(fd, &s)) return cancellable(sys_wait(SYS_preadv2, fd, iov, n, pos, high, flags));
	struct message m = {.iov = (struct iovec *)iov, .count = n};
	long r = vector_flags(pos, flags, &m.flags), total = r < 0 ? r : iov_total(iov, n);
	m.total = (size_t)total;
	return total <= 0 ? total : sock_recv(&s, &m);
}

long do_pwritev2(int fd, const struct iovec *iov, int n, off_t pos, long high, int flags)
{
	struct sock s;
	if (!sock_of(fd, &s)) {
		if (table_is_marked(fd) && iov_total(iov, n) > 0) kernel_sends(fd, NULL, 0);
		return cancellable(sys_wait(SYS_pwritev2, fd, iov, n, pos, high, flags));
	}
	struct message m = {.iov = (struct iovec *)iov, .count = n};
	long r = vector_flags(pos, flags, &m.flags), total = r < 0 ? r : iov_total(iov, n);
	m.total = (size_t)total;
	return total <= 0 ? total : sock_send(&s, &m);
}

long do_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len)
{
	struct sock s;
	if (!sock_of(fd, &s)) return kernel_sendto(fd, buf, len, flags, addr, addr_len);
	if (addr && addr_len > sizeof(struct sockaddr_storage)) return -EINVAL;
	struct iovec iov = {(void *)buf, MIN(len, (size_t)INT_MAX)};
	struct message m = {.iov = &iov, .count = 1, .total = iov.iov_len, .flags = flags};
	m.name = (void *)addr;
	m.name_len = addr ? addr_len : 0;
	return sock_send(&s, &m);
}

long do_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len)
{
	struct sock s;
	if (!sock_of(fd, &s)) return kernel_recvfrom(fd, buf, len, flags, addr, addr_len);
	struct sockaddr_storage name;
	struct iovec iov = {buf, MIN(len, (size_t)INT_MAX)};
	struct message m = {.iov = &iov, .count = 1, .total = iov.iov_len, .flags = flags};
	m.name = addr ? &name : NULL;
	m.name_len = addr ? sizeof name : 0;
	long r = sock_recv(&s, &m);
	if (r < 0 || !addr) return r;
	int err = name_put(&name, m.name_len, addr, addr_len);   /* a wrong one costs the message, as in Linux */
	return err < 0 ? err : r;
}

/* ---- msghdr ---- */

/* h becomes our copy of the program's header. */
static int message_of(const struct msghdr *msg, struct msghdr *h, int flags, struct message *m)
{
	if (user_copy(h, msg, sizeof *h) != 0) return -EFAULT;
	if (h->msg_name && (int)h->msg_namelen < 0) return -EINVAL;
	ssize_t total = h->msg_iovlen > IOV_MAX ? -EMSGSIZE : iov_total(h->msg_iov, (int)h->msg_iovlen);
	if (total < 0) return (int)total;
	*m = (struct message){.iov = h->msg_iov, .count = (int)h->msg_iovlen, .total = (size_t)total, .flags = flags};
	m->name = h->msg_name;
	m->name_len = h->msg_name ? h->msg_namelen : 0;
	m->control = h->msg_control;
	m->control_len = h->msg_control ? h->msg_controllen : 0;
	return 0;
}

long sock_sendmsg(const struct sock *s, const struct msghdr *msg, int flags)
{
	struct message m;
	struct msghdr h;
	int r = flags & MSG_CMSG_COMPAT ? -EINVAL : message_of(msg, &h, flags, &m);
	if (r == 0 && h.msg_controllen > INT_MAX) r = -ENOBUFS;
	if (r != 0) return r;
	m.control_len = h.msg_controllen;
	m.name_len = MIN(m.name_len, (socklen_t)sizeof(struct sockaddr_storage));
	if (m.name_len == 0) m.name = NULL;   /* unlike sendto's, which is one that is too short */
	return sock_send(s, &m);
}

long do_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct sock s;
	if (sock_of(fd, &s)) return sock_sendmsg(&s, msg, flags);
	descriptors_leave(msg);
	return kernel_sendmsg(fd, msg, flags);
}

long sock_recvmsg(const struct sock *s, struct msghdr *msg, int flags)
{
	struct message m;
	struct msghdr h;
	struct sockaddr_storage name;
	long r = flags & MSG_CMSG_COMPAT ? -EINVAL : message_of(msg, &h, flags & ~MSG_CMSG_CLOEXEC, &m);
	if (r < 0) return r;
	m.cloexec = flags & MSG_CMSG_CLOEXEC;
	m.name = h.msg_name ? &name : NULL;
	m.name_len = h.msg_name ? sizeof name : 0;
	r = sock_recv(s, &m);
	if (r < 0) return r;
	int err = h.msg_name ? name_put(&name, m.name_len, h.msg_name, &msg->msg_namelen) : 0;
	if (err < 0) return err;
	if (h.msg_name) h.msg_namelen = m.name_len;
	h.msg_controllen = m.control_len;
	h.msg_flags = m.ret_flags | (flags & MSG_CMSG_CLOEXEC);
	return user_put(msg, h) == 0 ? r : -EFAULT;
}

long do_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct sock s;
	if (sock_of(fd, &s)) return sock_recvmsg(&s, msg, flags);
	long r = kernel_recvmsg(fd, msg, flags);
	if (r >= 0) descriptors_arrive(msg);
	return r;
}

long do_sendmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
	struct sock s;
	struct msghdr first;
	n = MIN(n, (unsigned)IOV_MAX);
	bool ours = sock_of(fd, &s);
	if (!ours && !kernel_names(vec, n)) {
		for (unsigned i = 0; i < n; i++) descriptors_leave(&vec[i].msg_hdr);
		if (n > 0 && user_get(first, &vec[0].msg_hdr) == 0) kernel_sends(fd, &first, flags);
		return cancellable(gate_sleep(SYS_sendmmsg, fd, vec, n, flags));
	}
	for (unsigned i = 0; i < n; i++) {
		long r = do_sendmsg(fd, &vec[i].msg_hdr, flags);
		if (r < 0) return i > 0 ? (long)i : r;
		unsigned len = (unsigned)r;
		if (user_put(&vec[i].msg_len, len) != 0) return i > 0 ? (long)i : -EFAULT;
	}
	return n;
}

#define SECONDS_MOST (time_t)1000000000   /* a time that nobody lives to see the end of */

/* What is left of a recvmmsg's time: false when it is over. */
static bool time_left(time_ns end, struct timespec *ret)
{
	time_ns left = MAX(end - now_ns(), 0);
	*ret = (struct timespec){.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
	return left > 0;
}

/* The messages that come, and in *err why there are no more. As Linux: the time is looked at after each, and ends no wait for one. */
static unsigned recv_many(int fd, struct mmsghdr *vec, unsigned n, int flags, struct timespec *timeout, long *err)
{
	time_ns end = timeout ? now_ns() + MIN(timeout->tv_sec, SECONDS_MOST) * NS_PER_S + timeout->tv_nsec : TIME_NEVER;
	unsigned got = 0;
	while (got < n) {
		long r = do_recvmsg(fd, &vec[got].msg_hdr, flags & ~MSG_WAITFORONE);
		unsigned len = (unsigned)r;
		if (r >= 0 && user_put(&vec[got].msg_len, len) != 0) r = -EFAULT;
		*err = MIN(r, 0);
		if (r < 0) break;
		if (flags & MSG_WAITFORONE) flags |= MSG_DONTWAIT;
		got++;
		if ((timeout && !time_left(end, timeout)) || vec[got - 1].msg_hdr.msg_flags & MSG_OOB) break;
	}
	return got;
}

long do_recvmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags, struct timespec *timeout)
{
	struct sock s;
	struct timespec t;
	bool ours = sock_of(fd, &s);
	n = MIN(n, (unsigned)IOV_MAX);
	if (!ours && !kernel_names(vec, n)) {
		long r = cancellable(gate_sleep(SYS_recvmmsg, fd, vec, n, flags, timeout));
		for (long i = 0; i < r; i++) descriptors_arrive(&vec[i].msg_hdr);
		return r;
	}
	if (flags & MSG_CMSG_COMPAT) return -EINVAL;
	if (timeout && user_get(t, timeout) != 0) return -EFAULT;
	if (timeout && (t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec >= NS_PER_S)) return -EINVAL;
	bool looks = ours && !(flags & MSG_ERRQUEUE) && shared_get32(&s.c->state) & CHS_ERROR;
	int64_t pending = looks ? control_simple(RPC_TAKE_ERROR, &s, 0, 0, 0) : 0;
	if (pending != 0) return pending > 0 ? -(long)pending : (long)pending;
	long err = 0;
	unsigned got = recv_many(fd, vec, n, flags, timeout ? &t : NULL, &err);
	if (got == 0) return err;
	if (ours && err != 0 && err != -EAGAIN) control_simple(RPC_KEEP_ERROR, &s, -err, 0, 0);
	return timeout && user_put(timeout, t) != 0 ? -EFAULT : (long)got;
}
