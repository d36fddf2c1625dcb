/*
 * What a program asks of an SCTP socket. One-to-one (SOCK_STREAM) is used as TCP's, one-to-many (SOCK_SEQPACKET) as UDP's; the difference is how many
 * associations there may be, and who is told of what. No call blocks.
 *
 * Read first: RFC 6458 §3, §4, Linux's net/sctp/socket.c for the order of errors.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include "stack/core/sysctl.h"
#include "stack/sctp/assoc.h"
#include "stack/socket/family.h"

static int sctp_init(struct sock *sk)
{
	struct sctp_sock *so = sctp_of(sk);

	list_init(&so->assocs);
	list_init(&so->endpoint_node);
	list_init(&so->accepting);
	list_init(&so->accept_node);
	list_init(&so->rcvq);
	so->many = sk->type == SOCK_SEQPACKET;
	/* Linux's defaults, below /proc/sys/net/sctp there. */
	so->set = (struct assoc_settings){
		.init = {.sinit_num_ostreams = 10, .sinit_max_instreams = 65535, .sinit_max_attempts = 8, .sinit_max_init_timeo = 60000},
		.rto_initial_ms = 3000, .rto_min_ms = 1000, .rto_max_ms = 60000, .max_retrans = 10, .cookie_life_ms = 60000, .sack_delay_ms = 200,
		.sack_freq = 2, .max_burst = 4, .ecn = true,
		.path = {.hb_interval_ms = 30000, .max_retrans = 5, .ps_retrans = UINT16_MAX, .hb = true, .pmtud = true}};
	return inet_sock_init(sk);
}

/* ---- names ---- */

/* As Linux: a family that the socket does not speak is an address that can't be. */
static int wrong_family(int r) { return r == -EAFNOSUPPORT ? -EINVAL : r; }

static int sctp_bind(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	struct sctp_sock *so = sctp_of(sk);
	struct addr addr;
	uint16_t port;
	int r = inet_bind_address(&so->inet, a, len, &addr, &port);

	if (r < 0) return wrong_family(r);
	if (!addr_is_any(&addr) && (addr_is_multicast(&addr) || inet_addr_is_broadcast(sk->stack, &addr))) return -EADDRNOTAVAIL;
	r = inet_bind(sk, a, len);
	if (r == 0 && !addr_is_any(&so->inet.laddr)) sctp_addrs_add(&so->bound, &so->inet.laddr);
	return r;
}

static int autobind(struct sctp_sock *so) { return so->inet.bound ? 0 : port_bind(&so->inet, &so->inet.laddr, 0); }

/* ---- connect ---- */

/* The any-address as a destination is this host. */
static void name_this_host(struct addr *a)
{
	if (addr_is_any(a)) *a = addr_is_v4(a) ? addr_loop4 : addr_loop6;
}

static int check_route(const struct sctp_sock *so, const struct addr *peer)
{
	struct addr any = addr_is_v4(peer) ? addr_any4 : addr_any6;
	struct route_hop hop;

	return route_lookup(so->inet.sk.stack, peer, &any, inet_sock_oif(&so->inet), &hop);
}

static void take_init(struct assoc *a, const struct sctp_initmsg *init)
{
	struct sctp_initmsg *set = &a->set.init;

	if (init->sinit_num_ostreams) set->sinit_num_ostreams = init->sinit_num_ostreams;
	if (init->sinit_max_instreams) set->sinit_max_instreams = init->sinit_max_instreams;
	if (init->sinit_max_attempts) set->sinit_max_attempts = init->sinit_max_attempts;
	if (init->sinit_max_init_timeo) set->sinit_max_init_timeo = init->sinit_max_init_timeo;
}

int sctp_connect_to(struct sctp_sock *so, const struct sctp_addrs *peers, uint16_t port, const struct sctp_initmsg *init, struct assoc **ret)
{
	struct assoc *a;
	int r;

	for (uint32_t i = 0; i < peers->n; i++) {
		if (!sctp_addr_can_be_peer(so, &peers->at[i])) return -EINVAL;
		if (assoc_to(so, &peers->at[i], port)) return -EISCONN;
	}
	r = check_route(so, &peers->at[0]);
	if (r == 0) r = autobind(so);
	if (r < 0) return r;
	if (sctp_flow_find(so->inet.sk.stack, &so->inet.laddr, so->inet.lport, &peers->at[0], port)) return -EADDRNOTAVAIL;
	a = assoc_new(so, &peers->at[0], port);
	if (!a) return -ENOMEM;
	for (uint32_t i = 1; i < peers->n; i++) assoc_add_path(a, &peers->at[i], SCTP_UNCONFIRMED);
	if (init) take_init(a, init);
	if (!so->many) {
		so->inet.raddr = peers->at[0];
		so->inet.rport = port;
		so->inet.sk.err = 0;
	}
	*ret = a;
	return open_begin(a);
}

