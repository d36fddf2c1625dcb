/*
 * ICMP datagram sockets: echo requests out, their replies in, with no privilege. The identifier is the port: bind chooses it, the
 * stack writes it over what the program put there, and replies are given to the socket that has it.
 *
 *     program's message:  type code | csum | id | seq | data …      type must be "echo request"; csum and id are filled in
 *
 * Read first: RFC 792, RFC 4443 §4, icmp(7) ("ping_group_range").
 */
#include "stack/inet/facts.h"
#include "stack/inet/ping.h"
#include <errno.h>
#include <netinet/in.h>
#include "stack/inet/dgram.h"
#include "stack/inet/redirect.h"
#include "stack/socket/family.h"
#include "stack/socket/filter.h"

static bool is_v6(const struct sock *sk) { return sk->domain == AF_INET6; }

static int ping_init(struct sock *sk)
{
	int r = dgram_init(sk);

	/* ICMPv6 never meets IPv4. */
	((struct inet_sock *)sk)->v6only = is_v6(sk);
	/* As Linux: an identifier may be had by several, unless one of them minds. */
	sk->reuseaddr = true;
	return r;
}

/* As Linux: the family of a name is looked at before its length. */
static int ping_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	int r = a->sa_family == AF_UNSPEC ? 0 : dgram_autobind((struct dgram_sock *)sk);

	if (r == 0 && is_v6(sk) && a->sa_family != AF_UNSPEC && a->sa_family != AF_INET6) r = -EAFNOSUPPORT;
	return r < 0 ? r : dgram_connect_to(sk, a, len);
}

static int bind_check4(struct inet_sock *is, const struct sockaddr *a, socklen_t len)
{
	struct addr addr;
	uint16_t port;
	int r = inet_bind_address(is, a, len, &addr, &port);

	if (r < 0) return r;
	return addr_is_multicast(&addr) || inet_addr_is_broadcast(is->sk.stack, &addr) ? -EADDRNOTAVAIL : 0;
}

static int bind_check6(const struct inet_sock *is, const struct sockaddr *a, socklen_t len)
{
	struct stack *s = is->sk.stack;
	struct netif *nif = NULL;
	struct addr addr;
	uint16_t port;
	uint32_t scope;
	int r = len < sizeof(struct sockaddr_in6) ? -EINVAL : inet_sockaddr_parse(is, a, len, &addr, &port, &scope);

	if (r < 0) return r;
	if (addr_is_v4(&addr) || addr_is_multicast(&addr) || (inet_needs_scope(&addr) && !scope)) return -EINVAL;
	if (scope && !(nif = netif_by_index(s, (int)scope))) return -ENODEV;
	return is->freebind || addr_is_any(&addr) || netif_addr_find(s, &addr, nif) ? 0 : -EADDRNOTAVAIL;
}

/* As Linux: to an address of a host only, and to a whole name; both are looked at even where there can be no second bind. */
static int ping_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct inet_sock *is = (struct inet_sock *)sk;
	int r = is_v6(sk) ? bind_check6(is, a, len) : bind_check4(is, a, len);

	return r < 0 ? r : inet_bind(sk, a, len);
}

/* Unlike UDP's, a name of no family is none. */
static int name_check4(const struct sock_msg *m)
{
	sa_family_t family;

	if (!m->name || m->name_len < sizeof(struct sockaddr_in)) return 0;
	memcpy(&family, m->name, sizeof family);
	return family == AF_INET ? 0 : -EAFNOSUPPORT;
}

/* Unlike a datagram's of UDP, an IPv6 name is taken as it stands: nobody is called "any", and IPv4's are none. */
static int name_check6(const struct sock_msg *m)
{
	struct sockaddr_in6 in;

	if (!m->name) return 0;
	if (m->name_len < sizeof in) return -EINVAL;
	memcpy(&in, m->name, sizeof in);
	if (in.sin6_family != AF_INET6) return -EAFNOSUPPORT;
	if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) return -EINVAL;
	return IN6_IS_ADDR_UNSPECIFIED(&in.sin6_addr) ? -ENETUNREACH : 0;
}

/* What means something on one link only says which. */
static int scope_check6(const struct inet_sock *is, const struct dgram_dest *d)
{
	int preferred = addr_is_multicast(&d->dst) ? is->mcast_if6 : is->unicast_if6;

	if (!inet_needs_scope(&d->dst)) return 0;
	if (d->scope && is->sk.bound_if && is->sk.bound_if->index != (int)d->scope) return -EINVAL;
	return d->scope || is->sk.bound_if || d->out.oif || preferred ? 0 : -EINVAL;
}

