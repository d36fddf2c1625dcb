/*
 * Undoing: when it turns out that nothing was lost, cwnd and ssthresh become again what they were.
 *
 *     Eifel     an ACK echoes a timestamp older than the first retransmission: the original arrived     RFC 3522, RFC 4015
 *     D-SACK    every retransmission was reported as a duplicate                                        RFC 3708
 *     F-RTO     after a time-out, something never sent again is acknowledged                            RFC 5682 (recovery.c)
 *
 * undo_retrans counts the retransmissions that were not reported as duplicates; when it comes to 0 all were needless.
 */
#include "stack/tcp/conn.h"

void undo_begin(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;

	rec->can_undo = true;
	rec->undo_from = conn->snd.una;
	/* Retransmissions of before may still be reported. -1: none was made yet, and none reported does not mean that all were. */
	rec->undo_retrans = (int32_t)conn->rtxq.retrans + (rec->tlp_end && rec->tlp_resent);
	if (!rec->undo_retrans) rec->undo_retrans = -1;
}

void undo_resent(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;

	if (!rec->retrans_at) {
		rec->retrans_at = MAX(conn_now(conn), 1);
		rec->retrans_ts = ts_clock(conn_now(conn), conn->opt.offset);
	}
	rec->undo_retrans = MAX(rec->undo_retrans, 0) + 1;
}

void undo_count(struct tcp_sock *conn, seq32 end, uint32_t segments)
{
	struct tcp_recovery *rec = &conn->rec;

	if (!rec->can_undo || rec->undo_retrans <= 0 || !seq_gt(end, rec->undo_from)) return;
	rec->undo_retrans = MAX(rec->undo_retrans - (int32_t)segments, 0);
}

/* RFC 3522 §3.2 step 5: it answers what was sent before the first retransmission. Nothing sent again at all: then certainly; but see held_without_sack. */
static bool original_arrived(const struct tcp_sock *conn, const struct tcp_acked *a)
{
	if (!conn->rec.retrans_at) return conn->opt.sack || seq_lt(conn->snd.una, conn->rec.point);
	return a->has_ecr && (int32_t)(a->ecr - conn->rec.retrans_ts) < 0;
}

static bool may_undo(const struct tcp_sock *conn, const struct tcp_acked *a)
{
	return conn->rec.can_undo && (conn->rec.undo_retrans == 0 || original_arrived(conn, a));
}

static void forget_losses(struct tcp_sock *conn)
{
	for (uint32_t i = 0; i < conn->rtxq.n; i++) {
		struct tcp_sent *s = rtxq_at(&conn->rtxq, i);
		rtxq_tag(&conn->rtxq, s, s->tag & ~(unsigned)TAG_LOST);
	}
}

/* RFC 4015 §3.2 */
static void give_back(struct tcp_sock *conn, bool nothing_lost)
{
	struct tcp_recovery *rec = &conn->rec;

	if (nothing_lost) forget_losses(conn);
	if (rec->prior_ssthresh) {
		conn->cc.cwnd = conn->set.cc->undo(conn);
		if (rec->prior_ssthresh > conn->cc.ssthresh) {
			conn->cc.ssthresh = rec->prior_ssthresh;
			ecn_reduction_undone(conn);
		}
	}
	conn->cc.stamp = conn_now(conn);
	rec->can_undo = false;
	conn->rack.advanced = true;   /* RACK looks at everything again */
}

/* RFC 6582 §3.2: without SACK, ACKs of exactly point may be of what was needlessly sent again: the phase is held until something above. */
static bool held_without_sack(struct tcp_sock *conn)
{
	if (conn->opt.sack || conn->snd.una != conn->rec.point) return false;
	if (!recovery_any_resent(conn)) conn->rec.retrans_at = 0;
	return true;
}

/* All of the episode was acknowledged. true: stay in the phase. */
bool undo_at_end(struct tcp_sock *conn, const struct tcp_acked *a)
{
	if (may_undo(conn, a)) {
		conn_mib(conn, conn->rec.phase == TCP_LOSS ? TCPEXT_TCPLossUndo : TCPEXT_TCPFullUndo);
		give_back(conn, false);
	} else {
		rack_window_was_right(conn);
	}
	if (held_without_sack(conn)) return true;
	conn->rec.phase = TCP_OPEN;
	conn->rec.reneged = false;
	return false;
}

/* RFC 2883 §5: all that was sent again was sent in vain. */
bool undo_by_dsack(struct tcp_sock *conn)
{
	if (!conn->rec.can_undo || conn->rec.undo_retrans) return false;
	rack_window_was_small(conn);
	conn_mib(conn, TCPEXT_TCPDSACKUndo);
	give_back(conn, false);
	return true;
}

/* A partial ACK that an original brought: it was reordering. true: retransmissions are out, so wait for what they bring. */
bool undo_partial(struct tcp_sock *conn, struct tcp_acked *a)
{
	if (!conn->rec.can_undo || !original_arrived(conn, a)) return false;
	rack_note_reordering(conn, a->prior_una, TCPEXT_TCPTSReorder);
	if (conn->rtxq.retrans) return true;
	if (!recovery_any_resent(conn)) conn->rec.retrans_at = 0;
	conn_mib(conn, TCPEXT_TCPPartialUndo);
	give_back(conn, true);
	recovery_keep_open(conn);
	return false;
}

/* In LOSS; frto: F-RTO found it spurious. */
bool undo_timeout(struct tcp_sock *conn, const struct tcp_acked *a, bool frto)
{
	if (!frto && !may_undo(conn, a)) return false;
	conn_mib(conn, TCPEXT_TCPLossUndo);
	if (frto) conn_mib(conn, TCPEXT_TCPSpuriousRTOs);
	give_back(conn, true);
	conn->trouble.retries = 0;
	if (held_without_sack(conn)) return true;
	if (frto || conn->opt.sack) {
		conn->rec.phase = TCP_OPEN;
		conn->rec.reneged = false;
	}
	return true;
}
