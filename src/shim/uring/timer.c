/*
 * Timeouts: a list by deadline, for the ring's thread to sleep by. A TIMEOUT also ends when as many completions as it names have come; a LINK_TIMEOUT
 * takes back what it limits.
 */
#include "shim/uring/uring.h"

static void add(struct request *r)
{
	struct ring *g = r->ring;
	struct request **at = &g->timers;
	while (*at && (*at)->deadline <= r->deadline) at = &(*at)->next;
	r->next = *at;
	*at = r;
	r->where = IN_TIMERS;
}

bool timers_remove(struct request *r)
{
	if (r->where != IN_TIMERS || !list_remove(&r->ring->timers, r)) return false;
	r->where = AT_WORK;
	return true;
}

time_ns timers_next(const struct ring *g) { return g->timers ? g->timers->deadline : TIME_NEVER; }

/* Those that were to wait for as many completions as there are now. Under ring.lock, so they end in line with what is posted. */
void timers_counted(struct ring *g)
{
	struct request *next;
	for (struct request *r = g->timers; r; r = next) {
		next = r->next;
		if (r->target == 0 || (int64_t)(g->counted - r->target) < 0) continue;
		timers_remove(r);
		list_add(&g->expired, r);
		r->result = 0;
	}
}

static struct request *next_due(struct ring *g)
{
	ring_lock(g);
	struct request *r = g->timers && g->timers->deadline <= now_ns() ? g->timers : NULL;
	if (r) timers_remove(r);
	ring_unlock(g);
	return r;
}

/* Takes back what r limits: what r's completion says. An attempt under way is waited for, since none waits for anything. */
static int limited_take(struct request *r, struct request **ret_ours)
{
	struct ring *g = r->ring;
	for (;;) {
		ring_lock(g);
		struct request *limited = r->limit;
		bool ours = limited && (request_unpark(limited) || timers_remove(limited)), roused = limited && !ours && request_rouse(limited);
		bool busy = limited && !ours && !roused && limited->where != IN_SLEEP;
		bool counted = roused && limited->op->flags & OP_COUNTED;
		if (limited && !busy) r->limit = limited->limit = NULL;
		ring_unlock(g);
		*ret_ours = ours ? limited : NULL;
		if (!busy) return counted ? 1 : !limited || ours || roused ? -ETIME : -EALREADY;
		sys(SYS_sched_yield);
	}
}

static void limit_fires(struct request *r)
{
	struct request *ours;
	int result = limited_take(r, &ours);
	if (ours) request_complete(ours, -ECANCELED);
	request_complete(r, result);
}

static void timeout_fires(struct request *r)
{
	unsigned flags = r->sqe.timeout_flags;
	bool more = flags & URING_TIMEOUT_MULTISHOT && r->rounds != 1 && request_more(r, -ETIME, 0);
	if (more) {
		if (r->rounds > 1) r->rounds--;
		r->deadline += r->period;
		ring_lock(r->ring);
		add(r);
		ring_unlock(r->ring);
		return;
	}
	r->failed = !(flags & IORING_TIMEOUT_ETIME_SUCCESS);
	request_complete(r, -ETIME);
}

void timers_fire(struct ring *g)
{
	for (struct request *r; (r = next_due(g));) {
		if (r->sqe.opcode == IORING_OP_LINK_TIMEOUT) limit_fires(r);
		else timeout_fires(r);
	}
}

/* ---- the operations ---- */

