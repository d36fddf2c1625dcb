/*
 * The completion queue. The program moves its head, we its tail; both are words that anybody may write, so the tail is only ever written, and the
 * head read once and used as a distance. What finds no room is kept in a list until the program asks for events (IORING_FEAT_NODROP): a request
 * that has ended stays for that.
 *
 * Whoever waits in io_uring_enter sleeps on cq_seq.
 */
#include <limits.h>
#include <linux/futex.h>
#include "shim/uring/uring.h"

__thread bool uring_asynchronous __attribute__((tls_model("initial-exec")));

static uint32_t in_queue(const struct ring *g) { return atomic_load(&g->shared->cq_posted) - shared_get32(g->cq_head); }

uint32_t cq_ready(const struct ring *g) { return MIN(in_queue(g), g->cq_entries); }

static void tell(struct ring *g)
{
	atomic_fetch_add(&g->shared->cq_seq, 1);
	if (atomic_load(&g->shared->cq_waiters) != 0) sys(SYS_futex, &g->shared->cq_seq, FUTEX_WAKE, INT_MAX);
	if (atomic_load(&g->polled)) eventfd_add(g->ready);
	if (g->eventfd < 0 || shared_get32(g->cq_flags) & IORING_CQ_EVENTFD_DISABLED) return;
	if (!g->eventfd_async || uring_asynchronous) eventfd_add(g->eventfd);
}

static void write_entry(struct ring *g, uint32_t at, uint64_t user_data, int result, unsigned flags)
{
	struct io_uring_cqe *e = (struct io_uring_cqe *)(g->cqes + (size_t)(at & (g->cq_entries - 1)) * g->cqe_size);
	memset(e, 0, g->cqe_size);
	e->user_data = user_data;
	e->res = result;
	e->flags = flags;
}

/* False: there is no room. */
static bool put(struct ring *g, uint64_t user_data, int result, unsigned flags)
{
	struct ring_shared *s = g->shared;
	shared_lock(&s->cq_lock);
	bool room = in_queue(g) < g->cq_entries;
	if (room) {
		uint32_t at = atomic_load(&s->cq_posted);
		write_entry(g, at, user_data, result, flags);
		atomic_store(&s->cq_posted, at + 1);
		atomic_store_explicit(g->cq_tail, at + 1, memory_order_release);
	}
	shared_unlock(&s->cq_lock);
	return room;
}

bool cq_post_if_room(struct ring *g, uint64_t user_data, int result, unsigned flags)
{
	if (g->overflow || !put(g, user_data, result, flags)) return false;
	g->counted++;
	tell(g);
	return true;
}

/* r carries the completion until there is room. */
static void overflow_add(struct ring *g, struct request *r)
{
	r->next = NULL;
	*g->overflow_end = r;
	g->overflow_end = &r->next;
	atomic_fetch_or(g->sq_flags, IORING_SQ_CQ_OVERFLOW);
	tell(g);
}

void cq_end_with(struct request *r)
{
	struct ring *g = r->ring;
	if (!g->overflow && put(g, r->sqe.user_data, r->result, r->flags)) {
		tell(g);
		request_free(r);
	} else overflow_add(g, r);
}

void cq_post(struct ring *g, uint64_t user_data, int result, unsigned flags)
{
	struct request *r;
	if (cq_post_if_room(g, user_data, result, flags)) return;
	if (!(r = request_new(g))) {
		atomic_fetch_add(g->cq_overflow, 1);   /* lost, as it is in the kernel without memory */
		return;
	}
	r->sqe.user_data = user_data;
	r->result = result;
	r->flags = flags;
	overflow_add(g, r);
}

static void flush(struct ring *g)
{
	bool any = false;
	while (g->overflow && put(g, g->overflow->sqe.user_data, g->overflow->result, g->overflow->flags)) {
		struct request *r = g->overflow;
		if (!(g->overflow = r->next)) g->overflow_end = &g->overflow;
		request_free(r);
		any = true;
	}
	if (!g->overflow) atomic_fetch_and(g->sq_flags, ~(uint32_t)IORING_SQ_CQ_OVERFLOW);
	if (any) tell(g);
}

/* ---- waiting in io_uring_enter ---- */

static long sleep_on(struct ring *g, uint32_t seen, time_ns deadline, uint32_t handled)
{
	struct timespec until = {deadline / NS_PER_S, deadline % NS_PER_S};
	atomic_fetch_add(&g->shared->cq_waiters, 1);
	long r = cancellable(sleep_call(SYS_futex, (long)&g->shared->cq_seq, FUTEX_WAIT_BITSET, seen, deadline == TIME_NEVER ? 0 : (long)&until, 0,
					(long)FUTEX_BITSET_MATCH_ANY, &self.handled, handled));
	atomic_fetch_sub(&g->shared->cq_waiters, 1);
	return r == -EAGAIN ? 0 : r;
}

static bool enough(struct ring *g, uint32_t wanted)
{
	ring_lock(g);
	flush(g);
	bool is = cq_ready(g) >= wanted || g->ended;
	ring_unlock(g);
	return is;
}

/* 0, -ETIME or -EINTR; the last two only when nothing at all is there. */
long cq_wait(struct ring *g, const struct cq_terms *t)
{
	bool patient = t->patience != 0;
	long r = 0;
	for (;;) {
		uint32_t seen = atomic_load(&g->shared->cq_seq);
		if (enough(g, patient || t->patience == 0 ? t->wanted : 1)) return 0;
		if (r == 0) r = sleep_on(g, seen, patient ? MIN(t->patience, t->deadline) : t->deadline, t->handled);
		if (r == -ETIMEDOUT && patient && t->patience < t->deadline) {
			patient = false;
			r = 0;
			continue;
		}
		if (r == -ETIMEDOUT) r = -ETIME;
		if (r != 0) return enough(g, 1) ? 0 : r;
	}
}
