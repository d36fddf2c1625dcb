/*
 * The life of a socket as the engine sees it: channel slot, anchor, the stack's socket, and its end by hang-up or by a violation.
 *
 * A program that closes a socket which nobody else has may keep the anchor, out of its own sight (src/shim/spare.c), and says so in the channel
 * (CHF_CLOSED). The socket ends as by a hang-up; the esock stays, with its slot, as that client's *spare*, and serves when it next asks for a socket or
 * accepts a connection. Where the closed one was asked for by socket(), one of the same kind is made at once: the next socket() finds it in the
 * channel and needs no control call at all.
 */
#include <errno.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <unistd.h>
#include "channel/wish.h"
#include "engine/private.h"
#include "host/anchor.h"
#include "host/message.h"
#include "stack/inet/flowlabel.h"

/* ---- channel slots: freed ones wait in line, so that a number comes back as late as can be ---- */

static uint32_t slot_take(struct engine *e)
{
	uint32_t i = e->free_first;
	if (e->slots_used < CHANNEL_MAX && (i == 0 || e->slots_used < 64)) {
		shared_set32(&e->arena->channels_used, e->slots_used);
		return e->slots_used++;
	}
	if (i == 0) return 0;
	e->free_first = e->slots[i].next_free;
	if (e->free_first == 0) e->free_last = 0;
	return i;
}

static void slot_give(struct engine *e, uint32_t i)
{
	e->slots[i].es = NULL;
	e->slots[i].next_free = 0;
	if (e->free_last != 0) e->slots[e->free_last].next_free = i;
	else e->free_first = i;
	e->free_last = i;
}

static int esock_anchor(struct engine *e, struct esock *es, int *ret_fd)
{
	ino_t inode;
	int err = anchor_create(es->stream, &es->anchor, ret_fd, &inode);
	if (err < 0) return err == -EMFILE ? -ENFILE : err;   /* it is the system's (our) table that is full, not the caller's */
	es->source.kind = SOURCE_ANCHOR;
	err = loop_add(&e->loop, es->anchor, EPOLLRDHUP, &es->source);
	if (err == 0) err = hash_insert(&e->inodes, &es->by_inode, inode);   /* the kernel gives the numbers in turn: nobody chooses them */
	if (err == 0) return 0;
	close(es->anchor);
	es->anchor = -1;
	close(*ret_fd);
	return -ENOBUFS;
}

static void generation_next(struct engine *e, struct esock *es)
{
	struct slot *slot = &e->slots[es->channel];
	if (++slot->generation == 0) slot->generation = 1;
	es->generation = slot->generation;
}

static void esock_clear(struct engine *e, struct esock *es);

/* The client's word for it that the anchor is its own harms nobody but its own sockets. */
static struct esock *spare_take(struct engine *e, const struct client *c, bool stream, uint32_t channel)
{
	struct esock *es = channel > 0 && channel < CHANNEL_MAX ? e->slots[channel].es : NULL;
	if (!es || !es->spare || esock_client(es) != c || es->stream != stream) return NULL;
	esock_clear(e, es);
	generation_next(e, es);
	es->spare = false;
	return es;
}

/* From whoever has paid for it so far; a NULL: it ends. */
static void esock_charge(struct engine *e, const struct esock *es, struct account *a)
{
	struct account *from = es->of.client ? esock_account(es) : NULL;
	account_move(e, from, a, STOCK_FDS, (uint32_t)(es->inode_fd >= 0) + (es->outside != NULL) + (es->anchor >= 0));
	account_move(e, from, a, STOCK_CHANNELS, 1);
}

void esock_own(struct engine *e, struct esock *es, struct client *c)
{
	if (c) esock_charge(e, es, c->account);
	if (c) es->of.client = c;
	else es->of.account = esock_account(es);
	es->orphan = !c;
}

