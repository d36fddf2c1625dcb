/*
 * Multicast routing, as a daemon (smcroute, pimd) sets it up: datagrams for a group that come in by one interface go out by others.
 *
 *     ip4_receive, ip6_receive -> mroute_minds? -> mroute_input -> entry of (source, group) -> a copy for each of its interfaces
 *                                                        \-> none: the datagram waits, and the daemon is asked (an upcall)
 *     the daemon -> options of its raw socket -> tables, interfaces, entries
 *
 * What the files here do:
 *
 *     table.c     tables: each has one daemon         forward.c   which interfaces a datagram goes out by
 *     vif.c       a table's interfaces, by number     upcall.c    what the daemon is told, on its socket
 *     entry.c     entries, and what waits for one     pim.c       datagrams inside PIM Register messages: the interface that makes them, and back
 *     options4.c options6.c options.c   the daemon's socket options             ioctl.c     what it asks of counters
 *
 * Both families share all of it but the layout of what passes to and from the daemon. Without policy rules for multicast (`ip mrule`) the default table routes
 * everything; others can be set up, and nothing passes through them.
 *
 * Read first: Linux's <linux/mroute.h> and <linux/mroute6.h>, RFC 1075, RFC 7761.
 */
#pragma once
#include "stack/core/netif.h"
#include "stack/inet/raw.h"

#define MROUTE_TABLE4 253        /* RT_TABLE_DEFAULT */
#define MROUTE_TABLE6 254        /* RT6_TABLE_DFLT */

int mroute_new(struct stack *s);                  /* called by stack_new. -ENOMEM */
void mroute_free(struct stack *s);

/* Datagrams for group that come in by nif, or that this host sends there, may be routed. */
bool mroute_minds(const struct netif *nif, const struct addr *group);
/* Routes p, which stays the caller's: data = the IP header, nothing pulled. False: it will go nowhere. */
bool mroute_input(struct stack *s, const struct packet *p);
/* The daemon of the default table of IPv4, which hears all IGMP; NULL: there is none. */
struct raw_sock *mroute_daemon4(const struct stack *s);

void mroute_sock_done(struct raw_sock *rs);       /* it closes, or wants to be no daemon any more */
void mroute_netif_gone(struct netif *nif);        /* it is about to be removed */
int mroute_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len);   /* -NO_IOCTL_CMD: none of these */
extern const struct sockopt mroute4_options[], mroute6_options[];

/* ---- for those who show it ---- */

#define MROUTE_VIFS 32           /* MAXVIFS, MAXMIFS */
#define MROUTE_FIXED 0x8000      /* how a fixed interface is shown among its flags: VIFF_STATIC, which no header has */
#define MROUTE_NONE 255          /* a TTL threshold: not by this interface */
#define MROUTE_UNRESOLVED 0xffff /* parent of an entry that there is not yet */

/* An interface of a table. netif NULL: the number is free. local and remote: as the daemon gave them, in network order. */
struct mroute_vif {
	struct netif *netif;
	uint8_t flags;                            /* VIFF_*, MIFF_* */
	bool fixed;                               /* VIFF_STATIC: not by the daemon, and stays when that ends */
	uint32_t local, remote;
	uint64_t packets_in, octets_in, packets_out, octets_out;
};

struct mroute_entry {
	struct hash_node by_key;
	struct list node;                         /* in the order of dumps */
	struct addr source, group;                /* any: whatever it is */
	uint16_t parent;                          /* the interface that datagrams must come in by, or MROUTE_UNRESOLVED */
	bool fixed;                               /* MFC_STATIC: not by the daemon, and stays when that ends */
	uint8_t least, end;                       /* the interfaces that it goes out by are among least … end - 1 */
	uint8_t ttls[MROUTE_VIFS];                /* and datagrams must have more hops left than this; MROUTE_NONE: it does not */
	uint64_t packets, octets, wrong_vif;
	time_ns last_use, last_assert;
	/* Unresolved: what waits for the daemon to make it */
	struct list waiting;                      /* struct packet */
	unsigned n_waiting;
	time_ns until;
};

struct mroute_table {
	struct list node;
	struct stack *stack;
	bool v4;
	uint32_t id;
	struct raw_sock *daemon;                  /* NULL: there is none */
	struct mroute_vif vifs[MROUTE_VIFS];
	unsigned n_vifs;                          /* one more than the highest number in use */
	int register_vif;                         /* the one that makes PIM Registers; -1: none */
	bool assert, pim, wrong_whole;            /* what the daemon wants to hear of: MRT_ASSERT, MRT_PIM */
	struct hash entries;
	struct list resolved, unresolved;         /* struct mroute_entry */
	uint32_t n_entries, n_unresolved, octets_waiting;
	struct timer expiry;                      /* of the unresolved */
	time_ns copies_since;                     /* when copies were counted from 0: they are bounded */
	uint32_t copies;
};

const struct list *mroute_tables(const struct stack *s, bool v4);
struct mroute_table *mroute_table_find(const struct stack *s, bool v4, uint32_t id);
struct mroute_entry *mroute_entry_find(const struct mroute_table *t, const struct addr *source, const struct addr *group, int parent);   /* parent < 0: any */
