/* Messages: cut and put together, lost and found again, in order and not, against windows that are closed. */
#include "bench.h"
#include "../unit/draw.h"

#define LONG 60000u

static uint8_t pattern(uint32_t message, size_t at_) { return (uint8_t)(message * 31 + at_ * 7 + (at_ >> 8)); }

static void fill(uint8_t *to, uint32_t message, size_t len)
{
	for (size_t i = 0; i < len; i++) to[i] = pattern(message, i);
}

static void assert_message(const struct got *g, uint32_t message, size_t len)
{
	assert_int_equal(g->n, len);
	for (size_t i = 0; i < len; i++) assert_int_equal(g->data[i], pattern(message, i));
	assert_true(g->flags & MSG_EOR);
}

/* RFC 9260 §6.9 (9260-21): what is longer than a packet goes in several chunks, and comes out whole. */
static void a_long_message(void **state)
{
	static uint8_t data[LONG];
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	fill(data, 1, LONG);
	assert_int_equal(call_send(x, data, LONG), LONG);
	bench_pass(b, 2 * NS_PER_S);
	assert_message(call_recv(y), 1, LONG);
	assert_in_range(b->chunks[CHUNK_DATA], LONG / 1452, LONG / 1452 + 2);
}

/* A read that is too small takes part of the message; MSG_EOR comes with its last octets. */
static void read_in_parts(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	char buf[4];
	struct sock_msg m;

	connected(b, &x, &y);
	assert_int_equal(call_send(x, "0123456789", 10), 10);
	assert_int_equal(call_send(x, "ab", 2), 2);
	settle(b);
	for (int i = 0; i < 3; i++) {
		m = (struct sock_msg){.data = buf, .len = 4, .flags = i == 0 ? MSG_PEEK : 0};
		assert_int_equal(sock_recv(y, &m), 4);
		assert_false(m.flags & MSG_EOR);
		assert_memory_equal(buf, i < 2 ? "0123" : "4567", 4);
	}
	m = (struct sock_msg){.data = buf, .len = 4};
	assert_int_equal(sock_recv(y, &m), 2);
	assert_true(m.flags & MSG_EOR);
	assert_memory_equal(buf, "89", 2);
	bench_pass(b, NS_PER_S);
	assert_int_equal(call_recv(y)->n, 2);
}

/* ---- loss ---- */

static uint32_t chance(struct bench *b)
{
	return (uint32_t)(draw_next(&b->net.random) >> 40);
}

static bool one_in_eight(struct bench *b, struct seen *p)
{
	(void)p;
	return chance(b) % 8 == 0;
}

/* A tenth lost each way, and all arrives: once, whole, each stream in its order. */
static void through_loss(void **state)
{
	static uint8_t data[5000];
	struct bench *b = *state;
	struct sock *x, *y;
	uint32_t sent = 0, got = 0, next[4] = {0};

	connected(b, &x, &y);
	assert_int_equal(set_int(y, SCTP_RECVRCVINFO, 1), 0);
	b->lose = one_in_eight;
	for (int round = 0; round < 3000 && got < 400; round++) {
		while (sent < 400) {
			size_t len = 1 + sent * 37 % sizeof data;
			fill(data, sent, len);
			if (call_sendmsg(x, data, len, &(struct wish_sent){.stream = (uint16_t)(sent % 4), .ppid = sent}) < 0) break;
			sent++;
		}
		bench_pass(b, 50 * NS_PER_MS);
		for (const struct got *g; (g = call_recv(y))->n >= 0; got++) {
			uint32_t k = g->info.rcv_ppid;
			assert_int_equal(g->info.rcv_sid, k % 4);
			assert_int_equal(k / 4, next[k % 4]++);
			assert_message(g, k, 1 + k * 37 % sizeof data);
		}
	}
	assert_int_equal(got, 400);
	assert_true(assoc_at(x)->stats.rtxchunks > 0);
	b->lose = NULL;
	bench_pass(b, 200 * NS_PER_S);
	assert_int_equal(assoc_at(x)->snd.in_flight, 0);
	assert_int_equal(assoc_at(x)->snd.queued, 0);
	assert_int_equal(sctp_of(x)->queued, 0);
	assert_int_equal(assoc_at(y)->rcv.held, 0);
	list_each(const struct path, p, &assoc_at(x)->paths, node) assert_int_equal(p->flight, 0);
}

