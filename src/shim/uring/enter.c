/*
 * io_uring_enter: submit, then wait. As the kernel, it waits only when all that was asked for has been submitted, and answers how many that were; what
 * became of the wait is told only if nothing was submitted.
 */
#include "shim/poll.h"
#include "shim/signal.h"
#include "shim/uring/uring.h"

#define FLAGS_DONE (IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT | IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING)

/* What a wait is to obey. */
struct terms { const void *mask; uint64_t mask_copy; time_ns deadline; };

static int terms_of(unsigned flags, const void *arg, size_t size, struct terms *t)
{
	struct io_uring_getevents_arg ext = {0};
	time_ns wait = TIME_NEVER;
	*t = (struct terms){.mask = arg, .deadline = TIME_NEVER};
	if (flags & IORING_ENTER_EXT_ARG) {
		if (size != sizeof ext) return -EINVAL;
		if (user_copy(&ext, arg, sizeof ext) != 0) return -EFAULT;
		if (ext.pad != 0) return -EINVAL;
		t->mask = (const void *)(uintptr_t)ext.sigmask;
		size = ext.sigmask_sz;
	}
	if (t->mask && size != KERNEL_MASK) return -EINVAL;
	if (t->mask && user_get(t->mask_copy, t->mask) != 0) return -EFAULT;
	int err = ext.ts ? timeout_of((const struct timespec *)(uintptr_t)ext.ts, &wait) : 0;
	if (err == 0 && wait != TIME_NEVER) t->deadline = now_ns() + wait;
	return err;
}

/* A mask that lets a signal in runs its handler at once: before the sleep, which it then keeps from happening. */
static long wait_by(struct ring *g, uint32_t wanted, const struct terms *t)
{
	uint64_t old, mask = t->mask ? signal_mask(&t->mask_copy) : 0;
	uint32_t handled = atomic_load_explicit(&self.handled, memory_order_relaxed);
	if (t->mask) sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &old, KERNEL_MASK);
	long r = cq_wait(g, MIN(wanted, g->cq_entries), t->deadline, handled);
	if (t->mask) sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, KERNEL_MASK);
	return r;
}

static long get_events(struct ring *g, uint32_t wanted, unsigned flags, const void *arg, size_t size)
{
	struct terms t;
	long r = terms_of(flags, arg, size, &t);
	return r < 0 ? r : wait_by(g, wanted, &t);
}

/* May this thread submit here? */
static long submission_check(struct ring *g)
{
	int issuer = atomic_load(&g->issuer);
	return issuer != 0 && issuer != (int)sys(SYS_gettid) ? -EEXIST : 0;
}

static long enter(struct ring *g, uint32_t count, uint32_t wanted, unsigned flags, const void *arg, size_t size)
{
	long done = 0;
	if (atomic_load(&g->disabled)) return -EBADFD;
	if (count > 0 || g->setup_flags & IORING_SETUP_DEFER_TASKRUN) done = submission_check(g);
	if (done == 0 && count > 0) done = ring_submit(g, count);
	if (done < 0 || done != (long)count || !(flags & IORING_ENTER_GETEVENTS)) return done;
	long r = get_events(g, wanted, flags, arg, size);
	return done > 0 ? done : r;
}

long do_io_uring_enter(int fd, unsigned count, unsigned wanted, unsigned flags, const void *arg, size_t size)
{
	long err;
	if (!shim.active) return sys(SYS_io_uring_enter, fd, count, wanted, flags, arg, size);
	if (flags & ~(unsigned)FLAGS_DONE) return -EINVAL;
	struct ring *g = ring_hold(fd, flags & IORING_ENTER_REGISTERED_RING, &err);
	if (!g) return err;
	long r = enter(g, count, wanted, flags, arg, size);
	ring_release(g);
	return r;
}
