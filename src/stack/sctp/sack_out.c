/*
 * SACK: all that came up to here, which stretches beyond it, what came twice, and how much room there is.
 *
 * Read first: RFC 9260 §3.3.4, §6.2.
 */
#include "stack/sctp/assoc.h"

#define GAPS_MOST 128u

struct gap { uint16_t first, last; };

/* The stretches beyond cum, as offsets to it; at most `most` of them. */
static uint32_t find_gaps(const struct assoc *a, struct gap *ret, uint32_t most)
{
	uint32_t n = 0, span = a->rcv.highest - a->rcv.cum;
	bool in = false;

	for (uint32_t off = 1; off <= span; off++) {
		bool has = rcv_has(a, a->rcv.cum + off);
		if (has && !in) {
			if (n == most) return n;
			ret[n++].first = (uint16_t)off;
		}
		if (has) ret[n - 1].last = (uint16_t)off;
		in = has;
	}
	return n;
}

uint8_t *sack_write(struct assoc *a, struct sctp_out *o)
{
	struct gap gaps[GAPS_MOST];
	uint32_t fixed = SCTP_CHUNK_HDR + SCTP_SACK_FIXED + 4 * a->rcv.n_dups, left, n;
	struct sctp_sack h = {.cum = a->rcv.cum, .rwnd = assoc_rwnd(a), .n_dups = (uint16_t)a->rcv.n_dups};
	uint8_t *value, *at;

	ecn_echo_write(a, o);
	left = o->room - o->p->len;
	n = left > fixed ? find_gaps(a, gaps, MIN(GAPS_MOST, (left - fixed) / 4)) : 0;
	h.n_gaps = (uint16_t)n;
	value = out_chunk(o, CHUNK_SACK, 0, SCTP_SACK_FIXED + 4 * (n + a->rcv.n_dups));
	if (!value) return NULL;
	sctp_sack_emit(&h, value);
	at = value + SCTP_SACK_FIXED;
	for (uint32_t i = 0; i < n; i++, at += 4) {
		write16(at, gaps[i].first);
		write16(at + 2, gaps[i].last);
	}
	for (uint32_t i = 0; i < a->rcv.n_dups; i++, at += 4) write32(at, a->rcv.dups[i]);
	a->rcv.n_dups = a->rcv.packets = 0;
	a->rcv.sack_now = false;
	a->rcv.rwnd_told = h.rwnd;
	a->stats.osacks++;
	timer_clear(assoc_stack(a), &a->sack_timer);
	return value;
}

/* RFC 9260 §6.4: to where the DATA came from. */
void sack_send(struct assoc *a)
{
	struct path *to = a->heard && a->heard->state != SCTP_INACTIVE ? a->heard : assoc_path_to_send(a, NULL);
	struct sctp_out o;

	if (!out_begin(&o, path_packet_room(to))) return;
	if (!sack_write(a, &o)) {
		packet_free(o.p);
		return;
	}
	a->stats.octrlchunks++;
	out_send(&o, a, to);
}

void sack_fire(struct timer *t)
{
	struct assoc *a = container_of(t, struct assoc, sack_timer);

	if (assoc_in(a, SCTP_TAKES_DATA)) sack_send(a);
}
