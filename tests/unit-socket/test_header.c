/* What programs put into IP headers and read from them: options, extension headers, flow labels, sizes; and the UDP options that shape datagrams. */
#include <time.h>
#include <linux/filter.h>
#include <netinet/udp.h>
#include "stack/core/sysctl.h"
#include "world.h"

/* Names of <linux/in.h> and <linux/in6.h>, which cannot stand beside the C library's. */
enum { FLOWINFO = 11, FLOWINFO_SEND = 33, LOCAL_PORT_RANGE = 51, RECVFRAGSIZE = 77 };

static const uint8_t router_alert6[8] = {0, 0, 5, 2, 0, 0, 1, 0}, pad6[8] = {0, 0, 1, 4, 0, 0, 0, 0};

/* a sends to b's port 7, with one control message. */
static ssize_t send_with(struct sock *sk, struct name to, size_t len, int level, int type, const void *data, size_t n)
{
	static char payload[4000];
	union { char buf[CMSG_SPACE(64)]; struct cmsghdr align; } control = {.buf = {0}};
	struct cmsghdr h = {.cmsg_len = CMSG_LEN(n), .cmsg_level = level, .cmsg_type = type};

	memcpy(control.buf, &h, sizeof h);
	memcpy(control.buf + sizeof h, data, n);
	return sock_send(sk, &(struct sock_msg){.data = payload, .len = len, .name = &to.ss, .name_len = to.len, .control = control.buf,
						.control_len = CMSG_SPACE(n)});
}

static void test_segments(void **state)
{
	static char data[2500];
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name4("10.0.0.2", 7)), *tx = udp(w->a, AF_INET);
	uint16_t size = 500;

	assert_int_equal(set_int(tx, IPPROTO_UDP, UDP_SEGMENT, 65536), -EINVAL);
	assert_int_equal(set_int(tx, IPPROTO_UDP, UDP_SEGMENT, 1000), 0);
	assert_int_equal(do_sendto(tx, data, sizeof data, name4("10.0.0.2", 7)), sizeof data);
	settle(w);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), 1000);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), 1000);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), 500);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), -EAGAIN);
	assert_int_equal(send_with(tx, name4("10.0.0.2", 7), 1100, IPPROTO_UDP, UDP_SEGMENT, &size, sizeof size), 1100);
	settle(w);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), 500);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), 500);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), 100);
	/* A piece must fit the path, and there are 128 at most. */
	assert_int_equal(set_int(tx, IPPROTO_UDP, UDP_SEGMENT, 1473), 0);
	assert_int_equal(do_sendto(tx, data, 2000, name4("10.0.0.2", 7)), -EMSGSIZE);
	assert_int_equal(set_int(tx, IPPROTO_UDP, UDP_SEGMENT, 10), 0);
	assert_int_equal(do_sendto(tx, data, 1281, name4("10.0.0.2", 7)), -EINVAL);
	assert_int_equal(do_sendto(tx, data, 1280, name4("10.0.0.2", 7)), 1280);
}

/* Over a link the pieces are packets of their own, and join again; what does not fit whole does not come in part. */
static void test_joined_segments(void **state)
{
	static char data[4000];
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name4("10.0.0.2", 7)), *tx[] = {udp(w->a, AF_INET), udp(w->a, AF_INET)};
	struct sock_msg m;
	int size;

	assert_int_equal(set_int(rx, IPPROTO_UDP, UDP_GRO, 1), 0);
	for (int i = 0; i < 2; i++) {
		memset(data, 'a' + i, sizeof data);
		assert_int_equal(set_int(tx[i], IPPROTO_UDP, UDP_SEGMENT, 1000), 0);
		assert_int_equal(do_sendto(tx[i], data, 2500 + 500 * (size_t)i, name4("10.0.0.2", 7)), 2500 + 500 * i);
	}
	settle(w);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(do_recvmsg(rx, 0, &m), 2500 + 500 * i);
		assert_int_equal(control_of(&m, IPPROTO_UDP, UDP_GRO, &size, sizeof size), sizeof size);
		assert_int_equal(size, 1000);
	}
	assert_int_equal(set_int(rx, SOL_SOCKET, SO_RCVBUF, 4000), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(do_sendto(tx[0], data, 3500, name4("10.0.0.2", 7)), 3500);
	settle(w);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), 3500);
	assert_int_equal(do_recv(rx, data, sizeof data, 0), -EAGAIN);
	/* Of each of the two: what had joined, the piece too many, and the one behind it. */
	assert_int_equal(rx->stack->drops[DROP_SOCK_RCVBUF], 2 * 3);
}

