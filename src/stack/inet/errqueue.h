/*
 * The error queue of a socket: what ICMP said about datagrams it sent, kept when it asked for that with IP_RECVERR or IPV6_RECVERR, and
 * what became of sends (MSG_ZEROCOPY, SO_TIMESTAMPING). Read with MSG_ERRQUEUE. Bounded by SO_RCVBUF. Read first: ip(7), IP_RECVERR.
 */
#pragma once
#include "stack/inet/inet.h"

#define ERRQUEUE_DATA_MAX 1280     /* of the datagram that the error is about */

/* An error reported by ICMP; payload = what of the datagram's data the ICMP message quoted, port = where the datagram was sent. */
void errqueue_put_icmp(struct inet_sock *is, const struct ip_error *e, uint16_t port, const uint8_t *payload, size_t len);
/* An error of our own: the datagram was larger than mtu_bytes. */
void errqueue_put_local(struct inet_sock *is, int err, uint32_t mtu_bytes, const struct addr *dst, uint16_t port);
/* A send with MSG_ZEROCOPY is done with the program's memory, after a copy as always: one entry for as many as follow each other. */
void errqueue_put_zerocopy(struct inet_sock *is);
/*
 * When what was sent was handed to a device, to the device's queue, and acknowledged: Linux's SCM_TSTAMP_*. With it comes what went out, from the link
 * header on (frame: as ip_out.ret_copy gives it), or data; what a connection knows about itself (stats) comes as a control message, too.
 */
enum { STAMP_SENT, STAMP_SCHED, STAMP_ACKED };
struct stamp { int which; uint32_t id; const struct packet *frame; const void *data; size_t len; bool stats; };
void errqueue_put_stamp(struct inet_sock *is, const struct stamp *st);
/* Sends of a stream whose stamps are still to come: the nodes are the protocol's, made by malloc, and go with the queue. NULL: no memory. */
struct awaited_sends { struct list list; unsigned count; };
struct awaited_sends *errqueue_awaited(struct inet_sock *is);
int errqueue_purge4(struct sock *sk);      /* after IP_RECVERR was set: none of ICMP's and of our own any more, where it is off */
int errqueue_purge6(struct sock *sk);      /* the same of IPV6_RECVERR */
bool errqueue_has(const struct inet_sock *is);
ssize_t errqueue_recv(struct inet_sock *is, struct sock_msg *m);   /* -EAGAIN when empty */
void errqueue_free(struct inet_sock *is);
