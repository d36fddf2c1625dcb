/* Control calls in shared memory: see desk.h. */
#include "channel/desk.h"
#include "channel/atomic.h"
#include "channel/channel.h"

#define FUTEX_OP_WAIT 0

/* ---- the client's end ---- */

bool desk_is_of(struct arena *a, uint32_t desk, uint32_t client)
{
	return desk != 0 && desk < DESK_MAX && shared_get32(&arena_desk(a, desk)->owner) == client;
}

bool desk_ask(struct arena *a, uint32_t desk, uint32_t len, uint32_t *ret_seen)
{
	struct desk *d = arena_desk(a, desk);
	*ret_seen = shared_get32(&d->answered);
	shared_set32(&d->len, len);
	/* Sequentially consistent against the engine, which says that it sleeps and then looks at the bits once more. */
	shared_or64(&a->asks[desk / 64], (uint64_t)1 << desk % 64);
	return arena_sleeps(a);
}

bool desk_is_answered(struct arena *a, uint32_t desk, uint32_t seen) { return shared_get32(&arena_desk(a, desk)->answered) != seen; }

void desk_sleep(struct arena *a, uint32_t desk, uint32_t seen, long (*futex)(_Atomic uint32_t *, int op, uint32_t val, const void *timeout))
{
	struct desk *d = arena_desk(a, desk);
	/* We arm and then look at `answered`, the engine moves it and then looks whether somebody is armed: one of the two sees the other. */
	shared_swap32(&d->armed, 1);
	if (shared_load32(&d->answered) == seen) futex(&d->answered, FUTEX_OP_WAIT, seen, NULL);
	shared_set32(&d->armed, 0);
}

uint32_t desk_answer_len(struct arena *a, uint32_t desk) { return MIN(shared_get32(&arena_desk(a, desk)->len), (uint32_t)DESK_ROOM); }

/* ---- the engine's end ---- */

bool desks_asked(struct arena *a)
{
	for (uint32_t w = 0; w < DESK_MAX / 64; w++)
		if (shared_load64(&a->asks[w]) != 0) return true;
	return false;
}

uint64_t desks_take(struct arena *a, uint32_t word) { return shared_get64(&a->asks[word]) != 0 ? shared_and64(&a->asks[word], 0) : 0; }

size_t desk_copy(struct arena *a, uint32_t desk, void *to, size_t cap)
{
	struct desk *d = arena_desk(a, desk);
	size_t len = MIN(MIN((size_t)shared_get32(&d->len), (size_t)DESK_ROOM), cap);
	memcpy(to, d->text, len);
	return len;
}

bool desk_move(struct arena *a, uint32_t desk)
{
	struct desk *d = arena_desk(a, desk);
	shared_add32(&d->answered, 1);
	return shared_load32(&d->armed) != 0;
}

bool desk_answer(struct arena *a, uint32_t desk, const void *head, size_t head_len, const void *rest, size_t rest_len)
{
	struct desk *d = arena_desk(a, desk);
	if (head_len > 0) memcpy(d->text, head, head_len);
	if (rest_len > 0) memcpy(d->text + head_len, rest, rest_len);
	shared_set32(&d->len, (uint32_t)(head_len + rest_len));
	return desk_move(a, desk);
}

/* A bit of the last owner's is no call of this one's. */
void desk_give(struct arena *a, uint32_t desk, uint32_t client)
{
	struct desk *d = arena_desk(a, desk);
	shared_and64(&a->asks[desk / 64], ~((uint64_t)1 << desk % 64));
	shared_set32(&d->armed, 0);
	shared_set32(&d->owner, client);
}

bool desk_end(struct arena *a, uint32_t desk)
{
	shared_set32(&arena_desk(a, desk)->owner, 0);
	return desk_move(a, desk);
}
