/*
 * A multicast router, eth0 to eth1, both families, on virtual time: what tests/conform mroute, which has one host, can't see - what comes in from links, how
 * long it waits, and what strangers may make it do.
 */
#include "lab.h"
#include <errno.h>
#include <stdlib.h>
#include <netinet/in.h>
#include <linux/mroute.h>
#include <linux/mroute6.h>
#include "stack/mroute/mroute.h"
#include "stack/socket/sock.h"

#define SECOND NS_PER_S
enum { V4, V6 };

static const char *const from[2] = {"10.0.0.2", "2001:db8::2"}, *const group[2] = {"239.1.2.3", "ff0e::123"}, *const other[2] = {"10.0.0.9", "2001:db8::9"};
static const char *const any[2] = {"0.0.0.0", "::"};
static const uint8_t data[2000] = {0x13, 0x88, 0x13, 0x89, 0, 40, 0, 0, 1, 2, 3};
static const int levels[2] = {IPPROTO_IP, IPPROTO_IPV6};

/* ---- the daemon ---- */

static int set_int(struct sock *sk, int level, int option, int v) { return sock_setsockopt(sk, level, option, &v, sizeof v); }

static struct sock *sock_of(struct lab *l, int v, int type, int protocol)
{
	struct sock *sk;

	assert_int_equal(sock_create(l->s, v == V6 ? AF_INET6 : AF_INET, type, protocol, &sk), 0);
	return sk;
}

static int add_vif(struct sock *sk, int v, unsigned number, const struct netif *nif)
{
	struct vifctl c = {.vifc_vifi = (vifi_t)number, .vifc_flags = nif ? VIFF_USE_IFINDEX : VIFF_REGISTER, .vifc_lcl_ifindex = nif ? nif->index : 0};
	struct mif6ctl c6 = {.mif6c_mifi = (mifi_t)number, .mif6c_flags = nif ? 0 : MIFF_REGISTER, .mif6c_pifi = (uint16_t)(nif ? nif->index : 0)};

	return v == V4 ? sock_setsockopt(sk, IPPROTO_IP, MRT_ADD_VIF, &c, sizeof c) : sock_setsockopt(sk, IPPROTO_IPV6, MRT6_ADD_MIF, &c6, sizeof c6);
}

/* IPv6 has no thresholds: the interface is one of the entry's, or not. */
static int entry(struct sock *sk, int v, int option, const char *source, const char *to, unsigned parent, uint8_t ttl0, uint8_t ttl1)
{
	struct addr s = lab_addr(source), g = lab_addr(to);
	struct mfcctl c = {.mfcc_parent = (vifi_t)parent, .mfcc_ttls = {ttl0, ttl1}};
	struct mf6cctl c6 = {.mf6cc_parent = (mifi_t)parent};

	memcpy(&c.mfcc_origin, s.b + 12, 4);
	memcpy(&c.mfcc_mcastgrp, g.b + 12, 4);
	memcpy(&c6.mf6cc_origin.sin6_addr, s.b, 16);
	memcpy(&c6.mf6cc_mcastgrp.sin6_addr, g.b, 16);
	if (ttl0) IF_SET(0, &c6.mf6cc_ifset);
	if (ttl1) IF_SET(1, &c6.mf6cc_ifset);
	return v == V4 ? sock_setsockopt(sk, IPPROTO_IP, option, &c, sizeof c) : sock_setsockopt(sk, IPPROTO_IPV6, option, &c6, sizeof c6);
}

/* eth0 is its interface 0, eth1 1. */
static struct sock *daemon_start(struct lab *l, int v)
{
	struct sock *sk = sock_of(l, v, SOCK_RAW, v == V4 ? IPPROTO_IGMP : IPPROTO_ICMPV6);

	assert_int_equal(set_int(sk, levels[v], MRT_INIT, 1), 0);
	assert_int_equal(add_vif(sk, v, 0, l->eth0), 0);
	assert_int_equal(add_vif(sk, v, 1, l->eth1), 0);
	return sk;
}

static ssize_t hear(struct sock *sk, uint8_t *to, size_t len)
{
	struct sock_msg m = {.data = to, .len = len};

	return sock_recv(sk, &m);
}

