/* MD5 signatures: RFC 2385, and what Linux 6.18 does with them when probed. */
#include "bench.h"
#include "base/md5.h"

static const struct tcp_secret secret = {6, "secret"}, other = {5, "other"};

static int set_key(struct bench *b, struct sock *sk, int name, const struct addr *a, int prefix, const char *key)
{
	struct tcp_md5sig cmd = {.tcpm_flags = prefix < 0 ? 0 : TCP_MD5SIG_FLAG_PREFIX, .tcpm_prefixlen = (uint8_t)MAX(prefix, 0)};
	struct sockaddr_storage name_of;
	memcpy(&cmd.tcpm_addr, &name_of, bench_name(b, &name_of, a, 0));
	cmd.tcpm_keylen = (uint16_t)strlen(key);
	memcpy(cmd.tcpm_key, key, MIN(strlen(key), sizeof cmd.tcpm_key));
	return sock_setsockopt(sk, IPPROTO_TCP, name, &cmd, sizeof cmd);
}

static void serve(struct bench *b)
{
	bench_listen(b, 5);
	assert_int_equal(set_key(b, b->listener, TCP_MD5SIG, &b->peer, -1, "secret"), 0);
}

/* RFC 1321 §A.5 */
static void digests(void **state)
{
	static const struct { const char *text, *digest; } rows[] = {
		{"", "d41d8cd98f00b204e9800998ecf8427e"}, {"abc", "900150983cd24fb0d6963f7d28e17f72"},
		{"message digest", "f96b697d7cb7938d525a2f31aaf161d0"}, {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
		{"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
		{"12345678901234567890123456789012345678901234567890123456789012345678901234567890", "57edf4a22be3c955ac49da2e2107b67a"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (size_t piece = 1; piece < 90; piece++) {
			uint8_t got[MD5_LEN];
			char text[33];
			struct md5 m;
			md5_begin(&m);
			for (size_t at = 0, len = strlen(rows[i].text); at < len; at += piece)
				md5_add(&m, rows[i].text + at, MIN(piece, len - at));
			md5_end(&m, got);
			for (int o = 0; o < MD5_LEN; o++)
				snprintf(text + 2 * o, 3, "%02x", got[o]);
			assert_string_equal(text, rows[i].digest);
		}
}

/* What Linux takes from this peer: its first SYN with an MSS. */
static void the_signature_of_a_segment(void **state)
{
	struct bench *b = *state;
	static const uint8_t linux4[16] = {0xa2, 0x3c, 0xe0, 0xa5, 0x37, 0x1a, 0x10, 0x57, 0x2d, 0x61, 0xa6, 0x39, 0x0c, 0xaa, 0x79, 0x08};
	static const uint8_t linux6[16] = {0x9f, 0x83, 0xf2, 0x19, 0x9f, 0x31, 0x99, 0x20, 0xfa, 0xcd, 0xdd, 0xc5, 0x1d, 0xc9, 0x21, 0x4c};
	struct tcp_hdr h = {.src = PEER_PORT, .dst = US_PORT, .seq = PEER_ISN, .flags = SYN, .wnd = 65535};
	h.opts.has_mss = true;
	h.opts.mss = 1460;
	h.opts.sign = &secret;
	uint8_t octets[TCP_HDR_MAX];
	assert_int_equal(tcp_hdr_len(&h), 44);
	tcp_emit(&h, octets, 0, &b->peer, &b->us);
	assert_true(tcp_csum_ok(octets, 44, &b->peer, &b->us));
	assert_memory_equal(octets + 24, b->v6 ? linux6 : linux4, 16);
}

static void everything_is_signed(void **state)
{
	struct bench *b = *state;
	serve(b);
	inject(b, SYN, .mss = 1460, .sign = &secret);
	expect(b, SYN | ACK, .ack = 1, .sign = &secret);
	inject(b, ACK, .seq = 1, .ack = 1, .sign = &secret);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
	bench_send(b, 3000, 0);
	uint32_t full = b->v6 ? 1420 : 1440;
	expect(b, ACK, .seq = 1, .ack = 1, .len = full, .sign = &secret);
	expect(b, ACK, .seq = 1 + full, .ack = 1, .len = full, .sign = &secret);
	inject(b, ACK, .seq = 1, .ack = 1 + 2 * full, .sign = &secret);
	expect(b, ACK | PSH, .seq = 1 + 2 * full, .ack = 1, .len = 3000 - 2 * full, .sign = &secret);
	inject(b, ACK, .seq = 1, .ack = 3001, .len = 7, .sign = &secret);
	expect(b, ACK, .seq = 3001, .ack = 8, .sign = &secret);
	assert_int_equal(bench_recv(b, 10, 0), 7);
	bench_close_sk(b);
	expect(b, FIN | ACK, .seq = 3001, .ack = 8, .sign = &secret);
	inject(b, FIN | ACK, .seq = 8, .ack = 3002, .sign = &secret);
	expect(b, ACK, .seq = 3002, .ack = 9, .sign = &secret);
	/* What is left of it signs as well. */
	pass(b, NS_PER_S);
	inject(b, FIN | ACK, .seq = 8, .ack = 3002, .sign = &secret);
	expect(b, ACK, .seq = 3002, .ack = 9, .sign = &secret);
}

/* RFC 2385 §2.0: no answer to what is not signed, or wrongly. */
static void others_are_not_heard(void **state)
{
	struct bench *b = *state;
	serve(b);
	inject(b, SYN, .mss = 1460);
	assert_int_equal(b->dropped, DROP_TCP_MD5);
	inject(b, SYN, .mss = 1460, .sign = &other);
	assert_int_equal(b->dropped, DROP_TCP_MD5);
	expect_nothing(b);
	inject(b, SYN, .mss = 1460, .sign = &secret);
	expect(b, SYN | ACK, .ack = 1, .sign = &secret);
	inject(b, RST, .seq = 1);
	assert_int_equal(b->dropped, DROP_TCP_MD5);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 5);
	assert_int_equal(b->dropped, DROP_TCP_MD5);
	inject(b, ACK, .seq = 1, .ack = 1, .sign = &secret);
	assert_non_null(b->sk = bench_accept(b));
	inject(b, ACK, .seq = 1, .ack = 1, .len = 5, .sign = &other);
	assert_int_equal(b->dropped, DROP_TCP_MD5);
	expect_nothing(b);
	assert_int_equal(set_key(b, b->sk, TCP_MD5SIG, &b->peer, -1, ""), 0);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 5, .sign = &secret);
	assert_int_equal(b->dropped, DROP_TCP_MD5);
	inject(b, ACK, .seq = 1, .ack = 1, .len = 5);
	assert_int_equal(bench_recv(b, 10, 0), 5);
}

/* As Linux: none in a SYN of ours; with SACK none in the answer. */
static void timestamps_give_way(void **state)
{
	struct bench *b = *state;
	serve(b);
	inject(b, SYN, .mss = 1460, .ts = true, .ts_val = 1, .sack_ok = true, .wscale = 8, .sign = &secret);
	expect(b, SYN | ACK, .ack = 1, .sack_ok = true, .wscale = 8, .sign = &secret);
	assert_false(b->last.opts.has_ts);
	b->iss_known = false;
	b->peer_port = 41000;
	inject(b, SYN, .mss = 1460, .ts = true, .ts_val = 1, .sign = &secret);
	expect(b, SYN | ACK, .ack = 1, .ts = true, .sign = &secret);
	b->iss_known = false;
	b->peer_port = PEER_PORT;
	b->sk = bench_socket(b);
	assert_int_equal(set_key(b, b->sk, TCP_MD5SIG, &b->peer, -1, "secret"), 0);
	bench_connect(b, b->sk);
	expect(b, SYN, .mss = b->v6 ? 1440 : 1460, .sack_ok = true, .wscale = 8, .sign = &secret);
	assert_false(b->last.opts.has_ts);
	inject(b, SYN | ACK, .ack = 5, .sign = &secret);
	expect(b, RST, .seq = 5, .sign = &secret);
}

static void keys_of_networks(void **state)
{
	struct bench *b = *state;
	struct addr net, far_away;
	bench_listen(b, 5);
	assert_int_equal(addr_parse(&net, b->v6 ? "fd00::" : "10.0.0.0"), 0);
	assert_int_equal(addr_parse(&far_away, b->v6 ? "fe00::" : "11.0.0.0"), 0);
	assert_int_equal(set_key(b, b->listener, TCP_MD5SIG_EXT, &net, b->v6 ? 64 : 24, "other"), 0);
	assert_int_equal(set_key(b, b->listener, TCP_MD5SIG_EXT, &far_away, 8, "far"), 0);
	inject(b, SYN, .mss = 1460, .sign = &other);
	expect(b, SYN | ACK, .ack = 1, .sign = &other);
	/* The peer's own comes first. */
	assert_int_equal(set_key(b, b->listener, TCP_MD5SIG, &b->peer, -1, "secret"), 0);
	b->iss_known = false;
	b->peer_port = 41000;
	inject(b, SYN, .mss = 1460, .sign = &other);
	assert_int_equal(b->dropped, DROP_TCP_MD5);
	inject(b, SYN, .mss = 1460, .sign = &secret);
	expect(b, SYN | ACK, .ack = 1, .sign = &secret);
}

static void wrong_keys(void **state)
{
	struct bench *b = *state;
	char octets[200];
	struct addr stranger;
	b->sk = bench_socket(b);
	memset(octets, 'k', sizeof octets);
	octets[80] = 0;
	assert_int_equal(set_key(b, b->sk, TCP_MD5SIG, &b->peer, -1, octets), 0);
	octets[80] = 'k';
	octets[81] = 0;
	assert_int_equal(set_key(b, b->sk, TCP_MD5SIG, &b->peer, -1, octets), -EINVAL);
	assert_int_equal(set_key(b, b->sk, TCP_MD5SIG, &b->peer, -1, ""), 0);
	assert_int_equal(set_key(b, b->sk, TCP_MD5SIG, &b->peer, -1, ""), -ENOENT);
	assert_int_equal(set_key(b, b->sk, TCP_MD5SIG_EXT, &b->peer, b->v6 ? 129 : 33, "k"), -EINVAL);
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_MD5SIG, octets, 100), -EINVAL);
	/* Of the other family. */
	assert_int_equal(addr_parse(&stranger, "10.9.9.9"), 0);
	struct tcp_md5sig cmd = {.tcpm_keylen = 1};
	((struct sockaddr_storage *)&cmd.tcpm_addr)->ss_family = b->v6 ? AF_INET : AF_INET6;
	assert_int_equal(sock_setsockopt(b->sk, IPPROTO_TCP, TCP_MD5SIG, &cmd, sizeof cmd), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests), both(the_signature_of_a_segment), both(everything_is_signed), both(others_are_not_heard),
		both(timestamps_give_way), both(keys_of_networks),
		both(wrong_keys),
	};
	return cmocka_run_group_tests_name("tcp-md5", tests, NULL, NULL);
}
