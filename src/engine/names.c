/* Numbers of calls back into the words of the manual pages, for the report of what was refused. */
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <linux/netlink.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "engine/private.h"
#include "stack/socket/option.h"

struct name { int level, number; const char *text; };
#define N(number) {0, number, #number}
#define O(level, number) {level, number, #number}

static const struct name families[] = {
	N(AF_UNIX), N(AF_INET), N(AF_INET6), N(AF_NETLINK), N(AF_PACKET), N(AF_VSOCK), N(AF_ALG), N(AF_BLUETOOTH), N(AF_CAN), N(AF_KEY),
	N(AF_RXRPC), N(AF_TIPC), N(AF_XDP), N(AF_SMC), N(AF_QIPCRTR), N(AF_NFC), N(AF_APPLETALK), N(AF_AX25), N(AF_IPX), N(AF_X25), N(AF_RDS),
	N(AF_PPPOX), N(AF_MPLS), N(AF_IB), N(AF_KCM), N(AF_PHONET), N(AF_IEEE802154), N(AF_UNSPEC),
};

static const struct name types[] = {
	N(SOCK_STREAM), N(SOCK_DGRAM), N(SOCK_RAW), N(SOCK_SEQPACKET), N(SOCK_RDM), N(SOCK_DCCP), N(SOCK_PACKET),
};

static const struct name protocols[] = {
	N(IPPROTO_IP), N(IPPROTO_ICMP), N(IPPROTO_IGMP), N(IPPROTO_TCP), N(IPPROTO_UDP), N(IPPROTO_ICMPV6), N(IPPROTO_SCTP), N(IPPROTO_DCCP),
	N(IPPROTO_UDPLITE), N(IPPROTO_RAW), N(IPPROTO_MPTCP), N(IPPROTO_GRE), N(IPPROTO_ESP), N(IPPROTO_AH),
};

static const struct name levels[] = {
	N(SOL_SOCKET), {0, IPPROTO_IP, "SOL_IP"}, {0, IPPROTO_TCP, "SOL_TCP"}, {0, IPPROTO_UDP, "SOL_UDP"}, {0, IPPROTO_UDPLITE, "SOL_UDPLITE"},
	{0, IPPROTO_IPV6, "SOL_IPV6"}, {0, IPPROTO_ICMPV6, "SOL_ICMPV6"}, {0, IPPROTO_SCTP, "SOL_SCTP"}, {0, IPPROTO_RAW, "SOL_RAW"}, N(SOL_NETLINK),
	N(SOL_PACKET), N(SOL_TLS), {0, 284, "SOL_MPTCP"}, {0, 279, "SOL_ALG"}, {0, 274, "SOL_BLUETOOTH"}, {0, 283, "SOL_XDP"},
};

