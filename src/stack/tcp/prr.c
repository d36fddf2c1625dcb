/*
 * Proportional rate reduction: cwnd comes down to ssthresh within a round trip, one segment going out for about every
 * 1/beta delivered, whatever pattern the ACKs have.
 *
 *     in flight > ssthresh   out = ssthresh * delivered / prior_cwnd                    proportional
 *     below                  out = as many as were delivered, one more when it goes well  slow start back up to ssthresh
 *
 * It serves recovery from loss and, with nothing lost, the reduction that ECN asks for (phase CWR).
 *
 * Read first: RFC 9937 §5-6.
 */
#include "stack/tcp/conn.h"

void prr_begin(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;

	/* RFC 9937 §6.1 */
	rec->point = conn->snd.nxt;
	rec->tlp_end = 0;
	rec->prior_cwnd = conn->cc.cwnd;
	rec->prr_delivered = rec->prr_out = 0;
	conn->cc.cnt = 0;
	conn->cc.ssthresh = conn->set.cc->ssthresh(conn);
	ecn_reduced(conn);
}

bool prr_is_active(const struct tcp_sock *conn) { return conn->rec.phase == TCP_REDUCING || conn->rec.phase == TCP_RECOVERY; }

void prr_reduce(struct tcp_sock *conn, uint32_t delivered, uint32_t lost, bool una_moved)
{
	struct tcp_recovery *rec = &conn->rec;
	uint32_t flight = rtxq_in_flight(&conn->rtxq), ssthresh = conn->cc.ssthresh;
	int64_t out;

	if (!delivered || !rec->prior_cwnd) return;
	rec->prr_delivered += delivered;
	if (flight > ssthresh) {
		/* RFC 9937 §6.2: the proportional part, rounded up. */
		out = (int64_t)(((uint64_t)ssthresh * rec->prr_delivered + rec->prior_cwnd - 1) / rec->prior_cwnd) - rec->prr_out;
	} else {
		/* RFC 9937 §6.2: PRR-SSRB, and PRR-CRB while more is being lost. */
		out = MAX((int64_t)rec->prr_delivered - rec->prr_out, (int64_t)delivered);
		if (una_moved && !lost) out++;
		out = MIN(out, (int64_t)(ssthresh - flight));
	}
	/* RFC 9937 §6.2: the fast retransmit itself is never held back. */
	out = MAX(out, rec->prr_out ? 0 : 1);
	conn->cc.cwnd = (uint32_t)(flight + out);
}

/* RFC 9937 §6.4: at the end cwnd is ssthresh, unless the reduction was undone. */
void prr_end(struct tcp_sock *conn)
{
	if (conn->cc.ssthresh >= CC_INFINITE || (conn->rec.phase != TCP_REDUCING && !conn->rec.can_undo)) return;
	cc_set_cwnd(conn, conn->cc.ssthresh);
}
