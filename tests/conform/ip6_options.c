/*
 * IPv6's options that hold for all that a socket sends or tell of what came: IPV6_PKTINFO, IPV6_RECVPATHMTU and IPV6_PATHMTU, the interface of RFC 2292
 * and its IPv4 counterpart IP_PKTOPTIONS, which are of streams.
 */
#include "say.h"

#define FLOWINFO 11
#define OLD_PKTOPTIONS 6

static void say_control(struct cmsghdr *first, size_t len)
{
	struct msghdr m = { .msg_control = first, .msg_controllen = len };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		char hex[129] = "";
		/* A label is the kernel's choice. */
		bool secret = c->cmsg_level == SOL_IPV6 && c->cmsg_type == FLOWINFO;
		for (size_t i = 0; i < c->cmsg_len - CMSG_LEN(0) && i < 64 && !secret; i++)
			snprintf(hex + 2 * i, 3, "%02x", CMSG_DATA(c)[i]);
		say("control", "level %d type %d len %zu: %s", c->cmsg_level, c->cmsg_type, c->cmsg_len, hex);
	}
}

static void get_control(const char *what, int fd, int level, int name, socklen_t room)
{
	union { struct cmsghdr h; char octets[512]; } u = { 0 };
	socklen_t len = room;
	int rc = getsockopt(fd, level, name, &u, &len);

	say(what, "%s len %u", rc < 0 ? say_errno(errno) : "0", len);
	if (rc == 0 && room == sizeof(u))
		say_control(&u.h, len);
}

static void set_pktinfo(int fd, unsigned index, const char *address, socklen_t len)
{
	struct in6_pktinfo info[2] = { { .ipi6_ifindex = index } };
	char what[64];

	inet_pton(AF_INET6, address, &info[0].ipi6_addr);
	snprintf(what, sizeof(what), "pktinfo %u %s %u", index, address, len);
	say_rc(what, setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, info, len));
}

