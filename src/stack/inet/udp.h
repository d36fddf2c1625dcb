/* The inside of UDP, for udp.c and udp_output.c. */
#pragma once
#include "stack/inet/dgram.h"

struct udp_sock {
	struct dgram_sock ds;
	/* UDP_CORK and MSG_MORE: one datagram out of several sends. The first one says where it goes. */
	bool corked, pending;
	struct dgram_dest dest;
	uint8_t *data; size_t len;
};

ssize_t udp_send(struct sock *sk, const struct sock_msg *m);
int udp_cork_set(struct udp_sock *us, bool on);     /* off sends what is pending */
void udp_cork_drop(struct udp_sock *us);
