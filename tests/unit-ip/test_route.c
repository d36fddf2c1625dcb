/* Routes and source addresses: Linux's answers. */
#include "lab.h"
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

static int look(struct lab *l, const char *dst, const char *src, struct netif *oif, struct route_hop *hop)
{
	struct addr d = lab_addr(dst), s = src ? lab_addr(src) : d;

	return route_lookup(l->s, &d, src ? &s : NULL, oif, hop);
}

static void goes(struct lab *l, const char *dst, const struct netif *by, const char *nexthop, const char *src)
{
	struct route_hop hop;
	struct addr n = lab_addr(nexthop), s = lab_addr(src);
	char got[ADDR_TEXT_MAX];

	assert_int_equal(look(l, dst, NULL, NULL, &hop), 0);
	assert_ptr_equal(hop.netif, by);
	assert_string_equal(addr_text(got, &hop.nexthop), addr_text((char[ADDR_TEXT_MAX]){0}, &n));
	assert_string_equal(addr_text(got, &hop.src), addr_text((char[ADDR_TEXT_MAX]){0}, &s));
}

static int add(struct lab *l, const char *prefix, const char *gateway, struct netif *nif, uint32_t metric)
{
	struct route r = {.netif = nif, .metric = metric};
	unsigned plen;

	assert_int_equal(addr_parse_prefix(&r.dst, &plen, prefix), 0);
	r.plen = (uint8_t)plen;
	if (gateway) r.has_gateway = true, r.gateway = lab_addr(gateway);
	return route_add(l->s, &r, NULL);
}

/* RFC 1122 (1122-33, 1122-34, 1122-38). */
static void longest_prefix_then_metric_then_first(void **state)
{
	struct lab *l = *state;
	struct route_hop hop;

	assert_int_equal(look(l, "192.0.2.1", NULL, NULL, &hop), -ENETUNREACH);
	assert_int_equal(add(l, "0.0.0.0/0", "10.0.0.254", NULL, 0), 0);
	assert_int_equal(add(l, "192.0.2.0/24", "10.0.1.254", NULL, 50), 0);
	assert_int_equal(add(l, "192.0.2.0/24", "10.0.0.253", NULL, 20), 0);
	assert_int_equal(add(l, "192.0.2.0/24", "10.0.0.252", NULL, 20), -EEXIST);
	assert_int_equal(add(l, "192.0.2.128/25", "10.0.1.253", NULL, 900), 0);
	goes(l, "198.51.100.1", l->eth0, "10.0.0.254", "10.0.0.1");
	goes(l, "192.0.2.1", l->eth0, "10.0.0.253", "10.0.0.1");
	goes(l, "192.0.2.200", l->eth1, "10.0.1.253", "10.0.1.1");
	goes(l, "10.0.1.77", l->eth1, "10.0.1.77", "10.0.1.1");
	assert_int_equal(look(l, "192.0.2.1", NULL, l->eth1, &hop), 0);
	assert_int_equal(hop.route->metric, 50);
	assert_int_equal(add(l, "2001:db8:f::/48", "2001:db8::fe", NULL, 0), 0);
	goes(l, "2001:db8:f::1", l->eth0, "2001:db8::fe", "2001:db8::1");
	assert_int_equal(add(l, "::/0", "fe80::fe", l->eth1, 0), 0);
	goes(l, "2001:db9::1", l->eth1, "fe80::fe", "2001:db8:1::1");
	assert_int_equal(look(l, "2001:db9::1", NULL, NULL, &hop), 0);
	assert_int_equal(hop.route->metric, 1024);
}

static void routes_that_linux_refuses(void **state)
{
	struct lab *l = *state;
	struct route missing = {.dst = lab_addr("192.0.2.0"), .plen = 24};

	assert_int_equal(add(l, "192.0.2.0/24", "203.0.113.1", NULL, 0), -ENETUNREACH);
	assert_int_equal(add(l, "192.0.2.0/24", "10.0.0.255", NULL, 0), -EINVAL);            /* everybody */
	assert_int_equal(add(l, "192.0.2.0/24", "2001:db8::2", NULL, 0), -EINVAL);
	assert_int_equal(add(l, "192.0.2.1/24", "10.0.0.2", NULL, 0), -EINVAL);              /* bits behind the prefix */
	assert_int_equal(add(l, "192.0.2.0/24", NULL, NULL, 0), -ENODEV);
	assert_int_equal(add(l, "::/0", "fe80::1", NULL, 0), -EINVAL);                       /* on which link? */
	assert_int_equal(route_del(l->s, &missing), -ESRCH);
	assert_int_equal(add(l, "192.0.2.0/24", NULL, l->eth0, 0), 0);
	assert_int_equal(route_del(l->s, &missing), 0);
}

