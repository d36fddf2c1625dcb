/* Where an octet or a second more or less makes the difference: the edge of the receive window, the place of a FIN, time that runs out. */
#include "bench.h"

/* RFC 9293 §3.8.6, RFC 7323 §2.4: windows are told in units, but rounding may not add up to a buffer without end. RFC 9293 (SHLD-14). */
static void single_octets_do_not_push_the_window_on(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	bench_set(b->listener, SOL_SOCKET, SO_RCVBUF, 100000);
	passive(b, .wscale = 8);
	const struct tcp_sock *conn = tcp_of(b->sk);
	assert_true(conn->rcv.wscale > 0);
	for (seq32 seq = 1; seq < 300000; seq++) {
		inject(b, ACK | PSH, .seq = seq, .ack = 1, .len = 1);
		if (seq % 500 == 0) pass(b, 50 * NS_PER_MS);
		bench_flush(b);
	}
	/* Linux takes 144158, in as much memory as this. */
	assert_in_range(conn->rcv.queued, 130000, 170000);
	assert_in_range(rmem_held(tcp_of(b->sk)), 180000, 205000);
	pass(b, NS_PER_S);
	bench_flush(b);
	inject(b, ACK, .seq = 1 + conn->rcv.queued, .ack = 1, .len = 1);
	expect(b, ACK, .seq = 1, .ack = 1 + conn->rcv.queued, .wnd = NO_WINDOW);
}

/* RFC 9293 §3.10.7.4 eighth: a FIN is believed where the next octet would be, or later; not among those that came already. */
static void a_fin_among_old_octets_is_a_lie(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10);
	bench_flush(b);
	inject(b, ACK | FIN, .seq = 10, .ack = 1);
	bench_flush(b);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	inject(b, ACK, .seq = 11, .ack = 1, .len = 10);
	assert_int_equal(bench_recv(b, 100, 0), 20);
	inject(b, ACK | FIN, .seq = 21, .ack = 1);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSE_WAIT);
}

/* As Linux: one that is next is believed, and what came early from behind it is not. */
static void a_fin_that_is_next_ends_it(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 6, .ack = 1, .len = 10);
	inject(b, ACK | FIN, .seq = 1, .ack = 1, .len = 7);
	bench_flush(b);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSE_WAIT);
	assert_int_equal(bench_recv(b, 100, 0), 7);
	assert_int_equal(bench_recv(b, 100, 0), 0);
}

static void answer_probe(struct bench *b)
{
	pass(b, 100 * NS_PER_MS);
	if (list_empty(&b->sent)) return;
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = NO_WINDOW);
}

/* tcp(7), TCP_USER_TIMEOUT: data may not "remain untransmitted (due to zero window size)" for longer, though the peer lives. */
static void user_timeout_counts_while_the_window_is_closed(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = NO_WINDOW);
	bench_send(b, 100, 0);
	for (int i = 0; i < 45; i++)
		answer_probe(b);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	for (int i = 0; i < 60 && bench_state(b->sk) != TCPS_CLOSED; i++)
		answer_probe(b);
	assert_int_equal(bench_error(b->sk), ETIMEDOUT);
	bench_flush(b);
}

/* … and starts anew when something got through. */
static void user_timeout_starts_anew_with_progress(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_USER_TIMEOUT, 3000);
	for (seq32 ack = 1; ack < 50; ack++) {
		inject(b, ACK, .seq = 1, .ack = ack, .wnd = NO_WINDOW);
		if (ack == 1) bench_send(b, 100, 0);
		pass(b, NS_PER_S);
		inject(b, ACK, .seq = 1, .ack = ack, .wnd = 1);
		pass(b, NS_PER_S);
	}
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	bench_flush(b);
}

/*
 * RFC 6582 §3.2 (2), RFC 5681 §3.1: after a time-out the window is one segment, and duplicate ACKs, which our own repetition brings about, do not
 * inflate it.
 */
/* RFC 6582 (6582-2). */
static void duplicate_acks_after_a_timeout_send_nothing(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 1 << 17);
	bench_send(b, 30 * 1460, 0);
	bench_flush(b);
	pass(b, 1200 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 1, .len = b->v6 ? 1440 : 1460);
	bench_flush(b);
	for (int i = 0; i < 5; i++)
		inject(b, ACK, .seq = 1, .ack = 1);
	expect_nothing(b);
}

static bool next_has_df(struct bench *b)
{
	struct packet *p = list_first(&b->sent, struct packet, node);
	struct ip4_hdr h;
	assert_true(!list_empty(&b->sent) && ip4_parse(&h, p->data, p->len) > 0);
	return h.df;
}

/* RFC 1191 §3: a path below the least that we believe is not forged away: routers may cut what we send (net.ipv4.route.min_pmtu). */
/* RFC 1191 (1191-6). */
static void a_path_too_narrow_to_believe_is_not_a_black_hole(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_send(b, 1400, 0);
	assert_true(next_has_df(b));
	bench_flush(b);
	bench_icmp(b, 3, 4, 296, 1);
	assert_false(next_has_df(b));
	expect(b, ACK, .seq = 1, .ack = 1, .len = 512);
	bench_flush(b);
	/* Believed again when it is forgotten. */
	inject(b, ACK, .seq = 1, .ack = 1401);
	pass(b, 700 * NS_PER_S);
	bench_send(b, 100, 0);
	assert_true(next_has_df(b));
	bench_flush(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(single_octets_do_not_push_the_window_on),
		both(a_fin_among_old_octets_is_a_lie),
		both(a_fin_that_is_next_ends_it),
		both(user_timeout_counts_while_the_window_is_closed),
		both(user_timeout_starts_anew_with_progress),
		both(duplicate_acks_after_a_timeout_send_nothing),
		cmocka_unit_test_setup_teardown(a_path_too_narrow_to_believe_is_not_a_black_hole, bench_open4, bench_close),
	};
	return cmocka_run_group_tests_name("tcp-edges", tests, NULL, NULL);
}
