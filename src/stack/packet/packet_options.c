/*
 * The rows of SOL_PACKET. The ring of PACKET_RX_RING lies in the program (the host keeps it): here only what is asked of it is checked, by Linux's
 * rules. Not there: TPACKET_V3, transmit rings, fanout, virtio headers.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include "stack/packet/packet_sock.h"

#define PAGE 4096
#define RING_MAX ((uint64_t)256 << 20)
#define IGNORE_OUTGOING 23           /* PACKET_IGNORE_OUTGOING of newer headers */

struct membership { struct list node; struct packet_mreq req; unsigned refs; };

/* ---- groups and modes: every frame of a link passes here anyway, so they are only counted ---- */

static struct membership *membership_find(struct packet_sock *ps, const struct packet_mreq *q)
{
	list_each(struct membership, m, &ps->memberships, node)
		if (m->req.mr_ifindex == q->mr_ifindex && m->req.mr_type == q->mr_type && m->req.mr_alen == q->mr_alen &&
		    memcmp(m->req.mr_address, q->mr_address, q->mr_alen) == 0)
			return m;
	return NULL;
}

static bool is_address(const struct packet_mreq *q) { return q->mr_type == PACKET_MR_MULTICAST || q->mr_type == PACKET_MR_UNICAST; }

static int mreq_read(const void *val, socklen_t len, struct packet_mreq *ret)
{
	if (len < sizeof *ret) return -EINVAL;
	memcpy(ret, val, sizeof *ret);
	return ret->mr_alen > sizeof ret->mr_address ? -EINVAL : 0;
}

static int set_add_membership(struct sock *sk, const void *val, socklen_t len)
{
	struct packet_mreq q;
	struct membership *m;
	int r = mreq_read(val, len, &q);

	if (r < 0) return r;
	if (!netif_by_index(sk->stack, q.mr_ifindex)) return -ENODEV;
	if (q.mr_alen > sizeof(struct mac) || q.mr_type > PACKET_MR_UNICAST || (is_address(&q) && q.mr_alen != sizeof(struct mac))) return -EINVAL;
	m = membership_find(packet_of(sk), &q);
	if (m) {
		m->refs++;
		return 0;
	}
	m = calloc(1, sizeof *m);
	if (!m) return -ENOBUFS;
	m->req = q;
	m->refs = 1;
	list_append(&packet_of(sk)->memberships, &m->node);
	return 0;
}

static int set_drop_membership(struct sock *sk, const void *val, socklen_t len)
{
	struct packet_mreq q;
	struct membership *m;
	int r = mreq_read(val, len, &q);

	if (r < 0) return r;
	/* As Linux: to drop what is not there is no error. */
	m = membership_find(packet_of(sk), &q);
	if (!m || --m->refs > 0) return 0;
	list_remove(&m->node);
	free(m);
	return 0;
}

void packet_memberships_free(struct packet_sock *ps)
{
	while (!list_empty(&ps->memberships)) {
		struct membership *m = list_first(&ps->memberships, struct membership, node);
		list_remove(&m->node);
		free(m);
	}
}

/* ---- statistics ---- */

static int get_statistics(struct sock *sk, void *val, socklen_t *len)
{
	struct packet_sock *ps = packet_of(sk);
	struct tpacket_stats st = {.tp_packets = ps->packets, .tp_drops = ps->drops};

	ps->packets = ps->drops = 0;
	return opt_copy_out(val, len, &st, sizeof st);
}

/* ---- the ring ---- */

/* Header and address in front of each frame; the same for the two versions that are there. */
static uint32_t header_len(const struct packet_sock *ps)
{
	return ps->version == TPACKET_V1 ? TPACKET_HDRLEN : TPACKET2_HDRLEN;
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
	default: return -EINVAL;
	}
	return opt_copy_out(val, len, &v, sizeof v);
}

