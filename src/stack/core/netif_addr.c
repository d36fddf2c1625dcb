/*
 * Addresses of interfaces. An address brings its routes along, as on Linux: the local one, the connected prefix, the broadcast addresses of an IPv4
 * prefix. Several addresses may need one route: it goes with the last of them.
 *
 * An IPv4 address in the subnet of an earlier one is secondary: it has no routes but the local one, is no source by itself, and goes with the first.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include "stack/core/netif.h"
#include "stack/core/route.h"
#include "stack/inet/neigh.h"
#include "stack/netlink/notify.h"

#define IP6_ROUTE_METRIC 256      /* Linux's IP6_RT_PRIO_ADDRCONF */
#define ADDRS_MAX 4096            /* of one host: memory of ours, and each is compared with all when one goes */
#define BROUGHT_MAX 4             /* routes that one address brings */

/* ---- the routes of an address ---- */

static bool is_zeronet(const struct addr *a) { return addr_is_v4(a) && a->b[12] == 0; }

/* Rows, so that adding and deleting can't disagree. */
struct address_routes { struct route at[BROUGHT_MAX]; size_t n; };

static struct route *another(struct address_routes *rs, const struct netif_addr *ia, uint8_t type, const struct addr *dst, unsigned plen)
{
	bool v4 = addr_is_v4(&ia->addr);
	struct route *r = &rs->at[rs->n++];

	*r = (struct route){.netif = ia->netif, .protocol = RTPROT_KERNEL, .table = RT_TABLE_LOCAL, .scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
			    .has_prefsrc = v4, .prefsrc = ia->addr, .type = type, .dst = *dst, .plen = (uint8_t)plen};
	return r;
}

static void prefix_route(struct address_routes *rs, const struct netif_addr *ia, const struct addr *prefix, unsigned plen)
{
	bool v4 = addr_is_v4(&ia->addr), loop = v4 && ia->netif->flags & IFF_LOOPBACK;
	struct route *r = another(rs, ia, loop ? RTN_LOCAL : RTN_UNICAST, prefix, plen);

	r->metric = ia->route_metric ? ia->route_metric : v4 ? 0 : IP6_ROUTE_METRIC;
	if (loop) return;
	r->table = RT_TABLE_MAIN;
	r->scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

/* Linux's fib_add_ifaddr. */
static void routes4(struct address_routes *rs, const struct netif_addr *ia)
{
	struct addr prefix = addr_mask(&ia->peer, ia->plen), last = addr_last(&ia->peer, ia->plen);
	bool subnet = !is_zeronet(&prefix) && !(ia->flags & IFA_F_SECONDARY) && (!addr_eq(&prefix, &ia->addr) || ia->plen < 32);
	bool subnet_last = subnet && ia->plen < 31;      /* RFC 3021: a /31 has no broadcast address */

	if (subnet && !(ia->flags & IFA_F_NOPREFIXROUTE)) prefix_route(rs, ia, &prefix, ia->plen);
	if (subnet_last) another(rs, ia, RTN_BROADCAST, &last, 32)->scope = RT_SCOPE_LINK;
	if (!addr_is_any(&ia->broadcast) && !addr_eq(&ia->broadcast, &addr_bcast4) && !(subnet_last && addr_eq(&ia->broadcast, &last)))
		another(rs, ia, RTN_BROADCAST, &ia->broadcast, 32)->scope = RT_SCOPE_LINK;
}

static void routes6(struct address_routes *rs, const struct netif_addr *ia)
{
	struct addr prefix = addr_mask(&ia->addr, ia->plen);

	if (ia->plen < 128 && !(ia->flags & IFA_F_NOPREFIXROUTE)) prefix_route(rs, ia, &prefix, ia->plen);
	if (!addr_eq(&ia->peer, &ia->addr)) prefix_route(rs, ia, &ia->peer, 128);
}

static bool same_subnet(const struct netif_addr *a, const struct netif_addr *b)
{
	return addr_is_v4(&a->addr) && addr_is_v4(&b->addr) && a->plen == b->plen && addr_in_prefix(&a->peer, &b->peer, b->plen);
}

/* The address that a secondary one is second to, or itself. */
static const struct netif_addr *first_of(const struct netif_addr *ia)
{
	if (!(ia->flags & IFA_F_SECONDARY)) return ia;
	list_each(const struct netif_addr, first, &ia->netif->addrs, node)
		if (!(first->flags & IFA_F_SECONDARY) && same_subnet(first, ia)) return first;
	return ia;
}

/* While the interface is down only the local route of an IPv4 address exists, as on Linux. */
static void routes_of(struct address_routes *rs, const struct netif_addr *ia)
{
	bool v4 = addr_is_v4(&ia->addr), up = ia->netif->flags & IFF_UP;

	rs->n = 0;
	if (v4 || up) another(rs, ia, RTN_LOCAL, &ia->addr, v4 ? 32 : 128)->prefsrc = first_of(ia)->addr;
	if (v4 && up) routes4(rs, ia);
	if (!v4 && up) routes6(rs, ia);
}

int netif_addr_routes_add(const struct netif_addr *ia)
{
	struct address_routes rs;

	routes_of(&rs, ia);
	for (size_t i = 0; i < rs.n; i++) {
		int r = route_add(ia->netif->stack, &rs.at[i], NULL);
		/* Two addresses of one prefix share its routes. */
		if (r < 0 && r != -EEXIST) return r;
	}
	return 0;
}

static bool is_needed(const struct netif *nif, const struct route *r)
{
	struct address_routes rs;

	list_each(struct netif_addr, ia, &nif->addrs, node) {
		routes_of(&rs, ia);
		for (size_t i = 0; i < rs.n; i++)
			if (rs.at[i].type == r->type && rs.at[i].table == r->table && rs.at[i].plen == r->plen && addr_eq(&rs.at[i].dst, &r->dst) &&
			    rs.at[i].metric == r->metric)
				return true;
	}
	return false;
}

static bool has_ip4(const struct netif *nif)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (addr_is_v4(&ia->addr)) return true;
	return false;
}

