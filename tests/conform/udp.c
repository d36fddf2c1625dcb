/* Datagram sockets: peers, errors that come back, sizes, truncation, both families at once, ancillary data. */
#include "say.h"

static char buf[70000];

static union name loopback(int family, int fd) { return name_lo(family, port_of(fd)); }

static void fresh(int family)
{
	int fd = MUST(socket(family, SOCK_DGRAM, 0)), v = 0;
	union name n = name_lo(family, 9);

	say_about("%s fresh", family_text(family));
	say_poll("poll", fd);
	say_rc("recv", recv(fd, buf, 10, MSG_DONTWAIT));
	say_rc("send", send(fd, "x", 1, 0));
	say_rc("write", write(fd, "x", 1));
	say_sockname("sockname", fd);
	say_peername("peername", fd);
	say_rc("listen", listen(fd, 1));
	say_rc("accept", accept(fd, NULL, NULL));
	say_rc("shutdown", shutdown(fd, SHUT_RDWR));
	say_poll("poll after shutdown", fd);
	say_rc("FIONREAD", ioctl(fd, FIONREAD, &v));
	say_rc("sendto", sendto(fd, "x", 1, 0, &n.sa, name_len(family)));
	say_sockname("sockname then", fd);
	close(fd);
}

static void addresses(int family)
{
	int fd = MUST(socket(family, SOCK_DGRAM, 0)), to = bound(family, SOCK_DGRAM);
	union name n = loopback(family, to), bad = n, zero = name_lo(family, 0), any = name_any(family, port_of(to)), peer = { 0 };
	socklen_t len = sizeof(peer);

	say_about("%s destination", family_text(family));
	say_rc("sendto", sendto(fd, "hello", 5, 0, &n.sa, name_len(family)));
	say_rc("recvfrom", recvfrom(to, buf, sizeof(buf), 0, &peer.sa, &len));
	say_name("from", &peer, len);
	say("from port agrees", "%d", name_port(&peer) == port_of(fd));
	say_rc("short address", sendto(fd, "x", 1, 0, &n.sa, name_len(family) - 1));
	say_rc("8 octets", sendto(fd, "x", 1, 0, &n.sa, 8));
	say_rc("2 octets", sendto(fd, "x", 1, 0, &n.sa, 2));
	say_rc("long address", sendto(fd, "x", 1, 0, &n.sa, sizeof(n)));
	say_rc("too long", sendto(fd, "x", 1, 0, &n.sa, 1000));
	say_rc("negative", sendto(fd, "x", 1, 0, &n.sa, (socklen_t)-1));
	say_rc("length 0", sendto(fd, "x", 1, 0, &n.sa, 0));
	say_rc("port 0", sendto(fd, "x", 1, 0, &zero.sa, name_len(family)));
	say_rc("wildcard", sendto(fd, "wild", 4, 0, &any.sa, name_len(family)));
	say("wildcard comes", "%d", wait_for(to, POLLIN));
	bad.sa.sa_family = AF_UNIX;
	say_rc("family UNIX", sendto(fd, "x", 1, 0, &bad.sa, name_len(family)));
	bad.sa.sa_family = AF_UNSPEC;
	say_rc("family UNSPEC", sendto(fd, "x", 1, 0, &bad.sa, name_len(family)));
	bad.sa.sa_family = 99;
	say_rc("family 99", sendto(fd, "x", 1, 0, &bad.sa, name_len(family)));
	close(fd);
	close(to);
}

