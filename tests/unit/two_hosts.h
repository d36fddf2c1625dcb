/*
 * Two hosts, two wires between them, and somebody who sees every datagram and may lose or change it:
 *
 *     a  10.0.0.1/24, fd00::1/64  ── wire 0 ──  10.0.0.2/24, fd00::2/64  b
 *        10.1.0.1/24              ── wire 1 ──  10.1.0.2/24
 *
 * A wire takes 5 ms. Time moves when told to, event by event. A suite's bench has one of these and what it knows of its protocol.
 */
#pragma once
#include <sys/socket.h>
#include "stack/core/netif.h"
#include "stack/core/stack.h"
#include "stack/socket/sock.h"

#define WIRE_NS (5 * NS_PER_MS)

struct two_hosts {
	struct stack *s[2];
	struct netif *wire[2][2];             /* whose, which */
	struct list frames;                   /* struct frame: on their way */
	time_ns now;
	uint64_t random;
	bool cut[2];                          /* a wire: nothing arrives */
	const struct crypto *crypto;          /* NULL: there are no ciphers */
	bool (*look)(struct two_hosts *, int from, int wire, struct packet *p);   /* true: it is lost */
};

/* crypto and look are set, all else is 0. */
void two_hosts_open(struct two_hosts *t);
void two_hosts_close(struct two_hosts *t);
void two_hosts_pass(struct two_hosts *t, time_ns ns);
void give_address(struct netif *nif, const char *prefix);

/* ---- calls ---- */
struct sockaddr_storage at(const char *addr, uint16_t port);
socklen_t at_len(const struct sockaddr_storage *ss);
int call_bind(struct sock *sk, const char *addr, uint16_t port);
int call_connect(struct sock *sk, const char *addr, uint16_t port);
ssize_t call_send(struct sock *sk, const void *data, size_t len);
