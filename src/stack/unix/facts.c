/* What lists of sockets tell of a Unix socket. A connection that was accepted ahead of its program (sock.ahead) is none yet for Linux: it waits. */
#include <netinet/tcp.h>
#include "stack/unix/private.h"

static uint8_t state_of(const struct unix_sock *us)
{
	return us->state == UNIX_LISTENING ? TCP_LISTEN : us->state == UNIX_CONNECTED ? TCP_ESTABLISHED : TCP_CLOSE;
}

static bool is_held(const struct unix_sock *us)
{
	const struct stack *s = us->sk.stack;

	return us->sk.user && (!s->ops->held || s->ops->held(s->host, &us->sk));
}

static uint64_t inode_of(const struct unix_sock *us) { return us && is_held(us) ? us->sk.inode : 0; }

static uint32_t refs_of(const struct unix_sock *us)
{
	uint32_t n = 2;

	list_each(struct unix_sock, p, &us->pointing, of_peer) n++;
	return n;
}

void unix_unlist(struct stack *s) { s->unix_stack->unlisted = true; }

bool unix_is_listed(const struct stack *s) { return !s->unix_stack->unlisted; }

bool unix_facts_of(const struct sock *sk, struct unix_facts *ret)
{
	const struct unix_sock *us = unix_of(sk);
	struct unix_facts f = {.state = state_of(us), .held = is_held(us), .refs = refs_of(us), .has_peer = us->peer || us->lost, .peer = inode_of(us->peer)};

	/* What is kept for the next who asks has done nothing yet. */
	if (!f.held && us->state == UNIX_NEW) return false;
	if (us->name && unix_name_is_path(us->name)) f.node = &us->name->node;
	*ret = f;
	return true;
}

void unix_queues(const struct sock *sk, uint32_t *ret_in, uint32_t *ret_out)
{
	const struct unix_sock *us = unix_of(sk);
	const struct stack *s = sk->stack;
	bool listens = us->state == UNIX_LISTENING;

	*ret_in = listens ? us->n_backlog + sk->ahead : unix_unread(us);
	*ret_out = listens ? us->backlog_max : us->wmem;
	if (!listens && s->ops->waiting && sk->user) s->ops->waiting(s->host, sk, ret_in, ret_out);
}

uint32_t unix_callers(const struct sock *listener, uint32_t *ret, uint32_t max)
{
	const struct stack *s = listener->stack;
	const struct sock *ahead = listener->ahead && s->ops->ahead ? s->ops->ahead(s->host, listener) : NULL;
	uint32_t n = 0;

	if (listener->ahead && n++ < max) ret[0] = ahead ? (uint32_t)inode_of(unix_of(ahead)->peer) : 0;
	list_each(struct unix_sock, us, &unix_of(listener)->backlog, of_listener)
		if (n++ < max) ret[n - 1] = (uint32_t)inode_of(us->peer);
	return n;
}
