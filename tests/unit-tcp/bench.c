/* The bench of bench.h. */
#include "bench.h"
#include "../unit/draw.h"
#include <stdio.h>

/* ---- the world ---- */

static void host_transmit(void *host, struct netif *nif, struct packet *p)
{
	struct bench *b = host;
	p->netif = nif;
	list_append(&b->sent, &p->node);
}

static void host_ready(void *host, struct sock *sk)
{
	(void)sk;
	((struct bench *)host)->readies++;
}

static void host_random(void *host, void *buf, size_t len)
{
	struct bench *b = host;
	draw_octets(&b->random, buf, len);
}

static void host_trace(void *host, enum drop_reason why, const struct packet *p)
{
	(void)p;
	((struct bench *)host)->dropped = why;
}

const struct crypto *(*bench_crypto)(void);

static const struct crypto *crypto_of(void *host)
{
	(void)host;
	return bench_crypto ? bench_crypto() : NULL;
}

static const struct host_ops ops = {.crypto = crypto_of, .transmit = host_transmit, .ready = host_ready, .random = host_random, .trace = host_trace};

static int bench_open(void **state, bool v6)
{
	struct bench *b = calloc(1, sizeof *b);
	list_init(&b->sent);
	b->v6 = v6;
	b->us_port = US_PORT;
	b->peer_port = PEER_PORT;
	assert_int_equal(addr_parse(&b->us, v6 ? "fd00::1" : "10.0.0.1"), 0);
	assert_int_equal(addr_parse(&b->peer, v6 ? "fd00::2" : "10.0.0.2"), 0);
	b->s = stack_new("us", &ops, b, NS_PER_S);
	assert_non_null(b->s);
	assert_int_equal(netif_add(b->s, "lo", NETIF_LOOPBACK, NULL, 65536, &b->lo), 0);
	assert_int_equal(netif_add(b->s, "eth0", NETIF_RAW_IP, NULL, 1500, &b->eth), 0);
	assert_int_equal(netif_addr_add(b->eth, &b->us, v6 ? 64 : 24), 0);
	*state = b;
	return 0;
}

int bench_open4(void **state) { return bench_open(state, false); }
int bench_open6(void **state) { return bench_open(state, true); }

int bench_close(void **state)
{
	struct bench *b = *state;
	stack_free(b->s);
	bench_flush(b);
	free(b);
	return 0;
}

void bench_flush(struct bench *b)
{
	struct list *n;
	while ((n = list_pop(&b->sent)))
		packet_free(list_entry(n, struct packet, node));
}

/* ---- in ---- */

static uint8_t pattern(seq32 relative) { return (uint8_t)(relative * 7 + (relative >> 8)); }

static void fill_payload(const struct seg *g, uint8_t *to)
{
	seq32 at = g->seq + (g->flags & SYN ? 1 : 0);
	for (uint32_t i = 0; i < g->len; i++)
		to[i] = g->data ? (uint8_t)g->data[i] : pattern(at + i);
}

static struct tcp_hdr header_of(const struct bench *b, const struct seg *g)
{
	struct tcp_hdr h = {
		.src = g->sport ? g->sport : b->peer_port, .dst = g->dport ? g->dport : b->us_port,
		.seq = g->raw_seq ? g->seq : PEER_ISN + g->seq, .ack = g->raw_seq || !(g->flags & ACK) ? g->ack : b->iss + g->ack,
		.flags = g->flags, .wnd = (uint16_t)(g->wnd == NO_WINDOW ? 0 : g->wnd ? g->wnd : 65535), .urg = g->urg,
	};
	h.opts.has_mss = g->mss != 0;
	h.opts.mss = g->mss;
	h.opts.has_wscale = g->wscale != 0;
	h.opts.wscale = (uint8_t)(g->wscale - 1);
	h.opts.sack_ok = g->sack_ok;
	h.opts.has_ts = g->ts;
	h.opts.ts_val = g->ts_val;
	h.opts.ts_ecr = g->ts_ecr;
	h.opts.sign = g->sign;
	h.opts.has_cookie = g->cookie || g->given;
	if (g->given) h.opts.cookie = *g->given;
	if (g->cookie) {
		h.opts.cookie.len = (uint8_t)strlen(g->cookie);
		memcpy(h.opts.cookie.val, g->cookie, h.opts.cookie.len);
		h.opts.cookie.experimental = g->exp_cookie;
	}
	for (int i = 0; i < 4 && g->sack[i].end; i++) {
		h.opts.sack[i].start = b->iss + g->sack[i].start;
		h.opts.sack[i].end = b->iss + g->sack[i].end;
		h.opts.n_sack = (uint8_t)(i + 1);
	}
	return h;
}

