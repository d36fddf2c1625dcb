/*
 * send: a message, what the program says of it, and the association it goes to, which it may begin.
 *
 * Read first: RFC 6458 §3.1.4, §5.3, Linux's sctp_sendmsg.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/ancillary.h"

#define FLAGS_KNOWN (SCTP_UNORDERED | SCTP_ADDR_OVER | SCTP_SACK_IMMEDIATELY | SCTP_SENDALL | SCTP_PR_SCTP_MASK | SCTP_ABORT | SCTP_EOF)

/* What a call asks for; without control messages, the association's defaults. */
struct wish {
	struct sctp_initmsg init; bool has_init, has_info, has_pr, old;
	uint16_t stream, flags, policy;
	uint32_t ppid, context, lifetime_ms, pr_value;
	sctp_assoc_t id;
	bool has_key; uint16_t key;            /* SCTP_AUTHINFO */
	struct sctp_addrs also;                /* SCTP_DSTADDRV4, SCTP_DSTADDRV6 */
};

/* ---- control messages ---- */

static int read_info(const struct cmsg_in *c, struct wish *w)
{
	struct sctp_sndinfo i;

	if (c->len != sizeof i) return -EINVAL;
	memcpy(&i, c->data, sizeof i);
	w->has_info = true;
	w->stream = i.snd_sid;
	w->flags = i.snd_flags;
	w->ppid = i.snd_ppid;
	w->context = i.snd_context;
	w->id = i.snd_assoc_id;
	return i.snd_flags & ~(FLAGS_KNOWN & ~SCTP_PR_SCTP_MASK) ? -EINVAL : 0;
}

static int read_old_info(const struct cmsg_in *c, struct wish *w)
{
	struct sctp_sndrcvinfo i;

	if (c->len != sizeof i) return -EINVAL;
	memcpy(&i, c->data, sizeof i);
	w->has_info = w->old = true;
	w->stream = i.sinfo_stream;
	w->flags = i.sinfo_flags;
	w->ppid = i.sinfo_ppid;
	w->context = i.sinfo_context;
	w->lifetime_ms = i.sinfo_timetolive;
	w->id = i.sinfo_assoc_id;
	return i.sinfo_flags & ~FLAGS_KNOWN ? -EINVAL : 0;
}

static int read_address(const struct sctp_sock *so, const struct cmsg_in *c, struct wish *w)
{
	bool v4 = c->type == SCTP_DSTADDRV4;
	struct addr a;

	if (c->len != (v4 ? 4 : 16)) return -EINVAL;
	a = v4 ? addr_v4_octets(c->data) : addr_v6_octets(c->data);
	if (!sctp_addr_can_be_peer(so, &a)) return -EINVAL;
	sctp_addrs_add(&w->also, &a);
	return 0;
}

static int read_policy(const struct cmsg_in *c, struct wish *w)
{
	struct sctp_prinfo i;

	if (c->len != sizeof i) return -EINVAL;
	memcpy(&i, c->data, sizeof i);
	if (i.pr_policy & ~SCTP_PR_SCTP_MASK || i.pr_policy == SCTP_PR_SCTP_PRIO) return -EINVAL;
	w->has_pr = true;
	w->policy = i.pr_policy;
	w->pr_value = i.pr_policy == SCTP_PR_SCTP_NONE ? 0 : i.pr_value;
	return 0;
}

static int read_key(const struct cmsg_in *c, struct wish *w)
{
	struct sctp_authinfo i;

	if (c->len != sizeof i) return -EINVAL;
	memcpy(&i, c->data, sizeof i);
	w->has_key = true;
	w->key = i.auth_keynumber;
	return 0;
}

static int read_one(const struct sctp_sock *so, const struct cmsg_in *c, struct wish *w)
{
	if (c->level != IPPROTO_SCTP) return 0;
	switch (c->type) {
	case SCTP_INIT:
		if (c->len != sizeof w->init) return -EINVAL;
		memcpy(&w->init, c->data, sizeof w->init);
		w->has_init = true;
		return 0;
	case SCTP_SNDRCV: return read_old_info(c, w);
	case SCTP_SNDINFO: return read_info(c, w);
	case SCTP_PRINFO: return read_policy(c, w);
	case SCTP_DSTADDRV4:
	case SCTP_DSTADDRV6: return read_address(so, c, w);
	case SCTP_AUTHINFO: return read_key(c, w);
	default: return -EINVAL;
	}
}

