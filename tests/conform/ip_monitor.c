/*
 * What a listener to NETLINK_ROUTE's groups is told of changes, in order, and what a request is answered: the header, the acknowledgment with its text and
 * where the mistake is. By messages of its own, on a pair of interfaces made for it (veth).
 */
#include "say.h"
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

struct message {
	struct nlmsghdr h;
	char body[1024];
};

static unsigned sequence = 100;
static int listener;

/* ---- building ---- */

static void begin(struct message *m, unsigned type, unsigned flags, const void *header, size_t len)
{
	memset(m, 0, sizeof(*m));
	m->h = (struct nlmsghdr){ .nlmsg_len = (unsigned)NLMSG_LENGTH(len), .nlmsg_type = (unsigned short)type,
				  .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | NLM_F_ACK | flags), .nlmsg_seq = ++sequence };
	memcpy(m->body, header, len);
}

static void put(struct message *m, unsigned type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(void *)((char *)m + NLMSG_ALIGN(m->h.nlmsg_len));

	*a = (struct rtattr){ .rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = (unsigned short)type };
	memcpy(RTA_DATA(a), data, len);
	m->h.nlmsg_len = (unsigned)(NLMSG_ALIGN(m->h.nlmsg_len) + RTA_LENGTH(len));
}

static void put_ip(struct message *m, unsigned type, const char *text)
{
	struct in_addr a;

	inet_pton(AF_INET, text, &a);
	put(m, type, &a, sizeof(a));
}

static void put_number(struct message *m, unsigned type, unsigned v) { put(m, type, &v, sizeof(v)); }

/* ---- what comes ---- */

static const char *type_text(unsigned type)
{
	static const struct {
		unsigned type;
		const char *text;
	} names[] = { { RTM_NEWADDR, "newaddr" }, { RTM_DELADDR, "deladdr" }, { RTM_NEWROUTE, "newroute" }, { RTM_DELROUTE, "delroute" },
		      { RTM_NEWRULE, "newrule" }, { RTM_DELRULE, "delrule" }, { RTM_NEWNEIGH, "newneigh" }, { RTM_DELNEIGH, "delneigh" },
		      { RTM_NEWLINK, "newlink" }, { RTM_DELLINK, "dellink" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].type == type)
			return names[i].text;
	return "?";
}

/* The address that it is about, if there is one: the attribute of its type that says so. */
static void about(const struct nlmsghdr *h, char *ret, size_t size)
{
	bool addr = h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_DELADDR, route = h->nlmsg_type == RTM_NEWROUTE || h->nlmsg_type == RTM_DELROUTE;
	size_t header = addr ? sizeof(struct ifaddrmsg) : route ? sizeof(struct rtmsg) : sizeof(struct ndmsg);
	unsigned wanted = addr ? IFA_LOCAL : route ? RTA_DST : NDA_DST;
	struct rtattr *a = (struct rtattr *)(void *)((char *)h + NLMSG_SPACE(header));
	int left = (int)h->nlmsg_len - (int)NLMSG_SPACE(header);

	snprintf(ret, size, "-");
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == wanted && RTA_PAYLOAD(a) == 4)
			inet_ntop(AF_INET, RTA_DATA(a), ret, (socklen_t)size);
}

