/* RFC 6525: streams that begin anew, more streams, associations that begin anew; what is lost of it, what collides, and what nobody may ask for. */
#include "bench.h"

#define ALL SCTP_ENABLE_STRRESET_MASK

static int set_value(struct sock *sk, int name, uint32_t v)
{
	struct sctp_assoc_value av = {.assoc_id = SCTP_FUTURE_ASSOC, .assoc_value = v};

	return sock_setsockopt(sk, IPPROTO_SCTP, name, &av, sizeof av);
}

static uint32_t get_value(struct sock *sk, int name)
{
	struct sctp_assoc_value av = {0};
	socklen_t len = sizeof av;

	assert_int_equal(sock_getsockopt(sk, IPPROTO_SCTP, name, &av, &len), 0);
	return av.assoc_value;
}

static int reset_streams(struct sock *sk, uint16_t flags, const uint16_t *list, uint16_t n)
{
	uint8_t v[sizeof(struct sctp_reset_streams) + 64] = {0};
	struct sctp_reset_streams h = {.srs_flags = flags, .srs_number_streams = n};

	memcpy(v, &h, sizeof h);
	if (n) memcpy(v + sizeof h, list, 2 * n);
	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_RESET_STREAMS, v, (socklen_t)(sizeof h + 2 * n));
}

static int reset_assoc(struct sock *sk)
{
	sctp_assoc_t id = 0;

	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_RESET_ASSOC, &id, sizeof id);
}

static int add_streams(struct sock *sk, uint16_t in, uint16_t out)
{
	struct sctp_add_streams v = {.sas_instrms = in, .sas_outstrms = out};

	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_ADD_STREAMS, &v, sizeof v);
}

/* A pair that has agreed on it, and lets everything be asked for; their notifications so far are read. */
static void able(struct bench *b, struct sock **x, struct sock **y)
{
	struct sock *l = one(b->net.s[1]);

	*x = one(b->net.s[0]);
	for (int i = 0; i < 2; i++) {
		struct sock *sk = i ? l : *x;
		assert_int_equal(set_value(sk, SCTP_RECONFIG_SUPPORTED, 1), 0);
		assert_int_equal(set_value(sk, SCTP_ENABLE_STREAM_RESET, ALL), 0);
		events_on(sk);
	}
	listening(l, "10.0.0.2", 7);
	call_connect(*x, "10.0.0.2", 7);
	settle(b);
	assert_int_equal(sock_accept(l, y), 0);
	sock_close(l);
	bench_pass(b, NS_PER_S);
	while (call_recv(*x)->n >= 0 || call_recv(*y)->n >= 0) {}
	assert_int_equal(get_value(*x, SCTP_RECONFIG_SUPPORTED), 1);
	assert_int_equal(get_value(*y, SCTP_ENABLE_STREAM_RESET), ALL);
}

static const void *told(struct sock *sk, unsigned type, unsigned flags)
{
	const struct got *g = call_recv(sk);
	uint16_t head[2];

	while (g->n >= 0 && g->flags & MSG_NOTIFICATION && *(const uint16_t *)g->data == SCTP_SENDER_DRY_EVENT) g = call_recv(sk);
	assert_true(g->n >= 8);
	assert_true(g->flags & MSG_NOTIFICATION);
	memcpy(head, g->data, sizeof head);
	assert_int_equal(head[0], type);
	assert_int_equal(head[1], flags);
	return g->data;
}

static void say(struct sock *sk, uint16_t stream) { assert_int_equal(call_sendmsg(sk, "hello", 5, &(struct wish_sent){.stream = stream}), 5); }

static void hears(struct sock *sk, uint16_t stream, uint16_t ssn)
{
	const struct got *g = call_recv(sk);

	while (g->n >= 0 && g->flags & MSG_NOTIFICATION && *(const uint16_t *)g->data == SCTP_SENDER_DRY_EVENT) g = call_recv(sk);
	assert_int_equal(g->n, 5);
	assert_int_equal(g->flags & MSG_NOTIFICATION, 0);
	assert_int_equal(g->info.rcv_sid, stream);
	assert_int_equal(g->info.rcv_ssn, ssn);
}

