/*
 * What Linux does about loss, reordering and congestion, segment by segment. The numbers were read off a kernel that was given the same segments
 * at the same times: which segment goes when, and what TCP_INFO says then.
 */
#include "bench.h"

#define MSS 1000

/* An accepted connection over a round trip of ms. */
static void over(struct bench *b, int ms, const struct seg *options)
{
	struct seg syn = *options;
	bench_listen(b, 5);
	bench_set(b->listener, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	syn.flags |= SYN;
	syn.mss = MSS;
	bench_inject(b, &syn);
	expect(b, (syn.flags & ECE) ? SYN | ACK | ECE : SYN | ACK, .ack = 1);
	pass(b, ms * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .ts = syn.ts, .ts_val = syn.ts_val, .ts_ecr = b->last.opts.ts_val);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
}

static struct tcp_info info_of(struct bench *b)
{
	struct tcp_info i;
	socklen_t len = sizeof i;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	return i;
}

static void check_info(struct bench *b, int line, unsigned unacked, unsigned sacked, unsigned lost, unsigned retrans, unsigned cwnd,
		       unsigned ssthresh, unsigned phase)
{
	struct tcp_info i = info_of(b);
	if (i.tcpi_unacked == unacked && i.tcpi_sacked == sacked && i.tcpi_lost == lost && i.tcpi_retrans == retrans && i.tcpi_snd_cwnd == cwnd &&
	    i.tcpi_snd_ssthresh == ssthresh && i.tcpi_ca_state == phase)
		return;
	fail_msg("line %d: unacked %u sacked %u lost %u retrans %u cwnd %u ssthresh %u phase %u", line, i.tcpi_unacked, i.tcpi_sacked,
		 i.tcpi_lost, i.tcpi_retrans,
		 i.tcpi_snd_cwnd, i.tcpi_snd_ssthresh, i.tcpi_ca_state);
}
#define info_is(b, ...) check_info(b, __LINE__, __VA_ARGS__)

static void send_segments(struct bench *b, unsigned n)
{
	bench_send(b, n * MSS, 0);
	bench_flush(b);
}

/* RFC 3168 §6.1 RFC 9293 (SHLD-8). */
static void ecn_is_given_to_who_asks(void **state)
{
	struct bench *b = *state;
	over(b, 3, &(struct seg){.flags = ECE | CWR, .sack_ok = true});
	/* §6.1.3: CE makes ECE in every ACK, until CWR comes. */
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1000, .ecn = 3);
	expect(b, ACK | ECE, .seq = 1, .ack = 1001);
	inject(b, ACK, .seq = 1001, .ack = 1, .len = 1000, .ecn = 2);
	expect(b, ACK | ECE, .seq = 1, .ack = 2001);
	inject(b, ACK | CWR, .seq = 2001, .ack = 1, .len = 1000, .ecn = 2);
	expect(b, ACK, .seq = 1, .ack = 3001);
	/* §6.1.4: no bare ACK is ECT, new data is. */
	assert_int_equal(b->ecn, 0);
	pass(b, 60 * NS_PER_MS);
	bench_send(b, 10 * MSS, 0);
	for (seq32 i = 0; i < 10; i++) {
		expect(b, ACK, .seq = 1 + i * MSS, .ack = 3001, .len = MSS);
		assert_int_equal(b->ecn, 2);
	}
	/* §6.1.2: once a window, with CWR on the first new segment after. */
	inject(b, ACK | ECE, .seq = 3001, .ack = 1 + 2 * MSS);
	info_is(b, 8, 0, 0, 0, 10, 7, TCP_REDUCING);
	inject(b, ACK | ECE, .seq = 3001, .ack = 1 + 4 * MSS);
	info_is(b, 6, 0, 0, 0, 7, 7, TCP_REDUCING);
	bench_send(b, 10 * MSS, 0);
	expect(b, ACK | CWR, .seq = 1 + 10 * MSS, .ack = 3001, .len = MSS);
	assert_int_equal(b->ecn, 2);
	expect_nothing(b);
	inject(b, ACK, .seq = 3001, .ack = 1 + 10 * MSS);
	for (seq32 i = 11; i < 17; i++)
		expect(b, ACK, .seq = 1 + i * MSS, .ack = 3001, .len = MSS);
	info_is(b, 7, 0, 0, 0, 7, 7, TCP_REDUCING);
	inject(b, ACK, .seq = 3001, .ack = 1 + 12 * MSS);
	info_is(b, 7, 0, 0, 0, 7, 7, TCP_OPEN);
	bench_flush(b);
	/* §6.1.5: no retransmission is ECT; the tail probe is new data. */
	pass(b, 250 * NS_PER_MS);
	expect(b, ACK | PSH, .seq = 1 + 19 * MSS, .ack = 3001, .len = MSS);
	assert_int_equal(b->ecn, 2);
	expect(b, ACK, .seq = 1 + 12 * MSS, .ack = 3001, .len = MSS);
	assert_int_equal(b->ecn, 0);
	bench_flush(b);
}

