/*
 * Interfaces and their addresses. An address brings its routes along, as on Linux: the local one, the connected
 * prefix, the broadcast address of an IPv4 prefix.
 *
 * An interface that goes away stays in memory until the stack ends: datagrams that wait in socket queues and sockets
 * that are bound to it still name it, and find it down.
 */
#include "stack/core/netif.h"
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include "stack/core/route.h"
#include "stack/inet/autoconf.h"
#include "stack/inet/mcast.h"
#include "stack/inet/neigh.h"
#include "stack/packet/tap.h"

#define TXQLEN 1000               /* Linux's default */
#define NETIF_MTU_MIN 68          /* RFC 791 §3.2 */
#define IP6_ROUTE_METRIC 256      /* Linux's IP6_RT_PRIO_ADDRCONF */

/* The interface identifier of RFC 4291 §2.5.1 and appendix A: the mac with ff:fe in the middle and the universal bit turned. */
struct addr netif_addr_of(const struct netif *nif, const struct addr *prefix)
{
	const uint8_t *m = nif->mac.b;
	uint8_t a[16] = {[8] = m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};

	memcpy(a, prefix->b, 8);
	return addr_v6_octets(a);
}

static int add_own_addresses(struct netif *nif)
{
	struct addr a;
	int r;

	switch (nif->kind) {
	case NETIF_LOOPBACK:
		r = netif_addr_add(nif, &addr_loop4, 8);
		if (r < 0 && r != -EEXIST) return r;
		r = netif_addr_add(nif, &addr_loop6, 128);
		break;
	case NETIF_ETHERNET:
		a = netif_addr_of(nif, &(struct addr){{0xfe, 0x80}});
		r = netif_addr_add(nif, &a, 64);
		break;
	default:
		r = 0;
	}
	return r == -EEXIST ? 0 : r;
}

int netif_add(struct stack *s, const char *name, enum netif_kind kind, const struct mac *mac, uint32_t mtu_bytes, struct netif **ret)
{
	static const uint32_t kind_flags[] = {
		[NETIF_ETHERNET] = IFF_BROADCAST | IFF_MULTICAST, [NETIF_LOOPBACK] = IFF_LOOPBACK, [NETIF_RAW_IP] = IFF_POINTOPOINT | IFF_MULTICAST | IFF_NOARP,
	};
	struct netif *nif;
	int r;

	if (!name[0] || strlen(name) >= sizeof nif->name || mtu_bytes < NETIF_MTU_MIN) return -EINVAL;
	if (netif_by_name(s, name)) return -EEXIST;
	nif = calloc(1, sizeof *nif);
	if (!nif) return -ENOMEM;
	nif->stack = s;
	nif->kind = kind;
	nif->mtu_bytes = mtu_bytes;
	nif->txqlen = TXQLEN;
	nif->flags = IFF_UP | IFF_RUNNING | kind_flags[kind];
	memcpy(nif->name, name, strlen(name));
	if (mac) nif->mac = *mac;
	list_init(&nif->addrs);
	list_init(&nif->groups);
	list_init(&nif->learnt);
	nif->mcast.general4.fire = mcast_general_fire4;
	nif->mcast.general6.fire = mcast_general_fire6;
	nif->index = s->next_ifindex++;
	list_append(&s->netifs, &nif->node);
	r = add_own_addresses(nif);
	if (r < 0) {
		netif_remove(nif);
		return r;
	}
	*ret = nif;
	return 0;
}

void netif_remove(struct netif *nif)
{
	struct stack *s = nif->stack;

	nif->flags &= (uint32_t)~(IFF_UP | IFF_RUNNING);
	while (!list_empty(&nif->addrs)) {
		struct netif_addr *ia = list_first(&nif->addrs, struct netif_addr, node);
		list_remove(&ia->node);
		timer_clear(s, &ia->dad);
		timer_clear(s, &ia->life);
		free(ia);
	}
	ra_forget(nif);
	timer_clear(s, &nif->advertise);
	timer_clear(s, &nif->solicit.timer);
	route_flush_netif(s, nif);
	neigh_flush(nif);
	netif_group_flush(nif);
	list_remove(&nif->node);
	list_append(&s->netifs_gone, &nif->node);
}

