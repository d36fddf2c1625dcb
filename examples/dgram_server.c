/*
 * A datagram server: no connections, so one socket serves everybody, and each answer names whom it is for.
 *
 *     socket ─► bind ─► recvfrom, sendto … ─► close
 *
 * dgram_server [CLIENTS]: ends after so many datagrams (1). Its port is the line that begins with "~ port".
 */
#include "must.h"

int main(int argc, char **argv)
{
	int datagrams = argc > 1 ? atoi(argv[1]) : 1;
	int fd = bound_socket(SOCK_DGRAM);

	printf("~ port %d\n", ntohs(address_of(fd).sin_port));
	fflush(stdout);
	while (datagrams-- > 0) {
		struct sockaddr_in from;
		socklen_t len = sizeof from;
		char text[1500];
		ssize_t n = must(recvfrom(fd, text, sizeof text, 0, (struct sockaddr *)&from, &len));

		printf("server: %zd octets from %s\n", n, inet_ntoa(from.sin_addr));
		for (ssize_t i = 0; i < n / 2; i++) {
			char kept = text[i];

			text[i] = text[n - 1 - i];
			text[n - 1 - i] = kept;
		}
		must(sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&from, len));
	}
	must(close(fd));
	return 0;
}
