/*
 * Interfaces: how they come, change and go. Their addresses are netif_addr.c's.
 *
 * An interface that goes away stays in memory until the stack ends: datagrams that wait in socket queues and sockets
 * that are bound to it still name it, and find it down.
 */
#include "stack/core/netif.h"
#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include "stack/core/route.h"
#include "stack/core/sysctl.h"
#include "stack/inet/autoconf.h"
#include "stack/inet/mcast.h"
#include "stack/inet/neigh.h"
#include "stack/mroute/mroute.h"
#include "stack/netlink/netlink.h"
#include "stack/netlink/notify.h"
#include "stack/packet/tap.h"

#define TXQLEN 1000               /* Linux's default */
#define NETIF_MTU_MIN 68          /* RFC 791 §3.2 */
#define IP6_ROUTE_METRIC 256      /* Linux's IP6_RT_PRIO_ADDRCONF */
#define INDEX_MAX (1 << 18)       /* of a host, ever: those that are gone stay in memory */
#define MTU_MOST 65535            /* of Ethernet's drivers; loopback knows no bound */

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
	return r == -EEXIST || r == -EACCES ? 0 : r;     /* it has them, or is to have none of IPv6 */
}

/* IPv6's groups are reached by each interface that carries some. */
static int add_groups_route(struct netif *nif)
{
	static const uint8_t groups[16] = {0xff};
	struct route r = {.dst = addr_v6_octets(groups), .plen = 8, .netif = nif, .type = RTN_MULTICAST, .protocol = RTPROT_KERNEL, .table = RT_TABLE_LOCAL,
			  .metric = IP6_ROUTE_METRIC};
	int err = nif->flags & IFF_MULTICAST && !nif->conf.disable_ipv6 ? route_add(nif->stack, &r, NULL) : 0;

	return err == -EEXIST ? 0 : err;
}

static uint32_t kind_flags(enum netif_kind kind)
{
	switch (kind) {
	case NETIF_ETHERNET: return IFF_BROADCAST | IFF_MULTICAST;
	case NETIF_LOOPBACK: return IFF_LOOPBACK;
	default: return IFF_POINTOPOINT | IFF_MULTICAST | IFF_NOARP;
	}
}

int netif_make(struct stack *s, const char *name, enum netif_kind kind, const struct mac *mac, uint32_t mtu_bytes, struct netif **ret)
{
	struct netif *nif;

	if (!name[0] || strlen(name) >= sizeof nif->name || mtu_bytes < NETIF_MTU_MIN) return -EINVAL;
	if (netif_by_name(s, name)) return -EEXIST;
	if (s->next_ifindex >= INDEX_MAX) return -ENOBUFS;
	nif = calloc(1, sizeof *nif);
	if (!nif) return -ENOMEM;
	nif->stack = s;
	nif->kind = kind;
	nif->mtu_bytes = mtu_bytes;
	nif->txqlen = TXQLEN;
	nif->conf = s->sysctl->initial;
	nif->flags = kind_flags(kind);
	memcpy(nif->name, name, strlen(name));
	if (mac) nif->mac = *mac;
	list_init(&nif->addrs);
	list_init(&nif->groups);
	list_init(&nif->learnt);
	list_init(&nif->altnames);
	nif->mcast.general4.fire = mcast_general_fire4;
	nif->mcast.general6.fire = mcast_general_fire6;
	nif->index = s->next_ifindex++;
	list_append(&s->netifs, &nif->node);
	netlink_tell_netconfs(nif, false, true);
	netlink_uevent(nif, "add");
	*ret = nif;
	return 0;
}

int netif_add(struct stack *s, const char *name, enum netif_kind kind, const struct mac *mac, uint32_t mtu_bytes, struct netif **ret)
{
	struct netif *nif;
	int r = netif_make(s, name, kind, mac, mtu_bytes, &nif);

	if (r < 0) return r;
	nif->flags |= IFF_UP | IFF_RUNNING;
	nif->was_up = true;
	r = add_groups_route(nif);
	if (r == 0) r = add_own_addresses(nif);
	if (r < 0) {
		netif_remove(nif);
		return r;
	}
	netlink_tell_link(nif, false, UINT32_MAX);
	*ret = nif;
	return 0;
}

static void fall_silent(struct netif *nif)
{
	ra_forget(nif);
	timer_clear(nif->stack, &nif->advertise);
	timer_clear(nif->stack, &nif->solicit.timer);
}

static void device_end(struct netif *nif)
{
	if (nif->ops) nif->ops->remove(nif);
	nif->ops = NULL;
	nif->device = NULL;
}

