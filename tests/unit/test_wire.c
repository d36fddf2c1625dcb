/* The codecs: what is emitted is read back the same, known octets are read right, and no octets whatever do harm. */
#include "unit.h"
#include "base/random.h"
#include "wire/wire.h"

static const struct addr v4_a = {{[10] = 0xff, 0xff, 192, 0, 2, 1}}, v4_b = {{[10] = 0xff, 0xff, 192, 0, 2, 2}};
static const struct addr v6_a = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}}, v6_b = {{0x20, 0x01, 0x0d, 0xb8, [15] = 2}};

static void ip4_round_trip(void **state)
{
	(void)state;
	static const uint8_t router_alert[4] = {0x94, 4, 0, 0};
	struct ip4_hdr h = {
		.src = v4_a, .dst = v4_b, .total_len = 100, .id = 0xbeef, .frag_off = 1480, .tos = 0x10, .ttl = 64, .proto = IP_PROTO_UDP,
		.mf = true, .opt_len = 4, .opt = router_alert,
	}, back;
	uint8_t p[100] = {0};
	ip4_emit(&h, p);
	assert_int_equal(ip4_parse(&back, p, sizeof p), 24);
	assert_true(ip4_csum_ok(p, 24));
	assert_true(addr_eq(&back.src, &v4_a) && addr_eq(&back.dst, &v4_b));
	assert_int_equal(back.total_len, 100);
	assert_int_equal(back.id, 0xbeef);
	assert_int_equal(back.frag_off, 1480);
	assert_true(back.mf && !back.df);
	assert_int_equal(back.ttl, 64);
	assert_memory_equal(back.opt, router_alert, 4);
	p[8] ^= 1;
	assert_false(ip4_csum_ok(p, 24));
}

static void ip4_lengths_that_disagree_are_malformed(void **state)
{
	(void)state;
	struct ip4_hdr h = {.src = v4_a, .dst = v4_b, .total_len = 40, .ttl = 1}, back;
	uint8_t good[40] = {0};
	ip4_emit(&h, good);
	assert_int_equal(ip4_parse(&back, good, 40), 20);
	assert_int_equal(ip4_parse(&back, good, 39), -EBADMSG);          /* total length beyond the frame */
	assert_int_equal(ip4_parse(&back, good, 19), -EBADMSG);
	static const struct { size_t at; uint8_t value; } bad[] = {
		{0, 0x44}, {0, 0x40}, {0, 0x55}, {0, 0x4f}, {3, 19}, {3, 0},  /* ihl 4, 0, version 5, ihl beyond total, total below ihl */
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint8_t p[40];
		memcpy(p, good, sizeof p);
		p[bad[i].at] = bad[i].value;
		assert_int_equal(ip4_parse(&back, p, sizeof p), -EBADMSG);
	}
}

static void ip6_round_trip(void **state)
{
	(void)state;
	struct ip6_hdr h = {.src = v6_a, .dst = v6_b, .payload_len = 60, .flow = 0xabcde, .tclass = 0x2e, .next = IP_PROTO_TCP, .hops = 255}, back;
	uint8_t p[100] = {0};
	ip6_emit(&h, p);
	assert_int_equal(ip6_parse(&back, p, sizeof p), 40);
	assert_true(addr_eq(&back.src, &v6_a) && addr_eq(&back.dst, &v6_b));
	assert_int_equal(back.flow, 0xabcde);
	assert_int_equal(back.tclass, 0x2e);
	assert_int_equal(back.payload_len, 60);
	assert_int_equal(ip6_parse(&back, p, 99), -EBADMSG);
	p[0] = 0x45;
	assert_int_equal(ip6_parse(&back, p, sizeof p), -EBADMSG);
}

