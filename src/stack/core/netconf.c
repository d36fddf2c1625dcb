/*
 * What a setting of an interface's own and that of "all" are together, where it takes more than a word; and what is more to be done when one of them is
 * written: netconf.h.
 */
#include <linux/netconf.h>
#include "stack/core/netif.h"
#include "stack/core/sysctl.h"
#include "stack/netlink/notify.h"

/* Linux's IN_DEV_RX_REDIRECTS */
bool netif_believes_redirects(const struct netif *nif)
{
	bool all = nif->stack->sysctl->all.accept_redirects, own = nif->conf.accept_redirects;

	return nif->conf.forwarding ? all && own : all || own;
}

/* Linux's ipv6_accept_ra(): 2 overrules that a router believes no other. */
bool netif_takes_adverts(const struct netif *nif)
{
	return nif->conf.forwarding6 ? nif->conf.accept_ra == 2 : nif->conf.accept_ra != 0;
}

/* ---- when one is written ---- */

static int index_of(const struct sysctl *s, const struct netconf *c)
{
	if (c == &s->all) return NETCONFA_IFINDEX_ALL;
	return c == &s->initial ? NETCONFA_IFINDEX_DEFAULT : container_of((struct netconf *)c, struct netif, conf)->index;
}

static void tell(const struct sysctl *s, bool v4, const struct netconf *c, int what)
{
	if (s->stack) netlink_tell_netconf(s->stack, v4, index_of(s, c), c, what);
}

static void forward4(struct sysctl *s, int on)
{
	s->all.forwarding = s->initial.forwarding = on;
	/* As Linux: a router believes no redirects until it is told to again. */
	s->all.accept_redirects = !on;
	tell(s, true, &s->all, NETCONFA_FORWARDING);
	tell(s, true, &s->initial, NETCONFA_FORWARDING);
	if (!s->stack) return;
	list_each(struct netif, nif, &s->stack->netifs, node) {
		nif->conf.forwarding = on;
		tell(s, true, &nif->conf, NETCONFA_FORWARDING);
	}
}

/* As Linux, this is told only of where it changes. */
static void forward6_of(struct sysctl *s, struct netconf *c, int on)
{
	bool was_on = c->forwarding6;

	c->forwarding6 = on;
	if (was_on != !!on) tell(s, false, c, NETCONFA_FORWARDING);
}

static void forward6(struct sysctl *s, int on, bool was_on)
{
	forward6_of(s, &s->initial, on);
	if (s->stack) list_each(struct netif, nif, &s->stack->netifs, node) forward6_of(s, &nif->conf, on);
	s->all.forwarding6 = was_on;
	forward6_of(s, &s->all, on);
}

/* An interface's own becomes all's, or it has become what it is by itself. */
static void disable6(struct sysctl *s, int off)
{
	s->all.disable_ipv6 = s->initial.disable_ipv6 = off;
	if (!s->stack) return;
	list_each(struct netif, nif, &s->stack->netifs, node) {
		bool was_off = nif->conf.disable_ipv6;
		nif->conf.disable_ipv6 = off;
		if (was_off != !!off) netif_ipv6_switched(nif);
	}
}

void sysctl_set_router(struct sysctl *s, bool on)
{
	if (s->all.forwarding != on) forward4(s, on);
	forward6(s, on, s->all.forwarding6);
}

/* What is written to "default" is for some that are there, too: netconf.h. */
static void follow_default(struct sysctl *s, struct netconf *base, size_t offset)
{
	uint64_t field_bit = (uint64_t)1 << offset / sizeof(int);

	_Static_assert(sizeof(struct netconf) / sizeof(int) <= 64, "a bit for each field");
	if (base != &s->initial) {
		base->written |= field_bit;
		return;
	}
	if (!s->stack) return;
	list_each(struct netif, nif, &s->stack->netifs, node)
		if (!nif->conf.is_settled && !(nif->conf.written & field_bit)) memcpy((char *)&nif->conf + offset, (char *)base + offset, sizeof(int));
}

/* As Linux: IPv4's forwarding only when that changes it. */
void netconf_written(struct sysctl *s, struct netconf *base, size_t offset, bool follows_default, int before)
{
	static const struct { size_t offset; int what; } told4[] = {
		{offsetof(struct netconf, forwarding), NETCONFA_FORWARDING}, {offsetof(struct netconf, rp_filter), NETCONFA_RP_FILTER},
		{offsetof(struct netconf, proxy_arp), NETCONFA_PROXY_NEIGH},
	};
	const int *at = (const int *)(const void *)((const char *)base + offset);

	if (at == &s->all.forwarding) {
		if (*at != before) forward4(s, *at);
	} else if (at == &s->all.forwarding6) {
		forward6(s, *at, before);
	} else if (at == &s->all.disable_ipv6) {
		disable6(s, *at);
	} else if (at == &base->disable_ipv6 && base != &s->initial && !*at != !before) {
		netif_ipv6_switched(container_of(base, struct netif, conf));
	} else if (at == &base->forwarding6 && !*at != !before) {
		tell(s, false, base, NETCONFA_FORWARDING);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(told4) && *at != before; i++)
			if (offset == told4[i].offset) tell(s, true, base, told4[i].what);
	}
	if (follows_default) follow_default(s, base, offset);
}
