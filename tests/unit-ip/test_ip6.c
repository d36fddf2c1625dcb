/* IPv6 input: hostile headers, extension chains, martians. */
#include "lab.h"
#include <errno.h>
#include "stack/inet/neigh.h"

#define US "2001:db8::1"
#define PEER "2001:db8::2"

static const uint8_t nothing[64];

/* RFC 8200 (8200-6). */
static void unknown_protocol_is_answered(void **state)
{
	struct lab *l = *state;

	receives(l, .src = PEER, .dst = US, .proto = 99, .data = nothing, .len = 16);
	drops(l, DROP_IP_PROTO);
	sends(l, .src = US, .dst = PEER, .icmp = {ICMP6_PARAM_PROBLEM, 1}, .rest = 6, .len = 40 + 8 + 56);
	sends_nothing(l);
	/* ICMP for IPv4 is as unknown here as any. */
	receives(l, .src = PEER, .dst = US, .proto = IP_PROTO_ICMP, .data = nothing, .len = 16);
	drops(l, DROP_IP_PROTO);
}

/* RFC 8200 (8200-1). */
static void lengths_and_versions_that_disagree(void **state)
{
	struct lab *l = *state;
	struct packet *p;

	for (size_t n = 0; n < IP6_HDR_LEN; n++) {
		p = frame_of(.src = PEER, .dst = US, .proto = 99);
		packet_trim(p, ETH_HDR_LEN + n);
		lab_receive(l, l->eth0, p);
		drops(l, DROP_IP_BAD);
	}
	p = frame_of(.src = PEER, .dst = US, .proto = 99, .data = nothing, .len = 16);
	write16(lab_ip(p) + 4, 17);
	lab_receive(l, l->eth0, p);
	drops(l, DROP_IP_BAD);
	p = frame_of(.src = PEER, .dst = US, .proto = 99, .data = nothing, .len = 16);
	lab_ip(p)[0] = 0x40;
	lab_receive(l, l->eth0, p);
	drops(l, DROP_IP_BAD);
	sends_nothing(l);
}

static void martians(void **state)
{
	static const struct { const char *src, *dst; } bad[] = {
		{"ff02::1", US}, {"::1", US}, {PEER, "::1"}, {PEER, "ff00::1"}, {PEER, "ff01::1"}, {PEER, "::"},
	};
	struct lab *l = *state;
	struct packet *p;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		receives(l, .src = bad[i].src, .dst = bad[i].dst, .to = &mac_us, .proto = 99);
		drops(l, DROP_IP_MARTIAN);
	}
	/* IPv4 addresses in an IPv6 header: ::ffff:10.0.0.1 is not our 10.0.0.1. */
	for (size_t at = 8; at <= 24; at += 16) {
		struct addr mapped = lab_addr(at == 8 ? "10.0.0.2" : "10.0.0.1");
		p = frame_of(.src = PEER, .dst = US, .proto = 99);
		memcpy(lab_ip(p) + at, mapped.b, 16);
		lab_receive(l, l->eth0, p);
		drops(l, DROP_IP_MARTIAN);
	}
	sends_nothing(l);
}

static void datagrams_for_others_and_for_groups(void **state)
{
	struct lab *l = *state;

	receives(l, .src = PEER, .dst = "2001:db8:77::1", .proto = 99);
	drops(l, DROP_IP_NOT_FORWARDING);
	receives(l, .src = PEER, .dst = "fe80::ff:fe00:101", .proto = 99);      /* eth1's link-local address, on eth0 */
	drops(l, DROP_IP_NOT_FORWARDING);
	receives(l, .src = PEER, .dst = "2001:db8:1::1", .proto = 99);          /* weak host: eth1's global one is fine */
	drops(l, DROP_IP_PROTO);
	sends(l, .src = "2001:db8:1::1", .icmp = {ICMP6_PARAM_PROBLEM, 1});
	receives(l, .src = PEER, .dst = "ff02::77", .proto = 99);
	drops(l, DROP_IP_NO_GROUP);
	receives(l, .src = PEER, .dst = "ff02::2", .proto = 99);                /* all routers */
	drops(l, DROP_IP_NO_GROUP);
	receives(l, .src = PEER, .dst = "ff02::1", .proto = 99);
	drops(l, DROP_IP_PROTO);
	receives(l, .src = PEER, .dst = "ff02::1:ff00:1", .proto = 99);         /* solicited-node group of ours */
	drops(l, DROP_IP_PROTO);
	sends_nothing(l);
}

