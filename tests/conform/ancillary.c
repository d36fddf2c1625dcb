/* Control messages: of each option that asks for them, in room of every size; and what a send makes of each level, kind and length. */
#include "say.h"
#include <netinet/udp.h>
#ifndef SO_RCVPRIORITY
#define SO_RCVPRIORITY 82
#endif

static const struct { const char *text; int level, name; } asks[] = {
	{ "IP_PKTINFO", IPPROTO_IP, IP_PKTINFO },
	{ "IP_RECVTTL", IPPROTO_IP, IP_RECVTTL },
	{ "IP_RECVTOS", IPPROTO_IP, IP_RECVTOS },
	{ "IP_RECVOPTS", IPPROTO_IP, IP_RECVOPTS },
	{ "IP_RECVORIGDSTADDR", IPPROTO_IP, IP_RECVORIGDSTADDR },
	{ "IPV6_RECVPKTINFO", IPPROTO_IPV6, IPV6_RECVPKTINFO },
	{ "IPV6_RECVHOPLIMIT", IPPROTO_IPV6, IPV6_RECVHOPLIMIT },
	{ "IPV6_RECVTCLASS", IPPROTO_IPV6, IPV6_RECVTCLASS },
	{ "IPV6_RECVORIGDSTADDR", IPPROTO_IPV6, IPV6_RECVORIGDSTADDR },
	{ "SO_TIMESTAMP", SOL_SOCKET, SO_TIMESTAMP },
	{ "SO_TIMESTAMPNS", SOL_SOCKET, SO_TIMESTAMPNS },
	{ "SO_RXQ_OVFL", SOL_SOCKET, SO_RXQ_OVFL },
};
enum way { V4, V6, MAPPED, WAYS };
static const char *const ways[] = { "v4", "v6", "v4 to v6" };

/* A port in a name is another in each run, and so is a time. */
static bool varies(const struct cmsghdr *c)
{
	return c->cmsg_level == SOL_SOCKET && (c->cmsg_type == SO_TIMESTAMP || c->cmsg_type == SO_TIMESTAMPNS);
}

static bool is_name(const struct cmsghdr *c)
{
	return (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_ORIGDSTADDR) || (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_ORIGDSTADDR);
}

static void say_control(struct msghdr *m)
{
	char text[600] = "";

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t n = varies(c) ? 0 : c->cmsg_len - CMSG_LEN(0);
		snprintf(text + strlen(text), 64, " %d/%d, %zu:", c->cmsg_level, c->cmsg_type, (size_t)c->cmsg_len);
		for (size_t i = 0; i < n; i++)
			snprintf(text + strlen(text), 4, "%02x", is_name(c) && (i == 2 || i == 3) ? 0xee : CMSG_DATA(c)[i]);
	}
	say("control", "%zu octets, flags %#x%s", (size_t)m->msg_controllen, m->msg_flags, text);
}

static void way_made(enum way w, int fd[2])
{
	union name any = name_any(AF_INET6, 0);

	fd[0] = w == MAPPED ? MUST(socket(AF_INET6, SOCK_DGRAM, 0)) : bound(w == V6 ? AF_INET6 : AF_INET, SOCK_DGRAM);
	if (w == MAPPED)
		MUST(bind(fd[0], &any.sa, sizeof(any.in6)));
	fd[1] = connected_to(w == V6 ? AF_INET6 : AF_INET, SOCK_DGRAM, port_of(fd[0]));
}

