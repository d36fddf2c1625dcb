/*
 * What Unix sockets carry beside octets, and what changes which way those go: a descriptor now and then, whose file says where in the stream it
 * belongs, and options that want more of each message than its octets.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPECIAL_WRONG (-2)

/* The stream, the place of the first octet that goes with it, and how many went before. */
struct note { uint64_t seed, at, passed; };

static inline ssize_t special_send(int fd, void *data, size_t len, int flags, struct note note)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = {.h = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec v = {data, len};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
	int file = memfd_create("note", 0);
	if (file < 0 || pwrite(file, &note, sizeof note, 0) != sizeof note) fail("memfd: %s", strerror(errno));
	memcpy(CMSG_DATA(&c.h), &file, sizeof file);
	ssize_t r = sendmsg(fd, &m, flags);
	int err = errno;
	close(file);
	errno = err;
	return r;
}

/* It comes with the octet that it went with, which is among the ones read, and none is left out. */
static inline bool note_fits(int file, const struct note *last, ssize_t n)
{
	struct note note;
	bool fits = pread(file, &note, sizeof note, 0) == sizeof note && note.seed == last->seed && note.passed == last->passed && note.at >= last->at &&
		    note.at < last->at + (uint64_t)n;
	close(file);
	return fits;
}

static inline ssize_t special_recv(int fd, void *data, size_t len, int flags, struct note *last)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))]; } c;
	struct iovec v = {data, len};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c};
	ssize_t r = recvmsg(fd, &m, flags | MSG_CMSG_CLOEXEC);
	if (r < 0) return r;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		int file;
		if (h->cmsg_type != SCM_RIGHTS) continue;
		memcpy(&file, CMSG_DATA(h), sizeof file);
		if (!note_fits(file, last, r)) return SPECIAL_WRONG;
		last->passed++;
	}
	return m.msg_flags & MSG_CTRUNC ? SPECIAL_WRONG : r;
}

static inline void special_option(int fd, uint64_t *dice)
{
	int on = number(dice) % 2 == 0;
	setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
}
