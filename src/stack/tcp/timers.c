/*
 * The four timers of a connection.
 *
 *     rtx     in flight: retransmission (RFC 6298), backing off from the RTO to two minutes; before that, as its role
 *             says, the tail loss probe (tlp.c) or the end of the reordering window (rack.c)
 *             nothing in flight but something to send: the persist timer, probing the window
 *     delack  an ACK is owed and not sent within the time that acking.c chose
 *     keep    keepalive; after close(), how long FIN-WAIT-2 may last
 *     pace    pacing.c held a segment back
 *
 * A connection gives up when nothing was acknowledged for as long as tcp_retries2 back-offs of an RTO of 200 ms take,
 * or TCP_USER_TIMEOUT if that is set; an opening one after so many SYNs. The error is the last soft one, or ETIMEDOUT.
 *
 * Read first: RFC 6298 §5, RFC 9293 §3.8.3-3.8.6, RFC 5482, tcp(7).
 */
#include "stack/tcp/conn.h"
#include <errno.h>

#define THIN_RETRIES 6
#define SHORT_WAIT_S 4
#define ORPHAN_RETRIES 8            /* what Linux takes tcp_orphan_retries = 0 for */

static void arm(struct tcp_sock *conn, struct timer *t, time_ns in)
{
	timer_set(conn_stack(conn), t, conn_now(conn) + in);
}

static void give_up(struct tcp_sock *conn)
{
	if (!conn->embryo) conn_mib(conn, TCPEXT_TCPAbortOnTimeout);
	conn_fail(conn, conn->trouble.soft_err ? conn->trouble.soft_err : ETIMEDOUT);
}

static int retries_allowed(const struct tcp_sock *conn)
{
	const struct sysctl *sys = conn_sysctl(conn);

	if (!conn->inet.sk.closed) return sys->tcp_retries2;
	return sys->tcp_orphan_retries ? sys->tcp_orphan_retries : ORPHAN_RETRIES;
}

/* How long n back-offs from the least RTO last: Linux's tcp_model_timeout. */
static time_ns backoff_sum(const struct tcp_sock *conn, int n)
{
	time_ns sum = 0, rto = conn_rto_min(conn), most = conn_rto_max(conn);

	for (int i = 0; i <= n; i++) {
		sum += rto;
		rto = MIN(2 * rto, most);
	}
	return sum;
}

/* 0: none. As Linux: what its listener has set counts once it is a connection. */
static time_ns user_timeout(const struct tcp_sock *conn) { return conn->embryo ? 0 : conn->set.user_timeout_ms * NS_PER_MS; }
static time_ns stuck_for(const struct tcp_sock *conn) { return conn_now(conn) - conn->trouble.since; }

/* In Linux's time: its time-outs are a tick longer than the least, of which backoff_sum is made. */
static time_ns stuck_in_ticks(const struct tcp_sock *conn)
{
	time_ns rto = MAX(rtt_measured(conn), 1), longer = MAX(conn_rto_min(conn) + TCP_TICK - rto, 0);

	return stuck_for(conn) + stuck_for(conn) / rto * longer;
}

/* RFC 9293 §3.8.3 (MUST-20, MUST-21): R2, in Linux's terms a time. */
static bool retransmission_expired(const struct tcp_sock *conn)
{
	if (!conn->trouble.retries) return false;
	if (conn->set.user_timeout_ms) return stuck_for(conn) >= user_timeout(conn);
	return stuck_in_ticks(conn) >= backoff_sum(conn, retries_allowed(conn));
}

/* Not past the moment at which TCP_USER_TIMEOUT ends it all. */
static time_ns within_user_timeout(const struct tcp_sock *conn, time_ns delay)
{
	if (!user_timeout(conn) || !conn->trouble.since) return delay;
	return MIN(delay, MAX(user_timeout(conn) - stuck_for(conn), NS_PER_MS));
}

static time_ns rtx_delay(const struct tcp_sock *conn) { return within_user_timeout(conn, rtt_timeout(conn)); }

/* For TCP_INFO: a run of time-outs lasts until recovery from it is over; that of a SYN and ACK, as on Linux, from when it left. */
static void note_timeout(struct tcp_sock *conn)
{
	struct tcp_figures *f = conn_figures(conn);

	if (!f) return;
	f->timeouts++;
	if (conn->trouble.retries) return;
	f->timeout_runs++;
	f->timeout_since = MAX(conn->embryo ? conn->rtt.syn_at : conn_now(conn), 1);
}

void timers_recovered(struct tcp_sock *conn)
{
	struct tcp_figures *f = conn->figures;

	if (!f || !f->timeout_since) return;
	f->timeout_ms += (uint32_t)((conn_now(conn) - f->timeout_since) / NS_PER_MS);
	f->timeout_since = 0;
}

