/*
 * Loss recovery, as phases. What is lost is tagged in rtxq.c by rack.c (SACK) or here (without); how fast it is sent
 * again is cwnd's matter: prr.c in RECOVERY and CWR, slow start in LOSS.
 *
 *              duplicate, SACK            lost
 *     OPEN ───────────────► DISORDER ──────────► RECOVERY ── ACK of point ──► OPEN
 *        └── ECN, tail loss ──► CWR ── ACK above point ──► OPEN                      any ── time-out ──► LOSS
 *
 *     LOSS, RFC 5682 (F-RTO):  1  only the first is sent again
 *                              2  the next ACK moves una: send two new segments, to see what they bring
 *                              3  something never sent again was acknowledged: the time-out was spurious; undone
 *                                 a duplicate instead: it was real, and the rest is sent again
 *
 * point is nxt at the time the phase was entered; what undoing needs is in undo.c.
 *
 * Read first: RFC 5681 §3.2, RFC 6582, RFC 6675, RFC 5682 §3.1, RFC 8985.
 */
#include "stack/tcp/conn.h"

#define RENEGE_WAIT (10 * NS_PER_MS)

void recovery_init(struct tcp_sock *conn)
{
	memset(&conn->rec, 0, sizeof conn->rec);
	memset(&conn->rack, 0, sizeof conn->rack);
	conn->rec.reordering = (uint16_t)conn_sysctl(conn)->tcp_reordering;
	conn->rec.point = conn->snd.nxt;
	conn->rack.steps = 1;
}

/* As Linux: after a SYN that timed out a connection is in LOSS, which without SACK lasts until something above is acknowledged. */
void recovery_opened(struct tcp_sock *conn)
{
	if (conn->count.total_retrans && !conn->opt.sack) conn->rec.phase = TCP_LOSS;
}

void recovery_mark_lost(struct tcp_sock *conn, struct tcp_sent *s)
{
	if (s->tag & TAG_SACKED) return;
	if ((s->tag & TAG_LOST) && !(s->tag & TAG_RETRANS)) return;
	/* One that was sent again is lost once more. */
	if (s->tag & TAG_LOST) conn_mib(conn, TCPEXT_TCPLostRetransmit);
	rtxq_tag(&conn->rtxq, s, (s->tag & ~(unsigned)TAG_RETRANS) | TAG_LOST);
	conn->cc.lost++;
}

bool recovery_any_resent(const struct tcp_sock *conn)
{
	const struct tcp_rtxq *q = &conn->rtxq;

	return q->retrans || (q->n && (rtxq_at(q, 0)->tag & TAG_EVER));
}

/* ---- without SACK: RFC 6582 ---- */

static void limit_duplicates(struct tcp_sock *conn, uint32_t more)
{
	struct tcp_rtxq *q = &conn->rtxq;
	uint32_t holes = MIN(MAX(q->lost, 1u), q->n);

	if (q->sacked + holes <= q->n) return;
	/* More duplicates than segments: somebody reorders, or duplicates. */
	q->sacked = q->n - holes;
	conn->rec.reordering = (uint16_t)MIN(q->n + more, (uint32_t)conn_sysctl(conn)->tcp_max_reordering);
	conn->rec.reord_seen = true;
	conn->count.reord++;
	conn_mib(conn, TCPEXT_TCPRenoReorder);
}

static void add_duplicate(struct tcp_sock *conn)
{
	uint32_t before = conn->rtxq.sacked;

	conn->rtxq.sacked++;
	limit_duplicates(conn, 0);
	if (conn->rtxq.sacked > before) conn->cc.delivered += conn->rtxq.sacked - before;
}

/* segments were acknowledged: one of them filled the hole, the others had caused duplicates. */
void recovery_eat_duplicates(struct tcp_sock *conn, uint32_t segments)
{
	struct tcp_rtxq *q = &conn->rtxq;

	if (segments) {
		conn->cc.delivered += segments > q->sacked ? MAX(segments - q->sacked, 1u) : 1;
		q->sacked -= MIN(q->sacked, segments - 1);
	}
	limit_duplicates(conn, segments);
}

static void mark_first_lost(struct tcp_sock *conn, bool una_moved)
{
	bool recovering = conn->rec.phase == TCP_RECOVERY;
	struct tcp_sent *s = rtxq_at(&conn->rtxq, 0);

	/* RFC 5681 §3.2 (2): the third duplicate; RFC 6582 §3.2 (3): a partial ACK shows the next hole. */
	if (!(recovering ? una_moved : conn->rtxq.sacked >= conn->rec.reordering && conn->rec.phase < TCP_RECOVERY)) return;
	if (!(s->tag & TAG_LOST)) recovery_mark_lost(conn, s);
}

