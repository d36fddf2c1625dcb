/*
 * Routing policy: rules, in the order of their numbers, say of a flow which table is asked, or that it goes nowhere. Every host starts with Linux's:
 * 0 local, 32766 main, 32767 default (IPv4). Read first: ip-rule(8).
 */
#pragma once
#include "stack/core/route.h"

struct rule {
	struct list node;
	bool v4;
	uint32_t priority, table;
	uint8_t action;                      /* FR_ACT_* */
	uint8_t protocol, tos, ip_proto;
	bool invert;
	struct addr src, dst; uint8_t src_plen, dst_plen;
	char iif[16], oif[16];
	uint32_t mark, mask;
	struct { uint16_t low, high; } sport, dport;    /* 0: any */
	bool has_uid; uint32_t uid_low, uid_high;
	int least_plen;                      /* prefixes up to this length do not count; < 0: all do */
	uint32_t target;                     /* of FR_ACT_GOTO */
};

int rules_new(struct stack *s);
void rules_free(struct stack *s);
const struct list *rule_list(const struct stack *s);                          /* struct rule.node: both families, by number */
int rule_add(struct stack *s, const struct rule *r);                          /* copies it. -ENOMEM, -ENOSPC */
uint32_t rule_default_priority(const struct stack *s, bool v4);               /* of one that names no number */
void rule_remove(struct stack *s, struct rule *r);
bool rules_mind_ports(const struct stack *s);                                 /* is there one that asks about them? */
bool rule_goto_is_resolved(const struct stack *s, const struct rule *r);
/* The route that f takes by the rules: 0, or -ENETUNREACH, -EACCES, -EINVAL as they say. */
int rules_find(const struct stack *s, const struct route_flow *f, const struct route **ret);
