/*
 * Bad TCP segments in every state, over both families.
 *
 * A segment that is still one of the connection, by a reading of its own of the octets, has to bring about what the oracle says (the one of the
 * matrix in tests/unit-tcp); any other changes nothing. A connection that was not ended by such a segment carries its octets to the end.
 */
#include <stdio.h>
#include <string.h>
#include "../unit-tcp/stages.h"
#include "mangle.h"
#include "stack/inet/port.h"

struct tcp_world { struct bench *b; struct tcb t; const struct stage *stage; const struct target *target; };

#define TEXT 20

static size_t ip_len(const struct tcp_world *w) { return w->b->v6 ? IP6_HDR_LEN : IP4_HDR_MIN; }

/* ---- the segment that would be right ---- */

static struct tcp_hdr right(const struct tcp_world *w)
{
	const struct tcb *t = &w->t;
	const struct bench *b = w->b;
	struct tcp_hdr h = {.src = b->peer_port, .dst = b->us_port, .seq = PEER_ISN + t->rcv_nxt, .ack = b->iss + t->nxt, .flags = ACK | PSH, .wnd = 65535};

	if (t->state == TCPS_CLOSED || t->state == TCPS_LISTEN) h.flags = SYN, h.ack = 0;
	if (t->state == TCPS_SYN_SENT) h.flags = SYN | ACK;
	if (t->state == TCPS_SYN_RECEIVED) h.flags = ACK;
	return h;
}

static size_t emit(const struct tcp_world *w, const struct tcp_hdr *h, size_t text, uint8_t *to)
{
	const struct bench *b = w->b;
	size_t at = ip_len(w), hdr_len = tcp_hdr_len(h), len = hdr_len + text;

	memset(to + at + hdr_len, 'x', text);
	tcp_emit(h, to + at, text, &b->peer, &b->us);
	if (b->v6)
		ip6_emit(&(struct ip6_hdr){.src = b->peer, .dst = b->us, .payload_len = (uint16_t)len, .next = IP_PROTO_TCP, .hops = 64}, to);
	else
		ip4_emit(&(struct ip4_hdr){.src = b->peer, .dst = b->us, .total_len = (uint16_t)(at + len), .ttl = 64, .proto = IP_PROTO_TCP}, to);
	return at + len;
}

static size_t packet(void *world, uint8_t *to)
{
	const struct tcp_world *w = world;
	struct tcp_hdr h = right(w);

	return emit(w, &h, w->t.state == TCPS_ESTABLISHED || w->t.state == TCPS_FIN_WAIT_2 ? TEXT : 0, to);
}

static void mend(void *world, struct bad_packet *p)
{
	struct tcp_world *w = world;

	mend_transport(p, 0, ip_len(w), IP_PROTO_TCP, "tcp checksum");
	if (!w->b->v6) mend_ip4(p, 0);
}

/* ---- a reading of its own ---- */

/* The octets of the TCP segment, if this is a whole datagram from the peer to us. */
static bool read_ip4(const struct tcp_world *w, const struct bad_packet *p, size_t *ret_len)
{
	const uint8_t *d = p->data;
	size_t total = read16(d + 2);

	*ret_len = total - IP4_HDR_MIN;
	return d[0] == 0x45 && total >= IP4_HDR_MIN && total <= p->len && !(read16(d + 6) & 0x3fff) && d[9] == IP_PROTO_TCP &&
	       csum_fold(csum_add(0, d, IP4_HDR_MIN)) == 0 && memcmp(d + 12, w->b->peer.b + 12, 4) == 0 && memcmp(d + 16, w->b->us.b + 12, 4) == 0;
}

static bool read_ip6(const struct tcp_world *w, const struct bad_packet *p, size_t *ret_len)
{
	const uint8_t *d = p->data;

	*ret_len = read16(d + 4);
	return d[0] >> 4 == 6 && IP6_HDR_LEN + *ret_len <= p->len && d[6] == IP_PROTO_TCP && memcmp(d + 8, w->b->peer.b, 16) == 0 &&
	       memcmp(d + 24, w->b->us.b, 16) == 0;
}

