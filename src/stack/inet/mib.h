/*
 * What the MIBs of SNMP count, and /proc/net/snmp shows: datagrams and messages in and out, by family. What was dropped, and why, stack_drop counts.
 * Octets that the host carries past the stack are in none of them.
 */
#pragma once
#include "stack/core/stack.h"

enum mib_family { MIB_V4, MIB_V6, MIB_FAMILIES };

struct mib_ip { uint64_t received, delivered, unknown, forwarded, sent, no_routes, asked_reassembly, reassembled, cut, pieces; };
struct mib_icmp { uint64_t received, sent; uint32_t received_of[256], sent_of[256]; };   /* by type */
struct mib_udp { uint64_t received, sent; };

struct mib {
	struct mib_ip ip[MIB_FAMILIES];
	struct mib_icmp icmp[MIB_FAMILIES];
	struct mib_udp udp[MIB_FAMILIES], udplite[MIB_FAMILIES];
	struct { uint64_t active_opens, passive_opens, attempt_fails, established_resets, received, sent, resets_sent; } tcp;
	/* [0] what is received, [1] what is sent */
	struct { uint64_t now[2], set[2], rekeyed[2], rekey_errors[2], decrypt_errors, padded, key_updates; } tls;
	uint64_t drops[MIB_FAMILIES][DROP_COUNT];
};

static inline enum mib_family mib_family(bool v4) { return v4 ? MIB_V4 : MIB_V6; }
/* A transport message: data is its header, len octets of it are there. */
void mib_received(struct stack *s, bool v4, uint8_t proto, const uint8_t *data, size_t len);
void mib_sent(struct stack *s, bool v4, uint8_t proto, const uint8_t *data, size_t len);
void mib_dropped(struct stack *s, const struct packet *p, enum drop_reason why);
