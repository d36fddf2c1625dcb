/* Path MTU cache: pmtu.h says what it holds. */
#include "stack/inet/pmtu.h"
#include <stdlib.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"

#define PMTU_MAX 1024             /* RFC 8201 §5.2: so many are kept */

struct pmtu {
	struct hash_node hash;
	struct list node;             /* pmtu_table.oldest */
	struct addr dst;
	uint32_t mtu_bytes;
	bool locked;
	time_ns expires;
};

void pmtu_table_init(struct pmtu_table *t)
{
	hash_init(&t->by_addr);
	list_init(&t->oldest);
}

static void forget(struct pmtu_table *t, struct pmtu *m)
{
	hash_remove(&t->by_addr, &m->hash);
	list_remove(&m->node);
	t->count--;
	free(m);
}

void pmtu_table_free(struct pmtu_table *t)
{
	while (!list_empty(&t->oldest))
		forget(t, list_first(&t->oldest, struct pmtu, node));
	hash_free(&t->by_addr);
}

static struct pmtu *find(struct stack *s, const struct addr *dst, uint64_t h)
{
	struct pmtu_table *t = &s->inet->pmtu;

	for (struct hash_node *n = hash_first(&t->by_addr, h); n; n = hash_next(n)) {
		struct pmtu *m = container_of(n, struct pmtu, hash);
		if (!addr_eq(&m->dst, dst)) continue;
		if (m->expires > s->now) return m;
		forget(t, m);
		return NULL;
	}
	return NULL;
}

uint32_t pmtu_find(struct stack *s, const struct addr *dst)
{
	struct pmtu *m = s->inet->pmtu.count ? find(s, dst, stack_hash(s, dst, sizeof *dst)) : NULL;

	return m ? m->mtu_bytes : 0;
}

bool pmtu_is_locked(struct stack *s, const struct addr *dst)
{
	struct pmtu *m = s->inet->pmtu.count ? find(s, dst, stack_hash(s, dst, sizeof *dst)) : NULL;

	return m && m->locked;
}

static struct pmtu *add(struct stack *s, const struct addr *dst, uint64_t h)
{
	struct pmtu_table *t = &s->inet->pmtu;
	struct pmtu *m;

	if (t->count >= PMTU_MAX) forget(t, list_first(&t->oldest, struct pmtu, node));
	m = calloc(1, sizeof *m);
	if (!m) return NULL;
	if (hash_insert(&t->by_addr, &m->hash, h) < 0) {
		free(m);
		return NULL;
	}
	m->dst = *dst;
	m->mtu_bytes = UINT32_MAX;
	list_append(&t->oldest, &m->node);
	t->count++;
	return m;
}

void ip_pmtu_learn(struct stack *s, const struct ip_error *e)
{
	bool v4 = addr_is_v4(&e->dst);
	uint32_t floor = v4 ? (uint32_t)s->sysctl->route_min_pmtu : PMTU_MIN6;
	uint64_t h = stack_hash(s, &e->dst, sizeof e->dst);
	struct pmtu *m = find(s, &e->dst, h);

	if (!m) m = add(s, &e->dst, h);
	if (!m) return;
	/* RFC 1191 §3, RFC 8201 §4, RFC 5927 §7.2: within bounds, and never increased by a message, only by time. */
	m->mtu_bytes = MIN(m->mtu_bytes, MAX(e->mtu_bytes, floor));
	m->locked |= e->mtu_bytes < floor;
	/* RFC 1191 §6.3, RFC 8201 §5.3: for so long the estimate is believed. */
	m->expires = s->now + (v4 ? s->sysctl->route_mtu_expires_s : s->sysctl->route6_mtu_expires_s) * NS_PER_S;
}