static void quiet(struct sock *sk)
{
	const struct got *g = call_recv(sk);

	while (g->n >= 0 && g->flags & MSG_NOTIFICATION && *(const uint16_t *)g->data == SCTP_SENDER_DRY_EVENT) g = call_recv(sk);
	assert_int_equal(g->n, -EAGAIN);
}

static void both_say(struct bench *b, struct sock *x, struct sock *y, uint16_t stream, uint16_t ssn)
{
	say(x, stream);
	say(y, stream);
	bench_pass(b, NS_PER_S);
	hears(y, stream, ssn);
	hears(x, stream, ssn);
}

/* ---- what is done ---- */

static void must_be_agreed_upon(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(set_value(x, SCTP_ENABLE_STREAM_RESET, ALL), 0);
	assert_int_equal(set_value(x, SCTP_ENABLE_STREAM_RESET, ALL + 1), -EINVAL);
	assert_int_equal(get_value(x, SCTP_RECONFIG_SUPPORTED), 0);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, NULL, 0), -ENOPROTOOPT);
	assert_int_equal(reset_assoc(x), -ENOPROTOOPT);
	assert_int_equal(add_streams(x, 1, 1), -ENOPROTOOPT);
	sock_close(x);
	sock_close(y);
	bench_pass(b, NS_PER_S);
	able(b, &x, &y);
	assert_int_equal(set_value(x, SCTP_ENABLE_STREAM_RESET, SCTP_ENABLE_RESET_STREAM_REQ), 0);
	assert_int_equal(reset_assoc(x), -ENOPROTOOPT);
	assert_int_equal(add_streams(x, 1, 1), -ENOPROTOOPT);
	assert_int_equal(reset_streams(x, 0, NULL, 0), -EINVAL);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, (uint16_t[]){10}, 1), -EINVAL);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_INCOMING, (uint16_t[]){10}, 1), -EINVAL);
	assert_int_equal(reset_streams(one(b->net.s[0]), SCTP_STREAM_RESET_OUTGOING, NULL, 0), -EINVAL);
	/* The peer may be let less than we are. */
	assert_int_equal(set_value(y, SCTP_ENABLE_STREAM_RESET, 0), 0);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
	settle(b);
	told(x, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_OUTGOING_SSN | SCTP_STREAM_RESET_DENIED);
	quiet(y);
	both_say(b, x, y, 0, 0);
}

/* RFC 6525 §5.1.2, §5.2.2 (6525-1) */
static void ours_begin_anew(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	const struct sctp_stream_reset_event *e;

	able(b, &x, &y);
	for (uint16_t ssn = 0; ssn < 3; ssn++) both_say(b, x, y, 1, ssn);
	both_say(b, x, y, 2, 0);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, (uint16_t[]){1, 3}, 2), 0);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, NULL, 0), -EINPROGRESS);
	/* What is sent meanwhile waits, and no other stream for it. */
	say(x, 1);
	say(x, 2);
	bench_pass(b, NS_PER_S);
	for (int i = 0; i < 2; i++) {
		e = told(i ? y : x, SCTP_STREAM_RESET_EVENT, i ? SCTP_STREAM_RESET_INCOMING_SSN : SCTP_STREAM_RESET_OUTGOING_SSN);
		assert_int_equal(e->strreset_length, sizeof *e + 4);
		assert_int_equal(e->strreset_stream_list[0], 1);
		assert_int_equal(e->strreset_stream_list[1], 3);
		if (i == 0) continue;
		hears(y, 2, 1);
		hears(y, 1, 0);
	}
	say(y, 1);
	settle(b);
	hears(x, 1, 3);
	assert_int_equal(b->chunks[CHUNK_RECONFIG], 2);
}

