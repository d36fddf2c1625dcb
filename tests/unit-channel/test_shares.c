/* What one program can take from the others of its network: not all of anything, not the engine's time. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "channel/atomic.h"
#include "client.h"

struct fixture { struct lab lab; struct tclient h1, h2; };

static int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	lab_start(&f->lab, "single,2");
	t_hello(&f->h1, &f->lab, 0);
	t_hello(&f->h2, &f->lab, 1);
	*state = f;
	return 0;
}

static int fixture_free(void **state)
{
	struct fixture *f = *state;
	t_end(&f->h1);
	t_end(&f->h2);
	assert_int_equal(lab_end(&f->lab), 0);
	free(f);
	return 0;
}

static int64_t ask(struct tclient *c, struct rpc_request q)
{
	struct rpc_reply reply;
	return t_request(c, &q, NULL, 0, &reply, NULL, NULL);
}

/* Passes descriptors along with a request, and waits for no answer. */
static void pass(struct tclient *c, struct rpc_request q, const void *in, size_t len, const int *fds, size_t n)
{
	union { struct cmsghdr align; char room[CMSG_SPACE(sizeof(int) * RPC_RIGHTS_MAX)]; } control = {0};
	struct iovec iov[2] = {{&q, sizeof q}, {(void *)in, len}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	q.in_len = (uint32_t)len;
	control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int) * n), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * n);
	assert_int_equal(sendmsg(c->fd, &m, MSG_NOSIGNAL), sizeof q + len);
}

static int64_t answer(struct tclient *c)
{
	struct rpc_reply reply;
	ssize_t n = recv(c->fd, &reply, sizeof reply, MSG_TRUNC);
	return n < (ssize_t)sizeof reply ? -ECONNRESET : reply.result;
}

/* ---- Unix sockets ---- */

/* One datagram socket with an abstract name, connected to itself. */
static struct tsock loop_socket(struct tclient *c, const char *name)
{
	struct tsock s = t_socket(c, AF_UNIX, SOCK_DGRAM);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
	memcpy(a.sun_path + 1, name, strlen(name));
	assert_int_equal(t_call(&s, RPC_BIND, 0, 0, &a, len), 0);
	assert_int_equal(t_call(&s, RPC_CONNECT, 0, 0, &a, len), 0);
	return s;
}

static void pass_to_itself(struct tsock *s, const int *fds, size_t n)
{
	struct { struct rpc_send h; char data; } in = {{.data_len = 1}, 'x'};
	pass(s->c, (struct rpc_request){.op = RPC_SEND, .channel = s->channel, .generation = s->generation}, &in, sizeof in.h + 1, fds, n);
}

/* ---- time ---- */

/* Of the kernel's: with octets that nobody will read, and a close that waits for that. */
static int lingering(int *ret_listener)
{
	static const char octets[1 << 16];
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	*ret_listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(*ret_listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(*ret_listener, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(listen(*ret_listener, 1), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	while (send(fd, octets, sizeof octets, MSG_DONTWAIT) > 0) {}
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 10000}, sizeof(struct linger)), 0);
	return fd;
}

/* Neither what a call has no use for, nor what a message carried that nobody read. An engine that waits makes this test time out. */
static void test_lingering_descriptors(void **state)
{
	struct fixture *f = *state;
	for (int in_message = 0; in_message < 2; in_message++) {
		int listener, fd = lingering(&listener);
		struct tsock s = loop_socket(&f->h1, "loop");
		kill(f->lab.engine, SIGSTOP);
		if (in_message) pass_to_itself(&s, &fd, 1);
		else pass(&f->h1, (struct rpc_request){.op = RPC_SYNC}, NULL, 0, &fd, 1);
		close(fd);
		kill(f->lab.engine, SIGCONT);
		assert_int_equal(answer(&f->h1), in_message);
		t_close(&s);
		assert_int_equal(ask(&f->h2, (struct rpc_request){.op = RPC_SYNC}), 0);
		close(listener);
	}
}

static long engine_sleeps(const struct fixture *f)
{
	char path[64], line[200];
	long n = -1;
	snprintf(path, sizeof path, "/proc/%d/status", (int)f->lab.engine);
	FILE *s = fopen(path, "r");
	while (fgets(line, sizeof line, s)) sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	fclose(s);
	return n;
}

/* The engine looks after a datagram that nobody reads ever more seldom: after a while there are seconds in which it does not wake. */
static void test_unread_wakes_nobody(void **state)
{
	struct fixture *f = *state;
	struct tsock to = t_socket(&f->h1, AF_INET, SOCK_DGRAM), from = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	long before = 0, after = 1;
	char buf[8];
	assert_int_equal(t_bind(&to, "127.0.0.1", 5000), 0);
	assert_int_equal(t_sendto(&from, "127.0.0.1", 5000, "a", 1), 1);
	for (int i = 0; i < 30 && before != after; i++) {
		before = engine_sleeps(f);
		usleep(1200000);
		after = engine_sleeps(f);
	}
	assert_int_equal(before, after);
	assert_int_equal(t_recv(&to, buf, sizeof buf), 1);
	t_close(&to);
	t_close(&from);
}

/* ---- bells ---- */

static long count_of(struct tclient *c, const char *name)
{
	char out[1000], key[64];
	assert_int_equal(t_verb(c, out, sizeof out, "show counts"), 0);
	snprintf(key, sizeof key, "name=%s\tvalue#", name);
	const char *at = strstr(out, key);
	assert_non_null(at);
	return atol(at + strlen(key));
}

static int64_t set_make(struct tclient *c) { return ask(c, (struct rpc_request){.op = RPC_BELL, .arg = {BELL_OF_SET}}); }
static int64_t set_leave(struct tclient *c, int64_t set) { return ask(c, (struct rpc_request){.op = RPC_BELL_FREE, .arg = {set}}); }

/* The word says up to where others look. Whoever makes it small keeps no bell by that. */
static void test_bells_used_is_a_lie(void **state)
{
	struct fixture *f = *state;
	int64_t sets[5];
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) assert_true((sets[i] = set_make(&f->h1)) > 0);
	shared_set32(&f->h1.arena->bells_used, 0);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) assert_int_equal(set_leave(&f->h1, sets[i]), 0);
	assert_int_equal(count_of(&f->h2, "bells"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {T(test_lingering_descriptors), T(test_unread_wakes_nobody), T(test_bells_used_is_a_lie)};
	if (getenv("T")) cmocka_set_test_filter(getenv("T"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
