/*
 * The few operations that can only be waited for inside a call, as opening a FIFO: threads that come with them, work off what is there, and go.
 */
#include "shim/uring/uring.h"

#define THREADS_MAX 64u

static struct request *next(struct ring *g)
{
	ring_lock(g);
	struct request *r = g->blocking;
	if (r && !(g->blocking = r->next)) g->blocking_end = &g->blocking;
	if (!r) g->blocked_threads--;
	ring_unlock(g);
	return r;
}

static void *work(void *arg)
{
	struct ring *g = arg;
	uring_asynchronous = true;
	for (struct request *r; (r = next(g));) {
		request_complete(r, g->ended ? -ECANCELED : r->op->block(r));
		ring_run(g);
	}
	ring_release(g);
	return NULL;
}

long request_block(struct request *r)
{
	struct ring *g = r->ring;
	int err = file_hold(&r->file);
	if (err < 0) return err;
	ring_lock(g);
	limit_start(r);
	r->next = NULL;
	*g->blocking_end = r;
	g->blocking_end = &r->next;
	bool more = g->blocked_threads < THREADS_MAX;
	if (more) g->blocked_threads++;
	ring_unlock(g);
	if (!more) return PARKED;
	atomic_fetch_add(&g->refs, 1);
	err = uring_thread(work, g);
	if (err == 0) return PARKED;
	work(g);   /* without a thread it is done here, however long that takes */
	uring_asynchronous = false;
	return PARKED;
}
