/*
 * SIOCADDRT and SIOCDELRT, older than netlink: a route as route(8) gives it. IPv4's names an interface by a pointer, which means nothing here: the
 * host puts the name behind the struct. Read first: rtnetlink(7), Linux's <linux/route.h> and <linux/ipv6_route.h>.
 */
#include "stack/inet/ioctl_route.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/route.h>
#include "stack/core/netif.h"
#include "stack/core/route.h"
#include "stack/socket/option.h"

#define METRIC6_DEFAULT 1024     /* of an IPv6 route that names none */

int ioctl_mask_len(const struct addr *mask)
{
	uint32_t m = read32(mask->b + 12), rest = ~m;

	if (rest & (rest + 1)) return -1;
	return m ? __builtin_popcount(m) : 0;
}

static struct addr value4(const struct sockaddr *sa) { return addr_v4_octets((const uint8_t *)sa->sa_data + 2); }

/* Destination and length, in Linux's order of complaints. */
static int destination4(const struct rtentry *e, struct route *ret)
{
	struct addr mask = value4(&e->rt_genmask), net;

	if (e->rt_dst.sa_family != AF_INET) return -EAFNOSUPPORT;
	ret->dst = value4(&e->rt_dst);
	ret->plen = 32;
	if (e->rt_flags & RTF_HOST) return 0;
	if (e->rt_genmask.sa_family != AF_INET && (e->rt_genmask.sa_family || !addr_is_any(&mask))) return -EAFNOSUPPORT;
	if (ioctl_mask_len(&mask) < 0) return -EINVAL;
	ret->plen = (uint8_t)ioctl_mask_len(&mask);
	net = addr_mask(&ret->dst, ret->plen);
	return addr_eq(&net, &ret->dst) ? 0 : -EINVAL;
}

static int route4_read(const struct stack *s, const struct rtentry *e, const char *dev, struct route *ret)
{
	int r = destination4(e, ret);

	if (r < 0) return r;
	if (e->rt_metric) ret->metric = (uint32_t)(e->rt_metric - 1);
	ret->type = e->rt_flags & RTF_REJECT ? RTN_UNREACHABLE : RTN_UNICAST;
	ret->scope = e->rt_flags & RTF_REJECT ? RT_SCOPE_HOST : RT_SCOPE_LINK;
	if (e->rt_flags & RTF_REJECT) return 0;
	if (dev[0] && !(ret->netif = netif_by_name(s, dev))) return -ENODEV;
	ret->gateway = value4(&e->rt_gateway);
	ret->has_gateway = e->rt_gateway.sa_family == AF_INET && !addr_is_any(&ret->gateway);
	if (ret->has_gateway && e->rt_flags & RTF_GATEWAY) ret->scope = RT_SCOPE_UNIVERSE;
	return 0;
}

static int route4_add(struct stack *s, const struct rtentry *e, struct route *route)
{
	if (e->rt_flags & RTF_GATEWAY && !route->has_gateway) return -EINVAL;
	if (route->type == RTN_UNICAST && !route->netif && !route->has_gateway) return -ENODEV;
	route->protocol = RTPROT_BOOT;
	return route_put(s, route, NLM_F_CREATE);
}

int ioctl_route4(struct sock *sk, unsigned long request, const void *arg, size_t len)
{
	struct route route = {.table = RT_TABLE_MAIN};
	struct rtentry e;
	char dev[16];
	int r;

	if (!sock_is_privileged(sk)) return -EPERM;
	if (len < sizeof e + sizeof dev) return -EFAULT;
	memcpy(&e, arg, sizeof e);
	memcpy(dev, (const char *)arg + sizeof e, sizeof dev);
	dev[sizeof dev - 1] = '\0';
	r = route4_read(sk->stack, &e, dev, &route);
	if (r < 0) return r;
	return request == SIOCADDRT ? route4_add(sk->stack, &e, &route) : route_del(sk->stack, &route);
}

int ioctl_route6(struct sock *sk, unsigned long request, const void *arg, size_t len)
{
	struct route route = {.table = RT_TABLE_MAIN, .type = RTN_UNICAST, .scope = RT_SCOPE_UNIVERSE};
	struct in6_rtmsg m;

	if (!sock_is_privileged(sk)) return -EPERM;
	if (len < sizeof m) return -EFAULT;
	memcpy(&m, arg, sizeof m);
	if (m.rtmsg_dst_len > 128) return -EINVAL;
	route.dst = addr_v6_octets(m.rtmsg_dst.s6_addr);
	route.plen = (uint8_t)m.rtmsg_dst_len;
	route.gateway = addr_v6_octets(m.rtmsg_gateway.s6_addr);
	route.has_gateway = m.rtmsg_flags & RTF_GATEWAY && !addr_is_any(&route.gateway);
	route.metric = m.rtmsg_metric;
	route.netif = m.rtmsg_ifindex ? netif_by_index(sk->stack, m.rtmsg_ifindex) : NULL;
	if (!route.netif && (m.rtmsg_ifindex || request == SIOCADDRT)) return -ENODEV;
	if (request == SIOCDELRT) return route_del(sk->stack, &route);
	if (!route.metric) route.metric = METRIC6_DEFAULT;
	route.protocol = RTPROT_BOOT;
	return route_put(sk->stack, &route, NLM_F_CREATE);
}