/* RFC 6935: no checksum over IPv6, where both sides say so. RFC 6935 (6935-1). */
static void test_no_checksum(void **state)
{
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name6("fd00::2", 7)), *tx = udp(w->a, AF_INET6);
	char buf[8];

	assert_int_equal(set_int(tx, IPPROTO_UDP, UDP_NO_CHECK6_TX, 1), 0);
	assert_int_equal(do_sendto(tx, "data", 4, name6("fd00::2", 7)), 4);
	settle(w);
	assert_int_equal(do_recv(rx, buf, sizeof buf, 0), -EAGAIN);
	assert_int_equal(w->b->drops[DROP_UDP_CSUM], 1);
	assert_int_equal(do_sendto(tx, "data", 4, name6("fd00::2", 77)), 4);       /* nobody there: no complaint either */
	settle(w);
	assert_int_equal(sock_take_error(tx), 0);
	assert_int_equal(set_int(rx, IPPROTO_UDP, UDP_NO_CHECK6_RX, 1), 0);
	assert_int_equal(do_sendto(tx, "data", 4, name6("fd00::2", 7)), 4);
	settle(w);
	assert_int_equal(do_recv(rx, buf, sizeof buf, 0), 4);
}

/* RFC 1122 (1122-13). */
static void test_options_v4(void **state)
{
	static const uint8_t rr[] = {7, 7, 4, 0, 0, 0, 0}, source_route[] = {131, 7, 4, 10, 0, 0, 2}, overrun[] = {7, 9, 4, 0};
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name4("10.0.0.2", 7)), *tx = udp(w->a, AF_INET);
	uint8_t got[40] = {0};
	struct sock_msg m;
	socklen_t len = sizeof got;

	assert_int_equal(sock_setsockopt(tx, IPPROTO_IP, IP_OPTIONS, overrun, sizeof overrun), -EINVAL);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IP, IP_OPTIONS, source_route, sizeof source_route), -EINVAL);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IP, IP_OPTIONS, rr, sizeof rr), 0);
	assert_int_equal(sock_getsockopt(tx, IPPROTO_IP, IP_OPTIONS, got, &len), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(got, rr, sizeof rr);
	assert_int_equal(set_int(rx, IPPROTO_IP, IP_RECVOPTS, 1), 0);
	assert_int_equal(do_sendto(tx, "data", 4, name4("10.0.0.2", 7)), 4);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 4);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_RECVOPTS, got, sizeof got), 8);
	assert_memory_equal(got, rr, sizeof rr);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IP, IP_OPTIONS, NULL, 0), 0);
	assert_int_equal(do_sendto(tx, "data", 4, name4("10.0.0.2", 7)), 4);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 4);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_RECVOPTS, got, sizeof got), -1);
}

/* Extension headers go with every datagram, or with one; also when it is cut into pieces. */
static void test_extension_headers(void **state)
{
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name6("fd00::2", 7)), *tx = udp(w->a, AF_INET6);
	struct name to = name6("fd00::2", 7);
	uint8_t got[40];
	struct sock_msg m;
	socklen_t len = sizeof got;

	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_HOPOPTS, router_alert6, 7), -EINVAL);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_HOPOPTS, router_alert6, 8), 0);
	assert_int_equal(sock_getsockopt(tx, IPPROTO_IPV6, IPV6_HOPOPTS, got, &len), 0);
	assert_int_equal(len, 8);
	assert_int_equal(set_int(rx, IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1), 0);
	assert_int_equal(set_int(rx, IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1), 0);
	for (size_t n = 4; n < 4000; n += 3000) {
		assert_int_equal(send_with(tx, to, n, IPPROTO_IPV6, IPV6_DSTOPTS, pad6, sizeof pad6), n);
		settle(w);
		assert_int_equal(do_recvmsg(rx, MSG_TRUNC, &m), n);
		assert_int_equal(control_of(&m, IPPROTO_IPV6, IPV6_HOPOPTS, got, sizeof got), 8);
		assert_memory_equal(got + 1, router_alert6 + 1, 7);
		assert_int_equal(control_of(&m, IPPROTO_IPV6, IPV6_DSTOPTS, got, sizeof got), 8);
		assert_memory_equal(got + 1, pad6 + 1, 7);
	}
	w->a->sysctl->privileged = 0;
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_HOPOPTS, NULL, 0), -EPERM);
	assert_int_equal(send_with(tx, to, 4, IPPROTO_IPV6, IPV6_DSTOPTS, pad6, sizeof pad6), -EPERM);
	w->a->sysctl->privileged = 1;
	assert_int_equal(send_with(tx, to, 4, IPPROTO_IPV6, IPV6_DSTOPTS, (const uint8_t[8]){0, 1}, 8), -EINVAL);    /* longer than it is */
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_HOPOPTS, NULL, 0), 0);
	assert_int_equal(do_sendto(tx, "data", 4, to), 4);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 4);
	assert_int_equal(control_of(&m, IPPROTO_IPV6, IPV6_HOPOPTS, got, sizeof got), -1);
}

