/*
 * Reverse path filtering, as net.ipv4.conf.*.rp_filter says, the higher of all's and the interface's own:
 *
 *     1  strict   a datagram is taken only where an answer to its source would go out
 *     2  loose    … or where its source can be reached at all
 *
 * Read first: RFC 3704 §2, ip-sysctl.
 */
#include "stack/core/route.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"

#define STRICT 1

/* Of a route of several ways each will do. */
static bool leads_by(const struct route_hop *hop, const struct netif *nif)
{
	if (!hop->route->n_ways) return hop->netif == nif;
	for (uint32_t i = 0; i < hop->route->n_ways; i++)
		if (hop->route->ways[i].netif == nif) return true;
	return false;
}

static bool has_address4(const struct netif *nif)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (addr_is_v4(&ia->addr)) return true;
	return false;
}

bool rp_filter_refuses(struct stack *s, const struct packet *p)
{
	int mode = NETCONF_MAX(p->netif, rp_filter);
	struct route_flow back = {.dst = p->src, .src = addr_any4, .tos = p->tos};
	struct route_hop hop;

	/* From nobody: BOOTP's, which is_martian() has looked at. What is our own never came by a way. */
	if (mode <= 0 || p->netif->kind == NETIF_LOOPBACK || p->looped || addr_is_any(&p->src)) return false;
	if (route_find(s, &back, &hop) < 0 || !hop.route || hop.local || hop.broadcast) return true;
	if (leads_by(&hop, p->netif)) return false;
	return mode == STRICT || !has_address4(p->netif);
}
