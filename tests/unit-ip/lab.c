/* The bench: lab.h tells what it is. */
#include "lab.h"
#include "../unit/draw.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "stack/inet/neigh.h"

const struct mac mac_us = {{2, 0, 0, 0, 0, 1}}, mac_us1 = {{2, 0, 0, 0, 1, 1}};
const struct mac mac_peer = {{2, 0, 0, 0, 0, 2}}, mac_peer1 = {{2, 0, 0, 0, 1, 2}};

static void lab_transmit(void *host, struct netif *nif, struct packet *p)
{
	struct lab *l = host;

	p->netif = nif;
	list_append(nif == l->lo ? &l->looped : &l->sent, &p->node);
}

static void lab_ready(void *host, struct sock *sk)
{
	(void)host, (void)sk;
}

/* Not random at all: what must not be predictable is keyed, and tests want the same run twice. */
static void lab_random(void *host, void *buf, size_t len)
{
	struct lab *l = host;

	draw_octets(&l->random, buf, len);
}

static void lab_trace(void *host, enum drop_reason why, const struct packet *p)
{
	struct lab *l = host;

	(void)why;
	packet_free(l->last_dropped);
	l->last_dropped = packet_copy(p);
}

static const struct host_ops lab_ops = {.transmit = lab_transmit, .ready = lab_ready, .random = lab_random, .trace = lab_trace};

struct addr lab_addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(&a, text), 0);
	return a;
}

static struct netif *plug(struct lab *l, const char *name, const struct mac *mac, const char *a4, const char *a6)
{
	struct netif *nif;
	struct addr v4 = lab_addr(a4), v6 = lab_addr(a6);

	assert_int_equal(netif_add(l->s, name, NETIF_ETHERNET, mac, 1500, &nif), 0);
	assert_int_equal(netif_addr_add(nif, &v4, 24), 0);
	assert_int_equal(netif_addr_add(nif, &v6, 64), 0);
	return nif;
}

int lab_open(void **state)
{
	struct lab *l = calloc(1, sizeof *l);

	list_init(&l->sent);
	list_init(&l->looped);
	l->s = stack_new("lab", &lab_ops, l, NS_PER_S);
	assert_non_null(l->s);
	assert_int_equal(netif_add(l->s, "lo", NETIF_LOOPBACK, NULL, 65536, &l->lo), 0);
	l->eth0 = plug(l, "eth0", &mac_us, "10.0.0.1", "2001:db8::1");
	l->eth1 = plug(l, "eth1", &mac_us1, "10.0.1.1", "2001:db8:1::1");
	*state = l;
	return 0;
}

static void know(struct netif *nif, const char *text, const struct mac *mac)
{
	struct addr a = lab_addr(text);

	neigh_learn(nif, &a, mac, NEIGH_CREATE | NEIGH_OVERRIDE | NEIGH_CONFIRM);
}

void lab_acquaint(struct lab *l)
{
	know(l->eth0, "10.0.0.2", &mac_peer);
	know(l->eth0, "2001:db8::2", &mac_peer);
	know(l->eth0, "fe80::2", &mac_peer);
	know(l->eth1, "10.0.1.2", &mac_peer1);
	know(l->eth1, "2001:db8:1::2", &mac_peer1);
}

int lab_open_acquainted(void **state)
{
	lab_open(state);
	lab_acquaint(*state);
	return 0;
}

static void free_all(struct list *packets)
{
	while (!list_empty(packets))
		packet_free(list_entry(list_pop(packets), struct packet, node));
}

int lab_close(void **state)
{
	struct lab *l = *state;

	stack_free(l->s);
	free_all(&l->sent);
	free_all(&l->looped);
	packet_free(l->last_dropped);
	packet_free(l->held);
	free(l);
	return 0;
}

void lab_settle(struct lab *l)
{
	for (;;) {
		struct list *n = list_pop(&l->looped);
		if (n)
			stack_receive(l->s, l->lo, list_entry(n, struct packet, node));
		else if (stack_deadline(l->s) <= l->s->now)
			stack_advance(l->s, l->s->now);
		else
			return;
	}
}

void lab_pass(struct lab *l, time_ns ns)
{
	time_ns end = l->s->now + ns;

	lab_settle(l);
	while (stack_deadline(l->s) <= end) {
		stack_advance(l->s, stack_deadline(l->s));
		lab_settle(l);
	}
	stack_advance(l->s, end);
}

/* ---- in ---- */

static struct mac mac_for(const struct addr *dst)
{
	const uint8_t *b = dst->b;

	if (!addr_is_multicast(dst)) return mac_us;
	if (addr_is_v4(dst)) return (struct mac){{1, 0, 0x5e, b[13] & 0x7f, b[14], b[15]}};
	return (struct mac){{0x33, 0x33, b[12], b[13], b[14], b[15]}};
}

