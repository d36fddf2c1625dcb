/* A router: eth0 to eth1, both families. */
#include "lab.h"
#include <errno.h>
#include <netinet/in.h>
#include <linux/rtnetlink.h>
#include "stack/socket/sock.h"

static const char *const from[2] = {"10.0.0.2", "2001:db8::2"}, *const to[2] = {"10.0.1.2", "2001:db8:1::2"}, *const router[2] = {"10.0.0.1", "2001:db8::1"};
static const uint8_t data[2000] = {1, 2, 3, 4, 5, 6, 7, 8};

static int open_router(void **state)
{
	struct lab *l;

	lab_open_acquainted(state);
	l = *state;
	sysctl_set_router(l->s->sysctl, 1);
	return 0;
}

/* RFC 791 (791-4, 791-5); RFC 8200 (8200-2). */
static void datagrams_go_on_one_hop_poorer(void **state)
{
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		receives(l, .src = from[v6], .dst = to[v6], .to = &mac_us, .proto = IP_PROTO_UDP, .ttl = 17, .id = 4711, .data = data, .len = 40);
		sends(l, .by = l->eth1, .to = &mac_peer1, .src = from[v6], .dst = to[v6], .ttl = 16, .proto = IP_PROTO_UDP, .data = data, .data_len = 40);
		sends_nothing(l);
	}
	drops_nothing(l);
	/* Checksums move with the TTL, also where they wrap (RFC 1624). */
	for (int id = 0; id < 65536; id += 251) {
		receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .ttl = (uint8_t)(2 + id % 200), .id = (uint16_t)id);
		sends(l, .dst = to[0], .ttl = (uint8_t)(1 + id % 200));
	}
}

/* RFC 791 (791-14); RFC 8200 (8200-4, 8200-21). */
static void options_go_on_unchanged(void **state)
{
	static const uint8_t opt[8] = {7, 7, 4, 0, 0, 0, 0, 0}, hop_by_hop[24] = {IP_PROTO_UDP, 0, 5, 2, 0, 0, 1, 0};
	struct lab *l = *state;

	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .opt = opt, .opt_len = 8, .data = data, .len = 16);
	assert_memory_equal(lab_ip(sends(l, .dst = to[0], .len = 44)) + 20, opt, 8);
	receives(l, .src = from[1], .dst = to[1], .to = &mac_us, .proto = IP_PROTO_HOPOPTS, .data = hop_by_hop, .len = 24);
	sends(l, .dst = to[1], .proto = IP_PROTO_HOPOPTS, .data = hop_by_hop, .data_len = 24);
	/* Headers for the destination are no business of a router. */
	uint8_t unknown[24] = {IP_PROTO_UDP, 0, 0xde, 4};
	receives(l, .src = from[1], .dst = to[1], .to = &mac_us, .proto = IP_PROTO_DSTOPTS, .data = unknown, .len = 24);
	sends(l, .dst = to[1], .proto = IP_PROTO_DSTOPTS);
	drops_nothing(l);
}

/* RFC 8200 (8200-2); RFC 4443 (4443-13). */
static void hops_run_out(void **state)
{
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		receives(l, .src = from[v6], .dst = to[v6], .to = &mac_us, .proto = IP_PROTO_UDP, .ttl = 1, .data = data, .len = 40);
		drops(l, DROP_IP_TTL);
		sends(l, .by = l->eth0, .src = router[v6], .dst = from[v6], .icmp = {v6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED, 0});
	}
	sends_nothing(l);
}

/* RFC 791 (791-11, 791-13); RFC 6864 (6864-3); RFC 8200 (8200-14); RFC 4443 (4443-12); RFC 1191 (1191-3). */
static void too_large_for_the_next_link(void **state)
{
	struct lab *l = *state;
	struct packet *p;

	l->eth1->mtu_bytes = 1300;
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .df = true, .data = data, .len = 1281);
	drops(l, DROP_IP_TOO_BIG);
	sends(l, .src = router[0], .dst = from[0], .icmp = {ICMP4_UNREACH, 4}, .rest = 1300);
	receives(l, .src = from[1], .dst = to[1], .to = &mac_us, .proto = IP_PROTO_UDP, .data = data, .len = 1261);
	drops(l, DROP_IP_TOO_BIG);
	sends(l, .src = router[1], .dst = from[1], .icmp = {ICMP6_TOO_BIG, 0}, .rest = 1300);
	/* IPv4 without DF is cut; the pieces keep identification and what was a fragment already stays in its place. */
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .id = 99, .frag_off = 1480, .mf = true, .data = data, .len = 1480);
	p = sends(l, .dst = to[0], .frag_off = 1 + 1480, .more = 2, .len = 1300, .ttl = 63);
	assert_int_equal(read16(lab_ip(p) + 4), 99);
	sends(l, .dst = to[0], .frag_off = 1 + 1480 + 1280, .more = 2, .len = 20 + 200);
	sends_nothing(l);
	drops_nothing(l);
}