/* All that was told since the last time. seq: whether it names the request that it comes of. */
static void heard(const char *name)
{
	char buf[8192];
	ssize_t n;

	while ((n = recv(listener, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
		char text[INET_ADDRSTRLEN];
		unsigned left = (unsigned)n;

		for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			about(h, text, sizeof(text));
			say(name, "%s %s flags %x seq %d pid %d", type_text(h->nlmsg_type), text, h->nlmsg_flags, h->nlmsg_seq == sequence, h->nlmsg_pid != 0);
		}
	}
	say_rc(name, n);
}

/* The acknowledgment: its error, how it is flagged, and what explains it. */
static void answered(const char *name, int fd)
{
	char buf[4096];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
	struct nlmsgerr *e = NLMSG_DATA(h);
	size_t at = NLMSG_SPACE(sizeof(*e)) + (h->nlmsg_flags & NLM_F_CAPPED ? 0 : NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg));

	assert(n >= (ssize_t)NLMSG_LENGTH(sizeof(*e)) && h->nlmsg_type == NLMSG_ERROR);
	say(name, "%s flags %x", say_errno(-e->error), h->nlmsg_flags);
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS)) {
		say(name, "len %u", NLMSG_ALIGN(h->nlmsg_len));
		return;
	}
	for (struct rtattr *a = (struct rtattr *)(void *)(buf + at); at + sizeof(*a) <= (size_t)n;
	     at += RTA_ALIGN(a->rta_len), a = (struct rtattr *)(void *)(buf + at))
		if (a->rta_type == NLMSGERR_ATTR_MSG)
			say(name, "text %s", (char *)RTA_DATA(a));
		else if (a->rta_type == NLMSGERR_ATTR_OFFS)
			say(name, "offset %u", *(unsigned *)RTA_DATA(a));
}

static void ask(const char *name, int fd, const struct message *m)
{
	assert(send(fd, m, m->h.nlmsg_len, 0) == (ssize_t)m->h.nlmsg_len);
	answered(name, fd);
	heard(name);
}

/* ---- the requests ---- */

static void address(const char *name, int fd, unsigned type, unsigned flags, const char *text, unsigned plen, unsigned index)
{
	struct ifaddrmsg h = { .ifa_family = AF_INET, .ifa_prefixlen = (unsigned char)plen, .ifa_index = index };
	struct message m;

	begin(&m, type, flags, &h, sizeof(h));
	if (text)
		put_ip(&m, IFA_LOCAL, text);
	ask(name, fd, &m);
}

static void route(const char *name, int fd, unsigned type, unsigned flags, const char *dst, const char *via)
{
	struct rtmsg h = { .rtm_family = AF_INET, .rtm_dst_len = 16, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = type == RTM_NEWROUTE ? RTPROT_STATIC : 0,
			   .rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE : RT_SCOPE_NOWHERE, .rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : 0 };
	struct message m;

	begin(&m, type, flags, &h, sizeof(h));
	put_ip(&m, RTA_DST, dst);
	if (via)
		put_ip(&m, RTA_GATEWAY, via);
	ask(name, fd, &m);
}

static void rule(const char *name, int fd, unsigned type, unsigned flags, unsigned table)
{
	struct fib_rule_hdr h = { .family = AF_INET, .action = FR_ACT_TO_TBL };
	struct message m;

	begin(&m, type, flags, &h, sizeof(h));
	put_number(&m, FRA_PRIORITY, 77);
	if (table)
		put_number(&m, FRA_TABLE, table);
	ask(name, fd, &m);
}

static void neighbour(const char *name, int fd, unsigned type, unsigned flags, unsigned index, bool known)
{
	struct ndmsg h = { .ndm_family = AF_INET, .ndm_ifindex = (int)index, .ndm_state = NUD_PERMANENT };
	struct message m;

	begin(&m, type, flags, &h, sizeof(h));
	put_ip(&m, NDA_DST, "10.66.0.9");
	if (known)
		put(&m, NDA_LLADDR, "\2\0\0\0\0\11", 6);
	ask(name, fd, &m);
}

