/* The IPv6 header, its extension headers of the common form, and the fragment header. Read first: RFC 8200 §§3-4. */
#include "wire/wire.h"
#include <errno.h>


struct ip6_octets {
	be32 version_class_flow;
	be16 payload_len;
	uint8_t next, hops;
	uint8_t src[16], dst[16];
};
_Static_assert(sizeof(struct ip6_octets) == IP6_HDR_LEN, "layout");

int ip6_parse(struct ip6_hdr *ret, const uint8_t *p, size_t n)
{
	struct ip6_octets o;
	if (n < sizeof o) return -EBADMSG;
	memcpy(&o, p, sizeof o);
	uint32_t first = be32_get(o.version_class_flow);
	if (first >> 28 != 6 || be16_get(o.payload_len) > n - sizeof o) return -EBADMSG;
	*ret = (struct ip6_hdr){
		.src = addr_v6_octets(o.src), .dst = addr_v6_octets(o.dst),
		.payload_len = be16_get(o.payload_len), .flow = first & IP6_FLOW_MASK,
		.tclass = (uint8_t)(first >> 20), .next = o.next, .hops = o.hops,
	};
	return sizeof o;
}

void ip6_emit(const struct ip6_hdr *h, uint8_t *p)
{
	struct ip6_octets o = {
		.version_class_flow = be32_of(6u << 28 | (uint32_t)h->tclass << 20 | (h->flow & IP6_FLOW_MASK)),
		.payload_len = be16_of(h->payload_len), .next = h->next, .hops = h->hops,
	};
	memcpy(o.src, h->src.b, 16);
	memcpy(o.dst, h->dst.b, 16);
	memcpy(p, &o, sizeof o);
}

int ip6_ext_parse(struct ip6_ext *ret, const uint8_t *p, size_t n)
{
	if (n < 8) return -EBADMSG;
	/* RFC 8200 §4.3: the length counts units of 8 octets and leaves out the first. */
	size_t len = 8 * (1 + (size_t)p[1]);
	if (len > n) return -EBADMSG;
	*ret = (struct ip6_ext){p[0], (uint16_t)(len - 2), p + 2};
	return (int)len;
}

int ip6_frag_parse(struct ip6_frag *ret, const uint8_t *p, size_t n)
{
	if (n < IP6_FRAG_LEN) return -EBADMSG;
	*ret = (struct ip6_frag){p[0], read16(p + 2) & 0xfff8, p[3] & 1, read32(p + 4)};
	return IP6_FRAG_LEN;
}

void ip6_frag_emit(const struct ip6_frag *h, uint8_t *p)
{
	p[0] = h->next;
	p[1] = 0;
	write16(p + 2, (uint16_t)((h->offset & 0xfff8) | (h->more ? 1 : 0)));
	write32(p + 4, h->id);
}