static int connect_result(struct sctp_sock *so)
{
	int err = so->connect_err;

	if (so->connecting) {
		struct assoc *a = assoc_find(so, so->connecting);
		if (a && assoc_in(a, SCTP_OPENING)) return -EALREADY;
		so->connecting = 0;
		return 0;
	}
	so->connect_err = 0;
	/* It is told here, and not once more. */
	if (so->inet.sk.err == err) so->inet.sk.err = 0;
	return -err;
}

/* -EINPROGRESS, then -EALREADY, then 0 once, or the error. ret_id: of the association that this is about. */
int sctp_connect_all(struct sctp_sock *so, const struct sctp_addrs *peers, uint16_t port, sctp_assoc_t *ret_id)
{
	struct assoc *a;
	int r;

	*ret_id = so->connecting;
	if (!so->many && !so->inet.sk.err) so->connect_err = 0;   /* SO_ERROR has told it */
	if (so->connecting || so->connect_err) return connect_result(so);
	if (!so->many && (so->established || so->peeled)) return -EISCONN;
	if (so->inet.sk.listening && !so->many) return -EISCONN;
	r = sctp_connect_to(so, peers, port, NULL, &a);
	if (r < 0) return r;
	*ret_id = so->connecting = a->id;
	return -EINPROGRESS;
}

static int sctp_connect(struct sock *sk, const struct sockaddr *sa, socklen_t len)
{
	struct sctp_sock *so = sctp_of(sk);
	struct sctp_addrs peer = {.n = 1};
	uint16_t port;
	uint32_t scope;
	sctp_assoc_t id;
	int r;

	if (sa->sa_family == AF_UNSPEC) return -EOPNOTSUPP;
	r = inet_sockaddr_parse(&so->inet, sa, len, &peer.at[0], &port, &scope);
	if (r < 0) return wrong_family(r);
	name_this_host(&peer.at[0]);
	if (port == 0) return -EINVAL;
	r = inet_scope_connect(&so->inet, &peer.at[0], scope);
	return r < 0 ? r : sctp_connect_all(so, &peer, port, &id);
}

bool sctp_is(const struct sock *sk) { return sk->ops == &sctp_ops; }

bool sctp_is_connecting(const struct sock *sk)
{
	const struct sctp_sock *so = sctp_of(sk);
	const struct assoc *a = so->connecting ? assoc_find(so, so->connecting) : NULL;

	return a && assoc_in(a, SCTP_OPENING);
}

/* ---- listen, accept, peel off ---- */

static void refuse_waiting(struct sctp_sock *so)
{
	while (!list_empty(&so->accepting)) sock_close(&list_first(&so->accepting, struct sctp_sock, accept_node)->inet.sk);
}

static int sctp_listen(struct sock *sk, int backlog)
{
	struct sctp_sock *so = sctp_of(sk);
	int r;

	if (backlog < 0 || so->peeled || (!so->many && (so->established || so->n_assocs > 0 || so->was_connected))) return -EINVAL;
	if (backlog == 0) {
		sk->listening = false;
		list_remove(&so->endpoint_node);
		refuse_waiting(so);
		return 0;
	}
	r = autobind(so);
	if (r == 0 && !sk->listening) r = port_listen_check(&so->inet);
	if (r < 0) return r;
	so->backlog = MIN((uint32_t)backlog, (uint32_t)sk->stack->sysctl->somaxconn);
	if (!sk->listening) list_append(&sk->stack->sctp->endpoints, &so->endpoint_node);
	sk->listening = true;
	return 0;
}

static int sctp_accept(struct sock *sk, struct sock **ret)
{
	struct sctp_sock *so = sctp_of(sk), *child;

	if (so->many || so->peeled) return -EOPNOTSUPP;
	if (!sk->listening) return -EINVAL;
	if (list_empty(&so->accepting)) return -EAGAIN;
	child = list_first(&so->accepting, struct sctp_sock, accept_node);
	list_remove(&child->accept_node);
	so->n_accepting--;
	child->parent = NULL;
	*ret = &child->inet.sk;
	return 0;
}

int sctp_peel_off(struct sock *sk, int32_t assoc_id, struct sock **ret)
{
	struct sctp_sock *so = sctp_of(sk), *child;
	struct assoc *a;

	if (sk->ops != &sctp_ops || !so->many) return -EINVAL;
	a = assoc_find(so, assoc_id);
	if (!a) return -EINVAL;
	child = sctp_child(so, &a->primary->addr, a->rport);
	if (!child) return -ENOMEM;
	child->set = a->set;
	assoc_move(a, child);
	*ret = &child->inet.sk;
	return 0;
}

