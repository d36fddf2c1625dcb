/* Two hosts that speak SCTP (two_hosts.h), and somebody who sees every packet and may lose it. */
#pragma once
#include "../unit/unit.h"
#include "../unit/two_hosts.h"
#include <netinet/in.h>
#include <sys/epoll.h>
#include <linux/sctp.h>
#include "stack/sctp/assoc.h"
#include "wire/wire.h"

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
	struct two_hosts net;
	uint32_t packets, chunks[256];        /* that left, of each type */
	bool (*lose)(struct bench *, struct seen *);   /* true: it is lost. NULL: none is */
	void *user;                           /* lose()'s */
	int count;
	uint8_t last[2][2048]; size_t last_len[2];     /* the last SCTP packet of each host, with its header */
};

int bench_open(void **state);
int bench_close(void **state);
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)
static inline void bench_pass(struct bench *b, time_ns ns) { two_hosts_pass(&b->net, ns); }
static inline void settle(struct bench *b) { bench_pass(b, 100 * NS_PER_MS); }
/* An SCTP packet from 10.0.0.2 (whose: 0, to a) or 10.0.0.1 (1, to b), checksum filled in, arrives now. */
void bench_inject(struct bench *b, int whose, const struct sctp_hdr *h, const uint8_t *chunks, size_t len);
void bench_inject_from(struct bench *b, int whose, const char *from, const struct sctp_hdr *h, const uint8_t *chunks, size_t len);
bool seen_has(const struct seen *p, uint8_t type);

/* Linux's structs that end in a list, without it: what it is of may stand behind them. */
struct key_head { sctp_assoc_t sca_assoc_id; uint16_t sca_keynumber, sca_keylength; };
struct hmacs_head { uint32_t shmac_num_idents; };
struct chunks_head { sctp_assoc_t gauth_assoc_id; uint32_t gauth_number_of_chunks; };
struct reset_head { sctp_assoc_t srs_assoc_id; uint16_t srs_flags, srs_number_streams; };

/* ---- calls ---- */
struct got { ssize_t n; int flags; struct sctp_rcvinfo info; bool has_info; struct sockaddr_storage from; uint8_t data[70000]; };
const struct got *call_recv(struct sock *sk);          /* static: until the next one */
struct sock *one(struct stack *s);                     /* AF_INET, SOCK_STREAM */
struct sock *many(struct stack *s);
struct sock *listening(struct sock *sk, const char *addr, uint16_t port);
/* A pair of one-to-one sockets that are connected: by b's port 7. */
void connected(struct bench *b, struct sock **ret_a, struct sock **ret_b);
struct assoc *assoc_at(struct sock *sk);
int set_int(struct sock *sk, int name, int v);
void events_on(struct sock *sk);                       /* all notifications but those of keys, and struct sctp_rcvinfo */
struct wish_sent { uint16_t stream, flags; uint32_t ppid, context; sctp_assoc_t id; const char *to; uint16_t port; struct sctp_prinfo *pr; uint16_t key; };
ssize_t call_sendmsg(struct sock *sk, const void *data, size_t len, const struct wish_sent *w);
