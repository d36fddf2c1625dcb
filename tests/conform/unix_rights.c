/*
 * What travels beside the octets of Unix sockets: descriptors, of files and of sockets of every family, in messages that are received, peeked
 * at, cut, never read or part of a circle; and credentials.
 */
#include "unix.h"
#include <poll.h>
#include <sys/epoll.h>
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#define SCM_PIDFD_TYPE 4

static char in[4096];

/* ---- sending and receiving ---- */

struct control { char at[2048] __attribute__((aligned(8))); size_t len; };

static void control_add(struct control *c, int type, const void *data, size_t len)
{
	struct cmsghdr *h = (struct cmsghdr *)(c->at + c->len);

	*h = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) };
	memcpy(CMSG_DATA(h), data, len);
	c->len += CMSG_SPACE(len);
}

static long send_with(int fd, const char *text, size_t len, const struct control *c)
{
	struct iovec v = { (void *)text, len };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = c->len ? (void *)c->at : NULL, .msg_controllen = c->len };

	return sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static long send_fds(int fd, const char *text, size_t len, const int *fds, int n)
{
	struct control c = { .len = 0 };

	control_add(&c, SCM_RIGHTS, fds, sizeof *fds * (size_t)n);
	return send_with(fd, text, len, &c);
}

static int got[64], n_got;

static const char *who(pid_t pid, bool *known)
{
	*known = true;
	if (pid == getpid()) return "own pid";
	if (pid == getppid()) return "parent's pid";
	*known = false;
	return pid == 0 ? "no pid" : "another's pid";
}

