/*
 * Bad packets of all that is not TCP: UDP, ICMP, neighbours, groups, fragments, extension headers; to a host and to a router.
 *
 * Whatever came, the host afterwards still answers an echo in each family, hands over a good datagram, puts fragments together, and tells where
 * it is to those who ask.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include "../unit-ip/lab.h"
#include "mangle.h"
#include "stack/inet/mcast.h"
#include "stack/socket/sock.h"

#define PORT 7777
#define US6 "2001:db8::1"
#define PEER6 "2001:db8::2"
#define LINK6 "fe80::2"
#define GROUP4 "239.1.2.3"

struct host { struct lab *l; struct sock *udp; struct mcast_member member; const struct target *t; };

static const uint8_t text[64] = "octets that have to arrive as they are, and some more of them.";

/* ---- what is sent ---- */

static size_t frame(const struct dgram *d, uint8_t *to)
{
	struct packet *p = lab_frame(d);
	size_t len = MIN(p->len, BAD_PACKET_MAX);

	memcpy(to, p->data, len);
	packet_free(p);
	return len;
}
#define make(to, ...) frame(&(struct dgram){__VA_ARGS__}, to)

static size_t udp_message(uint8_t *m, const char *src, const char *dst)
{
	struct udp_hdr h = {.src = 9, .dst = PORT, .len = UDP_HDR_LEN + sizeof text};
	struct addr s = lab_addr(src), d = lab_addr(dst);

	memcpy(m + UDP_HDR_LEN, text, sizeof text);
	udp_emit(&h, m, &s, &d);
	return h.len;
}

static size_t udp4(void *world, uint8_t *to)
{
	uint8_t m[128];
	size_t len = udp_message(m, "10.0.0.2", "10.0.0.1");

	(void)world;
	return make(to, .proto = IP_PROTO_UDP, .data = m, .len = len);
}

static size_t udp6(void *world, uint8_t *to)
{
	uint8_t m[128];
	size_t len = udp_message(m, PEER6, US6);

	(void)world;
	return make(to, .src = PEER6, .dst = US6, .proto = IP_PROTO_UDP, .data = m, .len = len);
}

static size_t forwarded4(void *world, uint8_t *to)
{
	uint8_t m[128];
	size_t len = udp_message(m, "10.0.0.2", "10.0.1.2");

	(void)world;
	return make(to, .dst = "10.0.1.2", .to = &mac_us, .proto = IP_PROTO_UDP, .data = m, .len = len);
}

static size_t forwarded6(void *world, uint8_t *to)
{
	uint8_t m[128];
	size_t len = udp_message(m, PEER6, "2001:db8:1::2");

	(void)world;
	return make(to, .src = PEER6, .dst = "2001:db8:1::2", .to = &mac_us, .proto = IP_PROTO_UDP, .data = m, .len = len);
}

static size_t echo4(void *world, uint8_t *to)
{
	uint8_t m[64];
	size_t len = lab_echo(m, false, "10.0.0.2", "10.0.0.1", 40);

	(void)world;
	return make(to, .proto = IP_PROTO_ICMP, .data = m, .len = len);
}

static size_t echo6(void *world, uint8_t *to)
{
	uint8_t m[64];
	size_t len = lab_echo(m, true, PEER6, US6, 40);

	(void)world;
	return make(to, .src = PEER6, .dst = US6, .proto = IP_PROTO_ICMP6, .data = m, .len = len);
}

static size_t neighbour(uint8_t *to, uint8_t type, const char *dst)
{
	struct nd_msg m = {.target = lab_addr(type == ICMP6_NS ? US6 : PEER6), .has_lladdr = true, .lladdr = mac_peer, .solicited = type == ICMP6_NA,
		.override = true};
	struct addr s = lab_addr(PEER6), d = lab_addr(dst);
	uint8_t buf[64];
	size_t len = nd_emit(&m, type, buf, &s, &d);

	return make(to, .src = PEER6, .dst = dst, .proto = IP_PROTO_ICMP6, .ttl = 255, .data = buf, .len = len);
}

static size_t solicitation(void *world, uint8_t *to) { (void)world; return neighbour(to, ICMP6_NS, "ff02::1:ff00:1"); }
static size_t advertisement(void *world, uint8_t *to) { (void)world; return neighbour(to, ICMP6_NA, US6); }

