/* Loss: fast retransmit and recovery with and without SACK, time-outs, cwnd. RFC 5681, RFC 6582, RFC 6675, RFC 3042. */
#include "bench.h"

#define MSS 1000

/* n full segments in flight, numbered from 0; what the first n - 1 ACKs allow is all sent. */
static void in_flight(struct bench *b, unsigned n)
{
	seq32 una = 1;
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	bench_send(b, 200 * MSS, 0);
	while (snd_flight(tcp_of(b->sk)) < n * MSS) {
		una += 2 * MSS;
		inject(b, ACK, .seq = 1, .ack = una);
	}
	bench_flush(b);
}

static seq32 una(struct bench *b) { return tcp_of(b->sk)->snd.una - b->iss; }
static seq32 nxt(struct bench *b) { return tcp_of(b->sk)->snd.nxt - b->iss; }
static uint32_t cwnd(struct bench *b) { return tcp_of(b->sk)->cwnd / MSS; }
static void dup(struct bench *b) { inject(b, ACK, .seq = 1, .ack = una(b)); }

static void three_duplicates_and_the_first_goes_again(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	in_flight(b, 10);
	uint32_t flight = snd_flight(tcp_of(b->sk)) / MSS;
	seq32 new = nxt(b);
	/* RFC 3042: a new segment for each of the first two. */
	dup(b);
	expect(b, ACK, .seq = new, .ack = 1, .len = MSS);
	dup(b);
	expect(b, ACK, .seq = new + MSS, .ack = 1, .len = MSS);
	expect_nothing(b);
	/* RFC 5681 §3.2 (3) */
	dup(b);
	expect(b, ACK, .seq = una(b), .ack = 1, .len = MSS);
	assert_int_equal(cwnd(b), (flight + 2) / 2);
	/* (4): the window inflates: half the flight of duplicates, then new data. */
	unsigned sent = 0;
	for (unsigned i = 3; i < flight; i++) {
		dup(b);
		struct tcp_sock *conn = tcp_of(b->sk);
		sent = (conn->snd.nxt - b->iss - new) / MSS - 2;
	}
	assert_in_range(sent, flight / 2 - 2, flight / 2);
	bench_flush(b);
	/* RFC 6582 §3.2 (3): the full ACK ends it. */
	inject(b, ACK, .seq = 1, .ack = nxt(b));
	assert_int_equal(tcp_of(b->sk)->rec.phase, TCP_OPEN);
	assert_true(cwnd(b) <= (flight + 2) / 2);
	bench_flush(b);
}

static void a_partial_ack_sends_the_next_hole(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	in_flight(b, 10);
	seq32 first = una(b);
	for (int i = 0; i < 3; i++)
		dup(b);
	bench_flush(b);
	/* RFC 6582: the 1st, 4th and 6th were lost. */
	inject(b, ACK, .seq = 1, .ack = first + 3 * MSS);
	expect(b, ACK, .seq = first + 3 * MSS, .ack = 1, .len = MSS);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = first + 5 * MSS);
	expect(b, ACK, .seq = first + 5 * MSS, .ack = 1, .len = MSS);
	bench_flush(b);
	assert_int_equal(tcp_of(b->sk)->rec.phase, TCP_FAST_RECOVERY);
	inject(b, ACK, .seq = 1, .ack = nxt(b));
	assert_int_equal(tcp_of(b->sk)->rec.phase, TCP_OPEN);
	bench_flush(b);
}

static void two_duplicates_are_only_disorder(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	in_flight(b, 10);
	dup(b);
	dup(b);
	bench_flush(b);
	uint32_t before = cwnd(b);
	inject(b, ACK, .seq = 1, .ack = una(b) + 4 * MSS);
	assert_int_equal(tcp_of(b->sk)->rec.phase, TCP_OPEN);
	assert_int_equal(tcp_of(b->sk)->total_retrans, 0);
	assert_true(cwnd(b) >= before);
	bench_flush(b);
}

static void what_is_no_duplicate(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	in_flight(b, 10);
	for (seq32 i = 0; i < 5; i++) {
		/* RFC 5681 §2: with data, or another window, it is none. */
		inject(b, ACK, .seq = 1 + i, .ack = una(b), .len = 1);
		inject(b, ACK, .seq = 2 + i, .ack = una(b), .wnd = 60000 + i);
	}
	assert_int_equal(tcp_of(b->sk)->rec.dupacks, 0);
	bench_flush(b);
}

static void sack_sends_just_the_holes(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS, .sack_ok = true);
	in_flight(b, 10);
	seq32 a = una(b);
	/* The 1st and the 3rd are missing. RFC 6675 §5: DupThresh segments sacked above. */
	inject(b, ACK, .seq = 1, .ack = a, .sack = {{a + MSS, a + 2 * MSS}});
	inject(b, ACK, .seq = 1, .ack = a, .sack = {{a + 3 * MSS, a + 4 * MSS}, {a + MSS, a + 2 * MSS}});
	bench_flush(b);
	assert_int_equal(tcp_of(b->sk)->total_retrans, 0);
	inject(b, ACK, .seq = 1, .ack = a, .sack = {{a + 3 * MSS, a + 5 * MSS}, {a + MSS, a + 2 * MSS}});
	expect(b, ACK, .seq = a, .ack = 1, .len = MSS);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = a, .sack = {{a + 3 * MSS, a + 8 * MSS}, {a + MSS, a + 2 * MSS}});
	expect(b, ACK, .seq = a + 2 * MSS, .ack = 1, .len = MSS);
	inject(b, ACK, .seq = 1, .ack = a + 2 * MSS, .sack = {{a + 3 * MSS, a + 10 * MSS}});
	inject(b, ACK, .seq = 1, .ack = nxt(b));
	assert_int_equal(tcp_of(b->sk)->total_retrans, 2);
	assert_int_equal(tcp_of(b->sk)->rec.phase, TCP_OPEN);
	assert_int_equal(tcp_of(b->sk)->rec.n_sacked, 0);
	bench_flush(b);
}