/* The count-th packet with DATA of a's, and only the first time. */
static bool lose_nth_data(struct bench *b, struct seen *p)
{
	return p->from == 0 && seen_has(p, CHUNK_DATA) && b->count-- == 0;
}

/* RFC 9260 §7.2.4 (9260-23): three SACKs that miss it bring a chunk back long before its timer would. */
static void fast_retransmit(void **state)
{
	static uint8_t data[1400];
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(call_send(x, data, sizeof data), sizeof data);
		settle(b);
		call_recv(y);
	}
	b->lose = lose_nth_data;
	b->count = 0;
	for (int i = 0; i < 6; i++) assert_int_equal(call_send(x, data, sizeof data), sizeof data);
	bench_pass(b, 100 * NS_PER_MS);
	assert_int_equal(assoc_at(x)->stats.rtxchunks, 1);
	for (int i = 0; i < 6; i++) assert_int_equal(call_recv(y)->n, sizeof data);
	assert_true(assoc_at(x)->primary->ssthresh < 100000);
	bench_pass(b, NS_PER_S);
	assert_false(assoc_at(x)->snd.recovering);
}

struct gaps { unsigned seen, n_gaps; uint16_t first, last; seq32 cum; };
static bool watch_sacks(struct bench *b, struct seen *p)
{
	struct gaps *g = b->user;
	struct sctp_sack h;

	for (unsigned i = 0; p->from == 1 && i < p->n; i++) {
		if (p->chunks[i].type != CHUNK_SACK) continue;
		assert_true(sctp_sack_parse(&h, &p->chunks[i]) > 0);
		g->seen++;
		g->cum = h.cum;
		g->n_gaps = h.n_gaps;
		if (h.n_gaps) g->first = read16(h.gaps), g->last = read16(h.gaps + 2);
	}
	return p->from == 0 && seen_has(p, CHUNK_DATA) && b->count-- == 0;
}

/* RFC 9260 §6.7 (9260-15): a hole is told at once, with what is behind it. */
static void a_gap_is_reported(void **state)
{
	struct bench *b = *state;
	struct gaps g = {0};
	struct sock *x, *y;

	connected(b, &x, &y);
	set_int(x, SCTP_NODELAY, 1);
	b->lose = watch_sacks;
	b->user = &g;
	b->count = 1;
	for (int i = 0; i < 4; i++) call_send(x, "m", 1);
	bench_pass(b, 20 * NS_PER_MS);
	assert_int_equal(g.cum, assoc_at(y)->rcv.irs);
	assert_int_equal(g.n_gaps, 1);
	assert_int_equal(g.first, 2);
	assert_int_equal(g.last, 3);
	bench_pass(b, 5 * NS_PER_S);
	assert_int_equal(g.cum, assoc_at(y)->rcv.irs + 3);
}

/* RFC 9260 §6.2 (9260-14): every second packet is acknowledged, a lone one within 200 ms. */
static void delayed_sack(void **state)
{
	struct bench *b = *state;
	struct gaps g = {0};
	struct sock *x, *y;

	connected(b, &x, &y);
	set_int(x, SCTP_NODELAY, 1);
	b->lose = watch_sacks;
	b->user = &g;
	b->count = -1;
	call_send(x, "a", 1);
	bench_pass(b, 20 * NS_PER_MS);
	assert_int_equal(g.seen, 1);           /* the first of all at once */
	call_send(x, "b", 1);
	bench_pass(b, 150 * NS_PER_MS);
	assert_int_equal(g.seen, 1);
	bench_pass(b, 100 * NS_PER_MS);
	assert_int_equal(g.seen, 2);
	call_send(x, "c", 1);
	call_send(x, "d", 1);
	bench_pass(b, 20 * NS_PER_MS);
	assert_int_equal(g.seen, 3);
}

static bool lose_data(struct bench *b, struct seen *p)
{
	if (p->from == 0 && seen_has(p, CHUNK_DATA)) b->count++;
	return p->from == 0 && seen_has(p, CHUNK_DATA);
}

