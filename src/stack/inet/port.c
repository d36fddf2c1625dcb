/*
 * Who owns which port. One space for each of TCP, SCTP, UDP and ICMP identifiers, and one table for both IP families.
 *
 *     port_space.ports:  number -> struct port -> owners: sock, sock, …      (newest first, but for groups of IPv6)
 *                                              -> heirs: accepted sock, …
 *     port_space.flows:  (laddr, lport, raddr, rport) -> sock                 (TCP's connections)
 *
 * Two sockets conflict on a number when their addresses overlap and their interfaces may be the same, unless SO_REUSEADDR or
 * SO_REUSEPORT on both allows it. A wildcard of IPv6 overlaps IPv4 unless it is IPV6_V6ONLY. Looking up is in port_lookup.c.
 *
 * Read first: socket(7), ip(7), ipv6(7), RFC 6056 (ephemeral ports).
 */
#include "stack/inet/port.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/inet/port_private.h"

int port_space_new(struct port_space **ret)
{
	struct port_space *ps = calloc(1, sizeof *ps);

	if (!ps) return -ENOMEM;
	hash_init(&ps->ports);
	hash_init(&ps->flows);
	*ret = ps;
	return 0;
}

void port_space_free(struct port_space *ps)
{
	if (!ps) return;
	hash_free(&ps->ports);
	hash_free(&ps->flows);
	free(ps);
}

struct port_space *port_space_of(struct stack *s, int ip_proto)
{
	switch (ip_proto) {
	case IPPROTO_TCP: return s->inet->tcp_ports;
	case IPPROTO_SCTP: return s->inet->sctp_ports;
	case IPPROTO_UDP: return s->inet->udp_ports;
	case IPPROTO_UDPLITE: return s->inet->udplite_ports;
	default: return s->inet->ping_ids;
	}
}

struct port_space *port_space_of_sock(const struct inet_sock *is)
{
	return port_space_of(is->sk.stack, is->sk.protocol);
}

/* The number is the hash: no two ports share one, and nobody can choose more than 65536 of them. */
struct port *port_find(const struct port_space *ps, uint16_t number)
{
	struct hash_node *n = hash_first(&ps->ports, number);

	return n ? container_of(n, struct port, node) : NULL;
}

static struct port *port_make(struct port_space *ps, uint16_t number, bool by_connect)
{
	struct port *p = calloc(1, sizeof *p);

