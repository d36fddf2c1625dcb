/* See bench.h. */
#include "bench.h"

struct frame { struct list node; time_ns due; struct netif *to; struct packet *p; };

/* ---- the world of a stack ---- */

static int whose(const struct bench *b, const struct netif *nif) { return nif->stack == b->s[1]; }

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
static bool look(struct bench *b, struct netif *nif, struct packet *p)
{
	struct seen v = {.from = whose(b, nif), .wire = nif == b->nif[1][1] || nif == b->nif[0][1], .p = p};

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

static const struct host_ops ops = {.transmit = on_transmit, .ready = on_ready, .random = on_random};

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
	b->packets = 0;
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

void bench_inject_from(struct bench *b, int to, const char *from, const struct sctp_hdr *h, const uint8_t *chunks, size_t len)
{
	struct packet *p = packet_new(PACKET_HEADROOM, IP4_HDR_MIN + SCTP_HDR_LEN + len);
	struct ip4_hdr ip = {.total_len = (uint16_t)p->len, .ttl = 64, .proto = IP_PROTO_SCTP};

	assert_int_equal(addr_parse(&ip.src, from), 0);
	assert_int_equal(addr_parse(&ip.dst, to ? "10.0.0.2" : "10.0.0.1"), 0);
	ip4_emit(&ip, p->data);
	if (len) memcpy(p->data + IP4_HDR_MIN + SCTP_HDR_LEN, chunks, len);
	sctp_emit(h, p->data + IP4_HDR_MIN, SCTP_HDR_LEN + len);
	stack_set_now(b->s[to], b->now);
	stack_receive(b->s[to], b->nif[to][0], p);
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

struct sockaddr_storage at(const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	struct addr a;
	socklen_t len;

	assert_int_equal(addr_parse(&a, addr), 0);
	memset(&ss, 0, sizeof ss);
	sockaddr_emit(addr_is_v4(&a) ? AF_INET : AF_INET6, &a, port, 0, &ss, &len);
	return ss;
}

static socklen_t len_of(const struct sockaddr_storage *ss) { return ss->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6); }

int call_bind(struct sock *sk, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss = at(addr, port);

	return sock_bind(sk, (struct sockaddr *)&ss, len_of(&ss));
}

int call_connect(struct sock *sk, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss = at(addr, port);

	return sock_connect(sk, (struct sockaddr *)&ss, len_of(&ss));
}

ssize_t call_send(struct sock *sk, const void *data, size_t len)
{
	return sock_send(sk, &(struct sock_msg){.data = (void *)data, .len = len});
}

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
	struct sock *l = listening(one(b->s[1]), "0.0.0.0", 7);

	*ret_a = one(b->s[0]);
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
	e.sctp_data_io_event = 0;
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
	m.control_len = n;
	if (w->to) {
		ss = at(w->to, w->port);
		m.name = &ss;
		m.name_len = len_of(&ss);
	}
	return sock_send(sk, &m);
}
