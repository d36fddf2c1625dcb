/* Builds the net that a topology describes: hosts, links, interfaces with their addresses, routes, impairments. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include "engine/private.h"
#include "host/clock.h"
#include "host/crypto.h"
#include "stack/core/route.h"
#include "stack/core/sysctl.h"
#include "stack/unix/unix.h"

static int build_own_settings(struct engine *e, size_t host, struct netif *nif)
{
	int err = 0;
	for (size_t i = 0; i < e->topo->n_settings && err == 0; i++) {
		const struct topo_setting *t = &e->topo->settings[i];
		if (t->host == host && strcmp(t->ifname, nif->name) == 0) err = netconf_set(nif->stack->sysctl, &nif->conf, t->name, t->value);
	}
	return err;
}

static int build_hosts(struct engine *e)
{
	for (size_t i = 0; i < e->topo->n_hosts; i++) {
		struct net_host *h;
		int err = net_add_host(e->net, e->topo->hosts[i].name, &h);
		if (err < 0) return err;
		struct stack *s = net_stack(h);
		s->realtime_offset = e->real_offset;
		s->sysctl->privileged = !e->config->unprivileged;
		if (e->config->kernel_unix) unix_unlist(s);
		sysctl_set_router(s->sysctl, e->topo->hosts[i].router);
	}
	for (size_t i = 0; i < e->topo->n_settings; i++) {
		const struct topo_setting *t = &e->topo->settings[i];
		int err = t->ifname[0] ? 0 : sysctl_set(net_stack(net_host_at(e->net, t->host))->sysctl, t->name, t->value);
		if (err < 0) return err;
	}
	for (size_t i = 0; i < e->topo->n_hosts; i++) {
		int err = build_own_settings(e, i, netif_by_name(net_stack(net_host_at(e->net, i)), "lo"));
		if (err < 0) return err;
	}
	return 0;
}

static int build_networks(struct engine *e, struct net_link **links)
{
	for (size_t i = 0; i < e->topo->n_networks; i++) {
		const struct topo_network *n = &e->topo->networks[i];
		int err = n->is_switch ? net_add_switch(e->net, n->name, &links[i]) : net_add_pair(e->net, n->name, &links[i]);
		if (err < 0) return err;
	}
	for (size_t i = 0; i < e->topo->n_trunks; i++) {
		const struct topo_trunk *t = &e->topo->trunks[i];
		struct net_link *l;
		int err = net_join_switches(e->net, t->name, links[t->a], links[t->b], &l);
		if (err == 0) err = net_impair(l, NULL, &t->impairment);
		if (err < 0) return err;
	}
	return 0;
}

static int address_add(struct netif *nif, const struct topo_addr *a)
{
	int err = a->plen == 0 ? 0 : netif_addr_add(nif, &a->addr, a->plen);
	return err == -EACCES ? 0 : err;     /* its IPv6 is disabled by a setting */
}

static int build_interface(struct engine *e, size_t i, struct net_link *link)
{
	const struct topo_if *ti = &e->topo->ifs[i];
	struct port *p = &e->ports[i];
	int err = net_attach(e->net, link, net_host_at(e->net, ti->host), ti->name, ti->mtu_bytes, &p->nif);
	if (err < 0) return err;
	p->link = net_link_of(p->nif);
	err = build_own_settings(e, ti->host, p->nif);
	if (err < 0) return err;
	err = address_add(p->nif, &ti->v4);
	return err < 0 ? err : address_add(p->nif, &ti->v6);
}

/* After all ends are plugged in: what arrives at one end of a pair is what leaves the other. */
static int build_impairment(struct engine *e, size_t i)
{
	const struct topo_if *ti = &e->topo->ifs[i];
	const struct port *p = &e->ports[i];
	int err = net_impair(p->link, p->nif, &ti->out);
	return err < 0 ? err : net_impair_in(p->link, p->nif, &ti->in);
}

static int build_route(struct engine *e, const struct topo_route *tr)
{
	static const struct addr none;
	struct route r = {.dst = tr->dst.addr, .plen = (uint8_t)tr->dst.plen, .has_gateway = memcmp(&tr->gateway, &none, sizeof none) != 0,
			  .gateway = tr->gateway, .netif = e->ports[tr->iface].nif, .type = RTN_UNICAST, .protocol = RTPROT_STATIC,
			  .table = RT_TABLE_MAIN};
	r.scope = r.has_gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	int err = route_add(net_stack(net_host_at(e->net, tr->host)), &r, NULL);
	return err == -EEXIST ? 0 : err;
}

static void ways_changed(void *user) { ((struct engine *)user)->ways_changed = true; }

static int build_all(struct engine *e, struct net_link **links)
{
	int err = build_hosts(e);
	if (err == 0) err = build_networks(e, links);
	for (size_t i = 1; i < net_host_count(e->net) && err == 0; i++) unix_share_paths(net_stack(net_host_at(e->net, i)), net_stack(net_host_at(e->net, 0)));
	for (size_t i = 0; i < e->topo->n_ifs && err == 0; i++) err = build_interface(e, i, links[e->topo->ifs[i].network]);
	for (size_t i = 0; i < e->topo->n_ifs && err == 0; i++) err = build_impairment(e, i);
	for (size_t i = 0; i < e->topo->n_routes && err == 0; i++) err = build_route(e, &e->topo->routes[i]);
	for (size_t i = 0; i < e->topo->n_ifs && err == 0; i++) netif_start(e->ports[i].nif);
	return err;
}

int build_net(struct engine *e)
{
	static const struct net_ops ops = {.ready = esock_ready, .waiting = esock_waiting, .held = esock_held, .sleeps = esock_sleeps, .ahead = ahead_sock,
					   .tcp_info = esock_tcp_info, .changed = ways_changed, .tap = captures_tap, .watches = captures_watch,
					   .share = packet_share, .unshare = packet_unshare, .crypto = host_crypto};
	struct net_link **links = calloc(e->topo->n_networks + 1, sizeof *links);
	e->ports = calloc(e->topo->n_ifs + 1, sizeof *e->ports);
	e->real_offset = clock_real() - e->now;
	e->random = random_seeded(e->config->seed, "partitions");
	e->net = links && e->ports ? net_new(e->config->seed, &ops, e, e->now) : NULL;
	int err = e->net ? build_all(e, links) : -ENOMEM;
	free(links);
	return err;
}

void build_end(struct engine *e)
{
	net_free(e->net);
	free(e->ports);
}
