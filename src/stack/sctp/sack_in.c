/*
 * SACK in: what has arrived is let go, what three SACKs say is missing is sent again at once, and the congestion window follows.
 *
 * Read first: RFC 9260 §6.2.1, §6.3.2, §7.2.
 */
#include "stack/sctp/assoc.h"

#define MISSING_REPORTS 3u
#define PATHS_MOST SCTP_ADDRS_MAX

/* What one SACK says of a path. */
struct credit { struct path *path; uint32_t octets, flight_before; bool earliest; };
struct sack_work {
	struct assoc *a;
	struct credit credits[PATHS_MOST];
	uint32_t n;
	seq32 highest_new, highest;    /* that it acknowledges for the first time; at all */
	bool any_new, advanced;
};

static struct credit *credit_of(struct sack_work *w, const struct path *p)
{
	for (uint32_t i = 0; i < w->n; i++)
		if (w->credits[i].path == p) return &w->credits[i];
	return NULL;
}

static void credits_begin(struct sack_work *w)
{
	list_each(struct path, p, &w->a->paths, node)
		if (w->n < PATHS_MOST) w->credits[w->n++] = (struct credit){.path = p, .flight_before = p->flight};
}

/* A piece has arrived, and we hear it for the first time. */
static void arrived(struct sack_work *w, struct out_piece *q, bool cumulative)
{
	struct credit *c = credit_of(w, q->path);

	w->any_new = true;
	if (seq_gt(q->tsn, w->highest_new)) w->highest_new = q->tsn;
	if (c) {
		c->octets += q->len;
		c->earliest |= cumulative;
		if (q->timed) path_rtt_sample(q->path, assoc_now(w->a) - q->sent_at);
	}
	piece_lands(q);
}

/* ---- up to here ---- */

static void take_cumulative(struct sack_work *w, seq32 cum)
{
	struct assoc *a = w->a;

	w->advanced = seq_gt(cum, a->snd.acked);
	a->snd.acked = cum;
	if (seq_lt(a->snd.advanced, cum)) a->snd.advanced = cum;
	list_each(struct out_piece, q, &a->snd.flight, node) {
		struct credit *c = credit_of(w, q->path);
		if (seq_gt(q->tsn, cum)) break;
		if (!q->gap_acked) arrived(w, q, true);
		else if (c) c->earliest = true;
		piece_free(a, q);
	}
}

/* ---- beyond ---- */

struct gap_walk { const struct sctp_sack *h; uint32_t i; uint16_t first, last; };

/* Stretches come in order and apart: at the first that does not the rest is not looked at. */
static bool gap_next(struct gap_walk *g)
{
	const uint8_t *at = g->h->gaps + 4 * g->i;
	uint16_t before = g->last;

	if (g->i == g->h->n_gaps) return false;
	g->i++;
	g->first = read16(at);
	g->last = read16(at + 2);
	return g->first > before && g->last >= g->first;
}

static void take_gaps(struct sack_work *w, const struct sctp_sack *h)
{
	struct gap_walk g = {.h = h};
	bool more = gap_next(&g);

	list_each(struct out_piece, q, &w->a->snd.flight, node) {
		uint32_t off = q->tsn - h->cum;
		while (more && off > g.last) more = gap_next(&g);
		if (more && off >= g.first) {
			if (!q->gap_acked && q->sent) arrived(w, q, false);
			q->gap_acked = true;
			q->again = false;
			w->highest = q->tsn;
		} else if (q->gap_acked) {
			/* RFC 9260 §6.2.1 D) iv): the peer has changed its mind. */
			q->gap_acked = false;
			piece_lost(q);
		}
	}
}

/* ---- what is missing ---- */

static void note_once(struct path **all, uint32_t *n, struct path *p)
{
	for (uint32_t i = 0; i < *n; i++)
		if (all[i] == p) return;
	if (*n < PATHS_MOST) all[(*n)++] = p;
}

