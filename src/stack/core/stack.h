/*
 * One struct stack is one virtual host: its interfaces, addresses, routes, neighbours, ports and sockets. The core is
 * deterministic: it makes no system call, reads no clock, draws no random number, keeps no global, never blocks or
 * logs. It moves by three functions and asks four things of the world, and a few more of a world that has them.
 *
 * The stack never re-enters itself: transmit() must queue the packet (also on loopback), never deliver it at once.
 */
#pragma once
#include "base/hash.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/siphash.h"
#include "stack/core/drop.h"
#include "stack/core/packet.h"

struct crypto;
struct sock;
struct stack;

/* Memory that a program maps, too: it changes under our hands. handle: the host's own. */
struct shared_memory { uint8_t *at; size_t octets; intptr_t handle; void *owner; };

struct host_ops {
	/* Takes the packet: a frame on Ethernet netifs, an IP datagram on others. Must not call back into any stack. */
	void (*transmit)(void *host, struct netif *nif, struct packet *p);
	/* sock_poll(sk) may have changed, or there is room or data where there was none. May be called often; must not call back. */
	void (*ready)(void *host, struct sock *sk);
	void (*random)(void *host, void *buf, size_t len);
	/* A packet was dropped (data as far as parsed). NULL allowed. */
	void (*trace)(void *host, enum drop_reason why, const struct packet *p);
	/* Adds the octets of sk's stream that the host has: received and not read, sent and not acknowledged; of AF_UNIX, what those take of SO_SNDBUF, and of
	   datagrams puts in the length of the first, if it has that. NULL allowed. */
	void (*waiting)(void *host, const struct sock *sk, uint32_t *in, uint32_t *out);
	/* Does a program have sk? Not what is kept for who asks next, nor a connection that waits to be accepted. NULL: yes */
	bool (*held)(void *host, const struct sock *sk);
	/* Does a program sleep in a call until there is room with sk? One that was refused, or has waited long enough, does not. */
	bool (*sleeps)(void *host, const struct sock *sk);
	/* What listener->ahead says is there. NULL allowed, and given where that is gone. */
	const struct sock *(*ahead)(void *host, const struct sock *listener);
	/* Adds to a struct tcp_info of len octets what went past the stack. NULL allowed. */
	void (*tcp_info)(void *host, const struct sock *sk, void *info, size_t len);
	/* Ways may have changed: addresses, routes, rules, interfaces. nif: the one that went up or down, or NULL. NULL allowed; must not call back. */
	void (*changed)(void *host, struct netif *nif);
	/* Ciphers and hashes (base/crypto.h); NULL, or gives NULL: there are none. */
	const struct crypto *(*crypto)(void *host);
	/* Two new interfaces are to be the ends of one cable, and one is to be taken off it. NULL: there are no such cables here. */
	int (*join)(void *host, struct netif *a, struct netif *b);
	void (*part)(void *host, struct netif *nif);
	/* Memory of m->octets, zeroed, for sk's program to map, and its end. 0 or a negative errno. NULL: there is none here. */
	int (*share)(void *host, const struct sock *sk, struct shared_memory *m);
	void (*unshare)(void *host, struct shared_memory *m);
};

struct timer { struct heap_node node; void (*fire)(struct timer *); };

struct stack {
	const struct host_ops *ops;
	void *host;
	char name[64];
	time_ns now;                       /* as of the last receive, advance or stack_set_now */
	time_ns realtime_offset;           /* CLOCK_REALTIME - now, set by the host: only for timestamps that programs see (SO_TIMESTAMP) */
	struct heap timers;
	struct list netifs;                /* struct netif.node, by index */
	uint32_t n_addrs;                  /* of all of them */
	struct list netifs_gone;           /* removed ones, kept down: queued packets and bound sockets still name them */
	int next_ifindex;
	unsigned tunnels;                  /* that the datagram at hand is going into, one inside the other: stack/wireguard */
	unsigned tunnelled;                /* datagrams that have come of it, and gone into one */
	struct siphash_key secret;         /* for every keyed hash; drawn once */
	uint64_t drops[DROP_COUNT];
	uint64_t tcp_retransmits;          /* segments sent again, by connections that are gone too */
	struct mib *mib;                   /* stack/inet/mib.h */
	struct list socks;                 /* struct sock.node: every open socket */
	struct list taps;                  /* struct packet_sock.node: who looks on (stack/packet) */
	uint64_t next_cookie;
	uint16_t next_fanout;              /* the number to try for a group of packet sockets */
	struct sysctl *sysctl;             /* stack/core/sysctl.h */
	struct route_table *routes;        /* stack/core/route.h */
	struct route_memo *memos;          /* the ways that were found last: stack/core/route_lookup.c */
	uint64_t ways;                     /* grows with every change that ways may depend on */
	struct rules *rules;               /* stack/core/rule.h */
	struct inet *inet;                 /* stack/inet: IP, ICMP, neighbours, ports */
	struct mroute *mroute;             /* stack/mroute */
	struct tcp_stack *tcp;             /* stack/tcp */
	struct sctp_stack *sctp;           /* stack/sctp */
	struct mptcp_stack *mptcp;         /* stack/mptcp */
	struct netlink *netlink;           /* stack/netlink */
	struct unix_stack *unix_stack;          /* stack/unix */
};

/* name is copied. NULL when out of memory. The stack starts with no interfaces (netif_add). */
struct stack *stack_new(const char *name, const struct host_ops *ops, void *host, time_ns now);
void stack_free(struct stack *s);      /* closes sockets without a packet, frees interfaces and everything queued */

void stack_receive(struct stack *s, struct netif *nif, struct packet *p);  /* takes the packet; data = frame or datagram */
void stack_advance(struct stack *s, time_ns now);                          /* sets now, fires timers due by it */
time_ns stack_deadline(const struct stack *s);                             /* TIME_NEVER when there is none */
static inline void stack_set_now(struct stack *s, time_ns now) { if (now > s->now) s->now = now; }

void stack_ways_changed(struct stack *s, struct netif *nif);               /* no way is what it was, and the host is told: host_ops.changed */
/* Counts, traces and frees. The only way a received packet ends without being delivered. */
void stack_drop(struct stack *s, struct packet *p, enum drop_reason why);

void timer_set(struct stack *s, struct timer *t, time_ns due);   /* moves a set timer */
void timer_clear(struct stack *s, struct timer *t);
static inline bool timer_is_set(const struct timer *t) { return heap_has(&t->node); }
static inline time_ns timer_due(const struct stack *s, const struct timer *t) { return heap_due(&s->timers, &t->node); }   /* TIME_NEVER: not set */

uint32_t stack_random32(struct stack *s);
uint64_t stack_hash(const struct stack *s, const void *data, size_t len);   /* SipHash with the stack's secret */
