/*
 * What a program asks of a socket of Multipath TCP. Until it is connected its first subflow does the work: it has the address, the port and, of a
 * listener, the queues.
 *
 * Read first: Linux's Documentation/networking/mptcp.rst.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "stack/mptcp/msk.h"
#include "stack/socket/family.h"

/* ---- birth and end ---- */

static int mptcp_init(struct sock *sk)
{
	struct mptcp_sock *msk = msk_of(sk);
	int r = inet_sock_init(sk);

	if (r < 0) return r;
	sk->rcvbuf = (uint32_t)sk->stack->sysctl->tcp_rmem[1];
	sk->sndbuf = (uint32_t)sk->stack->sysctl->tcp_wmem[1];
	list_init(&msk->subflows);
	ring_init(&msk->snd.queue);
	ring_init(&msk->rcv.queue);
	msk->accepted = true;
	msk->timer.work.fire = work_fire;
	msk->timer.again.fire = again_fire;
	msk->timer.end.fire = end_fire;
	msk->pm.timer.fire = pm_fire;
	return 0;
}

int msk_new(struct stack *s, const struct mptcp_sock *parent, struct mptcp_sock **ret)
{
	struct sock *sk;
	int r = sock_alloc(s, &mptcp_ops, parent->inet.sk.domain, SOCK_STREAM, IPPROTO_MPTCP, &sk);

	if (r < 0) return r;
	conn_inherit_sock(&msk_of(sk)->inet, &parent->inet);
	msk_of(sk)->accepted = false;
	*ret = msk_of(sk);
	return 0;
}

/* What the connection was, and no subflow any more. */
static void forget(struct mptcp_sock *msk)
{
	struct stack *s = msk_stack(msk);

	if (msk->hashed) hash_remove(&s->mptcp->tokens, &msk->by_token);
	msk->hashed = false;
	timer_clear(s, &msk->timer.work);
	timer_clear(s, &msk->timer.again);
	timer_clear(s, &msk->timer.end);
	timer_clear(s, &msk->pm.timer);
	ring_free(&msk->snd.queue);
	ring_free(&msk->rcv.queue);
	early_free(msk);
}

void msk_free(struct mptcp_sock *msk)
{
	struct list *n;

	msk->first = NULL;
	while ((n = list_pop(&msk->subflows))) {
		struct subflow *sub = list_entry(n, struct subflow, node);
		sub->msk = NULL;
		conn_free(sub->conn);
	}
	forget(msk);
	inet_sock_done(&msk->inet.sk);
	sock_free(&msk->inet.sk);
}

int msk_first(struct mptcp_sock *msk)
{
	struct subflow *sub;

	return msk->first ? 0 : subflow_make(msk, &sub);
}

void msk_mirror(struct mptcp_sock *msk)
{
	const struct inet_sock *is = msk->first ? &msk->first->conn->inet : NULL;

	if (!is) return;
	msk->inet.laddr = is->laddr;
	msk->inet.lport = is->lport;
	msk->inet.raddr = is->raddr;
	msk->inet.rport = is->rport;
	msk->inet.scope = is->scope;
}

static struct sock *first_of(struct mptcp_sock *msk) { return &msk->first->conn->inet.sk; }

/* ---- calls ---- */

static int mptcp_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct mptcp_sock *msk = msk_of(sk);
	int r = msk->state == MSK_NEW || msk->state == MSK_LISTEN ? msk_first(msk) : -EINVAL;

	if (r == 0) r = tcp_ops.bind(first_of(msk), a, len);
	if (r == 0) msk_mirror(msk);
	return r;
}

/* As a new socket, with its options and the name that bind() gave it. */
static void disconnect(struct mptcp_sock *msk)
{
	struct sock *sk = &msk->inet.sk;

	list_each(struct subflow, sub, &msk->subflows, node)
		if (sub != msk->first) {
			subflow_reset(sub, 0);
			subflow_leave(sub);
		}
	if (msk->first) {
		struct subflow *sub = msk->first;
		sub->fastclose = !msk->fallback;      /* as Linux */
		conn_disconnect(sub->conn);
		first_of(msk)->err = 0;
		maps_free(&sub->in);
		maps_free(&sub->out);
		*sub = (struct subflow){.node = sub->node, .msk = msk, .conn = sub->conn};
	}
	forget(msk);
	memset(&msk->snd, 0, sizeof msk->snd);
	memset(&msk->rcv, 0, sizeof msk->rcv);
	msk->pm = (struct msk_pm){.timer = {.fire = pm_fire}};
	msk->fallback = msk->checksum = msk->ack64 = msk->finishing = msk->fastclosed = msk->server = msk->deny_id0 = msk->ack_all = false;
	msk->state = MSK_NEW;
	sk->listening = false;
	sk->shut = 0;
	sk->lent = sk->beside = 0;
	sock_ready(sk);      /* as Linux: its name stays */
}

