/* The groups a socket joined. Each is a member of the interface's own group (mcast.h), which is what lets frames in and is told to routers. */
#include "stack/inet/membership.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/core/sysctl.h"
#include "stack/inet/mcast.h"

/* next: of the same socket, in the order of joining; listed: sources were named */
struct membership { struct membership *next; struct addr group; struct netif *netif; struct mcast_member member; bool listed; };

static struct membership *find(const struct inet_sock *is, const struct addr *group, const struct netif *nif)
{
	for (struct membership *m = is->memberships; m; m = m->next)
		if (addr_eq(&m->group, group) && (!nif || m->netif == nif)) return m;
	return NULL;
}

static int netif_of_group(const struct inet_sock *is, const struct addr *group, struct netif **ret)
{
	struct addr any = addr_is_v4(group) ? addr_any4 : addr_any6;
	struct route_hop hop;

	if (route_lookup(is->sk.stack, group, &any, is->sk.bound_if, &hop) < 0) return -ENODEV;
	*ret = hop.netif;
	return 0;
}

/* Where the next one goes; *ret_n: how many there are. */
static struct membership **end_of(struct inet_sock *is, size_t *ret_n)
{
	struct membership **at = &is->memberships;

	for (*ret_n = 0; *at; ++*ret_n)
		at = &(*at)->next;
	return at;
}

static int join(struct inet_sock *is, const struct addr *group, struct netif *nif, bool exclude)
{
	struct membership *m, **end;
	size_t n;
	int r = 0;

	if (!addr_is_multicast(group)) return -EINVAL;
	if (!nif) r = netif_of_group(is, group, &nif);
	if (r < 0) return r;
	if (find(is, group, nif)) return -EADDRINUSE;
	end = end_of(is, &n);
	/* Linux bounds a socket of IPv6 by its option memory, to about as many. */
	if (n >= (uint32_t)is->sk.stack->sysctl->igmp_max_memberships) return -ENOBUFS;
	m = calloc(1, sizeof *m);
	if (!m) return -ENOMEM;
	m->member.exclude = exclude;
	list_init(&m->member.of_group);
	r = netif_group_join(nif, group, &m->member);
	if (r < 0) {
		free(m);
		return r;
	}
	m->group = *group;
	m->netif = nif;
	*end = m;
	return 0;
}

int membership_join(struct inet_sock *is, const struct addr *group, struct netif *nif)
{
	return join(is, group, nif, true);
}

static void forget(struct inet_sock *is, struct membership *m)
{
	struct membership **at = &is->memberships;

	while (*at != m) at = &(*at)->next;
	*at = m->next;
	netif_group_leave(m->netif, &m->group, &m->member);
	sources_free(&m->member.sources);
	free(m);
}

int membership_leave(struct inet_sock *is, const struct addr *group, struct netif *nif)
{
	struct membership *m;

	if (!addr_is_multicast(group) && !addr_is_v4(group)) return -EINVAL;
	m = find(is, group, nif);
	if (!m) return -EADDRNOTAVAIL;
	forget(is, m);
	return 0;
}

int membership_nowhere(const struct addr *group, membership_step *step, int err)
{
	bool joins = step == membership_join;

	if (!addr_is_multicast(group) && (joins || !addr_is_v4(group))) return -EINVAL;
	return joins ? err : -EADDRNOTAVAIL;
}

void membership_leave_all(struct inet_sock *is)
{
	while (is->memberships)
		forget(is, is->memberships);
}

void membership_leave_ipv6(struct inet_sock *is)
{
	for (struct membership *m = is->memberships, *next; m; m = next) {
		next = m->next;
		if (!addr_is_v4(&m->group)) forget(is, m);
	}
}

/* RFC 3376 §4.2.12: what a socket asked for, not what its interface gets for all. */
bool membership_allows(const struct inet_sock *is, const struct addr *group, const struct addr *source, const struct netif *nif)
{
	const struct membership *m;

	if (!addr_is_multicast(group)) return true;
	m = find(is, group, nif);
	if (m) return sources_has(&m->member.sources, source) != m->member.exclude;
	return addr_is_v4(group) ? is->mcast_all : is->mcast_all6;
}