/* RFC 9260 §6.3.3, §8.1 (9260-17, 9260-24): T3 doubles, and after Association.Max.Retrans the program is told. */
static void nobody_answers(void **state)
{
	struct bench *b = *state;
	struct sock *x = one(b->net.s[0]);

	/* One address each: nothing can go another way. */
	listening(one(b->net.s[1]), "10.0.0.2", 7);
	assert_int_equal(call_bind(x, "10.0.0.1", 0), 0);
	call_connect(x, "10.0.0.2", 7);
	settle(b);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), 0);
	call_send(x, "a", 1);
	settle(b);
	b->lose = lose_data;
	call_send(x, "b", 1);
	bench_pass(b, NS_PER_S / 2);
	assert_int_equal(b->count, 1);
	bench_pass(b, NS_PER_S);
	assert_int_equal(b->count, 2);
	bench_pass(b, 1400 * NS_PER_MS);
	assert_int_equal(b->count, 2);
	bench_pass(b, NS_PER_S);
	assert_int_equal(b->count, 3);
	b->net.cut[0] = b->net.cut[1] = true;
	bench_pass(b, 700 * NS_PER_S);
	assert_null(assoc_at(x));
	assert_int_equal(call_recv(x)->n, -ETIMEDOUT);
	assert_int_equal(call_send(x, "c", 1), -EPIPE);
}

/* RFC 9260 §6.6 (9260-20): an unordered message waits for nobody. */
static void unordered_passes(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	set_int(x, SCTP_NODELAY, 1);
	b->lose = lose_nth_data;
	b->count = 0;
	call_send(x, "first", 5);
	call_send(x, "second", 6);
	call_sendmsg(x, "free", 4, &(struct wish_sent){.flags = SCTP_UNORDERED});
	bench_pass(b, 20 * NS_PER_MS);
	assert_int_equal(call_recv(y)->n, 4);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	bench_pass(b, 5 * NS_PER_S);
	assert_int_equal(call_recv(y)->n, 5);
	assert_int_equal(call_recv(y)->n, 6);
}

/* One stream does not hold up another (RFC 9260 §1.5.3). */
static void streams_are_apart(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	set_int(x, SCTP_NODELAY, 1);
	b->lose = lose_nth_data;
	b->count = 0;
	call_sendmsg(x, "one", 3, &(struct wish_sent){.stream = 1});
	call_sendmsg(x, "other", 5, &(struct wish_sent){.stream = 2});
	bench_pass(b, 20 * NS_PER_MS);
	assert_int_equal(call_recv(y)->n, 5);
	assert_int_equal(call_sendmsg(x, "none", 4, &(struct wish_sent){.stream = 10}), -EINVAL);
}

/* RFC 9260 §6.1 (9260-13): a closed window is probed, for as long as it takes, and opens again. */
static void a_closed_window(void **state)
{
	static uint8_t data[1000];
	struct bench *b = *state;
	struct sock *x, *y;
	unsigned sent = 0, got = 0;

	connected(b, &x, &y);
	for (unsigned i = 0; i < 300; i++) {
		while (call_send(x, data, sizeof data) > 0) sent++;
		bench_pass(b, NS_PER_S);
	}
	assert_non_null(assoc_at(x));
	assert_true(assoc_at(y)->rcv.held <= 2 * y->rcvbuf);
	assert_true(sent > 150 && sent < 600);
	assert_false(sock_poll(x) & EPOLLOUT);
	for (unsigned i = 0; i < 200 && got < sent; i++) {
		while (call_recv(y)->n > 0) got++;
		bench_pass(b, NS_PER_S);
	}
	assert_int_equal(got, sent);
	assert_true(sock_poll(x) & EPOLLOUT);
}