static void ip6_headers_between(void **state)
{
	(void)state;
	struct ip6_ext ext;
	uint8_t hop[16] = {IP_PROTO_TCP, 1, 5, 2, 0, 0};
	assert_int_equal(ip6_ext_parse(&ext, hop, 16), 16);
	assert_int_equal(ext.next, IP_PROTO_TCP);
	assert_int_equal(ext.len, 14);
	assert_ptr_equal(ext.body, hop + 2);
	assert_int_equal(ip6_ext_parse(&ext, hop, 15), -EBADMSG);
	assert_int_equal(ip6_ext_parse(&ext, hop, 7), -EBADMSG);
	struct ip6_frag f = {IP_PROTO_UDP, 1448, true, 0x12345678}, back;
	uint8_t p[IP6_FRAG_LEN];
	ip6_frag_emit(&f, p);
	assert_int_equal(ip6_frag_parse(&back, p, sizeof p), IP6_FRAG_LEN);
	assert_true(back.next == IP_PROTO_UDP && back.offset == 1448 && back.more && back.id == 0x12345678);
}

static void arp_and_ethernet_round_trip(void **state)
{
	(void)state;
	struct eth_hdr e = {mac_bcast, {{2, 0, 0, 0, 0, 1}}, ETH_TYPE_ARP}, e_back;
	struct arp_hdr a = {ARP_REQUEST, {{2, 0, 0, 0, 0, 1}}, {{0}}, v4_a, v4_b}, a_back;
	uint8_t p[ETH_HDR_LEN + ARP_LEN];
	eth_emit(&e, p);
	arp_emit(&a, p + ETH_HDR_LEN);
	assert_int_equal(eth_parse(&e_back, p, sizeof p), ETH_HDR_LEN);
	assert_memory_equal(&e_back, &e, sizeof e);
	assert_int_equal(arp_parse(&a_back, p + ETH_HDR_LEN, ARP_LEN), ARP_LEN);
	assert_int_equal(a_back.op, ARP_REQUEST);
	assert_true(addr_eq(&a_back.sender, &v4_a) && addr_eq(&a_back.target, &v4_b));
	assert_int_equal(arp_parse(&a_back, p + ETH_HDR_LEN, ARP_LEN - 1), -EBADMSG);
	for (size_t i = 0; i < 6; i++) {   /* hardware type, protocol type and both lengths are all checked */
		p[ETH_HDR_LEN + i] ^= 0x40;
		assert_int_equal(arp_parse(&a_back, p + ETH_HDR_LEN, ARP_LEN), -EBADMSG);
		p[ETH_HDR_LEN + i] ^= 0x40;
	}
}

/* RFC 8200 (8200-25); RFC 4443 (4443-2). */
static void icmp_checksum_covers_what_its_family_says(void **state)
{
	(void)state;
	struct icmp_hdr h = {ICMP4_ECHO, 0, 0x12340001}, back;
	uint8_t p[17] = {[8] = 'p', 'i', 'n', 'g'};
	icmp_emit(&h, p, sizeof p, NULL, NULL);
	assert_true(icmp_csum_ok(p, sizeof p, NULL, NULL));
	assert_int_equal(icmp_parse(&back, p, sizeof p), ICMP_HDR_LEN);
	assert_int_equal(back.rest, 0x12340001);
	h.type = ICMP6_ECHO;
	icmp_emit(&h, p, sizeof p, &v6_a, &v6_b);
	assert_true(icmp_csum_ok(p, sizeof p, &v6_a, &v6_b));
	assert_false(icmp_csum_ok(p, sizeof p, &v6_a, &v6_a));
	assert_int_equal(icmp_parse(&back, p, 7), -EBADMSG);
}

