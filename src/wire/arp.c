/* ARP for IPv4 over Ethernet; other address types are malformed to us. Read first: RFC 826, RFC 5227 §1.1. */
#include "wire/wire.h"
#include <errno.h>

#define HTYPE_ETHERNET 1

struct arp_octets {
	be16 htype, ptype;
	uint8_t hlen, plen;
	be16 op;
	struct mac sender_mac;
	uint8_t sender[4];
	struct mac target_mac;
	uint8_t target[4];
};
_Static_assert(sizeof(struct arp_octets) == ARP_LEN, "layout");

int arp_parse(struct arp_hdr *ret, const uint8_t *p, size_t n)
{
	struct arp_octets o;
	if (n < sizeof o) return -EBADMSG;
	memcpy(&o, p, sizeof o);
	if (be16_get(o.htype) != HTYPE_ETHERNET || be16_get(o.ptype) != ETH_TYPE_IP4 || o.hlen != 6 || o.plen != 4) return -EBADMSG;
	*ret = (struct arp_hdr){be16_get(o.op), o.sender_mac, o.target_mac, addr_v4_octets(o.sender), addr_v4_octets(o.target)};
	return sizeof o;
}

void arp_emit(const struct arp_hdr *h, uint8_t *p)
{
	struct arp_octets o = {
		.htype = be16_of(HTYPE_ETHERNET), .ptype = be16_of(ETH_TYPE_IP4), .hlen = 6, .plen = 4,
		.op = be16_of(h->op), .sender_mac = h->sender_mac, .target_mac = h->target_mac,
	};
	memcpy(o.sender, h->sender.b + 12, 4);
	memcpy(o.target, h->target.b + 12, 4);
	memcpy(p, &o, sizeof o);
}
