/* Options: lengths, ranges, directions, and what each level does differently. And which (domain, type, protocol) there are. */
#include <sys/time.h>
#include <netinet/udp.h>
#include "stack/core/sysctl.h"
#include "world.h"

static void test_create(void **state)
{
	struct world *w = *state;
	struct sock *sk;

	assert_int_equal(sock_create(w->a, AF_INET, SOCK_DGRAM, 0, &sk), 0);
	assert_int_equal(get_int(sk, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP);
	assert_int_equal(get_int(sk, SOL_SOCKET, SO_DOMAIN), AF_INET);
	assert_int_equal(get_int(sk, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
	assert_int_equal(get_int(sk, SOL_SOCKET, SO_ACCEPTCONN), 0);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_DGRAM, IPPROTO_ICMP, &sk), 0);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_DGRAM, IPPROTO_ICMPV6, &sk), -EPROTONOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_DGRAM, IPPROTO_TCP, &sk), -EPROTONOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_STREAM, IPPROTO_UDP, &sk), -EPROTONOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_STREAM, IPPROTO_MPTCP, &sk), -EPROTONOSUPPORT);     /* nobody lends it hashes here */
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_STREAM, 263, &sk), -EINVAL);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_STREAM, -1, &sk), -EINVAL);
	w->a->sysctl->privileged = 0;
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_RAW, IPPROTO_ICMP, &sk), -EPERM);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_RAW, 0, &sk), -EPROTONOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_SEQPACKET, IPPROTO_TCP, &sk), -EPROTONOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_DGRAM, IPPROTO_SCTP, &sk), -EPROTONOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_INET, SOCK_RDM, 0, &sk), -ESOCKTNOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_INET, 77, 0, &sk), -EINVAL);
	assert_int_equal(sock_create(w->a, AF_PACKET, SOCK_RAW, 0, &sk), -EPERM);
	assert_int_equal(sock_create(w->a, AF_BLUETOOTH, SOCK_RAW, 0, &sk), -EAFNOSUPPORT);
	assert_int_equal(sock_create(w->a, -1, SOCK_RAW, 0, &sk), -EAFNOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_NETLINK, SOCK_RAW, 6, &sk), -EPROTONOSUPPORT);
	assert_int_equal(sock_create(w->a, AF_NETLINK, SOCK_STREAM, 0, &sk), -ESOCKTNOSUPPORT);
}

static void test_lengths(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET);
	uint8_t octets[8] = {1, 0, 0, 0, 0xee, 0xee, 0xee, 0xee};
	socklen_t len;

	assert_int_equal(sock_setsockopt(s, SOL_SOCKET, SO_BROADCAST, octets, 3), -EINVAL);
	assert_int_equal(sock_setsockopt(s, SOL_SOCKET, SO_BROADCAST, octets, 8), 0);
	assert_int_equal(sock_setsockopt(s, SOL_SOCKET, SO_BROADCAST, octets, (socklen_t)-1), -EINVAL);
	memset(octets, 0xee, sizeof octets);
	len = 2;
	assert_int_equal(sock_getsockopt(s, SOL_SOCKET, SO_BROADCAST, octets, &len), 0);
	assert_int_equal(len, 2);
	assert_memory_equal(octets, "\1\0\xee\xee", 4);
	len = 8;
	assert_int_equal(sock_getsockopt(s, SOL_SOCKET, SO_BROADCAST, octets, &len), 0);
	assert_int_equal(len, 4);
	len = (socklen_t)-1;
	assert_int_equal(sock_getsockopt(s, SOL_SOCKET, SO_BROADCAST, octets, &len), -EINVAL);
	/* IPPROTO_IP takes and gives single octets */
	octets[0] = 0x10;
	assert_int_equal(sock_setsockopt(s, IPPROTO_IP, IP_TOS, octets, 1), 0);
	assert_int_equal(get_int(s, IPPROTO_IP, IP_TOS), 0x10);
	len = 2;
	assert_int_equal(sock_getsockopt(s, IPPROTO_IP, IP_TOS, octets, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(set_int(s, IPPROTO_IP, IP_PKTINFO, 77), 0);
	assert_int_equal(get_int(s, IPPROTO_IP, IP_PKTINFO), 1);
}

static void test_directions_and_unknown_ones(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET), *s6 = udp(w->a, AF_INET6);

	assert_int_equal(set_int(s, SOL_SOCKET, SO_TYPE, 1), -ENOPROTOOPT);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_ERROR, 1), -ENOPROTOOPT);
	assert_int_equal(set_int(s, SOL_SOCKET, 999, 1), -ENOPROTOOPT);
	assert_int_equal(get_int(s, SOL_SOCKET, 999), -ENOPROTOOPT);
	assert_int_equal(get_int(s, 999, 1), -EOPNOTSUPP);
	assert_int_equal(set_int(s, IPPROTO_IPV6, IPV6_V6ONLY, 1), -ENOPROTOOPT);
	assert_int_equal(set_int(s6, IPPROTO_IP, IP_TTL, 9), 0);               /* for when it talks IPv4 */
	assert_int_equal(set_int(s, IPPROTO_TCP, 1, 1), -ENOPROTOOPT);
	assert_int_equal(set_int(s, IPPROTO_UDP, UDP_ENCAP, 1), -ENOPROTOOPT);
	w->a->sysctl->privileged = 0;
	assert_int_equal(set_int(s, SOL_SOCKET, SO_MARK, 0), -EPERM);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_RCVBUFFORCE, 1), -EPERM);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_PRIORITY, 6), 0);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_PRIORITY, 7), -EPERM);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_DEBUG, 1), -EACCES);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_PEEK_OFF, 5), 0);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_PEEK_OFF), 5);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_BUSY_POLL, -1), -EINVAL);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_DETACH_FILTER, 0), -ENOENT);
}

