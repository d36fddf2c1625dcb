/* Routing policy: rule.h. A virtual host has a handful of rules: a lookup walks them. */
#include "stack/core/rule.h"
#include <errno.h>
#include <linux/fib_rules.h>
#include <stdlib.h>
#include "stack/netlink/notify.h"

#define RULES_MAX 1024            /* memory of ours that a program may take: Linux sets no bound */

struct rules { struct list rules; uint32_t count, with_ports; };

int rules_new(struct stack *s)
{
	static const struct { bool v4; uint32_t priority, table; } first[] = {
		{true, 0, RT_TABLE_LOCAL}, {true, 32766, RT_TABLE_MAIN}, {true, 32767, RT_TABLE_DEFAULT},
		{false, 0, RT_TABLE_LOCAL}, {false, 32766, RT_TABLE_MAIN},
	};

	s->rules = calloc(1, sizeof *s->rules);
	if (!s->rules) return -ENOMEM;
	list_init(&s->rules->rules);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		struct rule *r = calloc(1, sizeof *r);
		if (!r) return -ENOMEM;
		r->v4 = first[i].v4;
		r->priority = first[i].priority;
		r->table = first[i].table;
		r->action = FR_ACT_TO_TBL;
		r->protocol = RTPROT_KERNEL;
		r->least_plen = -1;
		list_append(&s->rules->rules, &r->node);
		s->rules->count++;
	}
	return 0;
}

void rules_free(struct stack *s)
{
	while (!list_empty(&s->rules->rules))
		free(list_entry(list_pop(&s->rules->rules), struct rule, node));
	free(s->rules);
	s->rules = NULL;
}

const struct list *rule_list(const struct stack *s) { return &s->rules->rules; }

static bool minds_ports(const struct rule *r) { return r->sport.low || r->dport.low; }

bool rules_mind_ports(const struct stack *s) { return s->rules->with_ports > 0; }

/* ---- changes ---- */

/* As Linux: the number before that of the family's second rule. */
uint32_t rule_default_priority(const struct stack *s, bool v4)
{
	bool first = true;

	list_each(const struct rule, r, &s->rules->rules, node) {
		if (r->v4 != v4) continue;
		if (!first) return r->priority ? r->priority - 1 : 0;
		first = false;
	}
	return 0;
}

int rule_add(struct stack *s, const struct rule *want)
{
	struct list *at = &s->rules->rules;
	struct rule *r;

	if (s->rules->count >= RULES_MAX) return -ENOSPC;
	r = malloc(sizeof *r);
	if (!r) return -ENOMEM;
	*r = *want;
	list_each(struct rule, have, &s->rules->rules, node) {
		if (have->v4 < r->v4 || (have->v4 == r->v4 && have->priority > r->priority)) {
			at = &have->node;
			break;
		}
	}
	list_insert_before(at, &r->node);
	s->rules->count++;
	s->rules->with_ports += minds_ports(r);
	netlink_tell_rule(s, r, false);
	return 0;
}

void rule_remove(struct stack *s, struct rule *r)
{
	list_remove(&r->node);
	s->rules->count--;
	s->rules->with_ports -= minds_ports(r);
	netlink_tell_rule(s, r, true);
	free(r);
}

static const struct rule *numbered(const struct stack *s, bool v4, uint32_t priority)
{
	list_each(const struct rule, r, &s->rules->rules, node)
		if (r->v4 == v4 && r->priority == priority) return r;
	return NULL;
}

bool rule_goto_is_resolved(const struct stack *s, const struct rule *r) { return numbered(s, r->v4, r->target); }

/* ---- matching ---- */

static bool name_fits(const char *name, const struct netif *nif) { return !name[0] || (nif && strcmp(name, nif->name) == 0); }

/* What the host sends itself comes in, for a rule, by loopback. */
static bool iif_fits(const struct rule *r, const struct route_flow *f)
{
	return f->iif ? name_fits(r->iif, f->iif) : !r->iif[0] || strcmp(r->iif, "lo") == 0;
}

static bool port_fits(uint16_t low, uint16_t high, uint16_t port) { return !low || (low <= port && port <= high); }

static bool fits(const struct rule *r, const struct route_flow *f)
{
	if (!iif_fits(r, f) || !name_fits(r->oif, f->oif)) return false;
	if ((r->mark ^ f->mark) & r->mask) return false;
	if (r->has_uid && (f->uid < r->uid_low || f->uid > r->uid_high)) return false;
	if (r->src_plen && (addr_is_v4(&f->src) != r->v4 || !addr_in_prefix(&f->src, &r->src, r->src_plen))) return false;
	if (r->dst_plen && !addr_in_prefix(&f->dst, &r->dst, r->dst_plen)) return false;
	if (r->tos && r->tos != (f->tos & 0xfc)) return false;
	if (r->ip_proto && r->ip_proto != f->proto) return false;
	return port_fits(r->sport.low, r->sport.high, f->sport) && port_fits(r->dport.low, r->dport.high, f->dport);
}

static int refusal(uint8_t action)
{
	switch (action) {
	case FR_ACT_PROHIBIT: return -EACCES;
	case FR_ACT_UNREACHABLE: return -ENETUNREACH;
	default: return -EINVAL;      /* FR_ACT_BLACKHOLE, and what means nothing */
	}
}

/* A route that throws the flow back (RTN_THROW) has the next rule asked. */
static const struct route *look_up(const struct stack *s, const struct rule *r, const struct route_flow *f)
{
	const struct route *found = route_table_find(s, r->table, f, r->least_plen);

	return found && found->type != RTN_THROW ? found : NULL;
}

int rules_find(const struct stack *s, const struct route_flow *f, const struct route **ret)
{
	bool v4 = addr_is_v4(&f->dst);
	uint32_t from = 0;        /* rules of lower numbers were jumped over */

	list_each(const struct rule, r, &s->rules->rules, node) {
		if (r->v4 != v4 || r->priority < from || fits(r, f) == r->invert) continue;
		if (r->action == FR_ACT_TO_TBL) {
			*ret = look_up(s, r, f);
			if (*ret) return 0;
		} else if (r->action == FR_ACT_GOTO) {
			if (rule_goto_is_resolved(s, r)) from = r->target;
		} else if (r->action != FR_ACT_NOP) {
			return refusal(r->action);
		}
	}
	return -ENETUNREACH;
}