void netif_devices_end(struct stack *s)
{
	list_each(struct netif, nif, &s->netifs, node)
		device_end(nif);
}

void netif_remove(struct netif *nif)
{
	struct stack *s = nif->stack;

	nif->flags &= (uint32_t)~(IFF_UP | IFF_RUNNING);
	stack_ways_changed(s, NULL);
	packet_netif_down(nif, true);
	while (!list_empty(&nif->addrs))
		netif_addr_remove(list_first(&nif->addrs, struct netif_addr, node));
	fall_silent(nif);
	mroute_netif_gone(nif);
	device_end(nif);
	route_flush_netif(s, nif);
	neigh_flush(nif, false);
	netif_group_flush(nif);
	netlink_tell_netconfs(nif, true, false);
	netlink_tell_link(nif, true, UINT32_MAX);
	netif_altnames_free(nif);
	list_remove(&nif->node);
	list_append(&s->netifs_gone, &nif->node);
	nif->twin = NULL;
	netlink_uevent(nif, "remove");
}

void netif_free_gone(struct stack *s)
{
	while (!list_empty(&s->netifs_gone)) {
		struct netif *nif = list_entry(list_pop(&s->netifs_gone), struct netif, node);
		free(nif->alias);
		free(nif);
	}
}

uint32_t netif_mtu_least(const struct netif *nif) { return nif->kind == NETIF_ETHERNET ? NETIF_MTU_MIN : 0; }
uint32_t netif_mtu_most(const struct netif *nif) { return nif->kind == NETIF_ETHERNET ? MTU_MOST : 0; }

uint16_t netif_hatype(const struct netif *nif)
{
	switch (nif->kind) {
	case NETIF_ETHERNET: return ARPHRD_ETHER;
	case NETIF_LOOPBACK: return ARPHRD_LOOPBACK;
	default: return nif->pim_register ? ARPHRD_PIMREG : ARPHRD_NONE;
	}
}

bool netif_is_dummy(const struct netif *nif) { return nif->made && strcmp(nif->made, "dummy") == 0; }

uint8_t netif_operstate(const struct netif *nif)
{
	if (!(nif->flags & IFF_UP)) return IF_OPER_DOWN;
	if (nif->kind != NETIF_ETHERNET || netif_is_dummy(nif)) return IF_OPER_UNKNOWN;
	return nif->flags & IFF_RUNNING ? IF_OPER_UP : IF_OPER_LOWERLAYERDOWN;
}

struct netif *netif_by_index(const struct stack *s, int index)
{
	list_each(struct netif, nif, &s->netifs, node)
		if (nif->index == index) return nif;
	return NULL;
}

#define ABSENT_MAX 64

struct netif *netif_absent(struct stack *s, int index)
{
	struct netif *made;
	size_t n = 0;

	list_each(struct netif, nif, &s->netifs_gone, node) {
		if (nif->index == index) return nif;
		n += nif->kind == NETIF_ABSENT;
	}
	made = n < ABSENT_MAX ? calloc(1, sizeof *made) : NULL;
	if (!made) return NULL;
	*made = (struct netif){.stack = s, .index = index, .kind = NETIF_ABSENT};
	list_init(&made->addrs);
	list_init(&made->groups);
	list_init(&made->learnt);
	list_init(&made->altnames);
	list_append(&s->netifs_gone, &made->node);
	return made;
}

bool netif_is_gone(const struct netif *nif) { return netif_by_index(nif->stack, nif->index) != nif; }

struct netif *netif_by_own_name(const struct stack *s, const char *name)
{
	list_each(struct netif, nif, &s->netifs, node)
		if (strcmp(nif->name, name) == 0) return nif;
	return NULL;
}

struct netif *netif_by_name(const struct stack *s, const char *name)
{
	list_each(struct netif, nif, &s->netifs, node)
		if (strcmp(nif->name, name) == 0 || netif_has_altname(nif, name)) return nif;
	return NULL;
}

/* ---- up and down ---- */

/* As Linux: IPv6 addresses go, IPv4 ones stay and stay local, everything that leaves through the interface goes. */
static void take_down(struct netif *nif)
{
	packet_netif_down(nif, false);
	fall_silent(nif);
	if (nif->ops) nif->ops->stop(nif);
	neigh_flush(nif, false);
	list_each(struct netif_addr, ia, &nif->addrs, node)
		if (!addr_is_v4(&ia->addr)) netif_addr_remove(ia);
	route_netif_down(nif->stack, nif);
}

