/*
 * A frame's way over a cable: in at one port, judged by the direction's impairment, queued until it is due, out at the
 * other port into an interface or a switch. Every frame passes the queue, also where there is no delay, so that nothing
 * is ever delivered inside transmit.
 */
#include "link/private.h"
#include "wire/wire.h"
#include <stdlib.h>

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

/* What the sender noted in the packet is not the receiver's to see, unless that is itself: as Linux's veth, and its loopback. */
static void scrub(struct packet *p, struct netif *nif, time_ns now)
{
	p->netif = nif;
	p->mac_off = p->net_off = p->trans_off = 0;
	p->src = p->dst = addr_any6;
	p->proto = p->ttl = p->tos = 0;
	p->forwarded = p->broadcast = p->multicast = false;
	if (nif->kind != NETIF_LOOPBACK) p->mark = p->priority = 0;
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
	struct transit *f = container_of(e, struct transit, event);
	struct port *from = f->from, *to = from->peer;
	struct net_host *sender = f->sender;
	struct packet *p = f->p;
	enum drop_reason why = receive_verdict(to, sender, p);
	from->out.queued--;
	tap(to, (struct net_frame){.p = p, .when = n->now, .dropped = why, .did = f->did});
	free(f);
	if (why != DROP_NONE) {
		from->out.counts.dropped[why]++;
		port_discard(to, p, why);
		return;
	}
	from->out.counts.delivered++;
	from->out.counts.delivered_octets += p->len;
	if (to->sw) switch_forward(to, sender, p);
	else deliver(to, p);
}

/* ---- frames under way ---- */

void transit_free(struct transit *f)
{
	packet_free(f->p);
	free(f);
}

void transit_show(const struct transit *f, enum drop_reason why, time_ns now)
{
	tap(f->from, (struct net_frame){.p = f->p, .when = now, .sent = true, .dropped = why, .did = f->did});
}

enum drop_reason transit_start(struct transit *f, time_ns due)
{
	f->event.fire = arrive;
	return heap_insert(&f->from->cable->net->events, &f->event.node, due) < 0 ? DROP_NO_MEMORY : DROP_NONE;
}

void transit_drop(struct transit *f, enum drop_reason why, time_ns now)
{
	f->from->out.queued--;
	f->from->out.counts.dropped[why]++;
	transit_show(f, why, now);
	port_discard(f->from, f->p, why);
	free(f);
}

/* Takes p when DROP_NONE. A frame that waits shows itself when it leaves the queue. */
static enum drop_reason set_out(struct port *port, struct net_host *sender, struct packet *p, const struct fate *fate, unsigned did, time_ns now)
{
	struct transit *f = malloc(sizeof *f);
	if (!f) return DROP_NO_MEMORY;
	*f = (struct transit){.from = port, .sender = sender, .p = p, .did = did};
	port->out.queued++;
	enum drop_reason why = fate->waits ? port_wait(port, f, now) : transit_start(f, fate->due);
	if (why == DROP_NONE) return why;
	port->out.queued--;
	free(f);
	return why;
}

static void count(struct link_counts *c, const struct packet *p, unsigned did)
{
	if (did & FRAME_DUPLICATE) {
		c->duplicated++;
	} else {
		c->packets++;
		c->octets += p->len;
	}
	if (did & FRAME_CORRUPTED) c->corrupted++;
	if (did & FRAME_REORDERED) c->reordered++;
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
	count(&port->out.counts, p, did);
	if (why == DROP_NONE) why = set_out(port, sender, p, &fate, did, now);
	if (why == DROP_NONE && fate.waits) return;
	tap(port, (struct net_frame){.p = p, .when = now, .sent = true, .dropped = why, .did = did});
	if (why == DROP_NONE) return;
	port->out.counts.dropped[why]++;
	port_discard(port, p, why);
}

void port_send(struct port *port, struct net_host *sender, struct packet *p)
{
	struct packet *copy, *none;
	send_one(port, sender, p, false, &copy);
	if (copy) send_one(port, sender, copy, true, &none);
}
