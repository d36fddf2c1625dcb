/* Cutting and joining: every size, every order, and what attackers made of it. */
#include "lab.h"
#include "base/random.h"

#define BIG 65507                             /* the largest UDP payload of IPv4 */

static const char *const us[2] = {"10.0.0.1", "2001:db8::1"}, *const peer[2] = {"10.0.0.2", "2001:db8::2"};

/* One fragment to us: IPv6's with its fragment header. */
static void receive_fragment(struct lab *l, bool v6, uint32_t id, size_t off, bool more, const uint8_t *data, size_t len)
{
	static uint8_t buf[70000];
	struct ip6_frag f = {.next = IP_PROTO_ICMP6, .offset = (uint16_t)off, .more = more, .id = id};

	if (!v6) {
		receives(l, .proto = IP_PROTO_ICMP, .id = (uint16_t)id, .frag_off = (uint16_t)off, .mf = more, .data = data, .len = len);
		return;
	}
	ip6_frag_emit(&f, buf);
	memcpy(buf + IP6_FRAG_LEN, data, len);
	receives(l, .src = peer[1], .dst = us[1], .proto = IP_PROTO_FRAGMENT, .data = buf, .len = IP6_FRAG_LEN + len);
}

/* The fragments of the reply, put together by hand: it has to be the request with another type. */
static void expect_reply(struct lab *l, bool v6, const uint8_t *request, size_t len)
{
	size_t hdr_len = v6 ? IP6_HDR_LEN : IP4_HDR_MIN, at = 0, mtu_data = v6 ? 1448 : 1480;
	uint8_t *got = malloc(len);
	bool cut = len + hdr_len > 1500;

	while (at < len) {
		size_t n = cut ? MIN(mtu_data, len - at) : len;
		struct packet *p = sends(l, .src = us[v6], .dst = peer[v6], .proto = v6 ? IP_PROTO_ICMP6 : IP_PROTO_ICMP, .frag_off = 1 + (int)at,
					 .more = 1 + (at + n < len));
		memcpy(got + at, lab_ip(p) + hdr_len + (v6 && cut ? IP6_FRAG_LEN : 0), n);
		at += n;
	}
	assert_int_equal(got[0], v6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY);
	assert_memory_equal(got + 4, request + 4, len - 4);
	sends_nothing(l);
	free(got);
}

/* Sends an echo request in fragments of `step` octets, in the order that `order` (a permutation of n) tells. */
static void echo_in_pieces(struct lab *l, bool v6, size_t payload, size_t step, const size_t *order)
{
	uint8_t *msg = malloc(ICMP_HDR_LEN + payload);
	size_t len = lab_echo(msg, v6, peer[v6], us[v6], payload), n = (len + step - 1) / step;
	static uint32_t id;

	id++;
	for (size_t i = 0; i < n; i++) {
		size_t at = (order ? order[i] : i) * step, now = MIN(step, len - at);
		receive_fragment(l, v6, id, at, at + now < len, msg + at, now);
	}
	expect_reply(l, v6, msg, len);
	drops_nothing(l);
	free(msg);
}

/* RFC 791 (791-9, 791-12); RFC 1122 (1122-30, 1122-35); RFC 8200 (8200-20); RFC 4443 (4443-17). */
static void largest_datagrams_go_round(void **state)
{
	struct lab *l = *state;

	echo_in_pieces(l, false, BIG, 1480, NULL);
	echo_in_pieces(l, true, BIG, 1448, NULL);
	echo_in_pieces(l, false, 3, 8, NULL);
	echo_in_pieces(l, true, 3, 8, NULL);
	echo_in_pieces(l, false, 1480 - 8, 1480, NULL);
	echo_in_pieces(l, true, 1452, 800, NULL);
}

/* RFC 791 (791-8). */
static void any_order_will_do(void **state)
{
	struct lab *l = *state;
	struct random r = random_seeded(7, "order");
	size_t order[64];

	for (int round = 0; round < 40; round++) {
		size_t step = 8 * (1 + random_next(&r) % 40), payload = 1 + random_next(&r) % (step * 60), n = (payload + 8 + step - 1) / step;
		for (size_t i = 0; i < n; i++) {
			size_t j = random_next(&r) % (i + 1);
			order[i] = order[j];
			order[j] = i;
		}
		echo_in_pieces(l, round & 1, payload, step, order);
	}
}

/* 8,192 fragments of one block each, the last first: the work must not grow with the square. */
static void worst_order_of_smallest_fragments(void **state)
{
	struct lab *l = *state;
	size_t n = 65504 / 8, *order = malloc(n * sizeof *order);

	l->s->sysctl->ipfrag_high_thresh = 64 << 20;
	for (size_t i = 0; i < n; i++)
		order[i] = n - 1 - i;
	echo_in_pieces(l, false, 65504 - 8, 8, order);
	free(order);
}

