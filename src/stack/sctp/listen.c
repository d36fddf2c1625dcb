/*
 * The way into an association, for who is asked: INIT is answered by INIT ACK and forgotten, COOKIE ECHO makes the association. And what happens when
 * either comes for one that there is: both ends began at once, the peer has lost its memory, or a packet came twice.
 *
 *     action  our tag   peer's tag  tie tags                RFC 9260 §5.2.4
 *        A    differs   differs     ours     the peer begins anew: a restart
 *        B    same      differs     any      both began at once
 *        C    differs   same        none     an old cookie: nothing
 *        D    same      same        any      our COOKIE ACK was lost
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define PARAMS_ROOM (400u + AUTH_VECTOR_MOST)
#define INIT_ACK_MOST (PARAMS_ROOM + COOKIE_MOST + 80u)

static struct sctp_sock *listener(const struct stack *s, const struct addr *laddr, uint16_t lport, bool v4)
{
	struct sctp_sock *any = NULL;

	list_each(struct sctp_sock, so, &s->sctp->endpoints, endpoint_node) {
		const struct inet_sock *is = &so->inet;
		if (!is->sk.listening || is->lport != lport || (is->sk.domain == AF_INET) > v4 || (is->sk.domain == AF_INET6 && v4 && is->v6only)) continue;
		if (sctp_addrs_have(&so->bound, laddr)) return so;
		if (so->bound.n == 0 && !any) any = so;
	}
	return any;
}

/* What stands in a cookie for a tag of an association that there is: it must not tell it. */
static uint32_t tie_of(const struct stack *s, uint32_t tag)
{
	struct { uint32_t tag; char use[4]; } key = {tag, "tie"};

	return (uint32_t)stack_hash(s, &key, sizeof key) | 1;
}

static uint32_t random_tag(struct stack *s)
{
	uint32_t tag;

	do tag = stack_random32(s);
	while (tag == 0);
	return tag;
}

/* An ABORT with a cause, to who has sent an INIT. */
static void refuse(struct stack *s, const struct packet *p, const struct sctp_hdr *h, uint32_t tag, uint16_t cause)
{
	struct sctp_out o;
	uint8_t *at;

	if (tag == 0 || !out_begin(&o, SCTP_HDR_LEN + 2 * SCTP_CHUNK_HDR)) return;
	at = out_chunk(&o, CHUNK_ABORT, 0, cause ? 4 : 0);
	if (cause) sctp_param_emit(&(struct sctp_param){.type = cause}, at);
	out_answer(s, &o, p, h, tag);
}

static uint32_t first_rwnd(const struct sctp_sock *so) { return MAX(so->inet.sk.rcvbuf / 2, SCTP_RWND_LEAST); }

static void answer_init(struct stack *s, struct sctp_sock *so, const struct packet *p, const struct sctp_hdr *h, const struct init_read *r,
			struct cookie_made *m)
{
	uint16_t out = (uint16_t)MIN(so->set.init.sinit_num_ostreams, r->h.in_streams), in = (uint16_t)MIN(so->set.init.sinit_max_instreams, r->h.out_streams);
	struct sctp_init mine = {m->my_tag, first_rwnd(so), out, so->set.init.sinit_max_instreams, m->my_tsn};
	uint8_t value[INIT_ACK_MOST], cookie[COOKIE_MOST];
	struct sctp_addrs local;
	struct sctp_out o;
	size_t len;
	uint8_t *at;

	sctp_addrs_towards(so, &p->src, &local);
	len = init_write(value, PARAMS_ROOM, &mine, &local, so, &m->auth.mine);
	m->life_ms = so->set.cookie_life_ms + r->preserve_ms;
	cookie_write(s, cookie, h, r, m, out, in);
	len += sctp_param_emit(&(struct sctp_param){.type = PARAM_COOKIE, .len = (uint16_t)cookie_len(), .value = cookie}, value + len);
	memcpy(value + len, r->errors, r->errors_len);
	len += r->errors_len;
	if (!out_begin(&o, (uint32_t)(SCTP_HDR_LEN + SCTP_CHUNK_HDR + sctp_padded(len)))) return;
	at = out_chunk(&o, CHUNK_INIT_ACK, 0, len);
	memcpy(at, value, len);
	/* RFC 9260 §5.1 (B), §8.5.1 (A): to where it came from, with its tag. */
	out_answer(s, &o, p, h, r->h.tag);
}

static bool brings_new_address(const struct assoc *a, const struct init_read *r)
{
	for (uint32_t i = 0; i < r->addrs.n; i++)
		if (!assoc_path(a, &r->addrs.at[i])) return true;
	return false;
}

