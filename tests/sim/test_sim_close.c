/*
 * Every way out of RFC 9293's state diagram (§3.3.2), seen on the wire and by TCP_INFO. The link takes 50 ms each way, so
 * that segments cross where the RFC's figures let them cross. Each test ends by waiting until nothing is left to do.
 */
#include "sim.h"
#include <netinet/tcp.h>

#define HALF_RTT (50 * NS_PER_MS)

struct closing { struct sim *sim; struct sim_pair p; };

static struct closing *connected(int domain)
{
	struct closing *c = calloc(1, sizeof *c);
	assert_non_null(c);
	c->sim = sim_new(SIM_PAIR, 5);
	sim_impair(c->sim, "delay 50ms");
	sim_connect(c->sim, domain, 0, &c->p);
	sim_run(c->sim, 2 * NS_PER_S);
	sim_wire_clear(c->sim);
	return c;
}

/* After TIME-WAIT both hosts have forgotten the connection: no timer of it is left, and nothing more is sent. */
static void finish(struct closing *c)
{
	sim_pair_close(&c->p);
	sim_run(c->sim, 200 * NS_PER_S);
	sim_wire_clear(c->sim);
	sim_run(c->sim, 4 * 3600 * NS_PER_S);
	assert_string_equal(c->sim->wire, "");
	assert_true(list_empty(&net_stack(c->sim->a)->socks));
	assert_true(list_empty(&net_stack(c->sim->b)->socks));
	sim_free(c->sim);
	free(c);
}

static void shut(struct sim_stream *st) { sim_stream_send(st, 0, true); }
static int state_of(struct sim_stream *st) { return sim_tcp_state(st->sim, st->sk); }
static void sent(struct closing *c, const char *wire) { assert_string_equal(c->sim->wire, wire); }

static void states(struct closing *c, int a, int b)
{
	assert_int_equal(state_of(&c->p.a), a);
	assert_int_equal(state_of(&c->p.b), b);
}

/* RFC 9293 figure 12 */
static void normal_close(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	shut(&c->p.a);
	sim_run(c->sim, 10 * NS_PER_MS);
	states(c, TCP_FIN_WAIT1, TCP_ESTABLISHED);
	sim_run(c->sim, 3 * NS_PER_S);
	sent(c, "a:FA b:A");
	states(c, TCP_FIN_WAIT2, TCP_CLOSE_WAIT);
	assert_true(c->p.b.eof && !c->p.a.eof);
	shut(&c->p.b);
	sim_run(c->sim, 10 * NS_PER_MS);
	assert_int_equal(state_of(&c->p.b), TCP_LAST_ACK);
	sim_run(c->sim, NS_PER_S);
	sent(c, "a:FA b:A b:FA a:A");
	/* As Linux: what is in TIME-WAIT is no longer the socket, which is closed. */
	states(c, TCP_CLOSE, TCP_CLOSE);
	assert_true(c->p.a.eof);
	finish(c);
}

/* RFC 9293 figure 13 */
static void simultaneous_close(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET6);
	shut(&c->p.a);
	shut(&c->p.b);
	sim_run(c->sim, HALF_RTT + 10 * NS_PER_MS);
	sent(c, "a:FA b:FA b:A a:A");
	states(c, TCP_CLOSING, TCP_CLOSING);
	sim_run(c->sim, NS_PER_S);
	states(c, TCP_CLOSE, TCP_CLOSE);
	sent(c, "a:FA b:FA b:A a:A");
	finish(c);
}

/* FIN-WAIT-1 to TIME-WAIT at once: the peer's FIN acknowledges ours. */
static void close_answered_by_close(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	shut(&c->p.a);
	sim_run(c->sim, HALF_RTT + NS_PER_MS);     /* b delays its ACK for longer than that */
	shut(&c->p.b);
	sim_run(c->sim, NS_PER_S);
	sent(c, "a:FA b:FA a:A");
	finish(c);
}

static void half_close_leaves_the_other_way_open(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET6);
	shut(&c->p.a);
	sim_run(c->sim, NS_PER_S);
	sim_stream_send(&c->p.b, 1 << 20, true);
	sim_run(c->sim, 30 * NS_PER_S);
	assert_int_equal(c->p.a.received, 1 << 20);
	assert_true(c->p.a.eof);
	assert_int_equal(c->p.a.err, 0);
	finish(c);
}

static void close_in_syn_sent_is_silent(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	struct sock *sk = sim_socket(c->sim, c->sim->a, AF_INET, SOCK_STREAM, 0);
	sim_impair(c->sim, "loss 100%");
	sim_connect_start(c->sim, c->sim->a, sk, c->sim->b, 81);
	sim_run(c->sim, 1500 * NS_PER_MS);
	sent(c, "a:S! a:S!");
	assert_int_equal(sim_tcp_state(c->sim, sk), TCP_SYN_SENT);
	sim_close(c->sim, sk);
	sim_run(c->sim, 300 * NS_PER_S);
	sent(c, "a:S! a:S!");
	sim_impair(c->sim, "delay 50ms");
	finish(c);
}

