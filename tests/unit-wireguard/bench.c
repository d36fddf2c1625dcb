/* See bench.h. */
#include "bench.h"
#include "host/crypto.h"

struct frame { struct list node; time_ns due; struct netif *to; struct packet *p; };

/* ---- the world of a stack ---- */

static int whose(const struct bench *b, const struct netif *nif) { return nif->stack == b->s[1]; }

/* The message in an IP datagram, or false. */
static bool message_in(struct packet *p, struct seen *ret)
{
	bool v4 = p->data[0] >> 4 == 4;
	size_t ip = v4 ? IP4_HDR_MIN : IP6_HDR_LEN;

	if ((v4 ? p->data[9] : p->data[6]) != IP_PROTO_UDP || (v4 && read16(p->data + 6) & 0x3fff)) return false;
	ret->at = p->data + ip + UDP_HDR_LEN;
	ret->len = p->len - ip - UDP_HDR_LEN;
	ret->type = ret->at[0];
	ret->tos = v4 ? p->data[1] : (uint8_t)(read16(p->data) >> 4);
	ret->p = p;
	return ret->type >= WG_INITIATION && ret->type <= WG_DATA;
}

static bool look(struct bench *b, struct netif *nif, struct packet *p)
{
	struct seen v = {.from = whose(b, nif)};
	struct message *m;

	if (!message_in(p, &v)) return false;
	m = &b->last[v.from][v.type];
	b->sent[v.from][v.type]++;
	m->len = MIN(v.len, sizeof m->octets);
	memcpy(m->octets, v.at, m->len);
	return b->lose && b->lose(b, &v);
}

static void on_transmit(void *host, struct netif *nif, struct packet *p)
{
	struct bench *b = host;
	bool loop = nif->kind == NETIF_LOOPBACK, lost = !loop && (look(b, nif, p) || b->cut);
	struct frame *f;

	if (lost) {
		packet_free(p);
		return;
	}
	f = malloc(sizeof *f);
	*f = (struct frame){.due = b->now + (loop ? 0 : WIRE_NS), .to = loop ? nif : b->wire[!whose(b, nif)], .p = p};
	list_append(&b->frames, &f->node);
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

static const struct crypto *crypto_of(void *host) { return (void)host, host_crypto(); }

static const struct host_ops ops = {.transmit = on_transmit, .ready = on_ready, .random = on_random, .crypto = crypto_of};

/* ---- what stands on it ---- */

static void address(struct netif *nif, const char *text)
{
	struct addr a;
	unsigned plen;

	assert_int_equal(addr_parse_prefix(&a, &plen, text), 0);
	assert_int_equal(netif_addr_add(nif, &a, plen), 0);
}

static void host_make(struct bench *b, int i)
{
	static const char *const addrs[2][4] = {{"10.0.0.1/24", "fd00::1/64", "192.168.9.1/24", "fd09::1/64"},
						{"10.0.0.2/24", "fd00::2/64", "192.168.9.2/24", "fd09::2/64"}};
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct netif *lo;

	b->s[i] = stack_new(i ? "b" : "a", &ops, b, b->now);
	assert_int_equal(netif_add(b->s[i], "lo", NETIF_LOOPBACK, NULL, 65536, &lo), 0);
	assert_int_equal(netif_add(b->s[i], "w0", NETIF_RAW_IP, NULL, 1500, &b->wire[i]), 0);
	assert_int_equal(netif_make(b->s[i], "wg0", NETIF_RAW_IP, NULL, WG_MTU, &b->tunnel[i]), 0);
	assert_int_equal(wg_device_make(b->tunnel[i]), 0);
	b->w[i] = wg_device_of(b->tunnel[i]);
	on_random(b, b->secret[i].b, sizeof b->secret[i].b);
	assert_int_equal(wg_set_private_key(b->w[i], &b->secret[i]), 0);
	b->key[i] = *wg_public_key(b->w[i]);
	assert_int_equal(wg_set_port(b->w[i], PORT), 0);
	assert_int_equal(netif_set_flags(b->tunnel[i], b->tunnel[i]->flags | 1), 0);
	for (int n = 0; n < 4; n++) address(n < 2 ? b->wire[i] : b->tunnel[i], addrs[i][n]);
	assert_int_equal(sock_create(b->s[i], AF_INET6, SOCK_DGRAM, 0, &b->sock[i]), 0);
	assert_int_equal(sock_bind(b->sock[i], (struct sockaddr *)&any, sizeof any), 0);
}

void allow(struct wg_peer *peer, const char *prefix)
{
	struct wg_prefix p;
	unsigned plen;

	assert_int_equal(addr_parse_prefix(&p.addr, &plen, prefix), 0);
	p.plen = (uint8_t)plen;
	assert_int_equal(wg_allow(peer, &p), 0);
}

static void endpoint(struct bench *b, const char *addr)
{
	struct wg_endpoint e = {.src = addr_any6, .port = PORT};

	assert_int_equal(addr_parse(&e.addr, addr), 0);
	wg_peer_set_endpoint(b->peer[0], &e);
}

void bench_over6(struct bench *b) { endpoint(b, "fd00::2"); }

int bench_open(void **state)
{
	static const char *const inner[2][2] = {{"192.168.9.2/32", "fd09::2/128"}, {"192.168.9.1/32", "fd09::1/128"}};
	struct bench *b = calloc(1, sizeof *b);

	b->now = 1000 * NS_PER_S;
	list_init(&b->frames);
	for (int i = 0; i < 2; i++) host_make(b, i);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(wg_peer_add(b->w[i], &b->key[!i], &b->peer[i]), 0);
		for (int n = 0; n < 2; n++) allow(b->peer[i], inner[i][n]);
	}
	endpoint(b, "10.0.0.2");
	*state = b;
	settle(b);
	memset(b->sent, 0, sizeof b->sent);
	return 0;
}

