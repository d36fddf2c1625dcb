/* A turn of the engine's loop: see private.h for the drawing. It sleeps first, until something is to be done. */
#include <sched.h>
#include "channel/bitmap.h"
#include "channel/desk.h"
#include "channel/wish.h"
#include "engine/private.h"
#include "host/clock.h"

#define ADVANCE_BUDGET 10000
#define GATHER_MAX 256        /* batches: more than this is ready only when somebody fools us */
#define LINGER_NS (20 * NS_PER_US)
#define LINGER_SKIP_MAX 64u

void engine_enter(struct engine *e, struct sock *sk) { stack_set_now(sk->stack, e->now); }

static void clock_update(struct engine *e)
{
	e->now = clock_now();
	time_ns offset = clock_real() - e->now;
	if (offset - e->real_offset < NS_PER_MS && e->real_offset - offset < NS_PER_MS) return;
	e->real_offset = offset;
	for (size_t i = 0; i < net_host_count(e->net); i++) net_stack(net_host_at(e->net, i))->realtime_offset = offset;
}

/* Puts what is ready into its list. false when nothing of it was new. */
static bool gather_note(struct engine *e, const struct epoll_event *ev, int n)
{
	bool fresh = false;
	for (int i = 0; i < n; i++) {
		struct source *s = ev[i].data.ptr;
		if (s->kind == SOURCE_DOORBELL || !list_empty(&s->ready)) continue;
		list_append(&e->ready[s->kind], &s->ready);
		fresh = true;
	}
	return fresh;
}

/* One batch, waited for until then: is there any? */
static bool look(struct engine *e, time_ns until)
{
	struct epoll_event ev[LOOP_BATCH];
	int n = loop_wait(&e->loop, ev, until);
	gather_note(e, ev, n);
	e->looked = n < LOOP_BATCH;
	return n > 0;
}

static void gather_ready(struct engine *e)
{
	struct epoll_event ev[LOOP_BATCH];
	for (int i = 0; i < GATHER_MAX; i++)
		if (!gather_note(e, ev, loop_wait(&e->loop, ev, 0))) return;
}

/*
 * Everything that is ready now, not just a batch of it: a hang-up that came before a control call must be seen before it. Calls on desks are taken, and
 * `rung` is read, after the sleep and before the last look: what it counts is in what we gather or in the dirty bits. The sleep's own look was the last
 * one when nobody asks and nobody has rung since `rung` was read before it.
 */
static void gather(struct engine *e, time_ns until)
{
	if (until != 0) {
		look(e, until);
		atomic_store(&e->arena->asleep, 0);
	}
	bool asked = desks_gather(e);
	uint64_t rung = shared_get64(&e->arena->rung);
	bool done = e->looked && rung == e->rung && !asked && list_empty(&e->ready[SOURCE_CLIENT]) && list_empty(&e->ready[SOURCE_DOOR]);
	e->looked = false;
	e->rung = rung;
	if (!done) gather_ready(e);
}

static void *ready_pop(struct engine *e, enum source_kind kind)
{
	struct list *l = list_pop(&e->ready[kind]);
	return l ? list_entry(l, struct source, ready) : NULL;
}

/* What the queue of a socket that ended had in flight may have been the last of others. */
static bool ends_let_go(struct engine *e)
{
	if (!e->let_go) return false;
	e->let_go = false;
	gather_ready(e);
	return !list_empty(&e->ready[SOURCE_FURTHER]) || !list_empty(&e->ready[SOURCE_ANCHOR]);
}

static void hangups(struct engine *e)
{
	do {
		for (struct source *s; (s = ready_pop(e, SOURCE_FURTHER));) anchor_hangup(e, s);
		for (struct source *s; (s = ready_pop(e, SOURCE_ANCHOR));) esock_end(e, container_of(s, struct esock, source));
	} while (flights_collect(e) || ends_let_go(e));
}

/* Nothing is under way between its program and the stack: the end of such a one sees to all that a look would. */
static bool is_still(struct engine *e, struct esock *es)
{
	return es->sk && es->sk->lent == 0 && tx_pending(&e->pool, &es->tx) == 0;
}

static void dirty_word(struct engine *e, uint32_t w)
{
	for (uint64_t set = atomic_exchange(&e->arena->dirty[w], 0); set != 0; set &= set - 1) {
		struct esock *es = e->slots[w * 64 + (uint32_t)__builtin_ctzll(set)].es;
		if (!es) continue;
		bool closed = shared_get32(&esock_channel(e, es)->flags) & CHF_CLOSED;
		if (closed && list_empty(&es->source.ready)) list_append(&e->ready[SOURCE_ANCHOR], &es->source.ready);
		if (closed && is_still(e, es)) continue;
		es->rung = true;
		esock_queue(e, es);
	}
}

