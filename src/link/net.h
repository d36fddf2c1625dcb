/*
 * A virtual network: hosts (stacks) and the links between them, on one clock. Pure, as the stacks are: the engine drives
 * it with the real time, tests with a virtual one.
 *
 *     stack --transmit--> port --[impairment out]--> queue (due time) --> the other port(s) --stack_receive--> stack
 *
 * A port is one end of a link, held by a netif. A link joins two ports (pair) or many (switch, which learns addresses).
 * Loopback is a link of its own per host, with no delay. Nothing is delivered inside transmit: everything passes the queue.
 */
#pragma once
#include "base/list.h"
#include "link/impair.h"
#include "stack/core/drop.h"
#include "stack/core/netif.h"
#include "stack/core/stack.h"

struct net;
struct route_flow;
struct net_host;   /* a stack in the net */
struct net_link;   /* pair or switch */

/* A frame at one end of a cable. */
enum { FRAME_DUPLICATE = 1, FRAME_CORRUPTED = 2, FRAME_REORDERED = 4, FRAME_MARKED = 8 };
struct net_frame {
	struct net_link *link;
	unsigned end;                       /* which one: see net_link_ends */
	struct netif *nif;                  /* what is plugged in there; NULL: a switch, or nothing */
	const struct packet *p;
	time_ns when;
	bool sent;                          /* leaves this end; else arrives */
	enum drop_reason dropped;           /* not DROP_NONE: why it goes no further */
	unsigned did;                       /* what the link made of it, FRAME_… */
};

struct net_ops {
	void (*ready)(void *user, struct sock *sk);                                    /* as host_ops.ready */
	void (*tap)(void *user, const struct net_frame *f);                            /* every frame at every end that it reaches. NULL allowed */
	void (*waiting)(void *user, const struct sock *sk, uint32_t *in, uint32_t *out);   /* as host_ops.waiting. NULL allowed */
	bool (*held)(void *user, const struct sock *sk);                                /* as host_ops.held. NULL allowed */
	bool (*sleeps)(void *user, const struct sock *sk);                              /* as host_ops.sleeps. NULL allowed */
	const struct sock *(*ahead)(void *user, const struct sock *listener);          /* as host_ops.ahead. NULL allowed */
	void (*tcp_info)(void *user, const struct sock *sk, void *info, size_t len);           /* as host_ops.tcp_info. NULL allowed */
	void (*changed)(void *user);                                                   /* ways may have changed, by what a program did. NULL allowed */
	int (*share)(void *user, const struct sock *sk, struct shared_memory *m);     /* as host_ops.share. NULL: there is none */
	void (*unshare)(void *user, struct shared_memory *m);
	const struct crypto *(*crypto)(void);                                          /* as host_ops.crypto. NULL allowed */
	bool (*watches)(void *user, const struct net_link *cable);                     /* does anybody look at what the tap shows of it? NULL: nobody */
};

struct net *net_new(uint64_t seed, const struct net_ops *ops, void *user, time_ns now);
void net_free(struct net *n);

/* A host with its loopback interface. name is copied. -EEXIST, -ENOMEM */
int net_add_host(struct net *n, const char *name, struct net_host **ret);
struct stack *net_stack(struct net_host *h);
struct net_host *net_host_of(struct stack *s);

/* Links. MAC addresses come from the seed. */
int net_add_pair(struct net *n, const char *name, struct net_link **ret);
int net_add_switch(struct net *n, const char *name, struct net_link **ret);
/* Joins two switches (or is what a trunk needs): a pair whose ends are switch ports. */
int net_join_switches(struct net *n, const char *name, struct net_link *a, struct net_link *b, struct net_link **ret);
/* Plugs a new Ethernet interface of h into l. -EBUSY when a pair has both ends. */
int net_attach(struct net *n, struct net_link *l, struct net_host *h, const char *ifname, uint32_t mtu_bytes, struct netif **ret);
struct net_link *net_find_link(struct net *n, const char *name);    /* by name; a host's port on a switch is a link too, "h1--s1" */

