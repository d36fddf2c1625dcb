/*
 * The accessors of shared words. A word that another process can write is read once, through one of these, into a local; the local is
 * checked and only the local is used. One place for all reads also lets a test change a word between any two of them: the hostile test
 * is built with SHARED_READ_HOOK, a function that it defines and that runs before each read. The model (tests/model), whose hook changes to another
 * of its actors, has it run before every other access as well.
 */
#pragma once
#include <stdatomic.h>
#include "base/types.h"

#ifdef SHARED_READ_HOOK
void SHARED_READ_HOOK(const volatile void *word);
#define SHARED_BEFORE_READ(p) SHARED_READ_HOOK(p)
#else
#define SHARED_BEFORE_READ(p) ((void)(p))
#endif

static inline uint32_t shared_get32(_Atomic uint32_t *p)
{
	SHARED_BEFORE_READ(p);
	return atomic_load_explicit(p, memory_order_acquire);
}

static inline uint64_t shared_get64(_Atomic uint64_t *p)
{
	SHARED_BEFORE_READ(p);
	return atomic_load_explicit(p, memory_order_acquire);
}

static inline void shared_set32(_Atomic uint32_t *p, uint32_t v)
{
	SHARED_BEFORE_READ(p);
	atomic_store_explicit(p, v, memory_order_release);
}

static inline void shared_set64(_Atomic uint64_t *p, uint64_t v)
{
	SHARED_BEFORE_READ(p);
	atomic_store_explicit(p, v, memory_order_release);
}

/* Those that are ordered against all others. */
static inline uint32_t shared_load32(_Atomic uint32_t *p)
{
	SHARED_BEFORE_READ(p);
	return atomic_load(p);
}

static inline uint32_t shared_swap32(_Atomic uint32_t *p, uint32_t v)
{
	SHARED_BEFORE_READ(p);
	return atomic_exchange(p, v);
}

static inline bool shared_replace32(_Atomic uint32_t *p, uint32_t was, uint32_t v)
{
	SHARED_BEFORE_READ(p);
	return atomic_compare_exchange_strong(p, &was, v);
}

static inline uint32_t shared_or32(_Atomic uint32_t *p, uint32_t bits)
{
	SHARED_BEFORE_READ(p);
	return atomic_fetch_or(p, bits);
}

static inline uint32_t shared_add32(_Atomic uint32_t *p, uint32_t n)
{
	SHARED_BEFORE_READ(p);
	return atomic_fetch_add(p, n);
}

static inline uint64_t shared_load64(_Atomic uint64_t *p)
{
	SHARED_BEFORE_READ(p);
	return atomic_load(p);
}

/* What stood there is in *was when it was something else. */
static inline bool shared_replace64(_Atomic uint64_t *p, uint64_t *was, uint64_t v)
{
	SHARED_BEFORE_READ(p);
	return atomic_compare_exchange_strong(p, was, v);
}

static inline uint64_t shared_or64(_Atomic uint64_t *p, uint64_t bits)
{
	SHARED_BEFORE_READ(p);
	return atomic_fetch_or(p, bits);
}

static inline uint64_t shared_and64(_Atomic uint64_t *p, uint64_t bits)
{
	SHARED_BEFORE_READ(p);
	return atomic_fetch_and(p, bits);
}

/* For the handshakes of sleeping and waking: a store and the load after it (or the other way round) must not pass each other. */
static inline void shared_fence(void) { atomic_thread_fence(memory_order_seq_cst); }
