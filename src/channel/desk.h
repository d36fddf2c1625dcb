/*
 * Desks: where a client's short control calls lie, so that none needs a system call while both ends are awake. rpc/rpc.h says what a call and its answer
 * are; here they are octets. What is too long for a desk, or comes with descriptors, goes over the control pair.
 *
 *     client    lays the call down; sets the desk's bit; rings the doorbell if the engine sleeps; waits until `answered` moves
 *     engine    takes the bit; takes a copy of the call, checks that and serves it; lays the answer down; moves `answered`; wakes
 *
 * The engine takes the bits before it looks for hang-ups and work, so that what a program did before its call is seen before it. `answered` moves as
 * well when no answer will come: the desk has another owner then, or the arena is dead.
 */
#pragma once
#include "channel/arena.h"

/* ---- the client's end; one call at a time ---- */

/* Is the desk the client's still? 0 is nobody's, and none. */
bool desk_is_of(struct arena *a, uint32_t desk, uint32_t client);
/* The call stands in arena_desk()->text. *ret_seen: what `answered` moves from. true: the engine sleeps, and is to be woken. */
bool desk_ask(struct arena *a, uint32_t desk, uint32_t len, uint32_t *ret_seen);
/* Sleeps once, unless the answer is there. */
void desk_sleep(struct arena *a, uint32_t desk, uint32_t seen, long (*futex)(_Atomic uint32_t *, int op, uint32_t val, const void *timeout));
bool desk_is_answered(struct arena *a, uint32_t desk, uint32_t seen);
/* Octets of the answer in text; 0: it comes over the pair. */
uint32_t desk_answer_len(struct arena *a, uint32_t desk);

/* ---- the engine's end; wake: the client sleeps on `answered` ---- */

bool desks_asked(struct arena *a);
uint64_t desks_take(struct arena *a, uint32_t word);                      /* those of 64 that ask; their bits are clear now */
void desk_give(struct arena *a, uint32_t desk, uint32_t client);
size_t desk_copy(struct arena *a, uint32_t desk, void *to, size_t cap);   /* the call; never more than cap */
bool desk_answer(struct arena *a, uint32_t desk, const void *head, size_t head_len, const void *rest, size_t rest_len);   /* which fit; none: by the pair */
bool desk_end(struct arena *a, uint32_t desk);                            /* the client is gone, or has to go */
bool desk_move(struct arena *a, uint32_t desk);                           /* whoever waits there looks up */