static void say_cmsg(const struct cmsghdr *h)
{
	bool known;

	if (h->cmsg_type == SCM_RIGHTS) {
		int n = (int)((h->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		say("rights", "%d", n);
		for (int i = 0; i < n; i++)
			memcpy(&got[n_got++], CMSG_DATA(h) + (size_t)i * sizeof(int), sizeof(int));
	} else if (h->cmsg_type == SCM_CREDENTIALS) {
		struct ucred u;
		memcpy(&u, CMSG_DATA(h), sizeof u);
		say("credentials", "%s, uid %d gid %d%s", who(u.pid, &known), u.uid == getuid(), u.gid == getgid(), u.uid || u.gid ? "" : ", root");
	} else if (h->cmsg_type == SCM_PIDFD_TYPE) {
		int fd;
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
		say("pidfd", "%d", fd >= 0);
		close(fd);
	} else
		say("control", "level %d type %d len %zu", h->cmsg_level, h->cmsg_type, h->cmsg_len);
}

/* Says what came; the descriptors are in got[]. */
static long receive(const char *what, int fd, size_t room, size_t control_room, int flags)
{
	char control[1024] __attribute__((aligned(8)));
	struct iovec v = { in, room };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = control_room };
	long r = recvmsg(fd, &m, flags);

	n_got = 0;
	say_rc(what, r);
	if (r < 0)
		return r;
	say("flags", "%#x, control %zu", m.msg_flags, m.msg_controllen);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		say_cmsg(h);
	return r;
}

static void drop_got(void)
{
	while (n_got > 0)
		close(got[--n_got]);
}

/* ---- files ---- */

static void files(int type)
{
	int fd[2], p[2], one, many[300];

	say_about("%s files", type_text(type));
	upair(type, fd);
	MUST(pipe(p));
	say_rc("send", send_fds(fd[0], "x", 1, &p[1], 1));
	receive("recv", fd[1], 9, 64, 0);
	say_rc("write to what came", n_got == 1 ? write(got[0], "through", 7) : -1);
	say_rc("read", read(p[0], in, 9));
	say("flags of what came", "%#x", fcntl(got[0], F_GETFD));
	drop_got();
	MUST(send_fds(fd[0], "x", 1, p, 2));
	receive("two, close on exec", fd[1], 9, 64, MSG_CMSG_CLOEXEC);
	say("flags of what came", "%#x %#x", fcntl(got[0], F_GETFD), fcntl(got[1], F_GETFD));
	drop_got();
	MUST(send_fds(fd[0], "x", 1, p, 2));
	receive("room for one", fd[1], 9, CMSG_LEN(sizeof(int)), 0);
	drop_got();
	MUST(send_fds(fd[0], "x", 1, p, 2));
	receive("no room", fd[1], 9, 0, 0);
	MUST(send_fds(fd[0], "x", 1, p, 2));
	receive("room for less than a header", fd[1], 9, 8, 0);
	MUST(send_fds(fd[0], "x", 1, p, 2));
	say_rc("recv takes the octet only", recv(fd[1], in, 9, 0));
	say_rc("with no octet", send_fds(fd[0], "", 0, p, 1));
	if (type != SOCK_STREAM)
		receive("recv of that", fd[1], 9, 64, MSG_DONTWAIT);
	drop_got();
	one = -1;
	say_rc("a wrong descriptor", send_fds(fd[0], "x", 1, &one, 1));
	one = 9999;
	say_rc("a closed descriptor", send_fds(fd[0], "x", 1, &one, 1));
	say_rc("no descriptor", send_fds(fd[0], "x", 1, &one, 0));
	receive("recv of that", fd[1], 9, 64, MSG_DONTWAIT);
	for (int i = 0; i < 300; i++)
		many[i] = p[0];
	say_rc("253", send_fds(fd[0], "x", 1, many, 253));
	say_rc("254", send_fds(fd[0], "x", 1, many, 254));
	receive("room for some", fd[1], 9, CMSG_SPACE(sizeof(int) * 20), 0);
	drop_got();
	close(p[0]), close(p[1]);
	close2(fd);
}

static void places(void)
{
	int fd[2], p[2];

	say_about("places in a stream");
	upair(SOCK_STREAM, fd);
	MUST(pipe(p));
	MUST(send(fd[0], "abc", 3, 0)), MUST(send_fds(fd[0], "def", 3, p, 1)), MUST(send(fd[0], "ghi", 3, 0)), MUST(send_fds(fd[0], "jkl", 3, p, 2));
	receive("a little", fd[1], 2, 64, 0);
	receive("up to the first", fd[1], 99, 64, 0);
	drop_got();
	receive("after it", fd[1], 99, 64, 0);
	drop_got();
	receive("the rest", fd[1], 99, 64, MSG_DONTWAIT);
	drop_got();
	MUST(send_fds(fd[0], "xyz", 3, p, 1));
	receive("peek", fd[1], 2, 64, MSG_PEEK);
	say_rc("what was peeked works", fcntl(n_got ? got[0] : -1, F_GETFL));
	drop_got();
	receive("peek again", fd[1], 2, 64, MSG_PEEK);
	drop_got();
	receive("one octet of it", fd[1], 1, 64, 0);
	drop_got();
	receive("the other octets", fd[1], 9, 64, 0);
	drop_got();
	MUST(send_fds(fd[0], "12", 2, p, 1)), MUST(send_fds(fd[0], "34", 2, p, 1));
	receive("waitall stops", fd[1], 4, 128, MSG_WAITALL);
	drop_got();
	receive("and goes on", fd[1], 2, 128, MSG_WAITALL);
	drop_got();
	close(p[0]), close(p[1]);
	close2(fd);
}

/* ---- sockets of other families ---- */

/* Closed by its owner while in flight; used by who gets it. */
static void inet(int type, int family)
{
	int fd[2], t[2];

	say_about("%s carries tcp %s", type_text(type), family_text(family));
	upair(type, fd);
	tcp_pair(family, t);
	MUST(send(t[1], "before", 6, 0));
	MUST(send_fds(fd[0], "x", 1, &t[0], 1));
	close(t[0]);
	say_rc("peer still connected", send(t[1], " after", 6, MSG_NOSIGNAL));
	receive("recv", fd[1], 9, 64, 0);
	wait_for(n_got ? got[0] : -1, POLLIN);
	say_rc("its octets", recv(n_got ? got[0] : -1, in, 99, MSG_WAITALL | MSG_DONTWAIT));
	say_rc("an answer", send(n_got ? got[0] : -1, "answer", 6, 0));
	say_rc("arrives", recv(t[1], in, 99, 0));
	drop_got();
	say_rc("end", recv(t[1], in, 99, 0));
	close(t[1]);

	tcp_pair(family, t);
	MUST(send_fds(fd[0], "x", 1, &t[0], 1));
	close(t[0]);
	receive("peek", fd[1], 9, 64, MSG_PEEK);
	say_rc("a use of what was peeked", send(n_got ? got[0] : -1, "peeked", 6, 0));
	drop_got();
	say_rc("arrives", recv(t[1], in, 99, 0));
	say_rc("not the end", recv(t[1], in, 99, MSG_DONTWAIT));
	close2(fd);
	say("dropped unread: end", "%d", wait_for(t[1], POLLIN));
	say_rc("recv", recv(t[1], in, 99, 0));
	close(t[1]);

	upair(type, fd);
	tcp_pair(family, t);
	pid_t pid = fork();
	if (pid == 0) {
		close(fd[0]), close(t[0]), close(t[1]);
		receive("in a child", fd[1], 9, 64, 0);
		send(got[0], "child", 5, 0);
		_exit(0);
	}
	close(fd[1]);
	MUST(send_fds(fd[0], "x", 1, &t[0], 1));
	close(t[0]);
	say_rc("of the child", recv(t[1], in, 99, 0));
	waitpid(pid, NULL, 0);
	say_rc("end", recv(t[1], in, 99, 0));
	close(t[1]), close(fd[0]);
}

static void others(int type)
{
	int fd[2], u[2], l, c, many[4];

	say_about("%s carries others", type_text(type));
	upair(type, fd);
	udp_pair(AF_INET, u);
	l = listening(AF_INET, 3);
	many[0] = u[0], many[1] = l, many[2] = fd[0], many[3] = fd[1];
	say_rc("send udp, a listener and unix ones", send_fds(fd[0], "x", 1, many, 4));
	unsigned port = port_of(l);
	close(u[0]), close(l);
	receive("recv", fd[1], 9, 128, 0);
	if (n_got != 4)
		return;
	say_rc("udp sends", send(got[0], "d", 1, 0));
	say_rc("and is heard", recv(u[1], in, 9, 0));
	c = connected_to(AF_INET, SOCK_STREAM, port);
	int a = say_fd("listener accepts", accept(got[1], NULL, NULL));
	close(a), close(c);
	say_rc("unix sends", send(got[2], "u", 1, 0));
	say_rc("and is heard", recv(got[3], in, 9, 0));
	drop_got();
	close(u[1]);
	close2(fd);
}

/* A virtual socket in a set of epoll's, then the number again for one that came. */
static void numbers(void)
{
	int fd[2], t[2], ep = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = 7 };

	say_about("numbers used again");
	upair(SOCK_STREAM, fd);
	tcp_pair(AF_INET, t);
	MUST(send_fds(fd[0], "x", 1, &t[0], 1));
	close(t[0]);
	int file = MUST(open("/dev/null", O_RDONLY));
	say("the number is a file's", "%d", file == t[0]);
	close(file);
	receive("recv", fd[1], 9, 64, 0);
	say("the number is the socket's again", "%d", n_got == 1 && got[0] == t[0]);
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, got[0], &ev));
	say_rc("epoll before", epoll_wait(ep, &ev, 1, 0));
	MUST(send(t[1], "y", 1, 0));
	say_rc("epoll", epoll_wait(ep, &ev, 1, 5000));
	say_rc("read", read(got[0], in, 9));
	close(t[1]);
	say_rc("epoll", epoll_wait(ep, &ev, 1, 5000));
	drop_got();
	close(ep);
	close2(fd);
}