/* RFC 6525 §5.2.3 (6525-2): the peer is asked to let its streams begin anew; and all at once in both directions. */
static void theirs_begin_anew(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, &x, &y);
	both_say(b, x, y, 1, 0);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_INCOMING, NULL, 0), 0);
	settle(b);
	told(x, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_INCOMING_SSN);
	told(y, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_OUTGOING_SSN);
	say(x, 1);
	say(y, 1);
	settle(b);
	hears(y, 1, 1);
	hears(x, 1, 0);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_INCOMING | SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
	settle(b);
	told(y, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_INCOMING_SSN);
	told(y, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_OUTGOING_SSN);
	told(x, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_OUTGOING_SSN);
	told(x, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_INCOMING_SSN);
	both_say(b, x, y, 1, 0);
	assert_null(assoc_at(x)->reconfig.asked);
	assert_null(assoc_at(y)->reconfig.asked);
}

/* RFC 6525 §5.1.5, §5.2.5, §5.2.6 (6525-3) */
static void more_streams(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	const struct sctp_stream_change_event *e;

	able(b, &x, &y);
	assert_int_equal(call_sendmsg(x, "x", 1, &(struct wish_sent){.stream = 12}), -EINVAL);
	assert_int_equal(add_streams(x, 0, 0), -EINVAL);
	assert_int_equal(add_streams(x, 0, 65530), -EINVAL);
	assert_int_equal(add_streams(x, 2, 3), 0);
	say(x, 12);
	settle(b);
	e = told(x, SCTP_STREAM_CHANGE_EVENT, 0);
	while (e->strchange_outstrms == 0) {
		assert_int_equal(e->strchange_instrms, 2);
		e = told(x, SCTP_STREAM_CHANGE_EVENT, 0);
	}
	assert_int_equal(e->strchange_outstrms, 3);
	assert_int_equal(((const struct sctp_stream_change_event *)told(y, SCTP_STREAM_CHANGE_EVENT, 0))->strchange_instrms, 3);
	bench_pass(b, NS_PER_S);
	assert_int_equal(assoc_at(x)->out_streams, 13);
	assert_int_equal(assoc_at(y)->in_streams, 13);
	assert_int_equal(assoc_at(x)->in_streams, 12);
	assert_int_equal(assoc_at(y)->out_streams, 12);
	say(y, 11);
	settle(b);
	/* Denied, they are not there any more, and what was sent on them comes back. */
	assert_int_equal(set_value(y, SCTP_ENABLE_STREAM_RESET, 0), 0);
	assert_int_equal(add_streams(x, 0, 1), 0);
	say(x, 13);
	settle(b);
	assert_int_equal(assoc_at(x)->out_streams, 13);
	assert_int_equal(assoc_at(x)->snd.queued, 0);
	assert_int_equal(call_sendmsg(x, "x", 1, &(struct wish_sent){.stream = 13}), -EINVAL);
}

/* RFC 6525 §5.1.4, §5.2.4 (6525-4) */
static void an_association_begins_anew(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	const struct sctp_assoc_reset_event *e;
	seq32 before, of_y;

	able(b, &x, &y);
	for (uint16_t ssn = 0; ssn < 5; ssn++) both_say(b, x, y, ssn & 1, ssn / 2);
	say(x, 0);
	assert_int_equal(reset_assoc(x), -EAGAIN);
	bench_pass(b, NS_PER_S);
	hears(y, 0, 3);
	before = assoc_at(x)->snd.next_tsn;
	of_y = assoc_at(y)->snd.next_tsn;
	assert_int_equal(reset_assoc(x), 0);
	say(x, 0);
	settle(b);
	e = told(x, SCTP_ASSOC_RESET_EVENT, 0);
	assert_int_equal(e->assocreset_local_tsn, of_y);
	assert_int_equal(e->assocreset_remote_tsn, before - 1 + ((uint32_t)1 << 31));
	told(y, SCTP_ASSOC_RESET_EVENT, 0);
	hears(y, 0, 0);
	for (uint16_t ssn = 0; ssn < 3; ssn++) both_say(b, x, y, 1, ssn);
	assert_int_equal(assoc_at(x)->snd.acked + 1, assoc_at(x)->snd.next_tsn);
	assert_int_equal(assoc_at(x)->state, SCTP_ESTABLISHED);
}

