/*
 * RACK: what was sent a while before something that arrived is lost. Loss is told by time, not by counting duplicates,
 * so that retransmissions lost again and small flights are seen too.
 *
 *     sent     s1 ── s2 ── s3 ── s4               delivered: s4, at sent_at, after a round trip of rtt
 *     now      lost when  s.at + rtt + reo_wnd <= now, and s left before s4
 *
 * The reordering window is nothing until reordering was seen, while duplicate ACKs abound; else a quarter of the least
 * round trip, times what D-SACK showed to be needed. If time is not yet up, the reorder timer looks again.
 *
 * Read first: RFC 8985 §6.
 */
#include "stack/tcp/conn.h"

#define PERSIST_RECOVERIES 16          /* RFC 8985 §6.2 step 4 */
#define TIMER_SLACK (2 * NS_PER_MS)    /* Linux's TCP_TIMEOUT_MIN */

static bool sent_after(time_ns at, seq32 end, time_ns than_at, seq32 than_end)
{
	/* RFC 8985 §6.2 step 2, RACK_sent_after */
	return at > than_at || (at == than_at && seq_gt(end, than_end));
}

void rack_advance(struct tcp_sock *conn, const struct tcp_sent *s)
{
	struct tcp_rack *rack = &conn->rack;
	time_ns rtt = conn_now(conn) - s->at;

	/* RFC 8985 §6.2 step 2: too soon to be the answer to the retransmission. */
	if ((s->tag & TAG_EVER) && rtt < conn->rtt.min) return;
	rack->advanced = true;
	rack->rtt = rtt;
	if (!sent_after(s->at, s->end, rack->sent_at, rack->end)) return;
	rack->sent_at = s->at;
	rack->end = s->end;
}

/* ---- reordering ---- */

/* RFC 8985 §6.2 step 3: something was delivered below what had been delivered before. */
void rack_note_reordering(struct tcp_sock *conn, seq32 low, enum mib_tcp_ext how)
{
	uint32_t mss = snd_mss_plain(conn), degree;
	seq32 fack = rtxq_sacked_to(conn);

	if (!seq_lt(low, fack)) return;
	degree = (fack - low + mss - 1) / mss;
	if (degree > conn->rec.reordering) conn->rec.reordering = (uint16_t)MIN(degree, (uint32_t)conn_sysctl(conn)->tcp_max_reordering);
	conn->rec.reord_seen = true;
	conn->count.reord++;
	conn_mib(conn, how);
}

/* RFC 8985 §6.2 step 4: D-SACKs say that the window was too small: wider, but once a round trip, and for 16 recoveries. */
void rack_update_window(struct tcp_sock *conn, const struct tcp_acked *a)
{
	struct tcp_rack *rack = &conn->rack;

	if (!a->sample_delivered || conn_sysctl(conn)->tcp_recovery & TCP_RECOVERY_STATIC_WINDOW) return;
	if ((int32_t)(a->sample_delivered - rack->last_delivered) < 0) rack->dsack_seen = false;
	if (rack->dsack_seen) {
		rack->steps = (uint8_t)MIN(rack->steps + 1, UINT8_MAX);
		rack->dsack_seen = false;
		rack->last_delivered = conn->cc.delivered;
		rack->persist = PERSIST_RECOVERIES;
	} else if (!rack->persist) {
		rack->steps = 1;
	}
}

void rack_window_was_right(struct tcp_sock *conn)
{
	if (conn->rack.persist) conn->rack.persist--;
}

void rack_window_was_small(struct tcp_sock *conn)
{
	conn->rack.persist = (uint8_t)MIN(conn->rack.persist + 1, PERSIST_RECOVERIES);
}

static time_ns window(const struct tcp_sock *conn)
{
	/* RFC 8985 §6.2 step 4: without reordering seen, none in recovery or when DupThresh says it begins. */
	bool begins = conn->rtxq.sacked >= conn->rec.reordering && !(conn_sysctl(conn)->tcp_recovery & TCP_RECOVERY_NO_DUPTHRESH);

	if (!conn->rec.reord_seen && (conn->rec.phase >= TCP_RECOVERY || begins)) return 0;
	return MIN(conn->rtt.min / 4 * conn->rack.steps, conn->rtt.srtt);
}

/* ---- loss ---- */

time_ns rack_remaining(const struct tcp_sock *conn, const struct tcp_sent *s)
{
	return s->at + conn->rack.rtt - conn_now(conn);
}

/* RFC 8985 §6.2 step 5: how long until the last candidate is lost if nothing more is heard; 0: there is none. */
static time_ns detect(struct tcp_sock *conn)
{
	struct tcp_rtxq *q = &conn->rtxq;
	time_ns wnd = window(conn), wait = 0;

	for (uint32_t i = 0; i < q->n; i++) {
		struct tcp_sent *s = rtxq_at(q, i);
		if ((s->tag & TAG_SACKED) || ((s->tag & TAG_LOST) && !(s->tag & TAG_RETRANS))) continue;
		if (!sent_after(conn->rack.sent_at, conn->rack.end, s->at, s->end)) {
			/* Those never sent again lie in the order in which they were sent. */
			if (!(s->tag & TAG_EVER)) break;
			continue;
		}
		if (rack_remaining(conn, s) + wnd <= 0)
			recovery_mark_lost(conn, s);
		else
			wait = MAX(wait, rack_remaining(conn, s) + wnd);
	}
	return wait;
}

bool rack_mark_lost(struct tcp_sock *conn)
{
	time_ns wait;

	if (!conn->rack.advanced) return false;
	conn->rack.advanced = false;
	wait = detect(conn);
	if (wait) timers_set_rtx(conn, TCP_TIMER_REORDER, wait + TIMER_SLACK);
	return wait != 0;
}

/* RFC 8985 §6.3: time is up for what is still missing. */
void rack_timeout(struct tcp_sock *conn)
{
	uint32_t before = rtxq_in_flight(&conn->rtxq), lost = conn->cc.lost;

	detect(conn);
	if (before != rtxq_in_flight(&conn->rtxq)) {
		if (conn->rec.phase != TCP_RECOVERY) {
			recovery_enter(conn, false);
			prr_reduce(conn, 1, conn->cc.lost - lost, false);
		}
		output_lost(conn);
	}
	if (conn->timer_role != TCP_TIMER_RETRANSMIT) timers_rearm(conn);
}
