/*
 * Calls about descriptors as such. The kernel does the work on the anchor; here the table follows, the status flags that belong to the open file are
 * mirrored in its channel, and what the program must not touch (our own descriptors) stays out of its reach.
 */
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <sys/epoll.h>
#include "shim/internal.h"
#include "shim/netpath.h"
#include "shim/shim.h"
#include "shim/unix.h"

#define DUP_TRIES 100

/*
 * What waits in a Unix socket's queue may hold other files: those are closed with it, and whoever has their other ends is to find that, in files that we
 * know nothing of, when the close has returned. Where only the end is left, that is all that there is to read.
 */
static bool has_queue(const struct sock *s)
{
	if (s->c->domain != AF_UNIX || shared_get32(&s->c->state) & CHS_EOF) return false;
	return shared_get32(&s->c->poll) & EPOLLIN;
}

static void closed_ours(bool had_queue)
{
	rung_by_close();
	if (had_queue) closes_settle();
}

long do_close(int fd)
{
	if (!shim.active) return cancellable(sys_wait(SYS_close, fd));
	struct sock s;
	if (table_peek(fd) == FD_HIDDEN) return -EBADF;
	if (spawned()) return sys(SYS_close, fd);
	netdir_closed(fd);
	bool ours = table_channel(fd, &s), queue = ours && has_queue(&s);
	if (ours && atomic_load_explicit(&s.c->linger_s, memory_order_relaxed) > 0) linger(&s);
	table_closing(fd);
	long r = ours && spare_keep(fd, &s) ? 0 : sys(SYS_close, fd);
	table_closed(fd);
	if (ours || descriptors_left()) closed_ours(queue);
	return r;
}

/* One stretch between two of our own descriptors. */
static long close_stretch(unsigned first, unsigned last, int flags)
{
	if (first > last) return 0;
	struct sock s;
	bool ours = false, queue = false;
	unsigned high = (unsigned)table_high(), end = last < high ? last + 1 : high;
	if (flags & CLOSE_RANGE_CLOEXEC || spawned()) end = 0;
	for (unsigned fd = first; fd < end; fd++) {
		ours |= table_peek((int)fd) == FD_CHANNEL;
		queue |= table_channel((int)fd, &s) && has_queue(&s);
		table_closing((int)fd);
	}
	long r = sys(SYS_close_range, first, last, flags);
	for (unsigned fd = first; fd < end; fd++) table_closed((int)fd);
	if (ours || descriptors_left()) closed_ours(queue);
	return r;
}

long do_close_range(unsigned first, unsigned last, int flags)
{
	bool refused = first > last || flags & ~(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE);
	if (!shim.active || refused) return sys(SYS_close_range, first, last, flags);
	unsigned top = (unsigned)table_high(), from = first;
	for (unsigned fd = first; fd < top && fd <= last; fd++) {
		if (table_peek((int)fd) != FD_HIDDEN) continue;
		long r = fd > from ? close_stretch(from, fd - 1, flags) : 0;
		if (r != 0) return r;
		from = fd + 1;
	}
	return close_stretch(from, last, flags);
}

long do_dup(int fd)
{
	if (shim.active && table_peek(fd) == FD_HIDDEN) return -EBADF;
	long to = sys(SYS_dup, fd);
	if (shim.active && spares_give_way(to)) to = sys(SYS_dup, fd);
	if (to >= 0 && !spawned()) table_copy(fd, (int)to);
	return to;
}

/* EBUSY: the number is being given away at this moment, most likely by ourselves to a descriptor that the program is not to know of. */
static long dup_onto(int fd, int to, int flags)
{
	long r = sys(SYS_dup3, fd, to, flags);
	for (int i = 0; i < DUP_TRIES && r == -EBUSY; i++) {
		sys(SYS_sched_yield);
		r = sys(SYS_dup3, fd, to, flags);
	}
	return r;
}

long do_dup3(int fd, int to, int flags)
{
	if (!shim.active) return sys(SYS_dup3, fd, to, flags);
	enum fd_kind before = table_peek(to);
	if (table_peek(fd) == FD_HIDDEN) return -EBADF;
	if (before == FD_HIDDEN && fd != to) {
		int r = hidden_move(to);
		if (r != 0) return r;
	}
	struct sock s;
	bool closing = before == FD_CHANNEL && fd != to && !spawned() && sys(SYS_fcntl, fd, F_GETFD) >= 0;
	bool queue = closing && table_channel(to, &s) && has_queue(&s);
	if (closing) table_closing(to);
	long r = dup_onto(fd, to, flags);
	if (r >= 0 && !spawned()) table_copy(fd, to);
	if (closing) {
		table_closed(to);
		closed_ours(queue);
	}
	return r;
}

long do_dup2(int fd, int to)
{
	if (fd == to || !shim.active) return sys(SYS_dup2, fd, to);
	return do_dup3(fd, to, 0);
}

void channel_flag(const struct sock *s, uint32_t flag, bool on)
{
	uint32_t before = on ? atomic_fetch_or(&s->c->flags, flag) : atomic_fetch_and(&s->c->flags, ~flag);
	if (flag == CHF_NONBLOCK || on == !!(before & flag)) return;
	handed_over(s);   /* the engine looks at the others */
	engine_catch_up();
}

/* What is said of the open file stays with it: its anchor can serve no other socket. */
static bool says_of_file(int cmd, long arg)
{
	if (cmd == F_SETFL) return arg & (O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME);
	return cmd != F_GETFD && cmd != F_SETFD && cmd != F_GETFL && cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC;
}

void keep_apart(int fd)
{
	struct sock s;
	if (table_channel(fd, &s)) atomic_fetch_or(&s.c->flags, CHF_SHARED);
}

/* A Unix socket that was passed has another anchor with each receiver, but is one open file. */
static long status_flags(const struct sock *s, long of_anchor)
{
	uint32_t flags = shared_get32(&s->c->flags);
	return (of_anchor & ~(long)(O_NONBLOCK | O_ASYNC)) | (flags & CHF_NONBLOCK ? O_NONBLOCK : 0) | (flags & CHF_ASYNC ? O_ASYNC : 0);
}

long do_fcntl(int fd, int cmd, long arg)
{
	struct sock s;
	if (!shim.active) return cancellable(sys_wait(SYS_fcntl, fd, cmd, arg));
	if (table_peek(fd) == FD_HIDDEN) return -EBADF;
	if (says_of_file(cmd, arg)) keep_apart(fd);
	long r = cmd == F_SETLKW || cmd == F_OFD_SETLKW ? cancellable(sys_wait(SYS_fcntl, fd, cmd, arg)) : sys(SYS_fcntl, fd, cmd, arg);
	if (r == -EMFILE && spares_give_way(r)) return do_fcntl(fd, cmd, arg);
	if (r < 0 || spawned()) return r;
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) table_copy(fd, (int)r);
	if (cmd == F_GETFL && sock_of(fd, &s)) return status_flags(&s, r);
	if (cmd == F_SETFL && sock_of(fd, &s)) {
		channel_flag(&s, CHF_NONBLOCK, arg & O_NONBLOCK);
		channel_flag(&s, CHF_ASYNC, arg & O_ASYNC);
	}
	if ((cmd == F_SETOWN || cmd == F_SETOWN_EX) && sock_of(fd, &s)) channel_flag(&s, CHF_OWNED, true);
	return r;
}
