/*
 * A frame's way over a cable: in at one port, judged by the direction's impairment, queued until it is due, out at the
 * other port into an interface or a switch. Every frame passes the queue, also where there is no delay, so that nothing
 * is ever delivered inside transmit.
 */
#include "link/private.h"
#include "wire/wire.h"
#include <stdlib.h>

#define VLAN_TAG_LEN 4

struct arrival { struct event event; struct port *from; struct net_host *sender; struct packet *p; unsigned did; };

/* f: what is known of the frame besides its place. */
static void tap(const struct port *port, struct net_frame f)
{
	struct net_link *cable = port->cable;
	const struct net *n = cable->net;
	if (!n->ops->tap) return;
	f.link = cable;
	f.end = port == &cable->ends[1];
	f.nif = port->nif;
	n->ops->tap(n->user, &f);
}

/* The host end of the cable: this port, or the other one when a switch is here. */
static struct port *host_end(struct port *port) { return port->nif ? port : port->peer; }

void port_discard(struct port *at, struct packet *p, enum drop_reason why)
{
	struct netif *nif = host_end(at)->nif;
	if (nif) nif->stack->drops[why]++;
	packet_free(p);
}

/* What the sender noted in the packet is not the receiver's to see. */
static void scrub(struct packet *p, struct netif *nif, time_ns now)
{
	p->netif = nif;
	p->mac_off = p->net_off = p->trans_off = 0;
	p->src = p->dst = addr_any6;
	p->proto = p->ttl = p->tos = 0;
	p->forwarded = p->broadcast = p->multicast = false;
	p->mark = 0;
	p->when = now;
}

static enum drop_reason receive_verdict(const struct port *to, const struct net_host *sender, const struct packet *p)
{
	if (to->sw) return DROP_NONE;
	if (!to->nif) return DROP_LINK_DOWN;
	if (cut_blocks(to->cable->net, sender, to->host, p)) return DROP_LINK_CUT;
	/* As on Linux's veth: the receiver's MTU counts too, with room for a VLAN tag. */
	if (to->nif->kind == NETIF_ETHERNET && p->len > to->nif->mtu_bytes + ETH_HDR_LEN + VLAN_TAG_LEN) return DROP_LINK_MTU;
	return DROP_NONE;
}

static void deliver(struct port *to, struct packet *p)
{
	struct net *n = to->cable->net;
	scrub(p, to->nif, n->now);
	stack_set_now(to->host->stack, n->now);
	stack_receive(to->host->stack, to->nif, p);
	net_host_touch(to->host);
}

static void arrive(struct net *n, struct event *e)
{
	struct arrival a = *container_of(e, struct arrival, event);
	free(container_of(e, struct arrival, event));
	struct port *to = a.from->peer;
	struct link_counts *counts = &a.from->out.counts;
	enum drop_reason why = receive_verdict(to, a.sender, a.p);
	a.from->out.queued--;
	tap(to, (struct net_frame){.p = a.p, .when = n->now, .dropped = why, .did = a.did});
	if (why != DROP_NONE) {
		counts->dropped[why]++;
		port_discard(to, a.p, why);
		return;
	}
	counts->delivered++;
	counts->delivered_octets += a.p->len;
	if (to->sw) switch_forward(to, a.sender, a.p);
	else deliver(to, a.p);
}

void port_free_arrival(struct event *e)
{
	struct arrival *a = container_of(e, struct arrival, event);
	packet_free(a->p);
	free(a);
}

static enum drop_reason queue(struct port *port, struct net_host *sender, struct packet *p, time_ns due, unsigned did)
{
	struct arrival *a = malloc(sizeof *a);
	if (!a) return DROP_NO_MEMORY;
	*a = (struct arrival){.event = {.fire = arrive}, .from = port, .sender = sender, .p = p, .did = did};
	if (heap_insert(&port->cable->net->events, &a->event.node, due) < 0) {
		free(a);
		return DROP_NO_MEMORY;
	}
	port->out.queued++;
	return DROP_NONE;
}

static void count(struct link_counts *c, const struct packet *p, unsigned did, enum drop_reason why)
{
	if (did & FRAME_DUPLICATE) {
		c->duplicated++;
	} else {
		c->packets++;
		c->octets += p->len;
	}
	if (did & FRAME_CORRUPTED) c->corrupted++;
	if (did & FRAME_REORDERED) c->reordered++;
	if (why != DROP_NONE) c->dropped[why]++;
}

/* Sends p off; *ret_copy is a copy that is to follow it, or NULL. */
static void send_one(struct port *port, struct net_host *sender, struct packet *p, bool is_copy, struct packet **ret_copy)
{
	struct net *n = port->cable->net;
	struct fate fate = {0};
	/* A program's call may run ahead of the events: the sender's clock counts then. */
	time_ns now = port->nif ? MAX(n->now, sender->stack->now) : n->now;
	enum drop_reason why = netem_enqueue(&port->out, now, p->len, is_copy, &fate);
	unsigned did = (is_copy ? FRAME_DUPLICATE : 0u) | (fate.corrupt ? FRAME_CORRUPTED : 0u) | (fate.reordered ? FRAME_REORDERED : 0u);
	*ret_copy = fate.duplicate ? packet_copy(p) : NULL;
	if (fate.corrupt) p->data[fate.bit / 8] ^= (uint8_t)(1 << fate.bit % 8);
	if (why == DROP_NONE) why = queue(port, sender, p, fate.due, did);
	count(&port->out.counts, p, did, why);
	tap(port, (struct net_frame){.p = p, .when = now, .sent = true, .dropped = why, .did = did});
	if (why != DROP_NONE) port_discard(port, p, why);
}

void port_send(struct port *port, struct net_host *sender, struct packet *p)
{
	struct packet *copy, *none;
	send_one(port, sender, p, false, &copy);
	if (copy) send_one(port, sender, copy, true, &none);
}
