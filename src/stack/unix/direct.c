/*
 * What a host needs to know that carries the messages of a pair past the stack, from program to program: the ends of a connection, or sockets of
 * datagrams that are connected to each other. They may go so while a message could have nothing but octets to it, and while none waits in the receiver's
 * queue; what was not read then, when they no longer may, comes back as messages.
 */
#include <errno.h>
#include "stack/unix/private.h"

static bool is_pair(const struct unix_sock *us)
{
	if (!unix_is_dgram(us)) return us->state == UNIX_CONNECTED && us->peer;
	return us->peer && us->peer != us && us->peer->peer == us;     /* nobody else may send to either */
}

struct sock *unix_other_end(const struct sock *sk) { return sk->domain == AF_UNIX && is_pair(unix_of(sk)) ? &unix_of(sk)->peer->sk : NULL; }

bool unix_goes_past(const struct sock *from, const struct sock *to)
{
	const struct unix_sock *us = unix_of(from), *peer = unix_of(to);

	return !(from->shut & (SHUT_WR + 1)) && !(to->shut & (SHUT_RD + 1)) && !unix_wants_sender(us) &&
	       !unix_wants_sender(peer) && !unix_stamps(peer) && peer->peek_off < 0;
}

bool unix_is_read(const struct sock *from, const struct sock *to) { return list_empty(&unix_of(to)->queue) && unix_of(from)->wmem == 0; }

int unix_recall(struct sock *from, struct sock *to, const struct iovec data[2])
{
	uint8_t *at = unix_enqueue(unix_of(from), unix_of(to), (uint32_t)(data[0].iov_len + data[1].iov_len), NULL, &unix_nobody);

	if (!at) return -ENOBUFS;
	if (data[0].iov_len > 0) memcpy(at, data[0].iov_base, data[0].iov_len);
	if (data[1].iov_len > 0) memcpy(at + data[0].iov_len, data[1].iov_base, data[1].iov_len);
	return 0;
}

bool unix_awaits_accept(const struct sock *sk)
{
	const struct unix_sock *us = unix_of(sk);

	return us->peer && us->peer->listener && sk->err == 0 && !(sk->shut & (SHUT_RD + 1)) && list_empty(&us->queue);
}

bool unix_is_over(const struct sock *sk)
{
	const struct unix_sock *us = unix_of(sk);

	return !unix_is_dgram(us) && us->state == UNIX_CONNECTED && sk->shut & (SHUT_RD + 1) && sk->err == 0 && list_empty(&us->queue) &&
	       !unix_wants_sender(us);
}

void unix_break(struct sock *sk)
{
	sk->shut = SHUT_RDWR + 1;
	sock_set_error(sk, ECONNRESET);
}

void unix_pair(struct sock *a, struct sock *b)
{
	struct unix_sock *ends[] = {unix_of(a), unix_of(b)};

	for (int i = 0; i < 2; i++) {
		unix_peer_set(ends[i], ends[!i]);
		ends[i]->state = UNIX_CONNECTED;
		ends[i]->own = ends[i]->caller.effective;
		ends[i]->peer_cred = ends[!i]->caller.effective;
	}
}
