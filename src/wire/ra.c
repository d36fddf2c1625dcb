/*
 * Router advertisements: lifetimes, the router's link-layer address, the MTU, and prefixes. And what asks for them.
 *
 *     type code csum | hops flags lifetime | reachable | retransmission | options: type, length / 8, ...
 *
 * Read first: RFC 4861 §4.2, §4.6, §6.1.2.
 */
#include "wire/wire.h"
#include <errno.h>

#define BODY_LEN 8                       /* behind the 8 octets of icmp_hdr, before the options */
#define OPT_SOURCE_LLADDR 1
#define OPT_PREFIX 3
#define OPT_MTU 5
#define PREFIX_LEN 32
#define FLAG_ON_LINK 0x80
#define FLAG_AUTO 0x40

static void option_read(struct nd_ra *ra, const uint8_t *p, size_t n)
{
	struct nd_prefix *x = &ra->prefixes[ra->n_prefixes];

	if (p[0] == OPT_SOURCE_LLADDR && n == 8) {
		ra->has_lladdr = true;
		memcpy(ra->lladdr.b, p + 2, sizeof ra->lladdr.b);
	} else if (p[0] == OPT_MTU && n == 8) {
		ra->mtu_bytes = read32(p + 4);
	} else if (p[0] == OPT_PREFIX && n == PREFIX_LEN && p[2] <= 128 && ra->n_prefixes < ND_PREFIXES_MAX) {
		*x = (struct nd_prefix){.prefix = addr_v6_octets(p + 16), .plen = p[2], .on_link = p[3] & FLAG_ON_LINK, .autonomous = p[3] & FLAG_AUTO,
					.valid_s = read32(p + 4), .preferred_s = read32(p + 8)};
		ra->n_prefixes++;
	}
}

int nd_ra_parse(struct nd_ra *ret, const struct icmp_hdr *h, const uint8_t *body, size_t n)
{
	struct nd_ra ra = {.hops = (uint8_t)(h->rest >> 24), .lifetime_s = (uint16_t)h->rest};

	if (h->type != ICMP6_RA || h->code != 0 || n < BODY_LEN) return -EBADMSG;
	for (size_t at = BODY_LEN, len; at < n; at += len) {
		/* RFC 4861 §6.1.2: all options have a length that is greater than zero. */
		if (n - at < 2 || body[at + 1] == 0 || 8 * (size_t)body[at + 1] > n - at) return -EBADMSG;
		len = 8 * (size_t)body[at + 1];
		option_read(&ra, body + at, len);
	}
	*ret = ra;
	return 0;
}

static uint8_t *prefix_emit(const struct nd_prefix *x, uint8_t *p)
{
	memset(p, 0, PREFIX_LEN);
	p[0] = OPT_PREFIX;
	p[1] = PREFIX_LEN / 8;
	p[2] = x->plen;
	p[3] = (uint8_t)((x->on_link ? FLAG_ON_LINK : 0) | (x->autonomous ? FLAG_AUTO : 0));
	write32(p + 4, x->valid_s);
	write32(p + 8, x->preferred_s);
	memcpy(p + 16, x->prefix.b, 16);
	return p + PREFIX_LEN;
}

size_t nd_ra_emit(const struct nd_ra *ra, uint8_t *p, const struct addr *src, const struct addr *dst)
{
	struct icmp_hdr h = {.type = ICMP6_RA, .rest = (uint32_t)ra->hops << 24 | ra->lifetime_s};
	uint8_t *at = p + ICMP_HDR_LEN + BODY_LEN;

	memset(p + ICMP_HDR_LEN, 0, BODY_LEN);
	if (ra->has_lladdr) {
		*at++ = OPT_SOURCE_LLADDR;
		*at++ = 1;
		memcpy(at, ra->lladdr.b, sizeof ra->lladdr.b);
		at += sizeof ra->lladdr.b;
	}
	if (ra->mtu_bytes) {
		write32(at, (uint32_t)OPT_MTU << 24 | 1u << 16);
		write32(at + 4, ra->mtu_bytes);
		at += 8;
	}
	for (size_t i = 0; i < ra->n_prefixes; i++)
		at = prefix_emit(&ra->prefixes[i], at);
	icmp_emit(&h, p, (size_t)(at - p), src, dst);
	return (size_t)(at - p);
}

void nd_rs_emit(const struct mac *lladdr, uint8_t *p, const struct addr *src, const struct addr *dst)
{
	struct icmp_hdr h = {.type = ICMP6_RS};

	p[ICMP_HDR_LEN] = OPT_SOURCE_LLADDR;
	p[ICMP_HDR_LEN + 1] = 1;
	memcpy(p + ICMP_HDR_LEN + 2, lladdr->b, sizeof lladdr->b);
	icmp_emit(&h, p, ND_RS_LEN, src, dst);
}
