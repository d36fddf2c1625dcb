/* A socket for one association: what a listener accepts, and what is peeled off of a one-to-many socket. It begins with that one's settings. */
#include <stdlib.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/family.h"

struct sctp_sock *sctp_child(struct sctp_sock *so, const struct addr *peer, uint16_t rport)
{
	struct sock *from = &so->inet.sk, *sk;
	struct sctp_sock *child;

	if (sock_alloc(from->stack, &sctp_ops, from->domain, from->type, from->protocol, &sk) < 0) return NULL;
	child = sctp_of(sk);
	child->many = false;
	child->peeled = so->many;
	child->set = so->set;
	child->bound = so->bound;
	child->nodelay = so->nodelay;
	child->no_fragments = so->no_fragments;
	child->mapped_off = so->mapped_off;
	child->rcvinfo = so->rcvinfo;
	child->nxtinfo = so->nxtinfo;
	child->interleave = so->interleave;
	child->pd_point = so->pd_point;
	child->inet.laddr = so->inet.laddr;
	child->inet.v6only = so->inet.v6only;
	child->inet.raddr = *peer;
	child->inet.rport = rport;
	child->inet.scope = so->inet.scope;
	child->inet.tos = so->inet.tos;
	child->inet.tclass = so->inet.tclass;
	child->inet.ttl = so->inet.ttl;
	child->inet.hops = so->inet.hops;
	sk->bound_if = from->bound_if;
	sk->rcvbuf = from->rcvbuf;
	sk->sndbuf = from->sndbuf;
	sk->linger = from->linger;
	sk->keepalive = from->keepalive;
	sk->reuseaddr = from->reuseaddr;
	sk->rcvtimeo_us = from->rcvtimeo_us;
	sk->sndtimeo_us = from->sndtimeo_us;
	sk->mark = from->mark;
	sk->priority = from->priority;
	if (auth_keys_copy(&child->keys, &so->keys) == 0 && port_inherit(&child->inet, &so->inet) == 0) return child;
	auth_keys_free(&child->keys);
	inet_sock_done(sk);
	sock_free(sk);
	return NULL;
}

/* From the socket that it began at, with what was received: paths, ports and identity stay. */
void assoc_move(struct assoc *a, struct sctp_sock *to)
{
	struct sctp_sock *from = a->sock;

	list_remove(&a->node);
	from->n_assocs--;
	a->sock = to;
	list_append(&to->assocs, &a->node);
	to->n_assocs++;
	from->queued -= a->snd.queued;
	to->queued += a->snd.queued;
	to->established = to->was_connected = true;
	timer_clear(assoc_stack(a), &a->autoclose);
	list_each(struct in_msg, m, &from->rcvq, node) {
		if (m->assoc_id != a->id) continue;
		list_remove(&m->node);
		list_append(&to->rcvq, &m->node);
	}
}
