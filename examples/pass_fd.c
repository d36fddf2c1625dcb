/*
 * Passing a descriptor: the parent accepts connections and hands each to a worker, which never listened:
 *
 *     client ── TCP ──► parent ── SCM_RIGHTS over a socketpair ──► worker ── answers the client
 */
#include <sys/wait.h>

#include "must.h"

union control { char room[CMSG_SPACE(sizeof(int))]; struct cmsghdr aligned; };

static void fd_send(int over, int fd)
{
	char mark = 'x';                              /* a stream carries rights with at least one octet */
	struct iovec iov = {&mark, 1};
	union control c = {0};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof c.room};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	*h = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
	memcpy(CMSG_DATA(h), &fd, sizeof fd);
	must(sendmsg(over, &m, 0));
}

/* -1 when there are no more. */
static int fd_receive(int over)
{
	char mark;
	struct iovec iov = {&mark, 1};
	union control c;
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.room, .msg_controllen = sizeof c.room};
	int fd = -1;

	if (must(recvmsg(over, &m, 0)) > 0 && CMSG_FIRSTHDR(&m)) memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	return fd;
}

static void worker(int over)
{
	int fd, served = 0;

	while ((fd = fd_receive(over)) >= 0) {
		dprintf(fd, "the worker greets client %d", ++served);
		must(close(fd));
	}
	exit(served);
}

int main(void)
{
	int listener = bound_socket(SOCK_STREAM), over[2], status;
	struct sockaddr_in here = address_of(listener);

	must(listen(listener, 5));
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, over));
	if (must(fork()) == 0) {
		must(close(over[0]));
		must(close(listener));
		worker(over[1]);
	}
	must(close(over[1]));
	for (int i = 0; i < 2; i++) {
		char text[100];
		int client = must(socket(AF_INET, SOCK_STREAM, 0)), accepted, n;

		must(connect(client, (struct sockaddr *)&here, sizeof here));
		accepted = must(accept(listener, NULL, NULL));
		fd_send(over[0], accepted);
		must(close(accepted));                /* the worker's copy keeps the connection */
		n = must(recv(client, text, sizeof text, MSG_WAITALL));
		printf("client: \"%.*s\"\n", n, text);
		must(close(client));
	}
	must(close(over[0]));
	must(wait(&status));
	printf("connections that the worker served: %d\n", WEXITSTATUS(status));
	return 0;
}