/* Sockets that hold each other in flight, and a TCP socket with them: when nobody else has them, all of it goes. */
static void circles(void)
{
	int a[2], b[2], t[2], give[2];

	say_about("circles");
	upair(SOCK_STREAM, a);
	upair(SOCK_STREAM, b);
	tcp_pair(AF_INET, t);
	give[0] = b[1], give[1] = t[0];
	say_rc("a carries b's end and tcp", send_fds(a[0], "x", 1, give, 2));
	say_rc("b carries a's end", send_fds(b[0], "x", 1, &a[1], 1));
	close(t[0]), close(b[1]), close(a[1]);
	say_rc("tcp lives", send(t[1], "x", 1, MSG_NOSIGNAL));
	close(a[0]), close(b[0]);
	/* The kernel collects in the background, when a Unix socket is closed. */
	bool gone = false;
	for (int i = 0; i < 100 && !gone; i++) {
		upair(SOCK_STREAM, a);
		MUST(send_fds(a[0], "x", 1, &a[0], 1));
		close2(a);
		struct pollfd p = { .fd = t[1], .events = POLLIN };
		gone = poll(&p, 1, 50) == 1;
	}
	say("collected", "%d", gone);
	close(t[1]);
	int n = MUST(socket(AF_UNIX, SOCK_DGRAM, 0));
	MUST(bind(n, &(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)));
	union uname own;
	socklen_t len = sizeof own;
	MUST(getsockname(n, &own.sa, &len));
	MUST(connect(n, &own.sa, len));
	say_rc("itself in its own queue", send_fds(n, "x", 1, &n, 1));
	receive("recv", n, 9, 64, 0);
	drop_got();
	close(n);
}