static void nd_round_trip(void **state)
{
	(void)state;
	struct nd_msg m = {.target = v6_b, .has_lladdr = true, .lladdr = {{2, 1, 2, 3, 4, 5}}, .solicited = true, .override = true}, back;
	struct icmp_hdr h;
	uint8_t p[32];
	assert_int_equal(nd_emit(&m, ICMP6_NA, p, &v6_a, &v6_b), 32);
	assert_true(icmp_csum_ok(p, 32, &v6_a, &v6_b));
	icmp_parse(&h, p, 32);
	assert_int_equal(nd_parse(&back, &h, p + 8, 24), 24);
	assert_true(addr_eq(&back.target, &v6_b) && back.solicited && back.override && !back.router && back.has_lladdr);
	assert_memory_equal(&back.lladdr, &m.lladdr, 6);
	m.has_lladdr = false;
	assert_int_equal(nd_emit(&m, ICMP6_NS, p, &v6_a, &v6_b), 24);
	icmp_parse(&h, p, 24);
	assert_int_equal(nd_parse(&back, &h, p + 8, 16), 16);
	assert_false(back.has_lladdr || back.solicited);
}

/* RFC 4861 §§7.1.1, 7.1.2 */
static void nd_refuses_what_the_rfc_does(void **state)
{
	(void)state;
	const struct icmp_hdr ns = {.type = ICMP6_NS}, ns_code = {.type = ICMP6_NS, .code = 1}, echo = {.type = ICMP6_ECHO};
	struct nd_msg m;
	uint8_t body[32] = {0x20, 0x01, [16] = 1, 1};
	assert_int_equal(nd_parse(&m, &ns, body, 24), 24);
	assert_int_equal(nd_parse(&m, &ns, body, 15), -EBADMSG);
	assert_int_equal(nd_parse(&m, &ns_code, body, 24), -EBADMSG);
	assert_int_equal(nd_parse(&m, &echo, body, 24), -EBADMSG);
	assert_int_equal(nd_parse(&m, &ns, body, 17), -EBADMSG);    /* half an option */
	body[17] = 0;
	assert_int_equal(nd_parse(&m, &ns, body, 24), -EBADMSG);    /* length 0 */
	body[17] = 2;
	assert_int_equal(nd_parse(&m, &ns, body, 24), -EBADMSG);    /* overruns */
	assert_int_equal(nd_parse(&m, &ns, body, 32), -EBADMSG);    /* a link-layer address that is not Ethernet's */
	body[16] = 200;
	assert_int_equal(nd_parse(&m, &ns, body, 32), 32);          /* unknown options are passed over */
	assert_false(m.has_lladdr);
	body[0] = 0xff;
	assert_int_equal(nd_parse(&m, &ns, body, 16), -EBADMSG);
}

/* RFC 1122 (1122-47); RFC 768 (768-3). */
static void udp_checksum_is_never_sent_as_zero(void **state)
{
	(void)state;
	uint8_t p[UDP_HDR_LEN + 2] = {0};
	struct udp_hdr h = {.src = 1000, .dst = 2000, .len = sizeof p}, back;
	bool saw_ones = false;
	for (unsigned v = 0; v < 65536; v++) {
		write16(p + 8, (uint16_t)v);
		udp_emit(&h, p, &v4_a, &v4_b);
		assert_true(udp_csum_ok(p, sizeof p, &v4_a, &v4_b));
		assert_int_not_equal(read16(p + 6), 0);
		saw_ones = saw_ones || read16(p + 6) == 0xffff;
	}
	assert_true(saw_ones);
	write16(p + 6, 0);
	assert_true(udp_csum_ok(p, sizeof p, &v4_a, &v4_b));
	assert_false(udp_csum_ok(p, sizeof p, &v6_a, &v6_b));
	assert_int_equal(udp_parse(&back, p, sizeof p), UDP_HDR_LEN);
	assert_int_equal(udp_parse(&back, p, sizeof p - 1), -EBADMSG);
	write16(p + 4, 7);
	assert_int_equal(udp_parse(&back, p, sizeof p), -EBADMSG);
}