/* RFC 791 §3.1: options without the copied flag are in the first piece only. RFC 791 (791-6). */
static void options_of_pieces(void **state)
{
	static const uint8_t opt[8] = {7, 3, 4, 148, 4, 0, 0, 0};
	struct lab *l = *state;

	l->eth1->mtu_bytes = 600;
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .opt = opt, .opt_len = 8, .data = data, .len = 1000);
	assert_memory_equal(lab_ip(sends(l, .dst = to[0], .frag_off = 1)) + 20, opt, 8);
	assert_memory_equal(lab_ip(sends(l, .dst = to[0], .frag_off = 1 + 568)) + 20, ((uint8_t[]){1, 1, 1, 148, 4, 0, 0, 0}), 8);
	sends_nothing(l);
}

/* RFC 4443 (4443-11). */
static void no_way_on(void **state)
{
	struct lab *l = *state;
	static const char *const nowhere[2] = {"192.0.2.1", "2001:db8:77::1"};
	static const struct { uint8_t type; int err4[2], err6[2]; } kinds[] = {
		{RTN_UNREACHABLE, {3, 1}, {1, 3}}, {RTN_PROHIBIT, {3, 13}, {1, 1}}, {RTN_BLACKHOLE, {0, 0}, {0, 0}},
	};

	for (int v6 = 0; v6 < 2; v6++) {
		receives(l, .src = from[v6], .dst = nowhere[v6], .to = &mac_us, .proto = IP_PROTO_UDP, .data = data, .len = 40);
		drops(l, DROP_IP_NO_ROUTE);
		sends(l, .dst = from[v6], .icmp = {v6 ? 1 : 3, 0});
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			struct route r = {.dst = lab_addr(nowhere[v6]), .plen = v6 ? 128 : 32, .type = kinds[i].type};
			const int *err = v6 ? kinds[i].err6 : kinds[i].err4;
			assert_int_equal(route_add(l->s, &r, NULL), 0);
			receives(l, .src = from[v6], .dst = nowhere[v6], .to = &mac_us, .proto = IP_PROTO_UDP, .data = data, .len = 40);
			drops(l, DROP_IP_NO_ROUTE);
			if (err[0]) sends(l, .dst = from[v6], .icmp = {err[0], err[1]});
			sends_nothing(l);
			assert_int_equal(route_del(l->s, &r), 0);
		}
	}
}

/* RFC 1122 (1122-40, 1122-44). */
static void what_is_nobodys_to_forward(void **state)
{
	struct lab *l = *state;

	receives(l, .src = from[0], .dst = to[0], .to = &mac_bcast, .proto = IP_PROTO_UDP);              /* unicast in a broadcast frame */
	drops(l, DROP_IP_MARTIAN);
	receives(l, .src = from[0], .dst = "10.0.1.255", .to = &mac_us, .proto = IP_PROTO_UDP);          /* our own broadcast address: ours */
	assert_int_equal(l->eth1->tx_packets, 0);
	memcpy(l->seen_drops, l->s->drops, sizeof l->seen_drops);
	receives(l, .src = "::", .dst = to[1], .to = &mac_us, .proto = IP_PROTO_UDP);
	drops(l, DROP_IP_MARTIAN);
	receives(l, .src = from[1], .dst = "fe80::99", .to = &mac_us, .proto = IP_PROTO_UDP);
	drops(l, DROP_IP_MARTIAN);
	sends_nothing(l);
	receives(l, .src = "fe80::2", .dst = to[1], .to = &mac_us, .proto = IP_PROTO_UDP, .data = data, .len = 16);
	drops(l, DROP_IP_MARTIAN);
	sends(l, .by = l->eth0, .dst = "fe80::2", .icmp = {ICMP6_UNREACH, 2});
}

