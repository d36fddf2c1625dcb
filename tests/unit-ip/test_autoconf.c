/* What an IPv6 interface makes of itself: addresses looked for before they are used, addresses and routes from routers, and advertisements of our own. */
#include <linux/if_addr.h>
#include <net/if.h>
#include "lab.h"

#define ROUTER "fe80::2"
#define HOPS 255

static void add_tentative(struct lab *l, const char *text)
{
	struct addr a = lab_addr(text);

	assert_int_equal(netif_addr_add_flags(l->eth0, &a, 64, IFA_F_TENTATIVE), 0);
}

static bool is_ours(struct lab *l, const char *text)
{
	struct addr a = lab_addr(text);

	return stack_is_local(l->s, &a);
}

static const struct netif_addr *address(struct lab *l, const char *text)
{
	struct addr a = lab_addr(text);

	list_each(const struct netif_addr, ia, &l->eth0->addrs, node)
		if (addr_eq(&ia->addr, &a)) return ia;
	return NULL;
}

static void nd_from(struct lab *l, const char *src, const char *dst, uint8_t type, const char *target)
{
	struct addr s = lab_addr(src), d = lab_addr(dst);
	struct nd_msg m = {.target = lab_addr(target), .has_lladdr = type == ICMP6_NA, .lladdr = mac_peer};
	uint8_t msg[32];
	size_t len = nd_emit(&m, type, msg, &s, &d);

	receives(l, .src = src, .dst = dst, .proto = IP_PROTO_ICMP6, .ttl = HOPS, .data = msg, .len = len);
}

/* ---- duplicate address detection ---- */

/* RFC 4862 (4862-1, 4862-2, 4862-3, 4862-4). */
static void an_address_is_looked_for_first(void **state)
{
	struct lab *l = *state;

	add_tentative(l, "2001:db8::77");
	assert_false(is_ours(l, "2001:db8::77"));
	lab_pass(l, NS_PER_S);
	sends(l, .by = l->eth0, .src = "::", .dst = "ff02::1:ff00:77", .icmp = {ICMP6_NS, 0}, .nd_target = "2001:db8::77", .ttl = HOPS);
	/* Asked for it by somebody with an address, who may not have it, we say nothing. */
	nd_from(l, "2001:db8::2", "ff02::1:ff00:77", ICMP6_NS, "2001:db8::77");
	sends_nothing(l);
	lab_pass(l, NS_PER_S);
	assert_true(is_ours(l, "2001:db8::77"));
	sends_nothing(l);
}

/* RFC 4862 (4862-6, 4862-7). */
static void an_answer_ends_it(void **state)
{
	struct lab *l = *state;

	add_tentative(l, "2001:db8::77");
	lab_pass(l, NS_PER_S);
	sends(l, .by = l->eth0, .icmp = {ICMP6_NS, 0});
	nd_from(l, "2001:db8::77", "ff02::1", ICMP6_NA, "2001:db8::77");
	lab_pass(l, 10 * NS_PER_S);
	assert_false(is_ours(l, "2001:db8::77"));
	assert_true(address(l, "2001:db8::77")->flags & IFA_F_DADFAILED);
	sends_nothing(l);
}

/* RFC 4862 §5.4.3: two that look for the same address at once both let it be. RFC 4862 (4862-5). */
static void a_rival_ends_it(void **state)
{
	struct lab *l = *state;

	add_tentative(l, "2001:db8::77");
	nd_from(l, "::", "ff02::1:ff00:77", ICMP6_NS, "2001:db8::77");
	lab_pass(l, 10 * NS_PER_S);
	assert_false(is_ours(l, "2001:db8::77"));
	sends_nothing(l);
}

/* ---- advertisements that come in ---- */

static struct nd_ra advertisement(uint32_t valid_s, uint32_t preferred_s)
{
	return (struct nd_ra){.hops = 64, .lifetime_s = 1800, .has_lladdr = true, .lladdr = mac_peer, .n_prefixes = 1,
			      .prefixes = {{.prefix = lab_addr("2001:db8:7::"), .plen = 64, .on_link = true, .autonomous = true, .valid_s = valid_s,
					    .preferred_s = preferred_s}}};
}