static bool is_ours(const struct tcp_world *w, const struct bad_packet *p, struct seg *ret)
{
	const uint8_t *tcp = p->data + ip_len(w);
	size_t len, hdr_len;

	if (!(w->b->v6 ? read_ip6(w, p, &len) : read_ip4(w, p, &len)) || len < TCP_HDR_MIN) return false;
	hdr_len = 4 * (size_t)(tcp[12] >> 4);
	if (hdr_len < TCP_HDR_MIN || hdr_len > len || !tcp_csum_ok(tcp, len, &w->b->peer, &w->b->us)) return false;
	if (read16(tcp) != w->b->peer_port || read16(tcp + 2) != w->b->us_port) return false;
	*ret = (struct seg){.flags = tcp[13], .seq = read32(tcp + 4) - PEER_ISN, .ack = read32(tcp + 8) - w->b->iss, .len = (uint32_t)(len - hdr_len),
			    .urg = read16(tcp + 18), .wnd = read16(tcp + 14)};
	if (!(ret->flags & ACK)) ret->ack = 0;
	return true;
}

/* ---- what holds ---- */

/* All that a stranger must not be able to touch. */
struct snapshot { uint8_t state, urg; seq32 una, nxt, wl1, rcv_nxt; uint32_t wnd, queued, early, embryos; bool waits, exists; };

static struct tcp_sock *conn_of(const struct bench *b)
{
	if (b->sk) return tcp_of(b->sk);
	if (!b->listener || list_empty(&tcp_of(b->listener)->listener->embryos)) return NULL;
	return list_first(&tcp_of(b->listener)->listener->embryos, struct tcp_sock, wait.node);
}

static struct snapshot look(const struct bench *b)
{
	const struct tcp_sock *c = conn_of(b);
	struct snapshot s = {.waits = timewait_find(b->s, &b->us, b->us_port, &b->peer, b->peer_port) != NULL, .exists = c != NULL};

	if (b->listener) s.embryos = tcp_of(b->listener)->listener->n_embryos;
	if (c) s = (struct snapshot){c->state, c->rcv.urg, c->snd.una, c->snd.nxt, c->snd.wl1, c->rcv.nxt, c->snd.wnd, c->rcv.queued,
				     c->rcv.ooo ? c->rcv.ooo->n : 0,
		s.embryos, s.waits, true};
	return s;
}

static bool is_same(const struct snapshot *a, const struct snapshot *b)
{
	return a->state == b->state && a->urg == b->urg && a->una == b->una && a->nxt == b->nxt && a->wl1 == b->wl1 && a->rcv_nxt == b->rcv_nxt &&
	       a->wnd == b->wnd && a->queued == b->queued && a->early == b->early && a->waits == b->waits && a->exists == b->exists;
}

static const char *deliver(struct tcp_world *w, const struct bad_packet *p)
{
	struct packet *in = packet_new(PACKET_HEADROOM, p->len);

	memcpy(in->data, p->data, p->len);
	w->b->dropped = DROP_NONE;
	work_begin();
	stack_receive(w->b->s, w->b->eth, in);
	return work_end();
}

static unsigned answers(const struct bench *b)
{
	unsigned n = 0;

	list_each(struct packet, p, &b->sent, node)
		n += p->netif == b->eth;
	return n;
}

