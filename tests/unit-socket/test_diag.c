/* sock_diag's filter programs, which any program may send: whatever the octets, they are refused or they end. And what requests of any octets do. */
#include <linux/netlink.h>
#include "base/random.h"
#include "stack/netlink/diag.h"
#include "world.h"

#define PROGRAMS 100000
#define REQUESTS 20000
#define PROGRAM_MAX 64

static uint64_t below(struct random *r, uint64_t n) { return random_next(r) % n; }

static void number(void *arg, const struct inet_facts *f)
{
	(void)f;
	++*(int *)arg;
}

struct trial { const uint8_t *program; size_t len; int passed, asked; };

static void try(void *arg, const struct inet_facts *f)
{
	struct trial *t = arg;

	t->asked++;
	t->passed += diag_filter_run(t->program, t->len, f);
}

/* An operation with an operand that fits, at p: its octets. */
static size_t operation(struct random *r, uint8_t *p)
{
	static const uint8_t sizes[] = {4, 4, 8, 8, 8, 8, 4, 12, 12, 8, 12, 8, 8, 12};
	uint8_t code = (uint8_t)below(r, sizeof sizes);
	bool host = code == INET_DIAG_BC_S_COND || code == INET_DIAG_BC_D_COND;
	struct inet_diag_hostcond c = {.family = host && below(r, 2) ? AF_INET : AF_UNSPEC, .port = below(r, 2) ? -1 : 1000};
	size_t size = sizes[code] + (c.family == AF_INET ? 4u : 0u);
	struct inet_diag_bc_op op = {code, (uint8_t)size, (uint16_t)(size + 4 * below(r, 4))};

	if (c.family == AF_INET) c.prefix_len = (uint8_t)below(r, 33);
	for (size_t i = sizeof op; i < size; i++) p[i] = (uint8_t)below(r, 256);
	memcpy(p, &op, sizeof op);
	if (host) memcpy(p + sizeof op, &c, sizeof c);
	return size;
}

/* A program, some of whose octets may be others by now, in memory that ends where it ends. */
static uint8_t *draw(struct random *r, size_t *ret_len)
{
	uint8_t all[PROGRAM_MAX + 16] = {0}, *p;
	size_t len = 0;

	do len += operation(r, all + len);
	while (len < PROGRAM_MAX && below(r, 4));
	for (uint64_t n = below(r, 4) / 2; n > 0; n--) all[below(r, len)] = (uint8_t)below(r, 256);
	if (!below(r, 8)) len = below(r, len + 1);
	p = malloc(len + 1);
	assert_non_null(p);
	memcpy(p, all, len);
	*ret_len = len;
	return realloc(p, len ? len : 1);
}

static void test_programs(void **state)
{
	struct world *w = *state;
	struct random r = random_seeded(7, "filter programs");
	int accepted = 0, socks = 0, passed = 0, asked = 0;

	udp_bound(w->a, name4("10.0.0.1", 1000));
	udp_bound(w->a, name6("fd00::1", 1001));
	inet_facts_walk(w->a, IPPROTO_UDP, number, &socks);
	assert_int_equal(socks, 2);
	for (int i = 0; i < PROGRAMS; i++) {
		struct trial t = {0};
		uint8_t *program = draw(&r, &t.len);
		t.program = program;
		if (diag_filter_check(program, t.len, i % 2) == 0) {
			accepted++;
			inet_facts_walk(w->a, IPPROTO_UDP, try, &t);
			passed += t.passed;
			asked += t.asked;
		}
		free(program);
	}
	assert_true(accepted > PROGRAMS / 100);
	assert_int_equal(asked, 2 * accepted);
	assert_true(passed > 0 && passed < asked);
}

/* A request's header is whole, and the rest of it anything. */
static void test_requests(void **state)
{
	struct world *w = *state;
	struct random r = random_seeded(8, "diag requests");
	int answers = 0;

	for (int i = 0; i < REQUESTS; i++) {
		struct { struct nlmsghdr h; uint8_t body[160]; } q = {.h = {.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK}};
		struct sock *sk = sock_make(w->a, AF_NETLINK, SOCK_RAW, i % 4 == 3 ? NETLINK_GENERIC : NETLINK_SOCK_DIAG);
		uint8_t buf[4096];
		q.h.nlmsg_len = (uint32_t)sizeof q.h + (uint32_t)below(&r, sizeof q.body + 1);
		q.h.nlmsg_type = i % 4 == 3 ? 16 : (uint16_t)(SOCK_DIAG_BY_FAMILY + below(&r, 2));
		if (below(&r, 2)) q.h.nlmsg_flags |= NLM_F_DUMP;
		for (size_t k = 0; k < sizeof q.body; k++) q.body[k] = (uint8_t)(below(&r, 2) ? below(&r, 256) : below(&r, 20));
		if (below(&r, 2)) q.body[0] = AF_INET, q.body[1] = IPPROTO_UDP;
		assert_int_equal(do_send(sk, &q, q.h.nlmsg_len), q.h.nlmsg_len);
		while (do_recv(sk, buf, sizeof buf, 0) > 0) answers++;
		sock_close(sk);
	}
	assert_true(answers >= REQUESTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {WORLD_TEST(test_programs), WORLD_TEST(test_requests)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
