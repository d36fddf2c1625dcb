/* RTM_NEWROUTE and RTM_DELROUTE: `ip route add`, `append`, `change`, `replace`, `del`. What a route may be is for core/route_check.c to say. */
#include <errno.h>
#include "stack/core/route.h"
#include "stack/netlink/private.h"
#include "stack/tcp/tcp.h"

#define ECN_BITS 3
#define CC_NAME_MAX 16

static const struct nl_policy policy_way4[RTA_MAX + 1] = {[RTA_GATEWAY] = {NL_FIXED, 4}};
static const struct nl_policy policy_way6[RTA_MAX + 1] = {[RTA_GATEWAY] = {NL_FIXED, 16}};
static const struct nl_policy policy_metrics[RTAX_MAX + 1] = {
	[RTAX_LOCK] = {NL_FIXED, 4}, [RTAX_MTU] = {NL_FIXED, 4}, [RTAX_WINDOW] = {NL_FIXED, 4}, [RTAX_ADVMSS] = {NL_FIXED, 4},
	[RTAX_HOPLIMIT] = {NL_FIXED, 4}, [RTAX_INITCWND] = {NL_FIXED, 4}, [RTAX_INITRWND] = {NL_FIXED, 4}, [RTAX_RTO_MIN] = {NL_FIXED, 4},
};

/* ---- metrics ---- */

/* What this stack does not obey is refused, lest a route promise what it would not keep: an MTU that no router can make smaller, and features but ECN. */
static bool is_obeyed(uint16_t type, uint32_t v)
{
	return type == RTAX_LOCK ? !(v >> RTAX_MTU & 1) : type != RTAX_FEATURES || v == RTAX_FEATURE_ECN;
}

static int read_metric(const struct stack *s, const struct nl_attr *a, uint16_t type, uint32_t *ret)
{
	char name[CC_NAME_MAX];

	if (type == RTAX_CC_ALGO) {
		nl_text(a, name, sizeof name);
		*ret = tcp_congestion_metric(name);
		return *ret ? 0 : netlink_refuse(s, -EINVAL, "Unknown tcp congestion algorithm");
	}
	if (a->len < sizeof(uint32_t)) return nl_refuse_attr(s, a, -EINVAL, "Invalid attribute in metrics");
	*ret = nl_u32(a);
	return *ret && !is_obeyed(type, *ret) ? nl_refuse_attr(s, a, -EOPNOTSUPP, "This metric is not supported") : 0;
}

static int read_metrics(const struct stack *s, const struct nl_attr *a, struct route *r)
{
	struct nl_attr tb[RTAX_MAX + 1];
	int err = nl_parse_nest(s, a, policy_metrics, RTAX_MAX + 1, tb);

	if (err < 0) return err;
	for (uint16_t i = 1; i <= RTAX_MAX; i++) {
		err = tb[i].at ? read_metric(s, &tb[i], i, &r->metrics[i]) : 0;
		if (err < 0) return err;
	}
	r->metrics[RTAX_HOPLIMIT] = MIN(r->metrics[RTAX_HOPLIMIT], 255U);
	r->metrics[RTAX_ADVMSS] = MIN(r->metrics[RTAX_ADVMSS], 65535U - 40);
	r->mtu_bytes = MIN(r->metrics[RTAX_MTU], 65535U - 15);
	r->metrics[RTAX_MTU] = 0;
	return 0;
}

/* ---- the ways ---- */

static int netif_of(const struct stack *s, uint32_t index, struct netif **ret)
{
	*ret = index ? netif_by_index(s, (int)index) : NULL;
	return index && !*ret ? -ENODEV : 0;
}

static int read_way(const struct stack *s, const struct rtnexthop *h, const struct nl_attr *attrs, bool v4, struct route_way *ret)
{
	struct nl_attr tb[RTA_MAX + 1];
	int err = nl_parse_nest(s, attrs, v4 ? policy_way4 : policy_way6, RTA_MAX + 1, tb);

	if (err < 0) return err;
	if (h->rtnh_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN))
		return netlink_refuse(s, -EINVAL, "Invalid flags for nexthop - can not contain DEAD or LINKDOWN");
	if (tb[RTA_VIA].at || tb[RTA_ENCAP].at) return netlink_refuse(s, -EOPNOTSUPP, "Unsupported nexthop attribute");
	*ret = (struct route_way){.weight = h->rtnh_hops + 1U, .onlink = h->rtnh_flags & RTNH_F_ONLINK};
	if (tb[RTA_GATEWAY].at) ret->gateway = nl_addr(&tb[RTA_GATEWAY], v4);
	ret->has_gateway = tb[RTA_GATEWAY].at && !addr_is_any(&ret->gateway);
	return netif_of(s, (uint32_t)h->rtnh_ifindex, &ret->netif);
}

