/*
 * What sockets of AF_INET are asked about addresses: of an interface (struct ifreq), of all (SIOCGIFCONF). Read first: netdevice(7).
 *
 * SIOCGIFCONF's struct holds a pointer, which means nothing here, so that the host passes what the pointer points to: arg is the array of struct
 * ifreq, len its size in octets (0: how much would be needed), and the result is the number of octets.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include "stack/inet/ioctl.h"
#include "stack/inet/ioctl_route.h"
#include "stack/socket/option.h"

/* The IPv4 address that a name means: the interface's first, or for an alias ("eth0:1") there is none here. */
static struct netif_addr *addr_of(const struct netif *nif, const struct ifreq *r)
{
	if (strchr(r->ifr_name, ':')) return NULL;
	list_each(struct netif_addr, na, &nif->addrs, node)
		if (addr_is_v4(&na->addr)) return na;
	return NULL;
}

static void emit4(struct sockaddr *ret, const struct addr *a)
{
	struct sockaddr_in in = {.sin_family = AF_INET};

	memcpy(&in.sin_addr, a->b + 12, sizeof in.sin_addr);
	memcpy(ret, &in, sizeof *ret);
}

static struct addr value_of(const struct ifreq *r) { return addr_v4_octets((const uint8_t *)r->ifr_addr.sa_data + 2); }

static struct addr mask_of(const struct netif_addr *na)
{
	struct addr ones = addr_bcast4;

	return addr_mask(&ones, na->plen);
}

static struct addr broadcast_of(const struct netif_addr *na)
{
	return na->netif->flags & IFF_BROADCAST ? addr_last(&na->addr, na->plen) : addr_any4;
}

/* ---- one interface ---- */

static int get(unsigned long request, const struct netif_addr *na, struct ifreq *r)
{
	struct addr a = na->addr;    /* SIOCGIFDSTADDR, too: the peer, which is the address itself where there is none */

	if (request == SIOCGIFNETMASK) a = mask_of(na);
	if (request == SIOCGIFBRDADDR) a = broadcast_of(na);
	emit4(&r->ifr_addr, &a);
	return 0;
}

/* The length that a class had, before there were masks; < 0: no address of a host's. */
static int class_len(const struct addr *a)
{
	uint8_t first = a->b[12];

	if (addr_is_any(a) || addr_eq(a, &addr_bcast4)) return 0;
	if (first < 128) return 8;
	if (first < 192) return 16;
	return first < 224 ? 24 : -1;
}

/* As Linux: the first address is taken away before the other is there, and the wildcard takes it away only. */
static int set_addr(struct netif *nif, struct netif_addr *na, const struct addr *a)
{
	int plen = class_len(a);

	if (plen < 0) return -EINVAL;
	if (na && addr_eq(&na->addr, a)) return 0;
	if (na) netif_addr_del(nif, &na->addr, na->plen);
	return addr_is_any(a) ? 0 : netif_addr_add(nif, a, nif->flags & IFF_POINTOPOINT ? 32 : (unsigned)plen);
}

static int set_netmask(struct netif *nif, struct netif_addr *na, const struct addr *mask)
{
	struct addr a = na->addr;
	int plen = ioctl_mask_len(mask);

	if (plen < 0) return -EINVAL;
	if ((unsigned)plen == na->plen) return 0;
	netif_addr_del(nif, &a, na->plen);
	return netif_addr_add(nif, &a, (unsigned)plen);
}

static int set(unsigned long request, struct netif *nif, struct netif_addr *na, const struct ifreq *r)
{
	struct addr value = value_of(r), now;

	if (request == SIOCSIFADDR) return set_addr(nif, na, &value);
	if (!na) return -EADDRNOTAVAIL;
	if (request == SIOCSIFNETMASK) return set_netmask(nif, na, &value);
	/* Both follow from address and mask here. */
	now = request == SIOCSIFBRDADDR ? broadcast_of(na) : na->addr;
	return addr_eq(&now, &value) ? 0 : -EOPNOTSUPP;
}

static int one(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	bool sets = request == SIOCSIFADDR || request == SIOCSIFNETMASK || request == SIOCSIFBRDADDR || request == SIOCSIFDSTADDR;
	struct netif_addr *na;
	struct netif *nif;
	struct ifreq r;
	int err;

	if (len < sizeof r) return -EFAULT;
	memcpy(&r, arg, sizeof r);
	if (sets && !sock_is_privileged(sk)) return -EPERM;
	if (sets && r.ifr_addr.sa_family != AF_INET) return -EINVAL;
	nif = ioctl_netif(sk->stack, &r);
	if (!nif) return -ENODEV;
	na = addr_of(nif, &r);
	if (sets) return set(request, nif, na, &r);
	err = na ? get(request, na, &r) : -EADDRNOTAVAIL;
	if (err == 0) memcpy(arg, &r, sizeof r);
	return err;
}

/* ---- all interfaces ---- */

int ioctl_conf(struct sock *sk, void *arg, size_t len)
{
	size_t used = 0;

	list_each(struct netif, nif, &sk->stack->netifs, node)
		list_each(struct netif_addr, na, &nif->addrs, node) {
			struct ifreq r = {0};
			if (!addr_is_v4(&na->addr)) continue;
			if (len && used + sizeof r > len) return (int)used;
			memcpy(r.ifr_name, nif->name, sizeof r.ifr_name);
			emit4(&r.ifr_addr, &na->addr);
			if (len) memcpy((char *)arg + used, &r, sizeof r);
			used += sizeof r;
		}
	return (int)used;
}

int ioctl_inet4(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	switch (request) {
	case SIOCRTMSG: case SIOCSIFPFLAGS: case SIOCGIFPFLAGS: return sk->domain == AF_INET ? -EINVAL : -NO_IOCTL_CMD;
	case SIOCADDRT: case SIOCDELRT: return ioctl_route4(sk, request, arg, len);
	case SIOCSARP: case SIOCDARP: case SIOCGARP: return ioctl_arp(sk, request, arg, len);
	case SIOCGIFADDR: case SIOCGIFNETMASK: case SIOCGIFBRDADDR: case SIOCGIFDSTADDR:
	case SIOCSIFADDR: case SIOCSIFNETMASK: case SIOCSIFBRDADDR: case SIOCSIFDSTADDR: return one(sk, request, arg, len);
	default: return -NO_IOCTL_CMD;
	}
}
