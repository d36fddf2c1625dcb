/*
 * The ioctls that ask about interfaces: SIOCGIF*. Read first: netdevice(7).
 *
 * They carry a struct ifreq: the name in, one value out. SIOCGIFCONF is the exception: its struct holds a pointer, which means nothing
 * here, so that the host passes what the pointer points to: arg is the array of struct ifreq, len its size in octets (0: how much would
 * be needed), and the result is the number of octets.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include "stack/inet/inet.h"

#define TXQLEN_DEFAULT 1000
#define NO_IOCTL_CMD 515

/* ---- one interface ---- */

/* The IPv4 address that a name means: the interface's first, or for an alias ("eth0:1") there is none here. */
static const struct netif_addr *addr_of(const struct netif *nif)
{
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

static int get_addr(const struct netif *nif, struct ifreq *r)
{
	const struct netif_addr *na = addr_of(nif);

	if (!na) return -EADDRNOTAVAIL;
	emit4(&r->ifr_addr, &na->addr);
	return 0;
}

static int get_netmask(const struct netif *nif, struct ifreq *r)
{
	const struct netif_addr *na = addr_of(nif);
	struct addr ones = addr_bcast4, mask;

	if (!na) return -EADDRNOTAVAIL;
	mask = addr_mask(&ones, na->plen);
	emit4(&r->ifr_netmask, &mask);
	return 0;
}

static int get_brdaddr(const struct netif *nif, struct ifreq *r)
{
	const struct netif_addr *na = addr_of(nif);
	struct addr last = addr_any4;

	if (!na) return -EADDRNOTAVAIL;
	if (nif->flags & IFF_BROADCAST) last = addr_last(&na->addr, na->plen);
	emit4(&r->ifr_broadaddr, &last);
	return 0;
}

static int get_dstaddr(const struct netif *nif, struct ifreq *r)
{
	return get_addr(nif, r);    /* Linux: the peer, which is the address itself where there is none */
}

static int get_hwaddr(const struct netif *nif, struct ifreq *r)
{
	memset(&r->ifr_hwaddr, 0, sizeof r->ifr_hwaddr);
	switch (nif->kind) {
	case NETIF_ETHERNET:
		r->ifr_hwaddr.sa_family = ARPHRD_ETHER;
		memcpy(r->ifr_hwaddr.sa_data, nif->mac.b, sizeof nif->mac.b);
		break;
	case NETIF_LOOPBACK: r->ifr_hwaddr.sa_family = ARPHRD_LOOPBACK; break;
	default: r->ifr_hwaddr.sa_family = ARPHRD_NONE;
	}
	return 0;
}

static int get_flags(const struct netif *nif, struct ifreq *r)
{
	r->ifr_flags = (short)nif->flags;
	return 0;
}

static int get_mtu(const struct netif *nif, struct ifreq *r)
{
	r->ifr_mtu = (int)nif->mtu_bytes;
	return 0;
}

static int get_index(const struct netif *nif, struct ifreq *r)
{
	r->ifr_ifindex = nif->index;
	return 0;
}

static int get_metric(const struct netif *nif, struct ifreq *r)
{
	(void)nif;
	r->ifr_metric = 0;
	return 0;
}

static int get_txqlen(const struct netif *nif, struct ifreq *r)
{
	(void)nif;
	r->ifr_qlen = TXQLEN_DEFAULT;
	return 0;
}

static int get_map(const struct netif *nif, struct ifreq *r)
{
	(void)nif;
	memset(&r->ifr_map, 0, sizeof r->ifr_map);
	return 0;
}

struct request { unsigned long request; int (*get)(const struct netif *, struct ifreq *); };

static const struct request requests[] = {
	{SIOCGIFADDR, get_addr},
	{SIOCGIFNETMASK, get_netmask},
	{SIOCGIFBRDADDR, get_brdaddr},
	{SIOCGIFDSTADDR, get_dstaddr},
	{SIOCGIFHWADDR, get_hwaddr},
	{SIOCGIFFLAGS, get_flags},
	{SIOCGIFMTU, get_mtu},
	{SIOCGIFINDEX, get_index},
	{SIOCGIFMETRIC, get_metric},
	{SIOCGIFTXQLEN, get_txqlen},
	{SIOCGIFMAP, get_map},
};

/* What changes an interface asks for CAP_NET_ADMIN. */
static const unsigned long privileged[] = {
	SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFBRDADDR, SIOCSIFDSTADDR, SIOCSIFHWADDR, SIOCSIFFLAGS, SIOCSIFMTU, SIOCSIFMETRIC, SIOCSIFTXQLEN,
	SIOCSIFNAME, SIOCSIFMAP, SIOCADDRT, SIOCDELRT, SIOCSARP, SIOCDARP, SIOCADDMULTI, SIOCDELMULTI,
};

/* ---- all interfaces ---- */

static int get_conf(const struct stack *s, void *arg, size_t len)
{
	size_t used = 0;

	list_each(struct netif, nif, &s->netifs, node)
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

static int get_name(const struct stack *s, struct ifreq *r)
{
	const struct netif *nif = netif_by_index(s, r->ifr_ifindex);

	if (!nif) return -ENODEV;
	memcpy(r->ifr_name, nif->name, sizeof r->ifr_name);
	return 0;
}

static int get_one(const struct stack *s, const struct request *q, struct ifreq *r)
{
	const struct netif *nif;

	r->ifr_name[sizeof r->ifr_name - 1] = '\0';
	nif = netif_by_name(s, r->ifr_name);
	return nif ? q->get(nif, r) : -ENODEV;
}

static const struct request *request_find(unsigned long request)
{
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].request == request) return &requests[i];
	return NULL;
}

int inet_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	const struct request *q = request_find(request);
	struct ifreq r;
	int err;

	if (request == SIOCGIFCONF) return get_conf(sk->stack, arg, len);
	for (size_t i = 0; i < ARRAY_SIZE(privileged); i++)
		if (privileged[i] == request) return -EPERM;
	if (!q && request != SIOCGIFNAME && request != SIOCETHTOOL) return -NO_IOCTL_CMD;
	if (len < sizeof r) return -EFAULT;
	memcpy(&r, arg, sizeof r);
	if (request == SIOCETHTOOL) return netif_by_name(sk->stack, r.ifr_name) ? -EOPNOTSUPP : -ENODEV;   /* no device behind it has settings */
	err = q ? get_one(sk->stack, q, &r) : get_name(sk->stack, &r);
	if (err == 0) memcpy(arg, &r, sizeof r);
	return err;
}