static size_t router_advertisement(void *world, uint8_t *to)
{
	struct nd_ra ra = {.hops = 64, .lifetime_s = 1800, .has_lladdr = true, .lladdr = mac_peer, .n_prefixes = 1,
			   .prefixes = {{.prefix = lab_addr("2001:db8:7::"), .plen = 64, .on_link = true, .autonomous = true, .valid_s = 3600,
				.preferred_s = 1800}}};
	struct addr s = lab_addr(LINK6), d = lab_addr("ff02::1");
	uint8_t m[128];
	size_t len = nd_ra_emit(&ra, m, &s, &d);

	(void)world;
	return make(to, .src = LINK6, .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .ttl = 255, .data = m, .len = len);
}

static size_t router_solicitation(void *world, uint8_t *to)
{
	uint8_t m[16] = {0};
	size_t len = lab_icmp(m, true, ICMP6_RS, 0, 0, LINK6, "ff02::2", m + 8, 8);

	(void)world;
	return make(to, .src = LINK6, .dst = "ff02::2", .proto = IP_PROTO_ICMP6, .ttl = 255, .data = m, .len = len);
}

static size_t igmp_query(void *world, uint8_t *to)
{
	uint8_t m[16] = {0x11, 10, 0, 0, 239, 1, 2, 3, 0, 0, 0, 1, 10, 0, 0, 8};
	static const uint8_t alert[4] = {148, 4};

	(void)world;
	write16(m + 2, csum_fold(csum_add(0, m, sizeof m)));
	return make(to, .dst = GROUP4, .proto = IP_PROTO_IGMP, .ttl = 1, .data = m, .len = sizeof m, .opt = alert, .opt_len = 0);
}

static size_t igmp_report(void *world, uint8_t *to)
{
	uint8_t m[8] = {0x16, 0, 0, 0, 239, 1, 2, 3};

	(void)world;
	write16(m + 2, csum_fold(csum_add(0, m, sizeof m)));
	return make(to, .dst = GROUP4, .proto = IP_PROTO_IGMP, .ttl = 1, .data = m, .len = sizeof m);
}

static size_t mld_query(void *world, uint8_t *to)
{
	uint8_t m[28] = {0};
	size_t len = lab_icmp(m, true, 130, 0, 0x03e80000, LINK6, "ff02::1", m + 8, 20);

	(void)world;
	return make(to, .src = LINK6, .dst = "ff02::1", .proto = IP_PROTO_ICMP6, .ttl = 1, .data = m, .len = len);
}

static size_t arp(uint8_t *to, uint16_t op, const struct mac *dst)
{
	struct eth_hdr eth = {.dst = *dst, .src = mac_peer, .type = ETH_TYPE_ARP};
	struct arp_hdr h = {.op = op, .sender_mac = mac_peer, .sender = lab_addr("10.0.0.2"), .target_mac = *dst, .target = lab_addr("10.0.0.1")};

	eth_emit(&eth, to);
	arp_emit(&h, to + ETH_HDR_LEN);
	return ETH_HDR_LEN + ARP_LEN;
}

static size_t arp_request(void *world, uint8_t *to) { (void)world; return arp(to, ARP_REQUEST, &mac_bcast); }
static size_t arp_reply(void *world, uint8_t *to) { (void)world; return arp(to, ARP_REPLY, &mac_us); }

/* The middle of a datagram whose beginning came. */
static size_t fragment4(void *world, uint8_t *to)
{
	(void)world;
	return make(to, .proto = IP_PROTO_ICMP, .id = 77, .frag_off = 64, .mf = true, .data = text, .len = 64);
}

static size_t fragment6(void *world, uint8_t *to)
{
	uint8_t m[IP6_FRAG_LEN + 64];
	struct ip6_frag f = {.next = IP_PROTO_ICMP6, .offset = 64, .more = true, .id = 77};

	(void)world;
	ip6_frag_emit(&f, m);
	memcpy(m + IP6_FRAG_LEN, text, 64);
	return make(to, .src = PEER6, .dst = US6, .proto = IP_PROTO_FRAGMENT, .data = m, .len = sizeof m);
}

/* Hop-by-hop options, destination options, UDP. */
static size_t extensions(void *world, uint8_t *to)
{
	uint8_t m[128] = {IP_PROTO_DSTOPTS, 0, 5, 2, 0, 0, 1, 0, IP_PROTO_UDP, 0, 1, 4};
	size_t len = 16 + udp_message(m + 16, PEER6, US6);

	(void)world;
	return make(to, .src = PEER6, .dst = US6, .proto = IP_PROTO_HOPOPTS, .data = m, .len = len);
}

static size_t routing_header(void *world, uint8_t *to)
{
	uint8_t m[128] = {IP_PROTO_UDP, 2, 0, 0};
	size_t len = 24 + udp_message(m + 24, PEER6, US6);

	(void)world;
	return make(to, .src = PEER6, .dst = US6, .proto = 43, .data = m, .len = len);
}

