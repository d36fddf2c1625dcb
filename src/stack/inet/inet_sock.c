/*
 * What every socket of AF_INET and AF_INET6 does the same way: its defaults, bind, its two names, and how its options shape what it
 * sends. Read first: ip(7), ipv6(7).
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include "stack/inet/anycast.h"
#include "stack/inet/flowlabel.h"
#include "stack/core/sysctl.h"
#include "stack/inet/errqueue.h"
#include "stack/inet/header_options.h"
#include "stack/inet/inet.h"
#include "stack/inet/membership.h"
#include "stack/inet/pmtu.h"
#include "stack/socket/filter.h"
#include "wire/wire.h"

void inet_sock_reset_addr(struct inet_sock *is)
{
	is->laddr = is->sk.domain == AF_INET6 ? addr_any6 : addr_any4;
}

int inet_sock_init(struct sock *sk)
{
	struct inet_sock *is = (struct inet_sock *)sk;

	inet_sock_reset_addr(is);
	is->raddr = is->laddr;
	is->v6only = sk->domain == AF_INET6 && sk->stack->sysctl->bindv6only;
	is->ttl = is->hops = -1;
	is->mcast_ttl = is->mcast_hops = 1;
	is->mcast_loop = is->mcast_loop6 = is->mcast_all6 = true;
	is->mcast_all = sk->domain == AF_INET;
	is->pmtudisc = sk->stack->sysctl->ip_no_pmtu_disc ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
	is->autoflowlabel6 = true;
	is->pmtudisc6 = IPV6_PMTUDISC_WANT;
	list_init(&is->port_node);
	return 0;
}

void inet_sock_done(struct sock *sk)
{
	struct inet_sock *is = (struct inet_sock *)sk;

	port_release(is);
	membership_leave_all(is);
	header_options_free(is);
	errqueue_free(is);
	flowlabel_release_all(is);
	anycast_leave_all(is);
	filter_free(is->chooser);
}

/* ---- bind ---- */

bool inet_addr_is_broadcast(const struct stack *s, const struct addr *a)
{
	const struct list *routes = route_list(s);

	if (!addr_is_v4(a)) return false;
	if (addr_eq(a, &addr_bcast4)) return true;
	list_each(const struct route, r, routes, node)
		if (r->type == RTN_BROADCAST && addr_eq(&r->dst, a)) return true;
	return false;
}

static bool may_bind_v4(const struct inet_sock *is, const struct addr *a)
{
	const struct stack *s = is->sk.stack;

	if (is->freebind || is->transparent || s->sysctl->ip_nonlocal_bind) return true;
	return addr_is_any(a) || stack_is_local(s, a) || addr_is_multicast(a) || inet_addr_is_broadcast(s, a);
}

static bool may_bind_v6(const struct inet_sock *is, const struct addr *a)
{
	const struct stack *s = is->sk.stack;

	if (is->freebind || is->transparent || s->sysctl->ip6_nonlocal_bind) return true;
	return addr_is_any(a) || addr_is_multicast(a) || netif_addr_find(s, a, is->sk.bound_if);
}

/* Link-local addresses, and groups of link or interface scope (RFC 4291 §2.7). */
bool inet_needs_scope(const struct addr *a)
{
	if (addr_is_v4(a)) return false;
	return addr_is_linklocal(a) || (addr_is_multicast(a) && ((a->b[1] & 15) == 1 || (a->b[1] & 15) == 2));
}

/* Such an address means one interface: named by sin6_scope_id, else by SO_BINDTODEVICE, for a group else by IPV6_MULTICAST_IF. */
int inet_scope_bind(struct inet_sock *is, const struct addr *a, uint32_t scope)
{
	struct netif *nif = scope ? netif_by_index(is->sk.stack, (int)scope) : is->sk.bound_if;

	if (!inet_needs_scope(a)) return 0;
	if (!nif && addr_is_multicast(a) && is->mcast_if6) nif = netif_by_index(is->sk.stack, is->mcast_if6);
	if (!nif) return scope ? -ENODEV : -EINVAL;
	is->sk.bound_if = nif;
	is->scope = (uint32_t)nif->index;
	return 0;
}

