/* Octets under way: queues, windows, ACKs, Nagle, PSH, urgent data. RFC 9293 §3.7, §3.8. */
#include "bench.h"

/* ---- receiving ---- */

static void octets_arrive_in_order(void **state)
{
	struct bench *b = *state;
	passive(b);
	assert_int_equal(bench_recv(b, 10, 0), -EAGAIN);
	inject(b, ACK | PSH, .seq = 1, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 101);
	assert_true(sock_poll(b->sk) & EPOLLIN);
	int n = 0;
	assert_int_equal(sock_ioctl(b->sk, SIOCINQ, &n, sizeof n), 0);
	assert_int_equal(n, 100);
	assert_int_equal(bench_recv(b, 30, MSG_PEEK), 30);
	assert_int_equal(bench_recv(b, 30, 0), 30);
	assert_int_equal(bench_recv(b, 20, MSG_TRUNC), 20);
	assert_int_equal(bench_recv(b, 100, 0), 50);
	assert_int_equal(bench_recv(b, 10, 0), -EAGAIN);
}

/* RFC 9293 (MUST-59, SHLD-31); RFC 5681 (5681-6). */
static void order_is_restored(void **state)
{
	struct bench *b = *state;
	static const struct seq_range parts[] = {{301, 401}, {101, 201}, {501, 601}, {201, 301}, {401, 501}};
	passive(b, .sack_ok = true);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		inject(b, ACK, .seq = parts[i].start, .ack = 1, .len = 100);
		expect(b, ACK, .seq = 1, .ack = 1);
	}
	inject(b, ACK, .seq = 1, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 601);
	assert_int_equal(bench_recv(b, 1000, 0), 600);
}

static void overlaps_are_cut(void **state)
{
	struct bench *b = *state;
	static const struct seq_range parts[] = {{201, 301}, {251, 351}, {151, 260}, {151, 351}, {401, 410}, {340, 500}, {101, 600}, {90, 110}, {500, 510}};
	passive(b);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		inject(b, ACK, .seq = parts[i].start, .ack = 1, .len = parts[i].end - parts[i].start);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 95);
	inject(b, ACK, .seq = 50, .ack = 1, .len = 700);
	bench_flush(b);
	assert_int_equal(tcp_of(b->sk)->rcv.nxt - PEER_ISN, 750);
	assert_null(tcp_of(b->sk)->rcv.ooo);
	assert_int_equal(bench_recv(b, 1000, 0), 749);
}

static void single_octets_do_not_cost_a_packet_each(void **state)
{
	struct bench *b = *state;
	uint32_t held = 0;
	passive(b);
	for (seq32 i = 0; i < 5000; i++)
		inject(b, ACK, .seq = 1 + i, .ack = 1, .len = 1);
	bench_flush(b);
	list_each(struct packet, p, &tcp_of(b->sk)->rcv.queue, node)
		held += (uint32_t)sizeof *p + p->cap;
	assert_true(held < 3 * 5000);
	assert_int_equal(bench_recv(b, 10000, 0), 5000);
	for (seq32 i = 0; i < 5000; i++)
		inject(b, ACK, .seq = 5002 + i, .ack = 1, .len = 1);
	bench_flush(b);
	held = 0;
	for (const struct list *at = &tcp_of(b->sk)->rcv.ooo->at[0].first->node; at; at = at->next)
		held += (uint32_t)sizeof(struct packet) + list_entry(at, struct packet, node)->cap;
	assert_true(held < 3 * 5000);
	inject(b, ACK, .seq = 5001, .ack = 1, .len = 1);
	bench_flush(b);
	assert_int_equal(bench_recv(b, 10000, 0), 5001);
}

