/* Who gets a ticket for whose inbox, and what ends it: the engine from a process that speaks its calls itself. */
#include <errno.h>
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <cmocka.h>
#include "channel/atomic.h"
#include "channel/inbox.h"
#include "client.h"

#define PORT 5353

struct fixture { struct lab lab; struct tclient h1, h2, other; struct tsock from, to; char addr[ADDR_TEXT_MAX]; };

static int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	lab_start(&f->lab, "single,2");
	t_hello(&f->h1, &f->lab, 0);
	t_hello(&f->h2, &f->lab, 1);
	t_hello(&f->other, &f->lab, 0);
	for (size_t i = 0; i < f->lab.topo.n_ifs; i++)
		if (f->lab.topo.ifs[i].host == 1) addr_text(f->addr, &f->lab.topo.ifs[i].v4.addr);
	f->from = t_socket(&f->h1, AF_INET, SOCK_DGRAM);
	f->to = t_socket(&f->h2, AF_INET, SOCK_DGRAM);
	assert_int_equal(t_bind(&f->to, "0.0.0.0", PORT), 0);
	*state = f;
	return 0;
}

static int fixture_free(void **state)
{
	struct fixture *f = *state;
	t_close(&f->from);
	t_close(&f->to);
	t_end(&f->h1);
	t_end(&f->h2);
	t_end(&f->other);
	assert_int_equal(lab_end(&f->lab), 0);
	free(f);
	return 0;
}

static struct channel *chan(const struct tsock *s) { return arena_channel(s->c->arena, s->channel); }

/* One datagram by the engine, and a ticket asked for; the datagram is taken out again. */
static bool ask(struct fixture *f, struct rpc_ticket *ret)
{
	static uint8_t in[256], out[RPC_OUT_MAX];
	struct rpc_request q = {.op = RPC_SEND, .channel = f->from.channel, .generation = f->from.generation, .arg = {1}};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	struct rpc_send h = {.name_len = sizeof a, .data_len = 1};
	struct rpc_reply reply;
	char c[10];
	inet_pton(AF_INET, f->addr, &a.sin_addr);
	memcpy(in, &h, sizeof h);
	memcpy(in + sizeof h, &a, sizeof a);
	assert_int_equal(t_request(&f->h1, &q, in, sizeof h + sizeof a + 1, &reply, out, NULL), 1);
	while (t_recv(&f->to, c, sizeof c) != 1) {}
	assert_true(reply.out_len == 0 || reply.out_len == sizeof *ret);
	if (reply.out_len) memcpy(ret, out, sizeof *ret);
	return reply.out_len > 0;
}

static enum inbox_answer put(struct fixture *f, const struct rpc_ticket *t, const char *text, size_t len)
{
	struct record r = {.data_len = (uint32_t)len, .name_len = (uint16_t)t->name_len, .sender = f->from.channel};
	struct inbox_slot slot;
	enum inbox_answer answer = inbox_begin(f->h1.arena, t->segment, t->serial, f->h1.id, &r, &slot);
	if (answer != INBOX_MINE) return answer;
	inbox_write(f->h1.arena, &slot, t->name, t->name_len);
	inbox_write(f->h1.arena, &slot, text, len);
	return inbox_end(&slot, true) ? INBOX_MINE : INBOX_ELSEWHERE;
}

static void expect(struct tsock *s, const char *text)
{
	char buf[100] = "";
	assert_int_equal(t_recv_now(s, buf, sizeof buf - 1), strlen(text));
	assert_string_equal(buf, text);
}

/* A ticket is given, and good; and then again, when what ended the last one is over. */
static struct rpc_ticket fresh(struct fixture *f)
{
	struct rpc_ticket t;
	assert_true(ask(f, &t));
	assert_int_equal(t.ticket, shared_get32(&chan(&f->from)->posted.ticket));
	assert_int_equal(put(f, &t, "good", 4), INBOX_MINE);
	expect(&f->to, "good");
	return t;
}

static void option(struct tsock *s, int level, int name, int value)
{
	assert_int_equal(t_call(s, RPC_SETSOCKOPT, level, name, &value, sizeof value), 0);
}

static void verb(struct fixture *f, const char *words)
{
	char out[500];
	assert_int_equal(t_verb(&f->h1, out, sizeof out, words), 0);
}

