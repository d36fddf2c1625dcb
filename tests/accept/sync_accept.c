/* Loopback is synchronous: after connect returned, the connection is there for an accept that does not wait, and so is what was sent. sync_accept COUNT */
#include "accept.h"

/* Half of the connections end by reset, so that closed ones do not use up the ports. */
static void end(int c, int a, long i)
{
	struct linger now = { 1, 0 };

	if (i % 2)
		setsockopt(c, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(c);
	close(a);
}

static void once(int l, int family, long i)
{
	int c = connected_to(family, SOCK_STREAM, port_of(l)), a = accept(l, NULL, NULL);
	struct pollfd p;
	long got = -1;

	if (a < 0)
		fail("accept %ld: %s, though connect had returned", i, strerror(errno));
	if (send(c, &i, sizeof(i), 0) != sizeof(i))
		fail("send %ld: %s", i, strerror(errno));
	p = (struct pollfd){ .fd = a, .events = POLLIN };
	if (i % 3 == 0 && poll(&p, 1, 0) != 1)
		fail("connection %ld: poll does not see what was sent", i);
	ssize_t n = recv(a, &got, sizeof(got), MSG_DONTWAIT);
	if (n != sizeof(got) || got != i)
		fail("connection %ld: receive %zd %s", i, n, n < 0 ? strerror(errno) : "other octets");
	end(c, a, i);
}

int main(int argc, char **argv)
{
	long count = argument(argc, argv, 1, 20000);
	int l[2] = { listening(AF_INET, 16), listening(AF_INET6, 16) };

	alarm(600);
	set_nonblocking(l[0]);
	set_nonblocking(l[1]);
	for (long i = 0; i < count; i++) {
		if (i % 4 == 0 && accept(l[i & 1], NULL, NULL) != -1)
			fail("accept before connect %ld", i);
		once(l[i & 1], i & 1 ? AF_INET6 : AF_INET, i);
	}
	return 0;
}
