/* Raw IP sockets: life, names, and what comes in. Read first: raw(7), ipv6(7), RFC 3542 §3. */
#include "stack/inet/facts.h"
#include "stack/inet/raw.h"
#include <errno.h>
#include <net/if.h>
#include "stack/inet/inet_private.h"
#include "stack/inet/membership.h"
#include "stack/mroute/mroute.h"
#include "stack/socket/family.h"
#include "stack/socket/filter.h"

static struct raw_sock *raw_of(struct sock *sk) { return (struct raw_sock *)sk; }

static int raw_init(struct sock *sk)
{
	struct raw_sock *rs = raw_of(sk);
	struct inet_sock *is = &rs->ds.is;
	int r = dgram_init(sk);

	if (r < 0) return r;
	sk->reuseaddr = true;
	is->lport = sk->protocol;
	is->hdrincl = sk->protocol == IPPROTO_RAW;
	/* RFC 3542 §3.1: the checksum of ICMPv6 is always the stack's to fill in. */
	rs->checksum = sk->domain == AF_INET6 && sk->protocol == IPPROTO_ICMPV6 ? 2 : RAW_NO_CHECKSUM;
	list_append(&sk->stack->inet->raws, &rs->node);
	return 0;
}

static void raw_close(struct sock *sk)
{
	mroute_sock_done(raw_of(sk));
	dgram_cork_drop(&raw_of(sk)->cork);
	list_remove(&raw_of(sk)->node);
	dgram_close(sk);
}

/* As Linux: IPv4 does not look at the family of a name. */
static int bind_name(const struct sock *sk, const struct sockaddr *a, socklen_t len, struct sockaddr_in6 *ret)
{
	if (len < (sk->domain == AF_INET ? sizeof(struct sockaddr_in) : offsetof(struct sockaddr_in6, sin6_scope_id))) return -EINVAL;
	memset(ret, 0, sizeof *ret);
	memcpy(ret, a, MIN(len, sizeof *ret));
	if (sk->domain == AF_INET) ret->sin6_family = AF_INET;
	return ret->sin6_family == sk->domain ? 0 : -EINVAL;
}

/* Linux: a raw socket may be bound again and again, until it is connected. */
static int raw_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct raw_sock *rs = raw_of(sk);
	struct sockaddr_in6 name;
	const struct sockaddr *n = (const struct sockaddr *)&name;
	struct addr addr;
	uint16_t port;
	uint32_t scope;
	int r = bind_name(sk, a, len, &name);

	len = MIN(len, sizeof name);
	if (r == 0) r = inet_sockaddr_parse(&rs->ds.is, n, len, &addr, &port, &scope);
	if (r < 0) return r;
	if (sk->domain == AF_INET6 && addr_is_v4(&addr)) return -EADDRNOTAVAIL;
	if (rs->ds.connected) return -EINVAL;
	r = inet_bind_address(&rs->ds.is, n, len, &addr, &port);
	if (r < 0) return r;
	rs->ds.is.laddr = addr;   /* which goes when it parts from a peer, as connect's own choice does */
	return 0;
}

static int raw_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	if (sk->domain == AF_INET6 && a->sa_family != AF_UNSPEC && a->sa_family != AF_INET6) return -EAFNOSUPPORT;
	/* As Linux, which takes who parts from its peer off its list: it hears nothing more. */
	if (a->sa_family == AF_UNSPEC) list_remove(&((struct raw_sock *)sk)->node);
	return dgram_connect_to(sk, a, len);
}

static int raw_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	int r = mroute_ioctl(sk, request, arg, len);

	return r == -NO_IOCTL_CMD ? dgram_ioctl(sk, request, arg, len) : r;
}

/* ---- in ---- */

static bool is_for(const struct raw_sock *rs, const struct packet *p, const struct addr *laddr, const struct addr *raddr, uint8_t proto)
{
	const struct inet_sock *is = &rs->ds.is;

	if (is->sk.protocol != proto || (is->sk.domain == AF_INET) != addr_is_v4(laddr)) return false;
	if (!addr_is_any(&is->raddr) && !addr_eq(&is->raddr, raddr)) return false;
	if (!addr_is_any(&is->laddr) && !addr_eq(&is->laddr, laddr)) return false;
	return !p || !is->sk.bound_if || is->sk.bound_if == p->netif || (p->netif->flags & IFF_LOOPBACK && stack_is_local(is->sk.stack, laddr));
}

