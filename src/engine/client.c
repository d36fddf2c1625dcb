/*
 * Doors and clients. A door is our end of a pair that every process of a host inherits; the one message it knows brings the end of a pair of the
 * program's own making, and over that pair the client is served from then on. Its hang-up is the client's death.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "engine/private.h"
#include "host/futex.h"
#include "host/message.h"
#include "host/process.h"

#define LISTENER_REST_NS (100 * NS_PER_MS)
#define CLIENT_FDS 2                /* its pair and its doorbell */
#define BUFFER_DEFAULT 212992       /* net.core.wmem_default */

/* ---- doors ---- */

static int door_watch(struct engine *e, struct door *d)
{
	if (d->account && !account_take(e, d->account, STOCK_FDS, 1)) return -ENFILE;
	int err = loop_add(&e->loop, d->fd, EPOLLIN | EPOLLRDHUP, &d->source);
	if (err < 0 && d->account) account_move(e, d->account, NULL, STOCK_FDS, 1);
	return err;
}

int door_add(struct engine *e, int fd, size_t host, struct account *a)
{
	struct door *d = calloc(1, sizeof *d);
	if (d) *d = (struct door){.source.kind = SOURCE_DOOR, .fd = fd, .host = host, .account = a};
	int err = d ? door_watch(e, d) : -ENOMEM;
	if (err < 0) {
		free(d);
		account_leave(a);
		close(fd);
		return err;
	}
	list_init(&d->source.ready);
	list_append(&e->doors, &d->node);
	e->had_door = true;
	return 0;
}

void door_free(struct engine *e, struct door *d)
{
	list_remove(&d->node);
	list_remove(&d->source.ready);
	loop_remove(&e->loop, d->fd);
	close(d->fd);
	if (d->account) account_move(e, d->account, NULL, STOCK_FDS, 1);
	account_leave(d->account);
	free(d);
}

/* Anything but a HELLO with a socket is dropped: a door has many holders, so it stays open whatever one of them sends. */
void door_ready(struct engine *e, struct door *d)
{
	int fds[MESSAGE_FDS_MAX], n_fds = 0;
	ssize_t n = message_receive(d->fd, e->in, sizeof(struct rpc_request) + RPC_IN_MAX, fds, &n_fds);
	const struct rpc_request *q = (const struct rpc_request *)e->in;
	if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR && n != -EMSGSIZE)) {
		door_free(e, d);
		return;
	}
	if (n > 0 && rpc_check(q, (size_t)n) == 0 && q->op == RPC_HELLO && n_fds > 0) {
		client_hello(e, d->host, fds[0], q, e->in + sizeof *q);
		fds[0] = -1;
	}
	message_close(fds, n_fds);
}

/* Who knocks can't be let in: there are no descriptors. That would wake us again and again. */
static void listener_rest(struct engine *e)
{
	loop_remove(&e->loop, e->listener_fd);
	e->listener_due = e->now + LISTENER_REST_NS;
}

int listener_watch(struct engine *e)
{
	e->listener_due = TIME_NEVER;
	return loop_add(&e->loop, e->listener_fd, EPOLLIN, &e->listener);
}

/* `up -d`: whoever may connect as this user comes in by a door of the first host. */
void listener_ready(struct engine *e)
{
	uid_t uid;
	pid_t pid;
	int fd = accept4(e->listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) listener_rest(e);
	if (fd < 0) return;
	bool welcome = process_peer(fd, &uid, &pid) == 0 && (uid == geteuid() || uid == 0);
	struct account *a = welcome ? account_of(e, pid) : NULL;
	if (a) door_add(e, fd, 0, a);
	else close(fd);
}

/* Who started us has let us go, or has died over it. */
void owner_ready(struct engine *e)
{
	char octet;
	ssize_t n = read(e->owner_fd, &octet, 1);
	if (n < 0) return;
	e->ending |= n == 0;
	loop_remove(&e->loop, e->owner_fd);
	close(e->owner_fd);
	e->owner_fd = -1;
}

