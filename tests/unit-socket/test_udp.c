/* UDP sockets as programs see them. */
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include "stack/core/sysctl.h"
#include "stack/inet/udp.h"
#include "world.h"

/* RFC 768 (768-5). */
static void test_round_trip(void **state)
{
	struct world *w = *state;
	struct sock *srv = udp_bound(w->b, name4("10.0.0.2", 53)), *cli = udp(w->a, AF_INET);
	struct sock_msg m;

	assert_int_equal(do_sendto(cli, "query", 5, name4("10.0.0.2", 53)), 5);
	settle(w);
	assert_int_equal(do_recvmsg(srv, 0, &m), 5);
	assert_memory_equal(m.data, "query", 5);
	assert_int_equal(m.name_len, sizeof(struct sockaddr_in));
	assert_int_equal(do_sendto(srv, "answer", 6, name4("10.0.0.1", local_port(cli))), 6);
	settle(w);
	assert_int_equal(do_recvmsg(cli, 0, &m), 6);
	assert_int_equal(do_recvmsg(cli, 0, &m), -EAGAIN);
}

static void test_loopback_both_families(void **state)
{
	struct world *w = *state;
	struct sock *s4 = udp_bound(w->a, name4("127.0.0.1", 1000)), *s6 = udp_bound(w->a, name6("::1", 1000));
	char buf[8];

	assert_int_equal(do_sendto(s4, "x", 1, name4("127.0.0.1", 1000)), 1);
	assert_int_equal(do_sendto(s6, "yy", 2, name6("::1", 1000)), 2);
	settle(w);
	assert_int_equal(do_recv(s4, buf, 8, 0), 1);
	assert_int_equal(do_recv(s6, buf, 8, 0), 2);
}

/* What is sent under a coverage of so much arrives where that is enough: -1 is a socket that was never asked, 0 asks for all. */
static void test_udplite_coverage(void **state)
{
	static const struct { int sent, wanted; bool comes; } t[] = {
		{-1, -1, true}, {0, 0, true}, {8, -1, true}, {8, 0, false}, {3, 8, true}, {8, 9, false}, {20, 20, true}, {20, 21, false}, {60000, 0, true},
	};
	struct world *w = *state;
	char buf[32];

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct sock *from = sock_make(w->a, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), *to = sock_make(w->b, AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);
		struct name n = name4("10.0.0.2", (uint16_t)(100 + i));
		assert_int_equal(do_bind(to, n), 0);
		udp_bound(w->b, n);                 /* the ports of UDP are others */
		if (t[i].sent >= 0) assert_int_equal(set_int(from, IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, t[i].sent), 0);
		if (t[i].wanted >= 0) assert_int_equal(set_int(to, IPPROTO_UDPLITE, UDPLITE_RECV_CSCOV, t[i].wanted), 0);
		assert_int_equal(do_sendto(from, "sixteen octets!!", 16, n), 16);
		settle(w);
		assert_int_equal(do_recv(to, buf, sizeof buf, 0), t[i].comes ? 16 : -EAGAIN);
	}
	assert_int_equal(set_int(udp(w->a, AF_INET), IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, 8), -ENOPROTOOPT);
}

static void test_peek_trunc_and_empty(void **state)
{
	struct world *w = *state;
	struct sock *s = udp_bound(w->a, name4("127.0.0.1", 9));
	char buf[4];
	int n;

	do_sendto(s, "0123456789", 10, name4("127.0.0.1", 9));
	do_sendto(s, "", 0, name4("127.0.0.1", 9));
	settle(w);
	assert_int_equal(sock_ioctl(s, FIONREAD, &n, sizeof n), 0);
	assert_int_equal(n, 10);
	assert_int_equal(do_recv(s, buf, 4, MSG_PEEK | MSG_TRUNC), 10);
	assert_int_equal(do_recv(s, buf, 4, MSG_PEEK), 4);
	struct sock_msg m = {.data = buf, .len = 4};
	assert_int_equal(sock_recv(s, &m), 4);
	assert_int_equal(m.flags & MSG_TRUNC, MSG_TRUNC);
	assert_true(sock_poll(s) & EPOLLIN);
	assert_int_equal(do_recv(s, buf, 4, 0), 0);
	assert_int_equal(do_recv(s, buf, 4, 0), -EAGAIN);
	assert_false(sock_poll(s) & EPOLLIN);
}

