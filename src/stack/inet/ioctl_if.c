/*
 * The ioctls about devices: their flags, size, name, hardware address. They carry a struct ifreq: the name in, one value in or out.
 * Read first: netdevice(7).
 */
#include <errno.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include "stack/core/netif.h"
#include "stack/core/route.h"
#include "stack/inet/ioctl.h"
#include "stack/socket/option.h"

/* ---- what it is ---- */

static int get_hwaddr(struct netif *nif, struct ifreq *r)
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

static int get_flags(struct netif *nif, struct ifreq *r)
{
	r->ifr_flags = (short)nif->flags;
	return 0;
}

static int get_mtu(struct netif *nif, struct ifreq *r)
{
	r->ifr_mtu = (int)nif->mtu_bytes;
	return 0;
}

static int get_index(struct netif *nif, struct ifreq *r)
{
	r->ifr_ifindex = nif->index;
	return 0;
}

static int get_metric(struct netif *nif, struct ifreq *r)
{
	(void)nif;
	r->ifr_metric = 0;
	return 0;
}

static int get_txqlen(struct netif *nif, struct ifreq *r)
{
	r->ifr_qlen = nif->txqlen;
	return 0;
}

static int get_map(struct netif *nif, struct ifreq *r)
{
	(void)nif;
	memset(&r->ifr_map, 0, sizeof r->ifr_map);
	return 0;
}

/* ---- what it shall be ---- */

static int set_flags(struct netif *nif, struct ifreq *r) { return netif_set_flags(nif, (uint16_t)r->ifr_flags); }

static int set_mtu(struct netif *nif, struct ifreq *r) { return r->ifr_mtu < 0 ? -EINVAL : netif_set_mtu(nif, (uint32_t)r->ifr_mtu); }

static int set_txqlen(struct netif *nif, struct ifreq *r)
{
	if (r->ifr_qlen < 0) return -EINVAL;
	nif->txqlen = r->ifr_qlen;
	return 0;
}

static int set_hwaddr(struct netif *nif, struct ifreq *r)
{
	struct mac mac;

	memcpy(mac.b, r->ifr_hwaddr.sa_data, sizeof mac.b);
	if (r->ifr_hwaddr.sa_family != netif_hatype(nif)) return -EINVAL;
	return netif_set_mac(nif, &mac);
}

static int set_name(struct netif *nif, struct ifreq *r)
{
	r->ifr_newname[sizeof r->ifr_newname - 1] = '\0';
	return netif_set_name(nif, r->ifr_newname);
}

static int invalid(struct netif *nif, struct ifreq *r)
{
	(void)nif, (void)r;
	return -EINVAL;
}

static int unsupported(struct netif *nif, struct ifreq *r)
{
	(void)nif, (void)r;
	return -EOPNOTSUPP;
}

/* ---- requests ---- */

enum { ANYBODY, ADMIN };
struct request { unsigned long first, last; int who; int (*serve)(struct netif *, struct ifreq *); };

