/* Options: what they begin with, what they do, and that no length of any of them reads or writes beyond what it was given. */
#include "bench.h"

#define ROOM 700

/* A value of the given octets, in memory of exactly that length. */
static int set_exactly(struct sock *sk, int name, const uint8_t *from, size_t len)
{
	uint8_t *p = exactly(from, len);
	int r = sock_setsockopt(sk, IPPROTO_SCTP, name, p, (socklen_t)len);

	free(p);
	return r;
}

static int get_exactly(struct sock *sk, int name, const uint8_t *from, size_t len)
{
	uint8_t *p = exactly(from, len);
	socklen_t n = (socklen_t)len;
	int r = sock_getsockopt(sk, IPPROTO_SCTP, name, p, &n);

	if (r >= 0) assert_true(n <= len);
	free(p);
	return r;
}

/* Every option, every length, on sockets with and without an association. */
static void all_lengths(void **state)
{
	struct bench *b = *state;
	struct sock *all[5] = {one(b->net.s[0]), many(b->net.s[0]), NULL, NULL, many(b->net.s[0])};
	uint8_t value[ROOM];

	connected(b, &all[2], &all[3]);
	listening(all[4], "0.0.0.0", 9);
	for (int fill = 0; fill < 3; fill++)
		for (size_t i = 0; i < ARRAY_SIZE(all); i++)
			for (int name = 0; name < 140; name++)
				for (size_t len = 0; len <= ROOM; len += len < 180 ? 1 : 65) {
					memset(value, fill == 2 ? 0xff : 0, sizeof value);
					if (fill == 1 && assoc_at(all[i])) memcpy(value, &assoc_at(all[i])->id, 4);
					get_exactly(all[i], name, value, len);
					if (name != SCTP_SOCKOPT_CONNECTX && name != SCTP_SOCKOPT_CONNECTX_OLD) set_exactly(all[i], name, value, len);
				}
	bench_pass(b, 5 * NS_PER_S);
}

#define GET(sk, name, v) \
	do { \
		socklen_t len_ = sizeof(v); \
		assert_int_equal(sock_getsockopt(sk, IPPROTO_SCTP, name, &(v), &len_), 0); \
		assert_int_equal(len_, sizeof(v)); \
	} while (0)
#define SET(sk, name, v) sock_setsockopt(sk, IPPROTO_SCTP, name, &(v), sizeof(v))

/* Linux's defaults. */
static void defaults(void **state)
{
	struct bench *b = *state;
	struct sock *x = one(b->net.s[0]);
	struct sctp_initmsg init;
	struct sctp_rtoinfo rto = {0};
	struct sctp_assocparams params = {0};
	struct sctp_paddrparams path = {0};
	struct sctp_sack_info sack = {0};
	struct sctp_assoc_value burst = {0};
	int v;

	GET(x, SCTP_INITMSG, init);
	assert_int_equal(init.sinit_num_ostreams, 10);
	assert_int_equal(init.sinit_max_instreams, 65535);
	assert_int_equal(init.sinit_max_attempts, 8);
	GET(x, SCTP_RTOINFO, rto);
	assert_int_equal(rto.srto_initial, 3000);
	assert_int_equal(rto.srto_min, 1000);
	assert_int_equal(rto.srto_max, 60000);
	GET(x, SCTP_ASSOCINFO, params);
	assert_int_equal(params.sasoc_asocmaxrxt, 10);
	assert_int_equal(params.sasoc_cookie_life, 60000);
	GET(x, SCTP_PEER_ADDR_PARAMS, path);
	assert_int_equal(path.spp_hbinterval, 30000);
	assert_int_equal(path.spp_pathmaxrxt, 5);
	assert_true(path.spp_flags & SPP_HB_ENABLE);
	GET(x, SCTP_DELAYED_SACK, sack);
	assert_int_equal(sack.sack_delay, 200);
	assert_int_equal(sack.sack_freq, 2);
	GET(x, SCTP_MAX_BURST, burst);
	assert_int_equal(burst.assoc_value, 4);
	GET(x, SCTP_NODELAY, v);
	assert_int_equal(v, 0);
	GET(x, SCTP_I_WANT_MAPPED_V4_ADDR, v);
	assert_int_equal(v, 1);
}

