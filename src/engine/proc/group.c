/* igmp, igmp6, dev_mcast, mcfilter, mcfilter6: the multicast groups that interfaces listen to, and from which sources; anycast6: anycast addresses. */
#include <linux/if.h>
#include "engine/proc/proc.h"
#include "stack/inet/anycast.h"

#define MLD_NEVER_TOLD 0x8u           /* Linux's flags: no report says it; */
#define MLD_LOADED 0x4u

static const struct addr all_hosts4 = {{[10] = 0xff, 0xff, 224, 0, 0, 1}};
static const struct addr all_nodes6 = {{0xff, 2, [15] = 1}}, all_of_host6 = {{0xff, 1, [15] = 1}};

static bool listens(const struct netif *nif) { return nif->flags & IFF_UP && nif->flags & (IFF_MULTICAST | IFF_LOOPBACK); }

static size_t members(const struct netif_group *g)
{
	size_t n = 0;
	for (const struct list *at = g->members.next; at != &g->members; at = at->next) n++;
	return n;
}

/* A group, whether somebody joined it or it is one that every interface is in. g: NULL: the latter */
typedef void group_put(struct page *p, const struct netif *nif, const struct addr *group, const struct netif_group *g);

static bool is_of(const struct netif *nif, const struct netif_addr *ia)
{
	struct addr own = addr_solicited_node(&ia->addr);
	list_each(struct netif_addr, before, &nif->addrs, node) {
		struct addr other = addr_solicited_node(&before->addr);
		if (before == ia) return true;
		if (!addr_is_v4(&before->addr) && addr_eq(&other, &own)) return false;
	}
	return true;
}

/* Those joined come first; the solicited-node groups of its addresses, each once; and those of all. */
static void groups_each(const struct netif *nif, bool v4, struct page *p, group_put *put)
{
	list_each(struct netif_group, g, &nif->groups, node)
		if (addr_is_v4(&g->group) == v4) put(p, nif, &g->group, g);
	list_each(struct netif_addr, ia, &nif->addrs, node) {
		struct addr a = addr_solicited_node(&ia->addr);
		if (!v4 && nif->kind == NETIF_ETHERNET && !addr_is_v4(&ia->addr) && is_of(nif, ia)) put(p, nif, &a, NULL);
	}
	put(p, nif, v4 ? &all_hosts4 : &all_nodes6, NULL);
	if (!v4) put(p, nif, &all_of_host6, NULL);
}

/* ---- igmp, igmp6 ---- */

static void igmp_group(struct page *p, const struct netif *nif, const struct addr *group, const struct netif_group *g)
{
	bool answers = g && timer_is_set(&g->answer_timer);
	unsigned long due = answers ? proc_hundredths(MAX(timer_due(nif->stack, &g->answer_timer) - nif->stack->now, 0)) : 0;
	if (!page_takes(p)) return;
	text_add(p->t, "\t\t\t\t%08X %5zu %d:%08lX\t\t%d\n", proc_word(group, 12), g ? members(g) : 1, answers, due, g ? g->last_reporter : 0);
}

