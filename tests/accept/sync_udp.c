/* Loopback is synchronous: what send delivered is there for the next receive that does not wait. sync_udp COUNT */
#include "accept.h"

/* The ways to learn that a datagram has come. */
static bool is_there(int fd, long i)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = 0;

	switch (i % 4) {
	case 0: return poll(&p, 1, 0) == 1;
	case 1: return ioctl(fd, FIONREAD, &n) == 0 && n == (int)sizeof(i);
	default: return true;
	}
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 100000), got;
	int fd[2][2];

	alarm(600);
	udp_pair(AF_INET, fd[0]);
	udp_pair(AF_INET6, fd[1]);
	for (long i = 0; i < count; i++) {
		int *pair = fd[i & 1];

		if (send(pair[0], &i, sizeof(i), 0) != sizeof(i))
			fail("send %ld: %s", i, strerror(errno));
		if (!is_there(pair[1], i))
			fail("datagram %ld has not come when send returned", i);
		ssize_t n = recv(pair[1], &got, sizeof(got), MSG_DONTWAIT);
		if (n != sizeof(got) || got != i)
			fail("receive %ld: %zd %s", i, n, n < 0 ? strerror(errno) : "another one");
	}
	return 0;
}