static void test_what_it_says(void **state)
{
	struct fixture *f = *state;
	struct rpc_ticket t = fresh(f);
	struct sockaddr_in from = {0}, name;
	struct record r;
	char control, data[10];
	assert_int_equal(put(f, &t, "x", 1), INBOX_MINE);
	assert_true(chan_read_record(f->h2.arena, chan(&f->to), &r, &from, sizeof from, &control, 0, data, sizeof data, false));
	memcpy(&name, t.name, sizeof name);
	assert_int_equal(t.name_len, sizeof name);
	assert_memory_equal(&from, &name, sizeof from);
	assert_int_not_equal(name.sin_port, 0);
	assert_int_equal(t.octets_max, 65507);
}

static void test_receivers_that_want_more(void **state)
{
	struct fixture *f = *state;
	static const struct { int level, name; } wishes[] = {{IPPROTO_IP, IP_RECVTTL}, {IPPROTO_IP, IP_PKTINFO}, {SOL_SOCKET, SO_TIMESTAMP},
							     {SOL_SOCKET, SO_RXQ_OVFL}};
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		struct rpc_ticket t = fresh(f);
		option(&f->to, wishes[i].level, wishes[i].name, 1);
		assert_int_equal(put(f, &t, "x", 1), INBOX_ELSEWHERE);
		assert_false(ask(f, &t));
		option(&f->to, wishes[i].level, wishes[i].name, 0);
	}
	fresh(f);
}

static void test_senders_that_shape(void **state)
{
	struct fixture *f = *state;
	static const struct { int level, name, on, off; } shapes[] = {
		{IPPROTO_IP, IP_TTL, 9, -1}, {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_PMTUDISC_WANT}, {IPPROTO_IP, IP_RECVERR, 1, 0},
		{SOL_SOCKET, SO_DONTROUTE, 1, 0},
	};
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct rpc_ticket t = fresh(f);
		option(&f->from, shapes[i].level, shapes[i].name, shapes[i].on);
		assert_int_not_equal(t.ticket, shared_get32(&chan(&f->from)->posted.ticket));
		assert_false(ask(f, &t));
		option(&f->from, shapes[i].level, shapes[i].name, shapes[i].off);
	}
	fresh(f);
}

static void test_calls_of_the_sender(void **state)
{
	struct fixture *f = *state;
	struct rpc_ticket t = fresh(f);
	assert_int_equal(t_connect(&f->from, f->addr, PORT), 0);
	assert_int_not_equal(t.ticket, shared_get32(&chan(&f->from)->posted.ticket));
	t = fresh(f);
	t_call(&f->from, RPC_SHUTDOWN, 1, 0, NULL, 0);
	assert_int_not_equal(t.ticket, shared_get32(&chan(&f->from)->posted.ticket));
}

static void test_ways(void **state)
{
	struct fixture *f = *state;
	struct rpc_ticket t = fresh(f);
	verb(f, "set h1 delay 1ms");
	assert_int_equal(put(f, &t, "x", 1), INBOX_ELSEWHERE);
	assert_false(ask(f, &t));
	verb(f, "set h1 clear");
	t = fresh(f);
	verb(f, "cut h1 / h2 for 1ms");
	assert_int_equal(put(f, &t, "x", 1), INBOX_ELSEWHERE);
	usleep(20000);
	fresh(f);
	struct tsock tap = t_socket(&f->h2, AF_PACKET, SOCK_RAW);
	assert_false(ask(f, &t));
	t_close(&tap);
	t_sync(&f->h2);
	struct rpc_request q = {.op = RPC_SOCKET, .arg = {AF_INET, SOCK_RAW, IPPROTO_UDP}};
	struct rpc_reply reply;
	int fd;
	fresh(f);
	assert_int_equal(t_request(&f->h2, &q, NULL, 0, &reply, NULL, &fd), 0);
	assert_false(ask(f, &t));
	close(fd);
	t_sync(&f->h2);
	fresh(f);
}

static void test_claims_on_the_port(void **state)
{
	struct fixture *f = *state;
	struct tsock better = t_socket(&f->h2, AF_INET, SOCK_DGRAM);
	option(&f->to, SOL_SOCKET, SO_REUSEADDR, 1);
	option(&better, SOL_SOCKET, SO_REUSEADDR, 1);
	struct rpc_ticket t = fresh(f);
	assert_int_equal(t_bind(&better, f->addr, PORT), 0);
	assert_int_equal(put(f, &t, "x", 1), INBOX_ELSEWHERE);
	assert_int_equal(t_sendto(&f->from, f->addr, PORT, "better", 6), 6);
	expect(&better, "better");
	t_close(&better);
	t_sync(&f->h2);
	t = fresh(f);
	assert_int_equal(t_connect(&f->to, "127.0.0.1", 9), 0);
	assert_int_equal(put(f, &t, "x", 1), INBOX_ELSEWHERE);
}

