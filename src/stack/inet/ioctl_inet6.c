/* What sockets of AF_INET6 are asked under the numbers of AF_INET's requests: an address with its length and interface, a route. Read first: ipv6(7). */
#include <errno.h>
#include <linux/ipv6.h>
#include <linux/sockios.h>
#include "stack/core/netif.h"
#include "stack/inet/ioctl.h"
#include "stack/inet/ioctl_route.h"
#include "stack/socket/option.h"

static int address(struct sock *sk, unsigned long request, const void *arg, size_t len)
{
	struct in6_ifreq r;
	struct netif *nif;
	struct addr a;

	if (!sock_is_privileged(sk)) return -EPERM;
	if (len < sizeof r) return -EFAULT;
	memcpy(&r, arg, sizeof r);
	if (r.ifr6_prefixlen > 128) return -EINVAL;
	nif = r.ifr6_ifindex > 0 ? netif_by_index(sk->stack, r.ifr6_ifindex) : NULL;
	if (!nif) return -ENODEV;
	a = addr_v6_octets(r.ifr6_addr.s6_addr);
	if (request == SIOCSIFADDR) return addr_is_v4(&a) ? -EADDRNOTAVAIL : netif_addr_add(nif, &a, r.ifr6_prefixlen);
	return netif_addr_del(nif, &a, r.ifr6_prefixlen) < 0 ? -EADDRNOTAVAIL : 0;
}

int ioctl_inet6(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	switch (request) {
	case SIOCADDRT: case SIOCDELRT: return ioctl_route6(sk, request, arg, len);
	case SIOCSIFADDR: case SIOCDIFADDR: return address(sk, request, arg, len);
	case SIOCSIFDSTADDR: return -ENODEV;     /* of tunnels */
	default: return -NO_IOCTL_CMD;
	}
}
