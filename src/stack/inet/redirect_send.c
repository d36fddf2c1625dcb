/*
 * Redirects, as a router sends them: the datagram goes on, and its source hears of the shorter way.
 *
 * IPv4 as Linux: to a source of this link, each time after twice as long (20 ms at first), and nine times at most: who does not listen is left alone
 * until it has been silent for 20 s. IPv6: one a second for each destination and each source.
 *
 * Read first: RFC 1812 §5.2.7.2, RFC 4861 §8.2.
 */
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/redirect.h"

#define LOAD (20 * NS_PER_MS)            /* Linux's redirect_load, redirect_number and redirect_silence */
#define SENT_MAX 9
#define SILENCE (LOAD << (SENT_MAX + 1))
#define MOST6 (IP6_MTU_LEAST - IP6_HDR_LEN)       /* RFC 4861 §4.6.3 */

/* ---- IPv4 ---- */

static bool within_limit4(struct stack *s, const struct addr *src)
{
	struct { struct addr a; char use[4]; } key = {*src, "red"};
	struct redirect_limits *l = &s->inet->redirect_limits;
	uint64_t h = stack_hash(s, &key, sizeof key) >> 56;

	if (s->now - l->bucket[h].when > SILENCE) l->bucket[h].sent = 0;
	if (l->bucket[h].sent && l->bucket[h].sent < SENT_MAX && s->now - l->bucket[h].when <= LOAD << l->bucket[h].sent) return false;
	l->bucket[h].when = s->now;
	if (l->bucket[h].sent >= SENT_MAX) return false;
	l->bucket[h].sent++;
	return true;
}

/* Is the source a neighbour on the link that it came by? Elsewhere our word does not count. */
static bool is_neighbour(struct stack *s, const struct packet *p)
{
	struct route_hop hop;

	return route_lookup(s, &p->src, NULL, p->netif, &hop) == 0 && !hop.local && hop.route && !hop.route->has_gateway;
}

static bool shares_subnet(const struct packet *p, const struct addr *gateway)
{
	list_each(const struct netif_addr, ia, &p->netif->addrs, node)
		if (addr_in_prefix(&p->src, &ia->addr, ia->plen) && addr_in_prefix(gateway, &ia->addr, ia->plen)) return true;
	return false;
}

static void send4(struct stack *s, struct packet *p, const struct route_hop *hop)
{
	if (!NETCONF_OR(hop->netif, send_redirects) || !is_neighbour(s, p)) return;
	if ((!NETCONF_OR(hop->netif, shared_media) && !shares_subnet(p, &hop->nexthop)) || !within_limit4(s, &p->src)) return;
	icmp_complain(s, p, ICMP_PROBLEM_REDIRECT, addr_to_v4(&hop->nexthop));
}

/* ---- IPv6 ---- */

static void send6(struct stack *s, struct packet *p, const struct route_hop *hop)
{
	const struct neigh *known = neigh_find(p->netif, &hop->nexthop);
	const struct netif_addr *from = netif_linklocal(p->netif);
	struct nd_rd r = {.target = hop->nexthop, .dst = p->dst, .quote = packet_at(p, p->net_off), .quote_len = ip_len(p)};
	struct packet *e;

	/* RFC 4861 §8.2: by a router's link-local address, of a neighbour, who is told the target's address if we know it. */
	if (!from || (!addr_eq(&r.target, &r.dst) && !addr_is_linklocal(&r.target)) || !is_neighbour(s, p)) return;
	if (!icmp_within_rate(s, &p->dst, NS_PER_S) || !icmp_within_rate(s, &p->src, NS_PER_S)) return;
	if (known && neigh_state(known) & NEIGH_VALID) {
		r.has_lladdr = true;
		r.lladdr = known->mac;
	}
	e = packet_new(PACKET_HEADROOM, MOST6);
	if (!e) return;
	packet_trim(e, nd_rd_emit(&r, e->data, MOST6, &from->addr, &p->src));
	nd_transmit(p->netif, e, &from->addr, &p->src);
}

void redirect_send(struct stack *s, struct packet *p, const struct route_hop *hop)
{
	/* As Linux's WireGuard: who are peers of ours need not be of each other. */
	if (p->netif->ops) return;
	(packet_is_v4(p) ? send4 : send6)(s, p, hop);
}