static void connecting(int family)
{
	int fd[3];
	union name n, none = { .sa.sa_family = AF_UNSPEC }, zero = name_lo(family, 0);

	say_about("%s connected", family_text(family));
	udp_pair(family, fd);
	fd[2] = bound(family, SOCK_DGRAM);
	say_peername("peername", fd[0]);
	say_sockname("sockname", fd[0]);
	say_poll("poll", fd[0]);
	n = loopback(family, fd[0]);
	say_rc("stranger sends", sendto(fd[2], "stranger", 8, 0, &n.sa, name_len(family)));
	say_rc("peer sends", send(fd[1], "peer", 4, 0));
	say_rc("recv", recv(fd[0], buf, sizeof(buf), 0));
	say_rc("recv", recv(fd[0], buf, sizeof(buf), MSG_DONTWAIT));
	n = loopback(family, fd[2]);
	say_rc("sendto another", sendto(fd[0], "other", 5, 0, &n.sa, name_len(family)));
	say_rc("it comes", recv(fd[2], buf, sizeof(buf), 0));
	say_rc("connect elsewhere", connect(fd[0], &n.sa, name_len(family)));
	say_rc("send", send(fd[0], "second", 6, 0));
	say_rc("it comes", recv(fd[2], buf, sizeof(buf), 0));
	say_rc("connect short", connect(fd[0], &n.sa, 4));
	say_rc("AF_UNSPEC", connect(fd[0], &none.sa, sizeof(none.sa)));
	say_peername("peername", fd[0]);
	say_sockname("sockname", fd[0]);
	say_rc("send", send(fd[0], "x", 1, 0));
	say_rc("connect to port 0", connect(fd[0], &zero.sa, name_len(family)));
	say_peername("peername", fd[0]);
	say_rc("send", send(fd[0], "x", 1, 0));
	for (int i = 0; i < 3; i++)
		close(fd[i]);
	say_about("%s connect without bind", family_text(family));
	fd[0] = MUST(socket(family, SOCK_DGRAM, 0));
	n = name_lo(family, 9);
	say_rc("connect", connect(fd[0], &n.sa, name_len(family)));
	say_sockname("sockname", fd[0]);
	say_rc("AF_UNSPEC", connect(fd[0], &none.sa, sizeof(none.sa)));
	say_sockname("sockname after", fd[0]);
	close(fd[0]);
}

static void refused(int family)
{
	static const char *const calls[] = { "recv", "send", "SO_ERROR", "read", "peek", "sendto another" };
	union name n = name_lo(family, port_closed(family, SOCK_DGRAM)), other;
	int open_fd = bound(family, SOCK_DGRAM);

	other = loopback(family, open_fd);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		int fd = MUST(socket(family, SOCK_DGRAM, 0));

		say_about("%s refused, told to %s", family_text(family), calls[i]);
		MUST(connect(fd, &n.sa, name_len(family)));
		say_rc("first send", send(fd, "x", 1, 0));
		say_poll("poll", fd);
		switch (i) {
		case 0: say_rc(calls[i], recv(fd, buf, 10, 0)); break;
		case 1: say_rc(calls[i], send(fd, "y", 1, 0)); break;
		case 2: say_error(calls[i], fd); break;
		case 3: say_rc(calls[i], read(fd, buf, 10)); break;
		case 4: say_rc(calls[i], recv(fd, buf, 10, MSG_PEEK | MSG_DONTWAIT)); break;
		case 5: say_rc(calls[i], sendto(fd, "z", 1, 0, &other.sa, name_len(family))); break;
		default: break;
		}
		say_poll("then poll", fd);
		say_rc("then recv", recv(fd, buf, 10, MSG_DONTWAIT));
		say_rc("then send", send(fd, "x", 1, 0));
		say_rc("then recv", recv(fd, buf, 10, MSG_DONTWAIT));
		close(fd);
	}
	int fd = MUST(socket(family, SOCK_DGRAM, 0));
	say_about("%s refused, not connected", family_text(family));
	say_rc("sendto", sendto(fd, "x", 1, 0, &n.sa, name_len(family)));
	say_rc("sendto", sendto(fd, "x", 1, 0, &n.sa, name_len(family)));
	say_rc("recv", recv(fd, buf, 10, MSG_DONTWAIT));
	say_poll("poll", fd);
	close(fd);
	close(open_fd);
}

