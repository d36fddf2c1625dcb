/*
 * Path MTU discovery that asks nobody: a segment longer than the others is sent, and arrives or not.
 *
 *     low ──────────── probe ──────────── high       MTUs: low works; above high is hopeless
 *        arrived: low = probe     lost: high = probe - 1, and the octets go again in smaller pieces; cwnd stays
 *
 *     net.ipv4.tcp_mtu_probing   1    when full segments get lost and small ones are not tried: the path is a black hole
 *                                2    from the start, with segments of tcp_base_mss
 *
 * In a black hole `low` comes down with each time-out, by half, to tcp_mtu_probe_floor. Probing goes on until low and
 * high are tcp_probe_threshold apart, and starts anew after tcp_probe_interval.
 *
 * Read first: RFC 4821 §7, RFC 8899 §5.
 */
#include "stack/tcp/conn.h"
#include <stdlib.h>

#define CWND_LEAST 11u

struct mtu_probe {
	uint32_t low, high, size;             /* MTUs; size: of the probe that is out, 0: none */
	seq32 start, end;                     /* its octets */
	time_ns since;                        /* this search began */
};

/* Headers of a segment without SACK blocks. */
static uint32_t headers(const struct tcp_sock *conn)
{
	return segment_fixed_len(conn) + (addr_is_v4(&conn->inet.raddr) ? IP4_HDR_MIN : IP6_HDR_LEN);
}

static uint32_t size_of_options(const struct tcp_sock *conn) { return segment_fixed_len(conn) - TCP_HDR_MIN; }

/* What peer and program allow. */
static uint32_t highest(const struct tcp_sock *conn) { return conn->snd.peer_mss + headers(conn) - size_of_options(conn); }

static bool begin(struct tcp_sock *conn)
{
	struct mtu_probe *m = calloc(1, sizeof *m);

	if (!m) return false;
	m->high = highest(conn);
	m->low = (uint32_t)conn_sysctl(conn)->tcp_base_mss + headers(conn);
	m->since = conn_now(conn);
	conn->mtu_probe = m;
	conn_update_mss(conn);
	return true;
}

void mtuprobe_established(struct tcp_sock *conn)
{
	if (conn_sysctl(conn)->tcp_mtu_probing == 2 && !conn->mtu_probe) begin(conn);
}

uint32_t mtuprobe_limit(struct tcp_sock *conn, uint32_t path_mtu)
{
	struct mtu_probe *m = conn->mtu_probe;

	if (!m) return path_mtu;
	m->high = MIN(m->high, path_mtu);
	return MIN(m->low, path_mtu);
}

/* RFC 4821 §7.7: several time-outs in a row. */
void mtuprobe_black_hole(struct tcp_sock *conn)
{
	const struct sysctl *sys = conn_sysctl(conn);
	struct mtu_probe *m = conn->mtu_probe;
	uint32_t mss;

	if (!sys->tcp_mtu_probing) return;
	if (!m) {
		begin(conn);
		return;
	}
	mss = MIN((m->low - headers(conn)) / 2, (uint32_t)sys->tcp_base_mss);
	mss = MAX(mss, (uint32_t)MAX(sys->tcp_mtu_probe_floor, sys->tcp_min_snd_mss));
	m->low = mss + headers(conn);
	conn_update_mss(conn);
}

/* ---- the search ---- */

/* RFC 4821 §7.3: near enough; later the path may be another. */
static void search_again(struct tcp_sock *conn, struct mtu_probe *m)
{
	if (conn_now(conn) - m->since < conn_sysctl(conn)->tcp_probe_interval_s * NS_PER_S) return;
	m->size = 0;
	m->high = highest(conn);
	m->low = snd_mss(conn) + headers(conn);
	m->since = conn_now(conn);
}

/* How long a probe may leave now; 0: none. *ret_wait: nothing else should leave before it. */
static uint32_t plan(struct tcp_sock *conn, struct mtu_probe *m, bool *ret_wait)
{
	uint32_t len = (m->high + m->low) / 2 - headers(conn), needed = len + (conn->rec.reordering + 1u) * snd_mss(conn);
	uint32_t flight = rtxq_in_flight(&conn->rtxq);

	if (m->size || conn->rec.phase != TCP_OPEN || conn->cc.cwnd < CWND_LEAST || conn->rcv.ooo) return 0;
	if (m->high < m->low || m->high - m->low < (uint32_t)MAX(conn_sysctl(conn)->tcp_probe_threshold, 1)) {
		search_again(conn, m);
		return 0;
	}
	if (cuts_unsent(conn) < needed || conn->snd.wnd < needed) return 0;
	/* RFC 4821 §7.4: enough behind it to tell its loss from that of all. */
	*ret_wait = seq_gt(conn->snd.nxt + needed, conn->snd.una + conn->snd.wnd) || (flight + 2 > conn->cc.cwnd && flight);
	return *ret_wait || flight + 2 > conn->cc.cwnd ? 0 : len;
}

bool mtuprobe_send(struct tcp_sock *conn)
{
	struct mtu_probe *m = conn->mtu_probe;
	bool wait = false;
	uint32_t len = m ? plan(conn, m, &wait) : 0;

	if (!len) return !wait;
	if (!output_whole(conn, len)) return true;
	/* It is worth two. */
	conn->cc.cwnd--;
	m->size = len + headers(conn);
	m->start = conn->snd.nxt - len;
	m->end = conn->snd.nxt;
	return true;
}

void mtuprobe_acked(struct tcp_sock *conn)
{
	struct mtu_probe *m = conn->mtu_probe;
	uint64_t octets;

	if (!m || !m->size || seq_gt(m->end, conn->snd.una)) return;
	octets = (uint64_t)conn->cc.cwnd * (snd_mss(conn) + headers(conn));
	cc_set_cwnd(conn, MAX((uint32_t)(octets / m->size), 1u));
	conn->cc.ssthresh = cc_current_ssthresh(conn);
	conn_mib(conn, TCPEXT_TCPMTUPSuccess);
	m->low = m->size;
	m->size = 0;
	conn_update_mss(conn);
}

/* RFC 4821 §7.6.2: only the probe is lost, so it was too long, and the network is not to blame. */
bool mtuprobe_lost(struct tcp_sock *conn)
{
	struct mtu_probe *m = conn->mtu_probe;

	if (!m || !m->size || conn->snd.una != m->start) return false;
	conn_mib(conn, TCPEXT_TCPMTUPFail);
	m->high = m->size - 1;
	m->size = 0;
	conn->cc.cwnd++;
	recovery_resegment(conn);
	return true;
}

/* Something is sent again: what becomes of the probe tells nothing. */
void mtuprobe_forget(struct tcp_sock *conn)
{
	if (conn->mtu_probe) conn->mtu_probe->size = 0;
}
