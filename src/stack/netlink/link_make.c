/*
 * RTM_NEWLINK and RTM_DELLINK: interfaces that programs make, `ip link add`, `del`. A row for each kind that there is. Others are refused as by a kernel
 * without their module.
 */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <stdio.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"
#include "stack/wireguard/wireguard.h"

#define MTU_DEFAULT 1500
#define MADE_MAX 1024             /* interfaces of a host that a program has made: memory of ours */

static const struct nl_policy info_policy[IFLA_INFO_MAX + 1] = {[IFLA_INFO_KIND] = {NL_TEXT, 55}, [IFLA_INFO_DATA] = {NL_NEST, 0}};
static const struct nl_policy veth_policy[VETH_INFO_MAX + 1] = {[VETH_INFO_PEER] = {NL_FIXED, sizeof(struct ifinfomsg)}};

struct order {
	struct ifinfomsg h;
	struct nl_attr tb[IFLA_MAX + 1], info[IFLA_INFO_MAX + 1];
};

/* ---- one interface ---- */

/* Locally administered, unicast. */
static struct mac mac_drawn(struct stack *s)
{
	struct mac m;

	s->ops->random(s->host, m.b, sizeof m.b);
	m.b[0] = (uint8_t)((m.b[0] & 0xfc) | 2);
	return m;
}

/* The name given, or the kind's with the first free number. */
static int choose_name(const struct stack *s, const struct nl_attr *given, const char *kind, char ret[IFNAMSIZ])
{
	char wanted[IFNAMSIZ];

	if (given->at) nl_text(given, wanted, sizeof wanted);
	else snprintf(wanted, sizeof wanted, "%s%%d", kind);
	return netif_name_choose(s, wanted, ret);
}

static bool is_full(const struct stack *s)
{
	unsigned n = 0;

	list_each(const struct netif, nif, &s->netifs, node)
		n += nif->made != NULL;
	return n >= MADE_MAX;
}

static int make_one(struct stack *s, const struct nl_attr *tb, const char *kind, struct netif **ret)
{
	struct mac mac = mac_drawn(s);
	uint32_t mtu = tb[IFLA_MTU].at ? nl_u32(&tb[IFLA_MTU]) : MTU_DEFAULT;
	char name[IFNAMSIZ];
	int err = choose_name(s, &tb[IFLA_IFNAME], kind, name);

	if (err < 0) return err;
	if (mtu < 68 || mtu > 65535) return netlink_refuse(s, -EINVAL, "Invalid MTU");
	if (is_full(s)) return -ENOBUFS;
	if (tb[IFLA_ADDRESS].at && tb[IFLA_ADDRESS].len < sizeof mac.b) return -EINVAL;
	if (tb[IFLA_ADDRESS].at) memcpy(mac.b, tb[IFLA_ADDRESS].at, sizeof mac.b);
	if (!netif_mac_ok(&mac)) return -EADDRNOTAVAIL;
	err = netif_make(s, name, NETIF_ETHERNET, &mac, mtu, ret);
	if (err == 0) (*ret)->made = kind;
	return err;
}

/* ---- the kinds ---- */

static int make_dummy(struct stack *s, const struct order *o)
{
	struct netif *nif;
	int err = make_one(s, o->tb, "dummy", &nif);

	if (err < 0) return err;
	nif->flags = (nif->flags & (uint32_t)~IFF_MULTICAST) | IFF_NOARP;
	netlink_tell_link(nif, false, UINT32_MAX);
	return 0;
}

/* The other end is described by a message in the message. */
static int read_peer(const struct stack *s, const struct order *o, struct nl_attr *tb)
{
	struct nl_attr data[VETH_INFO_MAX + 1], rest;
	int err;

	memset(tb, 0, (IFLA_MAX + 1) * sizeof *tb);
	if (!o->info[IFLA_INFO_DATA].at) return 0;
	err = nl_parse_nest(s, &o->info[IFLA_INFO_DATA], veth_policy, VETH_INFO_MAX + 1, data);
	if (err < 0 || !data[VETH_INFO_PEER].at) return err;
	rest = (struct nl_attr){.at = data[VETH_INFO_PEER].at + sizeof(struct ifinfomsg), .len = data[VETH_INFO_PEER].len - sizeof(struct ifinfomsg)};
	err = nl_parse_nest(s, &rest, nl_link_policy, IFLA_MAX + 1, tb);
	return err < 0 ? err : nl_link_refuse(s, tb);
}

/* As Linux the other end is there first. */
static int make_veth(struct stack *s, const struct order *o)
{
	struct nl_attr peer[IFLA_MAX + 1];
	struct netif *a, *b;
	int err = s->ops->join ? read_peer(s, o, peer) : -EOPNOTSUPP;

	if (err == 0) err = make_one(s, peer, "veth", &b);
	if (err < 0) return err;
	err = make_one(s, o->tb, "veth", &a);
	if (err < 0) {
		netif_remove(b);
		return err;
	}
	err = s->ops->join(s->host, a, b);
	if (err < 0) {
		netif_remove(a);
		netif_remove(b);
		return err;
	}
	a->twin = b;
	b->twin = a;
	a->no_carrier = b->no_carrier = true;
	netlink_tell_link(b, false, UINT32_MAX);
	netlink_tell_link(a, false, UINT32_MAX);
	return 0;
}