/* RFC 5722 (5722-1, 5722-2, 5722-3). */
static void overlap_ends_the_datagram(void **state)
{
	static const uint8_t data[64];
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		receive_fragment(l, v6, 900, 0, true, data, 32);
		receive_fragment(l, v6, 900, 24, true, data, 16);
		assert_int_equal(l->s->drops[DROP_FRAG_OVERLAP], 2);
		/* RFC 5722 §4: also what comes later of it. */
		receive_fragment(l, v6, 900, 32, true, data, 16);
		receive_fragment(l, v6, 900, 48, false, data, 16);
		assert_int_equal(l->s->drops[DROP_FRAG_OVERLAP], 4);
		/* Beyond the end, and two ends. */
		receive_fragment(l, v6, 901, 32, false, data, 16);
		receive_fragment(l, v6, 901, 48, true, data, 16);
		assert_int_equal(l->s->drops[DROP_FRAG_OVERLAP], 6);
		receive_fragment(l, v6, 902, 32, false, data, 16);
		receive_fragment(l, v6, 902, 16, false, data, 8);
		assert_int_equal(l->s->drops[DROP_FRAG_OVERLAP], 8);
		l->s->drops[DROP_FRAG_OVERLAP] = 0;
		lab_pass(l, 61 * NS_PER_S);
		lab_acquaint(l);
	}
	assert_int_equal(l->s->drops[DROP_FRAG_TIMEOUT], 0);
	sends_nothing(l);
}

static void exact_duplicates_do_no_harm(void **state)
{
	struct lab *l = *state;
	uint8_t msg[2000];
	size_t len = lab_echo(msg, false, peer[0], us[0], 100);

	receive_fragment(l, false, 5, 0, true, msg, 64);
	receive_fragment(l, false, 5, 0, true, msg, 64);
	drops(l, DROP_FRAG_OVERLAP);
	receive_fragment(l, false, 5, 64, false, msg + 64, len - 64);
	expect_reply(l, false, msg, len);
}

/* RFC 1122 (1122-36, 1122-37); RFC 8200 (8200-17, 8200-18). */
static void time_runs_out(void **state)
{
	static const uint8_t data[64] = {ICMP4_ECHO}, data6[64] = {ICMP6_ECHO};
	struct lab *l = *state;

	receive_fragment(l, false, 1, 0, true, data, 16);
	receive_fragment(l, false, 2, 16, true, data, 16);       /* no first fragment: nobody is told */
	lab_pass(l, 29 * NS_PER_S);
	assert_int_equal(l->s->drops[DROP_FRAG_TIMEOUT], 0);
	lab_acquaint(l);
	lab_pass(l, NS_PER_S);
	assert_int_equal(l->s->drops[DROP_FRAG_TIMEOUT], 2);
	sends(l, .dst = peer[0], .icmp = {ICMP4_TIME_EXCEEDED, 1}, .len = 20 + 8 + 36);
	sends_nothing(l);
	receive_fragment(l, true, 1, 0, true, data6, 16);
	lab_pass(l, 59 * NS_PER_S);
	lab_acquaint(l);
	lab_pass(l, NS_PER_S);
	assert_int_equal(l->s->drops[DROP_FRAG_TIMEOUT], 3);
	sends(l, .dst = peer[1], .icmp = {ICMP6_TIME_EXCEEDED, 1});
	sends_nothing(l);
}

static void memory_is_bounded(void **state)
{
	static const uint8_t data[1024];
	struct lab *l = *state;
	uint8_t msg[1100];
	size_t len = lab_echo(msg, false, peer[0], us[0], 1000);

	l->s->sysctl->ipfrag_high_thresh = 256 << 10;
	for (uint32_t id = 1; id < 2000; id++)
		receive_fragment(l, false, id, 1024, true, data, 1024);
	assert_true(l->s->drops[DROP_FRAG_LIMIT] > 1500);
	/* New ones still get their chance. */
	receive_fragment(l, false, 5000, 0, true, msg, 512);
	receive_fragment(l, false, 5000, 512, false, msg + 512, len - 512);
	expect_reply(l, false, msg, len);
}

