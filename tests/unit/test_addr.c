/* Addresses: text there and back, kinds, prefixes; and the Internet checksum. */
#include "unit.h"
#include "base/addr.h"
#include "base/checksum.h"
#include "base/random.h"

static struct addr parsed(const char *text)
{
	struct addr a;
	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static void text_is_canonical(void **state)
{
	(void)state;
	/* RFC 5952 §4 and §5 */
	static const char *const pairs[][2] = {
		{"::", "::"}, {"::1", "::1"}, {"1::", "1::"}, {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"0:0:0:0:0:0:0:0", "::"}, {"fe80::0001", "fe80::1"}, {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"}, {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
		{"::ffff:192.0.2.1", "192.0.2.1"}, {"::ffff:c000:201", "192.0.2.1"}, {"192.0.2.1", "192.0.2.1"}, {"0.0.0.0", "0.0.0.0"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"}, {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"}, {"255.255.255.255", "255.255.255.255"},
	};
	char buf[ADDR_TEXT_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct addr a = parsed(pairs[i][0]);
		assert_string_equal(addr_text(buf, &a), pairs[i][1]);
	}
}

static void malformed_text_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", ":", ":::", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1..2.3",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1::2::3", "12345::", "g::", "1:", ":1", "::1:",
		"1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "::1.2.3.4.5", "::1.2.3.4:5", "fe80::1%eth0", "1.2.3.4/8", "99999999999.1.1.1",
	};
	struct addr a = addr_loop4;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(addr_parse(&a, bad[i]), -EINVAL);
	assert_true(addr_eq(&a, &addr_loop4));   /* untouched on failure */
}

static void any_address_survives_the_round_trip(void **state)
{
	(void)state;
	struct random r = random_seeded(1, "addr");
	char buf[ADDR_TEXT_MAX];
	for (int i = 0; i < 20000; i++) {
		struct addr a;
		random_fill(&r, a.b, sizeof a.b);
		for (uint64_t zeros = random_next(&r), g = 0; g < 8; g++)
			if (zeros >> g & 1) memset(a.b + 2 * g, 0, 2);
		if (i % 7 == 0) a = addr_v4((uint32_t)random_next(&r));
		struct addr back = parsed(addr_text(buf, &a));
		assert_true(addr_eq(&a, &back));
	}
}