/* RFC 9260 §6.9: a message that the receive buffer can't hold is delivered in part. */
static void larger_than_the_window(void **state)
{
	static uint8_t data[LONG * 2];
	struct bench *b = *state;
	struct sock *x, *y;
	int small = 8192;
	size_t got = 0;
	const struct got *g = NULL;

	connected(b, &x, &y);
	assert_int_equal(sock_setsockopt(y, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
	fill(data, 3, sizeof data);
	assert_int_equal(call_send(x, data, sizeof data), sizeof data);
	assert_int_equal(call_send(x, "next", 4), 4);
	for (unsigned i = 0; i < 500 && got < sizeof data; i++) {
		bench_pass(b, NS_PER_S);
		for (; got < sizeof data && (g = call_recv(y))->n > 0; got += (size_t)g->n) {
			for (ssize_t k = 0; k < g->n; k++) assert_int_equal(g->data[k], pattern(3, got + (size_t)k));
			assert_int_equal(!!(g->flags & MSG_EOR), got + (size_t)g->n == sizeof data);
		}
	}
	assert_int_equal(got, sizeof data);
	bench_pass(b, 5 * NS_PER_S);
	assert_int_equal(call_recv(y)->n, 4);
}

/* RFC 9260 §6.9: a path that shrinks. */
static void the_path_shrinks(void **state)
{
	static uint8_t data[LONG];
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	b->net.wire[0][0]->mtu_bytes = 1000;
	fill(data, 1, LONG);
	assert_int_equal(call_send(x, data, LONG), LONG);
	bench_pass(b, 60 * NS_PER_S);
	assert_message(call_recv(y), 1, LONG);
}

/* One message, as a's, with this number of its stream. */
static void inject_numbered(struct bench *b, const struct assoc *to, uint16_t stream, uint16_t ssn)
{
	struct sctp_chunk c = {.type = CHUNK_DATA, .flags = CHUNK_DATA_B | CHUNK_DATA_E, .len = 13};
	uint8_t buf[20] = {0};

	sctp_chunk_emit(&c, buf);
	sctp_data_emit(&(struct sctp_data){.tsn = to->rcv.cum + 1, .stream = stream, .ssn = ssn, .ppid = ssn}, buf + SCTP_CHUNK_HDR);
	bench_inject(b, 1, &(struct sctp_hdr){to->rport, to->lport, to->my_tag}, buf, sizeof buf);
}

static void assert_numbers(struct sock *y, uint16_t stream, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		const struct got *g = call_recv(y);
		assert_int_equal(g->n, 1);
		assert_int_equal(g->info.rcv_sid, stream);
		assert_int_equal(g->info.rcv_ssn, i);
	}
}

/* RFC 9260 §6.5: however they come, each stream's are in order, and wait only for their own. */
static void the_last_comes_first(void **state)
{
	enum { N = 50 };
	struct bench *b = *state;
	struct sock *x, *y;
	const struct assoc *a;

	connected(b, &x, &y);
	assert_int_equal(set_int(y, SCTP_RECVRCVINFO, 1), 0);
	a = assoc_at(y);
	for (uint16_t i = N; i-- > 1;)
		for (uint16_t stream = 1; stream <= 3; stream++) inject_numbered(b, a, stream, i);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	inject_numbered(b, a, 2, 0);
	assert_numbers(y, 2, 0, N);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	/* One is missing in the middle. */
	inject_numbered(b, a, 2, N + 2);
	inject_numbered(b, a, 2, N + 1);
	inject_numbered(b, a, 2, N + 4);
	inject_numbered(b, a, 2, N);
	assert_numbers(y, 2, N, N + 3);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	inject_numbered(b, a, 3, 0);
	inject_numbered(b, a, 1, 0);
	assert_numbers(y, 3, 0, N);
	assert_numbers(y, 1, 0, N);
	inject_numbered(b, a, 2, N + 3);
	assert_numbers(y, 2, N + 3, N + 5);
	assert_true(list_empty(&a->rcv.early));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_long_message), BENCH_TEST(read_in_parts), BENCH_TEST(through_loss), BENCH_TEST(fast_retransmit), BENCH_TEST(a_gap_is_reported),
		BENCH_TEST(delayed_sack), BENCH_TEST(nobody_answers), BENCH_TEST(unordered_passes), BENCH_TEST(streams_are_apart),
		BENCH_TEST(a_closed_window), BENCH_TEST(larger_than_the_window), BENCH_TEST(the_path_shrinks), BENCH_TEST(the_last_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
