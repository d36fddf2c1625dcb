/* SIOCGARP, SIOCSARP and SIOCDARP: one entry of the neighbour cache of IPv4, as arp(8) shows and sets it. Read first: arp(7). */
#include <errno.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include "stack/inet/ioctl_route.h"
#include "stack/inet/neigh.h"
#include "stack/core/route.h"
#include "stack/socket/option.h"

#define KNOWN (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

static int get(const struct netif *nif, const struct addr *a, struct arpreq *r)
{
	struct neigh *n = nif->kind == NETIF_ETHERNET ? neigh_find(nif, a) : NULL;
	uint8_t state = n ? neigh_state(n) : 0;

	if (!n || state & NUD_NOARP) return -ENXIO;
	r->arp_flags = state & NUD_PERMANENT ? ATF_PERM | ATF_COM : state & KNOWN ? ATF_COM : 0;
	memset(&r->arp_ha, 0, sizeof r->arp_ha);
	r->arp_ha.sa_family = netif_hatype(nif);
	memcpy(r->arp_ha.sa_data, n->mac.b, sizeof n->mac.b);
	memcpy(r->arp_dev, nif->name, sizeof r->arp_dev);
	return 0;
}

/* ATF_PUBL: to answer for it, one address only. */
static int publish(struct netif *nif, const struct addr *a, const struct arpreq *r, bool on)
{
	const struct sockaddr_in *mask = (const struct sockaddr_in *)(const void *)&r->arp_netmask;

	if (r->arp_flags & ATF_NETMASK && mask->sin_addr.s_addr != INADDR_NONE) return mask->sin_addr.s_addr ? -EINVAL : -EOPNOTSUPP;
	if (on) return neigh_proxy_add(nif, a);
	return neigh_proxy_del(nif, a) ? 0 : -ENXIO;
}

static int set(struct netif *nif, const struct addr *a, const struct arpreq *r)
{
	struct mac mac;

	if (r->arp_ha.sa_family != netif_hatype(nif)) return -EINVAL;
	if (nif->kind != NETIF_ETHERNET) return -EOPNOTSUPP;
	memcpy(mac.b, r->arp_ha.sa_data, sizeof mac.b);
	return neigh_set(nif, a, &mac, r->arp_flags & ATF_PERM ? NUD_PERMANENT : NUD_STALE);
}

static int netif_of(struct sock *sk, unsigned long request, const struct addr *a, struct arpreq *r, struct netif **ret)
{
	struct route_hop hop;
	int err;

	r->arp_dev[sizeof r->arp_dev - 1] = '\0';
	if (r->arp_dev[0]) {
		*ret = netif_by_name(sk->stack, r->arp_dev);
		return *ret ? 0 : -ENODEV;
	}
	if (request == SIOCGARP) return -ENODEV;
	err = route_lookup(sk->stack, a, &addr_any4, NULL, &hop);
	*ret = err == 0 ? hop.netif : NULL;
	return err;
}

int ioctl_arp(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	struct netif *nif;
	struct arpreq r;
	struct addr a;
	int err;

	if (request != SIOCGARP && !sock_is_privileged(sk)) return -EPERM;
	if (len < sizeof r) return -EFAULT;
	memcpy(&r, arg, sizeof r);
	if (r.arp_pa.sa_family != AF_INET) return -EPFNOSUPPORT;
	if (!(r.arp_flags & ATF_PUBL) && r.arp_flags & (ATF_NETMASK | ATF_DONTPUB)) return -EINVAL;
	a = addr_v4_octets((const uint8_t *)r.arp_pa.sa_data + 2);
	err = netif_of(sk, request, &a, &r, &nif);
	if (err < 0) return err;
	if (r.arp_flags & ATF_PUBL && request != SIOCGARP) return publish(nif, &a, &r, request == SIOCSARP);
	if (!r.arp_ha.sa_family) r.arp_ha.sa_family = netif_hatype(nif);
	if (request == SIOCSARP) return set(nif, &a, &r);
	if (request == SIOCDARP) return neigh_forget(nif, &a) ? 0 : -ENXIO;
	err = get(nif, &a, &r);
	if (err == 0) memcpy(arg, &r, sizeof r);
	return err;
}
