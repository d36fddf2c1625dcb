/* The rows of SOL_PACKET. */
#include <errno.h>
#include <linux/virtio_net.h>
#include "stack/packet/fanout.h"
#include "stack/socket/option_rows.h"

#define IGNORE_OUTGOING 23           /* PACKET_IGNORE_OUTGOING and PACKET_VNET_HDR_SZ of newer headers */
#define VNET_HDR_SZ 24

static int get_statistics(struct sock *sk, void *val, socklen_t *len)
{
	struct packet_sock *ps = packet_of(sk);
	struct tpacket_stats_v3 st = {.tp_packets = ps->packets, .tp_drops = ps->drops, .tp_freeze_q_cnt = ps->freezes};

	ps->packets = ps->drops = ps->freezes = 0;
	return opt_copy_out(val, len, &st, ps->version == TPACKET_V3 ? sizeof st : sizeof(struct tpacket_stats));
}

/* The program asks with a version in the place where it gets the length. */
static int get_hdrlen(struct sock *sk, void *val, socklen_t *len)
{
	int v = 0;

	(void)sk;
	if (*len > sizeof v) *len = sizeof v;
	if (*len < sizeof v) return -EINVAL;
	memcpy(&v, val, sizeof v);
	switch (v) {
	case TPACKET_V1: v = sizeof(struct tpacket_hdr); break;
	case TPACKET_V2: v = sizeof(struct tpacket2_hdr); break;
	case TPACKET_V3: v = sizeof(struct tpacket3_hdr); break;
	default: return -EINVAL;
	}
	return opt_copy_out(val, len, &v, sizeof v);
}

/* ---- what a ring is made by stays as it is while there is one ---- */

static int set_version(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v < TPACKET_V1 || v > TPACKET_V3) return -EINVAL;
	if (packet_has_ring(packet_of(sk))) return -EBUSY;
	packet_of(sk)->version = v;
	return 0;
}

static int set_reserve(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v < 0) return -EINVAL;
	if (packet_has_ring(packet_of(sk))) return -EBUSY;
	packet_of(sk)->reserve = v;
	return 0;
}

static int set_loss(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (packet_has_ring(packet_of(sk))) return -EBUSY;
	packet_of(sk)->loss = *(const int *)val;
	return 0;
}

/* With a ring it is taken and changes nothing, as Linux has it. */
static int set_tx_has_off(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (!packet_has_ring(packet_of(sk))) packet_of(sk)->tx_has_off = *(const int *)val;
	return 0;
}

static int vnet_set(struct packet_sock *ps, size_t octets)
{
	if (ps->sk.type != SOCK_RAW) return -EINVAL;
	if (packet_has_ring(ps)) return -EBUSY;
	ps->vnet_len = (uint8_t)octets;
	return 0;
}

static int set_vnet_hdr(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return vnet_set(packet_of(sk), *(const int *)val ? sizeof(struct virtio_net_hdr) : 0);
}

static int set_vnet_hdr_sz(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v && v != sizeof(struct virtio_net_hdr) && v != sizeof(struct virtio_net_hdr_mrg_rxbuf)) return -EINVAL;
	return vnet_set(packet_of(sk), (size_t)v);
}

static int get_vnet_hdr(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = packet_of(sk)->vnet_len != 0;
	return 0;
}

/* ---- what is looked at before the value ---- */

static int vnet_unread(const struct sock *sk, socklen_t len)
{
	(void)len;
	return sk->type == SOCK_RAW ? 0 : -EINVAL;
}

static int fanout_unread(const struct sock *sk, socklen_t len)
{
	(void)sk;
	return len == sizeof(int) || len == sizeof(struct fanout_args) ? 0 : -EINVAL;
}

/* ---- rings ---- */

static int set_rx_ring(struct sock *sk, const void *val, socklen_t len) { return pring_set(packet_of(sk), false, val, len); }
static int set_tx_ring(struct sock *sk, const void *val, socklen_t len) { return pring_set(packet_of(sk), true, val, len); }

