/*
 * Multicast membership of an interface: which groups it listens to, from which sources, and what it tells the routers of the link about that.
 *
 *     sockets' memberships (membership.c) -> mcast.c: the state of each group -> mcast_report.c: reports (IGMPv3, MLDv2)
 *     queries of routers -------------------------------> mcast_query.c ----------^
 *
 * All-nodes (224.0.0.1, ff01::1, ff02::1), all-routers on a forwarding host, and the solicited-node groups of the interface's own addresses (RFC 4291
 * §2.8) are members without an entry; the last are told of when a router asks, and else not: nothing here snoops.
 *
 * Read first: RFC 3376, RFC 3810.
 */
#pragma once
#include "stack/core/netif.h"
#include "stack/inet/sources.h"

/* One who wants a group: from all sources but those of the list (exclude), or from those only. */
struct mcast_member { struct list of_group; bool exclude; struct sources sources; };

struct netif_group {
	struct list node;                 /* netif.groups */
	struct netif *netif;
	struct addr group;
	struct list members;              /* struct mcast_member */
	bool exclude;                     /* the state of them all together (RFC 3376 §3.2): */
	struct sources sources;
	/* State-change reports still to be sent again (RFC 3376 §5.1). */
	struct timer change_timer;
	unsigned change_left;
	bool change_mode;                 /* the mode changed: the whole state is told; else these: */
	struct sources allow, block;
	/* An answer to a query that is due. */
	struct timer answer_timer;
	bool answer_all;                  /* the whole state; else about these sources */
	struct sources asked;
	bool last_reporter;               /* in the old versions: we were the last to answer, so we are the one to say goodbye */
};

/* 0, -EINVAL (no multicast address), -ENOMEM, -ENOBUFS (too many). */
int netif_group_join(struct netif *nif, const struct addr *group, struct mcast_member *m);
void netif_group_leave(struct netif *nif, const struct addr *group, struct mcast_member *m);
void netif_group_changed(struct netif *nif, const struct addr *group);   /* a member has changed what it wants */
void netif_group_flush(struct netif *nif);                                /* forgets them all, in silence */
bool netif_group_has(const struct netif *nif, const struct addr *group);

/* ---- mcast_report.c ---- */
/* What g wants was (was_exclude, was) before and is in g now: tells the routers. */
void mcast_report_change(struct netif_group *g, bool was_exclude, const struct sources *was);
void mcast_report_leave(struct netif_group *g);                           /* nobody wants it any more; g is about to go */
void mcast_report_all(struct netif *nif, bool v4);                        /* answers a general query */
void mcast_group_init(struct netif_group *g);
void mcast_group_end(struct netif_group *g);
bool mcast_is_reported(const struct netif *nif, const struct addr *group); /* routers are told about it (RFC 3376 §5, RFC 3810 §6) */
/* The interface talks an older version with the routers that it hears: 1 or 2 for IGMP, 1 for MLD; 0: it does not. */
unsigned mcast_old_version(const struct netif *nif, bool v4);
/* ---- mcast_query.c ---- */
void mld_receive(struct stack *s, struct packet *p);                      /* takes p, data = ICMPv6, checksum verified */
void mcast_general_fire4(struct timer *t);                                /* netif.mcast's */
void mcast_general_fire6(struct timer *t);
