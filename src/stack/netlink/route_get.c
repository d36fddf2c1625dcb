/* RTM_GETROUTE about one destination, as `ip route get` asks: what way would it take? */
#include <errno.h>
#include <linux/in_route.h>
#include <netinet/in.h>
#include "stack/core/route.h"
#include "stack/inet/mcast.h"
#include "stack/netlink/private.h"

#define FLAGS (RTM_F_NOTIFY | RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH)

/* ---- the question ---- */

static const struct rtmsg free_fields = {.rtm_family = 0xff, .rtm_dst_len = 0xff, .rtm_src_len = 0xff, .rtm_tos = 0xff, .rtm_flags = UINT32_MAX};
#define ATTRIBUTES \
	(NL_TYPE(RTA_IIF) | NL_TYPE(RTA_OIF) | NL_TYPE(RTA_SRC) | NL_TYPE(RTA_DST) | NL_TYPE(RTA_IP_PROTO) | NL_TYPE(RTA_SPORT) | NL_TYPE(RTA_DPORT) | \
	 NL_TYPE(RTA_MARK) | NL_TYPE(RTA_UID))
static const struct nl_form form4 = {
	sizeof(struct rtmsg), &free_fields, nl_route4_policy, RTA_MAX + 1, ATTRIBUTES, "ipv4: Invalid header for route get request",
	"ipv4: Invalid values in header for route get request", "ipv4: Unsupported attribute in route get request", .get = true,
};
static const struct nl_form form6 = {
	sizeof(struct rtmsg), &free_fields, nl_route6_policy, RTA_MAX + 1, ATTRIBUTES, "ipv6: Invalid header for route get request",
	"ipv6: Invalid values in header for route get request", "ipv6: Unsupported attribute in get route request", .get = true,
};

static bool length_is_whole(uint8_t len, const struct nl_attr *a, uint8_t bits) { return len == bits || (!len && !a->at); }

/* What only NETLINK_GET_STRICT_CHK asks of a header. */
static int check_strictly(const struct stack *s, const struct rtmsg *h, const struct nl_attr *tb, bool v4)
{
	uint8_t bits = v4 ? 32 : 128;

	if ((h->rtm_src_len && h->rtm_src_len != bits) || (h->rtm_dst_len && h->rtm_dst_len != bits))
		return netlink_refuse(s, -EINVAL, v4 ? form4.bad_value : form6.bad_value);
	if (h->rtm_flags & ~(unsigned)FLAGS)
		return netlink_refuse(s, -EINVAL, v4 ? "ipv4: Unsupported rtm_flags for route get request" : "ipv6: Invalid flags for get route request");
	if (!length_is_whole(h->rtm_src_len, &tb[RTA_SRC], bits) || !length_is_whole(h->rtm_dst_len, &tb[RTA_DST], bits))
		return netlink_refuse(s, -EINVAL, v4 ? "ipv4: rtm_src_len and rtm_dst_len must be 32 for IPv4"
						     : "ipv6: rtm_src_len and rtm_dst_len must be 128 for IPv6");
	return 0;
}

static bool proto_is_known(uint8_t proto, bool v4) { return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6); }

/* What rules may ask about. */
static int policy_read(const struct stack *s, const struct nl_attr *tb, bool v4, struct route_flow *f)
{
	if (tb[RTA_IP_PROTO].at) f->proto = nl_u8(&tb[RTA_IP_PROTO]);
	if (tb[RTA_IP_PROTO].at && !proto_is_known(f->proto, v4)) return netlink_refuse(s, -EOPNOTSUPP, "Unsupported ip proto");
	if (tb[RTA_MARK].at) f->mark = nl_u32(&tb[RTA_MARK]);
	if (tb[RTA_UID].at) f->uid = nl_u32(&tb[RTA_UID]);
	if (tb[RTA_SPORT].at) f->sport = be16_get((be16){{tb[RTA_SPORT].at[0], tb[RTA_SPORT].at[1]}});
	if (tb[RTA_DPORT].at) f->dport = be16_get((be16){{tb[RTA_DPORT].at[0], tb[RTA_DPORT].at[1]}});
	return 0;
}

static int addresses_read(const struct nl_attr *tb, bool v4, struct route_flow *f)
{
	f->dst = f->src = v4 ? addr_any4 : addr_any6;
	if (!v4 && ((tb[RTA_DST].at && tb[RTA_DST].len < 16) || (tb[RTA_SRC].at && tb[RTA_SRC].len < 16))) return -EINVAL;
	if (tb[RTA_DST].at) f->dst = nl_addr(&tb[RTA_DST], v4);
	if (tb[RTA_SRC].at) f->src = nl_addr(&tb[RTA_SRC], v4);
	return addr_is_v4(&f->dst) == v4 && addr_is_v4(&f->src) == v4 ? 0 : -EINVAL;      /* a mapped one is IPv4's here */
}

