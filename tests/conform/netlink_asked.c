/*
 * What NETLINK_ROUTE answers to questions and requests that are short, too long, or say what has no meaning: whether it takes notice, under
 * NETLINK_GET_STRICT_CHK and without, with which errno, and in which words (NETLINK_EXT_ACK).
 */
#include "say.h"
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

struct message { struct nlmsghdr h; char body[256]; };

/* A header of the kind's length, with one or two octets that are not 0, and an attribute behind it. */
struct question {
	const char *name;
	unsigned short type, flags;
	size_t header;
	unsigned char family;
	struct { size_t at; unsigned char value; } says[2];
	unsigned short attribute;
	size_t len;
	unsigned value;                 /* of the attribute's first octets */
	size_t rest;                    /* octets that belong to nothing */
};

static int netlink(bool strict)
{
	int fd = MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)), on = 1;

	MUST(setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)));
	if (strict)
		MUST(setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)));
	return fd;
}

static void ask(int fd, const struct question *q)
{
	struct message m = { .h = { .nlmsg_type = q->type, .nlmsg_flags = NLM_F_REQUEST | q->flags, .nlmsg_seq = 1 } };
	size_t at = NLMSG_ALIGN(q->header);

	m.body[0] = (char)q->family;
	for (size_t i = 0; i < 2; i++)
		if (q->says[i].value)
			m.body[q->says[i].at] = (char)q->says[i].value;
	if (q->attribute) {
		struct nlattr a = { (unsigned short)(sizeof(a) + q->len), q->attribute };
		memcpy(m.body + at, &a, sizeof(a));
		memcpy(m.body + at + sizeof(a), &q->value, q->len < sizeof(q->value) ? q->len : sizeof(q->value));
		at += NLMSG_ALIGN((size_t)a.nla_len);
	}
	m.h.nlmsg_len = (unsigned)(sizeof(m.h) + (q->attribute || q->rest ? at + q->rest : q->header));
	MUST(send(fd, &m, m.h.nlmsg_len, 0));
}

/* The words behind an errno, and where the mistake is. */
static void explain(const struct nlmsghdr *h, size_t before, char *text, size_t size)
{
	size_t at = NLMSG_ALIGN(sizeof(*h) + before);
	struct nlattr a;

	text[0] = '\0';
	while (h->nlmsg_flags & NLM_F_ACK_TLVS && at + sizeof(a) <= h->nlmsg_len) {
		const char *data = (const char *)h + at + sizeof(a);
		unsigned offset;
		memcpy(&a, data - sizeof(a), sizeof(a));
		memcpy(&offset, data, sizeof(offset));
		if (a.nla_type == NLMSGERR_ATTR_MSG)
			snprintf(text + strlen(text), size - strlen(text), " \"%s\"", data);
		else if (a.nla_type == NLMSGERR_ATTR_OFFS)
			snprintf(text + strlen(text), size - strlen(text), " at %u", offset);
		at += NLMSG_ALIGN((size_t)a.nla_len);
	}
}

static size_t quoted(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);

	return sizeof(*e) + (h->nlmsg_flags & NLM_F_CAPPED ? 0 : e->msg.nlmsg_len - sizeof(e->msg));
}

/* How the answer ends, and whether there was anything before. How much, depends on the host. */
static void say_end(const struct question *q, bool strict)
{
	static char buf[65536], name[128], text[256];
	bool end = false, some = false;
	int fd = netlink(strict), err;

	snprintf(name, sizeof(name), "%s%s", q->name, strict ? ", strict" : "");
	ask(fd, q);
	while (!end && wait_for(fd, POLLIN)) {
		unsigned n = (unsigned)MUST(recv(fd, buf, sizeof(buf), 0));
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; !end && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			end = h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR || !(h->nlmsg_flags & NLM_F_MULTI);
			if (h->nlmsg_type != NLMSG_DONE && h->nlmsg_type != NLMSG_ERROR) {
				if (!some)
					say(name, "%u %s", h->nlmsg_type, h->nlmsg_flags & NLM_F_DUMP_FILTERED ? "filtered" : "");
				some = true;
				continue;
			}
			memcpy(&err, NLMSG_DATA(h), sizeof(err));
			explain(h, h->nlmsg_type == NLMSG_DONE ? sizeof(err) : quoted(h), text, sizeof(text));
			say(name, "%s %s%s", h->nlmsg_type == NLMSG_DONE ? "done" : "answer", say_errno(-err), text);
		}
	}
	if (!end && !some)
		say(name, "nothing");
	close(fd);
}

