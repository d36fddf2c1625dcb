/*
 * Inboxes of Unix sockets (src/channel/inbox.h): datagrams to one to whom many send, by name or each connected to it. Nothing shapes what goes between them,
 * so a ticket is for what could go wrong otherwise: anything but data goes by the stack, and so does all as long as a message waits in R's queue there.
 *
 *     A ── SEND, which asks ──► nothing is wrong: R's inbox is open, or is opened, and A puts the message there itself, as it will those that follow
 *                               something is:     the inbox is ended, what was not read there goes to the end of R's queue, and the message behind it
 *
 * So the order is kept, the queue is empty while an inbox is open, and in the stack each message is again accounted to its sender, under its newest name. Where
 * R's program is just reading, messages stay where they are, and are read before the queue.
 *
 * Who finds no room in the inbox sleeps until R's program has read something; where too many do so already he waits in the stack, as for room in the queue,
 * until that program says that there is some. Who is connected to R sees by himself when he polls whether there is: his tx leads to the inbox.
 */
#include <errno.h>
#include <sys/epoll.h>
#include "channel/channel.h"
#include "channel/inbox.h"
#include "engine/private.h"
#include "stack/unix/unix.h"

#define PLAIN_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT | MSG_EOR | MSG_MORE)
#define RECALL_MAX 4096u         /* messages: more than that is no ordinary program's, and is read where it is */

static bool is_dgram(const struct esock *es) { return esock_is_unix(es) && !es->stream; }

static struct segment *place_of(struct engine *e, struct esock *es) { return arena_segment(e->arena, dgram_of(es)->inbox.segment); }

/* ---- what its messages in inboxes take of a sender's buffer ---- */

static uint32_t unread_max(const struct sock *sk) { return (uint32_t)sk->sndbuf / 4; }   /* Linux: with more, poll says that it is not writable */

static uint32_t unread_now(struct engine *e, struct esock *es)
{
	uint32_t n = shared_load32(&esock_channel(e, es)->posted.unread);
	return n <= INT32_MAX ? MIN(n, unread_max(es->sk)) : 0;
}

static struct esock *sender_of(struct engine *e, const struct record *r)
{
	struct esock *from = esock_find(e, r->sender, r->generation);
	return from && from->sk && is_dgram(from) ? from : NULL;
}

/* ---- those who are connected to it ---- */

struct leading { struct engine *e; uint32_t segment; bool barred; };

/* One that had a ring of its own once goes on in that. */
static void lead(void *user, struct sock *sk)
{
	struct leading *l = user;
	struct esock *es = sk->user;
	l->barred |= es && es->tx.first != 0;
	if (es && es->tx.first == 0) shared_set32(&esock_channel(l->e, es)->tx.write_seg, l->segment);
}

/* false: somebody can't be led there. */
static bool lead_all(struct engine *e, struct esock *es, uint32_t segment)
{
	struct leading l = {e, segment, false};
	unix_each_pointing(es->sk, lead, &l);
	return !l.barred;
}

void inbox_unix_changed(struct engine *e, struct esock *es)
{
	struct sock *to = es->sk ? unix_receiver(es->sk, NULL, 0) : NULL;
	struct esock *r = to ? to->user : NULL;
	bool leads = r && inbox_is_open(r);
	if (es->tx.first == 0) shared_set32(&esock_channel(e, es)->tx.write_seg, leads ? dgram_of(r)->inbox.segment : 0);
	else if (leads) inbox_shut(e, r);
}

/* ---- opening and ending ---- */

#define NAME_MOST sizeof((struct rpc_ticket){0}.name)

/* As a receiver sees it; 0: it has none. */
static uint32_t name_of(const struct sock *sk, uint8_t ret[static NAME_MOST])
{
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof name;
	if (sock_getsockname(sk, &name, &len) < 0 || len <= sizeof name.ss_family) return 0;
	len = MIN(len, (socklen_t)NAME_MOST);
	memcpy(ret, &name, len);
	return len;
}