static void all_of_it(int fd, unsigned index)
{
	address("address", fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "10.66.0.1", 24, index);
	address("again", fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "10.66.0.1", 24, index);
	address("replaced", fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, "10.66.0.1", 24, index);
	address("second", fd, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "10.66.0.2", 24, index);
	address("no address", fd, RTM_NEWADDR, NLM_F_CREATE, NULL, 24, index);
	address("no interface", fd, RTM_NEWADDR, NLM_F_CREATE, "10.66.0.3", 24, 9999);
	address("too long", fd, RTM_NEWADDR, NLM_F_CREATE, "10.66.0.3", 33, index);
	route("route", fd, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, "10.77.0.0", "10.66.0.9");
	route("again", fd, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, "10.77.0.0", "10.66.0.9");
	route("replaced", fd, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "10.77.0.0", "10.66.0.8");
	route("appended", fd, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, "10.77.0.0", "10.66.0.7");
	route("no gateway there", fd, RTM_NEWROUTE, NLM_F_CREATE, "10.78.0.0", "10.99.0.9");
	route("not there", fd, RTM_NEWROUTE, NLM_F_REPLACE, "10.78.0.0", "10.66.0.9");
	route("gone", fd, RTM_DELROUTE, 0, "10.77.0.0", NULL);
	route("gone", fd, RTM_DELROUTE, 0, "10.77.0.0", NULL);
	route("gone", fd, RTM_DELROUTE, 0, "10.77.0.0", NULL);
	rule("rule", fd, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, 9);
	rule("again", fd, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, 9);
	rule("no table", fd, RTM_NEWRULE, NLM_F_CREATE, 0);
	rule("gone", fd, RTM_DELRULE, 0, 9);
	rule("gone", fd, RTM_DELRULE, 0, 9);
	neighbour("neighbour", fd, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, index, true);
	neighbour("again", fd, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, index, true);
	neighbour("gone", fd, RTM_DELNEIGH, 0, index, false);
	neighbour("gone", fd, RTM_DELNEIGH, 0, index, false);
	neighbour("no interface", fd, RTM_NEWNEIGH, NLM_F_CREATE, 9999, true);
	address("gone", fd, RTM_DELADDR, 0, "10.66.0.1", 24, index);
	address("gone", fd, RTM_DELADDR, 0, "10.66.0.1", 24, index);
}

/* An attribute that is shorter than what it has to hold, and one that is longer than the message. */
static void malformed(int fd, unsigned index)
{
	struct ifaddrmsg h = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index };
	struct message m;

	begin(&m, RTM_NEWADDR, NLM_F_CREATE, &h, sizeof(h));
	put(&m, IFA_LOCAL, "\12\102", 2);
	ask("short", fd, &m);
	begin(&m, RTM_NEWADDR, NLM_F_CREATE, &h, sizeof(h));
	put_ip(&m, IFA_LOCAL, "10.66.0.4");
	((struct rtattr *)(void *)((char *)&m + NLMSG_SPACE(sizeof(h))))->rta_len = 400;
	ask("long", fd, &m);
	begin(&m, RTM_NEWADDR, NLM_F_CREATE, &h, 4);
	ask("no header", fd, &m);
}

/* NLM_F_ECHO: the one who asks is told, too, and before it is answered. */
static void echoed(int fd, unsigned index)
{
	struct ifaddrmsg h = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = index };
	char buf[4096];
	struct nlmsghdr *got = (struct nlmsghdr *)(void *)buf;
	struct message m;

	begin(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_ECHO, &h, sizeof(h));
	put_ip(&m, IFA_LOCAL, "10.67.0.1");
	MUST(send(fd, &m, m.h.nlmsg_len, 0));
	MUST(recv(fd, buf, sizeof(buf), 0));
	say("echo", "%s seq %d", type_text(got->nlmsg_type), got->nlmsg_seq == sequence);
	answered("echo", fd);
	heard("echo");
	address("metric", fd, RTM_NEWADDR, NLM_F_REPLACE, "10.67.0.1", 24, index);
	address("gone", fd, RTM_DELADDR, 0, "10.67.0.1", 24, index);
}

static void option(int fd, int name, int v) { say_rc("option", setsockopt(fd, SOL_NETLINK, name, &v, sizeof(v))); }

