/*
 * The rows of IPPROTO_IP. They hold for AF_INET sockets, and for AF_INET6 ones where they talk IPv4. Read first: ip(7).
 * What is not done -ENOPROTOOPT by having no row.
 */
#include <errno.h>
#include "stack/core/sysctl.h"
#include "stack/inet/dgram.h"
#include "stack/inet/errqueue.h"
#include "stack/inet/header_options.h"
#include "stack/inet/membership.h"
#include "stack/socket/option_rows.h"

#define TOS_ECN_MASK 3
#define RECVERR_RFC4884 26
#define LOCAL_PORT_RANGE 51      /* names of newer headers */
#define PROTOCOL 52
#define DETACH_REUSEPORT_BPF 68

static struct inet_sock *inet_of(struct sock *sk) { return (struct inet_sock *)sk; }

uint32_t inet_priority_of(uint8_t tos)
{
	static const uint8_t priority[] = {0, 2, 6, 4};   /* best effort, bulk, interactive, interactive bulk: as Linux reads RFC 1349's bits */

	return priority[tos >> 3 & 3];
}

static int set_tos(struct sock *sk, const void *val, socklen_t len)
{
	uint8_t tos = (uint8_t) * (const int *)val;

	(void)len;
	/* Linux: ECN belongs to TCP itself. */
	if (sk->type == SOCK_STREAM) tos = (uint8_t)((tos & ~TOS_ECN_MASK) | (inet_of(sk)->tos & TOS_ECN_MASK));
	if (tos != inet_of(sk)->tos) sk->priority = (int)inet_priority_of(tos);
	inet_of(sk)->tos = tos;
	return 0;
}

static int set_ttl(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (v != -1 && (v < 1 || v > 255)) return -EINVAL;
	inet_of(sk)->ttl = (int16_t)v;
	return 0;
}

static int get_ttl(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(int *)val = inet_of(sk)->ttl < 0 ? sk->stack->sysctl->ip_default_ttl : inet_of(sk)->ttl;
	return 0;
}