static void put4(uint8_t *to, const struct dgram *d, const struct addr *src, const struct addr *dst)
{
	struct ip4_hdr h = {.src = *src, .dst = *dst, .total_len = (uint16_t)(IP4_HDR_MIN + d->opt_len + d->len), .id = d->id, .frag_off = d->frag_off,
			    .tos = d->tos, .ttl = d->ttl ? d->ttl : 64, .proto = d->proto, .df = d->df, .mf = d->mf, .opt = d->opt, .opt_len = d->opt_len};

	ip4_emit(&h, to);
}

static void put6(uint8_t *to, const struct dgram *d, const struct addr *src, const struct addr *dst)
{
	struct ip6_hdr h = {.src = *src, .dst = *dst, .payload_len = (uint16_t)d->len, .tclass = d->tos, .next = d->proto, .hops = d->ttl ? d->ttl : 64};

	ip6_emit(&h, to);
}

struct packet *lab_frame(const struct dgram *d)
{
	struct addr src = lab_addr(d->src ? d->src : "10.0.0.2"), dst = lab_addr(d->dst ? d->dst : "10.0.0.1");
	size_t hdr_len = addr_is_v4(&dst) ? IP4_HDR_MIN + (size_t)d->opt_len : IP6_HDR_LEN;
	struct packet *p = packet_new(PACKET_HEADROOM, ETH_HDR_LEN + hdr_len + d->len);
	struct eth_hdr eth = {.dst = d->to ? *d->to : mac_for(&dst), .src = d->from ? *d->from : mac_peer, .type = ETH_TYPE_IP6};

	assert_non_null(p);
	if (addr_is_v4(&dst)) eth.type = ETH_TYPE_IP4;
	eth_emit(&eth, p->data);
	if (addr_is_v4(&dst))
		put4(p->data + ETH_HDR_LEN, d, &src, &dst);
	else
		put6(p->data + ETH_HDR_LEN, d, &src, &dst);
	if (d->len) memcpy(p->data + ETH_HDR_LEN + hdr_len, d->data, d->len);
	return p;
}

uint8_t *lab_ip(struct packet *frame)
{
	return frame->data + ETH_HDR_LEN;
}

void lab_fix_csum(struct packet *frame)
{
	uint8_t *h = lab_ip(frame);

	write16(h + 10, 0);
	write16(h + 10, csum_fold(csum_add(0, h, 4 * (size_t)(h[0] & 15))));
}

void lab_receive(struct lab *l, struct netif *nif, struct packet *frame)
{
	stack_receive(l->s, nif, frame);
	lab_settle(l);
}

/* ---- out ---- */