/* As Linux: the path may be the trouble, and the flow label is what routers choose among paths by. */
static void take_another_path(struct tcp_sock *conn)
{
	struct tcp_figures *f = conn_figures(conn);

	if (conn->inet.sk.no_txrehash || conn->embryo) return;
	conn->inet.flow_salt++;
	conn_mib(conn, TCPEXT_TcpTimeoutRehash);
	if (f) f->rehashes++;
}

/* ---- SYN-SENT and SYN-RECEIVED ---- */

static int syn_retries_allowed(const struct tcp_sock *conn)
{
	/* As Linux: a program may have it already, so it is tried once more. */
	if (conn->fastopen.unproven) return conn->set.syncnt ? conn->set.syncnt : conn_sysctl(conn)->tcp_synack_retries + 1;
	int retries = conn->embryo ? conn_sysctl(conn)->tcp_synack_retries : conn_sysctl(conn)->tcp_syn_retries;

	if (conn->set.syncnt) retries = conn->set.syncnt;
	return conn->embryo && conn->deferred ? MAX(retries, conn->wait.parent->set.defer_accept) : retries;
}

/* Linux sends the first SYNs a second apart: net.ipv4.tcp_syn_linear_timeouts. */
static int linear_syns(const struct tcp_sock *conn) { return conn->state == TCPS_SYN_SENT ? conn_sysctl(conn)->tcp_syn_linear_timeouts : 0; }

static void syn_timeout(struct tcp_sock *conn)
{
	bool user_expired = user_timeout(conn) && conn->trouble.retries && stuck_for(conn) >= user_timeout(conn);
	/* The peer of a deferred connection has our SYN: it is reminded only when its time is up. */
	bool wait_for_data = conn->embryo && conn->deferred && conn->trouble.retries + 1 < conn->wait.parent->set.defer_accept;

	bool expired = conn->trouble.retries >= syn_retries_allowed(conn) + linear_syns(conn) || user_expired;

	conn_mib(conn, TCPEXT_TCPTimeouts);
	fastopen_syn_timeout(conn, expired);
	take_another_path(conn);
	if (expired) {
		give_up(conn);
		return;
	}
	/* As Linux, at the second: what went with the SYN and ACK is not to be thought in flight. */
	if (conn->fastopen.unproven && conn->trouble.retries == 1) recovery_timeout(conn);
	/* Not by the clock: a host that stood still fires late. */
	if (!conn->trouble.since) conn->trouble.since = conn->rtt.syn_at;
	note_timeout(conn);
	conn->trouble.retries++;
	if (conn->trouble.retries > linear_syns(conn)) rtt_back_off(conn);
	if (!wait_for_data) {
		conn->count.total_retrans++;
		conn_stack(conn)->tcp_retransmits++;
		conn_mib(conn, TCPEXT_TCPSynRetrans);
		segment_send_syn(conn);
	}
	timers_syn_sent(conn);
}

/* ---- retransmission and persist ---- */

/* TCP_THIN_LINEAR_TIMEOUTS: a stream that never has four segments in flight can't be the congestion; six times it does not back off. */
static bool stays_linear(const struct tcp_sock *conn)
{
	if (!conn->set.thin_linear && !conn_sysctl(conn)->tcp_thin_linear_timeouts) return false;
	return conn->state == TCPS_ESTABLISHED && snd_flight(conn) < 4 * snd_mss(conn) && conn->trouble.retries <= THIN_RETRIES;
}

static void retransmission_timeout(struct tcp_sock *conn)
{
	if (!conn->rtxq.n) return;
	conn_mib(conn, TCPEXT_TCPTimeouts);
	take_another_path(conn);
	if (retransmission_expired(conn)) {
		give_up(conn);
		return;
	}
	/* As Linux: R1 and R2 count from the first retransmission. */
	if (!conn->trouble.since) conn->trouble.since = conn_now(conn);
	/* RFC 9293 §3.8.3 (MUST-20): R1; the way may be the trouble. */
	if (conn->trouble.retries && stuck_for(conn) >= backoff_sum(conn, conn_sysctl(conn)->tcp_retries1)) mtuprobe_black_hole(conn);
	/* RFC 6298 §5 (5.4-5.6) */
	recovery_timeout(conn);
	note_timeout(conn);
	if (conn->trouble.retries < UINT8_MAX) conn->trouble.retries++;
	output_resend(conn, 0);
	if (stays_linear(conn)) rtt_back_off_no_more(conn);
	else rtt_back_off(conn);
	timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, rtx_delay(conn));
}

/* RFC 9293 §3.8.6.1 (MUST-37): probed for ever as long as the peer answers; but what a program left behind may not be held for ever. */
static bool probing_expired(const struct tcp_sock *conn)
{
	if (conn->set.user_timeout_ms && conn->trouble.since && stuck_for(conn) >= user_timeout(conn)) return true;
	if (conn->inet.sk.closed && rtt_probe_delay(conn) >= conn_rto_max(conn) && conn->rtt.backoff >= retries_allowed(conn)) return true;
	return conn->trouble.retries >= retries_allowed(conn);
}