/* A row of struct rtnexthop, each with attributes behind it. ways: of ROUTE_WAYS_MAX. */
static int read_ways(const struct stack *s, const struct nl_attr *a, bool v4, struct route *r)
{
	const uint8_t *at = a->at;
	size_t left = a->len;
	struct rtnexthop h;

	while (left >= sizeof h) {
		struct nl_attr attrs;
		int err;
		memcpy(&h, at, sizeof h);
		if (h.rtnh_len < sizeof h || h.rtnh_len > left) break;
		if (r->n_ways == ROUTE_WAYS_MAX) return netlink_refuse(s, -EINVAL, "Too many nexthops");
		attrs = (struct nl_attr){.at = at + sizeof h, .len = h.rtnh_len - sizeof h};
		err = read_way(s, &h, &attrs, v4, &r->ways[r->n_ways]);
		if (err < 0) return err;
		r->n_ways++;
		at += MIN(left, NLMSG_ALIGN((size_t)h.rtnh_len));
		left -= MIN(left, NLMSG_ALIGN((size_t)h.rtnh_len));
	}
	return r->n_ways && !left ? 0 : netlink_refuse(s, -EINVAL, "Invalid nexthop configuration - extra data after nexthops");
}

/* One way in a row of its own is the route's. */
static void unfold(struct route *r)
{
	if (r->n_ways != 1) return;
	r->netif = r->ways[0].netif;
	r->has_gateway = r->ways[0].has_gateway;
	r->gateway = r->ways[0].gateway;
	r->onlink = r->ways[0].onlink;
	r->n_ways = 0;
}

/* ---- the route ---- */

static int check4(const struct stack *s, const struct rtmsg *h, const struct nl_attr *tb)
{
	const struct nl_attr *via = &tb[RTA_VIA];

	if (h->rtm_tos & ECN_BITS) return netlink_refuse(s, -EINVAL, "Invalid dsfield (tos): ECN bits must be 0");
	if (!via->at) return 0;
	if (via->len < sizeof(struct rtvia)) return netlink_refuse(s, -EINVAL, "Invalid attribute length for RTA_VIA");
	if (nl_u16(via) != AF_INET && nl_u16(via) != AF_INET6) return netlink_refuse(s, -EINVAL, "Unsupported address family in RTA_VIA");
	return -EOPNOTSUPP;
}

static int check6(const struct stack *s, const struct rtmsg *h, const struct nl_attr *tb)
{
	if (tb[RTA_VIA].at) return netlink_refuse(s, -EINVAL, "IPv6 does not support RTA_VIA attribute");
	if (h->rtm_tos) return netlink_refuse(s, -EINVAL, "Invalid dsfield (tos): option not available for IPv6");
	if (h->rtm_flags & RTM_F_CLONED) return netlink_refuse(s, -EINVAL, "Userspace can not set RTF_CACHE");
	if (h->rtm_src_len) return netlink_refuse(s, -EINVAL, "Specifying source address requires IPV6_SUBTREES to be enabled");
	return tb[RTA_DST].at && tb[RTA_DST].len < (h->rtm_dst_len + 7U) / 8 ? -EINVAL : 0;
}

/* Of IPv6 as many octets as the prefix has. */
static struct addr destination_read(const struct rtmsg *h, const struct nl_attr *a)
{
	uint8_t octets[16] = {0};

	if (h->rtm_family == AF_INET) return a->at ? nl_addr(a, true) : addr_any4;
	if (a->at) memcpy(octets, a->at, (h->rtm_dst_len + 7U) / 8);
	return addr_v6_octets(octets);
}

static int read_header(const struct stack *s, const struct nl_request *q, struct rtmsg *ret, struct nl_attr *tb)
{
	int err;

	nl_header(q, ret, sizeof *ret);
	if (ret->rtm_family != AF_INET && ret->rtm_family != AF_INET6) return -EOPNOTSUPP;
	err = nl_parse(s, q, sizeof *ret, ret->rtm_family == AF_INET ? nl_route4_policy : nl_route6_policy, RTA_MAX + 1, tb);
	if (err < 0) return err;
	if (ret->rtm_dst_len > (ret->rtm_family == AF_INET ? 32 : 128)) return netlink_refuse(s, -EINVAL, "Invalid prefix length");
	if (ret->rtm_type > RTN_MAX) return netlink_refuse(s, -EINVAL, "Invalid route type");
	if (tb[RTA_NH_ID].at && nl_u32(&tb[RTA_NH_ID])) return netlink_refuse(s, -EINVAL, "Nexthop id does not exist");
	if (tb[RTA_ENCAP].at || tb[RTA_ENCAP_TYPE].at) return netlink_refuse(s, -EOPNOTSUPP, "CONFIG_LWTUNNEL is not enabled in this kernel");
	return (ret->rtm_family == AF_INET ? check4 : check6)(s, ret, tb);
}

