/*
 * The handshakes.
 *
 *     the first subflow                                    one that joins
 *     SYN      MP_CAPABLE                                  MP_JOIN  token, nonce
 *     SYN ACK  MP_CAPABLE  key of B                        MP_JOIN  proof of B (64 bits), nonce
 *     ACK      MP_CAPABLE  both keys                       MP_JOIN  proof of A (160 bits)
 *     text     MP_CAPABLE  both keys, length               ACK: from now on A may send, too
 *
 * A side that misses its option falls back to TCP, as long as there is but one subflow; a join that misses one is reset.
 *
 * Read first: RFC 8684 §3.1, §3.2, §3.7.
 */
#include <errno.h>
#include <stdlib.h>
#include "base/secret.h"
#include "stack/mptcp/msk.h"

#define EXTENSIBLE 0x40                  /* flag B of MP_CAPABLE: no version that we know */

static bool flags_understood(uint8_t flags) { return (flags & MPTCP_SHA256) && !(flags & EXTENSIBLE); }

/* ---- the connection ---- */

/* Both are known: the sequence numbers begin. false: no ciphers. */
static bool set_keys(struct mptcp_sock *msk, uint64_t local, uint64_t remote)
{
	uint64_t own, other;

	msk->local_key = local;
	msk->remote_key = remote;
	if (!key_digest(msk_stack(msk), local, &msk->token, &own) || !key_digest(msk_stack(msk), remote, &msk->remote_token, &other)) return false;
	msk->snd.una = msk->snd.nxt = own + 1;
	msk->rcv.begin = msk->rcv.nxt = msk->rcv.edge = other + 1;
	return true;
}

int msk_token_take(struct mptcp_sock *msk)
{
	struct stack *s = msk_stack(msk);

	if (hash_insert(&s->mptcp->tokens, &msk->by_token, stack_hash(s, &msk->token, sizeof msk->token)) < 0) return -ENOMEM;
	msk->hashed = true;
	return 0;
}

/* What the one subflow was given is TCP's to bring there now. */
void msk_fall_back(struct mptcp_sock *msk)
{
	if (msk->fallback) return;
	msk->fallback = true;
	if (msk->hashed) hash_remove(&msk_stack(msk)->mptcp->tokens, &msk->by_token);
	msk->hashed = false;
	ring_consume(&msk->snd.queue, (size_t)(msk->snd.nxt - msk->snd.una));
	msk->snd.una = msk->snd.again = msk->snd.again_end = msk->snd.nxt;
	timer_clear(msk_stack(msk), &msk->timer.again);
	msk_schedule(msk);
}

void subflow_established_fully(struct subflow *sub)
{
	sub->fully = true;
	if (sub == sub->msk->first) pm_established(sub->msk);
	msk_schedule(sub->msk);
}

/* ---- whoever listens ---- */

static bool join_requested(struct tcp_sock *child, const struct mptcp_join *j)
{
	struct stack *s = conn_stack(child);
	struct mptcp_sock *msk = token_find(s, j->token);
	struct subflow *sub;

	if (!msk || !pm_takes_join(msk)) return false;
	sub = subflow_new(child);
	if (!sub) return false;
	sub->join = sub->agreed = true;
	sub->token = j->token;
	sub->remote_nonce = j->nonce;
	sub->remote_id = j->id;
	sub->peer_backup = j->backup;
	sub->local_nonce = stack_random32(s);
	sub->local_id = pm_local_id(s, msk, &child->inet.laddr, &sub->backup);
	sub->local_key = msk->local_key;
	sub->remote_key = msk->remote_key;
	return true;
}

static void capable_requested(struct tcp_sock *child, const struct mptcp_capable *c)
{
	uint64_t key = flags_understood(c->flags) ? key_new(conn_stack(child)) : 0;
	struct subflow *sub = key ? subflow_new(child) : NULL;

	/* RFC 8684 §3.1: what is not understood is answered as by TCP. */
	if (!sub) return;
	sub->agreed = true;
	sub->local_key = key;
	/* RFC 8684 §3.1: one side's wish for checksums is enough. */
	sub->checksum = (c->flags & MPTCP_CHECKSUM) || conn_sysctl(child)->mptcp_checksum_enabled;
}

