/*
 * What lists of sockets tell of each: /proc/net, and sock_diag (stack/netlink/diag). One struct for all protocols over IP, whose fields stand for what
 * Linux shows there; what a protocol has no notion of is 0.
 */
#pragma once
#include "stack/inet/inet.h"

/* Which timer runs: Linux's numbers. */
enum { FACTS_NO_TIMER, FACTS_RETRANSMIT, FACTS_KEEPALIVE, FACTS_TIME_WAIT, FACTS_PROBE };

struct inet_facts {
	struct sock *sk;                 /* NULL: what is left of a connection in TIME-WAIT */
	struct stack *stack;
	uint16_t domain, protocol;       /* AF_*, and that of the list: IPPROTO_RAW for raw sockets of any */
	uint8_t state;                   /* TCP's numbers: a datagram socket is ESTABLISHED (1) or CLOSED (7) */
	bool unused;                     /* TCP: bound to a port, and no more; the older lists do not show it */
	bool embryo;                     /* of a connection whose handshake is not over, and that no socket stands for */
	struct addr laddr, raddr;
	uint16_t lport, rport;           /* host order; of a raw socket: its protocol, and 0 */
	int ifindex;                     /* bound to; 0: none */
	uint32_t in, out;                /* octets not read, and not acknowledged; of a listener: connections that wait, and how many may */
	uint32_t in_memory;              /* what waits to be read takes of the receive buffer */
	uint32_t drops;
	uint8_t timer;
	time_ns due_in;                  /* of that timer */
	uint32_t retransmits, probes;
	uint32_t uid;
	uint64_t inode, cookie;          /* inode 0: no program has it */
	/* TCP */
	time_ns rto, ato;
	uint32_t ack_mode;               /* ACKs to be sent at once, twice; and 1 when answers carry them */
	uint32_t cwnd;
	int32_t ssthresh;                /* of a listener: its Fast Open queue; -1: not reached yet */
};

typedef void inet_visit(void *arg, const struct inet_facts *f);
/* Every socket that the list of a protocol shows: IPPROTO_TCP, _UDP, _UDPLITE, _ICMP (echo sockets of both families), _RAW. */
void inet_facts_walk(struct stack *s, int protocol, inet_visit *visit, void *arg);
extern const struct sockopt facts_options[];   /* SO_MEMINFO */
/* stack/tcp/facts.c */
bool tcp_facts(struct sock *sk, struct inet_facts *f);
void tcp_facts_timewait(struct stack *s, inet_visit *visit, void *arg);
