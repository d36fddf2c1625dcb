/*
 * The addresses of an end: which of ours the peer is told, which of the peer's are believed, and how programs hand over several at once.
 *
 * An address is told only to a peer that may reach it, by scope, as Linux has it (draft-stewart-tsvwg-sctp-ipv4): one that talks to us over the
 * loopback interface is told all, one on the link those of the link and beyond, one in private space those and the global ones.
 */
#include <errno.h>
#include <net/if.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/family.h"

enum scope { SCOPE_GLOBAL, SCOPE_PRIVATE, SCOPE_LINK, SCOPE_LOOPBACK };

bool sctp_addrs_have(const struct sctp_addrs *s, const struct addr *a)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (addr_eq(&s->at[i], a)) return true;
	return false;
}

void sctp_addrs_add(struct sctp_addrs *s, const struct addr *a)
{
	if (s->n < SCTP_ADDRS_MAX && !sctp_addrs_have(s, a)) s->at[s->n++] = *a;
}

void sctp_addrs_remove(struct sctp_addrs *s, const struct addr *a)
{
	for (uint32_t i = 0; i < s->n; i++) {
		if (!addr_eq(&s->at[i], a)) continue;
		memmove(&s->at[i], &s->at[i + 1], (--s->n - i) * sizeof *s->at);
		return;
	}
}

static enum scope scope_of(const struct addr *a)
{
	uint32_t v4 = addr_is_v4(a) ? addr_to_v4(a) : 0;

	if (addr_is_loopback(a)) return SCOPE_LOOPBACK;
	if (addr_is_linklocal(a)) return SCOPE_LINK;
	return v4 >> 24 == 10 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8 ? SCOPE_PRIVATE : SCOPE_GLOBAL;
}

static bool speaks(const struct sctp_sock *so, const struct addr *a)
{
	if (so->inet.sk.domain == AF_INET) return addr_is_v4(a);
	return !addr_is_v4(a) || !so->inet.v6only;
}

static void add_if_reachable(const struct sctp_sock *so, const struct addr *a, enum scope scope, struct sctp_addrs *ret)
{
	if (speaks(so, a) && scope_of(a) <= scope) sctp_addrs_add(ret, a);
}

void sctp_addrs_towards(const struct sctp_sock *so, const struct addr *peer, struct sctp_addrs *ret)
{
	enum scope scope = scope_of(peer);

	ret->n = 0;
	for (uint32_t i = 0; i < so->bound.n; i++) add_if_reachable(so, &so->bound.at[i], scope, ret);
	if (so->bound.n) return;
	list_each(struct netif, nif, &so->inet.sk.stack->netifs, node) {
		if (!(nif->flags & IFF_UP)) continue;
		list_each(struct netif_addr, ia, &nif->addrs, node)
			if (!netif_addr_is_tentative(ia)) add_if_reachable(so, &ia->addr, scope, ret);
	}
}

bool sctp_addr_can_be_peer(const struct sctp_sock *so, const struct addr *a)
{
	return speaks(so, a) && !addr_is_any(a) && !addr_is_multicast(a) && !inet_addr_is_broadcast(so->inet.sk.stack, a);
}

/* ---- as programs write them ---- */

/* Either family, whatever the socket's: an AF_INET6 socket takes a struct sockaddr_in, too. */
static int read_any(const uint8_t *p, size_t len, struct addr *ret, uint16_t *ret_port, size_t *ret_len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	sa_family_t family;

	if (len < sizeof family) return -EINVAL;
	memcpy(&family, p, sizeof family);
	*ret_len = family == AF_INET ? sizeof in : sizeof in6;
	if ((family != AF_INET && family != AF_INET6) || len < *ret_len) return -EINVAL;
	if (family == AF_INET) {
		memcpy(&in, p, sizeof in);
		*ret = addr_v4_octets((const uint8_t *)&in.sin_addr);
		*ret_port = read16((const uint8_t *)&in.sin_port);
		return 0;
	}
	memcpy(&in6, p, sizeof in6);
	*ret = addr_v6_octets(in6.sin6_addr.s6_addr);
	*ret_port = read16((const uint8_t *)&in6.sin6_port);
	return 0;
}

