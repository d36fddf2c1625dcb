/*
 * Datagrams in: the queue and what a program gets of a datagram - data and name; the control messages are dgram_control.c's.
 * The queue is charged as Linux does, so that the same number of datagrams fits into the same SO_RCVBUF.
 */
#include <errno.h>
#include "stack/inet/dgram.h"
#include "stack/inet/errqueue.h"
#include "stack/inet/header_options.h"

/* As Linux: one datagram fits an empty UDP buffer, however small that is, and the others' as long as it is not full. */
static bool has_room(const struct dgram_sock *ds, uint32_t charge)
{
	uint64_t used = (uint64_t)ds->queued + ds->is.sk.lent;

	return dgram_is_udp(ds) ? !used || used + charge <= ds->is.sk.rcvbuf : used < ds->is.sk.rcvbuf;
}

bool dgram_enqueue(struct dgram_sock *ds, struct packet *p)
{
	struct sock *sk = &ds->is.sk;

	if (!has_room(ds, sock_charge(sk, p->len))) {
		ds->drops++;
		stack_drop(sk->stack, p, DROP_SOCK_RCVBUF);
		return false;
	}
	ds->queued += sock_charge(sk, p->len);
	list_append(&ds->queue, &p->node);
	sock_ready(sk);
	return true;
}

uint32_t dgram_charge(const struct dgram_sock *ds, const struct packet *p)
{
	return p->gso_size && p->len > p->gso_size ? datagram_charge_of_pieces(p->len) : sock_charge(&ds->is.sk, p->len);
}

void dgram_dequeue(struct dgram_sock *ds, struct packet *p)
{
	ds->queued -= dgram_charge(ds, p);
	list_remove(&p->node);
}

void dgram_flush(struct dgram_sock *ds)
{
	while (!list_empty(&ds->queue)) {
		struct packet *p = list_first(&ds->queue, struct packet, node);
		dgram_dequeue(ds, p);
		packet_free(p);
	}
}

static void give_name(const struct dgram_sock *ds, const struct packet *p, struct sock_msg *m)
{
	struct sockaddr_storage name;
	socklen_t len;

	if (!m->name) return;
	inet_sockaddr_emit(&ds->is, &p->src, dgram_port_at(ds, p, 0), (uint32_t)p->netif->index, &name, &len);
	memcpy(m->name, &name, MIN(m->name_len, len));
	m->name_len = len;
}

/* ---- recv ---- */

/* There is nothing: an error, the end (for who would wait), or "not now". Linux looks at the error before the queue. */
static ssize_t nothing(const struct sock *sk, int flags)
{
	if ((sk->shut & 1) && !(flags & (MSG_DONTWAIT | MSG_LEND))) return 0;
	return -EAGAIN;
}

ssize_t dgram_recv(struct sock *sk, struct sock_msg *m)
{
	struct dgram_sock *ds = (struct dgram_sock *)sk;
	int flags = m->flags, err;
	struct packet *p;
	size_t n, full;

	if (flags & MSG_OOB && !dgram_is_udp(ds)) return -EOPNOTSUPP;
	if (flags & MSG_ERRQUEUE) return errqueue_recv(&ds->is, m);
	if (pathmtu_waits(&ds->is)) return pathmtu_recv(&ds->is, m);
	err = sock_take_error(sk);
	if (err) return -err;
	if (list_empty(&ds->queue)) return nothing(sk, flags);
	p = list_first(&ds->queue, struct packet, node);
	full = p->len;
	n = MIN(full, m->len);
	if (n) memcpy(m->data, p->data, n);
	m->flags = n < full ? MSG_TRUNC : 0;
	give_name(ds, p, m);
	dgram_give_control(ds, p, m);
	m->arrival = p->when;
	if (!(flags & MSG_PEEK)) {
		dgram_dequeue(ds, p);
		if (flags & MSG_LEND) sk->lent += dgram_charge(ds, p);
		packet_free(p);
	}
	return (ssize_t)(flags & MSG_TRUNC ? full : n);
}
