/*
 * Duplicate address detection: is a new address somebody else's already? It is asked for, once (net.ipv6.conf.*.dad_transmits), from no address; if nobody
 * answers or asks for it within a second, it is ours. Until then it is tentative: no source, no destination.
 *
 * The addresses that a topology plans are unique and are ours at once; those that an interface makes for itself (autoconf.c), or that are added as
 * tentative, are looked for. Read first: RFC 4862 §5.4.
 */
#include <linux/if_addr.h>
#include "stack/inet/inet_private.h"
#include "stack/netlink/notify.h"

#define RETRANS_TIMER NS_PER_S           /* RFC 4861 §10 */
#define DELAY_MAX NS_PER_S               /* RFC 4861 §10: MAX_RTR_SOLICITATION_DELAY */

static void dad_fire(struct timer *t)
{
	struct netif_addr *ia = container_of(t, struct netif_addr, dad);
	struct stack *s = ia->netif->stack;

	if (ia->dad_asked >= ia->netif->conf.dad_transmits) {
		ia->flags &= (uint32_t)~IFA_F_TENTATIVE;
		netlink_tell_addr(ia, false);
		return;
	}
	ia->dad_asked++;
	nd_probe(ia->netif, &ia->addr);
	timer_set(s, &ia->dad, s->now + RETRANS_TIMER);
}

/* RFC 4862 §5.4.2: after a random delay, so that hosts that start together do not ask together. */
void dad_start(struct netif_addr *ia)
{
	struct stack *s = ia->netif->stack;

	ia->dad.fire = dad_fire;
	ia->dad_asked = 0;
	timer_set(s, &ia->dad, s->now + (time_ns)((uint64_t)DELAY_MAX * stack_random32(s) >> 32));
}

/* RFC 4862 §5.4.3, §5.4.4: somebody has it, or wants it as we do. As on Linux it stays, of no use. */
bool dad_conflict(struct netif *nif, const struct addr *target)
{
	list_each(struct netif_addr, ia, &nif->addrs, node) {
		if (!addr_eq(&ia->addr, target) || !netif_addr_is_tentative(ia)) continue;
		timer_clear(nif->stack, &ia->dad);
		/* RFC 4862 §5.4.5: it is not used, and stays to be seen. */
		ia->flags |= IFA_F_DADFAILED;
		netlink_tell_addr(ia, false);
		return true;
	}
	return false;
}
