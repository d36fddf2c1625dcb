/*
 * Where more than one thing is wrong, or an option meets a socket of another kind: what is looked at first. Options of every level on Unix sockets,
 * groups that are named at the level of the other family, pointers to nowhere; vectors, control messages, files' flags.
 */
#include "say.h"
#include <net/if.h>
#include <netinet/udp.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/un.h>

#define N(a) (sizeof(a) / sizeof(*(a)))
#define BAD ((void *)1)

static const struct { const char *text; int family, type; } kinds[] = {
	{ "unix", AF_UNIX, SOCK_STREAM }, { "unix dgram", AF_UNIX, SOCK_DGRAM }, { "tcp4", AF_INET, SOCK_STREAM }, { "tcp6", AF_INET6, SOCK_STREAM },
	{ "udp4", AF_INET, SOCK_DGRAM }, { "udp6", AF_INET6, SOCK_DGRAM },
};

static int make(size_t kind) { return MUST(socket(kinds[kind].family, kinds[kind].type | SOCK_NONBLOCK, 0)); }

/* One of each sort of value at each level, of which nothing can be read. */
static void unread(int fd)
{
	static const struct { int level, name; } some[] = {
		{ SOL_SOCKET, SO_DEBUG }, { SOL_SOCKET, SO_RCVTIMEO }, { SOL_SOCKET, SO_BINDTODEVICE }, { SOL_SOCKET, 51 }, { SOL_SOCKET, 68 }, { SOL_SOCKET, 80 },
		{ IPPROTO_IP, IP_TTL }, { IPPROTO_IP, IP_OPTIONS }, { IPPROTO_IP, IP_ADD_MEMBERSHIP }, { IPPROTO_IP, IP_BLOCK_SOURCE }, { IPPROTO_IP, MCAST_JOIN_GROUP },
		{ IPPROTO_IP, 200 /* MRT_INIT */ }, { IPPROTO_IP, 206 }, { IPPROTO_IPV6, IPV6_V6ONLY }, { IPPROTO_IPV6, IPV6_2292PKTOPTIONS },
		{ IPPROTO_IPV6, IPV6_JOIN_GROUP }, { IPPROTO_IPV6, MCAST_JOIN_GROUP }, { IPPROTO_IPV6, MCAST_LEAVE_SOURCE_GROUP }, { IPPROTO_IPV6, MCAST_MSFILTER },
		{ IPPROTO_IPV6, IPV6_PKTINFO }, { IPPROTO_IPV6, 75 /* IPV6_TRANSPARENT */ }, { IPPROTO_IPV6, 76 /* IPV6_UNICAST_IF */ }, { IPPROTO_IPV6, 203 },
		{ IPPROTO_TCP, TCP_NODELAY }, { IPPROTO_UDP, 1 }, { 4242, 1 },
	};
	static const socklen_t lens[] = { 0, 2, 3, 4, 8, 12, 20, 41, 136, 144, 264, 300 };

	for (size_t i = 0; i < N(some); i++) {
		char what[64], text[400];
		size_t at = 0;
		for (size_t j = 0; j < N(lens); j++) {
			int none = setsockopt(fd, some[i].level, some[i].name, NULL, lens[j]) < 0 ? errno : 0;
			int bad = setsockopt(fd, some[i].level, some[i].name, BAD, lens[j]) < 0 ? errno : 0;
			at += (size_t)snprintf(text + at, sizeof(text) - at, " %s/%s", say_errno(none), say_errno(bad));
		}
		snprintf(what, sizeof(what), "unread %d %d", some[i].level, some[i].name);
		say(what, "%s", text);
	}
}

