/*
 * The neighbour cache: which mac an address on the link has. One for ARP and for neighbour discovery, as both run the
 * same machine (RFC 4861 §7.3) with Linux's times:
 *
 *                     answer                      30 s (x 0.5 to 1.5) without confirmation
 *     INCOMPLETE ----------------> REACHABLE ----------------------------> STALE
 *        |  3 requests, 1 s apart      ^                                     | traffic
 *        | no answer                   | answer or confirmation              v
 *        v              3 requests     |                         5 s
 *      FAILED <-------------------- PROBE <--------------------------------- DELAY
 *
 * Datagrams wait in INCOMPLETE; when it fails each one is complained about ("host unreachable") and dropped.
 * The cache is bounded: unresolved entries have their own half of it, so that a scan can't push out the neighbours
 * that answer; in each half the one unused the longest goes first.
 */
#pragma once
#include <linux/neighbour.h>
#include "stack/core/netif.h"

#define NEIGH_MAX 1024            /* Linux's gc_thresh3 */

struct neigh {
	struct hash_node hash;
	struct list node;             /* neigh_table.resolved, .pending or .fixed, most recently used first */
	struct stack *stack;
	struct netif *netif;
	struct addr addr;
	struct mac mac;
	uint8_t state;                /* NUD_* */
	uint8_t probes;               /* requests sent without answer */
	struct timer timer;           /* INCOMPLETE, DELAY, PROBE: the next step */
	time_ns reachable_until, updated;
	struct list queue;            /* packets, in INCOMPLETE */
	int queued;
};

struct neigh_table {
	struct hash by_addr;
	struct list resolved, pending;
	struct list fixed;            /* PERMANENT, NOARP: a program's, which do not wear off and are not pushed out */
	uint32_t n_resolved, n_pending, n_fixed;
	struct list proxies;          /* struct neigh_proxy: neigh_proxy.c */
	uint32_t n_proxies;
};

/* An IPv4 address of another link that we answer for on this one. IPv6's are kept only: Linux answers for them where proxy_ndp is set, which it is not. */
struct neigh_proxy { struct list node; struct netif *netif; struct addr addr; };

void neigh_table_init(struct neigh_table *t);
void neigh_table_free(struct stack *s);

/* Sends the datagram (data = IP header) to the neighbour, now or when its mac is known. Takes p. */
void neigh_output(struct netif *nif, const struct addr *nexthop, struct packet *p);
#define NEIGH_FIXED (NUD_PERMANENT | NUD_NOARP)
#define NEIGH_VALID (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NEIGH_FIXED)   /* its mac is known */
bool neigh_is_known(struct netif *nif, const struct addr *a);      /* false: it is being asked for now */

#define NEIGH_CREATE 1            /* make an entry where there is none */
#define NEIGH_OVERRIDE 2          /* a different mac replaces the one known */
#define NEIGH_CONFIRM 4           /* an answer to our request: REACHABLE; else STALE */
/* What ARP or neighbour discovery heard. Ignores group macs. */
void neigh_learn(struct netif *nif, const struct addr *a, const struct mac *mac, unsigned how);
struct neigh *neigh_find(const struct netif *nif, const struct addr *a);
bool neigh_forget(struct netif *nif, const struct addr *a);       /* false: there was none */
/* Brings the entry, made where there is none, into a state (NUD_*). mac NULL: it keeps the one it has. -ENOBUFS: too many fixed ones; -ENOMEM */
int neigh_set(struct netif *nif, const struct addr *a, const struct mac *mac, uint8_t state);
int neigh_proxy_add(struct netif *nif, const struct addr *a);     /* 0 also where it is there; -ENOBUFS, -ENOMEM */
bool neigh_proxy_del(struct netif *nif, const struct addr *a);    /* false: there was none */
bool neigh_is_proxied(const struct netif *nif, const struct addr *a);
void neigh_flush(struct netif *nif, bool only_v6);                /* forgets those of nif; what waits is dropped */
/* A higher layer saw progress that only a live neighbour explains (RFC 4861 §7.3.1). */
void neigh_confirm(struct netif *nif, const struct addr *nexthop);
/* For dumps: start with NULL. state as neigh_state tells it, since REACHABLE wears off unseen. */
const struct neigh *neigh_walk(const struct stack *s, const struct neigh *after);
uint8_t neigh_state(const struct neigh *n);

/* Puts an Ethernet header in front and transmits. Takes p. */
void ether_output(struct netif *nif, struct packet *p, const struct mac *dst, uint16_t type);

/* ARP and neighbour discovery: asking, and what came in. waiting: a datagram whose source may be named, or NULL. mac: ask this one only, or NULL: all. */
void arp_solicit(struct netif *nif, const struct addr *target, const struct mac *mac, struct packet *waiting);
void nd_solicit(struct netif *nif, const struct addr *target, const struct mac *mac, struct packet *waiting);
/* Asks for a tentative address from no address (RFC 4862 §5.4.2); sends what neighbour discovery says (data = ICMPv6, its checksum in place). */
void nd_probe(struct netif *nif, const struct addr *target);
void nd_transmit(struct netif *nif, struct packet *p, const struct addr *src, const struct addr *dst);
void dad_start(struct netif_addr *ia);                            /* dad.c */
bool dad_conflict(struct netif *nif, const struct addr *target);  /* somebody speaks of target: if we are still looking for it, it is not ours */
void arp_receive(struct stack *s, struct packet *p);              /* takes p, data = ARP */
void nd_receive(struct stack *s, struct packet *p);               /* takes p, data = ICMPv6, checksum verified */
