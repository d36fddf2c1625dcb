/* The receive ring of TPACKET_V1 and _V2: slots of one size, each with its status. */
#include "stack/packet/ring.h"
#include "stack/packet/packet_sock.h"

#define MAC_ROOM 16u                       /* Linux leaves at least so much for the link header */

bool pring_place(const struct packet_sock *ps, const struct frame *f, struct pring_place *ret)
{
	uint32_t link = f->net, header = pring_header_len(ps);
	uint32_t net = ps->sk.type == SOCK_DGRAM ? TPACKET_ALIGN(header) + MAC_ROOM + (uint32_t)ps->reserve :
		       TPACKET_ALIGN(header + MAX(link, MAC_ROOM)) + (uint32_t)ps->reserve + ps->vnet_len;

	*ret = (struct pring_place){.mac = net - link, .net = net, .snap = f->len};
	return net <= UINT16_MAX;
}

void pring_put_frame(const struct packet_sock *ps, uint8_t *slot, uint32_t header_octets, const struct pring_place *at, const struct frame *f)
{
	memcpy(slot + TPACKET_ALIGN(header_octets), &f->from, sizeof f->from);
	if (ps->vnet_len && at->snap) memset(slot + at->mac - ps->vnet_len, 0, ps->vnet_len);   /* whole, and summed */
	memcpy(slot + at->mac, f->data, at->snap);
}

/* All but the status, which comes last. */
static void header_put1(const struct frame *f, const struct pring_place *at, time_ns real, uint8_t *slot)
{
	struct tpacket_hdr h = {.tp_len = f->whole_len, .tp_snaplen = at->snap, .tp_mac = (uint16_t)at->mac, .tp_net = (uint16_t)at->net,
				.tp_sec = (uint32_t)(real / NS_PER_S), .tp_usec = (uint32_t)(real % NS_PER_S / NS_PER_US)};
	size_t from = offsetof(struct tpacket_hdr, tp_len);

	memcpy(slot + from, (uint8_t *)&h + from, sizeof h - from);
}

static void header_put2(const struct frame *f, const struct pring_place *at, time_ns real, uint8_t *slot)
{
	struct tpacket2_hdr h = {.tp_len = f->whole_len, .tp_snaplen = at->snap, .tp_mac = (uint16_t)at->mac, .tp_net = (uint16_t)at->net,
				 .tp_sec = (uint32_t)(real / NS_PER_S), .tp_nsec = (uint32_t)(real % NS_PER_S), .tp_vlan_tci = f->vlan_tci,
				 .tp_vlan_tpid = f->vlan_tpid};
	size_t from = offsetof(struct tpacket2_hdr, tp_len);

	memcpy(slot + from, (uint8_t *)&h + from, sizeof h - from);
}

bool pring_cuts(const struct packet_sock *ps, const struct frame *f)
{
	struct pring_place at;

	return ps->version != TPACKET_V3 && pring_place(ps, f, &at) && at.mac + at.snap > ps->rx.req.tp_frame_size;
}

bool pring_receive(struct packet_sock *ps, const struct frame *f, bool copied)
{
	uint8_t *slot = pring_frame(&ps->rx, ps->rx.head);
	uint32_t room = ps->rx.req.tp_frame_size, status = TP_STATUS_USER;
	time_ns real = f->when + ps->sk.stack->realtime_offset;
	struct pring_place at;

	if (ps->version == TPACKET_V3) return pring_blocks_receive(ps, f);
	if (pring_look(slot) != TP_STATUS_KERNEL || !pring_place(ps, f, &at)) return false;
	if (at.mac + at.snap > room) at.snap = at.mac < room ? room - at.mac : 0;
	if (ps->drops) status |= TP_STATUS_LOSING;
	if (copied) status |= TP_STATUS_COPY;
	if (f->vlan_tpid && ps->version == TPACKET_V2) status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
	if (ps->version == TPACKET_V1) header_put1(f, &at, real, slot);
	else header_put2(f, &at, real, slot);
	pring_put_frame(ps, slot, ps->version == TPACKET_V1 ? sizeof(struct tpacket_hdr) : sizeof(struct tpacket2_hdr), &at, f);
	pring_say(slot, status);
	ps->rx.head = (ps->rx.head + 1) % ps->rx.req.tp_frame_nr;
	return true;
}