/* The next upcall is of this kind, about this interface; and how long it is. */
static size_t upcall(struct sock *sk, int v, int type, unsigned vif, const char *source, const char *to)
{
	static uint8_t got[65536];
	ssize_t n = hear(sk, got, sizeof got);
	struct addr s = lab_addr(source), g = lab_addr(to);

	assert_true(n >= (v == V4 ? 28 : 80));
	assert_int_equal(got[v == V4 ? 8 : 1], type);
	assert_int_equal(got[v == V4 ? 10 : 2], vif);
	assert_int_equal(got[v == V4 ? 9 : 0], 0);
	assert_memory_equal(got + (v == V4 ? 12 : 8), s.b + (v == V4 ? 12 : 0), v == V4 ? 4 : 16);
	assert_memory_equal(got + (v == V4 ? 16 : 24), g.b + (v == V4 ? 12 : 0), v == V4 ? 4 : 16);
	return (size_t)n;
}

static void no_upcall(struct sock *sk)
{
	uint8_t got[8];

	assert_int_equal(hear(sk, got, sizeof got), -EAGAIN);
}

static void quiet(struct lab *l)
{
	while (!list_empty(&l->sent)) packet_free(list_entry(list_pop(&l->sent), struct packet, node));
}

/* By eth0: UDP from `from` to `group`, as far as d does not say otherwise. */
static void arrive(struct lab *l, int v, struct dgram d)
{
	if (!d.src) d.src = from[v];
	if (!d.dst) d.dst = group[v];
	if (!d.proto) d.proto = IP_PROTO_UDP;
	if (!d.data) d.data = data;
	if (!d.len) d.len = 40;
	lab_receive(l, l->eth0, lab_frame(&d));
}
#define arrives(l, v, ...) arrive(l, v, (struct dgram){__VA_ARGS__})

/* ---- forwarding ---- */

static void by_source_and_group(void **state)
{
	static const struct mac macs[2] = {{{1, 0, 0x5e, 1, 2, 3}}, {{0x33, 0x33, 0, 0, 1, 0x23}}};
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], group[v], 0, 0, 1), 0);
		arrives(l, v, .ttl = 9);
		sends(l, .by = l->eth1, .to = &macs[v], .from = &mac_us1, .src = from[v], .dst = group[v], .ttl = 8, .proto = IP_PROTO_UDP, .data = data,
		      .data_len = 40);
		sends_nothing(l);
		drops_nothing(l);
		/* Others' go nowhere, and the daemon is asked. */
		arrives(l, v, .src = other[v]);
		sends_nothing(l);
		upcall(sk, v, IGMPMSG_NOCACHE, 0, other[v], group[v]);
		no_upcall(sk);
		sock_close(sk);
		drops(l, DROP_MROUTE_UNRESOLVED);
		/* Without the daemon there is no router. */
		arrives(l, v);
		drops(l, DROP_IP_NO_GROUP);
		sends_nothing(l);
	}
}

/* RFC 1075 §4: hops that are left must exceed the threshold. */
static void thresholds(void **state)
{
	struct lab *l = *state;
	struct sock *sk = daemon_start(l, V4);

	assert_int_equal(entry(sk, V4, MRT_ADD_MFC, from[V4], group[V4], 0, 0, 10), 0);
	arrives(l, V4, .ttl = 10);
	sends_nothing(l);
	arrives(l, V4, .ttl = 11);
	sends(l, .by = l->eth1, .ttl = 10, .dst = group[V4]);
	sends_nothing(l);
	sock_close(sk);
	/* In IPv6 one hop is not enough, and nobody is told (RFC 1812 §4.3.2.7 has it so for groups). */
	sk = daemon_start(l, V6);
	assert_int_equal(entry(sk, V6, MRT6_ADD_MFC, from[V6], group[V6], 0, 0, 1), 0);
	arrives(l, V6, .ttl = 1);
	sends_nothing(l);
	drops_nothing(l);
}

static void what_stays_on_its_link(void **state)
{
	static const char *const narrow[2] = {"224.0.0.251", "ff02::fb"};
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], narrow[v], 0, 0, 1), 0);
		arrives(l, v, .dst = narrow[v]);
		drops(l, DROP_IP_NO_GROUP);
		sends_nothing(l);
		no_upcall(sk);
		sock_close(sk);
	}
	/* Nor does what nobody sent. */
	struct sock *sk = daemon_start(l, V4);
	assert_int_equal(entry(sk, V4, MRT_ADD_MFC_PROXY, any[V4], group[V4], 0, 0, 1), 0);
	arrives(l, V4, .src = "0.0.0.0");
	sends_nothing(l);
	no_upcall(sk);
}

