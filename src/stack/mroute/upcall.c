/*
 * What the daemon is told, as datagrams on its socket: a header in place of the IP header that says why (struct igmpmsg lies over IPv4's, with a
 * protocol of 0; IPv6's is struct mrt6msg), and behind it the datagram's own header or all of it.
 */
#include <errno.h>
#include "stack/mroute/private.h"
#include "stack/netlink/notify.h"
#include "stack/socket/filter.h"

#define IGMP_LEN 8               /* struct igmphdr, which ends IPv4's */

static bool is_whole(uint8_t type) { return type == IGMPMSG_WHOLEPKT || type == IGMPMSG_WRVIFWHOLE; }

/* Over an IPv4 header, where TTL, protocol and checksum are. */
static void mark4(uint8_t *h, unsigned vif, uint8_t type, size_t len)
{
	write16(h + 2, (uint16_t)len);
	h[8] = type;
	h[9] = 0;
	h[10] = (uint8_t)vif;
	h[11] = (uint8_t)(vif >> 8);
}

static struct packet *header4(const struct packet *p, unsigned vif, uint8_t type)
{
	size_t hdr_len = 4 * (size_t)(p->data[0] & 15);
	struct packet *m = packet_new(PACKET_HEADROOM, hdr_len + IGMP_LEN);

	if (!m) return NULL;
	memcpy(m->data, p->data, hdr_len);
	memset(m->data + hdr_len, 0, IGMP_LEN);
	m->data[hdr_len] = type;
	mark4(m->data, vif, type, m->len);
	return m;
}

static struct packet *whole4(const struct packet *p, unsigned vif, uint8_t type)
{
	struct packet *m = packet_new(PACKET_HEADROOM, IP4_HDR_MIN + p->len);

	if (!m) return NULL;
	memcpy(m->data, p->data, IP4_HDR_MIN);
	memcpy(m->data + IP4_HDR_MIN, p->data, p->len);
	m->data[0] = 0x45;
	mark4(m->data, vif, type, m->len);
	return m;
}

/* Linux lays the message over the copy of the IPv6 header that it takes along, and so has as many octets again behind it. */
static struct packet *message6(const struct packet *p, unsigned vif, uint8_t type)
{
	size_t behind = is_whole(type) ? p->len : IP6_HDR_LEN;
	struct mrt6msg msg = {.im6_msgtype = type, .im6_mif = (uint16_t)vif};
	struct packet *m = packet_new(PACKET_HEADROOM, sizeof msg + behind);

	if (!m) return NULL;
	memcpy(&msg.im6_src, p->src.b, sizeof msg.im6_src);
	memcpy(&msg.im6_dst, p->dst.b, sizeof msg.im6_dst);
	memcpy(m->data, &msg, sizeof msg);
	if (is_whole(type)) memcpy(m->data + sizeof msg, p->data, behind);
	else memset(m->data + sizeof msg, 0, behind);
	return m;
}

int mroute_upcall(struct mroute_table *t, const struct packet *p, unsigned vif, uint8_t type)
{
	struct packet *m;

	if (!t->daemon) return -EINVAL;
	m = !t->v4 ? message6(p, vif, type) : is_whole(type) ? whole4(p, vif, type) : header4(p, vif, type);
	if (!m) return -ENOBUFS;
	m->netif = p->netif;
	m->src = p->src;
	m->dst = p->dst;
	m->when = t->stack->now;
	m->net_off = m->trans_off = packet_off(m);
	netlink_tell_mroute_upcall(t, m, vif, type);
	if (sock_filter_allows(&t->daemon->ds.is.sk, m, 0)) return dgram_enqueue(&t->daemon->ds, m) ? 0 : -ENOBUFS;
	stack_drop(t->stack, m, DROP_SOCK_FILTER);
	return -EPERM;
}
