/* Routes and neighbours by ioctl, as route(8) and arp(8) set them. */
#pragma once
#include "stack/inet/inet.h"

int ioctl_route4(struct sock *sk, unsigned long request, const void *arg, size_t len);   /* struct ioctl_route */
int ioctl_route6(struct sock *sk, unsigned long request, const void *arg, size_t len);   /* struct in6_rtmsg */
int ioctl_arp(struct sock *sk, unsigned long request, void *arg, size_t len);            /* struct arpreq */
int ioctl_mask_len(const struct addr *mask);                                             /* < 0: no mask has holes */
