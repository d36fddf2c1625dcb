/* RTM_NEWRULE and RTM_DELRULE: `ip rule add`, `del`. Read first: ip-rule(8). */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include "stack/core/rule.h"
#include "stack/netlink/private.h"

#define ECN_BITS 3

static const struct nl_policy policy[FRA_MAX + 1] = {
	[FRA_IIFNAME] = {NL_TEXT, IFNAMSIZ - 1}, [FRA_OIFNAME] = {NL_TEXT, IFNAMSIZ - 1}, [FRA_PRIORITY] = {NL_FIXED, 4}, [FRA_FWMARK] = {NL_FIXED, 4},
	[FRA_FWMASK] = {NL_FIXED, 4}, [FRA_TABLE] = {NL_FIXED, 4}, [FRA_SUPPRESS_PREFIXLEN] = {NL_FIXED, 4}, [FRA_GOTO] = {NL_FIXED, 4},
	[FRA_UID_RANGE] = {NL_FIXED, sizeof(struct fib_rule_uid_range)}, [FRA_PROTOCOL] = {NL_FIXED, 1}, [FRA_IP_PROTO] = {NL_FIXED, 1},
	[FRA_SPORT_RANGE] = {NL_FIXED, sizeof(struct fib_rule_port_range)}, [FRA_DPORT_RANGE] = {NL_FIXED, sizeof(struct fib_rule_port_range)},
	[FRA_SUPPRESS_IFGROUP] = {NL_FIXED, 4},
};

/* An address of len bits, which has to be there in full. */
static int read_prefix(const struct stack *s, const struct nl_attr *a, bool v4, uint8_t plen, struct addr *ret)
{
	if (plen > (v4 ? 32 : 128)) return netlink_refuse(s, -EINVAL, "Invalid prefix length");
	if (!plen) return 0;
	if (!a->at || a->len != (v4 ? 4U : 16U)) return -EINVAL;
	*ret = nl_addr(a, v4);
	return addr_is_v4(ret) == v4 ? 0 : -EINVAL;                /* a mapped one is IPv4's here */
}

static int read_ports(const struct stack *s, const struct nl_attr *a, uint16_t *ret_low, uint16_t *ret_high)
{
	struct fib_rule_port_range range;

	if (!a->at) return 0;
	memcpy(&range, a->at, sizeof range);
	if (!range.start || !range.end || range.end < range.start) return netlink_refuse(s, -EINVAL, "Invalid port range");
	*ret_low = range.start;
	*ret_high = range.end;
	return 0;
}

static int read_uids(const struct stack *s, const struct nl_attr *a, struct rule *r)
{
	struct fib_rule_uid_range range;

	if (!a->at) return 0;
	memcpy(&range, a->at, sizeof range);
	if (range.start == UINT32_MAX || range.end == UINT32_MAX || range.start > range.end) return netlink_refuse(s, -EINVAL, "Invalid uid range");
	r->has_uid = true;
	r->uid_low = range.start;
	r->uid_high = range.end;
	return 0;
}

static int read_jump(const struct stack *s, const struct nl_attr *a, struct rule *r)
{
	if (a->at && r->action != FR_ACT_GOTO) return netlink_refuse(s, -EINVAL, "Unexpected goto");
	if (r->action != FR_ACT_GOTO) return 0;
	if (!a->at) return netlink_refuse(s, -EINVAL, "Missing goto target for action goto");
	r->target = nl_u32(a);
	return r->target > r->priority ? 0 : netlink_refuse(s, -EINVAL, "Backward goto not supported");
}

static void read_marks(const struct nl_attr *tb, struct rule *r)
{
	if (tb[FRA_FWMARK].at) r->mark = nl_u32(&tb[FRA_FWMARK]);
	/* As Linux: a mark without a mask is meant whole. */
	if (r->mark) r->mask = UINT32_MAX;
	if (tb[FRA_FWMASK].at) r->mask = nl_u32(&tb[FRA_FWMASK]);
}

/* What both families of attributes say, without the checks of a new rule. */
static int rule_read(const struct stack *s, const struct nl_request *q, struct nl_attr *tb, struct rule *ret)
{
	struct fib_rule_hdr h;
	int err;

	nl_header(q, &h, sizeof h);
	if (q->len < sizeof h) return netlink_refuse(s, -EINVAL, "Invalid msg length");
	if (h.family != AF_INET && h.family != AF_INET6) return netlink_refuse(s, -EAFNOSUPPORT, "Rule family not supported");
	err = nl_parse(s, q, sizeof h, policy, FRA_MAX + 1, tb);
	if (err < 0) return err;
	*ret = (struct rule){.v4 = h.family == AF_INET, .table = h.table, .action = h.action, .tos = h.tos, .src_plen = h.src_len, .dst_plen = h.dst_len,
			     .invert = h.flags & FIB_RULE_INVERT, .least_plen = -1};
	if (tb[FRA_L3MDEV].at || tb[FRA_TUN_ID].at) return -EOPNOTSUPP;
	if (tb[FRA_SUPPRESS_IFGROUP].at && nl_u32(&tb[FRA_SUPPRESS_IFGROUP]) != UINT32_MAX) return -EOPNOTSUPP;
	err = read_prefix(s, &tb[FRA_SRC], ret->v4, h.src_len, &ret->src);
	if (err == 0) err = read_prefix(s, &tb[FRA_DST], ret->v4, h.dst_len, &ret->dst);
	if (err == 0) err = read_ports(s, &tb[FRA_SPORT_RANGE], &ret->sport.low, &ret->sport.high);
	if (err == 0) err = read_ports(s, &tb[FRA_DPORT_RANGE], &ret->dport.low, &ret->dport.high);
	if (err == 0) err = read_uids(s, &tb[FRA_UID_RANGE], ret);
	if (err < 0) return err;
	if (tb[FRA_IIFNAME].at) nl_text(&tb[FRA_IIFNAME], ret->iif, sizeof ret->iif);
	if (tb[FRA_OIFNAME].at) nl_text(&tb[FRA_OIFNAME], ret->oif, sizeof ret->oif);
	if (tb[FRA_PRIORITY].at) ret->priority = nl_u32(&tb[FRA_PRIORITY]);
	if (tb[FRA_TABLE].at) ret->table = nl_u32(&tb[FRA_TABLE]);
	if (tb[FRA_PROTOCOL].at) ret->protocol = nl_u8(&tb[FRA_PROTOCOL]);
	if (tb[FRA_IP_PROTO].at) ret->ip_proto = nl_u8(&tb[FRA_IP_PROTO]);
	if (tb[FRA_SUPPRESS_PREFIXLEN].at) ret->least_plen = (int)nl_u32(&tb[FRA_SUPPRESS_PREFIXLEN]);
	read_marks(tb, ret);
	return 0;
}