/* Those that sockets of the other kinds have. */
static void foreign(int fd)
{
	static const int names[] = { 51, 68, 74 /* SO_TXREHASH */, 80 /* SO_DEVMEM_DONTNEED */ };
	static const int lens[] = { 4, 16, -1 };

	for (size_t i = 0; i < N(names); i++)
		for (size_t j = 0; j < N(lens); j++) {
			char what[64], value[16] = { 0 };
			socklen_t len = (socklen_t)lens[j];
			snprintf(what, sizeof(what), "foreign %d of %d", names[i], lens[j]);
			say_rc(what, setsockopt(fd, SOL_SOCKET, names[i], value, len));
			say_rc(what, getsockopt(fd, SOL_SOCKET, names[i], value, &len));
		}
	for (int name = 200; name < 213; name += 6) {
		socklen_t len = (socklen_t)-1;
		say_rc("MRT of no length", getsockopt(fd, IPPROTO_IP, name, say_context, &len));
	}
}

/* ---- groups ---- */

static void group_of(int family, unsigned last, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (family == AF_INET)
		*(struct sockaddr_in *)ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(last ? 0xe0000100 + last : INADDR_LOOPBACK) };
	else
		*(struct sockaddr_in6 *)ret = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	if (family == AF_INET6 && last)
		((struct sockaddr_in6 *)ret)->sin6_addr = (struct in6_addr){ .s6_addr = { 0xff, 2, [15] = (uint8_t)last } };
}

/* Groups of either family, and what is no group, at both levels, on interfaces that are there and not. */
static void groups(int fd, int level)
{
	static const int families[] = { AF_INET, AF_INET6 }, indexes[] = { 1, 99 };

	for (int which = 0; which < 8; which++) {
		int family = families[which & 1], index = indexes[which >> 1 & 1];
		struct group_source_req q = { .gsr_interface = (unsigned)index };
		char what[64], text[400];
		size_t at = 0;
		group_of(family, which < 4 ? 5 : 0, &q.gsr_group);
		group_of(family, 0, &q.gsr_source);
		for (int name = MCAST_JOIN_GROUP; name <= MCAST_LEAVE_SOURCE_GROUP; name++)
			for (int longer = 0; longer < 2; longer++) {
				size_t len = (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP ? sizeof(struct group_req) : sizeof(q)) - (size_t)longer;
				int err = setsockopt(fd, level, name, &q, (socklen_t)len) < 0 ? errno : 0;
				at += (size_t)snprintf(text + at, sizeof(text) - at, " %s", say_errno(err));
			}
		snprintf(what, sizeof(what), "level %d family %d index %d %s", level, family, index, which < 4 ? "group" : "host");
		say(what, "%s", text);
	}
}

static void longer(int fd)
{
	char value[512] = { 0 };
	struct group_source_req *q = (struct group_source_req *)value;

	q->gsr_interface = 1;
	group_of(AF_INET, 6, &q->gsr_group);
	group_of(AF_INET, 0, &q->gsr_source);
	say_rc("IP: longer than it is", setsockopt(fd, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP, value, sizeof(value)));
	say_rc("IP: shorter by an octet, unread", setsockopt(fd, IPPROTO_IP, IP_BLOCK_SOURCE, NULL, sizeof(struct ip_mreq_source) - 1));
	group_of(AF_INET6, 6, &q->gsr_group);
	group_of(AF_INET6, 0, &q->gsr_source);
	for (int level = IPPROTO_IP; level <= IPPROTO_IPV6; level += IPPROTO_IPV6 - IPPROTO_IP)
		for (socklen_t len = 100; len < 200; len += 50)
			say_rc("a filter that can't be read", getsockopt(fd, level, MCAST_MSFILTER, BAD, &len));
	say_rc("IP: a filter that can't be read", getsockopt(fd, IPPROTO_IP, IP_MSFILTER, BAD, &(socklen_t){ 16 }));
	say_rc("IPV6: longer than it is", setsockopt(fd, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP, value, sizeof(value)));
	memset(value, 0, sizeof(value));
	say_rc("IPV6: a filter of no family", setsockopt(fd, IPPROTO_IPV6, MCAST_MSFILTER, value, 264));
}

