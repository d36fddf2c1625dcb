/*
 * Conversations in which packets are spoilt on their way: an octet or three changed and the checksum mended, cut short, doubled, lost. Whatever comes of
 * it, nothing is read or written beyond its end, both hosts answer the next call, and nothing is left when they go.
 */
#include "bench.h"
#include "../unit/draw.h"

#define ROUNDS 300

static uint32_t chance(struct bench *b)
{
	return (uint32_t)(draw_next(&b->net.random) >> 35);
}

/* Nobody re-enters a stack from its transmit(): what is doubled waits. */
static struct { struct sctp_hdr h; uint8_t chunks[2048]; size_t len; int to; } doubled[64];
static unsigned n_doubled;

static void remember(const struct seen *p)
{
	size_t len = p->len - SCTP_HDR_LEN;

	if (n_doubled == ARRAY_SIZE(doubled) || len > sizeof doubled[0].chunks) return;
	doubled[n_doubled].h = p->h;
	doubled[n_doubled].to = !p->from;
	doubled[n_doubled].len = len;
	memcpy(doubled[n_doubled++].chunks, p->at + SCTP_HDR_LEN, len);
}

static bool spoil(struct bench *b, struct seen *p)
{
	uint32_t how = chance(b) % 24;

	if (how == 0) return true;
	if (how == 1) remember(p);
	if (how < 2 || how > 6) return false;
	for (uint32_t i = 0; i <= chance(b) % 3; i++) {
		size_t near = SCTP_HDR_LEN + chance(b) % MIN(p->len - SCTP_HDR_LEN, 24), any = 4 + chance(b) % (p->len - 4), where = how < 4 ? near : any;
		p->at[where] = (uint8_t)(chance(b) % 3 ? p->at[where] ^ 1u << chance(b) % 8 : chance(b));
	}
	sctp_parse(&p->h, p->at, p->len);
	sctp_emit(&p->h, p->at, p->len);
	return false;
}

static int set_value(struct sock *sk, int name, uint32_t v)
{
	struct sctp_assoc_value av = {.assoc_id = SCTP_FUTURE_ASSOC, .assoc_value = v};

	return sock_setsockopt(sk, IPPROTO_SCTP, name, &av, sizeof av);
}

/* Streams begin anew, or come to be more; addresses come and go. */
static void reconfigure(struct bench *b, struct sock *sk)
{
	const struct assoc *a = assoc_at(sk);
	sctp_assoc_t id = a ? a->id : 0;
	struct { struct reset_head h; uint16_t list[2]; } reset = {{id, (uint16_t)(1 + chance(b) % 3), (uint16_t)(chance(b) % 3)}, {1, 3}};
	struct sockaddr_storage second = at(sk->stack == b->net.s[1] ? "10.1.0.2" : "10.1.0.1", 0);
	struct sctp_setpeerprim prim = {.sspp_assoc_id = id};
	struct sctp_add_streams add = {id, (uint16_t)(chance(b) % 3), (uint16_t)(chance(b) % 3)};

	memcpy(&prim.sspp_addr, &second, sizeof second);
	switch (chance(b) % 6) {
	case 0: sock_setsockopt(sk, IPPROTO_SCTP, SCTP_RESET_STREAMS, &reset, sizeof reset); break;
	case 1: sock_setsockopt(sk, IPPROTO_SCTP, SCTP_ADD_STREAMS, &add, sizeof add); break;
	case 2: sock_setsockopt(sk, IPPROTO_SCTP, SCTP_RESET_ASSOC, &id, sizeof id); break;
	case 3: sock_setsockopt(sk, IPPROTO_SCTP, chance(b) % 2 ? SCTP_SOCKOPT_BINDX_ADD : SCTP_SOCKOPT_BINDX_REM, &second, sizeof(struct sockaddr_in)); break;
	case 4: sock_setsockopt(sk, IPPROTO_SCTP, SCTP_SET_PEER_PRIMARY_ADDR, &prim, sizeof prim); break;
	default: break;
	}
}

