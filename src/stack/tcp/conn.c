/*
 * Birth and end of a connection.
 *
 *     conn_init ── bind ── conn_open ── SYNs ── conn_synced ── conn_established ── … ── conn_done ── conn_free
 *
 * conn_done is the one way into CLOSED: the flow is given up, timers stop, and either the program is told or, when it
 * has let go already, the memory goes. What a TIME-WAIT has to remember is left in a struct timewait of its own.
 */
#include "stack/tcp/ulp.h"
#include "stack/inet/mib.h"
#include "stack/mptcp/mptcp.h"
#include "stack/socket/filter.h"
#include <errno.h>
#include <stdlib.h>

int conn_init(struct sock *sk)
{
	struct tcp_sock *conn = tcp_of(sk);
	struct sysctl *sys = sk->stack->sysctl;
	int r = inet_sock_init(sk);

	if (r < 0) return r;
	conn->state = TCPS_CLOSED;
	conn->use = TCP_UNCONNECTED;
	sk->rcvbuf = (uint32_t)sys->tcp_rmem[1];
	sk->sndbuf = (uint32_t)sys->tcp_wmem[1];
	ring_init(&conn->snd.queue);
	list_init(&conn->rcv.queue);
	list_init(&conn->wait.node);
	conn->set.cc = cc_default(sys);
	conn->rcv.scaling = TCP_SCALING;
	timers_init(conn);
	rtt_init(conn);
	return 0;
}

/*
 * What accept() gives starts with every option of its listener, as on Linux, and with the halves shut that were before it listened; who it is stays
 * its own.
 */
void conn_inherit_sock(struct inet_sock *is, const struct inet_sock *parent)
{
	struct inet_sock own = *is;

	*is = *parent;
	is->sk.node = own.sk.node;
	is->sk.user = NULL;
	is->sk.closed = false;
	is->sk.err = 0;
	is->sk.cookie = own.sk.cookie;
	is->sk.inode = 0;
	is->sk.lent = is->sk.beside = 0;
	is->sk.priority = 0;
	is->bound = false;
	is->lport = 0;
	is->port_node = own.port_node;
	is->flow_node = own.flow_node;
	is->in_flows = false;
	is->memberships = own.memberships;
	is->errqueue = NULL;
	is->chooser = NULL;
	is->sk.zerocopy_id = 0;
	is->sk.filter = filter_ref(parent->sk.filter);
	is->header = own.header;
	is->flow_leases = NULL;
	is->flowinfo6 = 0;
	is->anycasts = NULL;
	is->sk.listening = false;
}

void conn_inherit(struct tcp_sock *child, const struct tcp_sock *parent)
{
	conn_inherit_sock(&child->inet, &parent->inet);
	child->set = parent->set;
	child->set.fastopen_qlen = 0;
	child->repair = parent->repair;
	child->ack.pingpong = parent->ack.pingpong;    /* TCP_QUICKACK off */
}

/* ---- the path and its MTU ---- */

int conn_path(struct tcp_sock *conn, const struct addr *src, struct route_hop *ret)
{
	struct route_flow f = inet_sock_flow(&conn->inet, src);

	return route_find(conn_stack(conn), &f, ret);
}

const struct route *conn_route(struct tcp_sock *conn)
{
	struct route_hop hop;

	return !addr_is_any(&conn->inet.raddr) && conn_path(conn, &conn->inet.laddr, &hop) == 0 ? hop.route : NULL;
}

uint32_t conn_metric(struct tcp_sock *conn, unsigned metric)
{
	const struct route *r = conn_route(conn);

	return r ? r->metrics[metric] : 0;
}

/* What a segment without options carries at most over an IP datagram of mtu octets. */
static uint16_t mss_of_mtu(const struct tcp_sock *conn, uint32_t mtu)
{
	bool v4 = addr_is_v4(&conn->inet.raddr);
	uint32_t ip = v4 ? IP4_HDR_MIN : IP6_HDR_LEN;

	/* IPv6 counts its header apart. */
	mtu = MIN(mtu, (uint32_t)PACKET_MAX + (v4 ? 0 : IP6_HDR_LEN));
	return (uint16_t)MAX(mtu > ip + TCP_HDR_MIN ? mtu - ip - TCP_HDR_MIN : 0, conn_mss_least(conn));
}

