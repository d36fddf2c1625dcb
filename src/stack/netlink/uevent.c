/*
 * NETLINK_KOBJECT_UEVENT: what happened to devices, as udev and its like want to know. A message is no netlink message, but texts, each with its NUL:
 *
 *     add@/devices/virtual/net/eth1 | ACTION=add | DEVPATH=… | SUBSYSTEM=net | INTERFACE=eth1 | IFINDEX=3 | SEQNUM=12
 */
#include <stdio.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

#define UEVENT_MAX 512
#define UEVENT_GROUP 1

void netlink_uevent(const struct netif *nif, const char *action)
{
	struct netlink *nl = nif->stack->netlink;
	static const struct nl_origin stack = {.group = UEVENT_GROUP};
	char text[UEVENT_MAX];
	int n;

	if (!nl) return;
	n = snprintf(text, sizeof text,
		     "%s@/devices/virtual/net/%s%cACTION=%s%cDEVPATH=/devices/virtual/net/%s%cSUBSYSTEM=net%cINTERFACE=%s%cIFINDEX=%d%cSEQNUM=%llu", action,
		     nif->name, 0, action, 0, nif->name, 0, 0, nif->name, 0, nif->index, 0, (unsigned long long)++nl->uevents);
	list_each(struct netlink_sock, ns, &nl->socks, node)
		if (ns->sk.protocol == NETLINK_KOBJECT_UEVENT) nl_broadcast_to(ns, &stack, text, (size_t)n + 1);
}
