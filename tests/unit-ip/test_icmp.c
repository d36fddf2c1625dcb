/* ICMP of both families: echoes, errors in and their errno, errors out and when there are none, path MTU. */
#include "lab.h"
#include <errno.h>
#include "stack/inet/icmp.h"
#include "stack/inet/pmtu.h"

static const char *const us[2] = {"10.0.0.1", "2001:db8::1"}, *const peer[2] = {"10.0.0.2", "2001:db8::2"}, *const far[2] = {"192.0.2.9", "2001:db8:f::9"};

static void receive_message(struct lab *l, bool v6, const uint8_t *msg, size_t len)
{
	receives(l, .src = peer[v6], .dst = us[v6], .proto = v6 ? IP_PROTO_ICMP6 : IP_PROTO_ICMP, .data = msg, .len = len);
}

/* RFC 1122 (1122-29); RFC 4443 (4443-1, 4443-3, 4443-16, 4443-18). */
static void echo_is_answered(void **state)
{
	struct lab *l = *state;
	uint8_t msg[200];
	size_t len;

	for (int v6 = 0; v6 < 2; v6++) {
		len = lab_echo(msg, v6, peer[v6], us[v6], 56);
		receive_message(l, v6, msg, len);
		sends(l, .src = us[v6], .dst = peer[v6], .icmp_any = true, .icmp = {v6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY, 0}, .rest = 0x12340001,
		      .len = (v6 ? 40 : 20) + len);
		drops_nothing(l);
		msg[20] ^= 1;
		receive_message(l, v6, msg, len);
		drops(l, DROP_ICMP_CSUM);
		for (size_t n = 0; n < ICMP_HDR_LEN; n++) {
			receive_message(l, v6, msg, n);
			drops(l, DROP_ICMP_BAD);
		}
	}
	/* To groups: IPv4 stays silent, IPv6 answers from its own address. */
	len = lab_echo(msg, false, peer[0], "224.0.0.1", 8);
	receives(l, .src = peer[0], .dst = "224.0.0.1", .proto = IP_PROTO_ICMP, .data = msg, .len = len);
	drops(l, DROP_ICMP_TYPE);
	len = lab_echo(msg, true, peer[1], "ff02::1", 8);
	receives(l, .src = peer[1], .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .data = msg, .len = len);
	sends(l, .src = us[1], .dst = peer[1], .icmp = {ICMP6_ECHO_REPLY, 0});
}

static void set(struct lab *l, const char *name, const char *value) { assert_int_equal(sysctl_set(l->s->sysctl, name, value), 0); }

/* icmp(7), ip-sysctl: net.ipv4.icmp_echo_ignore_*, net.ipv6.icmp.echo_ignore_*. */
static void echo_may_be_ignored(void **state)
{
	struct lab *l = *state;
	uint8_t msg[200];

	set(l, "net.ipv4.icmp_echo_ignore_broadcasts", "0");
	receives(l, .src = peer[0], .dst = "224.0.0.1", .proto = IP_PROTO_ICMP, .data = msg, .len = lab_echo(msg, false, peer[0], "224.0.0.1", 8));
	sends(l, .src = us[0], .dst = peer[0], .icmp_any = true, .icmp = {ICMP4_ECHO_REPLY, 0});
	set(l, "net.ipv6.icmp.echo_ignore_multicast", "1");
	receives(l, .src = peer[1], .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .data = msg, .len = lab_echo(msg, true, peer[1], "ff02::1", 8));
	drops(l, DROP_ICMP_TYPE);
	/* Each family by its own. */
	set(l, "net.ipv4.icmp_echo_ignore_all", "1");
	receive_message(l, false, msg, lab_echo(msg, false, peer[0], us[0], 8));
	drops(l, DROP_ICMP_TYPE);
	receive_message(l, true, msg, lab_echo(msg, true, peer[1], us[1], 8));
	sends(l, .src = us[1], .dst = peer[1], .icmp = {ICMP6_ECHO_REPLY, 0});
	set(l, "net.ipv6.icmp.echo_ignore_all", "1");
	receive_message(l, true, msg, lab_echo(msg, true, peer[1], us[1], 8));
	drops(l, DROP_ICMP_TYPE);
	sends_nothing(l);
}

