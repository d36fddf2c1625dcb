/* Sockets over fork, exec, vfork and posix_spawn, in daemons and shells, and passed over AF_UNIX. */
#include "say.h"
#include <sched.h>
#include <spawn.h>
#include <sys/un.h>

extern char **environ;
static char buf[4096], *self;

static int wait_child(pid_t pid)
{
	int status;

	MUST(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void forks(int family)
{
	int fd[2];
	pid_t pid;

	say_about("%s fork", family_text(family));
	tcp_pair(family, fd);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		close(fd[1]);
		send(fd[0], "from the child", 14, 0);
		_exit(recv(fd[0], buf, 10, 0) == 4 ? 0 : 1);
	}
	close(fd[0]);
	say_rc("recv", recv(fd[1], buf, 100, 0));
	say_rc("send", send(fd[1], "back", 4, 0));
	say("child", "%d", wait_child(pid));
	say_rc("eof after the last holder ends", recv(fd[1], buf, 10, 0));
	close(fd[1]);

	say_about("%s both hold it", family_text(family));
	tcp_pair(family, fd);
	if ((pid = fork()) == 0)
		_exit(0);
	say("child", "%d", wait_child(pid));
	say_rc("still open", recv(fd[1], buf, 10, MSG_DONTWAIT));
	say_rc("parent sends", send(fd[0], "x", 1, 0));
	say_rc("recv", recv(fd[1], buf, 10, 0));
	if ((pid = fork()) == 0) {
		set_nonblocking(fd[0]);
		shutdown(fd[0], SHUT_WR);
		_exit(0);
	}
	say("child", "%d", wait_child(pid));
	say("its flags are shared", "%#x", fcntl(fd[0], F_GETFL));
	say_rc("its shutdown too", send(fd[0], "x", 1, MSG_NOSIGNAL));
	close(fd[0]);
	close(fd[1]);
}

static void prefork(int family)
{
	int l = listening(family, 20), total = 0;
	pid_t pid[5];

	say_about("%s prefork", family_text(family));
	for (int i = 0; i < 5; i++)
		if ((pid[i] = fork()) == 0)
			for (int n = 0;; n++) {
				int a = accept(l, NULL, NULL);

				if (a < 0 || read(a, buf, 1) != 1 || *buf == 'q')
					_exit(n);
				write(a, "ok", 2);
				close(a);
			}
	for (int i = 0; i < 45; i++) {
		int c = connected_to(family, SOCK_STREAM, port_of(l));

		MUST(write(c, i < 40 ? "x" : "q", 1));
		if (i < 40)
			total += (int)recv(c, buf, 2, MSG_WAITALL);
		else
			recv(c, buf, 1, 0);
		close(c);
	}
	say("answers", "%d", total);
	total = 0;
	for (int i = 0; i < 5; i++)
		total += wait_child(pid[i]);
	say("served", "%d", total);
	close(l);
}

static void accepts_in_child(int family)
{
	int l = listening(family, 5), c;
	pid_t pid;

	say_about("%s child makes its own", family_text(family));
	if ((pid = fork()) == 0) {
		int mine = connected_to(family, SOCK_STREAM, port_of(l)), a = accept(l, NULL, NULL), other = socket(family, SOCK_DGRAM, 0);

		write(mine, "abc", 3);
		_exit(read(a, buf, 10) == 3 && other >= 0 ? 0 : 1);
	}
	say("child", "%d", wait_child(pid));
	c = connected_to(family, SOCK_STREAM, port_of(l));
	say_rc("listener still works", accept(l, NULL, NULL) >= 0 ? 0 : -1);
	close(c);
	close(l);
}

/* What the program does when it is started again with a descriptor. */
static int again(int argc, char **argv)
{
	int fd = atoi(argv[2]);
	int type = 0, listens = 0;
	socklen_t len = sizeof(type);

	(void)argc;
	say_start();
	say_about("%s", argv[1]);
	if (say_rc("SO_TYPE", getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len)) < 0)
		return 0;
	len = sizeof(listens);
	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
	say("type", "%d listening %d", type, listens);
	say("F_GETFL", "%#x", fcntl(fd, F_GETFL));
	say_sockname("sockname", fd);
	if (listens) {
		int a = accept(fd, NULL, NULL);

		say_rc("accepted write", write(a, "served", 6));
		return 0;
	}
	say_rc("read", read(fd, buf, 100));
	say_rc("write", write(fd, "after exec", 10));
	return 0;
}