/* The peer's text arrives and ours leaves, as far as the state still lets them: from where the connection stands now. */
static const char *carries(struct tcp_world *w, const struct tcb *t)
{
	struct bench *b = w->b;
	bool in = t->state == TCPS_ESTABLISHED || t->state == TCPS_FIN_WAIT_1 || t->state == TCPS_FIN_WAIT_2;
	bool out = t->state == TCPS_ESTABLISHED || t->state == TCPS_CLOSE_WAIT;
	struct sock_msg m = {.data = (char[256]){0}, .len = 256};
	ssize_t n, got = 0;

	bench_flush(b);
	if (in) {
		uint32_t before = tcp_of(b->sk)->rcv.nxt;
		inject(b, ACK, .seq = t->rcv_nxt, .ack = t->nxt, .len = 10);
		while ((n = sock_recv(b->sk, &m)) > 0)
			got += n, m = (struct sock_msg){.data = m.data, .len = 256};
		if (tcp_of(b->sk)->rcv.nxt - before < 10 || got < 10) return "the peer's octets do not arrive any more";
	} else if (out) {
		inject(b, ACK, .seq = t->rcv_nxt, .ack = t->nxt);
	}
	bench_flush(b);
	/* A window that the segment made small is for the peer to open. */
	if (!out || tcp_of(b->sk)->snd.wnd < 1000) return NULL;
	if (bench_send(b, 10, 0) != 10) return "our octets are not taken any more";
	for (int len; (len = bench_next(b)) >= 0;)
		if (len == 10 && b->last.seq == t->nxt) return NULL;
	return "our octets do not leave any more";
}

/* An opening connection is still opened, and a listener still listens. */
static const char *opens(struct tcp_world *w)
{
	struct bench *b = w->b;

	if (w->t.state == TCPS_SYN_SENT) inject(b, SYN | ACK, .ack = 1, .mss = 1460);
	if (w->t.state == TCPS_SYN_SENT) return bench_state(b->sk) == TCPS_ESTABLISHED ? NULL : "the connection cannot be opened any more";
	if (w->t.state == TCPS_LISTEN) b->peer_port = 50123, b->iss_known = false, inject(b, SYN, .mss = 1460);
	bench_flush(b);
	if (w->t.state == TCPS_LISTEN) b->iss = conn_of(b) ? list_entry(tcp_of(b->listener)->listener->embryos.prev, struct tcp_sock, wait.node)->snd.iss : 0;
	inject(b, ACK, .seq = 1, .ack = 1);
	b->sk = bench_accept(b);
	return b->sk ? NULL : "nobody can connect any more";
}

static const char *check(void *world)
{
	struct tcp_world *w = world;
	enum tcp_state s = w->t.state;
	const char *wrong = NULL;

	bench_flush(w->b);
	if (s == TCPS_SYN_SENT || s == TCPS_LISTEN || s == TCPS_SYN_RECEIVED)
		wrong = opens(w);
	else if (s != TCPS_CLOSED && s != TCPS_TIME_WAIT)
		wrong = carries(w, &w->t);
	bench_flush(w->b);
	return wrong;
}

/* It is one of the connection: what comes of it is written. */
static const char *receive_ours(struct tcp_world *w, const struct bad_packet *p, const struct seg *g)
{
	struct verdict v = oracle(&w->t, g);
	const char *wrong = deliver(w, p);

	/* As Linux: where the window shrank, an ACK stands at its edge. */
	if (changed(p, "window") && (v.answer == ANSWER_ACK || v.answer == ANSWER_MAY_ACK)) v.seq = ANY;
	if (answers(w->b) > ANSWERS_MAX) return "too many answers";
	pass(w->b, 100 * NS_PER_MS);
	if (!wrong) wrong = stage_check(w->b, &v);
	/* Behind an early FIN nothing can come. */
	if (!wrong && w->b->sk && !(g->flags & FIN) && v.after.state == w->t.state && v.after.nxt == w->t.nxt) wrong = carries(w, &v.after);
	bench_flush(w->b);
	return wrong;
}

static const char *receive(void *world, const struct bad_packet *p, bool *ret_spent)
{
	struct tcp_world *w = world;
	struct snapshot before = look(w->b), after;
	const char *wrong;
	struct seg g;

	if (is_ours(w, p, &g)) {
		*ret_spent = true;
		return receive_ours(w, p, &g);
	}
	wrong = deliver(w, p);
	if (answers(w->b) > ANSWERS_MAX) return "too many answers";
	bench_flush(w->b);
	after = look(w->b);
	/* Another peer may have knocked at the listener. */
	*ret_spent = after.embryos != before.embryos;
	if (!wrong && !(w->t.state == TCPS_LISTEN && *ret_spent) && !is_same(&before, &after)) return "a segment that is not its own changed the connection";
	return wrong;
}

