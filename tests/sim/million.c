/*
 * Many idle connections: what one end of each costs inside the stack, counted by the allocator, and that they still carry an octet afterwards.
 *
 *     million [ENDS]        20,000 unless told
 */
#include <malloc.h>
#include <string.h>
#include "sim.h"
#include "stack/core/stack.h"
#include "stack/core/sysctl.h"

enum { PORTS = 16, FIRST_PORT = 100, ENDS = 20000, BYTES_MAX = 2253, SAMPLE = 1000 };     /* 2.2 KiB */

struct crowd { struct sim *sim; struct sock *listener[PORTS], **end; size_t n; };

static size_t heap_octets(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static struct sockaddr_in6 server(unsigned port)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)(FIRST_PORT + port))};
	struct addr to;

	assert_int_equal(addr_parse(&to, "fd00:1::2"), 0);
	memcpy(&a.sin6_addr, to.b, 16);
	return a;
}

static void listen_all(struct crowd *c)
{
	for (unsigned i = 0; i < PORTS; i++) {
		struct sockaddr_in6 a = server(i);
		assert_int_equal(sock_create(net_stack(c->sim->b), AF_INET6, SOCK_STREAM, 0, &c->listener[i]), 0);
		assert_int_equal(sock_bind(c->listener[i], (struct sockaddr *)&a, sizeof a), 0);
		assert_int_equal(sock_listen(c->listener[i], 4096), 0);
	}
}

/* Fifty at once, fewer than wait for a neighbour, and then their other ends. */
static void connect_some(struct crowd *c, size_t n)
{
	size_t first = c->n;

	stack_set_now(net_stack(c->sim->a), c->sim->now);
	for (size_t i = 0; i < n; i++) {
		struct sockaddr_in6 a = server((unsigned)(c->n / 2 % PORTS));
		struct sock *sk;
		assert_int_equal(sock_create(net_stack(c->sim->a), AF_INET6, SOCK_STREAM, 0, &sk), 0);
		sk->user = c;
		assert_int_equal(sock_connect(sk, (struct sockaddr *)&a, sizeof a), -EINPROGRESS);
		c->end[c->n] = sk;
		c->n += 2;
	}
	net_touch(c->sim->net, net_stack(c->sim->a));
	sim_run(c->sim, 10 * NS_PER_MS);
	for (unsigned p = 0, at = 0; p < PORTS; p++)
		for (struct sock *sk; sock_accept(c->listener[p], &sk) == 0; at++) {
			sk->user = c;
			c->end[first + 2 * at + 1] = sk;
		}
	for (size_t i = first; i < c->n; i++)
		assert_non_null(c->end[i]);
}

/* Octets go from every so many-th client to its server, which one of them it is does not matter here. */
static size_t octets_that_arrive(struct crowd *c, size_t step)
{
	size_t sent = 0, got = 0;
	char octet = 'x';

	stack_set_now(net_stack(c->sim->a), c->sim->now);
	for (size_t i = 0; i < c->n; i += 2 * step, sent++)
		assert_int_equal(sock_send(c->end[i], &(struct sock_msg){.data = &octet, .len = 1}), 1);
	net_touch(c->sim->net, net_stack(c->sim->a));
	sim_run(c->sim, NS_PER_S);
	for (size_t i = 1; i < c->n; i += 2)
		got += sock_recv(c->end[i], &(struct sock_msg){.data = &octet, .len = 1}) == 1;
	assert_int_equal(got, sent);
	return got;
}

int main(int argc, char **argv)
{
	size_t ends = argc > 1 ? strtoull(argv[1], NULL, 10) : ENDS, before, each, arrived;
	struct crowd c = {.sim = sim_new(SIM_PAIR, 1)};

	net_stack(c.sim->a)->sysctl->ip_local_port_min = 1024;
	net_stack(c.sim->a)->sysctl->ip_local_port_max = 65535;
	c.end = calloc(ends + 200, sizeof *c.end);
	listen_all(&c);
	sim_run(c.sim, NS_PER_S);
	before = heap_octets();
	while (c.n < ends)
		connect_some(&c, MIN((ends - c.n) / 2, 50u));
	sim_run(c.sim, 60 * NS_PER_S);
	each = (heap_octets() - before) / c.n;
	arrived = octets_that_arrive(&c, MAX(c.n / 2 / SAMPLE, 1u));
	printf("%zu ends of idle connections, %zu octets each, %zu of %zu octets arrived\n", c.n, each, arrived, arrived);
	sim_free(c.sim);
	free(c.end);
	return each > BYTES_MAX;
}
