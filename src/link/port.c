/*
 * A frame's way over a cable: in at one port, judged by the direction's impairment, queued until it is due, out at the
 * other port into an interface or a switch. Every frame passes the queue, also where there is no delay, so that nothing
 * is ever delivered inside transmit.
 */
#include "link/private.h"
#include "wire/wire.h"
#include <stdlib.h>

#define VLAN_TAG_LEN 4

struct arrival { struct event event; struct port *from; struct net_host *sender; struct packet *p; };

static void tap(struct port *port, const struct packet *p, bool sent, enum drop_reason dropped)
{
	const struct net *n = port->cable->net;
	if (n->ops->tap && port->nif) n->ops->tap(n->user, port->cable, port->nif, p, sent, dropped);
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
	if (cut_blocks(to->cable->net, sender, to->host, p)) return DROP_LINK_CUT;
	/* As on Linux's veth: the receiver's MTU counts too, with room for a VLAN tag. */
	if (to->nif->kind == NETIF_ETHERNET && p->len > to->nif->mtu_bytes + ETH_HDR_LEN + VLAN_TAG_LEN) return DROP_LINK_MTU;
	return DROP_NONE;
}

static void deliver(struct port *to, struct net_host *sender, struct packet *p)
{
	enum drop_reason why = receive_verdict(to, sender, p);
	tap(to, p, false, why);
	if (why != DROP_NONE) {
		port_discard(to, p, why);
		return;
	}
	struct net *n = to->cable->net;
	scrub(p, to->nif, n->now);
	stack_set_now(to->host->stack, n->now);
	stack_receive(to->host->stack, to->nif, p);
	net_host_touch(to->host);
}

static void arrive(struct net *n, struct event *e)
{
	(void)n;
	struct arrival a = *container_of(e, struct arrival, event);
	free(container_of(e, struct arrival, event));
	struct port *to = a.from->peer;
	a.from->out.queued--;
	if (to->sw) switch_forward(to, a.sender, a.p);
	else if (to->nif) deliver(to, a.sender, a.p);
	else port_discard(to, a.p, DROP_LINK_DOWN);
}

void port_free_arrival(struct event *e)
{
	struct arrival *a = container_of(e, struct arrival, event);
	packet_free(a->p);
	free(a);
}

static enum drop_reason enqueue(struct port *port, struct net_host *sender, struct packet *p)
{
	struct net *n = port->cable->net;
	/* A program's call may run ahead of the events: the sender's clock counts then. */
	time_ns now = port->nif ? MAX(n->now, sender->stack->now) : n->now, due;
	enum drop_reason why = netem_enqueue(&port->out, now, p->len, &due);
	if (why != DROP_NONE) return why;
	struct arrival *a = malloc(sizeof *a);
	if (!a) return DROP_NO_MEMORY;
	*a = (struct arrival){.event = {.fire = arrive}, .from = port, .sender = sender, .p = p};
	if (heap_insert(&n->events, &a->event.node, due) < 0) {
		free(a);
		return DROP_NO_MEMORY;
	}
	port->out.queued++;
	return DROP_NONE;
}

void port_send(struct port *port, struct net_host *sender, struct packet *p)
{
	enum drop_reason why = enqueue(port, sender, p);
	/* A frame lost on its way out of a switch is shown where it would have come in. */
	if (port->nif) tap(port, p, true, why);
	else if (why != DROP_NONE) tap(port->peer, p, false, why);
	if (why != DROP_NONE) port_discard(port, p, why);
}
