/*
 * The fifth step of SEGMENT ARRIVES: the ACK field.
 *
 *     una - max_wnd        una                   nxt          (or what there was before una, if that is less)
 *      ... | old, ignored   | new: acknowledges    |  of what was never sent
 *     challenge                                       challenge
 *
 * What the ACK tells is gathered in a struct tcp_acked: first by the SACK blocks, then by the records that it takes from
 * rtxq.c. Then recovery.c decides what is lost, cwnd moves, and output.c sends.
 *
 * Read first: RFC 9293 §3.10.7.4 fifth, RFC 5961 §5, RFC 5681 §2 (duplicate ACK).
 */
#include "stack/tcp/conn.h"

/* ---- SYN-RECEIVED ---- */

static enum step ack_of_syn(struct tcp_sock *conn, struct segment *g)
{
	bool both_opened = !conn->wait.parent && !conn->fastopen.unproven;

	if (seq_le(g->h.ack, conn->snd.una) || seq_gt(g->h.ack, conn->snd.nxt)) {
		reset_answer(conn_stack(conn), g->p, g);
		return step_drop(g, DROP_TCP_ACK);
	}
	if (conn->embryo) {
		enum step r = listen_promote(conn, g);
		if (r != STEP_NEXT) return r;
	}
	conn->when.oow = 0;
	conn->snd.wnd = conn->snd.max_wnd = g->wnd;
	conn->snd.wl1 = g->h.seq;
	conn->snd.wl2 = g->h.ack;
	ack_syn_acked(conn, g);
	/* As Linux: a socket that was shut before it met itself goes on to close. */
	if (conn->inet.sk.shut & 2) conn->snd.fin = true;
	if (conn->fastopen.unproven) fastopen_proven(conn);
	else conn_established(conn);
	if (both_opened) {
		/* As Linux: then the SYN counts as any octet. */
		conn->cc.delivered++;
		conn->count.bytes_acked++;
	}
	pacing_update(conn, snd_mss_plain(conn));
	sock_ready(&conn->inet.sk);
	return STEP_NEXT;
}

/* ---- the window ---- */

bool ack_is_window_news(const struct tcp_sock *conn, const struct segment *g)
{
	return seq_gt(g->h.ack, conn->snd.una) || seq_lt(conn->snd.wl1, g->h.seq) ||
	       (conn->snd.wl1 == g->h.seq && (g->wnd > conn->snd.wnd || !g->wnd));
}

/* True when it is news. */
static bool update_window(struct tcp_sock *conn, const struct segment *g)
{
	if (!ack_is_window_news(conn, g)) return false;
	conn->snd.wnd = g->wnd;
	conn->snd.wl1 = g->h.seq;
	conn->snd.wl2 = g->h.ack;
	conn->snd.max_wnd = MAX(conn->snd.max_wnd, g->wnd);
	return true;
}

/* RFC 7323 §4.3: the timestamp to echo is that of the segment at the left edge, so that delayed ACKs count in the peer's RTT. */
static void update_ts_recent(struct tcp_sock *conn, const struct segment *g)
{
	if (!conn->opt.ts || !g->h.opts.has_ts || seq_gt(g->h.seq, conn->rcv.wup)) return;
	if (conn->opt.recent && (int32_t)(conn->opt.recent - g->h.opts.ts_val) > 0 && conn_now(conn) - conn->opt.recent_when < TCP_PAWS_IDLE_MAX) return;
	conn->opt.recent = g->h.opts.ts_val;
	conn->opt.recent_when = conn_now(conn);
}

/* ---- what it acknowledges ---- */

static void note_echo(const struct tcp_sock *conn, const struct segment *g, struct tcp_acked *a)
{
	a->has_ecr = conn->opt.ts && g->h.opts.has_ts && g->h.opts.ts_ecr;
	a->ecr = g->h.opts.ts_ecr;
}

