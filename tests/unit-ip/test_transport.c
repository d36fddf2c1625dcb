/* What TCP and UDP ask of IP on the way in: addresses that can't be, options, lengths and checksums. */
#include "lab.h"
#include <netinet/in.h>
#include "stack/socket/sock.h"

#define PORT 7777

static struct sock *bound(struct lab *l, int type)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	struct sock *sk;

	assert_int_equal(sock_create(l->s, AF_INET6, type, 0, &sk), 0);
	assert_int_equal(sock_bind(sk, (struct sockaddr *)&any, sizeof any), 0);
	if (type == SOCK_STREAM) assert_int_equal(sock_listen(sk, 5), 0);
	return sk;
}

static void receive_syn(struct lab *l, const char *src, const char *dst, const struct mac *to, const void *opt, uint8_t opt_len)
{
	struct addr s = lab_addr(src), d = lab_addr(dst);
	struct tcp_hdr h = {.src = 1000, .dst = PORT, .seq = 5, .flags = TCP_SYN, .wnd = 1000};
	uint8_t m[TCP_HDR_MAX];

	tcp_emit(&h, m, 0, &s, &d);
	receives(l, .src = src, .dst = dst, .to = to, .proto = IP_PROTO_TCP, .opt = opt, .opt_len = opt_len, .data = m, .len = tcp_hdr_len(&h));
}

/* RFC 9293 §3.9.2.3 (MUST-57): what is for many opens no connection, and nobody is told. */
static void a_syn_to_many_is_dropped(void **state)
{
	static const char *const many[] = {"10.0.0.255", "255.255.255.255", "224.0.0.1", "ff02::1"};
	struct lab *l = *state;
	struct sock *sk = bound(l, SOCK_STREAM);

	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		bool v6 = strchr(many[i], ':');
		receive_syn(l, v6 ? "2001:db8::2" : "10.0.0.2", many[i], i < 2 ? &mac_bcast : NULL, NULL, 0);
		drops(l, DROP_TCP_BAD);
		sends_nothing(l);
	}
	/* One host's address in a frame for all. */
	receive_syn(l, "10.0.0.2", "10.0.0.1", &mac_bcast, NULL, 0);
	sends_nothing(l);
	sock_close(sk);
}

/* RFC 9293 §3.9.2.3 (MUST-63): neither does one from nobody, or from everybody. */
static void a_syn_from_nobody_is_ignored(void **state)
{
	static const char *const sources[] = {"0.0.0.0", "10.0.0.255", "255.255.255.255", "224.0.0.5", "127.0.0.1", "10.0.0.1", "ff02::1", "::1"};
	struct lab *l = *state;
	struct sock *sk = bound(l, SOCK_STREAM);

	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		receive_syn(l, sources[i], strchr(sources[i], ':') ? "2001:db8::1" : "10.0.0.1", NULL, NULL, 0);
		drops(l, DROP_IP_MARTIAN);
		sends_nothing(l);
	}
	sock_close(sk);
}

/* RFC 9293 §3.9.2.1 (MUST-50), RFC 1122 §3.2.1.8 (1122-12): IP options that mean nothing to TCP do not keep it from answering. */
static void ip_options_do_not_matter(void **state)
{
	static const uint8_t options[][8] = {{7, 7, 4, 0, 0, 0, 0, 0}, {148, 4, 0, 0}, {0x5e, 6, 1, 2, 3, 4}, {68, 8, 5, 0}};
	struct lab *l = *state;
	struct sock *sk = bound(l, SOCK_STREAM);

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		receive_syn(l, "10.0.0.2", "10.0.0.1", NULL, options[i], 8);
		struct packet *p = sends(l, .src = "10.0.0.1", .dst = "10.0.0.2", .proto = IP_PROTO_TCP);
		struct tcp_hdr h;
		assert_true(tcp_parse(&h, lab_ip(p) + 20, p->len - ETH_HDR_LEN - 20) > 0);
		assert_int_equal(h.flags, TCP_SYN | TCP_ACK);
		lab_pass(l, 200 * NS_PER_S);         /* it gives up */
		lab_acquaint(l);
		while (!list_empty(&l->sent))
			packet_free(list_entry(list_pop(&l->sent), struct packet, node));
	}
	sock_close(sk);
}

/* ---- UDP ---- */

struct datagram { const char *src, *dst; int len, csum; };      /* what the header says instead of the truth; -1: the truth */

static ssize_t receive_udp(struct lab *l, struct sock *sk, const struct datagram *g)
{
	struct addr s = lab_addr(g->src), d = lab_addr(g->dst);
	struct udp_hdr h = {.src = 9, .dst = PORT, .len = 12};
	uint8_t m[12], buf[16];

	memcpy(m + 8, "data", 4);
	udp_emit(&h, m, &s, &d);
	if (g->len >= 0) {
		h.len = (uint16_t)MIN(MAX(g->len, 8), 12);
		udp_emit(&h, m, &s, &d);
		write16(m + 4, (uint16_t)g->len);
	}
	if (g->csum >= 0) write16(m + 6, (uint16_t)g->csum);
	receives(l, .src = g->src, .dst = g->dst, .proto = IP_PROTO_UDP, .data = m, .len = 12);
	return sock_recv(sk, &(struct sock_msg){.data = buf, .len = sizeof buf, .flags = MSG_DONTWAIT});
}

static ssize_t gets(struct lab *l, struct sock *sk, bool v6, int len, int csum)
{
	return receive_udp(l, sk, &(struct datagram){v6 ? "2001:db8::2" : "10.0.0.2", v6 ? "2001:db8::1" : "10.0.0.1", len, csum});
}

