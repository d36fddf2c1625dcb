/*
 * Builds segments of a connection and hands them to IP. When to send what is decided in output.c, timers.c and input.c.
 *
 * Every segment but the first SYN carries an ACK, so whatever leaves settles the ACK that was owed and tells the window.
 *
 * Read first: RFC 9293 §3.1, RFC 7323 §3.2, RFC 2018 §3.
 */
#include "stack/mptcp/mptcp.h"
#include "stack/socket/stamping.h"
#include "stack/tcp/conn.h"
#include <errno.h>

#define TS_OPT_LEN 12u

/* As Linux: when both open at once, the SYN and ACK offers what the SYN did, agreed or not. */
static void offer_all(const struct tcp_sock *conn, struct tcp_opts *o)
{
	const struct sysctl *sys = conn_sysctl(conn);

	o->has_ts = sys->tcp_timestamps && !o->sign;
	o->has_wscale = sys->tcp_window_scaling;
	o->sack_ok = sys->tcp_sack;
}

static void fill_options(const struct tcp_sock *conn, struct tcp_hdr *h, const struct tcp_cookie *c)
{
	struct tcp_opts *o = &h->opts;
	bool syn = h->flags & TCP_SYN;

	o->sign = md5_find(conn, &conn->inet.raddr);
	/* RFC 7323 §3.2: in every segment once agreed, resets excepted or not as one likes. */
	o->has_ts = conn->opt.ts;
	o->ts_val = ts_clock(conn_now(conn), conn->opt.offset);
	o->ts_ecr = h->flags & TCP_ACK ? conn->opt.recent : 0;
	if (syn) {
		o->has_mss = true;
		o->mss = conn->rcv.adv_mss;
		o->has_wscale = conn->opt.wscale;
		o->wscale = conn->rcv.wscale;
		o->sack_ok = conn->opt.sack;
		if (conn->state == TCPS_SYN_RECEIVED && !conn->wait.parent && !conn->fastopen.unproven) offer_all(conn, o);
		o->has_cookie = c != NULL;
		if (c) o->cookie = *c;
	} else if (conn->opt.sack) {
		o->n_sack = sack_report(conn, o, conn->opt.ts ? 3 : 4);
	}
}

uint32_t segment_fixed_len(const struct tcp_sock *conn)
{
	return TCP_HDR_MIN + (conn->opt.ts ? TS_OPT_LEN : 0) + (conn->mptcp ? mptcp_options_len(conn) : 0);
}

uint32_t segment_opt_len(const struct tcp_sock *conn)
{
	struct tcp_hdr h = {.flags = TCP_ACK};

	/* Asked several times for each segment, and most have no more. */
	if (!conn->md5_keys && !(conn->opt.sack && sack_reports(conn))) return segment_fixed_len(conn) - TCP_HDR_MIN;
	fill_options(conn, &h, NULL);
	if (conn->mptcp) h.opts.mptcp_len = (uint8_t)mptcp_options_len(conn);
	return (uint32_t)tcp_hdr_len(&h) - TCP_HDR_MIN;
}

/* Before SACK blocks, which take what is left, as with Linux. */
static void add_multipath(struct tcp_sock *conn, struct tcp_hdr *h, uint32_t len, uint8_t *buf)
{
	uint8_t n_sack = h->opts.n_sack;

	h->opts.n_sack = 0;
	h->opts.mptcp = buf;
	h->opts.mptcp_len = mptcp_options(conn, h, len, buf, TCP_HDR_MAX - tcp_hdr_len(h));
	h->opts.n_sack = n_sack;
}

static void fill_window(struct tcp_sock *conn, struct tcp_hdr *h)
{
	bool syn = h->flags & TCP_SYN;
	uint32_t wnd = syn || conn->embryo ? conn->rcv.wnd : window_select(conn);

	window_told(conn, wnd);
	/* RFC 7323 §2.2: the window of a SYN is never scaled. As Linux: what the field can't say is taken all the same. */
	h->wnd = (uint16_t)MIN(syn ? wnd : wnd >> conn->rcv.wscale, 65535u);
}

static void fill_urgent(const struct tcp_sock *conn, struct tcp_hdr *h)
{
	if (!conn->snd.urgent || !seq_gt(conn->snd.up, h->seq)) return;
	/* RFC 9293 §3.8.5 (MUST-62), with Linux's reading of the pointer: it names the octet after the urgent one. */
	h->flags |= TCP_URG;
	h->urg = (uint16_t)MIN(conn->snd.up - h->seq, 65535u);
}

