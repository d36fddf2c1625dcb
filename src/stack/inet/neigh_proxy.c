/* Addresses that we answer for on a link though they are elsewhere: `ip neigh add proxy`, `arp -s … pub`. arp.c asks. */
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/inet_private.h"

static struct neigh_proxy *find(const struct netif *nif, const struct addr *a)
{
	list_each(struct neigh_proxy, x, &nif->stack->inet->neigh.proxies, node)
		if (x->netif == nif && addr_eq(&x->addr, a)) return x;
	return NULL;
}

int neigh_proxy_add(struct netif *nif, const struct addr *a)
{
	struct neigh_table *t = &nif->stack->inet->neigh;
	struct neigh_proxy *x;

	if (find(nif, a)) return 0;
	if (t->n_proxies >= NEIGH_MAX) return -ENOBUFS;
	x = malloc(sizeof *x);
	if (!x) return -ENOMEM;
	x->netif = nif;
	x->addr = *a;
	list_append(&t->proxies, &x->node);
	t->n_proxies++;
	return 0;
}

bool neigh_proxy_del(struct netif *nif, const struct addr *a)
{
	struct neigh_proxy *x = find(nif, a);

	if (!x) return false;
	list_remove(&x->node);
	nif->stack->inet->neigh.n_proxies--;
	free(x);
	return true;
}

bool neigh_is_proxied(const struct netif *nif, const struct addr *a) { return find(nif, a); }