/* RFC 2018 (2018-2, 2018-3, 2018-4, 2018-7). */
static void sack_blocks_tell_the_latest_first(void **state)
{
	struct bench *b = *state;
	passive(b, .sack_ok = true);
	inject(b, ACK, .seq = 101, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 1, .sack = {{101, 201}});
	inject(b, ACK, .seq = 301, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 1, .sack = {{301, 401}, {101, 201}});
	inject(b, ACK, .seq = 501, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 1, .sack = {{501, 601}, {301, 401}, {101, 201}});
	/* RFC 2018 §4: the block that the segment belongs to is first, whole. */
	inject(b, ACK, .seq = 201, .ack = 1, .len = 50);
	expect(b, ACK, .seq = 1, .ack = 1, .sack = {{101, 251}, {501, 601}, {301, 401}});
	inject(b, ACK, .seq = 251, .ack = 1, .len = 50);
	expect(b, ACK, .seq = 1, .ack = 1, .sack = {{101, 401}, {501, 601}});
	inject(b, ACK, .seq = 1, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 401, .sack = {{501, 601}});
	inject(b, ACK, .seq = 401, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 601);
	assert_int_equal(b->last.opts.n_sack, 0);
}

/* ---- the receive window ---- */

static uint32_t taken(struct bench *b) { return tcp_of(b->sk)->rcv.nxt - PEER_ISN - 1; }

static void fill_window(struct bench *b)
{
	while (window_left(tcp_of(b->sk))) {
		inject(b, ACK, .seq = 1 + taken(b), .ack = 1, .len = MIN(1024u, window_left(tcp_of(b->sk))));
		pass(b, 50 * NS_PER_MS);
		bench_flush(b);
	}
}

static void small_buffer(struct bench *b)
{
	bench_listen(b, 5);
	bench_set(b->listener, SOL_SOCKET, SO_RCVBUF, 4096);
	passive(b);
}

static void the_window_closes_and_opens(void **state)
{
	struct bench *b = *state;
	small_buffer(b);
	fill_window(b);
	/* What is beyond it is not taken, and answered. */
	uint32_t n = taken(b);
	assert_in_range(n, 4096 - 1024, 4096);
	inject(b, ACK, .seq = 1 + n, .ack = 1, .len = 1);
	expect(b, ACK, .seq = 1, .ack = 1 + n, .wnd = NO_WINDOW);
	/* RFC 9293 §3.8.6.2.2 (MUST-39): little room is not worth telling. */
	assert_int_equal(bench_recv(b, 100, 0), 100);
	expect_nothing(b);
	assert_int_equal(bench_recv(b, 2000, 0), 2000);
	expect(b, ACK, .seq = 1, .ack = 1 + n, .wnd = 2048);
	assert_int_equal(bench_recv(b, 4096, 0), n - 2100);
}

/* RFC 9293 §3.4 (MUST-66): while nothing is taken any more, an urgent pointer counts (the octet that it names is awaited), and so does a reset. */
static void a_closed_window_hears_urgent_and_reset(void **state)
{
	struct bench *b = *state;
	small_buffer(b);
	fill_window(b);
	uint32_t n = taken(b);
	assert_int_equal(bench_recv(b, 1, MSG_OOB), -EINVAL);
	inject(b, ACK | URG, .seq = 1 + n, .ack = 1, .urg = 50);
	assert_int_equal(bench_recv(b, 1, MSG_OOB), -EAGAIN);
	bench_flush(b);
	inject(b, RST, .seq = 1 + n);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSED);
}

static void lent_octets_fill_the_buffer(void **state)
{
	struct bench *b = *state;
	small_buffer(b);
	fill_window(b);
	uint32_t n = taken(b);
	assert_int_equal(bench_recv(b, 4096, MSG_LEND), n);
	expect_nothing(b);
	inject(b, ACK, .seq = n, .ack = 1, .len = 1);
	expect(b, ACK, .seq = 1, .ack = 1 + n, .wnd = NO_WINDOW);
	sock_consumed(b->sk, n);
	expect(b, ACK, .seq = 1, .ack = 1 + n);
	assert_true(b->last.wnd >= 2048);
}