bool mptcp_syn_received(struct tcp_sock *child, const struct segment *g)
{
	struct mptcp_opts o;

	mptcp_parse(&o, &g->h.opts, g->h.flags);
	if (MPTCP_HAS(&o, MPTCP_JOIN) && !MPTCP_HAS(&o, MPTCP_CAPABLE)) return join_requested(child, &o.join);
	if (MPTCP_HAS(&o, MPTCP_CAPABLE) && !MPTCP_HAS(&o, MPTCP_JOIN) && !g->h.opts.has_cookie && conn_sysctl(child)->mptcp_enabled)
		capable_requested(child, &o.capable);
	return true;
}

static void stay_plain(struct tcp_sock *child)
{
	struct subflow *sub = child->mptcp;

	child->mptcp = NULL;
	free(sub);
}

static bool msk_of_child(struct tcp_sock *child, const struct segment *g, const struct mptcp_capable *c)
{
	struct subflow *sub = child->mptcp;
	struct mptcp_sock *msk;

	if (msk_new(conn_stack(child), child->wait.parent->mptcp->msk, &msk) < 0) return false;
	msk->inet.sk.domain = child->inet.sk.domain;
	if (!set_keys(msk, sub->local_key, c->sender) || token_find(conn_stack(child), msk->token) || msk_token_take(msk) < 0) {
		msk_free(msk);
		return false;
	}
	msk->server = true;
	msk->deny_id0 = c->flags & MPTCP_NO_ID0;
	msk->checksum = sub->checksum;
	msk->state = MSK_OPEN;
	msk->snd.wnd_end = msk->snd.una + g->wnd;
	msk->rcv.edge = msk->rcv.nxt + child->rcv.wnd;
	subflow_attach(sub, msk);
	msk_mirror(msk);
	return true;
}

static bool join_proven(struct subflow *sub, struct mptcp_sock *msk, const struct mptcp_opts *o)
{
	uint8_t hmac[32];

	if (!msk || !MPTCP_HAS(o, MPTCP_JOIN) || !pm_takes_join(msk)) return false;
	if (!key_join_hmac(msk_stack(msk), msk->remote_key, msk->local_key, sub->remote_nonce, sub->local_nonce, hmac)) return false;
	return secret_equal(hmac, o->join.hmac, MPTCP_HMAC_LEN);
}

/* RFC 8684 §3.2: with the right proof it belongs to the connection; its ACK says so. */
static enum mptcp_third join_third_ack(struct tcp_sock *child, const struct mptcp_opts *o)
{
	struct subflow *sub = child->mptcp;
	struct mptcp_sock *msk = token_find(conn_stack(child), sub->token);

	if (!join_proven(sub, msk, o)) return MPTCP_REFUSED;
	listen_forget(child);
	subflow_attach(sub, msk);
	msk->pm.extra++;
	sub->fully = true;
	tcp_need_ack(child, TCP_ACK_NOW);
	msk_schedule(msk);
	return MPTCP_JOINED;
}

enum mptcp_third mptcp_third_ack(struct tcp_sock *child, const struct segment *g)
{
	struct subflow *sub = child->mptcp;
	struct mptcp_opts o;

	mptcp_parse(&o, &g->h.opts, g->h.flags);
	if (sub->join) return join_third_ack(child, &o);
	/* RFC 8684 §3.1: without both keys in the third ACK it is TCP. */
	if (!MPTCP_HAS(&o, MPTCP_CAPABLE) || o.capable.receiver != sub->local_key || !msk_of_child(child, g, &o.capable)) {
		stay_plain(child);
		return MPTCP_QUEUE;
	}
	subflow_established_fully(sub);
	mptcp_segment(child, g);
	return MPTCP_QUEUE;
}

/* ---- whoever connects ---- */

