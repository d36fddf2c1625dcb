/* The host that is fuzzed: victim.h tells what it is. */
#include "victim.h"
#include "../unit/draw.h"
#include <linux/sctp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include "stack/core/sysctl.h"
#include "stack/inet/neigh.h"

#define FRAMES_MAX 20000                  /* that one command may bring about: far above what buffers allow, below what a loop would do */

static const struct mac mac_us = {{2, 0, 0, 0, 0, 1}}, mac_us1 = {{2, 0, 0, 0, 1, 1}}, mac_peer = {{2, 0, 0, 0, 0, 2}};

static void require(bool ok, const char *what)
{
	if (ok) return;
	fprintf(stderr, "the stack broke its word: %s\n", what);
	abort();
}

static struct addr addr(const char *text)
{
	struct addr a;

	require(addr_parse(&a, text) == 0, text);
	return a;
}

/* ---- what it sends ---- */

static void remember_segment(struct victim *v, const struct addr *src, const struct addr *dst, const uint8_t *p, size_t n)
{
	struct tcp_hdr h;
	int hdr_len = tcp_parse(&h, p, n);

	require(hdr_len > 0, "TCP header");
	for (struct peer *at = v->peers; at < v->peers + N_PEERS; at++) {
		if (at->lport != h.src || at->rport != h.dst || !addr_eq(&at->us, src) || !addr_eq(&at->them, dst)) continue;
		at->next = h.seq + (uint32_t)(n - (size_t)hdr_len) + !!(h.flags & TCP_SYN) + !!(h.flags & TCP_FIN);
		if (h.flags & TCP_ACK) at->acked = h.ack;
		at->heard = true;
	}
}

static void remember_chunk(struct partner *at, const struct sctp_chunk *c)
{
	size_t off = SCTP_INIT_FIXED;

	if (c->type == CHUNK_DATA && c->len >= 4) at->last = read32(c->value);
	if (c->type != CHUNK_INIT_ACK || c->len < off) return;
	at->tag = read32(c->value);
	while (off < c->len) {
		struct sctp_param p;
		int n = sctp_param_parse(&p, c->value + off, c->len - off);
		require(n > 0, "SCTP parameter");
		off += (size_t)n;
		if (p.type != PARAM_COOKIE || p.len > sizeof at->cookie) continue;
		memcpy(at->cookie, p.value, p.len);
		at->cookie_len = p.len;
	}
}

static void remember_chunks(struct victim *v, const uint8_t *p, size_t n)
{
	struct sctp_hdr h;
	size_t off = SCTP_HDR_LEN;

	require(sctp_parse(&h, p, n) > 0 && sctp_csum_ok(p, n), "SCTP checksum");
	while (off < n) {
		struct sctp_chunk c;
		int took = sctp_chunk_parse(&c, p + off, n - off);
		require(took > 0, "SCTP chunk");
		if (h.dst == PARTNER_PORT) remember_chunk(&v->partner, &c);
		off += (size_t)took;
	}
}

static void check_transport(struct victim *v, uint8_t proto, const struct addr *src, const struct addr *dst, const uint8_t *p, size_t n)
{
	bool v4 = addr_is_v4(src);

	if (!stack_is_local(v->s, src)) return;               /* forwarded: as it came */
	switch (proto) {
	case IP_PROTO_TCP:
		require(tcp_csum_ok(p, n, src, dst), "TCP checksum");
		remember_segment(v, src, dst, p, n);
		break;
	case IP_PROTO_SCTP: remember_chunks(v, p, n); break;
	case IP_PROTO_UDP: require(udp_csum_ok(p, n, src, dst), "UDP checksum"); break;
	case IP_PROTO_ICMP: require(icmp_csum_ok(p, n, NULL, NULL), "ICMP checksum"); break;
	case IP_PROTO_ICMP6: require(v4 || icmp_csum_ok(p, n, src, dst), "ICMPv6 checksum"); break;
	default: break;
	}
}