static int hand_to_ip(struct tcp_sock *conn, const struct tcp_hdr *h, uint32_t len, uint8_t ecn)
{
	size_t hdr_len = tcp_hdr_len(h);
	struct packet *p = packet_new(PACKET_HEADROOM, hdr_len + len);
	struct inet_sock *is = &conn->inet;
	bool stamped = stamps_due(conn, h->seq, len);
	struct packet *frame = NULL;
	struct ip_out out;
	int r;

	if (!p) return -ENOBUFS;
	/* A SYN stands before the octets. */
	if (len) ring_peek(&conn->snd.queue, h->seq + (h->flags & TCP_SYN ? 1 : 0) - conn->snd.data, p->data + hdr_len, len);
	tcp_emit(h, p->data, len, &is->laddr, &is->raddr);
	/* RFC 9293 §3.9.1.9 (MUST-48, SHLD-21, SHLD-22), RFC 9293 §3.9.2 (MUST-49): what the program set counts from the next segment on. */
	inet_sock_out(is, &is->laddr, &is->raddr, IP_PROTO_TCP, &out);
	out.tos |= ecn;
	if (conn->snd.tso_bytes && len > snd_mss(conn)) out.cut_bytes = (uint32_t)hdr_len + snd_mss(conn);
	if (!addr_is_v4(&is->raddr)) out.df = true;   /* a segment fits the path or is cut anew, never fragmented here */
	if (stamped && !(is->sk.timestamping & STAMPS_ONLY)) out.ret_copy = &frame;
	r = ip_output(conn_stack(conn), p, &out);
	if (r == -EMSGSIZE) conn_update_mss(conn);
	if (r >= 0 && stamped) stamps_left(conn, h->seq, len, frame);
	packet_free(frame);
	return r;
}

/* segments: as many as the device makes of it. */
static void count_data(struct tcp_sock *conn, uint32_t len, uint32_t segments)
{
	conn->count.data_segs_out += segments;
	conn->count.segs_out += segments - 1;
	conn->count.bytes_sent += len;
	acking_data_sent(conn);
	conn->when.sent_data = conn_now(conn);
}

static int send_segment(struct tcp_sock *conn, seq32 seq, uint32_t len, uint8_t flags, const struct tcp_cookie *c)
{
	struct tcp_hdr h = {.src = conn->inet.lport, .dst = conn->inet.rport, .seq = seq, .flags = flags};
	uint8_t ecn = 0, multipath[TCP_HDR_MAX - TCP_HDR_MIN];
	uint32_t segments = conn->snd.tso_bytes ? (len + snd_mss(conn) - 1) / snd_mss(conn) : 1;
	int r;

	if (flags & TCP_ACK) h.ack = conn->rcv.nxt;
	if (flags & TCP_SYN)
		h.flags |= ecn_syn_flags(conn, flags);
	else if (!(flags & TCP_RST))
		h.flags |= ecn_flags(conn, len && !seq_lt(seq, conn->snd.nxt), &ecn);
	fill_options(conn, &h, c);
	fill_window(conn, &h);
	if (conn->mptcp) add_multipath(conn, &h, len, multipath);
	fill_urgent(conn, &h);
	r = hand_to_ip(conn, &h, len, ecn);
	if (flags & TCP_ACK) acking_sent(conn);
	/* As Linux: a SYN and ACK leaves before there is a connection to count it. */
	if (!(flags & TCP_SYN) || !conn->wait.parent) conn->count.segs_out++;
	if (len && r >= 0) count_data(conn, len, segments);
	return r;
}

int segment_send(struct tcp_sock *conn, seq32 seq, uint32_t len, uint8_t flags)
{
	return send_segment(conn, seq, len, flags, NULL);
}

/* Where a segment without data stands: at nxt, or at the edge when the window shrank below it by more than rounding explains. */
static seq32 bare_seq(const struct tcp_sock *conn)
{
	seq32 edge = conn->snd.una + conn->snd.wnd;

	if (conn->embryo) return conn->snd.iss + 1;
	if (!seq_lt(edge, conn->snd.nxt) || (conn->opt.wscale && conn->snd.nxt - edge < 1u << conn->rcv.wscale)) return conn->snd.nxt;
	return edge;
}

void segment_send_ack(struct tcp_sock *conn)
{
	segment_send(conn, bare_seq(conn), 0, TCP_ACK);
}

int segment_send_syn_with(struct tcp_sock *conn, uint32_t len, const struct tcp_cookie *c)
{
	uint8_t flags = conn->state == TCPS_SYN_SENT ? TCP_SYN : TCP_SYN | TCP_ACK;

	/* It may be repeated with octets behind it in flight. */
	if (conn->snd.nxt == conn->snd.iss) conn->snd.nxt++;
	conn->rtt.syn_at = MAX(conn_now(conn), 1);
	if (!conn->rtt.syn_first) conn->rtt.syn_first = conn->rtt.syn_at;
	return send_segment(conn, conn->snd.iss, len, flags, c);
}

int segment_send_syn(struct tcp_sock *conn) { return segment_send_syn_with(conn, 0, NULL); }

void segment_send_reset(struct tcp_sock *conn)
{
	segment_send(conn, bare_seq(conn), 0, TCP_RST | TCP_ACK);
}
