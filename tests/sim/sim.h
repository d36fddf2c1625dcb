/*
 * Simulations: whole stacks and links on virtual time. Nothing waits: the clock jumps from one event to the next, so that
 * an hour of retransmissions takes milliseconds, and a run is the same every time.
 *
 *     SIM_PAIR     a ─────────── b            10.0.1.1, fd00:1::1 ── 10.0.1.2, fd00:1::2
 *     SIM_ROUTED   a ──── r ──── b            10.0.1.1, fd00:1::1 ── r ── 10.0.2.1, fd00:2::1
 *
 * After every event each actor is pumped: it does what a program would that was woken, and never blocks.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include "link/net.h"
#include "stack/socket/sock.h"
#include "wire/wire.h"

enum sim_shape { SIM_PAIR, SIM_ROUTED };
#define SIM_PORT 80
#define SIM_WIRE_MAX 4000

struct sim_actor { struct list node; void (*pump)(struct sim_actor *); };

/* What TCP put on the wire at one host, as a bystander sees it. */
struct sim_count {
	uint64_t segments, data, resent, lost;
	seq32 max_end;                      /* the sequence number behind all it sent, SYN and FIN included */
	bool started;
	uint16_t port, peer_port;           /* of the last segment, as are these: */
	seq32 ack;
	uint32_t ts_val, ts_ecr;
	bool has_ts;
};

struct sim {
	struct net *net;
	struct net_host *a, *b, *r;
	struct netif *nif_a, *nif_b;
	struct net_link *link, *link_b;     /* a's link, and b's (the same one in a pair) */
	time_ns now;
	struct list actors;
	struct sim_count count_a, count_b;
	/* Told of each segment as it leaves a or b, if set. */
	void (*on_segment)(struct sim *sim, bool is_a, const struct tcp_hdr *h, size_t payload, bool lost);
	void *user;
	char wire[SIM_WIRE_MAX];            /* TCP segments as sent: "a:S b:SA a:A a:A(100) …", "!" behind one that the link lost */
	size_t wire_len;
};

extern const struct crypto *(*sim_crypto)(void);     /* NULL: there are no ciphers, and no Multipath TCP */
struct sim *sim_new(enum sim_shape shape, uint64_t seed);
void sim_free(struct sim *sim);
void sim_impair(struct sim *sim, const char *words);                       /* a's link, both directions, in netem's words */
void sim_cut(struct sim *sim, uint32_t *ret_id);                           /* a from b */
void sim_run(struct sim *sim, time_ns for_ns);
/* Until done says so: true, or false after max_ns. */
bool sim_run_until(struct sim *sim, bool (*done)(void *), void *arg, time_ns max_ns);
void sim_wire_clear(struct sim *sim);

/* Calls on a host, at the simulation's time: r = sim_call(sim, host, sock_bind(sk, …)) */
void sim_enter(struct sim *sim, struct net_host *h);
void sim_leave(struct sim *sim, struct net_host *h);
#define sim_call(sim, host, expression) \
	({ sim_enter(sim, host); __auto_type sim_result = (expression); sim_leave(sim, host); sim_result; })

socklen_t sim_name(const struct sim *sim, struct sockaddr_storage *ret, int domain, const struct net_host *h, uint16_t port);
struct sock *sim_socket(struct sim *sim, struct net_host *h, int domain, int type, int protocol);
struct sock *sim_listener(struct sim *sim, struct net_host *h, int domain, uint16_t port);
int sim_connect_start(struct sim *sim, struct net_host *from, struct sock *sk, const struct net_host *to, uint16_t port);
void sim_close(struct sim *sim, struct sock *sk);
int sim_tcp_state(struct sim *sim, struct sock *sk);                       /* TCP_INFO's */
void sim_set_int(struct sim *sim, struct sock *sk, int level, int name, int value);

/* SIM_OCTETS octets of a stream, from its octet i on: no two offsets less than a million apart see the same ones, and no two patterns do. */
#define SIM_OCTETS 20000
const uint8_t *sim_octets(uint8_t pattern, uint64_t i);

/* One end of a stream that sends a pattern, reads the other's, and checks every octet. */
struct sim_stream {
	struct sim_actor actor;
	struct sim *sim;
	struct net_host *host;
	struct sock *sk;
	uint64_t total, sent, received;     /* octets */
	uint8_t pattern, expected;          /* what it sends, and what it wants to see */
	bool shut_after, was_shut, paused, eof;
	bool careless;                      /* takes what comes: somebody forges segments */
	int err;                            /* the first error but EAGAIN */
	time_ns eof_at;
};

/* A connection a -> b on SIM_PORT, made and accepted; bufsize 0: the host's own. */
struct sim_pair { struct sim_stream a, b; struct sock *listener; };
void sim_connect(struct sim *sim, int domain, int bufsize, struct sim_pair *ret);
void sim_stream_start(struct sim_stream *st, struct sim *sim, struct net_host *h, struct sock *sk);
void sim_stream_send(struct sim_stream *st, uint64_t octets, bool then_shut);
void sim_stream_close(struct sim_stream *st);                              /* close(), while the actor ends */
void sim_pair_close(struct sim_pair *p);                                   /* whatever is still open of it */
