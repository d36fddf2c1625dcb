/*
 * sendfile and splice with a socket of ours at one end: a copy through this thread's buffer. What was taken from one side must have a place on the
 * other, so no more is taken than there is room for, or it is looked at first and taken when it has been passed on.
 */
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include "shim/setting.h"
#include "shim/shim.h"
#include "shim/unix.h"

#define COUNT_MOST 0x7ffff000      /* octets that Linux moves in one call */
#define MESSAGE_MOST 65536u        /* and in one message: what the pipe holds by which it copies */

struct source { int fd; bool regular, positioned, still; };   /* still: it was read, and its position has not moved */

/* What is no regular file but can be spliced, such as /dev/zero: the kernel knows which can, and by way of a pipe of ours. */
static long device_read(struct source *in, off_t at, struct iovec *to)
{
	int way[2];
	off_t moved = at;
	long r = sys(SYS_pipe2, way, O_CLOEXEC);
	if (r < 0) return r;
	r = sys(SYS_splice, in->fd, in->positioned ? &moved : NULL, way[1], NULL, to->iov_len, SPLICE_F_NONBLOCK);
	in->still = moved == at;
	if (r > 0) r = sys(SYS_read, way[0], to->iov_base, r);
	sys(SYS_close, way[0]);
	sys(SYS_close, way[1]);
	return r;
}

static long source_read(struct source *in, off_t at, struct iovec *to)
{
	if (!in->regular) return device_read(in, at, to);
	return in->positioned ? sys(SYS_pread64, in->fd, to->iov_base, to->iov_len, at) : sys(SYS_read, in->fd, to->iov_base, to->iov_len);
}

/* As Linux: what a file is too short for waits for more, where the socket does not hear that the file has ended. */
static bool waits_for_more(const struct sock *s)
{
	return s->c->type == SOCK_RAW || (is_udp(s) && !(s->c->domain == AF_INET && s->c->protocol == IPPROTO_UDP));
}

/* One buffer's worth from a file; the offset moves by what was sent, not by what was read, which *count becomes. */
static long sendfile_piece(uint8_t *buf, const struct sock *s, struct source *in, off_t at, size_t *count)
{
	struct iovec iov = {buf, MIN(*count, s->c->type == SOCK_STREAM ? SCRATCH_SIZE : MESSAGE_MOST)};
	long n = source_read(in, at, &iov);
	if (n <= 0) return n;
	struct message m = {.iov = &iov, .count = 1, .total = (size_t)n, .flags = (size_t)n < *count && waits_for_more(s) ? MSG_MORE : 0};
	*count = iov.iov_len = (size_t)n;
	long sent = sock_send(s, &m);
	if (!in->positioned && sent < n) sys(SYS_lseek, in->fd, (sent < 0 ? 0 : sent) - n, SEEK_CUR);
	return sent;
}

static long sendfile_all(uint8_t *buf, const struct sock *s, struct source *in, off_t *offset, size_t count)
{
	size_t done = 0;
	while (done < count) {
		size_t piece = count - done;
		long n = sendfile_piece(buf, s, in, offset ? *offset : 0, &piece);
		if (n < 0 && done == 0) return n;
		if (n <= 0) break;
		if (offset && !in->still) *offset += n;
		done += (size_t)n;
		if ((size_t)n < piece) break;   /* no room. A short read is not the end: a device's are all short */
	}
	return (long)done;
}

/* ---- splice ---- */

static bool is_pipe(int fd) { return sys(SYS_fcntl, fd, F_GETPIPE_SZ) > 0; }

/* Until the pipe has room or data: 0, or -EAGAIN for a call that does not wait, -EINTR, -EPIPE for one that nobody reads. */
static long pipe_ready(int pipe, short what, bool nonblock)
{
	struct pollfd p = {pipe, what, 0};
	struct timespec now = {0, 0};
	long r = cancellable(sys_wait(SYS_ppoll, &p, 1, nonblock ? &now : NULL, NULL, 0));
	if (p.revents & POLLERR) sys(SYS_tgkill, sys(SYS_getpid), sys(SYS_gettid), SIGPIPE);
	return p.revents & POLLERR ? -EPIPE : r == 0 ? -EAGAIN : MIN(r, 0);
}

