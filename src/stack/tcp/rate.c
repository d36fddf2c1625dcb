/*
 * How fast octets get through: the delivery rate, sampled as Linux does for TCP_INFO.
 *
 *     sent     first ├──── send phase ────┤ the segment                 what left within the one phase
 *     acked           delivered ├──── ACK phase ────┤ now               was delivered within the other
 *
 * A segment keeps from when it left how much had been delivered, since when that was so, and when the youngest of it had left. Once it is delivered
 * itself, what was delivered since, over the longer of the two phases, is a sample: neither a burst of segments nor one of ACKs makes the path
 * look faster than it is. A sample from a time when the program had too little to send tells of the program; it counts only if it
 * is no worse than the one before.
 *
 * Read first: draft-ietf-ccwg-bbr §4.1.
 */
#include "stack/tcp/conn.h"

static uint32_t us(time_ns t) { return (uint32_t)MIN(t / NS_PER_US, (time_ns)UINT32_MAX); }

void rate_sent(struct tcp_sock *conn, struct tcp_sent *s)
{
	struct tcp_figures *f = conn_figures(conn);
	struct tcp_rate *r = f ? &f->rate : NULL;

	s->delivered = conn->cc.delivered;
	if (!r) return;
	/* Nothing is in flight: all that comes back from now on was delivered within this time. */
	if (!conn->rtxq.n) r->first_sent_at = r->delivered_at = s->at;
	s->since_first_us = us(s->at - r->first_sent_at);
	s->since_delivered_us = us(s->at - r->delivered_at);
	s->tag = (uint8_t)((s->tag & ~(unsigned)TAG_APP_LIMITED) | (r->app_limited ? TAG_APP_LIMITED : 0u));
}

/* Of what one ACK delivers the segment that left last counts. */
void rate_delivered(struct tcp_sock *conn, const struct tcp_sent *s, struct tcp_acked *a)
{
	struct tcp_rate *r = conn->figures ? &conn->figures->rate : NULL;

	if (!r) return;
	if (a->rate.any && (s->at < r->first_sent_at || (s->at == r->first_sent_at && !seq_gt(s->end, a->rate.end)))) return;
	a->rate.any = true;
	a->rate.end = s->end;
	a->rate.delivered = s->delivered;
	a->rate.from = s->at - s->since_delivered_us * NS_PER_US;
	a->rate.send_us = s->since_first_us;
	a->rate.limited = s->tag & TAG_APP_LIMITED;
	r->first_sent_at = s->at;
}

void rate_acked(struct tcp_sock *conn, const struct tcp_acked *a)
{
	struct tcp_rate *r = conn->figures ? &conn->figures->rate : NULL;
	uint32_t delivered = conn->cc.delivered - a->rate.delivered, interval_us;

	if (!r) return;
	if (r->app_limited && (int32_t)(conn->cc.delivered - r->app_limited) > 0) r->app_limited = 0;
	if (conn->cc.delivered != a->prior_delivered) r->delivered_at = conn_now(conn);
	if (!a->rate.any || a->reneged) return;
	interval_us = MAX(a->rate.send_us, us(conn_now(conn) - a->rate.from));
	/* Faster than a round trip: of a segment sent again whose first copy was delivered. */
	if (interval_us < us(conn->rtt.min)) return;
	if (a->rate.limited && (uint64_t)delivered * r->interval_us < (uint64_t)r->delivered * interval_us) return;
	r->delivered = delivered;
	r->interval_us = interval_us;
	r->by_path = !a->rate.limited;
}

void rate_check_program(struct tcp_sock *conn)
{
	struct tcp_figures *f = conn_figures(conn);
	uint32_t in_flight = rtxq_in_flight(&conn->rtxq);

	if (!f || in_flight >= conn->cc.cwnd || conn->rtxq.lost > conn->rtxq.retrans || snd_unsent(conn) >= snd_mss(conn)) return;
	f->rate.app_limited = MAX(conn->cc.delivered + in_flight, 1u);
}

uint64_t rate_of(const struct tcp_sock *conn)
{
	const struct tcp_rate *r = conn->figures ? &conn->figures->rate : NULL;

	return r && r->interval_us ? (uint64_t)r->delivered * snd_mss(conn) * 1000000 / r->interval_us : 0;
}
