/*
 * The routing tables. Each is a list in the order in which routes are tried, so that a lookup is the first match of a walk: longest prefix, then the
 * type of service, then lowest metric, then first added. All routes stand in one more list, in the order in which Linux dumps them.
 *
 * Virtual hosts have a handful of routes; a trie would be more code and slower.
 */
#include "stack/core/route.h"
#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdlib.h>
#include "stack/netlink/notify.h"

struct table { struct list node; uint32_t id; bool had4, had6; struct list routes; };     /* had: a route of that family */
struct route_table { struct list routes, tables; uint32_t count, n_tables; };

int route_table_new(struct stack *s)
{
	s->routes = calloc(1, sizeof *s->routes);
	if (!s->routes) return -ENOMEM;
	list_init(&s->routes->routes);
	list_init(&s->routes->tables);
	return 0;
}

static void route_free(struct route *r)
{
	free(r->ways);
	free(r);
}

void route_table_free(struct stack *s)
{
	while (!list_empty(&s->routes->routes))
		route_free(list_entry(list_pop(&s->routes->routes), struct route, node));
	while (!list_empty(&s->routes->tables))
		free(list_entry(list_pop(&s->routes->tables), struct table, node));
	free(s->routes);
	s->routes = NULL;
}

const struct list *route_list(const struct stack *s)
{
	return &s->routes->routes;
}

/* ---- order ---- */

static int compare(uint32_t a, uint32_t b) { return a < b ? -1 : a > b; }
static unsigned whole_plen(const struct route *r) { return r->plen + (addr_is_v4(&r->dst) ? 96U : 0U); }

/* Less than 0 when a is tried before b, 0 when they are after the same destinations equally. */
static int order(const struct route *a, const struct route *b)
{
	if (whole_plen(a) != whole_plen(b)) return compare(whole_plen(b), whole_plen(a));
	if (a->tos != b->tos) return compare(b->tos, a->tos);
	return compare(a->metric, b->metric);
}

/* As Linux's tries are walked: IPv4's by first address, the longer prefix of two that begin alike first; IPv6's the longer of two that overlap first. */
static int dump_order(const struct route *a, const struct route *b)
{
	bool v4 = addr_is_v4(&a->dst);
	int r;

	if (v4 != addr_is_v4(&b->dst)) return v4 ? -1 : 1;
	if ((a->table & 255) != (b->table & 255)) return compare(a->table & 255, b->table & 255);
	if (a->table != b->table) return compare(a->table, b->table);
	r = addr_cmp(&a->dst, &b->dst);
	if (!v4 && a->plen > b->plen && addr_in_prefix(&a->dst, &b->dst, b->plen)) return -1;
	if (!v4 && b->plen > a->plen && addr_in_prefix(&b->dst, &a->dst, a->plen)) return 1;
	return r ? r : order(a, b);
}

static bool same_destination(const struct route *a, const struct route *b)
{
	return a->table == b->table && a->plen == b->plen && a->tos == b->tos && addr_eq(&a->dst, &b->dst);
}

static bool same_rank(const struct route *a, const struct route *b) { return same_destination(a, b) && a->metric == b->metric; }

static bool same_way(const struct route *a, const struct route *b)
{
	return a->netif == b->netif && a->has_gateway == b->has_gateway && (!a->has_gateway || addr_eq(&a->gateway, &b->gateway));
}

static bool same_ways(const struct route *a, const struct route *b)
{
	if (!same_way(a, b) || a->n_ways != b->n_ways) return false;
	for (uint32_t i = 0; i < a->n_ways; i++) {
		const struct route_way *x = &a->ways[i], *y = &b->ways[i];
		if (x->netif != y->netif || x->has_gateway != y->has_gateway || x->weight != y->weight) return false;
		if (x->has_gateway && !addr_eq(&x->gateway, &y->gateway)) return false;
	}
	return true;
}

/* The very same route: Linux's IPv4 compares all of it, its IPv6 the way only. */
static bool is_same(const struct route *a, const struct route *b)
{
	if (!same_rank(a, b) || !same_ways(a, b)) return false;
	if (!addr_is_v4(&a->dst)) return true;
	return a->type == b->type && a->scope == b->scope && a->protocol == b->protocol && a->has_prefsrc == b->has_prefsrc &&
	       (!a->has_prefsrc || addr_eq(&a->prefsrc, &b->prefsrc)) && a->mtu_bytes == b->mtu_bytes && memcmp(a->metrics, b->metrics, sizeof a->metrics) == 0;
}

/* ---- adding ---- */

static struct table *table_find(const struct stack *s, uint32_t id)
{
	list_each(struct table, t, &s->routes->tables, node)
		if (t->id == id) return t;
	return NULL;
}