/* What IPv4's older struct says of a group: no group, no such interface, not joined. */
static void older(int fd)
{
	static const struct { uint32_t group; int index; } some[] = { { 0xe0000105, 1 }, { 0xe0000105, 99 }, { INADDR_LOOPBACK, 1 }, { INADDR_LOOPBACK, 99 } };

	for (size_t i = 0; i < N(some); i++) {
		struct ip_mreqn m = { .imr_multiaddr.s_addr = htonl(some[i].group), .imr_ifindex = some[i].index };
		struct ipv6_mreq m6 = { .ipv6mr_multiaddr.s6_addr = { some[i].group >> 28 == 14 ? 0xff : 0, 2, [15] = 7 }, .ipv6mr_interface = (unsigned)some[i].index };
		say_rc("IP drops", setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &m, sizeof(m)));
		say_rc("IP adds", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)));
		say_rc("IPV6 drops", setsockopt(fd, IPPROTO_IPV6, IPV6_LEAVE_GROUP, &m6, sizeof(m6)));
		say_rc("IPV6 adds", setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof(m6)));
	}
}

/* ---- a peer that is gone ---- */

static void peer_say(int fd, const char *what)
{
	char name[128];
	socklen_t len = 8;
	int r = getsockopt(fd, SOL_SOCKET, SO_PEERNAME, name, &len);

	say(what, "%s, %u", say_errno(r < 0 ? errno : 0), len);
}

static void peers(int family)
{
	struct linger none = { 1, 0 };
	int fd[2];

	tcp_pair(family, fd);
	peer_say(fd[0], "a peer");
	setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd[1]);
	wait_for(fd[0], POLLHUP);
	peer_say(fd[0], "a peer that has reset");
	close(fd[0]);
	fd[0] = MUST(socket(family, SOCK_STREAM, 0));
	peer_say(fd[0], "none yet");
	close(fd[0]);
}

/* ---- how much is left to read: the end of a stream counts as an octet, that of one's own reading does not ---- */

