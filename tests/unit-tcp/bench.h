/*
 * One TCP stack on a bench, segment by segment, on virtual time. The test is the peer.
 *
 *     us   10.0.0.1 or fd00::1   ── eth0, raw IP, MTU 1500 ──   the peer   10.0.0.2 or fd00::2
 *
 * Sequence numbers are relative, as in tcpdump: 0 is the SYN, ours and the peer's alike. Tests read as sentences:
 *
 *     inject(b, SYN, .mss = 1460);
 *     expect(b, SYN | ACK, .ack = 1);
 *     inject(b, ACK, .seq = 1, .ack = 1);
 *     expect_nothing(b);
 *     pass(b, 200 * NS_PER_MS);
 */
#pragma once
#include "../unit/unit.h"
#include <errno.h>
#include <netinet/in.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include "stack/core/netif.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet.h"
#include "stack/tcp/conn.h"
#include "wire/wire.h"

/* The flags as words. */
enum { FIN = TCP_FIN, SYN = TCP_SYN, RST = TCP_RST, PSH = TCP_PSH, ACK = TCP_ACK, URG = TCP_URG, ECE = TCP_ECE, CWR = TCP_CWR };

#define US_PORT 80
#define PEER_PORT 40000
#define PEER_ISN 0xfffffff0u          /* so that every test wraps */
#define ANY 0xffffffffu

/* A segment as the test sees it. In expectations 0 stands for 0; where it says so, ANY for anything. */
struct seg {
	uint8_t flags;
	seq32 seq, ack;
	uint32_t len;
	const char *data;                 /* instead of the pattern */
	uint32_t wnd;                     /* sent: 65535 when left out, NO_WINDOW for 0; expected: not checked when left out */
	uint16_t urg;
	uint16_t mss; int wscale;         /* of SYNs; wscale is 1 + the shift */
	bool ts, sack_ok; uint32_t ts_val, ts_ecr;
	struct { seq32 start, end; } sack[4];
	const char *cookie; bool exp_cookie;          /* Fast Open's option, "": asks for one. Expected: NULL: not checked */
	const struct tcp_cookie *given;   /* sent: instead of cookie */
	const struct tcp_secret *sign;    /* sent: signed with it. Expected: so it has to be */
	uint16_t sport, dport;            /* the usual ones when left out */
	uint8_t ecn;                      /* sent: the ECN field; what came is in bench.ecn */
	bool bad_csum, raw_seq;           /* raw_seq: seq and ack are absolute */
};
#define NO_WINDOW 0xfffffffeu

struct bench {
	struct stack *s;
	struct netif *lo, *eth;
	struct list sent;                 /* struct packet that left by eth0, not yet expected */
	struct addr us, peer;
	bool v6;
	uint16_t us_port, peer_port;
	seq32 iss;                        /* ours, once a SYN was seen */
	bool iss_known;
	struct sock *listener, *sk;
	uint64_t random;
	const struct tcp_secret *sign;    /* of the segment that is looked at, and what its signature is to be */
	uint8_t digest[16];
	unsigned readies;                 /* calls of host_ops.ready */
	uint32_t flow;                    /* IPv6: the label of the segment expected last */
	uint8_t ecn, tos, ttl;            /* of the segment expected last; tos is the whole octet */
	struct tcp_hdr last;              /* the segment expected last, sequence numbers relative */
	enum drop_reason dropped;         /* the last reason, DROP_NONE once asked */
};

extern const struct crypto *(*bench_crypto)(void);   /* NULL: there are no ciphers */
int bench_open4(void **state);            /* cmocka set-up */
int bench_open6(void **state);
int bench_close(void **state);
#define both(test) cmocka_unit_test_setup_teardown(test, bench_open4, bench_close), cmocka_unit_test_setup_teardown(test, bench_open6, bench_close)

/* ---- segments ---- */
void bench_inject(struct bench *b, const struct seg *g);
void bench_expect(struct bench *b, const struct seg *g, const char *file, int line);
void bench_expect_nothing(struct bench *b, const char *file, int line);
#define inject(b, f, ...) bench_inject(b, &(struct seg){.flags = (f), __VA_ARGS__})
#define expect(b, f, ...) bench_expect(b, &(struct seg){.flags = (f), __VA_ARGS__}, __FILE__, __LINE__)
#define expect_nothing(b) bench_expect_nothing(b, __FILE__, __LINE__)
int bench_next(struct bench *b);          /* what was sent next goes to b->last; its octets of text, or -1: nothing was */
const struct packet *bench_peek(struct bench *b);   /* what bench_next would take; NULL: nothing */
void bench_flush(struct bench *b);        /* forgets what was sent */
/* About a segment of ours at this relative seq; v4 numbers, translated. */
void bench_icmp(struct bench *b, unsigned type, unsigned code, uint32_t rest, seq32 seq);
unsigned bench_loop(struct bench *b);     /* delivers what is in flight on lo */

/* ---- time ---- */
void pass(struct bench *b, time_ns ns);   /* deadline by deadline */

/* ---- calls ---- */
socklen_t bench_name(struct bench *b, struct sockaddr_storage *ret, const struct addr *a, uint16_t port);
struct sock *bench_socket(struct bench *b);
struct sock *bench_listen(struct bench *b, int backlog);              /* on US_PORT */
int bench_connect(struct bench *b, struct sock *sk);                  /* to the peer's PEER_PORT */
struct sock *bench_accept(struct bench *b);                           /* NULL: -EAGAIN */
ssize_t bench_send(struct bench *b, size_t len, int flags);           /* of a pattern, on b->sk */
ssize_t bench_recv(struct bench *b, size_t len, int flags);           /* checks the pattern */
void bench_set(struct sock *sk, int level, int name, int value);
int bench_get(struct sock *sk, int level, int name);
int bench_error(struct sock *sk);                                     /* SO_ERROR */
int bench_state(struct sock *sk);                                     /* TCP_INFO's: enum tcp_state */
void bench_shutdown(struct bench *b, int how);
void bench_close_sk(struct bench *b);                                 /* b->sk is NULL afterwards */
size_t bench_socks(const struct bench *b);                            /* sockets alive in the stack, orphans too */

/* A connection in b->sk, made by the peer (accepted) or by us. Options as the peer's SYN has them, the MSS 1460 when left out. */
void bench_passive(struct bench *b, const struct seg *syn);
void bench_active(struct bench *b, const struct seg *syn);
#define passive(b, ...) bench_passive(b, &(struct seg){.flags = SYN, ##__VA_ARGS__})
#define active(b, ...) bench_active(b, &(struct seg){.flags = SYN | ACK, ##__VA_ARGS__})
