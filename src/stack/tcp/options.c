/*
 * The rows of IPPROTO_TCP, and those of SOL_SOCKET that TCP has to hear of.
 *
 * Read first: tcp(7), and the comments of <linux/tcp.h>.
 */
#include <errno.h>
#include <linux/tcp.h>
#include "stack/socket/option_rows.h"
#include "stack/tcp/ulp.h"

#define MSS_USER_MIN 88
#define MSS_USER_MAX 32767
#define KEEP_TIME_MAX 32767
#define KEEP_COUNT_MAX 127
#define FIN_TIMEOUT_MAX_S 120
#define CLAMP_MIN 1152               /* half of Linux's SOCK_MIN_RCVBUF */
#define CC_NAME_MAX 16
#define TX_DELAY_MAX_US ((1 << 28) - 1)

static int after_output(struct sock *sk)
{
	tcp_output(tcp_of(sk));
	return 0;
}

static int after_keepalive(struct sock *sk)
{
	timers_keepalive(tcp_of(sk));
	return 0;
}

static int after_lowat(struct sock *sk)
{
	sock_ready(sk);
	return 0;
}

/* ---- integers whose default is a sysctl's ---- */

static int answer(void *val, int own, int otherwise)
{
	*(int *)val = own ? own : otherwise;
	return 0;
}

static int get_keepidle(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	return answer(val, tcp_of(sk)->set.keepidle_s, sk->stack->sysctl->tcp_keepalive_time_s);
}

static int get_keepintvl(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	return answer(val, tcp_of(sk)->set.keepintvl_s, sk->stack->sysctl->tcp_keepalive_intvl_s);
}

static int get_keepcnt(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	return answer(val, tcp_of(sk)->set.keepcnt, sk->stack->sysctl->tcp_keepalive_probes);
}

static int get_syncnt(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	return answer(val, tcp_of(sk)->set.syncnt, sk->stack->sysctl->tcp_syn_retries);
}

/* ---- segments ---- */

static int get_maxseg(struct sock *sk, void *val, socklen_t *len)
{
	const struct tcp_sock *conn = tcp_of(sk);

	(void)len;
	if (IN_STATES(conn, S_(CLOSED) | S_(LISTEN))) return answer(val, conn->set.mss, MSS_DEFAULT);
	return answer(val, (int)snd_mss_plain(conn), 0);
}

static int set_maxseg(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v && (v < MSS_USER_MIN || v > MSS_USER_MAX)) return -EINVAL;
	tcp_of(sk)->set.mss = v;
	return 0;
}

static int set_window_clamp(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	int v = *(const int *)val;

	(void)len;
	if (v == 0 && conn->state != TCPS_CLOSED) return -EINVAL;
	if (IN_STATES(conn, S_(CLOSED) | S_(LISTEN)))
		conn->set.clamp = v == 0 ? 0 : (uint32_t)MAX(v, CLAMP_MIN);
	else
		window_clamp(conn, (uint32_t)MAX(v, CLAMP_MIN));
	return 0;
}

static int get_window_clamp(struct sock *sk, void *val, socklen_t *len)
{
	const struct tcp_sock *conn = tcp_of(sk);

	(void)len;
	*(int *)val = (int)(conn->rcv.clamp ? conn->rcv.clamp : conn->set.clamp);
	return 0;
}

static int get_quickack(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = !conn_answers(tcp_of(sk));
	return 0;
}

static int set_quickack(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	int v = *(const int *)val;

	(void)len;
	conn_set_answers(conn, v == 0);
	if (v == 0 || conn->ack.need != TCP_ACK_DELAYED || !IN_STATES(conn, S_(ESTABLISHED) | S_(CLOSE_WAIT))) return 0;
	segment_send_ack(conn);
	/* As Linux: an even number sends what is owed once, and goes on delaying. */
	conn_set_answers(conn, !(v & 1));
	return 0;
}

/* ---- times ---- */

static int get_linger2(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = conn_fin_timeout_s(tcp_of(sk));
	return 0;
}

static int set_linger2(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	tcp_of(sk)->set.linger2_s = (int16_t)(v < 0 ? -1 : MIN(v, FIN_TIMEOUT_MAX_S));
	return 0;
}

/* Linux counts TCP_DEFER_ACCEPT in retransmissions of the SYN and ACK: after 1, 3, 7, 15 … seconds. */
static int defer_seconds(const struct tcp_sock *conn, int retransmissions)
{
	int period = 0, timeout = 1;

	for (; retransmissions > 0; retransmissions--) {
		period += timeout;
		timeout = MIN(2 * timeout, (int)(conn_rto_max(conn) / NS_PER_S));
	}
	return period;
}

static int get_defer_accept(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = defer_seconds(tcp_of(sk), tcp_of(sk)->set.defer_accept);
	return 0;
}

