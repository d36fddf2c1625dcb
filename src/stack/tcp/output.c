/*
 * The one place that decides to send what is new. Everybody who changed something that matters (queue, window, cwnd)
 * calls tcp_output, which sends while all three allow it:
 *
 *     una ... nxt ... una + wnd       the peer's window
 *     in flight < cwnd                the network; what is lost goes before, by resend.c
 *     Nagle, with Minshall's change   a small segment waits while another small one is in flight
 *
 * Read first: RFC 9293 §3.7.4 and §3.8.6.2.1, RFC 896, draft-minshall-nagle.
 */
#include "stack/tcp/conn.h"
#include <errno.h>

#define LEAST_PACKET 68u                   /* RFC 791 §3.2; Linux takes the TCP header off it, and no IP header */

static uint32_t stamps_space(const struct tcp_sock *conn) { return conn->opt.ts ? TS_SPACE : 0; }

/* As Linux: RFC 9293 §3.8.6.2.1 (MUST-38) condition (3) comes with it. */
uint32_t snd_in_window(const struct tcp_sock *conn, uint32_t len)
{
	uint32_t half = conn->snd.max_wnd > MSS_DEFAULT ? conn->snd.max_wnd / 2 : conn->snd.max_wnd;

	return half && len > half ? MAX(half, LEAST_PACKET - TCP_HDR_MIN - stamps_space(conn)) : len;
}

/* As Linux: what is not in each segment takes of what the window leaves. */
static uint32_t mss_with(const struct tcp_sock *conn, uint32_t opts)
{
	uint32_t stamps = MIN(stamps_space(conn), opts), mss = snd_in_window(conn, conn->snd.mss - MIN(stamps, (uint32_t)conn->snd.mss - 8));

	return mss - MIN(opts - stamps, mss - 8);
}

uint32_t snd_mss(const struct tcp_sock *conn) { return conn->snd.run_mss ? conn->snd.run_mss : mss_with(conn, segment_opt_len(conn)); }

uint16_t snd_mss_any(const struct tcp_sock *conn) { return addr_is_v4(&conn->inet.raddr) ? MSS_DEFAULT : MSS_DEFAULT_IPV6; }

uint32_t snd_mss_plain(const struct tcp_sock *conn)
{
	if (conn->snd.peer_mss) return mss_with(conn, segment_fixed_len(conn) - TCP_HDR_MIN);
	return MIN((uint32_t)snd_mss_any(conn), (uint32_t)conn->snd.mss) - stamps_space(conn);
}

/* A segment that is not full, though it holds all there is: may it go? */
static bool small_may_go(const struct tcp_sock *conn, bool fin)
{
	bool small_in_flight = seq_gt(conn->snd.sml, conn->snd.una) && seq_le(conn->snd.sml, conn->snd.nxt);

	if (fin || conn->snd.urgent) return true;
	if (conn->set.cork || conn->snd.more) return false;
	/* RFC 9293 §3.7.4 (SHLD-7, MUST-17), with Minshall's change: only small segments wait for small ones. */
	return conn->set.nodelay || !small_in_flight;
}

/* How much goes in the next segment: octets of data, and whether the FIN goes with them. false: nothing may go. */
static bool plan(const struct tcp_sock *conn, bool push, uint32_t *ret_len, bool *ret_fin)
{
	uint32_t unsent = snd_unsent(conn), whole, mss, len;
	int32_t room = (int32_t)(conn->snd.una + conn->snd.wnd - conn->snd.nxt);
	bool fin_due = conn->snd.fin && !snd_fin_sent(conn), fin;

	if ((!unsent && !fin_due) || room <= 0) return false;
	whole = cuts_unsent(conn);
	mss = snd_mss(conn);
	len = MIN(MIN(whole, mss), (uint32_t)room);
	fin = fin_due && len == unsent && len < (uint32_t)room;
	if (!len && !fin) return false;
	/* RFC 9293 §3.8.6.2.1 (MUST-38): cut short by the window: wait for it to open. */
	if (len < mss && len < whole) return false;
	/* As Linux: only the last of what is queued may have to wait for more. */
	if (len < mss && len == unsent && !push && !small_may_go(conn, fin)) return false;
	*ret_len = len;
	*ret_fin = fin;
	return true;
}

static void start_sending(struct tcp_sock *conn)
{
	if (conn->when.sent_data) cc_restart_idle(conn);
	if (conn->set.cc->event) conn->set.cc->event(conn, CC_SEND);
}

