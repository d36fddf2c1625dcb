/*
 * Source address selection: which of our addresses a datagram bears when nobody chose.
 *
 * IPv4 has no standard; this is Linux's inet_select_addr: on the interface the datagram leaves through, the address
 * whose prefix holds the destination, else the first; else the first of any interface.
 * IPv6 compares every candidate with the best so far, rule by rule; the first rule that tells them apart decides.
 *
 * Read first: RFC 6724 §4 and §5.
 */
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include "stack/core/route.h"

/* ---- IPv4 ---- */

static bool select_on(const struct netif *nif, const struct addr *dst, unsigned scope, struct addr *ret)
{
	const struct netif_addr *first = NULL;

	list_each(const struct netif_addr, ia, &nif->addrs, node) {
		if (!addr_is_v4(&ia->addr) || ia->scope > scope || ia->flags & IFA_F_SECONDARY) continue;
		if (addr_in_prefix(dst, &ia->peer, ia->plen)) {
			*ret = ia->addr;
			return true;
		}
		if (!first) first = ia;
	}
	if (first) *ret = first->addr;
	return first;
}

static bool select4(const struct stack *s, const struct netif *nif, const struct addr *dst, struct addr *ret)
{
	if (select_on(nif, dst, RT_SCOPE_LINK, ret)) return true;
	list_each(const struct netif, other, &s->netifs, node)
		if (select_on(other, dst, RT_SCOPE_UNIVERSE, ret)) return true;
	return false;
}

/* ---- IPv6 ---- */

/* RFC 6724 §2.1: the default policy table; only its labels matter for sources. The first match is the longest. */
static const struct { uint8_t prefix[16]; uint8_t plen, label; } policy[] = {
	{{[15] = 1}, 128, 0},
	{{[10] = 0xff, 0xff}, 96, 4},
	{{0}, 96, 3},
	{{0x20, 0x01}, 32, 5},
	{{0x20, 0x02}, 16, 2},
	{{0x3f, 0xfe}, 16, 12},
	{{0xfe, 0xc0}, 10, 11},
	{{0xfc}, 7, 13},
};

static unsigned label_of(const struct addr *a)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy); i++) {
		struct addr prefix = addr_v6_octets(policy[i].prefix);
		if (addr_in_prefix(a, &prefix, policy[i].plen)) return policy[i].label;
	}
	return 1;
}

/* RFC 6724 §3.1: multicast scopes, and unicast addresses mapped to them. */
static unsigned scope_of(const struct addr *a)
{
	if (addr_is_multicast(a)) return a->b[1] & 15;
	if (addr_is_linklocal(a) || addr_is_loopback(a)) return 2;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0xc0 ? 5 : 14;
}

static unsigned common_prefix(const struct addr *a, const struct addr *b, unsigned max)
{
	for (unsigned i = 0; i < max; i++)
		if ((a->b[i / 8] ^ b->b[i / 8]) & (0x80 >> (i % 8))) return i;
	return max;
}

/* Whether a beats b as the source towards dst through nif (RFC 6724 §5). Rules 4 (home addresses) and 7 (temporary ones) have no subject here. */
static bool beats(const struct netif_addr *a, const struct netif_addr *b, const struct addr *dst, const struct netif *nif)
{
	unsigned sa = scope_of(&a->addr), sb = scope_of(&b->addr), sd = scope_of(dst);
	bool fits_a, fits_b;

	/* Rule 1: the destination itself. */
	if (addr_eq(&a->addr, dst) || addr_eq(&b->addr, dst)) return addr_eq(&a->addr, dst);
	/* Rule 2: the smallest scope that reaches the destination, else the largest. */
	if (sa != sb) return sa < sb ? sa >= sd : sb < sd;
	/* Rule 3: not deprecated. */
	fits_a = !(a->flags & IFA_F_DEPRECATED), fits_b = !(b->flags & IFA_F_DEPRECATED);
	if (fits_a != fits_b) return fits_a;
	/* Rule 5: of the outgoing interface. */
	fits_a = a->netif == nif, fits_b = b->netif == nif;
	if (fits_a != fits_b) return fits_a;
	/* Rule 6: with the destination's label. */
	fits_a = label_of(&a->addr) == label_of(dst), fits_b = label_of(&b->addr) == label_of(dst);
	if (fits_a != fits_b) return fits_a;
	/* Rule 8: the longest common prefix, as far as the source's own prefix goes. */
	return common_prefix(&a->addr, dst, a->plen) > common_prefix(&b->addr, dst, b->plen);
}

static bool select6(const struct stack *s, const struct netif *nif, const struct addr *dst, struct addr *ret)
{
	/* RFC 6724 §4: for multicast and link-local destinations only the outgoing interface's addresses are candidates. */
	bool strict = addr_is_multicast(dst) || scope_of(dst) <= 2;
	const struct netif_addr *best = NULL;

	list_each(const struct netif, at, &s->netifs, node) {
		if (strict && at != nif) continue;
		list_each(const struct netif_addr, ia, &at->addrs, node) {
			if (addr_is_v4(&ia->addr) || netif_addr_is_tentative(ia)) continue;
			if (!best || beats(ia, best, dst, nif)) best = ia;
		}
	}
	if (best) *ret = best->addr;
	return best;
}

bool source_select(const struct stack *s, const struct netif *nif, const struct addr *dst, struct addr *ret)
{
	return addr_is_v4(dst) ? select4(s, nif, dst, ret) : select6(s, nif, dst, ret);
}