static int set_defer_accept(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val, n = 0;

	(void)len;
	while (n < UINT8_MAX && defer_seconds(tcp_of(sk), n) < v)
		n++;
	tcp_of(sk)->set.defer_accept = (uint8_t)n;
	return 0;
}

static int set_user_timeout(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v < 0) return -EINVAL;
	tcp_of(sk)->set.user_timeout_ms = (uint32_t)v;
	return 0;
}

/* TCP_RTO_MAX_MS, TCP_RTO_MIN_US, TCP_DELACK_MAX_US: kept in ticks, rounded up, as by Linux. */
static int ticks_of(int v, time_ns unit, time_ns least, time_ns most)
{
	time_ns ticks = (v * unit + TCP_TICK - 1) / TCP_TICK;

	return ticks * TCP_TICK < least || ticks * TCP_TICK > most ? -EINVAL : (int)ticks;
}

static int set_rto_max(struct sock *sk, const void *val, socklen_t len)
{
	int n = ticks_of(*(const int *)val, NS_PER_MS, NS_PER_S, 120 * NS_PER_S);

	(void)len;
	if (n > 0) tcp_of(sk)->set.rto_max = (uint16_t)n;
	return MIN(n, 0);
}

static int set_rto_min(struct sock *sk, const void *val, socklen_t len)
{
	int n = ticks_of(*(const int *)val, NS_PER_US, 2 * TCP_TICK, TCP_DELACK_MAX);

	(void)len;
	if (n > 0) tcp_of(sk)->set.rto_min = (uint8_t)n;
	return MIN(n, 0);
}

static int set_delack_max(struct sock *sk, const void *val, socklen_t len)
{
	int n = ticks_of(*(const int *)val, NS_PER_US, 2 * TCP_TICK, TCP_DELACK_MAX);

	(void)len;
	if (n > 0) tcp_of(sk)->set.delack_max = (uint8_t)n;
	return MIN(n, 0);
}

static int get_rto_max(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = (int)(conn_rto_max(tcp_of(sk)) / NS_PER_MS);
	return 0;
}

static int get_rto_min(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = (int)(conn_rto_min(tcp_of(sk)) / NS_PER_US);
	return 0;
}

static int get_delack_max(struct sock *sk, void *val, socklen_t *len)
{
	time_ns ticks = tcp_of(sk)->set.delack_max;

	(void)len;
	*(int *)val = (int)((ticks ? ticks * TCP_TICK : TCP_DELACK_MAX) / NS_PER_US);
	return 0;
}

/* Here as on Linux nothing but a queue that sends by time makes true of it; and yet it is taken for one. */
static int set_tx_delay(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	int v = *(const int *)val;

	(void)len;
	rtt_shift(conn, (time_ns)(v - conn->set.tx_delay_us) * NS_PER_US);
	if (conn->state == TCPS_ESTABLISHED) pacing_update(conn, snd_mss_plain(conn));
	conn->set.tx_delay_us = v;
	return 0;
}

/* ---- congestion control ---- */

static int set_congestion(struct sock *sk, const void *val, socklen_t len)
{
	const struct tcp_cc *cc;

	if (len < 1) return -EINVAL;
	cc = cc_find(val, strnlen(val, MIN(len, CC_NAME_MAX - 1)));
	if (conn_metric(tcp_of(sk), RTAX_LOCK) >> RTAX_CC_ALGO & 1) return -EPERM;
	if (!cc) return -ENOENT;
	tcp_of(sk)->set.cc = cc;
	cc_start(tcp_of(sk));
	return 0;
}

static int get_congestion(struct sock *sk, void *val, socklen_t *len)
{
	char name[CC_NAME_MAX] = "";

	strncpy(name, tcp_of(sk)->set.cc->name, sizeof name - 1);
	return opt_copy_out(val, len, name, sizeof name);
}

static int get_nothing(struct sock *sk, void *val, socklen_t *len)
{
	(void)sk, (void)val;
	*len = 0;
	return 0;
}

/* ---- signatures ---- */

static int set_md5(struct sock *sk, const void *val, socklen_t len) { return md5_set(tcp_of(sk), val, len, false); }
static int set_md5_extended(struct sock *sk, const void *val, socklen_t len) { return md5_set(tcp_of(sk), val, len, true); }

/* ---- Fast Open ---- */

static int set_fastopen(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	int v = *(const int *)val;

	(void)len;
	if (v < 0 || !IN_STATES(conn, S_(CLOSED) | S_(LISTEN))) return -EINVAL;
	conn->set.fastopen_qlen = (uint16_t)MIN(v, sk->stack->sysctl->somaxconn);
	fastopen_keys_need(sk->stack);
	return 0;
}

