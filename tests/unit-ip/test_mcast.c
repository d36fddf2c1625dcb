/* Multicast membership of an interface: what it tells routers, and what it lets through, on virtual time. */
#include <netinet/in.h>
#include "lab.h"
#include "stack/inet/mcast.h"
#include "stack/socket/sock.h"

#define G4 "239.1.2.3"
#define G6 "ff05::77"

/* ---- sockets ---- */

static struct sock *sock(struct lab *l, int domain)
{
	struct sock *sk;

	assert_int_equal(sock_create(l->s, domain, SOCK_DGRAM, 0, &sk), 0);
	return sk;
}

static struct sockaddr_storage name(const char *text)
{
	struct addr a = lab_addr(text);
	struct sockaddr_storage ss = {.ss_family = addr_is_v4(&a) ? AF_INET : AF_INET6};

	if (addr_is_v4(&a))
		memcpy(&((struct sockaddr_in *)&ss)->sin_addr, a.b + 12, 4);
	else
		memcpy(&((struct sockaddr_in6 *)&ss)->sin6_addr, a.b, 16);
	return ss;
}

static int group_call(struct lab *l, struct sock *sk, int option, const char *group)
{
	struct group_req q = {.gr_interface = (uint32_t)l->eth0->index, .gr_group = name(group)};

	return sock_setsockopt(sk, sk->domain == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, option, &q, sizeof q);
}

static int source_call(struct lab *l, struct sock *sk, int option, const char *group, const char *source)
{
	struct group_source_req q = {.gsr_interface = (uint32_t)l->eth0->index, .gsr_group = name(group), .gsr_source = name(source)};

	return sock_setsockopt(sk, sk->domain == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, option, &q, sizeof q);
}

/* ---- reports ---- */

enum { IS_IN = 1, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK };

/* The one record of the next report is this one. */
static void reports(struct lab *l, int type, const char *group, const char *source)
{
	struct addr g = lab_addr(group), s;
	bool v4 = addr_is_v4(&g);
	size_t alen = v4 ? 4 : 16;
	struct packet *p = v4 ? sends(l, .by = l->eth0, .dst = "224.0.0.22", .proto = IP_PROTO_IGMP, .ttl = 1)
			      : sends(l, .by = l->eth0, .dst = "ff02::16", .ttl = 1);
	const uint8_t *ip = lab_ip(p), *m = ip + (v4 ? 24 : 48);

	if (v4) {
		assert_memory_equal(ip + 20, "\x94\4\0\0", 4);         /* router alert */
		assert_int_equal(csum_fold(csum_add(0, m, p->len - 14 - 24)), 0);
	} else {
		assert_int_equal(ip[6], IP_PROTO_HOPOPTS);
		assert_memory_equal(ip + 40, "\x3a\0\5\2\0\0\1\0", 8);
	}
	assert_int_equal(m[0], v4 ? 0x22 : 143);
	assert_int_equal(read16(m + 6), 1);
	assert_int_equal(m[8], type);
	assert_int_equal(read16(m + 10), source ? 1 : 0);
	assert_memory_equal(m + 12, g.b + 16 - alen, alen);
	if (!source) return;
	s = lab_addr(source);
	assert_memory_equal(m + 12 + alen, s.b + 16 - alen, alen);
}

/* RFC 3376 (3376-1, 3376-2, 3376-4); RFC 3810 (3810-1, 3810-3, 3810-4). */
static void joining_is_told_twice(void **state)
{
	static const char *groups[] = {G4, G6};
	struct lab *l = *state;

	for (int i = 0; i < 2; i++) {
		struct sock *sk = sock(l, i ? AF_INET6 : AF_INET), *other = sock(l, i ? AF_INET6 : AF_INET);
		assert_int_equal(group_call(l, sk, MCAST_JOIN_GROUP, groups[i]), 0);
		reports(l, TO_EX, groups[i], NULL);
		sends_nothing(l);
		lab_pass(l, NS_PER_S);
		reports(l, TO_EX, groups[i], NULL);
		lab_pass(l, 10 * NS_PER_S);
		sends_nothing(l);
		/* A second member changes nothing, nor does one of two that leaves. */
		assert_int_equal(group_call(l, other, MCAST_JOIN_GROUP, groups[i]), 0);
		assert_int_equal(group_call(l, sk, MCAST_LEAVE_GROUP, groups[i]), 0);
		lab_pass(l, 10 * NS_PER_S);
		sends_nothing(l);
		sock_close(other);
		reports(l, TO_IN, groups[i], NULL);
		reports(l, TO_IN, groups[i], NULL);
		sock_close(sk);
		sends_nothing(l);
	}
}