static struct sock *bound(struct closing *c, struct net_host *h, uint16_t port)
{
	struct sockaddr_storage ss;
	struct sock *sk = sim_socket(c->sim, h, AF_INET, SOCK_STREAM, 0);
	socklen_t len = sim_name(c->sim, &ss, AF_INET, h, port);
	assert_int_equal(sim_call(c->sim, h, sock_bind(sk, (struct sockaddr *)&ss, len)), 0);
	return sk;
}

/* RFC 9293 figure 7, and the close that SYN-RECEIVED allows. */
static void simultaneous_open(struct closing *c, bool close_early, const char *wire)
{
	struct sim *sim = c->sim;
	struct sock *a = bound(c, sim->a, 5000), *b = bound(c, sim->b, 6000);
	struct sim_stream sa, sb;
	assert_int_equal(sim_connect_start(sim, sim->a, a, sim->b, 6000), -EINPROGRESS);
	assert_int_equal(sim_connect_start(sim, sim->b, b, sim->a, 5000), -EINPROGRESS);
	sim_run(sim, HALF_RTT + 10 * NS_PER_MS);
	assert_int_equal(sim_tcp_state(sim, a), TCP_SYN_RECV);
	assert_int_equal(sim_tcp_state(sim, b), TCP_SYN_RECV);
	if (close_early) assert_int_equal(sim_call(sim, sim->a, sock_shutdown(a, SHUT_WR)), 0);
	sim_run(sim, NS_PER_S);
	assert_int_equal(sim_tcp_state(sim, a), close_early ? TCP_FIN_WAIT2 : TCP_ESTABLISHED);
	assert_int_equal(sim_tcp_state(sim, b), close_early ? TCP_CLOSE_WAIT : TCP_ESTABLISHED);
	sent(c, wire);
	sim_stream_start(&sa, sim, sim->a, a);
	sim_stream_start(&sb, sim, sim->b, b);
	sim_stream_send(&sb, 5000, true);
	if (!close_early) sim_stream_send(&sa, 5000, true);
	sim_run(sim, 5 * NS_PER_S);
	assert_int_equal(sa.received, 5000);
	assert_int_equal(sb.received, close_early ? 0 : 5000);
	assert_true(sa.eof && sb.eof);
	sim_stream_close(&sa);
	sim_stream_close(&sb);
}

static void both_open_at_once(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	simultaneous_open(c, false, "a:S b:S b:SA a:SA a:A b:A");
	finish(c);
}

static void close_in_syn_received(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	simultaneous_open(c, true, "a:S b:S b:SA a:SA a:FA b:A b:A");
	finish(c);
}

/* ---- resets ---- */

static void close_with_unread_data_resets(void **state)
{
	(void)state;
	/* RFC 2525 §2.17, and Linux */
	struct closing *c = connected(AF_INET);
	c->p.b.paused = true;
	sim_stream_send(&c->p.a, 100, false);
	sim_run(c->sim, NS_PER_S);
	sim_wire_clear(c->sim);
	sim_stream_close(&c->p.b);
	sim_run(c->sim, NS_PER_S);
	sent(c, "b:RA");
	assert_int_equal(c->p.a.err, ECONNRESET);
	finish(c);
}

static void linger_zero_resets(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET6);
	struct linger now = {1, 0};
	assert_int_equal(sim_call(c->sim, c->sim->a, sock_setsockopt(c->p.a.sk, SOL_SOCKET, SO_LINGER, &now, sizeof now)), 0);
	sim_stream_close(&c->p.a);
	sim_run(c->sim, NS_PER_S);
	sent(c, "a:RA");
	assert_int_equal(c->p.b.err, ECONNRESET);
	finish(c);
}

static void data_for_a_closed_socket_is_reset(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	sim_stream_close(&c->p.a);
	sim_run(c->sim, NS_PER_S);
	sent(c, "a:FA b:A");
	assert_true(c->p.b.eof);
	sim_stream_send(&c->p.b, 100, false);
	sim_run(c->sim, NS_PER_S);
	sent(c, "a:FA b:A b:A(100) a:R");
	/* As Linux: in CLOSE-WAIT a reset is EPIPE, once; writing then is EPIPE as well. */
	assert_int_equal(state_of(&c->p.b), TCP_CLOSE);
	sim_stream_send(&c->p.b, 100, false);
	sim_run(c->sim, NS_PER_S);
	assert_int_equal(c->p.b.err, EPIPE);
	finish(c);
}

