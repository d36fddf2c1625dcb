/*
 * Multicast membership of an interface: which groups it listens to. Sockets join through here, a group counts them.
 * All-nodes (224.0.0.1, ff01::1, ff02::1), all-routers on a forwarding host, and the solicited-node groups of the
 * interface's own addresses (RFC 4291 §2.8) are members without an entry.
 */
#pragma once
#include "stack/core/netif.h"

struct netif_group {
	struct list node;                 /* netif.groups */
	struct addr group;
	int refs;
};

int netif_group_join(struct netif *nif, const struct addr *group);    /* 0, -EINVAL (no multicast address), -ENOMEM, -ENOBUFS (too many) */
int netif_group_leave(struct netif *nif, const struct addr *group);   /* 0, -EADDRNOTAVAIL */
void netif_group_flush(struct netif *nif);                            /* forgets them all */
bool netif_group_has(const struct netif *nif, const struct addr *group);