static void advertise(struct lab *l, const struct nd_ra *ra)
{
	struct addr src = lab_addr(ROUTER), dst = lab_addr("ff02::1");
	uint8_t msg[512];
	size_t len = nd_ra_emit(ra, msg, &src, &dst);

	receives(l, .src = ROUTER, .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .ttl = HOPS, .data = msg, .len = len);
}

#define MADE "2001:db8:7::ff:fe00:1"      /* the prefix, and eth0's 02:00:00:00:00:01 */

static int way(struct lab *l, const char *dst, struct route_hop *hop)
{
	struct addr a = lab_addr(dst);

	return route_lookup(l->s, &a, NULL, NULL, hop);
}

/* RFC 4861 (4861-26, 4861-27); RFC 4862 (4862-12). */
static void a_router_gives_address_and_way(void **state)
{
	struct lab *l = *state;
	struct nd_ra ra = advertisement(3600, 1800);
	struct addr router = lab_addr(ROUTER), made = lab_addr(MADE);
	struct route_hop hop;

	assert_true(way(l, "2001:4860::1", &hop) < 0);
	advertise(l, &ra);
	drops_nothing(l);
	assert_non_null(address(l, MADE));
	assert_false(is_ours(l, MADE));
	lab_pass(l, 2 * NS_PER_S);
	sends(l, .by = l->eth0, .src = "::", .nd_target = MADE, .icmp = {ICMP6_NS, 0});
	assert_true(is_ours(l, MADE));
	assert_int_equal(way(l, "2001:4860::1", &hop), 0);
	assert_true(addr_eq(&hop.nexthop, &router));
	assert_ptr_equal(hop.netif, l->eth0);
	assert_int_equal(way(l, "2001:db8:7::9", &hop), 0);
	assert_true(addr_eq(&hop.src, &made));
	assert_true(address(l, MADE)->preferred_until - l->s->now <= 1800 * NS_PER_S);
	/* It is not preferred any more, then it is not there any more; nor is the router, half an hour after its last word. */
	lab_pass(l, 1800 * NS_PER_S);
	assert_true(address(l, MADE)->flags & IFA_F_DEPRECATED);
	assert_true(way(l, "2001:4860::1", &hop) < 0);
	lab_pass(l, 1800 * NS_PER_S);
	assert_null(address(l, MADE));
	assert_true(way(l, "2001:db8:7::9", &hop) < 0);
}

/* RFC 4862 §5.5.3 (e): a forger can't end an address at once. RFC 4862 (4862-11). */
static void lifetimes_are_shortened_to_two_hours(void **state)
{
	struct lab *l = *state;
	struct nd_ra ra = advertisement(86400, 86400);

	advertise(l, &ra);
	lab_pass(l, 2 * NS_PER_S);
	sends(l, .by = l->eth0, .icmp = {ICMP6_NS, 0});
	ra = advertisement(1, 1);
	advertise(l, &ra);
	lab_pass(l, 7000 * NS_PER_S);
	assert_non_null(address(l, MADE));
	lab_pass(l, 300 * NS_PER_S);
	assert_null(address(l, MADE));
}

/* RFC 4861 (4861-26). */
static void a_router_says_goodbye(void **state)
{
	struct lab *l = *state;
	struct nd_ra ra = advertisement(3600, 1800);
	struct route_hop hop;

	advertise(l, &ra);
	assert_int_equal(way(l, "2001:4860::1", &hop), 0);
	ra.lifetime_s = 0;
	advertise(l, &ra);
	assert_true(way(l, "2001:4860::1", &hop) < 0);
}

