/*
 * DATA out: what is to be sent again first, then what is new, as far as the path's congestion window and the peer's receive window let it; several chunks
 * to a packet, and a SACK that is owed in front.
 *
 * Read first: RFC 9260 §6.1, §6.3.3, §6.10, §7.2.
 */
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define TSNS_OUT_MOST (TSN_WINDOW - 64u)   /* that are not acknowledged: the peer may keep no more than we do */

static uint32_t cost(const struct out_piece *q) { return q->len + (uint32_t)sizeof *q; }

void out_msg_unref(struct out_msg *m)
{
	if (--m->refs == 0) free(m);
}

void piece_lands(struct out_piece *q)
{
	struct path *p = q->path;

	if (!q->flying) return;
	q->flying = false;
	p->flight -= q->len;
	p->assoc->snd.in_flight -= q->len;
	if (q->timed) p->timing = q->timed = false;
}

void piece_free(struct assoc *a, struct out_piece *q)
{
	piece_lands(q);
	if (q->sent == 0) a->snd.unsent -= q->len;
	a->snd.queued -= cost(q);
	a->sock->queued -= cost(q);
	list_remove(&q->node);
	out_msg_unref(q->msg);
	free(q);
}

void snd_fail_all(struct assoc *a, uint32_t err)
{
	while (!list_empty(&a->snd.flight)) {
		struct out_piece *q = list_first(&a->snd.flight, struct out_piece, node);
		notify_failed(a, q, true, err);
		piece_free(a, q);
	}
	while (!list_empty(&a->snd.queue)) {
		struct out_piece *q = list_first(&a->snd.queue, struct out_piece, node);
		notify_failed(a, q, false, err);
		piece_free(a, q);
	}
}

/* ---- one packet ---- */

static void put_piece(struct assoc *a, struct sctp_out *o, struct path *to, struct out_piece *q)
{
	struct sctp_data h = {q->tsn, q->msg->stream, q->msg->ssn, q->msg->ppid};
	uint8_t *at = out_chunk(o, CHUNK_DATA, q->flags, SCTP_DATA_HDR - SCTP_CHUNK_HDR + q->len);

	sctp_data_emit(&h, at);
	memcpy(at + SCTP_DATA_HDR - SCTP_CHUNK_HDR, q->data, q->len);
	piece_lands(q);
	q->path = to;
	q->flying = true;
	q->again = false;
	q->sent_at = assoc_now(a);
	q->sent++;
	to->flight += q->len;
	a->snd.in_flight += q->len;
	a->snd.peer_rwnd -= MIN(q->len, a->snd.peer_rwnd);
	/* RFC 9260 §6.3.1 C4, C5: one measurement a round trip, and none of what was sent twice. */
	if (q->sent == 1 && !to->timing) to->timing = q->timed = true;
}

/* One packet has one key. */
static bool fits(const struct sctp_out *o, const struct out_piece *q)
{
	return q->msg->key == o->key && sctp_padded(SCTP_DATA_HDR + q->len) <= o->room - o->p->len;
}

/* A packet with the SACK that is owed, if any. room: at least for one piece, however large it was cut. */
static bool begin(struct assoc *a, struct sctp_out *o, const struct path *to, const struct out_piece *q)
{
	uint32_t need = (uint32_t)(SCTP_HDR_LEN + sctp_padded(SCTP_DATA_HDR + q->len)), room = path_packet_room(to) - auth_room(a);

	if (!out_begin(o, MAX(room, need))) return false;
	o->has_data = true;
	o->key = q->msg->key;
	if ((timer_is_set(&a->sack_timer) || a->rcv.sack_now) && need + SCTP_CHUNK_HDR + SCTP_SACK_FIXED + 4 * a->rcv.n_dups + ecn_echo_room(a) <= room &&
	    a->rcv.highest == a->rcv.cum)
		sack_write(a, o);
	return true;
}

static void send_packet(struct assoc *a, struct sctp_out *o, struct path *to)
{
	if (!timer_is_set(&to->t3)) t3_start(to);
	out_send(o, a, to);
}

/* ---- again ---- */

/* What T3 took for lost goes another way if there is one; what three SACKs did, the same. */
static struct path *path_for_again(const struct assoc *a, const struct out_piece *q)
{
	if (q->fast && q->path && q->path->state == SCTP_ACTIVE) return q->path;
	return assoc_path_to_send(a, q->path);
}

