/*
 * How it ends.
 *
 *     shutdown, close ──► DATA_FIN behind the last octet ──► acknowledged ─┐
 *                         the peer's DATA_FIN, reached by the stream ──────┴─► FIN on all subflows
 *
 * close() of what is not read, or with SO_LINGER of 0, is a fast close: resets that say so. A stream without any subflow waits net.mptcp.close_timeout
 * for one to come, and so does a stream without a program for its peer.
 *
 * msk_work is where all that events left to do is done: it may free the connection, so nobody touches that afterwards.
 *
 * Read first: RFC 8684 §3.3.3, §3.5.
 */
#include <errno.h>
#include <linux/mptcp.h>
#include "stack/mptcp/msk.h"
#include "stack/socket/family.h"

void msk_schedule(struct mptcp_sock *msk)
{
	timer_set(msk_stack(msk), &msk->timer.work, msk_stack(msk)->now);
}

void msk_send_fin(struct mptcp_sock *msk)
{
	bool first = !msk->snd.fin;

	msk->snd.fin = true;
	msk_push(msk);
	if (!first || msk->fallback || msk->snd.nxt != msk_end(msk)) return;
	msk_ack_all(msk);
	again_arm(msk);
}

static void end_soon(struct mptcp_sock *msk)
{
	if (timer_is_set(&msk->timer.end)) return;
	timer_set(msk_stack(msk), &msk->timer.end, msk_stack(msk)->now + (time_ns)msk_sysctl(msk)->mptcp_close_timeout_s * NS_PER_S);
}

static void fast_close(struct mptcp_sock *msk)
{
	list_each(struct subflow, sub, &msk->subflows, node) {
		sub->fastclose = true;
		subflow_reset(sub, MPTCP_RST_EUNSPEC);
	}
	msk->state = MSK_CLOSED;
}

/* ---- events ---- */

/* As Linux: who is told of a fast close answers with resets. */
static void fast_closed(struct mptcp_sock *msk)
{
	msk->fastclosed = false;
	if (msk->state == MSK_CLOSED) return;
	msk->inet.sk.err = msk->rcv.done ? EPIPE : ECONNRESET;
	fast_close(msk);
	msk->inet.sk.shut = 3;
}

static bool is_live(const struct subflow *sub) { return sub->conn->state != TCPS_CLOSED; }

static bool any_live(const struct mptcp_sock *msk)
{
	list_each(const struct subflow, sub, &msk->subflows, node)
		if (is_live(sub)) return true;
	return false;
}

static void note_end(struct mptcp_sock *msk, struct subflow *sub)
{
	struct sock *own = &sub->conn->inet.sk;

	sub->dead = true;
	if (msk->state == MSK_OPEN) again_all(msk);
	/* As Linux: the program hears of an error while it connects, and of plain TCP. */
	if (msk->state == MSK_OPENING || msk->fallback) {
		msk->inet.sk.err = own->err;
		own->err = 0;
	}
	if (msk->state == MSK_OPENING) msk_unopened(msk);
	if (msk->fallback) {
		msk->state = MSK_CLOSED;
		msk->inet.sk.shut = 3;
	}
}

/* The first subflow stays, as long as the program has the socket: it can connect again. */
static void reap(struct mptcp_sock *msk)
{
	list_each(struct subflow, sub, &msk->subflows, node) {
		if (sub->doomed) subflow_reset(sub, sub->rst_reason);
		if (sub->leaving && sub != msk->first) {
			again_all(msk);
			pm_subflow_closed(msk, sub);
			subflow_leave(sub);
			continue;
		}
		if (is_live(sub) || sub->dead || sub->listener) continue;
		note_end(msk, sub);
		if (sub == msk->first) continue;
		pm_subflow_closed(msk, sub);
		subflow_leave(sub);
	}
}

/* ---- both directions are over ---- */

static void finish(struct mptcp_sock *msk)
{
	msk->finishing = true;
	msk->state = MSK_CLOSED;
	msk->inet.sk.shut = 3;
	timer_clear(msk_stack(msk), &msk->timer.again);
	list_each(struct subflow, sub, &msk->subflows, node) {
		if (sub == msk->first && !msk->inet.sk.closed) tcp_ops.shutdown(&sub->conn->inet.sk, SHUT_WR);
		else subflow_leave(sub);
	}
}

