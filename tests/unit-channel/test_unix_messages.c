/* Messages of Unix pairs that go from program to program: what fits, what takes them out of that, and that each comes once, whole and in its place. */
#include <errno.h>
#include <linux/sockios.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <cmocka.h>
#include "base/charge.h"
#include "channel/atomic.h"
#include "client.h"

struct fixture { struct lab lab; struct tclient c; struct tsock fd[2]; };

static void fixture_start(struct fixture *f, int type, uint32_t segments)
{
	lab_start_small(&f->lab, "single,1", segments, 0);
	t_hello(&f->c, &f->lab, 0);
	t_pair(&f->c, type, f->fd);
}

static void fixture_end(struct fixture *f)
{
	for (int i = 0; i < 2; i++) t_close(&f->fd[i]);
	t_end(&f->c);
	assert_int_equal(lab_end(&f->lab), 0);
}

static struct channel *chan(const struct tsock *s) { return arena_channel(s->c->arena, s->channel); }

static bool is_direct(const struct tsock *from, const struct tsock *to)
{
	bool sends = shared_get32(&chan(from)->state) & CHS_SENDABLE, receives = shared_get32(&chan(to)->state) & CHS_DIRECT;
	assert_int_equal(sends, receives);
	return sends;
}

/* As the shim. Octets of the message are all `mark`. */
static enum post_answer post(struct tsock *s, uint8_t mark, size_t len)
{
	static uint8_t data[SEGMENT_LARGE];
	struct handover h = {0};
	memset(data, mark, len);
	struct iovec v[2] = {{data, len / 3}, {data + len / 3, len - len / 3}};
	chan_lock(&chan(s)->tx.lock, s->c->id, t_futex);
	enum post_answer answer = chan_post(s->c->arena, chan(s), v, 2, len, &h);
	chan_unlock(&chan(s)->tx.lock, t_futex);
	assert_int_equal(h.peer != 0, answer == POST_DONE);
	return answer;
}

/* With the engine's help where that is needed. */
static enum post_answer post_grown(struct tsock *s, uint8_t mark, size_t len)
{
	enum post_answer answer = post(s, mark, len);
	if (answer != POST_ROOM && answer != POST_LARGE) return answer;
	t_ring(s->c, s->channel);
	t_sync(s->c);
	return post(s, mark, len);
}

/* The length of the next one, -EAGAIN when the ring has none. */
static ssize_t take(struct tsock *s, uint8_t mark, bool peek)
{
	static uint8_t data[SEGMENT_LARGE];
	struct handover h = {0};
	struct record r;
	chan_lock(&chan(s)->rx.lock, s->c->id, t_futex);
	bool got = chan_read_posted(s->c->arena, chan(s), &r, NULL, 0, data, sizeof data, peek, &h);
	chan_unlock(&chan(s)->rx.lock, t_futex);
	if (h.left) t_ring(s->c, s->channel);
	assert_int_equal(h.peer != 0, got && !peek);
	for (size_t i = 0; got && i < r.data_len; i++) assert_int_equal(data[i], mark);
	return got ? (ssize_t)r.data_len : -EAGAIN;
}

static int64_t told(struct tsock *s, int flags, const char *text)
{
	struct rpc_send h = {.data_len = (uint32_t)strlen(text), .flags = flags};
	uint8_t in[sizeof h + 100];
	memcpy(in, &h, sizeof h);
	memcpy(in + sizeof h, text, h.data_len);
	return t_call(s, RPC_SEND, 0, 0, in, sizeof h + h.data_len);
}

static int64_t asked(struct tsock *s, const char *want)
{
	static uint8_t out[RPC_OUT_MAX];
	struct rpc_request q = {.op = RPC_RECV, .channel = s->channel, .generation = s->generation, .arg = {0, 100}};
	struct rpc_reply reply;
	struct rpc_recv h;
	int64_t n = t_request(s->c, &q, NULL, 0, &reply, out, NULL);
	if (n < 0) return n;
	memcpy(&h, out, sizeof h);
	assert_int_equal(h.data_len, strlen(want));
	assert_memory_equal(out + sizeof h + h.name_len + h.control_len, want, h.data_len);
	return n;
}

