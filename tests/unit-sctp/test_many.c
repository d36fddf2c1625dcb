/* One-to-many sockets: associations that sends begin, notifications, sctp_peeloff, SCTP_AUTOCLOSE, and what an end is told of. */
#include "bench.h"

#define NAMED(...) (&(struct wish_sent){__VA_ARGS__})

/* The next thing in the queue is a notification of this type: its struct. */
static const void *told(struct sock *sk, unsigned type)
{
	const struct got *g = call_recv(sk);
	uint16_t t;

	assert_true(g->n >= 8);
	assert_true(g->flags & MSG_NOTIFICATION);
	assert_true(g->flags & MSG_EOR);
	memcpy(&t, g->data, sizeof t);
	assert_int_equal(t, type);
	return g->data;
}

static const struct sctp_assoc_change *change(struct sock *sk, unsigned state)
{
	const struct sctp_assoc_change *c = told(sk, SCTP_ASSOC_CHANGE);

	assert_int_equal(c->sac_state, state);
	return c;
}

static void drain(struct sock *sk)
{
	while (call_recv(sk)->n >= 0) {}
}

/* RFC 6458 §3.1.4: a message to a stranger begins an association; his answer comes by it. */
static void a_send_connects(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = listening(many(b->net.s[1]), "0.0.0.0", 7);
	const struct got *g;
	sctp_assoc_t id;

	events_on(x);
	events_on(y);
	assert_int_equal(call_sendmsg(x, "one", 3, NAMED(.to = "10.0.0.2", .port = 7, .stream = 2, .ppid = 0x11223344, .context = 5)), 3);
	assert_int_equal(call_sendmsg(x, "two", 3, NAMED(.to = "10.0.0.2", .port = 7)), 3);
	settle(b);
	change(y, SCTP_COMM_UP);
	told(y, SCTP_ADAPTATION_INDICATION);
	g = call_recv(y);
	if (g->flags & MSG_NOTIFICATION) g = call_recv(y);   /* that another address was confirmed */
	assert_int_equal(g->n, 3);
	assert_true(g->has_info);
	assert_int_equal(g->info.rcv_sid, 2);
	assert_int_equal(g->info.rcv_ppid, 0x11223344);
	id = g->info.rcv_assoc_id;
	assert_true(id > SCTP_ALL_ASSOC);
	assert_int_equal(((const struct sockaddr_in *)&g->from)->sin_addr.s_addr, htonl(0x0a000001));
	assert_int_equal(sctp_of(x)->n_assocs, 1);
	assert_int_equal(call_sendmsg(y, "back", 4, NAMED(.id = id)), 4);
	assert_int_equal(call_sendmsg(y, "back", 4, NAMED(.id = id + 1)), -EPIPE);
	bench_pass(b, NS_PER_S);
	change(x, SCTP_COMM_UP);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EISCONN);
}

/* RFC 6458 §5.3.2: SCTP_EOF ends one association, SCTP_ABORT another; each side is told. */
static void ends_are_told(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = listening(many(b->net.s[1]), "0.0.0.0", 7), *z = listening(many(b->net.s[1]), "0.0.0.0", 8);
	const struct sctp_assoc_change *c;

	events_on(x);
	events_on(y);
	events_on(z);
	call_sendmsg(x, "y", 1, NAMED(.to = "10.0.0.2", .port = 7));
	call_sendmsg(x, "z", 1, NAMED(.to = "10.0.0.2", .port = 8));
	bench_pass(b, NS_PER_S);
	drain(x), drain(y), drain(z);
	assert_int_equal(call_sendmsg(x, "data", 4, NAMED(.to = "10.0.0.2", .port = 7, .flags = SCTP_EOF)), -EINVAL);
	assert_int_equal(call_sendmsg(x, NULL, 0, NAMED(.to = "10.0.0.2", .port = 7, .flags = SCTP_EOF)), 0);
	bench_pass(b, NS_PER_S);
	change(x, SCTP_SHUTDOWN_COMP);
	told(y, SCTP_SHUTDOWN_EVENT);
	change(y, SCTP_SHUTDOWN_COMP);
	assert_int_equal(call_sendmsg(x, "why", 3, NAMED(.to = "10.0.0.2", .port = 8, .flags = SCTP_ABORT)), 3);
	settle(b);
	change(x, SCTP_COMM_LOST);
	c = change(z, SCTP_COMM_LOST);
	assert_int_equal(c->sac_error, CAUSE_USER_ABORT);
	assert_int_equal(sctp_of(x)->n_assocs + sctp_of(y)->n_assocs + sctp_of(z)->n_assocs, 0);
	assert_int_equal(call_recv(x)->n, -EAGAIN);
}

/* RFC 6458 §6.1.4: what was not sent comes back. */
static void nobody_listens(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]);
	const struct sctp_send_failed *f;

	events_on(x);
	assert_int_equal(call_sendmsg(x, "lost", 4, NAMED(.to = "10.0.0.2", .port = 7, .context = 42)), 4);
	settle(b);
	f = told(x, SCTP_SEND_FAILED);
	assert_int_equal(f->ssf_flags, SCTP_DATA_UNSENT);
	assert_int_equal(f->ssf_info.sinfo_context, 42);
	assert_int_equal(f->ssf_length, sizeof *f + 4);
	assert_memory_equal(f->ssf_data, "lost", 4);
	told(x, SCTP_SEND_FAILED_EVENT);
	change(x, SCTP_CANT_STR_ASSOC);
}