#define Q(text, message, with, length, of, ...) { .name = text, .type = message, .flags = with, .header = length, .family = of, ##__VA_ARGS__ }
#define ATTR(number, length, octets) .attribute = number, .len = length, .value = octets
#define LINK sizeof(struct ifinfomsg)
#define ADDRESS sizeof(struct ifaddrmsg)
#define ROUTE sizeof(struct rtmsg)
#define NEIGH sizeof(struct ndmsg)
#define RULE sizeof(struct fib_rule_hdr)

static const struct question questions[] = {
	Q("links", RTM_GETLINK, NLM_F_DUMP, LINK, 0),
	Q("links, short", RTM_GETLINK, NLM_F_DUMP, 1, 0),
	Q("links of a type", RTM_GETLINK, NLM_F_DUMP, LINK, 0, .says = { { 2, 1 } }),
	Q("links by index", RTM_GETLINK, NLM_F_DUMP, LINK, 0, .says = { { 4, 1 } }),
	Q("links by name", RTM_GETLINK, NLM_F_DUMP, LINK, 0, ATTR(IFLA_IFNAME, 3, 'l' | 'o' << 8)),
	Q("links of a master", RTM_GETLINK, NLM_F_DUMP, LINK, 0, ATTR(IFLA_MASTER, 4, 1)),
	Q("links of a network", RTM_GETLINK, NLM_F_DUMP, LINK, 0, ATTR(IFLA_TARGET_NETNSID, 4, 77)),
	Q("links, half an attribute", RTM_GETLINK, NLM_F_DUMP, LINK, 0, .rest = 3),
	Q("links of bridges", RTM_GETLINK, NLM_F_DUMP, LINK, AF_BRIDGE),
	Q("links of IPv6", RTM_GETLINK, NLM_F_DUMP, LINK, AF_INET6, ATTR(IFLA_EXT_MASK, 4, 0)),
	Q("link", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }),
	Q("link, short", RTM_GETLINK, 0, LINK - 2, 0, .says = { { 4, 1 } }),
	Q("link with flags", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 }, { 8, 1 } }),
	Q("link, short MTU", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }, ATTR(IFLA_MTU, 3, 0)),
	Q("link, MTU", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }, ATTR(IFLA_MTU, 4, 0)),
	Q("link, no name", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }, ATTR(IFLA_IFNAME, 0, 0)),
	Q("link, long name", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }, ATTR(IFLA_IFNAME, 40, 0x61616161)),
	Q("link, long address", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }, ATTR(IFLA_ADDRESS, 33, 0)),
	Q("link, half a nest", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }, ATTR(IFLA_LINKINFO, 3, 0)),
	Q("link, an address for answers", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }, ATTR(IFLA_PERM_ADDRESS, 6, 0)),
	Q("link, unknown attribute", RTM_GETLINK, 0, LINK, 0, .says = { { 4, 1 } }, ATTR(0x3fff, 4, 0)),
	Q("addresses", RTM_GETADDR, NLM_F_DUMP, ADDRESS, AF_INET),
	Q("addresses, short", RTM_GETADDR, NLM_F_DUMP, 1, AF_INET),
	Q("addresses of a length", RTM_GETADDR, NLM_F_DUMP, ADDRESS, AF_INET, .says = { { 1, 8 } }),
	Q("addresses of lo", RTM_GETADDR, NLM_F_DUMP, ADDRESS, AF_INET, .says = { { 4, 1 } }),
	Q("addresses of no interface", RTM_GETADDR, NLM_F_DUMP, ADDRESS, AF_INET6, .says = { { 7, 1 } }),
	Q("addresses by address", RTM_GETADDR, NLM_F_DUMP, ADDRESS, AF_INET, ATTR(IFA_LOCAL, 4, 0)),
	Q("addresses of IPv6 by address", RTM_GETADDR, NLM_F_DUMP, ADDRESS, AF_INET6, ATTR(IFA_LOCAL, 16, 0)),
	Q("address", RTM_GETADDR, 0, ADDRESS, AF_INET6, ATTR(IFA_ADDRESS, 15, 0)),
	Q("address that is not there", RTM_GETADDR, 0, ADDRESS, AF_INET6, ATTR(IFA_ADDRESS, 16, 5)),
	Q("address of a length", RTM_GETADDR, 0, ADDRESS, AF_INET6, .says = { { 1, 8 } }, ATTR(IFA_ADDRESS, 16, 5)),
	Q("routes", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET),
	Q("routes, short", RTM_GETROUTE, NLM_F_DUMP, 1, AF_INET),
	Q("routes to a length", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET, .says = { { 1, 8 } }),
	Q("routes with flags", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET, .says = { { 9, 1 } }),
	Q("routes cached", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET, .says = { { 9, 2 }, { 4, RT_TABLE_LOCAL } }),
	Q("routes of a table", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET, .says = { { 4, RT_TABLE_LOCAL } }),
	Q("routes of no table", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET, .says = { { 4, 77 } }),
	Q("routes of no table of IPv6", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET6, ATTR(RTA_TABLE, 4, 7777)),
	Q("routes of no table of all", RTM_GETROUTE, NLM_F_DUMP, ROUTE, 0, ATTR(RTA_TABLE, 4, 7777)),
	Q("routes through no interface", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET, ATTR(RTA_OIF, 4, 7777)),
	Q("routes to a destination", RTM_GETROUTE, NLM_F_DUMP, ROUTE, AF_INET, ATTR(RTA_DST, 4, 0)),
	Q("route to oneself", RTM_GETROUTE, 0, ROUTE, AF_INET),
	Q("route, short", RTM_GETROUTE, 0, ROUTE - 1, AF_INET),
	Q("route without a length", RTM_GETROUTE, 0, ROUTE, AF_INET, ATTR(RTA_DST, 4, 0x100007f)),
	Q("route with a length", RTM_GETROUTE, 0, ROUTE, AF_INET, .says = { { 1, 32 } }, ATTR(RTA_DST, 4, 0x100007f)),
	Q("route with another length", RTM_GETROUTE, 0, ROUTE, AF_INET, .says = { { 1, 31 } }, ATTR(RTA_DST, 4, 0x100007f)),
	Q("route of a table", RTM_GETROUTE, 0, ROUTE, AF_INET, .says = { { 1, 32 }, { 4, 254 } }, ATTR(RTA_DST, 4, 0x100007f)),
	Q("route with flags", RTM_GETROUTE, 0, ROUTE, AF_INET, .says = { { 1, 32 }, { 8, 1 } }, ATTR(RTA_DST, 4, 0x100007f)),
	Q("route of a protocol", RTM_GETROUTE, 0, ROUTE, AF_INET, ATTR(RTA_IP_PROTO, 1, 99)),
	Q("route, short destination", RTM_GETROUTE, 0, ROUTE, AF_INET6, .says = { { 1, 128 } }, ATTR(RTA_DST, 15, 0)),
	Q("neighbours", RTM_GETNEIGH, NLM_F_DUMP, NEIGH, AF_INET),
	Q("neighbours, short", RTM_GETNEIGH, NLM_F_DUMP, 4, AF_PACKET),
	Q("neighbours by index", RTM_GETNEIGH, NLM_F_DUMP, NEIGH, AF_INET, .says = { { 4, 1 } }),
	Q("neighbours with flags", RTM_GETNEIGH, NLM_F_DUMP, NEIGH, AF_INET, .says = { { 10, NTF_USE } }),
	Q("neighbours by address", RTM_GETNEIGH, NLM_F_DUMP, NEIGH, AF_INET, ATTR(NDA_DST, 4, 0)),
	Q("neighbour", RTM_GETNEIGH, 0, NEIGH, AF_INET, .says = { { 4, 1 } }, ATTR(NDA_DST, 4, 0x100007f)),
	Q("neighbour, proxied", RTM_GETNEIGH, 0, NEIGH, AF_INET, .says = { { 4, 1 }, { 10, NTF_PROXY } }, ATTR(NDA_DST, 4, 0x100007f)),
	Q("neighbour, another length", RTM_GETNEIGH, 0, NEIGH, AF_INET, .says = { { 4, 1 } }, ATTR(NDA_DST, 16, 0x100007f)),
	Q("neighbour of no interface", RTM_GETNEIGH, 0, NEIGH, AF_INET, ATTR(NDA_DST, 4, 0)),
	Q("neighbour of no family", RTM_GETNEIGH, 0, NEIGH, 0, .says = { { 4, 1 } }, ATTR(NDA_DST, 4, 0)),
	Q("neighbour with flags", RTM_GETNEIGH, 0, NEIGH, AF_INET, .says = { { 4, 1 }, { 10, NTF_SELF } }, ATTR(NDA_DST, 4, 0)),
	Q("neighbour in a state", RTM_GETNEIGH, 0, NEIGH, AF_INET, .says = { { 4, 1 }, { 8, 1 } }, ATTR(NDA_DST, 4, 0)),
	Q("neighbour, nexthop of two octets", RTM_GETNEIGH, 0, NEIGH, AF_INET, .says = { { 4, 1 } }, ATTR(NDA_NH_ID, 2, 0)),
	Q("settings", RTM_GETNETCONF, NLM_F_DUMP, 4, AF_INET),
	Q("settings, short", RTM_GETNETCONF, NLM_F_DUMP, 1, AF_INET6),
	Q("settings of an interface", RTM_GETNETCONF, NLM_F_DUMP, 4, AF_INET, ATTR(NETCONFA_IFINDEX, 4, 1)),
	Q("setting", RTM_GETNETCONF, 0, 4, AF_INET, ATTR(NETCONFA_IFINDEX, 4, 1)),
	Q("setting of all", RTM_GETNETCONF, 0, 4, AF_INET6, ATTR(NETCONFA_IFINDEX, 4, (unsigned)NETCONFA_IFINDEX_ALL)),
	Q("setting of none", RTM_GETNETCONF, 0, 4, AF_INET6, ATTR(NETCONFA_IFINDEX, 4, 7777)),
	Q("setting of no interface", RTM_GETNETCONF, 0, 4, AF_INET, ATTR(NETCONFA_IFINDEX, 4, 7777)),
	Q("setting of nothing", RTM_GETNETCONF, 0, 4, AF_INET),
	Q("setting of no family", RTM_GETNETCONF, 0, 4, 0, ATTR(NETCONFA_IFINDEX, 4, 1)),
	Q("setting, short", RTM_GETNETCONF, 0, 4, AF_INET, ATTR(NETCONFA_IFINDEX, 2, 1)),
	Q("setting by another", RTM_GETNETCONF, 0, 4, AF_INET, ATTR(NETCONFA_RP_FILTER, 4, 1)),
	Q("rules", RTM_GETRULE, NLM_F_DUMP, RULE, AF_INET),
	Q("rules, short", RTM_GETRULE, NLM_F_DUMP, 1, AF_INET),
	Q("rules of a table", RTM_GETRULE, NLM_F_DUMP, RULE, AF_INET, .says = { { 4, 254 } }),
	Q("rules by priority", RTM_GETRULE, NLM_F_DUMP, RULE, AF_INET, ATTR(FRA_PRIORITY, 4, 0)),
	Q("rules of no family", RTM_GETRULE, NLM_F_DUMP, RULE, AF_PACKET),
};