/* Our SYN was: its round trip, if it was sent once. */
void ack_syn_acked(struct tcp_sock *conn, const struct segment *g)
{
	struct tcp_acked a = {.syn_acked = true, .octets = 1, .retrans_acked = conn->count.total_retrans != 0};

	note_echo(conn, g, &a);
	a.first_acked = a.last_acked = conn->rtt.syn_at;
	conn->snd.una = conn->snd.iss + 1;
	timers_stop_rtx(conn);
	timers_recovered(conn);
	conn_stamps_agreed(conn);
	rtt_acked(conn, &a);
}

static void advance(struct tcp_sock *conn, const struct segment *g)
{
	seq32 ack = g->h.ack, end = snd_end(conn);

	if (seq_gt(ack, end) && !seq_gt(conn->snd.una, end)) conn->count.bytes_acked++;   /* the FIN counts with Linux */
	conn->snd.una = ack;
	if (seq_gt(ack, conn->snd.data)) {
		uint32_t octets = (seq_lt(ack, end) ? ack : end) - conn->snd.data;
		stamps_acked(conn, g);
		ring_consume(&conn->snd.queue, octets);
		conn->snd.data += octets;
		conn->count.bytes_acked += octets;
	}
	if (conn->snd.urgent && seq_ge(ack, conn->snd.up)) conn->snd.urgent = false;
	mtuprobe_acked(conn);
	conn->trouble.retries = 0;
	conn->trouble.since = 0;
}

/* RFC 7413 §4.2.1: a SYN and ACK acknowledges as much of the SYN's data as the server took. */
void ack_syn_data(struct tcp_sock *conn, const struct segment *g)
{
	struct tcp_rtxq *q = &conn->rtxq;

	advance(conn, g);
	while (q->n && seq_le(rtxq_at(q, 0)->end, conn->snd.una)) {
		conn->cc.delivered++;
		rtxq_pop(q);
	}
	if (q->n) rtxq_at(q, 0)->seq = conn->snd.una;
}

/* A record that is wholly acknowledged. */
static void take_record(struct tcp_sock *conn, struct tcp_sent *s, struct tcp_acked *a)
{
	a->segments++;
	if (s->tag & TAG_EVER) {
		a->retrans_acked = true;
	} else if (!(s->tag & TAG_SACKED)) {
		a->last_acked = s->at;
		if (!a->first_acked) a->first_acked = s->at;
		if (seq_lt(s->seq, a->reord)) a->reord = s->seq;
		if (seq_le(s->end, conn->rec.point)) a->orig_delivered = true;
	}
	if (s->tag & TAG_SACKED) return;
	rate_delivered(conn, s, a);
	a->sample_delivered = MAX(a->sample_delivered, s->delivered);
	if (!conn->opt.sack) return;
	conn->cc.delivered++;
	/* RFC 8985 §6.2 step 2: unless the echo shows that it is the original that arrived. */
	if ((s->tag & TAG_RETRANS) && a->has_ecr && (int32_t)(a->ecr - ts_clock(s->at, conn->opt.offset)) < 0) return;
	rack_advance(conn, s);
}

/* As Linux: what is left of a packet that was acknowledged in part is cut anew, from una on; so it may be fewer segments. */
static void cut_anew(struct tcp_sock *conn, struct tcp_acked *a)
{
	struct tcp_rtxq *q = &conn->rtxq;
	uint32_t mss = 0, n, left = 1, fin;
	seq32 end, seq = conn->snd.una;

	if (!q->n || !seq_lt(rtxq_at(q, 0)->seq, seq)) return;
	n = rtxq_packet(q, &mss);
	/* One of a single segment is held until all of it is acknowledged. */
	if (!n || (n == 1 && (rtxq_at(q, 0)->tag & TAG_HEAD))) return;
	end = rtxq_at(q, n - 1)->end;
	fin = seq_gt(end, snd_end(conn)) ? 1 : 0;
	if (n > 1) left = MAX((end - fin - seq + mss - 1) / mss, 1u);
	for (; n > left; n--) {
		take_record(conn, rtxq_at(q, 0), a);
		rtxq_pop(q);
	}
	rtxq_tag(q, rtxq_at(q, 0), rtxq_at(q, 0)->tag | TAG_HEAD);
	for (uint32_t i = 0; i < n; i++) {
		struct tcp_sent *s = rtxq_at(q, i);
		s->seq = seq;
		s->end = seq = i + 1 < n ? seq + mss : end;
	}
}

