/*
 * Unix sockets and the outside. A socket that is bound to a path has one of the kernel's beside it, K, which the program has bound there (shim/unix_sock.c):
 * so the path shows, and is guarded, as Linux has it, and programs that are none of the network's find it. The engine keeps K as long as the socket lives,
 * and with it the inode, so that no other file gets its number.
 *
 *     a client inside     path ─► inode ─► the socket that is known here by it
 *     a client outside    path ─► inode ─► K ─ accept ─► C, which is the kernel's and the program's: nothing of what they say comes by here
 *                                          K ─ a datagram ─► the socket's queue, while there is room; the others wait at K
 *
 * What waits at K makes a listener readable. It is the program that accepts from K, lent to it for that moment: whoever else has K can make that wait, and
 * the engine makes no call on K that does.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/message.h"
#include "host/outer.h"
#include "host/process.h"
#include "stack/unix/unix.h"

struct outside {
	struct source source;
	struct esock *es;
	int fd;                            /* K */
	ino_t inode;                       /* its own, not the path's */
	bool watched, turn, more;          /* turn: the last to be accepted came from there; more: not all datagrams were taken */
};

#define LENGTH_MAX (1u << 20)      /* more than an ordinary program can have sent */
#define TURN_MESSAGES 32

/*
 * Who wants credentials or pidfds of connections wants them of those that the kernel makes, whose messages may come before they are accepted. Datagrams
 * always have credentials.
 */
void outside_follow(const struct esock *es)
{
	static const int wanted[] = {SO_PASSCRED, OUTER_PASSPIDFD};
	bool connects = es->sk->type != SOCK_DGRAM;
	if (!es->outside) return;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		int on = 0;
		socklen_t len = sizeof on;
		sock_getsockopt(es->sk, SOL_SOCKET, wanted[i], &on, &len);
		outer_switch(es->outside->fd, wanted[i], connects ? on : wanted[i] == SO_PASSCRED);
	}
}

static int watch(struct engine *e, struct outside *o)
{
	int err = o->watched ? 0 : loop_add(&e->loop, o->fd, EPOLLIN | EPOLLET, &o->source);
	o->watched |= err == 0;
	return err;
}

static void unwatch(struct engine *e, struct outside *o)
{
	if (o->watched) loop_remove(&e->loop, o->fd);
	o->watched = o->more = false;
	list_remove(&o->source.ready);
}

int outside_begin(struct engine *e, struct esock *es, int *fd)
{
	struct outside *o = outer_is(*fd) ? calloc(1, sizeof *o) : NULL;
	if (!o) return outer_is(*fd) ? -ENOMEM : -EINVAL;
	*o = (struct outside){.source.kind = SOURCE_OUTSIDE, .es = es, .fd = *fd};
	process_socket_inode(*fd, &o->inode);
	list_init(&o->source.ready);
	*fd = -1;
	es->outside = o;
	outside_follow(es);
	account_move(e, NULL, esock_account(es), STOCK_FDS, 1);
	return es->stream || es->sk->type != SOCK_DGRAM ? 0 : watch(e, o);     /* others when they listen */
}

void outside_end(struct engine *e, struct esock *es)
{
	struct outside *o = es->outside;
	if (!o) return;
	es->outside = NULL;
	unwatch(e, o);
	message_close(&o->fd, 1);
	free(o);
	account_move(e, esock_account(es), NULL, STOCK_FDS, 1);
}

ino_t outside_inode(const struct esock *es) { return es->outside->inode; }

/* ---- datagrams ---- */

static int queue_up(struct engine *e, struct esock *es, struct outer_message *m)
{
	struct unix_outside_message u = {.from = &m->name, .from_len = m->name_len, .data = m->data, .len = (uint32_t)m->len, .cred = m->cred};
	int err = rights_make(e, esock_account(es), m->fds, m->n_fds, &u.rights);
	u.cut = m->cut || err < 0;
	err = unix_outside_send(es->sk, &u);
	sock_rights_unref(u.rights);
	message_close(m->fds, m->n_fds);
	return err;
}

/* One that is too long is lost. false: there is none, or no memory for it now. */
static bool receive_one(struct engine *e, struct esock *es)
{
	int fd = es->outside->fd;
	if (!outer_waits(fd)) return false;           /* one that came between the next two would be taken to be empty */
	struct outer_message m = {.len = MIN(outer_length(fd), LENGTH_MAX)};
	m.data = malloc(MAX(m.len, 1u));
	int err = m.data ? outer_receive(fd, &m) : -ENOMEM;
	es->outside->more = err == -ENOMEM;
	if (err == 0) queue_up(e, es, &m);
	free(m.data);
	return err == 0 || err == -EMSGSIZE;
}

/* What has no room waits where it is, and so does who sends more; and behind many that are lost others wait for the next look. */
static void receive(struct engine *e, struct esock *es)
{
	es->outside->more = false;
	inbox_shut(e, es);
	for (int i = 0; i < TURN_MESSAGES && unix_outside_may_send(es->sk); i++)
		if (!receive_one(e, es)) return;
	es->outside->more = true;
}

/* ---- connections ---- */

static void look(struct esock *es) { unix_outside_waits(es->sk, outer_waits(es->outside->fd)); }

void outside_ready(struct engine *e, struct source *s)
{
	struct esock *es = container_of(s, struct outside, source)->es;
	if (!es->sk) return;
	engine_enter(e, es->sk);
	if (es->listening) look(es);
	else if (!es->stream) receive(e, es);
	net_touch(e->net, es->sk->stack);
}

/* The program says that it has accepted somebody, or has made room. */
void outside_pump(struct engine *e, struct esock *es)
{
	if (es->rung && unix_outside_is_waiting(es->sk)) look(es);
	else if (es->outside->more && unix_outside_may_send(es->sk)) receive(e, es);
}

int outside_listen(struct call *k)
{
	struct outside *o = k->es->outside;
	if (!o) return 0;
	int err = watch(k->e, o);
	if (err == 0) call_pass(k, o->fd, false);
	return err;
}

/* Those outside and those of the net take turns. */
bool outside_accepts(struct call *k)
{
	struct outside *o = k->es->outside;
	if (!o || !unix_outside_is_waiting(k->es->sk)) return false;
	o->turn = !o->turn || (k->es->offer == 0 && !unix_has_backlog(k->es->sk));
	if (o->turn) call_pass(k, o->fd, false);
	return o->turn;
}

void outside_shutdown(const struct esock *es, int how)
{
	if (es->outside) outer_shut(es->outside->fd, how);
}

int64_t serve_outside(struct call *k)
{
	struct outside *o = k->es->outside;
	if (!esock_is_unix(k->es)) return -EOPNOTSUPP;
	int err = unix_may_connect(k->es->sk);
	if (err < 0 || !o) return err;
	if (k->q->arg[0] == OUTSIDE_STAYS) return k->es->sk->type == SOCK_DGRAM ? watch(k->e, o) : 0;
	if (k->q->arg[0] == OUTSIDE_LEAVES) unwatch(k->e, o);
	call_pass(k, o->fd, false);
	return 0;
}
