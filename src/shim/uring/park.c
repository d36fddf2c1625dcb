/*
 * Requests that wait for their file, and the ring's thread. It is the one exception to the rule that no thread of ours lives in a program: a request
 * goes on while the program does something else, and somebody has to do it; the kernel has its io-wq and its task work for that. It starts with the
 * first request that waits, sleeps in one ppoll, and ends with the ring.
 *
 *     ours          a bell of the ring's; its bits lead to the requests parked on a channel
 *     the kernel's  an epoll descriptor, one-shot, whose members are the held files
 *     timeouts      the time that the sleep is given
 *
 * A request is parked, then looked at whether something has changed since before it was tried; a change after that finds it parked.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include "shim/signal.h"
#include "shim/uring/uring.h"

#define STACK_SIZE (256u << 10)
#define BELL_LESS_NS (5 * NS_PER_MS)   /* no bell is left in the network: look that often */
#define LIBC_SIGNALS ((uint64_t)3 << 31)

/* ---- threads of ours: without the program's signals ---- */

int uring_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	pthread_attr_t attr;
	uint64_t old, all = ~(LIBC_SIGNALS | SIGNAL_BIT(SIGSYS) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS));
	int saved = errno;
	sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, KERNEL_MASK);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	int err = pthread_create(&thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, KERNEL_MASK);
	errno = saved;
	return -err;
}

void park_wake(struct ring *g)
{
	if (g->wake >= 0) eventfd_add(g->wake);
}

void park_end(struct ring *g) { park_wake(g); }

/* ---- the lists; under ring.lock ---- */

static void park_add(struct request *r)
{
	struct ring *g = r->ring;
	if (!r->back) {
		r->next = g->parked;
		r->back = &g->parked;
		if (r->next) r->next->back = &r->next;
		g->parked = r;
	}
	r->where = IN_PARK;
	r->beside = NULL;
	if (!r->file.virtual) return;
	struct request **end = &g->parked_on[r->file.sock.index];
	while (*end) end = &(*end)->beside;
	*end = r;
	g->parked_virtual++;
}

bool request_unpark(struct request *r)
{
	struct ring *g = r->ring;
	if (r->where != IN_PARK) return false;
	r->where = AT_WORK;
	if (!r->file.virtual) return true;
	struct request **at = &g->parked_on[r->file.sock.index];
	while (*at != r) at = &(*at)->beside;
	*at = r->beside;
	g->parked_virtual--;
	return true;
}

void park_forget(struct request *r)
{
	if (!r->back) return;
	*r->back = r->next;
	if (r->next) r->next->back = r->back;
	r->back = NULL;
}

/* No attempt waits for anything, so one under way is waited for. */
struct request *park_take(struct ring *g, park_match *match, const void *arg)
{
	for (;;) {
		ring_lock(g);
		struct request *r = g->parked;
		while (r && (r->where == IN_SLEEP || !match(r, arg))) r = r->next;   /* those that sleep now: cancel.c */
		bool ours = r && request_unpark(r);
		ring_unlock(g);
		if (!r || ours) return r;
		sys(SYS_sched_yield);
	}
}

/* ---- parking ---- */

uint64_t readiness_seen(const struct sock *s) { return (uint64_t)shared_get32(&s->c->rx.seq) << 32 | shared_get32(&s->c->tx.seq); }

static int watch_channel(struct ring *g, const struct sock *s)
{
	if (g->bell == 0 && (g->bell = bell_new()) != 0) park_wake(g);
	if (g->bell == 0 || g->watched[s->index] == s->generation) return engine_dead() ? -ENETDOWN : 0;
	int r = bell_watch(g->bell, s);
	if (r == 0) g->watched[s->index] = s->generation;
	return r;
}

/* A multishot poll is told of edges, and so it is put there once: only the thread takes them, which has parked it again when it looks for more. */
static int watch_file(struct request *r)
{
	bool edges = r->sqe.opcode == IORING_OP_POLL_ADD && r->sqe.len & IORING_POLL_ADD_MULTI;
	struct epoll_event e = {.events = r->events | (edges ? EPOLLET : EPOLLONESHOT), .data.ptr = r};
	if (edges && r->in_kernel_set) return 0;
	int op = r->in_kernel_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	int err = (int)sys(SYS_epoll_ctl, r->ring->kernel_set, op, r->file.fd, &e);
	r->in_kernel_set |= err == 0;
	return err;
}

/* The channel is watched before the look, the file after the request can be found: neither forgets what was there already. */
static int park_locked(struct request *r, bool *ret_again)
{
	struct ring *g = r->ring;
	int err = g->ended ? -ECANCELED : r->file.virtual ? watch_channel(g, &r->file.sock) : 0;
	if (err < 0) return err;
	if (!r->limit) limit_start(r);
	park_add(r);
	if (!r->file.virtual) err = watch_file(r);
	*ret_again = err == 0 && r->file.virtual && (readiness_seen(&r->file.sock) != r->seen || engine_dead());
	if (err < 0 || *ret_again) request_unpark(r);
	return err;
}

bool request_park(struct request *r)
{
	struct ring *g = r->ring;
	bool again = false, limited = r->link && r->link->sqe.opcode == IORING_OP_LINK_TIMEOUT;
	int err = file_hold(&r->file);
	if (err == 0) err = park_thread(g);
	if (err == 0) {
		ring_lock(g);
		err = park_locked(r, &again);
		ring_unlock(g);
	}
	if (limited) park_wake(g);
	if (err < 0) request_complete(r, err == -EPERM ? -EAGAIN : err);
	return again;
}