static void test_flow_labels(void **state)
{
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name6("fd00::2", 7)), *tx = udp(w->a, AF_INET6);
	struct name to = name6("fd00::2", 7);
	uint8_t flow[4];
	struct sock_msg m;

	assert_int_equal(set_int(rx, IPPROTO_IPV6, FLOWINFO, 1), 0);
	assert_int_equal(do_sendto(tx, "data", 4, to), 4);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 4);
	assert_int_equal(control_of(&m, IPPROTO_IPV6, 11, flow, sizeof flow), 4);
	assert_int_equal(set_int(tx, IPPROTO_IPV6, IPV6_AUTOFLOWLABEL, 0), 0);
	assert_int_equal(do_sendto(tx, "data", 4, to), 4);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 4);
	assert_int_equal(control_of(&m, IPPROTO_IPV6, 11, flow, sizeof flow), -1);
	assert_int_equal(set_int(tx, IPPROTO_IPV6, FLOWINFO_SEND, 1), 0);
	((struct sockaddr_in6 *)&to.ss)->sin6_flowinfo = htonl(0x0a012345);
	assert_int_equal(do_sendto(tx, "data", 4, to), 4);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 4);
	assert_int_equal(control_of(&m, IPPROTO_IPV6, 11, flow, sizeof flow), 4);
	assert_memory_equal(flow, "\x0a\x01\x23\x45", 4);
}

static void test_fragment_sizes(void **state)
{
	static char data[3000];
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name4("10.0.0.2", 7)), *rx6 = udp_bound(w->b, name6("fd00::2", 7)), *tx6 = udp(w->a, AF_INET6);
	struct sock_msg m;
	int size;

	assert_int_equal(set_int(rx, IPPROTO_IP, IP_RECVFRAGSIZE, 1), 0);
	assert_int_equal(set_int(rx6, IPPROTO_IPV6, RECVFRAGSIZE, 1), 0);
	assert_int_equal(do_sendto(udp(w->a, AF_INET), data, sizeof data, name4("10.0.0.2", 7)), sizeof data);
	/* IPV6_MTU: smaller pieces than the path wants. */
	assert_int_equal(set_int(tx6, IPPROTO_IPV6, IPV6_MTU, 1279), -EINVAL);
	assert_int_equal(set_int(tx6, IPPROTO_IPV6, IPV6_MTU, 1280), 0);
	assert_int_equal(do_sendto(tx6, data, sizeof data, name6("fd00::2", 7)), sizeof data);
	settle(w);
	assert_int_equal(do_recvmsg(rx, MSG_TRUNC, &m), sizeof data);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_RECVFRAGSIZE, &size, sizeof size), sizeof size);
	assert_int_equal(size, 1500);
	assert_int_equal(do_recvmsg(rx6, MSG_TRUNC, &m), sizeof data);
	assert_int_equal(control_of(&m, IPPROTO_IPV6, 77, &size, sizeof size), sizeof size);
	assert_int_equal(size, 1280);
	assert_int_equal(do_sendto(udp(w->a, AF_INET), data, 10, name4("10.0.0.2", 7)), 10);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 10);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_RECVFRAGSIZE, &size, sizeof size), -1);
}

static void test_port_range(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		struct sock *sk = udp(w->a, AF_INET);
		assert_int_equal(set_int(sk, IPPROTO_IP, LOCAL_PORT_RANGE, (int)(40002u << 16 | 40000)), 0);
		assert_int_equal(do_bind(sk, name4("0.0.0.0", 0)), 0);
		assert_in_range(local_port(sk), 40000, 40002);
	}
	struct sock *sk = udp(w->a, AF_INET);
	assert_int_equal(set_int(sk, IPPROTO_IP, LOCAL_PORT_RANGE, (int)(40001u << 16 | 40002)), -EINVAL);
	assert_int_equal(set_int(sk, IPPROTO_IP, LOCAL_PORT_RANGE, (int)(40002u << 16 | 40000)), 0);
	assert_int_equal(do_bind(sk, name4("0.0.0.0", 0)), -EADDRINUSE);
}

