/* ping, by a raw socket: our own ICMP message out, and in comes the whole IPv4 datagram, header first. Needs CAP_NET_RAW. */
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/time.h>

#include "must.h"

/* RFC 1071: the ones' complement of the sum of all 16-bit words. */
static uint16_t checksum(const void *data, size_t n)
{
	const uint8_t *at = data;
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++) sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static int ping(int fd, uint16_t sequence)
{
	struct { struct icmphdr head; char data[56]; } echo = {.head = {.type = ICMP_ECHO}};
	struct sockaddr_in there = loopback(0), from;
	uint16_t id = htons((uint16_t)getpid());
	struct icmphdr *answer;
	char in[1500];

	echo.head.un.echo.id = id;
	echo.head.un.echo.sequence = htons(sequence);
	echo.head.checksum = checksum(&echo, sizeof echo);
	must(sendto(fd, &echo, sizeof echo, 0, (struct sockaddr *)&there, sizeof there));
	for (;;) {                                     /* a raw socket gets every ICMP message that comes to this host: our question, too */
		socklen_t len = sizeof from;
		ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &len);
		struct ip *ip = (struct ip *)in;

		if (n < 0) return printf("no answer: %s\n", strerror(errno)), 1;
		answer = (struct icmphdr *)(in + ip->ip_hl * 4);
		if (answer->type != ICMP_ECHOREPLY || answer->un.echo.id != id) continue;
		printf("%zd octets from %s: icmp_seq=%d ttl=%d\n", n - ip->ip_hl * 4, inet_ntoa(from.sin_addr), ntohs(answer->un.echo.sequence), ip->ip_ttl);
		return 0;
	}
}

int main(void)
{
	struct timeval limit = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP), missed = 0;

	if (fd < 0) return printf("NOT RUN: no raw socket: %s\n", strerror(errno)), 0;
	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit));
	for (uint16_t i = 1; i <= 3; i++) missed += ping(fd, i);
	return missed > 0;
}
