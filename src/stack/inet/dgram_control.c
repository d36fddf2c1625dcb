/* What a program is told of a datagram besides its data: control messages. Read first: ip(7), ipv6(7), RFC 3542. */
#include <netinet/udp.h>
#include "stack/inet/dgram.h"
#include "stack/socket/ancillary.h"

#define IPV6_FLOWINFO_ 11         /* names of <linux/in6.h> that libc's header has not */
#define RECVFRAGSIZE6 77

bool dgram_is_udp(const struct dgram_sock *ds)
{
	const struct sock *sk = &ds->is.sk;

	return sk->type == SOCK_DGRAM && (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE);
}

/* Source and destination port of a datagram; ICMP and raw sockets have none. */
uint16_t dgram_port_at(const struct dgram_sock *ds, const struct packet *p, size_t off)
{
	return dgram_is_udp(ds) ? read16(p->head + p->trans_off + off) : 0;
}

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

static void put_pktinfo4(struct cmsg_out *o, const struct packet *p, const struct addr *spec)
{
	struct in_pktinfo info = {.ipi_ifindex = p->netif->index};

	octets4(&info.ipi_addr, &p->dst);
	octets4(&info.ipi_spec_dst, spec);
	cmsg_put(o, SOL_IP, IP_PKTINFO, &info, sizeof info);
}

static void put_pktinfo6(struct cmsg_out *o, const struct packet *p, int type)
{
	struct in6_pktinfo info = {.ipi6_ifindex = (unsigned)p->netif->index};

	memcpy(&info.ipi6_addr, &p->dst, sizeof info.ipi6_addr);
	cmsg_put(o, SOL_IPV6, type, &info, sizeof info);
}

static uint16_t port_to(const struct packet *p)
{
	bool has_ports = p->proto == IP_PROTO_UDP || p->proto == IP_PROTO_UDPLITE || p->proto == IP_PROTO_TCP;

	return has_ports && packet_off(p) + p->len >= p->trans_off + 4u ? read16(p->head + p->trans_off + 2) : 0;
}

