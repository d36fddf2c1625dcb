/*
 * ARP: who has this IPv4 address? Asked by broadcast, answered to the asker alone. What is heard goes into the neighbour
 * cache by Linux's rules: an asker is remembered, an answer only where we asked or know the neighbour already.
 *
 * Read first: RFC 826, RFC 5227 §2, RFC 1122 §2.3.2.
 */
#include <linux/rtnetlink.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/mib.h"

/* net.ipv4.conf.*.arp_announce, and arp_ignore */
#define ANNOUNCE_OF_SUBNET 1
#define ANNOUNCE_BEST 2
#define IGNORE_OTHERS 1
#define IGNORE_OTHERS_AND_BEYOND 2
#define IGNORE_HOST_SCOPE 3
#define IGNORE_ALL 8

/* Of that scope or a wider one; near: in whose subnet that is, or NULL. */
static bool has_address(const struct netif *nif, const struct addr *a, const struct addr *near, unsigned scope)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (addr_eq(&ia->addr, a) && ia->scope <= scope) return !near || addr_in_prefix(near, &ia->peer, ia->plen);
	return false;
}

/* Is there one of its subnets that both are of? As Linux, src may be another interface's address. */
static bool shares_subnet(const struct netif *nif, const struct addr *src, const struct addr *target)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (addr_is_v4(&ia->addr) && addr_in_prefix(src, &ia->peer, ia->plen) && addr_in_prefix(target, &ia->peer, ia->plen)) return true;
	return false;
}

static void send_arp(struct netif *nif, uint16_t op, const struct addr *sender, const struct addr *target, const struct mac *target_mac, const struct mac *to)
{
	struct arp_hdr h = {.op = op, .sender_mac = nif->mac, .sender = *sender, .target = *target};
	struct packet *p = packet_new(PACKET_HEADROOM, ARP_LEN);

	if (!p) return;
	if (target_mac) h.target_mac = *target_mac;
	arp_emit(&h, p->data);
	ether_output(nif, p, to, ETH_TYPE_ARP);
}

/* As the sender of a question: the source of what waits for the answer, which so teaches the neighbour the address that it will see. */
static bool announces(const struct netif *nif, const struct addr *src, const struct addr *target)
{
	int level = NETCONF_MAX(nif, arp_announce);

	if (level == ANNOUNCE_BEST || !stack_is_local(nif->stack, src)) return false;
	return level != ANNOUNCE_OF_SUBNET || shares_subnet(nif, src, target);
}

void arp_solicit(struct netif *nif, const struct addr *target, const struct mac *mac, struct packet *waiting)
{
	struct addr src = addr_any4;

	if (waiting && announces(nif, &waiting->src, target))
		src = waiting->src;
	else
		source_select(nif->stack, nif, target, &src);
	send_arp(nif, ARP_REQUEST, &src, target, mac, mac ? mac : &mac_bcast);
}

static bool believable(const struct stack *s, const struct arp_hdr *h)
{
	if (h->op != ARP_REQUEST && h->op != ARP_REPLY) return false;
	if (addr_is_multicast(&h->target) || addr_is_loopback(&h->target)) return false;
	/* A sender that says it is us (RFC 5227 §2.4), a group or everybody is nobody to learn from. */
	return !addr_is_multicast(&h->sender) && !addr_is_loopback(&h->sender) && !addr_eq(&h->sender, &addr_bcast4) && !stack_is_local(s, &h->sender);
}

/* net.ipv4.conf.*.arp_accept: 2: of whom shares a subnet with us. */
static bool accepts_unasked(const struct netif *nif, const struct addr *sender)
{
	int level = NETCONF_MAX(nif, arp_accept);

	if (level != 2) return level == 1;
	list_each(const struct netif_addr, ia, &nif->addrs, node)
		if (addr_is_v4(&ia->addr) && addr_in_prefix(sender, &ia->peer, ia->plen)) return true;
	return false;
}

