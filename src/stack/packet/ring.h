/*
 * Rings of frames in memory that the program maps (PACKET_RX_RING, PACKET_TX_RING): pring, to tell them from base/ring.h.
 *
 *     blocks of pages:   | frame | frame | frame |..| frame | frame | frame |..| …          TPACKET_V1, _V2, and what is sent with _V3
 *                        | descriptor, frame, frame, frame  | descriptor, …                  TPACKET_V3: frames of any size
 *
 * Every frame, or block, has a status word that says whose it is; whoever has it passes it on by one store. The memory is the program's to write at any
 * time: of what lies there only status words, and of frames to be sent the header, are read, each word once, and where we stand is kept here.
 *
 *     ring.c         memory, geometry, whether somebody may find his wait over
 *     ring_rx.c      V1, V2: frames in        ring_blocks.c   V3: frames in        ring_tx.c       frames out
 */
#pragma once
#include <linux/if_packet.h>
#include <sys/socket.h>
#include "stack/core/stack.h"

struct packet_sock;
struct frame;
struct way;

/* TPACKET_V3: the block that is being filled. Offsets from its beginning. */
struct packet_block { uint32_t next, last, packets; uint64_t serial; time_ns last_real, retire_after; struct timer retire; bool frozen; };

struct packet_ring {
	struct shared_memory mem;          /* at: NULL: there is no ring */
	struct tpacket_req3 req;           /* what was asked for; the last three words are V3's */
	uint32_t per_block;                /* frames */
	uint32_t head;                     /* the frame, or block, that is next */
	struct packet_block block;
	struct packet_sock *owner;
};

int pring_set(struct packet_sock *ps, bool tx, const void *val, socklen_t len);
void pring_free(struct packet_ring *r);
bool pring_is_readable(const struct packet_sock *ps);
bool pring_has_room(const struct packet_sock *ps, uint32_t ahead);      /* is the frame or block so far ahead ours? */
uint32_t pring_length(const struct packet_sock *ps);                    /* of the receive ring: frames, or blocks */
uint32_t pring_header_len(const struct packet_sock *ps);                /* what stands before each frame, with the address */

bool pring_cuts(const struct packet_sock *ps, const struct frame *f);   /* V1, V2: it does not fit into a slot */
/* The frame f into the receive ring. copied: the queue has all of it. False: there is no room. */
bool pring_receive(struct packet_sock *ps, const struct frame *f, bool copied);
bool pring_blocks_receive(struct packet_sock *ps, const struct frame *f);
void pring_blocks_start(struct packet_ring *r);
void pring_blocks_stop(struct packet_ring *r);
/* Where in the slot a frame's network header and the frame itself lie. False: too far. */
struct pring_place { uint32_t mac, net, snap; };
bool pring_place(const struct packet_sock *ps, const struct frame *f, struct pring_place *ret);
void pring_put_frame(const struct packet_sock *ps, uint8_t *slot, uint32_t header_octets, const struct pring_place *at, const struct frame *f);

/* Everything that the program has marked goes out: octets sent, or a negative errno. */
ssize_t pring_send(struct packet_sock *ps, const struct way *w);

static inline uint8_t *pring_frame(const struct packet_ring *r, uint32_t i)
{
	return r->mem.at + (size_t)(i / r->per_block) * r->req.tp_block_size + (size_t)(i % r->per_block) * r->req.tp_frame_size;
}
static inline uint64_t pring_align8(uint64_t n) { return (n + 7) & ~(uint64_t)7; }
/* What stands before the first frame of a block: its descriptor, and room that is the program's own. */
static inline uint64_t pring_block_header(const struct tpacket_req3 *q)
{
	return pring_align8(sizeof(struct tpacket_block_desc)) + pring_align8(q->tp_sizeof_priv);
}
static inline uint8_t *pring_block(const struct packet_ring *r, uint32_t i) { return r->mem.at + (size_t)i * r->req.tp_block_size; }
/* Words that the program may write meanwhile. A status is a long in version 1: little-endian, its low word is in the same place. */
static inline uint32_t pring_look(const void *word) { return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE); }
static inline void pring_say(void *word, uint32_t v) { __atomic_store_n((uint32_t *)word, v, __ATOMIC_RELEASE); }
