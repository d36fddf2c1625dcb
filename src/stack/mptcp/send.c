/*
 * What goes: octets of the stream are given to subflows.
 *
 *     snd.queue    una ......... nxt ............ end          una: acknowledged for the stream (DATA_ACK)
 *                   | given       | waits for room, or for the peer's window (wnd_end)
 *                   again … again_end: given to a subflow that is of no use now, and to be given once more
 *
 * Of the subflows with room the one that will be through with its queue first gets the next octets; those for need only get any while there is no
 * other. A subflow gets little ahead of what it can send: what lies in its queue goes with it.
 *
 * Read first: RFC 8684 §3.3.2, §3.3.4, §3.3.5, §3.3.8.
 */
#include <errno.h>
#include <sys/epoll.h>
#include "stack/mptcp/msk.h"

#define AHEAD 32768u                       /* octets that a subflow may hold unsent */
#define CHUNK 16384u

/* ---- subflows ---- */

bool subflow_usable(struct subflow *sub)
{
	if (!subflow_is_open(sub) || sub->doomed || !(sub->fully || !sub->join)) return false;
	/* One whose octets arrive again is as good as before. To be heard is not enough: a path may be dead in one direction. */
	if (sub->stale && sub->conn->snd.una != sub->stale_una) sub->stale = false;
	return !sub->stale;
}

static uint32_t room_of(const struct subflow *sub)
{
	uint32_t unsent = snd_unsent(sub->conn);

	return unsent < AHEAD ? AHEAD - unsent : 0;
}

static struct subflow *choose(struct mptcp_sock *msk)
{
	struct subflow *best[2] = {NULL};
	uint64_t least[2] = {UINT64_MAX, UINT64_MAX};
	bool any = false;

	list_each(struct subflow, sub, &msk->subflows, node) {
		bool spare = sub->backup || sub->peer_backup;
		uint64_t wait;
		if (!subflow_usable(sub)) continue;
		any |= !spare;
		if (!room_of(sub)) continue;
		wait = ((uint64_t)sub->conn->snd.queue.len << 24) / MAX(pacing_rate(sub->conn), 1u);
		if (wait >= least[spare]) continue;
		least[spare] = wait;
		best[spare] = sub;
	}
	return best[0] || any ? best[0] : best[1];
}

/* The last map grows, where these octets follow on it in the stream; else a segment ends before them, so that each has one map. */
static bool map_out(struct subflow *sub, uint64_t dsn, uint32_t len)
{
	struct tcp_sock *conn = sub->conn;
	struct map *last = sub->out.n ? &sub->out.at[sub->out.first + sub->out.n - 1] : NULL;
	seq32 seq = snd_end(conn);
	bool follows = last && last->seq + last->len == seq;

	if (follows && last->dsn + last->len == dsn) {
		last->len += len;
		return true;
	}
	if (!maps_add(&sub->out, &(struct map){.seq = seq, .len = len, .dsn = dsn})) return false;
	if (!snd_unsent(conn)) return true;
	cuts_eor(conn);
	if (cuts_eor_is_after(conn, seq - 1)) return true;
	sub->out.n--;
	return false;
}

bool subflow_give(struct subflow *sub, uint64_t dsn, uint32_t len)
{
	struct mptcp_sock *msk = sub->msk;
	struct tcp_sock *conn = sub->conn;
	uint8_t buf[4096];

	maps_drop(&sub->out, conn->snd.una);
	for (uint32_t off = 0, n; off < len; off += n) {
		n = MIN(MIN((uint32_t)sizeof buf, len - off), cuts_room(conn, false));
		ring_peek(&msk->snd.queue, (size_t)(dsn + off - msk->snd.una), buf, n);
		if (!msk->fallback && !map_out(sub, dsn + off, n)) return off != 0;
		/* Without memory what has a map and no octets is cut off again: the map of what comes next says so. */
		if (ring_append(&conn->snd.queue, buf, n) < 0) {
			sub->doomed = true;
			msk_schedule(msk);
			return false;
		}
	}
	conn->snd.pushed = snd_end(conn);
	rate_check_program(conn);
	chrono_queued(conn);
	conn->nospace = true;
	tcp_output(conn);
	return true;
}

/* ---- the stream ---- */

