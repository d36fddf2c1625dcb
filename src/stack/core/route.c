/*
 * The routing table: one list for both families, kept in the order in which routes are tried, so that a lookup is the
 * first match of a walk: table local, then longest prefix, then lowest metric, then first added.
 *
 * Virtual hosts have a handful of routes; a trie would be more code and slower.
 */
#include "stack/core/route.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include "stack/inet/redirect.h"

#define IP6_USER_METRIC 1024      /* Linux's IP6_RT_PRIO_USER: what metric 0 means in IPv6 */

struct route_table { struct list routes; };

int route_table_new(struct stack *s)
{
	s->routes = calloc(1, sizeof *s->routes);
	if (!s->routes) return -ENOMEM;
	list_init(&s->routes->routes);
	return 0;
}

static void route_free(struct route *r)
{
	list_remove(&r->node);
	free(r);
}

void route_table_free(struct stack *s)
{
	while (!list_empty(&s->routes->routes))
		route_free(list_first(&s->routes->routes, struct route, node));
	free(s->routes);
	s->routes = NULL;
}

const struct list *route_list(const struct stack *s)
{
	return &s->routes->routes;
}

/* ---- changes ---- */

/* Less than 0 when a is tried before b, 0 when they are after the same destinations equally. */
static int order(const struct route *a, const struct route *b)
{
	bool local_a = a->table == RT_TABLE_LOCAL, local_b = b->table == RT_TABLE_LOCAL;
	unsigned host_a = addr_is_v4(&a->dst) ? 96 : 0, host_b = addr_is_v4(&b->dst) ? 96 : 0;

	if (local_a != local_b) return local_a ? -1 : 1;
	if (a->plen + host_a != b->plen + host_b) return a->plen + host_a > b->plen + host_b ? -1 : 1;
	if (a->metric != b->metric) return a->metric < b->metric ? -1 : 1;
	return 0;
}

static bool same_destination(const struct route *a, const struct route *b)
{
	return a->table == b->table && a->plen == b->plen && addr_eq(&a->dst, &b->dst);
}

/* Routes that the kernel adds for addresses may stand beside others of the same destination; those of users may not. */
static bool clashes(const struct route *have, const struct route *add)
{
	if (!same_destination(have, add) || have->metric != add->metric) return false;
	return add->protocol != RTPROT_KERNEL || (have->type == add->type && have->netif == add->netif);
}

/* The gateway has to be a neighbour: reached by a route that needs no gateway itself. Finds the interface where none is named. */
static int resolve_gateway(struct stack *s, struct route *r)
{
	struct route_hop hop;

	if (addr_is_v4(&r->gateway) != addr_is_v4(&r->dst) || addr_is_any(&r->gateway) || addr_is_multicast(&r->gateway)) return -EINVAL;
	if (!addr_is_v4(&r->gateway) && addr_is_linklocal(&r->gateway)) return r->netif ? 0 : -EINVAL;
	if (stack_is_local(s, &r->gateway)) return -EINVAL;
	if (route_lookup(s, &r->gateway, NULL, r->netif, &hop) < 0) return -ENETUNREACH;
	if (!hop.route || hop.route->has_gateway || hop.broadcast) return -ENETUNREACH;
	r->netif = hop.netif;
	return 0;
}

/* Fills in what the caller left open, as Linux does. */
static int complete(struct stack *s, struct route *r)
{
	bool v4 = addr_is_v4(&r->dst);

	if (r->plen > (v4 ? 32 : 128)) return -EINVAL;
	if (v4) {
		struct addr masked = addr_mask(&r->dst, r->plen);
		if (!addr_eq(&masked, &r->dst)) return -EINVAL;
	}
	r->dst = addr_mask(&r->dst, r->plen);
	if (!r->type) r->type = RTN_UNICAST;
	if (!r->table) r->table = RT_TABLE_MAIN;
	if (!r->protocol) r->protocol = RTPROT_BOOT;
	if (!v4 && !r->metric && r->protocol != RTPROT_KERNEL) r->metric = IP6_USER_METRIC;
	if (r->type == RTN_UNREACHABLE || r->type == RTN_BLACKHOLE || r->type == RTN_PROHIBIT) {
		r->netif = NULL;
		r->has_gateway = false;
		return 0;
	}
	if (r->has_prefsrc && !stack_is_local(s, &r->prefsrc)) return -EINVAL;
	if (r->has_gateway) return resolve_gateway(s, r);
	if (v4 && r->type == RTN_UNICAST && r->scope == RT_SCOPE_UNIVERSE) r->scope = RT_SCOPE_LINK;
	return r->netif ? 0 : -ENODEV;
}

int route_add(struct stack *s, const struct route *add, struct route **ret)
{
	struct list *at = &s->routes->routes;
	struct route want = *add, *r;
	int err = complete(s, &want);

	if (err < 0) return err;
	if (want.netif && !(want.netif->flags & IFF_UP) && want.type != RTN_LOCAL) return -ENETDOWN;
	list_each(struct route, have, &s->routes->routes, node) {
		if (clashes(have, &want)) return -EEXIST;
		if (at == &s->routes->routes && order(&want, have) < 0) at = &have->node;
	}
	r = malloc(sizeof *r);
	if (!r) return -ENOMEM;
	*r = want;
	list_insert_before(at, &r->node);
	if (ret) *ret = r;
	return 0;
}