static bool opened(struct engine *e, struct esock *es, uint32_t data_len)
{
	if (inbox_is_open(es)) return true;
	struct inbox_terms terms = {.limit = unix_queue_most(es->sk), .before = (uint32_t)MIN(inbox_unread(&e->pool, &es->rx), UINT32_MAX)};
	if (!lead_all(e, es, 0) || !inbox_open_with(e, es, &terms, data_len)) return false;
	lead_all(e, es, dgram_of(es)->inbox.segment);
	esock_queue(e, es);
	return true;
}

struct taking { struct engine *e; struct esock *to; };

static bool take(void *user, const struct recalled *what)
{
	struct taking *t = user;
	struct esock *from = sender_of(t->e, &what->r);
	struct sockaddr_un name = {0};
	int err;
	if (from) err = unix_recall(from->sk, t->to->sk, what->data);
	else {
		socklen_t first = (socklen_t)MIN(what->name[0].iov_len, sizeof name), rest = (socklen_t)MIN(what->name[1].iov_len, sizeof name - first);
		memcpy(&name, what->name[0].iov_base, first);
		memcpy((uint8_t *)&name + first, what->name[1].iov_base, rest);
		err = unix_recall_orphan(t->to->sk, &name, first + rest, what->data);
	}
	if (err < 0) return false;
	if (from) {
		inbox_discharge(esock_channel(t->e, from), what->r.data_len);
		tickets_void(t->e, from);        /* what it has in the stack's queues counts there */
	}
	return true;
}

static void count_see(void *user, const struct record *r) { (void)r, ++*(uint32_t *)user; }

/* They sleep in the call, and are to look again. */
void inbox_unix_wake(struct engine *e, struct esock *es)
{
	for (uint32_t w = 0; esock_is_unix(es) && w < INBOX_WAITING; w++) {
		uint32_t i = shared_swap32(&place_of(e, es)->waiting[w], 0) & ~INBOX_WAKES;
		if (i < CHANNEL_MAX && e->slots[i].es) esock_wake_writer(e, e->slots[i].es);
	}
}

void inbox_unix_leaves(struct engine *e, struct esock *es)
{
	direct_unix_leaves(e, es);
	lead_all(e, es, 0);
}

void inbox_unix_left(struct engine *e, struct esock *es)
{
	struct channel *ch = esock_channel(e, es);
	struct taking t = {e, es};
	const struct recall how = {true, take, &t};
	uint32_t n = 0;
	bool wanted = shared_swap32(&place_of(e, es)->in.wanted, 0) != 0;
	engine_enter(e, es->sk);
	direct_unix_shows(e, es);
	posted_see(&e->pool, &es->rx, count_see, &n);
	if (n <= RECALL_MAX && chan_trylock(&ch->rx.lock, LOCK_ENGINE)) {
		direct_recall(&e->pool, &ch->rx, &es->rx, &how);
		engine_unlock(&ch->rx.lock);
	}
	inbox_unix_wake(e, es);
	if (wanted) unix_has_room(es->sk, UINT32_MAX);     /* or has none, but who waits is to wait for the queue */
	esock_queue(e, es);
}

static void give_back(void *user, const struct record *r)
{
	struct engine *e = user;
	struct esock *from = sender_of(e, r);
	if (from) inbox_discharge(esock_channel(e, from), r->data_len);
}

void inbox_forget(struct engine *e, struct esock *es)
{
	if (!es->stream) inbox_senders(&e->pool, &es->rx, give_back, e);
}

/* What one without a name has sent shows the name that it has when that is read. */
void inbox_changes(struct engine *e, struct esock *es)
{
	uint8_t name[NAME_MOST];
	if (!is_dgram(es)) return;
	tickets_void(e, es);
	inbox_shut(e, es);
	if (unread_now(e, es) > 0 && name_of(es->sk, name) == 0) inbox_shut_all(e);
}

