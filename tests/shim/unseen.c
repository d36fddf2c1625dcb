/*
 * Forks by a system call of the program's own, which the shim has no part in, and forks in a handler that has interrupted one of its calls: parent and
 * child use their sockets and sets on, and lose no wake-up.
 */
#include "check.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>

static int pair[2], set;
static volatile pid_t born;
static volatile bool in_handler;

static pid_t fork_inline(void)
{
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(SYS_clone), "D"((long)SIGCHLD), "S"(0L), "d"(0L) : "rcx", "r11", "memory");
	return (pid_t)r;
}

static void add(int fd, uint64_t data)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = data};
	CHECK(epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev) == 0);
}

/* What a server's child does: its set, the connection, one of its own, and an end. */
static void child(void)
{
	struct epoll_event ev;
	int mine[2];
	char c;
	CHECK(epoll_wait(set, &ev, 1, -1) == 1 && ev.data.u64 == 7);
	CHECK(read(pair[1], &c, 1) == 1 && c == 'p' && write(pair[1], "c", 1) == 1);
	tcp_pair(mine);
	talk(mine[0], mine[1]);
	add(mine[0], 8);
	CHECK(write(mine[1], "x", 1) == 1 && epoll_wait(set, &ev, 1, -1) == 1 && ev.data.u64 == 8);
	CHECK(close(pair[1]) == 0 && close(pair[0]) == 0);
	_exit(0);
}

static void unseen(void)
{
	char c;
	pid_t pid = fork_inline();
	CHECK(pid >= 0);
	if (pid == 0) child();
	CHECK(write(pair[0], "p", 1) == 1 && read(pair[0], &c, 1) == 1 && c == 'c');
	child_ends_well(pid);
	talk(pair[0], pair[1]);
}

/* The child's first call closes what the parent goes on with. */
static void closes_first(void)
{
	pid_t pid = fork_inline();
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(close(pair[0]) == 0 && close(pair[1]) == 0);
		_exit(socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : 1);
	}
	child_ends_well(pid);
	talk(pair[0], pair[1]);
}

static void on_alarm(int sig)
{
	(void)sig;
	in_handler = true;
	born = fork();
	if (born != 0) in_handler = false;
}

/* The call that the handler interrupted goes on in both: each gets its octet. */
static void read_twice(void)
{
	char c;
	CHECK(read(pair[1], &c, 1) == 1);
}

static void poll_twice(void)
{
	struct pollfd p[2] = {{pair[1], POLLIN, 0}, {set, POLLIN, 0}};
	int r;
	while ((r = poll(p, 2, -1)) < 0) CHECK(errno == EINTR);
	CHECK(r > 0);
	read_twice();
}

static void wait_twice(void)
{
	struct epoll_event ev;
	int r;
	while ((r = epoll_wait(set, &ev, 1, -1)) < 0) CHECK(errno == EINTR);
	CHECK(r == 1 && ev.data.u64 == 7);
	read_twice();
}

static void *feed(void *arg)
{
	struct timespec moment = {.tv_nsec = 1000000};
	(void)arg;
	while (born == 0) nanosleep(&moment, NULL);
	for (int i = 0; i < 2; i++) {
		nanosleep(&moment, NULL);
		CHECK(write(pair[0], "x", 1) == 1);
	}
	return NULL;
}

static void from_handler(void (*waits)(void))
{
	struct itimerval soon = {.it_value.tv_usec = 3000};
	pthread_t t;
	sigset_t blocked, before;
	born = 0;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGALRM);
	CHECK(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
	CHECK(pthread_create(&t, NULL, feed, NULL) == 0);
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
	waits();
	if (in_handler) _exit(0);
	CHECK(pthread_join(t, NULL) == 0);
	child_ends_well(born);
	talk(pair[0], pair[1]);
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0);
	for (int i = 0; i < 5; i++) {
		set = epoll_create1(0);
		CHECK(set >= 0);
		tcp_pair(pair);
		add(pair[1], 7);
		unseen();
		closes_first();
		from_handler(read_twice);
		from_handler(poll_twice);
		from_handler(wait_twice);
		CHECK(close(pair[0]) == 0 && close(pair[1]) == 0 && close(set) == 0);
	}
	return 0;
}
