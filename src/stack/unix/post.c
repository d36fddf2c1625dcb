/*
 * What a host needs to know that carries datagrams past the stack to a socket to which many send: whose they are, whether anything could be wrong with one,
 * and who waits for room. What was not read then, when they no longer may go so, comes back as messages.
 */
#include <errno.h>
#include "stack/unix/private.h"

struct sock *unix_receiver(const struct sock *from, const struct sockaddr *name, socklen_t name_len)
{
	const struct unix_sock *us = unix_of(from);
	struct unix_sock *to = us->peer;
	struct unix_name n;

	if (!unix_is_dgram(us)) return NULL;
	if (name_len > 0) to = unix_name_parse(name, name_len, &n) == 0 ? unix_name_find(us, &n) : NULL;
	return to && unix_is_dgram(to) ? &to->sk : NULL;
}

static bool may_send(const struct unix_sock *us, uint32_t len)
{
	bool pair = us->peer && us->peer->peer == us;

	return !pair && !us->sk.err && !(us->sk.shut & (SHUT_WR + 1)) && !unix_wants_sender(us) && us->wmem == 0 && us->sk.sndbuf >= 32 &&
	       len <= us->sk.sndbuf - 32;
}

static bool hears(const struct unix_sock *us, const struct unix_sock *from)
{
	return unix_hears(us, from) && !(us->sk.shut & (SHUT_RD + 1)) && !unix_wants_sender(us) && !unix_stamps(us) && us->peek_off < 0 &&
	       !us->sk.filter && list_empty(&us->queue);
}

bool unix_may_post(const struct sock *from, const struct sock *to, uint32_t len)
{
	return from != to && may_send(unix_of(from), len) && hears(unix_of(to), unix_of(from));
}

/* As Linux: who has a peer hears that one only, whose send buffer alone is the limit. */
uint32_t unix_queue_most(const struct sock *to) { return unix_of(to)->peer ? INT32_MAX : unix_of(to)->queue_max + 1; }

void unix_posted(struct sock *from, uint32_t unread) { unix_of(from)->posted = unread; }

uint32_t unix_posted_now(const struct sock *from) { return unix_of(from)->posted; }

void unix_awaits_room(struct sock *from, struct sock *to) { unix_wait_for(unix_of(from), unix_of(to)); }

bool unix_has_room(struct sock *to, uint32_t n)
{
	struct unix_sock *us = unix_of(to);

	while (n-- > 0 && !list_empty(&us->waiting)) unix_wake_one(us);
	unix_wake_connected(us);
	return !list_empty(&us->waiting);
}

void unix_each_pointing(struct sock *to, void (*each)(void *user, struct sock *from), void *user)
{
	list_each(struct unix_sock, us, &unix_of(to)->pointing, of_peer) each(user, &us->sk);
}

int unix_recall_orphan(struct sock *to, const struct sockaddr_un *from, socklen_t from_len, const struct iovec data[2])
{
	struct unix_name *name = from_len > UNIX_PATH_AT ? unix_name_new(from, from_len) : NULL;
	struct unix_msg *q = name || from_len <= UNIX_PATH_AT ? unix_msg_new(unix_of(to), (uint32_t)(data[0].iov_len + data[1].iov_len)) : NULL;

	if (!q) {
		unix_name_unref(name);
		return -ENOBUFS;
	}
	q->from = name;
	q->cred = unix_nobody;
	for (size_t i = 0, at = 0; i < 2; at += data[i++].iov_len)
		if (data[i].iov_len > 0) memcpy(q->data + at, data[i].iov_base, data[i].iov_len);
	return 0;
}
