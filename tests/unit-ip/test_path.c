/*
 * Three hosts: what IP does on the whole way, seen through sockets.
 *
 *     a  10.0.0.1/24 ---- 10.0.0.254  r  10.0.1.254 ---- 10.0.1.2/24  b
 *     2001:db8::1/64      …::fe                …:1::fe       2001:db8:1::2/64
 */
#include "lab.h"
#include <netinet/in.h>
#include <sys/epoll.h>
#include "link/net.h"
#include "stack/inet/pmtu.h"
#include "stack/socket/sock.h"

#define BIG 65507

struct path {
	struct net *net;
	struct stack *a, *r, *b;
	struct netif *a_if, *ra_if, *rb_if, *b_if;
	struct net_link *near, *far;
	time_ns now;
};

static void on_ready(void *user, struct sock *sk)
{
	(void)user, (void)sk;
}

static struct netif *plug(struct path *w, struct net_link *l, struct net_host *h, const char *name, const char *a4, const char *a6)
{
	struct netif *nif;
	struct addr v4 = lab_addr(a4), v6 = lab_addr(a6);

	assert_int_equal(net_attach(w->net, l, h, name, 1500, &nif), 0);
	assert_int_equal(netif_addr_add(nif, &v4, 24), 0);
	assert_int_equal(netif_addr_add(nif, &v6, 64), 0);
	return nif;
}

static void default_route(struct stack *s, const char *gw4, const char *gw6)
{
	struct route r4 = {.dst = addr_any4, .has_gateway = true, .gateway = lab_addr(gw4)};
	struct route r6 = {.dst = addr_any6, .has_gateway = true, .gateway = lab_addr(gw6)};

	assert_int_equal(route_add(s, &r4, NULL), 0);
	assert_int_equal(route_add(s, &r6, NULL), 0);
}

static int open_path(void **state)
{
	static const struct net_ops ops = {.ready = on_ready};
	struct path *w = calloc(1, sizeof *w);
	struct net_host *a, *r, *b;

	w->net = net_new(3, &ops, NULL, 0);
	assert_int_equal(net_add_host(w->net, "a", &a) | net_add_host(w->net, "r", &r) | net_add_host(w->net, "b", &b), 0);
	assert_int_equal(net_add_pair(w->net, "near", &w->near) | net_add_pair(w->net, "far", &w->far), 0);
	w->a = net_stack(a), w->r = net_stack(r), w->b = net_stack(b);
	w->a_if = plug(w, w->near, a, "eth0", "10.0.0.1", "2001:db8::1");
	w->ra_if = plug(w, w->near, r, "eth0", "10.0.0.254", "2001:db8::fe");
	w->rb_if = plug(w, w->far, r, "eth1", "10.0.1.254", "2001:db8:1::fe");
	w->b_if = plug(w, w->far, b, "eth0", "10.0.1.2", "2001:db8:1::2");
	default_route(w->a, "10.0.0.254", "2001:db8::fe");
	default_route(w->b, "10.0.1.254", "2001:db8:1::fe");
	sysctl_set_router(w->r->sysctl, 1);
	*state = w;
	return 0;
}

static int close_path(void **state)
{
	struct path *w = *state;

	net_free(w->net);
	free(w);
	return 0;
}

static void pass(struct path *w, time_ns ns)
{
	w->now += ns;
	net_touch(w->net, w->a);
	net_touch(w->net, w->r);
	net_touch(w->net, w->b);
	net_advance(w->net, w->now, 0);
}

static struct sockaddr_in6 name(const char *text, uint16_t port)
{
	struct sockaddr_in6 n = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct addr a = lab_addr(text);

	memcpy(&n.sin6_addr, a.b, 16);
	return n;
}

static struct sock *make(struct stack *s, int type)
{
	struct sock *sk;

	assert_int_equal(sock_create(s, AF_INET6, type, 0, &sk), 0);
	return sk;
}

