/*
 * When ACKs go: at once or delayed.
 *
 *     text in order      more than a segment, and the window's edge moves       at once        RFC 9293 §3.8.6.3
 *                        quick: at the start and after trouble                  at once
 *                        else                                                   in ato
 *     a FIN              before any text                                        in a tick of the clock
 *                        else                                                   as text
 *     out of order       the first three                                        at once        RFC 5681 §4.2
 *                        more with SACK                                         within 1 ms, one for many
 *
 * ato adapts to the gap between the peer's segments, from 40 ms up. A connection that answers what it gets is in
 * pingpong: its answers carry the ACKs, which wait for them up to 200 ms. A delayed ACK that nothing carried ends that.
 *
 * Read first: RFC 9293 §3.8.6.3, RFC 5681 §4.2, RFC 9293 SHLD-18.
 */
#include "stack/tcp/conn.h"

#define TCP_TS_SPACE 12u
#define GROWS_WINDOW 128u                  /* smaller segments say nothing of what text takes */

void tcp_need_ack(struct tcp_sock *conn, enum tcp_ack_need need)
{
	conn->ack.need = (uint8_t)MAX(conn->ack.need, need);
}

static void quicken(struct tcp_sock *conn, unsigned max)
{
	unsigned n = conn->rcv.wnd / (2u * MAX(conn->rcv.mss, (uint16_t)1));

	n = MIN(n ? n : 2, max);
	conn->ack.quick = (uint8_t)MAX(conn->ack.quick, n);
}

void tcp_enter_quickack(struct tcp_sock *conn, unsigned max)
{
	quicken(conn, max);
	conn->ack.pingpong = 0;
	conn->ack.ato = TCP_DELACK;
}

/* ---- what comes ---- */

static void adapt_delay(struct tcp_sock *conn)
{
	time_ns gap = conn_now(conn) - conn->when.got_data;

	if (!conn->ack.ato) {
		/* RFC 5681 §4.2 lets us: quick ACKs for the peer's slow start. */
		quicken(conn, TCP_QUICK_ACKS);
		conn->ack.ato = TCP_DELACK;
	} else if (gap <= TCP_DELACK / 2) {
		conn->ack.ato = conn->ack.ato / 2 + TCP_DELACK / 2;
	} else if (gap < conn->ack.ato) {
		conn->ack.ato = MIN(conn->ack.ato / 2 + gap, rtt_timeout(conn));
	} else if (gap > rtt_timeout(conn)) {
		/* So long a gap that the sender's window was lost, or it starts anew. */
		quicken(conn, TCP_QUICK_ACKS);
	}
}

/* The peer's segment size before it has sent any, as Linux guesses it: small, so that it is acknowledged rather too soon. */
void acking_guess(struct tcp_sock *conn)
{
	uint32_t mss = snd_mss(conn), most = MIN(MIN((uint32_t)conn->rcv.adv_mss, mss), conn->rcv.wnd / 2);

	conn->rcv.mss = (uint16_t)MAX(MIN(most, MSS_DEFAULT), TCP_MSS_RCV_MIN);
}

/* The peer's segment size, as far as it shows: a full segment raises the estimate, two of one size that could be full lower it. */
void acking_measure(struct tcp_sock *conn, const struct segment *g)
{
	uint32_t before = conn->rcv.last_len;

	conn->rcv.last_len = 0;
	if (g->whole >= conn->rcv.mss) {
		if (g->whole != conn->rcv.mss) window_scaling(conn, g->whole, g->weight.cost);
		conn->rcv.mss = (uint16_t)MIN(g->whole, conn->rcv.adv_mss);
		/* A full one that is pushed may be the end of what there is. */
		if (g->h.flags & TCP_PSH) conn->ack.pushed = MAX(conn->ack.pushed, 1);
		return;
	}
	if (g->whole >= MSS_DEFAULT - TCP_TS_SPACE || (g->whole >= TCP_MSS_RCV_MIN && !(g->h.flags & (TCP_PSH | TCP_URG | TCP_FIN | TCP_SYN)))) {
		conn->rcv.last_len = (uint16_t)g->whole;
		if (g->whole == before) {
			conn->rcv.mss = (uint16_t)g->whole;
			return;
		}
	}
	conn->ack.pushed = conn->ack.pushed ? 2 : 1;
}

void acking_data(struct tcp_sock *conn, const struct segment *g)
{
	tcp_need_ack(conn, TCP_ACK_DELAYED);
	acking_measure(conn, g);
	adapt_delay(conn);
	conn->when.got_data = conn_now(conn);
	ecn_data_received(conn, g);
	if (g->whole >= GROWS_WINDOW) window_grow(conn, g->whole, g->weight.cost - g->weight.head);
}

/* ---- what goes ---- */

