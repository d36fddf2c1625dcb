/*
 * Unix sockets of the engine's (stack/unix): on any network but those made with --kernel-unix, and there, too, where a sandbox refuses bind and connect
 * to the kernel's, so that programs which meet by name would not find each other. What two that are connected send each other goes by shared rings; any
 * other message is a control call, and descriptors travel beside it.
 * What a path is only the program can tell, in its own directory, root and permissions: its inode is made for bind, by a socket of the kernel's, or where
 * those are refused by mknod, and looked up for connect and send. One that the engine does not know leads outside (unix_outside.c).
 */
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "base/inode.h"
#include "shim/internal.h"
#include "shim/shim.h"
#include "shim/unix.h"

#define PATH_AT ((socklen_t)offsetof(struct sockaddr_un, sun_path))
#define CONTROL_MAX 65536

static _Atomic int kernel_refuses = -1;

bool unix_is_private(void)
{
	return !(shim.kernel_unix || shim.plain_unix) || atomic_load_explicit(&kernel_refuses, memory_order_relaxed) == 1;
}

bool unix_is_refused(int fd)
{
	struct sockaddr_un un;
	socklen_t len = sizeof un;
	if (atomic_load(&kernel_refuses) < 0 && fd >= 0 && !shim.sandboxed) atomic_store(&kernel_refuses, gate(SYS_getsockname, fd, &un, &len) == -EPERM);
	return atomic_load(&kernel_refuses) == 1;
}

/* ---- names ---- */

/* Where the path leads, as connect wants it: a socket that may be written to. */
static int path_find(const char *path, struct inode *ret)
{
	struct stat st;
	long r = sys(SYS_newfstatat, AT_FDCWD, path, &st, 0);
	if (r == 0) r = sys(SYS_faccessat2, AT_FDCWD, path, 2 /* W_OK */, AT_EACCESS);
	if (r != 0) return (int)r;
	*ret = (struct inode){st.st_dev, st.st_ino};
	return S_ISSOCK(st.st_mode) ? 0 : -ECONNREFUSED;
}

/* A name as the engine is to have it: 0, or a negative errno. `path` is its text, if it is one. */
static int target_of(const struct sockaddr *addr, socklen_t len, struct unix_target *t, char path[static sizeof(struct sockaddr_un)])
{
	struct sockaddr_un *un = &t->un;
	path[0] = 0;
	if (len > sizeof(struct sockaddr_storage)) return -EINVAL;
	if (!user_there(addr, len)) return -EFAULT;
	if (len > sizeof *un) return -EINVAL;
	memset(t, 0, sizeof *t);
	t->len = len;
	if (user_copy(un, addr, len) != 0) return -EFAULT;
	if (len <= PATH_AT || un->sun_family != AF_UNIX || un->sun_path[0] == 0) return 0;
	memcpy(path, un->sun_path, len - PATH_AT);
	path[len - PATH_AT] = 0;
	return 0;
}

static void target_add(struct unix_target *t, const struct inode *node)
{
	memcpy((char *)&t->un + t->len, node, sizeof *node);
	t->len += (socklen_t)sizeof *node;
}

/* As Linux: to be connected to nobody takes no more than the family, however long the name is. */
static bool is_nobody(const struct sockaddr *addr, socklen_t len)
{
	sa_family_t family;
	return len > sizeof(struct sockaddr_un) && len <= sizeof(struct sockaddr_storage) && user_there(addr, len) && user_get(family, &addr->sa_family) == 0 &&
	       family == AF_UNSPEC;
}

int unix_connect_target(const struct sockaddr *addr, socklen_t len, struct unix_target *t)
{
	return unix_target(addr, is_nobody(addr, len) ? sizeof(struct sockaddr_un) : len, t);
}

int unix_target(const struct sockaddr *addr, socklen_t len, struct unix_target *t)
{
	char path[sizeof(struct sockaddr_un)];
	struct inode node = {0};
	int r = target_of(addr, len, t, path);
	if (r != 0 || !path[0]) return r;
	t->why = path_find(path, &node);
	target_add(t, &node);
	return 0;
}

/* As Linux: a path gets the mode of the socket's own inode, which fchmod may have changed; the umask does its part. */
static mode_t mode_of(const struct sock *s)
{
	struct stat st;
	return sys(SYS_fstat, s->fd, &st) == 0 ? st.st_mode & 07777 : 0777;
}