static int set_version(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v != TPACKET_V1 && v != TPACKET_V2) return -EINVAL;
	if (packet_of(sk)->ring_octets) return -EBUSY;
	packet_of(sk)->version = v;
	return 0;
}

static int set_reserve(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v < 0) return -EINVAL;
	if (packet_of(sk)->ring_octets) return -EBUSY;
	packet_of(sk)->reserve = v;
	return 0;
}

static int ring_check(const struct packet_sock *ps, const struct tpacket_req *q)
{
	uint64_t least = (uint64_t)header_len(ps) + (uint32_t)ps->reserve;
	uint64_t of_block;

	if (ps->ring_octets) return -EBUSY;
	if (q->tp_block_size == 0 || q->tp_block_size > INT_MAX || q->tp_block_size % PAGE) return -EINVAL;
	if (q->tp_frame_size < least || q->tp_frame_size % TPACKET_ALIGNMENT) return -EINVAL;
	of_block = q->tp_block_size / q->tp_frame_size;
	if (of_block == 0 || of_block * q->tp_block_nr != q->tp_frame_nr) return -EINVAL;
	return (uint64_t)q->tp_block_size * q->tp_block_nr > RING_MAX ? -ENOMEM : 0;
}

static int set_rx_ring(struct sock *sk, const void *val, socklen_t len)
{
	struct packet_sock *ps = packet_of(sk);
	struct tpacket_req q;
	int r;

	if (len < sizeof q) return -EINVAL;
	memcpy(&q, val, sizeof q);
	if (q.tp_block_nr == 0) {
		if (q.tp_frame_nr) return -EINVAL;
		ps->ring_octets = 0;
		return 0;
	}
	r = ring_check(ps, &q);
	if (r == 0) ps->ring_octets = (uint64_t)q.tp_block_size * q.tp_block_nr;
	return r;
}

#define P(n) .level = SOL_PACKET, .name = n, .text = #n
#define BOTH .access = OPT_GET | OPT_SET
#define SET .access = OPT_SET
#define FIELD(f) OPT_FIELD(struct packet_sock, f)

const struct sockopt packet_options[] = {
	{P(PACKET_ADD_MEMBERSHIP), .type = OPT_BLOB, .least = sizeof(struct packet_mreq), SET, .set = set_add_membership},
	{P(PACKET_DROP_MEMBERSHIP), .type = OPT_BLOB, .least = sizeof(struct packet_mreq), SET, .set = set_drop_membership},
	{P(PACKET_STATISTICS), .type = OPT_BLOB, .access = OPT_GET, .get = get_statistics},
	{P(PACKET_AUXDATA), .type = OPT_BOOL, BOTH, FIELD(auxdata)},
	{P(PACKET_ORIGDEV), .type = OPT_BOOL, BOTH, FIELD(origdev)},
	{P(PACKET_VERSION), .type = OPT_INT, .exact = true, BOTH, FIELD(version), .set = set_version},
	{P(PACKET_HDRLEN), .type = OPT_BLOB, .access = OPT_GET, .get = get_hdrlen},
	{P(PACKET_RESERVE), .type = OPT_INT, .exact = true, BOTH, FIELD(reserve), .set = set_reserve},
	{P(PACKET_RX_RING), .type = OPT_BLOB, .least = sizeof(struct tpacket_req), SET, .set = set_rx_ring},
	{P(PACKET_LOSS), .type = OPT_BOOL, .exact = true, BOTH, FIELD(loss)},
	{P(PACKET_TIMESTAMP), .type = OPT_INT, .exact = true, BOTH, FIELD(timestamp)},
	{P(PACKET_QDISC_BYPASS), .type = OPT_BOOL, .exact = true, BOTH, FIELD(qdisc_bypass)},
	{.level = SOL_PACKET, .name = IGNORE_OUTGOING, .text = "PACKET_IGNORE_OUTGOING", .type = OPT_INT, .exact = true, BOTH, .max = 1,
	 FIELD(ignore_outgoing)},
	{.text = NULL},
};