/* ---- end ---- */

static int sctp_shutdown(struct sock *sk, int how)
{
	struct sctp_sock *so = sctp_of(sk);

	/* As Linux: a listener's other half is nobody's. */
	if (sk->listening && how == SHUT_WR) return 0;
	if (so->many && sk->listening) return -EOPNOTSUPP;
	if (sk->listening) {
		sk->shut |= 1;
		return 0;
	}
	if (so->many || (!so->established && !so->peeled)) {
		sk->shut |= (uint8_t)(how + 1);
		return -ENOTCONN;
	}
	sk->shut |= (uint8_t)(how + 1);
	/* RFC 6458 §4.1.7: there is no half-closed association: SHUT_WR ends it once all has arrived, SHUT_RD means nothing to the peer. */
	if (how != SHUT_RD && !so->peeled && !list_empty(&so->assocs)) shutdown_begin(list_first(&so->assocs, struct assoc, node));
	sock_ready(sk);
	return 0;
}

/* As Linux: what was only told is not data. */
static bool has_unread(const struct sctp_sock *so)
{
	list_each(const struct assoc, a, &so->assocs, node)
		if (!list_empty(&a->rcv.pieces) || !list_empty(&a->rcv.early)) return true;
	list_each(const struct in_msg, m, &so->rcvq, node)
		if (!m->notification) return true;
	return false;
}

static void sctp_close(struct sock *sk)
{
	struct sctp_sock *so = sctp_of(sk);
	bool abrupt = has_unread(so) || (sk->linger.l_onoff && sk->linger.l_linger == 0) || so->parent;

	sk->shut = 3;
	sk->listening = false;
	list_remove(&so->endpoint_node);
	refuse_waiting(so);
	so->n_assocs++;                    /* it stays while we look at it */
	list_each(struct assoc, a, &so->assocs, node) {
		if (abrupt) assoc_abort(a, NULL, 0);
		else shutdown_begin(a);
	}
	so->n_assocs--;
	/* RFC 9260 §9.1: who closes without having read aborts, so nothing here grows any more. */
	while (!list_empty(&so->rcvq)) in_msg_free(list_first(&so->rcvq, struct in_msg, node));
	sctp_sock_done(so);
}

/* ---- poll ---- */

static uint32_t sctp_poll(const struct sock *sk)
{
	const struct sctp_sock *so = sctp_of(sk);
	uint32_t events = 0;

	if (!so->many && sk->listening) return list_empty(&so->accepting) ? 0 : EPOLLIN | EPOLLRDNORM;
	if (sk->err) events |= EPOLLERR;
	if (sk->shut & 1) events |= EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (sk->shut == 3) events |= EPOLLHUP;
	if (first_readable(so)) events |= EPOLLIN | EPOLLRDNORM;
	if (!so->many && !so->established) return events;
	if (so->queued < sk->sndbuf) events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

/* ---- the rest ---- */

static int sctp_name_of(const struct sock *sk, bool peer, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	const struct sctp_sock *so = sctp_of(sk);

	if (peer && (so->many || !so->established)) return -ENOTCONN;
	return inet_name_of(sk, peer, ret, ret_len);
}

static int sctp_ioctl(struct sock *sk, unsigned long request, void *arg, size_t len)
{
	struct sctp_sock *so = sctp_of(sk);
	const struct in_msg *m = list_empty(&so->rcvq) ? NULL : list_first(&so->rcvq, struct in_msg, node);

	switch (request) {
	case SIOCINQ:
		if (!so->many && sk->listening) return -EINVAL;
		*(int *)arg = m ? (int)(m->len - m->taken) : 0;
		return 0;
	case SIOCOUTQ:
		*(int *)arg = (int)so->queued;
		return 0;
	default:
		return inet_ioctl(sk, request, arg, len);
	}
}

static const struct sockopt *const sctp_option_tables[] = {
	sctp_options, sctp_assoc_options, sctp_path_options, sctp_reconfig_options, sctp_auth_options,
	sctp_asconf_options, sctp_stream_options, sctp_failover_options, sctp_ecn_options,
	sctp_refused_options, ip_options, ipv6_options, NULL,
};

const struct sock_ops sctp_ops = {
	.name = "sctp", .size = sizeof(struct sctp_sock), .asked = true, .init = sctp_init, .close = sctp_close, .bind = sctp_bind,
	.connect = sctp_connect, .listen = sctp_listen, .accept = sctp_accept, .send = sctp_send, .recv = sctp_recv, .shutdown = sctp_shutdown,
	.poll = sctp_poll, .name_of = sctp_name_of, .ioctl = sctp_ioctl, .options = sctp_option_tables,
};