static void receive_ip(struct bench *b, struct packet *p, uint8_t proto, uint8_t tos)
{
	if (b->v6) {
		struct ip6_hdr ip = {.src = b->peer, .dst = b->us, .payload_len = (uint16_t)p->len, .tclass = tos, .next = proto, .hops = 64};
		ip6_emit(&ip, packet_push(p, IP6_HDR_LEN));
	} else {
		struct ip4_hdr ip = {.src = b->peer, .dst = b->us, .total_len = (uint16_t)(IP4_HDR_MIN + p->len), .tos = tos, .ttl = 64, .proto = proto};
		ip4_emit(&ip, packet_push(p, IP4_HDR_MIN));
	}
	stack_receive(b->s, b->eth, p);
}

void bench_inject(struct bench *b, const struct seg *g)
{
	struct tcp_hdr h = header_of(b, g);
	size_t hdr_len = tcp_hdr_len(&h);
	struct packet *p = packet_new(PACKET_HEADROOM, hdr_len + g->len);
	fill_payload(g, p->data + hdr_len);
	tcp_emit(&h, p->data, g->len, &b->peer, &b->us);
	if (g->bad_csum) p->data[16] ^= 1;
	b->dropped = DROP_NONE;
	receive_ip(b, p, IP_PROTO_TCP, g->ecn);
}

/* An ICMP error that quotes a segment of ours. Types and codes are ICMPv4's: 3/1 host, 3/3 port, 3/4 too big, 11/0 time. */
void bench_icmp(struct bench *b, unsigned type, unsigned code, uint32_t rest, seq32 seq)
{
	size_t ip_len = b->v6 ? IP6_HDR_LEN : IP4_HDR_MIN, len = ICMP_HDR_LEN + ip_len + TCP_HDR_MIN;
	struct packet *p = packet_new(PACKET_HEADROOM, len);
	uint8_t *quote = p->data + ICMP_HDR_LEN;
	struct tcp_hdr h = {.src = b->us_port, .dst = b->peer_port, .seq = b->iss + seq, .flags = ACK};
	struct icmp_hdr icmp = {.type = (uint8_t)type, .code = (uint8_t)code, .rest = rest};
	if (b->v6) {
		struct ip6_hdr ip = {.src = b->us, .dst = b->peer, .payload_len = TCP_HDR_MIN, .next = IP_PROTO_TCP, .hops = 64};
		ip6_emit(&ip, quote);
		icmp.type = type == 11 ? ICMP6_TIME_EXCEEDED : code == 4 ? ICMP6_TOO_BIG : ICMP6_UNREACH;
		icmp.code = type == 11 || code == 4 ? 0 : code == 3 ? 4 : 3;
	} else {
		struct ip4_hdr ip = {.src = b->us, .dst = b->peer, .total_len = (uint16_t)(IP4_HDR_MIN + TCP_HDR_MIN), .ttl = 64, .proto = IP_PROTO_TCP};
		ip4_emit(&ip, quote);
	}
	tcp_emit(&h, quote + ip_len, 0, &b->us, &b->peer);
	icmp_emit(&icmp, p->data, len, b->v6 ? &b->peer : NULL, b->v6 ? &b->us : NULL);
	receive_ip(b, p, b->v6 ? IP_PROTO_ICMP6 : IP_PROTO_ICMP, 0);
}

/* ---- out ---- */

static const char *flags_text(uint8_t flags)
{
	static char text[4][16];
	static unsigned turn;
	char *t = text[turn++ % 4], *end = t;
	static const char names[] = "FSRPAUEC";
	for (int i = 0; i < 8; i++)
		if (flags & 1 << i) *end++ = names[i];
	*end = 0;
	return t;
}

