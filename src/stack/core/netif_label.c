/* What an interface is called and what is kept of it for programs: its name, alias, group, the length of its queue. */
#include <errno.h>
#include <linux/if.h>
#include <stdio.h>
#include <stdlib.h>
#include "stack/core/netif.h"
#include "stack/netlink/notify.h"

#define NUMBERS_MAX 2048                   /* in names: more interfaces than a host may have */

static bool name_is_valid(const char *name)
{
	if (!name[0] || strlen(name) >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || *name == ' ' || (*name >= '\t' && *name <= '\r')) return false;
	return true;
}

int netif_name_choose(const struct stack *s, const char *wanted, char ret[16])
{
	const char *percent = strchr(wanted, '%');
	char name[16] = "";

	if (!name_is_valid(wanted) || (percent && (percent[1] != 'd' || strchr(percent + 2, '%')))) return -EINVAL;
	if (!percent && netif_by_name(s, wanted)) return -EEXIST;
	for (unsigned i = 0; i <= NUMBERS_MAX; i++) {
		snprintf(name, sizeof name, "%s", wanted);
		if (percent) snprintf(name + (percent - wanted), sizeof name - (size_t)(percent - wanted), "%u%s", i, percent + 2);
		if (netif_by_name(s, name)) continue;
		memcpy(ret, name, sizeof name);
		return 0;
	}
	return -ENFILE;
}

int netif_set_name(struct netif *nif, const char *wanted)
{
	char name[16];
	int err;

	if (strcmp(nif->name, wanted) == 0) return 0;
	err = netif_name_choose(nif->stack, wanted, name);
	if (err < 0) return err;
	/* As Linux: a label that is the name alone follows it. */
	list_each(struct netif_addr, ia, &nif->addrs, node)
		if (strcmp(ia->label, nif->name) == 0) memcpy(ia->label, name, sizeof ia->label);
	memcpy(nif->name, name, sizeof nif->name);
	/* As Linux: its settings are files of that name, which go and come again. */
	netlink_tell_netconfs(nif, true, true);
	netlink_tell_link(nif, false, 0);
	return 0;
}

int netif_set_alias(struct netif *nif, const char *text, size_t len)
{
	char *copy = NULL;

	if (len > NETIF_ALIAS_MAX) return -EINVAL;
	if (len) {
		copy = calloc(1, len + 1);
		if (!copy) return -ENOMEM;
		memcpy(copy, text, len);
	}
	free(nif->alias);
	nif->alias = copy;
	netlink_tell_link(nif, false, 0);
	return 0;
}

int netif_set_txqlen(struct netif *nif, uint32_t len)
{
	if (len > INT32_MAX) return -ERANGE;
	if ((uint32_t)nif->txqlen == len) return 0;
	nif->txqlen = (int)len;
	netlink_tell_link(nif, false, 0);
	return 0;
}

void netif_set_group(struct netif *nif, uint32_t group)
{
	if (nif->group == group) return;
	nif->group = group;
	netlink_tell_link(nif, false, 0);
}