static bool something_to_send(const struct tcp_sock *conn) { return snd_unsent(conn) || (conn->snd.fin && !snd_fin_sent(conn)); }

static void probe_in(struct tcp_sock *conn, time_ns delay)
{
	timers_set_rtx(conn, TCP_TIMER_PROBE, within_user_timeout(conn, delay));
}

static void probe_timeout(struct tcp_sock *conn)
{
	if (probing_expired(conn)) {
		give_up(conn);
		return;
	}
	if (!conn->trouble.since) conn->trouble.since = conn_now(conn);
	conn->trouble.retries++;
	output_probe(conn);
	if (conn->rtxq.n || !something_to_send(conn)) {
		conn->trouble.retries = 0;
		conn->trouble.since = 0;
		/* What fitted is in flight now. As Linux: the back-off of time-outs before stays in the RTO. */
		conn->rtt.backoff = 0;
		if (conn->rtxq.n) timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, rtt_timeout(conn));
		return;
	}
	rtt_probe_back_off(conn);
	probe_in(conn, rtt_probe_delay(conn));
}

/* RFC 9293 §3.8.6.1: the answer to a probe, or any ACK: if there is still no room, on with the back-off. */
void timers_window_news(struct tcp_sock *conn)
{
	if (conn->timer_role != TCP_TIMER_PROBE) return;
	/* A peer that answers probes lives; TCP_USER_TIMEOUT goes on counting until it takes something. */
	conn->trouble.retries = 0;
	if (!something_to_send(conn)) return;
	if (!seq_gt(conn->snd.nxt + MIN(snd_unsent(conn), snd_mss(conn)), conn->snd.una + conn->snd.wnd)) {
		conn->rtt.backoff = 0;
		conn->trouble.since = 0;
		timers_stop_rtx(conn);
	} else {
		probe_in(conn, rtt_probe_delay(conn));
	}
}

static void fire_rtx(struct timer *t)
{
	struct tcp_sock *conn = container_of(t, struct tcp_sock, timer.rtx);
	enum tcp_timer_role role = conn->timer_role;

	conn->timer_role = TCP_TIMER_IDLE;
	if (IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED)) || conn->fastopen.unproven)
		syn_timeout(conn);
	else if (role == TCP_TIMER_PROBE)
		probe_timeout(conn);
	else if (role == TCP_TIMER_TAIL)
		tlp_timeout(conn);
	else if (role == TCP_TIMER_REORDER)
		rack_timeout(conn);
	else
		retransmission_timeout(conn);
}

void timers_set_rtx(struct tcp_sock *conn, enum tcp_timer_role role, time_ns in)
{
	conn->timer_role = (uint8_t)role;
	arm(conn, &conn->timer.rtx, in);
}

void timers_stop_rtx(struct tcp_sock *conn)
{
	conn->timer_role = TCP_TIMER_IDLE;
	timer_clear(conn_stack(conn), &conn->timer.rtx);
}

void timers_syn_sent(struct tcp_sock *conn) { timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, rtx_delay(conn)); }

time_ns timers_rto_left(const struct tcp_sock *conn)
{
	return conn->rtxq.n ? rtxq_at(&conn->rtxq, 0)->at + rtt_timeout(conn) - conn_now(conn) : 0;
}

void timers_rearm(struct tcp_sock *conn)
{
	bool after_probe = conn->timer_role == TCP_TIMER_TAIL || conn->timer_role == TCP_TIMER_REORDER;

	/* The SYN and ACK comes first. */
	if (conn->fastopen.unproven) return;
	/* RFC 6298 §5 (5.2), (5.3); RFC 8985 §7.3: after a probe the time counts from when the first was sent. */
	if (conn->rtxq.n == 0)
		timers_stop_rtx(conn);
	else if (after_probe || conn->timer_role == TCP_TIMER_IDLE)
		timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, MAX(timers_rto_left(conn), NS_PER_US));
	else
		timers_set_rtx(conn, TCP_TIMER_RETRANSMIT, rtt_timeout(conn));
}

void timers_after_output(struct tcp_sock *conn)
{
	if (conn->rtxq.n || conn->fastopen.unproven) return;
	if (!something_to_send(conn)) {
		timers_stop_rtx(conn);
	} else if (conn->timer_role != TCP_TIMER_PROBE) {
		conn->trouble.retries = 0;
		conn->trouble.since = 0;
		probe_in(conn, rtt_first_probe_delay(conn));
	}
}

/* ---- delayed ACK ---- */