static void udplite_checks_what_is_covered(void **state)
{
	(void)state;
	uint8_t p[UDP_HDR_LEN + 4] = {0};
	for (unsigned coverage = 0; coverage <= sizeof p + 1; coverage++) {
		struct udp_hdr h = {.src = 1000, .dst = 2000, .len = sizeof p, .coverage = (uint16_t)MIN(coverage, sizeof p)}, back;
		udplite_emit(&h, p, &v4_a, &v4_b);
		write16(p + 4, (uint16_t)coverage);
		if ((coverage && coverage < UDP_HDR_LEN) || coverage > sizeof p) {
			assert_int_equal(udplite_parse(&back, p, sizeof p), -EBADMSG);
			continue;
		}
		assert_int_equal(udplite_parse(&back, p, sizeof p), UDP_HDR_LEN);
		assert_int_equal(back.coverage, coverage ? coverage : sizeof p);
		assert_int_equal(back.len, sizeof p);
		for (size_t i = 0; i < sizeof p; i++) {
			if (i == 4 || i == 5) continue;
			p[i] ^= 1;
			udplite_parse(&back, p, sizeof p);
			assert_int_equal(udplite_csum_ok(&back, p, &v4_a, &v4_b), i >= back.coverage);
			p[i] ^= 1;
		}
		back.csum = 0;
		assert_false(udplite_csum_ok(&back, p, &v4_a, &v4_b));
	}
}

/* RFC 9293 (MUST-69). */
static void tcp_options_are_laid_out_as_linux_does(void **state)
{
	(void)state;
	struct tcp_hdr syn = {
		.src = 1, .dst = 2, .seq = 3, .flags = TCP_SYN, .wnd = 64240,
		.opts = {.has_mss = true, .mss = 1460, .sack_ok = true, .has_ts = true, .ts_val = 0x01020304, .has_wscale = true, .wscale = 7},
	};
	static const uint8_t want[] = {2, 4, 5, 180, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7};
	uint8_t p[TCP_HDR_MAX];
	assert_int_equal(tcp_hdr_len(&syn), 40);
	tcp_emit(&syn, p, 0, &v4_a, &v4_b);
	assert_memory_equal(p + 20, want, sizeof want);
	syn.opts.has_ts = false;
	static const uint8_t want_no_ts[] = {2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7};
	assert_int_equal(tcp_hdr_len(&syn), 32);
	tcp_emit(&syn, p, 0, &v4_a, &v4_b);
	assert_memory_equal(p + 20, want_no_ts, sizeof want_no_ts);
}

static struct tcp_hdr random_tcp(struct random *r)
{
	struct tcp_hdr h;
	memset(&h, 0, sizeof h);
	uint64_t bits = random_next(r);
	h.src = (uint16_t)bits;
	h.seq = (seq32)random_next(r);
	h.ack = (seq32)random_next(r);
	h.flags = (uint8_t)(bits >> 16);
	h.wnd = (uint16_t)(bits >> 24);
	h.opts.has_mss = bits >> 40 & 1;
	h.opts.mss = h.opts.has_mss ? 1460 : 0;
	h.opts.sack_ok = bits >> 41 & 1;
	h.opts.has_wscale = bits >> 42 & 1;
	h.opts.wscale = h.opts.has_wscale ? 200 : 0;
	h.opts.has_ts = bits >> 43 & 1;
	h.opts.ts_val = h.opts.has_ts ? (uint32_t)random_next(r) : 0;
	/* No more blocks than fit beside the rest. */
	size_t room = (TCP_HDR_MAX - tcp_hdr_len(&h)) / 8;
	h.opts.n_sack = (uint8_t)MIN(bits >> 44 & 3, room ? room - 1 : 0);
	for (size_t i = 0; i < h.opts.n_sack; i++)
		h.opts.sack[i].start = (seq32)random_next(r);
	return h;
}

