/* dev, if_inet6, arp, igmp and their kin: what there is to say of interfaces, their addresses, neighbours and groups. */
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include "engine/proc/proc.h"
#include "stack/inet/mcast.h"
#include "stack/inet/neigh.h"

typedef unsigned long long ull;

static void dev(struct stack *s, struct page *p)
{
	if (page_takes(p))
		text_add(p->t, "Inter-|   Receive                                                |  Transmit\n"
			 " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n");
	list_each(struct netif, nif, &s->netifs, node)
		if (page_takes(p))
			text_add(p->t, "%6s: %7llu %7llu %4d %4llu %4d %5d %10d %9d %8llu %7llu %4d %4llu %4d %5d %7d %10d\n", nif->name, (ull)nif->rx_bytes,
				 (ull)nif->rx_packets, 0, (ull)nif->rx_dropped, 0, 0, 0, 0, (ull)nif->tx_bytes, (ull)nif->tx_packets, 0,
				 (ull)nif->tx_dropped, 0, 0, 0, 0);
}

/* The scope is written as the kernel's own bits of an address's type. */
static void if_inet6(struct stack *s, struct page *p)
{
	char digits[33];
	list_each(struct netif, nif, &s->netifs, node)
		list_each(struct netif_addr, ia, &nif->addrs, node) {
			unsigned scope = ia->scope == RT_SCOPE_HOST ? 0x10 : ia->scope == RT_SCOPE_LINK ? 0x20 : 0;
			if (addr_is_v4(&ia->addr) || !page_takes(p)) continue;
			proc_addr6(digits, &ia->addr);
			text_add(p->t, "%s %02x %02x %02x %02x %8s\n", digits, nif->index, ia->plen, scope, ia->flags & 0xff, nif->name);
		}
}

/* ---- neighbours ---- */

static void arp(struct stack *s, struct page *p)
{
	char ip[ADDR_TEXT_MAX], mac[MAC_TEXT_MAX];
	static const struct mac unknown;
	if (page_takes(p)) text_add(p->t, "IP address       HW type     Flags       HW address            Mask     Device\n");
	for (const struct neigh *n = NULL; (n = neigh_walk(s, n));) {
		uint8_t state = neigh_state(n);
		bool valid = state & (NEIGH_VALID | NUD_PERMANENT);
		unsigned flags = (valid ? ATF_COM : 0u) | (state & NUD_PERMANENT ? ATF_PERM : 0u);
		if (!addr_is_v4(&n->addr) || !page_takes(p)) continue;
		text_add(p->t, "%-16s 0x%-10x0x%-10x%-17s     *        %s\n", addr_text(ip, &n->addr), ARPHRD_ETHER, flags,
			 mac_text(mac, valid ? &n->mac : &unknown), n->netif->name);
	}
}

/* ---- groups ---- */

static size_t members(const struct netif_group *g)
{
	size_t n = 0;
	for (const struct list *at = g->members.next; at != &g->members; at = at->next) n++;
	return n;
}

static size_t groups4(const struct netif *nif)
{
	size_t n = 1;                 /* all hosts */
	list_each(struct netif_group, g, &nif->groups, node) n += addr_is_v4(&g->group);
	return n;
}

static void igmp_interface(const struct netif *nif, struct text *t)
{
	static const char *const versions[] = {"V3", "V1", "V2"};
	text_add(t, "%d\t%-10s: %5zu %7s\n", nif->index, nif->name, groups4(nif), versions[mcast_old_version(nif, true)]);
	list_each(struct netif_group, g, &nif->groups, node)
		if (addr_is_v4(&g->group))
			text_add(t, "\t\t\t\t%08X %5zu %d:%08lX\t\t%d\n", proc_word(&g->group, 12), members(g), timer_is_set(&g->answer_timer),
				 timer_is_set(&g->answer_timer) ? proc_hundredths(timer_due(nif->stack, &g->answer_timer) - nif->stack->now) : 0,
				 g->last_reporter);
	text_add(t, "\t\t\t\t%08X %5d %d:%08X\t\t%d\n", 0x010000e0, 1, 0, 0, 0);
}

static bool listens(const struct netif *nif) { return nif->flags & IFF_UP && nif->flags & (IFF_MULTICAST | IFF_LOOPBACK); }

static void igmp(struct stack *s, struct page *p)
{
	if (page_takes(p)) text_add(p->t, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
	list_each(struct netif, nif, &s->netifs, node)
		if (listens(nif) && page_takes(p)) igmp_interface(nif, p->t);
}

const struct proc_file proc_netif_files[] = {{"dev", dev}, {"if_inet6", if_inet6}, {"arp", arp}, {"igmp", igmp}, {NULL, NULL}};