/* In the queue of a connection that is never accepted. */
static void unaccepted(void)
{
	int l = ulisten(SOCK_STREAM, "@l", 3), c = uconnected(SOCK_STREAM, "@l"), t[2];

	say_about("unaccepted");
	tcp_pair(AF_INET, t);
	say_rc("send", send_fds(c, "x", 1, &t[0], 1));
	close(t[0]);
	int a = MUST(accept(l, NULL, NULL));
	receive("recv", a, 9, 64, 0);
	say_rc("use", send(n_got ? got[0] : -1, "x", 1, 0));
	say_rc("heard", recv(t[1], in, 9, 0));
	drop_got();
	close(t[1]), close(c), close(a);
	c = uconnected(SOCK_STREAM, "@l");
	tcp_pair(AF_INET, t);
	MUST(send_fds(c, "x", 1, &t[0], 1));
	close(t[0]), close(c), close(l);
	say("closed with it: end", "%d", wait_for(t[1], POLLIN));
	say_rc("recv", recv(t[1], in, 9, 0));
	close(t[1]);
}

/* ---- credentials ---- */

static void say_peer(const char *what, int fd)
{
	struct ucred u = { 0 };
	socklen_t len = sizeof u;
	bool known;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len) < 0)
		say(what, "%s", say_errno(errno));
	else
		say(what, "%s, uid %d gid %d", who(u.pid, &known), (int)u.uid == -1 ? -1 : u.uid == getuid(), (int)u.gid == -1 ? -1 : u.gid == getgid());
}

/* What nobody has received goes with the socket that it was sent to, before the call that closes that returns. */
static void gone_with(const char *how, int type, void (*gone)(int fd))
{
	int ended = 0;

	for (int i = 0; i < 20; i++) {
		int fd[2], p[2];
		upair(type, fd);
		MUST(pipe2(p, O_NONBLOCK));
		MUST(send_fds(fd[0], "x", 1, &p[1], 1));
		close(p[1]);
		gone(fd[1]);
		ended += read(p[0], in, 1) == 0;
		close(fd[0]), close(p[0]);
	}
	say(how, "%d", ended);
}

static void by_close(int fd) { close(fd); }
static void by_range(int fd) { MUST(close_range((unsigned)fd, (unsigned)fd, 0)); }

static void by_dup(int fd)
{
	MUST(dup2(0, fd));
	close(fd);
}

static void unread(int type)
{
	say_about("%s unread", type_text(type));
	gone_with("close", type, by_close);
	gone_with("close_range", type, by_range);
	gone_with("dup2", type, by_dup);
}