/* RFC 9293 (MUST-2). */
static void tcp_round_trip(void **state)
{
	(void)state;
	struct random r = random_seeded(1, "tcp");
	for (int i = 0; i < 20000; i++) {
		struct tcp_hdr h = random_tcp(&r), back;
		size_t len = tcp_hdr_len(&h);
		uint8_t p[TCP_HDR_MAX + 5] = {0};
		assert_true(len <= TCP_HDR_MAX && len % 4 == 0);
		tcp_emit(&h, p, 5, &v6_a, &v6_b);
		assert_true(tcp_csum_ok(p, len + 5, &v6_a, &v6_b));
		memset(&back, 0, sizeof back);
		assert_int_equal(tcp_parse(&back, p, len + 5), len);
		assert_int_equal(back.seq, h.seq);
		assert_int_equal(back.flags, h.flags);
		assert_int_equal(back.wnd, h.wnd);
		assert_true(back.opts.has_mss == h.opts.has_mss && back.opts.mss == h.opts.mss && back.opts.sack_ok == h.opts.sack_ok);
		assert_true(back.opts.has_wscale == h.opts.has_wscale && back.opts.wscale == h.opts.wscale);
		assert_true(back.opts.has_ts == h.opts.has_ts && back.opts.ts_val == h.opts.ts_val);
		assert_int_equal(back.opts.n_sack, h.opts.n_sack);
		assert_memory_equal(back.opts.sack, h.opts.sack, h.opts.n_sack * sizeof h.opts.sack[0]);
	}
}

static void tcp_emits_as_many_sack_blocks_as_fit(void **state)
{
	(void)state;
	struct tcp_hdr h = {.opts = {.has_ts = true, .n_sack = 4}};
	assert_int_equal(tcp_hdr_len(&h), 60);      /* three beside a timestamp */
	h.opts.has_ts = false;
	assert_int_equal(tcp_hdr_len(&h), 56);
	h.opts.n_sack = 255;
	assert_int_equal(tcp_hdr_len(&h), 56);
}

static struct tcp_hdr with_options(const uint8_t *opts, size_t n)
{
	uint8_t p[TCP_HDR_MAX] = {0};
	struct tcp_hdr h;
	size_t len = TCP_HDR_MIN + (n + 3) / 4 * 4;
	memcpy(p + TCP_HDR_MIN, opts, n);
	p[12] = (uint8_t)(len / 4 << 4);
	uint8_t *exact = exactly(p, len);
	assert_int_equal(tcp_parse(&h, exact, len), len);
	free(exact);
	return h;
}

/* RFC 9293 §3.1 (MUST-6, MUST-7) RFC 9293 (MUST-4, MUST-64, MUST-68). */
static void tcp_survives_illegal_options(void **state)
{
	(void)state;
	struct tcp_hdr h = with_options((const uint8_t[]){2, 0, 5, 180}, 4);
	assert_false(h.opts.has_mss);                                                 /* length 0 */
	h = with_options((const uint8_t[]){2, 1, 5, 180}, 4);
	assert_false(h.opts.has_mss);
	h = with_options((const uint8_t[]){3, 3, 7, 2, 4, 5, 180, 8, 10, 0, 0, 0}, 12);
	assert_true(h.opts.has_wscale && h.opts.has_mss && !h.opts.has_ts);           /* the last one overruns */
	h = with_options((const uint8_t[]){1, 1, 1, 2}, 4);
	assert_false(h.opts.has_mss);                                                 /* kind without length */
	h = with_options((const uint8_t[]){253, 6, 1, 2, 3, 4, 2, 4, 2, 24}, 10);
	assert_int_equal(h.opts.mss, 536);                                            /* unknown ones are passed over */
	h = with_options((const uint8_t[]){0, 2, 4, 2, 24}, 5);
	assert_false(h.opts.has_mss);                                                 /* nothing counts behind the end */
	h = with_options((const uint8_t[]){2, 4, 0, 0}, 4);
	assert_false(h.opts.has_mss);                                                 /* MSS 0 */
	h = with_options((const uint8_t[]){5, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0}, 12);
	assert_int_equal(h.opts.n_sack, 0);                                           /* not whole blocks */
	h = with_options((const uint8_t[]){3, 3, 99, 0}, 4);
	assert_int_equal(h.opts.wscale, 99);
}

