/*
 * A switch that learns addresses: a frame's source is remembered with the port it came in by; a frame for a known address
 * goes out there only, all others (unknown, broadcast, multicast) by every port but the one they came in by. There is no
 * spanning tree: switches are joined as a tree.
 *
 * Read first: IEEE 802.1D-2004 §§7.7-7.9.
 */
#include "link/private.h"
#include "wire/wire.h"
#include <stdlib.h>

#define AGE_LIMIT_NS (300 * NS_PER_S)   /* IEEE 802.1D-2004 table 7-5, and Linux's bridge */
#define LEARNT_MAX 8192

struct learnt { struct hash_node node; struct mac mac; struct port *port; time_ns when; };

static uint64_t hash_of(const struct net_link *sw, const struct mac *m) { return siphash(&sw->secret, m, sizeof *m); }

static struct learnt *find(const struct net_link *sw, const struct mac *m)
{
	for (struct hash_node *n = hash_first(&sw->macs, hash_of(sw, m)); n; n = hash_next(n)) {
		struct learnt *e = container_of(n, struct learnt, node);
		if (memcmp(&e->mac, m, sizeof *m) == 0) return e;
	}
	return NULL;
}

static void forget_all(struct net_link *sw)
{
	for (struct hash_node *n = hash_walk(&sw->macs, NULL), *next; n; n = next) {
		next = hash_walk(&sw->macs, n);
		free(container_of(n, struct learnt, node));
	}
	hash_free(&sw->macs);
}

void switch_free(struct net_link *sw) { forget_all(sw); }

static void learn(struct net_link *sw, const struct mac *m, struct port *port)
{
	if (m->b[0] & 1) return;
	struct learnt *e = find(sw, m);
	if (!e) {
		/* A sender that makes up addresses costs the others some flooding, never memory. */
		if (sw->macs.count >= LEARNT_MAX) forget_all(sw);
		e = malloc(sizeof *e);
		if (!e) return;
		e->mac = *m;
		if (hash_insert(&sw->macs, &e->node, hash_of(sw, m)) < 0) {
			free(e);
			return;
		}
	}
	e->port = port;
	e->when = sw->net->now;
}

static void flood(struct port *in, struct net_host *sender, struct packet *p)
{
	list_each (struct port, out, &in->sw->ports, sw_node) {
		if (out == in) continue;
		struct packet *copy = packet_copy(p);
		if (copy) port_send(out, sender, copy);
	}
	packet_free(p);
}

void switch_forward(struct port *in, struct net_host *sender, struct packet *p)
{
	struct eth_hdr h;
	if (eth_parse(&h, p->data, p->len) < 0) {
		port_discard(in, p, DROP_ETH_SHORT);
		return;
	}
	learn(in->sw, &h.src, in);
	struct learnt *to = h.dst.b[0] & 1 ? NULL : find(in->sw, &h.dst);
	if (!to || in->sw->net->now - to->when > AGE_LIMIT_NS) flood(in, sender, p);
	else if (to->port == in) packet_free(p);   /* its receiver is on the side that it came from */
	else port_send(to->port, sender, p);
}
