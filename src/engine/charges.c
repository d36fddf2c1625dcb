/* What the stack counts for the entries of an rx ring of datagrams until the program has read them, oldest first. */
#include <errno.h>
#include <stdlib.h>
#include "engine/private.h"

int charges_push(struct charges *q, struct charge c)
{
	if (q->count == q->cap) {
		uint32_t cap = q->cap ? q->cap * 2 : 16;
		struct charge *at = malloc(cap * sizeof *at);
		if (!at) return -ENOMEM;
		for (uint32_t i = 0; i < q->count; i++) at[i] = q->at[(q->start + i) % q->cap];
		free(q->at);
		*q = (struct charges){.at = at, .cap = cap, .count = q->count, .partial = q->partial};
	}
	q->at[(q->start + q->count++) % q->cap] = c;
	return 0;
}

void charges_clear(struct charges *q)
{
	free(q->at);
	*q = (struct charges){0};
}

/* The charges of the entries that are wholly read once `octets` more of the ring are. */
uint32_t charges_pop(struct charges *q, uint64_t octets, time_ns *ret_arrival)
{
	uint32_t lent = 0;
	q->partial += octets;
	while (q->count > 0 && q->partial >= q->at[q->start].ring) {
		q->partial -= q->at[q->start].ring;
		lent += q->at[q->start].lent;
		*ret_arrival = q->at[q->start].arrival;
		q->start = (q->start + 1) % q->cap;
		q->count--;
	}
	return lent;
}
