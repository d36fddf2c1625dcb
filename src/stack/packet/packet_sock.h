/*
 * AF_PACKET: frames as interfaces see them, in both directions.
 *
 *     stack_receive --copy--\                                /--> SOCK_RAW: with the link header
 *                            tap -> [filter] -> queue -------+
 *     netif_transmit -copy--/                                \--> SOCK_DGRAM: without it
 *
 * Loopback carries no link header in this stack; programs see the Ethernet header of zeros that Linux shows there.
 *
 *     packet_sock.c      life, names, sending            packet_options.c   SOL_PACKET
 *     packet_recv.c      the tap, the queue, what a program gets of a frame
 *
 * Read first: packet(7).
 */
#pragma once
#include <linux/if_packet.h>
#include "stack/packet/tap.h"
#include "stack/socket/option.h"
#include "wire/wire.h"

struct packet_sock {
	struct sock sk;
	struct list node;                  /* stack.taps */
	uint16_t protocol;                 /* Ethernet's, host order; ETH_P_ALL: every frame; 0: none */
	int ifindex;                       /* 0: of all interfaces */
	struct list queue;                 /* struct frame */
	uint32_t queued;                   /* sock_charge of all in the queue */
	uint32_t packets, drops;           /* PACKET_STATISTICS, since it was asked last */
	struct list memberships;           /* PACKET_ADD_MEMBERSHIP */
	bool auxdata, origdev, ignore_outgoing, qdisc_bypass, loss;
	int timestamp, version, reserve;
	uint64_t ring_octets;              /* of the ring that the host keeps (PACKET_RX_RING); 0: none */
};

static inline struct packet_sock *packet_of(struct sock *sk) { return (struct packet_sock *)sk; }
ssize_t packet_recv(struct sock *sk, struct sock_msg *m);
int packet_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len);
void packet_flush(struct packet_sock *ps);
void packet_memberships_free(struct packet_sock *ps);
extern const struct sockopt packet_options[];
