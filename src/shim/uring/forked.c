/*
 * Rings and forks. A child goes on with its parent's rings: the queues are shared memory, and how far each has come stands in a page that both have, under
 * locks that know their holder, for it may be killed. All else of a ring is of the process: the requests that were under way at the fork are the
 * parent's, and what one of them registers later, the other does not have.
 */
#include <sys/mman.h>
#include "shim/uring/uring.h"

#define PATIENCE 100u                      /* looks before a pause */

int shared_make(struct ring *g)
{
	long p = sys(SYS_mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p < 0 && p > -4096) return (int)p;
	g->shared = (struct ring_shared *)p;
	return 0;
}

/* Within the process another lock is held already, so this one is contended by relatives only. */
void shared_lock(_Atomic uint32_t *lock)
{
	struct timespec moment = {0, 50 * NS_PER_US};
	uint32_t us = (uint32_t)shim.pid, holder = 0;
	for (unsigned looks = 0; !atomic_compare_exchange_strong(lock, &holder, us); looks++) {
		if (sys(SYS_kill, holder, 0) == -ESRCH && atomic_compare_exchange_strong(lock, &holder, us)) return;
		holder = 0;
		if (looks < PATIENCE) sys(SYS_sched_yield);
		else sys(SYS_nanosleep, &moment, NULL);
	}
}

void shared_unlock(_Atomic uint32_t *lock) { atomic_store(lock, 0); }

/* ---- in the child ---- */

static void requests_forget(struct ring *g)
{
	g->free = NULL;
	for (struct request *c = g->chunks; c; c = c->next)
		for (int i = 1; i < REQUEST_CHUNK; i++) {
			struct request *r = &c[i];
			r->ring = g;
			r->file.tag = NULL;    /* the parent's to tell of */
			file_release(&r->file);
			request_free(r);
		}
	g->parked = g->timers = g->expired = g->asleep = NULL;
	for (uint32_t i = 0; i < g->files.n; i++) g->files.at[i].tag = NULL;
	for (uint32_t i = 0; i < g->buffers.n; i++) g->buffers.at[i].tag = NULL;
	sys(SYS_madvise, g->parked_on, CHANNEL_MAX * sizeof *g->parked_on, MADV_DONTNEED);
	sys(SYS_madvise, g->watched, CHANNEL_MAX * sizeof *g->watched, MADV_DONTNEED);
	g->parked_virtual = g->blocked_threads = g->outstanding = 0;
	g->never_drains = g->drains_next = false;
	ring_lists_start(g);
}

static uint32_t descriptors_of(uint32_t index)
{
	uint32_t n = 0;
	for (int fd = 0; fd < table_high(); fd++) n += table_peek(fd) == FD_URING && table_uring(fd) == index;
	return n;
}

void ring_forked(struct ring *g, uint32_t calls)
{
	struct lock *locks[] = {&g->lock, &g->submitting, &g->starting, &g->selecting};
	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) atomic_store(&locks[i]->word, 0);
	hidden_close(&g->kernel_set);
	hidden_close(&g->wake);
	requests_forget(g);
	g->bell = 0;
	atomic_store(&g->has_thread, false);
	atomic_store(&g->descriptors, descriptors_of(ring_index(g)) + calls);
	atomic_store(&g->refs, atomic_load(&g->descriptors));
	g->watch = -1;
	if (atomic_load(&g->descriptors) > 0) ring_watch(g);
}