/* Plain TCP's end: a FIN behind what the subflow was given. */
static void finish_plain(struct mptcp_sock *msk)
{
	struct tcp_sock *conn = msk->first ? msk->first->conn : NULL;

	if (!conn || !msk->snd.fin || msk->snd.queue.len || conn->snd.fin) return;
	if (msk->inet.sk.closed) subflow_leave(msk->first);
	else tcp_ops.shutdown(&conn->inet.sk, SHUT_WR);
}

static void look_for_end(struct mptcp_sock *msk)
{
	if (msk->state != MSK_OPEN) return;
	if (msk->fallback) finish_plain(msk);
	else if (msk->snd.fin_acked && msk->rcv.done) finish(msk);
	else if (!any_live(msk)) end_soon(msk);
	/* One came in time. */
	else if (!msk->inet.sk.closed) timer_clear(msk_stack(msk), &msk->timer.end);
	/* Nobody will ever read it. */
	else if (msk->rcv.queue.len) fast_close(msk);
}

static bool is_over(const struct mptcp_sock *msk)
{
	if (!msk->inet.sk.closed) return false;
	return msk->state == MSK_CLOSED || !any_live(msk);
}

/* Each subflow tunes its own buffers; the program sees the largest, and the sum. */
static void tune(struct mptcp_sock *msk)
{
	struct sock *sk = &msk->inet.sk;
	uint64_t snd = 0;

	list_each(struct subflow, sub, &msk->subflows, node) {
		struct sock *own = &sub->conn->inet.sk;
		if (!subflow_is_open(sub)) continue;
		wmem_expand(sub->conn);
		snd += own->sndbuf;
		if (!sk->rcvbuf_locked) sk->rcvbuf = MAX(sk->rcvbuf, own->rcvbuf);
		own->rcvbuf = sk->rcvbuf;
	}
	if (!sk->sndbuf_locked && snd > sk->sndbuf) sk->sndbuf = (uint32_t)MIN(snd, (uint64_t)INT32_MAX);
}

void msk_work(struct mptcp_sock *msk)
{
	if (msk->fastclosed) fast_closed(msk);
	reap(msk);
	pm_join(msk);
	pm_begin(msk);
	pm_work(msk);
	if (msk->ack_all) msk_ack_all(msk);
	tune(msk);
	if (msk->snd.fin && msk->state == MSK_OPEN && msk->snd.nxt != msk_end(msk)) {
		msk_push(msk);
		/* DATA_FIN went with the last octets, or goes now. */
		if (!msk->fallback && msk->snd.nxt == msk_end(msk)) msk_ack_all(msk);
	} else {
		msk_push(msk);
	}
	look_for_end(msk);
	if (is_over(msk)) msk_free(msk);
	else sock_ready(&msk->inet.sk);
}

void work_fire(struct timer *t) { msk_work(container_of(t, struct mptcp_sock, timer.work)); }

/* Nobody came in time. */
void end_fire(struct timer *t)
{
	struct mptcp_sock *msk = container_of(t, struct mptcp_sock, timer.end);

	fast_close(msk);
	msk_work(msk);
}

/* ---- close ---- */

static void leave_all(struct mptcp_sock *msk)
{
	list_each(struct subflow, sub, &msk->subflows, node)
		subflow_leave(sub);
}

void mptcp_close(struct sock *sk)
{
	struct mptcp_sock *msk = msk_of(sk);
	bool abrupt = msk->rcv.queue.len || sk->lent || (sk->linger.l_onoff && !sk->linger.l_linger);

	sk->shut = 3;
	if (msk->state == MSK_OPEN && !abrupt) {
		msk_send_fin(msk);
		end_soon(msk);
		msk_work(msk);
		return;
	}
	if (msk->state == MSK_OPEN && !msk->fallback) {
		fast_close(msk);
	} else if (msk->first && abrupt) {
		msk->first->conn->inet.sk.linger = (struct linger){.l_onoff = 1};
	}
	leave_all(msk);
	msk_free(msk);
}