/* RFC 1122 (1122-39). */
static void test_destination_errors(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET), *s6 = udp(w->a, AF_INET6);
	static char big[70000];
	struct name bad = name4("10.0.0.2", 1);

	assert_int_equal(do_send(s, "x", 1), -EDESTADDRREQ);
	assert_int_not_equal(local_port(s), 0);                      /* bound all the same */
	assert_int_equal(do_sendto(s, "x", 1, name4("10.0.0.2", 0)), -EINVAL);
	assert_int_equal(do_sendto(s, "x", 1, name4("8.8.8.8", 1)), -ENETUNREACH);
	assert_int_equal(do_sendto(s, "x", 1, name6("fd00::2", 1)), -EAFNOSUPPORT);
	assert_int_equal(do_sendto(s, "x", 1, (struct name){.ss = bad.ss, .len = 8}), -EINVAL);
	assert_int_equal(do_sendto(s, big, 65507, name4("10.0.0.2", 1)), 65507);
	assert_int_equal(do_sendto(s, big, 65508, name4("10.0.0.2", 1)), -EMSGSIZE);
	assert_int_equal(do_sendto(s6, big, 65527, name6("fd00::2", 1)), 65527);
	assert_int_equal(do_sendto(s6, big, 65528, name6("fd00::2", 1)), -EMSGSIZE);
	assert_int_equal(do_sendto(s, "x", 1, name4("10.0.0.255", 1)), -EACCES);
	assert_int_equal(do_sendto(s, "x", 1, name4("255.255.255.255", 1)), -ENETUNREACH);   /* no default route */
	assert_int_equal(do_sendto(udp_bound(w->a, name4("10.0.0.1", 0)), "x", 1, name4("255.255.255.255", 1)), -EACCES);
	assert_int_equal(do_connect(s, name4("10.0.0.255", 1)), -EACCES);
	assert_int_equal(sock_send(s, &(struct sock_msg){.data = "x", .len = 1, .flags = MSG_OOB}), -EOPNOTSUPP);
	assert_int_equal(sock_listen(s, 1), -EOPNOTSUPP);
}

static void test_connect_filters_and_dissolves(void **state)
{
	struct world *w = *state;
	struct sock *s = udp_bound(w->a, name4("0.0.0.0", 700));
	struct sock *peer = udp_bound(w->b, name4("10.0.0.2", 800)), *other = udp_bound(w->b, name4("10.0.0.2", 801));
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	char buf[8];

	assert_int_equal(do_connect(s, name4("10.0.0.2", 800)), 0);
	assert_name(local_name(s), name4("10.0.0.1", 700));
	assert_name(peer_name(s), name4("10.0.0.2", 800));
	do_sendto(other, "no", 2, name4("10.0.0.1", 700));
	do_sendto(peer, "yes", 3, name4("10.0.0.1", 700));
	settle(w);
	assert_int_equal(do_recv(s, buf, 8, 0), 3);
	assert_int_equal(do_recv(s, buf, 8, 0), -EAGAIN);
	assert_int_equal(sock_connect(s, &none, sizeof none), 0);
	assert_name(local_name(s), name4("0.0.0.0", 700));
	struct name n;
	assert_int_equal(sock_getpeername(s, &n.ss, &n.len), -ENOTCONN);
	assert_int_equal(do_send(s, "x", 1), -EDESTADDRREQ);
	do_sendto(other, "no", 2, name4("10.0.0.1", 700));
	settle(w);
	assert_int_equal(do_recv(s, buf, 8, 0), 2);
}

