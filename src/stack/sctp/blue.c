/*
 * Packets out of the blue: right by themselves, and of no association.
 *
 * Read first: RFC 9260 §8.4.
 */
#include "stack/sctp/assoc.h"

#define CHUNKS_MOST 64u

enum answer { ANSWER_ABORT, ANSWER_NOTHING, ANSWER_COMPLETE };

/* Is there a chunk after which nobody must answer? (2), (5), (6), (7) */
static enum answer judge(const struct packet *p)
{
	size_t at = SCTP_HDR_LEN;

	for (unsigned i = 0; i < CHUNKS_MOST && at < p->len; i++) {
		struct sctp_chunk c;
		struct sctp_param cause = {0};
		int n = sctp_chunk_parse(&c, p->data + at, p->len - at);
		if (n < 0) return ANSWER_NOTHING;
		if (c.type == CHUNK_ABORT || c.type == CHUNK_SHUTDOWN_COMPLETE || c.type == CHUNK_COOKIE_ACK) return ANSWER_NOTHING;
		if (c.type == CHUNK_INIT || c.type == CHUNK_COOKIE_ECHO) return ANSWER_NOTHING;   /* not where they may stand */
		if (c.type == CHUNK_SHUTDOWN_ACK && i == 0) return ANSWER_COMPLETE;
		if (c.type == CHUNK_ERROR && sctp_param_parse(&cause, c.value, c.len) > 0 && cause.type == CAUSE_STALE_COOKIE) return ANSWER_NOTHING;
		at += (size_t)n;
	}
	return at == SCTP_HDR_LEN ? ANSWER_NOTHING : ANSWER_ABORT;
}

static void answer(struct stack *s, const struct packet *p, const struct sctp_hdr *h, uint8_t type)
{
	struct sctp_out o;

	if (!out_begin(&o, SCTP_HDR_LEN + SCTP_CHUNK_HDR)) return;
	out_chunk(&o, type, CHUNK_T, 0);
	out_answer(s, &o, p, h, h->vtag);
}

void receive_out_of_the_blue(struct stack *s, struct packet *p, const struct sctp_hdr *h)
{
	size_t at = SCTP_HDR_LEN;
	struct sctp_chunk c, auth;
	bool authentic = auth_before_cookie(p, &auth, &at);
	int n = sctp_chunk_parse(&c, p->data + at, p->len - at);
	enum answer a;

	if (n < 0) return;
	if (c.type == CHUNK_INIT) {
		/* (3); RFC 9260 §6.10, §8.5.1 (A) */
		if (h->vtag == 0 && c.len >= SCTP_INIT_FIXED && SCTP_HDR_LEN + (size_t)n == p->len) open_receive_init(s, p, h, &c, NULL);
		return;
	}
	if (c.type == CHUNK_COOKIE_ECHO) {
		struct assoc *made = open_receive_cookie(s, p, h, &c, authentic ? &auth : NULL, NULL);   /* (4) */
		if (made) receive_behind_cookie(s, p, h, made, at + (size_t)n, authentic);
		return;
	}
	s->sctp->out_of_the_blue++;
	a = judge(p);
	if (a != ANSWER_NOTHING) answer(s, p, h, a == ANSWER_COMPLETE ? CHUNK_SHUTDOWN_COMPLETE : CHUNK_ABORT);
}
