/*
 * IPv4 input: is it a datagram, can its addresses be, is it for us? Hosts are weak (RFC 1122 §3.3.4.2), as Linux's:
 * a local address is accepted on any interface.
 *
 * Read first: RFC 791 §3.1, RFC 1122 §3.2.1, RFC 1812 §5.3.7 (martians).
 */
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/mcast.h"
#include "stack/inet/mib.h"
#include "stack/mroute/mroute.h"

static bool is_zeronet(const struct addr *a)
{
	return addr_to_v4(a) >> 24 == 0;
}

/* Addresses that can't come in from a link. What our own host sent to itself was checked on its way out. */
static bool is_martian(const struct stack *s, const struct packet *p)
{
	const struct addr *src = &p->src, *dst = &p->dst;

	if (p->netif->kind == NETIF_LOOPBACK || p->looped) return false;
	/* RFC 1122 §3.2.1.3: a source is never a group, nor broadcast; 127/8 never shows outside a host. */
	if (addr_is_multicast(src) || inet_addr_is_broadcast(s, src)) return true;
	if ((addr_is_loopback(src) || addr_is_loopback(dst)) && !NETCONF_OR(p->netif, route_localnet)) return true;
	/* RFC 1122 §3.2.1.3 (a): 0.0.0.0 is a source only for one that learns its address, and that one broadcasts. */
	if (is_zeronet(dst) && !addr_is_any(dst)) return true;
	if (is_zeronet(src)) return !addr_is_any(src) || !(addr_eq(dst, &addr_bcast4) || addr_is_multicast(dst) || addr_is_any(dst));
	if (addr_is_any(dst)) return true;
	return stack_is_local(s, src) && !NETCONF_OR(p->netif, accept_local);
}

/* Takes p with its headers checked and, if it was one, the fragment made whole. */
static void deliver(struct stack *s, struct packet *p, const struct ip4_hdr *h)
{
	size_t hdr_len = ip4_hdr_len(h);

	/* RFC 1122 §3.2.1.7: whatever is left of its time to live, it has arrived. RFC 1122 §3.2.2.1: a protocol that nobody knows is told. */
	if (ip_deliver(s, p, hdr_len, h->proto)) return;
	icmp_complain(s, p, ICMP_PROBLEM_PROTO, 0);
	stack_drop(s, p, DROP_IP_PROTO);
}

static struct packet *fragment_take(struct stack *s, struct packet *p, const struct ip4_hdr *h)
{
	size_t hdr_len = ip4_hdr_len(h), len = h->total_len - hdr_len;
	struct frag f = {.id = h->id, .offset = h->frag_off, .proto = h->proto, .more = h->mf, .unfrag_len = hdr_len, .hdr_len = hdr_len};

	if (h->mf && len % 8) {
		/* As Linux: what does not fill a block of 8 is not there. */
		len &= ~(size_t)7;
		packet_trim(p, hdr_len + len);
	}
	/* RFC 791 §3.2: a datagram has 65,535 octets at most, its header among them. */
	if (len == 0 || hdr_len + f.offset + len > UINT16_MAX) {
		stack_drop(s, p, DROP_FRAG_BAD);
		return NULL;
	}
	return frag_receive(s, p, &f);
}

struct packet *ip4_whole(struct stack *s, struct packet *p, struct ip4_hdr *h)
{
	if (!h->mf && !h->frag_off) return p;
	p = fragment_take(s, p, h);
	if (!p || ip4_parse(h, p->data, p->len) >= 0) return p;
	stack_drop(s, p, DROP_FRAG_BAD);
	return NULL;
}

static void receive_ours(struct stack *s, struct packet *p, struct ip4_hdr *h)
{
	p = ip4_whole(s, p, h);
	if (p) deliver(s, p, h);
}

