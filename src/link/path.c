/*
 * Where does a datagram come out, when its way is clear? Follows it as a frame would go, from route to route and through the switches between: every
 * direction of every cable on it must be without impairment, nobody may look on, and no cut may part any two hosts that it joins.
 */
#include "link/private.h"
#include "stack/core/route.h"
#include "stack/core/sysctl.h"
#include "stack/packet/tap.h"
#include <net/if.h>

#define HOPS_MAX 32
#define SWITCHES_MAX 32    /* one behind the other */

static bool port_is_clear(const struct port *port)
{
	const struct net *n = port->cable->net;
	return impair_is_clear(&port->out.impairment) && !(n->ops->watches && n->ops->watches(n->user, port->cable));
}

/* The host's port that a frame for `to`, sent from port, arrives at over clear cables only; NULL when there is none. */
static const struct port *clear_way(const struct port *port, const struct addr *to, unsigned depth)
{
	const struct port *far = port->peer;
	if (!port_is_clear(port) || depth > SWITCHES_MAX) return NULL;
	if (far->nif) return far->nif->flags & IFF_UP && netif_addr_find(far->nif->stack, to, far->nif) ? far : NULL;
	if (!far->sw) return NULL;
	list_each (struct port, out, &far->sw->ports, sw_node) {
		const struct port *found = out != far ? clear_way(out, to, depth + 1) : NULL;
		if (found) return found;
	}
	return NULL;
}

static bool forwards(const struct netif *in, const struct addr *dst)
{
	return addr_is_v4(dst) ? in->conf.forwarding : in->stack->sysctl->all.forwarding6;
}

struct net_host *net_clear_path(struct net *n, struct stack *s, const struct route_flow *flow)
{
	struct net_host *h = s->host;
	struct route_flow f = *flow;
	for (unsigned hops = 0; hops < HOPS_MAX; hops++) {
		struct route_hop hop;
		if (stack_is_watched(h->stack)) return NULL;
		/* Which datagrams a filter takes is for the stack to say. */
		if (hops > 0 && addr_is_v4(&f.dst) && NETCONF_MAX(f.iif, rp_filter) > 0) return NULL;
		if (hops > 0 && stack_is_local(h->stack, &f.dst)) return h;
		if (hops > 0 && !forwards(f.iif, &f.dst)) return NULL;
		if (route_find(h->stack, &f, &hop) < 0 || !hop.netif->link) return NULL;
		if (hop.local) return port_is_clear(hop.netif->link) && hop.netif->flags & IFF_UP ? h : NULL;
		const struct port *at = clear_way(hop.netif->link, &hop.nexthop, 0);
		if (!at || cut_parts(n, h, at->host, &f.src, &f.dst)) return NULL;
		h = at->host;
		/* A router sees what the datagram says of itself, and where it came in. */
		f.oif = NULL;
		f.iif = at->nif;
		f.mark = f.uid = 0;
	}
	return NULL;
}