static void sizes(int family)
{
	static const size_t lens[] = { 0, 1, 1471, 1472, 1473, 9000, 65487, 65488, 65507, 65508, 65527, 65528, 65535, 65536 };
	int fd[2];

	udp_pair(family, fd);
	set_int(fd[0], SOL_SOCKET, SO_SNDBUF, 200000);
	set_int(fd[1], SOL_SOCKET, SO_RCVBUF, 200000);
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		say_about("%s size %zu", family_text(family), lens[i]);
		if (say_rc("send", send(fd[0], buf, lens[i], 0)) >= 0)
			say_rc("recv", recv(fd[1], buf, sizeof(buf), 0));
	}
	close(fd[0]);
	close(fd[1]);
}

static void truncation(int family)
{
	int fd[2], v;
	struct iovec iov[2] = { { buf, 3 }, { buf + 100, 2 } };
	union name n;
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2, .msg_name = &n, .msg_namelen = sizeof(n) };

	say_about("%s truncation", family_text(family));
	udp_pair(family, fd);
	for (int i = 0; i < 10; i++)
		MUST(send(fd[0], "0123456789", 10, 0));
	MUST(ioctl(fd[1], FIONREAD, &v));
	say("FIONREAD", "%d", v);
	say_rc("peek 4", recv(fd[1], buf, 4, MSG_PEEK));
	say_rc("peek trunc 4", recv(fd[1], buf, 4, MSG_PEEK | MSG_TRUNC));
	say_rc("recv 4", recv(fd[1], buf, 4, 0));
	say_rc("trunc 4", recv(fd[1], buf, 4, MSG_TRUNC));
	say_rc("recv 0", recv(fd[1], buf, 0, 0));
	say_rc("trunc 0", recv(fd[1], buf, 0, MSG_TRUNC));
	say_rc("recvmsg", recvmsg(fd[1], &m, 0));
	say("flags", "%#x namelen %u", m.msg_flags, m.msg_namelen);
	say_rc("recvmsg trunc", recvmsg(fd[1], &m, MSG_TRUNC));
	say("flags", "%#x", m.msg_flags);
	say_rc("recvmsg peek", recvmsg(fd[1], &m, MSG_PEEK));
	say("flags", "%#x", m.msg_flags);
	iov[1].iov_len = 20;
	m.msg_namelen = 4;
	m.msg_flags = 0xffff;
	say_rc("recvmsg whole", recvmsg(fd[1], &m, 0));
	say("flags", "%#x namelen %u", m.msg_flags, m.msg_namelen);
	m.msg_name = NULL;
	m.msg_namelen = 33;
	say_rc("recvmsg no name", recvmsg(fd[1], &m, 0));
	say("namelen", "%u", m.msg_namelen);
	say_rc("readv", readv(fd[1], iov, 2));
	say_rc("waitall", recv(fd[1], buf, 100, MSG_WAITALL | MSG_DONTWAIT));
	say_rc("empty", recv(fd[1], buf, 100, MSG_DONTWAIT));
	MUST(send(fd[0], "", 0, 0));
	say_poll("empty datagram poll", fd[1]);
	MUST(ioctl(fd[1], FIONREAD, &v));
	say("empty datagram FIONREAD", "%d", v);
	say_rc("empty datagram", recv(fd[1], buf, 100, MSG_DONTWAIT));
	say_rc("none", recv(fd[1], buf, 100, MSG_DONTWAIT));
	close(fd[0]);
	close(fd[1]);
}

static void shut(int family)
{
	int fd[2];

	say_about("%s shutdown", family_text(family));
	udp_pair(family, fd);
	MUST(send(fd[1], "before", 6, 0));
	say_rc("RD", shutdown(fd[0], SHUT_RD));
	say_poll("poll", fd[0]);
	say_rc("recv", recv(fd[0], buf, 10, 0));
	say_rc("recv", recv(fd[0], buf, 10, 0));
	say_rc("peer sends", send(fd[1], "after", 5, 0));
	say_rc("recv", recv(fd[0], buf, 10, MSG_DONTWAIT));
	say_rc("send", send(fd[0], "x", 1, 0));
	say_rc("WR", shutdown(fd[0], SHUT_WR));
	say_poll("poll", fd[0]);
	say_rc("send", send(fd[0], "x", 1, MSG_NOSIGNAL));
	say_rc("7", shutdown(fd[0], 7));
	close(fd[0]);
	close(fd[1]);
}

