/*
 * What a program asks of a TCP socket. No call blocks: -EAGAIN and -EINPROGRESS say "not now", sock_ready when to ask
 * again. The order in which errors are looked at is Linux's: pending error, then the shut half, then the state.
 *
 * Read first: RFC 9293 §3.9.1, tcp(7), connect(2), shutdown(2), send(2), recv(2), poll(2).
 */
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "stack/inet/facts.h"
#include "stack/inet/errqueue.h"
#include "stack/socket/stamping.h"
#include "stack/socket/family.h"
#include "stack/tcp/ulp.h"

/* ---- bind ---- */

static void unbind(struct inet_sock *is, bool addr_was_bound)
{
	port_release(is);
	is->addr_bound = addr_was_bound;
	is->lport = 0;
	is->v6only = is->v6only && is->sk.domain == AF_INET6;
	inet_sock_reset_addr(is);
}

/* The port table knows sockets; connections in TIME-WAIT hold their ports too. */
static int tcp_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct inet_sock *is = &tcp_of(sk)->inet;
	bool addr_was_bound = is->addr_bound;
	int r;

	if (tcp_of(sk)->state == TCPS_CLOSED) is->rport = 0;   /* as on Linux a connection that has ended leaves a socket that can be bound */
	for (unsigned tries = 0; tries < 65536; tries++) {
		r = inet_bind(sk, a, len);
		if (r < 0 || sk->reuseaddr == REUSE_FORCED || !timewait_blocks_bind(sk->stack, is)) return r;
		r = is->port_bound;
		unbind(is, addr_was_bound);
		if (r) break;
	}
	return -EADDRINUSE;
}

/* ---- listen, accept ---- */

static int tcp_listen(struct sock *sk, int backlog)
{
	return listen_start(tcp_of(sk), backlog);
}

static int tcp_accept(struct sock *sk, struct sock **ret)
{
	struct tcp_sock *child;
	int r = listen_accept(tcp_of(sk), &child);

	if (r == 0) *ret = &child->inet.sk;
	return r;
}

/* ---- send ---- */

/* 0 when data can be queued. */
static int send_refused(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;

	if (sk->err) return -sock_take_error(sk);
	if (conn->fastopen.unproven && conn->state == TCPS_SYN_RECEIVED) return sk->shut & 2 ? -EPIPE : 0;
	if (IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED))) return -EAGAIN;
	if (!IN_STATES(conn, S_(ESTABLISHED) | S_(CLOSE_WAIT)) || (sk->shut & 2)) return -EPIPE;
	return 0;
}

/* What was queued just now leaves, as far as it may. */
static void send_queued(struct tcp_sock *conn, bool more)
{
	conn->snd.more = more;
	/* As Linux: what is announced to go on is not pushed, but each half of the largest window is. */
	if (!more || seq_gt(snd_end(conn), conn->snd.pushed + conn->snd.max_wnd / 2)) conn->snd.pushed = snd_end(conn);
	tcp_output(conn);
	conn->snd.more = false;
}

/* As Linux: packet by packet, and those that are full may leave before the rest is there. Returns how many octets there was room for. */
static ssize_t queue(struct tcp_sock *conn, const uint8_t *data, size_t n, bool urgent)
{
	size_t done = 0, room;

	while (done < n && (room = wmem_room(conn, urgent)) > 0) {
		uint32_t whole = cuts_room(conn, urgent), part = (uint32_t)MIN(n - done, room);
		int r = ring_append(&conn->snd.queue, data + done, part);
		if (r < 0) return done ? (ssize_t)done : r;
		done += part;
		if (part == whole && !urgent && done < n) output_full(conn);
	}
	return (ssize_t)done;
}

static bool has_room(struct tcp_sock *conn, bool room)
{
	if (room) return true;
	chrono_refused(conn, true);
	conn->nospace = true;
	return false;
}

