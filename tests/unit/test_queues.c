/* The timer heap, the byte ring, the list and the growing array, each against a naive model. */
#include "unit.h"
#include "base/array.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/random.h"
#include "base/ring.h"

#define TIMERS 500

struct timer_model { struct heap_node node; time_ns due; unsigned set; bool is_set; };

static struct heap_node *model_min(struct timer_model *t)
{
	struct timer_model *best = NULL;
	for (size_t i = 0; i < TIMERS; i++) {
		if (!t[i].is_set) continue;
		if (!best || t[i].due < best->due || (t[i].due == best->due && t[i].set < best->set)) best = &t[i];
	}
	return best ? &best->node : NULL;
}

static void heap_agrees_with_a_sorted_model(void **state)
{
	(void)state;
	static struct timer_model t[TIMERS];
	struct heap h;
	struct random r = random_seeded(1, "heap");
	heap_init(&h);
	for (unsigned step = 0; step < 20000; step++) {
		struct timer_model *m = &t[random_next(&r) % TIMERS];
		if (random_next(&r) % 3 == 0) {
			heap_remove(&h, &m->node);
			m->is_set = false;
		} else {
			m->due = (time_ns)(random_next(&r) % 50);   /* many are due together */
			m->set = step;
			m->is_set = true;
			assert_int_equal(heap_insert(&h, &m->node, m->due), 0);
		}
		assert_true(heap_has(&m->node) == m->is_set);
		assert_int_equal(heap_due(&h, &m->node), m->is_set ? m->due : TIME_NEVER);
		if (step % 16 == 0) assert_ptr_equal(heap_min(&h), model_min(t));
		assert_int_equal(heap_min_due(&h), heap_min(&h) ? heap_due(&h, heap_min(&h)) : TIME_NEVER);
	}
	for (struct heap_node *n; (n = heap_min(&h));) {
		assert_ptr_equal(n, model_min(t));
		container_of(n, struct timer_model, node)->is_set = false;
		heap_remove(&h, n);
	}
	assert_null(model_min(t));
	heap_free(&h);
}

static void timers_due_together_fire_in_the_order_they_were_set(void **state)
{
	(void)state;
	static struct heap_node n[100];
	struct heap h;
	heap_init(&h);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(heap_insert(&h, &n[i], 5), 0);
	/* Setting one again puts it behind the others. */
	assert_int_equal(heap_insert(&h, &n[0], 5), 0);
	for (size_t i = 1; i <= 100; i++) {
		assert_ptr_equal(heap_min(&h), &n[i % 100]);
		heap_remove(&h, heap_min(&h));
	}
	heap_remove(&h, &n[0]);   /* harmless */
	assert_null(heap_min(&h));
	assert_int_equal(heap_min_due(&h), TIME_NEVER);
	heap_free(&h);
}

static uint8_t pattern(size_t i) { return (uint8_t)(i * 7 + (i >> 8)); }

static void ring_keeps_a_stream_in_order(void **state)
{
	(void)state;
	static uint8_t chunk[9000];
	struct ring q;
	struct random r = random_seeded(1, "ring");
	size_t in = 0, out = 0;
	ring_init(&q);
	for (unsigned step = 0; step < 3000; step++) {
		size_t n = random_next(&r) % sizeof chunk;
		if (random_next(&r) % 2) {
			for (size_t i = 0; i < n; i++)
				chunk[i] = pattern(in + i);
			assert_int_equal(ring_append(&q, chunk, n), 0);
			in += n;
		} else {
			size_t offset = q.len ? random_next(&r) % q.len : 0;
			n = MIN(n, q.len - offset);
			ring_peek(&q, offset, chunk, n);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(chunk[i], pattern(out + offset + i));
			ring_consume(&q, n);
			out += n;
		}
		assert_int_equal(q.len, in - out);
	}
	ring_consume(&q, q.len);
	assert_null(q.buf);   /* an empty queue holds no memory */
	ring_free(&q);
}

static void ring_refuses_what_cannot_be(void **state)
{
	(void)state;
	struct ring q;
	ring_init(&q);
	assert_int_equal(ring_append(&q, "ab", 2), 0);
	assert_int_equal(ring_append(&q, "ab", SIZE_MAX - 1), -ENOMEM);
	assert_int_equal(ring_append(&q, NULL, 0), 0);
	assert_int_equal(q.len, 2);
	ring_free(&q);
}

struct member { struct list node; int value; };

static void list_walk_survives_removal_of_the_current(void **state)
{
	(void)state;
	struct member m[5];
	struct list l;
	int sum = 0;
	list_init(&l);
	for (int i = 0; i < 5; i++) {
		m[i].value = i;
		list_append(&l, &m[i].node);
	}
	list_each (struct member, at, &l, node) {
		sum = sum * 10 + at->value;
		list_remove(&at->node);
	}
	assert_int_equal(sum, 1234);
	assert_true(list_empty(&l));
	assert_null(list_pop(&l));
	list_remove(&m[0].node);   /* harmless */
}

static void array_keeps_what_it_has_and_zeroes_the_new(void **state)
{
	(void)state;
	unsigned *at = NULL;
	size_t n = 0;
	for (unsigned i = 0; i < 100; i++) {
		unsigned *last = array_grow(&at, &n, sizeof *last);
		assert_ptr_equal(last, &at[i]);
		assert_int_equal(n, i + 1);
		assert_int_equal(*last, 0);
		*last = i + 1;
		for (unsigned k = 0; k < i; k++) assert_int_equal(at[k], k + 1);
	}
	free(at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heap_agrees_with_a_sorted_model),
		cmocka_unit_test(timers_due_together_fire_in_the_order_they_were_set),
		cmocka_unit_test(ring_keeps_a_stream_in_order),
		cmocka_unit_test(ring_refuses_what_cannot_be),
		cmocka_unit_test(list_walk_survives_removal_of_the_current),
		cmocka_unit_test(array_keeps_what_it_has_and_zeroes_the_new),
	};
	return cmocka_run_group_tests_name("queues", tests, NULL, NULL);
}
