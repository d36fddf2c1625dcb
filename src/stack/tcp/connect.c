/*
 * connect: the peer's name, the way there, a local port with which the 4-tuple is new, and the SYN. The results are Linux's
 * socket_state: -EINPROGRESS, then -EALREADY, 0 once, -EISCONN ever after.
 *
 * Read first: RFC 9293 §3.10.1, connect(2).
 */
#include "stack/inet/flowlabel.h"
#include "stack/tcp/conn.h"
#include <errno.h>

/* The any-address as a destination is this host, as on Linux: with IPv4 the address that the socket is bound to. */
static void name_this_host(const struct inet_sock *is, struct addr *dst)
{
	if (!addr_is_any(dst)) return;
	bool own = addr_is_v4(dst) && addr_is_v4(&is->laddr) && !addr_is_any(&is->laddr);
	*dst = own ? is->laddr : addr_is_v4(dst) ? addr_loop4 : addr_loop6;
}

static int find_path(struct tcp_sock *conn, struct addr *ret_src, struct route_hop *hop)
{
	struct inet_sock *is = &conn->inet;
	bool v4 = addr_is_v4(&is->raddr), chosen = !addr_is_any(&is->laddr);
	struct addr src = chosen ? is->laddr : v4 ? addr_any4 : addr_any6;
	int r;

	if (chosen && addr_is_v4(&src) != v4) return v4 ? -ENETUNREACH : -EAFNOSUPPORT;
	r = conn_path(conn, &src, hop);
	if (r == 0) r = inet_check_link(&is->sk, 0, &is->raddr, hop);
	if (r == -ENETUNREACH) conn_stack(conn)->mib->ip[mib_family(v4)].no_routes++;
	if (r < 0) return r;
	if (hop->broadcast) return -ENETUNREACH;
	*ret_src = chosen ? src : hop->src;
	return addr_is_any(ret_src) ? -EADDRNOTAVAIL : 0;
}

static bool no_timewait(struct inet_sock *is) { return timewait_reuse(tcp_of(&is->sk), false) == 0; }

/* A local port with which the 4-tuple is new: neither a flow nor a TIME-WAIT that can't be reused. */
static int take_port(struct tcp_sock *conn, const struct addr *src)
{
	struct inet_sock *is = &conn->inet;
	int r;

	if (is->bound) {
		is->laddr = *src;
		r = timewait_reuse(conn, true);
		return r < 0 ? r : flow_add(is);
	}
	r = port_autobind(is, src, &is->raddr, is->rport, no_timewait);
	return r < 0 ? r : flow_add(is);
}

static int aim(struct tcp_sock *conn, const struct sockaddr *a, socklen_t len)
{
	struct inet_sock *is = &conn->inet;
	struct addr dst;
	uint16_t port;
	uint32_t scope, flowinfo;
	int r = inet_sockaddr_parse(is, a, len, &dst, &port, &scope);

	if (r < 0) return r;
	if (addr_is_v4(&dst) && is->sk.domain == AF_INET6 && is->v6only) return -ENETUNREACH;
	name_this_host(is, &dst);
	/* RFC 9293 §3.9.1.1 (MUST-46) */
	if (addr_is_multicast(&dst) || inet_addr_is_broadcast(is->sk.stack, &dst)) return -ENETUNREACH;
	flowinfo = flowlabel_of_name(is, a);
	if (!flowlabel_may_use(is, flowinfo & IP6_FLOW_MASK)) return -EINVAL;
	r = inet_scope_connect(is, &dst, scope);
	if (r < 0) return r;
	is->flowinfo6 = flowinfo;
	is->raddr = dst;
	is->rport = port;
	return 0;
}

static int open_towards(struct tcp_sock *conn, const struct sockaddr *a, socklen_t len)
{
	struct route_hop hop;
	struct addr src;
	int r = aim(conn, a, len);

	if (r < 0) return r;
	r = find_path(conn, &src, &hop);
	if (r == 0) r = take_port(conn, &src);
	if (r < 0) {
		uint8_t shut = conn->inet.sk.shut;
		conn_disconnect(conn);
		conn->inet.sk.shut = shut;
		return r;
	}
	conn->inet.sk.err = 0;   /* as Linux: what an earlier connection left is forgotten */
	conn_open(conn, &hop);
	return 0;
}

static void begin(struct tcp_sock *conn)
{
	conn_enter(conn, TCPS_SYN_SENT);
	conn->use = TCP_CONNECTING;
}

static int connect_in_repair(struct tcp_sock *conn, const struct sockaddr *a, socklen_t len)
{
	const struct repair_numbers n = repair_numbers(conn);
	int err = conn->inet.sk.err, r = open_towards(conn, a, len);

	if (r == 0) {
		repair_connect(conn, &n);
		return 0;
	}
	repair_restore(conn, &n);
	conn->inet.sk.err = err;
	return r;
}

static int connect_start(struct tcp_sock *conn, const struct sockaddr *a, socklen_t len)
{
	int r = open_towards(conn, a, len);

	if (r < 0) return r;
	begin(conn);
	/* A subflow is sent to by its stream, which begins behind the handshake. */
	if (conn->set.fastopen_connect && !conn->mptcp) return fastopen_defers(conn) ? 0 : fastopen_send_syn(conn);
	/* As Linux: a SYN that could not be sent is a SYN that got lost. */
	segment_send_syn(conn);
	timers_syn_sent(conn);
	return -EINPROGRESS;
}

static int connect_again(struct tcp_sock *conn)
{
	int err;

	if (conn->fastopen.deferred) return -EISCONN;
	if (IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED))) return -EALREADY;
	if (conn->state != TCPS_CLOSED) {
		conn->use = TCP_CONNECTED;
		return 0;
	}
	err = sock_take_error(&conn->inet.sk);
	conn_disconnect(conn);
	return err ? -err : -ECONNABORTED;
}

int conn_connect(struct tcp_sock *conn, const struct sockaddr *a, socklen_t len, bool silent)
{
	int r;

	if (conn->use == TCP_CONNECTED) return -EISCONN;
	if (conn->use == TCP_DISCONNECTING) return -EINVAL;
	if (conn->use == TCP_CONNECTING) return connect_again(conn);
	if (conn->state != TCPS_CLOSED) return -EISCONN;
	if (conn->repair.on) return connect_in_repair(conn, a, len);
	if (!silent) return connect_start(conn, a, len);
	r = a ? open_towards(conn, a, len) : -EINVAL;
	if (r < 0) return r;
	begin(conn);
	return -EINPROGRESS;
}

int tcp_connect(struct sock *sk, const struct sockaddr *a, socklen_t len)
{
	if (a->sa_family != AF_UNSPEC) return conn_connect(tcp_of(sk), a, len, false);
	if (tcp_of(sk)->upper) return -EOPNOTSUPP;
	conn_disconnect(tcp_of(sk));
	return 0;
}
