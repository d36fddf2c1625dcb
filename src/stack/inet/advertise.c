/*
 * Router advertisements, as a router sends them where sockland.router_advertisements says how often: to all nodes, and sooner when a host asks. It
 * advertises itself and the prefixes of its own addresses. Read first: RFC 4861 §6.2.
 */
#include "stack/core/sysctl.h"
#include "stack/inet/autoconf.h"
#include "stack/inet/inet_private.h"

#define ANSWER_WITHIN (NS_PER_S / 2)     /* RFC 4861 §10: MAX_RA_DELAY_TIME */
#define VALID_S 86400
#define PREFERRED_S 14400
#define RA_MAX (ICMP_HDR_LEN + 8 + 8 + 8 + ND_PREFIXES_MAX * 32)

static const struct addr all_nodes = {{0xff, 2, [15] = 1}};

static bool advertises(const struct netif *nif)
{
	const struct sysctl *c = nif->stack->sysctl;

	return c->all.forwarding6 && c->router_advertisements_s && nif->kind == NETIF_ETHERNET;
}

static void prefixes_of(const struct netif *nif, struct nd_ra *ra)
{
	list_each(const struct netif_addr, ia, &nif->addrs, node) {
		if (addr_is_v4(&ia->addr) || addr_is_linklocal(&ia->addr) || ia->plen != 64 || ra->n_prefixes == ND_PREFIXES_MAX) continue;
		ra->prefixes[ra->n_prefixes++] = (struct nd_prefix){.prefix = addr_mask(&ia->addr, 64), .plen = 64, .on_link = true, .autonomous = true,
								    .valid_s = VALID_S, .preferred_s = PREFERRED_S};
	}
}

static void advertise(struct netif *nif)
{
	/* RFC 4861 §6.2.1: three intervals, so that one that is lost does no harm. */
	struct nd_ra ra = {.hops = 64, .lifetime_s = (uint16_t)MIN(3 * nif->stack->sysctl->router_advertisements_s, 9000), .has_lladdr = true,
			   .lladdr = nif->mac, .mtu_bytes = nif->mtu_bytes};
	const struct netif_addr *from = netif_linklocal(nif);
	struct packet *p = from ? packet_new(PACKET_HEADROOM, RA_MAX) : NULL;

	if (!p) return;
	prefixes_of(nif, &ra);
	packet_trim(p, nd_ra_emit(&ra, p->data, &from->addr, &all_nodes));
	nd_transmit(nif, p, &from->addr, &all_nodes);
}

/* RFC 4861 §6.2.4: again and again. */
static void advertise_fire(struct timer *t)
{
	struct netif *nif = container_of(t, struct netif, advertise);
	struct stack *s = nif->stack;

	if (!advertises(nif)) return;
	advertise(nif);
	timer_set(s, t, s->now + s->sysctl->router_advertisements_s * NS_PER_S);
}

void ra_advertise_start(struct netif *nif)
{
	if (!advertises(nif)) return;
	nif->advertise.fire = advertise_fire;
	timer_set(nif->stack, &nif->advertise, nif->stack->now);
}

/* RFC 4861 §6.2.6: to all nodes, after a random delay that lets several questions have one answer. */
void rs_receive(struct netif *nif)
{
	struct stack *s = nif->stack;
	time_ns due = s->now + (time_ns)((uint64_t)ANSWER_WITHIN * stack_random32(s) >> 32);

	if (!advertises(nif)) return;
	nif->advertise.fire = advertise_fire;
	if (timer_due(s, &nif->advertise) > due) timer_set(s, &nif->advertise, due);
}
