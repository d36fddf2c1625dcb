/* See reconfig.h. What this end asks for. Read first: RFC 6525 §4, §5.1; RFC 6458 and Linux's net/sctp/stream.c for errors. */
#include <errno.h>
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define PARAM_HDR 4u
#define REQUEST_MOST (PACKET_MAX - IP6_HDR_LEN - SCTP_HDR_LEN - SCTP_CHUNK_HDR)
#define ASKS_IN (SCTP_S_(ESTABLISHED) | SCTP_S_(SHUTDOWN_PENDING))

/* ---- life ---- */

static void forget(struct assoc *a)
{
	struct reconfig *r = &a->reconfig;

	timer_clear(assoc_stack(a), &r->timer);
	free(r->asked);
	r->asked = NULL;
	r->asked_len = 0;
}

void reconfig_free(struct assoc *a) { forget(a); }

/* RFC 6525 §3.1: the first number is that of the first TSN, of either side. */
void reconfig_begin(struct assoc *a)
{
	forget(a);
	a->reconfig.next = a->snd.iss;
	a->reconfig.peers_next = a->rcv.irs;
	memset(a->reconfig.answers, 0, sizeof a->reconfig.answers);
}

/* ---- a request on its way ---- */

static void transmit(struct assoc *a, struct path *to)
{
	struct reconfig *r = &a->reconfig;

	r->to = to;
	out_control(a, to, CHUNK_RECONFIG, 0, r->asked, r->asked_len);
	timer_set(assoc_stack(a), &r->timer, assoc_now(a) + to->rto_ns);
}

void reconfig_fire(struct timer *t)
{
	struct assoc *a = container_of(t, struct assoc, reconfig.timer);
	struct path *before = a->reconfig.to;

	if (before) {
		path_backoff(before);
		if (!path_error(before)) return;
	}
	/* What is held waits for the answer, also when the peer is the one that closes. */
	if (assoc_in(a, ASKS_IN | SCTP_S_(SHUTDOWN_RECEIVED))) transmit(a, assoc_path_to_send(a, before));
}

/* The octets of a request of so many, as yet without content. NULL: no memory */
static uint8_t *request_new(struct assoc *a, size_t len)
{
	struct reconfig *r = &a->reconfig;

	r->asked = calloc(1, len);
	if (r->asked) r->asked_len = len;
	return r->asked;
}

static uint8_t *put_head(struct assoc *a, uint8_t *at, uint16_t type, size_t len)
{
	write16(at, type);
	write16(at + 2, (uint16_t)(PARAM_HDR + len));
	write32(at + PARAM_HDR, a->reconfig.next++);
	return at + PARAM_HDR;
}

static void put_list(uint8_t *at, struct streams which)
{
	for (uint32_t i = 0; i < which.n; i++) write16(at + 2 * i, which.at[i]);
}

bool reconfig_find(const struct assoc *a, seq32 number, struct sctp_param *ret)
{
	const struct reconfig *r = &a->reconfig;

	for (size_t at = 0; at < r->asked_len;) {
		int n = sctp_param_parse(ret, r->asked + at, r->asked_len - at);
		if (n < 0) return false;
		if (read32(ret->value) == number) return true;
		at += (size_t)n;
	}
	return false;
}

/* What is left is asked for again, without it. */
void reconfig_answered(struct assoc *a, const struct sctp_param *request)
{
	struct reconfig *r = &a->reconfig;
	size_t at = (size_t)(request->value - PARAM_HDR - r->asked), len = sctp_padded(PARAM_HDR + request->len);

	memmove(r->asked + at, r->asked + at + len, r->asked_len - at - len);
	r->asked_len -= len;
	if (r->asked_len == 0) forget(a);
}

/* ---- streams ---- */

bool reconfig_all_below(struct streams which, uint16_t limit)
{
	for (uint32_t i = 0; i < which.n; i++)
		if (which.at[i] >= limit) return false;
	return true;
}

bool reconfig_unsent(const struct assoc *a, struct streams which)
{
	struct stream_set set;

	stream_set_of(&set, which);
	list_each(const struct out_piece, q, &a->snd.queue, node)
		if (stream_set_has(&set, q->msg->stream)) return true;
	return false;
}

/* RFC 6525 §5.1.2 (C3): nothing of them leaves until the peer has answered. */
static void hold(struct assoc *a, struct streams which)
{
	for (uint32_t i = 0; i < which.n; i++) a->snd.streams[which.at[i]].held = true;
	for (uint32_t i = 0; which.n == 0 && i < a->out_streams; i++) a->snd.streams[i].held = true;
}