/* As Linux: not cut, but taken or left as a whole. */
static void what_crosses_the_edge_is_taken_by_an_empty_buffer_only(void **state)
{
	struct bench *b = *state;
	small_buffer(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	bench_flush(b);
	inject(b, ACK | FIN, .seq = 1001, .ack = 1, .len = 5000);
	expect(b, ACK, .seq = 1, .ack = 1001);
	assert_int_equal(bench_recv(b, 2000, 0), 1000);
	bench_flush(b);
	inject(b, ACK | FIN, .seq = 1001, .ack = 1, .len = 5000);
	bench_flush(b);
	assert_int_equal(tcp_of(b->sk)->rcv.nxt - PEER_ISN, 6002);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSE_WAIT);
}

static void the_buffer_grows_with_what_is_read(void **state)
{
	struct bench *b = *state;
	passive(b, .wscale = 1 + 7);
	seq32 at = 1;
	for (int round = 0; round < 12; round++) {
		uint32_t room = rcv_edge(tcp_of(b->sk)) - tcp_of(b->sk)->rcv.nxt;
		for (; room >= 1460; room -= 1460, at += 1460) {
			inject(b, ACK, .seq = at, .ack = 1, .len = 1460);
			assert_int_equal(bench_recv(b, 2000, 0), 1460);
		}
		bench_flush(b);
		pass(b, 50 * NS_PER_MS);
	}
	assert_int_equal(bench_get(b->sk, SOL_SOCKET, SO_RCVBUF), b->s->sysctl->tcp_rmem[2]);
}

/* Text that comes early fills it, and the next segment does not fit: what is early goes, and the buffer stays as large as it was. */
static void a_buffer_gets_no_smaller_by_itself(void **state)
{
	struct bench *b = *state;
	passive(b, .sack_ok = true, .wscale = 1 + 7);
	for (seq32 at = 1; at < 20000;) {
		struct tcp_sock *c = tcp_of(b->sk);
		int before = bench_get(b->sk, SOL_SOCKET, SO_RCVBUF);
		seq32 early = at + 2;
		for (; rmem_held(c) + 1460 <= (uint32_t)b->sk->rcvbuf; early += 2) inject(b, ACK, .seq = early, .ack = 1, .len = 1), bench_flush(b);
		inject(b, ACK, .seq = early, .ack = 1, .len = 1460);
		bench_flush(b);
		assert_true(bench_get(b->sk, SOL_SOCKET, SO_RCVBUF) >= before);
		for (seq32 end = early + 1460; at < end; at += MIN(1000, end - at)) {
			inject(b, ACK, .seq = at, .ack = 1, .len = MIN(1000, end - at));
			while (bench_recv(b, 5000, 0) > 0) continue;
			bench_flush(b);
		}
	}
}

static void a_buffer_that_was_set_stays(void **state)
{
	struct bench *b = *state;
	small_buffer(b);
	for (seq32 at = 1; at < 100000; at += 1024) {
		inject(b, ACK, .seq = at, .ack = 1, .len = 1024);
		pass(b, NS_PER_MS);
		bench_recv(b, 1024, 0);
		bench_flush(b);
	}
	assert_int_equal(bench_get(b->sk, SOL_SOCKET, SO_RCVBUF), 8192);
}

static void rcvlowat_holds_poll_back(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, SOL_SOCKET, SO_RCVLOWAT, 200);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 199);
	assert_false(sock_poll(b->sk) & EPOLLIN);
	inject(b, ACK, .seq = 200, .ack = 1, .len = 1);
	assert_true(sock_poll(b->sk) & EPOLLIN);
	bench_flush(b);
}

/* ---- acknowledging ---- */