/* RFC 3376 (3376-3, 3376-4). */
static void sources_are_told(void **state)
{
	struct lab *l = *state;
	struct sock *one = sock(l, AF_INET), *two = sock(l, AF_INET);

	assert_int_equal(source_call(l, one, MCAST_JOIN_SOURCE_GROUP, G4, "10.0.0.7"), 0);
	reports(l, ALLOW, G4, "10.0.0.7");
	lab_pass(l, NS_PER_S);
	reports(l, ALLOW, G4, "10.0.0.7");
	assert_int_equal(source_call(l, one, MCAST_JOIN_SOURCE_GROUP, G4, "10.0.0.8"), 0);
	reports(l, ALLOW, G4, "10.0.0.8");
	lab_pass(l, NS_PER_S);
	reports(l, ALLOW, G4, "10.0.0.8");
	assert_int_equal(source_call(l, one, MCAST_LEAVE_SOURCE_GROUP, G4, "10.0.0.7"), 0);
	reports(l, BLOCK, G4, "10.0.0.7");
	lab_pass(l, NS_PER_S);
	reports(l, BLOCK, G4, "10.0.0.7");
	/* One that excludes nothing makes the interface exclude nothing (RFC 3376 §3.2). */
	assert_int_equal(group_call(l, two, MCAST_JOIN_GROUP, G4), 0);
	reports(l, TO_EX, G4, NULL);
	lab_pass(l, NS_PER_S);
	reports(l, TO_EX, G4, NULL);
	assert_int_equal(source_call(l, two, MCAST_BLOCK_SOURCE, G4, "10.0.0.9"), 0);
	reports(l, BLOCK, G4, "10.0.0.9");
	lab_pass(l, NS_PER_S);
	reports(l, BLOCK, G4, "10.0.0.9");
	/* What one includes is not excluded, whoever excludes it. */
	assert_int_equal(source_call(l, two, MCAST_BLOCK_SOURCE, G4, "10.0.0.8"), 0);
	lab_pass(l, NS_PER_S);
	sends_nothing(l);
	sock_close(two);
	reports(l, TO_IN, G4, "10.0.0.8");
	lab_pass(l, NS_PER_S);
	reports(l, TO_IN, G4, "10.0.0.8");
	sock_close(one);
	reports(l, BLOCK, G4, "10.0.0.8");
	reports(l, BLOCK, G4, "10.0.0.8");
	sends_nothing(l);
}

/* ---- queries ---- */

static void joined(struct lab *l, struct sock *sk, const char *group)
{
	assert_int_equal(group_call(l, sk, MCAST_JOIN_GROUP, group), 0);
	reports(l, TO_EX, group, NULL);
	lab_pass(l, 10 * NS_PER_S);
	reports(l, TO_EX, group, NULL);
}

static void query4(struct lab *l, size_t len, uint8_t code, const char *group, const char *source)
{
	uint8_t m[16] = {0x11, code};
	struct addr g = lab_addr(group), s = lab_addr(source ? source : "0.0.0.0");

	memcpy(m + 4, g.b + 12, 4);
	m[11] = source ? 1 : 0;
	memcpy(m + 12, s.b + 12, 4);
	write16(m + 2, csum_fold(csum_add(0, m, len)));
	receives(l, .src = "10.0.0.2", .dst = strcmp(group, G4) == 0 ? group : "224.0.0.1", .proto = IP_PROTO_IGMP, .ttl = 1, .data = m, .len = len);
	drops_nothing(l);
}

/* RFC 3376 (3376-5, 3376-6, 3376-7). */
static void queries_are_answered_in_time(void **state)
{
	struct lab *l = *state;
	struct sock *sk = sock(l, AF_INET);

	joined(l, sk, G4);
	query4(l, 12, 100, "0.0.0.0", NULL);
	sends_nothing(l);
	lab_pass(l, 10 * NS_PER_S);
	reports(l, IS_EX, G4, NULL);
	sends_nothing(l);
	query4(l, 12, 10, G4, NULL);
	lab_pass(l, NS_PER_S);
	reports(l, IS_EX, G4, NULL);
	query4(l, 12, 10, "239.9.9.9", NULL);
	lab_pass(l, NS_PER_S);
	sends_nothing(l);
	/* About a source that is wanted; and one that is not. */
	query4(l, 16, 10, G4, "10.0.0.8");
	lab_pass(l, NS_PER_S);
	reports(l, IS_IN, G4, "10.0.0.8");
	assert_int_equal(source_call(l, sk, MCAST_BLOCK_SOURCE, G4, "10.0.0.8"), 0);
	reports(l, BLOCK, G4, "10.0.0.8");
	lab_pass(l, NS_PER_S);
	reports(l, BLOCK, G4, "10.0.0.8");
	query4(l, 16, 10, G4, "10.0.0.8");
	lab_pass(l, NS_PER_S);
	sends_nothing(l);
}

