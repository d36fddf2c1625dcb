/* Opening: RFC 9293 §3.5 and §3.10.7.1 to §3.10.7.4, the two queues of a listener, and how opening fails. */
#include "bench.h"

/* RFC 9293 (MUST-67). */
static void active_open(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	assert_int_equal(bench_state(b->sk), TCPS_SYN_SENT);
	/* RFC 9293 §3.7.1 (MUST-14, SHLD-5): the MSS is what fits in the interface's MTU. */
	expect(b, SYN, .mss = b->v6 ? 1440 : 1460, .wscale = 1 + 7, .ts = true, .sack_ok = true, .wnd = b->v6 ? 64800 : 64240);
	assert_int_equal(sock_poll(b->sk), 0);
	assert_int_equal(bench_connect(b, b->sk), -EALREADY);
	inject(b, SYN | ACK, .ack = 1, .mss = 1460);
	expect(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	assert_int_equal(sock_poll(b->sk), EPOLLOUT | EPOLLWRNORM);
	assert_int_equal(bench_connect(b, b->sk), 0);
	assert_int_equal(bench_connect(b, b->sk), -EISCONN);
}

/* RFC 9293 (MUST-14, SHLD-5). */
static void passive_open(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	assert_int_equal(sock_poll(b->listener), 0);
	inject(b, SYN, .mss = 1000, .wscale = 1 + 3, .ts = true, .ts_val = 77, .sack_ok = true);
	expect(b, SYN | ACK, .ack = 1, .mss = b->v6 ? 1440 : 1460, .wscale = 1 + 7, .ts = true, .ts_ecr = 77, .sack_ok = true);
	assert_null(bench_accept(b));
	inject(b, ACK, .seq = 1, .ack = 1, .ts = true, .ts_val = 78, .ts_ecr = b->last.opts.ts_val);
	assert_int_equal(sock_poll(b->listener), EPOLLIN | EPOLLRDNORM);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	assert_int_equal(sock_poll(b->listener), 0);
}

/* What the peer did not offer is not used. RFC 7323 (7323-2); RFC 2018 (2018-1). */
static void options_are_agreed(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	assert_false(b->last.opts.has_wscale || b->last.opts.has_ts || b->last.opts.sack_ok);
	inject(b, ACK, .seq = 1, .ack = 1);
	b->sk = bench_accept(b);
	/* RFC 9293 §3.7.1 (MUST-15): without the option, 536, or 1220 over IPv6. */
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_MAXSEG), b->v6 ? 1220 : 536);
	bench_send(b, 2000, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = b->v6 ? 1220 : 536);
	assert_false(b->last.opts.has_ts);
}

/* RFC 7323 §2.3: a shift above 14 is used as 14. RFC 7323 (7323-3). */
static void a_huge_window_scale_is_14(void **state)
{
	struct bench *b = *state;
	passive(b, .wscale = 1 + 200, .wnd = 10);
	bench_send(b, 300000, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = b->v6 ? 1440 : 1460);
	bench_flush(b);
	assert_int_equal(tcp_of(b->sk)->snd.wnd, 10 << 14);
}

static void simultaneous_open(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	/* RFC 9293 §3.5 (MUST-10) */
	inject(b, SYN, .mss = 1460);
	expect(b, SYN | ACK, .seq = 0, .ack = 1);
	assert_int_equal(bench_state(b->sk), TCPS_SYN_RECEIVED);
	assert_int_equal(bench_connect(b, b->sk), -EALREADY);
	inject(b, SYN | ACK, .ack = 1, .mss = 1460);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	assert_int_equal(bench_connect(b, b->sk), 0);
	expect(b, ACK, .seq = 1, .ack = 1);
	bench_send(b, 100, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 100);
}

