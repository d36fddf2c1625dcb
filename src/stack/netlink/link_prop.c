/* RTM_NEWLINKPROP, RTM_DELLINKPROP: `ip link property`: the alternative names of an interface. */
#include <errno.h>
#include <linux/if_link.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

#define NAMES_MOST 16             /* that one message holds; Linux has room for some 480 */

typedef int change(struct netif *, const char *name);

/* Each in turn, up to the first that is refused. */
static int each_name(struct netif *nif, const struct nl_attr *list, change *one, bool *ret_changed)
{
	struct nl_step step = {list->at, list->len};
	struct nl_attr a;
	uint16_t type;
	int err = 0;

	while (err == 0 && nl_next(&step, &type, &a)) {
		char name[NETIF_ALTNAME_MAX + 1];
		if (type != IFLA_ALT_IFNAME) continue;
		if (a.len == 0 || strnlen((const char *)a.at, a.len) > NETIF_ALTNAME_MAX) return -ERANGE;
		if (one == netif_altname_add && netif_altname(nif, NAMES_MOST - 1))
			return netlink_refuse(nif->stack, -EINVAL, "effective property list too long");
		nl_text(&a, name, sizeof name);
		err = one(nif, name);
		*ret_changed |= err == 0;
	}
	return err;
}

static int serve(struct stack *s, const struct nl_request *q, change *one)
{
	struct nl_attr tb[IFLA_MAX + 1];
	struct ifinfomsg h;
	struct netif *nif;
	bool changed = false;
	int err = nl_link_parse(s, q, &h, tb);

	if (err == 0) err = nl_link_find(s, &h, tb, &nif);
	if (err == 0 && tb[IFLA_PROP_LIST].at) err = each_name(nif, &tb[IFLA_PROP_LIST], one, &changed);
	if (changed) netlink_tell_link(nif, false, 0);
	return err;
}

static int make(struct stack *s, const struct nl_request *q) { return serve(s, q, netif_altname_add); }
static int del(struct stack *s, const struct nl_request *q) { return serve(s, q, netif_altname_del); }

const struct nl_kind nl_link_prop = {.get = RTM_GETLINKPROP, .make = make, .del = del};
