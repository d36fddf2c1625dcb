/*
 * The two buffers: how much the peer may send, how much the program may hand over.
 *
 *     rcvbuf, halved as on Linux  |== queued ==|= lent =|......... free .........|
 *                                                        ^rcv.nxt       window = free, but at most rcv.ssthresh
 *
 * Octets are queued until recv takes them, then lent until the program has read them; both fill the buffer. The right
 * edge never moves left. rcv.ssthresh, what is offered at most, starts with what fits in a SYN and grows as text
 * arrives. Unless the program fixed a size, rcvbuf grows with what the program takes in a round trip, up to tcp_rmem[2]
 * (dynamic right-sizing), and sndbuf with cwnd, up to tcp_wmem[2].
 *
 * Read first: RFC 9293 §3.8.6.2.2, RFC 7323 §2.
 */
#include "stack/tcp/conn.h"

uint32_t window_full(const struct tcp_sock *conn)
{
	uint32_t full = conn->inet.sk.rcvbuf / 2;

	return conn->set.clamp ? MIN(full, conn->set.clamp) : full;
}

static uint32_t window_free(const struct tcp_sock *conn)
{
	uint32_t full = window_full(conn), held = conn->rcv.queued + conn->inet.sk.lent;

	return full > held ? full - held : 0;
}

/* As Linux: a whole number of segments, so that a SYN and ACK offers 65160 and a SYN 64240 over Ethernet. */
void window_init(struct tcp_sock *conn)
{
	struct sysctl *sys = conn_sysctl(conn);
	uint32_t full = window_full(conn), most = full, mss = conn->rcv.adv_mss;

	if (conn->state != TCPS_CLOSED && conn->opt.ts) mss -= TS_SPACE;
	if (!conn->inet.sk.rcvbuf_locked) most = MAX(full, (uint32_t)MAX(sys->tcp_rmem[2], sys->core_rmem_max));
	if (conn->set.clamp) most = MIN(most, conn->set.clamp);
	conn->rcv.wnd = MIN(full > mss ? full / mss * mss : full, 65535u);
	conn->rcv.ssthresh = conn->rcv.wnd;
	conn->rcv.clamp = full;
	/* RFC 7323 §2.3: a shift that lets the largest buffer be told, fixed for the life of the connection. */
	conn->rcv.wscale = 0;
	for (; conn->opt.wscale && most > 65535 && conn->rcv.wscale < TCP_WSCALE_MAX; most >>= 1)
		conn->rcv.wscale++;
}

void window_established(struct tcp_sock *conn)
{
	uint32_t full = window_full(conn), mss = conn->rcv.adv_mss;

	/* As Linux: a segment's room is kept back. */
	if (full > 2 * mss) conn->rcv.clamp = MAX(2 * mss, full - mss);
	conn->rcv.ssthresh = MIN(conn->rcv.ssthresh, conn->rcv.clamp);
	conn->tune.space = MIN(MIN(conn->rcv.ssthresh, conn->rcv.wnd), TCP_INIT_CWND * mss);
	conn->tune.since = conn_now(conn);
	conn->tune.from = conn->rcv.nxt;
}

bool window_grow(struct tcp_sock *conn, uint32_t len)
{
	uint32_t most = MIN(conn->rcv.clamp, window_free(conn)), step = 2 * (len >= conn->rcv.adv_mss / 2 ? conn->rcv.adv_mss : conn->rcv.mss);

	if (most <= conn->rcv.ssthresh) return false;
	conn->rcv.ssthresh += MIN(most - conn->rcv.ssthresh, MAX(step, 2 * len));
	return true;
}

uint32_t window_left(const struct tcp_sock *conn)
{
	return seq_gt(rcv_edge(conn), conn->rcv.nxt) ? rcv_edge(conn) - conn->rcv.nxt : 0;
}

/* What could be offered if nothing had been. */
static uint32_t window_wanted(struct tcp_sock *conn)
{
	uint32_t full = window_full(conn), free = window_free(conn), mss = MIN(conn->rcv.mss, full), unit = 1u << conn->rcv.wscale;

	if (free < full / 2) {
		/* Memory is short: no ACK more than needed, no rounding up; RFC 9293 §3.8.6.2.2 (MUST-39): too little is not worth telling. */
		conn->ack.quick = 0;
		free &= ~(unit - 1);
		if (free < full / 16 || free < mss) return 0;
	}
	free = MIN(free, conn->rcv.ssthresh);
	/* The wire tells units: rounded up, as Linux does. */
	if (conn->rcv.wscale) return (free + unit - 1) & ~(unit - 1);
	/* RFC 9293 §3.8.6.2.2: without scaling, in steps of a segment. */
	if (conn->rcv.wnd + mss <= free || conn->rcv.wnd > free) return free / MAX(mss, 1u) * mss;
	return mss == full && free > conn->rcv.wnd + full / 2 ? free : conn->rcv.wnd;
}

uint32_t window_select(struct tcp_sock *conn)
{
	uint32_t unit = 1u << conn->rcv.wscale, wnd = window_wanted(conn), left = window_left(conn);

	/* RFC 9293 §3.8.6 (MUST-34, SHLD-14): the edge never moves left. */
	if (wnd < left) wnd = (left + unit - 1) & ~(unit - 1);
	return MIN(wnd, 65535u << conn->rcv.wscale);
}

void window_told(struct tcp_sock *conn, uint32_t wnd)
{
	conn->rcv.wnd = wnd;
	conn->rcv.wup = conn->rcv.nxt;
}

