/*
 * Storms: programs on two hosts open, use, half-close, abort and forget connections at random while the link between
 * them changes, parts and heals. What must hold whatever happens:
 *
 *     what arrives is a prefix of what the other end sends          no octet is lost, doubled or out of place
 *     when everybody has closed, in the end nothing is left         no socket, and no segment is sent any more
 *     the same seed gives the same run                              frame by frame
 */
#include "sim.h"
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include "base/random.h"

#define SLOTS 24
#define STEPS 4000
#define CLIENT_OCTETS 'c'
#define SERVER_OCTETS 's'

struct slot { struct sock *sk; bool server; uint64_t sent, received; };

struct storm {
	struct sim *sim;
	struct random random;
	struct net_host *host[2];
	struct sock *listener[2][2];        /* host, family */
	struct slot slot[2][SLOTS];
	uint32_t cut;
	uint64_t connected, octets;         /* so that a storm that does nothing is noticed */
};

static uint64_t draw(struct storm *s, uint64_t below) { return random_next(&s->random) % below; }

static struct slot *free_slot(struct storm *s, size_t h)
{
	for (size_t i = 0; i < SLOTS; i++)
		if (!s->slot[h][i].sk) return &s->slot[h][i];
	return NULL;
}

static void storm_open(struct storm *s, size_t h, struct slot *slot)
{
	static const int buffers[] = {0, 4096, 20000, 300000};
	int domain = draw(s, 2) ? AF_INET : AF_INET6, bufsize = buffers[draw(s, ARRAY_SIZE(buffers))];
	*slot = (struct slot){.sk = sim_socket(s->sim, s->host[h], domain, SOCK_STREAM, 0)};
	if (bufsize) sim_set_int(s->sim, slot->sk, SOL_SOCKET, draw(s, 2) ? SO_RCVBUF : SO_SNDBUF, bufsize);
	if (draw(s, 3) == 0) sim_set_int(s->sim, slot->sk, IPPROTO_TCP, TCP_NODELAY, 1);
	if (draw(s, 4) == 0) sim_set_int(s->sim, slot->sk, SOL_SOCKET, SO_KEEPALIVE, 1);
	/* To the other host mostly, sometimes to its own; sometimes to a port where nobody listens. */
	const struct net_host *to = s->host[draw(s, 5) ? 1 - h : h];
	int r = sim_connect_start(s->sim, s->host[h], slot->sk, to, draw(s, 12) ? SIM_PORT : SIM_PORT + 1);
	assert_true(r == -EINPROGRESS || r == -ECONNREFUSED || r == -EHOSTUNREACH);
}

static void storm_accept(struct storm *s, size_t h)
{
	struct slot *slot = free_slot(s, h);
	struct sock *sk;
	if (!slot || sim_call(s->sim, s->host[h], sock_accept(s->listener[h][draw(s, 2)], &sk)) < 0) return;
	*slot = (struct slot){.sk = sk, .server = true};
	s->connected++;
}

static void storm_send(struct storm *s, size_t h, struct slot *slot)
{
	size_t n = draw(s, 4) ? draw(s, 3000) : draw(s, SIM_OCTETS);
	const uint8_t *octets = sim_octets(slot->server ? SERVER_OCTETS : CLIENT_OCTETS, slot->sent);
	struct sock_msg m = {.data = (uint8_t *)octets, .len = n, .flags = MSG_DONTWAIT | MSG_NOSIGNAL | (draw(s, 8) ? 0 : MSG_MORE)};
	ssize_t r = sim_call(s->sim, s->host[h], sock_send(slot->sk, &m));
	assert_true(r <= (ssize_t)n);
	if (r > 0) slot->sent += (uint64_t)r;
}

static void storm_recv(struct storm *s, size_t h, struct slot *slot)
{
	uint8_t buf[SIM_OCTETS];
	bool peek = draw(s, 8) == 0;
	struct sock_msg m = {.data = buf, .len = 1 + draw(s, sizeof buf), .flags = MSG_DONTWAIT | (peek ? MSG_PEEK : 0)};
	ssize_t r = sim_call(s->sim, s->host[h], sock_recv(slot->sk, &m));
	if (r <= 0) return;
	assert_memory_equal(buf, sim_octets(slot->server ? CLIENT_OCTETS : SERVER_OCTETS, slot->received), (size_t)r);
	if (peek) return;
	slot->received += (uint64_t)r;
	s->octets += (uint64_t)r;
}