static void simultaneous_open_ends_with_a_bare_ack_too(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	inject(b, SYN, .mss = 1460);
	expect(b, SYN | ACK, .seq = 0, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
}

static void a_socket_may_connect_to_itself(void **state)
{
	struct bench *b = *state;
	struct sockaddr_storage a;
	b->sk = bench_socket(b);
	socklen_t len = bench_name(b, &a, b->v6 ? &addr_loop6 : &addr_loop4, 4000);
	assert_int_equal(sock_bind(b->sk, (struct sockaddr *)&a, len), 0);
	assert_int_equal(sock_connect(b->sk, (struct sockaddr *)&a, len), -EINPROGRESS);
	bench_loop(b);
	assert_int_equal(sock_connect(b->sk, (struct sockaddr *)&a, len), 0);
	struct sock_msg m = {.data = "hello", .len = 5};
	assert_int_equal(sock_send(b->sk, &m), 5);
	bench_loop(b);
	char got[8];
	m = (struct sock_msg){.data = got, .len = sizeof got};
	assert_int_equal(sock_recv(b->sk, &m), 5);
	assert_memory_equal(got, "hello", 5);
	bench_close_sk(b);
	bench_loop(b);
	assert_int_equal(bench_socks(b), 0);
}

/* ---- how it fails ---- */

static void a_reset_refuses(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	/* RFC 9293 §3.10.7.3 second: without an acceptable ACK a reset is ignored. */
	inject(b, RST);
	assert_int_equal(bench_state(b->sk), TCPS_SYN_SENT);
	inject(b, RST | ACK, .ack = 1);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSED);
	assert_int_equal(sock_poll(b->sk), EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLOUT | EPOLLWRNORM | EPOLLHUP | EPOLLERR);
	assert_int_equal(bench_connect(b, b->sk), -ECONNREFUSED);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	expect(b, SYN, .seq = ANY);
}

static void an_error_taken_by_so_error_leaves_econnaborted(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	inject(b, RST | ACK, .ack = 1);
	assert_int_equal(bench_error(b->sk), ECONNREFUSED);
	assert_int_equal(bench_error(b->sk), 0);
	assert_int_equal(bench_connect(b, b->sk), -ECONNABORTED);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
}

static void an_ack_of_something_else_is_reset(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	/* RFC 9293 §3.10.7.3 first */
	inject(b, SYN | ACK, .ack = 5);
	expect(b, RST, .seq = 5);
	inject(b, ACK, .ack = 0);
	expect(b, RST, .seq = 0);
	assert_int_equal(bench_state(b->sk), TCPS_SYN_SENT);
	/* The peer has forgotten now what it took this for. */
	pass(b, 4 * NS_PER_MS);
	expect(b, SYN, .seq = 0);
	inject(b, SYN | ACK, .ack = 7);
	expect(b, RST, .seq = 7);
	pass(b, 500 * NS_PER_MS);
	expect_nothing(b);
	inject(b, SYN | ACK, .ack = 1, .ts = true, .ts_ecr = b->last.opts.ts_val + 600);
	expect(b, RST, .seq = 1);
	inject(b, SYN | ACK, .ack = 1);
	expect(b, ACK, .seq = 1, .ack = 1);
}

/* A host that stood still repeats its SYN late; the answer to the first is right all the same. */
static void an_old_echo_after_a_long_stop(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN, .seq = 0);
	uint32_t clock = b->last.opts.ts_val;
	stack_advance(b->s, b->s->now + 5 * NS_PER_S);
	expect(b, SYN, .seq = 0);
	inject(b, SYN | ACK, .ack = 1, .mss = 1460, .ts = true, .ts_val = 1, .ts_ecr = clock);
	expect(b, ACK, .seq = 1, .ack = 1);
}

static void it_asks_at_and_gives_up(struct bench *b, const int *at_s, size_t n)
{
	int now = 0;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	for (size_t i = 0; i < n; now = at_s[i++]) {
		pass(b, (at_s[i] - now) * NS_PER_S - NS_PER_MS);
		expect_nothing(b);
		pass(b, NS_PER_MS);
		expect(b, SYN);
	}
	pass(b, 64 * NS_PER_S);
	expect_nothing(b);
	assert_int_equal(bench_connect(b, b->sk), -ETIMEDOUT);
}