static void test_dissolve_gives_up_an_ephemeral_port(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET);
	struct sockaddr none = {.sa_family = AF_UNSPEC};

	assert_int_equal(do_connect(s, name4("10.0.0.2", 1)), 0);
	assert_int_not_equal(local_port(s), 0);
	assert_int_equal(do_bind(s, name4("0.0.0.0", 1)), -EINVAL);
	assert_int_equal(sock_connect(s, &none, sizeof none), 0);
	assert_name(local_name(s), name4("0.0.0.0", 0));
	assert_int_equal(do_bind(s, name4("0.0.0.0", 5)), 0);
}

/* Linux takes a name of AF_UNSPEC for none, and an IPv4 peer then for the IPv6 address that it is written as. */
static void test_no_name_for_a_mapped_peer(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET6), *six = udp(w->a, AF_INET6);
	struct name none = {.ss.ss_family = AF_UNSPEC, .len = sizeof(struct sockaddr_in6)};

	assert_int_equal(do_connect(s, name6("::ffff:10.0.0.2", 9)), 0);
	assert_int_equal(do_send(s, "x", 1), 1);
	assert_int_equal(do_sendto(s, "x", 1, none), -ENETUNREACH);
	assert_int_equal(do_sendto(six, "x", 1, none), -EDESTADDRREQ);
	assert_int_equal(do_connect(six, name6("fd00::2", 9)), 0);
	assert_int_equal(do_sendto(six, "x", 1, none), 1);
}

/* RFC 1122 (1122-24, 1122-45); RFC 8085 (8085-2). */
static void test_refused(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET), *loose = udp(w->a, AF_INET);
	char buf[8];

	do_connect(s, name4("10.0.0.2", 4000));
	assert_int_equal(do_send(s, "x", 1), 1);
	do_sendto(loose, "x", 1, name4("10.0.0.2", 4000));
	settle(w);
	assert_true(sock_poll(s) & EPOLLERR);
	assert_int_equal(do_recv(s, buf, 8, 0), -ECONNREFUSED);
	assert_int_equal(do_recv(s, buf, 8, 0), -EAGAIN);
	assert_int_equal(do_recv(loose, buf, 8, 0), -EAGAIN);         /* nobody was connected */
	do_send(s, "x", 1);
	settle(w);
	assert_int_equal(do_send(s, "x", 1), -ECONNREFUSED);
	settle(w);
	do_send(s, "x", 1);
	settle(w);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_ERROR), 0);
}

/* RFC 8085 (8085-2). */
static void test_refused_ipv6(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET6);
	char buf[8];

	do_connect(s, name6("fd00::2", 4000));
	assert_int_equal(do_send(s, "x", 1), 1);
	settle(w);
	assert_int_equal(do_recv(s, buf, 8, 0), -ECONNREFUSED);
}

/* RFC 1122 (1122-46). */
static void test_error_queue(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET);
	struct { struct sock_extended_err ee; struct sockaddr_in from; } got;
	struct sock_msg m;

	assert_int_equal(set_int(s, IPPROTO_IP, IP_RECVERR, 1), 0);
	do_sendto(s, "hello", 5, name4("10.0.0.2", 4001));
	settle(w);
	assert_true(sock_poll(s) & EPOLLERR);
	assert_int_equal(do_recvmsg(s, MSG_ERRQUEUE, &m), 5);
	assert_memory_equal(m.data, "hello", 5);
	assert_int_equal(m.flags, MSG_ERRQUEUE);
	assert_int_equal(((struct sockaddr_in *)m.name)->sin_port, htons(4001));
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_RECVERR, &got, sizeof got), sizeof got);
	assert_int_equal(got.ee.ee_errno, ECONNREFUSED);
	assert_int_equal(got.ee.ee_origin, SO_EE_ORIGIN_ICMP);
	assert_int_equal(got.ee.ee_type, 3);
	assert_int_equal(got.ee.ee_code, 3);
	assert_int_equal(got.from.sin_addr.s_addr, htonl(0x0a000002));
	assert_int_equal(do_recvmsg(s, MSG_ERRQUEUE, &m), -EAGAIN);
	assert_false(sock_poll(s) & EPOLLERR);
	assert_int_equal(do_recvmsg(s, 0, &m), -EAGAIN);
}

