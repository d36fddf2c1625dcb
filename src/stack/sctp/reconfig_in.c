/*
 * See reconfig.h. What the peer asks for, and what it answers. A request is judged in this order: is it a repeated one, whose answer is known; is it the
 * next; does SCTP_ENABLE_STREAM_RESET let the peer; must it wait; and then it is carried out.
 *
 * Read first: RFC 6525 §5.2.
 */
#include <stdlib.h>
#include "stack/sctp/assoc.h"

#define PARAMS_MOST 3u                 /* of a chunk, as Linux */
#define ANSWER_LEN 8u
#define ANSWER_TSN_LEN 16u

/* The list at the end of a request, in host order; .at is the caller's to free. False: no memory */
static bool read_list(const struct sctp_param *v, size_t fixed, struct streams *ret)
{
	uint32_t n = (uint32_t)(v->len - fixed) / 2;
	uint16_t *at = calloc(n ? n : 1, sizeof *at);

	if (!at) return false;
	for (uint32_t i = 0; i < n; i++) at[i] = read16(v->value + fixed + 2 * i);
	*ret = (struct streams){at, n};
	return true;
}

/* ---- what it asks for: each answers with its result ---- */

typedef uint32_t (*streams_fn)(struct assoc *, const struct sctp_param *, struct streams);

static uint32_t with_list(struct assoc *a, const struct sctp_param *v, size_t fixed, streams_fn act)
{
	struct streams which;
	uint32_t result;

	if (!read_list(v, fixed, &which)) return RECONFIG_DENIED;
	result = act(a, v, which);
	free((void *)which.at);
	return result;
}

/* RFC 6525 §5.2.2 (E4): its outgoing streams begin anew; or ours as it sees them, which we have asked for. */
static uint32_t reset_incoming(struct assoc *a, const struct sctp_param *v, struct streams which)
{
	struct sctp_param ours;

	if (!reconfig_all_below(which, a->in_streams)) return RECONFIG_WRONG_STREAM;
	if (a->reconfig.asked) {
		if (!reconfig_find(a, read32(v->value + 4), &ours) || ours.type != PARAM_RESET_IN) return RECONFIG_BUSY;
		reconfig_answered(a, &ours);
	}
	reassembly_reset(a, which);
	notify_stream_reset(a, SCTP_STREAM_RESET_INCOMING_SSN, which);
	return RECONFIG_PERFORMED;
}

static uint32_t take_out(struct assoc *a, const struct sctp_param *v) { return with_list(a, v, RECONFIG_OUT_FIXED, reset_incoming); }
static bool out_waits(struct assoc *a, const struct sctp_param *v) { return seq_gt(read32(v->value + 8), a->rcv.cum); }

/* RFC 6525 §5.2.3: the answer is a request of ours. */
static uint32_t reset_outgoing(struct assoc *a, const struct sctp_param *v, struct streams which)
{
	(void)v;
	if (a->reconfig.asked) return RECONFIG_BUSY;
	if (!reconfig_all_below(which, a->out_streams)) return RECONFIG_WRONG_STREAM;
	return reconfig_ask_reset(a, true, false, which) < 0 ? RECONFIG_DENIED : RECONFIG_PERFORMED;
}

static uint32_t is_unsent(struct assoc *a, const struct sctp_param *v, struct streams which)
{
	(void)v;
	return reconfig_unsent(a, which);
}

static uint32_t take_in(struct assoc *a, const struct sctp_param *v) { return with_list(a, v, RECONFIG_IN_FIXED, reset_outgoing); }
static bool in_waits(struct assoc *a, const struct sctp_param *v) { return !a->reconfig.asked && with_list(a, v, RECONFIG_IN_FIXED, is_unsent); }

static void number_from(struct assoc *a, seq32 my_next, seq32 peers_next)
{
	reassembly_reset_all(a);
	rcv_begin(a, peers_next);
	a->snd.next_tsn = my_next;
	a->snd.acked = a->snd.advanced = my_next - 1;
	a->snd.recovering = false;
	ecn_begin(a);
	for (uint32_t i = 0; i < a->out_streams; i++) a->snd.streams[i].ssn = 0;
}

/* RFC 6525 §5.2.4 (G1) to (G5); the peer's TSNs go on far from those that may still be on their way. */
static uint32_t take_tsn(struct assoc *a, const struct sctp_param *v)
{
	(void)v;
	if (a->reconfig.asked) return RECONFIG_BUSY;
	number_from(a, a->snd.next_tsn, a->rcv.cum + ((seq32)1 << 31));
	notify_assoc_reset(a, 0, a->rcv.cum + 1, a->snd.next_tsn);
	return RECONFIG_PERFORMED;
}

static bool tsn_waits(struct assoc *a, const struct sctp_param *v)
{
	(void)v;
	return !list_empty(&a->snd.queue) || !list_empty(&a->snd.flight);
}

