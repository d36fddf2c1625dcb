/*
 * Calls on sockets that are the kernel's, which are Unix ones (and whatever was inherited from outside the net): the same call, but for the
 * names that it carries. A name that is handed out goes through memory of ours, so that it is changed before it is cut to the program's room.
 *
 * Linux gives an unnamed socket that asks for credentials a name when it connects or sends (unix(7)). Such sockets are marked in the table, and
 * named here just before, so that this name, too, is the host's own.
 */
#include <limits.h>
#include "shim/unix.h"
#include "shim/shim.h"

static bool plain(void) { return !shim.active || spawned(); }

int name_put(const void *name, size_t name_len, struct sockaddr *addr, socklen_t *len)
{
	socklen_t cap, whole = (socklen_t)name_len;
	if (user_get(cap, len) != 0) return -EFAULT;
	if ((int)cap < 0) return -EINVAL;
	if (user_put(len, whole) != 0) return -EFAULT;   /* Linux by now puts the length first */
	return user_copy(addr, name, MIN(name_len, cap));
}

/* Room for a name that is asked for properly; anything else is for the kernel to refuse. */
static bool has_room(const socklen_t *len)
{
	socklen_t cap;
	return !plain() && user_get(cap, len) == 0 && (int)cap >= 0;
}

static bool wants_name(const struct sockaddr *addr, const socklen_t *len) { return addr && has_room(len); }

static long name_back(struct sockaddr_storage *name, socklen_t name_len, struct sockaddr *addr, socklen_t *len)
{
	unix_name_in(name, &name_len);
	return name_put(name, name_len, addr, len);
}

static bool is_unix_name(const struct sockaddr *addr, socklen_t len)
{
	sa_family_t family;
	return len >= sizeof family && user_get(family, &addr->sa_family) == 0 && family == AF_UNIX;
}

long kernel_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct unix_name n;
	if (plain()) return gate(SYS_bind, fd, addr, len);
	if (len == sizeof(sa_family_t) && is_unix_name(addr, len)) return unix_autobind(fd);
	int r = unix_name_out(addr, len, &n);
	if (r < 0) return r;
	return r > 0 ? gate(SYS_bind, fd, &n.un, n.len) : gate(SYS_bind, fd, addr, len);
}

static bool has_option(int fd, int name)
{
	int on = 0;
	socklen_t len = sizeof on;
	return gate(SYS_getsockopt, fd, SOL_SOCKET, name, &on, &len) == 0 && on;
}

static bool takes_credentials(int fd) { return has_option(fd, SO_PASSCRED) || has_option(fd, SO_PASSPIDFD); }

static bool is_connected(int fd)
{
	struct sockaddr_un name;
	socklen_t len = sizeof name;
	return gate(SYS_getpeername, fd, &name, &len) == 0;
}

long kernel_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct unix_name n;
	int r = plain() ? 0 : unix_name_out(addr, len, &n);
	if (r < 0) return r;
	if (table_is_marked(fd) && takes_credentials(fd) && len > sizeof(sa_family_t) && is_unix_name(addr, len)) unix_autobind(fd);
	if (r > 0) return cancellable(gate_sleep(SYS_connect, fd, &n.un, n.len));
	return cancellable(gate_sleep(SYS_connect, fd, addr, len));
}

long kernel_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct sockaddr_storage name;
	socklen_t name_len = sizeof name;
	bool named = wants_name(addr, len);
	long to = cancellable(gate_sleep(SYS_accept4, fd, named ? (void *)&name : addr, named ? &name_len : len, flags));
	if (to < 0) return to;
	long r = named ? name_back(&name, name_len, addr, len) : 0;
	if (r == 0) table_set_kernel((int)to);
	else sys(SYS_close, to);
	return r == 0 ? to : r;
}

long kernel_name(long call, int fd, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_storage name;
	socklen_t name_len = sizeof name;
	if (!has_room(len)) return gate(call, fd, addr, len);
	long r = gate(call, fd, &name, &name_len);
	return r == 0 ? name_back(&name, name_len, addr, len) : r;
}

/* As Linux: never more than there is. */
static long peer_name(int fd, void *val, socklen_t *len)
{
	struct sockaddr_storage name;
	socklen_t name_len = sizeof name, room;
	long r = gate(SYS_getpeername, fd, &name, &name_len);
	if (r == -EBADF || r == -ENOTSOCK) return r;
	if (user_get(room, len) != 0) return -EFAULT;
	if ((int)room < 0) return -EINVAL;
	if (r != 0) return -ENOTCONN;
	unix_name_in(&name, &name_len);
	if (name_len < room) return -EINVAL;
	return user_copy(val, &name, room) == 0 ? user_put(len, room) : -EFAULT;
}

long kernel_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	if (plain() || level != SOL_SOCKET || name != SO_PEERNAME) return gate(SYS_getsockopt, fd, level, name, val, len);
	return peer_name(fd, val, len);
}

long kernel_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	long r = gate(SYS_setsockopt, fd, level, name, val, len);
	if (r == 0 && !plain() && level == SOL_SOCKET && (name == SO_PASSCRED || name == SO_PASSPIDFD)) table_mark(fd);
	return r;
}

