/*
 * The routing tables of both families: longest prefix, then lowest metric, then first added. Rules (rule.h) say which table is asked when.
 *
 *     route_lookup, route_find -> rules -> table -> route -> [one of its ways] -> struct route_hop
 */
#pragma once
#include <linux/rtnetlink.h>
#include "stack/core/netif.h"

#define ROUTE_WAYS_MAX 64
#define TABLES_MAX 1024                      /* of one host: each rule of a lookup walks them */
#define ROUTES_MAX 32768                     /* of one host: memory of ours, and a walk for each lookup */

/* One of the ways that a route leads. */
struct route_way {
	struct netif *netif;
	bool has_gateway, onlink, dead;      /* onlink: the gateway needs no route. dead: netif is down; only beside ways that are not */
	struct addr gateway;
	uint32_t weight;                     /* 1 to 256 */
};

struct route {
	struct list node;                    /* of all, in the order of dumps */
	struct list tried;                   /* of the table, in the order of lookups */
	struct addr dst; uint8_t plen;
	bool has_gateway, onlink; struct addr gateway;
	struct netif *netif;                 /* NULL for unreachable and blackhole */
	bool has_prefsrc; struct addr prefsrc;
	uint32_t metric;
	uint32_t table;                      /* RT_TABLE_* */
	uint8_t type, protocol, scope, tos;  /* RTN_*, RTPROT_*, RT_SCOPE_* */
	uint8_t pref;                        /* IPv6: of routers, RFC 4191 */
	uint32_t mtu_bytes;                  /* 0: the interface's */
	uint32_t metrics[RTAX_MAX + 1];      /* by RTAX_*, but RTAX_MTU; 0: none */
	struct route_way *ways;              /* of a route with several; the first is gateway and netif above. NULL: they are the only one */
	uint32_t n_ways;
};

/* Where a datagram goes: the answer of route_lookup. */
/* route is NULL where Linux goes without one: a bound interface with no route to dst is taken to be on link. */
struct route_hop { const struct route *route; struct netif *netif; struct addr nexthop, src; uint32_t mtu_bytes; bool local, broadcast; };

/* What a datagram is, as far as its way depends on it. */
struct route_flow {
	struct addr dst, src;                /* src any: it is chosen */
	struct netif *oif;                   /* bound to, or NULL */
	const struct netif *iif;             /* it came in here and is passed on; NULL: it is our own */
	uint32_t mark, uid;
	uint8_t tos, proto;
	uint16_t sport, dport;               /* 0: not known */
};

int route_table_new(struct stack *s);
void route_table_free(struct stack *s);
/* Copies r, and completes it: what the host itself and its topology add. -EEXIST, -ENETUNREACH for a gateway that is not on link, -ENOMEM */
int route_add(struct stack *s, const struct route *r, struct route **ret);
/* As RTM_NEWROUTE with these NLM_F_* flags, r as complete as a message is: the errnos are Linux's, and said with the cause (netlink_refuse). */
int route_put(struct stack *s, const struct route *r, unsigned flags);
int route_check(struct stack *s, struct route *r);                            /* route_check.c: what r demands, completed; inside core */
int route_del(struct stack *s, const struct route *match);                    /* what match leaves open fits any. -ESRCH */
/* src may be any (then hop.src is chosen: prefsrc, else by RFC 6724 among the interface's addresses). oif NULL or a netif to bind to.
 * Local destinations answer the loopback interface. 0, -ENETUNREACH, -EHOSTUNREACH (unreachable route), -EINVAL (blackhole). */
int route_lookup(struct stack *s, const struct addr *dst, const struct addr *src, struct netif *oif, struct route_hop *ret);
int route_find(struct stack *s, const struct route_flow *f, struct route_hop *ret);   /* the same, by all that rules may ask about */
int route_memos_new(struct stack *s);                                         /* the ways that were found last, of which there are none yet */
void route_memos_free(struct stack *s);
const struct list *route_list(const struct stack *s);                         /* struct route.node, for dumps */
void route_flush_netif(struct stack *s, const struct netif *nif);             /* every way through nif */
void route_netif_down(struct stack *s, const struct netif *nif);              /* the same, but of IPv4 what is local stays */
void route_netif_disable(struct stack *s, const struct netif *nif, bool v4);  /* nif has nothing more of that family: what leads through it dies */
void route_revive(struct stack *s, const struct netif *nif, bool v4);         /* nif is up: ways of that family that died with it live */
bool route_flush_source(struct stack *s, const struct addr *src);             /* every route that prefers src; false: there was none */
bool route_table_exists(const struct stack *s, uint32_t table, bool v4);       /* a route of the family has been in it */
uint32_t route_table_unused(struct stack *s);                                 /* one that nobody used, made; 0: there is none */
/* The route of one table that f takes, or NULL. least_plen: shorter prefixes do not count, and < 0 all do. */
const struct route *route_table_find(const struct stack *s, uint32_t table, const struct route_flow *f, int least_plen);

/* Source address selection (source.c): the address of this host to talk to dst from, when the datagram leaves through nif.
 * IPv4 as Linux, IPv6 as RFC 6724. false when the host has none that fits. */
bool source_select(const struct stack *s, const struct netif *nif, const struct addr *dst, struct addr *ret);