static void test_shutdown(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET);
	char buf[8];

	assert_int_equal(sock_shutdown(s, 9), -EINVAL);
	assert_int_equal(sock_shutdown(s, SHUT_RD), -ENOTCONN);
	assert_true(sock_poll(s) & EPOLLRDHUP);
	do_connect(s, name4("127.0.0.1", 1));
	assert_int_equal(sock_shutdown(s, SHUT_WR), 0);
	assert_int_equal(do_send(s, "x", 1), -EPIPE);
	assert_int_equal(do_recv(s, buf, 8, 0), 0);
	assert_int_equal(do_recv(s, buf, 8, MSG_DONTWAIT), -EAGAIN);
	assert_true(sock_poll(s) & EPOLLHUP);
}

/* As many as on Linux: 832 octets are charged for a tiny datagram. */
static void test_receive_buffer(void **state)
{
	struct world *w = *state;
	struct sock *s = udp_bound(w->a, name4("127.0.0.1", 9));
	uint32_t lent = 0;
	char buf[8];
	int n = 0;

	for (int i = 0; i < 400; i++) do_sendto(s, "x", 1, name4("127.0.0.1", 9));
	settle(w);
	while (do_recv(s, buf, 8, MSG_LEND) == 1) n++;
	assert_int_equal(n, 256);
	lent = s->lent;
	assert_int_equal(lent, n * 832);
	do_sendto(s, "x", 1, name4("127.0.0.1", 9));
	settle(w);
	assert_int_equal(do_recv(s, buf, 8, 0), -EAGAIN);             /* what is lent fills the buffer */
	sock_consumed(s, lent);
	do_sendto(s, "x", 1, name4("127.0.0.1", 9));
	settle(w);
	assert_int_equal(do_recv(s, buf, 8, 0), 1);
}

/* RFC 1122 (1122-39). */
static void test_broadcast(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET), *r1 = udp(w->b, AF_INET), *r2 = udp(w->b, AF_INET);
	char buf[8];

	set_int(r1, SOL_SOCKET, SO_REUSEADDR, 1);
	set_int(r2, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(do_bind(r1, name4("0.0.0.0", 67)), 0);
	assert_int_equal(do_bind(r2, name4("0.0.0.0", 67)), 0);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_BROADCAST, 1), 0);
	assert_int_equal(do_sendto(s, "x", 1, name4("10.0.0.255", 67)), 1);
	settle(w);
	assert_int_equal(do_recv(r1, buf, 8, 0), 1);
	assert_int_equal(do_recv(r2, buf, 8, 0), 1);
}

