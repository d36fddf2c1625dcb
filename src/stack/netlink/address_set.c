/* RTM_NEWADDR and RTM_DELADDR: `ip addr add`, `change`, `replace`, `del`. The two families differ in what they ask and how they refuse. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include "stack/core/netif.h"
#include "stack/netlink/private.h"

#define FLAGS4 (IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)
#define FLAGS6 (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN | IFA_F_OPTIMISTIC)

/* What a request says, read. */
struct wanted {
	struct ifaddrmsg h;
	struct nl_attr tb[IFA_MAX + 1];
	struct netif *nif;
	bool v4;
	struct ifa_cacheinfo life;    /* seconds; UINT32_MAX: for ever */
};

static int read_header(const struct stack *s, const struct nl_request *q, struct wanted *ret)
{
	int err;

	nl_header(q, &ret->h, sizeof ret->h);
	if (ret->h.ifa_family != AF_INET && ret->h.ifa_family != AF_INET6) return -EOPNOTSUPP;
	ret->v4 = ret->h.ifa_family == AF_INET;
	ret->life = (struct ifa_cacheinfo){.ifa_prefered = UINT32_MAX, .ifa_valid = UINT32_MAX};
	err = nl_parse(s, q, sizeof ret->h, ret->v4 ? nl_address4_policy : nl_address6_policy, IFA_MAX + 1, ret->tb);
	if (err < 0) return err;
	if (ret->tb[IFA_CACHEINFO].at) memcpy(&ret->life, ret->tb[IFA_CACHEINFO].at, sizeof ret->life);
	ret->nif = netif_by_index(s, (int)ret->h.ifa_index);
	return 0;
}

static bool life_is_sound(const struct wanted *w) { return w->life.ifa_valid && w->life.ifa_prefered <= w->life.ifa_valid; }

/* In Linux's order of complaints. */
static int check4(const struct stack *s, const struct wanted *w)
{
	if (w->h.ifa_prefixlen > 32) return netlink_refuse(s, -EINVAL, "ipv4: Invalid prefix length");
	if (!w->tb[IFA_LOCAL].at) return netlink_refuse(s, -EINVAL, "ipv4: Local address is not supplied");
	if (!w->nif) return netlink_refuse(s, -ENODEV, "ipv4: Device not found");
	return life_is_sound(w) ? 0 : netlink_refuse(s, -EINVAL, "ipv4: address lifetime invalid");
}

static int check6(const struct stack *s, const struct wanted *w)
{
	if (!w->tb[IFA_LOCAL].at && !w->tb[IFA_ADDRESS].at) return -EINVAL;
	if (!life_is_sound(w)) return netlink_refuse(s, -EINVAL, "address lifetime invalid");
	if (!w->nif) return netlink_refuse(s, -ENODEV, "Unable to find the interface");
	if (w->h.ifa_prefixlen > 128) return netlink_refuse(s, -EINVAL, "Invalid prefix length");
	return 0;
}

/* The address itself, and its peer: IFA_ADDRESS is the prefix's where both are given. */
static void addresses(const struct wanted *w, struct addr *ret_addr, struct addr *ret_peer)
{
	const struct nl_attr *local = &w->tb[IFA_LOCAL], *address = &w->tb[IFA_ADDRESS];

	*ret_addr = nl_addr(local->at ? local : address, w->v4);
	*ret_peer = nl_addr(address->at ? address : local, w->v4);
}

static time_ns end_of(const struct stack *s, uint32_t seconds) { return seconds == UINT32_MAX ? TIME_NEVER : s->now + seconds * NS_PER_S; }

static struct netif_addr describe(const struct wanted *w)
{
	uint32_t asked = w->tb[IFA_FLAGS].at ? nl_u32(&w->tb[IFA_FLAGS]) : w->h.ifa_flags;
	struct netif_addr ia = {.plen = w->h.ifa_prefixlen, .scope = w->h.ifa_scope, .broadcast = addr_any4, .preferred_until = TIME_NEVER,
				.valid_until = TIME_NEVER, .flags = asked & (w->v4 ? FLAGS4 : FLAGS6)};

	addresses(w, &ia.addr, &ia.peer);
	memcpy(ia.label, w->nif->name, sizeof ia.label);
	if (w->v4 && w->tb[IFA_BROADCAST].at) ia.broadcast = nl_addr(&w->tb[IFA_BROADCAST], true);
	if (w->v4 && w->tb[IFA_LABEL].at) nl_text(&w->tb[IFA_LABEL], ia.label, sizeof ia.label);
	if (w->tb[IFA_RT_PRIORITY].at) ia.route_metric = nl_u32(&w->tb[IFA_RT_PRIORITY]);
	if (w->tb[IFA_PROTO].at) ia.protocol = nl_u8(&w->tb[IFA_PROTO]);
	if (w->life.ifa_valid == UINT32_MAX) ia.flags |= IFA_F_PERMANENT;
	if (w->v4) return ia;
	/* RFC 4291 §2.5.6, §2.5.3: the address says its scope. */
	ia.scope = addr_is_loopback(&ia.addr) ? RT_SCOPE_HOST : addr_is_linklocal(&ia.addr) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	if (!(ia.flags & IFA_F_NODAD)) ia.flags |= IFA_F_TENTATIVE;
	return ia;
}

static struct netif_addr *have(const struct wanted *w, const struct netif_addr *want)
{
	list_each(struct netif_addr, ia, &w->nif->addrs, node) {
		if (!addr_eq(&ia->addr, &want->addr)) continue;
		if (!w->v4 || (ia->plen == want->plen && addr_in_prefix(&ia->peer, &want->peer, want->plen))) return ia;
	}
	return NULL;
}