static void ecn_is_not_asked_for_by_default(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	expect(b, SYN, .seq = 0);
	bench_close_sk(b);
	b->s->sysctl->tcp_ecn = 1;
	b->iss_known = false;
	b->sk = bench_socket(b);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	expect(b, SYN | ECE | CWR, .seq = 0);
	/* RFC 3168 §6.1.1.1: perhaps somebody on the way does not like it. */
	pass(b, NS_PER_S);
	expect(b, SYN, .seq = 0);
	inject(b, SYN | ACK, .ack = 1, .mss = MSS);
	expect(b, ACK, .seq = 1, .ack = 1);
	assert_false(info_of(b).tcpi_options & TCPI_OPT_ECN);
}

/* RFC 2883 §4, RFC 3708: the retransmission is reported as a duplicate: nothing was lost. RFC 2883 (2883-3). */
static void dsack_undoes(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true});
	send_segments(b, 10);
	pass(b, 15 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + MSS, 1 + 2 * MSS}});
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + MSS, 1 + 3 * MSS}});
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + MSS, 1 + 4 * MSS}});
	expect(b, ACK, .seq = 1, .ack = 1, .len = MSS);
	info_is(b, 10, 3, 1, 1, 7, 7, TCP_RECOVERY);
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * MSS);
	info_is(b, 6, 0, 0, 0, 7, 7, TCP_RECOVERY);
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * MSS, .sack = {{1, 1 + MSS}});
	info_is(b, 6, 0, 0, 0, 10, CC_INFINITE, TCP_OPEN);
	inject(b, ACK, .seq = 1, .ack = 1 + 10 * MSS);
	info_is(b, 0, 0, 0, 0, 16, CC_INFINITE, TCP_OPEN);
	expect_nothing(b);
}

/* RFC 3522, RFC 4015: the echo is older than the retransmission: the original arrived. */
static void eifel_undoes(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true, .ts = true, .ts_val = 100});
	uint32_t mss = MSS - 12, ecr;
	bench_send(b, 10 * mss, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = mss);
	ecr = b->last.opts.ts_val;
	bench_flush(b);
	pass(b, 15 * NS_PER_MS);
	for (seq32 i = 2; i <= 4; i++)
		inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + mss, 1 + i * mss}}, .ts = true, .ts_val = 100, .ts_ecr = ecr);
	expect(b, ACK, .seq = 1, .ack = 1, .len = mss);
	info_is(b, 10, 3, 1, 1, 7, 7, TCP_RECOVERY);
	pass(b, 2 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * mss, .ts = true, .ts_val = 101, .ts_ecr = ecr);
	assert_int_equal(tcp_of(b->sk)->cc.ssthresh, CC_INFINITE);
	assert_in_range(tcp_of(b->sk)->cc.cwnd, 10, 14);
	assert_int_equal(info_of(b).tcpi_ca_state, TCP_OPEN);
	bench_flush(b);
}