static void test_multicast(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET), *in = udp_bound(w->b, name4("0.0.0.0", 5353)), *self = udp_bound(w->a, name4("0.0.0.0", 5353));
	struct ip_mreqn req = {.imr_multiaddr.s_addr = htonl(0xe00000fb), .imr_ifindex = w->b_if->index};
	char buf[8];

	assert_int_equal(do_sendto(s, "0", 1, name4("224.0.0.251", 5353)), -ENETUNREACH);
	req.imr_ifindex = w->a_if->index;
	assert_int_equal(sock_setsockopt(s, IPPROTO_IP, IP_MULTICAST_IF, &req, sizeof req), 0);
	assert_int_equal(sock_setsockopt(self, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof req), 0);
	assert_int_equal(do_sendto(s, "1", 1, name4("224.0.0.251", 5353)), 1);
	settle(w);
	assert_int_equal(do_recv(in, buf, 8, 0), -EAGAIN);
	assert_int_equal(do_recv(self, buf, 8, 0), 1);                /* our own copy */
	req.imr_ifindex = w->b_if->index;
	assert_int_equal(sock_setsockopt(in, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof req), 0);
	assert_int_equal(sock_setsockopt(in, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof req), -EADDRINUSE);
	do_sendto(s, "2", 1, name4("224.0.0.251", 5353));
	settle(w);
	assert_int_equal(do_recv(in, buf, 8, 0), 1);
	assert_int_equal(sock_setsockopt(in, IPPROTO_IP, IP_DROP_MEMBERSHIP, &req, sizeof req), 0);
	assert_int_equal(sock_setsockopt(in, IPPROTO_IP, IP_DROP_MEMBERSHIP, &req, sizeof req), -EADDRNOTAVAIL);
}

static void test_multicast_ipv6(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET6), *in = udp_bound(w->b, name6("::", 5353));
	struct ipv6_mreq req = {.ipv6mr_interface = (unsigned)w->b_if->index};
	char buf[8];

	memcpy(&req.ipv6mr_multiaddr, "\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\xfb", 16);
	assert_int_equal(sock_setsockopt(in, IPPROTO_IPV6, IPV6_JOIN_GROUP, &req, sizeof req), 0);
	assert_int_equal(set_int(s, IPPROTO_IPV6, IPV6_MULTICAST_IF, w->a_if->index), 0);
	assert_int_equal(do_sendto(s, "1", 1, name6("ff02::fb", 5353)), 1);
	settle(w);
	assert_int_equal(do_recv(in, buf, 8, 0), 1);
}

static void test_dual_stack(void **state)
{
	struct world *w = *state;
	struct sock *s = udp_bound(w->b, name6("::", 53)), *c4 = udp(w->a, AF_INET), *c6 = udp(w->a, AF_INET6);
	struct sock_msg m;

	assert_int_equal(do_bind(c4, name4("10.0.0.1", 900)), 0);
	do_sendto(c4, "x", 1, name4("10.0.0.2", 53));
	settle(w);
	assert_int_equal(do_recvmsg(s, 0, &m), 1);
	struct name got = {.len = m.name_len};
	memcpy(&got.ss, m.name, m.name_len);
	assert_name(got, name6("::ffff:10.0.0.1", 900));
	assert_int_equal(do_sendto(c6, "x", 1, name6("::ffff:10.0.0.2", 53)), 1);
	assert_int_equal(do_sendto(c6, "x", 1, name4("10.0.0.2", 53)), 1);    /* AF_INET on an AF_INET6 socket */
	settle(w);
	assert_int_equal(do_recvmsg(s, 0, &m), 1);
	assert_int_equal(do_recvmsg(s, 0, &m), 1);
	assert_int_equal(do_connect(c6, name6("::ffff:10.0.0.2", 53)), 0);
	struct name n = local_name(c6);
	assert_memory_equal(((struct sockaddr_in6 *)&n.ss)->sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x01", 16);
	struct sock *only = udp(w->a, AF_INET6);
	set_int(only, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	assert_int_equal(do_sendto(only, "x", 1, name6("::ffff:10.0.0.2", 53)), -ENETUNREACH);
}

/* RFC 1122 (1122-48). */
static void test_control_in(void **state)
{
	struct world *w = *state;
	struct sock *r = udp_bound(w->b, name4("0.0.0.0", 53)), *s = udp(w->a, AF_INET);
	struct in_pktinfo info;
	struct sockaddr_in dst;
	struct timespec ts;
	struct sock_msg m;
	uint8_t tos;
	int v;

	w->b->realtime_offset = 1000 * NS_PER_S;
	set_int(r, IPPROTO_IP, IP_PKTINFO, 1);
	set_int(r, IPPROTO_IP, IP_RECVTTL, 1);
	set_int(r, IPPROTO_IP, IP_RECVTOS, 1);
	set_int(r, IPPROTO_IP, IP_RECVORIGDSTADDR, 1);
	set_int(r, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set_int(s, IPPROTO_IP, IP_TTL, 9);
	set_int(s, IPPROTO_IP, IP_TOS, 0x10);
	do_sendto(s, "x", 1, name4("10.0.0.2", 53));
	settle(w);
	assert_int_equal(do_recvmsg(r, 0, &m), 1);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_PKTINFO, &info, sizeof info), sizeof info);
	assert_int_equal(info.ipi_addr.s_addr, htonl(0x0a000002));
	assert_int_equal(info.ipi_ifindex, w->b_if->index);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_TTL, &v, sizeof v), sizeof v);
	assert_int_equal(v, 9);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_TOS, &tos, 1), 1);
	assert_int_equal(tos, 0x10);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_ORIGDSTADDR, &dst, sizeof dst), sizeof dst);
	assert_int_equal(dst.sin_port, htons(53));
	assert_int_equal(control_of(&m, SOL_SOCKET, SO_TIMESTAMPNS, &ts, sizeof ts), sizeof ts);
	assert_int_equal(ts.tv_sec, 1001);
}