/* ---- the thread ---- */

enum { KERNEL_SET, BELL, WAKE, CONTROL, CLOSED, FDS };

static bool bits_set(const struct bell *b)
{
	for (size_t i = 0; b && i < ARRAY_SIZE(b->summary); i++)
		if (shared_get64((_Atomic uint64_t *)&b->summary[i]) != 0) return true;
	return false;
}

static void thread_sleep(struct ring *g, struct pollfd fds[FDS])
{
	struct bell *b = g->bell ? arena_bell(shim.arena, g->bell) : NULL;
	fds[KERNEL_SET] = (struct pollfd){g->kernel_set, POLLIN, 0};
	fds[BELL] = (struct pollfd){b ? bell_eventfd(g->bell) : -1, POLLIN, 0};
	fds[WAKE] = (struct pollfd){g->wake, POLLIN, 0};
	fds[CONTROL] = (struct pollfd){engine_dead() ? -1 : shim.control, 0, 0};
	fds[CLOSED] = (struct pollfd){rings_watch_fd(), POLLIN, 0};
	ring_lock(g);
	time_ns until = timers_next(g);
	if (!b && g->parked_virtual > 0) until = MIN(until, now_ns() + BELL_LESS_NS);
	ring_unlock(g);
	if (b) bell_arm(b, BELL_EVENTFD);
	time_ns left = bits_set(b) ? 0 : MAX(until - now_ns(), 0);
	struct timespec t = {left / NS_PER_S, left % NS_PER_S};
	sys(SYS_ppoll, fds, FDS, until == TIME_NEVER && left != 0 ? NULL : &t, NULL, 0);
	if (b) bell_disarm(b);
	if (fds[BELL].revents & POLLIN) bell_drain(g->bell);
}

/* The first of a channel's that has not been tried in this round. */
static struct request *next_on(struct ring *g, uint32_t channel)
{
	ring_lock(g);
	struct request *r = g->parked_on[channel];
	while (r && r->round == g->round) r = r->beside;
	if (r) {
		r->round = g->round;
		request_unpark(r);
	}
	ring_unlock(g);
	return r;
}

/* In the order in which they came; who waits again goes behind. One at a time is taken: the others can be cancelled meanwhile. */
static void try_channel(struct ring *g, uint32_t channel)
{
	g->round++;
	for (struct request *r; (r = next_on(g, channel));) request_issue(r);
}

static void try_bits(struct ring *g)
{
	struct bell *b = arena_bell(shim.arena, g->bell);
	for (uint32_t i = 0; i + 1 < CHANNEL_MAX && (i = bell_take(b, i + 1)) != 0;) try_channel(g, i);
}

/* The engine is gone, or has no bell for us. */
static void try_all(struct ring *g)
{
	for (uint32_t i = 1; i < CHANNEL_MAX && g->parked_virtual > 0; i++)
		if (g->parked_on[i]) try_channel(g, i);
}

static void try_files(struct ring *g)
{
	struct epoll_event e[64];
	long n = sys(SYS_epoll_wait, g->kernel_set, e, ARRAY_SIZE(e), 0);
	for (long i = 0; i < n; i++) {
		struct request *r = e[i].data.ptr;
		ring_lock(g);
		bool ours = !r->file.virtual && request_unpark(r);
		ring_unlock(g);
		if (ours) request_issue(r);
	}
}

static void thread_turn(struct ring *g)
{
	struct pollfd fds[FDS];
	uint64_t n;
	thread_sleep(g, fds);
	if (fds[WAKE].revents) sys(SYS_read, g->wake, &n, sizeof n);
	if (fds[CONTROL].revents & POLLHUP) atomic_store(&shim.cut, true);
	if (fds[CLOSED].revents) rings_sweep();
	timers_fire(g);
	if (g->bell != 0) try_bits(g);
	if (g->bell == 0 || engine_dead()) try_all(g);
	if (fds[KERNEL_SET].revents) try_files(g);
	ring_run(g);
}

static void *thread_run(void *arg)
{
	struct ring *g = arg;
	uring_asynchronous = true;
	while (!g->ended) thread_turn(g);
	ring_release(g);
	return NULL;
}

static int descriptors_make(struct ring *g)
{
	int wake = g->wake < 0 ? (int)sys(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC) : 0;
	if (wake < 0) return wake;
	if (g->wake < 0) g->wake = hide_fd(wake, false);
	int set = g->kernel_set < 0 ? (int)sys(SYS_epoll_create1, EPOLL_CLOEXEC) : 0;
	if (set < 0) return set;
	if (g->kernel_set < 0) g->kernel_set = hide_fd(set, false);
	return 0;
}

static int thread_start(struct ring *g)
{
	int err = g->has_thread ? 0 : descriptors_make(g);
	if (err < 0 || g->has_thread) return err;
	atomic_fetch_add(&g->refs, 1);
	err = uring_thread(thread_run, g);
	if (err < 0) ring_release(g);
	else atomic_store(&g->has_thread, true);
	return err;
}

int park_thread(struct ring *g)
{
	if (atomic_load(&g->has_thread)) return 0;
	lock_enter(&g->starting);
	int err = thread_start(g);
	lock_leave(&g->starting);
	return err;
}
