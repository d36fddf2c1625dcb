/*
 * What programs do to interfaces of their host, seen from the cables: pairs that they make and take away (veth), and who is up at the other end.
 *
 * The cable of a pair that is gone is kept, unplugged and not to be seen, for the next one of that host: frames may be under way on it still, and
 * whoever watches a link knows it by its struct.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include "link/private.h"

/* ---- who is at the other end ---- */

static bool is_up(const struct port *port) { return port->sw || !port->nif || port->nif->flags & IFF_UP; }

static void show_carrier(const struct port *port)
{
	const struct port *peer = port->peer;
	if (port->nif && peer != port) netif_set_carrier(port->nif, is_up(peer) && !port->out.impairment.down && !peer->out.impairment.down);
}

void port_show_carriers(const struct port *port)
{
	show_carrier(port);
	show_carrier(port->peer);
}

void host_changed(void *host, struct netif *nif)
{
	struct net *n = ((struct net_host *)host)->net;
	const struct port *port = nif ? nif->link : NULL;
	if (port) show_carrier(port->peer);
	if (!nif && n->ops->changed) n->ops->changed(n->user);
}

/* ---- pairs ---- */

bool link_is_unplugged(const struct net_link *l) { return l->made_for && !l->ends[0].nif && !l->ends[1].nif; }

static bool is_spare(const struct net_link *l, const struct net_host *h)
{
	return l->made_for == h && link_is_unplugged(l) && !l->ends[0].out.queued && !l->ends[1].out.queued;
}

static int spare_cable(struct net_host *h, const char *name, struct net_link **ret)
{
	list_each (struct net_link, l, &h->net->links, node) {
		if (!is_spare(l, h)) continue;
		char *copy = strdup(name);
		if (!copy) return -ENOMEM;
		free(l->name);
		l->name = copy;
		*ret = l;
		return 0;
	}
	int err = net_add_pair(h->net, name, ret);
	if (err == 0) (*ret)->made_for = h;
	return err;
}

static void plug(struct port *port, struct net_host *h, struct netif *nif)
{
	port->host = h;
	port->nif = nif;
	nif->link = port;
}

int host_join(void *host, struct netif *a, struct netif *b)
{
	struct net_host *h = host;
	struct net_link *l;
	char name[200];
	snprintf(name, sizeof name, "%s:%s--%s:%s", h->stack->name, a->name, h->stack->name, b->name);
	int err = spare_cable(h, name, &l);
	if (err < 0) return err;
	plug(&l->ends[0], h, a);
	plug(&l->ends[1], h, b);
	return 0;
}

void host_part(void *host, struct netif *nif)
{
	static const struct impairment clear;
	struct port *port = nif->link;
	(void)host;
	if (!port) return;
	(void)port_impair(port, &clear);      /* what waits in a queue sets off, and arrives nowhere */
	port->nif = NULL;
	nif->link = NULL;
}
