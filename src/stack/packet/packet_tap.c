/* The tap: what interfaces carry, as packet sockets see it, and who is to have it. */
#include <linux/if_ether.h>
#include "stack/packet/fanout.h"

#define VLAN_ID_MASK 0xfff

static const uint8_t loopback_header4[ETH_HDR_LEN] = {[12] = 0x08, 0x00}, loopback_header6[ETH_HDR_LEN] = {[12] = 0x86, 0xdd};

/* IEEE 802.3: below 1536 the type is a length, and what follows is LLC. */
static uint16_t protocol_of(const struct sight *v)
{
	uint16_t type = read16(v->type);

	if (type >= ETH_P_802_3_MIN) return type;
	return v->net_len >= 2 && read16(v->net) == 0xffff ? ETH_P_802_3 : ETH_P_802_2;
}

static struct sight sight_of(const struct netif *nif, const struct packet *p)
{
	struct sight v = {.net = p->data, .net_len = p->len, .mark = p->mark, .protocol = p->len && p->data[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP};

	if (nif->kind == NETIF_LOOPBACK) v.macs = p->headed ? p->data - ETH_HDR_LEN : v.protocol == ETH_P_IP ? loopback_header4 : loopback_header6;
	if (nif->kind == NETIF_ETHERNET && p->len >= ETH_HDR_LEN) {
		v.macs = p->data;
		v.net += ETH_HDR_LEN;
		v.net_len -= ETH_HDR_LEN;
	}
	if (!v.macs) return v;
	v.type = v.macs + 2 * sizeof(struct mac);
	v.protocol = protocol_of(&v);
	return v;
}

/* As Linux: of what comes in the tag is taken out of the frame, and told beside it. */
static void untag(struct sight *v)
{
	if (!v->type || (v->protocol != ETH_P_8021Q && v->protocol != ETH_P_8021AD) || v->net_len < VLAN_TAG_LEN) return;
	v->vlan_tpid = v->protocol;
	v->vlan_tci = read16(v->net);
	v->type = v->net + 2;
	v->net += VLAN_TAG_LEN;
	v->net_len -= VLAN_TAG_LEN;
	v->protocol = protocol_of(v);
}

static uint8_t pkttype_in(const struct netif *nif, const struct sight *v)
{
	static const struct mac none;
	const struct mac *own = nif->kind == NETIF_ETHERNET ? &nif->mac : &none;

	if (!v->macs || memcmp(v->macs, own, sizeof *own) == 0) return PACKET_HOST;
	if (!(v->macs[0] & 1)) return PACKET_OTHERHOST;
	if (nif->kind == NETIF_LOOPBACK) return PACKET_MULTICAST;   /* Linux's has another address for all */
	return memcmp(v->macs, &mac_bcast, sizeof mac_bcast) == 0 ? PACKET_BROADCAST : PACKET_MULTICAST;
}

static bool is_for(const struct packet_sock *ps, const struct netif *nif, const struct sight *v)
{
	if (ps->ifindex && ps->ifindex != nif->index) return false;
	if (v->pkttype == PACKET_OUTGOING && (ps->ignore_outgoing || ps->protocol != ETH_P_ALL)) return false;
	return ps->protocol == ETH_P_ALL || (ps->protocol && ps->protocol == v->protocol);
}

/* There are no VLANs: a frame of one is for another station, but that is found out only when all's sockets have had it. */
static void deliver(struct packet_sock *ps, const struct netif *nif, const struct sight *v)
{
	struct sight other = *v;

	other.pkttype = PACKET_OTHERHOST;
	packet_deliver(ps, nif, v->vlan_tci & VLAN_ID_MASK && ps->protocol != ETH_P_ALL ? &other : v);
}

/* A group is served when its first member's turn comes. */
static void show(struct netif *nif, const struct sight *v, const struct sock *sender)
{
	list_each(struct packet_sock, ps, &nif->stack->taps, node) {
		if (!ps->fanout && &ps->sk != sender && is_for(ps, nif, v)) deliver(ps, nif, v);
		if (ps->fanout && fanout_is_first(ps) && fanout_sees(ps->fanout, nif, v, sender))
			deliver(fanout_pick(ps->fanout, nif, v), nif, v);
	}
}

void packet_tap_in(struct netif *nif, const struct packet *p)
{
	struct sight v;

	if (list_empty(&nif->stack->taps)) return;
	v = sight_of(nif, p);
	v.pkttype = pkttype_in(nif, &v);
	untag(&v);
	show(nif, &v, NULL);
}

void packet_tap_out(struct netif *nif, const struct packet *p, const struct sock *sender)
{
	struct sight v;

	if (list_empty(&nif->stack->taps)) return;
	v = sight_of(nif, p);
	v.pkttype = PACKET_OUTGOING;
	if (p->said_protocol) v.protocol = p->said_protocol;
	show(nif, &v, sender);
}
