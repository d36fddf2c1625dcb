/*
 * UDP ports of the stack's own: what protocols inside UDP stand on. They take a port as a program would, and show among the sockets; what arrives goes
 * to their owner, and what is sent goes out without a copy.
 */
#pragma once
#include "stack/inet/inet.h"

struct udp_sock;

/* Takes p: data = what the datagram holds, src, dst, tos and netif set; sport: of who sent it. */
typedef void udp_tunnel_receive(void *owner, struct packet *p, uint16_t sport);

/* Takes the port, 0: a free one, on all addresses of one family. -EADDRINUSE, -ENOBUFS */
int udp_tunnel_open(struct stack *s, int domain, uint16_t port, udp_tunnel_receive *receive, void *owner, struct udp_sock **ret);
void udp_tunnel_close(struct udp_sock *us);
uint16_t udp_tunnel_port(const struct udp_sock *us);

struct udp_tunnel_to {
	struct addr src, dst;         /* src any: as the way has it */
	uint16_t port;
	uint8_t tos;
	uint32_t mark;
	struct netif *oif;            /* that it has to leave by, or NULL */
	const struct route_hop *hop;  /* where udp_tunnel_way has found that it goes */
};
/* 0, and the way to `to`; what route_find says. */
int udp_tunnel_way(const struct udp_sock *us, const struct udp_tunnel_to *to, struct route_hop *ret);
/* Takes p, whose data is what the datagram is to hold. 0, or what IP says. */
int udp_tunnel_send(struct udp_sock *us, const struct udp_tunnel_to *to, struct packet *p);
