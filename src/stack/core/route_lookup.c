/*
 * Where does a datagram go? The rules choose a route; of several ways the hash of both addresses chooses one, so that a connection keeps to it. What
 * Linux decides before and after is here too: which sources may be used, and what goes without a route.
 *
 * A connection asks the same for each of its segments. So the last ways found are kept, as long as nothing that they follow from has changed: routes,
 * rules, addresses, interfaces (stack_ways_changed). What is learnt by redirects comes and goes with time, and is looked at anew.
 */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include "stack/core/rule.h"
#include "stack/inet/redirect.h"

static struct netif *loopback(const struct stack *s)
{
	list_each(struct netif, nif, &s->netifs, node)
		if (nif->kind == NETIF_LOOPBACK && nif->flags & IFF_UP) return nif;
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
static int check_source(const struct stack *s, struct route_flow *f)
{
	const struct netif_addr *ia;

	if (addr_is_any(&f->src)) return 0;
	if (addr_is_v4(&f->src) != addr_is_v4(&f->dst)) return -EINVAL;
	if (!addr_is_v4(&f->src) || f->iif) return 0;
	if (addr_is_multicast(&f->src) || addr_eq(&f->src, &addr_bcast4)) return -EINVAL;
	ia = netif_addr_find(s, &f->src, NULL);
	if (!ia) return -ENETUNREACH;
	if (!f->oif && (addr_is_multicast(&f->dst) || addr_eq(&f->dst, &addr_bcast4))) f->oif = ia->netif;
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
static bool on_link_anyway(const struct route_flow *f)
{
	if (!f->oif || addr_is_v4(&f->dst)) return f->oif;
	return addr_is_multicast(&f->dst) && f->oif->flags & IFF_MULTICAST && !f->oif->conf.disable_ipv6;
}

/* ---- one of several ways ---- */

static bool is_usable(const struct route_way *w, const struct route_flow *f)
{
	return !w->dead && w->netif->flags & IFF_UP && (!f->oif || w->netif == f->oif);
}

/* As Linux: each way has a part of all hashes, as large as its weight; and one whose interface has the source, if there is one, goes before. */
static const struct route_way *choose_way(const struct stack *s, const struct route *r, const struct route_flow *f)
{
	struct { struct addr src, dst; } key = {f->src, f->dst};
	uint64_t total = 0, part = 0, point;
	const struct route_way *own = NULL, *hashed = NULL;

	for (uint32_t i = 0; i < r->n_ways; i++)
		if (is_usable(&r->ways[i], f)) total += r->ways[i].weight;
	if (!total) return NULL;
	point = stack_hash(s, &key, sizeof key) % total;
	for (uint32_t i = 0; i < r->n_ways; i++) {
		const struct route_way *w = &r->ways[i];
		bool has_source = !addr_is_any(&f->src) && netif_addr_find(s, &f->src, w->netif);
		if (!is_usable(w, f)) continue;
		part += w->weight;
		if (!hashed && point < part) hashed = w;
		if (has_source && (!own || w == hashed)) own = w;
	}
	return addr_is_v4(&f->dst) && own ? own : hashed;
}

static int fill_remote(const struct stack *s, struct route_hop *hop, const struct route_flow *f)
{
	const struct route *r = hop->route;
	struct route_way single = {.netif = r ? r->netif : f->oif, .has_gateway = r && r->has_gateway};
	const struct route_way *way = &single;
	const struct addr *dst = &f->dst;

	if (r) single.gateway = r->gateway;
	if (r && r->n_ways) way = choose_way(s, r, f);
	if (!way || !(way->netif->flags & IFF_UP)) return -ENETUNREACH;
	hop->netif = way->netif;
	hop->broadcast = addr_eq(dst, &addr_bcast4) || (r && r->type == RTN_BROADCAST);
	hop->nexthop = way->has_gateway && !hop->broadcast && !addr_is_multicast(dst) ? way->gateway : *dst;
	/* RFC 1122 §3.2.1.3 (g), RFC 4291 §2.5.3: loopback addresses never leave the host. As Linux: whoever receives it drops what is sent to 127.0.0.1 by
	 * a bound interface, or from ::1. */
	if (!(hop->netif->flags & IFF_LOOPBACK) && addr_is_loopback(addr_is_v4(dst) ? &hop->src : dst)) return -EINVAL;
	if (!addr_is_any(&hop->src)) return 0;
	if (r && r->has_prefsrc)
		hop->src = r->prefsrc;
	else
		source_select(s, hop->netif, addr_is_v4(dst) ? &hop->nexthop : dst, &hop->src);
	return 0;
}

/* ---- what was found last ---- */

#define MEMOS 8

struct route_memo { uint64_t ways; struct route_flow flow; struct route_hop hop; };

int route_memos_new(struct stack *s)
{
	s->ways = 1;
	s->memos = calloc(MEMOS, sizeof *s->memos);
	return s->memos ? 0 : -ENOMEM;
}

void route_memos_free(struct stack *s) { free(s->memos); }

static struct route_memo *memo_of(const struct stack *s, const struct route_flow *f)
{
	return &s->memos[(f->dst.b[15] ^ f->src.b[15] << 1 ^ f->dst.b[0]) % MEMOS];
}

/* Of a flow with a source of its own: one is chosen anew each time. The ports are not looked at: rules_mind_ports. */
static bool recalls(const struct stack *s, const struct route_memo *m, const struct route_flow *f)
{
	const struct route_flow *k = &m->flow;

	return m->ways == s->ways && addr_eq(&k->dst, &f->dst) && addr_eq(&k->src, &f->src) && k->oif == f->oif && k->iif == f->iif &&
	       k->mark == f->mark && k->uid == f->uid && k->tos == f->tos && k->proto == f->proto;
}

static void remember(const struct stack *s, struct route_memo *m, const struct route_flow *f, const struct route_hop *hop)
{
	if (!addr_is_any(&f->src) && !rules_mind_ports(s)) *m = (struct route_memo){s->ways, *f, *hop};
}

/* ---- the lookup ---- */

/* An anycast address is ours, and never a source. */
static bool is_local(struct stack *s, struct route_hop *hop, const struct route_flow *f)
{
	if (!hop->route || addr_is_v4(&f->dst) || hop->route->type != RTN_ANYCAST) return hop->route && hop->route->type == RTN_LOCAL;
	if (addr_is_any(&hop->src)) source_select(s, hop->route->netif, &f->dst, &hop->src);
	return true;
}

static int fill(struct stack *s, struct route_hop *hop, const struct route_flow *f)
{
	int r = hop->route ? refusal(hop->route->type) : 0;

	if (r < 0) return r;
	if (is_local(s, hop, f)) {
		struct netif *lo = loopback(s);
		if (!lo) return -ENETUNREACH;
		fill_local(hop, lo, &f->dst);
	} else {
		r = fill_remote(s, hop, f);
		if (r < 0) return r;
	}
	hop->mtu_bytes = hop->route && hop->route->mtu_bytes ? hop->route->mtu_bytes : hop->netif->mtu_bytes;
	return 0;
}

static int find(struct stack *s, const struct route_flow *flow, struct route_hop *ret)
{
	struct route_flow f = *flow;
	struct route_hop hop = {.src = addr_is_v4(&f.dst) ? addr_any4 : addr_any6};
	int r;

	if (addr_is_any(&f.dst)) return -ENETUNREACH;
	if (f.oif && netif_is_gone(f.oif)) return addr_is_v4(&f.dst) ? -ENODEV : -ENETUNREACH;
	r = check_source(s, &f);
	if (r < 0) return r;
	if (!addr_is_any(&f.src)) hop.src = f.src;
	r = rules_find(s, &f, &hop.route);
	if (r < 0 && !(r == -ENETUNREACH && on_link_anyway(&f))) return r;
	r = fill(s, &hop, &f);
	if (r == 0) *ret = hop;
	return r;
}

int route_find(struct stack *s, const struct route_flow *f, struct route_hop *ret)
{
	struct route_memo *m = memo_of(s, f);
	struct route_hop hop;

	if (!recalls(s, m, f)) {
		int r = find(s, f, &hop);
		if (r < 0) return r;
		remember(s, m, f, &hop);
	} else {
		hop = m->hop;
	}
	if (!hop.local) redirect_apply(s, &f->dst, &hop);
	*ret = hop;
	return 0;
}

int route_lookup(struct stack *s, const struct addr *dst, const struct addr *src, struct netif *oif, struct route_hop *ret)
{
	struct route_flow f = {.dst = *dst, .src = src ? *src : addr_any6, .oif = oif};

	return route_find(s, &f, ret);
}