static void check_datagram(struct victim *v, const uint8_t *p, size_t n, uint32_t mtu)
{
	struct ip4_hdr h4;
	struct ip6_hdr h6;

	require(n <= mtu, "MTU");
	v->last_len = MIN(n, sizeof v->last);
	memcpy(v->last, p, v->last_len);
	if (p[0] >> 4 == 4) {
		require(ip4_parse(&h4, p, n) > 0 && h4.total_len == n && ip4_csum_ok(p, ip4_hdr_len(&h4)), "IPv4 header");
		require(!addr_is_multicast(&h4.src) && !addr_is_loopback(&h4.src) && !addr_is_loopback(&h4.dst), "addresses");
		if (!h4.mf && !h4.frag_off) check_transport(v, h4.proto, &h4.src, &h4.dst, p + ip4_hdr_len(&h4), n - ip4_hdr_len(&h4));
	} else {
		require(ip6_parse(&h6, p, n) > 0 && IP6_HDR_LEN + (size_t)h6.payload_len == n, "IPv6 header");
		require(!addr_is_multicast(&h6.src) && !addr_is_loopback(&h6.src) && !addr_is_loopback(&h6.dst), "addresses");
		check_transport(v, h6.next, &h6.src, &h6.dst, p + IP6_HDR_LEN, n - IP6_HDR_LEN);
	}
}

static void victim_transmit(void *host, struct netif *nif, struct packet *p)
{
	struct victim *v = host;
	struct eth_hdr eth = {0};

	require(++v->sent < FRAMES_MAX, "bounded work");
	if (nif == v->lo) {
		list_append(&v->looped, &p->node);
		return;
	}
	require(eth_parse(&eth, p->data, p->len) > 0, "Ethernet header");
	if (eth.type != ETH_TYPE_ARP) check_datagram(v, p->data + ETH_HDR_LEN, p->len - ETH_HDR_LEN, nif->mtu_bytes);
	packet_free(p);
}

static void victim_ready(void *host, struct sock *sk)
{
	(void)host, (void)sk;
}

static void victim_random(void *host, void *buf, size_t len)
{
	struct victim *v = host;

	draw_octets(&v->random, buf, len);
}

static const struct host_ops victim_ops = {.transmit = victim_transmit, .ready = victim_ready, .random = victim_random};

/* ---- frames to it ---- */

static void settle(struct victim *v)
{
	for (int i = 0; i < FRAMES_MAX; i++) {
		struct list *n = list_pop(&v->looped);
		if (n)
			stack_receive(v->s, v->lo, list_entry(n, struct packet, node));
		else if (stack_deadline(v->s) <= v->s->now)
			stack_advance(v->s, v->s->now);
		else
			return;
	}
	require(false, "comes to rest");
}

void victim_receive(struct victim *v, const uint8_t *frame, size_t len)
{
	/* Just as long as the frame: what is read beyond it is seen. */
	struct packet *p = packet_new(PACKET_HEADROOM, len);

	if (!p) return;
	if (len) memcpy(p->data, frame, len);
	v->sent = 0;
	stack_receive(v->s, v->eth0, p);
	settle(v);
}

void victim_pass(struct victim *v, time_ns ns)
{
	time_ns end = v->s->now + ns;

	while (stack_deadline(v->s) <= end) {
		v->sent = 0;
		stack_advance(v->s, MAX(stack_deadline(v->s), v->s->now));
		settle(v);
	}
	stack_advance(v->s, end);
	settle(v);
}

size_t victim_datagram(const struct victim *v, const struct addr *src, const struct addr *dst, uint8_t proto, const uint8_t *data, size_t len, uint8_t *buf)
{
	bool v4 = addr_is_v4(dst);
	size_t hdr_len = v4 ? IP4_HDR_MIN : IP6_HDR_LEN;
	struct eth_hdr eth = {.dst = mac_us, .src = mac_peer, .type = v4 ? ETH_TYPE_IP4 : ETH_TYPE_IP6};

	(void)v;
	eth_emit(&eth, buf);
	memmove(buf + ETH_HDR_LEN + hdr_len, data, len);
	if (v4)
		ip4_emit(&(struct ip4_hdr){.src = *src, .dst = *dst, .total_len = (uint16_t)(hdr_len + len), .ttl = 64, .proto = proto}, buf + ETH_HDR_LEN);
	else
		ip6_emit(&(struct ip6_hdr){.src = *src, .dst = *dst, .payload_len = (uint16_t)len, .next = proto, .hops = 64}, buf + ETH_HDR_LEN);
	return ETH_HDR_LEN + hdr_len + len;
}

