/* RTM_GETADDR: addresses of interfaces. */
#include <linux/if.h>
#include <linux/if_addr.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

static const struct netif_addr *of(const void *o) { return o; }

static void put_address(struct nl_writer *w, uint16_t type, const void *o) { nl_put_addr(w, type, &of(o)->addr); }
static void put_flags(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, of(o)->flags); }

static void put_local(struct nl_writer *w, uint16_t type, const void *o)
{
	if (addr_is_v4(&of(o)->addr)) nl_put_addr(w, type, &of(o)->addr);
}

static void put_label(struct nl_writer *w, uint16_t type, const void *o)
{
	if (addr_is_v4(&of(o)->addr)) nl_put_text(w, type, of(o)->netif->name);
}

static void put_broadcast(struct nl_writer *w, uint16_t type, const void *o)
{
	struct addr last = addr_last(&of(o)->addr, of(o)->plen);

	if (addr_is_v4(&of(o)->addr) && of(o)->plen < 31 && (of(o)->netif->flags & IFF_BROADCAST)) nl_put_addr(w, type, &last);
}

static uint32_t seconds_until(const struct netif_addr *na, time_ns when)
{
	time_ns now = na->netif->stack->now;

	if (when == TIME_NEVER) return UINT32_MAX;
	return when > now ? (uint32_t)((when - now) / NS_PER_S) : 0;
}

static void put_cacheinfo(struct nl_writer *w, uint16_t type, const void *o)
{
	struct ifa_cacheinfo c = {.ifa_prefered = seconds_until(of(o), of(o)->preferred_until), .ifa_valid = seconds_until(of(o), of(o)->valid_until)};

	nl_put(w, type, &c, sizeof c);
}

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(IFA_ADDRESS, put_address),
	ROW(IFA_LOCAL, put_local),
	ROW(IFA_BROADCAST, put_broadcast),
	ROW(IFA_LABEL, put_label),
	ROW(IFA_FLAGS, put_flags),
	ROW(IFA_CACHEINFO, put_cacheinfo),
	{.text = NULL},
};

static void address_write(struct nl_writer *w, const struct netif_addr *na)
{
	struct ifaddrmsg h = {.ifa_family = nl_family(&na->addr), .ifa_prefixlen = na->plen, .ifa_flags = (uint8_t)na->flags,
			      .ifa_scope = na->scope, .ifa_index = (uint32_t)na->netif->index};

	nl_begin(w, RTM_NEWADDR, &h, sizeof h);
	nl_put_rows(w, rows, na);
	nl_end(w);
}

/* IPv6 lists the wider scope first: programs take the first address that they are given. */
static void dump_netif(struct nl_writer *w, const struct netif *nif, uint8_t family)
{
	for (int linklocal = 0; linklocal <= 1; linklocal++)
		list_each(struct netif_addr, na, &nif->addrs, node)
			if (nl_family(&na->addr) == family && (family == AF_INET6 && addr_is_linklocal(&na->addr)) == linklocal) address_write(w, na);
}

/* All of IPv4 comes before all of IPv6. Only NETLINK_GET_STRICT_CHK makes the index in the header a filter. */
static int dump(struct nl_writer *w, const struct nl_request *q)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct ifaddrmsg want;

	nl_header(q, &want, sizeof want);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		list_each(struct netif, nif, &nl_stack(w)->netifs, node)
			if (nl_family_wanted(want.ifa_family, families[i]) && (!w->ns->strict || !want.ifa_index || want.ifa_index == (uint32_t)nif->index))
				dump_netif(w, nif, families[i]);
	return 0;
}

const struct nl_kind nl_address = {RTM_GETADDR, dump, NULL};
