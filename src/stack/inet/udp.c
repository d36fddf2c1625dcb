/*
 * UDP: ports in front of IP, and a checksum. Input and options are here, output is in udp_output.c; what it shares with other datagram
 * sockets is in dgram.h.
 * Read first: RFC 768, RFC 1122 §4.1, RFC 8085, udp(7).
 */
#include <netinet/udp.h>
#include "stack/inet/membership.h"
#include "stack/inet/udp.h"
#include "stack/socket/family.h"

/* ---- in ---- */

static void deliver(struct dgram_sock *ds, struct packet *p)
{
	packet_pull(p, UDP_HDR_LEN);
	dgram_enqueue(ds, p);
}

/* RFC 1122 §4.1.3.3: a group's or a broadcast datagram goes to every socket that wants it, and nobody complains when there is none. */
static void deliver_copies(struct stack *s, struct packet *p, const struct udp_hdr *h)
{
	struct port_space *ps = port_space_of(s, IPPROTO_UDP);
	struct inet_sock *last = NULL;

	for (struct inet_sock *is = NULL; (is = port_each(ps, is, &p->dst, h->dst, &p->src, h->src, p->netif));) {
		struct packet *copy;
		if (!membership_allows(is, &p->dst, p->netif)) continue;
		copy = last ? packet_copy(p) : NULL;
		if (copy) deliver((struct dgram_sock *)last, copy);
		last = is;
	}
	if (last)
		deliver((struct dgram_sock *)last, p);
	else
		stack_drop(s, p, DROP_UDP_NO_SOCKET);
}

static void deliver_unicast(struct stack *s, struct packet *p, const struct udp_hdr *h)
{
	struct inet_sock *is = port_lookup(port_space_of(s, IPPROTO_UDP), &p->dst, h->dst, &p->src, h->src, p->netif, NULL);

	if (is) {
		deliver((struct dgram_sock *)is, p);
		return;
	}
	/* RFC 1122 §4.1.3.1 (SHOULD): nobody there is a port unreachable. */
	icmp_send_port_unreachable(s, p);
	stack_drop(s, p, DROP_UDP_NO_SOCKET);
}

static void udp_receive(struct stack *s, struct packet *p)
{
	struct udp_hdr h;

	if (udp_parse(&h, p->data, p->len) < 0) {
		stack_drop(s, p, DROP_UDP_BAD);
		return;
	}
	/* RFC 1122 §4.1.3.4 (MUST): a datagram with a wrong checksum is silently discarded. */
	if (!udp_csum_ok(p->data, h.len, &p->src, &p->dst)) {
		stack_drop(s, p, DROP_UDP_CSUM);
		return;
	}
	packet_trim(p, h.len);
	if (p->broadcast || p->multicast || addr_is_multicast(&p->dst))
		deliver_copies(s, p, &h);
	else
		deliver_unicast(s, p, &h);
}

static void udp_error(struct stack *s, const struct ip_error *e)
{
	uint16_t sport = read16(e->quote), dport = read16(e->quote + 2);
	struct inet_sock *is = port_lookup(port_space_of(s, IPPROTO_UDP), &e->src, sport, &e->dst, dport, NULL, NULL);

	if (is) dgram_error((struct dgram_sock *)is, e, dport, e->quote + UDP_HDR_LEN, e->quote_len - UDP_HDR_LEN);
}

/* ---- options: IPPROTO_UDP ---- */

static int set_cork(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	return udp_cork_set((struct udp_sock *)sk, *(const int *)val != 0);
}

/* UDP_SEGMENT, UDP_GRO and UDP_ENCAP have no row: to be told of one is how programs find out that the feature is there. */
static const struct sockopt udp_options[] = {
	{.level = IPPROTO_UDP, .name = UDP_CORK, .text = "UDP_CORK", .type = OPT_BOOL, .access = OPT_GET | OPT_SET, OPT_FIELD(struct udp_sock, corked),
	 .set = set_cork},
	{.text = NULL},
};
static const struct sockopt *const option_tables[] = {udp_options, ip_options, ipv6_options, NULL};

static void udp_close(struct sock *sk)
{
	udp_cork_drop((struct udp_sock *)sk);
	dgram_close(sk);
}

const struct ip_proto udp_proto = {.proto = IP_PROTO_UDP, .receive = udp_receive, .error = udp_error};

const struct sock_ops udp_ops = {
	.name = "UDP",
	.size = sizeof(struct udp_sock),
	.datagram = true,
	.init = dgram_init,
	.close = udp_close,
	.bind = inet_bind,
	.connect = dgram_connect,
	.send = udp_send,
	.recv = dgram_recv,
	.shutdown = dgram_shutdown,
	.poll = dgram_poll,
	.name_of = inet_name_of,
	.ioctl = dgram_ioctl,
	.options = option_tables,
};