/* Linux 6.5 and later: the first four time-outs do not count. */
static void the_first_syns_are_a_second_apart(void **state)
{
	static const int at_s[] = {1, 2, 3, 4, 5, 7, 11, 19, 35, 67};
	it_asks_at_and_gives_up(*state, at_s, ARRAY_SIZE(at_s));
}

/* RFC 9293 (MUST-22, MUST-23); RFC 6298 (6298-1). */
static void a_syn_is_repeated_six_times(void **state)
{
	struct bench *b = *state;
	/* RFC 6298 §2 (2.1), §5 (5.5): 1 s, and double each time. */
	static const int at_s[] = {1, 3, 7, 15, 31, 63};
	assert_int_equal(sysctl_set(b->s->sysctl, "net.ipv4.tcp_syn_linear_timeouts", "0"), 0);
	it_asks_at_and_gives_up(b, at_s, ARRAY_SIZE(at_s));
}

static void syncnt_limits_the_syns(void **state)
{
	struct bench *b = *state;
	assert_int_equal(sysctl_set(b->s->sysctl, "net.ipv4.tcp_syn_linear_timeouts", "0"), 0);
	b->sk = bench_socket(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_SYNCNT, 1);
	bench_connect(b, b->sk);
	expect(b, SYN);
	pass(b, NS_PER_S);
	expect(b, SYN);
	pass(b, 2 * NS_PER_S);
	expect_nothing(b);
	assert_int_equal(bench_error(b->sk), ETIMEDOUT);
}

/* RFC 9293 (MUST-54, SHLD-26); RFC 5927 (5927-1); RFC 5461 (5461-1). */
static void icmp_ends_an_opening_connection(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	/* RFC 5927 §4.1: not of this segment. */
	bench_icmp(b, 3, 1, 0, 1000);
	assert_int_equal(bench_state(b->sk), TCPS_SYN_SENT);
	bench_icmp(b, 3, 1, 0, 0);
	assert_int_equal(bench_connect(b, b->sk), -EHOSTUNREACH);
}

static void no_route_is_told_at_once(void **state)
{
	struct bench *b = *state;
	struct addr far;
	struct sockaddr_storage a;
	addr_parse(&far, b->v6 ? "2001:db8::1" : "192.0.2.1");
	b->sk = bench_socket(b);
	assert_int_equal(sock_connect(b->sk, (struct sockaddr *)&a, bench_name(b, &a, &far, 1)), -ENETUNREACH);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
}

/* RFC 9293 (MUST-46). */
static void groups_are_not_connected_to(void **state)
{
	struct bench *b = *state;
	struct addr group;
	struct sockaddr_storage a;
	addr_parse(&group, b->v6 ? "ff0e::1" : "224.0.0.9");
	b->sk = bench_socket(b);
	/* RFC 9293 §3.9.1.1 (MUST-46) */
	assert_int_equal(sock_connect(b->sk, (struct sockaddr *)&a, bench_name(b, &a, &group, 1)), -ENETUNREACH);
}

/* ---- closed and listening ---- */

/* RFC 9293 (MUST-3). */
static void nobody_listens(void **state)
{
	struct bench *b = *state;
	b->iss_known = true;
	/* RFC 9293 §3.10.7.1 */
	inject(b, SYN, .seq = 100);
	expect(b, RST | ACK, .seq = 0, .ack = 101);
	inject(b, SYN, .seq = 100, .len = 20);
	expect(b, RST | ACK, .seq = 0, .ack = 121);
	inject(b, ACK, .seq = 100, .ack = 700);
	expect(b, RST, .seq = 700);
	inject(b, RST, .seq = 100);
	expect_nothing(b);
	inject(b, SYN, .bad_csum = true);
	expect_nothing(b);
	assert_int_equal(b->dropped, DROP_TCP_CSUM);
}

