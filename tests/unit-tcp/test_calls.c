/* What calls answer in which state, options, names, and what a connection costs. tcp(7), connect(2), shutdown(2), poll(2). */
#include "bench.h"

static void a_fresh_socket(void **state)
{
	struct bench *b = *state;
	struct sockaddr_storage a;
	struct sock *child;
	socklen_t len;
	b->sk = bench_socket(b);
	assert_int_equal(sock_poll(b->sk), EPOLLOUT | EPOLLWRNORM | EPOLLHUP);
	assert_int_equal(bench_recv(b, 1, 0), -ENOTCONN);
	struct sock_msg m = {.data = "x", .len = 1};
	assert_int_equal(sock_send(b->sk, &m), -EPIPE);
	m.len = 0;
	assert_int_equal(sock_send(b->sk, &m), -EPIPE);
	assert_int_equal(sock_accept(b->sk, &child), -EINVAL);
	assert_int_equal(sock_getpeername(b->sk, &a, &len), -ENOTCONN);
	assert_int_equal(sock_shutdown(b->sk, SHUT_WR), -ENOTCONN);
}

static void listen_takes_a_port_by_itself(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	assert_int_equal(sock_listen(b->sk, 5), 0);
	assert_in_range(tcp_of(b->sk)->inet.lport, 32768, 60999);
	assert_int_equal(tcp_of(b->sk)->inet.lport % 2, 1);   /* as of bind(0): the even ones are for connections */
	assert_int_equal(sock_listen(b->sk, 7), 0);
	assert_int_equal(bench_connect(b, b->sk), -EISCONN);
	assert_int_equal(bench_get(b->sk, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(bench_recv(b, 1, 0), -ENOTCONN);
	struct sock_msg m = {.data = "x", .len = 1};
	assert_int_equal(sock_send(b->sk, &m), -EPIPE);
	/* As Linux: shutting for reading ends it, and it may start again. */
	assert_int_equal(sock_shutdown(b->sk, SHUT_WR), 0);
	assert_int_equal(bench_state(b->sk), TCPS_LISTEN);
	assert_int_equal(sock_shutdown(b->sk, SHUT_RD), 0);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSED);
	assert_int_equal(bench_get(b->sk, SOL_SOCKET, SO_ACCEPTCONN), 0);
	assert_int_equal(sock_listen(b->sk, 5), 0);
}

static void one_port_one_listener(void **state)
{
	struct bench *b = *state;
	struct sockaddr_storage a;
	bench_listen(b, 5);
	struct sock *second = bench_socket(b);
	socklen_t len = bench_name(b, &a, &b->us, US_PORT);
	bench_set(second, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(sock_bind(second, (struct sockaddr *)&a, len), -EADDRINUSE);
	sock_close(b->listener);
	assert_int_equal(sock_bind(second, (struct sockaddr *)&a, len), 0);
	assert_int_equal(sock_listen(second, 5), 0);
}

/* RFC 9293 (MUST-41). */
static void a_server_restarts_while_connections_live(void **state)
{
	struct bench *b = *state;
	passive(b);
	sock_close(b->listener);
	bench_listen(b, 5);               /* SO_REUSEADDR */
	bench_send(b, 10, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 10);
}

static void names(void **state)
{
	struct bench *b = *state;
	struct sockaddr_storage a, want;
	socklen_t len;
	active(b);
	assert_int_equal(sock_getpeername(b->sk, &a, &len), 0);
	assert_int_equal(len, bench_name(b, &want, &b->peer, PEER_PORT));
	assert_memory_equal(&a, &want, len);
	assert_int_equal(sock_getsockname(b->sk, &a, &len), 0);
	bench_name(b, &want, &b->us, b->us_port);
	assert_memory_equal(&a, &want, len);
	inject(b, RST, .seq = 1);
	assert_int_equal(sock_getpeername(b->sk, &a, &len), -ENOTCONN);
}

static void shut_halves_and_poll(void **state)
{
	struct bench *b = *state;
	const uint32_t in = EPOLLIN | EPOLLRDNORM, out = EPOLLOUT | EPOLLWRNORM;
	passive(b);
	assert_int_equal(sock_poll(b->sk), out);
	bench_shutdown(b, SHUT_RD);
	assert_int_equal(sock_poll(b->sk), in | out | EPOLLRDHUP);
	bench_shutdown(b, SHUT_WR);
	assert_int_equal(sock_poll(b->sk), in | out | EPOLLRDHUP | EPOLLHUP);
	assert_int_equal(bench_send(b, 1, 0), -EPIPE);
	assert_int_equal(sock_shutdown(b->sk, SHUT_WR), 0);
	bench_flush(b);
}

static void the_program_is_told_when_something_happens(void **state)
{
	struct bench *b = *state;
	passive(b);
	unsigned before = b->readies;
	inject(b, ACK, .seq = 1, .ack = 1, .len = 1);
	assert_int_equal(b->readies, before + 1);
	inject(b, FIN | ACK, .seq = 2, .ack = 1);
	assert_int_equal(b->readies, before + 2);
	inject(b, RST, .seq = 3);
	assert_true(b->readies > before + 2);
	bench_flush(b);
}

static void options_are_inherited(void **state)
{
	struct bench *b = *state;
	static const struct { int level, name, value, child; } rows[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1, 1}, {SOL_SOCKET, SO_OOBINLINE, 1, 1}, {SOL_SOCKET, SO_RCVBUF, 5000, 10000}, {SOL_SOCKET, SO_SNDBUF, 6000, 12000},
		{SOL_SOCKET, SO_PRIORITY, 3, 0}, {IPPROTO_TCP, TCP_NODELAY, 1, 1}, {IPPROTO_TCP, TCP_KEEPCNT, 4, 4}, {IPPROTO_TCP, TCP_USER_TIMEOUT, 999, 999},
		{IPPROTO_TCP, TCP_LINGER2, 11, 11}, {SOL_SOCKET, SO_RCVLOWAT, 3, 3},
	};
	bench_listen(b, 5);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		bench_set(b->listener, rows[i].level, rows[i].name, rows[i].value);
	passive(b);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(bench_get(b->sk, rows[i].level, rows[i].name), rows[i].child);
	assert_int_equal(bench_get(b->sk, SOL_SOCKET, SO_ACCEPTCONN), 0);
}

static void options_answer_as_linux(void **state)
{
	struct bench *b = *state;
	static const struct { int name, value, result, then; } rows[] = {
		{TCP_NODELAY, 7, 0, 1}, {TCP_CORK, 1, 0, 1}, {TCP_MAXSEG, 87, -EINVAL, 536}, {TCP_MAXSEG, 32768, -EINVAL, 536}, {TCP_MAXSEG, 500, 0, 500},
		{TCP_KEEPIDLE, 0, -EINVAL, 7200}, {TCP_KEEPIDLE, 32768, -EINVAL, 7200}, {TCP_KEEPIDLE, 32767, 0, 32767}, {TCP_KEEPINTVL, 0, -EINVAL, 75},
		{TCP_KEEPCNT, 128, -EINVAL, 9}, {TCP_KEEPCNT, 127, 0, 127}, {TCP_SYNCNT, 0, -EINVAL, 6}, {TCP_SYNCNT, 3, 0, 3}, {TCP_LINGER2, -7, 0, -1},
		{TCP_LINGER2, 500, 0, 120}, {TCP_LINGER2, 0, 0, 60}, {TCP_USER_TIMEOUT, -1, -EINVAL, 0}, {TCP_WINDOW_CLAMP, 5, 0, 1152},
		{TCP_WINDOW_CLAMP, 0, 0, 0}, {TCP_REPAIR, 2, -EINVAL, 0}, {TCP_FASTOPEN, 100000, 0, 4096}, {TCP_FASTOPEN_CONNECT, 1, 0, 1},
		{TCP_FASTOPEN_CONNECT, 2, -EINVAL, 1}, {TCP_FASTOPEN_NO_COOKIE, 1, 0, 1}, {TCP_FASTOPEN_NO_COOKIE, -1, -EINVAL, 1},
		{TCP_DEFER_ACCEPT, 1, 0, 1}, {TCP_DEFER_ACCEPT, 4, 0, 7}, {TCP_DEFER_ACCEPT, 0, 0, 0},
	};
	b->sk = bench_socket(b);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, rows[i].name, &rows[i].value, sizeof(int)), rows[i].result);
		assert_int_equal(bench_get(b->sk, IPPROTO_TCP, rows[i].name), rows[i].then);
	}
	int v = 1;
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_NODELAY, &v, 3), -EINVAL);
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_MD5SIG, &v, sizeof v), -EINVAL);
	static const struct { const char *name; int result; } protocols[] = {
		{"tls", -ENOTCONN}, {"mptcp", -EOPNOTSUPP}, {"smc", -ENOENT}, {"espintcp", -ENOENT}, {"tlss", -ENOENT},
	};
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_ULP, protocols[i].name, (socklen_t)strlen(protocols[i].name)), protocols[i].result);
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_ULP, "", 0), -EINVAL);
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), -ENOENT);
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), 0);
	char name[16];
	socklen_t len = sizeof name;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
	assert_int_equal(len, 16);
	assert_string_equal(name, "reno");
}

