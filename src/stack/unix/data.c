/*
 * Messages of Unix sockets, and how they are sent. They lie in the receiver's queue and are accounted to the sender until they are read: a sender whose
 * buffer is full waits for its receiver to read, and a sender of datagrams for a queue that is too long.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/socket/ancillary.h"
#include "stack/unix/private.h"

/* ---- the queue ---- */

bool unix_is_full(const struct unix_sock *us, const struct unix_sock *sender)
{
	return us->peer != sender && us->n_queued > us->queue_max;
}

static void discharge(struct unix_sock *sender, uint32_t charge)
{
	bool crowded = unix_is_crowded(sender);

	sender->wmem -= charge;
	/* Who sleeps until a queue has room is woken by that; but he may have given up, and poll. */
	if (list_empty(&sender->of_waited) || (crowded && !unix_is_crowded(sender))) sock_ready(&sender->sk);
}

static void msg_free(struct unix_msg *m)
{
	list_remove(&m->of_sender);
	if (m->sender) discharge(m->sender, m->charge);
	unix_name_unref(m->from);
	sock_rights_unref(m->rights);
	free(m);
}

void unix_dequeue(struct unix_sock *us, struct unix_msg *m)
{
	list_remove(&m->node);
	if (us->oob == m) us->oob = NULL;
	us->n_queued--;
	msg_free(m);
	unix_wake_for_room(us);
}

struct unix_msg *unix_next(const struct unix_sock *us, const struct unix_msg *q)
{
	return q->node.next == &us->queue ? NULL : list_entry(q->node.next, struct unix_msg, node);
}

struct unix_msg *unix_first(const struct unix_sock *us)
{
	return list_empty(&us->queue) ? NULL : list_first(&us->queue, struct unix_msg, node);
}

bool unix_has_unread(const struct unix_sock *us)
{
	const struct unix_msg *q = unix_first(us);

	return q && (q->at < q->len || unix_next(us, q));
}

void unix_queue_drop(struct unix_sock *us)
{
	while (!list_empty(&us->queue)) unix_dequeue(us, list_first(&us->queue, struct unix_msg, node));
}

void unix_sent_forget(struct unix_sock *us)
{
	list_each(struct unix_msg, m, &us->sent, of_sender) {
		m->sender = NULL;
		m->from = unix_name_ref(us->name);
		list_remove(&m->of_sender);
	}
}

void unix_each_rights(struct sock *sk, void (*each)(void *user, struct sock_rights *r), void *user)
{
	list_each(struct unix_msg, m, &unix_of(sk)->queue, node)
		if (m->rights) each(user, m->rights);
	list_each(struct unix_sock, us, &unix_of(sk)->backlog, of_listener) unix_each_rights(&us->sk, each, user);
}

/* ---- sending ---- */

static bool is_known(const struct ucred *u) { return u->uid != (uid_t)-1 && u->gid != (gid_t)-1; }

static int credentials_read(const struct unix_sock *us, const struct cmsg_in *c, struct ucred *ret)
{
	struct ucred u;

	if (c->len != sizeof u) return -EINVAL;
	memcpy(&u, c->data, sizeof u);
	if (!is_known(&u)) return -EINVAL;
	*ret = u;
	if (u.pid == us->caller.real.pid && u.uid == us->caller.real.uid && u.gid == us->caller.real.gid) return 0;
	return us->caller.may_say ? us->caller.may_say(us->caller.host, &u) : -EPERM;
}

const struct ucred unix_nobody = {.pid = 0, .uid = 65534, .gid = 65534};   /* as a user namespace shows those it does not know */

/* Linux: who neither sends nor receives credentials has none to show; what waits for accept may be wanted with them by who accepts. */
static bool are_shown(const struct unix_sock *us, const struct unix_sock *to)
{
	return unix_wants_sender(us) || unix_wants_sender(to) || to->listener;
}

static int control_read(const struct unix_sock *us, const struct unix_sock *to, const struct sock_msg *m, struct ucred *cred)
{
	struct cmsg_in c;
	size_t offset = 0;
	int r;

	*cred = are_shown(us, to) ? us->caller.real : unix_nobody;
	while ((r = cmsg_next(m, &offset, &c)) == 1) {
		if (c.level != SOL_SOCKET || c.type == SCM_RIGHTS) continue;
		if (c.type != SCM_CREDENTIALS) return -EINVAL;
		r = credentials_read(us, &c, cred);
		if (r < 0) return r;
	}
	return r;
}

struct unix_msg *unix_msg_new(struct unix_sock *to, uint32_t len)
{
	struct unix_msg *q = malloc(sizeof *q + len);

	if (!q) return NULL;
	*q = (struct unix_msg){.len = len, .sent = to->sk.stack->now};
	list_init(&q->of_sender);
	list_append(&to->queue, &q->node);
	to->n_queued++;
	sock_ready(&to->sk);
	return q;
}

uint8_t *unix_enqueue(struct unix_sock *us, struct unix_sock *to, uint32_t len, struct sock_rights *rights, const struct ucred *cred)
{
	struct unix_msg *q = unix_msg_new(to, len);

	if (!q) return NULL;
	q->sender = us;
	q->rights = rights;
	q->cred = *cred;
	q->charge = unix_charge(q->len);
	if (q->rights) q->rights->refs++;
	list_append(&us->sent, &q->of_sender);
	us->wmem += q->charge;
	return q->data;
}