bool route_table_exists(const struct stack *s, uint32_t id, bool v4)
{
	const struct table *t = table_find(s, id);

	return id == RT_TABLE_MAIN || id == RT_TABLE_LOCAL || (t && (v4 ? t->had4 : t->had6));
}

/* As on Linux a table stays when its last route goes, while there is room. Linux's own stay for ever: route_table_unused counts on them. */
static void make_room(struct stack *s)
{
	list_each(struct table, t, &s->routes->tables, node)
		if (t->id > RT_TABLE_LOCAL && list_empty(&t->routes)) {
			list_remove(&t->node);
			free(t);
			s->routes->n_tables--;
			return;
		}
}

static struct table *table_make(struct stack *s, uint32_t id)
{
	struct table *t = table_find(s, id);

	if (t) return t;
	if (s->routes->n_tables >= TABLES_MAX) make_room(s);
	t = s->routes->n_tables < TABLES_MAX ? malloc(sizeof *t) : NULL;
	if (!t) return NULL;
	*t = (struct table){.id = id};
	list_init(&t->routes);
	list_append(&s->routes->tables, &t->node);
	s->routes->n_tables++;
	return t;
}

/* Puts a copy into both lists; before its equals, or behind them. */
static int insert(struct stack *s, const struct route *want, bool behind, struct route **ret)
{
	struct table *t = s->routes->count < ROUTES_MAX ? table_make(s, want->table) : NULL;
	struct route *r = t ? malloc(sizeof *r) : NULL;
	struct list *at = &s->routes->routes, *tried = t ? &t->routes : NULL;

	if (!r) return t ? -ENOMEM : -ENOBUFS;
	*(addr_is_v4(&want->dst) ? &t->had4 : &t->had6) = true;
	*r = *want;
	r->ways = NULL;
	if (want->n_ways) {
		r->ways = malloc(want->n_ways * sizeof *r->ways);
		if (!r->ways) {
			free(r);
			return -ENOMEM;
		}
		memcpy(r->ways, want->ways, want->n_ways * sizeof *r->ways);
	}
	list_each(struct route, have, &s->routes->routes, node)
		if (at == &s->routes->routes && dump_order(want, have) < (behind ? 0 : 1)) at = &have->node;
	list_each(struct route, have, &t->routes, tried)
		if (tried == &t->routes && order(want, have) < (behind ? 0 : 1)) tried = &have->tried;
	list_insert_before(at, &r->node);
	list_insert_before(tried, &r->tried);
	s->routes->count++;
	*ret = r;
	return 0;
}

/* As Linux: of IPv4's routes that go because something else goes nobody is told. */
static void take_out(struct stack *s, struct route *r, bool asked)
{
	list_remove(&r->node);
	list_remove(&r->tried);
	s->routes->count--;
	if (asked || !addr_is_v4(&r->dst)) netlink_tell_route(s, r, RTM_DELROUTE, 0);
	else stack_ways_changed(s, NULL);
	route_free(r);
}

/* IPv6: another way to the same destination makes one route of several ways. */
static bool can_join(const struct route *have, const struct route *add)
{
	return !addr_is_v4(&add->dst) && have->has_gateway && add->has_gateway && have->type == RTN_UNICAST && add->type == RTN_UNICAST &&
	       MAX(have->n_ways, 1U) + MAX(add->n_ways, 1U) <= ROUTE_WAYS_MAX;
}

static void ways_of(const struct route *r, struct route_way *ret)
{
	if (r->n_ways) memcpy(ret, r->ways, r->n_ways * sizeof *ret);
	else *ret = (struct route_way){.netif = r->netif, .has_gateway = r->has_gateway, .onlink = r->onlink, .gateway = r->gateway, .weight = 1};
}

static int join(struct stack *s, struct route *have, const struct route *add)
{
	uint32_t n = MAX(have->n_ways, 1U), more = MAX(add->n_ways, 1U);
	struct route_way *ways = malloc((n + more) * sizeof *ways);

	if (!ways) return -ENOMEM;
	ways_of(have, ways);
	ways_of(add, ways + n);
	free(have->ways);
	have->ways = ways;
	have->n_ways = n + more;
	netlink_tell_route(s, have, RTM_NEWROUTE, NLM_F_APPEND);
	return 0;
}

static int replace(struct stack *s, struct route *have, const struct route *want)
{
	struct route *r;
	int err = insert(s, want, true, &r);

	if (err < 0) return err;
	list_remove(&r->node), list_insert_before(&have->node, &r->node);
	list_remove(&r->tried), list_insert_before(&have->tried, &r->tried);
	list_remove(&have->node), list_remove(&have->tried);
	s->routes->count--;
	route_free(have);
	netlink_tell_route(s, r, RTM_NEWROUTE, NLM_F_REPLACE);
	return 0;
}