/* Chains as octets: what the first header's "next" says, the headers, and what comes of it. */
struct chain { uint8_t next, body[72]; size_t len; enum drop_reason why; int type, code; uint32_t rest; const char *dst; };

/* RFC 8200 (8200-5, 8200-7, 8200-8, 8200-9, 8200-10, 8200-11, 8200-12, 8200-13, 8200-22); RFC 5095 (5095-1); RFC 4443 (4443-8, 4443-15). */
static void extension_headers(void **state)
{
	static const struct chain chains[] = {
		/* passed over: destination options with padding, routing with nothing left, hop-by-hop with router alert */
		{60, {99, 0, 1, 4}, 16, DROP_IP_PROTO, 4, 1, 40, 0},
		{43, {99, 0, 0, 0}, 16, DROP_IP_PROTO, 4, 1, 40, 0},
		{43, {99, 2, 0, 0, [24] = 0}, 32, DROP_IP_PROTO, 4, 1, 40, 0},
		{0, {99, 0, 5, 2, 0, 0, 1, 0}, 16, DROP_IP_PROTO, 4, 1, 40, 0},
		{0, {60, 0, 1, 4, 0, 0, 0, 0, 99, 0, 1, 4}, 24, DROP_IP_PROTO, 4, 1, 48, 0},
		/* unknown options, by their two highest bits */
		{60, {99, 0, 0x1e, 4}, 16, DROP_IP_PROTO, 4, 1, 40, 0},
		{60, {99, 0, 0x5e, 4}, 16, DROP_IP_OPTIONS, 0, 0, 0, 0},
		{60, {99, 0, 0x9e, 4}, 16, DROP_IP_OPTIONS, 4, 2, 42, 0},
		{60, {99, 0, 0xde, 4}, 16, DROP_IP_OPTIONS, 4, 2, 42, 0},
		{60, {99, 0, 1, 0, 0x9e, 2}, 16, DROP_IP_OPTIONS, 4, 2, 44, 0},
		{60, {99, 0, 0x9e, 4}, 16, DROP_IP_OPTIONS, 4, 2, 42, "ff02::1"},
		{60, {99, 0, 0xde, 4}, 16, DROP_IP_OPTIONS, 0, 0, 0, "ff02::1"},
		{0, {99, 0, 0x9e, 4}, 16, DROP_IP_OPTIONS, 4, 2, 42, 0},
		/* an option that overruns its header, padding that hides data, or is too much of it */
		{60, {99, 0, 0x1e, 5}, 16, DROP_IP_OPTIONS, 0, 0, 0, 0},
		{60, {99, 0, 1, 1, 0, 0, 0, 0x1e}, 16, DROP_IP_OPTIONS, 0, 0, 0, 0},
		{60, {99, 0, 1, 4, 0, 0, 7, 0}, 16, DROP_IP_OPTIONS, 0, 0, 0, 0},
		{60, {99, 1, 1, 12}, 24, DROP_IP_OPTIONS, 0, 0, 0, 0},
		/* headers longer than the datagram */
		{60, {99, 2}, 16, DROP_IP_BAD, 0, 0, 0, 0},
		{43, {99, 9, 0, 0}, 16, DROP_IP_BAD, 0, 0, 0, 0},
		{0, {99, 255}, 16, DROP_IP_BAD, 0, 0, 0, 0},
		{60, {99}, 4, DROP_IP_BAD, 0, 0, 0, 0},
		/* RFC 5095: a routing header of type 0 (as of any) with segments left */
		{43, {99, 2, 0, 1}, 32, DROP_IP_OPTIONS, 4, 0, 42, 0},
		{43, {99, 0, 77, 1}, 16, DROP_IP_OPTIONS, 4, 0, 42, 0},
		/* hop-by-hop not first; no next header */
		{60, {0, 0, 1, 4, 0, 0, 0, 0, 99}, 16, DROP_IP_PROTO, 4, 1, 40, 0},
		{59, {0}, 16, DROP_IP_PROTO, 0, 0, 0, 0},
		/* nine destination headers */
		{60, {[0] = 60, [2] = 1, 4, [8] = 60, [10] = 1, 4, [16] = 60, [18] = 1, 4, [24] = 60, [26] = 1, 4, [32] = 60, [34] = 1, 4,
		      [40] = 60, [42] = 1, 4, [48] = 60, [50] = 1, 4, [56] = 60, [58] = 1, 4, [64] = 99, [66] = 1, 4}, 72, DROP_IP_OPTIONS, 0, 0, 0, 0},
	};
	struct lab *l = *state;

	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		const struct chain *c = &chains[i];
		receives(l, .src = PEER, .dst = c->dst ? c->dst : US, .proto = c->next, .data = c->body, .len = c->len);
		drops(l, c->why);
		if (c->type)
			sends(l, .dst = PEER, .icmp = {c->type, c->code}, .rest = c->rest);
		sends_nothing(l);
		lab_pass(l, 2 * NS_PER_S);
		lab_acquaint(l);
	}
}

