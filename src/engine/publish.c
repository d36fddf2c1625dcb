/* What programs look at: the words of a socket's channel that say how it is, the options that the shim obeys, and wakes for who waits for others. */
#include <limits.h>
#include "engine/private.h"
#include "host/futex.h"
#include "stack/inet/inet.h"
#include "stack/mptcp/mptcp.h"
#include "stack/packet/tap.h"
#include "stack/sctp/sctp.h"
#include "stack/tcp/tcp.h"

#define TX_LIMIT_MAX (SEGMENT_LARGE + SEGMENT_SMALL)

/* ---- words ---- */

static bool has_peer(struct sock *sk)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	return sock_getpeername(sk, &a, &len) == 0;
}

static bool stays_here(const struct sock *sk)
{
	return (sk->domain == AF_INET || sk->domain == AF_INET6) && stack_is_local(sk->stack, &((const struct inet_sock *)sk)->raddr);
}

static uint32_t state_of(struct engine *e, struct esock *es)
{
	struct sock *sk = es->sk;
	bool connected = esock_may_pair(es) && has_peer(sk), shut_wr = (sk->shut & (SHUT_WR + 1)) != 0;
	uint32_t state = es->stream ? CHS_STREAM : 0;
	es->listening = es->listening && sk->listening;
	es->connecting = es->connecting && !connected && sk->err == 0 && !(sock_poll(sk) & EPOLLHUP) && (!sctp_is(sk) || sctp_is_connecting(sk));
	if (sk->err != 0) state |= CHS_ERROR;
	if (es->stream && (tcp_tells_inq(sk) || mptcp_tells_inq(sk))) state |= CHS_INQ;
	if (es->listening) state |= CHS_LISTENING;
	if (es->connecting) state |= CHS_CONNECTING;
	if (es->eof) state |= CHS_EOF | (tcp_is_done(sk) ? CHS_DONE : 0);
	if (es->mark) state |= CHS_MARK;
	if (packet_is_mapped(sk)) state |= CHS_RING;
	if (sk->domain == AF_UNIX && inbox_is_open(es)) state |= CHS_DIRECT;
	if (connected && sk->domain == AF_UNIX) return state | direct_unix_state(e, es);
	if (connected && shut_wr) state |= CHS_SHUT_WR;
	if (sk->ops->asked) return tcp_is_asked(sk) ? state | CHS_ASKED : state;
	if (!connected || shut_wr || sk->err != 0 || tcp_sends_stamped(sk)) return state;
	if (es->tx.first == 0 && tx_start(&e->pool, &esock_channel(e, es)->tx, &es->tx) < 0) return state;
	/* Asked once: the addresses of a connection stay. */
	bool local = es->state & CHS_SENDABLE ? es->state & CHS_LOCAL : stays_here(sk);
	return state | CHS_SENDABLE | (local ? CHS_LOCAL : 0);
}

void esock_limit(struct engine *e, struct esock *es)
{
	uint32_t limit = es->peer && es->flow == FLOW_DIRECT ? direct_limit(es) : MIN(es->sk->sndbuf, TX_LIMIT_MAX);
	if (limit == es->tx_limit) return;
	es->tx_limit = limit;
	shared_set32(&esock_channel(e, es)->tx.limit, limit);
}

bool esock_publish(struct engine *e, struct esock *es)
{
	struct channel *ch = esock_channel(e, es);
	uint32_t state = state_of(e, es), poll = sock_poll(es->sk);
	if (state & CHS_SENDABLE) poll &= ~(uint32_t)(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);   /* the ring decides */
	if (state == es->state && poll == es->poll) return false;
	es->state = state;
	es->poll = poll;
	shared_set32(&ch->poll, poll);
	shared_set32(&ch->state, state);
	return true;
}

/* As Linux, never less than was asked for. */
static int32_t timeo_ms(int64_t us)
{
	if (us < 0) return -1;
	return (int32_t)MIN(us / 1000 + (us % 1000 != 0), TIMEO_LONG);
}

void esock_mirror(struct engine *e, struct esock *es)
{
	struct channel *ch = esock_channel(e, es);
	int32_t lowat = es->sk->rcvlowat;
	/* As Linux: whoever waited for more hears that there is enough. */
	if (atomic_exchange(&ch->rcvlowat, lowat) > lowat && es->stream && !es->sk->ops->asked && rx_used(&e->pool, &es->rx) >= (uint32_t)lowat)
		esock_wake_reader(e, es);
	const struct linger *l = &es->sk->linger;
	atomic_store(&ch->linger_s, !l->l_onoff ? 0 : l->l_linger > 0 ? l->l_linger : -1);
	atomic_store(&ch->rcvtimeo_ms, timeo_ms(es->sk->rcvtimeo_us));
	atomic_store(&ch->sndtimeo_ms, timeo_ms(es->sk->sndtimeo_us));
}

/* ---- wakes ---- */

static void direction_wake(struct direction *d)
{
	/* A sleeper arms and then looks at seq; we move seq and then look whether somebody is armed. */
	atomic_fetch_add(&d->seq, 1);
	if (atomic_load(&d->waiters) != 0) futex_wake(&d->seq, INT_MAX);
}

void esock_wake_some(struct engine *e, struct esock *es, bool in, bool out)
{
	struct channel *ch = esock_channel(e, es);
	if (in) direction_wake(&ch->rx);
	if (out) direction_wake(&ch->tx);
}

void esock_wake_sleepers(struct engine *e, struct esock *es) { esock_wake_some(e, es, true, true); }

static void wake(struct engine *e, struct esock *es, uint32_t edges)
{
	esock_wake_some(e, es, edges & BELL_IN, edges & BELL_OUT);
	bells_ring(e, es, edges);
}

void esock_wake(struct engine *e, struct esock *es) { wake(e, es, BELL_IN | BELL_OUT); }
void esock_wake_reader(struct engine *e, struct esock *es) { wake(e, es, BELL_IN); }
void esock_wake_writer(struct engine *e, struct esock *es) { wake(e, es, BELL_OUT); }

