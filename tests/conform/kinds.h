/* Sockets that have come some way, for programs that try the same calls on each of them. */
#pragma once
#include "say.h"

/*
 * DATA: something has come. ENDED: the other end sends no more. SHUT: both halves are closed. GONE: the other end was closed with something unread, so
 * an error is pending; of datagrams, what was sent there was refused.
 */
enum state { FRESH, LISTENING, PAIR, DATA, ENDED, SHUT, GONE };
struct kind { const char *text; int family, type; enum state state; };
static int kind_protocol;      /* of those that are made FRESH */

/* By a name of the kernel's choice. */
static inline int kind_listening_unix(int type)
{
	int fd = MUST(socket(AF_UNIX, type, 0));
	struct sockaddr any = { .sa_family = AF_UNIX };

	MUST(bind(fd, &any, sizeof(any.sa_family)));
	MUST(listen(fd, 1));
	return fd;
}

/* Somebody who connects to a listening one. */
static inline int kind_call(const struct kind *k, int listener)
{
	int fd = MUST(socket(k->family, k->type, 0));
	union name n;
	socklen_t len = sizeof(n);

	MUST(getsockname(listener, &n.sa, &len));
	if (k->family != AF_UNIX)
		n = name_lo(k->family, name_port(&n));
	MUST(connect(fd, &n.sa, len));
	return fd;
}

/* The socket; *ret_other: the other end of a pair, or -1. What was to come has come. */
static inline int kind_make(const struct kind *k, int *ret_other)
{
	int fd[2] = { -1, -1 };

	if (k->state == FRESH)
		fd[0] = MUST(socket(k->family, k->type, kind_protocol));
	else if (k->state == LISTENING && k->family == AF_UNIX)
		fd[0] = kind_listening_unix(k->type);
	else if (k->state == LISTENING)
		fd[0] = listening(k->family, 1);
	else if (k->family == AF_UNIX)
		MUST(socketpair(AF_UNIX, k->type, 0, fd));
	else if (k->type == SOCK_STREAM)
		tcp_pair(k->family, fd);
	else
		udp_pair(k->family, fd);
	if (k->state == DATA)
		MUST(send(fd[1], "hello world", 11, 0));
	if (k->state == ENDED)
		MUST(shutdown(fd[1], SHUT_WR));
	if (k->state == SHUT)
		MUST(shutdown(fd[0], SHUT_RDWR));
	if (k->state == GONE) {
		if (k->type != SOCK_DGRAM)
			MUST(send(fd[0], "x", 1, 0));
		close(fd[1]);
		if (k->type == SOCK_DGRAM && k->family != AF_UNIX)
			MUST(send(fd[0], "x", 1, 0));
		fd[1] = -1;
	}
	if (k->state == DATA || k->state == ENDED)
		wait_for(fd[0], POLLIN);
	if (k->state == GONE && (k->type != SOCK_DGRAM || k->family != AF_UNIX))
		wait_for(fd[0], POLLERR);
	*ret_other = fd[1];
	return fd[0];
}

/* The same, which no call waits on. */
static inline int kind_make_nonblocking(const struct kind *k, int *ret_other)
{
	int fd = kind_make(k, ret_other);

	MUST(fcntl(fd, F_SETFL, O_NONBLOCK));
	return fd;
}
