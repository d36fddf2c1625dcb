/*
 * TCP_REPAIR: a program looks into a connection, takes it down without a word to its peer, and sets it up again in a socket of this host or another, as
 * programs do that move processes.
 *
 *     take down   TCP_REPAIR, TCP_REPAIR_QUEUE: TCP_QUEUE_SEQ, recv with MSG_PEEK     TCP_REPAIR_WINDOW, TCP_TIMESTAMP, TCP_INFO     close
 *     set up      TCP_REPAIR, TCP_TIMESTAMP, bind; TCP_REPAIR_QUEUE: TCP_QUEUE_SEQ    connect    TCP_REPAIR_OPTIONS, TCP_REPAIR_WINDOW
 *                 TCP_REPAIR_QUEUE: send                                              TCP_REPAIR off
 *
 * In repair nothing is read and nothing new is sent: send puts octets into one of the queues, as if they had come or gone, and only a peek gets them from
 * there. Segments of the peer are taken in as ever, and what is in flight is sent again when its time is over; whoever takes a connection down has to see
 * that none arrive while it is nowhere.
 *
 * Read first: <linux/tcp.h>.
 */
#include <errno.h>
#include <linux/tcp.h>
#include "stack/socket/option_rows.h"
#include "stack/tcp/conn.h"

#define RECEIVED_PAGES 17u        /* what one send puts into the receive queue at most, and the part of a page that is left over */
#define PAGE 4096u
enum { KIND_MSS = 2, KIND_SCALE = 3, KIND_SACK = 4, KIND_STAMPS = 8 };

/* ---- on and off ---- */

static int get_repair(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = tcp_of(sk)->repair.on;
	return 0;
}

/* As Linux: whatever other sockets have the port, and SO_REUSEADDR is off afterwards. */
static void turn(struct tcp_sock *conn, bool on)
{
	conn->repair.on = on;
	if (on) conn->repair.queue = TCP_NO_QUEUE;
	conn->inet.sk.reuseaddr = on ? REUSE_FORCED : 0;
	sock_ready(&conn->inet.sk);
}

/* The peer's answer says what window it has by now. */
static void ask_for_window(struct tcp_sock *conn)
{
	if (conn->state != TCPS_ESTABLISHED) return;
	conn->snd.wl1 = conn->rcv.nxt - 1;
	segment_send(conn, conn->snd.una - 1, 0, TCP_ACK);
}

static int set_repair(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	int how = *(const int *)val;

	(void)len;
	if (!sock_is_privileged(sk) || conn->state == TCPS_LISTEN) return -EPERM;
	if (how != TCP_REPAIR_ON && how != TCP_REPAIR_OFF && how != TCP_REPAIR_OFF_NO_WP) return -EINVAL;
	turn(conn, how == TCP_REPAIR_ON);
	if (how == TCP_REPAIR_OFF) ask_for_window(conn);
	return 0;
}

/* ---- the two queues and their numbers ---- */

static int get_queue(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = tcp_of(sk)->repair.queue;
	return tcp_of(sk)->repair.on ? 0 : -EINVAL;
}

static int set_queue(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	int queue = *(const int *)val;

	(void)len;
	if (!conn->repair.on) return -EPERM;
	if (queue < 0 || queue >= TCP_QUEUES_NR) return -EINVAL;
	conn->repair.queue = (unsigned)queue & 3;
	return 0;
}

static int get_number(struct sock *sk, void *val, socklen_t *len)
{
	const struct tcp_sock *conn = tcp_of(sk);

	(void)len;
	switch (conn->repair.queue) {
	case TCP_SEND_QUEUE: *(seq32 *)val = snd_end(conn) + (conn->snd.fin ? 1 : 0); return 0;
	case TCP_RECV_QUEUE: *(seq32 *)val = conn->rcv.nxt; return 0;
	default: return -EINVAL;
	}
}

/* Of what is to be connected: connect() goes on from there, in repair or not. */
static int set_number(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	seq32 number = *(const seq32 *)val;

	(void)len;
	if (conn->state != TCPS_CLOSED) return -EPERM;
	switch (conn->repair.queue) {
	case TCP_SEND_QUEUE: conn->snd.iss = conn->snd.data = number; return 0;
	case TCP_RECV_QUEUE: break;
	default: return -EINVAL;
	}
	if (conn->rcv.queued + sk->lent) return -EPERM;
	conn->rcv.nxt = number;
	return 0;
}