/* Whoever has it, it is one open file. */
static void passed(int type)
{
	int fd[2], way[2];

	say_about("%s passed", type_text(type));
	upair(type, fd);
	upair(SOCK_STREAM, way);
	MUST(send_fds(way[0], "x", 1, fd, 1));
	receive("recv", way[1], 9, 64, 0);
	if (n_got != 1)
		return;
	MUST(fcntl(got[0], F_SETFL, O_NONBLOCK));
	say("the sender's flags", "%#x", fcntl(fd[0], F_GETFL));
	say_rc("the sender's read", read(fd[0], in, 1));
	MUST(fcntl(fd[0], F_SETFL, 0));
	say("the receiver's flags", "%#x", fcntl(got[0], F_GETFL));
	MUST(send(fd[1], "there", 5, 0));
	say_rc("the receiver's read", read(got[0], in, 2));
	say_rc("the sender's", recv(fd[0], in, 9, MSG_DONTWAIT));
	close(fd[0]);
	say_rc("to the one who is left", send(fd[1], "x", 1, MSG_NOSIGNAL));
	drop_got();
	say_rc("to nobody", send(fd[1], "x", 1, MSG_NOSIGNAL));
	close(fd[1]);
	close2(way);
}

static void peers(int type)
{
	int fd[2], l, c, a, pidfd = -1;
	socklen_t len = sizeof pidfd;
	gid_t groups[64];
	pid_t pid;

	say_about("%s peer", type_text(type));
	upair(type, fd);
	say_peer("pair", fd[0]);
	say_rc("SO_PEERPIDFD", getsockopt(fd[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0 ? -1 : 0);
	if (pidfd >= 0)
		close(pidfd);
	len = 0;
	say_rc("SO_PEERGROUPS of no room", getsockopt(fd[0], SOL_SOCKET, SO_PEERGROUPS, groups, &len));
	len = sizeof groups;
	int r = getsockopt(fd[0], SOL_SOCKET, SO_PEERGROUPS, groups, &len);
	say("SO_PEERGROUPS", "%s %d", r < 0 ? say_errno(errno) : "0", (int)(len / sizeof *groups) == getgroups(0, NULL));
	close2(fd);
	c = MUST(socket(AF_UNIX, type, 0));
	say_peer("unconnected", c);
	if (type == SOCK_DGRAM) {
		close(c);
		return;
	}
	l = ulisten(type, "@l", 5);
	if ((pid = fork()) == 0) {
		MUST(uconnect(c, "@l"));
		say_peer("client's peer, in a child", c);
		send(c, "x", 1, 0);
		recv(c, in, 1, 0);
		_exit(0);
	}
	a = MUST(accept(l, NULL, NULL));
	struct ucred u = { 0 };
	len = sizeof u;
	MUST(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &u, &len));
	recv(a, in, 1, 0);
	say("accepted's peer", "%d", u.pid == pid);
	say_peer("listener's", l);
	close(a);
	waitpid(pid, NULL, 0);
	close(l), close(c);
}

static void credentials(int type)
{
	int fd[2], on = 1, p[2];
	struct control c = { .len = 0 };
	struct ucred u = { .pid = getpid(), .uid = getuid(), .gid = getgid() };

	say_about("%s credentials", type_text(type));
	upair(type, fd);
	MUST(pipe(p));
	MUST(send(fd[0], "a", 1, 0));
	MUST(setsockopt(fd[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	MUST(send(fd[0], "b", 1, 0));
	receive("sent before", fd[1], 1, 128, 0);
	receive("sent after", fd[1], 1, 128, 0);
	control_add(&c, SCM_CREDENTIALS, &u, sizeof u);
	say_rc("send own", send_with(fd[0], "c", 1, &c));
	receive("recv", fd[1], 1, 128, 0);
	c.len = 0, u.pid = 1;
	control_add(&c, SCM_CREDENTIALS, &u, sizeof u);
	say_rc("send another's pid", send_with(fd[0], "d", 1, &c));
	c.len = 0, u.pid = getpid(), u.uid++;
	control_add(&c, SCM_CREDENTIALS, &u, sizeof u);
	say_rc("send another's uid", send_with(fd[0], "d", 1, &c));
	c.len = 0;
	control_add(&c, SCM_CREDENTIALS, &u, sizeof u - 1);
	say_rc("send too little", send_with(fd[0], "d", 1, &c));
	c.len = 0, u.uid--;
	control_add(&c, SCM_CREDENTIALS, &u, sizeof u);
	control_add(&c, SCM_RIGHTS, p, sizeof p);
	say_rc("send both", send_with(fd[0], "e", 1, &c));
	receive("recv both", fd[1], 9, 128, MSG_DONTWAIT);
	drop_got();
	MUST(send(fd[0], "f", 1, 0));
	receive("no room", fd[1], 1, 0, 0);
	pid_t pid = fork();
	if (pid == 0) {
		send(fd[0], "child", 5, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	MUST(send(fd[0], "parent", 6, 0));
	receive("two writers", fd[1], 99, 128, 0);
	receive("the other", fd[1], 99, 128, MSG_DONTWAIT);
	if (setsockopt(fd[1], SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on) == 0) {
		MUST(send(fd[0], "g", 1, 0));
		receive("pidfd", fd[1], 1, 128, 0);
	}
	close(p[0]), close(p[1]);
	close(fd[0]);
	receive("the end", fd[1], 1, 128, MSG_DONTWAIT);
	close(fd[1]);
}

/* What is sent before accept comes with credentials, should who accepts want them then. */
static void credentials_early(int type)
{
	int l = ulisten(type, "@l", 5), c = uconnected(type, "@l"), a, on = 1;

	say_about("%s credentials, early", type_text(type));
	MUST(send(c, "a", 1, 0));
	a = MUST(accept(l, NULL, NULL));
	MUST(send(c, "b", 1, 0));
	MUST(setsockopt(a, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	MUST(send(c, "c", 1, 0));
	receive("sent before accept", a, 9, 128, 0);
	receive("sent after it", a, 9, 128, 0);
	receive("wanted", a, 9, 128, 0);
	close(l), close(c), close(a);
}

static void wrong_control(int type)
{
	int fd[2], p[2];
	struct control c = { .len = 0 };
	struct cmsghdr *h = (struct cmsghdr *)c.at;

	say_about("%s wrong control", type_text(type));
	upair(type, fd);
	MUST(pipe(p));
	control_add(&c, 99, p, sizeof p);
	say_rc("type 99", send_with(fd[0], "x", 1, &c));
	h->cmsg_type = SCM_RIGHTS, h->cmsg_level = IPPROTO_IP;
	say_rc("another level", send_with(fd[0], "x", 1, &c));
	h->cmsg_level = SOL_SOCKET, h->cmsg_len = 4;
	say_rc("too short a header", send_with(fd[0], "x", 1, &c));
	h->cmsg_len = 2000;
	say_rc("longer than the message", send_with(fd[0], "x", 1, &c));
	c.len = 0;
	control_add(&c, SCM_RIGHTS, p, sizeof(int));
	control_add(&c, SCM_RIGHTS, p + 1, sizeof(int));
	say_rc("two of rights", send_with(fd[0], "y", 1, &c));
	if (recv(fd[1], in, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && *in == 'x')
		say_rc("what another level sent", recv(fd[1], in, 1, 0));
	receive("recv", fd[1], 9, 128, MSG_DONTWAIT);
	drop_got();
	close(p[0]), close(p[1]);
	close2(fd);
}

int main(void)
{
	unix_start();
	each_type(t) {
		files(*t);
		inet(*t, AF_INET);
		inet(*t, AF_INET6);
		others(*t);
		unread(*t);
		passed(*t);
		peers(*t);
		credentials(*t);
		if (*t != SOCK_DGRAM) credentials_early(*t);
		wrong_control(*t);
	}
	places();
	numbers();
	circles();
	unaccepted();
	unix_end();
	return 0;
}