static int make_wireguard(struct stack *s, const struct order *o)
{
	char name[IFNAMSIZ];
	struct netif *nif;
	int err = choose_name(s, &o->tb[IFLA_IFNAME], "wg", name);

	if (err < 0) return err;
	if (is_full(s)) return -ENOBUFS;
	/* It has no address of a link. */
	if (o->tb[IFLA_ADDRESS].at) return -EOPNOTSUPP;
	err = netif_make(s, name, NETIF_RAW_IP, NULL, o->tb[IFLA_MTU].at ? nl_u32(&o->tb[IFLA_MTU]) : WG_MTU, &nif);
	if (err < 0) return err;
	err = wg_device_make(nif);
	if (err < 0) {
		netif_remove(nif);
		return err == -EOPNOTSUPP ? netlink_refuse(s, err, "Unknown device type") : err;
	}
	nif->made = "wireguard";
	netlink_tell_link(nif, false, UINT32_MAX);
	return 0;
}

struct kind { const char *name; int (*make)(struct stack *s, const struct order *o); };
static const struct kind kinds[] = {{"dummy", make_dummy}, {"veth", make_veth}, {"wireguard", make_wireguard}};

static const struct kind *kind_of(const struct nl_attr *kind)
{
	char name[56];

	if (!kind->at) return NULL;
	nl_text(kind, name, sizeof name);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
	return NULL;
}

const char *nl_link_kind(const struct stack *s, const struct nl_attr *info)
{
	struct nl_attr tb[IFLA_INFO_MAX + 1];
	const struct kind *k = info->at && nl_parse_nest(s, info, info_policy, IFLA_INFO_MAX + 1, tb) == 0 ? kind_of(&tb[IFLA_INFO_KIND]) : NULL;

	return k ? k->name : NULL;
}

/* ---- the requests ---- */

static int order_read(const struct stack *s, const struct nl_request *q, struct order *ret)
{
	int err = nl_link_parse(s, q, &ret->h, ret->tb);

	memset(ret->info, 0, sizeof ret->info);
	if (err == 0 && ret->tb[IFLA_LINKINFO].at) err = nl_parse_nest(s, &ret->tb[IFLA_LINKINFO], info_policy, IFLA_INFO_MAX + 1, ret->info);
	return err;
}

static int change(struct stack *s, struct netif *nif, const struct order *o, uint16_t flags)
{
	const struct kind *k = kind_of(&o->info[IFLA_INFO_KIND]);

	if (flags & NLM_F_EXCL) return -EEXIST;
	if (flags & NLM_F_REPLACE) return -EOPNOTSUPP;
	if (o->info[IFLA_INFO_KIND].at && (!k || !nif->made || strcmp(k->name, nif->made) != 0)) return -EOPNOTSUPP;
	return nl_link_apply(s, nif, &o->h, o->tb);
}

int nl_link_make(struct stack *s, const struct nl_request *q)
{
	const struct kind *k;
	struct netif *nif;
	struct order o;
	int err = order_read(s, q, &o);

	if (err < 0) return err;
	if (nl_link_find(s, &o.h, o.tb, &nif) == 0) return change(s, nif, &o, q->h.nlmsg_flags);
	if (!(q->h.nlmsg_flags & NLM_F_CREATE)) return -ENODEV;
	if (o.h.ifi_index < 0) return netlink_refuse(s, -EINVAL, "ifindex can't be negative");
	if (o.h.ifi_index > 0 || o.tb[IFLA_MAP].at || o.tb[IFLA_PROTINFO].at || o.tb[IFLA_MASTER].at) return -EOPNOTSUPP;
	k = kind_of(&o.info[IFLA_INFO_KIND]);
	if (!k) return netlink_refuse(s, -EOPNOTSUPP, "Unknown device type");
	err = nl_link_refuse(s, o.tb);
	if (err == 0) err = k->make(s, &o);
	if (err < 0) return err;
	nif = list_last(&s->netifs, struct netif, node);
	if (o.tb[IFLA_GROUP].at) nif->group = nl_u32(&o.tb[IFLA_GROUP]);
	if (o.tb[IFLA_TXQLEN].at) nif->txqlen = (int)MIN(nl_u32(&o.tb[IFLA_TXQLEN]), (uint32_t)INT32_MAX);
	o.tb[IFLA_ADDRESS] = o.tb[IFLA_MTU] = o.tb[IFLA_IFNAME] = (struct nl_attr){.at = NULL};
	return o.h.ifi_flags ? nl_link_apply(s, nif, &o.h, o.tb) : 0;
}

static void take_away(struct stack *s, struct netif *nif)
{
	if (s->ops->part) s->ops->part(s->host, nif);
	netif_remove(nif);
}

int nl_link_del(struct stack *s, const struct nl_request *q)
{
	struct netif *nif, *twin;
	struct order o;
	int err = order_read(s, q, &o);

	if (err == 0) err = nl_link_find(s, &o.h, o.tb, &nif);
	if (err < 0) return err;
	/* The host's own stay, as a kernel's hardware does. */
	if (!nif->made) return -EOPNOTSUPP;
	twin = nif->twin;
	take_away(s, nif);
	if (twin) take_away(s, twin);
	return 0;
}
