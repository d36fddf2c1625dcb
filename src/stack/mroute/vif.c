/* The interfaces of a table, by the numbers that the daemon gave them. */
#include <errno.h>
#include "stack/core/sysctl.h"
#include "stack/mroute/private.h"

static int *tables_with(struct netif *nif, bool v4) { return v4 ? &nif->conf.mc_forwarding : &nif->conf.mc_forwarding6; }

/* RFC 5771 §4: 224.0.0.0/24 is never forwarded. RFC 4291 §2.7: nor is what has interface-local or link-local scope. */
static bool stays_on_link(const struct addr *group)
{
	return addr_is_v4(group) ? addr_to_v4(group) >> 8 == 0xe00000 : (group->b[1] & 15) <= 2;
}

/* As Linux: IPv4's interfaces are asked one by one, IPv6's when there is a daemon at all. */
bool mroute_minds(const struct netif *nif, const struct addr *group)
{
	return (addr_is_v4(group) ? nif->conf.mc_forwarding != 0 : nif->stack->sysctl->all.mc_forwarding6 > 0) && !stays_on_link(group);
}

int mroute_vif_of(const struct mroute_table *t, const struct netif *nif)
{
	for (unsigned i = t->n_vifs; i-- > 0;)
		if (t->vifs[i].netif == nif) return (int)i;
	return -1;
}

static int device_of(struct mroute_table *t, const struct mroute_vif_want *want, struct netif **ret)
{
	struct netif *nif = want->netif;

	if (want->registers && t->register_vif >= 0) return -EADDRINUSE;
	if (want->registers && !(nif = mroute_register_make(t))) return -ENOBUFS;
	if (!nif) return -EADDRNOTAVAIL;
	*ret = nif;
	return 0;
}

int mroute_vif_add(struct mroute_table *t, const struct mroute_vif_want *want, bool by_daemon)
{
	struct mroute_vif *v = &t->vifs[want->number];
	struct netif *nif;
	int r = v->netif ? -EADDRINUSE : device_of(t, want, &nif);

	if (r < 0) return r;
	*v = (struct mroute_vif){.netif = nif, .flags = want->flags, .fixed = !by_daemon, .local = want->local, .remote = want->remote};
	if (want->registers) t->register_vif = (int)want->number;
	t->n_vifs = MAX(t->n_vifs, want->number + 1);
	++*tables_with(nif, t->v4);
	return 0;
}

static void forget(struct mroute_table *t, unsigned number)
{
	--*tables_with(t->vifs[number].netif, t->v4);
	t->vifs[number] = (struct mroute_vif){0};
	if (t->register_vif == (int)number) t->register_vif = -1;
	while (t->n_vifs && !t->vifs[t->n_vifs - 1].netif) t->n_vifs--;
}

int mroute_vif_del(struct mroute_table *t, unsigned number)
{
	bool made = t->register_vif == (int)number;
	struct netif *nif;

	if (!mroute_vif_exists(t, number)) return -EADDRNOTAVAIL;
	nif = t->vifs[number].netif;
	forget(t, number);
	if (made) netif_remove(nif);
	return 0;
}

void mroute_netif_gone(struct netif *nif)
{
	for (int v4 = 0; v4 < 2; v4++)
		list_each(struct mroute_table, t, mroute_tables(nif->stack, v4), node)
			for (int i; (i = mroute_vif_of(t, nif)) >= 0;) forget(t, (unsigned)i);
}