/* RFC 4861 (4861-22, 4861-23); RFC 4862 (4862-8, 4862-9, 4862-10). */
static void what_is_no_advertisement(void **state)
{
	struct lab *l = *state;
	struct nd_ra ra = advertisement(3600, 1800);
	struct addr src = lab_addr("2001:db8::2"), dst = lab_addr("ff02::1"), ll = lab_addr(ROUTER);
	uint8_t msg[512];
	size_t len = nd_ra_emit(&ra, msg, &src, &dst);

	receives(l, .src = "2001:db8::2", .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .ttl = HOPS, .data = msg, .len = len);
	drops(l, DROP_ND_BAD);                  /* not link-local */
	len = nd_ra_emit(&ra, msg, &ll, &dst);
	receives(l, .src = ROUTER, .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .ttl = 254, .data = msg, .len = len);
	drops(l, DROP_ND_BAD);                  /* it was forwarded */
	msg[17] = 0;
	lab_icmp(msg, true, ICMP6_RA, 0, 0, ROUTER, "ff02::1", msg + 8, len - 8);
	receives(l, .src = ROUTER, .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .ttl = HOPS, .data = msg, .len = len);
	drops(l, DROP_ND_BAD);                  /* an option of length 0 */
	assert_null(address(l, MADE));
	/* Prefixes that can't be; a prefix that is not 64 long makes a route and no address. */
	ra.prefixes[0].preferred_s = 4000;
	advertise(l, &ra);
	ra = advertisement(3600, 1800);
	ra.prefixes[0].prefix = lab_addr("fe80::");
	advertise(l, &ra);
	ra = advertisement(3600, 1800);
	ra.prefixes[0].plen = 63;
	advertise(l, &ra);
	assert_null(address(l, MADE));
	/* Routers believe no other router, and a host can be told to believe none. */
	ra = advertisement(3600, 1800);
	sysctl_set_router(l->s->sysctl, true);
	advertise(l, &ra);
	sysctl_set_router(l->s->sysctl, false);
	l->eth0->conf.accept_ra = 0;
	advertise(l, &ra);
	assert_null(address(l, MADE));
	/* As Linux: what "all" says of that means nothing, and 2 is for routers, too. */
	l->s->sysctl->all.accept_ra = 0;
	l->eth0->conf.accept_ra = 2;
	l->eth0->conf.forwarding6 = 1;
	advertise(l, &ra);
	assert_non_null(address(l, MADE));
}

static void forgers_fill_no_memory(void **state)
{
	struct lab *l = *state;
	struct nd_ra ra = advertisement(0xffffffff, 0xffffffff);
	size_t n = 0;

	for (int i = 0; i < 200; i++) {
		ra.prefixes[0].prefix.b[4] = (uint8_t)i;
		advertise(l, &ra);
	}
	list_each(const struct netif_addr, ia, &l->eth0->addrs, node) n++;
	assert_true(n < 24);
	n = 0;
	list_each(const struct route, r, route_list(l->s), node) n++;
	assert_true(n < 100);
}

/* ---- our own ---- */

/* RFC 4861 (4861-24, 4861-25). */
static void a_router_advertises(void **state)
{
	struct lab *l = *state;
	uint8_t rs[8];
	struct packet *p;
	struct nd_ra ra;
	struct icmp_hdr h;

	sysctl_set_router(l->s->sysctl, true);
	l->s->sysctl->router_advertisements_s = 30;
	lab_icmp(rs, true, ICMP6_RS, 0, 0, "fe80::2", "ff02::2", NULL, 0);
	receives(l, .src = "fe80::2", .dst = "ff02::2", .proto = IP_PROTO_ICMP6, .ttl = HOPS, .data = rs, .len = sizeof rs);
	lab_pass(l, NS_PER_S);
	p = sends(l, .by = l->eth0, .dst = "ff02::1", .icmp = {ICMP6_RA, 0}, .ttl = HOPS);
	assert_int_equal(icmp_parse(&h, lab_ip(p) + 40, 8), 8);
	assert_int_equal(nd_ra_parse(&ra, &h, lab_ip(p) + 48, p->len - 14 - 48), 0);
	assert_int_equal(ra.lifetime_s, 90);
	assert_int_equal(ra.n_prefixes, 1);
	assert_true(addr_eq(&ra.prefixes[0].prefix, &(struct addr){{0x20, 0x01, 0x0d, 0xb8}}));
	lab_pass(l, 30 * NS_PER_S);
	sends(l, .by = l->eth0, .dst = "ff02::1", .icmp = {ICMP6_RA, 0});
	sends_nothing(l);
}

/* ---- asking for advertisements ---- */

static void asks(struct lab *l, struct netif *by)
{
	struct packet *p = sends(l, .by = by, .src = by == l->eth0 ? "fe80::ff:fe00:1" : "fe80::ff:fe00:101", .dst = "ff02::2", .icmp = {ICMP6_RS, 0}, .ttl = HOPS);

	/* Our link-layer address goes along. */
	assert_memory_equal(lab_ip(p) + 48, ((uint8_t[]){1, 1, 2, 0, 0, 0}), 6);
	assert_int_equal(p->len, ETH_HDR_LEN + 40 + 16);
}