int esock_new(struct engine *e, struct client *c, bool stream, uint32_t spare, int *ret_fd, struct esock **ret)
{
	struct esock *es = spare_take(e, c, stream, spare);
	if (es) {
		*ret_fd = -1;
		*ret = es;
		return 0;
	}
	if (!account_may(e, c->account, STOCK_CHANNELS, 1) || !account_may(e, c->account, STOCK_FDS, 1)) return -ENFILE;
	es = calloc(1, stream ? sizeof *es : sizeof(struct esock_dgram));
	uint32_t i = es ? slot_take(e) : 0;
	if (i == 0) {
		free(es);
		return -ENOBUFS;
	}
	es->stream = stream;
	es->inode_fd = -1;
	es->channel = i;
	list_init(&es->source.ready);
	list_init(&es->pump);
	list_init(&es->warm);
	list_init(&es->watches);
	if (!stream) list_init(&dgram_of(es)->open);
	int err = esock_anchor(e, es, ret_fd);
	if (err < 0) {
		slot_give(e, i);
		free(es);
		return err;
	}
	esock_own(e, es, c);
	generation_next(e, es);
	e->slots[i].es = es;
	*ret = es;
	return 0;
}

static void direction_clear(struct direction *d)
{
	shared_set32(&d->lock.word, 0);
	shared_set32(&d->read_seg, 0);
	shared_set32(&d->write_seg, 0);
	shared_set32(&d->limit, 0);
	shared_set32(&d->starved, 0);
	shared_set32(&d->owing, 0);
	atomic_store(&d->waiters, 0);      /* seq goes on: whoever still slept on the last use sees it move */
}

void esock_attach(struct engine *e, struct esock *es, struct sock *sk, size_t host)
{
	struct channel *ch = esock_channel(e, es);
	es->sk = sk;
	sk->user = es;
	sk->inode = es->by_inode.hash;
	if (!es->orphan) {
		sk->uid = es->of.client->uid;
		flowlabel_owner(sk, (uint32_t)es->of.client->pid);
	}
	ch->domain = sk->domain;
	ch->type = sk->type;
	ch->protocol = sk->protocol;
	ch->host = (uint16_t)host;
	direction_clear(&ch->rx);
	direction_clear(&ch->tx);
	direct_forget(e, es);
	if (!es->stream) ch->posted = (struct posted){0};
	es->faulted[0] = es->faulted[1] = 0;
	shared_set32(&ch->flags, 0);
	wishes_forget(e->arena, es->channel);
	es->state = es->stream ? CHS_STREAM : 0;
	shared_set32(&ch->state, es->state);
	shared_set32(&ch->poll, 0);
	atomic_store(&ch->peek_off, sk->peek_off);
	inbox_changed(e, es);
	esock_mirror(e, es);
	bell_publish(e, es);
	shared_set32(&ch->generation, es->generation);
	esock_queue(e, es);
}

void esock_queue(struct engine *e, struct esock *es)
{
	if (list_empty(&es->pump)) list_append(&e->pump, &es->pump);
}

void esock_ready(void *engine, struct sock *sk)
{
	struct esock *es = sk->user;
	if (!es) return;
	es->told = true;
	esock_queue(engine, es);
}

void esock_waiting(void *engine, const struct sock *sk, uint32_t *in, uint32_t *out)
{
	struct engine *e = engine;
	struct esock *es = sk->user;
	if (!es) return;
	if (sk->domain == AF_UNIX) {
		direct_unix_sum(e, es, in, out);
		return;
	}
	if (!es->stream) {
		*in += (uint32_t)inbox_unread(&e->pool, &es->rx);
		return;
	}
	*in += rx_used(&e->pool, &es->rx);
	*out += tx_pending(&e->pool, &es->tx) + direct_ahead(e, es);
}

bool esock_held(void *engine, const struct sock *sk)
{
	const struct esock *es = sk->user;
	if (!es || es->listener != 0) return false;
	return !es->spare || shared_get32(&esock_channel(engine, es)->flags) & CHF_TAKEN;
}

/* Whoever is about to is told by the number of his direction that something has changed. */
bool esock_sleeps(void *engine, const struct sock *sk)
{
	const struct esock *es = sk->user;
	struct channel *ch = es ? esock_channel(engine, es) : NULL;
	return ch && (shared_get32(&ch->tx.waiters) != 0 || (es->stream && shared_get32(&ch->rx.waiters) != 0));
}

