/* Fast Open, as Linux 6.18 does it when probed: RFC 7413. */
#include "bench.h"

#define COOKIE "12345678"

static void sysctl(struct bench *b, const char *name, const char *value) { assert_int_equal(sysctl_set(b->s->sysctl, name, value), 0); }

/* sendto with MSG_FASTOPEN on a new socket, b->sk. */
static ssize_t send_open(struct bench *b, size_t len)
{
	struct sockaddr_storage a;
	uint8_t *buf = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)((i + 1) * 7 + ((i + 1) >> 8));
	if (!b->sk) b->sk = bench_socket(b);
	struct sock_msg m = {.data = buf, .len = len, .name = &a, .name_len = bench_name(b, &a, &b->peer, PEER_PORT), .flags = MSG_FASTOPEN};
	ssize_t n = sock_send(b->sk, &m);
	b->us_port = tcp_of(b->sk)->inet.lport;
	free(buf);
	return n;
}

static void start_anew(struct bench *b)
{
	struct linger off = {1, 0};
	sock_setsockopt(b->sk, SOL_SOCKET, SO_LINGER, &off, sizeof off);
	bench_close_sk(b);
	bench_flush(b);
	b->iss_known = false;
}

static struct tcp_info info(struct bench *b)
{
	struct tcp_info i;
	socklen_t len = sizeof i;
	assert_int_equal(sock_getsockopt(b->sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	return i;
}

/* A first connection that brings the cookie. */
static void learn(struct bench *b, uint16_t mss)
{
	assert_int_equal(send_open(b, 5), -EINPROGRESS);
	expect(b, SYN, .cookie = "");
	inject(b, SYN | ACK, .ack = 1, .mss = mss, .cookie = COOKIE);
	expect(b, ACK, .seq = 1, .ack = 1);
	start_anew(b);
}

/* ---- the client ---- */

/* RFC 7413 §4.1.3: without a cookie the SYN asks for one, and carries nothing. */
static void first_the_client_asks(void **state)
{
	struct bench *b = *state;
	assert_int_equal(send_open(b, 5), -EINPROGRESS);
	expect(b, SYN, .seq = 0, .cookie = "");
	assert_int_equal(info(b).tcpi_fastopen_client_fail, 1);
	assert_int_equal(send_open(b, 5), -EALREADY);
	inject(b, SYN | ACK, .ack = 1, .mss = 1460, .cookie = COOKIE);
	expect(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_send(b, 5, 0), 5);
	expect(b, ACK, .seq = 1, .ack = 1, .len = 5);
	assert_int_equal(info(b).tcpi_options & TCPI_OPT_SYN_DATA, 0);
}

/* §4.2.1: as much as the cached MSS takes, less room for options. */
static void then_data_goes_in_the_syn(void **state)
{
	struct bench *b = *state;
	learn(b, 1000);
	assert_int_equal(send_open(b, 2000), 960);
	expect(b, SYN, .seq = 0, .len = 960, .cookie = COOKIE);
	assert_int_equal(info(b).tcpi_unacked, 2);
	inject(b, SYN | ACK, .ack = 961, .mss = 1460);
	expect(b, ACK, .seq = 961, .ack = 1);
	expect_nothing(b);
	assert_int_equal(info(b).tcpi_options & TCPI_OPT_SYN_DATA, TCPI_OPT_SYN_DATA);
	assert_int_equal(info(b).tcpi_unacked, 0);
	pass(b, 2 * NS_PER_S);
	expect_nothing(b);
	start_anew(b);
	assert_int_equal(send_open(b, 2000), b->v6 ? 1400 : 1420);
}

static void data_that_was_not_taken_goes_again(void **state)
{
	struct bench *b = *state;
	static const struct { uint32_t taken, left; } cases[] = {{0, 900}, {400, 500}};
	learn(b, 1460);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(send_open(b, 900), 900);
		expect(b, SYN, .len = 900, .cookie = COOKIE);
		inject(b, SYN | ACK, .ack = 1 + cases[i].taken, .mss = 1460);
		expect(b, ACK | PSH, .seq = 1 + cases[i].taken, .ack = 1, .len = cases[i].left);
		expect_nothing(b);
		assert_int_equal(info(b).tcpi_fastopen_client_fail, 2);
		pass(b, 210 * NS_PER_MS);
		expect(b, ACK, .seq = 1 + cases[i].taken, .ack = 1, .len = cases[i].left);
		inject(b, ACK, .seq = 1, .ack = 901);
		pass(b, 5 * NS_PER_S);
		expect_nothing(b);
		start_anew(b);
	}
}

/* As Linux: the SYN goes again without data and option, and the data once it is answered. */
static void a_lost_syn_goes_again_bare(void **state)
{
	struct bench *b = *state;
	learn(b, 1460);
	assert_int_equal(send_open(b, 900), 900);
	expect(b, SYN, .len = 900, .cookie = COOKIE);
	pass(b, NS_PER_S);
	expect(b, SYN, .seq = 0, .len = 0);
	assert_false(b->last.opts.has_cookie);
	inject(b, SYN | ACK, .ack = 1, .mss = 1460);
	expect(b, ACK | PSH, .seq = 1, .ack = 1, .len = 900);
	assert_int_equal(info(b).tcpi_fastopen_client_fail, 3);
}

/* §4.2.1: a server may answer with data at once. */
static void text_and_fin_on_the_answer_are_taken(void **state)
{
	struct bench *b = *state;
	learn(b, 1460);
	assert_int_equal(send_open(b, 9), 9);
	expect(b, SYN, .len = 9, .cookie = COOKIE);
	inject(b, SYN | ACK, .ack = 10, .mss = 1460, .len = 4);
	expect(b, ACK, .seq = 10, .ack = 5);
	assert_int_equal(bench_recv(b, 100, 0), 4);
	start_anew(b);
	assert_int_equal(send_open(b, 9), 9);
	expect(b, SYN, .len = 9);
	inject(b, SYN | ACK | FIN, .ack = 10, .mss = 1460, .len = 4);
	expect_nothing(b);
	assert_int_equal(bench_state(b->sk), TCPS_CLOSE_WAIT);
	pass(b, 200 * NS_PER_MS);
	expect(b, ACK, .seq = 10, .ack = 6);
}

static void a_reset_refuses(void **state)
{
	struct bench *b = *state;
	learn(b, 1460);
	assert_int_equal(send_open(b, 9), 9);
	expect(b, SYN, .len = 9);
	inject(b, RST | ACK, .ack = 10);
	assert_int_equal(bench_error(b->sk), ECONNREFUSED);
}

/* §4.1.1: option 254 is tried after a server did not know the other, and its cookies are kept as such. */
static void the_experimental_option(void **state)
{
	struct bench *b = *state;
	assert_int_equal(send_open(b, 5), -EINPROGRESS);
	expect(b, SYN, .cookie = "");
	inject(b, SYN | ACK, .ack = 1, .mss = 1460);
	start_anew(b);
	assert_int_equal(send_open(b, 5), -EINPROGRESS);
	expect(b, SYN, .cookie = "", .exp_cookie = true);
	inject(b, SYN | ACK, .ack = 1, .mss = 1460, .cookie = COOKIE, .exp_cookie = true);
	start_anew(b);
	assert_int_equal(send_open(b, 5), 5);
	expect(b, SYN, .len = 5, .cookie = COOKIE, .exp_cookie = true);
}

static void who_needs_no_cookie(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_fastopen", "5");
	assert_int_equal(send_open(b, 5), 5);
	expect(b, SYN, .len = 5);
	assert_false(b->last.opts.has_cookie);
	start_anew(b);
	sysctl(b, "net.ipv4.tcp_fastopen", "1");
	b->sk = bench_socket(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	assert_int_equal(send_open(b, 5), 5);
	expect(b, SYN, .len = 5);
	start_anew(b);
	sysctl(b, "net.ipv4.tcp_fastopen", "2");
	assert_int_equal(send_open(b, 5), -EOPNOTSUPP);
}

/* TCP_FASTOPEN_CONNECT: with a cookie connect() is silent. */
static void connect_may_wait_for_data(void **state)
{
	struct bench *b = *state;
	b->sk = bench_socket(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	expect(b, SYN, .cookie = "");
	inject(b, SYN | ACK, .ack = 1, .mss = 1460, .cookie = COOKIE);
	expect(b, ACK, .seq = 1, .ack = 1);
	start_anew(b);
	b->sk = bench_socket(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
	assert_int_equal(bench_connect(b, b->sk), 0);
	expect_nothing(b);
	assert_int_equal(sock_poll(b->sk), EPOLLOUT | EPOLLWRNORM);
	assert_int_equal(bench_connect(b, b->sk), -EISCONN);
	assert_int_equal(bench_recv(b, 1, 0), -EAGAIN);
	struct sock_msg m = {.data = "abcd", .len = 4};
	assert_int_equal(sock_send(b->sk, &m), 4);
	expect(b, SYN, .len = 4, .data = "abcd", .cookie = COOKIE);
	assert_int_equal(sock_send(b->sk, &m), -EAGAIN);
	inject(b, SYN | ACK, .ack = 5, .mss = 1460);
	expect(b, ACK, .seq = 5, .ack = 1);
}

/* RFC 7413 §7.1: when SYNs with data vanish, none has any for a while. */
static void a_black_hole_is_found(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_fastopen_blackhole_timeout_sec", "100");
	learn(b, 1460);
	assert_int_equal(send_open(b, 9), 9);
	expect(b, SYN, .len = 9);
	pass(b, 3 * NS_PER_S);
	start_anew(b);
	assert_int_equal(send_open(b, 9), -EINPROGRESS);
	expect(b, SYN);
	assert_false(b->last.opts.has_cookie);
	start_anew(b);
	pass(b, 100 * NS_PER_S);
	assert_int_equal(send_open(b, 9), 9);
}

/* ---- the server ---- */

static void serve(struct bench *b, int queue)
{
	sysctl(b, "net.ipv4.tcp_fastopen", "3");
	sysctl(b, "net.ipv4.tcp_fastopen_key", "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4");
	bench_listen(b, 5);
	bench_set(b->listener, IPPROTO_TCP, TCP_FASTOPEN, queue);
}

static struct tcp_cookie ask(struct bench *b)
{
	inject(b, SYN, .mss = 1460, .cookie = "");
	expect(b, SYN | ACK, .seq = 0, .ack = 1);
	assert_true(b->last.opts.has_cookie);
	inject(b, RST, .seq = 1);
	b->iss_known = false;
	return b->last.opts.cookie;
}

/* A SYN with data and this cookie, from a port of its own; its answer acknowledges so much. */
static void open_from(struct bench *b, uint16_t port, const struct tcp_cookie *c, seq32 ack)
{
	b->peer_port = port;
	b->iss_known = false;
	inject(b, SYN, .mss = 1460, .len = 5, .given = c);
	expect(b, SYN | ACK, .seq = 0, .ack = ack);
}

/* §4.1.2; the octets are those that Linux makes with this key for 10.0.0.2 and 10.0.0.1. */
static void cookies_are_linux_s(void **state)
{
	struct bench *b = *state;
	static const uint8_t linux4[] = {0x9c, 0x7a, 0xcf, 0x0d, 0x9a, 0x44, 0xab, 0x52};
	serve(b, 5);
	struct tcp_cookie c = ask(b);
	assert_int_equal(c.len, 8);
	if (!b->v6) assert_memory_equal(c.val, linux4, 8);
	inject(b, SYN, .mss = 1460, .cookie = "", .exp_cookie = true);
	expect(b, SYN | ACK, .ack = 1);
	assert_true(b->last.opts.cookie.experimental);
	assert_memory_equal(b->last.opts.cookie.val, c.val, 8);
}

static void data_is_there_before_the_handshake_ends(void **state)
{
	struct bench *b = *state;
	serve(b, 5);
	struct tcp_cookie c = ask(b);
	open_from(b, 41000, &c, 6);
	assert_false(b->last.opts.has_cookie);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
	assert_int_equal(bench_state(b->sk), TCPS_SYN_RECEIVED);
	assert_int_equal(info(b).tcpi_options, TCPI_OPT_SYN_DATA | 128);
	assert_int_equal(bench_recv(b, 100, 0), 5);
	assert_int_equal(bench_send(b, 1500, 0), 1500);
	expect(b, ACK, .seq = 1, .ack = 6, .len = b->v6 ? 1440 : 1460);
	expect(b, ACK | PSH, .seq = b->v6 ? 1441 : 1461, .ack = 6, .len = b->v6 ? 60 : 40);
	inject(b, ACK, .seq = 6, .ack = 0);
	expect(b, RST, .seq = 0);
	inject(b, ACK, .seq = 6, .ack = 1501);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	pass(b, 5 * NS_PER_S);
	expect_nothing(b);
}

/* Until the SYN and ACK is acknowledged only that is sent again; then the data has a timer. */
static void the_syn_and_ack_goes_again_first(void **state)
{
	struct bench *b = *state;
	serve(b, 5);
	struct tcp_cookie c = ask(b);
	open_from(b, 41000, &c, 6);
	b->sk = bench_accept(b);
	assert_int_equal(bench_send(b, 9, 0), 9);
	expect(b, ACK, .seq = 1, .ack = 6, .len = 9);
	pass(b, NS_PER_S);
	expect(b, SYN | ACK, .seq = 0, .ack = 6);
	assert_false(b->last.opts.has_cookie);
	expect_nothing(b);
	pass(b, 2 * NS_PER_S);
	expect(b, SYN | ACK, .seq = 0, .ack = 6);
	inject(b, SYN, .mss = 1460);
	expect(b, SYN | ACK, .seq = 0, .ack = 6);
	inject(b, ACK, .seq = 6, .ack = 10);
	assert_int_equal(bench_state(b->sk), TCPS_ESTABLISHED);
	pass(b, 10 * NS_PER_S);
	expect_nothing(b);
}

static void unanswered_it_ends(void **state)
{
	struct bench *b = *state;
	serve(b, 5);
	struct tcp_cookie c = ask(b);
	open_from(b, 41000, &c, 6);
	b->sk = bench_accept(b);
	for (int i = 0; i < 6; i++) {
		pass(b, NS_PER_S << i);
		expect(b, SYN | ACK, .seq = 0, .ack = 6);
	}
	pass(b, 64 * NS_PER_S);
	expect_nothing(b);
	assert_int_equal(bench_error(b->sk), ETIMEDOUT);
}

static void closing_early(void **state)
{
	struct bench *b = *state;
	serve(b, 5);
	struct tcp_cookie c = ask(b);
	open_from(b, 41000, &c, 6);
	b->sk = bench_accept(b);
	bench_recv(b, 10, 0);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 1, .ack = 6);
	pass(b, NS_PER_S);
	expect(b, SYN | ACK, .seq = 0, .ack = 6);
	inject(b, ACK, .seq = 6, .ack = 2);
	pass(b, 3 * NS_PER_S);
	expect_nothing(b);
	inject(b, FIN | ACK, .seq = 6, .ack = 2);
	expect(b, ACK, .seq = 2, .ack = 7);
	/* A half-close waits for the proof. */
	open_from(b, 41001, &c, 6);
	b->sk = bench_accept(b);
	bench_shutdown(b, SHUT_WR);
	expect_nothing(b);
	assert_int_equal(bench_send(b, 1, 0), -EPIPE);
	inject(b, ACK, .seq = 6, .ack = 1);
	expect(b, FIN | ACK, .seq = 1, .ack = 6);
	assert_int_equal(bench_state(b->sk), TCPS_FIN_WAIT_1);
}

/* §4.2.2: a cookie that is wrong brings the right one, and the data is left to be sent again. */
static void a_wrong_cookie(void **state)
{
	struct bench *b = *state;
	serve(b, 5);
	struct tcp_cookie c = ask(b);
	struct tcp_cookie wrong = c;
	wrong.val[0] ^= 1;
	open_from(b, 41000, &wrong, 1);
	assert_true(b->last.opts.has_cookie);
	assert_memory_equal(b->last.opts.cookie.val, c.val, 8);
	assert_null(bench_accept(b));
	/* And none, when the listener has no queue. */
	bench_set(b->listener, IPPROTO_TCP, TCP_FASTOPEN, 0);
	open_from(b, 41001, &c, 1);
	assert_false(b->last.opts.has_cookie);
}

/* A key that goes: its cookies open, and are replaced. */
static void two_keys(void **state)
{
	struct bench *b = *state;
	uint8_t keys[32];
	serve(b, 5);
	struct tcp_cookie old = ask(b);
	static const uint8_t text_key[16] = {0xa1, 0xa1, 0xa1, 0xa1, 0xb2, 0xb2, 0xb2, 0xb2, 0xc3, 0xc3, 0xc3, 0xc3, 0xd4, 0xd4, 0xd4, 0xd4};
	memset(keys, 'k', 16);
	memcpy(keys + 16, text_key, 16);
	assert_int_equal(sock_setsockopt(b->listener, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys, 32), 0);
	open_from(b, 41000, &old, 6);
	assert_true(b->last.opts.has_cookie);
	struct tcp_cookie fresh = b->last.opts.cookie;
	assert_memory_not_equal(fresh.val, old.val, 8);
	open_from(b, 41001, &fresh, 6);
	assert_false(b->last.opts.has_cookie);
	static const struct { socklen_t len; int r; } lens[] = {{0, -EINVAL}, {8, -EINVAL}, {15, -EINVAL}, {16, 0}, {31, -EINVAL}, {32, 0}};
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++)
		assert_int_equal(sock_setsockopt(b->listener, IPPROTO_TCP, TCP_FASTOPEN_KEY, keys, lens[i].len), lens[i].r);
	uint8_t got[40];
	socklen_t len = sizeof got;
	assert_int_equal(sock_getsockopt(b->listener, IPPROTO_TCP, TCP_FASTOPEN_KEY, got, &len), 0);
	assert_int_equal(len, 32);
	assert_memory_equal(got, keys, 32);
}

/* §5.1: so many unproven ones and no more; one that was reset counts for a minute. */
static void the_queue_is_bounded(void **state)
{
	struct bench *b = *state;
	serve(b, 2);
	struct tcp_cookie c = ask(b);
	open_from(b, 41000, &c, 6);
	struct sock *first = bench_accept(b);
	open_from(b, 41001, &c, 6);
	open_from(b, 41002, &c, 1);
	inject(b, RST | ACK, .seq = 6, .ack = 1, .sport = 41000);
	assert_int_equal(bench_error(first), ECONNRESET);
	open_from(b, 41003, &c, 1);
	pass(b, 61 * NS_PER_S);
	bench_flush(b);
	open_from(b, 41004, &c, 6);
	sock_close(first);
	/* The listener goes, with one that waits to be accepted and one that is. */
	b->sk = bench_accept(b);
	sock_close(b->listener);
	b->listener = NULL;
	bench_flush(b);
	assert_non_null(b->sk);
}

/* connect to AF_UNSPEC gives its place back at once. */
static void who_disconnects_makes_room(void **state)
{
	struct bench *b = *state;
	serve(b, 1);
	struct tcp_cookie c = ask(b);
	open_from(b, 41000, &c, 6);
	b->sk = bench_accept(b);
	assert_int_equal(sock_connect(b->sk, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)), 0);
	bench_flush(b);
	open_from(b, 41001, &c, 6);
	assert_int_equal(tcp_of(b->listener)->listener->n_unproven, 1);
}

static void listeners_without_cookies(void **state)
{
	struct bench *b = *state;
	sysctl(b, "net.ipv4.tcp_fastopen", "1539");          /* 0x603 */
	bench_listen(b, 5);
	assert_int_equal(bench_get(b->listener, IPPROTO_TCP, TCP_FASTOPEN), 5);
	open_from(b, 41000, NULL, 6);
	b->sk = bench_accept(b);
	assert_int_equal(bench_recv(b, 10, 0), 5);
	bench_close_sk(b);
	bench_flush(b);
	sysctl(b, "net.ipv4.tcp_fastopen", "2");
	open_from(b, 41001, NULL, 1);
	bench_set(b->listener, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE, 1);
	open_from(b, 41002, NULL, 6);
}

static void keys_as_text(void **state)
{
	struct bench *b = *state;
	char text[80];
	static const char *const bad[] = {"", "1-2-3", "1-2-3-4,", "1-2-3-4,5-6-7-8,9-a-b-c", "1-2-3-4x", "g-2-3-4"};
	assert_int_equal(sysctl_get(b->s->sysctl, "net.ipv4.tcp_fastopen_key", text, sizeof text), 35);
	assert_string_equal(text, "00000000-00000000-00000000-00000000");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(sysctl_set(b->s->sysctl, "net.ipv4.tcp_fastopen_key", bad[i]), -EINVAL);
	sysctl(b, "net.ipv4.tcp_fastopen_key", "1-2-3-4,a5a5a5a5-6-7-8\n");
	sysctl_get(b->s->sysctl, "net.ipv4.tcp_fastopen_key", text, sizeof text);
	assert_string_equal(text, "00000001-00000002-00000003-00000004,a5a5a5a5-00000006-00000007-00000008");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(first_the_client_asks), both(then_data_goes_in_the_syn), both(data_that_was_not_taken_goes_again), both(a_lost_syn_goes_again_bare),
		both(text_and_fin_on_the_answer_are_taken), both(a_reset_refuses), both(the_experimental_option), both(who_needs_no_cookie),
		both(connect_may_wait_for_data), both(a_black_hole_is_found), both(cookies_are_linux_s), both(data_is_there_before_the_handshake_ends),
		both(the_syn_and_ack_goes_again_first), both(unanswered_it_ends), both(closing_early), both(a_wrong_cookie), both(two_keys),
		both(the_queue_is_bounded), both(who_disconnects_makes_room), both(listeners_without_cookies), both(keys_as_text),
	};
	return cmocka_run_group_tests_name("tcp-fastopen", tests, NULL, NULL);
}