static int wish_read(const struct sctp_sock *so, const struct sock_msg *m, struct wish *w)
{
	size_t at = 0;
	struct cmsg_in c;
	int r;

	while ((r = cmsg_next(m, &at, &c)) > 0) {
		r = read_one(so, &c, w);
		if (r < 0) return r;
	}
	if (r < 0) return r;
	/* As Linux: the policy of an older struct's flags takes its lifetime for the value. */
	if (w->old && (w->flags & SCTP_PR_SCTP_MASK)) {
		w->policy = w->flags & SCTP_PR_SCTP_MASK;
		w->pr_value = w->lifetime_ms;
		w->has_pr = true;
		if (w->policy == SCTP_PR_SCTP_PRIO) return -EINVAL;
	}
	return 0;
}

static void wish_complete(const struct assoc_settings *set, struct wish *w)
{
	if (!w->has_info) {
		w->stream = set->send.stream;
		w->flags = set->send.flags;
		w->ppid = set->send.ppid;
		w->context = set->send.context;
		w->lifetime_ms = set->send.lifetime_ms;
	}
	if (w->has_pr) return;
	w->policy = set->pr_policy;
	w->pr_value = set->pr_value;
}

/* ---- pieces ---- */

static struct out_piece *piece_new(struct out_msg *m, const uint8_t *data, uint32_t len)
{
	struct out_piece *q = malloc(sizeof *q + len);

	if (!q) return NULL;
	memset(q, 0, sizeof *q);
	list_init(&q->node);
	q->msg = m;
	m->refs++;
	q->len = len;
	memcpy(q->data, data, len);
	return q;
}

static void join(struct assoc *a, struct list *pieces)
{
	while (!list_empty(pieces)) {
		struct out_piece *q = list_entry(list_pop(pieces), struct out_piece, node);
		uint32_t cost = q->len + (uint32_t)sizeof *q;
		list_append(&a->snd.queue, &q->node);
		a->snd.unsent += q->len;
		a->snd.queued += cost;
		a->sock->queued += cost;
	}
}

/* Takes m. */
static int queue_message(struct assoc *a, struct out_msg *m, const void *data, size_t len)
{
	uint32_t most = assoc_fragment_point(a), order = m->flags & SCTP_UNORDERED ? CHUNK_DATA_U : 0;
	struct list pieces = LIST_INIT(pieces);

	m->refs = 1;
	m->delayable = len < most;
	for (size_t at = 0; at < len;) {
		uint32_t n = (uint32_t)MIN(len - at, most);
		struct out_piece *q = piece_new(m, (const uint8_t *)data + at, n);
		if (!q) {
			while (!list_empty(&pieces)) {
				out_msg_unref(m);
				free(list_entry(list_pop(&pieces), struct out_piece, node));
			}
			out_msg_unref(m);
			return -ENOBUFS;
		}
		q->flags = (uint8_t)(order | (at == 0 ? CHUNK_DATA_B : 0) | (at + n == len ? CHUNK_DATA_E : 0));
		if (m->flags & SCTP_SACK_IMMEDIATELY && at + n == len) q->flags |= CHUNK_DATA_I;
		list_append(&pieces, &q->node);
		at += n;
	}
	join(a, &pieces);
	out_msg_unref(m);
	a->snd.was_dry = false;
	return 0;
}

static struct out_msg *message_of(const struct assoc *a, const struct wish *w, const struct path *to)
{
	struct out_msg *m = calloc(1, sizeof *m);

	if (!m) return NULL;
	m->context = w->context;
	m->ppid = w->ppid;
	m->stream = w->stream;
	m->flags = w->flags;
	m->policy = w->policy;
	m->policy_value = w->pr_value;
	m->dies_at = TIME_NEVER;
	if (w->policy == SCTP_PR_SCTP_TTL) m->dies_at = assoc_now(a) + w->pr_value * NS_PER_MS;
	else if (w->policy == SCTP_PR_SCTP_NONE && w->lifetime_ms) m->dies_at = assoc_now(a) + w->lifetime_ms * NS_PER_MS;
	m->key = w->has_key ? w->key : a->keys.active;
	m->over = to;
	if (to) m->to = to->addr;
	return m;
}

/* ---- the call ---- */

