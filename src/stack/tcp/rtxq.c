/*
 * What was sent and not yet acknowledged: a record for each segment, in the order of their sequence numbers.
 *
 *     una |  s  | L R |     |  s  |  s  |     |     | nxt        s sacked   L lost   R sent again, in the network
 *
 * Every view of the network is a count of tags, and tags change only by rtxq_tag, so the counts are never wrong (those of a
 * connection that was given up stay, without records):
 *
 *     in flight (RFC 6675's pipe) = n - sacked - lost + retrans
 *
 * The records lie in one array, found by bisection; the octets themselves stay in snd.queue. Without SACK `sacked` is
 * the number of duplicate ACKs: each says that one segment, we know not which, has left the network.
 *
 * Read first: RFC 6675 §2-4.
 */
#include "stack/tcp/conn.h"
#include <stdlib.h>

#define RECORDS_AT_FIRST 16u

struct tcp_sent *rtxq_at(const struct tcp_rtxq *q, uint32_t i) { return &q->at[q->first + i]; }

bool rtxq_reserve(struct tcp_rtxq *q, uint32_t more)
{
	uint32_t cap = q->cap ? q->cap : RECORDS_AT_FIRST;
	struct tcp_sent *grown;

	if (q->first + q->n + more <= q->cap) return true;
	if (q->first && q->first >= q->cap / 2 && q->n + more <= q->cap) {
		memmove(q->at, q->at + q->first, q->n * sizeof *q->at);
		q->first = 0;
		return true;
	}
	while (cap < q->first + q->n + more)
		cap *= 2;
	grown = realloc(q->at, cap * sizeof *grown);
	if (!grown) return false;
	q->at = grown;
	q->cap = cap;
	return true;
}

static void clear(struct tcp_rtxq *q)
{
	free(q->at);
	memset(q, 0, sizeof *q);
}

void rtxq_forget(struct tcp_rtxq *q)
{
	struct tcp_rtxq told = {.sacked = q->sacked, .lost = q->lost, .retrans = q->retrans};

	clear(q);
	*q = told;
}

static void count(struct tcp_rtxq *q, uint8_t tag, uint32_t by)
{
	if (tag & TAG_SACKED) q->sacked += by;
	if (tag & TAG_LOST) q->lost += by;
	if (tag & TAG_RETRANS) q->retrans += by;
	if (tag & TAG_HEAD) q->heads += by;
}

void rtxq_append(struct tcp_rtxq *q, const struct tcp_sent *sent)
{
	q->at[q->first + q->n++] = *sent;
	count(q, sent->tag, 1);
}

void rtxq_tag(struct tcp_rtxq *q, struct tcp_sent *s, unsigned tag)
{
	count(q, s->tag & (uint8_t)~tag, UINT32_MAX);
	count(q, (uint8_t)tag & (uint8_t)~s->tag, 1);
	s->tag = (uint8_t)tag;
}

void rtxq_pop(struct tcp_rtxq *q)
{
	rtxq_tag(q, rtxq_at(q, 0), 0);
	q->first++;
	/* An idle connection holds no memory. */
	if (--q->n == 0) {
		uint32_t sacked = q->sacked;
		clear(q);
		q->sacked = sacked;
	}
}

uint32_t rtxq_packet(const struct tcp_rtxq *q, uint32_t *ret_mss)
{
	const unsigned parts = TAG_HEAD | TAG_PUSH | TAG_EOR;
	uint32_t n = 0;

	for (const struct tcp_sent *s; n < q->n; n++) {
		s = rtxq_at(q, n);
		if (n && (s->tag & TAG_HEAD)) break;
		if ((s->tag ^ rtxq_at(q, 0)->tag) & ~parts) return 0;
		/* The last may be shorter, or have a FIN. */
		if (n) *ret_mss = MAX(*ret_mss, s[-1].end - s[-1].seq);
	}
	return n;
}

uint32_t rtxq_find(const struct tcp_rtxq *q, seq32 seq)
{
	uint32_t low = 0, high = q->n;

	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (seq_le(rtxq_at(q, mid)->end, seq))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool rtxq_split(struct tcp_rtxq *q, uint32_t i, seq32 at)
{
	struct tcp_sent *s;

	if (!rtxq_reserve(q, 1)) return false;
	s = rtxq_at(q, i);
	memmove(s + 2, s + 1, (q->n - i - 1) * sizeof *s);
	q->n++;
	s[1] = s[0];
	s[0].end = s[1].seq = at;
	count(q, s->tag, 1);
	return true;
}

void rtxq_join(struct tcp_rtxq *q, uint32_t i)
{
	struct tcp_sent *s = rtxq_at(q, i);

	rtxq_tag(q, s, s[0].tag | (s[1].tag & (TAG_EVER | TAG_PUSH | TAG_EOR)));
	s[0].end = s[1].end;
	rtxq_tag(q, s + 1, 0);
	memmove(s + 1, s + 2, (q->n - i - 2) * sizeof *s);
	q->n--;
}

uint32_t rtxq_in_flight(const struct tcp_rtxq *q)
{
	uint32_t gone = q->sacked + q->lost, sent = q->n + q->retrans;

	return sent > gone ? sent - gone : 0;
}

/* Without SACK nothing was ever sacked, and sacked_to is una. */
seq32 rtxq_sacked_to(const struct tcp_sock *conn)
{
	const struct tcp_rtxq *q = &conn->rtxq;

	return conn->opt.sack && q->sacked && seq_gt(q->sacked_to, conn->snd.una) ? q->sacked_to : conn->snd.una;
}