/* Impairment of one direction: what leaves `from` (netif), or both with NULL. Copies i. Takes effect for the next frame; what is queued stays,
 * in the new discipline's queue when that changes. -EINVAL, -ENOMEM: on a switch or both ways, some directions may have it then. */
int net_impair(struct net_link *l, struct netif *from, const struct impairment *i);
const struct impairment *net_impairment(struct net_link *l, struct netif *from);
/* The other direction: what arrives at `to`. On a switch, NULL above means what enters it by any port that is plugged in now, so that a frame meets it once. */
int net_impair_in(struct net_link *l, struct netif *to, const struct impairment *i);
const struct impairment *net_impairment_in(struct net_link *l, struct netif *to);    /* NULL when `to` is not on l */

/* All links, loopbacks ("h1:lo") and hosts' ports on switches included, in order of creation: start with NULL. */
struct net_link *net_link_next(struct net *n, struct net_link *after);
const char *net_link_name(const struct net_link *l);
bool net_link_is_switch(const struct net_link *l);
struct net_link *net_link_of(const struct netif *nif);             /* the cable that nif is plugged into; NULL when none */
/* The ends of a cable are 0 and 1 (a loopback has one, a switch none: its ports are the ends of cables). */
unsigned net_link_ends(const struct net_link *l);
struct netif *net_link_netif(const struct net_link *l, unsigned end);           /* plugged in there, or NULL */
struct net_link *net_link_switch(const struct net_link *l, unsigned end);       /* the switch there, or NULL */
size_t net_link_end_text(const struct net_link *l, unsigned end, char *buf, size_t size);   /* "h1:eth0", "s1", "-" */

/* What a direction did since the beginning; packets + duplicated = delivered + all dropped + those under way. */
struct link_counts {
	uint64_t packets, octets;                           /* that entered it */
	uint64_t delivered, delivered_octets;
	uint64_t duplicated, corrupted, reordered, marked;
	uint64_t dropped[DROP_COUNT];                       /* LINK_LOSS, LINK_QUEUE, LINK_AQM, LINK_DOWN, LINK_CUT, LINK_MTU, NO_MEMORY */
};
const struct link_counts *net_link_counts(const struct net_link *l, unsigned end);          /* of what leaves that end */
uint32_t net_link_waiting(const struct net_link *l, unsigned end);                          /* frames in its discipline's queue */

/* cut: frames between hosts of different sides are dropped (LINK_CUT), wherever they meet: sides is an array of n_hosts numbers by host index,
 * 0 = not part of the cut. heal removes all cuts. A second cut adds to the first. */
int net_cut(struct net *n, const uint8_t *sides, size_t n_hosts, uint32_t *ret_id);
/* The same in one direction: datagrams from a lower side to a higher one are dropped, those the other way pass. */
int net_cut_one_way(struct net *n, const uint8_t *sides, size_t n_hosts, uint32_t *ret_id);
void net_heal(struct net *n, uint32_t id);                          /* 0: all */
size_t net_host_count(const struct net *n);
struct net_host *net_host_at(struct net *n, size_t i);
size_t net_host_index(const struct net_host *h);

/* The host where a datagram of that flow, sent by s, comes out, when every link on its way has no impairment and nobody taps or cuts it; else NULL. */
struct net_host *net_clear_path(struct net *n, struct stack *s, const struct route_flow *f);

/* Time. advance delivers what is due and fires timers due by now, in order of time, at most `budget` events (0: no limit);
 * true when something due by now is left over. */
bool net_advance(struct net *n, time_ns now, unsigned budget);
time_ns net_deadline(const struct net *n);
/* After calling sock_* on a stack: its deadline may have changed. */
void net_touch(struct net *n, struct stack *s);
