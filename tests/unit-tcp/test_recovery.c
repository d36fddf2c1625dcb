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
static uint32_t cwnd(struct bench *b) { return tcp_of(b->sk)->cc.cwnd; }
static void dup(struct bench *b) { inject(b, ACK, .seq = 1, .ack = una(b)); }

/* Ten segments in flight, and no more to send before two duplicates. What Linux does then was looked at. */
static void ten_in_flight(struct bench *b)
{
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	bench_send(b, 12 * MSS, 0);
	assert_int_equal(snd_flight(tcp_of(b->sk)), 10 * MSS);
	bench_flush(b);
}

static void info_is(struct bench *b, uint32_t unacked, uint32_t sacked, uint32_t lost, uint32_t retrans, uint32_t cwnd_is, unsigned phase)
{
	struct tcp_info i;
	socklen_t len = sizeof i;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(i.tcpi_unacked, unacked);
	assert_int_equal(i.tcpi_sacked, sacked);
	assert_int_equal(i.tcpi_lost, lost);
	assert_int_equal(i.tcpi_retrans, retrans);
	assert_int_equal(i.tcpi_snd_cwnd, cwnd_is);
	assert_int_equal(i.tcpi_ca_state, phase);
}

/* RFC 5681 (5681-7); RFC 6582 (6582-1). */
static void three_duplicates_and_the_first_goes_again(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	ten_in_flight(b);
	/* RFC 3042: a new segment for each of the first two. */
	dup(b);
	expect(b, ACK, .seq = 1 + 10 * MSS, .ack = 1, .len = MSS);
	dup(b);
	expect(b, ACK | PSH, .seq = 1 + 11 * MSS, .ack = 1, .len = MSS);
	expect_nothing(b);
	/* RFC 5681 §3.2 (3), RFC 9438 §4.6: beta is 0.7. RFC 9937: cwnd comes down in steps. */
	dup(b);
	expect(b, ACK, .seq = 1, .ack = 1, .len = MSS);
	info_is(b, 12, 3, 1, 1, 9, TCP_RECOVERY);
	assert_int_equal(tcp_of(b->sk)->cc.ssthresh, 7);
	dup(b);
	expect_nothing(b);
	info_is(b, 12, 4, 1, 1, 9, TCP_RECOVERY);
	/* RFC 6582 §3.2 (3): a partial ACK shows the next hole. */
	inject(b, ACK, .seq = 1, .ack = 1 + 3 * MSS);
	expect(b, ACK, .seq = 1 + 3 * MSS, .ack = 1, .len = MSS);
	info_is(b, 9, 2, 1, 1, 7, TCP_RECOVERY);
	inject(b, ACK, .seq = 1, .ack = 1 + 5 * MSS);
	expect(b, ACK, .seq = 1 + 5 * MSS, .ack = 1, .len = MSS);
	info_is(b, 7, 1, 1, 1, 7, TCP_RECOVERY);
	/* Without SACK the phase is held until something above is acknowledged. */
	inject(b, ACK, .seq = 1, .ack = 1 + 12 * MSS);
	info_is(b, 0, 0, 0, 0, 7, TCP_RECOVERY);
	bench_send(b, MSS, 0);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1 + 13 * MSS);
	assert_int_equal(tcp_of(b->sk)->rec.phase, TCP_OPEN);
	bench_flush(b);
}

/* RFC 5681 (5681-8). */
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
	assert_int_equal(tcp_of(b->sk)->count.total_retrans, 0);
	assert_true(cwnd(b) >= before);
	bench_flush(b);
}

/* RFC 5681 (5681-9). */
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
	assert_int_equal(tcp_of(b->sk)->rtxq.sacked, 0);
	bench_flush(b);
}

