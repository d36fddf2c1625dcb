/*
 * Which datagrams need nothing of what UDP and IP do: they are plain on the way out (no option shapes them), and the receiver wants to know no more
 * of them than data and name. What is between is for the host to judge. See udp_direct.h.
 */
#include "stack/inet/udp_direct.h"
#include "stack/inet/ip.h"
#include "stack/inet/port_private.h"
#include "stack/inet/udp.h"
#include "stack/socket/family.h"

#define OCTETS_MAX_V4 65507u
#define OCTETS_MAX_V6 65527u

static bool is_udp(const struct sock *sk) { return sk->ops == &udp_ops; }

/* May be cut on the way if need be: then there is no length that the way minds. */
static bool may_be_cut(const struct inet_sock *is)
{
	return is->pmtudisc <= IP_PMTUDISC_WANT && is->pmtudisc6 <= IPV6_PMTUDISC_WANT && !is->dontfrag6 && !is->mtu6;
}

static bool sends_plain(const struct udp_sock *us)
{
	const struct inet_sock *is = &us->ds.is;
	const struct sock *sk = &is->sk;
	if (us->corked || us->cork.pending || us->segment || us->no_check6_tx) return false;
	if (sk->shut || sk->err || sk->timestamping || sk->mark || sk->dontroute) return false;
	if (is->header || is->transparent || is->ttl >= 0 || is->hops >= 0) return false;
	return may_be_cut(is) && !is->recverr && !is->recverr6 && !is->sendflow6 && is->bound;
}

static bool is_ordinary(const struct stack *s, const struct addr *a)
{
	return !addr_is_any(a) && !addr_is_multicast(a) && !addr_is_linklocal(a) && !inet_addr_is_broadcast(s, a);
}

/* The largest datagram that goes without a word. */
static uint32_t octets_max(const struct sock *sk, const struct dgram_dest *d)
{
	uint32_t most = addr_is_v4(&d->dst) ? OCTETS_MAX_V4 : OCTETS_MAX_V6, mtu = ip_mtu(sk->stack, &d->dst, &d->hop);

	return dgram_pieces_find_room(sk, d, most + UDP_HDR_LEN, mtu) ? most : MIN(most, mtu - (uint32_t)ip_header_len(&d->out) - UDP_HDR_LEN);
}

bool udp_way_of(struct sock *sk, const struct sockaddr *name, socklen_t len, struct udp_way *ret)
{
	struct udp_sock *us = (struct udp_sock *)sk;
	struct sock_msg m = {.name = (void *)name, .name_len = len};
	struct dgram_dest d;
	if (!is_udp(sk) || !sends_plain(us)) return false;
	if (dgram_dest_of(&us->ds, &m, IPPROTO_UDP, &d) < 0 || dgram_route(&us->ds, &d) < 0) return false;
	if (d.port == 0 || d.hop.broadcast || !is_ordinary(sk->stack, &d.dst) || !is_ordinary(sk->stack, &d.out.src)) return false;
	*ret = (struct udp_way){d.out.src, d.dst, us->ds.is.lport, d.port, d.out.oif, octets_max(sk, &d), d.out.tos};
	return true;
}

static bool asks_for_more(const struct inet_sock *is)
{
	const struct sock *sk = &is->sk;
	return sk->timestamp || sk->timestamp_ns || sk->timestamp_new || sk->timestamping || sk->rxq_ovfl || sk->rcvmark || sk->rcvpriority
		|| sk->wifi_status || is->pktinfo || is->recvttl || is->recvtos || is->recvopts || is->retopts || is->recvfragsize || is->recvorigdst
		|| is->passsec || is->checksum || is->pktinfo6 || is->recvhops6 || is->recvtclass6 || is->recvflowinfo6 || is->recvhopopts6
		|| is->recvdstopts6 || is->recvrthdr6 || is->recvorigdst6 || is->recvfragsize6 || is->old_pktinfo6 || is->old_hops6
		|| is->old_hopopts6 || is->old_dstopts6 || is->old_rthdr6;
}

struct sock *udp_way_end(struct stack *s, const struct udp_way *w)
{
	/* Which interface it comes in by is not known: whoever minds needs the stack, and stands before the others in the choice. */
	struct port_space *ps = port_space_of(s, IPPROTO_UDP);
	struct inet_sock *is = port_lookup(ps, &w->dst, w->dport, &w->src, w->sport, NULL, NULL, NULL);
	if (!is || !is_udp(&is->sk) || is->sk.bound_if || is->sk.filter || is->sk.closed || asks_for_more(is)) return NULL;
	if (((const struct udp_sock *)is)->encap || ((const struct udp_sock *)is)->tunnel) return NULL;   /* not all is the program's */
	return port_chooser(port_find(ps, w->dport), is) ? NULL : &is->sk;
}

void udp_way_name(const struct sock *receiver, const struct udp_way *w, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	inet_sockaddr_emit((const struct inet_sock *)receiver, &w->src, w->sport, 0, ret, ret_len);
}

struct sock *udp_sharer(const struct sock *sk, const struct sock *after)
{
	const struct inet_sock *is = (const struct inet_sock *)sk;
	const struct port *p = is_udp(sk) && is->bound ? port_find(port_space_of(sk->stack, IPPROTO_UDP), is->lport) : NULL;
	if (!p) return NULL;
	struct list *n = after ? ((const struct inet_sock *)after)->port_node.next : p->owners.next;
	return n == &p->owners ? NULL : &list_entry(n, struct inet_sock, port_node)->sk;
}

bool udp_talks_to(const struct sock *sk, const struct sock *peer)
{
	const struct inet_sock *a = (const struct inet_sock *)sk, *b = (const struct inet_sock *)peer;
	if (!is_udp(sk) || !is_udp(peer) || !((const struct dgram_sock *)sk)->connected || a->rport != b->lport) return false;
	return addr_is_any(&b->laddr) ? stack_is_local(peer->stack, &a->raddr) : addr_eq(&a->raddr, &b->laddr);
}

void udp_dropped(struct sock *sk, uint32_t n)
{
	((struct dgram_sock *)sk)->drops += n;
	sk->stack->drops[DROP_SOCK_RCVBUF] += n;
}
