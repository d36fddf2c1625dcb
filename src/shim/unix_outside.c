/*
 * Unix sockets that meet the outside: programs that are none of the network's (X11, D-Bus, syslog, another network's). They have the kernel's sockets, and
 * whoever meets one of them does so by one, too, so that nothing between the two is ours: credentials, descriptors, what happens when either dies.
 *
 *     bind      has bound a socket of the kernel's to the path, K; the engine keeps it (engine/outside.c)
 *     listen    K listens, too: it is we who make it, since our credentials are what who connects there is shown
 *     accept    from K, if the engine says that somebody waits there: what comes of it is the program's descriptor
 *     connect   where the engine does not know who is bound to the path: a socket of the kernel's, K if there is one, connects, and takes the place of ours
 *     send      to such a path: by K, or by a new socket
 */
#include <fcntl.h>
#include <pthread.h>
#include "shim/internal.h"
#include "shim/shim.h"
#include "shim/unix.h"

/* ---- a socket of the kernel's like one of ours ---- */

struct likeness { int name; socklen_t len; };

static const struct likeness options[] = {
	{SO_SNDBUF, sizeof(int)}, {SO_RCVBUF, sizeof(int)}, {SO_PASSCRED, sizeof(int)}, {SO_RCVLOWAT, sizeof(int)}, {SO_PEEK_OFF, sizeof(int)},
	{SO_OOBINLINE, sizeof(int)}, {SO_KEEPALIVE, sizeof(int)}, {SO_PRIORITY, sizeof(int)}, {SO_LINGER, sizeof(struct linger)},
	{SO_RCVTIMEO, sizeof(struct timeval)}, {SO_SNDTIMEO, sizeof(struct timeval)}, {SO_PASSPIDFD, sizeof(int)}, {SO_PASSRIGHTS, sizeof(int)},
	{SO_PASSSEC, sizeof(int)}, {SO_TIMESTAMP, sizeof(int)}, {SO_TIMESTAMPNS, sizeof(int)}, {SO_RXQ_OVFL, sizeof(int)}, {SO_BROADCAST, sizeof(int)},
	{SO_REUSEADDR, sizeof(int)}, {SO_DONTROUTE, sizeof(int)}, {SO_SELECT_ERR_QUEUE, sizeof(int)},
};

static void option_copy(const struct sock *s, int to, const struct likeness *o)
{
	union { int n; struct linger linger; struct timeval time; } ours = {0}, theirs = {0};
	socklen_t len = o->len, their_len = o->len;
	if (sock_getsockopt(s, SOL_SOCKET, o->name, &ours, &len) != 0 || gate(SYS_getsockopt, to, SOL_SOCKET, o->name, &theirs, &their_len) != 0) return;
	if (memcmp(&ours, &theirs, o->len) == 0) return;
	if (o->name == SO_SNDBUF || o->name == SO_RCVBUF) ours.n /= 2;     /* which the kernel doubles */
	kernel_setsockopt(to, SOL_SOCKET, o->name, &ours, o->len);
}

/* Who gets signals, and which: that belongs to the open file. */
static void signals_copy(int from, int to)
{
	struct f_owner_ex owner = {0};
	long signal = sys(SYS_fcntl, from, F_GETSIG, 0);
	if (sys(SYS_fcntl, from, F_GETOWN_EX, &owner) == 0 && owner.pid != 0) sys(SYS_fcntl, to, F_SETOWN_EX, &owner);
	if (signal > 0) sys(SYS_fcntl, to, F_SETSIG, signal);
}

/* An abstract name goes along: behind the host's tag, as the kernel has those (unix_name.c). */
static long name_copy(const struct sock *s, int to)
{
	struct sockaddr_storage name;
	struct call c = {.op = RPC_GETSOCKNAME, .sock = s, .out = &name, .out_cap = sizeof name};
	int64_t r = control(&c);
	const struct sockaddr_un *un = (const struct sockaddr_un *)&name;
	if (r < 0 || c.out_len <= offsetof(struct sockaddr_un, sun_path) || un->sun_path[0] != 0) return (long)MIN(r, 0);
	return kernel_bind(to, (const struct sockaddr *)&name, (socklen_t)MIN(c.out_len, sizeof *un));
}

