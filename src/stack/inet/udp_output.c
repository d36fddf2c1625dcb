/*
 * UDP output: one send is one datagram, unless UDP_CORK or MSG_MORE collects several. UDP-Lite differs in what the checksum covers.
 * Read first: RFC 768, RFC 3828, udp(7), udplite(7).
 */
#include <errno.h>
#include "stack/inet/errqueue.h"
#include "stack/inet/ip.h"
#include "stack/inet/udp.h"

#define UDP_PAYLOAD_MAX_V4 (PACKET_MAX - IP4_HDR_MIN - UDP_HDR_LEN)   /* 65507 */
#define UDP_PAYLOAD_MAX_V6 (PACKET_MAX - UDP_HDR_LEN)                 /* 65527 */

/* RFC 3828 §3.1; more than there is means all, and Linux then says so by the length. */
static void emit_lite(const struct udp_sock *us, struct udp_hdr *h, struct packet *p, const struct dgram_dest *d)
{
	h->coverage = us->send_coverage.asked ? MIN(us->send_coverage.octets, h->len) : h->len;
	udplite_emit(h, p->data, &d->out.src, &d->dst);
}

static void emit_udp(const struct udp_sock *us, const struct udp_hdr *h, struct packet *p, const struct dgram_dest *d)
{
	/* RFC 768: IPv4 may do without a checksum (SO_NO_CHECK); RFC 8200 §8.1: IPv6 may not, but for tunnels (RFC 6935: UDP_NO_CHECK6_TX). */
	bool none = addr_is_v4(&d->dst) ? us->ds.is.sk.no_check : us->no_check6_tx;

	udp_emit(h, p->data, &d->out.src, &d->dst);
	if (none) write16(p->data + 6, 0);
}

static struct packet *datagram_make(const struct udp_sock *us, const struct dgram_dest *d, const void *data, size_t len)
{
	const struct dgram_sock *ds = &us->ds;
	struct udp_hdr h = {.src = ds->is.lport, .dst = d->port, .len = (uint16_t)(len + UDP_HDR_LEN)};
	struct packet *p = packet_new(PACKET_HEADROOM, len + UDP_HDR_LEN);

	if (!p) return NULL;
	if (len) memcpy(p->data + UDP_HDR_LEN, data, len);
	if (ds->is.sk.protocol == IPPROTO_UDPLITE)
		emit_lite(us, &h, p, d);
	else
		emit_udp(us, &h, p, d);
	return p;
}

static int datagram_send(struct udp_sock *us, struct dgram_dest *d, const void *data, size_t len)
{
	struct packet *p = datagram_make(us, d, data, len);

	return p ? dgram_output(&us->ds, d, p) : -ENOBUFS;
}

/* One of those that a send makes. together: they may come as one to who asks for it. */
static int segment_send(struct udp_sock *us, struct dgram_dest *d, const void *data, size_t len, bool first, bool together)
{
	struct packet *p = datagram_make(us, d, data, len);

	if (!p) return -ENOBUFS;
	p->gso_size = together ? d->segment : 0;
	p->gso_first = first;
	return dgram_output(&us->ds, d, p);
}

static int check_len(struct dgram_sock *ds, const struct dgram_dest *d, size_t len)
{
	return len > (addr_is_v4(&d->dst) ? UDP_PAYLOAD_MAX_V4 : UDP_PAYLOAD_MAX_V6) ? dgram_too_long(ds, d) : 0;
}

#define DEVICE_MAX 65536              /* of a packet with its link header that a device is to cut */
#define SEGMENTS_MAX 128              /* Linux's UDP_MAX_SEGMENTS */

/* UDP_SEGMENT: each datagram fits the path, has a checksum, and is not of UDP-Lite, whose coverage is each one's own. As Linux, even if there is but one. */
static int segments_check(const struct udp_sock *us, const struct dgram_dest *d, size_t len, size_t size)
{
	const struct sock *sk = &us->ds.is.sk;
	bool bare = addr_is_v4(&d->dst) ? sk->no_check : us->no_check6_tx;

	if (MIN(len, size) + UDP_HDR_LEN + ip_header_len(&d->out) > ip_out_mtu(sk->stack, &d->out, &d->hop)) return -EMSGSIZE;
	if (len > size * SEGMENTS_MAX || bare) return -EINVAL;
	return sk->protocol == IPPROTO_UDPLITE ? -EIO : 0;
}

/* One send, several datagrams. */
static int segments_send(struct udp_sock *us, struct dgram_dest *d, const void *data, size_t len)
{
	size_t size = d->segment;
	/* Linux's devices take no more at once, and its own software then cuts. */
	bool together = len + UDP_HDR_LEN + ip_header_len(&d->out) + ETH_HDR_LEN <= DEVICE_MAX;
	int r = segments_check(us, d, len, size);

	if (r == 0 && len <= size) return datagram_send(us, d, data, len);
	for (size_t at = 0; at < len && r == 0; at += size)
		r = segment_send(us, d, (const uint8_t *)data + at, MIN(size, len - at), at == 0, together);
	return r;
}

static int message_send(struct udp_sock *us, struct dgram_dest *d, const void *data, size_t len)
{
	return d->segment ? segments_send(us, d, data, len) : datagram_send(us, d, data, len);
}

