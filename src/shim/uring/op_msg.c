/*
 * Messages over sockets: send, receive, and their forms that go on. No attempt waits; MSG_WAITALL goes on where the last attempt has ended, and a
 * multishot receive posts a completion for each buffer that it fills.
 */
#include <limits.h>
#include "shim/unix.h"
#include "shim/uring/uring.h"

#define BUNDLE_MAX 256                 /* buffers in one attempt */
#define SEND_FLAGS (IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_FIXED_BUF | IORING_SEND_ZC_REPORT_USAGE | URING_SEND_VECTORIZED)

long file_send(const struct file *f, const struct msghdr *m, int flags)
{
	if (f->virtual) return sock_sendmsg(&f->sock, m, flags);
	descriptors_leave(m);
	return kernel_sendmsg(f->fd, m, flags);
}

long file_recv(const struct file *f, struct msghdr *m, int flags)
{
	if (f->virtual) return sock_recvmsg(&f->sock, m, flags);
	long n = kernel_recvmsg(f->fd, m, flags);
	if (n >= 0) descriptors_arrive(m);
	return n;
}

/* Has it to wait before its first attempt? */
static bool polls_first(struct request *r)
{
	bool first = r->sqe.ioprio & IORING_RECVSEND_POLL_FIRST && !r->polled;
	r->polled = true;
	return first && file_poll(&r->file, (short)r->events) == 0;
}

static bool is_stream(const struct file *f)
{
	int type = 0;
	socklen_t len = sizeof type;
	if (f->virtual) return f->sock.c->type == SOCK_STREAM;
	return gate(SYS_getsockopt, f->fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type != SOCK_DGRAM;
}

/* What an attempt has come to, with MSG_WAITALL: the whole result, or -EAGAIN. */
static long so_far(struct request *r, long n, size_t wanted)
{
	bool all = r->sqe.msg_flags & MSG_WAITALL && is_stream(&r->file);
	if (n > 0) r->done += (size_t)n;
	if (n > 0 && all && (size_t)n < wanted) {
		iov_advance(r, (size_t)n);
		return -EAGAIN;
	}
	if (n == -EAGAIN && !r->nowait) return n;
	if (all && (n < 0 || (size_t)n < wanted)) r->failed = true;
	return r->done > 0 ? (long)r->done : n;
}

static int msghdr_take(struct request *r)
{
	struct msghdr h;
	if (user_get(h, (const struct msghdr *)(uintptr_t)r->sqe.addr) != 0) return -EFAULT;
	r->msg = h;
	if (r->sqe.flags & IOSQE_BUFFER_SELECT) return h.msg_iovlen > 1 ? -EINVAL : 0;
	return h.msg_iovlen > IOV_MAX ? -EMSGSIZE : iov_take(r, h.msg_iov, (uint32_t)h.msg_iovlen);
}

static int name_take(struct request *r, uint64_t addr, size_t len)
{
	if (len > sizeof r->name) return -EINVAL;
	if (user_copy(&r->name, (const void *)(uintptr_t)addr, len) != 0) return -EFAULT;
	r->msg.msg_name = &r->name;
	r->msg.msg_namelen = (socklen_t)len;
	return 0;
}

/* ---- sending ---- */

static bool selects(const struct request *r) { return r->sqe.flags & IOSQE_BUFFER_SELECT; }
static int bundle_max(const struct request *r) { return r->sqe.ioprio & URING_RECVSEND_BUNDLE ? BUNDLE_MAX : 1; }

static int prepare_any_send(struct request *r, unsigned known)
{
	if (r->sqe.ioprio & ~known) return -EINVAL;
	r->nowait = r->sqe.msg_flags & MSG_DONTWAIT;
	return 0;
}

int prepare_sendmsg(struct request *r)
{
	int err = r->sqe.addr2 || r->sqe.file_index ? -EINVAL : prepare_any_send(r, IORING_RECVSEND_POLL_FIRST | URING_SEND_VECTORIZED);
	if (err == 0) err = msghdr_take(r);
	if (err == 0 && r->msg.msg_name) err = (int)r->msg.msg_namelen < 0 ? -EINVAL
			: name_take(r, (uint64_t)(uintptr_t)r->msg.msg_name, MIN(r->msg.msg_namelen, sizeof r->name));
	return err;
}

/* One piece, or a vector of them. */
static int pieces_take(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->ioprio & URING_SEND_VECTORIZED) return selects(r) ? -EINVAL : iov_take(r, (const struct iovec *)(uintptr_t)e->addr, e->len);
	iov_one(r, e->addr, e->len);
	return 0;
}