/* ---- what is asked ---- */

static size_t padded_param(size_t len) { return sctp_padded(PARAM_HDR + len); }

int reconfig_ask_reset(struct assoc *a, bool out, bool in, struct streams which)
{
	size_t out_len = RECONFIG_OUT_FIXED + 2 * (size_t)which.n, in_len = RECONFIG_IN_FIXED + 2 * (size_t)which.n;
	size_t len = (out ? padded_param(out_len) : 0) + (in ? padded_param(in_len) : 0);
	uint8_t *at = len <= REQUEST_MOST ? request_new(a, len) : NULL, *value;

	if (!at) return len > REQUEST_MOST ? -EINVAL : -ENOMEM;
	if (out) {
		/* RFC 6525 §4.1: the peer's request that this answers, if any, and the last TSN that is numbered as before. */
		value = put_head(a, at, PARAM_RESET_OUT, out_len);
		write32(value + 4, a->reconfig.peers_next - 1);
		write32(value + 8, a->snd.next_tsn - 1);
		put_list(value + RECONFIG_OUT_FIXED, which);
		hold(a, which);
		at += padded_param(out_len);
	}
	if (in) {
		value = put_head(a, at, PARAM_RESET_IN, in_len);
		put_list(value + RECONFIG_IN_FIXED, which);
	}
	transmit(a, assoc_path_to_send(a, NULL));
	return 0;
}

int reconfig_ask_more(struct assoc *a, uint16_t in, uint16_t out)
{
	enum { LEN = 8 };
	uint8_t *at = request_new(a, (out ? padded_param(LEN) : 0) + (in ? padded_param(LEN) : 0));

	if (!at) return -ENOMEM;
	if (out) {
		write16(put_head(a, at, PARAM_ADD_OUT, LEN) + 4, out);
		at += padded_param(LEN);
	}
	if (in) write16(put_head(a, at, PARAM_ADD_IN, LEN) + 4, in);
	transmit(a, assoc_path_to_send(a, NULL));
	return 0;
}

/* ---- the program's calls ---- */

static int may_ask(const struct assoc *a, uint32_t what)
{
	if (!a->reconfig.able || !(a->set.reset_allowed & what)) return -ENOPROTOOPT;
	if (a->reconfig.asked) return -EINPROGRESS;
	return assoc_in(a, ASKS_IN) ? 0 : -ESHUTDOWN;
}

int reconfig_reset_streams(struct assoc *a, unsigned flags, struct streams which)
{
	bool out = flags & SCTP_STREAM_RESET_OUTGOING, in = flags & SCTP_STREAM_RESET_INCOMING;
	int r = may_ask(a, SCTP_ENABLE_RESET_STREAM_REQ);

	if (r < 0) return r;
	if (!out && !in) return -EINVAL;
	if ((out && !reconfig_all_below(which, a->out_streams)) || (in && !reconfig_all_below(which, a->in_streams))) return -EINVAL;
	return out && reconfig_unsent(a, which) ? -EAGAIN : reconfig_ask_reset(a, out, in, which);
}

int reconfig_reset_assoc(struct assoc *a)
{
	enum { LEN = 4 };
	int r = may_ask(a, SCTP_ENABLE_RESET_ASSOC_REQ);
	uint8_t *at;

	if (r < 0) return r;
	if (!list_empty(&a->snd.queue) || !list_empty(&a->snd.flight)) return -EAGAIN;
	at = request_new(a, padded_param(LEN));
	if (!at) return -ENOMEM;
	put_head(a, at, PARAM_RESET_TSN, LEN);
	hold(a, (struct streams){.n = 0});
	transmit(a, assoc_path_to_send(a, NULL));
	return 0;
}

int reconfig_add_streams(struct assoc *a, uint16_t in, uint16_t out)
{
	uint16_t before = a->out_streams;
	int r = may_ask(a, SCTP_ENABLE_CHANGE_ASSOC_REQ);

	if (r < 0) return r;
	if (in + a->in_streams > UINT16_MAX || out + a->out_streams > UINT16_MAX || (!in && !out)) return -EINVAL;
	/* As Linux, they are there at once; what is sent on them waits for the answer. */
	if (out) r = assoc_streams_add(a, out);
	if (r == 0) r = reconfig_ask_more(a, in, out);
	if (r < 0) assoc_streams_drop(a, before);
	return r;
}
