/*
 * Operations that can only be waited for inside a call, as opening a FIFO or a futex: threads that come with them, work off what is there, and go.
 *
 * Those that sleep by request_sleep() can be taken back: who does so marks the request, then sends its thread a signal, whose handler (sigsys.c) only
 * keeps the thread from sleeping on. The mark is looked at after the thread has said that it sleeps, so one of the two is always seen.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "shim/signal.h"
#include "shim/uring/uring.h"

#define THREADS_MAX 512u

static struct request *next(struct ring *g)
{
	ring_lock(g);
	struct request *r = g->blocking;
	if (r && !(g->blocking = r->next)) g->blocking_end = &g->blocking;
	if (!r) g->blocked_threads--;
	ring_unlock(g);
	return r;
}

/* Whoever takes it back from now on comes too late. */
static void awake(struct request *r)
{
	ring_lock(r->ring);
	struct request **at = &r->ring->asleep;
	while (*at != r) at = &(*at)->beside;
	*at = r->beside;
	r->where = AT_WORK;
	ring_unlock(r->ring);
}

static void *work(void *arg)
{
	struct ring *g = arg;
	uring_asynchronous = true;
	ring_lock(g);
	cpu_set_t cpus = g->worker_cpus;
	ring_unlock(g);
	if (CPU_COUNT(&cpus) > 0) sys(SYS_sched_setaffinity, 0, sizeof cpus, &cpus);
	for (struct request *r; (r = next(g));) {
		long result = g->ended || atomic_load(&r->roused) ? -ECANCELED : r->op->block(r);
		awake(r);
		request_complete(r, result);
		ring_run(g);
	}
	ring_release(g);
	return NULL;
}

long request_block(struct request *r)
{
	struct ring *g = r->ring;
	bool limited = r->link && r->link->sqe.opcode == IORING_OP_LINK_TIMEOUT;
	int err = file_hold(&r->file);
	if (err == 0 && limited) err = park_thread(g);
	if (err < 0) return err;
	ring_lock(g);
	limit_start(r);
	r->where = IN_SLEEP;
	r->beside = g->asleep;
	g->asleep = r;
	r->next = NULL;
	*g->blocking_end = r;
	g->blocking_end = &r->next;
	bool more = g->blocked_threads < THREADS_MAX;
	if (more) g->blocked_threads++;
	ring_unlock(g);
	if (limited) park_wake(g);
	if (!more) return PARKED;
	atomic_fetch_add(&g->refs, 1);
	err = uring_thread(work, g);
	if (err == 0) return PARKED;
	work(g);   /* without a thread it is done here, however long that takes */
	uring_asynchronous = false;
	return PARKED;
}

/* ---- sleeps that end early ---- */

/* In the thread: the call's result, or -ECANCELED. */
long request_sleep(struct request *r, const long call[7])
{
	for (;;) {
		uint32_t seen = atomic_load_explicit(&self.handled, memory_order_relaxed);
		atomic_store(&r->sleeper, (int)sys(SYS_gettid));
		long n = -ECANCELED;
		if (!atomic_load(&r->roused)) n = sleep_call(call[0], call[1], call[2], call[3], call[4], call[5], call[6], &self.handled, seen);
		atomic_store(&r->sleeper, 0);
		if (n != -EINTR) return n;
	}
}

/* Under ring.lock: it will end with -ECANCELED, or as it has ended this moment. */
bool request_rouse(struct request *r)
{
	if (r->where != IN_SLEEP || !(r->op->flags & OP_ROUSED) || atomic_load(&r->roused)) return false;
	atomic_store(&r->roused, true);
	int thread = atomic_load(&r->sleeper);
	if (thread != 0) sys(SYS_tgkill, sys(SYS_getpid), thread, SIGSYS);
	return true;
}

/* 'S': it sleeps; 0: nobody tells. */
static char thread_state(int thread)
{
	char path[48], text[256] = "";
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread);
	int fd = (int)sys(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0) return 0;
	sys(SYS_read, fd, text, sizeof text - 1);
	sys(SYS_close, fd);
	const char *after = strrchr(text, ')');
	return after && after[1] == ' ' ? after[2] : 0;
}

/*
 * The program may wake what it has just submitted: so it must sleep before we return. A request that has ended is gone, and counts as asleep; one that
 * gets no thread is not waited for.
 */
void request_await_sleep(struct ring *g, uint64_t ticket)
{
	for (time_ns until = now_ns() + NS_PER_S; now_ns() < until;) {
		ring_lock(g);
		struct request *r = g->asleep;
		while (r && r->ticket != ticket) r = r->beside;
		int thread = r ? atomic_load(&r->sleeper) : 0;
		ring_unlock(g);
		char state = thread != 0 ? thread_state(thread) : 'R';
		if (!r || state == 'S' || state == 0) return;
		sys(SYS_sched_yield);
	}
}

bool uring_roused(const siginfo_t *info, void *context)
{
	if (!uring_asynchronous || info->si_code != SI_TKILL || info->si_pid != shim.pid) return false;
	atomic_fetch_add_explicit(&self.handled, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&self.interrupts, 1, memory_order_relaxed);
	sleep_leave(context);
	return true;
}
