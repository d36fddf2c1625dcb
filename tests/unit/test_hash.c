/* SipHash against the vectors of its reference implementation, the table under growth, and seeded streams. */
#include "unit.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/siphash.h"

static void siphash_matches_the_reference_vectors(void **state)
{
	(void)state;
	/* Key 00 01 … 0f, message 00 01 … of the length that is the index. */
	static const struct { size_t len; uint64_t result; } vectors[] = {
		{0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd}, {2, 0x0d6c8009d9a94f5a}, {3, 0x85676696d7fb7e2d},
		{7, 0xab0200f58b01d137}, {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5},
	};
	const struct siphash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	uint8_t message[16];
	for (size_t i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		assert_true(siphash(&key, message, vectors[i].len) == vectors[i].result);
}

struct item { struct hash_node node; unsigned key; bool seen; };

static struct item *find(const struct hash *h, unsigned key, uint64_t hash)
{
	for (struct hash_node *n = hash_first(h, hash); n; n = hash_next(n))
		if (container_of(n, struct item, node)->key == key) return container_of(n, struct item, node);
	return NULL;
}

#define ITEMS 1000

static uint64_t spread(unsigned key) { return (key % 100) * 0x9e3779b97f4a7c15u; }   /* ten keys share each hash */

static void table_finds_everything_while_it_grows(void **state)
{
	(void)state;
	static struct item items[ITEMS];
	struct hash h;
	hash_init(&h);
	assert_null(hash_first(&h, 0));
	assert_null(hash_walk(&h, NULL));
	for (unsigned i = 0; i < ITEMS; i++) {
		items[i].key = i;
		assert_int_equal(hash_insert(&h, &items[i].node, spread(i)), 0);
		for (unsigned j = 0; j <= i; j += 37)
			assert_ptr_equal(find(&h, j, spread(j)), &items[j]);
	}
	assert_int_equal(h.count, ITEMS);
	assert_true(h.n_buckets >= ITEMS);
	for (unsigned i = 0; i < ITEMS; i += 2)
		hash_remove(&h, &items[i].node);
	for (unsigned i = 0; i < ITEMS; i++)
		assert_ptr_equal(find(&h, i, spread(i)), i % 2 ? &items[i] : NULL);
	hash_free(&h);
}

static void walk_visits_each_once_and_allows_removal(void **state)
{
	(void)state;
	static struct item items[ITEMS];
	struct hash h;
	unsigned n = 0;
	hash_init(&h);
	for (unsigned i = 0; i < ITEMS; i++)
		assert_int_equal(hash_insert(&h, &items[i].node, spread(i)), 0);
	for (struct hash_node *at = hash_walk(&h, NULL), *next; at; at = next, n++) {
		struct item *item = container_of(at, struct item, node);
		next = hash_walk(&h, at);
		assert_false(item->seen);
		item->seen = true;
		hash_remove(&h, at);
	}
	assert_int_equal(n, ITEMS);
	assert_int_equal(h.count, 0);
	hash_free(&h);
}

static void streams_depend_on_seed_and_name_only(void **state)
{
	(void)state;
	struct random a = random_seeded(1, "x"), same = random_seeded(1, "x"), name = random_seeded(1, "y"), seed = random_seeded(2, "x");
	double sum = 0;
	for (int i = 0; i < 1000; i++) {
		uint64_t v = random_next(&a);
		assert_true(v == random_next(&same));
		assert_true(v != random_next(&name) && v != random_next(&seed));
	}
	for (int i = 0; i < 10000; i++) {
		double u = random_unit(&a);
		assert_true(u >= 0 && u < 1);
		sum += u;
	}
	assert_true(sum > 4800 && sum < 5200);
}

static void fill_writes_exactly_what_was_asked(void **state)
{
	(void)state;
	uint8_t octets[24];
	for (size_t len = 0; len <= 20; len++) {
		struct random r = random_seeded(7, "fill");
		memset(octets, 0xee, sizeof octets);
		random_fill(&r, octets, len);
		assert_int_equal(octets[len], 0xee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_matches_the_reference_vectors),
		cmocka_unit_test(table_finds_everything_while_it_grows),
		cmocka_unit_test(walk_visits_each_once_and_allows_removal),
		cmocka_unit_test(streams_depend_on_seed_and_name_only),
		cmocka_unit_test(fill_writes_exactly_what_was_asked),
	};
	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