static void first_quickly_then_delayed(void **state)
{
	struct bench *b = *state;
	passive(b);
	seq32 at = 1;
	unsigned quick = tcp_of(b->sk)->rcv.wnd / (2 * 536);
	for (unsigned i = 0; i < MIN(quick, 16u); i++, at += 100) {
		inject(b, ACK, .seq = at, .ack = 1, .len = 100);
		expect(b, ACK, .seq = 1, .ack = at + 100);
	}
	inject(b, ACK, .seq = at, .ack = 1, .len = 100);
	expect_nothing(b);
	/* RFC 9293 §3.8.6.3 (MUST-40, SHLD-18) */
	pass(b, 39 * NS_PER_MS);
	expect_nothing(b);
	pass(b, 1 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = at + 100);
}

static void use_up_quick_acks(struct bench *b)
{
	tcp_of(b->sk)->ack.quick = 0;
}

static void every_second_full_segment_is_acknowledged(void **state)
{
	struct bench *b = *state;
	passive(b, .wscale = 1 + 7);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1200);
	bench_flush(b);
	use_up_quick_acks(b);
	/* While the window grows each segment is acknowledged, as on Linux; now it does not. */
	tcp_of(b->sk)->rcv.ssthresh = tcp_of(b->sk)->rcv.clamp;
	/* RFC 9293 §3.8.6.3 (MUST-58, SHLD-19) */
	inject(b, ACK, .seq = 1201, .ack = 1, .len = 1200);
	expect_nothing(b);
	assert_int_equal(bench_recv(b, 2400, 0), 2400);
	inject(b, ACK, .seq = 2401, .ack = 1, .len = 1200);
	expect(b, ACK, .seq = 1, .ack = 3601);
	/* As Linux: not while the program does not read; its reading will send the ACK. */
	use_up_quick_acks(b);
	inject(b, ACK, .seq = 3601, .ack = 1, .len = 1200);
	inject(b, ACK, .seq = 4801, .ack = 1, .len = 1200);
	expect_nothing(b);
	assert_int_equal(bench_recv(b, 4800, 0), 3600);
	expect(b, ACK, .seq = 1, .ack = 6001);
}

/* What the host has taken on, and the program has not read, is not read: also when nothing but a FIN comes. */
static void a_fin_is_not_acknowledged_at_once_for_what_is_lent(void **state)
{
	struct bench *b = *state;
	char text[2000];
	struct sock_msg m = {.data = text, .len = sizeof text, .flags = MSG_LEND};
	passive(b, .wscale = 1 + 7);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	bench_flush(b);
	assert_int_equal(sock_recv(b->sk, &m), 1000);
	use_up_quick_acks(b);
	tcp_of(b->sk)->rcv.ssthresh = tcp_of(b->sk)->rcv.clamp;
	inject(b, ACK, .seq = 1001, .ack = 1, .len = 1000);
	m.flags = MSG_LEND;
	assert_int_equal(sock_recv(b->sk, &m), 1000);
	expect_nothing(b);
	inject(b, FIN | ACK, .seq = 2001, .ack = 1);
	expect_nothing(b);
	pass(b, 40 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 2002);
}

/* As on Linux, whose timer of no length ends at its clock's next tick; octets that went past the stack count as text. */
static void a_fin_without_text_is_acknowledged_within_a_tick(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, FIN | ACK, .seq = 1, .ack = 1);
	expect_nothing(b);
	pass(b, TCP_TICK);
	expect(b, ACK, .seq = 1, .ack = 2);
}

static void a_fin_after_octets_elsewhere_is_acknowledged_late(void **state)
{
	struct bench *b = *state;
	passive(b);
	tcp_passed(b->sk, true, false);
	inject(b, FIN | ACK, .seq = 1, .ack = 1);
	pass(b, TCP_DELACK - 1);
	expect_nothing(b);
	pass(b, 1);
	expect(b, ACK, .seq = 1, .ack = 2);
}