/* The asker may want only the first fields. */
void esock_tcp_info(void *engine, const struct sock *sk, void *info, size_t len)
{
	struct esock *es = sk->user;
	struct tcp_info i = {0};
	if (!es || !es->stream) return;
	len = MIN(len, sizeof i);
	memcpy(&i, info, len);
	direct_info(engine, es, &i);
	memcpy(info, &i, len);
}

struct esock *esock_find(struct engine *e, uint32_t channel, uint32_t generation)
{
	if (channel == 0 || channel >= CHANNEL_MAX || generation == 0) return NULL;
	struct esock *es = e->slots[channel].es;
	return es && es->generation == generation ? es : NULL;
}

struct esock *esock_by_inode(struct engine *e, ino_t inode)
{
	struct hash_node *n = hash_first(&e->inodes, inode);
	return n ? container_of(n, struct esock, by_inode) : anchor_find(e, inode);
}

void esock_drop(struct engine *e, struct esock *es)
{
	struct sock *sk = es->sk;
	if (!sk) return;
	es->sk = NULL;
	engine_enter(e, sk);
	struct stack *s = sk->stack;
	if (sk->domain == AF_PACKET || sk->type == SOCK_RAW) direct_look_again(e);   /* perhaps nobody looks on any more */
	sock_close(sk);
	net_touch(e->net, s);
}

static void dgram_clear(struct esock_dgram *d)
{
	charges_clear(&d->charges);
	d->outgrown = false;
	d->arrival = 0;
}

void esock_path_forget(struct engine *e, struct esock *es)
{
	outside_end(e, es);
	if (es->inode_fd >= 0) account_move(e, esock_account(es), NULL, STOCK_FDS, 1);
	message_close(&es->inode_fd, 1);
	es->inode_fd = -1;
}

/* Nothing is left of the socket; the slot and the anchor are. */
static void esock_clear(struct engine *e, struct esock *es)
{
	struct channel *ch = esock_channel(e, es);
	ahead_end(e, es);
	ahead_lost(e, es);
	direct_part(e, es);
	inbox_shut(e, es);
	inbox_forget(e, es);
	esock_drop(e, es);
	shared_set32(&ch->generation, 0);
	shared_set32(&ch->state, CHS_GONE);
	shared_set32(&ch->flags, 0);
	esock_wake(e, es);
	while (!list_empty(&es->watches)) watch_free(e, list_first(&es->watches, struct watch, of_sock));
	rx_release(&e->pool, &es->rx);
	tx_release(&e->pool, &es->tx);
	list_remove(&es->pump);
	list_remove(&es->warm);
	if (!es->stream) dgram_clear(dgram_of(es));
	esock_path_forget(e, es);
	es->listening = es->connecting = es->eof = es->mark = es->told = es->barred = es->special = es->rung = false;
	es->missed_room = es->refused = es->asked_for = false;
	es->generation = es->state = es->poll = es->tx_limit = es->urgents = 0;
	es->flow = FLOW_STACK;
	es->left = 0;
	es->path_epoch = es->turn = 0;
}

void esock_anchor_close(struct engine *e, struct esock *es)
{
	if (es->anchor < 0) return;
	hash_remove(&e->inodes, &es->by_inode);
	loop_remove(&e->loop, es->anchor);
	close(es->anchor);
	es->anchor = -1;
	account_move(e, esock_account(es), NULL, STOCK_FDS, 1);
}

int esock_anchor_again(struct engine *e, struct esock *es, struct client *c, int *ret_fd)
{
	esock_anchor_close(e, es);
	if (!account_may(e, c->account, STOCK_FDS, 1)) return -ENFILE;
	if (esock_account(es) != c->account && !account_may(e, c->account, STOCK_CHANNELS, 1)) return -ENFILE;
	esock_own(e, es, c);
	int err = esock_anchor(e, es, ret_fd);
	if (err < 0) return err;
	account_move(e, NULL, c->account, STOCK_FDS, 1);
	es->sk->inode = es->by_inode.hash;
	es->sk->uid = c->uid;
	flowlabel_owner(es->sk, (uint32_t)c->pid);
	return 0;
}

void esock_free(struct engine *e, struct esock *es)
{
	esock_clear(e, es);
	flights_end(e, es);
	esock_anchor_close(e, es);
	esock_charge(e, es, NULL);
	list_remove(&es->source.ready);
	slot_give(e, es->channel);
	free(es);
}

