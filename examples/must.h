/* What the examples share: a call that must succeed, 127.0.0.1, and two ends of one TCP connection. */
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The result of a call, unless it failed: then the program ends, and says what the call was. */
#define must(call) must_succeed(#call, (long)(call))

static inline int must_succeed(const char *call, long result)
{
	if (result >= 0) return (int)result;
	perror(call);
	exit(1);
}

static inline struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((in_port_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* The address that the system gave to a socket. */
static inline struct sockaddr_in address_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a;

	must(getsockname(fd, (struct sockaddr *)&a, &len));
	return a;
}

/* A socket of the given type at some free port of 127.0.0.1. */
static inline int bound_socket(int type)
{
	struct sockaddr_in here = loopback(0);
	int fd = must(socket(AF_INET, type, 0));

	must(bind(fd, (struct sockaddr *)&here, sizeof here));
	return fd;
}

/* connect is done when the other side's kernel has answered: nobody needs to be in accept for that. */
static inline void tcp_pair(int fd[2])
{
	int listener = bound_socket(SOCK_STREAM);
	struct sockaddr_in there = address_of(listener);

	must(listen(listener, 1));
	fd[0] = must(socket(AF_INET, SOCK_STREAM, 0));
	must(connect(fd[0], (struct sockaddr *)&there, sizeof there));
	fd[1] = must(accept(listener, NULL, NULL));
	must(close(listener));
}
