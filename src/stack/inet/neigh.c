/* The neighbour cache: neigh.h draws its machine. Read first: RFC 4861 §7.3, RFC 826. */
#include "stack/inet/neigh.h"
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"
#include "stack/netlink/notify.h"

#define QUEUE_MOST 1024       /* datagrams that wait for one neighbour, whatever unres_qlen says: memory of ours */

static const struct neigh_settings *settings(const struct neigh *n)
{
	return addr_is_v4(&n->addr) ? &n->netif->conf.neigh4 : &n->netif->conf.neigh6;
}

/* ---- the table ---- */

void neigh_table_init(struct neigh_table *t)
{
	hash_init(&t->by_addr);
	list_init(&t->resolved);
	list_init(&t->pending);
	list_init(&t->fixed);
	list_init(&t->proxies);
}

static uint64_t hash_of(const struct netif *nif, const struct addr *a)
{
	struct { struct addr a; int index; } key = {*a, nif->index};

	return stack_hash(nif->stack, &key, sizeof key);
}

struct neigh *neigh_find(const struct netif *nif, const struct addr *a)
{
	struct hash_node *at = hash_first(&nif->stack->inet->neigh.by_addr, hash_of(nif, a));

	for (; at; at = hash_next(at)) {
		struct neigh *n = container_of(at, struct neigh, hash);
		if (n->netif == nif && addr_eq(&n->addr, a)) return n;
	}
	return NULL;
}

static bool is_pending(const struct neigh *n)
{
	return n->state & (NUD_INCOMPLETE | NUD_FAILED);
}

/* The part of the table that n belongs to, and how many are in it. */
static struct list *part_of(const struct neigh *n, uint32_t **ret_count)
{
	struct neigh_table *t = &n->stack->inet->neigh;
	bool pending = is_pending(n), fixed = n->state & NEIGH_FIXED;

	*ret_count = pending ? &t->n_pending : fixed ? &t->n_fixed : &t->n_resolved;
	return pending ? &t->pending : fixed ? &t->fixed : &t->resolved;
}

/* Changes the state and puts n at the head of the part it belongs to. */
static void enter(struct neigh *n, uint8_t state)
{
	const uint8_t told = NUD_REACHABLE | NUD_STALE | NUD_PROBE | NUD_FAILED | NEIGH_FIXED;
	bool differs = n->state != state;
	struct list *part;
	uint32_t *count;

	part_of(n, &count);
	--*count;
	n->state = state;
	part = part_of(n, &count);
	++*count;
	list_remove(&n->node);
	list_prepend(part, &n->node);
	if (differs && state & told) netlink_tell_neigh(n, false);
}

static void drop_queue(struct neigh *n, enum drop_reason why)
{
	while (!list_empty(&n->queue))
		stack_drop(n->stack, list_entry(list_pop(&n->queue), struct packet, node), why);
	n->queued = 0;
}

static void forget(struct neigh *n)
{
	uint32_t *count;

	timer_clear(n->stack, &n->timer);
	drop_queue(n, DROP_NEIGH_QUEUE);
	netlink_tell_neigh(n, true);
	part_of(n, &count);
	--*count;
	list_remove(&n->node);
	hash_remove(&n->stack->inet->neigh.by_addr, &n->hash);
	free(n);
}

void neigh_table_free(struct stack *s)
{
	struct neigh_table *t = &s->inet->neigh;

	while (!list_empty(&t->resolved))
		forget(list_first(&t->resolved, struct neigh, node));
	while (!list_empty(&t->pending))
		forget(list_first(&t->pending, struct neigh, node));
	while (!list_empty(&t->fixed))
		forget(list_first(&t->fixed, struct neigh, node));
	while (!list_empty(&t->proxies))
		free(list_entry(list_pop(&t->proxies), struct neigh_proxy, node));
	hash_free(&t->by_addr);
}

bool neigh_forget(struct netif *nif, const struct addr *a)
{
	struct neigh *n = neigh_find(nif, a);

	if (n) forget(n);
	return n;
}

static void flush(const struct list *list, const struct netif *nif, bool only_v6)
{
	list_each(struct neigh, n, list, node)
		if (n->netif == nif && !(only_v6 && addr_is_v4(&n->addr))) forget(n);
}

void neigh_flush(struct netif *nif, bool only_v6)
{
	struct neigh_table *t = &nif->stack->inet->neigh;

	flush(&t->resolved, nif, only_v6);
	flush(&t->pending, nif, only_v6);
	flush(&t->fixed, nif, only_v6);
	list_each(struct neigh_proxy, x, &t->proxies, node)
		if (x->netif == nif && !(only_v6 && addr_is_v4(&x->addr))) neigh_proxy_del(nif, &x->addr);
}

static void make_room(struct neigh_table *t)
{
	/* RFC 6583 §7.1: those who have not answered take half of the room at most. */
	if (t->n_pending >= NEIGH_MAX / 2)
		forget(list_last(&t->pending, struct neigh, node));
	else if (t->n_resolved + t->n_pending >= NEIGH_MAX)
		forget(list_last(t->n_resolved ? &t->resolved : &t->pending, struct neigh, node));
}

