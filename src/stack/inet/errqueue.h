/*
 * The error queue of a socket: what ICMP said about datagrams it sent, kept when it asked for that with IP_RECVERR or IPV6_RECVERR, and
 * what became of sends (MSG_ZEROCOPY). Read with MSG_ERRQUEUE. Bounded. Read first: ip(7), IP_RECVERR.
 */
#pragma once
#include "stack/inet/inet.h"

#define ERRQUEUE_DATA_MAX 1280     /* of the datagram that the error is about */
#define ERRQUEUE_MAX 64

/* An error reported by ICMP; payload = what of the datagram's data the ICMP message quoted, port = where the datagram was sent. */
void errqueue_put_icmp(struct inet_sock *is, const struct ip_error *e, uint16_t port, const uint8_t *payload, size_t len);
/* An error of our own: the datagram was larger than mtu_bytes. */
void errqueue_put_local(struct inet_sock *is, int err, uint32_t mtu_bytes, const struct addr *dst, uint16_t port);
/* A send with MSG_ZEROCOPY is done with the program's memory, after a copy as always: one entry for as many as follow each other. */
void errqueue_put_zerocopy(struct inet_sock *is);
/* Linux's SCM_TSTAMP_*: when a datagram was handed to the queue of a device, and to the device. frame: what went out, or NULL. */
enum { STAMP_SENT, STAMP_SCHED };
void errqueue_put_stamp(struct inet_sock *is, int which, uint32_t id, const struct packet *frame, const struct netif *nif);
bool errqueue_has(const struct inet_sock *is);
ssize_t errqueue_recv(struct inet_sock *is, struct sock_msg *m);   /* -EAGAIN when empty */
void errqueue_free(struct inet_sock *is);
