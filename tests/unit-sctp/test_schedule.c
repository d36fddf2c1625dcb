/* Whose message is next (RFC 8260 §3), and what each stream has given up (RFC 7496). */
#include "bench.h"

#define SIZE 1000

static int set_scheduler(struct sock *sk, uint32_t which)
{
	struct sctp_assoc_value v = {.assoc_value = which};

	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_STREAM_SCHEDULER, &v, sizeof v);
}

static int set_value(struct sock *sk, uint16_t stream, uint16_t value)
{
	struct sctp_stream_value v = {.stream_id = stream, .stream_value = value};

	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_STREAM_SCHEDULER_VALUE, &v, sizeof v);
}

static int get_value(struct sock *sk, uint16_t stream)
{
	struct sctp_stream_value v = {.stream_id = stream};
	socklen_t len = sizeof v;
	int r = sock_getsockopt(sk, IPPROTO_SCTP, SCTP_STREAM_SCHEDULER_VALUE, &v, &len);

	return r < 0 ? r : v.stream_value;
}

static void send_on(struct sock *sk, uint16_t stream, size_t len)
{
	static uint8_t data[30000];

	assert_int_equal(call_sendmsg(sk, data, len, &(struct wish_sent){.stream = stream}), len);
}

/* Messages wait behind one that fills the window; the streams of those that come, as text. */
static const char *order_of(struct bench *b, struct sock *x, struct sock *y, const char *sent, const size_t *sizes)
{
	static char text[64];
	size_t n = 0;

	send_on(x, 9, 20000);
	for (size_t i = 0; sent[i]; i++) send_on(x, (uint16_t)(sent[i] - '0'), sizes ? sizes[sent[i] - '0'] : SIZE);
	bench_pass(b, 10 * NS_PER_S);
	for (const struct got *g = call_recv(y); g->n >= 0; g = call_recv(y))
		if (g->info.rcv_sid != 9 && n < sizeof text - 1) text[n++] = (char)('0' + g->info.rcv_sid);
	text[n] = 0;
	assert_int_equal(assoc_at(x)->snd.queued, 0);
	return text;
}

static void turns(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(set_int(y, SCTP_RECVRCVINFO, 1), 0);
	assert_string_equal(order_of(b, x, y, "11112233", NULL), "11112233");
	assert_int_equal(set_scheduler(x, SCTP_SS_RR), 0);
	assert_string_equal(order_of(b, x, y, "11112233", NULL), "12312311");
	/* Of equal priority one after the other, and before those that are less. */
	assert_int_equal(set_scheduler(x, SCTP_SS_PRIO), 0);
	assert_int_equal(set_value(x, 1, 5), 0);
	assert_int_equal(set_value(x, 2, 2), 0);
	assert_int_equal(set_value(x, 3, 2), 0);
	assert_int_equal(get_value(x, 1), 5);
	assert_string_equal(order_of(b, x, y, "11223344", NULL), "44232311");
	/* Another scheduler has its own values. */
	assert_int_equal(set_scheduler(x, SCTP_SS_FCFS), 0);
	assert_int_equal(get_value(x, 1), 0);
	assert_string_equal(order_of(b, x, y, "1122", NULL), "1122");
}

/* By octets: a stream of long messages waits for those of short ones; by weight, the heavier one has more. */
static void shares(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	const size_t sizes[10] = {0, 1200, 400};

	connected(b, &x, &y);
	assert_int_equal(set_int(y, SCTP_RECVRCVINFO, 1), 0);
	assert_int_equal(set_scheduler(x, SCHEDULE_FAIR), 0);
	assert_string_equal(order_of(b, x, y, "111222222", sizes), "122212221");
	assert_int_equal(set_scheduler(x, SCHEDULE_WEIGHTED), 0);
	assert_int_equal(set_value(x, 1, 0), -EINVAL);
	assert_int_equal(get_value(x, 1), 1);
	assert_int_equal(set_value(x, 1, 2), 0);
	assert_string_equal(order_of(b, x, y, "11111111222", NULL), "12121121111");
}

/* A message is not interrupted, whatever comes. */
static void to_its_end(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(set_int(y, SCTP_RECVRCVINFO, 1), 0);
	assert_int_equal(set_scheduler(x, SCTP_SS_PRIO), 0);
	assert_int_equal(set_value(x, 1, 9), 0);
	send_on(x, 1, 30000);
	bench_pass(b, 12 * NS_PER_MS);
	send_on(x, 0, 100);
	send_on(x, 0, 100);
	bench_pass(b, 10 * NS_PER_S);
	assert_int_equal(call_recv(y)->n, 30000);
	assert_int_equal(call_recv(y)->n, 100);
	assert_int_equal(call_recv(y)->n, 100);
}

static void options(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]);
	struct sctp_assoc_value v = {.assoc_value = 5};
	socklen_t len = sizeof v;

	assert_int_equal(set_scheduler(x, 5), -EINVAL);
	assert_int_equal(set_scheduler(x, SCTP_SS_RR), 0);
	assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, SCTP_STREAM_SCHEDULER, &v, &len), 0);
	assert_int_equal(v.assoc_value, SCTP_SS_RR);
	v.assoc_id = 1000;
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_STREAM_SCHEDULER, &v, sizeof v), -EINVAL);
	assert_int_equal(set_value(x, 0, 0), -EINVAL);
	x = one(b->net.s[0]);
	assert_int_equal(set_value(x, 100, 0), 0);
	assert_int_equal(get_value(x, 0), -EINVAL);
}

static struct sctp_prstatus given_up(struct sock *sk, uint16_t stream, uint16_t policy)
{
	struct sctp_prstatus v = {.sprstat_sid = stream, .sprstat_policy = policy};
	socklen_t len = sizeof v;

	assert_int_equal(sock_getsockopt(sk, IPPROTO_SCTP, SCTP_PR_STREAM_STATUS, &v, &len), 0);
	return v;
}

/* RFC 7496 §4.4 */
static void counts(void **state)
{
	struct bench *b = *state;
	struct sctp_prinfo pr = {SCTP_PR_SCTP_TTL, 100};
	struct sctp_prstatus v = {.sprstat_sid = 10, .sprstat_policy = SCTP_PR_SCTP_TTL};
	socklen_t len = sizeof v;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, SCTP_PR_STREAM_STATUS, &v, &len), -EINVAL);
	b->net.cut[0] = b->net.cut[1] = true;
	call_sendmsg(x, "gone", 4, &(struct wish_sent){.stream = 2, .pr = &pr});
	bench_pass(b, 3 * NS_PER_S);
	b->net.cut[0] = b->net.cut[1] = false;
	bench_pass(b, 10 * NS_PER_S);
	assert_int_equal(given_up(x, 2, SCTP_PR_SCTP_TTL).sprstat_abandoned_sent, 1);
	assert_int_equal(given_up(x, 2, SCTP_PR_SCTP_TTL).sprstat_abandoned_unsent, 0);
	assert_int_equal(given_up(x, 2, SCTP_PR_SCTP_ALL).sprstat_abandoned_sent, 1);
	assert_int_equal(given_up(x, 2, SCTP_PR_SCTP_RTX).sprstat_abandoned_sent, 0);
	assert_int_equal(given_up(x, 1, SCTP_PR_SCTP_ALL).sprstat_abandoned_sent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {BENCH_TEST(turns), BENCH_TEST(shares), BENCH_TEST(to_its_end), BENCH_TEST(options), BENCH_TEST(counts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