/* A group's datagram that does not fit: IPv4 is cut or vanishes, IPv6's sender is told. */
static void too_large(void **state)
{
	struct lab *l = *state;
	struct sock *sk = daemon_start(l, V4), *sk6 = daemon_start(l, V6);

	l->eth1->mtu_bytes = 1300;
	for (int v = V4; v <= V6; v++) assert_int_equal(entry(v == V4 ? sk : sk6, v, MRT_ADD_MFC, from[v], group[v], 0, 0, 1), 0);
	arrives(l, V4, .len = 1400, .df = true);
	drops(l, DROP_IP_TOO_BIG);
	sends_nothing(l);
	arrives(l, V4, .len = 1400);
	sends(l, .by = l->eth1, .dst = group[V4], .frag_off = 1, .more = 2, .len = 1300, .ttl = 63);
	sends(l, .by = l->eth1, .dst = group[V4], .frag_off = 1281, .ttl = 63);
	sends_nothing(l);
	arrives(l, V6, .len = 1400);
	sends(l, .by = l->eth0, .dst = from[V6], .icmp = {ICMP6_TOO_BIG, 0}, .rest = 1300);
	sends_nothing(l);
	drops(l, DROP_IP_TOO_BIG);
	/* What comes in pieces goes on in pieces. */
	arrives(l, V4, .len = 800, .mf = true, .id = 7);
	sends(l, .by = l->eth1, .dst = group[V4], .frag_off = 1, .more = 2, .len = 820);
	sends_nothing(l);
}

static void proxies(void **state)
{
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		/* (*, G): from its parent, or what (*, *) has for that; never back. */
		assert_int_equal(entry(sk, v, MRT_ADD_MFC_PROXY, any[v], group[v], 1, 1, 1), 0);
		arrives(l, v);
		sends_nothing(l);
		assert_int_equal(entry(sk, v, MRT_ADD_MFC_PROXY, any[v], any[v], 1, 1, 1), 0);
		arrives(l, v);
		sends(l, .by = l->eth1, .dst = group[v], .ttl = 63);
		sends_nothing(l);
		/* (*, *): upstream, and what comes from there nowhere. */
		assert_int_equal(entry(sk, v, MRT_DEL_MFC_PROXY, any[v], group[v], 1, 0, 0), 0);
		arrives(l, v);
		sends(l, .by = l->eth1, .dst = group[v]);
		lab_receive(l, l->eth1, frame_of(.src = from[v], .dst = group[v], .proto = IP_PROTO_UDP, .data = data, .len = 40));
		sends_nothing(l);
		no_upcall(sk);
		sock_close(sk);
	}
}

/* ---- how many ---- */

static void copies_are_bounded(void **state)
{
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], group[v], 0, 0, 1), 0);
		for (int i = 0; i < 4096; i++) {
			arrives(l, v);
			sends(l, .by = l->eth1, .dst = group[v]);
		}
		arrives(l, v);
		drops(l, DROP_MROUTE_FULL);
		sends_nothing(l);
		/* But not for long. */
		lab_pass(l, NS_PER_MS - 1);
		arrives(l, v);
		drops(l, DROP_MROUTE_FULL);
		lab_pass(l, 1);
		arrives(l, v);
		sends(l, .by = l->eth1, .dst = group[v]);
		sends_nothing(l);
		drops_nothing(l);
		sock_close(sk);
	}
}

/* The loopback under four numbers makes four of each at each hop: 4^63 in all. */
static void copies_of_copies(void **state)
{
	struct lab *l = *state;
	struct sock *sk = sock_of(l, V4, SOCK_RAW, IPPROTO_IGMP), *tx = sock_of(l, V4, SOCK_DGRAM, 0);
	struct mfcctl c = {.mfcc_origin.s_addr = htonl(0x7f000001), .mfcc_mcastgrp.s_addr = htonl(0xef010203)};
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr = c.mfcc_origin};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = c.mfcc_mcastgrp};
	struct ip_mreqn by = {.imr_ifindex = l->lo->index};
	struct sock_msg m = {.data = (void *)data, .len = 2, .name = &to, .name_len = sizeof to};
	struct addr s = lab_addr("127.0.0.1"), g = lab_addr(group[V4]);

	assert_int_equal(set_int(sk, IPPROTO_IP, MRT_INIT, 1), 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(add_vif(sk, V4, i, l->lo), 0);
		c.mfcc_ttls[i] = 1;
	}
	assert_int_equal(sock_setsockopt(sk, IPPROTO_IP, MRT_ADD_MFC, &c, sizeof c), 0);
	assert_int_equal(sock_setsockopt(tx, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by), 0);
	assert_int_equal(set_int(tx, IPPROTO_IP, IP_MULTICAST_TTL, 64), 0);
	assert_int_equal(sock_bind(tx, (struct sockaddr *)&me, sizeof me), 0);
	assert_int_equal(sock_send(tx, &m), 2);
	lab_settle(l);
	/* The datagram, and each copy when it is back. */
	assert_int_equal(mroute_entry_find(mroute_table_find(l->s, true, MROUTE_TABLE4), &s, &g, -1)->packets, 1 + 4096);
	assert_int_equal(l->s->drops[DROP_MROUTE_FULL], 1 + 4096 - 4096 / 4);
	sock_close(tx), sock_close(sk);
}