/* The TCP segment of a sent packet, addresses and checksum checked, sequence numbers made relative. */
static uint32_t read_sent(struct bench *b, struct packet *p, struct tcp_hdr *h)
{
	struct addr src, dst;
	int n;
	if (b->v6) {
		struct ip6_hdr ip;
		assert_true(ip6_parse(&ip, p->data, p->len) > 0);
		src = ip.src, dst = ip.dst;
		b->flow = ip.flow, b->ecn = ip.tclass & 3, b->tos = ip.tclass, b->ttl = ip.hops;
		packet_pull(p, IP6_HDR_LEN);
	} else {
		struct ip4_hdr ip;
		n = ip4_parse(&ip, p->data, p->len);
		assert_true(n > 0);
		src = ip.src, dst = ip.dst;
		b->ecn = ip.tos & 3, b->tos = ip.tos, b->ttl = ip.ttl;
		packet_pull(p, (size_t)n);
	}
	assert_true(addr_eq(&src, &b->us) && addr_eq(&dst, &b->peer));
	assert_true(tcp_csum_ok(p->data, p->len, &src, &dst));
	n = tcp_parse(h, p->data, p->len);
	assert_true(n > 0);
	if (b->sign) tcp_signature(p->data, (size_t)n, p->len - (size_t)n, &src, &dst, b->sign, b->digest);
	packet_pull(p, (size_t)n);
	if (h->flags & SYN && !b->iss_known) {
		b->iss = h->seq;
		b->iss_known = true;
	}
	return p->len;
}

#define CHECK(what, got, want) do { if ((got) != (want)) { \
	printf("%s:%d: %s is %lld, not %lld (segment %s seq %u ack %u len %u)\n", file, line, what, (long long)(got), (long long)(want), \
	       flags_text(h.flags), h.seq - b->iss, h.ack - PEER_ISN, len); fail(); } } while (0)

static void check_options(struct bench *b, const struct seg *g, struct tcp_hdr h, uint32_t len, const char *file, int line)
{
	if (g->mss) CHECK("MSS", h.opts.mss, g->mss);
	if (g->wscale) CHECK("window scale", h.opts.has_wscale ? h.opts.wscale + 1 : 0, g->wscale);
	if (g->ts) CHECK("timestamps", h.opts.has_ts, true);
	if (g->ts_ecr) CHECK("TSecr", h.opts.ts_ecr, g->ts_ecr);
	if (g->sack_ok) CHECK("SACK permitted", h.opts.sack_ok, true);
	if (g->cookie) {
		CHECK("a cookie option", h.opts.has_cookie, true);
		CHECK("the cookie's length", h.opts.cookie.len, strlen(g->cookie));
		CHECK("the cookie", memcmp(h.opts.cookie.val, g->cookie, strlen(g->cookie)), 0);
		CHECK("the experimental option", h.opts.cookie.experimental, g->exp_cookie);
	}
	for (int i = 0; i < 4 && g->sack[i].end; i++) {
		CHECK("SACK blocks", h.opts.n_sack > i, true);
		CHECK("SACK start", h.opts.sack[i].start - PEER_ISN, g->sack[i].start);
		CHECK("SACK end", h.opts.sack[i].end - PEER_ISN, g->sack[i].end);
	}
}

static struct packet *first_sent(struct bench *b)
{
	list_each(struct packet, p, &b->sent, node)
		if (p->netif == b->eth) return p;
	return NULL;
}

const struct packet *bench_peek(struct bench *b) { return first_sent(b); }

static struct packet *pop_sent(struct bench *b)
{
	struct packet *p = first_sent(b);

	if (p) list_remove(&p->node);
	return p;
}