static void an_orphan_leaves_fin_wait_2_by_itself(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	sim_stream_close(&c->p.a);
	sim_run(c->sim, 130 * NS_PER_S);   /* tcp_fin_timeout is 60 s, and TIME-WAIT may follow it */
	sent(c, "a:FA b:A");
	sim_stream_send(&c->p.b, 1, false);
	sim_run(c->sim, NS_PER_S);
	sent(c, "a:FA b:A b:A(1) a:R");
	finish(c);
}

static void a_listener_takes_its_queue_with_it(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	struct sock *client = sim_socket(c->sim, c->sim->a, AF_INET, SOCK_STREAM, 0);
	sim_connect_start(c->sim, c->sim->a, client, c->sim->b, SIM_PORT);
	sim_run(c->sim, NS_PER_S);
	sent(c, "a:S b:SA a:A");
	sim_close(c->sim, c->p.listener);
	c->p.listener = NULL;
	sim_run(c->sim, NS_PER_S);
	sent(c, "a:S b:SA a:A b:RA");
	assert_int_equal(sim_connect_start(c->sim, c->sim->a, client, c->sim->b, SIM_PORT), -ECONNRESET);
	sim_close(c->sim, client);
	finish(c);
}

/* ---- what the link loses ---- */

static void lost_fins_are_sent_again(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET6);
	sim_impair(c->sim, "loss 100%");
	shut(&c->p.a);
	sim_run(c->sim, 100 * NS_PER_MS);
	sent(c, "a:FA!");
	sim_impair(c->sim, "delay 50ms");
	sim_run(c->sim, 5 * NS_PER_S);
	sent(c, "a:FA! a:FA b:A");
	states(c, TCP_FIN_WAIT2, TCP_CLOSE_WAIT);
	finish(c);
}

static void a_lost_last_ack_is_given_again(void **state)
{
	(void)state;
	struct closing *c = connected(AF_INET);
	shut(&c->p.a);
	sim_run(c->sim, NS_PER_S);
	shut(&c->p.b);
	sim_run(c->sim, 30 * NS_PER_MS);
	sim_impair(c->sim, "loss 100%");
	sim_run(c->sim, 30 * NS_PER_MS);
	sim_impair(c->sim, "delay 50ms");
	sent(c, "a:FA b:A b:FA a:A!");
	sim_run(c->sim, 5 * NS_PER_S);
	/* RFC 9293 §3.10.7.4: in TIME-WAIT a FIN again is acknowledged again. */
	sent(c, "a:FA b:A b:FA a:A! b:FA a:A");
	finish(c);
}

static void closes_on_a_lossy_link_always_end(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 60; seed++) {
		struct closing c = {.sim = sim_new(SIM_PAIR, seed)};
		sim_connect(c.sim, seed % 2 ? AF_INET6 : AF_INET, 0, &c.p);
		sim_impair(c.sim, "delay 50ms 30ms loss 25%");
		sim_stream_send(&c.p.a, 3000, true);
		sim_run(c.sim, (time_ns)(seed % 7) * 37 * NS_PER_MS);
		sim_stream_send(&c.p.b, 3000, true);
		sim_run(c.sim, 600 * NS_PER_S);
		assert_int_equal(c.p.a.received, 3000);
		assert_int_equal(c.p.b.received, 3000);
		assert_true(c.p.a.eof && c.p.b.eof && !c.p.a.err && !c.p.b.err);
		sim_pair_close(&c.p);
		sim_run(c.sim, 2000 * NS_PER_S);
		assert_true(list_empty(&net_stack(c.sim->a)->socks) && list_empty(&net_stack(c.sim->b)->socks));
		sim_free(c.sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(normal_close),
		cmocka_unit_test(simultaneous_close),
		cmocka_unit_test(close_answered_by_close),
		cmocka_unit_test(half_close_leaves_the_other_way_open),
		cmocka_unit_test(close_in_syn_sent_is_silent),
		cmocka_unit_test(both_open_at_once),
		cmocka_unit_test(close_in_syn_received),
		cmocka_unit_test(close_with_unread_data_resets),
		cmocka_unit_test(linger_zero_resets),
		cmocka_unit_test(data_for_a_closed_socket_is_reset),
		cmocka_unit_test(an_orphan_leaves_fin_wait_2_by_itself),
		cmocka_unit_test(a_listener_takes_its_queue_with_it),
		cmocka_unit_test(lost_fins_are_sent_again),
		cmocka_unit_test(a_lost_last_ack_is_given_again),
		cmocka_unit_test(closes_on_a_lossy_link_always_end),
	};
	return cmocka_run_group_tests_name("sim-close", tests, NULL, NULL);
}
