/* The engine's life: what it is made of, and that it goes again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/clock.h"
#include "host/memory.h"
#include "host/process.h"

#define SCRATCH_SIZE ((size_t)432 << 10)

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
	hash_init(&e->flyers);
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
	engine_log_free(e);
	pool_destroy(&e->pool);
	hash_free(&e->inodes);
	hash_free(&e->further_inodes);
	hash_free(&e->flights);
	hash_free(&e->flyers);
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

static bool engine_over(const struct engine *e)
{
	if (e->ending) return true;
	return !e->config->keep && e->had_door && list_empty(&e->doors) && list_empty(&e->clients);
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
	while (!engine_over(e)) engine_turn(e);
	engine_end(e);
	return 0;
}
