/*
 * Which protocol serves (type, protocol) of AF_INET and AF_INET6. The order of refusals is Linux's: no protocol at all of this type is
 * -ESOCKTNOSUPPORT, another protocol -EPROTONOSUPPORT, and what needs CAP_NET_RAW -EPERM.
 */
#include <errno.h>
#include "stack/core/sysctl.h"
#include "stack/inet/inet.h"
#include "stack/mptcp/mptcp.h"
#include "stack/socket/family.h"

#define PROTO_MAX 263        /* Linux's IPPROTO_MAX: IPPROTO_MPTCP + 1 */

static int choose_stream(struct stack *s, int *protocol, const struct sock_ops **ret)
{
	if (*protocol == IPPROTO_SCTP) {
		*ret = &sctp_ops;
		return 0;
	}
	if (*protocol == IPPROTO_MPTCP) {
		if (!mptcp_possible(s)) return -EPROTONOSUPPORT;
		if (!s->sysctl->mptcp_enabled) return -ENOPROTOOPT;
		*ret = &mptcp_ops;
		return 0;
	}
	if (*protocol != 0 && *protocol != IPPROTO_TCP) return -EPROTONOSUPPORT;
	*protocol = IPPROTO_TCP;
	*ret = &tcp_ops;
	return 0;
}

static int choose_seqpacket(int *protocol, const struct sock_ops **ret)
{
	if (*protocol != 0 && *protocol != IPPROTO_SCTP) return -EPROTONOSUPPORT;
	*protocol = IPPROTO_SCTP;
	*ret = &sctp_ops;
	return 0;
}

static int choose_dgram(struct stack *s, int icmp, int *protocol, const struct sock_ops **ret)
{
	if (*protocol == icmp) {
		if (s->sysctl->ping_gid_min > s->sysctl->ping_gid_max) return -EACCES;
		*ret = &ping_ops;
		return 0;
	}
	if (*protocol == 0) *protocol = IPPROTO_UDP;
	if (*protocol != IPPROTO_UDP && *protocol != IPPROTO_UDPLITE) return -EPROTONOSUPPORT;
	*ret = *protocol == IPPROTO_UDP ? &udp_ops : &udplite_ops;
	return 0;
}

static int choose_raw(struct stack *s, int icmp, int protocol, const struct sock_ops **ret)
{
	if (protocol == 0) return -EPROTONOSUPPORT;
	if (!s->sysctl->privileged) return -EPERM;
	*ret = icmp == IPPROTO_ICMP ? &raw4_ops : &raw6_ops;
	return 0;
}

static int choose(struct stack *s, int type, int icmp, int *protocol, const struct sock_ops **ret)
{
	if (*protocol < 0 || *protocol >= PROTO_MAX) return -EINVAL;
	switch (type) {
	case SOCK_STREAM: return choose_stream(s, protocol, ret);
	case SOCK_SEQPACKET: return choose_seqpacket(protocol, ret);
	case SOCK_DGRAM: return choose_dgram(s, icmp, protocol, ret);
	case SOCK_RAW: return choose_raw(s, icmp, *protocol, ret);
	default: return -ESOCKTNOSUPPORT;
	}
}

int inet_choose(struct stack *s, int type, int *protocol, const struct sock_ops **ret)
{
	return choose(s, type, IPPROTO_ICMP, protocol, ret);
}

int inet6_choose(struct stack *s, int type, int *protocol, const struct sock_ops **ret)
{
	return choose(s, type, IPPROTO_ICMPV6, protocol, ret);
}