/* As many segments as may leave in one packet: len is of the first of them. */
static void extend(struct tcp_sock *conn, uint32_t *len, bool *fin)
{
	uint32_t mss = snd_mss(conn), unsent = snd_unsent(conn), whole = cuts_unsent(conn), segments, quota, most, all, part;
	uint32_t room = conn->snd.una + conn->snd.wnd - conn->snd.nxt;

	/* As Linux: what is urgent leaves segment by segment. */
	if (!conn->snd.tso_bytes || *len < mss || conn->snd.urgent) return;
	segments = tso_segments(conn);
	quota = tso_quota(conn);
	most = MIN(segments, quota) * mss;
	all = MIN(whole, room);
	part = all % mss;
	if (all >= most) {
		*len = MAX(most, mss);
	} else if (whole < unsent && most <= room) {
		/* As Linux: only the last packet of the queue may have to wait for more. */
		*len = whole;
	} else {
		/* The last, small one goes along if it may go at all; as Linux, also one that the window made small. */
		*fin = conn->snd.fin && !snd_fin_sent(conn) && all == unsent && all < room;
		*len = part && !small_may_go(conn, *fin) ? all - part : all;
	}
	*fin = conn->snd.fin && !snd_fin_sent(conn) && *len == unsent && *len < room;
}

/* A record for each segment of what was sent. */
static void record(struct tcp_sock *conn, seq32 seq, uint32_t len, uint32_t mss, bool fin, bool psh)
{
	seq32 end = seq + len + fin;
	bool eor = cuts_at(conn, seq + len).eor;
	uint8_t tag = TAG_HEAD;

	do {
		seq32 to = end - seq > mss + fin ? seq + mss : end;
		struct tcp_sent sent = {.seq = seq, .end = to, .at = MAX(conn_now(conn), 1), .tag = tag};
		rate_sent(conn, &sent);
		if (to == end && psh) sent.tag |= TAG_PUSH;
		if (to == end && eor) sent.tag |= TAG_EOR;
		rtxq_append(&conn->rtxq, &sent);
		conn_mib(conn, TCPEXT_TCPOrigDataSent);
		seq = to;
		tag = 0;
	} while (seq != end);
	conn->snd.nxt = end;
	cuts_reached(conn, seq - fin);
	if (len % mss) conn->snd.sml = end;
}

/* RFC 9293 §3.9.1.2 (MUST-61): the last segment of what is queued is pushed, unless the program announced more. */
static bool is_pushed(const struct tcp_sock *conn, seq32 end)
{
	return end == snd_end(conn) ? seq_le(end, conn->snd.pushed) : cuts_at(conn, end).push;
}

static bool emit(struct tcp_sock *conn, uint32_t len, bool fin, bool push)
{
	uint32_t mss = snd_mss(conn);
	seq32 seq = conn->snd.nxt;
	bool psh = len && (push || is_pushed(conn, seq + len)), first = conn->rtxq.n == 0;
	int r;

	if (!rtxq_reserve(&conn->rtxq, len / mss + 2)) return false;
	/* As Linux: what the device cuts is pushed too, so that the receiver's device does not wait for more. */
	r = segment_send(conn, seq, len, (uint8_t)(TCP_ACK | (psh || len > mss ? TCP_PSH : 0) | (fin ? TCP_FIN : 0)));
	/* The path became narrower: cut anew. */
	if (r < 0) return r == -EMSGSIZE && snd_mss(conn) < mss;
	record(conn, seq, len, mss, fin, psh);
	pacing_sent(conn, len);
	/* RFC 6298 §5 (5.1) */
	if (first || conn->timer_role == TCP_TIMER_TAIL) timers_rearm(conn);
	wmem_freed(conn);
	return true;
}

bool output_whole(struct tcp_sock *conn, uint32_t len)
{
	uint32_t tso_bytes = conn->snd.tso_bytes;
	seq32 seq = conn->snd.nxt;
	bool first = conn->rtxq.n == 0;
	int r;

	if (!rtxq_reserve(&conn->rtxq, 1)) return false;
	conn->snd.tso_bytes = 0;              /* nobody cuts it */
	r = segment_send(conn, seq, len, TCP_ACK);
	conn->snd.tso_bytes = tso_bytes;
	if (r < 0) return false;
	record(conn, seq, len, len, false, false);
	pacing_sent(conn, len);
	if (first || conn->timer_role == TCP_TIMER_TAIL) timers_rearm(conn);
	wmem_freed(conn);
	return true;
}

/* RFC 7413 §4.2.1: from now on they are in flight, and the SYN may be sent again without them. */
bool output_syn_data(struct tcp_sock *conn, uint32_t len, const struct tcp_cookie *c)
{
	if (!rtxq_reserve(&conn->rtxq, 1)) return false;
	segment_send_syn_with(conn, len, c);
	record(conn, conn->snd.iss + 1, len, len, false, true);
	return true;
}

/* Is it the peer's window that the next segment waits for? As Linux: the network is asked first. */
static bool window_holds(const struct tcp_sock *conn)
{
	uint32_t unsent = snd_unsent(conn), next = unsent ? MIN(cuts_unsent(conn), snd_mss(conn)) : conn->snd.fin && !snd_fin_sent(conn);

	if (rtxq_in_flight(&conn->rtxq) >= conn->cc.cwnd || timer_is_set(&conn->timer.pace)) return false;
	return next && seq_gt(conn->snd.nxt + next, conn->snd.una + conn->snd.wnd);
}

/* What could leave now may be more than the first packet of the queue has. */
static void grow(struct tcp_sock *conn, bool force)
{
	uint32_t segments, quota, most, whole;

	if (!conn->snd.cuts) return;
	segments = tso_segments(conn);
	quota = tso_quota(conn);
	most = MAX(MIN(quota, segments), force ? 1u : 0u) * snd_mss(conn);
	whole = cuts_unsent(conn);
	if (most > whole) cuts_grow(conn, most - whole);
}