/* RFC 4861 (4861-36, 4861-37); RFC 7559 §2. */
static void a_host_asks_ever_more_rarely(void **state)
{
	struct lab *l = *state;
	time_ns wait = 4 * NS_PER_S;

	netif_start(l->eth0);
	sends_nothing(l);
	assert_in_range(stack_deadline(l->s) - l->s->now, 1, NS_PER_S);
	lab_pass(l, stack_deadline(l->s) - l->s->now);
	asks(l, l->eth0);
	/* Each interval doubles, a tenth more or less of what the last one was. */
	for (int i = 0; i < 4; i++) {
		time_ns before = l->s->now, due = stack_deadline(l->s);
		assert_in_range(due - before, wait * 9 / 10, wait * 11 / 10);
		lab_pass(l, due - before);
		asks(l, l->eth0);
		wait = 2 * (due - before);
	}
	/* After a day it asks once an hour. */
	lab_pass(l, 86400 * NS_PER_S);
	while (!list_empty(&l->sent))
		asks(l, l->eth0);
	time_ns due = stack_deadline(l->s);
	lab_pass(l, due - l->s->now);
	asks(l, l->eth0);
	assert_in_range(stack_deadline(l->s) - l->s->now, 3240 * NS_PER_S, 3960 * NS_PER_S);
}

/* RFC 4861 (4861-38). */
static void an_answer_is_enough(void **state)
{
	struct lab *l = *state;
	struct nd_ra ra = {.hops = 64, .lifetime_s = 1800};

	/* One that came before the question is no answer. */
	netif_start(l->eth0);
	advertise(l, &ra);
	lab_pass(l, NS_PER_S);
	asks(l, l->eth0);
	advertise(l, &ra);
	lab_pass(l, 100 * NS_PER_S);
	sends_nothing(l);
	/* Down and up again: everything may be different. */
	assert_int_equal(netif_set_flags(l->eth0, l->eth0->flags & (uint32_t)~IFF_UP), 0);
	assert_int_equal(netif_set_flags(l->eth0, l->eth0->flags | IFF_UP), 0);
	lab_pass(l, NS_PER_S);
	asks(l, l->eth0);
}

static void it_may_be_told_how_often(void **state)
{
	struct lab *l = *state;

	assert_int_equal(netconf_set(l->s->sysctl, &l->eth0->conf, "net.ipv6.conf.*.router_solicitations", "3"), 0);
	assert_int_equal(netconf_set(l->s->sysctl, &l->eth0->conf, "net.ipv6.conf.*.router_solicitation_interval", "1"), 0);
	assert_int_equal(netconf_set(l->s->sysctl, &l->eth0->conf, "net.ipv6.conf.*.router_solicitation_max_interval", "1"), 0);
	assert_int_equal(netconf_set(l->s->sysctl, &l->eth0->conf, "net.ipv6.conf.*.router_solicitation_delay", "0"), 0);
	netif_start(l->eth0);
	for (int i = 0; i < 3; i++) {
		lab_settle(l);
		asks(l, l->eth0);
		sends_nothing(l);
		lab_pass(l, NS_PER_S * 11 / 10);
	}
	sends_nothing(l);
}

/* Who routes, or takes no advertisements, does not ask for them. */
static void not_everybody_asks(void **state)
{
	struct lab *l = *state;

	netif_start(l->lo);
	sysctl_set_router(l->s->sysctl, true);
	netif_start(l->eth0);
	sysctl_set_router(l->s->sysctl, false);
	l->eth1->conf.accept_ra = 0;
	netif_start(l->eth1);
	lab_pass(l, 10 * NS_PER_S);
	sends_nothing(l);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open_acquainted, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(an_address_is_looked_for_first), on_bench(an_answer_ends_it), on_bench(a_rival_ends_it), on_bench(a_router_gives_address_and_way),
		on_bench(lifetimes_are_shortened_to_two_hours), on_bench(a_router_says_goodbye), on_bench(what_is_no_advertisement),
		on_bench(forgers_fill_no_memory), on_bench(a_router_advertises),
		on_bench(a_host_asks_ever_more_rarely), on_bench(an_answer_is_enough), on_bench(it_may_be_told_how_often), on_bench(not_everybody_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
