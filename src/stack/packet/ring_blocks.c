/*
 * The receive ring of TPACKET_V3: blocks that are filled with frames one behind the other, and given to the program when the next frame does not fit, or
 * when the oldest has waited for long enough.
 *
 *     | descriptor | private | frame | frame | …                |
 *       |                      ^ offset_to_first_pkt     ^ block.next
 *       block_status: 0: ours; USER: the program's until it stores 0
 *
 * When the next block is still the program's the ring is frozen: frames are dropped until that block comes back.
 */
#include "stack/packet/fanout.h"

#define RETIRE_DEFAULT_MS 8                /* Linux's where the link's speed says nothing */

static struct tpacket_block_desc *descriptor(const struct packet_ring *r, uint32_t i) { return (struct tpacket_block_desc *)pring_block(r, i); }

static void *status_of(const struct packet_ring *r, uint32_t i) { return &descriptor(r, i)->hdr.bh1.block_status; }

static bool is_programs(const struct packet_ring *r, uint32_t i) { return pring_look(status_of(r, i)) & TP_STATUS_USER; }

static time_ns real_now(const struct packet_ring *r) { return r->owner->sk.stack->now + r->owner->sk.stack->realtime_offset; }

static struct tpacket_bd_ts stamp_of(time_ns real)
{
	return (struct tpacket_bd_ts){.ts_sec = (uint32_t)(real / NS_PER_S), .ts_nsec = (uint32_t)(real % NS_PER_S)};
}

/* ---- a block's life ---- */

/* All but the status and the private area, which is the program's. */
static void describe(const struct packet_ring *r, const struct tpacket_bd_ts *last)
{
	struct tpacket_block_desc *d = descriptor(r, r->head);
	struct tpacket_hdr_v1 *h = &d->hdr.bh1;

	d->version = TPACKET_V3;
	d->offset_to_priv = (uint32_t)pring_align8(sizeof *d);
	h->num_pkts = r->block.packets;
	h->offset_to_first_pkt = (uint32_t)pring_block_header(&r->req);
	h->blk_len = r->block.next;
	h->seq_num = r->block.serial;
	if (last) h->ts_last_pkt = *last;
	else h->ts_first_pkt = stamp_of(real_now(r));
}

static void block_open(struct packet_ring *r)
{
	r->block.next = (uint32_t)pring_block_header(&r->req);
	r->block.packets = 0;
	r->block.serial++;
	r->block.frozen = false;
	describe(r, NULL);
}

static void block_close(struct packet_ring *r, uint32_t why)
{
	struct packet_sock *ps = r->owner;
	struct tpacket3_hdr *last = (struct tpacket3_hdr *)(pring_block(r, r->head) + r->block.last);
	struct tpacket_bd_ts when = stamp_of(r->block.last_real);

	last->tp_next_offset = 0;
	describe(r, &when);
	pring_say(status_of(r, r->head), TP_STATUS_USER | why | (ps->drops ? TP_STATUS_LOSING : 0));
	timer_clear(ps->sk.stack, &r->block.retire);
	r->head = (r->head + 1) % r->req.tp_block_nr;
	if (is_programs(r, r->head)) {
		r->block.frozen = true;
		ps->freezes++;
	} else {
		block_open(r);
	}
	sock_ready(&ps->sk);
}

static void retire(struct timer *t)
{
	struct packet_ring *r = container_of(t, struct packet_ring, block.retire);

	if (r->block.packets && !r->block.frozen) block_close(r, TP_STATUS_BLK_TMO);
}

void pring_blocks_start(struct packet_ring *r)
{
	r->block = (struct packet_block){.retire = {.fire = retire}};
	r->block.retire_after = (r->req.tp_retire_blk_tov ? r->req.tp_retire_blk_tov : RETIRE_DEFAULT_MS) * (time_ns)NS_PER_MS;
	block_open(r);
}

void pring_blocks_stop(struct packet_ring *r)
{
	if (timer_is_set(&r->block.retire)) timer_clear(r->owner->sk.stack, &r->block.retire);
}

/* ---- a frame ---- */

/* The same for all packets of a flow, and not 0. */
static uint32_t flow_hash(const struct packet_sock *ps, const struct frame *f)
{
	return ps->rx.req.tp_feature_req_word & TP_FT_REQ_FILL_RXHASH ? fanout_flow_hash(ps->sk.stack, f->data + f->net, f->len - MIN(f->len, f->net)) | 1 : 0;
}

static void frame_put(struct packet_sock *ps, const struct pring_place *at, const struct frame *f, uint32_t octets)
{
	struct packet_ring *r = &ps->rx;
	uint8_t *slot = pring_block(r, r->head) + r->block.next;
	time_ns real = f->when + ps->sk.stack->realtime_offset;
	struct tpacket3_hdr h = {.tp_next_offset = octets, .tp_sec = (uint32_t)(real / NS_PER_S), .tp_nsec = (uint32_t)(real % NS_PER_S),
				 .tp_snaplen = at->snap, .tp_len = f->whole_len, .tp_status = TP_STATUS_USER, .tp_mac = (uint16_t)at->mac,
				 .tp_net = (uint16_t)at->net, .hv1 = {.tp_rxhash = flow_hash(ps, f), .tp_vlan_tci = f->vlan_tci, .tp_vlan_tpid = f->vlan_tpid}};

	if (f->vlan_tpid) h.tp_status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
	memcpy(slot, &h, sizeof h);
	pring_put_frame(ps, slot, sizeof h, at, f);
	r->block.last = r->block.next;
	r->block.last_real = real;
	r->block.next += octets;
	if (r->block.packets++ == 0) timer_set(ps->sk.stack, &r->block.retire, ps->sk.stack->now + r->block.retire_after);
}

/* The block that takes so many octets more. False: it is the program's. */
static bool block_ready(struct packet_ring *r, uint32_t octets)
{
	if (r->block.frozen && is_programs(r, r->head)) return false;
	if (r->block.frozen) block_open(r);
	if ((uint64_t)r->block.next + octets < r->req.tp_block_size) return true;
	if (r->block.packets) block_close(r, 0);
	return !r->block.frozen;
}

bool pring_blocks_receive(struct packet_sock *ps, const struct frame *f)
{
	struct packet_ring *r = &ps->rx;
	uint32_t most = r->req.tp_block_size - (uint32_t)pring_block_header(&r->req);
	struct pring_place at;
	uint32_t octets;

	if (!pring_place(ps, f, &at)) return false;
	if (at.mac + at.snap > most) at.snap = at.mac < most ? most - at.mac : 0;
	at.mac = MIN(at.mac, most);
	octets = (uint32_t)pring_align8(at.mac + at.snap);
	if (!block_ready(r, octets)) return false;
	frame_put(ps, &at, f, octets);
	return true;
}
