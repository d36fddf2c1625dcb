/* SOCK_SEQPACKET: a connection, as for a stream, and records, as for datagrams. A stream beside it shows the difference. */
#include "must.h"

static void send_two(const char *name, int type)
{
	char text[100];
	int fd[2], n;

	must(socketpair(AF_UNIX, type, 0, fd));
	must(send(fd[0], "first", 5, 0));
	must(send(fd[0], "second", 6, 0));
	must(close(fd[0]));
	printf("%s:", name);
	while ((n = must(recv(fd[1], text, sizeof text, 0))) > 0) printf(" \"%.*s\"", n, text);
	printf(" end\n");
	must(close(fd[1]));
}

int main(void)
{
	char text[3];
	struct iovec room = {text, sizeof text};
	struct msghdr m = {.msg_iov = &room, .msg_iovlen = 1};
	int fd[2], n;

	send_two("stream", SOCK_STREAM);
	send_two("seqpacket", SOCK_SEQPACKET);

	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd));
	must(send(fd[0], "too long", 8, 0));
	must(send(fd[0], "end", 3, MSG_EOR));
	for (int i = 0; i < 2; i++) {
		n = must(recvmsg(fd[1], &m, 0));
		printf("room for 3: \"%.*s\"%s\n", n, text, m.msg_flags & MSG_TRUNC ? ", a part of its record" : "");
	}
	return 0;
}
