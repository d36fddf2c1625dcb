/* dev, if_inet6, arp: interfaces, their addresses and neighbours. */
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include "engine/proc/proc.h"
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

const struct proc_file proc_netif_files[] = {{"dev", dev}, {"if_inet6", if_inet6}, {"arp", arp}, {NULL, NULL}};
