/* SO_TIMESTAMPING of what TCP sends: when a stamp is made, of which octets, and how many there can be. */
#include <time.h>
#include <linux/errqueue.h>
#include "bench.h"
#include "stack/inet/errqueue.h"
#include "stack/socket/stamping.h"

#define ALONE (STAMPS_REPORTED | STAMPS_ONLY | STAMPS_ID)

static void stamped(struct bench *b, uint32_t flags, uint32_t wnd)
{
	passive(b, .mss = 1000, .wnd = wnd);
	bench_set(b->sk, SOL_SOCKET, SO_TIMESTAMPING, (int)flags);
}

/* The next entry of the error queue is of this kind, of octet id, and was made `ago` before now. */
static void expect_stamp(struct bench *b, uint32_t which, uint32_t id, time_ns ago)
{
	uint8_t control[512], data[8];
	struct sock_msg m = {.data = data, .len = sizeof data, .control = control, .control_len = sizeof control, .flags = MSG_ERRQUEUE};
	struct cmsg_in c;
	struct sock_extended_err ee;
	struct timespec ts;
	size_t at = 0;
	time_ns real = b->s->now + b->s->realtime_offset - ago;

	assert_int_equal(sock_recv(b->sk, &m), 0);
	assert_int_equal(cmsg_next(&m, &at, &c), 1);
	memcpy(&ts, c.data, sizeof ts);
	assert_int_equal(ts.tv_sec * NS_PER_S + ts.tv_nsec, real);
	assert_int_equal(cmsg_next(&m, &at, &c), 1);
	memcpy(&ee, c.data, sizeof ee);
	assert_int_equal(ee.ee_info, which);
	assert_int_equal(ee.ee_data, id);
}

static void expect_no_stamp(const struct bench *b) { assert_false(errqueue_has(&tcp_of(b->sk)->inet)); }

static unsigned drain(struct bench *b)
{
	unsigned n = 0;

	for (struct sock_msg m; m = (struct sock_msg){.flags = MSG_ERRQUEUE}, sock_recv(b->sk, &m) == 0;)
		n++;
	return n;
}

/* Not when the program sends, but when the peer's window lets the segment go; and when it is acknowledged whole. */
static void when_the_octets_go_and_arrive(void **state)
{
	struct bench *b = *state;
	stamped(b, ALONE | STAMPS_SENT | STAMPS_SCHED | STAMPS_ACK, NO_WINDOW);
	bench_send(b, 400, 0);
	expect_no_stamp(b);
	pass(b, 50 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = 20000);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 400);
	pass(b, 20 * NS_PER_MS);
	expect_stamp(b, STAMP_SCHED, 399, 20 * NS_PER_MS);
	expect_stamp(b, STAMP_SENT, 399, 20 * NS_PER_MS);
	expect_no_stamp(b);
	inject(b, ACK, .seq = 1, .ack = 300, .wnd = 20000);
	expect_no_stamp(b);
	inject(b, ACK, .seq = 1, .ack = 401, .wnd = 20000);
	expect_stamp(b, STAMP_ACKED, 399, 0);
	expect_no_stamp(b);
}

/* As Linux: what goes together has the stamp of the last send, unless MSG_EOR keeps them apart. */
static void one_for_what_goes_together(void **state)
{
	struct bench *b = *state;
	stamped(b, ALONE | STAMPS_ACK, NO_WINDOW);
	bench_set(b->sk, IPPROTO_TCP, TCP_NODELAY, 1);
	bench_send(b, 100, 0);
	bench_send(b, 100, MSG_EOR);
	bench_send(b, 100, 0);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = 20000);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 301, .wnd = 20000);
	expect_stamp(b, STAMP_ACKED, 199, 0);
	expect_stamp(b, STAMP_ACKED, 299, 0);
	expect_no_stamp(b);
}

/* A segment that is lost is stamped each time it leaves; its send arrives once. */
static void again_when_sent_again(void **state)
{
	struct bench *b = *state;
	stamped(b, ALONE | STAMPS_SENT | STAMPS_ACK, 20000);
	bench_send(b, 1500, 0);
	bench_flush(b);
	expect_stamp(b, STAMP_SENT, 1499, 0);
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = 20000);
	expect_no_stamp(b);
	pass(b, 2 * NS_PER_S);
	bench_flush(b);
	assert_in_range(drain(b), 1, 10);
	inject(b, ACK, .seq = 1, .ack = 1501, .wnd = 20000);
	expect_stamp(b, STAMP_ACKED, 1499, 0);
	expect_no_stamp(b);
}

/* Nobody reads them: SO_RCVBUF bounds what is kept, and sends under way are bounded too. */
static void bounded(void **state)
{
	struct bench *b = *state;
	unsigned n;
	stamped(b, ALONE | STAMPS_SENT | STAMPS_ACK, 60000);
	for (int i = 0; i < 3000; i++)
		bench_send(b, 10, MSG_EOR);
	for (seq32 to = 1; to < 30000; to += 2000) {
		bench_flush(b);
		inject(b, ACK, .seq = 1, .ack = to, .wnd = 60000);
	}
	n = drain(b);
	assert_in_range(n, 10, b->sk->rcvbuf / datagram_charge(false, 0));
	assert_in_range(errqueue_awaited(&tcp_of(b->sk)->inet)->count, 0, 1024);
}

/* A connection's sends are forgotten with it. */
static void forgotten_with_the_connection(void **state)
{
	struct bench *b = *state;
	stamped(b, ALONE | STAMPS_ACK, 20000);
	bench_send(b, 10, 0);
	assert_int_equal(errqueue_awaited(&tcp_of(b->sk)->inet)->count, 1);
	inject(b, RST, .seq = 1);
	assert_int_equal(errqueue_awaited(&tcp_of(b->sk)->inet)->count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(when_the_octets_go_and_arrive), both(one_for_what_goes_together), both(again_when_sent_again), both(bounded),
		both(forgotten_with_the_connection),
	};
	return cmocka_run_group_tests_name("tcp-stamps", tests, NULL, NULL);
}