/* ---- waiting ---- */

static void four_wait(void **state)
{
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		for (uint8_t i = 0; i < 4; i++) {
			arrives(l, v, .ttl = (uint8_t)(10 + i));
			drops_nothing(l);
		}
		arrives(l, v, .ttl = 14);
		drops(l, DROP_IP_NO_GROUP);
		upcall(sk, v, IGMPMSG_NOCACHE, 0, from[v], group[v]);
		no_upcall(sk);
		lab_pass(l, 9 * SECOND);
		quiet(l);
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], group[v], 0, 0, 1), 0);
		for (uint8_t i = 0; i < 4; i++) sends(l, .by = l->eth1, .dst = group[v], .ttl = (uint8_t)(9 + i));
		sends_nothing(l);
		sock_close(sk);
	}
}

static void not_for_ever(void **state)
{
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		arrives(l, v);
		lab_pass(l, 5 * SECOND);
		arrives(l, v, .src = other[v]);
		upcall(sk, v, IGMPMSG_NOCACHE, 0, from[v], group[v]);
		upcall(sk, v, IGMPMSG_NOCACHE, 0, other[v], group[v]);
		drops_nothing(l);
		lab_pass(l, 5 * SECOND);
		drops(l, DROP_MROUTE_UNRESOLVED);
		/* And so the daemon is asked again. */
		arrives(l, v);
		upcall(sk, v, IGMPMSG_NOCACHE, 0, from[v], group[v]);
		lab_pass(l, 5 * SECOND);
		drops(l, DROP_MROUTE_UNRESOLVED);
		sock_close(sk);
		drops(l, DROP_MROUTE_UNRESOLVED);
		quiet(l);
	}
}

/* Sources and groups made up by the thousand. */
static void strangers_do_not_fill_memory(void **state)
{
	struct lab *l = *state;
	struct sock *sk = daemon_start(l, V4);
	const struct mroute_table *t = mroute_table_find(l->s, true, MROUTE_TABLE4);
	uint32_t unheard;
	uint8_t got[64];
	char to[32];

	/* A daemon that does not listen: what it can't be told of does not wait. */
	for (int i = 0; i < 5000; i++) {
		snprintf(to, sizeof to, "239.2.%d.%d", i / 250, i % 250);
		arrives(l, V4, .dst = to);
	}
	unheard = t->n_unresolved;
	assert_in_range(unheard, 1, 1023);
	for (uint32_t i = 0; i < unheard; i++) assert_true(hear(sk, got, sizeof got) > 0);
	no_upcall(sk);
	/* One that listens, and does nothing. */
	for (int i = 0; i < 5000; i++) {
		snprintf(to, sizeof to, "239.3.%d.%d", i / 250, i % 250);
		arrives(l, V4, .dst = to, .len = 1400);
		(void)hear(sk, got, sizeof got);
	}
	assert_int_equal(t->n_unresolved, 1024);
	for (int i = 0; i < 5000; i++) {
		snprintf(to, sizeof to, "239.3.%d.%d", i / 250, i % 250);
		arrives(l, V4, .dst = to, .len = 1400);
	}
	assert_in_range(t->octets_waiting, 1, 4 << 20);
	lab_pass(l, 11 * SECOND);
	assert_int_equal(t->n_unresolved, 0);
	assert_int_equal(t->octets_waiting, 0);
	assert_int_equal(t->n_entries, 0);
}

/* ---- the wrong way ---- */

