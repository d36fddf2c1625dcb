/*
 * What ICMP says about segments of ours. A message is believed when the sequence number it quotes may be of one in flight. While
 * the connection is being opened an error ends it, as on Linux; later it is only remembered, to be named when the
 * connection times out, or shown at once to a program that asked for that with IP_RECVERR.
 *
 * Read first: RFC 5927 §4 and §7, RFC 5461, RFC 9293 §3.9.2.2 (MUST-54, MUST-56, SHLD-25), RFC 1191.
 */
#include "stack/inet/errqueue.h"
#include "stack/inet/redirect.h"
#include "stack/tcp/conn.h"

/* RFC 1191 §6.4, RFC 8201 §5.4: what was too large is cut anew, and sent again. */
static void path_mtu_shrank(struct tcp_sock *conn, const struct ip_error *e)
{
	uint16_t before = conn->snd.mss;

	/* As Linux over IPv6: what would not make segments smaller is not even learnt. */
	if (!addr_is_v4(&e->dst) && !conn_is_narrower(conn, e->mtu_bytes)) return;
	ip_pmtu_learn(conn_stack(conn), e);
	conn_update_mss(conn);
	if (conn->snd.mss >= before || !IN_STATES(conn, STATES_SYNCED)) return;
	recovery_resegment(conn);
	tcp_output(conn);
}

/* As Linux, where IPv4 and IPv6 differ. */
static bool ends_embryo(const struct ip_error *e)
{
	if (!addr_is_v4(&e->dst)) return e->hard;
	return e->icmp_type == ICMP4_UNREACH ? e->icmp_code <= 1 : e->icmp_type == ICMP4_TIME_EXCEEDED || e->icmp_type == ICMP4_PARAM_PROBLEM;
}

static void report(struct tcp_sock *conn, const struct ip_error *e)
{
	if (conn->embryo) {
		if (ends_embryo(e)) conn_free(conn);
	} else if (IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED)) && !conn->accepted) {
		/* RFC 5461 §4.1, as Linux: it ends the attempt; the message itself is in the error queue, over IPv6 if that was asked for. */
		if (addr_is_v4(&e->dst) || conn->inet.recverr6) errqueue_put_icmp(&conn->inet, e, conn->inet.rport, e->quote, e->quote_len);
		conn_fail(conn, e->err);
	} else if (conn->inet.recverr || conn->inet.recverr6) {
		/* RFC 9293 §3.9.1.8 (SHLD-20): told at once to those who asked only. RFC 5927 §5.2: to a synchronized connection all errors are soft. */
		sock_set_error(&conn->inet.sk, e->err);
	} else {
		conn->trouble.soft_err = e->err;
	}
}

void tcp_error(struct stack *s, const struct ip_error *e)
{
	struct inet_sock *is;
	struct tcp_sock *conn;
	seq32 seq;

	if (e->quote_len < 8) return;
	is = flow_lookup(s->tcp->ports, &e->src, read16(e->quote), &e->dst, read16(e->quote + 2));
	if (!is) return;
	conn = tcp_of(&is->sk);
	seq = read32(e->quote + 4);
	/* RFC 5927 §4.1: only of a segment that may be in flight; as on Linux, a bare ACK is one. */
	if (seq_lt(seq, conn->snd.una) || seq_gt(seq, conn->snd.nxt) || (conn->embryo && seq != conn->snd.una)) {
		conn_mib(conn, TCPEXT_OutOfWindowIcmps);
		return;
	}
	if (e->redirect)
		redirect_take(s, e->redirect);
	else if (e->mtu_bytes)
		path_mtu_shrank(conn, e);
	else
		report(conn, e);
}
