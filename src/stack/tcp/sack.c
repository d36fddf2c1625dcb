/*
 * Selective acknowledgment, both ways.
 *
 *     receiving: the runs of reassembly.c are reported, the one that changed last first        RFC 2018 §4
 *     sending:   the scoreboard, sorted ranges above una that the peer has                     RFC 6675 §3
 *
 *     una        s0      s1          s2            nxt
 *      |---------[=====)-[====)------[==========)---|       lost edge: above it fewer than DupThresh segments are sacked
 *
 * The scoreboard is bounded: ranges beyond its size are not kept, which costs a retransmission at worst.
 */
#include "stack/tcp/conn.h"
#include <stdlib.h>

#define SACKED_MAX 256

/* ---- receiving ---- */

uint8_t sack_report(const struct tcp_sock *conn, struct tcp_opts *o, uint8_t max)
{
	const struct tcp_runs *r = &conn->rcv.ooo;
	uint8_t n = MIN(r->n_latest, max);

	for (uint8_t i = 0; i < n; i++) {
		o->sack[i].start = r->latest[i].start;
		o->sack[i].end = r->latest[i].end;
	}
	return n;
}

/* ---- the scoreboard ---- */

static bool board_make_room(struct tcp_recovery *rec)
{
	uint16_t cap = rec->cap_sacked ? (uint16_t)(2 * rec->cap_sacked) : 8;
	struct seq_range *grown;

	if (rec->n_sacked < rec->cap_sacked) return true;
	if (cap > SACKED_MAX) return false;
	grown = realloc(rec->sacked, cap * sizeof *grown);
	if (!grown) return false;
	rec->sacked = grown;
	rec->cap_sacked = cap;
	return true;
}

static void board_remove(struct tcp_recovery *rec, uint16_t from, uint16_t n)
{
	for (uint16_t i = from; i < from + n; i++)
		rec->sacked_bytes -= rec->sacked[i].end - rec->sacked[i].start;
	memmove(&rec->sacked[from], &rec->sacked[from + n], (size_t)(rec->n_sacked - from - n) * sizeof *rec->sacked);
	rec->n_sacked = (uint16_t)(rec->n_sacked - n);
}

/* Adds [start, end), merging what it touches. true when it held anything new. */
static bool board_add(struct tcp_recovery *rec, struct seq_range a)
{
	uint16_t at = 0, n = 0;
	uint32_t before = rec->sacked_bytes;

	while (at < rec->n_sacked && seq_lt(rec->sacked[at].end, a.start))
		at++;
	while (at + n < rec->n_sacked && seq_le(rec->sacked[at + n].start, a.end)) {
		if (seq_lt(rec->sacked[at + n].start, a.start)) a.start = rec->sacked[at + n].start;
		if (seq_gt(rec->sacked[at + n].end, a.end)) a.end = rec->sacked[at + n].end;
		n++;
	}
	if (!n && !board_make_room(rec)) return false;
	if (n) board_remove(rec, at, n);
	memmove(&rec->sacked[at + 1], &rec->sacked[at], (size_t)(rec->n_sacked - at) * sizeof *rec->sacked);
	rec->sacked[at] = a;
	rec->n_sacked++;
	rec->sacked_bytes += a.end - a.start;
	return rec->sacked_bytes > before;
}

bool sack_learn(struct tcp_sock *conn, const struct segment *g)
{
	bool news = false;

	if (!conn->opt.sack) return false;
	for (uint8_t i = 0; i < g->h.opts.n_sack; i++) {
		struct seq_range a = {g->h.opts.sack[i].start, g->h.opts.sack[i].end};
		seq32 low = seq_gt(g->h.ack, conn->snd.una) ? g->h.ack : conn->snd.una;
		/* Blocks at or below the ACK are duplicates reported (RFC 2883) or old; what we never sent is a lie. */
		if (!seq_lt(a.start, a.end) || !seq_gt(a.start, low) || seq_gt(a.end, conn->snd.nxt)) continue;
		news |= board_add(&conn->rec, a);
	}
	return news;
}

void sack_advance(struct tcp_sock *conn)
{
	struct tcp_recovery *rec = &conn->rec;
	uint16_t n = 0;

	while (n < rec->n_sacked && seq_le(rec->sacked[n].end, conn->snd.una))
		n++;
	if (n) board_remove(rec, 0, n);
	if (rec->n_sacked && seq_lt(rec->sacked[0].start, conn->snd.una)) {
		rec->sacked_bytes -= conn->snd.una - rec->sacked[0].start;
		rec->sacked[0].start = conn->snd.una;
	}
}

void sack_clear(struct tcp_sock *conn)
{
	free(conn->rec.sacked);
	conn->rec.sacked = NULL;
	conn->rec.n_sacked = conn->rec.cap_sacked = 0;
	conn->rec.sacked_bytes = 0;
}

uint32_t sack_bytes_between(const struct tcp_sock *conn, seq32 from, seq32 to)
{
	const struct tcp_recovery *rec = &conn->rec;
	uint32_t n = 0;

	for (uint16_t i = 0; i < rec->n_sacked; i++) {
		seq32 a = seq_gt(rec->sacked[i].start, from) ? rec->sacked[i].start : from;
		seq32 b = seq_lt(rec->sacked[i].end, to) ? rec->sacked[i].end : to;
		if (seq_lt(a, b)) n += b - a;
	}
	return n;
}

/* RFC 6675 §4, IsLost: DupThresh ranges, or more than (DupThresh - 1) segments, are sacked above. */
seq32 sack_lost_edge(const struct tcp_sock *conn)
{
	const struct tcp_recovery *rec = &conn->rec;
	uint32_t above = 0, ranges = 0, few = (TCP_DUPACKS - 1) * snd_mss(conn);

	for (uint16_t i = rec->n_sacked; i-- > 0;) {
		above += rec->sacked[i].end - rec->sacked[i].start;
		if (++ranges >= TCP_DUPACKS || above > few) return rec->sacked[i].start;
	}
	return conn->snd.una;
}

struct seq_range sack_hole(const struct tcp_sock *conn, seq32 from, seq32 to)
{
	const struct tcp_recovery *rec = &conn->rec;

	for (uint16_t i = 0; i < rec->n_sacked; i++) {
		if (!seq_lt(from, to) || seq_lt(from, rec->sacked[i].start)) {
			if (seq_lt(rec->sacked[i].start, to)) to = rec->sacked[i].start;
			break;
		}
		if (seq_lt(from, rec->sacked[i].end)) from = rec->sacked[i].end;
	}
	return seq_lt(from, to) ? (struct seq_range){from, to} : (struct seq_range){to, to};
}
