/*
 * Accounts: whatever the engine keeps for programs (descriptors, channels, bells) is on the account of a process until it is gone, whoever uses it by
 * then. All take from the same stock of each: nobody may have more than is left for the others, so however many one asks for, the next one finds some.
 * The one who asks alone gets half.
 *
 * Another connection of a process changes nothing about its share. What a process leaves behind stays on its account, which no other process gets, though it
 * has the same number.
 */
#include <stdlib.h>
#include "engine/private.h"

static void account_end_if_empty(struct account *a)
{
	if (a->users > 0) return;
	list_remove(&a->node);
	for (size_t i = 0; i < STOCKS; i++)
		if (a->has[i] > 0) return;
	free(a);
}

/* Who has no number that we can see shares with nobody. */
struct account *account_of(struct engine *e, pid_t pid)
{
	list_each(struct account, a, &e->accounts, node) {
		if (pid <= 0 || a->pid != pid) continue;
		a->users++;
		return a;
	}
	struct account *a = calloc(1, sizeof *a);
	if (!a) return NULL;
	a->pid = pid;
	a->users = 1;
	list_append(&e->accounts, &a->node);
	return a;
}

void account_leave(struct account *a)
{
	if (!a) return;
	a->users--;
	account_end_if_empty(a);
}

bool account_may(const struct engine *e, const struct account *a, enum stock s, uint32_t n)
{
	return (uint64_t)a->has[s] + e->stocks[s].in_use + (uint64_t)n * 2 <= (uint64_t)e->stocks[s].limit + 1;
}

bool account_take(struct engine *e, struct account *a, enum stock s, uint32_t n)
{
	if (!account_may(e, a, s, n)) return false;
	account_move(e, NULL, a, s, n);
	return true;
}

void account_move(struct engine *e, struct account *from, struct account *to, enum stock s, uint32_t n)
{
	if (to) {
		to->has[s] += n;
		e->stocks[s].in_use += n;
	}
	if (!from) return;
	from->has[s] -= n;
	e->stocks[s].in_use -= n;
	account_end_if_empty(from);
}