/* ---- checksums ---- */

#define AT4 (ETH_HDR_LEN + IP4_HDR_MIN)
#define AT6 (ETH_HDR_LEN + IP6_HDR_LEN)

static void mend_ip(void *world, struct bad_packet *p) { (void)world; mend_ip4(p, ETH_HDR_LEN); }
static void mend_nothing(void *world, struct bad_packet *p) { (void)world, (void)p; }
static void mend_udp4(void *world, struct bad_packet *p) { mend_transport(p, ETH_HDR_LEN, AT4, IP_PROTO_UDP, "udp checksum"); mend_ip(world, p); }
static void mend_udp6(void *world, struct bad_packet *p) { (void)world; mend_transport(p, ETH_HDR_LEN, AT6, IP_PROTO_UDP, "udp checksum"); }
static void mend_icmp4(void *world, struct bad_packet *p) { mend_transport(p, ETH_HDR_LEN, AT4, IP_PROTO_ICMP, "icmp checksum"); mend_ip(world, p); }
static void mend_icmp6(void *world, struct bad_packet *p) { (void)world; mend_transport(p, ETH_HDR_LEN, AT6, IP_PROTO_ICMP6, "icmp checksum"); }
static void mend_igmp(void *world, struct bad_packet *p) { mend_transport(p, ETH_HDR_LEN, AT4, IP_PROTO_IGMP, "igmp checksum"); mend_ip(world, p); }

/* ---- the host ---- */

static size_t forget_sent(struct lab *l)
{
	size_t n = 0;

	for (; !list_empty(&l->sent); n++)
		packet_free(list_entry(list_pop(&l->sent), struct packet, node));
	return n;
}

static void start_fragments(struct lab *l)
{
	uint8_t m[IP6_FRAG_LEN + 64];
	struct ip6_frag f = {.next = IP_PROTO_ICMP6, .more = true, .id = 77};

	receives(l, .proto = IP_PROTO_ICMP, .id = 77, .mf = true, .data = text, .len = 64);
	ip6_frag_emit(&f, m);
	memcpy(m + IP6_FRAG_LEN, text, 64);
	receives(l, .src = PEER6, .dst = US6, .proto = IP_PROTO_FRAGMENT, .data = m, .len = sizeof m);
}

static void *open_host(const struct target *t)
{
	struct host *h = calloc(1, sizeof *h);
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	struct addr group = lab_addr(GROUP4);
	void *made;

	lab_open_acquainted(&made);
	h->l = made;
	h->t = t;
	h->member.exclude = true;
	sysctl_set_router(h->l->s->sysctl, t->arg);
	if (t->arg) h->l->s->sysctl->router_advertisements_s = 30;
	sock_create(h->l->s, AF_INET6, SOCK_DGRAM, 0, &h->udp);
	sock_bind(h->udp, (struct sockaddr *)&any, sizeof any);
	netif_group_join(h->l->eth0, &group, &h->member);
	lab_pass(h->l, 2 * NS_PER_S);
	lab_acquaint(h->l);
	start_fragments(h->l);
	forget_sent(h->l);
	return h;
}

static void close_host(void *world)
{
	struct host *h = world;
	void *l = h->l;

	sock_close(h->udp);
	lab_close(&l);
	free(h);
}

static size_t drain(struct sock *sk, bool *ret_whole)
{
	uint8_t buf[256];
	size_t n = 0;

	for (ssize_t r; (r = sock_recv(sk, &(struct sock_msg){.data = buf, .len = sizeof buf, .flags = MSG_DONTWAIT})) >= 0; n++)
		*ret_whole = r == (ssize_t)sizeof text && memcmp(buf, text, sizeof text) == 0;
	return n;
}

static const char *receive_any(void *world, const struct bad_packet *p, bool *ret_spent)
{
	struct host *h = world;
	struct packet *in = packet_new(PACKET_HEADROOM, p->len);
	const char *wrong;
	bool whole;

	(void)ret_spent;
	memcpy(in->data, p->data, p->len);
	work_begin();
	lab_receive(h->l, h->l->eth0, in);
	wrong = work_end();
	if (forget_sent(h->l) > ANSWERS_MAX) return "too many answers";
	drain(h->udp, &whole);
	return wrong;
}

/* ---- afterwards ---- */

typedef size_t make_packet(void *world, uint8_t *to);

static size_t answers_to(struct host *h, make_packet *make_one)
{
	uint8_t buf[BAD_PACKET_MAX];
	size_t len = make_one(h, buf);
	struct packet *p = packet_new(PACKET_HEADROOM, len);

	memcpy(p->data, buf, len);
	lab_receive(h->l, h->l->eth0, p);
	return forget_sent(h->l);
}