static bool is_filtered(const struct raw_sock *rs, const uint8_t *msg, size_t len)
{
	const struct sock *sk = &rs->ds.is.sk;

	/* As Linux: one that is cut short is none, in IPv6 one that is empty. */
	if (sk->domain == AF_INET && sk->protocol == IPPROTO_ICMP) return len < ICMP_HDR_LEN || (msg[0] < 32 && rs->filter4 & (uint32_t)1 << msg[0]);
	if (sk->domain == AF_INET6 && sk->protocol == IPPROTO_ICMPV6) return len < 1 || rs->filter6[msg[0] >> 5] & (uint32_t)1 << (msg[0] & 31);
	return false;
}

/* RFC 3542 §3.1: with IPV6_CHECKSUM the stack checks, too. */
static bool checksum_fits(const struct raw_sock *rs, const struct packet *p, uint8_t proto)
{
	if (rs->checksum == RAW_NO_CHECKSUM) return true;
	return csum_fold(csum_add(csum_pseudo(&p->src, &p->dst, proto, p->len), p->data, p->len)) == 0;
}

void raw_give(struct raw_sock *rs, const struct packet *p, size_t at, uint8_t proto)
{
	struct stack *s = rs->ds.is.sk.stack;
	struct packet *copy;

	if (is_filtered(rs, p->data + at, p->len - at)) return;
	copy = packet_copy(p);
	if (!copy) return;
	copy->proto = proto;
	copy->gso_size = 0;   /* of UDP: this one is charged as it is */
	copy->trans_off = (uint16_t)(packet_off(copy) + at);
	/* As Linux: IPv4 shows its header, IPv6 does not (RFC 3542 §3). */
	if (rs->ds.is.sk.domain == AF_INET6) packet_pull(copy, at);
	if (rs->ds.is.sk.domain == AF_INET6 && !checksum_fits(rs, copy, proto))
		stack_drop(s, copy, DROP_RAW_CSUM);
	else if (!sock_filter_allows(&rs->ds.is.sk, copy, 0))
		stack_drop(s, copy, DROP_SOCK_FILTER);
	else
		dgram_enqueue(&rs->ds, copy);
}

bool raw_deliver(struct stack *s, struct packet *p, size_t at, uint8_t proto)
{
	bool wanted = false;

	list_each(struct raw_sock, rs, &s->inet->raws, node) {
		if (!is_for(rs, p, &p->dst, &p->src, proto)) continue;
		if (p->multicast && !membership_allows(&rs->ds.is, &p->dst, &p->src, p->netif)) continue;
		wanted = true;
		raw_give(rs, p, at, proto);
	}
	return wanted;
}

void raw_error(struct stack *s, const struct ip_error *e)
{
	list_each(struct raw_sock, rs, &s->inet->raws, node)
		if (is_for(rs, NULL, &e->src, &e->dst, e->proto)) dgram_error(&rs->ds, e, 0, e->quote, e->quote_len);
}

/* ---- the two families ---- */

static const struct sockopt *const option_tables4[] = {raw4_options, mroute4_options, ip_options, facts_options, NULL};
static const struct sockopt *const option_tables6[] = {raw6_options, mroute6_options, facts_options, ipv6_options, NULL};

#define OPS(family, send_slot, tables) { \
	.name = "RAW" family, \
	.size = sizeof(struct raw_sock), \
	.datagram = true, \
	.init = raw_init, \
	.close = raw_close, \
	.bind = raw_bind, \
	.connect = raw_connect, \
	.send = send_slot, \
	.recv = dgram_recv, \
	.shutdown = dgram_shutdown, \
	.poll = dgram_poll, \
	.name_of = inet_name_of, \
	.ioctl = raw_ioctl, \
	.options = tables, \
}
const struct sock_ops raw4_ops = OPS("", raw4_send, option_tables4), raw6_ops = OPS("6", raw6_send, option_tables6);