/* An IPv6 socket that talks IPv4 too, and one that does not. */
static void dual(void)
{
	int six = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), four = bound(AF_INET, SOCK_DGRAM), only;
	union name any = name_any(AF_INET6, 0), n, mapped, peer = { 0 };
	socklen_t len = sizeof(peer);

	say_about("dual stack");
	MUST(bind(six, &any.sa, sizeof(any.in6)));
	n = name_lo(AF_INET, port_of(six));
	say_rc("four to six", sendto(four, "hello", 5, 0, &n.sa, sizeof(n.in)));
	say_rc("recvfrom", recvfrom(six, buf, 10, 0, &peer.sa, &len));
	say_name("from", &peer, len);
	mapped = name_of(AF_INET6, "::ffff:127.0.0.1", port_of(four));
	say_rc("six to four", sendto(six, "world", 5, 0, &mapped.sa, sizeof(mapped.in6)));
	len = sizeof(peer);
	say_rc("recvfrom", recvfrom(four, buf, 10, 0, &peer.sa, &len));
	say_name("from", &peer, len);
	n = name_lo(AF_INET, port_of(four));
	say_rc("six sends to sockaddr_in", sendto(six, "four!", 5, 0, &n.sa, sizeof(n.in)));
	say_rc("connect mapped", connect(six, &mapped.sa, sizeof(mapped.in6)));
	say_peername("peername", six);
	say_sockname("sockname", six);
	n = name_of(AF_INET6, "::1", 9);
	say_rc("then to ::1", sendto(six, "x", 1, 0, &n.sa, sizeof(n.in6)));
	only = MUST(socket(AF_INET6, SOCK_DGRAM, 0));
	set_int(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	say_rc("V6ONLY to mapped", sendto(only, "x", 1, 0, &mapped.sa, sizeof(mapped.in6)));
	say_rc("V6ONLY connect mapped", connect(only, &mapped.sa, sizeof(mapped.in6)));
	say_rc("V6ONLY bind mapped", bind(only, &mapped.sa, sizeof(mapped.in6)));
	close(six);
	close(four);
	close(only);
}

static void say_control(struct msghdr *m)
{
	int n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c), n++) {
		char name[64];
		int v = 0;

		snprintf(name, sizeof(name), "cmsg %d", n);
		if (c->cmsg_len == CMSG_LEN(4) || c->cmsg_len == CMSG_LEN(1))
			memcpy(&v, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		say(name, "level %d type %d len %zu value %d", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len, v);
	}
	say("control", "%d messages, len %zu, flags %#x", n, (size_t)m->msg_controllen, m->msg_flags);
}

