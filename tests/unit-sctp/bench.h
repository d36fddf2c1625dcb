/*
 * Two hosts, two wires between them, and somebody who sees every SCTP packet and may lose it:
 *
 *     a  10.0.0.1/24, fd00::1/64  ── wire 0 ──  10.0.0.2/24, fd00::2/64  b
 *        10.1.0.1/24              ── wire 1 ──  10.1.0.2/24
 *
 * A wire takes 5 ms. Time moves when told to, event by event.
 */
#pragma once
#include "../unit/unit.h"
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <linux/sctp.h>
#include "stack/core/netif.h"
#include "stack/core/stack.h"
#include "stack/sctp/assoc.h"
#include "stack/socket/sock.h"
#include "wire/wire.h"

#define WIRE_NS (5 * NS_PER_MS)
#define CHUNKS_SEEN 32

/* A packet on a wire. */
struct seen {
	int from, wire;                       /* 0: a's, 1: b's */
	uint32_t number;                      /* of all packets */
	struct sctp_hdr h;
	unsigned n;
	struct sctp_chunk chunks[CHUNKS_SEEN];
	uint8_t *at; size_t len;              /* the SCTP packet, to be changed; sctp_emit() mends its checksum */
	struct packet *p;
};
struct bench {
	struct stack *s[2];
	struct netif *nif[2][2];
	struct list wires;                    /* struct frame */
	time_ns now;
	uint64_t random;
	uint32_t packets, chunks[256];        /* that left, of each type */
	bool cut[2];                          /* a wire: nothing arrives */
	bool (*lose)(struct bench *, struct seen *);   /* true: it is lost. NULL: none is */
	void *user;                           /* lose()'s */
	int count;
	uint8_t last[2][2048]; size_t last_len[2];     /* the last SCTP packet of each host, with its header */
};

int bench_open(void **state);
int bench_close(void **state);
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)
void bench_pass(struct bench *b, time_ns ns);
static inline void settle(struct bench *b) { bench_pass(b, 100 * NS_PER_MS); }
/* An SCTP packet from 10.0.0.2 (whose: 0, to a) or 10.0.0.1 (1, to b), checksum filled in, arrives now. */
void bench_inject(struct bench *b, int whose, const struct sctp_hdr *h, const uint8_t *chunks, size_t len);
void bench_inject_from(struct bench *b, int whose, const char *from, const struct sctp_hdr *h, const uint8_t *chunks, size_t len);
bool seen_has(const struct seen *p, uint8_t type);

/* ---- calls ---- */
struct sockaddr_storage at(const char *addr, uint16_t port);
int call_bind(struct sock *sk, const char *addr, uint16_t port);
int call_connect(struct sock *sk, const char *addr, uint16_t port);
ssize_t call_send(struct sock *sk, const void *data, size_t len);
struct got { ssize_t n; int flags; struct sctp_rcvinfo info; bool has_info; struct sockaddr_storage from; uint8_t data[70000]; };
const struct got *call_recv(struct sock *sk);          /* static: until the next one */
struct sock *one(struct stack *s);                     /* AF_INET, SOCK_STREAM */
struct sock *many(struct stack *s);
struct sock *listening(struct sock *sk, const char *addr, uint16_t port);
/* A pair of one-to-one sockets that are connected: by b's port 7. */
void connected(struct bench *b, struct sock **ret_a, struct sock **ret_b);
struct assoc *assoc_at(struct sock *sk);
int set_int(struct sock *sk, int name, int v);
void events_on(struct sock *sk);                       /* all notifications, and struct sctp_rcvinfo */
struct wish_sent { uint16_t stream, flags; uint32_t ppid, context; sctp_assoc_t id; const char *to; uint16_t port; struct sctp_prinfo *pr; };
ssize_t call_sendmsg(struct sock *sk, const void *data, size_t len, const struct wish_sent *w);
