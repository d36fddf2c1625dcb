/*
 * One virtual host on a bench: frames go in, frames come out, time moves when told to.
 *
 *     eth0  02:00:00:00:00:01   10.0.0.1/24   2001:db8::1/64        the wire towards 10.0.0.2 (02:…:02) and others
 *     eth1  02:00:00:00:01:01   10.0.1.1/24   2001:db8:1::1/64
 *     lo    127.0.0.1/8 ::1                                         brings everything back
 *
 * Tests read as sentences:
 *
 *     receives(l, .src = "10.0.0.2", .dst = "10.0.0.1", .proto = IP_PROTO_ICMP, .data = echo, .len = 8);
 *     sends(l, .src = "10.0.0.1", .dst = "10.0.0.2", .icmp = {ICMP4_ECHO_REPLY, 0});
 *     drops(l, DROP_IP_TTL);
 *     sends_nothing(l);
 */
#pragma once
#include "../unit/unit.h"
#include "stack/core/netif.h"
#include "stack/core/route.h"
#include "stack/core/stack.h"
#include "stack/core/sysctl.h"
#include "stack/inet/inet.h"
#include "wire/wire.h"

struct lab {
	struct stack *s;
	struct netif *lo, *eth0, *eth1;
	struct list sent;                     /* struct packet: frames that left by eth0 and eth1; packet.netif tells which */
	struct list looped;                   /* in flight on lo */
	uint64_t seen_drops[DROP_COUNT];      /* as of the last drops() */
	uint64_t random;
	struct packet *held;                  /* the frame that sends() returned last */
	struct packet *last_dropped;          /* a copy, for tests that read what was dropped */
};

extern const struct mac mac_us, mac_us1, mac_peer, mac_peer1;

int lab_open(void **state);                   /* cmocka set-up and tear-down; state is the lab */
int lab_close(void **state);
/* Neighbours 10.0.0.2, 2001:db8::2 and fe80::2 on eth0, 10.0.1.2 and 2001:db8:1::2 on eth1 are known and fresh. */
int lab_open_acquainted(void **state);
void lab_acquaint(struct lab *l);             /* makes them fresh again, after time has passed */
void lab_settle(struct lab *l);               /* everything due now happens */
void lab_pass(struct lab *l, time_ns ns);     /* time passes, deadline by deadline */
struct addr lab_addr(const char *text);

/* ---- in ---- */

struct dgram {
	const char *src, *dst;                /* tell the family; 10.0.0.2 to 10.0.0.1 when left out */
	uint8_t proto, ttl, tos;              /* 64 hops when left out */
	uint16_t id, frag_off;
	bool df, mf;
	const void *opt; uint8_t opt_len;
	const void *data; size_t len;
	const struct mac *from, *to;          /* the peer and us, or the group's, when left out */
};
struct packet *lab_frame(const struct dgram *d);              /* as a frame */
uint8_t *lab_ip(struct packet *frame);                        /* its IP header, to be spoilt */
void lab_fix_csum(struct packet *frame);                      /* IPv4's header checksum, after that */
void lab_receive(struct lab *l, struct netif *nif, struct packet *frame);    /* and settles */
#define frame_of(...) lab_frame(&(struct dgram){__VA_ARGS__})
#define receives(l, ...) lab_receive(l, (l)->eth0, frame_of(__VA_ARGS__))

/* ---- out ---- */

struct want {
	const struct netif *by;
	const struct mac *to, *from;
	const char *arp_asks, *arp_tells;     /* an ARP request for, an ARP reply about */
	const char *src, *dst;
	uint8_t proto, ttl;
	bool icmp_any; struct { int type, code; } icmp; /* not checked when both are 0, unless icmp_any (an echo reply is 0, 0) */
	uint32_t rest;
	const char *nd_target;
	int frag_off, more;                   /* 1 + what is wanted */
	size_t len;                           /* of the IP datagram */
	const void *data; size_t data_len;    /* how the transport message begins */
};
/* The next frame sent is like this; the packet is returned until the next call, so that more can be asked of it. */
struct packet *lab_expect(struct lab *l, const struct want *w, const char *file, int line);
#define sends(l, ...) lab_expect(l, &(struct want){__VA_ARGS__}, __FILE__, __LINE__)
void lab_expect_nothing(struct lab *l, const char *file, int line);
#define sends_nothing(l) lab_expect_nothing(l, __FILE__, __LINE__)

/* Exactly one packet was dropped since the last question, for this reason. */
void lab_expect_drop(struct lab *l, enum drop_reason why, const char *file, int line);
#define drops(l, why) lab_expect_drop(l, why, __FILE__, __LINE__)
#define drops_nothing(l) lab_expect_drop(l, DROP_NONE, __FILE__, __LINE__)

/* ---- messages ---- */

size_t lab_echo(uint8_t *to, bool v6, const char *src, const char *dst, size_t payload);  /* an ICMP echo request; to has 8 + payload octets */
size_t lab_icmp(uint8_t *to, bool v6, uint8_t type, uint8_t code, uint32_t rest, const char *src, const char *dst, const void *body, size_t len);