static time_ns offset_of(unsigned flags)
{
	struct timespec t;
	clock_gettime(flags & IORING_TIMEOUT_REALTIME ? CLOCK_REALTIME : flags & IORING_TIMEOUT_BOOTTIME ? CLOCK_BOOTTIME : CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec - now_ns();
}

/* period: the time as it stands; deadline: on our clock, which an absolute time of another clock is carried to. */
static int time_get(struct request *r, uint64_t at, unsigned flags)
{
	struct timespec t;
	if (user_get(t, (const struct timespec *)(uintptr_t)at) != 0) return -EFAULT;
	if (t.tv_sec < 0 || t.tv_nsec < 0) return -EINVAL;
	r->period = t.tv_sec > INT32_MAX ? TIME_NEVER / 2 : t.tv_sec * NS_PER_S + t.tv_nsec;
	if (flags & IORING_TIMEOUT_ABS) r->deadline = r->period - offset_of(flags);
	return 0;
}

static void time_start(struct request *r, unsigned flags)
{
	if (!(flags & IORING_TIMEOUT_ABS)) r->deadline = now_ns() + r->period;
}

static int clocks_check(unsigned flags) { return (flags & IORING_TIMEOUT_CLOCK_MASK) == IORING_TIMEOUT_CLOCK_MASK ? -EINVAL : 0; }

static int prepare_common(struct request *r, unsigned known)
{
	const struct io_uring_sqe *e = &r->sqe;
	if (e->buf_index || e->len != 1 || e->splice_fd_in || e->timeout_flags & ~known) return -EINVAL;
	return clocks_check(e->timeout_flags);
}

int prepare_timeout(struct request *r)
{
	const unsigned known = IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS | URING_TIMEOUT_MULTISHOT;
	int err = prepare_common(r, known);
	if (err == 0 && r->sqe.timeout_flags & URING_TIMEOUT_MULTISHOT && r->sqe.timeout_flags & IORING_TIMEOUT_ABS) err = -EINVAL;
	return err < 0 ? err : time_get(r, r->sqe.addr, r->sqe.timeout_flags);
}

long issue_timeout(struct request *r)
{
	struct ring *g = r->ring;
	bool repeats = r->sqe.timeout_flags & URING_TIMEOUT_MULTISHOT;
	int err = park_thread(g);
	if (err < 0) return err;
	time_start(r, r->sqe.timeout_flags);
	r->rounds = repeats ? (uint32_t)r->sqe.off : 0;
	ring_lock(g);
	r->target = repeats || r->sqe.off == 0 ? 0 : g->counted + (uint32_t)r->sqe.off;
	limit_start(r);
	add(r);
	ring_unlock(g);
	park_wake(g);
	return PARKED;
}

int prepare_link_timeout(struct request *r)
{
	int err = r->sqe.off ? -EINVAL : prepare_common(r, IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS);
	return err < 0 ? err : time_get(r, r->sqe.addr, r->sqe.timeout_flags);
}

/* Under ring.lock, by limit_start(). */
long issue_link_timeout(struct request *r)
{
	time_start(r, r->sqe.timeout_flags);
	add(r);
	return PARKED;
}

int prepare_timeout_remove(struct request *r)
{
	const struct io_uring_sqe *e = &r->sqe;
	unsigned flags = e->timeout_flags;
	if (e->flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT) || e->buf_index || e->len || e->splice_fd_in) return -EINVAL;
	if (!(flags & IORING_TIMEOUT_UPDATE_MASK)) return flags ? -EINVAL : 0;
	if (flags & ~(unsigned)(IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK)) return -EINVAL;
	int err = clocks_check(flags);
	return err < 0 ? err : time_get(r, e->addr2, flags);
}

long issue_timeout_remove(struct request *r)
{
	struct ring *g = r->ring;
	unsigned flags = r->sqe.timeout_flags;
	uint8_t opcode = flags & IORING_LINK_TIMEOUT_UPDATE ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT;
	ring_lock(g);
	struct request *t = g->timers;
	while (t && (t->sqe.user_data != r->sqe.addr || t->sqe.opcode != opcode)) t = t->next;
	if (t) timers_remove(t);
	if (t && flags & IORING_TIMEOUT_UPDATE_MASK) {
		t->period = r->period;
		t->deadline = r->deadline;
		if (!(flags & IORING_TIMEOUT_ABS)) t->deadline = now_ns() + t->period;
		add(t);
	}
	ring_unlock(g);
	if (!t) return -ENOENT;
	if (flags & IORING_TIMEOUT_UPDATE_MASK) park_wake(g);
	else request_complete(t, -ECANCELED);
	return 0;
}
