/*
 * The datagram that an ICMP error quotes: was it ours, and whose? Nothing of it is believed beyond what finds the
 * protocol; that one decides whether it really sent this (RFC 5927).
 */
#include "stack/inet/icmp.h"
#include "stack/inet/raw.h"

#define QUOTE_MIN 8               /* RFC 792: the first 64 bits of the datagram's data */

/* The quote is cut short, so its length field is not asked. False as well for later fragments: they quote no ports. */
static bool parse4(const uint8_t *q, size_t len, struct ip_error *e, size_t *at)
{
	if (len < IP4_HDR_MIN || q[0] >> 4 != 4 || (q[0] & 15) < 5 || read16(q + 6) & IP4_FRAG_OFFSET_MASK) return false;
	e->src = addr_v4_octets(q + 12);
	e->dst = addr_v4_octets(q + 16);
	e->proto = q[9];
	*at = 4 * (size_t)(q[0] & 15);
	return true;
}

static bool parse6(const uint8_t *q, size_t len, struct ip_error *e, size_t *at)
{
	struct ip6_walk w;

	if (len < IP6_HDR_LEN || q[0] >> 4 != 6) return false;
	w = ip6_walk_start(q[6]);
	if (!ip6_walk_to_transport(&w, q, len)) return false;
	e->src = addr_v6_octets(q + 8);
	e->dst = addr_v6_octets(q + 24);
	e->proto = w.next;
	*at = w.off;
	return !addr_is_v4(&e->src) && !addr_is_v4(&e->dst);
}

bool icmp_quote_parse(const struct stack *s, const uint8_t *quote, size_t len, bool v4, struct ip_error *ret)
{
	struct ip_error e = {0};
	size_t at;

	if (!(v4 ? parse4(quote, len, &e, &at) : parse6(quote, len, &e, &at))) return false;
	if (len < at + QUOTE_MIN || !stack_is_local(s, &e.src)) return false;
	e.quote = quote + at;
	e.quote_len = len - at;
	*ret = e;
	return true;
}

void icmp_quote_deliver(struct stack *s, const struct ip_error *e)
{
	const struct ip_proto *row = ip_proto_find(e->proto, addr_is_v4(&e->dst));

	if (row && row->error) row->error(s, e);
	raw_error(s, e);
}

void icmp_error_receive(struct stack *s, struct packet *p, const struct icmp_hdr *h, bool v4, bool (*translate)(const struct icmp_hdr *h, struct ip_error *e))
{
	struct ip_error e;

	if (!icmp_quote_parse(s, p->data + ICMP_HDR_LEN, p->len - ICMP_HDR_LEN, v4, &e) || !translate(h, &e)) {
		stack_drop(s, p, DROP_ICMP_BAD);
		return;
	}
	e.icmp_type = h->type;
	e.icmp_code = h->code;
	e.from = p->src;
	e.message = p;
	icmp_quote_deliver(s, &e);
	packet_free(p);
}