static void fire_delack(struct timer *t)
{
	acking_timeout(container_of(t, struct tcp_sock, timer.delack));
}

void timers_set_delack(struct tcp_sock *conn, time_ns at)
{
	if (at == TIME_NEVER)
		timer_clear(conn_stack(conn), &conn->timer.delack);
	else
		timer_set(conn_stack(conn), &conn->timer.delack, at);
}

/* ---- keepalive and FIN-WAIT-2 ---- */

/* A time or count of the program's, or else the host's. */
static int own_or(int own, int otherwise) { return own ? own : otherwise; }
/* A setting of 0 is Linux's next tick, as of every timer of its. */
static time_ns keep_time(int own_s, int setting_s) { return MAX(own_or(own_s, setting_s) * NS_PER_S, TCP_TICK); }

static time_ns keepidle(const struct tcp_sock *conn) { return keep_time(conn->set.keepidle_s, conn_sysctl(conn)->tcp_keepalive_time_s); }
static time_ns keepintvl(const struct tcp_sock *conn) { return keep_time(conn->set.keepintvl_s, conn_sysctl(conn)->tcp_keepalive_intvl_s); }
static int keepcnt(const struct tcp_sock *conn) { return own_or(conn->set.keepcnt, conn_sysctl(conn)->tcp_keepalive_probes); }

static void keepalive(struct tcp_sock *conn)
{
	time_ns idle = conn_now(conn) - conn->when.heard;
	bool over = conn->set.user_timeout_ms ? conn->trouble.probes && idle >= user_timeout(conn) : conn->trouble.probes >= keepcnt(conn);

	if (snd_flight(conn) || snd_unsent(conn)) {
		arm(conn, &conn->timer.keep, keepidle(conn));   /* what is outstanding tells whether the peer lives */
	} else if (idle < keepidle(conn)) {
		arm(conn, &conn->timer.keep, keepidle(conn) - idle);
	} else if (over) {
		segment_send_reset(conn);
		give_up(conn);
	} else {
		/* RFC 9293 §3.8.4 (MUST-29): an old sequence number, without data. */
		segment_send(conn, conn->snd.una - 1, 0, TCP_ACK);
		conn_mib(conn, TCPEXT_TCPKeepAlive);
		conn->trouble.probes++;
		arm(conn, &conn->timer.keep, keepintvl(conn));
	}
}

/* pacing.c held something back. */
static void fire_pace(struct timer *t)
{
	struct tcp_sock *conn = container_of(t, struct tcp_sock, timer.pace);

	if (!conn_may_send(conn)) return;
	if (conn->rtxq.lost > conn->rtxq.retrans) output_lost(conn);
	tcp_output(conn);
}

static void fire_keep(struct timer *t)
{
	struct tcp_sock *conn = container_of(t, struct tcp_sock, timer.keep);

	if (conn->state == TCPS_FIN_WAIT_2 && conn->inet.sk.closed)
		conn_done(conn);
	else if (conn->inet.sk.keepalive && IN_STATES(conn, STATES_SYNCED))
		keepalive(conn);
}

void timers_keepalive(struct tcp_sock *conn)
{
	if (conn->state == TCPS_FIN_WAIT_2 && conn->inet.sk.closed) return;
	if (conn->inet.sk.keepalive && IN_STATES(conn, STATES_SYNCED))
		arm(conn, &conn->timer.keep, MAX(keepidle(conn) - (conn_now(conn) - conn->when.heard), 0));
	else
		timer_clear(conn_stack(conn), &conn->timer.keep);
}

int conn_fin_timeout_s(const struct tcp_sock *conn)
{
	return conn->set.linger2_s ? conn->set.linger2_s : conn_sysctl(conn)->tcp_fin_timeout_s;
}

/* As Linux: of a socket that is closed only what TIME-WAIT needs is kept from here on, and is counted as that. */
void timers_fin_wait_2(struct tcp_sock *conn)
{
	if (conn->orphan) conn_mib(conn, conn_fin_timeout_s(conn) <= SHORT_WAIT_S ? TCPEXT_TWKilled : TCPEXT_TW);
	arm(conn, &conn->timer.keep, conn_fin_timeout_s(conn) * NS_PER_S);
}

/* ---- all ---- */

void timers_init(struct tcp_sock *conn)
{
	conn->timer.rtx.fire = fire_rtx;
	conn->timer.delack.fire = fire_delack;
	conn->timer.keep.fire = fire_keep;
	conn->timer.pace.fire = fire_pace;
}

void timers_clear(struct tcp_sock *conn)
{
	timer_clear(conn_stack(conn), &conn->timer.rtx);
	timer_clear(conn_stack(conn), &conn->timer.delack);
	timer_clear(conn_stack(conn), &conn->timer.keep);
	timer_clear(conn_stack(conn), &conn->timer.pace);
}
