/* RTM_SETLINK, and RTM_NEWLINK of an interface that is there: `ip link set`. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

int nl_link_parse(const struct stack *s, const struct nl_request *q, struct ifinfomsg *ret, struct nl_attr *tb)
{
	nl_header(q, ret, sizeof *ret);
	return nl_parse(s, q, sizeof *ret, nl_link_policy, IFLA_MAX + 1, tb);
}

int nl_link_refuse(const struct stack *s, const struct nl_attr *tb)
{
	static const uint16_t refused[] = {IFLA_MAP, IFLA_PROTINFO, IFLA_NET_NS_PID, IFLA_NET_NS_FD, IFLA_XDP, IFLA_VFINFO_LIST, IFLA_VF_PORTS,
					   IFLA_AF_SPEC, IFLA_PROTO_DOWN, IFLA_CARRIER, IFLA_OPERSTATE, IFLA_LINKMODE, IFLA_BROADCAST};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (tb[refused[i]].at) return nl_refuse_attr(s, &tb[refused[i]], -EOPNOTSUPP, "This attribute is not supported");
	/* There is nothing that could be a master; none is what every interface has. */
	if (tb[IFLA_MASTER].at && nl_u32(&tb[IFLA_MASTER])) return netif_by_index(s, (int)nl_u32(&tb[IFLA_MASTER])) ? -EOPNOTSUPP : -EINVAL;
	return 0;
}

static int set_address(struct netif *nif, const struct nl_attr *a)
{
	struct mac mac;

	if (nif->kind != NETIF_ETHERNET) return -EOPNOTSUPP;
	if (a->len < sizeof mac) return -EINVAL;
	memcpy(mac.b, a->at, sizeof mac.b);
	return netif_set_mac(nif, &mac);
}

static int set_alias(struct netif *nif, const struct nl_attr *a)
{
	return a->len > NETIF_ALIAS_MAX ? -EINVAL : netif_set_alias(nif, (const char *)a->at, strnlen((const char *)a->at, a->len));
}

static int set_name(struct netif *nif, const struct nl_attr *a)
{
	char name[IFNAMSIZ];

	nl_text(a, name, sizeof name);
	return name[0] ? netif_set_name(nif, name) : 0;
}

static int set_flags(struct netif *nif, const struct ifinfomsg *h)
{
	uint32_t mask = h->ifi_change ? h->ifi_change : UINT32_MAX;

	return netif_set_flags(nif, (nif->flags & ~mask) | (h->ifi_flags & mask));
}

int nl_link_apply(struct stack *s, struct netif *nif, const struct ifinfomsg *h, const struct nl_attr *tb)
{
	int err = nl_link_refuse(s, tb);

	if (err == 0 && tb[IFLA_ADDRESS].at) err = set_address(nif, &tb[IFLA_ADDRESS]);
	if (err == 0 && tb[IFLA_MTU].at) err = netif_set_mtu(nif, nl_u32(&tb[IFLA_MTU]));
	if (err == 0 && tb[IFLA_GROUP].at) netif_set_group(nif, nl_u32(&tb[IFLA_GROUP]));
	if (err == 0 && tb[IFLA_IFNAME].at) err = set_name(nif, &tb[IFLA_IFNAME]);
	if (err == 0 && tb[IFLA_IFALIAS].at) err = set_alias(nif, &tb[IFLA_IFALIAS]);
	if (err == 0 && (h->ifi_flags || h->ifi_change)) err = set_flags(nif, h);
	if (err == 0 && tb[IFLA_TXQLEN].at) err = netif_set_txqlen(nif, nl_u32(&tb[IFLA_TXQLEN]));
	return err;
}

int nl_link_find(const struct stack *s, const struct ifinfomsg *h, const struct nl_attr *tb, struct netif **ret)
{
	const struct nl_attr *a = tb[IFLA_IFNAME].at ? &tb[IFLA_IFNAME] : &tb[IFLA_ALT_IFNAME];
	char name[NETIF_ALTNAME_MAX + 1];
	struct netif *nif;

	if (h->ifi_index <= 0 && !a->at) return -EINVAL;
	if (h->ifi_index <= 0) nl_text(a, name, sizeof name);
	nif = h->ifi_index > 0 ? netif_by_index(s, h->ifi_index) : netif_by_name(s, name);
	if (!nif) return -ENODEV;
	*ret = nif;
	return 0;
}

int nl_link_set(struct stack *s, const struct nl_request *q)
{
	struct nl_attr tb[IFLA_MAX + 1];
	struct ifinfomsg h;
	struct netif *nif;
	int err = nl_link_parse(s, q, &h, tb);

	if (err == 0) err = nl_link_find(s, &h, tb, &nif);
	return err < 0 ? err : nl_link_apply(s, nif, &h, tb);
}
