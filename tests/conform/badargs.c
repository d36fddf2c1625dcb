/* Wrong arguments: descriptors that are none, that are no sockets, pointers into nowhere, families, types and protocols that do not exist. */
#include "say.h"
#include <linux/netlink.h>
#include <sys/un.h>

#define BAD ((void *)8)
static char buf[4096];

/* Every call on a descriptor that is not a socket, or none at all. */
static void every_call(const char *what, int fd)
{
	union name n = name_lo(AF_INET, 9);
	struct iovec iov = { buf, 4 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct mmsghdr mm = { .msg_hdr = m };
	socklen_t len = sizeof(n);
	int v = 1;

	say_about("%s", what);
	say_rc("bind", bind(fd, &n.sa, sizeof(n.in)));
	say_rc("connect", connect(fd, &n.sa, sizeof(n.in)));
	say_rc("listen", listen(fd, 1));
	say_rc("accept", accept(fd, NULL, NULL));
	say_rc("accept4", accept4(fd, NULL, NULL, SOCK_CLOEXEC));
	say_rc("send", send(fd, buf, 1, 0));
	say_rc("sendto", sendto(fd, buf, 1, 0, &n.sa, sizeof(n.in)));
	say_rc("sendmsg", sendmsg(fd, &m, 0));
	say_rc("sendmmsg", sendmmsg(fd, &mm, 1, 0));
	say_rc("recv", recv(fd, buf, 1, 0));
	say_rc("recvfrom", recvfrom(fd, buf, 1, 0, &n.sa, &len));
	say_rc("recvmsg", recvmsg(fd, &m, 0));
	say_rc("recvmmsg", recvmmsg(fd, &mm, 1, 0, NULL));
	say_rc("getsockopt", getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len));
	say_rc("setsockopt", setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, sizeof(v)));
	say_rc("getsockname", getsockname(fd, &n.sa, &len));
	say_rc("getpeername", getpeername(fd, &n.sa, &len));
	say_rc("shutdown", shutdown(fd, SHUT_RDWR));
	say_rc("shutdown 9", shutdown(fd, 9));
	say_rc("connect bad pointer", connect(fd, BAD, sizeof(n.in)));
	say_rc("bind too long", bind(fd, &n.sa, 1000));
}

/* The kernel may have no SCTP, or have it: then AF_INET knows one more type. */
static int may_be_sctp(int domain, int type)
{
	return (domain == AF_INET || domain == AF_INET6) && type == SOCK_SEQPACKET;
}

static void kinds(void)
{
	static const int domains[] = { AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_MAX, AF_MAX + 1, -1, 1000 };
	static const int types[] = { 0, SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_RDM, SOCK_SEQPACKET, SOCK_PACKET, 7, 11, -1, SOCK_STREAM | 0x10000 };
	static const int protocols[] = { 0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_RAW, 200, 256, 300, -1 };

	for (size_t d = 0; d < sizeof(domains) / sizeof(*domains); d++)
		for (size_t t = 0; t < sizeof(types) / sizeof(*types); t++) {
			char text[256] = "";

			if (may_be_sctp(domains[d], types[t]))
				continue;
			say_about("socket(%d, %#x)", domains[d], types[t]);
			for (size_t p = 0; p < sizeof(protocols) / sizeof(*protocols); p++) {
				int fd = socket(domains[d], types[t], protocols[p]);

				snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:%s", protocols[p], fd < 0 ? say_errno(errno) : "ok");
				if (fd >= 0)
					close(fd);
			}
			say("protocols", "%s", text);
		}
}

static void pairs(void)
{
	static const int domains[] = { AF_UNIX, AF_INET, AF_INET6, AF_UNSPEC, 1000 };
	int sv[2];

	for (size_t d = 0; d < sizeof(domains) / sizeof(*domains); d++) {
		say_about("socketpair(%d)", domains[d]);
		for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
			int rc = socketpair(domains[d], type, 0, sv);

			say_rc(type == SOCK_STREAM ? "stream" : "dgram", rc);
			if (rc == 0) {
				close(sv[0]);
				close(sv[1]);
			}
			say_rc("bad pointer", socketpair(domains[d], type, 0, BAD));
			say_rc("protocol", socketpair(domains[d], type, 77, sv));
			say_rc("flags", socketpair(domains[d], type | 0x100, 0, sv));
		}
	}
	say_about("socketpair");
	say_rc("bad pointer", socketpair(AF_UNIX, SOCK_STREAM, 0, BAD));
	say_rc("protocol", socketpair(AF_UNIX, SOCK_STREAM, 7, sv));
}