/* RFC 1122 (1122-50). */
static void test_control_out(void **state)
{
	struct world *w = *state;
	struct sock *r = udp_bound(w->b, name4("0.0.0.0", 53)), *s = udp(w->a, AF_INET);
	struct addr extra = addr_v4(0x0a000009);
	struct { size_t len; int level, type; struct in_pktinfo info; } c = {CMSG_LEN(sizeof c.info), IPPROTO_IP, IP_PKTINFO, {0}};   /* a cmsghdr */
	struct name to = name4("10.0.0.2", 53);
	struct sock_msg m = {.data = "x", .len = 1, .name = &to.ss, .name_len = to.len, .control = &c, .control_len = sizeof c};

	assert_int_equal(netif_addr_add(w->a_if, &extra, 24), 0);
	c.info.ipi_spec_dst.s_addr = htonl(0x0a000009);
	assert_int_equal(sock_send(s, &m), 1);
	settle(w);
	assert_int_equal(do_recvmsg(r, 0, &m), 1);
	assert_int_equal(((struct sockaddr_in *)m.name)->sin_addr.s_addr, htonl(0x0a000009));
	c.info.ipi_spec_dst.s_addr = htonl(0x0a0000aa);                 /* not ours */
	m = (struct sock_msg){.data = "x", .len = 1, .name = &to.ss, .name_len = to.len, .control = &c, .control_len = sizeof c};
	assert_int_equal(sock_send(s, &m), -ENETUNREACH);
	c.info.ipi_spec_dst.s_addr = htonl(0xe0000001);                 /* nobody's */
	assert_int_equal(sock_send(s, &m), -EINVAL);
	c.len = 4;
	assert_int_equal(sock_send(s, &m), -EINVAL);
}

/* RFC 8085 (8085-1). */
static void test_too_big_for_the_path(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET), *r = udp_bound(w->b, name4("0.0.0.0", 53));
	static char big[3000];
	struct sock_msg m;

	assert_int_equal(do_sendto(s, big, 3000, name4("10.0.0.2", 53)), 3000);   /* cut into fragments */
	settle(w);
	assert_int_equal(do_recvmsg(r, 0, &m), 3000);
	assert_int_equal(set_int(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO), 0);
	assert_int_equal(do_sendto(s, big, 3000, name4("10.0.0.2", 53)), -EMSGSIZE);
	assert_int_equal(do_sendto(s, big, 1472, name4("10.0.0.2", 53)), 1472);
}

static struct name link_local(const struct netif *nif, uint16_t port, int scope)
{
	struct name n = name6("::", port);
	struct sockaddr_in6 in;