/* RFC 1122 (1122-15, 1122-32); RFC 4443 (4443-4). */
static void messages_that_change_nothing(void **state)
{
	static const uint8_t types4[] = {4, 9, 10, 13, 15, 17, 42}, types6[] = {141, 139, 200};
	struct lab *l = *state;
	uint8_t msg[64] = {0};
	size_t len;

	for (size_t i = 0; i < sizeof types4; i++) {
		len = lab_icmp(msg, false, types4[i], 0, 0, peer[0], us[0], msg + 8, 40);
		receive_message(l, false, msg, len);
		drops(l, DROP_ICMP_TYPE);
	}
	for (size_t i = 0; i < sizeof types6; i++) {
		len = lab_icmp(msg, true, types6[i], 0, 0, peer[1], us[1], msg + 8, 40);
		receive_message(l, true, msg, len);
		drops(l, DROP_ICMP_TYPE);
	}
	sends_nothing(l);
}

/* ---- errors in ---- */

/* A datagram that we might have sent, as routers quote it. */
static size_t quote(uint8_t *to, bool v6, const char *src, const char *dst, uint8_t proto, size_t data)
{
	struct addr s = lab_addr(src), d = lab_addr(dst);

	memset(to, 0xaa, 40 + data);
	if (v6)
		ip6_emit(&(struct ip6_hdr){.src = s, .dst = d, .payload_len = 1400, .next = proto, .hops = 3}, to);
	else
		ip4_emit(&(struct ip4_hdr){.src = s, .dst = d, .total_len = 1400, .proto = proto, .ttl = 3, .df = true}, to);
	return (v6 ? IP6_HDR_LEN : IP4_HDR_MIN) + data;
}

static void quotes_are_read_with_care(void **state)
{
	struct lab *l = *state;
	uint8_t q[200];
	struct ip_error e;

	for (int v6 = 0; v6 < 2; v6++) {
		size_t len = quote(q, v6, us[v6], far[v6], IP_PROTO_UDP, 8), hdr_len = len - 8;
		struct addr dst = lab_addr(far[v6]);
		uint8_t *exact = exactly(q, len);
		assert_true(icmp_quote_parse(l->s, exact, len, !v6, &e));
		assert_int_equal(e.proto, IP_PROTO_UDP);
		assert_int_equal(e.quote_len, 8);
		assert_ptr_equal(e.quote, exact + hdr_len);
		assert_true(addr_eq(&e.dst, &dst));
		free(exact);
		for (size_t n = 0; n < len; n++) {
			exact = exactly(q, n);
			assert_false(icmp_quote_parse(l->s, exact, n, !v6, &e));
			free(exact);
		}
		assert_false(icmp_quote_parse(l->s, q, len, v6, &e));              /* the other family */
		quote(q, v6, far[v6], us[v6], IP_PROTO_UDP, 8);
		assert_false(icmp_quote_parse(l->s, q, len, !v6, &e));             /* not sent by us */
	}
	quote(q, false, us[0], far[0], IP_PROTO_UDP, 8);
	write16(q + 6, 3);
	assert_false(icmp_quote_parse(l->s, q, 28, true, &e));                     /* a later fragment */
	q[0] = 0x44;
	write16(q + 6, 0);
	assert_false(icmp_quote_parse(l->s, q, 28, true, &e));
}

static void receive_error(struct lab *l, bool v6, uint8_t type, uint8_t code, uint32_t rest)
{
	uint8_t msg[200];
	size_t len = quote(msg + ICMP_HDR_LEN, v6, us[v6], far[v6], IP_PROTO_TCP, 20);

	len = lab_icmp(msg, v6, type, code, rest, peer[v6], us[v6], msg + ICMP_HDR_LEN, len);
	receive_message(l, v6, msg, len);
}

/* RFC 8201 (8201-1). */
static void errors_do_not_answer_errors(void **state)
{
	struct lab *l = *state;
	uint8_t msg[200];
	size_t len;

	for (int v6 = 0; v6 < 2; v6++) {
		receive_error(l, v6, v6 ? 1 : 3, 1, 0);
		drops_nothing(l);
		receive_error(l, v6, v6 ? 3 : 11, 0, 0);
		receive_error(l, v6, v6 ? 4 : 12, 0, 0);
		drops_nothing(l);
		/* quoting somebody else's datagram, or next to nothing */
		len = quote(msg + 8, v6, far[v6], peer[v6], IP_PROTO_TCP, 20);
		len = lab_icmp(msg, v6, v6 ? 1 : 3, 1, 0, peer[v6], us[v6], msg + 8, len);
		receive_message(l, v6, msg, len);
		drops(l, DROP_ICMP_BAD);
		len = lab_icmp(msg, v6, v6 ? 1 : 3, 1, 0, peer[v6], us[v6], msg + 8, 7);
		receive_message(l, v6, msg, len);
		drops(l, DROP_ICMP_BAD);
	}
	receive_error(l, false, ICMP4_UNREACH, 16, 0);
	drops(l, DROP_ICMP_BAD);
	receive_error(l, true, ICMP6_TOO_BIG, 0, 1279);
	drops(l, DROP_ICMP_BAD);
	sends_nothing(l);
	assert_int_equal(pmtu_find(l->s, &(struct addr){{0}}), 0);
}

