/* Messages with descriptors: see message.h. */
#include "host/message.h"
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif

/* Room for more than is wanted: what the kernel can't pass for lack of room it closes, and what we didn't ask for we close. */
union control { struct cmsghdr align; char octets[CMSG_SPACE(sizeof(int) * 253)]; };

/* Who has our end of a pair, too, or has made it, can have it bring a descriptor of each sender. */
static bool brings_fds(const struct cmsghdr *c)
{
	return c->cmsg_level == SOL_SOCKET && (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_PIDFD);
}

int message_fds(struct msghdr *m, int fds[MESSAGE_FDS_MAX])
{
	int n = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (!brings_fds(c)) continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (n < MESSAGE_FDS_MAX && c->cmsg_type == SCM_RIGHTS) fds[n++] = fd;
			else close(fd);
		}
	}
	return n;
}

/* A message may be empty: that is not the end. */
static bool hung_up(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};
	return poll(&p, 1, 0) != 0;
}

ssize_t message_receive(int fd, void *buf, size_t size, int fds[MESSAGE_FDS_MAX], int *ret_n_fds)
{
	union control control;
	struct iovec iov = {buf, size};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0) return -errno;
	int n_fds = message_fds(&m, fds);
	if (m.msg_flags & MSG_TRUNC || (n == 0 && !hung_up(fd))) {
		while (n_fds > 0) close(fds[--n_fds]);
		return -EMSGSIZE;
	}
	if (m.msg_flags & MSG_CTRUNC) {
		while (n_fds > 0) close(fds[--n_fds]);
		n_fds = -1;
	}
	*ret_n_fds = n_fds;
	return n;
}

/* A kernel's socket would hold up its last closer until its octets have been acknowledged, as long as its SO_LINGER says. */
void message_close(const int *fds, int n)
{
	const struct linger off = {0};
	for (int i = 0; i < n; i++) {
		if (fds[i] < 0) continue;
		setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &off, sizeof off);
		close(fds[i]);
	}
}

/* A message can be no longer than the buffer, whose size the kernel doubles. */
int message_enlarge(int fd, int octets)
{
	int size = octets / 2;
	socklen_t len = sizeof size;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, len);
	return getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == 0 ? size : 0;
}

int message_send(int fd, struct iovec *iov, int n_iov, const int *fds, int n_fds)
{
	union { struct cmsghdr align; char octets[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)]; } control = {0};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = (size_t)n_iov};
	if (n_fds > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n_fds);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n_fds);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * (size_t)n_fds);
	}
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}