#define CHANGE (NLM_F_CREATE | NLM_F_ACK)
static const struct question requests[] = {
	Q("all rules gone", RTM_DELRULE, NLM_F_ACK | NLM_F_BULK, RULE, AF_INET),
	Q("all routes gone", RTM_DELROUTE, NLM_F_ACK | NLM_F_BULK, ROUTE, AF_INET),
	Q("route of no type", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET),
	Q("route by source", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET, .says = { { 2, 8 }, { 7, RTN_BLACKHOLE } }),
	Q("route by source gone", RTM_DELROUTE, NLM_F_ACK, ROUTE, AF_INET, .says = { { 2, 8 }, { 7, RTN_BLACKHOLE } }),
	Q("route that is dead", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET, .says = { { 7, RTN_BLACKHOLE }, { 8, RTNH_F_DEAD } }),
	Q("route of a service", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET, .says = { { 3, 8 }, { 7, RTN_BLACKHOLE } }),
	Q("the same of none gone", RTM_DELROUTE, NLM_F_ACK, ROUTE, AF_INET, .says = { { 7, RTN_BLACKHOLE } }),
	Q("the same gone", RTM_DELROUTE, NLM_F_ACK, ROUTE, AF_INET, .says = { { 3, 8 }, { 7, RTN_BLACKHOLE } }),
	Q("route of a service of IPv6", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET6, .says = { { 3, 8 }, { 7, RTN_BLACKHOLE } }),
	Q("route learnt of IPv6", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET6, .says = { { 7, RTN_BLACKHOLE }, { 9, 2 } }),
	Q("route to few octets", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET6, .says = { { 1, 64 }, { 7, RTN_BLACKHOLE } }, ATTR(RTA_DST, 8, 0xfd)),
	Q("the same to fewer", RTM_DELROUTE, NLM_F_ACK, ROUTE, AF_INET6, .says = { { 1, 64 }, { 7, RTN_BLACKHOLE } }, ATTR(RTA_DST, 7, 0xfd)),
	Q("the same gone", RTM_DELROUTE, NLM_F_ACK, ROUTE, AF_INET6, .says = { { 1, 64 }, { 7, RTN_BLACKHOLE } }, ATTR(RTA_DST, 8, 0xfd)),
	Q("route beyond its prefix gone", RTM_DELROUTE, NLM_F_ACK, ROUTE, AF_INET, .says = { { 1, 8 } }, ATTR(RTA_DST, 4, 0x0101010a)),
	Q("route of no table gone", RTM_DELROUTE, NLM_F_ACK, ROUTE, AF_INET, .says = { { 4, 78 } }),
	Q("route through nothing gone", RTM_DELROUTE, NLM_F_ACK, ROUTE, AF_INET, ATTR(RTA_OIF, 4, 7777)),
	Q("route via a short address", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET, .says = { { 7, RTN_UNICAST } }, ATTR(RTA_VIA, 1, 0)),
	Q("route via no family", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET, .says = { { 7, RTN_UNICAST } }, ATTR(RTA_VIA, 6, AF_PACKET)),
	Q("route via of IPv6", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET6, .says = { { 7, RTN_UNICAST } }, ATTR(RTA_VIA, 6, AF_INET)),
	Q("route by nexthop 0", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET, .says = { { 1, 31 }, { 7, RTN_BLACKHOLE } }, ATTR(RTA_NH_ID, 4, 0)),
	Q("route by nexthop", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET, .says = { { 7, RTN_UNICAST } }, ATTR(RTA_NH_ID, 4, 7)),
	Q("route by half a nexthop", RTM_NEWROUTE, CHANGE, ROUTE, AF_INET, .says = { { 7, RTN_UNICAST } }, ATTR(RTA_NH_ID, 2, 0)),
	Q("rule of no action", RTM_NEWRULE, CHANGE, RULE, AF_INET, ATTR(FRA_PRIORITY, 4, 40000)),
	Q("rule of another action", RTM_NEWRULE, CHANGE, RULE, AF_INET, .says = { { 7, 77 } }, ATTR(FRA_PRIORITY, 4, 40001)),
	Q("address, half an attribute", RTM_NEWADDR, CHANGE, ADDRESS, AF_INET, .says = { { 1, 8 }, { 4, 1 } }, .rest = 2),
};

