/* Closing: every path of RFC 9293 §3.6 through the states, resets, orphans, and TIME-WAIT. */
#include "bench.h"

#define EVERYTHING_OVER (EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLOUT | EPOLLWRNORM | EPOLLHUP)

static void we_close_first(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_shutdown(b, SHUT_WR);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_state(b->sk), TCPS_FIN_WAIT_1);
	inject(b, ACK, .seq = 1, .ack = 2);
	assert_int_equal(bench_state(b->sk), TCPS_FIN_WAIT_2);
	assert_int_equal(sock_poll(b->sk), EPOLLOUT | EPOLLWRNORM);
	inject(b, ACK, .seq = 1, .ack = 2, .len = 50);
	expect(b, ACK, .seq = 2, .ack = 51);
	inject(b, FIN | ACK, .seq = 51, .ack = 2);
	expect(b, ACK, .seq = 2, .ack = 52);
	/* As Linux: the socket is closed, what waits is a TIME-WAIT of its own. */
	assert_int_equal(bench_state(b->sk), TCPS_CLOSED);
	assert_int_equal(b->s->tcp->n_tw, 1);
	assert_int_equal(sock_poll(b->sk), EVERYTHING_OVER);
	assert_int_equal(bench_recv(b, 100, 0), 50);
	assert_int_equal(bench_recv(b, 100, 0), 0);
	pass(b, 60 * NS_PER_S);
	assert_int_equal(b->s->tcp->n_tw, 0);
	expect_nothing(b);
}

static void the_peer_closes_first(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, FIN | ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSE_WAIT);
	assert_int_equal(sock_poll(b->sk), EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLOUT | EPOLLWRNORM);
	pass(b, 40 * NS_PER_MS);
	expect(b, ACK, .seq = 1, .ack = 2);
	assert_int_equal(bench_recv(b, 10, 0), 0);
	assert_int_equal(bench_send(b, 10, 0), 10);
	expect(b, ACK, .seq = 1, .ack = 2, .len = 10);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 11, .ack = 2);
	inject(b, ACK, .seq = 2, .ack = 11);
	assert_int_equal(bench_socks(b), 2);
	inject(b, ACK, .seq = 2, .ack = 12);
	assert_int_equal(bench_socks(b), 1);
	assert_int_equal(b->s->tcp->n_tw, 0);
}

static void both_close_at_once(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, FIN | ACK, .seq = 1, .ack = 1);
	expect(b, ACK, .seq = 2, .ack = 2);
	assert_int_equal(b->s->tcp->n_tw, 0);
	inject(b, ACK, .seq = 2, .ack = 2);
	assert_int_equal(b->s->tcp->n_tw, 1);
	assert_int_equal(bench_socks(b), 1);
}

static void a_fin_with_the_ack_of_ours(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, FIN | ACK, .seq = 1, .ack = 2);
	expect(b, ACK, .seq = 2, .ack = 2);
	assert_int_equal(b->s->tcp->n_tw, 1);
	assert_int_equal(bench_socks(b), 1);
}

static void the_fin_follows_what_is_queued(void **state)
{
	struct bench *b = *state;
	passive(b, .wnd = 1000);
	bench_send(b, 1500, 0);
	bench_close_sk(b);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 500);
	expect(b, ACK, .seq = 501, .ack = 1, .len = 500);
	expect_nothing(b);
	/* RFC 9293 §3.10.4: and both go in one segment when they can. */
	inject(b, ACK, .seq = 1, .ack = 1001, .wnd = 1000);
	expect(b, FIN | ACK | PSH, .seq = 1001, .ack = 1, .len = 500);
	inject(b, ACK, .seq = 1, .ack = 1502);
	assert_int_equal(bench_socks(b), 2);
}

static void a_lost_fin_is_sent_again(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	pass(b, 250 * NS_PER_MS);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 2);
	expect_nothing(b);
}

static void an_early_fin_waits_for_the_octets_before(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, FIN | ACK, .seq = 101, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 100);
	expect(b, ACK, .seq = 1, .ack = 202);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSE_WAIT);
	assert_int_equal(bench_recv(b, 1000, 0), 200);
	assert_int_equal(bench_recv(b, 1000, 0), 0);
}