/* RFC 4443 (4443-11); RFC 4861 (4861-10). */
static void silent_neighbour_behind_the_router(void **state)
{
	static const char *const silent[2] = {"10.0.1.9", "2001:db8:1::9"};
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		receives(l, .src = from[v6], .dst = silent[v6], .to = &mac_us, .proto = IP_PROTO_UDP, .data = data, .len = 40);
		lab_pass(l, 3100 * NS_PER_MS);
		for (int i = 0; i < 3; i++) {
			if (v6) sends(l, .by = l->eth1, .icmp = {ICMP6_NS, 0});
			else sends(l, .by = l->eth1, .arp_asks = silent[0]);
		}
		drops(l, DROP_NEIGH_FAILED);
		sends(l, .by = l->eth0, .src = router[v6], .dst = from[v6], .icmp = {v6 ? 1 : 3, v6 ? 3 : 1});
		sends_nothing(l);
	}
}

static ssize_t read_all(struct sock *sk, void *buf, size_t size)
{
	struct sock_msg m = {.data = buf, .len = size, .flags = MSG_DONTWAIT};

	return sock_recv(sk, &m);
}

static struct sock *alerted(struct lab *l, int domain, int protocol, int level, int name, int value)
{
	struct sock *sk;

	assert_int_equal(sock_create(l->s, domain, SOCK_RAW, protocol, &sk), 0);
	assert_int_equal(sock_setsockopt(sk, level, name, &value, sizeof value), 0);
	return sk;
}

/* RFC 2113: who asks for it gets what routers are to look at, whole, and nobody else does any more. */
static void alerts_go_to_who_asks(void **state)
{
	static const uint8_t opt[4] = {148, 4, 0, 0}, other_opt[4] = {7, 3, 4, 0};
	struct lab *l = *state;
	struct sock *sk = alerted(l, AF_INET, IP_PROTO_UDP, IPPROTO_IP, IP_ROUTER_ALERT, 1);
	uint8_t in[3000];

	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .opt = opt, .opt_len = 4, .data = data, .len = 16);
	sends_nothing(l);
	assert_int_equal(read_all(sk, in, sizeof in), 40);
	assert_memory_equal(in + 24, data, 16);
	/* In pieces, of which the last one brings all. */
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .id = 9, .mf = true, .opt = opt, .opt_len = 4, .data = data, .len = 16);
	assert_int_equal(read_all(sk, in, sizeof in), -EAGAIN);
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .id = 9, .frag_off = 16, .opt = opt, .opt_len = 4, .data = data, .len = 8);
	assert_int_equal(read_all(sk, in, sizeof in), 48);
	sends_nothing(l);
	/* Of another protocol, with another option, or not asked for any more: on its way. */
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_TCP, .opt = opt, .opt_len = 4, .data = data, .len = 20);
	sends(l, .dst = to[0], .proto = IP_PROTO_TCP);
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .opt = other_opt, .opt_len = 4, .data = data, .len = 16);
	sends(l, .dst = to[0], .proto = IP_PROTO_UDP);
	assert_int_equal(sock_setsockopt(sk, IPPROTO_IP, IP_ROUTER_ALERT, &(int){0}, sizeof(int)), 0);
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .opt = opt, .opt_len = 4, .data = data, .len = 16);
	sends(l, .dst = to[0], .proto = IP_PROTO_UDP);
	drops_nothing(l);
	sock_close(sk);
}

/* The last piece to come has a longer header than the first, whose header the datagram has. */
static void alerts_of_pieces(void **state)
{
	static const uint8_t opt[4] = {148, 4, 0, 0};
	uint8_t lopt[40] = {148, 4, 0, 0};
	struct lab *l = *state;
	struct sock *sk = alerted(l, AF_INET, IP_PROTO_ICMP, IPPROTO_IP, IP_ROUTER_ALERT, 1);
	uint8_t in[3000];

	for (int i = 4; i < 40; i++) lopt[i] = 1;
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_ICMP, .id = 9, .mf = true, .opt = opt, .opt_len = 4, .data = data, .len = 8);
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_ICMP, .id = 9, .frag_off = 8, .opt = lopt, .opt_len = 40, .data = data, .len = 1);
	assert_int_equal(read_all(sk, in, sizeof in), 24 + 9);
	sock_close(sk);
}