/* Those of Linux's that no row of the stack names. */
static const struct name options[] = {
	O(SOL_SOCKET, SO_ATTACH_FILTER), O(SOL_SOCKET, SO_DETACH_FILTER), O(SOL_SOCKET, SO_ATTACH_BPF), O(SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF),
	O(SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF), O(SOL_SOCKET, SO_LOCK_FILTER), O(SOL_SOCKET, SO_PASSCRED), O(SOL_SOCKET, SO_PEERCRED),
	O(SOL_SOCKET, SO_PASSSEC), O(SOL_SOCKET, SO_PEERSEC), O(SOL_SOCKET, SO_PEERGROUPS), O(SOL_SOCKET, SO_TIMESTAMPING), O(SOL_SOCKET, SO_BUSY_POLL),
	O(SOL_SOCKET, SO_ZEROCOPY), O(SOL_SOCKET, SO_TXTIME), O(SOL_SOCKET, SO_MAX_PACING_RATE), O(SOL_SOCKET, SO_WIFI_STATUS),
	O(SOL_SOCKET, SO_NOFCS), O(SOL_SOCKET, SO_PEEK_OFF), O(SOL_SOCKET, SO_INCOMING_NAPI_ID), O(SOL_SOCKET, SO_MEMINFO),
	O(IPPROTO_IP, IP_OPTIONS), O(IPPROTO_IP, IP_TRANSPARENT), O(IPPROTO_IP, IP_ROUTER_ALERT),
	O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), O(IPPROTO_IP, IP_RECVORIGDSTADDR), O(IPPROTO_IP, IP_MINTTL), O(IPPROTO_IP, IP_MSFILTER),
	O(IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP), O(IPPROTO_IP, IP_BLOCK_SOURCE), O(IPPROTO_IP, IP_RETOPTS), O(IPPROTO_IP, IP_RECVOPTS),
	O(IPPROTO_IP, IP_UNICAST_IF), O(IPPROTO_IP, MCAST_JOIN_GROUP), O(IPPROTO_IP, MCAST_LEAVE_GROUP), O(IPPROTO_IP, IP_FREEBIND),
	O(IPPROTO_IPV6, IPV6_2292PKTOPTIONS), O(IPPROTO_IPV6, IPV6_RTHDR), O(IPPROTO_IPV6, IPV6_HOPOPTS), O(IPPROTO_IPV6, IPV6_DSTOPTS),
	O(IPPROTO_IPV6, IPV6_RECVRTHDR), O(IPPROTO_IPV6, IPV6_RECVHOPOPTS), O(IPPROTO_IPV6, IPV6_RECVDSTOPTS), O(IPPROTO_IPV6, IPV6_ROUTER_ALERT),
	O(IPPROTO_IPV6, IPV6_ADDR_PREFERENCES), O(IPPROTO_IPV6, IPV6_MINHOPCOUNT), O(IPPROTO_IPV6, IPV6_TRANSPARENT), O(IPPROTO_IPV6, IPV6_FREEBIND),
	O(IPPROTO_IPV6, IPV6_AUTOFLOWLABEL),
	{IPPROTO_IPV6, 32, "IPV6_FLOWLABEL_MGR"}, {IPPROTO_IPV6, 33, "IPV6_FLOWINFO_SEND"},
	O(IPPROTO_TCP, TCP_MD5SIG), O(IPPROTO_TCP, TCP_FASTOPEN), O(IPPROTO_TCP, TCP_FASTOPEN_CONNECT), O(IPPROTO_TCP, TCP_FASTOPEN_KEY),
	O(IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE), O(IPPROTO_TCP, TCP_REPAIR), O(IPPROTO_TCP, TCP_ULP), O(IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE),
	O(IPPROTO_TCP, TCP_CC_INFO), O(IPPROTO_TCP, TCP_SAVE_SYN), O(IPPROTO_TCP, TCP_SAVED_SYN), O(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS),
	O(IPPROTO_TCP, TCP_COOKIE_TRANSACTIONS), O(IPPROTO_TCP, TCP_TIMESTAMP),
	O(IPPROTO_TCP, TCP_INQ), O(IPPROTO_TCP, TCP_NOTSENT_LOWAT), O(IPPROTO_TCP, TCP_QUEUE_SEQ), O(IPPROTO_TCP, TCP_CONGESTION), O(IPPROTO_TCP, TCP_INFO),
	O(IPPROTO_UDP, UDP_CORK), O(IPPROTO_UDP, UDP_ENCAP), O(IPPROTO_UDP, UDP_SEGMENT), O(IPPROTO_UDP, UDP_GRO),
	O(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP), O(SOL_NETLINK, NETLINK_DROP_MEMBERSHIP), O(SOL_NETLINK, NETLINK_PKTINFO), O(SOL_NETLINK, NETLINK_EXT_ACK),
	O(SOL_NETLINK, NETLINK_GET_STRICT_CHK), O(SOL_NETLINK, NETLINK_CAP_ACK), O(SOL_NETLINK, NETLINK_NO_ENOBUFS), O(SOL_NETLINK, NETLINK_BROADCAST_ERROR),
	O(SOL_PACKET, PACKET_ADD_MEMBERSHIP), O(SOL_PACKET, PACKET_RX_RING), O(SOL_PACKET, PACKET_VERSION), O(SOL_PACKET, PACKET_AUXDATA),
};

static const struct name ioctls[] = {
	N(SIOCATMARK), N(SIOCSPGRP), N(SIOCGPGRP), N(FIOSETOWN), N(FIOGETOWN), N(SIOCGSTAMP), N(SIOCGSTAMPNS), N(SIOCADDRT), N(SIOCDELRT),
	N(SIOCGIFNAME), N(SIOCGIFCONF), N(SIOCGIFFLAGS), N(SIOCSIFFLAGS), N(SIOCGIFADDR), N(SIOCSIFADDR), N(SIOCGIFDSTADDR), N(SIOCSIFDSTADDR),
	N(SIOCGIFBRDADDR), N(SIOCSIFBRDADDR), N(SIOCGIFNETMASK), N(SIOCSIFNETMASK), N(SIOCGIFMETRIC), N(SIOCGIFMTU), N(SIOCSIFMTU), N(SIOCSIFNAME),
	N(SIOCSIFHWADDR), N(SIOCGIFHWADDR), N(SIOCGIFINDEX), N(SIOCGMIIPHY), N(SIOCGMIIREG), N(SIOCDARP), N(SIOCGARP), N(SIOCSARP),
	N(SIOCGIFMAP), N(SIOCGIFTXQLEN), N(SIOCSIFTXQLEN), N(SIOCGIFVLAN), N(SIOCBRADDBR), N(SIOCGIFCOUNT), N(SIOCADDMULTI), N(SIOCDELMULTI),
};

