/* The oracle of oracle.h. Read beside RFC 9293 §3.10.7. */
#include "oracle.h"

static seq32 length(const struct seg *g) { return g->len + !!(g->flags & SYN) + !!(g->flags & FIN); }
static seq32 end_of(const struct seg *g) { return g->seq + length(g); }

static struct verdict nothing(const struct tcb *t) { return (struct verdict){.answer = ANSWER_NONE, .after = *t}; }
static struct verdict acknowledge(const struct tcb *t) { return (struct verdict){.answer = ANSWER_ACK, .seq = t->nxt, .ack = t->rcv_nxt, .after = *t}; }

/* RFC 9293 §3.5.2 groups 1 and 2: with the ACK's number, so that the peer believes it. */
static struct verdict reset(const struct tcb *t, const struct seg *g)
{
	if (g->flags & RST) return nothing(t);
	if (g->flags & ACK) return (struct verdict){.answer = ANSWER_RST, .seq = g->ack, .after = *t};
	return (struct verdict){.answer = ANSWER_RST_ACK, .seq = 0, .ack = end_of(g), .after = *t};
}

static struct verdict over(const struct tcb *t, int err)
{
	struct verdict v = nothing(t);
	v.after.state = TCPS_CLOSED;
	v.err = err;
	return v;
}

/* ---- §3.10.7.2 and §3.10.7.3 ---- */

static struct verdict answer_syn(const struct tcb *t, const struct seg *g, seq32 seq)
{
	struct verdict v = {.answer = ANSWER_SYN_ACK, .seq = seq, .ack = g->seq + 1, .after = *t};
	v.after.state = TCPS_SYN_RECEIVED;
	return v;
}

static struct verdict in_listen(const struct tcb *t, const struct seg *g)
{
	if (g->flags & RST) return nothing(t);
	if (g->flags & ACK) return reset(t, g);
	/* Linux: SYN with FIN is nobody's honest opening. */
	return (g->flags & (SYN | FIN)) == SYN ? answer_syn(t, g, 0) : nothing(t);
}

static struct verdict in_syn_sent(const struct tcb *t, const struct seg *g)
{
	struct verdict v = nothing(t);
	if ((g->flags & ACK) && g->ack != 1) {
		/* Linux: the reset will have made the peer forget, so the SYN goes again at once. */
		v = reset(t, g);
		v.syn_again = true;
		return v;
	}
	if (g->flags & RST) return g->flags & ACK ? over(t, ECONNREFUSED) : v;
	if (!(g->flags & SYN)) return v;
	if (!(g->flags & ACK)) return answer_syn(t, g, 0);
	/* Linux: text and FIN on it are left for the peer to send again. */
	v.after.state = TCPS_ESTABLISHED;
	v.answer = ANSWER_ACK, v.seq = 1, v.ack = g->seq + 1;
	return v;
}

/* ---- §3.10.7.4 ---- */

static bool is_synced(const struct tcb *t) { return t->state != TCPS_SYN_RECEIVED; }

/* First. Table 6 asks for an octet within the window; Linux, once synchronized, for no more than that it touches it at either end (for the sake of
 * the ACKs on such segments). Text is cut to the window by either. */
static bool acceptable(const struct tcb *t, const struct seg *g)
{
	seq32 end = end_of(g);
	if (is_synced(t)) return seq_ge(end, t->rcv_nxt) && seq_le(g->seq, t->edge);
	if (length(g) == 0) return seq_ge(g->seq, t->rcv_nxt) && seq_le(g->seq, t->edge);
	return seq_gt(end, t->rcv_nxt) && seq_lt(g->seq, t->edge);
}

/* Linux: the number of the FIN does for a reset behind it. */
static bool resets_behind_fin(const struct tcb *t, const struct seg *g)
{
	return g->seq == t->rcv_nxt - 1 && (t->state == TCPS_CLOSE_WAIT || t->state == TCPS_CLOSING || t->state == TCPS_LAST_ACK);
}

/* Second; RFC 5961 §3.2. */
static struct verdict take_reset(const struct tcb *t, const struct seg *g)
{
	if (g->seq != t->rcv_nxt && !resets_behind_fin(t, g)) return acceptable(t, g) ? acknowledge(t) : nothing(t);
	return over(t, t->state == TCPS_CLOSE_WAIT ? EPIPE : ECONNRESET);
}