/* ---- with options, of which the oracle knows nothing ---- */

static size_t packet_with_options(void *world, uint8_t *to)
{
	const struct tcp_world *w = world;
	struct tcp_hdr h = right(w);

	h.opts = (struct tcp_opts){.has_ts = true, .ts_val = 101, .ts_ecr = w->b->last.opts.ts_val, .n_sack = 1, .sack = {{w->b->iss + 41, w->b->iss + 61}}};
	return emit(w, &h, TEXT, to);
}

static const char *receive_options(void *world, const struct bad_packet *p, bool *ret_spent)
{
	struct tcp_world *w = world;
	struct snapshot before = look(w->b), after;
	struct seg g;
	bool ours = is_ours(w, p, &g);
	const char *wrong = deliver(w, p);

	if (answers(w->b) > ANSWERS_MAX) return "too many answers";
	bench_flush(w->b);
	after = look(w->b);
	*ret_spent = !is_same(&before, &after);
	if (!ours && *ret_spent && !wrong) return "a segment that is not its own changed the connection";
	if (ours && !(g.flags & (RST | SYN)) && after.state == TCPS_CLOSED && !wrong) return "it ended without a reset";
	return wrong;
}

/* ---- ICMP about a segment in flight ---- */

static size_t packet_icmp(void *world, uint8_t *to)
{
	const struct tcp_world *w = world;
	const struct bench *b = w->b;
	struct tcp_hdr h = {.src = b->us_port, .dst = b->peer_port, .seq = b->iss + w->t.una, .flags = ACK};
	struct icmp_hdr icmp = {.type = b->v6 ? ICMP6_UNREACH : ICMP4_UNREACH, .code = b->v6 ? 4 : 3};
	size_t at = ip_len(w), len = ICMP_HDR_LEN + at + TCP_HDR_MIN;
	uint8_t *quote = to + at + ICMP_HDR_LEN;

	if (b->v6) {
		ip6_emit(&(struct ip6_hdr){.src = b->us, .dst = b->peer, .payload_len = 1400, .next = IP_PROTO_TCP, .hops = 64}, quote);
		ip6_emit(&(struct ip6_hdr){.src = b->peer, .dst = b->us, .payload_len = (uint16_t)len, .next = IP_PROTO_ICMP6, .hops = 64}, to);
	} else {
		ip4_emit(&(struct ip4_hdr){.src = b->us, .dst = b->peer, .total_len = 1400, .ttl = 64, .proto = IP_PROTO_TCP}, quote);
		ip4_emit(&(struct ip4_hdr){.src = b->peer, .dst = b->us, .total_len = (uint16_t)(at + len), .ttl = 64, .proto = IP_PROTO_ICMP}, to);
	}
	tcp_emit(&h, quote + at, 0, &b->us, &b->peer);
	icmp_emit(&icmp, to + at, len, b->v6 ? &b->peer : NULL, b->v6 ? &b->us : NULL);
	return at + len;
}

static void mend_icmp(void *world, struct bad_packet *p)
{
	struct tcp_world *w = world;

	mend_transport(p, 0, ip_len(w), w->b->v6 ? IP_PROTO_ICMP6 : IP_PROTO_ICMP, "icmp checksum");
	if (!w->b->v6) mend_ip4(p, 0);
}