/* What Linux refuses before it gives the socket a name. */
static bool is_refused_unnamed(int type, const struct msghdr *m, int flags)
{
	struct iovec v;
	if (flags & MSG_OOB) return true;
	for (size_t i = 0; i < MIN(m->msg_iovlen, (size_t)IOV_MAX); i++)
		if (user_get(v, &m->msg_iov[i]) != 0) return true;
	if (type != SOCK_DGRAM || !m->msg_name || m->msg_namelen == 0) return false;
	return m->msg_namelen <= sizeof(sa_family_t) || m->msg_namelen > sizeof(struct sockaddr_un) || !is_unix_name(m->msg_name, m->msg_namelen);
}

/* Is what goes beside the data refused? With MSG_OOB the kernel says so, and refuses the rest right behind it, before it gives a name. */
static bool is_control_refused(int fd, const struct msghdr *m)
{
	return m->msg_control && m->msg_controllen > 0 && gate(SYS_sendmsg, fd, m, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL) != -EOPNOTSUPP;
}

/* Sending on a stream names nobody. */
void kernel_send_prepare(int fd, const struct msghdr *m, int flags)
{
	int type = 0;
	socklen_t len = sizeof type;
	if (gate(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type == SOCK_STREAM) return;
	if (m && is_refused_unnamed(type, m, flags)) return;
	if (!takes_credentials(fd) || (type == SOCK_SEQPACKET && !is_connected(fd)) || (m && is_control_refused(fd, m))) return;
	unix_autobind(fd);
}

/* Sandboxes that refuse sendto, in order to keep programs off the network, mostly leave sendmsg to AF_UNIX; on a virtual host both are harmless. */
static long send_named(int fd, const void *buf, size_t len, int flags, const void *addr, socklen_t addr_len)
{
	long r = cancellable(gate_sleep(SYS_sendto, fd, buf, len, flags, addr, addr_len));
	if (r != -EPERM || !shim.active) return r;
	struct iovec iov = {(void *)buf, len};
	struct msghdr m = {.msg_name = (void *)addr, .msg_namelen = addr ? addr_len : 0, .msg_iov = &iov, .msg_iovlen = 1};
	return cancellable(gate_sleep(SYS_sendmsg, fd, &m, flags));
}

long kernel_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *addr, socklen_t addr_len)
{
	struct unix_name n;
	const struct msghdr m = {.msg_name = (void *)addr, .msg_namelen = addr ? addr_len : 0};
	int r = !addr || plain() ? 0 : unix_name_out(addr, addr_len, &n);
	if (r < 0) return r;
	kernel_sends(fd, &m, flags);
	return r > 0 ? send_named(fd, buf, len, flags, &n.un, n.len) : send_named(fd, buf, len, flags, addr, addr_len);
}

long kernel_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *addr, socklen_t *addr_len)
{
	struct sockaddr_storage name;
	socklen_t name_len = sizeof name;
	if (!wants_name(addr, addr_len)) return cancellable(gate_sleep(SYS_recvfrom, fd, buf, len, flags, addr, addr_len));
	long n = cancellable(gate_sleep(SYS_recvfrom, fd, buf, len, flags, &name, &name_len));
	if (n < 0) return n;
	long r = name_back(&name, name_len, addr, addr_len);
	return r == 0 ? n : r;
}

long kernel_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct msghdr h;
	struct unix_name n;
	bool ours = !plain() && user_get(h, msg) == 0;
	int r = ours && h.msg_name ? unix_name_out(h.msg_name, h.msg_namelen, &n) : 0;
	if (r < 0) return r;
	if (ours) kernel_sends(fd, &h, flags);
	if (r == 0) return cancellable(gate_sleep(SYS_sendmsg, fd, msg, flags));
	h.msg_name = &n.un;
	h.msg_namelen = n.len;
	return cancellable(gate_sleep(SYS_sendmsg, fd, &h, flags));
}

long kernel_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct msghdr h;
	struct sockaddr_storage name;
	if (plain() || user_get(h, msg) != 0 || !h.msg_name || (int)h.msg_namelen < 0) return cancellable(gate_sleep(SYS_recvmsg, fd, msg, flags));
	void *to = h.msg_name;
	socklen_t room = h.msg_namelen;
	h.msg_name = &name;
	h.msg_namelen = sizeof name;
	long r = cancellable(gate_sleep(SYS_recvmsg, fd, &h, flags));
	if (r < 0) return r;
	unix_name_in(&name, &h.msg_namelen);
	h.msg_name = to;
	if (user_copy(to, &name, MIN(h.msg_namelen, room)) != 0 || user_put(msg, h) != 0) return -EFAULT;
	return r;
}

bool kernel_names(const struct mmsghdr *vec, unsigned n)
{
	struct msghdr h;
	for (unsigned i = 0; i < n && !plain(); i++)
		if (user_get(h, &vec[i].msg_hdr) == 0 && h.msg_name) return true;
	return false;
}