int prepare_send(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->__pad3[0]) return -EINVAL;
	int err = prepare_any_send(r, IORING_RECVSEND_POLL_FIRST | URING_RECVSEND_BUNDLE | URING_SEND_VECTORIZED);
	if (err == 0) err = pieces_take(r);
	return err == 0 && e->addr2 ? name_take(r, e->addr2, e->addr_len) : err;
}

/* Out of the next buffer of a group; a bundle goes on, a completion a time, until the group is empty. */
static long send_selected(struct request *r)
{
	struct iovec iov[BUNDLE_MAX];
	struct msghdr h = r->msg;
	h.msg_iov = iov;
	for (;;) {
		int n_iov = buffers_select(r, r->sqe.len, iov, bundle_max(r));
		h.msg_iovlen = (size_t)n_iov;
		long n = n_iov < 0 ? n_iov : file_send(&r->file, &h, (int)r->sqe.msg_flags | MSG_NOSIGNAL | MSG_DONTWAIT);
		bool more = buffers_settle(r, n, iov);
		if (n <= 0 || !more || bundle_max(r) == 1 || !request_more(r, n, r->flags)) return n;
	}
}

long issue_send(struct request *r)
{
	size_t wanted = iov_length(r);
	if (polls_first(r)) return -EAGAIN;
	if (selects(r)) return send_selected(r);
	return so_far(r, file_send(&r->file, &r->msg, (int)r->sqe.msg_flags | MSG_NOSIGNAL | MSG_DONTWAIT), wanted);
}

long issue_sendmsg(struct request *r) { return issue_send(r); }

/* Zero copy: the octets are copied, and the buffer's release, a completion of its own, follows at once. */
static int prepare_zc(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->__pad2[0] || e->addr3 || e->flags & IOSQE_CQE_SKIP_SUCCESS) return -EINVAL;
	return prepare_any_send(r, SEND_FLAGS);
}

int prepare_send_zc(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	int err = prepare_zc(r);
	if (err == 0 && e->__pad3[0]) err = -EINVAL;
	if (err == 0) err = pieces_take(r);
	return err == 0 && e->addr2 ? name_take(r, e->addr2, e->addr_len) : err;
}

int prepare_sendmsg_zc(struct request *r)
{
	int err = r->sqe.ioprio & IORING_RECVSEND_FIXED_BUF ? -EINVAL : prepare_zc(r);
	if (err == 0 && r->sqe.addr2) err = -EINVAL;
	if (err == 0) err = msghdr_take(r);
	return err == 0 && r->msg.msg_name ? name_take(r, (uint64_t)(uintptr_t)r->msg.msg_name, MIN(r->msg.msg_namelen, sizeof r->name)) : err;
}

long issue_send_zc(struct request *r)
{
	int err = r->sqe.ioprio & IORING_RECVSEND_FIXED_BUF ? buffer_fixed(r, r->sqe.buf_index) : 0;
	long n = err < 0 ? err : issue_send(r);
	if (n == -EAGAIN && !r->nowait) return n;
	r->failed |= n < 0;
	ring_lock(r->ring);
	cq_post(r->ring, r->sqe.user_data, (int)n, IORING_CQE_F_MORE);
	ring_unlock(r->ring);
	r->flags = IORING_CQE_F_NOTIF;
	return r->sqe.ioprio & IORING_SEND_ZC_REPORT_USAGE ? (int)IORING_NOTIF_USAGE_ZC_COPIED : 0;
}

long issue_sendmsg_zc(struct request *r) { return issue_send_zc(r); }

/* ---- receiving ---- */

static bool is_multishot(const struct request *r) { return r->sqe.ioprio & IORING_RECV_MULTISHOT; }

static int prepare_any_recv(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->addr2 || e->ioprio & ~(IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT | URING_RECVSEND_BUNDLE)) return -EINVAL;
	if (e->file_index && (!is_multishot(r) || e->opcode != IORING_OP_RECV || e->ioprio & URING_RECVSEND_BUNDLE)) return -EINVAL;
	if (e->ioprio & URING_RECVSEND_BUNDLE && e->opcode == IORING_OP_RECVMSG) return -EINVAL;
	if (is_multishot(r) && (!selects(r) || e->msg_flags & MSG_WAITALL)) return -EINVAL;
	r->nowait = e->msg_flags & MSG_DONTWAIT;
	return 0;
}

int prepare_recv(struct request *r)
{
	int err = prepare_any_recv(r);
	iov_one(r, r->sqe.addr, r->sqe.len);
	return err;
}

