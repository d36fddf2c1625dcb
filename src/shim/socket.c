/*
 * The calls that change a socket's state. Each is a control call, but an accept that the engine was ahead of; those that may block (accept, connect)
 * sleep on the channel and repeat it.
 * AF_UNIX is the engine's, unless unix.h says otherwise: then it is the kernel's, with names of the host's own (unix_call.c).
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include "channel/offer.h"
#include "shim/internal.h"
#include "shim/shim.h"
#include "shim/unix.h"

#define OTHERS_YIELDS 4

static _Atomic int last_number;   /* of an anchor */

long anchor_give(int fd, uint32_t channel, uint32_t generation, int flags)
{
	int r = table_set_channel(fd, channel, generation);
	if (r != 0) {
		sys(SYS_close, fd);
		return r;
	}
	atomic_store(&last_number, fd);
	spare_born(channel, generation);
	if (flags & SOCK_NONBLOCK) {
		atomic_fetch_or(&arena_channel(shim.arena, channel)->flags, CHF_NONBLOCK);
		sys(SYS_fcntl, fd, F_SETFL, O_RDWR | O_NONBLOCK);
	}
	return fd;
}

/* The anchor that came with an answer, or the spare one, becomes a descriptor of the program's. */
static long anchor_take(struct call *c, struct spare *spare, int flags)
{
	if (spare && c->fd_count == 0 && c->channel == c->spare) return spare_used(spare, flags, c->generation);
	spare_return(spare, true);
	if (c->fd_count != 1) return c->fd_count == 0 ? -EMFILE : -EPROTO;   /* no number was free: the kernel dropped it */
	return anchor_give(c->fds[0], c->channel, c->generation, flags);
}

static long socket_make(int domain, int type, int protocol, int flags)
{
	struct spare *spare = type == SOCK_STREAM ? spare_lend(flags, true) : NULL;
	struct call c = {.op = RPC_SOCKET, .arg = {domain, type, protocol}, .want_fd = true, .cloexec = flags & SOCK_CLOEXEC, .spare = spare_channel(spare)};
	int64_t r = control(&c);
	if (r >= 0) return anchor_take(&c, spare, flags);
	spare_return(spare, false);
	return (long)r;
}

long kernel_socket(int domain, int type, int protocol)
{
	long fd;
	do fd = gate(SYS_socket, domain, type, protocol);
	while (shim.active && spares_give_way(fd));
	if (fd >= 0) table_set_kernel((int)fd);
	return fd;
}

long do_socket(int domain, int type, int protocol)
{
	if (!shim.active || (domain == AF_UNIX && !unix_is_private())) {
		long fd = kernel_socket(domain, type, protocol);
		if (fd < 0 || !shim.active || spawned() || !unix_is_refused((int)fd)) return fd;
		do_close((int)fd);
	}
	if (spawned()) return -ENETDOWN;
	if (type & ~(0xf | TYPE_FLAGS)) return -EINVAL;
	long fd = attach() == 0 && has_trouble(FAULT_SOCKET) ? trouble(FAULT_SOCKET, NULL, NULL, 0) : 0;
	if (fd < 0) return fd;
	fd = spare_socket(domain, type & ~TYPE_FLAGS, protocol, type);
	if (fd == -ENOENT) fd = socket_make(domain, type & ~TYPE_FLAGS, protocol, type);
	if (spares_give_way(fd)) fd = socket_make(domain, type & ~TYPE_FLAGS, protocol, type);
	if (fd < 0 || caps_allow(domain, type)) return fd;
	do_close((int)fd);
	return -EPERM;
}

long sock_bind(const struct sock *s, const struct sockaddr *addr, socklen_t len)
{
	if (s->c->domain == AF_UNIX) return unix_bind(s, addr, len);
	if (len > sizeof(struct sockaddr_storage)) return -EINVAL;
	int r = has_trouble(FAULT_BIND) ? trouble(FAULT_BIND, s, addr, len) : 0;
	if (r < 0) return r;
	struct call c = {.op = RPC_BIND, .sock = s, .in = {{(void *)addr, len}}};
	return (long)control(&c);
}

long do_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock s;
	return sock_of(fd, &s) ? sock_bind(&s, addr, len) : kernel_bind(fd, addr, len);
}

