/* RTM_GETROUTE of RTNL_FAMILY_IPMR and RTNL_FAMILY_IP6MR: the entries of multicast routing, and what its daemon is told (RTM_NEWCACHEREPORT). */
#include <errno.h>
#include <netinet/in.h>
#include <linux/mroute.h>
#include <linux/mroute6.h>
#include "stack/mroute/mroute.h"
#include "stack/netlink/private.h"

#define HUNDREDTH (10 * NS_PER_MS)

static uint8_t family_of(const struct mroute_table *t) { return t->v4 ? RTNL_FAMILY_IPMR : RTNL_FAMILY_IP6MR; }

static void put_ways(struct nl_writer *w, const struct mroute_table *t, const struct mroute_entry *e)
{
	size_t nest = nl_nest_begin(w, RTA_MULTIPATH);

	for (unsigned i = e->least; i < e->end; i++) {
		struct rtnexthop h = {.rtnh_len = sizeof h, .rtnh_hops = e->ttls[i], .rtnh_ifindex = t->vifs[i].netif ? t->vifs[i].netif->index : 0};
		if (t->vifs[i].netif && e->ttls[i] < MROUTE_NONE) nl_append(w, &h, sizeof h);
	}
	nl_nest_end(w, nest);
}

void nl_write_mroute(struct nl_writer *w, const struct mroute_table *t, const struct mroute_entry *e, uint16_t type)
{
	uint8_t bits = t->v4 ? 32 : 128;
	bool resolved = e->parent != MROUTE_UNRESOLVED;
	struct rtmsg h = {.rtm_family = family_of(t), .rtm_dst_len = bits, .rtm_src_len = bits, .rtm_table = t->id < 256 ? (uint8_t)t->id : RT_TABLE_COMPAT,
			  .rtm_type = RTN_MULTICAST, .rtm_protocol = e->fixed ? RTPROT_STATIC : RTPROT_MROUTED, .rtm_flags = resolved ? 0 : RTNH_F_UNRESOLVED};
	struct rta_mfc_stats stats = {.mfcs_packets = e->packets, .mfcs_bytes = e->octets, .mfcs_wrong_if = e->wrong_vif};
	uint64_t unused = (uint64_t)((t->stack->now - e->last_use) / HUNDREDTH);

	nl_begin(w, type, &h, sizeof h);
	nl_put_u32(w, RTA_TABLE, t->id);
	nl_put_addr(w, RTA_SRC, &e->source);
	nl_put_addr(w, RTA_DST, &e->group);
	if (resolved) {
		if (t->vifs[e->parent].netif) nl_put_u32(w, RTA_IIF, (uint32_t)t->vifs[e->parent].netif->index);
		put_ways(w, t, e);
		nl_put(w, RTA_MFC_STATS, &stats, sizeof stats);
		nl_put(w, RTA_EXPIRES, &unused, sizeof unused);
	}
	nl_end(w);
}

/* IPv4's and IPv6's attributes have the same numbers. A datagram that is too long for a message is left out of it. */
void nl_write_mroute_upcall(struct nl_writer *w, const struct mroute_table *t, const struct packet *message, unsigned vif, uint8_t type)
{
	struct rtgenmsg h = {.rtgen_family = family_of(t)};
	size_t header = t->v4 ? sizeof(struct igmpmsg) : sizeof(struct mrt6msg);

	nl_begin(w, RTM_NEWCACHEREPORT, &h, sizeof h);
	nl_put_u8(w, IPMRA_CREPORT_MSGTYPE, type);
	nl_put_u32(w, IPMRA_CREPORT_VIF_ID, vif);
	nl_put_addr(w, IPMRA_CREPORT_SRC_ADDR, &message->src);
	nl_put_addr(w, IPMRA_CREPORT_DST_ADDR, &message->dst);
	if (t->v4) nl_put_u32(w, IPMRA_CREPORT_TABLE, t->id);
	nl_put(w, IPMRA_CREPORT_PKT, message->data + header, message->len - header);
	nl_end(w);
}

/* ---- asked for ---- */

static void dump_table(struct nl_writer *w, const struct mroute_table *t)
{
	list_each(const struct mroute_entry, e, &t->resolved, node)
		nl_write_mroute(w, t, e, RTM_NEWROUTE);
	list_each(const struct mroute_entry, e, &t->unresolved, node)
		nl_write_mroute(w, t, e, RTM_NEWROUTE);
}

void nl_dump_mroutes(struct nl_writer *w, bool v4, uint32_t table)
{
	list_each(const struct mroute_table, t, mroute_tables(nl_stack(w), v4), node)
		if (!table || table == t->id) dump_table(w, t);
}

static bool is_v4(const struct nl_request *q) { return q->body[0] == RTNL_FAMILY_IPMR; }

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	uint32_t table = 0;

	if (w->ns->strict) nl_find_u32(q, sizeof(struct rtmsg), RTA_TABLE, &table);
	if (table && !mroute_table_find(nl_stack(w), is_v4(q), table)) return -ENOENT;
	nl_dump_mroutes(w, is_v4(q), table);
	return 0;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	bool v4 = is_v4(q);
	struct addr source = v4 ? addr_any4 : addr_any6, group = source;
	uint32_t table = 0;
	const struct mroute_table *t;
	const struct mroute_entry *e;

	nl_find_addr(q, sizeof(struct rtmsg), RTA_SRC, &source);
	nl_find_addr(q, sizeof(struct rtmsg), RTA_DST, &group);
	nl_find_u32(q, sizeof(struct rtmsg), RTA_TABLE, &table);
	t = mroute_table_find(nl_stack(w), v4, table ? table : v4 ? MROUTE_TABLE4 : MROUTE_TABLE6);
	e = t ? mroute_entry_find(t, &source, &group, -1) : NULL;
	if (!e) return -ENOENT;
	nl_write_mroute(w, t, e, RTM_NEWROUTE);
	return 0;
}

const struct nl_kind nl_mroute = {.get = RTM_GETROUTE, .dump = dump, .one = one, .family = RTNL_FAMILY_IPMR};
const struct nl_kind nl_mroute6 = {.get = RTM_GETROUTE, .dump = dump, .one = one, .family = RTNL_FAMILY_IP6MR};
