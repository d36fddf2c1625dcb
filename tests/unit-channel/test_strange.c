/* What no shim does, but a program may: each time the engine goes on for all others, and keeps nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "channel/atomic.h"
#include "channel/offer.h"
#include "fixture.h"
#include "rpc/call_fault.h"

#define PORT 5000

static int descriptors_of(pid_t pid)
{
	char path[32];
	int n = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	assert_non_null(d);
	while (readdir(d)) n++;
	closedir(d);
	return n;
}

static void test_empty_message_at_the_door(void **state)
{
	struct fixture *f = *state;
	struct tclient late;
	assert_int_equal(send(f->lab.doors[0], "", 0, 0), 0);
	t_sync(&f->h1);
	t_hello(&late, &f->lab, 0);
	t_sync(&late);
	t_end(&late);
}

static void test_bound_again_and_again(void **state)
{
	struct fixture *f = *state;
	struct tsock s = t_socket(&f->h1, AF_PACKET, SOCK_DGRAM);
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(3)};
	int file = open("/", O_PATH), before = descriptors_of(f->lab.engine);
	for (int i = 0; i < 100; i++) assert_int_equal(t_pass(&s, RPC_BIND, &a, sizeof a, &file, 1), 0);
	assert_true(descriptors_of(f->lab.engine) < before + 50);
	t_close(&s);
	t_sync(&f->h1);
	assert_true(descriptors_of(f->lab.engine) < before + 50);
	close(file);
}

/* The bell's eventfd is full, and waits for whoever writes to it. */
static void test_full_bell(void **state)
{
	struct fixture *f = *state;
	struct rpc_request q = {.op = RPC_BELL};
	struct rpc_reply reply;
	int bell_fd;
	int64_t bell = t_request(&f->h1, &q, NULL, 0, &reply, NULL, &bell_fd);
	assert_true(bell >= 0 && bell_fd >= 0);
	struct tsock to = t_socket(&f->h1, AF_INET, SOCK_DGRAM), from = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	assert_int_equal(t_bind(&to, "127.0.0.1", PORT), 0);
	struct rpc_watch w = {to.channel, to.generation};
	q = (struct rpc_request){.op = RPC_WATCH, .arg = {bell}};
	assert_true(t_request(&f->h1, &q, &w, sizeof w, &reply, NULL, NULL) >= 0);
	uint64_t most = UINT64_MAX - 1;
	assert_int_equal(write(bell_fd, &most, sizeof most), (int)sizeof most);
	assert_int_equal(fcntl(bell_fd, F_SETFL, fcntl(bell_fd, F_GETFL) & ~O_NONBLOCK), 0);
	atomic_store(&arena_bell(f->h1.arena, (uint32_t)bell)->armed, BELL_EVENTFD);
	assert_int_equal(t_sendto(&from, "127.0.0.1", PORT, "x", 1), 1);
	t_sync(&f->h2);
	close(bell_fd);
	t_close(&to);
	t_close(&from);
}

/* A SEND where the ring would do: what comes after it by the ring stays behind it. */
static void test_send_while_direct(void **state)
{
	struct fixture *f = *state;
	struct tsock l = t_socket(&f->h1, AF_INET, SOCK_STREAM), a = t_socket(&f->h1, AF_INET, SOCK_STREAM), b;
	struct { struct rpc_send h; char data[2]; } __attribute__((packed)) call = {{.data_len = 2}, "22"};
	char got[7] = {0};
	assert_int_equal(t_bind(&l, "127.0.0.1", PORT), 0);
	assert_int_equal(t_call(&l, RPC_LISTEN, 5, 0, NULL, 0), 0);
	assert_int_equal(t_connect(&a, "127.0.0.1", PORT), 0);
	assert_int_equal(t_accept(&l, &b), 0);
	assert_int_equal(t_write(&a, "11", 2), 2);
	assert_int_equal(t_recv(&b, got, 2), 2);
	assert_int_equal(t_call(&a, RPC_SEND, 0, 0, &call, sizeof call), 2);
	assert_int_equal(t_write(&a, "33", 2), 2);
	for (ssize_t n = 2; n < 6; n += t_recv(&b, got + n, 6 - (size_t)n)) {}
	assert_string_equal(got, "112233");
	t_close(&a);
	t_close(&b);
	t_close(&l);
}

