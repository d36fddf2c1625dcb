/*
 * The calls that change a socket's state. Each is a control call; those that may block (accept, connect) sleep on the channel and repeat it.
 * AF_UNIX is the kernel's, with names of the host's own (unix_call.c), unless unix.h says otherwise.
 */
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include "shim/shim.h"
#include "shim/unix.h"

#define TYPE_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

static _Atomic int last_number;   /* of an anchor */

static long anchor_give(int fd, uint32_t channel, uint32_t generation, int flags)
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

static bool pair_there(int *pair)
{
	int probe[2] = {-1, -1};
	return user_copy(probe, pair, sizeof probe) == 0 && user_copy(pair, probe, sizeof probe) == 0;
}

/* Of streams, which then go past the engine; the others are the kernel's everywhere. */
static long pair_private(int type, int protocol, int *pair)
{
	struct rpc_pair second;
	struct call c = {.op = RPC_PAIR, .arg = {type & ~TYPE_FLAGS, protocol}, .out = &second, .out_cap = sizeof second, .want_fd = true,
			 .cloexec = type & SOCK_CLOEXEC};
	if (!pair_there(pair)) return -EFAULT;
	int64_t r = control(&c);
	if (r < 0) return (long)r;
	long a = c.fd_count == 2 ? anchor_give(c.fds[0], c.channel, c.generation, type) : -EMFILE;
	if (c.fd_count == 1) sys(SYS_close, c.fds[0]);
	if (a < 0 && c.fd_count == 2) sys(SYS_close, c.fds[1]);
	if (a < 0) return a;
	long b = anchor_give(c.fds[1], second.channel, second.generation, type);
	if (b < 0) {
		do_close((int)a);
		return b;
	}
	const int both[2] = {(int)a, (int)b};
	return user_copy(pair, both, sizeof both);
}

/* Only AF_UNIX has pairs, but Linux makes a socket before it says so, and touches the array before that. */
static long pair_refused(int domain, int type, int protocol, int *pair)
{
	if (type & ~(0xf | TYPE_FLAGS)) return -EINVAL;
	if (!pair_there(pair)) return -EFAULT;
	long fd = do_socket(domain, type, protocol);
	if (fd < 0) return fd;
	do_close((int)fd);
	return -EOPNOTSUPP;
}

long do_socketpair(int domain, int type, int protocol, int *pair)
{
	if (shim.active && domain != AF_UNIX) return pair_refused(domain, type, protocol, pair);
	long r;
	if (shim.active && shim.private_unix && !spawned() && (type & ~TYPE_FLAGS) == SOCK_STREAM) {
		do r = pair_private(type, protocol, pair);
		while (spares_give_way(r));
		return r;
	}
	do r = gate(SYS_socketpair, domain, type, protocol, pair);
	while (shim.active && spares_give_way(r));
	if (r == 0) {
		table_set_kernel(pair[0]);
		table_set_kernel(pair[1]);
	}
	return r;
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
	int r = has_trouble(FAULT_LISTEN) && s->c->domain != AF_UNIX ? trouble(FAULT_LISTEN, s, NULL, 0) : 0;
	return r < 0 ? r : (long)control_simple(RPC_LISTEN, s, backlog, 0, 0);
}

long do_listen(int fd, int backlog)
{
	struct sock s;
	return sock_of(fd, &s) ? sock_listen(&s, backlog) : gate(SYS_listen, fd, backlog);
}

/* The resolvers that libc would ask over a real Unix socket know nothing of this network. */
static bool asks_outside(const struct sockaddr *addr, socklen_t len)
{
	static const char *const paths[] = {"/var/run/nscd/socket", "/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve"};
	struct sockaddr_un un = {0};
	if (!shim.active || len <= offsetof(struct sockaddr_un, sun_path)) return false;
	if (user_copy(&un, addr, MIN(len, sizeof un - 1)) != 0 || un.sun_family != AF_UNIX) return false;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strcmp(un.sun_path, paths[i]) == 0) return true;
	return false;
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

