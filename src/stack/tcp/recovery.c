/*
 * Which octets are lost, and when they are sent again.
 *
 *     una                 rtx              lost                      nxt
 *      |== sent again ==|== lost, waiting ==|===== in the network =====|        less what the scoreboard holds
 *
 * Two marks say it all: what is not sacked below `lost` is deemed lost; what is not sacked below `rtx` was sent again.
 * So what is in the network (RFC 6675's pipe) is
 *
 *     pipe = (nxt - una) - sacked - unsacked octets of [rtx, lost)
 *
 * and everything else is moving the marks:
 *
 *     third duplicate ACK   FAST_RECOVERY: point = nxt, rtx = una, lost = una + 1 segment (SACK: as far as it tells)
 *     partial ACK           lost = una + 1 segment at least                      RFC 6582, without SACK one a round trip
 *     ACK of point          OPEN
 *     time-out              LOSS: rtx = una, lost = point = nxt, cwnd = 1 segment
 *
 * Without SACK each duplicate ACK counts as one segment sacked somewhere. That is the window inflation of RFC 5681 in
 * other words, and limited transmit (RFC 3042) follows from it.
 *
 * Read first: RFC 5681 §3.2, RFC 6582, RFC 6675.
 */
#include "stack/tcp/conn.h"

void recovery_init(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;

	rec->phase = TCP_OPEN;
	rec->dupacks = 0;
	rec->force = false;
	rec->point = rec->rtx = rec->lost = conn->snd.una;
}

/* Octets above una that reached the peer, as far as we know. */
static uint32_t sacked_octets(const struct tcp_sock *conn)
{
	uint32_t flight = snd_flight(conn), mss = snd_mss(conn);

	if (conn->opt.sack) return conn->rec.sacked_bytes;
	/* The segment at una is the one that is missing. */
	return flight > mss ? MIN(conn->rec.dupacks * mss, flight - mss) : 0;
}

uint32_t recovery_pipe(const struct tcp_sock *conn)
{
	const struct tcp_recovery *rec = &conn->rec;
	uint32_t flight = snd_flight(conn), out = sacked_octets(conn);

	if (seq_lt(rec->rtx, rec->lost)) {
		uint32_t waiting = rec->lost - rec->rtx;
		if (conn->opt.sack) waiting -= sack_bytes_between(conn, rec->rtx, rec->lost);
		out += waiting;
	}
	return flight > out ? flight - out : 0;
}

/* At least the first unacknowledged segment, and with SACK all that it shows to be lost. */
static void mark_lost(struct tcp_sock *conn, bool head)
{
	struct tcp_recovery *rec = &conn->rec;
	seq32 edge = conn->opt.sack ? sack_lost_edge(conn) : conn->snd.una;
	seq32 first = conn->snd.una + MIN(snd_mss(conn), snd_flight(conn));

	if (head && seq_lt(edge, first)) edge = first;
	if (seq_gt(edge, rec->lost)) rec->lost = edge;
}

static void enter_fast_recovery(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;

	/* RFC 5681 §3.2 (2, 3), RFC 6582 §3.2 (2, 3) */
	conn->ssthresh = conn->cc->ssthresh(conn);
	conn->cwnd = conn->ssthresh;
	conn->cwnd_acked = 0;
	rec->phase = TCP_FAST_RECOVERY;
	rec->point = conn->snd.nxt;
	rec->rtx = rec->lost = conn->snd.una;
	rec->force = true;
	mark_lost(conn, true);
}

static void leave_recovery(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;
	uint32_t mss = snd_mss(conn);

	/* RFC 6582 §3.2 (3): full acknowledgment, first option: no burst. */
	if (rec->phase == TCP_FAST_RECOVERY) conn->cwnd = MIN(conn->ssthresh, MAX(snd_flight(conn), mss) + mss);
	rec->phase = TCP_OPEN;
	rec->dupacks = 0;
	rec->rtx = rec->lost = conn->snd.una;
	rec->force = false;
}

static void acked_in_fast_recovery(struct tcp_sock *conn, uint32_t acked)
{
	struct tcp_recovery *rec = &conn->rec;
	uint32_t mss = snd_mss(conn), segments = acked / mss;

	/* RFC 6582 §3.2 (3): a partial ACK: what follows it is missing too. The inflation goes down by what was acknowledged, less one segment. */
	rec->dupacks = segments > 1 ? (uint16_t)(rec->dupacks - MIN(rec->dupacks, segments - 1)) : rec->dupacks;
	if (!conn->opt.sack) {
		rec->rtx = rec->lost = conn->snd.una;
		rec->force = true;
	}
	mark_lost(conn, true);
}

static void acked_in_order(struct tcp_sock *conn, uint32_t acked)
{
	conn->rec.dupacks = 0;
	if (conn->cwnd_limited) conn->cc->acked(conn, acked);
}

/* RFC 6582 §3.2 (2): after a time-out the same window is not recovered from twice. */
static bool recovery_due(const struct tcp_sock *conn)
{
	if (conn->rec.phase != TCP_OPEN || seq_lt(conn->snd.una, conn->rec.point)) return false;
	return conn->rec.dupacks >= TCP_DUPACKS || (conn->opt.sack && seq_gt(sack_lost_edge(conn), conn->snd.una));
}

static void keep_marks_above_una(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;

	if (seq_lt(rec->rtx, conn->snd.una)) rec->rtx = conn->snd.una;
	if (seq_lt(rec->lost, conn->snd.una)) rec->lost = conn->snd.una;
	if (rec->phase == TCP_OPEN && seq_lt(rec->point, conn->snd.una)) rec->point = conn->snd.una;
}

void recovery_ack(struct tcp_sock *conn, uint32_t acked, bool duplicate, bool new_sack)
{
	struct tcp_recovery *rec = &conn->rec;

	keep_marks_above_una(conn);
	if (rec->phase != TCP_OPEN && acked && seq_ge(conn->snd.una, rec->point)) {
		if (rec->phase == TCP_LOSS) conn->cc->acked(conn, acked);
		leave_recovery(conn);
		return;
	}
	/* After a time-out they may answer what was needlessly sent again. */
	if (duplicate && rec->phase != TCP_LOSS && rec->dupacks < UINT16_MAX) rec->dupacks++;
	switch (rec->phase) {
	case TCP_OPEN:
		if (acked) acked_in_order(conn, acked);
		if (recovery_due(conn)) enter_fast_recovery(conn);
		break;
	case TCP_FAST_RECOVERY:
		if (acked) acked_in_fast_recovery(conn, acked);
		else if (new_sack) mark_lost(conn, false);
		break;
	case TCP_LOSS:
		if (acked) conn->cc->acked(conn, acked);
		break;
	}
}

void recovery_timeout(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;

	/* RFC 5681 §3.1 (4, 5): once for a window, whatever the number of time-outs. */
	if (rec->phase != TCP_LOSS) conn->ssthresh = conn->cc->ssthresh(conn);
	conn->cwnd = snd_mss(conn);
	conn->cwnd_acked = 0;
	/* RFC 6675 §5.1, RFC 2018 §8: the peer may have dropped what it had sacked. */
	sack_clear(conn);
	rec->phase = TCP_LOSS;
	rec->dupacks = 0;
	rec->rtx = conn->snd.una;
	rec->lost = rec->point = conn->snd.nxt;
	rec->force = true;
}

void recovery_resegment(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;

	sack_clear(conn);
	rec->phase = TCP_LOSS;
	rec->dupacks = 0;
	rec->rtx = conn->snd.una;
	rec->lost = rec->point = conn->snd.nxt;
	rec->force = true;
}