/* Whoever is bound to an interface can't mean another one. To one that is not there leads no way. */
int inet_scope_connect(struct inet_sock *is, const struct addr *a, uint32_t scope)
{
	if (!inet_needs_scope(a) || !scope) return inet_scope_bind(is, a, scope);
	if (is->sk.bound_if && is->sk.bound_if->index != (int)scope) return -EINVAL;
	return netif_by_index(is->sk.stack, (int)scope) ? inet_scope_bind(is, a, scope) : -ENETUNREACH;
}

static int check_v4(const struct inet_sock *is, const struct addr *a)
{
	if (is->sk.domain == AF_INET6 && is->v6only) return -EINVAL;
	return may_bind_v4(is, a) ? 0 : -EADDRNOTAVAIL;
}

static int check_v6(struct inet_sock *is, const struct addr *a, uint32_t scope)
{
	int r;

	if (addr_is_multicast(a) && is->sk.type == SOCK_STREAM) return -EINVAL;
	if (is->bound) return -EINVAL;
	if (is->sk.bound_if && netif_is_gone(is->sk.bound_if)) return -ENODEV;
	r = inet_scope_bind(is, a, scope);
	if (r < 0) return r;
	return may_bind_v6(is, a) ? 0 : -EADDRNOTAVAIL;
}

/* An AF_INET socket takes AF_UNSPEC with the wildcard for AF_INET: old programs do so. */
static int parse_for_bind(const struct inet_sock *is, const struct sockaddr *a, socklen_t len, struct addr *ret, uint16_t *ret_port, uint32_t *ret_scope)
{
	struct sockaddr_in in;

	if (is->sk.domain != AF_INET || len < sizeof in) return inet_sockaddr_parse(is, a, len, ret, ret_port, ret_scope);
	memcpy(&in, a, sizeof in);
	if (in.sin_family == AF_UNSPEC && in.sin_addr.s_addr == 0) in.sin_family = AF_INET;
	return inet_sockaddr_parse(is, (const struct sockaddr *)&in, sizeof in, ret, ret_port, ret_scope);
}

int inet_bind_address(struct inet_sock *is, const struct sockaddr *a, socklen_t len, struct addr *ret, uint16_t *ret_port)
{
	uint32_t scope;
	int r = parse_for_bind(is, a, len, ret, ret_port, &scope);

	if (r < 0) return r;
	return addr_is_v4(ret) ? check_v4(is, ret) : check_v6(is, ret, scope);
}

int inet_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct inet_sock *is = (struct inet_sock *)sk;
	struct addr addr;
	uint16_t port;
	int r = inet_bind_address(is, a, len, &addr, &port);

	if (r < 0) return r;
	if (port && port < sk->stack->sysctl->ip_unprivileged_port_start) return -EACCES;
	if (is->bound || is->rport) return -EINVAL;
	if (port || !is->bind_no_port)
		r = port_bind(is, &addr, port);
	else
		is->laddr = addr;
	if (r < 0) {
		inet_sock_reset_addr(is);
		return r;
	}
	/* As Linux: an IPv6 address of its own can never meet IPv4 again, and getsockopt shows it. */
	if (!addr_is_v4(&addr) && !addr_is_any(&addr)) is->v6only = true;
	/* As Linux: a later bind to the wildcard does not undo that; and ::ffff:0.0.0.0 is an address. */
	if (!addr_is_any(&addr) || (sk->domain == AF_INET6 && addr_is_v4(&addr))) is->addr_bound = true;
	is->port_bound = port != 0;
	if (sk->domain == AF_INET) is->raddr = addr_any4;
	return 0;
}

int inet_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const struct inet_sock *is = (const struct inet_sock *)sk;
	uint32_t scope = sk->bound_if ? (uint32_t)sk->bound_if->index : is->scope;

	if (peer && !is->rport) return -ENOTCONN;
	if (peer)
		inet_sockaddr_emit(is, &is->raddr, is->rport, scope, ret, ret_len);
	else
		inet_sockaddr_emit(is, &is->laddr, is->lport, scope, ret, ret_len);
	if (peer && sk->domain == AF_INET6 && is->sendflow6) write32((uint8_t *)&((struct sockaddr_in6 *)ret)->sin6_flowinfo, is->flowinfo6);
	return 0;
}

/* ---- sending ---- */

struct netif *inet_sock_oif(const struct inet_sock *is)
{
	if (is->sk.bound_if) return is->sk.bound_if;
	return is->scope ? netif_by_index(is->sk.stack, (int)is->scope) : NULL;
}

