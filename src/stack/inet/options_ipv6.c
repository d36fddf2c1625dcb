/* The rows of IPPROTO_IPV6, for AF_INET6 sockets only. Read first: ipv6(7), RFC 3493, RFC 3542. */
#include <errno.h>
#include <sys/epoll.h>
#include "stack/core/route.h"
#include "stack/core/sysctl.h"
#include "stack/inet/anycast.h"
#include "stack/inet/errqueue.h"
#include "stack/inet/flowlabel.h"
#include "stack/inet/header_options.h"
#include "stack/inet/membership.h"
#include "stack/socket/option_rows.h"
#include "wire/wire.h"

/* Of <linux/in6.h>; libcs do not name them. */
enum { OLD_PKTOPTIONS = 6, FLOWINFO = 11, MULTICAST_ALL = 29, ROUTER_ALERT_ISOLATE = 30, RECVERR_RFC4884 = 31, FLOWLABEL_MGR = 32, FLOWINFO_SEND = 33,
       RECVFRAGSIZE = 77, JOIN_ANYCAST = 27, LEAVE_ANYCAST = 28 };

static struct inet_sock *inet_of(struct sock *sk) { return (struct inet_sock *)sk; }

/* -1 is the default of each; the field keeps it. */
static int hops_check(int v) { return v < -1 || v > 255 ? -EINVAL : 0; }

static int set_hops(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (hops_check(v) < 0) return -EINVAL;
	inet_of(sk)->hops = (int16_t)v;
	return 0;
}

/* net.ipv6.conf.*.hop_limit of where it goes, or "all" while nobody knows. */
static int default_hops(struct inet_sock *is)
{
	struct route_flow f = inet_sock_flow(is, &is->laddr);
	struct route_hop hop;
	bool known = !addr_is_any(&is->raddr) && !addr_is_v4(&is->raddr) && route_find(is->sk.stack, &f, &hop) == 0;

	return known ? ip_default_hops(&hop) : is->sk.stack->sysctl->all.hop_limit;
}

static int get_hops(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = inet_of(sk)->hops < 0 ? default_hops(inet_of(sk)) : inet_of(sk)->hops;
	return 0;
}

static int set_mcast_hops(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (hops_check(v) < 0) return -EINVAL;
	inet_of(sk)->mcast_hops = v < 0 ? 1 : (uint8_t)v;
	return 0;
}

static int set_v6only(struct sock *sk, const void *val, socklen_t len)
{
	struct inet_sock *is = inet_of(sk);

	(void)len;
	if (is->bound) return -EINVAL;   /* it has a number */
	is->v6only = *(const int *)val != 0;
	return 0;
}

static int set_tclass(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v < -1 || v > 255) return -EINVAL;
	if (v < 0) v = 0;
	/* Linux: ECN belongs to TCP itself. */
	if (sk->type == SOCK_STREAM) v = (v & ~3) | (inet_of(sk)->tclass & 3);
	inet_of(sk)->tclass = (uint8_t)v;
	return 0;
}

static int get_mtu(struct sock *sk, void *val, socklen_t *len)
{
	int mtu = inet_path_mtu(inet_of(sk));

	(void)len;
	if (mtu < 0) return mtu;
	*(int *)val = mtu;
	return 0;
}

/* RFC 8200 §5: less than that no path has. */
static int set_mtu(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v && v < IP6_MTU_LEAST) return -EINVAL;
	inet_of(sk)->mtu6 = (uint32_t)v;
	return 0;
}

static int get_path_mtu(struct sock *sk, void *val, socklen_t *len)
{
	struct ip6_mtuinfo info = {0};   /* Linux tells no address here */
	int mtu = inet_path_mtu(inet_of(sk));

	if (*len < sizeof info) return -EINVAL;
	if (mtu < 0) return mtu;
	info.ip6m_mtu = (uint32_t)mtu;
	return opt_copy_out(val, len, &info, sizeof info);
}

static int set_transparent(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (*(const int *)val && !sock_is_privileged(sk)) return -EPERM;
	inet_of(sk)->transparent = *(const int *)val != 0;
	return 0;
}

/*
 * RFC 5014: three choices of two; hosts here have neither temporary nor care-of nor cryptographic addresses, so only the words are kept. As Linux, a choice
 * that is left out goes back to its default, and that of cryptographic addresses is checked and forgotten.
 */
enum { TMP = 1, PUBLIC = 2, COA = 4, CGA = 8, PUBTMP_DEFAULT = 0x100, HOME = 0x400, NONCGA = 0x800 };

static bool at_most_one(uint32_t v, uint32_t mask)
{
	v &= mask;
	return (v & (v - 1)) == 0;
}

