/*
 * What a host needs to know that carries the octets of a connected stream past the stack, from program to program. They may go so while a message
 * could have nothing but octets to it, and while none waits in the receiver's queue; what was not read then, when they no longer may, comes
 * back as one more message.
 */
#include <errno.h>
#include "stack/unix/private.h"

static const struct unix_sock *stream_of(const struct sock *sk)
{
	return sk->domain == AF_UNIX && sk->type == SOCK_STREAM && unix_of(sk)->state == UNIX_CONNECTED ? unix_of(sk) : NULL;
}

struct sock *unix_other_end(const struct sock *sk)
{
	const struct unix_sock *us = stream_of(sk);

	return us && us->peer ? &us->peer->sk : NULL;
}

bool unix_goes_past(const struct sock *from, const struct sock *to)
{
	const struct unix_sock *us = unix_of(from), *peer = unix_of(to);

	return !(from->shut & (SHUT_WR + 1)) && !(to->shut & (SHUT_RD + 1)) && !us->passcred && !peer->passcred && peer->peek_off < 0;
}

bool unix_is_read(const struct sock *to) { return list_empty(&unix_of(to)->queue); }

int unix_recall(struct sock *from, struct sock *to, const void *data, size_t len)
{
	return unix_enqueue(unix_of(from), unix_of(to), &(struct sock_msg){.data = (void *)data, .len = len}, &unix_nobody);
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
		ends[i]->own = ends[i]->caller;
		ends[i]->peer_cred = ends[!i]->caller;
	}
}