static const char *name_find(const struct name *names, size_t n, int level, int number)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].level == level && names[i].number == number) return names[i].text;
	return NULL;
}

/* One word, or the number where there is none. */
static int word(char *buf, size_t size, const char *text, int number)
{
	return text ? snprintf(buf, size, "%s", text) : snprintf(buf, size, "%d", number);
}
#define WORD(buf, size, names, number) word(buf, size, name_find(names, ARRAY_SIZE(names), 0, number), number)

static const struct sockopt *row_in(const struct sockopt *table, int level, int name)
{
	for (const struct sockopt *o = table; o->text; o++)
		if (o->level == level && o->name == name) return o;
	return NULL;
}

/* The row that the stack has for it, if any. */
static const struct sockopt *row_find(const struct sock *sk, int level, int name)
{
	const struct sockopt *o = NULL;
	for (const struct sockopt *const *table = sk->ops->options; table && *table && !o; table++) o = row_in(*table, level, name);
	if (!o) o = row_in(sock_options, level, name);
	return o ? o : row_in(device_options, level, name);
}

/* Does a socket of this kind have the level at all? Linux passes SOL_IP on for both IP families. */
static bool level_is_own(const struct sock *sk, int level)
{
	bool inet = sk->domain == AF_INET || sk->domain == AF_INET6;
	switch (level) {
	case SOL_SOCKET: return true;
	case IPPROTO_IP: return inet;
	case IPPROTO_IPV6: return sk->domain == AF_INET6;
	case IPPROTO_TCP: case IPPROTO_UDP: case IPPROTO_UDPLITE: case IPPROTO_SCTP: return inet && sk->protocol == level;
	case IPPROTO_RAW: case IPPROTO_ICMPV6: return inet && sk->type == SOCK_RAW;
	case SOL_NETLINK: return sk->domain == AF_NETLINK;
	case SOL_PACKET: return sk->domain == AF_PACKET;
	default: return false;
	}
}

/* A row answers -ENOPROTOOPT only where Linux does: asked to set what can only be read. So it is with -EOPNOTSUPP of raw sockets' filters. */
bool option_text(char *buf, size_t size, const struct sock *sk, int level, int name, int64_t err)
{
	const struct sockopt *row = row_find(sk, level, name);
	const char *text = row ? row->text : name_find(options, ARRAY_SIZE(options), level, name);
	char l[32], n[48];
	WORD(l, sizeof l, levels, level);
	word(n, sizeof n, text, name);
	snprintf(buf, size, "%s, %s", l, n);
	return text && level_is_own(sk, level) && !(row && (err == -ENOPROTOOPT || (err == -EOPNOTSUPP && sk->type == SOCK_RAW)));
}

bool ioctl_text(char *buf, size_t size, unsigned long request)
{
	const char *text = request <= INT32_MAX ? name_find(ioctls, ARRAY_SIZE(ioctls), 0, (int)request) : NULL;
	if (text) snprintf(buf, size, "%s", text);
	else snprintf(buf, size, "%#lx", request);
	return text != NULL;
}

/* What Linux has a protocol for, given its modules. */
static bool inet_is_known(int domain, int type, int protocol)
{
	switch (type) {
	case SOCK_RAW: return protocol != 0;
	case SOCK_STREAM: return protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP || protocol == IPPROTO_MPTCP;
	case SOCK_DGRAM: return protocol == 0 || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
				protocol == (domain == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	case SOCK_SEQPACKET: return protocol == 0 || protocol == IPPROTO_SCTP;
	case SOCK_DCCP: return protocol == 0 || protocol == IPPROTO_DCCP;
	default: return false;
	}
}

static bool family_is_known(int domain, int type, int protocol)
{
	if (domain == AF_INET || domain == AF_INET6) return inet_is_known(domain, type, protocol);
	if (domain == AF_NETLINK) return (type == SOCK_RAW || type == SOCK_DGRAM) && protocol >= 0 && protocol < MAX_LINKS;
	return domain != AF_UNSPEC && name_find(families, ARRAY_SIZE(families), 0, domain);
}

bool family_text(char *buf, size_t size, int domain, int type, int protocol)
{
	char d[32], t[32], p[32];
	WORD(d, sizeof d, families, domain);
	WORD(t, sizeof t, types, type);
	if (domain == AF_INET || domain == AF_INET6) WORD(p, sizeof p, protocols, protocol);
	else word(p, sizeof p, NULL, protocol);
	snprintf(buf, size, "%s, %s, %s", d, t, p);
	return family_is_known(domain, type, protocol);
}
