/* The core by itself: packets, timers, settings, interfaces, link-layer input. */
#include "lab.h"
#include <linux/rtnetlink.h>
#include <net/if.h>

static void packet_keeps_its_octets_when_it_gains_headroom(void **state)
{
	struct packet *p = packet_new(8, 4), *q;

	(void)state;
	memcpy(p->data, "data", 4);
	memcpy(packet_push(p, 8), "headhead", 8);
	p->net_off = packet_off(p);
	p->net_off = 3;
	q = packet_with_headroom(p, 100);
	assert_true(packet_off(q) >= 100);
	assert_memory_equal(q->data, "headheaddata", 12);
	assert_int_equal(q->net_off, 103);
	packet_pull(q, 8);
	packet_trim(q, 2);
	assert_int_equal(q->len, 2);
	packet_free(q);
}

struct note { struct timer t; int *at, order; struct stack *s; bool again; };

static void noted(struct timer *t)
{
	struct note *n = container_of(t, struct note, t);

	n->order = ++*n->at;
	if (n->again) timer_set(n->s, t, n->s->now);
}

static void timers_fire_in_order_and_an_advance_always_ends(void **state)
{
	struct lab *l = *state;
	int count = 0;
	struct note n[4];

	for (int i = 0; i < 4; i++)
		n[i] = (struct note){.t.fire = noted, .at = &count, .s = l->s};
	timer_set(l->s, &n[0].t, l->s->now + 2 * NS_PER_S);
	timer_set(l->s, &n[1].t, l->s->now + NS_PER_S);
	timer_set(l->s, &n[2].t, l->s->now + 2 * NS_PER_S);
	timer_set(l->s, &n[3].t, l->s->now + NS_PER_S);
	timer_clear(l->s, &n[3].t);
	n[2].again = true;
	assert_true(stack_deadline(l->s) == l->s->now + NS_PER_S);
	stack_advance(l->s, l->s->now + 5 * NS_PER_S);
	assert_int_equal(n[1].order, 1);
	assert_int_equal(n[0].order, 2);
	assert_int_equal(n[2].order, 3);
	assert_int_equal(n[3].order, 0);
	/* The one that set itself again waits for the next advance. */
	assert_true(stack_deadline(l->s) <= l->s->now);
	timer_clear(l->s, &n[2].t);
	/* Time does not run backwards. */
	stack_set_now(l->s, 0);
	assert_true(l->s->now > 5 * NS_PER_S);
}