static struct sock *bound(struct stack *s, uint16_t port)
{
	struct sockaddr_in6 n = name("::", port);
	struct sock *sk = make(s, SOCK_DGRAM);
	int big = 1 << 20;

	sock_setsockopt(sk, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof big);
	assert_int_equal(sock_bind(sk, (struct sockaddr *)&n, sizeof n), 0);
	return sk;
}

static int connect_to(struct sock *sk, const char *text, uint16_t port)
{
	struct sockaddr_in6 n = name(text, port);

	return sock_connect(sk, (struct sockaddr *)&n, sizeof n);
}

static ssize_t send_octets(struct sock *sk, const void *data, size_t len)
{
	return sock_send(sk, &(struct sock_msg){.data = (void *)data, .len = len});
}

static ssize_t recv_octets(struct sock *sk, void *data, size_t len)
{
	return sock_recv(sk, &(struct sock_msg){.data = data, .len = len});
}

static const char *const far_host[2] = {"10.0.1.2", "2001:db8:1::2"};

static void largest_datagrams_arrive_whole(void **state)
{
	struct path *w = *state;
	struct sock *to = bound(w->b, 7);
	uint8_t *out = malloc(BIG), *in = malloc(BIG);

	for (size_t i = 0; i < BIG; i++)
		out[i] = (uint8_t)(i * 31 + i / 253);
	for (int v6 = 0; v6 < 2; v6++) {
		struct sock *from = make(w->a, SOCK_DGRAM);
		assert_int_equal(connect_to(from, far_host[v6], 7), 0);
		for (size_t len = BIG; len; len /= 3) {
			memset(in, 0, BIG);
			assert_int_equal(send_octets(from, out, len), len);
			pass(w, NS_PER_S);
			assert_int_equal(recv_octets(to, in, BIG), len);
			assert_memory_equal(in, out, len);
		}
		sock_close(from);
	}
	sock_close(to);
	free(out);
	free(in);
}

static void narrow_link_on_the_way(void **state)
{
	static uint8_t data[3000];
	struct path *w = *state;
	struct sock *to = bound(w->b, 7);

	w->rb_if->mtu_bytes = w->b_if->mtu_bytes = 1300;
	for (int v6 = 0; v6 < 2; v6++) {
		struct sock *from = make(w->a, SOCK_DGRAM);
		struct addr dst = lab_addr(far_host[v6]);
		assert_int_equal(connect_to(from, far_host[v6], 7), 0);
		/* The first is lost and teaches the path MTU; what follows is cut at its source to fit. */
		assert_int_equal(send_octets(from, data, 1400), 1400);
		pass(w, NS_PER_S);
		assert_int_equal(recv_octets(to, data, sizeof data), -EAGAIN);
		assert_int_equal(pmtu_find(w->a, &dst), 1300);
		sock_take_error(from);
		assert_int_equal(send_octets(from, data, 1400), 1400);
		pass(w, NS_PER_S);
		assert_int_equal(recv_octets(to, data, sizeof data), 1400);
		sock_close(from);
	}
	sock_close(to);
}

