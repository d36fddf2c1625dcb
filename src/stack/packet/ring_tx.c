/*
 * The transmit ring: a send without data puts every frame on its way that the program has marked SEND_REQUEST, from where the last one ended. What a
 * header says is read once, and the frame is copied before anything is made of it.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/packet/packet_sock.h"

/* Of a header, what sending looks at. */
struct request { uint32_t len, next, mac, net; };

static uint32_t half(const void *at) { return __atomic_load_n((const uint16_t *)at, __ATOMIC_RELAXED); }

#define WORD(type, field) pring_look(slot + offsetof(type, field))
#define HALF(type, field) half(slot + offsetof(type, field))

static struct request request_read(int version, const uint8_t *slot)
{
	switch (version) {
	case TPACKET_V1:
		return (struct request){.len = WORD(struct tpacket_hdr, tp_len), .mac = HALF(struct tpacket_hdr, tp_mac),
					.net = HALF(struct tpacket_hdr, tp_net)};
	case TPACKET_V2:
		return (struct request){.len = WORD(struct tpacket2_hdr, tp_len), .mac = HALF(struct tpacket2_hdr, tp_mac),
					.net = HALF(struct tpacket2_hdr, tp_net)};
	default:
		return (struct request){.len = WORD(struct tpacket3_hdr, tp_len), .mac = HALF(struct tpacket3_hdr, tp_mac),
					.net = HALF(struct tpacket3_hdr, tp_net), .next = WORD(struct tpacket3_hdr, tp_next_offset)};
	}
}

static size_t status_offset(int version) { return version == TPACKET_V3 ? offsetof(struct tpacket3_hdr, tp_status) : 0; }

/* Where its data lies in the slot, or what is wrong. */
static int64_t data_offset(const struct packet_sock *ps, const struct way *w, const struct request *q)
{
	uint32_t first = pring_header_len(ps) - (uint32_t)sizeof(struct sockaddr_ll), room = ps->tx.req.tp_frame_size;
	uint64_t most = room - first, of_link = (uint64_t)w->nif->mtu_bytes + (ps->sk.type == SOCK_RAW ? ETH_HDR_LEN : 0) + VLAN_TAG_LEN;
	uint32_t at = ps->sk.type == SOCK_DGRAM ? q->net : q->mac;

	if (q->next) return -EINVAL;
	if (!ps->vnet_len) most = MIN(most, of_link);
	if (q->len > most) return -EMSGSIZE;
	if (!ps->tx_has_off) return first;
	return at < first || at > room - q->len ? -EINVAL : (int64_t)at;
}

/* Octets sent, or a negative errno. */
static int64_t slot_send(struct packet_sock *ps, const struct way *w, const uint8_t *slot)
{
	struct request q = request_read(ps->version, slot);
	int64_t at = data_offset(ps, w, &q), r;
	uint8_t *copy;

	if (at < 0) return at;
	copy = malloc(q.len + 1);
	if (!copy) return -ENOBUFS;
	memcpy(copy, slot + at, q.len);
	r = packet_frame_send(ps, w, copy, q.len);
	free(copy);
	return r < 0 ? r : (int64_t)q.len - ps->vnet_len;
}

/* A frame that can't be sent ends the call, unless PACKET_LOSS passes it over. One round at most: the program may mark more meanwhile. */
ssize_t pring_send(struct packet_sock *ps, const struct way *w)
{
	struct packet_ring *r = &ps->tx;
	ssize_t sent = 0;

	for (uint32_t i = 0; i < r->req.tp_frame_nr; i++) {
		uint8_t *slot = pring_frame(r, r->head), *status = slot + status_offset(ps->version);
		int64_t n;
		if (pring_look(status) != TP_STATUS_SEND_REQUEST) break;
		n = slot_send(ps, w, slot);
		if (n == -ENOBUFS) return sent ? sent : -ENOBUFS;
		if (n < 0 && !ps->loss) {
			pring_say(status, TP_STATUS_WRONG_FORMAT);
			return (ssize_t)n;
		}
		pring_say(status, TP_STATUS_AVAILABLE);
		r->head = (r->head + 1) % r->req.tp_frame_nr;
		sent += n > 0 ? (ssize_t)n : 0;
	}
	return sent;
}