static void an_answer_carries_the_ack(void **state)
{
	struct bench *b = *state;
	passive(b);
	for (seq32 i = 0; i < 5; i++) {
		inject(b, ACK | PSH, .seq = 1 + 10 * i, .ack = 1 + 10 * i, .len = 10);
		if (i == 0) expect(b, ACK, .seq = 1, .ack = 11);
		expect_nothing(b);
		assert_int_equal(bench_recv(b, 10, 0), 10);
		bench_send(b, 10, 0);
		expect(b, ACK | PSH, .seq = 1 + 10 * i, .ack = 11 + 10 * i, .len = 10);
	}
	pass(b, 10 * NS_PER_MS);
	expect_nothing(b);
}

static void reading_all_sends_the_ack_that_is_owed(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1, .ack = 1001);
	use_up_quick_acks(b);
	assert_int_equal(bench_recv(b, 1000, 0), 1000);
	inject(b, ACK | PSH, .seq = 1001, .ack = 1, .len = 10);
	expect_nothing(b);
	assert_int_equal(bench_recv(b, 10, 0), 10);
	expect(b, ACK, .seq = 1, .ack = 1011);
}

static void quickack_can_be_turned_off_and_on(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_QUICKACK, 0);
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_QUICKACK), 0);
	tcp_of(b->sk)->count.data_segs_in = 1;      /* the first data would turn it on again */
	tcp_of(b->sk)->when.got_data = b->s->now;
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10);
	expect_nothing(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_QUICKACK, 1);
	expect(b, ACK, .seq = 1, .ack = 11);
}

static void old_octets_are_acknowledged_at_once(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1, .ack = 1001);
	use_up_quick_acks(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1, .ack = 1001);
	inject(b, ACK, .seq = 501, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1, .ack = 1501);
	assert_int_equal(bench_recv(b, 2000, 0), 1500);
}

/* ---- sending ---- */

/* RFC 9293 (SHLD-28). */
static void segments_are_full_and_the_last_is_pushed(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	assert_int_equal(bench_send(b, 2500, 0), 2500);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	assert_false(b->last.flags & PSH);
	expect(b, ACK, .seq = 1001, .ack = 1, .len = 1000);
	/* RFC 9293 §3.9.1.2 (MUST-61) */
	expect(b, ACK | PSH, .seq = 2001, .ack = 1, .len = 500);
	int n;
	assert_int_equal(sock_ioctl(b->sk, SIOCOUTQ, &n, sizeof n), 0);
	assert_int_equal(n, 2500);
	inject(b, ACK, .seq = 1, .ack = 2001);
	sock_ioctl(b->sk, SIOCOUTQ, &n, sizeof n);
	assert_int_equal(n, 500);
}

static void the_window_limits(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000, .wnd = 3000);
	bench_send(b, 5000, 0);
	for (seq32 at = 1; at < 3001; at += 1000)
		expect(b, ACK, .seq = at, .ack = 1, .len = 1000);
	expect_nothing(b);
	/* RFC 9293 §3.8.6.2.1 (MUST-38): no small segment because the window opens by little. */
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = 2500);
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = 2001, .wnd = 2500);
	expect(b, ACK, .seq = 3001, .ack = 1, .len = 1000);
	int n;
	sock_ioctl(b->sk, SIOCOUTQNSD, &n, sizeof n);
	assert_int_equal(n, 1000);
}

static void segments_are_never_more_than_half_the_largest_window(void **state)
{
	struct bench *b = *state;
	passive(b, .wnd = 1000);
	bench_send(b, 1000, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 500);
	expect(b, ACK, .seq = 501, .ack = 1, .len = 500);
}

/* RFC 9293 (MUST-19); RFC 5681 (5681-1). */
static void the_congestion_window_starts_at_ten(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 30000, 0);
	for (seq32 at = 1; at < 10001; at += 1000)
		expect(b, ACK, .seq = at, .ack = 1, .len = 1000);
	expect_nothing(b);
	/* RFC 5681 §3.1: slow start. */
	inject(b, ACK, .seq = 1, .ack = 2001);
	for (seq32 at = 10001; at < 14001; at += 1000)
		expect(b, ACK, .seq = at, .ack = 1, .len = 1000);
	expect_nothing(b);
}