/* ---- what is lost ---- */

/* user: which RE-CONFIG of a request and its answer, counted from 1, is lost */
static bool lose_nth(struct bench *b, struct seen *p) { return seen_has(p, CHUNK_RECONFIG) && ++b->count == *(int *)b->user; }
static bool lose_all(struct bench *b, struct seen *p)
{
	(void)b;
	return seen_has(p, CHUNK_RECONFIG);
}

/* RFC 6525 §5.1.1 (6525-5): it is asked again, carried out once, and answered as before. */
static void each_may_be_lost(void **state)
{
	struct bench *b = *state;

	for (int kind = 0; kind < 4; kind++)
		for (int nth = 1; nth <= 3; nth++) {
			struct sock *x, *y;
			able(b, &x, &y);
			both_say(b, x, y, 1, 0);
			b->lose = lose_nth;
			b->user = &nth;
			b->count = 0;
			if (kind == 0) assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
			if (kind == 1) assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_INCOMING | SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
			if (kind == 2) assert_int_equal(add_streams(x, 1, 1), 0);
			if (kind == 3) assert_int_equal(reset_assoc(x), 0);
			bench_pass(b, 10 * NS_PER_S);
			b->lose = NULL;
			assert_null(assoc_at(x)->reconfig.asked);
			assert_null(assoc_at(y)->reconfig.asked);
			assert_int_equal(assoc_at(x)->out_streams, kind == 2 ? 11 : 10);
			assert_int_equal(assoc_at(y)->out_streams, kind == 2 ? 11 : 10);
			while (call_recv(x)->n >= 0 || call_recv(y)->n >= 0) {}
			say(x, 1);
			say(y, 1);
			bench_pass(b, NS_PER_S);
			hears(y, 1, kind == 2);
			hears(x, 1, kind == 0 || kind == 2);
			sock_close(x);
			sock_close(y);
			bench_pass(b, NS_PER_S);
		}
}

static void nobody_answers(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	struct sctp_paddrparams quietly = {.spp_flags = SPP_HB_DISABLE};

	able(b, &x, &y);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &quietly, sizeof quietly), 0);
	b->lose = lose_all;
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
	bench_pass(b, 2000 * NS_PER_S);
	assert_null(assoc_at(x));
	assert_int_equal(b->chunks[CHUNK_RECONFIG], 11);
	b->lose = NULL;
}

/* DATA of before is still on its way: the peer says so, and is asked again. */
static bool lose_data_once(struct bench *b, struct seen *p) { return seen_has(p, CHUNK_DATA) && b->count++ == 0; }

static void waits_for_data(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, &x, &y);
	b->lose = lose_data_once;
	b->count = 0;
	say(x, 1);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
	bench_pass(b, 5 * NS_PER_S);
	hears(y, 1, 0);
	told(y, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_INCOMING_SSN);
	told(x, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_OUTGOING_SSN);
	both_say(b, x, y, 1, 0);
}

