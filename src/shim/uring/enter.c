/*
 * io_uring_enter: submit, then wait. As the kernel, it waits only when all that was asked for has been submitted, and answers how many that were; what
 * became of the wait is told only if nothing was submitted.
 */
#include "shim/poll.h"
#include "shim/signal.h"
#include "shim/uring/uring.h"

#define FLAGS_DONE \
	(IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT | IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING | \
	 URING_ENTER_ABS_TIMER | URING_ENTER_EXT_ARG_REG | URING_ENTER_NO_IOWAIT)

/* As the program gave them, from wherever. */
struct asked { const void *mask; size_t mask_size; bool has_time; struct __kernel_timespec time; uint32_t min_usec; };

static int asked_in_region(struct ring *g, uint64_t offset, size_t size, struct asked *a)
{
	struct uring_wait w;
	if (size != sizeof w) return -EINVAL;
	if (offset % sizeof(long) != 0 || g->region_size < sizeof w || offset > g->region_size - sizeof w) return -EFAULT;
	if (user_copy(&w, g->region + offset, sizeof w) != 0) return -EFAULT;
	if (w.flags & ~(uint32_t)URING_WAIT_TS) return -EINVAL;
	*a = (struct asked){(const void *)(uintptr_t)w.sigmask, w.sigmask_size, w.flags & URING_WAIT_TS, w.ts, w.min_wait_usec};
	return 0;
}

static int asked_by_argument(const void *arg, size_t size, struct asked *a)
{
	struct io_uring_getevents_arg ext;
	if (size != sizeof ext) return -EINVAL;
	if (user_copy(&ext, arg, sizeof ext) != 0) return -EFAULT;
	/* The word between is called pad in older headers, min_wait_usec in newer ones. */
	memcpy(&a->min_usec, (const char *)&ext + offsetof(struct io_uring_getevents_arg, sigmask_sz) + sizeof ext.sigmask_sz, sizeof a->min_usec);
	a->mask = (const void *)(uintptr_t)ext.sigmask;
	a->mask_size = ext.sigmask_sz;
	a->has_time = ext.ts != 0;
	return ext.ts ? user_get(a->time, (const struct __kernel_timespec *)(uintptr_t)ext.ts) : 0;
}

static int asked_of(struct ring *g, unsigned flags, const void *arg, size_t size, struct asked *a)
{
	*a = (struct asked){.mask = arg, .mask_size = size};
	if (!(flags & IORING_ENTER_EXT_ARG)) return 0;
	if (flags & URING_ENTER_EXT_ARG_REG) return asked_in_region(g, (uint64_t)(uintptr_t)arg, size, a);
	return asked_by_argument(arg, size, a);
}

/* Another clock's time, on ours. */
static time_ns carried(time_ns t, int clock)
{
	struct timespec there;
	if (clock == CLOCK_MONOTONIC) return t;
	clock_gettime(clock, &there);
	return t - (there.tv_sec * NS_PER_S + there.tv_nsec) + now_ns();
}

static time_ns deadline_of(const struct ring *g, unsigned flags, const struct asked *a)
{
	if (!a->has_time) return TIME_NEVER;
	if (a->time.tv_sec >= TIME_NEVER / NS_PER_S / 2) return TIME_NEVER;
	time_ns t = a->time.tv_sec * NS_PER_S + a->time.tv_nsec;
	return flags & URING_ENTER_ABS_TIMER ? carried(t, g->clock) : now_ns() + t;
}

/* What a wait is to obey. */
struct terms { bool masked; uint64_t mask; struct cq_terms until; };

static int terms_of(struct ring *g, unsigned flags, const void *arg, size_t size, struct terms *t)
{
	struct asked a;
	int err = asked_of(g, flags, arg, size, &a);
	if (err < 0) return err;
	*t = (struct terms){.masked = a.mask, .until = {.deadline = deadline_of(g, flags, &a)}};
	if (a.min_usec) t->until.patience = now_ns() + a.min_usec * NS_PER_US;
	if (a.mask && a.mask_size != KERNEL_MASK) return -EINVAL;
	return a.mask ? user_get(t->mask, (const uint64_t *)a.mask) : 0;
}

/* A mask that lets a signal in runs its handler at once: before the sleep, which it then keeps from happening. */
static long wait_by(struct ring *g, uint32_t wanted, struct terms *t)
{
	uint64_t old, mask = t->masked ? signal_mask(&t->mask) : 0;
	t->until.wanted = MIN(wanted, g->cq_entries);
	t->until.handled = signals_handled();
	if (t->masked) sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, KERNEL_MASK);
	long r = cq_wait(g, &t->until);
	if (t->masked) sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, KERNEL_MASK);
	return r;
}

static long get_events(struct ring *g, uint32_t wanted, unsigned flags, const void *arg, size_t size)
{
	struct terms t;
	long r = terms_of(g, flags, arg, size, &t);
	return r < 0 ? r : wait_by(g, wanted, &t);
}

/* May this thread submit here? */
static long submission_check(struct ring *g)
{
	int issuer = atomic_load(&g->issuer);
	return issuer != 0 && issuer != (int)sys(SYS_gettid) ? -EEXIST : 0;
}

/* As many entries are submitted, or -errno. */
static long take_entries(struct ring *g, uint32_t count, unsigned flags)
{
	if (g->setup_flags & IORING_SETUP_SQPOLL) {
		if (!sqpoll_lives(g)) return -EOWNERDEAD;
		if (flags & IORING_ENTER_SQ_WAKEUP) sqpoll_wake(g);
		int err = flags & IORING_ENTER_SQ_WAIT ? sqpoll_wait(g) : 0;
		return err < 0 ? err : (long)count;
	}
	long err = count > 0 || g->setup_flags & IORING_SETUP_DEFER_TASKRUN ? submission_check(g) : 0;
	return err == 0 && count > 0 ? ring_submit(g, count) : err;
}

/* On a ring that polls all is done when it has been submitted: there is nothing to wait for. */
static bool never_waits(const struct ring *g) { return (g->setup_flags & (IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL)) == IORING_SETUP_IOPOLL; }

static long enter(struct ring *g, uint32_t count, uint32_t wanted, unsigned flags, const void *arg, size_t size)
{
	if (atomic_load(&g->disabled)) return -EBADFD;
	long done = take_entries(g, count, flags);
	if (done < 0 || done != (long)count || !(flags & IORING_ENTER_GETEVENTS)) return done;
	long r = get_events(g, never_waits(g) ? 0 : wanted, flags, arg, size);
	return done > 0 ? done : r;
}

long do_io_uring_enter(int fd, unsigned count, unsigned wanted, unsigned flags, const void *arg, size_t size)
{
	long err;
	if (!shim.active) return sys(SYS_io_uring_enter, fd, count, wanted, flags, arg, size);
	if (flags & ~(unsigned)FLAGS_DONE) return -EINVAL;
	struct ring *g = ring_enter(fd, flags & IORING_ENTER_REGISTERED_RING, &err);
	if (!g) return err;
	long r;
	pthread_cleanup_push(ring_leave, g);   /* the wait is a cancellation point */
	r = enter(g, count, wanted, flags, arg, size);
	pthread_cleanup_pop(1);
	return r;
}