static int set_fastopen_connect(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);

	(void)len;
	if (!(sk->stack->sysctl->tcp_fastopen & FASTOPEN_CLIENT)) return -EOPNOTSUPP;
	if (conn->state != TCPS_CLOSED) return -EINVAL;
	conn->set.fastopen_connect = *(const int *)val;
	return 0;
}

static int set_fastopen_no_cookie(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (!IN_STATES(tcp_of(sk), S_(CLOSED) | S_(LISTEN))) return -EINVAL;
	tcp_of(sk)->set.fastopen_no_cookie = *(const int *)val;
	return 0;
}

static int set_fastopen_key(struct sock *sk, const void *val, socklen_t len)
{
	return fastopen_set_keys(tcp_of(sk), val, len);
}

static int get_fastopen_key(struct sock *sk, void *val, socklen_t *len)
{
	uint8_t keys[32];

	return opt_copy_out(val, len, keys, fastopen_get_keys(tcp_of(sk), keys));
}

/* ---- receiving ---- */

/*
 * Nothing is ever mapped: all there is, is for recv. In: inq, what the host holds of it. The host may copy to the program's buffer then, as Linux does what
 * it can't map.
 */
static int get_zerocopy(struct sock *sk, void *val, socklen_t *len)
{
	const struct tcp_sock *conn = tcp_of(sk);
	struct tcp_zerocopy_receive z;
	size_t known = MIN(*len, offsetof(struct tcp_zerocopy_receive, err));

	if (*len < offsetof(struct tcp_zerocopy_receive, recv_skip_hint)) return -EINVAL;
	memset(&z, 0, sizeof z);
	memcpy(&z, val, known);
	if (z.address % 4096) return -EINVAL;
	if (conn->state == TCPS_LISTEN) return -ENOTCONN;
	z.inq += conn->rcv.queued;
	if (!z.inq && conn->rcv.done) return -EIO;
	z.length = 0;
	z.recv_skip_hint = z.inq;
	return opt_copy_out(val, len, &z, known);
}

/* More than half of the largest buffer could never be waited for. */
static int set_rcvlowat(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val, most = (sk->rcvbuf_locked ? (int)sk->rcvbuf : sk->stack->sysctl->tcp_rmem[2]) / 2;
	struct tcp_sock *conn = tcp_of(sk);
	uint32_t space;

	(void)len;
	v = v < 0 ? most : MIN(v, most);
	sk->rcvlowat = MAX(v, 1);
	space = window_to_space(conn, (uint32_t)v);
	if (!sk->rcvbuf_locked && space > sk->rcvbuf) {
		sk->rcvbuf = space;
		if (conn->rcv.clamp) conn->rcv.clamp = MAX(conn->rcv.clamp, (uint32_t)v);
	}
	sock_ready(sk);
	return 0;
}

/* SO_PEERNAME, unlike getpeername: also of a connection that is over, or not there yet. */
static int get_peername(struct sock *sk, void *val, socklen_t *len)
{
	struct sockaddr_storage name;
	socklen_t name_len;

	if (inet_name_of(sk, true, &name, &name_len) < 0) return -ENOTCONN;
	return name_len < *len ? -EINVAL : opt_copy_out(val, len, &name, name_len);
}

/* As Linux: the pending error, or else the last soft one. */
static int get_error(struct sock *sk, void *val, socklen_t *len)
{
	struct tcp_sock *conn = tcp_of(sk);
	int err = sock_take_error(sk);

	(void)len;
	if (!err) {
		err = conn->trouble.soft_err;
		conn->trouble.soft_err = 0;
	}
	*(int *)val = err;
	return 0;
}

#define N(n, t) .level = IPPROTO_TCP, .name = n, .text = t
#define T(n) .level = IPPROTO_TCP, .name = n, .text = #n
#define S(n) .level = SOL_SOCKET, .name = n, .text = #n
#define FIELD(f) OPT_FIELD(struct tcp_sock, f)

