/* RFC 5061: addresses that come and go, what is lost of it, and what nobody may say of them. */
#include "bench.h"

static int set_value(struct sock *sk, int name, uint32_t v)
{
	struct sctp_assoc_value av = {.assoc_value = v};

	return sock_setsockopt(sk, IPPROTO_SCTP, name, &av, sizeof av);
}

static int bindx(struct sock *sk, const char *addr, bool add)
{
	struct sockaddr_storage ss = at(addr, 0);

	return sock_setsockopt(sk, IPPROTO_SCTP, add ? SCTP_SOCKOPT_BINDX_ADD : SCTP_SOCKOPT_BINDX_REM, &ss, at_len(&ss));
}

static int set_peer_primary(struct sock *sk, const char *addr)
{
	struct sockaddr_storage ss = at(addr, 0);
	struct sctp_setpeerprim v = {.sspp_assoc_id = 0};

	memcpy(&v.sspp_addr, &ss, sizeof ss);
	return sock_setsockopt(sk, IPPROTO_SCTP, SCTP_SET_PEER_PRIMARY_ADDR, &v, sizeof v);
}

static struct path *path_to(struct sock *sk, const char *addr)
{
	struct addr a;

	addr_parse(&a, addr);
	return assoc_path(assoc_at(sk), &a);
}

static void path_events(struct sock *sk)
{
	struct sctp_event e = {.se_type = SCTP_PEER_ADDR_CHANGE, .se_on = 1};

	assert_int_equal(sock_setsockopt(sk, IPPROTO_SCTP, SCTP_EVENT, &e, sizeof e), 0);
}

/* The next notification is of this state, about this address. */
static void told(struct sock *sk, int state, const char *addr)
{
	const struct got *g = call_recv(sk);
	struct sctp_paddr_change c;
	struct sockaddr_storage ss = at(addr, 0);

	assert_int_equal(g->n, sizeof c);
	assert_true(g->flags & MSG_NOTIFICATION);
	memcpy(&c, g->data, sizeof c);
	assert_int_equal(c.spc_state, state);
	assert_memory_equal((uint8_t *)&c.spc_aaddr + 4, (uint8_t *)&ss + 4, 4);
}

static void drain(struct sock *sk)
{
	while (call_recv(sk)->n >= 0) {}
}

/* x has only 10.0.0.1, y both of its own; the association is one that may change that. */
static void able(struct bench *b, struct sock **x, struct sock **y)
{
	struct sock *l = one(b->net.s[1]);

	*x = one(b->net.s[0]);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(set_value(i ? l : *x, SCTP_ASCONF_SUPPORTED, 1), 0);
		assert_int_equal(set_value(i ? l : *x, SCTP_AUTH_SUPPORTED, 1), 0);
		path_events(i ? l : *x);
	}
	assert_int_equal(call_bind(*x, "10.0.0.1", 0), 0);
	assert_int_equal(call_bind(l, "10.0.0.2", 7), 0);
	assert_int_equal(bindx(l, "10.1.0.2", true), 0);
	assert_int_equal(sock_listen(l, 5), 0);
	call_connect(*x, "10.0.0.2", 7);
	settle(b);
	assert_int_equal(sock_accept(l, y), 0);
	sock_close(l);
	bench_pass(b, NS_PER_S);
	drain(*x), drain(*y);
	assert_true(assoc_at(*x)->asconf.able);
	assert_true(assoc_at(*y)->asconf.able);
	assert_int_equal(assoc_at(*y)->n_paths, 1);
}

static void both_talk(struct bench *b, struct sock *x, struct sock *y)
{
	assert_int_equal(call_send(x, "to y", 4), 4);
	assert_int_equal(call_send(y, "to x", 4), 4);
	bench_pass(b, 10 * NS_PER_S);
	drain(x), drain(y);
	assert_int_equal(assoc_at(x)->snd.queued, 0);
	assert_int_equal(assoc_at(y)->snd.queued, 0);
}

static void bye(struct bench *b, struct sock *x, struct sock *y)
{
	b->lose = NULL;
	b->net.cut[0] = b->net.cut[1] = false;
	sock_close(x);
	sock_close(y);
	bench_pass(b, 100 * NS_PER_S);
}

/* ---- what is done ---- */

