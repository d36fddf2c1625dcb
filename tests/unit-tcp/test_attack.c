/* What strangers send: forged resets, SYNs, ACKs and data, old duplicates, storms of holes. RFC 5961, RFC 7323 §5, RFC 5927. */
#include "bench.h"
#include <time.h>

/* RFC 5961 (5961-1, 5961-2, 5961-3). */
static void only_the_exact_reset_counts(void **state)
{
	struct bench *b = *state;
	passive(b);
	/* RFC 5961 §3.2: in the window but not next: asked about. */
	inject(b, RST, .seq = 100);
	expect(b, ACK, .seq = 1, .ack = 1);
	inject(b, RST, .seq = 200);
	expect_nothing(b);                /* one answer in half a second, §7 */
	inject(b, RST, .seq = 200000);
	expect_nothing(b);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	inject(b, RST, .seq = 1);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSED);
}

/* RFC 5961 (5961-4). */
static void a_syn_is_asked_about(void **state)
{
	struct bench *b = *state;
	passive(b);
	/* RFC 5961 §4.2: wherever it is. */
	static const seq32 where[] = {0, 1, 500, 1000000};
	for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
		inject(b, SYN, .seq = where[i]);
		expect(b, ACK, .seq = 1, .ack = 1);
		inject(b, SYN, .seq = where[i]);
		expect_nothing(b);
		pass(b, NS_PER_S);
	}
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 5);
	expect(b, ACK, .seq = 1, .ack = 6);
}

/* RFC 5961 (5961-5, 5961-6). */
static void acks_of_the_future_and_the_far_past_bring_no_data(void **state)
{
	struct bench *b = *state;
	passive(b);
	/* RFC 5961 §5.2 */
	inject(b, ACK, .seq = 1, .ack = 5000, .len = 10);
	expect(b, ACK, .seq = 1, .ack = 1);
	pass(b, NS_PER_S);
	inject(b, ACK, .seq = 1, .ack = 0u - 1000000u, .len = 10);
	expect(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_recv(b, 10, 0), -EAGAIN);
	/* A little old is fine: reordering. */
	bench_send(b, 100, 0);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 101);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10);
	assert_int_equal(bench_recv(b, 10, 0), 10);
	bench_flush(b);
}

static void segments_without_ack_are_dropped(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, PSH, .seq = 1, .len = 10);
	assert_int_equal(b->dropped, DROP_TCP_FLAGS);
	expect_nothing(b);
	inject(b, FIN, .seq = 1);
	expect_nothing(b);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
}

/* RFC 7323 (7323-10, 7323-11, 7323-12). */
static void paws_drops_old_duplicates(void **state)
{
	struct bench *b = *state;
	passive(b, .ts = true, .ts_val = 1000);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10, .ts = true, .ts_val = 1005);
	expect(b, ACK, .seq = 1, .ack = 11, .ts_ecr = 1005);
	/* RFC 7323 §5.3 R1; Linux bears with one less. */
	inject(b, ACK, .seq = 11, .ack = 1, .len = 10, .ts = true, .ts_val = 1003);
	expect(b, ACK, .seq = 1, .ack = 11, .ts_ecr = 1005);
	assert_int_equal(b->dropped, DROP_TCP_PAWS);
	assert_int_equal(bench_recv(b, 100, 0), 10);
	/* §5.5: not after 24 days. */
	pass(b, 25 * 24 * 3600 * NS_PER_S);
	inject(b, ACK, .seq = 11, .ack = 1, .len = 10, .ts = true, .ts_val = 1003);
	expect(b, ACK, .seq = 1, .ack = 21, .ts_ecr = 1003);
	/* A reset needs none (§5.2). */
	inject(b, RST, .seq = 21, .ts = true, .ts_val = 1);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSED);
}

/* RFC 9293 (MUST-5); RFC 7323 (7323-8, 7323-9). */
static void the_echoed_timestamp_is_that_of_the_left_edge(void **state)
{
	struct bench *b = *state;
	passive(b, .ts = true, .ts_val = 1000);
	/* RFC 7323 §4.3 */
	inject(b, ACK, .seq = 101, .ack = 1, .len = 100, .ts = true, .ts_val = 1010);
	expect(b, ACK, .seq = 1, .ack = 1, .ts_ecr = 1000);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 100, .ts = true, .ts_val = 1011);
	expect(b, ACK, .seq = 1, .ack = 201, .ts_ecr = 1011);
}

/* RFC 9293 (MUST-56, SHLD-26); RFC 5927 (5927-1, 5927-2, 5927-3). */
static void forged_icmp_changes_nothing(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_send(b, 100, 0);
	bench_flush(b);
	static const unsigned codes[] = {0, 1, 2, 3, 5, 9, 10, 13};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		bench_icmp(b, 3, codes[i], 0, 1);
		bench_icmp(b, 3, codes[i], 0, 5000);
	}
	bench_icmp(b, 11, 0, 0, 1);
	/* RFC 5927 §7: not below what a path can be. */
	bench_icmp(b, 3, 4, 68, 1);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	assert_int_equal(bench_error(b->sk), EHOSTUNREACH);     /* the last soft one */
	assert_int_equal(bench_error(b->sk), 0);
	assert_true(tcp_of(b->sk)->snd.mss >= 500);
	inject(b, ACK, .seq = 1, .ack = 101);
	bench_flush(b);
}

