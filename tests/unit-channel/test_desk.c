/* Control calls that lie in shared memory: what comes back where, and who has a desk when its client is gone. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "channel/atomic.h"
#include "channel/desk.h"
#include "client.h"

struct fixture { struct lab lab; struct tclient c; };

static int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	lab_start(&f->lab, "single,9");
	t_hello(&f->c, &f->lab, 0);
	*state = f;
	return 0;
}

static int fixture_free(void **state)
{
	struct fixture *f = *state;
	t_end(&f->c);
	lab_end(&f->lab);
	free(f);
	return 0;
}

/* Asks, and waits until `answered` moves. */
static void ask(struct tclient *c, const void *text, uint32_t len)
{
	uint32_t seen;
	memcpy(arena_desk(c->arena, c->desk)->text, text, MIN(len, DESK_ROOM));
	if (desk_ask(c->arena, c->desk, len, &seen)) assert_int_equal(write(c->doorbell, &(uint64_t){1}, 8), 8);
	while (!desk_is_answered(c->arena, c->desk, seen)) desk_sleep(c->arena, c->desk, seen, t_futex);
}

static uint32_t answer(struct tclient *c, struct rpc_reply *reply)
{
	uint32_t len = desk_answer_len(c->arena, c->desk);
	memcpy(reply, arena_desk(c->arena, c->desk)->text, MIN(len, sizeof *reply));
	return len;
}

/* Length of the answer that came over the pair; *ret_fds: how many descriptors with it. */
static ssize_t message(struct tclient *c, struct rpc_reply *reply, int *ret_fds)
{
	static char out[RPC_OUT_MAX];
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int))]; } control;
	struct iovec iov[2] = {{reply, sizeof *reply}, {out, sizeof out}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(c->fd, &m, MSG_CMSG_CLOEXEC);
	int fd;
	*ret_fds = CMSG_FIRSTHDR(&m) ? 1 : 0;
	if (*ret_fds == 0) return n;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	close(fd);
	return n;
}

static void test_answers_on_the_desk(void **state)
{
	struct fixture *f = *state;
	struct rpc_request q = {.op = RPC_HOSTNAME};
	struct rpc_reply reply = {.result = -1};
	for (int i = 0; i < 1000; i++) {
		ask(&f->c, &q, sizeof q);
		assert_int_equal(answer(&f->c, &reply), sizeof reply + 2);
		assert_int_equal(reply.result, 0);
		assert_memory_equal(arena_desk(f->c.arena, f->c.desk)->text + sizeof reply, "h1", 2);
	}
}

static void test_descriptors_come_over_the_pair(void **state)
{
	struct fixture *f = *state;
	struct rpc_request q = {.op = RPC_SOCKET, .arg = {AF_INET, SOCK_STREAM, 0}};
	struct rpc_reply reply;
	int fds;
	ask(&f->c, &q, sizeof q);
	assert_int_equal(desk_answer_len(f->c.arena, f->c.desk), 0);
	assert_int_equal(message(&f->c, &reply, &fds), sizeof reply);
	assert_int_equal(reply.result, 0);
	assert_int_equal(fds, 1);
	/* The channel can be named on the desk. */
	q = (struct rpc_request){.op = RPC_LISTEN, .channel = reply.channel, .generation = reply.generation, .arg = {5}};
	ask(&f->c, &q, sizeof q);
	assert_int_equal(answer(&f->c, &reply), sizeof reply);
	assert_int_not_equal(reply.result, 0);   /* its anchor was closed just now */
}

static void test_long_answers_come_over_the_pair(void **state)
{
	struct fixture *f = *state;
	struct { struct rpc_request q; char words[12]; } v = {{.op = RPC_VERB, .in_len = 9}, "show\0net"};
	struct rpc_reply reply;
	int fds;
	ask(&f->c, &v, sizeof v.q + 9);
	assert_int_equal(desk_answer_len(f->c.arena, f->c.desk), 0);
	assert_true(message(&f->c, &reply, &fds) > DESK_ROOM);
	assert_true(reply.result >= 0);
	assert_int_equal(fds, 0);
}

/* A text that is no call ends the client: `answered` moves, and the desk is its no more. Nobody else gets it, for the program may still write there. */
static void spoil(struct fixture *f, const void *text, uint32_t len)
{
	struct tclient bad, next;
	char octet;
	t_hello(&bad, &f->lab, 0);
	assert_true(desk_is_of(bad.arena, bad.desk, bad.id));
	ask(&bad, text, len);
	assert_false(desk_is_of(bad.arena, bad.desk, bad.id));
	assert_int_equal(read(bad.fd, &octet, 1), 0);
	t_hello(&next, &f->lab, 0);
	assert_int_not_equal(next.desk, bad.desk);
	t_end(&next);
	t_end(&bad);
	test_answers_on_the_desk((void **)&f);
}

static void test_what_cannot_be_a_call(void **state)
{
	struct rpc_request odd = {.op = RPC_OP_COUNT}, longer = {.op = RPC_HOSTNAME, .in_len = 1};
	static char many[DESK_ROOM];
	spoil(*state, "", 0);
	spoil(*state, "short", 5);
	spoil(*state, &odd, sizeof odd);
	spoil(*state, &longer, sizeof longer);
	spoil(*state, many, UINT32_MAX);
}

/* A client that goes leaves its desk to the next one, but not the call that lay there. */
static void test_desk_of_one_who_is_gone(void **state)
{
	struct fixture *f = *state;
	struct tclient c, next;
	struct rpc_reply reply;
	uint32_t desk = 0, seen;
	for (int i = 0; i < 20; i++) {
		struct rpc_request q = {.op = RPC_REFUSED, .in_len = 1};
		t_hello(&c, &f->lab, 1);
		if (i > 0) assert_int_equal(c.desk, desk);
		desk = c.desk;
		memcpy(arena_desk(c.arena, desk)->text, &q, sizeof q);
		desk_ask(c.arena, desk, sizeof q, &seen);   /* garbage: one octet is missing. And nobody wakes the engine */
		t_end(&c);
		/* The engine has seen both when it answers another. */
		test_answers_on_the_desk(state);
		t_hello(&next, &f->lab, 1);
		struct rpc_request name = {.op = RPC_HOSTNAME};
		ask(&next, &name, sizeof name);
		answer(&next, &reply);
		assert_int_equal(reply.result, 0);
		desk = next.desk;
		t_end(&next);
		test_answers_on_the_desk(state);
	}
}

/* The guard moves `answered`, so nobody sleeps on. */
static void test_engine_killed(void **state)
{
	struct fixture *f = *state;
	uint32_t seen;
	kill(f->lab.engine, SIGSTOP);
	desk_ask(f->c.arena, f->c.desk, sizeof(struct rpc_request), &seen);
	kill(f->lab.engine, SIGKILL);
	while (!desk_is_answered(f->c.arena, f->c.desk, seen)) desk_sleep(f->c.arena, f->c.desk, seen, t_futex);
	assert_int_equal(shared_get32(&f->c.arena->dead), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
		T(test_answers_on_the_desk), T(test_descriptors_come_over_the_pair), T(test_long_answers_come_over_the_pair), T(test_what_cannot_be_a_call),
		T(test_desk_of_one_who_is_gone), T(test_engine_killed),
	};
	if (getenv("T")) cmocka_set_test_filter(getenv("T"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