long sock_listen(const struct sock *s, int backlog)
{
	if (s->c->domain == AF_UNIX && !shim.sandboxed) return outside_listen(s, backlog);
	int r = has_trouble(FAULT_LISTEN) && s->c->domain != AF_UNIX ? trouble(FAULT_LISTEN, s, NULL, 0) : 0;
	return r < 0 ? r : (long)control_simple(RPC_LISTEN, s, backlog, 0, 0);
}

long do_listen(int fd, int backlog)
{
	struct sock s;
	return sock_of(fd, &s) ? sock_listen(&s, backlog) : gate(SYS_listen, fd, backlog);
}

/* It has failed, or another thread has shut it: asked once more, the engine would begin anew where there is nothing under way. 0: neither. */
static long connect_failed(const struct sock *s)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct call forget = {.op = RPC_CONNECT, .sock = s, .in = {{&none, sizeof none}}};
	uint32_t state = shared_get32(&s->c->state);
	if (state & CHS_CONNECTING || !(state & CHS_ERROR)) return 0;
	int64_t err = control_simple(RPC_TAKE_ERROR, s, 0, 0, 0);
	if (err > 0) control(&forget);
	return err > 0 ? -(long)err : (long)err;
}

static long connect_on(const struct sock *s, struct call *c)
{
	struct wait w;
	int64_t first = 0;
	wait_begin_as_set(&w, &s->c->sndtimeo_ms);
	signals_want_room(s);   /* the end of connecting is signalled as room */
	for (;;) {
		uint32_t seq = shared_get32(&s->c->tx.seq);
		c->arg[0] = !nonblocking(s, 0);
		int64_t r = control(c);
		if (first == 0) first = r;
		bool full = r == -EAGAIN && s->c->domain == AF_UNIX;
		if ((r != -EINPROGRESS && r != -EALREADY && !full) || nonblocking(s, 0)) return (long)r;
		r = full || shared_get32(&s->c->state) & CHS_CONNECTING ? wait_on(&w, s, &s->c->tx, seq) : 0;
		if (r == -EAGAIN) return (long)first;   /* SO_SNDTIMEO is over */
		if (r == 0 && !full && !is_sctp(s)) r = connect_failed(s);
		if (r < 0) return (long)r;
	}
}

/* A send has begun to connect. */
long connect_wait(const struct sock *s, const struct sockaddr *addr, socklen_t len)
{
	struct call c = {.op = RPC_CONNECT, .sock = s, .in = {{(void *)addr, len}}};
	long r = connect_on(s, &c);
	return r == -EALREADY ? -EINPROGRESS : r;
}

/* One step, as of a call that waits: it answers -EINPROGRESS or -EALREADY until the connection stands. */
static long connect_once(const struct sock *s, struct call *c)
{
	(void)s;
	c->arg[0] = true;
	return (long)control(c);
}

typedef long connect_step(const struct sock *s, struct call *c);

/* To whom the engine knows nothing of. */
static long connect_out(const struct sock *s, const struct sockaddr *addr, socklen_t len, bool waits)
{
	return outside_is_resolver(addr, len) ? -ENOENT : outside_connect(s, addr, len, waits);
}

static long connect_by(const struct sock *s, const struct sockaddr *addr, socklen_t len, bool begins, connect_step *step)
{
	if (len > sizeof(struct sockaddr_storage)) return -EINVAL;
	struct call c = {.op = RPC_CONNECT, .sock = s, .in = {{(void *)addr, len}}};
	struct unix_target t;
	long r = s->c->domain == AF_UNIX ? unix_connect_target(addr, len, &t) : 0;
	if (r == 0 && s->c->domain == AF_UNIX) c.in[0] = (struct iovec){&t.un, t.len};
	if (r == 0 && begins && has_trouble(FAULT_CONNECT) && s->c->domain != AF_UNIX) r = trouble(FAULT_CONNECT, s, addr, len);
	if (r == 0) r = pin(s);
	if (r != 0) return r;
	r = step(s, &c);
	if (r == -EREMOTE && s->c->domain == AF_UNIX) r = t.why != 0 ? t.why : connect_out(s, addr, len, step == connect_on && !nonblocking(s, 0));
	if (r == 0 && s->c->type == SOCK_STREAM && addr->sa_family == AF_UNSPEC) stream_forget(s);
	unpin();
	return r;
}

