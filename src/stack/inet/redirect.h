/*
 * Redirects: a router that sends a datagram back to the link it came from tells its source of the better first hop. Hosts remember that
 * for the one destination (redirect.c); routers say it, but not for ever to those who don't listen (redirect_send.c).
 */
#pragma once
#include "stack/core/route.h"

struct icmp_hdr;

/* What a redirect says: from, by whom. It is NULL in an ip_error of any other kind. */
struct redirect { struct netif *netif; struct addr from, dst, gateway; bool has_mac; struct mac mac; };
/* For ip_proto.error, once the datagram that it is about is known to be ours: believed if it may be. */
void redirect_take(struct stack *s, const struct redirect *r);
/* A message came in, its checksum verified: read only. */
enum drop_reason redirect_receive4(struct packet *p, const struct icmp_hdr *h);
enum drop_reason redirect_receive6(struct packet *p, const struct icmp_hdr *h, const uint8_t *body, size_t len);
/* The first hop that was named for dst instead of hop's, if there is one. */
void redirect_apply(struct stack *s, const struct addr *dst, struct route_hop *hop);

/* p goes back by hop to the link that it came from. */
void redirect_send(struct stack *s, struct packet *p, const struct route_hop *hop);
struct redirect_limits { struct { time_ns when; uint8_t sent; } bucket[256]; };   /* for each hash of a source (IPv4) */
