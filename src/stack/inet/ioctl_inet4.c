/*
 * What sockets of AF_INET are asked about addresses: of an interface (struct ifreq), of all (SIOCGIFCONF). Read first: netdevice(7).
 *
 * SIOCGIFCONF's struct holds a pointer, which means nothing here, so that the host passes what the pointer points to: arg is the array of struct
 * ifreq, len its size in octets (0: how much would be needed), and the result is the number of octets.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <net/if.h>
#include "stack/inet/ioctl.h"
#include "stack/inet/ioctl_route.h"
#include "stack/socket/option.h"

/* The IPv4 address that a name means: the first that is labelled so, be it an interface's name or an alias ("eth0:1"). */
static struct netif_addr *addr_of(const struct netif *nif, const struct ifreq *r)
{
	list_each(struct netif_addr, na, &nif->addrs, node)
		if (addr_is_v4(&na->addr) && strcmp(na->label, r->ifr_name) == 0) return na;
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

/* ---- one interface ---- */

static int get(unsigned long request, const struct netif_addr *na, struct ifreq *r)
{
	struct addr a = na->addr;

	if (request == SIOCGIFNETMASK) a = mask_of(na);
	if (request == SIOCGIFBRDADDR) a = na->broadcast;
	if (request == SIOCGIFDSTADDR) a = na->peer;
	emit4(&r->ifr_addr, &a);
	return 0;
}

/* The length that a class had, before there were masks; < 0: a group's. */
static int class_len(const struct addr *a)
{
	uint8_t first = a->b[12];

	if (addr_is_any(a) || addr_eq(a, &addr_bcast4)) return 0;
	if (first < 128) return 8;
	if (first < 192) return 16;
	if (first < 224) return 24;
	return first < 240 ? -1 : 32;
}

/* As Linux: the address is taken away, and another one put in its place. */
static int put_instead(struct netif_addr *na, struct netif_addr want)
{
	struct netif *nif = na->netif;

	want.flags &= ~(uint32_t)IFA_F_SECONDARY;
	netif_addr_remove(na);
	return netif_addr_put(nif, &want, NULL);
}

static struct addr broadcast_for(const struct netif *nif, const struct addr *a, unsigned plen)
{
	return nif->flags & IFF_BROADCAST && plen < 31 ? addr_last(a, plen) : addr_any4;
}

/* The wildcard takes the address away only. */
static int set_addr(struct netif *nif, struct netif_addr *na, const struct addr *a, const char *label)
{
	struct netif_addr want = {.addr = *a, .peer = *a, .flags = IFA_F_PERMANENT, .preferred_until = TIME_NEVER, .valid_until = TIME_NEVER};
	int plen = class_len(a);

	if (plen < 0) return -EINVAL;
	if (na && addr_eq(&na->addr, a)) return 0;
	if (nif->flags & IFF_POINTOPOINT) plen = 32;
	want.plen = (uint8_t)plen;
	want.broadcast = broadcast_for(nif, a, want.plen);
	want.scope = addr_is_loopback(a) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	memcpy(want.label, label, sizeof want.label);
	if (na) netif_addr_remove(na);
	return addr_is_any(a) ? 0 : netif_addr_put(nif, &want, NULL);
}

static int set_netmask(struct netif_addr *na, const struct addr *mask)
{
	struct addr last = addr_last(&na->addr, na->plen);
	struct netif_addr want = *na;
	int plen = ioctl_mask_len(mask);

	if (plen < 0) return -EINVAL;
	if ((unsigned)plen == na->plen) return 0;
	want.plen = (uint8_t)plen;
	/* As Linux: one that no longer fits stays where there is none that would. */
	if (addr_eq(&na->broadcast, &last) && na->netif->flags & IFF_BROADCAST && plen < 31) want.broadcast = addr_last(&na->addr, want.plen);
	return put_instead(na, want);
}

static int set_other(unsigned long request, struct netif_addr *na, const struct addr *value)
{
	struct netif_addr want = *na;

	if (request == SIOCSIFDSTADDR && class_len(value) < 0) return -EINVAL;
	if (request == SIOCSIFDSTADDR) want.peer = *value;
	else want.broadcast = *value;
	return addr_eq(&want.peer, &na->peer) && addr_eq(&want.broadcast, &na->broadcast) ? 0 : put_instead(na, want);
}

static int set(unsigned long request, struct netif *nif, struct netif_addr *na, const struct ifreq *r)
{
	struct addr value = value_of(r);

	if (request == SIOCSIFADDR) return set_addr(nif, na, &value, strchr(r->ifr_name, ':') ? r->ifr_name : nif->name);
	if (!na) return -EADDRNOTAVAIL;
	return request == SIOCSIFNETMASK ? set_netmask(na, &value) : set_other(request, na, &value);
}

/* SIOCSIFFLAGS of an alias: down takes its address away. Of an interface it is ioctl_if.c's. */
static int alias_flags(struct sock *sk, const void *arg, size_t len)
{
	struct netif_addr *na;
	struct netif *nif;
	struct ifreq r;

	if (len < sizeof r) return -EFAULT;
	memcpy(&r, arg, sizeof r);
	r.ifr_name[sizeof r.ifr_name - 1] = '\0';
	if (!strchr(r.ifr_name, ':')) return -NO_IOCTL_CMD;
	if (!sock_is_privileged(sk)) return -EPERM;
	nif = ioctl_netif(sk->stack, &r);
	if (!nif) return -ENODEV;
	na = addr_of(nif, &r);
	if (!na) return -EADDRNOTAVAIL;
	if (!(r.ifr_flags & IFF_UP)) netif_addr_remove(na);
	return 0;
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
			memcpy(r.ifr_name, na->label, sizeof r.ifr_name);
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
	case SIOCSIFFLAGS: return alias_flags(sk, arg, len);
	case SIOCGIFADDR: case SIOCGIFNETMASK: case SIOCGIFBRDADDR: case SIOCGIFDSTADDR:
	case SIOCSIFADDR: case SIOCSIFNETMASK: case SIOCSIFBRDADDR: case SIOCSIFDSTADDR: return one(sk, request, arg, len);
	default: return -NO_IOCTL_CMD;
	}
}
