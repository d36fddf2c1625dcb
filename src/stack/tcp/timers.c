/*
 * The three timers of a connection.
 *
 *     rtx     in flight: retransmission (RFC 6298), backing off from the RTO to two minutes
 *             nothing in flight but something to send: the persist timer, probing the window
 *     delack  an ACK is owed and not sent within 40 ms
 *     keep    keepalive; after close(), how long FIN-WAIT-2 may last
 *
 * A connection gives up when nothing was acknowledged for as long as tcp_retries2 back-offs of an RTO of 200 ms take,
 * or TCP_USER_TIMEOUT if that is set; an opening one after so many SYNs. The error is the last soft one, or ETIMEDOUT.
 *
 * Read first: RFC 6298 §5, RFC 9293 §3.8.3-3.8.6, RFC 5482, tcp(7).
 */
#include "stack/tcp/conn.h"
#include <errno.h>

#define THIN_RETRIES 6
#define ORPHAN_RETRIES 8            /* what Linux takes tcp_orphan_retries = 0 for */

static void arm(struct tcp_sock *conn, struct timer *t, time_ns in)
{
	timer_set(conn_stack(conn), t, conn_now(conn) + in);
}

static void give_up(struct tcp_sock *conn)
{
	conn_fail(conn, conn->soft_err ? conn->soft_err : ETIMEDOUT);
}

static int retries_allowed(const struct tcp_sock *conn)
{
	const struct sysctl *sys = conn_sysctl(conn);

	if (!conn->inet.sk.closed) return sys->tcp_retries2;
	return sys->tcp_orphan_retries ? sys->tcp_orphan_retries : ORPHAN_RETRIES;
}

/* How long n back-offs from first last: Linux's tcp_model_timeout. */
static time_ns backoff_sum(time_ns first, int n)
{
	time_ns sum = 0, rto = first;

	for (int i = 0; i <= n; i++) {
		sum += rto;
		rto = MIN(2 * rto, TCP_RTO_MAX);
	}
	return sum;
}

static time_ns user_timeout(const struct tcp_sock *conn) { return conn->user_timeout_ms * NS_PER_MS; }
static time_ns stuck_for(const struct tcp_sock *conn) { return conn_now(conn) - conn->stuck_since; }

/* RFC 9293 §3.8.3 (MUST-20, MUST-21): R2, in Linux's terms a time. */
static bool retransmission_expired(const struct tcp_sock *conn)
{
	if (!conn->retries) return false;
	if (conn->user_timeout_ms) return stuck_for(conn) >= user_timeout(conn);
	return stuck_for(conn) >= backoff_sum(TCP_RTO_MIN, retries_allowed(conn));
}

/* The RTO, but not past the moment at which TCP_USER_TIMEOUT ends it all. */
static time_ns rtx_delay(const struct tcp_sock *conn)
{
	time_ns rto = rtt_timeout(conn), left;

	if (!conn->user_timeout_ms || !conn->stuck_since) return rto;
	left = user_timeout(conn) - stuck_for(conn);
	return MIN(rto, MAX(left, NS_PER_MS));
}

/* ---- SYN-SENT and SYN-RECEIVED ---- */

static int syn_retries_allowed(const struct tcp_sock *conn)
{
	if (conn->embryo) return MAX(conn_sysctl(conn)->tcp_synack_retries, conn->acked ? conn->parent->defer_accept : 0);
	return conn->syncnt ? conn->syncnt : conn_sysctl(conn)->tcp_syn_retries;
}