static void left_say(int fd, const char *what, int flags)
{
	union { struct cmsghdr h; char room[64]; } c;
	char octet[2] = "-";
	struct iovec v = { octet, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	long r = recvmsg(fd, &m, MSG_DONTWAIT | flags);
	int left = -1;

	if (r >= 0 && m.msg_controllen >= CMSG_LEN(sizeof(left)))
		memcpy(&left, CMSG_DATA(&c.h), sizeof(left));
	say(what, "%ld %s flags %x control %zu, %d", r, r == 1 ? octet : "", r < 0 ? 0 : m.msg_flags, r < 0 ? 0 : (size_t)m.msg_controllen, left);
}

static void left(int family)
{
	int fd[2], on = 1;

	tcp_pair(family, fd);
	MUST(setsockopt(fd[0], IPPROTO_TCP, 36 /* TCP_INQ */, &on, sizeof(on)));
	MUST(send(fd[1], "abc", 3, 0));
	wait_for(fd[0], POLLIN);
	MUST(shutdown(fd[0], SHUT_RD));
	left_say(fd[0], "after an end of one's own", 0);
	close(fd[0]);
	close(fd[1]);
	tcp_pair(family, fd);
	MUST(setsockopt(fd[0], IPPROTO_TCP, 36, &on, sizeof(on)));
	MUST(send(fd[1], "abc", 3, 0));
	MUST(shutdown(fd[1], SHUT_WR));
	wait_for(fd[0], POLLRDHUP);
	for (int i = 0; i < 4; i++)
		left_say(fd[0], "after the peer's", 0);
	close(fd[0]);
	close(fd[1]);
	fd[0] = MUST(socket(family, SOCK_STREAM, 0));
	MUST(setsockopt(fd[0], IPPROTO_TCP, 36, &on, sizeof(on)));
	shutdown(fd[0], SHUT_RD);
	left_say(fd[0], "of what was never connected", 0);
	close(fd[0]);
}

/* An urgent octet that is thrown away, and how much is told beside it. */
static void urgent(int family)
{
	int fd[2];

	tcp_pair(family, fd);
	MUST(send(fd[1], "abcX", 4, MSG_OOB));
	wait_for(fd[0], POLLPRI);
	left_say(fd[0], "urgent, peeked, thrown away", MSG_OOB | MSG_PEEK | MSG_TRUNC);
	left_say(fd[0], "urgent", MSG_OOB);
	close(fd[0]);
	close(fd[1]);
}

/* ---- vectors and files ---- */

static void positions(int fd)
{
	static const off_t positions[] = { -1, -2, 0 };
	char b[4];

	for (size_t i = 0; i < N(positions); i++)
		for (unsigned n = 0; n < 2; n++) {
			struct iovec v = { b, n };
			say_rc("preadv2, flags of nobody's", preadv2(fd, &v, 1, positions[i], 0x40000000));
			say_rc("pwritev2, flags of nobody's", pwritev2(fd, &v, 1, positions[i], 0x40000000));
			say_rc("pwritev2, no vector", pwritev2(fd, NULL, 1, positions[i], 0));
		}
}

/* Where a file is appended to nothing is spliced, nor where a socket is. */
static void appending(int family)
{
	int fd[2], ends[2], file = MUST(memfd_create("orders", MFD_CLOEXEC));

	MUST(pipe(ends));
	MUST(write(ends[1], "hello", 5));
	MUST(write(file, "hello", 5));
	if (family == AF_UNIX)
		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	else
		tcp_pair(family, fd);
	MUST(fcntl(fd[0], F_SETFL, O_APPEND | O_NONBLOCK));
	say_rc("O_APPEND, splice to it", splice(ends[0], NULL, fd[0], NULL, 5, 0));
	say_rc("O_APPEND, sendfile to it", sendfile(fd[0], file, &(off_t){ 0 }, 5));
	say_rc("O_APPEND, splice from it", splice(fd[0], NULL, ends[1], NULL, 5, SPLICE_F_NONBLOCK));
	MUST(fcntl(fd[0], F_SETFL, O_NONBLOCK));
	say_rc("splice to it", splice(ends[0], NULL, fd[0], NULL, 5, 0));
	say_rc("sendfile to nowhere", sendfile(-1, fd[0], NULL, 5));
	say_rc("sendfile to what is read only", sendfile(ends[0], fd[0], NULL, 5));
	close(fd[0]), close(fd[1]), close(ends[0]), close(ends[1]), close(file);
}

/* What close_range refuses is still there, and watched. */
static void not_closed(void)
{
	int fd = MUST(socket(AF_INET, SOCK_DGRAM, 0)), e = MUST(epoll_create1(0));
	struct epoll_event ev = { .events = EPOLLOUT }, got;

	MUST(epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev));
	say_rc("close_range, flags of nobody's", close_range((unsigned)fd, (unsigned)fd, 0x40));
	say_rc("close_range, from behind", close_range((unsigned)fd + 1, (unsigned)fd, 0));
	say_rc("watched", epoll_wait(e, &got, 1, 0));
	close(fd), close(e);
}

/* A mark that was never passed is not the next socket's. */
static void after_a_mark(void)
{
	int fd[2], ends[2], n = 7;

	tcp_pair(AF_INET, fd);
	MUST(send(fd[1], "abcX", 4, MSG_OOB));
	wait_for(fd[0], POLLPRI);
	MUST(recv(fd[0], &n, 3, 0));
	close(fd[0]), close(fd[1]);
	MUST(pipe(ends));
	for (int i = 0; i < 4; i++) {
		int other = MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
		say_rc("splice of who has no peer", splice(other, NULL, ends[1], NULL, 5, 0));
	}
	close(ends[0]), close(ends[1]);
}

/* ---- control messages ---- */

struct given { int level, type; size_t len; unsigned char octets[16]; };

static void put(int fd, int family, const char *what, const struct given *g, size_t count, size_t lie)
{
	union { struct cmsghdr h; char room[256]; } c = { 0 };
	union name to = name_lo(family, 9);
	struct iovec v = { "x", 1 };
	struct msghdr m = { .msg_name = &to, .msg_namelen = name_len(family), .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c };

	for (size_t i = 0; i < count; i++) {
		struct cmsghdr *h = (struct cmsghdr *)(c.room + m.msg_controllen);
		*h = (struct cmsghdr){ .cmsg_len = CMSG_LEN(g[i].len) + (i + 1 == count ? lie : 0), .cmsg_level = g[i].level, .cmsg_type = g[i].type };
		memcpy(CMSG_DATA(h), g[i].octets, g[i].len);
		m.msg_controllen += CMSG_SPACE(g[i].len);
	}
	say_rc(what, sendmsg(fd, &m, MSG_DONTWAIT));
}

