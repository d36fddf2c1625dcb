/* MSG_ZEROCOPY: which sockets take SO_ZEROCOPY, and what the error queue says of sends that are done. */
#include "say.h"
#include <linux/errqueue.h>

static void say_entry(const char *name, int fd)
{
	char data[64], control[256];
	union name from = { 0 };
	struct iovec iov = { data, sizeof(data) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &m, MSG_ERRQUEUE);

	if (n < 0) {
		say(name, "%s", say_errno(errno));
		return;
	}
	say(name, "%zd octets, name %u, flags %x, control %zu", n, m.msg_namelen, m.msg_flags, m.msg_controllen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err e;
		struct sockaddr offender;

		say("control", "level %d type %d len %zu", c->cmsg_level, c->cmsg_type, c->cmsg_len);
		if (c->cmsg_len < CMSG_LEN(sizeof(e) + sizeof(offender)))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		memcpy(&offender, CMSG_DATA(c) + sizeof(e), sizeof(offender));
		say("error", "%s origin %u type %u code %u info %u data %u family %d", say_errno((int)e.ee_errno), e.ee_origin, e.ee_type, e.ee_code,
		    e.ee_info, e.ee_data, offender.sa_family);
	}
}

static void set(int fd, int v)
{
	socklen_t len = sizeof(v);

	say_rc("SO_ZEROCOPY", setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, sizeof(v)));
	v = -1;
	say_rc("getsockopt", getsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, &len));
	say("value", "%d", v);
}

static void who(void)
{
	static const struct { const char *text; int family, type, protocol; } k[] = {
		{ "tcp", AF_INET, SOCK_STREAM, 0 }, { "udp6", AF_INET6, SOCK_DGRAM, 0 }, { "udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE },
		{ "netlink", AF_NETLINK, SOCK_RAW, 0 },
	};

	for (size_t i = 0; i < sizeof(k) / sizeof(*k); i++) {
		int fd = MUST(socket(k[i].family, k[i].type, k[i].protocol));

		say_about("%s", k[i].text);
		set(fd, 1);
		set(fd, 2);
		set(fd, 0);
		close(fd);
	}
}

static void sends(int family, int type)
{
	static char large[40000];
	int fd[2];

	say_about("%s %d", type == SOCK_STREAM ? "tcp" : "udp", family);
	if (type == SOCK_STREAM)
		tcp_pair(family, fd);
	else
		udp_pair(family, fd);
	say_rc("not asked for", send(fd[0], "abc", 3, MSG_ZEROCOPY));
	say_entry("nothing", fd[0]);
	set(fd[0], 1);
	say_rc("plain", send(fd[0], "abc", 3, 0));
	say_entry("nothing", fd[0]);
	say_rc("first", send(fd[0], "def", 3, MSG_ZEROCOPY));
	wait_for(fd[0], POLLERR);
	say_poll("poll", fd[0]);
	say_error("SO_ERROR", fd[0]);
	say_entry("first", fd[0]);
	say_entry("nothing", fd[0]);
	say_poll("poll", fd[0]);
	say_rc("empty", send(fd[0], "", 0, MSG_ZEROCOPY));
	say_entry("nothing", fd[0]);
	for (int i = 0; i < 3; i++)
		say_rc("one of three", send(fd[0], "ghi", 3, MSG_ZEROCOPY));
	usleep(20000);
	say_entry("three", fd[0]);
	say_entry("nothing", fd[0]);
	say_rc("large", send(fd[0], large, sizeof(large), MSG_ZEROCOPY));
	for (size_t done = 0; type == SOCK_STREAM && done < sizeof(large);)
		done += (size_t)MUST(recv(fd[1], large, sizeof(large), 0));
	wait_for(fd[0], POLLERR);
	say_entry("large", fd[0]);
	say_entry("nothing", fd[0]);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	say_start();
	who();
	sends(AF_INET, SOCK_STREAM);
	sends(AF_INET6, SOCK_STREAM);
	sends(AF_INET, SOCK_DGRAM);
	sends(AF_INET6, SOCK_DGRAM);
	return 0;
}
