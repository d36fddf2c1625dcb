/* Several addresses: what a peer is told, what is asked whether it works, and how traffic moves when a path fails. */
#include "bench.h"

static struct path *path_to(struct sock *sk, const char *addr)
{
	struct addr a;

	addr_parse(&a, addr);
	return assoc_path(assoc_at(sk), &a);
}

/* RFC 9260 §5.1.2, §5.4 (9260-8): the peer's other address is known, and confirmed by a HEARTBEAT before it is used. */
static void all_addresses_are_known(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	connected(b, &x, &y);
	assert_int_equal(assoc_at(x)->n_paths, 2);
	assert_int_equal(assoc_at(y)->n_paths, 2);
	bench_pass(b, NS_PER_S);
	assert_int_equal(path_to(x, "10.1.0.2")->state, SCTP_ACTIVE);
	assert_int_equal(path_to(y, "10.1.0.1")->state, SCTP_ACTIVE);
	assert_ptr_equal(assoc_at(x)->primary, path_to(x, "10.0.0.2"));
}

static bool drop_heartbeats(struct bench *b, struct seen *p)
{
	(void)b;
	return seen_has(p, CHUNK_HEARTBEAT);
}

/* RFC 9260 §5.4 (9260-8): one that does not answer is never sent data. */
static void unconfirmed(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	b->lose = drop_heartbeats;
	connected(b, &x, &y);
	assert_int_equal(path_to(x, "10.1.0.2")->state, SCTP_UNCONFIRMED);
	bench_pass(b, 300 * NS_PER_S);
	assert_int_equal(path_to(x, "10.1.0.2")->state, SCTP_INACTIVE);
	assert_non_null(assoc_at(x));
}

/* RFC 9260 §8.2, §6.4 (9260-18, 9260-25): the primary path fails, the other carries on; it comes back, and is used again. */
static void failover(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	unsigned got = 0;

	connected(b, &x, &y);
	bench_pass(b, NS_PER_S);
	b->net.cut[0] = true;
	for (int i = 0; i < 40; i++) {
		assert_int_equal(call_send(x, "data", 4), 4);
		bench_pass(b, NS_PER_S);
		while (call_recv(y)->n == 4) got++;
	}
	assert_int_equal(got, 40);
	bench_pass(b, 300 * NS_PER_S);
	assert_int_equal(path_to(x, "10.0.0.2")->state, SCTP_INACTIVE);
	assert_int_equal(path_to(x, "10.1.0.2")->state, SCTP_ACTIVE);
	b->net.cut[0] = false;
	bench_pass(b, 200 * NS_PER_S);
	assert_int_equal(path_to(x, "10.0.0.2")->state, SCTP_ACTIVE);
	assert_int_equal(call_send(x, "home", 4), 4);
	bench_pass(b, NS_PER_S);
	assert_int_equal(call_recv(y)->n, 4);
}

static int thresholds(struct sock *sk, const char *addr, uint16_t max, uint16_t pf, uint16_t ps)
{
	struct sctp_paddrthlds_v2 v = {.spt_pathmaxrxt = max, .spt_pathpfthld = pf, .spt_pathcpthld = ps};
	struct sockaddr_storage ss = at(addr, 0);

	memcpy(&v.spt_address, &ss, sizeof ss);
	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS_V2, &v, sizeof v);
}

static int state_of(struct sock *sk, const char *addr)
{
	struct sctp_paddrinfo i = {.spinfo_assoc_id = 0};
	struct sockaddr_storage ss = at(addr, 0);
	socklen_t len = sizeof i;
	int r;

	memcpy(&i.spinfo_address, &ss, sizeof ss);
	r = sock_getsockopt(sk, IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, &i, &len);
	return r < 0 ? r : i.spinfo_state;
}

static int expose(struct sock *sk, uint32_t how)
{
	struct sctp_assoc_value v = {.assoc_value = how};

	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_EXPOSE_POTENTIALLY_FAILED_STATE, &v, sizeof v);
}

