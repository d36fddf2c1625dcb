/*
 * recv: messages, and notifications, in the order in which they came. A read takes octets of one message; MSG_EOR says that they are its last.
 *
 * Read first: RFC 6458 §5.3, §3.1.4, §8.1.20, Linux's sctp_recvmsg.
 */
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/errqueue.h"
#include "stack/sctp/assoc.h"
#include "stack/socket/ancillary.h"

struct in_msg *in_msg_new(struct assoc *a)
{
	struct in_msg *m = calloc(1, sizeof *m);

	if (!m) return NULL;
	list_init(&m->node);
	list_init(&m->pieces);
	m->assoc = a;
	m->assoc_id = a->id;
	m->from = a->heard ? a->heard->addr : a->primary->addr;
	m->from_port = a->rport;
	m->context = a->set.rcv_context;
	m->when = assoc_now(a);
	m->whole = true;
	return m;
}

void in_msg_free(struct in_msg *m)
{
	while (!list_empty(&m->pieces)) free(list_entry(list_pop(&m->pieces), struct in_piece, node));
	list_remove(&m->node);
	free(m);
}

void rcvq_put(struct sctp_sock *so, struct in_msg *m)
{
	/* What comes after shutdown(SHUT_RD) or close() is nobody's. */
	if (so->inet.sk.closed) {
		in_msg_free(m);
		return;
	}
	list_append(&so->rcvq, &m->node);
	sock_ready(&so->inet.sk);
}

/* ---- which one ---- */

static bool is_readable(const struct in_msg *m) { return m->whole || m->len > m->taken; }

/* While a message is delivered in part others wait, unless the program wants those of other associations in between. */
struct in_msg *first_readable(const struct sctp_sock *so)
{
	struct in_msg *partial = NULL;

	list_each(struct in_msg, m, &so->rcvq, node) {
		if (partial && m->assoc_id == partial->assoc_id) continue;
		if (is_readable(m)) return m;
		if (so->interleave == 0) return NULL;
		partial = m;
	}
	return NULL;
}

/* ---- what of it ---- */

static size_t copy_out(const struct in_msg *m, uint8_t *to, size_t len)
{
	size_t skip = m->taken, done = 0;

	list_each(struct in_piece, q, &m->pieces, node) {
		size_t n = MIN(q->len - MIN(skip, q->len), len - done);
		if (n) memcpy(to + done, q->data + skip, n);
		skip -= MIN(skip, q->len);
		done += n;
		if (done == len) break;
	}
	return done;
}

/* Pieces that were read wholly give their room back. */
static void consume(struct in_msg *m, size_t n)
{
	uint32_t freed = 0;

	m->taken += (uint32_t)n;
	list_each(struct in_piece, q, &m->pieces, node) {
		if (q->len > m->taken) break;
		m->taken -= q->len;
		m->len -= q->len;
		freed += q->len + (uint32_t)sizeof *q;
		list_remove(&q->node);
		free(q);
	}
	m->charge -= MIN(freed, m->charge);
	if (m->assoc && !m->notification && freed) rcv_consumed(m->assoc, freed);
}

static void put_info(const struct sctp_sock *so, const struct in_msg *m, struct cmsg_out *o)
{
	struct sctp_sndrcvinfo old = {.sinfo_stream = m->stream, .sinfo_ssn = m->ssn, .sinfo_flags = m->flags, .sinfo_ppid = m->ppid,
				      .sinfo_context = m->context, .sinfo_tsn = m->tsn, .sinfo_cumtsn = m->cum, .sinfo_assoc_id = m->assoc_id};
	struct sctp_rcvinfo info = {.rcv_sid = m->stream, .rcv_ssn = m->ssn, .rcv_flags = m->flags, .rcv_ppid = m->ppid, .rcv_tsn = m->tsn,
				    .rcv_cumtsn = m->cum, .rcv_context = m->context, .rcv_assoc_id = m->assoc_id};
	uint32_t events = m->assoc ? m->assoc->set.events : so->set.events;

	if (so->rcvinfo) cmsg_put(o, IPPROTO_SCTP, SCTP_RCVINFO, &info, sizeof info);
	if (events & 1) cmsg_put(o, IPPROTO_SCTP, SCTP_SNDRCV, &old, sizeof old);
}

static void put_next(const struct sctp_sock *so, const struct in_msg *m, struct cmsg_out *o)
{
	const struct in_msg *next = m->node.next == &so->rcvq ? NULL : list_entry(m->node.next, struct in_msg, node);
	struct sctp_nxtinfo info;

	if (!so->nxtinfo || !next) return;
	info = (struct sctp_nxtinfo){.nxt_sid = next->stream, .nxt_flags = (uint16_t)(next->flags | (next->notification ? SCTP_NOTIFICATION : 0)),
				     .nxt_ppid = next->ppid, .nxt_length = next->len - next->taken, .nxt_assoc_id = next->assoc_id};
	cmsg_put(o, IPPROTO_SCTP, SCTP_NXTINFO, &info, sizeof info);
}

static void put_name(const struct sctp_sock *so, const struct in_msg *m, struct sock_msg *out)
{
	struct sockaddr_storage ss;
	socklen_t len = 0;

	if (out->name) {
		sctp_addr_show(so, &m->from, m->from_port, &ss, &len);
		memcpy(out->name, &ss, MIN(len, out->name_len));
	}
	out->name_len = len;
}

/* As Linux's sctp_wait_for_packet, which only a call that waits comes to. */
int sctp_nothing_to_read(struct sock *sk)
{
	const struct sctp_sock *so = sctp_of(sk);

	if (first_readable(so) || sk->err || sk->shut & 1) return -EAGAIN;   /* it has come since: recv says what */
	return list_empty(&so->assocs) && !sk->listening ? -ENOTCONN : -EAGAIN;
}

static ssize_t recv_nothing(struct sctp_sock *so)
{
	struct sock *sk = &so->inet.sk;

	if (sk->err) return -sock_take_error(sk);
	return sk->shut & 1 ? 0 : -EAGAIN;
}

ssize_t sctp_recv(struct sock *sk, struct sock_msg *out)
{
	struct sctp_sock *so = sctp_of(sk);
	struct cmsg_out o = cmsg_out_begin(out);
	int flags = out->flags;
	struct in_msg *m;
	size_t n;
	bool last;

	if (flags & MSG_ERRQUEUE) return errqueue_recv(&so->inet, out);
	out->flags = 0;
	out->control_len = 0;
	if (!so->many && !so->peeled && sk->listening) {
		out->name_len = 0;
		return -ENOTCONN;
	}
	m = first_readable(so);
	if (!m) {
		out->name_len = 0;
		return recv_nothing(so);
	}
	n = copy_out(m, out->data, out->len);
	last = m->whole && m->taken + n == m->len;
	put_name(so, m, out);
	if (m->notification) out->flags |= MSG_NOTIFICATION;
	else put_info(so, m, &o);
	if (last) put_next(so, m, &o);
	cmsg_put_timestamp(&o, sk, m->when);
	cmsg_out_end(&o, out);
	if (last) out->flags |= MSG_EOR;
	if (flags & MSG_PEEK) return (ssize_t)n;
	consume(m, n);
	if (last) in_msg_free(m);
	return (ssize_t)n;
}
