/* The inside of UDP and UDP-Lite, for udp.c and udp_output.c. */
#pragma once
#include "stack/inet/dgram.h"
#include "stack/inet/udp_tunnel.h"

/* Linux's options of UDP-Lite, which no header of libc has */
#define UDPLITE_SEND_CSCOV 10
#define UDPLITE_RECV_CSCOV 11

struct udp_sock {
	struct dgram_sock ds;
	/* UDP-Lite: how much of a datagram the checksum is to cover, at least UDP_HDR_LEN; 0 is all of it. Until asked, all is sent and anything taken. */
	struct udp_coverage { bool asked; uint16_t octets; } send_coverage, recv_coverage;
	uint16_t segment;             /* UDP_SEGMENT: what is longer goes as several datagrams */
	bool gro, gro_dropping, no_check6_tx, no_check6_rx;
	int encap;                    /* UDP_ENCAP */
	bool corked;                  /* UDP_CORK: as if each send had MSG_MORE */
	struct dgram_cork cork;
	udp_tunnel_receive *tunnel;     /* the stack's own: who gets what arrives, instead of the queue. NULL: a program's */
	void *tunnel_owner;
};

void udp_enqueue(struct udp_sock *us, struct packet *p);   /* udp_gro.c: takes p, data = what the program gets */
/* udp_encap.c */
int udp_encap_set(struct sock *sk, const void *val, socklen_t len);
bool udp_encap_takes(const struct udp_sock *us, const uint8_t *data, size_t len);   /* it is the host's, not the program's */

ssize_t udp_send(struct sock *sk, const struct sock_msg *m);
int udp_cork_set(struct udp_sock *us, bool on);     /* off sends what is pending */
