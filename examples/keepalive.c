/* A connection on which nobody speaks cannot tell a silent peer from a dead one: SO_KEEPALIVE has TCP ask. When, how often, how many times: */
#include <netinet/tcp.h>

#include "must.h"

static void show(int fd, const char *name, int level, int option)
{
	int value;
	socklen_t len = sizeof value;

	must(getsockopt(fd, level, option, &value, &len));
	printf("%-14s %d\n", name, value);
}

static void set(int fd, int level, int option, int value)
{
	must(setsockopt(fd, level, option, &value, sizeof value));
}

int main(void)
{
	int fd[2];

	tcp_pair(fd);
	show(fd[0], "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE);
	set(fd[0], SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd[0], IPPROTO_TCP, TCP_KEEPIDLE, 1);         /* seconds of silence before the first probe; 7200 by default */
	set(fd[0], IPPROTO_TCP, TCP_KEEPINTVL, 1);        /* between probes */
	set(fd[0], IPPROTO_TCP, TCP_KEEPCNT, 3);          /* unanswered, and the connection is broken: ETIMEDOUT */
	show(fd[0], "SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE);
	show(fd[0], "TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE);
	show(fd[0], "TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL);
	show(fd[0], "TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT);

	sleep(2);                                         /* the peer's TCP answers the probes; its program notices nothing */
	must(write(fd[1], "alive", 5));
	char text[5];
	printf("two silent seconds later: \"%.*s\"\n", must(read(fd[0], text, sizeof text)), text);
	return 0;
}
