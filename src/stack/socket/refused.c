/*
 * Options that Linux has and this stack has not, each with the errno of a kernel that was built without the feature. They are looked at last, so a
 * protocol that serves one has a row of its own for it. docs/sockopts.md lists them with their reasons.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include "stack/socket/option.h"

#define ZERO(l, n, t, e, why) {.level = l, .name = n, .text = t, .access = BOTH, .refused = e, .get = opt_get_zero, .note = why}
#define ROW(l, n, t, a, e, why) {.level = l, .name = n, .text = t, .access = a, .refused = e, .note = why}
#define ROOTS(l, d, n, t, e, why) \
	{.level = l, .domain = d, .name = n, .text = t, .access = OPT_SET, .privileged = true, .refused = e, .note = why}
#define SO(n, t, a, e, why) ROW(SOL_SOCKET, n, t, a, e, why)
#define BOTH (OPT_GET | OPT_SET)
#define OF_UNIX "of AF_UNIX"
#define EBPF "programs of eBPF are the kernel's"
#define NO_IPSEC "no IPsec"
#define NO_MROUTE "no multicast routing; up to 212 the same"

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
	ROW(IPPROTO_IP, 200, "MRT_INIT", BOTH, ENOPROTOOPT, NO_MROUTE),
	{.level = IPPROTO_IPV6, .domain = AF_INET6, .name = 200, .text = "MRT6_INIT", .access = BOTH, .refused = ENOPROTOOPT, .note = NO_MROUTE},
	ROOTS(IPPROTO_IPV6, AF_INET6, 34, "IPV6_IPSEC_POLICY", EOPNOTSUPP, NO_IPSEC),
	ROOTS(IPPROTO_IPV6, AF_INET6, 35, "IPV6_XFRM_POLICY", EINVAL, NO_IPSEC),
	{.text = NULL},
};
