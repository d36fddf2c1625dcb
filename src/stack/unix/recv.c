/*
 * Messages of Unix sockets, read. What a stream delivers at once goes over the borders of messages, but ends after one that carried descriptors, for who
 * wants credentials before another sender's, and around the octet out of band (MSG_OOB), which lies in a message of its own.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include "stack/inet/inet.h"
#include "stack/socket/ancillary.h"
#include "stack/unix/private.h"

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
		struct unix_name *from = q->sender ? q->sender->name : q->from;
		struct sockaddr_storage name;
		socklen_t len;
		unix_name_put(from, &name, &len);
		if (!from) len = 0;
		memcpy(m->name, &name, MIN(m->name_len, len));
		m->name_len = len;
	}
	if (unix_stamps(us)) cmsg_put_timestamp(&o, &us->sk, q->sent);
	if (us->passcred) cmsg_put(&o, SOL_SOCKET, SCM_CREDENTIALS, &q->cred, sizeof q->cred);
	cmsg_out_end(&o, m);
	if (us->passpidfd) m->pidfd_of = q->cred.pid;
	m->rights = q->rights;
	if (m->rights) m->rights->refs++;
	if (q->cut) m->flags |= MSG_CTRUNC;
}

static void nobody(struct sock_msg *m)
{
	m->name_len = 0;
	m->control_len = 0;
}

/* SO_PEEK_OFF: a peek begins so far into the queue and moves on; a read takes it back. */
static uint32_t peek_skip(const struct unix_sock *us, int flags)
{
	return flags & MSG_PEEK && !(flags & MSG_PAST_PEEK_OFF) && us->peek_off > 0 ? (uint32_t)us->peek_off : 0;
}