/* RFC 9293 (MUST-60, SHLD-27). */
static void nagle_holds_the_second_small_segment(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 10, 0);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 10);
	/* RFC 9293 §3.7.4 (SHLD-7) */
	bench_send(b, 10, 0);
	bench_send(b, 10, 0);
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = 11);
	expect(b, ACK | PSH, .seq = 11, .ack = 1, .len = 20);
}

static void a_small_tail_of_full_segments_is_not_held(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 1010, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	/* Minshall's change to Nagle. */
	expect(b, ACK | PSH, .seq = 1001, .ack = 1, .len = 10);
	bench_send(b, 10, 0);
	expect_nothing(b);
}

static void nodelay_sends_at_once(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 10, 0);
	bench_send(b, 10, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 10);
	expect_nothing(b);
	/* RFC 9293 §3.7.4 (MUST-17); turning it on sends what waits. */
	bench_set(b->sk, IPPROTO_TCP, TCP_NODELAY, 1);
	expect(b, ACK, .seq = 11, .ack = 1, .len = 10);
	bench_send(b, 10, 0);
	expect(b, ACK, .seq = 21, .ack = 1, .len = 10);
}

static void cork_gathers(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_set(b->sk, IPPROTO_TCP, TCP_CORK, 1);
	bench_send(b, 600, 0);
	expect_nothing(b);
	bench_send(b, 600, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	expect_nothing(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_CORK, 0);
	expect(b, ACK, .seq = 1001, .ack = 1, .len = 200);
}

/* RFC 9293 (MUST-60). */
static void a_cork_lasts_200_ms(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_set(b->sk, IPPROTO_TCP, TCP_CORK, 1);
	bench_send(b, 600, 0);
	pass(b, 199 * NS_PER_MS);
	expect_nothing(b);
	pass(b, 20 * NS_PER_MS);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 600);
}

static void msg_more_waits_for_the_rest(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 100, MSG_MORE);
	expect_nothing(b);
	bench_send(b, 100, 0);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 200);
}

static void a_full_send_buffer_says_again(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 8192);
	assert_int_equal(bench_send(b, 100000, 0), 16384);
	assert_int_equal(bench_send(b, 1, 0), -EAGAIN);
	assert_false(sock_poll(b->sk) & EPOLLOUT);
	bench_flush(b);
	unsigned before = b->readies;
	inject(b, ACK, .seq = 1, .ack = 5001);
	assert_false(sock_poll(b->sk) & EPOLLOUT);
	assert_int_equal(b->readies, before);
	/* As Linux: writable when a third is free. */
	inject(b, ACK, .seq = 1, .ack = 6001);
	assert_true(sock_poll(b->sk) & EPOLLOUT);
	assert_int_equal(b->readies, before + 1);
	bench_flush(b);
}

/* As Linux: SO_SNDBUF grows for a program that waits, not because the host looks at what it has to tell. */
static void a_buffer_grows_for_who_waits(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	int size = bench_get(b->sk, SOL_SOCKET, SO_SNDBUF);
	assert_int_equal(bench_send(b, (size_t)size, 0), size);
	assert_false(sock_poll(b->sk) & EPOLLOUT);
	inject(b, ACK, .seq = 1, .ack = 5001);
	assert_int_equal(bench_get(b->sk, SOL_SOCKET, SO_SNDBUF), size);
	assert_false(sock_poll_waiting(b->sk) & EPOLLOUT);
	inject(b, ACK, .seq = 1, .ack = 6001);
	assert_true(bench_get(b->sk, SOL_SOCKET, SO_SNDBUF) > size);
	bench_flush(b);
}

