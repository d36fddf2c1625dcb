/* Control calls over one SEQPACKET pair: see rpc/rpc.h for the messages, client.h for what is offered here. */
#include "cli/client.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

union fd_control { struct cmsghdr head; char room[CMSG_SPACE(RPC_FDS_MAX * sizeof(int))]; };

static int message_send(int to, const struct rpc_request *q, const void *in, int fd)
{
	struct iovec iov[2] = {{(void *)q, sizeof *q}, {(void *)in, q->in_len}};
	union fd_control control = {0};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	struct cmsghdr *c;

	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof fd);
		c = CMSG_FIRSTHDR(&m);
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	while (sendmsg(to, &m, MSG_NOSIGNAL) < 0)
		if (errno != EINTR) return errno == EPIPE ? -ECONNRESET : -errno;
	return 0;
}

/* Keeps the first descriptor that came, closes the others. */
static int fds_take(struct msghdr *m)
{
	int first = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		for (size_t i = 0; c->cmsg_type == SCM_RIGHTS && CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (first < 0) first = fd;
			else close(fd);
		}
	return first;
}

/* How many octets of out there are, or -errno. ret_fd may be NULL. */
static ssize_t message_receive(int from, struct rpc_reply *p, void *out, size_t size, int *ret_fd)
{
	struct iovec iov[2] = {{p, sizeof *p}, {out, size}};
	union fd_control control;
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n;
	int fd;

	do n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n <= 0) return n < 0 ? -errno : -ECONNRESET;
	fd = fds_take(&m);
	if (ret_fd) *ret_fd = fd;
	else if (fd >= 0) close(fd);
	return (size_t)n < sizeof *p ? -EPROTO : n - (ssize_t)sizeof *p;
}

int client_open(struct client *c, int door)
{
	static const char program[] = "sockland";
	struct rpc_request q = {.op = RPC_HELLO, .in_len = sizeof program};
	struct rpc_reply p;
	int pair[2];
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
	n = message_send(door, &q, program, pair[1]);
	close(pair[1]);                /* so that the engine's end is the only one left: no answer is an end of file */
	if (n == 0) n = message_receive(pair[0], &p, &c->hello, sizeof c->hello, NULL);
	if (n >= 0 && (p.result < 0 || (size_t)n < sizeof c->hello)) n = p.result < 0 ? (ssize_t)p.result : -EPROTO;
	if (n < 0) {
		close(pair[0]);
		return (int)n;
	}
	c->fd = pair[0];
	return 0;
}

void client_close(struct client *c)
{
	close(c->fd);
}

int64_t client_call(struct client *c, enum rpc_op op, const void *in, size_t in_len, char *ret_out, size_t size, int *ret_fd)
{
	struct rpc_request q = {.op = op, .in_len = (uint32_t)in_len};
	struct rpc_reply p;
	ssize_t n = message_send(c->fd, &q, in, -1);

	if (ret_fd) *ret_fd = -1;
	if (size) *ret_out = 0;
	if (n == 0) n = message_receive(c->fd, &p, ret_out, size ? size - 1 : 0, ret_fd);
	if (n < 0) return n;
	if (size) ret_out[n] = 0;
	return p.result;
}

int client_verb(struct client *c, size_t n, char *const *words, char **ret_text)
{
	char *in = NULL, *out = malloc(RPC_OUT_MAX + 1);
	size_t len = 0;
	int r;

	if (!out) return -ENOMEM;
	*out = 0;
	*ret_text = out;
	for (size_t i = 0; i < n; i++) len += strlen(words[i]) + 1;
	if (len > rpc_rows[RPC_VERB].in_max) return -E2BIG;
	in = malloc(len + 1);
	if (!in) return -ENOMEM;
	len = 0;
	for (size_t i = 0; i < n; i++) {
		memcpy(in + len, words[i], strlen(words[i]) + 1);
		len += strlen(words[i]) + 1;
	}
	r = (int)client_call(c, RPC_VERB, in, len, out, RPC_OUT_MAX + 1, NULL);
	free(in);
	return r;
}

int client_door(struct client *c, const char *host)
{
	int fd;
	int64_t r = client_call(c, RPC_DOOR, host, strlen(host), NULL, 0, &fd);

	if (r < 0 && fd >= 0) close(fd);
	return r < 0 ? (int)r : fd >= 0 ? fd : -EPROTO;
}