static void dirty(struct engine *e)
{
	/* A client that was killed between its two steps may have left a bit that no summary shows. */
	for (uint32_t w = 0; e->scan_dirty && w < ARRAY_SIZE(e->arena->dirty); w++) dirty_word(e, w);
	e->scan_dirty = false;
	for (uint32_t i = 0; i < ARRAY_SIZE(e->arena->dirty_summary); i++) {
		if (shared_get64(&e->arena->dirty_summary[i]) == 0) continue;
		for (uint64_t set = atomic_exchange(&e->arena->dirty_summary[i], 0); set != 0; set &= set - 1)
			dirty_word(e, i * 64 + (uint32_t)__builtin_ctzll(set));
	}
}

static void wishes_grant(struct engine *e)
{
	if (e->scan_dirty) wishes_find_lost(e->arena);
	for (uint32_t i = 0; i + 1 < CHANNEL_MAX && (i = wishes_next(e->arena, i + 1)) != 0;)
		if (e->slots[i].es) esock_wishes(e, e->slots[i].es);
}

/* Ends, because time stands still meanwhile, no timer sets itself to now, and each socket may send only so much in a turn. */
void engine_settle(struct engine *e)
{
	for (;;) {
		bool more = net_advance(e->net, e->now, ADVANCE_BUDGET);
		if (e->ways_changed) {
			e->ways_changed = false;
			direct_look_again(e);
		}
		if (!more && list_empty(&e->pump)) return;
		for (struct list *l; (l = list_pop(&e->pump));) esock_pump(e, list_entry(l, struct esock, pump));
	}
}

static void controls(struct engine *e)
{
	for (struct source *s; (s = ready_pop(e, SOURCE_DOOR));) door_ready(e, container_of(s, struct door, source));
	if (ready_pop(e, SOURCE_LISTENER)) listener_ready(e);
	if (ready_pop(e, SOURCE_OWNER)) owner_ready(e);
	for (struct source *s; (s = ready_pop(e, SOURCE_CAPTURE));) capture_ready(e, s);
	for (struct source *s; (s = ready_pop(e, SOURCE_CLIENT));) client_ready(e, container_of(s, struct client, source));
	desks_serve(e);
	client_reap(e);
}

static bool work_waits(struct engine *e)
{
	if (atomic_load(&e->arena->rung) != e->rung || desks_asked(e->arena)) return true;
	for (uint32_t i = 0; i < ARRAY_SIZE(e->arena->dirty_summary); i++)
		if (shared_get64(&e->arena->dirty_summary[i]) != 0) return true;
	return wishes_any(e->arena);
}

/*
 * Before sleeping it may pay to stay awake for a moment, so that the next ring or call on a desk needs no system call and no wake: 20 µs, and what the
 * last yield takes longer, of giving the processor to others, and after a wait in vain the next ones are skipped, twice as many each time. What comes by
 * the kernel waits as long.
 */
static bool linger_pays(struct engine *e)
{
	if (e->linger_skip > 0) {
		e->linger_skip--;
		return false;
	}
	for (time_ns end = clock_now() + LINGER_NS;; sched_yield()) {
		if (work_waits(e)) {
			e->linger_failed = 0;
			return true;
		}
		if (clock_now() >= end) break;
	}
	e->linger_failed = MIN(e->linger_failed == 0 ? 1 : e->linger_failed * 2, LINGER_SKIP_MAX);
	e->linger_skip = e->linger_failed;
	return false;
}

/* Until when this turn may sleep; 0 when there is something to do. */
static time_ns sleep_until(struct engine *e)
{
	const time_ns dues[] = {net_deadline(e->net), e->idle_due, e->listener_due, faults_deadline(e), flaps_deadline(e), call_faults_deadline(e)};
	time_ns due = TIME_NEVER;
	for (size_t i = 0; i < ARRAY_SIZE(dues); i++) due = MIN(due, dues[i]);
	if (e->flights_doubtful || !list_empty(&e->ready[SOURCE_ANCHOR])) return 0;
	if (!list_empty(&e->pump) || !list_empty(&e->again) || e->scan_dirty || due <= e->now || linger_pays(e)) return 0;
	/* A client that rings looks at `asleep` after; we say that we sleep and look at what it rings after. One of us sees the other. */
	e->sleep = (e->sleep + 2) | 1;
	atomic_store(&e->arena->asleep, e->sleep);
	if (!work_waits(e)) return due;
	atomic_store(&e->arena->asleep, 0);
	return 0;
}

void engine_turn(struct engine *e)
{
	e->turn++;
	gather(e, sleep_until(e));
	clock_update(e);
	flaps_advance(e);
	faults_expire(e);
	call_faults_expire(e);
	if (e->listener_due <= e->now) listener_watch(e);
	for (struct list *l; (l = list_pop(&e->again));) list_append(&e->pump, l);
	/* What was sent before a close comes before it: octets that the closed side has not read make its end a reset. */
	wishes_grant(e);
	dirty(e);
	engine_settle(e);
	for (struct source *s; (s = ready_pop(e, SOURCE_OUTSIDE));) outside_ready(e, s);
	hangups(e);
	engine_settle(e);
	shared_set64(&e->arena->done, e->rung);
	idle_look(e);
	controls(e);
	captures_flush(e);
}
