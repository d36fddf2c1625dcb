/* The table of families: who makes a socket of (domain, type, protocol), and with which errno the rest is refused. */
#pragma once
#include "stack/socket/sock.h"

struct family {
	int domain;
	const char *name;
	/* 0 and *ret, or -EPROTONOSUPPORT, -ESOCKTNOSUPPORT, -EPERM … as Linux; may set *protocol from 0 to the default. */
	int (*choose)(struct stack *, int type, int *protocol, const struct sock_ops **ret);
};
const struct family *family_find(int domain);              /* NULL: -EAFNOSUPPORT */
extern const struct sock_ops tcp_ops, tcp_asked_ops, tcp_upper_ops, mptcp_ops, sctp_ops, udp_ops, udplite_ops, ping_ops, raw4_ops,
	raw6_ops, packet_ops, netlink_ops, unix_ops, unix_stream_ops;
static inline bool tcp_is(const struct sock *sk) { return sk->ops == &tcp_ops || sk->ops == &tcp_asked_ops || sk->ops == &tcp_upper_ops; }
int inet_choose(struct stack *, int type, int *protocol, const struct sock_ops **ret);    /* stack/inet/family.c, for AF_INET and AF_INET6 */
int inet6_choose(struct stack *, int type, int *protocol, const struct sock_ops **ret);
int unix_choose(struct stack *, int type, int *protocol, const struct sock_ops **ret);    /* stack/unix */
int netlink_choose(struct stack *, int type, int *protocol, const struct sock_ops **ret); /* stack/netlink */
int packet_choose(struct stack *, int type, int *protocol, const struct sock_ops **ret);  /* stack/packet */
