/*
 * ARP: who has this IPv4 address? Asked by broadcast, answered to the asker alone. What is heard goes into the neighbour
 * cache by Linux's rules: an asker is remembered, an answer only where we asked or know the neighbour already.
 *
 * Read first: RFC 826, RFC 5227 §2, RFC 1122 §2.3.2.
 */
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"

#define LOCKTIME (1 * NS_PER_S)        /* an entry this fresh is not overwritten: the first of two rivals wins */

static void send_arp(struct netif *nif, uint16_t op, const struct addr *sender, const struct addr *target, const struct mac *target_mac, const struct mac *to)
{
	struct arp_hdr h = {.op = op, .sender_mac = nif->mac, .sender = *sender, .target = *target};
	struct packet *p = packet_new(PACKET_HEADROOM, ARP_LEN);

	if (!p) return;
	if (target_mac) h.target_mac = *target_mac;
	arp_emit(&h, p->data);
	ether_output(nif, p, to, ETH_TYPE_ARP);
}

void arp_solicit(struct netif *nif, const struct addr *target, const struct mac *mac, struct packet *waiting)
{
	struct addr src = addr_any4;

	/* The source of what waits, where it is ours: the answer teaches the neighbour the address that it will see. */
	if (waiting && stack_is_local(nif->stack, &waiting->src))
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

static void learn(struct netif *nif, const struct arp_hdr *h, bool to_us, bool unicast)
{
	struct neigh *n = neigh_find(nif, &h->sender);
	bool gratuitous = addr_eq(&h->sender, &h->target);
	unsigned how = 0;

	if (h->op == ARP_REQUEST && to_us) how |= NEIGH_CREATE;
	if (h->op == ARP_REPLY && unicast) how |= NEIGH_CONFIRM;
	if (!n || gratuitous || how & NEIGH_CREATE || nif->stack->now - n->updated >= LOCKTIME) how |= NEIGH_OVERRIDE;
	neigh_learn(nif, &h->sender, &h->sender_mac, how);
}

/* As Linux's arp_process: a router that reaches the target elsewhere. */
static bool answers_for(struct netif *nif, const struct addr *target)
{
	struct route_hop hop;

	if (!nif->conf.forwarding || !neigh_is_proxied(nif, target)) return false;
	return route_lookup(nif->stack, target, NULL, NULL, &hop) == 0 && !hop.local && hop.netif != nif;
}

void arp_receive(struct stack *s, struct packet *p)
{
	struct netif *nif = p->netif;
	struct arp_hdr h;
	bool to_us;

	/* RFC 826, "Packet Reception": is it of our kind, do we know the sender, is it about us, is it a question? */
	if (arp_parse(&h, p->data, p->len) < 0 || !believable(s, &h)) {
		stack_drop(s, p, DROP_ARP_BAD);
		return;
	}
	to_us = stack_is_local(s, &h.target);
	/* RFC 5227 §2.1.1: a probe (sender 0.0.0.0) asks whether an address is taken; it teaches nothing. */
	if (!addr_is_any(&h.sender)) learn(nif, &h, to_us, !p->broadcast && !p->multicast);
	if (h.op == ARP_REQUEST && (to_us || answers_for(nif, &h.target))) send_arp(nif, ARP_REPLY, &h.target, &h.sender, &h.sender_mac, &h.sender_mac);
	packet_free(p);
}