void bench_expect(struct bench *b, const struct seg *g, const char *file, int line)
{
	struct packet *p = pop_sent(b);
	struct tcp_hdr h;
	uint32_t len;
	if (!p) {
		printf("%s:%d: nothing was sent, expected %s\n", file, line, flags_text(g->flags));
		fail();
		return;
	}
	b->sign = g->sign;
	len = read_sent(b, p, &h);
	b->sign = NULL;
	if (g->sign) CHECK("a signature", h.opts.has_md5 && memcmp(b->digest, h.opts.md5, sizeof b->digest) == 0, true);
	if ((h.flags & ~PSH) != (g->flags & ~PSH) || ((g->flags & PSH) && !(h.flags & PSH))) {
		printf("%s:%d: sent %s seq %u ack %u len %u, expected %s\n", file, line, flags_text(h.flags), h.seq - b->iss, h.ack - PEER_ISN, len,
		       flags_text(g->flags));
		fail();
	}
	if (g->seq != ANY) CHECK("seq", g->raw_seq ? h.seq : h.seq - b->iss, g->seq);
	if ((g->flags & ACK) && g->ack != ANY) CHECK("ack", g->raw_seq ? h.ack : h.ack - PEER_ISN, g->ack);
	if (g->len != ANY) CHECK("length", len, g->len);
	if (g->wnd) CHECK("window", h.wnd, g->wnd == NO_WINDOW ? 0 : g->wnd);
	if (g->urg) CHECK("urgent pointer", h.urg, g->urg);
	check_options(b, g, h, len, file, line);
	for (uint32_t i = 0; i < len && !g->data; i++)
		CHECK("an octet", p->data[i], pattern(h.seq + !!(h.flags & SYN) - b->iss + i));
	b->last = h;
	b->last.seq -= b->iss;
	b->last.ack -= PEER_ISN;
	packet_free(p);
}

int bench_next(struct bench *b)
{
	struct packet *p = pop_sent(b);
	if (!p) return -1;
	int len = (int)read_sent(b, p, &b->last);
	b->last.seq -= b->iss;
	b->last.ack -= PEER_ISN;
	packet_free(p);
	return len;
}

void bench_expect_nothing(struct bench *b, const char *file, int line)
{
	struct packet *p = pop_sent(b);
	struct tcp_hdr h;
	if (!p) return;
	uint32_t len = read_sent(b, p, &h);
	printf("%s:%d: sent %s seq %u ack %u len %u, expected nothing\n", file, line, flags_text(h.flags), h.seq - b->iss, h.ack - PEER_ISN, len);
	packet_free(p);
	fail();
}

unsigned bench_loop(struct bench *b)
{
	unsigned n = 0;
	for (struct list *at = b->sent.next; at != &b->sent; n++) {
		struct packet *p = list_entry(at, struct packet, node);
		if (p->netif != b->lo) {
			at = at->next;
			continue;
		}
		list_remove(&p->node);
		stack_receive(b->s, b->lo, p);
		at = b->sent.next;
	}
	return n;
}

/* ---- time ---- */

void pass(struct bench *b, time_ns ns)
{
	time_ns until = b->s->now + ns;
	while (stack_deadline(b->s) <= until)
		stack_advance(b->s, MAX(stack_deadline(b->s), b->s->now));
	stack_advance(b->s, until);
}

/* ---- calls ---- */

socklen_t bench_name(struct bench *b, struct sockaddr_storage *ret, const struct addr *a, uint16_t port)
{
	memset(ret, 0, sizeof *ret);
	if (b->v6) {
		struct sockaddr_in6 in = {.sin6_family = AF_INET6};
		write16((uint8_t *)&in.sin6_port, port);
		memcpy(&in.sin6_addr, a, 16);
		memcpy(ret, &in, sizeof in);
		return sizeof in;
	}
	struct sockaddr_in in = {.sin_family = AF_INET};
	write16((uint8_t *)&in.sin_port, port);
	write32((uint8_t *)&in.sin_addr, addr_to_v4(a));
	memcpy(ret, &in, sizeof in);
	return sizeof in;
}

struct sock *bench_socket(struct bench *b)
{
	static int user;
	struct sock *sk;
	assert_int_equal(sock_create(b->s, b->v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0, &sk), 0);
	sk->user = &user;
	return sk;
}

