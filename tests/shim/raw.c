/* System calls that bypass libc: the second net catches those of the socket family, and SIGSYS stays ours whatever the program does to it. */
#include "check.h"
#include "../tools/raw.h"
#include <linux/io_uring.h>
#include <poll.h>
#include <signal.h>
#include <sys/un.h>

static void sockets_of_raw_calls(void)
{
	CHECK(raw6(SYS_socket, AF_INET, SOCK_STREAM, 0, 0, 0, 0) == -EAFNOSUPPORT);
	long fd = raw6(SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0, 0);
	CHECK(fd >= 0 && close((int)fd) == 0);
	struct io_uring_params none = {0};
	CHECK(raw6(SYS_io_uring_setup, 0, (long)&none, 0, 0, 0, 0) == -EINVAL);
	CHECK(raw6(SYS_io_uring_enter, -1, 0, 0, 0, 0, 0) == -EBADF && raw6(SYS_io_uring_register, -2, 0, 0, 0, 0, 0) == -EBADF);
}

/* On a socket that libc's call made, raw calls do what libc's do. */
static void raw_calls_on_sockets(void)
{
	struct sockaddr_in a, from;
	socklen_t len = sizeof from;
	int to = bound(SOCK_DGRAM, &a), fd = socket(AF_INET, SOCK_DGRAM, 0);
	char buf[8];
	CHECK(raw6(SYS_sendto, fd, (long)"abc", 3, 0, (long)&a, sizeof a) == 3);
	CHECK(raw6(SYS_recvfrom, to, (long)buf, sizeof buf, 0, (long)&from, (long)&len) == 3 && memcmp(buf, "abc", 3) == 0);
	CHECK(raw6(SYS_getsockname, fd, (long)&from, (long)&len, 0, 0, 0) == 0);
	CHECK(raw6(SYS_listen, fd, 1, 0, 0, 0, 0) == -EOPNOTSUPP);
	errno = 0;
	long more = syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);
	CHECK(more >= 0 && syscall(SYS_sendto, more, "d", 1, 0, &a, sizeof a) == 1 && syscall(SYS_read, to, buf, 8) == 1 && buf[0] == 'd');
	close((int)more);
	close(fd);
	close(to);
}

/* What a raw call has duplicated is not known to be held twice; such a program closes for good. */
static void raw_copies_live_on(void)
{
	for (int i = 0; i < 40; i++) {
		int pair[2], next[2];
		char c;
		tcp_pair(pair);
		int copy = (int)raw6(SYS_dup, pair[0], 0, 0, 0, 0, 0);
		CHECK(copy >= 0 && close(pair[0]) == 0 && recv(pair[1], &c, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
		tcp_pair(next);
		talk(next[0], next[1]);
		talk(copy, pair[1]);
		CHECK(close(copy) == 0 && recv(pair[1], &c, 1, 0) == 0 && close(pair[1]) == 0 && close(next[0]) == 0 && close(next[1]) == 0);
	}
}

static volatile sig_atomic_t got;
static void note(int sig) { got = sig; }

static void sigsys_stays_ours(void)
{
	sigset_t all, before;
	struct sigaction act = {.sa_handler = note}, old;
	sigfillset(&all);
	CHECK(sigprocmask(SIG_BLOCK, &all, &before) == 0);
	sockets_of_raw_calls();
	CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
	sockets_of_raw_calls();
	CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
	CHECK(sigaction(SIGSYS, &act, NULL) == 0);
	sockets_of_raw_calls();
	CHECK(got == 0 && raise(SIGSYS) == 0 && got == SIGSYS);
	CHECK(signal(SIGSYS, SIG_IGN) == note);
	sockets_of_raw_calls();
	CHECK(sigaction(SIGSYS, NULL, &old) == 0 && old.sa_handler == SIG_IGN);
	signal(SIGSYS, SIG_DFL);
	sockets_of_raw_calls();
}

int main(void)
{
	sockets_of_raw_calls();
	raw_calls_on_sockets();
	raw_copies_live_on();
	sigsys_stays_ours();
	return 0;
}
