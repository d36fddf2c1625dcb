/*
 * Reassembly of fragments, both families. Read first: RFC 791 §3.2, RFC 8200 §4.5, RFC 5722, RFC 8900.
 *
 *     bitmap, a bit for 8 octets   |11111111........1111|........     each fragment sets its bits
 *     fragments, as they came       [0..63] [128..159]                copied to their places when no bit is missing
 *
 * The bitmap makes overlap and completeness a question of a few words, whatever order fragments come in: nothing is
 * sorted or searched, and there is no quadratic case.
 */
#pragma once
#include "stack/core/stack.h"

#define FRAG_BLOCKS 8192          /* 65,536 octets in blocks of 8 */

/* One fragment: how its packet is cut. The packet's data begins at the IP header. */
struct frag {
	uint32_t id, offset;          /* offset in octets */
	uint8_t proto;                /* IPv4: of the datagram. IPv6: what the fragment header says comes next */
	bool more;
	size_t unfrag_len;            /* headers that stay in front of the reassembled data */
	size_t hdr_len;               /* all headers, with IPv6's fragment header */
	size_t next_at;               /* IPv6: where the octet stands that said "fragment" */
};

struct frag_table {
	struct hash by_id;
	struct list oldest;           /* datagrams in the making, oldest first */
	uint64_t mem_bytes;
};

void frag_table_init(struct frag_table *t);
void frag_table_free(struct stack *s);
/* Of one family: datagrams in the making, and what they hold. */
struct frag_use { uint32_t n; uint64_t mem_bytes; };
struct frag_use frag_use(const struct stack *s, bool v4);
/* Takes p. The whole datagram (data = IP header) when this fragment completes it, else NULL. */
struct packet *frag_receive(struct stack *s, struct packet *p, const struct frag *f);