/* As Linux: two that ask at once both fail, and may ask again. */
static void collisions(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, &x, &y);
	both_say(b, x, y, 1, 0);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
	assert_int_equal(reset_streams(y, SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
	settle(b);
	told(x, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_OUTGOING_SSN | SCTP_STREAM_RESET_FAILED);
	told(y, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_OUTGOING_SSN | SCTP_STREAM_RESET_FAILED);
	assert_int_equal(reset_assoc(x), 0);
	assert_int_equal(add_streams(y, 0, 1), 0);
	settle(b);
	told(x, SCTP_ASSOC_RESET_EVENT, SCTP_ASSOC_RESET_FAILED);
	told(y, SCTP_STREAM_CHANGE_EVENT, SCTP_STREAM_CHANGE_FAILED);
	both_say(b, x, y, 1, 1);
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
	settle(b);
	told(x, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_OUTGOING_SSN);
	told(y, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_INCOMING_SSN);
	assert_int_equal(assoc_at(y)->out_streams, 10);
}

/* Who closes meanwhile has what was held sent, and then goes. */
static void closed_meanwhile(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, &x, &y);
	b->lose = lose_nth;
	b->user = &(int){1};
	b->count = 0;
	assert_int_equal(reset_streams(y, SCTP_STREAM_RESET_OUTGOING, NULL, 0), 0);
	say(y, 1);
	sock_close(y);
	settle(b);
	quiet(x);
	bench_pass(b, 10 * NS_PER_S);
	told(x, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_INCOMING_SSN);
	hears(x, 1, 0);
	assert_null(assoc_at(x));
}

/* Nor does it stay when the peer closes, and the request was lost. */
static void the_peer_closes_meanwhile(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	uint16_t stream = 1;

	able(b, &x, &y);
	b->lose = lose_all;
	assert_int_equal(reset_streams(x, SCTP_STREAM_RESET_OUTGOING, &stream, 1), 0);
	say(x, 1);
	sock_shutdown(y, SHUT_WR);
	settle(b);
	b->lose = NULL;
	assert_int_equal(assoc_at(x)->state, SCTP_SHUTDOWN_RECEIVED);
	bench_pass(b, 10 * NS_PER_S);
	told(y, SCTP_STREAM_RESET_EVENT, SCTP_STREAM_RESET_INCOMING_SSN);
	hears(y, 1, 0);
	assert_null(assoc_at(x));
	assert_null(assoc_at(y));
}

/* What was asked before a restart is asked no more, and the numbers begin with the new TSNs. */
static void a_restart_forgets(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = many(b->net.s[1]);
	struct assoc *a;
	sctp_assoc_t id;

	set_value(y, SCTP_RECONFIG_SUPPORTED, 1);
	set_value(y, SCTP_ENABLE_STREAM_RESET, ALL);
	listening(y, "0.0.0.0", 7);
	for (int i = 0; i < 2; i++) {
		set_value(x, SCTP_RECONFIG_SUPPORTED, 1);
		assert_int_equal(call_bind(x, "0.0.0.0", 1000), 0);
		b->net.cut[0] = b->net.cut[1] = false;
		call_sendmsg(x, "hello", 5, &(struct wish_sent){.to = "10.0.0.2", .port = 7});
		bench_pass(b, NS_PER_S);
		a = assoc_at(y);
		assert_true(a->reconfig.able);
		assert_null(a->reconfig.asked);
		assert_int_equal(a->reconfig.peers_next, assoc_at(x)->reconfig.next);
		assert_int_equal(a->reconfig.next, assoc_at(x)->reconfig.peers_next);
		if (i) break;
		b->net.cut[0] = b->net.cut[1] = true;
		id = a->id;
		assert_int_equal(sock_setsockopt(y, IPPROTO_SCTP, SCTP_RESET_ASSOC, &id, sizeof id), 0);
		assert_non_null(a->reconfig.asked);
		x->linger = (struct linger){1, 0};
		sock_close(x);
		settle(b);
		x = many(b->net.s[0]);
	}
	assert_int_equal(call_sendmsg(y, "hello", 5, &(struct wish_sent){.id = id, .stream = 3}), 5);
	settle(b);
	assert_int_equal(call_recv(x)->n, 5);
}

/* ---- who asks for what he may not ---- */