static int begin(struct mptcp_sock *msk)
{
	struct subflow *sub = msk->first;
	uint64_t idsn;

	sub->active = true;
	sub->dead = false;
	sub->asks = !md5_find(sub->conn, &sub->conn->inet.raddr);
	msk->local_key = key_new(msk_stack(msk));
	if (!msk->local_key || !key_digest(msk_stack(msk), msk->local_key, &msk->token, &idsn)) return -ENOBUFS;
	msk->snd.una = msk->snd.nxt = msk->snd.again = msk->snd.again_end = idsn + 1;
	return msk_token_take(msk);
}

void msk_unopened(struct mptcp_sock *msk)
{
	if (msk->hashed) hash_remove(&msk_stack(msk)->mptcp->tokens, &msk->by_token);
	msk->hashed = false;
	msk->state = MSK_NEW;
}

static int mptcp_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct mptcp_sock *msk = msk_of(sk);
	bool fresh = msk->state == MSK_NEW;
	int r = msk_first(msk);

	if (r < 0) return r;
	if (a->sa_family == AF_UNSPEC) {
		disconnect(msk);
		return 0;
	}
	if (msk->state == MSK_CLOSED) return -EINVAL;
	if (fresh) r = begin(msk);
	if (r < 0) return r;
	if (sk->err) first_of(msk)->err = sock_take_error(sk);
	if (fresh) msk->state = MSK_OPENING;
	r = tcp_connect(first_of(msk), a, len);
	if (r < 0 && r != -EINPROGRESS && r != -EALREADY && r != -EISCONN) msk_unopened(msk);
	else msk_mirror(msk);      /* as Linux: the name of one that came to nothing stays */
	return r;
}

static int mptcp_listen(struct sock *sk, int backlog)
{
	struct mptcp_sock *msk = msk_of(sk);
	int r = msk->state == MSK_NEW || msk->state == MSK_LISTEN ? msk_first(msk) : -EINVAL;

	if (r == 0) r = tcp_ops.listen(first_of(msk), backlog);
	if (r < 0) return r;
	msk->first->listener = true;
	msk->state = MSK_LISTEN;
	sk->listening = true;
	msk_mirror(msk);
	return 0;
}

/* As Linux: who came with plain TCP has a socket of TCP. */
static int mptcp_accept(struct sock *sk, struct sock **ret)
{
	struct mptcp_sock *msk = msk_of(sk);
	struct sock *child;
	int r = msk->state == MSK_LISTEN ? tcp_ops.accept(first_of(msk), &child) : -EINVAL;

	if (r < 0) return r;
	*ret = child;
	if (!tcp_of(child)->mptcp) return 0;
	msk = tcp_of(child)->mptcp->msk;
	msk->accepted = true;
	*ret = &msk->inet.sk;
	return 0;
}

void mptcp_listener_ready(struct tcp_sock *conn)
{
	if (conn->mptcp->msk) sock_ready(&conn->mptcp->msk->inet.sk);
}

static int mptcp_shutdown(struct sock *sk, int how)
{
	struct mptcp_sock *msk = msk_of(sk);
	uint8_t halves = (uint8_t)(how + 1);

	switch (msk->state) {
	case MSK_NEW:
		/* As TCP of one that came to nothing. */
		if (msk->first && msk->first->conn->use == TCP_CONNECTING) msk->first->conn->use = TCP_DISCONNECTING;
		sk->shut |= halves;
		sock_ready(sk);
		return -ENOTCONN;
	case MSK_LISTEN:
	case MSK_OPENING:
		if (msk->state == MSK_OPENING || (halves & 1)) disconnect(msk);
		return 0;
	case MSK_CLOSED: return -ENOTCONN;
	default: break;
	}
	sk->shut |= halves;
	if (halves & 2) msk_send_fin(msk);
	msk_schedule(msk);
	sock_ready(sk);
	return 0;
}