/* RFC 8200 (8200-15, 8200-16). */
static void fragments_that_can_not_be(void **state)
{
	static const uint8_t data[64] = {ICMP6_ECHO};
	struct lab *l = *state;

	/* past 65,535 */
	receive_fragment(l, false, 1, 65528, false, data, 16);
	drops(l, DROP_FRAG_BAD);
	receive_fragment(l, true, 1, 65528, false, data, 16);
	drops(l, DROP_FRAG_BAD);
	sends_nothing(l);                                         /* not the first fragment */
	/* nothing in it */
	receive_fragment(l, false, 1, 8, true, data, 0);
	drops(l, DROP_FRAG_BAD);
	receive_fragment(l, true, 1, 8, true, data, 0);
	drops(l, DROP_FRAG_BAD);
	receive_fragment(l, false, 1, 8, true, data, 7);
	drops(l, DROP_FRAG_BAD);
	/* not whole blocks: IPv6 complains about the payload length */
	receive_fragment(l, true, 1, 0, true, data, 15);
	drops(l, DROP_FRAG_BAD);
	sends(l, .dst = peer[1], .icmp = {ICMP6_PARAM_PROBLEM, 0}, .rest = 4);
	/* a fragment header that is cut off */
	receives(l, .src = peer[1], .dst = us[1], .proto = IP_PROTO_FRAGMENT, .data = data, .len = 7);
	drops(l, DROP_IP_BAD);
	sends_nothing(l);
}

/* RFC 7112: all headers are in the first fragment. RFC 6946: an atomic fragment does not meet others. */
/* RFC 7112 (7112-1, 7112-2); RFC 6946 (6946-1). */
static void first_fragments_of_ipv6(void **state)
{
	struct lab *l = *state;
	uint8_t buf[200] = {0}, *body = buf + IP6_FRAG_LEN;
	struct ip6_frag f = {.next = IP_PROTO_DSTOPTS, .more = true, .id = 1};

	ip6_frag_emit(&f, buf);
	body[0] = IP_PROTO_ICMP6, body[1] = 4;                    /* 40 octets of options; 16 are here */
	receives(l, .src = peer[1], .dst = us[1], .proto = IP_PROTO_FRAGMENT, .data = buf, .len = IP6_FRAG_LEN + 16);
	drops(l, DROP_FRAG_BAD);
	sends(l, .dst = peer[1], .icmp = {ICMP6_PARAM_PROBLEM, 3});
	receive_fragment(l, true, 9, 0, true, buf, 64);
	f = (struct ip6_frag){.next = IP_PROTO_ICMP6, .id = 9};
	ip6_frag_emit(&f, buf);
	size_t len = lab_echo(body, true, peer[1], us[1], 20);
	receives(l, .src = peer[1], .dst = us[1], .proto = IP_PROTO_FRAGMENT, .data = buf, .len = IP6_FRAG_LEN + len);
	expect_reply(l, true, body, len);
}

/* RFC 6980: neighbour discovery is never fragmented. RFC 6980 (6980-1). */
static void neighbour_discovery_in_fragments(void **state)
{
	struct lab *l = *state;
	struct addr src = lab_addr(peer[1]), dst = lab_addr(us[1]);
	struct nd_msg m = {.target = dst, .has_lladdr = true, .lladdr = mac_peer};
	uint8_t ns[32], buf[64];
	struct ip6_frag f = {.next = IP_PROTO_ICMP6, .more = true, .id = 3};

	nd_emit(&m, ICMP6_NS, ns, &src, &dst);
	ip6_frag_emit(&f, buf);
	memcpy(buf + 8, ns, 16);
	receives(l, .src = peer[1], .dst = us[1], .proto = IP_PROTO_FRAGMENT, .ttl = 255, .data = buf, .len = 24);
	f.offset = 16, f.more = false;
	ip6_frag_emit(&f, buf);
	memcpy(buf + 8, ns + 16, 16);
	receives(l, .src = peer[1], .dst = us[1], .proto = IP_PROTO_FRAGMENT, .ttl = 255, .data = buf, .len = 24);
	drops(l, DROP_ND_BAD);
	sends_nothing(l);
}

/* RFC 791 (791-11). */
static void do_not_fragment_is_obeyed(void **state)
{
	struct lab *l = *state;

	for (int v6 = 0; v6 < 2; v6++) {
		size_t fits = 1500 - (v6 ? IP6_HDR_LEN : IP4_HDR_MIN);
		struct ip_out out = {.dst = lab_addr(peer[v6]), .proto = 99, .df = true};
		struct packet *p = packet_new(PACKET_HEADROOM, fits + 1);
		assert_int_equal(ip_output(l->s, p, &out), -EMSGSIZE);
		drops(l, DROP_IP_TOO_BIG);
		p = packet_new(PACKET_HEADROOM, fits);
		memset(p->data, 0, fits);
		assert_int_equal(ip_output(l->s, p, &out), 0);
		sends(l, .dst = peer[v6], .len = 1500);
		out.df = false;
		assert_int_equal(ip_output(l->s, packet_new(PACKET_HEADROOM, v6 ? 65536 : 65516), &out), -EMSGSIZE);
		drops(l, DROP_IP_TOO_BIG);
	}
	sends_nothing(l);
}

