/*
 * The inside of a network: cables and switches, and one queue of events in order of time.
 *
 *     netif ══ port ──────cable────── port ══ netif           a pair
 *     netif ══ port ──────cable────── port ══ switch          a host's link to a switch, "h1--s1"
 *     switch ══ port ─────cable────── port ══ switch          a trunk
 *     netif ══ port ──╮                                       loopback: the port is its own peer
 *                ╰────╯
 *
 * All that is not a switch is a cable with two ports; a direction is named by the port it leaves and keeps its state there.
 */
#pragma once
#include "base/hash.h"
#include "base/heap.h"
#include "base/random.h"
#include "link/net.h"

/* Something due: a frame that arrives, or a stack whose timer fires. */
struct event { struct heap_node node; void (*fire)(struct net *, struct event *); };

struct net_host {
	struct net *net;
	struct stack *stack;
	size_t index;
	struct event deadline;          /* in the queue while the stack has a timer set */
	struct random random;
};

/* The draw before, for those that depend on it. */
struct draws { bool any; double last; };

/* What the direction that begins at a port has behind it. */
struct direction {
	struct impairment impairment;
	struct random random;
	time_ns last_due;               /* when the last frame that is queued (or was) arrives */
	uint32_t queued;                /* frames under way */
	uint8_t chain_state;            /* of a loss model with a memory, 0 at first */
	uint32_t since_reorder;         /* frames since the last one that was sent at once */
	struct draws of_delay, of_loss, of_duplicate, of_corrupt, of_reorder;
	struct link_counts counts;
	struct queue *queue;            /* in front of the wire, queue.h; NULL: netem's own */
	struct event wire_free;         /* due while a frame of the queue is leaving */
};

/* What becomes of a frame that is not dropped: when it arrives, whether a copy follows it, which bit is flipped. Where it `waits` a queue decides when. */
struct fate { time_ns due; bool duplicate, corrupt, reordered, waits; uint32_t bit; };

/* A frame under way: it waits in its direction's queue, where there is one, and then for the time at which it arrives. */
struct transit {
	struct event event;
	struct list node;               /* in a queue */
	struct port *from;
	struct net_host *sender;
	struct packet *p;
	time_ns since;                  /* in the queue since then */
	unsigned did;                   /* FRAME_… */
};

struct port {
	struct net_link *cable;
	struct port *peer;
	struct netif *nif;              /* plugged in here: an interface of host … */
	struct net_host *host;
	struct net_link *sw;            /* … or a switch; neither: an end that hangs free */
	struct list sw_node;            /* in sw->ports */
	struct direction out;
};

struct net_link {
	struct list node;
	struct net *net;
	char *name;
	bool is_switch;
	struct port ends[2];            /* of a cable; loopback uses the first only */
	struct list ports;              /* of a switch: struct port.sw_node */
	struct hash macs;               /* of a switch: struct learnt */
	struct siphash_key secret;      /* of a switch */
	struct impairment impairment;   /* of a switch: as set last for all its ports */
	const struct net_host *made_for; /* a program of that host made it; NULL: it is the network's */
};

struct net {
	const struct net_ops *ops;
	void *user;
	uint64_t seed;
	time_ns now;
	struct heap events;
	struct net_host **hosts;
	size_t n_hosts, cap_hosts;
	struct list links, cuts;
	uint32_t last_cut;
};

/* net.c */
void net_host_touch(struct net_host *h);         /* the stack's deadline may have changed */

/* link.c */
int link_add_loopback(struct net_host *h);
void link_free(struct net_link *l);

/* made.c: what a stack tells of its interfaces (struct host_ops) */
void host_changed(void *host, struct netif *nif);
int host_join(void *host, struct netif *a, struct netif *b);
void host_part(void *host, struct netif *nif);
bool link_is_unplugged(const struct net_link *l);      /* of a pair that is gone */
void port_show_carriers(const struct port *port);     /* at both ends of its cable: the interfaces there see whether anybody is */

/* port.c: takes p, which sender put on the wire (or whose frame a switch passes on), and sends it off from port. */
void port_send(struct port *port, struct net_host *sender, struct packet *p);
void port_discard(struct port *at, struct packet *p, enum drop_reason why);   /* counts at the host next to it, frees */
enum drop_reason transit_start(struct transit *f, time_ns due);               /* takes f when DROP_NONE: it arrives at due */
void transit_drop(struct transit *f, enum drop_reason why, time_ns now);      /* one that waited */
void transit_show(const struct transit *f, enum drop_reason why, time_ns now);   /* the tap sees it leave, or not */
void transit_free(struct transit *f);

/* netem.c: what becomes of a frame of len octets that enters d now: DROP_NONE and its fate, or why it never arrives. A copy is not copied again. */
enum drop_reason netem_enqueue(struct direction *d, time_ns now, uint32_t len, bool is_copy, struct fate *ret);
time_ns netem_due(struct direction *d, time_ns now, uint32_t len, bool *ret_reordered);       /* of one that needs no queue */
time_ns netem_arrival(struct direction *d, time_ns sent, bool *ret_reordered);                /* of one that left the wire then */
time_ns netem_wire_time(const struct direction *d, uint32_t len);                             /* 0 without a rate */
void direction_set(struct direction *d, const struct impairment *i);

/* transmit.c: the queue of a direction and its wire */
int port_impair(struct port *port, const struct impairment *i);              /* -EINVAL, -ENOMEM */
enum drop_reason port_wait(struct port *port, struct transit *f, time_ns now);   /* takes f when DROP_NONE */
void port_clear(struct port *port);                                            /* frees the queue and what waits in it */

/* switch.c: takes p, which came in at port of a switch. */
void switch_forward(struct port *in, struct net_host *sender, struct packet *p);
void switch_free(struct net_link *sw);

/* cut.c */
/* src NULL: the hop alone. */
bool cut_parts(const struct net *n, const struct net_host *sender, const struct net_host *receiver, const struct addr *src, const struct addr *dst);
bool cut_blocks(const struct net *n, const struct net_host *sender, const struct net_host *receiver, const struct packet *p);