static void clean(struct tcp_sock *conn, struct tcp_acked *a)
{
	struct tcp_rtxq *q = &conn->rtxq;

	while (q->n && seq_le(rtxq_at(q, 0)->end, conn->snd.una)) {
		take_record(conn, rtxq_at(q, 0), a);
		rtxq_pop(q);
	}
	if (conn->snd.tso_bytes) cut_anew(conn, a);
	a->data_acked = a->segments != 0;
	chrono_drained(conn);
	a->reneged = q->n && (rtxq_at(q, 0)->tag & TAG_SACKED);
}

static void settle(struct tcp_sock *conn, struct tcp_acked *a)
{
	bool sampled = rtt_acked(conn, a);
	time_ns since = conn->rtxq.n ? conn_now(conn) - rtxq_at(&conn->rtxq, 0)->at : 0;

	if (a->data_acked) {
		a->set_timer = true;
		if (!conn->opt.sack) {
			recovery_eat_duplicates(conn, a->segments);
			/* Without SACK nobody knows which copy arrived. */
			if (a->retrans_acked) a->orig_delivered = false;
		} else if (seq_lt(a->reord, a->prior_fack)) {
			rack_note_reordering(conn, a->reord, TCPEXT_TCPSACKReorder);
		}
	} else if (conn->rtxq.n && sampled && a->first_sacked && conn_now(conn) - a->first_sacked > since) {
		/* Measured on what was sent after the first was: the timer goes on. Else it starts anew. */
		a->set_timer = true;
	}
	if (a->rtt >= 0 && conn->set.cc->sample) conn->set.cc->sample(conn, a->rtt);
}

/* RFC 5681 §2, as Linux: no text, no new window, nothing acknowledged; whether it brings SACK blocks does not matter. */
static bool is_duplicate(const struct tcp_acked *a)
{
	return !a->una_moved && !a->has_text && !a->wnd_news && !a->data_acked && !a->dsack;
}

static bool is_dubious(const struct tcp_sock *conn, const struct tcp_acked *a)
{
	return (!a->has_text && !a->wnd_news && !a->data_acked) || a->sacked_new || a->ece || a->dsack || conn->rec.phase != TCP_OPEN;
}

static void move_cwnd(struct tcp_sock *conn, const struct tcp_acked *a)
{
	uint32_t delivered = conn->cc.delivered - a->prior_delivered;
	bool reordered = conn->rec.reordering > conn_sysctl(conn)->tcp_reordering;

	if (a->ece) conn->cc.delivered_ce += delivered;
	if (prr_is_active(conn))
		prr_reduce(conn, delivered, conn->cc.lost - a->prior_lost, a->una_moved);
	else if (a->data_acked || (reordered && a->sacked_new))
		cc_acked(conn, delivered);
}

static void resend(struct tcp_sock *conn, enum tcp_resend what)
{
	if (what == RESEND_NEW) {
		/* RFC 5682 §3.1 step 2 (b) */
		output_new(conn);
		if (seq_gt(conn->snd.nxt, conn->rec.point)) return;
		conn->rec.frto = false;
	}
	if (what != RESEND_NONE) output_lost(conn);
}

static void judge(struct tcp_sock *conn, const struct segment *g, struct tcp_acked *a, uint32_t prior_out)
{
	enum tcp_resend what = RESEND_NONE;

	/* Nothing was in flight: only what D-SACK may undo is of interest. */
	if (prior_out) {
		clean(conn, a);
		settle(conn, a);
		rack_update_window(conn, a);
	}
	if (conn->rec.tlp_end) tlp_acked(conn, g, a);
	if (prior_out ? is_dubious(conn, a) : a->dsack) what = recovery_ack(conn, is_duplicate(a) && prior_out, a);
	if (!prior_out) return;
	if (a->set_timer && !tlp_schedule(conn, true)) timers_rearm(conn);
	rate_acked(conn, a);
	move_cwnd(conn, a);
	pacing_update(conn, snd_mss_plain(conn));
	resend(conn, what);
}