static void told(struct sock *sk, int state)
{
	const struct got *g = call_recv(sk);
	struct sctp_paddr_change c;

	assert_int_equal(g->n, sizeof c);
	memcpy(&c, g->data, sizeof c);
	assert_int_equal(c.spc_type, SCTP_PEER_ADDR_CHANGE);
	assert_int_equal(c.spc_state, state);
}

/* Of the first path. */
static void wait_for_errors(struct bench *b, struct sock *sk, uint32_t n)
{
	for (int i = 0; path_to(sk, "10.0.0.2")->errors < n; i++) {
		assert_true(i < 200);
		bench_pass(b, NS_PER_S);
	}
	assert_int_equal(path_to(sk, "10.0.0.2")->errors, n);
}

/* RFC 7829 §5, §7 (7829-1, 7829-2): from how many errors on another path is taken, and becomes the primary; and who is told. */
static void may_fail(void **state)
{
	struct bench *b = *state;
	struct sctp_event e = {.se_type = SCTP_PEER_ADDR_CHANGE, .se_on = 1};
	struct sctp_paddrthlds_v2 v = {.spt_assoc_id = 0};
	socklen_t len = sizeof v;
	struct sock *x, *y;

	connected(b, &x, &y);
	bench_pass(b, NS_PER_S);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e), 0);
	assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS_V2, &v, &len), 0);
	assert_int_equal(v.spt_pathmaxrxt, 5);
	assert_int_equal(v.spt_pathpfthld, 0);
	assert_int_equal(v.spt_pathcpthld, 65535);
	assert_int_equal(thresholds(x, "10.0.0.2", 6, 3, 2), -EINVAL);
	assert_int_equal(thresholds(x, "10.7.7.7", 6, 1, 3), -ENOENT);
	assert_int_equal(thresholds(x, "10.0.0.2", 6, 1, 3), 0);
	assert_int_equal(expose(x, 3), -EINVAL);
	assert_int_equal(expose(x, 2), 0);
	b->net.cut[0] = true;
	call_send(x, "one", 3);
	/* One error is none, yet. */
	wait_for_errors(b, x, 1);
	assert_int_equal(state_of(x, "10.0.0.2"), SCTP_ACTIVE);
	wait_for_errors(b, x, 2);
	told(x, SCTP_ADDR_POTENTIALLY_FAILED);
	assert_int_equal(state_of(x, "10.0.0.2"), SCTP_PF);
	assert_int_equal(expose(x, 1), 0);
	assert_int_equal(state_of(x, "10.0.0.2"), -EACCES);
	assert_int_equal(expose(x, 2), 0);
	assert_ptr_equal(assoc_at(x)->primary, path_to(x, "10.0.0.2"));
	wait_for_errors(b, x, 4);
	told(x, SCTP_ADDR_MADE_PRIM);
	assert_ptr_equal(assoc_at(x)->primary, path_to(x, "10.1.0.2"));
	b->net.cut[0] = false;
	bench_pass(b, 100 * NS_PER_S);
	told(x, SCTP_ADDR_AVAILABLE);
	assert_int_equal(state_of(x, "10.0.0.2"), SCTP_ACTIVE);
	assert_int_equal(call_recv(y)->n, 3);
}

/* RFC 9260 §8.3 (9260-26): idle paths are asked each half a minute or so, and an association whose peer is gone ends by that alone. */
static void heartbeats(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	uint32_t before;

	connected(b, &x, &y);
	bench_pass(b, 10 * NS_PER_S);
	before = b->chunks[CHUNK_HEARTBEAT];
	bench_pass(b, 310 * NS_PER_S);
	assert_in_range(b->chunks[CHUNK_HEARTBEAT] - before, 4 * 8, 4 * 11);
	b->net.cut[0] = b->net.cut[1] = true;
	bench_pass(b, 1000 * NS_PER_S);
	assert_null(assoc_at(x));
	assert_int_equal(call_recv(x)->n, -ETIMEDOUT);
}