/* The inode alone, where the kernel's sockets are refused: a descriptor that holds it. */
static long inode_make(const char *path, mode_t mode)
{
	long r = sys(SYS_mknodat, AT_FDCWD, path, S_IFSOCK | mode, 0);
	if (r != 0) return r == -EEXIST ? -EADDRINUSE : r;
	r = sys(SYS_openat, AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
	if (r < 0) sys(SYS_unlinkat, AT_FDCWD, path, 0);
	return r;
}

/* A socket of the kernel's, bound as ours is to be. */
static long path_make(const struct sock *s, const struct unix_target *t, const char *path)
{
	long fd, r;
	mode_t mode = mode_of(s);
	fd = kernel_socket(AF_UNIX, s->c->type | SOCK_CLOEXEC, 0);
	bool refused = unix_is_refused((int)fd);
	if (fd < 0 && !refused) return fd;
	if (fd >= 0 && mode != 0777) sys(SYS_fchmod, fd, mode);
	r = refused ? inode_make(path, mode) : gate(SYS_bind, fd, &t->un, t->len);
	if (!refused && r == 0) return fd;
	do_close((int)fd);
	return r;
}

/* The engine holds what is made, so that the inode's number is no other file's when the path is unlinked. */
static long bind_path(const struct sock *s, struct unix_target *t, const char *path)
{
	struct stat st;
	int fd = (int)path_make(s, t, path);
	if (fd < 0) return fd;
	long r = sys(SYS_newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW);
	if (r == 0) {
		target_add(t, &(struct inode){st.st_dev, st.st_ino});
		struct call c = {.op = RPC_BIND, .sock = s, .in = {{&t->un, t->len}}, .rights = &fd, .n_rights = 1};
		r = (long)control(&c);
	}
	do_close(fd);
	if (r < 0) sys(SYS_unlinkat, AT_FDCWD, path, 0);
	return r;
}

long unix_bind(const struct sock *s, const struct sockaddr *addr, socklen_t len)
{
	struct unix_target t;
	char path[sizeof(struct sockaddr_un)];
	int r = target_of(addr, len, &t, path);
	if (r != 0) return r;
	if (path[0]) return bind_path(s, &t, path);
	struct call c = {.op = RPC_BIND, .sock = s, .in = {{&t.un, t.len}}};
	return (long)control(&c);
}

/* ---- control messages ---- */

struct outgoing { int fds[RPC_RIGHTS_MAX], n; size_t len; };

static int rights_add(struct outgoing *o, const struct cmsghdr *h, const uint8_t *data)
{
	struct sock s;
	size_t n = (h->cmsg_len - sizeof *h) / sizeof(int);
	if (n > (size_t)(RPC_RIGHTS_MAX - o->n)) return -EINVAL;
	memcpy(o->fds + o->n, data, n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		if (sock_of(o->fds[o->n + (int)i], &s)) atomic_fetch_or(&s.c->flags, CHF_SHARED);
	o->n += (int)n;
	return 0;
}

/* Takes the descriptors out of a sender's control messages; the rest stays in block. */
static int control_split(uint8_t *block, size_t len, struct outgoing *o)
{
	size_t at = 0;
	while (len - at >= sizeof(struct cmsghdr)) {
		struct cmsghdr h;
		memcpy(&h, block + at, sizeof h);
		if (h.cmsg_len < sizeof h || h.cmsg_len > len - at) return -EINVAL;
		size_t space = MIN(CMSG_ALIGN(h.cmsg_len), len - at);
		int r = 0;
		if (h.cmsg_level == SOL_SOCKET && h.cmsg_type == SCM_RIGHTS) r = rights_add(o, &h, block + at + sizeof h);
		else {
			memmove(block + o->len, block + at, space);
			o->len += space;
		}
		if (r != 0) return r;
		at += space;
	}
	return 0;
}

/* The descriptors that came, behind what other control messages have left; those without room, or memory, are lost, as with Linux. */
static void rights_put(struct message *m, size_t room, const int *fds, int n)
{
	size_t left = m->control && room > m->control_len ? room - m->control_len : 0;
	int fit = left < CMSG_LEN(sizeof(int)) ? 0 : (int)MIN((left - CMSG_LEN(0)) / sizeof(int), (size_t)n);
	struct cmsghdr h = {.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fit), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	uint8_t *at = (uint8_t *)m->control + m->control_len;
	if (fit > 0 && (user_copy(at, &h, sizeof h) != 0 || user_copy(at + sizeof h, fds, sizeof(int) * (size_t)fit) != 0)) fit = 0;
	for (int i = 0; i < n; i++) {
		if (i < fit) table_forget(fds[i]);
		else sys(SYS_close, fds[i]);
	}
	if (fit < n) m->ret_flags |= MSG_CTRUNC;
	if (fit > 0) m->control_len += MIN(CMSG_SPACE(sizeof(int) * (size_t)fit), left);
}

/* ---- data ---- */

#define RING_FLAGS (MSG_NOSIGNAL | MSG_EOR | MSG_MORE)   /* that make no difference to octets */

static bool is_plain(const struct message *m) { return m->control_len == 0 && m->n_rights == 0 && !(m->flags & ~RING_FLAGS); }
static bool fits_ring(const struct message *m) { return is_plain(m) && !m->name; }

/* A peer that is just being closed by its program: the engine knows whether it is. */
static void peer_settles(const struct sock *s)
{
	uint32_t peer = chan_tx_reader(shim.arena, s->c);
	if (peer == 0 || peer >= CHANNEL_MAX || !(shared_get32(&arena_channel(shim.arena, peer)->flags) & CHF_CLOSING)) return;
	control_simple(RPC_SYNC, NULL, 0, 0, 0);
}

static long error_taken(const struct sock *s)
{
	if (!(shared_get32(&s->c->state) & CHS_ERROR)) return 0;
	int64_t err = control_simple(RPC_TAKE_ERROR, s, 0, 0, 0);
	return err > 0 ? -(long)err : (long)err;
}

/* Of sockets of messages it is taken before anything else is looked at. */
static long error_first(const struct sock *s) { return s->c->type == SOCK_STREAM ? 0 : error_taken(s); }

static long send_once(const struct sock *s, struct message *m, size_t from, uint32_t seq)
{
	if (!is_plain(m)) return (long)engine_send_once(s, m, from);
	closes_settle();
	peer_settles(s);
	bool sendable = !m->name && shared_get32(&s->c->state) & CHS_SENDABLE && !engine_dead();
	if (!sendable) return s->c->type == SOCK_DGRAM ? unix_letter_send(s, m) : (long)engine_send_once(s, m, from);
	if (s->c->type != SOCK_STREAM) return unix_post(s, m, seq);
	return m->total == 0 ? 0 : stream_put_some(s, m, from, seq);
}

static long send_whole(const struct sock *s, struct message *m)
{
	struct wait w;
	size_t done = 0;
	wait_begin_as_set(&w, &s->c->sndtimeo_ms);
	for (;;) {
		uint32_t seq = shared_get32(&s->c->tx.seq), handled = signals_handled();
		long r = send_once(s, m, done, seq);
		if (r >= 0) {
			done += (size_t)r;
			wait_partly(&w, handled);
			m->n_rights = 0;       /* they went with the first octets */
			if (s->c->type != SOCK_STREAM || done >= m->total) return (long)done;
			continue;
		}
		if (r == -EAGAIN && !m->nonblock) r = wait_on(&w, s, &s->c->tx, seq);
		/* As Linux: who waits for room takes the error before he looks whether anybody hears him. */
		if (r == 0) r = error_taken(s);
		if (r < 0) return done > 0 ? (long)done : r;
	}
}

static long send_all(const struct sock *s, struct message *m)
{
	long r = send_whole(s, m);
	unix_letter_over(s, m);
	return r;
}

/* The data can't be read: what is wrong otherwise is said first, as in Linux. Waiting is left out. */
static long send_unread(const struct sock *s, const struct message *m)
{
	long r = (long)engine_send_unread(s, m);
	return r == -EAGAIN && !m->nonblock ? -EFAULT : r;
}

static long send_readable(const struct sock *s, struct message *m)
{
	struct iovec one = {NULL, 0};
	long r = s->c->type != SOCK_STREAM ? message_gather(m, &one) : 0;
	if (r == 0) r = fits_ring(m) && message_there(m, m->total, false) != 0 ? -EFAULT : send_all(s, m);
	if (r == -EFAULT) r = send_unread(s, m);
	scratch_give(one.iov_base);
	return r;
}

static bool is_connected(const struct sock *s) { return control_simple(RPC_GETPEERNAME, s, 0, 0, 0) >= 0; }

/* Linux's order: what is wrong with the socket of sequenced packets comes before what is wrong with its control messages, which is r. */
static int control_refused(const struct sock *s, int r)
{
	int err = s->c->type == SOCK_SEQPACKET ? (int)error_first(s) : 0;
	if (err < 0) return err;
	return s->c->type == SOCK_SEQPACKET && !is_connected(s) ? -ENOTCONN : r;
}

/* A stream is sent to by no name, and a connected one of records heeds none. */
static int name_resolve(const struct sock *s, struct message *m, struct unix_target *t)
{
	if (m->name_len && !user_there(m->name, m->name_len)) return -EFAULT;
	if (s->c->type == SOCK_SEQPACKET) m->name_len = 0;
	if (m->name_len == 0 || s->c->type == SOCK_STREAM) return 0;
	int r = unix_target(m->name, m->name_len, t);
	m->name = t;
	m->name_len = t->len;
	return r;
}

static long send_named(const struct sock *s, struct message *m, uint8_t *control)
{
	struct unix_target t;
	struct outgoing o;
	t.why = 0;
	o.n = 0, o.len = 0;
	if (user_copy(control, m->control, m->control_len) != 0) return -EFAULT;
	int r = control_split(control, m->control_len, &o);
	if (r < 0) r = control_refused(s, r);
	if (r == 0) r = name_resolve(s, m, &t);
	m->control = control;
	m->control_len = o.len;
	m->rights = o.n > 0 ? o.fds : NULL;     /* a call that brings none is a shorter one */
	m->n_rights = o.n;
	if (r < 0) return r;
	long n = send_readable(s, m);
	if (n == -EREMOTE && t.why != 0) return t.why;
	return n == -EBADF ? control_refused(s, -EBADF) : n;
}

long unix_send(const struct sock *s, struct message *m)
{
	if (m->name && m->name_len == 0) m->name = NULL;
	if (fits_ring(m)) return send_readable(s, m);
	if (m->control_len > CONTROL_MAX) return -ENOBUFS;
	const struct message whole = *m;
	uint8_t *control = scratch_take();
	long r = control ? send_named(s, m, control) : -ENOMEM;
	scratch_give(control);
	return r == -EREMOTE ? outside_send(s, &whole) : r;
}

/* Where octet `done` of the message goes, and what follows it there. */
static struct iovec rest_of(const struct message *m, size_t done)
{
	int i = 0;
	while (done >= m->iov[i].iov_len) done -= m->iov[i++].iov_len;
	return (struct iovec){(char *)m->iov[i].iov_base + done, m->iov[i].iov_len - done};
}

static long recv_once(const struct sock *s, struct message *m, size_t done)
{
	int fds[RPC_RIGHTS_MAX];
	struct iovec rest;
	struct message part = *m;
	bool room = m->control && m->control_len >= CMSG_LEN(sizeof(int));
	if (done > 0) rest = rest_of(m, done), part.iov = &rest, part.count = 1, part.total = rest.iov_len, part.name = NULL;
	if (m->nonblock) part.flags |= MSG_DONTWAIT;
	part.rights = room ? fds : NULL;       /* a call that can bring none is a shorter one */
	part.n_rights = room ? RPC_RIGHTS_MAX : 0;
	/* What a stream's reader can't have stays there: it is looked at, which fails when there is something. */
	bool looks = s->c->type == SOCK_STREAM && !(m->flags & MSG_OOB) && !message_writable(&part);
	if (looks) part.flags |= MSG_PEEK, part.past_peek_off = true, part.rights = NULL, part.n_rights = 0;
	long r = (long)engine_recv_once(s, &part);
	if (r < 0) return r;
	if (part.n_rights > 0) rights_put(&part, m->control_len, fds, part.n_rights);
	if (part.ret_flags & MSG_CTRUNC) rung_by_close();     /* what is lost may have been the last of a socket */
	m->ret_flags = part.ret_flags;
	if (done == 0) m->name_len = part.name_len, m->pidfd_of = part.pidfd_of;
	m->control_len = part.control_len;
	m->n_rights = room ? part.n_rights : (part.ret_flags & MSG_CTRUNC) != 0;   /* those that are lost end a stream's read, too */
	return r;
}

/* What a ring does not say: who the octets are from. An unnamed sender has no name at all here. */
static int sender_put(const struct sock *s, struct message *m)
{
	struct sockaddr_storage name;
	struct call c = {.op = RPC_GETPEERNAME, .sock = s, .out = &name, .out_cap = sizeof name};
	size_t len = m->name && control(&c) >= 0 && c.out_len > PATH_AT ? MIN(c.out_len, sizeof name) : 0;
	if (len > 0 && user_copy(m->name, &name, MIN(len, m->name_len)) != 0) return -EFAULT;
	m->name_len = (socklen_t)len;
	m->control_len = 0;
	return 0;
}

/* What the ring has: true if that was something, or can't be had. */
static bool take_from_ring(const struct sock *s, struct message *m, size_t done, long *ret)
{
	if (chan_rx_used(shim.arena, s->c) == 0) return false;
	bool stream = s->c->type == SOCK_STREAM;
	socklen_t name_room = m->name_len;
	*ret = stream ? stream_take_some(s, m, done) : dgram_take(s, m);
	if (stream ? *ret == 0 && m->total > 0 : *ret == -EAGAIN) return false;
	if (!stream && m->named) return true;
	m->name_len = name_room;
	if (done > 0) m->control_len = 0;
	if (*ret >= 0 && done == 0 && sender_put(s, m) != 0) *ret = -EFAULT;
	return true;
}

/* What is in the ring comes before what is in the engine's queue, which is asked only if there may be something. */
static long take_once(const struct sock *s, struct message *m, size_t done)
{
	long r;
	if (m->flags & MSG_OOB) return recv_once(s, m, done);
	r = error_first(s);
	if (r < 0) return r;
	if (take_from_ring(s, m, done, &r)) return r;
	/* Looked at after the ring: what was in there may have been taken back into the queue. */
	uint32_t state = shared_get32(&s->c->state);
	if (!(state & (CHS_DIRECT | CHS_EOF)) || engine_dead()) return recv_once(s, m, done);
	if (state & CHS_DIRECT) return -EAGAIN;
	if (chan_rx_used(shim.arena, s->c) > 0) return recv_once(s, m, done);   /* and it may have come there, too */
	if (done == 0) m->name_len = 0;
	m->control_len = 0;
	return 0;
}

/* A stream's read goes on only where it is asked to, and never past descriptors. */
static bool goes_on(const struct sock *s, const struct message *m, size_t done)
{
	size_t wanted = m->flags & MSG_WAITALL ? m->total : MIN(m->total, (size_t)MAX(atomic_load(&s->c->rcvlowat), 1));
	return s->c->type == SOCK_STREAM && !(m->flags & MSG_PEEK) && m->n_rights == 0 && done < wanted;
}

static long recv_all(const struct sock *s, struct message *m)
{
	struct wait w;
	size_t done = 0, control_room = m->control_len, control_len = 0;
	bool looked = false;
	struct iovec none = {NULL, 0};
	if (m->count == 0) m->iov = &none;
	wait_begin_as_set(&w, &s->c->rcvtimeo_ms);
	closes_settle();
	for (;;) {
		uint32_t seq = shared_get32(&s->c->rx.seq), handled = signals_handled();
		m->control_len = control_room;
		m->go_on = done > 0;
		long r = take_once(s, m, done);
		if (r > 0) done += (size_t)r, control_len = MAX(control_len, m->control_len);
		if (r > 0) wait_partly(&w, handled);
		if (r > 0 && goes_on(s, m, done)) continue;
		if (done > 0) m->control_len = control_len;        /* also what came beside what was read before */
		if (r >= 0) return s->c->type == SOCK_STREAM ? (long)done : r;
		if (r == -EAGAIN && m->nonblock && done == 0 && engine_is_late() && look_again(&looked)) continue;
		if (r == -EAGAIN && !m->nonblock && (done == 0 || goes_on(s, m, done))) r = wait_on(&w, s, &s->c->rx, seq);
		if (r < 0) return done > 0 ? (long)done : r;
	}
}

long unix_recv(const struct sock *s, struct message *m)
{
	size_t room = m->control_len;
	m->pidfd_of = -1;
	long r = recv_all(s, m);
	if (r >= 0 && m->pidfd_of >= 0) unix_pidfd_put(m, room);
	return r;
}

/* FIONREAD */
long unix_waiting(const struct sock *s, int *ret)
{
	struct call c = {.op = RPC_IOCTL, .sock = s, .arg = {SIOCINQ}, .in = {{ret, sizeof *ret}}, .out = ret, .out_cap = sizeof *ret};
	return (long)control(&c);
}
