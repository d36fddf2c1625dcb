/*
 * DATA in: which TSNs have come, what is taken and what is not, and when that is acknowledged.
 *
 *     rcv.cum: all up to here have come     rcv.map: a bit for each of the 4096 beyond     rcv.highest: the last of those
 *
 * Octets are held until the program has read them; each chunk counts with what its bookkeeping takes, or a peer that sends single octets could have
 * a hundred times the memory it was promised.
 *
 * Read first: RFC 9260 §6.2, §6.6, §6.7.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define PIECE_COST ((uint32_t)sizeof(struct in_piece))

/* ---- the map ---- */

bool rcv_has(const struct assoc *a, seq32 tsn)
{
	return seq_le(tsn, a->rcv.cum) || (seq_le(tsn, a->rcv.highest) && a->rcv.map[tsn % TSN_WINDOW / 64] >> tsn % 64 & 1);
}

void rcv_mark(struct assoc *a, seq32 tsn)
{
	a->rcv.map[tsn % TSN_WINDOW / 64] |= (uint64_t)1 << tsn % 64;
	if (seq_gt(tsn, a->rcv.highest)) a->rcv.highest = tsn;
	while (seq_lt(a->rcv.cum, a->rcv.highest)) {
		seq32 next = a->rcv.cum + 1;
		uint64_t *word = &a->rcv.map[next % TSN_WINDOW / 64], bit = (uint64_t)1 << next % 64;
		if (!(*word & bit)) return;
		*word &= ~bit;
		a->rcv.cum = next;
	}
}

void rcv_begin(struct assoc *a, seq32 tsn)
{
	a->rcv.irs = tsn;
	a->rcv.cum = a->rcv.highest = tsn - 1;
	memset(a->rcv.map, 0, sizeof a->rcv.map);
}

/* ---- memory ---- */

/* RFC 9260 §6.2: as Linux, half of SO_RCVBUF; the other half pays for the bookkeeping. */
uint32_t assoc_rwnd(const struct assoc *a)
{
	uint32_t all = MAX(a->sock->inet.sk.rcvbuf / 2, SCTP_RWND_LEAST);

	return a->rcv.held < all ? all - a->rcv.held : 0;
}

static bool has_room(const struct assoc *a, seq32 tsn, uint32_t len)
{
	const struct sctp_sock *so = a->sock;
	/* RFC 9260 §6.2: what is new goes first, so that what fills a gap finds room. */
	uint64_t most = (uint64_t)so->inet.sk.rcvbuf * (seq_gt(tsn, a->rcv.highest) ? 1 : 2);

	if ((uint64_t)a->rcv.held + len + PIECE_COST <= most) return true;
	/* What fills the first gap must come in when there is nothing that the program could read to make room. */
	return tsn == a->rcv.cum + 1 && list_empty(&so->rcvq) && a->rcv.held <= 4ull * MAX(so->inet.sk.rcvbuf, PACKET_MAX);
}

void rcv_consumed(struct assoc *a, uint32_t charge)
{
	uint32_t all = MAX(a->sock->inet.sk.rcvbuf / 2, SCTP_RWND_LEAST), rwnd, worth = all / 8;

	a->rcv.held -= MIN(charge, a->rcv.held);
	rwnd = assoc_rwnd(a);
	/* RFC 9260 §6.2: silly windows are not told: less than a packet only where a SACK is owed anyway, and a large sender may wait for it. */
	if (!timer_is_set(&a->sack_timer)) worth = MAX(worth, MIN(all / 2, a->primary->mtu_bytes));
	if (assoc_in(a, SCTP_TAKES_DATA) && rwnd > a->rcv.rwnd_told && rwnd - a->rcv.rwnd_told >= worth) sack_send(a);
}

/* ---- a chunk ---- */

static void note_dup(struct assoc *a, seq32 tsn)
{
	a->stats.idupchunks++;
	a->rcv.sack_now = true;            /* RFC 9260 §6.2 */
	if (a->rcv.n_dups < DUPS_MAX) a->rcv.dups[a->rcv.n_dups++] = tsn;
}