static size_t put(uint8_t *p, uint16_t type, uint32_t a, uint32_t b_, uint32_t c, size_t words)
{
	const uint32_t w[] = {a, b_, c};

	write16(p, type);
	write16(p + 2, (uint16_t)(4 + 4 * words));
	for (size_t i = 0; i < words; i++) write32(p + 4 + 4 * i, w[i]);
	return 4 + 4 * words;
}

/* To x, as y's; how many answers come. */
static uint32_t inject(struct bench *b, struct sock *x, const uint8_t *params, size_t len)
{
	const struct assoc *a = assoc_at(x);
	struct sctp_hdr h = {a->rport, a->lport, a->my_tag};
	uint8_t chunk[256];
	uint32_t before = b->chunks[CHUNK_RECONFIG];

	sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_RECONFIG, .len = (uint16_t)len}, chunk);
	memcpy(chunk + SCTP_CHUNK_HDR, params, len);
	bench_inject(b, 0, &h, chunk, SCTP_CHUNK_HDR + len);
	return b->chunks[CHUNK_RECONFIG] - before;
}

static uint32_t last_result(const struct bench *b) { return read32(b->last[0] + SCTP_HDR_LEN + SCTP_CHUNK_HDR + 8); }

/* RFC 6525 §5.2.1 (6525-6) */
static void bad_numbers(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	uint8_t v[64] = {0};
	seq32 next;

	able(b, &x, &y);
	next = assoc_at(x)->reconfig.peers_next;
	static const int32_t off[] = {1, 2, 1 << 30, -3, INT32_MIN};
	for (size_t i = 0; i < ARRAY_SIZE(off); i++) {
		assert_int_equal(inject(b, x, v, put(v, PARAM_RESET_OUT, next + (uint32_t)off[i], 0, assoc_at(x)->rcv.cum, 3)), 1);
		assert_int_equal(last_result(b), RECONFIG_BAD_NUMBER);
	}
	/* A TSN that has not come, a stream that there is not, a number of streams that there can't be. */
	inject(b, x, v, put(v, PARAM_RESET_OUT, next, 0, assoc_at(x)->rcv.cum + 1, 3));
	assert_int_equal(last_result(b), RECONFIG_IN_PROGRESS);
	assert_int_equal(assoc_at(x)->reconfig.peers_next, next);
	put(v, PARAM_RESET_OUT, next, 0, assoc_at(x)->rcv.cum, 3);
	write16(v + 2, 18);
	write16(v + 16, 10);
	inject(b, x, v, 20);
	assert_int_equal(last_result(b), RECONFIG_WRONG_STREAM);
	inject(b, x, v, put(v, PARAM_ADD_OUT, next + 1, 65535u << 16, 0, 2));
	assert_int_equal(last_result(b), RECONFIG_DENIED);
	inject(b, x, v, put(v, PARAM_ADD_IN, next + 2, 0, 0, 2));
	assert_int_equal(last_result(b), RECONFIG_DENIED);
	/* The last two are known still, an older one is not. */
	inject(b, x, v, put(v, PARAM_ADD_OUT, next + 1, 5u << 16, 0, 2));
	assert_int_equal(last_result(b), RECONFIG_DENIED);
	inject(b, x, v, put(v, PARAM_RESET_OUT, next, 0, assoc_at(x)->rcv.cum, 3));
	assert_int_equal(last_result(b), RECONFIG_BAD_NUMBER);
	assert_int_equal(assoc_at(x)->in_streams, 10);
	/* Answers to what nobody has asked for are nothing. */
	assert_int_equal(inject(b, x, v, put(v, PARAM_RESET_ANSWER, assoc_at(x)->reconfig.next, RECONFIG_PERFORMED, 0, 2)), 0);
	quiet(x);
	assert_int_equal(assoc_at(x)->state, SCTP_ESTABLISHED);
}

