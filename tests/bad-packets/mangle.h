/*
 * Systematic bad packets: a packet that would be right, with up to three of its fields changed.
 *
 * All changes of one field are tried, every pair of them when asked for all, and pairs and triples drawn from a seed. A field is a number in the
 * packet; small ones take every value, larger ones those at which lengths, counts and sequence numbers tend to break. Checksums are made right
 * again, where their place still is where it was, unless they are what was changed: else all would end there.
 *
 * A target is a host in some state, the packet that would be right then, and what has to hold afterwards.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BAD_PACKET_MAX = 256, CHANGES_MAX = 3, FIELDS_MAX = 64 };

/* The bits of mask, in the `octets` octets that begin at `at`. */
struct field { const char *name; uint16_t at; uint8_t octets; uint32_t mask; };

struct change { const struct field *field; uint32_t value; };

struct bad_packet {
	uint8_t data[BAD_PACKET_MAX];
	size_t len;
	struct change change[CHANGES_MAX];
	int n_changes;
};

struct target {
	const char *name;
	bool v6;
	const struct field *fields[3];        /* tables, each ended by a field without a name, and where in the packet they begin */
	uint16_t start[3];
	int arg;
	void *(*open)(const struct target *t);
	size_t (*packet)(void *world, uint8_t *to);
	void (*mend)(void *world, struct bad_packet *p);
	/* Takes the packet. NULL, or what was wrong with what came of it; *ret_spent: the world is not what it was. */
	const char *(*receive)(void *world, const struct bad_packet *p, bool *ret_spent);
	const char *(*check)(void *world);    /* the host still does what it has to: NULL, or what it does not do */
	void (*close)(void *world);
};

extern const struct field fields_eth[], fields_ip4[], fields_ip6[], fields_tcp[], fields_tcp_options[], fields_udp[], fields_icmp[], fields_nd[], fields_ra[],
	fields_igmp[], fields_mld[], fields_arp[], fields_fragment[], fields_extension[];
extern const struct target tcp_targets[], host_targets[];       /* ended by one without a name */

bool changed(const struct bad_packet *p, const char *name);
void mend_ip4(struct bad_packet *p, size_t at);                 /* the header checksum */
void mend_transport(struct bad_packet *p, size_t ip_at, size_t at, uint8_t proto, const char *field);

/* Work is counted in what it allocates and what it sends. */
enum { ALLOCATIONS_MAX = 40, OCTETS_MAX = 256 << 10, ANSWERS_MAX = 4 };
struct work { unsigned long allocations, octets; };
extern struct work work;
static inline void work_begin(void) { work = (struct work){0, 0}; }
const char *work_end(void);                                     /* NULL, or that it was too much */

struct runs { unsigned long singles, pairs, drawn; };
bool mangle(const struct target *t, unsigned long drawn, bool all_pairs, uint64_t seed, struct runs *runs);