/* RFC 9260 §5.2.1, §5.2.2: of an association that there is. False: it is refused. */
static bool made_for(struct stack *s, const struct assoc *a, const struct init_read *r, struct cookie_made *m)
{
	bool opening = assoc_in(a, SCTP_OPENING);

	if (a->state != SCTP_COOKIE_WAIT && brings_new_address(a, r)) return false;
	*m = (struct cookie_made){.my_tag = opening ? a->my_tag : random_tag(s), .my_tsn = opening ? a->snd.iss : stack_random32(s),
				  .my_tie = tie_of(s, a->my_tag), .peer_tie = tie_of(s, a->peer_tag)};
	return true;
}

/* What is offered to the peer, if it has offered it: to one that we have asked ourselves, the same as before. */
static void offer_auth(struct stack *s, const struct sctp_sock *so, const struct assoc *a, const struct init_read *r, struct auth *ret)
{
	if (r->auth.len == 0) return;
	if (a && assoc_in(a, SCTP_OPENING)) ret->mine = a->auth.mine;
	else auth_vector_begin(s, &so->set.auth, &ret->mine);
	ret->peers = r->auth;
	ret->able = ret->mine.len > 0;
	auth_agree(ret);
}

void open_receive_init(struct stack *s, struct packet *p, const struct sctp_hdr *h, const struct sctp_chunk *c, struct assoc *a)
{
	struct sctp_sock *so = a ? a->sock : listener(s, &p->dst, h->dst, addr_is_v4(&p->dst));
	uint32_t tag = c->len >= 4 ? read32(c->value) : 0;
	struct cookie_made m = {.my_tag = random_tag(s), .my_tsn = stack_random32(s)};
	struct init_read r;
	int cause;

	/* RFC 9260 §3.3.2: a tag of 0 is no tag: nobody could be told. */
	if (tag == 0) return;
	if (!so) {
		refuse(s, p, h, tag, 0);   /* RFC 9260 §8.4 (3) */
		return;
	}
	if (a && a->state == SCTP_SHUTDOWN_ACK_SENT) {
		/* RFC 9260 §9.2: the peer has lost our SHUTDOWN ACK. */
		out_control(a, assoc_path_to_send(a, NULL), CHUNK_SHUTDOWN_ACK, 0, NULL, 0);
		return;
	}
	cause = init_read(so, c, &p->src, &r);
	if (cause == 0 && a && !made_for(s, a, &r, &m)) cause = CAUSE_RESTART;
	if (cause) {
		refuse(s, p, h, tag, (uint16_t)cause);
		return;
	}
	offer_auth(s, so, a, &r, &m.auth);
	answer_init(s, so, p, h, &r, &m);
}

/* ---- COOKIE ECHO ---- */

static bool adopt(struct assoc *a, const struct cookie_read *k)
{
	if (assoc_streams_set(a, k->out_streams, k->in_streams) < 0) return false;
	a->my_tag = k->my_tag;
	a->peer_tag = k->peer_tag;
	a->peer_forwards = k->forwards;
	a->peer_adaptation = k->adaptation;
	a->has_peer_adaptation = k->has_adaptation;
	a->reconfig.able = k->reconfigures;
	a->auth = k->auth;
	a->ecn.able = k->marks;
	a->asconf.able = k->readdresses && k->auth.able;
	for (uint32_t i = 0; i < k->addrs.n; i++) assoc_add_path(a, &k->addrs.at[i], SCTP_UNCONFIRMED);
	assoc_peer_begins(a, k->peer_tsn, k->peer_rwnd);
	return true;
}

static void begin_tsns(struct assoc *a, uint32_t my_tsn)
{
	a->snd.iss = a->snd.next_tsn = my_tsn;
	a->snd.acked = a->snd.advanced = my_tsn - 1;
}

static void send_cookie_ack(struct assoc *a, const struct addr *to)
{
	struct path *p = assoc_path(a, to);

	out_control(a, p ? p : a->primary, CHUNK_COOKIE_ACK, 0, NULL, 0);
}

static struct assoc *make(struct stack *s, struct packet *p, const struct sctp_hdr *h, const struct cookie_read *k)
{
	struct sctp_sock *so = listener(s, &p->dst, h->dst, addr_is_v4(&p->dst)), *home = so;
	struct assoc *a;

	if (!so || (!so->many && so->n_accepting > so->backlog)) return NULL;
	if (!so->many) home = sctp_child(so, &p->src, h->src);
	a = home ? assoc_new(home, &p->src, h->src) : NULL;
	if (a && !adopt(a, k)) {
		assoc_free(a);
		a = NULL;
	}
	if (!a) {
		if (home && home != so) sock_close(&home->inet.sk);
		return NULL;
	}
	begin_tsns(a, k->my_tsn);
	a->rcv.rwnd_told = first_rwnd(so);
	if (home != so) {
		home->parent = so;
		list_append(&so->accepting, &home->accept_node);
		so->n_accepting++;
	}
	send_cookie_ack(a, &p->src);
	assoc_established(a);
	return a;
}