void netif_free_gone(struct stack *s)
{
	while (!list_empty(&s->netifs_gone))
		free(list_entry(list_pop(&s->netifs_gone), struct netif, node));
}

uint16_t netif_hatype(const struct netif *nif)
{
	switch (nif->kind) {
	case NETIF_ETHERNET: return ARPHRD_ETHER;
	case NETIF_LOOPBACK: return ARPHRD_LOOPBACK;
	default: return ARPHRD_NONE;
	}
}

struct netif *netif_by_index(const struct stack *s, int index)
{
	list_each(struct netif, nif, &s->netifs, node)
		if (nif->index == index) return nif;
	return NULL;
}

struct netif *netif_by_name(const struct stack *s, const char *name)
{
	list_each(struct netif, nif, &s->netifs, node)
		if (strcmp(nif->name, name) == 0) return nif;
	return NULL;
}

/* ---- addresses ---- */

/* The routes that an address brings. Rows, so that adding and deleting can't disagree. */
static size_t address_routes(const struct netif_addr *ia, struct route rt[static 4])
{
	bool v4 = addr_is_v4(&ia->addr);
	unsigned host_plen = v4 ? 32 : 128;
	struct route base = {.netif = ia->netif, .protocol = RTPROT_KERNEL, .table = RT_TABLE_LOCAL, .scope = v4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
			     .has_prefsrc = v4, .prefsrc = ia->addr};
	size_t n = 0;

	rt[n] = base;
	rt[n].type = RTN_LOCAL;
	rt[n].dst = ia->addr;
	rt[n++].plen = (uint8_t)host_plen;
	if (ia->plen < host_plen) {
		rt[n] = base;
		rt[n].dst = addr_mask(&ia->addr, ia->plen);
		rt[n].plen = ia->plen;
		rt[n].type = RTN_UNICAST;
		if (ia->netif->flags & IFF_LOOPBACK) {
			rt[n].type = RTN_LOCAL;
		} else {
			rt[n].table = RT_TABLE_MAIN;
			rt[n].scope = v4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
			rt[n].metric = v4 ? 0 : IP6_ROUTE_METRIC;
		}
		n++;
	}
	if (v4 && ia->plen < 31) {        /* RFC 3021: a /31 has no broadcast address */
		rt[n] = base;
		rt[n].type = RTN_BROADCAST;
		rt[n].scope = RT_SCOPE_LINK;
		rt[n].dst = addr_last(&ia->addr, ia->plen);
		rt[n++].plen = 32;
	}
	if (!v4 && (ia->netif->flags & IFF_MULTICAST)) {
		rt[n] = base;
		rt[n].type = RTN_MULTICAST;
		rt[n].metric = IP6_ROUTE_METRIC;
		rt[n].dst = addr_v6_octets((const uint8_t[16]){0xff});
		rt[n++].plen = 8;
	}
	return n;
}

/* While the interface is down only the local route of an IPv4 address exists, as on Linux. */
static int add_routes(const struct netif_addr *ia)
{
	struct route rt[4];
	size_t n = address_routes(ia, rt);

	if (!(ia->netif->flags & IFF_UP)) n = addr_is_v4(&ia->addr);
	for (size_t i = 0; i < n; i++) {
		int r = route_add(ia->netif->stack, &rt[i], NULL);
		/* Two addresses of one prefix share its routes. */
		if (r < 0 && r != -EEXIST) return r;
	}
	return 0;
}

/* Takes an address's routes away, and puts back those that its neighbours in the same prefix still need. */
static void del_routes(const struct netif_addr *gone)
{
	struct netif *nif = gone->netif;
	struct route rt[4];
	size_t n = address_routes(gone, rt);

	for (size_t i = 0; i < n; i++)
		route_del(nif->stack, &rt[i]);
	list_each(struct netif_addr, ia, &nif->addrs, node)
		(void)add_routes(ia);
}