static bool pipe_waits_not(int pipe, unsigned flags) { return flags & SPLICE_F_NONBLOCK || sys(SYS_fcntl, pipe, F_GETFL) & O_NONBLOCK; }

/* As much as the pipe has room for. */
static long pipe_fill(int pipe, const struct iovec *iov)
{
	long n = sys(SYS_pwritev2, pipe, iov, 1, -1, -1, RWF_NOWAIT);
	return n == -EOPNOTSUPP ? sys(SYS_write, pipe, iov->iov_base, MIN(iov->iov_len, (size_t)PIPE_BUF)) : n;
}

/* As Linux: urgent data's mark is passed by a read only. */
static bool at_mark(const struct sock *s)
{
	engine_catch_up();
	return shared_get32(&s->c->state) & CHS_MARK && chan_rx_used(shim.arena, s->c) == 0;
}

/* It reads nothing there, and does not wait for what is there already. */
static long mark_stops(const struct sock *s)
{
	long r = (long)control_simple(RPC_NOTHING, s, 0, 0, 0);
	return r == -EAGAIN && !nonblocking(s, 0) ? 0 : r;
}

/* A Unix stream has nothing but perhaps an octet out of band, which a read throws away. */
static long mark_passed(const struct sock *s)
{
	struct iovec none = {NULL, 0};
	struct message m = {.iov = &none, .count = 1, .flags = MSG_DONTWAIT};
	int n = 0;
	long r = sock_recv(s, &m);
	return r == 0 && unix_waiting(s, &n) == 0 && n > 0 ? -EAGAIN : r;   /* which came meanwhile: not the end */
}

/* As in Linux the flag is the pipe's, and whether the socket waits its own says; but a Unix stream heeds it, too. */
static int peek_flags(const struct sock *s, unsigned flags)
{
	bool heeded = s->c->domain == AF_UNIX && s->c->type == SOCK_STREAM && flags & SPLICE_F_NONBLOCK;
	return heeded ? MSG_PEEK | MSG_DONTWAIT : MSG_PEEK;
}

/* From a socket: what the pipe takes of what is there is then read for good, and of a message all. */
static long splice_out(uint8_t *buf, const struct sock *s, int pipe, size_t len, unsigned flags)
{
	struct iovec iov = {buf, MIN(len, SCRATCH_SIZE)};
	struct message m = {.iov = &iov, .count = 1, .total = iov.iov_len, .flags = peek_flags(s, flags), .past_peek_off = true};
	long n = pipe_ready(pipe, POLLOUT, pipe_waits_not(pipe, flags));
	if (n < 0 || len == 0) return n;
	if ((ssize_t)len < 0) return -EINVAL;
	if (at_mark(s)) return mark_stops(s);
	n = sock_recv(s, &m);
	if (n == -EAGAIN && s->c->domain == AF_UNIX && s->c->type == SOCK_STREAM) return mark_passed(s);
	if (n == -EIO && is_asked(s)) return -EINVAL;           /* as Linux: what is no data is not for a pipe */
	if (n < 0 || (n == 0 && s->c->type == SOCK_STREAM)) return n;
	iov.iov_len = (size_t)n;
	if (n > 0) n = pipe_fill(pipe, &iov);
	if (n < 0) return n;
	iov.iov_len = m.total = (size_t)n;
	m.flags = MSG_DONTWAIT;
	m.past_peek_off = s->c->type == SOCK_STREAM;   /* as in Linux, it moves with a datagram that is taken so */
	long r = sock_recv(s, &m);
	return n == 0 && r == -EAGAIN ? 0 : r;   /* nothing was no empty message, but the end of a socket that is shut down */
}

/* What the pipe holds, and goes on holding: a copy of it is read. */
static long pipe_look(int pipe, uint8_t *to, size_t len)
{
	int copy[2];
	long r = sys(SYS_pipe2, copy, O_CLOEXEC | O_NONBLOCK);
	if (r < 0) return r;
	r = sys(SYS_tee, pipe, copy[1], len, SPLICE_F_NONBLOCK);
	if (r > 0) r = sys(SYS_read, copy[0], to, r);
	sys(SYS_close, copy[0]);
	sys(SYS_close, copy[1]);
	return r;
}