/* ---- the socket's own options ---- */

static void option(int fd, int name)
{
	static const char *const lengths[] = { "0", "1", "3", "4", "8", "12" };
	int values[] = { 1, 0, 2, -1, 33, 65 };
	char what[64];

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		unsigned char got[16] = { 0 };
		socklen_t len = (socklen_t)atoi(lengths[i]);
		snprintf(what, sizeof(what), "%d: set %d", name, values[i]);
		/* This takes a capability that a virtual host's programs do not have. */
		if (name != NETLINK_LISTEN_ALL_NSID)
			say_rc(what, setsockopt(fd, SOL_NETLINK, name, &values[i], sizeof(values[i])));
		snprintf(what, sizeof(what), "%d: get %s", name, lengths[i]);
		say_rc(what, getsockopt(fd, SOL_NETLINK, name, got, &len));
		say(what, "length %u, %02x%02x%02x%02x%02x", len, got[0], got[1], got[2], got[3], got[4]);
		snprintf(what, sizeof(what), "%d: set %s octets", name, lengths[i]);
		say_rc(what, setsockopt(fd, SOL_NETLINK, name, "\0\0\0\0\0\0\0\0\0\0\0", len < 4 ? len : 4));
	}
}

static void options(int protocol)
{
	int fd = MUST(socket(AF_NETLINK, SOCK_RAW, protocol));

	for (int name = NETLINK_ADD_MEMBERSHIP; name <= NETLINK_GET_STRICT_CHK; name++) {
		option(fd, name);
		for (socklen_t len = 0; len <= 4; len += 2)
			say_rc("set from nowhere", setsockopt(fd, SOL_NETLINK, name, (void *)1, len));
	}
	close(fd);
}