static int set_preferences(struct sock *sk, const void *val, socklen_t len)
{
	uint32_t v = *(const uint32_t *)val;

	(void)len;
	if (!at_most_one(v, TMP | PUBLIC | PUBTMP_DEFAULT) || !at_most_one(v, HOME | COA) || !at_most_one(v, CGA | NONCGA)) return -EINVAL;
	inet_of(sk)->srcprefs6 = (uint8_t)(v & (TMP | PUBLIC | COA));
	return 0;
}

static int get_preferences(struct sock *sk, void *val, socklen_t *len)
{
	uint32_t v = inet_of(sk)->srcprefs6;

	(void)len;
	if (!(v & (TMP | PUBLIC))) v |= PUBTMP_DEFAULT;
	if (!(v & COA)) v |= HOME;
	*(uint32_t *)val = v;
	return 0;
}

static bool has_form(const struct sock *sk)
{
	return sk->type == SOCK_STREAM || (sk->type == SOCK_DGRAM && (sk->protocol == IPPROTO_UDP || sk->protocol == IPPROTO_UDPLITE));
}

static bool is_connected(const struct sock *sk)
{
	struct sockaddr_storage peer;
	socklen_t peer_len;
	/* Of a stream neither end has been told; that one does not read is one's own affair. */
	bool ends = sk->type == SOCK_STREAM && (sk->shut & 2 || (!(sk->shut & 1) && sk->ops->poll(sk) & EPOLLRDHUP));

	return !ends && sk->ops->name_of(sk, true, &peer, &peer_len) == 0;
}

/* A socket that speaks IPv4 becomes one of IPv4, for a program that knows nothing else. There is no way back. */
static int set_addrform(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (*(const int *)val != AF_INET) return -EINVAL;
	if (!has_form(sk)) return -ENOPROTOOPT;
	if (!is_connected(sk)) return -ENOTCONN;
	if (inet_of(sk)->v6only || !addr_is_v4(&inet_of(sk)->raddr)) return -EADDRNOTAVAIL;
	membership_leave_ipv6(inet_of(sk));
	sk->domain = AF_INET;
	return 0;
}

static int get_addrform(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = AF_INET6;
	if (!has_form(sk)) return -ENOPROTOOPT;
	return is_connected(sk) ? 0 : -ENOTCONN;
}

/* RFC 5095 took type 0 away, and the others are for mobile and segment routing: only the empty one can be set. */
static int set_rthdr(struct sock *sk, const void *val, socklen_t len)
{
	(void)sk, (void)val;
	return len ? -EINVAL : 0;
}

static int get_rthdr(struct sock *sk, void *val, socklen_t *len)
{
	(void)sk, (void)val;
	*len = 0;
	return 0;
}

/* RFC 3542 §6: as on Linux not to another interface than the socket is bound to, and whether it is there is seen when something is sent. */
static int set_pktinfo(struct sock *sk, const void *val, socklen_t len)
{
	struct header_opts *h;
	struct in6_pktinfo info;

	(void)len;
	memcpy(&info, val, sizeof info);
	if (sk->bound_if && (unsigned)sk->bound_if->index != info.ipi6_ifindex) return -EINVAL;
	h = header_options_of(inet_of(sk));
	if (!h) return -ENOBUFS;
	h->pktinfo_addr6 = addr_v6_octets(info.ipi6_addr.s6_addr);
	h->pktinfo_if6 = (int)info.ipi6_ifindex;
	return 0;
}

/* ---- multicast ---- */

/* Streams have no groups of this level. */
static int unread_membership(const struct sock *sk, socklen_t len) { return (void)len, sk->type == SOCK_STREAM ? -EPROTO : 0; }

static int change_membership(struct sock *sk, const void *val, socklen_t len, membership_step *step)
{
	struct ipv6_mreq m;
	struct netif *nif;
	struct addr group;

	if (unread_membership(sk, len) < 0) return -EPROTO;
	memcpy(&m, val, sizeof m);
	group = addr_v6_octets(m.ipv6mr_multiaddr.s6_addr);
	nif = m.ipv6mr_interface ? netif_by_index(sk->stack, (int)m.ipv6mr_interface) : NULL;
	if (addr_is_v4(&group)) return -EINVAL;
	if (m.ipv6mr_interface && !nif) return membership_nowhere(&group, step, -ENODEV);
	return step(inet_of(sk), &group, nif);
}

static int set_join(struct sock *sk, const void *val, socklen_t len) { return change_membership(sk, val, len, membership_join); }
static int set_leave(struct sock *sk, const void *val, socklen_t len) { return change_membership(sk, val, len, membership_leave); }

static int set_mcast_if(struct sock *sk, const void *val, socklen_t len)
{
	int index = *(const int *)val;
	struct netif *nif = index > 0 ? netif_by_index(sk->stack, index) : NULL;

	(void)len;
	if (index && !nif) return -ENODEV;
	if (nif && sk->bound_if && sk->bound_if != nif) return -EINVAL;
	inet_of(sk)->mcast_if6 = index;
	return 0;
}

