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
#include "stack/core/netif.h"
#include "stack/core/stack.h"

struct net;
struct net_host;   /* a stack in the net */
struct net_link;   /* pair or switch */

struct net_ops {
	void (*ready)(void *user, struct sock *sk);                                    /* as host_ops.ready */
	/* Every frame on a link end; dropped != DROP_NONE says why it went no further. NULL allowed. */
	void (*tap)(void *user, struct net_link *l, struct netif *nif, const struct packet *p, bool sent, enum drop_reason dropped);
};

struct net *net_new(uint64_t seed, const struct net_ops *ops, void *user, time_ns now);
void net_free(struct net *n);

/* A host with its loopback interface. name is copied. -EEXIST, -ENOMEM */
int net_add_host(struct net *n, const char *name, struct net_host **ret);
struct stack *net_stack(struct net_host *h);
struct net_host *net_host_of(struct stack *s);
struct net_host *net_find_host(struct net *n, const char *name);

/* Links. MAC addresses come from the seed. */
int net_add_pair(struct net *n, const char *name, struct net_link **ret);
int net_add_switch(struct net *n, const char *name, struct net_link **ret);
/* Joins two switches (or is what a trunk needs): a pair whose ends are switch ports. */
int net_join_switches(struct net *n, const char *name, struct net_link *a, struct net_link *b, struct net_link **ret);
/* Plugs a new Ethernet interface of h into l. -EBUSY when a pair has both ends. */
int net_attach(struct net *n, struct net_link *l, struct net_host *h, const char *ifname, uint32_t mtu_bytes, struct netif **ret);
struct net_link *net_find_link(struct net *n, const char *name);    /* by name; a host's port on a switch is a link too, "h1--s1" */

/* Impairment of one direction: what leaves `from` (netif), or both with NULL. Copies i. Takes effect for the next frame; what is queued stays. */
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

/* cut: frames between hosts of different sides are dropped (LINK_CUT), wherever they meet: sides is an array of n_hosts numbers by host index,
 * 0 = not part of the cut. heal removes all cuts. A second cut adds to the first. */
int net_cut(struct net *n, const uint8_t *sides, size_t n_hosts, uint32_t *ret_id);
void net_heal(struct net *n, uint32_t id);                          /* 0: all */
size_t net_host_count(const struct net *n);
struct net_host *net_host_at(struct net *n, size_t i);
size_t net_host_index(const struct net_host *h);

/* Time. advance delivers what is due and fires timers due by now, in order of time, at most `budget` events (0: no limit);
 * true when something due by now is left over. */
bool net_advance(struct net *n, time_ns now, unsigned budget);
time_ns net_deadline(const struct net *n);
/* After calling sock_* on a stack: its deadline may have changed. */
void net_touch(struct net *n, struct stack *s);
