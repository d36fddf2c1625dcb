/*
 * TCP_INFO, as Linux 6.18 fills it. What this TCP has no notion of is 0, as on Linux where it is not in use.
 *
 * Read first: <linux/tcp.h>, tcp(7).
 */
#include <linux/tcp.h>
#include <stdlib.h>
#include "stack/tcp/conn.h"

#define TCPI_OPT_TFO_CHILD 128       /* of Linux 6.17, newer than its headers here */

/* What kernels since 6.2 add behind the fields that older headers know. */
#define INFO_OLD (offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(uint32_t))
union info {
	struct tcp_info old;
	struct {
		uint8_t old[INFO_OLD];
		uint32_t rcv_wnd, rehash;
		uint16_t total_rto, total_rto_recoveries;
		uint32_t total_rto_time_ms;
		uint32_t accecn[8];          /* since 6.18, of RFC 9768's counters: nothing here negotiates them */
	} all;
};

struct tcp_figures *conn_figures(struct tcp_sock *conn)
{
	if (!conn->figures) conn->figures = calloc(1, sizeof *conn->figures);
	return conn->figures;
}

static uint32_t us(time_ns t) { return (uint32_t)(t / NS_PER_US); }
static uint32_t ms_ago(const struct tcp_sock *conn, time_ns t) { return (uint32_t)((conn_now(conn) - t) / NS_PER_MS); }

/* Before the handshake is done there is no congestion control yet; it will start so. */
static bool is_opening(const struct tcp_sock *conn)
{
	return IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED) | S_(LISTEN)) && !conn->fastopen.server;
}

/* Of a listener, too. */
static void info_any(const struct tcp_sock *conn, struct tcp_info *i)
{
	i->tcpi_state = conn->state;
	i->tcpi_pacing_rate = pacing_rate(conn);
	i->tcpi_max_pacing_rate = pacing_most(conn);
	i->tcpi_reordering = conn->rec.reordering ? conn->rec.reordering : (uint32_t)conn_sysctl(conn)->tcp_reordering;
	i->tcpi_snd_cwnd = conn->cc.cwnd && !is_opening(conn) ? conn->cc.cwnd : TCP_INIT_CWND;
}

static void info_state(const struct tcp_sock *conn, struct tcp_info *i)
{
	bool asked = !conn->snd.peer_mss;             /* and nothing agreed yet */
	unsigned options = (conn->opt.ts ? TCPI_OPT_TIMESTAMPS : 0u) | (conn->opt.sack ? TCPI_OPT_SACK : 0u) | (conn->opt.wscale ? TCPI_OPT_WSCALE : 0u);

	if (asked) options = 0;
	options |= (conn->opt.ecn & TCP_ECN_OK ? TCPI_OPT_ECN : 0u) | (conn->opt.ecn & TCP_ECN_SEEN ? TCPI_OPT_ECN_SEEN : 0u);
	if (conn->fastopen.data_acked) options |= TCPI_OPT_SYN_DATA;
	if (conn->fastopen.server) options |= TCPI_OPT_TFO_CHILD;
	i->tcpi_fastopen_client_fail = conn->fastopen.fail & 3u;
	i->tcpi_ca_state = conn->rec.phase;
	i->tcpi_retransmits = conn->timer_role == TCP_TIMER_PROBE ? 0 : conn->trouble.retries;
	i->tcpi_probes = conn->timer_role == TCP_TIMER_PROBE ? conn->trouble.retries : conn->trouble.probes;
	i->tcpi_backoff = conn->rtt.backoff;
	i->tcpi_options = (uint8_t)options;
	i->tcpi_snd_wscale = conn->snd.wscale & 15u;
	i->tcpi_rcv_wscale = asked || !conn->opt.wscale ? 0 : conn->rcv.wscale & 15u;
}

static void info_path(const struct tcp_sock *conn, struct tcp_info *i)
{
	i->tcpi_snd_mss = conn->snd.mss ? snd_mss_plain(conn) : MSS_DEFAULT;
	i->tcpi_rcv_mss = conn->rcv.mss;
	i->tcpi_advmss = conn->rcv.adv_mss;
	i->tcpi_pmtu = conn->snd.path_mtu;
	i->tcpi_unacked = conn->rtxq.n + (is_opening(conn) ? 1 : 0);
	i->tcpi_sacked = conn->rtxq.sacked;
	i->tcpi_lost = conn->rtxq.lost;
	i->tcpi_retrans = conn->rtxq.retrans;
	i->tcpi_snd_ssthresh = conn->cc.ssthresh && !is_opening(conn) ? conn->cc.ssthresh : CC_INFINITE;
	i->tcpi_rcv_ssthresh = conn->rcv.ssthresh;
	i->tcpi_rcv_space = conn->tune.space;
	i->tcpi_snd_wnd = conn->snd.wnd;
	i->tcpi_delivery_rate = rate_of(conn);
	i->tcpi_delivery_rate_app_limited = !(conn->figures && conn->figures->rate.by_path);
}