static void learn(struct netif *nif, const struct arp_hdr *h, bool to_us, bool unicast)
{
	struct neigh *n = neigh_find(nif, &h->sender);
	bool gratuitous = addr_eq(&h->sender, &h->target);
	unsigned how = 0;

	if (h->op == ARP_REQUEST && to_us) how |= NEIGH_CREATE;
	if (h->op == ARP_REPLY && unicast) how |= NEIGH_CONFIRM;
	if ((gratuitous || h->op == ARP_REPLY) && accepts_unasked(nif, &h->sender)) how |= NEIGH_CREATE;
	/* An entry this fresh is not overwritten: the first of two rivals wins. */
	if (!n || gratuitous || how & NEIGH_CREATE || nif->stack->now - n->updated >= nif->conf.neigh4.locktime_hundredths * (NS_PER_S / 100))
		how |= NEIGH_OVERRIDE;
	neigh_learn(nif, &h->sender, &h->sender_mac, how);
}

/* As Linux: all of a host's addresses are everywhere, unless it is told otherwise. */
static bool is_ignored(const struct netif *nif, const struct arp_hdr *h)
{
	switch (NETCONF_MAX(nif, arp_ignore)) {
	case IGNORE_OTHERS: return !has_address(nif, &h->target, NULL, RT_SCOPE_HOST);
	case IGNORE_OTHERS_AND_BEYOND: return !has_address(nif, &h->target, addr_is_any(&h->sender) ? NULL : &h->sender, RT_SCOPE_HOST);
	case IGNORE_HOST_SCOPE:
		list_each(const struct netif, other, &nif->stack->netifs, node)
			if (has_address(other, &h->target, NULL, RT_SCOPE_LINK)) return false;
		return true;
	case IGNORE_ALL: return true;
	default: return false;
	}
}

/* Would the answer leave by another interface? */
static bool is_filtered(struct netif *nif, const struct arp_hdr *h)
{
	struct route_flow f = {.dst = h->sender, .src = h->target};
	struct route_hop hop;

	if (!NETCONF_OR(nif, arp_filter)) return false;
	if (route_find(nif->stack, &f, &hop) == 0 && hop.netif == nif) return false;
	mib_tcp(nif->stack, TCPEXT_ArpFilter);
	return true;
}

/* As Linux: to a probe, which comes from nobody, an answer may leave by any interface. */
static bool answers_as_itself(struct netif *nif, const struct arp_hdr *h)
{
	return !is_ignored(nif, h) && (addr_is_any(&h->sender) || !is_filtered(nif, h));
}

/* As Linux's arp_process: a router that reaches the target elsewhere. */
static bool answers_for(struct netif *nif, const struct addr *target)
{
	struct route_hop hop;

	if (!nif->conf.forwarding || !(NETCONF_OR(nif, proxy_arp) || neigh_is_proxied(nif, target))) return false;
	return route_lookup(nif->stack, target, NULL, NULL, &hop) == 0 && !hop.local && hop.netif != nif;
}

void arp_receive(struct stack *s, struct packet *p)
{
	struct netif *nif = p->netif;
	struct arp_hdr h;
	bool to_us, answer;

	/* RFC 826, "Packet Reception": is it of our kind, do we know the sender, is it about us, is it a question? */
	if (arp_parse(&h, p->data, p->len) < 0 || !believable(s, &h) || (NETCONF_OR(nif, drop_gratuitous_arp) && addr_eq(&h.sender, &h.target))) {
		stack_drop(s, p, DROP_ARP_BAD);
		return;
	}
	to_us = stack_is_local(s, &h.target);
	answer = h.op == ARP_REQUEST && (to_us ? answers_as_itself(nif, &h) : answers_for(nif, &h.target));
	/* RFC 5227 §2.1.1: a probe (sender 0.0.0.0) asks whether an address is taken; it teaches nothing. Nor, as in Linux, does what we leave unanswered. */
	if (!addr_is_any(&h.sender) && (answer || !to_us || h.op != ARP_REQUEST)) learn(nif, &h, to_us, !p->broadcast && !p->multicast);
	if (answer) send_arp(nif, ARP_REPLY, &h.target, &h.sender, &h.sender_mac, &h.sender_mac);
	packet_free(p);
}
