/*
 * TCP_REPAIR: one host takes a connection down, another one with the same address sets it up again. The peer, which is the test, is never told. What a
 * program sees of the options is compared with Linux's by tests/conform repair.
 */
#include "bench.h"

/* What a program takes along. */
struct moved {
	seq32 out, in;                    /* of the first octets of the two queues */
	uint32_t stamp, mss;
	struct tcp_info info;
	struct tcp_repair_window window;
	char unread[2000], unheard[4000];
	size_t n_unread, n_unheard;
};

static uint32_t number(struct sock *sk, int queue)
{
	bench_set(sk, IPPROTO_TCP, TCP_REPAIR_QUEUE, queue);
	return (uint32_t)bench_get(sk, IPPROTO_TCP, TCP_QUEUE_SEQ);
}

static size_t peek(struct sock *sk, char *to, size_t room)
{
	struct sock_msg m = {.data = to, .len = room, .flags = MSG_PEEK};
	ssize_t n = sock_recv(sk, &m);
	if (n == -EAGAIN) return 0;
	assert_true(n >= 0);
	return (size_t)n;
}

static void put(struct sock *sk, const char *from, size_t len)
{
	struct sock_msg m = {.data = (void *)(uintptr_t)from, .len = len};
	assert_int_equal(sock_send(sk, &m), len);
}

static void get(struct sock *sk, int name, void *to, socklen_t len) { assert_int_equal(sock_getsockopt(sk, IPPROTO_TCP, name, to, &len), 0); }

static struct moved look(struct bench *b)
{
	struct moved m = {0};
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	get(b->sk, TCP_INFO, &m.info, sizeof m.info);
	get(b->sk, TCP_REPAIR_WINDOW, &m.window, sizeof m.window);
	m.stamp = (uint32_t)bench_get(b->sk, IPPROTO_TCP, TCP_TIMESTAMP);
	m.mss = (uint32_t)bench_get(b->sk, IPPROTO_TCP, TCP_MAXSEG);
	m.in = number(b->sk, TCP_RECV_QUEUE);
	m.n_unread = peek(b->sk, m.unread, sizeof m.unread);
	m.in -= (seq32)m.n_unread;
	m.out = number(b->sk, TCP_SEND_QUEUE);
	m.n_unheard = peek(b->sk, m.unheard, sizeof m.unheard);
	m.out -= (seq32)m.n_unheard;
	return m;
}

