/*
 * Threads that share sockets and close, dup, dup2, poll, epoll, fork, shut down and signal across each other, by a seed: stress [--seed N] [--rounds N].
 * What each call answers is left open; but nobody may hang, crash or bring down the network, and a connection that only two threads know, beside
 * all this, must carry its octets without a mistake.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include "check.h"

#define SHARED 24
#define THREADS 6

static _Atomic int shared[SHARED];   /* descriptors that everybody uses and replaces */
static struct sockaddr_in listener_name;
static int listener, epfds[3];
static long rounds = 3000;
static _Atomic bool over;

static uint64_t next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static void on_signal(int sig)
{
	char c;
	int saved = errno;
	(void)sig;
	recv(shared[0], &c, 1, MSG_DONTWAIT);
	errno = saved;
}

static void replace(int place, int fd)
{
	if (fd < 0) return;
	int old = atomic_exchange(&shared[place], fd);
	if (old >= 0) close(old);
}

/* Both ends of a new connection, which may have to do with somebody else's by the time. */
static void renew(uint64_t *s)
{
	int c = socket(AF_INET, SOCK_STREAM | (next(s) % 3 ? 0 : SOCK_NONBLOCK), 0);
	if (c < 0) return;
	connect(c, (struct sockaddr *)&listener_name, sizeof listener_name);
	struct timeval t = {0, 20000};
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	replace((int)(next(s) % SHARED), c);
	int a = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	if (a < 0) return;
	fcntl(a, F_SETFL, 0);
	setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
	setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	replace((int)(next(s) % SHARED), a);
}

static void epoll_some(uint64_t *s, int fd)
{
	static const uint32_t modes[] = {0, EPOLLET, EPOLLONESHOT, EPOLLET | EPOLLONESHOT};
	struct epoll_event ev[4] = {{.events = EPOLLIN | (next(s) % 4 ? 0 : EPOLLOUT) | modes[next(s) % 4]}};
	int e = epfds[next(s) % 3];
	switch (next(s) % 5) {
	case 0: epoll_ctl(e, EPOLL_CTL_ADD, fd, ev); break;
	case 1: epoll_ctl(e, EPOLL_CTL_MOD, fd, ev); break;
	case 2: epoll_ctl(e, EPOLL_CTL_DEL, fd, ev); break;
	default: epoll_wait(e, ev, 1 + (int)(next(s) % 4), (int)(next(s) % 5));
	}
}

static void poll_some(uint64_t *s)
{
	struct pollfd p[5];
	int n = 1 + (int)(next(s) % 5);
	fd_set in;
	struct timeval t = {0, (long)(next(s) % 4000)};
	FD_ZERO(&in);
	for (int i = 0; i < n; i++) {
		p[i] = (struct pollfd){shared[next(s) % SHARED], (short)(next(s) % 2 ? POLLIN : POLLIN | POLLOUT), 0};
		if (p[i].fd >= 0 && p[i].fd < FD_SETSIZE) FD_SET(p[i].fd, &in);
	}
	if (next(s) % 2) poll(p, (nfds_t)n, (int)(next(s) % 5));
	else select(FD_SETSIZE, &in, NULL, NULL, &t);
}

static void fork_some(uint64_t *s, int fd)
{
	char buf[100];
	pid_t pid = fork();
	if (pid == 0) {
		send(fd, buf, sizeof buf, MSG_DONTWAIT | MSG_NOSIGNAL);
		recv(fd, buf, sizeof buf, MSG_DONTWAIT);
		epoll_some(s, fd);
		_exit(0);
	}
	if (pid > 0) waitpid(pid, NULL, 0);
}

