/*
 * TIME-WAIT: what is left of a connection for a minute after its end, so that old segments find somebody who knows
 * them. It is a struct of its own, a tenth of a socket, in two tables (by 4-tuple, for segments and connect; by local
 * port, for bind) and one queue: all wait equally long, so the first in is the first out and one timer serves all.
 *
 * A SYN that is certainly newer than the old connection may open the next one (RFC 6191), and so may a connect of
 * ours after a second when timestamps tell the two apart (net.ipv4.tcp_tw_reuse; by default on loopback only).
 *
 * Read first: RFC 9293 §3.10.7.4, RFC 1337, RFC 6191.
 */
#include "stack/tcp/conn.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/inet/facts.h"

#define ISS_STEP (65535u + 2)        /* as Linux: above everything the old connection can have sent */

struct timewait {
	struct hash_node by_flow, by_port;
	struct list order;
	time_ns until, recent_when, last_oow;
	struct addr laddr, raddr;
	uint16_t lport, rport, domain;
	seq32 snd_nxt, rcv_nxt;
	uint16_t wnd;
	bool ts, reuseaddr, reuseport;
	uint32_t recent, offset;
	struct tcp_secret *secret;            /* its segments are signed; NULL: not */
};

struct timewait *timewait_at(struct stack *s, uint64_t hash, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	for (struct hash_node *n = hash_first(&s->tcp->tw_flows, hash); n; n = hash_next(n)) {
		struct timewait *tw = container_of(n, struct timewait, by_flow);
		if (tw->lport == lport && tw->rport == rport && addr_eq(&tw->laddr, laddr) && addr_eq(&tw->raddr, raddr)) return tw;
	}
	return NULL;
}

struct timewait *timewait_find(struct stack *s, const struct addr *laddr, uint16_t lport, const struct addr *raddr, uint16_t rport)
{
	return timewait_at(s, flow_hash(s, laddr, lport, raddr, rport), laddr, lport, raddr, rport);
}

/* ---- life ---- */

static void restart(struct stack *s, struct timewait *tw)
{
	list_remove(&tw->order);
	list_append(&s->tcp->tw_order, &tw->order);
	tw->until = s->now + TCP_TIMEWAIT;
	if (!timer_is_set(&s->tcp->tw_timer)) timer_set(s, &s->tcp->tw_timer, tw->until);
}

void timewait_end(struct stack *s, struct timewait *tw)
{
	hash_remove(&s->tcp->tw_flows, &tw->by_flow);
	hash_remove(&s->tcp->tw_ports, &tw->by_port);
	list_remove(&tw->order);
	s->tcp->n_tw--;
	free(tw->secret);
	free(tw);
}

static void fire(struct timer *t)
{
	struct tcp_stack *tcp = container_of(t, struct tcp_stack, tw_timer);
	struct stack *s = tcp->stack;

	while (!list_empty(&tcp->tw_order)) {
		struct timewait *tw = list_first(&tcp->tw_order, struct timewait, order);
		if (tw->until > s->now) {
			timer_set(s, t, tw->until);
			return;
		}
		timewait_end(s, tw);
	}
}

static bool enlist(struct stack *s, struct timewait *tw)
{
	struct tcp_stack *tcp = s->tcp;

	if (hash_insert(&tcp->tw_flows, &tw->by_flow, flow_hash(s, &tw->laddr, tw->lport, &tw->raddr, tw->rport)) < 0) return false;
	if (hash_insert(&tcp->tw_ports, &tw->by_port, tw->lport) < 0) {
		hash_remove(&tcp->tw_flows, &tw->by_flow);
		return false;
	}
	tcp->n_tw++;
	tcp->tw_timer.fire = fire;
	list_init(&tw->order);
	restart(s, tw);
	return true;
}

