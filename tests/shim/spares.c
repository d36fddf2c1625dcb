/* Closed sockets whose anchors serve again: each new one is as new as any, and what others hold of an old one goes on. */
#include <netinet/tcp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "check.h"

static ino_t inode(int fd)
{
	struct stat st;
	CHECK(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode));
	return st.st_ino;
}

static int number(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;
	CHECK(getsockopt(fd, level, name, &value, &len) == 0);
	return value;
}

/* The kernel makes few sockets for many, and the numbers are the lowest as ever. */
static void used_again(void)
{
	struct sockaddr_in a;
	int l = bound(SOCK_STREAM, &a), lowest = dup(0);
	ino_t seen[300];
	int n = 0;
	close(lowest);
	for (int i = 0; i < 300; i++) {
		int c = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(c == lowest && connect(c, (struct sockaddr *)&a, sizeof a) == 0);
		int s = accept4(l, NULL, NULL, SOCK_CLOEXEC);
		CHECK(s == lowest + 1);
		CHECK(fcntl(c, F_GETFD) == 0 && fcntl(s, F_GETFD) == FD_CLOEXEC);
		talk(c, s);
		int fds[2] = {c, s};
		for (int k = 0; k < 2; k++) {
			int at = 0;
			while (at < n && seen[at] != inode(fds[k])) at++;
			if (at == n && n < 300) seen[n++] = inode(fds[k]);
		}
		CHECK(close(fds[i % 2]) == 0 && close(fds[!(i % 2)]) == 0);
		CHECK(fcntl(c, F_GETFD) == -1 && errno == EBADF && close(c) == -1 && errno == EBADF);
	}
	CHECK(n < 40);
	close(l);
}

static void nothing_left_of_the_last(void)
{
	for (int i = 0; i < 20; i++) {
		int pair[2], fd = socket(AF_INET, SOCK_STREAM | (i % 2 ? SOCK_NONBLOCK : 0), 0), one = 1;
		struct sockaddr_in a;
		socklen_t len = sizeof a;
		CHECK(fcntl(fd, F_GETFL) == (O_RDWR | (i % 2 ? O_NONBLOCK : 0)));
		CHECK(number(fd, SOL_SOCKET, SO_REUSEADDR) == 0 && number(fd, IPPROTO_TCP, TCP_NODELAY) == 0 && number(fd, SOL_SOCKET, SO_ERROR) == 0);
		CHECK(getpeername(fd, (struct sockaddr *)&a, &len) == -1 && errno == ENOTCONN);
		CHECK(getsockname(fd, (struct sockaddr *)&a, &len) == 0 && a.sin_port == 0);
		CHECK(fcntl(fd, F_GETOWN) == 0);
		CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
		if (i % 3 == 0) CHECK(fcntl(fd, F_SETFL, i % 2 ? 0 : O_NONBLOCK) == 0);
		if (i % 5 == 0) CHECK(fcntl(fd, F_SETOWN, getpid()) == 0);
		CHECK(close(fd) == 0);
		int v6 = socket(AF_INET6, SOCK_STREAM, 0);
		CHECK(number(v6, SOL_SOCKET, SO_DOMAIN) == AF_INET6 && close(v6) == 0);
		tcp_pair(pair);
		CHECK(fcntl(pair[0], F_GETFL) == O_RDWR && fcntl(pair[1], F_GETFL) == O_RDWR);
		talk(pair[0], pair[1]);
		CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
	}
}

/* The other side sees a close as Linux shows it, at once. */
static void ends_are_seen(void)
{
	for (int i = 0; i < 20; i++) {
		int pair[2];
		char c;
		tcp_pair(pair);
		CHECK(write(pair[0], "ab", 2) == 2 && close(pair[0]) == 0);
		CHECK(recv(pair[1], &c, 1, MSG_DONTWAIT) == 1 && c == 'a' && recv(pair[1], &c, 1, MSG_DONTWAIT) == 1 && c == 'b');
		CHECK(recv(pair[1], &c, 1, MSG_DONTWAIT) == 0 && close(pair[1]) == 0);
		tcp_pair(pair);
		CHECK(write(pair[0], "unread", 6) == 6 && close(pair[1]) == 0);
		CHECK(recv(pair[0], &c, 1, MSG_DONTWAIT) == -1 && errno == ECONNRESET && close(pair[0]) == 0);
	}
}

