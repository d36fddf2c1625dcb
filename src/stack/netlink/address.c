/* RTM_GETADDR: addresses of interfaces. What changes them is address_set.c. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

#define CENTISECOND (10 * NS_PER_MS)

static const struct netif_addr *of(const void *o) { return o; }

/* IPv4 always says the peer, which is the address itself where there is none; IPv6 only where there is one. */
static bool has_peer(const struct netif_addr *ia) { return !addr_eq(&ia->addr, &ia->peer); }

static void put_address(struct nl_writer *w, uint16_t type, const void *o) { nl_put_addr(w, type, &of(o)->peer); }
static void put_flags(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, of(o)->flags); }
static void put_metric(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->route_metric) nl_put_u32(w, type, of(o)->route_metric); }
static void put_protocol(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->protocol) nl_put_u8(w, type, of(o)->protocol); }

static void put_local(struct nl_writer *w, uint16_t type, const void *o)
{
	if (addr_is_v4(&of(o)->addr) || has_peer(of(o))) nl_put_addr(w, type, &of(o)->addr);
}

static void put_label(struct nl_writer *w, uint16_t type, const void *o)
{
	if (addr_is_v4(&of(o)->addr)) nl_put_text(w, type, of(o)->label);
}

static void put_broadcast(struct nl_writer *w, uint16_t type, const void *o)
{
	if (addr_is_v4(&of(o)->addr) && !addr_is_any(&of(o)->broadcast)) nl_put_addr(w, type, &of(o)->broadcast);
}

static uint32_t seconds_until(const struct netif_addr *na, time_ns when)
{
	time_ns now = na->netif->stack->now;

	if (when == TIME_NEVER) return UINT32_MAX;
	return when > now ? (uint32_t)((when - now) / NS_PER_S) : 0;
}

static void put_cacheinfo(struct nl_writer *w, uint16_t type, const void *o)
{
	struct ifa_cacheinfo c = {.ifa_prefered = seconds_until(of(o), of(o)->preferred_until), .ifa_valid = seconds_until(of(o), of(o)->valid_until),
				  .cstamp = (uint32_t)(of(o)->created / CENTISECOND), .tstamp = (uint32_t)(of(o)->updated / CENTISECOND)};

	nl_put(w, type, &c, sizeof c);
}

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(IFA_ADDRESS, put_address),
	ROW(IFA_LOCAL, put_local),
	ROW(IFA_BROADCAST, put_broadcast),
	ROW(IFA_LABEL, put_label),
	ROW(IFA_PROTO, put_protocol),
	ROW(IFA_RT_PRIORITY, put_metric),
	ROW(IFA_FLAGS, put_flags),
	ROW(IFA_CACHEINFO, put_cacheinfo),
	{.text = NULL},
};

void nl_write_address(struct nl_writer *w, const struct netif_addr *na, uint16_t type)
{
	struct ifaddrmsg h = {.ifa_family = nl_family(&na->addr), .ifa_prefixlen = na->plen, .ifa_flags = (uint8_t)na->flags,
			      .ifa_scope = na->scope, .ifa_index = (uint32_t)na->netif->index};

	nl_begin(w, type, &h, sizeof h);
	nl_put_rows(w, rows, na);
	nl_end(w);
}

/* IPv6 lists the wider scope first: programs take the first address that they are given. */
static void dump_netif(struct nl_writer *w, const struct netif *nif, uint8_t family)
{
	for (int linklocal = 0; linklocal <= 1; linklocal++)
		list_each(struct netif_addr, na, &nif->addrs, node)
			if (nl_family(&na->addr) == family && (family == AF_INET6 && addr_is_linklocal(&na->addr)) == linklocal)
				nl_write_address(w, na, RTM_NEWADDR);
}

/* ---- asked for ---- */

static const struct ifaddrmsg free_fields = {.ifa_family = 0xff, .ifa_index = UINT32_MAX};
#define DUMP_FORM(policy, family) \
	{sizeof(struct ifaddrmsg), &free_fields, policy, IFA_MAX + 1, NL_TYPE(IFA_TARGET_NETNSID), \
	 .bad_header = family ": Invalid header for address dump request", .bad_value = family ": Invalid values in header for address dump request", \
	 .bad_attribute = family ": Unsupported attribute in dump request"}
static const struct nl_form dump_form4 = DUMP_FORM(nl_address4_policy, "ipv4"), dump_form6 = DUMP_FORM(nl_address6_policy, "ipv6");
static const struct nl_form one_form = {
	sizeof(struct ifaddrmsg), &free_fields, nl_address6_policy, IFA_MAX + 1, NL_TYPE(IFA_TARGET_NETNSID) | NL_TYPE(IFA_ADDRESS) | NL_TYPE(IFA_LOCAL),
	"ipv6: Invalid header for get address request", "ipv6: Invalid values in header for get address request",
	"ipv6: Unsupported attribute in get address request", .get = true,
};

static int dump_read(struct nl_writer *w, const struct nl_request *q, struct ifaddrmsg *ret)
{
	bool v4 = q->body[0] != AF_INET6;
	struct nl_attr tb[IFA_MAX + 1];
	int err = nl_form_read(w, q, v4 ? &dump_form4 : &dump_form6, ret, tb);

	if (err < 0) return err;
	if (tb[IFA_TARGET_NETNSID].at)
		return netlink_refuse(nl_stack(w), -EINVAL, v4 ? "ipv4: Invalid target network namespace id" : "ipv6: Invalid target network namespace id");
	if (!w->ns->strict) ret->ifa_index = 0;
	if (!ret->ifa_index) return 0;
	w->flags |= NLM_F_DUMP_FILTERED;
	return netif_by_index(nl_stack(w), (int)ret->ifa_index) ? 0 : -ENODEV;
}

/* All of IPv4 comes before all of IPv6. Only NETLINK_GET_STRICT_CHK makes the index in the header a filter. */
static int dump(struct nl_writer *w, const struct nl_request *q)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct ifaddrmsg want;
	int err = dump_read(w, q, &want);

	if (err < 0) return err;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		list_each(struct netif, nif, &nl_stack(w)->netifs, node)
			if (nl_family_wanted(want.ifa_family, families[i]) && (!want.ifa_index || want.ifa_index == (uint32_t)nif->index))
				dump_netif(w, nif, families[i]);
	return 0;
}

/* As Linux: only IPv6 answers about one. */
static int one(struct nl_writer *w, const struct nl_request *q)
{
	struct nl_attr tb[IFA_MAX + 1];
	struct ifaddrmsg h;
	struct addr a;
	const struct netif_addr *ia;
	int err = q->body[0] == AF_INET6 ? nl_form_read(w, q, &one_form, &h, tb) : -EOPNOTSUPP;

	if (err < 0) return err;
	if (tb[IFA_TARGET_NETNSID].at) return netlink_refuse(nl_stack(w), -EINVAL, "ipv6: Invalid target network namespace id");
	if (!tb[IFA_LOCAL].at && !tb[IFA_ADDRESS].at) return -EINVAL;
	a = nl_addr(tb[IFA_LOCAL].at ? &tb[IFA_LOCAL] : &tb[IFA_ADDRESS], false);
	ia = netif_addr_find(nl_stack(w), &a, h.ifa_index ? netif_by_index(nl_stack(w), (int)h.ifa_index) : NULL);
	if (!ia) return -EADDRNOTAVAIL;
	nl_write_address(w, ia, RTM_NEWADDR);
	return 0;
}

const struct nl_kind nl_address = {RTM_GETADDR, dump, one, nl_address_make, nl_address_del, NULL, 0, END_APART_BUT_IPV6};
