/* Virtio headers of packets that are sent: vnet.h. */
#include "stack/packet/vnet.h"
#include <errno.h>
#include "wire/wire.h"

#define PIECES_MAX 4096                    /* Linux cuts into any number; a single send is not to keep everybody waiting */
#define TCP_FIN_PSH 0x09
#define TCP_CWR 0x80
#define GSO_UDP_L4 5                       /* VIRTIO_NET_HDR_GSO_UDP_L4 of newer headers */

int vnet_check(struct virtio_net_hdr *h, size_t len)
{
	uint32_t end = (uint32_t)h->csum_start + h->csum_offset + sizeof(uint16_t);

	if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM && end > h->hdr_len) h->hdr_len = (uint16_t)end;
	return h->hdr_len > len ? -EINVAL : 0;
}

/* ---- sums ---- */

/* The program has put the sum of the pseudo-header there. */
static int sum_put(const struct virtio_net_hdr *h, struct packet *p)
{
	size_t at = (size_t)h->csum_start + h->csum_offset;
	uint16_t sum;

	if (at + sizeof sum > p->len) return -EINVAL;
	sum = csum_fold(csum_add(0, p->data + h->csum_start, p->len - h->csum_start));
	write16(p->data + at, sum ? sum : 0xffff);
	return 0;
}

/* ---- cutting ---- */

/* A frame that is to be cut: offsets of its IP header, its transport's, and the data. */
struct whole { const struct packet *p; size_t ip, transport, data; uint16_t size; bool v4, tcp; struct addr src, dst; };

static bool ip_parse(struct whole *w, uint8_t *ret_proto)
{
	const uint8_t *at = w->p->data + w->ip;
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	int len;

	if (w->v4) {
		len = ip4_parse(&h4, at, w->p->len - w->ip);
		if (len < 0 || h4.frag_off || h4.mf) return false;
		w->src = h4.src, w->dst = h4.dst, *ret_proto = h4.proto;
	} else {
		len = ip6_parse(&h6, at, w->p->len - w->ip);
		if (len < 0) return false;
		w->src = h6.src, w->dst = h6.dst, *ret_proto = h6.next;
	}
	w->transport = w->ip + (size_t)len;
	return true;
}

static int whole_parse(const struct virtio_net_hdr *h, const struct packet *p, size_t link_len, struct whole *ret)
{
	uint8_t type = h->gso_type & (uint8_t)~VIRTIO_NET_HDR_GSO_ECN, proto;
	struct whole w = {.p = p, .ip = link_len, .size = h->gso_size, .tcp = type != GSO_UDP_L4};

	if (type != VIRTIO_NET_HDR_GSO_TCPV4 && type != VIRTIO_NET_HDR_GSO_TCPV6 && type != GSO_UDP_L4) return -EINVAL;
	if (w.size == 0 || p->len <= link_len) return -EINVAL;
	w.v4 = p->data[link_len] >> 4 == 4;
	if (w.tcp && w.v4 != (type == VIRTIO_NET_HDR_GSO_TCPV4)) return -EINVAL;
	if (!ip_parse(&w, &proto) || proto != (w.tcp ? IP_PROTO_TCP : IP_PROTO_UDP)) return -EINVAL;
	if (p->len < w.transport + (w.tcp ? 20u : 8u)) return -EINVAL;
	w.data = w.transport + (w.tcp ? (size_t)(p->data[w.transport + 12] >> 4) * 4 : 8);
	if (w.data < w.transport + (w.tcp ? 20u : 8u) || w.data - w.ip + w.size > UINT16_MAX) return -EINVAL;
	if (w.data > p->len || (p->len - w.data) / w.size >= PIECES_MAX) return -EINVAL;
	*ret = w;
	return 0;
}

static void ip_patch(const struct whole *w, uint8_t *ip, size_t len, uint32_t number)
{
	if (!w->v4) {
		write16(ip + 4, (uint16_t)(len - IP6_HDR_LEN));
		return;
	}
	write16(ip + 2, (uint16_t)len);
	write16(ip + 4, (uint16_t)(read16(ip + 4) + number));
	write16(ip + 10, 0);
	write16(ip + 10, csum_fold(csum_add(0, ip, w->transport - w->ip)));
}

static void tcp_patch(uint8_t *tcp, size_t at, bool last)
{
	write32(tcp + 4, read32(tcp + 4) + (uint32_t)at);
	if (!last) tcp[13] &= (uint8_t)~TCP_FIN_PSH;
	if (at) tcp[13] &= (uint8_t)~TCP_CWR;
}

/* The piece from `at` of the data on. */
static struct packet *piece(const struct whole *w, size_t at)
{
	size_t left = w->p->len - w->data - at, n = MIN(left, w->size), total = w->data + n, sum_at = w->transport + (w->tcp ? 16 : 6);
	struct packet *p = packet_new(PACKET_HEADROOM, total);
	uint16_t sum;

	if (!p) return NULL;
	memcpy(p->data, w->p->data, w->data);
	memcpy(p->data + w->data, w->p->data + w->data + at, n);
	p->mark = w->p->mark;
	ip_patch(w, p->data + w->ip, total - w->ip, (uint32_t)(at / w->size));
	if (w->tcp) tcp_patch(p->data + w->transport, at, n == left);
	else write16(p->data + w->transport + 4, (uint16_t)(total - w->transport));
	write16(p->data + sum_at, 0);
	sum = csum_fold(csum_add(csum_pseudo(&w->src, &w->dst, w->tcp ? IP_PROTO_TCP : IP_PROTO_UDP, (uint32_t)(total - w->transport)),
				 p->data + w->transport, total - w->transport));
	write16(p->data + sum_at, sum || w->tcp ? sum : 0xffff);
	return p;
}

static int cut(const struct whole *w, struct list *ret)
{
	size_t total = w->p->len - w->data, at = 0;

	do {
		struct packet *p = piece(w, at);
		if (!p) return -ENOBUFS;
		list_append(ret, &p->node);
		at += w->size;
	} while (at < total);
	return 0;
}

int vnet_packets(const struct virtio_net_hdr *h, struct packet *p, size_t link_len, struct list *ret)
{
	struct whole w;
	int r = 0;

	if (vnet_cuts(h)) {
		r = whole_parse(h, p, link_len, &w);
		if (r == 0) r = cut(&w, ret);
		packet_free(p);
	} else {
		if (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) r = sum_put(h, p);
		if (r < 0) packet_free(p);
		else list_append(ret, &p->node);
	}
	while (r < 0 && !list_empty(ret)) {
		p = list_first(ret, struct packet, node);
		list_remove(&p->node);
		packet_free(p);
	}
	return r;
}