const struct sockopt tcp_options[] = {
	{T(TCP_NODELAY), .type = OPT_BOOL, BOTH, FIELD(set.nodelay), .after = after_output},
	{T(TCP_CORK), .type = OPT_BOOL, BOTH, FIELD(set.cork), .after = after_output},
	{T(TCP_MAXSEG), .type = OPT_INT, BOTH, .get = get_maxseg, .set = set_maxseg},
	{T(TCP_KEEPIDLE), .type = OPT_INT, BOTH, .min = 1, .max = KEEP_TIME_MAX, FIELD(set.keepidle_s), .get = get_keepidle, .after = after_keepalive},
	{T(TCP_KEEPINTVL), .type = OPT_INT, BOTH, .min = 1, .max = KEEP_TIME_MAX, FIELD(set.keepintvl_s), .get = get_keepintvl},
	{T(TCP_KEEPCNT), .type = OPT_INT, BOTH, .min = 1, .max = KEEP_COUNT_MAX, FIELD(set.keepcnt), .get = get_keepcnt},
	{T(TCP_SYNCNT), .type = OPT_INT, BOTH, .min = 1, .max = KEEP_COUNT_MAX, FIELD(set.syncnt), .get = get_syncnt},
	{T(TCP_LINGER2), .type = OPT_INT, BOTH, .get = get_linger2, .set = set_linger2},
	{T(TCP_DEFER_ACCEPT), .type = OPT_INT, BOTH, .get = get_defer_accept, .set = set_defer_accept},
	{T(TCP_WINDOW_CLAMP), .type = OPT_INT, BOTH, .get = get_window_clamp, .set = set_window_clamp},
	{T(TCP_INFO), .type = OPT_BLOB, GET, .get = get_info},
	{T(TCP_QUICKACK), .type = OPT_INT, BOTH, .get = get_quickack, .set = set_quickack},
	{T(TCP_CONGESTION), .type = OPT_BLOB, BOTH, .get = get_congestion, .set = set_congestion},
	{T(TCP_CC_INFO), .type = OPT_BLOB, GET, .get = get_nothing},
	{T(TCP_USER_TIMEOUT), .type = OPT_INT, BOTH, FIELD(set.user_timeout_ms), .set = set_user_timeout},
	{T(TCP_NOTSENT_LOWAT), .type = OPT_INT, BOTH, FIELD(set.notsent_lowat), .after = after_lowat},
	{T(TCP_ULP), .type = OPT_BLOB, BOTH, .get = ulp_get, .set = ulp_set, .note = "`tls`"},
	{T(TCP_FASTOPEN), .type = OPT_INT, BOTH, FIELD(set.fastopen_qlen), .set = set_fastopen},
	{T(TCP_FASTOPEN_CONNECT), .type = OPT_INT, BOTH, .min = 0, .max = 1, FIELD(set.fastopen_connect), .set = set_fastopen_connect},
	{T(TCP_FASTOPEN_KEY), .type = OPT_BLOB, BOTH, .get = get_fastopen_key, .set = set_fastopen_key},
	{T(TCP_FASTOPEN_NO_COOKIE), .type = OPT_INT, BOTH, .min = 0, .max = 1, FIELD(set.fastopen_no_cookie), .set = set_fastopen_no_cookie},
	{N(44, "TCP_RTO_MAX_MS"), .type = OPT_INT, BOTH, .get = get_rto_max, .set = set_rto_max},
	{N(45, "TCP_RTO_MIN_US"), .type = OPT_INT, BOTH, .get = get_rto_min, .set = set_rto_min},
	{N(46, "TCP_DELACK_MAX_US"), .type = OPT_INT, BOTH, .get = get_delack_max, .set = set_delack_max},
	{T(TCP_SAVE_SYN), .type = OPT_INT, BOTH, .min = 0, .max = 2, FIELD(set.save_syn)},
	{T(TCP_SAVED_SYN), .type = OPT_BLOB, GET, .get = get_saved_syn},
	{T(TCP_MD5SIG), .type = OPT_BLOB, SET, .set = set_md5},
	{T(TCP_MD5SIG_EXT), .type = OPT_BLOB, SET, .set = set_md5_extended},
	{N(43, "TCP_IS_MPTCP"), .type = OPT_INT, GET, .get = opt_get_zero},     /* of a socket of Multipath TCP: stack/mptcp */
	{T(TCP_INQ), .type = OPT_INT, BOTH, .min = 0, .max = 1, FIELD(set.inq)},
	{T(TCP_ZEROCOPY_RECEIVE), .type = OPT_BLOB, GET, .get = get_zerocopy, .note = "nothing is mapped: copied to copybuf, or left to recv"},
	{T(TCP_THIN_DUPACK), .type = OPT_INT, BOTH, .min = 0, .max = 1, .get = opt_get_zero, .set = opt_set_nothing, .note = "means nothing to Linux any more"},
	{T(TCP_TX_DELAY), .type = OPT_INT, BOTH, .min = 0, .max = TX_DELAY_MAX_US, FIELD(set.tx_delay_us), .set = set_tx_delay,
	 .note = "the round trip is expected to be longer: the delay is for a queue that sends by time"},
	{T(TCP_THIN_LINEAR_TIMEOUTS), .type = OPT_INT, BOTH, .min = 0, .max = 1, FIELD(set.thin_linear)},
	{S(SO_ERROR), .type = OPT_INT, GET, .get = get_error},
	{S(SO_PEERNAME), .type = OPT_BLOB, GET, .get = get_peername},
	{S(SO_RCVLOWAT), .type = OPT_INT, BOTH, OPT_FIELD(struct sock, rcvlowat), .set = set_rcvlowat},
	{S(SO_KEEPALIVE), .type = OPT_BOOL, BOTH, OPT_FIELD(struct sock, keepalive), .after = after_keepalive},
	{.text = NULL},
};
