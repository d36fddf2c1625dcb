/* Multicast membership of interfaces: mcast.h says who is a member without asking. */
#include "stack/inet/mcast.h"
#include <errno.h>
#include <stdlib.h>
#include <netinet/in.h>
#include "stack/core/sysctl.h"

#define GROUPS_MAX 1024           /* per interface: sockets have limits of their own, this one bounds memory */

static struct netif_group *find(const struct netif *nif, const struct addr *group, size_t *ret_count)
{
	size_t n = 0;

	list_each(struct netif_group, g, &nif->groups, node) {
		if (addr_eq(&g->group, group)) return g;
		n++;
	}
	*ret_count = n;
	return NULL;
}

int netif_group_join(struct netif *nif, const struct addr *group)
{
	size_t count;
	struct netif_group *g;

	if (!addr_is_multicast(group)) return -EINVAL;
	g = find(nif, group, &count);
	if (!g) {
		if (count >= GROUPS_MAX) return -ENOBUFS;
		g = calloc(1, sizeof *g);
		if (!g) return -ENOMEM;
		g->group = *group;
		list_append(&nif->groups, &g->node);
	}
	g->refs++;
	return 0;
}

int netif_group_leave(struct netif *nif, const struct addr *group)
{
	size_t count;
	struct netif_group *g = find(nif, group, &count);

	if (!g) return -EADDRNOTAVAIL;
	if (--g->refs > 0) return 0;
	list_remove(&g->node);
	free(g);
	return 0;
}

void netif_group_flush(struct netif *nif)
{
	while (!list_empty(&nif->groups))
		free(list_entry(list_pop(&nif->groups), struct netif_group, node));
}

static bool is_node_group(const struct netif *nif, const struct addr *group)
{
	static const uint8_t all_nodes[2][16] = {{0xff, 1, [15] = 1}, {0xff, 2, [15] = 1}};
	static const uint8_t all_routers[3][16] = {{0xff, 1, [15] = 2}, {0xff, 2, [15] = 2}, {0xff, 5, [15] = 2}};

	if (addr_is_v4(group)) return addr_to_v4(group) == INADDR_ALLHOSTS_GROUP;
	for (size_t i = 0; i < ARRAY_SIZE(all_nodes); i++)
		if (memcmp(group->b, all_nodes[i], 16) == 0) return true;
	for (size_t i = 0; i < ARRAY_SIZE(all_routers); i++)
		if (memcmp(group->b, all_routers[i], 16) == 0) return nif->stack->sysctl->ip6_forward;
	list_each(const struct netif_addr, ia, &nif->addrs, node) {
		struct addr sn;
		if (addr_is_v4(&ia->addr)) continue;
		sn = addr_solicited_node(&ia->addr);
		if (addr_eq(&sn, group)) return true;
	}
	return false;
}

bool netif_group_has(const struct netif *nif, const struct addr *group)
{
	size_t count;

	return find(nif, group, &count) || is_node_group(nif, group);
}