	memcpy(&in, &n.ss, sizeof in);
	list_each(struct netif_addr, na, &nif->addrs, node)
		if (!addr_is_v4(&na->addr) && addr_is_linklocal(&na->addr)) memcpy(&in.sin6_addr, na->addr.b, 16);
	in.sin6_scope_id = (unsigned)scope;
	memcpy(&n.ss, &in, sizeof in);
	return n;
}

static void test_link_local(void **state)
{
	struct world *w = *state;
	struct name there = link_local(w->b_if, 53, w->a_if->index), vague = link_local(w->b_if, 53, 0);
	struct sock *r = udp_bound(w->b, name6("::", 53)), *s = udp(w->a, AF_INET6), *bound = udp(w->a, AF_INET6);
	struct sock_msg m;

	assert_int_equal(do_sendto(s, "x", 1, there), 1);
	settle(w);
	assert_int_equal(do_recvmsg(r, 0, &m), 1);
	assert_int_equal(((struct sockaddr_in6 *)m.name)->sin6_scope_id, w->b_if->index);
	assert_int_equal(do_connect(s, vague), -EINVAL);
	assert_int_equal(do_connect(s, there), 0);
	assert_name(peer_name(s), there);
	assert_int_equal(do_bind(bound, link_local(w->a_if, 99, 77)), -ENODEV);
	assert_int_equal(do_bind(bound, link_local(w->a_if, 99, w->a_if->index)), 0);
	assert_name(local_name(bound), link_local(w->a_if, 99, w->a_if->index));
	assert_int_equal(get_int(bound, SOL_SOCKET, SO_BINDTOIFINDEX), w->a_if->index);
}

/* What a host sends to itself comes in where it has the address, and a link-local address of its own is as good as any other. */
static void test_own_addresses(void **state)
{
	struct world *w = *state;
	struct name own = link_local(w->a_if, 53, w->a_if->index);
	struct sock *r4 = udp_bound(w->a, name4("0.0.0.0", 54)), *r6 = udp_bound(w->a, own);
	struct sock *server = sock_make(w->a, AF_INET6, SOCK_STREAM, 0), *client = sock_make(w->a, AF_INET6, SOCK_STREAM, 0), *accepted;
	struct in_pktinfo info;
	struct sock_msg m;

	set_int(r4, IPPROTO_IP, IP_PKTINFO, 1);
	assert_int_equal(do_sendto(r4, "x", 1, name4("10.0.0.1", 54)), 1);
	assert_int_equal(do_sendto(r4, "y", 1, name4("127.0.0.1", 54)), 1);
	assert_int_equal(do_sendto(udp(w->a, AF_INET6), "z", 1, own), 1);
	settle(w);
	assert_int_equal(do_recvmsg(r4, 0, &m), 1);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_PKTINFO, &info, sizeof info), sizeof info);
	assert_int_equal(info.ipi_ifindex, w->a_if->index);
	assert_int_equal(do_recvmsg(r4, 0, &m), 1);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_PKTINFO, &info, sizeof info), sizeof info);
	assert_int_not_equal(info.ipi_ifindex, w->a_if->index);
	assert_int_equal(do_recvmsg(r6, 0, &m), 1);
	assert_int_equal(((struct sockaddr_in6 *)m.name)->sin6_scope_id, w->a_if->index);

	assert_int_equal(do_bind(server, own), 0);
	assert_int_equal(sock_listen(server, 1), 0);
	assert_int_equal(do_connect(client, own), -EINPROGRESS);
	settle(w);
	assert_int_equal(sock_accept(server, &accepted), 0);
	assert_name(peer_name(accepted), local_name(client));
}

