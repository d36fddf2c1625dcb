/*
 * Octets: sending and receiving on the rings of a connected stream socket.
 *
 *     send   CHS_SENDABLE: copy into tx, tell the engine; full: sleep on tx.seq. Otherwise, and with MSG_OOB, MSG_MORE, MSG_EOR or control
 *            messages, RPC_SEND, which knows the errno or takes the data. That more follows matters only where there is room
 *     recv   copy out of rx; empty: pending error, end of stream, not connected (RPC_RECV knows), or sleep on rx.seq
 *
 * The state is read before the ring: the engine puts data in before it says that the end has come.
 */
#include <netinet/in.h>
#include "shim/shim.h"

struct copy { const struct sock *s; const struct message *m; size_t from, skip; struct handover h; };   /* skip: octets that a peek leaves out */

static long tx_copy(void *arg)
{
	struct copy *c = arg;
	size_t from = c->from;
	for (int i = 0; i < c->m->count; i++) {
		size_t len = c->m->iov[i].iov_len;
		if (from >= len) {
			from -= len;
			continue;
		}
		size_t n = chan_write(shim.arena, c->s->c, (const char *)c->m->iov[i].iov_base + from, len - from, &c->h);
		if (n < len - from) break;
		from = 0;
	}
	return 0;
}

/*
 * As much as fits, from octet `from` of the message on; but little on a Unix stream goes at once, as in Linux: programs that share the socket don't write
 * into each other's. Octets, or -EFAULT.
 */
static long tx_put(const struct sock *s, const struct message *m, size_t from, struct handover *ret)
{
	struct copy c = {.s = s, .m = m, .from = from, .h.whole = s->c->domain == AF_UNIX ? m->total - from : 0};
	critical_enter();
	chan_lock(&s->c->tx.lock, lock_name(), futex_shared);
	owe(s, &s->c->tx);
	long r = guarded(tx_copy, &c);
	chan_unlock(&s->c->tx.lock, futex_shared);
	if (c.h.peer != 0) {
		atomic_store_explicit(&s->c->sent.last_ms, (uint32_t)(coarse_ns() / NS_PER_MS), memory_order_relaxed);
		direct_wrote(s, c.h.peer);
	}
	if (c.h.engine > 0 || c.h.warmed || c.h.left) handed_over(s);
	owe_no_more(s, &s->c->tx);
	critical_leave();
	*ret = c.h;
	return c.h.done > 0 ? (long)c.h.done : r;
}

/*
 * The ring that the peer reads is full. It may be about to read; if not, the engine may find more room, as Linux's buffers would have. The first ring is
 * small, and two that take turns on one core would never leave it. A call that doesn't wait has the answer at once.
 */
static long tx_put_grown(const struct sock *s, const struct message *m, size_t from, uint32_t seq, struct handover *h)
{
	if (m->nonblock || h->outgrown || !spin(&s->c->tx.seq, seq)) handed_over(s);
	if (m->nonblock) engine_catch_up();
	return tx_put(s, m, from, h);
}

/* As much as there is room for, or -EAGAIN. */
long stream_put_some(const struct sock *s, const struct message *m, size_t from, uint32_t seq)
{
	struct handover h;
	long n = tx_put(s, m, from, &h);
	if (n == 0 && h.wants_room) n = tx_put_grown(s, m, from, seq, &h);
	return n != 0 ? n : -EAGAIN;
}

/* The FIN that the program was told of ahead of the engine comes before what the program writes after. */
static void end_settle(const struct sock *s)
{
	if (!(shared_get32(&s->c->flags) & CHF_TOLD) || shared_get32(&s->c->state) & CHS_EOF) return;
	control_simple(RPC_SYNC, NULL, 0, 0, 0);
}

