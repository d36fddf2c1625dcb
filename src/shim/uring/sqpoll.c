/*
 * IORING_SETUP_SQPOLL: a thread that looks for entries by itself, so that the program submits by writing memory. It looks without a pause at first, then
 * with short ones; after the time that the ring was set up with, it says NEED_WAKEUP in the queue's flags, looks once more, and sleeps until
 * io_uring_enter wakes it. The program moves its tail before it looks at the flags: one of the two sees the other.
 */
#include <linux/futex.h>
#include <sched.h>
#include "shim/uring/uring.h"

#define LOOKS 2000u                    /* without a pause */
#define PAUSE_NS (20 * NS_PER_US)
#define IDLE_DEFAULT_NS NS_PER_S

static bool has_entries(struct ring *g) { return !atomic_load(&g->disabled) && shared_get32(g->sq_tail) != atomic_load(&g->shared->sq_taken); }

static void sleep_until_woken(struct ring *g)
{
	uint32_t seen = atomic_load(&g->shared->sq_wake);
	atomic_fetch_or(g->sq_flags, IORING_SQ_NEED_WAKEUP);
	if (!has_entries(g) && !g->ended) sys(SYS_futex, &g->shared->sq_wake, FUTEX_WAIT, seen, 0);
	atomic_fetch_and(g->sq_flags, ~(uint32_t)IORING_SQ_NEED_WAKEUP);
}

static void pause_after(uint32_t looks)
{
	struct timespec t = {0, PAUSE_NS};
	if (looks < LOOKS) __builtin_ia32_pause();
	else sys(SYS_nanosleep, &t, NULL);
}

static void *run(void *arg)
{
	struct ring *g = arg;
	time_ns idle_from = now_ns() + g->sq_idle;
	uring_asynchronous = true;
	if (g->sq_cpu >= 0) {
		cpu_set_t set;
		CPU_ZERO(&set);
		CPU_SET((size_t)g->sq_cpu, &set);
		sys(SYS_sched_setaffinity, 0, sizeof set, &set);
	}
	for (uint32_t looks = 0; !g->ended;) {
		if (has_entries(g)) {
			ring_submit(g, g->sq_entries);
			looks = 0;
			idle_from = now_ns() + g->sq_idle;
			continue;
		}
		pause_after(looks++);
		if (now_ns() < idle_from && !atomic_load(&g->disabled)) continue;
		sleep_until_woken(g);
		idle_from = now_ns() + g->sq_idle;
		looks = 0;
	}
	ring_release(g);
	return NULL;
}

/* May a thread of ours run there? It is tried, and taken back. */
static int cpu_check(uint32_t cpu)
{
	cpu_set_t now, wanted;
	CPU_ZERO(&wanted);
	if (cpu >= CPU_SETSIZE) return -EINVAL;
	CPU_SET(cpu, &wanted);
	if (sys(SYS_sched_getaffinity, 0, sizeof now, &now) < 0) return -EINVAL;
	long r = sys(SYS_sched_setaffinity, 0, sizeof wanted, &wanted);
	if (r == 0) sys(SYS_sched_setaffinity, 0, sizeof now, &now);
	return (int)r;
}

int sqpoll_check(const struct io_uring_params *p)
{
	if (!(p->flags & IORING_SETUP_SQPOLL)) return p->flags & IORING_SETUP_SQ_AFF ? -EINVAL : 0;
	if (p->flags & (IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN)) return -EINVAL;
	return p->flags & IORING_SETUP_SQ_AFF ? cpu_check(p->sq_thread_cpu) : 0;
}

int sqpoll_start(struct ring *g, const struct io_uring_params *p)
{
	if (!(p->flags & IORING_SETUP_SQPOLL)) return 0;
	g->sq_idle = p->sq_thread_idle ? p->sq_thread_idle * NS_PER_MS : IDLE_DEFAULT_NS;
	g->sq_cpu = p->flags & IORING_SETUP_SQ_AFF ? (int)p->sq_thread_cpu : -1;
	int err = park_thread(g);   /* which sees the ring's end */
	if (err < 0) return err;
	atomic_store(&g->shared->sq_poller, (uint32_t)shim.pid);
	atomic_fetch_add(&g->refs, 1);
	err = uring_thread(run, g);
	if (err < 0) ring_release(g);
	return err;
}

void sqpoll_wake(struct ring *g)
{
	atomic_fetch_add(&g->shared->sq_wake, 1);
	sys(SYS_futex, &g->shared->sq_wake, FUTEX_WAKE, 1);
}

/* The parent's, if the ring is that of one; it may be gone. */
bool sqpoll_lives(const struct ring *g)
{
	uint32_t poller = atomic_load(&g->shared->sq_poller);
	return poller == (uint32_t)shim.pid || sys(SYS_kill, poller, 0) != -ESRCH;
}

/* IORING_ENTER_SQ_WAIT: until an entry has room. */
int sqpoll_wait(struct ring *g)
{
	uint32_t handled = signals_handled();
	while (shared_get32(g->sq_tail) - atomic_load(&g->shared->sq_taken) >= g->sq_entries && !g->ended) {
		if (signals_handled() != handled) return -EINTR;
		pause_after(LOOKS);
	}
	return 0;
}