static void from_the_wrong_interface(void **state)
{
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		const struct mroute_entry *e;
		struct addr s = lab_addr(from[v]), g = lab_addr(group[v]);
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], group[v], 1, 1, 0), 0);
		arrives(l, v);
		no_upcall(sk);
		assert_int_equal(set_int(sk, levels[v], MRT_ASSERT, 1), 0);
		arrives(l, v);
		upcall(sk, v, IGMPMSG_WRONGVIF, 0, from[v], group[v]);
		/* Not for each of them. */
		arrives(l, v);
		lab_pass(l, 3 * SECOND);
		arrives(l, v);
		no_upcall(sk);
		lab_pass(l, 1);
		arrives(l, v);
		upcall(sk, v, IGMPMSG_WRONGVIF, 0, from[v], group[v]);
		/* What it never goes out by matters to PIM alone. */
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], group[v], 1, 0, 0), 0);
		lab_pass(l, 4 * SECOND);
		arrives(l, v);
		no_upcall(sk);
		assert_int_equal(set_int(sk, levels[v], MRT_PIM, IGMPMSG_WRVIFWHOLE), 0);
		arrives(l, v);
		upcall(sk, v, IGMPMSG_WRONGVIF, 0, from[v], group[v]);
		assert_int_equal(upcall(sk, v, IGMPMSG_WRVIFWHOLE, 0, from[v], group[v]), v == V4 ? 20 + 60 : 40 + 80);
		no_upcall(sk);
		sends_nothing(l);
		e = mroute_entry_find(mroute_table_find(l->s, v == V4, v == V4 ? MROUTE_TABLE4 : MROUTE_TABLE6), &s, &g, -1);
		assert_int_equal(e->wrong_vif, 7);
		assert_int_equal(e->packets, 7);
		sock_close(sk);
	}
}

/* ---- this host ---- */

static struct sock *member(struct lab *l, int v, const struct netif *nif, uint16_t port)
{
	struct sock *sk = sock_of(l, v, SOCK_DGRAM, 0);
	struct addr g = lab_addr(group[v]);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct ip_mreqn m = {.imr_ifindex = nif->index};
	struct ipv6_mreq m6 = {.ipv6mr_interface = (unsigned)nif->index};

	memcpy(&m.imr_multiaddr, g.b + 12, 4);
	memcpy(&m6.ipv6mr_multiaddr, g.b, 16);
	if (v == V4) {
		assert_int_equal(sock_bind(sk, (struct sockaddr *)&a, sizeof a), 0);
		assert_int_equal(sock_setsockopt(sk, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m), 0);
	} else {
		assert_int_equal(sock_bind(sk, (struct sockaddr *)&a6, sizeof a6), 0);
		assert_int_equal(sock_setsockopt(sk, IPPROTO_IPV6, IPV6_JOIN_GROUP, &m6, sizeof m6), 0);
	}
	return sk;
}

/* A UDP datagram to port 5001, its checksum left out or in. */
static size_t message(uint8_t *to, int v)
{
	struct addr s = lab_addr(from[v]), g = lab_addr(group[v]);

	memset(to, 0, 16);
	write16(to, 5000);
	write16(to + 2, 5001);
	write16(to + 4, 16);
	if (v == V6) write16(to + 6, csum_fold(csum_add(csum_pseudo(&s, &g, IP_PROTO_UDP, 16), to, 16)));
	return 16;
}

/* RFC 1584 §6.4: who listens on this host hears it where it comes in and where it goes out. */
static void members_of_our_own(void **state)
{
	struct lab *l = *state;
	uint8_t udp[16], got[64];

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v), *near = member(l, v, l->eth0, 5001), *far;
		struct sock *const all[] = {near};
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], group[v], 0, 0, 1), 0);
		lab_settle(l);
		quiet(l);
		receives(l, .src = from[v], .dst = group[v], .proto = IP_PROTO_UDP, .data = udp, .len = message(udp, v));
		sends(l, .by = l->eth1, .dst = group[v], .ttl = 63);
		assert_int_equal(hear(near, got, sizeof got), 8);
		no_upcall(all[0]);
		sock_close(near);
		far = member(l, v, l->eth1, 5001);
		lab_settle(l);
		quiet(l);
		receives(l, .src = from[v], .dst = group[v], .proto = IP_PROTO_UDP, .data = udp, .len = message(udp, v));
		sends(l, .by = l->eth1, .dst = group[v], .ttl = 63);
		assert_int_equal(hear(far, got, sizeof got), 8);
		no_upcall(far);
		sock_close(far), sock_close(sk);
		lab_pass(l, 30 * SECOND);
		quiet(l);
	}
}

/* ---- reports of hosts ---- */

