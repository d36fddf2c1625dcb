/* Ethernet II: destination, source, type. Read first: RFC 894. */
#include "wire/wire.h"
#include <errno.h>

struct eth_octets { struct mac dst, src; be16 type; };
_Static_assert(sizeof(struct eth_octets) == ETH_HDR_LEN, "layout");

int eth_parse(struct eth_hdr *ret, const uint8_t *p, size_t n)
{
	struct eth_octets o;
	if (n < sizeof o) return -EBADMSG;
	memcpy(&o, p, sizeof o);
	*ret = (struct eth_hdr){o.dst, o.src, be16_get(o.type)};
	return sizeof o;
}

void eth_emit(const struct eth_hdr *h, uint8_t *p)
{
	struct eth_octets o = {h->dst, h->src, be16_of(h->type)};
	memcpy(p, &o, sizeof o);
}