static void ancillary(int family)
{
	static const struct { int family, level, name; const char *text; } o[] = {
		{ AF_INET, IPPROTO_IP, IP_PKTINFO, "IP_PKTINFO" }, { AF_INET, IPPROTO_IP, IP_RECVTTL, "IP_RECVTTL" },
		{ AF_INET, IPPROTO_IP, IP_RECVTOS, "IP_RECVTOS" }, { AF_INET6, IPPROTO_IPV6, IPV6_RECVPKTINFO, "IPV6_RECVPKTINFO" },
		{ AF_INET6, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, "IPV6_RECVHOPLIMIT" }, { AF_INET6, IPPROTO_IPV6, IPV6_RECVTCLASS, "IPV6_RECVTCLASS" },
	};
	char control[256] __attribute__((aligned(8)));
	struct iovec iov = { buf, 100 };
	int fd[2];

	udp_pair(family, fd);
	for (size_t i = 0; i < sizeof(o) / sizeof(*o); i++) {
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
		int one = 1;

		if (o[i].family != family)
			continue;
		say_about("%s ancillary %s", family_text(family), o[i].text);
		say_rc("set", setsockopt(fd[1], o[i].level, o[i].name, &one, sizeof(one)));
		MUST(send(fd[0], "data", 4, 0));
		say_rc("recvmsg", recvmsg(fd[1], &m, 0));
		say_control(&m);
		MUST(send(fd[0], "data", 4, 0));
		m.msg_controllen = 17;
		say_rc("recvmsg, 17 octets", recvmsg(fd[1], &m, 0));
		say("flags", "%#x len %zu", m.msg_flags, (size_t)m.msg_controllen);
		MUST(send(fd[0], "data", 4, 0));
		m.msg_controllen = 0;
		say_rc("recvmsg, 0 octets", recvmsg(fd[1], &m, 0));
		say("flags", "%#x len %zu", m.msg_flags, (size_t)m.msg_controllen);
		one = 0;
		setsockopt(fd[1], o[i].level, o[i].name, &one, sizeof(one));
	}
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	say_about("%s ancillary none", family_text(family));
	MUST(send(fd[0], "data", 4, 0));
	say_rc("recvmsg", recvmsg(fd[1], &m, 0));
	say_control(&m);
	close(fd[0]);
	close(fd[1]);
}

static void send_control(int family)
{
	char control[64] __attribute__((aligned(8))) = { 0 };
	struct iovec iov = { buf, 4 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *c = (struct cmsghdr *)control;
	int fd[2], v = 9;

	say_about("%s control sent", family_text(family));
	udp_pair(family, fd);
	m.msg_controllen = 3;
	say_rc("3 octets", sendmsg(fd[0], &m, 0));
	m.msg_controllen = sizeof(*c);
	c->cmsg_len = 3;
	say_rc("cmsg_len 3", sendmsg(fd[0], &m, 0));
	c->cmsg_len = 100;
	say_rc("cmsg_len 100", sendmsg(fd[0], &m, 0));
	c->cmsg_len = CMSG_LEN(sizeof(int));
	m.msg_controllen = CMSG_SPACE(sizeof(int));
	c->cmsg_level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = 9999;
	say_rc("unknown type", sendmsg(fd[0], &m, 0));
	c->cmsg_level = 77;
	say_rc("unknown level", sendmsg(fd[0], &m, 0));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(c), &fd[0], sizeof(int));
	say_rc("SCM_RIGHTS", sendmsg(fd[0], &m, 0));
	c->cmsg_level = family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = family == AF_INET ? IP_TTL : IPV6_HOPLIMIT;
	memcpy(CMSG_DATA(c), &v, sizeof(v));
	say_rc("TTL 9", sendmsg(fd[0], &m, 0));
	v = 256;
	memcpy(CMSG_DATA(c), &v, sizeof(v));
	say_rc("TTL 256", sendmsg(fd[0], &m, 0));
	m.msg_iovlen = 2000;
	say_rc("too many pieces", sendmsg(fd[0], &m, 0));
	close(fd[0]);
	close(fd[1]);
}

