/* ICMP datagram sockets (SOCK_DGRAM, IPPROTO_ICMP and IPPROTO_ICMPV6), as icmp4.c and icmp6.c see them. */
#pragma once
#include "stack/inet/inet.h"

void ping_receive(struct stack *s, struct packet *p);                  /* an echo reply; takes p, data = the ICMP message, checksum verified */
void ping_error(struct stack *s, const struct ip_error *e);            /* about an echo request of ours; quote = its ICMP header */