/* Some chunks are authenticated, others not; and not always by keys that the other end has. */
static void authenticate(struct bench *b, struct sock *sk)
{
	static const uint8_t types[] = {CHUNK_DATA, CHUNK_SACK, CHUNK_COOKIE_ECHO, CHUNK_RECONFIG, CHUNK_SHUTDOWN, CHUNK_HEARTBEAT};
	struct { struct key_head h; uint8_t key[8]; } key = {.h = {.sca_keynumber = (uint16_t)(chance(b) % 3), .sca_keylength = 8}, .key = "secret"};
	struct sctp_authkeyid id = {.scact_keynumber = key.h.sca_keynumber};

	assert_int_equal(set_value(sk, SCTP_AUTH_SUPPORTED, 1), 0);
	assert_int_equal(set_value(sk, SCTP_ASCONF_SUPPORTED, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (chance(b) % 2) sock_setsockopt(sk, IPPROTO_SCTP, SCTP_AUTH_CHUNK, &types[i], 1);
	if (chance(b) % 2) key.h.sca_keynumber = id.scact_keynumber = 0;
	sock_setsockopt(sk, IPPROTO_SCTP, SCTP_AUTH_KEY, &key, sizeof key.h + 8);
	sock_setsockopt(sk, IPPROTO_SCTP, SCTP_AUTH_ACTIVE_KEY, &id, sizeof id);
}

static void exchange(struct bench *b, struct sock *x, struct sock *y)
{
	static uint8_t data[9000];

	for (int i = 0; i < 6; i++) {
		struct wish_sent w = {.stream = (uint16_t)(chance(b) % 10), .flags = chance(b) % 4 == 0 ? SCTP_UNORDERED : 0, .to = "10.0.0.2", .port = 7};
		call_sendmsg(x, data, 1 + chance(b) % sizeof data, &w);
		call_send(y, data, 1 + chance(b) % 2000);
		bench_pass(b, (time_ns)(chance(b) % 2000) * NS_PER_MS);
		if (chance(b) % 2) call_recv(x);
		if (chance(b) % 2) call_recv(y);
		reconfigure(b, chance(b) % 2 ? x : y);
	}
}

static void send_doubled(struct bench *b)
{
	for (unsigned i = 0; i < n_doubled; i++) bench_inject(b, doubled[i].to, &doubled[i].h, doubled[i].chunks, doubled[i].len);
	n_doubled = 0;
}

static void conversations(void **state)
{
	struct bench *b = *state;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		bool is_many = round & 1;
		struct sock *l = listening(is_many ? many(b->net.s[1]) : one(b->net.s[1]), round & 2 ? "10.0.0.2" : "0.0.0.0", 7),
			*x = is_many ? many(b->net.s[0]) : one(b->net.s[0]), *y = l;
		b->net.random = round * 77777 + 1;
		if (round & 2) call_bind(x, "10.0.0.1", 0);
		b->lose = spoil;
		events_on(x);
		events_on(l);
		for (int i = 0; i < 2; i++) {
			struct sock *sk = i ? l : x;
			if (round % 3) authenticate(b, sk);
			set_value(sk, SCTP_RECONFIG_SUPPORTED, 1);
			set_value(sk, SCTP_ENABLE_STREAM_RESET, SCTP_ENABLE_STRRESET_MASK);
		}
		call_connect(x, "10.0.0.2", 7);
		bench_pass(b, 5 * NS_PER_S);
		if (!is_many && sock_accept(l, &y) < 0) y = l;
		exchange(b, x, y);
		send_doubled(b);
		exchange(b, x, y);
		if (chance(b) % 2) sock_shutdown(x, SHUT_RDWR);
		send_doubled(b);
		if (y != l) sock_close(y);
		sock_close(x);
		sock_close(l);
		bench_pass(b, 20 * NS_PER_S);
		send_doubled(b);
		b->lose = NULL;
		bench_pass(b, 2000 * NS_PER_S);
		assert_true(list_empty(&b->net.s[0]->socks));
		assert_true(list_empty(&b->net.s[1]->socks));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {BENCH_TEST(conversations)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