static long connect_by(const struct sock *s, const struct sockaddr *addr, socklen_t len, bool begins, connect_step *step)
{
	if (len > sizeof(struct sockaddr_storage)) return -EINVAL;
	struct call c = {.op = RPC_CONNECT, .sock = s, .in = {{(void *)addr, len}}};
	struct unix_target t;
	long r = s->c->domain == AF_UNIX ? unix_target(addr, len, &t) : 0;
	if (r == 0 && s->c->domain == AF_UNIX) c.in[0] = (struct iovec){&t.un, t.len};
	if (r == 0 && begins && has_trouble(FAULT_CONNECT) && s->c->domain != AF_UNIX) r = trouble(FAULT_CONNECT, s, addr, len);
	if (r == 0) r = pin(s);
	if (r != 0) return r;
	r = step(s, &c);
	if (r == 0 && s->c->type == SOCK_STREAM && addr->sa_family == AF_UNSPEC) stream_forget(s);
	unpin();
	return r;
}

long sock_connect(const struct sock *s, const struct sockaddr *addr, socklen_t len, bool begins) { return connect_by(s, addr, len, begins, connect_once); }

long do_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sock s;
	if (sock_of(fd, &s)) return connect_by(&s, addr, len, true, connect_on);
	return asks_outside(addr, len) ? -ENOENT : kernel_connect(fd, addr, len);
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
static long accepted(struct call *c, struct spare *spare, int flags, const struct sockaddr_storage *peer, struct sockaddr *addr, socklen_t *len)
{
	long fd = anchor_take(c, spare, flags);
	if (fd >= 0) shared_set32(&arena_channel(shim.arena, c->channel)->rx.limit, shared_get32(&c->sock->c->rx.limit));   /* as the buffer itself */
	int r = fd >= 0 && addr ? name_put(peer, MIN(c->out_len, sizeof *peer), addr, len) : 0;
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
	return shared_get32(&s->c->poll) == 0 && shared_get32(&s->c->generation) == s->generation;
}

/* A descriptor of one connection, or the reason why there is none. */
static long accept_once(const struct sock *s, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct sockaddr_storage peer;
	int free = number_free();
	if (none_waits(s)) return free < 0 ? free : -EAGAIN;
	struct spare *spare = spare_lend(flags, false);
	if (free < 0 && !spare) return free;
	struct call c = {.op = RPC_ACCEPT, .sock = s, .out = &peer, .out_cap = sizeof peer, .want_fd = true, .cloexec = flags & SOCK_CLOEXEC,
			 .spare = spare_channel(spare)};
	int64_t r = control(&c);
	if (r >= 0) return accepted(&c, spare, flags, &peer, addr, len);
	spare_return(spare, false);
	return (long)r;
}

static long accept_on(const struct sock *s, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct wait w;
	wait_begin_as_set(&w, &s->c->rcvtimeo_ms);
	for (;;) {
		uint32_t seq = shared_get32(&s->c->rx.seq);
		long r = accept_once(s, addr, len, flags);
		if (r != -EAGAIN || nonblocking(s, 0)) return r;
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

/*
 * Linux looks for the option before it touches the program's memory: one that it does not have is that error, whatever the pointer is, and a value of no
 * octets needs none.
 */
static long option_fault(const struct sock *s, int level, int name, size_t cap)
{
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {level, name, (int64_t)cap}};
	int64_t r = control(&c);
	return r > 0 ? -EFAULT : (long)r;
}

static bool has_level(const struct sock *s, int level)
{
	bool udp = s->c->protocol == IPPROTO_UDP || s->c->protocol == IPPROTO_UDPLITE;
	if (udp && (level == IPPROTO_UDP || level == IPPROTO_UDPLITE)) return true;
	return level == SOL_SOCKET || level == IPPROTO_IP || level == s->c->protocol || (level == IPPROTO_IPV6 && s->c->domain == AF_INET6);
}

#define NEGATIVE_ROOM 64   /* what any value but a list of sources fits into */

/* SO_GET_FILTER, the same number: lengths count instructions. */
static long filter_get(const struct sock *s, void *val, socklen_t *len)
{
	socklen_t room;
	if (user_get(room, len) != 0) return -EFAULT;
	if ((int)room < 0) return -EINVAL;
	size_t octets = MIN(room, BPF_MAXINSNS) * sizeof(struct sock_filter);
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {SOL_SOCKET, SO_GET_FILTER, (int64_t)octets}, .out = val, .out_cap = octets};
	int64_t r = control(&c);
	if (r < 0) return (long)r;
	room = (socklen_t)r / sizeof(struct sock_filter);
	return user_put(len, room);
}

