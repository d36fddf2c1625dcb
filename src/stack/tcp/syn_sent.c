/*
 * SEGMENT ARRIVES in SYN-SENT. Read first: RFC 9293 §3.10.7.3.
 *
 *     ACK of something else   reset           SYN and ACK   ESTABLISHED
 *     RST with our ACK        refused         SYN alone     SYN-RECEIVED (simultaneous open)
 */
#include "stack/mptcp/mptcp.h"
#include "stack/tcp/conn.h"
#include <errno.h>

#define SYN_AGAIN (4 * NS_PER_MS)       /* two ticks of Linux's clock, which ticks 250 to 1000 times a second */

static enum step take_syn(struct tcp_sock *conn, struct segment *g)
{
	conn_bound_mss(conn, &g->h.opts);
	conn->rcv.irs = g->h.seq;
	window_start(conn, g->h.seq + 1);
	conn_synced(conn, &g->h.opts);
	/* RFC 7323 §2.2: not scaled in a SYN. */
	conn->snd.wnd = conn->snd.max_wnd = g->h.wnd;
	conn->snd.wl1 = g->h.seq;
	return STEP_STOP;
}

static enum step open_done(struct tcp_sock *conn, struct segment *g, bool offered_ts, uint32_t prior_mss)
{
	conn->snd.wl2 = g->h.ack;
	if (conn->mptcp && !mptcp_syn_answered(conn, g)) {
		reset_answer(conn_stack(conn), g->p, g);
		conn_fail(conn, ECONNREFUSED);
		return STEP_GONE;
	}
	ecn_syn_answered(conn, g);
	ack_syn_acked(conn, g);
	conn_mib(conn, TCPEXT_TCPDelivered);
	conn->count.bytes_acked++;         /* with Linux our SYN counts here, and a SYN-ACK does not */
	conn_established(conn);
	recovery_opened(conn);
	/* As Linux: timestamps that were offered take of the segment still, agreed or not; and a closed window shows no segment of the peer's. */
	pacing_update(conn, conn->snd.wnd ? MIN(snd_mss_plain(conn), conn->snd.mss - (offered_ts ? TS_SPACE : 0)) : prior_mss);
	ack_syn_data(conn, g);
	sock_stir(&conn->inet.sk);
	/* Without Fast Open text on it is not taken, as on Linux; it will be sent again. */
	if (fastopen_answered(conn, g)) return STEP_STOP;
	if (conn->set.defer_accept || conn_answers(conn)) {
		acking_delay_handshake(conn);
		return STEP_QUIET;
	}
	tcp_need_ack(conn, TCP_ACK_NOW);
	return STEP_STOP;
}

/* RFC 9293 §3.5 (MUST-10): both sides opened at once. */
static enum step open_simultaneously(struct tcp_sock *conn, struct segment *g)
{
	uint8_t wscale = conn->rcv.wscale;
	uint32_t clamp = conn->rcv.clamp;

	take_syn(conn, g);
	/* As Linux: what was offered is offered again, and our windows are told by it, whatever the peer's SYN had. */
	conn->rcv.wscale = wscale;
	conn->rcv.clamp = clamp;
	acking_guess(conn);
	conn_enter(conn, TCPS_SYN_RECEIVED);
	segment_send_syn(conn);
	return STEP_STOP;
}

static bool echo_is_wrong(const struct tcp_sock *conn, const struct segment *g)
{
	/* Once a SYN was repeated, trouble began when the first was sent. */
	time_ns sent = conn->trouble.since ? conn->trouble.since : conn->rtt.syn_at;
	uint32_t now = ts_clock(conn_now(conn), conn->opt.offset), first = ts_clock(sent, conn->opt.offset);

	return conn->opt.ts && g->h.opts.has_ts && g->h.opts.ts_ecr && g->h.opts.ts_ecr - first > now - first;
}

enum step input_syn_sent(struct tcp_sock *conn, struct segment *g)
{
	bool ack = g->h.flags & TCP_ACK;
	bool offered_ts = conn->opt.ts;
	uint32_t prior_mss = snd_mss_plain(conn);

	/* first */
	if (ack && (seq_le(g->h.ack, conn->snd.iss) || seq_gt(g->h.ack, conn->snd.nxt))) {
		reset_answer(conn_stack(conn), g->p, g);
		/* As Linux: the reset ends what the peer remembers, so the first SYN is repeated at once. */
		if (!conn->trouble.retries) timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, SYN_AGAIN);
		return step_drop(g, DROP_TCP_ACK);
	}
	/* As Linux: an echo of what our clock did not say since the SYN is of another connection. */
	if (ack && echo_is_wrong(conn, g)) {
		conn_mib(conn, TCPEXT_PAWSActive);
		reset_answer(conn_stack(conn), g->p, g);
		return step_drop(g, DROP_TCP_PAWS);
	}
	/* second */
	if (g->h.flags & TCP_RST) {
		if (!ack) return step_drop(g, DROP_TCP_FLAGS);
		conn_fail(conn, ECONNREFUSED);
		return STEP_GONE;
	}
	/* third is security; fourth */
	if (!(g->h.flags & TCP_SYN)) return step_drop(g, DROP_TCP_FLAGS);
	if (!ack) return open_simultaneously(conn, g);
	take_syn(conn, g);
	return open_done(conn, g, offered_ts, prior_mss);
}
