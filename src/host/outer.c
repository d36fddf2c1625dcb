/* Unix sockets of the kernel's: see outer.h. */
#include "host/outer.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#define CONTROL_MAX (CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX) + CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int)))

bool outer_is(int fd)
{
	int domain = 0;
	socklen_t len = sizeof domain;
	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

bool outer_waits(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, 0) > 0 && p.revents & POLLIN;
}

void outer_shut(int fd, int how) { shutdown(fd, how); }

void outer_switch(int fd, int option, bool on)
{
	int value = on;
	setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

size_t outer_length(int fd)
{
	int n = 0;
	return ioctl(fd, FIONREAD, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static void credentials_take(struct msghdr *h, struct ucred *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS) memcpy(ret, CMSG_DATA(c), sizeof *ret);
}

int outer_receive(int fd, struct outer_message *m)
{
	union { struct cmsghdr align; char octets[CONTROL_MAX]; } control;
	struct iovec iov = {m->data, m->len};
	struct msghdr h = {.msg_name = &m->name, .msg_namelen = sizeof m->name, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = sizeof control};
	ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0) return -errno;
	m->cred = (struct ucred){.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};
	credentials_take(&h, &m->cred);
	m->n_fds = message_fds(&h, m->fds);
	m->len = (size_t)n;
	m->name_len = h.msg_namelen;
	m->cut = h.msg_flags & MSG_CTRUNC;
	if (!(h.msg_flags & MSG_TRUNC)) return 0;
	message_close(m->fds, m->n_fds);
	return -EMSGSIZE;
}
