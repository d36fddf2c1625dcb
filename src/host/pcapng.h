/*
 * Captures as pcapng: blocks in the machine's own octet order, written into memory and found again there.
 *
 *     section   interface …   packet packet packet …
 *
 * Each writer answers how many octets it wrote, or 0 when they do not fit.
 */
#pragma once
#include <sys/types.h>
#include "base/addr.h"
#include "base/types.h"

#define PCAPNG_ETHERNET 1     /* LINKTYPE_… */
#define PCAPNG_RAW_IP 101

enum { PCAPNG_SECTION = 0x0a0d0d0a, PCAPNG_INTERFACE = 1, PCAPNG_STATISTICS = 5, PCAPNG_PACKET = 6 };

struct pcapng_packet {
	uint32_t interface;           /* in the order in which they were described */
	time_ns when;                 /* since 1970 */
	const uint8_t *data;
	uint32_t len;
	bool inbound;                 /* else outbound */
	const char *comment;          /* NULL: none */
	uint64_t missed;              /* packets that were not captured since the one before */
};

/* mac NULL: it has none. Times are in nanoseconds. */
size_t pcapng_section(uint8_t *to, size_t size, const char *application);
size_t pcapng_interface(uint8_t *to, size_t size, uint16_t linktype, const char *name, const struct mac *mac);
size_t pcapng_packet(uint8_t *to, size_t size, const struct pcapng_packet *p);
/* At the end: packets that were missed behind the last one. */
size_t pcapng_statistics(uint8_t *to, size_t size, uint32_t interface, time_ns when, uint64_t missed);

/*
 * Of an interface: its linktype; -EPROTO when its times are not in nanoseconds. Of a packet: interface, when, inbound, data and comment, which stay where they
 * are. missed: of a packet or statistics.
 */
struct pcapng_block {
	uint32_t type;
	size_t len;
	uint16_t linktype, comment_len;
	uint32_t interface, data_len;
	time_ns when;
	bool inbound;
	const uint8_t *data;
	const char *comment;                  /* not ended; NULL: none */
	uint64_t missed;
};
/* The block that begins at `at`: its length, 0 when it is not all there yet, -EPROTO when it is none. */
ssize_t pcapng_read(const uint8_t *at, size_t len, struct pcapng_block *ret);