static void text_behind_a_fin_is_ignored(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, ACK, .seq = 2, .ack = 1, .len = 50);
	assert_int_equal(bench_recv(b, 100, 0), 0);
	assert_int_equal(tcp_of(b->sk)->rcv.nxt - PEER_ISN, 2);
}

/* ---- resets of ours ---- */

static void close_with_unread_data_resets(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10);
	expect(b, ACK, .seq = 1, .ack = 11);
	bench_close_sk(b);
	/* RFC 9293 §3.6.1 (SHLD-3) */
	expect(b, RST | ACK, .seq = 1, .ack = 11);
	assert_int_equal(bench_socks(b), 1);
	assert_int_equal(b->s->tcp->n_tw, 0);
}

static void what_the_host_has_but_not_the_program_is_unread(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10);
	expect(b, ACK, .seq = 1, .ack = 11);
	assert_int_equal(bench_recv(b, 10, MSG_LEND), 10);
	bench_close_sk(b);
	expect(b, RST | ACK, .seq = 1, .ack = 11);
}

static void linger_zero_resets(void **state)
{
	struct bench *b = *state;
	struct linger l = {1, 0};
	passive(b);
	bench_send(b, 10, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 10);
	assert_int_equal(sock_setsockopt(b->sk, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	bench_close_sk(b);
	expect(b, RST | ACK, .seq = 11, .ack = 1);
	assert_int_equal(bench_socks(b), 1);
}

static void data_for_nobody_is_reset(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 2);
	/* RFC 9293 §3.10.7.4 seventh: text after CLOSE. */
	inject(b, ACK, .seq = 1, .ack = 2, .len = 10);
	expect(b, RST, .seq = 2);
	assert_int_equal(bench_socks(b), 1);
}

static void shut_for_reading_is_only_looked_at_after_our_fin(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_shutdown(b, SHUT_RD);
	assert_int_equal(bench_recv(b, 10, 0), 0);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10);
	expect(b, ACK, .seq = 1, .ack = 11);
	/* As Linux: what comes all the same can be read. */
	assert_int_equal(bench_recv(b, 10, 0), 10);
	bench_shutdown(b, SHUT_WR);
	expect(b, FIN | ACK, .seq = 1, .ack = 11);
	inject(b, ACK, .seq = 11, .ack = 2, .len = 10);
	expect(b, RST, .seq = 2);
	assert_int_equal(bench_recv(b, 10, 0), -ECONNRESET);
	assert_int_equal(bench_recv(b, 10, 0), 0);
}

static void close_in_syn_sent_is_silent(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	bench_close_sk(b);
	expect_nothing(b);
	assert_int_equal(bench_socks(b), 0);
	inject(b, SYN | ACK, .ack = 1);
	expect(b, RST, .seq = 1);
}

static void close_in_syn_received_waits_for_the_ack(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_connect(b, b->sk);
	expect(b, SYN);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	bench_close_sk(b);
	expect_nothing(b);
	inject(b, ACK, .seq = 1, .ack = 1);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, FIN | ACK, .seq = 1, .ack = 2);
	expect(b, ACK, .seq = 2, .ack = 2);
	assert_int_equal(bench_socks(b), 0);
}

static void disconnecting_resets(void **state)
{
	struct bench *b = *state;
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	active(b);
	assert_int_equal(sock_connect(b->sk, &none, sizeof none), 0);
	expect(b, RST | ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_error(b->sk), ECONNRESET);
	b->iss_known = false;
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	expect(b, SYN);
	inject(b, SYN | ACK, .ack = 1);
	expect(b, ACK, .seq = 1, .ack = 1);
	bench_send(b, 10, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 10);
}

/* ---- resets of the peer's ---- */