long sock_getsockopt(const struct sock *s, int level, int name, void *val, socklen_t *len)
{
	socklen_t room;
	if (level == SOL_SOCKET && name == SO_GET_FILTER) return filter_get(s, val, len);
	if (user_get(room, len) != 0) {
		long r = has_level(s, level) ? 0 : option_fault(s, level, name, 0);
		return r < 0 ? r : -EFAULT;
	}
	if ((int)room < 0 && level != IPPROTO_IPV6 && has_level(s, level)) return -EINVAL;
	size_t cap = (int)room < 0 ? NEGATIVE_ROOM : MIN(room, rpc_rows[RPC_GETSOCKOPT].in_max);   /* to IPPROTO_IPV6 a negative length is a large one */
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {level, name, (int64_t)cap}, .in = {{val, cap}}, .out = val, .out_cap = cap};
	int64_t r = control(&c);
	if (r == -EFAULT) r = option_fault(s, level, name, cap);
	if (r < 0) return (long)r;
	room = (socklen_t)r;
	return user_put(len, room);
}

long do_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	struct sock s;
	return sock_of(fd, &s) ? sock_getsockopt(&s, level, name, val, len) : kernel_getsockopt(fd, level, name, val, len);
}

/* A receive buffer so small that reading less than consumed()'s usual worth may open the window. */
static void small_buffer(const struct sock *s, int octets)
{
	shared_set32(&s->c->rx.limit, (uint32_t)MIN(MAX(octets, 2048) / 8, (int)SEGMENT_SMALL / 8));
}

/* What struct sock_fprog points to goes to the engine: the instructions. */
static long filter_attach(const struct sock *s, int name, const void *val, socklen_t len)
{
	struct sock_fprog prog;
	if ((int)len < (int)sizeof(int)) return -EINVAL;
	if (!user_there(val, sizeof(int))) return -EFAULT;
	if (name == SO_ATTACH_FILTER && s->c->type == SOCK_STREAM && !shim.privileged) return -EPERM;   /* as Linux has it for TCP by now */
	if (len != sizeof prog) return -EINVAL;
	if (user_get(prog, (const struct sock_fprog *)val) != 0) return -EFAULT;
	if (!prog.filter || prog.len == 0 || prog.len > BPF_MAXINSNS) return -EINVAL;
	struct call c = {.op = RPC_SETSOCKOPT, .sock = s, .arg = {SOL_SOCKET, name}, .in = {{prog.filter, prog.len * sizeof *prog.filter}}};
	return (long)control(&c);
}

/* A program of eBPF is the kernel's: no descriptor of one is good here. */
static long bpf_attach(const void *val, socklen_t len)
{
	int fd;
	if ((int)len < (int)sizeof fd) return -EINVAL;
	if (user_get(fd, (const int *)val) != 0) return -EFAULT;
	return len != sizeof fd || sys(SYS_fcntl, fd, F_GETFD) >= 0 ? -EINVAL : -EBADF;
}

long sock_setsockopt(const struct sock *s, int level, int name, const void *val, socklen_t len)
{
	if (level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF)) return filter_attach(s, name, val, len);
	if (level == SOL_SOCKET && (name == SO_ATTACH_BPF || name == SO_ATTACH_REUSEPORT_EBPF)) return bpf_attach(val, len);
	if ((int)len < 0 || len > rpc_rows[RPC_SETSOCKOPT].in_max) return -EINVAL;
	static const int zero;
	if (!val && level == IPPROTO_IPV6 && s->c->domain == AF_INET6) {   /* to this level alone no value is 0 */
		val = &zero;
		len = MIN(len, (socklen_t)sizeof zero);
	}
	struct call c = {.op = RPC_SETSOCKOPT, .sock = s, .arg = {level, name}, .in = {{(void *)val, len}}};
	int64_t r = control(&c);
	if (r == -EFAULT) return (long)control_simple(RPC_SETSOCKOPT, s, level, name, (int64_t)len + 1);
	if (r == 0 && level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_RCVBUFFORCE)) small_buffer(s, *(const int *)val);
	if (r == 0 && level == SOL_PACKET && name == PACKET_RX_RING) return packet_ring_set(s, val);
	return (long)r;
}

long do_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	struct sock s;
	return sock_of(fd, &s) ? sock_setsockopt(&s, level, name, val, len) : kernel_setsockopt(fd, level, name, val, len);
}

long do_shutdown(int fd, int how)
{
	struct sock s;
	return sock_of(fd, &s) ? (long)control_simple(RPC_SHUTDOWN, &s, how, 0, 0) : gate(SYS_shutdown, fd, how);
}
