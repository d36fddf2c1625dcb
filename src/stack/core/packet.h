/*
 * A packet: one buffer, filled from the back, with headroom for the headers still to come.
 *
 *     head        data                          data+len      end
 *      |--headroom--|== what the current layer sees ==|--tailroom--|
 *
 * push grows towards head, pull shrinks from the front (the octets stay readable: mac_off, net_off and trans_off
 * remember where each header began). A packet has one owner; a function that "takes" it frees it or passes it on.
 */
#pragma once
#include "base/addr.h"
#include "base/list.h"
#include "base/types.h"

struct netif;

#define PACKET_HEADROOM 128   /* Ethernet 14 + IPv6 40 + extension room + TCP 60 */
#define PACKET_MAX 65535      /* largest IP datagram */

/* Of TCP's receive buffer: what a packet takes, what of that it gives up behind another, and how many octets more it could hold. tcp/rmem.c */
struct packet_weight { uint32_t cost; uint16_t head, room; };

struct packet {
	struct list node;             /* free for the owner's queue */
	struct netif *netif;          /* where it came in; NULL for our own */
	uint8_t *data;
	uint32_t len, cap;
	uint16_t mac_off, net_off, trans_off; /* from head[]; 0 = not there (headroom is never 0) */
	/* What IP learnt on the way in, or was told on the way out */
	struct addr src, dst;
	uint8_t proto, ttl, tos;
	bool forwarded, broadcast, multicast;  /* multicast or broadcast: at link or at IP level */
	bool anycast;                 /* came to an anycast address of ours */
	bool looped;                  /* our own copy of what we sent to a group or broadcast */
	bool headed;                  /* on loopback: the link header that its sender gave it lies before data, until it is received */
	uint16_t said_protocol;       /* Ethernet's, which a packet socket says its frame is of; 0: look there */
	bool gso_first;               /* the first of those that one send made by UDP_SEGMENT, and */
	time_ns when;                 /* arrival */
	uint32_t mark, priority;      /* of the socket that sent it, on this host */
	uint16_t frag_size;           /* of the largest fragment that it came in; 0: whole */
	uint16_t gso_size;            /* the octets of each; 0: it was sent alone */
	struct packet_weight weight;
	uint8_t head[];
};

struct packet *packet_new(size_t headroom, size_t len);      /* data has len octets, uninitialised; NULL when out of memory */
struct packet *packet_copy(const struct packet *p);
/* The same packet with at least this much headroom: p itself or a copy in its place. NULL when out of memory, p is freed then. */
struct packet *packet_with_headroom(struct packet *p, size_t headroom);
void packet_free(struct packet *p);                           /* NULL is fine */
uint8_t *packet_push(struct packet *p, size_t n);             /* new start; the headroom must be there (assert) */
uint8_t *packet_pull(struct packet *p, size_t n);             /* n <= len */
void packet_trim(struct packet *p, size_t len);               /* shortens to len */
static inline uint16_t packet_off(const struct packet *p) { return (uint16_t)(p->data - p->head); }
static inline uint8_t *packet_at(struct packet *p, uint16_t off) { return p->head + off; }
