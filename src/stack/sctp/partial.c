/*
 * Partial reliability: a message that has lived its time, or was sent often enough, is given up, and the peer told to wait for it no more.
 *
 * Read first: RFC 3758, RFC 7496.
 */
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define SKIPS_MOST 128u

static unsigned policy_index(const struct out_msg *m) { return m->policy >> 4 & 3; }

static bool has_died(const struct assoc *a, const struct out_piece *q)
{
	const struct out_msg *m = q->msg;

	if (m->policy == SCTP_PR_SCTP_RTX) return q->again && q->sent > m->policy_value;
	/* Without a policy a lifetime is of what has not left yet. */
	if (m->policy != SCTP_PR_SCTP_TTL && m->begun) return false;
	return assoc_now(a) >= m->dies_at;
}

static void count(struct assoc *a, const struct out_msg *m, bool sent)
{
	struct out_stream *st = m->stream < a->out_streams ? &a->snd.streams[m->stream] : NULL;
	unsigned i = policy_index(m);

	if (sent) a->stats.abandoned_sent[i]++;
	else a->stats.abandoned_unsent[i]++;
	if (!st) return;
	if (!st->given_up) st->given_up = calloc(1, sizeof *st->given_up);
	if (!st->given_up) return;
	if (sent) st->given_up->sent[i]++;
	else st->given_up->unsent[i]++;
}

static void give_up_unsent(struct assoc *a, const struct out_msg *m)
{
	list_each(struct out_piece, q, &a->snd.queue, node) {
		if (q->msg != m) continue;
		notify_failed(a, q, false, 0);
		count(a, m, false);
		piece_free(a, q);
	}
}

static void give_up_sent(struct assoc *a, const struct out_msg *m)
{
	list_each(struct out_piece, q, &a->snd.flight, node) {
		if (q->msg != m || q->abandoned) continue;
		notify_failed(a, q, true, 0);
		count(a, m, true);
		q->abandoned = true;
		q->again = false;
		piece_lands(q);
	}
}

/* RFC 3758 §3.5 C2: what the peer need not wait for. */
static bool advance(struct assoc *a)
{
	seq32 before = a->snd.advanced;

	list_each(const struct out_piece, q, &a->snd.flight, node) {
		if (!q->abandoned) break;
		if (seq_gt(q->tsn, a->snd.advanced)) a->snd.advanced = q->tsn;
	}
	return a->snd.advanced != before;
}

static struct out_msg *find_dead(const struct assoc *a)
{
	list_each(const struct out_piece, q, &a->snd.queue, node)
		if ((!q->msg->begun || a->peer_forwards) && has_died(a, q)) return q->msg;
	if (!a->peer_forwards) return NULL;
	list_each(const struct out_piece, q, &a->snd.flight, node)
		if (!q->abandoned && !q->gap_acked && has_died(a, q)) return q->msg;
	return NULL;
}

bool prune(struct assoc *a)
{
	struct out_msg *dead;

	if (!a->snd.mortal) return false;
	while ((dead = find_dead(a))) {
		dead->refs++;              /* its last piece goes while we look at it */
		give_up_sent(a, dead);
		give_up_unsent(a, dead);
		out_msg_unref(dead);
	}
	return a->peer_forwards && advance(a);
}

void forward_send(struct assoc *a)
{
	uint8_t value[4 + 4 * SKIPS_MOST];
	size_t len = 4;
	struct path *to = assoc_path_to_send(a, NULL);

	write32(value, a->snd.advanced);
	/* RFC 3758 §3.2: of each ordered message the stream and the number; the pieces of one follow each other. */
	list_each(const struct out_piece, q, &a->snd.flight, node) {
		if (!q->abandoned || seq_gt(q->tsn, a->snd.advanced) || len == sizeof value) break;
		if (q->flags & CHUNK_DATA_U) continue;
		if (len > 4 && read16(value + len - 4) == q->msg->stream && read16(value + len - 2) == q->msg->ssn) continue;
		write16(value + len, q->msg->stream);
		write16(value + len + 2, q->msg->ssn);
		len += 4;
	}
	out_control(a, to, CHUNK_FORWARD_TSN, 0, value, len);
	if (!timer_is_set(&to->t3)) t3_start(to);
}

void forward_receive(struct assoc *a, const struct sctp_chunk *c)
{
	seq32 cum = read32(c->value);

	a->rcv.sack_now = true;
	if (seq_le(cum, a->rcv.cum) || cum - a->rcv.cum > TSN_WINDOW - 1) return;
	for (seq32 tsn = a->rcv.cum + 1; seq_le(tsn, cum); tsn++)
		if (!rcv_has(a, tsn)) rcv_mark(a, tsn);
	reassembly_forward(a, cum);
	for (size_t at = 4; at + 4 <= c->len; at += 4) reassembly_skip(a, read16(c->value + at), read16(c->value + at + 2));
	reassembly_deliver(a);
}
