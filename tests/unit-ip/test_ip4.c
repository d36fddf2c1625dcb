/* IPv4 input: hostile headers, options, martians, groups; each ends under the name of its reason. */
#include "lab.h"
#include "stack/inet/mcast.h"

static const uint8_t nothing[64];

/* A datagram to us that would be answered (protocol 99 is unknown), spoilt by one octet. */
static void receive_spoilt(struct lab *l, size_t at, uint8_t value, bool fix)
{
	struct packet *p = frame_of(.proto = 99, .data = nothing, .len = 16);

	lab_ip(p)[at] = value;
	if (fix) lab_fix_csum(p);
	lab_receive(l, l->eth0, p);
}

/* RFC 1122 (1122-23). */
static void unknown_protocol_is_answered(void **state)
{
	struct lab *l = *state;

	receives(l, .proto = 99, .data = nothing, .len = 16);
	drops(l, DROP_IP_PROTO);
	sends(l, .src = "10.0.0.1", .dst = "10.0.0.2", .icmp = {ICMP4_UNREACH, 2}, .len = 20 + 8 + 36);
	sends_nothing(l);
}

/* RFC 791 (791-1, 791-2); RFC 1122 (1122-1, 1122-2). */
static void lengths_and_versions_that_disagree(void **state)
{
	struct lab *l = *state;

	receive_spoilt(l, 0, 0x55, true);            /* version 5 */
	drops(l, DROP_IP_BAD);
	receive_spoilt(l, 0, 0x44, false);           /* a header of 16 octets */
	drops(l, DROP_IP_BAD);
	receive_spoilt(l, 0, 0x4f, false);           /* one of 60, longer than the datagram */
	drops(l, DROP_IP_BAD);
	receive_spoilt(l, 3, 37, true);              /* a total length of one octet more than the frame has */
	drops(l, DROP_IP_BAD);
	receive_spoilt(l, 3, 19, true);              /* less than the header */
	drops(l, DROP_IP_BAD);
	receive_spoilt(l, 2, 0xff, true);
	drops(l, DROP_IP_BAD);
	receive_spoilt(l, 10, 0, false);             /* checksum */
	drops(l, DROP_IP_CSUM);
	sends_nothing(l);
	for (size_t n = 0; n < IP4_HDR_MIN; n++) {
		struct packet *p = frame_of(.proto = 99);
		packet_trim(p, ETH_HDR_LEN + n);
		lab_receive(l, l->eth0, p);
		drops(l, DROP_IP_BAD);
	}
	sends_nothing(l);
}

/* RFC 791 (791-3). */
static void link_padding_is_no_data(void **state)
{
	struct lab *l = *state;
	struct packet *p = frame_of(.proto = 99, .data = nothing, .len = 26);

	write16(lab_ip(p) + 2, 20 + 8);
	lab_fix_csum(p);
	lab_receive(l, l->eth0, p);
	sends(l, .icmp = {ICMP4_UNREACH, 2}, .len = 20 + 8 + 28);
}

/* RFC 1122 (1122-4, 1122-5, 1122-49). */
static void martians(void **state)
{
	static const char *const sources[] = {"127.0.0.1", "224.0.0.5", "255.255.255.255", "10.0.0.255", "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.0.1.1"};
	static const char *const destinations[] = {"127.0.0.1", "0.1.2.3"};
	struct lab *l = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		receives(l, .src = sources[i], .dst = "10.0.0.1", .proto = 99);
		drops(l, DROP_IP_MARTIAN);
	}
	for (size_t i = 0; i < ARRAY_SIZE(destinations); i++) {
		receives(l, .dst = destinations[i], .to = &mac_us, .proto = 99);
		drops(l, DROP_IP_MARTIAN);
	}
	sends_nothing(l);
}

/* RFC 1122 (1122-3, 1122-7, 1122-19). */
static void datagrams_for_others_and_for_groups(void **state)
{
	struct lab *l = *state;
	struct mcast_member one = {.exclude = true}, two = {.exclude = true};
	struct addr group = lab_addr("239.1.2.3");

	receives(l, .dst = "192.0.2.1", .to = &mac_us, .proto = 99);
	drops(l, DROP_IP_NOT_FORWARDING);
	receives(l, .dst = "239.1.2.3", .proto = 99);
	drops(l, DROP_IP_NO_GROUP);
	assert_int_equal(netif_group_join(l->eth0, &group, &one), 0);
	assert_int_equal(netif_group_join(l->eth0, &group, &two), 0);
	netif_group_leave(l->eth0, &group, &one);
	sends(l, .dst = "224.0.0.22", .proto = IP_PROTO_IGMP);
	receives(l, .dst = "239.1.2.3", .proto = 99);
	drops(l, DROP_IP_PROTO);
	netif_group_leave(l->eth0, &group, &two);
	sends(l, .dst = "224.0.0.22", .proto = IP_PROTO_IGMP);
	sends(l, .dst = "224.0.0.22", .proto = IP_PROTO_IGMP);
	receives(l, .dst = "239.1.2.3", .proto = 99);
	drops(l, DROP_IP_NO_GROUP);
	receives(l, .dst = "224.0.0.1", .proto = 99);
	drops(l, DROP_IP_PROTO);
	receives(l, .dst = "255.255.255.255", .to = &mac_bcast, .proto = 99);
	drops(l, DROP_IP_PROTO);
	receives(l, .dst = "10.0.0.255", .to = &mac_bcast, .proto = 99);
	drops(l, DROP_IP_PROTO);
	sends_nothing(l);                            /* RFC 1122 §3.2.2: no errors about any of these */
}

