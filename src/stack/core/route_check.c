/* What a new route demands: is it possible, and through which interface does it lead? In Linux's words, as `ip route` shows them. */
#include <errno.h>
#include <net/if.h>
#include "stack/core/route.h"
#include "stack/netlink/notify.h"

#define IP6_USER_METRIC 1024      /* Linux's IP6_RT_PRIO_USER: what metric 0 means in IPv6 */

static bool is_refusing(uint8_t type) { return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT || type == RTN_THROW; }

/* One way, as the route names it. */
struct way { struct netif **netif; const struct addr *gateway; bool onlink; };

/* ---- IPv4 ---- */

/* The gateway has to be a neighbour: reached by a route that needs no gateway itself. Finds the interface where none is named. */
static int gateway4(struct stack *s, const struct route *r, struct way *w)
{
	struct route_flow f = {.dst = *w->gateway, .src = addr_any4, .oif = *w->netif};
	const struct route *to;
	struct route_hop hop;

	if (addr_is_any(w->gateway) || addr_is_multicast(w->gateway))
		return netlink_refuse(s, -EINVAL, "Nexthop has invalid gateway");
	if (w->onlink) {
		if (r->scope >= RT_SCOPE_LINK) return netlink_refuse(s, -EINVAL, "Nexthop has invalid scope");
		if (!*w->netif) return netlink_refuse(s, -ENODEV, "Nexthop device required for onlink");
		return (*w->netif)->flags & IFF_UP ? 0 : netlink_refuse(s, -ENETDOWN, "Nexthop device is not up");
	}
	to = r->table == RT_TABLE_MAIN ? NULL : route_table_find(s, r->table, &f, -1);
	if (!to || to->has_gateway) {
		int err = route_find(s, &f, &hop);
		if (err < 0) return netlink_refuse(s, err == -EHOSTUNREACH ? err : -ENETUNREACH, "Nexthop has invalid gateway");
		to = hop.route;
	}
	if (!to || to->has_gateway || r->scope >= RT_SCOPE_LINK) return netlink_refuse(s, -ENETUNREACH, "Nexthop has invalid gateway");
	/* As Linux: also an address of our own. */
	if (to->type != RTN_UNICAST && to->type != RTN_LOCAL) return netlink_refuse(s, -EINVAL, "Nexthop has invalid gateway");
	*w->netif = to->netif;
	return 0;
}

