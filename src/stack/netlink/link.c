/* RTM_GETLINK: interfaces. What changes them is link_set.c and link_make.c. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

static void put_name(struct nl_writer *w, uint16_t type, const void *o) { nl_put_text(w, type, ((const struct netif *)o)->name); }
static void put_mtu(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, ((const struct netif *)o)->mtu_bytes); }
static void put_txqlen(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, (uint32_t)((const struct netif *)o)->txqlen); }
static void put_one32(struct nl_writer *w, uint16_t type, const void *o) { (void)o; nl_put_u32(w, type, 1); }
static void put_zero8(struct nl_writer *w, uint16_t type, const void *o) { (void)o; nl_put_u8(w, type, 0); }
static void put_qdisc(struct nl_writer *w, uint16_t type, const void *o) { nl_put_text(w, type, ((const struct netif *)o)->was_up ? "noqueue" : "noop"); }

static void put_group(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, ((const struct netif *)o)->group); }
static void put_promiscuity(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, (((const struct netif *)o)->flags & IFF_PROMISC) != 0); }
static void put_allmulti(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, (((const struct netif *)o)->flags & IFF_ALLMULTI) != 0); }

static void put_alias(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct netif *nif = o;

	if (nif->alias) nl_put_text(w, type, nif->alias);
}

static void put_other_end(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct netif *nif = o;

	if (nif->twin) nl_put_u32(w, type, (uint32_t)nif->twin->index);
}

static void put_linkinfo(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct netif *nif = o;
	size_t nest;

	if (!nif->made) return;
	nest = nl_nest_begin(w, type);
	nl_put_text(w, IFLA_INFO_KIND, nif->made);
	nl_nest_end(w, nest);
}

static void put_operstate(struct nl_writer *w, uint16_t type, const void *o)
{
	nl_put_u8(w, type, netif_operstate(o));
}

static void put_carrier(struct nl_writer *w, uint16_t type, const void *o)
{
	nl_put_u8(w, type, (((const struct netif *)o)->flags & IFF_RUNNING) != 0);
}

/* Loopback has a MAC of zeros, point-to-point interfaces none. */
static void put_mac(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct netif *nif = o;

	if (nif->kind != NETIF_RAW_IP) nl_put(w, type, nif->mac.b, sizeof nif->mac.b);
}

static void put_broadcast(struct nl_writer *w, uint16_t type, const void *o)
{
	static const struct mac zero;
	const struct netif *nif = o;

	if (nif->kind != NETIF_RAW_IP) nl_put(w, type, nif->kind == NETIF_ETHERNET ? &mac_bcast : &zero, sizeof(struct mac));
}

static void put_stats64(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct netif *nif = o;
	struct rtnl_link_stats64 st = {.rx_packets = nif->rx_packets, .tx_packets = nif->tx_packets, .rx_bytes = nif->rx_bytes,
				       .tx_bytes = nif->tx_bytes, .rx_dropped = nif->rx_dropped, .tx_dropped = nif->tx_dropped};

	nl_put(w, type, &st, sizeof st);
}

static void put_stats(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct netif *nif = o;
	struct rtnl_link_stats st = {.rx_packets = (uint32_t)nif->rx_packets, .tx_packets = (uint32_t)nif->tx_packets,
				     .rx_bytes = (uint32_t)nif->rx_bytes, .tx_bytes = (uint32_t)nif->tx_bytes,
				     .rx_dropped = (uint32_t)nif->rx_dropped, .tx_dropped = (uint32_t)nif->tx_dropped};

	nl_put(w, type, &st, sizeof st);
}

static void put_map(struct nl_writer *w, uint16_t type, const void *o)
{
	struct rtnl_link_ifmap map = {0};

	(void)o;
	nl_put(w, type, &map, sizeof map);
}

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(IFLA_IFNAME, put_name),
	ROW(IFLA_TXQLEN, put_txqlen),
	ROW(IFLA_OPERSTATE, put_operstate),
	ROW(IFLA_LINKMODE, put_zero8),
	ROW(IFLA_MTU, put_mtu),
	ROW(IFLA_GROUP, put_group),
	ROW(IFLA_PROMISCUITY, put_promiscuity),
	ROW(IFLA_ALLMULTI, put_allmulti),
	ROW(IFLA_NUM_TX_QUEUES, put_one32),
	ROW(IFLA_NUM_RX_QUEUES, put_one32),
	ROW(IFLA_CARRIER, put_carrier),
	ROW(IFLA_QDISC, put_qdisc),
	ROW(IFLA_MAP, put_map),
	ROW(IFLA_ADDRESS, put_mac),
	ROW(IFLA_BROADCAST, put_broadcast),
	ROW(IFLA_STATS64, put_stats64),
	ROW(IFLA_STATS, put_stats),
	ROW(IFLA_IFALIAS, put_alias),
	ROW(IFLA_LINK, put_other_end),
	ROW(IFLA_LINKINFO, put_linkinfo),
	{.text = NULL},
};

void nl_write_link(struct nl_writer *w, const struct netif *nif, uint16_t type, uint32_t change)
{
	struct ifinfomsg h = {.ifi_family = AF_UNSPEC, .ifi_type = netif_hatype(nif), .ifi_index = nif->index, .ifi_flags = nif->flags,
			       .ifi_change = change};

	if (nif->flags & IFF_RUNNING) h.ifi_flags |= IFF_LOWER_UP;
	nl_begin(w, type, &h, sizeof h);
	nl_put_rows(w, rows, nif);
	nl_end(w);
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	(void)q;
	list_each(struct netif, nif, &nl_stack(w)->netifs, node)
		nl_write_link(w, nif, RTM_NEWLINK, 0);
	return 0;
}

static const struct netif *link_named(const struct stack *s, const struct nl_request *q)
{
	char name[IFNAMSIZ] = "";
	size_t len;
	const uint8_t *p = nl_find(q, sizeof(struct ifinfomsg), IFLA_IFNAME, &len);

	if (!p) p = nl_find(q, sizeof(struct ifinfomsg), IFLA_ALT_IFNAME, &len);
	if (!p) return NULL;
	memcpy(name, p, MIN(len, sizeof name - 1));
	return netif_by_name(s, name);
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct ifinfomsg h;
	const struct netif *nif;
	size_t len;

	nl_header(q, &h, sizeof h);
	if (h.ifi_index <= 0 && !nl_find(q, sizeof h, IFLA_IFNAME, &len) && !nl_find(q, sizeof h, IFLA_ALT_IFNAME, &len)) return -EINVAL;
	nif = h.ifi_index > 0 ? netif_by_index(nl_stack(w), h.ifi_index) : link_named(nl_stack(w), q);
	if (!nif) return -ENODEV;
	nl_write_link(w, nif, RTM_NEWLINK, 0);
	return 0;
}

const struct nl_kind nl_link = {RTM_GETLINK, dump, one, nl_link_make, nl_link_del, nl_link_set};