/* RFC 6458 §9.2: an association gets a socket of its own, with what waits to be read. */
static void peeled_off(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = listening(many(b->net.s[1]), "0.0.0.0", 7), *own;
	sctp_assoc_t id;

	call_sendmsg(x, "one", 3, NAMED(.to = "10.0.0.2", .port = 7));
	settle(b);
	id = assoc_at(y)->id;
	assert_int_equal(sctp_peel_off(y, id + 1, &own), -EINVAL);
	assert_int_equal(sctp_peel_off(y, id, &own), 0);
	assert_int_equal(sctp_of(y)->n_assocs, 0);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	assert_int_equal(call_recv(own)->n, 3);
	assert_int_equal(call_send(own, "back", 4), 4);
	settle(b);
	assert_int_equal(call_recv(x)->n, 4);
	sock_close(own);
	bench_pass(b, NS_PER_S);
	assert_int_equal(sctp_of(x)->n_assocs, 0);
}

/* RFC 6458 §8.1.8 */
static void autoclose(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = listening(many(b->net.s[1]), "0.0.0.0", 7);

	assert_int_equal(set_int(x, SCTP_AUTOCLOSE, 5), 0);
	call_sendmsg(x, "one", 3, NAMED(.to = "10.0.0.2", .port = 7));
	bench_pass(b, 4 * NS_PER_S);
	call_sendmsg(x, "two", 3, NAMED(.to = "10.0.0.2", .port = 7));
	bench_pass(b, 4 * NS_PER_S);
	assert_int_equal(sctp_of(y)->n_assocs, 1);
	bench_pass(b, 2 * NS_PER_S);
	assert_int_equal(sctp_of(x)->n_assocs, 0);
	assert_int_equal(sctp_of(y)->n_assocs, 0);
	assert_int_equal(set_int(one(b->net.s[0]), SCTP_AUTOCLOSE, 5), -EOPNOTSUPP);
}

/* RFC 3758 §3.5 (3758-1): a message that has lived its time is given up, those behind it arrive. */
static void lifetime(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = listening(many(b->net.s[1]), "0.0.0.0", 7);
	struct sctp_prinfo pr = {SCTP_PR_SCTP_TTL, 500};

	call_sendmsg(x, "first", 5, NAMED(.to = "10.0.0.2", .port = 7));
	bench_pass(b, NS_PER_S);
	assert_int_equal(call_recv(y)->n, 5);
	b->net.cut[0] = b->net.cut[1] = true;
	call_sendmsg(x, "mortal", 6, NAMED(.to = "10.0.0.2", .port = 7, .pr = &pr));
	bench_pass(b, 900 * NS_PER_MS);
	b->net.cut[0] = b->net.cut[1] = false;
	call_sendmsg(x, "after", 5, NAMED(.to = "10.0.0.2", .port = 7));
	bench_pass(b, 10 * NS_PER_S);
	assert_int_equal(call_recv(y)->n, 5);
	assert_int_equal(call_recv(y)->n, -EAGAIN);
	assert_true(b->chunks[CHUNK_FORWARD_TSN] > 0);
	assert_int_equal(assoc_at(x)->snd.queued, 0);
}

/* RFC 9260 §5.2.4 (9260-5): the peer has lost its memory. */
static void a_restart(void **state)
{
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = listening(many(b->net.s[1]), "0.0.0.0", 7);

	assert_int_equal(call_bind(x, "0.0.0.0", 1000), 0);
	events_on(y);
	call_sendmsg(x, "one", 3, NAMED(.to = "10.0.0.2", .port = 7));
	bench_pass(b, NS_PER_S);
	drain(y);
	b->net.cut[0] = b->net.cut[1] = true;
	x->linger = (struct linger){1, 0};
	sock_close(x);
	settle(b);
	b->net.cut[0] = b->net.cut[1] = false;
	x = many(b->net.s[0]);
	assert_int_equal(call_bind(x, "0.0.0.0", 1000), 0);
	call_sendmsg(x, "again", 5, NAMED(.to = "10.0.0.2", .port = 7));
	settle(b);
	change(y, SCTP_RESTART);
	assert_int_equal(call_recv(y)->n, 5);
	assert_int_equal(sctp_of(y)->n_assocs, 1);
	assert_int_equal(assoc_at(y)->peer_tag, assoc_at(x)->my_tag);
}

/* RFC 9260 §5.2.1, §5.2.4 (9260-6): both begin at once, and there is one association. */
static void both_begin(void **state)
{
	struct bench *b = *state;
	struct sock *x = listening(many(b->net.s[0]), "0.0.0.0", 7), *y = listening(many(b->net.s[1]), "0.0.0.0", 7);

	call_sendmsg(x, "one", 3, NAMED(.to = "10.0.0.2", .port = 7));
	call_sendmsg(y, "other", 5, NAMED(.to = "10.0.0.1", .port = 7));
	bench_pass(b, NS_PER_S);
	assert_int_equal(sctp_of(x)->n_assocs, 1);
	assert_int_equal(sctp_of(y)->n_assocs, 1);
	assert_int_equal(call_recv(x)->n, 5);
	assert_int_equal(call_recv(y)->n, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(a_send_connects), BENCH_TEST(ends_are_told), BENCH_TEST(nobody_listens), BENCH_TEST(peeled_off), BENCH_TEST(autoclose),
		BENCH_TEST(lifetime), BENCH_TEST(a_restart), BENCH_TEST(both_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
