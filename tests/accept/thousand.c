/* Many connections at once, all open together, every octet checked: thousand COUNT. A forked server echoes by epoll. */
#include "accept.h"

#define SIZE 5000u

static void echo(int l)
{
	int e = MUST(epoll_create1(0)), n, a;
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = l }, got[64];
	char buf[8192];

	MUST(epoll_ctl(e, EPOLL_CTL_ADD, l, &ev));
	set_nonblocking(l);
	for (;;) {
		n = MUST(epoll_wait(e, got, 64, -1));
		for (int i = 0; i < n; i++) {
			int fd = got[i].data.fd;

			if (fd == l) {
				while ((a = accept(l, NULL, NULL)) >= 0) {
					ev.data.fd = a;
					MUST(epoll_ctl(e, EPOLL_CTL_ADD, a, &ev));
				}
				continue;
			}
			ssize_t k = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
			if (k <= 0 && !(k < 0 && errno == EAGAIN))
				close(fd);
			else if (k > 0 && !send_all(fd, buf, (size_t)k))
				close(fd);
		}
	}
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 1000);
	int *fd = calloc((size_t)count, sizeof(*fd)), l, status;
	unsigned char sent[SIZE], got[SIZE];
	unsigned port;
	pid_t pid;

	alarm(300);
	descriptors_raise((rlim_t)count + 100);
	l = listening(AF_INET6, 1024);
	port = port_of(l);
	if ((pid = fork()) == 0)
		echo(l);
	for (long i = 0; i < count; i++)
		fd[i] = connected_to(AF_INET6, SOCK_STREAM, port);
	for (int round = 0; round < 3; round++) {
		for (long i = 0; i < count; i++) {
			octets_fill(sent, SIZE, (uint64_t)(i * 3 + round));
			if (!send_all(fd[i], sent, SIZE))
				fail("send on connection %ld: %s", i, strerror(errno));
		}
		for (long i = count - 1; i >= 0; i--) {
			octets_fill(sent, SIZE, (uint64_t)(i * 3 + round));
			size_t n = recv_all(fd[i], got, SIZE);
			if (n != SIZE || memcmp(sent, got, SIZE) != 0)
				fail("connection %ld, round %d: %zu octets, %s", i, round, n, n == SIZE ? "other ones" : strerror(errno));
		}
	}
	for (long i = 0; i < count; i++)
		close(fd[i]);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	free(fd);
	return 0;
}
