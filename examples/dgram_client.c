/*
 * A datagram client: one datagram there, one back. The first sendto gives the socket a port.
 *
 *     socket ─► sendto ─► recvfrom ─► close
 *
 * dgram_client PORT
 */
#include "must.h"

int main(int argc, char **argv)
{
	static const char question[] = "straw warts";
	struct sockaddr_in there = loopback(argc > 1 ? atoi(argv[1]) : 0), from;
	socklen_t len = sizeof from;
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0));
	char answer[1500];
	ssize_t n;

	must(sendto(fd, question, sizeof question - 1, 0, (struct sockaddr *)&there, sizeof there));
	n = must(recvfrom(fd, answer, sizeof answer, 0, (struct sockaddr *)&from, &len));
	printf("client: \"%.*s\"%s\n", (int)n, answer, from.sin_port == there.sin_port ? ", from whom I asked" : "");
	must(close(fd));
	return 0;
}