static void exec_self(const char *what, int fd)
{
	char number[16];
	char *argv[] = { self, (char *)what, number, NULL };

	snprintf(number, sizeof(number), "%d", fd);
	execve(self, argv, environ);
	_exit(127);
}

static void execs(int family)
{
	int fd[2], l;
	pid_t pid;
	char about[64];

	say_about("%s exec", family_text(family));
	snprintf(about, sizeof(about), "%s after exec", family_text(family));
	tcp_pair(family, fd);
	MUST(send(fd[1], "for the new program", 19, 0));
	wait_for(fd[0], POLLIN);
	if ((pid = fork()) == 0)
		exec_self(about, fd[0]);
	close(fd[0]);
	say("child", "%d", wait_child(pid));
	say_rc("recv", recv(fd[1], buf, 100, 0));
	say_rc("eof", recv(fd[1], buf, 100, 0));
	close(fd[1]);

	snprintf(about, sizeof(about), "%s listener after exec", family_text(family));
	l = listening(family, 5);
	int c = connected_to(family, SOCK_STREAM, port_of(l));
	if ((pid = fork()) == 0)
		exec_self(about, l);
	close(l);
	say("child", "%d", wait_child(pid));
	say_rc("recv", recv(c, buf, 100, 0));
	close(c);

	snprintf(about, sizeof(about), "%s close-on-exec", family_text(family));
	tcp_pair(family, fd);
	fcntl(fd[0], F_SETFD, FD_CLOEXEC);
	if ((pid = fork()) == 0)
		exec_self(about, fd[0]);
	close(fd[0]);
	say("child", "%d", wait_child(pid));
	say_rc("eof", recv(fd[1], buf, 100, 0));
	close(fd[1]);

	snprintf(about, sizeof(about), "%s udp after exec", family_text(family));
	udp_pair(family, fd);
	MUST(send(fd[1], "datagram", 8, 0));
	if ((pid = fork()) == 0)
		exec_self(about, fd[0]);
	say("child", "%d", wait_child(pid));
	say_rc("recv", recv(fd[1], buf, 100, 0));
	close(fd[0]);
	close(fd[1]);
}

/* A socket as standard output of a shell, and as both ends of a command. */
static void shells(int family)
{
	int fd[2];
	pid_t pid;

	say_about("%s shell", family_text(family));
	tcp_pair(family, fd);
	if ((pid = fork()) == 0) {
		dup2(fd[0], 0);
		dup2(fd[0], 1);
		close(fd[0]);
		close(fd[1]);
		execl("/bin/sh", "sh", "-c", "read line; echo \"got $line\"; cat", (char *)NULL);
		_exit(127);
	}
	close(fd[0]);
	MUST(send(fd[1], "one line\nrest\n", 14, 0));
	shutdown(fd[1], SHUT_WR);
	long n, total = 0;
	while ((n = recv(fd[1], buf + total, 100, 0)) > 0)
		total += n;
	say("answer", "%ld %.12s", total, buf);
	say("child", "%d", wait_child(pid));
	close(fd[1]);
}

static void spawns(int family)
{
	int fd[2];
	pid_t pid;
	posix_spawn_file_actions_t fa;
	char *argv[] = { "sh", "-c", "echo spawned; cat >/dev/null", NULL };

	say_about("%s posix_spawn", family_text(family));
	tcp_pair(family, fd);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, fd[0], 0);
	posix_spawn_file_actions_adddup2(&fa, fd[0], 1);
	posix_spawn_file_actions_addclose(&fa, fd[1]);
	posix_spawn_file_actions_addclose(&fa, fd[0]);
	say_rc("spawn", posix_spawn(&pid, "/bin/sh", &fa, NULL, argv, environ));
	close(fd[0]);
	say_rc("recv", recv(fd[1], buf, 8, MSG_WAITALL));
	shutdown(fd[1], SHUT_WR);
	say_rc("eof", recv(fd[1], buf, 8, 0));
	say("child", "%d", wait_child(pid));
	close(fd[1]);
	posix_spawn_file_actions_destroy(&fa);

	say_about("%s vfork", family_text(family));
	tcp_pair(family, fd);
	if ((pid = vfork()) == 0) {
		close(fd[1]);
		dup2(fd[0], 1);
		execl("/bin/echo", "echo", "vforked", (char *)NULL);
		_exit(127);
	}
	say("child", "%d", wait_child(pid));
	say_rc("recv", recv(fd[1], buf, 100, 0));
	say_rc("parent's are its own", send(fd[1], "still", 5, 0));
	say_rc("recv", recv(fd[0], buf, 100, 0));
	close(fd[0]);
	close(fd[1]);

	say_about("%s popen", family_text(family));
	FILE *p = popen("echo through a pipe", "r");
	say("line", "%.7s", p && fgets(buf, 100, p) ? buf : "none");
	say_rc("pclose", pclose(p));
}

