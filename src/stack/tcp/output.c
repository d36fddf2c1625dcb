/*
 * The one place that decides to send. Everybody who changed something that matters (queue, window, cwnd, scoreboard,
 * an ACK owed) calls tcp_output, which sends in this order:
 *
 *     1. what is lost, from rec.rtx up to rec.lost                    recovery.c decided what that is
 *     2. new data, while all three allow it:
 *            una ... nxt ... una + wnd       the peer's window
 *            pipe < cwnd                     the network
 *            Nagle, with Minshall's change   a small segment waits while another small one is in flight
 *     3. a bare ACK, if one is due and nothing above carried it
 *
 * Read first: RFC 9293 §3.7.4 and §3.8.6.2.1, RFC 896, draft-minshall-nagle.
 */
#include "stack/tcp/conn.h"
#include <errno.h>

uint32_t snd_mss(const struct tcp_sock *conn)
{
	uint32_t opts = segment_opt_len(conn), mss = conn->snd.mss - MIN(opts, (uint32_t)conn->snd.mss - 8);
	uint32_t half = conn->snd.max_wnd > MSS_DEFAULT ? conn->snd.max_wnd / 2 : conn->snd.max_wnd;

	/* Never more than half of the largest window seen (Linux's tcp_bound_to_half_wnd): RFC 9293 §3.8.6.2.1 (MUST-38) condition (3) comes with it. */
	return half && mss > half ? MAX(half, MSS_MIN) : mss;
}

void tcp_need_ack(struct tcp_sock *conn, enum tcp_ack_need need)
{
	conn->ack.need = (uint8_t)MAX(conn->ack.need, need);
}

void tcp_quick_ack(struct tcp_sock *conn, unsigned max)
{
	unsigned n = conn->rcv.wnd / (2u * MAX(conn->rcv.mss, (uint16_t)1));

	n = MIN(n ? n : 2, max);
	conn->ack.quick = (uint8_t)MAX(conn->ack.quick, n);
	conn->ack.pingpong = false;
}

static bool cwnd_allows(const struct tcp_sock *conn, uint32_t len)
{
	uint32_t pipe = recovery_pipe(conn);

	return pipe == 0 || pipe + len <= conn->cwnd;
}

/* ---- 1. what is lost ---- */

static bool send_lost(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;
	struct seq_range hole = sack_hole(conn, seq_lt(rec->rtx, conn->snd.una) ? conn->snd.una : rec->rtx, rec->lost);
	seq32 end = snd_end(conn);
	uint32_t data, len;
	bool fin;
	int r;

	if (hole.start == hole.end) return false;
	data = seq_lt(hole.end, end) ? hole.end - hole.start : end - hole.start;
	len = MIN(data, snd_mss(conn));
	fin = snd_fin_sent(conn) && seq_gt(hole.end, end) && hole.start + len == end;
	if (!rec->force && !cwnd_allows(conn, len)) return false;
	if (hole.start != conn->snd.una && !seq_lt(hole.start, conn->snd.una + conn->snd.wnd)) return false;
	r = segment_send(conn, hole.start, len, (uint8_t)(TCP_ACK | (hole.start + len == end ? TCP_PSH : 0) | (fin ? TCP_FIN : 0)));
	if (r < 0) return r == -EMSGSIZE && snd_mss(conn) < len;
	rtt_retransmitted(conn, hole.start);
	rec->rtx = hole.start + len + (fin ? 1 : 0);
	rec->force = false;
	conn->total_retrans++;
	conn_stack(conn)->tcp_retransmits++;
	conn->bytes_retrans += len;
	return true;
}

/* ---- 2. new data ---- */

/* A segment that is not full, though it holds all there is: may it go? */
static bool small_may_go(const struct tcp_sock *conn, bool fin)
{
	bool small_in_flight = seq_gt(conn->snd.sml, conn->snd.una) && seq_le(conn->snd.sml, conn->snd.nxt);

	if (fin || conn->snd.urgent) return true;
	if (conn->cork || conn->snd.more) return false;
	/* RFC 9293 §3.7.4 (SHLD-7, MUST-17), with Minshall's change: only small segments wait for small ones. */
	return conn->nodelay || !small_in_flight;
}

