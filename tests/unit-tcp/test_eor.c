/* MSG_EOR, as Linux 6.18 does it when probed: the octets of such a send end a segment. */
#include "bench.h"

/* Sends that find no window are queued. */
static void start(struct bench *b)
{
	passive(b, .mss = 1000, .wnd = NO_WINDOW);
	assert_int_equal(bench_send(b, 400, MSG_EOR), 400);
	assert_int_equal(bench_send(b, 300, MSG_EOR), 300);
	assert_int_equal(bench_send(b, 300, 0), 300);
	assert_int_equal(bench_send(b, 300, 0), 300);
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = 20000);
}

static void segments_end_where_sends_did(void **state)
{
	struct bench *b = *state;
	start(b);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 400);
	expect(b, ACK | PSH, .seq = 401, .ack = 1, .len = 300);
	/* The last two go together, and wait as Nagle says. */
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = 701, .wnd = 20000);
	expect(b, ACK | PSH, .seq = 701, .ack = 1, .len = 600);
	expect_nothing(b);
	assert_null(tcp_of(b->sk)->snd.cuts);
}

/* What follows each other is collapsed when it goes again, but not over such an end. */
static void nor_are_they_joined_when_sent_again(void **state)
{
	struct bench *b = *state;
	start(b);
	bench_flush(b);
	pass(b, 210 * NS_PER_MS);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 400);
	expect_nothing(b);
}

static void a_long_send_ends_in_a_short_segment(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000, .wnd = NO_WINDOW);
	bench_send(b, 2500, MSG_EOR);
	bench_send(b, 1000, 0);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = 20000);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 1000);
	expect(b, ACK, .seq = 1001, .ack = 1, .len = 1000);
	expect(b, ACK | PSH, .seq = 2001, .ack = 1, .len = 500);
	expect(b, ACK | PSH, .seq = 2501, .ack = 1, .len = 1000);
	/* Cut where the window ends, the mark stays where it is. */
	inject(b, ACK, .seq = 1, .ack = 3501, .wnd = 500);
	bench_send(b, 700, MSG_EOR);
	bench_send(b, 700, 0);
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = 3501, .wnd = 20000);
	expect(b, ACK | PSH, .seq = 3501, .ack = 1, .len = 700);
}

/* A device that cuts gets no packet that goes over the end, and many marks are kept. */
static void with_a_device_that_cuts(void **state)
{
	struct bench *b = *state;
	b->eth->tso_bytes = 65280;
	passive(b, .mss = 1000, .wnd = NO_WINDOW);
	bench_set(b->sk, SOL_SOCKET, SO_SNDBUF, 100000);
	for (int i = 0; i < 100; i++)
		bench_send(b, 150, MSG_EOR);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = 65000);
	for (seq32 i = 0, acked = 0; i < 100; i++) {
		if (i == acked + tcp_of(b->sk)->cc.cwnd || list_empty(&b->sent)) {
			acked = i;
			inject(b, ACK, .seq = 1, .ack = 1 + 150 * i, .wnd = 65000);
		}
		expect(b, ACK | PSH, .seq = 1 + 150 * i, .ack = 1, .len = 150);
	}
	expect_nothing(b);
}

/* What the persist timer sends, since nothing is in flight and the pace holds all back, ends there, too. */
static void a_probe_goes_no_further(void **state)
{
	struct bench *b = *state;
	passive(b, .mss = 1000);
	bench_set(b->sk, SOL_SOCKET, SO_MAX_PACING_RATE, 1000);
	bench_set(b->sk, IPPROTO_TCP, TCP_NODELAY, 1);
	bench_send(b, 10000, 0);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 10001);
	bench_send(b, 5000, 0);
	for (seq32 at = 10001; at < 15001; at += 1000) {
		while (list_empty(&b->sent))
			pass(b, 10 * NS_PER_MS);
		expect(b, at == 14001 ? ACK | PSH : ACK, .seq = at, .ack = 1, .len = 1000);
		inject(b, ACK, .seq = 1, .ack = at + 1000);
	}
	bench_send(b, 100, MSG_EOR);
	bench_send(b, 100, MSG_EOR);
	expect_nothing(b);
	while (list_empty(&b->sent))
		pass(b, 10 * NS_PER_MS);
	expect(b, ACK | PSH, .seq = 15001, .ack = 1, .len = 100);
	bench_send(b, 50, 0);
	pass(b, 10 * NS_PER_S);
	bench_flush(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(segments_end_where_sends_did), both(nor_are_they_joined_when_sent_again), both(a_long_send_ends_in_a_short_segment),
		both(with_a_device_that_cuts), both(a_probe_goes_no_further),
	};
	return cmocka_run_group_tests_name("tcp-eor", tests, NULL, NULL);
}
