/* RTM_GETROUTE: the tables, and the way to one destination. What changes them is route_set.c. */
#include <errno.h>
#include <linux/in_route.h>
#include "stack/core/route.h"
#include "stack/inet/inet.h"
#include "stack/netlink/private.h"

static const struct route *of(const void *o) { return o; }

static void put_table(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, of(o)->table); }
static void put_dst(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->plen) nl_put_addr(w, type, &of(o)->dst); }
static void put_priority(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->metric) nl_put_u32(w, type, of(o)->metric); }
static void put_prefsrc(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->has_prefsrc) nl_put_addr(w, type, &of(o)->prefsrc); }

/* Of several ways each is said in RTA_MULTIPATH. */
static void put_gateway(struct nl_writer *w, uint16_t type, const void *o)
{
	if (of(o)->has_gateway && !of(o)->n_ways) nl_put_addr(w, type, &of(o)->gateway);
}

/* As Linux: what refuses in IPv6 is said to lead to loopback. */
static void put_oif(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct route *r = of(o);
	const struct netif *lo = !r->netif && !addr_is_v4(&r->dst) ? netif_by_name(nl_stack(w), "lo") : NULL;

	if (r->n_ways) return;
	if (r->netif || lo) nl_put_u32(w, type, (uint32_t)(r->netif ? r->netif : lo)->index);
}

static uint8_t flags_of(const struct netif *nif, bool onlink, bool dead)
{
	uint32_t flags = onlink ? RTNH_F_ONLINK : 0;

	if (dead) flags |= RTNH_F_DEAD;
	if (dead || (nif && nif->no_carrier)) flags |= RTNH_F_LINKDOWN;
	return (uint8_t)flags;
}

/* A route is down when all of its ways are. */
static uint8_t down_of_ways(const struct route *r)
{
	for (uint32_t i = 0; i < r->n_ways; i++)
		if (!flags_of(r->ways[i].netif, false, r->ways[i].dead)) return 0;
	return RTNH_F_LINKDOWN;
}

static void put_way(struct nl_writer *w, const struct route_way *way)
{
	size_t from = w->len;
	struct rtnexthop h = {.rtnh_flags = flags_of(way->netif, way->onlink, way->dead), .rtnh_hops = (uint8_t)(way->weight - 1),
				.rtnh_ifindex = way->netif->index};

	nl_append(w, &h, sizeof h);
	if (way->has_gateway) nl_put_addr(w, RTA_GATEWAY, &way->gateway);
	nl_nest_end(w, from);
}

static void put_multipath(struct nl_writer *w, uint16_t type, const void *o)
{
	size_t nest;

	if (!of(o)->n_ways) return;
	nest = nl_nest_begin(w, type);
	for (uint32_t i = 0; i < of(o)->n_ways; i++)
		put_way(w, &of(o)->ways[i]);
	nl_nest_end(w, nest);
}

static void put_metrics(struct nl_writer *w, uint16_t type, const void *o)
{
	size_t nest = nl_nest_begin(w, type), before = w->len;

	for (uint16_t i = 1; i <= RTAX_MAX; i++) {
		uint32_t v = i == RTAX_MTU ? of(o)->mtu_bytes : of(o)->metrics[i];
		if (v) nl_put_u32(w, i, v);
	}
	if (w->len == before) w->len = nest;
	else nl_nest_end(w, nest);
}

static void put_pref(struct nl_writer *w, uint16_t type, const void *o)
{
	if (!addr_is_v4(&of(o)->dst)) nl_put_u8(w, type, of(o)->pref);
}

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(RTA_TABLE, put_table),
	ROW(RTA_DST, put_dst),
	ROW(RTA_PRIORITY, put_priority),
	ROW(RTA_PREFSRC, put_prefsrc),
	ROW(RTA_METRICS, put_metrics),
	ROW(RTA_GATEWAY, put_gateway),
	ROW(RTA_OIF, put_oif),
	ROW(RTA_MULTIPATH, put_multipath),
	ROW(RTA_PREF, put_pref),
	{.text = NULL},
};

