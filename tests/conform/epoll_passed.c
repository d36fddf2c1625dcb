/* Epoll files that go on by exec, or over AF_UNIX: members and all, wherever the file is meanwhile. */
#include "say_epoll.h"

static char buf[4096];

static void pass(int un, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { (char *)"x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	MUST(sendmsg(un, &m, 0));
}

static int passed(int un)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { buf, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd;

	MUST(recvmsg(un, &m, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

static void over_unix(bool members_first)
{
	int a[2], un[2], e, go[2];

	say_about("over AF_UNIX, %s", members_first ? "with a member" : "empty");
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	MUST(pipe(go));
	pid_t pid = begin();
	if (pid == 0) {
		int got = passed(un[1]), mine[2];

		say_about("over AF_UNIX, %s, child", members_first ? "with a member" : "empty");
		tell(go[1]);
		hear(un[1]);
		say_wait("the other's", got);
		udp_pair(AF_INET, mine);
		send_one(mine[1]);
		say_rc("add", ctl(got, EPOLL_CTL_ADD, mine[0], EPOLLIN, 2));
		say_wait("and its own", got);
		tell(go[1]);
		hear(un[1]);
		leave();
	}
	e = MUST(epoll_create1(0));
	tcp_pair(AF_INET, a);
	if (members_first)
		MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	pass(un[0], e);
	hear(go[0]);
	if (!members_first)
		MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	send_one(a[1]);
	tell(un[0]);
	hear(go[0]);
	say_wait("of both", e);
	tell(un[0]);
	end(pid);
	say_wait("of one", e);
	CLOSE(a[0], a[1], un[0], un[1], go[0], go[1], e);
}

/* The file lives in a message alone. */
static void in_flight(void)
{
	int a[2], un[2], e = MUST(epoll_create1(0)), other;

	say_about("in flight");
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	tcp_pair(AF_INET, a);
	MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	pass(un[0], e);
	close(e);
	other = MUST(epoll_create1(0));
	MUST(ctl(other, EPOLL_CTL_ADD, a[0], EPOLLOUT, 5));
	say_wait("another set", other);
	e = passed(un[1]);
	say_wait("nothing", e);
	send_one(a[1]);
	say_wait("received", e);
	say_rc("add", ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	CLOSE(a[0], a[1], un[0], un[1], e, other);
}

/* The maker of the set has gone. */
static void maker_ends(void)
{
	int un[2], e, a[2];

	say_about("the maker has gone");
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	pid_t pid = begin();
	if (pid == 0) {
		e = MUST(epoll_create1(0));
		udp_pair(AF_INET, a);
		MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
		send_one(a[1]);
		pass(un[0], e);
		pass(un[0], a[0]);
		leave();
	}
	end(pid);
	e = passed(un[1]);
	a[0] = passed(un[1]);
	say_wait("its member", e);
	MUST(recv(a[0], buf, 10, 0));
	say_wait("read", e);
	say_rc("close", close(a[0]));
	say_wait("closed", e);
	CLOSE(un[0], un[1], e);
}

static void over_exec(char *self)
{
	int fd[2], e = MUST(epoll_create1(0));
	char number[3][12];

	say_about("kept over exec");
	tcp_pair(AF_INET, fd);
	MUST(ctl(e, EPOLL_CTL_ADD, fd[0], EPOLLIN, 1));
	snprintf(number[0], sizeof(number[0]), "%d", e);
	snprintf(number[1], sizeof(number[1]), "%d", fd[0]);
	snprintf(number[2], sizeof(number[2]), "%d", fd[1]);
	fflush(stdout);
	pid_t pid = MUST(fork());
	if (pid == 0) {
		execl(self, self, number[0], number[1], number[2], NULL);
		_exit(1);
	}
	MUST(waitpid(pid, NULL, 0));
	say_wait("after the other program", e);
	CLOSE(fd[0], fd[1], e);
}

static int after_exec(char **argv)
{
	int e = atoi(argv[1]), in = atoi(argv[2]), out = atoi(argv[3]);

	say_about("after exec");
	say_wait("nothing", e);
	send_one(out);
	say_wait("data", e);
	say_rc("add again", ctl(e, EPOLL_CTL_ADD, in, EPOLLIN, 2));
	say_rc("mod", ctl(e, EPOLL_CTL_MOD, in, EPOLLIN | EPOLLOUT, 3));
	say_wait("changed", e);
	return 0;
}

static void numbers_exec(char *self, char *what, int a, int b, int c)
{
	char number[3][12];

	snprintf(number[0], sizeof(number[0]), "%d", a);
	snprintf(number[1], sizeof(number[1]), "%d", b);
	snprintf(number[2], sizeof(number[2]), "%d", c);
	execl(self, self, what, number[0], number[1], number[2], NULL);
	_exit(1);
}

static void more_over_exec(char *self)
{
	int a[2], e = MUST(epoll_create1(EPOLL_CLOEXEC)), out = MUST(epoll_create1(0));
	pid_t pid;

	say_about("close-on-exec");
	tcp_pair(AF_INET, a);
	MUST(ctl(e, EPOLL_CTL_ADD, a[0], EPOLLIN, 1));
	if ((pid = begin()) == 0)
		numbers_exec(self, (char *)"cloexec", e, a[0], a[1]);
	end(pid);
	say_about("members that exec closes");
	MUST(ctl(out, EPOLL_CTL_ADD, a[0], EPOLLIN | EPOLLET, 1));
	MUST(fcntl(a[0], F_SETFD, FD_CLOEXEC));
	if ((pid = begin()) == 0)
		numbers_exec(self, (char *)"member gone", out, a[0], a[1]);
	end(pid);
	say_wait("taken by the other program", out);
	send_one(a[1]);
	say_wait("new data", out);
	CLOSE(a[0], a[1], e, out);
}

static int more_after_exec(const char *what, int e, int in, int out)
{
	say_about("after exec: %s", what);
	say_wait("nothing", e);
	send_one(out);
	say_wait("data", e);
	say_wait("again", e);
	say_rc("add", ctl(e, EPOLL_CTL_ADD, in, EPOLLIN, 2));
	say_rc("add its peer", ctl(e, EPOLL_CTL_ADD, out, EPOLLOUT, 2));
	say_wait("its peer", e);
	return 0;
}

int main(int argc, char **argv)
{
	say_start();
	if (argc > 4)
		return more_after_exec(argv[1], atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	if (argc > 3)
		return after_exec(argv);
	over_unix(true);
	over_unix(false);
	in_flight();
	maker_ends();
	over_exec(argv[0]);
	more_over_exec(argv[0]);
	return 0;
}