/* ---- errors out ---- */

static struct packet *about(struct lab *l, const struct dgram *d)
{
	struct packet *p = lab_frame(d);

	packet_pull(p, ETH_HDR_LEN);
	p->netif = l->eth0;
	p->net_off = packet_off(p);
	p->src = lab_addr(d->src);
	p->dst = lab_addr(d->dst);
	return p;
}

static void complain(struct lab *l, const struct dgram *d, bool group)
{
	struct packet *p = about(l, d);

	p->multicast = group;
	icmp_complain(l->s, p, ICMP_PROBLEM_PORT, 0);
	packet_free(p);
}
#define complain_about(l, group, ...) complain(l, &(struct dgram){__VA_ARGS__}, group)

/* RFC 1122 (1122-18, 1122-19, 1122-20, 1122-21, 1122-22, 1122-24); RFC 4443 (4443-7, 4443-8, 4443-9, 4443-11). */
static void when_silence_is_the_rule(void **state)
{
	struct lab *l = *state;
	uint8_t msg[200] = {0}, ext[64] = {0};

	complain_about(l, false, .src = peer[0], .dst = us[0], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	sends(l, .icmp = {3, 3}, .rest = 0, .src = us[0], .dst = peer[0]);
	complain_about(l, false, .src = peer[1], .dst = us[1], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	sends(l, .icmp = {1, 4}, .src = us[1], .dst = peer[1]);
	complain_about(l, true, .src = peer[0], .dst = us[0], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	complain_about(l, true, .src = peer[1], .dst = us[1], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	/* later fragments */
	complain_about(l, false, .src = peer[0], .dst = us[0], .proto = IP_PROTO_UDP, .frag_off = 8, .data = msg, .len = 16);
	ip6_frag_emit(&(struct ip6_frag){.next = IP_PROTO_UDP, .offset = 8}, ext);
	complain_about(l, false, .src = peer[1], .dst = us[1], .proto = IP_PROTO_FRAGMENT, .data = ext, .len = 32);
	/* errors, plain and behind an extension header; unknown ICMP types may be errors */
	for (int type = 0; type < 256; type++) {
		bool query = type == 0 || type == 8 || (type >= 13 && type <= 18);
		if (query) continue;
		msg[0] = (uint8_t)type;
		complain_about(l, false, .src = peer[0], .dst = us[0], .proto = IP_PROTO_ICMP, .data = msg, .len = 16);
	}
	msg[0] = ICMP6_UNREACH;
	complain_about(l, false, .src = peer[1], .dst = us[1], .proto = IP_PROTO_ICMP6, .data = msg, .len = 16);
	memset(ext, 0, sizeof ext);
	ext[0] = IP_PROTO_ICMP6, ext[2] = 1, ext[3] = 4, ext[8] = ICMP6_TIME_EXCEEDED;
	complain_about(l, false, .src = peer[1], .dst = us[1], .proto = IP_PROTO_DSTOPTS, .data = ext, .len = 32);
	complain_about(l, false, .src = peer[1], .dst = us[1], .proto = IP_PROTO_ICMP6);
	/* sources that are not one host */
	complain_about(l, false, .src = "0.0.0.0", .dst = us[0], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	complain_about(l, false, .src = "224.0.0.9", .dst = us[0], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	complain_about(l, false, .src = "255.255.255.255", .dst = us[0], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	complain_about(l, false, .src = "127.0.0.1", .dst = us[0], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	complain_about(l, false, .src = "::", .dst = us[1], .proto = IP_PROTO_UDP, .data = msg, .len = 16);
	sends_nothing(l);
}

/* RFC 4443 (4443-10). Linux: IPv4 one a second, IPv6 ten. */
static void so_many_a_second_six_at_once(void **state)
{
	static const uint8_t data[64];
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		for (int i = 0; i < 20; i++)
			complain_about(l, false, .src = peer[v6], .dst = us[v6], .proto = IP_PROTO_UDP, .data = data, .len = 16);
		for (int i = 0; i < 6; i++)
			sends(l, .dst = peer[v6], .icmp = {v6 ? 1 : 3, v6 ? 4 : 3});
		sends_nothing(l);
		/* Others are served meanwhile. */
		complain_about(l, false, .src = v6 ? "2001:db8:1::2" : "10.0.1.2", .dst = us[v6], .proto = IP_PROTO_UDP, .data = data, .len = 16);
		sends(l, .by = l->eth1);
		lab_pass(l, (v6 ? 300 * NS_PER_MS : 3 * NS_PER_S) + 1);
		lab_acquaint(l);
		for (int i = 0; i < 20; i++)
			complain_about(l, false, .src = peer[v6], .dst = us[v6], .proto = IP_PROTO_UDP, .data = data, .len = 16);
		for (int i = 0; i < 3; i++)
			sends(l, .dst = peer[v6]);
		sends_nothing(l);
	}
}

/* ip-sysctl: icmp_ratelimit in milliseconds, 0 for none; icmp_ratemask names the types that it holds for. */
static void the_rate_can_be_set(void **state)
{
	static const uint8_t data[64];
	struct lab *l = *state;
	uint8_t msg[64];

	set(l, "net.ipv4.icmp_ratelimit", "100");
	set(l, "net.ipv6.icmp.ratelimit", "0");
	for (int v6 = 0; v6 < 2; v6++) {
		for (int i = 0; i < 20; i++)
			complain_about(l, false, .src = peer[v6], .dst = us[v6], .proto = IP_PROTO_UDP, .data = data, .len = 16);
		for (int i = 0; i < (v6 ? 20 : 6); i++)
			sends(l, .dst = peer[v6]);
		sends_nothing(l);
	}
	lab_pass(l, 200 * NS_PER_MS);
	for (int i = 0; i < 20; i++)
		complain_about(l, false, .src = peer[0], .dst = us[0], .proto = IP_PROTO_UDP, .data = data, .len = 16);
	sends(l, .dst = peer[0]);
	sends(l, .dst = peer[0]);
	sends_nothing(l);
	/* Echo replies (0) instead of unreachables (3). */
	set(l, "net.ipv4.icmp_ratemask", "1");
	set(l, "net.ipv4.icmp_ratelimit", "1000");
	for (int i = 0; i < 20; i++)
		complain_about(l, false, .src = peer[0], .dst = us[0], .proto = IP_PROTO_UDP, .data = data, .len = 16);
	for (int i = 0; i < 20; i++)
		sends(l, .dst = peer[0], .icmp = {3, 3});
	lab_pass(l, 10 * NS_PER_S);
	lab_acquaint(l);
	for (int i = 0; i < 20; i++)
		receive_message(l, false, msg, lab_echo(msg, false, peer[0], us[0], 8));
	for (int i = 0; i < 6; i++)
		sends(l, .dst = peer[0], .icmp_any = true, .icmp = {ICMP4_ECHO_REPLY, 0});
	sends_nothing(l);
}

/* RFC 1122 (1122-16); RFC 4443 (4443-5). */
static void quotes_are_as_long_as_they_may_be(void **state)
{
	static const uint8_t data[1400];
	struct lab *l = *state;

	complain_about(l, false, .src = peer[0], .dst = us[0], .proto = IP_PROTO_UDP, .data = data, .len = 1400);
	sends(l, .icmp = {3, 3}, .len = 576);
	complain_about(l, false, .src = peer[1], .dst = us[1], .proto = IP_PROTO_UDP, .data = data, .len = 1400);
	sends(l, .icmp = {1, 4}, .len = 1280);
}

/* ---- path MTU ---- */

/* RFC 8200 (8200-23); RFC 1191 (1191-1, 1191-2, 1191-4); RFC 8201 (8201-2, 8201-3, 8201-4). */
static void path_mtu_is_learnt_within_bounds_and_forgotten(void **state)
{
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		struct route r = {.dst = v6 ? addr_any6 : addr_any4, .has_gateway = true, .gateway = lab_addr(peer[v6])};
		struct ip_error e = {.dst = lab_addr(far[v6]), .mtu_bytes = 1400};
		struct route_hop hop;
		assert_int_equal(route_add(l->s, &r, NULL), 0);
		assert_int_equal(route_lookup(l->s, &e.dst, NULL, NULL, &hop), 0);
		assert_int_equal(ip_mtu(l->s, &e.dst, &hop), 1500);
		ip_pmtu_learn(l->s, &e);
		assert_int_equal(ip_mtu(l->s, &e.dst, &hop), 1400);
		e.mtu_bytes = 1450;
		ip_pmtu_learn(l->s, &e);
		assert_int_equal(ip_mtu(l->s, &e.dst, &hop), 1400);       /* never raised by a message */
		e.mtu_bytes = 68;
		ip_pmtu_learn(l->s, &e);
		assert_int_equal(ip_mtu(l->s, &e.dst, &hop), v6 ? 1280 : 552);
		/* What is sent now is cut accordingly. */
		struct ip_out out = {.dst = e.dst, .proto = 99};
		struct packet *p = packet_new(PACKET_HEADROOM, 1300);
		memset(p->data, 0, p->len);
		assert_int_equal(ip_output(l->s, p, &out), 0);
		sends(l, .dst = far[v6], .more = 2, .frag_off = 1);
		while (!list_empty(&l->sent))
			sends(l, .dst = far[v6]);
		lab_pass(l, 601 * NS_PER_S);
		assert_int_equal(ip_mtu(l->s, &e.dst, &hop), 1500);
	}
}

/* ip-sysctl: net.ipv4.route.min_pmtu, net.ipv4.route.mtu_expires, net.ipv6.route.mtu_expires. */
static void its_bounds_can_be_set(void **state)
{
	struct lab *l = *state;

	set(l, "net.ipv4.route.min_pmtu", "600");
	set(l, "net.ipv4.route.mtu_expires", "5");
	set(l, "net.ipv6.route.mtu_expires", "50");
	assert_int_equal(sysctl_set(l->s->sysctl, "net.ipv4.route.min_pmtu", "67"), -EINVAL);
	for (int v6 = 0; v6 < 2; v6++) {
		struct ip_error e = {.dst = lab_addr(far[v6]), .mtu_bytes = 100};
		ip_pmtu_learn(l->s, &e);
		assert_int_equal(pmtu_find(l->s, &e.dst), v6 ? 1280 : 600);
		lab_pass(l, (v6 ? 49 : 4) * NS_PER_S);
		assert_int_equal(pmtu_find(l->s, &e.dst), v6 ? 1280 : 600);
		lab_pass(l, 2 * NS_PER_S);
		assert_int_equal(pmtu_find(l->s, &e.dst), 0);
	}
}

/* What tells and can't be told. */
static void some_settings_are_fixed(void **state)
{
	struct lab *l = *state;
	char text[64];

	assert_int_equal(sysctl_get(l->s->sysctl, "net.ipv4.tcp_available_congestion_control", text, sizeof text), 10);
	assert_string_equal(text, "reno cubic");
	assert_int_equal(sysctl_set(l->s->sysctl, "net.ipv4.tcp_available_congestion_control", "reno"), -EACCES);
	assert_int_equal(sysctl_get(l->s->sysctl, "net.ipv4.icmp_msgs_per_sec", text, sizeof text), -ENOENT);
}

/* RFC 8201 (8201-5). */
static void path_mtu_cache_is_bounded(void **state)
{
	struct lab *l = *state;
	struct addr first = addr_v4(0x64000000), last = addr_v4(0x64000000 + 4999);

	for (uint32_t i = 0; i < 5000; i++) {
		struct ip_error e = {.dst = addr_v4(0x64000000 + i), .mtu_bytes = 1000};
		ip_pmtu_learn(l->s, &e);
	}
	assert_int_equal(pmtu_find(l->s, &first), 0);
	assert_int_equal(pmtu_find(l->s, &last), 1000);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open_acquainted, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(echo_is_answered), on_bench(messages_that_change_nothing), on_bench(quotes_are_read_with_care), on_bench(errors_do_not_answer_errors),
		on_bench(when_silence_is_the_rule), on_bench(so_many_a_second_six_at_once), on_bench(quotes_are_as_long_as_they_may_be),
		on_bench(path_mtu_is_learnt_within_bounds_and_forgotten), on_bench(path_mtu_cache_is_bounded),
		on_bench(echo_may_be_ignored), on_bench(the_rate_can_be_set), on_bench(its_bounds_can_be_set), on_bench(some_settings_are_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
