/*
 * Robust mutexes that a thread holds when it exits: the next one to take them is told. The kernel sees to it when the thread is gone, which is after
 * the program has taken its memory away (foreign_exit), so it is done here, as there: get_robust_list(2).
 */
#include <linux/futex.h>
#include "shim/foreign/foreign.h"

#define LOCKS_MAX 2048                 /* as the kernel: the list may be a circle */

struct robust { struct robust_list_head *head; uint32_t tid; };

static void owner_died(_Atomic uint32_t *word, uint32_t tid)
{
	uint32_t was = atomic_load(word);
	while ((was & FUTEX_TID_MASK) == tid)
		if (atomic_compare_exchange_weak(word, &was, (was & FUTEX_WAITERS) | FUTEX_OWNER_DIED)) break;
	if ((was & FUTEX_TID_MASK) == tid && was & FUTEX_WAITERS) sys(SYS_futex, word, FUTEX_WAKE, 1);
}

static _Atomic uint32_t *word_of(const struct robust_list_head *h, const struct robust_list *entry)
{
	return (_Atomic uint32_t *)(((uintptr_t)entry & ~1ul) + (uintptr_t)h->futex_offset);
}

static long walk(void *arg)
{
	struct robust *r = arg;
	const struct robust_list_head *h = r->head;
	const struct robust_list *pending = h->list_op_pending, *e = h->list.next;
	for (int i = 0; i < LOCKS_MAX && e != &h->list; i++) {
		const struct robust_list *next = ((const struct robust_list *)((uintptr_t)e & ~1ul))->next;
		if (e != pending) owner_died(word_of(h, e), r->tid);
		e = next;
	}
	if (pending) owner_died(word_of(h, pending), r->tid);
	return 0;
}

void foreign_robust_end(void)
{
	struct robust r = {.tid = (uint32_t)sys(SYS_gettid)};
	size_t size = 0;
	if (sys(SYS_get_robust_list, 0, &r.head, &size) != 0 || !r.head) return;
	guarded(walk, &r);
	sys(SYS_set_robust_list, NULL, sizeof *r.head);
}