static void info_times(const struct tcp_sock *conn, struct tcp_info *i)
{
	i->tcpi_rto = us(rtt_timeout(conn));
	i->tcpi_ato = us(conn->ack.ato);
	i->tcpi_rtt = us(conn->rtt.srtt);
	i->tcpi_rttvar = us(conn->rtt.mdev / 4);
	i->tcpi_min_rtt = conn->rtt.min == TIME_NEVER ? UINT32_MAX : us(conn->rtt.min);
	i->tcpi_rcv_rtt = us(conn->tune.rtt);
	i->tcpi_last_data_sent = ms_ago(conn, conn->when.sent_data);
	i->tcpi_last_data_recv = ms_ago(conn, conn->when.got_data);
	i->tcpi_last_ack_recv = ms_ago(conn, conn->when.heard);
	i->tcpi_rwnd_limited = chrono_us(conn, TCP_CHRONO_RWND);
	i->tcpi_sndbuf_limited = chrono_us(conn, TCP_CHRONO_SNDBUF);
	i->tcpi_busy_time = chrono_us(conn, TCP_CHRONO_BUSY) + i->tcpi_rwnd_limited + i->tcpi_sndbuf_limited;
}

static void info_counts(const struct tcp_sock *conn, struct tcp_info *i)
{
	i->tcpi_total_retrans = conn->count.total_retrans;
	i->tcpi_delivered = conn->cc.delivered;
	i->tcpi_delivered_ce = conn->cc.delivered_ce;
	i->tcpi_dsack_dups = conn->count.dsack_dups;
	i->tcpi_reord_seen = conn->count.reord;
	i->tcpi_rcv_ooopack = conn->count.ooo;
	i->tcpi_bytes_acked = conn->count.bytes_acked;
	i->tcpi_bytes_received = conn->count.bytes_received;
	i->tcpi_bytes_sent = conn->count.bytes_sent;
	i->tcpi_bytes_retrans = conn->count.bytes_retrans;
	i->tcpi_segs_out = conn->count.segs_out;
	i->tcpi_segs_in = conn->count.segs_in;
	i->tcpi_data_segs_out = conn->count.data_segs_out;
	i->tcpi_data_segs_in = conn->count.data_segs_in;
	/* As Linux: a FIN is an octet here. */
	i->tcpi_notsent_bytes = snd_unsent(conn) + (conn->snd.fin && !snd_fin_sent(conn) ? 1 : 0);
}

static void info_newer(const struct tcp_sock *conn, union info *i)
{
	const struct tcp_figures *f = conn->figures;

	i->all.rcv_wnd = conn->rcv.wnd;
	if (!f) return;
	i->all.rehash = f->rehashes;
	i->all.total_rto = f->timeouts;
	i->all.total_rto_recoveries = f->timeout_runs;
	i->all.total_rto_time_ms = f->timeout_ms + (f->timeout_since ? ms_ago(conn, f->timeout_since) : 0);
}

/* Ours, and nothing is agreed on yet, or both opened at once; it may have been given up. */
static bool syn_was_lost(const struct tcp_sock *conn)
{
	bool opens = conn->state == TCPS_SYN_SENT || (conn->state == TCPS_SYN_RECEIVED && !conn->wait.parent);

	return conn->trouble.retries && (opens || (conn->state == TCPS_CLOSED && !conn->snd.peer_mss));
}

/* As Linux: a SYN that is sent again is a loss like any other. */
static void info_lost_syn(const struct tcp_sock *conn, struct tcp_info *i)
{
	i->tcpi_ca_state = TCP_LOSS;
	i->tcpi_lost = i->tcpi_retrans = 1;
	i->tcpi_snd_cwnd = 1;
	i->tcpi_snd_ssthresh = conn->set.cc == &cc_cubic ? TCP_INIT_CWND * 717 / 1024 : TCP_INIT_CWND / 2;
}

int get_info(struct sock *sk, void *val, socklen_t *len)
{
	const struct tcp_sock *conn = tcp_of(sk);
	union info i = {.all = {.rcv_wnd = 0}};

	info_any(conn, &i.old);
	if (conn->state == TCPS_LISTEN) {
		i.old.tcpi_unacked = listen_waiting(conn);
		i.old.tcpi_sacked = conn->listener->backlog;
	} else {
		info_state(conn, &i.old);
		info_times(conn, &i.old);
		info_counts(conn, &i.old);
		info_path(conn, &i.old);
		info_newer(conn, &i);
		if (syn_was_lost(conn)) info_lost_syn(conn, &i.old);
	}
	return opt_copy_out(val, len, &i, sizeof i.all);
}
