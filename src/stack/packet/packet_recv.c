/* Packet sockets: the tap, the queue, and what a program gets of a frame. */
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "stack/inet/inet.h"
#include "stack/packet/packet_sock.h"
#include "stack/socket/ancillary.h"
#include "stack/socket/filter.h"

/* A frame in a queue: as much of it as the filter left, from where the socket's type begins. */
struct frame {
	struct list node;
	struct sockaddr_ll from;
	time_ns when;
	uint32_t whole_len;                /* before the filter */
	uint16_t net;                      /* offset of the network header */
	uint32_t len;
	uint8_t data[];
};

/* ---- the tap ---- */

/* A frame as packet sockets see it. On loopback the header is made up; head is then where it lies. */
struct sight {
	const uint8_t *link; size_t link_len;       /* the link header */
	const uint8_t *net; size_t net_len;         /* what is behind it */
	uint16_t protocol;
	uint8_t pkttype;
};

static const uint8_t loopback_header4[ETH_HDR_LEN] = {[12] = 0x08, 0x00}, loopback_header6[ETH_HDR_LEN] = {[12] = 0x86, 0xdd};

static struct sight sight_of(const struct netif *nif, const struct packet *p)
{
	struct sight v = {.net = p->data, .net_len = p->len, .protocol = p->len && p->data[0] >> 4 == 6 ? ETH_P_IPV6 : ETH_P_IP};

	if (nif->kind == NETIF_LOOPBACK) {
		v.link = v.protocol == ETH_P_IP ? loopback_header4 : loopback_header6;
		v.link_len = ETH_HDR_LEN;
	}
	if (nif->kind != NETIF_ETHERNET || p->len < ETH_HDR_LEN) return v;
	v.link = p->data;
	v.link_len = ETH_HDR_LEN;
	v.net += ETH_HDR_LEN;
	v.net_len -= ETH_HDR_LEN;
	/* IEEE 802.3: below 1536 it is a length, and what follows is LLC. */
	v.protocol = read16(p->data + 12);
	if (v.protocol < ETH_P_802_3_MIN) v.protocol = v.net_len >= 2 && read16(v.net) == 0xffff ? ETH_P_802_3 : ETH_P_802_2;
	return v;
}

static uint8_t pkttype_in(const struct netif *nif, const struct sight *v)
{
	if (nif->kind != NETIF_ETHERNET || v->link_len == 0 || memcmp(v->link, &nif->mac, sizeof nif->mac) == 0) return PACKET_HOST;
	if (!(v->link[0] & 1)) return PACKET_OTHERHOST;
	return memcmp(v->link, &mac_bcast, sizeof mac_bcast) == 0 ? PACKET_BROADCAST : PACKET_MULTICAST;
}

static bool is_for(const struct packet_sock *ps, const struct netif *nif, const struct sight *v)
{
	if (ps->ifindex && ps->ifindex != nif->index) return false;
	if (v->pkttype == PACKET_OUTGOING && (ps->ignore_outgoing || ps->protocol != ETH_P_ALL)) return false;
	return ps->protocol == ETH_P_ALL || (ps->protocol && ps->protocol == v->protocol);
}

static struct frame *frame_make(const struct packet_sock *ps, const struct netif *nif, const struct sight *v, uint32_t len)
{
	size_t link = ps->sk.type == SOCK_RAW ? v->link_len : 0, of_link = MIN(len, link);
	struct frame *f = malloc(sizeof *f + len);

	if (!f) return NULL;
	*f = (struct frame){.from = {.sll_family = AF_PACKET, .sll_ifindex = nif->index, .sll_hatype = netif_hatype(nif), .sll_pkttype = v->pkttype},
			    .when = nif->stack->now, .whole_len = (uint32_t)(link + v->net_len), .net = (uint16_t)link, .len = len};
	write16((uint8_t *)&f->from.sll_protocol, v->protocol);
	if (v->link_len) {
		f->from.sll_halen = 6;
		memcpy(f->from.sll_addr, v->link + 6, 6);
	}
	if (of_link) memcpy(f->data, v->link, of_link);
	if (len > of_link) memcpy(f->data + of_link, v->net, len - of_link);
	return f;
}

/* What the socket's filter leaves of the frame; 0: nothing. A made-up link header stands apart, so it is put in front for the filter to see. */
static uint32_t filtered(const struct packet_sock *ps, const struct netif *nif, const struct sight *v, const struct frame *f)
{
	struct filter_view view = {.data = f->data, .len = f->len, .net = f->data + f->net, .mac = f->net ? f->data : v->link, .protocol = v->protocol,
				   .pkttype = v->pkttype, .ifindex = nif->index, .hatype = netif_hatype(nif)};

	return ps->sk.filter ? MIN(filter_run(ps->sk.filter, &view, nif->stack), f->len) : f->len;
}