static void identify_loss(struct tcp_sock *conn, struct tcp_acked *a)
{
	uint32_t resent = conn->rtxq.retrans;

	if (!conn->rtxq.n) return;
	if (!conn->opt.sack) {
		mark_first_lost(conn, a->una_moved);
		return;
	}
	if (rack_mark_lost(conn)) a->set_timer = false;
	if (resent > conn->rtxq.retrans) a->retrans_lost = true;
}

/* ---- from phase to phase ---- */

void recovery_enter(struct tcp_sock *conn, bool ece)
{
	conn_mib(conn, conn->opt.sack ? TCPEXT_TCPSackRecovery : TCPEXT_TCPRenoRecovery);
	conn->rec.prior_ssthresh = 0;
	undo_begin(conn);
	if (!prr_is_active(conn)) {
		/* What ECN asked for is not undone. */
		if (!ece) conn->rec.prior_ssthresh = cc_current_ssthresh(conn);
		prr_begin(conn);
	}
	conn->rec.phase = TCP_RECOVERY;
}

void recovery_reduce(struct tcp_sock *conn)
{
	conn->rec.prior_ssthresh = 0;
	if (conn->rec.phase >= TCP_REDUCING) return;
	conn->rec.can_undo = false;
	prr_begin(conn);
	conn->rec.phase = TCP_REDUCING;
}

void recovery_keep_open(struct tcp_sock *conn)
{
	enum tcp_phase phase = conn->rtxq.sacked || conn->rtxq.lost || recovery_any_resent(conn) ? TCP_DISORDER : TCP_OPEN;

	if (conn->rec.phase == phase) return;
	conn->rec.phase = (uint8_t)phase;
	conn->rec.point = conn->snd.nxt;
}

static void try_to_open(struct tcp_sock *conn, const struct tcp_acked *a)
{
	if (!recovery_any_resent(conn)) conn->rec.retrans_at = 0;
	if (a->ece) recovery_reduce(conn);
	if (conn->rec.phase != TCP_REDUCING) recovery_keep_open(conn);
}

/* una reached point. true: nothing more to be done with this ACK. */
static bool leave(struct tcp_sock *conn, const struct tcp_acked *a)
{
	if (conn->rec.phase == TCP_REDUCING && conn->snd.una != conn->rec.point) {
		/* Above it, so that the peer has seen our CWR. */
		prr_end(conn);
		conn->rec.phase = TCP_OPEN;
	} else if (conn->rec.phase == TCP_RECOVERY) {
		if (!conn->opt.sack) conn->rtxq.sacked = 0;
		if (undo_at_end(conn, a)) return true;
		/* undo_at_end opened; cwnd ends at ssthresh unless given back. */
		if (conn->rec.can_undo) cc_set_cwnd(conn, conn->cc.ssthresh);
	}
	return false;
}

/* ---- LOSS ---- */

/* RFC 5682 §3.1. true: the ACK is dealt with. */
static bool frto_acked(struct tcp_sock *conn, bool duplicate, bool recovered, const struct tcp_acked *a, enum tcp_resend *ret)
{
	struct tcp_recovery *rec = &conn->rec;

	/* Step 3 (b), SACK-enhanced: what was never sent again was delivered. */
	if (a->orig_delivered && undo_timeout(conn, a, true)) return true;
	if (seq_gt(conn->snd.nxt, rec->point)) {
		if (a->sacked_new || duplicate) rec->frto = false;   /* step 3 (a): the loss was real */
	} else if (a->una_moved && !recovered) {
		/* Step 2 (b): two new segments if there are any and the window lets them; else as ever. */
		rec->point = conn->snd.nxt;
		if (snd_unsent(conn) && seq_gt(conn->snd.una + conn->snd.wnd, conn->snd.nxt)) {
			*ret = RESEND_NEW;
			return true;
		}
		rec->frto = false;
	}
	return false;
}

static void acked_in_loss(struct tcp_sock *conn, bool duplicate, const struct tcp_acked *a, enum tcp_resend *ret)
{
	bool recovered = seq_ge(conn->snd.una, conn->rec.point);

	if (a->una_moved && undo_timeout(conn, a, false)) return;
	if (conn->rec.frto && frto_acked(conn, duplicate, recovered, a, ret)) return;
	if (recovered) {
		undo_at_end(conn, a);
		return;
	}
	if (!conn->opt.sack) {
		/* A duplicate now is of the new data that F-RTO sent. */
		if (seq_gt(conn->snd.nxt, conn->rec.point) && duplicate) add_duplicate(conn);
		else if (a->una_moved) conn->rtxq.sacked = 0;
	}
	*ret = RESEND_LOST;
}

/* ---- an ACK ---- */

