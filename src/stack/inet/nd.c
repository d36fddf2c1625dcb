/*
 * Neighbour discovery: who has this IPv6 address? Asked at the target's solicited-node group, answered to the asker; a
 * known neighbour that has been silent is asked alone. What routers say goes to autoconf.c.
 *
 * Read first: RFC 4861 §7.1, §7.2.
 */
#include "stack/core/sysctl.h"
#include "stack/inet/anycast.h"
#include "stack/inet/autoconf.h"
#include "stack/inet/inet_private.h"

#define ND_HOPS 255               /* RFC 4861 §7.1: proves that no router passed it on */
#define ND_MSG_MAX 32

static const struct addr all_nodes = {{0xff, 2, [15] = 1}};

void nd_transmit(struct netif *nif, struct packet *p, const struct addr *src, const struct addr *dst)
{
	struct ip_out out = {.src = *src, .dst = *dst, .proto = IP_PROTO_ICMP6, .ttl = ND_HOPS};
	struct route_hop hop = {.netif = nif, .nexthop = *dst, .src = *src, .mtu_bytes = nif->mtu_bytes};

	ip_output_via(nif->stack, p, &out, &hop);
}

static void send_nd(struct netif *nif, uint8_t type, const struct nd_msg *m, const struct addr *src, const struct addr *dst, const struct addr *nexthop)
{
	struct ip_out out = {.src = *src, .dst = *dst, .proto = IP_PROTO_ICMP6, .ttl = ND_HOPS};
	/* Never routed: it leaves where the question came in, or where the answer has to come in. */
	struct route_hop hop = {.netif = nif, .nexthop = *nexthop, .src = *src, .mtu_bytes = nif->mtu_bytes};
	struct packet *p = packet_new(PACKET_HEADROOM, ND_MSG_MAX);

	if (!p) return;
	packet_trim(p, nd_emit(m, type, p->data, src, dst));
	ip_output_via(nif->stack, p, &out, &hop);
}

void nd_solicit(struct netif *nif, const struct addr *target, const struct mac *mac, struct packet *waiting)
{
	struct nd_msg m = {.target = *target, .has_lladdr = true, .lladdr = nif->mac};
	struct addr group = addr_solicited_node(target), src;

	/* RFC 4861 §7.2.2: the source of what waits, if it is the interface's own; else any of its. */
	if (waiting && netif_addr_find(nif->stack, &waiting->src, nif))
		src = waiting->src;
	else if (!source_select(nif->stack, nif, target, &src))
		return;
	send_nd(nif, ICMP6_NS, &m, &src, mac ? target : &group, mac ? target : &group);
}

void nd_probe(struct netif *nif, const struct addr *target)
{
	struct nd_msg m = {.target = *target};
	struct addr group = addr_solicited_node(target);

	send_nd(nif, ICMP6_NS, &m, &addr_any6, &group, &group);
}

/* ---- what comes in ---- */

static void answer(struct netif *nif, const struct nd_msg *ns, const struct packet *p)
{
	bool probe = addr_is_any(&p->src);
	/* RFC 4861 §7.2.4: to an asker without address the answer goes to all, unsolicited. Linux names its mac when asked by group. */
	struct nd_msg m = {.target = ns->target, .router = nif->conf.forwarding6 != 0, .solicited = !probe, .override = addr_is_multicast(&p->dst),
			   .has_lladdr = addr_is_multicast(&p->dst), .lladdr = nif->mac};
	const struct addr *to = probe ? &all_nodes : &p->src;
	struct addr src = ns->target;

	/* RFC 4861 §7.2.7: of those that have an anycast address the first to answer is as good as any, and it is no source. */
	if (anycast_has(nif->stack, nif, &ns->target)) {
		m.override = false;
		if (!source_select(nif->stack, nif, to, &src)) return;
	}
	send_nd(nif, ICMP6_NA, &m, &src, to, to);
}

static bool is_solicited_node(const struct addr *a)
{
	static const uint8_t prefix[13] = {0xff, 2, [11] = 1, [12] = 0xff};

	return memcmp(a->b, prefix, sizeof prefix) == 0;
}

