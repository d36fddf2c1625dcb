/* Multicast: one datagram for all who have joined a group. This one stays on the loopback interface. */
#include <errno.h>

#include "must.h"

static int member_at(in_port_t port, const struct ip_mreq *group)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = port, .sin_addr = group->imr_multiaddr};
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0)), on = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
	must(bind(fd, (struct sockaddr *)&here, sizeof here));           /* the group's address: nothing else comes here */
	must(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, group, sizeof *group));
	return fd;
}

static void hear(const char *who, int fd)
{
	char text[100];
	ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);

	if (n < 0) printf("%s hears nothing: %s\n", who, strerror(errno));
	else printf("%s hears: %.*s\n", who, (int)n, text);
}

int main(void)
{
	struct ip_mreq group = {.imr_interface.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in there;
	int first, second, sender = must(socket(AF_INET, SOCK_DGRAM, 0));

	must(inet_pton(AF_INET, "239.1.2.3", &group.imr_multiaddr));
	first = member_at(0, &group);
	there = address_of(first);
	second = member_at(there.sin_port, &group);
	must(setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &group.imr_interface, sizeof group.imr_interface));

	must(sendto(sender, "good morning", 12, 0, (struct sockaddr *)&there, sizeof there));
	hear("the first", first);
	hear("the second", second);
	must(setsockopt(second, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group));
	must(close(second));
	must(sendto(sender, "good evening", 12, 0, (struct sockaddr *)&there, sizeof there));
	hear("the first", first);
	must(setsockopt(first, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group));
	must(sendto(sender, "good night", 10, 0, (struct sockaddr *)&there, sizeof there));
	hear("the first, having left,", first);
	return 0;
}