static bool has_way(const struct route *r, const struct route *way)
{
	if (same_way(r, way)) return true;
	for (uint32_t i = 0; i < r->n_ways; i++)
		if (r->ways[i].netif == way->netif && r->ways[i].has_gateway == way->has_gateway && addr_eq(&r->ways[i].gateway, &way->gateway)) return true;
	return false;
}

/* Linux's fib_table_insert and fib6_add_rt2node. */
static int put(struct stack *s, const struct route *want, unsigned flags, struct route **ret)
{
	bool v4 = addr_is_v4(&want->dst);
	struct route *first = NULL;
	int err;

	list_each(struct route, have, &s->routes->routes, node) {
		if (!same_rank(have, want)) continue;
		if (flags & NLM_F_EXCL) return -EEXIST;
		if (!first) first = have;
		if (is_same(have, want) || (!v4 && has_way(have, want))) return flags & NLM_F_REPLACE && have == first ? 0 : -EEXIST;
	}
	if (first && flags & NLM_F_REPLACE) return replace(s, first, want);
	if (!first && v4 && !(flags & NLM_F_CREATE)) return -ENOENT;
	if (!first && flags & NLM_F_REPLACE && !(flags & NLM_F_CREATE)) return netlink_refuse(s, -ENOENT, "Can not replace route - no match found");
	if (first && can_join(first, want)) return join(s, first, want);
	err = insert(s, want, !v4 || flags & NLM_F_APPEND || !first, ret);
	if (err == 0) netlink_tell_route(s, *ret, RTM_NEWROUTE, NLM_F_CREATE | (!first ? NLM_F_EXCL : flags & NLM_F_APPEND));
	return err;
}

int route_put(struct stack *s, const struct route *r, unsigned flags)
{
	struct route want = *r, *made;
	int err = route_check(s, &want);

	return err < 0 ? err : put(s, &want, flags, &made);
}

/* Routes that the kernel adds for addresses may stand beside others of the same destination; those of users may not. */
static int put_own(struct stack *s, const struct route *want, struct route **ret)
{
	list_each(struct route, have, &s->routes->routes, node)
		if (same_rank(have, want) && have->type == want->type && have->netif == want->netif) return -EEXIST;
	return put(s, want, NLM_F_CREATE | NLM_F_APPEND, ret);
}

int route_add(struct stack *s, const struct route *add, struct route **ret)
{
	struct route want = *add, *made = NULL;
	int err;

	if (!want.type) want.type = RTN_UNICAST;
	if (!want.table) want.table = RT_TABLE_MAIN;
	if (!want.protocol) want.protocol = RTPROT_BOOT;
	if (addr_is_v4(&want.dst) && !want.has_gateway && want.type == RTN_UNICAST && want.scope == RT_SCOPE_UNIVERSE) want.scope = RT_SCOPE_LINK;
	err = route_check(s, &want);
	if (err == 0) err = want.protocol == RTPROT_KERNEL ? put_own(s, &want, &made) : put(s, &want, NLM_F_CREATE | NLM_F_EXCL, &made);
	if (err == 0 && ret) *ret = made;
	return err;
}

/* ---- taking away ---- */

/* As Linux's fib_nh_match: of each way what the request names. */
static bool ways_match(const struct route *r, const struct route *match)
{
	if (!match->n_ways) return true;
	if (match->n_ways != r->n_ways) return false;
	for (uint32_t i = 0; i < r->n_ways; i++) {
		const struct route_way *have = &r->ways[i], *want = &match->ways[i];
		if ((want->netif && want->netif != have->netif) || (want->weight > 1 && want->weight != have->weight)) return false;
		if (want->has_gateway && (!have->has_gateway || !addr_eq(&want->gateway, &have->gateway))) return false;
	}
	return true;
}

/* What refuses in IPv6 is said to lead to loopback, and so named. */
static bool netif_matches(const struct route *r, const struct netif *nif)
{
	return !nif || r->netif == nif || (!r->netif && !addr_is_v4(&r->dst) && nif->flags & IFF_LOOPBACK);
}

/* What match leaves open (0, NULL, false) fits any. */
static bool matches(const struct route *r, const struct route *match)
{
	return r->table == (match->table ? match->table : RT_TABLE_MAIN) && r->plen == match->plen && addr_eq(&r->dst, &match->dst) &&
	       match->tos == r->tos && (!match->type || match->type == r->type) && netif_matches(r, match->netif) &&
	       (!match->metric || match->metric == r->metric) && (!match->protocol || match->protocol == r->protocol) &&
	       (!match->has_prefsrc || (r->has_prefsrc && addr_eq(&r->prefsrc, &match->prefsrc))) &&
	       (!match->has_gateway || (r->has_gateway && addr_eq(&r->gateway, &match->gateway))) && ways_match(r, match);
}

