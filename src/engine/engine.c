/* The engine's life and its turns: see private.h for the drawing. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "channel/bitmap.h"
#include "channel/desk.h"
#include "channel/wish.h"
#include "engine/private.h"
#include "host/clock.h"
#include "host/memory.h"
#include "host/process.h"

#define ADVANCE_BUDGET 10000
#define GATHER_MAX 256        /* batches: more than this is ready only when somebody fools us */
#define LOG_MAX 200
#define LINGER_NS (20 * NS_PER_US)
#define LINGER_SKIP_MAX 64u
#define SCRATCH_SIZE ((size_t)160 << 10)

struct log_line { struct list node; char text[]; };

void engine_log(struct engine *e, const char *format, ...)
{
	char buf[512];
	va_list ap;
	if (e->n_log == LOG_MAX) return;
	va_start(ap, format);
	int n = vsnprintf(buf, sizeof buf, format, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "sockland engine: %s\n", buf);
	struct log_line *l = malloc(sizeof *l + MIN((size_t)n, sizeof buf - 1) + 1);
	if (!l) return;
	strcpy(l->text, buf);
	list_append(&e->log, &l->node);
	e->n_log++;
}

void engine_log_print(struct engine *e, struct text *t)
{
	list_each(struct log_line, l, &e->log, node) text_add(t, "%s\n", l->text);
}

void engine_log_show(struct engine *e, struct page *p)
{
	list_each(struct log_line, l, &e->log, node)
		if (page_takes(p)) text_add(p->t, "log\ttext=%s\n", l->text);
}

/* ---- a turn ---- */

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

