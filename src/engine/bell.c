/* Bells: what an epoll instance or a polling thread sleeps on, and the watches that join them with sockets. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "channel/channel.h"
#include "engine/private.h"
#include "host/futex.h"

/* The word that lets a peer ring: the only bell, none, or many. */
void bell_publish(struct engine *e, struct esock *es)
{
	const struct list *first = es->watches.next;
	uint32_t bell = 0;
	if (first != &es->watches) bell = first->next != &es->watches ? BELL_MANY : list_entry(first, struct watch, of_sock)->bell;
	/* Before the bit that makes the watcher look: a peer that did not see the bell has published before that look. */
	atomic_store(&esock_channel(e, es)->bell, bell);
}

static void bell_wake(struct engine *e, struct bell_owned *b, uint32_t armed)
{
	if (armed & BELL_FUTEX) futex_wake(&arena_bell(e->arena, b->index)->seq, INT_MAX);
	if (armed & BELL_EVENTFD) eventfd_write(b->fd, 1);
}

void bells_ring(struct engine *e, struct esock *es)
{
	list_each(struct watch, w, &es->watches, of_sock) {
		struct bell *b = arena_bell(e->arena, w->bell);
		uint64_t claim;
		bell_set(b, es->channel);
		bell_wake(e, e->bells[w->bell], bell_ring(b, 0, &claim));
	}
}

/* A client is dead: those whom it was about to wake are woken by us. Its name may stay: it comes to no other, and the next ringer replaces it. */
void bells_of_dead(struct engine *e, uint32_t client)
{
	for (uint32_t i = 1; i < BELL_MAX; i++) {
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

static int watch_add(struct engine *e, struct esock *es, struct bell_owned *b)
{
	struct watch *w = watch_find(es, b);
	if (!w) {
		w = malloc(sizeof *w);
		if (!w) return -ENOMEM;
		*w = (struct watch){.bell = b->index, .channel = es->channel};
		list_append(&es->watches, &w->of_sock);
		list_append(&b->watches, &w->of_bell);
		bell_publish(e, es);
	}
	bell_set(arena_bell(e->arena, b->index), es->channel);
	return 0;
}

static struct bell_owned *bell_of(struct call *k)
{
	int64_t i = k->q->arg[0];
	return i > 0 && i < BELL_MAX ? k->e->bells[i] : NULL;
}

int64_t serve_bell(struct call *k)
{
	uint32_t i = 1;
	if (!share_left(BELL_MAX - 1, k->e->n_bells, k->c->n_bells)) return -ENOSPC;
	while (k->e->bells[i]) i++;
	struct bell_owned *b = calloc(1, sizeof *b);
	if (!b) return -ENOMEM;
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (b->fd < 0) {
		free(b);
		return -ENFILE;
	}
	b->index = i;
	b->owner = k->c;
	list_init(&b->watches);
	list_append(&k->c->bells, &b->node);
	k->c->n_bells++;
	k->e->n_bells++;
	k->e->bells[i] = b;
	struct bell *shared = arena_bell(k->e->arena, i);
	atomic_store(&shared->armed, 0);
	atomic_fetch_add(&shared->generation, 1);
	if (shared_get32(&k->e->arena->bells_used) < i) shared_set32(&k->e->arena->bells_used, i);
	call_pass(k, b->fd, false);
	return i;
}

void bell_destroy(struct engine *e, struct bell_owned *b)
{
	while (!list_empty(&b->watches)) watch_free(e, list_first(&b->watches, struct watch, of_bell));
	list_remove(&b->node);
	e->bells[b->index] = NULL;
	b->owner->n_bells--;
	e->n_bells--;
	close(b->fd);
	free(b);
}

int64_t serve_bell_free(struct call *k)
{
	struct bell_owned *b = bell_of(k);
	if (!b) return -EINVAL;
	if (b->owner != k->c) return -EPERM;
	bell_destroy(k->e, b);
	return 0;
}

/* The eventfd of somebody else's bell, for a program that rings it itself. */
int64_t serve_bell_fd(struct call *k)
{
	struct bell_owned *b = bell_of(k);
	if (!b) return -ENOENT;
	call_pass(k, b->fd, false);
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
	if (w) watch_free(e, w);
	return 0;
}

int64_t serve_watch(struct call *k) { return each_watched(k, watch_add); }
int64_t serve_unwatch(struct call *k) { return each_watched(k, watch_drop); }