/* Everything that may be said against a datagram before it is built. */
static int destination(struct udp_sock *us, const struct sock_msg *m, struct dgram_dest *d)
{
	struct dgram_sock *ds = &us->ds;
	int r = dgram_aim(ds, m, d);

	if (r < 0) return r;
	if (m->flags & MSG_OOB && addr_is_v4(&d->dst)) return -EOPNOTSUPP;
	/* Linux minds port 0 in a name, and takes an IPv6 socket's IPv4 peer for one. */
	if (d->port == 0 && (d->named || (ds->is.sk.domain == AF_INET6 && addr_is_v4(&d->dst)))) return -EINVAL;
	d->segment = us->segment;
	r = dgram_equip(ds, m, (uint8_t)ds->is.sk.protocol, d);
	if (r == 0) r = dgram_route(ds, d);
	if (r == 0) r = inet_check_link(&ds->is.sk, m->flags, &d->dst, &d->hop);
	if (r < 0) return r;
	r = check_len(ds, d, m->len);
	return r < 0 || m->flags & DGRAM_PROBE ? r : dgram_may_send(ds);
}

/* ---- several sends, one datagram ---- */

static int cork_push(struct udp_sock *us)
{
	struct dgram_cork *c = &us->cork;
	/* The way may be another one by now. */
	int r = dgram_route(&us->ds, &c->dest);

	if (r == 0) r = message_send(us, &c->dest, c->data, c->len);
	dgram_cork_drop(c);
	return r;
}

int udp_cork_set(struct udp_sock *us, bool on)
{
	us->corked = on;
	return on || !us->cork.pending ? 0 : cork_push(us);
}

/* As Linux: what can't be added loses what is there already. */
static int cork_append(struct udp_sock *us, const struct sock_msg *m)
{
	struct dgram_cork *c = &us->cork;
	int r = check_len(&us->ds, &c->dest, c->len + m->len);

	if (r == 0 && !c->dest.segment) r = dgram_fit(&us->ds, &c->dest, c->len + m->len + UDP_HDR_LEN);
	if (r == 0) r = dgram_cork_add(c, m);
	if (r < 0) dgram_cork_drop(c);
	return r;
}

/* As Linux: beside what waits a name is not heeded, but IPv6 reads it, and refuses to change over to IPv4. */
static int cork_name(const struct udp_sock *us, const struct sock_msg *m)
{
	struct dgram_dest d = {0};
	int r = us->ds.is.sk.domain == AF_INET6 ? dgram_name_of(&us->ds, m, &d) : 0;

	return r == 0 && d.named && addr_is_v4(&d.dst) && !addr_is_v4(&us->cork.dest.dst) ? -EINVAL : r;
}

static int cork_send(struct udp_sock *us, const struct sock_msg *m, bool more)
{
	bool pending = us->cork.pending;
	struct dgram_dest d;
	int r = pending ? cork_name(us, m) : destination(us, m, &d);

	/* As Linux: a probe adds nothing, and what waits goes nevertheless. */
	if (r == 0 && !(m->flags & DGRAM_PROBE)) {
		if (!pending) dgram_cork_begin(&us->ds, &us->cork, &d);
		r = cork_append(us, m);
	}
	return r < 0 || more || !us->cork.pending ? r : cork_push(us);
}

/* Linux's IPv4 minds the length and MSG_OOB before it looks at the name, its IPv6 the length later, and MSG_OOB not at all. */
static bool goes_by_v4(const struct inet_sock *is, const struct sock_msg *m)
{
	struct sockaddr_in6 name = {0};

	if (is->sk.domain == AF_INET) return true;
	if (!m->name) return addr_is_v4(&is->raddr);
	memcpy(&name, m->name, MIN(m->name_len, sizeof name));
	if (is->v6only) return false;
	if (name.sin6_family != AF_INET6) return name.sin6_family == AF_INET;
	if (m->name_len < SIN6_LEN_MIN) return false;
	/* The unspecified address is this host's, of the family by which the socket has a name. */
	return IN6_IS_ADDR_V4MAPPED(&name.sin6_addr) || (IN6_IS_ADDR_UNSPECIFIED(&name.sin6_addr) && addr_is_v4(&is->laddr));
}

ssize_t udp_send(struct sock *sk, const struct sock_msg *m)
{
	struct udp_sock *us = (struct udp_sock *)sk;
	bool more = us->corked || m->flags & MSG_MORE;
	struct dgram_dest d;
	int r = dgram_autobind(&us->ds);

	if (r < 0) return r;
	if (m->len > UINT16_MAX && goes_by_v4(&us->ds.is, m)) return -EMSGSIZE;
	if (m->flags & MSG_OOB && goes_by_v4(&us->ds.is, m)) return -EOPNOTSUPP;
	if (more || us->cork.pending) {
		r = cork_send(us, m, more);
	} else {
		r = destination(us, m, &d);
		if (r == 0 && !(m->flags & DGRAM_PROBE)) r = m->unread ? -EFAULT : message_send(us, &d, m->data, m->len);
	}
	if (r == 0 && m->flags & MSG_ZEROCOPY && sk->zerocopy) errqueue_put_zerocopy(&us->ds.is);
	return r < 0 ? r : (ssize_t)m->len;
}