long sock_connect(const struct sock *s, const struct sockaddr *addr, socklen_t len, bool begins) { return connect_by(s, addr, len, begins, connect_once); }

long do_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock s;
	if (sock_of(fd, &s)) return connect_by(&s, addr, len, true, connect_on);
	return outside_is_resolver(addr, len) ? -ENOENT : kernel_connect(fd, addr, len);
}

/*
 * When no descriptor number is left, the kernel would drop the anchor of a connection that the engine has handed out already. So, as Linux, find
 * a number first; but really try only near the limit. The kernel gives the lowest, so the last one given tells how near that is.
 */
static int number_free(void)
{
	if (shim.sandboxed || limit_takes((rlim_t)atomic_load(&last_number) + 64)) return 0;
	int fd = (int)sys(SYS_fcntl, shim.doorbell, F_DUPFD_CLOEXEC, 0);
	if (fd < 0) return fd == -EINVAL ? -EMFILE : fd;
	sys(SYS_close, fd);
	return 0;
}

/* As Linux: a name that can't be handed out costs the connection. */
static long accepted(const struct sock *s, long fd, uint32_t channel, const void *peer, size_t peer_len, struct sockaddr *addr, socklen_t *len)
{
	if (fd >= 0) shared_set32(&arena_channel(shim.arena, channel)->rx.limit, shared_get32(&s->c->rx.limit));   /* as the buffer itself */
	int r = fd >= 0 && addr ? name_put(peer, peer_len, addr, len) : 0;
	if (r == 0) return fd;
	do_close((int)fd);
	return r;
}

/*
 * Is it plain without asking that no connection waits? The engine says in the channel when one comes, and when the listening is over. A call that sleeps
 * then may look too early, one that answers "none" may not.
 */
static bool none_waits(const struct sock *s)
{
	uint32_t state = shared_get32(&s->c->state);
	if (!(state & CHS_LISTENING) || state & (CHS_ERROR | CHS_GONE) || (nonblocking(s, 0) && engine_is_late())) return false;
	return shared_get32(&s->c->poll) == 0 && !offer_waits(arena_offer(shim.arena, s->index)) && shared_get32(&s->c->generation) == s->generation;
}

/*
 * One that the engine has accepted ahead. It sees that when it next has to do with the listener; but where more wait, others may wait to connect, and
 * only TCP tries again by itself.
 */
static long accept_ahead(const struct sock *s, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct offer o;
	long fd = spare_accept(s, flags, &o);
	if (fd == -ENOENT || fd == -EMFILE) return fd;
	spare_offer(s);
	arena_mark_dirty(shim.arena, s->index);
	shared_fence();
	if (s->c->domain == AF_UNIX && shared_get32(&s->c->poll) != 0) handed_over(s);
	return accepted(s, fd, offer_spare(atomic_load(&o.word)), o.name, MIN(o.name_len, sizeof o.name), addr, len);
}

/* One that it has accepted for another process is that one's first, unless it stands still. */
static void others_first(const struct sock *s)
{
	struct offer *o = arena_offer(shim.arena, s->index);
	for (int i = 0; i < OTHERS_YIELDS && offer_waits(o) && !shim.sandboxed; i++) sys(SYS_sched_yield);
}

static long accept_by_call(const struct sock *s, struct sockaddr *addr, socklen_t *len, int flags, struct spare *spare)
{
	struct sockaddr_storage peer;
	struct call c = {.op = RPC_ACCEPT, .sock = s, .out = &peer, .out_cap = sizeof peer, .want_fd = true, .cloexec = flags & SOCK_CLOEXEC,
			 .spare = spare_channel(spare)};
	int64_t r = control(&c);
	if (r == 0 && c.channel == 0) {
		spare_return(spare, false);
		return c.fd_count == 1 ? outside_accept(s, c.fds[0], addr, len, flags) : -EMFILE;
	}
	if (r >= 0) return accepted(s, anchor_take(&c, spare, flags), c.channel, &peer, MIN(c.out_len, sizeof peer), addr, len);
	spare_return(spare, false);
	return (long)r;
}

