/* Anycast addresses of IPv6 (IPV6_JOIN_ANYCAST): what is sent to one comes to whoever of those that have it is near. They are never a source. */
#pragma once
#include "stack/inet/mcast.h"
#include "stack/inet/inet.h"

struct anycast {
	struct list node;                  /* inet.anycasts */
	struct netif *netif;
	struct addr addr;
	uint32_t users;
	struct mcast_member member;        /* of its solicited-node group */
};

int anycast_set_join(struct sock *sk, const void *val, socklen_t len);
int anycast_set_leave(struct sock *sk, const void *val, socklen_t len);
void anycast_leave_all(struct inet_sock *is);
bool anycast_has(const struct stack *s, const struct netif *nif, const struct addr *a);    /* nif NULL: on any */
const struct list *anycast_list(const struct stack *s);    /* struct anycast.node, for dumps */