static void info_is_true_and_cut_to_size(void **state)
{
	struct bench *b = *state;
	struct tcp_info i;
	socklen_t len = 8;
	passive(b, .mss = 1000, .sack_ok = true, .wscale = 1 + 3);
	pass(b, 10 * NS_PER_MS);
	bench_send(b, 3000, 0);
	inject(b, ACK, .seq = 1, .ack = 1001, .len = 70);
	bench_flush(b);
	memset(&i, 0xee, sizeof i);
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(len, 8);
	assert_int_equal(i.tcpi_rto, 0xeeeeeeee);
	len = sizeof i;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(len, sizeof i);
	assert_int_equal(i.tcpi_state, TCPS_ESTABLISHED);
	assert_int_equal(i.tcpi_unacked, 2);
	assert_int_equal(i.tcpi_snd_mss, 1000);
	assert_int_equal(i.tcpi_bytes_acked, 1000);
	assert_int_equal(i.tcpi_bytes_received, 70);
	assert_int_equal(i.tcpi_bytes_sent, 3000);
	assert_int_equal(i.tcpi_data_segs_out, 3);
	assert_int_equal(i.tcpi_data_segs_in, 1);
	assert_int_equal(i.tcpi_snd_wscale, 3);
	assert_int_equal(i.tcpi_options, TCPI_OPT_SACK | TCPI_OPT_WSCALE);
}

