/* What waits at a socket, and how much of it: datagrams that nobody has read, and connections that nobody has accepted. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "must.h"

enum { DATAGRAMS = 100, CLIENTS = 3 };

static void datagrams(void)
{
	int receiver = bound_socket(SOCK_DGRAM), sender = must(socket(AF_INET, SOCK_DGRAM, 0)), size = 8192, came = 0, in_order = 1;
	struct sockaddr_in there = address_of(receiver);
	socklen_t len = sizeof size;
	char block[1000] = "";

	must(setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
	must(getsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &size, &len));
	printf("asked for a queue of 8192 octets, got %d: Linux counts what it needs itself\n", size);
	for (int i = 0; i < DATAGRAMS; i++) {
		memcpy(block, &i, sizeof i);
		must(sendto(sender, block, sizeof block, 0, (struct sockaddr *)&there, sizeof there));
	}
	for (int i; recv(receiver, &i, sizeof i, MSG_DONTWAIT) > 0; came++) in_order &= i == came;
	printf("%d datagrams sent, %s came%s\n~ %d of them\n", DATAGRAMS, came == DATAGRAMS ? "all" : "not all", in_order ? ": the first ones" : "", came);
}

static int is_connected(int fd, int milliseconds)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return must(poll(&p, 1, milliseconds)) == 1 && p.revents == POLLOUT;
}

static void connections(void)
{
	int listener = bound_socket(SOCK_STREAM), fd[CLIENTS], connected = 0;
	struct sockaddr_in there = address_of(listener);

	must(listen(listener, 1));
	for (int i = 0; i < CLIENTS; i++) {
		fd[i] = must(socket(AF_INET, SOCK_STREAM, 0));
		must(fcntl(fd[i], F_SETFL, O_NONBLOCK));
		if (connect(fd[i], (struct sockaddr *)&there, sizeof there) < 0 && errno != EINPROGRESS) must(-1);
		connected += is_connected(fd[i], i < CLIENTS - 1 ? 10000 : 100);
	}
	printf("listen(…, 1): of %d clients %d are connected before anybody accepts them\n", CLIENTS, connected);
	must(accept(listener, NULL, NULL));
	printf("one is accepted, and the last one %s\n", is_connected(fd[CLIENTS - 1], 10000) ? "comes in, as TCP has tried again" : "waits");
}

int main(void)
{
	datagrams();
	connections();
	return 0;
}
