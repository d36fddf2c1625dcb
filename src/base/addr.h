/*
 * One IP address type for both families: sixteen octets, IPv4 as ::ffff:a.b.c.d. "Any" comes in two kinds, :: and
 * ::ffff:0.0.0.0, because a dual-stack wildcard and an IPv4 wildcard are different things.
 */
#pragma once
#include "base/types.h"

struct addr { uint8_t b[16]; };

#define ADDR_TEXT_MAX 46
extern const struct addr addr_any6, addr_any4, addr_loop6, addr_loop4, addr_bcast4;

struct addr addr_v4(uint32_t host_order);
struct addr addr_v4_octets(const uint8_t octets[4]);
struct addr addr_v6_octets(const uint8_t octets[16]);
uint32_t addr_to_v4(const struct addr *a);              /* host order; a must be IPv4 */
/* What every packet is asked, and so in line. */
static inline bool addr_eq(const struct addr *a, const struct addr *b) { return memcmp(a, b, sizeof *a) == 0; }
static inline bool addr_is_v4(const struct addr *a) { return memcmp(a->b, (const uint8_t[12]){[10] = 0xff, 0xff}, 12) == 0; }
/* Of either kind. */
static inline bool addr_is_any(const struct addr *a) { return addr_eq(a, &addr_any6) || addr_eq(a, &addr_any4); }
/* 127/8 or ::1 */
static inline bool addr_is_loopback(const struct addr *a) { return addr_is_v4(a) ? a->b[12] == 127 : addr_eq(a, &addr_loop6); }
/* 224/4 or ff00::/8 */
static inline bool addr_is_multicast(const struct addr *a) { return addr_is_v4(a) ? a->b[12] >> 4 == 0xe : a->b[0] == 0xff; }
bool addr_is_linklocal(const struct addr *a);           /* 169.254/16 or fe80::/10 */
int addr_cmp(const struct addr *a, const struct addr *b);
/* Prefixes: plen counts from the family's own start (24 in 10.0.0.0/24), and both must be of one family to match. */
bool addr_in_prefix(const struct addr *a, const struct addr *prefix, unsigned plen);
struct addr addr_mask(const struct addr *a, unsigned plen);
struct addr addr_last(const struct addr *a, unsigned plen);       /* the broadcast address of an IPv4 prefix */
struct addr addr_solicited_node(const struct addr *a);            /* RFC 4291 §2.7.1 */
int addr_parse(struct addr *ret, const char *text);               /* 0 or -EINVAL; no scope id */
int addr_parse_prefix(struct addr *ret, unsigned *ret_plen, const char *text); /* "10.0.0.1/24"; no slash = host prefix */
const char *addr_text(char buf[ADDR_TEXT_MAX], const struct addr *a);          /* RFC 5952; returns buf */

struct mac { uint8_t b[6]; };
extern const struct mac mac_bcast;
#define MAC_TEXT_MAX 18
const char *mac_text(char buf[MAC_TEXT_MAX], const struct mac *m);