/* Streams are agreed: the smaller of what one wants to send and the other to receive. */
static void streams_are_agreed(void **state)
{
	struct bench *b = *state;
	struct sock *l = one(b->net.s[1]), *x = one(b->net.s[0]), *y;
	struct sctp_initmsg ours = {.sinit_num_ostreams = 20, .sinit_max_instreams = 3}, theirs = {.sinit_num_ostreams = 7, .sinit_max_instreams = 5};
	struct sctp_status s = {0};

	assert_int_equal(SET(x, SCTP_INITMSG, ours), 0);
	assert_int_equal(SET(l, SCTP_INITMSG, theirs), 0);
	listening(l, "0.0.0.0", 7);
	call_connect(x, "10.0.0.2", 7);
	settle(b);
	assert_int_equal(sock_accept(l, &y), 0);
	GET(x, SCTP_STATUS, s);
	assert_int_equal(s.sstat_state, SCTP_ESTABLISHED);
	assert_int_equal(s.sstat_outstrms, 5);
	assert_int_equal(s.sstat_instrms, 3);
	assert_int_equal(s.sstat_fragmentation_point, 1452);
	assert_int_equal(s.sstat_primary.spinfo_state, SCTP_ACTIVE);
	GET(y, SCTP_STATUS, s);
	assert_int_equal(s.sstat_outstrms, 3);
	assert_int_equal(s.sstat_instrms, 5);
}

/* RFC 6458 §8.1.2, §8.1.1: so many attempts, so far apart, and no more. */
static void attempts(void **state)
{
	struct bench *b = *state;
	struct sock *x = one(b->net.s[0]);
	struct sctp_initmsg init = {.sinit_max_attempts = 2, .sinit_max_init_timeo = 500};
	struct sctp_rtoinfo rto = {.srto_initial = 500, .srto_min = 100};

	assert_int_equal(SET(x, SCTP_INITMSG, init), 0);
	assert_int_equal(SET(x, SCTP_RTOINFO, rto), 0);
	rto.srto_min = 70000;
	assert_int_equal(SET(x, SCTP_RTOINFO, rto), -EINVAL);
	b->net.cut[0] = b->net.cut[1] = true;
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EINPROGRESS);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EALREADY);
	bench_pass(b, 1400 * NS_PER_MS);
	assert_int_equal(b->chunks[CHUNK_INIT], 3);
	bench_pass(b, 200 * NS_PER_MS);
	assert_int_equal(b->chunks[CHUNK_INIT], 3);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -ETIMEDOUT);
	/* And anew. */
	b->net.cut[0] = b->net.cut[1] = false;
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -ECONNREFUSED);
}

/* SCTP_MAXSEG, SCTP_DISABLE_FRAGMENTS */
static void pieces(void **state)
{
	static uint8_t data[1500];
	struct bench *b = *state;
	struct sctp_assoc_value seg = {.assoc_value = 500};
	struct sock *x, *y;
	uint32_t before;

	connected(b, &x, &y);
	assert_int_equal(SET(x, SCTP_MAXSEG, seg), 0);
	before = b->chunks[CHUNK_DATA];
	call_send(x, data, 1500);
	settle(b);
	assert_int_equal(b->chunks[CHUNK_DATA] - before, 3);
	assert_int_equal(set_int(x, SCTP_DISABLE_FRAGMENTS, 1), 0);
	assert_int_equal(call_send(x, data, 501), -EMSGSIZE);
	assert_int_equal(call_send(x, data, 500), 500);
	seg.assoc_value = 10;
	assert_int_equal(SET(x, SCTP_MAXSEG, seg), -EINVAL);
}

/* What is not there refuses. */
static void refused(void **state)
{
	static const struct { int name, err; } rows[] = {
		{SCTP_AUTH_KEY, -EACCES}, {SCTP_HMAC_IDENT, -EACCES}, {SCTP_AUTH_CHUNK, -EACCES}, {SCTP_RESET_STREAMS, -EINVAL},
		{SCTP_SENDMSG_CONNECT, -ENOPROTOOPT},
		{SCTP_INTERLEAVING_SUPPORTED, -EPERM}, {SCTP_SOCKOPT_CONNECTX3, -ENOPROTOOPT}, {139, -ENOPROTOOPT},
	};
	struct bench *b = *state;
	struct sock *x = one(b->net.s[0]);
	uint8_t v[64] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, rows[i].name, v, 16), rows[i].err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(all_lengths), BENCH_TEST(defaults), BENCH_TEST(streams_are_agreed), BENCH_TEST(attempts), BENCH_TEST(pieces), BENCH_TEST(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
