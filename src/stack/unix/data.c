/*
 * Messages of Unix sockets. They lie in the receiver's queue and are accounted to the sender until they are read: a sender whose buffer is full
 * waits for its receiver to read, and a sender of datagrams for a queue that is too long. What a stream delivers at once goes over the
 * borders of messages, but ends after one that carried descriptors, and, for who wants credentials, before another sender's.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "stack/inet/inet.h"
#include "stack/socket/ancillary.h"
#include "stack/unix/private.h"

/* ---- the queue ---- */

bool unix_is_full(const struct unix_sock *us, const struct unix_sock *sender)
{
	return us->peer != sender && us->n_queued > UNIX_QUEUE_MAX;
}

static void msg_free(struct unix_msg *m)
{
	list_remove(&m->of_sender);
	if (m->sender) {
		m->sender->wmem -= m->charge;
		sock_ready(&m->sender->sk);
	}
	unix_name_unref(m->from);
	sock_rights_unref(m->rights);
	free(m);
}

static void dequeue(struct unix_sock *us, struct unix_msg *m)
{
	list_remove(&m->node);
	if (us->oob == m) us->oob = NULL;
	us->n_queued--;
	msg_free(m);
	unix_wake_waiting(us);
}

void unix_queue_drop(struct unix_sock *us)
{
	while (!list_empty(&us->queue)) dequeue(us, list_first(&us->queue, struct unix_msg, node));
}