ssize_t tcp_send(struct sock *sk, const struct sock_msg *m)
{
	struct tcp_sock *conn = tcp_of(sk);
	size_t n;
	struct send_control control = send_control_of(sk);
	ssize_t r = !conn->repair.on && fastopen_wanted(conn, m->flags) ? fastopen_send(conn, m) : 0;

	if (r) return r;
	rate_check_program(conn);
	/* As Linux: after the state, before what is shut or pending. */
	if (m->control_len && (IN_STATES(conn, S_(ESTABLISHED) | S_(CLOSE_WAIT)) || conn->fastopen.unproven)) r = send_control_read_all(sk, m, &control);
	if (r == 0) r = send_refused(conn);
	if (r < 0 || repair_send(conn, m, &r)) return r;
	if (m->len && !has_room(conn, wmem_room(conn, m->flags & MSG_OOB))) return -EAGAIN;
	if (m->unread) return -EFAULT;
	r = queue(conn, m->data, m->len, m->flags & MSG_OOB);
	if (r < 0) return r;
	n = (size_t)r;
	chrono_refused(conn, n < m->len);
	if (n < m->len) conn->nospace = true;
	if (n) chrono_queued(conn);
	if (m->flags & MSG_ZEROCOPY && sk->zerocopy && n == m->len) errqueue_put_zerocopy(&conn->inet);
	if (n && (m->flags & MSG_OOB)) urgent_send(conn);
	if (n && control.stamps && (!m->call_len || n == m->call_len)) stamps_note(conn, control.stamps);
	if (n && n == m->len && (m->flags & MSG_EOR)) cuts_eor(conn);
	send_queued(conn, (m->flags & MSG_MORE) && n == m->len);
	return (ssize_t)n;
}

bool tcp_has_room(struct tcp_sock *conn) { return has_room(conn, wmem_has_memory(conn)); }

int tcp_put(struct tcp_sock *conn, const void *data, size_t len, bool more)
{
	int r = send_refused(conn);

	if (r < 0) return r;
	cuts_room(conn, false);               /* all of it goes in one packet, be that last or new */
	r = ring_append(&conn->snd.queue, data, len);
	if (r < 0) return r;
	rate_check_program(conn);
	chrono_queued(conn);
	send_queued(conn, more);
	return 0;
}

/* ---- receive ---- */

/* Copies octets of the receive queue from offset on; to NULL: copies nothing. */
static void copy_out(const struct tcp_sock *conn, size_t offset, uint8_t *to, size_t len)
{
	if (!to) return;
	list_each(struct packet, p, &conn->rcv.queue, node) {
		size_t n = p->len > offset ? MIN(p->len - offset, len) : 0;
		memcpy(to, p->data + (n ? offset : 0), n);
		offset -= MIN(offset, p->len);
		to += n;
		len -= n;
		if (!len) return;
	}
}

void tcp_look(const struct tcp_sock *conn, void *to, size_t len) { copy_out(conn, 0, to, len); }

void conn_take_out(struct tcp_sock *conn, size_t len)
{
	conn->rcv.queued -= (uint32_t)len;
	while (len) {
		struct packet *p = list_first(&conn->rcv.queue, struct packet, node);
		size_t n = MIN(len, p->len);
		packet_pull(p, n);
		len -= n;
		if (p->len) return;
		list_remove(&p->node);
		packet_free(p);
	}
}

static ssize_t recv_nothing(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;

	if (conn->rcv.done) return 0;
	if (sk->err) return -sock_take_error(sk);
	if (sk->shut & 1) return 0;
	return conn->state == TCPS_CLOSED ? -ENOTCONN : -EAGAIN;
}

/* When the octet before offset came, or the first; 0: nobody knows. */
static time_ns arrival_at(const struct tcp_sock *conn, size_t offset)
{
	list_each(struct packet, p, &conn->rcv.queue, node) {
		if (p->len >= offset) return p->when;
		offset -= p->len;
	}
	return 0;
}