/* What match leaves open (0, NULL, false) fits any. */
static bool matches(const struct route *r, const struct route *match)
{
	return r->table == (match->table ? match->table : RT_TABLE_MAIN) && r->plen == match->plen && addr_eq(&r->dst, &match->dst) &&
	       (!match->type || match->type == r->type) && (!match->netif || match->netif == r->netif) &&
	       (!match->metric || match->metric == r->metric) && (!match->protocol || match->protocol == r->protocol) &&
	       (!match->has_gateway || (r->has_gateway && addr_eq(&r->gateway, &match->gateway)));
}

int route_del(struct stack *s, const struct route *match)
{
	list_each(struct route, r, &s->routes->routes, node)
		if (matches(r, match)) {
			route_free(r);
			return 0;
		}
	return -ESRCH;
}

void route_flush_netif(struct stack *s, const struct netif *nif)
{
	list_each(struct route, r, &s->routes->routes, node)
		if (r->netif == nif) route_free(r);
}

/* ---- lookup ---- */

static struct netif *loopback(const struct stack *s)
{
	list_each(struct netif, nif, &s->netifs, node)
		if (nif->kind == NETIF_LOOPBACK && nif->flags & IFF_UP) return nif;
	return NULL;
}

static const struct route *find(const struct stack *s, const struct addr *dst, const struct netif *oif)
{
	list_each(const struct route, r, &s->routes->routes, node) {
		if (oif && r->netif && r->netif != oif) continue;
		if (addr_in_prefix(dst, &r->dst, r->plen)) return r;
	}
	return NULL;
}

static int refusal(uint8_t type)
{
	switch (type) {
	case RTN_UNREACHABLE: return -EHOSTUNREACH;
	case RTN_BLACKHOLE: return -EINVAL;
	case RTN_PROHIBIT: return -EACCES;
	default: return 0;
	}
}

/* The choices that Linux makes before it looks at routes: may src be used at all, and does it name the interface? */
static int check_source(const struct stack *s, const struct addr *dst, const struct addr *src, struct netif **oif)
{
	const struct netif_addr *ia;

	if (!addr_is_v4(src)) return 0;
	if (addr_is_multicast(src) || addr_eq(src, &addr_bcast4)) return -EINVAL;
	ia = netif_addr_find(s, src, NULL);
	if (!ia) return -ENETUNREACH;
	if (!*oif && (addr_is_multicast(dst) || addr_eq(dst, &addr_bcast4))) *oif = ia->netif;
	return 0;
}

static void fill_local(struct route_hop *hop, struct netif *lo, const struct addr *dst)
{
	hop->netif = lo;
	hop->local = true;
	hop->nexthop = *dst;
	if (addr_is_any(&hop->src)) hop->src = hop->route->has_prefsrc ? hop->route->prefsrc : *dst;
}

/* Without a route: a bound interface (IPv4), or a group on one that carries groups, is taken to be on link. */
static bool on_link_anyway(const struct addr *dst, const struct netif *oif)
{
	return oif && (addr_is_v4(dst) || (addr_is_multicast(dst) && oif->flags & IFF_MULTICAST));
}

static int fill_remote(const struct stack *s, struct route_hop *hop, struct netif *oif, const struct addr *dst)
{
	const struct route *r = hop->route;

	hop->netif = r ? r->netif : oif;
	if (!(hop->netif->flags & IFF_UP)) return -ENETUNREACH;
	hop->broadcast = addr_eq(dst, &addr_bcast4) || (r && r->type == RTN_BROADCAST);
	hop->nexthop = r && r->has_gateway && !hop->broadcast && !addr_is_multicast(dst) ? r->gateway : *dst;
	/* RFC 1122 §3.2.1.3 (g), RFC 4291 §2.5.3: loopback addresses never leave the host. */
	if (!(hop->netif->flags & IFF_LOOPBACK) && (addr_is_loopback(dst) || addr_is_loopback(&hop->src))) return -EINVAL;
	if (!addr_is_any(&hop->src)) return 0;
	if (r && r->has_prefsrc)
		hop->src = r->prefsrc;
	else
		source_select(s, hop->netif, addr_is_v4(dst) ? &hop->nexthop : dst, &hop->src);
	return 0;
}

int route_lookup(struct stack *s, const struct addr *dst, const struct addr *src, struct netif *oif, struct route_hop *ret)
{
	struct route_hop hop = {.src = addr_is_v4(dst) ? addr_any4 : addr_any6};
	int r;

	if (addr_is_any(dst)) return -ENETUNREACH;
	if (src && !addr_is_any(src)) {
		if (addr_is_v4(src) != addr_is_v4(dst)) return -EINVAL;
		r = check_source(s, dst, src, &oif);
		if (r < 0) return r;
		hop.src = *src;
	}
	hop.route = find(s, dst, oif);
	if (!hop.route && !on_link_anyway(dst, oif)) return -ENETUNREACH;
	r = hop.route ? refusal(hop.route->type) : 0;
	if (r < 0) return r;
	if (hop.route && hop.route->type == RTN_LOCAL) {
		struct netif *lo = loopback(s);
		if (!lo) return -ENETUNREACH;
		fill_local(&hop, lo, dst);
	} else {
		r = fill_remote(s, &hop, oif, dst);
		if (r < 0) return r;
		redirect_apply(s, dst, &hop);
	}
	hop.mtu_bytes = hop.route && hop.route->mtu_bytes ? hop.route->mtu_bytes : hop.netif->mtu_bytes;
	*ret = hop;
	return 0;
}
