/*
 * How much the peer may send.
 *
 *     rcvbuf   |== rmem: what is not read ==|............ space ............|
 *                                           ^rcv.nxt       window = scaling/256 of space, but at most rcv.ssthresh
 *
 * The buffer is filled by the memory that octets come in (rmem.c), so that a part of what is free can be offered: half, until the first segment shows
 * what its kind takes. The right edge moves left only when nothing fits any more, or with net.ipv4.tcp_shrink_window. rcv.ssthresh, what is offered at
 * most, starts with what fits in a SYN and grows as text arrives, up to rcv.clamp. Unless the program fixed a size, rcvbuf grows with what the program
 * takes in a round trip, up to tcp_rmem[2] (dynamic right-sizing).
 *
 * Read first: RFC 9293 §3.8.6.2.2, RFC 7323 §2 (and §2.4 of windows that were taken back).
 */
#include "stack/tcp/conn.h"

uint32_t window_of_space(const struct tcp_sock *conn, uint32_t space) { return (uint32_t)((uint64_t)space * conn->rcv.scaling >> 8); }
uint32_t window_to_space(const struct tcp_sock *conn, uint32_t octets) { return (uint32_t)MIN(((uint64_t)octets << 8) / conn->rcv.scaling, UINT32_MAX); }
uint32_t window_full(const struct tcp_sock *conn) { return window_of_space(conn, conn->inet.sk.rcvbuf); }

static uint32_t window_free(struct tcp_sock *conn)
{
	uint32_t full = conn->inet.sk.rcvbuf, held = rmem_held(conn);

	return full > held ? window_of_space(conn, full - held) : 0;
}

void window_clamp(struct tcp_sock *conn, uint32_t most)
{
	uint32_t before = conn->rcv.clamp;

	conn->rcv.clamp = most;
	if (most < before)
		conn->rcv.ssthresh = MIN(conn->rcv.ssthresh, most);
	else if (most > before)
		conn->rcv.ssthresh = MAX(conn->rcv.ssthresh, MIN(conn->rcv.wnd, most));
}

void window_scaling(struct tcp_sock *conn, uint32_t len, uint32_t cost)
{
	uint8_t scaling = (uint8_t)MAX(((uint64_t)len << 8) / cost, 1u);

	if (scaling == conn->rcv.scaling) return;
	conn->rcv.scaling = scaling;
	if (window_full(conn)) window_clamp(conn, window_full(conn));
	conn->tune.space = MIN(conn->tune.space, conn->rcv.clamp);
}

/* As Linux: a whole number of segments, so that a SYN and ACK offers 65160 and a SYN 64240 over Ethernet. What a SYN can't tell is there all the same. */
void window_init(struct tcp_sock *conn, uint32_t mss, const struct route *r)
{
	struct sysctl *sys = conn_sysctl(conn);
	uint32_t full = window_full(conn), clamp = conn->set.clamp, most;

	if (!clamp && r) clamp = r->metrics[RTAX_WINDOW];
	if (conn->inet.sk.rcvbuf_locked && (clamp > full || !clamp)) clamp = full;
	if (!clamp) clamp = 65535u << TCP_WSCALE_MAX;
	full = MIN(full, clamp);
	conn->rcv.wnd = conn->rcv.ssthresh = full > mss ? full / mss * mss : full;
	if (r && r->metrics[RTAX_INITRWND])
		conn->rcv.wnd = conn->rcv.ssthresh = (uint32_t)MIN((uint64_t)conn->rcv.wnd, (uint64_t)r->metrics[RTAX_INITRWND] * mss);
	/* RFC 7323 §2.3: a shift that lets the largest buffer be told, fixed for the life of the connection. */
	conn->rcv.wscale = 0;
	most = MIN(MAX(conn->rcv.wnd, (uint32_t)MAX(sys->tcp_rmem[2], sys->core_rmem_max)), clamp);
	for (; conn->opt.wscale && most > 65535 && conn->rcv.wscale < TCP_WSCALE_MAX; most >>= 1)
		conn->rcv.wscale++;
	conn->rcv.clamp = MIN(clamp, 65535u << conn->rcv.wscale);
}

void window_established(struct tcp_sock *conn)
{
	uint32_t full = window_full(conn), mss = conn->rcv.adv_mss;

	conn->rcv.clamp = MIN(conn->rcv.clamp, full);
	/* As Linux: a segment's room is kept back. */
	if (conn->rcv.clamp > 2 * mss && conn->rcv.clamp + mss > full) conn->rcv.clamp = MAX(2 * mss, full - mss);
	conn->rcv.ssthresh = MIN(conn->rcv.ssthresh, conn->rcv.clamp);
	conn->tune.space = MIN(MIN(conn->rcv.ssthresh, conn->rcv.wnd), TCP_INIT_CWND * mss);
	conn->tune.since = conn_now(conn);
	conn->tune.from = conn->rcv.nxt;
}