static int queued(struct tsock *s, unsigned long request)
{
	static uint8_t out[RPC_OUT_MAX];
	int n = 0;
	struct rpc_request q = {.op = RPC_IOCTL, .channel = s->channel, .generation = s->generation, .arg = {(int64_t)request}};
	struct rpc_reply reply;
	assert_int_equal(t_request(s->c, &q, &n, sizeof n, &reply, out, NULL), 0);
	memcpy(&n, out, sizeof n);
	return n;
}

static void special(struct tsock *s, const char *text)
{
	struct rpc_send h = {.data_len = (uint32_t)strlen(text)};
	uint8_t in[sizeof h + 100];
	memcpy(in, &h, sizeof h);
	memcpy(in + sizeof h, text, h.data_len);
	assert_int_equal(t_pass(s, RPC_SEND, in, sizeof h + h.data_len, &(int){0}, 1), h.data_len);
}

/* ---- one type after the other ---- */

static void go_direct(int type)
{
	struct fixture f;
	static const size_t lens[] = {0, 1, 24, 1000, SEGMENT_SMALL - sizeof(struct record), SEGMENT_SMALL, 70000, 200000};
	fixture_start(&f, type, 0);
	assert_true(is_direct(&f.fd[0], &f.fd[1]) && is_direct(&f.fd[1], &f.fd[0]));
	assert_int_equal(take(&f.fd[1], 0, false), -EAGAIN);
	for (uint8_t round = 0; round < 100; round++) {
		size_t len = lens[round % ARRAY_SIZE(lens)];
		assert_int_equal(post_grown(&f.fd[0], round, len), POST_DONE);
		assert_true(t_poll(&f.fd[1]) & EPOLLIN);
		assert_int_equal(take(&f.fd[1], round, true), len);
		assert_int_equal(take(&f.fd[1], round, false), len);
		assert_int_equal(chan_posted(f.c.arena, chan(&f.fd[0])), 0);
	}
	assert_false(t_poll(&f.fd[1]) & EPOLLIN);
	assert_true(is_direct(&f.fd[0], &f.fd[1]));
	/* What a ring can't hold, and what Linux would refuse, is for the engine. */
	assert_int_equal(post_grown(&f.fd[0], 1, 212992 - 31), POST_ELSEWHERE);
	assert_int_equal(post_grown(&f.fd[0], 1, 212992 - 32), POST_DONE);
	fixture_end(&f);
}

/* As many as Linux lets wait, over as many segments as that takes; and writable is when three quarters are free. */
static void fill(int type, size_t len)
{
	struct fixture f;
	uint32_t fits = (212992 + unix_charge((uint32_t)len) - 1) / unix_charge((uint32_t)len), n = 0;
	fixture_start(&f, type, 0);
	while (post_grown(&f.fd[0], (uint8_t)n, len) == POST_DONE) n++;
	assert_int_equal(n, fits);
	assert_int_equal(post(&f.fd[0], 0, len), POST_FULL);
	assert_false(t_poll(&f.fd[0]) & EPOLLOUT);
	assert_int_equal(queued(&f.fd[0], SIOCOUTQ), n * unix_charge((uint32_t)len));
	assert_int_equal(queued(&f.fd[1], SIOCINQ), type == SOCK_DGRAM ? len : n * len);
	bool told_so = false;
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(take(&f.fd[1], (uint8_t)i, false), len);
		bool writable = (uint64_t)(n - i - 1) * unix_charge((uint32_t)len) * 4 <= 212992;
		assert_int_equal(chan_tx_relieve(f.c.arena, chan(&f.fd[0])), writable && !told_so);
		assert_int_equal((t_poll(&f.fd[0]) & EPOLLOUT) != 0, writable);
		told_so |= writable;
	}
	assert_true(told_so);
	assert_int_equal(queued(&f.fd[0], SIOCOUTQ), 0);
	assert_int_equal(post_grown(&f.fd[0], 7, len), POST_DONE);
	fixture_end(&f);
}