int prepare_recvmsg(struct request *r)
{
	int err = prepare_any_recv(r);
	return err < 0 ? err : msghdr_take(r);
}

static unsigned more_is_there(const struct request *r)
{
	const struct file *f = &r->file;
	bool tcp = f->virtual && f->sock.c->type == SOCK_STREAM && f->sock.c->domain != AF_UNIX;
	return tcp && chan_rx_used(shim.arena, f->sock.c) > 0 ? IORING_CQE_F_SOCK_NONEMPTY : 0;
}

static int recv_flags(const struct request *r) { return ((int)r->sqe.msg_flags & ~MSG_WAITALL) | MSG_DONTWAIT; }

/* Into the program's buffers, or into the next one of a group. */
static long recv_plain(struct request *r)
{
	struct msghdr h = r->msg;
	if (!selects(r)) {
		size_t wanted = iov_length(r);
		long n = file_recv(&r->file, &h, recv_flags(r));
		if (n >= 0) r->msg.msg_namelen = h.msg_namelen, r->msg.msg_controllen = h.msg_controllen, r->msg.msg_flags = h.msg_flags;
		return so_far(r, n, wanted);
	}
	struct iovec iov[BUNDLE_MAX];
	int n_iov = buffers_select(r, r->sqe.opcode == IORING_OP_RECV ? r->sqe.len : 0, iov, bundle_max(r));
	h.msg_iov = iov;
	h.msg_iovlen = (size_t)n_iov;
	long n = n_iov < 0 ? n_iov : file_recv(&r->file, &h, recv_flags(r));
	buffers_settle(r, n, iov);
	if (n >= 0) r->msg.msg_namelen = h.msg_namelen, r->msg.msg_controllen = h.msg_controllen, r->msg.msg_flags = h.msg_flags;
	return n;
}

/* A multishot recvmsg's buffer: a header, as much room for name and control messages as the program's msghdr says, the data. */
static long recv_into_header(struct request *r, const struct iovec *buffer)
{
	struct io_uring_recvmsg_out out;
	size_t name = r->msg.msg_namelen, control = r->msg.msg_controllen, before = sizeof out + name + control;
	char *at = buffer->iov_base;
	if (buffer->iov_len < before) return -EFAULT;
	struct iovec data = {at + before, buffer->iov_len - before};
	struct msghdr h = {.msg_name = name ? at + sizeof out : NULL, .msg_namelen = (socklen_t)name, .msg_iov = &data, .msg_iovlen = 1,
			   .msg_control = control ? at + sizeof out + name : NULL, .msg_controllen = control};
	long n = file_recv(&r->file, &h, recv_flags(r) | MSG_TRUNC * !is_stream(&r->file));
	if (n < 0) return n;
	out = (struct io_uring_recvmsg_out){h.msg_namelen, (uint32_t)h.msg_controllen, (uint32_t)n, (uint32_t)h.msg_flags};
	if (user_put(at, out) != 0) return -EFAULT;
	return (long)(before + MIN((size_t)n, data.iov_len));
}

static long recv_selected(struct request *r)
{
	struct iovec buffer;
	if (r->sqe.opcode != IORING_OP_RECVMSG) return recv_plain(r);
	int err = buffers_select(r, 0, &buffer, 1);
	long n = err < 0 ? err : recv_into_header(r, &buffer);
	buffers_settle(r, n, &buffer);
	return n;
}

static long recv_multishot(struct request *r)
{
	for (;;) {
		long n = recv_selected(r);
		if (n > 0) r->done += (size_t)n;
		if (n > 0 && r->sqe.file_index && r->done >= r->sqe.file_index) return n;   /* as much as it was to be in all */
		if (n <= 0 || !request_more(r, n, r->flags | more_is_there(r))) return n;
	}
}

long issue_recv(struct request *r)
{
	if (polls_first(r)) return -EAGAIN;
	long n = is_multishot(r) ? recv_multishot(r) : recv_plain(r);
	if (n > 0) r->flags |= more_is_there(r);
	return n;
}

long issue_recvmsg(struct request *r)
{
	long n = issue_recv(r);
	struct msghdr *to = (struct msghdr *)(uintptr_t)r->sqe.addr;
	if (n < 0 || is_multishot(r)) return n;
	bool told = (!r->msg.msg_name || user_put(&to->msg_namelen, r->msg.msg_namelen) == 0) &&
		    user_put(&to->msg_controllen, r->msg.msg_controllen) == 0 && user_put(&to->msg_flags, r->msg.msg_flags) == 0;
	return told ? n : -EFAULT;
}
