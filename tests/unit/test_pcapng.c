/* pcapng blocks: that what is written fits exactly or not at all, is found again, and that no octets whatever lead the reader astray. */
#include "unit.h"
#include "base/random.h"
#include "host/pcapng.h"

static const uint8_t frame[] = "an octet less than two words…";

static size_t section(uint8_t *to, size_t size) { return pcapng_section(to, size, "test"); }
static size_t interface(uint8_t *to, size_t size) { return pcapng_interface(to, size, PCAPNG_ETHERNET, "h1:eth0", &(struct mac){{2, 0, 0, 0, 0, 1}}); }
static size_t statistics(uint8_t *to, size_t size) { return pcapng_statistics(to, size, 0, 1, 77); }

static const struct pcapng_packet want = {.interface = 3, .when = 1700000000 * NS_PER_S + 1, .data = frame, .len = sizeof frame, .inbound = true,
					  .comment = "why", .missed = 9};

static size_t packet(uint8_t *to, size_t size) { return pcapng_packet(to, size, &want); }

static size_t bare_packet(uint8_t *to, size_t size) { return pcapng_packet(to, size, &(struct pcapng_packet){.data = frame, .len = 0}); }

static size_t (*const writers[])(uint8_t *, size_t) = {section, interface, packet, bare_packet, statistics};

static void a_block_fits_or_is_not_written(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++) {
		uint8_t whole[256], again[256];
		size_t len = writers[i](whole, sizeof whole);
		assert_true(len > 12 && len % 4 == 0);
		for (size_t size = 0; size < len; size++) {
			uint8_t *to = exactly(whole, size);
			assert_int_equal(writers[i](to, size), 0);
			free(to);
		}
		assert_int_equal(writers[i](again, len), len);
		assert_memory_equal(again, whole, len);
		assert_memory_equal(whole + 4, whole + len - 4, 4);      /* the length stands at both ends */
	}
}

static void blocks_are_found_again(void **state)
{
	(void)state;
	static const uint32_t types[] = {PCAPNG_SECTION, PCAPNG_INTERFACE, PCAPNG_PACKET, PCAPNG_PACKET, PCAPNG_STATISTICS};
	uint8_t stream[1024];
	size_t len = 0, at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		len += writers[i](stream + len, sizeof stream - len);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct pcapng_block b;
		ssize_t n = pcapng_read(stream + at, len - at, &b);
		assert_true(n > 0 && b.len == (size_t)n && b.type == types[i]);
		for (ssize_t part = 0; part < n; part++) {
			struct pcapng_block none;
			uint8_t *cut = exactly(stream + at, (size_t)part);
			assert_int_equal(pcapng_read(cut, (size_t)part, &none), 0);
			free(cut);
		}
		if (i == 1) assert_int_equal(b.linktype, PCAPNG_ETHERNET);
		if (i == 3) assert_true(!b.inbound && !b.comment && b.when == 0);
		if (i == 2) {
			assert_int_equal(b.data_len, sizeof frame);
			assert_memory_equal(b.data, frame, sizeof frame);
			assert_true(b.interface == want.interface && b.when == want.when && b.inbound == want.inbound);
			assert_int_equal(b.comment_len, strlen(want.comment));
			assert_memory_equal(b.comment, want.comment, b.comment_len);
		}
		assert_int_equal(b.missed, i == 2 ? 9 : i == 4 ? 77 : 0);
		at += (size_t)n;
	}
	assert_int_equal(at, len);
}

static void damaged_blocks_do_no_harm(void **state)
{
	(void)state;
	struct random r = random_seeded(1, "pcapng");
	for (int i = 0; i < 50000; i++) {
		uint8_t whole[256];
		size_t len = writers[(size_t)i % ARRAY_SIZE(writers)](whole, sizeof whole);
		for (uint64_t hits = 1 + random_next(&r) % 4; hits > 0; hits--)
			whole[random_next(&r) % MIN(len, sizeof whole)] = (uint8_t)random_next(&r);
		uint8_t *copy = exactly(whole, len);
		struct pcapng_block b = {0};
		ssize_t n = pcapng_read(copy, len, &b);
		assert_true(n == 0 || n == -EPROTO || (n > 0 && (size_t)n <= len));
		if (n > 0 && b.data) assert_true(b.data >= copy && b.data + b.data_len <= copy + len);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_fits_or_is_not_written),
		cmocka_unit_test(blocks_are_found_again),
		cmocka_unit_test(damaged_blocks_do_no_harm),
	};
	return cmocka_run_group_tests_name("pcapng", tests, NULL, NULL);
}