static void sack_blocks_that_cannot_be_are_ignored(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS, .sack_ok = true);
	in_flight(b, 10);
	seq32 a = una(b), end = nxt(b);
	inject(b, ACK, .seq = 1, .ack = a, .sack = {{end, end + MSS}, {a + 500, a + 400}, {a - 2 * MSS, a - MSS}, {a, a + MSS}});
	assert_int_equal(tcp_of(b->sk)->rec.n_sacked, 0);
	bench_flush(b);
}

static void a_time_out_starts_over(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	in_flight(b, 10);
	seq32 a = una(b);
	uint32_t flight = snd_flight(tcp_of(b->sk)) / MSS;
	pass(b, 250 * NS_PER_MS);
	/* RFC 5681 §3.1: loss window of one segment, ssthresh half the flight. */
	expect(b, ACK, .seq = a, .ack = 1, .len = MSS);
	expect_nothing(b);
	assert_int_equal(cwnd(b), 1);
	assert_int_equal(tcp_of(b->sk)->ssthresh / MSS, flight / 2);
	/* Slow start through what was lost. */
	inject(b, ACK, .seq = 1, .ack = a + MSS);
	expect(b, ACK, .seq = a + MSS, .ack = 1, .len = MSS);
	expect(b, ACK, .seq = a + 2 * MSS, .ack = 1, .len = MSS);
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = a + 3 * MSS);
	for (seq32 i = 3; i < 7; i++)
		expect(b, ACK, .seq = a + i * MSS, .ack = 1, .len = MSS);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = nxt(b));
	assert_int_equal(tcp_of(b->sk)->rec.phase, TCP_OPEN);
	bench_flush(b);
}

static void a_second_time_out_does_not_halve_again(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	in_flight(b, 10);
	pass(b, 250 * NS_PER_MS);
	uint32_t ssthresh = tcp_of(b->sk)->ssthresh;
	pass(b, 3 * NS_PER_S);
	assert_int_equal(tcp_of(b->sk)->ssthresh, ssthresh);
	bench_flush(b);
}

static void congestion_avoidance_adds_one_a_round(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS, .wscale = 1 + 4);
	in_flight(b, 10);
	tcp_of(b->sk)->ssthresh = tcp_of(b->sk)->cwnd;
	uint32_t before = cwnd(b);
	for (uint32_t acked = 0; acked < before; acked++) {
		bench_flush(b);
		inject(b, ACK, .seq = 1, .ack = una(b) + MSS);
	}
	assert_in_range(cwnd(b), before, before + 1);
	for (uint32_t acked = 0; acked < before + 1; acked++) {
		bench_flush(b);
		inject(b, ACK, .seq = 1, .ack = una(b) + MSS);
	}
	assert_in_range(cwnd(b), before + 1, before + 2);
	bench_flush(b);
}

static void cwnd_grows_only_when_it_is_in_the_way(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	for (seq32 i = 0; i < 200; i++) {
		bench_send(b, MSS, 0);
		expect(b, ACK, .seq = 1 + i * MSS, .ack = 1, .len = MSS);
		inject(b, ACK, .seq = 1, .ack = 1 + (i + 1) * MSS);
	}
	assert_true(cwnd(b) <= 20);
}

static void a_smaller_path_is_cut_for(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_send(b, 4000, 0);
	bench_flush(b);
	/* RFC 1191, RFC 8201; RFC 5927 §7: only of what is in flight. */
	bench_icmp(b, 3, 4, 1300, 100000);
	expect_nothing(b);
	bench_icmp(b, 3, 4, 1300, 1);
	uint32_t mss = b->v6 ? 1240 : 1260;
	for (seq32 at = 1; at < 1 + 3 * mss; at += mss)
		expect(b, ACK, .seq = at, .ack = 1, .len = mss);
	expect(b, ACK, .seq = 1 + 3 * mss, .ack = 1, .len = 4000 - 3 * mss);
	assert_int_equal(tcp_of(b->sk)->cwnd, 10 * (b->v6 ? 1440u : 1460u));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(three_duplicates_and_the_first_goes_again), both(a_partial_ack_sends_the_next_hole), both(two_duplicates_are_only_disorder),
		both(what_is_no_duplicate), both(sack_sends_just_the_holes), both(sack_blocks_that_cannot_be_are_ignored),
		both(a_time_out_starts_over), both(a_second_time_out_does_not_halve_again), both(congestion_avoidance_adds_one_a_round),
		both(cwnd_grows_only_when_it_is_in_the_way), both(a_smaller_path_is_cut_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