/* As the level has it: to a socket of IPv6, too, IP_ORIGDSTADDR names by IPv4. */
static void put_origdst(struct cmsg_out *o, const struct packet *p, int level, int type)
{
	struct sockaddr_storage name;
	socklen_t len;

	sockaddr_emit(level == SOL_IP ? AF_INET : AF_INET6, &p->dst, port_to(p), (uint32_t)p->netif->index, &name, &len);
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

static void put_ip(struct cmsg_out *o, const struct inet_sock *is, const struct packet *p, const struct addr *answer_from)
{
	if (is->pktinfo) put_pktinfo4(o, p, answer_from);
	if (is->recvttl) cmsg_put_int(o, SOL_IP, IP_TTL, p->ttl);
	if (is->recvtos) cmsg_put(o, SOL_IP, IP_TOS, &p->tos, 1);
	if (is->recvopts) put_options(o, p);
	if (is->retopts) put_return_options(o, p);
	if (is->recvorigdst) put_origdst(o, p, SOL_IP, IP_ORIGDSTADDR);
	if (is->recvfragsize && p->frag_size) cmsg_put_int(o, SOL_IP, IP_RECVFRAGSIZE, p->frag_size);
}

/* The extension headers of one kind, each whole (RFC 3542 §8, §9); they stand between the IPv6 header and the message. */
static void put_headers(struct cmsg_out *o, const struct packet *p, uint8_t kind, int type)
{
	const uint8_t *ip = p->head + p->net_off;
	size_t len = (size_t)(p->data - ip), at = IP6_HDR_LEN;
	uint8_t next = ip[6];
	struct ip6_ext ext;

	while (next == IP_PROTO_HOPOPTS || next == IP_PROTO_DSTOPTS || next == IP_PROTO_ROUTING) {
		int n = at < len ? ip6_ext_parse(&ext, ip + at, len - at) : -1;
		if (n < 0) return;
		if (next == kind) cmsg_put(o, SOL_IPV6, type, ip + at, (size_t)n);
		next = ext.next;
		at += (size_t)n;
	}
}

static void put_flowinfo(struct cmsg_out *o, const struct packet *p)
{
	be32 flowinfo = be32_of(read32(p->head + p->net_off) & (IP6_CLASS_MASK | IP6_FLOW_MASK));

	if (read32((const uint8_t *)&flowinfo)) cmsg_put(o, SOL_IPV6, IPV6_FLOWINFO_, &flowinfo, sizeof flowinfo);
}

static void put_old(struct cmsg_out *o, const struct inet_sock *is, const struct packet *p)
{
	if (is->old_pktinfo6) put_pktinfo6(o, p, IPV6_2292PKTINFO);
	if (is->old_hops6) cmsg_put_int(o, SOL_IPV6, IPV6_2292HOPLIMIT, p->ttl);
	if (is->old_hopopts6) put_headers(o, p, IP_PROTO_HOPOPTS, IPV6_2292HOPOPTS);
	if (is->old_dstopts6) put_headers(o, p, IP_PROTO_DSTOPTS, IPV6_2292DSTOPTS);
	if (is->old_rthdr6) put_headers(o, p, IP_PROTO_ROUTING, IPV6_2292RTHDR);
}

static void put_ipv6(struct cmsg_out *o, const struct inet_sock *is, const struct packet *p)
{
	if (is->recvhops6) cmsg_put_int(o, SOL_IPV6, IPV6_HOPLIMIT, p->ttl);
	if (is->recvtclass6) cmsg_put_int(o, SOL_IPV6, IPV6_TCLASS, p->tos);
	if (is->recvflowinfo6) put_flowinfo(o, p);
	if (is->recvhopopts6) put_headers(o, p, IP_PROTO_HOPOPTS, IPV6_HOPOPTS);
	if (is->recvdstopts6) put_headers(o, p, IP_PROTO_DSTOPTS, IPV6_DSTOPTS);
	if (is->recvrthdr6) put_headers(o, p, IP_PROTO_ROUTING, IPV6_RTHDR);
	put_old(o, is, p);
	if (is->recvorigdst6) put_origdst(o, p, SOL_IPV6, IPV6_ORIGDSTADDR);
	if (is->recvfragsize6 && p->frag_size) cmsg_put_int(o, SOL_IPV6, RECVFRAGSIZE6, p->frag_size);
}

void dgram_put_control(struct cmsg_out *o, const struct inet_sock *is, const struct packet *p, const struct addr *answer_from)
{
	bool six = is->sk.domain == AF_INET6;

	if (six && is->pktinfo6) put_pktinfo6(o, p, IPV6_PKTINFO);
	if (addr_is_v4(&p->src))
		put_ip(o, is, p, answer_from);
	else
		put_ipv6(o, is, p);
}

void dgram_give_control(const struct dgram_sock *ds, const struct packet *p, struct sock_msg *m)
{
	const struct sock *sk = &ds->is.sk;
	struct addr answer_from = specific_dst(p);
	struct cmsg_out o = cmsg_out_begin(m);

	cmsg_put_timestamp(&o, sk, p->when);
	if (sk->rxq_ovfl && ds->drops) cmsg_put(&o, SOL_SOCKET, SO_RXQ_OVFL, &ds->drops, sizeof ds->drops);
	if (sk->rcvmark) cmsg_put(&o, SOL_SOCKET, SO_MARK, &p->mark, sizeof p->mark);
	if (sk->rcvpriority) cmsg_put(&o, SOL_SOCKET, SO_PRIORITY, &p->priority, sizeof p->priority);
	if (p->gso_size && p->len > p->gso_size) cmsg_put_int(&o, IPPROTO_UDP, UDP_GRO, p->gso_size);
	dgram_put_control(&o, &ds->is, p, &answer_from);
	cmsg_out_end(&o, m);
}