/* As Linux, IPv6 does not mind. */
int inet_check_link(const struct sock *sk, int flags, const struct addr *dst, const struct route_hop *hop)
{
	bool on_link = addr_is_v4(dst) && (sk->dontroute || flags & MSG_DONTROUTE);

	return on_link && hop->route && hop->route->has_gateway ? -ENETUNREACH : 0;
}

static void out_v4(const struct inet_sock *is, bool mcast, struct ip_out *o)
{
	int ttl = mcast ? is->mcast_ttl : is->ttl;

	o->ttl = (uint8_t)(ttl < 0 ? 0 : ttl);
	o->tos = is->tos;
	o->df = is->pmtudisc == IP_PMTUDISC_WANT || is->pmtudisc == IP_PMTUDISC_DO || is->pmtudisc == IP_PMTUDISC_PROBE;
	o->mcast_loop = is->mcast_loop;
	o->host_only = mcast && ttl == 0;
	if (is->sk.type != SOCK_STREAM && is->header) {
		o->opt = is->header->ip;
		o->opt_len = is->header->ip_len;
	}
	if (mcast && !o->oif && is->mcast_if) o->oif = netif_by_index(is->sk.stack, is->mcast_if);
}

void inet_sock_ext(const struct inet_sock *is, struct ip_out *ret)
{
	if (is->header) memcpy(ret->ext, is->header->ext6, sizeof ret->ext);
	else memset(ret->ext, 0, sizeof ret->ext);
}

static void out_v6(const struct inet_sock *is, bool mcast, struct ip_out *o)
{
	int hops = mcast ? is->mcast_hops : is->hops;

	o->ttl = (uint8_t)(hops < 0 ? 0 : hops);
	o->tos = is->tclass;
	o->df = is->dontfrag6 || (is->pmtudisc6 >= IPV6_PMTUDISC_DO && is->pmtudisc6 != IPV6_PMTUDISC_OMIT);
	o->mcast_loop = is->mcast_loop6;
	o->host_only = mcast && hops == 0;
	o->no_flow = !is->autoflowlabel6;
	o->flow = is->flowinfo6 & IP6_FLOW_MASK;
	o->flow_salt = is->flow_salt;
	o->mtu_bytes = is->mtu6;
	if (is->sk.type != SOCK_STREAM) inet_sock_ext(is, o);
	if (is->sk.type != SOCK_STREAM && !o->oif && is->header && is->header->pktinfo_if6) o->oif = netif_by_index(is->sk.stack, is->header->pktinfo_if6);
	if (mcast && !o->oif && is->mcast_if6) o->oif = netif_by_index(is->sk.stack, is->mcast_if6);
}

struct route_flow inet_sock_flow(const struct inet_sock *is, const struct addr *src)
{
	return (struct route_flow){.dst = is->raddr, .src = *src, .oif = inet_sock_oif(is), .mark = is->sk.mark, .uid = is->sk.uid,
				   .tos = addr_is_v4(&is->raddr) ? is->tos : is->tclass, .proto = (uint8_t)is->sk.protocol, .sport = is->lport,
				   .dport = is->rport};
}

void inet_sock_out(const struct inet_sock *is, const struct addr *src, const struct addr *dst, uint8_t proto, struct ip_out *ret)
{
	*ret = (struct ip_out){.src = *src, .dst = *dst, .proto = proto, .oif = inet_sock_oif(is), .mark = is->sk.mark,
			       .priority = (uint32_t)is->sk.priority, .uid = is->sk.uid};
	(addr_is_v4(dst) ? out_v4 : out_v6)(is, addr_is_multicast(dst), ret);
	ret->link_mtu = is->sk.type != SOCK_STREAM && (addr_is_v4(dst) ? is->pmtudisc : is->pmtudisc6) >= IP_PMTUDISC_PROBE;
	if (addr_is_v4(dst) && is->pmtudisc == IP_PMTUDISC_WANT && pmtu_is_locked(is->sk.stack, dst)) ret->df = false;
}

int inet_path_mtu(const struct inet_sock *is)
{
	struct route_hop hop;
	uint32_t mtu;

	struct route_flow f = inet_sock_flow(is, &is->laddr);

	if (addr_is_any(&is->raddr) || route_find(is->sk.stack, &f, &hop) < 0) return -ENOTCONN;
	mtu = ip_mtu(is->sk.stack, &is->raddr, &hop);
	return (int)(addr_is_v4(&is->raddr) ? MIN(mtu, PACKET_MAX) : mtu);
}
