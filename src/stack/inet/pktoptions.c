/*
 * What streams have in place of control messages, from before RFC 3542: IP_PKTOPTIONS and IPV6_2292PKTOPTIONS give those of the segment that opened an
 * accepted connection (its interface and hop limit stand in the socket's own for groups, as on Linux, which a stream has no other use for), and
 * IPV6_2292PKTOPTIONS sets the header options that go with every datagram. Read first: RFC 2292 §4, §13, ip(7).
 */
#include <errno.h>
#include "stack/inet/header_options.h"
#include "stack/socket/ancillary.h"

#define SET_MAX 65536
#define FLOWINFO 11               /* IPV6_FLOWINFO of <linux/in6.h> */

static const struct inet_sock *inet_of(const struct sock *sk) { return (const struct inet_sock *)sk; }

void pktoptions_note(struct inet_sock *is, const struct packet *p)
{
	is->mcast_if = is->mcast_if6 = p->netif->index;
	is->mcast_hops = p->ttl;
	if (addr_is_v4(&p->src)) is->mcast_ttl = p->ttl;
	is->opening_tos = p->tos;
}

int pktoptions_get4(struct sock *sk, void *val, socklen_t *len)
{
	const struct inet_sock *is = inet_of(sk);
	struct in_pktinfo info = {.ipi_ifindex = is->mcast_if};
	struct cmsg_out o = {.buf = val, .cap = *len};

	if (sk->type != SOCK_STREAM) return -ENOPROTOOPT;
	if (addr_is_v4(&is->laddr)) memcpy(&info.ipi_addr, is->laddr.b + 12, sizeof info.ipi_addr);
	info.ipi_spec_dst = info.ipi_addr;
	if (is->pktinfo) cmsg_put(&o, SOL_IP, IP_PKTINFO, &info, sizeof info);
	if (is->recvttl) cmsg_put_int(&o, SOL_IP, IP_TTL, is->mcast_ttl);
	if (is->recvtos) cmsg_put_int(&o, SOL_IP, IP_TOS, is->opening_tos);
	*len = (socklen_t)o.len;
	return 0;
}

/* As Linux where it kept no segment: without an interface it is the one that IPV6_PKTINFO names. */
static struct in6_pktinfo info6(const struct inet_sock *is)
{
	struct in6_pktinfo info = {.ipi6_ifindex = (unsigned)is->mcast_if6};

	if (is->mcast_if6) {
		memcpy(&info.ipi6_addr, &is->laddr, sizeof info.ipi6_addr);
	} else if (is->header) {
		memcpy(&info.ipi6_addr, &is->header->pktinfo_addr6, sizeof info.ipi6_addr);
		info.ipi6_ifindex = (unsigned)is->header->pktinfo_if6;
	}
	return info;
}

int pktoptions_get6(struct sock *sk, void *val, socklen_t *len)
{
	const struct inet_sock *is = inet_of(sk);
	struct in6_pktinfo info = info6(is);
	struct cmsg_out o = {.buf = val, .cap = *len};

	if (sk->type != SOCK_STREAM) return -ENOPROTOOPT;
	if (is->pktinfo6) cmsg_put(&o, SOL_IPV6, IPV6_PKTINFO, &info, sizeof info);
	if (is->recvhops6) cmsg_put_int(&o, SOL_IPV6, IPV6_HOPLIMIT, is->mcast_hops);
	if (is->recvtclass6) cmsg_put_int(&o, SOL_IPV6, IPV6_TCLASS, is->opening_tos);
	if (is->old_pktinfo6) cmsg_put(&o, SOL_IPV6, IPV6_2292PKTINFO, &info, sizeof info);
	if (is->old_hops6) cmsg_put_int(&o, SOL_IPV6, IPV6_2292HOPLIMIT, is->mcast_hops);
	if (is->recvflowinfo6) cmsg_put_int(&o, SOL_IPV6, FLOWINFO, (int)htonl((uint32_t)is->opening_tos << 20));
	*len = (socklen_t)o.len;
	return 0;
}

/* ---- setting ---- */

struct chosen { struct cmsg_in hop, dst; };

/* Linux reads all that may go with a datagram, and keeps of it the header options. */
static int choose(struct chosen *ret, const struct cmsg_in *c)
{
	if (c->level != SOL_IPV6) return 0;
	switch (c->type) {
	case IPV6_2292HOPOPTS: case IPV6_HOPOPTS: ret->hop = *c; return 0;
	case IPV6_2292DSTOPTS: case IPV6_DSTOPTS: ret->dst = *c; return 0;
	case IPV6_2292PKTINFO: case IPV6_PKTINFO: return c->len < sizeof(struct in6_pktinfo) ? -EINVAL : 0;
	case IPV6_2292HOPLIMIT: case IPV6_HOPLIMIT: case IPV6_TCLASS: case IPV6_DONTFRAG: return c->len == sizeof(int) ? 0 : -EINVAL;
	default: return -EINVAL;
	}
}

static bool has_ext(const struct inet_sock *is, int which) { return is->header && is->header->ext6[which].len; }

int pktoptions_set6(struct sock *sk, const void *val, socklen_t len)
{
	const struct sock_msg all = {.control = (void *)val, .control_len = len};
	struct chosen chosen = {0};
	struct cmsg_in c;
	size_t at = 0;
	int r;

	if (len > SET_MAX) return -EINVAL;
	while ((r = cmsg_next(&all, &at, &c)) > 0)
		if ((r = choose(&chosen, &c)) < 0) break;
	if (r == 0 && (chosen.hop.len || has_ext(inet_of(sk), IP_EXT_HOP))) r = header_options_set_hop(sk, chosen.hop.data, (socklen_t)chosen.hop.len);
	if (r == 0 && (chosen.dst.len || has_ext(inet_of(sk), IP_EXT_DST))) r = header_options_set_dst(sk, chosen.dst.data, (socklen_t)chosen.dst.len);
	return r;
}