static void syn_timeout(struct tcp_sock *conn)
{
	bool user_expired = conn->user_timeout_ms && conn->retries && stuck_for(conn) >= user_timeout(conn);
	/* The peer of a deferred connection has our SYN: it is reminded only when its time is up. */
	bool wait_for_data = conn->embryo && conn->acked && conn->retries + 1 < conn->parent->defer_accept;

	if (conn->retries >= syn_retries_allowed(conn) || user_expired) {
		give_up(conn);
		return;
	}
	if (!conn->stuck_since) conn->stuck_since = conn_now(conn) - rtt_timeout(conn);
	conn->retries++;
	conn->rtt.backoff++;
	rtt_retransmitted(conn, conn->snd.iss);
	if (!wait_for_data) {
		conn->total_retrans++;
		conn_stack(conn)->tcp_retransmits++;
		segment_send_syn(conn);
	}
	arm(conn, &conn->rtx, rtx_delay(conn));
}

/* ---- retransmission and persist ---- */

/* TCP_THIN_LINEAR_TIMEOUTS: a stream that never has four segments in flight can't be the congestion; six times it does not back off. */
static bool stays_linear(const struct tcp_sock *conn)
{
	return conn->thin_linear && conn->state == TCPS_ESTABLISHED && snd_flight(conn) < 4 * snd_mss(conn) && conn->retries <= THIN_RETRIES;
}

static void retransmission_timeout(struct tcp_sock *conn)
{
	if (retransmission_expired(conn)) {
		give_up(conn);
		return;
	}
	if (!conn->stuck_since) conn->stuck_since = conn_now(conn) - rtt_timeout(conn);
	if (conn->retries < UINT8_MAX) conn->retries++;
	/* RFC 6298 §5 (5.4-5.6) */
	recovery_timeout(conn);
	conn->rtt.backoff = stays_linear(conn) ? 0 : (uint8_t)MIN(conn->rtt.backoff + 1, 32);
	tcp_output(conn);
}

/* RFC 9293 §3.8.6.1 (MUST-37): probed for ever as long as the peer answers; but what a program left behind may not be held for ever. */
static bool probing_expired(const struct tcp_sock *conn)
{
	if (conn->user_timeout_ms && conn->stuck_since && stuck_for(conn) >= user_timeout(conn)) return true;
	if (conn->inet.sk.closed && rtt_timeout(conn) >= TCP_RTO_MAX && conn->rtt.backoff >= retries_allowed(conn)) return true;
	return conn->retries >= retries_allowed(conn);
}

static void probe_timeout(struct tcp_sock *conn)
{
	if (probing_expired(conn)) {
		give_up(conn);
		return;
	}
	if (!conn->stuck_since) conn->stuck_since = conn_now(conn);
	conn->retries++;
	conn->rtt.backoff = (uint8_t)MIN(conn->rtt.backoff + 1, 32);
	output_probe(conn);
	timers_after_output(conn);
}

static void fire_rtx(struct timer *t)
{
	struct tcp_sock *conn = container_of(t, struct tcp_sock, rtx);

	if (IN_STATES(conn, S_(SYN_SENT) | S_(SYN_RECEIVED)))
		syn_timeout(conn);
	else if (conn->rtx_role == TCP_TIMER_PROBE)
		probe_timeout(conn);
	else
		retransmission_timeout(conn);
}

static void rtx_run_as(struct tcp_sock *conn, enum tcp_rtx_role role)
{
	if (timer_is_set(&conn->rtx) && conn->rtx_role == role) return;
	if (conn->rtx_role != role) {
		conn->rtt.backoff = conn->retries = 0;
		conn->stuck_since = 0;
	}
	conn->rtx_role = (uint8_t)role;
	arm(conn, &conn->rtx, rtx_delay(conn));
}

void timers_after_output(struct tcp_sock *conn)
{
	if (snd_flight(conn))
		rtx_run_as(conn, TCP_TIMER_RETRANSMIT);   /* RFC 6298 §5 (5.1) */
	else if (snd_unsent(conn) || (conn->snd.fin && !snd_fin_sent(conn)))
		rtx_run_as(conn, TCP_TIMER_PROBE);
	else
		timer_clear(conn_stack(conn), &conn->rtx); /* RFC 6298 §5 (5.2) */
}