/* ---- connecting ---- */

struct repair_numbers repair_numbers(const struct tcp_sock *conn)
{
	return (struct repair_numbers){.sent = conn->snd.data, .received = conn->rcv.nxt, .offset = conn->opt.offset};
}

void repair_restore(struct tcp_sock *conn, const struct repair_numbers *n)
{
	conn->snd.iss = conn->snd.data = n->sent;
	conn->rcv.nxt = n->received;
	conn->opt.offset = n->offset;
}

/* As Linux: what a peer takes that said nothing, until TCP_REPAIR_OPTIONS says more. */
void repair_connect(struct tcp_sock *conn, const struct repair_numbers *n)
{
	conn->snd.iss = n->sent - 1;
	conn->snd.una = conn->snd.nxt = conn->snd.sml = conn->snd.up = conn->snd.data = conn->snd.pushed = n->sent;
	conn->rcv.irs = n->received - 1;
	window_start(conn, n->received);
	conn->opt.offset = n->offset;
	conn->opt.ts = conn->opt.wscale = conn->opt.sack = false;
	conn->snd.peer_mss = snd_mss_any(conn);
	conn->snd.mss = MIN(conn->snd.mss, conn->snd.peer_mss);
	conn->use = TCP_CONNECTED;
	conn_established(conn);
	sock_ready(&conn->inet.sk);
}

/* ---- what was agreed ---- */

/* As Linux: the size of segments stays until the path's is another. */
static int agree(struct tcp_sock *conn, const struct tcp_repair_opt *o)
{
	unsigned snd = o->opt_val & 0xffff, rcv = o->opt_val >> 16;

	switch (o->opt_code) {
	case KIND_MSS:
		conn->snd.peer_mss = MAX((uint16_t)o->opt_val, conn_mss_least(conn));
		return 0;
	case KIND_SCALE:
		if (snd > TCP_WSCALE_MAX || rcv > TCP_WSCALE_MAX) return -EFBIG;
		conn->opt.wscale = true;
		conn->snd.wscale = (uint8_t)snd;
		conn->rcv.wscale = (uint8_t)rcv;
		return 0;
	case KIND_SACK:
		if (o->opt_val) return -EINVAL;
		conn->opt.sack = true;
		return 0;
	case KIND_STAMPS:
		if (o->opt_val) return -EINVAL;
		conn->opt.ts = true;
		return 0;
	default:
		return 0;
	}
}

static int set_options(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	const struct tcp_repair_opt *o = val;
	int r = 0;

	if (!conn->repair.on) return -EINVAL;
	if (conn->state != TCPS_ESTABLISHED || conn->count.bytes_sent || conn->snd.passed) return -EPERM;
	for (size_t i = 0; i < len / sizeof *o && r == 0; i++) {
		struct tcp_repair_opt one;
		memcpy(&one, o + i, sizeof one);
		r = agree(conn, &one);
	}
	return r;
}

static int get_window(struct sock *sk, void *val, socklen_t *len)
{
	const struct tcp_sock *conn = tcp_of(sk);
	const struct tcp_repair_window w = {
		.snd_wl1 = conn->snd.wl1, .snd_wnd = conn->snd.wnd, .max_window = conn->snd.max_wnd, .rcv_wnd = conn->rcv.wnd, .rcv_wup = conn->rcv.wup,
	};

	if (*len != sizeof w) return -EINVAL;
	return conn->repair.on ? opt_copy_out(val, len, &w, sizeof w) : -EPERM;
}

static int set_window(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	struct tcp_repair_window w;

	if (!conn->repair.on) return -EPERM;
	if (len != sizeof w) return -EINVAL;
	memcpy(&w, val, sizeof w);
	if (w.max_window < w.snd_wnd || seq_gt(w.snd_wl1, conn->rcv.nxt + w.rcv_wnd) || seq_gt(w.rcv_wup, conn->rcv.nxt)) return -EINVAL;
	conn->snd.wl1 = w.snd_wl1;
	conn->snd.wnd = w.snd_wnd;
	conn->snd.max_wnd = w.max_window;
	conn->rcv.wnd = w.rcv_wnd;
	conn->rcv.wup = w.rcv_wup;
	conn->rcv.edge = rcv_edge(conn);
	return 0;
}