/* gone is in no list any more. What only it needed goes, and so does what bore its address as a source, which Linux flushes for IPv4. */
static void routes_del(const struct netif_addr *gone)
{
	struct netif *nif = gone->netif;
	struct address_routes rs;

	routes_of(&rs, gone);
	/* As Linux: the local one, which is the first, at last. */
	for (size_t i = 1; i <= rs.n; i++)
		if (!is_needed(nif, &rs.at[i % rs.n])) route_del(nif->stack, &rs.at[i % rs.n]);
	/* What went so and is needed by others comes back, with a source of theirs. */
	if (addr_is_v4(&gone->addr) && !stack_is_local(nif->stack, &gone->addr) && route_flush_source(nif->stack, &gone->addr))
		list_each(struct netif_addr, ia, &nif->addrs, node)
			(void)netif_addr_routes_add(ia);
	/* As Linux: without an address the interface has no IPv4. */
	if (addr_is_v4(&gone->addr) && !has_ip4(nif)) route_netif_disable(nif->stack, nif, true);
}

void netif_addr_set_metric(struct netif_addr *ia, uint32_t metric)
{
	struct address_routes rs;

	if (ia->route_metric == metric) return;
	routes_of(&rs, ia);
	ia->route_metric = metric;
	for (size_t i = 1; i < rs.n; i++)
		if (!is_needed(ia->netif, &rs.at[i])) route_del(ia->netif->stack, &rs.at[i]);
	(void)netif_addr_routes_add(ia);
}

/* ---- how long ---- */

static void life_fire(struct timer *t)
{
	struct netif_addr *ia = container_of(t, struct netif_addr, life);
	struct stack *s = ia->netif->stack;

	if (s->now >= ia->valid_until) {
		netif_addr_remove(ia);
		return;
	}
	/* RFC 4862 §5.5.4: still ours, but for nothing new. */
	ia->flags |= IFA_F_DEPRECATED;
	if (ia->valid_until != TIME_NEVER) timer_set(s, &ia->life, ia->valid_until);
	netlink_tell_addr(ia, false);
}