static int question_read(const struct nl_writer *w, const struct nl_request *q, struct rtmsg *h, struct route_flow *ret)
{
	const struct stack *s = nl_stack(w);
	struct nl_attr tb[RTA_MAX + 1];
	bool v4 = q->body[0] == AF_INET;
	int err = v4 || q->body[0] == AF_INET6 ? nl_form_read(w, q, v4 ? &form4 : &form6, h, tb) : -EOPNOTSUPP;

	if (err == 0 && w->ns->strict) err = check_strictly(s, h, tb, v4);
	if (err < 0) return err;
	*ret = (struct route_flow){.uid = w->ns->sk.uid, .tos = h->rtm_tos};
	err = policy_read(s, tb, v4, ret);
	if (err == 0) err = addresses_read(tb, v4, ret);
	if (err < 0) return err;
	if (tb[RTA_OIF].at && nl_u32(&tb[RTA_OIF]) && !(ret->oif = netif_by_index(s, (int)nl_u32(&tb[RTA_OIF])))) return -ENODEV;
	if (tb[RTA_IIF].at && nl_u32(&tb[RTA_IIF]) && !(ret->iif = netif_by_index(s, (int)nl_u32(&tb[RTA_IIF])))) return -ENODEV;
	return 0;
}

/* ---- the answer ---- */

static uint8_t type_of(const struct route_flow *a, const struct route_hop *hop)
{
	if (hop->local) return hop->route ? hop->route->type : RTN_LOCAL;
	if (hop->broadcast) return RTN_BROADCAST;
	return addr_is_multicast(&a->dst) ? RTN_MULTICAST : RTN_UNICAST;
}

/* Of IPv4 it also says what will be done with it: it is for us, too, or for us alone. As Linux: of IPv6 the route itself is told, which is no copy. */
static uint32_t flags_of(const struct route_flow *a, const struct route_hop *hop)
{
	if (!addr_is_v4(&a->dst)) return 0;
	if (hop->local) return RTM_F_CLONED | RTCF_LOCAL;
	if (hop->broadcast) return RTM_F_CLONED | RTCF_BROADCAST | RTCF_LOCAL;
	if (!addr_is_multicast(&a->dst)) return RTM_F_CLONED;
	return RTM_F_CLONED | RTCF_MULTICAST | (netif_group_has(hop->netif, &a->dst) ? RTCF_LOCAL : 0U);
}

/* Its words are Linux's, and IPv6's differ. */
static void hop_write(struct nl_writer *w, const struct route_flow *a, const struct route_hop *hop, uint32_t asked_flags)
{
	bool v4 = addr_is_v4(&a->dst), named = asked_flags & RTM_F_LOOKUP_TABLE || !v4;
	/* As Linux, where IPv4's table local is a part of main until there are rules of one's own. */
	uint32_t table = named && hop->route && !(v4 && (hop->local || hop->broadcast)) ? hop->route->table : RT_TABLE_MAIN;
	struct rtmsg h = {.rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = v4 ? 32 : 128, .rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_COMPAT,
			  .rtm_type = type_of(a, hop), .rtm_flags = flags_of(a, hop)};
	struct rta_cacheinfo cache = {0};

	if (!v4 && hop->route) h.rtm_protocol = hop->route->protocol;
	if (!v4 || !addr_is_any(&a->src)) h.rtm_src_len = h.rtm_dst_len;
	nl_begin(w, RTM_NEWROUTE, &h, sizeof h);
	nl_put_addr(w, RTA_DST, &a->dst);
	if (h.rtm_src_len) nl_put_addr(w, RTA_SRC, v4 ? &a->src : addr_is_any(&a->src) ? &addr_any6 : &a->src);
	nl_put_u32(w, RTA_TABLE, table);
	nl_put_u32(w, RTA_OIF, (uint32_t)hop->netif->index);
	if (!addr_is_any(&hop->src) && addr_is_any(&a->src)) nl_put_addr(w, RTA_PREFSRC, &hop->src);
	if (!addr_eq(&hop->nexthop, &a->dst)) nl_put_addr(w, RTA_GATEWAY, &hop->nexthop);
	if (!v4 && hop->route) nl_put_u32(w, RTA_PRIORITY, hop->route->metric);
	if (hop->route) nl_put_route_metrics(w, hop->route);
	if (v4 && a->mark) nl_put_u32(w, RTA_MARK, a->mark);
	if (v4) nl_put_u32(w, RTA_UID, a->uid);
	if (v4 && a->iif) nl_put_u32(w, RTA_IIF, (uint32_t)a->iif->index);
	nl_put(w, RTA_CACHEINFO, &cache, sizeof cache);
	if (!v4) nl_put_u8(w, RTA_PREF, hop->route ? hop->route->pref : 0);
	nl_end(w);
}

/* As Linux: of IPv4, who names nobody means himself. */
static int find(struct stack *s, const struct route_flow *a, struct route_hop *ret)
{
	struct netif *lo = netif_by_name(s, "lo");

	if (!addr_eq(&a->dst, &addr_any4) || a->iif || !lo) return route_find(s, a, ret);
	*ret = (struct route_hop){.netif = lo, .nexthop = a->dst, .src = addr_is_any(&a->src) ? addr_v4(INADDR_LOOPBACK) : a->src, .local = true};
	return 0;
}

int nl_route_get(struct nl_writer *w, const struct nl_request *q)
{
	struct route_flow a;
	struct rtmsg h;
	struct route_hop hop;
	int err = question_read(w, q, &h, &a);

	if (err == 0) err = find(nl_stack(w), &a, &hop);
	if (err < 0) return err;
	if (h.rtm_flags & RTM_F_FIB_MATCH && hop.route) nl_write_route(w, hop.route, RTM_NEWROUTE, 0);
	else hop_write(w, &a, &hop, h.rtm_flags);
	return 0;
}
