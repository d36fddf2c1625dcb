/* Who may have which port: conflicts as on Linux, and which of several sockets a datagram is for. */
#include "world.h"
#include "stack/core/sysctl.h"

enum { REUSE = 1, PORT = 2, ONLY = 4 };

static struct sock *with(struct world *w, struct name n, int flags)
{
	struct sock *sk = udp(w->a, n.ss.ss_family);

	if (flags & REUSE) assert_int_equal(set_int(sk, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	if (flags & PORT) assert_int_equal(set_int(sk, SOL_SOCKET, SO_REUSEPORT, 1), 0);
	if (flags & ONLY) assert_int_equal(set_int(sk, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
	return sk;
}

/* Binds a first socket, then a second one: what the second is told. */
static int second(struct world *w, struct name first, int flags1, struct name then, int flags2)
{
	struct sock *one = with(w, first, flags1), *two = with(w, then, flags2);
	int r;

	assert_int_equal(do_bind(one, first), 0);
	r = do_bind(two, then);
	sock_close(one);
	sock_close(two);
	return r;
}

static void test_conflicts(void **state)
{
	struct world *w = *state;
	struct name any4 = name4("0.0.0.0", 7), any6 = name6("::", 7), mapped_any = name6("::ffff:0.0.0.0", 7);
	struct name eth4 = name4("10.0.0.1", 7), lo4 = name4("127.0.0.1", 7), mapped = name6("::ffff:10.0.0.1", 7);
	struct name eth6 = name6("fd00::1", 7), lo6 = name6("::1", 7);

	assert_int_equal(second(w, any4, 0, any4, 0), -EADDRINUSE);
	assert_int_equal(second(w, eth4, 0, lo4, 0), 0);
	assert_int_equal(second(w, eth4, 0, any4, 0), -EADDRINUSE);
	assert_int_equal(second(w, any4, 0, eth4, 0), -EADDRINUSE);
	assert_int_equal(second(w, any6, 0, any4, 0), -EADDRINUSE);
	assert_int_equal(second(w, any4, 0, any6, 0), -EADDRINUSE);
	assert_int_equal(second(w, any6, ONLY, any4, 0), 0);
	assert_int_equal(second(w, any4, 0, any6, ONLY), 0);
	assert_int_equal(second(w, any6, 0, eth4, 0), -EADDRINUSE);
	assert_int_equal(second(w, any6, 0, eth6, 0), -EADDRINUSE);
	assert_int_equal(second(w, any6, ONLY, any6, 0), -EADDRINUSE);
	assert_int_equal(second(w, any4, 0, eth6, 0), 0);
	assert_int_equal(second(w, eth6, 0, lo6, 0), 0);
	assert_int_equal(second(w, mapped, 0, eth4, 0), -EADDRINUSE);
	assert_int_equal(second(w, mapped, 0, any6, ONLY), 0);
	assert_int_equal(second(w, mapped_any, 0, any4, 0), -EADDRINUSE);
	assert_int_equal(second(w, mapped_any, 0, lo4, 0), -EADDRINUSE);
	assert_int_equal(second(w, mapped_any, 0, lo6, 0), 0);
	assert_int_equal(second(w, any4, REUSE, any4, REUSE), 0);
	assert_int_equal(second(w, any4, REUSE, any4, 0), -EADDRINUSE);
	assert_int_equal(second(w, any4, PORT, any4, PORT), 0);
	assert_int_equal(second(w, any4, PORT, any4, REUSE), -EADDRINUSE);
	assert_int_equal(second(w, any4, PORT, any6, PORT), 0);
}

static void test_interfaces_keep_sockets_apart(void **state)
{
	struct world *w = *state;
	struct sock *on_lo = udp(w->a, AF_INET), *on_eth = udp(w->a, AF_INET), *anywhere = udp(w->a, AF_INET), *from = udp(w->b, AF_INET);
	char buf[8], dev[16] = "";
	socklen_t len = sizeof dev;

	assert_int_equal(sock_setsockopt(on_lo, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	assert_int_equal(sock_setsockopt(on_eth, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 4), 0);
	assert_int_equal(sock_setsockopt(anywhere, SOL_SOCKET, SO_BINDTODEVICE, "none", 5), -ENODEV);
	assert_int_equal(sock_getsockopt(on_eth, SOL_SOCKET, SO_BINDTODEVICE, dev, &len), 0);
	assert_string_equal(dev, "eth0");
	assert_int_equal(len, 5);
	assert_int_equal(do_bind(on_lo, name4("0.0.0.0", 7)), 0);
	assert_int_equal(do_bind(on_eth, name4("0.0.0.0", 7)), 0);
	assert_int_equal(do_bind(anywhere, name4("0.0.0.0", 7)), -EADDRINUSE);
	do_sendto(from, "x", 1, name4("10.0.0.1", 7));
	settle(w);
	assert_int_equal(do_recv(on_lo, buf, 8, 0), -EAGAIN);
	assert_int_equal(do_recv(on_eth, buf, 8, 0), 1);
}

static void test_bind_errors(void **state)
{
	struct world *w = *state;
	struct sock *s4 = udp(w->a, AF_INET), *s6 = udp(w->a, AF_INET6);
	struct name n = name4("10.0.0.1", 1), unspec = name4("0.0.0.0", 77);

	assert_int_equal(do_bind(s4, name4("10.0.0.2", 1)), -EADDRNOTAVAIL);
	assert_int_equal(do_bind(s6, name6("fd00::2", 1)), -EADDRNOTAVAIL);
	assert_int_equal(do_bind(s4, name6("::", 1)), -EAFNOSUPPORT);
	assert_int_equal(do_bind(s6, name4("0.0.0.0", 1)), -EINVAL);          /* too short for sockaddr_in6 */
	assert_int_equal(do_bind(s4, (struct name){.ss = n.ss, .len = 15}), -EINVAL);
	assert_int_equal(do_bind(s6, name6("fe80::1", 1)), -EINVAL);          /* which link? */
	set_int(s6, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	assert_int_equal(do_bind(s6, name6("::ffff:10.0.0.1", 1)), -EINVAL);
	w->a->sysctl->ip_unprivileged_port_start = 1024;
	assert_int_equal(do_bind(s4, name4("0.0.0.0", 80)), -EACCES);
	w->a->sysctl->ip_unprivileged_port_start = 0;
	unspec.ss.ss_family = AF_UNSPEC;
	assert_int_equal(do_bind(s4, unspec), 0);
	assert_int_equal(do_bind(s4, name4("0.0.0.0", 78)), -EINVAL);
	assert_int_equal(do_bind(udp(w->a, AF_INET), name4("127.9.9.9", 1)), 0);   /* all of 127/8 */
	set_int(s6, IPPROTO_IPV6, IPV6_FREEBIND, 1);
	assert_int_equal(do_bind(s6, name6("fd00::99", 1)), 0);
	assert_int_equal(set_int(s6, IPPROTO_IPV6, IPV6_V6ONLY, 0), -EINVAL);
}

/* RFC 8085 (8085-3); RFC 6056 (6056-1). */
static void test_ephemeral_ports(void **state)
{
	struct world *w = *state;
	struct sock *socks[20], *late = udp(w->a, AF_INET);

	w->a->sysctl->ip_local_port_min = 5000;
	w->a->sysctl->ip_local_port_max = 5019;
	for (size_t i = 0; i < ARRAY_SIZE(socks); i++) {
		socks[i] = udp_bound(w->a, name4("0.0.0.0", 0));
		assert_in_range(local_port(socks[i]), 5000, 5019);
		assert_int_equal(local_port(socks[i]) % 2, i < 10);   /* odd ones first: the even ones are for connections */
		for (size_t j = 0; j < i; j++) assert_int_not_equal(local_port(socks[i]), local_port(socks[j]));
	}
	assert_int_equal(do_bind(late, name4("0.0.0.0", 0)), -EADDRINUSE);
	assert_int_equal(do_sendto(late, "x", 1, name4("10.0.0.2", 1)), -EAGAIN);
	sock_close(socks[7]);
	assert_int_equal(do_bind(late, name4("0.0.0.0", 0)), 0);
}

static void test_the_nearest_socket_gets_it(void **state)
{
	struct world *w = *state;
	struct sock *any = with(w, name4("0.0.0.0", 7), REUSE), *exact = with(w, name4("0.0.0.0", 7), REUSE), *peer = with(w, name4("0.0.0.0", 7), REUSE);
	struct sock *from = udp_bound(w->b, name4("10.0.0.2", 99)), *stranger = udp(w->b, AF_INET);
	char buf[8];

	assert_int_equal(do_bind(exact, name4("10.0.0.1", 7)), 0);
	assert_int_equal(do_bind(peer, name4("10.0.0.1", 7)), 0);
	assert_int_equal(do_bind(any, name4("0.0.0.0", 7)), 0);
	assert_int_equal(do_connect(peer, name4("10.0.0.2", 99)), 0);
	do_sendto(from, "x", 1, name4("10.0.0.1", 7));
	do_sendto(stranger, "yy", 2, name4("10.0.0.1", 7));
	settle(w);
	assert_int_equal(do_recv(peer, buf, 8, 0), 1);
	assert_int_equal(do_recv(exact, buf, 8, 0), 2);
	assert_int_equal(do_recv(any, buf, 8, 0), -EAGAIN);
	sock_close(peer);
	sock_close(exact);
	do_sendto(from, "x", 1, name4("10.0.0.1", 7));
	settle(w);
	assert_int_equal(do_recv(any, buf, 8, 0), 1);
}

static void test_reuseport_spreads(void **state)
{
	struct world *w = *state;
	struct sock *group[4];
	int got[4] = {0}, members = 0;
	char buf[8];

	for (int i = 0; i < 4; i++) {
		group[i] = with(w, name4("0.0.0.0", 7), PORT);
		assert_int_equal(do_bind(group[i], name4("0.0.0.0", 7)), 0);
	}
	for (uint16_t port = 1000; port < 1200; port++) {
		struct sock *from = udp_bound(w->b, name4("10.0.0.2", port));
		do_sendto(from, "a", 1, name4("10.0.0.1", 7));
		do_sendto(from, "b", 1, name4("10.0.0.1", 7));
		settle(w);
		for (int i = 0; i < 4; i++) {
			int n = 0;
			while (do_recv(group[i], buf, 8, 0) == 1) n++;
			assert_true(n == 0 || n == 2);                 /* a peer always meets the same one */
			got[i] += n;
		}
		sock_close(from);
	}
	for (int i = 0; i < 4; i++) members += got[i] > 60 && got[i] < 140;
	assert_int_equal(members, 4);
}

static struct sock *tcp(struct stack *s, bool reuse)
{
	struct sock *sk = sock_make(s, AF_INET, SOCK_STREAM, 0);

	if (reuse) assert_int_equal(set_int(sk, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	return sk;
}

/* RFC 9293 (MUST-42). */
static void test_listeners(void **state)
{
	struct world *w = *state;
	struct sock *one = tcp(w->a, true), *two = tcp(w->a, true), *three = tcp(w->a, true);

	assert_int_equal(do_bind(one, name4("0.0.0.0", 80)), 0);
	assert_int_equal(do_bind(two, name4("0.0.0.0", 80)), 0);             /* as long as nobody listens */
	assert_int_equal(sock_listen(one, 5), 0);
	assert_int_equal(get_int(one, SOL_SOCKET, SO_ACCEPTCONN), 1);
	assert_int_equal(sock_listen(two, 5), -EADDRINUSE);
	assert_int_equal(do_bind(three, name4("0.0.0.0", 80)), -EADDRINUSE);
	assert_int_equal(do_bind(three, name4("10.0.0.1", 80)), -EADDRINUSE);
	sock_close(one);
	assert_int_equal(sock_listen(two, 5), 0);
}

/* A server that starts again while a connection of its predecessor lives. */
static void test_restart(void **state)
{
	struct world *w = *state;
	struct sock *server = tcp(w->b, true), *client = tcp(w->a, false), *conn, *again = tcp(w->b, false);

	assert_int_equal(do_bind(server, name4("0.0.0.0", 80)), 0);
	assert_int_equal(sock_listen(server, 5), 0);
	assert_int_equal(do_connect(client, name4("10.0.0.2", 80)), -EINPROGRESS);
	settle(w);
	assert_int_equal(sock_accept(server, &conn), 0);
	sock_close(server);
	assert_int_equal(do_bind(again, name4("0.0.0.0", 80)), -EADDRINUSE);
	assert_int_equal(set_int(again, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	assert_int_equal(do_bind(again, name4("0.0.0.0", 80)), 0);
	assert_int_equal(sock_listen(again, 5), 0);
	assert_int_equal(do_send(client, "x", 1), 1);
	settle(w);
	char buf[8];
	assert_int_equal(do_recv(conn, buf, 8, 0), 1);                       /* and the connection still works */
}

/* Connections may share a port when their peers differ. */
static void test_connections_share_ports(void **state)
{
	struct world *w = *state;
	struct sock *a = tcp(w->b, false), *b = tcp(w->b, false), *c1 = tcp(w->a, false), *c2 = tcp(w->a, false), *c3 = tcp(w->a, false);

	w->a->sysctl->ip_local_port_min = w->a->sysctl->ip_local_port_max = 5000;
	assert_int_equal(do_bind(a, name4("0.0.0.0", 1)), 0);
	assert_int_equal(do_bind(b, name4("0.0.0.0", 2)), 0);
	assert_int_equal(sock_listen(a, 5), 0);
	assert_int_equal(sock_listen(b, 5), 0);
	assert_int_equal(do_connect(c1, name4("10.0.0.2", 1)), -EINPROGRESS);
	assert_int_equal(do_connect(c2, name4("10.0.0.2", 2)), -EINPROGRESS);
	assert_int_equal(do_connect(c3, name4("10.0.0.2", 2)), -EADDRNOTAVAIL);
	settle(w);
	assert_true(sock_poll(c1) & EPOLLOUT);
	assert_true(sock_poll(c2) & EPOLLOUT);
	assert_int_equal(local_port(c1), 5000);
	assert_int_equal(local_port(c2), 5000);
}

/* Whoever closes first keeps the port in TIME-WAIT: connections go on to all ports of the range, of either parity. */
static void test_connections_past_time_wait(void **state)
{
	struct world *w = *state;
	struct sock *listener = sock_make(w->b, AF_INET, SOCK_STREAM, 0), *accepted;
	struct name there = name4("10.0.0.2", 80);

	w->a->sysctl->ip_local_port_min = 40000;
	w->a->sysctl->ip_local_port_max = 40009;
	assert_int_equal(do_bind(listener, there), 0);
	assert_int_equal(sock_listen(listener, 5), 0);
	for (int i = 0; i < 10; i++) {
		struct sock *sk = sock_make(w->a, AF_INET, SOCK_STREAM, 0);
		assert_int_equal(do_connect(sk, there), -EINPROGRESS);
		settle(w);
		assert_int_equal(sock_accept(listener, &accepted), 0);
		sock_close(sk);
		settle(w);
		sock_close(accepted);
		settle(w);
	}
	assert_int_equal(do_connect(sock_make(w->a, AF_INET, SOCK_STREAM, 0), there), -EADDRNOTAVAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_conflicts),
		WORLD_TEST(test_interfaces_keep_sockets_apart),
		WORLD_TEST(test_bind_errors),
		WORLD_TEST(test_ephemeral_ports),
		WORLD_TEST(test_the_nearest_socket_gets_it),
		WORLD_TEST(test_reuseport_spreads),
		WORLD_TEST(test_listeners),
		WORLD_TEST(test_restart),
		WORLD_TEST(test_connections_share_ports),
		WORLD_TEST(test_connections_past_time_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