#define need(cond) \
	do { \
		if (!(cond)) { \
			print_error("%s:%d: the frame sent fails: %s\n", file, line, #cond); \
			_fail(file, line); \
		} \
	} while (0)

static void check_arp(const struct packet *p, const struct want *w, const char *file, int line)
{
	struct addr about = lab_addr(w->arp_asks ? w->arp_asks : w->arp_tells);
	struct arp_hdr h = {0};

	need(arp_parse(&h, p->data + ETH_HDR_LEN, p->len - ETH_HDR_LEN) > 0);
	need(h.op == (w->arp_asks ? ARP_REQUEST : ARP_REPLY));
	need(addr_eq(w->arp_asks ? &h.target : &h.sender, &about));
}

/* What both families have, after the header was read. */
struct seen { struct addr src, dst; uint8_t proto, ttl; size_t len; int frag_off; bool more; const uint8_t *data; };

static struct seen look(const struct packet *p, const char *file, int line)
{
	const uint8_t *ip = p->data + ETH_HDR_LEN;
	size_t n = p->len - ETH_HDR_LEN;
	struct ip4_hdr h4;
	struct ip6_hdr h6;
	struct ip6_frag f = {0};

	if (ip[0] >> 4 == 4) {
		need(ip4_parse(&h4, ip, n) > 0);
		need(ip4_csum_ok(ip, ip4_hdr_len(&h4)));
		return (struct seen){h4.src, h4.dst, h4.proto, h4.ttl, h4.total_len, h4.frag_off, h4.mf, ip + ip4_hdr_len(&h4)};
	}
	need(ip6_parse(&h6, ip, n) > 0);
	if (h6.next != IP_PROTO_FRAGMENT)
		return (struct seen){h6.src, h6.dst, h6.next, h6.hops, IP6_HDR_LEN + (size_t)h6.payload_len, 0, false, ip + IP6_HDR_LEN};
	need(ip6_frag_parse(&f, ip + IP6_HDR_LEN, n - IP6_HDR_LEN) > 0);
	return (struct seen){h6.src, h6.dst, f.next, h6.hops, IP6_HDR_LEN + (size_t)h6.payload_len, f.offset, f.more, ip + IP6_HDR_LEN + IP6_FRAG_LEN};
}

static void check_ip(const struct packet *p, const struct want *w, const char *file, int line)
{
	struct seen s = look(p, file, line);
	const uint8_t *end = p->data + ETH_HDR_LEN + s.len;
	struct addr a;
	bool v4 = addr_is_v4(&s.dst);

	if (w->src) need((a = lab_addr(w->src), addr_eq(&a, &s.src)));
	if (w->dst) need((a = lab_addr(w->dst), addr_eq(&a, &s.dst)));
	if (w->proto) need(s.proto == w->proto);
	if (w->ttl) need(s.ttl == w->ttl);
	if (w->len) need(s.len == w->len);
	if (w->frag_off) need(s.frag_off == w->frag_off - 1);
	if (w->more) need(s.more == w->more - 1);
	if (w->data_len) need(memcmp(s.data, w->data, w->data_len) == 0);
	if (w->icmp_any || w->icmp.type || w->icmp.code) {
		need(s.proto == (v4 ? IP_PROTO_ICMP : IP_PROTO_ICMP6));
		need(s.data[0] == w->icmp.type && s.data[1] == w->icmp.code);
		if (!s.more && !s.frag_off) need(icmp_csum_ok(s.data, (size_t)(end - s.data), v4 ? NULL : &s.src, v4 ? NULL : &s.dst));
	}
	if (w->rest) need(read32(s.data + 4) == w->rest);
	if (w->nd_target) need((a = lab_addr(w->nd_target), memcmp(s.data + 8, a.b, 16) == 0));
}

struct packet *lab_expect(struct lab *l, const struct want *w, const char *file, int line)
{
	struct packet *held;
	struct eth_hdr eth = {0};
	struct list *n;

	lab_settle(l);
	packet_free(l->held);
	l->held = NULL;
	n = list_pop(&l->sent);
	need(n != NULL);
	l->held = held = list_entry(n, struct packet, node);
	need(eth_parse(&eth, held->data, held->len) > 0);
	if (w->by) need(held->netif == w->by);
	if (w->to) need(memcmp(&eth.dst, w->to, sizeof eth.dst) == 0);
	need(memcmp(&eth.src, &held->netif->mac, sizeof eth.src) == 0);
	need((eth.type == ETH_TYPE_ARP) == (w->arp_asks || w->arp_tells));
	if (eth.type == ETH_TYPE_ARP)
		check_arp(held, w, file, line);
	else
		check_ip(held, w, file, line);
	return held;
}

void lab_expect_nothing(struct lab *l, const char *file, int line)
{
	lab_settle(l);
	if (list_empty(&l->sent)) return;
	print_error("%s:%d: a frame was sent\n", file, line);
	_fail(file, line);
}

void lab_expect_drop(struct lab *l, enum drop_reason why, const char *file, int line)
{
	bool ok = true;

	lab_settle(l);
	for (int r = 1; r < DROP_COUNT; r++) {
		uint64_t n = l->s->drops[r] - l->seen_drops[r];
		if (n == (r == (int)why ? 1 : 0)) continue;
		print_error("%s:%d: %s: %d drops, wanted %d\n", file, line, drop_name((enum drop_reason)r), (int)n, r == (int)why);
		ok = false;
	}
	memcpy(l->seen_drops, l->s->drops, sizeof l->seen_drops);
	if (!ok) _fail(file, line);
}

/* ---- messages ---- */

size_t lab_icmp(uint8_t *to, bool v6, uint8_t type, uint8_t code, uint32_t rest, const char *src, const char *dst, const void *body, size_t len)
{
	struct icmp_hdr h = {type, code, rest};
	struct addr s = lab_addr(src), d = lab_addr(dst);

	if (len) memmove(to + ICMP_HDR_LEN, body, len);
	icmp_emit(&h, to, ICMP_HDR_LEN + len, v6 ? &s : NULL, v6 ? &d : NULL);
	return ICMP_HDR_LEN + len;
}

size_t lab_echo(uint8_t *to, bool v6, const char *src, const char *dst, size_t payload)
{
	for (size_t i = 0; i < payload; i++)
		to[ICMP_HDR_LEN + i] = (uint8_t)(i * 7 + i / 251);
	return lab_icmp(to, v6, v6 ? ICMP6_ECHO : ICMP4_ECHO, 0, 0x12340001, src, dst, to + ICMP_HDR_LEN, payload);
}