static enum drop_reason receive_ns(struct netif *nif, const struct nd_msg *m, const struct packet *p)
{
	/* RFC 4861 §7.1.1: without source address it is for a solicited-node group, and names no link-layer address. */
	if (addr_is_any(&p->src) && (!is_solicited_node(&p->dst) || m->has_lladdr)) return DROP_ND_BAD;
	/* RFC 4862 §5.4.3: from no address another looks for what we look for; from an address somebody looks for its owner, who is not us yet. */
	if (addr_is_any(&p->src) && dad_conflict(nif, &m->target)) return DROP_NONE;
	if (!netif_addr_find(nif->stack, &m->target, nif) && !anycast_has(nif->stack, nif, &m->target)) return DROP_ND_BAD;
	/* RFC 4861 §7.2.3: the asker is remembered, STALE. One that calls itself by our address is not a neighbour. */
	if (m->has_lladdr && !stack_is_local(nif->stack, &p->src)) neigh_learn(nif, &p->src, &m->lladdr, NEIGH_CREATE | NEIGH_OVERRIDE);
	answer(nif, m, p);
	return DROP_NONE;
}

static enum drop_reason receive_na(struct netif *nif, const struct nd_msg *m, const struct packet *p)
{
	struct neigh *n = neigh_find(nif, &m->target);

	/* RFC 4861 §7.1.2: a group can't have asked. */
	if (addr_is_multicast(&p->dst) && m->solicited) return DROP_ND_BAD;
	if (dad_conflict(nif, &m->target)) return DROP_NONE;
	/* RFC 4861 §7.2.5: nobody to learn about; and our own addresses are ours. */
	if (!n || stack_is_local(nif->stack, &m->target)) return DROP_ICMP_TYPE;
	if (m->has_lladdr)
		neigh_learn(nif, &m->target, &m->lladdr, (m->override ? NEIGH_OVERRIDE : 0) | (m->solicited ? NEIGH_CONFIRM : 0));
	else if (m->solicited)
		neigh_confirm(nif, &m->target);
	return DROP_NONE;
}

/* RFC 4861 §6.1.2: from a router's link-local address. */
static enum drop_reason receive_ra(struct packet *p, const struct icmp_hdr *h, const uint8_t *body, size_t len)
{
	struct nd_ra ra;

	if (!addr_is_linklocal(&p->src) || nd_ra_parse(&ra, h, body, len) < 0) return DROP_ND_BAD;
	ra_receive(p->netif, &ra, p);
	return DROP_NONE;
}

/* Code 0, no group as target, no option of length 0. */
static enum drop_reason receive_checked(struct packet *p, const struct icmp_hdr *h, const uint8_t *body, size_t len)
{
	struct nd_msg m;

	if (h->type == ICMP6_RA) return receive_ra(p, h, body, len);
	if (h->type == ICMP6_RS) {
		rs_receive(p->netif);
		return DROP_NONE;
	}
	if (h->type == ICMP6_REDIRECT) return redirect_receive6(p, h, body, len);
	if (nd_parse(&m, h, body, len) < 0) return DROP_ND_BAD;
	return h->type == ICMP6_NS ? receive_ns(p->netif, &m, p) : receive_na(p->netif, &m, p);
}

void nd_receive(struct stack *s, struct packet *p)
{
	struct icmp_hdr h = {0};
	enum drop_reason why = DROP_ND_BAD;
	int len = icmp_parse(&h, p->data, p->len);

	/* RFC 4861 §6.1, §7.1: hop limit 255, which no router lets through. RFC 6980: never fragmented; a reassembled datagram has lost its mac header. */
	if (len >= 0 && p->ttl == ND_HOPS && p->netif->kind == NETIF_ETHERNET && p->mac_off) why = receive_checked(p, &h, p->data + len, p->len - (size_t)len);
	if (why == DROP_NONE)
		packet_free(p);
	else
		stack_drop(s, p, why);
}