/* RFC 8985 §6.2: too few duplicates, but a quarter of a round trip later it is lost. */
static void rack_waits_for_the_reordering_window(void **state)
{
	struct bench *b = *state;
	over(b, 40, &(struct seg){.sack_ok = true});
	send_segments(b, 4);
	pass(b, 30 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + MSS, 1 + 2 * MSS}});
	info_is(b, 4, 1, 0, 0, 10, CC_INFINITE, TCP_DISORDER);
	pass(b, 5 * NS_PER_MS);
	expect_nothing(b);
	pass(b, 6 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 1, .len = MSS);
	info_is(b, 4, 1, 1, 1, 3, 7, TCP_RECOVERY);
	/* RFC 8985: a retransmission that is lost again is found lost, without a time-out. */
	pass(b, 41 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + MSS, 1 + 3 * MSS}});
	bench_flush(b);
	assert_int_equal(tcp_of(b->sk)->count.total_retrans, 1);
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * MSS);
	info_is(b, 0, 0, 0, 0, 7, 7, TCP_OPEN);
}

/* RFC 8985 §6.2 steps 3 and 4: the network reorders, RACK learns it, and many duplicates mean no loss any more. */
static void reordering_is_learnt(void **state)
{
	struct bench *b = *state;
	over(b, 40, &(struct seg){.sack_ok = true});
	send_segments(b, 6);
	pass(b, 39 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + MSS, 1 + 3 * MSS}});
	inject(b, ACK, .seq = 1, .ack = 1 + 6 * MSS);
	assert_int_equal(info_of(b).tcpi_reord_seen, 1);
	seq32 at = 1 + 6 * MSS;
	send_segments(b, 6);
	pass(b, 39 * NS_PER_MS);
	for (seq32 i = 2; i <= 5; i++)
		inject(b, ACK, .seq = 1, .ack = at, .sack = {{at + MSS, at + i * MSS}});
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = at + 6 * MSS);
	assert_int_equal(info_of(b).tcpi_total_retrans, 0);
	assert_true(info_of(b).tcpi_reordering > 3);
	assert_int_equal(tcp_of(b->sk)->cc.ssthresh, CC_INFINITE);
}

/* RFC 8985 §7.4: the probe repaired the loss of the last segment, and cwnd comes down for it. */
static void a_tail_probe_that_repairs_costs(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true});
	send_segments(b, 4);
	pass(b, 15 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1 + 3 * MSS);
	/* One segment in flight: its ACK may be delayed by 200 ms. */
	pass(b, 215 * NS_PER_MS);
	expect_nothing(b);
	pass(b, 10 * NS_PER_MS);
	expect(b, ACK | PSH, .seq = 1 + 3 * MSS, .ack = 1, .len = MSS);
	info_is(b, 1, 0, 0, 0, 10, CC_INFINITE, TCP_OPEN);
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * MSS);
	info_is(b, 0, 0, 0, 0, 10, CC_INFINITE, TCP_OPEN);
	send_segments(b, 2);
	inject(b, ACK, .seq = 1, .ack = 1 + 6 * MSS);
	info_is(b, 0, 0, 0, 0, 7, 7, TCP_OPEN);
}

/* … and one that a second ACK shows to have been needless does not. */
static void a_needless_tail_probe_costs_nothing(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true});
	send_segments(b, 1);
	pass(b, 250 * NS_PER_MS);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1 + MSS);
	inject(b, ACK, .seq = 1, .ack = 1 + MSS, .sack = {{1, 1 + MSS}});
	send_segments(b, 2);
	inject(b, ACK, .seq = 1, .ack = 1 + 3 * MSS);
	assert_int_equal(tcp_of(b->sk)->cc.ssthresh, CC_INFINITE);
}