void nl_write_route(struct nl_writer *w, const struct route *r, uint16_t type, uint16_t flags)
{
	struct rtmsg h = {.rtm_family = nl_family(&r->dst), .rtm_dst_len = r->plen, .rtm_table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_COMPAT,
			  .rtm_protocol = r->protocol, .rtm_scope = r->scope, .rtm_type = r->type, .rtm_tos = r->tos};

	h.rtm_flags = r->n_ways ? down_of_ways(r) : flags_of(r->netif, r->onlink, false);
	w->flags |= flags;
	nl_begin(w, type, &h, sizeof h);
	nl_put_rows(w, rows, r);
	nl_end(w);
}

/* What a dump is to show: everything, or under NETLINK_GET_STRICT_CHK what the request names. */
struct filter { uint8_t family, protocol, type; uint32_t table, oif; };

static struct filter filter_of(const struct nl_writer *w, const struct nl_request *q)
{
	struct filter f = {0};
	struct rtmsg h;

	nl_header(q, &h, sizeof h);
	f.family = h.rtm_family;
	if (!w->ns->strict) return f;
	f.protocol = h.rtm_protocol;
	f.type = h.rtm_type;
	f.table = h.rtm_table;
	nl_find_u32(q, sizeof h, RTA_TABLE, &f.table);
	nl_find_u32(q, sizeof h, RTA_OIF, &f.oif);
	return f;
}

static bool filter_passes(const struct filter *f, const struct route *r)
{
	if (!nl_family_wanted(f->family, nl_family(&r->dst))) return false;
	if (f->protocol && f->protocol != r->protocol) return false;
	if (f->type && f->type != r->type) return false;
	if (f->table && f->table != r->table) return false;
	return !f->oif || (r->netif && (uint32_t)r->netif->index == f->oif);
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct filter f = filter_of(w, q);

	for (int v4 = 1; v4 >= 0; v4--)
		list_each(struct route, r, route_list(nl_stack(w)), node)
			if (addr_is_v4(&r->dst) == v4 && filter_passes(&f, r)) nl_write_route(w, r, RTM_NEWROUTE, 0);
	return 0;
}

/* ---- the way to one destination ---- */

static bool has_port_field(const struct nl_request *q, uint16_t type, uint16_t *ret)
{
	size_t len;
	const uint8_t *p = nl_find(q, sizeof(struct rtmsg), type, &len);

	if (!p || len < 2) return false;
	*ret = (uint16_t)(p[0] << 8 | p[1]);
	return true;
}

/* What rules may ask about. */
static void policy_read(const struct nl_request *q, const struct rtmsg *h, struct route_flow *f)
{
	size_t len;
	const uint8_t *p = nl_find(q, sizeof *h, RTA_IP_PROTO, &len);

	f->tos = h->rtm_tos;
	if (p && len) f->proto = p[0];
	nl_find_u32(q, sizeof *h, RTA_MARK, &f->mark);
	nl_find_u32(q, sizeof *h, RTA_UID, &f->uid);
	(void)has_port_field(q, RTA_SPORT, &f->sport);
	(void)has_port_field(q, RTA_DPORT, &f->dport);
}