static void controls(int fd, int family)
{
	static const struct given priority = { SOL_SOCKET, SO_PRIORITY, 4, { 64 } }, gro = { IPPROTO_UDP, UDP_GRO, 4, { 1 } }, ext = { IPPROTO_IPV6, IPV6_HOPOPTS, 8, { 0 } };
	static const struct given dst = { IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, 8, { 0 } }, longer_ext = { IPPROTO_IPV6, IPV6_DSTOPTS, 8, { 0, 1 } };
	static const struct given protocol = { IPPROTO_IP, 52, 4, { 64 } }, none = { IPPROTO_IP, 52, 4, { 0 } }, flow = { IPPROTO_IPV6, 11, 4, { 0, 1 } };
	static const struct given options = { IPPROTO_IP, IP_RETOPTS, 4, { 1, 1, 1, 0 } }, wrong = { IPPROTO_IP, IP_RETOPTS, 4, { 7, 9, 1, 0 } };
	static const struct given hops = { IPPROTO_IPV6, IPV6_HOPLIMIT, 4, { 0, 1 } }, more_hops = { IPPROTO_IPV6, IPV6_HOPLIMIT, 4, { 64, 0, 1 } };
	static const struct given rare = { IPPROTO_IP, IP_RETOPTS, 4, { 0xe8, 3, 0, 0 } }, short_flow = { IPPROTO_IPV6, 11, 2, { 0 } };

	put(fd, family, "priority of root's, then one that is none", (struct given[]){ priority, gro }, 2, 0);
	put(fd, family, "priority of root's, then one that lies", (struct given[]){ priority, gro }, 2, 99);
	put(fd, family, "a header", &ext, 1, 0);
	put(fd, family, "a header before a routing header", &dst, 1, 0);
	put(fd, family, "a header that is shorter than it says", &longer_ext, 1, 0);
	put(fd, family, "a protocol", &protocol, 1, 0);
	put(fd, family, "protocol 0", &none, 1, 0);
	put(fd, family, "a flow", &flow, 1, 0);
	put(fd, family, "half a flow", &short_flow, 1, 0);
	put(fd, family, "256 hops", &hops, 1, 0);
	put(fd, family, "65600 hops", &more_hops, 1, 0);
	put(fd, family, "options", &options, 1, 0);
	put(fd, family, "wrong options", &wrong, 1, 0);
	put(fd, family, "options of root's", &rare, 1, 0);
	say_rc("IP_OPTIONS of root's", setsockopt(fd, IPPROTO_IP, IP_OPTIONS, rare.octets, 4));
}

/* A socket of one's own port before those that share it: who comes last looks at the newest first. */
static void groups_of_ports(int family, int type)
{
	int fd[3], on = 1;
	union name n = name_lo(family, 0);

	fd[0] = MUST(socket(family, type, 0));
	MUST(bind(fd[0], &n.sa, name_len(family)));
	unsigned port = port_of(fd[0]);
	for (int i = 1; i < 3; i++) {
		fd[i] = MUST(socket(family, type, 0));
		MUST(setsockopt(fd[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)));
		n = name_lo(family, port);
		if (family == AF_INET)
			n.in.sin_addr.s_addr = htonl(i == 1 ? 0x7f000009 : INADDR_ANY);
		else if (i == 2)
			n.in6.sin6_addr = in6addr_any;
		say_rc("bind beside", bind(fd[i], &n.sa, name_len(family)));
	}
	for (int i = 0; i < 3; i++)
		close(fd[i]);
}