/* As Linux: a segment that takes more than its part of the buffer lets the window grow only while that is small. */
static uint32_t growth(const struct tcp_sock *conn, uint32_t len, uint32_t cost)
{
	uint32_t takes = window_of_space(conn, cost), window = window_of_space(conn, (uint32_t)conn_sysctl(conn)->tcp_rmem[2]);

	if (takes <= len) return 2u * conn->rcv.adv_mss;
	for (takes /= 2, window /= 2; conn->rcv.ssthresh <= window; takes /= 2, window /= 2)
		if (takes <= len) return 2u * conn->rcv.mss;
	return 0;
}

void window_grow(struct tcp_sock *conn, uint32_t len, uint32_t cost)
{
	uint32_t most = MIN(conn->rcv.clamp, window_free(conn)), step = growth(conn, len, cost);

	if (most <= conn->rcv.ssthresh || !step) return;
	conn->rcv.ssthresh += MIN(most - conn->rcv.ssthresh, MAX(step, 2 * len));
	conn->ack.quick |= 1;
}

static uint32_t from_next(const struct tcp_sock *conn, seq32 edge) { return seq_gt(edge, conn->rcv.nxt) ? edge - conn->rcv.nxt : 0; }

uint32_t window_left(const struct tcp_sock *conn) { return from_next(conn, rcv_edge(conn)); }
uint32_t window_once(const struct tcp_sock *conn) { return from_next(conn, conn->rcv.edge); }

static bool may_shrink(const struct tcp_sock *conn) { return conn_sysctl(conn)->tcp_shrink_window && conn->rcv.wscale; }

/* The wire tells units. */
static uint32_t units_up(const struct tcp_sock *conn, uint32_t octets)
{
	uint32_t unit = 1u << conn->rcv.wscale;

	return (octets + unit - 1) & ~(unit - 1);
}

uint32_t window_wanted(struct tcp_sock *conn)
{
	uint32_t all = window_full(conn), full = MIN(all, conn->rcv.clamp), free = window_free(conn), mss = MIN(conn->rcv.mss, full);
	uint32_t unit = 1u << conn->rcv.wscale;

	if (!full) return 0;
	if (may_shrink(conn)) free &= ~(unit - 1);
	if (free < full / 2) {
		/* Memory is short: no ACK more than needed, no rounding up; RFC 9293 §3.8.6.2.2 (MUST-39): too little is not worth telling. */
		conn->ack.quick = 0;
		free &= ~(unit - 1);
		if (free < all / 16 || free < mss || (may_shrink(conn) && free < unit)) return 0;
	}
	free = MIN(free, conn->rcv.ssthresh);
	/* Rounded up, as Linux does. */
	if (conn->rcv.wscale) return units_up(conn, free);
	/* RFC 9293 §3.8.6.2.2: without scaling, in steps of a segment. */
	if (conn->rcv.wnd + mss <= free || conn->rcv.wnd > free) return free / MAX(mss, 1u) * mss;
	/* A closed window of an empty buffer that takes no segment of the peer's kind has to open all the same: Linux's does not, and all stands still. */
	if ((mss == full && free > conn->rcv.wnd + full / 2) || (!conn->rcv.wnd && !rmem_held(conn))) return free;
	return conn->rcv.wnd;
}

uint32_t window_select(struct tcp_sock *conn)
{
	uint32_t wnd, left = window_left(conn);

	if (conn->rcv.full) return 0;
	wnd = window_wanted(conn);
	/* RFC 9293 §3.8.6 (MUST-34, SHLD-14): the edge never moves left. */
	if (wnd < left && !may_shrink(conn)) {
		if (!wnd) conn_mib(conn, TCPEXT_TCPWantZeroWindowAdv);
		wnd = units_up(conn, left);
	}
	return wnd;
}

void window_start(struct tcp_sock *conn, seq32 nxt)
{
	conn->rcv.nxt = conn->rcv.wup = nxt;
	conn->rcv.edge = rcv_edge(conn);
}

void window_told(struct tcp_sock *conn, uint32_t wnd)
{
	if (!wnd && conn->rcv.wnd) conn_mib(conn, TCPEXT_TCPToZeroWindowAdv);
	if (wnd && !conn->rcv.wnd) conn_mib(conn, TCPEXT_TCPFromZeroWindowAdv);
	conn->rcv.wnd = wnd;
	conn->rcv.wup = conn->rcv.nxt;
	conn->rcv.full = false;
	if (seq_gt(rcv_edge(conn), conn->rcv.edge)) conn->rcv.edge = rcv_edge(conn);
}

