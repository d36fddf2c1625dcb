/*
 * PIM Registers: a sender's first router tunnels its datagrams to the rendezvous point. On the way there the interface "pimreg" hands whole datagrams to
 * the daemon, which wraps them; there the host takes them out of their Registers, and they come in by that interface. Both only when the
 * daemon has made it one of its interfaces.
 *
 *     | IP | PIM: type, flags, checksum, flags | IP | the datagram |
 *
 * Read first: RFC 7761 §4.4, §4.9.3.
 */
#include <net/if.h>
#include <stdio.h>
#include "stack/mroute/private.h"
#include "stack/netlink/notify.h"
#include "stack/packet/tap.h"

#define REGISTER 0x21            /* version 2, type 1 */
#define NULL_REGISTER 0x40       /* of the flags at 4: there is no datagram in it */
#define PIM_LEN 8
#define MTU4 (1500 - IP4_HDR_MIN - PIM_LEN)
#define MTU6 (1500 - IP6_HDR_LEN - PIM_LEN)

/* ---- the interface ---- */

static int device_open(struct netif *nif)
{
	(void)nif;
	return 0;
}

static void device_quiet(struct netif *nif) { (void)nif; }

static int device_transmit(struct netif *nif, struct packet *p)
{
	struct mroute_table *t = nif->device;

	nif->tx_packets++;
	nif->tx_bytes += p->len;
	/* What this host sends came in by no interface; its daemon hears of it as from this one. */
	p->netif = nif;
	if (t->register_vif >= 0 && addr_is_v4(&p->dst) == t->v4) (void)mroute_upcall(t, p, (unsigned)t->register_vif, IGMPMSG_WHOLEPKT);
	packet_free(p);
	return 0;
}

static const struct netif_ops device_ops = {.open = device_open, .stop = device_quiet, .transmit = device_transmit, .remove = device_quiet};

struct netif *mroute_register_make(struct mroute_table *t)
{
	const char *base = t->v4 ? "pimreg" : "pim6reg";
	struct netif *nif;
	char name[16];

	if (t == mroute_default(t->stack, t->v4)) snprintf(name, sizeof name, "%s", base);
	else snprintf(name, sizeof name, "%s%u", base, (unsigned)t->id);
	if (netif_make(t->stack, name, NETIF_RAW_IP, NULL, t->v4 ? MTU4 : MTU6, &nif) < 0) return NULL;
	nif->flags = IFF_NOARP;
	nif->ops = &device_ops;
	nif->device = t;
	nif->pim_register = true;
	netlink_tell_link(nif, false, UINT32_MAX);
	(void)netif_set_flags(nif, IFF_NOARP | IFF_UP);
	return nif;
}

/* ---- out of a Register ---- */

/* RFC 7761 §4.9.3: the checksum is of the PIM header alone, in IPv6 with a pseudo-header. As Linux: senders that sum up everything are believed, too. */
static bool checksum_fits(const struct packet *p)
{
	uint32_t pseudo = addr_is_v4(&p->dst) ? 0 : csum_pseudo(&p->src, &p->dst, IP_PROTO_PIM, PIM_LEN);

	return csum_fold(csum_add(pseudo, p->data, PIM_LEN)) == 0 || csum_fold(csum_add(0, p->data, p->len)) == 0;
}

/* A datagram for a group, and all of it there. What else is wrong with it IP will find. */
static bool inner_fits(const uint8_t *inner, size_t len, bool v4)
{
	size_t hdr_len = v4 ? IP4_HDR_MIN : IP6_HDR_LEN, said = len < hdr_len ? 0 : read16(inner + (v4 ? 2 : 4));

	if (!said || (v4 ? said : hdr_len + said) > len) return false;
	return v4 ? inner[16] >> 4 == 0xe : inner[24] == 0xff;
}

static enum drop_reason register_check(const struct stack *s, const struct packet *p)
{
	bool v4 = addr_is_v4(&p->dst);

	if (p->len < PIM_LEN || p->data[0] != REGISTER || p->data[4] & NULL_REGISTER || !checksum_fits(p)) return DROP_PIM_BAD;
	if (!inner_fits(p->data + PIM_LEN, p->len - PIM_LEN, v4)) return DROP_PIM_BAD;
	return mroute_default(s, v4)->register_vif < 0 ? DROP_PIM_NOBODY : DROP_NONE;
}

static void pim_receive(struct stack *s, struct packet *p)
{
	const struct mroute_table *t = mroute_default(s, addr_is_v4(&p->dst));
	enum drop_reason why = register_check(s, p);

	if (why != DROP_NONE) {
		stack_drop(s, p, why);
		return;
	}
	packet_pull(p, PIM_LEN);
	p->netif = t->vifs[t->register_vif].netif;
	p->netif->rx_packets++;
	p->netif->rx_bytes += p->len;
	p->mac_off = p->trans_off = 0;
	p->broadcast = p->multicast = p->anycast = p->looped = p->forwarded = false;
	p->frag_size = 0;
	if (p->netif->flags & IFF_UP) packet_tap_in(p->netif, p);
	/* Registers may lie in Registers: each is taken out in a round of its own. */
	ip_receive_later(s, p);
}

const struct ip_proto pim_proto = {.proto = IP_PROTO_PIM, .receive = pim_receive};