static int set_unicast_if(struct sock *sk, const void *val, socklen_t len)
{
	return inet_unicast_if_read(sk, val, len, &inet_of(sk)->unicast_if6);
}

static int get_unicast_if(struct sock *sk, void *val, socklen_t *len)
{
	be32 index = be32_of((uint32_t)inet_of(sk)->unicast_if6);

	return opt_copy_out(val, len, &index, sizeof index);
}

#define I(n) .level = IPPROTO_IPV6, .domain = AF_INET6, .name = n, .text = #n, .type = OPT_INT
#define N(n, t) .level = IPPROTO_IPV6, .domain = AF_INET6, .name = n, .text = t, .type = OPT_INT
#define B(n, t) .level = IPPROTO_IPV6, .domain = AF_INET6, .name = n, .text = t, .type = OPT_BOOL
#define BLOB(n) .level = IPPROTO_IPV6, .domain = AF_INET6, .name = n, .text = #n, .type = OPT_BLOB
#define FIELD(f) OPT_FIELD(struct inet_sock, f)
#define LOOSE(n, t, f) {.level = IPPROTO_IPV6, .domain = AF_INET6, .name = n, .text = t, .type = OPT_BOOL, .short_is_zero = true, BOTH, FIELD(f)}
#define FLAG(n, f) {.level = IPPROTO_IPV6, .domain = AF_INET6, .name = n, .text = #n, .type = OPT_BOOL, BOTH, FIELD(f)}

