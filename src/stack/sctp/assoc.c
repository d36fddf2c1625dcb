/*
 * The life of an association: made when a program connects or a cookie comes back, found by the addresses of a packet, and gone when it was shut
 * down, aborted, or has failed.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/family.h"

/* ---- finding ---- */

static uint64_t flow_key(const struct stack *s, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	struct { struct addr raddr; uint16_t lport, rport; char use[4]; } key = {*raddr, lport, rport, "sctp"};

	return stack_hash(s, &key, sizeof key);
}

static bool has_local(const struct assoc *a, const struct addr *laddr)
{
	return a->sock->bound.n == 0 || sctp_addrs_have(&a->local, laddr);
}

/* laddr NULL: whichever of ours. */
static struct path *flow_find(const struct stack *s, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	struct hash_node *n = hash_first(&s->sctp->flows, flow_key(s, lport, raddr, rport));

	for (; n; n = hash_next(n)) {
		struct path *p = container_of(n, struct path, flow_node);
		if (p->assoc->lport != lport || p->assoc->rport != rport || !addr_eq(&p->addr, raddr)) continue;
		if (!laddr || has_local(p->assoc, laddr)) return p;
	}
	return NULL;
}

struct path *sctp_flow_find(const struct stack *s, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	return flow_find(s, laddr, lport, raddr, rport);
}

struct assoc *assoc_find(const struct sctp_sock *so, sctp_assoc_t id)
{
	if (!so->many) return list_empty(&so->assocs) ? NULL : list_first(&so->assocs, struct assoc, node);
	list_each(struct assoc, a, &so->assocs, node)
		if (a->id == id) return a;
	return NULL;
}

struct path *assoc_path(const struct assoc *a, const struct addr *peer)
{
	list_each(struct path, p, &a->paths, node)
		if (addr_eq(&p->addr, peer)) return p;
	return NULL;
}

struct assoc *assoc_to(const struct sctp_sock *so, const struct addr *peer, uint16_t rport)
{
	list_each(struct assoc, a, &so->assocs, node)
		if (a->rport == rport && assoc_path(a, peer)) return a;
	return NULL;
}

/* ---- paths ---- */

/* Who only claims an address gets nothing of the association that is there (as Linux). */
static bool is_anothers(const struct assoc *a, const struct addr *peer)
{
	for (uint32_t i = 0; i < a->local.n; i++)
		if (flow_find(assoc_stack(a), &a->local.at[i], a->lport, peer, a->rport)) return true;
	return false;
}

struct path *assoc_add_path(struct assoc *a, const struct addr *peer, int state)
{
	struct stack *s = assoc_stack(a);
	struct path *p = assoc_path(a, peer);

	if (p) return p;
	if (state == SCTP_UNCONFIRMED && is_anothers(a, peer)) return NULL;
	p = a->n_paths < SCTP_ADDRS_MAX ? calloc(1, sizeof *p) : NULL;
	if (!p) return NULL;
	p->assoc = a;
	p->addr = *peer;
	p->set = a->set.path;
	p->state = state;
	p->rto_ns = a->set.rto_initial_ms * NS_PER_MS;
	p->t3.fire = t3_fire;
	p->heartbeat.fire = heartbeat_fire;
	if (hash_insert(&s->sctp->flows, &p->flow_node, flow_key(s, a->lport, peer, a->rport)) < 0) {
		free(p);
		return NULL;
	}
	list_append(&a->paths, &p->node);
	a->n_paths++;
	if (!a->primary) a->primary = p;
	path_route(p);
	path_begin(p);
	return p;
}

static void path_free(struct path *p)
{
	struct stack *s = assoc_stack(p->assoc);

	timer_clear(s, &p->t3);
	timer_clear(s, &p->heartbeat);
	hash_remove(&s->sctp->flows, &p->flow_node);
	list_remove(&p->node);
	p->assoc->n_paths--;
	free(p);
}