/* How much goes in the next segment: octets of data, and whether the FIN goes with them. false: nothing may go. */
static bool plan_new(struct tcp_sock *conn, uint32_t *ret_len, bool *ret_fin)
{
	uint32_t unsent = snd_unsent(conn), mss = snd_mss(conn), len;
	int32_t room = (int32_t)(conn->snd.una + conn->snd.wnd - conn->snd.nxt);
	bool fin_due = conn->snd.fin && !snd_fin_sent(conn), fin;

	if ((!unsent && !fin_due) || room <= 0) return false;
	len = MIN(MIN(unsent, mss), (uint32_t)room);
	fin = fin_due && len == unsent && len < (uint32_t)room;
	if (!len && !fin) return false;
	/* RFC 9293 §3.8.6.2.1 (MUST-38): cut short by the window: wait for it to open. */
	if (len < mss && len < unsent) return false;
	if (len < mss && !small_may_go(conn, fin)) return false;
	*ret_len = len;
	*ret_fin = fin;
	return true;
}

static bool emit_new(struct tcp_sock *conn, uint32_t len, bool fin)
{
	seq32 seq = conn->snd.nxt;
	/* RFC 9293 §3.9.1.2 (MUST-61): the last segment of what is queued is pushed. */
	uint8_t flags = (uint8_t)(TCP_ACK | (len && seq + len == snd_end(conn) ? TCP_PSH : 0) | (fin ? TCP_FIN : 0));

	int r = segment_send(conn, seq, len, flags);

	/* The path became narrower: cut anew. */
	if (r < 0) return r == -EMSGSIZE && snd_mss(conn) < len;
	conn->snd.nxt = seq + len + (fin ? 1 : 0);
	if (len && len < snd_mss(conn)) conn->snd.sml = conn->snd.nxt;
	rtt_start(conn, seq);
	return true;
}

static bool send_new(struct tcp_sock *conn)
{
	uint32_t len;
	bool fin;

	if (!plan_new(conn, &len, &fin)) return false;
	if (snd_flight(conn) == 0) cc_restart_idle(conn);
	if (!cwnd_allows(conn, len)) {
		conn->cwnd_limited = true;
		return false;
	}
	if (!emit_new(conn, len, fin)) return false;
	/* Linux's is_cwnd_limited: in slow start half a window in use is enough to let it grow. */
	conn->cwnd_limited = conn->cwnd < conn->ssthresh ? conn->cwnd < 2 * recovery_pipe(conn) : conn->cwnd < recovery_pipe(conn) + len;
	return true;
}

/* ---- all together ---- */

void tcp_output(struct tcp_sock *conn)
{
	if (!IN_STATES(conn, STATES_SYNCED)) return;
	while (send_lost(conn)) {}
	while (send_new(conn)) {}
	if (conn->ack.need == TCP_ACK_NOW)
		segment_send_ack(conn);
	else if (conn->ack.need == TCP_ACK_DELAYED)
		timers_delack(conn);
	timers_after_output(conn);
	sndbuf_freed(conn);
}

/* RFC 9293 §3.8.6.1 (MUST-35, MUST-36): probes the window. What fits is sent, small or not; else, as Linux does, an old
 * sequence number without data, which the peer has to answer. */
void output_probe(struct tcp_sock *conn)
{
	int32_t room = (int32_t)(conn->snd.una + conn->snd.wnd - conn->snd.nxt);
	uint32_t unsent = snd_unsent(conn), len = MIN(unsent, snd_mss(conn));

	if (room > 0 && (unsent || (conn->snd.fin && !snd_fin_sent(conn)))) {
		len = MIN(len, (uint32_t)room);
		emit_new(conn, len, conn->snd.fin && !snd_fin_sent(conn) && len == unsent && len < (uint32_t)room);
		return;
	}
	segment_send(conn, conn->snd.una - 1, 0, TCP_ACK);
}