/* ways: room for ROUTE_WAYS_MAX */
static int route_read(const struct stack *s, const struct nl_request *q, struct route_way *ways, struct route *ret)
{
	struct nl_attr tb[RTA_MAX + 1];
	struct rtmsg h;
	bool v4;
	int err = read_header(s, q, &h, tb);

	if (err < 0) return err;
	v4 = h.rtm_family == AF_INET;
	*ret = (struct route){.dst = destination_read(&h, &tb[RTA_DST]), .plen = h.rtm_dst_len, .table = h.rtm_table, .type = h.rtm_type,
			      .protocol = h.rtm_protocol, .scope = v4 ? h.rtm_scope : RT_SCOPE_UNIVERSE, .tos = v4 ? h.rtm_tos : 0,
			      .onlink = h.rtm_flags & RTNH_F_ONLINK, .ways = ways};
	if (!v4 && addr_is_v4(&ret->dst)) return -EINVAL;        /* a mapped one is IPv4's here */
	if (tb[RTA_TABLE].at) ret->table = nl_u32(&tb[RTA_TABLE]);
	if (tb[RTA_PRIORITY].at) ret->metric = nl_u32(&tb[RTA_PRIORITY]);
	if (tb[RTA_GATEWAY].at) ret->gateway = nl_addr(&tb[RTA_GATEWAY], v4);
	ret->has_gateway = tb[RTA_GATEWAY].at && !addr_is_any(&ret->gateway);
	if (tb[RTA_PREFSRC].at) ret->prefsrc = nl_addr(&tb[RTA_PREFSRC], v4);
	ret->has_prefsrc = tb[RTA_PREFSRC].at && !addr_is_any(&ret->prefsrc);
	if (tb[RTA_PREF].at) ret->pref = nl_u8(&tb[RTA_PREF]);
	if (tb[RTA_OIF].at) err = netif_of(s, nl_u32(&tb[RTA_OIF]), &ret->netif);
	if (err == 0 && tb[RTA_METRICS].at) err = read_metrics(s, &tb[RTA_METRICS], ret);
	if (err == 0 && tb[RTA_MULTIPATH].at) err = read_ways(s, &tb[RTA_MULTIPATH], v4, ret);
	if (err < 0) return err;
	unfold(ret);
	if (!ret->table) ret->table = RT_TABLE_MAIN;
	return 0;
}

int nl_route_make(struct stack *s, const struct nl_request *q)
{
	struct route_way ways[ROUTE_WAYS_MAX];
	struct rtmsg h;
	struct route r;
	int err = route_read(s, q, ways, &r);

	if (err < 0) return err;
	nl_header(q, &h, sizeof h);
	if (addr_is_v4(&r.dst) && h.rtm_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN))
		return netlink_refuse(s, -EINVAL, "Invalid rtm_flags - can not contain DEAD or LINKDOWN");
	if (!r.type && !addr_is_v4(&r.dst)) r.type = RTN_UNICAST;
	if (!r.protocol) r.protocol = addr_is_v4(&r.dst) ? RTPROT_UNSPEC : RTPROT_BOOT;
	return route_put(s, &r, q->h.nlmsg_flags);
}

int nl_route_del(struct stack *s, const struct nl_request *q)
{
	struct route_way ways[ROUTE_WAYS_MAX];
	struct route r;
	struct addr masked;
	int err = route_read(s, q, ways, &r);

	/* As Linux: what leads nowhere is no route. */
	if (err < 0) return err == -ENODEV ? -ESRCH : err;
	masked = addr_mask(&r.dst, r.plen);
	if (addr_is_v4(&r.dst) && !addr_eq(&masked, &r.dst)) return netlink_refuse(s, -EINVAL, "Invalid prefix for given prefix length");
	if (!route_table_exists(s, r.table, addr_is_v4(&r.dst))) return netlink_refuse(s, -ESRCH, "FIB table does not exist");
	return route_del(s, &r);
}
