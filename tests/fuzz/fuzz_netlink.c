/*
 * Requests of NETLINK_ROUTE. The input is a row of messages to a host with two interfaces: what they ask for, the header and attributes that they need
 * or octets as they come, and lengths that lie. After each the host is asked for ways, and time passes. It must neither crash nor read what is not there
 * (ASan), and all that it was made to hold must go when it ends.
 */
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include "stack/core/route.h"
#include "requests.h"

#define MESSAGES_MAX 60

/* ---- the host ---- */

static void take_packet(void *host, struct netif *nif, struct packet *p) { (void)host, (void)nif, packet_free(p); }
static void be_ready(void *host, struct sock *sk) { (void)host, (void)sk; }
static void be_random(void *host, void *buf, size_t len) { (void)host, memset(buf, 0x5a, len); }
static int join(void *host, struct netif *a, struct netif *b) { return (void)host, (void)a, (void)b, 0; }
static void part(void *host, struct netif *nif) { (void)host, (void)nif; }

static const struct host_ops ops = {.transmit = take_packet, .ready = be_ready, .random = be_random, .join = join, .part = part};

static struct stack *host_new(void)
{
	static const struct mac mac = {{2, 0, 0, 0, 0, 1}};
	struct stack *s = stack_new("fuzz", &ops, NULL, NS_PER_S);
	struct addr a = addr_v4(0x0a000001);
	struct netif *nif;

	if (!s || netif_add(s, "lo", NETIF_LOOPBACK, NULL, 65536, &nif) < 0 || netif_add(s, "eth0", NETIF_ETHERNET, &mac, 1500, &nif) < 0) abort();
	if (netif_addr_add(nif, &a, 24) < 0) abort();
	return s;
}

/* ---- attributes ---- */

static uint8_t family;             /* of the message at hand */

static void put_taken(size_t len)
{
	uint8_t octets[64];

	for (size_t i = 0; i < len; i++) octets[i] = take8();
	put(octets, len);
}

static void number(uint16_t type, uint32_t v) { attribute(type, &v, sizeof v); }

/* Of the host's net, or not. */
static void address(uint16_t type)
{
	uint8_t v4[4] = {10, 0, take8() % 4, take8() % 8}, v6[16] = {0xfd, [1] = take8() % 2, [15] = take8() % 8};

	attribute(type, family == AF_INET ? v4 : v6, family == AF_INET ? 4 : 16);
}

static void name(uint16_t type)
{
	char text[8] = "if0";

	text[2] = (char)('0' + take8() % 4);
	if (take8() % 4 == 0) memcpy(text, "eth0", 5);
	attribute(type, text, take8() % 4 ? 5 : 4);
}

/* Anything: octets as they come, under any type. */
static void whatever(void)
{
	size_t at = nest(take8() % 60);

	put_taken(take8() % 40);
	end(at);
}

static uint32_t an_index(void) { return take8() % 5; }

/* ---- messages ---- */

static void an_address(void)
{
	struct ifaddrmsg h = {.ifa_family = family, .ifa_prefixlen = family == AF_INET ? (uint8_t[]){24, 32, 16, 33}[take8() % 4] : 64,
			      .ifa_scope = take8() % 8 ? 0 : 253, .ifa_index = an_index()};
	struct ifa_cacheinfo life = {.ifa_prefered = take8() % 4, .ifa_valid = take8() % 8};

	put(&h, sizeof h);
	address(IFA_LOCAL);
	if (maybe()) address(IFA_ADDRESS);
	if (maybe()) number(IFA_FLAGS, (uint32_t)take8() << (take8() % 8));
	if (take8() % 4 == 0) attribute(IFA_CACHEINFO, &life, sizeof life);
	if (take8() % 4 == 0) name(IFA_LABEL);
}

static void a_link(void)
{
	struct ifinfomsg h = {.ifi_index = maybe() ? (int)an_index() : 0, .ifi_flags = maybe() ? IFF_UP : take8(), .ifi_change = maybe() ? IFF_UP : take8()};
	bool veth = maybe();
	size_t info, data, peer;

	put(&h, sizeof h);
	if (maybe()) name(IFLA_IFNAME);
	if (maybe()) number(IFLA_MTU, (uint32_t)take8() * 20);
	if (take8() % 4 == 0) attribute(IFLA_IFALIAS, "here", 4);
	if (maybe()) return;
	info = nest(IFLA_LINKINFO);
	attribute(IFLA_INFO_KIND, veth ? "veth" : "dummy", veth ? 5 : 6);
	data = nest(IFLA_INFO_DATA);
	peer = nest(1);
	put(&h, sizeof h);
	name(IFLA_IFNAME);
	end(peer);
	end(data);
	end(info);
}

static void a_route(void)
{
	struct rtmsg h = {.rtm_family = family, .rtm_dst_len = (uint8_t)(family == AF_INET ? take8() % 34 : take8() % 130), .rtm_table = take8() % 3 ? RT_TABLE_MAIN : 9,
			  .rtm_protocol = take8() % 5, .rtm_scope = maybe() ? 0 : RT_SCOPE_LINK, .rtm_type = take8() % 3 ? RTN_UNICAST : take8() % 14};
	unsigned ways = maybe() ? take8() % 6 : take8() % 16 ? 0 : 80;
	size_t all, at;

	if (maybe()) h.rtm_dst_len = maybe() ? 0 : family == AF_INET ? 32 : 128;
	put(&h, sizeof h);
	if (h.rtm_dst_len) address(RTA_DST);
	if (maybe()) number(RTA_PRIORITY, take8() % 3);
	if (!ways && maybe()) number(RTA_OIF, an_index());
	if (!ways && maybe()) address(RTA_GATEWAY);
	if (take8() % 4 == 0) {
		all = nest(RTA_METRICS);
		number(take8() % 20, take8());
		end(all);
	}
	if (!ways) return;
	all = nest(RTA_MULTIPATH);
	while (ways--) {
		at = put(&(struct rtnexthop){.rtnh_hops = take8(), .rtnh_ifindex = (int)an_index()}, sizeof(struct rtnexthop));
		if (maybe()) address(RTA_GATEWAY);
		end(at);
	}
	end(all);
}

