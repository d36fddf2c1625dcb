/* A broadcast: one datagram for everybody on a network, here the network 127. A socket must say that it means it. */
#include <errno.h>

#include "must.h"

static int listener_at(in_port_t port)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_ANY)};
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0)), on = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));      /* several at one port */
	must(bind(fd, (struct sockaddr *)&here, sizeof here));
	return fd;
}

int main(void)
{
	int first = listener_at(0), second = listener_at(address_of(first).sin_port), sender = must(socket(AF_INET, SOCK_DGRAM, 0)), on = 1;
	struct sockaddr_in all = address_of(first);
	char text[100];

	must(inet_pton(AF_INET, "127.255.255.255", &all.sin_addr));
	if (sendto(sender, "hear!", 5, 0, (struct sockaddr *)&all, sizeof all) < 0) printf("without SO_BROADCAST: %s\n", strerror(errno));
	must(setsockopt(sender, SOL_SOCKET, SO_BROADCAST, &on, sizeof on));
	must(sendto(sender, "hear!", 5, 0, (struct sockaddr *)&all, sizeof all));
	printf("the first hears: %.*s\n", must(recv(first, text, sizeof text, 0)), text);
	printf("the second hears: %.*s\n", must(recv(second, text, sizeof text, 0)), text);
	return 0;
}
