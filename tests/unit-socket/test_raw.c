/* Raw sockets between two hosts: what tests/conform raw, which has one, can't see. */
#include <time.h>
#include <linux/errqueue.h>
#include <netinet/udp.h>
#include "stack/core/sysctl.h"
#include "world.h"

#define OWN 253

static struct sock *raw(struct stack *s, int domain, int protocol) { return sock_make(s, domain, SOCK_RAW, protocol); }

static void test_between_hosts(void **state)
{
	struct world *w = *state;
	struct sock *tx = raw(w->a, AF_INET, OWN), *rx = raw(w->b, AF_INET, OWN);
	struct in_pktinfo info;
	struct sock_msg m;
	const uint8_t *h;

	assert_int_equal(set_int(rx, IPPROTO_IP, IP_PKTINFO, 1), 0);
	assert_int_equal(set_int(tx, IPPROTO_IP, IP_TTL, 9), 0);
	assert_int_equal(do_sendto(tx, "data", 4, name4("10.0.0.2", 0)), 4);
	settle(w);
	assert_int_equal(do_recvmsg(rx, 0, &m), 24);
	h = m.data;
	assert_int_equal(h[0], 0x45);
	assert_int_equal(h[8], 9);
	assert_int_equal(h[9], OWN);
	assert_memory_equal(h + 20, "data", 4);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_PKTINFO, &info, sizeof info), sizeof info);
	assert_int_equal(info.ipi_ifindex, w->b_if->index);
	assert_int_equal(do_recvmsg(tx, 0, &m), -EAGAIN);
}

/* What comes in pieces is seen whole, its header as of one datagram. */
static void test_reassembled(void **state)
{
	static char big[4000], got[5000];
	struct world *w = *state;
	struct sock *rx = raw(w->b, AF_INET, OWN), *rx6 = raw(w->b, AF_INET6, OWN);

	assert_int_equal(do_sendto(raw(w->a, AF_INET, OWN), big, sizeof big, name4("10.0.0.2", 0)), sizeof big);
	assert_int_equal(do_sendto(raw(w->a, AF_INET6, OWN), big, sizeof big, name6("fd00::2", 0)), sizeof big);
	settle(w);
	assert_int_equal(do_recv(rx, got, sizeof got, 0), sizeof big + 20);
	assert_int_equal((got[2] & 255) << 8 | (got[3] & 255), sizeof big + 20);
	assert_int_equal(got[6] & 0x3f, 0);
	assert_int_equal(do_recv(rx6, got, sizeof got, 0), sizeof big);
}

/* raw(7): a header of the program's own must fit the link; it is not cut. */
static void test_own_header_is_not_cut(void **state)
{
	static uint8_t d[1501] = {0x45, [8] = 64, OWN, [16] = 10, 0, 0, 2};
	struct world *w = *state;
	struct sock *tx = raw(w->a, AF_INET, IPPROTO_RAW), *rx = raw(w->b, AF_INET, OWN);
	uint8_t got[1600];

	assert_int_equal(do_sendto(tx, d, sizeof d, name4("10.0.0.2", 0)), -EMSGSIZE);
	assert_int_equal(do_sendto(tx, d, 1500, name4("10.0.0.2", 0)), 1500);
	settle(w);
	assert_int_equal(do_recv(rx, got, sizeof got, 0), 1500);
	assert_memory_equal(got + 12, "\x0a\0\0\1", 4);       /* the source that was left out */
}

/* Datagrams that one send made (UDP_SEGMENT) fill its buffer as others do, and empty it. */
static void test_pieces_of_udp(void **state)
{
	struct world *w = *state;
	struct sock *tx = sock_make(w->a, AF_INET, SOCK_DGRAM, 0), *rx = raw(w->b, AF_INET, IPPROTO_UDP);
	uint8_t data[1000] = {0}, got[200];

	assert_int_equal(set_int(tx, IPPROTO_UDP, UDP_SEGMENT, 100), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(do_sendto(tx, data, sizeof data, name4("10.0.0.2", 9)), sizeof data);
		settle(w);
		for (int n = 0; n < 10; n++)
			assert_int_equal(do_recv(rx, got, sizeof got, 0), 128);
		assert_int_equal(do_recv(rx, got, sizeof got, 0), -EAGAIN);
	}
}