/* RFC 5927 (5927-1, 5927-2, 5927-3): no message ends a connection, changes its numbers or makes its segments tiny. */
static const char *receive_icmp(void *world, const struct bad_packet *p, bool *ret_spent)
{
	struct tcp_world *w = world;
	struct snapshot before = look(w->b), after;
	const char *wrong = deliver(w, p);

	*ret_spent = answers(w->b) > 0;
	if (answers(w->b) > ANSWERS_MAX) return "too many answers";
	bench_flush(w->b);
	after = look(w->b);
	if (!wrong && !is_same(&before, &after)) return "a message about the connection changed it";
	if (!wrong && tcp_of(w->b->sk)->snd.mss < 500) return "a message made its segments tiny";
	return wrong;
}

/* ---- worlds ---- */

static struct tcp_world *world_new(const struct target *t)
{
	struct tcp_world *w = calloc(1, sizeof *w);
	void *made;

	if (t->v6)
		bench_open6(&made);
	else
		bench_open4(&made);
	w->b = made;
	w->target = t;
	w->stage = &stages[t->arg];
	return w;
}

static void *open_world(const struct target *t)
{
	struct tcp_world *w = world_new(t);

	w->t = (struct tcb){.state = w->stage->state, .max_wnd = 65535};
	w->stage->reach(w->b, &w->t);
	return w;
}

static void *open_with_options(const struct target *t)
{
	struct tcp_world *w = world_new(t);

	w->t = (struct tcb){.state = TCPS_ESTABLISHED, .max_wnd = 65535, .rcv_nxt = 1, .una = 1};
	passive(w->b, .ts = true, .ts_val = 100, .sack_ok = true, .wscale = 1 + 7);
	bench_send(w->b, 100, 0);
	stage_note_sent(w->b, &w->t);
	return w;
}

static void close_world(void *world)
{
	struct tcp_world *w = world;
	void *b = w->b;

	bench_close(&b);
	free(w);
}

static const char *check_options(void *world)
{
	struct tcp_world *w = world;

	return bench_state(w->b->sk) == TCPS_ESTABLISHED ? NULL : "the connection is over";
}

#define SEGMENT(n, family, stage) \
	{.name = n, .v6 = family, .fields = {family ? fields_ip6 : fields_ip4, fields_tcp}, .start = {0, family ? IP6_HDR_LEN : IP4_HDR_MIN}, .arg = stage, \
	 .open = open_world, .packet = packet, .mend = mend, .receive = receive, .check = check, .close = close_world}
#define BOTH(n, stage) SEGMENT(n " over IPv4", false, stage), SEGMENT(n " over IPv6", true, stage)
#define OPTIONS(n, family) \
	{.name = n, .v6 = family, .fields = {family ? fields_ip6 : fields_ip4, fields_tcp, fields_tcp_options}, \
	 .start = {0, family ? IP6_HDR_LEN : IP4_HDR_MIN, family ? IP6_HDR_LEN : IP4_HDR_MIN}, .arg = STAGE_ESTABLISHED, \
	 .open = open_with_options, .packet = packet_with_options, .mend = mend, .receive = receive_options, .check = check_options, .close = close_world}
#define MESSAGE(n, family) \
	{.name = n, .v6 = family, .fields = {family ? fields_ip6 : fields_ip4, fields_icmp}, .start = {0, family ? IP6_HDR_LEN : IP4_HDR_MIN}, \
	 .arg = STAGE_ESTABLISHED, .open = open_world, .packet = packet_icmp, .mend = mend_icmp, .receive = receive_icmp, .check = check, .close = close_world}

const struct target tcp_targets[] = {
	BOTH("CLOSED", 0), BOTH("LISTEN", 1), BOTH("SYN-SENT", 2), BOTH("SYN-RECEIVED", 3), BOTH("ESTABLISHED", STAGE_ESTABLISHED), BOTH("FIN-WAIT-1", 5),
	BOTH("FIN-WAIT-2", 6), BOTH("CLOSING", 7), BOTH("CLOSE-WAIT", 8), BOTH("LAST-ACK", 9), BOTH("TIME-WAIT", 10), OPTIONS("TCP options over IPv4", false),
	OPTIONS("TCP options over IPv6", true), MESSAGE("ICMP about TCP", false), MESSAGE("ICMPv6 about TCP", true), {0},
};
