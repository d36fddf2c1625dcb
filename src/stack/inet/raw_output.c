/*
 * Raw IP sockets: what goes out. The IP header is ours, or with IP_HDRINCL the program's, of which we fill in what raw(7) says:
 *
 *     IPv4, always          checksum, total length
 *     IPv4, when zero       source address, identification
 *     IPv6                  nothing
 *
 * Such a datagram must fit the link: it is never cut. MSG_MORE holds back what gets our header, until a send without it.
 * Read first: raw(7), RFC 3542 §3.
 */
#include <errno.h>
#include "stack/inet/ip.h"
#include "stack/inet/raw.h"

static struct packet *packet_of(const void *data, size_t len)
{
	struct packet *p = packet_new(PACKET_HEADROOM, len);

	if (p && len) memcpy(p->data, data, len);
	return p;
}

/* ---- the program's own header ---- */

static int complete4(struct stack *s, struct packet *p, const struct dgram_dest *d)
{
	uint8_t *h = p->data;
	size_t hdr_len = 4 * (size_t)(h[0] & 15);

	if (hdr_len > p->len || hdr_len < IP4_HDR_MIN) return -EINVAL;
	if (read32(h + 12) == 0) write32(h + 12, addr_to_v4(&d->out.src));
	if (read16(h + 4) == 0) {
		struct addr src = addr_v4_octets(h + 12), dst = addr_v4_octets(h + 16);
		write16(h + 4, (uint16_t)ip_ident(s, &src, &dst, h[9]));
	}
	write16(h + 2, (uint16_t)p->len);
	write16(h + 10, 0);
	write16(h + 10, csum_fold(csum_add(0, h, hdr_len)));
	p->src = addr_v4_octets(h + 12);
	p->dst = addr_v4_octets(h + 16);
	return 0;
}

static int complete6(struct packet *p)
{
	p->src = addr_v6_octets(p->data + 8);
	p->dst = addr_v6_octets(p->data + 24);
	return 0;
}

/* As Linux: only who writes the headers himself is told that sending was shut, or of an error. */
static int whole_check(struct dgram_sock *ds, const struct dgram_dest *d, const struct sock_msg *m)
{
	if (m->len > d->hop.mtu_bytes) return -EMSGSIZE;
	if (m->len < (addr_is_v4(&d->dst) ? IP4_HDR_MIN : IP6_HDR_LEN)) return -EINVAL;
	return m->flags & DGRAM_PROBE ? 0 : dgram_may_send(ds);
}

static int whole_output(struct dgram_sock *ds, struct dgram_dest *d, const struct sock_msg *m)
{
	struct stack *s = ds->is.sk.stack;
	struct packet *p;
	int r = whole_check(ds, d, m);

	if (r < 0 || m->flags & DGRAM_PROBE) return r;
	if (m->unread) return -EFAULT;
	p = packet_of(m->data, m->len);
	if (!p) return -ENOBUFS;
	r = addr_is_v4(&d->dst) ? complete4(s, p, d) : complete6(p);
	if (r == 0) return ip_output_whole(s, p, &d->out, &d->hop);
	packet_free(p);
	return r;
}

/* ---- our header ---- */

/* RFC 3542 §3.1: over the message and the pseudo-header, at the place that the program named; what stood there does not count. */
static int checksum_fill(const struct raw_sock *rs, struct packet *p, const struct dgram_dest *d)
{
	uint16_t csum;

	if (rs->checksum == RAW_NO_CHECKSUM) return 0;
	if ((size_t)rs->checksum + 2 > p->len) return -EINVAL;
	write16(p->data + rs->checksum, 0);
	csum = csum_fold(csum_add(csum_pseudo(&d->out.src, &d->dst, d->out.proto, p->len), p->data, p->len));
	if (!csum && d->out.proto == IP_PROTO_UDP) csum = 0xffff;
	write16(p->data + rs->checksum, csum);
	return 0;
}

static int ours_output(struct raw_sock *rs, struct dgram_dest *d, const void *data, size_t len, const struct dgram_dest *last)
{
	struct packet *p = packet_of(data, len);
	int r;

	if (!p) return -ENOBUFS;
	r = rs->ds.is.sk.domain == AF_INET6 ? checksum_fill(rs, p, last) : 0;
	if (r == 0) return dgram_output(&rs->ds, d, p);
	packet_free(p);
	return r;
}

/* As Linux: it goes the way of the first send, and by IPv4 under the addresses of the last. */
static int cork_push(struct raw_sock *rs, const struct dgram_dest *last)
{
	struct dgram_dest *d = &rs->cork.dest;
	int r;

	if (!rs->cork.pending) return 0;
	/* The way may be another one by now. */
	r = dgram_route(&rs->ds, d);
	if (rs->ds.is.sk.domain == AF_INET) d->dst = d->out.dst = last->dst, d->out.src = last->out.src;
	if (r == 0) r = ours_output(rs, d, rs->cork.data, rs->cork.len, last);
	dgram_cork_drop(&rs->cork);
	return r;
}