static int set_mcast_ttl(struct sock *sk, const void *val, socklen_t len)
{
	int v = *(const int *)val;

	(void)len;
	if (sk->type == SOCK_STREAM || v < -1 || v > 255) return -EINVAL;
	inet_of(sk)->mcast_ttl = v < 0 ? 1 : (uint8_t)v;
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

static int set_transparent(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (*(const int *)val && !sock_is_privileged(sk)) return -EPERM;
	inet_of(sk)->transparent = *(const int *)val != 0;
	return 0;
}

static int set_recvfragsize(struct sock *sk, const void *val, socklen_t len)
{
	(void)len;
	if (sk->type == SOCK_STREAM) return -EINVAL;
	inet_of(sk)->recvfragsize = *(const int *)val;
	return 0;
}

/* The lower port in the lower half, 0 for the host's own bound. */
static int set_port_range(struct sock *sk, const void *val, socklen_t len)
{
	uint32_t v = *(const uint32_t *)val, low = v & 0xffff, high = v >> 16;

	(void)len;
	if (low && high && low > high) return -EINVAL;
	inet_of(sk)->port_low = (uint16_t)low;
	inet_of(sk)->port_high = (uint16_t)high;
	return 0;
}

static int get_port_range(struct sock *sk, void *val, socklen_t *len)
{
	(void)len;
	*(uint32_t *)val = (uint32_t)inet_of(sk)->port_high << 16 | inet_of(sk)->port_low;
	return 0;
}

/* ---- multicast ---- */

static struct netif *netif_with_addr(const struct stack *s, struct in_addr in)
{
	struct addr a = addr_v4_octets((const uint8_t *)&in);
	struct netif_addr *na = netif_addr_find(s, &a, NULL);

	return na ? na->netif : NULL;
}

/* val: struct ip_mreqn, or the older ip_mreq. */
static int change_membership(struct sock *sk, const void *val, socklen_t len, membership_step *step)
{
	struct ip_mreqn m = {0};
	struct netif *nif = NULL;
	struct addr group;

	memcpy(&m, val, len >= sizeof m ? sizeof m : sizeof(struct ip_mreq));
	group = addr_v4_octets((const uint8_t *)&m.imr_multiaddr);
	if (m.imr_ifindex)
		nif = netif_by_index(sk->stack, m.imr_ifindex);
	else if (m.imr_address.s_addr)
		nif = netif_with_addr(sk->stack, m.imr_address);
	if ((m.imr_ifindex || m.imr_address.s_addr) && !nif) return membership_nowhere(&group, step, -ENODEV);
	return step(inet_of(sk), &group, nif);
}

static int set_add_membership(struct sock *sk, const void *val, socklen_t len) { return change_membership(sk, val, len, membership_join); }
static int set_drop_membership(struct sock *sk, const void *val, socklen_t len) { return change_membership(sk, val, len, membership_leave); }

/* NULL: of a stream or an association, which no group hears. */
static uint32_t *mcast_source(struct sock *sk)
{
	return sk->type == SOCK_DGRAM || sk->type == SOCK_RAW ? &((struct dgram_sock *)sk)->mcast_addr : NULL;
}

/* IP_MULTICAST_IF takes an address, or one of the two requests, and sends from the address that it names. The wildcard takes the choice back. */
static int set_mcast_if(struct sock *sk, const void *val, socklen_t len)
{
	uint32_t *source = mcast_source(sk);
	struct ip_mreqn m = {0};
	struct netif *nif;

	if (len >= sizeof(struct ip_mreq))
		memcpy(&m, val, len >= sizeof m ? sizeof m : sizeof(struct ip_mreq));
	else
		memcpy(&m.imr_address, val, sizeof m.imr_address);
	if (!m.imr_ifindex && !m.imr_address.s_addr) {
		inet_of(sk)->mcast_if = 0;
		if (source) *source = 0;
		return 0;
	}
	nif = m.imr_ifindex ? netif_by_index(sk->stack, m.imr_ifindex) : netif_with_addr(sk->stack, m.imr_address);
	if (!nif) return -EADDRNOTAVAIL;
	if (sk->bound_if && sk->bound_if != nif) return -EINVAL;
	inet_of(sk)->mcast_if = nif->index;
	if (source) *source = ntohl(m.imr_address.s_addr);
	return 0;
}

static int get_mcast_if(struct sock *sk, void *val, socklen_t *len)
{
	const uint32_t *source = mcast_source(sk);

	return opt_copy_out(val, len, &(struct in_addr){source ? htonl(*source) : 0}, sizeof(struct in_addr));
}

int inet_unicast_if_read(const struct sock *sk, const void *val, socklen_t len, int *ret)
{
	struct netif *nif;
	int index;

	if (len != sizeof index) return -EINVAL;
	index = (int)read32(val);
	nif = index ? netif_by_index(sk->stack, index) : NULL;
	if (index && !nif) return -EADDRNOTAVAIL;
	if (nif && sk->bound_if && sk->bound_if != nif) return -EINVAL;
	*ret = index;
	return 0;
}

static int set_unicast_if(struct sock *sk, const void *val, socklen_t len)
{
	return inet_unicast_if_read(sk, val, len, &inet_of(sk)->unicast_if);
}

static int get_unicast_if(struct sock *sk, void *val, socklen_t *len)
{
	be32 index = be32_of((uint32_t)inet_of(sk)->unicast_if);

	(void)len;
	memcpy(val, &index, sizeof index);
	return 0;
}

#define I(n) .level = IPPROTO_IP, .name = n, .text = #n, .type = OPT_BYTE_OR_INT
#define BLOB(n) .level = IPPROTO_IP, .name = n, .text = #n, .type = OPT_BLOB
#define FIELD(f) OPT_FIELD(struct inet_sock, f)
#define FLAG1(n, f) {.level = IPPROTO_IP, .name = n, .text = #n, .type = OPT_BYTE_OR_BOOL, .least = 1, BOTH, FIELD(f)}
#define FLAG(n, f) {.level = IPPROTO_IP, .name = n, .text = #n, .type = OPT_BYTE_OR_BOOL, BOTH, FIELD(f)}

const struct sockopt ip_options[] = {
	{I(IP_TOS), BOTH, FIELD(tos), .set = set_tos},
	{I(IP_TTL), .least = 1, BOTH, .get = get_ttl, .set = set_ttl},
	{I(IP_MTU_DISCOVER), BOTH, .min = IP_PMTUDISC_DONT, .max = IP_PMTUDISC_OMIT, FIELD(pmtudisc)},
	{I(IP_MTU), GET, .get = get_mtu},
	{.level = IPPROTO_IP, .name = IP_RECVERR, .text = "IP_RECVERR", .type = OPT_BYTE_OR_BOOL, BOTH, FIELD(recverr), .after = errqueue_purge4},
	FLAG(IP_PKTINFO, pktinfo),
	FLAG(IP_RECVTTL, recvttl),
	FLAG(IP_RECVTOS, recvtos),
	FLAG(IP_RECVORIGDSTADDR, recvorigdst),
	FLAG1(IP_FREEBIND, freebind),
	FLAG(IP_BIND_ADDRESS_NO_PORT, bind_no_port),
	{I(IP_TRANSPARENT), .least = 1, BOTH, FIELD(transparent), .set = set_transparent},
	{I(IP_MINTTL), .least = 1, BOTH, .min = 0, .max = 255, FIELD(min_ttl)},
	{.level = IPPROTO_IP, .name = IP_RECVFRAGSIZE, .text = "IP_RECVFRAGSIZE", .type = OPT_BYTE_OR_BOOL, BOTH, FIELD(recvfragsize),
	 .set = set_recvfragsize},
	{.level = IPPROTO_IP, .name = IP_CHECKSUM, .text = "IP_CHECKSUM", .type = OPT_BYTE_OR_BOOL, BOTH, FIELD(checksum),
	 .note = "no device here sums for us, so none is told"},
	{.level = IPPROTO_IP, .name = IP_PASSSEC, .text = "IP_PASSSEC", .type = OPT_BYTE_OR_BOOL, BOTH, FIELD(passsec),
	 .note = "there are no labels to pass"},
	{.level = IPPROTO_IP, .name = LOCAL_PORT_RANGE, .text = "IP_LOCAL_PORT_RANGE", .type = OPT_INT, .exact = true, BOTH, .get = get_port_range,
	 .set = set_port_range},
	{.level = IPPROTO_IP, .name = PROTOCOL, .text = "IP_PROTOCOL", .type = OPT_INT, GET, FIELD(lport),
	 .note = "of raw sockets; of others the port, as Linux"},
	{I(IP_NODEFRAG), BOTH, .get = opt_get_zero, .set = opt_set_unknown},                  /* of raw sockets, too */
	{.level = IPPROTO_IP, .name = RECVERR_RFC4884, .text = "IP_RECVERR_RFC4884", .type = OPT_BYTE_OR_INT, BOTH, .max = 1, FIELD(recverr_rfc4884),
	 .note = "no host here extends its ICMP messages"},
	FLAG(IP_RECVOPTS, recvopts),
	FLAG(IP_RETOPTS, retopts),
	{I(IP_HDRINCL), BOTH, .get = opt_get_zero, .set = opt_set_unknown},                   /* of raw sockets, which have a row of their own */
	{.level = IPPROTO_IP, .name = IP_UNICAST_IF, .text = "IP_UNICAST_IF", .type = OPT_INT, .exact = true, BOTH,
	 .get = get_unicast_if, .set = set_unicast_if},
	{BLOB(IP_PKTOPTIONS), GET, .get = pktoptions_get4, .note = "of streams"},
	{BLOB(IP_OPTIONS), BOTH, .get = header_options_get4, .set = header_options_set4, .unread = header_options_unread4, .note = "not by TCP"},
	{I(IP_MULTICAST_TTL), .least = 1, BOTH, FIELD(mcast_ttl), .set = set_mcast_ttl},
	FLAG1(IP_MULTICAST_LOOP, mcast_loop),
	{I(IP_MULTICAST_ALL), .least = 1, .max = 1, BOTH, FIELD(mcast_all)},
	{BLOB(IP_MULTICAST_IF), .least = sizeof(struct in_addr), .of_stream = EINVAL, BOTH, .get = get_mcast_if, .set = set_mcast_if},
	{BLOB(IP_ADD_MEMBERSHIP), .least = sizeof(struct ip_mreq), .of_stream = EPROTO, SET, .set = set_add_membership},
	{BLOB(IP_DROP_MEMBERSHIP), .least = sizeof(struct ip_mreq), .of_stream = EPROTO, SET, .set = set_drop_membership},
	{BLOB(MCAST_JOIN_GROUP), .least = sizeof(struct group_req), SET, .set = membership_set_join},
	{BLOB(MCAST_LEAVE_GROUP), .least = sizeof(struct group_req), SET, .set = membership_set_leave},
	{BLOB(IP_BLOCK_SOURCE), .least = sizeof(struct ip_mreq_source), .exact = true, SET, .set = membership_set_block4},
	{BLOB(IP_UNBLOCK_SOURCE), .least = sizeof(struct ip_mreq_source), .exact = true, SET, .set = membership_set_unblock4},
	{BLOB(IP_ADD_SOURCE_MEMBERSHIP), .least = sizeof(struct ip_mreq_source), .exact = true, SET, .set = membership_set_join_source4},
	{BLOB(IP_DROP_SOURCE_MEMBERSHIP), .least = sizeof(struct ip_mreq_source), .exact = true, SET, .set = membership_set_leave_source4},
	{BLOB(IP_MSFILTER), .least = offsetof(struct ip_msfilter, imsf_slist), BOTH, .get = membership_get_filter4, .set = membership_set_filter4},
	{BLOB(MCAST_BLOCK_SOURCE), .least = sizeof(struct group_source_req), .exact = true, SET, .set = membership_set_block},
	{BLOB(MCAST_UNBLOCK_SOURCE), .least = sizeof(struct group_source_req), .exact = true, SET, .set = membership_set_unblock},
	{BLOB(MCAST_JOIN_SOURCE_GROUP), .least = sizeof(struct group_source_req), .exact = true, SET, .set = membership_set_join_source},
	{BLOB(MCAST_LEAVE_SOURCE_GROUP), .least = sizeof(struct group_source_req), .exact = true, SET, .set = membership_set_leave_source},
	{BLOB(MCAST_MSFILTER), .least = offsetof(struct group_filter, gf_slist), BOTH, .get = membership_get_filter, .set = membership_set_filter},
	{.level = SOL_SOCKET, .name = SO_ATTACH_REUSEPORT_CBPF, .text = "SO_ATTACH_REUSEPORT_CBPF", .type = OPT_BLOB, SET, .set = port_chooser_set},
	{.level = SOL_SOCKET, .name = DETACH_REUSEPORT_BPF, .text = "SO_DETACH_REUSEPORT_BPF", .type = OPT_INT, SET, .set = port_chooser_detach},
	{.text = NULL},
};