/* RFC 3376 §4.1.1 (3376-11): 0xa5 is (5 + 16) * 2^(2 + 3) tenths of a second: 67.2 s. */
static void long_times_are_floating_point(void **state)
{
	struct lab *l = *state;
	time_ns latest = 0, start;

	/* Of many, asked one after the other, some answer late in their time, and none after it. */
	joined(l, sock(l, AF_INET), G4);
	for (int i = 0; i < 64; i++) {
		query4(l, 12, 0xa5, G4, NULL);
		start = l->s->now;
		while (list_empty(&l->sent))
			lab_pass(l, 100 * NS_PER_MS);
		reports(l, IS_EX, G4, NULL);
		latest = MAX(latest, l->s->now - start);
	}
	assert_in_range(latest, 40 * NS_PER_S, 67300 * NS_PER_MS);
	sends_nothing(l);
}

static void mld_query(struct lab *l, const char *src, size_t len)
{
	uint8_t m[28] = {130};

	lab_icmp(m, true, 130, 0, 0x03e80000, src, "ff02::1", m + 8, len - 8);
	receives(l, .src = src, .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .ttl = 1, .data = m, .len = len);
}

/* All groups in one report, also those of the interface's own addresses. RFC 3810 (3810-2, 3810-5). */
static void mld_queries_are_answered(void **state)
{
	struct lab *l = *state;
	struct packet *p;

	joined(l, sock(l, AF_INET6), G6);
	mld_query(l, "2001:db8::2", 28);
	drops(l, DROP_IGMP_BAD);
	mld_query(l, "fe80::2", 28);
	drops_nothing(l);
	lab_pass(l, NS_PER_S);
	p = sends(l, .by = l->eth0, .dst = "ff02::16", .ttl = 1);
	assert_true(read16(lab_ip(p) + 48 + 6) >= 2);
	assert_int_equal(lab_ip(p)[48 + 8], IS_EX);
	sends_nothing(l);
}

/* RFC 3376 (3376-8, 3376-9). */
static void old_routers_are_answered_in_their_version(void **state)
{
	struct lab *l = *state;
	struct sock *sk = sock(l, AF_INET);
	struct packet *p;

	joined(l, sk, G4);
	query4(l, 8, 10, "0.0.0.0", NULL);             /* version 2 */
	lab_pass(l, NS_PER_S);
	p = sends(l, .by = l->eth0, .dst = G4, .proto = IP_PROTO_IGMP, .ttl = 1);
	assert_int_equal(lab_ip(p)[24], 0x16);
	sock_close(sk);
	p = sends(l, .by = l->eth0, .dst = "224.0.0.2", .proto = IP_PROTO_IGMP, .ttl = 1);
	assert_int_equal(lab_ip(p)[24], 0x17);
	sends_nothing(l);
	/* Nobody has heard of that router for long: version 3 again. */
	lab_pass(l, 300 * NS_PER_S);
	joined(l, sock(l, AF_INET), G4);
}

/* RFC 2236 §3: a report of another member makes ours needless. */
static void others_answer_for_us(void **state)
{
	uint8_t report[8] = {0x16, [4] = 239, 1, 2, 3};
	struct lab *l = *state;

	joined(l, sock(l, AF_INET), G4);
	query4(l, 8, 100, "0.0.0.0", NULL);
	write16(report + 2, csum_fold(csum_add(0, report, 8)));
	receives(l, .src = "10.0.0.2", .dst = G4, .proto = IP_PROTO_IGMP, .ttl = 1, .data = report, .len = 8);
	lab_pass(l, 20 * NS_PER_S);
	sends_nothing(l);
}

/* RFC 3376 (3376-10). */
static void what_cannot_be_is_dropped(void **state)
{
	uint8_t m[16] = {0x11, 10, [4] = 10, 0, 0, 1};
	struct lab *l = *state;

	receives(l, .dst = "224.0.0.1", .proto = IP_PROTO_IGMP, .ttl = 1, .data = m, .len = 12);
	drops(l, DROP_IGMP_BAD);                        /* checksum */
	write16(m + 2, csum_fold(csum_add(0, m, 12)));
	receives(l, .dst = "224.0.0.1", .proto = IP_PROTO_IGMP, .ttl = 1, .data = m, .len = 12);
	drops(l, DROP_IGMP_BAD);                        /* about what is no group */
	memset(m + 2, 0, 6);
	m[11] = 200;
	write16(m + 2, csum_fold(csum_add(0, m, 16)));
	receives(l, .dst = "224.0.0.1", .proto = IP_PROTO_IGMP, .ttl = 1, .data = m, .len = 16);
	drops(l, DROP_IGMP_BAD);                        /* more sources than there are */
	receives(l, .dst = "224.0.0.1", .proto = IP_PROTO_IGMP, .ttl = 2, .data = m, .len = 16);
	drops(l, DROP_IGMP_BAD);
	receives(l, .dst = "224.0.0.1", .proto = IP_PROTO_IGMP, .ttl = 1, .data = m, .len = 7);
	drops(l, DROP_IGMP_BAD);
}

