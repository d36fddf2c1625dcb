/*
 * A WireGuard interface between two that harm it: programs of its host, by netlink, and strangers on the wire. The input is a row of steps: a request to
 * the family "wireguard" (what it needs or octets as they come, and lengths that lie), a dump, a message to the port, whose first MAC may be right and
 * which may be one that another host's interface has just made, a datagram into the tunnel, and time. It must neither crash nor read what is not there
 * (ASan), and all that it was made to hold must go when it ends.
 */
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include "host/crypto.h"
#include "stack/inet/ip.h"
#include "stack/wireguard/private.h"
#include "../unit/draw.h"
#include "requests.h"

#define STEPS_MAX 60
#define PORT 51820

/* ---- the hosts ---- */

static struct { uint8_t octets[2048]; size_t len; } heard[2];      /* the last message of each */
static uint64_t drawn;

static void take_packet(void *host, struct netif *nif, struct packet *p)
{
	size_t headers = IP4_HDR_MIN + UDP_HDR_LEN, who = *(const char *)host == 'b';

	(void)nif;
	if (p->len > headers && p->len - headers <= sizeof heard[who].octets) {
		heard[who].len = p->len - headers;
		memcpy(heard[who].octets, p->data + headers, heard[who].len);
	}
	packet_free(p);
}

static void be_ready(void *host, struct sock *sk) { (void)host, (void)sk; }
static const struct crypto *crypto_of(void *host) { return (void)host, host_crypto(); }

static void draw(void *host, void *buf, size_t len)
{
	(void)host;
	draw_octets(&drawn, buf, len);
}

static const struct host_ops ops = {.transmit = take_packet, .ready = be_ready, .random = draw, .crypto = crypto_of};

struct world { struct stack *s; struct netif *wire; struct wg_device *w; };

static struct world host_new(char *name, uint32_t addr, struct wg_key secret)
{
	struct world x = {.s = stack_new(name, &ops, name, NS_PER_S)};
	struct addr outer = addr_v4(0x0a000000 | addr), inner = addr_v4(0xc0a80900 | addr);
	struct netif *nif;

	if (!x.s || netif_add(x.s, "eth0", NETIF_RAW_IP, NULL, 1500, &x.wire) < 0 || netif_addr_add(x.wire, &outer, 24) < 0) abort();
	if (netif_make(x.s, "wg0", NETIF_RAW_IP, NULL, WG_MTU, &nif) < 0 || wg_device_make(nif) < 0 || netif_addr_add(nif, &inner, 24) < 0) abort();
	x.w = wg_device_of(nif);
	if (wg_set_private_key(x.w, &secret) < 0 || wg_set_port(x.w, PORT) < 0 || netif_set_flags(nif, nif->flags | IFF_UP) < 0) abort();
	return x;
}

static void introduce(struct world *a, const struct world *b, uint32_t addr)
{
	struct wg_prefix p = {addr_v4(0xc0a80900 | addr), 32};
	struct wg_peer *peer;

	if (wg_peer_add(a->w, wg_public_key(b->w), &peer) < 0 || wg_allow(peer, &p) < 0) abort();
	wg_peer_set_endpoint(peer, &(struct wg_endpoint){.addr = addr_v4(0x0a000000 | addr), .src = addr_any6, .port = PORT});
}

/* ---- requests ---- */

static void number(uint16_t type, uint32_t v, size_t len) { attribute(type, &v, len); }

/* One of a few keys: among them none, and the peer's. */
static void key(uint16_t type, const struct wg_key *known)
{
	uint8_t k[64] = {take8() % 4};

	if (maybe()) memcpy(k, known->b, sizeof known->b);
	attribute(type, k, take8() % 16 ? sizeof known->b : take8() % sizeof k);
}

static void allowed_ips(void)
{
	size_t all = nest(WGPEER_A_ALLOWEDIPS), one;
	uint8_t addr[16] = {0xfd};

	for (unsigned n = take8() % 8; n; n--) {
		bool v4 = maybe();
		addr[v4 ? 0 : 1] = take8() % 4;
		addr[v4 ? 3 : 15] = take8();
		one = nest(0);
		number(WGALLOWEDIP_A_FAMILY, v4 ? AF_INET : take8() % 8 ? AF_INET6 : 0, 2);
		attribute(WGALLOWEDIP_A_IPADDR, addr, v4 ? 4 : 16);
		number(WGALLOWEDIP_A_CIDR_MASK, take8() % (v4 ? 34 : 130), 1);
		end(one);
	}
	end(all);
}

static void a_peer(const struct wg_key *known)
{
	struct sockaddr_in6 to = {.sin6_family = maybe() ? AF_INET : AF_INET6, .sin6_port = htons(PORT)};
	size_t at = nest(0);

	key(WGPEER_A_PUBLIC_KEY, known);
	if (maybe()) number(WGPEER_A_FLAGS, take8() % 9, 4);
	if (take8() % 8 == 0) key(WGPEER_A_PRESHARED_KEY, known);
	if (maybe()) attribute(WGPEER_A_ENDPOINT, &to, maybe() ? sizeof(struct sockaddr_in) : take8() % (sizeof to + 1));
	if (maybe()) number(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, take8() % 8, 2);
	if (maybe()) allowed_ips();
	if (take8() % 8 == 0) number(WGPEER_A_PROTOCOL_VERSION, take8() % 3, 4);
	end(at);
}

