/* RTM_GETROUTE: the table, and the way to one destination. */
#include <errno.h>
#include "stack/core/route.h"
#include "stack/inet/inet.h"
#include "stack/netlink/private.h"

static const struct route *of(const void *o) { return o; }

static void put_table(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, of(o)->table); }
static void put_dst(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->plen) nl_put_addr(w, type, &of(o)->dst); }
static void put_priority(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->metric) nl_put_u32(w, type, of(o)->metric); }
static void put_gateway(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->has_gateway) nl_put_addr(w, type, &of(o)->gateway); }
static void put_prefsrc(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->has_prefsrc) nl_put_addr(w, type, &of(o)->prefsrc); }
static void put_oif(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->netif) nl_put_u32(w, type, (uint32_t)of(o)->netif->index); }

static void put_metrics(struct nl_writer *w, uint16_t type, const void *o)
{
	size_t nest;

	if (!of(o)->mtu_bytes) return;
	nest = nl_nest_begin(w, type);
	nl_put_u32(w, RTAX_MTU, of(o)->mtu_bytes);
	nl_nest_end(w, nest);
}

static void put_pref(struct nl_writer *w, uint16_t type, const void *o)
{
	if (!addr_is_v4(&of(o)->dst)) nl_put_u8(w, type, 0);   /* medium, RFC 4191 */
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
	ROW(RTA_PREF, put_pref),
	{.text = NULL},
};

static struct rtmsg header_of(const struct route *r)
{
	return (struct rtmsg){.rtm_family = nl_family(&r->dst), .rtm_dst_len = r->plen, .rtm_table = r->table, .rtm_protocol = r->protocol,
			      .rtm_scope = r->scope, .rtm_type = r->type};
}

static void route_write(struct nl_writer *w, const struct route *r)
{
	struct rtmsg h = header_of(r);

	nl_begin(w, RTM_NEWROUTE, &h, sizeof h);
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
			if (addr_is_v4(&r->dst) == v4 && filter_passes(&f, r)) route_write(w, r);
	return 0;
}

/* ---- the way to one destination ---- */

struct question { struct addr dst, src; struct netif *oif; };

static int question_read(const struct stack *s, const struct nl_request *q, struct question *ret)
{
	struct rtmsg h;
	uint32_t oif;

	nl_header(q, &h, sizeof h);
	if (h.rtm_family != AF_INET && h.rtm_family != AF_INET6) return -EOPNOTSUPP;
	ret->dst = ret->src = h.rtm_family == AF_INET ? addr_any4 : addr_any6;
	nl_find_addr(q, sizeof h, RTA_DST, &ret->dst);
	nl_find_addr(q, sizeof h, RTA_SRC, &ret->src);
	ret->oif = NULL;
	if (addr_is_v4(&ret->dst) != (h.rtm_family == AF_INET) || addr_is_v4(&ret->src) != (h.rtm_family == AF_INET)) return -EINVAL;
	if (!nl_find_u32(q, sizeof h, RTA_OIF, &oif) || !oif) return 0;
	ret->oif = netif_by_index(s, (int)oif);
	return ret->oif ? 0 : -ENODEV;
}

static void hop_write(struct nl_writer *w, const struct question *a, const struct route_hop *hop)
{
	bool v4 = addr_is_v4(&a->dst);
	uint8_t table = hop->local ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
	struct rtmsg h = {.rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = v4 ? 32 : 128, .rtm_table = table, .rtm_scope = RT_SCOPE_UNIVERSE,
			  .rtm_type = hop->local ? RTN_LOCAL : hop->broadcast ? RTN_BROADCAST : RTN_UNICAST, .rtm_flags = RTM_F_CLONED};
	struct rta_cacheinfo cache = {0};

	nl_begin(w, RTM_NEWROUTE, &h, sizeof h);
	nl_put_addr(w, RTA_DST, &a->dst);
	nl_put_u32(w, RTA_TABLE, table);
	nl_put_u32(w, RTA_OIF, (uint32_t)hop->netif->index);
	if (!addr_is_any(&hop->src)) nl_put_addr(w, RTA_PREFSRC, &hop->src);
	if (!addr_eq(&hop->nexthop, &a->dst)) nl_put_addr(w, RTA_GATEWAY, &hop->nexthop);
	nl_put_u32(w, RTA_UID, w->ns->sk.uid);
	nl_put(w, RTA_CACHEINFO, &cache, sizeof cache);
	if (!v4) nl_put_u8(w, RTA_PREF, 0);
	nl_end(w);
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct question a;
	struct route_hop hop;
	int r = question_read(nl_stack(w), q, &a);

	if (r == 0) r = route_lookup(nl_stack(w), &a.dst, &a.src, a.oif, &hop);
	if (r < 0) return r;
	hop_write(w, &a, &hop);
	return 0;
}

const struct nl_kind nl_route = {RTM_GETROUTE, dump, one};