static void settings_have_linux_names_ranges_and_defaults(void **state)
{
	struct lab *l = *state;
	struct sysctl *c = l->s->sysctl;
	char buf[64];

	assert_int_equal(c->tcp_rmem[2], 6291456);
	assert_true(sysctl_get(c, "net.ipv4.ip_local_port_range", buf, sizeof buf) > 0);
	assert_string_equal(buf, "32768\t60999");
	assert_int_equal(sysctl_set(c, "net.ipv4.ip_local_port_range", "4000 5000\n"), 0);
	assert_int_equal(c->ip_local_port_max, 5000);
	assert_int_equal(sysctl_set(c, "net.ipv4.ip_local_port_range", "5000 4000"), -EINVAL);
	assert_int_equal(sysctl_set(c, "net.ipv4.ip_default_ttl", "0"), -EINVAL);
	assert_int_equal(sysctl_set(c, "net.ipv4.ip_default_ttl", "64x"), -EINVAL);
	assert_int_equal(sysctl_set(c, "net.ipv4.ip_default_ttl", ""), -EINVAL);
	assert_int_equal(sysctl_set(c, "net.ipv4.tcp_rmem", "1 2 6291456 4"), 0);
	assert_int_equal(sysctl_set(c, "net.ipv4.tcp_rmem", "0x1000 100000"), 0);
	assert_int_equal(c->tcp_rmem[1], 100000);
	assert_int_equal(c->tcp_rmem[2], 6291456);
	assert_int_equal(sysctl_set(c, "net.ipv4.no_such", "1"), -ENOENT);
	assert_int_equal(sysctl_set(c, "net.ipv4.ping_group_range", "1 0"), 0);
	assert_true(c->ping_gid_min > c->ping_gid_max);
	assert_true(sysctl_get(c, "net.ipv4.ping_group_range", buf, sizeof buf) > 0);
	assert_string_equal(buf, "1\t0");
	assert_int_equal(sysctl_set(c, "net.ipv4.conf.all.forwarding", "1"), 0);
	assert_int_equal(c->all.forwarding, 1);
	assert_int_equal(c->initial.forwarding, 1);
	assert_int_equal(c->all.accept_redirects, 0);
	assert_int_equal(sysctl_set(c, "net.ipv4.conf.default.forwarding", "0"), 0);
	assert_int_equal(c->all.forwarding, 1);
	assert_int_equal(sysctl_set(c, "net.ipv4.neigh.default.ucast_solicit", "5"), 0);
	assert_int_equal(c->initial.neigh4.ucast_solicit, 5);
	assert_int_equal(sysctl_set(c, "net.ipv4.neigh.all.ucast_solicit", "5"), -ENOENT);
	assert_int_equal(sysctl_set(c, "net.ipv4.conf.*.forwarding", "0"), -ENOENT);
	assert_true(sysctl_get(c, "net.ipv4.tcp_adv_win_scale", buf, sizeof buf) > 0);
	assert_string_equal(buf, "1");
	assert_int_equal(sysctl_set(c, "net.ipv4.tcp_adv_win_scale", "2"), -EACCES);
	assert_int_equal(sysctl_set(c, "net.ipv4.conf.all.rp_filter", "1"), 0);
	assert_int_equal(c->all.rp_filter, 1);
}

static void interfaces_come_with_their_addresses(void **state)
{
	struct lab *l = *state;
	struct addr a = lab_addr("fe80::ff:fe00:1");
	struct netif *nif;

	assert_non_null(netif_addr_find(l->s, &a, l->eth0));
	assert_null(netif_addr_find(l->s, &a, l->eth1));
	a = lab_addr("127.77.0.1");
	assert_true(stack_is_local(l->s, &a));
	assert_ptr_equal(netif_by_name(l->s, "eth1"), l->eth1);
	assert_ptr_equal(netif_by_index(l->s, l->lo->index), l->lo);
	assert_int_equal(netif_add(l->s, "eth1", NETIF_ETHERNET, &mac_us, 1500, &nif), -EEXIST);
	assert_int_equal(netif_add(l->s, "a-name-too-long-for-linux", NETIF_ETHERNET, &mac_us, 1500, &nif), -EINVAL);
	a = lab_addr("10.0.0.1");
	assert_int_equal(netif_addr_add(l->eth0, &a, 24), -EEXIST);
	assert_int_equal(netif_addr_del(l->eth0, &a, 16), -EADDRNOTAVAIL);
	a = lab_addr("224.0.0.5");
	assert_int_equal(netif_addr_add(l->eth0, &a, 24), -EINVAL);
}

static size_t routes_through(const struct lab *l, const struct netif *nif)
{
	size_t n = 0;

	list_each(const struct route, r, route_list(l->s), node)
		n += r->netif == nif;
	return n;
}

/* As Linux without promote_secondaries. */
static void secondary_addresses_go_with_the_first(void **state)
{
	struct lab *l = *state;
	struct addr a = lab_addr("10.0.0.1"), b = lab_addr("10.0.0.9"), peer = lab_addr("10.0.0.2");
	struct route_hop hop;

	assert_int_equal(netif_addr_add(l->eth0, &b, 24), 0);
	assert_int_equal(netif_addr_del(l->eth0, &b, 24), 0);
	assert_int_equal(netif_addr_add(l->eth0, &b, 24), 0);
	assert_int_equal(route_lookup(l->s, &peer, NULL, NULL, &hop), 0);
	assert_true(addr_eq(&hop.src, &a));
	assert_int_equal(netif_addr_del(l->eth0, &a, 24), 0);
	assert_false(stack_is_local(l->s, &b));
	assert_int_equal(route_lookup(l->s, &peer, NULL, NULL, &hop), -ENETUNREACH);
}