int bench_close(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < 2; i++) stack_free(b->s[i]);
	while (!list_empty(&b->frames)) {
		struct frame *f = list_entry(list_pop(&b->frames), struct frame, node);
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

	list_each(const struct frame, f, &b->frames, node) next = MIN(next, f->due);
	return MAX(next, b->now);
}

static void deliver_due(struct bench *b)
{
	list_each(struct frame, f, &b->frames, node) {
		if (f->due > b->now) return;
		list_remove(&f->node);
		stack_set_now(f->to->stack, b->now);
		stack_receive(f->to->stack, f->to, f->p);
		free(f);
	}
}

void bench_pass(struct bench *b, time_ns ns)
{
	time_ns end = b->now + ns;

	for (time_ns next; (next = next_event(b)) <= end;) {
		b->now = next;
		deliver_due(b);
		for (int i = 0; i < 2; i++) stack_advance(b->s[i], b->now);
	}
	b->now = end;
	for (int i = 0; i < 2; i++) stack_set_now(b->s[i], b->now);
}

/* ---- words ---- */

ssize_t say(struct bench *b, int from, uint8_t mark, size_t len)
{
	static uint8_t data[4096];
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(7), .sin6_addr.s6_addr = {[10] = 0xff, 0xff, 192, 168, 9, (uint8_t)(2 - from)}};

	data[0] = mark;
	return sock_send(b->sock[from], &(struct sock_msg){.data = data, .len = len, .name = &to, .name_len = sizeof to});
}

int heard(struct bench *b, int at)
{
	uint8_t data[4096];
	struct sock_msg m = {.data = data, .len = sizeof data};

	return sock_recv(b->sock[at], &m) > 0 ? data[0] : -1;
}

void inject(struct bench *b, int to, const char *from, uint16_t sport, const void *message, size_t len)
{
	struct packet *p = packet_new(PACKET_HEADROOM, IP4_HDR_MIN + UDP_HDR_LEN + len);
	struct ip4_hdr ip = {.total_len = (uint16_t)p->len, .ttl = 64, .proto = IP_PROTO_UDP};
	struct udp_hdr udp = {.src = sport, .dst = PORT, .len = (uint16_t)(UDP_HDR_LEN + len)};

	assert_int_equal(addr_parse(&ip.src, from), 0);
	assert_int_equal(addr_parse(&ip.dst, to ? "10.0.0.2" : "10.0.0.1"), 0);
	ip4_emit(&ip, p->data);
	if (len) memcpy(p->data + IP4_HDR_MIN + UDP_HDR_LEN, message, len);
	udp_emit(&udp, p->data + IP4_HDR_MIN, &ip.src, &ip.dst);
	stack_set_now(b->s[to], b->now);
	stack_receive(b->s[to], b->wire[to], p);
}

uint64_t drops(const struct bench *b, int at, enum drop_reason why) { return b->s[at]->drops[why]; }