/* New data serves as the probe if there is any. */
static void frto_with_sack(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true});
	send_segments(b, 12);
	pass(b, 50 * NS_PER_MS);
	expect(b, ACK, .seq = 1 + 10 * MSS, .ack = 1, .len = MSS);
	pass(b, 240 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 1, .len = MSS);
	info_is(b, 11, 0, 11, 1, 1, 7, TCP_LOSS);
	/* RFC 5682 §3.1 step 3 (b): the second was never sent again, and is acknowledged. */
	inject(b, ACK, .seq = 1, .ack = 1 + 2 * MSS);
	expect(b, ACK | PSH, .seq = 1 + 11 * MSS, .ack = 1, .len = MSS);
	info_is(b, 10, 0, 0, 0, 12, CC_INFINITE, TCP_OPEN);
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * MSS);
	info_is(b, 8, 0, 0, 0, 14, CC_INFINITE, TCP_OPEN);
}

/* RFC 5681 §4.1 RFC 5681 (5681-10). */
static void after_a_pause_it_starts_slowly(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true});
	send_segments(b, 10);
	pass(b, 15 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1 + 5 * MSS);
	inject(b, ACK, .seq = 1, .ack = 1 + 10 * MSS);
	info_is(b, 0, 0, 0, 0, 20, CC_INFINITE, TCP_OPEN);
	pass(b, NS_PER_S);
	send_segments(b, 20);
	info_is(b, 10, 0, 0, 0, 10, CC_INFINITE, TCP_OPEN);
}

/* RFC 2018 §8: the peer dropped what it had sacked. After a time-out all goes again. RFC 2018 (2018-6). */
static void a_peer_may_renege(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true});
	send_segments(b, 4);
	pass(b, 15 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .sack = {{1 + MSS, 1 + 4 * MSS}});
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1 + MSS);
	bench_flush(b);
	pass(b, 20 * NS_PER_MS);
	expect(b, ACK, .seq = 1 + MSS, .ack = 1, .len = MSS);
	inject(b, ACK, .seq = 1, .ack = 1 + 2 * MSS);
	expect(b, ACK, .seq = 1 + 2 * MSS, .ack = 1, .len = MSS);
	expect(b, ACK | PSH, .seq = 1 + 3 * MSS, .ack = 1, .len = MSS);
	inject(b, ACK, .seq = 1, .ack = 1 + 4 * MSS);
	assert_int_equal(info_of(b).tcpi_unacked, 0);
}

/* RFC 2883 §4, as a receiver. RFC 2883 (2883-1, 2883-2). */
static void duplicates_are_reported(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true});
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1, .ack = 1001, .sack = {{1, 1001}});
	inject(b, ACK, .seq = 2001, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1, .ack = 1001, .sack = {{2001, 3001}});
	inject(b, ACK, .seq = 2001, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1, .ack = 1001, .sack = {{2001, 3001}, {2001, 3001}});
	inject(b, ACK, .seq = 1001, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1, .ack = 3001);
	assert_int_equal(b->last.opts.n_sack, 0);
}

/* As Linux: RFC 5961 §3.2, and the right edge of what came out of order. */
static void a_reset_at_the_sack_edge_counts(void **state)
{
	struct bench *b = *state;
	over(b, 20, &(struct seg){.sack_ok = true});
	inject(b, ACK, .seq = 1001, .ack = 1, .len = 1000);
	bench_flush(b);
	inject(b, RST, .seq = 1001);
	expect(b, ACK, .seq = 1, .ack = 1);
	inject(b, RST, .seq = 2001);
	assert_int_equal(bench_error(b->sk), ECONNRESET);
}

/* ---- segmentation offload ---- */

static void large(struct bench *b, seq32 start, seq32 end, bool pushed)
{
	expect(b, ACK, .seq = start, .ack = 1, .len = end - start);
	assert_int_equal(!!(b->last.flags & PSH), pushed);
}

