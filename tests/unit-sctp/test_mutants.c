/*
 * Conversations in which packets are spoilt on their way: an octet or three changed and the checksum mended, cut short, doubled, lost. Whatever comes of
 * it, nothing is read or written beyond its end, both hosts answer the next call, and nothing is left when they go.
 */
#include "bench.h"

#define ROUNDS 300

static uint32_t chance(struct bench *b)
{
	b->random = b->random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(b->random >> 35);
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
		struct sock *l = listening(is_many ? many(b->s[1]) : one(b->s[1]), "0.0.0.0", 7), *x = is_many ? many(b->s[0]) : one(b->s[0]), *y = l;
		b->random = round * 77777 + 1;
		b->lose = spoil;
		events_on(x);
		events_on(l);
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
		assert_true(list_empty(&b->s[0]->socks));
		assert_true(list_empty(&b->s[1]->socks));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {BENCH_TEST(conversations)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
