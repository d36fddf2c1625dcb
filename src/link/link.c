/*
 * Links: making cables and switches, plugging interfaces in, and their impairments. What is drawn from the seed (MAC
 * addresses, each direction's stream) depends on names only, so that a network keeps it when others are added.
 */
#include "link/queue.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOPBACK_MTU 65536
#define LINK_NAME_MAX 200

static void port_init(struct port *port, struct net_link *l, struct port *peer, const char *end)
{
	char stream[LINK_NAME_MAX + 16];
	snprintf(stream, sizeof stream, "link %s %s", l->name, end);
	*port = (struct port){.cable = l, .peer = peer, .out = {.random = random_seeded(l->net->seed, stream)}};
	list_init(&port->sw_node);
}

static int link_new(struct net *n, const char *name, struct net_link **ret)
{
	if (net_find_link(n, name)) return -EEXIST;
	struct net_link *l = calloc(1, sizeof *l);
	char *copy = strdup(name);
	if (!l || !copy) {
		free(l);
		free(copy);
		return -ENOMEM;
	}
	*l = (struct net_link){.net = n, .name = copy};
	list_init(&l->ports);
	hash_init(&l->macs);
	port_init(&l->ends[0], l, &l->ends[1], "a");
	port_init(&l->ends[1], l, &l->ends[0], "b");
	list_append(&n->links, &l->node);
	*ret = l;
	return 0;
}

void link_free(struct net_link *l)
{
	list_remove(&l->node);
	switch_free(l);
	free(l->name);
	free(l);
}

int net_add_pair(struct net *n, const char *name, struct net_link **ret) { return link_new(n, name, ret); }

int net_add_switch(struct net *n, const char *name, struct net_link **ret)
{
	int err = link_new(n, name, ret);
	if (err < 0) return err;
	struct random random = random_seeded(n->seed, name);
	(*ret)->is_switch = true;
	(*ret)->secret = (struct siphash_key){random_next(&random), random_next(&random)};
	return 0;
}

static void plug_switch(struct port *port, struct net_link *sw)
{
	port->sw = sw;
	list_append(&sw->ports, &port->sw_node);
}

int net_join_switches(struct net *n, const char *name, struct net_link *a, struct net_link *b, struct net_link **ret)
{
	if (!a->is_switch || !b->is_switch || a == b) return -EINVAL;
	struct net_link *l;
	int err = link_new(n, name, &l);
	if (err < 0) return err;
	plug_switch(&l->ends[0], a);
	plug_switch(&l->ends[1], b);
	*ret = l;
	return 0;
}

/* Locally administered, unicast. */
static struct mac mac_for(const struct net_host *h, const char *ifname)
{
	char stream[LINK_NAME_MAX];
	struct mac m;
	snprintf(stream, sizeof stream, "mac %s %s", h->stack->name, ifname);
	struct random random = random_seeded(h->net->seed, stream);
	random_fill(&random, m.b, sizeof m.b);
	m.b[0] = (uint8_t)((m.b[0] & 0xfc) | 0x02);
	return m;
}

static int plug_host(struct port *port, struct net_host *h, const char *ifname, enum netif_kind kind, uint32_t mtu_bytes, struct netif **ret)
{
	struct mac mac = kind == NETIF_ETHERNET ? mac_for(h, ifname) : (struct mac){{0}};
	port->host = h;
	int err = netif_add(h->stack, ifname, kind, &mac, mtu_bytes, ret);
	if (err < 0) return err;
	port->nif = *ret;
	(*ret)->link = port;
	net_host_touch(h);
	return 0;
}

int link_add_loopback(struct net_host *h)
{
	char name[LINK_NAME_MAX];
	struct net_link *l;
	struct netif *nif;
	snprintf(name, sizeof name, "%s:lo", h->stack->name);
	int err = link_new(h->net, name, &l);
	if (err < 0) return err;
	l->ends[0].peer = &l->ends[0];
	err = plug_host(&l->ends[0], h, "lo", NETIF_LOOPBACK, LOOPBACK_MTU, &nif);
	if (err < 0) link_free(l);
	return err;
}

/* "h1--s1", or "h1:eth1--s1" for a further interface of the same host. */
static int cable_to_switch(struct net_link *sw, const struct net_host *h, const char *ifname, struct net_link **ret)
{
	char name[LINK_NAME_MAX];
	snprintf(name, sizeof name, "%s--%s", h->stack->name, sw->name);
	if (net_find_link(sw->net, name)) snprintf(name, sizeof name, "%s:%s--%s", h->stack->name, ifname, sw->name);
	return link_new(sw->net, name, ret);
}

