/*
 * SEGMENT ARRIVES in SYN-SENT. Read first: RFC 9293 §3.10.7.3.
 *
 *     ACK of something else   reset           SYN and ACK   ESTABLISHED
 *     RST with our ACK        refused         SYN alone     SYN-RECEIVED (simultaneous open)
 */
#include "stack/tcp/conn.h"
#include <errno.h>

static enum step take_syn(struct tcp_sock *conn, const struct segment *g)
{
	conn->rcv.irs = g->h.seq;
	conn->rcv.nxt = conn->rcv.wup = g->h.seq + 1;
	conn_synced(conn, &g->h.opts);
	/* RFC 7323 §2.2: not scaled in a SYN. */
	conn->snd.wnd = conn->snd.max_wnd = g->h.wnd;
	conn->snd.wl1 = g->h.seq;
	return STEP_STOP;
}

static enum step open_done(struct tcp_sock *conn, const struct segment *g)
{
	bool delay = conn->set.defer_accept || conn->ack.pingpong;

	conn->snd.wl2 = g->h.ack;
	ecn_syn_answered(conn, g);
	ack_syn_acked(conn, g);
	conn->count.bytes_acked++;         /* with Linux our SYN counts here, and a SYN-ACK does not */
	conn_established(conn);
	/* Text on it is not taken, as on Linux; it will be sent again. */
	if (delay)
		acking_delay_handshake(conn);
	else
		tcp_need_ack(conn, TCP_ACK_NOW);
	sock_ready(&conn->inet.sk);
	return STEP_STOP;
}

/* RFC 9293 §3.5 (MUST-10): both sides opened at once. */
static enum step open_simultaneously(struct tcp_sock *conn)
{
	conn_enter(conn, TCPS_SYN_RECEIVED);
	conn->trouble.retries = 0;
	segment_send_syn(conn);
	return STEP_STOP;
}

enum step input_syn_sent(struct tcp_sock *conn, struct segment *g)
{
	bool ack = g->h.flags & TCP_ACK;

	/* first */
	if (ack && (seq_le(g->h.ack, conn->snd.iss) || seq_gt(g->h.ack, conn->snd.nxt))) {
		reset_answer(conn_stack(conn), g->p, g);
		return step_drop(g, DROP_TCP_ACK);
	}
	/* second */
	if (g->h.flags & TCP_RST) {
		if (!ack) return step_drop(g, DROP_TCP_FLAGS);
		conn_fail(conn, ECONNREFUSED);
		return STEP_GONE;
	}
	/* third is security; fourth */
	if (!(g->h.flags & TCP_SYN)) return step_drop(g, DROP_TCP_FLAGS);
	take_syn(conn, g);
	return ack ? open_done(conn, g) : open_simultaneously(conn);
}
