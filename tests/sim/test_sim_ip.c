/* Datagrams on simulated networks: UDP and ping, neighbours, forwarding, and the errors that come back. */
#include "sim.h"
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/epoll.h>

static const int families[] = {AF_INET, AF_INET6};

struct end { struct sim *sim; struct net_host *host; struct sock *sk; };

static struct end udp_end(struct sim *sim, struct net_host *h, int domain, uint16_t port)
{
	struct end e = {sim, h, sim_socket(sim, h, domain, SOCK_DGRAM, 0)};
	struct sockaddr_storage ss;
	socklen_t len = sim_name(sim, &ss, domain, h, port);
	assert_int_equal(sim_call(sim, h, sock_bind(e.sk, (struct sockaddr *)&ss, len)), 0);
	return e;
}

static ssize_t send_to(struct end *e, const struct net_host *to, uint16_t port, const void *data, size_t len)
{
	struct sockaddr_storage ss;
	struct sock_msg m = {.data = (void *)(uintptr_t)data, .len = len, .name = &ss};
	m.name_len = sim_name(e->sim, &ss, e->sk->domain, to, port);
	return sim_call(e->sim, e->host, sock_send(e->sk, &m));
}

static ssize_t send_connected(struct end *e, const void *data, size_t len)
{
	struct sock_msg m = {.data = (void *)(uintptr_t)data, .len = len};
	return sim_call(e->sim, e->host, sock_send(e->sk, &m));
}

static ssize_t receive(struct end *e, void *buf, size_t size)
{
	struct sock_msg m = {.data = buf, .len = size, .flags = MSG_DONTWAIT};
	return sim_call(e->sim, e->host, sock_recv(e->sk, &m));
}

static void udp_connect(struct end *e, const struct net_host *to, uint16_t port)
{
	assert_int_equal(sim_connect_start(e->sim, e->host, e->sk, to, port), 0);
}

static void datagrams_of_all_sizes(enum sim_shape shape, int domain)
{
	static const size_t sizes[] = {0, 1, 512, 1452, 1472, 1473, 8000, 60000};
	static uint8_t out[65536], in[65536];
	struct sim *sim = sim_new(shape, 1);
	struct end a = udp_end(sim, sim->a, domain, 1000), b = udp_end(sim, sim->b, domain, 2000);
	for (size_t i = 0; i < sizeof out; i++)
		out[i] = (uint8_t)(i * 7 + (i >> 8));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct end *from = i % 2 ? &b : &a, *to = i % 2 ? &a : &b;
		assert_int_equal(receive(to, in, sizeof in), -EAGAIN);
		assert_int_equal(send_to(from, to->host, i % 2 ? 1000 : 2000, out, sizes[i]), sizes[i]);
		sim_run(sim, NS_PER_S);
		assert_int_equal(receive(to, in, sizeof in), sizes[i]);
		assert_memory_equal(in, out, sizes[i]);
	}
	assert_int_equal(send_to(&a, sim->b, 2000, out, 65535), -EMSGSIZE);
	sim_close(sim, a.sk);
	sim_close(sim, b.sk);
	sim_free(sim);
}

static void udp_both_ways(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		datagrams_of_all_sizes(SIM_PAIR, families[f]);
		datagrams_of_all_sizes(SIM_ROUTED, families[f]);
	}
}

static void a_closed_port_refuses(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_ROUTED, 1);
		struct end a = udp_end(sim, sim->a, families[f], 1000);
		char buf[8];
		udp_connect(&a, sim->b, 9);
		assert_int_equal(send_connected(&a, "x", 1), 1);
		sim_run(sim, NS_PER_S);
		assert_true(sim_call(sim, sim->a, sock_poll(a.sk)) & EPOLLERR);
		assert_int_equal(receive(&a, buf, sizeof buf), -ECONNREFUSED);
		assert_int_equal(receive(&a, buf, sizeof buf), -EAGAIN);
		sim_free(sim);
	}
}

static void without_a_route_the_network_is_unreachable(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_PAIR, 1);
		struct sockaddr_storage ss;
		struct end a = udp_end(sim, sim->a, families[f], 1000);
		struct sock_msg m = {.data = "x", .len = 1, .name = &ss, .name_len = sim_name(sim, &ss, families[f], sim->b, 9)};
		if (families[f] == AF_INET) ((struct sockaddr_in *)&ss)->sin_addr.s_addr = htonl(0xc0000201);
		else ((struct sockaddr_in6 *)&ss)->sin6_addr.s6_addr[1] = 1;
		assert_int_equal(sim_call(sim, sim->a, sock_send(a.sk, &m)), -ENETUNREACH);
		sim_free(sim);
	}
}

/* ---- ping ---- */

static struct end ping_end(struct sim *sim, struct net_host *h, int domain)
{
	return (struct end){sim, h, sim_socket(sim, h, domain, SOCK_DGRAM, domain == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6)};
}

static size_t echo_request(uint8_t *buf, int domain, uint16_t seq, size_t payload)
{
	memset(buf, 0, 8);
	buf[0] = domain == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	buf[6] = (uint8_t)(seq >> 8);
	buf[7] = (uint8_t)seq;
	for (size_t i = 0; i < payload; i++)
		buf[8 + i] = (uint8_t)(i + seq);
	return 8 + payload;
}

