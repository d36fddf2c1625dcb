/* Which multicast groups a socket joined: IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP, MCAST_JOIN_GROUP. Any source; no filters. */
#pragma once
#include "stack/inet/inet.h"

/* nif NULL: the interface that the route to the group takes. -EINVAL, -ENODEV, -EADDRINUSE (joined already), -ENOBUFS (too many), -ENOMEM */
int membership_join(struct inet_sock *is, const struct addr *group, struct netif *nif);
int membership_leave(struct inet_sock *is, const struct addr *group, struct netif *nif);   /* nif NULL: any. -EADDRNOTAVAIL */
/* MCAST_JOIN_GROUP and MCAST_LEAVE_GROUP: struct group_req, the same for both families. */
int membership_set_join(struct sock *sk, const void *val, socklen_t len);
int membership_set_leave(struct sock *sk, const void *val, socklen_t len);
void membership_leave_all(struct inet_sock *is);
/* A datagram to this group that came in on nif may go to is: it joined, or takes what the host's others joined (IP_MULTICAST_ALL). */
bool membership_allows(const struct inet_sock *is, const struct addr *group, const struct netif *nif);
