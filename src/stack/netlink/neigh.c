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

static void write_proxy(struct nl_writer *w, const struct neigh_proxy *x)
{
	struct ndmsg h = {.ndm_family = nl_family(&x->addr), .ndm_ifindex = x->netif->index, .ndm_flags = NTF_PROXY, .ndm_type = RTN_UNICAST};

	nl_begin(w, RTM_NEWNEIGH, &h, sizeof h);
	nl_put_addr(w, NDA_DST, &x->addr);
	nl_end(w);
}

/* ---- asked for ---- */

static const struct ndmsg free_dump = {.ndm_family = 0xff, .ndm_flags = 0xff};
static const struct ndmsg free_one = {.ndm_family = 0xff, .ndm_ifindex = -1, .ndm_flags = 0xff};
static const struct nl_form dump_form = {
	sizeof(struct ndmsg), &free_dump, nl_neigh_policy, NDA_MAX + 1, NL_TYPE(NDA_IFINDEX) | NL_TYPE(NDA_MASTER),
	"Invalid header for neighbor dump request", "Invalid values in header for neighbor dump request",
	"Unsupported attribute in neighbor dump request", .loose = true,
};
static const struct nl_form one_form = {
	sizeof(struct ndmsg), &free_one, nl_neigh_policy, NDA_MAX + 1, NL_TYPE(NDA_DST), "Invalid header for neighbor get request",
	"Invalid values in header for neighbor get request", "Unsupported attribute in neighbor get request", .get = true, .strict = true,
};

/* Unlike other tables': a family that has none has no neighbours. */
static bool is_wanted(const struct ndmsg *want, uint32_t index, const struct addr *a, const struct netif *nif)
{
	return (!want->ndm_family || want->ndm_family == nl_family(a)) && (!index || index == (uint32_t)nif->index);
}

static void dump_proxies(struct nl_writer *w, const struct ndmsg *want, uint32_t index)
{
	list_each(const struct neigh_proxy, x, &nl_stack(w)->inet->neigh.proxies, node)
		if (is_wanted(want, index, &x->addr, x->netif)) write_proxy(w, x);
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct nl_attr tb[NDA_MAX + 1];
	uint32_t index;
	struct ndmsg want;
	int err = nl_form_read(w, q, &dump_form, &want, tb);

	if (err == 0 && w->ns->strict && want.ndm_flags & ~NTF_PROXY)
		err = netlink_refuse(nl_stack(w), -EINVAL, "Invalid flags in header for neighbor dump request");
	/* Nothing has a master. */
	if (err < 0 || (tb[NDA_MASTER].at && nl_u32(&tb[NDA_MASTER]))) return err;
	index = tb[NDA_IFINDEX].at ? nl_u32(&tb[NDA_IFINDEX]) : 0;
	if (index) w->flags |= NLM_F_DUMP_FILTERED;
	/* As Linux: all of the header, or it is another one. */
	if (q->len >= sizeof want && want.ndm_flags == NTF_PROXY) dump_proxies(w, &want, index);
	else
		for (const struct neigh *n = NULL; (n = neigh_walk(nl_stack(w), n));)
			if (is_wanted(&want, index, &n->addr, n->netif)) nl_write_neigh(w, n, RTM_NEWNEIGH);
	w->flags &= (uint16_t)~NLM_F_DUMP_FILTERED;
	return 0;
}

static int read_one(struct nl_writer *w, const struct nl_request *q, struct ndmsg *h, struct addr *ret)
{
	const struct stack *s = nl_stack(w);
	struct nl_attr tb[NDA_MAX + 1];
	int err = nl_form_read(w, q, &one_form, h, tb);

	if (err < 0) return err;
	if (h->ndm_flags & ~NTF_PROXY) return netlink_refuse(s, -EINVAL, "Invalid flags in header for neighbor get request");
	if (!tb[NDA_DST].at) return -EINVAL;
	if (!h->ndm_ifindex) return netlink_refuse(s, -EINVAL, "No device specified");
	if (h->ndm_family != AF_INET && h->ndm_family != AF_INET6)
		return netlink_refuse(s, -EAFNOSUPPORT, "Unsupported family in header for neighbor get request");
	if (tb[NDA_DST].len != (h->ndm_family == AF_INET ? 4 : 16))
		return netlink_refuse(s, -EINVAL, "Invalid network address in neighbor get request");
	*ret = nl_addr(&tb[NDA_DST], h->ndm_family == AF_INET);
	return 0;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct ndmsg h;
	struct addr dst;
	const struct netif *nif;
	const struct neigh *n;
	int err = read_one(w, q, &h, &dst);

	if (err < 0) return err;
	nif = netif_by_index(nl_stack(w), h.ndm_ifindex);
	if (!nif) return netlink_refuse(nl_stack(w), -ENODEV, "Unknown device ifindex");
	if (h.ndm_flags & NTF_PROXY) {
		list_each(const struct neigh_proxy, x, &nl_stack(w)->inet->neigh.proxies, node)
			if (x->netif == nif && addr_eq(&x->addr, &dst)) {
				write_proxy(w, x);
				return 0;
			}
		return netlink_refuse(nl_stack(w), -ENOENT, "Proxy neighbour entry not found");
	}
	n = neigh_find(nif, &dst);
	if (!n) return netlink_refuse(nl_stack(w), -ENOENT, "Neighbour entry not found");
	nl_write_neigh(w, n, RTM_NEWNEIGH);
	return 0;
}

const struct nl_kind nl_neigh = {RTM_GETNEIGH, dump, one, nl_neigh_make, nl_neigh_del, NULL, 0, END_WITHIN};
