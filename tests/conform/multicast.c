/*
 * Multicast on the loopback interface: joining and leaving by every structure there is, sources and whole filters, limits, and which of several
 * sockets gets a datagram.
 */
#include "say.h"
#include <linux/in6.h>
#include <net/if.h>
#include <stddef.h>

static int lo;

static const char *group_text(int family, int n)
{
	static char text[32];

	snprintf(text, sizeof(text), family == AF_INET ? "239.255.77.%d" : "ff15::77:%x", n);
	return text;
}

static const char *source_text(int family, int n)
{
	static char text[32];

	snprintf(text, sizeof(text), family == AF_INET ? "127.0.0.%d" : "2001:db8::%x", n);
	return text;
}

static int level(int family) { return family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6; }

static struct sockaddr_storage storage(union name n)
{
	struct sockaddr_storage ss = { 0 };

	memcpy(&ss, &n, n.sa.sa_family == AF_INET ? sizeof(n.in) : sizeof(n.in6));
	return ss;
}

static int group_req(int fd, int family, int option, int group, int ifindex)
{
	struct group_req q = { .gr_interface = (uint32_t)ifindex, .gr_group = storage(name_of(family, group_text(family, group), 0)) };

	return setsockopt(fd, level(family), option, &q, sizeof(q));
}

static int source_req(int fd, int family, int option, int group, int source)
{
	struct group_source_req q = { .gsr_interface = (uint32_t)lo, .gsr_group = storage(name_of(family, group_text(family, group), 0)),
				      .gsr_source = storage(name_of(family, source_text(family, source), 0)) };

	return setsockopt(fd, level(family), option, &q, sizeof(q));
}

static int sock(int family) { return MUST(socket(family, SOCK_DGRAM, 0)); }

/* ---- joining ---- */

static void joining(int family)
{
	int fd = sock(family);

	say_rc("join", group_req(fd, family, MCAST_JOIN_GROUP, 1, lo));
	say_rc("twice", group_req(fd, family, MCAST_JOIN_GROUP, 1, lo));
	say_rc("nowhere", group_req(fd, family, MCAST_JOIN_GROUP, 2, 7777));
	say_rc("leave", group_req(fd, family, MCAST_LEAVE_GROUP, 1, lo));
	say_rc("twice", group_req(fd, family, MCAST_LEAVE_GROUP, 1, lo));
	struct group_req q = { .gr_interface = (uint32_t)lo, .gr_group = storage(name_lo(family, 0)) };
	say_rc("no group", setsockopt(fd, level(family), MCAST_JOIN_GROUP, &q, sizeof(q)));
	say_rc("short", setsockopt(fd, level(family), MCAST_JOIN_GROUP, &q, sizeof(q) - 1));
	q.gr_group.ss_family = family == AF_INET ? AF_INET6 : AF_INET;
	say_rc("another family", setsockopt(fd, level(family), MCAST_JOIN_GROUP, &q, sizeof(q)));
	close(fd);
}

static void joining4(void)
{
	int fd = sock(AF_INET), tcp = MUST(socket(AF_INET, SOCK_STREAM, 0));
	struct ip_mreqn n = { .imr_multiaddr = name_of(AF_INET, group_text(AF_INET, 1), 0).in.sin_addr, .imr_ifindex = lo };
	struct ip_mreq q = { .imr_multiaddr = n.imr_multiaddr, .imr_interface = { htonl(INADDR_LOOPBACK) } };

	say_rc("by index", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &n, sizeof(n)));
	say_rc("by address", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &q, sizeof(q)));
	say_rc("leave by address", setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &q, sizeof(q)));
	say_rc("leave by index", setsockopt(fd, IPPROTO_IP, IP_DROP_MEMBERSHIP, &n, sizeof(n)));
	say_rc("short", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &q, sizeof(q) - 1));
	say_rc("of TCP", setsockopt(tcp, IPPROTO_IP, IP_ADD_MEMBERSHIP, &n, sizeof(n)));
	q.imr_interface.s_addr = htonl(0xc0000201);
	say_rc("an address that is none of ours", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &q, sizeof(q)));
	n.imr_multiaddr.s_addr = htonl(INADDR_LOOPBACK);
	say_rc("no group", setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &n, sizeof(n)));
	close(fd), close(tcp);
}

