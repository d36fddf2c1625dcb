/* Unix streams that go from program to program: when they do, what takes them out of that, and that nothing changes its place over it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/un.h>
#include <cmocka.h>
#include "channel/atomic.h"
#include "client.h"

struct fixture { struct lab lab; struct tclient c; struct tsock fd[2]; };

static int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	lab_start(&f->lab, "single,1");
	t_hello(&f->c, &f->lab, 0);
	t_pair(&f->c, SOCK_STREAM, f->fd);
	*state = f;
	return 0;
}

static int fixture_free(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 2; i++) t_close(&f->fd[i]);
	t_end(&f->c);
	assert_int_equal(lab_end(&f->lab), 0);
	free(f);
	return 0;
}

static struct channel *chan(const struct tsock *s) { return arena_channel(s->c->arena, s->channel); }

static bool is_direct(const struct tsock *from, const struct tsock *to)
{
	bool sends = shared_get32(&chan(from)->state) & CHS_SENDABLE, receives = shared_get32(&chan(to)->state) & CHS_DIRECT;
	assert_int_equal(sends, receives);
	return sends;
}

static int64_t told(struct tsock *s, int flags, const char *text)
{
	struct rpc_send h = {.data_len = (uint32_t)strlen(text), .flags = flags};
	uint8_t in[sizeof h + 100];
	memcpy(in, &h, sizeof h);
	memcpy(in + sizeof h, text, h.data_len);
	return t_call(s, RPC_SEND, 0, 0, in, sizeof h + h.data_len);
}

/* As recv does when the ring is empty. */
static void asked(struct tsock *s, int flags, const char *want)
{
	static uint8_t out[RPC_OUT_MAX];
	struct rpc_request q = {.op = RPC_RECV, .channel = s->channel, .generation = s->generation, .arg = {flags, 100}};
	struct rpc_reply reply;
	struct rpc_recv h;
	assert_int_equal(t_request(s->c, &q, NULL, 0, &reply, out, NULL), strlen(want));
	memcpy(&h, out, sizeof h);
	assert_int_equal(h.data_len, strlen(want));
	assert_memory_equal(out + sizeof h + h.name_len + h.control_len, want, h.data_len);
}

static int64_t asked_in_vain(struct tsock *s)
{
	return t_call(s, RPC_RECV, 0, 100, NULL, 0);
}

static void test_octets_go_direct(void **state)
{
	struct fixture *f = *state;
	struct tsock *a = &f->fd[0], *b = &f->fd[1];
	static char out[200000], in[sizeof out];
	assert_true(is_direct(a, b) && is_direct(b, a));
	for (size_t i = 0; i < sizeof out; i++) out[i] = (char)(i * 7 >> 3);
	assert_int_equal(t_write(a, out, sizeof out), sizeof out);      /* more than the first segment, less than the send buffer */
	for (size_t n = 0; n < sizeof in;) n += (size_t)t_recv(b, in + n, sizeof in - n);
	assert_memory_equal(in, out, sizeof in);
	assert_int_equal(shared_get64(&chan(a)->sent.octets), sizeof out);
	assert_int_equal(t_write_now(b, out, sizeof out), SEGMENT_SMALL);
	assert_true(is_direct(a, b) && is_direct(b, a));
}

static void test_an_urgent_octet_has_its_place(void **state)
{
	struct fixture *f = *state;
	struct tsock *a = &f->fd[0], *b = &f->fd[1];
	char c;
	assert_int_equal(t_write(a, "abc", 3), 3);
	assert_int_equal(told(a, MSG_OOB, "d"), 1);
	assert_false(is_direct(a, b));
	assert_true(is_direct(b, a));
	assert_int_equal(chan_rx_used(f->c.arena, chan(b)), 0);
	asked(b, 0, "abc");
	asked(b, MSG_OOB, "d");
	assert_int_equal(asked_in_vain(b), -EAGAIN);
	/* An ordinary message, and the way is free when it has been read. */
	assert_int_equal(told(a, 0, "e"), 1);
	assert_false(is_direct(a, b));
	asked(b, 0, "e");
	assert_true(is_direct(a, b));
	assert_int_equal(t_write(a, "f", 1), 1);
	assert_int_equal(t_recv(b, &c, 1), 1);
	assert_int_equal(c, 'f');
}

/* What a program is just about to read nobody takes from under its hands: it is read there, and before what follows. */
static void test_a_reader_in_the_middle(void **state)
{
	struct fixture *f = *state;
	struct tsock *a = &f->fd[0], *b = &f->fd[1];
	char buf[4];
	assert_int_equal(t_write(a, "abc", 3), 3);
	chan_lock(&chan(b)->rx.lock, f->c.id, t_futex);
	assert_int_equal(told(a, MSG_OOB, "d"), 1);
	chan_unlock(&chan(b)->rx.lock, t_futex);
	assert_int_equal(asked_in_vain(b), -EAGAIN);
	assert_int_equal(t_recv(b, buf, sizeof buf), 3);
	assert_memory_equal(buf, "abc", 3);
	asked(b, MSG_OOB, "d");
}

