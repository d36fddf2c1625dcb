/*
 * The fifth step of SEGMENT ARRIVES: the ACK field.
 *
 *     una - max_wnd        una                   nxt
 *      ... | old, ignored   | new: acknowledges    |  of what was never sent
 *     challenge                                       challenge
 *
 * Read first: RFC 9293 §3.10.7.4 fifth, RFC 5961 §5, RFC 5681 §2 (duplicate ACK).
 */
#include "stack/tcp/conn.h"
#include <errno.h>

/* ---- SYN-RECEIVED ---- */

static enum step ack_of_syn(struct tcp_sock *conn, struct segment *g)
{
	if (seq_le(g->h.ack, conn->snd.una) || seq_gt(g->h.ack, conn->snd.nxt)) {
		reset_answer(conn_stack(conn), g->p, g);
		return step_drop(g, DROP_TCP_ACK);
	}
	if (conn->embryo) {
		enum step r = listen_promote(conn, g);
		if (r != STEP_NEXT) return r;
	}
	conn->snd.wnd = conn->snd.max_wnd = g->wnd;
	conn->snd.wl1 = g->h.seq;
	conn->snd.wl2 = g->h.ack;
	conn_established(conn);
	sock_ready(&conn->inet.sk);
	return STEP_NEXT;
}

/* ---- the window ---- */

bool ack_update_window(struct tcp_sock *conn, const struct segment *g)
{
	bool newer = seq_lt(conn->snd.wl1, g->h.seq) || (conn->snd.wl1 == g->h.seq && seq_le(conn->snd.wl2, g->h.ack));
	bool changed = g->wnd != conn->snd.wnd;

	if (!newer) return false;
	conn->snd.wnd = g->wnd;
	conn->snd.wl1 = g->h.seq;
	conn->snd.wl2 = g->h.ack;
	conn->snd.max_wnd = MAX(conn->snd.max_wnd, g->wnd);
	return changed;
}

/* RFC 7323 §4.3: the timestamp to echo is that of the segment at the left edge, so that delayed ACKs count in the peer's RTT. */
static void update_ts_recent(struct tcp_sock *conn, const struct segment *g)
{
	if (!conn->opt.ts || !g->h.opts.has_ts || seq_gt(g->h.seq, conn->rcv.wup)) return;
	if ((int32_t)(g->h.opts.ts_val - conn->opt.recent) < 0 && conn_now(conn) - conn->opt.recent_when < 24 * 24 * 3600 * NS_PER_S) return;
	conn->opt.recent = g->h.opts.ts_val;
	conn->opt.recent_when = conn_now(conn);
}

/* ---- what it acknowledges ---- */

static void advance(struct tcp_sock *conn, const struct segment *g)
{
	seq32 ack = g->h.ack, end = snd_end(conn);

	conn->snd.una = ack;
	if (seq_gt(ack, conn->snd.data)) {
		uint32_t octets = (seq_lt(ack, end) ? ack : end) - conn->snd.data;
		ring_consume(&conn->snd.queue, octets);
		conn->snd.data += octets;
		conn->bytes_acked += octets;
	}
	if (conn->snd.urgent && seq_ge(ack, conn->snd.up)) conn->snd.urgent = false;
	rtt_acked(conn, g);
	timers_restart_rtx(conn);
	conn->retries = 0;
	conn->stuck_since = 0;
	conn->soft_err = 0;
	sack_advance(conn);
}

/* RFC 5681 §2; with SACK, RFC 6675 §2: one that sacks something new. */
static bool is_duplicate(const struct tcp_sock *conn, const struct segment *g, bool wnd_changed, bool new_sack)
{
	if (g->h.ack != conn->snd.una || !snd_flight(conn)) return false;
	if (conn->opt.sack) return new_sack;
	return !g->len && !wnd_changed && !(g->h.flags & (TCP_SYN | TCP_FIN));
}

/* ---- our FIN ---- */

static enum step fin_acked(struct tcp_sock *conn)
{
	switch (conn->state) {
	case TCPS_FIN_WAIT_1:
		conn_enter(conn, TCPS_FIN_WAIT_2);
		sock_ready(&conn->inet.sk);
		if (!conn->inet.sk.closed) return STEP_NEXT;
		if (conn->linger2_s >= 0) {
			timers_fin_wait_2(conn);
			return STEP_NEXT;
		}
		segment_send_reset(conn);
		conn_done(conn);
		return STEP_GONE;
	case TCPS_CLOSING:
		conn_time_wait(conn);
		return STEP_GONE;
	case TCPS_LAST_ACK:
		conn_done(conn);
		return STEP_GONE;
	default:
		return STEP_NEXT;
	}
}

static bool fin_is_acked(const struct tcp_sock *conn)
{
	return conn->snd.fin && seq_gt(conn->snd.una, snd_end(conn));
}

enum step input_ack(struct tcp_sock *conn, struct segment *g)
{
	bool wnd_changed, new_sack, duplicate;
	uint32_t acked;

	if (conn->state == TCPS_SYN_RECEIVED) {
		enum step r = ack_of_syn(conn, g);
		if (r != STEP_NEXT) return r;
	}
	/* RFC 9293 §3.10.7.4 fifth, and RFC 5961 §5.2 for what is too old. */
	if (seq_gt(g->h.ack, conn->snd.nxt) || seq_lt(g->h.ack, conn->snd.una - conn->snd.max_wnd)) {
		ack_challenge(conn);
		return step_drop(g, DROP_TCP_ACK);
	}
	conn->heard = conn_now(conn);
	conn->probes = 0;
	/* A peer that answers probes lives; TCP_USER_TIMEOUT goes on counting until it takes something. */
	if (conn->rtx_role == TCP_TIMER_PROBE) conn->retries = 0;
	update_ts_recent(conn, g);
	new_sack = sack_learn(conn, g);
	if (seq_lt(g->h.ack, conn->snd.una)) return STEP_NEXT;
	acked = g->h.ack - conn->snd.una;
	wnd_changed = ack_update_window(conn, g);
	duplicate = is_duplicate(conn, g, wnd_changed, new_sack);
	if (acked) advance(conn, g);
	recovery_ack(conn, acked, duplicate, new_sack);
	return acked && fin_is_acked(conn) ? fin_acked(conn) : STEP_NEXT;
}