static void tcp_data_offset_is_checked(void **state)
{
	(void)state;
	uint8_t p[TCP_HDR_MAX] = {0};
	struct tcp_hdr h;
	for (unsigned offset = 0; offset < 16; offset++) {
		p[12] = (uint8_t)(offset << 4);
		assert_int_equal(tcp_parse(&h, p, 40), offset < 5 || offset > 10 ? -EBADMSG : (int)offset * 4);
	}
}

/* Octets that almost are a header: random ones with a plausible beginning. */
static void prime(struct random *r, uint8_t *p, size_t n, int what)
{
	random_fill(r, p, n);
	if (n < 20) return;
	if (what == 0) p[0] = 0x45 + (p[0] & 3);
	if (what == 0) write16(p + 2, (uint16_t)(n - (p[1] & 3)));
	if (what == 1) p[12] = (uint8_t)(0x50 + (p[12] & 0xf0) % 0xb0);
	for (size_t i = 20; what == 1 && i + 1 < n; i += 2)
		if (p[i] & 0x40) p[i] = p[i] & 15, p[i + 1] &= 15;
	if (what == 2) p[17] = p[17] & 3;
}

static void no_octets_do_harm(void **state)
{
	(void)state;
	struct random r = random_seeded(1, "hostile");
	for (int i = 0; i < 300000; i++) {
		uint8_t raw[96];
		size_t n = random_next(&r) % sizeof raw;
		int what = i % 4;
		prime(&r, raw, n, what);
		uint8_t *p = exactly(raw, n);
		struct eth_hdr eth; struct arp_hdr arp; struct ip4_hdr ip4; struct ip6_hdr ip6; struct ip6_ext ext; struct ip6_frag frag;
		struct icmp_hdr icmp = {.type = (uint8_t)(ICMP6_NS + (i & 1))}; struct nd_msg nd; struct udp_hdr udp; struct tcp_hdr tcp;
		int results[] = {
			eth_parse(&eth, p, n), arp_parse(&arp, p, n), ip4_parse(&ip4, p, n), ip6_parse(&ip6, p, n), ip6_ext_parse(&ext, p, n),
			ip6_frag_parse(&frag, p, n), nd_parse(&nd, &icmp, p, n), icmp_parse(&icmp, p, n), udp_parse(&udp, p, n), tcp_parse(&tcp, p, n),
		};
		for (size_t k = 0; k < ARRAY_SIZE(results); k++)
			assert_true(results[k] == -EBADMSG || (results[k] > 0 && (size_t)results[k] <= n));
		if (results[2] > 0) assert_true(ip4.opt_len <= 40 && ip4.total_len <= n && ip4.opt + ip4.opt_len <= p + n);
		if (results[4] > 0) assert_true(ext.body + ext.len <= p + n);
		if (results[8] > 0) assert_true(udp.len <= n);
		if (results[9] > 0) assert_true(tcp.opts.n_sack <= TCP_SACK_MAX);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip4_round_trip),
		cmocka_unit_test(ip4_lengths_that_disagree_are_malformed),
		cmocka_unit_test(ip6_round_trip),
		cmocka_unit_test(ip6_headers_between),
		cmocka_unit_test(arp_and_ethernet_round_trip),
		cmocka_unit_test(icmp_checksum_covers_what_its_family_says),
		cmocka_unit_test(nd_round_trip),
		cmocka_unit_test(nd_refuses_what_the_rfc_does),
		cmocka_unit_test(udp_checksum_is_never_sent_as_zero),
		cmocka_unit_test(udplite_checks_what_is_covered),
		cmocka_unit_test(tcp_options_are_laid_out_as_linux_does),
		cmocka_unit_test(tcp_round_trip),
		cmocka_unit_test(tcp_emits_as_many_sack_blocks_as_fit),
		cmocka_unit_test(tcp_survives_illegal_options),
		cmocka_unit_test(tcp_data_offset_is_checked),
		cmocka_unit_test(no_octets_do_harm),
	};
	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
