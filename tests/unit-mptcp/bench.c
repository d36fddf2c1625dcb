/* See bench.h. */
#include "bench.h"
#include "host/crypto.h"

struct frame { struct list node; time_ns due; struct netif *to; struct packet *p; };

/* ---- the world of a stack ---- */

static int whose(const struct bench *b, const struct netif *nif) { return nif->stack == b->s[1]; }

/* The segment in an IP datagram; false: it is something else. */
static bool read_segment(struct packet *p, struct seen *v)
{
	bool v4 = p->data[0] >> 4 == 4;
	size_t ip = v4 ? 4 * (size_t)(p->data[0] & 15) : IP6_HDR_LEN;
	int n;

	if ((v4 ? p->data[9] : p->data[6]) != IP_PROTO_TCP) return false;
	v->at = p->data + ip;
	v->len = p->len - ip;
	v->src = v4 ? addr_v4_octets(p->data + 12) : addr_v6_octets(p->data + 8);
	v->dst = v4 ? addr_v4_octets(p->data + 16) : addr_v6_octets(p->data + 24);
	n = tcp_parse(&v->h, v->at, v->len);
	assert_true(n > 0);
	assert_true(tcp_csum_ok(v->at, v->len, &v->src, &v->dst));
	v->text = v->at + n;
	v->text_len = v->len - (size_t)n;
	mptcp_parse(&v->o, &v->h.opts, v->h.flags);
	return true;
}

void seen_mend(struct seen *v)
{
	uint32_t sum = csum_pseudo(&v->src, &v->dst, IP_PROTO_TCP, (uint32_t)v->len);

	write16(v->at + 16, 0);
	write16(v->at + 16, csum_fold(csum_add(sum, v->at, v->len)));
}

void seen_strip(struct seen *v)
{
	if (v->h.opts.mptcp_len) memset((uint8_t *)v->h.opts.mptcp, 1, v->h.opts.mptcp_len);
	seen_mend(v);
}

/* What leaves is well made; and may be lost. */
static bool look(struct bench *b, struct netif *nif, struct packet *p)
{
	struct seen v = {.from = whose(b, nif), .wire = nif == b->nif[1][1] || nif == b->nif[0][1]};

	if (!read_segment(p, &v)) return false;
	b->segments++;
	b->resets += (v.h.flags & TCP_RST) != 0;
	b->text[v.from][v.wire] += v.text_len;
	for (unsigned i = 0; i < ARRAY_SIZE(b->has); i++) {
		if (!MPTCP_HAS(&v.o, i)) continue;
		b->has[i][v.from]++;
		b->last[i][v.from] = v;
	}
	return b->lose && b->lose(b, &v);
}

static void on_transmit(void *host, struct netif *nif, struct packet *p)
{
	struct bench *b = host;
	int me = whose(b, nif), wire = nif == b->nif[me][1];
	bool loop = nif->kind == NETIF_LOOPBACK, lost = !loop && look(b, nif, p);
	struct frame *f = malloc(sizeof *f);

	if (lost || (!loop && b->cut[wire])) {
		packet_free(p);
		free(f);
		return;
	}
	*f = (struct frame){.due = b->now + (loop ? 0 : WIRE_NS), .to = loop ? nif : b->nif[!me][wire], .p = p};
	list_append(&b->wires, &f->node);
}

static void on_ready(void *host, struct sock *sk) { (void)host, (void)sk; }

static void on_random(void *host, void *buf, size_t len)
{
	struct bench *b = host;

	for (size_t i = 0; i < len; i++) {
		b->random = b->random * 6364136223846793005u + 1442695040888963407u;
		((uint8_t *)buf)[i] = (uint8_t)(b->random >> 56);
	}
}

static const struct crypto *on_crypto(void *host)
{
	(void)host;
	return host_crypto();
}

static const struct host_ops ops = {.crypto = on_crypto, .transmit = on_transmit, .ready = on_ready, .random = on_random};

static void address(struct netif *nif, const char *text)
{
	struct addr a;
	unsigned plen;

	assert_int_equal(addr_parse_prefix(&a, &plen, text), 0);
	assert_int_equal(netif_addr_add(nif, &a, plen), 0);
}

int bench_open(void **state)
{
	static const char *const addrs[2][2] = {{"10.0.0.1/24", "10.1.0.1/24"}, {"10.0.0.2/24", "10.1.0.2/24"}};
	static const char *const addrs6[2] = {"fd00::1/64", "fd00::2/64"};
	struct bench *b = calloc(1, sizeof *b);
	struct netif *lo;

	b->now = NS_PER_S;
	list_init(&b->wires);
	for (int i = 0; i < 2; i++) {
		b->s[i] = stack_new(i ? "b" : "a", &ops, b, b->now);
		assert_int_equal(netif_add(b->s[i], "lo", NETIF_LOOPBACK, NULL, 65536, &lo), 0);
		for (int w = 0; w < 2; w++) {
			assert_int_equal(netif_add(b->s[i], w ? "w1" : "w0", NETIF_RAW_IP, NULL, 1500, &b->nif[i][w]), 0);
			address(b->nif[i][w], addrs[i][w]);
		}
		address(b->nif[i][0], addrs6[i]);
	}
	*state = b;
	settle(b);
	b->segments = 0;
	return 0;
}

int bench_close(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 2; i++) stack_free(b->s[i]);
	while (!list_empty(&b->wires)) {
		struct frame *f = list_entry(list_pop(&b->wires), struct frame, node);
		packet_free(f->p);
		free(f);
	}
	free(b);
	return 0;
}

/* ---- time ---- */

static time_ns next_event(const struct bench *b)
{
	time_ns next = MIN(stack_deadline(b->s[0]), stack_deadline(b->s[1]));

	if (!list_empty(&b->wires)) {
		list_each(const struct frame, f, &b->wires, node) next = MIN(next, f->due);
	}
	return MAX(next, b->now);
}

