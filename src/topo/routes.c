/*
 * Shortest-path routes, with no routing protocol: for each host a breadth-first search over "networks that I touch" and "routers on them", the
 * first hop remembered on the way.
 *
 *     host ── its networks (distance 0) ── routers there ── their networks (distance 1, first hop = that router) ── …
 *
 * Only routers carry on. There is no default route: what no network of the topology holds is unreachable (ENETUNREACH), as it should be. Only to
 * groups is there a way, the first interface, for programs that name none: elsewhere they rely on the default route for that.
 */
#include "topo/build.h"

#include <errno.h>
#include <stdlib.h>

struct search {
	size_t *domain;                /* of each network */
	size_t *gateway;               /* by domain: interface of the first router on the way; TOPO_NONE: on a network of the host itself */
	size_t *leave;                 /* by domain: interface of the host through which; TOPO_NONE: not reached */
	size_t *queue, head, tail;     /* domains */
};

static void search_free(struct search *s)
{
	free(s->domain);
	free(s->gateway);
	free(s->leave);
	free(s->queue);
}

static int search_init(struct search *s, const struct topo *t)
{
	size_t n = t->n_networks ? t->n_networks : 1;

	*s = (struct search){.domain = calloc(n, sizeof(size_t)), .gateway = calloc(n, sizeof(size_t)),
			     .leave = calloc(n, sizeof(size_t)), .queue = calloc(n, sizeof(size_t))};
	if (!s->domain || !s->gateway || !s->leave || !s->queue) return -ENOMEM;
	topo_domains(t, s->domain);
	return 0;
}

static void reach(struct search *s, size_t domain, size_t gateway, size_t leave)
{
	if (s->leave[domain] != TOPO_NONE) return;
	s->gateway[domain] = gateway;
	s->leave[domain] = leave;
	s->queue[s->tail++] = domain;
}

/* All networks of router `host`, whose interface `via` was met in domain `from`. */
static void search_router(struct search *s, const struct topo *t, size_t host, size_t via, size_t from)
{
	size_t gateway = s->gateway[from] == TOPO_NONE ? via : s->gateway[from];

	for (size_t i = 0; i < t->n_ifs; i++)
		if (t->ifs[i].host == host) reach(s, s->domain[t->ifs[i].network], gateway, s->leave[from]);
}

static void search_from(struct search *s, const struct topo *t, size_t host)
{
	s->head = s->tail = 0;
	for (size_t i = 0; i < t->n_networks; i++) s->leave[i] = TOPO_NONE;
	for (size_t i = 0; i < t->n_ifs; i++)
		if (t->ifs[i].host == host) reach(s, s->domain[t->ifs[i].network], TOPO_NONE, i);
	while (s->head < s->tail) {
		size_t from = s->queue[s->head++];

		for (size_t i = 0; i < t->n_ifs; i++)
			if (t->ifs[i].host != host && t->hosts[t->ifs[i].host].router && s->domain[t->ifs[i].network] == from)
				search_router(s, t, t->ifs[i].host, i, from);
	}
}

static int route_append(struct topo *t, struct topo_route r)
{
	struct topo_route *last = array_grow(&t->routes, &t->n_routes, sizeof *last);

	if (!last) return -ENOMEM;
	*last = r;
	return 0;
}

static int append_both(struct topo *t, size_t host, const struct search *s, size_t domain)
{
	const struct topo_if *gateway = &t->ifs[s->gateway[domain]];
	const struct topo_network *n = &t->networks[domain];
	int r = route_append(t, (struct topo_route){host, n->v4, gateway->v4.addr, s->leave[domain]});

	return r < 0 ? r : route_append(t, (struct topo_route){host, n->v6, gateway->v6.addr, s->leave[domain]});
}

/* IPv6 has such a route on every interface. */
static int append_groups(struct topo *t, size_t host)
{
	for (size_t i = 0; i < t->n_ifs; i++)
		if (t->ifs[i].host == host) return route_append(t, (struct topo_route){host, {addr_v4(0xe0000000), 4}, {{0}}, i});
	return 0;
}

int topo_plan_routes(struct topo *t)
{
	struct search s;
	int r = search_init(&s, t);

	for (size_t host = 0; host < t->n_hosts && r == 0; host++) {
		search_from(&s, t, host);
		for (size_t i = 0; i < s.tail && r == 0; i++)
			if (s.gateway[s.queue[i]] != TOPO_NONE) r = append_both(t, host, &s, s.queue[i]);
		if (r == 0) r = append_groups(t, host);
	}
	search_free(&s);
	return r;
}