bool conn_is_narrower(const struct tcp_sock *conn, uint32_t mtu)
{
	uint32_t most = conn->snd.peer_mss ? conn->snd.peer_mss : conn->set.mss ? (uint32_t)conn->set.mss : snd_mss_any(conn);

	return mss_of_mtu(conn, mtu) < MIN(conn->snd.mss, most);
}

static void set_mss(struct tcp_sock *conn, uint32_t path_mtu)
{
	uint16_t mss = mss_of_mtu(conn, mtuprobe_limit(conn, path_mtu));

	conn->snd.path_mtu = MIN(path_mtu, (uint32_t)PACKET_MAX + (addr_is_v4(&conn->inet.raddr) ? 0 : IP6_HDR_LEN));
	/* RFC 9293 §3.7.1 (MUST-16): the least of what the peer and the path take. */
	if (conn->snd.peer_mss) mss = MIN(mss, conn->snd.peer_mss);
	else if (conn->set.mss && !conn->embryo) mss = (uint16_t)MIN(mss, conn->set.mss);
	conn->snd.mss = MAX(mss, conn_mss_least(conn));
	conn->snd.run_mss = 0;
}

void conn_update_mss(struct tcp_sock *conn)
{
	struct route_hop hop;

	if (conn_path(conn, &conn->inet.laddr, &hop) < 0) return;
	set_mss(conn, ip_mtu(conn_stack(conn), &conn->inet.raddr, &hop));
	conn->snd.tso_bytes = hop.netif->tso_bytes;
}

/* ---- opening ---- */

/*
 * As Linux: the least RTO counts where it is locked. RTT, its variance, ssthresh, cwnd and reordering Linux takes into what it remembers of earlier
 * connections: with tcp_no_metrics_save that is nothing.
 */
static void ask_route(struct tcp_sock *conn, const struct route *r)
{
	conn->ack.always = r && r->metrics[RTAX_QUICKACK];
	if (!r) return;
	if (r->metrics[RTAX_LOCK] >> RTAX_RTO_MIN & 1) conn->rtt.route_min_ms = (uint16_t)MIN(r->metrics[RTAX_RTO_MIN], (uint32_t)UINT16_MAX);
	if (r->metrics[RTAX_CC_ALGO]) conn->set.cc = cc_of_metric(r->metrics[RTAX_CC_ALGO]);
}

int conn_open(struct tcp_sock *conn, const struct route_hop *hop)
{
	struct stack *s = conn_stack(conn);
	struct sysctl *sys = s->sysctl;
	seq32 iss = conn->snd.iss ? conn->snd.iss : isn_new(conn);

	conn->snd.iss = conn->snd.una = conn->snd.nxt = conn->snd.sml = conn->snd.up = iss;
	conn->snd.data = conn->snd.pushed = iss + 1;
	conn->opt.ts = sys->tcp_timestamps != 0 && !(conn->state == TCPS_CLOSED && md5_find(conn, &conn->inet.raddr));
	conn->opt.wscale = sys->tcp_window_scaling != 0;
	conn->opt.sack = sys->tcp_sack != 0;
	conn->opt.offset = ts_offset(s, &conn->inet.laddr, &conn->inet.raddr);
	/* RFC 9293 §3.7.1 (MUST-14, SHLD-5): what we can take in is announced in every SYN. */
	conn->rcv.adv_mss = mss_of_mtu(conn, hop->mtu_bytes);
	if (hop->route && hop->route->metrics[RTAX_ADVMSS]) conn->rcv.adv_mss = (uint16_t)MIN(conn->rcv.adv_mss, hop->route->metrics[RTAX_ADVMSS]);
	if (addr_is_v4(&conn->inet.raddr)) conn->rcv.adv_mss = (uint16_t)MAX(conn->rcv.adv_mss, sys->route_min_adv_mss);
	if (conn->set.mss) conn->rcv.adv_mss = (uint16_t)MIN(conn->rcv.adv_mss, conn->set.mss);
	conn->rcv.adv_mss = MAX(conn->rcv.adv_mss, conn_mss_least(conn));      /* a route may say anything, and options take of it */
	conn->rcv.mss = TCP_MSS_RCV_MIN;
	set_mss(conn, ip_mtu(s, &conn->inet.raddr, hop));
	conn->snd.tso_bytes = hop->netif->tso_bytes;
	window_init(conn, conn->rcv.adv_mss, hop->route);
	rtt_init(conn);
	ask_route(conn, hop->route);
	recovery_init(conn);
	return 0;
}