/* RFC 5061 §4.2.7 (5061-1): not without AUTH, and not without the other end. */
static void must_be_agreed_upon(void **state)
{
	struct bench *b = *state;
	struct sock *x = one(b->net.s[0]), *l = one(b->net.s[1]), *y;

	set_value(l, SCTP_ASCONF_SUPPORTED, 1);
	set_value(x, SCTP_ASCONF_SUPPORTED, 1);
	set_value(x, SCTP_AUTH_SUPPORTED, 1);
	assert_int_equal(call_bind(x, "10.0.0.1", 0), 0);
	listening(l, "0.0.0.0", 7);
	call_connect(x, "10.0.0.2", 7);
	settle(b);
	assert_int_equal(sock_accept(l, &y), 0);
	assert_int_equal(set_peer_primary(x, "10.0.0.1"), -EPERM);
	assert_int_equal(bindx(x, "10.1.0.1", true), 0);
	assert_int_equal(bindx(x, "10.0.0.1", false), 0);
	both_talk(b, x, y);
	assert_int_equal(b->chunks[CHUNK_ASCONF], 0);
	assert_int_equal(assoc_at(y)->n_paths, 1);
}

/* RFC 5061 §4.2.1 (5061-2): an address comes, is confirmed, and carries what the first one can't any more. */
static void one_comes(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, &x, &y);
	assert_int_equal(bindx(x, "10.1.0.1", true), 0);
	bench_pass(b, NS_PER_S);
	told(y, SCTP_ADDR_ADDED, "10.1.0.1");
	told(y, SCTP_ADDR_CONFIRMED, "10.1.0.1");
	assert_int_equal(b->chunks[CHUNK_ASCONF], 1);
	assert_int_equal(b->chunks[CHUNK_ASCONF_ACK], 1);
	assert_int_equal(assoc_at(x)->local.n, 2);
	b->net.cut[0] = true;
	for (int i = 0; i < 10; i++) {
		call_send(x, "data", 4);
		call_send(y, "data", 4);
		bench_pass(b, NS_PER_S);
	}
	bench_pass(b, 60 * NS_PER_S);
	assert_int_equal(assoc_at(x)->snd.queued, 0);
	assert_int_equal(assoc_at(y)->snd.queued, 0);
	assert_int_equal(assoc_at(x)->state, SCTP_ESTABLISHED);
}

/* RFC 5061 §4.2.2 (5061-3): an address goes, with what was on its way to it. */
static void one_goes(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, &x, &y);
	assert_int_equal(bindx(x, "10.0.0.1", false), -EBUSY);
	bindx(x, "10.1.0.1", true);
	bench_pass(b, NS_PER_S);
	drain(y);
	call_send(y, "on its way", 10);
	assert_int_equal(bindx(x, "10.0.0.1", false), 0);
	assert_int_equal(set_peer_primary(x, "10.0.0.1"), -EADDRNOTAVAIL);
	bench_pass(b, 10 * NS_PER_S);
	told(y, SCTP_ADDR_REMOVED, "10.0.0.1");
	assert_int_equal(assoc_at(y)->n_paths, 1);
	assert_ptr_equal(assoc_at(y)->primary, path_to(y, "10.1.0.1"));
	assert_int_equal(assoc_at(x)->local.n, 1);
	assert_int_equal(call_recv(x)->n, 10);
	both_talk(b, x, y);
	/* What is gone is nobody's: the other wire is all there is. */
	b->net.cut[0] = true;
	both_talk(b, x, y);
}

/* Both go before the peer has agreed to the first. */
static void not_both_go(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, &x, &y);
	assert_int_equal(bindx(x, "10.1.0.1", true), 0);
	bench_pass(b, NS_PER_S);
	assert_int_equal(bindx(x, "10.0.0.1", false), 0);
	assert_int_equal(bindx(x, "10.0.0.1", true), 0);
	assert_int_equal(bindx(x, "10.1.0.1", false), 0);
	assert_int_equal(assoc_at(x)->asconf.n_ops, 1);
	bench_pass(b, 10 * NS_PER_S);
	assert_int_equal(assoc_at(x)->local.n, 1);
	assert_int_equal(assoc_at(y)->n_paths, 1);
	both_talk(b, x, y);
}

