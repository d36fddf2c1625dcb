/*
 * The matrix: every kind of segment, at every place in and around the window, with every kind of acknowledgment, in every state, over IPv4 and
 * IPv6. What has to come of each is computed from the RFCs' rules (oracle.h); each case has a stack of its own.
 */
#include "stages.h"

/* ---- kinds of segments ---- */

static const struct kind { const char *name; uint8_t flags; uint32_t len; uint16_t urg; } kinds[] = {
	{"SYN", SYN, 0, 0}, {"SYN with text", SYN, 10, 0}, {"SYN-ACK", SYN | ACK, 0, 0}, {"SYN-ACK with text", SYN | ACK, 10, 0}, {"SYN FIN", SYN | FIN, 0, 0},
	{"SYN-ACK FIN", SYN | ACK | FIN, 0, 0}, {"SYN RST", SYN | RST, 0, 0}, {"ACK", ACK, 0, 0}, {"text", ACK | PSH, 10, 0}, {"FIN", ACK | FIN, 0, 0},
	{"text and FIN", ACK | FIN, 10, 0}, {"FIN without ACK", FIN, 0, 0}, {"text without ACK", PSH, 10, 0}, {"no flags", 0, 0, 0}, {"RST", RST, 0, 0},
	{"RST-ACK", RST | ACK, 0, 0}, {"RST-ACK with text", RST | ACK, 10, 0}, {"FIN RST", FIN | RST, 0, 0}, {"URG", ACK | URG, 0, 5},
	{"URG with text", ACK | URG, 10, 5}, {"all flags", FIN | SYN | RST | PSH | ACK | URG, 10, 1},
};

static uint32_t length(const struct kind *k) { return k->len + !!(k->flags & SYN) + !!(k->flags & FIN); }

static seq32 next(const struct tcb *t, uint32_t len) { (void)len; return t->rcv_nxt; }
static seq32 old(const struct tcb *t, uint32_t len) { (void)len; return t->rcv_nxt - 50; }
static seq32 very_old(const struct tcb *t, uint32_t len) { (void)len; return t->rcv_nxt - 1000000; }
static seq32 one_before(const struct tcb *t, uint32_t len) { (void)len; return t->rcv_nxt - 1; }
static seq32 ends_at_next(const struct tcb *t, uint32_t len) { return t->rcv_nxt - len; }
static seq32 half_old(const struct tcb *t, uint32_t len) { return t->rcv_nxt - len / 2; }
static seq32 ahead(const struct tcb *t, uint32_t len) { (void)len; return t->rcv_nxt + 100; }
static seq32 last_in_window(const struct tcb *t, uint32_t len) { return t->edge - len; }
static seq32 half_beyond(const struct tcb *t, uint32_t len) { return t->edge - len / 2; }
static seq32 at_edge(const struct tcb *t, uint32_t len) { (void)len; return t->edge; }
static seq32 beyond(const struct tcb *t, uint32_t len) { (void)len; return t->edge + 1; }
static seq32 far_beyond(const struct tcb *t, uint32_t len) { (void)len; return t->edge + 1000000; }

static const struct place { const char *name; seq32 (*seq)(const struct tcb *t, uint32_t len); } places[] = {
	{"next", next}, {"old", old}, {"very old", very_old}, {"one before", one_before}, {"ending at next", ends_at_next},
	{"half old", half_old}, {"ahead", ahead},
	{"last in the window", last_in_window}, {"half beyond", half_beyond}, {"at the edge", at_edge}, {"beyond", beyond}, {"far beyond", far_beyond},
};

static seq32 ack_una(const struct tcb *t) { return t->una; }
static seq32 ack_all(const struct tcb *t) { return t->nxt; }
static seq32 ack_part(const struct tcb *t) { return t->una + (t->nxt - t->una) / 2; }
static seq32 ack_old(const struct tcb *t) { return t->una - 20; }
static seq32 ack_too_old(const struct tcb *t) { return t->una - t->max_wnd - 1; }
static seq32 ack_unsent(const struct tcb *t) { return t->nxt + 1; }

static const struct ack { const char *name; seq32 (*ack)(const struct tcb *t); } acks[] = {
	{"of all", ack_all}, {"of una", ack_una}, {"of a part", ack_part}, {"old", ack_old}, {"too old", ack_too_old}, {"of what was not sent", ack_unsent},
};

/* ---- one case ---- */

static bool run_case(bool v6, const struct stage *s, const struct kind *k, const struct place *p, const struct ack *a)
{
	void *made;
	assert_int_equal(v6 ? bench_open6(&made) : bench_open4(&made), 0);
	struct bench *b = made;
	struct tcb t = {.state = s->state, .max_wnd = 65535};
	s->reach(b, &t);
	struct seg g = {.flags = k->flags, .len = k->len, .urg = k->urg, .seq = p->seq(&t, length(k)), .ack = k->flags & ACK ? a->ack(&t) : 0};
	struct verdict v = oracle(&t, &g);
	bench_inject(b, &g);
	/* RFC 9293 §3.8.6.3 (MUST-40): what waits for company goes soon. */
	pass(b, 100 * NS_PER_MS);
	const char *wrong = stage_check(b, &v);
	if (wrong)
		printf("IPv%d %s: %s, %s, ACK %s (seq %u ack %u): %s; to be answer %d seq %u ack %u, %s\n", v6 ? 6 : 4, s->name, k->name, p->name,
		       a->name, g.seq, g.ack,
		       wrong, v.answer, v.seq, v.ack, stage_name(v.after.state));
	bench_close(&made);
	return !wrong;
}

static void run_state(bool v6, const struct stage *s, unsigned *n, unsigned *n_bad)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t p = 0; p < ARRAY_SIZE(places); p++)
			for (size_t a = 0; a < (kinds[k].flags & ACK ? ARRAY_SIZE(acks) : 1); a++, ++*n)
				*n_bad += !run_case(v6, s, &kinds[k], &places[p], &acks[a]);
}

static void every_segment_in_every_state(void **state)
{
	unsigned n = 0, n_bad = 0;
	(void)state;
	for (size_t s = 0; s < N_STAGES; s++) {
		run_state(false, &stages[s], &n, &n_bad);
		run_state(true, &stages[s], &n, &n_bad);
	}
	printf("%u cases, %u not as they should be\n", n, n_bad);
	assert_int_equal(n_bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_segment_in_every_state)};
	return cmocka_run_group_tests_name("tcp-matrix", tests, NULL, NULL);
}