static void prefixes_are_read(void **state)
{
	(void)state;
	struct addr a;
	unsigned plen;
	assert_int_equal(addr_parse_prefix(&a, &plen, "10.0.0.1/24"), 0);
	assert_int_equal(plen, 24);
	assert_int_equal(addr_parse_prefix(&a, &plen, "10.0.0.1"), 0);
	assert_int_equal(plen, 32);
	assert_int_equal(addr_parse_prefix(&a, &plen, "fd00::/0"), 0);
	assert_int_equal(plen, 0);
	assert_int_equal(addr_parse_prefix(&a, &plen, "::1"), 0);
	assert_int_equal(plen, 128);
	static const char *const bad[] = {"10.0.0.1/33", "::/129", "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1/8x", "10.0.0.1/0008", "/8"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(addr_parse_prefix(&a, &plen, bad[i]), -EINVAL);
	assert_int_equal(plen, 128);
}

static void prefixes_match_within_one_family(void **state)
{
	(void)state;
	struct addr host = parsed("10.1.2.3"), net = parsed("10.1.0.0"), host6 = parsed("fd00:1::5"), any4 = addr_any4, any6 = addr_any6;
	assert_true(addr_in_prefix(&host, &net, 16));
	assert_true(addr_in_prefix(&host, &net, 22));
	assert_false(addr_in_prefix(&host, &net, 23));
	assert_true(addr_in_prefix(&host, &any4, 0));
	assert_false(addr_in_prefix(&host, &any6, 0));
	assert_false(addr_in_prefix(&host6, &any4, 0));
	assert_true(addr_in_prefix(&host6, &any6, 0));
	struct addr mask = addr_mask(&host, 20), last = addr_last(&host, 20), last6 = addr_last(&host6, 127);
	struct addr mask_want = parsed("10.1.0.0"), last_want = parsed("10.1.15.255"), last6_want = parsed("fd00:1::5");
	assert_true(addr_eq(&mask, &mask_want) && addr_eq(&last, &last_want) && addr_eq(&last6, &last6_want));
}

static void kinds_are_told_apart(void **state)
{
	(void)state;
	struct addr a = parsed("127.200.0.1"), b = parsed("224.0.0.1"), c = parsed("ff02::1"), d = parsed("fe80::1"), e = parsed("169.254.9.9");
	assert_true(addr_is_loopback(&a) && addr_is_loopback(&addr_loop6) && !addr_is_loopback(&b));
	assert_true(addr_is_multicast(&b) && addr_is_multicast(&c) && !addr_is_multicast(&addr_bcast4));
	assert_true(addr_is_linklocal(&d) && addr_is_linklocal(&e) && !addr_is_linklocal(&c));
	assert_true(addr_is_any(&addr_any4) && addr_is_any(&addr_any6) && !addr_is_any(&a));
	assert_true(addr_is_v4(&addr_any4) && !addr_is_v4(&addr_any6));
	struct addr node = parsed("fe80::2aa:ff:fe28:9c5a"), solicited = addr_solicited_node(&node), want = parsed("ff02::1:ff28:9c5a");
	assert_true(addr_eq(&solicited, &want));
}

/* RFC 1071 §1, word by word. */
static uint16_t slow_checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void checksum_agrees_with_the_definition(void **state)
{
	(void)state;
	/* RFC 1071 §3 */
	static const uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	assert_int_equal(csum_fold(csum_add(0, example, sizeof example)), 0xffff & ~0xddf2);
	struct random r = random_seeded(1, "csum");
	uint8_t data[300];
	for (size_t n = 0; n <= sizeof data; n++) {
		random_fill(&r, data, n);
		uint8_t *p = exactly(data, n);
		uint16_t want = slow_checksum(p, n);
		assert_int_equal(csum_fold(csum_add(0, p, n)), want);
		size_t split = n / 2 & ~(size_t)1;
		assert_int_equal(csum_fold(csum_add(csum_add(0, p, split), p + split, n - split)), want);
		free(p);
	}
}

static void checksum_carries_through_long_runs_of_ones(void **state)
{
	(void)state;
	static uint8_t ones[65535];
	memset(ones, 0xff, sizeof ones);
	for (size_t n = 65500; n <= sizeof ones; n++)
		assert_int_equal(csum_fold(csum_add(0, ones, n)), slow_checksum(ones, n));
}

static void pseudo_header_is_that_of_the_family(void **state)
{
	(void)state;
	struct addr s4 = parsed("192.0.2.1"), d4 = parsed("198.51.100.7"), s6 = parsed("2001:db8::1"), d6 = parsed("2001:db8::2");
	uint8_t h4[12] = {192, 0, 2, 1, 198, 51, 100, 7, 0, 17, 0x12, 0x34}, h6[40] = {0};
	assert_int_equal(csum_fold(csum_pseudo(&s4, &d4, 17, 0x1234)), slow_checksum(h4, sizeof h4));
	memcpy(h6, s6.b, 16);
	memcpy(h6 + 16, d6.b, 16);
	write32(h6 + 32, 0x11234);
	h6[39] = 6;
	assert_int_equal(csum_fold(csum_pseudo(&s6, &d6, 6, 0x11234)), slow_checksum(h6, sizeof h6));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_canonical),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(any_address_survives_the_round_trip),
		cmocka_unit_test(prefixes_are_read),
		cmocka_unit_test(prefixes_match_within_one_family),
		cmocka_unit_test(kinds_are_told_apart),
		cmocka_unit_test(checksum_agrees_with_the_definition),
		cmocka_unit_test(checksum_carries_through_long_runs_of_ones),
		cmocka_unit_test(pseudo_header_is_that_of_the_family),
	};
	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
