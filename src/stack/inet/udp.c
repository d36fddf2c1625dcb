/*
 * UDP: ports in front of IP, and a checksum. What it shares with other datagram sockets is in dgram.h.
 * Read first: RFC 768, RFC 1122 §4.1, RFC 8085, udp(7).
 */
#include <errno.h>
#include <netinet/udp.h>
#include "stack/inet/dgram.h"
#include "stack/inet/membership.h"
#include "stack/socket/family.h"

#define UDP_PAYLOAD_MAX_V4 (PACKET_MAX - IP4_HDR_MIN - UDP_HDR_LEN)   /* 65507 */
#define UDP_PAYLOAD_MAX_V6 (PACKET_MAX - UDP_HDR_LEN)                 /* 65527 */

/* ---- out ---- */

static struct packet *datagram_make(const struct dgram_sock *ds, const struct dgram_dest *d, const void *data, size_t len)
{
	struct udp_hdr h = {.src = ds->is.lport, .dst = d->port, .len = (uint16_t)(len + UDP_HDR_LEN)};
	struct packet *p = packet_new(PACKET_HEADROOM, len + UDP_HDR_LEN);

	if (!p) return NULL;
	if (len) memcpy(p->data + UDP_HDR_LEN, data, len);
	udp_emit(&h, p->data, &d->out.src, &d->dst);
	/* RFC 768: IPv4 may do without a checksum (SO_NO_CHECK); RFC 8200 §8.1: IPv6 may not. */
	if (ds->is.sk.no_check && addr_is_v4(&d->dst)) write16(p->data + 6, 0);
	return p;
}

static int datagram_send(struct dgram_sock *ds, const struct sock_msg *m)
{
	struct dgram_dest d;
	struct packet *p;
	int r = dgram_dest_of(ds, m, IP_PROTO_UDP, &d);

	if (r < 0) return r;
	if (m->name && d.port == 0) return -EINVAL;
	r = dgram_route(ds, &d);
	if (r < 0) return r;
	if (m->flags & (MSG_DONTROUTE) || ds->is.sk.dontroute)
		if (d.hop.route && d.hop.route->has_gateway) return -ENETUNREACH;
	if (m->len > (addr_is_v4(&d.dst) ? UDP_PAYLOAD_MAX_V4 : UDP_PAYLOAD_MAX_V6)) return -EMSGSIZE;
	r = dgram_may_send(ds);
	if (r < 0) return r;
	p = datagram_make(ds, &d, m->data, m->len);
	return p ? dgram_output(ds, &d, p) : -ENOBUFS;
}

static ssize_t udp_send(struct sock *sk, const struct sock_msg *m)
{
	struct dgram_sock *ds = (struct dgram_sock *)sk;
	int r = dgram_autobind(ds);

	if (r < 0) return r;
	if (m->len > UINT16_MAX) return -EMSGSIZE;
	if (m->flags & MSG_OOB) return -EOPNOTSUPP;
	r = datagram_send(ds, m);
	return r < 0 ? r : (ssize_t)m->len;
}

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

static int get_zero(struct sock *sk, void *val, socklen_t *len)
{
	(void)sk, (void)len;
	*(int *)val = 0;
	return 0;
}

/* Turning off what was never on is fine; the features themselves are not there, as in a kernel that has not heard of them. */
static int set_off_only(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)len;
	return *(const int *)val ? -ENOPROTOOPT : 0;
}

#define U(n) .level = IPPROTO_UDP, .name = n, .text = #n, .type = OPT_INT, .access = OPT_GET | OPT_SET, .get = get_zero, .set = set_off_only
static const struct sockopt udp_options[] = {
	{U(UDP_CORK)},
	{U(UDP_ENCAP)},
	{U(UDP_NO_CHECK6_TX)},
	{U(UDP_NO_CHECK6_RX)},
	{U(UDP_SEGMENT)},
	{U(UDP_GRO)},
	{.text = NULL},
};
static const struct sockopt *const option_tables[] = {udp_options, ip_options, ipv6_options, NULL};

const struct ip_proto udp_proto = {.proto = IP_PROTO_UDP, .receive = udp_receive, .error = udp_error};

const struct sock_ops udp_ops = {
	.name = "UDP",
	.size = sizeof(struct dgram_sock),
	.datagram = true,
	.init = dgram_init,
	.close = dgram_close,
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