/* Seventh and eighth. */
static struct verdict take_text(struct tcb *t, const struct seg *g)
{
	seq32 end = g->seq + g->len;
	bool fin = g->flags & FIN;
	struct verdict v;
	if (!g->len && !fin) return nothing(t);
	if (t->state != TCPS_ESTABLISHED && t->state != TCPS_FIN_WAIT_1 && t->state != TCPS_FIN_WAIT_2) {
		/* Linux: new text behind a FIN that was taken, in one with old text: nobody will read it, and the peer is told. */
		if (seq_lt(g->seq, t->rcv_nxt) && seq_gt(end, t->rcv_nxt)) {
			v = reset(t, g);
			v.after.state = TCPS_CLOSED;
			v.err = t->state == TCPS_CLOSE_WAIT ? EPIPE : ECONNRESET;
			return v;
		}
		v = acknowledge(t);
		v.answer = ANSWER_MAY_ACK;
		return v;
	}
	if (seq_gt(end, t->edge)) {
		end = t->edge;
		fin = false;
	}
	if (seq_le(g->seq, t->rcv_nxt) && seq_ge(end, t->rcv_nxt)) {
		t->rcv_nxt = end + fin;
		if (fin) t->state = t->state == TCPS_ESTABLISHED ? TCPS_CLOSE_WAIT : t->state == TCPS_FIN_WAIT_1 ? TCPS_CLOSING : TCPS_TIME_WAIT;
	}
	return acknowledge(t);
}

/* Fifth; RFC 5961 §5.2. */
static struct verdict take_ack(const struct tcb *before, const struct seg *g)
{
	struct tcb t = *before;
	if (t.state == TCPS_SYN_RECEIVED) {
		t.state = TCPS_ESTABLISHED;
		t.una = g->ack;
		return take_text(&t, g);
	}
	/* Linux: and what was never sent is too old as well. */
	if (seq_gt(g->ack, t.nxt) || seq_lt(g->ack, t.una - MIN(t.max_wnd, t.una - 1))) return acknowledge(&t);
	if (seq_gt(g->ack, t.una)) t.una = g->ack;
	if (t.fin_sent && t.una == t.nxt) {
		if (t.state == TCPS_LAST_ACK) return over(&t, 0);
		if (t.state == TCPS_CLOSING) {
			t.state = TCPS_TIME_WAIT;
			return nothing(&t);
		}
		if (t.state == TCPS_FIN_WAIT_1) t.state = TCPS_FIN_WAIT_2;
	}
	return take_text(&t, g);
}

static struct verdict in_connection(const struct tcb *t, const struct seg *g)
{
	if ((g->flags & (RST | SYN | ACK)) == SYN && !is_synced(t) && g->seq == 0) {
		/* The peer did not hear our answer: once more. */
		return (struct verdict){.answer = ANSWER_SYN_ACK, .seq = 0, .ack = 1, .after = *t};
	}
	if (g->flags & RST) return take_reset(t, g);
	/* Fifth in the RFC; with Linux before all others. */
	if (is_synced(t) && !(g->flags & (SYN | ACK))) return nothing(t);
	/* Fifth; with Linux before the sequence number. */
	if (!is_synced(t) && g->flags & ACK && g->ack != t->nxt) return reset(t, g);
	if (!acceptable(t, g)) return acknowledge(t);
	/* Fourth; RFC 5961 §4.2. A passive open goes back to LISTEN; Linux tells the peer. */
	if ((g->flags & SYN) && !is_synced(t)) {
		struct verdict v = reset(t, g);
		v.after.state = TCPS_LISTEN;
		return v;
	}
	if (g->flags & SYN) return acknowledge(t);
	if (!(g->flags & ACK)) return nothing(t);
	return take_ack(t, g);
}

/* §3.10.7.4, RFC 1122 §4.2.2.13 and RFC 6191 §2 for SYNs, RFC 1337 for resets: Linux, as the RFC before, lets the exact one end it. */
static struct verdict in_time_wait(const struct tcb *t, const struct seg *g)
{
	if (g->flags & RST) return g->seq == t->rcv_nxt ? over(t, 0) : nothing(t);
	if (g->seq == t->rcv_nxt && !length(g)) return nothing(t);
	if ((g->flags & (SYN | ACK)) == SYN && seq_gt(g->seq, t->rcv_nxt)) return g->flags & FIN ? nothing(t) : answer_syn(t, g, ANY);
	return acknowledge(t);
}

struct verdict oracle(const struct tcb *t, const struct seg *g)
{
	switch (t->state) {
	case TCPS_CLOSED: return reset(t, g);
	case TCPS_LISTEN: return in_listen(t, g);
	case TCPS_SYN_SENT: return in_syn_sent(t, g);
	case TCPS_TIME_WAIT: return in_time_wait(t, g);
	default: return in_connection(t, g);
	}
}