/* A stream socket that takes all that it has room for. Of any other what comes of a send is seen before it is taken from the pipe. */
static bool sends_surely(const struct sock *s)
{
	closes_settle();
	engine_catch_up();
	uint32_t state = shared_get32(&s->c->state);
	return s->c->type == SOCK_STREAM && s->c->domain != AF_UNIX && !is_sctp(s) && state & CHS_SENDABLE && !(state & CHS_ERROR);
}

/* Until a stream socket has room, as a send waits; or until its state is such that a send says more. */
static long room_wait(const struct sock *s, bool nonblock)
{
	struct wait w;
	wait_begin_as_set(&w, &s->c->sndtimeo_ms);
	while (sends_surely(s)) {
		uint32_t seq = shared_get32(&s->c->tx.seq);
		if (chan_tx_room(shim.arena, s->c) > 0) return 0;
		handed_over(s);   /* the engine may find more, as Linux's buffers would have */
		engine_catch_up();
		if (chan_tx_room(shim.arena, s->c) > 0 || channel_poll(shim.arena, s->c) & EPOLLOUT) return 0;
		if (nonblock) return -EAGAIN;
		long r = wait_on(&w, s, &s->c->tx, seq);
		if (r < 0) return r;
	}
	return 0;
}

/* Into a socket: no more than it has room for now. The flag is the pipe's here, too. */
static long splice_in(uint8_t *at, const struct sock *s, int pipe, size_t len, unsigned flags)
{
	if ((ssize_t)len < 0) return -EINVAL;
	long r = pipe_ready(pipe, POLLIN, pipe_waits_not(pipe, flags));
	if (r == 0) r = room_wait(s, nonblocking(s, 0));
	if (r < 0) return r;
	bool surely = sends_surely(s);
	len = MIN(len, SCRATCH_SIZE);
	long n = surely ? cancellable(sys_wait(SYS_read, pipe, at, MIN(len, MAX(chan_tx_room(shim.arena, s->c), 1)))) : pipe_look(pipe, at, len);
	if (n <= 0) return n;
	struct iovec iov = {at, (size_t)n};
	struct message m = {.iov = &iov, .count = 1, .total = (size_t)n, .flags = flags & SPLICE_F_MORE ? MSG_MORE : 0};
	long sent = sock_send(s, &m);
	if (sent > 0 && !surely) sys(SYS_read, pipe, at, sent);
	return sent;
}

/* Into a setting: all that the pipe holds, in one write, which takes it or leaves it there. */
static long splice_setting(int out, off_t *out_offset, int pipe, size_t len, unsigned flags)
{
	off_t at = SETTING_HERE;
	if (!is_pipe(pipe)) return -EINVAL;
	if (out_offset && user_get(at, out_offset) != 0) return -EFAULT;
	if (out_offset && at < 0) return -EINVAL;
	long r = pipe_ready(pipe, POLLIN, pipe_waits_not(pipe, flags));
	if (r < 0) return r;
	uint8_t *buf = scratch_take();
	struct iovec iov = {buf, 0};
	r = buf ? pipe_look(pipe, buf, MIN(len, SCRATCH_SIZE)) : -ENOMEM;
	iov.iov_len = (size_t)MAX(r, 0);
	if (r > 0) r = setting_write(out, &iov, 1, at);
	if (r > 0) sys(SYS_read, pipe, buf, r);
	scratch_give(buf);
	at += r;
	return r > 0 && out_offset && user_put(out_offset, at) != 0 ? -EFAULT : r;
}

/* As Linux: sent is what has positions. */
static long source_of(int fd, bool positioned, struct source *ret)
{
	struct stat st;
	if (sys(SYS_fstat, fd, &st) != 0) return -EBADF;
	*ret = (struct source){.fd = fd, .regular = S_ISREG(st.st_mode), .positioned = positioned};
	return ret->regular || sys(SYS_lseek, fd, 0, SEEK_CUR) >= 0 ? 0 : -EINVAL;
}

