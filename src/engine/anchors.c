/*
 * A Unix socket that was in flight over another one comes to its receiver with an anchor of its own, for while it is in flight nobody holds one of
 * its descriptors for it (rights.c). So it can have several, alike in all but who made them; it ends with the last one.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/anchor.h"

struct further { struct source source; struct list node; struct hash_node by_inode; int fd; struct esock *es; struct account *account; };

static void further_free(struct engine *e, struct further *f)
{
	list_remove(&f->node);
	list_remove(&f->source.ready);
	hash_remove(&e->further_inodes, &f->by_inode);
	loop_remove(&e->loop, f->fd);
	close(f->fd);
	account_move(e, f->account, NULL, STOCK_FDS, 1);
	free(f);
}

static int further_watch(struct engine *e, struct further *f, ino_t inode)
{
	int err = loop_add(&e->loop, f->fd, EPOLLRDHUP, &f->source);
	return err < 0 ? err : hash_insert(&e->further_inodes, &f->by_inode, inode);
}

int anchor_further(struct engine *e, struct esock *es, struct account *a, int *ret_fd)
{
	if (!account_may(e, a, STOCK_FDS, 1)) return -ENFILE;
	ino_t inode;
	struct further *f = calloc(1, sizeof *f);
	if (!f) return -ENOMEM;
	*f = (struct further){.source.kind = SOURCE_FURTHER, .es = es, .account = a};
	int err = anchor_create(es->stream, &f->fd, ret_fd, &inode);
	if (err == 0 && further_watch(e, f, inode) < 0) {
		close(f->fd);
		close(*ret_fd);
		err = -ENOBUFS;
	}
	if (err < 0) {
		free(f);
		return err;
	}
	list_init(&f->source.ready);
	list_append(&flights_of(e, es)->further, &f->node);
	account_move(e, NULL, a, STOCK_FDS, 1);
	return 0;
}

void anchor_hangup(struct engine *e, struct source *s)
{
	struct further *f = container_of(s, struct further, source);
	struct esock *es = f->es;
	further_free(e, f);
	if (!esock_is_anchored(e, es)) esock_let_go(e, es);
}

struct esock *anchor_find(struct engine *e, ino_t inode)
{
	struct hash_node *n = hash_first(&e->further_inodes, inode);
	return n ? container_of(n, struct further, by_inode)->es : NULL;
}

void anchors_signal(struct engine *e, const struct esock *es, bool urgent)
{
	struct flights *fl = flights_of(e, es);
	if (es->anchor >= 0) anchor_signal(es->anchor, urgent);
	if (!fl) return;
	list_each(struct further, f, &fl->further, node) anchor_signal(f->fd, urgent);
}

bool anchors_room(struct engine *e, const struct esock *es)
{
	struct flights *fl = flights_of(e, es);
	bool room = es->anchor >= 0 && anchor_room(es->anchor);
	if (!fl) return room;
	list_each(struct further, f, &fl->further, node) room |= anchor_room(f->fd);
	return room;
}

/* ---- which sockets that is about: few, so they are not in the way of the others ---- */

struct flights *flights_of(struct engine *e, const struct esock *es)
{
	struct hash_node *n = es->travelled ? hash_first(&e->flights, es->channel) : NULL;
	return n ? container_of(n, struct flights, by_channel) : NULL;
}

struct flights *flights_begin(struct engine *e, struct esock *es)
{
	struct flights *fl = flights_of(e, es);
	if (fl) return fl;
	fl = calloc(1, sizeof *fl);
	if (!fl || hash_insert(&e->flights, &fl->by_channel, es->channel) < 0) {
		free(fl);
		return NULL;
	}
	list_init(&fl->further);
	es->travelled = true;
	return fl;
}

void flights_end(struct engine *e, struct esock *es)
{
	struct flights *fl = flights_of(e, es);
	if (!fl) return;
	while (!list_empty(&fl->further)) further_free(e, list_first(&fl->further, struct further, node));
	hash_remove(&e->flights, &fl->by_channel);
	es->travelled = false;
	free(fl);
}

bool esock_is_anchored(struct engine *e, const struct esock *es)
{
	const struct flights *fl = flights_of(e, es);
	return es->anchor >= 0 || (fl && !list_empty(&fl->further));
}

bool esock_is_in_flight(struct engine *e, const struct esock *es)
{
	const struct flights *fl = flights_of(e, es);
	return fl && fl->n > 0;
}