/* Three choices of IP_MTU_DISCOVER leave what was learnt of the path alone, and fill the link: what comes of 1400 octets, and of 1600. */
static void filling_the_link(void **state)
{
	static const struct { int choice; bool told[2], arrives[2], too_long; } cases[] = {
		{IP_PMTUDISC_PROBE, {true, true}, {false, false}, true},
		{IP_PMTUDISC_INTERFACE, {false, false}, {true, false}, true},
		{IP_PMTUDISC_OMIT, {false, false}, {true, false}, false},
	};
	static uint8_t data[3000];
	struct path *w = *state;
	struct sock *to = bound(w->b, 7);

	w->rb_if->mtu_bytes = w->b_if->mtu_bytes = 1300;
	for (int v6 = 0; v6 < 2; v6++)
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
			struct sock *from = make(w->a, SOCK_DGRAM);
			assert_int_equal(sock_setsockopt(from, SOL_IP, IP_MTU_DISCOVER, &cases[i].choice, sizeof(int)), 0);
			assert_int_equal(sock_setsockopt(from, SOL_IPV6, IPV6_MTU_DISCOVER, &cases[i].choice, sizeof(int)), 0);
			assert_int_equal(connect_to(from, far_host[v6], 7), 0);
			for (int again = 0; again < 2; again++) {
				assert_int_equal(send_octets(from, data, 1400), 1400);
				pass(w, NS_PER_S);
				assert_int_equal(recv_octets(to, data, sizeof data), cases[i].arrives[v6] ? 1400 : -EAGAIN);
				assert_int_equal(sock_take_error(from), cases[i].told[v6] ? EMSGSIZE : 0);
			}
			assert_int_equal(send_octets(from, data, 1600), cases[i].too_long ? -EMSGSIZE : 1600);
			pass(w, NS_PER_S);
			while (recv_octets(to, data, sizeof data) > 0)
				;
			sock_close(from);
		}
	sock_close(to);
}

/* SO_DONTROUTE and MSG_DONTROUTE keep IPv4 from routers; as in Linux, IPv6 does not mind. */
static void neighbours_only(void **state)
{
	struct path *w = *state;
	int on = 1;

	for (int v6 = 0; v6 < 2; v6++) {
		struct sock *datagrams = make(w->a, SOCK_DGRAM), *stream = make(w->a, SOCK_STREAM);
		assert_int_equal(connect_to(datagrams, far_host[v6], 7), 0);
		assert_int_equal(sock_send(datagrams, &(struct sock_msg){.data = "x", .len = 1, .flags = MSG_DONTROUTE}), v6 ? 1 : -ENETUNREACH);
		assert_int_equal(sock_setsockopt(datagrams, SOL_SOCKET, SO_DONTROUTE, &on, sizeof on), 0);
		assert_int_equal(sock_setsockopt(stream, SOL_SOCKET, SO_DONTROUTE, &on, sizeof on), 0);
		assert_int_equal(send_octets(datagrams, "x", 1), v6 ? 1 : -ENETUNREACH);
		assert_int_equal(connect_to(datagrams, far_host[v6], 8), v6 ? 0 : -ENETUNREACH);
		assert_int_equal(connect_to(stream, far_host[v6], 8), v6 ? -EINPROGRESS : -ENETUNREACH);
		sock_close(datagrams);
		sock_close(stream);
	}
}

/* RFC 1122 (1122-17, 1122-25); RFC 4443 (4443-6, 4443-14). */
static void what_routers_say_reaches_the_socket(void **state)
{
	static const struct { const char *dst[2]; int err; time_ns wait; } cases[] = {
		{{"10.0.1.2", "2001:db8:1::2"}, ECONNREFUSED, NS_PER_S},                       /* no socket there */
		{{"192.0.2.1", "2001:db8:77::1"}, ENETUNREACH, NS_PER_S},                      /* no route behind the router */
		{{"10.0.1.9", "2001:db8:1::9"}, EHOSTUNREACH, 4 * NS_PER_S},                   /* nobody answers there */
		{{"10.0.0.9", "2001:db8::9"}, EHOSTUNREACH, 4 * NS_PER_S},                     /* nor here */
	};
	struct path *w = *state;
	int on = 1;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (int v6 = 0; v6 < 2; v6++) {
			struct sock *sk = make(w->a, SOCK_DGRAM);
			assert_int_equal(sock_setsockopt(sk, SOL_IP, 11 /* IP_RECVERR */, &on, sizeof on), 0);
			assert_int_equal(sock_setsockopt(sk, SOL_IPV6, 25 /* IPV6_RECVERR */, &on, sizeof on), 0);
			assert_int_equal(connect_to(sk, cases[i].dst[v6], 9), 0);
			assert_int_equal(send_octets(sk, "x", 1), 1);
			pass(w, cases[i].wait);
			assert_int_equal(sock_take_error(sk), cases[i].err);
			sock_close(sk);
			sk = make(w->a, SOCK_STREAM);
			assert_int_equal(connect_to(sk, cases[i].dst[v6], 9), -EINPROGRESS);
			pass(w, cases[i].wait);
			assert_int_equal(connect_to(sk, cases[i].dst[v6], 9), -cases[i].err);
			sock_close(sk);
		}
}

