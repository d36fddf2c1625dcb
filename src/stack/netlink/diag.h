/*
 * NETLINK_SOCK_DIAG: which sockets a host has, as `ss` asks.
 *
 *     diag.c           the request: which family's table; ending a socket from outside
 *     diag_inet.c      TCP, UDP, UDP-Lite and raw sockets: whom a request means     diag_attributes.c   what is told of one
 *     diag_filter.c    the filter programs that come with a request
 *     diag_unix.c      Unix sockets
 *     diag_other.c     packet and netlink sockets
 *
 * Read first: sock_diag(7), <linux/inet_diag.h>.
 */
#pragma once
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include "stack/inet/facts.h"
#include "stack/netlink/private.h"

/* A family's part. Answers are messages of type SOCK_DIAG_BY_FAMILY. */
struct diag_family {
	uint8_t family;
	size_t header;                                                     /* of a request, at least */
	int (*check)(const struct netlink_sock *, const struct nl_request *);      /* before a dump begins; NULL: nothing to check */
	int (*dump)(struct nl_writer *, const struct nl_request *);         /* its errno stands in the message that ends the dump */
	int (*one)(struct nl_writer *, const struct nl_request *);          /* NULL: -EOPNOTSUPP */
	int (*destroy)(struct netlink_sock *, const struct nl_request *);   /* NULL: -EOPNOTSUPP */
	bool end_apart;               /* of a dump: nl_serve_dump() */
};
extern const struct diag_family diag_inet, diag_inet6, diag_packet, diag_netlink, diag_unix;

/* ---- diag_filter.c ---- */
/* Is this attribute a program that ends? 0, -EINVAL, -EPERM (it asks for marks, and the asker may not) */
int diag_filter_check(const uint8_t *program, size_t len, bool privileged);
bool diag_filter_run(const uint8_t *program, size_t len, const struct inet_facts *f);

/* ---- diag_attributes.c ---- */
void diag_inet_write(struct nl_writer *w, const struct inet_diag_req_v2 *q, const struct inet_facts *f);
void diag_put_cookie(uint32_t ret[2], const struct sock *sk);
bool diag_is_cookie(const uint32_t asked[2], uint64_t cookie);   /* that, or the one that stands for any */
void diag_put_meminfo(struct nl_writer *w, uint16_t type, const struct sock *sk, uint32_t in, uint32_t out, uint32_t drops);