static void request(struct sock *sk, const struct wg_key *known)
{
	struct nlmsghdr h = {.nlmsg_type = GENL_START_ALLOC, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	struct genlmsghdr g = {.cmd = take8() % 8 ? WG_CMD_SET_DEVICE : take8() % 4};
	size_t peers;

	if (g.cmd != WG_CMD_SET_DEVICE) h.nlmsg_flags |= NLM_F_DUMP;
	request_begin(&h);
	put(&g, sizeof g);
	if (take8() % 16) attribute(WGDEVICE_A_IFNAME, take8() % 16 ? "wg0" : "eth0", 4);
	if (take8() % 16 == 0) number(WGDEVICE_A_IFINDEX, take8() % 4, 4);
	if (take8() % 16 == 0) key(WGDEVICE_A_PRIVATE_KEY, known);
	if (take8() % 8 == 0) number(WGDEVICE_A_FLAGS, take8() % 3, 4);
	if (take8() % 8 == 0) number(WGDEVICE_A_LISTEN_PORT, take8() % 4 ? PORT : take8(), 2);
	if (take8() % 8 == 0) number(WGDEVICE_A_FWMARK, take8(), 4);
	peers = nest(WGDEVICE_A_PEERS);
	for (unsigned n = take8() % 4; n; n--) a_peer(known);
	end(peers);
	request_send(sk, &h);
}

/* ---- messages ---- */

static void deliver(struct world *to, uint32_t from, const uint8_t *octets, size_t len)
{
	struct packet *p = packet_new(PACKET_HEADROOM, IP4_HDR_MIN + UDP_HDR_LEN + len);
	struct ip4_hdr ip = {.src = addr_v4(0x0a000000 | from), .dst = addr_v4(0x0a000000 | (from == 1 ? 2 : 1)), .total_len = (uint16_t)p->len, .ttl = 64,
			     .proto = IP_PROTO_UDP};
	struct udp_hdr udp = {.src = PORT, .dst = PORT, .len = (uint16_t)(UDP_HDR_LEN + len)};

	ip4_emit(&ip, p->data);
	memcpy(p->data + IP4_HDR_MIN + UDP_HDR_LEN, octets, len);
	udp_emit(&udp, p->data + IP4_HDR_MIN, &ip.src, &ip.dst);
	stack_receive(to->s, to->wire, p);
}

/* The other's last message, as it was, or with an octet changed, cut, or its MAC made right again; or one that is made up. */
static void a_message(struct world *to, uint32_t from)
{
	uint8_t octets[sizeof heard->octets] = {take8() % 5};
	size_t len = heard[from == 2].len;

	if (take8() % 4 == 0 || !len) {
		len = 1 + take8();
		for (size_t i = 4; i < MIN(len, (size_t)24); i++) octets[i] = take8();
	} else {
		memcpy(octets, heard[from == 2].octets, len);
		if (maybe()) octets[take8() % len] ^= take8();
		if (take8() % 8 == 0) len = 1 + take8() % len;
	}
	if (maybe() && len >= sizeof(struct wg_macs)) {
		size_t before = len - sizeof(struct wg_macs);
		(void)to->w->crypto->blake2s(octets + before, WG_MAC_LEN, (struct octets){to->w->mac1_key, sizeof to->w->mac1_key},
					     (struct octets){octets, before});
	}
	deliver(to, from, octets, len);
}

static void say(struct world *from, uint32_t to)
{
	struct ip_out out = {.dst = addr_v4(0xc0a80900 | to), .proto = IP_PROTO_UDP};
	struct packet *p = packet_new(PACKET_HEADROOM, UDP_HDR_LEN + take8());

	memset(p->data, 7, p->len);
	(void)ip_output(from->s, p, &out);
}

static void pass_time(struct world *a, struct world *b)
{
	time_ns step = take8() % 4 ? take8() * NS_PER_MS : take8() * NS_PER_S;

	stack_advance(a->s, a->s->now + step);
	stack_advance(b->s, b->s->now + step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name_a[] = "a", name_b[] = "b";
	struct world a, b;
	struct sock *sk;

	drawn = 1;
	memset(heard, 0, sizeof heard);
	a = host_new(name_a, 1, (struct wg_key){{1}});
	b = host_new(name_b, 2, (struct wg_key){{2, 1}});
	introduce(&a, &b, 2);
	introduce(&b, &a, 1);
	input_is(data, size);
	if (sock_create(a.s, AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, &sk) < 0) abort();
	for (int n = 0; input_left() && n < STEPS_MAX; n++) {
		switch (take8() % 8) {
		case 0: request(sk, wg_public_key(b.w)); break;
		case 1: pass_time(&a, &b); break;
		case 2: say(&a, 1 + take8() % 3); break;
		case 3: say(&b, 1); break;
		case 4: deliver(&b, 1, heard[0].octets, heard[0].len); break;
		case 5: deliver(&a, 2, heard[1].octets, heard[1].len); break;
		default: maybe() ? a_message(&a, 2) : a_message(&b, 1);
		}
	}
	stack_free(a.s);
	stack_free(b.s);
	return 0;
}