/* An ACK of before una: its SACK blocks may still be news. */
static void take_old(struct tcp_sock *conn, const struct segment *g, struct tcp_acked *a)
{
	if (!g->h.opts.n_sack || !conn->opt.sack) return;
	sack_learn(conn, g, conn->snd.una, a);
	resend(conn, recovery_ack(conn, false, a));
}

/* ---- our FIN ---- */

static enum step fin_acked(struct tcp_sock *conn)
{
	switch (conn->state) {
	case TCPS_FIN_WAIT_1:
		conn_enter(conn, TCPS_FIN_WAIT_2);
		sock_stir(&conn->inet.sk);
		if (!conn->inet.sk.closed) return STEP_NEXT;
		if (conn->set.linger2_s >= 0) {
			timers_fin_wait_2(conn);
			return STEP_NEXT;
		}
		conn_mib(conn, TCPEXT_TCPAbortOnLinger);
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

/* ---- all of it ---- */

static void prepare(struct tcp_sock *conn, const struct segment *g, struct tcp_acked *a)
{
	a->prior_una = conn->snd.una;
	a->prior_fack = rtxq_sacked_to(conn);
	a->reord = conn->snd.nxt;
	a->prior_delivered = conn->cc.delivered;
	a->prior_lost = conn->cc.lost;
	a->has_text = segment_end(g) != g->h.seq;
	a->una_moved = seq_gt(g->h.ack, conn->snd.una);
	note_echo(conn, g, a);
}

enum step input_ack(struct tcp_sock *conn, struct segment *g)
{
	bool open = conn->state == TCPS_ESTABLISHED;
	uint32_t prior_out;
	struct tcp_acked a = {0};

	/* As Linux: of a socket that is closed and whose FIN was acknowledged not enough is left to look at ACKs. */
	if (conn->state == TCPS_FIN_WAIT_2 && conn->inet.sk.closed) {
		if (g->h.flags & TCP_FIN) update_ts_recent(conn, g);
		return STEP_NEXT;
	}
	if (conn->state == TCPS_SYN_RECEIVED || conn->fastopen.unproven) {
		enum step r = ack_of_syn(conn, g);
		if (r != STEP_NEXT) return r;
	}
	if (open) ecn_seen(conn, g);
	/* RFC 9293 §3.10.7.4 fifth, and RFC 5961 §5.2 for what is too old; as Linux, nothing that was never sent either. */
	if (seq_gt(g->h.ack, conn->snd.nxt) || seq_lt(g->h.ack, conn->snd.una - (seq32)MIN(conn->snd.max_wnd, conn->count.bytes_acked))) {
		ack_challenge(conn);
		return step_drop(g, DROP_TCP_ACK);
	}
	if (open) window_measure_stamp(conn, g);
	prepare(conn, g, &a);
	if (seq_lt(g->h.ack, conn->snd.una)) {
		take_old(conn, g, &a);
		return STEP_NEXT;
	}
	update_ts_recent(conn, g);
	conn->when.heard = conn_now(conn);
	conn->trouble.probes = 0;
	conn->trouble.soft_err = 0;
	prior_out = conn->rtxq.n;
	a.wnd_news = update_window(conn, g);
	if (a.una_moved) advance(conn, g);
	sack_learn(conn, g, a.prior_una, &a);
	a.ece = ecn_echoed(conn, g);
	judge(conn, g, &a, prior_out);
	conn_mib_add(conn, TCPEXT_TCPDelivered, conn->cc.delivered - a.prior_delivered);
	if (a.ece) conn_mib_add(conn, TCPEXT_TCPDeliveredCE, conn->cc.delivered - a.prior_delivered);
	if (conn->rec.phase != TCP_LOSS) timers_recovered(conn);
	if (!prior_out) timers_window_news(conn);
	return a.una_moved && fin_is_acked(conn) ? fin_acked(conn) : STEP_NEXT;
}