/* The ACK stands before something sacked earlier: the peer has thrown that away (RFC 2018 §8). Soon all is sent again. */
static bool peer_reneges(struct tcp_sock *conn, struct tcp_acked *a)
{
	if (!a->reneged || !a->una_moved) return false;
	timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, MAX(conn->rtt.srtt / 2, RENEGE_WAIT));
	a->set_timer = false;
	return true;
}

static bool acked_in_recovery(struct tcp_sock *conn, bool duplicate, struct tcp_acked *a)
{
	if (!a->una_moved) {
		if (!conn->opt.sack && duplicate) add_duplicate(conn);
	} else if (undo_partial(conn, a)) {
		return false;
	}
	if (undo_by_dsack(conn)) try_to_open(conn, a);
	identify_loss(conn, a);
	if (conn->rec.phase == TCP_RECOVERY) return true;
	/* Undone, and yet something is lost: a new episode. */
	if (!conn->rtxq.lost) return false;
	recovery_enter(conn, a->ece);
	return true;
}

static bool acked_otherwise(struct tcp_sock *conn, bool duplicate, struct tcp_acked *a)
{
	if (!conn->opt.sack) {
		if (a->una_moved) conn->rtxq.sacked = 0;
		if (duplicate) add_duplicate(conn);
	}
	if (conn->rec.phase <= TCP_DISORDER) undo_by_dsack(conn);
	identify_loss(conn, a);
	if (!conn->rtxq.lost) {
		try_to_open(conn, a);
		return false;
	}
	if (conn->rec.phase <= TCP_DISORDER && mtuprobe_lost(conn)) return false;
	recovery_enter(conn, a->ece);
	return true;
}

enum tcp_resend recovery_ack(struct tcp_sock *conn, bool duplicate, struct tcp_acked *a)
{
	enum tcp_resend resend = RESEND_NONE;

	if (!conn->rtxq.n) conn->rtxq.sacked = 0;
	if (a->ece) conn->rec.prior_ssthresh = 0;
	if (peer_reneges(conn, a)) return RESEND_NONE;
	if (conn->rec.phase == TCP_OPEN)
		conn->rec.retrans_at = 0;
	else if (seq_ge(conn->snd.una, conn->rec.point) && leave(conn, a))
		return RESEND_NONE;
	if (conn->rec.phase == TCP_RECOVERY) return acked_in_recovery(conn, duplicate, a) ? RESEND_LOST : RESEND_NONE;
	if (conn->rec.phase == TCP_LOSS) {
		acked_in_loss(conn, duplicate, a, &resend);
		identify_loss(conn, a);
		if (conn->rec.phase != TCP_OPEN && !a->retrans_lost) return resend;
	}
	return acked_otherwise(conn, duplicate, a) ? RESEND_LOST : resend;
}

/* ---- time-out ---- */

static void mark_all_lost(struct tcp_sock *conn)
{
	struct tcp_rtxq *q = &conn->rtxq;

	/* RFC 2018 §8: the first can't be sacked, or una would be behind it. */
	conn->rec.reneged = q->n && (rtxq_at(q, 0)->tag & TAG_SACKED);
	if (conn->rec.reneged) conn_mib(conn, TCPEXT_TCPSACKReneging);
	if (!conn->opt.sack) q->sacked = 0;
	for (uint32_t i = 0; i < q->n; i++) {
		struct tcp_sent *s = rtxq_at(q, i);
		if (conn->rec.reneged) rtxq_tag(q, s, s->tag & ~(unsigned)TAG_SACKED);
		/* RFC 8985 §6.3: not what was sent too recently to be known. */
		else if (conn->opt.sack && i > 0 && rack_remaining(conn, s) > 0) continue;
		recovery_mark_lost(conn, s);
	}
}

/* Of a run of time-outs the first is counted by what it ends. */
static void count_timeout(const struct tcp_sock *conn)
{
	bool sack = conn->opt.sack;

	if (conn->trouble.retries) return;
	if (conn->rec.phase == TCP_RECOVERY) conn_mib(conn, sack ? TCPEXT_TCPSackRecoveryFail : TCPEXT_TCPRenoRecoveryFail);
	else if (conn->rec.phase == TCP_LOSS) conn_mib(conn, TCPEXT_TCPLossFailures);
	else if (conn->rec.phase == TCP_DISORDER || conn->rtxq.sacked) conn_mib(conn, sack ? TCPEXT_TCPSackFailures : TCPEXT_TCPRenoFailures);
}