static void a_listener_answers_syns_only(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	b->iss_known = true;
	/* RFC 9293 §3.10.7.2 */
	inject(b, RST);
	expect_nothing(b);
	inject(b, ACK, .ack = 9);
	expect(b, RST, .seq = 9);
	inject(b, SYN | ACK, .ack = 9);
	expect(b, RST, .seq = 9);
	inject(b, SYN | FIN);
	inject(b, PSH, .len = 5);
	expect_nothing(b);
	assert_int_equal(bench_socks(b), 1);
}

static void a_syn_received_is_answered_again(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	pass(b, 100 * NS_PER_MS);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	/* As Linux: the timer counts from the last answer. */
	pass(b, 900 * NS_PER_MS);
	expect_nothing(b);
	pass(b, 101 * NS_PER_MS);
	expect(b, SYN | ACK, .ack = 1);
	/* An ACK of something else: RFC 9293 §3.10.7.4 fifth. */
	inject(b, ACK, .seq = 1, .ack = 77);
	expect(b, RST, .seq = 77);
	inject(b, ACK, .seq = 1, .ack = 1);
	assert_non_null(bench_accept(b));
}

static void an_embryo_gives_up_after_five_retries(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	for (int i = 0; i < 5; i++) {
		pass(b, NS_PER_S << i);
		expect(b, SYN | ACK, .ack = 1);
	}
	assert_int_equal(bench_socks(b), 2);
	pass(b, 32 * NS_PER_S);
	expect_nothing(b);
	assert_int_equal(bench_socks(b), 1);
}

static void a_reset_ends_an_embryo(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	inject(b, RST, .seq = 1);
	expect_nothing(b);
	assert_int_equal(bench_socks(b), 1);
}

static void syn_from(struct bench *b, uint16_t port, bool answered)
{
	b->peer_port = port;
	b->iss_known = false;
	inject(b, SYN);
	if (answered) expect(b, SYN | ACK, .ack = 1);
}

static void a_full_accept_queue_drops(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 1);
	/* As Linux: one more than the backlog. */
	for (uint16_t i = 0; i < 2; i++) {
		syn_from(b, (uint16_t)(1000 + i), true);
		inject(b, ACK, .seq = 1, .ack = 1);
	}
	syn_from(b, 1002, false);
	expect_nothing(b);
	assert_int_equal(b->dropped, DROP_TCP_BACKLOG);
	assert_non_null(bench_accept(b));
	syn_from(b, 1003, true);
	syn_from(b, 1004, true);
	inject(b, ACK, .seq = 1, .ack = 1);
	/* The other's ACK finds the queue full: it stays in SYN-RECEIVED, and is asked again. */
	b->peer_port = 1003;
	bench_flush(b);
	pass(b, NS_PER_S);
	expect(b, SYN | ACK, .seq = ANY, .ack = 1);
}

static void the_last_ack_of_a_full_queue_is_ignored(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 0);
	syn_from(b, 1000, true);
	seq32 first = b->iss;
	syn_from(b, 1001, true);
	inject(b, ACK, .seq = 1, .ack = 1);
	b->peer_port = 1000;
	b->iss = first;
	inject(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(b->dropped, DROP_TCP_BACKLOG);
	expect_nothing(b);
	assert_non_null(bench_accept(b));
	assert_null(bench_accept(b));
	inject(b, ACK, .seq = 1, .ack = 1);
	assert_non_null(bench_accept(b));
}

