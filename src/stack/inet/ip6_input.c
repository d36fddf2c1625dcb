/*
 * IPv6 input: is it a datagram, can its addresses be, is it for us? Then the chain of extension headers, one step a
 * header, until the transport takes over:
 *
 *     IPv6 | hop-by-hop | destination | routing | fragment | destination | TCP, UDP, ICMPv6 …
 *            routers too    \_________ only where the datagram is at home ________/
 *
 * Read first: RFC 8200 §4, RFC 5095, RFC 7112.
 */
#include "stack/core/sysctl.h"
#include "stack/inet/anycast.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/mcast.h"
#include "stack/inet/mib.h"
#include "stack/mroute/mroute.h"

/* IPv4 addresses in IPv6 headers would be taken for IPv4 by everything above: they never pass (as Linux since 5.9, for sources). */
static bool is_martian(const struct packet *p)
{
	const struct addr *src = &p->src, *dst = &p->dst;
	bool outside = p->netif->kind != NETIF_LOOPBACK;

	if (addr_is_multicast(src) || addr_is_any(dst) || addr_is_v4(src) || addr_is_v4(dst)) return true;
	/* RFC 4291 §2.5.3, §2.7: loopback, and interface-local scope but for our own copies, come from nowhere else; scope 0 is reserved. */
	if (outside && (addr_is_loopback(src) || addr_is_loopback(dst))) return true;
	if (!addr_is_multicast(dst)) return false;
	return (dst->b[1] & 15) == 0 || (outside && !p->looped && (dst->b[1] & 15) == 1);
}

/* A link-local address is ours on its own interface only; others anywhere (weak host). */
static bool is_ours(const struct stack *s, struct packet *p)
{
	bool on_link = addr_is_linklocal(&p->dst) && p->netif->kind != NETIF_LOOPBACK;
	const struct netif *on = on_link ? p->netif : NULL;

	if (netif_addr_find(s, &p->dst, on)) return true;
	p->anycast = anycast_has(s, on, &p->dst);
	return p->anycast;
}

/* ---- extension headers: each takes p on refusal and answers false ---- */

static bool refuse(struct stack *s, struct packet *p, enum icmp_problem problem, size_t pointer, enum drop_reason why)
{
	icmp_complain(s, p, problem, (uint32_t)pointer);
	stack_drop(s, p, why);
	return false;
}

static bool drop(struct stack *s, struct packet *p, enum drop_reason why)
{
	stack_drop(s, p, why);
	return false;
}

static bool pass_options(struct stack *s, struct packet *p, struct ip6_walk *w)
{
	struct ip6_ext ext;
	size_t at = 0;
	int n = ip6_ext_parse(&ext, p->data + w->off, p->len - w->off);

	if (n < 0) return drop(s, p, DROP_IP_BAD);
	switch (ip6_options_check(&ext, &at)) {
	case IP6_OPT_PASS: break;
	case IP6_OPT_DROP: return drop(s, p, DROP_IP_OPTIONS);
	case IP6_OPT_COMPLAIN: return refuse(s, p, ICMP_PROBLEM_OPTION, w->off + 2 + at, DROP_IP_OPTIONS);
	case IP6_OPT_COMPLAIN_UNICAST: return refuse(s, p, ICMP_PROBLEM_OPTION_UNICAST, w->off + 2 + at, DROP_IP_OPTIONS);
	}
	w->next = ext.next;
	w->next_at = w->off;
	w->off += (size_t)n;
	return true;
}

static bool pass_routing(struct stack *s, struct packet *p, struct ip6_walk *w)
{
	struct ip6_ext ext;
	int n = ip6_ext_parse(&ext, p->data + w->off, p->len - w->off);

	if (n < 0) return drop(s, p, DROP_IP_BAD);
	/* RFC 5095 §3, RFC 8200 §4.4: type 0 is as unknown as any other: passed over when nothing is left of it, else refused. */
	if (ext.body[1] != 0) return refuse(s, p, ICMP_PROBLEM_HEADER, w->off + 2, DROP_IP_OPTIONS);
	w->next = ext.next;
	w->next_at = w->off;
	w->off += (size_t)n;
	return true;
}

/* RFC 8200 §4.5: what a fragment has to be, before anything is kept of it. */
static bool check_fragment(struct stack *s, struct packet *p, const struct ip6_walk *w, const struct ip6_frag *f)
{
	size_t len = p->len - w->off - IP6_FRAG_LEN;
	struct ip6_walk chain = *w;

	if (f->more && len % 8) return refuse(s, p, ICMP_PROBLEM_HEADER, 4, DROP_FRAG_BAD);
	if (w->off - IP6_HDR_LEN + f->offset + len > UINT16_MAX) return refuse(s, p, ICMP_PROBLEM_HEADER, w->off + 2, DROP_FRAG_BAD);
	if (len == 0) return drop(s, p, DROP_FRAG_BAD);
	/* RFC 7112 §5: the first fragment holds all headers, up to the transport's. */
	if (f->offset == 0 && f->more && !ip6_walk_to_transport(&chain, p->data, p->len) && chain.next != IP_PROTO_NONE)
		return refuse(s, p, ICMP_PROBLEM_CHAIN, 0, DROP_FRAG_BAD);
	return true;
}