/* ---- receive buffer auto-tuning: dynamic right-sizing, as Linux's tcp_rcv_space_adjust ---- */

/*
 * The receiver's round trip: by the timestamp that was echoed last, when a full segment comes, and each once. As Linux: the shortest is believed at once,
 * and a longer one only when the program has read all, or the peer may have waited for room.
 */
void window_measure_stamp(struct tcp_sock *conn, const struct segment *g)
{
	int32_t ms = (int32_t)(ts_clock(conn_now(conn), conn->opt.offset) - conn->opt.echo);
	time_ns r = MAX(ms, 1) * NS_PER_MS;

	if (!conn->opt.ts || conn->opt.echo == conn->tune.echo_used) return;
	conn->tune.echo_used = conn->opt.echo;
	if (!conn->opt.echo || ms <= 0 || ms > TCP_TS_DELTA_MAX_MS || segment_end(g) - g->h.seq < conn->rcv.mss) return;
	if (!conn->tune.rtt || r < conn->tune.rtt)
		conn->tune.rtt = r;
	else if (conn->rcv.queued + conn->inet.sk.lent == 0)
		conn->tune.rtt += (r - conn->tune.rtt) / 8;
}

/* The time in which a window's worth arrives is a round trip at most. */
void window_measure(struct tcp_sock *conn)
{
	time_ns now = conn_now(conn), r;

	if (conn->tune.rtt_since && seq_lt(conn->rcv.nxt, conn->tune.rtt_edge)) return;
	r = now - conn->tune.rtt_since;
	if (conn->tune.rtt_since && (!conn->tune.rtt || r < conn->tune.rtt)) conn->tune.rtt = MAX(r, NS_PER_US);
	conn->tune.rtt_edge = conn->rcv.nxt + conn->rcv.wnd;
	conn->tune.rtt_since = MAX(now, 1);
}

static void rcvbuf_grow(struct tcp_sock *conn, uint32_t taken)
{
	struct sock *sk = &conn->inet.sk;
	const struct tcp_runs *early = conn->rcv.ooo;
	uint32_t before = MAX(conn->tune.space, 1u);
	uint64_t want = 2 * (uint64_t)taken;

	conn->tune.space = taken;
	if (sk->rcvbuf_locked || !conn_sysctl(conn)->tcp_moderate_rcvbuf) return;
	/* Twice what was taken, for the peer's next doubling, and more while it speeds up; and what a gap holds back. */
	want += 2 * (want * (taken - before) / before);
	if (early) want += runs_end(early) - conn->rcv.nxt;
	want = MIN(window_to_space(conn, (uint32_t)MIN(want, UINT32_MAX)), (uint64_t)conn_sysctl(conn)->tcp_rmem[2]);
	if (want <= sk->rcvbuf) return;
	sk->rcvbuf = (uint32_t)want;
	conn->rcv.clamp = window_full(conn);
}

void window_early(struct tcp_sock *conn)
{
	if (!conn->wait.parent && !conn->inet.sk.closed) rcvbuf_grow(conn, conn->tune.space);
}

static void rcvbuf_tune(struct tcp_sock *conn)
{
	/* As Linux: judged when the first packet of what a call reads is read. */
	seq32 taken_to = rmem_first_read(conn);
	uint32_t taken = taken_to - conn->tune.from - (conn->rcv.nxt - conn->rcv.done - taken_to);

	if (!conn->tune.rtt || conn_now(conn) - conn->tune.since < conn->tune.rtt) return;
	if ((int32_t)taken > 0 && taken > conn->tune.space) rcvbuf_grow(conn, taken);
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
	uint32_t left = window_left(conn), wnd;

	if (conn->ack.need != TCP_ACK_NONE && conn->rcv.nxt - conn->rcv.wup > conn->rcv.mss) return true;
	if (window_read_acks(conn) && rmem_held(conn) == 0) return true;
	/* As Linux: an update when it at least doubles what the peer may send. */
	if ((conn->inet.sk.shut & 1) || 2 * (uint64_t)left > conn->rcv.clamp) return false;
	wnd = window_wanted(conn);
	return wnd && wnd >= 2 * left;
}

void window_consumed(struct tcp_sock *conn)
{
	if (!IN_STATES(conn, S_(ESTABLISHED) | S_(FIN_WAIT_1) | S_(FIN_WAIT_2))) return;
	rcvbuf_tune(conn);
	if (owes_news(conn)) segment_send_ack(conn);
}