static bool prefixes_equal(const struct rule *a, const struct rule *b)
{
	if (a->src_plen != b->src_plen || a->dst_plen != b->dst_plen) return false;
	return (!a->src_plen || addr_eq(&a->src, &b->src)) && (!a->dst_plen || addr_eq(&a->dst, &b->dst));
}

static bool selectors_equal(const struct rule *a, const struct rule *b)
{
	return a->v4 == b->v4 && a->tos == b->tos && a->ip_proto == b->ip_proto && strcmp(a->iif, b->iif) == 0 && strcmp(a->oif, b->oif) == 0 &&
	       a->mark == b->mark && a->mask == b->mask && a->sport.low == b->sport.low && a->sport.high == b->sport.high && a->dport.low == b->dport.low &&
	       a->dport.high == b->dport.high && a->has_uid == b->has_uid && a->uid_low == b->uid_low && a->uid_high == b->uid_high && prefixes_equal(a, b);
}

static bool is_there(const struct stack *s, const struct rule *want)
{
	list_each(const struct rule, r, rule_list(s), node)
		if (r->action == want->action && r->table == want->table && r->priority == want->priority && r->invert == want->invert &&
		    r->least_plen == want->least_plen && r->protocol == want->protocol && selectors_equal(r, want))
			return true;
	return false;
}

int nl_rule_make(struct stack *s, const struct nl_request *q)
{
	struct nl_attr tb[FRA_MAX + 1];
	struct rule r;
	int err = rule_read(s, q, tb, &r);

	if (err == 0 && !tb[FRA_PRIORITY].at) r.priority = rule_default_priority(s, r.v4);
	if (err == 0) err = read_jump(s, &tb[FRA_GOTO], &r);
	if (err < 0) return err;
	if (r.tos & ECN_BITS) return netlink_refuse(s, -EINVAL, "Invalid dsfield (tos): ECN bits must be 0");
	if (r.action == FR_ACT_TO_TBL && !r.table && !r.v4) return netlink_refuse(s, -EINVAL, "Invalid table");
	if (r.action == FR_ACT_TO_TBL && !r.table) r.table = route_table_unused(s);
	if (r.action == FR_ACT_TO_TBL && !r.table) return -ENOBUFS;
	if (q->h.nlmsg_flags & NLM_F_EXCL && is_there(s, &r)) return -EEXIST;
	return rule_add(s, &r);
}

/* ---- taking away ---- */

/* What the request does not name fits any. */
static bool is_meant(const struct rule *r, const struct rule *want, const struct nl_attr *tb)
{
	if (r->v4 != want->v4 || r->invert != want->invert) return false;
	if (want->action && want->action != r->action) return false;
	if (want->table && want->table != r->table) return false;
	if (tb[FRA_PRIORITY].at && want->priority != r->priority) return false;
	if (tb[FRA_PROTOCOL].at && want->protocol && want->protocol != r->protocol) return false;
	if ((want->iif[0] && strcmp(want->iif, r->iif) != 0) || (want->oif[0] && strcmp(want->oif, r->oif) != 0)) return false;
	if ((want->mark && want->mark != r->mark) || (tb[FRA_FWMASK].at && want->mask != r->mask)) return false;
	if ((want->tos && want->tos != r->tos) || (want->ip_proto && want->ip_proto != r->ip_proto)) return false;
	if (want->sport.low && (want->sport.low != r->sport.low || want->sport.high != r->sport.high)) return false;
	if (want->dport.low && (want->dport.low != r->dport.low || want->dport.high != r->dport.high)) return false;
	if (want->has_uid && (!r->has_uid || want->uid_low != r->uid_low || want->uid_high != r->uid_high)) return false;
	if (want->src_plen && (r->src_plen != want->src_plen || !addr_eq(&r->src, &want->src))) return false;
	return !want->dst_plen || (r->dst_plen == want->dst_plen && addr_eq(&r->dst, &want->dst));
}

int nl_rule_del(struct stack *s, const struct nl_request *q)
{
	struct nl_attr tb[FRA_MAX + 1];
	struct rule want;
	int err = rule_read(s, q, tb, &want);

	if (err < 0) return err;
	list_each(struct rule, r, rule_list(s), node)
		if (is_meant(r, &want, tb)) {
			rule_remove(s, r);
			return 0;
		}
	return -ENOENT;
}