/* One attempt: octets taken, or -EAGAIN, or the error. */
static long send_once(const struct sock *s, struct message *m, size_t from, uint32_t seq)
{
	closes_settle();
	end_settle(s);
	uint32_t state = shared_get32(&s->c->state);
	if (state & CHS_GONE || engine_dead()) return -ENETDOWN;
	if (from > 0 && state & CHS_ERROR) return -EPIPE;   /* what has gone is the answer: the error stays for the next call */
	bool only_more = m->flags & MSG_MORE && !(m->flags & (MSG_OOB | MSG_EOR)) && m->control_len == 0;
	if (!(state & CHS_SENDABLE) || state & CHS_ERROR || m->flags & (MSG_OOB | MSG_MORE | MSG_EOR) || m->control_len != 0) {
		long taken = (long)engine_send_once(s, m, from);
		if (taken != -EAGAIN || !(state & CHS_SENDABLE) || !only_more) return taken;
	}
	long n = stream_put_some(s, m, from, seq);
	/* Whoever writes to a peer that has finished shall learn what comes of it as soon as with Linux: by his next call. */
	if (n > 0 && state & (CHS_EOF | CHS_MARK)) engine_catch_up();
	return n;
}

/* sendto with MSG_FASTOPEN is connect and send in one, and waits as connect does. Octets that went with the SYN, or the error. */
static long send_opening(const struct sock *s, struct message *m)
{
	long n = (long)engine_send_once(s, m, 0), r;
	m->flags &= ~MSG_FASTOPEN;
	if (m->nonblock || (n < 0 && n != -EINPROGRESS)) return n;
	r = connect_wait(s, m->name, m->name_len);
	return r < 0 ? r : MAX(n, 0);
}

static long stream_put(const struct sock *s, struct message *m)
{
	struct wait w;
	size_t done = 0;
	bool looked = false, wanted = false;
	long r;
	wait_begin_as_set(&w, &s->c->sndtimeo_ms);
	if (m->flags & MSG_FASTOPEN) {
		bool waits = !m->nonblock;
		r = send_opening(s, m);
		if (r < 0 || !waits || (size_t)r == m->total) return r;
		done = (size_t)r;
	}
	do {
		uint32_t seq = shared_get32(&s->c->tx.seq), handled = signals_handled();
		r = send_once(s, m, done, seq);
		if (r >= 0 && (done += (size_t)r) == m->total) return (long)done;
		if (r > 0) wait_partly(&w, handled);
		if (r >= 0 || (r == -EAGAIN && m->nonblock && look_again(&looked))) {
			if (r >= 0) looked = wanted = false;
			r = 0;
			continue;
		}
		if (r == -EAGAIN && !wanted && (wanted = signals_want_room(s))) r = 0;
		else if (r == -EAGAIN && !m->nonblock) r = wait_on(&w, s, &s->c->tx, seq);
	} while (r >= 0);
	return done > 0 ? (long)done : r;
}

/* The octets of a send with MSG_ZEROCOPY go as all do; an empty one that follows tells that they are copied, for the error queue. */
long stream_send(const struct sock *s, struct message *m)
{
	bool tells = m->flags & MSG_ZEROCOPY;
	if (is_asked(s)) return stream_put(s, m);
	m->flags &= ~MSG_ZEROCOPY;
	long r = stream_put(s, m);
	if (r <= 0 || !tells) return r;
	struct message none = {.flags = MSG_ZEROCOPY, .nonblock = true};
	engine_send_once(s, &none, 0);
	return r;
}

static long rx_copy(void *arg)
{
	struct copy *c = arg;
	bool peek = c->m->flags & MSG_PEEK;
	size_t from = c->from;
	for (int i = 0; i < c->m->count; i++) {
		size_t len = c->m->iov[i].iov_len;
		if (from >= len) {
			from -= len;
			continue;
		}
		char *to = (char *)c->m->iov[i].iov_base + from;
		size_t n = chan_read(shim.arena, c->s->c, to, len - from, peek ? c->skip + c->from + c->h.done : 0, peek, &c->h);
		if (n < len - from) break;
		from = 0;
	}
	return 0;
}