/* ---- clients ---- */

/* Lock words and watches name clients by these: a number comes back only after two thousand million others, and not while it is in use. */
static uint32_t client_id(struct engine *e)
{
	for (;;) {
		bool used = false;
		e->last_client = e->last_client % (LOCK_ENGINE - 1) + 1;
		list_each(struct client, c, &e->clients, node) used |= c->id == e->last_client;
		if (!used) return e->last_client;
	}
}

static int client_watch(struct engine *e, struct client *c)
{
	c->source.kind = SOURCE_CLIENT;
	c->doorbell_source.kind = SOURCE_DOORBELL;
	list_init(&c->source.ready);
	list_init(&c->doorbell_source.ready);
	c->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->doorbell < 0) return -errno;
	/* Edge-triggered and never read: it can't be emptied under us, and each ring is one event. */
	int err = loop_add(&e->loop, c->doorbell, EPOLLIN | EPOLLET, &c->doorbell_source);
	return err < 0 ? err : loop_add(&e->loop, c->fd, EPOLLIN | EPOLLRDHUP, &c->source);
}

static void client_name(struct client *c, const uint8_t *in, size_t len)
{
	len = MIN(len, sizeof c->name - 1);
	for (size_t i = 0; i < len && in[i] != 0; i++) c->name[i] = (char)(in[i] < ' ' || in[i] == 127 ? '?' : in[i]);
	if (c->name[0] == 0) strcpy(c->name, "?");
}

static int client_welcome(struct engine *e, struct client *c)
{
	struct rpc_reply reply = {.result = c->id, .out_len = sizeof(struct rpc_hello)};
	struct rpc_hello hello = {.client = c->id, .host = (uint32_t)c->host, .privileged = !e->config->unprivileged,
				  .kernel_unix = e->config->kernel_unix, .desk = c->desk, .arena_size = ARENA_SIZE};
	unix_tag(e, c->host, hello.unix_tag);
	strncpy(hello.host_name, e->topo->hosts[c->host].name, sizeof hello.host_name - 1);
	struct iovec iov[2] = {{&reply, sizeof reply}, {&hello, sizeof hello}};
	int fds[2] = {e->arena_fd, c->doorbell};
	return message_send(c->fd, iov, 2, fds, 2);
}

static void client_close(struct engine *e, struct client *c)
{
	if (c->doorbell >= 0) {
		loop_remove(&e->loop, c->doorbell);
		close(c->doorbell);
	}
	desk_close(e, c);
	loop_remove(&e->loop, c->fd);
	message_close(&c->fd, 1);
	if (!c->account) return;
	account_move(e, c->account, NULL, STOCK_FDS, CLIENT_FDS);
	account_leave(c->account);
}

static int client_pay(struct engine *e, struct client *c)
{
	struct account *a = account_of(e, c->pid);
	if (!a) return -ENOMEM;
	if (account_take(e, a, STOCK_FDS, CLIENT_FDS)) c->account = a;
	else account_leave(a);
	return c->account ? 0 : -ENFILE;
}

/* A sandbox may refuse to say how much it is: then it is what Linux begins with. */
static uint32_t answer_max(int fd)
{
	int buffer = message_enlarge(fd, RPC_BUFFER);
	return (uint32_t)MIN(MAX(buffer == 0 ? BUFFER_DEFAULT : buffer, 4096), RPC_BUFFER) - RPC_MARGIN;
}