static size_t answers_in_pieces(struct host *h, bool v6)
{
	uint8_t m[200], piece[IP6_FRAG_LEN + 128];
	const char *src = v6 ? PEER6 : "10.0.0.2", *dst = v6 ? US6 : "10.0.0.1";
	size_t len = lab_echo(m, v6, src, dst, 160);

	for (size_t at = 0; at < len; at += 96) {
		size_t n = MIN(len - at, 96);
		struct ip6_frag f = {.next = IP_PROTO_ICMP6, .offset = (uint16_t)at, .more = at + n < len, .id = 4321};
		ip6_frag_emit(&f, piece);
		memcpy(piece + IP6_FRAG_LEN, m + at, n);
		if (v6)
			receives(h->l, .src = src, .dst = dst, .proto = IP_PROTO_FRAGMENT, .data = piece, .len = IP6_FRAG_LEN + n);
		else
			receives(h->l, .proto = IP_PROTO_ICMP, .id = 4321, .frag_off = (uint16_t)at, .mf = at + n < len, .data = m + at, .len = n);
	}
	return forget_sent(h->l);
}

static const char *check_host(void *world)
{
	struct host *h = world;
	bool whole = false;

	lab_acquaint(h->l);
	forget_sent(h->l);
	drain(h->udp, &whole);
	if (answers_to(h, echo4) != 1) return "an IPv4 echo is not answered any more";
	if (answers_to(h, echo6) != 1) return "an IPv6 echo is not answered any more";
	if (answers_to(h, udp4) != 0 || drain(h->udp, &whole) != 1 || !whole) return "an IPv4 datagram does not arrive whole any more";
	if (answers_to(h, udp6) != 0 || drain(h->udp, &whole) != 1 || !whole) return "an IPv6 datagram does not arrive whole any more";
	if (answers_in_pieces(h, false) != 1) return "IPv4 fragments are not put together any more";
	if (answers_in_pieces(h, true) != 1) return "IPv6 fragments are not put together any more";
	if (answers_to(h, arp_request) != 1) return "ARP is not answered any more";
	return answers_to(h, solicitation) == 1 ? NULL : "a solicitation is not answered any more";
}

#define PACKETS(n, make_one, mend_one, routes, second, at, third, at_third) \
	{.name = n, .fields = {fields_eth, second, third}, .start = {0, at, at_third}, .arg = routes, .open = open_host, .packet = make_one, .mend = mend_one, \
	 .receive = receive_any, .check = check_host, .close = close_host}
#define IP4(n, make_one, mend_one, routes, third) PACKETS(n, make_one, mend_one, routes, fields_ip4, ETH_HDR_LEN, third, AT4)
#define IP6(n, make_one, mend_one, routes, third) PACKETS(n, make_one, mend_one, routes, fields_ip6, ETH_HDR_LEN, third, AT6)

const struct target host_targets[] = {
	IP4("UDP over IPv4", udp4, mend_udp4, 0, fields_udp), IP6("UDP over IPv6", udp6, mend_udp6, 0, fields_udp),
	IP4("echo", echo4, mend_icmp4, 0, fields_icmp),
	IP6("ICMPv6 echo", echo6, mend_icmp6, 0, fields_icmp), IP6("neighbour solicitation", solicitation, mend_icmp6, 0, fields_nd),
	IP6("neighbour advertisement", advertisement, mend_icmp6, 0, fields_nd), IP6("router advertisement", router_advertisement, mend_icmp6, 0, fields_ra),
	IP6("router solicitation", router_solicitation, mend_icmp6, 1, fields_icmp), IP4("IGMP query", igmp_query, mend_igmp, 0, fields_igmp),
	IP4("IGMP report", igmp_report, mend_igmp, 0, fields_igmp), IP6("MLD query", mld_query, mend_icmp6, 0, fields_mld),
	PACKETS("ARP request", arp_request, mend_nothing, 0, fields_arp, ETH_HDR_LEN, NULL, 0),
	PACKETS("ARP reply", arp_reply, mend_nothing, 0, fields_arp, ETH_HDR_LEN, NULL, 0),
	IP4("fragment of IPv4", fragment4, mend_ip, 0, NULL), IP6("fragment of IPv6", fragment6, mend_nothing, 0, fields_fragment),
	IP6("extension headers", extensions, mend_nothing, 0, fields_extension), IP6("routing header", routing_header, mend_nothing, 0, fields_extension),
	IP4("forwarded over IPv4", forwarded4, mend_udp4, 1, fields_udp), IP6("forwarded over IPv6", forwarded6, mend_udp6, 1, fields_udp), {0},
};