/* RFC 8200 (8200-26). */
static void flow_labels_differ_by_flow(void **state)
{
	struct lab *l = *state;
	uint32_t label[3];

	for (int i = 0; i < 3; i++) {
		struct ip_out out = {.dst = lab_addr(PEER), .proto = IP_PROTO_UDP};
		struct packet *p = packet_new(PACKET_HEADROOM, 8);
		memset(p->data, i == 2, 8);
		ip_output(l->s, p, &out);
		label[i] = read32(lab_ip(sends(l, .dst = PEER, .ttl = 64))) & 0xfffff;
	}
	assert_int_equal(label[0], label[1]);
	assert_int_not_equal(label[0], label[2]);
	assert_int_not_equal(label[0], 0);
}

/* RFC 4861 §6.2.2 (4861-28): as long as it forwards, a host is among the routers. */
static void a_router_hears_all_routers(void **state)
{
	struct lab *l = *state;

	sysctl_set_router(l->s->sysctl, true);
	receives(l, .src = PEER, .dst = "ff02::2", .proto = 99);
	drops(l, DROP_IP_PROTO);
	sysctl_set_router(l->s->sysctl, false);
	receives(l, .src = PEER, .dst = "ff02::2", .proto = 99);
	drops(l, DROP_IP_NO_GROUP);
	sends_nothing(l);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open_acquainted, lab_close)

/* ip-sysctl: disable_ipv6. What it had comes again as far as it is its own, and IPv4 is as before. */
static void an_interface_may_have_none(void **state)
{
	struct lab *l = *state;
	struct addr given = lab_addr("2001:db8::1"), all = lab_addr("ff02::1"), peer = lab_addr("2001:db8::2"), v4 = lab_addr("10.0.0.1"), own = netif_linklocal(l->eth0)->addr;

	struct route_hop hop;

	assert_int_equal(route_lookup(l->s, &all, NULL, l->eth0, &hop), 0);
	assert_non_null(neigh_find(l->eth0, &peer));
	assert_int_equal(netconf_set(l->s->sysctl, &l->eth0->conf, "net.ipv6.conf.*.disable_ipv6", "1"), 0);
	assert_int_equal(route_lookup(l->s, &all, NULL, l->eth0, &hop), -ENETUNREACH);
	assert_null(neigh_find(l->eth0, &peer));
	assert_null(netif_addr_find(l->s, &given, NULL));
	assert_null(netif_linklocal(l->eth0));
	assert_int_equal(netif_addr_add(l->eth0, &given, 64), -EACCES);
	receives(l, .src = "2001:db8::2", .dst = "2001:db8::1", .to = &mac_us, .proto = IP_PROTO_UDP, .data = "01234567", .len = 8);
	drops(l, DROP_IP_DISABLED);
	assert_non_null(netif_addr_find(l->s, &v4, NULL));
	assert_int_equal(netconf_set(l->s->sysctl, &l->eth0->conf, "net.ipv6.conf.*.disable_ipv6", "0"), 0);
	assert_true(addr_eq(&netif_linklocal(l->eth0)->addr, &own));
	assert_null(netif_addr_find(l->s, &given, NULL));
	assert_int_equal(route_lookup(l->s, &all, NULL, l->eth0, &hop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(unknown_protocol_is_answered), on_bench(lengths_and_versions_that_disagree), on_bench(martians),
		on_bench(datagrams_for_others_and_for_groups), on_bench(extension_headers), on_bench(flow_labels_differ_by_flow),
		on_bench(a_router_hears_all_routers), on_bench(an_interface_may_have_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
