/* What a host needs to know that carries a connection's octets past the stack: see tcp.h. */
#include <errno.h>
#include "stack/socket/family.h"
#include "stack/socket/stamping.h"
#include "stack/tcp/conn.h"

static bool is_plain(const struct tcp_sock *conn)
{
	const struct sock *sk = &conn->inet.sk;
	if (conn->state != TCPS_ESTABLISHED || sk->ops != &tcp_ops) return false;
	return sk->shut == 0 && sk->err == 0 && !sk->closed && conn->rcv.urg == TCP_URG_NONE && !conn->snd.urgent;
}

struct sock *tcp_other_end(const struct sock *sk, struct stack *s)
{
	if (!tcp_is(sk) || !is_plain(tcp_of(sk))) return NULL;
	const struct inet_sock *is = &tcp_of(sk)->inet;
	struct inet_sock *other = flow_lookup(s->tcp->ports, &is->raddr, is->rport, &is->laddr, is->lport);
	return other && is_plain(tcp_of(&other->sk)) ? &other->sk : NULL;
}

bool tcp_at_mark(const struct sock *sk) { return sk->ops == &tcp_ops && urgent_at_mark(tcp_of(sk)); }

bool tcp_stamps_received(const struct sock *sk)
{
	bool tells = sk->timestamping & STAMPS_REPORTED && sk->timestamping & STAMPS_OF_RECEIVED;

	return tcp_is(sk) && (sk->timestamp || sk->timestamp_ns || tells);
}

bool tcp_is_asked(const struct sock *sk) { return tcp_is(sk) && sk->ops->asked; }

bool tcp_wants_asking(const struct sock *sk) { return tcp_is(sk) && (tcp_stamps_received(sk) || tcp_of(sk)->repair.on); }

void tcp_ask(struct sock *sk)
{
	if (sk->ops == &tcp_ops) sk->ops = &tcp_asked_ops;
	sock_ready(sk);
}

bool tcp_ask_no_more(struct sock *sk)
{
	if (sk->ops != &tcp_asked_ops || tcp_wants_asking(sk)) return false;
	sk->ops = &tcp_ops;
	sock_ready(sk);
	return true;
}

bool tcp_tells_inq(const struct sock *sk) { return sk->ops == &tcp_ops && tcp_of(sk)->set.inq; }

bool tcp_sends_stamped(const struct sock *sk) { return sk->ops == &tcp_ops && sk->timestamping & STAMPS_OF_SENT; }

bool tcp_is_corked(const struct sock *sk) { return sk->ops == &tcp_ops && tcp_of(sk)->set.cork; }

bool tcp_needs_stack(const struct sock *sk)
{
	const struct tcp_sock *conn = tcp_of(sk);
	return sk->ops == &tcp_ops && (conn->inet.min_ttl || conn->inet.min_hops || conn->set.notsent_lowat);
}

bool tcp_is_done(const struct sock *sk) { return sk->ops == &tcp_ops && tcp_of(sk)->rcv.done; }

bool tcp_owes_ack(const struct sock *sk) { return sk->ops == &tcp_ops && window_read_acks(tcp_of(sk)); }

uint32_t tcp_urgents(const struct sock *sk) { return tcp_is(sk) ? tcp_of(sk)->rcv.urgents : 0; }

void tcp_passed(struct sock *sk, bool in, bool out)
{
	if (sk->ops != &tcp_ops) return;
	if (in && !tcp_of(sk)->ack.ato) tcp_of(sk)->ack.ato = TCP_DELACK;
	tcp_of(sk)->snd.passed |= out;
}

bool tcp_all_arrived(const struct sock *from, const struct sock *to)
{
	const struct tcp_sock *a = tcp_of(from), *b = tcp_of(to);
	return snd_end(a) == b->rcv.nxt && b->rcv.queued == 0;
}

int tcp_take_back(struct sock *sk, const uint8_t *octets, size_t len, size_t lent)
{
	struct tcp_sock *conn = tcp_of(sk);
	struct list back = LIST_INIT(back), *n;

	for (size_t at = 0, piece; at < len; at += piece) {
		piece = MIN(len - at, (size_t)PACKET_MAX);
		struct packet *p = packet_new(0, piece);
		if (!p) {
			while ((n = list_pop(&back))) packet_free(list_entry(n, struct packet, node));
			return -ENOMEM;
		}
		memcpy(p->data, octets + at, piece);
		list_prepend(&back, &p->node);
	}
	while ((n = list_pop(&back))) list_prepend(&conn->rcv.queue, n);
	conn->rcv.queued += (uint32_t)len;
	sk->lent -= (uint32_t)lent;
	sk->beside = 0;
	return 0;
}

void tcp_break(struct sock *sk)
{
	struct tcp_sock *conn = tcp_of(sk);
	if (conn->state == TCPS_CLOSED) return;
	segment_send_reset(conn);
	conn_fail(conn, ECONNRESET);
}