static int bring_up(struct netif *nif)
{
	int r;

	nif->was_up = true;
	list_each(struct netif_addr, ia, &nif->addrs, node) {
		r = netif_addr_routes_add(ia);
		if (r < 0) return r;
		if (netif_addr_is_tentative(ia) && !(ia->flags & IFA_F_DADFAILED)) dad_start(ia);
	}
	route_revive(nif->stack, nif, true);
	if (!nif->conf.disable_ipv6) route_revive(nif->stack, nif, false);
	netif_start(nif);
	r = add_groups_route(nif);
	return r < 0 ? r : add_own_addresses(nif);
}

/* As Linux: what it had of IPv6 is lost, and comes again as far as it is its own. */
void netif_ipv6_switched(struct netif *nif)
{
	if (!nif->conf.disable_ipv6) {
		if (!(nif->flags & IFF_UP)) return;
		route_revive(nif->stack, nif, false);
		netif_start(nif);
		if (add_groups_route(nif) == 0) (void)add_own_addresses(nif);
		return;
	}
	fall_silent(nif);
	list_each(struct netif_addr, ia, &nif->addrs, node)
		if (!addr_is_v4(&ia->addr)) netif_addr_remove(ia);
	neigh_flush(nif, true);
	route_netif_disable(nif->stack, nif, false);
}

void netif_start(struct netif *nif)
{
	ra_advertise_start(nif);
	rs_start(nif);
}

static uint32_t running(const struct netif *nif) { return nif->flags & IFF_UP && !nif->no_carrier ? IFF_RUNNING : 0; }

/* The others are the device's own. */
#define SETTABLE \
	(IFF_UP | IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_DYNAMIC | IFF_MULTICAST | IFF_PORTSEL | IFF_AUTOMEDIA | IFF_PROMISC | IFF_ALLMULTI)

int netif_set_flags(struct netif *nif, uint32_t flags)
{
	uint32_t was = nif->flags, change;
	int r = 0;

	if (nif->ops && flags & ~was & IFF_UP) r = nif->ops->open(nif);
	if (r < 0) return r;
	nif->flags = (nif->flags & (uint32_t)~(SETTABLE | IFF_RUNNING)) | (flags & SETTABLE);
	nif->flags |= running(nif);
	change = was ^ nif->flags;
	if (!change) return 0;
	netlink_tell_link(nif, false, change);
	if (was & change & IFF_UP) take_down(nif);
	else if (change & IFF_UP) r = bring_up(nif);
	/* The interfaces at the two ends of a cable see of each other whether they are up. */
	if (change & IFF_UP) stack_ways_changed(nif->stack, nif);
	return r;
}

void netif_set_carrier(struct netif *nif, bool on)
{
	uint32_t was = nif->flags;

	nif->no_carrier = !on;
	nif->flags = (nif->flags & (uint32_t)~IFF_RUNNING) | running(nif);
	if (nif->flags != was) netlink_tell_link(nif, false, was ^ nif->flags);
}

/* ---- what else can be set ---- */

int netif_set_mtu(struct netif *nif, uint32_t mtu_bytes)
{
	bool ether = nif->kind == NETIF_ETHERNET;

	if (ether && mtu_bytes < NETIF_MTU_MIN) return netlink_refuse(nif->stack, -EINVAL, "mtu less than device minimum");
	if (mtu_bytes > INT32_MAX || (ether && mtu_bytes > MTU_MOST)) return netlink_refuse(nif->stack, -EINVAL, "mtu greater than device maximum");
	if (nif->mtu_bytes == mtu_bytes) return 0;
	nif->mtu_bytes = mtu_bytes;
	netlink_tell_link(nif, false, 0);
	return 0;
}

bool netif_mac_ok(const struct mac *mac)
{
	static const struct mac none;

	return !(mac->b[0] & 1) && memcmp(mac, &none, sizeof none) != 0;
}

int netif_set_mac(struct netif *nif, const struct mac *mac)
{
	if (!netif_mac_ok(mac)) return -EADDRNOTAVAIL;
	nif->mac = *mac;
	netlink_tell_link(nif, false, 0);
	return 0;
}

/* ---- out ---- */

int netif_transmit(struct netif *nif, struct packet *p)
{
	return netif_transmit_from(nif, p, NULL);
}

int netif_transmit_from(struct netif *nif, struct packet *p, const struct sock *sender)
{
	struct stack *s = nif->stack;

	if (!(nif->flags & IFF_UP)) {
		nif->tx_dropped++;
		stack_drop(s, p, DROP_NETIF_DOWN);
		return 0;
	}
	packet_tap_out(nif, p, sender);
	/* A device counts for itself. */
	if (nif->ops) return nif->ops->transmit(nif, p);
	nif->tx_packets++;
	nif->tx_bytes += p->len;
	s->ops->transmit(s->host, nif, p);
	return 0;
}