/* RFC 2711: the same, by the option's value. */
static void alerts6_go_by_value(void **state)
{
	static const uint8_t hop_by_hop[24] = {IP_PROTO_UDP, 0, 5, 2, 0, 7, 1, 0};
	struct lab *l = *state;
	struct sock *sk = alerted(l, AF_INET6, IPPROTO_RAW, IPPROTO_IPV6, IPV6_ROUTER_ALERT, 6);
	uint8_t in[100];

	receives(l, .src = from[1], .dst = to[1], .to = &mac_us, .proto = IP_PROTO_HOPOPTS, .data = hop_by_hop, .len = 24);
	sends(l, .dst = to[1], .proto = IP_PROTO_HOPOPTS);
	sock_close(sk);
	sk = alerted(l, AF_INET6, IPPROTO_RAW, IPPROTO_IPV6, IPV6_ROUTER_ALERT, 7);
	receives(l, .src = from[1], .dst = to[1], .to = &mac_us, .proto = IP_PROTO_HOPOPTS, .data = hop_by_hop, .len = 24);
	sends_nothing(l);
	assert_int_equal(read_all(sk, in, sizeof in), 64);
	assert_memory_equal(in + 40, hop_by_hop, 24);
	drops_nothing(l);
	sock_close(sk);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, open_router, lab_close)

/* ip-sysctl: of IPv4 each interface by itself, of IPv6 "all" alone. */
static void an_interface_may_forward_nothing(void **state)
{
	struct lab *l = *state;

	l->eth0->conf.forwarding = l->eth0->conf.forwarding6 = 0;
	receives(l, .src = from[0], .dst = to[0], .to = &mac_us, .proto = IP_PROTO_UDP, .data = data, .len = 8);
	drops(l, DROP_IP_NOT_FORWARDING);
	receives(l, .src = from[1], .dst = to[1], .to = &mac_us, .proto = IP_PROTO_UDP, .data = data, .len = 8);
	sends(l, .by = l->eth1, .dst = to[1]);
}

/* RFC 3704 §2.2, §2.4; ip-sysctl: rp_filter. A datagram from behind eth1 that comes in by eth0, and one from nowhere. */
static void sources_are_looked_for(void **state)
{
	struct lab *l = *state;
	static const struct { int all, own; bool strayed, unknown; } modes[] = {
		{0, 0, true, true}, {1, 0, false, false}, {0, 1, false, false}, {2, 0, true, false}, {1, 2, true, false}, {0, 2, true, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		l->s->sysctl->all.rp_filter = modes[i].all;
		l->eth0->conf.rp_filter = modes[i].own;
		receives(l, .src = "10.0.0.2", .dst = "10.0.0.1", .to = &mac_us, .proto = IP_PROTO_IGMP, .data = data, .len = 8);
		drops(l, DROP_IGMP_BAD);           /* it is behind this interface */
		receives(l, .src = "10.0.1.9", .dst = "10.0.0.1", .to = &mac_us, .proto = IP_PROTO_IGMP, .data = data, .len = 8);
		drops(l, modes[i].strayed ? DROP_IGMP_BAD : DROP_IP_REVERSE_PATH);
		receives(l, .src = "203.0.113.7", .dst = "10.0.0.1", .to = &mac_us, .proto = IP_PROTO_IGMP, .data = data, .len = 8);
		drops(l, modes[i].unknown ? DROP_IGMP_BAD : DROP_IP_REVERSE_PATH);
	}
	/* Who learns its address has none yet. */
	receives(l, .src = "0.0.0.0", .dst = "255.255.255.255", .to = &mac_bcast, .proto = IP_PROTO_IGMP, .data = data, .len = 8);
	drops(l, DROP_IGMP_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(datagrams_go_on_one_hop_poorer), on_bench(options_go_on_unchanged), on_bench(hops_run_out), on_bench(too_large_for_the_next_link),
		on_bench(options_of_pieces), on_bench(no_way_on), on_bench(what_is_nobodys_to_forward), on_bench(silent_neighbour_behind_the_router),
		on_bench(alerts_of_pieces), on_bench(alerts_go_to_who_asks), on_bench(alerts6_go_by_value), on_bench(an_interface_may_forward_nothing), on_bench(sources_are_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
