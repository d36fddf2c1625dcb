/*
 * Explicit congestion notification.
 *
 *     SYN  ECE CWR ──►                       net.ipv4.tcp_ecn: 0 never, 1 asked for and given, 2 given to who asks
 *          ◄── SYN ACK  ECE
 *     data ECT(0) ──► router marks CE ──►    the receiver sets ECE in every ACK until it sees CWR
 *     CWR in the next new data               the sender reduces cwnd, once a window (prr.c, phase CWR)
 *
 * New data alone is ECT: no SYN, no bare ACK, no retransmission, no probe (RFC 3168 §6.1.4-6.1.6).
 *
 * Read first: RFC 3168 §6.1.
 */
#include "stack/tcp/conn.h"

#define ECT_0 2u
#define CE 3u
#define QUICK_AFTER_CE 2u

/* ---- negotiation ---- */

static bool route_wants(struct tcp_sock *conn) { return conn_metric(conn, RTAX_FEATURES) & RTAX_FEATURE_ECN; }

uint8_t ecn_syn_flags(struct tcp_sock *conn, uint8_t flags)
{
	/* RFC 3168 §6.1.1 */
	if (flags & TCP_ACK) return conn->opt.ecn & TCP_ECN_OK ? TCP_ECE : 0;
	if (conn_sysctl(conn)->tcp_ecn != 1 && !route_wants(conn)) return 0;
	/* RFC 3168 §6.1.1.1: a path that swallows such SYNs gets plain ones: Linux, from the first repetition on. */
	conn->opt.ecn = conn->trouble.retries && conn_sysctl(conn)->tcp_ecn_fallback ? 0 : TCP_ECN_OK;
	return conn->opt.ecn ? TCP_ECE | TCP_CWR : 0;
}

/* A SYN came to a listener. */
void ecn_syn_received(struct tcp_sock *conn, const struct segment *g)
{
	bool asks = (g->h.flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);

	conn->opt.ecn = asks && (conn_sysctl(conn)->tcp_ecn || route_wants(conn)) && g->ecn == 0 ? TCP_ECN_OK : 0;
}

/* The answer to our SYN. */
void ecn_syn_answered(struct tcp_sock *conn, const struct segment *g)
{
	if ((g->h.flags & (TCP_ECE | TCP_CWR)) != TCP_ECE) conn->opt.ecn = 0;
}

/* ---- receiving ---- */

/* RFC 3168 §6.1.3: the sender has heard. As Linux: also when a bare ACK says so. */
void ecn_cwr_received(struct tcp_sock *conn, const struct segment *g)
{
	if (!(g->h.flags & TCP_CWR) || !(conn->opt.ecn & TCP_ECN_OK)) return;
	conn->opt.ecn &= (uint8_t)~TCP_ECN_DEMAND;
	/* As Linux: the sender, whose window is small now, should not wait for this ACK. */
	if (segment_end(g) == g->h.seq + g->len && g->len) tcp_need_ack(conn, TCP_ACK_NOW);
}

/* As Linux: what comes once a connection is open is remembered though nothing was agreed; else what text that is taken brings. */
void ecn_seen(struct tcp_sock *conn, const struct segment *g)
{
	if (g->ecn && !(conn->opt.ecn & TCP_ECN_OK)) conn->opt.ecn |= TCP_ECN_SEEN;
}

void ecn_data_received(struct tcp_sock *conn, const struct segment *g)
{
	if (!(conn->opt.ecn & TCP_ECN_OK)) return;
	if (g->ecn == CE) {
		if (!(conn->opt.ecn & TCP_ECN_DEMAND)) tcp_enter_quickack(conn, QUICK_AFTER_CE);
		conn->opt.ecn |= TCP_ECN_DEMAND | TCP_ECN_SEEN;
	} else if (g->ecn) {
		conn->opt.ecn |= TCP_ECN_SEEN;
	} else if (conn->opt.ecn & TCP_ECN_SEEN) {
		/* Not ECT though this flow's data is: most likely a retransmission. */
		tcp_enter_quickack(conn, QUICK_AFTER_CE);
	}
}

/* ---- sending ---- */

bool ecn_echoed(const struct tcp_sock *conn, const struct segment *g)
{
	return (g->h.flags & (TCP_ECE | TCP_SYN)) == TCP_ECE && (conn->opt.ecn & TCP_ECN_OK);
}

/* Flags of a segment that is no SYN, and its ECN field; is_new: it carries octets never sent before. */
uint8_t ecn_flags(struct tcp_sock *conn, bool is_new, uint8_t *ret_field)
{
	uint8_t flags = conn->opt.ecn & TCP_ECN_DEMAND ? TCP_ECE : 0;

	*ret_field = 0;
	if (!(conn->opt.ecn & TCP_ECN_OK) || !is_new) return flags;
	*ret_field = ECT_0;
	if (!(conn->opt.ecn & TCP_ECN_CWR)) return flags;
	/* RFC 3168 §6.1.2: on the first new data after the reduction. */
	conn->opt.ecn &= (uint8_t)~TCP_ECN_CWR;
	return flags | TCP_CWR;
}

void ecn_reduced(struct tcp_sock *conn)
{
	if (conn->opt.ecn & TCP_ECN_OK) conn->opt.ecn |= TCP_ECN_CWR;
}

void ecn_reduction_undone(struct tcp_sock *conn)
{
	conn->opt.ecn &= (uint8_t)~TCP_ECN_CWR;
}
