/*
 * Redirects, as a host takes them: for one destination another first hop on the same link. Believed of the router in use only, about a datagram that is
 * ours, and as net.ipv4.conf and net.ipv6.conf say; a router (IPv6), or one that is told so (IPv4), believes none.
 *
 * What was learnt stands beside the route that it corrects, and counts as long as that route is the one for the destination: five minutes (IPv4), or
 * until a minute passes without use (IPv6), as on Linux.
 *
 * Read first: RFC 1122 §3.2.2.2, RFC 4861 §8.
 */
#include "stack/inet/redirect.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"

#define LIFE4 (300 * NS_PER_S)           /* Linux's ip_rt_gc_timeout */
#define IDLE6 (60 * NS_PER_S)            /* ip6_rt_gc_timeout */

struct learnt {
	struct dst_entry entry;
	struct netif *netif;
	struct addr gateway;
	struct addr instead_of;       /* the route's gateway */
};

static struct learnt *find(struct stack *s, const struct addr *dst)
{
	struct dst_entry *e = dst_cache_find(s, &s->inet->redirects, dst);

	return e ? container_of(e, struct learnt, entry) : NULL;
}

static struct learnt *add(struct stack *s, const struct addr *dst)
{
	struct dst_entry *e = dst_cache_add(s, &s->inet->redirects, dst, sizeof(struct learnt));

	return e ? container_of(e, struct learnt, entry) : NULL;
}

void redirect_apply(struct stack *s, const struct addr *dst, struct route_hop *hop)
{
	struct learnt *l;

	if (!hop->route || !hop->route->has_gateway) return;
	l = find(s, dst);
	if (!l || l->netif != hop->netif || !addr_eq(&l->instead_of, &hop->route->gateway)) return;
	hop->nexthop = l->gateway;
	if (!addr_is_v4(dst)) l->entry.until = s->now + IDLE6;
}

static void learn(struct stack *s, const struct redirect *r, const struct route_hop *hop)
{
	struct learnt *l = find(s, &r->dst);

	if (!l) l = add(s, &r->dst);
	if (!l) return;
	l->netif = r->netif;
	l->gateway = r->gateway;
	l->instead_of = hop->route->gateway;
	l->entry.until = s->now + (addr_is_v4(&r->dst) ? LIFE4 : IDLE6);
}

/* ---- what is believed ---- */

/* Both in one subnet of the interface. */
static bool are_on_link(const struct netif *nif, const struct addr *a, const struct addr *b)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (addr_in_prefix(a, &ia->addr, ia->plen) && addr_in_prefix(b, &ia->addr, ia->plen)) return true;
	return false;
}

static bool is_default_gateway(const struct stack *s, const struct addr *a, const struct netif *nif)
{
	list_each(const struct route, r, route_list(s), node)
		if (r->plen == 0 && r->has_gateway && r->netif == nif && addr_eq(&r->gateway, a)) return true;
	return false;
}

static bool is_one_host(struct stack *s, const struct addr *a)
{
	struct route_hop hop;

	if (addr_is_any(a) || addr_is_multicast(a) || (addr_to_v4(a) >> 24) == 0 || stack_is_local(s, a)) return false;
	return route_lookup(s, a, NULL, NULL, &hop) < 0 || !hop.broadcast;
}

/* ip-sysctl: shared_media, secure_redirects. Without shared media the gateway has to be in the old one's subnet, and one that we know of. */
static bool accepts4(struct stack *s, const struct redirect *r)
{
	if (!netif_believes_redirects(r->netif) || addr_eq(&r->gateway, &r->from) || !is_one_host(s, &r->gateway)) return false;
	if (NETCONF_OR(r->netif, shared_media)) return true;
	return are_on_link(r->netif, &r->gateway, &r->from) && (!NETCONF_OR(r->netif, secure_redirects) || is_default_gateway(s, &r->gateway, r->netif));
}

/* RFC 1122 §3.2.2.2, RFC 4861 §8.1: it comes from the router that we go by now. */
static bool is_by_router_in_use(struct stack *s, const struct redirect *r, struct route_hop *ret)
{
	if (route_lookup(s, &r->dst, NULL, r->netif, ret) < 0 || ret->local || !ret->route || !ret->route->has_gateway) return false;
	return ret->netif == r->netif && addr_eq(&ret->nexthop, &r->from);
}

void redirect_take(struct stack *s, const struct redirect *r)
{
	struct route_hop hop;

	if (addr_is_v4(&r->dst)) {
		/* As Linux: a gateway that nobody has heard of is asked for first; it counts when the router says so again. */
		if (!accepts4(s, r) || !is_by_router_in_use(s, r, &hop) || !neigh_is_known(r->netif, &r->gateway)) return;
	} else {
		if (r->netif->conf.forwarding6 || !r->netif->conf.accept_redirects6 || !is_by_router_in_use(s, r, &hop)) return;
		/* It was sent in answer to a datagram: the router lives. */
		neigh_confirm(r->netif, &r->from);
		/* RFC 4861 §8.3: the link-layer address is taken as a neighbour's advertisement would be, STALE. */
		if (r->has_mac) neigh_learn(r->netif, &r->gateway, &r->mac, NEIGH_CREATE | NEIGH_OVERRIDE);
	}
	learn(s, r, &hop);
}

/* ---- what comes in ---- */

enum drop_reason redirect_receive4(struct packet *p, const struct icmp_hdr *h)
{
	struct stack *s = p->netif->stack;
	struct redirect r = {.netif = p->netif, .from = p->src, .gateway = addr_v4(h->rest)};
	struct ip_error e;

	/* For a network counts as for the host: nothing says how large it is. */
	if (h->code > 3 || p->broadcast || p->multicast) return DROP_ICMP_BAD;
	if (!icmp_quote_parse(s, p->data + ICMP_HDR_LEN, p->len - ICMP_HDR_LEN, true, &e)) return DROP_ICMP_BAD;
	r.dst = e.dst;
	e.redirect = &r;
	icmp_quote_deliver(s, &e);
	return DROP_NONE;
}

enum drop_reason redirect_receive6(struct packet *p, const struct icmp_hdr *h, const uint8_t *body, size_t len)
{
	struct stack *s = p->netif->stack;
	struct redirect r = {.netif = p->netif, .from = p->src};
	struct nd_rd m;
	struct ip_error e;

	if (!addr_is_linklocal(&p->src) || nd_rd_parse(&m, h, body, len) < 0) return DROP_ND_BAD;
	r.dst = m.dst;
	r.gateway = m.target;
	r.has_mac = m.has_lladdr;
	r.mac = m.lladdr;
	if (!m.quote) {
		redirect_take(s, &r);
		return DROP_NONE;
	}
	if (!icmp_quote_parse(s, m.quote, m.quote_len, false, &e)) return DROP_ND_BAD;
	e.redirect = &r;
	icmp_quote_deliver(s, &e);
	return DROP_NONE;
}
