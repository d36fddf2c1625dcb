/*
 * Calls about descriptors as such. The kernel does the work on the anchor; here the table follows, the status flags that belong to the open file are
 * mirrored in its channel, and what the program must not touch (our own descriptors) stays out of its reach.
 */
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "shim/internal.h"
#include "shim/shim.h"
#include "shim/unix.h"

#define DUP_TRIES 100

long do_close(int fd)
{
	if (!shim.active) return cancellable(sys(SYS_close, fd));
	struct sock s;
	if (table_peek(fd) == FD_HIDDEN) return -EBADF;
	if (spawned()) return sys(SYS_close, fd);
	bool ours = table_channel(fd, &s);
	if (ours && atomic_load_explicit(&s.c->linger_s, memory_order_relaxed) > 0) linger(&s);
	table_closing(fd);
	long r = ours && spare_keep(fd, &s) ? 0 : sys(SYS_close, fd);
	table_closed(fd);
	if (ours) rung_by_close();
	return r;
}

/* One stretch between two of our own descriptors. */
static long close_stretch(unsigned first, unsigned last, int flags)
{
	if (first > last) return 0;
	bool ours = false;
	unsigned high = (unsigned)table_high(), end = last < high ? last + 1 : high;
	if (flags & CLOSE_RANGE_CLOEXEC || spawned()) end = 0;
	for (unsigned fd = first; fd < end; fd++) {
		ours |= table_peek((int)fd) == FD_CHANNEL;
		table_closing((int)fd);
	}
	long r = sys(SYS_close_range, first, last, flags);
	for (unsigned fd = first; fd < end; fd++) table_closed((int)fd);
	if (ours) rung_by_close();
	return r;
}

long do_close_range(unsigned first, unsigned last, int flags)
{
	if (!shim.active || first > last) return sys(SYS_close_range, first, last, flags);
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
	bool closing = before == FD_CHANNEL && fd != to && !spawned() && sys(SYS_fcntl, fd, F_GETFD) >= 0;
	if (closing) table_closing(to);
	long r = dup_onto(fd, to, flags);
	if (r >= 0 && !spawned()) table_copy(fd, to);
	if (closing) {
		table_closed(to);
		rung_by_close();
	}
	return r;
}

long do_dup2(int fd, int to)
{
	if (fd == to || !shim.active) return sys(SYS_dup2, fd, to);
	return do_dup3(fd, to, 0);
}

static void channel_flag(const struct sock *s, uint32_t flag, bool on)
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

static void keep_apart(int fd)
{
	struct sock s;
	if (table_channel(fd, &s)) atomic_fetch_or(&s.c->flags, CHF_SHARED);
}

long do_fcntl(int fd, int cmd, long arg)
{
	struct sock s;
	if (!shim.active) return cancellable(sys(SYS_fcntl, fd, cmd, arg));
	if (table_peek(fd) == FD_HIDDEN) return -EBADF;
	if (says_of_file(cmd, arg)) keep_apart(fd);
	long r = cmd == F_SETLKW || cmd == F_OFD_SETLKW ? cancellable(sys(SYS_fcntl, fd, cmd, arg)) : sys(SYS_fcntl, fd, cmd, arg);
	if (r == -EMFILE && spares_give_way(r)) return do_fcntl(fd, cmd, arg);
	if (r < 0 || spawned()) return r;
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC) table_copy(fd, (int)r);
	if (cmd == F_SETFL && sock_of(fd, &s)) {
		channel_flag(&s, CHF_NONBLOCK, arg & O_NONBLOCK);
		channel_flag(&s, CHF_ASYNC, arg & O_ASYNC);
	}
	if ((cmd == F_SETOWN || cmd == F_SETOWN_EX) && sock_of(fd, &s)) channel_flag(&s, CHF_OWNED, true);
	return r;
}

/* ---- ioctl ---- */

static long bytes_waiting(const struct sock *s, void *ret)
{
	struct record r;
	int n;
	if (s->c->domain == AF_UNIX) {
		long r = unix_waiting(s, &n);
		return r < 0 ? r : user_put(ret, n);
	}
	if (s->c->type == SOCK_STREAM) n = (int)chan_rx_used(shim.arena, s->c);
	else {
		critical_enter();
		chan_lock(&s->c->rx.lock, lock_name(), futex_shared);
		n = chan_peek_record(shim.arena, s->c, &r) ? (int)r.data_len : 0;
		chan_unlock(&s->c->rx.lock, futex_shared);
		critical_leave();
	}
	return shared_get32(&s->c->state) & CHS_LISTENING ? -EINVAL : user_put(ret, n);
}

