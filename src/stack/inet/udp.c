/*
 * UDP and UDP-Lite: ports in front of IP, and a checksum, which in UDP-Lite may cover a part only. Input and options are here, output is
 * in udp_output.c; what they share with other datagram sockets is in dgram.h.
 * Read first: RFC 768, RFC 3828, RFC 1122 §4.1, RFC 8085, udp(7), udplite(7).
 */
#include <errno.h>
#include <netinet/udp.h>
#include "stack/inet/facts.h"
#include "stack/inet/membership.h"
#include "stack/inet/udp.h"
#include "stack/socket/family.h"
#include "stack/socket/filter.h"

/* ---- in ---- */

/* RFC 3828 §3.2: a receiver may ask that so much be covered; Linux: to ask for 0 is to ask for all. */
static bool covers_enough(const struct udp_sock *us, const struct udp_hdr *h)
{
	const struct udp_coverage *want = &us->recv_coverage;

	return !want->asked || h->coverage == h->len || (want->octets && h->coverage >= want->octets);
}

/* RFC 6935 §5: a datagram over IPv6 may lack its checksum where the program says so; else it counts as wrong. */
static bool is_bare6(const struct packet *p, const struct udp_hdr *h) { return h->csum == 0 && !addr_is_v4(&p->dst) && p->proto == IP_PROTO_UDP; }

static void deliver(struct udp_sock *us, struct packet *p, const struct udp_hdr *h)
{
	if (is_bare6(p, h) && !us->no_check6_rx) {
		stack_drop(us->ds.is.sk.stack, p, DROP_UDP_CSUM);
		return;
	}
	if (udp_encap_takes(us, p->data + UDP_HDR_LEN, p->len - UDP_HDR_LEN)) {
		stack_drop(us->ds.is.sk.stack, p, DROP_UDP_ENCAP);
		return;
	}
	if (!covers_enough(us, h)) {
		stack_drop(us->ds.is.sk.stack, p, DROP_UDP_COVERAGE);
		return;
	}
	if (!sock_filter_allows(&us->ds.is.sk, p, UDP_HDR_LEN)) {
		stack_drop(us->ds.is.sk.stack, p, DROP_SOCK_FILTER);
		return;
	}
	packet_pull(p, UDP_HDR_LEN);
	if (us->tunnel)
		us->tunnel(us->tunnel_owner, p, h->src);
	else
		udp_enqueue(us, p);
}

/* RFC 1122 §4.1.3.3: a group's or a broadcast datagram goes to every socket that wants it, and nobody complains when there is none. */
static void deliver_copies(struct stack *s, struct packet *p, const struct udp_hdr *h)
{
	struct port_space *ps = port_space_of(s, p->proto);
	struct inet_sock *last = NULL;

	for (struct inet_sock *is = NULL; (is = port_each(ps, is, &p->dst, h->dst, &p->src, h->src, p->netif));) {
		struct packet *copy;
		if (!membership_allows(is, &p->dst, &p->src, p->netif)) continue;
		copy = last ? packet_copy(p) : NULL;
		if (copy) deliver((struct udp_sock *)last, copy, h);
		last = is;
	}
	if (last)
		deliver((struct udp_sock *)last, p, h);
	else
		stack_drop(s, p, DROP_UDP_NO_SOCKET);
}

static void deliver_unicast(struct stack *s, struct packet *p, const struct udp_hdr *h)
{
	struct inet_sock *is = port_lookup(port_space_of(s, p->proto), &p->dst, h->dst, &p->src, h->src, p->netif, NULL, p);

	if (is) {
		deliver((struct udp_sock *)is, p, h);
		return;
	}
	if (is_bare6(p, h)) {
		stack_drop(s, p, DROP_UDP_CSUM);
		return;
	}
	/* RFC 1122 §4.1.3.1, §3.2.2.1, RFC 8085 §5.1: nobody there is a port unreachable. */
	icmp_send_port_unreachable(s, p);
	stack_drop(s, p, DROP_UDP_NO_SOCKET);
}

static void receive(struct stack *s, struct packet *p, const struct udp_hdr *h, bool csum_ok)
{
	/* RFC 1122 §4.1.3.4 (MUST): a datagram with a wrong checksum is silently discarded. */
	if (!csum_ok) {
		stack_drop(s, p, DROP_UDP_CSUM);
		return;
	}
	packet_trim(p, h->len);
	if (p->broadcast || p->multicast || addr_is_multicast(&p->dst))
		deliver_copies(s, p, h);
	else
		deliver_unicast(s, p, h);
}

static void udp_receive(struct stack *s, struct packet *p)
{
	struct udp_hdr h;

	if (udp_parse(&h, p->data, p->len) < 0)
		stack_drop(s, p, DROP_UDP_BAD);
	else
		receive(s, p, &h, is_bare6(p, &h) || udp_csum_ok(p->data, h.len, &p->src, &p->dst));
}

static void udplite_receive(struct stack *s, struct packet *p)
{
	struct udp_hdr h;

	if (udplite_parse(&h, p->data, p->len) < 0)
		stack_drop(s, p, DROP_UDP_BAD);
	else
		receive(s, p, &h, udplite_csum_ok(&h, p->data, &p->src, &p->dst));
}