static struct netif_addr *find_exact(const struct netif *nif, const struct addr *a)
{
	list_each(struct netif_addr, ia, &nif->addrs, node)
		if (addr_eq(&ia->addr, a)) return ia;
	return NULL;
}

static uint8_t scope_of(const struct addr *a)
{
	if (addr_is_loopback(a)) return RT_SCOPE_HOST;
	return !addr_is_v4(a) && addr_is_linklocal(a) ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

int netif_addr_add(struct netif *nif, const struct addr *a, unsigned plen)
{
	return netif_addr_add_flags(nif, a, plen, IFA_F_PERMANENT);
}

int netif_addr_add_flags(struct netif *nif, const struct addr *a, unsigned plen, uint32_t flags)
{
	struct netif_addr *ia;
	int r;

	if (plen > (addr_is_v4(a) ? 32U : 128U) || addr_is_any(a) || addr_is_multicast(a) || addr_eq(a, &addr_bcast4)) return -EINVAL;
	if (find_exact(nif, a)) return -EEXIST;
	ia = calloc(1, sizeof *ia);
	if (!ia) return -ENOMEM;
	ia->netif = nif;
	ia->addr = *a;
	ia->plen = (uint8_t)plen;
	ia->scope = scope_of(a);
	ia->flags = flags;
	ia->preferred_until = ia->valid_until = TIME_NEVER;
	if (addr_is_v4(a) || nif->kind != NETIF_ETHERNET) ia->flags &= (uint32_t)~IFA_F_TENTATIVE;
	if (netif_addr_is_tentative(ia)) dad_start(ia);
	list_append(&nif->addrs, &ia->node);
	r = add_routes(ia);
	if (r < 0) netif_addr_del(nif, a, plen);
	return r;
}

int netif_addr_del(struct netif *nif, const struct addr *a, unsigned plen)
{
	struct netif_addr *ia = find_exact(nif, a);

	if (!ia || ia->plen != plen) return -EADDRNOTAVAIL;
	list_remove(&ia->node);
	del_routes(ia);
	timer_clear(nif->stack, &ia->dad);
	timer_clear(nif->stack, &ia->life);
	free(ia);
	return 0;
}

/* As Linux: IPv6 addresses go, IPv4 ones stay and stay local, everything that leaves through the interface goes. */
static int take_down(struct netif *nif)
{
	ra_forget(nif);
	timer_clear(nif->stack, &nif->advertise);
	timer_clear(nif->stack, &nif->solicit.timer);
	route_flush_netif(nif->stack, nif);
	neigh_flush(nif);
	list_each(struct netif_addr, ia, &nif->addrs, node)
		if (!addr_is_v4(&ia->addr)) netif_addr_del(nif, &ia->addr, ia->plen);
	list_each(struct netif_addr, ia, &nif->addrs, node) {
		int r = add_routes(ia);
		if (r < 0) return r;
	}
	return 0;
}

void netif_start(struct netif *nif)
{
	ra_advertise_start(nif);
	rs_start(nif);
}

int netif_set_flags(struct netif *nif, uint32_t flags)
{
	bool was_up = nif->flags & IFF_UP, up = flags & IFF_UP;

	nif->flags = (nif->flags & (uint32_t)~(IFF_UP | IFF_RUNNING)) | (up ? IFF_UP | IFF_RUNNING : 0);
	if (was_up && !up) return take_down(nif);
	if (was_up || !up) return 0;
	list_each(struct netif_addr, ia, &nif->addrs, node) {
		int r = add_routes(ia);
		if (r < 0) return r;
	}
	netif_start(nif);
	return add_own_addresses(nif);
}

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

void netif_transmit(struct netif *nif, struct packet *p)
{
	netif_transmit_from(nif, p, NULL);
}

void netif_transmit_from(struct netif *nif, struct packet *p, const struct sock *sender)
{
	struct stack *s = nif->stack;

	if (!(nif->flags & IFF_UP)) {
		nif->tx_dropped++;
		stack_drop(s, p, DROP_NETIF_DOWN);
		return;
	}
	packet_tap_out(nif, p, sender);
	nif->tx_packets++;
	nif->tx_bytes += p->len;
	s->ops->transmit(s->host, nif, p);
}