	if (!p) return NULL;
	p->number = number;
	p->by_connect = by_connect;
	list_init(&p->owners);
	list_init(&p->heirs);
	if (hash_insert(&ps->ports, &p->node, number) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

/* ---- conflicts ---- */

bool port_addr_covers(const struct addr *a, bool v6only, const struct addr *other)
{
	if (!addr_is_any(a)) return false;
	if (addr_is_v4(a)) return addr_is_v4(other);
	return !addr_is_v4(other) || !v6only;
}

static bool addrs_overlap(const struct addr *a, bool a_v6only, const struct addr *b, bool b_v6only)
{
	return addr_eq(a, b) || port_addr_covers(a, a_v6only, b) || port_addr_covers(b, b_v6only, a);
}

/* What the options of two sockets that overlap allow: both SO_REUSEADDR as long as the owner does not listen, or both SO_REUSEPORT and one user. */
static bool reuse_allows(const struct sock *sk, const struct sock *owner)
{
	if (sk->reuseaddr == REUSE_FORCED || (sk->reuseaddr && owner->reuseaddr && !owner->listening)) return true;
	return sk->reuseport && owner->reuseport && sk->uid == owner->uid;
}

/* As Linux: IPv4's wildcard takes a dual-stack socket that an IPv6 connection has given an address for one of IPv4. */
static bool hides_family(const struct inet_sock *is, const struct addr *laddr, const struct inet_sock *owner)
{
	return is->sk.domain == AF_INET && addr_is_any(laddr) && !addr_is_v4(&owner->laddr) && !owner->v6only;
}

/* Do the two stand in each other's way, were it not for what their options allow? */
static bool meets(const struct inet_sock *is, const struct addr *laddr, const struct inet_sock *owner)
{
	const struct sock *a = &is->sk, *b = &owner->sk;

	if (owner == is) return false;
	if (a->bound_if && b->bound_if && a->bound_if != b->bound_if) return false;
	return addrs_overlap(laddr, is->v6only, &owner->laddr, owner->v6only) || hides_family(is, laddr, owner);
}

static bool conflicts(const struct inet_sock *is, const struct addr *laddr, const struct inet_sock *owner, bool strict)
{
	return meets(is, laddr, owner) && (strict || !reuse_allows(&is->sk, &owner->sk));
}

/* As Linux: a datagram socket that meets one of a group that it may join asks nobody who was there before. */
static bool joins_group(const struct inet_sock *is, const struct addr *laddr, const struct inet_sock *owner)
{
	const struct sock *a = &is->sk, *b = &owner->sk;

	return a->type == SOCK_DGRAM && !(a->reuseaddr && b->reuseaddr) && a->reuseport && b->reuseport && a->uid == b->uid && meets(is, laddr, owner);
}

static bool port_is_free(const struct inet_sock *is, const struct port *p, const struct addr *laddr, bool strict)
{
	list_each(struct inet_sock, owner, &p->owners, port_node) {
		if (!strict && joins_group(is, laddr, owner)) return true;
		if (conflicts(is, laddr, owner, strict)) return false;
	}
	list_each(struct inet_sock, heir, &p->heirs, port_node)
		if (conflicts(is, laddr, heir, strict)) return false;
	return true;
}

/* ---- taking and giving up ---- */

/* As Linux, whose lists are looked through from the front, for conflicts and for who gets a packet. */
bool port_stands_last(const struct inet_sock *is) { return is->sk.domain == AF_INET6 && is->sk.reuseport; }

static void port_join(struct inet_sock *is, struct port *p, struct list *as, const struct addr *laddr)
{
	(port_stands_last(is) ? list_append : list_prepend)(as, &is->port_node);
	is->laddr = *laddr;
	is->lport = p->number;
	is->bound = true;
}

static int port_take(struct inet_sock *is, const struct addr *laddr, uint16_t number, bool strict)
{
	struct port_space *ps = port_space_of_sock(is);
	struct port *p = port_find(ps, number);

	if (p && (strict || !port_memo_fits(p, is, laddr)) && !port_is_free(is, p, laddr, strict)) return -EADDRINUSE;
	if (!p) p = port_make(ps, number, false);
	if (!p) return -ENOMEM;
	p->by_connect = false;
	port_memo_note(p, is, laddr);
	port_join(is, p, &p->owners, laddr);
	return 0;
}

static struct port_range range_of(const struct inet_sock *is)
{
	const struct sysctl *c = is->sk.stack->sysctl;
	uint32_t low = (uint32_t)c->ip_local_port_min, high = (uint32_t)c->ip_local_port_max;

	/* IP_LOCAL_PORT_RANGE narrows the host's range, and counts for nothing where the two do not meet. */
	if (is->port_low > low && is->port_low <= high) low = is->port_low;
	if (is->port_high >= low && is->port_high < high) high = is->port_high;
	return (struct port_range){low, high - low + 1};
}

/*
 * As in Linux, bind(0) takes odd ports of the range first and a connection even ones: it does not come by chance to the port of a listener that has just
 * gone, and so to itself.
 */
static uint32_t parity_count(struct port_range r, uint32_t parity) { return (r.count + 1 - parity) / 2; }

static uint16_t parity_port(struct port_range r, uint32_t parity, uint32_t n)
{
	return (uint16_t)(r.min + parity + 2 * (n % parity_count(r, parity)));
}

int port_bind(struct inet_sock *is, const struct addr *laddr, uint16_t number)
{
	struct port_range range = range_of(is);
	uint32_t start;
	int r = -EADDRINUSE;

	if (number) return port_take(is, laddr, number, false);
	/* RFC 6056 §3.3.1: a random start, then one by one. Options don't count here: a port that nobody else has is wanted. */
	start = stack_random32(is->sk.stack) % range.count;
	for (uint32_t i = 0; i < range.count && r == -EADDRINUSE; i++)
		r = port_take(is, laddr, parity_port(range, i < parity_count(range, 1), start + i), true);
	return r;
}

/* A port for an outgoing connection may be shared with other outgoing ones, never with a socket that was bound to it. */
static bool connect_may_use(struct port_space *ps, const struct addr *laddr, uint16_t number, const struct addr *raddr, uint16_t rport)
{
	const struct port *p = port_find(ps, number);

	return !p || (p->by_connect && !flow_lookup(ps, laddr, number, raddr, rport));
}

/* RFC 6056 §3.3.3: the destination picks the place in the range, a counter moves on from there. */
static uint32_t connect_offset(const struct inet_sock *is, const struct addr *laddr, const struct addr *raddr, uint16_t rport)
{
	struct { struct addr laddr, raddr; uint16_t rport, pad; } key = {*laddr, *raddr, rport, 0};

	return (uint32_t)stack_hash(is->sk.stack, &key, sizeof key);
}

int port_autobind(struct inet_sock *is, const struct addr *laddr, const struct addr *raddr, uint16_t rport, bool (*fits)(struct inet_sock *is))
{
	struct port_space *ps = port_space_of_sock(is);
	struct port_range range = range_of(is);
	uint32_t offset = connect_offset(is, laddr, raddr, rport);

	for (uint32_t i = 0; i < range.count; i++) {
		uint16_t number = parity_port(range, i >= parity_count(range, 0), offset + ps->next_ephemeral++);
		struct port *p;

		if (!connect_may_use(ps, laddr, number, raddr, rport)) continue;
		p = port_find(ps, number);
		if (!p) p = port_make(ps, number, true);
		if (!p) return -ENOMEM;
		port_join(is, p, &p->owners, laddr);
		if (fits(is)) return 0;
		port_release(is);
	}
	return -EADDRNOTAVAIL;
}

int port_inherit(struct inet_sock *child, const struct inet_sock *listener)
{
	struct port *p = port_find(port_space_of_sock(listener), listener->lport);
	struct addr laddr = child->laddr;

	if (!p) return -EINVAL;
	port_join(child, p, &p->heirs, &laddr);
	/* As on Linux, the end of the connection leaves it the address that its listener was bound to, and not the port. */
	child->addr_bound = listener->addr_bound;
	child->port_bound = false;
	return 0;
}

void port_release(struct inet_sock *is)
{
	struct port_space *ps = port_space_of_sock(is);
	struct port *p = is->bound ? port_find(ps, is->lport) : NULL;

	flow_remove(is);
	list_remove(&is->port_node);
	is->bound = is->port_bound = false;
	if (!p || !list_empty(&p->owners) || !list_empty(&p->heirs)) return;
	hash_remove(&ps->ports, &p->node);
	free(p);
}

int port_listen_check(struct inet_sock *is)
{
	struct port *p = port_find(port_space_of_sock(is), is->lport);

	if (!p || !(port_memo_fits(p, is, &is->laddr) || port_is_free(is, p, &is->laddr, false))) return -EADDRINUSE;
	port_memo_note(p, is, &is->laddr);
	return 0;
}