static void test_each_way_by_itself(void **state)
{
	struct fixture *f = *state;
	struct tsock *a = &f->fd[0], *b = &f->fd[1];
	int on = 1, off = 0;
	char c;
	assert_int_equal(t_call(a, RPC_SETSOCKOPT, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
	assert_false(is_direct(a, b) || is_direct(b, a));
	assert_int_equal(t_call(a, RPC_SETSOCKOPT, SOL_SOCKET, SO_PASSCRED, &off, sizeof off), 0);
	assert_true(is_direct(a, b) && is_direct(b, a));
	assert_int_equal(t_call(a, RPC_SHUTDOWN, SHUT_WR, 0, NULL, 0), 0);
	assert_false(is_direct(a, b));
	assert_true(is_direct(b, a));
	assert_int_equal(t_write(b, "x", 1), 1);
	assert_int_equal(t_recv(a, &c, 1), 1);
	assert_int_equal(asked_in_vain(b), 0);
}

static int64_t named(struct tsock *s, enum rpc_op op, const char *name)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	memcpy(un.sun_path + 1, name, strlen(name));
	return t_call(s, op, 0, 0, &un, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
}

static uint32_t says(const struct tsock *s) { return shared_get32(&chan(s)->state) & (CHS_DIRECT | CHS_EOF); }

/* While nobody has accepted, and when the other end is gone, a reader need not ask what there is; but what was sent before is asked for. */
static void test_who_need_not_ask(void **state)
{
	struct fixture *f = *state;
	struct tsock l = t_socket(&f->c, AF_UNIX, SOCK_STREAM), c = t_socket(&f->c, AF_UNIX, SOCK_STREAM), a;
	char octet;
	assert_int_equal(named(&l, RPC_BIND, "l") | t_call(&l, RPC_LISTEN, 1, 0, NULL, 0), 0);
	assert_int_equal(says(&c), 0);
	assert_int_equal(named(&c, RPC_CONNECT, "l"), 0);
	assert_int_equal(says(&c), CHS_DIRECT);
	assert_int_equal(t_accept(&l, &a), 0);
	assert_int_equal(says(&c) & says(&a), CHS_DIRECT);
	assert_int_equal(told(&a, MSG_OOB, "u"), 1);
	assert_int_equal(says(&c), 0);
	t_close(&a);
	t_sync(&f->c);
	assert_int_equal(says(&c), 0);
	asked(&c, MSG_OOB, "u");
	assert_int_equal(asked_in_vain(&c), 0);
	assert_int_equal(says(&c), CHS_EOF);
	t_close(&c);
	/* One that nobody accepts, and never will: it is told by an error first. */
	c = t_socket(&f->c, AF_UNIX, SOCK_STREAM);
	assert_int_equal(named(&c, RPC_CONNECT, "l"), 0);
	t_close(&l);
	t_sync(&f->c);
	assert_int_equal(says(&c), 0);
	assert_int_equal(asked_in_vain(&c), -ECONNRESET);
	assert_int_equal(says(&c), CHS_EOF);
	t_close(&c);
	/* What is in the ring is read before the end. */
	assert_int_equal(t_write(&f->fd[0], "x", 1), 1);
	assert_int_equal(t_call(&f->fd[0], RPC_SHUTDOWN, SHUT_WR, 0, NULL, 0), 0);
	assert_int_equal(says(&f->fd[1]), 0);
	asked(&f->fd[1], 0, "x");
	assert_int_equal(says(&f->fd[1]), CHS_EOF);
	assert_int_equal(t_recv_now(&f->fd[1], &octet, 1), 0);
}

/* However often the way is left and entered, and though nothing is ever written to a ring, no segments are left over. */
static void test_few_segments_do(void **state)
{
	struct fixture f;
	(void)state;
	lab_start_small(&f.lab, "single,1", 8, 0);
	t_hello(&f.c, &f.lab, 0);
	t_pair(&f.c, SOCK_STREAM, f.fd);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(told(&f.fd[0], MSG_OOB, "u"), 1);
		asked(&f.fd[1], MSG_OOB, "u");
		assert_int_equal(told(&f.fd[0], 0, "o"), 1);
		asked(&f.fd[1], 0, "o");
		assert_true(is_direct(&f.fd[0], &f.fd[1]));
	}
	for (int i = 0; i < 2; i++) t_close(&f.fd[i]);
	t_end(&f.c);
	assert_int_equal(lab_end(&f.lab), 0);
}

/* With none to go on in, both ends are told that octets may be lost. */
static void test_no_segment_to_leave_with(void **state)
{
	struct fixture f;
	char buf[8];
	(void)state;
	lab_start_small(&f.lab, "single,1", 3, 0);     /* index 0 is none, and each end writes to one */
	t_hello(&f.c, &f.lab, 0);
	t_pair(&f.c, SOCK_STREAM, f.fd);
	assert_true(is_direct(&f.fd[0], &f.fd[1]));
	assert_int_equal(t_write(&f.fd[0], "direct", 6), 6);
	assert_int_equal(told(&f.fd[0], MSG_OOB, "u"), -EPIPE);
	assert_int_equal(t_recv(&f.fd[1], buf, sizeof buf), 6);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(asked_in_vain(&f.fd[i]), -ECONNRESET);
		assert_int_equal(asked_in_vain(&f.fd[i]), 0);
		t_close(&f.fd[i]);
	}
	t_end(&f.c);
	assert_int_equal(lab_end(&f.lab), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
		T(test_octets_go_direct), T(test_an_urgent_octet_has_its_place), T(test_a_reader_in_the_middle), T(test_each_way_by_itself),
		T(test_who_need_not_ask),
		cmocka_unit_test(test_few_segments_do), cmocka_unit_test(test_no_segment_to_leave_with),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