static void sources4(void)
{
	int fd = sock(AF_INET);
	struct ip_mreq_source s = { .imr_multiaddr = name_of(AF_INET, group_text(AF_INET, 1), 0).in.sin_addr, .imr_interface = { htonl(INADDR_LOOPBACK) },
				    .imr_sourceaddr = { htonl(0x7f000009) } };

	say_rc("block without join", setsockopt(fd, IPPROTO_IP, IP_BLOCK_SOURCE, &s, sizeof(s)));
	say_rc("join source", setsockopt(fd, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &s, sizeof(s)));
	say_rc("twice", setsockopt(fd, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &s, sizeof(s)));
	say_rc("block", setsockopt(fd, IPPROTO_IP, IP_BLOCK_SOURCE, &s, sizeof(s)));
	say_rc("leave source", setsockopt(fd, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &s, sizeof(s)));
	say_rc("twice", setsockopt(fd, IPPROTO_IP, IP_DROP_SOURCE_MEMBERSHIP, &s, sizeof(s)));
	say_rc("short", setsockopt(fd, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &s, sizeof(s) - 1));
	s.imr_multiaddr.s_addr = htonl(INADDR_LOOPBACK);
	say_rc("no group", setsockopt(fd, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &s, sizeof(s)));
	close(fd);
}

static void sources(int family)
{
	int fd = sock(family);

	say_rc("block without join", source_req(fd, family, MCAST_BLOCK_SOURCE, 1, 2));
	say_rc("join", group_req(fd, family, MCAST_JOIN_GROUP, 1, lo));
	say_rc("unblock nothing", source_req(fd, family, MCAST_UNBLOCK_SOURCE, 1, 2));
	say_rc("block", source_req(fd, family, MCAST_BLOCK_SOURCE, 1, 2));
	say_rc("twice", source_req(fd, family, MCAST_BLOCK_SOURCE, 1, 2));
	say_rc("include", source_req(fd, family, MCAST_JOIN_SOURCE_GROUP, 1, 3));
	say_rc("unblock", source_req(fd, family, MCAST_UNBLOCK_SOURCE, 1, 2));
	say_rc("include then", source_req(fd, family, MCAST_JOIN_SOURCE_GROUP, 1, 3));
	say_rc("exclude then", source_req(fd, family, MCAST_BLOCK_SOURCE, 1, 2));
	say_rc("leave another source", source_req(fd, family, MCAST_LEAVE_SOURCE_GROUP, 1, 4));
	say_rc("leave the last source", source_req(fd, family, MCAST_LEAVE_SOURCE_GROUP, 1, 3));
	say_rc("leave the group", group_req(fd, family, MCAST_LEAVE_GROUP, 1, lo));
	close(fd);
}

/* ---- filters ---- */

static void say_filter(int fd, int family, uint32_t room)
{
	char buf[sizeof(struct group_filter) + 8 * sizeof(struct sockaddr_storage)] = "";
	struct group_filter *f = (struct group_filter *)buf;
	socklen_t len = (socklen_t)(offsetof(struct group_filter, gf_slist) + room * sizeof(struct sockaddr_storage));
	char line[200];
	int at;

	*f = (struct group_filter){ .gf_interface = (uint32_t)lo, .gf_group = storage(name_of(family, group_text(family, 1), 0)), .gf_numsrc = room };
	if (getsockopt(fd, level(family), MCAST_MSFILTER, f, &len) < 0) {
		say("filter", "%s", say_errno(errno));
		return;
	}
	at = snprintf(line, sizeof(line), "len %u mode %u %u sources:", len, f->gf_fmode, f->gf_numsrc);
	for (uint32_t i = 0; i < f->gf_numsrc && i < room; i++) {
		union name n;
		char text[64];
		memcpy(&n, &f->gf_slist[i], sizeof(n));
		inet_ntop(family, family == AF_INET ? (void *)&n.in.sin_addr : (void *)&n.in6.sin6_addr, text, sizeof(text));
		at += snprintf(line + at, sizeof(line) - (size_t)at, " %s", text);
	}
	say("filter", "%s", line);
}

