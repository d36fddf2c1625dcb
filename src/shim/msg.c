/*
 * All the calls that carry data are one of two: a message out, a message in. Here the forms that programs use (buffer, iovec, msghdr, many msghdrs)
 * become a struct message, which carry.c brings on its way, and what came with it goes back where the program wants it. Descriptors of the kernel's get
 * the same call.
 */
#include <limits.h>
#include "shim/ended.h"
#include "shim/setting.h"
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

ssize_t iov_total(const struct iovec *iov, int count)
{
	struct sum s = {iov, count};
	return count < 0 || count > IOV_MAX ? -EINVAL : guarded(sum, &s);
}

/* ---- at a position ---- */

long do_pread64(int fd, void *buf, size_t len, off_t at)
{
	struct sock s;
	struct iovec iov = {buf, MIN(len, (size_t)INT_MAX)};
	if (table_kind(fd, &s) == FD_SETTING && at >= 0) return setting_read(fd, &iov, 1, at);
	nettable_read(fd, at);
	return table_peek(fd) == FD_HIDDEN ? -EBADF : cancellable(sys_wait(SYS_pread64, fd, buf, len, at));
}

long do_pwrite64(int fd, const void *buf, size_t len, off_t at)
{
	struct sock s;
	struct iovec iov = {(void *)buf, MIN(len, (size_t)INT_MAX)};
	if (table_kind(fd, &s) == FD_SETTING && at >= 0) return setting_write(fd, &iov, 1, at);
	return table_peek(fd) == FD_HIDDEN ? -EBADF : cancellable(sys_wait(SYS_pwrite64, fd, buf, len, at));
}

/* ---- plain buffers ---- */

long do_read(int fd, void *buf, size_t len)
{
	struct sock s;
	struct iovec iov = {buf, MIN(len, (size_t)INT_MAX)};
	enum fd_kind kind = table_kind(fd, &s);
	if (kind == FD_SETTING) return setting_read(fd, &iov, 1, SETTING_HERE);
	if (kind == FD_KERNEL) nettable_read(fd, SETTING_HERE);
	if (kind != FD_CHANNEL) return kind == FD_HIDDEN ? -EBADF : ended_read(fd, cancellable(sys_wait(SYS_read, fd, buf, len)));
	if (lies_outside(buf, len)) return -EFAULT;
	struct message m = {.iov = &iov, .count = 1, .total = iov.iov_len};
	return len == 0 ? 0 : sock_recv(&s, &m);
}

long do_write(int fd, const void *buf, size_t len)
{
	struct sock s;
	struct iovec iov = {(void *)buf, MIN(len, (size_t)INT_MAX)};
	enum fd_kind kind = table_kind(fd, &s);
	if (kind == FD_SETTING) return setting_write(fd, &iov, 1, SETTING_HERE);
	if (kind != FD_CHANNEL) {
		kernel_sends(fd, NULL, 0);
		return table_peek(fd) == FD_HIDDEN ? -EBADF : cancellable(sys_wait(SYS_write, fd, buf, len));
	}
	if (lies_outside(buf, len)) return -EFAULT;
	struct message m = {.iov = &iov, .count = 1, .total = iov.iov_len};
	return sock_send(&s, &m);
}

long do_readv(int fd, const struct iovec *iov, int n)
{
	struct sock s;
	if (table_kind(fd, &s) == FD_SETTING && iov_total(iov, n) >= 0) return setting_read(fd, iov, n, SETTING_HERE);
	nettable_read(fd, SETTING_HERE);
	if (!sock_of(fd, &s)) return ended_read(fd, cancellable(sys_wait(SYS_readv, fd, iov, n)));
	ssize_t total = iov_total(iov, n);
	struct message m = {.iov = (struct iovec *)iov, .count = n, .total = (size_t)total};
	return total <= 0 ? total : sock_recv(&s, &m);
}