/* RFC 2018 (2018-5); RFC 6675 (6675-1, 6675-3). */
static void sack_sends_just_the_holes(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS, .sack_ok = true);
	tcp_of(b->sk)->rtt.srtt = tcp_of(b->sk)->rtt.min = 20 * NS_PER_MS;
	ten_in_flight(b);
	pass(b, 15 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + MSS, 1 + 2 * MSS}});
	expect(b, ACK, .seq = 1 + 10 * MSS, .ack = 1, .len = MSS);
	info_is(b, 11, 1, 0, 0, 10, TCP_DISORDER);
	pass(b, 3 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + 3 * MSS, 1 + 4 * MSS}, {1 + MSS, 1 + 2 * MSS}});
	expect(b, ACK | PSH, .seq = 1 + 11 * MSS, .ack = 1, .len = MSS);
	pass(b, 3 * NS_PER_MS);
	/* RFC 8985 §6.2 step 4: DupThresh segments sacked: no reordering window. Both holes are lost; RFC 9937 lets one go. */
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + 3 * MSS, 1 + 5 * MSS}, {1 + MSS, 1 + 2 * MSS}});
	expect(b, ACK, .seq = 1, .ack = 1, .len = MSS);
	expect_nothing(b);
	info_is(b, 12, 3, 2, 1, 8, TCP_RECOVERY);
	pass(b, 3 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + 3 * MSS, 1 + 8 * MSS}, {1 + MSS, 1 + 2 * MSS}});
	expect(b, ACK, .seq = 1 + 2 * MSS, .ack = 1, .len = MSS);
	info_is(b, 12, 6, 2, 2, 7, TCP_RECOVERY);
	pass(b, 3 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1 + 3 * MSS, .sack = {{1 + 3 * MSS, 1 + 8 * MSS}});
	info_is(b, 9, 5, 0, 0, 7, TCP_RECOVERY);
	inject(b, ACK, .seq = 1, .ack = 1 + 12 * MSS);
	info_is(b, 0, 0, 0, 0, 7, TCP_OPEN);
	expect_nothing(b);
}

/* RFC 6675 (6675-2). */
static void sack_blocks_that_cannot_be_are_ignored(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS, .sack_ok = true);
	in_flight(b, 10);
	seq32 a = una(b), end = nxt(b);
	inject(b, ACK, .seq = 1, .ack = a, .sack = {{end, end + MSS}, {a + 500, a + 400}, {a - 2 * MSS, a - MSS}, {a, a + MSS}});
	assert_int_equal(tcp_of(b->sk)->rtxq.sacked, 0);
	bench_flush(b);
}

/* RFC 5681 (5681-3, 5681-4); RFC 6298 (6298-9). */
static void a_time_out_starts_over(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS, .sack_ok = true);
	tcp_of(b->sk)->rtt.srtt = tcp_of(b->sk)->rtt.min = 20 * NS_PER_MS;
	bench_send(b, 4 * MSS, 0);
	bench_flush(b);
	/* RFC 8985 §7.2: the last one again after two round trips; no ACK: after the RTO the first. */
	pass(b, 41 * NS_PER_MS);
	expect_nothing(b);
	pass(b, 2 * NS_PER_MS);
	expect(b, ACK | PSH, .seq = 1 + 3 * MSS, .ack = 1, .len = MSS);
	pass(b, 200 * NS_PER_MS);
	/* RFC 5681 §3.1: loss window of one segment; RFC 6298 §5 (5.5). */
	expect(b, ACK, .seq = 1, .ack = 1, .len = MSS);
	assert_int_equal(tcp_of(b->sk)->cc.ssthresh, 7);
	pass(b, 500 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 1, .len = MSS);
	expect_nothing(b);
	info_is(b, 4, 0, 4, 1, 1, TCP_LOSS);
	/* Slow start through what was lost. */
	inject(b, ACK, .seq = 1, .ack = 1 + MSS);
	expect(b, ACK, .seq = 1 + MSS, .ack = 1, .len = MSS);
	expect(b, ACK, .seq = 1 + 2 * MSS, .ack = 1, .len = MSS);
	expect_nothing(b);
	info_is(b, 3, 0, 3, 2, 2, TCP_LOSS);
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * MSS);
	info_is(b, 0, 0, 0, 0, 5, TCP_OPEN);
	assert_int_equal(tcp_of(b->sk)->rtt.backoff, 2);
}