static ssize_t recv_stream(struct tcp_sock *conn, struct sock_msg *m, int flags, time_ns *arrival)
{
	struct sock *sk = &conn->inet.sk;
	/* The urgent octet is not part of the stream: passed over without a word. */
	size_t skip = urgent_at_mark(conn) && !sk->oobinline && conn->rcv.queued ? 1 : 0;
	size_t n = conn->rcv.queued - skip, over = flags & MSG_PEEK ? m->offset : 0;

	if (!skip) n = MIN(n, urgent_span(conn));
	if (over && over >= n) return -EAGAIN;
	n = MIN(n - over, m->len);
	if (tcp_stamps_received(sk)) *arrival = arrival_at(conn, skip + n);
	if (m->len == 0 && conn->rcv.queued) return 0;
	if (!n && !(flags & MSG_PEEK)) {
		conn_take_out(conn, skip);
		urgent_passed(conn);
	}
	if (!n) return recv_nothing(conn);
	if (flags & MSG_TRUNC) m->data = NULL;
	copy_out(conn, skip + over, m->data, n);
	if (flags & MSG_PEEK) return (ssize_t)n;
	conn_take_out(conn, skip + n);
	urgent_passed(conn);
	if (flags & MSG_LEND)
		sk->lent += (uint32_t)n;
	else
		window_consumed(conn);
	return (ssize_t)n;
}

int tcp_nothing_to_read(struct sock *sk) { return tcp_is(sk) ? (int)recv_nothing(tcp_of(sk)) : -EAGAIN; }

ssize_t tcp_recv(struct sock *sk, struct sock_msg *m)
{
	struct tcp_sock *conn = tcp_of(sk);
	int flags = m->flags;
	struct cmsg_out o = cmsg_out_begin(m);
	time_ns arrival = 0;
	ssize_t n;

	if (flags & MSG_ERRQUEUE) return errqueue_recv(&conn->inet, m);
	m->name_len = 0;
	m->control_len = 0;
	if (conn->state == TCPS_LISTEN) return -ENOTCONN;
	if (flags & MSG_OOB) return urgent_read(conn, m);
	if (repair_recv(conn, m, flags, &n)) return n;
	m->flags = 0;
	n = recv_stream(conn, m, flags, &arrival);
	if (n < 0) return n;
	if (arrival) cmsg_put_timestamp(&o, sk, arrival);
	/* TCP_INQ; as Linux: the end counts as one. */
	if (conn->set.inq) cmsg_put_int(&o, IPPROTO_TCP, TCP_INQ, (int)conn->rcv.queued + conn->rcv.done);
	cmsg_out_end(&o, m);
	return n;
}

static void tcp_consumed(struct sock *sk)
{
	window_consumed(tcp_of(sk));
}

/* ---- shutdown, close ---- */

/* RFC 9293 §3.10.4: a FIN follows what is queued. */
static void send_fin(struct tcp_sock *conn)
{
	if (!IN_STATES(conn, S_(SYN_RECEIVED) | S_(ESTABLISHED) | S_(CLOSE_WAIT))) return;
	conn->snd.fin = true;
	chrono_queued(conn);
	if (conn->state == TCPS_ESTABLISHED || conn->fastopen.unproven)
		conn_enter(conn, TCPS_FIN_WAIT_1);
	else if (conn->state == TCPS_CLOSE_WAIT)
		conn_enter(conn, TCPS_LAST_ACK);
	tcp_output(conn);
}