/* A reset that is wished for a connection is none for who listens. */
static void test_fault_on_a_listener(void **state)
{
	struct fixture *f = *state;
	struct tsock l = t_socket(&f->h1, AF_INET, SOCK_STREAM), a = t_socket(&f->h1, AF_INET, SOCK_STREAM), b;
	char out[200];
	assert_int_equal(t_verb(&f->h1, out, sizeof out, "fault h1 recv reset"), 0);
	assert_int_equal(t_bind(&l, "127.0.0.1", PORT), 0);
	assert_int_equal(t_call(&l, RPC_LISTEN, 5, 0, NULL, 0), 0);
	assert_int_equal(t_connect(&a, "127.0.0.1", PORT), 0);
	t_call(&l, RPC_FAULT, FAULT_RECV, 100, NULL, 0);
	assert_int_equal(t_accept(&l, &b), 0);
	t_close(&a);
	t_close(&b);
	t_close(&l);
}

/* A connection that was accepted ahead is in the place of one who is gone, and somebody says that it was taken: it is nobody's, and ends. */
static void test_taken_by_nobody(void **state)
{
	struct fixture *f = *state;
	struct tsock l = t_socket(&f->h1, AF_INET, SOCK_STREAM), a = t_socket(&f->h1, AF_INET, SOCK_STREAM), b = t_socket(&f->h1, AF_INET, SOCK_STREAM);
	struct tsock theirs = l, spare;
	struct offer *o = arena_offer(f->h1.arena, l.channel);
	struct tclient gone;
	t_hello(&gone, &f->lab, 0);
	theirs.c = &gone;
	assert_int_equal(t_bind(&l, "127.0.0.1", PORT), 0);
	assert_int_equal(t_call(&l, RPC_LISTEN, 5, 0, NULL, 0), 0);
	assert_int_equal(t_connect(&a, "127.0.0.1", PORT), 0);
	assert_int_equal(t_accept(&theirs, &spare), 0);
	atomic_fetch_or(&arena_channel(gone.arena, spare.channel)->flags, CHF_CLOSED);
	t_ring(&gone, spare.channel);
	t_sync(&gone);
	shared_set64(&o->word, offer_word(OFFER_OPEN, spare.channel, spare.generation));
	assert_int_equal(t_connect(&b, "127.0.0.1", PORT), 0);
	t_sync(&f->h1);
	assert_int_equal(offer_look(o), offer_word(OFFER_FULL, spare.channel, spare.generation));
	close(spare.fd);
	t_end(&gone);
	t_sync(&f->h1);
	assert_int_equal(offer_look(o), offer_word(OFFER_FULL, spare.channel, 0));
	shared_set64(&o->word, 0);
	t_ring(&f->h1, l.channel);
	assert_true(t_wait(&b, EPOLLRDHUP));
	t_close(&a);
	t_close(&b);
	t_close(&l);
}

/* ---- a port is free once its socket is closed, whatever else the engine hears of meanwhile ---- */

_Noreturn static void clamour(struct fixture *f)
{
	static struct tclient many[60];
	struct rpc_request q = {.op = RPC_SYNC};
	char reply[100];
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) t_hello(&many[i], &f->lab, 1);
	for (;;) {
		for (size_t i = 0; i < ARRAY_SIZE(many); i++) send(many[i].fd, &q, sizeof q, MSG_NOSIGNAL);
		for (size_t i = 0; i < ARRAY_SIZE(many); i++) recv(many[i].fd, reply, sizeof reply, 0);
	}
}

static void test_closed_port_is_free(void **state)
{
	struct fixture *f = *state;
	pid_t noise = fork();
	if (noise == 0) clamour(f);
	int taken = 0;
	for (int i = 0; i < 1500; i++) {
		struct tsock first = t_socket(&f->h1, AF_INET, SOCK_DGRAM), second = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
		assert_int_equal(t_bind(&first, "127.0.0.1", PORT), 0);
		t_close(&first);
		if (t_bind(&second, "127.0.0.1", PORT) < 0) taken++;
		t_close(&second);
		t_sync(&f->h1);
		t_sync(&f->h1);
	}
	kill(noise, SIGKILL);
	waitpid(noise, NULL, 0);
	assert_int_equal(taken, 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
		T(test_empty_message_at_the_door), T(test_bound_again_and_again), T(test_full_bell), T(test_send_while_direct), T(test_fault_on_a_listener),
		T(test_taken_by_nobody), T(test_closed_port_is_free),
	};
	if (getenv("T")) cmocka_set_test_filter(getenv("T"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
