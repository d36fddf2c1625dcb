/*
 * TCP of one host: what its connections share, and the way in for segments.
 *
 *     flow table ──► connection            port table ──► listener
 *         └─ miss ──► TIME-WAIT ─ miss or newer SYN ──┘      └─ miss ──► reset
 */
#include "stack/socket/filter.h"
#include "stack/tcp/conn.h"
#include <errno.h>
#include <stdlib.h>
#include "stack/socket/family.h"

int tcp_new(struct stack *s)
{
	struct tcp_stack *tcp = calloc(1, sizeof *tcp);

	if (!tcp) return -ENOMEM;
	tcp->stack = s;
	tcp->ports = port_space_of(s, IPPROTO_TCP);
	hash_init(&tcp->tw_flows);
	hash_init(&tcp->tw_ports);
	list_init(&tcp->tw_order);
	fastopen_cache_init(&tcp->fastopen);
	s->tcp = tcp;
	return 0;
}

/* Connections that outlived their programs go without a word. */
static void free_orphans(struct stack *s)
{
	struct sock *found;

	do {
		found = NULL;
		list_each(struct sock, sk, &s->socks, node) {
			if (!tcp_is(sk)) continue;
			found = sk;
			break;
		}
		if (found) conn_free(tcp_of(found));
	} while (found);
}

void tcp_free(struct stack *s)
{
	free_orphans(s);
	timewait_free_all(s);
	hash_free(&s->tcp->tw_flows);
	hash_free(&s->tcp->tw_ports);
	fastopen_cache_free(&s->tcp->fastopen);
	free(s->tcp);
	s->tcp = NULL;
}

/* ---- segments ---- */

static enum drop_reason read_segment(struct packet *p, struct segment *g)
{
	int n;

	/* RFC 9293 §3.9.2.3 (MUST-57): never of or to a group. */
	if (p->broadcast || p->multicast || p->anycast || addr_is_multicast(&p->dst) || addr_is_multicast(&p->src)) return DROP_TCP_BAD;
	n = tcp_parse(&g->h, p->data, p->len);
	if (n < 0) return DROP_TCP_BAD;
	if (!tcp_csum_ok(p->data, p->len, &p->src, &p->dst)) return DROP_TCP_CSUM;
	packet_pull(p, (size_t)n);
	g->len = p->len;
	g->wnd = g->h.wnd;
	g->ecn = p->tos & 3;
	return DROP_NONE;
}

static bool is_listening(const struct inet_sock *is)
{
	return is->sk.listening;
}

/* RFC 9293 §3.10.7.1: CLOSED STATE */
static void receive_closed(struct stack *s, struct segment *g)
{
	g->why = DROP_TCP_NO_SOCKET;
	reset_answer(s, g->p, g);
}

/* What the socket's program does not want to hear: IP_MINTTL and IPV6_MINHOPCOUNT (RFC 5082 §3), SO_ATTACH_FILTER. */
static bool is_wanted(struct inet_sock *is, struct segment *g)
{
	struct packet *p = g->p;
	size_t hdr = (size_t)(packet_off(p) - p->trans_off);
	bool allowed;

	if (p->ttl < (addr_is_v4(&p->dst) ? is->min_ttl : is->min_hops)) {
		g->why = DROP_IP_TTL;
		mib_tcp(is->sk.stack, TCPEXT_TCPMinTTLDrop);
		return false;
	}
	if (!is->sk.filter) return true;
	packet_push(p, hdr);                 /* filters count from the TCP header; segments are not shortened */
	allowed = sock_filter_allows(&is->sk, p, p->len);
	packet_pull(p, hdr);
	if (!allowed) g->why = DROP_SOCK_FILTER;
	return allowed;
}

static bool may_enter(struct inet_sock *is, struct segment *g)
{
	if (!is_wanted(is, g)) return false;
	if (md5_accepts(tcp_of(&is->sk), g)) return true;
	g->why = DROP_TCP_MD5;
	return false;
}

static void deliver(struct stack *s, struct segment *g)
{
	const struct packet *p = g->p;
	struct port_space *ps = s->tcp->ports;
	uint64_t hash = flow_hash(s, &p->dst, g->h.dst, &p->src, g->h.src);
	struct inet_sock *is = flow_at(ps, hash, &p->dst, g->h.dst, &p->src, g->h.src);
	struct timewait *tw;

	if (is && !may_enter(is, g)) return;
	if (is) {
		tcp_input(tcp_of(&is->sk), g);
		return;
	}
	tw = timewait_at(s, hash, &p->dst, g->h.dst, &p->src, g->h.src);
	if (tw && !timewait_receive(s, tw, g)) return;
	is = port_lookup(ps, &p->dst, g->h.dst, &p->src, g->h.src, p->netif, is_listening, p);
	if (is && !may_enter(is, g)) return;
	if (is)
		listen_receive(tcp_of(&is->sk), g);
	else if (tw)
		timewait_answer(s, tw, g);
	else
		receive_closed(s, g);
}

static void tcp_receive(struct stack *s, struct packet *p)
{
	struct segment g = {.p = p};

	g.why = read_segment(p, &g);
	if (g.why == DROP_NONE) deliver(s, &g);
	if (g.why != DROP_NONE)
		stack_drop(s, g.p, g.why);
	else
		packet_free(g.p);
}

const struct ip_proto tcp_proto = {.proto = IP_PROTO_TCP, .receive = tcp_receive, .error = tcp_error};