/* The first of our requests, if it is for more incoming streams. */
static bool asked_for_more(const struct assoc *a, struct sctp_param *ret)
{
	for (size_t at = 0; at < a->reconfig.asked_len;) {
		int n = sctp_param_parse(ret, a->reconfig.asked + at, a->reconfig.asked_len - at);
		if (n < 0) return false;
		if (ret->type == PARAM_ADD_IN) return true;
		at += (size_t)n;
	}
	return false;
}

/* RFC 6525 §5.2.5 */
static uint32_t take_add_out(struct assoc *a, const struct sctp_param *v)
{
	uint16_t more = read16(v->value + 4);
	struct sctp_param ours;

	if (a->reconfig.asked) {
		if (!asked_for_more(a, &ours)) return RECONFIG_BUSY;
		reconfig_answered(a, &ours);
	}
	if (more == 0 || more + a->in_streams > UINT16_MAX) return RECONFIG_DENIED;
	a->in_streams = (uint16_t)(a->in_streams + more);
	notify_stream_change(a, 0, more, 0);
	return RECONFIG_PERFORMED;
}

/* RFC 6525 §5.2.6: the answer is a request of ours. */
static uint32_t take_add_in(struct assoc *a, const struct sctp_param *v)
{
	uint16_t more = read16(v->value + 4), before = a->out_streams;

	if (a->reconfig.asked) return RECONFIG_BUSY;
	if (more == 0 || more + a->out_streams > UINT16_MAX || assoc_streams_add(a, more) < 0) return RECONFIG_DENIED;
	if (reconfig_ask_more(a, 0, more) == 0) return RECONFIG_PERFORMED;
	assoc_streams_drop(a, before);
	return RECONFIG_DENIED;
}

/* ---- any of them ---- */

/* most: of its value. before: with what else it may share a chunk, as Linux, being behind it. asks_back: what is performed is answered by a request. */
static const struct kind {
	uint16_t type, least, most, before;
	uint32_t needs;
	bool asks_back;
	bool (*waits)(struct assoc *, const struct sctp_param *);
	uint32_t (*take)(struct assoc *, const struct sctp_param *);
} kinds[] = {
	{PARAM_RESET_OUT, RECONFIG_OUT_FIXED, UINT16_MAX, PARAM_RESET_IN, SCTP_ENABLE_RESET_STREAM_REQ, false, out_waits, take_out},
	{PARAM_RESET_IN, RECONFIG_IN_FIXED, UINT16_MAX, PARAM_RESET_OUT, SCTP_ENABLE_RESET_STREAM_REQ, true, in_waits, take_in},
	{PARAM_RESET_TSN, 4, 4, 0, SCTP_ENABLE_RESET_ASSOC_REQ, false, tsn_waits, take_tsn},
	{PARAM_RESET_ANSWER, ANSWER_LEN, ANSWER_TSN_LEN, PARAM_RESET_OUT, 0, false, NULL, NULL},
	{PARAM_ADD_OUT, 8, 8, PARAM_ADD_IN, SCTP_ENABLE_CHANGE_ASSOC_REQ, false, NULL, take_add_out},
	{PARAM_ADD_IN, 8, 8, PARAM_ADD_OUT, SCTP_ENABLE_CHANGE_ASSOC_REQ, true, NULL, take_add_in},
};

static const struct kind *kind_of(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == type) return &kinds[i];
	return NULL;
}

static void answer(struct assoc *a, struct path *to, const struct kind *k, seq32 number, uint32_t result)
{
	uint8_t body[ANSWER_TSN_LEN] = {0}, value[4 + ANSWER_TSN_LEN];
	bool tsn = k->type == PARAM_RESET_TSN;
	struct sctp_param v = {.type = PARAM_RESET_ANSWER, .len = tsn ? ANSWER_TSN_LEN : ANSWER_LEN, .value = body};

	write32(body, number);
	write32(body + 4, result);
	if (tsn && result == RECONFIG_PERFORMED) {
		write32(body + 8, a->snd.acked + 1);
		write32(body + 12, a->rcv.cum + 1);
	}
	out_control(a, to, CHUNK_RECONFIG, 0, value, sctp_param_emit(&v, value));
}

static void receive_request(struct assoc *a, struct path *from, const struct kind *k, const struct sctp_param *v)
{
	struct reconfig *r = &a->reconfig;
	seq32 number = read32(v->value), behind = r->peers_next - number;
	/* In SHUTDOWN-SENT nothing is asked for any more, or asked again. */
	bool allowed = a->set.reset_allowed & k->needs && !(k->asks_back && a->state == SCTP_SHUTDOWN_SENT);
	uint32_t result;

	if (behind == 1 || behind == RECONFIG_KEPT) {
		result = r->answers[behind - 1];
	} else if (behind != 0) {
		result = RECONFIG_BAD_NUMBER;
	} else if (allowed && k->waits && k->waits(a, v)) {
		result = RECONFIG_IN_PROGRESS;
	} else {
		/* Ours that asks back names it as the last one. */
		r->peers_next++;
		result = allowed ? k->take(a, v) : RECONFIG_DENIED;
		r->answers[1] = r->answers[0];
		r->answers[0] = result;
	}
	if (!k->asks_back || result != RECONFIG_PERFORMED) answer(a, from, k, number, result);
}

