/* Multicast membership of interfaces: the state of each group, from what its members want. mcast.h says who is a member without asking. */
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

/*
 * RFC 3376 §3.2: one member that excludes makes the group exclude, what all that do so exclude, less what others include; else it includes what any
 * includes. Out of memory leaves too much in, which sockets filter again.
 */
static void combine(const struct netif_group *g, bool *ret_exclude, struct sources *ret)
{
	struct sources in = {0}, out = {0}, next;
	bool exclude = false;

	list_each(const struct mcast_member, m, &g->members, of_group) {
		struct sources *set = m->exclude ? &out : &in;
		int r = m->exclude && exclude ? sources_intersect(&next, &out, &m->sources) : sources_union(&next, set, &m->sources);
		if (r < 0) continue;
		sources_free(set);
		*set = next;
		exclude |= m->exclude;
	}
	*ret_exclude = exclude;
	*ret = exclude ? (struct sources){0} : in;
	if (!exclude) return;
	(void)sources_minus(ret, &out, &in);
	sources_free(&in);
	sources_free(&out);
}

static void refresh(struct netif_group *g)
{
	bool was_exclude = g->exclude;
	struct sources was = g->sources;

	combine(g, &g->exclude, &g->sources);
	if (was_exclude != g->exclude || !sources_eq(&was, &g->sources)) mcast_report_change(g, was_exclude, &was);
	sources_free(&was);
}

static struct netif_group *group_new(struct netif *nif, const struct addr *group)
{
	struct netif_group *g = calloc(1, sizeof *g);

	if (!g) return NULL;
	g->netif = nif;
	g->group = *group;
	list_init(&g->members);
	mcast_group_init(g);
	list_append(&nif->groups, &g->node);
	return g;
}

static void group_free(struct netif_group *g)
{
	mcast_group_end(g);
	while (!list_empty(&g->members))
		list_pop(&g->members);
	sources_free(&g->sources);
	list_remove(&g->node);
	free(g);
}

int netif_group_join(struct netif *nif, const struct addr *group, struct mcast_member *m)
{
	size_t count;
	struct netif_group *g;

	if (!addr_is_multicast(group)) return -EINVAL;
	g = find(nif, group, &count);
	if (!g && count >= GROUPS_MAX) return -ENOBUFS;
	if (!g) g = group_new(nif, group);
	if (!g) return -ENOMEM;
	list_append(&g->members, &m->of_group);
	refresh(g);
	return 0;
}

void netif_group_leave(struct netif *nif, const struct addr *group, struct mcast_member *m)
{
	size_t count;
	struct netif_group *g = find(nif, group, &count);

	list_remove(&m->of_group);        /* the interface may have forgotten its groups already */
	if (!g) return;
	if (!list_empty(&g->members)) {
		refresh(g);
		return;
	}
	mcast_report_leave(g);
	group_free(g);
}

void netif_group_changed(struct netif *nif, const struct addr *group)
{
	size_t count;
	struct netif_group *g = find(nif, group, &count);

	if (g) refresh(g);
}

void netif_group_flush(struct netif *nif)
{
	timer_clear(nif->stack, &nif->mcast.general4);
	timer_clear(nif->stack, &nif->mcast.general6);
	while (!list_empty(&nif->groups))
		group_free(list_first(&nif->groups, struct netif_group, node));
}

static bool is_node_group(const struct netif *nif, const struct addr *group)
{
	static const uint8_t all_nodes[2][16] = {{0xff, 1, [15] = 1}, {0xff, 2, [15] = 1}};
	/* RFC 4861 §6.2.2: as long as it forwards. */
	static const uint8_t all_routers[3][16] = {{0xff, 1, [15] = 2}, {0xff, 2, [15] = 2}, {0xff, 5, [15] = 2}};

	if (addr_is_v4(group)) return addr_to_v4(group) == INADDR_ALLHOSTS_GROUP;
	for (size_t i = 0; i < ARRAY_SIZE(all_nodes); i++)
		if (memcmp(group->b, all_nodes[i], 16) == 0) return true;
	for (size_t i = 0; i < ARRAY_SIZE(all_routers); i++)
		if (memcmp(group->b, all_routers[i], 16) == 0) return nif->conf.forwarding6 != 0;
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