static bool is_ours(const struct stack *s, struct packet *p)
{
	/* 0.0.0.0 to 0.0.0.0 is how BOOTP broadcast once (Linux takes it so, too). All of 127/8 is ours, and yet 127.255.255.255 is for everybody here. */
	if (inet_addr_is_broadcast(s, &p->dst) || addr_is_any(&p->dst)) {
		p->broadcast = true;
		return true;
	}
	return stack_is_local(s, &p->dst);
}

/* As Linux: reports to groups that this host is in no member of are for the daemon, also those of old hosts without a router alert. Takes p, if it is one. */
static bool give_to_daemon(struct stack *s, struct packet *p, struct ip4_hdr *h)
{
	struct raw_sock *daemon = mroute_daemon4(s);

	if (router_alert4(s, p, h)) return true;
	if (h->proto != IP_PROTO_IGMP || !daemon) return false;
	raw_give(daemon, p, ip4_hdr_len(h), h->proto);
	packet_free(p);
	return true;
}

static void receive_group(struct stack *s, struct packet *p, struct ip4_hdr *h)
{
	bool ours = netif_group_has(p->netif, &p->dst), routed = false;

	p->multicast = true;
	if (mroute_minds(p->netif, &p->dst)) {
		if (!ours && give_to_daemon(s, p, h)) return;
		/* RFC 1122 §3.2.1.3 (a): from nobody it goes nowhere. */
		routed = !is_zeronet(&p->src) && mroute_input(s, p);
	}
	if (ours)
		receive_ours(s, p, h);
	else if (routed)
		packet_free(p);
	else
		stack_drop(s, p, DROP_IP_NO_GROUP);
}

static void route_in(struct stack *s, struct packet *p, struct ip4_hdr *h)
{
	if (addr_is_multicast(&p->dst))
		receive_group(s, p, h);
	else if (is_ours(s, p))
		receive_ours(s, p, h);
	else if (!p->netif->conf.forwarding)
		stack_drop(s, p, DROP_IP_NOT_FORWARDING);
	else if (!router_alert4(s, p, h))
		ip_forward(s, p);
}

/* RFC 1122 §3.2.1.8 (c): source routes are refused in silence. RFC 1122 §3.2.2.5: malformed options are answered. */
static bool options_refused(struct stack *s, struct packet *p, const struct ip4_hdr *h)
{
	bool source_route = false;
	uint8_t wrong = ip4_options_check(h, &source_route);

	if (wrong) icmp_complain(s, p, ICMP_PROBLEM_HEADER, wrong);
	return wrong || source_route;
}

/* It says that there is more of it than came. */
static bool is_truncated(const struct packet *p) { return p->len >= IP4_HDR_MIN && read16(p->data + 2) > p->len; }

void ip4_receive(struct stack *s, struct packet *p)
{
	struct ip4_hdr h;
	int hdr_len = ip4_parse(&h, p->data, p->len);

	s->mib->ip[MIB_V4].received++;
	p->net_off = packet_off(p);
	if (hdr_len < 0) {
		s->mib->ip[MIB_V4].truncated += is_truncated(p);
		stack_drop(s, p, DROP_IP_BAD);
		return;
	}
	/* RFC 1122 §3.2.1.2: a wrong checksum is dropped in silence. */
	if (!ip4_csum_ok(p->data, (size_t)hdr_len)) {
		stack_drop(s, p, DROP_IP_CSUM);
		return;
	}
	packet_trim(p, h.total_len);
	p->src = h.src;
	p->dst = h.dst;
	p->proto = h.proto;
	p->ttl = h.ttl;
	p->tos = h.tos;
	mib_ip_in(s, p);
	if (is_martian(s, p))
		stack_drop(s, p, DROP_IP_MARTIAN);
	else if (rp_filter_refuses(s, p))
		stack_drop(s, p, DROP_IP_REVERSE_PATH);
	else if (h.opt_len && options_refused(s, p, &h))
		stack_drop(s, p, DROP_IP_OPTIONS);
	else
		route_in(s, p, &h);
}