/* True when the walk can go on with *p, which may be another packet now: the whole datagram. */
static bool pass_fragment(struct stack *s, struct packet **p, struct ip6_walk *w)
{
	struct ip6_frag f;
	struct frag frag;

	if (ip6_frag_parse(&f, (*p)->data + w->off, (*p)->len - w->off) < 0) return drop(s, *p, DROP_IP_BAD);
	if (f.offset == 0 && !f.more) {
		/* RFC 6946 §4: an atomic fragment is whole by itself and never meets others. It has no mac header any more either: see nd.c. */
		(*p)->mac_off = 0;
		w->next = f.next;
		w->next_at = w->off;
		w->off += IP6_FRAG_LEN;
		return true;
	}
	if (!check_fragment(s, *p, w, &f)) return false;
	frag = (struct frag){.id = f.id, .offset = f.offset, .proto = f.next, .more = f.more, .unfrag_len = w->off, .hdr_len = w->off + IP6_FRAG_LEN,
			     .next_at = w->next_at};
	*p = frag_receive(s, *p, &frag);
	if (*p) w->next = (*p)->data[w->next_at];
	return *p;
}

static void deliver(struct stack *s, struct packet *p, const struct ip6_walk *w)
{
	/* RFC 8200 §4.7: what stands behind it is nobody's. */
	if (w->next == IP_PROTO_NONE) {
		stack_drop(s, p, DROP_IP_PROTO);
		return;
	}
	if (w->next != IP_PROTO_HOPOPTS && ip_deliver(s, p, w->off, w->next)) return;
	/* RFC 8200 §4: unknown, or hop-by-hop options in a place that is not the first. */
	refuse(s, p, ICMP_PROBLEM_PROTO, w->next_at, DROP_IP_PROTO);
}

static void receive_ours(struct stack *s, struct packet *p, struct ip6_walk *w)
{
	bool more = true;

	/* RFC 8200 §4.1: in whatever order they stand. RFC 8200 §4.6: destination options are looked at here only, where the datagram ends. */
	while (more) {
		if (w->count++ > IP6_EXT_MAX) {
			stack_drop(s, p, DROP_IP_OPTIONS);
			return;
		}
		switch (w->next) {
		case IP_PROTO_DSTOPTS: more = pass_options(s, p, w); break;
		case IP_PROTO_ROUTING: more = pass_routing(s, p, w); break;
		case IP_PROTO_FRAGMENT: more = pass_fragment(s, &p, w); break;
		default:
			deliver(s, p, w);
			return;
		}
	}
}

static bool is_mld(const struct packet *p, const struct ip6_walk *w)
{
	struct ip6_walk to = *w;

	if (!ip6_walk_to_transport(&to, p->data, p->len) || to.next != IP_PROTO_ICMP6 || to.off >= p->len) return false;
	return (p->data[to.off] >= ICMP6_MLD_QUERY && p->data[to.off] <= ICMP6_MLD_DONE) || p->data[to.off] == ICMP6_MLD_REPORT2;
}

static void receive_group(struct stack *s, struct packet *p, struct ip6_walk *w)
{
	bool ours = netif_group_has(p->netif, &p->dst), routed = false;

	p->multicast = true;
	if (mroute_minds(p->netif, &p->dst)) {
		/* MLD has a router alert of 0 (RFC 2711 §2.1): a router hears it whatever group it is sent to, and never passes it on. */
		bool alert = router_alert6_value(p) == 0;
		if (alert) ours = is_mld(p, w);
		else routed = mroute_input(s, p);
	}
	if (ours)
		receive_ours(s, p, w);
	else if (routed)
		packet_free(p);
	else
		stack_drop(s, p, DROP_IP_NO_GROUP);
}

static void route_in(struct stack *s, struct packet *p, struct ip6_walk *w)
{
	if (addr_is_multicast(&p->dst)) {
		receive_group(s, p, w);
	} else if (is_ours(s, p)) {
		receive_ours(s, p, w);
	} else if (!s->sysctl->all.forwarding6) {
		stack_drop(s, p, DROP_IP_NOT_FORWARDING);
	} else if (!router_alert6(s, p)) {
		ip_forward(s, p);
	}
}

void ip6_receive(struct stack *s, struct packet *p)
{
	struct ip6_hdr h;
	struct ip6_walk w;

	s->mib->ip[MIB_V6].received++;
	p->net_off = packet_off(p);
	if (p->netif->conf.disable_ipv6) {
		stack_drop(s, p, DROP_IP_DISABLED);
		return;
	}
	if (ip6_parse(&h, p->data, p->len) < 0) {
		stack_drop(s, p, DROP_IP_BAD);
		return;
	}
	packet_trim(p, IP6_HDR_LEN + (size_t)h.payload_len);
	p->src = h.src;
	p->dst = h.dst;
	p->proto = h.next;
	p->ttl = h.hops;
	p->tos = h.tclass;
	mib_ip_in(s, p);
	if (is_martian(p)) {
		stack_drop(s, p, DROP_IP_MARTIAN);
		return;
	}
	w = ip6_walk_start(h.next);
	/* RFC 8200 §4.3: hop-by-hop options stand first, and are everybody's on the way. */
	if (w.next == IP_PROTO_HOPOPTS && !pass_options(s, p, &w)) return;
	route_in(s, p, &w);
}