/* As Linux: what is not well made, or not in a chunk together, ends the association, and nothing of it is done. */
static void bad_chunks(void **state)
{
	struct bench *b = *state;
	static const struct { uint16_t type, len, second; } bad[] = {
		{PARAM_RESET_OUT, 8, 0}, {PARAM_RESET_IN, 0, 0}, {PARAM_RESET_TSN, 8, 0}, {PARAM_RESET_TSN, 4, PARAM_RESET_TSN}, {PARAM_RESET_ANSWER, 12, 0},
		{PARAM_RESET_ANSWER, 20, 0}, {PARAM_ADD_OUT, 4, 0}, {PARAM_ADD_IN, 12, 0}, {PARAM_ADD_OUT, 8, PARAM_RESET_TSN}, {12, 8, 0}, {19, 8, 0},
		{0xffff, 8, 0}, {PARAM_RESET_OUT, 12, PARAM_RESET_OUT}, {PARAM_RESET_OUT, 1000, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct sock *x, *y;
		uint8_t v[128] = {0};
		size_t n = 4 + bad[i].len % 100;
		able(b, &x, &y);
		write16(v, bad[i].type);
		write16(v + 2, (uint16_t)(4 + bad[i].len));
		write32(v + 4, assoc_at(x)->reconfig.peers_next);
		if (bad[i].second) {
			write16(v + n, bad[i].second);
			write16(v + n + 2, bad[i].second == PARAM_RESET_OUT ? 16 : 8);
			n += bad[i].second == PARAM_RESET_OUT ? 16 : 8;
		}
		assert_int_equal(inject(b, x, v, n), 0);
		settle(b);
		assert_null(assoc_at(x));
		assert_null(assoc_at(y));
		sock_close(x);
		sock_close(y);
		settle(b);
	}
}

/* RFC 6525 §3.1 (6525-7): a packet has one chunk of these; without agreement, or another tag, it does nothing. */
static void floods_and_strangers(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y, *p, *q;
	struct sctp_hdr h;
	uint8_t chunks[40 * 12];
	uint32_t before;

	able(b, &x, &y);
	for (uint32_t i = 0; i < 40; i++) {
		sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_RECONFIG, .len = 8}, chunks + 12 * i);
		put(chunks + 12 * i + 4, PARAM_RESET_IN, assoc_at(x)->reconfig.peers_next + i, 0, 0, 1);
	}
	h = (struct sctp_hdr){assoc_at(x)->rport, assoc_at(x)->lport, assoc_at(x)->my_tag + 1};
	before = b->packets;
	bench_inject(b, 0, &h, chunks, sizeof chunks);
	assert_int_equal(b->packets, before);
	h.vtag--;
	bench_inject(b, 0, &h, chunks, sizeof chunks);
	assert_int_equal(b->packets, before + 1);
	sock_close(x);
	sock_close(y);
	bench_pass(b, NS_PER_S);
	connected(b, &p, &q);
	h = (struct sctp_hdr){assoc_at(p)->rport, assoc_at(p)->lport, assoc_at(p)->my_tag};
	before = b->packets;
	bench_inject(b, 0, &h, chunks, sizeof chunks);
	assert_int_equal(b->packets, before);
	assert_int_equal(assoc_at(p)->state, SCTP_ESTABLISHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(must_be_agreed_upon), BENCH_TEST(ours_begin_anew), BENCH_TEST(theirs_begin_anew), BENCH_TEST(more_streams),
		BENCH_TEST(an_association_begins_anew), BENCH_TEST(each_may_be_lost), BENCH_TEST(nobody_answers), BENCH_TEST(waits_for_data),
		BENCH_TEST(collisions), BENCH_TEST(closed_meanwhile), BENCH_TEST(the_peer_closes_meanwhile),
		BENCH_TEST(a_restart_forgets), BENCH_TEST(bad_numbers), BENCH_TEST(bad_chunks), BENCH_TEST(floods_and_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
