/* Rules, tables and routes of several ways. */
#include "lab.h"
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <net/if.h>
#include "stack/core/rule.h"

static void put(struct lab *l, const char *prefix, const char *gateway, uint32_t table, uint8_t type)
{
	struct route r = {.table = table, .type = type, .protocol = RTPROT_STATIC};
	unsigned plen;

	assert_int_equal(addr_parse_prefix(&r.dst, &plen, prefix), 0);
	r.plen = (uint8_t)plen;
	if (gateway) r.has_gateway = true, r.gateway = lab_addr(gateway);
	assert_int_equal(route_put(l->s, &r, NLM_F_CREATE | NLM_F_EXCL), 0);
}

static struct rule rule(uint32_t priority, uint32_t table)
{
	return (struct rule){.v4 = true, .priority = priority, .table = table, .action = FR_ACT_TO_TBL, .least_plen = -1};
}

static void add(struct lab *l, struct rule r) { assert_int_equal(rule_add(l->s, &r), 0); }

static struct route_flow flow(const char *dst) { return (struct route_flow){.dst = lab_addr(dst), .src = addr_any4}; }

static void goes(struct lab *l, const struct route_flow *f, const char *nexthop)
{
	struct addr want = lab_addr(nexthop);
	struct route_hop hop;

	assert_int_equal(route_find(l->s, f, &hop), 0);
	assert_true(addr_eq(&hop.nexthop, &want));
}

static int refused(struct lab *l, const struct route_flow *f)
{
	struct route_hop hop;

	return route_find(l->s, f, &hop);
}

static void each_selector_counts(void **state)
{
	struct lab *l = *state;
	struct route_flow f = flow("192.0.2.1");
	struct rule r = rule(10, 9);

	put(l, "0.0.0.0/0", "10.0.0.2", RT_TABLE_MAIN, RTN_UNICAST);
	put(l, "0.0.0.0/0", "10.0.0.3", 9, RTN_UNICAST);
	r.mark = 3, r.mask = 0xf;
	add(l, r);
	r = rule(11, 9);
	r.ip_proto = IPPROTO_UDP, r.dport.low = 53, r.dport.high = 60;
	add(l, r);
	r = rule(12, 9);
	r.has_uid = true, r.uid_low = 5, r.uid_high = 7;
	add(l, r);
	r = rule(13, 9);
	r.tos = 0x10;
	add(l, r);
	r = rule(14, 9);
	strcpy(r.iif, "eth1");
	add(l, r);
	goes(l, &f, "10.0.0.2");
	f.mark = 0x13;
	goes(l, &f, "10.0.0.3");
	f = flow("192.0.2.1"), f.proto = IPPROTO_UDP, f.dport = 60;
	goes(l, &f, "10.0.0.3");
	f.dport = 61;
	goes(l, &f, "10.0.0.2");
	f = flow("192.0.2.1"), f.uid = 7;
	goes(l, &f, "10.0.0.3");
	f = flow("192.0.2.1"), f.tos = 0x11;
	goes(l, &f, "10.0.0.3");
	f = flow("192.0.2.1"), f.iif = l->eth1;
	goes(l, &f, "10.0.0.3");
	f.iif = l->eth0;
	goes(l, &f, "10.0.0.2");
}

static void actions(void **state)
{
	struct lab *l = *state;
	struct route_flow f = flow("192.0.2.1");
	struct rule r = rule(10, 0);

	put(l, "0.0.0.0/0", "10.0.0.2", RT_TABLE_MAIN, RTN_UNICAST);
	put(l, "192.0.2.0/24", NULL, 9, RTN_THROW);
	put(l, "0.0.0.0/0", "10.0.0.3", 9, RTN_UNICAST);
	r.mark = 1, r.mask = UINT32_MAX, r.action = FR_ACT_PROHIBIT;
	add(l, r);
	r.mark = 2, r.action = FR_ACT_BLACKHOLE;
	add(l, r);
	r.mark = 3, r.action = FR_ACT_UNREACHABLE;
	add(l, r);
	r.mark = 4, r.action = FR_ACT_GOTO, r.target = 40;
	add(l, r);
	add(l, rule(20, 9));
	r = rule(40, 9), r.least_plen = 0, r.mark = 5, r.mask = UINT32_MAX;
	add(l, r);
	f.mark = 1;
	assert_int_equal(refused(l, &f), -EACCES);
	f.mark = 2;
	assert_int_equal(refused(l, &f), -EINVAL);
	f.mark = 3;
	assert_int_equal(refused(l, &f), -ENETUNREACH);
	f = flow("192.0.2.1");                       /* thrown back */
	goes(l, &f, "10.0.0.2");
	f = flow("198.51.100.1");
	goes(l, &f, "10.0.0.3");
	f.mark = 4;                                  /* past the rule that asks table 9 */
	goes(l, &f, "10.0.0.2");
}

static void suppressed_prefixes_do_not_count(void **state)
{
	struct lab *l = *state;
	struct route_flow f = flow("192.0.2.1");
	struct rule r = rule(10, RT_TABLE_MAIN);

	put(l, "0.0.0.0/0", "10.0.0.2", RT_TABLE_MAIN, RTN_UNICAST);
	put(l, "0.0.0.0/0", "10.0.0.3", 9, RTN_UNICAST);
	r.least_plen = 0;
	add(l, r);
	add(l, rule(11, 9));
	goes(l, &f, "10.0.0.3");
	f = flow("10.0.0.77");
	goes(l, &f, "10.0.0.77");
}