static void sticky(void)
{
	union name to = name_lo(AF_INET6, port_closed(AF_INET6, SOCK_DGRAM));
	struct in6_pktinfo info;
	socklen_t len = sizeof(info);
	int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), tcp = MUST(socket(AF_INET6, SOCK_STREAM, 0));

	say_about("sticky");
	set_pktinfo(fd, 1, "::1", 20);
	set_pktinfo(fd, 1, "::1", 19);
	set_pktinfo(fd, 1, "::1", 0);
	set_pktinfo(fd, 1, "2001::1", 40);
	say_rc("get", getsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, &len));
	say_rc("NULL", setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, NULL, 20));
	say_rc("sendto", sendto(fd, "x", 1, 0, &to.sa, name_len(AF_INET6)));
	say_error("error", fd);
	set_pktinfo(fd, 7777, "::", 20);
	say_rc("sendto by none", sendto(fd, "x", 1, 0, &to.sa, name_len(AF_INET6)));
	say_rc("connect by none", connect(fd, &to.sa, name_len(AF_INET6)));
	set_pktinfo(fd, 0, "::", 20);
	say_rc("connect", connect(fd, &to.sa, name_len(AF_INET6)));
	set_pktinfo(tcp, 7777, "::", 20);
	MUST(setsockopt(tcp, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	set_pktinfo(tcp, 7777, "::", 20);
	set_pktinfo(tcp, 1, "::", 20);
	set_pktinfo(tcp, 0, "::", 20);
	close(fd);
	close(tcp);
}

static void get_mtu(const char *what, int fd, socklen_t room)
{
	struct ip6_mtuinfo info = { 0 };
	socklen_t len = room;
	int rc = getsockopt(fd, IPPROTO_IPV6, IPV6_PATHMTU, &info, &len);

	say(what, "%s len %u family %d mtu %u", rc < 0 ? say_errno(errno) : "0", len, info.ip6m_addr.sin6_family, info.ip6m_mtu);
}

static void say_message(const char *what, int fd)
{
	union { struct cmsghdr h; char octets[256]; } control;
	union name from;
	char in[16];
	struct iovec iov = { in, sizeof(in) };
	struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	ssize_t n = say_rc(what, recvmsg(fd, &m, MSG_DONTWAIT));

	if (n < 0)
		return;
	say("flags", "%x", m.msg_flags);
	say_name("from", &from, m.msg_namelen);
	say_control(&control.h, m.msg_controllen);
}

static void too_large(int fd)
{
	static char big[65500];

	say_rc("large", send(fd, big, sizeof(big), 0));
}

static void path_mtu(void)
{
	int fd[2], fresh = MUST(socket(AF_INET6, SOCK_DGRAM, 0));

	say_about("path mtu");
	udp_pair(AF_INET6, fd);
	get_mtu("connected", fd[0], sizeof(struct ip6_mtuinfo));
	get_mtu("short", fd[0], sizeof(struct ip6_mtuinfo) - 1);
	get_mtu("unconnected", fresh, sizeof(struct ip6_mtuinfo));
	set_int(fd[0], IPPROTO_IPV6, IPV6_RECVPATHMTU, 1);
	too_large(fd[0]);
	say_message("may be cut", fd[0]);
	set_int(fd[0], IPPROTO_IPV6, IPV6_DONTFRAG, 1);
	too_large(fd[0]);
	say_message("may not", fd[0]);
	say_message("once", fd[0]);
	set_int(fd[0], IPPROTO_IPV6, IPV6_RECVPATHMTU, 0);
	too_large(fd[0]);
	say_message("not asked for", fd[0]);
	set_int(fd[0], IPPROTO_IPV6, IPV6_RECVPATHMTU, 1);
	say_message("then", fd[0]);
	MUST(send(fd[1], "hi", 2, 0));
	say_message("data", fd[0]);
	close(fd[0]);
	close(fd[1]);
	close(fresh);
}

static void pktoptions6(void)
{
	int fd[2], udp[2];

	say_about("2292 pktoptions");
	tcp_pair(AF_INET6, fd);
	udp_pair(AF_INET6, udp);
	get_control("connected, none", fd[0], IPPROTO_IPV6, OLD_PKTOPTIONS, 512);
	get_control("accepted, none", fd[1], IPPROTO_IPV6, OLD_PKTOPTIONS, 512);
	for (int i = 0; i < 2; i++) {
		set_int(fd[i], IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
		set_int(fd[i], IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
		set_int(fd[i], IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		set_int(fd[i], IPPROTO_IPV6, IPV6_2292PKTINFO, 1);
		set_int(fd[i], IPPROTO_IPV6, IPV6_2292HOPLIMIT, 1);
		get_control("all", fd[i], IPPROTO_IPV6, OLD_PKTOPTIONS, 512);
		get_control("cut", fd[i], IPPROTO_IPV6, OLD_PKTOPTIONS, 30);
		get_control("no room", fd[i], IPPROTO_IPV6, OLD_PKTOPTIONS, 0);
	}
	set_pktinfo(fd[0], 1, "2001::1", 20);
	get_control("sticky", fd[0], IPPROTO_IPV6, OLD_PKTOPTIONS, 512);
	get_control("of datagrams", udp[0], IPPROTO_IPV6, OLD_PKTOPTIONS, 512);
	for (int i = 0; i < 2; i++) {
		close(fd[i]);
		close(udp[i]);
	}
}

static void set_one(const char *what, int fd, int level, int type, const void *data, size_t len)
{
	union { struct cmsghdr h; char octets[128]; } u = { .h = { CMSG_LEN(len), level, type } };

	memcpy(CMSG_DATA(&u.h), data, len);
	say_rc(what, setsockopt(fd, IPPROTO_IPV6, OLD_PKTOPTIONS, &u, (socklen_t)CMSG_LEN(len)));
}

static void set_pktoptions6(void)
{
	static const unsigned char padding[8] = { 0, 0, 1, 4 };
	struct in6_pktinfo info = { .ipi6_ifindex = 1 };
	int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), v = 5;
	unsigned char zero[64] = { 0 };

	say_about("set 2292 pktoptions");
	for (socklen_t len = 0; len < 40; len += 4)
		say_rc("zeros", setsockopt(fd, IPPROTO_IPV6, OLD_PKTOPTIONS, zero, len));
	set_one("pktinfo", fd, SOL_IPV6, IPV6_2292PKTINFO, &info, sizeof(info));
	set_one("short pktinfo", fd, SOL_IPV6, IPV6_2292PKTINFO, &info, sizeof(info) - 1);
	set_one("hops", fd, SOL_IPV6, IPV6_2292HOPLIMIT, &v, sizeof(v));
	set_one("short hops", fd, SOL_IPV6, IPV6_2292HOPLIMIT, &v, 2);
	set_one("class", fd, SOL_IPV6, IPV6_TCLASS, &v, sizeof(v));
	set_one("unknown", fd, SOL_IPV6, 1234, &v, sizeof(v));
	set_one("another level", fd, IPPROTO_UDP, 1234, &v, sizeof(v));
	set_one("a right", fd, SOL_IPV6, IPV6_2292DSTOPTS, padding, sizeof(padding));
	set_one("a right, too", fd, SOL_IPV6, IPV6_HOPOPTS, padding, sizeof(padding));
	close(fd);
}

static void pktoptions4(void)
{
	int fd[2], udp[2], l = listening(AF_INET, 1);

	say_about("pktoptions");
	tcp_pair(AF_INET, fd);
	udp_pair(AF_INET, udp);
	get_control("none", fd[1], IPPROTO_IP, IP_PKTOPTIONS, 512);
	for (int i = 0; i < 2; i++) {
		set_int(fd[i], IPPROTO_IP, IP_PKTINFO, 1);
		set_int(fd[i], IPPROTO_IP, IP_RECVTTL, 1);
		get_control("two", fd[i], IPPROTO_IP, IP_PKTOPTIONS, 512);
		set_int(fd[i], IPPROTO_IP, IP_RECVTOS, 1);
		get_control("all", fd[i], IPPROTO_IP, IP_PKTOPTIONS, 512);
		get_control("cut", fd[i], IPPROTO_IP, IP_PKTOPTIONS, 20);
	}
	get_control("of a listener", l, IPPROTO_IP, IP_PKTOPTIONS, 512);
	get_control("of datagrams", udp[0], IPPROTO_IP, IP_PKTOPTIONS, 512);
	say_rc("set", setsockopt(fd[0], IPPROTO_IP, IP_PKTOPTIONS, &l, sizeof(l)));
	for (int i = 0; i < 2; i++) {
		close(fd[i]);
		close(udp[i]);
	}
	close(l);
}

/* IPV6_ADDRFORM: who speaks IPv4 becomes a socket of it, and nobody else does. */
static void say_form(int fd)
{
	int domain = 0, v6only = -1;
	socklen_t len = sizeof(int);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	say("domain", "%d", domain);
	say_sockname("sockname", fd);
	say_peername("peername", fd);
	len = sizeof(int);
	say_rc("IPV6_V6ONLY", getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, &len));
	say_rc("IPV6_ADDRFORM", getsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &v6only, &len));
}

static void form(const char *what, int type, const char *to, int ended)
{
	int l = bound(strchr(to, '.') ? AF_INET : AF_INET6, type), fd = MUST(socket(AF_INET6, type, 0)), other = -1, v4 = AF_INET, v6 = AF_INET6;
	union name n = name_of(AF_INET6, to, port_of(l));
	char b[8];

	say_about("form %s %s", type == SOCK_STREAM ? "tcp" : "udp", what);
	if (type == SOCK_STREAM)
		MUST(listen(l, 1));
	say_rc("not connected", setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &v4, sizeof(v4)));
	MUST(connect(fd, &n.sa, sizeof(n.in6)));
	if (type == SOCK_STREAM)
		other = MUST(accept(l, NULL, NULL));
	if (ended)
		MUST(shutdown(fd, SHUT_WR));
	say_rc("to IPv6", setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &v6, sizeof(v6)));
	say_rc("to IPv4", setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &v4, sizeof(v4)));
	say_form(fd);
	say_rc("once more", setsockopt(fd, IPPROTO_IPV6, IPV6_ADDRFORM, &v4, sizeof(v4)));
	say_rc("send", send(fd, "x", 1, MSG_NOSIGNAL));
	say_rc("recv", recv(type == SOCK_STREAM ? other : l, b, sizeof(b), ended ? MSG_DONTWAIT : 0));
	n = name_of(AF_INET, "127.0.0.1", port_of(l));
	if (type == SOCK_DGRAM)
		say_rc("sendto IPv4", sendto(fd, "y", 1, 0, &n.sa, sizeof(n.in)));
	close(fd);
	close(other);
	close(l);
}

int main(void)
{
	say_start();
	sticky();
	path_mtu();
	pktoptions6();
	set_pktoptions6();
	pktoptions4();
	for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		form("by IPv4", type, "::ffff:127.0.0.1", 0);
		form("by IPv6", type, "::1", 0);
	}
	form("half closed", SOCK_STREAM, "::ffff:127.0.0.1", 1);
	return 0;
}