void timewait_add(struct tcp_sock *conn)
{
	struct stack *s = conn_stack(conn);
	struct timewait *tw;

	/* As Linux: when there are too many, or no memory, the connection just ends. */
	tw = s->tcp->n_tw < (uint32_t)s->sysctl->tcp_max_tw_buckets ? calloc(1, sizeof *tw) : NULL;
	if (!tw) {
		mib_tcp(s, TCPEXT_TCPTimeWaitOverflow);
		return;
	}
	tw->laddr = conn->inet.laddr;
	tw->raddr = conn->inet.raddr;
	tw->lport = conn->inet.lport;
	tw->rport = conn->inet.rport;
	tw->domain = conn->inet.sk.domain;
	tw->snd_nxt = conn->snd.nxt;
	tw->rcv_nxt = conn->rcv.nxt;
	tw->wnd = (uint16_t)(conn->rcv.wnd >> conn->rcv.wscale);
	tw->reuseaddr = conn->inet.sk.reuseaddr;
	tw->reuseport = conn->inet.sk.reuseport;
	tw->ts = conn->opt.ts;
	tw->recent = conn->opt.recent;
	tw->recent_when = conn->opt.recent_when;
	tw->offset = conn->opt.offset;
	tw->last_oow = INT64_MIN / 2;
	if (md5_find(conn, &tw->raddr)) {
		tw->secret = malloc(sizeof *tw->secret);
		if (tw->secret) *tw->secret = *md5_find(conn, &tw->raddr);
	}
	if (conn->state != TCPS_FIN_WAIT_2 || !conn->inet.sk.closed) mib_tcp(s, TCPEXT_TW);
	if (enlist(s, tw)) return;
	free(tw->secret);
	free(tw);
}

unsigned tcp_timewaits(const struct stack *s) { return s->tcp->n_tw; }

void tcp_facts_timewait(struct stack *s, inet_visit *visit, void *arg)
{
	list_each(struct timewait, tw, &s->tcp->tw_order, order) {
		struct inet_facts f = {.stack = s, .domain = tw->domain, .protocol = IPPROTO_TCP, .state = TCPS_TIME_WAIT, .laddr = tw->laddr,
				       .raddr = tw->raddr, .lport = tw->lport, .rport = tw->rport, .timer = FACTS_TIME_WAIT,
				       .due_in = MAX(tw->until - s->now, 0)};
		visit(arg, &f);
	}
}

void timewait_free_all(struct stack *s)
{
	while (!list_empty(&s->tcp->tw_order))
		timewait_end(s, list_first(&s->tcp->tw_order, struct timewait, order));
	timer_clear(s, &s->tcp->tw_timer);
}

/* ---- segments ---- */

void timewait_answer(struct stack *s, struct timewait *tw, const struct segment *g)
{
	bool limited = g->h.flags & TCP_SYN || segment_end(g) == g->h.seq;     /* as Linux: text and FINs make no loop of ACKs */
	struct tcp_hdr h = {.src = tw->lport, .dst = tw->rport, .seq = tw->snd_nxt, .ack = tw->rcv_nxt, .flags = TCP_ACK, .wnd = tw->wnd};

	if (limited && s->now - tw->last_oow < s->sysctl->tcp_invalid_ratelimit_ms * NS_PER_MS) {
		mib_tcp(s, TCPEXT_TCPACKSkippedTimeWait);
		return;
	}
	if (limited) tw->last_oow = s->now;
	h.opts.sign = tw->secret;
	h.opts.has_ts = tw->ts;
	h.opts.ts_val = ts_clock(s->now, tw->offset);
	h.opts.ts_ecr = tw->recent;
	reset_answer_header(s, g->p, &h);
}

static bool is_older(const struct timewait *tw, const struct segment *g)
{
	return tw->ts && tw->recent && g->h.opts.has_ts && (int32_t)(tw->recent - g->h.opts.ts_val) > 0;
}

