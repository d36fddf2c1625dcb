/*
 * From DATA chunks to messages, and messages to their turn.
 *
 *     rcv.pieces   by TSN. A run from one with B to one with E, of one stream and number, is a message
 *     rcv.early    whole messages of ordered streams, before which another is missing; by stream and number
 *     sctp_sock.rcvq   what recv() finds
 *
 * A message that the receive buffer can't hold is delivered in part (RFC 9260 §6.9, RFC 6458 §8.1.20): it stands in the queue, grows, and the reader is
 * told with the last octets that they are the last.
 */
#include <stdlib.h>
#include "stack/sctp/assoc.h"

static struct in_piece *piece_next(const struct assoc *a, const struct in_piece *q)
{
	return q->node.next == &a->rcv.pieces ? NULL : list_entry(q->node.next, struct in_piece, node);
}

static struct in_piece *piece_before(const struct assoc *a, const struct in_piece *q)
{
	return q->node.prev == &a->rcv.pieces ? NULL : list_entry(q->node.prev, struct in_piece, node);
}

static uint32_t cost(const struct in_piece *q) { return q->len + (uint32_t)sizeof *q; }

static void insert(struct assoc *a, struct in_piece *q)
{
	struct list *at = &a->rcv.pieces;

	/* Mostly the last. */
	while (at->prev != &a->rcv.pieces && seq_gt(list_entry(at->prev, struct in_piece, node)->tsn, q->tsn)) at = at->prev;
	list_insert_before(at, &q->node);
}

/* ---- turns ---- */

static uint16_t *next_ssn(struct assoc *a, uint16_t stream)
{
	if (stream >= a->rcv.n_ssn) {
		uint32_t n = MIN(MAX((uint32_t)stream + 1, a->rcv.n_ssn * 2), 65536u);
		uint16_t *ssn = realloc(a->rcv.ssn, n * sizeof *ssn);
		if (!ssn) return NULL;
		memset(ssn + a->rcv.n_ssn, 0, (n - a->rcv.n_ssn) * sizeof *ssn);
		a->rcv.ssn = ssn;
		a->rcv.n_ssn = n;
	}
	return &a->rcv.ssn[stream];
}

static bool ssn_before(uint16_t x, uint16_t y) { return (int16_t)(uint16_t)(x - y) < 0; }

static bool is_behind(const struct in_msg *x, const struct in_msg *y)
{
	return x->stream != y->stream ? x->stream > y->stream : ssn_before(y->ssn, x->ssn);
}

/* By stream, and in a stream by number: so one walk finds all whose turn has come. */
static void wait_turn(struct assoc *a, struct in_msg *m)
{
	struct list *at = &a->rcv.early;

	while (at->prev != &a->rcv.early && is_behind(list_entry(at->prev, struct in_msg, node), m)) at = at->prev;
	list_insert_before(at, &m->node);
}

/* Those whose turn has come by now. */
void reassembly_deliver(struct assoc *a)
{
	list_each(struct in_msg, m, &a->rcv.early, node) {
		uint16_t *next = next_ssn(a, m->stream);
		if (!next || ssn_before(*next, m->ssn)) continue;
		if (*next == m->ssn) ++*next;
		list_remove(&m->node);
		rcvq_put(a->sock, m);
	}
}

static void deliver(struct assoc *a, struct in_msg *m)
{
	uint16_t *next = m->flags & SCTP_UNORDERED ? NULL : next_ssn(a, m->stream);

	if (!next) {
		rcvq_put(a->sock, m);
		return;
	}
	if (*next != m->ssn) {
		wait_turn(a, m);
		return;
	}
	++*next;
	rcvq_put(a->sock, m);
	if (!list_empty(&a->rcv.early)) reassembly_deliver(a);
}

/* ---- messages ---- */

static void take(struct in_msg *m, struct in_piece *q)
{
	list_remove(&q->node);
	list_append(&m->pieces, &q->node);
	m->len += q->len;
	m->charge += cost(q);
}

static struct in_msg *message_of(struct assoc *a, const struct in_piece *first)
{
	struct in_msg *m = in_msg_new(a);

	if (!m) return NULL;
	m->stream = first->stream;
	m->ssn = first->ssn;
	m->ppid = first->ppid;
	m->tsn = first->tsn;
	m->cum = a->rcv.cum;
	m->flags = first->flags & CHUNK_DATA_U ? SCTP_UNORDERED : 0;
	return m;
}

static bool belongs(const struct in_piece *q, const struct in_piece *after)
{
	return after->tsn == q->tsn + 1 && after->stream == q->stream && ((after->flags ^ q->flags) & CHUNK_DATA_U) == 0 &&
	       (q->flags & CHUNK_DATA_U || after->ssn == q->ssn) && !(q->flags & CHUNK_DATA_E) && !(after->flags & CHUNK_DATA_B);
}

/* The piece that begins the message of q, if all between are there. */
static struct in_piece *beginning(const struct assoc *a, struct in_piece *q)
{
	while (!(q->flags & CHUNK_DATA_B)) {
		struct in_piece *before = piece_before(a, q);
		if (!before || !belongs(before, q)) return NULL;
		q = before;
	}
	return q;
}