/* ---- sources ---- */

static uint32_t sources_max(const struct stack *s, const struct addr *group)
{
	return (uint32_t)(addr_is_v4(group) ? s->sysctl->igmp_max_msf : s->sysctl->mld_max_msf);
}

static int source_add(struct membership *m, const struct addr *source)
{
	if (m->member.sources.n >= sources_max(m->netif->stack, &m->group)) return -ENOBUFS;
	if (sources_has(&m->member.sources, source)) return -EADDRNOTAVAIL;
	return sources_add(&m->member.sources, source);
}

static int source_take(struct membership *m, const struct addr *source)
{
	if (!sources_has(&m->member.sources, source)) return -EADDRNOTAVAIL;
	sources_remove(&m->member.sources, source);
	return 0;
}

int membership_source(struct inet_sock *is, enum membership_change how, const struct addr *group, const struct addr *source, struct netif *nif)
{
	bool exclude = how == SOURCE_BLOCK || how == SOURCE_UNBLOCK;
	struct membership *m;
	int r = 0;

	if (!addr_is_multicast(group)) return -EINVAL;
	if (!nif) r = netif_of_group(is, group, &nif);
	if (r == 0 && how == SOURCE_JOIN) r = join(is, group, nif, false);
	if (r < 0 && r != -EADDRINUSE) return r;
	m = find(is, group, nif);
	if (!m) return -EINVAL;
	/* As Linux: a list of one kind does not become one of the other, even when nothing is left of it. */
	if (m->listed && m->member.exclude != exclude) return -EINVAL;
	m->member.exclude = exclude;
	r = how == SOURCE_BLOCK || how == SOURCE_JOIN ? source_add(m, source) : source_take(m, source);
	m->listed |= m->member.sources.n != 0;
	/* RFC 3678 §4.1.3: to include nothing is to have left. */
	if (r == 0 && how == SOURCE_LEAVE && m->member.sources.n == 0)
		forget(is, m);
	else
		netif_group_changed(nif, group);
	return r;
}

int membership_filter_set(struct inet_sock *is, const struct addr *group, struct netif *nif, bool exclude, const struct addr *sources, uint32_t n)
{
	struct sources set = {0};
	struct membership *m;
	int r = 0;

	if (!addr_is_multicast(group)) return -EINVAL;
	if (n > sources_max(is->sk.stack, group)) return -ENOBUFS;
	if (!nif) r = netif_of_group(is, group, &nif);
	if (r < 0) return r;
	m = find(is, group, nif);
	if (!m) return !exclude && n == 0 ? -EADDRNOTAVAIL : -EINVAL;
	if (!exclude && n == 0) {
		forget(is, m);
		return 0;
	}
	for (uint32_t i = 0; i < n && r == 0; i++)
		r = sources_add(&set, &sources[i]);
	if (r < 0) {
		sources_free(&set);
		return r;
	}
	sources_free(&m->member.sources);
	m->member.sources = set;
	m->listed = n != 0;
	m->member.exclude = exclude;
	netif_group_changed(nif, group);
	return 0;
}

int membership_filter_get(struct inet_sock *is, const struct addr *group, struct netif *nif, bool *ret_exclude, struct addr *sources, uint32_t *n)
{
	const struct membership *m;
	uint32_t room = *n;
	int r = 0;

	if (!addr_is_multicast(group)) return -EINVAL;
	if (!nif) r = netif_of_group(is, group, &nif);
	if (r < 0) return r;
	m = find(is, group, nif);
	if (!m) return -EADDRNOTAVAIL;
	*ret_exclude = m->member.exclude;
	*n = m->member.sources.n;
	if (MIN(room, *n)) memcpy(sources, m->member.sources.at, MIN(room, *n) * sizeof *sources);
	return 0;
}
