/*
 * SO_PEERPIDFD, SO_PEERGROUPS and SO_PASSPIDFD's pidfds of Unix sockets of the engine's. The engine knows who the peer was when it connected (SO_PEERCRED), and
 * who sent a message; the rest the kernel says of that process, as long as it is there.
 *
 * Read first: unix(7), proc_pid_status(5).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include "shim/shim.h"
#include "shim/unix.h"

#define SCM_PIDFD 4

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static pid_t peer_of(const struct sock *s)
{
	struct ucred u = {0};
	struct call c = {.op = RPC_GETSOCKOPT, .sock = s, .arg = {SOL_SOCKET, SO_PEERCRED, sizeof u}, .out = &u, .out_cap = sizeof u};
	return control(&c) == sizeof u ? u.pid : 0;
}

static long pidfd_get(pid_t peer, void *val, socklen_t room, socklen_t *len)
{
	room = MIN(room, (socklen_t)sizeof(int));
	int fd = (int)sys(SYS_pidfd_open, peer, 0);
	if (fd < 0) return fd;
	if (user_copy(val, &fd, room) == 0 && user_put(len, room) == 0) return 0;
	sys(SYS_close, fd);
	return -EFAULT;
}

/* As Linux before 6.16: in place of the pidfd of a process that is gone, why there is none. */
void unix_pidfd_put(struct message *m, size_t room)
{
	size_t left = m->control ? room - m->control_len : 0;
	struct cmsghdr h = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_PIDFD};
	uint8_t *at = (uint8_t *)m->control + m->control_len;
	if (left < h.cmsg_len) {
		m->ret_flags |= MSG_CTRUNC;
		return;
	}
	if (m->pidfd_of == 0) return;
	int fd = (int)sys(SYS_pidfd_open, m->pidfd_of, 0);
	if (user_copy(at, &h, sizeof h) != 0 || user_copy(at + sizeof h, &fd, sizeof fd) != 0) {
		if (fd >= 0) sys(SYS_close, fd);
		return;
	}
	m->control_len += MIN(CMSG_SPACE(sizeof fd), left);
}

/* The text of a process's status into at, which has room for cap octets and ends with a zero. */
static bool status_read(pid_t pid, char *at, size_t cap)
{
	char path[40];
	size_t n = 0;
	long r;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	int fd = (int)sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) return false;
	while (n < cap - 1 && (r = sys(SYS_read, fd, at + n, cap - 1 - n)) > 0) n += (size_t)r;
	sys(SYS_close, fd);
	at[n] = 0;
	return n > 0;
}

/* As Linux: too little room is ERANGE, and the length says how much it takes. */
static long groups_put(const char *list, void *val, socklen_t room, socklen_t *len)
{
	gid_t *to = val;
	size_t n = 0;
	char *end;
	for (const char *at = list; strtoul(at, &end, 10), end != at; at = end) n++;
	socklen_t size = (socklen_t)(n * sizeof *to);
	if (user_put(len, size) != 0) return -EFAULT;
	if (room < size) return -ERANGE;
	for (size_t i = 0; i < n; i++, list = end) {
		gid_t group = (gid_t)strtoul(list, &end, 10);
		if (user_put(&to[i], group) != 0) return -EFAULT;
	}
	return 0;
}

static long groups_get(pid_t peer, void *val, socklen_t room, socklen_t *len)
{
	char *text = (char *)scratch_take();
	if (!text) return -ENOMEM;
	const char *line = status_read(peer, text, SCRATCH_SIZE) ? strstr(text, "\nGroups:") : NULL;
	char *end = line ? strchr(line + 1, '\n') : NULL;
	if (end) *end = 0;
	long r = line ? groups_put(line + sizeof "\nGroups:" - 1, val, room, len) : -ENODATA;
	scratch_give((uint8_t *)text);
	return r;
}

bool unix_peer_has(const struct sock *s, int level, int name)
{
	return s->c->domain == AF_UNIX && level == SOL_SOCKET && (name == SO_PEERPIDFD || name == SO_PEERGROUPS);
}

long unix_peer_get(const struct sock *s, int name, void *val, socklen_t *len)
{
	socklen_t room;
	if (user_get(room, len) != 0) return -EFAULT;
	if ((int)room < 0) return -EINVAL;
	pid_t peer = peer_of(s);
	if (peer <= 0) return -ENODATA;
	return name == SO_PEERPIDFD ? pidfd_get(peer, val, room, len) : groups_get(peer, val, room, len);
}