/* Pointers into nowhere, on a connection with data and on one without. */
static void pointers(int family, int type)
{
	int fd[2], v;
	union name n = name_lo(family, 0);
	socklen_t len = sizeof(n);
	struct iovec iov = { BAD, 4 }, good = { buf, 4 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	say_about("%s %s bad pointers", family_text(family), type == SOCK_STREAM ? "tcp" : "udp");
	if (type == SOCK_STREAM)
		tcp_pair(family, fd);
	else
		udp_pair(family, fd);
	say_rc("recv empty", recv(fd[0], BAD, 4, MSG_DONTWAIT));
	say_rc("send", send(fd[0], BAD, 4, 0));
	say_rc("send half good", send(fd[0], (char *)-1, 4, 0));
	say_rc("send NULL 0", send(fd[0], NULL, 0, MSG_DONTWAIT));
	say_rc("send huge length", send(fd[0], buf, (size_t)-1, MSG_DONTWAIT));
	say_rc("sendmsg iov data", sendmsg(fd[0], &m, 0));
	m.msg_iov = BAD;
	say_rc("sendmsg iov", sendmsg(fd[0], &m, 0));
	say_rc("sendmsg header", sendmsg(fd[0], BAD, 0));
	m.msg_iov = &good;
	m.msg_iovlen = 1025;
	say_rc("sendmsg 1025 pieces", sendmsg(fd[0], &m, 0));
	m.msg_iovlen = 0;
	if (type == SOCK_STREAM)
		say_rc("sendmsg 0 pieces", sendmsg(fd[0], &m, 0));
	m.msg_iovlen = 1;
	m.msg_name = BAD;
	m.msg_namelen = sizeof(n);
	say_rc("sendmsg name", sendmsg(fd[0], &m, 0));
	m.msg_name = NULL;
	m.msg_control = BAD;
	m.msg_controllen = 64;
	say_rc("sendmsg control", sendmsg(fd[0], &m, 0));
	say_rc("sendto", sendto(fd[0], "x", 1, 0, BAD, sizeof(n)));
	while (recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	for (int i = 0; i < 8; i++)
		MUST(send(fd[0], "data", 4, 0));
	wait_for(fd[1], POLLIN);
	say_rc("recv", recv(fd[1], BAD, 4, MSG_DONTWAIT));
	say_rc("recvfrom name", recvfrom(fd[1], buf, 4, MSG_DONTWAIT, BAD, &len));
	say_rc("recvfrom length", recvfrom(fd[1], buf, 4, MSG_DONTWAIT, &n.sa, BAD));
	len = (socklen_t)-1;
	say_rc("recvfrom negative length", recvfrom(fd[1], buf, 4, MSG_DONTWAIT, &n.sa, &len));
	m = (struct msghdr){ .msg_iov = BAD, .msg_iovlen = 1 };
	say_rc("recvmsg iov", recvmsg(fd[1], &m, MSG_DONTWAIT));
	say_rc("recvmsg header", recvmsg(fd[1], BAD, MSG_DONTWAIT));
	m = (struct msghdr){ .msg_iov = &good, .msg_iovlen = 1, .msg_namelen = (socklen_t)-1, .msg_name = &n };
	say_rc("recvmsg negative name", recvmsg(fd[1], &m, MSG_DONTWAIT));
	say_rc("FIONREAD", ioctl(fd[1], FIONREAD, BAD));
	say_rc("still works", recv(fd[1], buf, 4, MSG_DONTWAIT));
	v = 0;
	say_rc("connect", connect(fd[0], BAD, sizeof(n.in)));
	say_rc("connect short", connect(fd[0], &n.sa, 1));
	say_rc("connect length 0", connect(fd[0], &n.sa, 0));
	(void)v;
	close(fd[0]);
	close(fd[1]);
}

/* Families that do not fit the socket. */
static void families(int family, int type)
{
	static const sa_family_t f[] = { AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, 999 };

	for (size_t i = 0; i < sizeof(f) / sizeof(*f); i++) {
		int fd = MUST(socket(family, type, 0));
		union name n = { 0 };

		n.sa.sa_family = f[i];
		say_about("%s %s family %d", family_text(family), type == SOCK_STREAM ? "tcp" : "udp", f[i]);
		say_rc("connect 16", connect(fd, &n.sa, 16));
		say_rc("connect 28", connect(fd, &n.sa, 28));
		say_rc("connect 2", connect(fd, &n.sa, 2));
		close(fd);
		fd = MUST(socket(family, type, 0));
		say_rc("bind 16", bind(fd, &n.sa, 16));
		close(fd);
		fd = MUST(socket(family, type, 0));
		say_rc("bind 28", bind(fd, &n.sa, 28));
		close(fd);
	}
}

static void unreachable(void)
{
	static const struct { int family; const char *to; } d[] = { { AF_INET, "255.255.255.255" }, { AF_INET, "224.0.0.1" },
								    { AF_INET6, "ff02::1" }, { AF_INET6, "fe80::1" } };

	for (size_t i = 0; i < sizeof(d) / sizeof(*d); i++) {
		int fd = MUST(socket(d[i].family, SOCK_STREAM | SOCK_NONBLOCK, 0));
		union name n = name_of(d[i].family, d[i].to, 9);

		say_about("tcp to %s", d[i].to);
		say_rc("connect", connect(fd, &n.sa, name_len(d[i].family)));
		close(fd);
	}
}

int main(void)
{
	say_start();
	every_call("no descriptor", 999);
	every_call("descriptor -1", -1);
	int fd = MUST(open("/dev/null", O_RDWR)), p[2];
	every_call("a file", fd);
	close(fd);
	MUST(pipe(p));
	every_call("a pipe", p[0]);
	kinds();
	pairs();
	pointers(AF_INET, SOCK_STREAM);
	pointers(AF_INET6, SOCK_STREAM);
	pointers(AF_INET, SOCK_DGRAM);
	pointers(AF_INET6, SOCK_DGRAM);
	families(AF_INET, SOCK_STREAM);
	families(AF_INET6, SOCK_STREAM);
	families(AF_INET, SOCK_DGRAM);
	families(AF_INET6, SOCK_DGRAM);
	unreachable();
	return 0;
}