const struct sockopt ipv6_options[] = {
	{I(IPV6_V6ONLY), BOTH, FIELD(v6only), .set = set_v6only},
	{I(IPV6_UNICAST_HOPS), BOTH, .get = get_hops, .set = set_hops},
	{I(IPV6_TCLASS), BOTH, FIELD(tclass), .set = set_tclass},
	{I(IPV6_MTU_DISCOVER), BOTH, .min = IPV6_PMTUDISC_DONT, .max = IPV6_PMTUDISC_OMIT, FIELD(pmtudisc6)},
	{I(IPV6_MTU), BOTH, .get = get_mtu, .set = set_mtu},
	{BLOB(IPV6_PATHMTU), GET, .get = get_path_mtu},
	FLAG(IPV6_RECVPATHMTU, recvpathmtu6),
	{BLOB(IPV6_PKTINFO), .none_is_zero = true, SET, .least = sizeof(struct in6_pktinfo), .set = set_pktinfo,
	 .note = "of its parts, the interface says something"},
	{.level = IPPROTO_IPV6, .domain = AF_INET6, .name = OLD_PKTOPTIONS, .text = "IPV6_2292PKTOPTIONS", .type = OPT_BLOB, BOTH,
	 .get = pktoptions_get6, .set = pktoptions_set6, .note = "get: of streams"},
	FLAG(IPV6_RECVHOPOPTS, recvhopopts6),
	FLAG(IPV6_RECVDSTOPTS, recvdstopts6),
	FLAG(IPV6_RECVRTHDR, recvrthdr6),
	FLAG(IPV6_2292PKTINFO, old_pktinfo6),
	FLAG(IPV6_2292HOPLIMIT, old_hops6),
	FLAG(IPV6_2292HOPOPTS, old_hopopts6),
	FLAG(IPV6_2292DSTOPTS, old_dstopts6),
	FLAG(IPV6_2292RTHDR, old_rthdr6),
	LOOSE(IPV6_AUTOFLOWLABEL, "IPV6_AUTOFLOWLABEL", autoflowlabel6),
	{B(FLOWINFO, "IPV6_FLOWINFO"), BOTH, FIELD(recvflowinfo6)},
	{B(FLOWINFO_SEND, "IPV6_FLOWINFO_SEND"), BOTH, FIELD(sendflow6)},
	LOOSE(RECVFRAGSIZE, "IPV6_RECVFRAGSIZE", recvfragsize6),
	{I(IPV6_MINHOPCOUNT), BOTH, .min = 0, .max = 255, FIELD(min_hops)},
	{I(IPV6_ADDR_PREFERENCES), BOTH, .get = get_preferences, .set = set_preferences, .note = "kept: no host here has such addresses to choose from"},
	{BLOB(IPV6_HOPOPTS), .none_is_zero = true, BOTH, .get = header_options_get_hop, .set = header_options_set_hop,
	 .note = "takes CAP_NET_RAW; not by TCP"},
	{BLOB(IPV6_DSTOPTS), .none_is_zero = true, BOTH, .get = header_options_get_dst, .set = header_options_set_dst,
	 .note = "takes CAP_NET_RAW; not by TCP"},
	{BLOB(IPV6_RTHDRDSTOPTS), .none_is_zero = true, BOTH, .get = header_options_get_rthdrdst, .set = header_options_set_rthdrdst,
	 .note = "takes CAP_NET_RAW; goes before a routing header, of which none can be set"},
	{BLOB(IPV6_RTHDR), .none_is_zero = true, BOTH, .get = get_rthdr, .set = set_rthdr,
	 .note = "the types that Linux has by default are all refused: EINVAL"},
	{I(IPV6_ADDRFORM), BOTH, .get = get_addrform, .set = set_addrform, .note = "to AF_INET, of a socket that is connected by IPv4"},
	LOOSE(IPV6_DONTFRAG, "IPV6_DONTFRAG", dontfrag6),
	{B(IPV6_RECVERR, "IPV6_RECVERR"), BOTH, FIELD(recverr6), .after = errqueue_purge6},
	FLAG(IPV6_RECVPKTINFO, pktinfo6),
	FLAG(IPV6_RECVHOPLIMIT, recvhops6),
	FLAG(IPV6_RECVTCLASS, recvtclass6),
	FLAG(IPV6_RECVORIGDSTADDR, recvorigdst6),
	FLAG(IPV6_FREEBIND, freebind),
	{I(IPV6_TRANSPARENT), BOTH, FIELD(transparent), .set = set_transparent},
	{I(IPV6_MULTICAST_HOPS), .of_stream = ENOPROTOOPT, BOTH, FIELD(mcast_hops), .set = set_mcast_hops},
	{I(IPV6_MULTICAST_LOOP), BOTH, .max = 1, FIELD(mcast_loop6)},
	{BLOB(IPV6_UNICAST_IF), .least = sizeof(int), .exact = true, .none_is_zero = true, BOTH, .get = get_unicast_if, .set = set_unicast_if},
	{I(IPV6_MULTICAST_IF), .of_stream = ENOPROTOOPT, BOTH, FIELD(mcast_if6), .set = set_mcast_if},
	{B(MULTICAST_ALL, "IPV6_MULTICAST_ALL"), BOTH, FIELD(mcast_all6)},
	{B(ROUTER_ALERT_ISOLATE, "IPV6_ROUTER_ALERT_ISOLATE"), BOTH, FIELD(alert_isolate6), .note = "hosts have nothing of each other's anyway"},
	{N(RECVERR_RFC4884, "IPV6_RECVERR_RFC4884"), BOTH, .max = 1, FIELD(recverr_rfc4884_6), .note = "no host here extends its ICMP messages"},
	{.level = IPPROTO_IPV6, .domain = AF_INET6, .name = JOIN_ANYCAST, .text = "IPV6_JOIN_ANYCAST", .type = OPT_BLOB, .least = sizeof(struct ipv6_mreq),
	 SET, .set = anycast_set_join},
	{.level = IPPROTO_IPV6, .domain = AF_INET6, .name = LEAVE_ANYCAST, .text = "IPV6_LEAVE_ANYCAST", .type = OPT_BLOB,
	 .least = sizeof(struct ipv6_mreq), SET, .set = anycast_set_leave},
	{.level = IPPROTO_IPV6, .domain = AF_INET6, .name = FLOWLABEL_MGR, .text = "IPV6_FLOWLABEL_MGR", .type = OPT_BLOB, .least = 32, BOTH,
	 .get = flowlabel_get, .set = flowlabel_set, .note = "without options for the label's datagrams; IPV6_FL_F_REFLECT: EPERM as by default"},
	{BLOB(IPV6_JOIN_GROUP), .least = sizeof(struct ipv6_mreq), SET, .set = set_join, .unread = unread_membership},
	{BLOB(IPV6_LEAVE_GROUP), .least = sizeof(struct ipv6_mreq), SET, .set = set_leave, .unread = unread_membership},
	{BLOB(MCAST_JOIN_GROUP), .least = sizeof(struct group_req), SET, .set = membership_set_join6},
	{BLOB(MCAST_LEAVE_GROUP), .least = sizeof(struct group_req), SET, .set = membership_set_leave6},
	{BLOB(MCAST_BLOCK_SOURCE), .least = sizeof(struct group_source_req), SET, .set = membership_set_block6},
	{BLOB(MCAST_UNBLOCK_SOURCE), .least = sizeof(struct group_source_req), SET, .set = membership_set_unblock6},
	{BLOB(MCAST_JOIN_SOURCE_GROUP), .least = sizeof(struct group_source_req), SET, .set = membership_set_join_source6},
	{BLOB(MCAST_LEAVE_SOURCE_GROUP), .least = sizeof(struct group_source_req), SET, .set = membership_set_leave_source6},
	{BLOB(MCAST_MSFILTER), .least = offsetof(struct group_filter, gf_slist), BOTH, .get = membership_get_filter6, .set = membership_set_filter6},
	{.text = NULL},
};