static void receives(enum way w, size_t ask)
{
	static const size_t rooms[] = { 0, 1, 15, 16, 17, 20, 24, 28, 32, 256 };
	int fd[2], one = 1;

	way_made(w, fd);
	say_about("%s, %s", ways[w], asks[ask].text);
	say_rc("set", setsockopt(fd[0], asks[ask].level, asks[ask].name, &one, sizeof(one)));
	set_int(fd[1], IPPROTO_IP, IP_TTL, 77);
	set_int(fd[1], IPPROTO_IP, IP_TOS, 0x28);
	if (w == V6) {
		set_int(fd[1], IPPROTO_IPV6, IPV6_UNICAST_HOPS, 66);
		set_int(fd[1], IPPROTO_IPV6, IPV6_TCLASS, 0x30);
	}
	for (size_t i = 0; i < sizeof(rooms) / sizeof(*rooms); i++) {
		char buf[4], control[256];
		struct iovec iov = { buf, sizeof(buf) };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = rooms[i] };
		MUST(send(fd[1], "hello", 5, 0));
		wait_for(fd[0], POLLIN);
		say_rc("recvmsg", recvmsg(fd[0], &m, 0));
		say_control(&m);
	}
	close(fd[0]);
	close(fd[1]);
}

/* Answers to values of 0, -1 and 1, and what stands behind the length is 0. */
static void sends(enum way w, int level, int type)
{
	static const size_t lengths[] = { 0, 15, 16, 17, 20, 24, 28, 36 };
	static const int values[] = { 0, -1, 1 };
	int fd[2];
	char line[512] = "";

	way_made(w, fd);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		for (size_t j = 0; j < 3; j++) {
			union { struct cmsghdr h; char room[64]; } c = { .h = { lengths[i], level, type } };
			struct iovec iov = { "x", 1 };
			struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = lengths[i] < 16 ? 16 : lengths[i] };
			memcpy(CMSG_DATA(&c.h), &values[j], sizeof(values[j]));
			snprintf(line + strlen(line), 20, " %s", sendmsg(fd[1], &m, 0) < 0 ? say_errno(errno) : "ok");
		}
	say_about("%s, sent", ways[w]);
	char what[32];
	snprintf(what, sizeof(what), "%d/%d", level, type);
	say(what, "%s", line);
	close(fd[0]);
	close(fd[1]);
}

/* One datagram with a control message or two, and what its receiver hears of its priority. */
static void prefers(int fd[2], const char *what, int level, int type, int value, int priority)
{
	union { struct cmsghdr h; char room[64]; } c = { .h = { CMSG_LEN(sizeof(int)), level, type } };
	char buf[4], control[256];
	struct iovec v = { "x", 1 }, in = { buf, sizeof(buf) };
	struct msghdr out = { .msg_iov = &v, .msg_iovlen = 1 },
		m = { .msg_iov = &in, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };

	if (level) {
		memcpy(CMSG_DATA(&c.h), &value, sizeof(value));
		out.msg_control = &c;
		out.msg_controllen = CMSG_SPACE(sizeof(int));
	}
	if (priority) {
		struct cmsghdr *h = (struct cmsghdr *)(c.room + CMSG_SPACE(sizeof(int)));
		*h = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SO_PRIORITY };
		memcpy(CMSG_DATA(h), &priority, sizeof(priority));
		out.msg_controllen += CMSG_SPACE(sizeof(int));
	}
	say_rc(what, sendmsg(fd[1], &out, 0));
	if (say_rc("recvmsg", recvmsg(fd[0], &m, MSG_DONTWAIT)) >= 0)
		say_control(&m);
}

static void priorities(enum way w)
{
	int fd[2];

	way_made(w, fd);
	say_about("%s SO_RCVPRIORITY", ways[w]);
	set_int(fd[0], SOL_SOCKET, SO_RCVPRIORITY, 1);
	prefers(fd, "none", 0, 0, 0, 0);
	set_int(fd[1], SOL_SOCKET, SO_PRIORITY, 5);
	prefers(fd, "SO_PRIORITY", 0, 0, 0, 0);
	prefers(fd, "message", SOL_SOCKET, SO_PRIORITY, 3, 0);
	prefers(fd, "once more", 0, 0, 0, 0);
	prefers(fd, "too much", SOL_SOCKET, SO_PRIORITY, 7, 0);
	if (w != V6) {
		prefers(fd, "message's TOS", IPPROTO_IP, IP_TOS, 0x10, 0);
		prefers(fd, "TOS, then a priority", IPPROTO_IP, IP_TOS, 0x10, 1);
		set_int(fd[1], IPPROTO_IP, IP_TOS, 8);
	} else {
		prefers(fd, "message's class", IPPROTO_IPV6, IPV6_TCLASS, 0x10, 0);
		set_int(fd[1], IPPROTO_IPV6, IPV6_TCLASS, 8);
	}
	prefers(fd, "TOS", 0, 0, 0, 0);
	close(fd[0]);
	close(fd[1]);
}