/* RFC 5061 §4.2.4 (5061-4) */
static void the_peer_prefers(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;

	able(b, &x, &y);
	assert_int_equal(set_peer_primary(x, "10.1.0.1"), -EADDRNOTAVAIL);
	bindx(x, "10.1.0.1", true);
	bench_pass(b, NS_PER_S);
	drain(y);
	assert_int_equal(set_peer_primary(x, "10.1.0.1"), 0);
	settle(b);
	told(y, SCTP_ADDR_MADE_PRIM, "10.1.0.1");
	assert_ptr_equal(assoc_at(y)->primary, path_to(y, "10.1.0.1"));
	assert_int_equal(set_peer_primary(one(b->net.s[0]), "10.1.0.1"), -EINVAL);
	both_talk(b, x, y);
}

/* ---- what is lost ---- */

static bool is_asconf(const struct seen *p) { return seen_has(p, CHUNK_ASCONF) || seen_has(p, CHUNK_ASCONF_ACK); }
static bool lose_nth(struct bench *b, struct seen *p) { return is_asconf(p) && ++b->count == *(int *)b->user; }
static bool lose_all(struct bench *b, struct seen *p)
{
	(void)b;
	return is_asconf(p);
}

/* RFC 5061 §5.1, §5.2 (5061-5): told again until it is answered, done once, and one after the other. */
static void each_may_be_lost(void **state)
{
	struct bench *b = *state;

	for (int nth = 1; nth <= 4; nth++) {
		struct sock *x, *y;
		able(b, &x, &y);
		b->lose = lose_nth;
		b->user = &nth;
		b->count = 0;
		assert_int_equal(bindx(x, "10.1.0.1", true), 0);
		/* What is not agreed upon yet can't be taken back. */
		assert_int_equal(set_peer_primary(x, "10.0.0.1"), 0);
		bench_pass(b, 10 * NS_PER_S);
		assert_int_equal(assoc_at(y)->n_paths, 2);
		assert_ptr_equal(assoc_at(y)->primary, path_to(y, "10.0.0.1"));
		assert_int_equal(assoc_at(x)->asconf.n_ops, 0);
		assert_null(assoc_at(x)->asconf.asked);
		both_talk(b, x, y);
		bye(b, x, y);
	}
}

static void nobody_answers(void **state)
{
	struct bench *b = *state;
	struct sctp_paddrparams quietly = {.spp_flags = SPP_HB_DISABLE};
	struct sock *x, *y;

	able(b, &x, &y);
	assert_int_equal(sock_setsockopt(x, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &quietly, sizeof quietly), 0);
	b->lose = lose_all;
	bindx(x, "10.1.0.1", true);
	bench_pass(b, 2000 * NS_PER_S);
	assert_null(assoc_at(x));
	b->lose = NULL;
}

/* ---- what may not be said: of addresses that no host has, or it would say that it knows nothing of it ---- */

struct said { uint16_t type; const char *addr; };

static size_t put_address(uint8_t *p, const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return asconf_write_address(&a, p);
}

/* As x's, with its key. */
static void say(struct bench *b, struct sock *x, seq32 serial, const struct said *s, size_t n)
{
	uint8_t v[1400] = {0};
	size_t len = 4;

	write32(v, serial);
	len += put_address(v + len, "10.0.0.1");
	for (size_t i = 0; i < n; i++) {
		size_t addr = put_address(v + len + 8, s[i].addr);
		write16(v + len, s[i].type);
		write16(v + len + 2, (uint16_t)(8 + addr));
		write32(v + len + 4, (uint32_t)i);
		len += 8 + addr;
	}
	assoc_at(x)->asconf.serial = serial + 100;      /* the answers are to nothing of its own */
	out_control(assoc_at(x), assoc_at(x)->primary, CHUNK_ASCONF, 0, v, len);
	settle(b);
}

/* The cause in the ASCONF ACK that y sent last; 0: it has agreed. */
static int answer;

static bool keep_answer(struct bench *b, struct seen *p)
{
	(void)b;
	if (p->from != 1 || !seen_has(p, CHUNK_ASCONF_ACK)) return false;
	assert_int_equal(p->chunks[0].type, CHUNK_AUTH);
	answer = p->chunks[1].len > 4 ? read16(p->chunks[1].value + 12) : 0;
	return false;
}