static void own_addresses_are_reached_through_lo(void **state)
{
	struct lab *l = *state;
	struct route_hop hop;

	goes(l, "10.0.0.1", l->lo, "10.0.0.1", "10.0.0.1");
	goes(l, "2001:db8:1::1", l->lo, "2001:db8:1::1", "2001:db8:1::1");
	goes(l, "127.0.0.1", l->lo, "127.0.0.1", "127.0.0.1");
	goes(l, "127.9.9.9", l->lo, "127.9.9.9", "127.0.0.1");
	goes(l, "::1", l->lo, "::1", "::1");
	assert_int_equal(look(l, "10.0.0.1", "10.0.1.1", NULL, &hop), 0);
	assert_true(hop.local);
	assert_int_equal(hop.mtu_bytes, 65536);
	assert_int_equal(look(l, "fe80::ff:fe00:1", NULL, l->eth0, &hop), 0);
	assert_ptr_equal(hop.netif, l->lo);
}

/* RFC 6724 (6724-7). */
static void broadcast_and_groups(void **state)
{
	struct lab *l = *state;
	struct route_hop hop;

	assert_int_equal(look(l, "10.0.0.255", NULL, NULL, &hop), 0);
	assert_true(hop.broadcast);
	assert_ptr_equal(hop.netif, l->eth0);
	assert_int_equal(look(l, "255.255.255.255", NULL, NULL, &hop), -ENETUNREACH);
	assert_int_equal(look(l, "255.255.255.255", NULL, l->eth1, &hop), 0);
	assert_true(hop.broadcast);
	assert_int_equal(look(l, "255.255.255.255", "10.0.1.1", NULL, &hop), 0);    /* the source names the interface */
	assert_ptr_equal(hop.netif, l->eth1);
	assert_int_equal(look(l, "239.1.1.1", NULL, NULL, &hop), -ENETUNREACH);
	assert_int_equal(look(l, "239.1.1.1", NULL, l->eth1, &hop), 0);
	assert_int_equal(look(l, "ff02::1", NULL, l->eth1, &hop), 0);
	assert_true(addr_is_linklocal(&hop.src));
	assert_ptr_equal(hop.netif, l->eth1);
	assert_int_equal(add(l, "0.0.0.0/0", "10.0.0.254", NULL, 0), 0);
	goes(l, "239.1.1.1", l->eth0, "239.1.1.1", "10.0.0.1");
	assert_int_equal(look(l, "255.255.255.255", NULL, NULL, &hop), 0);
	assert_ptr_equal(hop.netif, l->eth0);
}

/* RFC 1122 (1122-5, 1122-6). */
static void sources_that_are_refused(void **state)
{
	struct lab *l = *state;
	struct route_hop hop;

	assert_int_equal(look(l, "10.0.0.2", "10.0.0.3", NULL, &hop), -ENETUNREACH);
	assert_int_equal(look(l, "10.0.0.2", "224.0.0.1", NULL, &hop), -EINVAL);
	assert_int_equal(look(l, "10.0.0.2", "127.0.0.1", NULL, &hop), -EINVAL);
	assert_int_equal(look(l, "2001:db8::9", "::1", NULL, &hop), 0);          /* whoever gets it drops it */
	assert_int_equal(look(l, "127.0.0.1", NULL, l->eth1, &hop), 0);              /* nobody answers to that ARP */
	assert_int_equal(look(l, "10.0.0.2", "2001:db8::1", NULL, &hop), -EINVAL);
	assert_int_equal(look(l, "10.0.0.2", "10.0.1.1", NULL, &hop), 0);            /* weak host */
	assert_int_equal(look(l, "0.0.0.0", NULL, NULL, &hop), -ENETUNREACH);
	/* A bound interface without route: taken to be on link, in IPv4. */
	assert_int_equal(look(l, "192.0.2.1", NULL, l->eth1, &hop), 0);
	assert_null(hop.route);
	assert_int_equal(look(l, "2001:db9::1", NULL, l->eth1, &hop), -ENETUNREACH);
}

