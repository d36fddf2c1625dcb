/*
 * Cutting datagrams to an MTU: IPv4's anywhere, IPv6's at their source only.
 *
 *     | header | data ............................ |
 *     | header | data, n * 8 |   | header | data, n * 8 |   | header | rest |
 *
 * Read first: RFC 791 §3.2, RFC 8200 §4.5.
 */
#include <errno.h>
#include "stack/inet/inet_private.h"
#include "stack/inet/mib.h"

/* The datagram being cut. */
struct cut {
	const struct packet *whole;
	const uint8_t *data;          /* behind the headers that every piece repeats */
	size_t len, step;             /* octets of data; of data in each piece but the last */
	size_t hdr_len;               /* of a piece, with IPv6's fragment header */
	size_t next_at;               /* IPv6: where it says that a fragment header follows */
	uint32_t id6;
	uint8_t options[IP4_HDR_MAX]; /* as later pieces bear them */
};

static void emit4(const struct cut *c, uint8_t *to, size_t at, size_t n)
{
	struct ip4_hdr h;

	/* The whole was parsed or built by us before it came here. */
	if (ip4_parse(&h, c->whole->data, c->whole->len) < 0) return;
	h.mf = h.mf || at + n < c->len;
	h.frag_off = (uint16_t)(h.frag_off + at);
	h.total_len = (uint16_t)(c->hdr_len + n);
	if (at > 0) h.opt = c->options;
	ip4_emit(&h, to);
}

static void emit6(const struct cut *c, uint8_t *to, size_t at, size_t n)
{
	struct ip6_frag f = {.offset = (uint16_t)at, .more = at + n < c->len, .id = c->id6};
	struct ip6_hdr h;

	if (ip6_parse(&h, c->whole->data, c->whole->len) < 0) return;
	h.payload_len = (uint16_t)(c->hdr_len - IP6_HDR_LEN + n);
	ip6_emit(&h, to);
	/* RFC 8200 §4.5: hop-by-hop options are everybody's on the way, so every piece has them. */
	memcpy(to + IP6_HDR_LEN, c->whole->data + IP6_HDR_LEN, c->hdr_len - IP6_FRAG_LEN - IP6_HDR_LEN);
	f.next = to[c->next_at];
	to[c->next_at] = IP_PROTO_FRAGMENT;
	ip6_frag_emit(&f, to + c->hdr_len - IP6_FRAG_LEN);
}

static struct packet *piece(const struct cut *c, bool v4, size_t at, size_t n)
{
	struct packet *p = packet_new(PACKET_HEADROOM, c->hdr_len + n);

	if (!p) return NULL;
	p->netif = c->whole->netif;
	p->src = c->whole->src;
	p->dst = c->whole->dst;
	p->proto = c->whole->proto;
	p->ttl = c->whole->ttl;
	p->tos = c->whole->tos;
	p->mark = c->whole->mark;
	p->priority = c->whole->priority;
	p->forwarded = c->whole->forwarded;
	p->broadcast = c->whole->broadcast;
	p->multicast = c->whole->multicast;
	p->net_off = packet_off(p);
	if (v4)
		emit4(c, p->data, at, n);
	else
		emit6(c, p->data, at, n);
	memcpy(p->data + c->hdr_len, c->data + at, n);
	return p;
}

static struct cut plan(struct stack *s, const struct packet *p, bool v4, uint32_t mtu)
{
	struct cut c = {.whole = p};

	if (v4) {
		c.hdr_len = 4 * (size_t)(p->data[0] & 15);
		memcpy(c.options, p->data + IP4_HDR_MIN, c.hdr_len - IP4_HDR_MIN);
		ip4_options_for_fragment(c.options, c.hdr_len - IP4_HDR_MIN);
		c.data = p->data + c.hdr_len;
		c.len = p->len - c.hdr_len;
	} else {
		size_t hop = p->data[6] == IP_PROTO_HOPOPTS ? 8 * ((size_t)p->data[IP6_HDR_LEN + 1] + 1) : 0;
		c.next_at = hop ? IP6_HDR_LEN : 6;
		c.hdr_len = IP6_HDR_LEN + hop + IP6_FRAG_LEN;
		c.id6 = ip_ident(s, &p->src, &p->dst, IP_PROTO_FRAGMENT);
		c.data = p->data + IP6_HDR_LEN + hop;
		c.len = p->len - IP6_HDR_LEN - hop;
	}
	c.step = mtu > c.hdr_len ? (mtu - c.hdr_len) & ~(size_t)7 : 0;
	return c;
}

int ip_fragment(struct stack *s, struct packet *p, uint32_t mtu, const struct route_hop *hop)
{
	bool v4 = packet_is_v4(p);
	struct cut c = plan(s, p, v4, mtu);
	int r = 0;

	if (!c.step) {
		stack_drop(s, p, DROP_IP_TOO_BIG);
		return -EMSGSIZE;
	}
	/* As Linux: the first piece that is not taken is the last. */
	for (size_t at = 0; at < c.len && r == 0; at += c.step) {
		struct packet *q = piece(&c, v4, at, MIN(c.step, c.len - at));
		if (!q) {
			stack_drop(s, p, DROP_NO_MEMORY);
			return -ENOBUFS;
		}
		s->mib->ip[mib_family(v4)].pieces++;
		r = ip_link_output(s, q, hop);
	}
	if (r == 0) s->mib->ip[mib_family(v4)].cut++;
	packet_free(p);
	return r;
}
