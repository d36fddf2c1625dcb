/* Packet sockets: a frame becomes the socket's own, in its ring or its queue, and what a program gets of it. */
#include <errno.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "stack/inet/inet.h"
#include "stack/packet/packet_sock.h"
#include "stack/socket/ancillary.h"
#include "stack/socket/filter.h"

/* ---- in ---- */

static struct frame *frame_make(const struct packet_sock *ps, const struct netif *nif, const struct sight *v)
{
	size_t link = ps->sk.type != SOCK_DGRAM && v->macs ? ETH_HDR_LEN : 0;
	struct frame *f = malloc(sizeof *f + link + v->net_len);

	if (!f) return NULL;
	*f = (struct frame){.from = {.sll_family = AF_PACKET, .sll_ifindex = nif->index, .sll_hatype = netif_hatype(nif), .sll_pkttype = v->pkttype},
			    .when = nif->stack->now, .whole_len = (uint32_t)(link + v->net_len), .net = (uint16_t)link, .len = (uint32_t)(link + v->net_len),
			    .vlan_tci = v->vlan_tci, .vlan_tpid = v->vlan_tpid};
	write16((uint8_t *)&f->from.sll_protocol, v->protocol);
	if (v->macs) {
		f->from.sll_halen = sizeof(struct mac);
		memcpy(f->from.sll_addr, v->macs + sizeof(struct mac), sizeof(struct mac));
	}
	if (link) {
		memcpy(f->data, v->macs, 2 * sizeof(struct mac));
		memcpy(f->data + 2 * sizeof(struct mac), v->type, sizeof(uint16_t));
	}
	if (v->net_len) memcpy(f->data + link, v->net, v->net_len);
	return f;
}

/* What the socket's filter leaves of the frame; 0: nothing. */
static uint32_t filtered(const struct packet_sock *ps, const struct netif *nif, const struct sight *v, const struct frame *f)
{
	struct filter_view view = {.data = f->data, .len = f->len, .net = f->data + f->net, .mac = f->net ? f->data : v->macs, .protocol = v->protocol,
				   .pkttype = v->pkttype, .ifindex = nif->index, .hatype = netif_hatype(nif), .mark = v->mark, .vlan_tci = v->vlan_tci,
				   .vlan_tpid = v->vlan_tpid};

	return ps->sk.filter ? MIN(filter_run(ps->sk.filter, &view, nif->stack), f->len) : f->len;
}

static bool queue_has_room(const struct packet_sock *ps) { return (uint64_t)ps->queued + ps->sk.lent < ps->sk.rcvbuf; }

enum room packet_room(const struct packet_sock *ps)
{
	uint64_t used = (uint64_t)ps->queued + ps->sk.lent;

	if (ps->rx.mem.at) return pring_has_room(ps, pring_length(ps) / 4) ? ROOM_NORMAL : pring_has_room(ps, 0) ? ROOM_LOW : ROOM_NONE;
	if (used >= ps->sk.rcvbuf) return ROOM_NONE;
	return ps->sk.rcvbuf - used > ps->sk.rcvbuf / 4 ? ROOM_NORMAL : ROOM_LOW;
}

static void enqueue(struct packet_sock *ps, struct frame *f)
{
	ps->queued += sock_charge(&ps->sk, f->len);
	list_append(&ps->queue, &f->node);
}

/* PACKET_COPY_THRESH: what a slot cuts is in the queue whole. Takes f. */
static void to_ring(struct packet_sock *ps, struct frame *f)
{
	bool copied = ps->copy_thresh && pring_cuts(ps, f) && queue_has_room(ps);

	if (!pring_receive(ps, f, copied)) {
		ps->drops++;
		free(f);
	} else if (copied) {
		enqueue(ps, f);
	} else {
		free(f);
	}
	if (ps->version != TPACKET_V3) sock_ready(&ps->sk);
}

void packet_deliver(struct packet_sock *ps, const struct netif *nif, const struct sight *v)
{
	struct frame *f = frame_make(ps, nif, v);

	if (!f) return;
	f->len = filtered(ps, nif, v, f);
	if (f->len == 0 && f->whole_len) {
		free(f);
		return;
	}
	ps->packets++;
	if (ps->rx.mem.at) {
		to_ring(ps, f);
		return;
	}
	if (!queue_has_room(ps)) {
		ps->drops++;
		free(f);
		return;
	}
	enqueue(ps, f);
	sock_ready(&ps->sk);
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
	struct tpacket_auxdata aux = {.tp_status = TP_STATUS_USER, .tp_len = f->whole_len, .tp_snaplen = f->len, .tp_net = f->net,
				      .tp_vlan_tci = f->vlan_tci, .tp_vlan_tpid = f->vlan_tpid};
	struct cmsg_out o = cmsg_out_begin(m);

	if (f->vlan_tpid) aux.tp_status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
	cmsg_put_timestamp(&o, &ps->sk, f->when);
	if (ps->auxdata) cmsg_put(&o, SOL_PACKET, PACKET_AUXDATA, &aux, sizeof aux);
	cmsg_out_end(&o, m);
}

/* SOCK_PACKET tells the interface by its name. */
static void give_name(const struct packet_sock *ps, const struct frame *f, struct sock_msg *m)
{
	const struct netif *nif = netif_by_index(ps->sk.stack, f->from.sll_ifindex);
	struct sockaddr_pkt old = {.spkt_family = f->from.sll_hatype, .spkt_protocol = f->from.sll_protocol};
	bool is_old = ps->sk.type == SOCK_PACKET;
	size_t len = is_old ? sizeof old : sizeof f->from;

	if (nif) memcpy(old.spkt_device, nif->name, sizeof old.spkt_device - 1);
	if (m->name) memcpy(m->name, is_old ? (const void *)&old : &f->from, MIN(m->name_len, len));
	m->name_len = (socklen_t)len;
}

/* The frame, behind a virtio header if the socket wants one: of a frame that is whole, and summed, all of it is zero. */
static size_t give_data(const struct packet_sock *ps, const struct frame *f, struct sock_msg *m)
{
	size_t head = MIN(ps->vnet_len, m->len), n = MIN(f->len, m->len - head);

	if (head) memset(m->data, 0, head);
	if (n) memcpy((uint8_t *)m->data + head, f->data, n);
	m->flags = head + n < ps->vnet_len + f->len ? MSG_TRUNC : 0;
	return head + n;
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
	full = ps->vnet_len + f->len;
	n = give_data(ps, f, m);
	give_name(ps, f, m);
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