static long liken(const struct sock *s, int to, bool waits)
{
	if (shim.sandboxed) return 0;        /* such questions may be forbidden */
	long flags = sys(SYS_fcntl, s->fd, F_GETFL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) option_copy(s, to, &options[i]);
	signals_copy(s->fd, to);
	return sys(SYS_fcntl, to, F_SETFL, (flags > 0 ? flags & O_ASYNC : 0) | (waits ? 0 : O_NONBLOCK));
}

/* K, or a new one. *ret_why: what Linux has against connecting it, or 0. */
static int counterpart(const struct sock *s, int what, bool waits, int *ret_why)
{
	struct call c = {.op = RPC_OUTSIDE, .sock = s, .arg = {what}, .want_fd = true, .cloexec = true};
	*ret_why = (int)control(&c);
	bool bound = c.fd_count == 1;
	int fd = bound ? c.fds[0] : (int)kernel_socket(AF_UNIX, s->c->type | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK), 0);
	long r = fd;
	if (fd >= 0) {
		table_set_kernel(fd);
		r = unix_is_refused(fd) ? -ECONNREFUSED : liken(s, fd, waits);
		if (r == 0 && !bound) r = name_copy(s, fd);
		/* Another send of the socket's has the name at this moment: better without it than not at all. */
		if (r == -EADDRINUSE && what == OUTSIDE_SENDS) r = 0;
		if (r == 0) return fd;
		do_close(fd);
	}
	if (what == OUTSIDE_LEAVES) control_simple(RPC_OUTSIDE, s, OUTSIDE_STAYS, 0, 0);
	return (int)r;
}

/* ---- a call by it, in which the thread may be cancelled ---- */

/* leaves: its socket is about to go outside, and stays after all; NULL: it only sends. */
struct errand {
	int fd;
	const struct sock *leaves;
	long (*run)(const struct errand *);
	const struct msghdr *m; int flags;
	const struct sockaddr *addr; socklen_t len;
};

static void errand_over(void *errand)
{
	const struct errand *e = errand;
	if (e->leaves) control_simple(RPC_OUTSIDE, e->leaves, OUTSIDE_STAYS, 0, 0);
	do_close(e->fd);
}

static long errand_run_watched(const struct errand *e)
{
	long r;
	pthread_cleanup_push(errand_over, (void *)e);
	r = e->run(e);
	pthread_cleanup_pop(0);
	return r;
}

/* Cleaning up takes libc's own notion of the thread, which there may be none of. */
static long errand_run(const struct errand *e) { return cancel_may_come() ? errand_run_watched(e) : e->run(e); }

/* ---- connect ---- */

static long connect_run(const struct errand *e) { return kernel_connect(e->fd, e->addr, e->len); }

/* All this process's descriptors of ours lead to the kernel's now. Another process that has ours keeps it. */
static long replace(const struct sock *s, int by)
{
	struct sock now;
	long r = -EBADF;
	for (int fd = 0; fd < table_high(); fd++) {
		struct moves moves;
		if (!table_channel(fd, &now) || now.index != s->index || now.generation != s->generation) continue;
		long cloexec = sys(SYS_fcntl, fd, F_GETFD, 0);
		if (cloexec < 0) continue;
		epolls_leave(&now, &moves);
		r = do_dup3(by, fd, cloexec & FD_CLOEXEC ? O_CLOEXEC : 0);
		epolls_enter(&moves, fd);
		if (r < 0) return r;
	}
	return MIN(r, 0);
}