int client_hello(struct engine *e, size_t host, int fd, const struct rpc_request *q, const uint8_t *in)
{
	struct client *c = process_is_socket(fd) ? calloc(1, sizeof *c) : NULL;
	if (!c) {
		close(fd);
		return -EPROTO;
	}
	c->fd = fd;
	c->answer_max = answer_max(fd);
	c->doorbell = -1;
	c->host = host;
	list_init(&c->bells);
	list_init(&c->holds);
	client_name(c, in, q->in_len);
	if (process_peer(fd, &c->uid, &c->pid) < 0) {
		/* A sandbox may refuse us the question; then its own word must do: it is for people to read. */
		c->uid = (uid_t)q->arg[1];
		c->pid = (pid_t)q->arg[0];
	}
	c->gid = (gid_t)q->arg[2];
	client_look(c);
	c->id = client_id(e);
	int err = client_pay(e, c);
	if (err == 0) err = client_watch(e, c);
	desk_open(e, c);
	if (err == 0) err = client_welcome(e, c);
	if (err < 0) {
		client_close(e, c);
		free(c);
		return err;
	}
	list_append(&e->clients, &c->node);
	return 0;
}

void client_ready(struct engine *e, struct client *c)
{
	int fds[MESSAGE_FDS_MAX], n_fds = 0;
	ssize_t n = message_receive(c->fd, e->in, sizeof(struct rpc_request) + RPC_IN_MAX, fds, &n_fds);
	if (n == -EAGAIN || n == -EINTR || c->ended) return;
	if (n == 0 || n == -ECONNRESET) client_end(e, c, NULL);
	else if (n < 0 || rpc_check((const struct rpc_request *)e->in, (size_t)n) < 0) client_end(e, c, "a control message that can't be");
	else {
		call_serve(e, c, fds, n_fds, false);
		return;
	}
	message_close(fds, n_fds);
}

/*
 * A dead client's lock: it held it, or had let it go and was about to wake the next one in line. Those who wait may be changing the word at the same
 * moment, by LOCK_CONTENDED and no more; whoever changes it without end waits without end.
 */
void lock_release(struct chan_lock *l, uint32_t id, bool shared)
{
	for (int tries = 0; tries < 8; tries++) {
		uint32_t held = shared_get32(&l->word);
		if ((held & ~LOCK_CONTENDED) != id) break;
		shared = true;
		if (shared_replace32(&l->word, held, 0)) break;
	}
	if (shared) futex_wake(&l->word, INT_MAX);
}

void client_end(struct engine *e, struct client *c, const char *why)
{
	if (c->ended) return;
	if (why) engine_log(e, "%s (%d) on %s ended: %s", c->name, (int)c->pid, e->topo->hosts[c->host].name, why);
	c->ended = true;
	c->violated = why != NULL;
	list_remove(&c->node);
	list_remove(&c->source.ready);
	list_append(&e->ended, &c->node);
}

/* What a dead client may have left: locks it held, wakes it owed, work it had marked half, bells. Its sockets go by their anchors. */
static void client_clean(struct engine *e, struct client *c)
{
	each_esock(e, es) {
		struct channel *ch = esock_channel(e, es);
		bool shared = shared_get32(&ch->flags) & CHF_SHARED;
		lock_release(&ch->rx.lock, c->id, shared);
		lock_release(&ch->tx.lock, c->id, shared);
		if (esock_client(es) == c) esock_own(e, es, NULL);
		/* It was about to wake a peer; those who share the socket go on, and so must the peer. */
		bool owed = shared_get32(&ch->rx.owing) == c->id || shared_get32(&ch->tx.owing) == c->id;
		if (es->peer && shared && owed) {
			atomic_fetch_or(&esock_channel(e, es->peer)->flags, CHF_RING(BELL_IN | BELL_OUT));
			es->rung = true;
			esock_queue(e, es);
		}
	}
	while (!list_empty(&c->bells)) bell_destroy(e, list_first(&c->bells, struct bell_owned, node));
	bells_of_dead(e, c->id);
	inboxes_of_dead(e, c->id);
	sets_of_dead(e, c);
	e->scan_dirty = true;
}

void client_reap(struct engine *e)
{
	for (struct list *l; (l = list_pop(&e->ended));) {
		struct client *c = list_entry(l, struct client, node);
		client_clean(e, c);
		client_close(e, c);
		free(c);
	}
}