static int answered(void)
{
	int r = answer;

	answer = -1;
	return r;
}

/* RFC 5061 §5.3 (5061-6) */
static void refused(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	seq32 serial;
	static const struct { struct said said; uint16_t cause; } rows[] = {
		{{PARAM_DEL_IP, "10.0.0.1"}, CAUSE_LAST_ADDRESS}, {{PARAM_ADD_IP, "224.0.0.1"}, CAUSE_ADDRESS}, {{PARAM_ADD_IP, "127.0.0.1"}, CAUSE_ADDRESS},
		{{PARAM_ADD_IP, "255.255.255.255"}, CAUSE_ADDRESS}, {{PARAM_ADD_IP, "fd00::1"}, CAUSE_ADDRESS},
		{{PARAM_SET_PRIMARY, "10.7.7.7"}, CAUSE_ADDRESS},
		{{0xc00f, "10.7.7.7"}, CAUSE_PARAMETERS}, {{PARAM_ADD_IP, "10.1.0.9"}, 0}, {{PARAM_ADD_IP, "10.1.0.9"}, 0},
		{{PARAM_DEL_IP, "10.0.0.1"}, CAUSE_SOURCE_ADDRESS}, {{PARAM_DEL_IP, "10.7.7.7"}, CAUSE_ADDRESS}, {{PARAM_ADD_IP, "0.0.0.0"}, 0},
		{{PARAM_DEL_IP, "0.0.0.0"}, 0},
	};

	able(b, &x, &y);
	b->lose = keep_answer;
	serial = assoc_at(y)->asconf.peers + 1;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		say(b, x, serial++, &rows[i].said, 1);
		assert_int_equal(answered(), rows[i].cause);
	}
	assert_int_equal(assoc_at(y)->n_paths, 1);
	/* Sixteen are all that anybody may have. */
	for (int i = 0; i < 20; i++) {
		char text[20];
		snprintf(text, sizeof text, "10.1.0.%d", 100 + i);
		say(b, x, serial++, &(struct said){PARAM_ADD_IP, text}, 1);
	}
	assert_int_equal(answered(), CAUSE_ADDRESS_RESOURCE);
	assert_int_equal(assoc_at(y)->n_paths, SCTP_ADDRS_MAX);
}

/* RFC 9260 §5.4: nobody is sent data by one who has given another's address as the only one. */
static void not_all_but_a_stranger(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	seq32 serial;
	const struct said add = {PARAM_ADD_IP, "10.1.0.1"}, del[] = {{PARAM_DEL_IP, "10.0.0.1"}, {PARAM_DEL_IP, "0.0.0.0"}};

	able(b, &x, &y);
	serial = assoc_at(y)->asconf.peers + 1;
	b->net.cut[1] = true;                  /* nobody answers for 10.1.0.1 */
	say(b, x, serial++, &add, 1);
	assert_int_equal(path_to(y, "10.1.0.1")->state, SCTP_UNCONFIRMED);
	addr_parse(&assoc_at(x)->primary->src, "10.1.0.1");
	b->lose = keep_answer;
	for (size_t i = 0; i < ARRAY_SIZE(del); i++) {
		say(b, x, serial++, &del[i], 1);
		assert_int_equal(answered(), CAUSE_SOURCE_ADDRESS);
		assert_int_equal(assoc_at(y)->n_paths, 2);
		assert_ptr_equal(assoc_at(y)->primary, path_to(y, "10.0.0.1"));
	}
	b->lose = NULL;
}

/* RFC 5061 §5.2 (5061-5): out of its turn it does nothing; what came last is answered as before, and not done again. */
static void out_of_turn(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	const struct said add = {PARAM_ADD_IP, "10.1.0.9"}, del = {PARAM_DEL_IP, "10.1.0.9"};
	seq32 serial;
	uint32_t acks;

	able(b, &x, &y);
	serial = assoc_at(y)->asconf.peers;
	acks = b->chunks[CHUNK_ASCONF_ACK];
	say(b, x, serial, &add, 1);
	say(b, x, serial + 2, &add, 1);
	say(b, x, serial - 1, &add, 1);
	assert_int_equal(b->chunks[CHUNK_ASCONF_ACK], acks);
	assert_int_equal(assoc_at(y)->n_paths, 1);
	say(b, x, serial + 1, &add, 1);
	say(b, x, serial + 2, &del, 1);
	say(b, x, serial + 2, &add, 1);
	assert_int_equal(b->chunks[CHUNK_ASCONF_ACK], acks + 3);
	assert_int_equal(assoc_at(y)->n_paths, 1);
	assert_int_equal(assoc_at(x)->state, SCTP_ESTABLISHED);
}