static void act(uint64_t *s)
{
	static __thread char buf[70000];
	int fd = shared[next(s) % SHARED], n;
	size_t len = 1 + next(s) % (next(s) % 8 ? 500 : sizeof buf);
	switch (next(s) % 24) {
	case 0: case 1: renew(s); break;
	case 2: replace((int)(next(s) % SHARED), dup(fd)); break;
	case 3: replace((int)(next(s) % SHARED), fcntl(fd, F_DUPFD_CLOEXEC, 20)); break;
	case 4: if (fd > 10) dup2(shared[next(s) % SHARED], fd); break;
	case 5: shutdown(fd, (int)(next(s) % 3)); break;
	case 6: case 7: poll_some(s); break;
	case 8: case 9: case 10: epoll_some(s, fd); break;
	case 11: ioctl(fd, FIONREAD, &n); break;
	case 12: if (next(s) % 20 == 0) fork_some(s, fd); break;
	case 13: recv(fd, buf, len, MSG_PEEK | MSG_DONTWAIT); break;
	case 14: recv(fd, buf, len, MSG_WAITALL); break;
	case 15: case 16: case 17: recv(fd, buf, len, next(s) % 2 ? MSG_DONTWAIT : 0); break;
	default: send(fd, buf, len, MSG_NOSIGNAL | (next(s) % 2 ? MSG_DONTWAIT : 0));
	}
}

static void *acts(void *arg)
{
	uint64_t s = (uint64_t)(size_t)arg;
	for (long i = 0; i < rounds; i++) act(&s);
	return NULL;
}

/* The connection that must not notice. */
static int quiet[2];
static _Atomic long exchanged;

static void *echo(void *arg)
{
	char buf[3000];
	(void)arg;
	for (ssize_t n; (n = recv(quiet[1], buf, sizeof buf, 0)) > 0;)
		for (ssize_t at = 0; at < n;) {
			ssize_t k = send(quiet[1], buf + at, (size_t)(n - at), 0);
			CHECK(k > 0 || errno == EINTR);
			if (k > 0) at += k;
		}
	return NULL;
}

static void *ask(void *arg)
{
	static unsigned char out[20000], in[20000];
	uint64_t s = (uint64_t)(size_t)arg;
	while (!over) {
		size_t n = 1 + next(&s) % sizeof out, sent = 0, got = 0;
		for (size_t i = 0; i < n; i++) out[i] = (unsigned char)(next(&s) >> 32);
		while (got < n) {
			ssize_t k = sent < n ? send(quiet[0], out + sent, n - sent, MSG_DONTWAIT) : 0;
			if (k > 0) sent += (size_t)k;
			CHECK(k >= 0 || errno == EAGAIN || errno == EINTR);
			k = recv(quiet[0], in + got, n - got, sent < n ? MSG_DONTWAIT : 0);
			CHECK(k > 0 || (k < 0 && (errno == EAGAIN || errno == EINTR)));
			if (k > 0) got += (size_t)k;
		}
		CHECK(memcmp(in, out, n) == 0);
		exchanged++;
	}
	shutdown(quiet[0], SHUT_WR);
	return NULL;
}

/* Whichever thread does not block it gets it. */
static void *nag(void *arg)
{
	while (!over) {
		usleep(100);
		kill(getpid(), SIGUSR1);
	}
	return arg;
}

int main(int argc, char **argv)
{
	unsigned long seed = 1;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--seed") == 0) seed = strtoul(argv[i + 1], NULL, 0);
		if (strcmp(argv[i], "--rounds") == 0) rounds = strtol(argv[i + 1], NULL, 0);
	}
	struct sigaction sa = {.sa_handler = on_signal};
	pthread_t t[THREADS], beside[3];
	alarm((unsigned)(30 + rounds / 100));
	sigaction(SIGUSR1, &sa, NULL);
	tcp_pair(quiet);
	listener = bound(SOCK_STREAM, &listener_name);
	for (int i = 0; i < 3; i++) epfds[i] = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < SHARED; i++) shared[i] = -1;
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	pthread_create(&beside[0], NULL, echo, NULL);
	pthread_create(&beside[1], NULL, ask, (void *)(size_t)(seed * 77 + 1));
	pthread_create(&beside[2], NULL, nag, NULL);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (size_t i = 0; i < THREADS; i++) pthread_create(&t[i], NULL, acts, (void *)(size_t)(seed * 0x9e3779b97f4a7c15ull + i * 2 + 1));
	for (int i = 0; i < THREADS; i++) pthread_join(t[i], NULL);
	over = true;
	for (int i = 0; i < 3; i++) pthread_join(beside[i], NULL);
	dprintf(2, "seed %lu: %ld exchanges\n", seed, exchanged);
	CHECK(exchanged > 0);
	return 0;
}
