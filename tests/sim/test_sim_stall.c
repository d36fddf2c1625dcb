/*
 * Streams that must not stop. Two programs write, pause, read little, send urgent octets, change their buffers and half-close, over a link that loses,
 * reorders and duplicates, and whose MTU changes, with hosts that are set up in any way. Then the weather is fair, both read, and have to get all:
 * whatever both ends believe of each other's windows by then, somebody asks.
 *
 *     sim-stall [FIRST COUNT]         without them a few
 */
#include "sim.h"
#include <netinet/tcp.h>
#include "base/random.h"
#include "host/crypto.h"
#include "stack/core/sysctl.h"

#define STEPS 60
#define FAIR_S 400                  /* a time-out that has backed off to two minutes, and the same again of the other side */
#define PROTOCOL_MPTCP 262
#define PICK(c, choices) ((choices)[draw(c, ARRAY_SIZE(choices))])

struct course {
	struct sim *sim;
	struct random random;
	struct sim_stream end[2];
	struct sock *client, *listener, *accepted;
	uint64_t seed;
};

static uint64_t draw(struct course *c, uint64_t below) { return random_next(&c->random) % below; }

/* ---- how it begins ---- */

static void settle(struct course *c, struct net_host *h)
{
	struct sysctl *sys = net_stack(h)->sysctl;

	sys->tcp_sack = draw(c, 4) != 0;
	sys->tcp_timestamps = draw(c, 4) != 0;
	sys->tcp_window_scaling = draw(c, 4) != 0;
	sys->tcp_shrink_window = draw(c, 4) == 0;
	sys->tcp_mtu_probing = draw(c, 4) == 0 ? 2 : 0;
	sys->tcp_ecn = draw(c, 4) == 0 ? 1 : 2;
	sys->tcp_moderate_rcvbuf = draw(c, 4) != 0;
	sys->tcp_early_retrans = draw(c, 6) ? 3 : 0;
	sys->tcp_frto = draw(c, 6) ? 2 : 0;
}

/* What Multipath TCP has not is not set. */
static void set(struct course *c, struct sock *sk, int level, int name, int value)
{
	sim_call(c->sim, net_host_of(sk->stack), sock_setsockopt(sk, level, name, &value, sizeof value));
}

static void set_something(struct course *c, struct sock *sk)
{
	static const int sizes[] = {1, 2500, 5000, 9000, 20000, 60000, 300000}, segments[] = {88, 200, 536, 1000};

	switch (draw(c, 9)) {
	case 0: set(c, sk, SOL_SOCKET, SO_RCVBUF, PICK(c, sizes)); break;
	case 1: set(c, sk, SOL_SOCKET, SO_SNDBUF, PICK(c, sizes)); break;
	case 2: set(c, sk, IPPROTO_TCP, TCP_NODELAY, (int)draw(c, 2)); break;
	case 3: set(c, sk, IPPROTO_TCP, TCP_CORK, (int)draw(c, 2)); break;
	case 4: set(c, sk, IPPROTO_TCP, TCP_MAXSEG, PICK(c, segments)); break;
	case 5: set(c, sk, SOL_SOCKET, SO_KEEPALIVE, (int)draw(c, 2)); break;
	case 6: set(c, sk, SOL_SOCKET, SO_RCVLOWAT, PICK(c, sizes)); break;
	case 7: set(c, sk, IPPROTO_TCP, TCP_NOTSENT_LOWAT, PICK(c, sizes)); break;
	case 8: set(c, sk, IPPROTO_TCP, TCP_QUICKACK, (int)draw(c, 2)); break;
	}
}

static bool is_connected(void *arg)
{
	struct course *c = arg;

	if (!c->accepted && sim_call(c->sim, c->sim->b, sock_accept(c->listener, &c->accepted)) < 0) c->accepted = NULL;
	return c->accepted && sim_connect_start(c->sim, c->sim->a, c->client, c->sim->b, SIM_PORT) == -EISCONN;
}

static void open_both(struct course *c)
{
	int domain = draw(c, 2) ? AF_INET : AF_INET6, protocol = draw(c, 4) || !host_crypto() ? IPPROTO_TCP : PROTOCOL_MPTCP;
	struct sim *sim = c->sim;
	struct sockaddr_storage ss;
	socklen_t len = sim_name(sim, &ss, domain, sim->b, SIM_PORT);

	c->client = sim_socket(sim, sim->a, domain, SOCK_STREAM, protocol);
	c->listener = sim_socket(sim, sim->b, domain, SOCK_STREAM, protocol);
	for (uint64_t n = draw(c, 4); n--;) {
		set_something(c, c->client);
		set_something(c, c->listener);
	}
	set(c, c->client, SOL_SOCKET, SO_OOBINLINE, 1);
	set(c, c->listener, SOL_SOCKET, SO_OOBINLINE, 1);
	assert_int_equal(sim_call(sim, sim->b, sock_bind(c->listener, (struct sockaddr *)&ss, len)), 0);
	assert_int_equal(sim_call(sim, sim->b, sock_listen(c->listener, 1)), 0);
	assert_int_equal(sim_connect_start(sim, sim->a, c->client, sim->b, SIM_PORT), -EINPROGRESS);
	assert_true(sim_run_until(sim, is_connected, c, 300 * NS_PER_S));
	sim_stream_start(&c->end[0], sim, sim->a, c->client);
	sim_stream_start(&c->end[1], sim, sim->b, c->accepted);
}

