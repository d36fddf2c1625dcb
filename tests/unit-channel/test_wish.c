/* Options that a program leaves in the channel. */
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "channel/atomic.h"
#include "channel/wish.h"
#include "client.h"

struct fixture { struct lab lab; struct tclient c, other; };

static int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	lab_start(&f->lab, "single,2");
	t_hello(&f->c, &f->lab, 0);
	t_hello(&f->other, &f->lab, 0);
	*state = f;
	return 0;
}

static int fixture_free(void **state)
{
	struct fixture *f = *state;
	t_end(&f->c);
	t_end(&f->other);
	assert_int_equal(lab_end(&f->lab), 0);
	free(f);
	return 0;
}

/* As another client sees it, by a call. */
static int option(struct tclient *c, const struct tsock *s, int level, int name)
{
	static char out[RPC_OUT_MAX];
	struct rpc_request q = {.op = RPC_GETSOCKOPT, .channel = s->channel, .generation = s->generation, .arg = {level, name, sizeof(int)}};
	struct rpc_reply reply;
	int value = 0;
	assert_int_equal(t_request(c, &q, &value, sizeof value, &reply, out, NULL), sizeof value);
	memcpy(&value, out, sizeof value);
	return value;
}

static void leave(struct tclient *c, const struct tsock *s, int level, int name, int value)
{
	int wish = wish_find(level, name, value);
	assert_true(wish >= 0);
	if (wish_leave(c->arena, s->channel, wish, value)) assert_int_equal(write(c->doorbell, &(uint64_t){1}, 8), 8);
}

static void test_seen_by_the_next_call(void **state)
{
	struct fixture *f = *state;
	struct tsock s = t_socket(&f->c, AF_INET, SOCK_STREAM);
	for (int i = 1; i <= 300; i++) {
		leave(&f->c, &s, IPPROTO_TCP, TCP_KEEPIDLE, i);
		assert_int_equal(option(&f->other, &s, IPPROTO_TCP, TCP_KEEPIDLE), i);
		leave(&f->c, &s, IPPROTO_TCP, TCP_NODELAY, i % 2 ? -1 : 0);
		leave(&f->c, &s, SOL_SOCKET, SO_KEEPALIVE, i % 3);
		leave(&f->c, &s, IPPROTO_TCP, TCP_KEEPCNT, i % 127 + 1);
		leave(&f->c, &s, IPPROTO_TCP, TCP_KEEPINTVL, 32767 - i);
		assert_int_equal(option(&f->other, &s, IPPROTO_TCP, TCP_KEEPINTVL), 32767 - i);
		assert_int_equal(option(&f->other, &s, IPPROTO_TCP, TCP_KEEPCNT), i % 127 + 1);
		assert_int_equal(option(&f->other, &s, IPPROTO_TCP, TCP_NODELAY), i % 2);
		assert_int_equal(option(&f->other, &s, SOL_SOCKET, SO_KEEPALIVE), i % 3 != 0);
	}
	t_close(&s);
}

static void test_only_what_linux_takes(void **state)
{
	(void)state;
	assert_int_equal(wish_find(IPPROTO_TCP, TCP_KEEPIDLE, 0), -1);
	assert_int_equal(wish_find(IPPROTO_TCP, TCP_KEEPIDLE, 32768), -1);
	assert_int_equal(wish_find(IPPROTO_TCP, TCP_KEEPINTVL, -1), -1);
	assert_int_equal(wish_find(IPPROTO_TCP, TCP_KEEPCNT, 128), -1);
	assert_int_equal(wish_find(IPPROTO_TCP, TCP_CORK, 1), -1);
	assert_int_equal(wish_find(SOL_SOCKET, TCP_NODELAY, 1), -1);
}

/* Words that no shim would leave there are refused as the call would be, or mean nothing. */
static void test_hostile_words(void **state)
{
	struct fixture *f = *state;
	struct tsock s = t_socket(&f->c, AF_INET, SOCK_STREAM), u = t_socket(&f->c, AF_INET, SOCK_DGRAM);
	int before = option(&f->other, &s, IPPROTO_TCP, TCP_KEEPCNT);
	int count = wish_find(IPPROTO_TCP, TCP_KEEPCNT, 1), keep = wish_find(SOL_SOCKET, SO_KEEPALIVE, 1);
	wish_leave(f->c.arena, s.channel, count, 0);
	assert_int_equal(option(&f->other, &s, IPPROTO_TCP, TCP_KEEPCNT), before);
	atomic_store(arena_wish(f->c.arena, s.channel), ~(uint64_t)0);
	wish_leave(f->c.arena, s.channel, keep, 1);
	assert_int_equal(option(&f->other, &s, IPPROTO_TCP, TCP_KEEPCNT), 127);
	assert_int_equal(shared_get64(arena_wish(f->c.arena, s.channel)), 0);
	wish_leave(f->c.arena, u.channel, keep, 1);
	wish_leave(f->c.arena, 60000, keep, 1);   /* nobody's */
	wish_leave(f->c.arena, 0, keep, 1);
	assert_int_equal(option(&f->other, &u, SOL_SOCKET, SO_KEEPALIVE), 0);
	t_close(&s);
	t_close(&u);
}

/* Somebody was killed between the bit and its summary: it is found when his end is seen. */
static void test_left_by_one_who_was_killed(void **state)
{
	struct fixture *f = *state;
	struct tsock s = t_socket(&f->c, AF_INET, SOCK_STREAM);
	struct tclient third;
	t_hello(&third, &f->lab, 0);
	wish_leave(f->c.arena, s.channel, wish_find(IPPROTO_TCP, TCP_KEEPIDLE, 33), 33);
	assert_int_equal(option(&f->other, &s, IPPROTO_TCP, TCP_KEEPIDLE), 33);
	uint32_t shift = 16, bit = (uint32_t)wish_find(IPPROTO_TCP, TCP_KEEPIDLE, 44);
	atomic_store(arena_wish(f->c.arena, s.channel), (uint64_t)44 << shift | (uint64_t)1 << bit);
	atomic_fetch_or(&f->c.arena->wishing[s.channel / 64], (uint64_t)1 << s.channel % 64);
	t_end(&third);
	option(&f->other, &s, IPPROTO_TCP, TCP_NODELAY);   /* its turn sees the end, and the next one looks */
	assert_int_equal(option(&f->other, &s, IPPROTO_TCP, TCP_KEEPIDLE), 44);
	t_close(&s);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
		T(test_seen_by_the_next_call), cmocka_unit_test(test_only_what_linux_takes), T(test_hostile_words), T(test_left_by_one_who_was_killed),
	};
	if (getenv("T")) cmocka_set_test_filter(getenv("T"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
