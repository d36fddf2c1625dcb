/* What the shim's test programs share: a check that says where it failed, and sockets to play with. Each runs under `sockland run`. */
#pragma once
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(what) \
	do { \
		if (!(what)) { \
			dprintf(2, "%s:%d: %s (errno: %s)\n", __FILE__, __LINE__, #what, strerror(errno)); \
			_exit(1); \
		} \
	} while (0)

static inline struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* A bound datagram socket, or a listening stream socket. */
static inline int bound(int type, struct sockaddr_in *ret)
{
	int fd = socket(AF_INET, type, 0);
	socklen_t len = sizeof *ret;
	*ret = loopback(0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)ret, sizeof *ret) == 0);
	CHECK(type != SOCK_STREAM || listen(fd, 128) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)ret, &len) == 0);
	return fd;
}

static inline void tcp_pair(int pair[2])
{
	struct sockaddr_in a;
	int l = bound(SOCK_STREAM, &a);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	CHECK(connect(pair[0], (struct sockaddr *)&a, sizeof a) == 0);
	pair[1] = accept(l, NULL, NULL);
	CHECK(pair[1] >= 0 && close(l) == 0);
}

static inline void talk(int a, int b)
{
	char c = 0;
	CHECK(write(a, "x", 1) == 1 && read(b, &c, 1) == 1 && c == 'x');
	CHECK(write(b, "y", 1) == 1 && read(a, &c, 1) == 1 && c == 'y');
}

static inline void child_ends_well(pid_t pid)
{
	int status;
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