/* A descriptor of one connection, or the reason why there is none. */
static long accept_once(const struct sock *s, struct sockaddr *addr, socklen_t *len, int flags)
{
	int free = number_free();
	long r = free < 0 ? -ENOENT : accept_ahead(s, addr, len, flags);
	if (r != -ENOENT) return r;
	others_first(s);
	if (none_waits(s)) {
		spare_offer(s);
		return free < 0 ? free : -EAGAIN;
	}
	spare_withdraw(s);
	bool serves = s->c->type == SOCK_STREAM && !is_sctp(s);      /* another's number would only be in the way */
	if (free < 0 && !serves && spares_give_way(free)) free = number_free();
	struct spare *spare = serves ? spare_lend(flags, false) : NULL;
	if (free < 0 && !spare) return free;
	r = accept_by_call(s, addr, len, flags, spare);
	if (r >= 0) spare_offer(s);
	return r;
}

/* sctp_peeloff() */
long peel_off(const struct sock *s, int32_t assoc, int flags)
{
	if (flags & ~TYPE_FLAGS) return -EINVAL;
	struct call c = {.op = RPC_ACCEPT, .sock = s, .arg = {assoc}, .want_fd = true, .cloexec = flags & SOCK_CLOEXEC};
	int64_t r = control(&c);
	return r < 0 ? (long)r : anchor_take(&c, NULL, flags);
}

static long accept_on(const struct sock *s, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct wait w;
	wait_begin_as_set(&w, &s->c->rcvtimeo_ms);
	for (;;) {
		uint32_t seq = shared_get32(&s->c->rx.seq);
		bool over = s->c->domain == AF_UNIX && shared_get32(&s->c->poll) & EPOLLRDHUP;
		long r = accept_once(s, addr, len, flags);
		if (r != -EAGAIN || nonblocking(s, 0)) return r;
		if (over) return -EINVAL;
		r = wait_on(&w, s, &s->c->rx, seq);
		if (r < 0) return r;
	}
}

long do_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct sock s;
	if (!sock_of(fd, &s)) return kernel_accept4(fd, addr, len, flags);
	if (flags & ~TYPE_FLAGS) return -EINVAL;
	long r = has_trouble(FAULT_ACCEPT) && s.c->domain != AF_UNIX ? trouble(FAULT_ACCEPT, &s, NULL, 0) : 0;
	if (r == 0) r = pin(&s);
	if (r != 0) return r;
	r = accept_on(&s, addr, len, flags);
	unpin();
	return r;
}

long sock_accept(const struct sock *s, struct sockaddr *addr, socklen_t *len, int flags)
{
	bool looked = !engine_is_late();
	long r = has_trouble(FAULT_ACCEPT) && s->c->domain != AF_UNIX ? trouble(FAULT_ACCEPT, s, NULL, 0) : 0;
	if (r == 0) r = pin(s);
	if (r != 0) return r;
	do r = accept_once(s, addr, len, flags);
	while (r == -EAGAIN && look_again(&looked));
	unpin();
	return r;
}

long do_accept(int fd, struct sockaddr *addr, socklen_t *len) { return do_accept4(fd, addr, len, 0); }

static long name_of(uint32_t op, const struct sock *s, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_storage name;
	struct call c = {.op = op, .sock = s, .out = &name, .out_cap = sizeof name};
	int64_t r = control(&c);
	return r < 0 ? (long)r : name_put(&name, MIN(c.out_len, sizeof name), addr, len);
}

long do_getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sock s;
	return sock_of(fd, &s) ? name_of(RPC_GETSOCKNAME, &s, addr, len) : kernel_name(SYS_getsockname, fd, addr, len);
}

long do_getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sock s;
	return sock_of(fd, &s) ? name_of(RPC_GETPEERNAME, &s, addr, len) : kernel_name(SYS_getpeername, fd, addr, len);
}

long do_shutdown(int fd, int how)
{
	struct sock s;
	return sock_of(fd, &s) ? (long)control_simple(RPC_SHUTDOWN, &s, how, 0, 0) : gate(SYS_shutdown, fd, how);
}