/* IP_TRANSPARENT: an address of somebody else's as the source. */
static void test_transparent(void **state)
{
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name4("10.0.0.2", 7)), *tx = udp(w->a, AF_INET);
	struct sockaddr_in from = {0};
	char buf[8];

	assert_int_equal(do_bind(tx, name4("192.0.2.1", 9)), -EADDRNOTAVAIL);
	assert_int_equal(set_int(tx, IPPROTO_IP, IP_TRANSPARENT, 1), 0);
	assert_int_equal(do_bind(tx, name4("192.0.2.1", 9)), 0);
	assert_int_equal(do_sendto(tx, "data", 4, name4("10.0.0.2", 7)), 4);
	settle(w);
	assert_int_equal(sock_recv(rx, &(struct sock_msg){.data = buf, .len = 8, .name = &from, .name_len = sizeof from}), 4);
	assert_int_equal(ntohl(from.sin_addr.s_addr), 0xc0000201);
	assert_int_equal(ntohs(from.sin_port), 9);
}

static struct sock *connected_pair(struct world *w, struct sock **ret_accepted)
{
	struct sock *l = sock_make(w->b, AF_INET, SOCK_STREAM, 0), *c = sock_make(w->a, AF_INET, SOCK_STREAM, 0);

	assert_int_equal(do_bind(l, name4("10.0.0.2", 80)), 0);
	assert_int_equal(sock_listen(l, 5), 0);
	assert_int_equal(do_connect(c, name4("10.0.0.2", 80)), -EINPROGRESS);
	settle(w);
	assert_int_equal(sock_accept(l, ret_accepted), 0);
	return c;
}

/* RFC 5082: what comes from farther away than a neighbour is not heard; and a filter on a connection drops segments. */
static void test_tcp_is_deaf(void **state)
{
	struct world *w = *state;
	struct sock *accepted, *c = connected_pair(w, &accepted);
	struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	char buf[8];

	assert_int_equal(set_int(accepted, IPPROTO_IP, IP_MINTTL, 65), 0);
	assert_int_equal(do_send(c, "far", 3), 3);
	settle(w);
	assert_int_equal(do_recv(accepted, buf, sizeof buf, 0), -EAGAIN);
	assert_int_equal(set_int(c, IPPROTO_IP, IP_TTL, 255), 0);
	for (int i = 0; i < 10; i++) settle(w);
	assert_int_equal(do_recv(accepted, buf, sizeof buf, 0), 3);
	assert_int_equal(sock_setsockopt(accepted, SOL_SOCKET, SO_ATTACH_FILTER, nothing, sizeof nothing), 0);
	assert_int_equal(do_send(c, "lost", 4), 4);
	settle(w);
	assert_int_equal(do_recv(accepted, buf, sizeof buf, 0), -EAGAIN);
	assert_true(w->b->drops[DROP_SOCK_FILTER] > 0);
	assert_int_equal(set_int(accepted, SOL_SOCKET, SO_DETACH_FILTER, 0), 0);
	for (int i = 0; i < 10; i++) settle(w);
	assert_int_equal(do_recv(accepted, buf, sizeof buf, 0), 4);
}

/* As on Linux an accepted socket has its listener's filter; and each of the two may be closed first. */
static void test_accepted_have_the_filter(void **state)
{
	struct world *w = *state;
	struct sock *l = sock_make(w->b, AF_INET6, SOCK_STREAM, 0), *c = sock_make(w->a, AF_INET6, SOCK_STREAM, 0), *accepted;
	struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, 0xffff)};

	assert_int_equal(sock_setsockopt(l, SOL_SOCKET, SO_ATTACH_FILTER, all, sizeof all), 0);
	assert_int_equal(sock_setsockopt(l, IPPROTO_IPV6, IPV6_HOPOPTS, router_alert6, 8), 0);
	assert_int_equal(sock_setsockopt(l, IPPROTO_IPV6, IPV6_RTHDRDSTOPTS, pad6, 8), 0);
	assert_int_equal(do_bind(l, name6("fd00::2", 80)), 0);
	assert_int_equal(sock_listen(l, 5), 0);
	assert_int_equal(do_connect(c, name6("fd00::2", 80)), -EINPROGRESS);
	settle(w);
	assert_int_equal(sock_accept(l, &accepted), 0);
	sock_close(l);
	assert_int_equal(set_int(accepted, SOL_SOCKET, SO_DETACH_FILTER, 0), 0);
	assert_int_equal(set_int(accepted, SOL_SOCKET, SO_DETACH_FILTER, 0), -ENOENT);
	sock_close(accepted);
	settle(w);
}

