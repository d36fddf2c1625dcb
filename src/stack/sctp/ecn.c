/*
 * Explicit congestion notification, where both ends offer it, as Linux's do unless they are told not to. DATA leaves as ECT(0); who finds it marked on
 * its way says so with each SACK, until the sender has answered that it has slowed down: once for all that was on its way.
 *
 *     DATA, marked ─► ECNE (the marked TSN) ─► cwnd halves ─► CWR ─► no more ECNE
 *
 * Read first: RFC 4960 Appendix A (RFC 9260 has none), Linux's sctp_do_ecn_ecne_work.
 */
#include <errno.h>
#include "stack/sctp/assoc.h"
#include "stack/socket/option_rows.h"

#define ECN_MASK 3u
#define ECT0 2u
#define CE 3u

void ecn_begin(struct assoc *a)
{
	a->ecn.echo = false;
	a->ecn.reduced = a->snd.next_tsn - 1;
}

uint8_t ecn_tos(const struct assoc *a, uint8_t tos) { return (uint8_t)(a->ecn.able ? (tos & ~ECN_MASK) | ECT0 : tos); }

void ecn_data_came(struct assoc *a, uint8_t tos, seq32 tsn)
{
	if (!a->ecn.able || (tos & ECN_MASK) != CE) return;
	a->ecn.echo = true;
	a->ecn.marked = tsn;
	a->rcv.sack_now = true;
}

void ecn_echo_write(struct assoc *a, struct sctp_out *o)
{
	uint8_t *at = a->ecn.echo ? out_chunk(o, CHUNK_ECNE, 0, 4) : NULL;

	if (at) write32(at, a->ecn.marked);
}

static struct path *path_of(const struct assoc *a, seq32 tsn)
{
	list_each(const struct out_piece, q, &a->snd.flight, node)
		if (q->tsn == tsn) return q->path;
	return NULL;
}

void ecn_receive_echo(struct assoc *a, struct path *from, const struct sctp_chunk *c)
{
	seq32 tsn = read32(c->value);
	struct path *p = path_of(a, tsn);
	uint8_t cwr[4];

	if (!a->ecn.able || !seq_lt(tsn, a->snd.next_tsn)) return;
	if (seq_gt(tsn, a->ecn.reduced)) {
		path_reduce(p ? p : a->primary);
		a->ecn.reduced = a->snd.next_tsn - 1;
	}
	write32(cwr, a->ecn.reduced);
	out_control(a, from, CHUNK_CWR, 0, cwr, sizeof cwr);
}

void ecn_receive_reduced(struct assoc *a) { a->ecn.echo = false; }

/* ---- the option ---- */

static int set_supported(struct sock *sk, const void *val, socklen_t len)
{
	return opt_offer(sk, val, len, &sctp_of(sk)->set.ecn);
}

static int get_supported(struct sock *sk, void *val, socklen_t *len)
{
	struct sctp_assoc_value v;

	ASKED(v, assoc_id);
	v.assoc_value = t.a ? t.a->ecn.able : t.so->set.ecn;
	return TOLD(v);
}

const struct sockopt sctp_ecn_options[] = {
	{SCTP_BLOB(SCTP_ECN_SUPPORTED), BOTH, .get = get_supported, .set = set_supported},
	{.text = NULL},
};