static int attach_switch(struct net_link *sw, struct net_host *h, const char *ifname, uint32_t mtu_bytes, struct netif **ret)
{
	struct net_link *cable;
	int err = cable_to_switch(sw, h, ifname, &cable);
	if (err < 0) return err;
	plug_switch(&cable->ends[1], sw);
	err = plug_host(&cable->ends[0], h, ifname, NETIF_ETHERNET, mtu_bytes, ret);
	if (err < 0) {
		list_remove(&cable->ends[1].sw_node);
		link_free(cable);
	}
	return err;
}

static bool port_is_free(const struct port *port) { return !port->nif && !port->sw; }

int net_attach(struct net *n, struct net_link *l, struct net_host *h, const char *ifname, uint32_t mtu_bytes, struct netif **ret)
{
	(void)n;
	if (l->is_switch) return attach_switch(l, h, ifname, mtu_bytes, ret);
	bool loopback = l->ends[0].peer == &l->ends[0];
	struct port *port = port_is_free(&l->ends[0]) ? &l->ends[0] : &l->ends[1];
	if (loopback || !port_is_free(port)) return -EBUSY;
	return plug_host(port, h, ifname, NETIF_ETHERNET, mtu_bytes, ret);
}

struct net_link *net_find_link(struct net *n, const char *name)
{
	list_each (struct net_link, l, &n->links, node)
		if (strcmp(l->name, name) == 0 && !link_is_unplugged(l)) return l;
	return NULL;
}

struct net_link *net_link_next(struct net *n, struct net_link *after)
{
	struct list *next = after ? after->node.next : n->links.next;
	while (next != &n->links && link_is_unplugged(list_entry(next, struct net_link, node))) next = next->next;
	return next == &n->links ? NULL : list_entry(next, struct net_link, node);
}

const char *net_link_name(const struct net_link *l) { return l->name; }
bool net_link_is_switch(const struct net_link *l) { return l->is_switch; }

struct net_link *net_link_of(const struct netif *nif)
{
	const struct port *port = nif->link;
	return port ? port->cable : NULL;
}

/* The port of nif when it is plugged into l, directly or through its cable. */
static struct port *port_on(const struct net_link *l, const struct netif *nif)
{
	struct port *port = nif->link;
	return port && (port->cable == l || port->peer->sw == l) ? port : NULL;
}

/* Both, or all that enter a switch by a port that is plugged in. */
static int impair_all(struct net_link *l, const struct impairment *i)
{
	int err = 0;
	l->impairment = *i;
	if (!l->is_switch) {
		err = port_impair(&l->ends[0], i);
		return err < 0 ? err : port_impair(&l->ends[1], i);
	}
	list_each (struct port, port, &l->ports, sw_node)
		if (err == 0) err = port_impair(port->peer, i);
	return err;
}

int net_impair(struct net_link *l, struct netif *from, const struct impairment *i)
{
	struct port *port = from ? port_on(l, from) : NULL;
	if (!from) return impair_all(l, i);
	return port ? port_impair(port, i) : -EINVAL;
}

int net_impair_in(struct net_link *l, struct netif *to, const struct impairment *i)
{
	struct port *port = port_on(l, to);
	return port ? port_impair(port->peer, i) : -EINVAL;
}

const struct impairment *net_impairment(struct net_link *l, struct netif *from)
{
	struct port *port = from ? port_on(l, from) : NULL;
	if (port) return &port->out.impairment;
	return l->is_switch ? &l->impairment : &l->ends[0].out.impairment;
}

const struct impairment *net_impairment_in(struct net_link *l, struct netif *to)
{
	struct port *port = port_on(l, to);
	return port ? &port->peer->out.impairment : NULL;
}

/* ---- ends ---- */

unsigned net_link_ends(const struct net_link *l) { return l->is_switch ? 0 : l->ends[0].peer == &l->ends[0] ? 1 : 2; }
struct netif *net_link_netif(const struct net_link *l, unsigned end) { return end < net_link_ends(l) ? l->ends[end].nif : NULL; }
struct net_link *net_link_switch(const struct net_link *l, unsigned end) { return end < net_link_ends(l) ? l->ends[end].sw : NULL; }

const struct link_counts *net_link_counts(const struct net_link *l, unsigned end)
{
	return end < net_link_ends(l) ? &l->ends[end].out.counts : NULL;
}

size_t net_link_end_text(const struct net_link *l, unsigned end, char *buf, size_t size)
{
	const struct port *port = &l->ends[end & 1];
	if (port->nif) return (size_t)snprintf(buf, size, "%s:%s", port->host->stack->name, port->nif->name);
	return (size_t)snprintf(buf, size, "%s", port->sw ? port->sw->name : "-");
}

uint32_t net_link_waiting(const struct net_link *l, unsigned end)
{
	const struct queue *q = end < net_link_ends(l) ? l->ends[end].out.queue : NULL;
	return q ? q->count : 0;
}
