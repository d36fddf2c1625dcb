/* Path MTU cache: pmtu.h says what it holds. */
#include "stack/inet/pmtu.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet_private.h"

struct pmtu { struct dst_entry entry; uint32_t mtu_bytes; bool locked; };

static struct pmtu *find(struct stack *s, const struct addr *dst)
{
	struct dst_entry *e = dst_cache_find(s, &s->inet->pmtu, dst);

	return e ? container_of(e, struct pmtu, entry) : NULL;
}

uint32_t pmtu_find(struct stack *s, const struct addr *dst)
{
	struct pmtu *m = find(s, dst);

	return m ? m->mtu_bytes : 0;
}

bool pmtu_is_locked(struct stack *s, const struct addr *dst)
{
	struct pmtu *m = find(s, dst);

	return m && m->locked;
}

static struct pmtu *add(struct stack *s, const struct addr *dst)
{
	struct dst_entry *e = dst_cache_add(s, &s->inet->pmtu, dst, sizeof(struct pmtu));
	struct pmtu *m = e ? container_of(e, struct pmtu, entry) : NULL;

	if (m) m->mtu_bytes = UINT32_MAX;
	return m;
}

void ip_pmtu_learn(struct stack *s, const struct ip_error *e)
{
	bool v4 = addr_is_v4(&e->dst);
	uint32_t floor = v4 ? (uint32_t)s->sysctl->route_min_pmtu : PMTU_MIN6;
	struct pmtu *m = find(s, &e->dst);

	if (!m) m = add(s, &e->dst);
	if (!m) return;
	/* RFC 1191 §3, RFC 8201 §4, RFC 5927 §7.2: within bounds, and never increased by a message, only by time. */
	m->mtu_bytes = MIN(m->mtu_bytes, MAX(e->mtu_bytes, floor));
	m->locked |= e->mtu_bytes < floor;
	/* RFC 1191 §6.3, RFC 8201 §5.3: for so long the estimate is believed. */
	m->entry.until = s->now + (v4 ? s->sysctl->route_mtu_expires_s : s->sysctl->route6_mtu_expires_s) * NS_PER_S;
}