static void deliver_due(struct bench *b)
{
	for (bool any = true; any;) {
		any = false;
		list_each(struct frame, f, &b->wires, node) {
			if (f->due > b->now) continue;
			list_remove(&f->node);
			stack_set_now(f->to->stack, b->now);
			stack_receive(f->to->stack, f->to, f->p);
			free(f);
			any = true;
			break;
		}
	}
}

void bench_pass(struct bench *b, time_ns ns)
{
	time_ns end = b->now + ns;

	for (;;) {
		time_ns next = next_event(b);
		if (next > end) break;
		b->now = next;
		deliver_due(b);
		for (int i = 0; i < 2; i++) stack_advance(b->s[i], b->now);
		deliver_due(b);
	}
	b->now = end;
	for (int i = 0; i < 2; i++) stack_advance(b->s[i], b->now);
}

void bench_set(struct bench *b, int whose_, const char *name, const char *value)
{
	assert_int_equal(sysctl_set(b->s[whose_]->sysctl, name, value), 0);
}

void endpoint(struct bench *b, int whose_, const char *addr, uint32_t flags)
{
	struct mptcp_endpoint e = {.flags = flags};

	assert_int_equal(addr_parse(&e.addr, addr), 0);
	assert_int_equal(pm_endpoint_add(b->s[whose_], &e, NULL), 0);
}

/* ---- calls ---- */

static struct sockaddr_storage at(const char *addr, uint16_t port, socklen_t *len)
{
	struct sockaddr_storage ss;
	struct addr a;

	assert_int_equal(addr_parse(&a, addr), 0);
	memset(&ss, 0, sizeof ss);
	sockaddr_emit(addr_is_v4(&a) ? AF_INET : AF_INET6, &a, port, 0, &ss, len);
	return ss;
}

int call_bind(struct sock *sk, const char *addr, uint16_t port)
{
	socklen_t len;
	struct sockaddr_storage ss = at(addr, port, &len);

	return sock_bind(sk, (struct sockaddr *)&ss, len);
}

int call_connect(struct sock *sk, const char *addr, uint16_t port)
{
	socklen_t len;
	struct sockaddr_storage ss = at(addr, port, &len);

	return sock_connect(sk, (struct sockaddr *)&ss, len);
}

ssize_t call_send(struct sock *sk, const void *data, size_t len)
{
	return sock_send(sk, &(struct sock_msg){.data = (void *)data, .len = len});
}

ssize_t call_recv(struct sock *sk, void *data, size_t len)
{
	return sock_recv(sk, &(struct sock_msg){.data = data, .len = len});
}

struct sock *open_sock(struct stack *s, int domain, int protocol)
{
	struct sock *sk;

	assert_int_equal(sock_create(s, domain, SOCK_STREAM, protocol, &sk), 0);
	return sk;
}

struct sock *listening(struct bench *b, int domain, int protocol, const char *addr)
{
	struct sock *sk = open_sock(b->s[1], domain, protocol);

	assert_int_equal(call_bind(sk, addr, 7), 0);
	assert_int_equal(sock_listen(sk, 5), 0);
	return sk;
}

void connected(struct bench *b, struct sock **ret_a, struct sock **ret_b)
{
	if (!b->listener) b->listener = listening(b, AF_INET, IPPROTO_MPTCP, "0.0.0.0");
	*ret_a = open_sock(b->s[0], AF_INET, IPPROTO_MPTCP);
	assert_int_equal(call_connect(*ret_a, "10.0.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(call_connect(*ret_a, "10.0.0.2", 7), 0);
	assert_int_equal(sock_accept(b->listener, ret_b), 0);
	assert_true(mptcp_is(*ret_b));
}

static uint8_t octet(size_t i) { return (uint8_t)(i * 7 + i / 251); }

static size_t send_some(struct sock *from, size_t sent, size_t len)
{
	uint8_t buf[8192];
	ssize_t n;

	do {
		size_t want = MIN(sizeof buf, len - sent);
		for (size_t i = 0; i < want; i++) buf[i] = octet(sent + i);
		n = want ? call_send(from, buf, want) : 0;
		if (n < 0) assert_int_equal(n, -EAGAIN);
		if (n > 0) sent += (size_t)n;
	} while (n > 0);
	return sent;
}

static size_t recv_some(struct sock *to, size_t got)
{
	uint8_t buf[8192];
	ssize_t n;

	while ((n = call_recv(to, buf, sizeof buf)) > 0)
		for (ssize_t i = 0; i < n; i++, got++)
			if (buf[i] != octet(got)) fail_msg("octet %zu is not what was sent", got);
	assert_int_equal(n, -EAGAIN);
	return got;
}

void transfer(struct bench *b, struct sock *from, struct sock *to, size_t len, time_ns within)
{
	size_t sent = 0, got = 0;

	for (time_ns end = b->now + within; got < len && b->now < end; bench_pass(b, NS_PER_MS)) {
		sent = send_some(from, sent, len);
		got = recv_some(to, got);
	}
	assert_int_equal(got, len);
}

void all_gone(struct bench *b)
{
	sock_close(b->listener);
	b->listener = NULL;
	bench_pass(b, 300 * NS_PER_S);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(b->s[i]->mptcp->tokens.count, 0);
		assert_true(list_empty(&b->s[i]->socks));
	}
}

struct mptcp_sock *msk_at(struct sock *sk) { return msk_of(sk); }

unsigned subflows(struct sock *sk)
{
	unsigned n = 0;

	list_each(const struct subflow, sub, &msk_of(sk)->subflows, node)
		n += subflow_is_open(sub);
	return n;
}