long outside_connect(const struct sock *s, const struct sockaddr *addr, socklen_t len, bool waits)
{
	int why, fd = counterpart(s, OUTSIDE_LEAVES, waits, &why);
	if (fd < 0) return fd;
	/* Linux looks whether anybody is there before it looks whether we may. */
	if (why < 0) sys(SYS_fcntl, fd, F_SETFL, O_NONBLOCK);
	long r = errand_run(&(struct errand){.fd = fd, .leaves = s, .run = connect_run, .addr = addr, .len = len});
	if (why < 0 && (r == 0 || r == -EAGAIN)) r = why;
	if (r == 0) r = replace(s, fd);
	if (r < 0) control_simple(RPC_OUTSIDE, s, OUTSIDE_STAYS, 0, 0);
	do_close(fd);
	return r;
}

/* The resolvers that libc would ask over a real Unix socket know nothing of this network. */
bool outside_is_resolver(const struct sockaddr *addr, socklen_t len)
{
	static const char *const paths[] = {"/var/run/nscd/socket", "/run/nscd/socket", "/run/systemd/resolve/io.systemd.Resolve"};
	struct sockaddr_un un = {0};
	if (!shim.active || len <= offsetof(struct sockaddr_un, sun_path)) return false;
	if (user_copy(&un, addr, MIN(len, sizeof un - 1)) != 0 || un.sun_family != AF_UNIX) return false;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strcmp(un.sun_path, paths[i]) == 0) return true;
	return false;
}

/* ---- listen, accept ---- */

long outside_listen(const struct sock *s, int backlog)
{
	struct call c;
	int64_t r;
	do {
		c = (struct call){.op = RPC_LISTEN, .sock = s, .arg = {backlog}, .want_fd = true, .cloexec = true};
		r = control(&c);
	} while (c.fds_lost && spares_give_way(-EMFILE));
	if (r == 0 && c.fds_lost) r = -EMFILE;
	if (c.fd_count != 1) return (long)r;
	sys(SYS_fcntl, c.fds[0], F_SETFL, O_NONBLOCK);
	if (r == 0) r = gate(SYS_listen, c.fds[0], backlog);
	sys(SYS_close, c.fds[0]);
	return (long)r;
}

/* The program gets the lowest number, which is K's, unless a spare anchor's was given back in between. */
static long move_down(long fd, int to, int flags)
{
	if (fd < to) {
		sys(SYS_close, to);
		return fd;
	}
	long r = sys(SYS_dup3, fd, to, flags & SOCK_CLOEXEC ? O_CLOEXEC : 0);
	do_close((int)fd);
	if (r >= 0) table_set_kernel(to);
	return r;
}

long outside_accept(const struct sock *s, int k, struct sockaddr *addr, socklen_t *len, int flags)
{
	self.nocancel++;                       /* nobody else would close K */
	long fd = kernel_accept4(k, addr, len, flags);
	self.nocancel--;
	/* The engine looks again whether more wait there, so that nobody is told who polls. */
	handed_over(s);
	engine_catch_up();
	if (fd >= 0) fd = move_down(fd, k, flags);
	if (fd < 0) sys(SYS_close, k);
	return fd;
}

/* ---- send ---- */

static long send_run(const struct errand *e) { return kernel_sendmsg(e->fd, e->m, e->flags); }

long outside_send(const struct sock *s, const struct message *m)
{
	struct msghdr h = {.msg_name = m->name, .msg_namelen = m->name_len, .msg_iov = m->iov, .msg_iovlen = (size_t)m->count, .msg_control = m->control,
			   .msg_controllen = m->control_len};
	/* K is one for all who send: whether this call waits is not the file's to say. */
	int why, fd = counterpart(s, OUTSIDE_SENDS, true, &why);
	if (fd < 0) return fd;
	descriptors_leave(&h);
	long r = errand_run(&(struct errand){.fd = fd, .run = send_run, .m = &h, .flags = m->flags | (m->nonblock ? MSG_DONTWAIT : 0)});
	do_close(fd);
	return r;
}
