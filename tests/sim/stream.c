/* Ends of streams: actors that move a pattern and check it. */
#include "sim.h"
#include "base/random.h"

#define CHUNK 16384
#define PERIOD 1048573                       /* a prime number of octets: no buffer's or window's size divides it */

const uint8_t *sim_octets(uint8_t pattern, uint64_t i)
{
	static uint8_t octets[PERIOD + SIM_OCTETS];
	static bool made;
	if (!made) {
		struct random r = random_seeded(1, "the octets of every stream");
		random_fill(&r, octets, PERIOD);
		memcpy(octets + PERIOD, octets, SIM_OCTETS);
		made = true;
	}
	return octets + (i + pattern * 4001u) % PERIOD;
}

static void remember(struct sim_stream *st, ssize_t err)
{
	if (err != -EAGAIN && !st->err) st->err = (int)-err;
}

static void push(struct sim_stream *st)
{
	while (st->sent < st->total && !st->err) {
		size_t n = (size_t)MIN(st->total - st->sent, (uint64_t)CHUNK);
		struct sock_msg m = {.data = (uint8_t *)sim_octets(st->pattern, st->sent), .len = n, .flags = MSG_DONTWAIT | MSG_NOSIGNAL};
		ssize_t r = sim_call(st->sim, st->host, sock_send(st->sk, &m));
		if (r < 0) {
			remember(st, r);
			return;
		}
		assert_true(r > 0 && (size_t)r <= n);
		st->sent += (uint64_t)r;
	}
	if (st->sent < st->total || !st->shut_after || st->was_shut || st->err) return;
	assert_int_equal(sim_call(st->sim, st->host, sock_shutdown(st->sk, SHUT_WR)), 0);
	st->was_shut = true;
}

static void pull(struct sim_stream *st)
{
	uint8_t buf[CHUNK];
	while (!st->eof && !st->err && !st->paused) {
		struct sock_msg m = {.data = buf, .len = sizeof buf, .flags = MSG_DONTWAIT};
		ssize_t r = sim_call(st->sim, st->host, sock_recv(st->sk, &m));
		if (r < 0) {
			remember(st, r);
			return;
		}
		if (r == 0) {
			st->eof = true;
			st->eof_at = st->sim->now;
		}
		if (!st->careless) assert_memory_equal(buf, sim_octets(st->expected, st->received), (size_t)r);
		st->received += (uint64_t)r;
	}
}

static void pump(struct sim_actor *actor)
{
	struct sim_stream *st = container_of(actor, struct sim_stream, actor);
	push(st);
	pull(st);
}

void sim_stream_start(struct sim_stream *st, struct sim *sim, struct net_host *h, struct sock *sk)
{
	bool is_a = h == sim->a;
	*st = (struct sim_stream){
		.actor.pump = pump, .sim = sim, .host = h, .sk = sk, .pattern = is_a ? 'a' : 'b', .expected = is_a ? 'b' : 'a',
	};
	list_append(&sim->actors, &st->actor.node);
}

void sim_stream_send(struct sim_stream *st, uint64_t octets, bool then_shut)
{
	st->total += octets;
	st->shut_after = then_shut;
}

void sim_stream_close(struct sim_stream *st)
{
	if (!st->sk) return;
	list_remove(&st->actor.node);
	sim_close(st->sim, st->sk);
	st->sk = NULL;
}

static void set_buffers(struct sim *sim, struct sock *sk, int bufsize)
{
	if (bufsize == 0) return;
	sim_set_int(sim, sk, SOL_SOCKET, SO_RCVBUF, bufsize);
	sim_set_int(sim, sk, SOL_SOCKET, SO_SNDBUF, bufsize);
}

struct handshake { struct sim *sim; struct sock *client, *listener, *accepted; };

static bool is_connected(void *arg)
{
	struct handshake *hs = arg;
	if (!hs->accepted && sim_call(hs->sim, hs->sim->b, sock_accept(hs->listener, &hs->accepted)) < 0) hs->accepted = NULL;
	int r = sim_connect_start(hs->sim, hs->sim->a, hs->client, hs->sim->b, SIM_PORT);
	assert_true(r == 0 || r == -EALREADY || r == -EISCONN);
	return hs->accepted && r == -EISCONN;
}

void sim_connect(struct sim *sim, int domain, int bufsize, struct sim_pair *ret)
{
	struct handshake hs = {sim, sim_socket(sim, sim->a, domain, SOCK_STREAM, 0), sim_listener(sim, sim->b, domain, SIM_PORT), NULL};
	set_buffers(sim, hs.client, bufsize);
	set_buffers(sim, hs.listener, bufsize);
	assert_int_equal(sim_connect_start(sim, sim->a, hs.client, sim->b, SIM_PORT), -EINPROGRESS);
	assert_true(sim_run_until(sim, is_connected, &hs, 300 * NS_PER_S));
	sim_stream_start(&ret->a, sim, sim->a, hs.client);
	sim_stream_start(&ret->b, sim, sim->b, hs.accepted);
	ret->listener = hs.listener;
}

void sim_pair_close(struct sim_pair *p)
{
	struct sim *sim = p->a.sim;
	sim_stream_close(&p->a);
	sim_stream_close(&p->b);
	if (p->listener) sim_close(sim, p->listener);
	p->listener = NULL;
}
