/*
 * Neighbour solicitation and advertisement: a target, and the link-layer address option that goes with the type.
 *
 * Read first: RFC 4861 §§4.3, 4.4, 4.6.1, 7.1.
 */
#include "wire/wire.h"
#include <errno.h>

#define TARGET_LEN 16
#define OPT_SOURCE_LLADDR 1
#define OPT_TARGET_LLADDR 2
#define OPT_LLADDR_LEN 8
#define FLAG_ROUTER 0x80000000u
#define FLAG_SOLICITED 0x40000000u
#define FLAG_OVERRIDE 0x20000000u

static uint8_t lladdr_option(uint8_t type) { return type == ICMP6_NS ? OPT_SOURCE_LLADDR : OPT_TARGET_LLADDR; }

/* Finds the link-layer address; unknown options are skipped, of equal ones the first counts, as in Linux. */
static int parse_options(struct nd_msg *m, uint8_t wanted, const uint8_t *p, size_t n)
{
	while (n) {
		/* RFC 4861 §§7.1.1, 7.1.2: all included options have a length that is greater than zero. */
		if (n < 2 || p[1] == 0 || 8 * (size_t)p[1] > n) return -EBADMSG;
		if (p[0] == wanted && !m->has_lladdr) {
			if (8 * p[1] != OPT_LLADDR_LEN) return -EBADMSG;
			m->has_lladdr = true;
			memcpy(m->lladdr.b, p + 2, sizeof m->lladdr.b);
		}
		n -= 8 * (size_t)p[1];
		p += 8 * p[1];
	}
	return 0;
}

int nd_parse(struct nd_msg *ret, const struct icmp_hdr *h, const uint8_t *body, size_t n)
{
	if (n < TARGET_LEN || h->code != 0 || (h->type != ICMP6_NS && h->type != ICMP6_NA)) return -EBADMSG;
	struct nd_msg m = {.target = addr_v6_octets(body)};
	/* RFC 4861 §§7.1.1, 7.1.2: the target is not a multicast address. */
	if (addr_is_multicast(&m.target)) return -EBADMSG;
	if (h->type == ICMP6_NA) {
		m.router = h->rest & FLAG_ROUTER;
		m.solicited = h->rest & FLAG_SOLICITED;
		m.override = h->rest & FLAG_OVERRIDE;
	}
	int err = parse_options(&m, lladdr_option(h->type), body + TARGET_LEN, n - TARGET_LEN);
	if (err < 0) return err;
	*ret = m;
	return (int)n;
}

size_t nd_emit(const struct nd_msg *m, uint8_t type, uint8_t *p, const struct addr *src, const struct addr *dst)
{
	struct icmp_hdr h = {.type = type};
	size_t len = ICMP_HDR_LEN + TARGET_LEN;
	if (type == ICMP6_NA)
		h.rest = (m->router ? FLAG_ROUTER : 0) | (m->solicited ? FLAG_SOLICITED : 0) | (m->override ? FLAG_OVERRIDE : 0);
	memcpy(p + ICMP_HDR_LEN, m->target.b, TARGET_LEN);
	if (m->has_lladdr) {
		p[len] = lladdr_option(type);
		p[len + 1] = OPT_LLADDR_LEN / 8;
		memcpy(p + len + 2, m->lladdr.b, sizeof m->lladdr.b);
		len += OPT_LLADDR_LEN;
	}
	icmp_emit(&h, p, len, src, dst);
	return len;
}
