/*
 * IP output of both families: a transport message gets its header, its way and, where the path is too narrow, its cuts.
 *
 *     ip_output -> route_lookup -> ip_output_via -> header -+-> ip_link_output -> neighbour -> interface
 *                                                           +-> ip_fragment ---^
 *                                                           +-> copy for our own members of a group, received later
 *
 * Read first: RFC 1122 §3.3, RFC 8200 §5.
 */
#include <errno.h>
#include <net/if.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/mcast.h"
#include "stack/inet/mib.h"
#include "stack/mroute/mroute.h"

uint32_t ip_mtu(struct stack *s, const struct addr *dst, const struct route_hop *hop)
{
	uint32_t learnt = hop->local ? 0 : pmtu_find(s, dst);

	return learnt ? MIN(learnt, hop->mtu_bytes) : hop->mtu_bytes;
}

uint8_t ip_default_hops(const struct route_hop *hop)
{
	uint32_t said = hop->route ? hop->route->metrics[RTAX_HOPLIMIT] : 0;

	return (uint8_t)(said ? said : (uint32_t)hop->netif->conf.hop_limit);
}

uint32_t ip_out_mtu(struct stack *s, const struct ip_out *out, const struct route_hop *hop)
{
	uint32_t mtu = out->link_mtu ? hop->netif->mtu_bytes : ip_mtu(s, &out->dst, hop);

	return out->mtu_bytes && !out->df ? MIN(mtu, out->mtu_bytes) : mtu;
}

static uint8_t default_ttl(const struct stack *s, const struct addr *dst, const struct route_hop *hop)
{
	if (addr_is_multicast(dst)) return 1;
	if (!addr_is_v4(dst)) return ip_default_hops(hop);
	if (hop->route && hop->route->metrics[RTAX_HOPLIMIT]) return (uint8_t)hop->route->metrics[RTAX_HOPLIMIT];
	return (uint8_t)s->sysctl->ip_default_ttl;
}

/* RFC 6437 §3: a label for each flow, not to be guessed; ports belong to the flow where there are some. */
static uint32_t flow_label(const struct stack *s, const struct packet *p, const struct addr *src, const struct ip_out *out)
{
	struct { struct addr src, dst; uint8_t ports[4], proto; char use[3]; uint32_t salt; } key = {
		.src = *src, .dst = out->dst, .proto = out->proto, .use = "fl", .salt = out->flow_salt};

	if ((out->proto == IP_PROTO_TCP || out->proto == IP_PROTO_UDP) && p->len >= 4) memcpy(key.ports, p->data, 4);
	return (uint32_t)stack_hash(s, &key, sizeof key) & IP6_FLOW_MASK;
}

size_t ip_header_len(const struct ip_out *out)
{
	size_t len = IP6_HDR_LEN;

	if (addr_is_v4(&out->dst)) return IP4_HDR_MIN + (size_t)out->opt_len;
	for (size_t i = 0; i < IP_EXT_COUNT; i++)
		len += out->ext[i].len;
	return len;
}

static void push_header4(struct stack *s, struct packet *p, const struct ip_out *out, const struct addr *src, uint8_t ttl)
{
	struct ip4_hdr h = {.src = *src, .dst = out->dst, .total_len = (uint16_t)(ip_header_len(out) + p->len), .tos = out->tos, .ttl = ttl,
			    .proto = out->proto, .df = out->df, .opt = out->opt, .opt_len = out->opt_len};

	/* RFC 6864 §4.1: the ID of a datagram that can't be fragmented means nothing; zero tells nobody anything. */
	if (!h.df) h.id = (uint16_t)ip_ident(s, src, &out->dst, out->proto);
	ip4_emit(&h, packet_push(p, ip4_hdr_len(&h)));
}