/* RFC 9260 §7.2.4: highest TSN newly acknowledged; and once in recovery every SACK that moves on counts for all. */
static void count_missing(struct sack_work *w)
{
	struct assoc *a = w->a;
	bool all = a->snd.recovering && w->advanced, hit = false;
	struct path *reduced[PATHS_MOST];
	uint32_t n = 0;

	if (!w->any_new && !all) return;
	list_each(struct out_piece, q, &a->snd.flight, node) {
		if (q->gap_acked || q->again || q->abandoned || !q->flying) continue;
		if (!seq_lt(q->tsn, all ? w->highest : w->highest_new)) break;
		if (++q->missing < MISSING_REPORTS || q->fast) continue;
		note_once(reduced, &n, q->path);
		q->fast = true;
		hit = true;
		piece_lost(q);
	}
	if (!hit || a->snd.recovering) return;
	for (uint32_t i = 0; i < n; i++) path_reduce(reduced[i]);
	a->snd.recovering = true;
	a->snd.recover = a->snd.next_tsn - 1;
}

/* ---- the window ---- */

static void grow(const struct sack_work *w, const struct credit *c, bool recovering)
{
	struct path *p = c->path;
	bool used = c->flight_before >= p->cwnd;

	if (p->cwnd <= p->ssthresh) {
		/* RFC 9260 §7.2.1: by what was acknowledged, at most a packet, if the window was full and nothing is being repaired. */
		if (w->advanced && used && !recovering) p->cwnd += MIN(c->octets, p->mtu_bytes);
		return;
	}
	/* RFC 9260 §7.2.2 */
	if (w->advanced) p->partial_acked += c->octets;
	if (p->partial_acked >= p->cwnd && used) {
		p->partial_acked -= p->cwnd;
		p->cwnd += p->mtu_bytes;
	}
	if (p->flight == 0) p->partial_acked = 0;
}

static void settle(struct sack_work *w, bool recovering)
{
	for (uint32_t i = 0; i < w->n; i++) {
		struct credit *c = &w->credits[i];
		if (c->octets) {
			grow(w, c, recovering);
			path_works(c->path, SCTP_RECEIVED_SACK);
			w->a->errors = 0;
		}
		/* RFC 9260 §6.3.2 R2, R3 */
		if (c->path->flight == 0 && !seq_gt(w->a->snd.advanced, w->a->snd.acked))
			timer_clear(assoc_stack(w->a), &c->path->t3);
		else if (c->earliest)
			t3_start(c->path);
	}
}

static void take_window(struct assoc *a, uint32_t rwnd)
{
	struct path *asked;

	a->snd.peer_rwnd = rwnd > a->snd.in_flight ? rwnd - a->snd.in_flight : 0;
	/* RFC 9260 §6.1 (A): whoever answers probes of its closed window is there. */
	if (rwnd != 0 || list_empty(&a->snd.flight) || a->state > SCTP_ESTABLISHED) return;
	asked = list_first(&a->snd.flight, struct out_piece, node)->path;
	if (asked) path_works(asked, SCTP_RECEIVED_SACK);
}

/* Nobody acknowledges what was never sent. */
static bool can_be(const struct assoc *a, seq32 cum) { return seq_lt(cum, a->snd.next_tsn); }

static void dry(struct assoc *a)
{
	bool is_dry = list_empty(&a->snd.flight) && list_empty(&a->snd.queue);

	if (is_dry && !a->snd.was_dry) notify_dry(a);
	a->snd.was_dry = is_dry;
}

bool sack_receive(struct assoc *a, const struct sctp_chunk *c)
{
	struct sack_work w = {.a = a};
	struct sctp_sack h;
	bool recovering = a->snd.recovering;

	if (sctp_sack_parse(&h, c) < 0 || seq_lt(h.cum, a->snd.acked)) return true;
	if (!can_be(a, h.cum)) return assoc_violated(a);
	a->stats.isacks++;
	a->stats.gapcnt += h.n_gaps;
	w.highest_new = w.highest = h.cum;
	credits_begin(&w);
	take_cumulative(&w, h.cum);
	take_gaps(&w, &h);
	if (a->snd.recovering && seq_ge(h.cum, a->snd.recover)) a->snd.recovering = false;
	count_missing(&w);
	settle(&w, recovering);
	take_window(a, h.rwnd);
	auth_keys_release(a);
	dry(a);
	sock_ready(&a->sock->inet.sk);
	return true;
}

bool sack_cumulative(struct assoc *a, seq32 cum)
{
	struct sack_work w = {.a = a};

	if (seq_lt(cum, a->snd.acked)) return true;
	if (!can_be(a, cum)) return assoc_violated(a);
	w.highest_new = cum;
	credits_begin(&w);
	take_cumulative(&w, cum);
	settle(&w, a->snd.recovering);
	return true;
}
