/* Addresses and their peers: the tree against a plain list, which is slow and right. */
#include "bench.h"

#define PEERS 8
#define ENTRIES 400

struct entry { struct addr prefix; unsigned plen; struct wg_peer *peer; };

static struct entry entries[ENTRIES];
static size_t n_entries;

static struct wg_peer *plain_find(const struct addr *a)
{
	const struct entry *best = NULL;

	for (size_t i = 0; i < n_entries; i++) {
		const struct entry *e = &entries[i];
		if (addr_is_v4(a) != addr_is_v4(&e->prefix) || !addr_in_prefix(a, &e->prefix, e->plen)) continue;
		if (!best || e->plen > best->plen) best = e;
	}
	return best ? best->peer : NULL;
}

static void plain_add(const struct addr *prefix, unsigned plen, struct wg_peer *peer)
{
	for (size_t i = 0; i < n_entries; i++)
		if (entries[i].plen == plen && addr_eq(&entries[i].prefix, prefix)) {
			entries[i].peer = peer;
			return;
		}
	entries[n_entries++] = (struct entry){*prefix, plen, peer};
}

static void plain_remove(const struct wg_peer *peer)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_entries; i++)
		if (entries[i].peer != peer) entries[kept++] = entries[i];
	n_entries = kept;
}

/* Few octets that differ, so that prefixes lie within each other. */
static struct addr any_addr(struct bench *b, bool v4)
{
	uint8_t a[16] = {0xfd};
	uint32_t r = stack_random32(b->net.s[0]);

	if (v4) return addr_v4(0x0a000000 | (r & 0x00030f0f));
	a[1] = (uint8_t)(r & 3);
	a[7] = (uint8_t)(r >> 8 & 0x83);
	a[15] = (uint8_t)(r >> 16 & 0xc3);
	return addr_v6_octets(a);
}

static void compare(struct bench *b)
{
	for (int i = 0; i < 200; i++) {
		struct addr a = any_addr(b, i & 1);
		assert_ptr_equal(wg_tree_find(&b->w[0]->tree, &a), plain_find(&a));
	}
}

static void test_against_a_list(void **state)
{
	struct bench *b = *state;
	struct wg_peer *peers[PEERS];

	wg_peers_remove(b->w[0]);
	n_entries = 0;
	for (uint8_t i = 0; i < PEERS; i++) assert_int_equal(wg_peer_add(b->w[0], &(struct wg_key){{9, i}}, &peers[i]), 0);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 30 && n_entries < ENTRIES; i++) {
			bool v4 = i & 1;
			unsigned plen = stack_random32(b->net.s[0]) % (v4 ? 33 : 129);
			struct addr any = any_addr(b, v4), a = addr_mask(&any, plen);
			struct wg_peer *peer = peers[stack_random32(b->net.s[0]) % PEERS];
			assert_int_equal(wg_allow(peer, &(struct wg_prefix){any, (uint8_t)plen}), 0);
			plain_add(&a, plen, peer);
		}
		compare(b);
		wg_disallow_all(peers[round % PEERS]);
		plain_remove(peers[round % PEERS]);
		compare(b);
	}
	wg_peers_remove(b->w[0]);
	assert_int_equal(b->w[0]->tree.nodes, 0);
	assert_null(b->w[0]->tree.v4);
	assert_null(b->w[0]->tree.v6);
}

/* As they were given, masked; IPv6's default is not IPv4's. */
static void test_listed(void **state)
{
	struct bench *b = *state;
	struct wg_peer *peer = b->peer[0];
	const struct wg_allowed *at = NULL;
	struct wg_prefix p;
	char text[ADDR_TEXT_MAX];
	struct addr four = addr_v4(0x08080808);

	wg_disallow_all(peer);
	allow(peer, "::/0");
	assert_null(wg_tree_find(&b->w[0]->tree, &four));
	allow(peer, "10.1.2.3/16");
	allow(peer, "0.0.0.0/0");
	assert_ptr_equal(wg_tree_find(&b->w[0]->tree, &four), peer);
	for (int i = 0; i < 3; i++) {
		static const struct { const char *addr; uint8_t plen; } want[] = {{"::", 0}, {"10.1.0.0", 16}, {"0.0.0.0", 0}};
		at = wg_allowed_next(peer, at);
		p = wg_allowed_prefix(at);
		assert_string_equal(addr_text(text, &p.addr), want[i].addr);
		assert_int_equal(p.plen, want[i].plen);
	}
	assert_null(wg_allowed_next(peer, at));
	p = (struct wg_prefix){addr_v4(0), 33};
	assert_int_equal(wg_allow(peer, &p), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BENCH_TEST(test_against_a_list), BENCH_TEST(test_listed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
