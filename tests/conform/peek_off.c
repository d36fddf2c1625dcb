/*
 * SO_PEEK_OFF: where a peek begins, how it moves on with peeks and back with reads, on octets and on datagrams. The value is asked for after each
 * step.
 */
#include "say.h"

static void off(int fd)
{
	int v = -99;
	socklen_t len = sizeof(v);

	say_rc("getsockopt", getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &v, &len));
	say("offset", "%d", v);
}

static void set(int fd, int v)
{
	char what[32];

	snprintf(what, sizeof(what), "set %d", v);
	say_rc(what, setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &v, sizeof(v)));
}

/* One receive in two pieces, as text, and what it leaves. */
static void take(int fd, size_t len, int flags)
{
	char a[3] = "", b[64] = "";
	struct iovec iov[2] = { { a, len < 2 ? len : 2 }, { b, len < 2 ? 0 : len - 2 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n = recvmsg(fd, &m, flags | MSG_DONTWAIT);

	say(flags & MSG_PEEK ? "peek" : "read", "%zu with %x: %s %zd '%s%s' flags %x", len, flags, n < 0 ? say_errno(errno) : "0", n, a, b, m.msg_flags);
	off(fd);
}

static void streams(int family)
{
	int fd[2];

	say_about("tcp %d", family);
	tcp_pair(family, fd);
	off(fd[1]);
	set(fd[1], 0);
	take(fd[1], 4, MSG_PEEK);
	MUST(send(fd[0], "abcdefghij", 10, 0));
	wait_for(fd[1], POLLIN);
	take(fd[1], 3, MSG_PEEK);
	take(fd[1], 3, MSG_PEEK);
	take(fd[1], 2, 0);
	take(fd[1], 1, MSG_PEEK);
	take(fd[1], 0, MSG_PEEK);
	take(fd[1], 30, MSG_PEEK);
	take(fd[1], 4, MSG_PEEK);
	set(fd[1], 6);
	take(fd[1], 4, MSG_PEEK | MSG_TRUNC);
	set(fd[1], -1);
	take(fd[1], 2, MSG_PEEK);
	set(fd[1], 5);
	take(fd[1], 9, 0);
	shutdown(fd[0], SHUT_WR);
	wait_for(fd[1], POLLRDHUP);
	take(fd[1], 4, MSG_PEEK);
	set(fd[1], 3);
	take(fd[1], 4, MSG_PEEK);
	take(fd[1], 4, 0);
	close(fd[0]);
	close(fd[1]);
}

static void datagrams(int family)
{
	int fd[2];

	say_about("udp %d", family);
	udp_pair(family, fd);
	off(fd[1]);
	MUST(send(fd[0], "abcdefghij", 10, 0));
	MUST(send(fd[0], "klm", 3, 0));
	MUST(send(fd[0], "nopq", 4, 0));
	wait_for(fd[1], POLLIN);
	take(fd[1], 3, MSG_PEEK);
	set(fd[1], 0);
	take(fd[1], 4, MSG_PEEK);
	take(fd[1], 6, MSG_PEEK);
	take(fd[1], 10, MSG_PEEK);
	take(fd[1], 1, MSG_PEEK);
	take(fd[1], 30, MSG_PEEK);
	set(fd[1], 4);
	take(fd[1], 6, MSG_PEEK);
	set(fd[1], 4);
	take(fd[1], 7, MSG_PEEK);
	set(fd[1], 12);
	take(fd[1], 30, MSG_PEEK | MSG_TRUNC);
	set(fd[1], 12);
	take(fd[1], 4, 0);
	take(fd[1], 30, MSG_PEEK);
	take(fd[1], 30, 0);
	take(fd[1], 30, 0);
	take(fd[1], 30, 0);
	close(fd[0]);
	close(fd[1]);
}

static void others(void)
{
	int fd[2] = { MUST(socket(AF_NETLINK, SOCK_RAW, 0)), MUST(socket(AF_INET, SOCK_STREAM, 0)) };

	say_about("netlink");
	set(fd[0], 1);
	off(fd[0]);
	say_about("tcp, fresh");
	set(fd[1], 7);
	off(fd[1]);
	set(fd[1], INT32_MIN);
	off(fd[1]);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	say_start();
	streams(AF_INET);
	streams(AF_INET6);
	datagrams(AF_INET);
	datagrams(AF_INET6);
	others();
	return 0;
}
