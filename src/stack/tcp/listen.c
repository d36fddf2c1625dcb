/*
 * Listening sockets.
 *
 *     listener ──SYN──► embryos (SYN queue) ──ACK of our SYN──► ready (accept queue) ──accept()──► program
 *                    SYN-RECEIVED                             ESTABLISHED, or over already
 *
 * An embryo is a whole connection in SYN-RECEIVED, in the flow table like any other, so that one state machine serves
 * both kinds of open. The accept queue holds backlog + 1 connections; while it is full, SYNs are dropped and embryos
 * stay what they are: the peer repeats. The SYN queue holds as many; while it is full, cookies go out (syncookie.c), or,
 * without those, SYNs are dropped, and from three quarters of tcp_max_syn_backlog on.
 *
 * With Fast Open a connection is in the accept queue while its SYN is not proven: fastopen_listen.c.
 *
 * Read first: RFC 9293 §3.10.7.2, listen(2), RFC 4987 §3.
 */
#include "stack/inet/header_options.h"
#include "stack/mptcp/mptcp.h"
#include "stack/tcp/conn.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/socket/family.h"

uint32_t listen_waiting(const struct tcp_sock *conn) { return conn->listener->n_ready + conn->inet.sk.ahead; }

static bool accept_queue_full(const struct tcp_sock *conn) { return listen_waiting(conn) > conn->listener->backlog; }

int listen_start(struct tcp_sock *conn, int backlog)
{
	struct inet_sock *is = &conn->inet;
	uint32_t limit = (uint32_t)MIN((unsigned)backlog, (unsigned)conn_sysctl(conn)->somaxconn);
	int r;

	if (conn->use != TCP_UNCONNECTED) return -EINVAL;
	if (conn->state == TCPS_LISTEN) {
		conn->listener->backlog = limit;
		return 0;
	}
	if (conn->state != TCPS_CLOSED) return -EINVAL;
	/* What the socket's own earlier connection left in TIME-WAIT counts against it, too. */
	r = !is->bound ? port_bind(is, &is->laddr, 0) : timewait_blocks_bind(is->sk.stack, is) ? -EADDRINUSE : 0;
	if (r < 0) return r;
	conn->listener = calloc(1, sizeof *conn->listener);
	if (!conn->listener) return -ENOMEM;
	list_init(&conn->listener->embryos);
	list_init(&conn->listener->ready);
	list_init(&conn->listener->unproven);
	list_init(&conn->listener->resets);
	conn->listener->backlog = limit;
	conn_set_answers(conn, false);
	fastopen_listen(conn, limit);
	r = port_listen_check(is);
	if (r < 0) {
		listen_stop(conn);
		return r;
	}
	conn->inet.sk.listening = true;
	conn_enter(conn, TCPS_LISTEN);
	return 0;
}

void listen_forget(struct tcp_sock *child)
{
	struct tcp_listener *l = child->wait.parent->listener;

	list_remove(&child->wait.node);
	if (child->embryo)
		l->n_embryos--;
	else if (!child->accepted)
		l->n_ready--;
	if (child->fastopen.unproven) l->n_unproven--;
	child->wait.parent = NULL;
	child->embryo = child->accepted = false;
}

/* Embryos go without a word, as on Linux; who thinks to be connected gets a reset. */
void listen_stop(struct tcp_sock *conn)
{
	struct tcp_listener *l = conn->listener;

	if (!l) return;
	while (!list_empty(&l->embryos))
		conn_free(list_first(&l->embryos, struct tcp_sock, wait.node));
	while (!list_empty(&l->ready)) {
		struct tcp_sock *child = list_first(&l->ready, struct tcp_sock, wait.node);
		if (conn_may_send(child)) segment_send_reset(child);
		conn_enter(child, TCPS_CLOSED);
		conn_free(child);
	}
	while (!list_empty(&l->unproven))
		listen_forget(list_first(&l->unproven, struct tcp_sock, wait.node));
	fastopen_listen_free(l);
	conn->listener = NULL;
	conn->inet.sk.listening = false;
	free(l);
}

/* ---- SYN ---- */

static struct tcp_sock *embryo_new(struct tcp_sock *conn, const struct packet *p, const struct tcp_hdr *h)
{
	struct sock *sk;
	struct tcp_sock *child;
	struct inet_sock *is;

