/*
 * Round-trip time and the retransmission timeout, in Linux's variant of RFC 6298:
 *
 *     SRTT = 7/8 SRTT + 1/8 R      mdev = 3/4 mdev + 1/4 |SRTT - R|, slower when R got much shorter
 *     var  = the largest mdev of a round trip, at least 200 ms, coming down by a quarter a round trip
 *     RTO  = SRTT + var
 *
 * What was sent once is timed by the stack's own clock, whether acknowledged or sacked; when all that an ACK
 * acknowledges was sent again (Karn's algorithm), the echoed timestamp of RFC 7323 serves instead.
 *
 * Read first: RFC 6298, RFC 7323 §4.
 */
#include "stack/tcp/conn.h"

#define BACKOFF_MAX 32
#define PROBE_MIN (200 * NS_PER_MS)

time_ns rtt_measured(const struct tcp_sock *conn) { return MIN(conn->rtt.srtt + conn->rtt.var, conn_rto_max(conn)); }

void rtt_init(struct tcp_sock *conn)
{
	memset(&conn->rtt, 0, sizeof conn->rtt);
	/* RFC 6298 §2 (2.1) */
	conn->rtt.rto = conn->rtt.mdev = TCP_RTO_INIT;
	conn->rtt.min = TIME_NEVER;
}

static void first_sample(struct tcp_sock *conn, time_ns r)
{
	/* RFC 6298 §2 (2.2) */
	conn->rtt.srtt = r;
	conn->rtt.mdev = 2 * r;
	conn->rtt.var = conn->rtt.mdev_max = MAX(2 * r, conn_rto_min(conn));
	conn->rtt.round = conn->snd.nxt;
}

static void next_sample(struct tcp_sock *conn, time_ns r)
{
	time_ns delta = r - conn->rtt.srtt, away = delta < 0 ? -delta : delta, change = away - conn->rtt.mdev / 4;

	/* RFC 6298 §2 (2.3). mdev is kept four times as large. A much shorter R says nothing bad about the path: it widens mdev less. */
	conn->rtt.srtt = MAX(conn->rtt.srtt + delta / 8, 1);
	conn->rtt.mdev += delta < 0 && change > 0 ? change / 8 : change;
	if (conn->rtt.mdev > conn->rtt.mdev_max) {
		conn->rtt.mdev_max = conn->rtt.mdev;
		conn->rtt.var = MAX(conn->rtt.var, conn->rtt.mdev_max);
	}
	if (!seq_gt(conn->snd.una, conn->rtt.round)) return;
	/* A round trip is over. */
	if (conn->rtt.mdev_max < conn->rtt.var) conn->rtt.var -= (conn->rtt.var - conn->rtt.mdev_max) / 4;
	conn->rtt.round = conn->snd.nxt;
	conn->rtt.mdev_max = conn_rto_min(conn);
}

static void note_minimum(struct tcp_sock *conn, time_ns r)
{
	if (r > conn->rtt.min && conn_now(conn) - conn->rtt.min_at < conn_sysctl(conn)->tcp_min_rtt_wlen_s * NS_PER_S) return;
	conn->rtt.min = r;
	conn->rtt.min_at = conn_now(conn);
}

static void add_sample(struct tcp_sock *conn, time_ns r)
{
	r = MAX(r, 1);
	if (conn->rtt.srtt == 0)
		first_sample(conn, r);
	else
		next_sample(conn, r);
	conn->rtt.rto = rtt_measured(conn);
	/* RFC 6298 §5 (5.7), as Linux: a valid measurement ends the back-off. */
	conn->rtt.backoff = 0;
}

/* RFC 7323 §4.1: of the timestamp echoed; -1: there is none. */
static time_ns by_timestamp(const struct tcp_sock *conn, const struct tcp_acked *a)
{
	int32_t ms = (int32_t)(ts_clock(conn_now(conn), conn->opt.offset) - a->ecr);

	if (!a->has_ecr || ms < 0 || ms > TCP_TS_DELTA_MAX_MS) return -1;
	return MAX(ms, 1) * NS_PER_MS;
}

/* True when the ACK gave a sample. */
bool rtt_acked(struct tcp_sock *conn, struct tcp_acked *a)
{
	time_ns now = conn_now(conn), sample = -1;

	a->rtt = -1;
	/* RFC 6298 §3: no samples of what was sent twice (Karn). */
	if (a->first_acked && !a->retrans_acked) {
		sample = now - a->first_acked;
		a->rtt = now - a->last_acked;
	}
	if (a->first_sacked) {
		if (sample < 0) sample = now - a->first_sacked;
		a->rtt = now - a->last_sacked;
	}
	if (sample < 0 && (a->data_acked || a->syn_acked)) sample = a->rtt = by_timestamp(conn, a);
	if (sample < 0) return false;
	if (a->rtt >= 0) note_minimum(conn, MAX(a->rtt, 1));
	add_sample(conn, sample);
	return true;
}

/* The handshake is over. */
void rtt_established(struct tcp_sock *conn)
{
	/* RFC 6298 §5 (5.7): the SYN was repeated and nothing could be measured. */
	if (conn->rtt.srtt == 0) conn->rtt.rto = conn->rtt.var = conn->rtt.mdev = conn->rtt.mdev_max = TCP_RTO_FALLBACK;
	/* As Linux: who connects goes on from it until something is measured. */
	if (conn->wait.parent) conn->rtt.backoff = 0;
}

void rtt_shift(struct tcp_sock *conn, time_ns by)
{
	if (conn->state != TCPS_ESTABLISHED || !by) return;
	conn->rtt.srtt = MAX(conn->rtt.srtt + by, 1);
	conn->rtt.rto = rtt_measured(conn);
	conn->rtt.min = TIME_NEVER;
}

/* RFC 6298 §2 (2.5) */
time_ns rtt_timeout(const struct tcp_sock *conn) { return MIN(conn->rtt.rto, conn_rto_max(conn)); }

/* RFC 6298 §5 (5.5) */
void rtt_back_off(struct tcp_sock *conn)
{
	conn->rtt.backoff = (uint8_t)MIN(conn->rtt.backoff + 1, BACKOFF_MAX);
	conn->rtt.rto = MIN(2 * conn->rtt.rto, conn_rto_max(conn));
}

void rtt_back_off_no_more(struct tcp_sock *conn)
{
	conn->rtt.backoff = 0;
	conn->rtt.rto = MAX(rtt_measured(conn), conn_rto_min(conn));
}

/* RFC 9293 §3.8.6.1 (MUST-37): probes back off by themselves, from the RTO that there is; as Linux, not below 200 ms. */
time_ns rtt_first_probe_delay(const struct tcp_sock *conn) { return MIN(MAX(conn->rtt.rto, PROBE_MIN), conn_rto_max(conn)); }

time_ns rtt_probe_delay(const struct tcp_sock *conn)
{
	time_ns delay = rtt_first_probe_delay(conn), most = conn_rto_max(conn);

	for (unsigned i = 0; i < conn->rtt.backoff && delay < most; i++)
		delay *= 2;
	return MIN(delay, most);
}

void rtt_probe_back_off(struct tcp_sock *conn) { conn->rtt.backoff = (uint8_t)MIN(conn->rtt.backoff + 1, BACKOFF_MAX); }
