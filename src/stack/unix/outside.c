/* Programs that are none of the network's, as the host tells of them: who waits for accept, and what was sent. */
#include <errno.h>
#include "stack/unix/private.h"

void unix_outside_waits(struct sock *sk, bool waits)
{
	unix_of(sk)->outside = waits;
	sock_ready(sk);
}

bool unix_outside_is_waiting(const struct sock *sk) { return unix_of(sk)->outside; }

/* A datagram socket that has a peer hears only that one. */
bool unix_outside_may_send(const struct sock *sk)
{
	const struct unix_sock *us = unix_of(sk);

	return unix_is_dgram(us) && !us->peer && !us->lost && us->n_queued <= us->queue_max && !(sk->shut & (SHUT_RD + 1));
}

int unix_outside_send(struct sock *sk, const struct unix_outside_message *m)
{
	struct unix_sock *us = unix_of(sk);
	struct unix_name *from = m->from_len > UNIX_PATH_AT ? unix_name_new(m->from, m->from_len) : NULL;
	struct unix_msg *q = from || m->from_len <= UNIX_PATH_AT ? unix_msg_new(us, m->len) : NULL;

	if (!q) {
		unix_name_unref(from);
		return -ENOMEM;
	}
	q->from = from;
	q->cred = m->cred;
	q->rights = m->rights;
	q->cut = m->cut;
	if (q->rights) q->rights->refs++;
	if (m->len > 0) memcpy(q->data, m->data, m->len);
	return 0;
}
