/* Ancillary data: what comes with a datagram besides its octets and its source. Here the address that it was sent to, and its time to live. */
#include "must.h"

int main(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)}, there;
	int receiver = must(socket(AF_INET, SOCK_DGRAM, 0)), sender = must(socket(AF_INET, SOCK_DGRAM, 0)), on = 1, ttl = 7;
	union { char room[200]; struct cmsghdr aligned; } control;
	char text[100];
	struct iovec iov = {text, sizeof text};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};

	must(bind(receiver, (struct sockaddr *)&any, sizeof any));
	must(setsockopt(receiver, IPPROTO_IP, IP_PKTINFO, &on, sizeof on));       /* it comes to those who ask for it */
	must(setsockopt(receiver, IPPROTO_IP, IP_RECVTTL, &on, sizeof on));
	must(setsockopt(sender, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl));
	there = address_of(receiver);
	must(inet_pton(AF_INET, "127.0.0.5", &there.sin_addr));
	must(sendto(sender, "hello", 5, 0, (struct sockaddr *)&there, sizeof there));

	printf("\"%.*s\"\n", must(recvmsg(receiver, &m, 0)), text);
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		if (h->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(h), sizeof info);
			printf("for %s, by interface %d\n", inet_ntoa(info.ipi_addr), info.ipi_ifindex);
		} else if (h->cmsg_type == IP_TTL) {
			memcpy(&ttl, CMSG_DATA(h), sizeof ttl);
			printf("time to live %d\n", ttl);
		}
	}
	return 0;
}