#define P(n) .level = SOL_PACKET, .name = n, .text = #n
#define FIELD(f) OPT_FIELD(struct packet_sock, f)

const struct sockopt packet_options[] = {
	{P(PACKET_ADD_MEMBERSHIP), .type = OPT_BLOB, .least = sizeof(struct packet_mreq), SET, .set = packet_set_add_membership},
	{P(PACKET_DROP_MEMBERSHIP), .type = OPT_BLOB, .least = sizeof(struct packet_mreq), SET, .set = packet_set_drop_membership},
	{P(PACKET_RX_RING), .type = OPT_BLOB, .least = sizeof(struct tpacket_req), SET, .set = set_rx_ring},
	{P(PACKET_STATISTICS), .type = OPT_BLOB, GET, .get = get_statistics},
	{P(PACKET_COPY_THRESH), .type = OPT_INT, .exact = true, BOTH, FIELD(copy_thresh)},
	{P(PACKET_AUXDATA), .type = OPT_BOOL, BOTH, FIELD(auxdata)},
	{P(PACKET_ORIGDEV), .type = OPT_BOOL, BOTH, FIELD(origdev)},
	{P(PACKET_VERSION), .type = OPT_INT, .exact = true, BOTH, FIELD(version), .set = set_version},
	{P(PACKET_HDRLEN), .type = OPT_BLOB, GET, .get = get_hdrlen},
	{P(PACKET_RESERVE), .type = OPT_INT, .exact = true, BOTH, FIELD(reserve), .set = set_reserve},
	{P(PACKET_TX_RING), .type = OPT_BLOB, .least = sizeof(struct tpacket_req), SET, .set = set_tx_ring},
	{P(PACKET_LOSS), .type = OPT_BOOL, .exact = true, BOTH, FIELD(loss), .set = set_loss},
	{P(PACKET_VNET_HDR), .type = OPT_INT, BOTH, .get = get_vnet_hdr, .set = set_vnet_hdr, .unread = vnet_unread,
	 .note = "cuts TCP and UDP_L4; VIRTIO_NET_HDR_GSO_UDP: EINVAL"},
	{P(PACKET_TIMESTAMP), .type = OPT_INT, .exact = true, BOTH, FIELD(timestamp), .note = "no device here has a clock: by software, whatever is asked"},
	{P(PACKET_FANOUT), .type = OPT_BLOB, BOTH, .get = fanout_get, .set = fanout_join, .unread = fanout_unread,
	 .note = "not PACKET_FANOUT_FLAG_DEFRAG: EINVAL"},
	{P(PACKET_TX_HAS_OFF), .type = OPT_INT, .exact = true, BOTH, FIELD(tx_has_off), .set = set_tx_has_off},
	{P(PACKET_QDISC_BYPASS), .type = OPT_BOOL, .exact = true, BOTH, FIELD(qdisc_bypass), .note = "the queues here are the links' own"},
	{P(PACKET_ROLLOVER_STATS), .type = OPT_BLOB, GET, .get = fanout_get_rollover},
	{P(PACKET_FANOUT_DATA), .type = OPT_BLOB, SET, .set = fanout_set_data, .note = "classic BPF; programs of eBPF are the kernel's"},
	{.level = SOL_PACKET, .name = IGNORE_OUTGOING, .text = "PACKET_IGNORE_OUTGOING", .type = OPT_INT, .exact = true, BOTH, .max = 1,
	 FIELD(ignore_outgoing)},
	{.level = SOL_PACKET, .name = VNET_HDR_SZ, .text = "PACKET_VNET_HDR_SZ", .type = OPT_INT, BOTH, FIELD(vnet_len), .set = set_vnet_hdr_sz,
	 .unread = vnet_unread},
	{.text = NULL},
};