static void abort_on_overflow_resets(void **state)
{
	struct bench *b = *state;
	b->s->sysctl->tcp_abort_on_overflow = 1;
	bench_listen(b, 0);
	syn_from(b, 1000, true);
	seq32 first = b->iss;
	syn_from(b, 1001, true);
	inject(b, ACK, .seq = 1, .ack = 1);
	b->peer_port = 1000;
	b->iss = first;
	inject(b, ACK, .seq = 1, .ack = 1);
	expect(b, RST, .seq = 1);
}

/* RFC 4987 (4987-1). As Linux without cookies: the last quarter of tcp_max_syn_backlog stays free. */
static void the_syn_queue_is_bounded(void **state)
{
	struct bench *b = *state;
	b->s->sysctl->tcp_max_syn_backlog = 64;
	b->s->sysctl->tcp_syncookies = 0;
	bench_listen(b, 4096);
	for (uint16_t i = 0; i < 500; i++)
		syn_from(b, (uint16_t)(1000 + i), i < 49);
	assert_int_equal(bench_socks(b), 50);
}

static void deferred_accept_waits_for_data(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	bench_set(b->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 5);
	assert_int_equal(bench_get(b->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT), 7);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1);
	assert_null(bench_accept(b));
	pass(b, 500 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10);
	expect(b, ACK, .seq = 1, .ack = 11);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
	assert_int_equal(bench_recv(b, 100, 0), 10);
}

static void deferred_accept_ends_after_its_time(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	bench_set(b->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, 3);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1);
	pass(b, 4 * NS_PER_S);
	expect(b, SYN | ACK, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1);
	assert_non_null(bench_accept(b));
}

static void a_listener_that_closes_resets_its_queue(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	syn_from(b, 1000, true);
	inject(b, ACK, .seq = 1, .ack = 1);
	syn_from(b, 1001, true);
	sock_close(b->listener);
	b->peer_port = 1000;
	expect(b, RST | ACK, .seq = ANY, .ack = 1);
	expect_nothing(b);
	assert_int_equal(bench_socks(b), 0);
}

/* As Linux: it is accepted, and then tells. */
static void a_connection_reset_in_the_queue_is_accepted(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1);
	inject(b, RST, .seq = 1);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
	assert_int_equal(bench_recv(b, 1, 0), -ECONNRESET);
	assert_int_equal(bench_recv(b, 1, 0), 0);
}

static void data_may_come_before_accept(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	inject(b, ACK | FIN, .seq = 1, .ack = 1, .len = 20);
	/* As Linux after a FIN: the program will answer it soon. */
	expect_nothing(b);
	pass(b, 40 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 22);
	b->sk = bench_accept(b);
	assert_int_equal(bench_recv(b, 100, 0), 20);
	assert_int_equal(bench_recv(b, 100, 0), 0);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSE_WAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(active_open), both(passive_open), both(options_are_agreed), both(a_huge_window_scale_is_14), both(simultaneous_open),
		both(simultaneous_open_ends_with_a_bare_ack_too), both(a_socket_may_connect_to_itself), both(a_reset_refuses),
		both(an_error_taken_by_so_error_leaves_econnaborted), both(an_ack_of_something_else_is_reset),
		both(an_old_echo_after_a_long_stop), both(the_first_syns_are_a_second_apart), both(a_syn_is_repeated_six_times),
		both(syncnt_limits_the_syns), both(icmp_ends_an_opening_connection), both(no_route_is_told_at_once), both(groups_are_not_connected_to),
		both(nobody_listens), both(a_listener_answers_syns_only), both(a_syn_received_is_answered_again),
		both(an_embryo_gives_up_after_five_retries), both(a_reset_ends_an_embryo), both(a_full_accept_queue_drops),
		both(the_last_ack_of_a_full_queue_is_ignored), both(abort_on_overflow_resets), both(the_syn_queue_is_bounded),
		both(deferred_accept_waits_for_data), both(deferred_accept_ends_after_its_time), both(a_listener_that_closes_resets_its_queue),
		both(a_connection_reset_in_the_queue_is_accepted), both(data_may_come_before_accept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
