/*
 * The tail loss probe: when nothing comes back for two round trips, one segment more – new, or the last one again – asks
 * the peer for an ACK, whose SACK blocks let RACK find what is missing; so a lost tail costs no time-out.
 *
 *     sent  1 2 3 4      4'                         3 and 4 were lost: 4' brings SACK of 4, and RACK finds 3
 *           └── 2 srtt ──┘ tlp_end = nxt
 *
 * If the ACK of the probe tells of nothing missing, the retransmission either repaired the loss of the very last
 * segment, in which case cwnd comes down as for any loss, or was needless, which a D-SACK or a further ACK tells.
 *
 * Read first: RFC 8985 §7.
 */
#include "stack/tcp/conn.h"

#define PTO_MIN_RTT (2 * NS_PER_MS)

static time_ns probe_delay(const struct tcp_sock *conn)
{
	time_ns pto;

	/* RFC 8985 §7.2 */
	if (!conn->rtt.srtt) return TCP_RTO_INIT;
	pto = 2 * conn->rtt.srtt;
	/* One segment in flight: its ACK may be delayed. Linux allows for the least RTO. */
	return pto + (conn->rtxq.n == 1 ? conn_rto_min(conn) : PTO_MIN_RTT);
}

bool tlp_schedule(struct tcp_sock *conn, bool advancing)
{
	time_ns rto = advancing ? conn->rtt.rto : timers_rto_left(conn), pto;

	/* RFC 8985 §7.2: with SACK only, and not while losses are being repaired. */
	if (!conn_sysctl(conn)->tcp_early_retrans || !conn->rtxq.n || !conn->opt.sack || conn->fastopen.unproven) return false;
	if (conn->rec.phase != TCP_OPEN && conn->rec.phase != TCP_REDUCING) return false;
	pto = probe_delay(conn);
	if (rto > 0) pto = MIN(pto, rto);
	timers_set_rtx(conn, TCP_TIMER_TAIL, pto);
	return true;
}

void tlp_timeout(struct tcp_sock *conn)
{
	struct tcp_rtxq *q = &conn->rtxq;

	/* RFC 8985 §7.3: one at a time; new data before old. */
	if (q->n && !conn->rec.tlp_end) {
		bool is_new = output_one_new(conn);
		if (is_new || output_repeat(conn, q->n - 1) == 0) {
			conn_mib(conn, TCPEXT_TCPLossProbes);
			conn->rec.tlp_resent = !is_new;
			conn->rec.tlp_end = conn->snd.nxt;
			/* As Linux: the whole time-out from now on, for the probe's ACK to come. */
			timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, rtt_timeout(conn));
			return;
		}
	}
	timers_rearm(conn);
}

void tlp_acked(struct tcp_sock *conn, const struct segment *g, const struct tcp_acked *a)
{
	if (!conn->rec.tlp_end || seq_lt(g->h.ack, conn->rec.tlp_end)) return;
	if (!conn->rec.tlp_resent || a->dsack_of_probe) {
		conn->rec.tlp_end = 0;
	} else if (seq_gt(g->h.ack, conn->rec.tlp_end)) {
		/* RFC 8985 §7.4.2: the probe repaired a loss that nobody else saw. */
		conn_mib(conn, TCPEXT_TCPLossProbeRecovery);
		recovery_reduce(conn);
		prr_end(conn);
		recovery_keep_open(conn);
	} else if (!a->una_moved && !a->has_text && !a->wnd_news && !a->data_acked && !a->sacked_new) {
		/* Two ACKs for two copies: nothing was lost. */
		conn->rec.tlp_end = 0;
	}
}
