/* A datagram goes as a whole or not at all: one that is too long for the protocol is refused with EMSGSIZE. */
#include <errno.h>

#include "must.h"

enum { MOST = 65535 - 20 - 8 };          /* what IPv4's length field leaves after its header and UDP's */

int main(void)
{
	static char text[MOST + 1];
	int receiver = bound_socket(SOCK_DGRAM), sender = must(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_in there = address_of(receiver);

	must(sendto(sender, text, MOST, 0, (struct sockaddr *)&there, sizeof there));
	printf("%d octets: %d came\n", MOST, must(recv(receiver, text, sizeof text, 0)));
	if (sendto(sender, text, MOST + 1, 0, (struct sockaddr *)&there, sizeof there) < 0) printf("%d octets: %s\n", MOST + 1, strerror(errno));
	must(sendto(sender, text, 0, 0, (struct sockaddr *)&there, sizeof there));
	printf("0 octets: %d came, and that is no end of file\n", must(recv(receiver, text, sizeof text, 0)));
	must(sendto(sender, "12345678", 8, 0, (struct sockaddr *)&there, sizeof there));
	printf("8 octets into room for 3: %d, the rest is lost;", must(recv(receiver, text, 3, 0)));
	printf(" what is next: %s\n", recv(receiver, text, 3, MSG_DONTWAIT) < 0 ? strerror(errno) : "the rest");
	return 0;
}