/* From a socket as splice, so a pipe must be there. */
static long sendfile_from(const struct sock *s, int out, size_t count)
{
	if (!is_pipe(out)) return -EINVAL;
	uint8_t *buf = scratch_take();
	long r = buf ? splice_out(buf, s, out, count, 0) : -ENOMEM;
	scratch_give(buf);
	return r;
}

static long sendfile_to(const struct sock *s, int in, off_t *at, size_t count)
{
	struct source source;
	long r = source_of(in, at != NULL, &source);
	if (r != 0) return r;
	uint8_t *buf = scratch_take();
	r = buf ? sendfile_all(buf, s, &source, at, count) : -ENOMEM;
	scratch_give(buf);
	return r;
}

long do_sendfile(int out, int in, off_t *offset, size_t count)
{
	struct sock s, from;
	off_t at = 0;
	bool to_sock = sock_of(out, &s), from_sock = sock_of(in, &from);
	if (!to_sock && !from_sock) return cancellable(sys_wait(SYS_sendfile, out, in, offset, count));
	if (offset && user_get(at, offset) != 0) return -EFAULT;
	int mode = from_sock ? O_RDWR : (int)sys(SYS_fcntl, in, F_GETFL);
	if (mode < 0 || mode & O_PATH || (mode & O_ACCMODE) == O_WRONLY) return -EBADF;
	if (offset && (from_sock || sys(SYS_pread64, in, &at, 0, 0) == -ESPIPE)) return -ESPIPE;
	if (at < 0 || (ssize_t)count < 0) return -EINVAL;
	mode = (int)sys(SYS_fcntl, out, F_GETFL);
	if (mode < 0 || mode & O_PATH || (mode & O_ACCMODE) == O_RDONLY) return -EBADF;
	if (mode & O_APPEND) return -EINVAL;
	count = MIN(count, (size_t)COUNT_MOST);
	if (from_sock) return sendfile_from(&from, out, count);
	long r = sendfile_to(&s, in, offset ? &at : NULL, count);
	return offset && r > 0 && user_put(offset, at) != 0 ? -EFAULT : r;
}

/* Linux's order of complaints about a splice with a socket at one end. */
static long splice_refused(int in, const off_t *in_offset, int out, const off_t *out_offset, bool from)
{
	off_t at;
	int modes[2] = {(int)sys(SYS_fcntl, in, F_GETFL), (int)sys(SYS_fcntl, out, F_GETFL)};
	if (modes[0] < 0 || modes[1] < 0 || (modes[0] | modes[1]) & O_PATH) return -EBADF;
	bool pipe = is_pipe(from ? out : in);
	if (pipe && (from ? out_offset : in_offset)) return -ESPIPE;   /* a pipe has no positions */
	if (out_offset && user_get(at, out_offset) != 0) return -EFAULT;
	if (in_offset && user_get(at, in_offset) != 0) return -EFAULT;
	if ((modes[0] & O_ACCMODE) == O_WRONLY || (modes[1] & O_ACCMODE) == O_RDONLY) return -EBADF;
	if (!from && modes[1] & O_APPEND) return -EINVAL;
	return !pipe || in_offset || out_offset ? -EINVAL : 0;         /* and a socket none that could be chosen */
}

long do_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned flags)
{
	struct sock s;
	bool from = sock_of(in, &s), to = !from && sock_of(out, &s);
	if (!from && !to && table_kind(out, &s) == FD_SETTING && !in_offset && len > 0) return splice_setting(out, out_offset, in, len, flags);
	if (!from && !to) return cancellable(sys_wait(SYS_splice, in, in_offset, out, out_offset, len, flags));
	if (len == 0) return 0;
	if (flags & ~(unsigned)(SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT)) return -EINVAL;
	long r = splice_refused(in, in_offset, out, out_offset, from);
	if (r != 0) return r;
	uint8_t *buf = scratch_take();
	r = !buf ? -ENOMEM : from ? splice_out(buf, &s, out, len, flags) : splice_in(buf, &s, in, len, flags);
	scratch_give(buf);
	return r;
}