static int message_check(const struct sock *sk, const struct sock_msg *m)
{
	const uint8_t *icmp = m->data;

	if (m->len > UINT16_MAX) return -EMSGSIZE;
	if (m->len < ICMP_HDR_LEN) return -EINVAL;
	if (m->flags & MSG_OOB) return -EOPNOTSUPP;
	if (m->unread) return -EFAULT;
	return icmp[0] == (is_v6(sk) ? ICMP6_ECHO : ICMP4_ECHO) && icmp[1] == 0 ? 0 : -EINVAL;
}

static struct packet *echo_make(const struct dgram_sock *ds, const struct dgram_dest *d, const struct sock_msg *m)
{
	bool v6 = is_v6(&ds->is.sk);
	struct packet *p = packet_new(PACKET_HEADROOM, m->len);
	struct icmp_hdr h = {.type = v6 ? ICMP6_ECHO : ICMP4_ECHO};

	if (!p) return NULL;
	memcpy(p->data, m->data, m->len);
	h.rest = (uint32_t)ds->is.lport << 16 | read16(p->data + 6);
	icmp_emit(&h, p->data, m->len, v6 ? &d->out.src : NULL, v6 ? &d->dst : NULL);
	return p;
}

static int echo_send(struct dgram_sock *ds, const struct sock_msg *m)
{
	struct dgram_dest d;
	struct packet *p;
	bool v6 = is_v6(&ds->is.sk);
	int r = v6 ? name_check6(m) : name_check4(m);

	if (r == 0) r = dgram_dest_of(ds, m, v6 ? IP_PROTO_ICMP6 : IP_PROTO_ICMP, &d);
	if (r == 0 && v6) r = scope_check6(&ds->is, &d);
	if (r < 0) return r;
	if (v6 && addr_is_v4(&d.dst)) return -EINVAL;
	r = dgram_route(ds, &d);
	if (r == 0) r = inet_check_link(&ds->is.sk, m->flags, &d.dst, &d.hop);
	if (r < 0) return r;
	if (m->len > (v6 ? PACKET_MAX : PACKET_MAX - IP4_HDR_MIN)) return -EMSGSIZE;
	if (!v6 && m->flags & DGRAM_PROBE) return 0;     /* as Linux: IPv6 probes nothing, but sends */
	r = dgram_may_send(ds);
	if (r < 0) return r;
	p = echo_make(ds, &d, m);
	return p ? dgram_output(ds, &d, p) : -ENOBUFS;
}

static ssize_t ping_send(struct sock *sk, const struct sock_msg *m)
{
	struct dgram_sock *ds = (struct dgram_sock *)sk;
	int r = dgram_autobind(ds);

	if (r == 0) r = message_check(sk, m);
	if (r == 0) r = echo_send(ds, m);
	return r < 0 ? r : (ssize_t)m->len;
}

/* ---- in ---- */

static bool owner_is_v4(const struct inet_sock *is) { return is->sk.domain == AF_INET; }
static bool owner_is_v6(const struct inet_sock *is) { return is->sk.domain == AF_INET6; }

/* As on Linux the identifier decides alone: a connected socket gets replies from others too (a multicast echo has many answers). */
static struct dgram_sock *owner_of(struct stack *s, const struct addr *laddr, uint16_t id, const struct netif *nif)
{
	return (struct dgram_sock *)port_lookup(port_space_of(s, IPPROTO_ICMP), laddr, id, NULL, 0, nif, addr_is_v4(laddr) ? owner_is_v4 : owner_is_v6, NULL);
}

void ping_receive(struct stack *s, struct packet *p)
{
	struct dgram_sock *ds = p->len < ICMP_HDR_LEN ? NULL : owner_of(s, &p->dst, read16(p->data + 4), p->netif);

	if (!ds)
		stack_drop(s, p, DROP_ICMP_TYPE);
	else if (!sock_filter_allows(&ds->is.sk, p, 0))
		stack_drop(s, p, DROP_SOCK_FILTER);
	else
		dgram_enqueue(ds, p);
}

void ping_error(struct stack *s, const struct ip_error *e)
{
	struct dgram_sock *ds = owner_of(s, &e->src, read16(e->quote + 4), NULL);

	if (ds)
		dgram_error(ds, e, 0, e->quote, e->quote_len);
	else if (e->redirect && e->quote[0] == (addr_is_v4(&e->dst) ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY))
		redirect_take(s, e->redirect);   /* it is about an answer of the host itself */
}

static const struct sockopt *const option_tables[] = {ip_options, facts_options, ipv6_options, NULL};

const struct sock_ops ping_ops = {
	.name = "PING",
	.size = sizeof(struct dgram_sock),
	.datagram = true,
	.init = ping_init,
	.close = dgram_close,
	.bind = ping_bind,
	.connect = ping_connect,
	.send = ping_send,
	.recv = dgram_recv,
	.shutdown = dgram_shutdown,
	.poll = dgram_poll,
	.name_of = inet_name_of,
	.ioctl = inet_ioctl,          /* as Linux: nobody is told how much waits */
	.options = option_tables,
};