/* Control messages of the other family's, sources that are none, and in which order Linux complains. */
static void sources(int family, bool mapped)
{
	static const char *const text[] = { "::", "::1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::ffff:1.2.3.4", "::ffff:255.255.255.255", "::ffff:224.0.0.1" };
	union { struct cmsghdr h; char at[CMSG_SPACE(sizeof(struct in6_pktinfo))]; } c;
	struct iovec iov = { buf, 4 };
	union name n = mapped ? name_of(AF_INET6, "::ffff:127.0.0.1", 9) : name_lo(family, 9);
	int fd = MUST(socket(family, SOCK_DGRAM, 0));

	say_about("%s%s sources", family_text(family), mapped ? ", mapped" : "");
	for (int i = 0; i < 28; i++) {
		struct in6_pktinfo six = { 0 };
		struct in_pktinfo four = { 0 };
		struct msghdr m = { .msg_name = &n, .msg_namelen = name_len(family), .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c };
		bool is_six = i & 1, oob = i % 4 / 2;
		char what[64];

		inet_pton(AF_INET6, text[i / 4], &six.ipi6_addr);
		memcpy(&four.ipi_spec_dst, &six.ipi6_addr.s6_addr[12], 4);
		memset(&c, 0, sizeof(c));
		c.h = is_six ? (struct cmsghdr){ CMSG_LEN(sizeof(six)), IPPROTO_IPV6, IPV6_PKTINFO }
			     : (struct cmsghdr){ CMSG_LEN(sizeof(four)), IPPROTO_IP, IP_PKTINFO };
		memcpy(CMSG_DATA(&c.h), is_six ? (void *)&six : (void *)&four, is_six ? sizeof(six) : sizeof(four));
		m.msg_controllen = CMSG_SPACE(is_six ? sizeof(six) : sizeof(four));
		snprintf(what, sizeof(what), "%s %s%s", is_six ? "IPV6_PKTINFO" : "IP_PKTINFO", text[i / 4], oob ? " urgent" : "");
		say_rc(what, sendmsg(fd, &m, oob ? MSG_OOB : 0));
		m.msg_namelen = 0;
		say_rc("without a name", sendmsg(fd, &m, 0));
	}
	close(fd);
}

/* What goes at once in segments: Linux counts them. */
static void segments(int family)
{
	int fd[2];

	say_about("%s segments of one octet", family_text(family));
	udp_pair(family, fd);
	set_int(fd[0], IPPROTO_UDP, 103 /* UDP_SEGMENT */, 1);
	say_rc("64", send(fd[0], buf, 64, 0));
	say_rc("128", send(fd[0], buf, 128, 0));
	say_rc("129", send(fd[0], buf, 129, 0));
	close(fd[0]);
	close(fd[1]);
}