/* RFC 5682 §3.1: a time-out, then an ACK of what was sent again: two new segments ask whether the rest is lost too. */
static void frto_finds_a_time_out_spurious(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	ten_in_flight(b);
	pass(b, 210 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 1, .len = MSS);
	inject(b, ACK, .seq = 1, .ack = 1 + MSS);
	expect(b, ACK, .seq = 1 + 10 * MSS, .ack = 1, .len = MSS);
	expect(b, ACK | PSH, .seq = 1 + 11 * MSS, .ack = 1, .len = MSS);
	expect_nothing(b);
	info_is(b, 11, 0, 9, 0, 2, TCP_LOSS);
	/* Step 3 (b): what was sent once only is acknowledged: nothing was lost. RFC 4015: all is as it was. */
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * MSS);
	expect_nothing(b);
	info_is(b, 8, 0, 0, 0, 13, TCP_OPEN);
	assert_int_equal(tcp_of(b->sk)->cc.ssthresh, CC_INFINITE);
	bench_flush(b);
}

/* RFC 5681 (5681-5). */
static void a_second_time_out_does_not_halve_again(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS);
	in_flight(b, 10);
	pass(b, 250 * NS_PER_MS);
	uint32_t ssthresh = tcp_of(b->sk)->cc.ssthresh;
	pass(b, 3 * NS_PER_S);
	assert_int_equal(tcp_of(b->sk)->cc.ssthresh, ssthresh);
	bench_flush(b);
}

/* RFC 9293 (MUST-19); RFC 5681 (5681-2). */
static void congestion_avoidance_adds_one_a_round(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = MSS, .wscale = 1 + 4);
	in_flight(b, 10);
	tcp_of(b->sk)->cc.ssthresh = tcp_of(b->sk)->cc.cwnd;
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

/* RFC 5681 (5681-13). */
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

/* RFC 9293 (SHLD-6); RFC 1191 (1191-5). */
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
	expect(b, ACK, .seq = 1, .ack = 1, .len = mss);
	expect(b, ACK, .seq = 1 + mss, .ack = 1, .len = mss);
	expect(b, ACK, .seq = 1 + 2 * mss, .ack = 1, .len = 2 * (mss + 200) - 2 * mss);
	/* The last segment was small enough. */
	expect_nothing(b);
	assert_int_equal(tcp_of(b->sk)->cc.cwnd, 10);
}

/* The device cuts; of its one packet so much is acknowledged that a narrower one would have ended before. */
static void what_is_left_of_a_packet_is_cut_for_a_smaller_path(void **state)
{
	struct bench *b = *state;
	b->eth->tso_bytes = 65280;
	passive(b, .mss = 1460, .sack_ok = true);
	uint32_t len = b->v6 ? 1440 : 1460;
	bench_send(b, len, 0);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = 400);
	bench_icmp(b, 3, 4, 700, 1001);
	pass(b, NS_PER_S);
	expect(b, ACK, .seq = 1001, .ack = 1, .len = 400);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = len + 1);
	pass(b, 2 * NS_PER_S);
	expect_nothing(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(three_duplicates_and_the_first_goes_again), both(two_duplicates_are_only_disorder),
		both(what_is_no_duplicate), both(sack_sends_just_the_holes), both(sack_blocks_that_cannot_be_are_ignored),
		both(a_time_out_starts_over), both(frto_finds_a_time_out_spurious), both(a_second_time_out_does_not_halve_again),
		both(congestion_avoidance_adds_one_a_round),
		both(cwnd_grows_only_when_it_is_in_the_way), both(a_smaller_path_is_cut_for),
		both(what_is_left_of_a_packet_is_cut_for_a_smaller_path),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
