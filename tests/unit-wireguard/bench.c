/* See bench.h. */
#include "bench.h"
#include "host/crypto.h"
#include "../unit/draw.h"

/* ---- what passes ---- */

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

static bool look(struct two_hosts *net, int from, int wire, struct packet *p)
{
	struct bench *b = container_of(net, struct bench, net);
	struct seen v = {.from = from};
	struct message *m;

	(void)wire;
	if (!message_in(p, &v)) return false;
	m = &b->last[v.from][v.type];
	b->sent[v.from][v.type]++;
	m->len = MIN(v.len, sizeof m->octets);
	memcpy(m->octets, v.at, m->len);
	return b->lose && b->lose(b, &v);
}

/* ---- what stands on it ---- */

static void tunnel_make(struct bench *b, int i)
{
	static const char *const addrs[2][2] = {{"192.168.9.1/24", "fd09::1/64"}, {"192.168.9.2/24", "fd09::2/64"}};
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(7)};

	assert_int_equal(netif_make(b->net.s[i], "wg0", NETIF_RAW_IP, NULL, WG_MTU, &b->tunnel[i]), 0);
	assert_int_equal(wg_device_make(b->tunnel[i]), 0);
	b->w[i] = wg_device_of(b->tunnel[i]);
	draw_octets(&b->net.random, b->secret[i].b, sizeof b->secret[i].b);
	assert_int_equal(wg_set_private_key(b->w[i], &b->secret[i]), 0);
	b->key[i] = *wg_public_key(b->w[i]);
	assert_int_equal(wg_set_port(b->w[i], PORT), 0);
	assert_int_equal(netif_set_flags(b->tunnel[i], b->tunnel[i]->flags | 1), 0);
	for (int n = 0; n < 2; n++) give_address(b->tunnel[i], addrs[i][n]);
	assert_int_equal(sock_create(b->net.s[i], AF_INET6, SOCK_DGRAM, 0, &b->sock[i]), 0);
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

	b->net.look = look;
	b->net.crypto = host_crypto();
	two_hosts_open(&b->net);
	for (int i = 0; i < 2; i++) tunnel_make(b, i);
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

	two_hosts_close(&b->net);
	free(b);
	return 0;
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
	stack_set_now(b->net.s[to], b->net.now);
	stack_receive(b->net.s[to], b->net.wire[to][0], p);
}

uint64_t drops(const struct bench *b, int at, enum drop_reason why) { return b->net.s[at]->drops[why]; }