static void notsent_lowat_holds_the_writer(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000, .wnd = 2000);
	bench_set(b->sk, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1000);
	assert_true(sock_poll(b->sk) & EPOLLOUT);
	assert_int_equal(bench_send(b, 4000, 0), 4000);
	assert_false(sock_poll(b->sk) & EPOLLOUT);
	assert_int_equal(bench_send(b, 100, 0), -EAGAIN);
	bench_flush(b);
	/* Sending is enough, nothing need be acknowledged. */
	unsigned before = b->readies;
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = 10000);
	assert_true(sock_poll(b->sk) & EPOLLOUT);
	assert_int_equal(b->readies, before + 1);
	bench_flush(b);
}

static void megabytes_are_accepted(void **state)
{
	struct bench *b = *state;
	struct sockaddr_storage a;
	/* As Linux: on loopback a writer gets more than 2 MB out before anybody reads. */
	bench_listen(b, 5);
	sock_close(b->listener);
	struct sock *l = bench_socket(b), *reader;
	const struct addr *lo = b->v6 ? &addr_loop6 : &addr_loop4;
	socklen_t len = bench_name(b, &a, lo, 81);
	assert_int_equal(sock_bind(l, (struct sockaddr *)&a, len), 0);
	assert_int_equal(sock_listen(l, 5), 0);
	b->sk = bench_socket(b);
	assert_int_equal(sock_connect(b->sk, (struct sockaddr *)&a, len), -EINPROGRESS);
	bench_loop(b);
	assert_int_equal(sock_accept(l, &reader), 0);
	size_t sent = 0;
	for (ssize_t n; (n = bench_send(b, 65536, 0)) > 0; sent += (size_t)n)
		bench_loop(b);
	assert_in_range(sent, 2500000, 4200000);
}

/* ---- urgent data ---- */

/* RFC 9293 (MUST-30). */
static void urgent_data_goes_out(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_send(b, 10, 0);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 10);
	/* RFC 9293 §3.8.5 (MUST-62), with Linux's pointer: behind the urgent octet. Nagle does not hold it. */
	bench_send(b, 3, MSG_OOB);
	expect(b, ACK | URG | PSH, .seq = 11, .ack = 1, .len = 3, .urg = 3);
	inject(b, ACK, .seq = 1, .ack = 14);
	bench_send(b, 10, 0);
	expect(b, ACK | PSH, .seq = 14, .ack = 1, .len = 10);
}

/* RFC 9293 (MUST-30, MUST-32, MUST-33). */
static void urgent_data_comes_in(void **state)
{
	struct bench *b = *state;
	int mark = -1;
	char c = 0;
	struct sock_msg m = {.data = &c, .len = 1, .flags = MSG_OOB};
	passive(b);
	assert_int_equal(sock_recv(b->sk, &m), -EINVAL);
	inject(b, ACK | URG, .seq = 1, .ack = 1, .len = 10, .urg = 5, .data = "abcdEfghij");
	bench_flush(b);
	assert_true(sock_poll(b->sk) & EPOLLPRI);
	sock_ioctl(b->sk, SIOCATMARK, &mark, sizeof mark);
	assert_int_equal(mark, 0);
	m.flags = MSG_OOB;
	assert_int_equal(sock_recv(b->sk, &m), 1);
	assert_int_equal(c, 'E');
	m.flags = MSG_OOB;
	assert_int_equal(sock_recv(b->sk, &m), -EINVAL);
	/* recv stops at the mark. */
	char text[16] = "";
	m = (struct sock_msg){.data = text, .len = 15};
	assert_int_equal(sock_recv(b->sk, &m), 4);
	assert_memory_equal(text, "abcd", 4);
	sock_ioctl(b->sk, SIOCATMARK, &mark, sizeof mark);
	assert_int_equal(mark, 1);
	m = (struct sock_msg){.data = text, .len = 15};
	assert_int_equal(sock_recv(b->sk, &m), 5);
	assert_memory_equal(text, "fghij", 5);
}