/* ---- what comes through ---- */

static size_t udp_to(struct lab *l, const char *src, const char *dst, uint8_t *m)
{
	struct addr s = lab_addr(src), d = lab_addr(dst);
	struct udp_hdr h = {.src = 7, .dst = 7777, .len = 12};

	memcpy(m + 8, "data", 4);
	udp_emit(&h, m, &s, &d);
	receives(l, .src = src, .dst = dst, .proto = IP_PROTO_UDP, .ttl = 4, .data = m, .len = 12);
	return 12;
}

/* RFC 3376 (3376-12). */
static void sockets_get_what_they_asked_for(void **state)
{
	struct lab *l = *state;
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(7777)};
	struct sock *one = sock(l, AF_INET), *block = sock(l, AF_INET), *none = sock(l, AF_INET), *all[] = {one, block, none};
	uint8_t m[64];
	char buf[16];
	int on = 1, off = 0;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(sock_setsockopt(all[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
		assert_int_equal(sock_bind(all[i], (struct sockaddr *)&any, sizeof any), 0);
	}
	assert_int_equal(sock_setsockopt(none, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off), 0);
	assert_int_equal(source_call(l, one, MCAST_JOIN_SOURCE_GROUP, G4, "10.0.0.2"), 0);
	assert_int_equal(group_call(l, block, MCAST_JOIN_GROUP, G4), 0);
	assert_int_equal(source_call(l, block, MCAST_BLOCK_SOURCE, G4, "10.0.0.2"), 0);
	for (int from = 2; from < 4; from++) {
		udp_to(l, from == 2 ? "10.0.0.2" : "10.0.0.3", G4, m);
		assert_int_equal(sock_recv(one, &(struct sock_msg){.data = buf, .len = 16}), from == 2 ? 4 : -EAGAIN);
		assert_int_equal(sock_recv(block, &(struct sock_msg){.data = buf, .len = 16}), from == 2 ? -EAGAIN : 4);
		assert_int_equal(sock_recv(none, &(struct sock_msg){.data = buf, .len = 16}), -EAGAIN);
	}
}

static void limits(void **state)
{
	struct lab *l = *state;
	struct sock *sk = sock(l, AF_INET);
	char source[16];

	assert_int_equal(source_call(l, sk, MCAST_BLOCK_SOURCE, G4, "10.0.0.2"), -EINVAL);            /* not joined */
	assert_int_equal(source_call(l, sk, MCAST_JOIN_SOURCE_GROUP, "10.0.0.1", "10.0.0.2"), -EINVAL);
	assert_int_equal(source_call(l, sk, MCAST_JOIN_SOURCE_GROUP, G6, "10.0.0.2"), -EADDRNOTAVAIL);
	for (int i = 1; i <= 10; i++) {
		snprintf(source, sizeof source, "10.0.0.%d", i);
		assert_int_equal(source_call(l, sk, MCAST_JOIN_SOURCE_GROUP, G4, source), 0);
	}
	assert_int_equal(source_call(l, sk, MCAST_JOIN_SOURCE_GROUP, G4, "10.0.0.99"), -ENOBUFS);
	assert_int_equal(source_call(l, sk, MCAST_BLOCK_SOURCE, G4, "10.0.0.99"), -EINVAL);            /* a list of the other kind */
	assert_int_equal(source_call(l, sk, MCAST_LEAVE_SOURCE_GROUP, G4, "10.0.0.99"), -EADDRNOTAVAIL);
	for (int i = 1; i <= 10; i++) {
		snprintf(source, sizeof source, "10.0.0.%d", i);
		assert_int_equal(source_call(l, sk, MCAST_LEAVE_SOURCE_GROUP, G4, source), 0);
	}
	/* The last source was the membership. */
	assert_int_equal(group_call(l, sk, MCAST_LEAVE_GROUP, G4), -EADDRNOTAVAIL);
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open_acquainted, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(joining_is_told_twice), on_bench(sources_are_told), on_bench(queries_are_answered_in_time), on_bench(mld_queries_are_answered),
		on_bench(old_routers_are_answered_in_their_version), on_bench(others_answer_for_us), on_bench(what_cannot_be_is_dropped),
		on_bench(sockets_get_what_they_asked_for), on_bench(limits), on_bench(long_times_are_floating_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