/* How many octets stand behind the pointer of a request; 0: we don't know it, and so can't do it. */
static size_t request_size(unsigned long request)
{
	switch (request) {
	case SIOCOUTQ: case SIOCATMARK: case FIONREAD: return sizeof(int);
	case SIOCADDRT: case SIOCDELRT: return sizeof(struct rtentry);
	case SIOCSARP: case SIOCGARP: case SIOCDARP: return sizeof(struct arpreq);
	case 0x8906: case 0x8907: return 16;   /* SIOCGSTAMP, SIOCGSTAMPNS */
	default: return request >= SIOCGIFNAME && request <= SIOCDEVPRIVATE + 15 ? sizeof(struct ifreq) : 0;
	}
}

/* SIOCGIFCONF is the one whose struct points on: the rows come back as octets. */
static long interface_list(const struct sock *s, struct ifconf *conf)
{
	if (!user_there(conf, sizeof *conf)) return -EFAULT;
	struct call c = {.op = RPC_IOCTL, .sock = s, .arg = {SIOCGIFCONF}, .out = conf->ifc_buf, .out_cap = conf->ifc_buf ? (size_t)MAX(conf->ifc_len, 0) : 0};
	c.out_cap -= c.out_cap % sizeof(struct ifreq);
	int64_t r = control(&c);
	if (r < 0) return (long)r;
	conf->ifc_len = (int)(conf->ifc_buf ? MIN(c.out_len, c.out_cap) : c.out_len);
	return 0;
}

/* What the kernel does on the anchor; where it worked, the channel has a flag for it. */
static long ioctl_anchor(const struct sock *s, unsigned long request, void *arg, uint32_t flag)
{
	int on = 0;
	if (flag & (CHF_ASYNC | CHF_OWNED)) keep_apart(s->fd);
	long r = sys(SYS_ioctl, s->fd, request, arg);
	if (r == 0 && flag && user_get(on, (const int *)arg) == 0) channel_flag(s, flag, on != 0);
	return r;
}

static long ioctl_virtual(const struct sock *s, unsigned long request, void *arg)
{
	switch (request) {
	case FIONREAD:
		engine_catch_up();
		if (shared_get32(&s->c->state) & CHS_MARK) break;   /* the engine knows what lies behind the mark */
		return bytes_waiting(s, arg);
	case FIONBIO: return ioctl_anchor(s, request, arg, CHF_NONBLOCK);
	case FIOASYNC: return ioctl_anchor(s, request, arg, CHF_ASYNC);
	case FIOSETOWN: case SIOCSPGRP: return ioctl_anchor(s, request, arg, CHF_OWNED);
	case FIOCLEX: case FIONCLEX: case FIOGETOWN: case SIOCGPGRP: case TCGETS: case FIGETBSZ:
		return ioctl_anchor(s, request, arg, 0);
	case SIOCGIFCONF: return interface_list(s, arg);
	}
	size_t size = request_size(request);
	if (size == 0) return -ENOTTY;
	struct call c = {.op = RPC_IOCTL, .sock = s, .arg = {(int64_t)request}, .in = {{arg, size}}, .out = arg, .out_cap = size};
	return (long)control(&c);
}

static bool is_socket(int fd)
{
	struct stat st;
	return sys(SYS_fstat, fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* Any socket will do to ask about interfaces, and libc takes a Unix one, which is the kernel's: the answer comes from the host all the same. */
static long ioctl_interface(unsigned long request, void *arg)
{
	struct sock s;
	long fd = do_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return fd;
	long r = sock_of((int)fd, &s) ? ioctl_virtual(&s, request, arg) : -EBADF;
	do_close((int)fd);
	return r;
}

long do_ioctl(int fd, unsigned long request, void *arg)
{
	struct sock s;
	if (sock_of(fd, &s)) return ioctl_virtual(&s, request, arg);
	if (shim.active && request_size(request) == sizeof(struct ifreq) && is_socket(fd)) return ioctl_interface(request, arg);
	return sys(SYS_ioctl, fd, request, arg);
}