/* A socket that has other holders lives on. */
static void held_by_others(void)
{
	for (int i = 0; i < 10; i++) {
		int pair[2], go[2];
		char c;
		tcp_pair(pair);
		int copy = dup(pair[0]);
		CHECK(close(pair[0]) == 0 && recv(pair[1], &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
		talk(copy, pair[1]);
		CHECK(pipe(go) == 0);
		pid_t pid = fork();
		if (pid == 0) {
			close(pair[1]);
			CHECK(read(go[0], &c, 1) == 1 && write(copy, "c", 1) == 1);
			_exit(0);
		}
		CHECK(close(copy) == 0 && recv(pair[1], &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
		int other[2];
		tcp_pair(other);
		talk(other[0], other[1]);
		CHECK(write(go[1], "g", 1) == 1 && recv(pair[1], &c, 1, 0) == 1 && c == 'c' && recv(pair[1], &c, 1, 0) == 0);
		child_ends_well(pid);
		CHECK(close(pair[1]) == 0 && close(other[0]) == 0 && close(other[1]) == 0 && close(go[0]) == 0 && close(go[1]) == 0);
	}
}

/* A child by posix_spawn holds what it inherits. */
static void held_by_spawned(void)
{
	int pair[2], hold[2];
	char c, *argv[] = {(char *)"cat", NULL};
	extern char **environ;
	posix_spawn_file_actions_t acts;
	pid_t pid;
	tcp_pair(pair);
	CHECK(pipe2(hold, O_CLOEXEC) == 0 && fcntl(pair[1], F_SETFD, FD_CLOEXEC) == 0);
	CHECK(posix_spawn_file_actions_init(&acts) == 0 && posix_spawn_file_actions_adddup2(&acts, hold[0], 0) == 0);
	CHECK(posix_spawnp(&pid, "cat", &acts, NULL, argv, environ) == 0);
	CHECK(close(pair[0]) == 0 && recv(pair[1], &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	CHECK(close(hold[1]) == 0);
	child_ends_well(pid);
	CHECK(recv(pair[1], &c, 1, 0) == 0 && close(pair[1]) == 0 && close(hold[0]) == 0);
	posix_spawn_file_actions_destroy(&acts);
}

/* A closed socket is in no set, whoever has its number and its anchor now. */
static void leaves_epoll(void)
{
	int ep = epoll_create1(0);
	for (int i = 0; i < 20; i++) {
		struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLHUP, .data.fd = i};
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0 && epoll_wait(ep, &ev, 1, 0) == 1 && ev.data.fd == i);
		CHECK(close(fd) == 0);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(epoll_wait(ep, &ev, 1, 0) == 0);
		CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == ENOENT && close(fd) == 0);
	}
	close(ep);
}

/* When every number is taken, those that are kept give way. */
static void gives_way(void)
{
	struct rlimit was, few;
	int fds[256], n = 0;
	CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0);
	few = (struct rlimit){64, was.rlim_max};
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
	for (int round = 0; round < 3; round++) {
		int most = 0;
		for (n = 0; n < 256 && (fds[n] = socket(AF_INET, SOCK_STREAM, 0)) >= 0; n++) most = fds[n];
		CHECK(errno == EMFILE && n > 40 && most < 64);
		while (n > 0) CHECK(close(fds[--n]) == 0);
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0);
}

static int opened(void) { return open("/dev/null", O_RDONLY); }
static int doubled(void) { return dup(0); }
static int doubled_by_fcntl(void) { return fcntl(0, F_DUPFD, 3); }
static int polling(void) { return epoll_create1(0); }
static int unix_one(void) { return socket(AF_UNIX, SOCK_STREAM, 0); }

static int numbers_left(int (*make)(void))
{
	int fds[700], n = 0, all;
	while (n < 700 && (fds[n] = make()) >= 0) n++;
	CHECK(errno == EMFILE && n > 500);
	for (all = n; n > 0;) CHECK(close(fds[--n]) == 0);
	return all;
}

/* Every call that gives a number gets each of them, though closed sockets had been kept on some. */
static void gives_way_to_all(void)
{
	int (*const makes[])(void) = {opened, doubled, doubled_by_fcntl, polling, unix_one};
	struct rlimit was, few;
	CHECK(getrlimit(RLIMIT_NOFILE, &was) == 0);
	few = (struct rlimit){600, was.rlim_max};
	CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);   /* none is kept now */
	int all = numbers_left(opened);
	for (size_t k = 0; k < sizeof makes / sizeof *makes; k++) {
		int pairs[8][2];
		for (int i = 0; i < 8; i++) tcp_pair(pairs[i]);
		for (int i = 0; i < 8; i++) CHECK(close(pairs[i][0]) == 0 && close(pairs[i][1]) == 0);
		CHECK(numbers_left(makes[k]) == all);
	}
	CHECK(setrlimit(RLIMIT_NOFILE, &was) == 0);
}

static void *churn(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		int pair[2];
		tcp_pair(pair);
		talk(pair[0], pair[1]);
		CHECK(close(pair[i % 2]) == 0 && close(pair[!(i % 2)]) == 0);
	}
	return NULL;
}

/* Threads that make and close, while another one forks. */
static void by_threads(void)
{
	pthread_t t[4];
	for (int i = 0; i < 4; i++) CHECK(pthread_create(&t[i], NULL, churn, NULL) == 0);
	for (int i = 0; i < 30; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			int pair[2];
			tcp_pair(pair);
			talk(pair[0], pair[1]);
			_exit(0);
		}
		child_ends_well(pid);
	}
	for (int i = 0; i < 4; i++) CHECK(pthread_join(t[i], NULL) == 0);
}

int main(void)
{
	used_again();
	nothing_left_of_the_last();
	ends_are_seen();
	held_by_others();
	held_by_spawned();
	leaves_epoll();
	gives_way();
	gives_way_to_all();
	by_threads();
	used_again();
	return 0;
}
