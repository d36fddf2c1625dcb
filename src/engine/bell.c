/* Bells: what an epoll instance or a polling thread sleeps on, and the watches that join them with sockets. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "channel/channel.h"
#include "engine/private.h"
#include "host/futex.h"

#define STRAYS_MAX 16

/* The word that lets a peer ring: the only bell, none, or many. */
void bell_publish(struct engine *e, struct esock *es)
{
	const struct list *first = es->watches.next;
	uint32_t bell = 0;
	if (first != &es->watches) bell = first->next != &es->watches ? BELL_MANY : list_entry(first, struct watch, of_sock)->bell;
	/* Before the bit that makes the watcher look: a peer that did not see the bell has published before that look. */
	atomic_store(&esock_channel(e, es)->bell, bell);
}

void bell_wake(struct engine *e, struct bell_owned *b, uint32_t armed)
{
	if (armed & BELL_FUTEX) futex_wake(&arena_bell(e->arena, b->index)->seq, INT_MAX);
	struct pollfd p = {.fd = b->fd, .events = POLLOUT};
	if (armed & BELL_EVENTFD && b->fd >= 0 && poll(&p, 1, 0) == 1) eventfd_write(b->fd, 1);
}

void bells_ring(struct engine *e, struct esock *es, uint32_t edges)
{
	if (es->spare) return;             /* nobody has it */
	list_each(struct watch, w, &es->watches, of_sock) {
		struct bell *b = arena_bell(e->arena, w->bell);
		uint64_t claim;
		bell_set(b, es->channel, edges);
		bell_wake(e, e->bells[w->bell], bell_ring(b, 0, &claim));
	}
}

/* A client is dead: those whom it was about to wake are woken by us. Its name may stay: it comes to no other, and the next ringer replaces it. */
void bells_of_dead(struct engine *e, uint32_t client)
{
	for (uint32_t i = 1; i <= e->bells_used; i++) {
		struct bell *b = arena_bell(e->arena, i);
		if (!e->bells[i] || bell_claimant(shared_get64(&b->armed)) != client) continue;
		shared_add32(&b->seq, 1);
		bell_wake(e, e->bells[i], BELL_ARMED);
	}
}

void watch_free(struct engine *e, struct watch *w)
{
	list_remove(&w->of_sock);
	list_remove(&w->of_bell);
	bell_publish(e, e->slots[w->channel].es);
	free(w);
}

static struct watch *watch_find(struct esock *es, const struct bell_owned *b)
{
	list_each(struct watch, w, &es->watches, of_sock)
		if (w->bell == b->index) return w;
	return NULL;
}

static struct watch *watch_new(struct engine *e, struct esock *es, struct bell_owned *b)
{
	struct watch *w = malloc(sizeof *w);
	if (!w) return NULL;
	*w = (struct watch){.bell = (uint16_t)b->index, .channel = es->channel};
	list_append(&es->watches, &w->of_sock);
	list_append(&b->watches, &w->of_bell);
	bell_publish(e, es);
	return w;
}

static int watch_add(struct engine *e, struct esock *es, struct bell_owned *b)
{
	if (!watch_find(es, b) && !watch_new(e, es, b)) return -ENOMEM;
	if (b->owner) bell_set(arena_bell(e->arena, b->index), es->channel, 0);   /* who puts it into a set looks himself */
	return 0;
}

/*
 * A program with one epoll file puts what it accepts where its listener is, and its next socket where the last one was. So these are watched before it
 * says so, and when it does, the channel tells it that no call is needed. Where the guess is wrong the first ring in vain ends the watch; a bell for
 * which it was wrong often enough inherits nothing any more.
 */
struct bell_owned *bell_likely(struct engine *e, const struct esock *es, const struct client *c)
{
	struct bell_owned *likely = NULL;
	list_each(struct watch, w, &es->watches, of_sock) {
		struct bell_owned *b = e->bells[w->bell];
		if (b->owner || !set_is_held(b, c)) continue;
		if (likely || b->strays >= STRAYS_MAX) return NULL;
		likely = b;
	}
	return likely;
}

void bell_inherit(struct engine *e, struct esock *es, struct bell_owned *b)
{
	struct watch *w = b ? watch_new(e, es, b) : NULL;
	if (w) w->guessed = true;
}

struct bell_owned *bell_of(struct call *k)
{
	int64_t i = k->q->arg[0];
	return i > 0 && i < BELL_MAX ? k->e->bells[i] : NULL;
}