/* How interfaces forward, as their settings are written, and as they come and go. */
static void netconf(void)
{
	static const char *const commands[] = {
		"echo 1 >/proc/sys/net/ipv4/conf/v0/forwarding", "echo 1 >/proc/sys/net/ipv4/conf/v0/forwarding", "echo 2 >/proc/sys/net/ipv4/conf/v0/rp_filter",
		"echo 1 >/proc/sys/net/ipv4/conf/default/rp_filter", "echo 1 >/proc/sys/net/ipv4/conf/v0/proxy_arp", "echo 0 >/proc/sys/net/ipv4/conf/default/forwarding",
		"echo 1 >/proc/sys/net/ipv6/conf/v0/forwarding", "ip link add w0 type veth peer name w1", "ip link set w0 name x0", "ip link del x0",
		"echo 0 >/proc/sys/net/ipv6/conf/v0/forwarding", "echo 0 >/proc/sys/net/ipv4/conf/v0/forwarding", "echo 0 >/proc/sys/net/ipv4/conf/v0/rp_filter",
		"echo 0 >/proc/sys/net/ipv4/conf/v0/proxy_arp", "echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter",
	};
	struct sockaddr_nl name = { .nl_family = AF_NETLINK };
	int fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	char buf[4096];

	say_about("netconf");
	MUST(bind(fd, (struct sockaddr *)&name, sizeof(name)));
	option(fd, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV4_NETCONF);
	option(fd, NETLINK_ADD_MEMBERSHIP, RTNLGRP_IPV6_NETCONF);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		MUST(system(commands[i]));
		for (ssize_t n; (n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0;) {
			struct nlmsghdr *h = (struct nlmsghdr *)(void *)buf;
			struct rtattr *a = (struct rtattr *)(void *)(buf + NLMSG_SPACE(sizeof(struct netconfmsg)));
			char text[128] = "";
			for (int left = (int)(n - NLMSG_SPACE((ssize_t)sizeof(struct netconfmsg))); RTA_OK(a, left); a = RTA_NEXT(a, left))
				if (a->rta_type != NETCONFA_IFINDEX || *(int *)RTA_DATA(a) < 0)
					snprintf(text + strlen(text), sizeof(text) - strlen(text), " %d:%d", a->rta_type, *(int *)RTA_DATA(a));
			say(commands[i], "%s family %d%s", h->nlmsg_type == RTM_NEWNETCONF ? "new" : "gone", *(unsigned char *)NLMSG_DATA(h), text);
		}
	}
	close(fd);
}

int main(void)
{
	static const int groups[] = { RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_NEIGH };
	struct sockaddr_nl name = { .nl_family = AF_NETLINK };
	unsigned index;
	int fd;

	say_start();
	if (kernel_is_older()) {
		puts("the kernel here is older than 6.18, whose words are compared");
		return REFUSED;
	}
	if (system("ip link add v0 type veth peer name v1 2>/dev/null && ip link set v0 up && ip link set v1 up") != 0) {
		puts("the kernel here makes no veth");
		return REFUSED;
	}
	/* The kernel looks at carriers a while after they change. */
	for (int tries = 500; tries && system("ip link show v0 | grep -q 'state UP ' && ip link show v1 | grep -q 'state UP '") != 0; tries--)
		usleep(10000);
	index = if_nametoindex("v0");
	fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	listener = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	MUST(bind(fd, (struct sockaddr *)&name, sizeof(name)));
	MUST(bind(listener, (struct sockaddr *)&name, sizeof(name)));
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		option(listener, NETLINK_ADD_MEMBERSHIP, groups[i]);
	say_about("plain");
	all_of_it(fd, index);
	malformed(fd, index);
	echoed(fd, index);
	say_about("explained");
	option(fd, NETLINK_EXT_ACK, 1);
	all_of_it(fd, index);
	malformed(fd, index);
	say_about("capped");
	option(fd, NETLINK_CAP_ACK, 1);
	all_of_it(fd, index);
	netconf();
	return 0;
}