/* ---- what it answers ---- */

static void release(struct assoc *a)
{
	for (uint32_t i = 0; i < a->out_streams; i++) a->snd.streams[i].held = false;
}

static void reset_answered(struct assoc *a, const struct sctp_param *ours, uint16_t flags)
{
	bool out = ours->type == PARAM_RESET_OUT;
	struct streams which;

	if (!read_list(ours, out ? RECONFIG_OUT_FIXED : RECONFIG_IN_FIXED, &which)) which = (struct streams){.n = 0};
	if (out && !flags) {
		for (uint32_t i = 0; i < which.n; i++) a->snd.streams[which.at[i]].ssn = 0;
		for (uint32_t i = 0; which.n == 0 && i < a->out_streams; i++) a->snd.streams[i].ssn = 0;
	}
	if (out) release(a);
	notify_stream_reset(a, flags | (out ? SCTP_STREAM_RESET_OUTGOING_SSN : SCTP_STREAM_RESET_INCOMING_SSN), which);
	free((void *)which.at);
}

static void tsn_answered(struct assoc *a, const struct sctp_param *v, uint16_t flags)
{
	seq32 peers_next = read32(v->value + 8), my_next = read32(v->value + 12);

	if (!flags) number_from(a, my_next, peers_next);
	release(a);
	notify_assoc_reset(a, flags, peers_next, my_next);
}

static void more_answered(struct assoc *a, const struct sctp_param *ours, uint16_t flags)
{
	uint16_t more = read16(ours->value + 4);
	bool out = ours->type == PARAM_ADD_OUT;

	if (out && flags) assoc_streams_drop(a, (uint16_t)(a->out_streams - more));
	else if (out) release(a);
	notify_stream_change(a, flags, out ? 0 : more, out ? more : 0);
}

static uint16_t flags_of(uint32_t result)
{
	if (result == RECONFIG_PERFORMED) return 0;
	return result == RECONFIG_DENIED ? SCTP_STREAM_RESET_DENIED : SCTP_STREAM_RESET_FAILED;
}

static void receive_answer(struct assoc *a, struct path *from, const struct sctp_param *v)
{
	uint32_t result = read32(v->value + 4);
	struct sctp_param ours;
	bool in;

	if (!reconfig_find(a, read32(v->value), &ours)) return;
	/* RFC 6525 §5.2.7: asked again, when its time has come; who says so is there. */
	if (result == RECONFIG_IN_PROGRESS) {
		path_works(from, SCTP_RECEIVED_SACK);
		return;
	}
	/* What comes in is answered by a request when it is done. */
	in = ours.type == PARAM_RESET_IN || ours.type == PARAM_ADD_IN;
	if ((in && result == RECONFIG_PERFORMED) || (ours.type == PARAM_RESET_TSN && v->len != ANSWER_TSN_LEN)) return;
	if (ours.type == PARAM_RESET_TSN) tsn_answered(a, v, flags_of(result));
	else if (ours.type == PARAM_RESET_OUT || ours.type == PARAM_RESET_IN) reset_answered(a, &ours, flags_of(result));
	else more_answered(a, &ours, flags_of(result));
	reconfig_answered(a, &ours);
}

/* ---- a chunk ---- */

/* As Linux: all of it is looked at before the first is carried out. */
static bool is_well_made(const struct sctp_chunk *c)
{
	uint16_t last = 0;
	size_t at = 0;

	for (unsigned i = 0; at < c->len; i++) {
		struct sctp_param v;
		int n = sctp_param_parse(&v, c->value + at, c->len - at);
		const struct kind *k = n > 0 ? kind_of(v.type) : NULL;
		if (!k || i == PARAMS_MOST || v.len < k->least || v.len > k->most) return false;
		if (k->type == PARAM_RESET_ANSWER && v.len != ANSWER_LEN && v.len != ANSWER_TSN_LEN) return false;
		/* An answer stands before another, or before the request that it brings. */
		if (last && last != k->before && !(last == PARAM_RESET_ANSWER && (k->type == PARAM_RESET_OUT || k->type == PARAM_RESET_ANSWER))) return false;
		last = v.type;
		at += (size_t)n;
	}
	return true;
}

bool reconfig_receive(struct assoc *a, struct path *from, const struct sctp_chunk *c)
{
	if (!is_well_made(c)) return assoc_violated(a);
	for (size_t at = 0; at < c->len;) {
		struct sctp_param v;
		int n = sctp_param_parse(&v, c->value + at, c->len - at);
		if (v.type == PARAM_RESET_ANSWER) receive_answer(a, from, &v);
		else receive_request(a, from, kind_of(v.type), &v);
		at += (size_t)n;
	}
	return true;
}