/* Does the end of a dump come in a datagram of its own? Who reads with one recv() and no library has come to depend on that. */
static void ends(void)
{
	static const struct { const char *name; unsigned short type; } dumps[] = {
		{ "links", RTM_GETLINK }, { "addresses", RTM_GETADDR }, { "routes", RTM_GETROUTE }, { "rules", RTM_GETRULE }, { "settings", RTM_GETNETCONF },
	};
	static const unsigned char families[] = { AF_UNSPEC, AF_INET, AF_INET6 };
	static char buf[65536];
	char name[64];

	say_about("the end");
	for (size_t i = 0; i < 3 * sizeof(dumps) / sizeof(*dumps); i++) {
		struct question q = { .type = dumps[i / 3].type, .flags = NLM_F_DUMP, .header = LINK, .family = families[i % 3] };
		int fd = netlink(false), with = -1;
		ask(fd, &q);
		while (with < 0 && wait_for(fd, POLLIN)) {
			unsigned n = (unsigned)MUST(recv(fd, buf, sizeof(buf), 0)), before = 0;
			for (struct nlmsghdr *h = (struct nlmsghdr *)buf; with < 0 && NLMSG_OK(h, n); h = NLMSG_NEXT(h, n), before++)
				if (h->nlmsg_type == NLMSG_DONE)
					with = before > 0;
		}
		snprintf(name, sizeof(name), "of %s of family %d", dumps[i / 3].name, families[i % 3]);
		say(name, with > 0 ? "with others" : with ? "none" : "apart");
		close(fd);
	}
}

int main(void)
{
	say_start();
	if (kernel_is_older()) {
		puts("the kernel here is older than 6.18, whose words are compared");
		return REFUSED;
	}
	say_about("options of NETLINK_ROUTE");
	options(NETLINK_ROUTE);
	say_about("options of NETLINK_SOCK_DIAG");
	options(NETLINK_SOCK_DIAG);
	for (size_t i = 0; i < sizeof(questions) / sizeof(*questions); i++) {
		say_about("asked");
		say_end(&questions[i], false);
		say_end(&questions[i], true);
	}
	say_about("wanted");
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++)
		say_end(&requests[i], false);
	ends();
	return 0;
}