void conn_bound_mss(const struct tcp_sock *conn, struct tcp_opts *o)
{
	if (!conn->set.mss) return;
	if (o->has_mss) {
		o->mss = (uint16_t)MIN(o->mss, conn->set.mss);
	} else if (conn->state == TCPS_SYN_SENT) {
		o->has_mss = true;
		o->mss = (uint16_t)conn->set.mss;
	}
}

void conn_synced(struct tcp_sock *conn, const struct tcp_opts *o)
{
	/* RFC 9293 §3.7.1 (MUST-15): without the option the peer takes 536, or 1220 over IPv6. */
	conn->snd.peer_mss = o->has_mss ? MAX(o->mss, conn_mss_least(conn)) : snd_mss_any(conn);
	conn->snd.mss = MIN(conn->snd.mss, conn->snd.peer_mss);
	/* RFC 7323 §2.2: both sides must have sent the option; a shift above 14 counts as 14 (§2.3). */
	conn->opt.wscale = conn->opt.wscale && o->has_wscale;
	conn->snd.wscale = conn->opt.wscale ? MIN(o->wscale, (uint8_t)TCP_WSCALE_MAX) : 0;
	if (!conn->opt.wscale) {
		conn->rcv.wscale = 0;
		conn->rcv.clamp = MIN(conn->rcv.clamp, 65535u);
	}
	conn->opt.ts = conn->opt.ts && o->has_ts;
	if (conn->opt.ts) {
		conn->opt.recent = o->ts_val;
		conn->opt.recent_when = conn_now(conn);
	}
	conn->opt.sack = conn->opt.sack && o->sack_ok;
}

void conn_stamps_agreed(struct tcp_sock *conn)
{
	if (conn->opt.ts) conn->rcv.adv_mss = (uint16_t)(conn->rcv.adv_mss - MIN(TS_SPACE, conn->rcv.adv_mss));
}

void conn_ready_to_send(struct tcp_sock *conn)
{
	/* As Linux: what never came or went did so now. */
	conn->when.heard = conn->when.got_data = conn->when.sent_data = conn_now(conn);
	recovery_init(conn);
	cc_init(conn);
	mtuprobe_established(conn);
	wmem_expand(conn);
	window_established(conn);
	acking_guess(conn);
}

void conn_established(struct tcp_sock *conn)
{
	rtt_established(conn);
	conn_ready_to_send(conn);
	conn->trouble.retries = 0;
	conn->trouble.since = 0;
	/* A shutdown that came while the SYN was on its way. */
	conn_enter(conn, conn->snd.fin ? TCPS_FIN_WAIT_1 : TCPS_ESTABLISHED);
	if (conn->mptcp) mptcp_opened(conn);
	timers_keepalive(conn);
}

void conn_enter(struct tcp_sock *conn, enum tcp_state state)
{
	struct mib *mib = conn_stack(conn)->mib;

	if (state == TCPS_SYN_SENT) mib->tcp.active_opens++;
	if (conn->state == TCPS_SYN_RECEIVED && state != TCPS_CLOSED) mib->tcp.passive_opens++;
	if (state == TCPS_CLOSED && IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED))) mib->tcp.attempt_fails++;
	if (state == TCPS_CLOSED && IN_STATES(conn, S_(ESTABLISHED) | S_(CLOSE_WAIT))) mib->tcp.established_resets++;
	conn->state = (uint8_t)state;
}

/* ---- the end ---- */

static void free_chain(struct list *packets)
{
	struct list *n;

	while ((n = list_pop(packets)))
		packet_free(list_entry(n, struct packet, node));
}

