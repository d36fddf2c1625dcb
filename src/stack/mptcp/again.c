/*
 * What has to go again: octets that a subflow was given, and that nobody acknowledges for the stream.
 *
 * A timer runs while something of the stream is under way. When nothing of it was acknowledged for as long as the slowest subflow waits, a subflow with
 * nothing else to do sends the first of it. A subflow that gets nothing there for some of these rounds is stale: the others get all that is not
 * acknowledged, and it no more, until something of its own is. What a subflow had that has ended goes to the others at once.
 *
 * Read first: RFC 8684 §3.3.6, and net.mptcp.stale_loss_cnt in Linux's mptcp-sysctl.rst.
 */
#include "stack/mptcp/msk.h"

#define LEAST (200 * NS_PER_MS)

static bool fin_under_way(const struct mptcp_sock *msk) { return msk->snd.fin && !msk->snd.fin_acked && msk->snd.nxt == msk_end(msk); }

/* Its third ACK may have been lost, or the answer to it. */
static bool join_waits(const struct subflow *sub) { return sub->join && sub->active && !sub->fully && subflow_is_open(sub); }

static time_ns period(const struct mptcp_sock *msk)
{
	time_ns most = LEAST;

	list_each(const struct subflow, sub, &msk->subflows, node)
		if (subflow_is_open(sub)) most = MAX(most, rtt_measured(sub->conn));     /* as if it had not waited in vain yet */
	return most;
}

void again_arm(struct mptcp_sock *msk)
{
	bool due = !msk->fallback && msk->state == MSK_OPEN && (msk->snd.una != msk->snd.nxt || fin_under_way(msk));

	list_each(const struct subflow, sub, &msk->subflows, node)
		due |= join_waits(sub);
	if (due) timer_set(msk_stack(msk), &msk->timer.again, msk_stack(msk)->now + period(msk));
	else timer_clear(msk_stack(msk), &msk->timer.again);
}

void again_all(struct mptcp_sock *msk)
{
	if (msk->fallback) return;
	msk->snd.again = msk->snd.una;
	msk->snd.again_end = msk->snd.nxt;
}

static bool has_other(struct mptcp_sock *msk, const struct subflow *than)
{
	list_each(struct subflow, sub, &msk->subflows, node)
		if (sub != than && subflow_usable(sub)) return true;
	return false;
}

/* A round went by: is it still without any sign of life, though something is under way? */
static void judge(struct mptcp_sock *msk, struct subflow *sub)
{
	int most = msk_sysctl(msk)->mptcp_stale_loss_cnt;

	if (!subflow_usable(sub) || !sub->conn->snd.queue.len || !sub->conn->snd.wnd || sub->conn->snd.una != sub->stale_una) {
		sub->stale_una = sub->conn->snd.una;
		sub->stale_ticks = 0;
		return;
	}
	if (!most || ++sub->stale_ticks < most || !has_other(msk, sub)) return;
	sub->stale = true;
	sub->stale_ticks = 0;
	again_all(msk);
}

/* As Linux: one that has nothing of its own under way; those for need only where there is no other. */
static struct subflow *idle_one(struct mptcp_sock *msk)
{
	struct subflow *spare = NULL;

	list_each(struct subflow, sub, &msk->subflows, node) {
		if (!subflow_usable(sub) || sub->conn->snd.queue.len) continue;
		if (!sub->backup && !sub->peer_backup) return sub;
		spare = sub;
	}
	return spare;
}

static void send_first(struct mptcp_sock *msk)
{
	struct subflow *sub = idle_one(msk);
	uint32_t n = sub ? (uint32_t)MIN(msk->snd.nxt - msk->snd.una, (uint64_t)snd_mss(sub->conn)) : 0;

	if (!n || !subflow_give(sub, msk->snd.una, n)) return;
	msk->count.retrans += n;
	msk->count.retransmits++;
}

/* All that was given has arrived, and yet not all is in the stream: the peer had no place for it. */
static bool peer_dropped(const struct mptcp_sock *msk)
{
	list_each(const struct subflow, sub, &msk->subflows, node)
		if (subflow_is_open(sub) && sub->conn->snd.queue.len) return false;
	return true;
}

void again_fire(struct timer *t)
{
	struct mptcp_sock *msk = container_of(t, struct mptcp_sock, timer.again);

	list_each(struct subflow, sub, &msk->subflows, node) {
		judge(msk, sub);
		if (join_waits(sub)) segment_send_ack(sub->conn);
	}
	if (msk->snd.una != msk->snd.nxt && peer_dropped(msk)) again_all(msk);
	else if (!dsn_lt(msk->snd.again, msk->snd.again_end) && msk->snd.una != msk->snd.nxt) send_first(msk);
	/* RFC 8684 §3.3.3: DATA_FIN is sent until it is acknowledged. */
	else if (fin_under_way(msk) && msk->snd.una == msk->snd.nxt) msk_ack_all(msk);
	again_arm(msk);
	msk_work(msk);
}
