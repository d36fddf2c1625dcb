/* RTM_GETNEIGH: the neighbour cache. What changes it is neigh_set.c. */
#include <errno.h>
#include <linux/neighbour.h>
#include "stack/inet/inet_private.h"
#include "stack/netlink/private.h"

static const struct neigh *of(const void *o) { return o; }

static void put_dst(struct nl_writer *w, uint16_t type, const void *o) { nl_put_addr(w, type, &of(o)->addr); }
static void put_probes(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, of(o)->probes); }

static void put_lladdr(struct nl_writer *w, uint16_t type, const void *o)
{
	const uint8_t known = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

	if (neigh_state(of(o)) & known) nl_put(w, type, of(o)->mac.b, sizeof of(o)->mac.b);
}

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(NDA_DST, put_dst),
	ROW(NDA_LLADDR, put_lladdr),
	ROW(NDA_PROBES, put_probes),
	{.text = NULL},
};

void nl_write_neigh(struct nl_writer *w, const struct neigh *n, uint16_t type)
{
	struct ndmsg h = {.ndm_family = nl_family(&n->addr), .ndm_ifindex = n->netif->index, .ndm_state = neigh_state(n), .ndm_type = RTN_UNICAST};

	nl_begin(w, type, &h, sizeof h);
	nl_put_rows(w, rows, n);
	nl_end(w);
}

static void dump_proxies(struct nl_writer *w, uint8_t family)
{
	list_each(const struct neigh_proxy, x, &nl_stack(w)->inet->neigh.proxies, node) {
		struct ndmsg h = {.ndm_family = nl_family(&x->addr), .ndm_ifindex = x->netif->index, .ndm_flags = NTF_PROXY, .ndm_type = RTN_UNICAST};
		if (!nl_family_wanted(family, h.ndm_family)) continue;
		nl_begin(w, RTM_NEWNEIGH, &h, sizeof h);
		nl_put_addr(w, NDA_DST, &x->addr);
		nl_end(w);
	}
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct ndmsg want;

	nl_header(q, &want, sizeof want);
	/* As Linux: all of the header, or it is another one. */
	if (q->len >= sizeof want && want.ndm_flags == NTF_PROXY) {
		dump_proxies(w, want.ndm_family);
		return 0;
	}
	if (!w->ns->strict) want.ndm_ifindex = 0;
	for (const struct neigh *n = NULL; (n = neigh_walk(nl_stack(w), n));) {
		if (!nl_family_wanted(want.ndm_family, nl_family(&n->addr))) continue;
		if (!want.ndm_ifindex || want.ndm_ifindex == n->netif->index) nl_write_neigh(w, n, RTM_NEWNEIGH);
	}
	return 0;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct ndmsg h;
	struct addr dst;
	const struct netif *nif;
	const struct neigh *n;

	nl_header(q, &h, sizeof h);
	if (!nl_find_addr(q, sizeof h, NDA_DST, &dst) || h.ndm_family != nl_family(&dst) || h.ndm_ifindex == 0) return -EINVAL;
	nif = netif_by_index(nl_stack(w), h.ndm_ifindex);
	if (!nif) return -ENODEV;
	n = neigh_find(nif, &dst);
	if (!n) return netlink_refuse(nl_stack(w), -ENOENT, "Neighbour entry not found");
	nl_write_neigh(w, n, RTM_NEWNEIGH);
	return 0;
}

const struct nl_kind nl_neigh = {RTM_GETNEIGH, dump, one, nl_neigh_make, nl_neigh_del, NULL};