/* As Linux: how much was never sent stays told. */
static void purge_send(struct tcp_sock *conn)
{
	conn->snd.data += (seq32)conn->snd.queue.len;
	ring_free(&conn->snd.queue);
	cuts_free(conn);
	stamps_forget(conn);
	free(conn->mtu_probe);
	conn->mtu_probe = NULL;
	conn->snd.fin = false;
	chrono_stop(conn);
	rtxq_forget(&conn->rtxq);
	free(conn->cc.cubic);
	conn->cc.cubic = NULL;
}

static void purge(struct tcp_sock *conn)
{
	purge_send(conn);
	free(conn->figures);
	conn->figures = NULL;
	saved_syn_forget(conn);
	free_chain(&conn->rcv.queue);
	conn->rcv.queued = 0;
	rmem_forget(conn);
	runs_free(conn);
}

void conn_free(struct tcp_sock *conn)
{
	struct stack *s = conn_stack(conn);

	listen_stop(conn);
	if (conn->wait.parent) listen_forget(conn);
	ulp_detach(conn);
	fastopen_end(conn);
	if (conn->mptcp) mptcp_conn_freed(conn);
	free(conn->fastopen_keys);
	md5_free(conn);
	timers_clear(conn);
	purge(conn);
	inet_sock_done(&conn->inet.sk);
	if (conn->orphan) s->tcp->n_orphans--;
	sock_free(&conn->inet.sk);
}

void conn_done(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;

	conn_enter(conn, TCPS_CLOSED);
	if (sk->closed || conn->embryo) {
		conn_free(conn);
		return;
	}
	timers_clear(conn);
	purge_send(conn);
	runs_free(conn);
	flow_remove(&conn->inet);
	if (!conn->inet.port_bound) port_release(&conn->inet);
	sk->shut = 3;
	if (conn->mptcp) mptcp_conn_done(conn);
	sock_stir(sk);
}

/* The socket forgets its connection; what bind() gave it and the options stay. */
static void forget_connection(struct tcp_sock *conn)
{
	purge(conn);
	memset(&conn->snd, 0, sizeof *conn - offsetof(struct tcp_sock, snd));
	list_init(&conn->rcv.queue);
	conn->rcv.scaling = TCP_SCALING;
	conn->nospace = conn->unwritable = false;
	conn->fastopen = (struct fastopen){0};
	rtt_init(conn);
}

static void give_up_names(struct inet_sock *is, bool keep_port)
{
	flow_remove(is);
	is->raddr = is->sk.domain == AF_INET6 ? addr_any6 : addr_any4;
	is->rport = 0;
	is->scope = 0;
	if (!is->port_bound && !keep_port) port_release(is);   /* the number still shows in getsockname, as on Linux */
	if (!is->addr_bound) inet_sock_reset_addr(is);
}

void conn_disconnect(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;
	bool unused = conn->state == TCPS_CLOSED;   /* as on Linux, only a connection gives back the port that bind() chose */

	listen_stop(conn);
	if (conn->wait.parent) listen_forget(conn);   /* Fast Open: accepted, and its SYN not proven */
	if (conn->repair.on && conn->state != TCPS_LISTEN) {
		sk->err = ECONNABORTED;
	} else if (IN_STATES(conn, S_(ESTABLISHED) | S_(CLOSE_WAIT) | S_(FIN_WAIT_1) | S_(FIN_WAIT_2) | S_(SYN_RECEIVED))) {
		segment_send_reset(conn);
		sk->err = ECONNRESET;
	} else if (conn->state == TCPS_SYN_SENT) {
		sk->err = ECONNRESET;
	}
	timers_clear(conn);
	conn_enter(conn, TCPS_CLOSED);
	conn->use = TCP_UNCONNECTED;
	forget_connection(conn);
	give_up_names(&conn->inet, unused);
	sk->shut = 0;
	sk->lent = sk->beside = 0;
	sk->peek_off = -1;
	sock_stir(sk);
}

void conn_fail(struct tcp_sock *conn, int err)
{
	/* RFC 9293 §3.6 (MUST-12), RFC 9293 §3.9.1.8 (MUST-47): the program learns of it by its next call. */
	conn->inet.sk.err = err;
	conn->rtt.backoff = 0;
	conn_done(conn);
}

void conn_time_wait(struct tcp_sock *conn)
{
	timewait_add(conn);
	conn_done(conn);
}