static void peek_move(struct unix_sock *us, int flags, size_t peeked, size_t read)
{
	if (us->peek_off < 0 || flags & MSG_PAST_PEEK_OFF) return;
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

/*
 * The message at which a read goes on that is at q, with regard to the octet out of band: NULL where it ends. What has something ends before that octet,
 * and where it was; else the octet is passed over, unless it is read inline, and what is read, not peeked at, takes it and the empty message of one that was
 * taken before out of the queue.
 */
static struct unix_msg *past_mark(struct unix_sock *us, struct unix_msg *q, int flags, bool done)
{
	struct unix_msg *next = unix_next(us, q);
	bool peek = flags & MSG_PEEK;

	if (q->at == q->len) {
		if (done && !us->oob) return NULL;
		if (!peek) unix_dequeue(us, q);
		if (!next) return NULL;
		q = next;
		next = unix_next(us, q);
	}
	if (q != us->oob) return q;
	if (done) return NULL;
	if (!peek) us->oob = NULL;
	if (us->sk.oobinline) return q;
	if (!peek) unix_dequeue(us, q);
	return next;
}

/* One message's part in a stream's read: how many octets, and whether the read ends with it. */
static size_t stream_part(struct unix_sock *us, struct unix_msg *q, struct sock_msg *m, size_t done, uint32_t skip, bool peek, bool *ret_last)
{
	size_t n = MIN(q->len - q->at - skip, m->len - done);

	if (q->rights && !m->rights) {
		m->rights = q->rights;
		m->rights->refs++;
	}
	*ret_last = q->rights != NULL || (!peek && n < q->len - q->at);
	memcpy((uint8_t *)m->data + done, q->data + q->at + skip, n);
	if (peek) return n;
	q->at += (uint32_t)n;
	sock_rights_unref(q->rights);
	q->rights = NULL;
	if (q->at == q->len) unix_dequeue(us, q);
	return n;
}

/* Where a read goes on from q on, and how far into it. NULL: nowhere; *ret_dry: because there is no more, not because of a mark. */
static struct unix_msg *stream_next(struct unix_sock *us, struct unix_msg *q, int flags, bool done, uint32_t *skip, bool *ret_dry)
{
	*ret_dry = !q;
	if (q && !(q = past_mark(us, q, flags, done))) *ret_dry = !done;
	for (; q && *skip >= q->len - q->at; *ret_dry = !q) {
		*skip -= q->len - q->at;
		q = unix_next(us, q);
	}
	return q;
}

/* The end comes with credentials: of no process, and as Linux has it of root. */
static ssize_t stream_nothing(struct unix_sock *us, struct sock_msg *m, int flags)
{
	static const struct ucred none;
	struct cmsg_out o = cmsg_out_begin(m);

	if (us->passcred) cmsg_put(&o, SOL_SOCKET, SCM_CREDENTIALS, &none, sizeof none);
	m->name_len = 0;
	cmsg_out_end(&o, m);
	if (us->passpidfd) m->pidfd_of = 0;
	return nothing(us, flags);
}

/* As Linux, a peek that is full still looks at what follows, so far as it would go on: it may bring descriptors, or find nothing. */
static ssize_t stream_recv(struct unix_sock *us, struct sock_msg *m, int flags)
{
	bool peek = flags & MSG_PEEK, last = false, dry = false;
	uint32_t skip = peek_skip(us, flags);
	struct unix_msg *q = unix_first(us), *next;
	const struct ucred *first = NULL;
	struct ucred who;
	size_t done = 0;

	if (us->state != UNIX_CONNECTED) return -EINVAL;
	do {
		q = stream_next(us, q, flags, done > 0 || flags & MSG_GO_ON, &skip, &dry);
		if (!q || (first && unix_wants_sender(us) && memcmp(first, &q->cred, sizeof who) != 0)) break;
		if (!first) give(us, q, m);
		who = q->cred;
		first = &who;
		next = unix_next(us, q);
		done += stream_part(us, q, m, done, skip, peek, &last);
		skip = 0;
		q = next;
	} while (!last && (peek ? q != NULL : done < m->len));
	if (done == 0 && dry) return stream_nothing(us, m, flags);
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
	if (!(flags & MSG_PEEK)) unix_dequeue(us, q);
	return (ssize_t)(flags & MSG_TRUNC ? full : n);
}

/* Taken, it leaves an empty message where it was, the mark, but not two of them side by side. As Linux: 1, also where there is no room for it. */
static ssize_t oob_recv(struct unix_sock *us, struct sock_msg *m, int flags)
{
	struct unix_msg *q = us->oob, *before = q && q->node.prev != &us->queue ? list_entry(q->node.prev, struct unix_msg, node) : NULL;

	if (us->sk.oobinline || !q) return -EINVAL;
	nobody(m);
	if (m->len > 0) *(uint8_t *)m->data = q->data[0];
	m->flags = MSG_OOB;
	if (flags & MSG_PEEK) return 1;
	us->oob = NULL;
	q->at = q->len;
	if (before && before->at == before->len) unix_dequeue(us, before);
	return 1;
}

ssize_t unix_recv(struct sock *sk, struct sock_msg *m)
{
	int flags = m->flags;

	m->flags = 0;
	m->rights = NULL;
	m->pidfd_of = -1;
	if (sk->type == SOCK_SEQPACKET && unix_of(sk)->state != UNIX_CONNECTED) return -ENOTCONN;
	if (flags & MSG_OOB) return sk->type == SOCK_STREAM ? oob_recv(unix_of(sk), m, flags) : -EOPNOTSUPP;
	return sk->type == SOCK_STREAM ? stream_recv(unix_of(sk), m, flags) : dgram_recv(unix_of(sk), m, flags);
}

/* ---- how much there is ---- */

static bool at_mark(const struct unix_sock *us)
{
	const struct unix_msg *q = unix_first(us);

	return q && (q == us->oob || (q->at == q->len && (!us->oob || unix_next(us, q) == us->oob)));
}

uint32_t unix_unread(const struct unix_sock *us)
{
	uint32_t n = 0;

	list_each(struct unix_msg, q, &us->queue, node) {
		n += q->len - q->at;
		if (unix_is_dgram(us)) break;
	}
	return n;
}

int unix_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	struct unix_sock *us = unix_of(sk);
	int n = 0;

	if (request == SIOCATMARK) {
		if (us->sk.type != SOCK_STREAM) return -EOPNOTSUPP;
		n = at_mark(us);
		memcpy(arg, &n, sizeof n);
		return 0;
	}
	if (request != SIOCINQ && request != SIOCOUTQ) return inet_ioctl(sk, request, arg, len);
	if (request == SIOCOUTQ) n = (int)(us->wmem + us->posted);
	else if (us->state == UNIX_LISTENING) return -EINVAL;
	else n = (int)unix_unread(us);
	memcpy(arg, &n, sizeof n);
	return 0;
}
