/*
 * Options that Linux has and this stack has not, each with the errno of a kernel that was built without the feature. They are looked at last, so a
 * protocol that serves one has a row of its own for it. docs/sockopts.md lists them with their reasons.
 */
#include <errno.h>
#include <netinet/in.h>
#include "stack/socket/option.h"

#define ZERO(l, n, t, e, why) {.level = l, .name = n, .text = t, .access = BOTH, .refused = e, .get = opt_get_zero, .note = why}
#define ROW(l, n, t, a, e, why) {.level = l, .name = n, .text = t, .access = a, .refused = e, .note = why}
#define ROOTS(l, d, n, t, e, why) \
	{.level = l, .domain = d, .name = n, .text = t, .access = OPT_SET, .privileged = true, .refused = e, .note = why}
#define AO(n, t, a) ROW(IPPROTO_TCP, n, t, a, ENOPROTOOPT, "no TCP-AO (RFC 5925), as of a kernel without CONFIG_TCP_AO")
#define SO(n, t, a, e, why) ROW(SOL_SOCKET, n, t, a, e, why)
#define BOTH (OPT_GET | OPT_SET)
#define OF_UNIX "of AF_UNIX"
#define EBPF "programs of eBPF are the kernel's"
#define NO_IPSEC "no IPsec"
#define ROUTERS(l, d, n, t, why) \
	{.level = l, .domain = d, .name = n, .text = t, .access = BOTH, .refused = EOPNOTSUPP, .unread = unread_routers, .note = why}
#define MRT(n, t) ROUTERS(IPPROTO_IP, 0, n, "MRT_" t, "of raw sockets of IGMP")
#define MRT6(n, t) ROUTERS(IPPROTO_IPV6, AF_INET6, n, "MRT6_" t, "of raw sockets of ICMPv6")

/* Linux looks at the socket before it looks at the value. */
static int unread_routers(const struct sock *sk, socklen_t len) { return (void)sk, (void)len, -EOPNOTSUPP; }

const struct sockopt refused_options[] = {
	SO(SO_PASSCRED, "SO_PASSCRED", BOTH, EOPNOTSUPP, OF_UNIX),
	SO(SO_PASSSEC, "SO_PASSSEC", BOTH, EOPNOTSUPP, OF_UNIX),
	SO(76, "SO_PASSPIDFD", BOTH, EOPNOTSUPP, OF_UNIX),
	SO(83, "SO_PASSRIGHTS", BOTH, EOPNOTSUPP, OF_UNIX),
	SO(SO_PEERGROUPS, "SO_PEERGROUPS", OPT_GET, ENODATA, OF_UNIX),
	SO(77, "SO_PEERPIDFD", OPT_GET, ENODATA, OF_UNIX),
	SO(SO_PEERSEC, "SO_PEERSEC", OPT_GET, ENOPROTOOPT, "no security labels"),
	SO(SO_ATTACH_BPF, "SO_ATTACH_BPF", OPT_SET, EINVAL, EBPF),
	SO(SO_ATTACH_REUSEPORT_EBPF, "SO_ATTACH_REUSEPORT_EBPF", OPT_SET, EINVAL, EBPF),
	ZERO(IPPROTO_IP, 5, "IP_ROUTER_ALERT", EINVAL, "of raw sockets"),
	ROOTS(IPPROTO_IP, 0, 16, "IP_IPSEC_POLICY", EOPNOTSUPP, NO_IPSEC),
	ROOTS(IPPROTO_IP, 0, 17, "IP_XFRM_POLICY", EINVAL, NO_IPSEC),
	{.level = IPPROTO_IPV6, .domain = AF_INET6, .name = 22, .text = "IPV6_ROUTER_ALERT", .access = BOTH, .least = 4, .refused = ENOPROTOOPT,
	 .get = opt_get_zero, .note = "of raw sockets"},
	AO(38, "TCP_AO_ADD_KEY", OPT_SET),
	AO(39, "TCP_AO_DEL_KEY", OPT_SET),
	AO(40, "TCP_AO_INFO", BOTH),
	AO(41, "TCP_AO_GET_KEYS", OPT_GET),
	AO(42, "TCP_AO_REPAIR", BOTH),
	MRT(200, "INIT"), MRT(201, "DONE"), MRT(202, "ADD_VIF"), MRT(203, "DEL_VIF"), MRT(204, "ADD_MFC"), MRT(205, "DEL_MFC"), MRT(206, "VERSION"),
	MRT(207, "ASSERT"), MRT(208, "PIM"), MRT(209, "TABLE"), MRT(210, "ADD_MFC_PROXY"), MRT(211, "DEL_MFC_PROXY"), MRT(212, "FLUSH"),
	MRT6(200, "INIT"), MRT6(201, "DONE"), MRT6(202, "ADD_MIF"), MRT6(203, "DEL_MIF"), MRT6(204, "ADD_MFC"), MRT6(205, "DEL_MFC"), MRT6(206, "VERSION"),
	MRT6(207, "ASSERT"), MRT6(208, "PIM"), MRT6(209, "TABLE"), MRT6(210, "ADD_MFC_PROXY"), MRT6(211, "DEL_MFC_PROXY"), MRT6(212, "FLUSH"),
	ROOTS(IPPROTO_IPV6, AF_INET6, 34, "IPV6_IPSEC_POLICY", EOPNOTSUPP, NO_IPSEC),
	ROOTS(IPPROTO_IPV6, AF_INET6, 35, "IPV6_XFRM_POLICY", EINVAL, NO_IPSEC),
	{.text = NULL},
};
