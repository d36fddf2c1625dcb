/* route and ipv6_route: the routing tables, in the order of Linux's tries: by destination, the longer prefix first, then by metric. */
#include <linux/rtnetlink.h>
#include <net/route.h>
#include <stdlib.h>
#include "engine/proc/proc.h"
#include "stack/core/route.h"

#define ROUTE_WIDTH 127
#define RTF6_LOCAL 0x80000000u

static int by_destination(const void *a, const void *b)
{
	const struct route *x = *(const struct route *const *)a, *y = *(const struct route *const *)b;
	int c = addr_cmp(&x->dst, &y->dst);
	if (c != 0) return c;
	if (x->plen != y->plen) return x->plen > y->plen ? -1 : 1;
	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

/* Those of one family, sorted; free() it. NULL: none, or no memory */
static const struct route **routes_sorted(const struct stack *s, bool v4, size_t *ret_n)
{
	size_t n = 0, i = 0;
	list_each(struct route, r, route_list(s), node) n += addr_is_v4(&r->dst) == v4;
	const struct route **all = calloc(n + 1, sizeof(struct route *));
	*ret_n = all ? n : 0;
	if (!all) return NULL;
	list_each(struct route, r, route_list(s), node)
		if (addr_is_v4(&r->dst) == v4) all[i++] = r;
	qsort(all, n, sizeof(struct route *), by_destination);
	return all;
}

static unsigned flags_of(const struct route *r, unsigned host_plen)
{
	bool refuses = r->type == RTN_UNREACHABLE || r->type == RTN_PROHIBIT || r->type == RTN_BLACKHOLE;
	return RTF_UP | (refuses ? RTF_REJECT : 0) | (r->has_gateway ? RTF_GATEWAY : 0) | (r->plen == host_plen ? RTF_HOST : 0);
}

static void route4_put(struct page *p, const struct route *r)
{
	struct addr mask = addr_mask(&addr_bcast4, r->plen);
	uint32_t mss = r->metrics[RTAX_ADVMSS];
	proc_line(p, ROUTE_WIDTH, "%s\t%08X\t%08X\t%04X\t%d\t%u\t%u\t%08X\t%u\t%u\t%u", r->netif ? r->netif->name : "*", proc_word(&r->dst, 12),
		  r->has_gateway ? proc_word(&r->gateway, 12) : 0, flags_of(r, 32), 0, 0, r->metric, proc_word(&mask, 12), mss ? mss + 40 : 0,
		  r->metrics[RTAX_WINDOW], r->metrics[RTAX_RTT] >> 3);
}

static void route4(struct stack *s, struct page *p)
{
	size_t n;
	const struct route **all = routes_sorted(s, true, &n);
	if (page_takes(p)) proc_line(p, ROUTE_WIDTH, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	for (size_t i = 0; i < n; i++) {
		bool shown = all[i]->table == RT_TABLE_MAIN && all[i]->type != RTN_BROADCAST && all[i]->type != RTN_MULTICAST;
		if (shown && page_takes(p)) route4_put(p, all[i]);
	}
	free(all);
}

static void route6_put(struct page *p, const struct route *r)
{
	char dst[33], gateway[33];
	unsigned flags = flags_of(r, 128);
	if (r->type == RTN_LOCAL) flags = RTF_UP | RTF_NONEXTHOP | RTF6_LOCAL;
	if (r->protocol == RTPROT_RA) flags |= RTF_ADDRCONF | (r->plen == 0 ? RTF_DEFAULT : 0);
	proc_addr6(dst, &r->dst);
	proc_addr6(gateway, r->has_gateway ? &r->gateway : &addr_any6);
	text_add(p->t, "%s %02x %032x 00 %s %08x %08x %08x %08x %8s\n", dst, r->plen, 0, gateway, r->metric, 1, 0, flags,
		 r->netif ? r->netif->name : "lo");
}

static void route6(struct stack *s, struct page *p)
{
	size_t n;
	const struct route **all = routes_sorted(s, false, &n);
	for (int local = 0; local <= 1; local++)
		for (size_t i = 0; i < n; i++)
			if ((all[i]->table != RT_TABLE_MAIN) == local && page_takes(p)) route6_put(p, all[i]);
	free(all);
}

/* Nothing is cached of routes: the list that old programs ask for is empty, as on a Linux since 3.6. */
static void rt_cache(struct stack *s, struct page *p)
{
	(void)s;
	if (!page_takes(p)) return;
	proc_line(p, ROUTE_WIDTH, "Iface\tDestination\tGateway \tFlags\t\tRefCnt\tUse\tMetric\tSource\t\tMTU\tWindow\tIRTT\t"
		  "TOS\tHHRef\tHHUptod\tSpecDst");
}

const struct proc_file proc_route_files[] = {{"route", route4}, {"ipv6_route", route6}, {"rt_cache", rt_cache}, {NULL, NULL}};
