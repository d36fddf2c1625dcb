/*
 * SEGMENT ARRIVES, for a connection in SYN-RECEIVED or beyond: one function for each step of RFC 9293 §3.10.7.4.
 *
 *     first    check_sequence     PAWS, window              fifth    input_ack        (ack.c)
 *     second   check_reset        RFC 5961 §3               sixth    check_urgent     (urgent.c)
 *     third    security: none                               seventh  take_text
 *     fourth   check_syn          RFC 5961 §4               eighth   check_fin
 *
 * A step says NEXT, STOP (the segment is done with) or GONE (so is the connection). Steps shorten the segment as they
 * go: what is before the window or behind it is cut off. At the end tcp_output sends whatever became due.
 * LISTEN is in listen.c, SYN-SENT in syn_sent.c.
 *
 * Read first: RFC 9293 §3.10.7, RFC 5961, RFC 7323 §5.
 */
#include "stack/mptcp/mptcp.h"
#include "stack/tcp/ulp.h"
#include <errno.h>

/* ---- answers to what can't be accepted ---- */

/* skipped: what counts those that are not. */
static bool answer_allowed(struct tcp_sock *conn, enum mib_tcp_ext skipped)
{
	if (conn->when.oow && conn_now(conn) - conn->when.oow < conn_sysctl(conn)->tcp_invalid_ratelimit_ms * NS_PER_MS) {
		conn_mib(conn, conn->state == TCPS_SYN_RECEIVED ? TCPEXT_TCPACKSkippedSynRecv : skipped);
		return false;
	}
	conn->when.oow = MAX(conn_now(conn), 1);
	return true;
}

/* RFC 5961 §7 asks for a limit; it is kept for each connection, or it would be a side channel to others (CVE-2016-5696). */
void ack_challenge(struct tcp_sock *conn)
{
	if (!answer_allowed(conn, TCPEXT_TCPACKSkippedChallenge)) return;
	conn_mib(conn, TCPEXT_TCPChallengeACK);
	segment_send_ack(conn);
}

/* RFC 9293 §3.10.7.4 first: "an acknowledgment should be sent in reply". Data is always answered, or a lost ACK would cost its sender dearly. */
static void unacceptable(struct tcp_sock *conn, const struct segment *g, enum mib_tcp_ext skipped)
{
	seq32 end = segment_end(g);

	if (g->h.flags & TCP_SYN || end == g->h.seq) {
		if (answer_allowed(conn, skipped)) segment_send_ack(conn);
		return;
	}
	if (!conn->embryo && seq_lt(g->h.seq, conn->rcv.nxt)) {
		conn_mib(conn, TCPEXT_DelayedACKLost);
		tcp_enter_quickack(conn, TCP_QUICK_ACKS);
		sack_note_duplicate(conn, g->h.seq, seq_lt(end, conn->rcv.nxt) ? end : conn->rcv.nxt);
	}
	segment_send_ack(conn);
}

/* ---- first ---- */

/*
 * RFC 7323 §5.3 R1: a timestamp older than the last one in order; not after 24 days of silence (§5.5). As Linux: older by more than one, once a connection
 * is open; and some peers say 0 in their SYN, and later what their clock says.
 */
static bool paws_rejects(const struct tcp_sock *conn, const struct segment *g)
{
	if (!conn->opt.ts || !g->h.opts.has_ts || ((g->h.flags & TCP_RST) && !conn->embryo)) return false;
	if (!conn->opt.recent || (int32_t)(conn->opt.recent - g->h.opts.ts_val) <= (conn->embryo ? 0 : 1)) return false;
	return conn_now(conn) - conn->opt.recent_when < TCP_PAWS_IDLE_MAX;
}

/* As Linux: some peers reset with the sequence number that their FIN had. */
static bool resets_after_fin(const struct tcp_sock *conn, const struct segment *g)
{
	return (g->h.flags & TCP_RST) && g->h.seq == conn->rcv.nxt - 1 && IN_STATES(conn, S_(CLOSE_WAIT) | S_(LAST_ACK) | S_(CLOSING));
}

