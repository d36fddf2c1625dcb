/* The stages of stages.h. */
#include "stages.h"

void stage_note_sent(struct bench *b, struct tcb *t)
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
	stage_note_sent(b, t);
}

static void to_syn_received(struct bench *b, struct tcb *t)
{
	bench_listen(b, 5);
	inject(b, SYN, .mss = 1460);
	stage_note_sent(b, t);
}

static void to_established(struct bench *b, struct tcb *t)
{
	passive(b);
	t->rcv_nxt = 1;
	t->una = 1;
	pass(b, NS_PER_S);
	bench_send(b, 100, 0);
	stage_note_sent(b, t);
}

static void to_fin_wait_1(struct bench *b, struct tcb *t)
{
	to_established(b, t);
	bench_shutdown(b, SHUT_WR);
	stage_note_sent(b, t);
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
	stage_note_sent(b, t);
}

static void to_close_wait(struct bench *b, struct tcb *t)
{
	passive(b);
	inject(b, ACK | FIN, .seq = 1, .ack = 1);
	pass(b, NS_PER_S);
	t->una = 1;
	bench_send(b, 100, 0);
	stage_note_sent(b, t);
}

static void to_last_ack(struct bench *b, struct tcb *t)
{
	to_close_wait(b, t);
	bench_shutdown(b, SHUT_WR);
	stage_note_sent(b, t);
}

static void to_time_wait(struct bench *b, struct tcb *t)
{
	to_fin_wait_2(b, t);
	inject(b, ACK | FIN, .seq = 1, .ack = t->nxt);
	stage_note_sent(b, t);
}

const struct stage stages[N_STAGES] = {
	{"CLOSED", TCPS_CLOSED, to_closed}, {"LISTEN", TCPS_LISTEN, to_listen}, {"SYN-SENT", TCPS_SYN_SENT, to_syn_sent},
	{"SYN-RECEIVED", TCPS_SYN_RECEIVED, to_syn_received}, {"ESTABLISHED", TCPS_ESTABLISHED, to_established},
	{"FIN-WAIT-1", TCPS_FIN_WAIT_1, to_fin_wait_1}, {"FIN-WAIT-2", TCPS_FIN_WAIT_2, to_fin_wait_2}, {"CLOSING", TCPS_CLOSING, to_closing},
	{"CLOSE-WAIT", TCPS_CLOSE_WAIT, to_close_wait}, {"LAST-ACK", TCPS_LAST_ACK, to_last_ack}, {"TIME-WAIT", TCPS_TIME_WAIT, to_time_wait},
};

const char *stage_name(enum tcp_state state)
{
	for (size_t i = 0; i < N_STAGES; i++)
		if (stages[i].state == state) return stages[i].name;
	return "?";
}

static enum tcp_state stage_now(struct bench *b)
{
	struct sock *child = b->listener && !b->sk ? bench_accept(b) : NULL;
	if (child) b->sk = child;
	if (b->listener && tcp_of(b->listener)->listener->n_embryos) return TCPS_SYN_RECEIVED;
	if (timewait_find(b->s, &b->us, b->us_port, &b->peer, b->peer_port)) return TCPS_TIME_WAIT;
	if (b->sk) return (enum tcp_state)bench_state(b->sk);
	return b->listener ? TCPS_LISTEN : TCPS_CLOSED;
}

/* ---- what became of it ---- */

static const uint8_t answer_flags[] = {[ANSWER_ACK] = ACK, [ANSWER_MAY_ACK] = ACK, [ANSWER_RST] = RST, [ANSWER_RST_ACK] = RST | ACK,
	[ANSWER_SYN_ACK] = SYN | ACK};

/* NULL, or what is wrong. */
static const char *check_answer(struct bench *b, const struct verdict *v)
{
	int len = bench_next(b);
	if (len < 0) return v->answer == ANSWER_NONE || v->answer == ANSWER_MAY_ACK ? NULL : "no answer";
	if (v->answer == ANSWER_NONE && v->syn_again) return b->last.flags == SYN && bench_next(b) < 0 ? NULL : "an answer to what calls for none but our SYN";
	if (v->answer == ANSWER_NONE) return "an answer to what calls for none";
	/* A SYN that asks for ECN gets it: no business of the oracle's. */
	if ((b->last.flags & ~(v->answer == ANSWER_SYN_ACK ? ECE : 0)) != answer_flags[v->answer]) return "an answer of another kind";
	if (len) return "text in the answer";
	if (v->answer == ANSWER_RST_ACK ? b->last.seq + b->iss != v->seq : v->seq != ANY && b->last.seq != v->seq) return "its sequence number";
	if ((b->last.flags & ACK) && b->last.ack != v->ack) return "its ACK";
	if (v->syn_again && (bench_next(b) < 0 || b->last.flags != SYN)) return "the SYN did not follow";
	return bench_next(b) >= 0 ? "a second answer" : NULL;
}

const char *stage_check(struct bench *b, const struct verdict *v)
{
	const char *wrong = check_answer(b, v);
	enum tcp_state after = stage_now(b);
	bool gone = v->after.state == TCPS_CLOSED && !b->sk;
	if (wrong) return wrong;
	if (after != v->after.state && !(gone && b->listener)) return stage_name(after);
	if (b->sk && bench_error(b->sk) != v->err) return "the error";
	return NULL;
}