static void test_timestamping(void **state)
{
	struct world *w = *state;
	struct sock *rx = udp_bound(w->b, name4("10.0.0.2", 7)), *tcp = sock_make(w->a, AF_INET, SOCK_STREAM, 0);
	struct timespec ts[3];
	struct sock_msg m;

	assert_int_equal(set_int(tcp, SOL_SOCKET, SO_TIMESTAMPING, 0x82 /* numbers from where, before there is a connection? */), -EINVAL);
	assert_int_equal(set_int(rx, SOL_SOCKET, SO_TIMESTAMPING, 0x18), 0);
	assert_int_equal(do_sendto(udp(w->a, AF_INET), "data", 4, name4("10.0.0.2", 7)), 4);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 4);
	assert_int_equal(control_of(&m, SOL_SOCKET, SO_TIMESTAMPING, ts, sizeof ts), sizeof ts);
	assert_true(ts[0].tv_sec > 0 || ts[0].tv_nsec > 0);
	assert_int_equal(ts[1].tv_sec | ts[1].tv_nsec | ts[2].tv_sec | ts[2].tv_nsec, 0);
}

/* RFC 2292's way to set header options: all at once, and those that are not named are gone. */
static void test_old_pktoptions(void **state)
{
	struct world *w = *state;
	struct sock *tx = udp(w->a, AF_INET6);
	union { struct cmsghdr h; uint8_t octets[CMSG_SPACE(8)]; } u = {.h = {CMSG_LEN(8), IPPROTO_IPV6, IPV6_2292DSTOPTS}};
	uint8_t got[16];
	socklen_t len = sizeof got;

	memcpy(CMSG_DATA(&u.h), pad6, 8);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_HOPOPTS, router_alert6, 8), 0);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, &u, sizeof u), 0);
	assert_int_equal(sock_getsockopt(tx, IPPROTO_IPV6, IPV6_DSTOPTS, got, &len), 0);
	assert_int_equal(len, 8);
	assert_memory_equal(got, pad6, 8);
	len = sizeof got;
	assert_int_equal(sock_getsockopt(tx, IPPROTO_IPV6, IPV6_HOPOPTS, got, &len), 0);
	assert_int_equal(len, 0);
	u.h.cmsg_len = CMSG_LEN(7);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, &u, sizeof u), -EINVAL);
	u.h.cmsg_len = CMSG_LEN(9);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, &u, CMSG_LEN(8)), -EINVAL);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IPV6, IPV6_2292PKTOPTIONS, "", 0), 0);
	len = sizeof got;
	assert_int_equal(sock_getsockopt(tx, IPPROTO_IPV6, IPV6_DSTOPTS, got, &len), 0);
	assert_int_equal(len, 0);
}

/* The link carries 1,500 octets; what a host that does not read has taken already leaves no room for more. */
static void test_path_mtu(void **state)
{
	struct world *w = *state;
	struct sock *tx = udp(w->a, AF_INET6);
	struct ip6_mtuinfo info;
	struct sock_msg m;

	assert_int_equal(set_int(tx, IPPROTO_IPV6, IPV6_RECVPATHMTU, 1), 0);
	assert_int_equal(do_sendto(tx, "data", 4, name6("fd00::2", 7)), 4);
	assert_int_equal(do_recvmsg(tx, 0, &m), -EAGAIN);
	assert_int_equal(set_int(tx, IPPROTO_IPV6, IPV6_DONTFRAG, 1), 0);
	for (int i = 0; i < 2; i++) {
		static char large[2000];
		tx->lent = i ? tx->rcvbuf : 0;
		assert_int_equal(do_sendto(tx, large, sizeof large, name6("fd00::2", 7)), -EMSGSIZE);
		assert_int_equal(do_recvmsg(tx, 0, &m), i ? -EAGAIN : 0);
		if (i) break;
		assert_int_equal(control_of(&m, IPPROTO_IPV6, IPV6_PATHMTU, &info, sizeof info), sizeof info);
		assert_int_equal(info.ip6m_mtu, 1500);
		assert_int_equal(info.ip6m_addr.sin6_addr.s6_addr[15], 2);
	}
	tx->lent = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_segments), WORLD_TEST(test_joined_segments), WORLD_TEST(test_no_checksum), WORLD_TEST(test_options_v4),
		WORLD_TEST(test_extension_headers),
		WORLD_TEST(test_flow_labels), WORLD_TEST(test_fragment_sizes), WORLD_TEST(test_port_range), WORLD_TEST(test_transparent),
		WORLD_TEST(test_tcp_is_deaf), WORLD_TEST(test_accepted_have_the_filter), WORLD_TEST(test_timestamping),
		WORLD_TEST(test_old_pktoptions), WORLD_TEST(test_path_mtu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