static void ping_is_answered(void **state)
{
	(void)state;
	static const size_t payloads[] = {0, 56, 1000, 4000};
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_ROUTED, 1);
		sim_impair(sim, "delay 30ms");
		struct end a = ping_end(sim, sim->a, families[f]);
		for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
			uint8_t out[5000], in[5000];
			size_t n = echo_request(out, families[f], (uint16_t)(i + 1), payloads[i]);
			assert_int_equal(send_to(&a, sim->b, 0, out, n), n);
			sim_run(sim, 59 * NS_PER_MS);
			assert_int_equal(receive(&a, in, sizeof in), -EAGAIN);
			sim_run(sim, NS_PER_S);
			assert_int_equal(receive(&a, in, sizeof in), n);
			assert_int_equal(in[0], families[f] == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY);
			assert_memory_equal(in + 6, out + 6, n - 6);
		}
		sim_free(sim);
	}
}

/* ---- neighbours, routers, cuts ---- */

/* IP_RECVERR makes the errors that are not fatal visible. */
static int error_of(struct end *e)
{
	int err = 0;
	socklen_t len = sizeof err;
	assert_int_equal(sim_call(e->sim, e->host, sock_getsockopt(e->sk, SOL_SOCKET, SO_ERROR, &err, &len)), 0);
	return err;
}

static void show_errors(struct end *e, int domain)
{
	if (domain == AF_INET) sim_set_int(e->sim, e->sk, IPPROTO_IP, IP_RECVERR, 1);
	else sim_set_int(e->sim, e->sk, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

static void a_silent_neighbour_is_unreachable_after_three_tries(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_PAIR, 1);
		struct end a = udp_end(sim, sim->a, families[f], 1000);
		sim_impair(sim, "down");
		show_errors(&a, families[f]);
		udp_connect(&a, sim->b, 2000);
		assert_int_equal(send_connected(&a, "x", 1), 1);
		sim_run(sim, 2900 * NS_PER_MS);
		assert_int_equal(error_of(&a), 0);
		sim_run(sim, 300 * NS_PER_MS);
		assert_int_equal(error_of(&a), EHOSTUNREACH);
		/* It comes back. */
		sim_impair(sim, "");
		sim_run(sim, NS_PER_S);
		struct end b = udp_end(sim, sim->b, families[f], 2000);
		char buf[8];
		assert_int_equal(send_connected(&a, "y", 1), 1);
		sim_run(sim, 2 * NS_PER_S);
		assert_int_equal(receive(&b, buf, sizeof buf), 1);
		assert_int_equal(buf[0], 'y');
		sim_free(sim);
	}
}

static void a_router_says_when_the_hops_are_used_up(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_ROUTED, 1);
		struct end a = udp_end(sim, sim->a, families[f], 1000), b = udp_end(sim, sim->b, families[f], 2000);
		char buf[8];
		show_errors(&a, families[f]);
		udp_connect(&a, sim->b, 2000);
		if (families[f] == AF_INET) sim_set_int(sim, a.sk, IPPROTO_IP, IP_TTL, 1);
		else sim_set_int(sim, a.sk, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 1);
		assert_int_equal(send_connected(&a, "x", 1), 1);
		sim_run(sim, NS_PER_S);
		assert_int_equal(error_of(&a), EHOSTUNREACH);
		assert_int_equal(receive(&b, buf, sizeof buf), -EAGAIN);
		if (families[f] == AF_INET) sim_set_int(sim, a.sk, IPPROTO_IP, IP_TTL, 2);
		else sim_set_int(sim, a.sk, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 2);
		assert_int_equal(send_connected(&a, "x", 1), 1);
		sim_run(sim, NS_PER_S);
		assert_int_equal(receive(&b, buf, sizeof buf), 1);
		sim_free(sim);
	}
}

static void a_cut_across_a_router_parts_its_ends_only(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_ROUTED, 1);
		struct end a = udp_end(sim, sim->a, families[f], 1000), b = udp_end(sim, sim->b, families[f], 2000);
		char buf[8];
		uint32_t id;
		sim_cut(sim, &id);
		assert_int_equal(send_to(&a, sim->b, 2000, "x", 1), 1);
		assert_int_equal(send_to(&b, sim->a, 1000, "x", 1), 1);
		sim_run(sim, 5 * NS_PER_S);
		assert_int_equal(receive(&a, buf, sizeof buf), -EAGAIN);
		assert_int_equal(receive(&b, buf, sizeof buf), -EAGAIN);
		net_heal(sim->net, id);
		assert_int_equal(send_to(&a, sim->b, 2000, "y", 1), 1);
		assert_int_equal(send_to(&b, sim->a, 1000, "y", 1), 1);
		sim_run(sim, 5 * NS_PER_S);
		assert_int_equal(receive(&a, buf, sizeof buf), 1);
		assert_int_equal(receive(&b, buf, sizeof buf), 1);
		sim_free(sim);
	}
}

static void loopback_needs_no_time(void **state)
{
	(void)state;
	for (size_t f = 0; f < ARRAY_SIZE(families); f++) {
		struct sim *sim = sim_new(SIM_PAIR, 1);
		struct end one = udp_end(sim, sim->a, families[f], 1000), two = udp_end(sim, sim->a, families[f], 2000);
		char buf[8];
		for (int i = 0; i < 100; i++) {
			assert_int_equal(send_to(&one, sim->a, 2000, "x", 1), 1);
			sim_run(sim, 0);
			assert_int_equal(receive(&two, buf, sizeof buf), 1);
		}
		sim_free(sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_both_ways),
		cmocka_unit_test(a_closed_port_refuses),
		cmocka_unit_test(without_a_route_the_network_is_unreachable),
		cmocka_unit_test(ping_is_answered),
		cmocka_unit_test(a_silent_neighbour_is_unreachable_after_three_tries),
		cmocka_unit_test(a_router_says_when_the_hops_are_used_up),
		cmocka_unit_test(a_cut_across_a_router_parts_its_ends_only),
		cmocka_unit_test(loopback_needs_no_time),
	};
	return cmocka_run_group_tests_name("sim-ip", tests, NULL, NULL);
}