static void push_header6(struct stack *s, struct packet *p, const struct ip_out *out, const struct addr *src, uint8_t ttl)
{
	static const uint8_t protos[IP_EXT_COUNT] = {[IP_EXT_HOP] = IP_PROTO_HOPOPTS, [IP_EXT_DST] = IP_PROTO_DSTOPTS};
	struct ip6_hdr h = {.src = *src, .dst = out->dst, .tclass = out->tos, .next = out->proto, .hops = ttl};

	/* RFC 8200 §6: programs may choose a label of their own. */
	h.flow = out->flow || out->no_flow ? out->flow : flow_label(s, p, src, out);
	for (size_t i = IP_EXT_COUNT; i-- > 0;) {
		const struct ip_ext *e = &out->ext[i];
		if (!e->len) continue;
		memcpy(packet_push(p, e->len), e->at, e->len);
		p->data[0] = h.next;
		h.next = protos[i];
	}
	h.payload_len = (uint16_t)p->len;
	ip6_emit(&h, packet_push(p, IP6_HDR_LEN));
}

static void push_header(struct stack *s, struct packet *p, const struct ip_out *out, const struct addr *src, const struct route_hop *hop)
{
	bool v4 = addr_is_v4(&out->dst);

	p->src = *src;
	p->dst = out->dst;
	p->proto = out->proto;
	p->tos = out->tos;
	/* RFC 1122 §3.2.1.7: never zero: 0 says "not chosen". */
	p->ttl = out->ttl ? out->ttl : default_ttl(s, &out->dst, hop);
	p->mark = out->mark;
	p->priority = out->priority;
	p->netif = NULL;
	p->multicast = addr_is_multicast(&out->dst);
	p->trans_off = packet_off(p);
	if (v4)
		push_header4(s, p, out, src, p->ttl);
	else
		push_header6(s, p, out, src, p->ttl);
	p->net_off = packet_off(p);
}

/* ---- our own copies ---- */

void ip_loop_fire(struct timer *t)
{
	struct inet *in = container_of(t, struct inet, loop_timer);
	struct list todo = LIST_INIT(todo);

	/* What these bring about may loop again: it waits for the next round. */
	while (!list_empty(&in->looped))
		list_append(&todo, list_pop(&in->looped));
	while (!list_empty(&todo)) {
		struct packet *p = list_entry(list_pop(&todo), struct packet, node);
		p->when = in->stack->now;
		if (packet_is_v4(p))
			ip4_receive(in->stack, p);
		else
			ip6_receive(in->stack, p);
	}
}

static bool wants_own_copy(const struct ip_out *out, const struct route_hop *hop)
{
	if (hop->netif->kind == NETIF_LOOPBACK) return false;      /* the interface itself brings it back */
	if (hop->broadcast) return true;
	if (!addr_is_multicast(&out->dst) || !out->mcast_loop) return false;
	/* RFC 1112 §6.1: members here, and this host as a router. */
	return netif_group_has(hop->netif, &out->dst) || mroute_minds(hop->netif, &out->dst);
}

void ip_receive_later(struct stack *s, struct packet *p)
{
	list_append(&s->inet->looped, &p->node);
	timer_set(s, &s->inet->loop_timer, s->now);
}

void ip_loop_copy(struct stack *s, const struct packet *p, const struct route_hop *hop)
{
	struct packet *copy = packet_copy(p);

	if (!copy) return;
	copy->netif = hop->netif;
	copy->looped = true;
	copy->broadcast = hop->broadcast;
	ip_receive_later(s, copy);
}

/* ---- sending ---- */

static struct mac group_mac(const struct addr *group)
{
	const uint8_t *b = group->b;