size_t victim_segment(const struct victim *v, const struct peer *p, const struct segment *seg, uint8_t *buf)
{
	uint8_t msg[TCP_HDR_MAX + 2048];
	struct tcp_hdr h = {.src = p->rport, .dst = p->lport, .seq = p->acked + seg->seq_off, .ack = p->next + seg->ack_off, .flags = seg->flags,
			    .wnd = seg->wnd, .urg = seg->flags & TCP_URG ? 1 : 0, .opts = seg->opts};
	size_t hdr_len = tcp_hdr_len(&h);

	if (seg->len) memcpy(msg + hdr_len, seg->data, seg->len);
	tcp_emit(&h, msg, seg->len, &p->them, &p->us);
	return victim_datagram(v, &p->them, &p->us, IP_PROTO_TCP, msg, hdr_len + seg->len, buf);
}

/* The place of the checksum in a transport header, 0 for protocols without. */
static size_t checksum_at(uint8_t proto)
{
	switch (proto) {
	case IP_PROTO_TCP: return 16;
	case IP_PROTO_UDP: return 6;
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMP6: return 2;
	default: return 0;
	}
}

static void fix_transport(uint8_t proto, const struct addr *src, const struct addr *dst, uint8_t *p, size_t n)
{
	size_t at = checksum_at(proto);
	struct sctp_hdr h;
	uint32_t sum = proto == IP_PROTO_ICMP ? 0 : csum_pseudo(src, dst, proto, (uint32_t)n);

	if (proto == IP_PROTO_SCTP && sctp_parse(&h, p, n) > 0) sctp_emit(&h, p, n);
	if (!at || at + 2 > n) return;
	write16(p + at, 0);
	write16(p + at, csum_fold(csum_add(sum, p, n)));
}

void victim_fix_checksums(uint8_t *frame, size_t len)
{
	uint8_t *ip = frame + ETH_HDR_LEN;
	size_t n = len > ETH_HDR_LEN ? len - ETH_HDR_LEN : 0, hdr_len;
	struct ip4_hdr h4;
	struct ip6_hdr h6;

	if (n >= IP4_HDR_MIN && ip[0] >> 4 == 4) {
		hdr_len = 4 * (size_t)(ip[0] & 15);
		if (hdr_len < IP4_HDR_MIN || hdr_len > n) return;
		write16(ip + 10, 0);
		write16(ip + 10, csum_fold(csum_add(0, ip, hdr_len)));
		if (ip4_parse(&h4, ip, n) > 0 && !h4.mf && !h4.frag_off) fix_transport(h4.proto, &h4.src, &h4.dst, ip + hdr_len, h4.total_len - hdr_len);
	} else if (ip6_parse(&h6, ip, n) > 0) {
		fix_transport(h6.next, &h6.src, &h6.dst, ip + IP6_HDR_LEN, h6.payload_len);
	}
}

/* ---- its birth ---- */

static struct netif *plug(struct victim *v, const char *name, const struct mac *mac, const char *a4, const char *a6)
{
	struct addr v4 = addr(a4), v6 = addr(a6);
	struct netif *nif;

	require(netif_add(v->s, name, NETIF_ETHERNET, mac, 1500, &nif) == 0, "netif_add");
	require(netif_addr_add(nif, &v4, 24) == 0 && netif_addr_add(nif, &v6, 64) == 0, "netif_addr_add");
	return nif;
}

static struct sockaddr_in6 name(const char *text, uint16_t port)
{
	struct sockaddr_in6 n = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct addr a = addr(text);

	memcpy(&n.sin6_addr, a.b, 16);
	return n;
}

static struct sock *make(struct victim *v, size_t slot, int domain, int type, int protocol)
{
	require(sock_create(v->s, domain, type, protocol, &v->socks[slot]) == 0, "sock_create");
	return v->socks[slot];
}