void assoc_remove_path(struct assoc *a, struct path *p)
{
	notify_path(p, SCTP_ADDR_REMOVED, 0);
	list_each(struct out_piece, q, &a->snd.flight, node) {
		if (q->path != p) continue;
		if (q->flying) piece_lost(q);
		q->path = NULL;
	}
	if (a->heard == p) a->heard = NULL;
	if (a->reconfig.to == p) a->reconfig.to = NULL;
	if (a->asconf.to == p) a->asconf.to = NULL;
	if (a->primary == p) a->primary = NULL;
	path_free(p);
	if (!a->primary) a->primary = list_first(&a->paths, struct path, node);
	if (seq_gt(a->snd.advanced, a->snd.acked)) forward_send(a);
}

/* ---- birth ---- */

static sctp_assoc_t next_id(struct sctp_stack *st)
{
	/* As on Linux: 0 to 2 mean the future, the current and all associations. */
	st->last_id = st->last_id < SCTP_ALL_ASSOC || st->last_id == INT32_MAX ? SCTP_ALL_ASSOC + 1 : st->last_id + 1;
	return st->last_id;
}

static uint32_t random_tag(struct stack *s)
{
	uint32_t tag;

	do tag = stack_random32(s);   /* RFC 9260 §5.3.1: any number but 0 */
	while (tag == 0);
	return tag;
}

struct assoc *assoc_new(struct sctp_sock *so, const struct addr *peer, uint16_t rport)
{
	struct stack *s = so->inet.sk.stack;
	struct assoc *a = calloc(1, sizeof *a);

	if (!a) return NULL;
	a->sock = so;
	a->id = next_id(s->sctp);
	a->state = SCTP_CLOSED;
	a->lport = so->inet.lport;
	a->rport = rport;
	a->set = so->set;
	if (auth_keys_copy(&a->keys, &so->keys) < 0) {
		free(a);
		return NULL;
	}
	a->my_tag = random_tag(s);
	a->snd.iss = a->snd.next_tsn = stack_random32(s);
	a->snd.acked = a->snd.advanced = a->snd.iss - 1;
	a->snd.peer_rwnd = SCTP_RWND_LEAST;
	list_init(&a->paths);
	list_init(&a->snd.queue);
	list_init(&a->snd.flight);
	list_init(&a->rcv.pieces);
	list_init(&a->rcv.early);
	a->t1.fire = t1_fire;
	a->t2.fire = t2_fire;
	a->guard.fire = guard_fire;
	a->sack_timer.fire = sack_fire;
	a->autoclose.fire = autoclose_fire;
	a->reconfig.timer.fire = reconfig_fire;
	a->asconf.timer.fire = asconf_fire;
	sctp_addrs_towards(so, peer, &a->local);
	list_append(&so->assocs, &a->node);
	so->n_assocs++;
	if (assoc_add_path(a, peer, SCTP_ACTIVE)) return a;
	assoc_free(a);
	return NULL;
}

static void streams_free(struct assoc *a)
{
	for (uint32_t i = 0; i < a->out_streams; i++) free(a->snd.streams[i].given_up);
	free(a->snd.streams);
}

int assoc_streams_set(struct assoc *a, uint16_t out, uint16_t in)
{
	struct out_stream *streams = calloc(out, sizeof *streams);

	if (!streams) return -ENOMEM;
	/* What was queued before the peer said how few it takes. */
	assoc_streams_drop(a, out);
	streams_free(a);
	a->snd.streams = streams;
	a->out_streams = out;
	a->in_streams = in;
	return 0;
}

int assoc_streams_add(struct assoc *a, uint16_t out)
{
	struct out_stream *streams = realloc(a->snd.streams, ((size_t)a->out_streams + out) * sizeof *streams);

	if (!streams) return -ENOMEM;
	for (uint32_t i = 0; i < out; i++) streams[a->out_streams + i] = (struct out_stream){.held = true};
	a->snd.streams = streams;
	a->out_streams = (uint16_t)(a->out_streams + out);
	return 0;
}

void assoc_streams_drop(struct assoc *a, uint16_t keep)
{
	list_each(struct out_piece, q, &a->snd.queue, node) {
		if (q->msg->stream < keep) continue;
		notify_failed(a, q, false, CAUSE_STREAM);
		piece_free(a, q);
	}
	for (uint32_t i = keep; i < a->out_streams; i++) free(a->snd.streams[i].given_up);
	a->out_streams = MIN(a->out_streams, keep);
}