static void fire(struct timer *t);

static struct neigh *create(struct netif *nif, const struct addr *a)
{
	struct neigh_table *t = &nif->stack->inet->neigh;
	struct neigh *n;

	make_room(t);
	n = calloc(1, sizeof *n);
	if (!n) return NULL;
	if (hash_insert(&t->by_addr, &n->hash, hash_of(nif, a)) < 0) {
		free(n);
		return NULL;
	}
	n->stack = nif->stack;
	n->netif = nif;
	n->addr = *a;
	n->state = NUD_FAILED;           /* knows nothing: as after failure, the first datagram starts the asking */
	n->timer.fire = fire;
	list_init(&n->queue);
	list_prepend(&t->pending, &n->node);
	t->n_pending++;
	return n;
}

const struct neigh *neigh_walk(const struct stack *s, const struct neigh *after)
{
	struct hash_node *at = hash_walk(&s->inet->neigh.by_addr, after ? &after->hash : NULL);

	return at ? container_of(at, struct neigh, hash) : NULL;
}

uint8_t neigh_state(const struct neigh *n)
{
	return n->state == NUD_REACHABLE && n->stack->now >= n->reachable_until ? NUD_STALE : n->state;
}

/* ---- the machine ---- */

static void solicit(struct neigh *n, const struct mac *only)
{
	struct packet *waiting = list_empty(&n->queue) ? NULL : list_first(&n->queue, struct packet, node);

	if (addr_is_v4(&n->addr))
		arp_solicit(n->netif, &n->addr, only, waiting);
	else
		nd_solicit(n->netif, &n->addr, only, waiting);
	n->probes++;
	timer_set(n->stack, &n->timer, n->stack->now + settings(n)->retrans_time_ms * NS_PER_MS);
}

static void fail(struct neigh *n)
{
	struct stack *s = n->stack;
	struct list waiting = LIST_INIT(waiting);

	while (!list_empty(&n->queue))
		list_append(&waiting, list_pop(&n->queue));
	n->queued = 0;
	enter(n, NUD_FAILED);
	/* The complaints may evict n: it is not touched any more. */
	while (!list_empty(&waiting)) {
		struct packet *p = list_entry(list_pop(&waiting), struct packet, node);
		/* RFC 1122 §2.3.2.2 and RFC 4861 §7.2.2: whoever sent it hears that the host can't be reached. */
		icmp_complain(s, p, ICMP_PROBLEM_HOST, 0);
		stack_drop(s, p, DROP_NEIGH_FAILED);
	}
}

static void fire(struct timer *t)
{
	struct neigh *n = container_of(t, struct neigh, timer);

	if (n->state == NUD_DELAY) {
		if (n->stack->now < n->reachable_until) {
			enter(n, NUD_REACHABLE);
			return;
		}
		n->probes = 0;
		enter(n, NUD_PROBE);
	}
	if (n->probes >= (uint32_t)(n->state == NUD_PROBE ? settings(n)->ucast_solicit : settings(n)->mcast_solicit))
		fail(n);
	else
		solicit(n, n->state == NUD_PROBE ? &n->mac : NULL);
}

static void start_asking(struct neigh *n)
{
	n->probes = 0;
	enter(n, NUD_INCOMPLETE);
}

static void enqueue(struct neigh *n, struct packet *p)
{
	/* RFC 4861 §7.2.2: when the queue is full the new datagram replaces the oldest. */
	if (n->queued > 0 && n->queued >= MIN(settings(n)->unres_qlen, QUEUE_MOST)) {
		stack_drop(n->stack, list_entry(list_pop(&n->queue), struct packet, node), DROP_NEIGH_QUEUE);
		n->queued--;
	}
	list_append(&n->queue, &p->node);
	n->queued++;
}

void neigh_output(struct netif *nif, const struct addr *nexthop, struct packet *p)
{
	uint16_t type = addr_is_v4(nexthop) ? ETH_TYPE_IP4 : ETH_TYPE_IP6;
	struct neigh *n;

	/* As Linux's arp_constructor: nobody is asked, and the frame bears our own address. */
	if (nif->flags & IFF_NOARP) {
		ether_output(nif, p, &nif->mac, type);
		return;
	}
	n = neigh_find(nif, nexthop);
	if (!n) n = create(nif, nexthop);
	if (!n) {
		stack_drop(nif->stack, p, DROP_NO_MEMORY);
		return;
	}
	if (is_pending(n)) {
		bool ask = n->state == NUD_FAILED;
		if (ask) start_asking(n);
		enqueue(n, p);
		if (ask) solicit(n, NULL);
		return;
	}
	/* RFC 4861 §7.3.3, RFC 1122 §2.3.2.1: used as it is, and asked after a while. */
	if (neigh_state(n) == NUD_STALE) {
		enter(n, NUD_DELAY);
		timer_set(n->stack, &n->timer, n->stack->now + settings(n)->delay_first_probe_time_s * NS_PER_S);
	} else {
		enter(n, n->state);      /* most recently used */
	}
	ether_output(nif, p, &n->mac, type);
}