/* ---- what happens ---- */

static void send_urgent(struct sim_stream *st)
{
	struct sock_msg m = {.data = (uint8_t *)sim_octets(st->pattern, st->sent), .len = 1, .flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_OOB};

	if (st->sent < st->total || st->shut_after || sim_call(st->sim, st->host, sock_send(st->sk, &m)) != 1) return;
	st->sent++;
	st->total++;
}

static void read_little(struct course *c, struct sim_stream *st)
{
	uint8_t buf[3000];
	struct sock_msg m = {.data = buf, .len = 1 + draw(c, sizeof buf), .flags = MSG_DONTWAIT};
	ssize_t r = sim_call(st->sim, st->host, sock_recv(st->sk, &m));

	if (r <= 0) return;
	assert_memory_equal(buf, sim_octets(st->expected, st->received), (size_t)r);
	st->received += (uint64_t)r;
}

static void act(struct course *c)
{
	struct sim_stream *st = &c->end[draw(c, 2)];

	switch (draw(c, 12)) {
	case 0: case 1: case 2: if (!st->shut_after) sim_stream_send(st, draw(c, 3000), false); break;
	case 3: case 4: if (!st->shut_after) sim_stream_send(st, draw(c, 200000), false); break;
	case 5: case 6: st->paused = !st->paused; break;
	case 7: case 8: if (st->paused) read_little(c, st); break;
	case 9: send_urgent(st); break;
	case 10: set_something(c, st->sk); break;
	case 11: if (draw(c, 8) == 0) st->shut_after = true; break;
	}
}

static void set_mtu(struct course *c, int mtu_bytes)
{
	struct sim *sim = c->sim;

	if (!sim->r) return;
	sim->nif_b->mtu_bytes = (uint32_t)mtu_bytes;
	netif_by_name(net_stack(sim->r), "eth1")->mtu_bytes = (uint32_t)mtu_bytes;
}

static void change_weather(struct course *c)
{
	static const char *const weather[] = {
		"", "delay 5ms", "delay 30ms 20ms", "loss 5%", "loss 40%", "loss 100%", "rate 1mbit limit 5", "delay 20ms reorder 30% 50%", "delay 10ms duplicate 20%",
		"delay 10ms 9ms loss 20% duplicate 10%", "down", "delay 100ms 90ms",
	};
	static const int mtus[] = {1280, 1300, 1400, 1500};

	if (draw(c, 4)) sim_impair(c->sim, PICK(c, weather));
	else set_mtu(c, PICK(c, mtus));
}

static bool is_over(void *arg)
{
	struct course *c = arg;

	return (c->end[0].eof && c->end[1].eof) || c->end[0].err || c->end[1].err;
}

static uint64_t received(const struct course *c) { return c->end[0].received + c->end[1].received; }

static void end_well(struct course *c)
{
	uint64_t before;

	sim_impair(c->sim, "delay 1ms");
	set_mtu(c, 1500);
	for (size_t i = 0; i < 2; i++) {
		c->end[i].paused = false;
		c->end[i].shut_after = true;
	}
	/* Slow is no matter: a window that was taken back to less than a segment may stay so. */
	do before = received(c);
	while (!sim_run_until(c->sim, is_over, c, FAIR_S * NS_PER_S) && received(c) > before);
	if (is_over(c) && !c->end[0].err && !c->end[1].err) return;
	fail_msg("seed %lu stands still: a has sent %lu of %lu, b has %lu, error %d; b has sent %lu of %lu, a has %lu, error %d", c->seed, c->end[0].sent, c->end[0].total,
	         c->end[1].received, c->end[0].err, c->end[1].sent, c->end[1].total, c->end[0].received, c->end[1].err);
}

static void run_course(uint64_t seed)
{
	struct course c = {.sim = sim_new(seed % 2 ? SIM_PAIR : SIM_ROUTED, seed), .random = random_seeded(seed, "stall"), .seed = seed};

	settle(&c, c.sim->a);
	settle(&c, c.sim->b);
	open_both(&c);
	for (int step = 0; step < STEPS; step++) {
		act(&c);
		if (draw(&c, 8) == 0) change_weather(&c);
		sim_run(c.sim, (time_ns)draw(&c, draw(&c, 20) ? 100 * NS_PER_MS : 5 * NS_PER_S));
	}
	end_well(&c);
	for (size_t i = 0; i < 2; i++)
		sim_stream_close(&c.end[i]);
	sim_close(c.sim, c.listener);
	sim_free(c.sim);
}

static uint64_t first = 1, count = 60;
static const uint64_t stood_still[] = {1353, 14541, 23504};      /* once */

static void nothing_stands_still(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stood_still); i++)
		run_course(stood_still[i]);
	for (uint64_t seed = first; seed < first + count; seed++)
		run_course(seed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_stands_still)};

	sim_crypto = host_crypto;
	if (argc == 3) {
		first = strtoull(argv[1], NULL, 10);
		count = strtoull(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests_name("sim-stall", tests, NULL, NULL);
}