/* ---- asking ---- */

static uint32_t mptcp_poll(const struct sock *sk)
{
	struct mptcp_sock *msk = msk_of(sk);
	uint32_t ready = 0, queued = msk->rcv.queue.len;
	bool opening = msk->state == MSK_OPENING && first_of(msk)->err == 0 && msk->first->conn->state != TCPS_CLOSED;

	if (msk->state == MSK_LISTEN) return tcp_ops.poll(first_of(msk));
	if (sk->shut == 3 || msk->state == MSK_CLOSED || msk->state == MSK_NEW || (msk->state == MSK_OPENING && !opening)) ready |= EPOLLHUP;
	if (sk->shut & 1) ready |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (!opening && queued >= (uint32_t)MAX(sk->rcvlowat, 1)) ready |= EPOLLIN | EPOLLRDNORM;
	if (!opening && ((sk->shut & 2) || msk_writable(msk))) ready |= EPOLLOUT | EPOLLWRNORM;
	if (sk->err) ready |= EPOLLERR;
	return ready;
}

static int mptcp_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	if (peer && msk_of(sk)->state != MSK_OPEN) return -ENOTCONN;
	return inet_name_of(sk, peer, ret, ret_len);
}

/* As Linux: the end counts as an octet, where there is nothing else. */
static bool msk_is_over(const struct mptcp_sock *msk) { return msk->state == MSK_NEW || msk->state == MSK_CLOSED || msk->inet.sk.shut & 1; }

static int mptcp_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	const struct mptcp_sock *msk = msk_of(sk);
	int v, given = msk->fallback && msk->first ? (int)msk->first->conn->snd.queue.len : 0;

	switch (request) {
	case SIOCINQ: v = msk->rcv.queue.len ? (int)msk->rcv.queue.len : msk_is_over(msk); break;
	case SIOCOUTQ: v = msk->state == MSK_LISTEN ? 0 : (int)msk->snd.queue.len + given + (msk->snd.fin && !msk->snd.fin_acked); break;
	case SIOCATMARK: return -ENOTTY;
	case SIOCOUTQNSD: v = msk->state == MSK_LISTEN ? -EINVAL : (int)(msk_end(msk) - msk->snd.nxt); break;
	default: return inet_ioctl(sk, request, arg, len);
	}
	if ((msk->state == MSK_LISTEN && request == SIOCINQ) || len < sizeof v) return -EINVAL;
	memcpy(arg, &v, sizeof v);
	return 0;
}

bool mptcp_tells_inq(const struct sock *sk) { return mptcp_is(sk) && msk_of(sk)->first && msk_of(sk)->first->conn->set.inq; }
bool mptcp_is(const struct sock *sk) { return sk->ops == &mptcp_ops; }

int mptcp_new(struct stack *s)
{
	s->mptcp = calloc(1, sizeof *s->mptcp);
	if (!s->mptcp) return -ENOMEM;
	hash_init(&s->mptcp->tokens);
	list_init(&s->mptcp->endpoints);
	s->mptcp->max_subflows = 2;
	return 0;
}

static struct sock *any_of(struct stack *s)
{
	list_each(struct sock, sk, &s->socks, node)
		if (mptcp_is(sk)) return sk;
	return NULL;
}

void mptcp_free(struct stack *s)
{
	for (struct sock *sk; (sk = any_of(s));)
		msk_free(msk_of(sk));
	pm_free(s);
	hash_free(&s->mptcp->tokens);
	free(s->mptcp);
	s->mptcp = NULL;
}

static const struct sockopt *const option_tables[] = {mptcp_options_own, NULL};

const struct sock_ops mptcp_ops = {
	.name = "MPTCP", .size = sizeof(struct mptcp_sock),
	.init = mptcp_init, .close = mptcp_close, .bind = mptcp_bind, .connect = mptcp_connect, .listen = mptcp_listen, .accept = mptcp_accept,
	.send = mptcp_send, .recv = mptcp_recv, .consumed = mptcp_consumed, .shutdown = mptcp_shutdown, .poll = mptcp_poll, .name_of = mptcp_name_of,
	.ioctl = mptcp_ioctl, .options = option_tables, .setsockopt = mptcp_setsockopt,
	.setsockopt_unread = mptcp_setsockopt_unread, .getsockopt = mptcp_getsockopt,
};