static void descriptors_have_their_place(int type)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1;
	fixture_start(&f, type, 0);
	assert_int_equal(post(a, 'a', 2), POST_DONE);
	assert_int_equal(post(a, 'n', 0), POST_DONE);
	assert_int_equal(post(a, 'b', 1), POST_DONE);
	special(a, "c");
	assert_false(is_direct(a, b));
	assert_true(is_direct(b, a));
	assert_int_equal(post(a, 'x', 1), POST_ELSEWHERE);
	assert_int_equal(take(b, 'a', false), -EAGAIN);
	assert_true(t_poll(b) & EPOLLIN);
	assert_int_equal(asked(b, "aa"), 2);
	assert_int_equal(asked(b, ""), 0);
	assert_int_equal(asked(b, "b"), 1);
	assert_int_equal(asked(b, "c"), 1);
	assert_int_equal(asked(b, ""), -EAGAIN);
	/* An ordinary one, and the way is free when it has been read. */
	assert_int_equal(told(a, 0, "d"), 1);
	assert_false(is_direct(a, b));
	assert_int_equal(asked(b, "d"), 1);
	assert_true(is_direct(a, b));
	assert_int_equal(post(a, 'e', 1), POST_DONE);
	assert_int_equal(take(b, 'e', false), 1);
	fixture_end(&f);
}

static void send_buffer(struct tsock *s, int name, int octets) { assert_int_equal(t_call(s, RPC_SETSOCKOPT, SOL_SOCKET, name, &octets, sizeof octets), 0); }

/* All is taken back though the buffer is smaller now than what was sent; or nothing, where that is very much. Its order is the same. */
static void much_is_unread(int type)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1;
	uint32_t n;
	fixture_start(&f, type, 0);
	for (n = 0; n < 200; n++) assert_int_equal(post(a, (uint8_t)('a' + n % 26), 1), POST_DONE);
	send_buffer(a, SO_SNDBUF, 1000);
	assert_int_equal(told(a, MSG_DONTROUTE, "!"), -EAGAIN);
	assert_int_equal(take(b, 0, false), -EAGAIN);
	for (n = 0; n < 200; n++) assert_int_equal(asked(b, (char[]){(char)('a' + n % 26), 0}), 1);
	assert_int_equal(asked(b, ""), -EAGAIN);
	send_buffer(a, SO_SNDBUFFORCE, 2000000);
	assert_int_equal(told(a, 0, "o"), 1);
	assert_int_equal(asked(b, "o"), 1);
	for (n = 0; n < 1400; n++) assert_int_equal(post_grown(a, (uint8_t)n, 1), POST_DONE);
	special(a, "!");
	for (n = 0; n < 1400; n++) assert_int_equal(take(b, (uint8_t)n, false), 1);
	assert_int_equal(take(b, 0, false), -EAGAIN);
	t_sync(&f.c);
	assert_int_equal(asked(b, "!"), 1);
	fixture_end(&f);
}

/* What a program is just about to read nobody takes from under its hands: it is read there, and before what follows. */
static void a_reader_in_the_middle(int type)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1;
	fixture_start(&f, type, 0);
	assert_int_equal(post(a, 'a', 3), POST_DONE);
	chan_lock(&chan(b)->rx.lock, f.c.id, t_futex);
	special(a, "b");
	chan_unlock(&chan(b)->rx.lock, t_futex);
	assert_int_equal(asked(b, ""), -EAGAIN);
	assert_int_equal(take(b, 'a', false), 3);
	assert_int_equal(asked(b, "b"), 1);
	fixture_end(&f);
}