/* With the last of the octets the program sends the ACK that the peer may wait for, as on Linux. */
static bool peer_waits(const struct sock *s)
{
	struct direction *d = &s->c->rx;
	return shared_get32(&d->starved) != 0 && chan_rx_used(shim.arena, s->c) == 0 && atomic_exchange(&d->starved, 0) != 0;
}

/* Whether the program stands at the mark decides what becomes of the urgent octet when another comes. */
static bool stands_at_mark(const struct sock *s) { return shared_get32(&s->c->state) & CHS_MARK && chan_rx_used(shim.arena, s->c) == 0; }

long stream_take_some(const struct sock *s, const struct message *m, size_t from)
{
	struct copy c = {.s = s, .m = m, .from = from, .skip = peek_skip(s, m)};
	if (from == 0 && message_there(m, chan_rx_used(shim.arena, s->c), true) != 0) return -EFAULT;
	critical_enter();
	chan_lock(&s->c->rx.lock, lock_name(), futex_shared);
	uint32_t before = chan_rx_used(shim.arena, s->c);
	owe(s, &s->c->rx);
	long r = before > 0 ? guarded(rx_copy, &c) : 0;
	chan_unlock(&s->c->rx.lock, futex_shared);
	if (c.h.peer != 0) direct_read(s, c.h.peer);
	if (c.h.left || (c.h.engine > 0 && peer_waits(s)) || (c.h.done > 0 && stands_at_mark(s))) handed_over(s);
	else if (c.h.engine > 0) consumed(s, c.h.engine);
	owe_no_more(s, &s->c->rx);
	critical_leave();
	return c.h.done > 0 ? (long)c.h.done : r;
}

/* Why there is nothing to read: 0 at the end of the stream, -EAGAIN when something may come, or the error. */
static long recv_nothing(const struct sock *s, struct message *m, uint32_t state)
{
	if (state & CHS_GONE || engine_dead()) return -ENETDOWN;
	if (state & CHS_LISTENING) return -ENOTCONN;
	/* The stack knows what comes after a mark, and that after a FIN the end comes first, else the error: also of a peek past what there is. */
	bool up = state & (CHS_SENDABLE | CHS_SHUT_WR);
	if (state & CHS_MARK) return (long)engine_recv_once(s, m);
	if (state & CHS_EOF && (state & CHS_ERROR || !up)) return (long)control_simple(RPC_NOTHING, s, 0, 0, 0);
	if (state & CHS_ERROR) {
		int64_t err = control_simple(RPC_TAKE_ERROR, s, 0, 0, 0);
		if (err != 0) return err > 0 ? -(long)err : (long)err;
	}
	if (up) return state & CHS_EOF ? 0 : -EAGAIN;
	return (long)engine_recv_once(s, m);
}

/* connect() to AF_UNSPEC forgets what has not been read, and that there was an end. */
void stream_forget(const struct sock *s)
{
	char sink[4096];
	struct iovec iov = {sink, sizeof sink};
	struct message m = {.iov = &iov, .count = 1, .total = sizeof sink};
	while (stream_take_some(s, &m, 0) > 0) {}
	atomic_fetch_and(&s->c->flags, ~CHF_TOLD);
}

static uint32_t recv_state(const struct sock *s)
{
	uint32_t state = shared_get32(&s->c->state);
	return shared_get32(&s->c->flags) & CHF_TOLD ? state | CHS_EOF | CHS_DONE : state;
}

/*
 * Is the end all that can come? Who asks that is told before the engine has come to the peer's close, and from then on always. Not where somebody else
 * may hear of the end by a bell, which the engine rings.
 */
bool stream_ends(const struct sock *s)
{
	if (s->c->domain == AF_UNIX || (recv_state(s) & ~CHS_LOCAL) != (CHS_STREAM | CHS_SENDABLE) || shared_get32(&s->c->bell) != 0) return false;
	if (!chan_rx_ends(shim.arena, s->c)) return false;
	atomic_fetch_or(&s->c->flags, CHF_TOLD);
	return true;
}