static int way4(struct stack *s, const struct route *r, struct way *w)
{
	if (w->gateway && r->scope == RT_SCOPE_HOST) return netlink_refuse(s, -EINVAL, "Route with host scope can not have a gateway");
	if (w->gateway) return gateway4(s, r, w);
	if (w->onlink) return netlink_refuse(s, -EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set");
	if (!*w->netif) return -ENODEV;
	if (!((*w->netif)->flags & IFF_UP) && r->scope != RT_SCOPE_HOST) return netlink_refuse(s, -ENETDOWN, "Device for nexthop is not up");
	return 0;
}

/* Linux's fib_props: the widest scope that a type may have. */
static uint8_t least_scope(uint8_t type)
{
	switch (type) {
	case RTN_LOCAL: return RT_SCOPE_HOST;
	case RTN_BROADCAST: case RTN_ANYCAST: return RT_SCOPE_LINK;
	case RTN_UNSPEC: case RTN_NAT: case RTN_XRESOLVE: return RT_SCOPE_NOWHERE;
	default: return RT_SCOPE_UNIVERSE;
	}
}

static int check4(struct stack *s, struct route *r)
{
	struct addr masked;

	if (r->plen > 32) return netlink_refuse(s, -EINVAL, "Invalid prefix length");
	masked = addr_mask(&r->dst, r->plen);
	if (!addr_eq(&masked, &r->dst)) return netlink_refuse(s, -EINVAL, "Invalid prefix for given prefix length");
	if (r->scope < least_scope(r->type)) return netlink_refuse(s, -EINVAL, "Invalid scope");
	if (is_refusing(r->type)) {
		if (!r->has_gateway && !r->netif && !r->n_ways) return 0;
		return netlink_refuse(s, -EINVAL, "Gateway, device and multipath can not be specified for this route type");
	}
	if (r->type > RTN_MULTICAST) return netlink_refuse(s, -EINVAL, "Invalid route type");
	if (r->scope > RT_SCOPE_HOST) return netlink_refuse(s, -EINVAL, "Invalid scope");
	if (r->scope == RT_SCOPE_HOST && r->n_ways) return netlink_refuse(s, -EINVAL, "Route with host scope can not have multiple nexthops");
	return 1;
}

/* ---- IPv6 ---- */

static int gateway6(struct stack *s, struct way *w)
{
	struct route_hop hop;

	if (addr_is_any(w->gateway) || addr_is_multicast(w->gateway) || addr_is_loopback(w->gateway))
		return netlink_refuse(s, -EINVAL, "Invalid gateway address");
	if (netif_addr_find(s, w->gateway, addr_is_linklocal(w->gateway) ? *w->netif : NULL))
		return netlink_refuse(s, -EINVAL, "Gateway can not be a local address");
	if (addr_is_linklocal(w->gateway)) return *w->netif ? 0 : netlink_refuse(s, -EINVAL, "Egress device not specified");
	if (w->onlink) return *w->netif ? 0 : netlink_refuse(s, -ENODEV, "Nexthop device required for onlink");
	if (route_lookup(s, w->gateway, NULL, *w->netif, &hop) < 0) return -EHOSTUNREACH;
	if (!hop.route || hop.route->has_gateway || hop.local) return -EHOSTUNREACH;
	*w->netif = hop.netif;
	return 0;
}

static int way6(struct stack *s, const struct route *r, struct way *w)
{
	int err = w->gateway ? gateway6(s, w) : 0;

	if (err < 0) return err;
	if (!*w->netif) return -ENODEV;
	if ((*w->netif)->conf.disable_ipv6) return netlink_refuse(s, -EACCES, "IPv6 is disabled on nexthop device");
	if (w->gateway && (*w->netif)->flags & IFF_LOOPBACK) return netlink_refuse(s, -EINVAL, "Egress device can not be loopback device for this route");
	return (*w->netif)->flags & IFF_UP || r->type == RTN_LOCAL ? 0 : netlink_refuse(s, -ENETDOWN, "Nexthop device is not up");
}

static int check6(struct stack *s, struct route *r)
{
	if (r->plen > 128) return netlink_refuse(s, -EINVAL, "Invalid prefix length");
	r->dst = addr_mask(&r->dst, r->plen);
	if (!r->metric && r->protocol != RTPROT_KERNEL) r->metric = IP6_USER_METRIC;
	if (!is_refusing(r->type)) return 1;
	/* As Linux: whatever way it names means nothing. */
	r->netif = NULL;
	r->has_gateway = false;
	r->ways = NULL;
	r->n_ways = 0;
	return 0;
}

/* ---- both ---- */

static int check_way(struct stack *s, const struct route *r, struct netif **netif, bool has_gateway, const struct addr *gateway, bool onlink)
{
	struct way w = {.netif = netif, .gateway = has_gateway ? gateway : NULL, .onlink = onlink};

	if (has_gateway && addr_is_v4(gateway) != addr_is_v4(&r->dst)) return -EINVAL;
	return (addr_is_v4(&r->dst) ? way4 : way6)(s, r, &w);
}

static int check_ways(struct stack *s, struct route *r)
{
	for (uint32_t i = 0; i < r->n_ways; i++) {
		struct route_way *w = &r->ways[i];
		int err = check_way(s, r, &w->netif, w->has_gateway, &w->gateway, w->onlink);
		if (err < 0) return err;
	}
	if (!r->n_ways) return check_way(s, r, &r->netif, r->has_gateway, &r->gateway, r->onlink);
	r->netif = r->ways[0].netif;
	r->has_gateway = r->ways[0].has_gateway;
	r->gateway = r->ways[0].gateway;
	return 0;
}

int route_check(struct stack *s, struct route *r)
{
	bool v4 = addr_is_v4(&r->dst);
	int err = v4 ? check4(s, r) : check6(s, r);

	if (err > 0) err = check_ways(s, r);
	if (err < 0) return err;
	if (r->has_prefsrc && (addr_is_v4(&r->prefsrc) != v4 || (r->type != RTN_LOCAL && !stack_is_local(s, &r->prefsrc))))
		return netlink_refuse(s, -EINVAL, v4 ? "Invalid prefsrc address" : "Invalid source address");
	return 0;
}
