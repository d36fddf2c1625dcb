/*
 * sendfile and splice with a socket of ours at one end: a copy through this thread's buffer. What was taken from one side must have a place on the
 * other, so no more is taken than there is room for, or it is looked at first and taken when it has been passed on.
 */
#include <fcntl.h>
#include <limits.h>
#include "shim/shim.h"

/* One buffer's worth from a file; the offset moves by what was sent, not by what was read. */
static long sendfile_piece(uint8_t *buf, const struct sock *s, int in, off_t at, bool positioned, size_t count)
{
	struct iovec iov = {buf, MIN(count, SCRATCH_SIZE)};
	long n = positioned ? sys(SYS_pread64, in, iov.iov_base, iov.iov_len, at) : sys(SYS_read, in, iov.iov_base, iov.iov_len);
	if (n <= 0) return n == -ESPIPE ? -EINVAL : n;
	iov.iov_len = (size_t)n;
	struct message m = {.iov = &iov, .count = 1, .total = (size_t)n};
	long sent = sock_send(s, &m);
	if (!positioned && sent < n) sys(SYS_lseek, in, (sent < 0 ? 0 : sent) - n, SEEK_CUR);
	return sent;
}

static long sendfile_all(uint8_t *buf, const struct sock *s, int in, off_t *offset, size_t count)
{
	size_t done = 0;
	while (done < count) {
		size_t wanted = MIN(count - done, SCRATCH_SIZE);
		long n = sendfile_piece(buf, s, in, offset ? *offset : 0, offset != NULL, wanted);
		if (n < 0 && done == 0) return n;
		if (n <= 0) break;
		if (offset) *offset += n;
		done += (size_t)n;
		if ((size_t)n < wanted) break;   /* the file's end, or no room */
	}
	return (long)done;
}

/* ---- splice ---- */

static bool is_pipe(int fd) { return sys(SYS_fcntl, fd, F_GETPIPE_SZ) > 0; }

/* From a stream socket: what the pipe takes of what is there is then read for good. */
static long splice_out(uint8_t *buf, const struct sock *s, int pipe, size_t len, unsigned flags)
{
	struct iovec iov = {buf, MIN(len, SCRATCH_SIZE)};
	struct message m = {.iov = &iov, .count = 1, .total = iov.iov_len, .flags = MSG_PEEK | (flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0)};
	long n = sock_recv(s, &m);
	if (n <= 0) return n;
	struct pollfd p = {pipe, POLLOUT, 0};
	struct timespec now = {0, 0};
	if (flags & SPLICE_F_NONBLOCK && sys(SYS_ppoll, &p, 1, &now, NULL, 0) <= 0) return -EAGAIN;
	n = cancellable(sys(SYS_write, pipe, iov.iov_base, flags & SPLICE_F_NONBLOCK ? MIN(n, PIPE_BUF) : n));
	if (n <= 0) return n;
	iov.iov_len = m.total = (size_t)n;
	m.flags = MSG_DONTWAIT;
	return sock_recv(s, &m);
}

/* Into a socket: no more than it has room for now. */
static long splice_in(uint8_t *at, const struct sock *s, int pipe, size_t len, unsigned flags)
{
	size_t room = s->c->type == SOCK_STREAM && s->c->domain != AF_UNIX ? chan_tx_room(shim.arena, s->c) : 65507;
	bool nonblock = flags & SPLICE_F_NONBLOCK || nonblocking(s, 0);
	if (room == 0 && nonblock) return -EAGAIN;
	struct pollfd p = {pipe, POLLIN, 0};
	struct timespec now = {0, 0};
	if (flags & SPLICE_F_NONBLOCK && sys(SYS_ppoll, &p, 1, &now, NULL, 0) <= 0) return -EAGAIN;
	long n = cancellable(sys(SYS_read, pipe, at, MIN(MIN(len, room ? room : PIPE_BUF), SCRATCH_SIZE)));
	if (n <= 0) return n;
	struct iovec iov = {at, (size_t)n};
	struct message m = {.iov = &iov, .count = 1, .total = (size_t)n, .flags = flags & SPLICE_F_MORE ? MSG_MORE : 0};
	return sock_send(s, &m);
}

long do_sendfile(int out, int in, off_t *offset, size_t count)
{
	struct sock s, from;
	off_t at = 0;
	bool to_sock = sock_of(out, &s), from_sock = sock_of(in, &from);
	if (!to_sock && !from_sock) return cancellable(sys(SYS_sendfile, out, in, offset, count));
	if (offset && user_get(at, offset) != 0) return -EFAULT;
	if (offset && (from_sock || is_pipe(in))) return -ESPIPE;
	if (at < 0 || (from_sock ? !is_pipe(out) : is_pipe(in))) return -EINVAL;   /* from a socket: as splice, so a pipe must be there */
	uint8_t *buf = scratch_take();
	long r = !buf ? -ENOMEM : from_sock ? splice_out(buf, &from, out, count, 0) : sendfile_all(buf, &s, in, offset ? &at : NULL, count);
	scratch_give(buf);
	if (offset && r > 0 && user_put(offset, at) != 0) return -EFAULT;
	return r;
}

long do_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned flags)
{
	struct sock s;
	bool from = sock_of(in, &s), to = !from && sock_of(out, &s);
	if (!from && !to) return cancellable(sys(SYS_splice, in, in_offset, out, out_offset, len, flags));
	if (len == 0) return 0;
	if (flags & ~(unsigned)(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)) return -EINVAL;
	if (!is_pipe(from ? out : in)) return -EINVAL;
	/* A pipe has no positions; a socket has none that could be chosen. */
	if (from ? out_offset : in_offset) return -ESPIPE;
	if (in_offset || out_offset) return -EINVAL;
	if (from && s.c->type != SOCK_STREAM) return -EINVAL;
	uint8_t *buf = scratch_take();
	long r = !buf ? -ENOMEM : from ? splice_out(buf, &s, out, len, flags) : splice_in(buf, &s, in, len, flags);
	scratch_give(buf);
	return r;
}
