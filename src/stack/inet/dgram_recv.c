/*
 * Datagrams in: the queue and what a program gets of a datagram - data, name and control messages.
 * The queue is charged as Linux does, so that the same number of datagrams fits into the same SO_RCVBUF.
 */
#include <errno.h>
#include "stack/inet/dgram.h"
#include "stack/inet/errqueue.h"
#include "stack/socket/ancillary.h"

void dgram_enqueue(struct dgram_sock *ds, struct packet *p)
{
	struct sock *sk = &ds->is.sk;
	uint64_t used = (uint64_t)ds->queued + sk->lent;

	/* As Linux: one datagram fits an empty buffer, however small that is. */
	if (used && used + sock_charge(sk, p->len) > sk->rcvbuf) {
		ds->drops++;
		stack_drop(sk->stack, p, DROP_SOCK_RCVBUF);
		return;
	}
	ds->queued += sock_charge(sk, p->len);
	list_append(&ds->queue, &p->node);
	sock_ready(sk);
}

static void dequeue(struct dgram_sock *ds, struct packet *p)
{
	ds->queued -= sock_charge(&ds->is.sk, p->len);
	list_remove(&p->node);
}

void dgram_flush(struct dgram_sock *ds)
{
	while (!list_empty(&ds->queue)) {
		struct packet *p = list_first(&ds->queue, struct packet, node);
		dequeue(ds, p);
		packet_free(p);
	}
}

static bool is_udp(const struct dgram_sock *ds)
{
	const struct sock *sk = &ds->is.sk;

	return sk->type == SOCK_DGRAM && (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE);
}

/* Source and destination port of a datagram; ICMP and raw sockets have none. */
static uint16_t port_at(const struct dgram_sock *ds, const struct packet *p, size_t off)
{
	return is_udp(ds) ? read16(p->head + p->trans_off + off) : 0;
}

static void give_name(const struct dgram_sock *ds, const struct packet *p, struct sock_msg *m)
{
	struct sockaddr_storage name;
	socklen_t len;

	if (!m->name) return;
	inet_sockaddr_emit(&ds->is, &p->src, port_at(ds, p, 0), (uint32_t)p->netif->index, &name, &len);
	memcpy(m->name, &name, MIN(m->name_len, len));
	m->name_len = len;
}

/* ---- control messages ---- */

static void octets4(struct in_addr *ret, const struct addr *a)
{
	memcpy(ret, a->b + 12, 4);
}

/* "Specific destination": the address to answer from. For a group or broadcast that is one of the interface's. */
static struct addr specific_dst(const struct packet *p)
{
	if (!p->multicast && !p->broadcast) return p->dst;
	list_each(struct netif_addr, a, &p->netif->addrs, node)
		if (addr_is_v4(&a->addr)) return a->addr;
	return addr_any4;
}

static void put_pktinfo4(struct cmsg_out *o, const struct packet *p)
{
	struct addr spec = specific_dst(p);
	struct in_pktinfo info = {.ipi_ifindex = p->netif->index};

	octets4(&info.ipi_addr, &p->dst);
	octets4(&info.ipi_spec_dst, &spec);
	cmsg_put(o, SOL_IP, IP_PKTINFO, &info, sizeof info);
}

static void put_pktinfo6(struct cmsg_out *o, const struct packet *p)
{
	struct in6_pktinfo info = {.ipi6_ifindex = (unsigned)p->netif->index};

	memcpy(&info.ipi6_addr, &p->dst, sizeof info.ipi6_addr);
	cmsg_put(o, SOL_IPV6, IPV6_PKTINFO, &info, sizeof info);
}

static void put_origdst(struct cmsg_out *o, const struct dgram_sock *ds, const struct packet *p, int level, int type)
{
	struct sockaddr_storage name;
	socklen_t len;

	inet_sockaddr_emit(&ds->is, &p->dst, port_at(ds, p, 2), (uint32_t)p->netif->index, &name, &len);
	cmsg_put(o, level, type, &name, len);
}

/* IP options stand between the header and the message. */
static bool options_of(const struct packet *p, struct ip4_hdr *ret)
{
	return ip4_parse(ret, p->head + p->net_off, (size_t)(p->data - p->head) + p->len - p->net_off) > 0 && ret->opt_len;
}

static void put_options(struct cmsg_out *o, const struct packet *p)
{
	struct ip4_hdr h;

	if (options_of(p, &h)) cmsg_put(o, SOL_IP, IP_RECVOPTS, h.opt, h.opt_len);
}