/* <linux/tcp.h>: the headers of the peer's SYN, once. */
static void a_syn_is_saved(void **state)
{
	struct bench *b = *state;
	uint8_t syn[128];
	socklen_t len = sizeof syn, ip = b->v6 ? 40 : 20;
	bench_listen(b, 5);
	bench_set(b->listener, IPPROTO_TCP, TCP_SAVE_SYN, 1);
	assert_int_equal(sock_getsockopt(b->listener, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len), 0);
	assert_int_equal(len, 0);
	inject(b, SYN, .mss = 1234, .len = 10);
	assert_int_equal(bench_next(b), 0);
	inject(b, ACK, .seq = 1, .ack = 1);
	b->sk = bench_accept(b);
	len = ip + 23;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len), -EINVAL);
	len = sizeof syn;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len), 0);
	assert_int_equal(len, ip + 24);
	assert_int_equal(syn[0] >> 4, b->v6 ? 6 : 4);
	assert_int_equal(read16(syn + ip), PEER_PORT);
	assert_int_equal(read32(syn + ip + 20), 0x02040000 | 1234);
	len = sizeof syn;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_SAVED_SYN, syn, &len), 0);
	assert_int_equal(len, 0);
	assert_int_equal(bench_get(b->sk, IPPROTO_TCP, TCP_SAVE_SYN), 1);
	int v = 3;
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_SAVE_SYN, &v, sizeof v), -EINVAL);
	/* Of who never reads it, it goes with the connection; without link layer the second kind is the first. */
	bench_set(b->listener, IPPROTO_TCP, TCP_SAVE_SYN, 2);
	inject(b, SYN, .sport = 41000);
}

static void maxseg_limits_both_ways(void **state)
{
	struct bench *b = *state;
	bench_listen(b, 5);
	bench_set(b->listener, IPPROTO_TCP, TCP_MAXSEG, 700);
	inject(b, SYN, .mss = 1460);
	expect(b, SYN | ACK, .ack = 1, .mss = 700);
	inject(b, ACK, .seq = 1, .ack = 1);
	b->sk = bench_accept(b);
	bench_send(b, 1000, 0);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 700);
	bench_flush(b);
}