static int set_filter(int fd, int family, uint32_t mode, uint32_t n, uint32_t claimed)
{
	char buf[sizeof(struct group_filter) + 80 * sizeof(struct sockaddr_storage)] = "";
	struct group_filter *f = (struct group_filter *)buf;

	*f = (struct group_filter){ .gf_interface = (uint32_t)lo, .gf_group = storage(name_of(family, group_text(family, 1), 0)), .gf_fmode = mode,
				    .gf_numsrc = claimed };
	for (uint32_t i = 0; i < n; i++)
		f->gf_slist[i] = storage(name_of(family, source_text(family, (int)i + 2), 0));
	return setsockopt(fd, level(family), MCAST_MSFILTER, f, (socklen_t)(offsetof(struct group_filter, gf_slist) + n * sizeof(struct sockaddr_storage)));
}

static void filters(int family)
{
	int fd = sock(family);

	say_filter(fd, family, 4);
	say_rc("set without join", set_filter(fd, family, MCAST_INCLUDE, 1, 1));
	say_rc("join", group_req(fd, family, MCAST_JOIN_GROUP, 1, lo));
	say_filter(fd, family, 4);
	say_rc("exclude two", set_filter(fd, family, MCAST_EXCLUDE, 2, 2));
	say_filter(fd, family, 4);
	say_filter(fd, family, 1);
	say_filter(fd, family, 0);
	say_rc("include three", set_filter(fd, family, MCAST_INCLUDE, 3, 3));
	say_filter(fd, family, 4);
	say_rc("more than there are", set_filter(fd, family, MCAST_INCLUDE, 1, 2));
	say_rc("no mode", set_filter(fd, family, 7, 1, 1));
	say_rc("include none", set_filter(fd, family, MCAST_INCLUDE, 0, 0));
	say_filter(fd, family, 4);
	say_rc("leave", group_req(fd, family, MCAST_LEAVE_GROUP, 1, lo));
	close(fd);
}

static void limits(int family)
{
	int fd = sock(family), n = 0;

	MUST(group_req(fd, family, MCAST_JOIN_GROUP, 1, lo));
	while (n < 100 && source_req(fd, family, MCAST_BLOCK_SOURCE, 1, n + 2) == 0)
		n++;
	say("sources", "%d, then %s", n, say_errno(errno));
	if (family == AF_INET) {
		for (n = 1; n < 100 && group_req(fd, family, MCAST_JOIN_GROUP, n + 1, lo) == 0; n++)
			continue;
		say("groups", "%d, then %s", n, say_errno(errno));
	}
	close(fd);
}

/* ---- who gets what ---- */

static int member(int family, unsigned *port)
{
	int fd = sock(family);
	union name n = name_any(family, *port);

	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	MUST(bind(fd, &n.sa, name_len(family)));
	*port = port_of(fd);
	return fd;
}

static int sender(int family)
{
	int fd = sock(family);

	if (family == AF_INET) {
		struct in_addr a = { htonl(INADDR_LOOPBACK) };
		MUST(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &a, sizeof(a)));
	} else {
		set_int(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, lo);
	}
	return fd;
}

static void say_got(const char *who, int fd)
{
	char buf[16];

	say_rc(who, recv(fd, buf, sizeof(buf), MSG_DONTWAIT));
}

