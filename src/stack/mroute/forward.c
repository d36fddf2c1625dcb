/*
 * Which interfaces a datagram goes out by. Its entry says by which one it must have come in; from the wrong one it goes nowhere, and a daemon that
 * wants to know is told, so that routers on that link can settle which of them forwards (PIM's Assert).
 *
 * Nothing is answered to a group's datagrams, but that those of IPv6 are too large: inet/icmp_error.c knows.
 */
#include <net/if.h>
#include "stack/inet/mcast.h"
#include "stack/inet/mib.h"
#include "stack/mroute/private.h"

/*
 * Copies that go out at once. Interfaces that lead back to this host, such as lo under several numbers, make more out of each copy, as often as its hops
 * allow, and all of them while time stands still for the host. On Linux netdev_max_backlog stands between them, a queue that lo has none of here.
 */
#define COPIES_MOST 4096
#define COPIES_WITHIN NS_PER_MS

/* ---- one way out ---- */

static bool may_copy(struct mroute_table *t)
{
	if (t->stack->now >= t->copies_since + COPIES_WITHIN) {
		t->copies_since = t->stack->now;
		t->copies = 0;
	}
	if (t->copies >= COPIES_MOST) return false;
	t->copies++;
	return true;
}

static void count_out(struct mroute_vif *v, const struct packet *p)
{
	v->packets_out++;
	v->octets_out += p->len;
}

static bool may_fragment(const struct packet *p) { return addr_is_v4(&p->dst) && !(p->data[6] & 0x40); }

/* RFC 1584 §6.4: members on this host get it also where it goes out. */
static void send_copy(struct stack *s, struct packet *copy, const struct route_hop *hop)
{
	ip_take_hop(copy);
	s->mib->ip[mib_family(addr_is_v4(&copy->dst))].forwarded++;
	if (netif_group_has(hop->netif, &copy->dst)) ip_loop_copy(s, copy, hop);
	if (copy->len <= hop->mtu_bytes) (void)ip_link_output(s, copy, hop);
	else (void)ip_fragment(s, copy, hop->mtu_bytes, hop);
}

static void send_copy_out(struct mroute_table *t, const struct packet *p, unsigned number)
{
	struct mroute_vif *v = &t->vifs[number];
	struct route_hop hop = {.netif = v->netif, .nexthop = p->dst};
	struct packet *copy;
	bool fits;

	if (t->register_vif == (int)number) {
		count_out(v, p);
		v->netif->tx_packets++;
		v->netif->tx_bytes += p->len;
		(void)mroute_upcall(t, p, (unsigned)t->register_vif, IGMPMSG_WHOLEPKT);
		return;
	}
	hop.mtu_bytes = v->netif->mtu_bytes;
	fits = p->len <= hop.mtu_bytes || may_fragment(p);
	if (!(v->netif->flags & IFF_UP) || !(copy = packet_copy(p))) return;
	if (fits || !t->v4) count_out(v, p);
	if (fits) {
		send_copy(t->stack, copy, &hop);
		return;
	}
	icmp_complain(t->stack, copy, ICMP_PROBLEM_TOO_BIG, hop.mtu_bytes);
	stack_drop(t->stack, copy, DROP_IP_TOO_BIG);
}

/* False: no more go out for now, not even by others. */
static bool send_out(struct mroute_table *t, const struct packet *p, unsigned number)
{
	if (!t->vifs[number].netif) return true;
	if (!may_copy(t)) {
		stack_drop(t->stack, packet_copy(p), DROP_MROUTE_FULL);
		return false;
	}
	send_copy_out(t, p, number);
	return true;
}

/* ---- all ways ---- */

static void wrong_interface(struct mroute_table *t, const struct packet *p, struct mroute_entry *e, int in)
{
	e->wrong_vif++;
	/* With PIM it may not be known yet that the interface is one of the entry's. */
	if (in < 0 || !t->assert || (!t->pim && e->ttls[in] == MROUTE_NONE)) return;
	if (t->stack->now <= e->last_assert + ASSERT_EVERY) return;
	e->last_assert = t->stack->now;
	(void)mroute_upcall(t, p, (unsigned)in, IGMPMSG_WRONGVIF);
	if (t->wrong_whole) (void)mroute_upcall(t, p, (unsigned)in, IGMPMSG_WRVIFWHOLE);
}

/* (*, G) takes it from each interface that (*, *) has for its parent. */
static bool may_come_in(const struct mroute_table *t, const struct packet *p, const struct mroute_entry *e, int in)
{
	const struct mroute_entry *up = addr_is_any(&e->source) && in >= 0 ? mroute_entry_any(t, e->parent) : NULL;

	return (up && up->ttls[in] < MROUTE_NONE) || (mroute_vif_exists(t, e->parent) && t->vifs[e->parent].netif == p->netif);
}

void mroute_forward(struct mroute_table *t, const struct packet *p, struct mroute_entry *e)
{
	bool any_source = addr_is_any(&e->source);
	int in = mroute_vif_of(t, p->netif);

	e->packets++;
	e->octets += p->len;
	e->last_use = t->stack->now;
	if (!may_come_in(t, p, e, in)) {
		/* Our own datagram is where it is because we sent it there, by an interface that is not the entry's: nobody is told. */
		if (!(t->v4 && p->looped)) wrong_interface(t, p, e, in);
		return;
	}
	if (mroute_vif_exists(t, e->parent)) {
		t->vifs[e->parent].packets_in++;
		t->vifs[e->parent].octets_in += p->len;
	}
	if (any_source && addr_is_any(&e->group)) {
		/* (*, *) leads upstream only. */
		if (in >= 0 && in != e->parent && p->ttl > e->ttls[e->parent]) (void)send_out(t, p, e->parent);
		return;
	}
	for (unsigned i = e->end; i-- > e->least;)
		if ((!any_source || (int)i != in) && p->ttl > e->ttls[i] && !send_out(t, p, i)) return;
}

bool mroute_input(struct stack *s, const struct packet *p)
{
	struct mroute_table *t = mroute_default(s, addr_is_v4(&p->dst));
	int in = mroute_vif_of(t, p->netif);
	struct mroute_entry *e;

	/* What comes back after it was forwarded, for members of our own. */
	if (p->forwarded) return false;
	e = mroute_entry_for(t, p, in);
	if (!e) return in >= 0 && mroute_wait(t, p, (unsigned)in);
	mroute_forward(t, p, e);
	return true;
}