/* RFC 1122 (1122-27). */
static void hops_that_do_not_suffice(void **state)
{
	struct path *w = *state;
	int one = 1;

	for (int v6 = 0; v6 < 2; v6++) {
		struct sock *sk = make(w->a, SOCK_DGRAM);
		assert_int_equal(sock_setsockopt(sk, SOL_IP, IP_TTL, &one, sizeof one), 0);
		assert_int_equal(sock_setsockopt(sk, SOL_IPV6, IPV6_UNICAST_HOPS, &one, sizeof one), 0);
		assert_int_equal(sock_setsockopt(sk, SOL_IP, 11 /* IP_RECVERR */, &one, sizeof one), 0);
		assert_int_equal(sock_setsockopt(sk, SOL_IPV6, 25 /* IPV6_RECVERR */, &one, sizeof one), 0);
		assert_int_equal(connect_to(sk, far_host[v6], 9), 0);
		assert_int_equal(send_octets(sk, "x", 1), 1);
		pass(w, NS_PER_S);
		assert_int_equal(sock_take_error(sk), EHOSTUNREACH);
		sock_close(sk);
	}
	assert_int_equal(w->r->drops[DROP_IP_TTL], 2);
}

/* TCP through a router whose far link is narrow: path MTU discovery, or nothing would arrive. RFC 1191 (1191-5); RFC 8201 (8201-6). */
static void stream_finds_the_path_mtu(void **state)
{
	struct path *w = *state;
	uint8_t *data = malloc(200000);

	w->rb_if->mtu_bytes = 1300;
	for (size_t i = 0; i < 200000; i++)
		data[i] = (uint8_t)(i * 13 + i / 251);
	for (int v6 = 0; v6 < 2; v6++) {
		struct sockaddr_in6 n = name("::", (uint16_t)(80 + v6));
		struct sock *listener = make(w->b, SOCK_STREAM), *from = make(w->a, SOCK_STREAM), *to;
		size_t sent = 0, got = 0;
		assert_int_equal(sock_bind(listener, (struct sockaddr *)&n, sizeof n), 0);
		assert_int_equal(sock_listen(listener, 5), 0);
		assert_int_equal(connect_to(from, far_host[v6], (uint16_t)(80 + v6)), -EINPROGRESS);
		pass(w, NS_PER_S);
		assert_int_equal(sock_accept(listener, &to), 0);
		for (int i = 0; i < 2000 && got < 200000; i++) {
			uint8_t buf[8192];
			ssize_t r = sent < 200000 ? send_octets(from, data + sent, 200000 - sent) : 0;
			if (r > 0) sent += (size_t)r;
			pass(w, 20 * NS_PER_MS);
			while ((r = recv_octets(to, buf, sizeof buf)) > 0) {
				assert_memory_equal(buf, data + got, (size_t)r);
				got += (size_t)r;
			}
		}
		assert_int_equal(got, 200000);
		assert_true(w->r->drops[DROP_IP_TOO_BIG] > 0);
		w->r->drops[DROP_IP_TOO_BIG] = 0;
		sock_close(from);
		sock_close(to);
		sock_close(listener);
	}
	free(data);
}

#define on_path(t) cmocka_unit_test_setup_teardown(t, open_path, close_path)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_path(largest_datagrams_arrive_whole), on_path(narrow_link_on_the_way), on_path(filling_the_link), on_path(neighbours_only),
		on_path(what_routers_say_reaches_the_socket), on_path(hops_that_do_not_suffice), on_path(stream_finds_the_path_mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
