/* Explicit congestion notification: what is marked, what comes of it, and who may not say so. */
#include "bench.h"

enum { NOT_ECT, ECT1, ECT0, CE };

static struct { uint32_t with_data[4], without[4]; int mark; } seen;      /* packets by their bits; the mark-th with DATA is marked */

static bool watch(struct bench *b, struct seen *p)
{
	uint8_t *ip = p->p->data, bits = ip[1] & 3;
	struct ip4_hdr h;

	(void)b;
	if (!seen_has(p, CHUNK_DATA)) {
		seen.without[bits]++;
		return false;
	}
	seen.with_data[bits]++;
	if (p->from != 0 || --seen.mark != 0) return false;
	assert_true(ip4_parse(&h, ip, p->p->len) > 0);
	h.tos |= CE;
	ip4_emit(&h, ip);
	return false;
}

static void begin(struct bench *b, int mark)
{
	memset(&seen, 0, sizeof seen);
	seen.mark = mark;
	b->lose = watch;
}

static int set_supported(struct sock *sk, uint32_t on)
{
	struct sctp_assoc_value v = {.assoc_value = on};

	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_ECN_SUPPORTED, &v, sizeof v);
}

static uint32_t get_supported(struct sock *sk)
{
	struct sctp_assoc_value v = {0};
	socklen_t len = sizeof v;

	assert_int_equal(sock_getsockopt(sk, IPPROTO_SCTP, SCTP_ECN_SUPPORTED, &v, &len), 0);
	return v.assoc_value;
}

static void send_much(struct bench *b, struct sock *x, struct sock *y)
{
	static uint8_t data[30000];

	assert_int_equal(call_send(x, data, sizeof data), sizeof data);
	bench_pass(b, 5 * NS_PER_S);
	assert_int_equal(call_recv(y)->n, sizeof data);
	assert_int_equal(assoc_at(x)->snd.queued, 0);
}

/* DATA is ECT(0), all else is not; one that is marked halves the window once, and is told of until that is said. */
static void one_is_marked(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	const struct path *p;
	uint32_t ssthresh;

	connected(b, &x, &y);
	assert_int_equal(get_supported(x), 1);
	p = assoc_at(x)->primary;
	begin(b, 0);
	send_much(b, x, y);
	assert_true(seen.with_data[ECT0] > 0);
	assert_int_equal(seen.with_data[NOT_ECT] + seen.with_data[ECT1] + seen.with_data[CE], 0);
	assert_int_equal(seen.without[ECT0] + seen.without[ECT1] + seen.without[CE], 0);
	assert_int_equal(b->chunks[CHUNK_ECNE], 0);
	ssthresh = p->ssthresh;
	begin(b, 3);
	send_much(b, x, y);
	assert_true(b->chunks[CHUNK_ECNE] > 0);
	assert_true(b->chunks[CHUNK_CWR] > 0);
	assert_true(p->ssthresh < ssthresh);
	assert_false(assoc_at(y)->ecn.echo);
	/* It is over. */
	ssthresh = p->ssthresh;
	b->chunks[CHUNK_ECNE] = 0;
	begin(b, 0);
	send_much(b, x, y);
	assert_int_equal(b->chunks[CHUNK_ECNE], 0);
	assert_int_equal(p->ssthresh, ssthresh);
}

static bool lose_cwr(struct bench *b, struct seen *p) { return watch(b, p) || (seen_has(p, CHUNK_CWR) && b->count++ == 0); }

/* The answer is lost: it is told again, and the window is what it was. */
static void an_answer_is_lost(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	begin(b, 1);
	b->lose = lose_cwr;
	b->count = 0;
	send_much(b, x, y);
	assert_true(b->chunks[CHUNK_ECNE] > 1);
	assert_true(b->count > 1);
	assert_false(assoc_at(y)->ecn.echo);
}

/* One end is told not to: nobody marks. */
static void turned_off(void **state)
{
	struct bench *b = *state;

	for (int who = 0; who < 2; who++) {
		struct sock *l = one(b->net.s[1]), *x = one(b->net.s[0]), *y;
		assert_int_equal(set_supported(who ? l : x, 0), 0);
		assert_int_equal(get_supported(who ? l : x), 0);
		listening(l, "0.0.0.0", 7);
		call_connect(x, "10.0.0.2", 7);
		settle(b);
		assert_int_equal(sock_accept(l, &y), 0);
		sock_close(l);
		assert_int_equal(get_supported(x) + get_supported(y), 0);
		begin(b, 1);
		send_much(b, x, y);
		assert_int_equal(seen.with_data[ECT0], 0);
		assert_int_equal(b->chunks[CHUNK_ECNE], 0);
		sock_close(x);
		sock_close(y);
		bench_pass(b, NS_PER_S);
	}
}

/* Of what was never sent nobody can say anything; and a packet full of it is one. */
static void floods(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	const struct assoc *a;
	uint8_t chunks[40 * 8];
	uint32_t cwnd;

	connected(b, &x, &y);
	send_much(b, x, y);
	a = assoc_at(x);
	cwnd = a->primary->cwnd;
	for (uint32_t i = 0; i < 40; i++) {
		sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_ECNE, .len = 4}, chunks + 8 * i);
		write32(chunks + 8 * i + 4, a->snd.next_tsn + i);
	}
	bench_inject(b, 0, &(struct sctp_hdr){a->rport, a->lport, a->my_tag}, chunks, sizeof chunks);
	assert_int_equal(b->chunks[CHUNK_CWR], 0);
	assert_int_equal(a->primary->cwnd, cwnd);
	for (uint32_t i = 0; i < 40; i++) write32(chunks + 8 * i + 4, a->snd.next_tsn - 1 - i);
	for (int twice = 0; twice < 2; twice++) bench_inject(b, 0, &(struct sctp_hdr){a->rport, a->lport, a->my_tag}, chunks, sizeof chunks);
	assert_int_equal(b->chunks[CHUNK_CWR], 2);
	assert_int_equal(a->primary->cwnd, MAX(cwnd / 2, 4 * a->primary->mtu_bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {BENCH_TEST(one_is_marked), BENCH_TEST(an_answer_is_lost), BENCH_TEST(turned_off), BENCH_TEST(floods)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