long do_writev(int fd, const struct iovec *iov, int n)
{
	struct sock s;
	if (!sock_of(fd, &s)) {
		if (table_peek(fd) == FD_SETTING && iov_total(iov, n) >= 0) return setting_write(fd, iov, n, SETTING_HERE);
		if (table_is_marked(fd) && iov_total(iov, n) > 0) kernel_sends(fd, NULL, 0);
		return cancellable(sys_wait(SYS_writev, fd, iov, n));
	}
	ssize_t total = iov_total(iov, n);
	struct message m = {.iov = (struct iovec *)iov, .count = n, .total = (size_t)total};
	return total <= 0 ? total : sock_send(&s, &m);   /* unlike write, which sends an empty message */
}

/* ---- with flags ---- */

/* Of a socket: those that mean something to files only, or to the queue of a device, are taken and do nothing. */
#define RWF_PASSED (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND | RWF_NOWAIT | NOAPPEND)
#define NOAPPEND 0x20              /* RWF_NOAPPEND, of Linux 6.9 */
#define NOSIGNAL 0x100             /* RWF_NOSIGNAL, of Linux 6.18 */

/* The sum of the vector's lengths. As Linux: flags are looked at when there are octets. */
static long vector_total(const struct iovec *iov, int n, off_t pos, int flags, int *ret_flags)
{
	if (pos != -1) return pos < 0 ? -EINVAL : -ESPIPE;
	long total = iov_total(iov, n);
	if (total > 0 && flags & ~(RWF_PASSED | NOSIGNAL)) return -EOPNOTSUPP;
	*ret_flags = (flags & RWF_NOWAIT ? MSG_DONTWAIT : 0) | (flags & NOSIGNAL ? MSG_NOSIGNAL : 0);
	return total;
}

/* false: the kernel knows what is wrong, of the file that stands for it. */
static bool vector_of_setting(const struct iovec *iov, int n, off_t pos, int flags) { return flags == 0 && pos >= -1 && iov_total(iov, n) >= 0; }

long do_preadv2(int fd, const struct iovec *iov, int n, off_t pos, long high, int flags)
{
	struct sock s;
	if (table_kind(fd, &s) == FD_SETTING && vector_of_setting(iov, n, pos, flags)) return setting_read(fd, iov, n, pos);
	nettable_read(fd, pos);
	if (!sock_of(fd, &s)) return ended_read(fd, cancellable(sys_wait(SYS_preadv2, fd, iov, n, pos, high, flags)));
	struct message m = {.iov = (struct iovec *)iov, .count = n};
	long total = vector_total(iov, n, pos, flags, &m.flags);
	m.total = (size_t)total;
	return total <= 0 ? total : sock_recv(&s, &m);
}

long do_pwritev2(int fd, const struct iovec *iov, int n, off_t pos, long high, int flags)
{
	struct sock s;
	if (!sock_of(fd, &s)) {
		if (table_peek(fd) == FD_SETTING && vector_of_setting(iov, n, pos, flags)) return setting_write(fd, iov, n, pos);
		if (table_is_marked(fd) && iov_total(iov, n) > 0) kernel_sends(fd, NULL, 0);
		return cancellable(sys_wait(SYS_pwritev2, fd, iov, n, pos, high, flags));
	}
	struct message m = {.iov = (struct iovec *)iov, .count = n};
	long total = vector_total(iov, n, pos, flags, &m.flags);
	m.total = (size_t)total;
	return total <= 0 ? total : sock_send(&s, &m);
}

/* The kernel's own answer of any other file: a position of -1 is none here. */
long do_preadv(int fd, const struct iovec *iov, int n, off_t pos, long high)
{
	struct sock s;
	if (table_kind(fd, &s) == FD_SETTING && pos >= 0 && vector_of_setting(iov, n, pos, 0)) return setting_read(fd, iov, n, pos);
	nettable_read(fd, pos);
	return table_peek(fd) == FD_HIDDEN ? -EBADF : cancellable(sys_wait(SYS_preadv, fd, iov, n, pos, high));
}

long do_pwritev(int fd, const struct iovec *iov, int n, off_t pos, long high)
{
	struct sock s;
	if (table_kind(fd, &s) == FD_SETTING && pos >= 0 && vector_of_setting(iov, n, pos, 0)) return setting_write(fd, iov, n, pos);
	return table_peek(fd) == FD_HIDDEN ? -EBADF : cancellable(sys_wait(SYS_pwritev, fd, iov, n, pos, high));
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
