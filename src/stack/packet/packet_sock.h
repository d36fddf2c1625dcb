/*
 * AF_PACKET: frames as interfaces see them, in both directions.
 *
 *     stack_receive --copy--\                               /--> queue: packet_recv.c
 *                            tap -> [fanout] -> [filter] ---+
 *     netif_transmit -copy--/                               \--> ring, which the program maps: ring.h
 *
 * Loopback carries no link header in this stack, unless a packet socket gave it one (packet.headed); programs see the Ethernet header of zeros that Linux
 * shows there.
 *
 *     packet_sock.c      life, names                         packet_options.c   SOL_PACKET
 *     packet_tap.c       what passes, and who is to have it  membership.c       groups and modes of interfaces
 *     packet_recv.c      the queue, what a program gets      fanout.c           several sockets that share what passes
 *     packet_send.c      sending                             ring*.c            frames in shared memory
 *     packet_old.c       SOCK_PACKET                         vnet.c             virtio headers: sums and segments left to us
 *
 * Read first: packet(7), Linux's Documentation/networking/packet_mmap.rst.
 */
#pragma once
#include <linux/if_packet.h>
#include "stack/packet/ring.h"
#include "stack/packet/tap.h"
#include "stack/socket/option.h"
#include "stack/socket/stamping.h"
#include "wire/wire.h"

struct fanout;

struct packet_sock {
	struct sock sk;
	struct list node;                  /* stack.taps */
	uint16_t protocol;                 /* Ethernet's, host order; ETH_P_ALL: every frame; 0: none */
	int ifindex;                       /* 0: of all interfaces */
	struct list queue;                 /* struct frame */
	uint32_t queued;                   /* sock_charge of all in the queue */
	uint32_t packets, drops, freezes;  /* PACKET_STATISTICS, since it was asked last */
	struct list memberships;           /* PACKET_ADD_MEMBERSHIP */
	bool auxdata, origdev, ignore_outgoing, qdisc_bypass, loss, tx_has_off;
	uint8_t vnet_len;                  /* octets of the virtio header before each frame; 0: none */
	int timestamp, version, reserve, copy_thresh;
	struct packet_ring rx, tx;
	struct fanout *fanout;
	struct list fanout_node;           /* fanout.members */
	struct rollover *rollover;
};

static inline struct packet_sock *packet_of(struct sock *sk) { return (struct packet_sock *)sk; }
static inline bool packet_has_ring(const struct packet_sock *ps) { return ps->rx.mem.at || ps->tx.mem.at; }

/* A frame on its way to a socket: as much of it as the filter left, from where the socket's type begins. */
struct frame {
	struct list node;
	struct sockaddr_ll from;
	time_ns when;
	uint32_t whole_len;                /* before the filter */
	uint16_t net;                      /* offset of the network header */
	uint16_t vlan_tci, vlan_tpid;      /* of the tag that was taken out; tpid 0: there was none */
	uint32_t len;
	uint8_t data[];
};

/* A frame as the tap sees it. The link header is the addresses and the type, which stand apart where a VLAN's tag was between them. */
struct sight {
	const uint8_t *macs, *type;        /* NULL: there is no link header */
	const uint8_t *net; size_t net_len;
	uint16_t protocol;
	uint16_t vlan_tci, vlan_tpid;
	uint8_t pkttype;
	uint32_t mark;
};

/* packet_recv.c */
void packet_deliver(struct packet_sock *ps, const struct netif *nif, const struct sight *v);
ssize_t packet_recv(struct sock *sk, struct sock_msg *m);
int packet_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len);
void packet_flush(struct packet_sock *ps);
enum room { ROOM_NONE, ROOM_LOW, ROOM_NORMAL };
enum room packet_room(const struct packet_sock *ps);       /* for one more frame; LOW: less than a quarter is left */

/* packet_send.c */
struct way {
	struct netif *nif; uint16_t protocol;
	const uint8_t *to;                       /* NULL where the program writes the link header */
	struct send_control control;
};
int packet_frame_send(struct packet_sock *ps, const struct way *w, const uint8_t *data, size_t len);
ssize_t packet_send(struct sock *sk, const struct sock_msg *m);

/* packet_old.c */
extern const struct sock_ops packet_old_ops;
int packet_init(struct sock *sk);
void packet_close(struct sock *sk);
uint32_t packet_poll(const struct sock *sk);

/* membership.c */
int packet_set_add_membership(struct sock *sk, const void *val, socklen_t len);
int packet_set_drop_membership(struct sock *sk, const void *val, socklen_t len);
void packet_memberships_free(struct packet_sock *ps);

extern const struct sockopt packet_options[];
