/*
 * Requests about interfaces, addresses, routes and neighbours that a program makes of any socket.
 *
 *     inet_ioctl -> AF_INET, AF_PACKET   ioctl_inet4.c   SIOCGIFADDR …, SIOCADDRT, SIOCGARP …
 *                -> AF_INET6             ioctl_inet6.c   the same numbers, other structs
 *                -> any                  ioctl_if.c      the device: flags, MTU, name …; ioctl_ethtool.c: its driver
 *
 * A part that does not know a request passes on with -NO_IOCTL_CMD. What changes something asks for CAP_NET_ADMIN first.
 */
#pragma once
#include <net/if.h>
#include "stack/inet/inet.h"

int ioctl_inet4(struct sock *sk, unsigned long request, void *arg, size_t len);
int ioctl_inet6(struct sock *sk, unsigned long request, void *arg, size_t len);
int ioctl_conf(struct sock *sk, void *arg, size_t len);   /* SIOCGIFCONF */
#define ETHTOOL_DATA 256       /* octets that SIOCETHTOOL wants behind the struct ifreq, for what its pointer points to */
int ioctl_ethtool(struct sock *sk, void *arg, size_t len);
/* The interface that an ifreq names; an alias ("eth0:1") is its interface's. NULL: there is none. */
struct netif *ioctl_netif(const struct stack *s, struct ifreq *r);
