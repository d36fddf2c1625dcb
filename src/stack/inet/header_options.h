/* Header options that a socket sends with every datagram: what the rows of IPPROTO_IP and IPPROTO_IPV6 do. */
#pragma once
#include "stack/inet/inet.h"

struct header_opts *header_options_of(struct inet_sock *is);                  /* made when there is none yet. NULL: no memory */
void header_options_free(struct inet_sock *is);
/* How long they are, checked and filled up; -EINVAL. */
int header_options_read4(const struct sock *sk, const void *val, size_t len, uint8_t ret[static IP4_OPTIONS_MAX]);
int header_options_set4(struct sock *sk, const void *val, socklen_t len);     /* IP_OPTIONS */
int header_options_unread4(const struct sock *sk, socklen_t len);
int header_options_get4(struct sock *sk, void *val, socklen_t *len);
int header_options_set_hop(struct sock *sk, const void *val, socklen_t len);  /* IPV6_HOPOPTS */
int header_options_get_hop(struct sock *sk, void *val, socklen_t *len);
int header_options_set_rthdrdst(struct sock *sk, const void *val, socklen_t len);   /* IPV6_RTHDRDSTOPTS */
int header_options_get_rthdrdst(struct sock *sk, void *val, socklen_t *len);
int header_options_set_dst(struct sock *sk, const void *val, socklen_t len);  /* IPV6_DSTOPTS */
int header_options_get_dst(struct sock *sk, void *val, socklen_t *len);

/* pktoptions.c: IP_PKTOPTIONS, IPV6_2292PKTOPTIONS */
void pktoptions_note(struct inet_sock *is, const struct packet *p);           /* p opened the connection */
int pktoptions_get4(struct sock *sk, void *val, socklen_t *len);
int pktoptions_get6(struct sock *sk, void *val, socklen_t *len);
int pktoptions_set6(struct sock *sk, const void *val, socklen_t len);

/* pathmtu.c: IPV6_RECVPATHMTU */
void pathmtu_note(struct inet_sock *is, const struct addr *dst, uint32_t mtu_bytes);   /* a datagram to dst was larger */
bool pathmtu_waits(const struct inet_sock *is);
ssize_t pathmtu_recv(struct inet_sock *is, struct sock_msg *m);               /* one waits */
