/* RTM_GETNETCONF: how interfaces forward, `ip netconf`: some of the settings that each has of its own, and of "all" and "default" (core/netconf.h). */
#include <errno.h>
#include <linux/netconf.h>
#include "stack/core/netif.h"
#include "stack/core/sysctl.h"
#include "stack/netlink/private.h"

/* What there is no setting of is off. */
static void put(struct nl_writer *w, bool v4, const struct netconf *c, int what)
{
	const struct { int is; bool there; int value; } rows[] = {
		{NETCONFA_FORWARDING, true, v4 ? c->forwarding : c->forwarding6}, {NETCONFA_RP_FILTER, v4, c->rp_filter},
		{NETCONFA_MC_FORWARDING, true, v4 ? c->mc_forwarding : c->mc_forwarding6}, {NETCONFA_BC_FORWARDING, v4, 0},
		{NETCONFA_PROXY_NEIGH, true, v4 ? c->proxy_arp : 0}, {NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, true, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].there && (what == NETCONFA_ALL || what == rows[i].is)) nl_put_u32(w, (uint16_t)rows[i].is, (uint32_t)rows[i].value);
}

/* index: an interface's, or one of NETCONFA_IFINDEX_*. */
void nl_write_netconf(struct nl_writer *w, bool v4, int index, const struct netconf *c, int what)
{
	struct netconfmsg h = {.ncm_family = v4 ? AF_INET : AF_INET6};

	nl_begin(w, c ? RTM_NEWNETCONF : RTM_DELNETCONF, &h, sizeof h);
	nl_put_u32(w, NETCONFA_IFINDEX, (uint32_t)index);
	if (c) put(w, v4, c, what);
	nl_end(w);
}

static void write_one(struct nl_writer *w, bool v4, int index, const struct netconf *c) { nl_write_netconf(w, v4, index, c, NETCONFA_ALL); }

/* ---- asked for ---- */

#define INT {NL_FIXED, sizeof(int)}
static const struct nl_policy policy[NETCONFA_MAX + 1] = {
	[NETCONFA_IFINDEX] = INT, [NETCONFA_FORWARDING] = INT, [NETCONFA_RP_FILTER] = INT, [NETCONFA_PROXY_NEIGH] = INT,
	[NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN] = INT,
};
static const struct netconfmsg free_fields = {.ncm_family = 0xff};
#define DUMP_FORM(family) \
	{.header = sizeof(struct netconfmsg), .free = &free_fields, .bad_header = family ": Invalid header for netconf dump request", \
	 .bad_attribute = family ": Invalid data after header in netconf dump request"}
#define ONE_FORM(family) \
	{.header = sizeof(struct netconfmsg), .free = &free_fields, .policy = policy, .n = NETCONFA_MAX + 1, .attributes = NL_TYPE(NETCONFA_IFINDEX), \
	 .bad_header = family ": Invalid header for netconf get request", .bad_attribute = family ": Unsupported attribute in netconf get request", .get = true}
static const struct nl_form dump_form4 = DUMP_FORM("ipv4"), dump_form6 = DUMP_FORM("ipv6"), one_form4 = ONE_FORM("ipv4"), one_form6 = ONE_FORM("ipv6");

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct netconfmsg h;
	int err = nl_form_read(w, q, q->body[0] == AF_INET6 ? &dump_form6 : &dump_form4, &h, NULL);

	if (err < 0) return err;
	for (int v4 = 1; v4 >= 0; v4--) {
		if (!nl_family_wanted(h.ncm_family, v4 ? AF_INET : AF_INET6)) continue;
		list_each(const struct netif, nif, &nl_stack(w)->netifs, node)
			write_one(w, v4, nif->index, &nif->conf);
		write_one(w, v4, NETCONFA_IFINDEX_ALL, &nl_stack(w)->sysctl->all);
		write_one(w, v4, NETCONFA_IFINDEX_DEFAULT, &nl_stack(w)->sysctl->initial);
	}
	return 0;
}

static const struct netconf *conf_of(const struct stack *s, int index)
{
	const struct netif *nif = index > 0 ? netif_by_index(s, index) : NULL;

	if (index == NETCONFA_IFINDEX_ALL) return &s->sysctl->all;
	if (index == NETCONFA_IFINDEX_DEFAULT) return &s->sysctl->initial;
	return nif ? &nif->conf : NULL;
}

static int one(struct nl_writer *w, const struct nl_request *q)
{
	bool v4 = q->body[0] == AF_INET;
	struct nl_attr tb[NETCONFA_MAX + 1];
	const struct netconf *c;
	struct netconfmsg h;
	int err = v4 || q->body[0] == AF_INET6 ? nl_form_read(w, q, v4 ? &one_form4 : &one_form6, &h, tb) : -EOPNOTSUPP, index;

	if (err < 0) return err;
	if (!tb[NETCONFA_IFINDEX].at) return -EINVAL;
	index = (int)nl_u32(&tb[NETCONFA_IFINDEX]);
	c = conf_of(nl_stack(w), index);
	if (!c) return v4 ? -ENODEV : -EINVAL;
	write_one(w, v4, index, c);
	return 0;
}

const struct nl_kind nl_netconf = {.get = RTM_GETNETCONF, .dump = dump, .one = one, .end = END_APART_OF_ALL};