static void storm_close(struct storm *s, struct slot *slot)
{
	struct net_host *h = net_host_of(slot->sk->stack);
	struct linger abort = {1, 0};
	if (draw(s, 4) == 0)
		assert_int_equal(sim_call(s->sim, h, sock_setsockopt(slot->sk, SOL_SOCKET, SO_LINGER, &abort, sizeof abort)), 0);
	sim_close(s->sim, slot->sk);
	slot->sk = NULL;
}

static void storm_program(struct storm *s)
{
	size_t h = draw(s, 2);
	struct slot *slot = &s->slot[h][draw(s, SLOTS)];
	uint64_t action = draw(s, 100);
	storm_accept(s, h);
	if (!slot->sk) storm_open(s, h, slot);
	else if (action < 45) storm_send(s, h, slot);
	else if (action < 90) storm_recv(s, h, slot);
	else if (action < 95) sim_call(s->sim, s->host[h], sock_shutdown(slot->sk, (int)draw(s, 3)));
	else storm_close(s, slot);
	if (slot->sk) sim_call(s->sim, s->host[h], sock_poll(slot->sk));
}

static void storm_weather(struct storm *s)
{
	static const char *const weather[] = {
		"", "delay 5ms", "delay 30ms 20ms", "loss 5%", "loss 30%", "rate 2mbit limit 10", "delay 2ms rate 50mbit", "down",
		"delay 200ms 100ms loss 2%",
	};
	if (draw(s, 6)) {
		sim_impair(s->sim, weather[draw(s, ARRAY_SIZE(weather))]);
	} else if (s->cut) {
		net_heal(s->sim->net, s->cut);
		s->cut = 0;
	} else {
		sim_cut(s->sim, &s->cut);
	}
}

static void storm_begin(struct storm *s, enum sim_shape shape, uint64_t seed)
{
	*s = (struct storm){.sim = sim_new(shape, seed), .random = random_seeded(seed, "storm")};
	s->host[0] = s->sim->a;
	s->host[1] = s->sim->b;
	for (size_t h = 0; h < 2; h++)
		for (size_t f = 0; f < 2; f++)
			s->listener[h][f] = sim_listener(s->sim, s->host[h], f ? AF_INET6 : AF_INET, SIM_PORT);
}

static void storm_end(struct storm *s)
{
	net_heal(s->sim->net, 0);
	sim_impair(s->sim, "");
	for (size_t h = 0; h < 2; h++) {
		for (size_t i = 0; i < SLOTS; i++)
			if (s->slot[h][i].sk) storm_close(s, &s->slot[h][i]);
		for (size_t f = 0; f < 2; f++)
			sim_close(s->sim, s->listener[h][f]);
	}
	sim_run(s->sim, 1200 * NS_PER_S);
	sim_wire_clear(s->sim);
	sim_run(s->sim, 4 * 3600 * NS_PER_S);
	assert_string_equal(s->sim->wire, "");
	assert_true(list_empty(&net_stack(s->sim->a)->socks));
	assert_true(list_empty(&net_stack(s->sim->b)->socks));
}

/* The storm's digest: what was sent, when it ended, and what everybody got. */
static uint64_t storm_run(enum sim_shape shape, uint64_t seed)
{
	struct storm s;
	storm_begin(&s, shape, seed);
	for (int step = 0; step < STEPS; step++) {
		storm_program(&s);
		if (draw(&s, 50) == 0) storm_weather(&s);
		sim_run(s.sim, (time_ns)draw(&s, draw(&s, 20) ? 3000000 : 800000000));
	}
	assert_true(s.connected > 20 && s.octets > 50000);
	const struct sim_count *a = &s.sim->count_a, *b = &s.sim->count_b;
	uint64_t words[] = {s.connected, s.octets, a->segments, b->segments, a->resent, b->resent};
	storm_end(&s);
	sim_free(s.sim);
	struct siphash_key key = {seed, 0};
	return siphash(&key, words, sizeof words);
}

static void everything_ends_well_whatever_happens(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++)
		storm_run(seed % 2 ? SIM_PAIR : SIM_ROUTED, seed);
}

static void the_same_seed_is_the_same_storm(void **state)
{
	(void)state;
	assert_true(storm_run(SIM_ROUTED, 77) == storm_run(SIM_ROUTED, 77));
	assert_true(storm_run(SIM_PAIR, 78) != storm_run(SIM_PAIR, 79));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_ends_well_whatever_happens),
		cmocka_unit_test(the_same_seed_is_the_same_storm),
	};
	return cmocka_run_group_tests_name("sim-storm", tests, NULL, NULL);
}
