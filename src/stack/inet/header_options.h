/* Header options that a socket sends with every datagram: what the rows of IPPROTO_IP and IPPROTO_IPV6 do. */
#pragma once
#include "stack/inet/inet.h"

void header_options_free(struct inet_sock *is);
int header_options_set4(struct sock *sk, const void *val, socklen_t len);     /* IP_OPTIONS */
int header_options_get4(struct sock *sk, void *val, socklen_t *len);
int header_options_set_hop(struct sock *sk, const void *val, socklen_t len);  /* IPV6_HOPOPTS */
int header_options_get_hop(struct sock *sk, void *val, socklen_t *len);
int header_options_set_rthdrdst(struct sock *sk, const void *val, socklen_t len);   /* IPV6_RTHDRDSTOPTS */
int header_options_get_rthdrdst(struct sock *sk, void *val, socklen_t *len);
int header_options_set_dst(struct sock *sk, const void *val, socklen_t len);  /* IPV6_DSTOPTS */
int header_options_get_dst(struct sock *sk, void *val, socklen_t *len);
