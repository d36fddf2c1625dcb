/*
 * What a receiver of Unix messages asks to have beside them: credentials, pidfds, stamps, no descriptors; in which order, cut to how much room, and what
 * an accepted connection has of its listener's wishes.
 */
#include "unix.h"
#include <linux/net_tstamp.h>
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#define SO_PASSRIGHTS_ 83
#define SCM_PIDFD_ 4

static const struct wish { int option, value; const char *text; } wishes[] = {
	{ SO_PASSCRED, 1, "credentials" },
	{ SO_PASSPIDFD, 1, "pidfds" },
	{ SO_PASSSEC, 1, "labels" },
	{ SO_PASSRIGHTS_, 0, "no descriptors" },
	{ SO_TIMESTAMP, 1, "stamps" },
	{ SO_TIMESTAMPNS, 1, "stamps of nanoseconds" },
	{ SO_TIMESTAMPING, SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, "stamping" },
	{ SO_RXQ_OVFL, 1, "losses" },
};
#define N_WISHES (sizeof wishes / sizeof *wishes)

static void wish(int fd, const struct wish *w) { say_rc(w->text, setsockopt(fd, SOL_SOCKET, w->option, &w->value, sizeof w->value)); }

static void say_wish(int fd, const struct wish *w)
{
	int value = -9;
	socklen_t len = sizeof value;

	say_rc("asked", getsockopt(fd, SOL_SOCKET, w->option, &value, &len));
	say(w->text, "%d, len %u", value, len);
}

static void say_fd_of(const struct cmsghdr *h, int fd)
{
	char path[40], link[64];
	ssize_t n;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	n = readlink(path, link, sizeof link - 1);
	link[n > 0 ? n : 0] = 0;
	say(h->cmsg_type == SCM_PIDFD_ ? "pidfd" : "descriptor", "%.6s, flags %#x", link, fcntl(fd, F_GETFD));
	close(fd);
}

static void say_beside(const struct cmsghdr *h)
{
	size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	say("control", "level %d type %d len %zu", h->cmsg_level, h->cmsg_type, h->cmsg_len);
	for (size_t i = 0; i < n && (h->cmsg_type == SCM_RIGHTS || h->cmsg_type == SCM_PIDFD_); i++) {
		int fd;
		memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
		say_fd_of(h, fd);
	}
}

static void receive(const char *what, int fd, size_t room, int flags)
{
	char in[99], control[512] __attribute__((aligned(8)));
	struct iovec v = { in, sizeof in };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room };
	long r = recvmsg(fd, &m, flags | MSG_DONTWAIT);

	say_rc(what, r);
	if (r < 0) return;
	say("flags", "%#x, room %zu: %zu", m.msg_flags, room, m.msg_controllen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		say_beside(h);
}

/* A wish by itself, made before or after the first message came. */
static void alone(int type, const struct wish *w, bool late)
{
	int fd[2];

	say_about("%s %s%s", type_text(type), w->text, late ? ", late" : "");
	upair(type, fd);
	say_wish(fd[1], w);
	if (late) MUST(send(fd[0], "early", 5, 0));
	wish(fd[1], w);
	say_wish(fd[1], w);
	if (!late) MUST(send(fd[0], "x", 1, 0));
	receive("recv", fd[1], 512, 0);
	for (size_t room = 0; room <= 32; room += 4) {
		MUST(send(fd[0], "y", 1, 0));
		receive("peek", fd[1], room, MSG_PEEK);
		receive("recv", fd[1], room, MSG_CMSG_CLOEXEC);
	}
	MUST(send(fd[0], "z", 1, 0));
	close(fd[0]);
	receive("last", fd[1], 512, 0);
	receive("end", fd[1], 512, 0);
	close(fd[1]);
}

static long send_fds(int fd, const int fds[2])
{
	union { struct cmsghdr h; char room[CMSG_SPACE(2 * sizeof(int))]; } c = { .h = { CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec v = { "abc", 3 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof c };

	memcpy(CMSG_DATA(&c.h), fds, 2 * sizeof(int));
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

/* Several at once, beside descriptors. */
static void together(int type, unsigned which)
{
	int fd[2], p[2];

	say_about("%s wishes %x", type_text(type), which);
	upair(type, fd);
	MUST(pipe(p));
	for (unsigned i = 0; i < N_WISHES; i++)
		if (which & 1u << i) wish(fd[1], &wishes[i]);
	for (size_t room = 0; room <= 128; room += 16) {
		say_rc("send", send_fds(fd[0], p));
		receive("recv", fd[1], room, 0);
	}
	close(p[0]), close(p[1]);
	close2(fd);
}

static void inherited(int type)
{
	int l = ubound(type, "@l"), c, a;

	say_about("%s accepted", type_text(type));
	for (unsigned i = 0; i < N_WISHES; i++) wish(l, &wishes[i]);
	MUST(listen(l, 1));
	c = uconnected(type, "@l");
	a = MUST(accept(l, NULL, NULL));
	for (unsigned i = 0; i < N_WISHES; i++) say_wish(a, &wishes[i]);
	MUST(send(c, "x", 1, 0));
	receive("recv", a, 512, 0);
	close(l), close(c), close(a);
}

/* A call that waits for more comes back with one pidfd, not with one for each part. */
static void read_in_parts(int fd)
{
	char in[9], control[64] __attribute__((aligned(8)));
	struct iovec v = { in, 6 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int before = MUST(dup(0));

	say_rc("recv", recvmsg(fd, &m, MSG_WAITALL));
	say("control", "%zu", m.msg_controllen);
	say("descriptors", "%d", MUST(dup(0)) - before - 1);
}

static void parts(void)
{
	int fd[2], on = 1;

	say_about("a read of several parts");
	upair(SOCK_STREAM, fd);
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on));
	MUST(send(fd[0], "abc", 3, 0));
	pid_t pid = fork();
	if (pid == 0) {
		read_in_parts(fd[1]);
		_exit(0);
	}
	for (int i = 0; i < 3; i++) usleep(5000), MUST(send(fd[0], "d", 1, 0));
	waitpid(pid, NULL, 0);
	close2(fd);
}

int main(void)
{
	unix_start();
	each_type(t) {
		for (unsigned i = 0; i < N_WISHES; i++) alone(*t, &wishes[i], false), alone(*t, &wishes[i], true);
		for (unsigned which = 0; which < 32; which++) together(*t, which);
		if (*t != SOCK_DGRAM) inherited(*t);
	}
	parts();
	unix_end();
	return 0;
}
