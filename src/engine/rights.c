/*
 * Descriptors in flight over Unix sockets. They are on their sender's account, and there may be only so many: of a user not more than the process may have
 * open that sends the next ones, as on Linux. Message and rights part by references, as a peek leaves the message where it is.
 *
 * The engine holds what it is given until it is received, or the message that carries it is dropped; but of its own Unix sockets it holds no
 * descriptor, only counts what is in flight. So the anchor of a socket still tells whether some program has it; who receives the socket gets a new anchor
 * (anchors.c). Sockets without an anchor are in flight only, perhaps in each other's queues, where nobody can ever receive them:
 *
 *     anchor ── a ─ queue ─► b ─ queue ─► c          reached       d ⇄ e, each in the other's queue       not reached: they end
 */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/message.h"
#include "host/process.h"
#include "stack/unix/unix.h"

struct right { int fd; struct esock *es; };   /* es: NULL: whatever fd is, else fd is -1 */
struct flyer { struct hash_node by_uid; uint32_t n; };   /* a user's, while there are some */
struct rights { struct sock_rights base; struct engine *e; struct account *account; struct flyer *flyer; int n; struct right at[]; };

static struct rights *rights_of(struct sock_rights *base) { return container_of(base, struct rights, base); }

/* ---- whose they are ---- */

static struct flyer *flyer_of(struct engine *e, uid_t uid)
{
	struct hash_node *h = hash_first(&e->flyers, uid);
	if (h) return container_of(h, struct flyer, by_uid);
	struct flyer *f = calloc(1, sizeof *f);
	if (f && hash_insert(&e->flyers, &f->by_uid, uid) == 0) return f;
	free(f);
	return NULL;
}

static void flyer_leave(struct engine *e, struct flyer *f, uint32_t n)
{
	f->n -= n;
	if (f->n > 0) return;
	hash_remove(&e->flyers, &f->by_uid);
	free(f);
}

/* As Linux: it looks at what is there already, and the user is the real one. */
static bool is_too_many(const struct client *c, const struct flyer *f)
{
	static const uint64_t may_more = 1ull << CAP_SYS_RESOURCE | 1ull << CAP_SYS_ADMIN;
	return f->n > 0 && f->n > process_may_open(c->pid) && !client_has_any(c, may_more);
}

/* ---- holding them ---- */

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
	if (r->flyer) flyer_leave(r->e, r->flyer, (uint32_t)r->n);
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

int rights_make(struct engine *e, struct account *a, int *fds, int count, struct sock_rights **ret)
{
	uint32_t n = (uint32_t)count;
	*ret = NULL;
	if (n == 0) return 0;
	if (!account_may(e, a, STOCK_FDS, n)) return -ETOOMANYREFS;
	struct rights *r = malloc(sizeof *r + sizeof *r->at * n);
	if (!r) return -ENOMEM;
	*r = (struct rights){.base = {.refs = 1, .free = rights_free}, .e = e, .account = a, .n = count};
	account_move(e, NULL, r->account, STOCK_FDS, n);
	for (int i = 0; i < r->n; i++) {
		r->at[i] = right_of(e, fds[i]);
		fds[i] = -1;
	}
	*ret = &r->base;
	return 0;
}

int rights_take(struct call *k, struct sock_rights **ret)
{
	int err = rights_make(k->e, k->c->account, k->in_fds, k->n_in_fds, ret);
	if (err < 0 || !*ret) return err;
	struct rights *r = rights_of(*ret);
	r->flyer = flyer_of(k->e, k->c->real_uid);
	if (!r->flyer) return -ENOMEM;
	r->base.err = is_too_many(k->c, r->flyer) ? -ETOOMANYREFS : 0;
	r->flyer->n += (uint32_t)r->n;
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