/* The next octets to be given, from *ret_dsn on. */
static uint32_t next_octets(struct mptcp_sock *msk, uint64_t *ret_dsn)
{
	uint64_t waiting = msk_end(msk) - msk->snd.nxt, room;

	if (dsn_lt(msk->snd.again, msk->snd.una)) msk->snd.again = msk->snd.una;
	if (dsn_lt(msk->snd.again, msk->snd.again_end)) {
		*ret_dsn = msk->snd.again;
		return (uint32_t)(msk->snd.again_end - msk->snd.again);
	}
	room = dsn_lt(msk->snd.nxt, msk->snd.wnd_end) ? msk->snd.wnd_end - msk->snd.nxt : 0;
	/* RFC 8684 §3.3.4: the window is one for all subflows. A single octet probes it, which waits in a subflow as any that finds no window. */
	if (!room && msk->snd.una == msk->snd.nxt) room = 1;
	*ret_dsn = msk->snd.nxt;
	return (uint32_t)(msk->fallback ? waiting : MIN(waiting, room));
}

static void given(struct mptcp_sock *msk, uint64_t dsn, uint32_t len)
{
	if (dsn == msk->snd.nxt) {
		msk->snd.nxt += len;
		msk->count.sent += len;
	} else {
		msk->snd.again = dsn + len;
		msk->count.retrans += len;
	}
	if (!msk->fallback) return;
	ring_consume(&msk->snd.queue, len);
	msk->snd.una = msk->snd.again = msk->snd.again_end = msk->snd.nxt;
}

void msk_push(struct mptcp_sock *msk)
{
	bool idle = msk->snd.una == msk->snd.nxt;
	uint64_t dsn;
	uint32_t n;

	if (msk->state != MSK_OPEN) return;
	while ((n = next_octets(msk, &dsn))) {
		struct subflow *sub = choose(msk);
		if (!sub) break;
		n = MIN(MIN(n, room_of(sub)), CHUNK);
		if (!subflow_give(sub, dsn, n)) break;
		given(msk, dsn, n);
	}
	if (idle && msk->snd.una != msk->snd.nxt) again_arm(msk);
}

void msk_acked(struct mptcp_sock *msk, uint64_t ack, uint32_t wnd)
{
	uint64_t end = msk_end(msk), most = msk->snd.nxt + (msk->snd.fin && msk->snd.nxt == end ? 1 : 0);

	/* As Linux: what was never sent can't be acknowledged. */
	if (dsn_lt(most, ack)) return;
	if (dsn_lt(msk->snd.wnd_end, ack + wnd)) msk->snd.wnd_end = ack + wnd;
	if (!dsn_lt(msk->snd.una, ack)) return;
	if (dsn_lt(end, ack)) {
		msk->snd.fin_acked = true;
		ack = end;
	}
	msk->count.acked += ack - msk->snd.una;
	ring_consume(&msk->snd.queue, (size_t)(ack - msk->snd.una));
	msk->snd.una = ack;
	again_arm(msk);
}

void msk_ack_all(struct mptcp_sock *msk)
{
	msk->ack_all = false;
	list_each(struct subflow, sub, &msk->subflows, node)
		if (IN_STATES(sub->conn, STATES_SYNCED)) segment_send_ack(sub->conn);
}

/* ---- the program ---- */

static size_t queued(const struct mptcp_sock *msk)
{
	return msk->snd.queue.len + (msk->fallback && msk->first ? msk->first->conn->snd.queue.len : 0);
}

bool msk_writable(const struct mptcp_sock *msk) { return queued(msk) + queued(msk) / 2 <= msk->inet.sk.sndbuf; }

static int refused(struct mptcp_sock *msk)
{
	struct sock *sk = &msk->inet.sk;

	if (sk->err) return -sock_take_error(sk);
	if (msk->state == MSK_OPENING) return -EAGAIN;
	return msk->state != MSK_OPEN || (sk->shut & 2) ? -EPIPE : 0;
}

ssize_t mptcp_send(struct sock *sk, const struct sock_msg *m)
{
	struct mptcp_sock *msk = msk_of(sk);
	size_t held = queued(msk), n = MIN(m->len, held < sk->sndbuf ? sk->sndbuf - held : 0);
	int r = m->flags & MSG_FASTOPEN ? -EOPNOTSUPP : refused(msk);

	if (r < 0) return r;
	if (!n && m->len) return -EAGAIN;
	if (m->unread) return -EFAULT;
	r = ring_append(&msk->snd.queue, m->data, n);
	if (r < 0) return r;
	msk_push(msk);
	return (ssize_t)n;
}