/* First the messages, which hold each other's sockets. */
void esocks_free(struct engine *e)
{
	each_esock(e, es) esock_drop(e, es);
	each_esock(e, es) esock_free(e, es);
}

void esock_give_back(struct engine *e, struct esock *es, int fd)
{
	if (fd >= 0) {
		close(fd);
		esock_free(e, es);
		return;
	}
	esock_clear(e, es);
	es->spare = true;
}

/*
 * What the program had written goes out before the FIN, as from Linux's send buffer. What it had not read is still lent (octets that came
 * directly are counted in now), and TCP answers unread data with RST: RFC 2525 §2.17.
 */
static void esock_finish(struct engine *e, struct esock *es)
{
	if (!es->sk) return;
	engine_enter(e, es->sk);
	direct_part(e, es);
	esock_flush(e, es);
	if (es->sk) es->sk->lent += direct_unread(&e->pool, &es->rx);
}

/* The last reference is gone. */
static void hangup(struct engine *e, struct esock *es)
{
	inbox_refuse(e, es);
	esock_finish(e, es);
	esock_free(e, es);
}

/* The same again, for the next socket() to find. */
static void esock_renew(struct engine *e, struct esock *es, struct stack *s, int domain, int type, int protocol, struct bell_owned *bell)
{
	struct sock *sk;
	stack_set_now(s, e->now);
	if (sock_create(s, domain, type, protocol, &sk) < 0) return;
	generation_next(e, es);
	es->asked_for = true;
	esock_attach(e, es, sk, es->of.client->host);
	bell_inherit(e, es, bell);
	net_touch(e->net, s);
}

static void esock_retire(struct engine *e, struct esock *es)
{
	struct stack *s = es->sk->stack;
	int domain = es->sk->domain, type = es->sk->type, protocol = es->sk->protocol;
	bool again = es->asked_for && !es->orphan && s == net_stack(net_host_at(e->net, es->of.client->host));
	struct bell_owned *bell = again ? bell_likely(e, es, es->of.client) : NULL;
	esock_finish(e, es);
	esock_clear(e, es);
	es->spare = true;
	if (again) esock_renew(e, es, s, domain, type, protocol, bell);
}

static void end(struct engine *e, struct esock *es)
{
	uint32_t flags = shared_get32(&esock_channel(e, es)->flags);
	if (ahead_keeps(e, es)) return;
	if (flags & CHF_CLOSED && !(flags & CHF_SHARED) && es->sk && !es->travelled && es->anchor >= 0) {
		esock_retire(e, es);
		return;
	}
	esock_anchor_close(e, es);
	if (!esock_is_anchored(e, es)) esock_let_go(e, es);
}

/* The FIN that the program was told of (CHF_TOLD) comes before its own, in whatever order we hear of the two closes. */
static void peer_ends(struct engine *e, struct esock *es)
{
	struct esock *peer = direct_last_peer(e, es);
	if (peer && shared_get32(&esock_channel(e, peer)->flags) & CHF_CLOSED) {
		list_remove(&peer->source.ready);
		end(e, peer);
	}
	engine_settle(e);
}

void esock_end(struct engine *e, struct esock *es)
{
	if (shared_get32(&esock_channel(e, es)->flags) & CHF_TOLD) peer_ends(e, es);
	end(e, es);
}

void esock_let_go(struct engine *e, struct esock *es)
{
	if (esock_is_in_flight(e, es)) e->flights_doubtful = true;
	else hangup(e, es);
}

void esock_violate(struct engine *e, struct esock *es, const char *what)
{
	struct channel *ch = esock_channel(e, es);
	struct linger abort_now = {.l_onoff = 1, .l_linger = 0};
	if (!es->sk) return;
	direct_part(e, es);
	inbox_shut(e, es);
	es->sk->linger = abort_now;
	esock_drop(e, es);
	es->state = CHS_GONE;
	shared_set32(&ch->state, CHS_GONE);
	list_remove(&es->pump);
	esock_wake(e, es);
	if (!es->orphan) client_end(e, es->of.client, what);
	else engine_log(e, "a socket of a program that is gone ended: %s", what);
}