/* RFC 2236 §2: to the group itself, with a router alert; old hosts send none. */
static void igmp_for_the_daemon(void **state)
{
	static const uint8_t alert[4] = {148, 4, 0, 0}, report[8] = {0x16, 0, 0, 0, 239, 1, 2, 3};
	struct lab *l = *state;
	struct sock *sk = daemon_start(l, V4), *bystander = sock_of(l, V4, SOCK_RAW, IPPROTO_IGMP);
	uint8_t got[64];

	for (int old = 0; old < 2; old++) {
		arrives(l, V4, .proto = IP_PROTO_IGMP, .ttl = 1, .opt = alert, .opt_len = old ? 0 : 4, .data = report, .len = 8);
		assert_int_equal(hear(sk, got, sizeof got), old ? 28 : 32);
		assert_memory_equal(got + (old ? 20 : 24), report, 8);
		drops_nothing(l);
	}
	no_upcall(sk);
	no_upcall(bystander);
	sends_nothing(l);
}

static void mld_for_the_daemon(void **state)
{
	uint8_t report[8 + 24] = {IP_PROTO_ICMP6, 0, 5, 2, 0, 0, 1, 0}, got[64];
	struct lab *l = *state;
	struct sock *sk = daemon_start(l, V6);
	struct addr s = lab_addr("fe80::2"), g = lab_addr(group[V6]);

	report[8] = 131;
	memcpy(report + 16, g.b, 16);
	write16(report + 10, csum_fold(csum_add(csum_pseudo(&s, &g, IP_PROTO_ICMP6, 24), report + 8, 24)));
	receives(l, .src = "fe80::2", .dst = group[V6], .proto = IP_PROTO_HOPOPTS, .ttl = 1, .data = report, .len = sizeof report);
	assert_int_equal(hear(sk, got, sizeof got), 24);
	assert_int_equal(got[0], 131);
	no_upcall(sk);
	drops_nothing(l);
	/* What has the alert and is no MLD is nobody's. */
	report[0] = IP_PROTO_UDP;
	receives(l, .src = from[V6], .dst = group[V6], .proto = IP_PROTO_HOPOPTS, .data = report, .len = sizeof report);
	drops(l, DROP_IP_NO_GROUP);
	no_upcall(sk);
	sends_nothing(l);
}

/* ---- PIM Registers ---- */

static void into_a_register(void **state)
{
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		struct mf6cctl c6 = {.mf6cc_parent = 0};
		struct mfcctl c = {.mfcc_parent = 0, .mfcc_ttls = {0, 0, 1}};
		struct addr s = lab_addr(from[v]), g = lab_addr(group[v]);
		assert_int_equal(add_vif(sk, v, 2, NULL), 0);
		memcpy(&c.mfcc_origin, s.b + 12, 4);
		memcpy(&c.mfcc_mcastgrp, g.b + 12, 4);
		memcpy(&c6.mf6cc_origin.sin6_addr, s.b, 16);
		memcpy(&c6.mf6cc_mcastgrp.sin6_addr, g.b, 16);
		IF_SET(2, &c6.mf6cc_ifset);
		assert_int_equal(v == V4 ? sock_setsockopt(sk, IPPROTO_IP, MRT_ADD_MFC, &c, sizeof c)
					 : sock_setsockopt(sk, IPPROTO_IPV6, MRT6_ADD_MFC, &c6, sizeof c6), 0);
		arrives(l, v, .len = 1400);
		assert_int_equal(upcall(sk, v, IGMPMSG_WHOLEPKT, 2, from[v], group[v]), v == V4 ? 20 + 1420 : 40 + 1440);
		sends_nothing(l);
		sock_close(sk);
	}
}

