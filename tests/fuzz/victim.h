/*
 * The host that is fuzzed: every kind of socket on it in every state that a stranger can bring it to, two interfaces,
 * forwarding on. What it sends is checked: well-formed, checksums right, not without bound.
 */
#pragma once
#include "stack/core/netif.h"
#include "stack/core/stack.h"
#include "stack/socket/sock.h"
#include "wire/wire.h"

#define N_PEERS 6                         /* TCP conversations, one for each state of interest */
#define N_SOCKS 12

/* The other end of a conversation, as the victim's last segment left it. */
struct peer { struct addr us, them; uint16_t lport, rport; seq32 next, acked; bool heard; };

/* An SCTP association with 10.0.0.2, port 3000, as the victim's packets tell of it. */
struct partner { uint32_t tag; seq32 last; uint8_t cookie[1024]; uint16_t cookie_len; };
#define PARTNER_PORT 3000
#define PARTNER_TAG 0x5c7b
#define PARTNER_TSN 1000
#define SCTP_PORT 9000

struct victim {
	struct stack *s;
	struct netif *lo, *eth0, *eth1;
	struct list looped;
	struct peer peers[N_PEERS];
	struct partner partner;
	struct sock *socks[N_SOCKS];          /* NULL once closed */
	uint8_t last[256]; size_t last_len;   /* the IP datagram it sent last, to be quoted by ICMP */
	uint64_t random;
	unsigned sent;                        /* frames since the last command */
};

void victim_open(struct victim *v);
void victim_close(struct victim *v);
void victim_receive(struct victim *v, const uint8_t *frame, size_t len);   /* on eth0; and settles */
void victim_pass(struct victim *v, time_ns ns);
/* A segment from a peer, as expected next but for the differences; a whole frame in buf, its length. */
struct segment { uint8_t flags; uint32_t seq_off, ack_off; uint16_t wnd; struct tcp_opts opts; const uint8_t *data; size_t len; };
size_t victim_segment(const struct victim *v, const struct peer *p, const struct segment *seg, uint8_t *buf);
size_t victim_datagram(const struct victim *v, const struct addr *src, const struct addr *dst, uint8_t proto, const uint8_t *data, size_t len, uint8_t *buf);
/* An SCTP packet of the partner's; a whole frame in buf, its length. */
size_t victim_chunks(const struct victim *v, uint32_t vtag, const uint8_t *chunks, size_t len, uint8_t *buf);
void victim_fix_checksums(uint8_t *frame, size_t len);                       /* of a frame that was changed, where it still has them */