/* RFC 6191 §2, RFC 1122 §4.2.2.13: certainly of a new connection. */
static bool opens_next(const struct timewait *tw, const struct segment *g)
{
	if ((g->h.flags & (TCP_SYN | TCP_RST | TCP_ACK)) != TCP_SYN || is_older(tw, g)) return false;
	return seq_gt(g->h.seq, tw->rcv_nxt) || (tw->ts && g->h.opts.has_ts && (int32_t)(tw->recent - g->h.opts.ts_val) < 0);
}

bool timewait_receive(struct stack *s, struct timewait *tw, struct segment *g)
{
	bool rst = g->h.flags & TCP_RST, exact = g->h.seq == tw->rcv_nxt && segment_end(g) == tw->rcv_nxt;

	g->why = DROP_TCP_OLD;
	if (!is_older(tw, g) && g->h.seq == tw->rcv_nxt && (exact || rst)) {
		/* RFC 1337: a reset should not end it; Linux lets it unless tcp_rfc1337 is set. */
		if (rst && !s->sysctl->tcp_rfc1337) {
			timewait_end(s, tw);
			return false;
		}
		if (g->h.opts.has_ts) {
			tw->recent = g->h.opts.ts_val;
			tw->recent_when = s->now;
		}
		if (!rst) restart(s, tw);
		return false;
	}
	if (opens_next(tw, g)) {
		g->iss = tw->snd_nxt + ISS_STEP ? tw->snd_nxt + ISS_STEP : 1;
		g->tw = tw;
		g->why = DROP_NONE;
		return true;
	}
	if (is_older(tw, g)) mib_tcp(s, TCPEXT_PAWSTimewait);
	if (rst) return false;
	/* RFC 9293 §3.10.7.4: a retransmitted FIN is acknowledged and restarts the wait. */
	if (is_older(tw, g) || (g->h.flags & TCP_ACK)) restart(s, tw);
	timewait_answer(s, tw, g);
	return false;
}

/* ---- bind and connect ---- */

static bool overlaps(const struct timewait *tw, const struct inet_sock *is)
{
	if (!addr_is_any(&is->laddr)) return addr_eq(&tw->laddr, &is->laddr);
	return addr_is_v4(&is->laddr) ? addr_is_v4(&tw->laddr) : !is->v6only || !addr_is_v4(&tw->laddr);
}

bool timewait_blocks_bind(struct stack *s, const struct inet_sock *is)
{
	struct hash_node *n = s->tcp->n_tw ? hash_first(&s->tcp->tw_ports, is->lport) : NULL;

	for (; n; n = hash_next(n)) {
		const struct timewait *tw = container_of(n, struct timewait, by_port);
		bool shared = (is->sk.reuseaddr && tw->reuseaddr) || (is->sk.reuseport && tw->reuseport);
		if (overlaps(tw, is) && !shared) return true;
	}
	return false;
}

/* As Linux: a port that bind() chose is not waited for, as long as timestamps tell the connections apart. */
int timewait_reuse(struct tcp_sock *conn, bool bound)
{
	struct stack *s = conn_stack(conn);
	struct inet_sock *is = &conn->inet;
	struct timewait *tw = timewait_find(s, &is->laddr, is->lport, &is->raddr, is->rport);
	int mode = s->sysctl->tcp_tw_reuse;

	if (!tw) return 0;
	if (!tw->ts) return -EADDRNOTAVAIL;
	if (!bound && !(mode == 1 || (mode == 2 && addr_is_loopback(&is->raddr)))) return -EADDRNOTAVAIL;
	if (!bound && s->now - tw->recent_when <= s->sysctl->tcp_tw_reuse_delay_ms * NS_PER_MS) return -EADDRNOTAVAIL;
	conn->snd.iss = tw->snd_nxt + ISS_STEP ? tw->snd_nxt + ISS_STEP : 1;
	mib_tcp(s, TCPEXT_TWRecycled);
	timewait_end(s, tw);
	return 0;
}