/* What this host sends by the register interface came in by none; the daemon hears where it is from nevertheless. */
static void own_into_a_register(void **state)
{
	struct lab *l = *state;
	uint8_t got[256];

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		struct netif *reg;
		struct sockaddr_in6 name;
		_Alignas(struct cmsghdr) uint8_t control[128] = {0};
		struct sock_msg m = {.data = got, .len = sizeof got, .name = &name, .name_len = sizeof name, .control = control, .control_len = sizeof control};
		int index;
		struct packet *p = frame_of(.src = other[v], .dst = group[v], .proto = IP_PROTO_UDP, .data = data, .len = 40);
		assert_int_equal(add_vif(sk, v, 2, NULL), 0);
		reg = netif_by_name(l->s, v == V4 ? "pimreg" : "pim6reg");
		assert_int_equal(set_int(sk, levels[v], v == V4 ? IP_PKTINFO : IPV6_RECVPKTINFO, 1), 0);
		packet_pull(p, ETH_HDR_LEN);
		p->net_off = packet_off(p);
		p->src = lab_addr(other[v]);
		p->dst = lab_addr(group[v]);
		p->netif = NULL;
		assert_int_equal(netif_transmit(reg, p), 0);
		assert_int_equal(sock_recv(sk, &m), v == V4 ? 20 + 60 : 40 + 80);
		memcpy(&index, control + sizeof(struct cmsghdr) + (v == V4 ? 0 : 16), sizeof index);
		assert_int_equal(index, reg->index);
		no_upcall(sk);
		sock_close(sk);
		quiet(l);
	}
}

/* A Register around a datagram that frame_of makes; its length. */
static size_t register_of(uint8_t *to, int v, const char *inner_src, const char *inner_dst, uint8_t proto, const void *body, size_t len)
{
	static const char *const router[2] = {"10.0.0.1", "2001:db8::1"};
	struct packet *p = frame_of(.src = inner_src, .dst = inner_dst, .proto = proto, .ttl = 20, .data = body, .len = len);
	struct addr s = lab_addr(from[v]), d = lab_addr(router[v]);
	size_t n = p->len - ETH_HDR_LEN;

	memcpy(to + 8, lab_ip(p), n);
	packet_free(p);
	memset(to, 0, 8);
	to[0] = 0x21;
	write16(to + 2, csum_fold(csum_add(v == V6 ? csum_pseudo(&s, &d, 103, 8) : 0, to, 8)));
	return n + 8;
}

static void fix_register(uint8_t *to, int v)
{
	struct addr s = lab_addr(from[v]), d = lab_addr(v == V4 ? "10.0.0.1" : "2001:db8::1");

	write16(to + 2, 0);
	write16(to + 2, csum_fold(csum_add(v == V6 ? csum_pseudo(&s, &d, 103, 8) : 0, to, 8)));
}

#define registers(l, v, m, n) receives(l, .src = from[v], .dst = (v) == V4 ? "10.0.0.1" : "2001:db8::1", .proto = 103, .data = m, .len = n, .to = &mac_us)

static void out_of_a_register(void **state)
{
	static const char *const inner[2] = {"10.7.7.7", "2001:db8:7::7"};
	struct lab *l = *state;
	uint8_t m[2000];

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		size_t n = register_of(m, v, inner[v], group[v], IP_PROTO_UDP, data, 40);
		/* Nobody asked for any. */
		registers(l, v, m, n);
		drops(l, DROP_PIM_NOBODY);
		assert_int_equal(add_vif(sk, v, 2, NULL), 0);
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, inner[v], group[v], 2, 0, 1), 0);
		registers(l, v, m, n);
		sends(l, .by = l->eth1, .src = inner[v], .dst = group[v], .ttl = 19, .data = data, .data_len = 40);
		sends_nothing(l);
		drops_nothing(l);
		/* Only what a router may send: each is dropped. */
		m[0] = 0x20, fix_register(m, v), registers(l, v, m, n), drops(l, DROP_PIM_BAD);
		m[0] = 0x11, fix_register(m, v), registers(l, v, m, n), drops(l, DROP_PIM_BAD);
		m[0] = 0x21, m[4] = 0x40, fix_register(m, v), registers(l, v, m, n), drops(l, DROP_PIM_BAD);
		m[4] = 0, fix_register(m, v), m[3] ^= 1, registers(l, v, m, n), drops(l, DROP_PIM_BAD);
		fix_register(m, v);
		for (size_t cut = 0; cut < n; cut += 3) registers(l, v, m, cut), drops(l, DROP_PIM_BAD);
		n = register_of(m, v, inner[v], from[v], IP_PROTO_UDP, data, 40);
		registers(l, v, m, n);
		drops(l, DROP_PIM_BAD);
		/* What is in it is looked at like anything that comes in. */
		n = register_of(m, v, v == V4 ? "127.0.0.1" : "::1", group[v], IP_PROTO_UDP, data, 40);
		registers(l, v, m, n);
		drops(l, DROP_IP_MARTIAN);
		sends_nothing(l);
		no_upcall(sk);
		sock_close(sk);
	}
}