static bool fits_packet(const struct dgram_dest *d, size_t len)
{
	return len + ip_header_len(&d->out) <= PACKET_MAX + (addr_is_v4(&d->dst) ? 0 : (size_t)IP6_HDR_LEN);
}

static int cork_append(struct raw_sock *rs, const struct dgram_dest *d, const struct sock_msg *m)
{
	struct dgram_cork *c = &rs->cork;
	int r;

	if (!c->pending) dgram_cork_begin(&rs->ds, c, d);
	r = fits_packet(&c->dest, c->len + m->len) ? dgram_fit(&rs->ds, &c->dest, c->len + m->len) : dgram_too_long(&rs->ds, &c->dest);
	if (r == 0) r = dgram_cork_add(c, m);
	if (r < 0) dgram_cork_drop(c);
	return r;
}

static int raw_output(struct raw_sock *rs, struct dgram_dest *d, const struct sock_msg *m)
{
	bool probe = m->flags & DGRAM_PROBE, more = m->flags & MSG_MORE;
	int r = 0;

	if (rs->ds.is.hdrincl) return whole_output(&rs->ds, d, m);
	if (!probe && !more && !rs->cork.pending && !m->unread) return ours_output(rs, d, m->data, m->len, d);
	if (!probe) r = cork_append(rs, d, m);
	return r < 0 || more ? r : cork_push(rs, d);
}

static ssize_t send_to(struct raw_sock *rs, struct dgram_dest *d, const struct sock_msg *m)
{
	int r = dgram_route(&rs->ds, d);

	if (r == 0) r = inet_check_link(&rs->ds.is.sk, m->flags, &d->dst, &d->hop);
	if (r == 0) r = raw_output(rs, d, m);
	return r < 0 ? r : (ssize_t)m->len;
}

/* Linux looks at the type and code of what it sends for the program, and finds no memory where they should be. */
static bool is_headless(const struct raw_sock *rs, int icmp, const struct sock_msg *m)
{
	return rs->ds.is.sk.protocol == icmp && !rs->ds.is.hdrincl && (m->unread || m->len < 2);
}

ssize_t raw4_send(struct sock *sk, const struct sock_msg *m)
{
	struct raw_sock *rs = (struct raw_sock *)sk;
	struct dgram_dest d;
	int r;

	if (m->len > UINT16_MAX) return -EMSGSIZE;
	if (m->flags & MSG_OOB) return -EOPNOTSUPP;
	r = dgram_dest_of(&rs->ds, m, (uint8_t)sk->protocol, &d);
	/* As Linux: options have no place in a header that the program writes. */
	if (r == 0 && rs->ds.is.hdrincl && (d.own_options || d.out.opt_len)) r = -EINVAL;
	if (r == 0 && is_headless(rs, IPPROTO_ICMP, m)) r = -EFAULT;
	return r < 0 ? r : send_to(rs, &d, m);
}

/* In sin6_port stands the protocol, or 0. To IPPROTO_RAW any is right, to others their own. -EINVAL */
static int protocol_of(const struct sock *sk, const struct dgram_dest *d, bool named)
{
	uint16_t proto = named ? d->port : 0;

	if (proto == 0) proto = sk->protocol;
	if (proto > UINT8_MAX || (proto != sk->protocol && sk->protocol != IPPROTO_RAW)) return -EINVAL;
	return proto;
}

/* As Linux: a name of no family is one of IPv6. */
static int name_check6(struct sock_msg *m, struct sockaddr_in6 *name)
{
	if (!m->name) return 0;
	if (m->name_len < offsetof(struct sockaddr_in6, sin6_scope_id)) return -EINVAL;
	memset(name, 0, sizeof *name);
	m->name_len = MIN(m->name_len, sizeof *name);
	memcpy(name, m->name, m->name_len);
	m->name = name;
	if (name->sin6_family == AF_UNSPEC) name->sin6_family = AF_INET6;
	return name->sin6_family == AF_INET6 ? 0 : -EAFNOSUPPORT;
}

ssize_t raw6_send(struct sock *sk, const struct sock_msg *m)
{
	struct raw_sock *rs = (struct raw_sock *)sk;
	struct sock_msg named = *m;
	struct sockaddr_in6 name;
	struct dgram_dest d;
	int r, proto = 0;

	if (m->flags & MSG_OOB) return -EOPNOTSUPP;
	r = name_check6(&named, &name);
	if (r == 0) r = dgram_aim(&rs->ds, &named, &d);
	if (r == 0) r = proto = protocol_of(sk, &d, named.name);
	if (r >= 0) r = dgram_equip(&rs->ds, &named, (uint8_t)proto, &d);
	if (r < 0) return r;
	if (addr_is_v4(&d.dst)) return -ENETUNREACH;   /* it may be the peer's, and yet there is no way */
	if (is_headless(rs, IPPROTO_ICMPV6, m)) return -EFAULT;
	return m->len > UINT16_MAX ? -EMSGSIZE : send_to(rs, &d, m);
}