static bool is_acceptable(struct tcp_sock *conn, const struct segment *g)
{
	seq32 end = segment_end(g), edge = conn->rcv.nxt + window_once(conn);

	/* RFC 9293 §3.4 table 6, to the letter before a handshake from outside is through, as Linux: nobody fills that window yet. */
	if ((conn->embryo || conn->fastopen.unproven) && end != g->h.seq)
		return seq_gt(end, conn->rcv.nxt) && seq_lt(g->h.seq, conn->rcv.wup + MIN(conn->rcv.wnd, 65535u));
	/* As Linux: from what was last acknowledged to the right edge, both included, so that ACKs are taken from a sender that filled the window, and from
	 * reordered segments. RFC 7323 §2.4, which Linux 6.18 lacks: to the furthest edge that was told, or who sent up to there before he heard that
	 * it was taken back is never heard again, if we have something to send, too. */
	if (seq_lt(end, conn->rcv.wup) || seq_gt(g->h.seq, edge)) return false;
	/* As Linux: a segment that reaches beyond by more than its FIN is taken whole, or, while something waits to be read, not at all. */
	if (seq_le(end, edge + (g->h.flags & TCP_FIN ? 1u : 0u)) || !rmem_unread(conn)) return true;
	conn_mib(conn, TCPEXT_BeyondWindow);
	return false;
}

