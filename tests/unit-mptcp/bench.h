/* Two hosts that speak Multipath TCP (two_hosts.h), and somebody who sees every segment with its options, and may lose or change it. */
#pragma once
#include "../unit/unit.h"
#include "../unit/two_hosts.h"
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include "stack/core/sysctl.h"
#include "stack/mptcp/pm.h"

/* A segment on a wire. */
struct seen {
	int from, wire;                       /* 0: a's, 1: b's */
	struct tcp_hdr h;
	struct mptcp_opts o;
	uint8_t *at, *text; size_t len, text_len;      /* the segment and its text, to be changed; seen_mend() sums it up anew */
	struct addr src, dst;
};
struct bench {
	struct two_hosts net;
	uint32_t segments, has[9][2];         /* that left; those with an option of each subtype, by whom */
	uint32_t resets;
	uint64_t text[2][2];                  /* octets that left: by whom, by which wire */
	bool (*lose)(struct bench *, struct seen *);   /* true: it is lost. NULL: none is */
	int count;                            /* lose()'s */
	struct sock *listener;                /* connected()'s, which stays for those who join; NULL: there is none */
	struct seen last[9][2];               /* the last segment with an option of each subtype; its pointers are stale */
};

int bench_open(void **state);
int bench_close(void **state);
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)
static inline void bench_pass(struct bench *b, time_ns ns) { two_hosts_pass(&b->net, ns); }
static inline void settle(struct bench *b) { bench_pass(b, 100 * NS_PER_MS); }
void seen_mend(struct seen *v);
void seen_strip(struct seen *v);                       /* its options of Multipath TCP become NOPs */
void bench_set(struct bench *b, int whose, const char *name, const char *value);
void endpoint(struct bench *b, int whose, const char *addr, uint32_t flags);

/* ---- calls ---- */
ssize_t call_recv(struct sock *sk, void *data, size_t len);
struct sock *open_sock(struct stack *s, int domain, int protocol);
struct sock *listening(struct bench *b, int domain, int protocol, const char *addr);     /* at b, port 7 */
/* A pair that is connected, 10.0.0.1 to port 7 of 10.0.0.2. */
void connected(struct bench *b, struct sock **ret_a, struct sock **ret_b);
void two_paths(struct bench *b, struct sock **ret_a, struct sock **ret_b);     /* the same, and by the other wire as well: b told of its address */
/* Octets of a pattern, from the `sent`th or `got`th on: how many those are then. Those received are the pattern's, or the test fails. */
size_t send_octets(struct sock *from, size_t sent, size_t len);        /* as many as there is room for */
size_t recv_octets(struct sock *to, size_t got);                       /* all that there is */
/* Octets from one to the other, which has to get them all within that time, in order. Where they differ the test fails. */
void transfer(struct bench *b, struct sock *from, struct sock *to, size_t len, time_ns within);
void all_gone(struct bench *b);                        /* the sockets were closed: nothing is left of them on either host, in time */
struct mptcp_sock *msk_at(struct sock *sk);
unsigned subflows(struct sock *sk);                    /* that are open */
