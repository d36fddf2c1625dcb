/*
 * What a packet costs in the stack, out of one and into another, with the link between them, on one thread and without a system call.
 *
 *     ours → link → ours        both ends
 *     ours → link → lwIP        with Debian's liblwip, if it was there when this was built
 *     lwIP → link → ours        so that lwIP at both ends is the sum of these two without the first
 */
#pragma once
#include "link/net.h"
#include "stack/socket/sock.h"

enum { COST_PORT = 5001 };
#define COST_CHUNK 65536u

struct cost {
	struct net *net;
	struct net_host *a, *b;               /* b: ours, or the wire to the other stack, whose interface is down */
	struct netif *a_if, *b_if;
	time_ns now;
	uint64_t packets;                     /* that left either end, acknowledgments too */
	void (*frame)(void *arg, const struct packet *p);   /* what arrives at the wire; NULL: b is ours */
	void *arg;
};

void cost_open(struct cost *c, uint32_t mtu_bytes, bool to_wire);
void cost_close(struct cost *c);
void cost_settle(struct cost *c);             /* everything due now */
time_ns cost_cpu_ns(void);
struct sock *cost_listen(struct net_host *h, uint32_t mss);
struct sock *cost_connect(struct cost *c, uint32_t mss);     /* a to b */
void cost_send(struct sock *sk);              /* as much as it takes */
uint64_t cost_recv(struct sock *sk);          /* all that is there */

struct cost_figure { double ns_packet, ns_segment, mbyte_s; };
