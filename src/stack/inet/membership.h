/*
 * Which multicast groups a socket joined, and from which sources: IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, MCAST_JOIN_GROUP and their source-specific
 * kin. Names of the calls are Linux's of both families, which behave alike. Read first: RFC 3678.
 */
#pragma once
#include "stack/inet/inet.h"

typedef int membership_step(struct inet_sock *is, const struct addr *group, struct netif *nif);
/* nif NULL: the interface that the route to the group takes. -EINVAL, -ENODEV, -EADDRINUSE (joined already), -ENOBUFS (too many), -ENOMEM */
membership_step membership_join;
membership_step membership_leave;                           /* nif NULL: any. -EADDRNOTAVAIL */
/* To add or take away a source of the list of those excluded, or of those included: joins where it must, leaves where nothing is left. */
enum membership_change { SOURCE_BLOCK, SOURCE_UNBLOCK, SOURCE_JOIN, SOURCE_LEAVE };
int membership_source(struct inet_sock *is, enum membership_change how, const struct addr *group, const struct addr *source, struct netif *nif);
/* The whole filter at once. -EINVAL when the group was not joined, -ENOBUFS */
int membership_filter_set(struct inet_sock *is, const struct addr *group, struct netif *nif, bool exclude, const struct addr *sources, uint32_t n);
/* n: capacity in, how many there are out. -EADDRNOTAVAIL */
int membership_filter_get(struct inet_sock *is, const struct addr *group, struct netif *nif, bool *ret_exclude, struct addr *sources, uint32_t *n);
void membership_leave_all(struct inet_sock *is);
void membership_leave_ipv6(struct inet_sock *is);           /* the groups of IPv6 alone */
/* A datagram from source to this group that came in on nif may go to is: it joined, or takes what the host's others joined (IP_MULTICAST_ALL). */
bool membership_allows(const struct inet_sock *is, const struct addr *group, const struct addr *source, const struct netif *nif);

/* That there is no such interface, err, as Linux answers it: what is no group can't be joined anyhow, and what is left was joined, or was not. */
int membership_nowhere(const struct addr *group, membership_step *step, int err);

/* ---- membership_options.c: rows of IPPROTO_IP, and with a 6 of IPPROTO_IPV6, which a socket of IPv6 has both ---- */
int membership_set_join(struct sock *sk, const void *val, socklen_t len);             /* MCAST_JOIN_GROUP: struct group_req */
int membership_set_leave(struct sock *sk, const void *val, socklen_t len);
int membership_set_block(struct sock *sk, const void *val, socklen_t len);            /* MCAST_BLOCK_SOURCE: struct group_source_req */
int membership_set_unblock(struct sock *sk, const void *val, socklen_t len);
int membership_set_join_source(struct sock *sk, const void *val, socklen_t len);
int membership_set_leave_source(struct sock *sk, const void *val, socklen_t len);
int membership_set_filter(struct sock *sk, const void *val, socklen_t len);           /* MCAST_MSFILTER: struct group_filter */
int membership_get_filter(struct sock *sk, void *val, socklen_t *len);
int membership_set_join6(struct sock *sk, const void *val, socklen_t len);
int membership_set_leave6(struct sock *sk, const void *val, socklen_t len);
int membership_set_block6(struct sock *sk, const void *val, socklen_t len);
int membership_set_unblock6(struct sock *sk, const void *val, socklen_t len);
int membership_set_join_source6(struct sock *sk, const void *val, socklen_t len);
int membership_set_leave_source6(struct sock *sk, const void *val, socklen_t len);
int membership_set_filter6(struct sock *sk, const void *val, socklen_t len);
int membership_get_filter6(struct sock *sk, void *val, socklen_t *len);
int membership_set_block4(struct sock *sk, const void *val, socklen_t len);           /* IP_BLOCK_SOURCE: struct ip_mreq_source */
int membership_set_unblock4(struct sock *sk, const void *val, socklen_t len);
int membership_set_join_source4(struct sock *sk, const void *val, socklen_t len);
int membership_set_leave_source4(struct sock *sk, const void *val, socklen_t len);
int membership_set_filter4(struct sock *sk, const void *val, socklen_t len);          /* IP_MSFILTER: struct ip_msfilter */
int membership_get_filter4(struct sock *sk, void *val, socklen_t *len);
