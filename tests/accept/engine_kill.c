/*
 * kill -9 of the engine ends every blocked call within a second: engine_kill ENGINE_PID. A process for each call sleeps in it; then the engine is
 * killed; what each call answered is printed, and must be ENETDOWN or one of the errnos that docs/status.md names.
 */
#include "accept.h"

#define LIMIT_MS 1000
static char buf[1 << 20];

static long block_recv(void)
{
	int fd[2];

	tcp_pair(AF_INET, fd);
	return recv(fd[0], buf, 10, 0);
}
static long block_read(void)
{
	int fd[2];

	tcp_pair(AF_INET6, fd);
	return read(fd[0], buf, 10);
}
static long block_recvfrom(void) { return recvfrom(bound(AF_INET, SOCK_DGRAM), buf, 10, 0, NULL, NULL); }
static long block_recvmsg(void)
{
	struct iovec iov = { buf, 10 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(bound(AF_INET6, SOCK_DGRAM), &m, 0);
}
static long block_accept(void) { return accept(listening(AF_INET, 5), NULL, NULL); }
static long block_connect(void)
{
	int l = listening(AF_INET, 0), fd = MUST(socket(AF_INET, SOCK_STREAM, 0));
	union name n = name_lo(AF_INET, port_of(l));

	connected_to(AF_INET, SOCK_STREAM, port_of(l));
	return connect(fd, &n.sa, sizeof(n.in));
}
static long block_send(void)
{
	int fd[2];
	long n;

	tcp_pair(AF_INET, fd);
	do
		n = send(fd[0], buf, sizeof(buf), MSG_NOSIGNAL);
	while (n == sizeof(buf));
	return n > 0 ? send(fd[0], buf, 1, MSG_NOSIGNAL) : n;
}
static long block_poll(void)
{
	int fd[2];

	tcp_pair(AF_INET, fd);
	struct pollfd p = { .fd = fd[0], .events = POLLIN };
	return poll(&p, 1, -1);
}
static long block_poll_mixed(void)
{
	int fd[2], pipes[2];

	tcp_pair(AF_INET, fd);
	MUST(pipe(pipes));
	struct pollfd p[2] = { { .fd = fd[0], .events = POLLIN }, { .fd = pipes[0], .events = POLLIN } };
	return poll(p, 2, -1);
}
static long block_select(void)
{
	int fd[2];
	fd_set r;

	tcp_pair(AF_INET, fd);
	FD_ZERO(&r);
	FD_SET(fd[0], &r);
	return select(fd[0] + 1, &r, NULL, NULL, NULL);
}
static long block_epoll(void)
{
	int fd[2], e = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN };

	tcp_pair(AF_INET, fd);
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, fd[0], &ev));
	return epoll_wait(e, &ev, 1, -1);
}
static long block_epoll_edge(void)
{
	int fd[2], e = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	tcp_pair(AF_INET, fd);
	MUST(epoll_ctl(e, EPOLL_CTL_ADD, fd[0], &ev));
	return epoll_wait(e, &ev, 1, -1);
}

static const struct { const char *name; long (*block)(void); } calls[] = {
	{ "recv", block_recv }, { "read", block_read }, { "recvfrom", block_recvfrom }, { "recvmsg", block_recvmsg }, { "accept", block_accept },
	{ "connect", block_connect }, { "send", block_send }, { "poll", block_poll }, { "poll with a pipe", block_poll_mixed },
	{ "select", block_select }, { "epoll_wait", block_epoll }, { "epoll_wait edge", block_epoll_edge },
};
#define CALLS (sizeof(calls) / sizeof(*calls))

/* What is allowed: the network is down, the connection with it, or readiness of a socket that says so. */
static bool documented(long rc, int e)
{
	return rc >= 0 || e == ENETDOWN || e == ECONNRESET || e == EPIPE || e == ECONNABORTED;
}

/* The child's state letter is S while it sleeps. */
static bool sleeps(pid_t pid)
{
	char path[64], line[256] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, line, sizeof(line) - 1);
	close(fd);
	char *end = n > 0 ? strrchr(line, ')') : NULL;
	return end && end[2] == 'S';
}

int main(int argc, char **argv)
{
	pid_t engine = (pid_t)argument(argc, argv, 1, 0), pid[CALLS];
	int told[2], status, bad = 0;
	long killed;

	alarm(60);
	if (engine <= 0 || pipe(told) < 0)
		fail("usage: engine_kill ENGINE_PID");
	for (size_t i = 0; i < CALLS; i++)
		if ((pid[i] = fork()) == 0) {
			errno = 0;
			long rc = calls[i].block();

			_exit(rc >= 0 ? 0 : errno);
		}
	for (size_t i = 0; i < CALLS; i++)
		for (int still = 0; still < 10; still = sleeps(pid[i]) ? still + 1 : 0)
			poll(NULL, 0, 5);
	killed = now_ms();
	if (kill(engine, SIGKILL) < 0)
		fail("kill of %d: %s", engine, strerror(errno));
	for (size_t i = 0; i < CALLS; i++) {
		pid_t done;

		while ((done = waitpid(pid[i], &status, WNOHANG)) == 0 && now_ms() < killed + LIMIT_MS)
			poll(NULL, 0, 2);
		if (done == 0) {
			printf("%s still blocked; ", calls[i].name);
			kill(pid[i], SIGKILL);
			waitpid(pid[i], &status, 0);
			bad++;
		} else if (!WIFEXITED(status) || !documented(WEXITSTATUS(status) ? -1 : 0, WEXITSTATUS(status))) {
			printf("%s %s; ", calls[i].name, WIFEXITED(status) ? say_errno(WEXITSTATUS(status)) : "killed by a signal");
			bad++;
		}
	}
	errno = 0;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd >= 0)
		printf("a new socket is made without an engine; ");
	else if (errno != ENETDOWN)
		printf("socket says %s; ", say_errno(errno));
	fflush(stdout);
	_exit(bad || fd >= 0 || errno != ENETDOWN);
}