/* Two things are wrong with a datagram, its port and the interface of its control message: which one is told? */
static void to_no_port(int family, in_port_t port)
{
	union { struct cmsghdr h; char room[64]; } c = { .h = { CMSG_LEN(sizeof(struct in_pktinfo)), IPPROTO_IP, IP_PKTINFO } };
	struct in_pktinfo info = { .ipi_ifindex = 278 };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct iovec v = { "x", 1 };
	struct msghdr m = { &to, sizeof(to), &v, 1, &c, CMSG_SPACE(sizeof(info)), 0 };
	int fd = socket(family, SOCK_DGRAM, 0);

	say_about("an interface that is not there, %s, port %d", family == AF_INET ? "v4" : "v6", port);
	memcpy(CMSG_DATA(&c.h), &info, sizeof(info));
	say_rc("sendmsg", sendmsg(fd, &m, 0));
	close(fd);
}

/* IP_PKTINFO speaks of the source, if only to leave it open. */
static void source_left_open(void)
{
	union { struct cmsghdr h; char octets[CMSG_SPACE(sizeof(struct in_pktinfo))]; } control = {0};
	union name from = name_of(AF_INET, "127.0.0.2", 0), to;
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int fd[2] = { MUST(socket(AF_INET, SOCK_DGRAM, 0)), bound(AF_INET, SOCK_DGRAM) };
	socklen_t len = sizeof(to);
	char octet;

	control.h.cmsg_level = IPPROTO_IP, control.h.cmsg_type = IP_PKTINFO, control.h.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
	MUST(bind(fd[0], &from.sa, sizeof(from.in)));
	to = name_lo(AF_INET, port_of(fd[1]));
	m.msg_name = &to, m.msg_namelen = sizeof(to.in);
	say_about("a source left open");
	say_rc("send", sendmsg(fd[0], &m, 0));
	MUST(recvfrom(fd[1], &octet, 1, MSG_DONTWAIT, &from.sa, &len));
	say_name("from", &from, len);
	close(fd[0]), close(fd[1]);
}

int main(void)
{
	static const struct { int level, type; } kinds[] = {
		{ IPPROTO_IP, 0 }, { IPPROTO_IP, IP_TOS }, { IPPROTO_IP, IP_TTL }, { IPPROTO_IP, IP_PKTINFO }, { IPPROTO_IP, IP_RECVTTL },
		{ IPPROTO_IP, 99 }, { IPPROTO_IPV6, IPV6_HOPLIMIT }, { IPPROTO_IPV6, IPV6_TCLASS }, { IPPROTO_IPV6, IPV6_DONTFRAG },
		{ IPPROTO_IPV6, 99 }, { IPPROTO_TCP, 1 }, { 99, 1 },
		{ IPPROTO_UDP, UDP_SEGMENT }, { SOL_SOCKET, SCM_RIGHTS }, { SOL_SOCKET, SO_MARK }, { SOL_SOCKET, 99 },
	};

	say_start();
	for (int w = 0; w < WAYS; w++) {
		for (size_t i = 0; i < sizeof(asks) / sizeof(*asks); i++)
			receives((enum way)w, i);
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			sends((enum way)w, kinds[i].level, kinds[i].type);
		priorities((enum way)w);
	}
	for (in_port_t port = 0; port < 2; port++) {
		to_no_port(AF_INET, port);
		to_no_port(AF_INET6, port);
	}
	sends(V4, IPPROTO_IPV6, IPV6_PKTINFO);   /* of another level, to a socket of IPv4 */
	source_left_open();
	return 0;
}