/* RFC 768 (768-1): a length below the header's, or beyond the datagram, is none; one that is less than the datagram cuts it. */
static void udp_lengths_are_checked(void **state)
{
	struct lab *l = *state;
	struct sock *sk = bound(l, SOCK_DGRAM);

	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(gets(l, sk, v6, -1, -1), 4);
		drops_nothing(l);
		for (int len = 1; len < 8; len++) {
			assert_int_equal(gets(l, sk, v6, len, -1), -EAGAIN);
			drops(l, DROP_UDP_BAD);
		}
		assert_int_equal(gets(l, sk, v6, 13, -1), -EAGAIN);
		drops(l, DROP_UDP_BAD);
		assert_int_equal(gets(l, sk, v6, 65535, -1), -EAGAIN);
		drops(l, DROP_UDP_BAD);
	}
	sends_nothing(l);
	sock_close(sk);
}

/* RFC 768 (768-2, 768-4), RFC 8200 §8.1 (8200-24): wrong is dropped silently; zero says "none" in IPv4 and is wrong in IPv6. */
static void udp_checksums_are_checked(void **state)
{
	struct lab *l = *state;
	struct sock *sk = bound(l, SOCK_DGRAM);

	for (int v6 = 0; v6 < 2; v6++) {
		assert_int_equal(gets(l, sk, v6, -1, 0x1234), -EAGAIN);
		drops(l, DROP_UDP_CSUM);
	}
	assert_int_equal(gets(l, sk, false, -1, 0), 4);
	drops_nothing(l);
	assert_int_equal(gets(l, sk, true, -1, 0), -EAGAIN);
	drops(l, DROP_UDP_CSUM);
	sends_nothing(l);
	sock_close(sk);
}

/* ---- hops and addresses ---- */

/* RFC 1122 §3.2.1.7 (1122-10), RFC 8200 §3 (8200-3): what is for us is taken with its last hop, or none. */
static void the_last_hop_is_enough(void **state)
{
	struct lab *l = *state;
	static const uint8_t nothing[16];

	for (int v6 = 0; v6 < 2; v6++)
		for (int ttl = 0; ttl < 2; ttl++) {
			struct packet *p = frame_of(.src = v6 ? "2001:db8::2" : "10.0.0.2", .dst = v6 ? "2001:db8::1" : "10.0.0.1", .proto = 99,
				.data = nothing, .len = 16);
			lab_ip(p)[v6 ? 7 : 8] = (uint8_t)ttl;
			if (!v6) lab_fix_csum(p);
			lab_receive(l, l->eth0, p);
			drops(l, DROP_IP_PROTO);
			sends(l, .icmp = {v6 ? ICMP6_PARAM_PROBLEM : ICMP4_UNREACH, v6 ? 1 : 2});
		}
}

/* RFC 1122 §3.2.1.7 (1122-9, 1122-11): a program chooses from 1 to 255. */
static void no_datagram_leaves_without_hops(void **state)
{
	struct lab *l = *state;
	struct sock *sk;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(0x0a000002)};
	int zero = 0, one = 1;

	assert_int_equal(sock_create(l->s, AF_INET, SOCK_DGRAM, 0, &sk), 0);
	assert_int_equal(sock_setsockopt(sk, IPPROTO_IP, IP_TTL, &zero, sizeof zero), -EINVAL);
	assert_int_equal(sock_setsockopt(sk, IPPROTO_IP, IP_TTL, &one, sizeof one), 0);
	assert_int_equal(sock_send(sk, &(struct sock_msg){.data = "x", .len = 1, .name = &to, .name_len = sizeof to}), 1);
	sends(l, .dst = "10.0.0.2", .ttl = 1);
	sock_close(sk);
}

/* RFC 1122 §3.2.2.6 (1122-31): asked on eth0 for eth1's address, that is who answers. */
static void an_echo_is_answered_by_who_was_asked(void **state)
{
	struct lab *l = *state;
	uint8_t msg[64];
	size_t len = lab_echo(msg, false, "10.0.0.2", "10.0.1.1", 8);

	receives(l, .src = "10.0.0.2", .dst = "10.0.1.1", .to = &mac_us, .proto = IP_PROTO_ICMP, .data = msg, .len = len);
	sends(l, .src = "10.0.1.1", .dst = "10.0.0.2", .icmp_any = true, .icmp = {ICMP4_ECHO_REPLY, 0});
	len = lab_echo(msg, true, "2001:db8::2", "2001:db8:1::1", 8);
	receives(l, .src = "2001:db8::2", .dst = "2001:db8:1::1", .to = &mac_us, .proto = IP_PROTO_ICMP6, .data = msg, .len = len);
	sends(l, .src = "2001:db8:1::1", .dst = "2001:db8::2", .icmp = {ICMP6_ECHO_REPLY, 0});
}

#define on_bench(t) cmocka_unit_test_setup_teardown(t, lab_open_acquainted, lab_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_bench(a_syn_to_many_is_dropped), on_bench(a_syn_from_nobody_is_ignored), on_bench(ip_options_do_not_matter),
		on_bench(udp_lengths_are_checked),
		on_bench(udp_checksums_are_checked), on_bench(the_last_hop_is_enough), on_bench(no_datagram_leaves_without_hops),
		on_bench(an_echo_is_answered_by_who_was_asked),
	};

	return cmocka_run_group_tests_name("ip-transport", tests, NULL, NULL);
}