/* RFC 6298 §5 (5.3): the next tcp_output sets it anew. */
void timers_restart_rtx(struct tcp_sock *conn)
{
	if (conn->rtx_role == TCP_TIMER_RETRANSMIT) timer_clear(conn_stack(conn), &conn->rtx);
}

/* ---- delayed ACK ---- */

static void fire_delack(struct timer *t)
{
	struct tcp_sock *conn = container_of(t, struct tcp_sock, delack);

	/* The program did not answer in time: it is not the kind that does. */
	conn->ack.pingpong = false;
	segment_send_ack(conn);
}

void timers_delack(struct tcp_sock *conn)
{
	/* RFC 9293 §3.8.6.3 (MUST-40): less than half a second. */
	if (!timer_is_set(&conn->delack)) arm(conn, &conn->delack, TCP_DELACK);
}

/* ---- keepalive and FIN-WAIT-2 ---- */

static time_ns keepidle(const struct tcp_sock *conn) { return (conn->keepidle_s ? conn->keepidle_s : conn_sysctl(conn)->tcp_keepalive_time_s) * NS_PER_S; }
static time_ns keepintvl(const struct tcp_sock *conn) { return (conn->keepintvl_s ? conn->keepintvl_s : conn_sysctl(conn)->tcp_keepalive_intvl_s) * NS_PER_S; }
static int keepcnt(const struct tcp_sock *conn) { return conn->keepcnt ? conn->keepcnt : conn_sysctl(conn)->tcp_keepalive_probes; }

static void keepalive(struct tcp_sock *conn)
{
	time_ns idle = conn_now(conn) - conn->heard;
	bool over = conn->user_timeout_ms ? conn->probes && idle >= user_timeout(conn) : conn->probes >= keepcnt(conn);

	if (snd_flight(conn) || snd_unsent(conn)) {
		arm(conn, &conn->keep, keepidle(conn));   /* what is outstanding tells whether the peer lives */
	} else if (idle < keepidle(conn)) {
		arm(conn, &conn->keep, keepidle(conn) - idle);
	} else if (over) {
		segment_send_reset(conn);
		give_up(conn);
	} else {
		/* RFC 9293 §3.8.4 (MUST-29): an old sequence number, without data. */
		segment_send(conn, conn->snd.una - 1, 0, TCP_ACK);
		conn->probes++;
		arm(conn, &conn->keep, keepintvl(conn));
	}
}

static void fire_keep(struct timer *t)
{
	struct tcp_sock *conn = container_of(t, struct tcp_sock, keep);

	if (conn->state == TCPS_FIN_WAIT_2 && conn->inet.sk.closed)
		conn_done(conn);
	else if (conn->inet.sk.keepalive && IN_STATES(conn, STATES_SYNCED))
		keepalive(conn);
}

void timers_keepalive(struct tcp_sock *conn)
{
	if (conn->state == TCPS_FIN_WAIT_2 && conn->inet.sk.closed) return;
	if (conn->inet.sk.keepalive && IN_STATES(conn, STATES_SYNCED))
		arm(conn, &conn->keep, MAX(keepidle(conn) - (conn_now(conn) - conn->heard), 0));
	else
		timer_clear(conn_stack(conn), &conn->keep);
}

int conn_fin_timeout_s(const struct tcp_sock *conn)
{
	return conn->linger2_s ? conn->linger2_s : conn_sysctl(conn)->tcp_fin_timeout_s;
}

void timers_fin_wait_2(struct tcp_sock *conn)
{
	arm(conn, &conn->keep, conn_fin_timeout_s(conn) * NS_PER_S);
}

/* ---- all ---- */

void timers_init(struct tcp_sock *conn)
{
	conn->rtx.fire = fire_rtx;
	conn->delack.fire = fire_delack;
	conn->keep.fire = fire_keep;
}

void timers_clear(struct tcp_sock *conn)
{
	timer_clear(conn_stack(conn), &conn->rtx);
	timer_clear(conn_stack(conn), &conn->delack);
	timer_clear(conn_stack(conn), &conn->keep);
}