/* The host is weak: an address of eth1 is accepted on eth0. */
static void any_local_address_on_any_interface(void **state)
{
	struct lab *l = *state;

	receives(l, .dst = "10.0.1.1", .to = &mac_us, .proto = 99);
	drops(l, DROP_IP_PROTO);
	sends(l, .by = l->eth0, .src = "10.0.1.1", .dst = "10.0.0.2", .icmp = {ICMP4_UNREACH, 2});
}

/* RFC 9293 (MUST-51, MUST-52, MUST-53, SHLD-24); RFC 791 (791-7); RFC 1122 (1122-12, 1122-14, 1122-28). */
static void options_walk(void **state)
{
	static const struct { uint8_t opt[8], wrong; } bad[] = {
		{{7, 0}, 21}, {{7, 1}, 21}, {{7, 2, 4}, 21}, {{7, 9, 4}, 21}, {{7, 7, 3}, 22},
		{{1, 1, 1, 1, 1, 1, 1, 7}, 27}, {{148, 40}, 21}, {{1, 68, 3, 5}, 22}, {{68, 8, 4}, 22},
	};
	static const uint8_t good[][8] = {{7, 7, 4}, {1, 1, 1, 1, 1, 1, 1, 1}, {148, 4, 0, 0, 0, 99, 99, 99}, {0, 99, 0, 255}, {68, 8, 5}};
	static const uint8_t source_routes[][8] = {{131, 7, 4, 10, 0, 1, 2}, {137, 7, 4, 10, 0, 1, 2}, {1, 131, 3, 4}};
	struct lab *l = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		receives(l, .proto = 99, .opt = bad[i].opt, .opt_len = 8);
		drops(l, DROP_IP_OPTIONS);
		sends(l, .dst = "10.0.0.2", .icmp = {ICMP4_PARAM_PROBLEM, 0}, .rest = (uint32_t)bad[i].wrong << 24);
		lab_pass(l, 2 * NS_PER_S);
		lab_acquaint(l);
	}
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		receives(l, .proto = 99, .opt = good[i], .opt_len = 8);
		drops(l, DROP_IP_PROTO);
		sends(l, .icmp = {ICMP4_UNREACH, 2});
		lab_pass(l, 2 * NS_PER_S);
		lab_acquaint(l);
	}
	for (size_t i = 0; i < ARRAY_SIZE(source_routes); i++) {
		receives(l, .proto = 99, .opt = source_routes[i], .opt_len = 8);
		drops(l, DROP_IP_OPTIONS);
		sends_nothing(l);
	}
}

static uint16_t id_of_next(struct lab *l, const char *dst, bool df)
{
	struct ip_out out = {.dst = lab_addr(dst), .proto = 99, .df = df};

	ip_output(l->s, packet_new(PACKET_HEADROOM, 8), &out);
	return read16(lab_ip(sends(l, .dst = dst)) + 4);
}

/* One counter for a destination, starting where nobody knows; nothing of it in datagrams that are never cut. */
/* RFC 1122 (1122-8); RFC 6864 (6864-1, 6864-2). */
static void identification_can_not_be_followed(void **state)
{
	struct lab *l = *state;
	uint16_t first = id_of_next(l, "10.0.0.2", false), other = id_of_next(l, "10.0.1.2", false), second = id_of_next(l, "10.0.0.2", false);

	assert_int_not_equal(first, second);
	assert_int_not_equal((uint16_t)(first + 1), other);
	assert_int_equal(id_of_next(l, "10.0.0.2", true), 0);
}

static void own_copies_of_group_datagrams(void **state)
{
	struct lab *l = *state;
	struct addr group = lab_addr("239.1.2.3");
	struct ip_out out = {.dst = group, .proto = 99, .oif = l->eth0, .mcast_loop = true};
	static struct mcast_member member = {.exclude = true};   /* a member until the bench is closed */

	ip_output(l->s, packet_new(PACKET_HEADROOM, 8), &out);
	sends(l, .src = "10.0.0.1", .dst = "239.1.2.3", .ttl = 1);
	drops_nothing(l);
	netif_group_join(l->eth0, &group, &member);
	sends(l, .dst = "224.0.0.22", .proto = IP_PROTO_IGMP);
	ip_output(l->s, packet_new(PACKET_HEADROOM, 8), &out);
	assert_int_equal(l->s->drops[DROP_IP_PROTO], 0);      /* not from inside the call */
	sends(l, .by = l->eth0, .dst = "239.1.2.3");
	drops(l, DROP_IP_PROTO);
	out.mcast_loop = false;
	ip_output(l->s, packet_new(PACKET_HEADROOM, 8), &out);
	sends(l, .dst = "239.1.2.3");
	drops_nothing(l);
	out = (struct ip_out){.dst = lab_addr("10.0.0.255"), .proto = 99};
	ip_output(l->s, packet_new(PACKET_HEADROOM, 8), &out);
	sends(l, .to = &mac_bcast, .src = "10.0.0.1", .dst = "10.0.0.255", .ttl = 64);
	drops(l, DROP_IP_PROTO);
	sends_nothing(l);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open_acquainted, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(unknown_protocol_is_answered), on_bench(lengths_and_versions_that_disagree), on_bench(link_padding_is_no_data), on_bench(martians),
		on_bench(datagrams_for_others_and_for_groups), on_bench(any_local_address_on_any_interface), on_bench(options_walk),
		on_bench(identification_can_not_be_followed), on_bench(own_copies_of_group_datagrams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
