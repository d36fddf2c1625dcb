/*
 * Router advertisements, as a host takes them: the router becomes a default route, a prefix of the link a route, and where the prefix says so an
 * address is made of it and the interface's identifier (SLAAC). Each lives as long as the advertisement says. A forwarding host takes none.
 *
 * Read first: RFC 4861 §6.3.4, RFC 4862 §5.5.3.
 */
#include "stack/inet/autoconf.h"
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"

#define LEARNT_MAX 16                    /* routers and prefixes of an interface: a forger fills no memory */
#define ADDRESSES_MAX 16                 /* Linux's max_addresses */
#define FOREVER 0xffffffffu
#define TWO_HOURS 7200
#define RA_METRIC 1024                   /* Linux's IP6_RT_PRIO_USER and _ADDRCONF */
#define PREFIX_METRIC 256

/* A route that an advertisement brought. */
struct learnt { struct list node; struct netif *netif; struct timer timer; struct route route; };

static time_ns end_of(const struct stack *s, uint32_t seconds)
{
	return seconds == FOREVER ? TIME_NEVER : s->now + seconds * NS_PER_S;
}

/* ---- routes ---- */

static void learnt_free(struct learnt *l)
{
	timer_clear(l->netif->stack, &l->timer);
	(void)route_del(l->netif->stack, &l->route);
	list_remove(&l->node);
	free(l);
}

static void learnt_fire(struct timer *t) { learnt_free(container_of(t, struct learnt, timer)); }

static struct learnt *learnt_find(struct netif *nif, const struct route *r, size_t *ret_count)
{
	*ret_count = 0;
	list_each(struct learnt, l, &nif->learnt, node) {
		if (l->route.plen == r->plen && addr_eq(&l->route.dst, &r->dst) && addr_eq(&l->route.gateway, &r->gateway)) return l;
		++*ret_count;
	}
	return NULL;
}

/* RFC 4861 §6.3.4: new ones are taken, known ones live on, those with no time left go. */
static void learn(struct netif *nif, const struct route *r, uint32_t seconds)
{
	struct stack *s = nif->stack;
	size_t count;
	struct learnt *l = learnt_find(nif, r, &count);

	if (l && seconds == 0) learnt_free(l);
	if (seconds == 0 || (!l && count >= LEARNT_MAX)) return;
	if (!l) {
		l = calloc(1, sizeof *l);
		if (!l) return;
		l->netif = nif;
		l->route = *r;
		l->timer.fire = learnt_fire;
		list_append(&nif->learnt, &l->node);
		if (route_add(s, r, NULL) < 0) {
			list_remove(&l->node);
			free(l);
			return;
		}
	}
	if (seconds == FOREVER)
		timer_clear(s, &l->timer);
	else
		timer_set(s, &l->timer, end_of(s, seconds));
}

void ra_forget(struct netif *nif)
{
	while (!list_empty(&nif->learnt))
		learnt_free(list_first(&nif->learnt, struct learnt, node));
}

/* ---- addresses ---- */

/* RFC 4862 §5.5.3 (e): what is left may be made longer, or as short as two hours, or told by nobody who is not the router. */
static time_ns valid_after(const struct netif_addr *ia, uint32_t valid_s)
{
	const struct stack *s = ia->netif->stack;
	time_ns told = end_of(s, valid_s), two_hours = s->now + TWO_HOURS * NS_PER_S;

	if (told > ia->valid_until || told > two_hours) return told;
	return ia->valid_until <= two_hours ? ia->valid_until : two_hours;
}

static struct netif_addr *address_in(const struct netif *nif, const struct nd_prefix *x, size_t *ret_count)
{
	*ret_count = 0;
	list_each(struct netif_addr, ia, &nif->addrs, node) {
		if (addr_is_v4(&ia->addr) || addr_is_linklocal(&ia->addr)) continue;
		if (!(ia->flags & IFA_F_PERMANENT) && ia->plen == x->plen && addr_in_prefix(&ia->addr, &x->prefix, x->plen)) return ia;
		++*ret_count;
	}
	return NULL;
}

static void address_make(struct netif *nif, const struct nd_prefix *x)
{
	struct addr a = netif_addr_of(nif, &x->prefix);
	struct netif_addr *ia;
	size_t count;

	/* RFC 4862 §5.5.3 (d): with an identifier of 64 bits; and one that is planned already is left alone. */
	if (x->plen != 64 || netif_addr_add_flags(nif, &a, 64, IFA_F_TENTATIVE | IFA_F_MANAGETEMPADDR) < 0) return;
	ia = address_in(nif, x, &count);
	if (ia) netif_addr_set_life(ia, end_of(nif->stack, x->preferred_s), end_of(nif->stack, x->valid_s));
}

static void autoconfigure(struct netif *nif, const struct nd_prefix *x)
{
	size_t count;
	struct netif_addr *ia = address_in(nif, x, &count);

	if (ia)
		netif_addr_set_life(ia, end_of(nif->stack, x->preferred_s), valid_after(ia, x->valid_s));
	else if (x->valid_s && count < ADDRESSES_MAX)
		address_make(nif, x);
}

/* ---- the message ---- */

static void prefix_take(struct netif *nif, const struct nd_prefix *x)
{
	struct route r = {.dst = addr_mask(&x->prefix, x->plen), .plen = x->plen, .netif = nif, .type = RTN_UNICAST, .protocol = RTPROT_RA,
			  .table = RT_TABLE_MAIN, .metric = PREFIX_METRIC};

	/* RFC 4861 §6.3.4, RFC 4862 §5.5.3 (b), (c) */
	if (addr_is_linklocal(&x->prefix) || addr_is_multicast(&x->prefix) || addr_is_v4(&x->prefix) || x->preferred_s > x->valid_s) return;
	if (x->on_link) learn(nif, &r, x->valid_s);
	if (x->autonomous && nif->conf.autoconf) autoconfigure(nif, x);
}

void ra_receive(struct netif *nif, const struct nd_ra *ra, const struct packet *p)
{
	struct route way_out = {.dst = addr_any6, .plen = 0, .has_gateway = true, .gateway = p->src, .netif = nif, .type = RTN_UNICAST, .protocol = RTPROT_RA,
				.table = RT_TABLE_MAIN, .metric = RA_METRIC};

	if (!netif_takes_adverts(nif)) return;
	rs_answered(nif);
	if (ra->has_lladdr) neigh_learn(nif, &p->src, &ra->lladdr, NEIGH_CREATE | NEIGH_OVERRIDE);
	if (ra->hops && ra->hops >= nif->conf.accept_ra_min_hop_limit) nif->conf.hop_limit = ra->hops;
	if (nif->conf.accept_ra_defrtr) learn(nif, &way_out, ra->lifetime_s);
	for (size_t i = 0; i < ra->n_prefixes && nif->conf.accept_ra_pinfo; i++)
		prefix_take(nif, &ra->prefixes[i]);
}
