/*
 * What the rest of the stack tells AF_NETLINK: what has changed, for those who listen to its groups (`ip monitor`), and why a request is refused. Each
 * change also tells the host, whose ways may depend on it (host_ops.changed).
 */
#pragma once
#include "stack/core/stack.h"

struct mroute_entry;
struct mroute_table;
struct neigh;
struct netif;
struct netif_addr;
struct route;
struct rule;

void netlink_tell_link(const struct netif *nif, bool gone, uint32_t change);         /* change: the IFF_* that did */
void netlink_tell_addr(const struct netif_addr *ia, bool gone);
void netlink_tell_route(struct stack *s, const struct route *r, uint16_t type, uint16_t flags);    /* RTM_NEWROUTE or _DELROUTE; NLM_F_* of the event */
void netlink_tell_rule(struct stack *s, const struct rule *r, bool gone);
struct netconf;
/* One of the settings that say how an interface forwards, by NETCONFA_*; index as there. And all of an interface: what went, and what is there now. */
void netlink_tell_netconf(struct stack *s, bool v4, int index, const struct netconf *c, int what);
void netlink_tell_netconfs(const struct netif *nif, bool went, bool is);
void netlink_tell_neigh(const struct neigh *n, bool gone);
void netlink_tell_mroute(const struct mroute_table *t, const struct mroute_entry *e, uint16_t type);   /* RTM_NEWROUTE, RTM_DELROUTE */
struct packet;
void netlink_tell_mroute_upcall(const struct mroute_table *t, const struct packet *message, unsigned vif, uint8_t type);

/* Gives err back. The request at hand, if there is one, is answered with this text, too (NETLINK_EXT_ACK). */
int netlink_refuse(const struct stack *s, int err, const char *text);
