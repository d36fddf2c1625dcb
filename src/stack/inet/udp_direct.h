/* What a host needs to know that carries plain UDP datagrams past the stack. */
#pragma once
#include "stack/inet/inet.h"

/* Where a datagram goes, and from where. */
struct udp_way { struct addr src, dst; uint16_t sport, dport; struct netif *oif; uint32_t octets_max; uint8_t tos; };

/* The way of a message without control messages and flags; name NULL: to the peer. false: the stack has something to do with it, or to say about it. */
bool udp_way_of(struct sock *sk, const struct sockaddr *name, socklen_t len, struct udp_way *ret);
/* Which socket of s gets what comes that way, when nothing but data and name is to be made of it; else NULL. */
struct sock *udp_way_end(struct stack *s, const struct udp_way *w);
void udp_way_name(const struct sock *receiver, const struct udp_way *w, struct sockaddr_storage *ret, socklen_t *ret_len);
struct sock *udp_sharer(const struct sock *sk, const struct sock *after);   /* those on sk's port, itself among them: start with NULL */
bool udp_talks_to(const struct sock *sk, const struct sock *peer);          /* it is connected to an address of peer's */
void udp_dropped(struct sock *sk, uint32_t n);                              /* so many found the receive buffer full */