/* RFC 5961 (5961-7). */
static void answers_to_forgeries_are_few(void **state)
{
	struct bench *b = *state;
	passive(b);
	unsigned answers = 0;
	for (int i = 0; i < 10000; i++) {
		inject(b, RST, .seq = 7);
		inject(b, SYN, .seq = 7);
		inject(b, ACK, .seq = 1, .ack = 99999);
		inject(b, ACK, .seq = 900000, .ack = 1);
		if (i % 100 == 0) pass(b, 10 * NS_PER_MS);
	}
	list_each(struct packet, p, &b->sent, node)
		answers++;
	assert_in_range(answers, 1, 3);
	bench_flush(b);
}

static double seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

/* 10^5 holes, one octet each, from the far end: bounded memory, no quadratic time. */
static void a_storm_of_holes(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	bench_set(b->listener, SOL_SOCKET, SO_RCVBUF, 200000);
	passive(b, .mss = 48, .wscale = 1 + 7, .sack_ok = true);
	double start = seconds();
	for (seq32 i = 100000; i > 0; i--) {
		inject(b, ACK, .seq = 1 + 2 * i, .ack = 1, .len = 1);
		bench_flush(b);
	}
	assert_true(rmem_held(tcp_of(b->sk)) <= b->sk->rcvbuf + 832);   /* the octets of the last one have to fit */
	for (seq32 i = 0; i < 100000; i++) {
		inject(b, ACK, .seq = 1 + 2 * ((i * 7919) % 100000), .ack = 1, .len = 1);
		bench_flush(b);
	}
	assert_true(rmem_held(tcp_of(b->sk)) <= b->sk->rcvbuf + 832);   /* the octets of the last one have to fit */
	assert_true(seconds() - start < 10);
}

/* And as many SACK blocks from a peer that lies. */
static void a_storm_of_sack_blocks(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 48, .wscale = 1 + 7, .sack_ok = true);
	tcp_of(b->sk)->cc.cwnd = 1 << 20;
	bench_send(b, 60000, 0);
	bench_flush(b);
	seq32 end = tcp_of(b->sk)->snd.nxt - b->iss;
	double start = seconds();
	for (seq32 i = 0; i < 100000; i++) {
		seq32 at = 2 + (i * 7919) % (end - 3);
		inject(b, ACK, .seq = 1, .ack = 1, .sack = {{at, at + 1}, {at + 2, at + 3}});
		bench_flush(b);
	}
	assert_true(tcp_of(b->sk)->rtxq.sacked <= 256);
	assert_true(seconds() - start < 10);
}

static void a_peer_with_a_tiny_mss(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1);
	bench_send(b, 100, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 48);
	bench_flush(b);
}

/* RFC 9293 (MUST-31). */
static void urgent_pointers_anywhere(void **state)
{
	struct bench *b = *state;
	passive(b);
	static const uint16_t up[] = {0, 1, 5, 11, 1000, 65535};
	seq32 at = 1;
	for (size_t i = 0; i < ARRAY_SIZE(up); i++, at += 10) {
		inject(b, ACK | URG, .seq = at, .ack = 1, .len = 10, .urg = up[i]);
		inject(b, ACK | URG, .seq = at + 10, .ack = 1, .urg = up[i]);
	}
	struct sock_msg m = {.data = (char[200]){0}, .len = 200};
	while (sock_recv(b->sk, &m) > 0)
		m.len = 200;
	bench_flush(b);
	assert_int_equal(tcp_of(b->sk)->rcv.queued, 0);
}

/* Everything at once: no crash, no leak; a sanitizer watches. */
static void random_segments(void **state)
{
	struct bench *b = *state;
	uint32_t r = 12345;
	for (int round = 0; round < 60; round++) {
		b->iss_known = false;
		b->peer_port = (uint16_t)(5000 + round);
		passive(b, .sack_ok = round & 1, .ts = round & 2, .ts_val = 100, .wscale = round % 9);
		bench_send(b, 20000, round & 4 ? MSG_OOB : 0);
		for (int i = 0; i < 200; i++) {
			uint32_t v[6];
			for (size_t k = 0; k < ARRAY_SIZE(v); k++)
				v[k] = (r = r * 1664525 + 1013904223) >> 8;
			uint8_t flags = (uint8_t)(v[0] % 8 ? ACK | (v[0] & (PSH | URG)) : v[0] & 0x3f);
			if (flags & RST && v[1] % 4) flags &= (uint8_t)~RST;
			inject(b, flags, .seq = v[1] % 9000, .ack = v[2] % 22000, .len = v[3] % 1400, .wnd = 1 + v[4] % 65535, .urg = (uint16_t)v[5],
			       .ts = round & 2, .ts_val = 100 + v[5] % 50, .sack = {{v[4] % 20000, v[4] % 20000 + v[5] % 3000}});
			if (v[0] % 16 == 0) pass(b, (time_ns)(v[1] % 400) * NS_PER_MS);
			struct sock_msg m = {.data = (char[512]){0}, .len = 512, .flags = v[3] & 1 ? MSG_PEEK : 0};
			sock_recv(b->sk, &m);
			bench_flush(b);
		}
		bench_close_sk(b);
		bench_flush(b);
	}
	pass(b, 2000 * NS_PER_S);
	bench_flush(b);
	assert_int_equal(bench_socks(b), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(only_the_exact_reset_counts), both(a_syn_is_asked_about), both(acks_of_the_future_and_the_far_past_bring_no_data),
		both(segments_without_ack_are_dropped), both(paws_drops_old_duplicates), both(the_echoed_timestamp_is_that_of_the_left_edge),
		both(forged_icmp_changes_nothing), both(answers_to_forgeries_are_few), both(a_storm_of_holes), both(a_storm_of_sack_blocks),
		both(a_peer_with_a_tiny_mss), both(urgent_pointers_anywhere), both(random_segments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
