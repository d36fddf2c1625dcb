/* See bench.h. */
#include <linux/mptcp.h>
#include "bench.h"
#include "host/crypto.h"

/* ---- what passes ---- */

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
static bool look(struct two_hosts *net, int from, int wire, struct packet *p)
{
	struct bench *b = container_of(net, struct bench, net);
	struct seen v = {.from = from, .wire = wire};

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

int bench_open(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	b->net.look = look;
	b->net.crypto = host_crypto();
	two_hosts_open(&b->net);
	*state = b;
	settle(b);
	b->segments = 0;
	return 0;
}

int bench_close(void **state)
{
	struct bench *b = *state;

	two_hosts_close(&b->net);
	free(b);
	return 0;
}

void bench_set(struct bench *b, int whose_, const char *name, const char *value)
{
	assert_int_equal(sysctl_set(b->net.s[whose_]->sysctl, name, value), 0);
}

void endpoint(struct bench *b, int whose_, const char *addr, uint32_t flags)
{
	struct mptcp_endpoint e = {.flags = flags};

	assert_int_equal(addr_parse(&e.addr, addr), 0);
	assert_int_equal(pm_endpoint_add(b->net.s[whose_], &e, NULL), 0);
}

/* ---- calls ---- */

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
	struct sock *sk = open_sock(b->net.s[1], domain, protocol);

	assert_int_equal(call_bind(sk, addr, 7), 0);
	assert_int_equal(sock_listen(sk, 5), 0);
	return sk;
}

void connected(struct bench *b, struct sock **ret_a, struct sock **ret_b)
{
	if (!b->listener) b->listener = listening(b, AF_INET, IPPROTO_MPTCP, "0.0.0.0");
	*ret_a = open_sock(b->net.s[0], AF_INET, IPPROTO_MPTCP);
	assert_int_equal(call_connect(*ret_a, "10.0.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(call_connect(*ret_a, "10.0.0.2", 7), 0);
	assert_int_equal(sock_accept(b->listener, ret_b), 0);
	assert_true(mptcp_is(*ret_b));
}

void two_paths(struct bench *b, struct sock **ret_a, struct sock **ret_b)
{
	b->net.s[0]->mptcp->max_accepted = 2;
	endpoint(b, 1, "10.1.0.2", MPTCP_PM_ADDR_FLAG_SIGNAL);
	connected(b, ret_a, ret_b);
	assert_int_equal(call_send(*ret_a, "x", 1), 1);
	settle(b);
	assert_int_equal(call_recv(*ret_b, (char[1]){0}, 1), 1);
	assert_int_equal(subflows(*ret_a), 2);
	assert_int_equal(subflows(*ret_b), 2);
}

static uint8_t octet(size_t i) { return (uint8_t)(i * 7 + i / 251); }

size_t send_octets(struct sock *from, size_t sent, size_t len)
{
	uint8_t buf[8192];
	ssize_t n;

	for (size_t end = sent + len; sent < end; sent += (size_t)n) {
		size_t want = MIN(sizeof buf, end - sent);
		for (size_t i = 0; i < want; i++) buf[i] = octet(sent + i);
		n = call_send(from, buf, want);
		if (n == -EAGAIN) break;
		assert_true(n > 0);
	}
	return sent;
}

size_t recv_octets(struct sock *to, size_t got)
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

	for (time_ns end = b->net.now + within; got < len && b->net.now < end; bench_pass(b, NS_PER_MS)) {
		sent = send_octets(from, sent, len - sent);
		got = recv_octets(to, got);
	}
	assert_int_equal(got, len);
}

void all_gone(struct bench *b)
{
	sock_close(b->listener);
	b->listener = NULL;
	bench_pass(b, 300 * NS_PER_S);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(b->net.s[i]->mptcp->tokens.count, 0);
		assert_true(list_empty(&b->net.s[i]->socks));
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