	if (sock_alloc(conn_stack(conn), &tcp_ops, conn->inet.sk.domain, conn->inet.sk.type, conn->inet.sk.protocol, &sk) < 0) return NULL;
	child = tcp_of(sk);
	is = &child->inet;
	conn_inherit(child, conn);
	is->laddr = p->dst;
	is->raddr = p->src;
	is->rport = h->src;
	is->scope = addr_is_linklocal(&p->src) ? (uint32_t)p->netif->index : 0;
	pktoptions_note(is, p);
	if (conn_sysctl(conn)->tcp_reflect_tos) is->tos = is->tclass = p->tos & (uint8_t)~3u;
	if (port_inherit(is, &conn->inet) < 0 || flow_add(is) < 0 || md5_inherit(child, conn) < 0) {
		conn_free(child);
		return NULL;
	}
	child->wait.parent = conn;
	child->embryo = true;
	child->use = TCP_CONNECTED;
	list_append(&conn->listener->embryos, &child->wait.node);
	conn->listener->n_embryos++;
	return child;
}

/* From the SYN queue to the accept queue. */
static void move_to_ready(struct tcp_sock *child)
{
	struct tcp_sock *parent = child->wait.parent;

	listen_forget(child);
	child->wait.parent = parent;
	list_append(&parent->listener->ready, &child->wait.node);
	parent->listener->n_ready++;
	if (parent->mptcp) mptcp_listener_ready(parent);
	sock_ready(&parent->inet.sk);
}

static void answer_syn(struct tcp_sock *conn, struct tcp_sock *child, struct segment *g)
{
	struct tcp_cookie buf;
	bool open = false;
	/* Multipath TCP's options leave no room for a cookie, and who joins proves itself by the third ACK. */
	const struct tcp_cookie *c = child->mptcp ? NULL : fastopen_judge(conn, child, g, &buf, &open);

	if (open) {
		move_to_ready(child);
		fastopen_open(child, g);
	}
	segment_send_syn_with(child, 0, c);
	timers_syn_sent(child);
}

/* RFC 4987 §3.2: bounded. As Linux, without cookies the last quarter is for peers that are known to live. */
static bool keeps_room(const struct tcp_sock *conn, const struct segment *g)
{
	int most = conn_sysctl(conn)->tcp_max_syn_backlog;

	return !g->iss && !conn_sysctl(conn)->tcp_syncookies && most - (int)conn->listener->n_embryos < most / 4;
}

/* In SYN-RECEIVED, with the options that the peer's SYN had. */
static enum drop_reason embryo_open(struct tcp_sock *conn, const struct segment *syn, const struct tcp_opts *o, seq32 iss, struct tcp_sock **ret)
{
	struct tcp_sock *child = embryo_new(conn, syn->p, &syn->h);
	struct route_hop hop;

	if (!child) return DROP_NO_MEMORY;
	if (conn_path(child, &child->inet.laddr, &hop) < 0) {
		conn_free(child);
		return DROP_IP_NO_ROUTE;
	}
	child->snd.iss = iss;
	child->count.segs_in = 1;     /* the SYN */
	conn_enter(child, TCPS_SYN_RECEIVED);
	conn_open(child, &hop);
	child->rcv.irs = syn->h.seq;
	child->snd.wl1 = syn->h.seq;
	child->snd.wnd = child->snd.max_wnd = syn->h.wnd;   /* RFC 7323 §2.2: never scaled in a SYN */
	conn_synced(child, o);
	if (child->md5_keys && child->opt.sack) child->opt.ts = false;   /* as Linux: no room for both */
	window_init(child, child->rcv.adv_mss - (child->opt.ts ? TS_SPACE : 0), hop.route);   /* again: the peer's options count */
	window_start(child, syn->h.seq + 1);
	*ret = child;
	return DROP_NONE;
}

static enum drop_reason not_listened(const struct tcp_sock *conn)
{
	conn_mib(conn, TCPEXT_ListenDrops);
	return DROP_TCP_BACKLOG;
}

static enum drop_reason overflows(const struct tcp_sock *conn)
{
	conn_mib(conn, TCPEXT_ListenOverflows);
	return not_listened(conn);
}

/* RFC 9293 §3.10.7.2, third: a SYN makes a connection in SYN-RECEIVED. */
static enum drop_reason receive_syn(struct tcp_sock *conn, struct segment *g)
{
	struct tcp_sock *child;
	enum drop_reason why;
	bool cookie = syncookie_wanted(conn, g);

