/* RTM_GETLINK: interfaces. What changes them is link_set.c and link_make.c. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

static void put_name(struct nl_writer *w, uint16_t type, const void *o) { nl_put_text(w, type, ((const struct netif *)o)->name); }
static void put_mtu_least(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, netif_mtu_least(o)); }
static void put_mtu_most(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, netif_mtu_most(o)); }
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

static void put_altnames(struct nl_writer *w, uint16_t type, const void *o)
{
	size_t nest;
	const char *name;

	if (!netif_altname(o, 0)) return;
	nest = nl_nest_begin(w, type | NLA_F_NESTED);
	for (size_t i = 0; (name = netif_altname(o, i)); i++)
		nl_put_text(w, IFLA_ALT_IFNAME, name);
	nl_nest_end(w, nest);
}

/* What Linux's software segmentation takes, and what a device of no kind of its own says that it would. */
static void put_cut_segments(struct nl_writer *w, uint16_t type, const void *o) { (void)o; nl_put_u32(w, type, 65535); }
static void put_cut_bytes(struct nl_writer *w, uint16_t type, const void *o) { (void)o; nl_put_u32(w, type, 65536); }
static void put_device_bytes(struct nl_writer *w, uint16_t type, const void *o) { (void)o; nl_put_u32(w, type, 524280); }

static void put_other_end(struct nl_writer *w, uint16_t type, const void *o)
{
	const struct netif *nif = o;

	/* As Linux: what stands for PIM Registers leads to no interface, and says so. */
	if (nif->twin || nif->pim_register) nl_put_u32(w, type, nif->twin ? (uint32_t)nif->twin->index : 0);
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
	ROW(IFLA_MIN_MTU, put_mtu_least),
	ROW(IFLA_MAX_MTU, put_mtu_most),
	ROW(IFLA_GROUP, put_group),
	ROW(IFLA_PROMISCUITY, put_promiscuity),
	ROW(IFLA_ALLMULTI, put_allmulti),
	ROW(IFLA_NUM_TX_QUEUES, put_one32),
	ROW(IFLA_GSO_MAX_SEGS, put_cut_segments),
	ROW(IFLA_GSO_MAX_SIZE, put_cut_bytes),
	ROW(IFLA_GRO_MAX_SIZE, put_cut_bytes),
	ROW(IFLA_TSO_MAX_SIZE, put_device_bytes),
	ROW(IFLA_TSO_MAX_SEGS, put_cut_segments),
	ROW(IFLA_NUM_RX_QUEUES, put_one32),
	ROW(IFLA_CARRIER, put_carrier),
	ROW(IFLA_QDISC, put_qdisc),
	ROW(IFLA_PROTO_DOWN, put_zero8),
	ROW(IFLA_MAP, put_map),
	ROW(IFLA_ADDRESS, put_mac),
	ROW(IFLA_BROADCAST, put_broadcast),
	ROW(IFLA_STATS64, put_stats64),
	ROW(IFLA_STATS, put_stats),
	ROW(IFLA_IFALIAS, put_alias),
	ROW(IFLA_LINK, put_other_end),
	ROW(IFLA_PROP_LIST, put_altnames),
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

/* ---- asked for ---- */

static const struct ifinfomsg free_fields = {.ifi_family = 0xff, .ifi_index = -1};
static const struct nl_form dump_form = {
	sizeof(struct ifinfomsg), &free_fields, nl_link_policy, IFLA_MAX + 1,
	NL_TYPE(IFLA_TARGET_NETNSID) | NL_TYPE(IFLA_EXT_MASK) | NL_TYPE(IFLA_MASTER) | NL_TYPE(IFLA_LINKINFO),
	"Invalid header for link dump", "Invalid values in header for link dump request", "Unsupported attribute in link dump request",
	.loose = true, .silent = true,
};
/* IPv6's own dump, which programs ask for by its family: the interfaces that it runs on. */
static const struct ifinfomsg free_fields6 = {.ifi_family = 0xff};
static const struct nl_form dump_form6 = {
	sizeof(struct ifinfomsg), &free_fields6, .bad_header = "ipv6: Invalid header for link dump request",
	.bad_value = "ipv6: Invalid values in header for dump request", .bad_attribute = "ipv6: Invalid data after header",
};
static const struct nl_form one_form = {
	sizeof(struct ifinfomsg), &free_fields, nl_link_policy, IFLA_MAX + 1,
	NL_TYPE(IFLA_TARGET_NETNSID) | NL_TYPE(IFLA_EXT_MASK) | NL_TYPE(IFLA_IFNAME) | NL_TYPE(IFLA_ALT_IFNAME),
	"Invalid header for get link", "Invalid values in header for get link request", "Unsupported attribute in get link request", .get = true,
};

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct nl_attr tb[IFLA_MAX + 1] = {0};
	struct ifinfomsg h;
	const char *kind;
	int err = nl_form_read(w, q, q->body[0] == AF_INET6 ? &dump_form6 : &dump_form, &h, tb);

	if (err == 0 && w->ns->strict && h.ifi_index)
		err = netlink_refuse(nl_stack(w), -EINVAL, "Filter by device index not supported for link dumps");
	if (err == 0 && tb[IFLA_TARGET_NETNSID].at) err = netlink_refuse(nl_stack(w), -EINVAL, "Invalid target network namespace id");
	if (err < 0) return err;
	/* There are no bridges, whose ports these would be, and nothing has a master. */
	if (h.ifi_family == AF_BRIDGE || (tb[IFLA_MASTER].at && nl_u32(&tb[IFLA_MASTER]))) return 0;
	/* As Linux: a kind that it does not know asks for all. */
	kind = nl_link_kind(nl_stack(w), &tb[IFLA_LINKINFO]);
	if (kind) w->flags |= NLM_F_DUMP_FILTERED;
	list_each(struct netif, nif, &nl_stack(w)->netifs, node)
		if (!kind || (nif->made && strcmp(nif->made, kind) == 0)) nl_write_link(w, nif, RTM_NEWLINK, 0);
	w->flags &= (uint16_t)~NLM_F_DUMP_FILTERED;
	return 0;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct nl_attr tb[IFLA_MAX + 1];
	struct ifinfomsg h;
	struct netif *nif;
	int err = nl_form_read(w, q, &one_form, &h, tb);

	if (err == 0 && tb[IFLA_TARGET_NETNSID].at) err = -EINVAL;
	if (err == 0) err = nl_link_find(nl_stack(w), &h, tb, &nif);
	if (err == 0) nl_write_link(w, nif, RTM_NEWLINK, 0);
	return err;
}

const struct nl_kind nl_link = {RTM_GETLINK, dump, one, nl_link_make, nl_link_del, nl_link_set, 0, END_APART_BUT_IPV6};
