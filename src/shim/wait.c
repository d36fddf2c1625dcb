/*
 * Sleeping, and the time before. A waiter counts itself in, and sleeps in the kernel only while the sequence number that it saw before it looked
 * stands: whoever changes the channel adds to the number first and then looks for waiters, so one of the two sees the other.
 *
 * Before sleeping it may pay to spin: at most half a microsecond of pauses, then sched_yield up to 20 µs, so that on one core the
 * other side gets the processor. After a spin in vain the next ones are skipped, twice as many each time; a fixed spin costs
 * more than it gains on a loaded machine. Answers of control calls come sooner than what a peer does: what pays for one says nothing of the other.
 * Pauses in vain are skipped in the same way, by themselves: they pay only while the other side runs on a core of its own, and has little to do.
 */
#include <linux/futex.h>
#include <time.h>
#include "shim/shim.h"

#define SPIN_PAUSES 16
#define SPIN_YIELD_NS (20 * NS_PER_US)
#define SKIP_MAX 64u

void lock_take(struct lock *l)
{
	uint32_t state = 0;
	if (atomic_compare_exchange_strong(&l->word, &state, 1)) return;
	while (atomic_exchange(&l->word, 2) != 0) sys(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, 2, NULL);
}

void lock_drop(struct lock *l)
{
	if (atomic_exchange(&l->word, 0) == 2) sys(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, 1);
}

long futex_shared(_Atomic uint32_t *word, int op, uint32_t val, const void *timeout) { return sys(SYS_futex, word, op, val, timeout); }

static time_ns clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}

time_ns now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
time_ns coarse_ns(void) { return clock_ns(CLOCK_MONOTONIC_COARSE); }

void wait_begin(struct wait *w, int64_t timeout_us)
{
	w->handled = signals_handled();
	w->interrupts = atomic_load_explicit(&self.interrupts, memory_order_relaxed);
	w->restartable = timeout_us == 0;
	w->deadline = timeout_us == 0 ? TIME_NEVER : now_ns() + timeout_us * NS_PER_US;
}

void wait_begin_as_set(struct wait *w, _Atomic int32_t *timeo_ms)
{
	int32_t ms = atomic_load_explicit(timeo_ms, memory_order_relaxed);
	wait_begin(w, (int64_t)ms * 1000);
	if (ms == TIMEO_LONG) w->deadline = TIME_NEVER;
}

/* In a foreign program what has come since the call began has not been handled: no sleep may begin before it is. */
uint32_t signals_handled(void) { return shim.foreign ? self.entered : atomic_load_explicit(&self.handled, memory_order_relaxed); }

/* As Linux: the part is the answer then, and no call is restarted that has one. */
void wait_partly(struct wait *w, uint32_t handled)
{
	if (!w->restartable) return;
	w->restartable = false;
	w->handled = handled;
}

/* As Linux: without a timeout a call is restarted when the handler says SA_RESTART; with one, never. */
static bool interrupted(const struct wait *w)
{
	bool handled = atomic_load_explicit(&self.handled, memory_order_relaxed) != w->handled;
	if (!w->restartable) return handled;
	if (atomic_load_explicit(&self.interrupts, memory_order_relaxed) != w->interrupts) return true;
	/* In a foreign program the handler runs between the call and its beginning anew. */
	self.restart = shim.foreign && handled;
	return self.restart;
}

/* Is it worth trying this time? */
static bool is_tried(struct trial *t)
{
	if (t->skip == 0) return true;
	t->skip--;
	return false;
}

static bool tried(struct trial *t, bool paid)
{
	t->failed = paid ? 0 : MIN(t->failed == 0 ? 1 : t->failed * 2, SKIP_MAX);
	t->skip = t->failed;
	return paid;
}

static bool pause_until(_Atomic uint32_t *word, uint32_t seen)
{
	for (int i = 0; i < SPIN_PAUSES; i++) {
		__builtin_ia32_pause();
		if (shared_get32(word) != seen) return true;
	}
	return false;
}

static bool yield_until(_Atomic uint32_t *word, uint32_t seen)
{
	time_ns end = now_ns() + SPIN_YIELD_NS;
	do {
		sys(SYS_sched_yield);
		if (shared_get32(word) != seen) return true;
	} while (now_ns() < end);
	return false;
}

static bool spin_if_paid(struct spinning *sp, _Atomic uint32_t *word, uint32_t seen)
{
	if (shim.sandboxed || !is_tried(&sp->spin)) return false;
	if (shared_get32(word) != seen) return tried(&sp->spin, true);
	if (is_tried(&sp->pauses) && tried(&sp->pauses, pause_until(word, seen))) return tried(&sp->spin, true);
	return tried(&sp->spin, yield_until(word, seen));
}

bool spin(_Atomic uint32_t *word, uint32_t seen) { return spin_if_paid(&self.spin, word, seen); }
bool spin_for_answer(_Atomic uint32_t *word, uint32_t seen) { return spin_if_paid(&self.spin_answer, word, seen); }

static int futex_sleep(struct wait *w, _Atomic uint32_t *word, uint32_t seen)
{
	struct timespec until = {w->deadline / NS_PER_S, w->deadline % NS_PER_S};
	bool restarts = w->restartable && !shim.foreign;
	_Atomic uint32_t *counter = restarts ? &self.interrupts : &self.handled;
	uint32_t handled = atomic_load_explicit(&self.handled, memory_order_relaxed);
	long r = cancellable(sleep_call(SYS_futex, (long)word, FUTEX_WAIT_BITSET, seen, w->deadline == TIME_NEVER ? 0 : (long)&until, 0,
					(long)FUTEX_BITSET_MATCH_ANY, counter, restarts ? w->interrupts : w->handled));
	if (r == -ETIMEDOUT) return -EAGAIN;
	if (r != -EINTR) return 0;
	if (interrupted(w)) return -EINTR;
	/* A handler that isn't ours (libc's for cancellation) interrupts; one of the program's with SA_RESTART does not. */
	return atomic_load_explicit(&self.handled, memory_order_relaxed) == handled ? -EINTR : 0;
}

int wait_on_word(struct wait *w, _Atomic uint32_t *word, uint32_t seen)
{
	if (engine_dead()) return -ENETDOWN;
	if (spin(word, seen)) return 0;
	return futex_sleep(w, word, seen);
}

/* As Linux: a call that a handler has interrupted begins anew, with the descriptor as the handler has left it. */
static int begun_anew(struct wait *w, const struct sock *s)
{
	struct sock now;
	uint32_t handled = signals_handled();
	if (!w->restartable || handled == w->handled) return 0;
	w->handled = handled;
	return sock_of(s->fd, &now) && now.index == s->index && now.generation == s->generation ? 0 : -EBADF;
}

/* Whoever only spins needs no wake. */
int wait_on(struct wait *w, const struct sock *s, struct direction *d, uint32_t seq)
{
	if (engine_dead()) return -ENETDOWN;
	if (spin(&d->seq, seq)) return begun_anew(w, s);
	bool noted = sleeper_in(&d->waiters, &s->c->generation);
	int r = engine_dead() ? -ENETDOWN : futex_sleep(w, &d->seq, seq);
	sleeper_out(&d->waiters, noted);
	return r == 0 ? begun_anew(w, s) : r;
}