void assoc_peer_begins(struct assoc *a, seq32 tsn, uint32_t rwnd)
{
	rcv_begin(a, tsn);
	a->snd.peer_rwnd = rwnd;
	/* RFC 9260 §7.2.1: may be arbitrarily high. */
	list_each(struct path, p, &a->paths, node) p->ssthresh = MAX(rwnd, 4 * p->mtu_bytes);
}

void assoc_established(struct assoc *a)
{
	struct sctp_sock *so = a->sock;
	struct stack *s = assoc_stack(a);

	timer_clear(s, &a->t1);
	a->state = SCTP_ESTABLISHED;
	a->errors = 0;
	free(a->open.cookie);
	a->open.cookie = NULL;
	reconfig_begin(a);
	asconf_begin(a);
	ecn_begin(a);
	if (so->many) {
		autoclose_touch(a);
	} else {
		so->established = so->was_connected = true;
		so->inet.raddr = a->primary->addr;
		so->inet.rport = a->rport;
	}
	notify_change(a, SCTP_COMM_UP, 0);
	notify_adaptation(a);
	if (!a->auth.able) notify_key(a, 0, SCTP_AUTH_NO_AUTH);
	/* RFC 9260 §5.4: an address that nobody has shown to be the peer's is asked. */
	list_each(struct path, p, &a->paths, node) {
		if (p->state == SCTP_UNCONFIRMED) heartbeat_send(p);
		heartbeat_schedule(p);
	}
	sock_ready(&so->inet.sk);
	if (so->parent) sock_ready(&so->parent->inet.sk);
}

/* ---- end ---- */

static void pieces_free(struct assoc *a, struct list *l)
{
	while (!list_empty(l)) piece_free(a, list_first(l, struct out_piece, node));
}

void assoc_free(struct assoc *a)
{
	struct sctp_sock *so = a->sock;
	struct stack *s = assoc_stack(a);

	timer_clear(s, &a->t1);
	timer_clear(s, &a->t2);
	timer_clear(s, &a->guard);
	timer_clear(s, &a->sack_timer);
	timer_clear(s, &a->autoclose);
	reconfig_free(a);
	asconf_free(a);
	auth_keys_free(&a->keys);
	pieces_free(a, &a->snd.queue);
	pieces_free(a, &a->snd.flight);
	reassembly_free(a);
	while (!list_empty(&a->paths)) path_free(list_first(&a->paths, struct path, node));
	list_each(struct in_msg, m, &so->rcvq, node)
		if (m->assoc == a) m->assoc = NULL;
	list_remove(&a->node);
	so->n_assocs--;
	streams_free(a);
	free(a->rcv.ssn);
	free(a->open.cookie);
	free(a);
	sctp_sock_done(so);
}

void assoc_lost(struct assoc *a, int err, enum sctp_sac_state how, uint16_t cause)
{
	struct sctp_sock *so = a->sock;

	if (so->connecting == a->id) {
		so->connecting = 0;
		so->connect_err = err ? err : ECONNABORTED;
	}
	if (how != SCTP_SHUTDOWN_COMP) snd_fail_all(a, cause);
	a->state = SCTP_CLOSED;
	notify_change(a, how, cause);
	if (!so->many && err) so->inet.sk.err = err;
	sock_ready(&so->inet.sk);
	assoc_free(a);
}

void sctp_sock_done(struct sctp_sock *so)
{
	struct sock *sk = &so->inet.sk;

	if (!sk->closed || so->n_assocs > 0) return;
	if (so->parent) {
		list_remove(&so->accept_node);
		so->parent->n_accepting--;
	}
	while (!list_empty(&so->rcvq)) in_msg_free(list_first(&so->rcvq, struct in_msg, node));
	list_remove(&so->endpoint_node);
	auth_keys_free(&so->keys);
	inet_sock_done(sk);
	sock_free(sk);
}
