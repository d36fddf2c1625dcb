/*
 * Urgent data, which the socket interface shows as one octet out of band.
 *
 *     sent:      up = the octet after the urgent one, in every segment until it is acknowledged
 *     received:  rcv.up = the urgent octet itself; recv stops before it (the mark), and passes over it unless SO_OOBINLINE
 *
 * The octet is awaited when a pointer ahead arrives, valid once it is there, read after recv with MSG_OOB. A newer
 * pointer replaces an older one, whose octet then is ordinary data, as on Linux, unless all before it has been read: then it is gone.
 *
 * Read first: RFC 9293 §3.8.5, RFC 6093, tcp(7).
 */
#include "stack/tcp/conn.h"
#include <errno.h>

/* The octet next to be read by the program. */
static seq32 read_seq(const struct tcp_sock *conn) { return conn->rcv.nxt - (conn->rcv.done ? 1 : 0) - conn->rcv.queued; }

/* It is in the way of the reader: neither passed nor replaced. */
static bool is_pending(const struct tcp_sock *conn)
{
	return conn->rcv.urg != TCP_URG_NONE && seq_ge(conn->rcv.up, read_seq(conn));
}

/* As Linux: counted from where the header begins, so that when the octet was lost, and text from right behind it comes, it is one of the header. */
static void fetch(struct tcp_sock *conn, const struct segment *g)
{
	uint32_t hdr_len = (uint32_t)(packet_off(g->p) - g->p->trans_off), at = conn->rcv.up - g->h.seq + hdr_len;

	if (conn->rcv.urg != TCP_URG_AWAITED || at >= hdr_len + g->len) return;
	conn->rcv.urg = TCP_URG_VALID;
	conn->rcv.urg_octet = g->p->head[g->p->trans_off + at];
	sock_ready(&conn->inet.sk);
}

static void replace(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;

	if (urgent_at_mark(conn) && !sk->oobinline && sk->lent == 0 && sk->beside == 0 && conn->rcv.queued > 0) conn_take_out(conn, 1);
}

void urgent_receive(struct tcp_sock *conn, const struct segment *g)
{
	/* RFC 9293 §3.8.5 (MUST-62) has it name the last octet; what is sent, and what everybody reads, is the one after. */
	seq32 up = g->h.seq + (g->h.urg && !conn_sysctl(conn)->tcp_stdurg ? g->h.urg - 1u : g->h.urg);
	bool known = conn->rcv.urg != TCP_URG_NONE && seq_le(up, conn->rcv.up);

	if ((g->h.flags & TCP_URG) && !known && seq_ge(up, conn->rcv.nxt)) {
		replace(conn);
		conn->rcv.up = up;
		conn->rcv.urg = TCP_URG_AWAITED;
		conn->rcv.urgents++;
		sock_ready(&conn->inet.sk);
	}
	fetch(conn, g);
}

void urgent_send(struct tcp_sock *conn)
{
	conn->snd.up = snd_end(conn);
	conn->snd.urgent = true;
}

/* recv(MSG_OOB): 1, or the errno. */
int urgent_read(struct tcp_sock *conn, struct sock_msg *m)
{
	/* As Linux: nothing urgent, or taken already, or in the stream. */
	if (conn->inet.sk.oobinline || conn->rcv.urg == TCP_URG_NONE || conn->rcv.urg == TCP_URG_READ) return -EINVAL;
	if (conn->state == TCPS_CLOSED && !conn->rcv.done) return -ENOTCONN;
	if (conn->rcv.urg == TCP_URG_VALID) {
		if (!(m->flags & MSG_PEEK)) conn->rcv.urg = TCP_URG_READ;
		m->flags = MSG_OOB | (m->len ? 0 : MSG_TRUNC);
		if (m->len) *(uint8_t *)m->data = conn->rcv.urg_octet;
		return m->len ? 1 : 0;
	}
	if (conn->state == TCPS_CLOSED || (conn->inet.sk.shut & 1)) return 0;
	return -EAGAIN;
}

bool urgent_at_mark(const struct tcp_sock *conn)
{
	return is_pending(conn) && conn->rcv.up == read_seq(conn);
}

uint32_t urgent_span(const struct tcp_sock *conn)
{
	uint32_t before = conn->rcv.up - read_seq(conn);

	if (!is_pending(conn) || before == 0) return conn->rcv.queued;
	return MIN(before, conn->rcv.queued);
}

void urgent_passed(struct tcp_sock *conn)
{
	if (conn->rcv.urg != TCP_URG_NONE && !is_pending(conn)) conn->rcv.urg = TCP_URG_NONE;
}