static int tcp_shutdown(struct sock *sk, int how)
{
	struct tcp_sock *conn = tcp_of(sk);
	uint8_t halves = (uint8_t)(how + 1);
	bool unconnected = conn->state == TCPS_CLOSED;

	/* As Linux: after this only connect to AF_UNSPEC makes a socket of it again whose connection came to nothing. */
	if (conn->use == TCP_CONNECTING) conn->use = IN_STATES(conn, S_(CLOSED) | S_(SYN_RECEIVED)) ? TCP_DISCONNECTING : TCP_CONNECTED;
	if (conn->state == TCPS_SYN_SENT || (conn->state == TCPS_LISTEN && (halves & 1))) {
		conn_disconnect(conn);
		return 0;
	}
	sock_stir(sk);
	if (conn->state == TCPS_LISTEN) return 0;
	sk->shut |= halves;
	/* As Linux: while a Fast Open is to be proven, the FIN waits for that. */
	if ((halves & 2) && !conn->fastopen.unproven) send_fin(conn);
	return unconnected ? -ENOTCONN : 0;
}

static void close_abruptly(struct tcp_sock *conn)
{
	if (IN_STATES(conn, STATES_SYNCED | S_(SYN_RECEIVED)) && conn->state != TCPS_LAST_ACK && conn->state != TCPS_CLOSING) segment_send_reset(conn);
	conn_enter(conn, TCPS_CLOSED);
	conn_free(conn);
}

void tcp_abort(struct sock *sk)
{
	struct tcp_sock *conn = tcp_of(sk);

	if (conn->state == TCPS_CLOSED) return;
	listen_stop(conn);
	sk->listening = false;
	if (IN_STATES(conn, STATES_SYNCED | S_(SYN_RECEIVED)) && conn->state != TCPS_LAST_ACK && conn->state != TCPS_CLOSING) segment_send_reset(conn);
	conn_fail(conn, ECONNABORTED);
}

/* The connection goes on without its program until the protocol is done with it. */
static void orphan(struct tcp_sock *conn)
{
	struct tcp_stack *tcp = conn_stack(conn)->tcp;

	if (tcp->n_orphans >= (uint32_t)conn_sysctl(conn)->tcp_max_orphans || (conn->state == TCPS_FIN_WAIT_2 && conn->set.linger2_s < 0)) {
		conn_mib(conn, conn->state == TCPS_FIN_WAIT_2 && conn->set.linger2_s < 0 ? TCPEXT_TCPAbortOnLinger : TCPEXT_TCPAbortOnMemory);
		close_abruptly(conn);
		return;
	}
	conn->orphan = true;
	tcp->n_orphans++;
	if (conn->state == TCPS_FIN_WAIT_2) timers_fin_wait_2(conn);
}

static void tcp_close(struct sock *sk)
{
	struct tcp_sock *conn = tcp_of(sk);
	bool unread = conn->rcv.queued + sk->lent != 0;

	sk->shut = 3;
	if (conn->wait.parent && !conn->accepted) listen_forget(conn);
	/* In repair it goes without a word: it may live on elsewhere. */
	if (conn->repair.on || IN_STATES(conn, S_(CLOSED) | S_(LISTEN) | S_(SYN_SENT))) {
		conn_free(conn);
	} else if (unread || (sk->linger.l_onoff && sk->linger.l_linger == 0)) {
		/* RFC 9293 §3.6.1 (SHLD-3): a reset says that data was lost. SO_LINGER of 0 asks for one. */
		conn_mib(conn, unread ? TCPEXT_TCPAbortOnClose : TCPEXT_TCPAbortOnData);
		close_abruptly(conn);
	} else {
		send_fin(conn);
		orphan(conn);
	}
}

/* ---- asking ---- */

static uint32_t poll_data(struct tcp_sock *conn)
{
	const struct sock *sk = &conn->inet.sk;
	uint32_t low = (uint32_t)MAX(sk->rcvlowat, 1), ready = 0, queued = conn->rcv.queued;

	if (urgent_at_mark(conn) && !sk->oobinline && queued) queued--;
	/* As Linux: a full buffer is not waited for. */
	if (queued >= low || (queued && rmem_pressure(conn))) ready |= EPOLLIN | EPOLLRDNORM;
	if ((sk->shut & 2) || wmem_writable(conn)) ready |= EPOLLOUT | EPOLLWRNORM;
	else conn->unwritable = true;
	if (conn->rcv.urg == TCP_URG_VALID) ready |= EPOLLPRI;
	return ready;
}