	/* RFC 1112 §6.4: the low 23 bits; RFC 2464 §7: the low 32 bits. */
	if (addr_is_v4(group)) return (struct mac){{0x01, 0x00, 0x5e, b[13] & 0x7f, b[14], b[15]}};
	return (struct mac){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
}

int ip_link_output(struct stack *s, struct packet *p, const struct route_hop *hop)
{
	uint16_t type = packet_is_v4(p) ? ETH_TYPE_IP4 : ETH_TYPE_IP6;

	(void)s;
	if (hop->netif->kind != NETIF_ETHERNET) return netif_transmit(hop->netif, p);
	if (hop->broadcast) {
		ether_output(hop->netif, p, &mac_bcast, type);
	} else if (addr_is_multicast(&hop->nexthop)) {
		struct mac to = group_mac(&hop->nexthop);
		ether_output(hop->netif, p, &to, type);
	} else {
		neigh_output(hop->netif, &hop->nexthop, p);
	}
	return 0;
}

static bool stays_here(const struct packet *p, const struct ip_out *out, const struct route_hop *hop)
{
	/* RFC 4291 §2.7: interface-local scope never leaves the interface. */
	bool narrow = !addr_is_v4(&out->dst) && p->multicast && (out->dst.b[1] & 15) == 1;

	return (out->host_only || narrow) && hop->netif->kind != NETIF_LOOPBACK;
}

int ip_output_whole(struct stack *s, struct packet *p, const struct ip_out *out, const struct route_hop *hop)
{
	p->netif = NULL;
	p->mark = out->mark;
	p->priority = out->priority;
	p->multicast = addr_is_multicast(&out->dst);
	p->broadcast = hop->broadcast;
	p->net_off = packet_off(p);
	s->mib->ip[mib_family(addr_is_v4(&out->dst))].sent++;
	mib_ip_out(s, p);
	if (wants_own_copy(out, hop)) ip_loop_copy(s, p, hop);
	if (!stays_here(p, out, hop)) return ip_link_output(s, p, hop);
	packet_free(p);
	return 0;
}

int ip_output_via(struct stack *s, struct packet *p, const struct ip_out *out, const struct route_hop *hop)
{
	const struct addr *src = addr_is_any(&out->src) ? &hop->src : &out->src;
	bool v4 = addr_is_v4(&out->dst);
	size_t hdr_len = ip_header_len(out);
	uint32_t mtu = ip_out_mtu(s, out, hop), len = p->len + (uint32_t)hdr_len, piece = out->cut_bytes ? out->cut_bytes + (uint32_t)hdr_len : len;

	/* RFC 791 §2.3: what must not be cut is not. */
	if ((v4 ? len : len - IP6_HDR_LEN) > UINT16_MAX || (piece > mtu && out->df)) {
		stack_drop(s, p, DROP_IP_TOO_BIG);
		return -EMSGSIZE;
	}
	p = packet_with_headroom(p, hdr_len + ETH_HDR_LEN);
	if (!p) return -ENOBUFS;
	mib_sent(s, v4, out->proto, p->data, p->len);
	push_header(s, p, out, src, hop);
	if (out->ret_copy && (*out->ret_copy = packet_copy(p))) (*out->ret_copy)->netif = hop->netif;
	p->broadcast = hop->broadcast;
	if (wants_own_copy(out, hop)) ip_loop_copy(s, p, hop);
	if (stays_here(p, out, hop)) {
		packet_free(p);
		return 0;
	}
	mib_ip_out(s, p);
	/* RFC 8021 §3: what fits goes whole, however small a path was said to be. */
	return piece > mtu ? ip_fragment(s, p, mtu, hop) : ip_link_output(s, p, hop);
}

/* What rules may ask about. The ports are in the message. */
static struct route_flow ip_flow(const struct packet *p, const struct ip_out *out)
{
	struct route_flow f = {.dst = out->dst, .src = out->src, .oif = out->oif, .mark = out->mark, .uid = out->uid, .tos = out->tos, .proto = out->proto};

	ip_flow_ports(&f, p->data, p->len);
	return f;
}

int ip_output(struct stack *s, struct packet *p, const struct ip_out *out)
{
	struct route_hop hop;
	struct route_flow f = ip_flow(p, out);
	int r = route_find(s, &f, &hop);

	if (r < 0) {
		s->mib->ip[mib_family(addr_is_v4(&out->dst))].no_routes++;
		stack_drop(s, p, DROP_IP_NO_ROUTE);
		return r;
	}
	return ip_output_via(s, p, out, &hop);
}