/* RFC 791 §3.2 (791-10): pieces of different datagrams do not meet: another identification, source or protocol is another datagram. */
static void strangers_do_not_meet(void **state)
{
	struct lab *l = *state;
	uint8_t msg[200];
	size_t len = lab_echo(msg, false, peer[0], us[0], 100);

	receive_fragment(l, false, 7, 0, true, msg, 64);
	receive_fragment(l, false, 8, 64, false, msg + 64, len - 64);
	receives(l, .src = "10.0.0.3", .dst = us[0], .proto = IP_PROTO_ICMP, .id = 7, .frag_off = 64, .data = msg + 64, .len = len - 64);
	receives(l, .proto = IP_PROTO_UDP, .id = 7, .frag_off = 64, .data = msg + 64, .len = len - 64);
	sends_nothing(l);
	receive_fragment(l, false, 7, 64, false, msg + 64, len - 64);
	expect_reply(l, false, msg, len);
}

/* RFC 8200 §4.5 (8200-19): what later fragments say of the next header does not count. */
static void the_first_fragment_says_what_follows(void **state)
{
	struct lab *l = *state;
	uint8_t msg[200], buf[200];
	size_t len = lab_echo(msg, true, peer[1], us[1], 100);
	struct ip6_frag f = {.next = IP_PROTO_UDP, .offset = 64, .id = 7};

	ip6_frag_emit(&f, buf);
	memcpy(buf + IP6_FRAG_LEN, msg + 64, len - 64);
	receives(l, .src = peer[1], .dst = us[1], .proto = IP_PROTO_FRAGMENT, .data = buf, .len = IP6_FRAG_LEN + len - 64);
	receive_fragment(l, true, 7, 0, true, msg, 64);
	expect_reply(l, true, msg, len);
}

static uint32_t fragment_id(struct lab *l, const char *dst)
{
	struct ip_out out = {.dst = lab_addr(dst), .proto = 99};
	struct packet *p = packet_new(PACKET_HEADROOM, 2000);
	struct ip6_frag f;

	memset(p->data, 0, p->len);
	assert_int_equal(ip_output(l->s, p, &out), 0);
	p = sends(l, .dst = dst, .more = 2);
	assert_true(ip6_frag_parse(&f, lab_ip(p) + IP6_HDR_LEN, IP6_FRAG_LEN) > 0);
	sends(l, .dst = dst, .more = 1);
	return f.id;
}

/* RFC 7739 §4 (7739-1): one destination's identifications tell nothing of another's. */
static void identifications_can_not_be_guessed(void **state)
{
	struct lab *l = *state;
	uint32_t a = fragment_id(l, peer[1]), b = fragment_id(l, "2001:db8:1::2"), again = fragment_id(l, peer[1]);

	assert_int_not_equal(a, again);
	assert_true(b - a > 16 && a - b > 16);
	assert_true(a > 16 && b > 16);
}

/* RFC 8021 §3 (8021-1): a path MTU that is too small makes no fragment of a whole datagram. */
static void no_atomic_fragments_are_made(void **state)
{
	struct lab *l = *state;
	struct ip_error e = {.dst = lab_addr(peer[1]), .mtu_bytes = 600};
	struct ip_out out = {.dst = lab_addr(peer[1]), .proto = 99};
	struct packet *p = packet_new(PACKET_HEADROOM, 1000);

	ip_pmtu_learn(l->s, &e);
	memset(p->data, 0, p->len);
	assert_int_equal(ip_output(l->s, p, &out), 0);
	sends(l, .dst = peer[1], .proto = 99, .len = 1040);
	sends_nothing(l);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open_acquainted, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(largest_datagrams_go_round), on_bench(any_order_will_do), on_bench(worst_order_of_smallest_fragments),
		on_bench(overlap_ends_the_datagram), on_bench(exact_duplicates_do_no_harm), on_bench(time_runs_out), on_bench(memory_is_bounded),
		on_bench(fragments_that_can_not_be), on_bench(first_fragments_of_ipv6), on_bench(neighbour_discovery_in_fragments),
		on_bench(do_not_fragment_is_obeyed), on_bench(strangers_do_not_meet), on_bench(the_first_fragment_says_what_follows),
		on_bench(identifications_can_not_be_guessed), on_bench(no_atomic_fragments_are_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
