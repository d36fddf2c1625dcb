/*
 * Two hosts and a tunnel over the first of their wires (two_hosts.h), and somebody who sees every message on it and may lose, keep and change it:
 *
 *     a  wg0 192.168.9.1/24, fd09::1/64  ════  wg0 192.168.9.2/24, fd09::2/64  b
 *
 * a knows where b is, b learns it from a. The tunnel is over IPv4 unless bench_over6 says otherwise.
 */
#pragma once
#include "../unit/unit.h"
#include "../unit/two_hosts.h"
#include <netinet/in.h>
#include "stack/wireguard/private.h"
#include "wire/wire.h"

#define PORT 51820
#define MESSAGE_MAX 2048

/* A WireGuard message on the wire. */
struct seen { int from; uint32_t type; uint8_t *at; size_t len; uint8_t tos; struct packet *p; };

struct message { uint8_t octets[MESSAGE_MAX]; size_t len; };

struct bench {
	struct two_hosts net;
	struct netif *tunnel[2];
	struct wg_device *w[2];
	struct wg_peer *peer[2];                      /* a's is b, and b's is a */
	struct wg_key secret[2], key[2];
	unsigned sent[2][5];                          /* of each type */
	struct message last[2][5];
	bool (*lose)(struct bench *, struct seen *);  /* true: it is lost. NULL: none is */
	unsigned count;                               /* lose()'s */
	struct sock *sock[2];                         /* UDP, bound to port 7 of all addresses */
};

int bench_open(void **state);
int bench_close(void **state);
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)
static inline void bench_pass(struct bench *b, time_ns ns) { two_hosts_pass(&b->net, ns); }
static inline void settle(struct bench *b) { bench_pass(b, 50 * NS_PER_MS); }
void bench_over6(struct bench *b);                    /* the endpoint that a knows is b's IPv6 address */

/* A datagram of len octets, the first of which is mark, into the tunnel, to the other's wg0. What send says. */
ssize_t say(struct bench *b, int from, uint8_t mark, size_t len);
/* The mark of the next datagram that has come, or -1. */
int heard(struct bench *b, int at);
/* Octets as a message from `from` (its address, or another host's) and a port, arrive at `to` now. */
void inject(struct bench *b, int to, const char *from, uint16_t sport, const void *message, size_t len);
static inline void replay(struct bench *b, int to, const struct message *m) { inject(b, to, to ? "10.0.0.1" : "10.0.0.2", PORT, m->octets, m->len); }
uint64_t drops(const struct bench *b, int at, enum drop_reason why);
void allow(struct wg_peer *peer, const char *prefix);