/* What a sleeper in the kernel sleeps on: -errno when there can't be one. */
static int bell_eventfd(struct engine *e, struct bell_owned *b)
{
	if (b->fd >= 0) return b->fd;
	if (!account_may(e, b->account, STOCK_FDS, 1)) return -ENFILE;
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->fd < 0) return -ENFILE;
	account_move(e, NULL, b->account, STOCK_FDS, 1);
	return b->fd;
}

/* What was rung for its last owner is no edge for the next. */
static void bell_clear(struct bell *b)
{
	for (uint32_t i = 0; i + 1 < CHANNEL_MAX && (i = bell_take(b, i + 1)) != 0;) bell_take_edges(b, i);
}

static struct bell_owned *bell_make(struct engine *e, uint32_t i, struct account *a)
{
	struct bell_owned *b = calloc(1, sizeof *b);
	if (!b) return NULL;
	b->fd = -1;
	b->index = i;
	list_init(&b->watches);
	list_init(&b->holds);
	list_init(&b->node);
	b->account = a;
	account_move(e, NULL, a, STOCK_BELLS, 1);
	e->bells[i] = b;
	struct bell *shared = arena_bell(e->arena, i);
	bell_clear(shared);
	atomic_store(&shared->armed, 0);
	atomic_fetch_add(&shared->generation, 1);
	e->bells_used = MAX(e->bells_used, i);
	shared_set32(&e->arena->bells_used, e->bells_used);
	return b;
}

int64_t serve_bell(struct call *k)
{
	uint32_t i = 1;
	sets_sweep(k->e);
	if (!account_may(k->e, k->c->account, STOCK_BELLS, 1)) return -ENOSPC;
	while (k->e->bells[i]) i++;
	struct bell_owned *b = bell_make(k->e, i, k->c->account);
	if (!b) return -ENOMEM;
	if (k->q->arg[0] == BELL_OF_SET) return set_make(k->e, k->c, b);
	int fd = bell_eventfd(k->e, b);
	if (fd < 0) {
		bell_destroy(k->e, b);
		return fd;
	}
	b->owner = k->c;
	list_append(&k->c->bells, &b->node);
	call_pass(k, fd, false);
	return i;
}

void bell_destroy(struct engine *e, struct bell_owned *b)
{
	while (!list_empty(&b->watches)) watch_free(e, list_first(&b->watches, struct watch, of_bell));
	list_remove(&b->node);
	e->bells[b->index] = NULL;
	account_move(e, b->account, NULL, STOCK_BELLS, 1);
	if (b->fd >= 0) {
		account_move(e, b->account, NULL, STOCK_FDS, 1);
		close(b->fd);
	}
	free(b);
}

int64_t serve_bell_free(struct call *k)
{
	struct bell_owned *b = bell_of(k);
	if (!b) return -EINVAL;
	if (!b->owner) return set_leave(k->c, b);
	if (b->owner != k->c) return -EPERM;
	bell_destroy(k->e, b);
	return 0;
}

/* The eventfd of a bell, for those who sleep on an epoll file's, and for a program that rings somebody's itself. */
int64_t serve_bell_fd(struct call *k)
{
	struct bell_owned *b = bell_of(k);
	if (!b) return -ENOENT;
	int fd = bell_eventfd(k->e, b);
	if (fd < 0) return fd;
	call_pass(k, fd, false);
	return shared_get32(&arena_bell(k->e->arena, b->index)->generation);
}

/* For each socket that is still what the caller means: how many. */
static int64_t each_watched(struct call *k, int (*act)(struct engine *, struct esock *, struct bell_owned *))
{
	struct bell_owned *b = bell_of(k);
	int64_t n = 0;
	if (!b) return -EINVAL;
	for (uint32_t off = 0; off + sizeof(struct rpc_watch) <= k->q->in_len; off += (uint32_t)sizeof(struct rpc_watch)) {
		struct rpc_watch rw;
		memcpy(&rw, k->in + off, sizeof rw);
		struct esock *es = esock_find(k->e, rw.channel, rw.generation);
		if (!es) continue;
		int err = act(k->e, es, b);
		if (err < 0) return err;
		n++;
	}
	return n;
}

static int watch_drop(struct engine *e, struct esock *es, struct bell_owned *b)
{
	struct watch *w = watch_find(es, b);
	if (w) b->strays += w->guessed;
	if (w) watch_free(e, w);
	return 0;
}

int64_t serve_watch(struct call *k) { return each_watched(k, watch_add); }
int64_t serve_unwatch(struct call *k) { return each_watched(k, watch_drop); }