static bool takes_rights(const struct unix_sock *to, const struct sock_msg *m) { return to->passrights || !m->rights; }

/* The first len octets. */
static ssize_t enqueue(struct unix_sock *us, struct unix_sock *to, const struct sock_msg *m, size_t len)
{
	struct ucred cred;
	uint8_t *data;
	int r = control_read(us, to, m, &cred);

	if (r < 0) return r;
	if (!takes_rights(to, m)) return -EPERM;
	data = unix_enqueue(us, to, (uint32_t)len, m->rights, &cred);
	if (!data) return -ENOBUFS;
	if (len > 0) memcpy(data, m->data, len);
	return (ssize_t)len;
}

/* The last octet of the message is the one out of band: it lies by itself, and the one before it becomes an ordinary one. */
static ssize_t oob_send(struct unix_sock *us, const struct sock_msg *m)
{
	struct sock_msg last = {.data = (uint8_t *)m->data + m->len - 1, .len = 1};
	size_t before = m->len - 1, part = MIN(before, MAX(us->sk.sndbuf / 2, 1024u));
	ssize_t n = before > 0 ? enqueue(us, us->peer, m, part) : 0;

	if (n < 0 || (size_t)n < before) return n;
	if (before == 0) last.rights = m->rights;
	n = enqueue(us, us->peer, &last, 1);
	if (n < 0) return before > 0 ? (ssize_t)before : n;
	us->peer->oob = list_last(&us->peer->queue, struct unix_msg, node);
	return (ssize_t)m->len;
}

/* Linux reads what goes beside the data before all else, and names nobody whose message it refuses. */
static int control_check(const struct unix_sock *us, const struct sock_msg *m)
{
	struct ucred cred;

	return control_read(us, us, m, &cred);
}

static ssize_t stream_send(struct unix_sock *us, const struct sock_msg *m)
{
	int r = control_check(us, m);

	if (r < 0) return r;
	if (m->flags & MSG_OOB && m->len == 0) return -EOPNOTSUPP;
	if (m->name_len) return us->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (us->state != UNIX_CONNECTED) return -ENOTCONN;
	if (us->sk.shut & 2 || !us->peer || us->peer->sk.shut & 1) return -EPIPE;
	if (m->len == 0) return 0;
	if (us->wmem >= us->sk.sndbuf) return -EAGAIN;
	if (m->rights && m->rights->err) return m->rights->err;
	if (m->unread) return -EFAULT;
	if (m->flags & MSG_OOB) return oob_send(us, m);
	return enqueue(us, us->peer, m, MIN(m->len, MAX(us->sk.sndbuf / 2, 1024u)));
}

/* The receiver of a datagram: by name or the one connected to. */
static int receiver(struct unix_sock *us, const struct sock_msg *m, struct unix_sock **ret)
{
	bool named = m->name_len && unix_is_dgram(us);

	*ret = us->peer;
	if (named) return unix_find(us, m->name, m->name_len, ret);
	if (us->peer) return 0;
	if (!us->lost) return -ENOTCONN;
	if (!unix_is_dgram(us)) return -EPIPE;
	unix_queue_drop(us);
	unix_peer_set(us, NULL);
	us->state = UNIX_NEW;
	return -ECONNREFUSED;
}

/* What Linux looks at before there is a message, for which it then looks for a receiver. */
static int dgram_refused(struct unix_sock *us, const struct sock_msg *m)
{
	struct unix_name n;
	int r = m->name_len && unix_is_dgram(us) ? unix_name_parse(m->name, m->name_len, &n) : 0;

	if (r < 0) return r;
	if (unix_wants_sender(us) && !us->name && unix_name_auto(us) < 0) return -ENOSPC;
	if (us->sk.sndbuf < 32 || m->len > us->sk.sndbuf - 32) return -EMSGSIZE;
	if (us->sk.err) return -sock_take_error(&us->sk);
	if (us->sk.shut & 2) return -EPIPE;
	if (us->wmem + us->posted >= us->sk.sndbuf) return -EAGAIN;
	if (m->rights && m->rights->err) return m->rights->err;
	return m->unread ? -EFAULT : 0;
}

static ssize_t dgram_send(struct unix_sock *us, const struct sock_msg *m)
{
	struct unix_sock *to;
	int r;

	if (!unix_is_dgram(us) && us->sk.err) return -sock_take_error(&us->sk);
	if (!unix_is_dgram(us) && us->state != UNIX_CONNECTED) return -ENOTCONN;
	r = control_check(us, m);
	if (r < 0) return r;
	if (m->flags & MSG_OOB) return -EOPNOTSUPP;
	r = dgram_refused(us, m);
	if (r == 0) r = receiver(us, m, &to);
	if (r < 0) return r;
	if (unix_is_dgram(us) && !unix_hears(to, us)) return -EPERM;
	if (to->sk.shut & 1) return -EPIPE;
	if (!takes_rights(to, m)) return -EPERM;
	if (to != us && unix_is_full(to, us)) {
		unix_wait_for(us, to);
		return -EAGAIN;
	}
	return enqueue(us, to, m, m->len);
}

ssize_t unix_send(struct sock *sk, const struct sock_msg *m)
{
	return sk->type == SOCK_STREAM ? stream_send(unix_of(sk), m) : dgram_send(unix_of(sk), m);
}