/* As Linux: the lowest bit tells a clock of microseconds, which none of ours is. */
static int get_timestamp(struct sock *sk, void *val, socklen_t *len)
{
	const struct tcp_sock *conn = tcp_of(sk);

	(void)len;
	*(uint32_t *)val = ts_clock(conn_now(conn), conn->opt.offset) & ~1u;
	return 0;
}

static int set_timestamp(struct sock *sk, const void *val, socklen_t len)
{
	struct tcp_sock *conn = tcp_of(sk);
	uint32_t v = *(const uint32_t *)val;

	(void)len;
	if (!conn->repair.on) return -EPERM;
	if (v & 1) return -EINVAL;
	conn->opt.offset = v - ts_clock(conn_now(conn), 0);
	return 0;
}

/* ---- octets ---- */

static int put_received(struct tcp_sock *conn, const uint8_t *octets, size_t len)
{
	for (size_t at = 0, piece; at < len; at += piece) {
		piece = MIN(len - at, (size_t)PACKET_MAX);
		struct packet *p = packet_new(0, piece);
		if (!p) return -ENOMEM;
		memcpy(p->data, octets + at, piece);
		p->weight = (struct packet_weight){.cost = (uint32_t)piece + SKB_SMALL_HEAD + SKB_TRUESIZE_OVERHEAD};
		rcv_queue_append(conn, p);
	}
	return 0;
}

/* As if they had come, up to so many pages at once. */
static ssize_t receive(struct tcp_sock *conn, const struct sock_msg *m)
{
	size_t call = MAX(m->call_len, m->len), most = call > PAGE ? MIN(call / PAGE, RECEIVED_PAGES) * PAGE + call % PAGE : call, len = MIN(most, m->len);

	if (m->unread) return -EFAULT;
	if (!rmem_takes(conn, conn->rcv.nxt, (uint32_t)len)) return -ENOMEM;
	return put_received(conn, m->data, len) < 0 ? -ENOMEM : (ssize_t)len;
}

bool repair_send(struct tcp_sock *conn, const struct sock_msg *m, ssize_t *ret)
{
	if (!conn->repair.on || conn->repair.queue == TCP_SEND_QUEUE) return false;
	*ret = conn->repair.queue == TCP_RECV_QUEUE ? receive(conn, m) : -EINVAL;
	return true;
}

bool repair_keeps(const struct tcp_sock *conn) { return conn->repair.on && conn->repair.queue == TCP_SEND_QUEUE; }

/* As Linux: the answer is how much there is, whatever there is room for. */
static ssize_t peek_sent(const struct tcp_sock *conn, struct sock_msg *m)
{
	size_t all = conn->snd.queue.len, offset = MIN(m->offset, all), n = MIN(all - offset, m->len);

	ring_peek(&conn->snd.queue, offset, m->data, n);
	return (ssize_t)(offset + n < MIN(all, m->call_len) ? n : all - offset);
}

bool repair_recv(struct tcp_sock *conn, struct sock_msg *m, int flags, ssize_t *ret)
{
	if (!conn->repair.on || (flags & MSG_PEEK && conn->repair.queue == TCP_RECV_QUEUE)) return false;
	m->flags = 0;
	*ret = !(flags & MSG_PEEK) ? -EPERM : conn->repair.queue == TCP_SEND_QUEUE ? peek_sent(conn, m) : -EINVAL;
	return true;
}

#define ROW(n) .level = IPPROTO_TCP, .name = n, .text = #n

const struct sockopt repair_options[] = {
	{ROW(TCP_REPAIR), .type = OPT_INT, BOTH, .get = get_repair, .set = set_repair, .note = "takes CAP_NET_ADMIN"},
	{ROW(TCP_REPAIR_QUEUE), .type = OPT_INT, BOTH, .get = get_queue, .set = set_queue},
	{ROW(TCP_QUEUE_SEQ), .type = OPT_INT, BOTH, .get = get_number, .set = set_number},
	{ROW(TCP_REPAIR_OPTIONS), .type = OPT_BLOB, .least = sizeof(int), SET, .set = set_options},
	{ROW(TCP_REPAIR_WINDOW), .type = OPT_BLOB, .least = sizeof(int), BOTH, .get = get_window, .set = set_window},
	{ROW(TCP_TIMESTAMP), .type = OPT_INT, BOTH, .get = get_timestamp, .set = set_timestamp, .note = "set: in repair, of a clock of milliseconds"},
	{.text = NULL},
};