int sctp_addr_read(const struct sctp_sock *so, const struct sockaddr_storage *a, struct addr *ret, uint16_t *ret_port)
{
	size_t len;
	int r;

	*ret = addr_any4;
	*ret_port = 0;
	if (a->ss_family == AF_UNSPEC) return 0;
	r = read_any((const uint8_t *)a, sizeof *a, ret, ret_port, &len);
	return r < 0 || !speaks(so, ret) ? -EINVAL : 0;
}

int sctp_addrs_parse(const struct sctp_sock *so, const uint8_t *p, size_t len, struct sctp_addrs *ret, uint16_t *ret_port)
{
	ret->n = 0;
	if (len == 0) return -EINVAL;
	while (len > 0) {
		struct addr a;
		uint16_t port;
		size_t took;
		int r = read_any(p, len, &a, &port, &took);
		if (r < 0) return r;
		if (!speaks(so, &a) || (ret->n && port != *ret_port) || ret->n == SCTP_ADDRS_MAX) return -EINVAL;
		*ret_port = port;
		sctp_addrs_add(ret, &a);
		p += took;
		len -= took;
	}
	return 0;
}

void sctp_addr_show(const struct sctp_sock *so, const struct addr *a, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const struct inet_sock *is = &so->inet;
	uint32_t scope = is->sk.bound_if ? (uint32_t)is->sk.bound_if->index : is->scope;
	bool plain = is->sk.domain == AF_INET || (addr_is_v4(a) && so->mapped_off);

	memset(ret, 0, sizeof *ret);
	sockaddr_emit(plain ? AF_INET : AF_INET6, a, port, scope, ret, ret_len);
}

/* ---- bindx ---- */

/* The table of ports knows the first address of a socket: of the others the sockets themselves. */
static bool is_taken(const struct sctp_sock *so, const struct addr *a)
{
	list_each(struct sock, sk, &so->inet.sk.stack->socks, node) {
		const struct sctp_sock *other = sctp_of(sk);
		if (sk->ops != &sctp_ops || other == so || sk->closed || other->inet.lport != so->inet.lport) continue;
		if (other->bound.n == 0 || sctp_addrs_have(&other->bound, a)) return !(so->reuse_port && other->reuse_port);
	}
	return false;
}

static int bind_first(struct sctp_sock *so, const struct addr *a, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len;

	inet_sockaddr_emit(&so->inet, a, port, 0, &ss, &len);
	return so->inet.sk.ops->bind(&so->inet.sk, (struct sockaddr *)&ss, len);
}

static int bind_one(struct sctp_sock *so, const struct addr *a, uint16_t port)
{
	if (!so->inet.bound) return bind_first(so, a, port);
	if (port && port != so->inet.lport) return -EINVAL;
	if (addr_is_any(a) || so->bound.n == 0 || sctp_addrs_have(&so->bound, a) || so->bound.n == SCTP_ADDRS_MAX) return -EINVAL;
	if (!stack_is_local(so->inet.sk.stack, a)) return -EADDRNOTAVAIL;
	if (is_taken(so, a)) return -EADDRINUSE;
	sctp_addrs_add(&so->bound, a);
	return 0;
}

static int unbind_one(struct sctp_sock *so, const struct addr *a, uint16_t port)
{
	if (port && port != so->inet.lport) return -EINVAL;
	if (so->bound.n <= 1) return -EBUSY;
	if (!sctp_addrs_have(&so->bound, a)) return -EINVAL;
	sctp_addrs_remove(&so->bound, a);
	return 0;
}

/* RFC 6458 §9.1. The peers of associations that there are already are told by who calls (options_asconf.c). */
int sctp_bindx(struct sctp_sock *so, const uint8_t *p, size_t len, bool add)
{
	struct sctp_addrs all;
	uint16_t port = 0;
	int r = sctp_addrs_parse(so, p, len, &all, &port);

	for (uint32_t i = 0; r == 0 && i < all.n; i++) {
		r = add ? bind_one(so, &all.at[i], port) : unbind_one(so, &all.at[i], port);
		if (r == 0 || !add) continue;
		while (i-- > 0) unbind_one(so, &all.at[i], port);
	}
	return r;
}