static bool capable_answered(struct subflow *sub, const struct mptcp_opts *o)
{
	struct mptcp_sock *msk = sub->msk;

	msk->state = MSK_OPEN;
	msk_mirror(msk);
	if (!sub->asks || !MPTCP_HAS(o, MPTCP_CAPABLE) || !flags_understood(o->capable.flags) || !set_keys(msk, msk->local_key, o->capable.sender)) {
		msk_fall_back(msk);
		return true;
	}
	sub->agreed = true;
	msk->checksum = (o->capable.flags & MPTCP_CHECKSUM) || msk_sysctl(msk)->mptcp_checksum_enabled;
	msk->deny_id0 = o->capable.flags & MPTCP_NO_ID0;
	msk->snd.wnd_end = msk->snd.una + sub->conn->snd.wnd;
	msk->rcv.edge = msk->rcv.nxt + sub->conn->rcv.wnd;
	msk_schedule(msk);
	return true;
}

/* As Linux: where both sides open at once it is TCP. */
void mptcp_opened(struct tcp_sock *conn)
{
	struct mptcp_sock *msk = conn->mptcp->msk;

	if (!msk || msk->state != MSK_OPENING) return;
	msk->state = MSK_OPEN;
	msk_mirror(msk);
	msk_fall_back(msk);
}

bool mptcp_syn_answered(struct tcp_sock *conn, const struct segment *g)
{
	struct subflow *sub = conn->mptcp;
	struct mptcp_sock *msk = sub->msk;
	struct mptcp_opts o;
	uint8_t hmac[32], *short_hmac = (uint8_t[8]){0};

	if (!msk) return true;
	mptcp_parse(&o, &g->h.opts, g->h.flags);
	if (!sub->join) return capable_answered(sub, &o);
	if (!MPTCP_HAS(&o, MPTCP_JOIN)) return false;
	sub->remote_nonce = o.join.nonce;
	if (!key_join_hmac(conn_stack(conn), msk->remote_key, msk->local_key, sub->remote_nonce, sub->local_nonce, hmac)) return false;
	write32(short_hmac, (uint32_t)(o.join.short_hmac >> 32));
	write32(short_hmac + 4, (uint32_t)o.join.short_hmac);
	/* RFC 8684 §3.2: who can't prove that it has the keys is reset. */
	if (!secret_equal(hmac, short_hmac, 8)) return false;
	sub->agreed = true;
	sub->peer_backup = o.join.backup;
	if (!sub->remote_id) sub->remote_id = o.join.id;
	again_arm(msk);
	return true;
}

static int join_connect(struct subflow *sub, const struct addr *from, const struct addr *to, uint16_t port)
{
	struct sock *sk = &sub->conn->inet.sk;
	struct sockaddr_storage a;
	socklen_t len;
	int r = 0;

	if (!addr_is_any(from)) {
		sockaddr_emit(sk->domain, from, 0, 0, &a, &len);
		r = sock_bind(sk, (struct sockaddr *)&a, len);
	}
	sockaddr_emit(sk->domain, to, port, 0, &a, &len);
	if (r == 0) r = sock_connect(sk, (struct sockaddr *)&a, len);
	return r == -EINPROGRESS ? 0 : r;
}

int subflow_join(struct mptcp_sock *msk, const struct addr *from, int if_index, const struct addr *to, uint16_t port, uint8_t local_id,
		 uint8_t remote_id, bool backup)
{
	struct subflow *sub;
	int r;

	if (msk->inet.sk.domain == AF_INET && !addr_is_v4(to)) return -EAFNOSUPPORT;
	if (!addr_is_any(from) && addr_is_v4(from) != addr_is_v4(to)) return -EAFNOSUPPORT;
	r = subflow_make(msk, &sub);
	if (r < 0) return r;
	sub->join = sub->active = sub->asks = true;
	sub->backup = backup;
	sub->local_id = local_id;
	sub->remote_id = remote_id;
	sub->local_nonce = stack_random32(msk_stack(msk));
	if (if_index) sub->conn->inet.sk.bound_if = netif_by_index(msk_stack(msk), if_index);
	r = join_connect(sub, from, to, port);
	if (r < 0) subflow_leave(sub);
	return r;
}