static void a_rule(void)
{
	const uint8_t header[12] = {family, take8() % 4 ? 0 : 24, take8() % 4 ? 0 : 16, 0, take8() % 4, 0, 0, (uint8_t)(take8() % 9)};

	put(header, sizeof header);
	if (header[1]) address(FRA_DST);
	if (header[2]) address(FRA_SRC);
	number(FRA_PRIORITY, take8() % 4 ? take8() % 8 : 32766);
	if (maybe()) number(FRA_FWMARK, take8() % 3);
	if (maybe()) number(FRA_TABLE, take8() % 2 ? 254 : 9);
	if (maybe()) number(FRA_SUPPRESS_PREFIXLEN, take8() % 32);
	if (maybe()) number(FRA_GOTO, take8() % 10);
	if (take8() % 8 == 0) attribute(FRA_DPORT_RANGE, &(struct fib_rule_port_range){80, 80 + take8() % 2}, sizeof(struct fib_rule_port_range));
}

static void a_neighbour(void)
{
	struct ndmsg h = {.ndm_family = family, .ndm_ifindex = (int)an_index(), .ndm_state = (uint16_t)(1 << take8() % 9), .ndm_flags = take8() % 4 ? 0 : NTF_PROXY};

	put(&h, sizeof h);
	address(NDA_DST);
	if (maybe()) attribute(NDA_LLADDR, "\2\0\0\0\0\3", 6);
}

static const struct { uint16_t type; void (*write)(void); } kinds[] = {
	{RTM_NEWADDR, an_address}, {RTM_NEWLINK, a_link}, {RTM_NEWROUTE, a_route}, {RTM_NEWNEIGH, a_neighbour}, {RTM_NEWRULE, a_rule},
};

static void request(struct sock *sk)
{
	static const uint16_t flags[] = {0, NLM_F_CREATE, NLM_F_CREATE | NLM_F_EXCL, NLM_F_CREATE | NLM_F_REPLACE, NLM_F_REPLACE, NLM_F_CREATE | NLM_F_APPEND, NLM_F_DUMP};
	size_t kind = take8() % (sizeof kinds / sizeof *kinds);
	uint8_t verb = take8() % 8;
	struct nlmsghdr h = {.nlmsg_type = (uint16_t)(kinds[kind].type + (verb < 4 ? 0 : verb - 4)), .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags[take8() % 7])};

	family = maybe() ? AF_INET : AF_INET6;
	request_begin(&h);
	kinds[kind].write();
	if (take8() % 8 == 0) whatever();
	request_send(sk, &h);
}

static bool is_same(const struct route_hop *a, const struct route_hop *b)
{
	return a->route == b->route && a->netif == b->netif && addr_eq(&a->nexthop, &b->nexthop) && addr_eq(&a->src, &b->src) &&
	       a->mtu_bytes == b->mtu_bytes && a->local == b->local && a->broadcast == b->broadcast;
}

#define FLOWS 20

/* What the stack recalls of the last round is what it finds when it has forgotten all. */
static void look(struct stack *s, const struct route_flow f[FLOWS])
{
	struct { int r; struct route_hop hop; } was[FLOWS], is;

	for (size_t i = 0; i < FLOWS; i++) was[i].r = route_find(s, &f[i], &was[i].hop);
	s->ways++;
	for (size_t i = 0; i < FLOWS; i++) {
		is.r = route_find(s, &f[i], &is.hop);
		if (is.r != was[i].r || (is.r == 0 && !is_same(&is.hop, &was[i].hop))) abort();
	}
}

static void look_around(struct stack *s)
{
	static const uint8_t last[FLOWS / 4] = {1, 2, 9, 77, 255};
	struct route_flow f[FLOWS];

	for (size_t i = 0; i < FLOWS; i++) {
		uint8_t to = last[i / 4];
		bool from = i / 2 % 2;
		if (i % 2) f[i] = (struct route_flow){.dst = addr_v6_octets((const uint8_t[16]){0xfd, [15] = to}), .src = addr_any6};
		else f[i] = (struct route_flow){.dst = addr_v4_octets((const uint8_t[4]){10, 0, 0, to}), .src = addr_any4};
		if (from) f[i].src = i % 2 ? addr_v6_octets((const uint8_t[16]){0xfd, [15] = 1}) : addr_v4(0x0a000001);
		f[i].mark = to % 3;
		f[i].dport = take8() % 2 ? 80 : 0;
	}
	look(s, f);
	stack_advance(s, s->now + take8() * NS_PER_S / 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int options[] = {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK};
	struct stack *s = host_new();
	struct sock *sk;

	input_is(data, size);
	if (sock_create(s, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, &sk) < 0) abort();
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (take8() % 2) (void)sock_setsockopt(sk, SOL_NETLINK, options[i], &(int){1}, sizeof(int));
	for (int group = 1; group < 20; group++)
		(void)sock_setsockopt(sk, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group);
	for (int n = 0; input_left() && n < MESSAGES_MAX; n++) {
		request(sk);
		look_around(s);
	}
	stack_free(s);
	return 0;
}
