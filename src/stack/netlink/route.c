/* RTM_GETROUTE: the tables. The way to one destination is route_get.c, what changes them route_set.c. */
#include <errno.h>
#include "stack/core/route.h"
#include "stack/netlink/private.h"
#include "stack/tcp/tcp.h"

static const struct route *of(const void *o) { return o; }

static void put_table(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, of(o)->table); }
static void put_dst(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->plen) nl_put_addr(w, type, &of(o)->dst); }
/* As Linux: IPv6 says it also where it is 0. */
static void put_priority(struct nl_writer *w, uint16_t type, const void *o)
{
	if (of(o)->metric || !addr_is_v4(&of(o)->dst)) nl_put_u32(w, type, of(o)->metric);
}

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

void nl_put_route_metrics(struct nl_writer *w, const struct route *r)
{
	size_t nest = nl_nest_begin(w, RTA_METRICS), before = w->len;

	for (uint16_t i = 1; i <= RTAX_MAX; i++) {
		uint32_t v = i == RTAX_MTU ? r->mtu_bytes : r->metrics[i];
		if (v && i == RTAX_CC_ALGO) nl_put_text(w, i, tcp_congestion_name(v));
		else if (v) nl_put_u32(w, i, v);
	}
	if (w->len == before) w->len = nest;
	else nl_nest_end(w, nest);
}

static void put_metrics(struct nl_writer *w, uint16_t type, const void *o)
{
	(void)type;
	nl_put_route_metrics(w, o);
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

/* ---- dumps ---- */

static const struct rtmsg free_fields = {.rtm_family = 0xff, .rtm_table = 0xff, .rtm_protocol = 0xff, .rtm_type = 0xff, .rtm_flags = UINT32_MAX};
#define DUMP_FORM(policy) \
	{sizeof(struct rtmsg), &free_fields, policy, RTA_MAX + 1, NL_TYPE(RTA_TABLE) | NL_TYPE(RTA_OIF), \
	 .bad_header = "Invalid header for FIB dump request", .bad_value = "Invalid values in header for FIB dump request", \
	 .bad_attribute = "Unsupported attribute in dump request"}
static const struct nl_form form4 = DUMP_FORM(nl_route4_policy), form6 = DUMP_FORM(nl_route6_policy);

/* What a dump is to show: everything, or under NETLINK_GET_STRICT_CHK what the request names. cached: what Linux has learnt of destinations, here nothing. */
struct filter { uint8_t family, protocol, type; uint32_t table; const struct netif *oif; bool cached; };

static int filter_read(struct nl_writer *w, const struct nl_request *q, struct filter *ret)
{
	const struct stack *s = nl_stack(w);
	struct nl_attr tb[RTA_MAX + 1];
	struct rtmsg h;
	int err = nl_form_read(w, q, q->body[0] == AF_INET6 ? &form6 : &form4, &h, tb);

	*ret = (struct filter){.family = h.rtm_family, .cached = (h.rtm_flags & (w->ns->strict ? RTM_F_CLONED | RTM_F_PREFIX : RTM_F_PREFIX)) != 0};
	if (err < 0 || !w->ns->strict) return err;
	if (h.rtm_flags & ~(unsigned)(RTM_F_CLONED | RTM_F_PREFIX)) return netlink_refuse(s, -EINVAL, "Invalid flags for FIB dump request");
	ret->protocol = h.rtm_protocol;
	ret->type = h.rtm_type;
	ret->table = tb[RTA_TABLE].at ? nl_u32(&tb[RTA_TABLE]) : h.rtm_table;
	if (tb[RTA_OIF].at && !(ret->oif = netif_by_index(s, (int)nl_u32(&tb[RTA_OIF])))) return -ENODEV;
	w->flags |= NLM_F_DUMP_FILTERED;
	return 0;
}

static bool filter_passes(const struct filter *f, const struct route *r)
{
	if (!nl_family_wanted(f->family, nl_family(&r->dst))) return false;
	if (f->protocol && f->protocol != r->protocol) return false;
	if (f->type && f->type != r->type) return false;
	if (f->table && f->table != r->table) return false;
	return !f->oif || r->netif == f->oif;
}

/* As Linux: a table that there is not is wrong only if its family is named, too. */
static int check_table(const struct stack *s, const struct filter *f)
{
	if (!f->table || (f->family != AF_INET && f->family != AF_INET6) || route_table_exists(s, f->table, f->family == AF_INET)) return 0;
	return netlink_refuse(s, -ENOENT, f->family == AF_INET ? "ipv4: FIB table does not exist" : "ipv6: FIB table does not exist");
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct filter f;
	int err = filter_read(w, q, &f);

	if (err == 0) err = check_table(nl_stack(w), &f);
	if (err < 0 || f.cached) return err;
	for (int v4 = 1; v4 >= 0; v4--)
		list_each(struct route, r, route_list(nl_stack(w)), node)
			if (addr_is_v4(&r->dst) == v4 && filter_passes(&f, r)) nl_write_route(w, r, RTM_NEWROUTE, 0);
	/* As Linux: all families are all, and each of these is one. */
	for (int v4 = 1; v4 >= 0 && f.family == AF_UNSPEC; v4--) nl_dump_mroutes(w, v4, f.table);
	return 0;
}

const struct nl_kind nl_route = {RTM_GETROUTE, dump, nl_route_get, nl_route_make, nl_route_del, NULL, 0, END_APART};