/* RFC 9293 (MUST-12). */
static void a_reset_is_told_once(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 10);
	expect(b, ACK, .seq = 1, .ack = 11);
	inject(b, RST, .seq = 11);
	assert_int_equal(sock_poll(b->sk), EVERYTHING_OVER | EPOLLERR);
	/* What was there before it can still be read. */
	assert_int_equal(bench_recv(b, 100, 0), 10);
	assert_int_equal(bench_recv(b, 100, 0), -ECONNRESET);
	assert_int_equal(bench_recv(b, 100, 0), 0);
	assert_int_equal(bench_send(b, 1, 0), -EPIPE);
	assert_int_equal(sock_poll(b->sk), EVERYTHING_OVER);
	assert_int_equal(sock_shutdown(b->sk, SHUT_WR), -ENOTCONN);
}

static void after_the_peers_fin_a_reset_is_epipe(void **state)
{
	struct bench *b = *state;
	passive(b);
	inject(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, RST, .seq = 2);
	assert_int_equal(bench_error(b->sk), EPIPE);
	assert_int_equal(bench_send(b, 1, 0), -EPIPE);
	assert_int_equal(bench_recv(b, 1, 0), 0);
}

static void a_reset_frees_an_orphan(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, RST | ACK, .seq = 1, .ack = 2);
	assert_int_equal(bench_socks(b), 1);
	assert_int_equal(b->s->tcp->n_orphans, 0);
}

/* ---- orphans ---- */

static void an_orphan_leaves_fin_wait_2(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 2);
	assert_int_equal(b->s->tcp->n_orphans, 1);
	pass(b, 60 * NS_PER_S - NS_PER_MS);
	assert_int_equal(bench_socks(b), 2);
	pass(b, NS_PER_MS);
	assert_int_equal(bench_socks(b), 1);
	assert_int_equal(b->s->tcp->n_orphans, 0);
	expect_nothing(b);
}

static void linger2_shortens_fin_wait_2(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_LINGER2, 3);
	bench_shutdown(b, SHUT_WR);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 2);
	/* A program that still holds it may take its time. */
	pass(b, 600 * NS_PER_S);
	assert_int_equal(bench_state(b->sk), TCPS_FIN_WAIT_2);
	bench_close_sk(b);
	pass(b, 3 * NS_PER_S);
	assert_int_equal(bench_socks(b), 1);
}

static void negative_linger2_resets_in_fin_wait_2(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_LINGER2, -1);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 2);
	expect(b, RST | ACK, .seq = 2, .ack = 1);
	assert_int_equal(bench_socks(b), 1);
}

static void an_orphan_gives_up_sooner(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	/* As Linux: tcp_orphan_retries = 0 means 8. */
	pass(b, 120 * NS_PER_S);
	assert_int_equal(bench_socks(b), 1);
	bench_flush(b);
}

static void an_orphan_does_not_probe_a_closed_window_for_ever(void **state)
{
	struct bench *b = *state;
	passive(b, .wnd = 100);
	bench_send(b, 200, 0);
	bench_flush(b);
	bench_close_sk(b);
	bench_flush(b);
	inject(b, ACK, .seq = 1, .ack = 51, .wnd = NO_WINDOW);
	inject(b, ACK, .seq = 1, .ack = 101, .wnd = NO_WINDOW);
	for (int i = 0; i < 40 && bench_socks(b) == 2; i++) {
		pass(b, 121 * NS_PER_S);
		bench_flush(b);
		inject(b, ACK, .seq = 1, .ack = 101, .wnd = NO_WINDOW);
	}
	assert_int_equal(bench_socks(b), 1);
	bench_flush(b);
}

/* ---- TIME-WAIT ---- */

static void into_time_wait(struct bench *b, const struct seg *syn)
{
	bench_passive(b, syn);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 1);
	inject(b, FIN | ACK, .seq = 1, .ack = 2, .ts = syn->ts, .ts_val = syn->ts_val);
	expect(b, ACK, .seq = 2, .ack = 2);
	assert_int_equal(b->s->tcp->n_tw, 1);
}

