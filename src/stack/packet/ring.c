/* Rings of packet sockets: their memory and geometry, by Linux's rules. See ring.h. */
#include "stack/packet/ring.h"
#include <errno.h>
#include <limits.h>
#include "stack/packet/packet_sock.h"

#define PAGE 4096
#define RING_MAX ((uint64_t)256 << 20)

uint32_t pring_header_len(const struct packet_sock *ps)
{
	return ps->version == TPACKET_V1 ? TPACKET_HDRLEN : ps->version == TPACKET_V2 ? TPACKET2_HDRLEN : TPACKET3_HDRLEN;
}

/* ---- making and ending ---- */

static bool geometry_is_good(const struct packet_sock *ps, const struct tpacket_req3 *q, bool tx)
{
	uint64_t least = (uint64_t)pring_header_len(ps) + (uint32_t)ps->reserve, of_block;

	if (q->tp_block_size == 0 || q->tp_block_size > INT_MAX || q->tp_block_size % PAGE) return false;
	if (ps->version == TPACKET_V3 && q->tp_block_size < pring_block_header(q) + least) return false;
	if (q->tp_frame_size < least || q->tp_frame_size % TPACKET_ALIGNMENT) return false;
	of_block = q->tp_block_size / q->tp_frame_size;
	if (of_block == 0 || of_block * q->tp_block_nr != q->tp_frame_nr) return false;
	return !tx || (!q->tp_retire_blk_tov && !q->tp_sizeof_priv && !q->tp_feature_req_word);
}

static int pring_make(struct packet_sock *ps, struct packet_ring *r, const struct tpacket_req3 *q, bool tx)
{
	const struct stack *s = ps->sk.stack;
	struct packet_ring made = {.mem = {.octets = (size_t)q->tp_block_size * q->tp_block_nr}, .req = *q, .owner = ps};
	int err;

	if (r->mem.at) return -EBUSY;
	if (!geometry_is_good(ps, q, tx)) return -EINVAL;
	if (made.mem.octets > RING_MAX || !s->ops->share) return -ENOMEM;
	err = s->ops->share(s->host, &ps->sk, &made.mem);
	if (err < 0) return err;
	made.per_block = q->tp_block_size / q->tp_frame_size;
	*r = made;
	if (ps->version == TPACKET_V3 && !tx) pring_blocks_start(r);
	return 0;
}

void pring_free(struct packet_ring *r)
{
	const struct stack *s;

	if (!r->mem.at) return;
	s = r->owner->sk.stack;
	pring_blocks_stop(r);
	s->ops->unshare(s->host, &r->mem);
	*r = (struct packet_ring){0};
}

int pring_set(struct packet_sock *ps, bool tx, const void *val, socklen_t len)
{
	struct packet_ring *r = tx ? &ps->tx : &ps->rx;
	struct tpacket_req3 q = {0};
	size_t wanted = ps->version == TPACKET_V3 ? sizeof q : sizeof(struct tpacket_req);
	int err = 0;

	if (len < wanted) return -EINVAL;
	memcpy(&q, val, wanted);
	if (q.tp_block_nr == 0 && q.tp_frame_nr) return -EINVAL;
	if (q.tp_block_nr == 0) pring_free(r);
	else err = pring_make(ps, r, &q, tx);
	if (err == 0 && !tx) packet_flush(ps);
	return err;
}

/* ---- what polls ask ---- */

uint32_t pring_length(const struct packet_sock *ps) { return ps->version == TPACKET_V3 ? ps->rx.req.tp_block_nr : ps->rx.req.tp_frame_nr; }

static uint32_t status_at(const struct packet_sock *ps, uint32_t i)
{
	if (ps->version != TPACKET_V3) return pring_look(pring_frame(&ps->rx, i));
	return pring_look(pring_block(&ps->rx, i) + offsetof(struct tpacket_block_desc, hdr.bh1.block_status));
}

/* The last one that was filled is still the program's. */
bool pring_is_readable(const struct packet_sock *ps)
{
	uint32_t n = pring_length(ps);

	return ps->rx.mem.at && status_at(ps, (ps->rx.head + n - 1) % n) != TP_STATUS_KERNEL;
}

bool pring_has_room(const struct packet_sock *ps, uint32_t ahead)
{
	return status_at(ps, (ps->rx.head + ahead) % pring_length(ps)) == TP_STATUS_KERNEL;
}

/* ---- what the host asks ---- */

const struct shared_memory *packet_ring_memory(const struct sock *sk, bool tx)
{
	const struct packet_sock *ps = (const struct packet_sock *)sk;
	const struct packet_ring *r;

	if (sk->domain != AF_PACKET) return NULL;
	r = tx ? &ps->tx : &ps->rx;
	return r->mem.at ? &r->mem : NULL;
}

bool packet_is_mapped(const struct sock *sk) { return packet_ring_memory(sk, false); }