/* ---- receive buffer auto-tuning: dynamic right-sizing, as Linux's tcp_rcv_space_adjust ---- */

/* The receiver's round trip: by the timestamp that a segment with text echoes, else the time in which a window's worth arrives. */
void window_measure(struct tcp_sock *conn, const struct segment *g)
{
	time_ns now = conn_now(conn), r;

	if (conn->opt.ts && g->h.opts.has_ts) {
		int32_t ms = (int32_t)(ts_clock(now, conn->opt.offset) - g->h.opts.ts_ecr);
		if (!g->h.opts.ts_ecr || ms < 0 || g->len < conn->rcv.mss) return;
		r = MAX(ms, 1) * NS_PER_MS;
		conn->tune.rtt = conn->tune.rtt ? conn->tune.rtt + (r - conn->tune.rtt) / 8 : r;
		return;
	}
	if (conn->tune.rtt_since && seq_lt(conn->rcv.nxt, conn->tune.rtt_edge)) return;
	r = now - conn->tune.rtt_since;
	if (conn->tune.rtt_since && (!conn->tune.rtt || r < conn->tune.rtt)) conn->tune.rtt = MAX(r, NS_PER_US);
	conn->tune.rtt_edge = conn->rcv.nxt + conn->rcv.wnd;
	conn->tune.rtt_since = MAX(now, 1);
}

static void rcvbuf_grow(struct tcp_sock *conn, uint32_t taken)
{
	struct sock *sk = &conn->inet.sk;
	/* Twice what was taken, for the peer's next doubling, and more while it speeds up. */
	uint64_t want = 2 * (uint64_t)taken + 16u * conn->rcv.adv_mss;

	want += 2 * want * (taken - conn->tune.space) / MAX(conn->tune.space, 1u);
	want = MIN(2 * want, (uint64_t)conn_sysctl(conn)->tcp_rmem[2]);
	if (want <= sk->rcvbuf) return;
	sk->rcvbuf = (uint32_t)want;
	conn->rcv.clamp = window_full(conn);
}

static void rcvbuf_tune(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;
	time_ns rtt = conn->tune.rtt ? conn->tune.rtt : conn->rtt.srtt;
	seq32 taken_to = conn->rcv.nxt - conn->rcv.queued - sk->lent;
	uint32_t taken = taken_to - conn->tune.from;

	if (!rtt || conn_now(conn) - conn->tune.since < rtt) return;
	if ((int32_t)taken > 0 && taken > conn->tune.space) {
		if (!sk->rcvbuf_locked && conn_sysctl(conn)->tcp_moderate_rcvbuf) rcvbuf_grow(conn, taken);
		conn->tune.space = taken;
	}
	conn->tune.from = taken_to;
	conn->tune.since = conn_now(conn);
}

/* As Linux: the program has drained a small segment, and is not likely to answer, or there were two. */
bool window_read_acks(const struct tcp_sock *conn)
{
	return conn->ack.need != TCP_ACK_NONE && (conn->ack.pushed == 2 || (conn->ack.pushed && !conn_answers(conn)));
}

/* Does what the program read call for an ACK? */
static bool owes_news(struct tcp_sock *conn)
{
	uint32_t left = window_left(conn), held = conn->rcv.queued + conn->inet.sk.lent, wnd;

	if (conn->ack.need != TCP_ACK_NONE && conn->rcv.nxt - conn->rcv.wup > conn->rcv.mss) return true;
	if (window_read_acks(conn) && held == 0) return true;
	/* As Linux: an update when it at least doubles what the peer may send. */
	if ((conn->inet.sk.shut & 1) || 2 * (uint64_t)left > conn->rcv.clamp) return false;
	wnd = window_select(conn);
	return wnd && wnd >= 2 * left;
}

void window_consumed(struct tcp_sock *conn)
{
	if (!IN_STATES(conn, S_(ESTABLISHED) | S_(FIN_WAIT_1) | S_(FIN_WAIT_2))) return;
	rcvbuf_tune(conn);
	if (owes_news(conn)) segment_send_ack(conn);
}

/* ---- send buffer ---- */

/* As Linux's tcp_sndbuf_expand: room for two windows of segments, each with what it costs the kernel. */
void sndbuf_expand(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;
	uint32_t mss = MAX(conn->snd.mss, conn->snd.peer_mss), cost = 512;
	uint64_t segments = MAX(TCP_INIT_CWND, MAX(conn->cc.cwnd, (uint32_t)conn->rec.reordering + 1)), want;

	if (sk->sndbuf_locked) return;
	while (cost < mss + 320 + SKB_SHARED_INFO)
		cost *= 2;
	want = MIN(2 * segments * (cost + SKB_TRUESIZE_OVERHEAD), (uint64_t)conn_sysctl(conn)->tcp_wmem[2]);
	if (want > sk->sndbuf) sk->sndbuf = (uint32_t)want;
}

/* epoll's idea of writable: a third is free. */
bool sndbuf_writable(const struct tcp_sock *conn)
{
	size_t queued = conn->snd.queue.len;

	if (2 * (uint64_t)snd_unsent(conn) >= conn_notsent_lowat(conn)) return false;
	return queued + queued / 2 <= conn->inet.sk.sndbuf;
}

void sndbuf_freed(struct tcp_sock *conn)
{
	if (!conn->nospace) return;
	sndbuf_expand(conn);
	if (!sndbuf_writable(conn)) return;
	conn->nospace = false;
	chrono_refused(conn, false);
	sock_ready(&conn->inet.sk);
}