/* A socket of IPv6 hears of IPv4's errors when it asked for those. */
static void test_error_queue_of_mapped(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET6);
	struct { struct sock_extended_err ee; struct sockaddr_in6 from; } got;
	struct sock_msg m;

	set_int(s, IPPROTO_IPV6, IPV6_RECVERR, 1);
	do_sendto(s, "x", 1, name6("::ffff:10.0.0.2", 77));
	settle(w);
	assert_int_equal(do_recvmsg(s, MSG_ERRQUEUE, &m), -EAGAIN);
	set_int(s, IPPROTO_IP, IP_RECVERR, 1);
	do_sendto(s, "x", 1, name6("::ffff:10.0.0.2", 77));
	settle(w);
	assert_int_equal(do_recvmsg(s, MSG_ERRQUEUE, &m), 1);
	assert_int_equal(control_of(&m, IPPROTO_IPV6, IPV6_RECVERR, &got, sizeof got), sizeof got);
	assert_int_equal(got.ee.ee_origin, SO_EE_ORIGIN_ICMP);
	assert_int_equal(got.from.sin6_addr.s6_addr[10], 0xff);
}

static void test_cork(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET), *r = udp_bound(w->b, name4("0.0.0.0", 53));
	struct name to = name4("10.0.0.2", 53);
	struct sock_msg m = {.data = "one ", .len = 4, .name = &to.ss, .name_len = to.len, .flags = MSG_MORE};
	static char big[65000];

	assert_int_equal(sock_send(s, &m), 4);
	settle(w);
	assert_int_equal(do_recvmsg(r, 0, &m), -EAGAIN);
	assert_int_equal(do_send(s, "two", 3), 3);                       /* goes where the first one said */
	settle(w);
	assert_int_equal(do_recvmsg(r, 0, &m), 7);
	assert_memory_equal(m.data, "one two", 7);
	assert_int_equal(set_int(s, IPPROTO_UDP, UDP_CORK, 1), 0);
	assert_int_equal(do_sendto(s, "x", 1, to), 1);
	assert_int_equal(do_sendto(s, "y", 1, to), 1);
	assert_int_equal(set_int(s, IPPROTO_UDP, UDP_CORK, 0), 0);
	settle(w);
	assert_int_equal(do_recvmsg(r, 0, &m), 2);
	set_int(s, IPPROTO_UDP, UDP_CORK, 1);
	assert_int_equal(do_sendto(s, big, 65000, to), 65000);
	assert_int_equal(do_sendto(s, big, 600, to), -EMSGSIZE);         /* and all of it is lost */
	set_int(s, IPPROTO_UDP, UDP_CORK, 0);
	settle(w);
	assert_int_equal(do_recvmsg(r, 0, &m), -EAGAIN);
	set_int(s, IPPROTO_UDP, UDP_CORK, 1);
	do_sendto(s, "left over", 9, to);
	sock_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_round_trip),
		WORLD_TEST(test_loopback_both_families),
		WORLD_TEST(test_udplite_coverage),
		WORLD_TEST(test_peek_trunc_and_empty),
		WORLD_TEST(test_destination_errors),
		WORLD_TEST(test_connect_filters_and_dissolves),
		WORLD_TEST(test_dissolve_gives_up_an_ephemeral_port),
		WORLD_TEST(test_no_name_for_a_mapped_peer),
		WORLD_TEST(test_refused),
		WORLD_TEST(test_refused_ipv6),
		WORLD_TEST(test_error_queue),
		WORLD_TEST(test_shutdown),
		WORLD_TEST(test_receive_buffer),
		WORLD_TEST(test_broadcast),
		WORLD_TEST(test_multicast),
		WORLD_TEST(test_multicast_ipv6),
		WORLD_TEST(test_dual_stack),
		WORLD_TEST(test_control_in),
		WORLD_TEST(test_control_out),
		WORLD_TEST(test_too_big_for_the_path),
		WORLD_TEST(test_link_local),
		WORLD_TEST(test_own_addresses),
		WORLD_TEST(test_error_queue_of_mapped),
		WORLD_TEST(test_cork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