static struct in_piece *end_of_run(const struct assoc *a, struct in_piece *q)
{
	struct in_piece *next = piece_next(a, q);

	while (!(q->flags & CHUNK_DATA_E) && next && belongs(q, next)) {
		q = next;
		next = piece_next(a, q);
	}
	return q;
}

static void take_run(const struct assoc *a, struct in_msg *m, struct in_piece *q, const struct in_piece *last)
{
	for (bool more = true; more;) {
		struct in_piece *next = piece_next(a, q);
		more = q != last;
		take(m, q);
		q = next;
	}
}

/* ---- delivery in part ---- */

static void partial_ends(struct assoc *a)
{
	struct in_msg *m = a->rcv.partial;
	uint16_t *next = m->flags & SCTP_UNORDERED ? NULL : next_ssn(a, m->stream);

	m->whole = true;
	a->rcv.partial = NULL;
	if (next && *next == m->ssn) ++*next;
	reassembly_deliver(a);
}

static void partial_grows(struct assoc *a, struct in_piece *q)
{
	struct in_piece *last = end_of_run(a, q);
	bool ends = last->flags & CHUNK_DATA_E;

	a->rcv.partial_next = last->tsn + 1;
	take_run(a, a->rcv.partial, q, last);
	if (ends) partial_ends(a);
	sock_ready(&a->sock->inet.sk);
}

bool reassembly_press(struct assoc *a)
{
	struct in_piece *first = list_empty(&a->rcv.pieces) ? NULL : list_first(&a->rcv.pieces, struct in_piece, node), *last;
	uint16_t *next;
	struct in_msg *m;

	if (!first || a->rcv.partial || !(first->flags & CHUNK_DATA_B) || seq_gt(first->tsn, a->rcv.cum)) return false;
	next = first->flags & CHUNK_DATA_U ? NULL : next_ssn(a, first->stream);
	if (next && *next != first->ssn) return false;
	m = message_of(a, first);
	if (!m) return false;
	last = end_of_run(a, first);
	m->whole = false;
	a->rcv.partial = m;
	a->rcv.partial_next = last->tsn + 1;
	take_run(a, m, first, last);
	rcvq_put(a->sock, m);
	return true;
}

/* ---- in, and out ---- */

void reassemble(struct assoc *a, struct in_piece *q)
{
	struct in_piece *first, *last;
	struct in_msg *m;

	insert(a, q);
	if (a->rcv.partial && q->tsn == a->rcv.partial_next) {
		partial_grows(a, q);
		return;
	}
	first = beginning(a, q);
	last = first ? end_of_run(a, q) : NULL;
	if (!last || !(last->flags & CHUNK_DATA_E)) return;
	m = message_of(a, first);
	if (!m) return;                    /* it stays where it is, and the peer finds its window closed */
	take_run(a, m, first, last);
	deliver(a, m);
}

static void piece_drop(struct assoc *a, struct in_piece *q)
{
	list_remove(&q->node);
	a->rcv.held -= MIN(cost(q), a->rcv.held);
	free(q);
}

/* RFC 3758 §3.6: what of them is no message by now never will be. */
void reassembly_forward(struct assoc *a, seq32 cum)
{
	list_each(struct in_piece, q, &a->rcv.pieces, node)
		if (seq_le(q->tsn, cum)) piece_drop(a, q);
	if (!a->rcv.partial || seq_gt(a->rcv.partial_next, cum)) return;
	notify_partial_aborted(a, a->rcv.partial);
	partial_ends(a);
}

void reassembly_skip(struct assoc *a, uint16_t stream, uint16_t ssn)
{
	uint16_t *next = stream < a->in_streams ? next_ssn(a, stream) : NULL;

	if (next && !ssn_before(ssn, *next)) *next = (uint16_t)(ssn + 1);
}

/* What was before them is given up, or its sender would not begin anew. */
void reassembly_reset(struct assoc *a, struct streams which)
{
	struct stream_set set;

	stream_set_of(&set, which);
	list_each(struct in_msg, m, &a->rcv.early, node) {
		if (!stream_set_has(&set, m->stream)) continue;
		list_remove(&m->node);
		rcvq_put(a->sock, m);
	}
	for (uint32_t i = 0; i < a->rcv.n_ssn; i++)
		if (stream_set_has(&set, (uint16_t)i)) a->rcv.ssn[i] = 0;
}

void reassembly_reset_all(struct assoc *a)
{
	reassembly_forward(a, a->rcv.highest);
	reassembly_reset(a, (struct streams){.n = 0});
}

void reassembly_free(struct assoc *a)
{
	while (!list_empty(&a->rcv.pieces)) piece_drop(a, list_first(&a->rcv.pieces, struct in_piece, node));
	while (!list_empty(&a->rcv.early)) {
		struct in_msg *m = list_first(&a->rcv.early, struct in_msg, node);
		a->rcv.held -= MIN(m->charge, a->rcv.held);
		in_msg_free(m);
	}
	if (!a->rcv.partial) return;
	notify_partial_aborted(a, a->rcv.partial);
	a->rcv.partial->whole = true;
	a->rcv.partial = NULL;
}