/* And a writer who is, goes by the engine then. */
static void a_writer_in_the_middle(int type)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1;
	fixture_start(&f, type, 0);
	for (int i = 0; i < 3; i++) {
		chan_lock(&chan(a)->tx.lock, f.c.id, t_futex);
		special(a, "b");
		chan_unlock(&chan(a)->tx.lock, t_futex);
		assert_int_equal(post(a, 'a', 3), POST_ELSEWHERE);
		assert_int_equal(asked(b, "b"), 1);
		assert_int_equal(told(a, 0, "c"), 1);
		assert_int_equal(asked(b, "c"), 1);
	}
	t_sync(&f.c);
	assert_true(is_direct(a, b));
	fixture_end(&f);
}

static void each_way_by_itself(int type)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1;
	int on = 1, off = 0;
	fixture_start(&f, type, 0);
	assert_int_equal(post(a, 'a', 1), POST_DONE);
	assert_int_equal(t_call(b, RPC_SETSOCKOPT, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off), 0);
	assert_false(is_direct(a, b));
	assert_true(is_direct(b, a));
	assert_int_equal(asked(b, "a"), 1);
	off = -1;
	assert_int_equal(t_call(b, RPC_SETSOCKOPT, SOL_SOCKET, SO_PEEK_OFF, &off, sizeof off), 0);
	assert_true(is_direct(a, b));
	assert_int_equal(t_call(a, RPC_SETSOCKOPT, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
	assert_false(is_direct(a, b) || is_direct(b, a));
	on = 0;
	assert_int_equal(t_call(a, RPC_SETSOCKOPT, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
	assert_true(is_direct(a, b) && is_direct(b, a));
	assert_int_equal(post(a, 'a', 1), POST_DONE);
	assert_int_equal(t_call(a, RPC_SHUTDOWN, SHUT_WR, 0, NULL, 0), 0);
	assert_false(is_direct(a, b));
	assert_true(is_direct(b, a));
	assert_int_equal(asked(b, "a"), 1);
	assert_int_equal(asked(b, ""), type == SOCK_DGRAM ? -EAGAIN : 0);
	assert_int_equal(post(b, 'x', 1), POST_DONE);
	assert_int_equal(take(a, 'x', false), 1);
	fixture_end(&f);
}

/* However often the way is left, entered and grown, no segments are left over. */
static void few_segments_do(int type)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1;
	fixture_start(&f, type, 8);
	for (uint8_t i = 0; i < 50; i++) {
		assert_int_equal(post_grown(a, i, i % 2 ? 1 : 100000), POST_DONE);
		assert_int_equal(take(b, i, false), i % 2 ? 1 : 100000);
		special(a, "u");
		assert_int_equal(asked(b, "u"), 1);
		assert_int_equal(told(a, 0, "o"), 1);
		assert_int_equal(asked(b, "o"), 1);
		assert_true(is_direct(a, b));
	}
	fixture_end(&f);
}

/* With none to grow by, what is too large is told; with none to leave for that, nothing more goes. */
static void no_segment_is_left(int type)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1;
	fixture_start(&f, type, 3);                    /* index 0 is none, and each end writes to one */
	assert_true(is_direct(a, b));
	assert_int_equal(post_grown(a, 1, SEGMENT_SMALL), POST_LARGE);
	assert_int_equal(post(a, 'd', 6), POST_DONE);
	assert_int_equal(told(a, 0, "u"), -ECONNRESET);
	assert_int_equal(told(a, 0, "u"), -EPIPE);
	assert_int_equal(take(b, 'd', false), 6);
	assert_int_equal(asked(b, ""), -ECONNRESET);
	fixture_end(&f);
}

static void the_end_of_one(int type)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1;
	fixture_start(&f, type, 0);
	assert_int_equal(post(a, 'a', 1), POST_DONE);
	assert_int_equal(post(b, 'b', 1), POST_DONE);
	t_close(a);
	t_sync(&f.c);
	assert_int_equal(post(b, 'b', 1), POST_ELSEWHERE);
	if (type != SOCK_DGRAM) assert_int_equal(asked(b, ""), -ECONNRESET);
	assert_int_equal(asked(b, "a"), 1);
	assert_int_equal(told(b, 0, "b"), type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE);
	*a = t_socket(&f.c, AF_UNIX, type);
	fixture_end(&f);
}

