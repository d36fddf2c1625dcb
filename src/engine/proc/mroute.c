/* Multicast routing: ip_mr_vif, ip_mr_cache and IPv6's, of the default tables. */
#include "engine/proc/proc.h"
#include "stack/mroute/mroute.h"

static const struct mroute_table *table_of(const struct stack *s, bool v4) { return mroute_table_find(s, v4, v4 ? MROUTE_TABLE4 : MROUTE_TABLE6); }

static void vif(struct page *p, const struct mroute_table *t, unsigned number)
{
	const struct mroute_vif *v = &t->vifs[number];
	if (!v->netif || !page_takes(p)) return;
	text_add(p->t, "%2u %-10s %8llu %7llu  %8llu %7llu %05X", number, v->netif->name, (unsigned long long)v->octets_in, (unsigned long long)v->packets_in,
		 (unsigned long long)v->octets_out, (unsigned long long)v->packets_out, v->flags | (v->fixed ? MROUTE_FIXED : 0u));
	if (t->v4) text_add(p->t, " %08X %08X", v->local, v->remote);
	text_add(p->t, "\n");
}

static void vifs(struct stack *s, struct page *p, bool v4, const char *head)
{
	const struct mroute_table *t = table_of(s, v4);
	if (page_takes(p)) text_add(p->t, "%s\n", head);
	for (unsigned i = 0; i < t->n_vifs; i++) vif(p, t, i);
}

static void ip_mr_vif(struct stack *s, struct page *p) { vifs(s, p, true, "Interface      BytesIn  PktsIn  BytesOut PktsOut Flags Local    Remote"); }
static void ip6_mr_vif(struct stack *s, struct page *p) { vifs(s, p, false, "Interface      BytesIn  PktsIn  BytesOut PktsOut Flags"); }

/* Eight groups of digits, every one of them there. */
static void addr6(struct page *p, const struct addr *a)
{
	for (size_t i = 0; i < 16; i += 2) text_add(p->t, "%s%02x%02x", i ? ":" : "", a->b[i], a->b[i + 1]);
	text_add(p->t, " ");
}

static void entry(struct page *p, const struct mroute_table *t, const struct mroute_entry *e)
{
	if (!page_takes(p)) return;
	if (t->v4) {
		text_add(p->t, "%08X %08X ", proc_word(&e->group, 12), proc_word(&e->source, 12));
	} else {
		addr6(p, &e->group);
		addr6(p, &e->source);
	}
	text_add(p->t, "%-3d %8llu %8llu %8llu", (int16_t)e->parent, (unsigned long long)e->packets, (unsigned long long)e->octets,
		 (unsigned long long)e->wrong_vif);
	for (unsigned i = e->least; i < e->end; i++)
		if (t->vifs[i].netif && e->ttls[i] < MROUTE_NONE) text_add(p->t, " %2u:%-3d", i, e->ttls[i]);
	text_add(p->t, "\n");
}

static void entries(struct stack *s, struct page *p, bool v4, const char *head)
{
	const struct mroute_table *t = table_of(s, v4);
	if (page_takes(p)) text_add(p->t, "%s\n", head);
	list_each(const struct mroute_entry, e, &t->resolved, node) entry(p, t, e);
	list_each(const struct mroute_entry, e, &t->unresolved, node) entry(p, t, e);
}

static void ip_mr_cache(struct stack *s, struct page *p) { entries(s, p, true, "Group    Origin   Iif     Pkts    Bytes    Wrong Oifs"); }

static void ip6_mr_cache(struct stack *s, struct page *p)
{
	entries(s, p, false, "Group                            Origin                           Iif      Pkts  Bytes     Wrong  Oifs");
}

const struct proc_file proc_mroute_files[] = {
	{"ip_mr_vif", ip_mr_vif}, {"ip_mr_cache", ip_mr_cache}, {"ip6_mr_vif", ip6_mr_vif}, {"ip6_mr_cache", ip6_mr_cache}, {NULL, NULL},
};