/* Nobody at b speaks the protocol. The connected socket is told; one that is not only with IP_RECVERR. */
static void test_errors(void **state)
{
	struct world *w = *state;
	struct sock *connected = raw(w->a, AF_INET, OWN), *deaf = raw(w->a, AF_INET, OWN), *keen = raw(w->a, AF_INET, OWN);
	struct sock_extended_err ee;
	struct sock_msg m;
	char buf[64];

	assert_int_equal(do_connect(connected, name4("10.0.0.2", 0)), 0);
	assert_int_equal(set_int(keen, IPPROTO_IP, IP_RECVERR, 1), 0);
	assert_int_equal(do_send(connected, "datadata", 8), 8);
	settle(w);
	assert_int_equal(do_recv(connected, buf, sizeof buf, 0), -ENOPROTOOPT);
	assert_int_equal(do_recv(deaf, buf, sizeof buf, 0), -EAGAIN);
	assert_int_equal(do_recvmsg(keen, MSG_ERRQUEUE, &m), 8);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_RECVERR, &ee, sizeof ee), sizeof ee + sizeof(struct sockaddr_in));
	assert_int_equal(ee.ee_errno, ENOPROTOOPT);
	assert_int_equal(ee.ee_type, 3);
	assert_int_equal(ee.ee_code, 2);
}

/* While a raw socket takes the protocol, nobody complains. */
static void test_taken_protocol(void **state)
{
	struct world *w = *state;
	struct sock *tx = raw(w->a, AF_INET6, OWN), *rx = raw(w->b, AF_INET6, OWN);
	char buf[64];

	assert_int_equal(do_connect(tx, name6("fd00::2", 0)), 0);
	assert_int_equal(do_send(tx, "datadata", 8), 8);
	settle(w);
	assert_int_equal(do_recv(rx, buf, sizeof buf, 0), 8);
	sock_close(rx);
	assert_int_equal(do_recv(tx, buf, sizeof buf, 0), -EAGAIN);
	assert_int_equal(do_send(tx, "datadata", 8), 8);
	settle(w);
	assert_int_equal(do_recv(tx, buf, sizeof buf, 0), -EPROTO);
}

static void test_buffer_is_bounded(void **state)
{
	static char big[1000];
	struct world *w = *state;
	struct sock *tx = raw(w->a, AF_INET, OWN), *rx = raw(w->b, AF_INET, OWN);
	uint64_t before = w->b->drops[DROP_SOCK_RCVBUF];

	assert_int_equal(set_int(rx, SOL_SOCKET, SO_RCVBUF, 4000), 0);
	for (int i = 0; i < 100; i++) assert_int_equal(do_sendto(tx, big, sizeof big, name4("10.0.0.2", 0)), sizeof big);
	settle(w);
	assert_true(w->b->drops[DROP_SOCK_RCVBUF] - before > 90);
}

static void test_right(void **state)
{
	struct world *w = *state;
	struct sock *sk;
	int mark = 1;

	w->a->sysctl->privileged = 0;
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_RAW, 0, &sk), -EPROTONOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_RAW, OWN, &sk), -EPERM);
	assert_int_equal(sock_create(w->a, AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, &sk), -EPERM);
	sk = udp(w->a, AF_INET);
	assert_int_equal(sock_setsockopt(sk, SOL_SOCKET, SO_MARK, &mark, sizeof mark), -EPERM);
	assert_int_equal(sock_setsockopt(sk, SOL_SOCKET, SO_RCVBUFFORCE, &mark, sizeof mark), -EPERM);
	w->a->sysctl->privileged = 1;
	assert_int_equal(sock_setsockopt(sk, SOL_SOCKET, SO_MARK, &mark, sizeof mark), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_between_hosts),
		WORLD_TEST(test_reassembled),
		WORLD_TEST(test_own_header_is_not_cut),
		WORLD_TEST(test_pieces_of_udp),
		WORLD_TEST(test_errors),
		WORLD_TEST(test_taken_protocol),
		WORLD_TEST(test_buffer_is_bounded),
		WORLD_TEST(test_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
