/* ICMP datagram sockets. */
#include <time.h>
#include <linux/errqueue.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include "stack/core/sysctl.h"
#include "stack/inet/dgram.h"
#include "world.h"

static const char echo4[] = "\x08\0\0\0\x12\x34\0\x07payload", echo6[] = "\x80\0\0\0\x12\x34\0\x07payload";
#define ECHO_LEN 15

static struct sock *ping(struct stack *s, int domain)
{
	return sock_make(s, domain, SOCK_DGRAM, domain == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static void test_echo(void **state)
{
	struct world *w = *state;
	struct sock *s = ping(w->a, AF_INET), *other = ping(w->a, AF_INET);
	struct sock_msg m;
	const uint8_t *p;

	assert_int_equal(do_bind(other, name4("0.0.0.0", 5)), 0);
	assert_int_equal(do_sendto(s, echo4, ECHO_LEN, name4("10.0.0.2", 0)), ECHO_LEN);
	settle(w);
	assert_int_equal(do_recvmsg(s, 0, &m), ECHO_LEN);
	p = m.data;
	assert_int_equal(p[0], 0);
	assert_int_equal(p[4] << 8 | p[5], local_port(s));              /* the identifier is the port */
	assert_memory_equal(p + 6, echo4 + 6, ECHO_LEN - 6);
	struct name got = {.len = m.name_len};
	memcpy(&got.ss, m.name, m.name_len);
	assert_name(got, name4("10.0.0.2", 0));
	assert_int_equal(do_recvmsg(other, 0, &m), -EAGAIN);
}

static void test_echo_ipv6(void **state)
{
	struct world *w = *state;
	struct sock *s = ping(w->a, AF_INET6);
	struct sock_msg m;
	int hops;

	assert_int_equal(set_int(s, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1), 0);
	assert_int_equal(do_connect(s, name6("fd00::2", 0)), 0);
	assert_int_equal(do_send(s, echo6, ECHO_LEN), ECHO_LEN);
	settle(w);
	assert_int_equal(do_recvmsg(s, 0, &m), ECHO_LEN);
	assert_int_equal(((uint8_t *)m.data)[0], 129);
	assert_int_equal(control_of(&m, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof hops), sizeof hops);
	assert_int_equal(hops, 64);
	assert_int_equal(do_sendto(s, echo6, ECHO_LEN, name6("::ffff:10.0.0.2", 0)), -EINVAL);
	assert_int_equal(do_sendto(ping(w->a, AF_INET6), echo6, ECHO_LEN, name6("::1", 0)), ECHO_LEN);
}

/* Which is all that a send is but the sending. */
static void test_probe(void **state)
{
	struct world *w = *state;
	struct sock *s = ping(w->a, AF_INET), *raw = sock_make(w->a, AF_INET, SOCK_RAW, IPPROTO_ICMP), *whole = sock_make(w->a, AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct sock *const each[] = {s, raw, whole};
	uint8_t datagram[IP4_HDR_MIN + ECHO_LEN] = {0x45, [9] = IPPROTO_ICMP, [16] = 10, [19] = 2};

	memcpy(datagram + IP4_HDR_MIN, echo4, ECHO_LEN);
	for (size_t i = 0; i < 3; i++) {
		struct sock_msg m = {.data = i == 2 ? datagram : (uint8_t *)echo4, .len = i == 2 ? sizeof datagram : ECHO_LEN, .flags = DGRAM_PROBE};
		assert_int_equal(do_connect(each[i], name4("10.0.0.2", 0)), 0);
		assert_int_equal(sock_send(each[i], &m), m.len);
	}
	settle(w);
	assert_int_equal(do_recvmsg(s, 0, &(struct sock_msg){0}), -EAGAIN);
	assert_int_equal(do_recvmsg(raw, 0, &(struct sock_msg){0}), -EAGAIN);
	assert_int_equal(do_send(s, echo4, ECHO_LEN), ECHO_LEN);
	settle(w);
	assert_int_equal(do_recvmsg(raw, 0, &(struct sock_msg){0}), IP4_HDR_MIN + ECHO_LEN);
}

static void test_only_echo_requests(void **state)
{
	struct world *w = *state;
	struct sock *s = ping(w->a, AF_INET), *taken = ping(w->a, AF_INET), *sk;

	assert_int_equal(do_sendto(s, "\0\0\0\0\0\0\0\0", 8, name4("10.0.0.2", 0)), -EINVAL);
	assert_int_equal(do_sendto(s, echo4, 7, name4("10.0.0.2", 0)), -EINVAL);
	assert_int_equal(do_sendto(s, echo6, ECHO_LEN, name4("10.0.0.2", 0)), -EINVAL);
	assert_int_equal(do_send(s, echo4, ECHO_LEN), -EDESTADDRREQ);
	assert_int_equal(set_int(taken, SOL_SOCKET, SO_REUSEADDR, 0), 0);
	assert_int_equal(do_bind(taken, name4("0.0.0.0", local_port(s))), -EADDRINUSE);
	w->a->sysctl->ping_gid_min = 1, w->a->sysctl->ping_gid_max = 0;
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_DGRAM, IPPROTO_ICMP, &sk), -EACCES);
}

/* What the kernel says: an identifier is shared unless one minds, and a name is a host's, on a link that is known. */
static void test_names(void **state)
{
	struct world *w = *state;
	struct sock *a = ping(w->a, AF_INET), *b = ping(w->a, AF_INET), *c = ping(w->a, AF_INET6);
	int n;

	assert_int_equal(get_int(a, SOL_SOCKET, SO_REUSEADDR), 1);
	assert_int_equal(do_bind(a, name4("10.0.0.1", 7)), 0);
	assert_int_equal(do_bind(b, name4("224.0.0.1", 7)), -EADDRNOTAVAIL);
	assert_int_equal(do_bind(b, name4("255.255.255.255", 7)), -EADDRNOTAVAIL);
	assert_int_equal(do_bind(b, name4("10.0.0.1", 7)), 0);
	assert_int_equal(sock_ioctl(a, SIOCINQ, &n, sizeof n), -ENOTTY);
	assert_int_equal(do_bind(c, name6("ff05::1", 0)), -EINVAL);
	assert_int_equal(sock_bind(c, (const struct sockaddr *)&(struct sockaddr_un){.sun_family = AF_UNIX}, sizeof(struct sockaddr_in6) - 1), -EINVAL);
	assert_int_equal(set_int(a, SOL_SOCKET, SO_PEEK_OFF, 3), -EOPNOTSUPP);
	assert_int_equal(do_sendto(c, echo6, ECHO_LEN, name6("::", 0)), -ENETUNREACH);
	assert_int_equal(do_sendto(c, echo6, ECHO_LEN, name6("::ffff:10.0.0.2", 0)), -EINVAL);
	assert_int_equal(do_sendto(c, echo6, ECHO_LEN, name6("fe80::2", 0)), -EINVAL);
	assert_int_equal(do_sendto(c, echo6, ECHO_LEN, name6("ff02::1", 0)), -EINVAL);
	assert_int_equal(set_int(c, IPPROTO_IPV6, IPV6_MULTICAST_IF, w->a_if->index), 0);
	assert_int_equal(do_sendto(c, echo6, ECHO_LEN, name6("ff02::1", 0)), ECHO_LEN);
}

static void test_error_queue(void **state)
{
	struct world *w = *state;
	struct sock *s = ping(w->a, AF_INET);
	struct sock_extended_err ee;
	struct sock_msg m;

	assert_int_equal(set_int(s, IPPROTO_IP, IP_RECVERR, 1), 0);
	assert_int_equal(do_sendto(s, echo4, ECHO_LEN, name4("10.0.0.77", 0)), ECHO_LEN);   /* nobody has it */
	for (int i = 0; i < 50; i++) settle(w);
	assert_int_equal(do_recvmsg(s, MSG_ERRQUEUE, &m), ECHO_LEN);
	assert_int_equal(((uint8_t *)m.data)[0], 8);
	assert_int_equal(control_of(&m, IPPROTO_IP, IP_RECVERR, &ee, sizeof ee), sizeof ee + sizeof(struct sockaddr_in));
	assert_int_equal(ee.ee_errno, EHOSTUNREACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_echo),
		WORLD_TEST(test_echo_ipv6),
		WORLD_TEST(test_probe),
		WORLD_TEST(test_only_echo_requests),
		WORLD_TEST(test_names),
		WORLD_TEST(test_error_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
