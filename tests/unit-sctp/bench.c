/* See bench.h. */
#include "bench.h"
#include "host/crypto.h"

/* ---- what passes ---- */

/* The SCTP packet in an IP datagram, or NULL. */
static uint8_t *sctp_in(struct packet *p, size_t *ret_len)
{
	bool v4 = p->data[0] >> 4 == 4;
	size_t ip = v4 ? 4 * (size_t)(p->data[0] & 15) : IP6_HDR_LEN;

	if ((v4 ? p->data[9] : p->data[6]) != IP_PROTO_SCTP) return NULL;
	if (v4 && read16(p->data + 6) & 0x3fff) return NULL;        /* a fragment */
	*ret_len = p->len - ip;
	return p->data + ip;
}

static void read_chunks(struct seen *v)
{
	size_t off = SCTP_HDR_LEN;

	while (off < v->len && v->n < CHUNKS_SEEN) {
		int n = sctp_chunk_parse(&v->chunks[v->n], v->at + off, v->len - off);
		assert_true(n > 0);
		v->n++;
		off += (size_t)n;
	}
}

/* What leaves is well made; and may be lost. */
static bool look(struct two_hosts *net, int from, int wire, struct packet *p)
{
	struct bench *b = container_of(net, struct bench, net);
	struct seen v = {.from = from, .wire = wire, .p = p};

	v.at = sctp_in(p, &v.len);
	if (!v.at) return false;
	assert_true(sctp_parse(&v.h, v.at, v.len) > 0);
	assert_true(sctp_csum_ok(v.at, v.len));
	read_chunks(&v);
	v.number = b->packets++;
	for (unsigned i = 0; i < v.n; i++) b->chunks[v.chunks[i].type]++;
	b->last_len[v.from] = MIN(v.len, sizeof b->last[0]);
	memcpy(b->last[v.from], v.at, b->last_len[v.from]);
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
	b->packets = 0;
	return 0;
}

int bench_close(void **state)
{
	struct bench *b = *state;

	two_hosts_close(&b->net);
	free(b);
	return 0;
}

void bench_inject_from(struct bench *b, int to, const char *from, const struct sctp_hdr *h, const uint8_t *chunks, size_t len)
{
	struct packet *p = packet_new(PACKET_HEADROOM, IP4_HDR_MIN + SCTP_HDR_LEN + len);
	struct ip4_hdr ip = {.total_len = (uint16_t)p->len, .ttl = 64, .proto = IP_PROTO_SCTP};

	assert_int_equal(addr_parse(&ip.src, from), 0);
	assert_int_equal(addr_parse(&ip.dst, to ? "10.0.0.2" : "10.0.0.1"), 0);
	ip4_emit(&ip, p->data);
	if (len) memcpy(p->data + IP4_HDR_MIN + SCTP_HDR_LEN, chunks, len);
	sctp_emit(h, p->data + IP4_HDR_MIN, SCTP_HDR_LEN + len);
	stack_set_now(b->net.s[to], b->net.now);
	stack_receive(b->net.s[to], b->net.wire[to][0], p);
}

void bench_inject(struct bench *b, int to, const struct sctp_hdr *h, const uint8_t *chunks, size_t len)
{
	bench_inject_from(b, to, to ? "10.0.0.1" : "10.0.0.2", h, chunks, len);
}

bool seen_has(const struct seen *p, uint8_t type)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->chunks[i].type == type) return true;
	return false;
}

/* ---- calls ---- */

const struct got *call_recv(struct sock *sk)
{
	static struct got g;
	static uint8_t control[512];
	struct sock_msg m = {.data = g.data, .len = sizeof g.data, .name = &g.from, .name_len = sizeof g.from, .control = control,
			     .control_len = sizeof control};
	struct cmsghdr h;

	g.n = sock_recv(sk, &m);
	g.flags = m.flags;
	g.has_info = false;
	for (size_t i = 0; g.n >= 0 && i + sizeof h <= m.control_len; i += CMSG_ALIGN(h.cmsg_len)) {
		memcpy(&h, control + i, sizeof h);
		if (h.cmsg_level != IPPROTO_SCTP || h.cmsg_type != SCTP_RCVINFO) continue;
		memcpy(&g.info, control + i + sizeof h, sizeof g.info);
		g.has_info = true;
	}
	return &g;
}

static struct sock *make(struct stack *s, int type)
{
	struct sock *sk;

	assert_int_equal(sock_create(s, AF_INET, type, IPPROTO_SCTP, &sk), 0);
	return sk;
}

struct sock *one(struct stack *s) { return make(s, SOCK_STREAM); }
struct sock *many(struct stack *s) { return make(s, SOCK_SEQPACKET); }

struct sock *listening(struct sock *sk, const char *addr, uint16_t port)
{
	assert_int_equal(call_bind(sk, addr, port), 0);
	assert_int_equal(sock_listen(sk, 5), 0);
	return sk;
}

void connected(struct bench *b, struct sock **ret_a, struct sock **ret_b)
{
	struct sock *l = listening(one(b->net.s[1]), "0.0.0.0", 7);

	*ret_a = one(b->net.s[0]);
	assert_int_equal(call_connect(*ret_a, "10.0.0.2", 7), -EINPROGRESS);
	settle(b);
	assert_int_equal(call_connect(*ret_a, "10.0.0.2", 7), 0);
	assert_int_equal(sock_accept(l, ret_b), 0);
	sock_close(l);
}

struct assoc *assoc_at(struct sock *sk)
{
	struct sctp_sock *so = sctp_of(sk);

	return list_empty(&so->assocs) ? NULL : list_first(&so->assocs, struct assoc, node);
}

int set_int(struct sock *sk, int name, int v) { return sock_setsockopt(sk, IPPROTO_SCTP, name, &v, sizeof v); }

void events_on(struct sock *sk)
{
	struct sctp_event_subscribe e;

	memset(&e, 1, sizeof e);
	e.sctp_data_io_event = e.sctp_authentication_event = 0;
	assert_int_equal(sock_setsockopt(sk, IPPROTO_SCTP, SCTP_EVENTS, &e, sizeof e), 0);
	assert_int_equal(set_int(sk, SCTP_RECVRCVINFO, 1), 0);
}

static size_t put_control(uint8_t *to, size_t at_, int type, const void *data, size_t len)
{
	struct cmsghdr h = {.cmsg_len = CMSG_LEN(len), .cmsg_level = IPPROTO_SCTP, .cmsg_type = type};

	memcpy(to + at_, &h, sizeof h);
	memcpy(to + at_ + sizeof h, data, len);
	return at_ + CMSG_SPACE(len);
}

ssize_t call_sendmsg(struct sock *sk, const void *data, size_t len, const struct wish_sent *w)
{
	struct sctp_sndinfo i = {.snd_sid = w->stream, .snd_flags = w->flags, .snd_ppid = w->ppid, .snd_context = w->context, .snd_assoc_id = w->id};
	uint8_t control[256] = {0};
	size_t n = put_control(control, 0, SCTP_SNDINFO, &i, sizeof i);
	struct sock_msg m = {.data = (void *)data, .len = len, .control = control};
	struct sockaddr_storage ss;

	if (w->pr) n = put_control(control, n, SCTP_PRINFO, w->pr, sizeof *w->pr);
	if (w->key) n = put_control(control, n, SCTP_AUTHINFO, &(struct sctp_authinfo){w->key}, sizeof(struct sctp_authinfo));
	m.control_len = n;
	if (w->to) {
		ss = at(w->to, w->port);
		m.name = &ss;
		m.name_len = at_len(&ss);
	}
	return sock_send(sk, &m);
}