static void set_life(const struct stack *s, struct netif_addr *ia, const struct wanted *w)
{
	netif_addr_set_life(ia, end_of(s, w->life.ifa_prefered), end_of(s, w->life.ifa_valid));
}

static int change(const struct stack *s, struct netif_addr *ia, const struct netif_addr *want, const struct wanted *w, uint16_t flags)
{
	if (flags & NLM_F_EXCL || !(flags & NLM_F_REPLACE))
		return netlink_refuse(s, -EEXIST, w->v4 ? "ipv4: Address already assigned" : "ipv6: address already assigned");
	ia->flags = (ia->flags & ~(uint32_t)IFA_F_PERMANENT) | (want->flags & IFA_F_PERMANENT);
	if (w->tb[IFA_PROTO].at) ia->protocol = want->protocol;
	set_life(s, ia, w);
	if (w->tb[IFA_RT_PRIORITY].at) netif_addr_set_metric(ia, want->route_metric);
	netlink_tell_addr(ia, false);
	return 0;
}

/* A group's address may be had, but joins nothing by itself here. */
static int check_address4(const struct netif_addr *want)
{
	return addr_is_multicast(&want->addr) && want->flags & IFA_F_MCAUTOJOIN ? -EOPNOTSUPP : 0;
}

/* What Linux has no address for. */
static int check_address6(const struct stack *s, const struct wanted *w, const struct netif_addr *want)
{
	if (addr_is_v4(&want->addr) || addr_is_v4(&want->peer)) return -EADDRNOTAVAIL;   /* a mapped one is IPv4's here */
	if (addr_is_any(&want->addr)) return netlink_refuse(s, -EADDRNOTAVAIL, "ipv6: Cannot assign unspecified address");
	if (addr_is_multicast(&want->addr) && !(want->flags & IFA_F_MCAUTOJOIN))
		return netlink_refuse(s, -EADDRNOTAVAIL, "ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag");
	if (addr_is_multicast(&want->addr)) return -EOPNOTSUPP;
	if (addr_is_loopback(&want->addr) && !(w->nif->flags & IFF_LOOPBACK))
		return netlink_refuse(s, -EADDRNOTAVAIL, "ipv6: Cannot assign loopback address on this device");
	return 0;
}

int nl_address_make(struct stack *s, const struct nl_request *q)
{
	struct netif_addr want, *ia;
	struct wanted w;
	int err = read_header(s, q, &w);

	if (err == 0) err = (w.v4 ? check4 : check6)(s, &w);
	if (err < 0) return err;
	want = describe(&w);
	ia = have(&w, &want);
	if (ia) return change(s, ia, &want, &w, q->h.nlmsg_flags);
	err = w.v4 ? check_address4(&want) : check_address6(s, &w, &want);
	if (err < 0) return err;
	if (addr_eq(&want.addr, &addr_any4)) return 0;        /* as Linux: it is well, and comes to nothing */
	/* Its life begins before anybody hears of it. */
	want.preferred_until = end_of(s, w.life.ifa_prefered);
	want.valid_until = end_of(s, w.life.ifa_valid);
	if (!w.life.ifa_prefered) want.flags |= IFA_F_DEPRECATED;
	err = netif_addr_put(w.nif, &want, &ia);
	if (err == 0) set_life(s, ia, &w);
	return err;
}

/* ---- taking away ---- */

static bool is_meant4(const struct wanted *w, const struct netif_addr *ia)
{
	char label[IFNAMSIZ] = "";
	struct addr a;

	if (!addr_is_v4(&ia->addr)) return false;
	if (w->tb[IFA_LABEL].at) nl_text(&w->tb[IFA_LABEL], label, sizeof label);
	if (label[0] && strcmp(label, ia->label) != 0) return false;
	if (w->tb[IFA_LOCAL].at) a = nl_addr(&w->tb[IFA_LOCAL], true);
	if (w->tb[IFA_LOCAL].at && !addr_eq(&a, &ia->addr)) return false;
	if (!w->tb[IFA_ADDRESS].at) return true;
	a = nl_addr(&w->tb[IFA_ADDRESS], true);
	return w->h.ifa_prefixlen == ia->plen && addr_in_prefix(&a, &ia->peer, ia->plen);
}

static bool is_meant6(const struct wanted *w, const struct netif_addr *ia)
{
	struct addr a, peer;

	addresses(w, &a, &peer);
	return addr_eq(&a, &ia->addr) && w->h.ifa_prefixlen == ia->plen;
}

int nl_address_del(struct stack *s, const struct nl_request *q)
{
	struct wanted w;
	int err = read_header(s, q, &w);

	if (err < 0) return err;
	if (!w.v4 && !w.tb[IFA_LOCAL].at && !w.tb[IFA_ADDRESS].at) return -EINVAL;
	if (!w.v4 && w.h.ifa_prefixlen > 128) return netlink_refuse(s, -EINVAL, "Invalid prefix length");
	if (!w.nif) return netlink_refuse(s, -ENODEV, w.v4 ? "ipv4: Device not found" : "Unable to find the interface");
	list_each(struct netif_addr, ia, &w.nif->addrs, node)
		if ((w.v4 ? is_meant4 : is_meant6)(&w, ia)) {
			netif_addr_remove(ia);
			return 0;
		}
	return netlink_refuse(s, -EADDRNOTAVAIL, w.v4 ? "ipv4: Address not found" : "ipv6: address not found");
}
