/* AF_NETLINK: programs <-> stack, and programs <-> programs of one host. */
#pragma once
#include "stack/socket/sock.h"

int netlink_new(struct stack *s);
void netlink_free(struct stack *s);
/* For lists of sockets. waiting: what the messages in its queue take of its buffer */
struct netlink_name { uint32_t pid, groups, waiting, drops; };
bool netlink_name(const struct sock *sk, struct netlink_name *ret);  /* false: it has no port id yet */
bool netlink_is_served(int protocol);                              /* the stack itself answers there */
struct netif;
void netlink_uevent(const struct netif *nif, const char *action);   /* "add", "remove": to who listens to the devices */
/* Who makes the next calls on sk: gives it a port id, and shows itself to those whom it sends to. */
void netlink_act_as(struct sock *sk, const struct ucred *who);