static void many(int family)
{
	struct mmsghdr mm[4] = { 0 };
	struct iovec iov[4];
	struct timespec soon = { 0, 1000000 };
	int fd[2];

	say_about("%s sendmmsg", family_text(family));
	udp_pair(family, fd);
	for (int i = 0; i < 4; i++) {
		iov[i] = (struct iovec){ buf + 100 * i, (size_t)i + 1 };
		mm[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	say_rc("sendmmsg", sendmmsg(fd[0], mm, 4, 0));
	say("lengths", "%u %u %u %u", mm[0].msg_len, mm[1].msg_len, mm[2].msg_len, mm[3].msg_len);
	for (int i = 0; i < 4; i++)
		iov[i].iov_len = 3;
	say_rc("recvmmsg 2", recvmmsg(fd[1], mm, 2, 0, NULL));
	say_rc("recvmmsg all", recvmmsg(fd[1], mm, 4, MSG_DONTWAIT, NULL));
	say("lengths", "%u %u flags %#x %#x", mm[0].msg_len, mm[1].msg_len, mm[0].msg_hdr.msg_flags, mm[1].msg_hdr.msg_flags);
	say_rc("recvmmsg none", recvmmsg(fd[1], mm, 4, MSG_DONTWAIT, NULL));
	MUST(send(fd[0], "x", 1, 0));
	say_rc("waitforone", recvmmsg(fd[1], mm, 4, MSG_WAITFORONE, NULL));
	MUST(send(fd[0], "x", 1, 0));
	MUST(send(fd[0], "x", 1, 0));
	say_rc("timeout", recvmmsg(fd[1], mm, 2, 0, &soon));
	say_rc("vlen 0", sendmmsg(fd[0], mm, 0, 0));
	mm[1].msg_hdr.msg_iov = (void *)8;
	say_rc("bad second", sendmmsg(fd[0], mm, 4, 0));
	mm[0].msg_hdr.msg_iov = (void *)8;
	say_rc("bad first", sendmmsg(fd[0], mm, 4, 0));
	close(fd[0]);
	close(fd[1]);
}

/* More than the receiver holds is dropped in silence, and the order of the rest kept. */
static void overflow(int family)
{
	int fd[2], n = 0, last = -1, sent = 0, v;
	bool ordered = true;

	say_about("%s overflow", family_text(family));
	udp_pair(family, fd);
	set_int(fd[1], SOL_SOCKET, SO_RCVBUF, 20000);
	memset(buf, 0, 1000);
	for (int i = 0; i < 1000; i++) {
		memcpy(buf, &i, sizeof(i));
		sent += send(fd[0], buf, 1000, 0) == 1000;
	}
	say("sent", "%d", sent);
	while (recv(fd[1], buf, sizeof(buf), MSG_DONTWAIT) == 1000) {
		memcpy(&v, buf, sizeof(v));
		ordered &= v > last;
		last = v;
		n++;
	}
	say("received some", "%d", n > 3 && n < 100);
	say("ordered", "%d", ordered);
	say_error("SO_ERROR", fd[1]);
	close(fd[0]);
	close(fd[1]);
}

static void routes(void)
{
	static const struct { int family; const char *to; } d[] = {
		{ AF_INET, "127.0.0.1" }, { AF_INET, "127.1.2.3" }, { AF_INET, "0.0.0.0" }, { AF_INET, "127.255.255.255" },
		{ AF_INET6, "::1" }, { AF_INET6, "::" }, { AF_INET6, "fe80::1" }, { AF_INET6, "::ffff:127.0.0.1" },
	};

	for (size_t i = 0; i < sizeof(d) / sizeof(*d); i++) {
		int fd = MUST(socket(d[i].family, SOCK_DGRAM, 0));
		union name n = name_of(d[i].family, d[i].to, 9);

		say_about("to %s", d[i].to);
		if (say_rc("connect", connect(fd, &n.sa, name_len(d[i].family))) == 0) {
			say_sockname("sockname", fd);
			say_peername("peername", fd);
		}
		close(fd);
	}
}

/* A socket that IPv6 alone has refuses AF_INET before it looks at the length. */
static void own_family(void)
{
	int fd = bound(AF_INET6, SOCK_DGRAM);
	union name n = name_lo(AF_INET, 9);

	say_about("IPv6 alone");
	for (socklen_t len = 0; len <= sizeof(n.in); len += 4) {
		char what[32];

		snprintf(what, sizeof(what), "connect %u", len);
		say_rc(what, connect(fd, &n.sa, len));
		snprintf(what, sizeof(what), "sendto %u", len);
		say_rc(what, sendto(fd, "x", 1, 0, &n.sa, len));
	}
	close(fd);
}

/* Linux's IPv4 minds MSG_OOB and its IPv6 does not: the name says which of them it is, and to no address in particular the socket's own. */
static void urgent(void)
{
	static const char *const to[] = { "::", "::1", "::ffff:127.0.0.1" };

	for (int connected = 0; connected < 2; connected++)
		for (size_t i = 0; i < sizeof(to) / sizeof(*to); i++) {
			int fd = MUST(socket(AF_INET6, SOCK_DGRAM, 0)), other = bound(AF_INET, SOCK_DGRAM);
			union name n = name_of(AF_INET6, "::ffff:127.0.0.1", port_of(other));

			say_about("urgent to %s%s", to[i], connected ? ", connected to IPv4" : "");
			if (connected)
				MUST(connect(fd, &n.sa, sizeof(n.in6)));
			n = name_of(AF_INET6, to[i], port_of(other));
			say_rc("sendto", sendto(fd, "x", 1, MSG_OOB, &n.sa, sizeof(n.in6)));
			close(fd);
			close(other);
		}
}

int main(void)
{
	static const int families[] = { AF_INET, AF_INET6 };

	say_start();
	for (int i = 0; i < 2; i++) {
		int f = families[i];

		fresh(f);
		addresses(f);
		connecting(f);
		refused(f);
		sizes(f);
		truncation(f);
		shut(f);
		ancillary(f);
		send_control(f);
		sources(f, false);
		segments(f);
		many(f);
		overflow(f);
	}
	dual();
	sources(AF_INET6, true);
	own_family();
	urgent();
	routes();
	return 0;
}