uint32_t tcp_poll(const struct sock *sk)
{
	struct tcp_sock *conn = tcp_of(sk);
	uint32_t ready = 0;

	if (conn->state == TCPS_LISTEN) return list_empty(&conn->listener->ready) ? 0 : EPOLLIN | EPOLLRDNORM;
	if (sk->shut == 3 || conn->state == TCPS_CLOSED) ready |= EPOLLHUP;
	if (sk->shut & 1) ready |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (!IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED)) || conn->fastopen.unproven) ready |= poll_data(conn);
	if (conn->fastopen.deferred) ready |= EPOLLOUT | EPOLLWRNORM;
	if (sk->err || errqueue_has(&conn->inet)) ready |= EPOLLERR;
	return ready;
}

/* As Linux: whatever it polls for. */
static void tcp_waited(struct sock *sk)
{
	struct tcp_sock *conn = tcp_of(sk);

	if (conn_may_send(conn) && !(sk->shut & 2) && !wmem_writable(conn)) conn->nospace = true;
}

static int tcp_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	if (peer && IN_STATES(tcp_of(sk), S_(CLOSED) | S_(SYN_SENT))) return -ENOTCONN;
	return inet_name_of(sk, peer, ret, ret_len);
}

static int readable_octets(const struct tcp_sock *conn)
{
	/* As Linux: nothing, while the urgent octet is next. */
	if (urgent_at_mark(conn) && !conn->inet.sk.oobinline && conn->rcv.queued) return 0;
	return conn->inet.sk.oobinline ? (int)conn->rcv.queued : (int)urgent_span(conn);
}

static int tcp_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	const struct tcp_sock *conn = tcp_of(sk);
	uint32_t fin = conn->snd.fin ? 1 : 0;
	int v;

	switch (request) {
	case SIOCINQ: v = readable_octets(conn); break;
	case SIOCOUTQ: v = (int)(conn->snd.queue.len + (fin && !seq_gt(conn->snd.una, snd_end(conn)) ? 1 : 0)); break;
	case SIOCOUTQNSD: v = (int)(snd_unsent(conn) + (fin && !snd_fin_sent(conn) ? 1 : 0)); break;
	case SIOCATMARK: v = urgent_at_mark(conn); break;
	default: return inet_ioctl(sk, request, arg, len);
	}
	if (conn->state == TCPS_LISTEN && request != SIOCATMARK) return -EINVAL;
	if (len < sizeof v) return -EINVAL;
	memcpy(arg, &v, sizeof v);
	return 0;
}

#define OPTIONS tcp_options, stamps_options, repair_options, ip_options, facts_options, ipv6_options
static const struct sockopt *const option_tables[] = {OPTIONS, NULL};
static const struct sockopt *const upper_option_tables[] = {tls_options, OPTIONS, NULL};

#define OPS \
	.name = "TCP", .size = sizeof(struct tcp_sock), \
	.init = conn_init, .close = tcp_close, .bind = tcp_bind, .connect = tcp_connect, .listen = tcp_listen, .accept = tcp_accept, \
	.waited = tcp_waited, .consumed = tcp_consumed, .shutdown = tcp_shutdown, .name_of = tcp_name_of, .ioctl = tcp_ioctl

const struct sock_ops tcp_ops = {OPS, .send = tcp_send, .recv = tcp_recv, .poll = tcp_poll, .options = option_tables};

const struct sock_ops tcp_asked_ops = {OPS, .asked = true, .send = tcp_send, .recv = tcp_recv, .poll = tcp_poll, .options = option_tables};

const struct sock_ops tcp_upper_ops = {OPS, .asked = true, .send = ulp_send, .recv = ulp_recv, .poll = ulp_poll, .options = upper_option_tables};