#define OPT_END 0
#define OPT_NOP 1
#define OPT_RECORD_ROUTE 7
#define OPT_TIMESTAMP 68

/* RFC 1122 §4.1.3.2: the options to answer with. Those that record on the way are asked to do so on the way back. */
static void put_return_options(struct cmsg_out *o, const struct packet *p)
{
	uint8_t back[IP4_HDR_MAX - IP4_HDR_MIN] = {OPT_END};
	struct ip4_hdr h;
	size_t used = 0;

	if (!options_of(p, &h)) return;
	for (size_t at = 0, len; at < h.opt_len && h.opt[at] != OPT_END; at += len) {
		len = h.opt[at] == OPT_NOP || at + 1 == h.opt_len ? 1 : h.opt[at + 1];
		if (len == 0 || len > h.opt_len - at) return;
		if (h.opt[at] != OPT_RECORD_ROUTE && h.opt[at] != OPT_TIMESTAMP) continue;
		memcpy(back + used, h.opt + at, len);
		used += len;
	}
	if (used) cmsg_put(o, SOL_IP, IP_RETOPTS, back, (used + 3) & ~(size_t)3);
}

static void put_ip(struct cmsg_out *o, const struct dgram_sock *ds, const struct packet *p)
{
	const struct inet_sock *is = &ds->is;

	if (is->pktinfo) put_pktinfo4(o, p);
	if (is->recvttl) cmsg_put_int(o, SOL_IP, IP_TTL, p->ttl);
	if (is->recvtos) cmsg_put(o, SOL_IP, IP_TOS, &p->tos, 1);
	if (is->recvopts) put_options(o, p);
	if (is->retopts) put_return_options(o, p);
	if (is->recvorigdst) put_origdst(o, ds, p, SOL_IP, IP_ORIGDSTADDR);
}

static void put_ipv6(struct cmsg_out *o, const struct dgram_sock *ds, const struct packet *p)
{
	const struct inet_sock *is = &ds->is;

	if (is->recvhops6) cmsg_put_int(o, SOL_IPV6, IPV6_HOPLIMIT, p->ttl);
	if (is->recvtclass6) cmsg_put_int(o, SOL_IPV6, IPV6_TCLASS, p->tos);
	if (is->recvorigdst6) put_origdst(o, ds, p, SOL_IPV6, IPV6_ORIGDSTADDR);
}

static void give_control(const struct dgram_sock *ds, const struct packet *p, struct sock_msg *m)
{
	const struct sock *sk = &ds->is.sk;
	struct cmsg_out o = cmsg_out_begin(m);

	cmsg_put_timestamp(&o, sk, p->when);
	if (sk->rxq_ovfl && ds->drops) cmsg_put(&o, SOL_SOCKET, SO_RXQ_OVFL, &ds->drops, sizeof ds->drops);
	if (sk->domain == AF_INET6 && ds->is.pktinfo6) put_pktinfo6(&o, p);
	if (addr_is_v4(&p->src))
		put_ip(&o, ds, p);
	else
		put_ipv6(&o, ds, p);
	cmsg_out_end(&o, m);
}

/* ---- recv ---- */

/* There is nothing: an error, the end (for who would wait), or "not now". Linux looks at the error before the queue. */
static ssize_t nothing(const struct sock *sk, int flags)
{
	if ((sk->shut & 1) && !(flags & (MSG_DONTWAIT | MSG_LEND))) return 0;
	return -EAGAIN;
}

ssize_t dgram_recv(struct sock *sk, struct sock_msg *m)
{
	struct dgram_sock *ds = (struct dgram_sock *)sk;
	int flags = m->flags, err;
	struct packet *p;
	size_t n, full;

	if (flags & MSG_ERRQUEUE) return errqueue_recv(&ds->is, m);
	if (flags & MSG_OOB && !is_udp(ds)) return -EOPNOTSUPP;
	err = sock_take_error(sk);
	if (err) return -err;
	if (list_empty(&ds->queue)) return nothing(sk, flags);
	p = list_first(&ds->queue, struct packet, node);
	full = p->len;
	n = MIN(full, m->len);
	if (n) memcpy(m->data, p->data, n);
	m->flags = n < full ? MSG_TRUNC : 0;
	give_name(ds, p, m);
	give_control(ds, p, m);
	if (!(flags & MSG_PEEK)) {
		dequeue(ds, p);
		if (flags & MSG_LEND) sk->lent += sock_charge(sk, (uint32_t)full);
		packet_free(p);
	}
	return (ssize_t)(flags & MSG_TRUNC ? full : n);
}