static void dirty_word(struct engine *e, uint32_t w)
{
	for (uint64_t set = atomic_exchange(&e->arena->dirty[w], 0); set != 0; set &= set - 1) {
		struct esock *es = e->slots[w * 64 + (uint32_t)__builtin_ctzll(set)].es;
		if (!es) continue;
		es->rung = true;
		esock_queue(e, es);
		if (shared_get32(&esock_channel(e, es)->flags) & CHF_CLOSED && list_empty(&es->source.ready))
			list_append(&e->ready[SOURCE_ANCHOR], &es->source.ready);
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

/* Ends, because time stands still meanwhile and each socket may send only so much in a turn. */
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
 * Before sleeping it may pay to stay awake for a moment, so that the next ring or call on a desk needs no system call and no wake: at most 20 µs of giving
 * the processor to others, and after a wait in vain the next ones are skipped, twice as many each time. What comes by the kernel waits as long.
 */
static bool linger_pays(struct engine *e)
{
	if (e->linger_skip > 0) {
		e->linger_skip--;
		return false;
	}
	for (time_ns end = clock_now() + LINGER_NS; clock_now() < end; sched_yield()) {
		if (!work_waits(e)) continue;
		e->linger_failed = 0;
		return true;
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
	atomic_store(&e->arena->asleep, 1);
	if (!work_waits(e)) return due;
	atomic_store(&e->arena->asleep, 0);
	return 0;
}

static void turn(struct engine *e)
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
	hangups(e);
	engine_settle(e);
	shared_set64(&e->arena->done, e->rung);
	idle_look(e);
	controls(e);
	captures_flush(e);
}

static bool engine_over(const struct engine *e)
{
	if (e->ending) return true;
	return !e->config->keep && e->had_door && list_empty(&e->doors) && list_empty(&e->clients);
}

/* ---- life ---- */

static void punch(void *user, uint64_t offset, uint64_t len) { memory_punch(((struct engine *)user)->arena_fd, offset, len); }

static int arena_make(struct engine *e)
{
	void *map;
	int err = memory_create("sockland", ARENA_SIZE, &e->arena_fd, &map);
	if (err < 0) {
		engine_log(e, "no shared memory of %" PRIu64 " GiB of address space: %s (see ulimit -v and ulimit -f)", (uint64_t)(ARENA_SIZE >> 30),
			   strerror(-err));
		return err;
	}
	e->arena = map;
	e->arena->magic = ARENA_MAGIC;
	e->arena->version = ARENA_VERSION;
	e->arena->size = ARENA_SIZE;
	e->set_locks = e->arena->set_locks = process_token() >> 2;   /* what no other net is likely to lock */
	err = pool_init(&e->pool, e->arena, punch, e);
	if (e->config->segments > 0) e->pool.max_segs = MIN(e->config->segments, SEGMENT_MAX);
	return err;
}

static void lists_init(struct engine *e)
{
	struct list *all[] = {&e->accounts, &e->doors, &e->clients, &e->ended, &e->pump, &e->again, &e->warm, &e->cooling, &e->inboxes, &e->refusals, &e->log,
			     &e->faults, &e->flaps, &e->call_faults, &e->captures};
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) list_init(all[i]);
	for (size_t i = 0; i < SOURCE_KINDS; i++) list_init(&e->ready[i]);
	list_init(&e->listener.ready);
	list_init(&e->owner.ready);
	hash_init(&e->inodes);
	hash_init(&e->further_inodes);
	hash_init(&e->flights);
}

static int memory_make(struct engine *e)
{
	e->slots = calloc(CHANNEL_MAX, sizeof *e->slots);
	e->in = malloc(sizeof(struct rpc_request) + RPC_IN_MAX);
	e->out = malloc(RPC_OUT_MAX);
	e->scratch = malloc(SCRATCH_SIZE);
	e->slots_used = 1;
	e->path_epoch = 1;
	e->idle_due = e->listener_due = TIME_NEVER;
	e->stocks[STOCK_FDS].limit = (uint32_t)MIN(process_descriptors() / 4 * 3, UINT32_MAX);   /* the rest: our own, the hosts' doors, what a call brings */
	e->stocks[STOCK_CHANNELS].limit = CHANNEL_MAX - 1;
	e->stocks[STOCK_BELLS].limit = BELL_MAX - 1;
	e->stocks[STOCK_PAGES].limit = RING_PAGES_MAX;
	return e->slots && e->in && e->out && e->scratch ? 0 : -ENOMEM;
}

static int doors_make(struct engine *e)
{
	int err = 0;
	for (size_t i = 0; i < e->topo->n_hosts && err == 0; i++)
		if (e->config->doors[i] >= 0) err = door_add(e, e->config->doors[i], i, NULL);
	e->listener.kind = SOURCE_LISTENER;
	e->listener_fd = e->config->listener;
	if (err == 0 && e->listener_fd >= 0) err = listener_watch(e);
	e->owner.kind = SOURCE_OWNER;
	e->owner_fd = e->config->owner;
	if (err == 0 && e->owner_fd >= 0) err = loop_add(&e->loop, e->owner_fd, EPOLLIN, &e->owner);
	return err;
}

static int engine_start(struct engine *e)
{
	int err = memory_make(e);
	if (err == 0) err = arena_make(e);
	if (err == 0) err = guard_start(e);
	if (err == 0) err = loop_init(&e->loop);
	e->now = clock_now();
	if (err == 0) err = build_net(e);
	if (err == 0) err = doors_make(e);
	return err;
}

/* Whoever sees one of our descriptors close may take the name of this net for another. */
static void engine_end(struct engine *e)
{
	if (e->listener_fd >= 0) close(e->listener_fd);
	if (e->owner_fd >= 0) close(e->owner_fd);
	list_each(struct client, c, &e->clients, node) client_end(e, c, NULL);
	client_reap(e);
	list_each(struct door, d, &e->doors, node) door_free(e, d);
	esocks_free(e);
	for (uint32_t i = 1; i <= e->bells_used; i++)
		if (e->bells[i]) bell_destroy(e, e->bells[i]);
	captures_free(e);
	unix_names_free(e);
	loop_end(&e->loop);
	call_faults_free(e);
	flaps_free(e);
	faults_free(e);
	if (e->net) build_end(e);
	guard_end(e);
	refused_free(e);
	list_each(struct log_line, l, &e->log, node) free(l);
	pool_destroy(&e->pool);
	hash_free(&e->inodes);
	hash_free(&e->further_inodes);
	hash_free(&e->flights);
	free(e->slots);
	free(e->in);
	free(e->out);
	free(e->scratch);
	if (e->arena) munmap(e->arena, ARENA_SIZE);
	free(e);
}

static void keep_only_given(const struct engine_config *c)
{
	int fds[c->topo->n_hosts + 3];
	size_t n = 0;
	for (size_t i = 0; i < c->topo->n_hosts; i++) fds[n++] = c->doors[i];
	fds[n++] = c->listener;
	fds[n++] = c->owner;
	fds[n++] = c->ready_fd;
	process_keep_only(fds, n);
}

int engine_run(const struct engine_config *c)
{
	struct engine *e = calloc(1, sizeof *e);
	if (!e) return 1;
	e->config = c;
	e->topo = c->topo;
	e->guard_pipe = e->loop.epfd = e->listener_fd = e->owner_fd = -1;
	lists_init(e);
	unix_names_start(e);
	keep_only_given(c);
	process_fill_standard();
	process_settle("sockland-engine");
	int err = engine_start(e);
	if (err < 0) {
		dprintf(STDERR_FILENO, "sockland: the network can't start: %s\n", strerror(-err));
		engine_end(e);
		return 1;
	}
	if (!getenv("SOCKLAND_DEBUG")) process_quiet();
	if (c->ready_fd >= 0 && write(c->ready_fd, "", 1) == 1) close(c->ready_fd);
	while (!engine_over(e)) turn(e);
	engine_end(e);
	return 0;
}