static size_t pack(uint8_t *to, const char *const *addrs, size_t n, uint16_t port)
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		struct sockaddr_storage ss = at(addrs[i], port);
		memcpy(to + len, &ss, sizeof(struct sockaddr_in));
		len += sizeof(struct sockaddr_in);
	}
	return len;
}

/* RFC 6458 §9.1, §9.9, §9.3: sctp_bindx, sctp_connectx, sctp_getpaddrs, sctp_getladdrs. */
static void named_addresses(void **state)
{
	static const char *const ours[] = {"10.0.0.1", "10.1.0.1"}, *const theirs[] = {"10.0.0.2", "10.1.0.2"}, *const not_ours[] = {"10.9.0.1"};
	struct bench *b = *state;
	struct sock *x = many(b->net.s[0]), *y = listening(many(b->net.s[1]), "0.0.0.0", 7);
	uint8_t buf[256];
	struct sctp_getaddrs g;
	socklen_t len;
	int id;

	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, buf, (socklen_t)pack(buf, ours, 1, 2000)), 0);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, buf, (socklen_t)pack(buf, not_ours, 1, 2000)), -EADDRNOTAVAIL);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, buf, (socklen_t)pack(buf, ours + 1, 1, 2001)), -EINVAL);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, buf, (socklen_t)pack(buf, ours + 1, 1, 2000)), 0);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_ADD, buf, 3), -EINVAL);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, buf, (socklen_t)pack(buf, theirs, 2, 7)), -EINPROGRESS);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, buf, (socklen_t)pack(buf, theirs, 2, 7)), -EALREADY);
	settle(b);
	id = sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_CONNECTX, buf, (socklen_t)pack(buf, theirs, 2, 7));
	assert_int_equal(id, assoc_at(x)->id);
	for (int which = 0; which < 2; which++) {
		memset(buf, 0, sizeof buf);
		memcpy(buf, &id, sizeof id);
		len = sizeof buf;
		assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, which ? SCTP_GET_PEER_ADDRS : SCTP_GET_LOCAL_ADDRS, buf, &len), 0);
		memcpy(&g, buf, sizeof g);
		assert_int_equal(g.addr_num, 2);
		assert_int_equal(len, sizeof g + 2 * sizeof(struct sockaddr_in));
		len = sizeof g + 20;
		assert_int_equal(sock_getsockopt(x, IPPROTO_SCTP, which ? SCTP_GET_PEER_ADDRS : SCTP_GET_LOCAL_ADDRS, buf, &len), -ENOMEM);
	}
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_SOCKOPT_BINDX_REM, buf, (socklen_t)pack(buf, ours, 2, 2000)), -EBUSY);
	assert_int_equal(sctp_of(y)->n_assocs, 1);
}

/* A bound address that the peer is not to know is not told. */
static void only_what_is_bound(void **state)
{
	struct bench *b = *state;
	struct sock *l = listening(one(b->net.s[1]), "10.1.0.2", 7), *x = one(b->net.s[0]);

	assert_int_equal(call_connect(x, "10.0.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(call_connect(x, "10.0.0.2", 7), -ECONNREFUSED);
	assert_int_equal(call_bind(one(b->net.s[1]), "0.0.0.0", 7), -EADDRINUSE);
	assert_int_equal(call_connect(x, "10.1.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(call_connect(x, "10.1.0.2", 7), 0);
	assert_int_equal(assoc_at(x)->n_paths, 1);
	(void)l;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(all_addresses_are_known), BENCH_TEST(unconfirmed), BENCH_TEST(failover), BENCH_TEST(may_fail), BENCH_TEST(heartbeats),
		BENCH_TEST(named_addresses),
		BENCH_TEST(only_what_is_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
