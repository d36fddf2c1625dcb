/* Packet sockets: sending. */
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include "stack/packet/packet_sock.h"
#include "stack/packet/vnet.h"

#define LL_LEN_MIN offsetof(struct sockaddr_ll, sll_addr)

static int way_of(const struct packet_sock *ps, const struct sock_msg *m, struct sockaddr_ll *ll, struct way *ret)
{
	*ret = (struct way){.protocol = ps->protocol, .control = send_control_of(&ps->sk)};
	*ll = (struct sockaddr_ll){.sll_ifindex = ps->ifindex};
	if (m->name) {
		if (m->name_len < sizeof *ll) return -EINVAL;
		memcpy(ll, m->name, sizeof *ll);
		if (m->name_len < LL_LEN_MIN + ll->sll_halen) return -EINVAL;
		ret->protocol = read16((const uint8_t *)&ll->sll_protocol);
	}
	ret->nif = ll->sll_ifindex ? netif_by_index(ps->sk.stack, ll->sll_ifindex) : NULL;
	if (!ret->nif) return -ENXIO;
	if (!(ret->nif->flags & IFF_UP)) return -ENETDOWN;
	/* As Linux: whatever length the name gives its address. */
	if (m->name && ps->sk.type == SOCK_DGRAM) ret->to = ll->sll_addr;
	return 0;
}

/* SOCK_DGRAM: the link header is ours. */
static int header_push(struct packet *p, const struct way *w)
{
	struct eth_hdr h = {.src = w->nif->mac, .type = w->protocol};

	if (w->nif->kind == NETIF_RAW_IP) return 0;
	if (w->to) memcpy(&h.dst, w->to, sizeof h.dst);
	else if (w->nif->kind == NETIF_ETHERNET) return -EINVAL;
	eth_emit(&h, packet_push(p, ETH_HDR_LEN));
	return 0;
}

static void transmit(struct packet_sock *ps, const struct way *w, struct packet *p)
{
	if (w->protocol != ETH_P_ALL || ps->sk.type == SOCK_DGRAM) p->said_protocol = w->protocol;
	p->headed = w->nif->kind == NETIF_LOOPBACK;
	if (p->headed) packet_pull(p, ETH_HDR_LEN);
	netif_transmit_from(w->nif, p, &ps->sk);
}

/* The frame becomes packets on ret. */
static int packets_make(struct packet_sock *ps, const struct way *w, const struct virtio_net_hdr *vnet, const uint8_t *data, size_t len, struct list *ret)
{
	struct packet *p = packet_new(PACKET_HEADROOM, len);
	int r;

	if (!p) return -ENOBUFS;
	if (len) memcpy(p->data, data, len);
	p->mark = w->control.mark;
	p->priority = w->control.priority;
	if (vnet) return vnet_packets(vnet, p, w->nif->kind == NETIF_RAW_IP ? 0 : ETH_HDR_LEN, ret);
	r = ps->sk.type == SOCK_DGRAM ? header_push(p, w) : 0;
	if (r < 0) packet_free(p);
	else list_append(ret, &p->node);
	return r;
}

static bool is_tagged(const uint8_t *data, size_t len) { return data && len >= ETH_HDR_LEN && read16(data + 12) == ETH_P_8021Q; }

static int frame_check(const struct packet_sock *ps, const struct way *w, const uint8_t *data, size_t len, bool cuts)
{
	bool headed = ps->sk.type != SOCK_DGRAM && w->nif->kind != NETIF_RAW_IP;
	size_t room = w->nif->mtu_bytes + (headed ? ETH_HDR_LEN : 0);

	if (headed && is_tagged(data, len)) room += VLAN_TAG_LEN;
	if (len > (cuts ? UINT16_MAX + ETH_HDR_LEN + VLAN_TAG_LEN : room)) return -EMSGSIZE;
	return headed && len < ETH_HDR_LEN ? -EINVAL : 0;
}

int packet_frame_send(struct packet_sock *ps, const struct way *w, const uint8_t *data, size_t len)
{
	struct virtio_net_hdr vnet = {0};
	struct list packets;
	int r = 0;

	list_init(&packets);
	if (ps->vnet_len) {
		if (len < ps->vnet_len) return -EINVAL;
		if (data) memcpy(&vnet, data, sizeof vnet);
		len -= ps->vnet_len;
		if (data) data += ps->vnet_len;
		r = vnet_check(&vnet, len);
	}
	if (r == 0) r = frame_check(ps, w, data, len, vnet_cuts(&vnet));
	if (r == 0 && !data && len) r = -EFAULT;
	if (r == 0) r = packets_make(ps, w, ps->vnet_len ? &vnet : NULL, data, len, &packets);
	while (!list_empty(&packets)) {
		struct packet *p = list_first(&packets, struct packet, node);
		list_remove(&p->node);
		transmit(ps, w, p);
	}
	return r;
}

ssize_t packet_send(struct sock *sk, const struct sock_msg *m)
{
	struct packet_sock *ps = packet_of(sk);
	struct sockaddr_ll ll;
	struct way w;
	int r, err = sock_take_error(sk);

	if (err) return -err;
	r = way_of(ps, m, &ll, &w);
	if (r == 0) r = send_control_read_all(sk, m, &w.control);
	if (r < 0) return r;
	if (ps->tx.mem.at) return pring_send(ps, &w);
	r = packet_frame_send(ps, &w, m->unread ? NULL : m->data, m->len);
	return r < 0 ? r : (ssize_t)m->len;
}