bool neigh_is_known(struct netif *nif, const struct addr *a)
{
	struct neigh *n = neigh_find(nif, a);

	if (!n) n = create(nif, a);
	if (!n || n->state == NUD_INCOMPLETE) return false;
	if (n->state != NUD_FAILED) return true;
	start_asking(n);
	solicit(n, NULL);
	return false;
}

static void set_reachable(struct neigh *n)
{
	uint32_t r = stack_random32(n->stack);
	time_ns base = settings(n)->base_reachable_time_ms * NS_PER_MS;

	/* RFC 4861 §6.3.2: between half and one and a half of the base time, so that hosts don't probe in step. */
	n->reachable_until = n->stack->now + base / 2 + (time_ns)((unsigned __int128)base * r >> 32);
	timer_clear(n->stack, &n->timer);
	enter(n, NUD_REACHABLE);
}

static void send_queue(struct neigh *n)
{
	struct netif *nif = n->netif;
	struct addr a = n->addr;
	struct list waiting = LIST_INIT(waiting);

	while (!list_empty(&n->queue))
		list_append(&waiting, list_pop(&n->queue));
	n->queued = 0;
	while (!list_empty(&waiting))
		neigh_output(nif, &a, list_entry(list_pop(&waiting), struct packet, node));
}

/* RFC 4861 §7.2.5, and Linux's neigh_update for ARP. */
void neigh_learn(struct netif *nif, const struct addr *a, const struct mac *mac, unsigned how)
{
	struct neigh *n = neigh_find(nif, a);
	bool differs;

	if (mac->b[0] & 1) return;
	if (!n && how & NEIGH_CREATE) n = create(nif, a);
	if (!n || n->state & NEIGH_FIXED) return;
	differs = is_pending(n) || memcmp(&n->mac, mac, sizeof *mac) != 0;
	if (!is_pending(n) && differs && !(how & NEIGH_OVERRIDE)) {
		/* A rival answer: the known mac stays in use, but is no longer trusted. */
		if (neigh_state(n) == NUD_REACHABLE) n->reachable_until = n->stack->now;
		return;
	}
	if (differs) n->updated = n->stack->now;
	n->mac = *mac;
	if (how & NEIGH_CONFIRM) {
		set_reachable(n);
	} else if (differs) {
		timer_clear(n->stack, &n->timer);
		enter(n, NUD_STALE);
	}
	send_queue(n);
}

void neigh_confirm(struct netif *nif, const struct addr *nexthop)
{
	struct neigh *n = neigh_find(nif, nexthop);

	if (n && !is_pending(n) && !(n->state & NEIGH_FIXED)) set_reachable(n);
}

/* ---- as a program has it ---- */

static void fix(struct neigh *n, uint8_t state)
{
	timer_clear(n->stack, &n->timer);
	enter(n, state);
}

int neigh_set(struct netif *nif, const struct addr *a, const struct mac *mac, uint8_t state)
{
	struct neigh *n = neigh_find(nif, a);

	if (state & NEIGH_FIXED && nif->stack->inet->neigh.n_fixed >= NEIGH_MAX) return -ENOBUFS;
	if (!n) n = create(nif, a);
	if (!n) return -ENOMEM;
	if (mac) {
		n->mac = *mac;
		n->updated = nif->stack->now;
	}
	if (state & NUD_REACHABLE) {
		set_reachable(n);
	} else if (state & (NUD_DELAY | NUD_PROBE)) {
		fix(n, NUD_DELAY);
		timer_set(n->stack, &n->timer, n->stack->now + settings(n)->delay_first_probe_time_s * NS_PER_S);
	} else if (state & (NEIGH_FIXED | NUD_STALE)) {
		fix(n, state & NUD_PERMANENT ? NUD_PERMANENT : state & NUD_NOARP ? NUD_NOARP : NUD_STALE);
	} else if (state & NUD_INCOMPLETE) {
		start_asking(n);
		solicit(n, NULL);
	} else {
		fail(n);
		return 0;
	}
	if (!is_pending(n)) send_queue(n);
	return 0;
}

/* ---- the frame ---- */

void ether_output(struct netif *nif, struct packet *p, const struct mac *dst, uint16_t type)
{
	struct eth_hdr h = {.dst = *dst, .src = nif->mac, .type = type};

	p = packet_with_headroom(p, ETH_HDR_LEN);
	if (!p) {
		nif->stack->drops[DROP_NO_MEMORY]++;
		return;
	}
	eth_emit(&h, packet_push(p, ETH_HDR_LEN));
	p->mac_off = packet_off(p);
	netif_transmit(nif, p);
}