void unix_sent_forget(struct unix_sock *us)
{
	list_each(struct unix_msg, m, &us->sent, of_sender) {
		m->sender = NULL;
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

/* Only one's own credentials may be sent; who else might is not among ordinary users. */
static int credentials_read(const struct unix_sock *us, const struct cmsg_in *c, struct ucred *ret)
{
	struct ucred u;

	if (c->len != sizeof u) return -EINVAL;
	memcpy(&u, c->data, sizeof u);
	if (u.pid != us->caller.pid || u.uid != us->caller.uid || u.gid != us->caller.gid) return -EPERM;
	*ret = u;
	return 0;
}

const struct ucred unix_nobody = {.pid = 0, .uid = 65534, .gid = 65534};   /* as a user namespace shows those it does not know */

/* Linux: who neither sends nor receives credentials has none to show. */
static int control_read(const struct unix_sock *us, const struct unix_sock *to, const struct sock_msg *m, struct ucred *cred)
{
	struct cmsg_in c;
	size_t offset = 0;
	int r;

	*cred = us->passcred || to->passcred ? us->caller : unix_nobody;
	while ((r = cmsg_next(m, &offset, &c)) == 1) {
		if (c.level != SOL_SOCKET || c.type == SCM_RIGHTS) continue;
		if (c.type != SCM_CREDENTIALS) return -EINVAL;
		r = credentials_read(us, &c, cred);
		if (r < 0) return r;
	}
	return r;
}

uint8_t *unix_enqueue(struct unix_sock *us, struct unix_sock *to, uint32_t len, struct sock_rights *rights, const struct ucred *cred)
{
	struct unix_msg *q = malloc(sizeof *q + len);

	if (!q) return NULL;
	*q = (struct unix_msg){.sender = us, .from = unix_name_ref(us->name), .rights = rights, .cred = *cred, .len = len};
	q->charge = unix_charge(q->len);
	if (q->rights) q->rights->refs++;
	list_append(&us->sent, &q->of_sender);
	us->wmem += q->charge;
	list_append(&to->queue, &q->node);
	to->n_queued++;
	sock_ready(&to->sk);
	return q->data;
}

/* The first len octets. */
static ssize_t enqueue(struct unix_sock *us, struct unix_sock *to, const struct sock_msg *m, size_t len)
{
	struct ucred cred;
	uint8_t *data;
	int r = control_read(us, to, m, &cred);

	if (r < 0) return r;
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
	if (us->state != UNIX_CONNECTED) return us->sk.shut & 2 ? -EPIPE : -ENOTCONN;
	if (us->sk.shut & 2 || !us->peer || us->peer->sk.shut & 1) return -EPIPE;
	if (m->len == 0) return 0;
	if (us->wmem >= us->sk.sndbuf) return -EAGAIN;
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
	us->lost = false;
	unix_name_unref(us->peer_name);
	us->peer_name = NULL;
	return -ECONNREFUSED;
}

/* What Linux looks at before there is a message, for which it then looks for a receiver. */
static int dgram_refused(struct unix_sock *us, const struct sock_msg *m)
{
	struct unix_name n;
	int r = m->name_len && unix_is_dgram(us) ? unix_name_parse(m->name, m->name_len, &n) : 0;

	if (r < 0) return r;
	if (us->passcred && !us->name && unix_name_auto(us) < 0) return -ENOSPC;
	if (us->sk.sndbuf < 32 || m->len > us->sk.sndbuf - 32) return -EMSGSIZE;
	if (us->sk.err) return -sock_take_error(&us->sk);
	if (us->sk.shut & 2) return -EPIPE;
	if (us->wmem >= us->sk.sndbuf) return -EAGAIN;
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
	if (unix_is_dgram(us) && to->peer && to->peer != us) return -EPERM;
	if (to->sk.shut & 1) return -EPIPE;
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

/* ---- receiving ---- */

/* As Linux: that nothing comes any more is the answer to who waits; who does not wait for a datagram is not told. */
static ssize_t nothing(struct unix_sock *us, int flags)
{
	int err = sock_take_error(&us->sk);

	if (err) return -err;
	return us->sk.shut & 1 && !(unix_is_dgram(us) && flags & MSG_DONTWAIT) ? 0 : -EAGAIN;
}

static void give(const struct unix_sock *us, struct unix_msg *q, struct sock_msg *m)
{
	struct cmsg_out o = cmsg_out_begin(m);

	if (m->name) {
		struct sockaddr_storage name;
		socklen_t len;
		unix_name_put(q->from, &name, &len);
		if (!q->from) len = 0;
		memcpy(m->name, &name, MIN(m->name_len, len));
		m->name_len = len;
	}
	if (us->passcred) cmsg_put(&o, SOL_SOCKET, SCM_CREDENTIALS, &q->cred, sizeof q->cred);
	cmsg_out_end(&o, m);
	m->rights = q->rights;
	if (m->rights) m->rights->refs++;
}

static void nobody(struct sock_msg *m)
{
	m->name_len = 0;
	m->control_len = 0;
}

/* SO_PEEK_OFF: a peek begins so far into the queue and moves on; a read takes it back. */
static uint32_t peek_skip(const struct unix_sock *us, int flags) { return flags & MSG_PEEK && us->peek_off > 0 ? (uint32_t)us->peek_off : 0; }

static void peek_move(struct unix_sock *us, int flags, size_t peeked, size_t read)
{
	if (us->peek_off < 0) return;
	if (flags & MSG_PEEK) us->peek_off += (int)peeked;
	else us->peek_off = (size_t)us->peek_off > read ? us->peek_off - (int)read : 0;
}

/* The message in which that many octets from the front end, and how many of them lie in it. NULL: there are no more. */
static struct unix_msg *msg_at(struct unix_sock *us, uint32_t skip, uint32_t *ret_skip)
{
	list_each(struct unix_msg, q, &us->queue, node) {
		uint32_t len = q->len - q->at;
		*ret_skip = skip;
		if (skip < len || (skip == 0 && len == 0 && us->sk.type != SOCK_STREAM)) return q;
		skip -= len;
	}
	return NULL;
}

/* Where a read that has something ends: before the octet out of band, and where it was. */
static bool at_mark(const struct unix_sock *us, const struct unix_msg *q) { return q == us->oob || q->at == q->len; }

/* One message's part in a stream's read: how many octets, and whether the read ends with it. */
static size_t stream_part(struct unix_sock *us, struct unix_msg *q, struct sock_msg *m, size_t done, uint32_t skip, bool peek, bool *ret_last)
{
	size_t n = MIN(q->len - q->at - skip, m->len - done);

	if (q->rights && !m->rights) {
		m->rights = q->rights;
		m->rights->refs++;
	}
	*ret_last = q->rights != NULL || n < q->len - q->at - skip;
	memcpy((uint8_t *)m->data + done, q->data + q->at + skip, n);
	if (peek) return n;
	q->at += (uint32_t)n;
	sock_rights_unref(q->rights);
	q->rights = NULL;
	if (q->at == q->len) dequeue(us, q);
	return n;
}

static size_t stream_copy(struct unix_sock *us, struct unix_msg *q, struct sock_msg *m, uint32_t skip, bool peek)
{
	const struct unix_msg *from = q;
	const struct ucred first = q->cred;
	size_t done = 0;
	bool last = false;

	for (struct unix_msg *next; &q->node != &us->queue && !last && done < m->len; q = next) {
		if (q != from && at_mark(us, q)) break;
		if (us->passcred && memcmp(&first, &q->cred, sizeof first) != 0) break;
		next = list_first(&q->node, struct unix_msg, node);
		done += stream_part(us, q, m, done, skip, peek, &last);
		skip = 0;
	}
	return done;
}

/* What a read at the mark does with the octet out of band: inline it is read, else passed over. */
static void mark_pass(struct unix_sock *us, int flags)
{
	while (!list_empty(&us->queue)) {
		struct unix_msg *q = list_first(&us->queue, struct unix_msg, node);
		if (q == us->oob && us->sk.oobinline) us->oob = NULL;
		if (!at_mark(us, q) || flags & MSG_PEEK) return;
		dequeue(us, q);
	}
}

static ssize_t stream_recv(struct unix_sock *us, struct sock_msg *m, int flags)
{
	struct unix_msg *q;
	uint32_t skip = 0;
	size_t done;

	if (us->state != UNIX_CONNECTED) return -EINVAL;
	mark_pass(us, flags);
	q = msg_at(us, peek_skip(us, flags), &skip);
	if (!q) {
		nobody(m);
		return nothing(us, flags);
	}
	give(us, q, m);
	done = stream_copy(us, q, m, skip, flags & MSG_PEEK);
	peek_move(us, flags, done, done);
	return (ssize_t)done;
}

static ssize_t dgram_recv(struct unix_sock *us, struct sock_msg *m, int flags)
{
	uint32_t skip = 0;
	struct unix_msg *q = msg_at(us, peek_skip(us, flags), &skip);
	size_t full, n;

	if (us->sk.err || !q) {
		nobody(m);
		return nothing(us, flags);
	}
	full = q->len - skip;
	n = MIN(full, m->len);
	memcpy(m->data, q->data + skip, n);
	if (n < full) m->flags |= MSG_TRUNC;
	give(us, q, m);
	peek_move(us, flags, n, q->len);
	if (!(flags & MSG_PEEK)) dequeue(us, q);
	return (ssize_t)(flags & MSG_TRUNC ? full : n);
}

/* Taken, it leaves an empty message where it was: the mark. */
static ssize_t oob_recv(struct unix_sock *us, struct sock_msg *m, int flags)
{
	struct unix_msg *q = us->oob;

	if (us->sk.oobinline || !q) return -EINVAL;
	nobody(m);
	if (m->len > 0) *(uint8_t *)m->data = q->data[0];
	m->flags = MSG_OOB | (m->len > 0 ? 0 : MSG_TRUNC);
	if (flags & MSG_PEEK) return m->len > 0;
	us->oob = NULL;
	q->at = q->len;
	return m->len > 0;
}

ssize_t unix_recv(struct sock *sk, struct sock_msg *m)
{
	int flags = m->flags;

	m->flags = 0;
	m->rights = NULL;
	if (sk->type == SOCK_SEQPACKET && unix_of(sk)->state != UNIX_CONNECTED) return -ENOTCONN;
	if (flags & MSG_OOB) return sk->type == SOCK_STREAM ? oob_recv(unix_of(sk), m, flags) : -EOPNOTSUPP;
	return sk->type == SOCK_STREAM ? stream_recv(unix_of(sk), m, flags) : dgram_recv(unix_of(sk), m, flags);
}

/* ---- how much there is ---- */

int unix_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	struct unix_sock *us = unix_of(sk);
	int n = 0;

	if (request == SIOCATMARK) {
		n = us->sk.type == SOCK_STREAM && !list_empty(&us->queue) && at_mark(us, list_first(&us->queue, struct unix_msg, node));
		memcpy(arg, &n, sizeof n);
		return 0;
	}
	if (request != SIOCINQ && request != SIOCOUTQ) return inet_ioctl(sk, request, arg, len);
	if (request == SIOCOUTQ) n = (int)us->wmem;
	else if (us->state == UNIX_LISTENING) return -EINVAL;
	else list_each(struct unix_msg, q, &us->queue, node) {
		n += (int)(q->len - q->at);
		if (unix_is_dgram(us)) break;
	}
	memcpy(arg, &n, sizeof n);
	return 0;
}