	if (cookie) conn_mib(conn, conn_sysctl(conn)->tcp_syncookies ? TCPEXT_TCPReqQFullDoCookies : TCPEXT_TCPReqQFullDrop);
	if (cookie && !conn_sysctl(conn)->tcp_syncookies) return not_listened(conn);
	if (accept_queue_full(conn)) return overflows(conn);
	if (keeps_room(conn, g)) return not_listened(conn);
	if (g->tw) timewait_end(conn_stack(conn), g->tw);
	conn_bound_mss(conn, &g->h.opts);
	why = embryo_open(conn, g, &g->h.opts, g->iss, &child);
	if (why != DROP_NONE) return why;
	ecn_syn_received(child, g);
	if (cookie) {
		syncookie_send(conn, child, g);
		conn_free(child);
	} else if (conn->mptcp && !mptcp_syn_received(child, g)) {
		reset_answer(conn_stack(conn), g->p, g);
		conn_free(child);
	} else {
		saved_syn_keep(child, g->p);
		answer_syn(conn, child, g);
	}
	return DROP_NONE;
}

/* RFC 4987 §3.6: the ACK of a cookie brings back all that was known. true: it was one. */
static bool receive_cookie(struct tcp_sock *conn, struct segment *g)
{
	struct segment syn = *g;
	struct tcp_sock *child;
	struct tcp_opts o;
	bool ecn;

	if (!syncookie_read(conn, g, &o, &ecn)) return false;
	if (accept_queue_full(conn)) {
		g->why = overflows(conn);
		return true;
	}
	syn.h.seq--;
	g->why = embryo_open(conn, &syn, &o, g->h.ack - 1, &child);
	if (g->why != DROP_NONE) return true;
	/* As Linux: in segments of the size that the cookie remembers. */
	window_init(child, o.mss, conn_route(child));
	window_start(child, syn.h.seq + 1);
	if (ecn) child->opt.ecn |= TCP_ECN_OK;
	child->snd.nxt = child->snd.iss + 1;
	move_to_ready(child);
	tcp_input(child, g);
	return true;
}

/* RFC 9293 §3.10.7.2: LISTEN STATE */
void listen_receive(struct tcp_sock *conn, struct segment *g)
{
	if (g->h.flags & TCP_RST)
		g->why = DROP_TCP_FLAGS;
	else if ((g->h.flags & (TCP_ACK | TCP_SYN)) == TCP_ACK && receive_cookie(conn, g))
		return;
	else if (g->h.flags & TCP_ACK)
		reset_answer(conn_stack(conn), g->p, g);
	else if ((g->h.flags & (TCP_SYN | TCP_FIN)) == TCP_SYN)
		g->why = receive_syn(conn, g);
	else
		g->why = DROP_TCP_FLAGS;   /* also SYN with FIN, as Linux */
}

/* ---- the ACK of our SYN ---- */

enum step listen_promote(struct tcp_sock *child, struct segment *g)
{
	struct tcp_sock *parent = child->wait.parent;
	enum mptcp_third third;

	/* tcp(7), TCP_DEFER_ACCEPT: the bare ACK is not taken; data will be, or the ACK of a repeated SYN when time is up. */
	if (child->trouble.retries < parent->set.defer_accept && g->len == 0 && !(g->h.flags & TCP_FIN)) {
		child->deferred = true;
		conn_mib(child, TCPEXT_TCPDeferAcceptDrop);
		return STEP_STOP;
	}
	if (accept_queue_full(parent)) {
		g->why = overflows(parent);
		if (!conn_sysctl(child)->tcp_abort_on_overflow) return STEP_STOP;
		conn_mib(child, TCPEXT_EmbryonicRsts);
		reset_answer(conn_stack(child), g->p, g);
		conn_free(child);
		return STEP_GONE;
	}
	/* The SYN and this ACK, whatever came and was answered between. */
	child->count.segs_in = 2;
	child->count.data_segs_in = g->len != 0;
	child->count.segs_out = 0;
	third = child->mptcp ? mptcp_third_ack(child, g) : MPTCP_QUEUE;
	if (third == MPTCP_REFUSED) {
		reset_answer(conn_stack(child), g->p, g);
		conn_free(child);
		return STEP_GONE;
	}
	if (third == MPTCP_QUEUE) move_to_ready(child);
	return STEP_NEXT;
}

int listen_accept(struct tcp_sock *conn, struct tcp_sock **ret)
{
	struct tcp_sock *child;

	if (conn->state != TCPS_LISTEN) return -EINVAL;
	if (list_empty(&conn->listener->ready)) return -EAGAIN;
	child = list_first(&conn->listener->ready, struct tcp_sock, wait.node);
	if (child->fastopen.unproven) {
		/* It goes on to count as one that nobody has proven. */
		list_remove(&child->wait.node);
		list_append(&conn->listener->unproven, &child->wait.node);
		conn->listener->n_ready--;
		child->accepted = true;
	} else {
		listen_forget(child);
	}
	*ret = child;
	return 0;
}