#define EACH(name) \
	static void test_##name(void **state) { (void)state, name(SOCK_SEQPACKET), name(SOCK_DGRAM); }
EACH(go_direct)
EACH(descriptors_have_their_place)
EACH(much_is_unread)
EACH(a_reader_in_the_middle)
EACH(a_writer_in_the_middle)
EACH(each_way_by_itself)
EACH(few_segments_do)
EACH(no_segment_is_left)
EACH(the_end_of_one)

static void test_fill(void **state)
{
	static const size_t lens[] = {0, 1, 193, 4000, 16384, 60000, 200000};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) fill(i % 2 ? SOCK_DGRAM : SOCK_SEQPACKET, lens[i]);
}

/* ---- sockets of datagrams that have connected to each other ---- */

static int64_t named(struct tsock *s, enum rpc_op op, const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	memcpy(un.sun_path + 1, name, strlen(name));
	return t_call(s, op, 0, 0, &un, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static void test_those_that_connect(void **state)
{
	struct fixture f;
	struct tsock *a = f.fd, *b = f.fd + 1, c;
	(void)state;
	lab_start(&f.lab, "single,1");
	t_hello(&f.c, &f.lab, 0);
	for (int i = 0; i < 2; i++) f.fd[i] = t_socket(&f.c, AF_UNIX, SOCK_DGRAM);
	c = t_socket(&f.c, AF_UNIX, SOCK_DGRAM);
	assert_int_equal(named(a, RPC_BIND, "a") | named(b, RPC_BIND, "b") | named(&c, RPC_BIND, "c"), 0);
	assert_int_equal(named(a, RPC_CONNECT, "b"), 0);
	assert_false(is_direct(a, b));
	assert_int_equal(told(a, 0, "early"), 5);
	assert_int_equal(named(b, RPC_CONNECT, "a"), 0);
	assert_false(is_direct(a, b));
	assert_true(is_direct(b, a));
	assert_int_equal(asked(b, "early"), 5);
	assert_true(is_direct(a, b));
	assert_int_equal(post(a, 'x', 1), POST_DONE);
	assert_int_equal(named(&c, RPC_CONNECT, "b"), -EPERM);
	/* What was not read of a peer that is given up is lost, and it is told; and to itself a socket is no pair. */
	assert_int_equal(named(b, RPC_CONNECT, "c"), 0);
	assert_int_equal(t_call(a, RPC_TAKE_ERROR, 0, 0, NULL, 0), ECONNRESET);
	assert_false(is_direct(a, b) || is_direct(b, a) || is_direct(b, &c));
	assert_int_equal(named(&c, RPC_CONNECT, "c"), 0);
	assert_false(is_direct(&c, &c));
	assert_int_equal(asked(b, ""), -EAGAIN);
	assert_int_equal(named(b, RPC_CONNECT, "a"), 0);
	assert_true(is_direct(a, b) && is_direct(b, a));
	t_close(&c);
	fixture_end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_go_direct), cmocka_unit_test(test_fill), cmocka_unit_test(test_descriptors_have_their_place),
		cmocka_unit_test(test_much_is_unread), cmocka_unit_test(test_a_reader_in_the_middle),
		cmocka_unit_test(test_a_writer_in_the_middle), cmocka_unit_test(test_each_way_by_itself),
		cmocka_unit_test(test_few_segments_do), cmocka_unit_test(test_no_segment_is_left), cmocka_unit_test(test_the_end_of_one),
		cmocka_unit_test(test_those_that_connect),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
