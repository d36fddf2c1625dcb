/*
 * Neighbour discovery's redirect: for a destination there is a better first hop, which is the destination itself when it is on the link.
 *
 *     icmp_hdr | target | destination | target's link-layer address, if known | what was redirected, as much as fits
 *
 * Read first: RFC 4861 §§4.5, 4.6.1, 4.6.3, 8.1.
 */
#include "wire/wire.h"
#include <errno.h>

#define ADDRS_LEN 32
#define OPT_TARGET_LLADDR 2
#define OPT_REDIRECTED 4
#define OPT_LLADDR_LEN 8
#define OPT_REDIRECTED_HDR 8

/* One option of len octets at p: those that nobody knows are passed over, and of equal ones the first counts. */
static int parse_option(struct nd_rd *r, const uint8_t *p, size_t len)
{
	if (p[0] == OPT_TARGET_LLADDR && !r->has_lladdr) {
		if (len != OPT_LLADDR_LEN) return -EBADMSG;
		r->has_lladdr = true;
		memcpy(r->lladdr.b, p + 2, sizeof r->lladdr.b);
	} else if (p[0] == OPT_REDIRECTED && !r->quote) {
		r->quote = p + OPT_REDIRECTED_HDR;
		r->quote_len = len - OPT_REDIRECTED_HDR;
	}
	return 0;
}

int nd_rd_parse(struct nd_rd *ret, const struct icmp_hdr *h, const uint8_t *body, size_t n)
{
	struct nd_rd r;
	size_t at = ADDRS_LEN;

	if (n < ADDRS_LEN || h->code != 0 || h->type != ICMP6_REDIRECT) return -EBADMSG;
	r = (struct nd_rd){.target = addr_v6_octets(body), .dst = addr_v6_octets(body + 16)};
	/* RFC 4861 §8.1: the destination is no group; the target is a router's link-local address, or the destination. */
	if (addr_is_multicast(&r.dst) || (!addr_eq(&r.target, &r.dst) && !addr_is_linklocal(&r.target))) return -EBADMSG;
	while (at < n) {
		size_t len = n - at < 2 ? 0 : 8 * (size_t)body[at + 1];
		if (len == 0 || len > n - at || parse_option(&r, body + at, len) < 0) return -EBADMSG;
		at += len;
	}
	*ret = r;
	return (int)n;
}

size_t nd_rd_emit(const struct nd_rd *r, uint8_t *p, size_t most, const struct addr *src, const struct addr *dst)
{
	struct icmp_hdr h = {.type = ICMP6_REDIRECT};
	size_t len = ICMP_HDR_LEN + ADDRS_LEN, quote;

	memcpy(p + ICMP_HDR_LEN, r->target.b, 16);
	memcpy(p + ICMP_HDR_LEN + 16, r->dst.b, 16);
	if (r->has_lladdr) {
		p[len] = OPT_TARGET_LLADDR;
		p[len + 1] = OPT_LLADDR_LEN / 8;
		memcpy(p + len + 2, r->lladdr.b, sizeof r->lladdr.b);
		len += OPT_LLADDR_LEN;
	}
	/* RFC 4861 §4.6.3: options are whole eights of octets; of the datagram as many as fit. */
	quote = MIN(r->quote_len, most - len - OPT_REDIRECTED_HDR) & ~(size_t)7;
	memset(p + len, 0, OPT_REDIRECTED_HDR);
	p[len] = OPT_REDIRECTED;
	p[len + 1] = (uint8_t)((OPT_REDIRECTED_HDR + quote) / 8);
	memcpy(p + len + OPT_REDIRECTED_HDR, r->quote, quote);
	len += OPT_REDIRECTED_HDR + quote;
	icmp_emit(&h, p, len, src, dst);
	return len;
}