struct sock *bench_listen(struct bench *b, int backlog)
{
	struct sockaddr_storage a;
	struct sock *sk = bench_socket(b);
	bench_set(sk, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(sock_bind(sk, (struct sockaddr *)&a, bench_name(b, &a, &b->us, US_PORT)), 0);
	assert_int_equal(sock_listen(sk, backlog), 0);
	b->listener = sk;
	return sk;
}

int bench_connect(struct bench *b, struct sock *sk)
{
	struct sockaddr_storage a;
	int r = sock_connect(sk, (struct sockaddr *)&a, bench_name(b, &a, &b->peer, PEER_PORT));
	b->us_port = tcp_of(sk)->inet.lport;
	return r;
}

struct sock *bench_accept(struct bench *b)
{
	struct sock *sk;
	int r = sock_accept(b->listener, &sk);
	if (r < 0) {
		assert_int_equal(r, -EAGAIN);
		return NULL;
	}
	sk->user = b;
	return sk;
}

ssize_t bench_send(struct bench *b, size_t len, int flags)
{
	const struct tcp_sock *conn = tcp_of(b->sk);
	uint8_t *buf = malloc(len + 1);
	for (size_t i = 0; i < len; i++)
		buf[i] = pattern(snd_end(conn) - b->iss + (seq32)i);
	struct sock_msg m = {.data = buf, .len = len, .flags = flags};
	ssize_t n = sock_send(b->sk, &m);
	free(buf);
	return n;
}

ssize_t bench_recv(struct bench *b, size_t len, int flags)
{
	const struct tcp_sock *conn = tcp_of(b->sk);
	seq32 at = conn->rcv.nxt - (conn->rcv.done ? 1 : 0) - conn->rcv.queued - PEER_ISN;
	uint8_t *buf = malloc(len + 1);
	struct sock_msg m = {.data = buf, .len = len, .flags = flags};
	ssize_t n = sock_recv(b->sk, &m);
	for (ssize_t i = 0; i < n && !(flags & (MSG_TRUNC | MSG_OOB)); i++)
		assert_int_equal(buf[i], pattern(at + (seq32)i));
	free(buf);
	return n;
}

void bench_set(struct sock *sk, int level, int name, int value)
{
	assert_int_equal(sock_setsockopt(sk, level, name, &value, sizeof value), 0);
}

int bench_get(struct sock *sk, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;
	assert_int_equal(sock_getsockopt(sk, level, name, &value, &len), 0);
	return value;
}

int bench_error(struct sock *sk) { return bench_get(sk, SOL_SOCKET, SO_ERROR); }

int bench_state(struct sock *sk)
{
	struct tcp_info i;
	socklen_t len = sizeof i;
	assert_int_equal(sock_getsockopt(sk, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	return i.tcpi_state;
}

void bench_shutdown(struct bench *b, int how) { assert_int_equal(sock_shutdown(b->sk, how), 0); }

void bench_close_sk(struct bench *b)
{
	sock_close(b->sk);
	b->sk = NULL;
}

size_t bench_socks(const struct bench *b)
{
	size_t n = 0;
	list_each(struct sock, sk, &b->s->socks, node)
		n++;
	return n;
}

/* ---- connections ---- */

void bench_passive(struct bench *b, const struct seg *syn)
{
	struct seg s = *syn;
	if (!b->listener) bench_listen(b, 16);
	s.flags = SYN;
	if (!s.mss) s.mss = 1460;
	bench_inject(b, &s);
	expect(b, SYN | ACK, .seq = 0, .ack = 1);
	inject(b, ACK, .seq = 1, .ack = 1, .wnd = syn->wnd, .ts = syn->ts, .ts_val = syn->ts_val, .ts_ecr = b->last.opts.ts_val);
	expect_nothing(b);
	b->sk = bench_accept(b);
	assert_non_null(b->sk);
}

void bench_active(struct bench *b, const struct seg *syn)
{
	struct seg s = *syn;
	b->sk = bench_socket(b);
	assert_int_equal(bench_connect(b, b->sk), -EINPROGRESS);
	expect(b, SYN, .seq = 0);
	s.flags = SYN | ACK;
	if (!s.mss) s.mss = 1460;
	s.ack = 1;
	if (s.ts) s.ts_ecr = b->last.opts.ts_val;
	bench_inject(b, &s);
	expect(b, ACK, .seq = 1, .ack = 1);
	assert_int_equal(bench_connect(b, b->sk), 0);
}