static void a_wildcard_of_ipv6_serves_ipv4(void **state)
{
	struct bench *b = *state;
	struct sock *l, *child;
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(US_PORT)};
	struct sockaddr_storage a;
	socklen_t len;
	assert_int_equal(sock_create(b->s, AF_INET6, SOCK_STREAM, 0, &l), 0);
	assert_int_equal(sock_bind(l, (struct sockaddr *)&any, sizeof any), 0);
	assert_int_equal(sock_listen(l, 5), 0);
	inject(b, SYN);
	expect(b, SYN | ACK, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(sock_accept(l, &child), 0);
	assert_int_equal(sock_getpeername(child, &a, &len), 0);
	assert_int_equal(len, sizeof any);
	assert_memory_equal(&((struct sockaddr_in6 *)&a)->sin6_addr, &b->peer, 16);
}

static void ports_are_many(void **state)
{
	struct bench *b = *state;
	b->s->sysctl->ip_local_port_min = 40000;
	b->s->sysctl->ip_local_port_max = 40099;
	for (int i = 0; i < 100; i++) {
		assert_int_equal(bench_connect(b, bench_socket(b)), -EINPROGRESS);
		assert_int_equal(b->us_port % 2, i >= 50);
	}
	assert_int_equal(bench_connect(b, bench_socket(b)), -EADDRNOTAVAIL);
	bench_flush(b);
}

/* RFC 9293 (MUST-43). */
static void bound_to_an_address_survives_disconnecting(void **state)
{
	struct bench *b = *state;
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sockaddr_storage a;
	b->sk = bench_socket(b);
	assert_int_equal(sock_bind(b->sk, (struct sockaddr *)&a, bench_name(b, &a, &b->us, 5555)), 0);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	assert_int_equal(b->us_port, 5555);
	sock_connect(b->sk, &none, sizeof none);
	assert_int_equal(tcp_of(b->sk)->inet.lport, 5555);
	assert_true(addr_eq(&tcp_of(b->sk)->inet.laddr, &b->us));
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	assert_int_equal(b->us_port, 5555);
	bench_flush(b);
}

static void an_idle_connection_is_small(void **state)
{
	struct bench *b = *state;
	passive(b);
	assert_true(sizeof(struct tcp_sock) <= 1600);
	bench_send(b, 100000, 0);
	while (tcp_of(b->sk)->snd.queue.len)
		inject(b, ACK, .seq = 1, .ack = tcp_of(b->sk)->snd.nxt - b->iss);
	inject(b, ACK, .seq = 1, .ack = tcp_of(b->sk)->snd.nxt - b->iss, .len = 1000);
	bench_recv(b, 1000, 0);
	bench_flush(b);
	assert_null(tcp_of(b->sk)->snd.queue.buf);
	assert_int_equal(rmem_held(tcp_of(b->sk)), 0);
	assert_null(tcp_of(b->sk)->rcv.charges);
}

static void a_stack_may_end_at_any_moment(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_send(b, 100000, 0);
	inject(b, ACK, .seq = 500, .ack = 1, .len = 1000);
	bench_close_sk(b);
	b->peer_port++;
	b->iss_known = false;
	bench_flush(b);
	inject(b, SYN);
	bench_flush(b);
	b->peer_port++;
	b->iss_known = false;
	passive(b);
	bench_connect(b, bench_socket(b));
	bench_flush(b);
	/* The rest is bench_close's. */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(a_fresh_socket), both(listen_takes_a_port_by_itself), both(one_port_one_listener), both(a_server_restarts_while_connections_live),
		both(names), both(shut_halves_and_poll), both(the_program_is_told_when_something_happens), both(options_are_inherited),
		both(options_answer_as_linux), both(info_is_true_and_cut_to_size), both(a_syn_is_saved), both(maxseg_limits_both_ways),
		both(a_wildcard_of_ipv6_serves_ipv4),
		both(ports_are_many), both(bound_to_an_address_survives_disconnecting), both(an_idle_connection_is_small),
		both(a_stack_may_end_at_any_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