/* What a receiver is told that the options of the message were. */
static void options_arrive(void)
{
	static const struct given route = { IPPROTO_IP, IP_RETOPTS, 8, { 7, 7, 8, 9, 9, 9, 9, 0 } };
	int to = MUST(socket(AF_INET, SOCK_DGRAM, 0)), from = MUST(socket(AF_INET, SOCK_DGRAM, 0)), on = 1;
	union name n = name_lo(AF_INET, 9);
	union { struct cmsghdr h; char room[128]; } c;
	char b[4];
	struct iovec v = { b, sizeof(b) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

	n.in.sin_port = 0;
	MUST(bind(to, &n.sa, sizeof(n.in)));
	MUST(setsockopt(to, IPPROTO_IP, IP_RECVOPTS, &on, sizeof(on)));
	n = name_lo(AF_INET, port_of(to));
	MUST(connect(from, &n.sa, sizeof(n.in)));
	struct iovec out = { "hi", 2 };
	union { struct cmsghdr h; char room[64]; } given = { .h = { CMSG_LEN(route.len), route.level, route.type } };
	memcpy(CMSG_DATA(&given.h), route.octets, route.len);
	struct msghdr with = { .msg_iov = &out, .msg_iovlen = 1, .msg_control = &given, .msg_controllen = CMSG_SPACE(route.len) };
	say_rc("sent", sendmsg(from, &with, 0));
	say_rc("sent without", send(from, "ho", 2, 0));
	for (int i = 0; i < 2; i++) {
		m.msg_controllen = sizeof(c);
		say_rc("arrives", recvmsg(to, &m, MSG_DONTWAIT));
		const unsigned char *at = CMSG_DATA(&c.h);
		say("with", "%zu", (size_t)m.msg_controllen);
		if (m.msg_controllen)
			say("options", "%u %u %u, %u", at[0], at[1], at[2], at[3]);
	}
	close(to), close(from);
}

/* Memory for control messages that can't be written: they are not told, and the message is none the worse. */
static void told_nowhere(void)
{
	int fd[3][2], on = 1;
	char b[8];

	udp_pair(AF_INET, fd[0]);
	tcp_pair(AF_INET, fd[1]);
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd[2]));
	set_int(fd[0][1], IPPROTO_IP, IP_RECVTTL, on);
	set_int(fd[1][1], IPPROTO_TCP, 36 /* TCP_INQ */, on);
	set_int(fd[2][1], SOL_SOCKET, SO_PASSCRED, on);
	for (int i = 0; i < 4; i++) {
		int from = fd[i % 3][0], to = fd[i % 3][1];
		union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
		struct iovec v = { b, 5 };
		struct msghdr out = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = i % 3 == 2 ? sizeof(c) : 0 };
		struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = BAD, .msg_controllen = 64 };
		memcpy(CMSG_DATA(&c.h), &to, sizeof(to));
		MUST(sendmsg(from, &out, 0));
		wait_for(to, POLLIN);
		say_rc("control messages to nowhere", recvmsg(to, &m, 0));
		say("flags", "%#x, %zu", m.msg_flags, (size_t)m.msg_controllen);
	}
	for (int i = 0; i < 6; i++)
		close(fd[i / 2][i % 2]);
}

/* Whose family is asked for: of a stream that is connected, whatever its own end has shut for reading. */
static void form_of_a_half(int how)
{
	int fd[2];

	tcp_pair(AF_INET6, fd);
	if (how >= 0)
		MUST(shutdown(fd[0], how));
	say_option("IPV6_ADDRFORM", fd[0], IPPROTO_IPV6, IPV6_ADDRFORM);
	close(fd[0]), close(fd[1]);
}

/* Who the octets are from, where a read that wants more than there is finds the mark of an urgent one. */
static void named_to_the_mark(void)
{
	struct sockaddr_un n = { .sun_family = AF_UNIX, .sun_path = "\0orders" };
	int fd[2];
	char b[8];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	MUST(bind(fd[0], (struct sockaddr *)&n, 9));
	MUST(send(fd[0], "abcdX", 5, MSG_OOB));
	memset(&n, 0, sizeof(n));
	socklen_t len = sizeof(n);
	say_rc("up to the mark", recvfrom(fd[1], b, 8, MSG_WAITALL | MSG_DONTWAIT, (struct sockaddr *)&n, &len));
	say("from", "%u, family %d, %s", len, n.sun_family, n.sun_path + 1);
	close(fd[0]), close(fd[1]);
}