static struct in_piece *piece_of(const struct sctp_data *h, const struct sctp_chunk *c)
{
	uint32_t len = c->len - (uint32_t)(SCTP_DATA_HDR - SCTP_CHUNK_HDR);
	struct in_piece *q = malloc(sizeof *q + len);

	if (!q) return NULL;
	*q = (struct in_piece){.tsn = h->tsn, .stream = h->stream, .ssn = h->ssn, .flags = c->flags, .ppid = h->ppid, .len = len};
	list_init(&q->node);
	memcpy(q->data, c->value + SCTP_DATA_HDR - SCTP_CHUNK_HDR, len);
	return q;
}

/* RFC 9260 §6.5: it is acknowledged, and goes nowhere. */
static void refuse_stream(struct assoc *a, struct path *from, const struct sctp_data *h)
{
	uint8_t info[4];

	rcv_mark(a, h->tsn);
	write32(info, (uint32_t)h->stream << 16);
	if (!a->rcv.sack_now) out_error(a, from, CAUSE_STREAM, info, sizeof info);
	a->rcv.sack_now = true;
}

static void count(struct assoc *a, const struct sctp_chunk *c, seq32 tsn)
{
	if (c->flags & CHUNK_DATA_U) a->stats.iuodchunks++;
	else a->stats.iodchunks++;
	if (seq_gt(tsn, a->rcv.cum + 1)) a->stats.outofseqtsns++;
}

bool data_receive(struct assoc *a, struct path *from, const struct sctp_chunk *c)
{
	struct sctp_data h;
	struct in_piece *q;

	if (sctp_data_parse(&h, c) < 0) return true;
	a->heard = from;
	autoclose_touch(a);
	if (c->len == SCTP_DATA_HDR - SCTP_CHUNK_HDR) {
		/* RFC 9260 §6.2: a chunk without data ends it. */
		uint8_t tsn[4];
		write32(tsn, h.tsn);
		out_abort(a, CAUSE_NO_USER_DATA, tsn, sizeof tsn);
		assoc_lost(a, ECONNABORTED, SCTP_COMM_LOST, CAUSE_NO_USER_DATA);
		return false;
	}
	if (rcv_has(a, h.tsn)) {
		note_dup(a, h.tsn);
		return true;
	}
	if (h.tsn - a->rcv.cum > TSN_WINDOW - 1) return true;
	if (h.stream >= a->in_streams) {
		refuse_stream(a, from, &h);
		return true;
	}
	if (a->sock->inet.sk.closed) {
		rcv_mark(a, h.tsn);        /* nobody will read it */
		return true;
	}
	if (assoc_rwnd(a) == 0) reassembly_press(a);
	q = has_room(a, h.tsn, c->len) ? piece_of(&h, c) : NULL;
	if (!q) {
		a->rcv.sack_now = true;
		return true;
	}
	count(a, c, h.tsn);
	if (c->flags & CHUNK_DATA_I) a->rcv.sack_now = true;   /* RFC 9260 §6.2: the I bit */
	rcv_mark(a, h.tsn);
	a->rcv.held += q->len + PIECE_COST;
	reassemble(a, q);
	return true;
}

void data_packet_end(struct assoc *a)
{
	struct stack *s = assoc_stack(a);
	bool gap = a->rcv.highest != a->rcv.cum;

	if (!assoc_in(a, SCTP_TAKES_DATA)) return;
	a->rcv.packets++;
	if (a->state == SCTP_SHUTDOWN_SENT) {
		/* RFC 9260 §9.2: SHUTDOWN says how far we are; a gap it can't tell. */
		uint8_t cum[4];
		write32(cum, a->rcv.cum);
		out_control(a, assoc_path_to_send(a, NULL), CHUNK_SHUTDOWN, 0, cum, sizeof cum);
		sack_send(a);
	} else if (gap || a->rcv.sack_now || a->rcv.packets >= a->set.sack_freq || a->set.sack_delay_ms == 0 || a->rcv.cum - a->rcv.irs < 1) {
		/* RFC 9260 §6.2, §6.7: of every second packet, and at once where something is missing; as Linux also of the first. */
		sack_send(a);
	} else if (!timer_is_set(&a->sack_timer)) {
		timer_set(s, &a->sack_timer, s->now + a->set.sack_delay_ms * NS_PER_MS);
	}
}