void netif_addr_set_life(struct netif_addr *ia, time_ns preferred_until, time_ns valid_until)
{
	struct stack *s = ia->netif->stack;

	ia->preferred_until = MIN(preferred_until, valid_until);
	ia->valid_until = valid_until;
	ia->updated = s->now;
	ia->flags &= (uint32_t)~IFA_F_DEPRECATED;
	if (ia->preferred_until <= s->now) ia->flags |= IFA_F_DEPRECATED;
	timer_clear(s, &ia->life);
	ia->life.fire = life_fire;
	if (ia->preferred_until > s->now && ia->preferred_until < valid_until)
		timer_set(s, &ia->life, ia->preferred_until);
	else if (valid_until != TIME_NEVER)
		timer_set(s, &ia->life, valid_until);
}

/* ---- adding ---- */

static uint8_t scope_of(const struct addr *a)
{
	if (addr_is_loopback(a)) return RT_SCOPE_HOST;
	return !addr_is_v4(a) && addr_is_linklocal(a) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

static struct netif_addr *find_exact(const struct netif *nif, const struct addr *a, unsigned plen)
{
	list_each(struct netif_addr, ia, &nif->addrs, node)
		if (addr_eq(&ia->addr, a) && (!addr_is_v4(a) || ia->plen == plen)) return ia;
	return NULL;
}

/* The address is there, or is another one of a subnet that is. */
static int join_subnet(const struct netif *nif, struct netif_addr *want)
{
	if (!addr_is_v4(&want->addr)) {
		if (!find_exact(nif, &want->addr, want->plen)) return 0;
		return netlink_refuse(nif->stack, -EEXIST, "IPv6 address already assigned");
	}
	list_each(struct netif_addr, ia, &nif->addrs, node) {
		if (!same_subnet(ia, want)) continue;
		if (addr_eq(&ia->addr, &want->addr)) return netlink_refuse(nif->stack, -EEXIST, "ipv4: Address already assigned");
		if (ia->scope != want->scope) return netlink_refuse(nif->stack, -EINVAL, "ipv4: Invalid scope value");
		want->flags |= IFA_F_SECONDARY;
	}
	return 0;
}

/* As Linux: the wider scope first, and of one scope the newest. */
static void insert6(struct netif *nif, struct netif_addr *ia)
{
	struct list *at = &nif->addrs;

	list_each(struct netif_addr, have, &nif->addrs, node)
		if (at == &nif->addrs && !addr_is_v4(&have->addr) && have->scope >= ia->scope) at = &have->node;
	list_insert_before(at, &ia->node);
}

/* As Linux: the first addresses of subnets before the secondary ones, and one behind the last of its own scope or a narrower one. */
static void insert(struct netif *nif, struct netif_addr *ia)
{
	struct list *behind = &nif->addrs;

	if (!addr_is_v4(&ia->addr)) {
		insert6(nif, ia);
		return;
	}
	if (ia->flags & IFA_F_SECONDARY) {
		list_append(&nif->addrs, &ia->node);
		return;
	}
	list_each(struct netif_addr, have, &nif->addrs, node)
		if (addr_is_v4(&have->addr) && !(have->flags & IFA_F_SECONDARY) && ia->scope <= have->scope) behind = &have->node;
	list_insert_before(behind->next, &ia->node);
}

int netif_addr_put(struct netif *nif, const struct netif_addr *want, struct netif_addr **ret)
{
	struct netif_addr *ia;
	int r;

	if (nif->conf.disable_ipv6 && !addr_is_v4(&want->addr)) return netlink_refuse(nif->stack, -EACCES, "IPv6 is disabled on this device");
	ia = nif->stack->n_addrs < ADDRS_MAX ? malloc(sizeof *ia) : NULL;
	if (!ia) return nif->stack->n_addrs < ADDRS_MAX ? -ENOMEM : -ENOBUFS;
	*ia = *want;
	ia->netif = nif;
	ia->dad = ia->life = (struct timer){.fire = life_fire};
	ia->created = ia->updated = nif->stack->now;
	r = join_subnet(nif, ia);
	if (r < 0) {
		free(ia);
		return r;
	}
	if (addr_is_v4(&ia->addr) || nif->kind != NETIF_ETHERNET || nif->flags & IFF_NOARP) ia->flags &= (uint32_t)~IFA_F_TENTATIVE;
	if (netif_addr_is_tentative(ia) && nif->flags & IFF_UP) dad_start(ia);
	insert(nif, ia);
	nif->conf.is_settled |= addr_is_v4(&ia->addr);
	nif->stack->n_addrs++;
	netlink_tell_addr(ia, false);
	r = netif_addr_routes_add(ia);
	if (r < 0) {
		netif_addr_remove(ia);
		return r;
	}
	if (addr_is_v4(&ia->addr) && nif->flags & IFF_UP) route_revive(nif->stack, nif, true);
	if (ret) *ret = ia;
	return 0;
}

int netif_addr_add(struct netif *nif, const struct addr *a, unsigned plen)
{
	return netif_addr_add_flags(nif, a, plen, IFA_F_PERMANENT);
}

int netif_addr_add_flags(struct netif *nif, const struct addr *a, unsigned plen, uint32_t flags)
{
	bool v4 = addr_is_v4(a);
	struct netif_addr want = {.addr = *a, .peer = *a, .plen = (uint8_t)plen, .flags = flags, .scope = scope_of(a), .broadcast = addr_any4,
				  .preferred_until = TIME_NEVER, .valid_until = TIME_NEVER};

	if (plen > (v4 ? 32U : 128U) || addr_is_any(a) || addr_is_multicast(a) || addr_eq(a, &addr_bcast4)) return -EINVAL;
	if (v4 && plen < 31 && nif->flags & IFF_BROADCAST) want.broadcast = addr_last(a, plen);
	memcpy(want.label, nif->name, sizeof want.label);
	return netif_addr_put(nif, &want, NULL);
}

/* ---- taking away ---- */

static void remove_one(struct netif_addr *ia)
{
	struct stack *s = ia->netif->stack;

	list_remove(&ia->node);
	s->n_addrs--;
	timer_clear(s, &ia->dad);
	timer_clear(s, &ia->life);
	netlink_tell_addr(ia, true);
	routes_del(ia);
	free(ia);
}

static struct netif_addr *secondary_of(const struct netif_addr *first)
{
	list_each(struct netif_addr, ia, &first->netif->addrs, node)
		if (ia->flags & IFA_F_SECONDARY && same_subnet(ia, first)) return ia;
	return NULL;
}

void netif_addr_remove(struct netif_addr *ia)
{
	struct netif_addr *other;

	if (!(ia->flags & IFA_F_SECONDARY))
		while ((other = secondary_of(ia)))
			remove_one(other);
	remove_one(ia);
}

int netif_addr_del(struct netif *nif, const struct addr *a, unsigned plen)
{
	struct netif_addr *ia = find_exact(nif, a, plen);

	if (!ia || ia->plen != plen) return -EADDRNOTAVAIL;
	netif_addr_remove(ia);
	return 0;
}

/* ---- finding ---- */

static bool is_127(const struct addr *a)
{
	return addr_is_v4(a) && addr_is_loopback(a);
}

const struct netif_addr *netif_linklocal(const struct netif *nif)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (!addr_is_v4(&ia->addr) && addr_is_linklocal(&ia->addr) && !netif_addr_is_tentative(ia)) return ia;
	return NULL;
}

bool netif_addr_is_tentative(const struct netif_addr *ia)
{
	return ia->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED);
}

struct netif_addr *netif_addr_find(const struct stack *s, const struct addr *a, const struct netif *nif)
{
	bool loop4 = is_127(a);

	list_each(struct netif, at, &s->netifs, node) {
		if (nif && nif != at) continue;
		list_each(struct netif_addr, ia, &at->addrs, node)
			if ((addr_eq(&ia->addr, a) && !netif_addr_is_tentative(ia)) || (loop4 && is_127(&ia->addr))) return ia;
	}
	return NULL;
}

bool stack_is_local(const struct stack *s, const struct addr *a)
{
	return netif_addr_find(s, a, NULL) != NULL;
}