static struct out_piece *next_again(const struct assoc *a)
{
	list_each(struct out_piece, q, &a->snd.flight, node)
		if (q->again && !q->abandoned) return q;
	return NULL;
}

static void send_again(struct assoc *a)
{
	struct out_piece *first;
	/* RFC 9260 §7.2.4 (3): the first packet of a fast retransmit goes whatever the window is. */
	bool free_packet = true;

	while ((first = next_again(a))) {
		struct path *to = path_for_again(a, first);
		struct sctp_out o;
		if (to->flight > 0 && to->flight + first->len > to->cwnd && !(free_packet && first->fast && first->sent == 1)) return;
		if (!begin(a, &o, to, first)) return;
		free_packet = false;
		list_each(struct out_piece, q, &a->snd.flight, node) {
			if (!q->again || q->abandoned || path_for_again(a, q) != to) continue;
			if (!fits(&o, q)) break;
			put_piece(a, &o, to, q);
			a->stats.rtxchunks++;
		}
		send_packet(a, &o, to);
	}
}

/* ---- new ---- */

static struct path *path_for_new(const struct assoc *a, const struct out_piece *q)
{
	struct path *p = q->msg->over ? assoc_path(a, &q->msg->to) : NULL;

	return p && p->state != SCTP_INACTIVE ? p : assoc_path_to_send(a, NULL);
}

/* Nagle's algorithm, as RFC 9260 §6.1 allows it: less than a packet waits while something is on its way. */
static bool waits_for_more(const struct assoc *a, const struct out_piece *q)
{
	if (a->sock->nodelay || a->state != SCTP_ESTABLISHED || !q->msg->delayable) return false;
	return a->snd.in_flight > 0 && a->snd.unsent < assoc_fragment_point(a);
}

static bool may_send(const struct assoc *a, const struct path *to, const struct out_piece *q, bool in_packet)
{
	/* RFC 9260 §6.1 (A): against a closed window one chunk probes. (B): the window may be passed by less than a packet. */
	if (a->snd.peer_rwnd < q->len && a->snd.in_flight > 0) return false;
	if (a->snd.next_tsn - a->snd.acked > TSNS_OUT_MOST) return false;
	if (!in_packet && to->flight >= to->cwnd) return false;
	return !waits_for_more(a, q) || in_packet;
}

static void number(struct assoc *a, struct out_piece *q)
{
	struct out_msg *m = q->msg;

	/* Ordered messages are numbered as they leave: what is given up before has no number that would be missed. */
	if (!m->begun && !(q->flags & CHUNK_DATA_U)) m->ssn = a->snd.streams[m->stream].ssn++;
	m->begun = true;
	q->tsn = a->snd.next_tsn++;
	if (q->flags & CHUNK_DATA_U) a->stats.ouodchunks++;
	else a->stats.oodchunks++;
	a->snd.unsent -= q->len;
	schedule_sent(a, q);
	list_remove(&q->node);
	list_append(&a->snd.flight, &q->node);
}

static bool send_new_packet(struct assoc *a)
{
	struct out_piece *q = schedule_next(a);
	struct path *to = q ? path_for_new(a, q) : NULL;
	struct sctp_out o;
	bool any = false;

	if (!q || !may_send(a, to, q, false) || !begin(a, &o, to, q)) return false;
	for (; q; q = schedule_next(a)) {
		if (any && (path_for_new(a, q) != to || !may_send(a, to, q, true))) break;
		if (!fits(&o, q)) break;
		number(a, q);
		put_piece(a, &o, to, q);
		any = true;
	}
	send_packet(a, &o, to);
	return true;
}

/* RFC 9260 §6.1 (D): Max.Burst: what a SACK that acknowledges much lets go at once. */
static void send_new(struct assoc *a)
{
	uint32_t packets = 0;

	while ((a->set.max_burst == 0 || packets < a->set.max_burst) && send_new_packet(a)) packets++;
}

void sctp_output(struct assoc *a)
{
	if (!assoc_in(a, SCTP_SENDS_DATA)) return;
	if (prune(a)) forward_send(a);
	send_again(a);
	if (!next_again(a)) send_new(a);
}