static void way_remove(struct stack *s, struct route *r, uint32_t i)
{
	memmove(&r->ways[i], &r->ways[i + 1], (r->n_ways - i - 1) * sizeof *r->ways);
	r->n_ways--;
	r->netif = r->ways[0].netif;
	r->has_gateway = r->ways[0].has_gateway;
	r->onlink = r->ways[0].onlink;
	r->gateway = r->ways[0].gateway;
	if (r->n_ways == 1) {
		free(r->ways);
		r->ways = NULL;
		r->n_ways = 0;
	}
	netlink_tell_route(s, r, RTM_NEWROUTE, NLM_F_REPLACE);
}

/* IPv6: a gateway names one of several ways. */
static bool del_way(struct stack *s, struct route *r, const struct route *match)
{
	struct route whole = *match;

	whole.has_gateway = false;
	whole.netif = NULL;
	if (addr_is_v4(&r->dst) || !r->n_ways || !match->has_gateway || match->n_ways || !matches(r, &whole)) return false;
	for (uint32_t i = 0; i < r->n_ways; i++)
		if (addr_eq(&r->ways[i].gateway, &match->gateway) && (!match->netif || r->ways[i].netif == match->netif)) {
			way_remove(s, r, i);
			return true;
		}
	return false;
}

int route_del(struct stack *s, const struct route *match)
{
	list_each(struct route, r, &s->routes->routes, node) {
		if (del_way(s, r, match)) return 0;
		if (!matches(r, match)) continue;
		take_out(s, r, true);
		return 0;
	}
	return -ESRCH;
}

/* The ways through nif die; a route with others left lives on by them. */
static void lose(struct stack *s, struct route *r, const struct netif *nif, bool for_good)
{
	uint32_t left = 0;

	if (!r->n_ways) {
		if (r->netif == nif) take_out(s, r, false);
		return;
	}
	for (uint32_t i = 0; i < r->n_ways; i++) {
		if (r->ways[i].netif == nif) r->ways[i].dead = true;
		left += !r->ways[i].dead;
	}
	stack_ways_changed(s, NULL);
	if (!left) {
		take_out(s, r, false);
		return;
	}
	for (uint32_t i = r->n_ways; for_good && i-- > 0;)
		if (r->n_ways > 1 && r->ways[i].netif == nif) way_remove(s, r, i);
}

void route_flush_netif(struct stack *s, const struct netif *nif)
{
	list_each(struct route, r, &s->routes->routes, node)
		lose(s, r, nif, true);
}

void route_netif_down(struct stack *s, const struct netif *nif)
{
	list_each(struct route, r, &s->routes->routes, node)
		if (!addr_is_v4(&r->dst) || r->scope != RT_SCOPE_HOST) lose(s, r, nif, false);
}

void route_netif_disable(struct stack *s, const struct netif *nif, bool v4)
{
	list_each(struct route, r, &s->routes->routes, node)
		if (addr_is_v4(&r->dst) == v4) lose(s, r, nif, false);
}

void route_revive(struct stack *s, const struct netif *nif, bool v4)
{
	list_each(struct route, r, &s->routes->routes, node)
		for (uint32_t i = 0; i < r->n_ways; i++)
			if (r->ways[i].netif == nif && addr_is_v4(&r->dst) == v4) r->ways[i].dead = false;
	stack_ways_changed(s, NULL);
}

bool route_flush_source(struct stack *s, const struct addr *src)
{
	uint32_t before = s->routes->count;

	list_each(struct route, r, &s->routes->routes, node)
		if (r->has_prefsrc && addr_eq(&r->prefsrc, src)) take_out(s, r, false);
	return s->routes->count < before;
}

/* ---- finding ---- */

uint32_t route_table_unused(struct stack *s)
{
	for (uint32_t id = 1; id < RT_TABLE_COMPAT; id++)
		if (!table_find(s, id)) return table_make(s, id) ? id : 0;
	return 0;
}

static bool leads_through(const struct route *r, const struct netif *oif)
{
	if (!oif || !r->netif || r->netif == oif) return true;
	for (uint32_t i = 0; i < r->n_ways; i++)
		if (r->ways[i].netif == oif) return true;
	return false;
}

const struct route *route_table_find(const struct stack *s, uint32_t table, const struct route_flow *f, int least_plen)
{
	const struct table *t = table_find(s, table);

	if (!t) return NULL;
	list_each(const struct route, r, &t->routes, tried) {
		if (!addr_in_prefix(&f->dst, &r->dst, r->plen) || !leads_through(r, f->oif)) continue;
		if (r->tos && r->tos != (f->tos & 0xfc)) continue;
		return r->plen <= least_plen ? NULL : r;
	}
	return NULL;
}
