/*
 * Raw IP sockets (SOCK_RAW of AF_INET and AF_INET6): datagrams of one IP protocol, past every transport.
 *
 *     in:   ip_deliver -> raw_deliver: a copy for every socket that fits, whoever else gets the datagram
 *     out:  message -> [checksum at an offset, IPv6] -> IP header by us, or by the program (IP_HDRINCL) -> as any datagram
 *
 * There are no ports; where an address shows one, Linux shows the protocol. raw(7) has the rest.
 */
#pragma once
#include "stack/inet/dgram.h"

#define RAW_NO_CHECKSUM (-1)

struct raw_sock {
	struct dgram_sock ds;
	struct dgram_cork cork;       /* MSG_MORE */
	struct list node;             /* inet.raws */
	uint32_t filter4;             /* ICMP_FILTER: a bit for each type that does not come through */
	uint32_t filter6[8];          /* ICMPV6_FILTER: the same */
	int checksum;                 /* IPV6_CHECKSUM: the offset of the checksum in the message, or RAW_NO_CHECKSUM */
	bool alert4, alert4_shown, alert6, alert6_shown; /* IP_ROUTER_ALERT, IPV6_ROUTER_ALERT: router_alert.c */
	int alert6_value;
	uint32_t mroute_table;        /* MRT_TABLE; 0: the default one */
	bool nodefrag;                /* kept: what is sent is never put together here anyway */
};

/* Gives a copy of p to every raw socket that it is for. p stays the caller's: data = the IP header, the message behind `at` octets. False: to none. */
bool raw_deliver(struct stack *s, struct packet *p, size_t at, uint8_t proto);
void raw_give(struct raw_sock *rs, const struct packet *p, size_t at, uint8_t proto);   /* a copy of p */
void raw_error(struct stack *s, const struct ip_error *e);          /* about a datagram that a raw socket may have sent */
/* ---- raw_output.c ---- */
ssize_t raw4_send(struct sock *sk, const struct sock_msg *m);
ssize_t raw6_send(struct sock *sk, const struct sock_msg *m);
/* ---- router_alert.c ---- */
int raw_set_alert4(struct sock *sk, const void *val, socklen_t len);
int raw_set_alert6(struct sock *sk, const void *val, socklen_t len);
/* ---- raw_options.c ---- */
extern const struct sockopt raw4_options[], raw6_options[];
