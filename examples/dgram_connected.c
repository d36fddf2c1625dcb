/* connect on a datagram socket sends nothing: it names a peer. Only its datagrams come in, errors come back, and AF_UNSPEC undoes it. */
#include <errno.h>

#include "must.h"

static void say(const char *what, int fd)
{
	char text[100];
	ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);

	if (n < 0) printf("%s: %s\n", what, strerror(errno));
	else printf("%s: \"%.*s\"\n", what, (int)n, text);
}

int main(void)
{
	int me = bound_socket(SOCK_DGRAM), peer = bound_socket(SOCK_DGRAM), stranger = bound_socket(SOCK_DGRAM), error;
	struct sockaddr_in mine = address_of(me), peers = address_of(peer), strangers = address_of(stranger);
	struct sockaddr nobody = {.sa_family = AF_UNSPEC};
	socklen_t len = sizeof error;

	must(connect(me, (struct sockaddr *)&peers, sizeof peers));
	must(send(me, "hello", 5, 0));                            /* no address: it goes to the peer */
	say("the peer got", peer);
	must(sendto(stranger, "psst", 4, 0, (struct sockaddr *)&mine, sizeof mine));
	say("from a stranger", me);
	must(sendto(peer, "hello yourself", 14, 0, (struct sockaddr *)&mine, sizeof mine));
	say("from the peer", me);

	must(close(peer));                                        /* ICMP says "port unreachable" to the next datagram */
	must(send(me, "anybody there?", 14, 0));
	must(getsockopt(me, SOL_SOCKET, SO_ERROR, &error, &len));
	printf("the error that is pending: %s\n", strerror(error));
	must(send(me, "anybody there?", 14, 0));
	say("or as the result of the next call", me);

	must(connect(me, &nobody, sizeof nobody));
	printf("without a peer, send: %s\n", send(me, "x", 1, 0) < 0 ? strerror(errno) : "works");
	must(sendto(me, "and you?", 8, 0, (struct sockaddr *)&strangers, sizeof strangers));
	say("the stranger got", stranger);
	return 0;
}