static void igmp(struct stack *s, struct page *p)
{
	static const char *const versions[] = {"V3", "V1", "V2"};
	if (page_takes(p)) text_add(p->t, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
	list_each(struct netif, nif, &s->netifs, node) {
		size_t n = 1;
		if (!listens(nif)) continue;
		list_each(struct netif_group, g, &nif->groups, node) n += addr_is_v4(&g->group);
		if (page_takes(p)) text_add(p->t, "%d\t%-10s: %5zu %7s\n", nif->index, nif->name, n, versions[mcast_old_version(nif, true)]);
		groups_each(nif, true, p, igmp_group);
	}
}

static void igmp6_group(struct page *p, const struct netif *nif, const struct addr *group, const struct netif_group *g)
{
	char digits[33];
	unsigned flags = addr_eq(group, &all_of_host6) ? MLD_NEVER_TOLD : addr_eq(group, &all_nodes6) ? MLD_NEVER_TOLD | MLD_LOADED : MLD_LOADED;
	if (!page_takes(p)) return;
	proc_addr6(digits, group);
	text_add(p->t, "%-4d %-15s %s %5zu %08X %d\n", nif->index, nif->name, digits, g ? members(g) : 1, flags, 0);
}

static void igmp6(struct stack *s, struct page *p)
{
	list_each(struct netif, nif, &s->netifs, node)
		if (listens(nif)) groups_each(nif, false, p, igmp6_group);
}

/* ---- what the device lets through ---- */

static void mac_group(struct page *p, const struct netif *nif, const struct addr *group, const struct netif_group *g)
{
	const uint8_t *b = group->b + 12;
	(void)g;
	if (addr_eq(group, &all_of_host6) || !page_takes(p)) return;
	text_add(p->t, "%-4d %-15s %-5d %-5d ", nif->index, nif->name, 1, 0);
	if (addr_is_v4(group)) text_add(p->t, "01005e%02x%02x%02x\n", b[1] & 0x7f, b[2], b[3]);
	else text_add(p->t, "3333%02x%02x%02x%02x\n", b[0], b[1], b[2], b[3]);
}

static void dev_mcast(struct stack *s, struct page *p)
{
	list_each(struct netif, nif, &s->netifs, node) {
		if (nif->kind != NETIF_ETHERNET || !listens(nif)) continue;
		groups_each(nif, false, p, mac_group);
		groups_each(nif, true, p, mac_group);
	}
}

/* ---- sources ---- */

static size_t members_with(const struct netif_group *g, const struct addr *source, bool exclude)
{
	size_t n = 0;
	list_each(struct mcast_member, m, &g->members, of_group) n += m->exclude == exclude && sources_has(&m->sources, source);
	return n;
}

/* Is m the first one that names it? */
static bool is_first(const struct netif_group *g, const struct mcast_member *m, const struct addr *source)
{
	list_each(struct mcast_member, before, &g->members, of_group) {
		if (before == m) return true;
		if (sources_has(&before->sources, source)) return false;
	}
	return true;
}

static void source_put(struct page *p, const struct netif_group *g, const struct addr *source)
{
	char group[33], from[33];
	size_t include = members_with(g, source, false), exclude = members_with(g, source, true);
	if (!page_takes(p)) return;
	proc_addr6(group, &g->group);
	proc_addr6(from, source);
	if (addr_is_v4(source))
		text_add(p->t, "%3d %6.6s 0x%08x 0x%08x %6zu %6zu\n", g->netif->index, g->netif->name, addr_to_v4(&g->group), addr_to_v4(source), include,
			 exclude);
	else text_add(p->t, "%3d %6.6s %s %s %6zu %6zu\n", g->netif->index, g->netif->name, group, from, include, exclude);
}

static void filters(struct stack *s, struct page *p, bool v4, const char *head)
{
	if (page_takes(p)) text_add(p->t, "%s\n", head);
	list_each(struct netif, nif, &s->netifs, node)
		list_each(struct netif_group, g, &nif->groups, node)
			list_each(struct mcast_member, m, &g->members, of_group)
				for (uint32_t i = 0; addr_is_v4(&g->group) == v4 && i < m->sources.n; i++)
					if (is_first(g, m, &m->sources.at[i])) source_put(p, g, &m->sources.at[i]);
}

static void mcfilter(struct stack *s, struct page *p) { filters(s, p, true, "Idx Device        MCA        SRC    INC    EXC"); }

static void mcfilter6(struct stack *s, struct page *p)
{
	filters(s, p, false, "Idx Device                Multicast Address                   Source Address    INC    EXC");
}

static void anycast6(struct stack *s, struct page *p)
{
	list_each(const struct anycast, c, anycast_list(s), node) {
		char digits[33];
		if (netif_is_gone(c->netif)) continue;
		proc_addr6(digits, &c->addr);
		if (page_takes(p)) text_add(p->t, "%-4d %-15s %s %5u\n", c->netif->index, c->netif->name, digits, c->users);
	}
}

const struct proc_file proc_group_files[] = {
	{"igmp", igmp}, {"igmp6", igmp6}, {"dev_mcast", dev_mcast}, {"mcfilter", mcfilter}, {"mcfilter6", mcfilter6}, {"anycast6", anycast6}, {NULL, NULL},
};
