/* The IPv4 header. Options travel as octets: whoever reads them walks them. Read first: RFC 791 §3.1, RFC 1122 §3.2.1. */
#include "wire/wire.h"
#include <errno.h>

#define FLAG_DF 0x4000
#define FLAG_MF 0x2000

struct ip4_octets {
	uint8_t version_ihl, tos;
	be16 total_len, id, flags_off;
	uint8_t ttl, proto;
	be16 csum;
	uint8_t src[4], dst[4];
};
_Static_assert(sizeof(struct ip4_octets) == IP4_HDR_MIN, "layout");

int ip4_parse(struct ip4_hdr *ret, const uint8_t *p, size_t n)
{
	struct ip4_octets o;
	if (n < sizeof o) return -EBADMSG;
	memcpy(&o, p, sizeof o);
	size_t hdr_len = 4 * (size_t)(o.version_ihl & 0xf);
	uint16_t total_len = be16_get(o.total_len), flags_off = be16_get(o.flags_off);
	/* RFC 1122 §3.2.1.1: a datagram whose version is not 4 MUST be silently discarded. */
	if (o.version_ihl >> 4 != 4 || hdr_len < IP4_HDR_MIN || hdr_len > total_len || total_len > n) return -EBADMSG;
	*ret = (struct ip4_hdr){
		.src = addr_v4_octets(o.src), .dst = addr_v4_octets(o.dst),
		.total_len = total_len, .id = be16_get(o.id), .frag_off = (uint16_t)((flags_off & IP4_FRAG_OFFSET_MASK) * 8),
		.tos = o.tos, .ttl = o.ttl, .proto = o.proto,
		.df = flags_off & FLAG_DF, .mf = flags_off & FLAG_MF,
		.opt_len = (uint8_t)(hdr_len - IP4_HDR_MIN), .opt = p + IP4_HDR_MIN,
	};
	return (int)hdr_len;
}

bool ip4_csum_ok(const uint8_t *p, size_t hdr_len) { return csum_fold(csum_add(0, p, hdr_len)) == 0; }

void ip4_emit(const struct ip4_hdr *h, uint8_t *p)
{
	size_t hdr_len = ip4_hdr_len(h);
	unsigned flags = (h->df ? FLAG_DF : 0u) | (h->mf ? FLAG_MF : 0u);
	struct ip4_octets o = {
		.version_ihl = (uint8_t)(4 << 4 | hdr_len / 4), .tos = h->tos,
		.total_len = be16_of(h->total_len), .id = be16_of(h->id), .flags_off = be16_of((uint16_t)(flags | h->frag_off / 8u)),
		.ttl = h->ttl, .proto = h->proto,
	};
	memcpy(o.src, h->src.b + 12, 4);
	memcpy(o.dst, h->dst.b + 12, 4);
	memcpy(p, &o, sizeof o);
	if (h->opt_len) memcpy(p + IP4_HDR_MIN, h->opt, h->opt_len);
	write16(p + offsetof(struct ip4_octets, csum), csum_fold(csum_add(0, p, hdr_len)));
}