static void test_ranges_and_defaults(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET6);

	assert_int_equal(get_int(s, IPPROTO_IP, IP_TTL), 64);
	assert_int_equal(set_int(s, IPPROTO_IP, IP_TTL, 0), -EINVAL);
	assert_int_equal(set_int(s, IPPROTO_IP, IP_TTL, 256), -EINVAL);
	assert_int_equal(set_int(s, IPPROTO_IP, IP_TTL, 255), 0);
	assert_int_equal(set_int(s, IPPROTO_IP, IP_TTL, -1), 0);
	assert_int_equal(get_int(s, IPPROTO_IP, IP_TTL), 64);
	assert_int_equal(get_int(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS), 64);
	assert_int_equal(set_int(s, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 256), -EINVAL);
	assert_int_equal(get_int(s, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 1);
	assert_int_equal(get_int(s, IPPROTO_IP, IP_MTU_DISCOVER), IP_PMTUDISC_WANT);
	assert_int_equal(set_int(s, IPPROTO_IP, IP_MTU_DISCOVER, 6), -EINVAL);
	assert_int_equal(set_int(s, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT), 0);
	assert_int_equal(get_int(s, IPPROTO_IP, IP_MTU), -ENOTCONN);
	assert_int_equal(get_int(s, IPPROTO_IPV6, IPV6_V6ONLY), 0);
	assert_int_equal(do_connect(s, name6("fd00::2", 1)), 0);
	assert_int_equal(get_int(s, IPPROTO_IPV6, IPV6_MTU), 1500);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_INCOMING_CPU), -1);
}

static void test_buffers(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET);

	assert_int_equal(get_int(s, SOL_SOCKET, SO_RCVBUF), 212992);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_RCVBUF, 10000), 0);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_RCVBUF), 20000);
	set_int(s, SOL_SOCKET, SO_RCVBUF, 0);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_RCVBUF), 2304);
	set_int(s, SOL_SOCKET, SO_RCVBUF, 1 << 30);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_RCVBUF), 425984);
	set_int(s, SOL_SOCKET, SO_SNDBUF, 1);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_SNDBUF), 4608);
	set_int(s, SOL_SOCKET, SO_SNDBUF, -1);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_SNDBUF), 425984);
}

static void test_structs(void **state)
{
	struct world *w = *state;
	struct sock *s = udp(w->a, AF_INET);
	struct timeval tv = {.tv_sec = 2, .tv_usec = 500000};
	struct linger l = {.l_onoff = 5, .l_linger = 7};
	socklen_t len = sizeof tv;

	assert_int_equal(sock_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), 0);
	assert_int_equal(s->rcvtimeo_us, 2500000);
	tv.tv_usec = 1000000;
	assert_int_equal(sock_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv), -EDOM);
	assert_int_equal(sock_setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, 8), -EINVAL);
	assert_int_equal(sock_getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &len), 0);
	assert_int_equal(tv.tv_usec, 500000);
	assert_int_equal(sock_setsockopt(s, SOL_SOCKET, SO_LINGER, &l, sizeof l), 0);
	len = sizeof l;
	assert_int_equal(sock_getsockopt(s, SOL_SOCKET, SO_LINGER, &l, &len), 0);
	assert_int_equal(l.l_onoff, 1);
	assert_int_equal(l.l_linger, 7);
	uint64_t cookie;
	len = 4;
	assert_int_equal(sock_getsockopt(s, SOL_SOCKET, SO_COOKIE, &cookie, &len), -EINVAL);
	len = 8;
	assert_int_equal(sock_getsockopt(s, SOL_SOCKET, SO_COOKIE, &cookie, &len), 0);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_TIMESTAMP, 1), 0);
	assert_int_equal(set_int(s, SOL_SOCKET, SO_TIMESTAMPNS, 1), 0);
	assert_int_equal(get_int(s, SOL_SOCKET, SO_TIMESTAMP), 0);             /* one of them at a time */
	assert_int_equal(get_int(s, SOL_SOCKET, SO_TIMESTAMPNS), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(test_create),
		WORLD_TEST(test_lengths),
		WORLD_TEST(test_directions_and_unknown_ones),
		WORLD_TEST(test_ranges_and_defaults),
		WORLD_TEST(test_buffers),
		WORLD_TEST(test_structs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