static void enqueue(struct packet_sock *ps, const struct netif *nif, const struct sight *v)
{
	uint64_t used = (uint64_t)ps->queued + ps->sk.lent;
	uint32_t whole = (uint32_t)((ps->sk.type == SOCK_RAW ? v->link_len : 0) + v->net_len);
	struct frame *f = frame_make(ps, nif, v, whole);

	if (!f) return;
	f->len = filtered(ps, nif, v, f);
	if (f->len == 0 && whole) {
		free(f);
		return;
	}
	ps->packets++;
	if (used >= (uint64_t)ps->sk.rcvbuf + ps->ring_octets) {
		ps->drops++;
		free(f);
		return;
	}
	ps->queued += sock_charge(&ps->sk, f->len);
	list_append(&ps->queue, &f->node);
	sock_ready(&ps->sk);
}

static void show(struct netif *nif, const struct sight *v, const struct sock *sender)
{
	list_each(struct packet_sock, ps, &nif->stack->taps, node)
		if (&ps->sk != sender && is_for(ps, nif, v)) enqueue(ps, nif, v);
}

void packet_tap_in(struct netif *nif, const struct packet *p)
{
	struct sight v;

	if (list_empty(&nif->stack->taps)) return;
	v = sight_of(nif, p);
	v.pkttype = pkttype_in(nif, &v);
	show(nif, &v, NULL);
}

void packet_tap_out(struct netif *nif, const struct packet *p, const struct sock *sender)
{
	struct sight v;

	if (list_empty(&nif->stack->taps)) return;
	v = sight_of(nif, p);
	v.pkttype = PACKET_OUTGOING;
	show(nif, &v, sender);
}

/* ---- the program's side ---- */

static void dequeue(struct packet_sock *ps, struct frame *f)
{
	ps->queued -= sock_charge(&ps->sk, f->len);
	list_remove(&f->node);
	free(f);
}

void packet_flush(struct packet_sock *ps)
{
	while (!list_empty(&ps->queue))
		dequeue(ps, list_first(&ps->queue, struct frame, node));
}

static void give_control(const struct packet_sock *ps, const struct frame *f, struct sock_msg *m)
{
	struct tpacket_auxdata aux = {.tp_status = TP_STATUS_USER, .tp_len = f->whole_len, .tp_snaplen = f->len, .tp_net = f->net};
	struct cmsg_out o = cmsg_out_begin(m);
	struct sock nanoseconds = ps->sk;

	/* The host makes a ring's headers of the two. */
	nanoseconds.timestamp_ns |= ps->ring_octets != 0;
	nanoseconds.timestamp_new &= ps->ring_octets == 0;
	cmsg_put_timestamp(&o, &nanoseconds, f->when);
	if (ps->auxdata || ps->ring_octets) cmsg_put(&o, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof aux);
	cmsg_out_end(&o, m);
}

ssize_t packet_recv(struct sock *sk, struct sock_msg *m)
{
	struct packet_sock *ps = packet_of(sk);
	int flags = m->flags, err;
	struct frame *f;
	size_t n, full;

	if (flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_ERRQUEUE | MSG_LEND | MSG_CMSG_CLOEXEC)) return -EINVAL;
	if (flags & MSG_ERRQUEUE) return -EAGAIN;
	err = sock_take_error(sk);
	if (err) return -err;
	if (list_empty(&ps->queue)) return -EAGAIN;
	f = list_first(&ps->queue, struct frame, node);
	full = f->len;
	n = MIN(full, m->len);
	if (n) memcpy(m->data, f->data, n);
	m->flags = n < full ? MSG_TRUNC : 0;
	if (m->name) memcpy(m->name, &f->from, MIN(m->name_len, sizeof f->from));
	m->name_len = sizeof f->from;
	give_control(ps, f, m);
	if (flags & MSG_LEND) sk->lent += sock_charge(sk, f->len);
	if (!(flags & MSG_PEEK)) dequeue(ps, f);
	return (ssize_t)(flags & MSG_TRUNC ? full : n);
}

int packet_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	const struct packet_sock *ps = packet_of(sk);
	int v = 0;

	if (request != SIOCINQ && request != SIOCOUTQ) return inet_ioctl(sk, request, arg, len);
	if (request == SIOCINQ && !list_empty(&ps->queue)) v = (int)list_first(&ps->queue, struct frame, node)->len;
	if (len < sizeof v) return -EINVAL;
	memcpy(arg, &v, sizeof v);
	return 0;
}
