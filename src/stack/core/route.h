/* The routing table of both families: longest prefix, then lowest metric, then first added. */
#pragma once
#include "stack/core/netif.h"

struct route {
	struct list node;
	struct addr dst; uint8_t plen;
	bool has_gateway; struct addr gateway;
	struct netif *netif;                 /* NULL for unreachable and blackhole */
	bool has_prefsrc; struct addr prefsrc;
	uint32_t metric;
	uint8_t type, protocol, scope, table;   /* RTN_*, RTPROT_*, RT_SCOPE_*, RT_TABLE_* */
	uint32_t mtu_bytes;                  /* 0: the interface's */
};

/* Where a datagram goes: the answer of route_lookup. */
/* route is NULL where Linux goes without one: a bound interface with no route to dst is taken to be on link. */
struct route_hop { const struct route *route; struct netif *netif; struct addr nexthop, src; uint32_t mtu_bytes; bool local, broadcast; };

int route_table_new(struct stack *s);
void route_table_free(struct stack *s);
int route_add(struct stack *s, const struct route *r, struct route **ret);   /* copies r; -EEXIST, -ENETUNREACH for a gateway that is not on link, -ENOMEM */
int route_del(struct stack *s, const struct route *match);                    /* -ESRCH */
/* src may be any (then hop.src is chosen: prefsrc, else by RFC 6724 among the interface's addresses). oif NULL or a netif to bind to.
 * Local destinations answer the loopback interface. 0, -ENETUNREACH, -EHOSTUNREACH (unreachable route), -EINVAL (blackhole). */
int route_lookup(struct stack *s, const struct addr *dst, const struct addr *src, struct netif *oif, struct route_hop *ret);
const struct list *route_list(const struct stack *s);                         /* struct route.node, for dumps */
void route_flush_netif(struct stack *s, const struct netif *nif);             /* every route through nif */

/* Source address selection (source.c): the address of this host to talk to dst from, when the datagram leaves through nif.
 * IPv4 as Linux, IPv6 as RFC 6724. false when the host has none that fits. */
bool source_select(const struct stack *s, const struct netif *nif, const struct addr *dst, struct addr *ret);