/* ---- SEND ---- */

static bool may_post(struct call *k, const struct sock_msg *m, struct esock *to)
{
	struct sock *sk = k->es->sk;
	if (k->q->arg[0] == 0 || m->rights || m->control_len > 0 || m->flags & ~PLAIN_FLAGS) return false;
	if (shared_get32(&esock_channel(k->e, to)->flags) & (CHF_ASYNC | CHF_CLOSING | CHF_CLOSED)) return false;
	if (unread_now(k->e, k->es) + (uint64_t)unix_charge((uint32_t)m->len) > unread_max(sk)) return false;
	return unix_may_post(sk, to->sk, (uint32_t)m->len) && opened(k->e, to, (uint32_t)m->len);
}

static void give_ticket(struct call *k, struct esock *to)
{
	struct inbox_place at = dgram_of(to)->inbox;
	struct rpc_ticket t = {.segment = at.segment, .serial = at.serial, .ticket = dgram_of(k->es)->ticket,
			       .octets_max = (uint32_t)k->es->sk->sndbuf - 32, .unread_max = unread_max(k->es->sk)};
	t.name_len = name_of(k->es->sk, t.name);
	call_out(k, &t, sizeof t);
}

bool inbox_unix_send(struct call *k, const struct sock_msg *m, ssize_t *ret)
{
	struct sock *to = unix_receiver(k->es->sk, m->name, m->name_len);
	struct esock *r = to ? to->user : NULL;
	if (!r || r->stream) return false;
	if (!may_post(k, m, r)) {
		inbox_shut(k->e, r);
		return false;
	}
	*ret = RPC_SEND_BY_TICKET;
	if (!inbox_stays_full(place_of(k->e, r))) give_ticket(k, r);
	else {
		unix_awaits_room(k->es->sk, to);
		*ret = -EAGAIN;
	}
	return true;
}

/* What it has in inboxes was counted when it was said that there is no room: who reads that is to tell us. Some of it may have been read since. */
static bool starve(struct engine *e, struct esock *es)
{
	uint32_t unread = unix_posted_now(es->sk);
	if (unread == 0) return false;
	shared_set32(&esock_channel(e, es)->tx.starved, STARVED_WRITER);
	shared_fence();
	return unread_now(e, es) < unread;
}

/* It went by the stack, or would have. */
void inbox_unix_sent(struct call *k, ssize_t n)
{
	if (!is_dgram(k->es)) return;
	if (n >= 0) tickets_void(k->e, k->es);
	if (n == -EAGAIN && starve(k->e, k->es)) esock_queue(k->e, k->es);
}

bool inbox_unix_published(struct engine *e, struct esock *es)
{
	return is_dgram(es) && !(es->state & CHS_SENDABLE) && !(es->poll & EPOLLOUT) && starve(e, es);
}

/* ---- room ---- */

void inbox_unix_pump(struct engine *e, struct esock *es)
{
	if (!is_dgram(es)) return;
	unix_posted(es->sk, unread_now(e, es));
	if (!es->rung || !inbox_is_open(es)) return;
	struct segment *s = place_of(e, es);
	/* Somebody may have said that it is wanted between that word and our look. */
	uint32_t wanted = shared_get32(&s->in.wanted);
	if (wanted == 0 || (wanted == INBOX_WANTED && inbox_is_full(s))) return;
	uint64_t unread = inbox_unread(&e->pool, &es->rx), limit = unix_queue_most(es->sk);
	shared_set32(&s->in.wanted, 0);
	bool waits = unix_has_room(es->sk, unread < limit ? (uint32_t)(limit - unread) : 0);
	if (!waits) return;
	shared_set32(&s->in.wanted, INBOX_WANTED);
	shared_fence();
	if (!inbox_is_full(s)) unix_has_room(es->sk, UINT32_MAX);
}
