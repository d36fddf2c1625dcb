/* What has changed, told to the members of a group in the words of a dump: notify.h. Nothing is written that nobody listens to. */
#include <linux/netconf.h>
#include "stack/core/netif.h"
#include "stack/core/rule.h"
#include "stack/inet/neigh.h"
#include "stack/mroute/mroute.h"
#include "stack/netlink/private.h"

int netlink_refuse(const struct stack *s, int err, const char *text)
{
	if (s->netlink && s->netlink->request) s->netlink->why = text;
	return err;
}

static bool listens(const struct netlink_sock *ns, unsigned group)
{
	return ns->protocol->number == NETLINK_ROUTE && ns->groups >> (group - 1) & 1;
}

/* NLM_F_ECHO: who asked wants to be told, whether it listens or not. */
static struct netlink_sock *echo_to(const struct stack *s)
{
	const struct netlink *nl = s->netlink;

	return nl->request && nl->request->h.nlmsg_flags & NLM_F_ECHO ? nl->asker : NULL;
}

void netlink_broadcast(const struct nl_writer *w)
{
	const struct nl_origin stack = {.group = w->group};
	struct netlink_sock *echo = w->pid && !w->no_echo ? echo_to(w->stack) : NULL;

	list_each(struct netlink_sock, ns, &w->stack->netlink->socks, node)
		if (ns != echo && listens(ns, w->group) && (!netlink_has_room(ns) || nl_queue_put(ns, &stack, w->datagram, w->used) < 0)) nl_queue_lost(ns);
	if (echo) netlink_enqueue(echo, w->datagram, w->used, false);
}

static bool has_listener(const struct stack *s, unsigned group)
{
	list_each(const struct netlink_sock, ns, &s->netlink->socks, node)
		if (listens(ns, group)) return true;
	return false;
}

/* A stack that begins or ends has nobody to tell. */
static bool begin(struct nl_writer *w, struct stack *s, unsigned group)
{
	if (!s->netlink || (!has_listener(s, group) && !echo_to(s))) return false;
	nl_writer_for_group(w, s, group);
	return true;
}

/* A request about this kind of object, by its RTM_NEW…, is served. */
static bool asked_for(const struct stack *s, uint16_t kind)
{
	const struct nl_request *q = s->netlink->request;

	return q && (q->h.nlmsg_type & ~3) == (kind & ~3);
}

void netlink_tell_link(const struct netif *nif, bool gone, uint32_t change)
{
	struct nl_writer w;

	stack_ways_changed(nif->stack, NULL);
	if (!begin(&w, nif->stack, RTNLGRP_LINK)) return;
	nl_write_link(&w, nif, gone ? RTM_DELLINK : RTM_NEWLINK, change);
	nl_flush(&w);
}

void netlink_tell_addr(const struct netif_addr *ia, bool gone)
{
	struct nl_writer w;

	stack_ways_changed(ia->netif->stack, NULL);
	if (!begin(&w, ia->netif->stack, addr_is_v4(&ia->addr) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR)) return;
	/* As Linux, which does not say who asked of IPv6. */
	if (!addr_is_v4(&ia->addr)) w.seq = w.pid = 0;
	nl_write_address(&w, ia, gone ? RTM_DELADDR : RTM_NEWADDR);
	nl_flush(&w);
}

void netlink_tell_route(struct stack *s, const struct route *r, uint16_t type, uint16_t flags)
{
	struct nl_writer w;

	stack_ways_changed(s, NULL);
	if (!begin(&w, s, addr_is_v4(&r->dst) ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE)) return;
	/* What comes of an address is nobody's request. */
	if (!asked_for(s, RTM_NEWROUTE)) w.seq = w.pid = 0;
	nl_write_route(&w, r, type, flags);
	nl_flush(&w);
}

void netlink_tell_rule(struct stack *s, const struct rule *r, bool gone)
{
	struct nl_writer w;

	stack_ways_changed(s, NULL);
	if (!begin(&w, s, r->v4 ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE)) return;
	nl_write_rule(&w, r, gone ? RTM_DELRULE : RTM_NEWRULE);
	nl_flush(&w);
}

void netlink_tell_mroute(const struct mroute_table *t, const struct mroute_entry *e, uint16_t type)
{
	struct nl_writer w;

	if (!begin(&w, t->stack, t->v4 ? RTNLGRP_IPV4_MROUTE : RTNLGRP_IPV6_MROUTE)) return;
	nl_write_mroute(&w, t, e, type);
	nl_flush(&w);
}

void netlink_tell_mroute_upcall(const struct mroute_table *t, const struct packet *message, unsigned vif, uint8_t type)
{
	struct nl_writer w;

	if (!begin(&w, t->stack, t->v4 ? RTNLGRP_IPV4_MROUTE_R : RTNLGRP_IPV6_MROUTE_R)) return;
	nl_write_mroute_upcall(&w, t, message, vif, type);
	nl_flush(&w);
}

/* c: NULL: what was there is gone. As Linux: nobody is said to have asked. */
void netlink_tell_netconf(struct stack *s, bool v4, int index, const struct netconf *c, int what)
{
	struct nl_writer w;

	if (!begin(&w, s, v4 ? RTNLGRP_IPV4_NETCONF : RTNLGRP_IPV6_NETCONF)) return;
	w.no_echo = true;
	w.seq = w.pid = 0;
	nl_write_netconf(&w, v4, index, c, what);
	nl_flush(&w);
}

void netlink_tell_netconfs(const struct netif *nif, bool went, bool is)
{
	for (int v4 = 1; v4 >= 0; v4--) {
		if (went) netlink_tell_netconf(nif->stack, v4, nif->index, NULL, NETCONFA_ALL);
		if (is) netlink_tell_netconf(nif->stack, v4, nif->index, &nif->conf, NETCONFA_ALL);
	}
}

/* Where a datagram goes does not depend on neighbours. */
void netlink_tell_neigh(const struct neigh *n, bool gone)
{
	struct nl_writer w;

	if (!begin(&w, n->stack, RTNLGRP_NEIGH)) return;
	/* As Linux: who asked is named, but not for what, and not of the end. */
	w.no_echo = true;
	w.seq = 0;
	if (gone) w.pid = 0;
	nl_write_neigh(&w, n, gone ? RTM_DELNEIGH : RTM_NEWNEIGH);
	nl_flush(&w);
}
