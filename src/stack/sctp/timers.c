/*
 * T3: something on a path was not acknowledged in time. All that is on its way there is taken to be lost, and the path begins again with one packet.
 *
 * Read first: RFC 9260 §6.3.2, §6.3.3, §7.2.3.
 */
#include "stack/sctp/assoc.h"

void t3_start(struct path *p) { timer_set(assoc_stack(p->assoc), &p->t3, assoc_now(p->assoc) + p->rto_ns); }

void piece_lost(struct out_piece *q)
{
	piece_lands(q);
	q->again = true;
	q->missing = 0;
}

void t3_fire(struct timer *t)
{
	struct path *p = container_of(t, struct path, t3);
	struct assoc *a = p->assoc;

	if (p->flight == 0 && !seq_gt(a->snd.advanced, a->snd.acked)) return;
	p->ssthresh = MAX(p->cwnd / 2, 4 * p->mtu_bytes);
	p->cwnd = p->mtu_bytes;
	p->partial_acked = 0;
	list_each(struct out_piece, q, &a->snd.flight, node) {
		if (!q->flying || q->path != p) continue;
		q->fast = false;
		piece_lost(q);
	}
	a->snd.recovering = false;
	path_backoff(p);
	if (!path_error(p)) return;
	path_route(p);
	if (!timer_is_set(&p->heartbeat) || p->errors == 1) heartbeat_schedule(p);
	if (seq_gt(a->snd.advanced, a->snd.acked)) forward_send(a);
	sctp_output(a);
}
