/* The groups a socket joined. Each holds a reference on the interface's own membership (mcast.h), which is what lets frames in. */
#include "stack/inet/membership.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/mcast.h"

#define MEMBERSHIPS_MAX 20   /* net.ipv4.igmp_max_memberships; a socket of IPv6 is bounded by its option memory, about the same */

struct membership { struct list node; struct addr group; struct netif *netif; };

static struct membership *find(const struct inet_sock *is, const struct addr *group, const struct netif *nif)
{
	list_each(struct membership, m, &is->memberships, node)
		if (addr_eq(&m->group, group) && (!nif || m->netif == nif)) return m;
	return NULL;
}

static int netif_of_group(const struct inet_sock *is, const struct addr *group, struct netif **ret)
{
	struct addr any = addr_is_v4(group) ? addr_any4 : addr_any6;
	struct route_hop hop;

	if (route_lookup(is->sk.stack, group, &any, is->sk.bound_if, &hop) < 0) return -ENODEV;
	*ret = hop.netif;
	return 0;
}

static size_t count(const struct inet_sock *is)
{
	size_t n = 0;

	list_each(struct membership, m, &is->memberships, node)
		n++;
	return n;
}

int membership_join(struct inet_sock *is, const struct addr *group, struct netif *nif)
{
	struct membership *m;
	int r = 0;

	if (!addr_is_multicast(group)) return -EINVAL;
	if (!nif) r = netif_of_group(is, group, &nif);
	if (r < 0) return r;
	if (find(is, group, nif)) return -EADDRINUSE;
	if (count(is) >= MEMBERSHIPS_MAX) return -ENOBUFS;
	m = calloc(1, sizeof *m);
	if (!m) return -ENOMEM;
	r = netif_group_join(nif, group);
	if (r < 0) {
		free(m);
		return r;
	}
	m->group = *group;
	m->netif = nif;
	list_append(&is->memberships, &m->node);
	return 0;
}

static void forget(struct membership *m)
{
	(void)netif_group_leave(m->netif, &m->group);   /* the interface may have forgotten its groups already */
	list_remove(&m->node);
	free(m);
}

int membership_leave(struct inet_sock *is, const struct addr *group, struct netif *nif)
{
	struct membership *m;

	if (!addr_is_multicast(group)) return -EINVAL;
	m = find(is, group, nif);
	if (!m) return -EADDRNOTAVAIL;
	forget(m);
	return 0;
}

void membership_leave_all(struct inet_sock *is)
{
	list_each(struct membership, m, &is->memberships, node)
		forget(m);
}

bool membership_allows(const struct inet_sock *is, const struct addr *group, const struct netif *nif)
{
	if (!addr_is_multicast(group) || find(is, group, nif)) return true;
	return addr_is_v4(group) ? is->mcast_all : is->mcast_all6;
}

/* ---- the options that both families share ---- */

static int group_req_read(const struct sock *sk, const void *val, socklen_t len, struct addr *ret_group, struct netif **ret_netif)
{
	struct group_req req;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (len < sizeof req) return -EINVAL;
	if (sk->type == SOCK_STREAM) return -EPROTO;
	memcpy(&req, val, sizeof req);
	memcpy(&in, &req.gr_group, sizeof in);
	memcpy(&in6, &req.gr_group, sizeof in6);
	if (req.gr_group.ss_family != sk->domain) return -EADDRNOTAVAIL;
	*ret_group = sk->domain == AF_INET ? addr_v4_octets((const uint8_t *)&in.sin_addr) : addr_v6_octets(in6.sin6_addr.s6_addr);
	*ret_netif = req.gr_interface ? netif_by_index(sk->stack, (int)req.gr_interface) : NULL;
	return req.gr_interface && !*ret_netif ? -ENODEV : 0;
}

int membership_set_join(struct sock *sk, const void *val, socklen_t len)
{
	struct addr group;
	struct netif *nif;
	int r = group_req_read(sk, val, len, &group, &nif);

	return r < 0 ? r : membership_join((struct inet_sock *)sk, &group, nif);
}

int membership_set_leave(struct sock *sk, const void *val, socklen_t len)
{
	struct addr group;
	struct netif *nif;
	int r = group_req_read(sk, val, len, &group, &nif);

	return r < 0 ? r : membership_leave((struct inet_sock *)sk, &group, nif);
}