/* RFC 6724 §5, rule by rule, and examples of its §10.1. RFC 6724 (6724-1, 6724-2, 6724-5, 6724-6). */
static void rfc6724(void **state)
{
	static const struct { const char *add[3]; const char *dst, *src; } cases[] = {
		{{"2001:db8:1:1::1", "fe80::1"}, "2001:db8:1:1::1", "2001:db8:1:1::1"},            /* rule 1 */
		{{"2001:db8:3::1", "fe80::1"}, "2001:db9:1::1", "2001:db8:3::1"},                  /* rule 2 */
		{{"2001:db8:3::1", "fe80::1"}, "fe80::5", "fe80::1"},
		{{"fec0::1", "fe80::1"}, "2001:db9:1::1", "fec0::1"},
		{{"2002:c633:6401::1", "2001:db8:1::1"}, "2002:c633:6401:1::1", "2002:c633:6401::1"}, /* rule 6 */
		{{"2001:db8:8000::1", "2001:db8:3ffe::1"}, "2001:db8:3fff::9", "2001:db8:3ffe::1"}, /* rule 8 */
		{{"fd00::1", "2001:db8:1::1"}, "2001:db9::1", "2001:db8:1::1"},
		{{"fd00::1", "2001:db8:1::1"}, "fd12::1", "fd00::1"},
	};
	struct lab *l = *state;
	char got[ADDR_TEXT_MAX], want[ADDR_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const struct mac mac = {{2, 0, 0, 0, 7, 7}};
		struct netif *nif;
		struct addr dst = lab_addr(cases[i].dst), src, right = lab_addr(cases[i].src);
		while (!list_empty(&l->s->netifs))
			netif_remove(list_first(&l->s->netifs, struct netif, node));
		assert_int_equal(netif_add(l->s, "x0", NETIF_RAW_IP, &mac, 1500, &nif), 0);
		for (int j = 0; j < 3 && cases[i].add[j]; j++) {
			struct addr a = lab_addr(cases[i].add[j]);
			assert_int_equal(netif_addr_add(nif, &a, 48), 0);
		}
		assert_true(source_select(l->s, nif, &dst, &src));
		assert_string_equal(addr_text(got, &src), addr_text(want, &right));
	}
}

/* RFC 6724 (6724-4). */
static void outgoing_interface_comes_first(void **state)
{
	struct lab *l = *state;
	struct addr dst = lab_addr("2001:db8:1:5::1"), src;
	char got[ADDR_TEXT_MAX];

	/* Rule 5 before rule 8: eth0's address shares less with the destination than eth1's. */
	assert_true(source_select(l->s, l->eth0, &dst, &src));
	assert_string_equal(addr_text(got, &src), "2001:db8::1");
}

/* RFC 6724 §5 (6724-3): rule 3 goes before the longest prefix. */
static void deprecated_sources_are_the_last(void **state)
{
	struct lab *l = *state;
	struct addr dst = lab_addr("2001:db8:0:77::9"), near = lab_addr("2001:db8:0:77::1"), src;
	char got[ADDR_TEXT_MAX];

	assert_int_equal(netif_addr_add_flags(l->eth0, &near, 64, 0), 0);
	assert_true(source_select(l->s, l->eth0, &dst, &src));
	assert_string_equal(addr_text(got, &src), "2001:db8:0:77::1");
	list_each(struct netif_addr, ia, &l->eth0->addrs, node)
		if (addr_eq(&ia->addr, &near)) ia->flags |= IFA_F_DEPRECATED;
	assert_true(source_select(l->s, l->eth0, &dst, &src));
	assert_string_equal(addr_text(got, &src), "2001:db8::1");
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(longest_prefix_then_metric_then_first), on_bench(routes_that_linux_refuses), on_bench(own_addresses_are_reached_through_lo),
		on_bench(broadcast_and_groups), on_bench(sources_that_are_refused), on_bench(rfc6724), on_bench(outgoing_interface_comes_first),
		on_bench(deprecated_sources_are_the_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
