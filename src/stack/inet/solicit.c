/*
 * Router solicitations: a host asks, once its interface is up, for the advertisement that would else come some time. It asks until a router has answered, ever
 * more rarely, as Linux and as net.ipv6.conf.*.router_solicit* say.
 *
 *     up ── 0..1 s ── RS ── 4 s ── RS ── 8 s ── RS ── … an hour at most
 *
 * Read first: RFC 4861 §6.3.7, RFC 7559.
 */
#include "stack/core/sysctl.h"
#include "stack/inet/autoconf.h"
#include "stack/inet/inet_private.h"

static const struct addr all_routers = {{0xff, 2, [15] = 2}};

/* t, a tenth more or less, so that hosts that started together drift apart; RFC 7559 §2 has it of RFC 3315. */
static time_ns about(struct stack *s, time_ns t)
{
	return t * 9 / 10 + (time_ns)((uint64_t)(t / 5) * (stack_random32(s) >> 16) >> 16);
}

static bool is_wanted(const struct netif *nif)
{
	const struct netconf *c = &nif->conf;

	if (!netif_takes_adverts(nif) || nif->kind != NETIF_ETHERNET || nif->solicit.answered) return false;
	return c->router_solicitations < 0 || nif->solicit.sent < (uint32_t)c->router_solicitations;
}

static void solicit(struct netif *nif)
{
	const struct netif_addr *from = netif_linklocal(nif);
	struct packet *p = from ? packet_new(PACKET_HEADROOM, ND_RS_LEN) : NULL;

	if (!p) return;
	nd_rs_emit(&nif->mac, p->data, &from->addr, &all_routers);
	nd_transmit(nif, p, &from->addr, &all_routers);
}

static void solicit_fire(struct timer *t)
{
	struct netif *nif = container_of(t, struct netif, solicit.timer);
	struct stack *s = nif->stack;
	time_ns most = nif->conf.router_solicitation_max_interval_s * NS_PER_S;

	if (!is_wanted(nif)) return;
	solicit(nif);
	nif->solicit.interval = nif->solicit.sent++ ? about(s, 2 * nif->solicit.interval) : about(s, nif->conf.router_solicitation_interval_s * NS_PER_S);
	if (nif->solicit.interval > most) nif->solicit.interval = about(s, most);
	timer_set(s, t, s->now + nif->solicit.interval);
}

/* RFC 4861 §6.3.7: after a random delay, so that hosts that start together do not ask together. */
void rs_start(struct netif *nif)
{
	struct stack *s = nif->stack;
	time_ns delay = nif->conf.router_solicitation_delay_s * NS_PER_S;

	nif->solicit.sent = 0;
	nif->solicit.answered = false;
	nif->solicit.timer.fire = solicit_fire;
	if (is_wanted(nif)) timer_set(s, &nif->solicit.timer, s->now + (time_ns)((uint64_t)delay * (stack_random32(s) >> 16) >> 16));
}

/* RFC 4861 §6.3.7: a router that was asked has answered; one that nobody asked may be one of several. */
void rs_answered(struct netif *nif)
{
	nif->solicit.answered = nif->solicit.sent != 0;
}