/* What comes by the engine stands behind what came before, and before what comes after; no ticket outlives it. */
static void test_one_line(void **state)
{
	struct fixture *f = *state;
	struct rpc_ticket t = fresh(f);
	assert_int_equal(put(f, &t, "one", 3), INBOX_MINE);
	assert_int_equal(t_sendto(&f->from, f->addr, PORT, "two", 3), 3);
	assert_int_equal(put(f, &t, "x", 1), INBOX_ELSEWHERE);
	assert_int_equal(t_sendto(&f->from, f->addr, PORT, "three", 5), 5);
	expect(&f->to, "one");
	expect(&f->to, "two");
	expect(&f->to, "three");
	assert_int_equal(t_recv_now(&f->to, (char[10]){0}, 10), -EAGAIN);
	fresh(f);
}

static void test_receive_buffer(void **state)
{
	struct fixture *f = *state;
	static char data[1000];
	int held = 0, more = 0;
	option(&f->to, SOL_SOCKET, SO_RCVBUF, 10000);
	struct rpc_ticket t = fresh(f);
	enum inbox_answer answer;
	while ((answer = put(f, &t, data, sizeof data)) == INBOX_MINE) held++;
	assert_int_equal(answer, INBOX_FULL);
	assert_in_range(held, 3, 20);
	/* Nor has the engine's room then. */
	assert_int_equal(t_sendto(&f->from, f->addr, PORT, data, sizeof data), (int)sizeof data);
	while (t_recv_now(&f->to, data, sizeof data) == (int)sizeof data) more++;
	assert_int_equal(more, held);
	fresh(f);
}

static void test_receiver_dies(void **state)
{
	struct fixture *f = *state;
	struct tsock mortal = t_socket(&f->h2, AF_INET, SOCK_DGRAM);
	assert_int_equal(t_connect(&f->from, f->addr, PORT), 0);
	struct rpc_ticket t = fresh(f);
	assert_int_equal(put(f, &t, "late", 4), INBOX_MINE);
	t_close(&f->to);
	t_sync(&f->h2);
	assert_true(t_poll(&f->from) & EPOLLERR);
	assert_int_equal(t_call(&f->from, RPC_TAKE_ERROR, 0, 0, NULL, 0), ECONNREFUSED);
	assert_int_equal(put(f, &t, "x", 1), INBOX_ELSEWHERE);
	/* One that says that it closes is no such news. */
	f->to = mortal;
	assert_int_equal(t_bind(&f->to, "0.0.0.0", PORT), 0);
	t = fresh(f);
	assert_int_equal(put(f, &t, "early", 5), INBOX_MINE);
	atomic_fetch_or(&chan(&f->to)->flags, CHF_CLOSING);
	assert_int_equal(put(f, &t, "x", 1), INBOX_ELSEWHERE);
	t_close(&f->to);
	t_sync(&f->h2);
	assert_int_equal(t_call(&f->from, RPC_TAKE_ERROR, 0, 0, NULL, 0), 0);
	f->to = t_socket(&f->h2, AF_INET, SOCK_DGRAM);
}

/* In the middle, with the lock. */
static void test_sender_dies(void **state)
{
	struct fixture *f = *state;
	struct rpc_ticket t = fresh(f);
	struct record r = {.data_len = 10};
	struct inbox_slot slot;
	assert_int_equal(inbox_begin(f->other.arena, t.segment, t.serial, f->other.id, &r, &slot), INBOX_MINE);
	assert_int_equal(put(f, &t, "x", 1), INBOX_BUSY);
	t_end(&f->other);
	t_hello(&f->other, &f->lab, 0);
	enum inbox_answer answer;
	for (int i = 0; (answer = put(f, &t, "next", 4)) == INBOX_BUSY && i < 10000; i++) usleep(1000);   /* until the engine has heard of it */
	assert_int_equal(answer, INBOX_MINE);
	expect(&f->to, "next");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
		T(test_what_it_says), T(test_receivers_that_want_more), T(test_senders_that_shape), T(test_calls_of_the_sender), T(test_ways),
		T(test_claims_on_the_port), T(test_one_line), T(test_receive_buffer), T(test_receiver_dies), T(test_sender_dies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
