/*
 * Sleepers are counted, so that whoever changes something knows whether to make a system call. A thread that is thrown out of its sleep, by a longjmp
 * from a handler or by cancellation, does not take itself out again, and each change would go on costing a call for nobody. So a thread
 * remembers where it is counted: when it sleeps again in a frame that cannot lie within the last one, or when it ends, that is put right.
 *
 * A handler may sleep, too, while the call that it interrupted waits for it to return: there is a short stack of these. A forked child is counted nowhere.
 */
#include <pthread.h>
#include "shim/internal.h"
#include "shim/shim.h"

static pthread_key_t end_key;

static void leave_last(void)
{
	struct sleeping *s = &self.sleeping[--self.sleeps];
	if (shared_get32(s->life) == s->generation) atomic_fetch_sub(s->count, 1);
}

static void thread_end(void *any)
{
	(void)any;
	while (self.sleeps > 0) leave_last();
}

void sleeper_start(void) { pthread_key_create(&end_key, thread_end); }

/* Stacks grow downwards: what a frame calls lies below it. On another stack nothing can be told of this one. */
static bool thrown_out_of(const struct sleeping *s, const char *frame)
{
	stack_t other;
	if (frame < s->frame || sys(SYS_sigaltstack, NULL, &other) != 0) return false;
	return !(other.ss_flags & SS_ONSTACK);
}

bool sleeper_in(_Atomic uint32_t *count, _Atomic uint32_t *life)
{
	const char *frame = __builtin_frame_address(0);
	while (self.sleeps > 0 && thrown_out_of(&self.sleeping[self.sleeps - 1], frame)) leave_last();
	atomic_fetch_add(count, 1);
	if (self.sleeps == ARRAY_SIZE(self.sleeping)) return false;
	self.sleeping[self.sleeps] = (struct sleeping){count, life, shared_get32(life), frame};
	atomic_signal_fence(memory_order_seq_cst);
	if (self.sleeps++ == 0 && !self.ends) self.ends = pthread_setspecific(end_key, &self) == 0;
	return true;
}

void sleeper_out(_Atomic uint32_t *count, bool noted)
{
	if (!noted) atomic_fetch_sub(count, 1);
	else if (self.sleeps > 0) leave_last();   /* none in a child that a handler has forked meanwhile */
}

void sleepers_forked(void) { self.sleeps = 0; }