/* What can't be read into where it is to go is still there. */
static void kept_for_later(void)
{
	int fd[2];
	char b[16];

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
	for (int i = 0; i < 3; i++) {
		union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = { .h = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
		struct iovec out = { "hello", 5 }, v[2] = { { b, 2 }, { BAD, 2 } };
		struct msghdr m = { .msg_iov = &out, .msg_iovlen = 1, .msg_control = i < 2 ? &c : NULL, .msg_controllen = i < 2 ? sizeof(c) : 0 };
		memcpy(CMSG_DATA(&c.h), &fd[0], sizeof(int));
		MUST(sendmsg(fd[0], &m, 0));
		say_rc("into nowhere", recv(fd[1], BAD, 4, MSG_DONTWAIT));
		m = (struct msghdr){ .msg_iov = v, .msg_iovlen = 2, .msg_control = &c, .msg_controllen = sizeof(c) };
		if (i == 1)
			say_rc("in part", recvmsg(fd[1], &m, MSG_DONTWAIT));
		say_rc("nothing asked", recv(fd[1], BAD, 0, MSG_DONTWAIT));
		say_rc("still there", recv(fd[1], b, sizeof(b), MSG_DONTWAIT));
		say_rc("into nowhere, of nothing", recv(fd[1], BAD, 4, MSG_DONTWAIT));
	}
	close(fd[0]), close(fd[1]);
}

/* What of a flow label is asked for stands in the value. */
static void unread_label(int fd)
{
	static const socklen_t lens[] = { 31, 32, 1000 };

	for (size_t i = 0; i < N(lens); i++)
		for (int bad = 0; bad < 2; bad++)
			say_rc("a flow label", getsockopt(fd, IPPROTO_IPV6, 32 /* IPV6_FLOWLABEL_MGR */, bad ? BAD : NULL, &(socklen_t){ lens[i] }));
}

/* A name that is too short, of a family that is none. */
static void short_names(int fd)
{
	for (int family = 0; family < 12; family++)
		for (socklen_t len = 2; len < 30; len += 13) {
			union name n = { .sa.sa_family = (sa_family_t)family };
			char what[64];
			snprintf(what, sizeof(what), "connect to family %d of %u", family, len);
			say_rc(what, connect(fd, &n.sa, len));
		}
}

int main(void)
{
	say_start();
	for (size_t i = 0; i < N(kinds); i++) {
		int fd = make(i);
		say_about("%s", kinds[i].text);
		unread(fd);
		foreign(fd);
		groups(fd, IPPROTO_IP);
		groups(fd, IPPROTO_IPV6);
		longer(fd);
		older(fd);
		positions(fd);
		unread_label(fd);
		short_names(fd);
		say_rc("SIOCATMARK, bad", ioctl(fd, 0x8905, BAD));
		say_rc("SIOCOUTQNSD, bad", ioctl(fd, 0x894b, BAD));
		if (kinds[i].type == SOCK_DGRAM && kinds[i].family != AF_UNIX)
			controls(fd, kinds[i].family);
		if (kinds[i].family != AF_UNIX)
			groups_of_ports(kinds[i].family, kinds[i].type);
		if (kinds[i].type == SOCK_STREAM)
			appending(kinds[i].family);
		if (kinds[i].type == SOCK_STREAM && kinds[i].family != AF_UNIX) {
			peers(kinds[i].family);
			left(kinds[i].family);
			urgent(kinds[i].family);
		}
		close(fd);
	}
	say_about("another's mark");
	after_a_mark();
	not_closed();
	told_nowhere();
	for (int how = -1; how < 3; how++)
		form_of_a_half(how);
	named_to_the_mark();
	kept_for_later();
	say_about("options");
	options_arrive();
	return 0;
}
