/* AF_NETLINK: programs <-> stack, and programs <-> programs of one host. */
#pragma once
#include "stack/socket/sock.h"

int netlink_new(struct stack *s);
void netlink_free(struct stack *s);
struct netif;
void netlink_uevent(const struct netif *nif, const char *action);   /* "add", "remove": to who listens to the devices */
/* Who makes the next calls on sk: gives it a port id, and shows itself to those whom it sends to. */
void netlink_act_as(struct sock *sk, const struct ucred *who);