static void passes(int family)
{
	int un[2], fd[2], got = -1;
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { buf, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	pid_t pid;

	say_about("%s passed over AF_UNIX", family_text(family));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	tcp_pair(family, fd);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd[0], sizeof(int));
	if ((pid = fork()) == 0) {
		close(fd[0]);
		close(fd[1]);
		if (recvmsg(un[1], &m, 0) != 1)
			_exit(2);
		memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
		_exit(send(got, "passed", 6, 0) == 6 && recv(got, buf, 10, 0) == 5 ? 0 : 1);
	}
	say_rc("sendmsg", sendmsg(un[0], &m, 0));
	close(fd[0]);
	say_rc("recv", recv(fd[1], buf, 100, 0));
	say_rc("send", send(fd[1], "reply", 5, 0));
	say("child", "%d", wait_child(pid));
	say_rc("eof", recv(fd[1], buf, 100, 0));
	close(fd[1]);
	close(un[0]);
	close(un[1]);
}

static void killed(int family)
{
	int fd[2];
	pid_t pid;

	say_about("%s holder is killed", family_text(family));
	tcp_pair(family, fd);
	if ((pid = fork()) == 0) {
		close(fd[1]);
		send(fd[0], "last words", 10, 0);
		pause();
	}
	close(fd[0]);
	say_rc("recv", recv(fd[1], buf, 100, 0));
	kill(pid, SIGKILL);
	say("child", "%d", wait_child(pid));
	say_rc("recv", recv(fd[1], buf, 100, 0));
	close(fd[1]);
	say_about("%s holder is killed with data unread", family_text(family));
	tcp_pair(family, fd);
	if ((pid = fork()) == 0) {
		close(fd[1]);
		pause();
	}
	close(fd[0]);
	MUST(send(fd[1], "unread", 6, 0));
	kill(pid, SIGKILL);
	say("child", "%d", wait_child(pid));
	say_rc("recv", recv(fd[1], buf, 100, 0));
	close(fd[1]);
}

static void unix_sockets(void)
{
	int un[2], l = MUST(socket(AF_UNIX, SOCK_STREAM, 0)), c = MUST(socket(AF_UNIX, SOCK_STREAM, 0));
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	say_about("AF_UNIX beside it");
	say_rc("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, un));
	say_rc("write", write(un[0], "abc", 3));
	say_rc("read", read(un[1], buf, 10));
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "conform-%d", getpid());
	say_rc("bind abstract", bind(l, (void *)&a, sizeof(a)));
	say_rc("listen", listen(l, 1));
	say_rc("connect", connect(c, (void *)&a, sizeof(a)));
	int d = say_fd("accept", accept(l, NULL, NULL));
	say_rc("send", send(c, "hello", 5, 0));
	say_rc("recv", recv(d, buf, 10, 0));
	say_rc("inet socketpair", socketpair(AF_INET, SOCK_STREAM, 0, un));
	close(l);
	close(c);
	close(d);
}

static int closes_all(void *unused)
{
	(void)unused;
	for (int i = 3; i < 64; i++)
		close(i);
	return 0;
}

/* A child with our memory and descriptors of its own, as libraries make them that start programs. */
static void clones(int family)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd[2], pid;

	say_about("%s clone with CLONE_VM and CLONE_VFORK", family_text(family));
	tcp_pair(family, fd);
	pid = MUST(clone(closes_all, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
	say_rc("exit", wait_child(pid));
	say_rc("send", send(fd[0], "x", 1, 0));
	say_rc("recv", recv(fd[1], buf, 1, 0));
	close(fd[0]);
	close(fd[1]);
}

int main(int argc, char **argv)
{
	static const int families[] = { AF_INET, AF_INET6 };

	if (argc > 2)
		return again(argc, argv);
	self = argv[0];
	say_start();
	for (int i = 0; i < 2; i++) {
		forks(families[i]);
		prefork(families[i]);
		accepts_in_child(families[i]);
		execs(families[i]);
		shells(families[i]);
		spawns(families[i]);
		passes(families[i]);
		killed(families[i]);
		clones(families[i]);
	}
	unix_sockets();
	return 0;
}
