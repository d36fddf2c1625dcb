/* Alternative names of interfaces: any number of them, longer than an interface's own, by which it is found as well (ip link property). */
#include <errno.h>
#include <stdlib.h>
#include "stack/core/netif.h"
#include "stack/netlink/notify.h"

struct altname { struct list node; char name[]; };

static struct altname *find(const struct netif *nif, const char *name)
{
	list_each(struct altname, a, &nif->altnames, node)
		if (strcmp(a->name, name) == 0) return a;
	return NULL;
}

bool netif_has_altname(const struct netif *nif, const char *name) { return find(nif, name); }

const char *netif_altname(const struct netif *nif, size_t i)
{
	list_each(struct altname, a, &nif->altnames, node)
		if (i-- == 0) return a->name;
	return NULL;
}

int netif_altname_add(struct netif *nif, const char *name)
{
	size_t size = strlen(name) + 1;
	struct altname *a;

	if (netif_by_name(nif->stack, name)) return -EEXIST;
	a = malloc(sizeof *a + size);
	if (!a) return -ENOMEM;
	memcpy(a->name, name, size);
	list_append(&nif->altnames, &a->node);
	return 0;
}

int netif_altname_del(struct netif *nif, const char *name)
{
	struct netif *whose = netif_by_name(nif->stack, name);
	struct altname *a = find(nif, name);

	if (!whose) return -ENOENT;
	if (!a) return -EINVAL;
	list_remove(&a->node);
	free(a);
	return 0;
}

void netif_altnames_free(struct netif *nif)
{
	while (!list_empty(&nif->altnames))
		free(list_entry(list_pop(&nif->altnames), struct altname, node));
}
