/*
 * Descriptors in flight over Unix sockets. They are on their sender's account, and there may be only so many, as Linux has it for a user. Message and
 * rights part by references, as a peek leaves the message where it is.
 *
 * The engine holds what it is given until it is received, or the message that carries it is dropped; but of its own Unix sockets it holds no
 * descriptor, only counts what is in flight. So the anchor of a socket still tells whether some program has it; who receives the socket gets a new anchor
 * (anchors.c). Sockets without an anchor are in flight only, perhaps in each other's queues, where nobody can ever receive them:
 *
 *     anchor ── a ─ queue ─► b ─ queue ─► c          reached       d ⇄ e, each in the other's queue       not reached: they end
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/message.h"
#include "host/process.h"
#include "stack/unix/unix.h"

struct right { int fd; struct esock *es; };   /* es: NULL: whatever fd is, else fd is -1 */
struct rights { struct sock_rights base; struct engine *e; struct account *account; int n; struct right at[]; };

static struct rights *rights_of(struct sock_rights *base) { return container_of(base, struct rights, base); }

/* Where nothing else holds it, it ends, though not here, in the middle of its stack's work. */
static void flight_over(struct engine *e, struct esock *es)
{
	flights_of(e, es)->n--;
	if (esock_is_anchored(e, es)) return;
	if (esock_is_in_flight(e, es)) e->flights_doubtful = true;
	else if (list_empty(&es->source.ready)) list_append(&e->ready[SOURCE_ANCHOR], &es->source.ready);
}

static void rights_free(struct sock_rights *base)
{
	struct rights *r = rights_of(base);
	for (int i = 0; i < r->n; i++) {
		if (r->at[i].es) {
			flight_over(r->e, r->at[i].es);
			continue;
		}
		message_close(&r->at[i].fd, 1);
		r->e->let_go = true;
	}
	account_move(r->e, r->account, NULL, STOCK_FDS, (uint32_t)r->n);
	free(r);
}

/* Takes fd. */
static struct right right_of(struct engine *e, int fd)
{
	ino_t inode;
	struct esock *es = process_socket_inode(fd, &inode) ? esock_by_inode(e, inode) : NULL;
	struct flights *fl = es && es->sk && es->sk->domain == AF_UNIX ? flights_begin(e, es) : NULL;
	if (!fl) return (struct right){fd, NULL};
	fl->n++;
	close(fd);
	return (struct right){-1, es};
}

int rights_take(struct call *k, struct sock_rights **ret)
{
	uint32_t n = (uint32_t)k->n_in_fds;
	*ret = NULL;
	if (n == 0) return 0;
	if (!account_may(k->e, k->c->account, STOCK_FDS, n)) return -ETOOMANYREFS;
	struct rights *r = malloc(sizeof *r + sizeof *r->at * n);
	if (!r) return -ENOMEM;
	*r = (struct rights){.base = {1, rights_free}, .e = k->e, .account = k->c->account, .n = k->n_in_fds};
	account_move(k->e, NULL, r->account, STOCK_FDS, n);
	for (int i = 0; i < r->n; i++) {
		r->at[i] = right_of(k->e, k->in_fds[i]);
		k->in_fds[i] = -1;
	}
	*ret = &r->base;
	return 0;
}

bool rights_give(struct call *k, struct sock_rights *base)
{
	bool all = true;
	k->rights = base;
	for (int i = 0; base && i < rights_of(base)->n; i++) {
		const struct right *r = &rights_of(base)->at[i];
		int fd = r->fd, err = r->es ? anchor_further(k->e, r->es, k->c->account, &fd) : 0;
		if (err == 0) call_pass(k, fd, r->es != NULL);
		all &= err == 0;
	}
	return all;
}

/* ---- what nobody can reach ---- */

struct search { struct esock **found; size_t n; };   /* whose queues are still to be looked at */

static void reach(struct search *s, struct esock *es)
{
	if (es->reached) return;
	es->reached = true;
	if (es->sk && es->sk->domain == AF_UNIX) s->found[s->n++] = es;
}

static void reach_rights(void *search, struct sock_rights *base)
{
	for (int i = 0; i < rights_of(base)->n; i++)
		if (rights_of(base)->at[i].es) reach(search, rights_of(base)->at[i].es);
}

/* As Linux's collector. Between calls: then whatever is in flight is in some queue. */
bool flights_collect(struct engine *e)
{
	bool any = false;
	struct search s = {.found = e->flights_doubtful ? malloc(sizeof *s.found * e->slots_used) : NULL};
	e->flights_doubtful = false;
	if (!s.found) return false;
	each_esock(e, es) es->reached = false;
	each_esock(e, es)
		if (esock_is_anchored(e, es)) reach(&s, es);
	while (s.n > 0) unix_each_rights(s.found[--s.n]->sk, reach_rights, &s);
	free(s.found);
	each_esock(e, es) {
		if (es->reached || !esock_is_in_flight(e, es)) continue;
		any = true;
		esock_drop(e, es);
	}
	return any;
}
