/*
 * Forwarding, both families: a datagram for somebody else goes on by the routing table, one hop poorer.
 *
 * What a router must not pass on, it answers (icmp_error.c knows when not to); what goes back to its link it redirects (redirect_send.c).
 *
 * Read first: RFC 1812 §5.2, §5.3; RFC 8200 §3, §5; RFC 4443 §3.
 */
#include <errno.h>
#include "stack/inet/inet_private.h"
#include "stack/inet/mib.h"

static void refuse(struct stack *s, struct packet *p, enum icmp_problem problem, uint32_t rest, enum drop_reason why)
{
	icmp_complain(s, p, problem, rest);
	stack_drop(s, p, why);
}

/* Addresses that are nobody's to forward (RFC 4291 §2.5.2, §2.5.6; RFC 1812 §4.2.2.11, §5.3.4). */
static bool may_not_pass(const struct packet *p)
{
	if (p->multicast || p->broadcast || addr_is_any(&p->src)) return true;
	return !addr_is_v4(&p->dst) && addr_is_linklocal(&p->dst);
}

/* RFC 4443 §3.1, RFC 1812 §5.2.7.1: which code says why there is no way on. */
static enum icmp_problem route_problem(int err)
{
	switch (err) {
	case -EHOSTUNREACH: return ICMP_PROBLEM_HOST;
	case -EACCES: return ICMP_PROBLEM_ADMIN;
	default: return ICMP_PROBLEM_NET;
	}
}

/* RFC 1812 §5.2.3, RFC 1624: the checksum moves with the octet that is counted down. */
void ip_take_hop(struct packet *p)
{
	uint8_t *h = p->data;

	if (packet_is_v4(p)) {
		uint32_t sum = read16(h + 10) + 0x100u;
		h[8]--;
		write16(h + 10, (uint16_t)(sum + (sum >> 16)));
	} else {
		h[7]--;
	}
	p->ttl--;
	p->forwarded = true;
}

/* RFC 791 §2.3, RFC 6864 §5.3: cut unless its source forbade it; the pieces keep its identification. */
static bool may_fragment(struct packet *p)
{
	return packet_is_v4(p) && !(p->data[6] & 0x40);
}

static void pass_on(struct stack *s, struct packet *p, const struct route_hop *hop)
{
	bool fits = p->len <= hop->mtu_bytes;

	/* RFC 792, RFC 8200 §3, RFC 4443 §3.3: discarded when the count reaches zero. RFC 4443 §3.2: told when it is too large. */
	if (p->ttl <= 1) {
		s->mib->ip[mib_family(packet_is_v4(p))].hops_used++;
		refuse(s, p, ICMP_PROBLEM_TTL, 0, DROP_IP_TTL);
		return;
	}
	if (!fits && !may_fragment(p)) {
		s->mib->ip[mib_family(packet_is_v4(p))].too_big++;
		refuse(s, p, ICMP_PROBLEM_TOO_BIG, hop->mtu_bytes, DROP_IP_TOO_BIG);
		return;
	}
	ip_take_hop(p);
	s->mib->ip[mib_family(packet_is_v4(p))].forwarded++;
	if (p->netif == hop->netif) redirect_send(s, p, hop);
	mib_ip_out(s, p);
	if (fits)
		ip_link_output(s, p, hop);
	else
		ip_fragment(s, p, hop->mtu_bytes, hop);
}

/* Where the transport message follows the header at once, and is not a later piece of one. */
static void flow_ports(const struct packet *p, struct route_flow *f)
{
	bool v4 = addr_is_v4(&p->dst);
	size_t hdr_len = v4 ? (size_t)(p->data[0] & 15) * 4 : IP6_HDR_LEN;

	if (v4 && read16(p->data + 6) & IP4_FRAG_OFFSET_MASK) return;
	if (p->len > hdr_len) ip_flow_ports(f, p->data + hdr_len, p->len - hdr_len);
}

void ip_forward(struct stack *s, struct packet *p)
{
	struct route_flow f = {.dst = p->dst, .src = p->src, .iif = p->netif, .tos = p->tos, .proto = p->proto};
	struct route_hop hop;
	int r;

	flow_ports(p, &f);
	if (may_not_pass(p)) {
		stack_drop(s, p, DROP_IP_MARTIAN);
		return;
	}
	r = route_find(s, &f, &hop);
	s->mib->ip[mib_family(packet_is_v4(p))].in_no_routes += r < 0;
	if (r == -EINVAL)
		stack_drop(s, p, DROP_IP_NO_ROUTE);     /* a blackhole says nothing */
	else if (r < 0)
		refuse(s, p, route_problem(r), 0, DROP_IP_NO_ROUTE);
	else if (hop.broadcast || hop.netif->kind == NETIF_LOOPBACK)
		stack_drop(s, p, DROP_IP_MARTIAN);      /* RFC 2644: no directed broadcasts */
	else if (!addr_is_v4(&p->src) && addr_is_linklocal(&p->src) && hop.netif != p->netif)
		refuse(s, p, ICMP_PROBLEM_SCOPE, 0, DROP_IP_MARTIAN);
	else
		pass_on(s, p, &hop);
}