/* RFC 9293 §3.10.7.4 (fourth, SYN-RECEIVED): the peer's SYN once more, without a word of ours. */
static bool repeats_syn(const struct tcp_sock *conn, const struct segment *g)
{
	if (conn->state != TCPS_SYN_RECEIVED && !conn->fastopen.unproven) return false;
	return g->h.seq == conn->rcv.irs && (g->h.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

/*
 * As Linux, a timestamp that is too old is no harm on an ACK that says nothing new, such as reordering brings about, and not much older; and no answer is
 * owed to an ACK from before what was received last.
 */
static bool is_disordered_ack(const struct tcp_sock *conn, const struct segment *g)
{
	int64_t replay = conn->rtt.rto / NS_PER_MS * 6 / 5;     /* clocks tick up to 1200 times a second */

	if (g->h.seq != conn->rcv.nxt || g->h.ack != conn->snd.una || ack_is_window_news(conn, g)) return false;
	return (int32_t)(conn->opt.recent - g->h.opts.ts_val) <= replay;
}

/* STEP_NEXT: the segment may go on. */
static enum step check_stamp(struct tcp_sock *conn, struct segment *g)
{
	bool bare_ack = (g->h.flags & TCP_ACK) && segment_end(g) == g->h.seq && !conn->embryo, old;

	if (!paws_rejects(conn, g) || (bare_ack && is_disordered_ack(conn, g))) return STEP_NEXT;
	old = bare_ack && seq_lt(g->h.seq, conn->rcv.nxt);
	conn_mib(conn, old ? TCPEXT_PAWSOldAck : TCPEXT_PAWSEstab);
	if (!(g->h.flags & TCP_RST) && !old) unacceptable(conn, g, TCPEXT_TCPACKSkippedPAWS);
	return step_drop(g, DROP_TCP_PAWS);
}

/* As Linux: before the handshake is through, an echo has to be of one of our SYNs. */
static bool echoes_no_syn(const struct tcp_sock *conn, const struct segment *g)
{
	uint32_t first = ts_clock(conn->rtt.syn_first, conn->opt.offset), last = ts_clock(conn->rtt.syn_at, conn->opt.offset);

	if (!conn->embryo || !conn->opt.ts || !g->h.opts.has_ts || !g->h.opts.ts_ecr) return false;
	return g->h.opts.ts_ecr - first > last - first;
}

/* As Linux: who acknowledges something else is none of this handshake's, whatever else is wrong with the segment. */
static bool acks_no_syn(const struct tcp_sock *conn, const struct segment *g)
{
	return conn->embryo && (g->h.flags & (TCP_ACK | TCP_RST)) == TCP_ACK && g->h.ack != conn->snd.iss + 1;
}

static enum step check_sequence(struct tcp_sock *conn, struct segment *g)
{
	if (acks_no_syn(conn, g)) {
		reset_answer(conn_stack(conn), g->p, g);
		return step_drop(g, DROP_TCP_ACK);
	}
	if (check_stamp(conn, g) != STEP_NEXT) return STEP_STOP;
	if (echoes_no_syn(conn, g)) {
		conn_mib(conn, TCPEXT_TSEcrRejected);
		if (!(g->h.flags & TCP_RST)) unacceptable(conn, g, TCPEXT_TCPACKSkippedSynRecv);
		return step_drop(g, DROP_TCP_PAWS);
	}
	if (is_acceptable(conn, g) || repeats_syn(conn, g)) return STEP_NEXT;
	/* A reset behind a FIN that was taken goes on to be looked at. */
	if (resets_after_fin(conn, g)) return STEP_NEXT;
	if (!(g->h.flags & TCP_RST)) unacceptable(conn, g, TCPEXT_TCPACKSkippedSeq);
	return step_drop(g, DROP_TCP_WINDOW);
}

/* ---- second ---- */

static int reset_error(const struct tcp_sock *conn)
{
	return conn->state == TCPS_CLOSE_WAIT ? EPIPE : ECONNRESET;
}

static enum step check_reset(struct tcp_sock *conn, struct segment *g)
{
	if (!(g->h.flags & TCP_RST)) return STEP_NEXT;
	/* RFC 5961 §3.2: only the very next sequence number resets; others in the window are asked about. As Linux: the end of what was
	 * received out of order is as good, for a peer that resets after a loss. */
	if (g->h.seq != conn->rcv.nxt && !resets_after_fin(conn, g) && !(conn->opt.sack && conn->rcv.ooo && g->h.seq == runs_end(conn->rcv.ooo))) {
		fastopen_reset_astray(conn);
		ack_challenge(conn);
		return step_drop(g, DROP_TCP_WINDOW);
	}
	if (conn->embryo) conn_mib(conn, TCPEXT_EmbryonicRsts);
	if (conn->fastopen.unproven) fastopen_reset(conn);
	if (conn->mptcp) mptcp_reset(conn, g);
	conn_fail(conn, reset_error(conn));
	return STEP_GONE;
}

/* ---- fourth ---- */

static enum step check_syn(struct tcp_sock *conn, struct segment *g)
{
	bool again = conn->state == TCPS_SYN_RECEIVED && g->h.seq == conn->rcv.irs && !conn->embryo && !conn->fastopen.unproven;

	if (!(g->h.flags & TCP_SYN)) return g->h.flags & TCP_ACK ? STEP_NEXT : step_drop(g, DROP_TCP_FLAGS);
	if (again && (g->h.flags & TCP_ACK) && g->h.ack == conn->snd.nxt) {
		/* Simultaneous open (RFC 9293 §3.5, MUST-10): the peer's SYN again, now with the ACK of ours; as Linux, it is acknowledged. */
		sack_note_duplicate(conn, g->h.seq, g->h.seq + 1);
		tcp_need_ack(conn, TCP_ACK_NOW);
		g->h.flags &= (uint8_t)~TCP_SYN;
		g->h.seq++;
		return STEP_NEXT;
	}
	if (repeats_syn(conn, g)) {
		/* The peer did not get our SYN and ACK. As Linux: another, from which the timer counts. */
		if (answer_allowed(conn, TCPEXT_TCPACKSkippedSynRecv)) {
			conn->count.total_retrans++;
			conn_mib(conn, TCPEXT_TCPSynRetrans);
			segment_send_syn(conn);
			timers_syn_sent(conn);
		}
		return step_drop(g, DROP_TCP_OLD);
	}
	if (conn->embryo) {
		/* RFC 9293 §3.10.7.4 fourth: a passive open goes back to LISTEN; as Linux, who sent this is told. */
		conn_mib(conn, TCPEXT_EmbryonicRsts);
		reset_answer(conn_stack(conn), g->p, g);
		conn_free(conn);
		g->why = DROP_TCP_FLAGS;
		return STEP_GONE;
	}
	if (conn->fastopen.unproven) {
		/* As Linux: the same word, but the program may have the connection already. */
		reset_answer(conn_stack(conn), g->p, g);
		return step_drop(g, DROP_TCP_FLAGS);
	}
	/* RFC 5961 §4.2: a challenge whatever the sequence number. */
	conn_mib(conn, TCPEXT_TCPSYNChallenge);
	ack_challenge(conn);
	return step_drop(g, DROP_TCP_FLAGS);
}

/* ---- Multipath TCP ---- */

/* As Linux: its options count before anything else of an acceptable segment does; and where octets can't have a place in the stream, they come again. */
static enum step check_multipath(struct tcp_sock *conn, struct segment *g)
{
	enum drop_reason why;

	if (!conn->mptcp || !IN_STATES(conn, STATES_SYNCED) || seq_gt(g->h.ack, conn->snd.nxt)) return STEP_NEXT;
	why = mptcp_segment(conn, g);
	return why == DROP_NONE ? STEP_NEXT : step_drop(g, why);
}

/* ---- sixth ---- */

static enum step check_urgent(struct tcp_sock *conn, struct segment *g)
{
	urgent_receive(conn, g);
	return STEP_NEXT;
}

/* ---- seventh ---- */

/* Cuts off what is old, and what is behind `edge` or a FIN. */
static void trim_text(struct tcp_sock *conn, struct segment *g, seq32 edge)
{
	if (conn->rcv.fin && seq_lt(conn->rcv.fin_seq, edge)) edge = conn->rcv.fin_seq;
	if (seq_lt(g->h.seq, conn->rcv.nxt)) {
		uint32_t old = MIN(conn->rcv.nxt - g->h.seq, g->len);
		packet_pull(g->p, old);
		g->h.seq += old;
		g->len -= old;
	}
	if (seq_gt(g->h.seq + g->len, edge)) {
		g->len = seq_lt(g->h.seq, edge) ? edge - g->h.seq : 0;
		packet_trim(g->p, g->len);
		g->h.flags &= (uint8_t)~TCP_FIN;
	}
}

/* RFC 9293 §3.6.1 (SHLD-3): data for a program that said it reads no more: it is told, not left to guess; also by a FIN that shows there is some. */
static bool nobody_reads(const struct tcp_sock *conn, const struct segment *g)
{
	if (segment_end(g) == g->h.seq || !seq_gt(g->h.seq + g->len, conn->rcv.nxt)) return false;
	return conn->state != TCPS_ESTABLISHED && (conn->inet.sk.shut & 1);
}

/* RFC 9293 §3.10.7.4 seventh: text behind the peer's FIN is ignored; as Linux, another FIN, too. */
static bool is_behind_fin(const struct tcp_sock *conn, const struct segment *g)
{
	return IN_STATES(conn, S_(CLOSE_WAIT) | S_(CLOSING) | S_(LAST_ACK)) && seq_ge(g->h.seq, conn->rcv.nxt) && segment_end(g) != g->h.seq;
}

/* Nothing of it is to be taken: old, or no room. The peer learns where we are. */
static enum step refuse_text(struct tcp_sock *conn, struct segment *g)
{
	if (!g->len) conn_mib(conn, TCPEXT_DelayedACKLost);
	else if (!window_left(conn)) conn_mib(conn, TCPEXT_TCPZeroWindowDrop);
	tcp_enter_quickack(conn, TCP_QUICK_ACKS);
	tcp_need_ack(conn, TCP_ACK_DELAYED);
	g->why = DROP_TCP_OLD;
	return STEP_NEXT;
}

static enum step take_early_text(struct tcp_sock *conn, struct segment *g)
{
	ecn_data_received(conn, g);
	if (!rmem_takes(conn, g->h.seq, g->len)) {
		conn_mib(conn, TCPEXT_TCPOFODrop);
		sock_ready(&conn->inet.sk);
		return step_drop(g, DROP_TCP_RCVBUF);
	}
	conn_mib(conn, TCPEXT_TCPOFOQueue);
	acking_measure(conn, g);
	conn->count.ooo++;
	g->why = runs_insert(conn, g);
	/* As Linux: without SACK the window stays, or the ACK would not count as a duplicate. */
	if (conn->opt.sack && g->why == DROP_NONE) window_grow(conn, g->len, g->weight.cost);
	window_early(conn);
	tcp_need_ack(conn, TCP_ACK_DELAYED);
	return STEP_NEXT;
}

/* No room for what is next in order. As Linux: the window closes, though it was offered; but an empty buffer takes anything. */
static bool has_room(struct tcp_sock *conn, const struct segment *g)
{
	if (rmem_takes(conn, g->h.seq, g->len)) return true;
	conn->rcv.full = true;
	conn_mib(conn, TCPEXT_TCPRcvQDrop);
	tcp_need_ack(conn, TCP_ACK_NOW);
	ulp_arrived(conn);
	sock_ready(&conn->inet.sk);
	return !rmem_unread(conn);
}

/*
 * Early text alone fills the buffer, and a host that takes windows back has closed it: only what is next can help, in whose favour the last of it is given
 * up. Linux 6.18 refuses that, too, and stands still for good.
 */
static bool fills_first_gap(struct tcp_sock *conn, const struct segment *g)
{
	return g->h.seq == conn->rcv.nxt && conn->rcv.ooo && !rmem_unread(conn);
}

static enum step take_text(struct tcp_sock *conn, struct segment *g)
{
	bool disorder = conn->rcv.ooo || conn->rcv.fin;
	seq32 start = g->h.seq;

	if (is_behind_fin(conn, g)) return step_drop(g, DROP_TCP_OLD);
	if (nobody_reads(conn, g)) {
		conn_mib(conn, TCPEXT_TCPAbortOnData);
		reset_answer(conn_stack(conn), g->p, g);
		conn_fail(conn, reset_error(conn));
		return STEP_GONE;
	}
	ecn_cwr_received(conn, g);
	if (!g->len) return STEP_NEXT;
	/* As Linux: a duplicate of before that nothing told of is forgotten. */
	conn->rcv.dup.start = conn->rcv.dup.end;
	if (seq_lt(start, conn->rcv.nxt)) sack_note_duplicate(conn, start, start + MIN(segment_end(g) - start, conn->rcv.nxt - start));
	trim_text(conn, g, segment_end(g));
	if (!g->len || (seq_ge(g->h.seq, conn->rcv.nxt + window_left(conn)) && !fills_first_gap(conn, g))) return refuse_text(conn, g);
	if (g->h.seq == conn->rcv.nxt && !has_room(conn, g)) return step_drop(g, DROP_TCP_RCVBUF);
	if (g->h.seq != conn->rcv.nxt) return take_early_text(conn, g);
	rcv_queue_append(conn, g->p);
	window_measure(conn);
	acking_data(conn, g);
	g->p = NULL;
	/* As Linux: a FIN that is next ends it all, whatever came from behind it. */
	if (g->h.flags & TCP_FIN) disorder = false;
	else runs_drain(conn);
	ulp_arrived(conn);
	/* RFC 5681 §4.2: at once when it fills a gap. */
	if (disorder && !conn->rcv.ooo && (!conn->rcv.fin || conn->rcv.nxt == conn->rcv.fin_seq)) tcp_need_ack(conn, TCP_ACK_NOW);
	sock_ready(&conn->inet.sk);
	return STEP_NEXT;
}

/* ---- eighth ---- */

static void learn_fin(struct tcp_sock *conn, const struct segment *g)
{
	const struct tcp_runs *early = conn->rcv.ooo;
	seq32 at = g->h.seq + g->len;

	/* RFC 9293 §3.10.7.4 first: among octets that came already it is nothing new, but the sender is told where we are. */
	if (seq_gt(conn->rcv.nxt, at)) tcp_need_ack(conn, TCP_ACK_NOW);
	if (conn->rcv.fin || seq_gt(conn->rcv.nxt, at)) return;
	/* Octets behind the end can't be: whoever sent them or this lies. As Linux: unless it is next, who spoke first is believed. */
	if (at != conn->rcv.nxt && early && seq_gt(runs_end(early), at)) return;
	conn->rcv.fin = true;
	conn->rcv.fin_seq = at;
	if (at == conn->rcv.nxt) return;
	tcp_need_ack(conn, TCP_ACK_NOW);
	if (!g->len) conn->count.ooo++;
	runs_note_fin(conn);
}

/* What came from behind the FIN, and twice, is not told any more. */
static void nothing_follows(struct tcp_sock *conn)
{
	runs_free(conn);
	conn->rcv.dup.start = conn->rcv.dup.end;
}

static enum step check_fin(struct tcp_sock *conn, struct segment *g)
{
	if (g->h.flags & TCP_FIN) learn_fin(conn, g);
	if (!conn->rcv.fin || conn->rcv.done || conn->rcv.nxt != conn->rcv.fin_seq) {
		if (conn->rcv.done && (g->h.flags & TCP_FIN)) {
			if (!g->whole) sack_note_duplicate(conn, conn->rcv.fin_seq, conn->rcv.nxt);
			tcp_need_ack(conn, TCP_ACK_NOW);
		}
		return STEP_NEXT;
	}
	conn->rcv.nxt++;
	conn->count.bytes_received++;         /* the FIN counts with Linux */
	conn->rcv.done = true;
	conn->inet.sk.shut |= 1;
	sock_stir(&conn->inet.sk);
	switch (conn->state) {
	case TCPS_ESTABLISHED:
		nothing_follows(conn);
		/* As Linux: the program will soon close, and its FIN carry the ACK. */
		conn_set_answers(conn, true);
		conn_enter(conn, TCPS_CLOSE_WAIT);
		tcp_need_ack(conn, TCP_ACK_DELAYED);
		return STEP_NEXT;
	case TCPS_FIN_WAIT_1:
		nothing_follows(conn);
		conn_enter(conn, TCPS_CLOSING);
		tcp_need_ack(conn, TCP_ACK_NOW);
		return STEP_NEXT;
	default:   /* FIN-WAIT-2: RFC 9293 §3.10.7.4 eighth. As Linux: what came from behind is told; of a closed socket but the window is left that was. */
		if (conn->inet.sk.closed) conn->rcv.wup++;
		if (conn->mptcp) mptcp_take(conn);
		segment_send_ack(conn);
		conn_time_wait(conn);
		return STEP_GONE;
	}
}

/* RFC 7413 §4.2: with Fast Open what a SYN carries is taken, and a FIN on a SYN and ACK. */
void input_syn_text(struct tcp_sock *conn, struct segment *g)
{
	g->h.flags &= (uint8_t)~TCP_SYN;
	g->h.seq++;
	if (g->len > conn->rcv.wnd) trim_text(conn, g, rcv_edge(conn));
	if (g->len) {
		rmem_weigh(conn, g->p);
		rcv_queue_append(conn, g->p);
		g->p = NULL;
	}
	check_fin(conn, g);
}

/* ---- all of them ---- */

static enum step run_steps(struct tcp_sock *conn, struct segment *g)
{
	static enum step (*const judge[])(struct tcp_sock *, struct segment *) = {check_sequence, check_reset, check_syn, check_multipath, input_ack};
	static enum step (*const take[])(struct tcp_sock *, struct segment *) = {check_urgent, take_text, check_fin};
	enum step r = STEP_NEXT;

	if (conn->state == TCPS_SYN_SENT) return input_syn_sent(conn, g);
	/* As Linux: without one of them it is not even looked at. */
	if (!(g->h.flags & (TCP_ACK | TCP_RST | TCP_SYN)) && !conn->embryo) return step_drop(g, DROP_TCP_FLAGS), STEP_REFUSED;
	for (size_t i = 0; i < ARRAY_SIZE(judge) && r == STEP_NEXT; i++) r = judge[i](conn, g);
	/* As Linux: of what was refused before its text nothing follows, nor does it have anything sent. */
	if (r == STEP_STOP) return STEP_REFUSED;
	for (size_t i = 0; i < ARRAY_SIZE(take) && r == STEP_NEXT; i++) r = take[i](conn, g);
	return r;
}

/* Linux's header prediction: an ACK that can't be news to the receiver's side, from which nothing follows for what is owed to the peer. */
static bool is_predicted_ack(const struct tcp_sock *conn, const struct segment *g)
{
	uint32_t hdr_len = TCP_HDR_MIN + (conn->opt.ts ? TS_SPACE : 0);

	if (conn->state != TCPS_ESTABLISHED || (g->h.flags & ~TCP_PSH) != TCP_ACK || g->len) return false;
	if ((uint32_t)(packet_off(g->p) - g->p->trans_off) != hdr_len || g->wnd != conn->snd.wnd) return false;
	if (g->h.seq != conn->rcv.nxt || seq_gt(g->h.ack, conn->snd.nxt)) return false;
	if (conn->opt.ts && (!g->h.opts.has_ts || (int32_t)(conn->opt.recent - g->h.opts.ts_val) > 0)) return false;
	return !conn->rcv.ooo && conn->rcv.wnd && conn->rcv.urg == TCP_URG_NONE;
}

void tcp_input(struct tcp_sock *conn, struct segment *g)
{
	enum step r;
	bool quiet;

	conn->count.segs_in++;
	if (conn->opt.ts && g->h.opts.has_ts) conn->opt.echo = g->h.opts.ts_ecr;
	/* RFC 7323 §2.3: windows are scaled but in SYNs. */
	if (!(g->h.flags & TCP_SYN)) g->wnd = (uint32_t)g->h.wnd << conn->snd.wscale;
	if (g->len) {
		conn->count.data_segs_in++;
		rmem_weigh(conn, g->p);
		g->weight = g->p->weight;
		g->whole = g->len;
	}
	quiet = is_predicted_ack(conn, g);
	r = run_steps(conn, g);
	if (r == STEP_GONE || r == STEP_REFUSED) return;
	if (conn->mptcp) mptcp_take(conn);
	tcp_output(conn);
	if (r != STEP_QUIET && !quiet) acking_check(conn);
	if (conn->mptcp) mptcp_turn(conn);
}