void recovery_timeout(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;
	bool fresh = rec->phase < TCP_RECOVERY, again = conn->trouble.retries != 0;

	/* RFC 5681 §3.1 (4): ssthresh once for a window, whatever the number of time-outs. */
	bool reduce = rec->phase <= TCP_DISORDER || !seq_gt(rec->point, conn->snd.una) || (rec->phase == TCP_LOSS && !again);
	count_timeout(conn);
	mark_all_lost(conn);
	if (reduce) {
		rec->prior_ssthresh = cc_current_ssthresh(conn);
		rec->prior_cwnd = conn->cc.cwnd;
		conn->cc.ssthresh = conn->set.cc->ssthresh(conn);
		undo_begin(conn);
	}
	if (conn->set.cc->event) conn->set.cc->event(conn, CC_TIMEOUT);
	/* RFC 5681 §3.1 (5): the loss window; what is still in flight does not count against it. */
	cc_set_cwnd(conn, rtxq_in_flight(&conn->rtxq) + 1);
	/* Many duplicates and yet a time-out: the degree of reordering was overrated. */
	if (rec->phase <= TCP_DISORDER && conn->rtxq.sacked >= (uint32_t)conn_sysctl(conn)->tcp_reordering)
		rec->reordering = (uint16_t)MIN(rec->reordering, conn_sysctl(conn)->tcp_reordering);
	rec->phase = TCP_LOSS;
	rec->point = conn->snd.nxt;
	rec->tlp_end = 0;
	ecn_reduced(conn);
	/* RFC 5682 §3.1 step 1 */
	rec->frto = conn_sysctl(conn)->tcp_frto && (fresh || again);
}

/* What follows each other and is lost becomes one record, which resend.c will cut as it fits. Where the device cuts, packets stay apart. */
static void join_lost(struct tcp_sock *conn)
{
	struct tcp_rtxq *q = &conn->rtxq;

	for (uint32_t i = 0; i + 1 < q->n;) {
		const struct tcp_sent *s = rtxq_at(q, i);
		bool apart = (conn->snd.tso_bytes && (s[1].tag & TAG_HEAD)) || (s[0].tag & TAG_EOR);
		if (!apart && (s[0].tag & s[1].tag & TAG_LOST) && !((s[0].tag | s[1].tag) & TAG_RETRANS))
			rtxq_join(q, i);
		else
			i++;
	}
}

/* Where the device cuts, what was joined may go again as one packet: records are of a segment each. */
static void cut_lost(struct tcp_sock *conn, uint32_t mss)
{
	for (uint32_t i = 0; i < conn->rtxq.n; i++) {
		struct tcp_sent *s = rtxq_at(&conn->rtxq, i);
		if (!(s->tag & TAG_LOST) || s->end - s->seq <= mss || !seq_lt(s->seq + mss, snd_end(conn))) continue;
		if (!rtxq_split(&conn->rtxq, i, s->seq + mss)) return;
		s = rtxq_at(&conn->rtxq, i);
		rtxq_tag(&conn->rtxq, s, s->tag & ~(unsigned)(TAG_PUSH | TAG_EOR));
		rtxq_tag(&conn->rtxq, s + 1, s[1].tag & ~(unsigned)TAG_HEAD);
	}
}

/* Linux's tcp_non_congestion_loss_retransmit. */
static void resend_without_blame(struct tcp_sock *conn)
{
	if (!conn->opt.sack) limit_duplicates(conn, 0);
	if (conn->rec.phase != TCP_LOSS) {
		conn->rec.point = conn->snd.nxt;
		conn->cc.ssthresh = cc_current_ssthresh(conn);
		conn->rec.prior_ssthresh = 0;
		conn->rec.can_undo = false;
		conn->rec.phase = TCP_LOSS;
	}
	output_lost(conn);
}

/* The path MTU shrank: what is too long goes again, cut anew, with no blame on the network. */
void recovery_resegment(struct tcp_sock *conn)
{
	uint32_t mss = snd_mss(conn);

	/* Where the device cuts, a segment that was acknowledged in part begins where it did; what is cut now begins with what is left. */
	if (conn->rtxq.n && seq_lt(rtxq_at(&conn->rtxq, 0)->seq, conn->snd.una)) rtxq_at(&conn->rtxq, 0)->seq = conn->snd.una;
	for (uint32_t i = 0; i < conn->rtxq.n; i++) {
		struct tcp_sent *s = rtxq_at(&conn->rtxq, i);
		if (s->end - s->seq > mss) recovery_mark_lost(conn, s);
	}
	if (!conn->rtxq.lost) return;
	join_lost(conn);
	if (conn->snd.tso_bytes) cut_lost(conn, mss);
	resend_without_blame(conn);
}

void recovery_resend_all(struct tcp_sock *conn)
{
	for (uint32_t i = 0; i < conn->rtxq.n; i++)
		recovery_mark_lost(conn, rtxq_at(&conn->rtxq, i));
	resend_without_blame(conn);
}
