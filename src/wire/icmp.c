/* The part that all ICMP and ICMPv6 messages share: type, code, checksum and one word. Read first: RFC 792, RFC 4443 §2. */
#include "wire/wire.h"
#include <errno.h>

#define CSUM_OFF 2

/* RFC 4443 §2.3: ICMPv6 covers the pseudo-header; ICMP for IPv4 has none. */
static uint32_t sum_start(size_t len, const struct addr *src6, const struct addr *dst6)
{
	return src6 ? csum_pseudo(src6, dst6, IP_PROTO_ICMP6, (uint32_t)len) : 0;
}

int icmp_parse(struct icmp_hdr *ret, const uint8_t *p, size_t n)
{
	if (n < ICMP_HDR_LEN) return -EBADMSG;
	*ret = (struct icmp_hdr){p[0], p[1], read32(p + 4)};
	return ICMP_HDR_LEN;
}

void icmp_emit(const struct icmp_hdr *h, uint8_t *p, size_t len, const struct addr *src6, const struct addr *dst6)
{
	p[0] = h->type;
	p[1] = h->code;
	write16(p + CSUM_OFF, 0);
	write32(p + 4, h->rest);
	write16(p + CSUM_OFF, csum_fold(csum_add(sum_start(len, src6, dst6), p, len)));
}

bool icmp_csum_ok(const uint8_t *p, size_t len, const struct addr *src6, const struct addr *dst6)
{
	return csum_fold(csum_add(sum_start(len, src6, dst6), p, len)) == 0;
}