static void a_repeated_fin_restarts_time_wait(void **state)
{
	struct bench *b = *state;
	into_time_wait(b, &(struct seg){0});
	pass(b, 50 * NS_PER_S);
	/* RFC 9293 §3.10.7.4 eighth: acknowledged, and the wait starts anew. */
	inject(b, FIN | ACK, .seq = 1, .ack = 2);
	expect(b, ACK, .seq = 2, .ack = 2);
	pass(b, 50 * NS_PER_S);
	assert_int_equal(b->s->tcp->n_tw, 1);
	pass(b, 10 * NS_PER_S);
	assert_int_equal(b->s->tcp->n_tw, 0);
}

/* RFC 1337 (1337-1). */
static void a_reset_ends_time_wait_unless_rfc1337(void **state)
{
	struct bench *b = *state;
	b->s->sysctl->tcp_rfc1337 = 1;
	into_time_wait(b, &(struct seg){0});
	inject(b, RST, .seq = 2);
	assert_int_equal(b->s->tcp->n_tw, 1);
	b->s->sysctl->tcp_rfc1337 = 0;
	inject(b, RST, .seq = 3);
	assert_int_equal(b->s->tcp->n_tw, 1);
	inject(b, RST, .seq = 2);
	assert_int_equal(b->s->tcp->n_tw, 0);
}

/* RFC 6191 (6191-2). */
static void a_newer_syn_opens_the_next_connection(void **state)
{
	struct bench *b = *state;
	into_time_wait(b, &(struct seg){0});
	seq32 old = b->iss;
	b->iss_known = false;
	/* RFC 9293 §3.6.1 (MAY-2), RFC 6191: above everything the old connection saw. */
	inject(b, SYN, .seq = 5);
	expect(b, SYN | ACK, .seq = 0, .ack = 6);
	assert_true(seq_gt(b->iss, old + 65535));
	assert_int_equal(b->s->tcp->n_tw, 0);
	inject(b, ACK, .seq = 6, .ack = 1);
	assert_non_null(bench_accept(b));
}

/* RFC 6191 (6191-3). */
static void an_old_syn_does_not(void **state)
{
	struct bench *b = *state;
	into_time_wait(b, &(struct seg){0});
	inject(b, SYN, .seq = 2);
	expect(b, ACK, .seq = 2, .ack = 2);
	inject(b, SYN, .seq = 0xfffff000);
	expect_nothing(b);                /* one answer in half a second */
	pass(b, NS_PER_S);
	inject(b, SYN, .seq = 0xfffff000);
	expect(b, ACK, .seq = 2, .ack = 2);
	assert_int_equal(b->s->tcp->n_tw, 1);
}

static void a_newer_syn_that_nobody_takes_changes_nothing(void **state)
{
	struct bench *b = *state;
	into_time_wait(b, &(struct seg){0});
	sock_close(b->listener);
	inject(b, SYN, .seq = 5);
	expect(b, ACK, .seq = 2, .ack = 2);
	assert_int_equal(b->s->tcp->n_tw, 1);
}

/* RFC 9293 (SHLD-4); RFC 6191 (6191-1). */
static void timestamps_tell_a_newer_syn(void **state)
{
	struct bench *b = *state;
	into_time_wait(b, &(struct seg){.ts = true, .ts_val = 1000});
	inject(b, SYN, .seq = 0xff000000, .ts = true, .ts_val = 999);
	expect(b, ACK, .seq = 2, .ack = 2);
	b->iss_known = false;
	inject(b, SYN, .seq = 0xff000000, .ts = true, .ts_val = 1001);
	expect(b, SYN | ACK, .seq = 0, .ack = 0xff000001);
	assert_int_equal(b->s->tcp->n_tw, 0);
}