/* A Register in a Register, and so on as far as a datagram is long: each is taken out in its turn, if our host hears its group at all. */
static void nested_registers(void **state)
{
	static uint8_t nest[2][60000];
	struct lab *l = *state;
	struct sock *sk = daemon_start(l, V4), *listener = member(l, V4, l->eth0, 5001);
	const struct netif *pimreg;
	struct ip_mreqn m = {.imr_multiaddr.s_addr = htonl(0xef010203)};
	size_t n = 0;

	assert_int_equal(add_vif(sk, V4, 2, NULL), 0);
	pimreg = netif_by_name(l->s, "pimreg");
	assert_non_null(pimreg);
	m.imr_ifindex = pimreg->index;
	assert_int_equal(sock_setsockopt(listener, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m), 0);
	lab_settle(l);
	quiet(l);
	for (int i = 0; i < 50; i++) {
		n = register_of(nest[i & 1], V4, "10.7.7.7", group[V4], i ? 103 : IP_PROTO_UDP, i ? nest[~i & 1] : data, i ? n : 40);
		assert_true(n < 1500 * 40);
	}
	assert_true(n <= 1480);
	registers(l, V4, nest[1], n);
	/* The one that came, and fifty of them out of it: the last one was a datagram. */
	assert_int_equal(pimreg->rx_packets, 50);
	sock_close(listener), sock_close(sk);
	quiet(l);
}

/* ---- what goes away ---- */

static void interfaces_go(void **state)
{
	struct lab *l = *state;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		struct netif *nif;
		assert_int_equal(netif_add(l->s, "eth2", NETIF_ETHERNET, &(struct mac){{2, 0, 0, 0, 2, (uint8_t)v}}, 1500, &nif), 0);
		assert_int_equal(add_vif(sk, v, 2, nif), 0);
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], group[v], 2, 1, 1), 0);
		netif_remove(nif);
		lab_settle(l);
		quiet(l);
		/* What would have to come in there does no more. */
		arrives(l, v);
		sends_nothing(l);
		assert_int_equal(add_vif(sk, v, 2, NULL), 0);
		netif_remove(netif_by_name(l->s, v == V4 ? "pimreg" : "pim6reg"));
		assert_int_equal(add_vif(sk, v, 3, NULL), 0);
		/* Down it is still there, and lets nothing out. */
		assert_int_equal(entry(sk, v, MRT_ADD_MFC, from[v], group[v], 0, 0, 1), 0);
		assert_int_equal(netif_set_flags(l->eth1, l->eth1->flags & (uint32_t)~1), 0);
		lab_settle(l);
		quiet(l);
		arrives(l, v);
		sends_nothing(l);
		assert_int_equal(netif_set_flags(l->eth1, l->eth1->flags | 1), 0);
		lab_settle(l);
		quiet(l);
		arrives(l, v);
		sends(l, .by = l->eth1, .dst = group[v]);
		sock_close(sk);
		lab_pass(l, 60 * SECOND);
		quiet(l);
	}
}

/* Those that are gone stay in memory: a daemon does not make them without end. */
static void registers_come_to_an_end(void **state)
{
	struct lab *l = *state;
	struct netif *nif;

	for (int v = V4; v <= V6; v++) {
		struct sock *sk = daemon_start(l, v);
		vifi_t number = 2;
		l->s->next_ifindex = (1 << 18) - 1;
		assert_int_equal(add_vif(sk, v, number, NULL), 0);
		assert_int_equal(sock_setsockopt(sk, levels[v], MRT_DEL_VIF, v == V4 ? (void *)&(struct vifctl){.vifc_vifi = number} : &number,
						 v == V4 ? sizeof(struct vifctl) : sizeof number), 0);
		assert_int_equal(add_vif(sk, v, number, NULL), -ENOBUFS);
		assert_int_equal(netif_add(l->s, "eth2", NETIF_ETHERNET, &mac_us, 1500, &nif), -ENOBUFS);
		sock_close(sk);
	}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, lab_open_acquainted, lab_close)
	const struct CMUnitTest tests[] = {
		T(by_source_and_group), T(thresholds), T(what_stays_on_its_link), T(too_large), T(proxies), T(copies_are_bounded),
		T(copies_of_copies), T(four_wait), T(not_for_ever), T(strangers_do_not_fill_memory), T(from_the_wrong_interface),
		T(members_of_our_own), T(igmp_for_the_daemon), T(mld_for_the_daemon), T(into_a_register), T(own_into_a_register),
		T(out_of_a_register), T(nested_registers), T(interfaces_go), T(registers_come_to_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
