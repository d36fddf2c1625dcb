/* Control calls over one SEQPACKET pair: see rpc/rpc.h for the messages, client.h for what is offered here. */
#include "cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/message.h"

/* The engine's side never blocks, and so neither do these two of its functions: we wait before them. */
static void wait_for(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	poll(&p, 1, -1);
}

static int request_send(int to, const struct rpc_request *q, const void *in, int fd)
{
	struct iovec iov[2] = {{(void *)q, sizeof *q}, {(void *)in, q->in_len}};
	int r;

	while ((r = message_send(to, iov, 2, &fd, fd >= 0 ? 1 : 0)) == -EAGAIN) wait_for(to, POLLOUT);
	return r == -EPIPE ? -ECONNRESET : r;
}

/* How many octets of out there are, or -errno. Of the descriptors that come the first goes to ret_fd (or -1), the others are closed. */
static ssize_t reply_receive(int from, struct rpc_reply *p, void *out, size_t size, int *ret_fd)
{
	uint8_t *message = malloc(sizeof *p + RPC_OUT_MAX);
	int fds[MESSAGE_FDS_MAX], n_fds = 0;
	ssize_t n = -ENOMEM;

	do wait_for(from, POLLIN);
	while (message && (n = message_receive(from, message, sizeof *p + RPC_OUT_MAX, fds, &n_fds)) == -EAGAIN);
	for (int i = 1; i < n_fds; i++) close(fds[i]);
	*ret_fd = n_fds > 0 ? fds[0] : -1;
	if (n >= 0 && (size_t)n < sizeof *p) n = n == 0 ? -ECONNRESET : -EPROTO;
	if (n > 0) {
		memcpy(p, message, sizeof *p);
		n = (ssize_t)MIN((size_t)n - sizeof *p, size);
		if (n > 0) memcpy(out, message + sizeof *p, (size_t)n);
	}
	free(message);
	return n;
}

int client_open(struct client *c, int door)
{
	static const char program[] = "sockland";
	struct rpc_request q = {.op = RPC_HELLO, .in_len = sizeof program, .arg = {getpid()}};
	struct rpc_reply p = {0};
	int pair[2], fd = -1;
	ssize_t n;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
	n = request_send(door, &q, program, pair[1]);
	close(pair[1]);                /* so that the engine's end is the only one left: no answer is an end of file */
	if (n == 0) n = reply_receive(pair[0], &p, &c->hello, sizeof c->hello, &fd);
	if (fd >= 0) close(fd);        /* the arena: nothing for us */
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
	struct rpc_reply p = {0};
	int fd = -1;
	ssize_t n = request_send(c->fd, &q, in, -1);

	if (n == 0) n = reply_receive(c->fd, &p, ret_out, size ? size - 1 : 0, &fd);
	if (size) ret_out[MAX(n, 0)] = 0;
	if (ret_fd) *ret_fd = fd;
	else if (fd >= 0) close(fd);
	return n < 0 ? n : p.result;
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

const char *client_why(char *text, int err)
{
	if (text) text[strcspn(text, "\n")] = 0;
	return text && *text ? text : strerror(-err);
}

void client_wait_end(struct client *c)
{
	char octet;

	do wait_for(c->fd, POLLIN);
	while (recv(c->fd, &octet, 1, MSG_DONTWAIT) > 0);
}

int client_door(struct client *c, const char *host)
{
	size_t len = strlen(host);
	int fd;
	int64_t r;

	if (len < rpc_rows[RPC_DOOR].in_min || len > rpc_rows[RPC_DOOR].in_max) return -ENOENT;
	r = client_call(c, RPC_DOOR, host, len, NULL, 0, &fd);

	if (r < 0 && fd >= 0) close(fd);
	return r < 0 ? (int)r : fd >= 0 ? fd : -EPROTO;
}