static void time_wait_holds_the_port(void **state)
{
	struct bench *b = *state;
	struct sockaddr_storage a;
	into_time_wait(b, &(struct seg){0});
	sock_close(b->listener);
	struct sock *sk = bench_socket(b);
	socklen_t len = bench_name(b, &a, &b->us, US_PORT);
	assert_int_equal(sock_bind(sk, (struct sockaddr *)&a, len), -EADDRINUSE);
	bench_set(sk, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(sock_bind(sk, (struct sockaddr *)&a, len), 0);
	assert_int_equal(sock_listen(sk, 1), 0);
}

static int connect_from_us_port(struct bench *b)
{
	struct sockaddr_storage a;
	struct sock *sk = bench_socket(b);
	bench_set(sk, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(sock_bind(sk, (struct sockaddr *)&a, bench_name(b, &a, &b->us, US_PORT)), 0);
	return bench_connect(b, sk);
}

/* The same without bind, in a host that has no other port. */
static int connect_from_the_only_port(struct bench *b)
{
	b->s->sysctl->ip_local_port_min = b->s->sysctl->ip_local_port_max = US_PORT;
	return bench_connect(b, bench_socket(b));
}

static void connect_reuses_a_time_wait_when_timestamps_tell_them_apart(void **state)
{
	struct bench *b = *state;
	b->s->sysctl->tcp_tw_reuse = 1;
	into_time_wait(b, &(struct seg){.ts = true, .ts_val = 1000});
	sock_close(b->listener);
	assert_int_equal(connect_from_the_only_port(b), -EADDRNOTAVAIL);
	pass(b, 1001 * NS_PER_MS);
	assert_int_equal(connect_from_the_only_port(b), -EINPROGRESS);
	expect(b, SYN, .seq = ANY);
	assert_int_equal(b->s->tcp->n_tw, 0);
}

static void by_default_only_on_loopback(void **state)
{
	struct bench *b = *state;
	into_time_wait(b, &(struct seg){.ts = true, .ts_val = 1000});
	sock_close(b->listener);
	pass(b, 10 * NS_PER_S);
	assert_int_equal(connect_from_the_only_port(b), -EADDRNOTAVAIL);
	pass(b, 50 * NS_PER_S);
	assert_int_equal(connect_from_the_only_port(b), -EINPROGRESS);
}

/* As Linux, whatever tcp_tw_reuse says: who chose the port has said enough. */
static void a_bound_port_is_not_waited_for(void **state)
{
	struct bench *b = *state;
	b->s->sysctl->tcp_tw_reuse = 0;
	into_time_wait(b, &(struct seg){.ts = true, .ts_val = 1000});
	sock_close(b->listener);
	assert_int_equal(connect_from_us_port(b), -EINPROGRESS);
	expect(b, SYN, .seq = ANY);
	assert_int_equal(b->s->tcp->n_tw, 0);
}

static void without_timestamps_a_bound_port_is(void **state)
{
	struct bench *b = *state;
	into_time_wait(b, &(struct seg){0});
	sock_close(b->listener);
	assert_int_equal(connect_from_us_port(b), -EADDRNOTAVAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(we_close_first), both(the_peer_closes_first), both(both_close_at_once), both(a_fin_with_the_ack_of_ours),
		both(the_fin_follows_what_is_queued), both(a_lost_fin_is_sent_again), both(an_early_fin_waits_for_the_octets_before),
		both(text_behind_a_fin_is_ignored), both(close_with_unread_data_resets), both(what_the_host_has_but_not_the_program_is_unread),
		both(linger_zero_resets), both(data_for_nobody_is_reset), both(shut_for_reading_is_only_looked_at_after_our_fin),
		both(close_in_syn_sent_is_silent), both(close_in_syn_received_waits_for_the_ack), both(disconnecting_resets),
		both(a_reset_is_told_once), both(after_the_peers_fin_a_reset_is_epipe), both(a_reset_frees_an_orphan),
		both(an_orphan_leaves_fin_wait_2), both(linger2_shortens_fin_wait_2), both(negative_linger2_resets_in_fin_wait_2),
		both(an_orphan_gives_up_sooner), both(an_orphan_does_not_probe_a_closed_window_for_ever), both(a_repeated_fin_restarts_time_wait),
		both(a_reset_ends_time_wait_unless_rfc1337), both(a_newer_syn_opens_the_next_connection), both(an_old_syn_does_not),
		both(a_newer_syn_that_nobody_takes_changes_nothing), both(timestamps_tell_a_newer_syn), both(time_wait_holds_the_port),
		both(connect_reuses_a_time_wait_when_timestamps_tell_them_apart), both(by_default_only_on_loopback),
		both(a_bound_port_is_not_waited_for), both(without_timestamps_a_bound_port_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