static void delivery(int family)
{
	unsigned port = 0;
	int joined = member(family, &port), again = member(family, &port), blocking = member(family, &port), idle = member(family, &port),
	    shy = member(family, &port), tx = sender(family);
	union name to = name_of(family, group_text(family, 1), port);

	MUST(group_req(joined, family, MCAST_JOIN_GROUP, 1, lo));
	MUST(group_req(again, family, MCAST_JOIN_GROUP, 1, lo));
	MUST(group_req(blocking, family, MCAST_JOIN_GROUP, 1, lo));
	if (family == AF_INET)
		MUST(source_req(blocking, family, MCAST_BLOCK_SOURCE, 1, 1));
	else
		MUST(group_req(blocking, family, MCAST_LEAVE_GROUP, 1, lo));
	if (family == AF_INET)
		set_int(shy, IPPROTO_IP, IP_MULTICAST_ALL, 0);
	say_rc("send", sendto(tx, "hello", 5, 0, &to.sa, name_len(family)));
	say_got("a member", joined);
	say_got("another", again);
	say_got("one that blocks the source, or has left", blocking);
	say_got("no member", idle);
	if (family == AF_INET)
		say_got("no member that takes only its own", shy);
	if (family == AF_INET)
		set_int(tx, IPPROTO_IP, IP_MULTICAST_TTL, 0);
	else
		set_int(tx, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 0);
	say_rc("send to ourselves only", sendto(tx, "hello", 5, 0, &to.sa, name_len(family)));
	say_got("a member", joined);
	close(joined), close(again), close(blocking), close(idle), close(shy), close(tx);
}

/* By which interface, and as whom: IP_MULTICAST_IF in all its forms. */
static void sender4(const char *what, const void *choice, socklen_t len, int family)
{
	int fd = MUST(socket(family, SOCK_DGRAM, 0));
	union name group = name_of(family, family == AF_INET ? "224.1.2.3" : "::ffff:224.1.2.3", 9);
	struct in_addr a = {0};
	socklen_t alen = sizeof(a);

	say_about("%s sender by %s", family_text(family), what);
	if (say_rc("set", setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, choice, len)) == 0) {
		MUST(getsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &a, &alen));
		say("get", "%s", inet_ntoa(a));
		if (a.s_addr && say_rc("connect", connect(fd, &group.sa, name_len(family))) == 0)
			say_sockname("here", fd);
	}
	close(fd);
}

static void senders4(int family)
{
	struct in_addr one = {htonl(INADDR_LOOPBACK)}, two = {htonl(INADDR_LOOPBACK + 1)}, none = {0};
	struct ip_mreqn by_index = {.imr_ifindex = lo}, both = {.imr_ifindex = lo, .imr_address = two}, not_ours = {.imr_ifindex = lo, .imr_address = {htonl(0xc0000201)}};
	struct ip_mreqn odd = {.imr_address = one, .imr_ifindex = 0x7fffff};

	sender4("address", &one, sizeof(one), family);
	sender4("another address", &two, sizeof(two), family);
	sender4("nothing", &none, sizeof(none), family);
	sender4("index", &by_index, sizeof(by_index), family);
	sender4("index and address", &both, sizeof(both), family);
	sender4("an address of others", &not_ours, sizeof(not_ours), family);
	sender4("ip_mreq", &odd, sizeof(struct ip_mreq), family);
	sender4("ip_mreq and a bit", &odd, sizeof(struct ip_mreq) + 1, family);
	sender4("no index", &odd, sizeof(odd), family);
}

int main(void)
{
	say_start();
	lo = (int)if_nametoindex("lo");
	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		say_about("%s joining", family_text(family)), joining(family);
		say_about("%s sources", family_text(family)), sources(family);
		say_about("%s filters", family_text(family)), filters(family);
		say_about("%s limits", family_text(family)), limits(family);
		say_about("%s delivery", family_text(family)), delivery(family);
	}
	say_about("v4 structures"), joining4();
	say_about("v4 source structures"), sources4();
	senders4(AF_INET);
	senders4(AF_INET6);
	return 0;
}