/* As `ip link set eth0 down`: IPv6 addresses are lost, IPv4 ones stay local, nothing is routed there. */
static void interface_down_and_up(void **state)
{
	struct lab *l = *state;
	struct addr v4 = lab_addr("10.0.0.1"), v6 = lab_addr("2001:db8::1"), ll = lab_addr("fe80::ff:fe00:1"), peer = lab_addr("10.0.0.2");
	struct route_hop hop;

	netif_set_flags(l->eth0, l->eth0->flags & (uint32_t)~IFF_UP);
	assert_true(stack_is_local(l->s, &v4));
	assert_false(stack_is_local(l->s, &v6));
	assert_int_equal(routes_through(l, l->eth0), 1);
	assert_int_equal(route_lookup(l->s, &v4, NULL, NULL, &hop), 0);
	assert_ptr_equal(hop.netif, l->lo);
	assert_int_equal(route_lookup(l->s, &peer, NULL, NULL, &hop), -ENETUNREACH);
	receives(l, .proto = IP_PROTO_UDP);
	drops(l, DROP_NETIF_DOWN);
	netif_set_flags(l->eth0, l->eth0->flags | IFF_UP);
	assert_non_null(netif_addr_find(l->s, &ll, l->eth0));
	assert_int_equal(route_lookup(l->s, &peer, NULL, NULL, &hop), 0);
}

static void removed_interface_stays_readable(void **state)
{
	struct lab *l = *state;
	struct addr a = lab_addr("10.0.0.1");
	struct netif *nif = l->eth0;

	netif_remove(nif);
	assert_false(stack_is_local(l->s, &a));
	assert_null(netif_by_name(l->s, "eth0"));
	assert_int_equal(routes_through(l, nif), 0);
	assert_int_equal(nif->flags & IFF_UP, 0);
	netif_transmit(nif, packet_new(PACKET_HEADROOM, 20));
	drops(l, DROP_NETIF_DOWN);
}

static void frames_that_are_not_for_us(void **state)
{
	static const struct mac other = {{2, 9, 9, 9, 9, 9}}, group = {{1, 0, 0x5e, 0, 0, 1}};
	struct lab *l = *state;
	struct packet *p;

	receives(l, .to = &other, .proto = IP_PROTO_UDP);
	drops(l, DROP_ETH_OTHERHOST);
	receives(l, .from = &group, .proto = IP_PROTO_UDP);
	drops(l, DROP_ETH_SOURCE);
	for (size_t n = 0; n < ETH_HDR_LEN; n++) {
		p = frame_of(.proto = IP_PROTO_UDP);
		packet_trim(p, n);
		lab_receive(l, l->eth0, p);
		drops(l, DROP_ETH_SHORT);
	}
	p = frame_of(.proto = IP_PROTO_UDP);
	write16(p->data + 12, 0x88cc);
	lab_receive(l, l->eth0, p);
	drops(l, DROP_ETH_TYPE);
	sends_nothing(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packet_keeps_its_octets_when_it_gains_headroom),
		cmocka_unit_test_setup_teardown(timers_fire_in_order_and_an_advance_always_ends, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(settings_have_linux_names_ranges_and_defaults, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(interfaces_come_with_their_addresses, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(secondary_addresses_go_with_the_first, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(interface_down_and_up, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(removed_interface_stays_readable, lab_open, lab_close),
		cmocka_unit_test_setup_teardown(frames_that_are_not_for_us, lab_open, lab_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