static int check(const struct sock_msg *m, const struct wish *w)
{
	bool ends = w->flags & (SCTP_EOF | SCTP_ABORT);

	if (((w->flags & SCTP_EOF) && m->len > 0) || (!ends && m->len == 0)) return -EINVAL;
	if ((w->flags & SCTP_ADDR_OVER) && !m->name) return -EINVAL;
	if (w->flags & SCTP_SENDALL) return -EOPNOTSUPP;
	return 0;
}

static ssize_t begin(struct sctp_sock *so, const struct wish *w, const struct addr *peer, uint16_t port, struct assoc **ret)
{
	struct sctp_addrs all = {.n = 1, .at = {*peer}};

	if (w->flags & (SCTP_EOF | SCTP_ABORT)) return -EINVAL;
	if (!so->many && (so->established || so->peeled)) return -EADDRNOTAVAIL;
	for (uint32_t i = 0; i < w->also.n; i++) sctp_addrs_add(&all, &w->also.at[i]);
	return sctp_connect_to(so, &all, port, w->has_init ? &w->init : NULL, ret);
}

/* The association, and where in particular. 1, or the call's result: 0 when it was an end, not a message. */
static ssize_t aim(struct sctp_sock *so, const struct sock_msg *m, struct wish *w, struct assoc **ret, struct path **ret_to)
{
	struct addr peer;
	uint16_t port;
	uint32_t scope;
	struct assoc *a;
	ssize_t r;

	*ret_to = NULL;
	if (m->name && !so->peeled) {
		r = inet_sockaddr_parse(&so->inet, m->name, m->name_len, &peer, &port, &scope);
		if (r < 0 || port == 0 || !sctp_addr_can_be_peer(so, &peer)) return -EINVAL;
		a = assoc_to(so, &peer, port);
		if (!a) {
			r = begin(so, w, &peer, port, &a);
			if (r < 0) return r;
		}
		if (!so->many || w->flags & SCTP_ADDR_OVER) *ret_to = assoc_path(a, &peer);
	} else {
		a = assoc_find(so, w->id);
		if (!a) return -EPIPE;
	}
	*ret = a;
	return 1;
}

static ssize_t end(struct assoc *a, const struct sock_msg *m, const struct wish *w)
{
	if (w->flags & SCTP_ABORT)
		assoc_abort(a, m->data, m->len);
	else
		shutdown_begin(a);
	return (ssize_t)m->len;
}

static ssize_t send_on(struct assoc *a, struct path *to, const struct sock_msg *m, struct wish *w)
{
	struct sctp_sock *so = a->sock;
	uint16_t streams = a->out_streams ? a->out_streams : a->set.init.sinit_num_ostreams;
	struct out_msg *msg;
	int r;

	if (w->stream >= streams || (w->has_key && !auth_key_find(&a->keys, w->key))) return -EINVAL;
	if (so->no_fragments && m->len > assoc_fragment_point(a)) return -EMSGSIZE;
	if (!assoc_in(a, SCTP_OPENING | SCTP_S_(ESTABLISHED))) return -ESHUTDOWN;
	if (so->queued >= so->inet.sk.sndbuf) return -EAGAIN;
	msg = message_of(a, w, to);
	if (!msg) return -ENOBUFS;
	if (msg->dies_at != TIME_NEVER || msg->policy) a->snd.mortal = true;
	r = queue_message(a, msg, m->data, m->len);
	if (r < 0) return r;
	autoclose_touch(a);
	sctp_output(a);
	return (ssize_t)m->len;
}

ssize_t sctp_send(struct sock *sk, const struct sock_msg *m)
{
	struct sctp_sock *so = sctp_of(sk);
	struct wish w = {0};
	struct assoc *a = NULL;
	struct path *to;
	ssize_t r;

	if (!so->many && sk->listening) return -EPIPE;
	if (m->len > sk->sndbuf) return -EMSGSIZE;
	r = wish_read(so, m, &w);
	if (r == 0 && !w.has_info) {
		a = assoc_find(so, 0);
		wish_complete(a ? &a->set : &so->set, &w);
	} else if (r == 0) {
		wish_complete(&so->set, &w);
	}
	if (r == 0) r = check(m, &w);
	if (r == 0) r = aim(so, m, &w, &a, &to);
	if (r == -EPIPE && sk->err) return -sock_take_error(sk);
	if (r <= 0) return r;
	if (m->unread) return -EFAULT;
	if (w.flags & (SCTP_EOF | SCTP_ABORT)) return end(a, m, &w);
	return send_on(a, to, m, &w);
}
