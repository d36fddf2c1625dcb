/*
 * The two buffers: how much the peer may send, how much the program may hand over.
 *
 *     rcvbuf, halved as on Linux  |== queued ==|= lent =|......... free .........|
 *                                                        ^rcv.nxt       window = free, in steps worth telling
 *
 * Octets are queued until recv takes them, then lent until the program has read them; both fill the buffer. The right
 * edge never moves left, and moves right only by a segment or half the buffer at a time. Unless the program fixed a
 * size, rcvbuf grows with what the program takes in a round trip, up to tcp_rmem[2], and sndbuf with cwnd, up to
 * tcp_wmem[2].
 *
 * Read first: RFC 9293 §3.8.6.2.2, RFC 7323 §2.
 */
#include "stack/tcp/conn.h"

uint32_t window_full(const struct tcp_sock *conn)
{
	uint32_t full = conn->inet.sk.rcvbuf / 2;

	return conn->rcv.clamp ? MIN(full, conn->rcv.clamp) : full;
}

void window_init(struct tcp_sock *conn)
{
	struct sysctl *sys = conn_sysctl(conn);
	uint32_t full = window_full(conn), most = full, mss = conn->rcv.adv_mss;

	if (!conn->inet.sk.rcvbuf_locked) most = MAX(full, (uint32_t)MAX(sys->tcp_rmem[2], sys->core_rmem_max));
	if (conn->rcv.clamp) most = MIN(most, conn->rcv.clamp);
	conn->rcv.wnd = MIN(full > mss ? full / mss * mss : full, 65535u);
	/* RFC 7323 §2.3: a shift that lets the largest buffer be told, fixed for the life of the connection. */
	conn->rcv.wscale = 0;
	for (; conn->opt.wscale && most > 65535 && conn->rcv.wscale < TCP_WSCALE_MAX; most >>= 1)
		conn->rcv.wscale++;
}

/* What to offer now, counted from rcv.nxt. On the wire it counts units of the window scale: as Linux does it is rounded up, but not beyond what is
 * free, or a peer that sends octet by octet would be pushed on for ever; else the wire tells a little less (RFC 7323 §2.4), and all is still taken. */
uint32_t window_select(const struct tcp_sock *conn)
{
	uint32_t full = window_full(conn), held = conn->rcv.queued + conn->inet.sk.lent;
	uint32_t free = full > held ? full - held : 0;
	uint32_t left = seq_gt(rcv_edge(conn), conn->rcv.nxt) ? rcv_edge(conn) - conn->rcv.nxt : 0;
	uint32_t unit = 1u << conn->rcv.wscale, wnd = left, rounded;

	/* RFC 9293 §3.8.6.2.2 (MUST-39): the edge waits for min(half the buffer, a segment); (MUST-34, SHLD-14) it never moves left. */
	if (free > left && free - left >= MIN(full / 2, (uint32_t)conn->rcv.mss)) wnd = free;
	rounded = (wnd + unit - 1) & ~(unit - 1);
	if (rounded <= free) wnd = rounded;
	return MIN(wnd, 65535u << conn->rcv.wscale);
}

/* ---- receive buffer auto-tuning: dynamic right-sizing, as Linux's tcp_rcv_space_adjust ---- */

static void rcvbuf_tune(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;
	seq32 taken_to = conn->rcv.nxt - conn->rcv.queued - sk->lent;
	uint32_t taken = taken_to - conn->rcv.tune_from, before = MAX(conn->rcv.tune_last, 1u);
	uint64_t want;

	if (conn_now(conn) - conn->rcv.tune_since < conn->rtt.srtt) return;
	if ((int32_t)taken > 0 && taken > before && !sk->rcvbuf_locked) {
		/* Twice what was taken, for the peer's next doubling, and more while it speeds up. */
		want = 2 * (uint64_t)taken + 16u * conn->rcv.adv_mss;
		want += 2 * want * (taken - before) / before;
		want = MIN(2 * want, (uint64_t)conn_sysctl(conn)->tcp_rmem[2]);
		if (want > sk->rcvbuf) sk->rcvbuf = (uint32_t)want;
	}
	if (taken > before) conn->rcv.tune_last = taken;
	conn->rcv.tune_from = taken_to;
	conn->rcv.tune_since = conn_now(conn);
}

void window_consumed(struct tcp_sock *conn)
{
	uint32_t left, wnd, held = conn->rcv.queued + conn->inet.sk.lent;

	if (!IN_STATES(conn, S_(ESTABLISHED) | S_(FIN_WAIT_1) | S_(FIN_WAIT_2))) return;
	rcvbuf_tune(conn);
	left = seq_gt(rcv_edge(conn), conn->rcv.nxt) ? rcv_edge(conn) - conn->rcv.nxt : 0;
	wnd = window_select(conn);
	/* As Linux: an update when it at least doubles what the peer may send, and an owed ACK when the program has read all there was. */
	if ((wnd > left && wnd >= 2 * left) ||
	    (conn->ack.need == TCP_ACK_DELAYED &&
	     (conn->rcv.nxt - conn->rcv.wup > conn->rcv.mss || (held == 0 && conn->ack.pushed && !conn->ack.pingpong))))
		segment_send_ack(conn);
}

/* ---- send buffer ---- */

/* As Linux's tcp_sndbuf_expand: room for two windows of segments, each with what it costs the kernel. */
void sndbuf_expand(struct tcp_sock *conn)
{
	struct sock *sk = &conn->inet.sk;
	uint32_t mss = MAX(conn->snd.mss, conn->snd.peer_mss), cost = 512;
	uint64_t segments = MAX(TCP_INIT_CWND, conn->cwnd / MAX(snd_mss(conn), 1u)), want;

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

	if (conn->notsent_lowat && 2 * (uint64_t)snd_unsent(conn) >= conn->notsent_lowat) return false;
	return queued + queued / 2 <= conn->inet.sk.sndbuf;
}

void sndbuf_freed(struct tcp_sock *conn)
{
	if (!conn->nospace) return;
	sndbuf_expand(conn);
	if (!sndbuf_writable(conn)) return;
	conn->nospace = false;
	sock_ready(&conn->inet.sk);
}