static int question_read(const struct nl_writer *w, const struct nl_request *q, struct route_flow *ret)
{
	struct rtmsg h;
	uint32_t oif = 0, iif = 0;

	nl_header(q, &h, sizeof h);
	if (h.rtm_family != AF_INET && h.rtm_family != AF_INET6) return -EOPNOTSUPP;
	*ret = (struct route_flow){.uid = w->ns->sk.uid};
	ret->dst = ret->src = h.rtm_family == AF_INET ? addr_any4 : addr_any6;
	nl_find_addr(q, sizeof h, RTA_DST, &ret->dst);
	nl_find_addr(q, sizeof h, RTA_SRC, &ret->src);
	if (addr_is_v4(&ret->dst) != (h.rtm_family == AF_INET) || addr_is_v4(&ret->src) != (h.rtm_family == AF_INET)) return -EINVAL;
	policy_read(q, &h, ret);
	nl_find_u32(q, sizeof h, RTA_OIF, &oif);
	nl_find_u32(q, sizeof h, RTA_IIF, &iif);
	if (oif && !(ret->oif = netif_by_index(nl_stack(w), (int)oif))) return -ENODEV;
	if (iif && !(ret->iif = netif_by_index(nl_stack(w), (int)iif))) return -ENODEV;
	return 0;
}

/* What `ip route get` asks: its words are Linux's, and IPv6's differ. */
static void hop_write(struct nl_writer *w, const struct route_flow *a, const struct route_hop *hop, uint32_t asked_flags)
{
	bool v4 = addr_is_v4(&a->dst), named = asked_flags & RTM_F_LOOKUP_TABLE || !v4;
	/* As Linux, where IPv4's table local is a part of main until there are rules of one's own. */
	uint32_t table = named && hop->route && !(v4 && hop->local) ? hop->route->table : RT_TABLE_MAIN;
	struct rtmsg h = {.rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = v4 ? 32 : 128, .rtm_table = table < 256 ? (uint8_t)table : RT_TABLE_COMPAT,
			  .rtm_type = hop->local ? RTN_LOCAL : hop->broadcast ? RTN_BROADCAST : RTN_UNICAST, .rtm_flags = RTM_F_CLONED};
	struct rta_cacheinfo cache = {0};

	if (v4 && hop->local) h.rtm_flags |= RTCF_LOCAL;
	if (v4 && hop->broadcast) h.rtm_flags |= RTCF_BROADCAST;
	if (!v4 && hop->route) h.rtm_protocol = hop->route->protocol;
	if (!v4 || !addr_is_any(&a->src)) h.rtm_src_len = h.rtm_dst_len;
	nl_begin(w, RTM_NEWROUTE, &h, sizeof h);
	nl_put_addr(w, RTA_DST, &a->dst);
	if (h.rtm_src_len) nl_put_addr(w, RTA_SRC, v4 ? &a->src : addr_is_any(&a->src) ? &addr_any6 : &a->src);
	nl_put_u32(w, RTA_TABLE, table);
	nl_put_u32(w, RTA_OIF, (uint32_t)hop->netif->index);
	if (!addr_is_any(&hop->src) && addr_is_any(&a->src)) nl_put_addr(w, RTA_PREFSRC, &hop->src);
	if (!addr_eq(&hop->nexthop, &a->dst)) nl_put_addr(w, RTA_GATEWAY, &hop->nexthop);
	if (!v4 && hop->route) put_priority(w, RTA_PRIORITY, hop->route);
	if (hop->route) put_metrics(w, RTA_METRICS, hop->route);
	if (v4 && a->mark) nl_put_u32(w, RTA_MARK, a->mark);
	if (v4) nl_put_u32(w, RTA_UID, a->uid);
	nl_put(w, RTA_CACHEINFO, &cache, sizeof cache);
	if (!v4) nl_put_u8(w, RTA_PREF, hop->route ? hop->route->pref : 0);
	nl_end(w);
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct route_flow a;
	struct rtmsg h;
	struct route_hop hop;
	int r = question_read(w, q, &a);

	if (r == 0) r = route_find(nl_stack(w), &a, &hop);
	if (r < 0) return r;
	nl_header(q, &h, sizeof h);
	if (h.rtm_flags & RTM_F_FIB_MATCH && hop.route) nl_write_route(w, hop.route, RTM_NEWROUTE, 0);
	else hop_write(w, &a, &hop, h.rtm_flags);
	return 0;
}

const struct nl_kind nl_route = {RTM_GETROUTE, dump, one, nl_route_make, nl_route_del, NULL};