static size_t recv_wanted(const struct sock *s, const struct message *m)
{
	int32_t lowat = atomic_load_explicit(&s->c->rcvlowat, memory_order_relaxed);
	if (m->flags & MSG_WAITALL) return m->total;
	return MIN(m->total, (size_t)MAX(lowat, 1));
}

static long stream_take(const struct sock *s, struct message *m)
{
	struct wait w;
	size_t done = 0, wanted = recv_wanted(s, m);
	bool looked = false;
	long r = 0;
	closes_settle();
	wait_begin_as_set(&w, &s->c->rcvtimeo_ms);
	for (;;) {
		uint32_t seq = shared_get32(&s->c->rx.seq), state = recv_state(s), handled = signals_handled();
		bool late = (state & (CHS_LOCAL | CHS_DONE)) == CHS_LOCAL && rest_is_late() && !chan_rx_told_all(shim.arena, s->c);
		long n = stream_take_some(s, m, done);
		if (n < 0) return done > 0 ? (long)done : n;
		done += (size_t)n;
		if (done >= wanted && (m->total > 0 || chan_rx_used(shim.arena, s->c) > peek_skip(s, m))) {
			/* What the same host has sent before is there: the rest of it, too. */
			if (done == m->total || !late || !look_again(&looked)) return (long)done;
			continue;
		}
		if (n > 0) {
			wait_partly(&w, handled);
			continue;
		}
		if (done > 0 && (m->nonblock || state & (CHS_ERROR | CHS_EOF | CHS_MARK))) {
			if (!late || !look_again(&looked)) return (long)done;
			continue;
		}
		r = recv_nothing(s, m, state);
		if (r == 0 && !(state & CHS_DONE) && look_again(&looked)) continue;   /* after SHUT_RD something may still have come */
		if (r != -EAGAIN) break;
		if (stream_ends(s)) continue;
		if (m->nonblock) {
			if (chan_rx_told_all(shim.arena, s->c) || !look_again(&looked)) break;
			continue;
		}
		r = wait_on(&w, s, &s->c->rx, seq);
		if (r < 0) break;
	}
	return done > 0 ? (long)done : r;
}

#define SINKS 256   /* of SCRATCH_SIZE each: what one call throws away */

/* With MSG_TRUNC a stream's octets are thrown away instead of copied: all into the same place. */
static long recv_discard(const struct sock *s, struct message *m)
{
	struct iovec to[SINKS];
	struct message n = *m;
	uint8_t *at = scratch_take();
	if (!at) return -ENOMEM;
	n.iov = to;
	n.count = 0;
	n.total = MIN(m->total, SINKS * (size_t)SCRATCH_SIZE);
	for (size_t left = n.total; left > 0; left -= to[n.count++].iov_len) to[n.count] = (struct iovec){at, MIN(left, SCRATCH_SIZE)};
	n.flags &= ~MSG_TRUNC;
	long r = stream_recv(s, &n);
	m->ret_flags = n.ret_flags;
	scratch_give(at);
	return r;
}

bool is_mptcp(const struct sock *s) { return s->c->protocol == IPPROTO_MPTCP && s->c->type == SOCK_STREAM; }

long stream_recv(const struct sock *s, struct message *m)
{
	if (m->flags & MSG_ERRQUEUE) return (long)engine_recv_once(s, m);
	if (m->total == 0 && is_mptcp(s)) return shared_get32(&s->c->state) & CHS_LISTENING ? -ENOTCONN : 0;
	if (m->flags & MSG_TRUNC) return recv_discard(s, m);
	if (m->flags & MSG_OOB) return (long)engine_recv_once(s, m);
	long r = stream_take(s, m);
	if (r > 0) peek_moves(s, m, (size_t)r);
	return r;
}