static const struct request requests[] = {
	{SIOCGIFFLAGS, SIOCGIFFLAGS, ANYBODY, get_flags},
	{SIOCGIFMETRIC, SIOCGIFMETRIC, ANYBODY, get_metric},
	{SIOCGIFMTU, SIOCGIFMTU, ANYBODY, get_mtu},
	{SIOCGIFHWADDR, SIOCGIFHWADDR, ANYBODY, get_hwaddr},
	{SIOCGIFSLAVE, SIOCGIFSLAVE, ANYBODY, invalid},
	{SIOCGIFMAP, SIOCGIFMAP, ANYBODY, get_map},
	{SIOCGIFINDEX, SIOCGIFINDEX, ANYBODY, get_index},
	{SIOCGIFTXQLEN, SIOCGIFTXQLEN, ANYBODY, get_txqlen},
	{SIOCSIFFLAGS, SIOCSIFFLAGS, ADMIN, set_flags},
	{SIOCSIFMETRIC, SIOCSIFMETRIC, ADMIN, unsupported},
	{SIOCSIFMTU, SIOCSIFMTU, ADMIN, set_mtu},
	{SIOCSIFHWADDR, SIOCSIFHWADDR, ADMIN, set_hwaddr},
	{SIOCSIFSLAVE, SIOCSIFSLAVE, ADMIN, invalid},
	{SIOCSIFMAP, SIOCSIFMAP, ADMIN, unsupported},
	{SIOCADDMULTI, SIOCDELMULTI, ADMIN, invalid},         /* no device here filters by them */
	{SIOCSIFHWBROADCAST, SIOCSIFHWBROADCAST, ADMIN, invalid},
	{SIOCSIFTXQLEN, SIOCSIFTXQLEN, ADMIN, set_txqlen},
	{SIOCSIFNAME, SIOCSIFNAME, ADMIN, set_name},
	/* Of drivers, bonds and bridges, which no device here is. */
	{SIOCGMIIPHY, SIOCSMIIREG, ADMIN, unsupported},
	{SIOCWANDEV, SIOCWANDEV, ANYBODY, unsupported},
	{SIOCBONDENSLAVE, SIOCBONDSETHWADDR, ADMIN, unsupported},
	{SIOCBONDSLAVEINFOQUERY, SIOCBONDINFOQUERY, ANYBODY, unsupported},
	{SIOCBONDCHANGEACTIVE, SIOCBONDCHANGEACTIVE, ADMIN, unsupported},
	{SIOCBRADDIF, SIOCBRDELIF, ADMIN, unsupported},
	{SIOCSHWTSTAMP, SIOCSHWTSTAMP, ADMIN, unsupported},
	{SIOCGHWTSTAMP, SIOCGHWTSTAMP, ANYBODY, unsupported},
	{SIOCDEVPRIVATE, SIOCDEVPRIVATE + 15, ANYBODY, unsupported},
};

struct netif *ioctl_netif(const struct stack *s, struct ifreq *r)
{
	char name[sizeof r->ifr_name], *colon;

	r->ifr_name[sizeof r->ifr_name - 1] = '\0';
	memcpy(name, r->ifr_name, sizeof name);
	colon = strchr(name, ':');
	if (colon) *colon = '\0';
	return netif_by_name(s, name);
}

static int get_name(const struct stack *s, struct ifreq *r)
{
	const struct netif *nif = netif_by_index(s, r->ifr_ifindex);

	if (!nif) return -ENODEV;
	memcpy(r->ifr_name, nif->name, sizeof r->ifr_name);
	return 0;
}

static int serve(const struct sock *sk, const struct request *q, struct ifreq *r)
{
	struct netif *nif;

	if (q->who == ADMIN && !sock_is_privileged(sk)) return -EPERM;
	nif = ioctl_netif(sk->stack, r);
	return nif ? q->serve(nif, r) : -ENODEV;
}

static int device_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	struct ifreq r;
	int err = -NO_IOCTL_CMD;

	if (len < sizeof r) return -NO_IOCTL_CMD;
	memcpy(&r, arg, sizeof r);
	if (request == SIOCGIFNAME) err = get_name(sk->stack, &r);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].first <= request && request <= requests[i].last) err = serve(sk, &requests[i], &r);
	if (err == 0) memcpy(arg, &r, sizeof r);
	return err;
}

/* ---- any request ---- */

int inet_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	int r = -NO_IOCTL_CMD;

	if (request == SIOCGIFCONF) return ioctl_conf(sk, arg, len);
	if (request == SIOCETHTOOL) return ioctl_ethtool(sk, arg, len);
	if (sk->domain == AF_INET || sk->domain == AF_PACKET) r = ioctl_inet4(sk, request, arg, len);
	if (sk->domain == AF_INET6) r = ioctl_inet6(sk, request, arg, len);
	return r == -NO_IOCTL_CMD ? device_ioctl(sk, request, arg, len) : r;
}