static void the_device_cuts_what_fits_the_round_trip(void **state)
{
	struct bench *b = *state;
	b->eth->tso_bytes = 65280;
	over(b, 103, &(struct seg){.sack_ok = true});
	bench_send(b, 20500, 0);
	for (seq32 at = 1; at < 10000; at += 2000)
		large(b, at, at + 2000, true);
	expect_nothing(b);
	pass(b, 102 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1001);
	large(b, 10001, 12001, true);
	pass(b, 3 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 2001);
	large(b, 12001, 14001, true);
	pass(b, 3 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 4001);
	large(b, 14001, 16001, true);
	large(b, 16001, 18001, true);
	pass(b, 8 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 4001, .sack = {{5001, 6001}});
	large(b, 18001, 19001, false);
	pass(b, 3 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 4001, .sack = {{5001, 7001}});
	large(b, 19001, 20001, false);
	pass(b, 3 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 4001, .sack = {{5001, 8001}});
	large(b, 4001, 5001, false);
	info_is(b, 16, 3, 1, 1, 13, 9, TCP_RECOVERY);
	pass(b, 3 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 4001, .sack = {{5001, 9001}});
	large(b, 20001, 20501, true);
	expect_nothing(b);
}

static void the_device_cuts_more_on_a_short_path(void **state)
{
	struct bench *b = *state;
	b->eth->tso_bytes = 65280;
	over(b, 3, &(struct seg){.sack_ok = true});
	bench_send(b, 20000, 0);
	large(b, 1, 5001, true);
	large(b, 5001, 10001, true);
	expect_nothing(b);
	pass(b, 5 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1001);
	large(b, 10001, 12001, true);
	expect_nothing(b);
}

static void what_left_together_goes_again_together(void **state)
{
	struct bench *b = *state;
	b->eth->tso_bytes = 65280;
	over(b, 103, &(struct seg){.sack_ok = true});
	bench_send(b, 8000, 0);
	bench_flush(b);
	pass(b, 215 * NS_PER_MS);
	large(b, 7001, 8001, true);
	pass(b, 400 * NS_PER_MS);
	large(b, 1, 1001, false);
	inject(b, ACK, .seq = 1, .ack = 1001);
	large(b, 1001, 2001, false);
	large(b, 2001, 3001, false);
	info_is(b, 7, 0, 7, 2, 2, 7, TCP_LOSS);
	inject(b, ACK, .seq = 1, .ack = 3001);
	large(b, 3001, 4001, false);
	large(b, 4001, 6001, true);
	large(b, 6001, 7001, false);
	info_is(b, 5, 0, 5, 4, 4, 7, TCP_LOSS);
	inject(b, ACK, .seq = 1, .ack = 6001);
	large(b, 7001, 8001, true);
	expect_nothing(b);
}

/* With a device that cuts: what is left of a packet that was acknowledged in part goes again as one, as on Linux. */
static void what_is_left_of_a_packet(void **state)
{
	struct bench *b = *state;
	b->eth->tso_bytes = 65280;
	passive(b, .mss = 1000, .sack_ok = true);
	bench_send(b, 10000, 0);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 501, .sack = {{5001, 10001}});
	expect(b, ACK | PSH, .seq = 501, .ack = 1, .len = 4500);
	expect_nothing(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(what_is_left_of_a_packet),
		both(ecn_is_given_to_who_asks), both(ecn_is_not_asked_for_by_default), both(dsack_undoes), both(eifel_undoes),
		both(rack_waits_for_the_reordering_window), both(reordering_is_learnt), both(a_tail_probe_that_repairs_costs),
		both(a_needless_tail_probe_costs_nothing), both(frto_with_sack), both(after_a_pause_it_starts_slowly), both(a_peer_may_renege),
		both(duplicates_are_reported), both(a_reset_at_the_sack_edge_counts), both(the_device_cuts_what_fits_the_round_trip),
		both(the_device_cuts_more_on_a_short_path), both(what_left_together_goes_again_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
