/*
 * The end of a stream that another process has ended, and has told of in another way: the next look that does not wait finds it, and all that was sent
 * before. Each way to end it comes many times, for what is told too late is told too late sometimes.
 */
#include "say.h"
#include <sys/signalfd.h>
#include <sys/syscall.h>

#define ROUNDS 40

/* Those from SIGNALLED on are left by the process's end, of which this process learns itself. */
enum way { CLOSED, SHUT, BOTH_CLOSED, UNREAD, EXITED, SIGNALLED, SIGWAITED, SIGNALFD_READ, SIGNALFD_EPOLL, PIDFD_POLL, PIDFD_SELECT, PIDFD_EPOLL, PIDFD_BESIDE, WAYS };
static const char *const texts[WAYS] = { "closed", "shut for writing", "closed twice", "closed with octets unread", "left by a process that was waited for",
					 "left by a process whose end a signal told of", "sigwaitinfo told of", "read from a signalfd",
					 "seen by a signalfd in epoll", "seen by poll of a pidfd", "seen by select of a pidfd",
					 "seen by a pidfd in epoll", "polled beside a pidfd" };

static volatile sig_atomic_t ended;

static void on_child(int sig) { (void)sig, ended = 1; }

static void tell(int pipe) { MUST(write(pipe, "", 1)); }

static void end(int fd, enum way way)
{
	char c;
	int other;

	MUST(recv(fd, &c, 1, 0));
	if (way != UNREAD)
		MUST(recv(fd, &c, 1, 0));
	MUST(send(fd, "last", 4, 0));
	if (way == SHUT)
		MUST(shutdown(fd, SHUT_WR));
	if (way == BOTH_CLOSED) {
		other = MUST(dup(fd));
		close(other);
	}
	if (way == CLOSED || way == BOTH_CLOSED || way == UNREAD)
		close(fd);
}

/* The process that ends it, or one that waits for that. */
static void ender(int family, unsigned port, enum way way, int told)
{
	pid_t child = way == EXITED ? MUST(fork()) : 0;

	if (child == 0)
		end(connected_to(family, SOCK_STREAM, port), way);
	if (child == 0 && way >= EXITED)
		_exit(0);
	if (child > 0)
		MUST(waitpid(child, NULL, 0));
	tell(told);
	pause();
}

static void wait_signal(const sigset_t *before)
{
	while (!ended)
		sigsuspend(before);
}

static void wait_epoll(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ep = MUST(epoll_create1(0));

	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
	MUST(epoll_wait(ep, &ev, 1, -1));
	close(ep);
}

static void wait_select(int fd)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(fd, &in);
	MUST(select(fd + 1, &in, NULL, NULL, NULL));
}

/* Until the child's end is told of, SIGCHLD being blocked. stream: what it leaves. */
static void wait_end(enum way way, pid_t child, const sigset_t *chld, const sigset_t *before, int stream)
{
	bool by_signalfd = way == SIGNALFD_READ || way == SIGNALFD_EPOLL;
	int fd = by_signalfd ? MUST(signalfd(-1, chld, 0)) : MUST((int)syscall(SYS_pidfd_open, child, 0));
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { stream, POLLRDHUP, 0 } };
	struct signalfd_siginfo info;

	if (way == SIGNALLED)
		wait_signal(before);
	else if (way == SIGWAITED)
		MUST(sigwaitinfo(chld, NULL));
	else if (way == SIGNALFD_READ)
		MUST(read(fd, &info, sizeof(info)));
	else if (way == SIGNALFD_EPOLL || way == PIDFD_EPOLL)
		wait_epoll(fd);
	else if (way == PIDFD_SELECT)
		wait_select(fd);
	while (way == PIDFD_POLL && MUST(poll(p, 1, -1)) == 0) {
	}
	/* Both are news by then, or the pidfd's would not be. */
	while (way == PIDFD_BESIDE && MUST(poll(p, 2, -1)) > 0 && !(p[0].revents && p[1].revents)) {
		if (p[0].revents)
			say("poll", "%x without %x", p[0].revents, p[1].revents);
	}
	close(fd);
}

/* What two looks find, one after the other. */
static void look(int fd, char *to, size_t size)
{
	char got[8];
	long n[3];

	for (int i = 0; i < 3; i++) {
		n[i] = recv(fd, got, sizeof(got), MSG_DONTWAIT);
		if (n[i] < 0)
			n[i] = -errno;
	}
	snprintf(to, size, "%ld %ld %ld", n[0], n[1], n[2]);
}

static void one(int family, int listener, enum way way, char *to, size_t size)
{
	int told[2];
	char c;

	sigset_t blocked, before;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	MUST(sigprocmask(SIG_BLOCK, &blocked, &before));
	ended = 0;
	MUST(pipe(told));
	pid_t child = MUST(fork());
	if (child == 0)
		ender(family, port_of(listener), way, told[1]);
	int fd = MUST(accept(listener, NULL, NULL));
	MUST(send(fd, "ab", 2, 0));
	if (way < SIGNALLED)
		MUST(read(told[0], &c, 1));
	else
		wait_end(way, child, &blocked, &before, fd);
	look(fd, to, size);
	kill(child, SIGKILL);
	MUST(waitpid(child, NULL, 0));
	MUST(sigprocmask(SIG_SETMASK, &before, NULL));
	close(fd);
	close(told[0]);
	close(told[1]);
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	char first[64], found[64];

	say_start();
	signal(SIGCHLD, on_child);
	for (int i = 0; i < 2; i++) {
		int listener = listening(families[i], 1);

		for (enum way way = 0; way < WAYS; way++) {
			int same = 0;

			say_about("%s %s", family_text(families[i]), texts[way]);
			one(families[i], listener, way, first, sizeof(first));
			say("looks", "%s", first);
			for (int round = 0; round < ROUNDS; round++) {
				one(families[i], listener, way, found, sizeof(found));
				same += strcmp(first, found) == 0;
			}
			say("as the first", "%d", same);
		}
		close(listener);
	}
	return 0;
}
