/*
 * The matrix: every kind of segment, at every place in and around the window, with every kind of acknowledgment, in every state, over IPv4 and
 * IPv6. What has to come of each is computed from the RFCs' rules (oracle.h); each case has a stack of its own.
 */
#include "oracle.h"

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
	{"next", next}, {"old", old}, {"very old", very_old}, {"one before", one_before}, {"ending at next", ends_at_next}, {"half old", half_old}, {"ahead", ahead},
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

/* ---- states ---- */

/* What the peer saw last. */
static void note_sent(struct bench *b, struct tcb *t)
{
	for (int len; (len = bench_next(b)) >= 0;) {
		t->nxt = b->last.seq + (seq32)len + !!(b->last.flags & SYN) + !!(b->last.flags & FIN);
		if (b->last.flags & FIN) t->fin_sent = true;
		if (!(b->last.flags & ACK)) continue;
		t->rcv_nxt = b->last.ack;
		t->edge = b->last.ack + b->last.wnd;
	}
}

static void to_closed(struct bench *b, struct tcb *t) { (void)b, (void)t; }
static void to_listen(struct bench *b, struct tcb *t) { (void)t; bench_listen(b, 5); }

static void to_syn_sent(struct bench *b, struct tcb *t)
{
	b->sk = bench_socket(b);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	note_sent(b, t);
}

static void to_syn_received(struct bench *b, struct tcb *t)
{
	bench_listen(b, 5);
	inject(b, SYN, .mss = 1460);
	note_sent(b, t);
}

static void to_established(struct bench *b, struct tcb *t)
{
	passive(b);
	t->rcv_nxt = 1;
	t->una = 1;
	pass(b, NS_PER_S);
	bench_send(b, 100, 0);
	note_sent(b, t);
}

static void to_fin_wait_1(struct bench *b, struct tcb *t)
{
	to_established(b, t);
	bench_shutdown(b, SHUT_WR);
	note_sent(b, t);
}

static void to_fin_wait_2(struct bench *b, struct tcb *t)
{
	to_fin_wait_1(b, t);
	inject(b, ACK, .seq = 1, .ack = t->nxt);
	t->una = t->nxt;
}

static void to_closing(struct bench *b, struct tcb *t)
{
	to_fin_wait_1(b, t);
	inject(b, ACK | FIN, .seq = 1, .ack = 1);
	note_sent(b, t);
}

static void to_close_wait(struct bench *b, struct tcb *t)
{
	passive(b);
	inject(b, ACK | FIN, .seq = 1, .ack = 1);
	pass(b, NS_PER_S);
	t->una = 1;
	bench_send(b, 100, 0);
	note_sent(b, t);
}

static void to_last_ack(struct bench *b, struct tcb *t)
{
	to_close_wait(b, t);
	bench_shutdown(b, SHUT_WR);
	note_sent(b, t);
}

static void to_time_wait(struct bench *b, struct tcb *t)
{
	to_fin_wait_2(b, t);
	inject(b, ACK | FIN, .seq = 1, .ack = t->nxt);
	note_sent(b, t);
}

static const struct state { const char *name; enum tcp_state state; void (*reach)(struct bench *b, struct tcb *t); } states[] = {
	{"CLOSED", TCPS_CLOSED, to_closed}, {"LISTEN", TCPS_LISTEN, to_listen}, {"SYN-SENT", TCPS_SYN_SENT, to_syn_sent},
	{"SYN-RECEIVED", TCPS_SYN_RECEIVED, to_syn_received}, {"ESTABLISHED", TCPS_ESTABLISHED, to_established},
	{"FIN-WAIT-1", TCPS_FIN_WAIT_1, to_fin_wait_1}, {"FIN-WAIT-2", TCPS_FIN_WAIT_2, to_fin_wait_2}, {"CLOSING", TCPS_CLOSING, to_closing},
	{"CLOSE-WAIT", TCPS_CLOSE_WAIT, to_close_wait}, {"LAST-ACK", TCPS_LAST_ACK, to_last_ack}, {"TIME-WAIT", TCPS_TIME_WAIT, to_time_wait},
};

static const char *state_name(enum tcp_state state)
{
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (states[i].state == state) return states[i].name;
	return "?";
}

static enum tcp_state state_now(struct bench *b)
{
	struct sock *child = b->listener && !b->sk ? bench_accept(b) : NULL;
	if (child) b->sk = child;
	if (b->listener && tcp_of(b->listener)->listener->n_embryos) return TCPS_SYN_RECEIVED;
	if (timewait_find(b->s, &b->us, b->us_port, &b->peer, b->peer_port)) return TCPS_TIME_WAIT;
	if (b->sk) return (enum tcp_state)bench_state(b->sk);
	return b->listener ? TCPS_LISTEN : TCPS_CLOSED;
}

/* ---- one case ---- */

static const uint8_t answer_flags[] = {[ANSWER_ACK] = ACK, [ANSWER_MAY_ACK] = ACK, [ANSWER_RST] = RST, [ANSWER_RST_ACK] = RST | ACK, [ANSWER_SYN_ACK] = SYN | ACK};

/* NULL, or what is wrong. */
static const char *check_answer(struct bench *b, const struct verdict *v)
{
	int len = bench_next(b);
	if (len < 0) return v->answer == ANSWER_NONE || v->answer == ANSWER_MAY_ACK ? NULL : "no answer";
	if (v->answer == ANSWER_NONE) return "an answer to what calls for none";
	if (b->last.flags != answer_flags[v->answer]) return "an answer of another kind";
	if (len) return "text in the answer";
	if (v->answer == ANSWER_RST_ACK ? b->last.seq + b->iss != v->seq : v->seq != ANY && b->last.seq != v->seq) return "its sequence number";
	if ((b->last.flags & ACK) && b->last.ack != v->ack) return "its ACK";
	return bench_next(b) >= 0 ? "a second answer" : NULL;
}

static const char *check_case(struct bench *b, const struct verdict *v)
{
	const char *wrong = check_answer(b, v);
	enum tcp_state after = state_now(b);
	bool gone = v->after.state == TCPS_CLOSED && !b->sk;
	if (wrong) return wrong;
	if (after != v->after.state && !(gone && b->listener)) return state_name(after);
	if (b->sk && bench_error(b->sk) != v->err) return "the error";
	return NULL;
}

static bool run_case(bool v6, const struct state *s, const struct kind *k, const struct place *p, const struct ack *a)
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
	const char *wrong = check_case(b, &v);
	if (wrong)
		printf("IPv%d %s: %s, %s, ACK %s (seq %u ack %u): %s; to be flags %#x seq %u ack %u, %s\n", v6 ? 6 : 4, s->name, k->name, p->name, a->name, g.seq, g.ack,
		       wrong, answer_flags[v.answer], v.seq, v.ack, state_name(v.after.state));
	bench_close(&made);
	return !wrong;
}

static void run_state(bool v6, const struct state *s, unsigned *n, unsigned *n_bad)
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
	for (size_t s = 0; s < ARRAY_SIZE(states); s++) {
		run_state(false, &states[s], &n, &n_bad);
		run_state(true, &states[s], &n, &n_bad);
	}
	printf("%u cases, %u not as they should be\n", n, n_bad);
	assert_int_equal(n_bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_segment_in_every_state)};
	return cmocka_run_group_tests_name("tcp-matrix", tests, NULL, NULL);
}