/* Nothing is on: the listener and others have the port. */
static struct sock *set_up(struct bench *b, const struct moved *m, uint16_t lport, uint16_t rport)
{
	struct sock *sk = bench_socket(b);
	struct sockaddr_storage a;
	socklen_t len = bench_name(b, &a, &b->us, lport);
	const struct tcp_repair_opt o[] = {{2, m->mss}, {3, m->info.tcpi_snd_wscale | (uint32_t)m->info.tcpi_rcv_wscale << 16}, {4, 0}, {8, 0}};
	bench_set(sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	bench_set(sk, IPPROTO_TCP, TCP_TIMESTAMP, (int)m->stamp);
	assert_int_equal(sock_bind(sk, (struct sockaddr *)&a, len), 0);
	bench_set(sk, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	bench_set(sk, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)m->in);
	bench_set(sk, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	bench_set(sk, IPPROTO_TCP, TCP_QUEUE_SEQ, (int)m->out);
	len = bench_name(b, &a, &b->peer, rport);
	assert_int_equal(sock_connect(sk, (struct sockaddr *)&a, len), 0);
	assert_int_equal(bench_state(sk), TCPS_ESTABLISHED);
	assert_int_equal(sock_setsockopt(sk, IPPROTO_TCP, TCP_REPAIR_OPTIONS, o, m->info.tcpi_options & TCPI_OPT_TIMESTAMPS ? sizeof o : 3 * sizeof *o), 0);
	if (m->n_unheard) put(sk, m->unheard, m->n_unheard);
	bench_set(sk, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	if (m->n_unread) put(sk, m->unread, m->n_unread);
	assert_int_equal(sock_setsockopt(sk, IPPROTO_TCP, TCP_REPAIR_WINDOW, &m->window, sizeof m->window), 0);
	return sk;
}

/* Another host of the same address, which counts sequence numbers as the first. */
static struct bench *elsewhere(struct bench *b)
{
	void *state = NULL;
	assert_int_equal((b->v6 ? bench_open6 : bench_open4)(&state), 0);
	struct bench *there = state;
	there->us_port = b->us_port;
	there->peer_port = b->peer_port;
	there->iss = b->iss;
	there->iss_known = true;
	return there;
}

static void a_connection_moves(void **state)
{
	struct bench *b = *state;
	char text[32];
	passive(b, .sack_ok = true, .wscale = 1 + 7, .ts = true, .ts_val = 1000);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 5, .data = "hello", .ts = true, .ts_val = 1001);
	put(b->sk, "unheard", 7);
	bench_flush(b);
	struct moved m = look(b);
	assert_int_equal(m.n_unread, 5);
	assert_int_equal(m.n_unheard, 7);
	assert_memory_equal(m.unheard, "unheard", 7);
	bench_close_sk(b);
	expect_nothing(b);
	pass(b, 10 * NS_PER_S);
	expect_nothing(b);

	struct bench *there = elsewhere(b);
	there->sk = set_up(there, &m, b->us_port, b->peer_port);
	expect_nothing(there);
	bench_set(there->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF);
	/* It asks what the window is, and goes on with the stamps. */
	expect(there, ACK, .seq = 0, .ack = 6);
	assert_true(there->last.opts.has_ts && there->last.opts.ts_val - m.stamp < 100);
	inject(there, ACK, .seq = 6, .ack = 1, .ts = true, .ts_val = 2000);
	assert_int_equal(peek(there->sk, text, sizeof text), 5);
	assert_memory_equal(text, "hello", 5);
	/* What nobody heard is sent again, when its time is over, and not timed. */
	pass(there, 4 * NS_PER_S);
	expect(there, ACK | PSH, .seq = 1, .ack = 6, .len = 7, .data = "unheard");
	inject(there, ACK, .seq = 6, .ack = 8, .ts = true, .ts_val = 2001);
	assert_int_equal(bench_get(there->sk, IPPROTO_TCP, TCP_REPAIR), 0);
	put(there->sk, "more", 4);
	expect(there, ACK | PSH, .seq = 8, .ack = 6, .len = 4, .data = "more");
	inject(there, ACK, .seq = 6, .ack = 12, .len = 3, .data = "end", .ts = true, .ts_val = 2002);
	struct sock_msg in = {.data = text, .len = sizeof text};
	assert_int_equal(sock_recv(there->sk, &in), 8);
	assert_memory_equal(text, "helloend", 8);
	state = (void *[]){there};
	bench_close(state);
}

static void the_window_probe_can_be_left_out(void **state)
{
	struct bench *b = *state;
	passive(b);
	struct moved m = look(b);
	bench_close_sk(b);
	b->sk = set_up(b, &m, b->us_port, b->peer_port);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
	expect_nothing(b);
}

/* As Linux: neither the window nor the network is asked. */
static void what_is_put_back_into_the_queue_does_not_leave(void **state)
{
	struct bench *b = *state;
	static const char many[3000];
	passive(b, .wnd = 1000);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	put(b->sk, many, sizeof many);
	expect_nothing(b);
	assert_int_equal(tcp_of(b->sk)->snd.nxt - tcp_of(b->sk)->snd.una, 3000);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
	inject(b, ACK, .seq = 1, .ack = 3001);
	assert_int_equal(tcp_of(b->sk)->snd.queue.len, 0);
	struct tcp_info i;
	get(b->sk, TCP_INFO, &i, sizeof i);
	assert_int_equal(i.tcpi_unacked, 0);
}

/* They are said to have gone, but when is not known: no sample of the round trip. */
static void what_is_put_back_is_not_timed(void **state)
{
	struct bench *b = *state;
	struct tcp_info before, after;
	passive(b);
	get(b->sk, TCP_INFO, &before, sizeof before);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	put(b->sk, "old", 3);
	pass(b, 150 * NS_PER_MS);
	inject(b, ACK, .seq = 1, .ack = 4);
	get(b->sk, TCP_INFO, &after, sizeof after);
	assert_int_equal(after.tcpi_unacked, 0);
	assert_int_equal(after.tcpi_rtt, before.tcpi_rtt);
}

static void a_fin_waits_in_the_queue(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	seq32 before = number(b->sk, TCP_SEND_QUEUE);
	bench_shutdown(b, SHUT_WR);
	expect_nothing(b);
	assert_int_equal(number(b->sk, TCP_SEND_QUEUE) - before, 1);
	bench_close_sk(b);
	expect_nothing(b);
	assert_int_equal(bench_socks(b), 1);                   /* the listener */
}

/* A segment of the peer's is taken in as ever. */
static void segments_come_in(void **state)
{
	struct bench *b = *state;
	passive(b);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	seq32 before = number(b->sk, TCP_RECV_QUEUE);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 4, .data = "come");
	expect(b, ACK, .seq = 1, .ack = 5);
	assert_int_equal(number(b->sk, TCP_RECV_QUEUE) - before, 4);
}

static ssize_t peek_piece(struct sock *sk, char *to, size_t len, size_t offset, size_t room)
{
	struct sock_msg m = {.data = to, .len = len, .flags = MSG_PEEK, .offset = offset, .call_len = room};
	return sock_recv(sk, &m);
}

/* Hosts get a long queue piece by piece. */
static void a_queue_is_peeked_at_in_pieces(void **state)
{
	struct bench *b = *state;
	char text[16];
	passive(b);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 8, .data = "incoming");
	put(b->sk, "outgoing", 8);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	for (int queue = TCP_RECV_QUEUE; queue <= TCP_SEND_QUEUE; queue++) {
		bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR_QUEUE, queue);
		assert_int_equal(peek_piece(b->sk, text, 5, 0, 16), 5);
		assert_int_equal(peek_piece(b->sk, text + 5, 5, 5, 16), 3);
		assert_memory_equal(text, queue == TCP_RECV_QUEUE ? "incoming" : "outgoing", 8);
		assert_int_equal(peek_piece(b->sk, text, 5, 8, 16), queue == TCP_RECV_QUEUE ? -EAGAIN : 0);
		assert_int_equal(peek_piece(b->sk, text, 5, 99, 100), queue == TCP_RECV_QUEUE ? -EAGAIN : 0);
	}
	/* As Linux: of what is sent, the answer is how much there is. */
	assert_int_equal(peek_piece(b->sk, text, 7, 0, 7), 8);
	assert_int_equal(peek_piece(b->sk, text, 5, 0, 7), 5);
	assert_int_equal(peek_piece(b->sk, text, 2, 5, 7), 3);
}

/* As Linux: the buffer is a bound for these octets, too. */
static void the_receive_buffer_is_filled_only_once(void **state)
{
	struct bench *b = *state;
	static const char page[4096];
	passive(b);
	bench_set(b->sk, SOL_SOCKET, SO_RCVBUF, 8192);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	bench_set(b->sk, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	struct sock_msg m = {.data = (void *)(uintptr_t)page, .len = sizeof page};
	unsigned taken = 0;
	ssize_t r;
	while ((r = sock_send(b->sk, &m)) > 0 && taken < 100)
		taken++;
	assert_int_equal(r, -ENOMEM);
	assert_in_range(taken, 2, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(a_connection_moves), both(the_window_probe_can_be_left_out), both(what_is_put_back_into_the_queue_does_not_leave),
		both(what_is_put_back_is_not_timed),
		both(a_fin_waits_in_the_queue), both(segments_come_in), both(a_queue_is_peeked_at_in_pieces), both(the_receive_buffer_is_filled_only_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
