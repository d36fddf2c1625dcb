/*
 * Descriptors that nobody gets: a message had no room for them, the process no numbers, or the socket that carried them ended. The connections of which they
 * were the last are over at once.
 */
#include "unix.h"
#include <sys/resource.h>

static char in[16];
static int got[8];

static void send_fds(int fd, const int *fds, size_t n)
{
	char control[256] = { 0 };
	struct iovec v = { "abc", 3 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(n * sizeof(*fds)) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	*h = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(n * sizeof(*fds)) };
	memcpy(CMSG_DATA(h), fds, n * sizeof(*fds));
	MUST(sendmsg(fd, &m, 0));
}

/* Into so much room; how many came, which are looked at and closed. */
static void receive(int fd, size_t room)
{
	char control[256];
	struct iovec v = { in, sizeof(in) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = room ? control : NULL, .msg_controllen = room };
	struct cmsghdr *h;
	size_t n = 0;

	say_rc("recvmsg", recvmsg(fd, &m, MSG_DONTWAIT));
	for (h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h)) {
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(*got);
		memcpy(got, CMSG_DATA(h), n * sizeof(*got));
	}
	say("came", "%zu, flags %#x, control %zu", n, (unsigned)m.msg_flags, (size_t)m.msg_controllen);
	for (size_t i = 0; i < n; i++) {
		int type;
		socklen_t len = sizeof(type);

		say_rc("SO_TYPE", getsockopt(got[i], SOL_SOCKET, SO_TYPE, &type, &len));
		close(got[i]);
	}
}

/* The other end is gone, without a wait. */
static void say_over(int fd)
{
	say_poll("peer", fd);
	say_rc("peer's recv", recv(fd, in, 1, MSG_DONTWAIT));
	close(fd);
}

static void no_room(int type, size_t room)
{
	int fd[2], tcp[2];

	say_about("%s, room for %zu octets of control", type_text(type), room);
	upair(type, fd);
	tcp_pair(AF_INET, tcp);
	send_fds(fd[0], (int[]){ tcp[1], tcp[1], fd[0] }, 3);
	close(tcp[1]);
	receive(fd[1], room);
	say_over(tcp[0]);
	close2(fd);
}

static void no_numbers(int type)
{
	int fd[2], tcp[2], next;
	struct rlimit before, limit;

	say_about("%s, no numbers", type_text(type));
	upair(type, fd);
	tcp_pair(AF_INET, tcp);
	send_fds(fd[0], (int[]){ fd[0], fd[1], tcp[1], tcp[1] }, 4);
	close(tcp[1]);
	MUST(getrlimit(RLIMIT_NOFILE, &before));
	next = MUST(dup(0));
	close(next);
	limit = before;
	limit.rlim_cur = (rlim_t)next + 2;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	receive(fd[1], CMSG_SPACE(4 * sizeof(int)));
	MUST(setrlimit(RLIMIT_NOFILE, &before));
	say_over(tcp[0]);
	close2(fd);
}

static void carrier_ends(int type)
{
	int fd[2], outer[2], tcp[2];

	say_about("%s, the carrier ends", type_text(type));
	upair(type, fd);
	tcp_pair(AF_INET, tcp);
	send_fds(fd[0], &tcp[1], 1);
	close(tcp[1]);
	close(fd[1]);
	say_over(tcp[0]);
	close(fd[0]);

	say_about("%s, the carrier's carrier ends", type_text(type));
	upair(type, fd);
	upair(type, outer);
	tcp_pair(AF_INET6, tcp);
	send_fds(fd[0], &tcp[1], 1);
	send_fds(outer[0], &fd[1], 1);
	close(tcp[1]);
	close(fd[1]);
	say_rc("recv in between", recv(tcp[0], in, 1, MSG_DONTWAIT));
	close2(outer);
	say_over(tcp[0]);
	close(fd[0]);
}

int main(void)
{
	unix_start();
	each_type(t) {
		for (size_t room = 0; room <= CMSG_SPACE(3 * sizeof(int)); room += sizeof(int))
			no_room(*t, room);
		no_numbers(*t);
		carrier_ends(*t);
	}
	unix_end();
	return 0;
}