static void stale(struct stack *s, struct packet *p, const struct sctp_hdr *h, const struct cookie_read *k)
{
	uint8_t late[4];
	struct sctp_out o;

	write32(late, k->late_us);
	if (!out_begin(&o, SCTP_HDR_LEN + SCTP_CHUNK_HDR + 8)) return;
	sctp_param_emit(&(struct sctp_param){.type = CAUSE_STALE_COOKIE, .len = 4, .value = late}, out_chunk(&o, CHUNK_ERROR, 0, 8));
	out_answer(s, &o, p, h, k->peer_tag);
}

/* All that was of the earlier one is forgotten, but for what the program has not read yet. */
static struct assoc *restart(struct assoc *a, const struct cookie_read *k, const struct addr *from)
{
	if (a->state == SCTP_SHUTDOWN_ACK_SENT) {
		/* RFC 9260 §5.2.4 (A) */
		out_control(a, assoc_path_to_send(a, NULL), CHUNK_SHUTDOWN_ACK, 0, NULL, 0);
		out_error(a, assoc_path_to_send(a, NULL), CAUSE_IN_SHUTDOWN, NULL, 0);
		return NULL;
	}
	snd_fail_all(a, CAUSE_RESTART);
	reassembly_free(a);
	if (!adopt(a, k)) return NULL;
	begin_tsns(a, k->my_tsn);
	reconfig_begin(a);
	asconf_begin(a);
	ecn_begin(a);
	list_each(struct path, p, &a->paths, node) {
		path_begin(p);
		p->errors = 0;
	}
	a->errors = 0;
	a->snd.recovering = false;
	a->rcv.n_ssn = 0;
	a->rcv.n_dups = a->rcv.packets = 0;
	timer_clear(assoc_stack(a), &a->t2);
	timer_clear(assoc_stack(a), &a->guard);
	a->state = SCTP_ESTABLISHED;
	send_cookie_ack(a, from);
	notify_change(a, SCTP_RESTART, 0);
	if (!a->auth.able) notify_key(a, 0, SCTP_AUTH_NO_AUTH);
	if (a->sock->inet.sk.closed) shutdown_begin(a);
	return a;
}

static struct assoc *collide(struct assoc *a, const struct cookie_read *k, const struct addr *from)
{
	bool opening = assoc_in(a, SCTP_OPENING);

	if (opening && !adopt(a, k)) return NULL;
	a->peer_tag = k->peer_tag;
	send_cookie_ack(a, from);
	if (opening) assoc_established(a);
	sctp_output(a);
	return a;
}

/* RFC 4895 §6.3: AUTH before a cookie is about the association that the cookie makes. */
static bool is_authentic(struct stack *s, struct packet *p, const struct sctp_hdr *h, const struct cookie_read *k, const struct sctp_chunk *auth,
			 const struct assoc *a)
{
	const struct sctp_sock *so = a ? a->sock : listener(s, &p->dst, h->dst, addr_is_v4(&p->dst));

	if (!k->auth.able || !so) return !auth;
	if (!auth) return !auth_needs(&k->auth.mine, CHUNK_COOKIE_ECHO);
	return auth_verify(s, &k->auth, a ? &a->keys : &so->keys, auth, p) == AUTH_RIGHT;
}

struct assoc *open_receive_cookie(struct stack *s, struct packet *p, const struct sctp_hdr *h, const struct sctp_chunk *c, const struct sctp_chunk *auth,
				  struct assoc *a)
{
	struct cookie_read k;
	bool mine, peers;

	if (!cookie_read(s, c, p, h, &k) || !is_authentic(s, p, h, &k, auth, a)) return NULL;
	mine = a && k.my_tag == a->my_tag;
	peers = a && k.peer_tag == a->peer_tag;
	/* RFC 9260 §5.1.5 (4), §5.2.4 (3): old ones are refused, but of the very association that there is. */
	if (k.stale && !(mine && peers)) {
		stale(s, p, h, &k);
		return NULL;
	}
	if (!a) return make(s, p, h, &k);
	if (mine && peers) {
		if (assoc_in(a, SCTP_OPENING)) assoc_established(a);
		send_cookie_ack(a, &p->src);
		sctp_output(a);
		return a;
	}
	if (mine) return collide(a, &k, &p->src);
	if (!peers && k.my_tie == tie_of(s, a->my_tag) && k.peer_tie == tie_of(s, a->peer_tag)) return restart(a, &k, &p->src);
	return NULL;
}
