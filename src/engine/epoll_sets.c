/*
 * The sets of epoll files (channel/epoll_set.h): a bell, with a place for members that the programs' shims keep. The engine knows which clients have said that
 * they use one, which spares asking the kernel; a file that nobody has spoken for, as between a fork and the child's first call, is alive as long as its
 * lock stands. That is looked at when something is made or somebody has gone: a set that is over costs nothing meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include "channel/epoll_set.h"
#include "engine/private.h"
#include "host/filelock.h"
#include "host/memory.h"

static struct hold *hold_find(const struct bell_owned *b, const struct client *c)
{
	list_each(struct hold, h, &b->holds, of_bell)
		if (h->client == c) return h;
	return NULL;
}

bool set_is_held(const struct bell_owned *b, const struct client *c) { return hold_find(b, c) != NULL; }

static int hold_add(struct bell_owned *b, struct client *c)
{
	if (hold_find(b, c)) return 0;
	struct hold *h = calloc(1, sizeof *h);
	if (!h) return -ENOMEM;
	*h = (struct hold){.bell = b, .client = c};
	list_append(&b->holds, &h->of_bell);
	list_append(&c->holds, &h->of_client);
	return 0;
}

static void hold_free(struct hold *h)
{
	list_remove(&h->of_bell);
	list_remove(&h->of_client);
	free(h);
}

static void set_clear(struct engine *e, uint32_t i) { memory_punch(e->arena_fd, ARENA_SETS_OFF + i * EPOLL_SET_SIZE, EPOLL_SET_SIZE); }

int64_t set_make(struct engine *e, struct client *c, struct bell_owned *b)
{
	uint32_t i = b->index;
	if (hold_add(b, c) == 0) return i;
	bell_destroy(e, b);
	return -ENOMEM;
}

/* The next of its users: a forked child, a program that has got the file by exec or from another. */
int64_t serve_set_join(struct call *k)
{
	struct bell_owned *b = bell_of(k);
	if (!b || b->owner) return -ENOENT;
	int err = hold_add(b, k->c);
	return err < 0 ? err : (int64_t)shared_get32(&arena_bell(k->e->arena, b->index)->generation);
}

int64_t set_leave(struct client *c, struct bell_owned *b)
{
	struct hold *h = hold_find(b, c);
	if (!h) return -EPERM;
	hold_free(h);
	return 0;
}

void sets_sweep(struct engine *e)
{
	for (uint32_t i = 1; i <= e->bells_used; i++) {
		struct bell_owned *b = e->bells[i];
		if (!b || b->owner || !list_empty(&b->holds) || filelock_held(e->loop.epfd, e->set_locks + i)) continue;
		bell_destroy(e, b);
		set_clear(e, i);
	}
}

/* It may have held the lock, or have been woken for what others now have to look at. */
static void set_of_dead(struct engine *e, struct bell_owned *b, uint32_t client)
{
	struct epoll_set *s = arena_set(e->arena, b->index);
	if ((shared_get32(&s->lock.word) & ~LOCK_CONTENDED) == client) shared_set32(&s->doubt, 1);
	lock_release(&s->lock, client, true);
	shared_add32(&arena_bell(e->arena, b->index)->seq, 1);
	bell_wake(e, b, BELL_ARMED);
}

void sets_of_dead(struct engine *e, struct client *c)
{
	while (!list_empty(&c->holds)) {
		struct hold *h = list_first(&c->holds, struct hold, of_client);
		set_of_dead(e, h->bell, c->id);
		hold_free(h);
	}
	sets_sweep(e);
}
