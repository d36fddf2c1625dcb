/* RTM_GETRULE: routing policy. What changes it is rule_set.c. */
#include <errno.h>
#include <linux/fib_rules.h>
#include "stack/core/rule.h"
#include "stack/netlink/private.h"

static const struct rule *of(const void *o) { return o; }

static void put_table(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, of(o)->table); }
static void put_suppress(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, (uint32_t)of(o)->least_plen); }
static void put_protocol(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u8(w, type, of(o)->protocol); }
static void put_iif(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->iif[0]) nl_put_text(w, type, of(o)->iif); }
static void put_oif(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->oif[0]) nl_put_text(w, type, of(o)->oif); }
static void put_priority(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->priority) nl_put_u32(w, type, of(o)->priority); }
static void put_mark(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->mark) nl_put_u32(w, type, of(o)->mark); }
static void put_mask(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->mark || of(o)->mask) nl_put_u32(w, type, of(o)->mask); }
static void put_target(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->action == FR_ACT_GOTO) nl_put_u32(w, type, of(o)->target); }
static void put_ip_proto(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->ip_proto) nl_put_u8(w, type, of(o)->ip_proto); }
static void put_dst(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->dst_plen) nl_put_addr(w, type, &of(o)->dst); }
static void put_src(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->src_plen) nl_put_addr(w, type, &of(o)->src); }

static void put_uids(struct nl_writer *w, uint16_t type, const void *o)
{
	struct fib_rule_uid_range range = {of(o)->uid_low, of(o)->uid_high};

	if (of(o)->has_uid) nl_put(w, type, &range, sizeof range);
}

static void put_ports(struct nl_writer *w, uint16_t type, uint16_t low, uint16_t high)
{
	struct fib_rule_port_range range = {low, high};

	if (low) nl_put(w, type, &range, sizeof range);
}

static void put_sport(struct nl_writer *w, uint16_t type, const void *o) { put_ports(w, type, of(o)->sport.low, of(o)->sport.high); }
static void put_dport(struct nl_writer *w, uint16_t type, const void *o) { put_ports(w, type, of(o)->dport.low, of(o)->dport.high); }

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(FRA_TABLE, put_table),
	ROW(FRA_SUPPRESS_PREFIXLEN, put_suppress),
	ROW(FRA_PROTOCOL, put_protocol),
	ROW(FRA_IIFNAME, put_iif),
	ROW(FRA_OIFNAME, put_oif),
	ROW(FRA_PRIORITY, put_priority),
	ROW(FRA_FWMARK, put_mark),
	ROW(FRA_FWMASK, put_mask),
	ROW(FRA_GOTO, put_target),
	ROW(FRA_UID_RANGE, put_uids),
	ROW(FRA_SPORT_RANGE, put_sport),
	ROW(FRA_DPORT_RANGE, put_dport),
	ROW(FRA_IP_PROTO, put_ip_proto),
	ROW(FRA_DST, put_dst),
	ROW(FRA_SRC, put_src),
	{.text = NULL},
};

static bool is_there(const struct stack *s, const char *name) { return netif_by_name(s, name); }

static uint32_t flags_of(const struct stack *s, const struct rule *r)
{
	uint32_t flags = r->invert ? FIB_RULE_INVERT : 0;

	if (r->action == FR_ACT_GOTO && !rule_goto_is_resolved(s, r)) flags |= FIB_RULE_UNRESOLVED;
	if (r->iif[0] && !is_there(s, r->iif)) flags |= FIB_RULE_IIF_DETACHED;
	if (r->oif[0] && !is_there(s, r->oif)) flags |= FIB_RULE_OIF_DETACHED;
	return flags;
}

void nl_write_rule(struct nl_writer *w, const struct rule *r, uint16_t type)
{
	struct fib_rule_hdr h = {.family = r->v4 ? AF_INET : AF_INET6, .table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_COMPAT, .action = r->action,
				 .tos = r->tos, .src_len = r->src_plen, .dst_len = r->dst_plen, .flags = flags_of(nl_stack(w), r)};

	nl_begin(w, type, &h, sizeof h);
	nl_put_rows(w, rows, r);
	nl_end(w);
}

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	static const struct fib_rule_hdr free_fields = {.family = 0xff};
	static const struct nl_form form = {
		sizeof free_fields, &free_fields, .bad_header = "Invalid header for fib rule dump request",
		.bad_value = "Invalid values in header for fib rule dump request",
		.bad_attribute = "Invalid data after header in fib rule dump request",
	};
	struct fib_rule_hdr want;
	int err = nl_form_read(w, q, &form, &want, NULL);

	if (err < 0) return err;
	if (want.family && want.family != AF_INET && want.family != AF_INET6) return -EAFNOSUPPORT;
	list_each(const struct rule, r, rule_list(nl_stack(w)), node)
		if (nl_family_wanted(want.family, r->v4 ? AF_INET : AF_INET6)) nl_write_rule(w, r, RTM_NEWRULE);
	return 0;
}

const struct nl_kind nl_rule = {RTM_GETRULE, dump, NULL, nl_rule_make, nl_rule_del, NULL, 0, END_WITHIN};