static void udp_error(struct stack *s, const struct ip_error *e)
{
	uint16_t sport = read16(e->quote), dport = read16(e->quote + 2);
	struct inet_sock *is = port_lookup(port_space_of(s, e->proto), &e->src, sport, &e->dst, dport, NULL, NULL, NULL);

	if (is) dgram_error((struct dgram_sock *)is, e, dport, e->quote + UDP_HDR_LEN, e->quote_len - UDP_HDR_LEN);
}

/* ---- options ---- */

static int set_cork(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return udp_cork_set((struct udp_sock *)sk, *(const int *)val != 0);
}

/* Linux: less than the header is the header, more than any datagram all of it. */
static int set_coverage(struct sock *sk, struct udp_coverage *coverage, int octets)
{
	if (sk->protocol != IPPROTO_UDPLITE) return -ENOPROTOOPT;
	*coverage = (struct udp_coverage){true, (uint16_t)(octets && octets < UDP_HDR_LEN ? UDP_HDR_LEN : MIN(octets, UINT16_MAX))};
	return 0;
}

static int set_send_coverage(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return set_coverage(sk, &((struct udp_sock *)sk)->send_coverage, *(const int *)val);
}

static int set_recv_coverage(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return set_coverage(sk, &((struct udp_sock *)sk)->recv_coverage, *(const int *)val);
}

/* Linux takes either level for either protocol. */
#define ROWS(option_level) \
	{.level = option_level, .name = UDP_CORK, .text = "UDP_CORK", .type = OPT_BOOL, .access = OPT_GET | OPT_SET, \
	 OPT_FIELD(struct udp_sock, corked), .set = set_cork}, \
	{.level = option_level, .name = UDPLITE_SEND_CSCOV, .text = "UDPLITE_SEND_CSCOV", .type = OPT_INT, .access = OPT_GET | OPT_SET, \
	 OPT_FIELD(struct udp_sock, send_coverage.octets), .set = set_send_coverage}, \
	{.level = option_level, .name = UDPLITE_RECV_CSCOV, .text = "UDPLITE_RECV_CSCOV", .type = OPT_INT, .access = OPT_GET | OPT_SET, \
	 OPT_FIELD(struct udp_sock, recv_coverage.octets), .set = set_recv_coverage}, \
	{.level = option_level, .name = UDP_SEGMENT, .text = "UDP_SEGMENT", .type = OPT_INT, .access = OPT_GET | OPT_SET, .max = UINT16_MAX, \
	 OPT_FIELD(struct udp_sock, segment)}, \
	{.level = option_level, .name = UDP_GRO, .text = "UDP_GRO", .type = OPT_BOOL, .access = OPT_GET | OPT_SET, OPT_FIELD(struct udp_sock, gro)}, \
	{.level = option_level, .name = UDP_NO_CHECK6_TX, .text = "UDP_NO_CHECK6_TX", .type = OPT_BOOL, .access = OPT_GET | OPT_SET, \
	 OPT_FIELD(struct udp_sock, no_check6_tx)}, \
	{.level = option_level, .name = UDP_ENCAP, .text = "UDP_ENCAP", .type = OPT_INT, .access = OPT_GET | OPT_SET, \
	 OPT_FIELD(struct udp_sock, encap), .set = udp_encap_set, .note = "IPsec's and L2TP's; there are no associations: what is ESP's is dropped"}, \
	{.level = option_level, .name = UDP_NO_CHECK6_RX, .text = "UDP_NO_CHECK6_RX", .type = OPT_BOOL, .access = OPT_GET | OPT_SET, \
	 OPT_FIELD(struct udp_sock, no_check6_rx)}
static const struct sockopt udp_options[] = {ROWS(IPPROTO_UDP), ROWS(IPPROTO_UDPLITE), {.text = NULL}};
static const struct sockopt *const option_tables[] = {udp_options, ip_options, facts_options, ipv6_options, NULL};

static void udp_close(struct sock *sk)
{
	dgram_cork_drop(&((struct udp_sock *)sk)->cork);
	dgram_close(sk);
}

const struct ip_proto udp_proto = {.proto = IP_PROTO_UDP, .receive = udp_receive, .error = udp_error};
const struct ip_proto udplite_proto = {.proto = IP_PROTO_UDPLITE, .receive = udplite_receive, .error = udp_error};

#define OPS(text) { \
	.name = text, \
	.size = sizeof(struct udp_sock), \
	.datagram = true, \
	.init = dgram_init, \
	.close = udp_close, \
	.bind = inet_bind, \
	.connect = dgram_connect, \
	.send = udp_send, \
	.recv = dgram_recv, \
	.shutdown = dgram_shutdown, \
	.poll = dgram_poll, \
	.name_of = inet_name_of, \
	.ioctl = dgram_ioctl, \
	.options = option_tables, \
}
const struct sock_ops udp_ops = OPS("UDP"), udplite_ops = OPS("UDPLITE");