/* RFC 9293 (MUST-31). */
static void oobinline_leaves_it_in_the_stream(void **state)
{
	struct bench *b = *state;
	char text[16] = "";
	struct sock_msg m = {.data = text, .len = 15};
	passive(b);
	bench_set(b->sk, SOL_SOCKET, SO_OOBINLINE, 1);
	inject(b, ACK | URG, .seq = 1, .ack = 1, .len = 10, .urg = 5, .data = "abcdEfghij");
	bench_flush(b);
	assert_int_equal(sock_recv(b->sk, &m), 4);
	m.len = 15;
	assert_int_equal(sock_recv(b->sk, &m), 6);
	assert_memory_equal(text, "Efghij", 6);
}

/* Of what came past the stack, and has not been read, the program stands before the mark: the octet there is no urgent one any more. */
static void octets_beside_keep_it_in_the_stream(void **state)
{
	struct bench *b = *state;
	char text[16] = "";
	struct sock_msg m = {.data = text, .len = 15};
	passive(b);
	b->sk->beside = 1;
	inject(b, ACK | URG, .seq = 1, .ack = 1, .len = 1, .urg = 1, .data = "B");
	inject(b, ACK | URG, .seq = 2, .ack = 1, .len = 2, .urg = 2, .data = "cD");
	bench_flush(b);
	assert_int_equal(sock_recv(b->sk, &m), 2);
	assert_memory_equal(text, "Bc", 2);
}

static void a_new_mark_replaces_the_old_one(void **state)
{
	struct bench *b = *state;
	char text[16] = "";
	struct sock_msg m = {.data = text, .len = 15};
	passive(b);
	inject(b, ACK | URG, .seq = 1, .ack = 1, .len = 2, .urg = 2, .data = "aB");
	inject(b, ACK | URG, .seq = 3, .ack = 1, .len = 2, .urg = 2, .data = "cD");
	bench_flush(b);
	assert_int_equal(sock_recv(b->sk, &m), 3);
	assert_memory_equal(text, "aBc", 3);
	m = (struct sock_msg){.data = text, .len = 1, .flags = MSG_OOB};
	assert_int_equal(sock_recv(b->sk, &m), 1);
	assert_int_equal(text[0], 'D');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(octets_arrive_in_order), both(order_is_restored), both(overlaps_are_cut), both(single_octets_do_not_cost_a_packet_each),
		both(sack_blocks_tell_the_latest_first), both(the_window_closes_and_opens), both(a_closed_window_hears_urgent_and_reset),
		both(lent_octets_fill_the_buffer),
		both(what_crosses_the_edge_is_taken_by_an_empty_buffer_only), both(the_buffer_grows_with_what_is_read), both(a_buffer_that_was_set_stays),
		both(a_buffer_gets_no_smaller_by_itself),
		both(rcvlowat_holds_poll_back), both(first_quickly_then_delayed), both(every_second_full_segment_is_acknowledged),
		both(a_fin_is_not_acknowledged_at_once_for_what_is_lent),
		both(a_fin_without_text_is_acknowledged_within_a_tick), both(a_fin_after_octets_elsewhere_is_acknowledged_late),
		both(an_answer_carries_the_ack), both(reading_all_sends_the_ack_that_is_owed), both(quickack_can_be_turned_off_and_on),
		both(old_octets_are_acknowledged_at_once), both(segments_are_full_and_the_last_is_pushed), both(the_window_limits),
		both(segments_are_never_more_than_half_the_largest_window), both(the_congestion_window_starts_at_ten),
		both(nagle_holds_the_second_small_segment), both(a_small_tail_of_full_segments_is_not_held), both(nodelay_sends_at_once),
		both(cork_gathers), both(a_cork_lasts_200_ms), both(msg_more_waits_for_the_rest), both(a_full_send_buffer_says_again),
		both(a_buffer_grows_for_who_waits), both(notsent_lowat_holds_the_writer), both(megabytes_are_accepted), both(urgent_data_goes_out), both(urgent_data_comes_in),
		both(oobinline_leaves_it_in_the_stream), both(octets_beside_keep_it_in_the_stream), both(a_new_mark_replaces_the_old_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