/* TCP_REPAIR: it is in flight without having left. As Linux: neither window nor network are asked, and it gives no samples of the round trip. */
static uint32_t keep_back(struct tcp_sock *conn)
{
	uint32_t before = conn->rtxq.n, mss = snd_mss(conn);

	for (;;) {
		uint32_t len = cuts_unsent(conn);
		bool fin = conn->snd.fin && !snd_fin_sent(conn) && len == snd_unsent(conn);
		if ((!len && !fin) || !rtxq_reserve(&conn->rtxq, len / mss + 2)) break;
		record(conn, conn->snd.nxt, len, mss, fin, len && is_pushed(conn, conn->snd.nxt + len));
	}
	for (uint32_t i = before; i < conn->rtxq.n; i++)
		rtxq_tag(&conn->rtxq, rtxq_at(&conn->rtxq, i), rtxq_at(&conn->rtxq, i)->tag | TAG_EVER);
	if (!before && conn->rtxq.n) timers_rearm(conn);
	return 0;
}

/* force: one segment, whatever cwnd says; push: small ones too; one: no more than a packet. */
static void send_run(struct tcp_sock *conn, bool force, bool push, bool one)
{
	bool fin, any = false;
	uint32_t len;

	conn->snd.run_mss = (uint16_t)snd_mss(conn);
	while (grow(conn, force), plan(conn, push, &len, &fin)) {
		if (!force && pacing_must_wait(conn)) break;
		if (conn->rtxq.n == 0 && !any) start_sending(conn);
		if (!force && (tso_quota(conn) == 0 || (!one && tso_should_defer(conn, len)))) break;
		if (!force) extend(conn, &len, &fin);
		if (!emit(conn, len, fin, false)) break;
		any = true;
		if (one) break;
	}
	conn->snd.run_mss = 0;
}

static uint32_t send_some(struct tcp_sock *conn, bool force, bool push, bool one)
{
	uint32_t sent, before = conn->rtxq.n;
	bool limited;

	if (repair_keeps(conn)) return keep_back(conn);
	if (!force && !push && !mtuprobe_send(conn)) return 0;
	send_run(conn, force, push, one);
	limited = rtxq_in_flight(&conn->rtxq) >= conn->cc.cwnd;
	sent = conn->rtxq.n - before;
	chrono_window(conn, window_holds(conn));
	if (sent || limited) cc_validate(conn, limited);
	if (sent) chrono_sent(conn, limited);
	if (!sent) return 0;
	if (prr_is_active(conn)) conn->rec.prr_out += sent;
	if (!force) tlp_schedule(conn, false);
	return sent;
}

static uint32_t send_new(struct tcp_sock *conn, bool force, bool push) { return send_some(conn, force, push, force); }

/* As Linux: with half the peer's largest window queued since the last push, all that may leave does; else what is full, if it is first. */
void output_full(struct tcp_sock *conn)
{
	seq32 end = snd_end(conn);
	bool push = end - conn->snd.pushed > conn->snd.max_wnd / 2;

	if (!conn_may_send(conn)) return;
	if (push) conn->snd.pushed = end;
	if (push || cuts_unsent(conn) == snd_unsent(conn)) send_some(conn, false, true, !push);
}

void tcp_output(struct tcp_sock *conn)
{
	if (!conn_may_send(conn)) return;
	if (snd_unsent(conn) || conn->snd.fin) send_new(conn, false, false);
	timers_after_output(conn);
	wmem_freed(conn);
}

void output_new(struct tcp_sock *conn) { send_new(conn, false, true); }
bool output_one_new(struct tcp_sock *conn) { return send_new(conn, true, true) > 0; }

/* RFC 9293 §3.8.6.1 (MUST-35, MUST-36): probes the window. What fits is sent, small or not; else, as Linux does, an old
 * sequence number without data, which the peer has to answer. */
void output_probe(struct tcp_sock *conn)
{
	int32_t room = (int32_t)(conn->snd.una + conn->snd.wnd - conn->snd.nxt);
	uint32_t unsent = snd_unsent(conn), len = MIN(cuts_unsent(conn), snd_mss(conn));
	bool fin_due = conn->snd.fin && !snd_fin_sent(conn);

	if (room > 0 && (unsent || fin_due)) {
		seq32 sml = conn->snd.sml;

		len = MIN(len, (uint32_t)room);
		emit(conn, len, fin_due && len == unsent && len < (uint32_t)room, true);
		/* As Linux: what a probe carries does not hold back the next small segment. */
		conn->snd.sml = sml;
		return;
	}
	/* As Linux: what is urgent shows where the window ends, before the probe. */
	if (conn->snd.urgent) segment_send(conn, conn->snd.una, 0, TCP_ACK);
	conn_mib(conn, TCPEXT_TCPWinProbe);
	segment_send(conn, conn->snd.una - 1, 0, TCP_ACK);
}
