/* UDP. Read first: RFC 768, RFC 8200 §8.1. */
#include "wire/wire.h"
#include <errno.h>

#define CSUM_OFF 6

int udp_parse(struct udp_hdr *ret, const uint8_t *p, size_t n)
{
	if (n < UDP_HDR_LEN) return -EBADMSG;
	struct udp_hdr h = {read16(p), read16(p + 2), read16(p + 4), read16(p + CSUM_OFF)};
	if (h.len < UDP_HDR_LEN || h.len > n) return -EBADMSG;
	*ret = h;
	return UDP_HDR_LEN;
}

void udp_emit(const struct udp_hdr *h, uint8_t *p, const struct addr *src, const struct addr *dst)
{
	write16(p, h->src);
	write16(p + 2, h->dst);
	write16(p + 4, h->len);
	write16(p + CSUM_OFF, 0);
	uint16_t csum = csum_fold(csum_add(csum_pseudo(src, dst, IP_PROTO_UDP, h->len), p, h->len));
	/* RFC 768: a computed zero is sent as all ones; zero says that there is no checksum. */
	write16(p + CSUM_OFF, csum ? csum : 0xffff);
}

bool udp_csum_ok(const uint8_t *p, size_t len, const struct addr *src, const struct addr *dst)
{
	/* RFC 8200 §8.1: IPv6 receivers must discard UDP packets with a zero checksum. */
	if (read16(p + CSUM_OFF) == 0) return addr_is_v4(dst);
	return csum_fold(csum_add(csum_pseudo(src, dst, IP_PROTO_UDP, (uint32_t)len), p, len)) == 0;
}
