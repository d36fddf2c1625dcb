/* UDP and UDP-Lite. Read first: RFC 768, RFC 3828, RFC 8200 §8.1. */
#include "wire/wire.h"
#include <errno.h>

#define CSUM_OFF 6

int udp_parse(struct udp_hdr *ret, const uint8_t *p, size_t n)
{
	if (n < UDP_HDR_LEN) return -EBADMSG;
	struct udp_hdr h = {read16(p), read16(p + 2), read16(p + 4), read16(p + CSUM_OFF), 0};
	if (h.len < UDP_HDR_LEN || h.len > n) return -EBADMSG;
	*ret = h;
	return UDP_HDR_LEN;
}

/* field is the length or the coverage; covered octets of a datagram of h->len are summed. */
static void emit(const struct udp_hdr *h, uint8_t *p, uint8_t proto, uint16_t field, size_t covered, const struct addr *src, const struct addr *dst)
{
	write16(p, h->src);
	write16(p + 2, h->dst);
	write16(p + 4, field);
	write16(p + CSUM_OFF, 0);
	uint16_t csum = csum_fold(csum_add(csum_pseudo(src, dst, proto, h->len), p, covered));
	/* RFC 768, RFC 3828 §3.1: a computed zero is sent as all ones; zero says that there is no checksum. */
	write16(p + CSUM_OFF, csum ? csum : 0xffff);
}

void udp_emit(const struct udp_hdr *h, uint8_t *p, const struct addr *src, const struct addr *dst)
{
	emit(h, p, IP_PROTO_UDP, h->len, h->len, src, dst);
}

bool udp_csum_ok(const uint8_t *p, size_t len, const struct addr *src, const struct addr *dst)
{
	/* RFC 8200 §8.1: IPv6 receivers must discard UDP packets with a zero checksum. */
	if (read16(p + CSUM_OFF) == 0) return addr_is_v4(dst);
	return csum_fold(csum_add(csum_pseudo(src, dst, IP_PROTO_UDP, (uint32_t)len), p, len)) == 0;
}

/* ---- UDP-Lite ---- */

int udplite_parse(struct udp_hdr *ret, const uint8_t *p, size_t n)
{
	if (n < UDP_HDR_LEN || n > UINT16_MAX) return -EBADMSG;
	struct udp_hdr h = {read16(p), read16(p + 2), (uint16_t)n, read16(p + CSUM_OFF), read16(p + 4)};
	/* RFC 3828 §3.1: zero covers all, at least the header must be covered, and no more than there is. */
	if (h.coverage == 0) h.coverage = h.len;
	if (h.coverage < UDP_HDR_LEN || h.coverage > n) return -EBADMSG;
	*ret = h;
	return UDP_HDR_LEN;
}

void udplite_emit(const struct udp_hdr *h, uint8_t *p, const struct addr *src, const struct addr *dst)
{
	emit(h, p, IP_PROTO_UDPLITE, h->coverage, h->coverage ? h->coverage : h->len, src, dst);
}

bool udplite_csum_ok(const struct udp_hdr *h, const uint8_t *p, const struct addr *src, const struct addr *dst)
{
	/* RFC 3828 §3.1: a datagram without a checksum is to be discarded, over IPv4, too. */
	return h->csum != 0 && csum_fold(csum_add(csum_pseudo(src, dst, IP_PROTO_UDPLITE, h->len), p, h->coverage)) == 0;
}