/* RFC 5061 §4.1.1 (5061-1): who has no key says nothing. */
static void strangers(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	uint8_t p[64] = {0};
	const struct assoc *a;
	uint32_t packets;

	able(b, &x, &y);
	a = assoc_at(y);
	sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_ASCONF, .len = 28}, p);
	write32(p + 4, a->asconf.peers + 1);
	put_address(p + 8, "10.0.0.1");
	write16(p + 16, PARAM_ADD_IP);
	write16(p + 18, 16);
	put_address(p + 24, "10.1.0.1");
	packets = b->packets;
	bench_inject(b, 1, &(struct sctp_hdr){a->rport, a->lport, a->my_tag}, p, 32);
	sctp_chunk_emit(&(struct sctp_chunk){.type = CHUNK_ASCONF_ACK, .len = 4}, p);
	write32(p + 4, a->asconf.serial + 5);
	bench_inject(b, 1, &(struct sctp_hdr){a->rport, a->lport, a->my_tag}, p, 8);
	assert_int_equal(b->packets, packets);
	assert_int_equal(a->n_paths, 1);
	assert_int_equal(a->state, SCTP_ESTABLISHED);
}

/* RFC 5061 §5.3.1 (D0): an answer to what was never asked ends it; one to what was is taken once. */
static void answers_to_nothing(void **state)
{
	struct bench *b = *state;
	struct sock *x, *y;
	uint8_t v[4];

	able(b, &x, &y);
	bindx(y, "10.1.0.2", false);
	bench_pass(b, NS_PER_S);
	write32(v, assoc_at(y)->asconf.serial - 1);
	out_control(assoc_at(x), assoc_at(x)->primary, CHUNK_ASCONF_ACK, 0, v, 4);
	settle(b);
	assert_non_null(assoc_at(y));
	write32(v, assoc_at(y)->asconf.serial);
	out_control(assoc_at(x), assoc_at(x)->primary, CHUNK_ASCONF_ACK, 0, v, 4);
	settle(b);
	assert_null(assoc_at(y));
	assert_null(assoc_at(x));
}

static void bad_chunks(void **state)
{
	struct bench *b = *state;

	for (int kind = 0; kind < 5; kind++) {
		struct sock *x, *y;
		uint8_t v[600] = {0};
		size_t len = 12;
		able(b, &x, &y);
		write32(v, assoc_at(y)->asconf.peers + 1);
		put_address(v + 4, "10.0.0.1");
		if (kind == 0) write16(v + 4, PARAM_COOKIE);
		if (kind == 1) write16(v + 6, 5);
		if (kind == 2) write16(v + 6, 200);
		if (kind == 3) {
			write16(v + 12, PARAM_ADD_IP);
			write16(v + 14, 4);
			len = 16;
		}
		for (int i = 0; kind == 4 && i < 33; i++, len += 8) {
			write16(v + len, PARAM_ADD_IP);
			write16(v + len + 2, 8);
		}
		out_control(assoc_at(x), assoc_at(x)->primary, CHUNK_ASCONF, 0, v, len);
		settle(b);
		assert_null(assoc_at(y));
		assert_null(assoc_at(x));
		bye(b, x, y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BENCH_TEST(must_be_agreed_upon), BENCH_TEST(one_comes), BENCH_TEST(one_goes), BENCH_TEST(the_peer_prefers), BENCH_TEST(each_may_be_lost),
		BENCH_TEST(nobody_answers), BENCH_TEST(refused), BENCH_TEST(out_of_turn), BENCH_TEST(strangers), BENCH_TEST(answers_to_nothing),
		BENCH_TEST(bad_chunks), BENCH_TEST(not_all_but_a_stranger), BENCH_TEST(not_both_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