static struct route two_ways(struct lab *l, struct route_way ways[2])
{
	ways[0] = (struct route_way){.has_gateway = true, .gateway = lab_addr("10.0.0.2"), .weight = 1};
	ways[1] = (struct route_way){.has_gateway = true, .gateway = lab_addr("10.0.1.2"), .weight = 3};
	(void)l;
	return (struct route){.dst = lab_addr("192.0.2.0"), .plen = 24, .table = RT_TABLE_MAIN, .type = RTN_UNICAST, .protocol = RTPROT_STATIC,
			      .ways = ways, .n_ways = 2};
}

/* How many of 4000 flows go by eth0. The hash's key is the lab's own, so that it is the same each time. */
static unsigned by_eth0(struct lab *l)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < 4000; i++) {
		struct route_flow f = {.dst = lab_addr("192.0.2.1"), .src = addr_any4};
		struct route_hop hop, again;
		f.dst.b[15] = (uint8_t)i;
		f.iif = l->lo;
		f.src = addr_v4(0x0b000000 + i);
		assert_int_equal(route_find(l->s, &f, &hop), 0);
		assert_int_equal(route_find(l->s, &f, &again), 0);
		assert_ptr_equal(hop.netif, again.netif);
		n += hop.netif == l->eth0;
	}
	return n;
}

static void ways_have_parts_of_their_weight(void **state)
{
	struct lab *l = *state;
	struct route_way ways[2];
	struct route r = two_ways(l, ways);

	assert_int_equal(route_put(l->s, &r, NLM_F_CREATE | NLM_F_EXCL), 0);
	assert_in_range(by_eth0(l), 900, 1100);
	netif_set_flags(l->eth1, l->eth1->flags & (uint32_t)~IFF_UP);
	assert_int_equal(by_eth0(l), 4000);
	netif_set_flags(l->eth1, l->eth1->flags | IFF_UP);
	assert_in_range(by_eth0(l), 900, 1100);
	netif_remove(l->eth1);
	assert_int_equal(by_eth0(l), 4000);
}

/* What a host sends itself keeps to the way that its source belongs to. */
static void a_source_keeps_to_its_way(void **state)
{
	struct lab *l = *state;
	struct route_way ways[2];
	struct route r = two_ways(l, ways);

	assert_int_equal(route_put(l->s, &r, NLM_F_CREATE | NLM_F_EXCL), 0);
	for (unsigned i = 0; i < 64; i++) {
		struct route_flow f = flow("192.0.2.1");
		struct route_hop first, then;
		f.dst.b[15] = (uint8_t)i;
		assert_int_equal(route_find(l->s, &f, &first), 0);
		f.src = first.src;
		assert_int_equal(route_find(l->s, &f, &then), 0);
		assert_ptr_equal(first.netif, then.netif);
	}
}

static void replaced_and_appended(void **state)
{
	struct lab *l = *state;
	struct route r = {.dst = lab_addr("192.0.2.0"), .plen = 24, .has_gateway = true, .gateway = lab_addr("10.0.0.2"), .type = RTN_UNICAST,
			  .table = RT_TABLE_MAIN, .protocol = RTPROT_STATIC};
	struct route_flow f = flow("192.0.2.1");

	assert_int_equal(route_put(l->s, &r, NLM_F_REPLACE), -ENOENT);
	assert_int_equal(route_put(l->s, &r, NLM_F_CREATE | NLM_F_EXCL), 0);
	assert_int_equal(route_put(l->s, &r, NLM_F_CREATE), -EEXIST);
	r.gateway = lab_addr("10.0.0.3");
	assert_int_equal(route_put(l->s, &r, NLM_F_CREATE | NLM_F_EXCL), -EEXIST);
	assert_int_equal(route_put(l->s, &r, NLM_F_CREATE | NLM_F_APPEND), 0);
	goes(l, &f, "10.0.0.2");
	r.gateway = lab_addr("10.0.0.4");
	assert_int_equal(route_put(l->s, &r, NLM_F_CREATE), 0);
	goes(l, &f, "10.0.0.4");
	r.gateway = lab_addr("10.0.0.5");
	assert_int_equal(route_put(l->s, &r, NLM_F_REPLACE), 0);
	goes(l, &f, "10.0.0.5");
}

/* A table goes with its last route, and there are only so many; of addresses, too. */
static void so_much_of_each(void **state)
{
	struct lab *l = *state;
	struct route r = {.dst = lab_addr("10.9.0.0"), .plen = 16, .type = RTN_BLACKHOLE, .protocol = RTPROT_STATIC};
	int err = 0;

	for (r.table = 1000; r.table < 4000; r.table++) {
		assert_int_equal(route_put(l->s, &r, NLM_F_CREATE), 0);
		assert_int_equal(route_del(l->s, &r), 0);
	}
	for (r.table = 1000; err == 0 && r.table < 4000; r.table++) err = route_put(l->s, &r, NLM_F_CREATE);
	assert_int_equal(err, -ENOBUFS);
	assert_in_range(r.table, 1000 + TABLES_MAX - 10, 1000 + TABLES_MAX + 1);
	err = 0;
	for (uint32_t i = 0; err == 0 && i < 10000; i++) {
		struct addr a = addr_v4_octets((uint8_t[]){10, 77, (uint8_t)(i >> 8), (uint8_t)i});
		if (!addr_is_any(&a)) err = netif_addr_add(l->eth0, &a, 32);
	}
	assert_int_equal(err, -ENOBUFS);
	assert_in_range(l->s->n_addrs, 4000, 4096);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(each_selector_counts), on_bench(actions), on_bench(suppressed_prefixes_do_not_count), on_bench(ways_have_parts_of_their_weight),
		on_bench(a_source_keeps_to_its_way), on_bench(replaced_and_appended), on_bench(so_much_of_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
