/* RTM_GETRULE: routing policy. There are the rules that every Linux starts with, and no others. */
#include <linux/fib_rules.h>
#include "stack/netlink/private.h"

struct rule { uint8_t family; uint32_t priority; uint8_t table; };

static const struct rule rules[] = {
	{AF_INET, 0, RT_TABLE_LOCAL},
	{AF_INET, 32766, RT_TABLE_MAIN},
	{AF_INET, 32767, RT_TABLE_DEFAULT},
	{AF_INET6, 0, RT_TABLE_LOCAL},
	{AF_INET6, 32766, RT_TABLE_MAIN},
};

static const struct rule *of(const void *o) { return o; }

static void put_table(struct nl_writer *w, uint16_t type, const void *o) { nl_put_u32(w, type, of(o)->table); }
static void put_suppress(struct nl_writer *w, uint16_t type, const void *o) { (void)o; nl_put_u32(w, type, UINT32_MAX); }
static void put_priority(struct nl_writer *w, uint16_t type, const void *o) { if (of(o)->priority) nl_put_u32(w, type, of(o)->priority); }
static void put_protocol(struct nl_writer *w, uint16_t type, const void *o) { (void)o; nl_put_u8(w, type, RTPROT_KERNEL); }

#define ROW(type, put) {type, #type, put}
static const struct nl_row rows[] = {
	ROW(FRA_TABLE, put_table),
	ROW(FRA_SUPPRESS_PREFIXLEN, put_suppress),
	ROW(FRA_PROTOCOL, put_protocol),
	ROW(FRA_PRIORITY, put_priority),
	{.text = NULL},
};

static int dump(struct nl_writer *w, const struct nl_request *q)
{
	struct fib_rule_hdr want;

	nl_header(q, &want, sizeof want);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct fib_rule_hdr h = {.family = rules[i].family, .table = rules[i].table, .action = FR_ACT_TO_TBL};
		if (!nl_family_wanted(want.family, h.family)) continue;
		nl_begin(w, RTM_NEWRULE, &h, sizeof h);
		nl_put_rows(w, rows, &rules[i]);
		nl_end(w);
	}
	return 0;
}

const struct nl_kind nl_rule = {RTM_GETRULE, dump, NULL};
