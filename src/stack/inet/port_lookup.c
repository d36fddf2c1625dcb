/*
 * Which socket a packet is for.
 *
 * TCP's connections are found by their 4-tuple. Everything else is a choice among the owners of the port: those bound to the very
 * address before those with a wildcard; within each, the one that asks for most (a peer, an interface, its own family); among equals
 * the first in the port's order. Whoever has SO_REUSEPORT stands for his group, of which a hash of the 4-tuple chooses one, so that a peer always meets the
 * same; then, as in Linux, those behind are not asked any more, unless the group has a member with a peer of its own.
 */
#include <errno.h>
#include "stack/inet/port_private.h"

/* ---- flows ---- */

struct flow_key { struct addr laddr, raddr; uint16_t lport, rport; };
struct flow_key4 { uint8_t laddr[4], raddr[4]; uint16_t lport, rport; };

/* Hashed for each segment that comes: what all IPv4 addresses begin with is left out. */
uint64_t flow_hash(const struct stack *s, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	struct flow_key key = {*laddr, *raddr, lport, rport};
	struct flow_key4 key4 = {.lport = lport, .rport = rport};

	if (!addr_is_v4(laddr) || !addr_is_v4(raddr)) return stack_hash(s, &key, sizeof key);
	memcpy(key4.laddr, laddr->b + 12, sizeof key4.laddr);
	memcpy(key4.raddr, raddr->b + 12, sizeof key4.raddr);
	return stack_hash(s, &key4, sizeof key4);
}

static bool flow_matches(const struct inet_sock *is, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	return is->lport == lport && is->rport == rport && addr_eq(&is->laddr, laddr) && addr_eq(&is->raddr, raddr);
}

struct inet_sock *flow_at(struct port_space *ps, uint64_t hash, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	for (struct hash_node *n = hash_first(&ps->flows, hash); n; n = hash_next(n)) {
		struct inet_sock *is = container_of(n, struct inet_sock, flow_node);
		if (flow_matches(is, laddr, lport, raddr, rport)) return is;
	}
	return NULL;
}

struct inet_sock *flow_lookup(struct port_space *ps, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	return ps->flows.count ? flow_at(ps, flow_hash(ps->stack, laddr, lport, raddr, rport), laddr, lport, raddr, rport) : NULL;
}

int flow_add(struct inet_sock *is)
{
	struct port_space *ps = port_space_of_sock(is);
	uint64_t hash = flow_hash(is->sk.stack, &is->laddr, is->lport, &is->raddr, is->rport);
	int r;

	ps->stack = is->sk.stack;
	if (flow_at(ps, hash, &is->laddr, is->lport, &is->raddr, is->rport)) return -EADDRNOTAVAIL;
	r = hash_insert(&ps->flows, &is->flow_node, hash);
	is->in_flows = r == 0;
	return r;
}

void flow_remove(struct inet_sock *is)
{
	if (is->in_flows) hash_remove(&port_space_of_sock(is)->flows, &is->flow_node);
	is->in_flows = false;
}

/* ---- owners of a port ---- */

struct port_query {
	const struct addr *laddr, *raddr;
	uint16_t lport, rport;
	const struct netif *nif;
	bool (*filter)(const struct inet_sock *);
	const struct packet *payload;        /* what the group's program may look at; NULL: nothing */
};

static bool peer_fits(const struct inet_sock *is, const struct port_query *q)
{
	if (!q->raddr) return true;
	if (!addr_is_any(&is->raddr) && !addr_eq(&is->raddr, q->raddr)) return false;
	return !is->rport || is->rport == q->rport;
}

static bool netif_fits(const struct inet_sock *is, const struct port_query *q)
{
	return !is->sk.bound_if || !q->nif || is->sk.bound_if == q->nif;
}

/* How well is fits, or -1. exact: only sockets bound to the address itself; else only wildcards. */
static int score_of(const struct inet_sock *is, const struct port_query *q, bool exact)
{
	int score = is->sk.domain == AF_INET ? 2 : 1;

	if (exact ? !addr_eq(&is->laddr, q->laddr) : !port_addr_covers(&is->laddr, is->v6only, q->laddr)) return -1;
	if (!peer_fits(is, q) || !netif_fits(is, q) || (q->filter && !q->filter(is))) return -1;
	if (!addr_is_any(&is->raddr)) score += 4;
	if (is->rport) score += 4;
	if (is->sk.bound_if) score += 4;
	return score;
}

/* Of the SO_REUSEPORT group of best, the member that this 4-tuple belongs to, or that the group's program chooses. */
static struct inet_sock *spread(const struct port *p, struct inet_sock *best, int best_score, const struct port_query *q, bool exact)
{
	const struct filter *chooser = q->payload ? port_chooser(p, best) : NULL;
	uint32_t count = 0, pick;

	list_each(struct inet_sock, is, &p->owners, port_node)
		if (port_same_group(best, is) && score_of(is, q, exact) == best_score) count++;
	if (count < 2) return best;
	pick = chooser ? port_choice(chooser, best, q->payload) : count;
	if (pick < count)
		pick = port_stands_last(best) ? pick : count - 1 - pick;     /* counted from the oldest */
	else
		pick = (uint32_t)(((flow_hash(best->sk.stack, q->laddr, q->lport, q->raddr, q->rport) >> 32) * count) >> 32);
	list_each(struct inet_sock, is, &p->owners, port_node)
		if (port_same_group(best, is) && score_of(is, q, exact) == best_score && pick-- == 0) return is;
	return best;
}

static bool group_has_peers(const struct port *p, const struct inet_sock *of)
{
	list_each(const struct inet_sock, is, &p->owners, port_node)
		if (is->rport && is->sk.reuseport && is->sk.domain == of->sk.domain && is->v6only == of->v6only) return true;
	return false;
}

static struct inet_sock *best_of(const struct port *p, const struct port_query *q, bool exact)
{
	struct inet_sock *best = NULL;
	int best_score = -1;

	list_each(struct inet_sock, is, &p->owners, port_node) {
		int score = score_of(is, q, exact);
		if (score <= best_score) continue;
		best = is;
		best_score = score;
		if (!is->sk.reuseport || is->rport || !q->raddr) continue;
		best = spread(p, is, score, q, exact);
		if (!group_has_peers(p, is)) break;
	}
	return best;
}

struct inet_sock *port_lookup(struct port_space *ps, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport,
			      const struct netif *nif, bool (*filter)(const struct inet_sock *), const struct packet *payload)
{
	struct port_query q = {laddr, raddr, lport, rport, nif, filter, payload};
	const struct port *p = port_find(ps, lport);
	struct inet_sock *is = p ? best_of(p, &q, true) : NULL;

	return is || !p ? is : best_of(p, &q, false);
}

static bool gets_copy(const struct inet_sock *is, const struct port_query *q)
{
	if (!addr_eq(&is->laddr, q->laddr) && !port_addr_covers(&is->laddr, is->v6only, q->laddr)) return false;
	return peer_fits(is, q) && netif_fits(is, q);
}

struct inet_sock *port_each(struct port_space *ps, struct inet_sock *after, const struct addr *laddr, uint16_t lport, const struct addr *raddr,
			    uint16_t rport, const struct netif *nif)
{
	struct port_query q = {laddr, raddr, lport, rport, nif, NULL, NULL};
	const struct port *p = port_find(ps, lport);

	if (!p) return NULL;
	for (struct list *n = after ? after->port_node.next : p->owners.next; n != &p->owners; n = n->next) {
		struct inet_sock *is = list_entry(n, struct inet_sock, port_node);
		if (gets_copy(is, &q)) return is;
	}
	return NULL;
}