void acking_sent(struct tcp_sock *conn)
{
	bool owed = conn->ack.need != TCP_ACK_NONE;

	conn->ack.need = TCP_ACK_NONE;
	conn->ack.pushed = 0;
	conn_mib_add(conn, TCPEXT_TCPAckCompressed, conn->ack.compressed);
	conn->ack.compressed = 0;
	conn->rcv.dup.start = conn->rcv.dup.end;
	if (owed && conn->ack.quick && --conn->ack.quick == 0) conn->ack.ato = TCP_DELACK;
	timers_set_delack(conn, TIME_NEVER);
}

/* It answers what came a moment ago. */
void acking_data_sent(struct tcp_sock *conn)
{
	if (conn->ack.ato && conn_now(conn) - conn->when.got_data < conn->ack.ato && conn->ack.pingpong < UINT8_MAX) conn->ack.pingpong++;
}

static void delay(struct tcp_sock *conn)
{
	time_ns ato = conn->ack.ato ? conn->ack.ato : TCP_TICK, most = NS_PER_S / 2, due = timer_due(conn_stack(conn), &conn->timer.delack);

	if (ato > TCP_DELACK) {
		/* RFC 9293 §3.8.6.3 (MUST-40): less than half a second. */
		if (conn_answers(conn) || conn->ack.pushed) most = TCP_DELACK_MAX;
		if (conn->rtt.srtt) most = MIN(most, MAX(conn->rtt.srtt, TCP_DELACK));
		ato = MIN(ato, most);
	}
	if (conn->set.delack_max) ato = MIN(ato, conn->set.delack_max * TCP_TICK);
	if (due <= conn_now(conn) + ato / 4 || (!conn->ack.ato && due != TIME_NEVER))
		segment_send_ack(conn);   /* it is about to go off anyway */
	else
		timers_set_delack(conn, MIN(conn_now(conn) + ato, due));
}

/* With SACK one ACK tells of many segments out of order: after three at once, those of a twentieth of the round trip go together. */
static void compress(struct tcp_sock *conn)
{
	const struct sysctl *sys = conn_sysctl(conn);
	time_ns rtt;

	if (!conn->opt.sack || conn->ack.compressed >= sys->tcp_comp_sack_nr) {
		segment_send_ack(conn);
		return;
	}
	if (conn->ack.dups_nxt != conn->rcv.nxt) {
		conn->ack.dups_nxt = conn->rcv.nxt;
		conn->ack.dups = 0;
	}
	if (conn->ack.dups < TCP_DUPACKS) {
		conn->ack.dups++;
		segment_send_ack(conn);
		return;
	}
	rtt = conn->rtt.srtt ? MIN(conn->tune.rtt, conn->rtt.srtt) : conn->tune.rtt;
	if (rtt == 0)
		segment_send_ack(conn);
	else if (conn->ack.compressed++ == 0)
		timers_set_delack(conn, conn_now(conn) + MIN((time_ns)sys->tcp_comp_sack_delay_ns, rtt / 20));
}

/* RFC 9293 §3.8.6.3 (MUST-58, SHLD-18, SHLD-19), RFC 5681 §4.2: at least every second full segment, at once what is out of order. */
void acking_check(struct tcp_sock *conn)
{
	bool two_segments = conn->rcv.nxt - conn->rcv.wup > conn->rcv.mss;
	uint32_t low = (uint32_t)MAX(conn->inet.sk.rcvlowat, 1), unread = conn->rcv.queued + conn->inet.sk.lent;

	if (conn->ack.need == TCP_ACK_NONE || !IN_STATES(conn, STATES_SYNCED)) return;
	/* While the program does not read, the window stays, and its reading will send the ACK. */
	if (two_segments && unread >= low) two_segments = window_wanted(conn) >= conn->rcv.wnd;
	if (two_segments || conn->ack.need == TCP_ACK_NOW || (conn->ack.quick && !conn_answers(conn)) || conn->ack.always)
		segment_send_ack(conn);
	else if (!conn->rcv.ooo)
		delay(conn);
	else
		compress(conn);
}

/* The ACK of the SYN and ACK waits for the first data: TCP_DEFER_ACCEPT at a client, or TCP_QUICKACK off. */
void acking_delay_handshake(struct tcp_sock *conn)
{
	tcp_need_ack(conn, TCP_ACK_DELAYED);
	tcp_enter_quickack(conn, TCP_QUICK_ACKS);
	timers_set_delack(conn, conn_now(conn) + TCP_DELACK_MAX);
}

void acking_timeout(struct tcp_sock *conn)
{
	if (conn->ack.compressed == 0) {
		/* Nothing carried it: delay longer, or, when answers were expected, no more of that. */
		conn->ack.ato = conn_answers(conn) ? TCP_DELACK : MIN(2 * conn->ack.ato, rtt_timeout(conn));
		conn->ack.pingpong = 0;
		conn_mib(conn, TCPEXT_DelayedACKs);
	}
	segment_send_ack(conn);
}