/* Listening, half open, connecting, established and half closed TCP; bound, connected and joined UDP; ping. */
static void let_reconfigure(struct sock *sk)
{
	struct sctp_assoc_value on = {.assoc_value = 1}, all = {.assoc_value = SCTP_ENABLE_STRRESET_MASK};

	require(sock_setsockopt(sk, IPPROTO_SCTP, SCTP_RECONFIG_SUPPORTED, &on, sizeof on) == 0, "SCTP_RECONFIG_SUPPORTED");
	require(sock_setsockopt(sk, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &all, sizeof all) == 0, "SCTP_ENABLE_STREAM_RESET");
}

static void make_sockets(struct victim *v)
{
	struct sockaddr_in6 n = name("::", 80), far4 = name("10.0.0.2", 7), far6 = name("2001:db8::2", 7);
	struct sockaddr_in n4 = {.sin_family = AF_INET, .sin_port = htons(5000)};
	struct ip_mreqn join = {.imr_multiaddr.s_addr = htonl(0xe8010203), .imr_ifindex = v->eth0->index};

	require(sock_bind(make(v, 0, AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&n, sizeof n) == 0, "bind");
	require(sock_listen(v->socks[0], 3) == 0, "listen");
	n.sin6_port = htons(53);
	require(sock_bind(make(v, 1, AF_INET6, SOCK_DGRAM, 0), (struct sockaddr *)&n, sizeof n) == 0, "bind");
	require(sock_bind(make(v, 2, AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&n4, sizeof n4) == 0, "bind");
	require(sock_setsockopt(v->socks[2], SOL_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) == 0, "join");
	require(sock_connect(make(v, 3, AF_INET6, SOCK_DGRAM, 0), (struct sockaddr *)&far6, sizeof far6) == 0, "connect");
	make(v, 4, AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	make(v, 5, AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
	sock_connect(make(v, 6, AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&far6, sizeof far6);
	sock_connect(make(v, 7, AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&far4, sizeof far4);
	n.sin6_port = htons(SCTP_PORT);
	require(sock_bind(make(v, 9, AF_INET6, SOCK_SEQPACKET, IPPROTO_SCTP), (struct sockaddr *)&n, sizeof n) == 0, "bind");
	let_reconfigure(v->socks[9]);
	require(sock_listen(v->socks[9], 3) == 0, "listen");
	settle(v);
}

/* The ports of a connecting socket become a peer's. */
static void meet(struct victim *v, size_t peer, const struct sock *sk)
{
	struct sockaddr_storage us, them;
	socklen_t len = sizeof us;
	const struct sockaddr_in6 *u = (void *)&us, *t = (void *)&them;

	if (!sk || sock_getsockname(sk, &us, &len) < 0) return;
	len = sizeof them;
	if (sock_getpeername(sk, &them, &len) < 0) them = (struct sockaddr_storage){0};
	v->peers[peer].lport = ntohs(u->sin6_port);
	v->peers[peer].rport = t->sin6_port ? ntohs(t->sin6_port) : 7;
	memcpy(v->peers[peer].us.b, &u->sin6_addr, 16);
}

static void say(struct victim *v, struct peer *p, uint8_t flags, uint32_t seq_off)
{
	uint8_t buf[256];
	struct segment seg = {.flags = flags, .seq_off = seq_off, .wnd = 65535};

	if (flags & TCP_SYN) seg.opts = (struct tcp_opts){.has_mss = true, .mss = 1460, .has_wscale = true, .wscale = 7, .sack_ok = true};
	victim_receive(v, buf, victim_segment(v, p, &seg, buf));
}

/* Peers: 0 and 1 stay strangers to the listener; 2 half open; 3 established with it; 4 and 5 are those that we connect to. */
static void make_conversations(struct victim *v)
{
	struct addr them[2] = {addr("10.0.0.2"), addr("2001:db8::2")}, us[2] = {addr("10.0.0.1"), addr("2001:db8::1")};

	for (size_t i = 0; i < N_PEERS; i++)
		v->peers[i] = (struct peer){.us = us[i & 1], .them = them[i & 1], .lport = 80, .rport = (uint16_t)(2000 + i), .acked = 1000};
	say(v, &v->peers[2], TCP_SYN, 0);
	say(v, &v->peers[3], TCP_SYN, 0);
	say(v, &v->peers[3], TCP_ACK, 0);
	sock_accept(v->socks[0], &v->socks[8]);
	for (size_t i = 4; i < N_PEERS; i++) {
		v->peers[i].us = us[i & 1];
		meet(v, i, v->socks[i == 4 ? 7 : 6]);
	}
	victim_pass(v, 1100 * NS_PER_MS);                        /* the SYNs again: now we know whose they are */
	say(v, &v->peers[5], TCP_SYN | TCP_ACK, 0);
}

size_t victim_chunks(const struct victim *v, uint32_t vtag, const uint8_t *chunks, size_t len, uint8_t *buf)
{
	struct sctp_hdr h = {PARTNER_PORT, SCTP_PORT, vtag};
	uint8_t msg[2048];

	memcpy(msg + SCTP_HDR_LEN, chunks, len);
	sctp_emit(&h, msg, SCTP_HDR_LEN + len);
	return victim_datagram(v, &v->peers[0].them, &v->peers[0].us, IP_PROTO_SCTP, msg, SCTP_HDR_LEN + len, buf);
}

static void associate(struct victim *v)
{
	static const uint8_t known[] = {CHUNK_RECONFIG};
	struct sctp_param extensions = {.type = PARAM_EXTENSIONS, .len = sizeof known, .value = known};
	struct sctp_chunk init = {.type = CHUNK_INIT}, echo = {.type = CHUNK_COOKIE_ECHO};
	uint8_t chunk[SCTP_CHUNK_HDR + sizeof v->partner.cookie], buf[2048];

	init.len = (uint16_t)(SCTP_INIT_FIXED + sctp_param_emit(&extensions, chunk + SCTP_CHUNK_HDR + SCTP_INIT_FIXED));
	sctp_chunk_emit(&init, chunk);
	sctp_init_emit(&(struct sctp_init){PARTNER_TAG, 100000, 5, 5, PARTNER_TSN}, chunk + SCTP_CHUNK_HDR);
	victim_receive(v, buf, victim_chunks(v, 0, chunk, SCTP_CHUNK_HDR + (size_t)init.len, buf));
	require(v->partner.cookie_len > 0, "INIT ACK");
	echo.len = v->partner.cookie_len;
	sctp_chunk_emit(&echo, chunk);
	memcpy(chunk + SCTP_CHUNK_HDR, v->partner.cookie, echo.len);
	victim_receive(v, buf, victim_chunks(v, v->partner.tag, chunk, SCTP_CHUNK_HDR + echo.len, buf));
}

void victim_open(struct victim *v)
{
	struct addr peer4 = addr("10.0.0.2"), peer6 = addr("2001:db8::2");

	*v = (struct victim){.random = 42};
	list_init(&v->looped);
	v->s = stack_new("victim", &victim_ops, v, NS_PER_S);
	require(v->s, "stack_new");
	require(netif_add(v->s, "lo", NETIF_LOOPBACK, NULL, 65536, &v->lo) == 0, "lo");
	v->eth0 = plug(v, "eth0", &mac_us, "10.0.0.1", "2001:db8::1");
	v->eth1 = plug(v, "eth1", &mac_us1, "10.0.1.1", "2001:db8:1::1");
	sysctl_set_router(v->s->sysctl, 1);
	neigh_learn(v->eth0, &peer4, &mac_peer, NEIGH_CREATE | NEIGH_OVERRIDE | NEIGH_CONFIRM);
	neigh_learn(v->eth0, &peer6, &mac_peer, NEIGH_CREATE | NEIGH_OVERRIDE | NEIGH_CONFIRM);
	make_sockets(v);
	make_conversations(v);
	associate(v);
}

void victim_close(struct victim *v)
{
	v->sent = 0;
	stack_free(v->s);
	while (!list_empty(&v->looped))
		packet_free(list_entry(list_pop(&v->looped), struct packet, node));
}
